
/*
 * What the page of meta_embedded_signup posts: whether it comes from there,
 * and its members, each of which is what it must be.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "meta/meta_walk.h"
#include "ngx_http_meta_oauth.h"


#define NGX_HTTP_META_SIGNUP_PIN  6


static ngx_str_t *ngx_http_meta_signup_header(ngx_http_request_t *r,
    char *name);
static ngx_int_t ngx_http_meta_signup_check(ngx_http_meta_signup_t *s);
static ngx_uint_t ngx_http_meta_signup_digits(ngx_str_t *s, size_t min,
    size_t max);


static const meta_member_t  ngx_http_meta_signup_members[] = {
    { meta_string("state"), NGX_HTTP_META_S_STATE, NULL },
    { meta_string("code"), NGX_HTTP_META_S_CODE, NULL },
    { meta_string("event"), NGX_HTTP_META_S_EVENT, NULL },
    { meta_string("waba"), NGX_HTTP_META_S_WABA, NULL },
    { meta_string("phone"), NGX_HTTP_META_S_PHONE, NULL },
    { meta_string("business"), NGX_HTTP_META_S_BUSINESS, NULL },
    { meta_string("pin"), NGX_HTTP_META_S_PIN, NULL }
};

static const meta_table_t  ngx_http_meta_signup_table =
    meta_table(ngx_http_meta_signup_members, NGX_HTTP_META_S_COUNT - 1, 0);


/*
 * Whether a page of this very host sends it.  All browsers of today say where
 * a request comes from; those of before 2023 name the page's origin at least.
 */

ngx_uint_t
ngx_http_meta_signup_own(ngx_http_request_t *r)
{
    u_char     *p, *last;
    ngx_str_t  *site, *origin, *type, *host;

    type = ngx_http_meta_signup_header(r, "content-type");
    site = ngx_http_meta_signup_header(r, "sec-fetch-site");
    origin = ngx_http_meta_signup_header(r, "origin");
    host = r->headers_in.host ? &r->headers_in.host->value : NULL;

    /* no form can have this type, and no other site may send it */

    if (type == NULL || type->len < sizeof("application/json") - 1
        || ngx_strncasecmp(type->data, (u_char *) "application/json",
                           sizeof("application/json") - 1)
           != 0)
    {
        return 0;
    }

    if (site) {
        return site->len == sizeof("same-origin") - 1
               && ngx_strncmp(site->data, "same-origin", site->len) == 0;
    }

    if (origin == NULL || host == NULL) {
        return 0;
    }

    last = origin->data + origin->len;
    p = ngx_strlchr(origin->data, last, '/');

    return p && last - p > 2 && (size_t) (last - p - 2) == host->len
           && ngx_strncasecmp(p + 2, host->data, host->len) == 0;
}


static ngx_str_t *
ngx_http_meta_signup_header(ngx_http_request_t *r, char *name)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == len
                && ngx_strncmp(h[i].lowcase_key, name, len) == 0)
            {
                return &h[i].value;
            }
        }
    }

    return NULL;
}


/* members that are there and are no string are no member of ours */

ngx_int_t
ngx_http_meta_signup_read(ngx_http_request_t *r, ngx_http_meta_signup_t *s,
    meta_str_t body)
{
    long         n;
    meta_str_t   slots[NGX_HTTP_META_S_COUNT];
    ngx_uint_t   i;
    meta_json_t  j;

    meta_json_init(&j, body.data, body.data + body.len);
    meta_json_space(&j);

    if (j.p == j.end || *j.p != '{'
        || meta_walk(&j, 0, &ngx_http_meta_signup_table, slots) != META_OK)
    {
        return NGX_DECLINED;
    }

    meta_json_space(&j);

    if (j.p != j.end) {
        return NGX_DECLINED;
    }

    for (i = 0; i < NGX_HTTP_META_S_COUNT; i++) {

        if (slots[i].len == 0
            || (slots[i].len == 4
                && ngx_strncmp(slots[i].data, "null", 4) == 0))
        {
            continue;
        }

        if (slots[i].data[0] != '"') {
            return NGX_DECLINED;
        }

        s->v[i].data = ngx_pnalloc(r->pool, slots[i].len);
        if (s->v[i].data == NULL) {
            return NGX_ERROR;
        }

        n = meta_json_decode(meta_json_text(slots[i]), s->v[i].data,
                             slots[i].len);
        if (n < 0) {
            return NGX_DECLINED;
        }

        s->v[i].len = n;
    }

    return ngx_http_meta_signup_check(s);
}


/* a state, and one of: a code with what Meta's window said, a PIN */

static ngx_int_t
ngx_http_meta_signup_check(ngx_http_meta_signup_t *s)
{
    size_t      i;
    ngx_str_t  *code, *event, *pin;

    code = &s->v[NGX_HTTP_META_S_CODE];
    event = &s->v[NGX_HTTP_META_S_EVENT];
    pin = &s->v[NGX_HTTP_META_S_PIN];

    if (code->len > NGX_HTTP_META_CODE_MAX
        || event->len > NGX_HTTP_META_SIGNUP_EVENT
        || (code->data == NULL) == (pin->data == NULL)
        || (pin->data
            && !ngx_http_meta_signup_digits(pin, NGX_HTTP_META_SIGNUP_PIN,
                                            NGX_HTTP_META_SIGNUP_PIN))
        || (code->data && code->len == 0))
    {
        return NGX_DECLINED;
    }

    for (i = 0; i < code->len; i++) {
        if (code->data[i] <= ' ' || code->data[i] > '~') {
            return NGX_DECLINED;
        }
    }

    for (i = 0; i < event->len; i++) {
        if ((event->data[i] < 'A' || event->data[i] > 'Z')
            && event->data[i] != '_')
        {
            return NGX_DECLINED;
        }
    }

    for (i = NGX_HTTP_META_S_WABA; i <= NGX_HTTP_META_S_BUSINESS; i++) {
        if (!ngx_http_meta_signup_digits(&s->v[i], 0, 32)) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_meta_signup_digits(ngx_str_t *s, size_t min, size_t max)
{
    size_t  i;

    if (s->len < min || s->len > max) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        if (s->data[i] < '0' || s->data[i] > '9') {
            return 0;
        }
    }

    return 1;
}
