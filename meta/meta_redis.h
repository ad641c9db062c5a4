/*
 * Redis commands as bytes (RESP2): arrays of bulk strings, written into the
 * caller's buffer.
 */

#ifndef META_REDIS_H
#define META_REDIS_H

#include "meta.h"


/* room for "*" or "$", a size_t in decimal, and CR LF */
#define META_REDIS_HEADER_MAX  23


META_HIDDEN_BEGIN

/* bytes that a bulk string of len bytes takes, header and CR LF included */
size_t meta_redis_bulk_size(size_t len);

/* each writes at p and returns the place behind */
unsigned char *meta_redis_array(unsigned char *p, size_t nargs);
unsigned char *meta_redis_bulk_header(unsigned char *p, size_t len);
unsigned char *meta_redis_bulk(unsigned char *p, meta_str_t s);

/* bytes for a whole command of argc arguments, and the command itself */
size_t meta_redis_command_size(const meta_str_t *argv, size_t argc);
unsigned char *meta_redis_command(unsigned char *p, const meta_str_t *argv,
    size_t argc);

/*
 * The key, which is argument 1, of the n-th command in bytes that hold whole
 * commands one behind the other.  META_MALFORMED: there is none.
 */
meta_rc_t meta_redis_key(meta_str_t bytes, size_t n, meta_str_t *key);

META_HIDDEN_END


#endif /* META_REDIS_H */
