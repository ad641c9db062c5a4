
/*
 * The life of a request.
 *
 *   handler           nginx owns it; a refusal is answered here
 *     |  body to read: NGX_DONE, the request keeps a count
 *   body handler      signature, JSON, queue name; a refusal is answered here
 *     |  a large body: the same in slices, ctx->slice, a cleanup stands ready
 *     |  pushed: ctx->op, a cleanup stands ready
 *   waiting           Redis owes one answer; whichever comes first
 *     |-- answer: ngx_http_meta_finish(), ctx->op is NULL
 *     |-- refusal, deadline: ctx->op is NULL, the delivery goes to the spool,
 *     |   where there is one: ctx->waiter stands in a queue until the disk
 *     |   has it; without a spool, ngx_http_meta_finish()
 *     |-- client gone, worker shut down: the cleanup abandons ctx->op, the
 *         push goes on alone; or takes ctx->waiter out of its queue; what is
 *         in slices is given up
 *   finished          finalize spends the count; the request is not touched
 *                     again
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/rand.h>

#include "meta/meta_challenge.h"
#include "ngx_http_meta_module.h"


#define NGX_HTTP_META_EVENTS  64


static ngx_int_t ngx_http_meta_get(ngx_http_request_t *r,
    ngx_http_meta_ctx_t *ctx);
static ngx_int_t ngx_http_meta_post(ngx_http_request_t *r,
    ngx_http_meta_ctx_t *ctx);
static ngx_int_t ngx_http_meta_signature(ngx_http_request_t *r,
    ngx_http_meta_ctx_t *ctx);
static void ngx_http_meta_body_handler(ngx_http_request_t *r);
static ngx_http_meta_verdict_t ngx_http_meta_judge(ngx_http_request_t *r,
    ngx_http_meta_ctx_t *ctx);
static ngx_http_meta_verdict_t ngx_http_meta_verify(ngx_http_request_t *r,
    ngx_http_meta_ctx_t *ctx, meta_str_t body);
static ngx_http_meta_verdict_t ngx_http_meta_deliver(ngx_http_request_t *r,
    ngx_http_meta_ctx_t *ctx, meta_str_t body);
static void ngx_http_meta_object(ngx_http_meta_ctx_t *ctx, meta_str_t token);
static void ngx_http_meta_cleanup(void *data);
static ngx_int_t ngx_http_meta_refuse(ngx_http_request_t *r,
    ngx_http_meta_ctx_t *ctx, ngx_http_meta_verdict_t verdict);


/*
 * Runs in the rewrite phase, before nginx' own directives of that phase, so
 * that no line of theirs, or of access control, prints what the query string
 * carries; and first in the log phase, for what was refused before.
 */

ngx_int_t
ngx_http_meta_mask_handler(ngx_http_request_t *r)
{
    ngx_str_t                 *s[3];
    ngx_uint_t                 i;
    ngx_list_part_t           *part;
    ngx_table_elt_t           *h;
    ngx_http_meta_ctx_t       *ctx;
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_module);

    if (!mlcf->webhook && !mlcf->masked) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_meta_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->masked) {
        return NGX_DECLINED;
    }

    ctx->masked = 1;

    if (r->args.len) {
        ctx->args.len = r->args.len;
        ctx->args.data = ngx_pstrdup(r->pool, &r->args);

        if (ctx->args.data == NULL
            || ngx_http_meta_secret_wipe(r->pool, &ctx->args) != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    /* the request line has its query even where a redirect dropped it */

    s[0] = &r->args;
    s[1] = &r->unparsed_uri;
    s[2] = &r->request_line;

    for (i = 0; i < 3; i++) {
        meta_query_mask(s[i]->data, s[i]->len, i == 0);
    }

    /* a page of ours names itself, with its query, to what it loads */

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == sizeof("referer") - 1
                && ngx_strncmp(h[i].lowcase_key, "referer", 7) == 0)
            {
                meta_query_mask(h[i].value.data, h[i].value.len, 0);
            }
        }
    }

    return NGX_DECLINED;
}


ngx_http_meta_ctx_t *
ngx_http_meta_get_ctx(ngx_http_request_t *r)
{
    ngx_http_meta_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_meta_module);

    if (ctx == NULL) {
        ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_meta_ctx_t));
        if (ctx == NULL) {
            return NULL;
        }

        ctx->request = r;

        ngx_http_set_ctx(r, ctx, ngx_http_meta_module);
    }

    return ctx;
}


