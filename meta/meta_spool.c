/*
 * Spool files as bytes: fields are put and got one by one, so that neither
 * alignment nor the machine's byte order matters.
 */

#include <string.h>
#include <zlib.h>

#include "meta_spool.h"


#define META_SPOOL_MAGIC       "METASPL1"
#define META_SPOOL_MAGIC_LEN   8
#define META_SPOOL_VERSION     1

/* offsets in the header */
#define META_SPOOL_CRC         12
#define META_SPOOL_ID          16
#define META_SPOOL_TARGET      40
#define META_SPOOL_LIST        (META_SPOOL_TARGET + META_SPOOL_TARGET_MAX)

/* the first byte is in no UTF-8, so that little looks like a record */
#define META_SPOOL_RECORD_MAGIC      "\xf5MR1"
#define META_SPOOL_RECORD_MAGIC_LEN  4

/* of a record's head, what its own checksum covers */
#define META_SPOOL_HEAD_FIELDS  28


static meta_rc_t meta_spool_judge(meta_str_t p, uint64_t id, uint64_t offset,
    meta_spool_record_t *rec);
static int meta_spool_named(const meta_spool_header_t *h);
static int meta_spool_sane(uint32_t len, uint32_t events, uint32_t replies);
static uint32_t meta_spool_header_crc(const unsigned char *p);
static uint32_t meta_spool_progress_crc(const unsigned char *p, uint64_t id);
static uint32_t meta_spool_head_crc(const unsigned char *p, uint64_t id,
    uint64_t offset);
static uint32_t meta_spool_crc(uint32_t crc, const unsigned char *p,
    size_t len);
static void meta_spool_put16(unsigned char *p, size_t n);
static void meta_spool_put32(unsigned char *p, uint32_t n);
static void meta_spool_put64(unsigned char *p, uint64_t n);
static size_t meta_spool_get16(const unsigned char *p);
static uint32_t meta_spool_get32(const unsigned char *p);
static uint64_t meta_spool_get64(const unsigned char *p);


meta_rc_t
meta_spool_header_write(unsigned char *out, const meta_spool_header_t *h)
{
    if (!meta_spool_named(h)) {
        return META_MALFORMED;
    }

    memset(out, 0, META_SPOOL_HEADER);

    memcpy(out, META_SPOOL_MAGIC, META_SPOOL_MAGIC_LEN);
    meta_spool_put32(out + 8, META_SPOOL_VERSION);
    meta_spool_put64(out + META_SPOOL_ID, h->id);
    meta_spool_put64(out + 24, h->created);
    meta_spool_put16(out + 32, h->target.len);
    meta_spool_put16(out + 34, h->list.len);
    memcpy(out + META_SPOOL_TARGET, h->target.data, h->target.len);
    memcpy(out + META_SPOOL_LIST, h->list.data, h->list.len);

    meta_spool_put32(out + META_SPOOL_CRC, meta_spool_header_crc(out));

    return META_OK;
}


meta_rc_t
meta_spool_header_read(meta_str_t p, meta_spool_header_t *h)
{
    const unsigned char  *d;

    d = p.data;

    if (p.len < META_SPOOL_HEADER
        || memcmp(d, META_SPOOL_MAGIC, META_SPOOL_MAGIC_LEN) != 0
        || meta_spool_get32(d + 8) != META_SPOOL_VERSION
        || meta_spool_get32(d + META_SPOOL_CRC) != meta_spool_header_crc(d))
    {
        return META_MALFORMED;
    }

    h->id = meta_spool_get64(d + META_SPOOL_ID);
    h->created = meta_spool_get64(d + 24);
    h->target.data = d + META_SPOOL_TARGET;
    h->target.len = meta_spool_get16(d + 32);
    h->list.data = d + META_SPOOL_LIST;
    h->list.len = meta_spool_get16(d + 34);

    return meta_spool_named(h) ? META_OK : META_MALFORMED;
}


