/*
 * The reader of spool files: whatever the bytes, what it accepts is written
 * again as the same bytes, and a search behind damage finds what looking at
 * each place in turn finds.
 *
 * The first 8 bytes of the input are the file's id and, of its upper 7, the
 * offset in the file where the others stand.  They are read as they are, and
 * again with each checksum mended: next to nothing would be accepted else.
 */

#include <stdio.h>
#include <sys/mman.h>
#include <zlib.h>

#include "meta/meta_spool.h"
#include "yajl_judge.h"


#define FUZZ_SIZE  16384


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_records(meta_str_t buf, uint64_t id, uint64_t base);
static size_t fuzz_resync(meta_str_t buf, uint64_t id, uint64_t base,
    size_t pos);
static void fuzz_header(meta_str_t page, uint64_t id);
static unsigned char *fuzz_copy(meta_str_t s);
static void fuzz_mend_records(unsigned char *p, size_t len, uint64_t id,
    uint64_t base);
static void fuzz_mend_header(unsigned char *p, uint64_t id);
static uint32_t fuzz_crc(const uint64_t *numbers, size_t n,
    const unsigned char *p, size_t len);
static void fuzz_put32(unsigned char *p, uint32_t n);


static unsigned char  page[META_SPOOL_HEADER];


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          len;
    uint64_t        id, base;
    meta_str_t      buf, whole;
    unsigned char  *copy;

    if (size < 8 || size > FUZZ_SIZE) {
        return 0;
    }

    memcpy(&id, data, 8);
    base = id >> 8;

    buf.data = data + 8;
    buf.len = size - 8;

    fuzz_header(buf, id);
    fuzz_records(buf, id, base);

    copy = fuzz_copy(buf);
    fuzz_mend_records(copy, buf.len, id, base);
    buf.data = copy;
    fuzz_records(buf, id, base);

    len = buf.len < sizeof(page) ? buf.len : sizeof(page);
    memset(page, 0, sizeof(page));
    memcpy(page, data + 8, len);
    fuzz_mend_header(page, id);
    whole.data = page;
    whole.len = sizeof(page);
    fuzz_header(whole, id);

    return 0;
}


static void
fuzz_records(meta_str_t buf, uint64_t id, uint64_t base)
{
    size_t                pos, was;
    meta_rc_t             rc;
    unsigned char         head[META_SPOOL_RECORD_HEAD];
    meta_spool_record_t   rec;

    for (pos = 0; pos < buf.len; /* void */) {
        was = pos;
        rc = meta_spool_record_next(buf, id, base, &pos, &rec);

        if (rc == META_OK) {
            check(rec.payload.data == buf.data + was + sizeof(head));
            check(rec.payload.len <= buf.len - was - sizeof(head));
            check(pos == was + sizeof(head) + rec.payload.len);

            check(meta_spool_record_head(head, id, base + was, &rec)
                  == META_OK);
            check(memcmp(head, buf.data + was, sizeof(head)) == 0);

            continue;
        }

        check(pos == was);

        if (rc == META_AGAIN) {
            check(rec.need > buf.len - pos);
            check(rec.need <= sizeof(head) + META_SPOOL_PAYLOAD_MAX);
        }

        pos = fuzz_resync(buf, id, base, pos);
    }
}


static size_t
fuzz_resync(meta_str_t buf, uint64_t id, uint64_t base, size_t pos)
{
    size_t               at, found, need;
    meta_rc_t            rc, want;
    meta_spool_record_t  rec;

    found = pos;
    rc = meta_spool_resync(buf, id, base, &found, &need);
    check(found > pos && found <= buf.len);

    for (at = pos + 1, want = META_MALFORMED; at < buf.len; at++) {
        pos = at;
        want = meta_spool_record_next(buf, id, base, &pos, &rec);

        if (want != META_MALFORMED) {
            break;
        }
    }

    check(rc == want && found == at);
    check(rc == META_MALFORMED || need == rec.need);

    return found;
}


