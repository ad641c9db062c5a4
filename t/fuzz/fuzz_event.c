/*
 * Queue records: whatever the event is, there is one at least, all that it
 * says can be read, and what a handler gets is JSON and ends with the record as
 * it came; of several each says the same as a record of its own.
 */

#include <stdint.h>
#include <stdlib.h>

#include "consumer/view.h"


#define check(condition)  ((condition) ? (void) 0 : abort())

#define EVENTS_MAX  8


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* a slice that points nowhere is found by the sanitizer */
static size_t fuzz_sum(struct str s)
{
    size_t  i, sum = s.len;

    for (i = 0; i < s.len; i++) {
        sum += (unsigned char) s.at[i];
    }

    return sum;
}


static void fuzz_members(const struct event *e)
{
    size_t            i, sum = 0;
    const struct str  all[] = {
        e->account, e->waba, e->id, e->type, e->user, e->phone, e->bsuid,
        e->prev_phone, e->prev_bsuid, e->name, e->username, e->group,
        e->line, e->to, e->text, e->payload, e->reply_to, e->ref, e->app,
        e->state, e->target, e->template_name, e->template_language,
        e->template_id, e->comment.id, e->comment.parent, e->comment.post,
        e->comment.media
    };

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        check(all[i].at != NULL);
        sum += fuzz_sum(all[i]);
    }

    check(e->kind < KINDS && e->inner < KINDS && sum != (size_t) -1);
    check((e->address == ADDRESS_NONE) == (e->to.len == 0));
    check(e->test == (e->kind == KIND_TEST));
}


static void fuzz_view(const struct record *r, struct str bytes,
    const struct event *event)
{
    struct buf  b;

    buf_init(&b, VIEW_MAX);
    view_write(&b, r, bytes, event, 1, 1763700000000);
    check(!b.over && b.len > bytes.len && b.at[b.len - 1] == '}');
    check(memcmp(b.at + b.len - 1 - bytes.len, bytes.at, bytes.len) == 0);
    check(json_valid(b.at, b.len));
    buf_free(&b);
}


static void fuzz_part(const struct record *r, size_t n, struct str bytes)
{
    struct buf     whole, part;
    struct record  one;

    check(record_open(bytes, &one) == RECORD_OK && one.nevents == 1);
    buf_init(&whole, VIEW_MAX);
    buf_init(&part, VIEW_MAX);
    view_write(&whole, r, STR("{}"), &r->events[n], 1, 1763700000000);
    view_write(&part, &one, STR("{}"), &one.events[0], 1, 1763700000000);
    check(whole.len == part.len && memcmp(whole.at, part.at, part.len) == 0);
    buf_free(&whole);
    buf_free(&part);
    record_close(&one);
}


static void fuzz_parts(const struct record *r, struct str bytes)
{
    char        *own;
    size_t       i;
    struct str  *parts = record_each(r, bytes, &own);

    for (i = 0; parts != NULL && i < r->nevents; i++) {
        fuzz_part(r, i, parts[i]);
    }

    if (parts != NULL) {
        free(own);
    }
    free(parts);
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char           *own;
    size_t          i, n;
    struct str      bytes = { (const char *) data, size }, *keys;
    struct record   r;

    if (record_open(bytes, &r) != RECORD_OK) {
        return 0;
    }

    check(r.nevents > 0);

    for (i = 0; i < r.nevents && i < EVENTS_MAX; i++) {
        fuzz_members(&r.events[i]);
        fuzz_view(&r, bytes, &r.events[i]);
    }

    n = record_lines(&r, &keys, &own);
    check(n <= r.nevents || n == 1);
    free(keys);
    free(own);
    fuzz_parts(&r, bytes);
    record_close(&r);

    return 0;
}
