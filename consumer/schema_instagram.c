/* What Instagram takes, with its limits (meta-webhooks-and-messaging.md 9). */

#include "messaging.h"


static int no_file(const struct json *j, const char *path, struct fault *f)
{
    return fault_set(f, path, NULL, json_text(j), "Instagram fetches what it"
                     " sends: give a link");
}


static int no_caption(const struct json *j, const char *path,
    struct fault *f)
{
    return fault_set(f, path, NULL, json_text(j), "an attachment of Instagram"
                     " has no caption: send it as a text of its own");
}


static const struct member  link_member = { .shape = SHAPE_URL };

static const struct member  image_members[] = {
    { .name = "link", .shape = SHAPE_URL, .one_of = 1 },
    { .name = "links", .shape = SHAPE_LIST, .max = 10, .item = &link_member,
      .one_of = 1 },
    { .name = "file", .shape = SHAPE_ANY, .one_of = 1, .whole = no_file },
    { .name = "caption", .shape = SHAPE_ANY, .whole = no_caption }
};
static const struct schema  image_schema = SCHEMA(image_members);
static const struct member  image = {
    .shape = SHAPE_OBJECT, .of = &image_schema
};

static const struct member  media_members[] = {
    { .name = "link", .shape = SHAPE_URL, .one_of = 1 },
    { .name = "id", .shape = SHAPE_ID, .one_of = 1 },
    { .name = "file", .shape = SHAPE_ANY, .one_of = 1, .whole = no_file },
    { .name = "caption", .shape = SHAPE_ANY, .whole = no_caption }
};
static const struct schema  media_schema = SCHEMA(media_members);
static const struct member  media = {
    .shape = SHAPE_OBJECT, .of = &media_schema
};

static const char *const  stickers[] = { "like_heart", NULL };

static const struct member  sticker_members[] = {
    { .name = "id", .shape = SHAPE_TEXT, .needed = true, .words = stickers }
};
static const struct schema  sticker_schema = SCHEMA(sticker_members);
static const struct member  sticker = {
    .shape = SHAPE_OBJECT, .of = &sticker_schema
};

/* a body of one's own: what the reference names is checked */
static const char *const  attachment_types[] = {
    "image", "audio", "video", "file", "template", "like_heart",
    "MEDIA_SHARE", NULL
};
static const char *const  message_types[] = {
    "RESPONSE", "UPDATE", "MESSAGE_TAG", NULL
};
static const char *const  tags[] = { "HUMAN_AGENT", NULL };
static const char *const  quick_types[] = { "text", NULL };
static const char *const  sender_actions[] = {
    "mark_seen", "typing_on", "typing_off", "react", "unreact", NULL
};

static const struct member  quick_members[] = {
    { .name = "content_type", .shape = SHAPE_TEXT, .needed = true,
      .words = quick_types },
    { .name = "title", .shape = SHAPE_TEXT, .max = 20 },
    { .name = "payload", .shape = SHAPE_TEXT, .max = 1000, .empty = true }
};
static const struct schema  quick_schema = SCHEMA_OPEN(quick_members);
static const struct member  quick = {
    .shape = SHAPE_OBJECT, .of = &quick_schema
};

static const struct member  attachment_members[] = {
    { .name = "type", .shape = SHAPE_TEXT, .needed = true,
      .words = attachment_types },
    { .name = "payload", .shape = SHAPE_OBJECT }
};
static const struct schema  attachment_schema =
    SCHEMA_OPEN(attachment_members);
static const struct member  attachment = {
    .shape = SHAPE_OBJECT, .of = &attachment_schema
};


/* a list of up to ten images, or one object */
static int attachments_whole(const struct json *j, const char *path,
    struct fault *f)
{
    static const struct member  list = {
        .shape = SHAPE_LIST, .max = 10, .item = &attachment
    };

    return schema_check(j, json_is(j, JSON_ARRAY) ? &list : &attachment,
                        path, true, f);
}


static const struct member  message_members[] = {
    { .name = "text", .shape = SHAPE_TEXT, .max = 1000, .unit = UNIT_BYTES },
    { .name = "quick_replies", .shape = SHAPE_LIST, .max = 13,
      .item = &quick },
    { .name = "attachment", .shape = SHAPE_OBJECT, .of = &attachment_schema,
      .whole = check_payload },
    { .name = "attachments", .shape = SHAPE_ANY,
      .whole = attachments_whole }
};
static const struct schema  message_schema = SCHEMA_OPEN(message_members);