ngx_int_t
ngx_http_meta_handler(ngx_http_request_t *r)
{
    ngx_http_meta_ctx_t  *ctx;

    ctx = ngx_http_meta_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* neither an error_page that led here nor one to come makes a 200 */

    r->err_status = 0;
    r->error_page = 1;

    switch (r->method) {

    case NGX_HTTP_GET:
    case NGX_HTTP_HEAD:
        return ngx_http_meta_get(r, ctx);

    case NGX_HTTP_POST:
        return ngx_http_meta_post(r, ctx);

    default:
        return ngx_http_meta_refuse(r, ctx, NGX_HTTP_META_BAD_METHOD);
    }
}


static ngx_int_t
ngx_http_meta_get(ngx_http_request_t *r, ngx_http_meta_ctx_t *ctx)
{
    size_t                     len;
    ngx_int_t                  rc;
    ngx_str_t                  text;
    meta_str_t                 args;
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_module);

    if (mlcf->webhook != NGX_HTTP_META_WEBHOOK) {

        /* the app's dashboard sees whether anybody is there */

        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }

        ngx_str_null(&text);

        return ngx_http_meta_answer(r, ctx, NGX_HTTP_META_CHALLENGE, &text);
    }

    if (ctx->args.len == 0 || mlcf->tokens == NULL) {
        return ngx_http_meta_refuse(r, ctx, NGX_HTTP_META_BAD_TOKEN);
    }

    args.data = ctx->args.data;
    args.len = ctx->args.len;

    text.data = ngx_pnalloc(r->pool, args.len);
    if (text.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (meta_challenge(args, mlcf->tokens->elts, mlcf->tokens->nelts,
                       text.data, &len)
        != META_OK)
    {
        return ngx_http_meta_refuse(r, ctx, NGX_HTTP_META_BAD_TOKEN);
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    text.len = len;

    return ngx_http_meta_answer(r, ctx, NGX_HTTP_META_CHALLENGE, &text);
}


static ngx_int_t
ngx_http_meta_post(ngx_http_request_t *r, ngx_http_meta_ctx_t *ctx)
{
    ngx_int_t                  rc;
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_module);

    if (mlcf->webhook == NGX_HTTP_META_WEBHOOK
        && ngx_http_meta_client(r, mlcf) != NGX_OK)
    {
        return ngx_http_meta_refuse(r, ctx, NGX_HTTP_META_BAD_CLIENT);
    }

    if (mlcf->secrets == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "no \"meta_app_secret_file\" is in force here: the "
                      "delivery cannot be checked and is refused");
        return ngx_http_meta_refuse(r, ctx, NGX_HTTP_META_NO_SECRET);
    }

    if (mlcf->webhook == NGX_HTTP_META_WEBHOOK
        && ngx_http_meta_signature(r, ctx) != NGX_OK)
    {
        return ngx_http_meta_refuse(r, ctx, NGX_HTTP_META_NO_SIGNATURE);
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_meta_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


static ngx_int_t
ngx_http_meta_signature(ngx_http_request_t *r, ngx_http_meta_ctx_t *ctx)
{
    ngx_uint_t        i;
    meta_str_t        value;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    static ngx_str_t  name = ngx_string("x-hub-signature-256");

    ngx_memzero(&value, sizeof(meta_str_t));

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len != name.len
            || ngx_strncmp(h[i].lowcase_key, name.data, name.len) != 0)
        {
            continue;
        }

        if (value.data) {
            return NGX_DECLINED;
        }

        value.data = h[i].value.data;
        value.len = h[i].value.len;
    }

    if (value.data == NULL || meta_signature_parse(value, ctx->mac) != META_OK)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static void
ngx_http_meta_body_handler(ngx_http_request_t *r)
{
    ngx_http_meta_ctx_t      *ctx;
    ngx_http_meta_verdict_t   verdict;

    ctx = ngx_http_get_module_ctx(r, ngx_http_meta_module);

    ctx->received = ngx_current_msec;

    verdict = ngx_http_meta_judge(r, ctx);

    if (verdict != NGX_HTTP_META_NONE) {
        ngx_http_finalize_request(r, ngx_http_meta_answer(r, ctx, verdict,
                                                          NULL));
        return;
    }

    /* waiting: a client that goes away must be noticed */

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
}


/* NGX_HTTP_META_NONE: Redis was asked and will tell */

