
/*
 * What each verdict is answered with, and the sending of it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_module.h"


static ngx_int_t ngx_http_meta_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *text);


typedef struct {
    ngx_uint_t   status;
    ngx_str_t    text;
    char        *key;
    char        *value;
} ngx_http_meta_answer_t;


/* in the order of ngx_http_meta_verdict_t */

static ngx_http_meta_answer_t  ngx_http_meta_answers[] = {

    /* NONE */
    { 500, ngx_string("internal error" CRLF), NULL, NULL },

    /* OK */
    { 200, ngx_string("EVENT_RECEIVED"), NULL, NULL },

    /* CHALLENGE */
    { 200, ngx_null_string, "X-Content-Type-Options", "nosniff" },

    /* BAD_TOKEN */
    { 403, ngx_string("forbidden" CRLF), NULL, NULL },

    /* BAD_METHOD */
    { 405, ngx_string("method not allowed" CRLF),
      "Allow", "GET, HEAD, POST" },

    /* BAD_CLIENT */
    { 403, ngx_string("forbidden" CRLF), NULL, NULL },

    /* NO_SECRET */
    { 503, ngx_string("not ready" CRLF), "Retry-After", "30" },

    /* NO_SIGNATURE */
    { 401, ngx_string("bad signature" CRLF), NULL, NULL },

    /* BAD_SIGNATURE */
    { 401, ngx_string("bad signature" CRLF), NULL, NULL },

    /* MALFORMED */
    { 400, ngx_string("not a JSON object" CRLF), NULL, NULL },

    /* TOO_LARGE */
    { 413, ngx_string("too large" CRLF), NULL, NULL },

    /* BAD_QUEUE */
    { 503, ngx_string("not ready" CRLF), "Retry-After", "30" },

    /* UNAVAILABLE */
    { 503, ngx_string("not ready" CRLF), "Retry-After", "5" },

    /* ERROR */
    { 503, ngx_string("not ready" CRLF), "Retry-After", "5" },

    /* STALE */
    { 400, ngx_string("bad signed_request" CRLF), NULL, NULL }
};


ngx_int_t
ngx_http_meta_answer(ngx_http_request_t *r, ngx_http_meta_ctx_t *ctx,
    ngx_http_meta_verdict_t verdict, ngx_str_t *text)
{
    ngx_str_t                 *type;
    ngx_http_meta_answer_t    *answer;
    ngx_http_meta_loc_conf_t  *mlcf;

    static ngx_str_t  plain = ngx_string("text/plain");

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_module);

    ctx->verdict = verdict;
    answer = &ngx_http_meta_answers[verdict];
    type = &plain;

    /* to a person's request Meta expects other words, and 400 for 401 */

    if (mlcf->webhook > NGX_HTTP_META_WEBHOOK) {

        if (answer->status == NGX_HTTP_OK) {
            text = &ctx->text;
            type = ctx->type.len ? &ctx->type : &plain;

        } else if (answer->status == NGX_HTTP_UNAUTHORIZED
                   || verdict == NGX_HTTP_META_MALFORMED)
        {
            answer = &ngx_http_meta_answers[NGX_HTTP_META_STALE];
        }
    }

    ngx_http_meta_count(ctx, verdict, answer->status);

    if (answer->key
        && ngx_http_meta_header(r, answer->key, answer->value) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_meta_send(r, answer->status, type,
                              text ? text : &answer->text);
}


ngx_uint_t
ngx_http_meta_verdict_status(ngx_uint_t verdict)
{
    return ngx_http_meta_answers[verdict].status;
}


/* not by a status code alone: error_page could make a 200 of it */

static ngx_int_t
ngx_http_meta_send(ngx_http_request_t *r, ngx_uint_t status, ngx_str_t *type,
    ngx_str_t *text)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    if (ngx_http_meta_header(r, "Cache-Control", "no-store") != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->disable_not_modified = 1;

    r->headers_out.status = status;
    r->headers_out.content_length_n = text->len;
    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = text->data;
    b->last = text->data + text->len;
    b->memory = text->len ? 1 : 0;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_http_meta_header(ngx_http_request_t *r, char *key, char *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.data = (u_char *) key;
    h->key.len = ngx_strlen(key);
    h->value.data = (u_char *) value;
    h->value.len = ngx_strlen(value);

    return NGX_OK;
}
