/*
 * A spool file as bytes: what nginx keeps on disk while Redis is away.  One
 * file holds the commands of one Redis and one list, written by one worker,
 * one behind the other.  After a power cut its tail may be torn, sectors may
 * be old or zero, bits may be flipped: whatever is read here is judged first.
 *
 * Integers are little-endian, times milliseconds since 1970.  All checksums
 * are zlib's crc32.
 *
 *   0     "METASPL1", version u32, crc u32 of the other bytes before 2048,
 *   16    file id u64, created u64,
 *   32    target's length u16, list's length u16, 4 zeros,
 *   40    target, 512 bytes, list, 200 bytes, both filled up with zeros,
 *   752   zeros
 *   2048  progress, in a sector of its own since it is written again:
 *         offset u64, events u64, crc u32 of id and both, 4 zeros
 *   2072  zeros, never read
 *   4096  records: head and payload, one behind the other, no gaps
 *
 * A record's head:
 *
 *   0     F5 "MR1", payload's length u32, events u32, replies u32,
 *   16    time u64, crc u32 of the payload,
 *   28    crc u32 of file id u64, the record's offset in the file u64, and
 *         the 28 bytes before
 *
 * The head has a checksum of its own, so that a length is believed before the
 * payload is read, and a record's likeness inside of a payload costs nothing.
 * An old record, or another file's, is none: the checksum knows its place.
 */

#ifndef META_SPOOL_H
#define META_SPOOL_H

#include "meta.h"


#define META_SPOOL_HEADER        4096
#define META_SPOOL_TARGET_MAX    512
#define META_SPOOL_LIST_MAX      200

/* where progress stands in the file, and its length */
#define META_SPOOL_PROGRESS      2048
#define META_SPOOL_PROGRESS_LEN  24

#define META_SPOOL_RECORD_HEAD   32
#define META_SPOOL_PAYLOAD_MAX   (256 * 1024 * 1024)


typedef struct {
    uint64_t              id;       /* random: records of one file only */
    uint64_t              created;
    meta_str_t            target;   /* as meta_redis says, no password */
    meta_str_t            list;     /* its name without the partition */
} meta_spool_header_t;


typedef struct {
    uint64_t              time;     /* when the delivery came */
    uint32_t              events;   /* in the payload */
    uint32_t              replies;  /* how many Redis sends: 1, MULTI 2 + n */
    meta_str_t            payload;  /* a whole command, as Redis reads it */
    size_t                need;     /* META_AGAIN: bytes wanted from there on */
} meta_spool_record_t;


META_HIDDEN_BEGIN

/*
 * All META_SPOOL_HEADER bytes of a new file's header, without progress.
 * META_OK, or META_MALFORMED: target or list is empty or too long.
 */
meta_rc_t meta_spool_header_write(unsigned char *out,
    const meta_spool_header_t *h);

/*
 * META_OK: h is filled, its slices point into p.  META_MALFORMED: this is no
 * header, not a whole one, a damaged one, or one of another version.
 */
meta_rc_t meta_spool_header_read(meta_str_t p, meta_spool_header_t *h);

/*
 * Up to where the file is drained, META_SPOOL_PROGRESS_LEN bytes that belong
 * at META_SPOOL_PROGRESS: the offset where the next record begins, and how
 * many events are before it.
 */
void meta_spool_progress_write(unsigned char *out, uint64_t id,
    uint64_t offset, uint64_t events);

/*
 * From the header's bytes p.  META_OK.  META_MALFORMED: none was written, or
 * it is damaged; offset and events say then that nothing is drained.  It may
 * point behind the file's end: the caller, who knows that, looks.
 */
meta_rc_t meta_spool_progress_read(meta_str_t p, uint64_t id,
    uint64_t *offset, uint64_t *events);

/*
 * The META_SPOOL_RECORD_HEAD bytes that belong before rec->payload, for a
 * record that begins at that offset of the file.  META_OK, or META_MALFORMED:
 * the payload is empty or over META_SPOOL_PAYLOAD_MAX, or has no events or
 * replies.  Reads the whole payload.
 */
meta_rc_t meta_spool_record_head(unsigned char *out, uint64_t id,
    uint64_t offset, const meta_spool_record_t *rec);

/*
 * The record at buf[*pos], *pos <= buf.len, where buf[0] stands at the offset
 * base of the file.  META_OK: rec is filled, its payload points into buf,
 * *pos is behind it.  META_AGAIN: what is there is a record's beginning (or
 * nothing), and rec->need bytes from *pos on are wanted to judge it; at the
 * file's end that is a torn record.  META_MALFORMED: no record is there.
 * Only META_OK moves *pos.
 */
meta_rc_t meta_spool_record_next(meta_str_t buf, uint64_t id, uint64_t base,
    size_t *pos, meta_spool_record_t *rec);

/*
 * After damage at buf[*pos]: moves *pos on to the first record behind it.
 * META_OK: it is there.  META_AGAIN: what is there may be one, need bytes from
 * there on are wanted to judge it.  META_MALFORMED: there is none, *pos is
 * buf.len.  With each the caller goes on with meta_spool_record_next().
 */
meta_rc_t meta_spool_resync(meta_str_t buf, uint64_t id, uint64_t base,
    size_t *pos, size_t *need);

META_HIDDEN_END


#endif /* META_SPOOL_H */
