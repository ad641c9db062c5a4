/*
 * meta_record_head(): head, event and '}' are JSON with the keys of contract 4
 * in order and within their limits, always the same, and the same again where
 * every letter of the body's strings is escaped.
 */

#include <stdio.h>

#include "meta/meta_record.h"
#include "yajl_judge.h"


#define FUZZ_EVENTS  64
#define FUZZ_SIZE    65536


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t fuzz_head(unsigned char *out, const meta_split_t *split,
    const meta_event_t *ev, size_t n, size_t budget);
static void fuzz_key(meta_event_t *ev, const meta_split_t *split);
static void fuzz_record(const unsigned char *head, size_t len,
    const meta_event_t *ev);
static const unsigned char *fuzz_string(const unsigned char *p,
    const char *literal, size_t max);
static const unsigned char *fuzz_number(const unsigned char *p,
    const char *literal, int null);
static size_t fuzz_escaped(unsigned char *out, const uint8_t *data,
    size_t size);
static void fuzz_same(const unsigned char *a, size_t na,
    const unsigned char *b, size_t nb);


static meta_hash_t    hash;
static meta_event_t   events[FUZZ_EVENTS];
static meta_event_t   others[FUZZ_EVENTS];
static unsigned char  record[FUZZ_SIZE];
static unsigned char  escaped[FUZZ_SIZE];


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t         i, n, len, other_len;
    meta_str_t     body = { data, size }, other;
    meta_event_t   alone;
    meta_split_t   split, other_split;
    unsigned char  head[META_RECORD_HEAD_MAX], again[META_RECORD_HEAD_MAX];

    if (hash.ctx == NULL) {
        check(meta_hash_init(&hash) == META_OK);
    }

    if (size > FUZZ_SIZE / 8
        || meta_split(body, &split, events, FUZZ_EVENTS) != META_OK)
    {
        return 0;
    }

    other.data = escaped;
    other.len = fuzz_escaped(escaped, data, size);

    check(meta_split(other, &other_split, others, FUZZ_EVENTS) == META_OK);
    check(other_split.nevents == split.nevents);

    n = (split.nevents < FUZZ_EVENTS) ? split.nevents : FUZZ_EVENTS;

    for (i = 0; i < n; i++) {
        len = fuzz_head(head, &split, &events[i], i, SIZE_MAX);

        fuzz_record(head, len, &events[i]);

        other_len = fuzz_head(again, &split, &events[i], i,
                              1 + data[i % size] % 64);
        check(other_len == len && memcmp(head, again, len) == 0);

        /* what the split found on its way is what the event alone says */

        alone = events[i];
        fuzz_key(&alone, &split);

        other_len = fuzz_head(again, &split, &alone, i,
                              1 + data[i % size] % 64);
        check(other_len == len && memcmp(head, again, len) == 0);

        check(others[i].kind == events[i].kind);

        other_len = fuzz_head(again, &other_split, &others[i], i, SIZE_MAX);
        fuzz_same(head, len, again, other_len);
    }

    return 0;
}


static size_t
fuzz_head(unsigned char *out, const meta_split_t *split,
    const meta_event_t *ev, size_t n, size_t budget)
{
    size_t              len, runs;
    meta_rc_t           mrc;
    meta_head_t         h;
    meta_record_ctx_t   rc;

    static const meta_str_t  app = meta_string("1234567890");
    static const meta_str_t  delivery =
        meta_string("9f86d081884c7d659a2feaa0c55ad015");

    rc.app = app;
    rc.delivery = delivery;
    rc.received_at = INT64_C(1763700000123);
    rc.split = split;
    rc.hash = &hash;

    meta_record_begin(&rc);

    meta_head_begin(&h, out, &rc, ev);
    runs = 0;

    do {
        mrc = meta_head_run(&h, budget);
        check(runs++ <= 3 * ev->raw.len + 3);
    } while (mrc == META_AGAIN);

    check(mrc == META_OK);

    len = meta_head_end(&h, n);

    check(len != 0 && len <= META_RECORD_HEAD_MAX);

    return len;
}


