/* A queue record and the typed events that it holds
   (meta-webhooks-and-messaging.md 3 to 5). */

#include "event.h"
#include "contact.h"

#include <stdlib.h>


#define RECORD_VERSION   "1"
#define RECORD_TREE_MAX  (128 * 1024 * 1024)
#define RECORD_GROW      16


static struct event *event_add(struct record *r, enum product product,
    enum kind kind, struct str account)
{
    struct event  *e;

    if (r->nevents == r->room) {
        r->room = r->room * 2 + RECORD_GROW;
        r->events = mem_grow(r->events, r->room * sizeof(*e));
    }

    e = &r->events[r->nevents++];

    *e = (struct event) {
        .product = product, .kind = kind, .account = account, .waba = NONE,
        .id = NONE, .type = NONE, .user = NONE, .phone = NONE, .bsuid = NONE,
        .prev_phone = NONE, .prev_bsuid = NONE, .name = NONE,
        .username = NONE, .group = NONE, .line = NONE, .to = NONE,
        .text = NONE, .payload = NONE, .reply_to = NONE, .ref = NONE,
        .app = NONE, .state = NONE, .target = NONE, .template_name = NONE,
        .template_language = NONE, .template_id = NONE,
        .comment = { NONE, NONE, NONE, NONE }
    };

    return e;
}


static struct str first_text(struct str a, struct str b)
{
    return a.len ? a : b;
}


/* types that somebody says something with; reactions, system messages and
   types yet to come are none */
static enum kind whatsapp_kind(const struct json *m)
{
    size_t      i;
    struct str  type = json_get_text(m, "type");
    struct str  inner = json_text(json_path(m, "interactive", "type"));
    static const struct {
        const char  *type;
        enum kind    kind;
    } types[] = {
        { "text", KIND_MESSAGE }, { "image", KIND_MESSAGE },
        { "video", KIND_MESSAGE }, { "audio", KIND_MESSAGE },
        { "document", KIND_MESSAGE }, { "sticker", KIND_MESSAGE },
        { "location", KIND_MESSAGE }, { "contacts", KIND_MESSAGE },
        { "button", KIND_MESSAGE }, { "order", KIND_MESSAGE },
        { "reaction", KIND_REACTION }, { "edit", KIND_EDIT },
        { "revoke", KIND_UNSEND }
    };

    if (str_is(type, "interactive")) {
        return str_is(inner, "button_reply") || str_is(inner, "list_reply")
               || str_is(inner, "nfm_reply") ? KIND_MESSAGE : KIND_UNKNOWN;
    }

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (str_is(type, types[i].type)) {
            return types[i].kind;
        }
    }

    return KIND_UNKNOWN;
}


/* what was written or tapped */
static struct str whatsapp_text(const struct json *m)
{
    struct str          type = json_get_text(m, "type"), text;
    const struct json  *i = json_get(m, "interactive");

    if (str_is(type, "text")) {
        return json_text(json_path(m, "text", "body"));
    }

    if (str_is(type, "button")) {
        return json_text(json_path(m, "button", "text"));
    }

    if (str_is(type, "interactive")) {
        text = json_text(json_path(i, "button_reply", "title"));
        return first_text(text,
                          json_text(json_path(i, "list_reply", "title")));
    }

    text = json_text(json_path(m, "image", "caption"));
    text = first_text(text, json_text(json_path(m, "video", "caption")));

    return first_text(text, json_text(json_path(m, "document", "caption")));
}


/* The phone number is the address wherever it is known; a capture exists that
   has the business-scoped user id in "from" (section 3.2). */
static void whatsapp_address(struct event *e, const struct json *m,
    const struct json *contact)
{
    struct str  from = json_get_text(m, "from");
    struct str  group = json_get_text(m, "group_id");
    struct str  user = first_text(json_get_text(m, "from_user_id"),
                                  json_get_text(contact, "user_id"));

    if (!str_digits(from)) {
        user = first_text(user, from);
        from = json_get_text(contact, "wa_id");
    }

    if (group.len) {
        e->address = ADDRESS_GROUP;
        e->to = group;

    } else if (str_digits(from)) {
        e->address = ADDRESS_PHONE;
        e->to = from;

    } else if (user.len) {
        e->address = ADDRESS_USER_ID;
        e->to = user;
    }
}


/* user of contract 4, for each kind of element */
static struct str whatsapp_user(const struct json *m,
    const struct json *contact, bool echo)
{
    struct str  user = json_get_text(m, "group_id");

    user = first_text(user,
                      json_get_text(m, echo ? "to_user_id" : "from_user_id"));
    user = first_text(user, json_get_text(contact, "user_id"));
    user = first_text(user, json_get_text(m, echo ? "to" : "from"));

    return first_text(user, json_text(json_path(m, "system", "user_id")));
}


