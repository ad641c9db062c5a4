
/*
 * One delivery becomes one RPUSH: each event a record, small ones copied
 * beside their heads, large ones written from the request's body.  Where it
 * is spread over several lists it becomes MULTI, one RPUSH a list, EXEC.
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

/* what stands before a list's records */
#define NGX_HTTP_META_RPUSH    (3 * META_REDIS_HEADER_MAX                     \
                                + sizeof("RPUSH" CRLF) - 1                    \
                                + NGX_HTTP_META_MAX_LIST + 2)

#define NGX_HTTP_META_MULTI    "*1" CRLF "$5" CRLF "MULTI" CRLF
#define NGX_HTTP_META_EXEC     "*1" CRLF "$4" CRLF "EXEC" CRLF


static ngx_int_t ngx_http_meta_is_full(ngx_http_meta_loc_conf_t *mlcf,
    ngx_str_t *list, ngx_http_meta_spread_t *spread);
static ngx_int_t ngx_http_meta_start(ngx_http_meta_writer_t *w,
    ngx_http_meta_redis_t *redis, ngx_http_meta_spread_t *spread,
    meta_event_t *events, ngx_uint_t n);
static ngx_int_t ngx_http_meta_write_list(ngx_http_meta_writer_t *w,
    ngx_str_t *list, ngx_http_meta_spread_t *spread, ngx_uint_t i);
static ngx_int_t ngx_http_meta_write_record(ngx_http_meta_push_t *push,
    meta_event_t *ev, ngx_uint_t n, size_t budget);
static ngx_int_t ngx_http_meta_write_end(ngx_http_meta_push_t *push);
static ngx_int_t ngx_http_meta_room(ngx_http_meta_writer_t *w, size_t need);
static void ngx_http_meta_end_iov(ngx_http_meta_writer_t *w);


/*
 * NGX_OK: the request is finished once Redis, or the disk, has answered;
 * NGX_DONE: it need not wait.
 */

ngx_int_t
ngx_http_meta_push(ngx_http_meta_ctx_t *ctx, ngx_str_t *list,
    meta_split_t *split, meta_event_t *events)
{
    ngx_int_t                   rc;
    ngx_http_meta_push_t        push;
    ngx_http_meta_main_conf_t  *mmcf;

    mmcf = ngx_http_get_module_main_conf(ctx->request, ngx_http_meta_module);

    push.ctx = ctx;
    push.list = *list;
    push.split = split;
    push.events = events;
    push.record.hash = &mmcf->hash;

    rc = ngx_http_meta_push_begin(&push);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_meta_push_run(&push, SIZE_MAX) != NGX_OK) {
        ngx_http_meta_op_free(push.writer.op);
        return NGX_ERROR;
    }

    return ngx_http_meta_send_op(push.writer.op, ctx, push.direct);
}


ngx_int_t
ngx_http_meta_push_begin(ngx_http_meta_push_t *push)
{
    ngx_time_t                *tp;
    meta_record_ctx_t         *record;
    ngx_http_meta_ctx_t       *ctx;
    ngx_http_meta_loc_conf_t  *mlcf;

    ctx = push->ctx;
    mlcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_meta_module);

    push->i = 0;
    push->k = 0;
    push->at = 0;
    push->in_head = 0;

    tp = ngx_timeofday();
    record = &push->record;

    record->app.data = ctx->app.data;
    record->app.len = ctx->app.len;
    record->delivery.data = ctx->delivery.data;
    record->delivery.len = ctx->delivery.len;
    record->received_at = (int64_t) tp->sec * 1000 + tp->msec;
    record->split = push->split;

    meta_record_begin(record);

    if (mlcf->partitions == 1) {
        push->spread.nlists = 1;
        push->spread.counts[0] = push->split->nevents;
        push->spread.order = NULL;

    } else if (ngx_http_meta_spread(&push->spread, ctx->request->pool,
                                    mlcf->partitions, record, push->events)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    push->direct = ngx_http_meta_push_direct(push);

    if (!push->direct && ngx_http_meta_spool == NULL) {
        return NGX_DECLINED;
    }

    if (mlcf->queue->lengths) {
        ngx_http_meta_announce(mlcf->target->redis, &push->list,
                               mlcf->partitions);
    }

    return ngx_http_meta_start(&push->writer, mlcf->target->redis,
                               &push->spread, push->events,
                               push->split->nevents);
}


