
/*
 * A large body: read, verified, split and pushed a slice at a time, so that
 * the requests beside it do not wait for it.  In each turn of the event loop
 * a worker does one slice, whoever's; who came first is done first, and only
 * then needs memory for the whole.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_module.h"


/* bytes of a body: the work of some ten to some hundred microseconds */
#define NGX_HTTP_META_SLICE  (64 * 1024)

/* it is set anew when it fires, so any time does */
#define NGX_HTTP_META_SLICE_HOLD  60000


/*
 * NGX_AGAIN: there is more to do.  NGX_DONE: it is pushed, or slice->verdict
 * says why not.
 */
typedef ngx_int_t (*ngx_http_meta_step_pt)(ngx_http_meta_slice_t *slice);


struct ngx_http_meta_slice_s {
    ngx_queue_t                queue;
    ngx_http_meta_ctx_t       *ctx;
    ngx_http_meta_step_pt      step;
    ngx_http_meta_verdict_t    verdict;

    ngx_http_meta_chunk_t     *chunk;       /* the op's, once that is whole */
    meta_str_t                 body;
    size_t                     done;        /* bytes read and hashed */

    ngx_http_meta_secret_t    *secrets;
    ngx_uint_t                 nsecrets;
    meta_hmac_t               *hmacs;       /* one each, of our own */
    meta_hash_t                hash;

    meta_event_t              *events;
    size_t                     nalloc;
    meta_scan_t                scan;
    meta_split_t               split;
    ngx_http_meta_push_t       push;
};


static void ngx_http_meta_slice_handler(ngx_event_t *ev);
static void ngx_http_meta_slice_post(void);
static ngx_int_t ngx_http_meta_slice_begin(ngx_http_meta_slice_t *slice);
static ngx_int_t ngx_http_meta_slice_hash(ngx_http_meta_slice_t *slice);
static ngx_int_t ngx_http_meta_slice_verify(ngx_http_meta_slice_t *slice);
static ngx_int_t ngx_http_meta_slice_events(ngx_http_meta_slice_t *slice,
    size_t n);
static ngx_int_t ngx_http_meta_slice_split(ngx_http_meta_slice_t *slice);
static ngx_int_t ngx_http_meta_slice_route(ngx_http_meta_slice_t *slice);
static ngx_int_t ngx_http_meta_slice_write(ngx_http_meta_slice_t *slice);
static ngx_int_t ngx_http_meta_slice_end(ngx_http_meta_slice_t *slice,
    ngx_http_meta_verdict_t verdict);


static ngx_queue_t       ngx_http_meta_slices;
static ngx_event_t       ngx_http_meta_slice_event;
static ngx_connection_t  ngx_http_meta_slice_dumb;


/* NGX_HTTP_META_NONE: it waits for its turn */

ngx_http_meta_verdict_t
ngx_http_meta_slice(ngx_http_request_t *r, ngx_http_meta_ctx_t *ctx)
{
    ngx_http_meta_slice_t  *slice;

    slice = ngx_pcalloc(r->pool, sizeof(ngx_http_meta_slice_t));
    if (slice == NULL) {
        return NGX_HTTP_META_ERROR;
    }

    slice->ctx = ctx;
    slice->step = ngx_http_meta_slice_begin;

    ctx->slice = slice;

    if (ngx_http_meta_slices.next == NULL) {
        ngx_queue_init(&ngx_http_meta_slices);

        ngx_http_meta_slice_dumb.fd = (ngx_socket_t) -1;

        ngx_http_meta_slice_event.data = &ngx_http_meta_slice_dumb;
        ngx_http_meta_slice_event.handler = ngx_http_meta_slice_handler;
        ngx_http_meta_slice_event.log = ngx_cycle->log;
    }

    ngx_queue_insert_tail(&ngx_http_meta_slices, &slice->queue);
    ngx_http_meta_slice_post();

    return NGX_HTTP_META_NONE;
}


/* a worker that is to exit waits for timers, and for nothing that is posted */

static void
ngx_http_meta_slice_post(void)
{
    ngx_event_t  *ev;

    ev = &ngx_http_meta_slice_event;

    if (ngx_queue_empty(&ngx_http_meta_slices)) {
        if (ev->timer_set) {
            ngx_del_timer(ev);
        }

        return;
    }

    if (!ev->timer_set) {
        ngx_add_timer(ev, NGX_HTTP_META_SLICE_HOLD);
    }

    ngx_post_event(ev, &ngx_posted_next_events);
}


