/*
 * Queue records: whatever the event is, what a handler gets is JSON and ends
 * with the record as it came.
 */

#include <stdint.h>
#include <stdlib.h>

#include "consumer/view.h"


#define check(condition)  ((condition) ? (void) 0 : abort())

#define EVENTS_MAX  8


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


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


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char           *own;
    size_t          i, n;
    struct str      bytes = { (const char *) data, size }, *keys;
    struct record   r;

    if (record_open(bytes, &r) != RECORD_OK) {
        return 0;
    }

    for (i = 0; i < r.nevents && i < EVENTS_MAX; i++) {
        fuzz_view(&r, bytes, &r.events[i]);
    }

    n = record_lines(&r, &keys, &own);
    check(n <= r.nevents || n == 1);
    free(keys);
    free(own);
    record_close(&r);

    return 0;
}
