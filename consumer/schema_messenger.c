/* What Messenger takes, with its limits (meta-webhooks-and-messaging.md 8). */

#include "messaging.h"


static const char *const  notifications[] = {
    "REGULAR", "SILENT_PUSH", "NO_PUSH", NULL
};


static int no_caption(const struct json *j, const char *path,
    struct fault *f)
{
    return fault_set(f, path, NULL, json_text(j), "an attachment of Messenger"
                     " has no caption: send it as a text of its own");
}


/* a file was uploaded before its message is written */
static const struct member  media_members[] = {
    { .name = "link", .shape = SHAPE_URL, .one_of = 1 },
    { .name = "id", .shape = SHAPE_ID, .one_of = 1 },
    { .name = "file", .shape = SHAPE_TEXT, .one_of = 1 },
    { .name = "reusable", .shape = SHAPE_BOOL },
    { .name = "caption", .shape = SHAPE_ANY, .whole = no_caption }
};
static const struct schema  media_schema = SCHEMA(media_members);


static int media_whole(const struct json *j, const char *path,
    struct fault *f)
{
    char  full[SCHEMA_PATH_MAX];

    if (json_get(j, "reusable") == NULL || json_get(j, "link") != NULL) {
        return 0;
    }

    schema_join(full, path, STR("reusable"));

    return fault_set(f, full, NULL, NONE, "goes with link");
}


static const struct member  media = {
    .shape = SHAPE_OBJECT, .of = &media_schema, .whole = media_whole
};


/* three died on one day, the others never were */
static int tag_whole(const struct json *j, const char *path,
    struct fault *f)
{
    size_t                    i;
    struct str                tag = json_text(j);
    static const char *const  dead[] = {
        "ACCOUNT_UPDATE", "CONFIRMED_EVENT_UPDATE", "POST_PURCHASE_UPDATE"
    };

    if (str_is(tag, "HUMAN_AGENT") || str_is(tag, "CUSTOMER_FEEDBACK")) {
        return 0;
    }

    for (i = 0; i < sizeof(dead) / sizeof(dead[0]); i++) {
        if (str_is(tag, dead[i])) {
            return fault_set(f, path, "HUMAN_AGENT, CUSTOMER_FEEDBACK", tag,
                             "Meta ended %s on 27 April 2026 and answers it"
                             " with error 100; utility message templates took"
                             " its place", dead[i]);
        }
    }

    return fault_set(f, path, "HUMAN_AGENT, CUSTOMER_FEEDBACK", tag, "must be"
                     " HUMAN_AGENT (within 7 days, by a human) or"
                     " CUSTOMER_FEEDBACK (within 7 days, the feedback"
                     " template)");
}


static const struct member  tag = {
    .shape = SHAPE_TEXT, .whole = tag_whole
};

static const struct member  notification = {
    .shape = SHAPE_TEXT, .words = notifications
};

/* a body of one's own: what the reference names is checked */
static const char *const  attachment_types[] = {
    "image", "audio", "video", "file", "template", NULL
};
static const char *const  quick_types[] = {
    "text", "user_phone_number", "user_email", NULL
};
static const char *const  message_types[] = {
    "RESPONSE", "UPDATE", "MESSAGE_TAG", NULL
};
static const char *const  sender_actions[] = {
    "mark_seen", "typing_on", "typing_off", NULL
};

static const struct member  quick_members[] = {
    { .name = "content_type", .shape = SHAPE_TEXT, .needed = true,
      .words = quick_types },
    { .name = "title", .shape = SHAPE_TEXT, .max = 20 },
    { .name = "payload", .shape = SHAPE_TEXT, .max = 1000, .empty = true },
    { .name = "image_url", .shape = SHAPE_URL }
};
static const struct schema  quick_schema = SCHEMA_OPEN(quick_members);
static const struct member  quick = {
    .shape = SHAPE_OBJECT, .of = &quick_schema
};

static const struct member  attachment_members[] = {
    { .name = "type", .shape = SHAPE_TEXT, .needed = true,
      .words = attachment_types },
    { .name = "payload", .shape = SHAPE_OBJECT, .needed = true }
};
static const struct schema  attachment_schema =
    SCHEMA_OPEN(attachment_members);

static const struct member  message_members[] = {
    { .name = "text", .shape = SHAPE_TEXT, .max = 1999 },
    { .name = "metadata", .shape = SHAPE_TEXT, .max = 999 },
    { .name = "quick_replies", .shape = SHAPE_LIST, .max = 13,
      .item = &quick },
    { .name = "attachment", .shape = SHAPE_OBJECT, .of = &attachment_schema,
      .whole = check_payload }
};
static const struct schema  message_schema = SCHEMA_OPEN(message_members);

