
/*
 * meta_status: which format is asked for, and the sending of it.  The page is
 * ngx_http_meta_module/status.html, made into C when nginx is configured.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/evp.h>

#include "ngx_http_meta_status.h"

/* static u_char  ngx_http_meta_page[] = { ... }; ends with a zero */
#include "ngx_http_meta_page.h"


typedef enum {
    NGX_HTTP_META_HTML = 0,
    NGX_HTTP_META_JSON,
    NGX_HTTP_META_PROMETHEUS,
    NGX_HTTP_META_NO_FORMAT
} ngx_http_meta_format_t;


static ngx_int_t ngx_http_meta_status_handler(ngx_http_request_t *r);
static ngx_http_meta_format_t ngx_http_meta_status_format(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_meta_status_page(ngx_http_request_t *r,
    ngx_http_meta_out_t *out);
static ngx_int_t ngx_http_meta_status_policy(ngx_str_t *policy);
static ngx_int_t ngx_http_meta_status_send(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *type, ngx_http_meta_out_t *out);


/* in the order of the formats */

static ngx_str_t  ngx_http_meta_status_types[] = {
    ngx_string("text/html; charset=utf-8"),
    ngx_string("application/json"),
    ngx_string("text/plain; version=0.0.4; charset=utf-8"),
    ngx_string("text/plain")
};


char *
ngx_http_meta_status_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_meta_main_conf_t  *mmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == ngx_http_meta_status_handler) {
        return "is duplicate";
    }

    if (clcf->handler) {
        return "stands beside another directive that answers in this location";
    }

    clcf->handler = ngx_http_meta_status_handler;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_meta_module);
    mmcf->status = 1;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_meta_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_uint_t                  status;
    ngx_http_meta_out_t         out;
    ngx_http_meta_format_t      format;
    ngx_http_meta_status_t     *st;
    ngx_http_meta_main_conf_t  *mmcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        if (ngx_http_meta_header(r, "Allow", "GET, HEAD") != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_memzero(&out, sizeof(ngx_http_meta_out_t));

    out.pool = r->pool;
    out.last = &out.first;

    status = NGX_HTTP_OK;
    format = ngx_http_meta_status_format(r);

    switch (format) {

    case NGX_HTTP_META_HTML:
        if (ngx_http_meta_status_page(r, &out) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        break;

    case NGX_HTTP_META_NO_FORMAT:
        status = NGX_HTTP_BAD_REQUEST;
        ngx_http_meta_out(&out, "unknown format: there are html, json and "
                          "prometheus" CRLF);
        break;

    default:
        mmcf = ngx_http_get_module_main_conf(r, ngx_http_meta_module);

        st = ngx_http_meta_status_read(r->pool, mmcf);
        if (st == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (format == NGX_HTTP_META_JSON) {
            ngx_http_meta_status_json(&out, st);

        } else {
            ngx_http_meta_status_prometheus(&out, st);
        }
    }

    if (out.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_meta_status_send(r, status,
                                     &ngx_http_meta_status_types[format],
                                     &out);
}


/*
 * A browser asks for text/html among others, Prometheus for OpenMetrics or
 * plain text; who says nothing, or anything, gets the page.
 */

static ngx_http_meta_format_t
ngx_http_meta_status_format(ngx_http_request_t *r)
{
    ngx_str_t   value;
    ngx_uint_t  i;

    static ngx_str_t  names[] = {
        ngx_string("html"),
        ngx_string("json"),
        ngx_string("prometheus")
    };

    if (ngx_http_arg(r, (u_char *) "format", 6, &value) == NGX_OK) {

        for (i = 0; i < NGX_HTTP_META_NO_FORMAT; i++) {
            if (value.len == names[i].len
                && ngx_strncmp(value.data, names[i].data, value.len) == 0)
            {
                return i;
            }
        }

        return NGX_HTTP_META_NO_FORMAT;
    }

    if (ngx_http_meta_accepts(r, "text/html")) {
        return NGX_HTTP_META_HTML;
    }

    if (ngx_http_meta_accepts(r, "application/json")) {
        return NGX_HTTP_META_JSON;
    }

    if (ngx_http_meta_accepts(r, "application/openmetrics-text")
        || ngx_http_meta_accepts(r, "text/plain"))
    {
        return NGX_HTTP_META_PROMETHEUS;
    }

    return NGX_HTTP_META_HTML;
}


/* nginx itself keeps Accept only where some of its modules want it */

ngx_uint_t
ngx_http_meta_accepts(ngx_http_request_t *r, char *type)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == sizeof("accept") - 1
                && ngx_strncmp(h[i].lowcase_key, "accept", 6) == 0
                && ngx_strcasestrn(h[i].value.data, type,
                                   ngx_strlen(type) - 1))
            {
                return 1;
            }
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_meta_status_page(ngx_http_request_t *r, ngx_http_meta_out_t *out)
{
    ngx_buf_t         *b;
    static ngx_str_t   policy;

    if (policy.len == 0
        && ngx_http_meta_status_policy(&policy) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_meta_header(r, "Content-Security-Policy",
                             (char *) policy.data)
        != NGX_OK
        || ngx_http_meta_header(r, "Referrer-Policy", "no-referrer")
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    b = ngx_calloc_buf(r->pool);
    out->first = ngx_alloc_chain_link(r->pool);

    if (b == NULL || out->first == NULL) {
        return NGX_ERROR;
    }

    b->pos = ngx_http_meta_page;
    b->last = ngx_http_meta_page + sizeof(ngx_http_meta_page) - 1;
    b->memory = 1;

    out->first->buf = b;
    out->first->next = NULL;
    out->buf = b;
    out->size = b->last - b->pos;

    return NGX_OK;
}


/* the page's own style and script by their hashes, and nothing else */

static ngx_int_t
ngx_http_meta_status_policy(ngx_str_t *policy)
{
    u_char         *p;

    static u_char   buf[512];

    p = ngx_cpymem(buf, "default-src 'none'; style-src ",
                   sizeof("default-src 'none'; style-src ") - 1);

    p = ngx_http_meta_page_hash(p, ngx_http_meta_page, "<style>", "</style>");
    if (p == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(p, "; script-src ", sizeof("; script-src ") - 1);

    p = ngx_http_meta_page_hash(p, ngx_http_meta_page, "<script>",
                                "</script>");
    if (p == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(p, "; connect-src 'self'; img-src data:; base-uri 'none'; "
                    "form-action 'none'; frame-ancestors 'none'%Z");

    policy->data = buf;
    policy->len = p - buf - 1;

    return NGX_OK;
}


u_char *
ngx_http_meta_page_hash(u_char *p, u_char *page, char *begin, char *end)
{
    u_char     *from, *to, mac[EVP_MAX_MD_SIZE];
    ngx_str_t   hash, text;
    unsigned    len;

    from = (u_char *) ngx_strstr(page, begin);
    to = from ? (u_char *) ngx_strstr(from, end) : NULL;

    if (to == NULL) {
        return NULL;
    }

    from += ngx_strlen(begin);

    if (EVP_Digest(from, to - from, mac, &len, EVP_sha256(), NULL) != 1) {
        return NULL;
    }

    p = ngx_cpymem(p, "'sha256-", sizeof("'sha256-") - 1);

    hash.data = mac;
    hash.len = len;
    text.data = p;

    ngx_encode_base64(&text, &hash);

    p += text.len;
    *p++ = '\'';

    return p;
}


static ngx_int_t
ngx_http_meta_status_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_http_meta_out_t *out)
{
    ngx_int_t  rc;

    if (ngx_http_meta_header(r, "Cache-Control", "no-store") != NGX_OK
        || ngx_http_meta_header(r, "X-Content-Type-Options", "nosniff")
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->disable_not_modified = 1;

    r->headers_out.status = status;
    r->headers_out.content_length_n = out->size;
    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out->buf->last_buf = (r == r->main) ? 1 : 0;
    out->buf->last_in_chain = 1;

    return ngx_http_output_filter(r, out->first);
}
