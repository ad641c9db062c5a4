/*
 * X-Hub-Signature-256: HMAC-SHA256 over the raw body, keyed with the app
 * secret as ASCII text (meta-webhooks-and-messaging.md 1.3).
 */

#ifndef META_SIGNATURE_H
#define META_SIGNATURE_H

#include "meta.h"


#define META_MAC_LEN            32
#define META_SIGNATURE_LEN      71      /* "sha256=" and 64 hex digits */


/* one per secret, which it does not hold; not thread-safe */
typedef struct {
    void  *inner;                       /* EVP_MD_CTX, libcrypto's memory: */
    void  *outer;                       /* the two pads, hashed already */
    void  *ctx;                         /* where a body is hashed */
} meta_hmac_t;


META_HIDDEN_BEGIN

/* META_OK or META_ERROR; an empty key is META_ERROR */
meta_rc_t meta_hmac_init(meta_hmac_t *h, meta_str_t key);
void meta_hmac_free(meta_hmac_t *h);

/* a context of its own, for a body that is hashed while others are */
meta_rc_t meta_hmac_copy(meta_hmac_t *h, const meta_hmac_t *from);

/* begin, any number of updates, final; each META_OK or META_ERROR */
meta_rc_t meta_hmac_begin(meta_hmac_t *h);
meta_rc_t meta_hmac_update(meta_hmac_t *h, meta_str_t bytes);
meta_rc_t meta_hmac_final(meta_hmac_t *h, unsigned char mac[META_MAC_LEN]);

/*
 * the value of the header, 71 bytes, hex digits of either case;
 * META_OK or META_MALFORMED
 */
meta_rc_t meta_signature_parse(meta_str_t header,
    unsigned char mac[META_MAC_LEN]);

/* 1 if equal; the time taken depends on len alone */
int meta_equal(const unsigned char *a, const unsigned char *b, size_t len);

META_HIDDEN_END


#endif /* META_SIGNATURE_H */