static void
ngx_http_meta_slice_handler(ngx_event_t *ev)
{
    ngx_queue_t              *q;
    ngx_connection_t         *c;
    ngx_http_request_t       *r;
    ngx_http_meta_ctx_t      *ctx;
    ngx_http_meta_slice_t    *slice;
    ngx_http_meta_verdict_t   verdict;

    if (ngx_queue_empty(&ngx_http_meta_slices)) {
        ngx_http_meta_slice_post();
        return;
    }

    q = ngx_queue_head(&ngx_http_meta_slices);
    slice = ngx_queue_data(q, ngx_http_meta_slice_t, queue);

    ctx = slice->ctx;
    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    if (slice->step(slice) == NGX_DONE) {
        verdict = slice->verdict;

        ngx_http_meta_slice_free(slice);

        if (verdict != NGX_HTTP_META_NONE) {
            ngx_http_finalize_request(r, ngx_http_meta_answer(r, ctx, verdict,
                                                              NULL));
            ngx_http_run_posted_requests(c);
        }
    }

    ngx_http_meta_slice_post();
}


void
ngx_http_meta_slice_free(ngx_http_meta_slice_t *slice)
{
    ngx_uint_t  i;

    for (i = 0; slice->hmacs && i < slice->nsecrets; i++) {
        meta_hmac_free(&slice->hmacs[i]);
    }

    meta_hash_free(&slice->hash);

    if (slice->push.writer.op) {
        ngx_http_meta_op_free(slice->push.writer.op);
    }

    if (slice->chunk) {
        ngx_free(slice->chunk);
    }

    ngx_queue_remove(&slice->queue);
    slice->ctx->slice = NULL;
}


static ngx_int_t
ngx_http_meta_slice_begin(ngx_http_meta_slice_t *slice)
{
    ngx_uint_t                 i;
    ngx_http_request_t        *r;
    ngx_http_meta_loc_conf_t  *mlcf;

    r = slice->ctx->request;
    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_module);

    slice->secrets = mlcf->secrets->elts;
    slice->nsecrets = mlcf->secrets->nelts;

    /*
     * Not of the request's pool: it goes with the push, of which nothing has
     * then to be copied when the request ends early.
     */

    slice->body.len = slice->ctx->bytes;
    slice->chunk = ngx_alloc(sizeof(ngx_http_meta_chunk_t) + slice->body.len,
                             r->connection->log);

    slice->hmacs = ngx_pcalloc(r->pool,
                               slice->nsecrets * sizeof(meta_hmac_t));

    if (slice->chunk == NULL
        || slice->hmacs == NULL
        || meta_hash_init(&slice->hash) != META_OK)
    {
        return ngx_http_meta_slice_end(slice, NGX_HTTP_META_ERROR);
    }

    slice->body.data = (u_char *) (slice->chunk + 1);

    for (i = 0; i < slice->nsecrets; i++) {
        if (meta_hmac_copy(&slice->hmacs[i], &slice->secrets[i].hmac)
            != META_OK
            || meta_hmac_begin(&slice->hmacs[i]) != META_OK)
        {
            return ngx_http_meta_slice_end(slice, NGX_HTTP_META_ERROR);
        }
    }

    slice->step = ngx_http_meta_slice_hash;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_meta_slice_hash(ngx_http_meta_slice_t *slice)
{
    u_char      *p;
    ngx_uint_t   i;
    meta_str_t   part;

    p = (u_char *) (slice->chunk + 1) + slice->done;

    part.data = p;
    part.len = ngx_min(slice->body.len - slice->done,
                       NGX_HTTP_META_SLICE / slice->nsecrets);

    if (ngx_http_meta_body_part(slice->ctx->request, slice->done, p, part.len)
        != NGX_OK)
    {
        return ngx_http_meta_slice_end(slice, NGX_HTTP_META_ERROR);
    }

    for (i = 0; i < slice->nsecrets; i++) {
        if (meta_hmac_update(&slice->hmacs[i], part) != META_OK) {
            return ngx_http_meta_slice_end(slice, NGX_HTTP_META_ERROR);
        }
    }

    slice->done += part.len;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP,
                   slice->ctx->request->connection->log, 0,
                   "http meta slice: %uz of %uz", slice->done,
                   slice->body.len);

    if (slice->done < slice->body.len) {
        return NGX_AGAIN;
    }

    return ngx_http_meta_slice_verify(slice);
}


