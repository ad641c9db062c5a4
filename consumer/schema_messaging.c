/* Templates and quick replies of Messenger and Instagram, with their limits
   (meta-webhooks-and-messaging.md 8; 9 says "as in section 8"). */

#include "messaging.h"

#include <stdio.h>


#define QUICK_MAX      13
#define QUICK_TITLE    20       /* characters */
#define QUICK_PAYLOAD  1000     /* characters */


static const char *const  button_types[] = {
    "web_url", "postback", "phone_number", "account_link", "account_unlink",
    NULL
};

/* Meta's own, where "type" may be left out: url or payload tell it */
static const struct member  button_members[] = {
    { .name = "type", .shape = SHAPE_TEXT, .words = button_types },
    { .name = "title", .shape = SHAPE_TEXT, .max = 20 },
    { .name = "payload", .shape = SHAPE_TEXT, .max = 1000 },
    { .name = "url", .shape = SHAPE_URL }
};
static const struct schema  button_schema = SCHEMA_OPEN(button_members);


static int part_missing(const struct json *j, const char *name,
    const char *path, struct fault *f)
{
    char  full[SCHEMA_PATH_MAX];

    if (json_get(j, name) != NULL) {
        return 0;
    }

    schema_join(full, path, STR(name));

    return fault_set(f, full, NULL, NONE, "is missing");
}


static int button_whole(const struct json *j, const char *path,
    struct fault *f)
{
    struct str  type = json_get_text(j, "type");
    bool        url = json_get(j, "url") != NULL;
    bool        payload = json_get(j, "payload") != NULL;

    if (type.len == 0 && url == payload) {
        return fault_set(f, path, NULL, NONE, url ? "has url and payload:"
                         " exactly one of them, or \"type\" says what it is"
                         : "needs payload or url");
    }

    if (str_is(type, "account_unlink")) {
        return 0;
    }

    if (str_is(type, "account_link")) {
        return part_missing(j, "url", path, f);
    }

    return part_missing(j, "title", path, f) != 0 ? -1
           : part_missing(j, str_is(type, "web_url") || (!type.len && url)
                          ? "url" : "payload", path, f);
}


static const struct member  button = {
    .shape = SHAPE_OBJECT, .of = &button_schema, .whole = button_whole
};

static const struct member  element_members[] = {
    { .name = "title", .shape = SHAPE_TEXT, .needed = true, .max = 80 },
    { .name = "subtitle", .shape = SHAPE_TEXT, .max = 80 },
    { .name = "image_url", .shape = SHAPE_URL },
    { .name = "default_action", .shape = SHAPE_OBJECT },
    { .name = "buttons", .shape = SHAPE_LIST, .max = 3, .item = &button }
};
static const struct schema  element_schema = SCHEMA_OPEN(element_members);


static int element_whole(const struct json *j, const char *path,
    struct fault *f)
{
    return j->child->next != NULL ? 0
           : fault_set(f, path, "1 more than title", NONE, "needs one more"
                       " property than title: subtitle, image_url, buttons or"
                       " default_action");
}


static const struct member  element = {
    .shape = SHAPE_OBJECT, .of = &element_schema, .whole = element_whole
};

static const struct member  generic_members[] = {
    { .name = "elements", .shape = SHAPE_LIST, .needed = true, .max = 10,
      .item = &element }
};
static const struct schema  generic_schema = SCHEMA_OPEN(generic_members);

const struct member  messaging_generic = {
    .shape = SHAPE_OBJECT, .of = &generic_schema
};

static const struct member  buttons_members[] = {
    { .name = "text", .shape = SHAPE_TEXT, .needed = true, .max = 640 },
    { .name = "buttons", .shape = SHAPE_LIST, .needed = true, .max = 3,
      .item = &button }
};
static const struct schema  buttons_schema = SCHEMA(buttons_members);

const struct member  messaging_buttons = {
    .shape = SHAPE_OBJECT, .of = &buttons_schema
};

/* a body of one's own says "template_type" beside them */
static const struct schema  buttons_open = SCHEMA_OPEN(buttons_members);
static const struct member  buttons_payload = {
    .shape = SHAPE_OBJECT, .of = &buttons_open
};

/* there are no lists: rows are quick replies, their descriptions, the titles
   of sections and the button's name are not shown */
static const struct member  row_members[] = {
    { .name = "title", .shape = SHAPE_TEXT, .needed = true,
      .max = QUICK_TITLE },
    { .name = "payload", .shape = SHAPE_TEXT, .needed = true,
      .max = QUICK_PAYLOAD },
    { .name = "description", .shape = SHAPE_TEXT }
};
static const struct schema  row_schema = SCHEMA(row_members);
static const struct member  row = {
    .shape = SHAPE_OBJECT, .of = &row_schema
};

