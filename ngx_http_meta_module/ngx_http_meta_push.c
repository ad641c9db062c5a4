
/*
 * One delivery becomes one RPUSH: each event a record, small ones copied
 * beside their heads, large ones written from the request's body.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "meta/meta_redis.h"
#include "ngx_http_meta_module.h"


/* slices of this size and more are cheaper as an iovec of their own */
#define NGX_HTTP_META_BORROW   2048
#define NGX_HTTP_META_CHUNK    (64 * 1024)

/* what one record may need beside an event that is borrowed */
#define NGX_HTTP_META_RECORD   (META_REDIS_HEADER_MAX + META_RECORD_HEAD_MAX  \
                                + sizeof("}" CRLF) - 1)

/* a head is about this long, which mostly tells how many digits its length */
#define NGX_HTTP_META_HEAD     320


typedef struct {
    ngx_http_meta_op_t  *op;
    u_char              *start;     /* of the iovec being filled */
    u_char              *pos;
    u_char              *end;
} ngx_http_meta_writer_t;


static ngx_int_t ngx_http_meta_start(ngx_http_meta_writer_t *w,
    ngx_http_meta_redis_t *redis, ngx_str_t *list, meta_event_t *events,
    ngx_uint_t n);
static ngx_int_t ngx_http_meta_write_record(ngx_http_meta_writer_t *w,
    meta_record_ctx_t *rc, meta_event_t *ev, ngx_uint_t n);
static void ngx_http_meta_end_iov(ngx_http_meta_writer_t *w);
static ngx_uint_t ngx_http_meta_is_direct(ngx_http_meta_loc_conf_t *mlcf,
    ngx_str_t *list);
static ngx_int_t ngx_http_meta_send_op(ngx_http_meta_op_t *op,
    ngx_http_meta_ctx_t *ctx, ngx_uint_t direct);
static ngx_int_t ngx_http_meta_spool_op(ngx_http_meta_op_t *op);
#if (NGX_THREADS)
static void ngx_http_meta_spooled(ngx_http_meta_spool_waiter_t *waiter,
    ngx_int_t rc);
#endif
static void ngx_http_meta_pushed(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply);
static ngx_int_t ngx_http_meta_judge_reply(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply);


/*
 * NGX_OK: the request is finished once Redis, or the disk, has answered;
 * NGX_DONE: it need not wait.
 */

ngx_int_t
ngx_http_meta_push(ngx_http_meta_ctx_t *ctx, ngx_str_t *list,
    meta_split_t *split, meta_event_t *events)
{
    ngx_uint_t                  n, direct;
    ngx_time_t                 *tp;
    meta_record_ctx_t           record;
    ngx_http_meta_writer_t      w;
    ngx_http_meta_loc_conf_t   *mlcf;
    ngx_http_meta_main_conf_t  *mmcf;

    mlcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_meta_module);
    mmcf = ngx_http_get_module_main_conf(ctx->request, ngx_http_meta_module);

    direct = ngx_http_meta_is_direct(mlcf, list);

    if (!direct && ngx_http_meta_spool == NULL) {
        return NGX_DECLINED;
    }

    if (ngx_http_meta_start(&w, mlcf->target->redis, list, events,
                            split->nevents)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    tp = ngx_timeofday();

    record.app.data = ctx->app.data;
    record.app.len = ctx->app.len;
    record.delivery.data = ctx->delivery.data;
    record.delivery.len = ctx->delivery.len;
    record.received_at = (int64_t) tp->sec * 1000 + tp->msec;
    record.split = split;
    record.hash = &mmcf->hash;

    meta_record_begin(&record);

    for (n = 0; n < split->nevents; n++) {
        if (ngx_http_meta_write_record(&w, &record, &events[n], n)
            != NGX_OK)
        {
            ngx_http_meta_op_free(w.op);
            return NGX_ERROR;
        }
    }

    ngx_http_meta_end_iov(&w);

    w.op->max = mlcf->queue_max;
    w.op->nevents = split->nevents;
    w.op->handler = ngx_http_meta_pushed;
    w.op->data = ctx;
    w.op->vital = 1;

    ctx->asked = ngx_current_msec;
    ctx->pushed = 1;

    if (mlcf->ack == NGX_HTTP_META_ACK_VERIFIED) {

        /* the request goes now, the push is on its own */

        if (ngx_http_meta_op_own(w.op) != NGX_OK) {
            ngx_http_meta_op_free(w.op);
            return NGX_ERROR;
        }

        w.op->data = NULL;
        w.op->alone = 1;
    }

    return ngx_http_meta_send_op(w.op, ctx, direct);
}


/* not past what is on disk already, nor into a list that is full */

