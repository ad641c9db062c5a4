/*
 * Seals: short secrets (tokens, codes, PINs) encrypted by a key of the token
 * key file, AES-256-GCM, bound to a name and a purpose.
 *
 *     "1." 8 hex digits that name the key "." base64url(nonce text tag)
 */

#ifndef META_SEAL_H
#define META_SEAL_H

#include "meta.h"
#include "meta_base64.h"


#define META_KEY_LEN    32
#define META_KEYS_MAX   16      /* of a file: the first seals, all open */
#define META_NONCE_LEN  12
#define META_TAG_LEN    16

/* of a sealed text of n bytes */
#define META_SEAL_HEAD  11
#define META_SEAL_LEN(n)                                                      \
    (META_SEAL_HEAD + META_BASE64_LEN(META_NONCE_LEN + (n) + META_TAG_LEN))


/* as in the file; whoever has them keeps them out of core dumps */
typedef struct {
    unsigned char  bytes[META_KEY_LEN];
} meta_seal_key_t;


META_HIDDEN_BEGIN

/*
 * A line of the key file: 64 hex digits, or 32 bytes in base64 or base64url
 * with or without padding.  META_OK or META_MALFORMED.
 */
meta_rc_t meta_seal_key_parse(meta_seal_key_t *key, meta_str_t line);

/* the subkey for a purpose: HMAC-SHA256(key, "ngx_http_meta " purpose) */
meta_rc_t meta_seal_subkey(unsigned char sub[META_KEY_LEN],
    const meta_seal_key_t *key, const char *purpose);

/*
 * Writes META_SEAL_LEN(plain.len) characters to out.  purpose: "token",
 * "code", at most 32 characters; name: what opens it must say the same; nonce:
 * random bytes, never used twice with one key.  META_OK or META_ERROR.
 */
meta_rc_t meta_seal(unsigned char *out, const meta_seal_key_t *key,
    const char *purpose, meta_str_t name,
    const unsigned char nonce[META_NONCE_LEN], meta_str_t plain);

/*
 * Opens it by the key that it names: out has room for sealed.len bytes, which
 * also holds what must be wiped after use; which: the number of that key, so
 * that whoever finds another than 0 seals it anew.  META_MALFORMED: no seal;
 * META_DENIED: no such key, another name or purpose, or altered; META_ERROR.
 */
meta_rc_t meta_open(unsigned char *out, size_t *len,
    const meta_seal_key_t *keys, size_t nkeys, const char *purpose,
    meta_str_t name, meta_str_t sealed, size_t *which);

META_HIDDEN_END


#endif /* META_SEAL_H */