static void
fuzz_key(meta_event_t *ev, const meta_split_t *split)
{
    meta_str_t     entry;
    meta_json_t    j;
    unsigned char  buf[META_TEXT_MAX];

    entry = meta_json_ident(ev->entry_id);

    if (meta_json_encode(entry, buf, META_TEXT_MAX) < 0) {
        entry.len = 0;
    }

    meta_json_init(&j, ev->raw.data, ev->raw.data + ev->raw.len);
    check(meta_key(&j, 0, ev->kind, meta_json_text(split->object), entry,
                   &ev->key) == META_OK);
}


static void
fuzz_record(const unsigned char *head, size_t len, const meta_event_t *ev)
{
    judge_t               j;
    meta_str_t            whole;
    const unsigned char  *p;

    p = fuzz_string(head, "{\"v\":1,\"id\":\"", 512);
    p = fuzz_string(p, "\",\"app\":\"", 32);
    p = fuzz_string(p, "\",\"object\":\"", 256);
    p = fuzz_string(p, "\",\"entry\":\"", 256);
    p = fuzz_number(p, "\",\"time\":", 1);
    p = fuzz_string(p, ",\"field\":\"", 256);
    p = fuzz_string(p, "\",\"key\":\"", 512);
    p = fuzz_string(p, "\",\"delivery\":\"", 32);
    p = fuzz_number(p, "\",\"n\":", 0);
    p = fuzz_number(p, ",\"of\":", 0);
    p = fuzz_number(p, ",\"received_at\":", 0);

    check((size_t) (head + len - p) == 9 && memcmp(p, ",\"event\":", 9) == 0);

    memcpy(record, head, len);
    memcpy(record + len, ev->raw.data, ev->raw.len);
    record[len + ev->raw.len] = '}';

    whole.data = record;
    whole.len = len + ev->raw.len + 1;

    check(judge(&j, whole) && j.is_object);
}


/* p behind the literal and the text that follows it, at the closing quote */

static const unsigned char *
fuzz_string(const unsigned char *p, const char *literal, size_t max)
{
    const unsigned char  *start;

    check(memcmp(p, literal, strlen(literal)) == 0);

    start = p + strlen(literal);

    for (p = start; *p != '"'; p++) {
        check(*p >= 0x20);

        if (*p == '\\') {
            p++;
        }
    }

    check((size_t) (p - start) <= max);

    return p;
}


static const unsigned char *
fuzz_number(const unsigned char *p, const char *literal, int null)
{
    const unsigned char  *start;

    check(memcmp(p, literal, strlen(literal)) == 0);

    p += strlen(literal);

    if (null && memcmp(p, "null", 4) == 0) {
        return p + 4;
    }

    for (start = p; *p >= '0' && *p <= '9'; p++) { /* void */ }

    check(p > start && p - start <= 19);
    check(*start != '0' || p - start == 1);

    return p;
}


/* the body with each plain letter of a string as its escape */

static size_t
fuzz_escaped(unsigned char *out, const uint8_t *data, size_t size)
{
    int             in_string;
    size_t          i;
    unsigned char  *p;

    p = out;
    in_string = 0;

    for (i = 0; i < size; i++) {

        if (data[i] == '"') {
            in_string = !in_string;
            *p++ = '"';

        } else if (!in_string || data[i] >= 0x7f) {
            *p++ = data[i];

        } else if (data[i] == '\\') {
            *p++ = data[i++];
            *p++ = data[i];

            if (data[i] == 'u') {
                memcpy(p, &data[i + 1], 4);
                p += 4;
                i += 4;
            }

        } else {
            p += snprintf((char *) p, 7, "\\u%04x", data[i]);
        }
    }

    return (size_t) (p - out);
}


/* two heads alike, but for an id that is a hash of different bytes */

static void
fuzz_same(const unsigned char *a, size_t na, const unsigned char *b,
    size_t nb)
{
    size_t  id = strlen("{\"v\":1,\"id\":\"sha256:");

    check(na == nb && memcmp(a, b, id - 7) == 0);

    if (memcmp(a + id - 7, "sha256:", 7) == 0) {
        check(memcmp(a, b, id) == 0);
        check(memcmp(a + id + 32, b + id + 32, na - id - 32) == 0);
        return;
    }

    check(memcmp(a, b, na) == 0);
}
