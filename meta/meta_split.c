/*
 * One pass over the body: strict everywhere, and aware of names only in the
 * five levels above an event: body, entry array, entry, array of events,
 * event.  Where it stands is a step and not a place on the stack, so that it
 * can be left at any member and gone on with later.
 *
 * A member named twice: the last counts, so what an earlier one gave is taken
 * back when the later one is met.
 */

#include <string.h>

#include "meta_json.h"
#include "meta_split.h"


static meta_rc_t meta_split_body(meta_scan_t *s);
static meta_rc_t meta_split_entries(meta_scan_t *s);
static meta_rc_t meta_split_entry(meta_scan_t *s);
static meta_rc_t meta_split_again(meta_scan_t *s);
static meta_rc_t meta_split_items(meta_scan_t *s);
static void meta_split_enter(meta_scan_t *s, meta_event_kind_t kind,
    const unsigned char *bracket);
static meta_rc_t meta_split_leave(meta_scan_t *s);
static meta_rc_t meta_split_end(meta_scan_t *s);
static meta_rc_t meta_split_keys(meta_scan_t *s);
static void meta_split_key(meta_scan_t *s, meta_event_t *ev);
static meta_rc_t meta_split_token(meta_scan_t *s, unsigned depth,
    meta_str_t *token, meta_pending_t pending);
static meta_rc_t meta_split_pending(meta_scan_t *s);
static void meta_split_seek(meta_scan_t *s, const unsigned char *p);
static unsigned meta_split_shown(meta_str_t text);
static void meta_split_unkey(meta_scan_t *s, size_t *from);
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
    meta_scan_t  s;

    meta_split_begin(&s, body, events, nalloc);

    return meta_split_run(&s, SIZE_MAX, split);
}


void
meta_split_begin(meta_scan_t *s, meta_str_t body, meta_event_t *events,
    size_t nalloc)
{
    static const meta_str_t    absent;
    static const meta_entry_t  none;

    meta_json_init(&s->json, body.data, body.data + body.len);

    s->events = events;
    s->nalloc = nalloc;
    s->n = 0;

    s->step = meta_split_body;
    s->first = 1;
    s->again = 0;
    s->start = NULL;
    s->object = absent;
    s->field = absent;
    s->unkey = 0;
    s->entry = none;
    s->pending = META_SPLIT_NOTHING;
}


meta_rc_t
meta_split_run(meta_scan_t *s, size_t budget, meta_split_t *split)
{
    meta_rc_t  rc;

    if (s->start == NULL) {
        meta_json_space(&s->json);

        s->start = s->json.p;

        if (s->json.p == s->json.end || *s->json.p != '{') {
            return META_MALFORMED;
        }

        s->json.p++;
    }

    s->budget = budget;
    s->from = s->json.p;
    meta_split_seek(s, s->json.p);

    if (s->pending != META_SPLIT_NOTHING) {
        rc = meta_split_pending(s);
        if (rc != META_OK) {
            return rc;
        }
    }

    while (s->step != NULL) {

        if (s->json.p >= s->json.stop && s->json.p < s->json.end) {
            return META_AGAIN;
        }

        rc = s->step(s);
        if (rc != META_OK) {
            return rc;
        }
    }

    split->object = s->object;
    split->nevents = s->n;

    return META_OK;
}


/* behind the body's closing bracket */

static meta_rc_t
meta_split_end(meta_scan_t *s)
{
    const unsigned char  *end;

    end = s->json.p;
    meta_json_space(&s->json);

    if (s->json.p != s->json.end) {
        return META_MALFORMED;
    }

    s->json.p = end;

    if (s->n == 0 || s->n > META_MAX_EVENTS) {
        s->n = 0;
        meta_split_add(s, s->start, meta_json_text(s->field).len != 0
                                    ? META_EVENT_CHANGE : META_EVENT_BODY);
    }

    s->nkeyed = 0;
    s->step = meta_split_keys;

    return META_OK;
}


/*
 * What was found while object or entry were not yet known, or were others, is
 * looked for again now that they are; and in what is one event as a whole.
 */

static meta_rc_t
meta_split_keys(meta_scan_t *s)
{
    meta_event_t  *ev;

    for ( /* void */ ; s->nkeyed < s->n && s->nkeyed < s->nalloc; s->nkeyed++) {
        ev = &s->events[s->nkeyed];

        if (!ev->keyed) {
            meta_split_key(s, ev);
            return meta_split_pending(s);
        }
    }

    s->step = NULL;

    return META_OK;
}