static const struct member  section_members[] = {
    { .name = "title", .shape = SHAPE_TEXT },
    { .name = "rows", .shape = SHAPE_LIST, .needed = true,
      .max = QUICK_MAX, .item = &row }
};
static const struct schema  section_schema = SCHEMA(section_members);
static const struct member  section = {
    .shape = SHAPE_OBJECT, .of = &section_schema
};

static const struct member  list_members[] = {
    { .name = "text", .shape = SHAPE_TEXT, .needed = true },
    { .name = "button", .shape = SHAPE_TEXT },
    { .name = "rows", .shape = SHAPE_LIST, .max = QUICK_MAX, .item = &row,
      .one_of = 1 },
    { .name = "sections", .shape = SHAPE_LIST, .item = &section,
      .one_of = 1 }
};
static const struct schema  list_schema = SCHEMA(list_members);


static int list_whole(const struct json *j, const char *path,
    struct fault *f)
{
    char                full[SCHEMA_PATH_MAX];
    size_t              n = 0;
    const struct json  *s, *r;

    s = json_get(j, "sections");
    schema_join(full, path, STR("sections"));

    for (s = s != NULL ? s->child : NULL; s != NULL; s = s->next) {
        for (r = json_get(s, "rows")->child; r != NULL; r = r->next) {
            n++;
        }
    }

    return schema_count(n, QUICK_MAX, "rows", full, f);
}


const struct member  messaging_list = {
    .shape = SHAPE_OBJECT, .of = &list_schema, .whole = list_whole
};


static const char *const  quick_types[] = {
    "text", "user_phone_number", "user_email", NULL
};

static const struct member  quick_title = {
    .name = "title", .shape = SHAPE_TEXT, .max = QUICK_TITLE
};
static const struct member  quick_payload = {
    .name = "payload", .shape = SHAPE_TEXT, .max = QUICK_PAYLOAD
};
static const struct member  quick_type = {
    .name = "content_type", .shape = SHAPE_TEXT, .words = quick_types
};
static const struct member  quick_image = {
    .name = "image_url", .shape = SHAPE_URL
};


static int quick_text(const struct check_of *c, const char *text, size_t i,
    const struct member *m, struct fault *f)
{
    char         list[SCHEMA_PATH_MAX], at[SCHEMA_PATH_MAX];
    char         full[SCHEMA_PATH_MAX];
    struct json  value = { .type = JSON_STRING };

    if (text == NULL) {
        return 0;
    }

    value.text = STR(text);
    schema_join(list, c->path, STR("quick_replies"));
    schema_at(at, list, i);
    schema_join(full, at, STR(m->name));

    return schema_check(&value, m, full, c->place->values, f);
}


/* check_quick: their number, titles and payloads */
int check_quick(const struct check_of *c, struct fault *f)
{
    char                       path[SCHEMA_PATH_MAX];
    size_t                     i;
    const struct quick_reply  *q = c->action->quick.at;

    schema_join(path, c->path, STR("quick_replies"));

    if (schema_count(c->action->quick.n, QUICK_MAX, "quick replies", path, f)
        != 0)
    {
        return -1;
    }

    if (c->action->quick.n && c->action->content == CONTENT_LIST) {
        return fault_set(f, path, NULL, NONE, "do not go with list, whose"
                         " rows become quick replies here");
    }

    for (i = 0; i < c->action->quick.n; i++) {
        if (quick_text(c, q[i].type, i, &quick_type, f) != 0
            || quick_text(c, q[i].title, i, &quick_title, f) != 0
            || quick_text(c, q[i].payload, i, &quick_payload, f) != 0
            || quick_text(c, q[i].image, i, &quick_image, f) != 0)
        {
            return -1;
        }
    }

    return 0;
}


/* check_payload: generic and button templates; in a table's "whole" nobody
   says whether values are filled in later: they count for nothing */
int check_payload(const struct json *attachment, const char *path,
    struct fault *f)
{
    char                full[SCHEMA_PATH_MAX];
    struct str          type;
    const struct json  *payload = json_get(attachment, "payload");

    if (!str_is(json_get_text(attachment, "type"), "template")) {
        return 0;
    }

    schema_join(full, path, STR("payload"));
    type = json_get_text(payload, "template_type");

    if (str_is(type, "generic")) {
        return schema_check(payload, &messaging_generic, full, true, f);
    }

    return str_is(type, "button")
           ? schema_check(payload, &buttons_payload, full, true, f) : 0;
}


/* check_place: a comment is answered as a comment, and only that */
int check_place(const struct check_of *c, struct fault *f)
{
    switch (c->action->kind) {

    case ACTION_REPLY:
        return !c->place->comment ? 0
               : fault_set(f, c->path, NULL, NONE, "a comment is answered"
                           " with comment_reply, in public, or with"
                           " private_reply");

    case ACTION_MARK_READ:
    case ACTION_TYPING:
    case ACTION_REACT:
    case ACTION_HANDOVER:
        return !c->place->comment ? 0
               : fault_set(f, c->path, NULL, NONE, "belongs to a"
                           " conversation, and a comment is none");

    default:
        return 0;
    }
}
