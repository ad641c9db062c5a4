
/*
 * Where a delivery's command goes: to Redis, or to the spool where Redis
 * cannot take it; and what becomes of the request then.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_module.h"


static ngx_int_t ngx_http_meta_spool_op(ngx_http_meta_op_t *op);
#if (NGX_THREADS)
static void ngx_http_meta_spooled(ngx_http_meta_spool_waiter_t *waiter,
    ngx_int_t rc);
#endif
static void ngx_http_meta_pushed(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply);
static ngx_int_t ngx_http_meta_judge_reply(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply);
static void ngx_http_meta_measure(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply);


/*
 * The op belongs to Redis then, or is gone.  NGX_OK: the request is finished
 * once Redis, or the disk, has answered; NGX_DONE: it need not wait.
 */

ngx_int_t
ngx_http_meta_send_op(ngx_http_meta_op_t *op, ngx_http_meta_ctx_t *ctx,
    ngx_uint_t direct)
{
    ngx_int_t                  rc;
    ngx_uint_t                 alone;
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_meta_module);

    op->handler = ngx_http_meta_pushed;
    op->data = ctx;
    op->vital = 1;

    ctx->asked = ngx_current_msec;
    ctx->pushed = 1;

    if (mlcf->ack == NGX_HTTP_META_ACK_VERIFIED
        && mlcf->webhook == NGX_HTTP_META_WEBHOOK)
    {

        /* the request goes now, the push is on its own */

        if (ngx_http_meta_op_own(op) != NGX_OK) {
            ngx_http_meta_op_free(op);
            return NGX_ERROR;
        }

        op->data = NULL;
        op->alone = 1;
    }

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

        if (mlcf->ack == NGX_HTTP_META_ACK_DISK) {
            stream->disk = 1;
            stream->keep = 1;
        }

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
        ngx_http_meta_measure(op, reply);
        return NGX_OK;
    }

    ngx_http_meta_redis_refused(redis, "RPUSH to ", &op->list, reply);

    ngx_http_meta_redis_demoted(redis, reply);

    return ngx_http_meta_reply_is_final(reply) ? NGX_DECLINED : NGX_AGAIN;
}


/* of several lists the longest is looked at */

static void
ngx_http_meta_measure(ngx_http_meta_op_t *op, ngx_http_meta_reply_t *reply)
{
    ngx_str_t   name;
    ngx_uint_t  i;
    u_char      buf[NGX_HTTP_META_MAX_LIST];

    name = op->list;

    if (op->nparts) {
        i = (op->nreplies > 1) ? reply->place : 0;
        ngx_http_meta_part_name(buf, &name, &op->list, op->parts[i]);
    }

    ngx_http_meta_stat_length(op->redis->target->place, &name,
                              reply->integer);

    if (op->max) {
        ngx_http_meta_queue_length(op, &name, reply->integer);
    }
}
