/*
 * Parameters of a query string, or of a form that was posted: names and
 * values, still percent-encoded, one after another.
 */

#ifndef META_QUERY_H
#define META_QUERY_H

#include "meta.h"


typedef struct {
    meta_str_t  name;
    meta_str_t  value;
} meta_param_t;


META_HIDDEN_BEGIN

/* takes the first parameter off the query; 0: none is left */
int meta_query_next(meta_str_t *query, meta_param_t *param);

/*
 * plus is what a '+' stands for, out may be NULL if only the length is
 * wanted.  META_OK, or META_MALFORMED: a '%' without two hex digits.
 */
meta_rc_t meta_query_decode(meta_str_t s, unsigned char plus,
    unsigned char *out, size_t *len);

META_HIDDEN_END


#endif /* META_QUERY_H */
