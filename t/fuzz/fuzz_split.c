/*
 * meta_split() against yajl on every input (design 3): both take it as an
 * object or both refuse, except VT and FF as white space and depth, which only
 * ours refuses.  Counts, order, places and prefixes of the events as well.
 */

#include <stdio.h>

#include "meta/meta_split.h"
#include "yajl_judge.h"


#define FUZZ_EVENTS  4096


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_events(meta_str_t body, const meta_event_t *events,
    size_t n);
static void fuzz_prefix(meta_str_t body, const meta_split_t *split,
    size_t nalloc);
static void fuzz_slices(meta_str_t body, meta_rc_t want,
    const meta_split_t *split, size_t n, size_t budget);
static int fuzz_same_key(const meta_key_t *a, const meta_key_t *b);
static int fuzz_same(const meta_str_t *a, const meta_str_t *b);
static int fuzz_inside(meta_str_t body, meta_str_t slice);


static meta_event_t  events[FUZZ_EVENTS];
static meta_event_t  prefix[FUZZ_EVENTS];


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int           good;
    size_t        n;
    judge_t       j;
    meta_rc_t     rc;
    meta_str_t    body = { data, size };
    meta_split_t  split;

    rc = meta_split(body, &split, events, FUZZ_EVENTS);

    n = (rc != META_OK) ? 0
        : split.nevents < FUZZ_EVENTS ? split.nevents : FUZZ_EVENTS;

    fuzz_slices(body, rc, &split, n, 1);
    fuzz_slices(body, rc, &split, n, 1 + size / 3);
    fuzz_slices(body, rc, &split, n, size == 0 ? 1 : 1 + data[size / 2] % 32);

    good = judge(&j, body) && j.is_object;

    if (rc == META_TOO_DEEP) {
        check(j.deepest > META_MAX_DEPTH);
        return 0;
    }

    if (!good) {
        check(rc == META_MALFORMED);
        return 0;
    }

    if (memchr(data, '\v', size) != NULL || memchr(data, '\f', size) != NULL) {
        check(rc == META_MALFORMED);
        return 0;
    }

    check(rc == META_OK);
    check(j.deepest <= META_MAX_DEPTH);

    n = (j.total == 0 || j.total > META_MAX_EVENTS) ? 1 : j.total;
    check(split.nevents == n);

    if (n > FUZZ_EVENTS) {
        n = FUZZ_EVENTS;
    }

    fuzz_events(body, events, n);

    fuzz_prefix(body, &split, 0);
    fuzz_prefix(body, &split, 1);
    fuzz_prefix(body, &split, n / 2);
    fuzz_prefix(body, &split, n - 1);

    return 0;
}


static void
fuzz_events(meta_str_t body, const meta_event_t *ev, size_t n)
{
    size_t                i;
    judge_t               j;
    const unsigned char  *last;

    last = body.data;

    for (i = 0; i < n; i++, ev++) {

        check(fuzz_inside(body, ev->raw));
        check(ev->raw.len != 0 && ev->raw.data >= last);

        last = ev->raw.data + ev->raw.len;

        check(judge(&j, ev->raw));

        if (ev->entry_id.len != 0) {
            check(fuzz_inside(body, ev->entry_id));
            check(judge(&j, ev->entry_id));
        }

        if (ev->entry_time.len != 0) {
            check(fuzz_inside(body, ev->entry_time));
            check(judge(&j, ev->entry_time));
        }
    }
}


static void
fuzz_prefix(meta_str_t body, const meta_split_t *split, size_t nalloc)
{
    size_t        i;
    meta_split_t  again;

    check(meta_split(body, &again, prefix, nalloc) == META_OK);
    check(again.nevents == split->nevents);
    check(again.object.data == split->object.data
          && again.object.len == split->object.len);

    for (i = 0; i < nalloc; i++) {
        check(fuzz_same(&events[i].raw, &prefix[i].raw));
        check(fuzz_same(&events[i].entry_id, &prefix[i].entry_id));
        check(fuzz_same(&events[i].entry_time, &prefix[i].entry_time));
        check(events[i].kind == prefix[i].kind);
        check(events[i].keyed == prefix[i].keyed);
    }
}


/* the same judgement and events, wherever the split was paused */

static void
fuzz_slices(meta_str_t body, meta_rc_t want, const meta_split_t *split,
    size_t n, size_t budget)
{
    size_t        i, runs;
    meta_rc_t     rc;
    meta_scan_t   s;
    meta_split_t  sliced;

    meta_split_begin(&s, body, prefix, FUZZ_EVENTS);
    runs = 0;

    do {
        rc = meta_split_run(&s, budget, &sliced);
        check(runs++ <= 3 * body.len + 3);
    } while (rc == META_AGAIN);

    check(rc == want);

    if (rc != META_OK) {
        return;
    }

    check(sliced.nevents == split->nevents);
    check(fuzz_same(&sliced.object, &split->object));

    for (i = 0; i < n; i++) {
        check(fuzz_same(&events[i].raw, &prefix[i].raw));
        check(fuzz_same(&events[i].entry_id, &prefix[i].entry_id));
        check(fuzz_same(&events[i].entry_time, &prefix[i].entry_time));
        check(events[i].kind == prefix[i].kind);
        check(events[i].keyed == prefix[i].keyed);
        check(!events[i].keyed
              || fuzz_same_key(&events[i].key, &prefix[i].key));
    }
}


static int
fuzz_same_key(const meta_key_t *a, const meta_key_t *b)
{
    unsigned  i;

    for (i = 0; i < a->nid && i < b->nid; i++) {
        if (!fuzz_same(&a->id[i], &b->id[i])) {
            return 0;
        }
    }

    return a->nid == b->nid && a->several == b->several
           && a->own_time == b->own_time && a->time == b->time
           && fuzz_same(&a->account, &b->account)
           && fuzz_same(&a->line, &b->line)
           && fuzz_same(&a->field, &b->field);
}


static int
fuzz_same(const meta_str_t *a, const meta_str_t *b)
{
    return a->data == b->data && a->len == b->len;
}


static int
fuzz_inside(meta_str_t body, meta_str_t slice)
{
    return slice.data >= body.data
           && slice.data + slice.len <= body.data + body.len;
}
