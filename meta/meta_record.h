/*
 * The queue record: what stands before an event on the Redis list, and how
 * its id, key and time are found (the two tables of contract 4).
 */

#ifndef META_RECORD_H
#define META_RECORD_H

#include "meta.h"
#include "meta_split.h"


#define META_RECORD_HEAD_MAX  2046  /* a record is at most 2 KB longer */

#define META_RECORD_KEY_MAX  512    /* id, key as written */

#define META_RECORD_APP_MAX       32
#define META_RECORD_DELIVERY_MAX  32    /* what is longer is cut */


/* an EVP_MD_CTX kept for the ids that are hashes; not thread-safe */
typedef struct {
    void                *ctx;
    void                *md;
} meta_hash_t;


/* what all records of one delivery share; the caller fills the first five */
typedef struct {
    meta_str_t           app;           /* digits or empty */
    meta_str_t           delivery;      /* nginx' request id */
    int64_t              received_at;   /* milliseconds since 1970, UTC */
    const meta_split_t  *split;
    meta_hash_t         *hash;

    meta_str_t           object;        /* as the record writes it */
    size_t               napp;          /* from "app" to "entry" */
    size_t               ndelivery;     /* from "delivery" to "n" */
    size_t               nof;           /* from "of" to "event" */
    unsigned char        app_buf[META_TEXT_MAX + META_RECORD_APP_MAX + 48];
    unsigned char        delivery_buf[META_RECORD_DELIVERY_MAX + 32];
    unsigned char        of_buf[80];
} meta_record_ctx_t;


/* a text as the record writes it, and where it stands if not in the body */
typedef struct {
    meta_str_t           text;
    unsigned char        buf[META_TEXT_MAX];
} meta_text_t;


/* a head on its way */
typedef struct {
    unsigned char            *out;
    unsigned char            *p;        /* behind the id */
    const meta_record_ctx_t  *rc;
    const meta_event_t       *ev;
    meta_text_t               entry;
    size_t                    hashed;   /* bytes of the event */
    unsigned                  hashing;
} meta_head_t;


META_HIDDEN_BEGIN

meta_rc_t meta_hash_init(meta_hash_t *h);
void meta_hash_free(meta_hash_t *h);

/* writes once what is the same in each record; after it rc is only read */
void meta_record_begin(meta_record_ctx_t *rc);

/*
 * Writes everything of the record up to and with "event": to out (room:
 * META_RECORD_HEAD_MAX bytes) and returns its length, 0 if libcrypto refused.
 * The record is this, ev->raw, and '}'.  n counts from 0.
 */
size_t meta_record_head(unsigned char *out, const meta_record_ctx_t *rc,
    const meta_event_t *ev, size_t n);

/*
 * The same for a long event, whose id may be a hash, in runs of budget bytes:
 * META_AGAIN as long as there is more to do, then META_OK or META_ERROR; the
 * head is whole after meta_head_end().  Between runs all that h points at
 * stays, and nobody else uses rc->hash.
 */
void meta_head_begin(meta_head_t *h, unsigned char *out,
    const meta_record_ctx_t *rc, const meta_event_t *ev);
meta_rc_t meta_head_run(meta_head_t *h, size_t budget);
size_t meta_head_end(meta_head_t *h, size_t n);

/*
 * The account of the record's key, what stands before its first ':', as text
 * without escapes: to out (room: META_RECORD_KEY_MAX bytes).  Its length.
 */
size_t meta_record_account(unsigned char *out, const meta_event_t *ev);

META_HIDDEN_END


#endif /* META_RECORD_H */
