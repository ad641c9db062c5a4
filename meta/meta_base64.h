/*
 * base64url without padding (RFC 4648, section 5): what seals, state and
 * signed_request are written in.
 */

#ifndef META_BASE64_H
#define META_BASE64_H

#include "meta.h"


#define META_BASE64_LEN(n)  (((n) * 4 + 2) / 3)


META_HIDDEN_BEGIN

/* out: room META_BASE64_LEN(bytes.len); returns that length */
size_t meta_base64_write(unsigned char *out, meta_str_t bytes);

/*
 * Reads it back to out (room: in.len / 4 * 3 + 3), with or without the "="
 * that would fill it up to a multiple of four.  META_MALFORMED: another
 * character, a length that cannot be, bits that belong to no byte.
 */
meta_rc_t meta_base64_read(unsigned char *out, size_t *len, meta_str_t in);

META_HIDDEN_END


#endif /* META_BASE64_H */
