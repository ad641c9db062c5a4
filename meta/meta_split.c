/*
 * One pass over the body: strict everywhere, and aware of names only in the
 * five levels above an event: body, entry array, entry, array of events,
 * event.
 *
 * A member named twice: the last counts, so what an earlier one gave is taken
 * back when the later one is met.
 */

#include <string.h>

#include "meta_json.h"
#include "meta_split.h"


#define META_SPLIT_KINDS  3     /* changes, messaging, standby */


typedef struct {
    meta_json_t    json;
    meta_event_t  *events;
    size_t         nalloc;
    size_t         n;                   /* events met, stored or not */
    meta_str_t     object;              /* tokens, as far as they are known */
    meta_str_t     field;
    meta_key_t     spare;               /* of events that are not stored */
} meta_scan_t;


/* what an entry is made of, apart from its events */
typedef struct {
    meta_str_t            id;
    meta_str_t            time;
    meta_str_t            field;
    const unsigned char  *items[META_SPLIT_KINDS];  /* NULL: no array */
    unsigned              repeated;     /* one of the arrays stands twice */
} meta_entry_t;


static meta_rc_t meta_split_body(meta_scan_t *s);
static meta_rc_t meta_split_entries(meta_scan_t *s);
static meta_rc_t meta_split_entry(meta_scan_t *s);
static meta_rc_t meta_split_entry_members(meta_scan_t *s, meta_entry_t *e);
static meta_rc_t meta_split_again(meta_scan_t *s, const meta_entry_t *e);
static meta_rc_t meta_split_items(meta_scan_t *s, const meta_entry_t *e,
    meta_event_kind_t kind);
static unsigned meta_split_shown(meta_str_t text);
static void meta_split_unkey(meta_scan_t *s, size_t *from);
static meta_rc_t meta_split_token(meta_scan_t *s, unsigned depth,
    meta_str_t *token);
static void meta_split_add(meta_scan_t *s, const unsigned char *start,
    meta_event_kind_t kind);


static const meta_str_t  meta_name_object = meta_string("object");
static const meta_str_t  meta_name_entry = meta_string("entry");
static const meta_str_t  meta_name_field = meta_string("field");
static const meta_str_t  meta_name_id = meta_string("id");
static const meta_str_t  meta_name_time = meta_string("time");

static const meta_str_t  meta_name_items[META_SPLIT_KINDS] = {
    meta_string("changes"),             /* META_EVENT_CHANGE */
    meta_string("messaging"),           /* META_EVENT_MESSAGING */
    meta_string("standby")              /* META_EVENT_STANDBY */
};


meta_rc_t
meta_split(meta_str_t body, meta_split_t *split, meta_event_t *events,
    size_t nalloc)
{
    meta_rc_t             rc;
    meta_scan_t           s;
    const unsigned char  *start, *end;

    static const meta_str_t  absent;

    if (body.len == 0) {
        return META_MALFORMED;
    }

    meta_json_init(&s.json, body.data, body.data + body.len);
    meta_json_space(&s.json);

    s.events = events;
    s.nalloc = nalloc;
    s.n = 0;

    start = s.json.p;

    s.object = absent;
    s.field = absent;

    if (start == s.json.end || *start != '{') {
        return META_MALFORMED;
    }

    s.json.p++;

    rc = meta_split_body(&s);
    if (rc != META_OK) {
        return rc;
    }

    end = s.json.p;
    meta_json_space(&s.json);

    if (s.json.p != s.json.end) {
        return META_MALFORMED;
    }

    s.json.p = end;

    if (s.n == 0 || s.n > META_MAX_EVENTS) {
        s.n = 0;
        meta_split_add(&s, start, meta_json_text(s.field).len != 0
                                  ? META_EVENT_CHANGE : META_EVENT_BODY);
    }

    split->object = s.object;
    split->nevents = s.n;

    return META_OK;
}


