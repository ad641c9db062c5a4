/* What WhatsApp takes, with its limits (meta-webhooks-and-messaging.md 7). */

#include "channel.h"

#include <stdio.h>


#define WHATSAPP_BUTTONS    3
#define WHATSAPP_BUTTON_ID  256
#define WHATSAPP_ROWS       10
#define WHATSAPP_ROW_ID     200
#define WHATSAPP_TITLE      20


/* media by id, link or file of this machine; captions of 1024 characters
   (7.1) */
#define SOURCE                                                               \
    { .name = "id", .shape = SHAPE_ID, .one_of = 1 },                        \
    { .name = "link", .shape = SHAPE_URL, .one_of = 1 },                     \
    { .name = "file", .shape = SHAPE_TEXT, .one_of = 1 }
#define CAPTION  { .name = "caption", .shape = SHAPE_TEXT, .max = 1024 }

static const struct member  seen_members[] = { SOURCE, CAPTION };
static const struct schema  seen_schema = SCHEMA(seen_members);
static const struct member  image = {
    .name = "image", .shape = SHAPE_OBJECT, .of = &seen_schema
};
static const struct member  video = {
    .name = "video", .shape = SHAPE_OBJECT, .of = &seen_schema
};

static const struct member  audio_members[] = {
    SOURCE, { .name = "voice", .shape = SHAPE_BOOL }
};
static const struct schema  audio_schema = SCHEMA(audio_members);
static const struct member  audio = {
    .name = "audio", .shape = SHAPE_OBJECT, .of = &audio_schema
};

static const struct member  document_members[] = {
    SOURCE, CAPTION, { .name = "filename", .shape = SHAPE_TEXT }
};
static const struct schema  document_schema = SCHEMA(document_members);
static const struct member  document = {
    .name = "document", .shape = SHAPE_OBJECT, .of = &document_schema
};

static const struct member  sticker_members[] = { SOURCE };
static const struct schema  sticker_schema = SCHEMA(sticker_members);
static const struct member  sticker = {
    .name = "sticker", .shape = SHAPE_OBJECT, .of = &sticker_schema
};


/* location (7.1) */
static const struct member  location_members[] = {
    { .name = "latitude", .shape = SHAPE_NUMBER, .needed = true, .min = -90,
      .max = 90 },
    { .name = "longitude", .shape = SHAPE_NUMBER, .needed = true,
      .min = -180, .max = 180 },
    { .name = "name", .shape = SHAPE_TEXT },
    { .name = "address", .shape = SHAPE_TEXT }
};
static const struct schema  location_schema = SCHEMA(location_members);
static const struct member  location = {
    .name = "location", .shape = SHAPE_OBJECT, .of = &location_schema
};


/* contacts (7.1, with the members of 3.3) */
static const struct member  name_members[] = {
    { .name = "formatted_name", .shape = SHAPE_TEXT, .needed = true },
    { .name = "first_name", .shape = SHAPE_TEXT },
    { .name = "last_name", .shape = SHAPE_TEXT },
    { .name = "middle_name", .shape = SHAPE_TEXT },
    { .name = "suffix", .shape = SHAPE_TEXT },
    { .name = "prefix", .shape = SHAPE_TEXT }
};
static const struct schema  name_schema = SCHEMA(name_members);

static const struct member  phone_members[] = {
    { .name = "phone", .shape = SHAPE_TEXT },
    { .name = "wa_id", .shape = SHAPE_TEXT },
    { .name = "type", .shape = SHAPE_TEXT }
};
static const struct schema  phone_schema = SCHEMA(phone_members);
static const struct member  phone = {
    .shape = SHAPE_OBJECT, .of = &phone_schema
};
static const struct member  thing = { .shape = SHAPE_OBJECT };

static const struct member  contact_members[] = {
    { .name = "name", .shape = SHAPE_OBJECT, .needed = true,
      .of = &name_schema },
    { .name = "phones", .shape = SHAPE_LIST, .empty = true, .item = &phone },
    { .name = "emails", .shape = SHAPE_LIST, .empty = true, .item = &thing },
    { .name = "addresses", .shape = SHAPE_LIST, .empty = true,
      .item = &thing },
    { .name = "urls", .shape = SHAPE_LIST, .empty = true, .item = &thing },
    { .name = "org", .shape = SHAPE_OBJECT },
    { .name = "birthday", .shape = SHAPE_TEXT },
    { .name = "vcard", .shape = SHAPE_TEXT }
};
static const struct schema  contact_schema = SCHEMA(contact_members);
static const struct member  contact = {
    .shape = SHAPE_OBJECT, .of = &contact_schema
};
static const struct member  contacts = {
    .name = "contacts", .shape = SHAPE_LIST, .item = &contact
};


