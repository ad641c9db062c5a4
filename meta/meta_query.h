/*
 * Parameters of a query string, or of a form that was posted: names and
 * values, still percent-encoded, one after another.
 */

#ifndef META_QUERY_H
#define META_QUERY_H

#include "meta.h"


/* the longest name that meta_query_value() looks for, decoded */
#define META_QUERY_NAME_MAX  32


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

/*
 * The value of a parameter, decoded as a form's, to out (room: query.len).
 * META_DENIED: there is none of that name; META_MALFORMED: there are two, or
 * it is not validly encoded.
 */
meta_rc_t meta_query_value(meta_str_t query, meta_str_t name,
    unsigned char *out, size_t *len);

META_HIDDEN_END


#endif /* META_QUERY_H */