static ngx_int_t
ngx_http_meta_slice_verify(ngx_http_meta_slice_t *slice)
{
    u_char                     mac[META_MAC_LEN];
    ngx_uint_t                 i;
    ngx_http_meta_ctx_t       *ctx;
    ngx_http_meta_loc_conf_t  *mlcf;

    ctx = slice->ctx;
    mlcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_meta_module);

    for (i = 0; i < slice->nsecrets; i++) {

        if (meta_hmac_final(&slice->hmacs[i], mac) != META_OK) {
            return ngx_http_meta_slice_end(slice, NGX_HTTP_META_ERROR);
        }

        if (meta_equal(mac, ctx->mac, META_MAC_LEN)) {
            ctx->app = slice->secrets[i].app.len ? slice->secrets[i].app
                                                 : mlcf->app_id;

            return ngx_http_meta_slice_events(slice, slice->body.len / 128);
        }
    }

    return ngx_http_meta_slice_end(slice,
                                   ngx_http_meta_mismatch(ctx->request,
                                                          slice->body.len));
}


static ngx_int_t
ngx_http_meta_slice_events(ngx_http_meta_slice_t *slice, size_t n)
{
    slice->nalloc = ngx_min(n, META_MAX_EVENTS);
    slice->events = ngx_palloc(slice->ctx->request->pool,
                               slice->nalloc * sizeof(meta_event_t));

    if (slice->events == NULL) {
        return ngx_http_meta_slice_end(slice, NGX_HTTP_META_ERROR);
    }

    meta_split_begin(&slice->scan, slice->body, slice->events, slice->nalloc);

    slice->step = ngx_http_meta_slice_split;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_meta_slice_split(ngx_http_meta_slice_t *slice)
{
    meta_rc_t                 rc;
    ngx_http_meta_verdict_t   verdict;

    rc = meta_split_run(&slice->scan, NGX_HTTP_META_SLICE, &slice->split);

    if (rc == META_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc != META_OK) {
        verdict = ngx_http_meta_malformed(slice->ctx->request,
                                          slice->body.len, rc);

        return ngx_http_meta_slice_end(slice, verdict);
    }

    if (slice->split.nevents > slice->nalloc) {
        return ngx_http_meta_slice_events(slice, slice->split.nevents);
    }

    slice->step = ngx_http_meta_slice_route;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_meta_slice_route(ngx_http_meta_slice_t *slice)
{
    ngx_http_meta_ctx_t      *ctx;
    ngx_http_meta_push_t     *push;
    ngx_http_meta_verdict_t   verdict;

    ctx = slice->ctx;
    push = &slice->push;

    verdict = ngx_http_meta_route(ctx->request, ctx, &slice->split,
                                  slice->events, &push->list);

    if (verdict != NGX_HTTP_META_OK) {
        return ngx_http_meta_slice_end(slice, verdict);
    }

    /* the log asks for it when the body may be gone */

    ctx->object.data = ngx_pstrdup(ctx->request->pool, &ctx->object);
    if (ctx->object.data == NULL) {
        return ngx_http_meta_slice_end(slice, NGX_HTTP_META_ERROR);
    }

    push->ctx = ctx;
    push->split = &slice->split;
    push->events = slice->events;
    push->record.hash = &slice->hash;

    if (ngx_http_meta_push_begin(push) != NGX_OK) {
        return ngx_http_meta_slice_end(slice, NGX_HTTP_META_UNAVAILABLE);
    }

    slice->step = ngx_http_meta_slice_write;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_meta_slice_write(ngx_http_meta_slice_t *slice)
{
    ngx_int_t            rc;
    ngx_http_meta_op_t  *op;

    rc = ngx_http_meta_push_run(&slice->push, NGX_HTTP_META_SLICE);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc == NGX_OK) {
        op = slice->push.writer.op;

        slice->chunk->next = op->chunks;
        op->chunks = slice->chunk;
        op->borrowed = 0;

        slice->chunk = NULL;
        slice->push.writer.op = NULL;

        /* other deliveries may have come first meanwhile */

        rc = ngx_http_meta_send_op(op, slice->ctx,
                                   ngx_http_meta_push_direct(&slice->push));
    }

    return ngx_http_meta_slice_end(slice,
                                   rc == NGX_OK ? NGX_HTTP_META_NONE
                                   : rc == NGX_DONE ? NGX_HTTP_META_OK
                                   : NGX_HTTP_META_UNAVAILABLE);
}


static ngx_int_t
ngx_http_meta_slice_end(ngx_http_meta_slice_t *slice,
    ngx_http_meta_verdict_t verdict)
{
    slice->verdict = verdict;

    return NGX_DONE;
}
