/*
 * The words that every file of meta/ shares: slices, results, limits.
 *
 * meta/ is pure: it never allocates, logs, reads a clock or keeps a global,
 * so nginx' pools, libc and the fuzzers can all drive it.
 */

#ifndef META_H
#define META_H

#include <stddef.h>
#include <stdint.h>


/* nginx loads modules RTLD_GLOBAL: an extern name would be everybody's */
#define META_HIDDEN_BEGIN  _Pragma("GCC visibility push(hidden)")
#define META_HIDDEN_END    _Pragma("GCC visibility pop")


/* a slice never owns its bytes and is not zero-terminated */
typedef struct {
    const unsigned char  *data;
    size_t                len;
} meta_str_t;

#define meta_string(s)  { (const unsigned char *) (s), sizeof(s) - 1 }


typedef enum {
    META_OK = 0,
    META_AGAIN,         /* good so far: more bytes, or another run */
    META_MALFORMED,     /* the bytes are not what they must be */
    META_TOO_DEEP,      /* JSON nested deeper than META_MAX_DEPTH */
    META_DENIED,        /* well-formed, but no secret or token agrees */
    META_ERROR          /* libcrypto refused */
} meta_rc_t;


#define META_MAX_DEPTH   512
#define META_MAX_EVENTS  10000
#define META_TEXT_MAX    256    /* object, entry, field as written */


/* the value of a hex digit of either case, or -1 */
static inline int
meta_hex(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


#endif /* META_H */