static enum record_rc whatsapp_each(struct record *r,
    const struct json *value, const char *array, enum kind kind,
    const struct contacts *contacts, struct str account)
{
    bool                echo = kind == KIND_ECHO;
    struct event       *e;
    const struct json  *m, *list = json_get(value, array), *contact;

    if (!json_is(list, JSON_ARRAY)) {
        return RECORD_OK;
    }

    for (m = list->child; m != NULL; m = m->next) {
        if (r->nevents == RECORD_EVENTS_MAX) {
            return RECORD_MANY;
        }

        contact = contacts_of(contacts,
                              json_get_text(m, echo ? "to" : "from"));

        e = event_add(r, PRODUCT_WHATSAPP,
                      kind == KIND_MESSAGE ? whatsapp_kind(m) : kind, account);
        e->waba = r->entry;
        e->id = json_get_text(m, "id");
        e->item = m;
        e->contact = contact;

        if (kind == KIND_STATUS || kind == KIND_CALL) {
            e->ref = json_get_text(m, "biz_opaque_callback_data");
            e->line = e->id;        /* it never waits behind a person */
            continue;
        }

        e->line = whatsapp_user(m, contact, echo);

        if (kind == KIND_MESSAGE) {
            e->text = whatsapp_text(m);
            whatsapp_address(e, m, contact);
        }
    }

    return RECORD_OK;
}


static enum record_rc whatsapp_events(struct record *r)
{
    size_t              i;
    struct str          account;
    struct event       *e;
    enum record_rc      rc = RECORD_OK;
    struct contacts     contacts;
    const struct json  *value = json_get(r->event, "value");
    static const struct {
        const char  *array;
        enum kind    kind;
    } arrays[] = {
        { "messages", KIND_MESSAGE }, { "message_echoes", KIND_ECHO },
        { "statuses", KIND_STATUS }, { "calls", KIND_CALL }
    };

    account = json_text(json_path(value, "metadata", "phone_number_id"));

    if (str_is(r->field, "standby")) {
        e = event_add(r, PRODUCT_WHATSAPP, KIND_STANDBY, account);
        e->waba = r->entry;
        e->item = json_get(value, "standby");
        return RECORD_OK;
    }

    contacts_open(&contacts, json_get(value, "contacts"));

    for (i = 0; i < sizeof(arrays) / sizeof(arrays[0]) && rc == RECORD_OK;
         i++)
    {
        rc = whatsapp_each(r, value, arrays[i].array, arrays[i].kind,
                           &contacts, account);
    }

    contacts_close(&contacts);

    return rc;
}


/* the member beside "sender" tells what it is (section 4.1) */
static enum kind messaging_kind(const struct record *r,
    const struct json *item)
{
    size_t              i;
    const struct json  *message = json_get(item, "message");
    static const struct {
        const char  *member;
        enum kind    kind;
    } members[] = {
        { "reaction", KIND_REACTION }, { "message_edit", KIND_EDIT },
        { "postback", KIND_POSTBACK }, { "read", KIND_READ },
        { "delivery", KIND_DELIVERY }
    };

    if (str_is(r->field, "standby")) {
        return KIND_STANDBY;
    }

    if (json_is(message, JSON_OBJECT)) {
        if (json_is(json_get(message, "is_deleted"), JSON_TRUE)) {
            return KIND_UNSEND;
        }

        return json_is(json_get(message, "is_echo"), JSON_TRUE)
               || (r->entry.len
                   && str_equal(json_text(json_path(item, "sender", "id")),
                                r->entry))
               ? KIND_ECHO : KIND_MESSAGE;
    }

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (json_get(item, members[i].member) != NULL) {
            return members[i].kind;
        }
    }

    return KIND_UNKNOWN;
}


static void messaging_event(struct record *r, enum product product)
{
    struct str          sender, recipient;
    struct event       *e;
    const struct json  *item = r->event;

    /* dashboard tests, and Instagram at times, wrap the item in a change */
    if (str_is(r->field, "messages")) {
        item = json_get(item, "value");
    }

    if (!json_is(item, JSON_OBJECT)
        || (json_get(item, "sender") == NULL
            && json_get(item, "recipient") == NULL))
    {
        return;
    }

    sender = json_text(json_path(item, "sender", "id"));
    recipient = json_text(json_path(item, "recipient", "id"));

    e = event_add(r, product, messaging_kind(r, item), r->entry);
    e->item = item;
    e->id = json_text(json_path(item, "message", "mid"));
    e->line = r->entry.len && str_equal(sender, r->entry) ? recipient
              : sender;

    e->ref = json_text(json_path(item, "message", "metadata"));

    if (e->kind != KIND_MESSAGE) {
        return;
    }

    e->text = json_text(json_path(item, "message", "text"));
    e->address = ADDRESS_USER_ID;
    e->to = sender;

    if (sender.len == 0) {
        e->to = json_text(json_path(item, "sender", "user_ref"));
        e->line = e->to;
        e->address = e->to.len ? ADDRESS_USER_REF : ADDRESS_NONE;
    }
}