/* NGX_AGAIN: about budget bytes are written, and there are more */

ngx_int_t
ngx_http_meta_push_run(ngx_http_meta_push_t *push, size_t budget)
{
    size_t                   need;
    ngx_int_t                rc;
    ngx_uint_t               n;
    ngx_http_meta_spread_t  *spread;

    spread = &push->spread;

    while (push->i < spread->nlists) {

        if (push->k == 0
            && !push->in_head
            && ngx_http_meta_write_list(&push->writer, &push->list, spread,
                                        push->i)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        while (push->k < spread->counts[push->i]) {
            n = spread->order ? spread->order[push->at] : push->at;

            rc = ngx_http_meta_write_record(push, &push->events[n], n,
                                            budget);
            if (rc != NGX_OK) {
                return rc;
            }

            push->k++;
            push->at++;

            need = NGX_HTTP_META_HEAD + push->events[n].raw.len;

            if (need >= budget) {
                return NGX_AGAIN;
            }

            budget -= need;
        }

        push->i++;
        push->k = 0;
    }

    return ngx_http_meta_write_end(push);
}


/* 1: neither past what is on disk already, nor into a list that is full */

ngx_uint_t
ngx_http_meta_push_direct(ngx_http_meta_push_t *push)
{
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(push->ctx->request,
                                        ngx_http_meta_module);

    return mlcf->ack != NGX_HTTP_META_ACK_DISK
           && !ngx_http_meta_is_full(mlcf, &push->list, &push->spread)
           && !ngx_http_meta_spool_before(mlcf->target, &push->list);
}


/* one list over its max holds back the whole delivery */

static ngx_int_t
ngx_http_meta_is_full(ngx_http_meta_loc_conf_t *mlcf, ngx_str_t *list,
    ngx_http_meta_spread_t *spread)
{
    ngx_str_t               name;
    ngx_uint_t              i;
    ngx_http_meta_redis_t  *redis;
    u_char                  buf[NGX_HTTP_META_MAX_LIST];

    redis = mlcf->target->redis;

    if (mlcf->queue_max == 0 || redis->nfull == 0) {
        return 0;
    }

    if (spread->order == NULL) {
        return ngx_http_meta_queue_is_full(redis, list, mlcf->queue_max);
    }

    for (i = 0; i < spread->nlists; i++) {
        ngx_http_meta_part_name(buf, &name, list, spread->parts[i]);

        if (ngx_http_meta_queue_is_full(redis, &name, mlcf->queue_max)) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_meta_start(ngx_http_meta_writer_t *w, ngx_http_meta_redis_t *redis,
    ngx_http_meta_spread_t *spread, meta_event_t *events, ngx_uint_t n)
{
    size_t      room, small, chunks;
    ngx_uint_t  i, borrowed;

    small = 0;
    borrowed = 0;

    for (i = 0; i < n; i++) {
        if (events[i].raw.len < NGX_HTTP_META_BORROW) {
            small += events[i].raw.len;

        } else {
            borrowed++;
        }
    }

    room = spread->nlists * NGX_HTTP_META_RPUSH
           + small + n * (NGX_HTTP_META_HEAD + META_REDIS_HEADER_MAX)
           + NGX_HTTP_META_RECORD;

    /*
     * a chunk is left with less than a record's room in it, never more; what
     * stands around a list's records takes less room than a record may
     */

    chunks = 1 + (n + spread->nlists)
                 * (NGX_HTTP_META_RECORD + NGX_HTTP_META_BORROW)
                 / (NGX_HTTP_META_CHUNK - NGX_HTTP_META_RECORD
                    - NGX_HTTP_META_BORROW);

    w->op = ngx_http_meta_op_create(redis, 1 + chunks + 2 * borrowed,
                                    room + spread->nlists);
    if (w->op == NULL) {
        return NGX_ERROR;
    }

    w->start = w->op->room;
    w->end = w->start + room;
    w->pos = w->start;

    if (spread->order) {
        w->op->parts = w->end;
        w->op->nparts = spread->nlists;
        ngx_memcpy(w->op->parts, spread->parts, spread->nlists);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_meta_write_list(ngx_http_meta_writer_t *w, ngx_str_t *list,
    ngx_http_meta_spread_t *spread, ngx_uint_t i)
{
    ngx_str_t   str;
    meta_str_t  name;
    u_char      buf[NGX_HTTP_META_MAX_LIST];

    static const meta_str_t  rpush = meta_string("RPUSH");

    if (ngx_http_meta_room(w, NGX_HTTP_META_RPUSH
                              + sizeof(NGX_HTTP_META_MULTI))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (i == 0 && spread->nlists > 1) {
        w->pos = ngx_cpymem(w->pos, NGX_HTTP_META_MULTI,
                            sizeof(NGX_HTTP_META_MULTI) - 1);
    }

    str = *list;

    if (spread->order) {
        ngx_http_meta_part_name(buf, &str, list, spread->parts[i]);
    }

    name.data = str.data;
    name.len = str.len;

    w->pos = meta_redis_array(w->pos, 2 + spread->counts[i]);
    w->pos = meta_redis_bulk(w->pos, rpush);
    w->pos = meta_redis_bulk(w->pos, name);

    if (i == 0) {
        w->op->list.len = list->len;
        w->op->list.data = w->pos - name.len - 2;
    }

    return NGX_OK;
}


/* NGX_AGAIN: the hash that is its id needs more time */

static ngx_int_t
ngx_http_meta_write_record(ngx_http_meta_push_t *push, meta_event_t *ev,
    ngx_uint_t n, size_t budget)
{
    size_t                   need, head, len, guess, width;
    u_char                  *p;
    meta_rc_t                rc;
    ngx_uint_t               borrow;
    ngx_http_meta_writer_t  *w;

    w = &push->writer;
    borrow = (ev->raw.len >= NGX_HTTP_META_BORROW);

    /* the length stands before the head, and is known only after it */

    guess = meta_redis_bulk_size(ev->raw.len + NGX_HTTP_META_HEAD)
            - ev->raw.len - NGX_HTTP_META_HEAD - 2;

    if (!push->in_head) {
        need = NGX_HTTP_META_RECORD + (borrow ? 0 : ev->raw.len);

        if (ngx_http_meta_room(w, need) != NGX_OK) {
            return NGX_ERROR;
        }

        meta_head_begin(&push->head, w->pos + guess, &push->record, ev);
    }

    rc = meta_head_run(&push->head, budget);

    push->in_head = (rc == META_AGAIN);

    if (rc != META_OK) {
        return push->in_head ? NGX_AGAIN : NGX_ERROR;
    }

    p = w->pos;
    head = meta_head_end(&push->head, n);

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


static ngx_int_t
ngx_http_meta_write_end(ngx_http_meta_push_t *push)
{
    ngx_http_meta_writer_t    *w;
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(push->ctx->request,
                                        ngx_http_meta_module);
    w = &push->writer;

    w->op->max = mlcf->queue_max;
    w->op->nevents = push->split->nevents;

    if (push->spread.nlists > 1) {
        if (ngx_http_meta_room(w, sizeof(NGX_HTTP_META_EXEC)) != NGX_OK) {
            return NGX_ERROR;
        }

        w->pos = ngx_cpymem(w->pos, NGX_HTTP_META_EXEC,
                            sizeof(NGX_HTTP_META_EXEC) - 1);
        w->op->nreplies = push->spread.nlists + 2;
    }

    ngx_http_meta_end_iov(w);

    return NGX_OK;
}


static ngx_int_t
ngx_http_meta_room(ngx_http_meta_writer_t *w, size_t need)
{
    if ((size_t) (w->end - w->pos) >= need) {
        return NGX_OK;
    }

    ngx_http_meta_end_iov(w);

    w->start = ngx_http_meta_op_chunk(w->op, NGX_HTTP_META_CHUNK);
    if (w->start == NULL) {
        return NGX_ERROR;
    }

    w->pos = w->start;
    w->end = w->start + NGX_HTTP_META_CHUNK;

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