void
meta_spool_progress_write(unsigned char *out, uint64_t id, uint64_t offset,
    uint64_t events)
{
    memset(out, 0, META_SPOOL_PROGRESS_LEN);

    meta_spool_put64(out, offset);
    meta_spool_put64(out + 8, events);
    meta_spool_put32(out + 16, meta_spool_progress_crc(out, id));
}


meta_rc_t
meta_spool_progress_read(meta_str_t p, uint64_t id, uint64_t *offset,
    uint64_t *events)
{
    const unsigned char  *d;

    *offset = META_SPOOL_HEADER;
    *events = 0;

    if (p.len < META_SPOOL_PROGRESS + META_SPOOL_PROGRESS_LEN) {
        return META_MALFORMED;
    }

    d = p.data + META_SPOOL_PROGRESS;

    if (meta_spool_get64(d) < META_SPOOL_HEADER
        || meta_spool_get32(d + 16) != meta_spool_progress_crc(d, id)
        || meta_spool_get32(d + 20) != 0)
    {
        return META_MALFORMED;
    }

    *offset = meta_spool_get64(d);
    *events = meta_spool_get64(d + 8);

    return META_OK;
}


meta_rc_t
meta_spool_record_head(unsigned char *out, uint64_t id, uint64_t offset,
    const meta_spool_record_t *rec)
{
    uint32_t  len;

    if (rec->payload.len > META_SPOOL_PAYLOAD_MAX) {
        return META_MALFORMED;
    }

    len = (uint32_t) rec->payload.len;

    if (!meta_spool_sane(len, rec->events, rec->replies)) {
        return META_MALFORMED;
    }

    memcpy(out, META_SPOOL_RECORD_MAGIC, META_SPOOL_RECORD_MAGIC_LEN);
    meta_spool_put32(out + 4, len);
    meta_spool_put32(out + 8, rec->events);
    meta_spool_put32(out + 12, rec->replies);
    meta_spool_put64(out + 16, rec->time);
    meta_spool_put32(out + 24, meta_spool_crc(0, rec->payload.data, len));
    meta_spool_put32(out + META_SPOOL_HEAD_FIELDS,
                     meta_spool_head_crc(out, id, offset));

    return META_OK;
}


meta_rc_t
meta_spool_record_next(meta_str_t buf, uint64_t id, uint64_t base,
    size_t *pos, meta_spool_record_t *rec)
{
    meta_rc_t   rc;
    meta_str_t  p;

    p.data = buf.data + *pos;
    p.len = buf.len - *pos;

    rc = meta_spool_judge(p, id, base + *pos, rec);

    if (rc == META_OK) {
        *pos += META_SPOOL_RECORD_HEAD + rec->payload.len;
    }

    return rc;
}


meta_rc_t
meta_spool_resync(meta_str_t buf, uint64_t id, uint64_t base, size_t *pos,
    size_t *need)
{
    meta_rc_t             rc;
    meta_str_t            p;
    const unsigned char  *last;
    meta_spool_record_t   rec;

    last = buf.data + buf.len;
    p.data = buf.data + *pos;

    while (last - p.data > 1) {
        p.data = memchr(p.data + 1, (unsigned char) META_SPOOL_RECORD_MAGIC[0],
                        (size_t) (last - p.data - 1));

        if (p.data == NULL) {
            break;
        }

        p.len = (size_t) (last - p.data);
        *pos = (size_t) (p.data - buf.data);

        rc = meta_spool_judge(p, id, base + *pos, &rec);

        if (rc != META_MALFORMED) {
            *need = rec.need;
            return rc;
        }
    }

    *pos = buf.len;

    return META_MALFORMED;
}


/*
 * The record at p.data, which stands at that offset of the file; nothing is
 * believed of the head, its length least, before the head's checksum holds.
 */

