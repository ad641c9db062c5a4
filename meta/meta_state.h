/*
 * OAuth's state: what goes to Meta's dialog and comes back unchanged
 * (meta-graph-oauth-ads-capi.md 2.1).  Signed, and bound to a cookie, so that
 * only the browser that began a login can end it.
 *
 *     base64url(payload) "." base64url(HMAC-SHA256(subkey, payload LF cookie))
 *     payload: "1" LF expires LF flow LF name LF ref
 */

#ifndef META_STATE_H
#define META_STATE_H

#include "meta.h"
#include "meta_seal.h"


#define META_FLOW_LEN        32     /* hex digits */
#define META_COOKIE_LEN      22     /* base64url of 16 random bytes */
#define META_STATE_NAME_MAX  32
#define META_REF_MAX         128

/* of the payload: version, 19 digits, flow, name, ref, and what parts them */
#define META_STATE_PAYLOAD                                                    \
    (1 + 19 + META_FLOW_LEN + META_STATE_NAME_MAX + META_REF_MAX + 4)
#define META_STATE_MAX                                                        \
    (META_BASE64_LEN(META_STATE_PAYLOAD) + 1 + META_BASE64_LEN(32))


typedef struct {
    meta_str_t  flow;
    meta_str_t  name;       /* of the app, as the configuration has it */
    meta_str_t  ref;
    int64_t     expires;    /* seconds since 1970 */
} meta_state_t;


META_HIDDEN_BEGIN

/* 1 if ref is at most META_REF_MAX bytes, none of them a control character */
int meta_ref_good(meta_str_t ref);

/*
 * Writes it to out (room: META_STATE_MAX); its length, 0 where a part is not
 * what it must be or libcrypto refused.  cookie: META_COOKIE_LEN characters.
 */
size_t meta_state_write(unsigned char *out, const meta_seal_key_t *key,
    const meta_state_t *state, meta_str_t cookie);

/*
 * Reads it: the slices of state point into buf (room: META_STATE_MAX).
 * META_MALFORMED: it is none; META_DENIED: no key and cookie agree;
 * META_ERROR.  Whether it has expired is for the caller to see.
 */
meta_rc_t meta_state_read(meta_state_t *state, unsigned char *buf,
    const meta_seal_key_t *keys, size_t nkeys, meta_str_t text,
    meta_str_t cookie);

META_HIDDEN_END


#endif /* META_STATE_H */