static void
meta_split_key(meta_scan_t *s, meta_event_t *ev)
{
    meta_str_t     entry;
    unsigned char  buf[META_TEXT_MAX];

    entry = meta_json_ident(ev->entry_id);

    if (meta_json_encode(entry, buf, META_TEXT_MAX) < 0) {
        entry.len = 0;
    }

    meta_split_seek(s, ev->raw.data);

    s->pending = META_SPLIT_KEY;

    meta_key_begin(&s->key, 0, ev->kind, meta_json_text(s->object), entry);
}


/* a member of the body */

static meta_rc_t
meta_split_body(meta_scan_t *s)
{
    int         rc;
    meta_str_t  name;

    rc = meta_json_next(&s->json, '}', s->first);
    s->first = 0;

    if (rc != 1) {
        s->step = meta_split_end;
        return rc == 0 ? META_OK : META_MALFORMED;
    }

    if (!meta_json_name(&s->json, &name)) {
        return META_MALFORMED;
    }

    if (meta_json_is(name, meta_name_entry)) {
        s->n = 0;
        s->unkey = 0;

        if (s->json.p < s->json.end && *s->json.p == '[') {
            s->json.p++;
            s->first = 1;
            s->step = meta_split_entries;
            return META_OK;
        }

    } else if (meta_json_is(name, meta_name_object)) {
        meta_split_unkey(s, &s->unkey);
        return meta_split_token(s, 1, &s->object, META_SPLIT_TOKEN);

    } else if (meta_json_is(name, meta_name_field)) {
        return meta_split_token(s, 1, &s->field, META_SPLIT_TOKEN);
    }

    return meta_split_token(s, 1, &s->other, META_SPLIT_TOKEN);
}


/* an element of the array of entries */

static meta_rc_t
meta_split_entries(meta_scan_t *s)
{
    int  rc;

    static const meta_entry_t  empty;

    rc = meta_json_next(&s->json, ']', s->first);
    s->first = 0;

    if (rc != 1) {
        s->step = meta_split_body;
        return rc == 0 ? META_OK : META_MALFORMED;
    }

    if (s->json.p == s->json.end || *s->json.p != '{') {
        return meta_split_token(s, 2, &s->other, META_SPLIT_ELEMENT);
    }

    s->entry = empty;
    s->entry.start = s->json.p++;
    s->entry.n = s->n;
    s->entry.unkey = s->n;

    s->first = 1;
    s->step = meta_split_entry;

    return META_OK;
}


/* a member of an entry */

static meta_rc_t
meta_split_entry(meta_scan_t *s)
{
    int            k, rc;
    meta_str_t     name;
    meta_entry_t  *e;

    e = &s->entry;

    rc = meta_json_next(&s->json, '}', s->first);
    s->first = 0;

    if (rc == -1) {
        return META_MALFORMED;
    }

    if (rc == 0) {
        return meta_split_leave(s);
    }

    if (!meta_json_name(&s->json, &name)) {
        return META_MALFORMED;
    }

    for (k = 0; k < META_SPLIT_KINDS; k++) {
        if (!meta_json_is(name, meta_name_items[k])) {
            continue;
        }

        e->repeated |= e->met >> k & 1;
        e->met |= 1u << k;
        e->items[k] = NULL;

        if (s->json.p == s->json.end || *s->json.p != '[') {
            return meta_split_token(s, 3, &s->other, META_SPLIT_TOKEN);
        }

        e->items[k] = s->json.p;
        meta_split_enter(s, (meta_event_kind_t) k, s->json.p);

        return META_OK;
    }

    if (meta_json_is(name, meta_name_id)) {
        meta_split_unkey(s, &e->unkey);
        return meta_split_token(s, 3, &e->id, META_SPLIT_TOKEN);
    }

    return meta_split_token(s, 3,
                            meta_json_is(name, meta_name_time) ? &e->time
                            : meta_json_is(name, meta_name_field) ? &e->field
                            : &s->other, META_SPLIT_TOKEN);
}


/* behind the closing bracket of an entry */

static meta_rc_t
meta_split_leave(meta_scan_t *s)
{
    size_t         i;
    meta_entry_t  *e;

    e = &s->entry;

    if (e->repeated && !s->again) {
        s->again = 1;
        s->n = e->n;
        s->left = s->json.p;
        s->at = NULL;
        s->step = meta_split_again;

        return META_OK;
    }

    s->again = 0;

    if (s->n == e->n) {
        meta_split_add(s, e->start, meta_json_text(e->field).len != 0
                                    ? META_EVENT_CHANGE : META_EVENT_ENTRY);
    }

    /* id and time may stand behind the events */

    for (i = e->n; i < s->n && i < s->nalloc; i++) {
        s->events[i].entry_id = e->id;
        s->events[i].entry_time = e->time;
    }

    s->step = meta_split_entries;

    return META_OK;
}