static ngx_http_meta_verdict_t
ngx_http_meta_judge(ngx_http_request_t *r, ngx_http_meta_ctx_t *ctx)
{
    meta_str_t                 body;
    ngx_http_cleanup_t        *cln;
    ngx_http_meta_verdict_t    verdict;
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_module);

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_HTTP_META_ERROR;
    }

    cln->handler = ngx_http_meta_cleanup;
    cln->data = ctx;

    ctx->bytes = ngx_http_meta_body_size(r);

    if (mlcf->webhook != NGX_HTTP_META_WEBHOOK) {
        return ngx_http_meta_signed(r, ctx);
    }

    /* a body is hashed with one secret after the other */

    if (ctx->bytes * mlcf->secrets->nelts > NGX_HTTP_META_LARGE) {
        return ngx_http_meta_slice(r, ctx);
    }

    if (ngx_http_meta_body(r, &body) != NGX_OK) {
        return NGX_HTTP_META_ERROR;
    }

    verdict = ngx_http_meta_verify(r, ctx, body);

    if (verdict != NGX_HTTP_META_OK) {
        return verdict;
    }

    return ngx_http_meta_deliver(r, ctx, body);
}


static ngx_http_meta_verdict_t
ngx_http_meta_verify(ngx_http_request_t *r, ngx_http_meta_ctx_t *ctx,
    meta_str_t body)
{
    u_char                     mac[META_MAC_LEN];
    ngx_uint_t                 i;
    ngx_http_meta_secret_t    *secret;
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_module);

    secret = mlcf->secrets->elts;

    for (i = 0; i < mlcf->secrets->nelts; i++) {

        if (meta_hmac_begin(&secret[i].hmac) != META_OK
            || meta_hmac_update(&secret[i].hmac, body) != META_OK
            || meta_hmac_final(&secret[i].hmac, mac) != META_OK)
        {
            ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                          "libcrypto failed to compute a signature");
            return NGX_HTTP_META_ERROR;
        }

        if (meta_equal(mac, ctx->mac, META_MAC_LEN)) {
            ctx->app = secret[i].app.len ? secret[i].app : mlcf->app_id;
            return NGX_HTTP_META_OK;
        }
    }

    return ngx_http_meta_mismatch(r, body.len);
}


/* strangers may send as many as they like: one line in ten seconds */

ngx_http_meta_verdict_t
ngx_http_meta_mismatch(ngx_http_request_t *r, size_t len)
{
    ngx_http_meta_main_conf_t  *mmcf;

    mmcf = ngx_http_get_module_main_conf(r, ngx_http_meta_module);

    mmcf->mismatches++;

    if (mmcf->mismatched && ngx_time() - mmcf->mismatched < 10) {
        return NGX_HTTP_META_BAD_SIGNATURE;
    }

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "no secret matches the signature of a body of %uz bytes: "
                  "forged, or the secret of another app; %ui such since the "
                  "last line", len, mmcf->mismatches);

    mmcf->mismatched = ngx_time();
    mmcf->mismatches = 0;

    return NGX_HTTP_META_BAD_SIGNATURE;
}


ngx_http_meta_verdict_t
ngx_http_meta_malformed(ngx_http_request_t *r, size_t len, meta_rc_t rc)
{
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "a signed body of %uz bytes is %s", len,
                  rc == META_TOO_DEEP ? "nested deeper than 512"
                                      : "not a JSON object");

    return NGX_HTTP_META_MALFORMED;
}


static ngx_http_meta_verdict_t
ngx_http_meta_deliver(ngx_http_request_t *r, ngx_http_meta_ctx_t *ctx,
    meta_str_t body)
{
    ngx_str_t                 list;
    meta_rc_t                 mrc;
    ngx_uint_t                n;
    meta_event_t              few[NGX_HTTP_META_EVENTS], *events;
    meta_split_t              split;
    ngx_http_meta_verdict_t   verdict;

    /* the shortest real events are about this long */

    events = few;
    n = body.len / 128;

    if (n > NGX_HTTP_META_EVENTS) {
        n = ngx_min(n, META_MAX_EVENTS);
        events = ngx_palloc(r->pool, n * sizeof(meta_event_t));

    } else {
        n = NGX_HTTP_META_EVENTS;
    }

    if (events == NULL) {
        return NGX_HTTP_META_ERROR;
    }

    mrc = meta_split(body, &split, events, n);

    if (mrc != META_OK) {
        return ngx_http_meta_malformed(r, body.len, mrc);
    }

    if (split.nevents > n) {
        n = split.nevents;
        events = ngx_palloc(r->pool, n * sizeof(meta_event_t));

        if (events == NULL || meta_split(body, &split, events, n) != META_OK) {
            return NGX_HTTP_META_ERROR;
        }
    }

    verdict = ngx_http_meta_route(r, ctx, &split, events, &list);

    if (verdict != NGX_HTTP_META_OK) {
        return verdict;
    }

    switch (ngx_http_meta_push(ctx, &list, &split, events)) {

    case NGX_OK:
        return NGX_HTTP_META_NONE;

    case NGX_DONE:
        return NGX_HTTP_META_OK;

    default:
        return NGX_HTTP_META_UNAVAILABLE;
    }
}


