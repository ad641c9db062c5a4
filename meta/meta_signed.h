/*
 * signed_request: what Meta posts when a person removes an app, or asks that
 * his data be deleted (meta-graph-oauth-ads-capi.md 4).
 *
 *     base64url(HMAC-SHA256(app secret, payload)) "." payload
 *     payload: base64url(JSON), hashed as it came
 *
 * One question after another: its form, whose secret agrees, what it says.
 */

#ifndef META_SIGNED_H
#define META_SIGNED_H

#include "meta.h"
#include "meta_signature.h"


#define META_SIGNED_USER_MAX  64    /* as JSON writes it */

/* what is done with one that is older, or from the future; seconds */
#define META_SIGNED_AGE       (48 * 3600)
#define META_SIGNED_AHEAD     600

/* a confirmation code: hex digits, and how many of them say that it is ours */
#define META_CONFIRM_LEN      24
#define META_CONFIRM_OWN      8


typedef struct {
    meta_str_t     payload;         /* still base64url */
    unsigned char  mac[META_MAC_LEN];
} meta_signed_t;


typedef struct {
    meta_str_t     user;            /* text as JSON has it between quotes */
    int64_t        issued_at;       /* seconds since 1970 */
    unsigned       test:1;          /* user "0": the app's dashboard tries */
} meta_claims_t;


META_HIDDEN_BEGIN

/* exactly one dot, a signature of 32 bytes; META_OK or META_MALFORMED */
meta_rc_t meta_signed_parse(meta_signed_t *s, meta_str_t text);

/* META_OK, META_DENIED: another secret, or forged; META_ERROR */
meta_rc_t meta_signed_check(const meta_signed_t *s, meta_hmac_t *secret);

/*
 * What a checked one says: claims points into buf (room: payload.len).
 * META_MALFORMED: no JSON object, another algorithm than HMAC-SHA256, or no
 * user_id and issued_at that may be.
 */
meta_rc_t meta_signed_read(meta_claims_t *claims, unsigned char *buf,
    const meta_signed_t *s);

/* 1 if that is neither too old nor from the future */
int meta_signed_fresh(const meta_claims_t *claims, int64_t now);

/*
 * The code that confirms a deletion: 16 digits that only the secret and this
 * very request yield, so that a repetition is confirmed by the same, all 0
 * for a test; and 8 by which we know our own.  META_OK or META_ERROR.
 */
meta_rc_t meta_confirm_make(unsigned char code[META_CONFIRM_LEN],
    meta_hmac_t *secret, const meta_signed_t *s, const meta_claims_t *claims);

/* META_OK: of this secret; META_DENIED, META_MALFORMED, META_ERROR */
meta_rc_t meta_confirm_check(meta_str_t code, meta_hmac_t *secret);

/* 1 if a code is that of a test */
int meta_confirm_is_test(meta_str_t code);

META_HIDDEN_END


#endif /* META_SIGNED_H */
