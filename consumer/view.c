/* What a handler gets of an event: the JSON of its POST (docs/consumer.md).
   All keys are always there. */

#include "view.h"


#define WINDOW_MS  (24ll * 3600 * 1000)


static void text(struct buf *b, const char *name, struct str s)
{
    buf_format(b, ",\"%s\":", name);

    if (s.len) {
        json_quote(b, s);
    } else {
        buf_text(b, "null");
    }
}


static void value(struct buf *b, const char *name, const struct json *j)
{
    buf_format(b, ",\"%s\":", name);

    if (j != NULL) {
        json_write(b, j);
    } else {
        buf_text(b, "null");
    }
}


static void number(struct buf *b, const char *name, long long n)
{
    buf_format(b, ",\"%s\":", name);

    if (n) {
        buf_format(b, "%lld", n);
    } else {
        buf_text(b, "null");
    }
}


static struct str either(struct str a, struct str b)
{
    return a.len ? a : b;
}


/* digits, as in contract and record: below 10^12 they are seconds */
static long long millis(struct str s)
{
    size_t     i;
    long long  n = 0;

    if (!str_digits(s) || s.len > 15) {
        return 0;
    }

    for (i = 0; i < s.len; i++) {
        n = n * 10 + s.at[i] - '0';
    }

    return n < 1000000000000ll ? n * 1000 : n;
}


/* what holds text and media */
static const struct json *message_of(const struct event *event)
{
    return event->product == PRODUCT_WHATSAPP ? event->item
           : json_get(event->item, "message");
}


static struct str whatsapp_phone(const struct event *event)
{
    const char  *names[] = { event->kind == KIND_ECHO ? "to" : "from",
                             "recipient_id" };
    size_t       i;
    struct str   phone;

    for (i = 0; i < 2; i++) {
        phone = json_get_text(event->item, names[i]);
        if (str_digits(phone)) {
            return phone;
        }
    }

    phone = json_get_text(event->contact, "wa_id");

    return str_digits(phone) ? phone : NONE;
}


/* a group's message and a status stand in other lines than the person's, but
   are about one */
static struct str whatsapp_user(const struct event *event, struct str phone)
{
    struct str  user = NONE;

    if (event->kind != KIND_STATUS && event->kind != KIND_CALL
        && json_get_text(event->item, "group_id").len == 0)
    {
        return event->line;
    }

    user = either(json_get_text(event->item, "from_user_id"),
                  json_get_text(event->item, "recipient_user_id"));
    user = either(user, json_get_text(event->contact, "user_id"));

    return either(user, phone);
}


static void write_conversation(struct buf *b, const struct event *event,
    struct str user)
{
    struct buf  c;

    if (event->kind == KIND_MESSAGE) {
        user = event->line;         /* a group's is its own */
    }

    buf_text(b, ",\"conversation\":");
    if (user.len == 0 || event->account.len == 0) {
        buf_text(b, "null");
        return;
    }

    buf_init(&c, 4096);
    buf_format(&c, "%s:", product_name(event->product));
    buf_str(&c, event->account);
    buf_text(&c, ":");
    buf_str(&c, user);
    json_quote(b, (struct str) { c.at, c.len });
    buf_free(&c);
}


static void write_user(struct buf *b, const struct event *event)
{
    struct str          id = event->line, phone = NONE;
    const struct json  *profile = json_get(event->contact, "profile");

    if (event->product == PRODUCT_WHATSAPP) {
        phone = whatsapp_phone(event);
        id = whatsapp_user(event, phone);
    }

    buf_text(b, ",\"user\":{\"id\":");
    if (id.len) {
        json_quote(b, id);
    } else {
        buf_text(b, "null");
    }
    text(b, "phone", phone);
    text(b, "name", json_get_text(profile, "name"));
    text(b, "username", json_get_text(profile, "username"));
    buf_text(b, "}");
    write_conversation(b, event, id);
}


/* what a button says when it is tapped, where that is not its title */
static struct str payload(const struct event *event)
{
    struct str          p;
    const struct json  *i = json_get(message_of(event), "interactive");

    if (event->product != PRODUCT_WHATSAPP) {
        p = json_text(json_path(event->item, "postback", "payload"));
        return either(p, json_text(json_path(message_of(event), "quick_reply",
                                             "payload")));
    }

    p = json_text(json_path(message_of(event), "button", "payload"));
    p = either(p, json_text(json_path(i, "button_reply", "id")));
    p = either(p, json_text(json_path(i, "list_reply", "id")));

    return either(p, json_text(json_path(i, "nfm_reply", "response_json")));
}


static void media_one(struct buf *b, bool first, struct str type,
    const struct json *m)
{
    buf_text(b, first ? "{\"type\":" : ",{\"type\":");
    json_quote(b, type);
    text(b, "id", json_get_text(m, "id"));
    text(b, "mime", json_get_text(m, "mime_type"));
    text(b, "sha256", json_get_text(m, "sha256"));
    text(b, "caption", json_get_text(m, "caption"));
    text(b, "filename", json_get_text(m, "filename"));
    text(b, "file", NONE);
    text(b, "url", json_get_text(m, "url"));
    buf_text(b, "}");
}