static ngx_uint_t
ngx_http_meta_is_direct(ngx_http_meta_loc_conf_t *mlcf, ngx_str_t *list)
{
    return mlcf->ack != NGX_HTTP_META_ACK_DISK
           && !ngx_http_meta_queue_is_full(mlcf->target->redis, list,
                                           mlcf->queue_max)
           && !ngx_http_meta_spool_before(mlcf->target, list);
}


/* the op belongs to Redis then, or is gone */

static ngx_int_t
ngx_http_meta_send_op(ngx_http_meta_op_t *op, ngx_http_meta_ctx_t *ctx,
    ngx_uint_t direct)
{
    ngx_int_t                  rc;
    ngx_uint_t                 alone;
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_meta_module);

    alone = op->alone;
    rc = NGX_DECLINED;

    if (direct) {
        rc = ngx_http_meta_redis_submit(op,
                         ngx_http_meta_op_patience(mlcf->timeout, op->size));

        if (rc == NGX_OK && !alone) {
            ctx->op = op;
        }
    }

    if (rc != NGX_OK) {
        rc = ngx_http_meta_spool_op(op);
        ngx_http_meta_op_free(op);
    }

    return (rc == NGX_OK && alone) ? NGX_DONE : rc;
}


/* NGX_OK: the disk will tell whoever waits for the op */

static ngx_int_t
ngx_http_meta_spool_op(ngx_http_meta_op_t *op)
{
#if (NGX_THREADS)

    ngx_http_meta_ctx_t           *ctx;
    ngx_http_meta_stream_t        *stream;
    ngx_http_meta_loc_conf_t      *mlcf;
    ngx_http_meta_spool_waiter_t  *waiter;

    if (ngx_http_meta_spool == NULL) {
        return NGX_DECLINED;
    }

    stream = ngx_http_meta_stream_get(op->redis->target, &op->list, 0);

    if (stream == NULL) {
        return NGX_DECLINED;
    }

    ctx = op->data;
    waiter = NULL;

    if (ctx) {
        mlcf = ngx_http_get_module_loc_conf(ctx->request,
                                            ngx_http_meta_module);

        stream->keep |= (mlcf->ack == NGX_HTTP_META_ACK_DISK);

        waiter = &ctx->waiter;
        waiter->handler = ngx_http_meta_spooled;
        waiter->data = ctx;
    }

    stream->max = op->max;

    if (ngx_http_meta_spool_append(stream, op, waiter) != NGX_OK) {
        ngx_http_meta_stream_idle(stream);
        return NGX_DECLINED;
    }

    return NGX_OK;

#else

    return NGX_DECLINED;

#endif
}


#if (NGX_THREADS)

static void
ngx_http_meta_spooled(ngx_http_meta_spool_waiter_t *waiter, ngx_int_t rc)
{
    ngx_http_meta_ctx_t *ctx = waiter->data;

    ctx->spooled = (rc == NGX_OK);

    ngx_http_meta_finish(ctx, rc == NGX_OK ? NGX_HTTP_META_OK
                                           : NGX_HTTP_META_UNAVAILABLE);
}

#endif


static ngx_int_t
ngx_http_meta_start(ngx_http_meta_writer_t *w, ngx_http_meta_redis_t *redis,
    ngx_str_t *list, meta_event_t *events, ngx_uint_t n)
{
    size_t      room, small, chunks;
    meta_str_t  name;
    ngx_uint_t  i, borrowed;

    static const meta_str_t  rpush = meta_string("RPUSH");

    small = 0;
    borrowed = 0;

    for (i = 0; i < n; i++) {
        if (events[i].raw.len < NGX_HTTP_META_BORROW) {
            small += events[i].raw.len;

        } else {
            borrowed++;
        }
    }

    room = 3 * META_REDIS_HEADER_MAX + 2 * NGX_HTTP_META_MAX_NAME
           + small + n * (NGX_HTTP_META_HEAD + META_REDIS_HEADER_MAX)
           + NGX_HTTP_META_RECORD;

    /* a chunk is left with less than a record's room in it, never more */

    chunks = 1 + n * (NGX_HTTP_META_RECORD + NGX_HTTP_META_BORROW)
                 / (NGX_HTTP_META_CHUNK - NGX_HTTP_META_RECORD
                    - NGX_HTTP_META_BORROW);

    w->op = ngx_http_meta_op_create(redis, 1 + chunks + 2 * borrowed, room);
    if (w->op == NULL) {
        return NGX_ERROR;
    }

    w->start = w->op->room;
    w->end = w->start + room;

    name.data = list->data;
    name.len = list->len;

    w->pos = meta_redis_array(w->start, 2 + n);
    w->pos = meta_redis_bulk(w->pos, rpush);
    w->pos = meta_redis_bulk(w->pos, name);

    w->op->list.len = list->len;
    w->op->list.data = w->pos - list->len - 2;

    return NGX_OK;
}