/* buttons, our short form: 3 with a payload, or one with a url (7.2) */
static const struct member  button_members[] = {
    { .name = "title", .shape = SHAPE_TEXT, .needed = true,
      .max = WHATSAPP_TITLE },
    { .name = "payload", .shape = SHAPE_TEXT, .max = WHATSAPP_BUTTON_ID,
      .one_of = 1 },
    { .name = "url", .shape = SHAPE_URL, .one_of = 1 }
};
static const struct schema  button_schema = SCHEMA(button_members);
static const struct member  button = {
    .shape = SHAPE_OBJECT, .of = &button_schema
};


static int buttons_whole(const struct json *j, const char *path,
    struct fault *f)
{
    const struct json  *c;

    for (c = j->child; c != NULL; c = c->next) {
        if (json_get(c, "url") != NULL && j->child->next != NULL) {
            return fault_set(f, path, "1 with a url", NONE, "WhatsApp takes"
                             " one button with a url, and no others beside"
                             " it");
        }
    }

    return schema_unique(j, "title", path, f);
}


static const struct member  buttons_members[] = {
    { .name = "text", .shape = SHAPE_TEXT, .needed = true, .max = 1024 },
    { .name = "buttons", .shape = SHAPE_LIST, .needed = true,
      .max = WHATSAPP_BUTTONS, .item = &button, .whole = buttons_whole },
    { .name = "header", .shape = SHAPE_TEXT, .max = 60 },
    { .name = "footer", .shape = SHAPE_TEXT, .max = 60 }
};
static const struct schema  buttons_schema = SCHEMA(buttons_members);
static const struct member  buttons = {
    .name = "buttons", .shape = SHAPE_OBJECT, .of = &buttons_schema
};


/* list, our short form (7.2) */
static const struct member  row_members[] = {
    { .name = "title", .shape = SHAPE_TEXT, .needed = true, .max = 24 },
    { .name = "payload", .shape = SHAPE_TEXT, .needed = true,
      .max = WHATSAPP_ROW_ID },
    { .name = "description", .shape = SHAPE_TEXT, .max = 72 }
};
static const struct schema  row_schema = SCHEMA(row_members);
static const struct member  row = {
    .shape = SHAPE_OBJECT, .of = &row_schema
};

static const struct member  section_members[] = {
    { .name = "title", .shape = SHAPE_TEXT, .max = 24 },
    { .name = "rows", .shape = SHAPE_LIST, .needed = true,
      .max = WHATSAPP_ROWS, .item = &row }
};
static const struct schema  section_schema = SCHEMA(section_members);
static const struct member  section = {
    .shape = SHAPE_OBJECT, .of = &section_schema
};

static const struct member  list_members[] = {
    { .name = "text", .shape = SHAPE_TEXT, .needed = true, .max = 4096 },
    { .name = "button", .shape = SHAPE_TEXT, .needed = true, .max = 20 },
    { .name = "rows", .shape = SHAPE_LIST, .max = WHATSAPP_ROWS,
      .item = &row, .one_of = 1 },
    { .name = "sections", .shape = SHAPE_LIST, .max = 10, .item = &section,
      .one_of = 1, .whole = whatsapp_rows },
    { .name = "header", .shape = SHAPE_TEXT, .max = 60 },
    { .name = "footer", .shape = SHAPE_TEXT, .max = 60 }
};
static const struct schema  list_schema = SCHEMA(list_members);
static const struct member  list = {
    .name = "list", .shape = SHAPE_OBJECT, .of = &list_schema
};


/* content_whatsapp is all but Messenger's own templates */
const struct member *content_whatsapp(enum content content)
{
    static const struct member *const  contents[CONTENTS] = {
        [CONTENT_IMAGE] = &image, [CONTENT_VIDEO] = &video,
        [CONTENT_AUDIO] = &audio, [CONTENT_DOCUMENT] = &document,
        [CONTENT_STICKER] = &sticker, [CONTENT_LOCATION] = &location,
        [CONTENT_CONTACTS] = &contacts,
        [CONTENT_TEMPLATE] = &whatsapp_template,
        [CONTENT_INTERACTIVE] = &whatsapp_interactive,
        [CONTENT_BUTTONS] = &buttons, [CONTENT_LIST] = &list
    };

    return contents[content];
}


