/*
 * meta_spool: what is written is read back, and what a power cut or a worn
 * disk makes of it is never taken for something else.
 */

#include <stdlib.h>

#include "tap.h"
#include "meta/meta_spool.c"


#define FILE_ID   0x1122334455667788
#define OTHER_ID  0x1122334455667789
#define CREATED   1763700000123
#define NRECORDS  4
#define FILE_MAX  8192


typedef struct {
    unsigned char  data[FILE_MAX];
    size_t         len;
    size_t         at[NRECORDS + 1];    /* where each begins, and the end */
} file_t;


/* what a reader got of a file */
typedef struct {
    size_t         at[NRECORDS + 1];
    size_t         n;
    size_t         wrong;               /* a record that was never written */
    size_t         stops;               /* how often damage was met */
    int            torn;                /* the end is inside of a record */
} harvest_t;


static const meta_spool_header_t  header = {
    FILE_ID, CREATED, meta_string("unix:/run/redis.sock db=3"),
    meta_string("meta:events")
};

/* the third holds what looks like records, and ends as one begins */
static const meta_spool_record_t  records[NRECORDS] = {
    { 1763700000200, 1, 1, meta_string("*1\r\n$4\r\nPING\r\n"), 0 },
    { UINT64_MAX, UINT32_MAX, UINT32_MAX, meta_string("x"), 0 },
    { 0, 3, 5, meta_string("\xf5MR1\xf5\xf5MR1\0\0\0\1\xf5M"), 0 },
    { 1763700000300, 2, 1,
      meta_string("*4\r\n$5\r\nRPUSH\r\n$1\r\nQ\r\n$1\r\na\r\n$1\r\nb\r\n"), 0 }
};


static void
file_write(file_t *f)
{
    size_t                      i;
    const meta_spool_record_t  *rec;

    (void) meta_spool_header_write(f->data, &header);
    f->len = META_SPOOL_HEADER;

    for (i = 0; i < NRECORDS; i++) {
        rec = &records[i];
        f->at[i] = f->len;

        (void) meta_spool_record_head(f->data + f->len, FILE_ID, f->len, rec);
        f->len += META_SPOOL_RECORD_HEAD;

        memcpy(f->data + f->len, rec->payload.data, rec->payload.len);
        f->len += rec->payload.len;
    }

    f->at[NRECORDS] = f->len;
}


static int
same_record(const meta_spool_record_t *a, const meta_spool_record_t *b)
{
    return a->time == b->time && a->events == b->events
           && a->replies == b->replies && a->payload.len == b->payload.len
           && memcmp(a->payload.data, b->payload.data, a->payload.len) == 0;
}


static void
harvest_add(harvest_t *h, const file_t *f, size_t at,
    const meta_spool_record_t *rec)
{
    size_t  i;

    for (i = 0; i < NRECORDS && f->at[i] != at; i++) { /* void */ }

    if (i == NRECORDS || !same_record(rec, &records[i])) {
        h->wrong++;
        return;
    }

    h->at[h->n++] = i;
}


/*
 * Reads the file at records as nginx does, with a buffer of that many bytes
 * that grows only where a record asks; each buffer is as long as it says, so
 * that the sanitizer sees what is read behind it.
 */

static void
harvest(harvest_t *h, const file_t *now, const file_t *f, uint64_t id,
    size_t chunk)
{
    size_t                at, pos, size, need, was;
    meta_rc_t             rc;
    meta_str_t            buf;
    unsigned char        *p;
    meta_spool_record_t   rec;

    memset(h, 0, sizeof(harvest_t));
    size = chunk;

    for (at = META_SPOOL_HEADER; at < now->len; at += pos) {
        if (size > now->len - at) {
            size = now->len - at;
        }

        p = malloc(size);
        memcpy(p, now->data + at, size);
        buf.data = p;
        buf.len = size;
        pos = 0;

        for ( ;; ) {
            was = pos;
            rc = meta_spool_record_next(buf, id, at, &pos, &rec);
            need = rec.need;

            if (rc == META_OK) {
                harvest_add(h, f, at + was, &rec);
                continue;
            }

            if (rc == META_MALFORMED) {
                h->stops++;
                rc = meta_spool_resync(buf, id, at, &pos, &need);
            }

            if (rc != META_OK) {
                break;
            }
        }

        free(p);
        size = chunk;

        if (rc == META_AGAIN) {
            if (need > now->len - at - pos) {
                h->torn = now->len != at + pos;
                return;
            }

            size = need > chunk ? need : chunk;
        }
    }
}


