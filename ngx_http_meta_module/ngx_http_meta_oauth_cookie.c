
/*
 * The cookie by which the browser that began a login is known again.
 *
 * It is read here, and not by nginx's parser, which takes commas for ends of
 * cookies and names in any case: a neighbouring host, or a page without TLS,
 * may set cookies of other names with such text in them, and would plant a
 * "__Host-" cookie that no browser let it set.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/rand.h>

#include "ngx_http_meta_oauth.h"


/* "__Host-": set by this host over TLS, for all of its paths, by nobody else */
#define NGX_HTTP_META_COOKIE  "__Host-meta_login="
#define NGX_HTTP_META_COOKIE_ATTRS                                            \
    "; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=3900"


static ngx_int_t ngx_http_meta_cookie_line(ngx_str_t *line,
    ngx_str_t *cookie);


/* well-formed and of one value, or it is none */

ngx_int_t
ngx_http_meta_cookie_get(ngx_http_request_t *r, ngx_str_t *cookie)
{
    size_t             len;
    u_char             bytes[META_COOKIE_LEN];
    meta_str_t         text;
#if (nginx_version >= 1023000)
    ngx_table_elt_t   *h;
#else
    ngx_uint_t         i;
    ngx_table_elt_t  **h;
#endif

    ngx_str_null(cookie);

#if (nginx_version >= 1023000)
    for (h = r->headers_in.cookie; h; h = h->next) {
        if (ngx_http_meta_cookie_line(&h->value, cookie) != NGX_OK) {
            return NGX_DECLINED;
        }
    }
#else
    h = r->headers_in.cookies.elts;

    for (i = 0; i < r->headers_in.cookies.nelts; i++) {
        if (ngx_http_meta_cookie_line(&h[i]->value, cookie) != NGX_OK) {
            return NGX_DECLINED;
        }
    }
#endif

    text.data = cookie->data;
    text.len = cookie->len;

    return (cookie->len == META_COOKIE_LEN
            && meta_base64_read(bytes, &len, text) == META_OK)
           ? NGX_OK : NGX_DECLINED;
}


/* NGX_DECLINED: it is there with two values, one of them another's */

static ngx_int_t
ngx_http_meta_cookie_line(ngx_str_t *line, ngx_str_t *cookie)
{
    u_char     *p, *last, *end;
    ngx_str_t   value;

    p = line->data;
    last = line->data + line->len;

    for ( /* void */ ; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, ';');
        if (end == NULL) {
            end = last;
        }

        while (p < end && (*p == ' ' || *p == '\t')) {
            p++;
        }

        value.data = p + sizeof(NGX_HTTP_META_COOKIE) - 1;

        if (end - p < (ssize_t) sizeof(NGX_HTTP_META_COOKIE) - 1
            || ngx_memcmp(p, NGX_HTTP_META_COOKIE,
                          sizeof(NGX_HTTP_META_COOKIE) - 1)
               != 0)
        {
            continue;
        }

        value.len = end - value.data;

        while (value.len && (value.data[value.len - 1] == ' '
                             || value.data[value.len - 1] == '\t'))
        {
            value.len--;
        }

        if (cookie->data
            && (cookie->len != value.len
                || ngx_memcmp(cookie->data, value.data, value.len) != 0))
        {
            return NGX_DECLINED;
        }

        *cookie = value;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_meta_cookie_set(ngx_http_request_t *r, ngx_str_t *cookie)
{
    u_char      bytes[16], *p;
    meta_str_t  text;

    p = ngx_pnalloc(r->pool, sizeof(NGX_HTTP_META_COOKIE) + META_COOKIE_LEN
                             + sizeof(NGX_HTTP_META_COOKIE_ATTRS));
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_meta_cookie_get(r, cookie) != NGX_OK) {

        cookie->len = META_COOKIE_LEN;
        cookie->data = ngx_pnalloc(r->pool, META_COOKIE_LEN);

        if (cookie->data == NULL || RAND_bytes(bytes, sizeof(bytes)) != 1) {
            return NGX_ERROR;
        }

        text.data = bytes;
        text.len = sizeof(bytes);

        (void) meta_base64_write(cookie->data, text);
    }

    (void) ngx_sprintf(p, NGX_HTTP_META_COOKIE "%V"
                       NGX_HTTP_META_COOKIE_ATTRS "%Z", cookie);

    return ngx_http_meta_header(r, "Set-Cookie", (char *) p);
}