static const struct member  raw_members[] = {
    { .name = "messaging_type", .shape = SHAPE_TEXT, .words = message_types },
    { .name = "tag", .shape = SHAPE_TEXT, .words = tags },
    { .name = "sender_action", .shape = SHAPE_TEXT, .words = sender_actions,
      .one_of = 1 },
    { .name = "message", .shape = SHAPE_OBJECT, .of = &message_schema,
      .one_of = 1 }
};
static const struct schema  raw_schema = SCHEMA_OPEN(raw_members);
static const struct member  raw = {
    .shape = SHAPE_OBJECT, .of = &raw_schema
};


/* content_instagram: NULL where it has none */
const struct member *content_instagram(enum content content)
{
    switch (content) {
    case CONTENT_IMAGE:
        return &image;
    case CONTENT_VIDEO:
    case CONTENT_AUDIO:
    case CONTENT_DOCUMENT:
        return &media;
    case CONTENT_STICKER:
        return &sticker;
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


static int check_tag(const struct check_of *c, struct fault *f)
{
    char         path[SCHEMA_PATH_MAX];
    const char  *text = c->action->message_tag;

    if (text == NULL || strcmp(text, "HUMAN_AGENT") == 0) {
        return 0;
    }

    schema_join(path, c->path, STR("tag"));

    return fault_set(f, path, "HUMAN_AGENT", STR(text), "must be HUMAN_AGENT"
                     " (within 7 days, by a human): Instagram has no other");
}


static int check_own(const struct check_of *c, struct fault *f)
{
    char                      path[SCHEMA_PATH_MAX];
    static const char *const  ours[] = {
        "recipient", "to", "recipient_type", "messaging_product",
        "biz_opaque_callback_data", "access_token", NULL
    };

    schema_join(path, c->path, STR("raw"));

    if (c->action->message_tag != NULL) {
        return fault_set(f, path, NULL, NONE, "with raw the tag stands in"
                         " it");
    }

    return check_raw(c, ours, f) != 0 ? -1
           : schema_check(c->content, &raw, path, c->place->values, f);
}


/* a list's text is a text */
static int check_length(const struct check_of *c, struct fault *f)
{
    char                        path[SCHEMA_PATH_MAX];
    const struct json          *text = json_get(c->content, "text");
    static const struct member  m = {
        .shape = SHAPE_TEXT, .max = 1000, .unit = UNIT_BYTES
    };

    if (c->action->content == CONTENT_TEXT) {
        return check_text(c, PRODUCT_INSTAGRAM, f);
    }

    if (c->action->content != CONTENT_LIST) {
        return 0;
    }

    schema_join(path, c->path, STR("list.text"));

    return schema_check(text, &m, path, c->place->values, f);
}


static int check_message(const struct check_of *c, struct fault *f)
{
    const struct action  *a = c->action;

    if (a->content == CONTENT_RAW) {
        return check_own(c, f);
    }

    if (a->quick.n && a->content != CONTENT_TEXT) {
        return fault_set(f, c->path, NULL, NONE, "on Instagram quick_replies"
                         " go with text");
    }

    return check_length(c, f) != 0 || check_quick(c, f) != 0 ? -1
           : check_tag(c, f);
}


/* "love" is the one that is documented; people write its heart, with or
   without the selector that makes it red */
static int check_emoji(const struct check_of *c, struct fault *f)
{
    const char  *emoji = c->action->emoji;

    return *emoji == '\0' || instagram_love(emoji) ? 0
           : fault_set(f, "react.emoji", "love", STR(emoji), "must be love or"
                       " \xe2\x9d\xa4, or empty to take it back: Meta"
                       " documents no other");
}


/* check_instagram: what the tables of its contents do not say */
int check_instagram(const struct check_of *c, struct fault *f)
{
    if (check_place(c, f) != 0) {
        return -1;
    }

    switch (c->action->kind) {

    case ACTION_REPLY:
    case ACTION_SEND:
        return check_message(c, f);

    case ACTION_PRIVATE_REPLY:
        return check_text(c, PRODUCT_INSTAGRAM, f);

    case ACTION_REACT:
        return check_emoji(c, f);

    case ACTION_HANDOVER:
        return fault_set(f, c->path, NULL, NONE, "Meta documents it for"
                         " Messenger alone");

    default:
        return 0;
    }
}