/* all records but that one (NRECORDS: all), in their order */

static int
harvest_without(const harvest_t *h, size_t lost)
{
    size_t  i, n;

    for (i = 0, n = 0; i < NRECORDS; i++) {
        if (i != lost && (n == h->n || h->at[n++] != i)) {
            return 0;
        }
    }

    return n == h->n && h->wrong == 0;
}


/* the bytes as another program wrote them: the format on disk is a promise */

static void
test_layout(void)
{
    static unsigned char  out[META_SPOOL_HEADER], zeros[META_SPOOL_HEADER];
    meta_spool_record_t   rec = records[0];

    static const unsigned char  start[] = {
        0x4d, 0x45, 0x54, 0x41, 0x53, 0x50, 0x4c, 0x31,
        0x01, 0x00, 0x00, 0x00, 0x7c, 0x61, 0x5b, 0xba,
        0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
        0x7b, 0x45, 0xb6, 0xa4, 0x9a, 0x01, 0x00, 0x00,
        0x19, 0x00, 0x0b, 0x00, 0x00, 0x00, 0x00, 0x00
    };

    static const unsigned char  progress[] = {
        0x88, 0x13, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x4d, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0xc6, 0x6a, 0x1e, 0xa3, 0x00, 0x00, 0x00, 0x00
    };

    static const unsigned char  head[] = {
        0xf5, 0x4d, 0x52, 0x31, 0x0e, 0x00, 0x00, 0x00,
        0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
        0xc8, 0x45, 0xb6, 0xa4, 0x9a, 0x01, 0x00, 0x00,
        0x78, 0xdf, 0x11, 0x60, 0xaa, 0x74, 0xe6, 0x40
    };

    memset(out, 0xff, sizeof(out));
    is_int(meta_spool_header_write(out, &header), META_OK, "header written");
    is_mem(out, sizeof(start), start, sizeof(start), "header: numbers");
    is_mem(out + 40, 26, "unix:/run/redis.sock db=3", 26, "header: target");
    is_mem(out + 552, 12, "meta:events", 12, "header: list");
    is_mem(out + 752, 4096 - 752, zeros, 4096 - 752, "header: then zeros");

    meta_spool_progress_write(out, FILE_ID, 5000, 77);
    is_mem(out, sizeof(progress), progress, sizeof(progress), "progress");

    is_int(meta_spool_record_head(out, FILE_ID, 4096, &rec), META_OK,
           "record head written");
    is_mem(out, sizeof(head), head, sizeof(head), "record head");
}


static void
test_header(void)
{
    size_t                i, kept, refused;
    char                  name[META_SPOOL_TARGET_MAX + 1];
    unsigned char         out[META_SPOOL_HEADER];
    meta_str_t            p = { out, sizeof(out) };
    meta_spool_header_t   h, got;

    memset(name, 'n', sizeof(name));

    h = header;
    h.target.data = h.list.data = (unsigned char *) name;
    h.target.len = META_SPOOL_TARGET_MAX;
    h.list.len = META_SPOOL_LIST_MAX;

    is_int(meta_spool_header_write(out, &h), META_OK, "the longest names");
    is_int(meta_spool_header_read(p, &got), META_OK, "are read");
    is_mem(got.target.data, got.target.len, name, 512, "target");
    is_mem(got.list.data, got.list.len, name, 200, "list");
    ok(got.id == FILE_ID && got.created == CREATED, "id and created");

    h.target.len++;
    is_int(meta_spool_header_write(out, &h), META_MALFORMED, "target: 513");
    h.target.len = 0;
    is_int(meta_spool_header_write(out, &h), META_MALFORMED, "target: none");
    h.target.len = 1;
    h.list.len++;
    is_int(meta_spool_header_write(out, &h), META_MALFORMED, "list: 201");
    h.list.len = 0;
    is_int(meta_spool_header_write(out, &h), META_MALFORMED, "list: none");

    (void) meta_spool_header_write(out, &header);

    for (i = 0, kept = 0, refused = 0; i < sizeof(out) * 8; i++) {
        out[i / 8] ^= (unsigned char) (1 << i % 8);

        if (meta_spool_header_read(p, &got) != META_OK) {
            refused++;
        } else if (got.id == h.id && got.created == h.created) {
            kept++;
        }

        out[i / 8] ^= (unsigned char) (1 << i % 8);
    }

    is_int((long long) refused, META_SPOOL_PROGRESS * 8,
           "each bit before the progress is guarded");
    is_int((long long) kept,
           (META_SPOOL_HEADER - META_SPOOL_PROGRESS) * 8, "no other matters");

    for (i = 0, refused = 0; i < sizeof(out); i++) {
        p.len = i;
        p.data = memcpy(malloc(i + 1), out, i);
        refused += meta_spool_header_read(p, &got) == META_MALFORMED;
        free((void *) p.data);
    }

    is_int((long long) refused, META_SPOOL_HEADER, "none is read in part");
}


