/*
 * Signed links: who may begin a login.  HMAC-SHA256(key, ref LF exp) in hex,
 * which any program of the user's can make.
 */

#ifndef META_LINK_H
#define META_LINK_H

#include "meta.h"
#include "meta_signature.h"
#include "meta_state.h"


#define META_LINK_SIG_LEN  64
#define META_LINK_EXP_MAX  12       /* digits: seconds since 1970 */
#define META_LINK_KEY_MIN  16       /* bytes of a line of the key file */
#define META_LINK_KEY_MAX  256


META_HIDDEN_BEGIN

/*
 * key: the line as it stands; ref: as meta_ref_good() has it; exp: digits.
 * META_OK, META_MALFORMED or META_ERROR.
 */
meta_rc_t meta_link_sign(unsigned char sig[META_LINK_SIG_LEN], meta_str_t key,
    meta_str_t ref, meta_str_t exp);

/*
 * META_OK: by one of the keys, hex digits of either case.  META_MALFORMED,
 * META_DENIED or META_ERROR.  Whether it has expired is for the caller to see.
 */
meta_rc_t meta_link_check(const meta_str_t *keys, size_t nkeys,
    meta_str_t ref, meta_str_t exp, meta_str_t sig);

META_HIDDEN_END


#endif /* META_LINK_H */
