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


/* a group's is its own, whoever writes in it */
static void write_conversation(struct buf *b, const struct event *event)
{
    struct buf  c;
    struct str  with = event->group.len ? event->group : event->user;

    buf_text(b, ",\"conversation\":");
    if (with.len == 0 || event->account.len == 0) {
        buf_text(b, "null");
        return;
    }

    buf_init(&c, 4096);
    buf_format(&c, "%s:", product_name(event->product));
    buf_str(&c, event->account);
    buf_text(&c, ":");
    buf_str(&c, with);
    json_quote(b, (struct str) { c.at, c.len });
    buf_free(&c);
}


static void first(struct buf *b, const char *name, struct str s)
{
    buf_format(b, "\"%s\":", name);

    if (s.len) {
        json_quote(b, s);
    } else {
        buf_text(b, "null");
    }
}


static void write_user(struct buf *b, const struct event *event)
{
    buf_text(b, ",\"user\":{");
    first(b, "id", event->user);
    text(b, "phone", event->phone);
    text(b, "name", event->name);
    text(b, "username", event->username);
    buf_text(b, "}");
}


static void write_media(struct buf *b, const struct event *event)
{
    size_t        i, n;
    struct media  media[EVENT_MEDIA_MAX];

    n = event_media(event, media, EVENT_MEDIA_MAX);
    buf_text(b, ",\"media\":[");

    for (i = 0; i < n; i++) {
        buf_text(b, i ? ",{" : "{");
        first(b, "type", media[i].type);
        text(b, "id", media[i].id);
        text(b, "mime", media[i].mime);
        text(b, "sha256", media[i].sha256);
        text(b, "caption", media[i].caption);
        text(b, "filename", media[i].filename);
        text(b, "file", event->files != NULL ? event->files[i]
             : media[i].file);
        text(b, "url", media[i].url);
        buf_text(b, "}");
    }

    buf_text(b, "]");
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


/* what only one kind has */
static void write_own(struct buf *b, const struct event *event)
{
    switch (event->kind) {

    case KIND_STATUS:
        buf_text(b, ",\"status\":{");
        first(b, "message", event->target);
        text(b, "state", event->state);
        value(b, "error", event->error);
        buf_text(b, "}");
        break;

    case KIND_COMMENT:
        buf_text(b, ",\"comment\":{");
        first(b, "id", event->comment.id);
        text(b, "parent", event->comment.parent);
        text(b, "post", event->comment.post);
        text(b, "media", event->comment.media);
        buf_text(b, "}");
        break;

    case KIND_LEAD:
        value(b, "lead", event->lead);
        break;

    default:
        break;
    }
}


/* what contract 4 puts behind the id, where the event came alone; a copy is
   another event than what it is a copy of */
static void id_more(struct buf *b, const struct event *event)
{
    enum kind   kind = event->inner ? event->inner : event->kind;
    struct str  more = NONE;

    if (kind == KIND_STATUS || kind == KIND_CALL) {
        more = json_get_text(event->item, "event");
        more = more.len ? more : json_get_text(event->item, "status");
    } else if (event->kind == KIND_ECHO) {
        more = STR("echo");
    }

    if (more.len) {
        buf_text(b, ":");
        buf_str(b, more);
    }

    if (event->kind == KIND_HISTORY || event->kind == KIND_STANDBY) {
        buf_format(b, ":%s", kind_name(event->kind));
    }

    /* of groups there is one status for each participant */
    more = json_get_text(event->item, "recipient_participant_user_id");
    more = more.len ? more : json_get_text(event->item,
                                           "recipient_participant_id");
    if (more.len) {
        buf_text(b, ":");
        buf_str(b, more);
    }
}


/* view_id writes the record's id, or where it holds several events what the
   id of that one alone would be */
void view_id(struct buf *b, const struct record *r, const struct event *event)
{
    if (r->nevents == 1 || event->id.len == 0) {
        buf_str(b, r->id);
        if (r->nevents > 1) {
            buf_format(b, "#%zu", (size_t) (event - r->events));
        }
        return;
    }

    buf_str(b, event->id);
    id_more(b, event);
}


/* view_write writes the view */
void view_write(struct buf *b, const struct record *r, struct str bytes,
    const struct event *event, unsigned attempt, long long now)
{
    struct buf  id;

    buf_init(&id, 4096);
    buf_text(b, "{\"v\":1");
    buf_text(b, ",\"id\":");
    view_id(&id, r, event);
    json_quote(b, (struct str) { id.len ? id.at : "", id.len });
    buf_free(&id);
    buf_format(b, ",\"attempt\":%u,\"kind\":\"%s\"", attempt,
               kind_name(event->kind));
    text(b, "product", event->product != PRODUCT_NONE
         ? STR(product_name(event->product)) : NONE);
    text(b, "account", event->account);
    text(b, "tenant", event->tenant);
    write_user(b, event);
    write_conversation(b, event);
    number(b, "time", event->time);
    text(b, "text", event->text);
    text(b, "payload", event->payload);
    write_media(b, event);
    text(b, "reply_to", event->reply_to);
    value(b, "referral", event->referral);
    write_window(b, event, event->time, now);
    write_own(b, event);
    buf_format(b, ",\"replay\":%s,\"test\":%s,\"event\":",
               r->replay ? "true" : "false", event->test ? "true" : "false");
    buf_str(b, bytes);
    buf_text(b, "}");
}