static void whatsapp_media(struct buf *b, const struct event *event)
{
    size_t                    i;
    struct str                type = json_get_text(message_of(event), "type");
    static const char *const  types[] = {
        "image", "video", "audio", "document", "sticker"
    };

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (str_is(type, types[i])) {
            media_one(b, true, type, json_get(message_of(event), types[i]));
        }
    }
}


static void write_media(struct buf *b, const struct event *event)
{
    bool                first = true;
    const struct json  *c = json_get(message_of(event), "attachments");

    buf_text(b, ",\"media\":[");

    if (event->product == PRODUCT_WHATSAPP) {
        whatsapp_media(b, event);

    } else if (json_is(c, JSON_ARRAY)) {
        for (c = c->child; c != NULL; c = c->next) {
            media_one(b, first, json_get_text(c, "type"),
                      json_get(c, "payload"));
            first = false;
        }
    }

    buf_text(b, "]");
}


/* the message that is answered */
static struct str reply_to(const struct event *event)
{
    return event->product == PRODUCT_WHATSAPP
           ? json_text(json_path(message_of(event), "context", "id"))
           : json_text(json_path(message_of(event), "reply_to", "mid"));
}


static const struct json *referral(const struct event *event)
{
    const struct json  *r = json_get(message_of(event), "referral");

    if (r == NULL) {
        r = json_path(event->item, "postback", "referral");
    }
    if (r == NULL) {
        r = json_get(event->item, "referral");
    }

    return json_is(r, JSON_OBJECT) ? r : NULL;
}


/* what this event says of it: who wrote may be answered for 24 hours */
static void write_window(struct buf *b, const struct event *event,
    long long time, long long now)
{
    bool  theirs = event->kind == KIND_MESSAGE || event->kind == KIND_POSTBACK
                   || event->kind == KIND_REACTION;

    if (!theirs || time == 0) {
        buf_text(b, ",\"window\":{\"state\":null,\"until\":null}");
        return;
    }

    buf_format(b, ",\"window\":{\"state\":\"%s\",\"until\":%lld}",
               time + WINDOW_MS > now ? "open" : "closed", time + WINDOW_MS);
}


/* a status: of which message, how far it got, why it failed */
static void write_status(struct buf *b, const struct event *event)
{
    const struct json  *errors = json_get(event->item, "errors");

    buf_text(b, ",\"status\":{\"message\":");
    if (json_get_text(event->item, "id").len) {
        json_quote(b, json_get_text(event->item, "id"));
    } else {
        buf_text(b, "null");
    }
    text(b, "state", json_get_text(event->item, "status"));
    value(b, "error", json_is(errors, JSON_ARRAY) ? errors->child : NULL);
    buf_text(b, "}");
}


static struct str text_of(const struct event *event)
{
    return event->kind == KIND_POSTBACK
           ? json_text(json_path(event->item, "postback", "title"))
           : event->text;
}


/* the event's own time, else the record's */
static long long time_of(const struct record *r, const struct event *event)
{
    long long  ms = millis(json_get_text(event->item, "timestamp"));

    return ms ? ms : millis(json_get_text(json_root(r->doc), "time"));
}


/* view_id writes the record's id, or where it holds several events what the
   id of that one alone would be */
void view_id(struct buf *b, const struct record *r, const struct event *event)
{
    struct str  more;

    if (r->nevents == 1 || event->id.len == 0) {
        buf_str(b, r->id);
        if (r->nevents > 1) {
            buf_format(b, "#%zu", (size_t) (event - r->events));
        }
        return;
    }

    more = event->kind == KIND_ECHO ? STR("echo")
           : event->kind == KIND_STATUS ? json_get_text(event->item, "status")
           : event->kind == KIND_CALL
           ? either(json_get_text(event->item, "event"),
                    json_get_text(event->item, "status")) : NONE;

    buf_str(b, event->id);
    if (more.len) {
        buf_text(b, ":");
        buf_str(b, more);
    }

    /* of groups there is one status for each participant */
    more = either(json_get_text(event->item,
                                "recipient_participant_user_id"),
                  json_get_text(event->item, "recipient_participant_id"));
    if (more.len) {
        buf_text(b, ":");
        buf_str(b, more);
    }
}


/* view_write writes the view */
void view_write(struct buf *b, const struct record *r, struct str bytes,
    const struct event *event, unsigned attempt, long long now)
{
    long long   time = time_of(r, event);
    struct buf  id;

    buf_init(&id, 4096);
    buf_text(b, "{\"v\":1");
    buf_text(b, ",\"id\":");
    view_id(&id, r, event);
    json_quote(b, (struct str) { id.len ? id.at : "", id.len });
    buf_free(&id);
    buf_format(b, ",\"attempt\":%u,\"kind\":\"%s\",\"product\":\"%s\"",
               attempt, kind_name(event->kind), product_name(event->product));
    text(b, "account", event->account);
    text(b, "tenant", NONE);
    write_user(b, event);
    number(b, "time", time);
    text(b, "text", text_of(event));
    text(b, "payload", payload(event));
    write_media(b, event);
    text(b, "reply_to", reply_to(event));
    value(b, "referral", referral(event));
    write_window(b, event, time, now);

    if (event->kind == KIND_STATUS) {
        write_status(b, event);
    }

    buf_format(b, ",\"replay\":%s,\"test\":false,\"event\":",
               json_is(json_get(json_root(r->doc), "replay"), JSON_TRUE)
               ? "true" : "false");
    buf_str(b, bytes);
    buf_text(b, "}");
}