static meta_rc_t
meta_spool_judge(meta_str_t p, uint64_t id, uint64_t offset,
    meta_spool_record_t *rec)
{
    size_t    seen;
    uint32_t  len;

    seen = p.len < META_SPOOL_RECORD_MAGIC_LEN
           ? p.len : META_SPOOL_RECORD_MAGIC_LEN;

    rec->need = META_SPOOL_RECORD_HEAD;

    if (seen == 0) {
        return META_AGAIN;
    }

    if (memcmp(p.data, META_SPOOL_RECORD_MAGIC, seen) != 0) {
        return META_MALFORMED;
    }

    if (p.len < META_SPOOL_RECORD_HEAD) {
        return META_AGAIN;
    }

    len = meta_spool_get32(p.data + 4);

    rec->events = meta_spool_get32(p.data + 8);
    rec->replies = meta_spool_get32(p.data + 12);
    rec->time = meta_spool_get64(p.data + 16);

    if (meta_spool_get32(p.data + META_SPOOL_HEAD_FIELDS)
            != meta_spool_head_crc(p.data, id, offset)
        || !meta_spool_sane(len, rec->events, rec->replies))
    {
        return META_MALFORMED;
    }

    rec->need += len;

    if (p.len < rec->need) {
        return META_AGAIN;
    }

    rec->payload.data = p.data + META_SPOOL_RECORD_HEAD;
    rec->payload.len = len;

    return meta_spool_crc(0, rec->payload.data, len)
           == meta_spool_get32(p.data + 24) ? META_OK : META_MALFORMED;
}


static int
meta_spool_named(const meta_spool_header_t *h)
{
    return h->target.len != 0 && h->target.len <= META_SPOOL_TARGET_MAX
           && h->list.len != 0 && h->list.len <= META_SPOOL_LIST_MAX;
}


static int
meta_spool_sane(uint32_t len, uint32_t events, uint32_t replies)
{
    return len != 0 && len <= META_SPOOL_PAYLOAD_MAX
           && events != 0 && replies != 0;
}


static uint32_t
meta_spool_header_crc(const unsigned char *p)
{
    uint32_t  crc;

    crc = meta_spool_crc(0, p, META_SPOOL_CRC);

    return meta_spool_crc(crc, p + META_SPOOL_ID,
                          META_SPOOL_PROGRESS - META_SPOOL_ID);
}


static uint32_t
meta_spool_progress_crc(const unsigned char *p, uint64_t id)
{
    unsigned char  bytes[8];

    meta_spool_put64(bytes, id);

    return meta_spool_crc(meta_spool_crc(0, bytes, 8), p, 16);
}


static uint32_t
meta_spool_head_crc(const unsigned char *p, uint64_t id, uint64_t offset)
{
    unsigned char  place[16];

    meta_spool_put64(place, id);
    meta_spool_put64(place + 8, offset);

    return meta_spool_crc(meta_spool_crc(0, place, 16), p,
                          META_SPOOL_HEAD_FIELDS);
}


static uint32_t
meta_spool_crc(uint32_t crc, const unsigned char *p, size_t len)
{
    return (uint32_t) crc32_z(crc, p, len);
}


static void
meta_spool_put16(unsigned char *p, size_t n)
{
    p[0] = (unsigned char) n;
    p[1] = (unsigned char) (n >> 8);
}


static void
meta_spool_put32(unsigned char *p, uint32_t n)
{
    meta_spool_put16(p, n & 0xffff);
    meta_spool_put16(p + 2, n >> 16);
}


static void
meta_spool_put64(unsigned char *p, uint64_t n)
{
    meta_spool_put32(p, (uint32_t) n);
    meta_spool_put32(p + 4, (uint32_t) (n >> 32));
}


static size_t
meta_spool_get16(const unsigned char *p)
{
    return (size_t) p[0] | (size_t) p[1] << 8;
}


static uint32_t
meta_spool_get32(const unsigned char *p)
{
    return (uint32_t) (meta_spool_get16(p) | meta_spool_get16(p + 2) << 16);
}


static uint64_t
meta_spool_get64(const unsigned char *p)
{
    return (uint64_t) meta_spool_get32(p)
           | (uint64_t) meta_spool_get32(p + 4) << 32;
}