/* numbers that lie under a checksum that holds */

static void
test_header_lies(void)
{
    size_t               i;
    unsigned char        out[META_SPOOL_HEADER];
    meta_str_t           p = { out, sizeof(out) };
    meta_spool_header_t  got;

    static const struct {
        size_t       at;
        size_t       value;
        const char  *name;
    } lies[] = {
        { 8, 2, "another version" },
        { 32, 0, "target: none" },
        { 32, 513, "target: 513" },
        { 32, 65535, "target: 65535" },
        { 34, 0, "list: none" },
        { 34, 201, "list: 201" },
        { 34, 65535, "list: 65535" },
    };

    for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        (void) meta_spool_header_write(out, &header);
        meta_spool_put16(out + lies[i].at, lies[i].value);
        meta_spool_put32(out + META_SPOOL_CRC, meta_spool_header_crc(out));

        is_int(meta_spool_header_read(p, &got), META_MALFORMED, lies[i].name);
    }
}


static void
test_progress(void)
{
    size_t          i, refused;
    uint64_t        offset, events;
    unsigned char   out[META_SPOOL_HEADER], *p;
    meta_str_t      page = { out, sizeof(out) };

    (void) meta_spool_header_write(out, &header);
    p = out + META_SPOOL_PROGRESS;

    is_int(meta_spool_progress_read(page, FILE_ID, &offset, &events),
           META_MALFORMED, "a new file has no progress");
    ok(offset == META_SPOOL_HEADER && events == 0, "it is at its start");

    meta_spool_progress_write(p, FILE_ID, UINT64_MAX - 1, UINT64_MAX);
    is_int(meta_spool_progress_read(page, FILE_ID, &offset, &events), META_OK,
           "the largest progress");
    ok(offset == UINT64_MAX - 1 && events == UINT64_MAX, "is read");

    is_int(meta_spool_progress_read(page, OTHER_ID, &offset, &events),
           META_MALFORMED, "another file's progress");
    ok(offset == META_SPOOL_HEADER && events == 0, "is the start");

    page.len = META_SPOOL_PROGRESS + META_SPOOL_PROGRESS_LEN - 1;
    is_int(meta_spool_progress_read(page, FILE_ID, &offset, &events),
           META_MALFORMED, "a byte too few");
    page.len++;
    is_int(meta_spool_progress_read(page, FILE_ID, &offset, &events),
           META_OK, "as many as it takes");

    meta_spool_progress_write(p, FILE_ID, META_SPOOL_HEADER - 1, 1);
    is_int(meta_spool_progress_read(page, FILE_ID, &offset, &events),
           META_MALFORMED, "an offset in the header");

    meta_spool_progress_write(p, FILE_ID, 5000, 77);

    for (i = 0, refused = 0; i < META_SPOOL_PROGRESS_LEN * 8; i++) {
        p[i / 8] ^= (unsigned char) (1 << i % 8);
        refused += meta_spool_progress_read(page, FILE_ID, &offset, &events)
                   == META_MALFORMED && offset == META_SPOOL_HEADER;
        p[i / 8] ^= (unsigned char) (1 << i % 8);
    }

    is_int((long long) refused, META_SPOOL_PROGRESS_LEN * 8,
           "progress: each bit is guarded");
}