static ngx_int_t
ngx_http_meta_write_record(ngx_http_meta_writer_t *w, meta_record_ctx_t *rc,
    meta_event_t *ev, ngx_uint_t n)
{
    size_t       need, head, len, guess, width;
    u_char      *p;
    ngx_uint_t   borrow;

    borrow = (ev->raw.len >= NGX_HTTP_META_BORROW);
    need = NGX_HTTP_META_RECORD + (borrow ? 0 : ev->raw.len);

    if ((size_t) (w->end - w->pos) < need) {
        ngx_http_meta_end_iov(w);

        w->start = ngx_http_meta_op_chunk(w->op, NGX_HTTP_META_CHUNK);
        if (w->start == NULL) {
            return NGX_ERROR;
        }

        w->pos = w->start;
        w->end = w->start + NGX_HTTP_META_CHUNK;
    }

    /* the length stands before the head, and is known only after it */

    p = w->pos;
    guess = meta_redis_bulk_size(ev->raw.len + NGX_HTTP_META_HEAD)
            - ev->raw.len - NGX_HTTP_META_HEAD - 2;

    head = meta_record_head(p + guess, rc, ev, n);
    if (head == 0) {
        return NGX_ERROR;
    }

    len = head + ev->raw.len + 1;
    width = meta_redis_bulk_size(len) - len - 2;

    if (width != guess) {
        ngx_memmove(p + width, p + guess, head);
    }

    p = meta_redis_bulk_header(p, len) + head;

    if (borrow) {
        w->pos = p;
        ngx_http_meta_end_iov(w);

        w->op->iov[w->op->niov].iov_base = (void *) ev->raw.data;
        w->op->iov[w->op->niov++].iov_len = ev->raw.len;
        w->op->size += ev->raw.len;
        w->op->borrowed = 1;

    } else {
        p = ngx_cpymem(p, ev->raw.data, ev->raw.len);
    }

    *p++ = '}';
    *p++ = CR;
    *p++ = LF;

    w->pos = p;

    return NGX_OK;
}


static void
ngx_http_meta_end_iov(ngx_http_meta_writer_t *w)
{
    struct iovec  *iov;

    if (w->pos == w->start) {
        return;
    }

    iov = &w->op->iov[w->op->niov++];

    iov->iov_base = w->start;
    iov->iov_len = w->pos - w->start;

    w->op->size += iov->iov_len;
    w->start = w->pos;
}


static void
ngx_http_meta_pushed(ngx_http_meta_op_t *op, ngx_http_meta_reply_t *reply)
{
    ngx_int_t             rc;
    ngx_http_meta_ctx_t  *ctx;

    ctx = op->data;

    if (ctx) {
        ctx->op = NULL;
    }

    rc = ngx_http_meta_judge_reply(op, reply);

    if (rc == NGX_OK) {
        if (ctx) {
            ngx_http_meta_finish(ctx, NGX_HTTP_META_OK);
        }

        return;
    }

    /* where nobody waits any more, nobody was told that it is safe */

    if (ctx == NULL && !op->alone) {
        return;
    }

    if (rc == NGX_AGAIN && ngx_http_meta_spool_op(op) == NGX_OK) {
        return;
    }

    if (ctx) {
        ngx_http_meta_finish(ctx, NGX_HTTP_META_UNAVAILABLE);
        return;
    }

    ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                  "meta redis \"%V\" and no spool took %ui events that are "
                  "answered 200 already, as \"meta_ack verified\" allows: "
                  "they are lost", &op->redis->target->name, op->nevents);
}


/* NGX_AGAIN: Redis may take it later; NGX_DECLINED: it never will */

static ngx_int_t
ngx_http_meta_judge_reply(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply)
{
    ngx_http_meta_redis_t  *redis;

    if (reply == NULL) {
        return NGX_AGAIN;
    }

    redis = op->redis;

    if (reply->type == REDIS_REPLY_INTEGER) {
        ngx_http_meta_slot->by_redis += op->nevents;
        ngx_http_meta_queue_length(redis, op, reply->integer);
        return NGX_OK;
    }

    ngx_http_meta_redis_refused(redis, "RPUSH to ", &op->list, reply);

    /* after a failover the name may lead to another server by now */

    if (reply->type == REDIS_REPLY_ERROR
        && reply->text.len == sizeof("READONLY") - 1
        && ngx_strncmp(reply->text.data, "READONLY", 8) == 0
        && ngx_current_msec - redis->since >= NGX_HTTP_META_MAX_DELAY)
    {
        redis->lost = 1;
    }

    return ngx_http_meta_reply_is_final(reply) ? NGX_DECLINED : NGX_AGAIN;
}