/* what stands around the event */
static enum record_rc record_head(struct record *r)
{
    const struct json  *root = json_root(r->doc), *v = json_get(root, "v");

    r->event = json_get(root, "event");

    if (!json_is(v, JSON_NUMBER) || !str_digits(v->text)
        || str_is(v->text, "0"))
    {
        return RECORD_FAULTY;
    }

    if (!str_is(v->text, RECORD_VERSION)) {
        return RECORD_NEWER;
    }

    if (r->event == NULL) {
        return RECORD_FAULTY;
    }

    r->id = json_get_text(root, "id");
    r->app = json_get_text(root, "app");
    r->object = json_get_text(root, "object");
    r->entry = json_get_text(root, "entry");
    r->field = json_get_text(root, "field");
    r->key = json_get_text(root, "key");
    r->delivery = json_get_text(root, "delivery");
    r->n = json_get_text(root, "n");
    r->time = strtoll(json_get_text(root, "time").at, NULL, 10);
    r->received_at = strtoll(json_get_text(root, "received_at").at, NULL, 10);
    r->replay = json_is(json_get(root, "replay"), JSON_TRUE);

    return RECORD_OK;
}


/* record_open reads a record; what it does not know has no events */
enum record_rc record_open(struct str bytes, struct record *r)
{
    size_t          max = bytes.len * 20 + 64 * 1024;
    enum record_rc  rc;

    *r = (struct record) { .events = NULL };
    r->doc = json_parse(bytes.at, bytes.len,
                        max < RECORD_TREE_MAX ? max : RECORD_TREE_MAX);
    if (r->doc == NULL) {
        return json_valid(bytes.at, bytes.len) ? RECORD_LARGE
               : RECORD_NO_JSON;
    }

    rc = record_head(r);

    if (rc == RECORD_OK) {
        if (str_is(r->object, "whatsapp_business_account")) {
            rc = whatsapp_events(r);
        } else if (str_is(r->object, "page")) {
            messaging_event(r, PRODUCT_MESSENGER);
        } else if (str_is(r->object, "instagram")) {
            messaging_event(r, PRODUCT_INSTAGRAM);
        }
    }

    if (rc != RECORD_OK) {
        record_close(r);
    }

    return rc;
}


/* record_close releases what record_open made */
void record_close(struct record *r)
{
    json_free(r->doc);
    free(r->events);
    r->doc = NULL;
    r->events = NULL;
    r->nevents = r->room = 0;
}


/* a key that ends in ":" is that of a change with several elements: it waits
   in the line of each of them */
static bool record_is_many(const struct record *r)
{
    return r->nevents > 1 && r->key.len > 1
           && r->key.at[r->key.len - 1] == ':';
}


/* record_lines writes phone_number_id:user for each element, or the key */
size_t record_lines(const struct record *r, struct str **keys, char **own)
{
    size_t       i;
    struct buf   b;
    struct str  *lines;

    if (!record_is_many(r)) {
        *own = NULL;
        *keys = mem_alloc(sizeof(**keys));
        **keys = first_text(r->key, r->id);
        return (*keys)->len ? 1 : 0;
    }

    lines = mem_alloc(r->nevents * sizeof(*lines));
    buf_init(&b, (size_t) -1);

    for (i = 0; i < r->nevents; i++) {
        lines[i].len = b.len;       /* an offset until b stays in its place */
        buf_str(&b, r->events[i].account);
        if (r->events[i].line.len) {
            buf_text(&b, ":");
            buf_str(&b, r->events[i].line);
        }
    }

    if (b.at == NULL) {
        b.at = mem_copy("", 0);     /* all of them are empty */
    }

    for (i = 0; i < r->nevents; i++) {
        lines[i].at = b.at + lines[i].len;
    }

    for (i = 0; i < r->nevents; i++) {
        lines[i].len = (i + 1 < r->nevents ? lines[i + 1].at : b.at + b.len)
                       - lines[i].at;
    }

    *keys = lines;
    *own = b.at;

    return r->nevents;
}
