/*
 * One walk over "name=value&name=value", and the decoding of what it finds.
 */

#include <string.h>

#include "meta_query.h"


int
meta_query_next(meta_str_t *query, meta_param_t *param)
{
    const unsigned char  *p, *amp, *eq, *end;

    if (query->len == 0) {
        return 0;
    }

    p = query->data;
    end = p + query->len;

    amp = memchr(p, '&', query->len);
    if (amp == NULL) {
        amp = end;
    }

    eq = memchr(p, '=', (size_t) (amp - p));
    if (eq == NULL) {
        eq = amp;
    }

    param->name.data = p;
    param->name.len = (size_t) (eq - p);
    param->value.data = (eq == amp) ? amp : eq + 1;
    param->value.len = (size_t) (amp - param->value.data);

    query->data = (amp == end) ? end : amp + 1;
    query->len = (size_t) (end - query->data);

    return 1;
}


meta_rc_t
meta_query_decode(meta_str_t s, unsigned char plus, unsigned char *out,
    size_t *len)
{
    int     c, hi, lo;
    size_t  i, n;

    n = 0;

    for (i = 0; i < s.len; i++) {
        c = s.data[i];

        if (c == '+') {
            c = plus;

        } else if (c == '%') {
            if (s.len - i < 3) {
                return META_MALFORMED;
            }

            hi = meta_hex(s.data[i + 1]);
            lo = meta_hex(s.data[i + 2]);

            if (hi < 0 || lo < 0) {
                return META_MALFORMED;
            }

            c = hi << 4 | lo;
            i += 2;
        }

        if (out != NULL) {
            out[n] = (unsigned char) c;
        }

        n++;
    }

    *len = n;

    return META_OK;
}