/*
 * The events of an entry in which an array stands twice: only those of the
 * last arrays, in the order of the bytes.  An entry is read again at most
 * once, so a hostile body costs twice the time and not the square of it.
 */

static meta_rc_t
meta_split_again(meta_scan_t *s)
{
    int                    k, next;
    const unsigned char  **items;

    items = s->entry.items;
    next = -1;

    for (k = 0; k < META_SPLIT_KINDS; k++) {
        if (items[k] != NULL && (next == -1 || items[k] < items[next])) {
            next = k;
        }
    }

    if (next == -1) {
        meta_split_seek(s, s->left);
        return meta_split_leave(s);
    }

    meta_split_seek(s, items[next]);
    meta_split_enter(s, (meta_event_kind_t) next, items[next]);

    items[next] = NULL;

    return META_OK;
}


/*
 * What the record says of an event is found while it is scanned, as far as
 * object and entry are known by now: Meta sends them first, mostly.
 */

static void
meta_split_enter(meta_scan_t *s, meta_event_kind_t kind,
    const unsigned char *bracket)
{
    s->kind = kind;
    s->shown[0] = meta_json_text(s->object);
    s->shown[1] = meta_json_ident(s->entry.id);

    s->keyed = meta_split_shown(s->shown[0]) && meta_split_shown(s->shown[1]);

    s->json.p = bracket + 1;
    s->first = 1;
    s->step = meta_split_items;
}


/* an event */

static meta_rc_t
meta_split_items(meta_scan_t *s)
{
    int  rc;

    rc = meta_json_next(&s->json, ']', s->first);
    s->first = 0;

    if (rc != 1) {
        s->step = s->again ? meta_split_again : meta_split_entry;
        return rc == 0 ? META_OK : META_MALFORMED;
    }

    s->at = s->json.p;
    s->pending = META_SPLIT_EVENT;

    meta_key_begin(&s->key, 4, s->kind, s->shown[0], s->shown[1]);

    return meta_split_pending(s);
}


static meta_rc_t
meta_split_token(meta_scan_t *s, unsigned depth, meta_str_t *token,
    meta_pending_t pending)
{
    s->at = s->json.p;
    s->token = token;
    s->pending = pending;

    meta_json_skip_init(&s->skip, depth);

    return meta_split_pending(s);
}


/* what was begun, or was paused */

static meta_rc_t
meta_split_pending(meta_scan_t *s)
{
    meta_rc_t  rc;

    if (s->pending == META_SPLIT_EVENT) {
        rc = meta_key_run(&s->json, &s->key,
                          s->n < s->nalloc ? &s->events[s->n].key : &s->spare);

    } else if (s->pending == META_SPLIT_KEY) {
        rc = meta_key_run(&s->json, &s->key, &s->events[s->nkeyed].key);

    } else {
        rc = meta_json_skip(&s->json, &s->skip);
    }

    if (rc != META_OK) {
        return rc;
    }

    if (s->pending == META_SPLIT_EVENT) {
        meta_split_add(s, s->at, s->kind);

        if (s->n <= s->nalloc) {
            s->events[s->n - 1].keyed = s->keyed;
        }

    } else if (s->pending == META_SPLIT_KEY) {
        s->events[s->nkeyed++].keyed = 1;

    } else {
        s->token->data = s->at;
        s->token->len = (size_t) (s->json.p - s->at);

        if (s->pending == META_SPLIT_ELEMENT) {
            meta_split_add(s, s->at, META_EVENT_ENTRY);
        }
    }

    s->pending = META_SPLIT_NOTHING;

    return META_OK;
}


/* what is left of the run's budget goes on from there */

static void
meta_split_seek(meta_scan_t *s, const unsigned char *p)
{
    size_t  used;

    used = (size_t) (s->json.p - s->from);

    s->budget = (used < s->budget) ? s->budget - used : 0;
    s->from = p;

    s->json.p = p;
    s->json.stop = (s->budget < (size_t) (s->json.end - p))
                   ? p + s->budget : s->json.end;
}


/* 1 if the record shows the text as it was sent */

static unsigned
meta_split_shown(meta_str_t text)
{
    return text.len <= META_TEXT_MAX && !meta_json_escaped(text);
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