static void
test_ceilings(void)
{
    unsigned char        out[META_SPOOL_RECORD_HEAD], *big;
    meta_spool_record_t  rec = records[0];

    rec.payload.len = 0;
    is_int(meta_spool_record_head(out, 1, 4096, &rec), META_MALFORMED,
           "no payload");
    rec.payload.len = (size_t) META_SPOOL_PAYLOAD_MAX + 1;
    is_int(meta_spool_record_head(out, 1, 4096, &rec), META_MALFORMED,
           "256 MB and a byte");
    rec.payload.len = SIZE_MAX / 2 + 2;
    is_int(meta_spool_record_head(out, 1, 4096, &rec), META_MALFORMED,
           "a length of which 32 bits would look like 1");

    rec = records[0];
    rec.events = 0;
    is_int(meta_spool_record_head(out, 1, 4096, &rec), META_MALFORMED,
           "no events");
    rec = records[0];
    rec.replies = 0;
    is_int(meta_spool_record_head(out, 1, 4096, &rec), META_MALFORMED,
           "no replies");

    big = calloc(1, META_SPOOL_PAYLOAD_MAX);
    rec = records[0];
    rec.payload.data = big;
    rec.payload.len = META_SPOOL_PAYLOAD_MAX;
    is_int(meta_spool_record_head(out, 1, 4096, &rec), META_OK, "256 MB");
    free(big);
}


/* lengths and counts that lie under a checksum that holds */

static void
test_record_lies(void)
{
    size_t               i, pos, need;
    unsigned char       *p;
    meta_str_t           buf;
    meta_spool_record_t  rec = records[0];

    static const struct {
        size_t       at;
        uint32_t     value;
        meta_rc_t    rc;
        const char  *name;
    } lies[] = {
        { 4, 0, META_MALFORMED, "length 0" },
        { 4, 13, META_MALFORMED, "length one less" },
        { 4, 15, META_AGAIN, "length one more" },
        { 4, META_SPOOL_PAYLOAD_MAX, META_AGAIN, "length 256 MB" },
        { 4, META_SPOOL_PAYLOAD_MAX + 1, META_MALFORMED, "256 MB and one" },
        { 4, UINT32_MAX - 31, META_MALFORMED, "a length that wraps around" },
        { 4, UINT32_MAX, META_MALFORMED, "the longest length" },
        { 8, 0, META_MALFORMED, "no events" },
        { 12, 0, META_MALFORMED, "no replies" },
    };

    buf.len = META_SPOOL_RECORD_HEAD + rec.payload.len;
    buf.data = p = malloc(buf.len);
    memcpy(p + META_SPOOL_RECORD_HEAD, rec.payload.data, rec.payload.len);

    for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        (void) meta_spool_record_head(p, FILE_ID, 4096, &records[0]);
        meta_spool_put32(p + lies[i].at, lies[i].value);
        meta_spool_put32(p + 28, meta_spool_head_crc(p, FILE_ID, 4096));

        pos = 0;
        is_int(meta_spool_record_next(buf, FILE_ID, 4096, &pos, &rec),
               lies[i].rc, lies[i].name);
        is_int((long long) pos, 0, "nothing is passed over");

        if (lies[i].rc == META_AGAIN) {
            is_int((long long) rec.need, 32 + (long long) lies[i].value,
                   "what it needs");
        }

        /* the bytes before are no record's */

        is_int(meta_spool_resync(buf, FILE_ID, 4096, &pos, &need),
               META_MALFORMED, "nothing behind it");
        is_int((long long) pos, (long long) buf.len, "up to the end");
    }

    free(p);
}


/* the last record up to each of its bytes, by each size of buffer */

static void
test_truncated(const file_t *f)
{
    size_t     len, bad, chunk;
    file_t     now;
    harvest_t  h;

    for (chunk = 1, bad = 0; chunk <= f->len - META_SPOOL_HEADER; chunk++) {
        harvest(&h, f, f, FILE_ID, chunk);
        bad += !harvest_without(&h, NRECORDS) || h.torn || h.stops != 0;
    }

    is_int((long long) bad, 0, "all records, whatever the buffer");

    now = *f;

    for (len = f->at[NRECORDS - 1] + 1, bad = 0; len < f->len; len++) {
        now.len = len;
        harvest(&h, &now, f, FILE_ID, FILE_MAX);
        bad += !harvest_without(&h, NRECORDS - 1) || !h.torn || h.stops != 0;

        /* the same, had the file system given zeros for the rest */

        memset(now.data + len, 0, f->len - len);
        now.len = f->len;
        harvest(&h, &now, f, FILE_ID, FILE_MAX);
        bad += !harvest_without(&h, NRECORDS - 1) || h.torn || h.stops != 1;
        memcpy(now.data + len, f->data + len, f->len - len);
    }

    is_int((long long) bad, 0, "torn at each byte: those before are there");

    now.len = f->at[NRECORDS - 1];
    harvest(&h, &now, f, FILE_ID, FILE_MAX);
    ok(harvest_without(&h, NRECORDS - 1) && !h.torn && h.stops == 0,
       "not torn between two records");
}