static void
fuzz_header(meta_str_t p, uint64_t id)
{
    uint64_t              offset, events;
    meta_rc_t             rc;
    unsigned char         out[META_SPOOL_PROGRESS_LEN];
    meta_spool_header_t   h, again;

    static unsigned char  written[META_SPOOL_HEADER];

    rc = meta_spool_progress_read(p, id, &offset, &events);
    check(offset >= META_SPOOL_HEADER);

    if (rc == META_OK) {
        meta_spool_progress_write(out, id, offset, events);
        check(memcmp(out, p.data + META_SPOOL_PROGRESS, sizeof(out)) == 0);

    } else {
        check(offset == META_SPOOL_HEADER && events == 0);
    }

    if (meta_spool_header_read(p, &h) != META_OK) {
        return;
    }

    check(h.target.data >= p.data && h.list.data >= p.data);
    check(h.target.data + h.target.len <= p.data + META_SPOOL_PROGRESS);
    check(h.list.data + h.list.len <= p.data + META_SPOOL_PROGRESS);

    check(meta_spool_header_write(written, &h) == META_OK);

    p.data = written;
    p.len = sizeof(written);
    check(meta_spool_header_read(p, &again) == META_OK);

    check(again.id == h.id && again.created == h.created);
    check(again.target.len == h.target.len && again.list.len == h.list.len);
    check(memcmp(again.target.data, h.target.data, h.target.len) == 0);
    check(memcmp(again.list.data, h.list.data, h.list.len) == 0);
}


/*
 * Ends where a page begins that nobody may read: zlib is not instrumented, so
 * that the sanitizer would not see it read too far.
 */

static unsigned char *
fuzz_copy(meta_str_t s)
{
    static unsigned char  *end;

    if (end == NULL) {
        end = mmap(NULL, 2 * FUZZ_SIZE, PROT_READ|PROT_WRITE,
                   MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);
        check(end != MAP_FAILED);

        end += FUZZ_SIZE;
        check(mprotect(end, FUZZ_SIZE, PROT_NONE) == 0);
    }

    return memcpy(end - s.len, s.data, s.len);
}


/* from the end to the start: a record may hold another's likeness */

static void
fuzz_mend_records(unsigned char *p, size_t len, uint64_t id, uint64_t base)
{
    size_t    at;
    uint32_t  n;
    uint64_t  place[2];

    for (at = len; at-- > 0; /* void */) {
        if (len - at < META_SPOOL_RECORD_HEAD
            || memcmp(p + at, "\xf5MR1", 4) != 0)
        {
            continue;
        }

        n = (uint32_t) p[at + 4] | (uint32_t) p[at + 5] << 8
            | (uint32_t) p[at + 6] << 16 | (uint32_t) p[at + 7] << 24;

        if (n <= len - at - META_SPOOL_RECORD_HEAD) {
            fuzz_put32(p + at + 24, fuzz_crc(NULL, 0,
                                      p + at + META_SPOOL_RECORD_HEAD, n));
        }

        place[0] = id;
        place[1] = base + at;
        fuzz_put32(p + at + 28, fuzz_crc(place, 2, p + at, 28));
    }
}


static void
fuzz_mend_header(unsigned char *p, uint64_t id)
{
    uint32_t        crc;
    unsigned char  *progress;

    memcpy(p, "METASPL1\1\0\0\0", 12);
    crc = fuzz_crc(NULL, 0, p, 12);
    fuzz_put32(p + 12, (uint32_t) crc32(crc, p + 16, 2048 - 16));

    progress = p + META_SPOOL_PROGRESS;
    fuzz_put32(progress + 16, fuzz_crc(&id, 1, progress, 16));
}


/* of numbers as 8 bytes each, and the bytes behind them */

static uint32_t
fuzz_crc(const uint64_t *numbers, size_t n, const unsigned char *p,
    size_t len)
{
    size_t         i;
    uLong          crc;
    unsigned char  bytes[8];

    crc = crc32(0, NULL, 0);

    for (i = 0; i < n; i++) {
        fuzz_put32(bytes, (uint32_t) numbers[i]);
        fuzz_put32(bytes + 4, (uint32_t) (numbers[i] >> 32));
        crc = crc32(crc, bytes, 8);
    }

    return (uint32_t) crc32(crc, p, (uInt) len);
}


static void
fuzz_put32(unsigned char *p, uint32_t n)
{
    size_t  i;

    for (i = 0; i < 4; i++) {
        p[i] = (unsigned char) (n >> 8 * i);
    }
}
