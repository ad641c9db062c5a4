/* A queue record and the typed events that it holds
   (meta-webhooks-and-messaging.md 3 to 5). */

#include "decode.h"

#include <stdlib.h>


#define RECORD_VERSION   "1"
#define RECORD_TREE_MAX  (128 * 1024 * 1024)
#define RECORD_MS_MAX    1000000000000000ll     /* as of decode_ms */


/* a time that no calendar has is none */
static long long record_ms(const struct json *root, const char *name)
{
    long long  ms = strtoll(json_get_text(root, name).at, NULL, 10);

    return ms > 0 && ms < RECORD_MS_MAX ? ms : 0;
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
    r->time = record_ms(root, "time");
    r->received_at = record_ms(root, "received_at");
    r->replay = json_is(json_get(root, "replay"), JSON_TRUE);

    return RECORD_OK;
}


/* copies of what another app owns, tests, and times */
static void record_finish(struct record *r)
{
    size_t         i;
    struct event  *e = r->events;
    bool           test = str_is(r->entry, "0");
    bool           standby = str_is(r->field, "standby");

    for (i = 0; i < r->nevents; i++, e++) {
        e->test = e->test || test;
        e->time = e->time ? e->time : r->time;

        if (e->test || (standby && e->kind != KIND_STANDBY)) {
            e->inner = e->kind == KIND_STANDBY ? e->inner : e->kind;
            e->kind = e->test ? KIND_TEST : KIND_STANDBY;
        }
    }
}


static enum record_rc record_events(struct record *r)
{
    size_t         i;
    struct decode  d = {
        .r = r, .account = NONE, .display = NONE, .max = RECORD_EVENTS_MAX
    };
    static const struct {
        const char    *object;
        enum product   product;
        void         (*decode)(struct decode *d);
    } objects[] = {
        { "whatsapp_business_account", PRODUCT_WHATSAPP, decode_whatsapp },
        { "page", PRODUCT_MESSENGER, decode_page },
        { "instagram", PRODUCT_INSTAGRAM, decode_instagram }
    };

    for (i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        if (str_is(r->object, objects[i].object)) {
            d.product = objects[i].product;
            objects[i].decode(&d);
            break;
        }
    }

    if (d.product == PRODUCT_NONE) {
        decode_object(&d);
    }

    record_finish(r);

    return d.rc;
}


/* record_open reads a record; each has one event at least */
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
        rc = record_events(r);
    }

    if (rc != RECORD_OK) {
        record_close(r);
    }

    return rc;
}


/* record_close releases what record_open made */
void record_close(struct record *r)
{
    struct record_scrap  *scrap;

    while ((scrap = r->scraps) != NULL) {
        r->scraps = scrap->next;
        free(scrap);
    }

    json_free(r->doc);
    free(r->events);
    r->doc = NULL;
    r->events = NULL;
    r->nevents = r->room = 0;
}


/* record_is_many: a key that ends in ":" is that of a change with several
   elements */
bool record_is_many(const struct record *r)
{
    return r->nevents > 1 && r->key.len > 1
           && r->key.at[r->key.len - 1] == ':';
}


/* record_lines writes phone_number_id:user for each element, or the key: one
   that stays whole waits in the line of each of them */
size_t record_lines(const struct record *r, struct str **keys, char **own)
{
    size_t       i;
    struct buf   b;
    struct str  *lines;

    if (!record_is_many(r)) {
        *own = NULL;
        *keys = mem_alloc(sizeof(**keys));
        **keys = decode_or(r->key, r->id);
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