static meta_rc_t
meta_split_body(meta_scan_t *s)
{
    int         rc, first;
    size_t      n;
    meta_rc_t   mrc;
    meta_str_t  name, other;

    n = 0;

    for (first = 1; /* void */ ; first = 0) {

        rc = meta_json_next(&s->json, '}', first);
        if (rc != 1) {
            return rc == 0 ? META_OK : META_MALFORMED;
        }

        if (!meta_json_name(&s->json, &name)) {
            return META_MALFORMED;
        }

        if (meta_json_is(name, meta_name_entry)) {
            n = s->n = 0;
            mrc = meta_split_entries(s);

        } else if (meta_json_is(name, meta_name_object)) {
            meta_split_unkey(s, &n);
            mrc = meta_split_token(s, 1, &s->object);

        } else if (meta_json_is(name, meta_name_field)) {
            mrc = meta_split_token(s, 1, &s->field);

        } else {
            mrc = meta_split_token(s, 1, &other);
        }

        if (mrc != META_OK) {
            return mrc;
        }
    }
}


static meta_rc_t
meta_split_entries(meta_scan_t *s)
{
    int         rc, first;
    meta_rc_t   mrc;
    meta_str_t  other;

    if (s->json.p == s->json.end || *s->json.p != '[') {
        return meta_split_token(s, 1, &other);
    }

    s->json.p++;

    for (first = 1; /* void */ ; first = 0) {

        rc = meta_json_next(&s->json, ']', first);
        if (rc != 1) {
            return rc == 0 ? META_OK : META_MALFORMED;
        }

        mrc = meta_split_entry(s);
        if (mrc != META_OK) {
            return mrc;
        }
    }
}


static meta_rc_t
meta_split_entry(meta_scan_t *s)
{
    size_t                i, n;
    meta_rc_t             rc;
    meta_str_t            token;
    meta_entry_t          e;
    const unsigned char  *start;

    if (s->json.p == s->json.end || *s->json.p != '{') {
        rc = meta_split_token(s, 2, &token);
        if (rc == META_OK) {
            meta_split_add(s, token.data, META_EVENT_ENTRY);
        }

        return rc;
    }

    n = s->n;
    start = s->json.p++;

    rc = meta_split_entry_members(s, &e);

    if (rc == META_OK && e.repeated) {
        s->n = n;
        rc = meta_split_again(s, &e);
    }

    if (rc != META_OK) {
        return rc;
    }

    if (s->n == n) {
        meta_split_add(s, start, meta_json_text(e.field).len != 0
                                 ? META_EVENT_CHANGE : META_EVENT_ENTRY);
    }

    /* id and time may stand behind the events */

    for (i = n; i < s->n && i < s->nalloc; i++) {
        s->events[i].entry_id = e.id;
        s->events[i].entry_time = e.time;
    }

    return META_OK;
}


static meta_rc_t
meta_split_entry_members(meta_scan_t *s, meta_entry_t *e)
{
    int         k, rc, first;
    size_t      n;
    unsigned    met;
    meta_rc_t   mrc;
    meta_str_t  name, other;

    static const meta_entry_t  empty;

    *e = empty;
    n = s->n;
    met = 0;

    for (first = 1; /* void */ ; first = 0) {

        rc = meta_json_next(&s->json, '}', first);
        if (rc != 1) {
            return rc == 0 ? META_OK : META_MALFORMED;
        }

        if (!meta_json_name(&s->json, &name)) {
            return META_MALFORMED;
        }

        for (k = 0; k < META_SPLIT_KINDS; k++) {
            if (meta_json_is(name, meta_name_items[k])) {
                break;
            }
        }

        if (k < META_SPLIT_KINDS) {
            e->repeated |= met >> k & 1;
            met |= 1u << k;

            e->items[k] = (s->json.p < s->json.end && *s->json.p == '[')
                          ? s->json.p : NULL;

            mrc = (e->items[k] != NULL)
                  ? meta_split_items(s, e, (meta_event_kind_t) k)
                  : meta_split_token(s, 3, &other);

        } else if (meta_json_is(name, meta_name_id)) {
            meta_split_unkey(s, &n);
            mrc = meta_split_token(s, 3, &e->id);

        } else if (meta_json_is(name, meta_name_time)) {
            mrc = meta_split_token(s, 3, &e->time);

        } else if (meta_json_is(name, meta_name_field)) {
            mrc = meta_split_token(s, 3, &e->field);

        } else {
            mrc = meta_split_token(s, 3, &other);
        }

        if (mrc != META_OK) {
            return mrc;
        }
    }
}


