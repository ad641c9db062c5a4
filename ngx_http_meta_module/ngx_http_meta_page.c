
/*
 * What people see of a login: templates with fields, and their headers.  The
 * templates are the .html files beside this, made into C when nginx is
 * configured; nothing in a page comes from elsewhere but what it names itself.
 *
 *     {{name}}            the field, escaped
 *     {{?name}} ... {{/}} only where the field is not empty
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_oauth.h"


static size_t ngx_http_meta_page_render(ngx_http_meta_page_t *page,
    u_char *out);
static u_char *ngx_http_meta_page_tag(ngx_http_meta_page_t *page, u_char *p,
    ngx_str_t **value, ngx_uint_t *condition);
static ngx_int_t ngx_http_meta_page_policy(ngx_http_request_t *r,
    ngx_http_meta_page_t *page);


ngx_int_t
ngx_http_meta_page_send(ngx_http_request_t *r, ngx_http_meta_page_t *page)
{
    char       *opener;
    ngx_str_t   bytes;

    bytes.len = ngx_http_meta_page_render(page, NULL);
    bytes.data = ngx_pnalloc(r->pool, bytes.len + 1);

    opener = page->opener ? page->opener : "same-origin";

    if (bytes.data == NULL
        || ngx_http_meta_page_policy(r, page) != NGX_OK
        || ngx_http_meta_header(r, "Cross-Origin-Opener-Policy", opener)
           != NGX_OK
        || ngx_http_meta_header(r, "X-Frame-Options", "DENY") != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    (void) ngx_http_meta_page_render(page, bytes.data);

    return ngx_http_meta_send_bytes(r, page->status,
                                    "text/html; charset=utf-8", &bytes);
}


/* its length; out may be NULL if only that is wanted */

static size_t
ngx_http_meta_page_render(ngx_http_meta_page_t *page, u_char *out)
{
    u_char      *p, *next, *end;
    size_t       n, len;
    ngx_str_t   *value;
    ngx_uint_t   condition;

    n = 0;

    for (p = page->text; /* void */ ; p = next) {

        end = (u_char *) ngx_strstr(p, "{{");
        len = end ? (size_t) (end - p) : ngx_strlen(p);

        if (out) {
            ngx_memcpy(out + n, p, len);
        }

        n += len;

        if (end == NULL) {
            return n;
        }

        next = ngx_http_meta_page_tag(page, end + 2, &value, &condition);

        if (condition && value->len == 0) {
            end = (u_char *) ngx_strstr(next, "{{/}}");
            next = end ? end + 5 : next + ngx_strlen(next);
        }

        if (condition || value == NULL) {
            continue;
        }

        len = value->len + ngx_escape_html(NULL, value->data, value->len);

        if (out) {
            (void) ngx_escape_html(out + n, value->data, value->len);
        }

        n += len;
    }
}


/* what stands behind the tag at p; value is NULL for the end of a condition */

static u_char *
ngx_http_meta_page_tag(ngx_http_meta_page_t *page, u_char *p,
    ngx_str_t **value, ngx_uint_t *condition)
{
    u_char                 *end;
    ngx_http_meta_field_t  *field;

    static ngx_str_t        none = ngx_null_string;

    *value = NULL;
    *condition = 0;

    if (*p == '/') {
        return p + 3;
    }

    if (*p == '?') {
        *condition = 1;
        p++;
    }

    end = (u_char *) ngx_strstr(p, "}}");
    *value = &none;

    for (field = page->fields; field->name.len; field++) {
        if (field->name.len == (size_t) (end - p)
            && ngx_memcmp(field->name.data, p, field->name.len) == 0)
        {
            *value = &field->value;
            break;
        }
    }

    return end + 2;
}


/* the page's own style and script by their hashes, and what it names */

static ngx_int_t
ngx_http_meta_page_policy(ngx_http_request_t *r, ngx_http_meta_page_t *page)
{
    u_char  *p, *policy;
    size_t   len;

    len = page->sdk ? page->sdk->len + 3 * page->hosts->len : 0;

    policy = ngx_pnalloc(r->pool, 512 + len);
    if (policy == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(policy, "default-src 'none'; style-src ",
                   sizeof("default-src 'none'; style-src ") - 1);

    p = ngx_http_meta_page_hash(p, page->text, "<style>", "</style>");
    if (p == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(p, "; script-src ", sizeof("; script-src ") - 1);

    p = ngx_http_meta_page_hash(p, page->text, "<script>", "</script>");
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (len) {
        p = ngx_sprintf(p, " %V; connect-src 'self' %V; img-src data: %V; "
                        "frame-src %V", page->sdk, page->hosts, page->hosts,
                        page->hosts);
    } else {
        p = ngx_sprintf(p, "; connect-src 'self'; img-src data:");
    }

    (void) ngx_sprintf(p, "; base-uri 'none'; form-action 'none'; "
                       "frame-ancestors 'none'%Z");

    return ngx_http_meta_header(r, "Content-Security-Policy",
                                (char *) policy);
}


ngx_int_t
ngx_http_meta_redirect(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *url)
{
    u_char            *p;

    static ngx_str_t   none = ngx_string("");

    p = ngx_pnalloc(r->pool, url->len + 1);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    (void) ngx_cpystrn(p, url->data, url->len + 1);

    if (ngx_http_meta_header(r, "Location", (char *) p) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_meta_send_bytes(r, status, "text/html; charset=utf-8",
                                    &none);
}


/* not by a status code alone: error_page could make another answer of it */

ngx_int_t
ngx_http_meta_send_bytes(ngx_http_request_t *r, ngx_uint_t status, char *type,
    ngx_str_t *bytes)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    if (ngx_http_meta_header(r, "Cache-Control", "no-store") != NGX_OK
        || ngx_http_meta_header(r, "X-Content-Type-Options", "nosniff")
           != NGX_OK
        || ngx_http_meta_header(r, "Referrer-Policy", "no-referrer")
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->disable_not_modified = 1;

    r->headers_out.status = status;
    r->headers_out.content_length_n = bytes->len;
    r->headers_out.content_type.data = (u_char *) type;
    r->headers_out.content_type.len = ngx_strlen(type);
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    r->header_only |= (bytes->len == 0);

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = bytes->data;
    b->last = bytes->data + bytes->len;
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_http_meta_get_only(ngx_http_request_t *r, char *allow)
{
    /* neither an error_page that led here nor one to come changes the answer */

    r->err_status = 0;
    r->error_page = 1;

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        return ngx_http_discard_request_body(r);
    }

    if (ngx_http_meta_header(r, "Allow", allow) != NGX_OK
        || ngx_http_discard_request_body(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_meta_note(r, NGX_HTTP_META_NOTE_METHOD, NULL);
}


ngx_int_t
ngx_http_meta_head_only(ngx_http_request_t *r)
{
    static ngx_str_t  none = ngx_string("");

    return ngx_http_meta_send_bytes(r, NGX_HTTP_OK,
                                    "text/html; charset=utf-8", &none);
}