/* WhatsApp refuses two titles, and two ids, that are the same (7.2) */
static int quick_unique(const struct quick_reply *q, size_t i,
    const char *path, struct fault *f)
{
    size_t  j;

    for (j = 0; j < i; j++) {
        if (strcmp(q[i].title, q[j].title) == 0
            || strcmp(q[i].payload, q[j].payload) == 0)
        {
            return fault_set(f, path, NULL, STR(q[i].title), "\"%s\": on"
                             " WhatsApp no two titles and no two payloads"
                             " are the same", q[i].title);
        }
    }

    return 0;
}


/* up to three become buttons, up to ten rows of a list (7.2) */
static int check_quick(const struct check_of *c, struct fault *f)
{
    char                       path[SCHEMA_PATH_MAX], at[SCHEMA_PATH_MAX];
    size_t                     i, n = c->action->quick.n;
    const struct quick_reply  *q = c->action->quick.at;

    schema_join(path, c->path, STR("quick_replies"));
    if (schema_count(n, WHATSAPP_ROWS, "quick replies", path, f) != 0) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        snprintf(at, sizeof(at), "%s.quick_replies[%zu].title", c->path, i);
        if (schema_count(schema_characters(STR(q[i].title)), WHATSAPP_TITLE,
                         "characters", at, f) != 0)
        {
            return -1;
        }

        snprintf(at, sizeof(at), "%s.quick_replies[%zu].payload", c->path, i);
        if (schema_count(schema_characters(STR(q[i].payload)),
                         n <= WHATSAPP_BUTTONS ? WHATSAPP_BUTTON_ID
                         : WHATSAPP_ROW_ID, "characters", at, f) != 0)
        {
            return -1;
        }

        snprintf(at, sizeof(at), "%s.quick_replies[%zu]", c->path, i);
        if (quick_unique(q, i, at, f) != 0) {
            return -1;
        }
    }

    return 0;
}


static int check_whole_body(const struct check_of *c, struct fault *f)
{
    char                      path[SCHEMA_PATH_MAX];
    static const char *const  ours[] = {
        "recipient", "to", "recipient_type", "messaging_product",
        "biz_opaque_callback_data", "access_token", NULL
    };

    if (check_raw(c, ours, f) != 0) {
        return -1;
    }

    schema_join(path, c->path, STR("raw"));

    return json_is(json_get(c->content, "type"), JSON_STRING) ? 0
           : fault_set(f, path, NULL, NONE, "needs \"type\" and the member of"
                       " that name, as Meta's reference has them");
}


/* a quote means nothing there, and a code goes to phone numbers only:
   131062 (7.1) */
static int check_template(const struct check_of *c, struct fault *f)
{
    char                  path[SCHEMA_PATH_MAX];
    const struct target  *t = c->target;

    if (c->action->quote) {
        schema_join(path, c->path, STR("quote"));
        return fault_set(f, path, NULL, NONE, "a template quotes nothing:"
                         " WhatsApp leaves it out");
    }

    if (t == NULL || t->address != ADDRESS_USER_ID || t->phone.len
        || !whatsapp_is_code(c->content))
    {
        return 0;
    }

    return fault_set(f, c->path, "a phone number", NONE, "a template of"
                     " authentication goes to a phone number, not to a"
                     " business-scoped user id (131062)");
}


static int check_message(const struct check_of *c, struct fault *f)
{
    char  path[SCHEMA_PATH_MAX];

    if (c->action->quick.n && c->action->content != CONTENT_TEXT) {
        schema_join(path, c->path, STR("quick_replies"));
        return fault_set(f, path, NULL, NONE, "go with text on WhatsApp");
    }

    switch (c->action->content) {
    case CONTENT_TEXT:
        return check_text(c, PRODUCT_WHATSAPP, f) != 0 ? -1
               : check_quick(c, f);
    case CONTENT_RAW:
        return check_whole_body(c, f);
    case CONTENT_TEMPLATE:
        return check_template(c, f);
    default:
        return 0;
    }
}


/* check_whatsapp: what no table says */
int check_whatsapp(const struct check_of *c, struct fault *f)
{
    switch (c->action->kind) {

    case ACTION_MARK_READ:
    case ACTION_REACT:
        return 0;

    case ACTION_TYPING:
        return c->place->message ? 0
               : fault_set(f, c->path, NULL, NONE, "WhatsApp shows typing"
                           " only with the message that it marks as read");

    case ACTION_REPLY:
    case ACTION_SEND:
    case ACTION_TEMPLATE:
        return check_message(c, f);

    default:
        return fault_set(f, c->path, NULL, NONE, "WhatsApp has no %s",
                         c->path);
    }
}