/*
 * The events of an entry in which an array stands twice: only those of the
 * last arrays, in the order of the bytes.  An entry is read again at most
 * once, so a hostile body costs twice the time and not the square of it.
 */

static meta_rc_t
meta_split_again(meta_scan_t *s, const meta_entry_t *e)
{
    int                   k, next;
    meta_rc_t             rc;
    const unsigned char  *p, *done;

    p = s->json.p;
    done = NULL;

    for ( ;; ) {
        next = -1;

        for (k = 0; k < META_SPLIT_KINDS; k++) {
            if (e->items[k] != NULL
                && (done == NULL || e->items[k] > done)
                && (next == -1 || e->items[k] < e->items[next]))
            {
                next = k;
            }
        }

        if (next == -1) {
            s->json.p = p;
            return META_OK;
        }

        done = e->items[next];
        s->json.p = done;

        rc = meta_split_items(s, e, (meta_event_kind_t) next);
        if (rc != META_OK) {
            return rc;
        }
    }
}


/*
 * s->json.p stands at the opening bracket.  What the record says of an event
 * is found while it is scanned, as far as object and entry are known by now:
 * Meta sends them first, mostly.
 */

static meta_rc_t
meta_split_items(meta_scan_t *s, const meta_entry_t *e,
    meta_event_kind_t kind)
{
    int                   rc, first;
    unsigned              keyed;
    meta_rc_t             mrc;
    meta_str_t            object, entry;
    const unsigned char  *start;

    object = meta_json_text(s->object);
    entry = meta_json_ident(e->id);

    keyed = meta_split_shown(object) && meta_split_shown(entry);

    s->json.p++;

    for (first = 1; /* void */ ; first = 0) {

        rc = meta_json_next(&s->json, ']', first);
        if (rc != 1) {
            return rc == 0 ? META_OK : META_MALFORMED;
        }

        start = s->json.p;

        mrc = meta_key(&s->json, 4, kind, object, entry,
                       s->n < s->nalloc ? &s->events[s->n].key : &s->spare);
        if (mrc != META_OK) {
            return mrc;
        }

        meta_split_add(s, start, kind);

        if (s->n <= s->nalloc) {
            s->events[s->n - 1].keyed = keyed;
        }
    }
}


/* 1 if the record shows the text as it was sent */

static unsigned
meta_split_shown(meta_str_t text)
{
    return text.len == 0
           || (text.len <= META_TEXT_MAX
               && memchr(text.data, '\\', text.len) == NULL);
}


/*
 * What is known of the events from *from on was found with another object or
 * entry.  *from moves, so that a name that stands there often is cheap.
 */

static void
meta_split_unkey(meta_scan_t *s, size_t *from)
{
    for ( /* void */ ; *from < s->n; (*from)++) {
        if (*from < s->nalloc) {
            s->events[*from].keyed = 0;
        }
    }
}


static meta_rc_t
meta_split_token(meta_scan_t *s, unsigned depth, meta_str_t *token)
{
    meta_rc_t             rc;
    const unsigned char  *start;

    start = s->json.p;

    rc = meta_json_value(&s->json, depth);

    token->data = start;
    token->len = (size_t) (s->json.p - start);

    return rc;
}


/* the event ends where the scan stands */

static void
meta_split_add(meta_scan_t *s, const unsigned char *start,
    meta_event_kind_t kind)
{
    meta_event_t  *ev;

    static const meta_str_t  absent;

    if (s->n < s->nalloc) {
        ev = &s->events[s->n];

        ev->raw.data = start;
        ev->raw.len = (size_t) (s->json.p - start);
        ev->entry_id = absent;
        ev->entry_time = absent;
        ev->kind = kind;
        ev->keyed = 0;
    }

    s->n++;
}
