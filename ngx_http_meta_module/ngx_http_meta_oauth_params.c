
/*
 * Parameters of a query or a form, unescaped once; and text as JSON.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "meta/meta_query.h"
#include "ngx_http_meta_oauth.h"


ngx_int_t
ngx_http_meta_params(ngx_pool_t *pool, ngx_str_t *query, ngx_str_t *names,
    ngx_str_t *values, ngx_uint_t n)
{
    ngx_str_t     copy, name;
    meta_str_t    left;
    ngx_uint_t    i;
    meta_param_t  param;

    ngx_memzero(values, n * sizeof(ngx_str_t));

    if (query->len == 0) {
        return NGX_OK;
    }

    copy.len = query->len;
    copy.data = ngx_pstrdup(pool, query);

    if (copy.data == NULL
        || ngx_http_meta_secret_wipe(pool, &copy) != NGX_OK)
    {
        return NGX_ERROR;
    }

    left.data = copy.data;
    left.len = copy.len;

    while (meta_query_next(&left, &param)) {

        /* in place: what is decoded is never longer */

        name.data = (u_char *) param.name.data;

        if (meta_query_decode(param.name, ' ', name.data, &name.len)
            != META_OK)
        {
            continue;
        }

        for (i = 0; i < n; i++) {
            if (names[i].len == name.len
                && ngx_memcmp(names[i].data, name.data, name.len) == 0)
            {
                break;
            }
        }

        if (i == n) {
            continue;
        }

        if (values[i].data) {
            return NGX_DECLINED;
        }

        values[i].data = (u_char *) param.value.data;

        if (meta_query_decode(param.value, ' ', values[i].data,
                              &values[i].len)
            != META_OK)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* UTF-8 without control characters, which is what a ref may be */

ngx_int_t
ngx_http_meta_is_text(ngx_str_t *s)
{
    u_char    *p, *last;
    uint32_t   n;

    p = s->data;
    last = s->data + s->len;

    while (p < last) {

        if (*p < 0x80) {
            n = *p++;

        } else {
            n = ngx_utf8_decode(&p, last - p);
        }

        if (n < 0x20 || (n >= 0x7f && n < 0xa0) || n > 0x10ffff) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


u_char *
ngx_http_meta_json_string(u_char *p, ngx_str_t *text)
{
    u_char  ch;
    size_t  i;

    *p++ = '"';

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if (ch == '"' || ch == '\\') {
            *p++ = '\\';
            *p++ = ch;

        } else if (ch < 0x20) {
            p = ngx_sprintf(p, "\\u%04xi", (ngx_int_t) ch);

        } else {
            *p++ = ch;
        }
    }

    *p++ = '"';

    return p;
}