static const struct member  raw_members[] = {
    { .name = "messaging_type", .shape = SHAPE_TEXT, .words = message_types },
    { .name = "tag", .shape = SHAPE_TEXT, .whole = tag_whole },
    { .name = "notification_type", .shape = SHAPE_TEXT,
      .words = notifications },
    { .name = "persona_id", .shape = SHAPE_ID },
    { .name = "sender_action", .shape = SHAPE_TEXT, .words = sender_actions,
      .one_of = 1 },
    { .name = "message", .shape = SHAPE_OBJECT, .of = &message_schema,
      .one_of = 1 }
};
static const struct schema  raw_schema = SCHEMA_OPEN(raw_members);
static const struct member  raw = {
    .shape = SHAPE_OBJECT, .of = &raw_schema
};


/* content_messenger: NULL where it has none */
const struct member *content_messenger(enum content content)
{
    switch (content) {
    case CONTENT_IMAGE:
    case CONTENT_VIDEO:
    case CONTENT_AUDIO:
    case CONTENT_DOCUMENT:
        return &media;
    case CONTENT_GENERIC:
        return &messaging_generic;
    case CONTENT_BUTTONS:
        return &messaging_buttons;
    case CONTENT_LIST:
        return &messaging_list;
    default:
        return NULL;
    }
}


static int check_word(const struct check_of *c, const char *text,
    const char *name, const struct member *m, struct fault *f)
{
    char         path[SCHEMA_PATH_MAX];
    struct json  value = { .type = JSON_STRING };

    if (text == NULL) {
        return 0;
    }

    schema_join(path, c->path, STR(name));
    value.text = STR(text);

    return schema_check(&value, m, path, c->place->values, f);
}


/* "feedback template only": which no content of the grammar is */
static int check_feedback(const struct check_of *c, struct fault *f)
{
    char         path[SCHEMA_PATH_MAX];
    const char  *text = c->action->message_tag;

    if (text == NULL || strcmp(text, "CUSTOMER_FEEDBACK") != 0) {
        return 0;
    }

    schema_join(path, c->path, STR("tag"));

    return fault_set(f, path, NULL, STR(text), "goes with the feedback"
                     " template only, which is sent as raw");
}


/* what a raw body sets stands in it, not beside it */
static int check_own(const struct check_of *c, struct fault *f)
{
    char                      path[SCHEMA_PATH_MAX];
    const struct action      *a = c->action;
    static const char *const  ours[] = {
        "recipient", "to", "recipient_type", "messaging_product",
        "biz_opaque_callback_data", "access_token", NULL
    };

    if (a->quote || a->message_tag != NULL || a->persona != NULL
        || a->notification != NULL)
    {
        return fault_set(f, c->path, NULL, NONE, "with raw these stand in it:"
                         " reply_to, tag, persona_id, notification_type");
    }

    schema_join(path, c->path, STR("raw"));

    return check_raw(c, ours, f) != 0 ? -1
           : schema_check(c->content, &raw, path, c->place->values, f);
}


static int check_message(const struct check_of *c, struct fault *f)
{
    const struct action  *a = c->action;

    if (a->content == CONTENT_RAW) {
        return check_own(c, f);
    }

    if ((a->content == CONTENT_TEXT && check_text(c, PRODUCT_MESSENGER, f))
        || check_quick(c, f) != 0
        || check_word(c, a->message_tag, "tag", &tag, f) != 0
        || check_feedback(c, f) != 0
        || check_word(c, a->notification, "notification_type", &notification,
                      f) != 0)
    {
        return -1;
    }

    return 0;
}


/* to an app, or what there is without one */
static int check_handover(const struct check_of *c, struct fault *f)
{
    size_t                    i;
    const char               *to = c->action->to;
    static const char *const  words[] = { "take", "request", "release" };

    for (i = 0; i < 3 && strcmp(to, words[i]) != 0; i++) { }

    return i < 3 || str_digits(STR(to)) ? 0
           : fault_set(f, "handover.to", "an app's id, take, request,"
                       " release", STR(to), "must be the id of an app, or"
                       " take, request or release");
}


/* check_messenger: what the tables of its contents do not say */
int check_messenger(const struct check_of *c, struct fault *f)
{
    if (check_place(c, f) != 0) {
        return -1;
    }

    switch (c->action->kind) {

    case ACTION_REPLY:
    case ACTION_SEND:
        return check_message(c, f);

    case ACTION_PRIVATE_REPLY:
        return check_text(c, PRODUCT_MESSENGER, f);

    case ACTION_HANDOVER:
        return check_handover(c, f);

    case ACTION_REACT:
        return fault_set(f, c->path, NULL, NONE, "Meta documents no reaction"
                         " that a Page could send");

    default:
        return 0;
    }
}