static void
test_bits(const file_t *f)
{
    size_t     bit, record, bad, size, i;
    file_t     now;
    harvest_t  h;

    static const size_t  sizes[] = { 1, 40, FILE_MAX };

    now = *f;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size = sizes[i];
        record = 0;
        bad = 0;

        for (bit = META_SPOOL_HEADER * 8; bit < f->len * 8; bit++) {
            record += bit / 8 == f->at[record + 1];

            now.data[bit / 8] ^= (unsigned char) (1 << bit % 8);
            harvest(&h, &now, f, FILE_ID, size);
            now.data[bit / 8] ^= (unsigned char) (1 << bit % 8);

            bad += !harvest_without(&h, record) || h.torn || h.stops == 0;
        }

        is_int((long long) bad, 0,
               "one bit wrong costs its record and no other");
    }
}


static void
test_strangers(const file_t *f)
{
    size_t     i, bad, len;
    file_t     now;
    harvest_t  h;

    harvest(&h, f, f, OTHER_ID, FILE_MAX);
    ok(h.n == 0 && h.wrong == 0 && h.stops != 0,
       "another file's records are none");

    /* what an older sector brings back: a record where it did not stand */

    for (i = 0, bad = 0; i < NRECORDS; i++) {
        len = f->at[i + 1] - f->at[i];
        now = *f;
        memcpy(now.data + f->len, f->data + f->at[i], len);
        now.len += len;
        harvest(&h, &now, f, FILE_ID, FILE_MAX);
        bad += !harvest_without(&h, NRECORDS) || h.stops != 1;
    }

    is_int((long long) bad, 0, "a record at another offset is none");

    now = *f;
    memset(now.data + f->at[1], 0, f->at[3] - f->at[1]);
    harvest(&h, &now, f, FILE_ID, 40);
    ok(h.n == 2 && h.at[0] == 0 && h.at[1] == 3 && h.wrong == 0,
       "records on both sides of zeros");

    memset(now.data + META_SPOOL_HEADER, 0xf5, f->len - META_SPOOL_HEADER);
    harvest(&h, &now, f, FILE_ID, 40);
    ok(h.n == 0 && h.wrong == 0, "nothing but the first byte of the magic");
}


static void
test_resync(const file_t *f)
{
    size_t      i, pos, need;
    meta_str_t  buf = { f->data, f->len };

    for (i = 0; i < NRECORDS; i++) {
        pos = f->at[i] - 1;
        is_int(meta_spool_resync(buf, FILE_ID, 0, &pos, &need), META_OK,
               "from a byte before a record");
        is_int((long long) pos, (long long) f->at[i], "to that record");

        is_int(meta_spool_resync(buf, FILE_ID, 0, &pos, &need),
               i + 1 < NRECORDS ? META_OK : META_MALFORMED, "from a record");
        is_int((long long) pos, (long long) f->at[i + 1], "to the next");
    }

    is_int(meta_spool_resync(buf, FILE_ID, 0, &pos, &need), META_MALFORMED,
           "from the end");
    is_int((long long) pos, (long long) f->len, "it stays there");

    for (i = 1; i < f->at[4] - f->at[3]; i++) {
        buf.len = f->at[3] + i;
        pos = f->at[3] - 1;

        if (meta_spool_resync(buf, FILE_ID, 0, &pos, &need) != META_AGAIN
            || pos != f->at[3]
            || need != (i < 32 ? 32 : f->at[4] - f->at[3]))
        {
            break;
        }
    }

    is_int((long long) i, (long long) (f->at[4] - f->at[3]),
           "a record that has only begun is named, and what it needs");
}


int
main(void)
{
    file_t  f;

    file_write(&f);

    test_layout();
    test_header();
    test_header_lies();
    test_progress();
    test_ceilings();
    test_record_lies();
    test_truncated(&f);
    test_bits(&f);
    test_strangers(&f);
    test_resync(&f);

    return done();
}