/* what is known of a delivery once it is judged, and the list it goes to */

ngx_http_meta_verdict_t
ngx_http_meta_route(ngx_http_request_t *r, ngx_http_meta_ctx_t *ctx,
    meta_split_t *split, meta_event_t *events, ngx_str_t *list)
{
    ngx_http_meta_object(ctx, split->object);
    ctx->nevents = split->nevents;
    ngx_http_meta_seen(ctx, split, events);

    switch (ngx_http_meta_queue_name(r, list)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        return NGX_HTTP_META_BAD_QUEUE;

    default:
        return NGX_HTTP_META_ERROR;
    }

    return ngx_http_meta_delivery(r, ctx) == NGX_OK ? NGX_HTTP_META_OK
                                                    : NGX_HTTP_META_ERROR;
}


/*
 * The value of $request_id.  nginx draws one at a time, which costs more than
 * the signature of a short body: here many are drawn at once.
 */

ngx_int_t
ngx_http_meta_delivery(ngx_http_request_t *r, ngx_http_meta_ctx_t *ctx)
{
    u_char                     *id;
    ngx_http_variable_value_t  *v;
    ngx_http_meta_main_conf_t  *mmcf;

    mmcf = ngx_http_get_module_main_conf(r, ngx_http_meta_module);

    v = &r->variables[mmcf->request_id];

    if (!v->valid) {

        if (mmcf->nrandom < 16) {
            if (RAND_bytes(mmcf->random, NGX_HTTP_META_RANDOM) != 1) {
                return NGX_ERROR;
            }

            mmcf->nrandom = NGX_HTTP_META_RANDOM;
        }

        id = ngx_pnalloc(r->pool, 32);
        if (id == NULL) {
            return NGX_ERROR;
        }

        mmcf->nrandom -= 16;
        (void) ngx_hex_dump(id, mmcf->random + mmcf->nrandom, 16);

        v->data = id;
        v->len = 32;
        v->valid = 1;
        v->no_cacheable = 0;
        v->not_found = 0;
    }

    ctx->delivery.data = v->data;
    ctx->delivery.len = v->len;

    return NGX_OK;
}


/* for logs: what a label can bear, never what somebody wrote */

static void
ngx_http_meta_object(ngx_http_meta_ctx_t *ctx, meta_str_t token)
{
    u_char  ch;
    size_t  i;

    if (token.len < 3 || token.len > 66 || token.data[0] != '"') {
        goto other;
    }

    for (i = 1; i < token.len - 1; i++) {
        ch = token.data[i];

        if ((ch < 'a' || ch > 'z') && ch != '_') {
            goto other;
        }
    }

    ctx->object.data = (u_char *) token.data + 1;
    ctx->object.len = token.len - 2;

    return;

other:

    ngx_str_set(&ctx->object, "other");
}


static void
ngx_http_meta_cleanup(void *data)
{
    ngx_http_meta_ctx_t  *ctx = data;

    if (ctx->slice) {
        ngx_http_meta_slice_free(ctx->slice);
    }

    if (ctx->op) {
        ctx->queue_time = ngx_current_msec - ctx->asked;
        ngx_http_meta_redis_abandon(ctx->op);
        ctx->op = NULL;
    }

#if (NGX_THREADS)
    if (ctx->waiter.queue.next) {
        ctx->queue_time = ngx_current_msec - ctx->asked;
        ngx_http_meta_spool_forget(&ctx->waiter);
    }
#endif
}


/* ctx and its request may be gone after this */

void
ngx_http_meta_finish(ngx_http_meta_ctx_t *ctx,
    ngx_http_meta_verdict_t verdict)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ctx->queue_time = ngx_current_msec - ctx->asked;
    ctx->queued = (verdict == NGX_HTTP_META_OK);

    ngx_http_finalize_request(r, ngx_http_meta_answer(r, ctx, verdict, NULL));
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_meta_refuse(ngx_http_request_t *r, ngx_http_meta_ctx_t *ctx,
    ngx_http_meta_verdict_t verdict)
{
    ngx_int_t  rc;

    ctx->verdict = verdict;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_meta_answer(r, ctx, verdict, NULL);
}
