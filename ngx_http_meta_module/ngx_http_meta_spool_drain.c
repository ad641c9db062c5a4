
/*
 * Records out of the spool: read back in chunks, pushed in their order, and
 * forgotten once Redis has them.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "meta/meta_redis.h"
#include "ngx_http_meta_module.h"
#include "ngx_http_meta_spool.h"


static ngx_uint_t ngx_http_meta_spool_may_drain(
    ngx_http_meta_stream_t *stream);
static void ngx_http_meta_spool_probe(ngx_http_meta_stream_t *stream);
static void ngx_http_meta_spool_probed(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply);
static void ngx_http_meta_spool_read(ngx_http_meta_stream_t *stream);
static ngx_http_meta_spool_chunk_t *ngx_http_meta_spool_chunk(
    ngx_http_meta_stream_t *stream, ngx_http_meta_spool_file_t *file);
static void ngx_http_meta_spool_have_read(ngx_event_t *ev);
static void ngx_http_meta_spool_have_damage(
    ngx_http_meta_spool_chunk_t *chunk);
static ngx_int_t ngx_http_meta_spool_push(ngx_http_meta_stream_t *stream,
    ngx_http_meta_spool_chunk_t *chunk);
static ngx_int_t ngx_http_meta_spool_push_item(
    ngx_http_meta_stream_t *stream, ngx_http_meta_spool_item_t *item);
static void ngx_http_meta_spool_answered(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply);
static void ngx_http_meta_spool_measure(ngx_http_meta_op_t *op,
    ngx_http_meta_spool_item_t *item, ngx_http_meta_reply_t *reply);
static void ngx_http_meta_spool_refused(ngx_http_meta_spool_item_t *item,
    ngx_str_t *word);
static void ngx_http_meta_spool_is_aside(ngx_http_meta_spool_waiter_t *waiter,
    ngx_int_t rc);
static void ngx_http_meta_spool_item_done(ngx_http_meta_spool_item_t *item);
static void ngx_http_meta_spool_chunk_done(ngx_http_meta_stream_t *stream);
static void ngx_http_meta_spool_again(ngx_http_meta_stream_t *stream);


/* whatever can go on goes on; the stream may be gone afterwards */

void
ngx_http_meta_spool_drain(ngx_http_meta_stream_t *stream)
{
    ngx_queue_t                  *q;
    ngx_http_meta_spool_chunk_t  *chunk;

    if (ngx_http_meta_spool_may_drain(stream)) {

        for (q = ngx_queue_head(&stream->chunks);
             q != ngx_queue_sentinel(&stream->chunks);
             q = ngx_queue_next(q))
        {
            chunk = ngx_queue_data(q, ngx_http_meta_spool_chunk_t, queue);

            if (ngx_http_meta_spool_push(stream, chunk) != NGX_OK) {
                break;
            }
        }

        ngx_http_meta_spool_read(stream);
    }

    ngx_http_meta_stream_idle(stream);
}


static ngx_uint_t
ngx_http_meta_spool_may_drain(ngx_http_meta_stream_t *stream)
{
    ngx_http_meta_redis_t  *redis;

    redis = stream->target->redis;

    if (stream->aside || stream->retry.timer_set || ngx_exiting
        || redis->state != NGX_HTTP_META_REDIS_READY)
    {
        return 0;
    }

    if (ngx_http_meta_queue_any_full(redis, &stream->list, stream->max)) {
        ngx_http_meta_spool_again(stream);
        return 0;
    }

    if (stream->doubt) {
        ngx_http_meta_spool_probe(stream);
        return 0;
    }

    return 1;
}


/*
 * Whether Redis answers at all: what is pushed to one that does not is pushed
 * again later, and stands there as often once it goes on.
 */

static void
ngx_http_meta_spool_probe(ngx_http_meta_stream_t *stream)
{
    ngx_http_meta_op_t  *op;

    static const meta_str_t  ping = meta_string("PING");

    if (stream->probing) {
        return;
    }

    op = ngx_http_meta_op_command(stream->target->redis, &ping, 1);
    if (op == NULL) {
        ngx_http_meta_spool_again(stream);
        return;
    }

    op->aside = 1;
    op->handler = ngx_http_meta_spool_probed;
    op->data = stream;

    if (ngx_http_meta_redis_submit(op, stream->target->timeout) != NGX_OK) {
        ngx_http_meta_op_free(op);
        ngx_http_meta_spool_again(stream);
        return;
    }

    stream->probing = 1;
}


static void
ngx_http_meta_spool_probed(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply)
{
    ngx_http_meta_stream_t  *stream = op->data;

    stream->probing = 0;

    if (reply == NULL) {
        ngx_http_meta_spool_again(stream);
        return;
    }

    stream->doubt = 0;

    ngx_http_meta_spool_drain(stream);
}


/* one chunk is read while another is pushed */

static void
ngx_http_meta_spool_read(ngx_http_meta_stream_t *stream)
{
    ngx_queue_t                  *q;
    ngx_http_meta_spool_file_t   *file;
    ngx_http_meta_spool_chunk_t  *chunk;

    if (stream->reading || stream->nchunks == NGX_HTTP_META_SPOOL_CHUNKS) {
        return;
    }

    file = NULL;

    for (q = ngx_queue_head(&stream->files);
         q != ngx_queue_sentinel(&stream->files);
         q = ngx_queue_next(q))
    {
        file = ngx_queue_data(q, ngx_http_meta_spool_file_t, queue);

        if (file->read < file->size) {
            break;
        }
    }

    if (q == ngx_queue_sentinel(&stream->files)) {
        return;
    }

    chunk = ngx_http_meta_spool_chunk(stream, file);

    if (chunk == NULL
        || ngx_thread_task_post(stream->spool->pool, &chunk->task) != NGX_OK)
    {
        if (chunk) {
            ngx_http_meta_spool_chunk_free(chunk);
        }

        ngx_http_meta_spool_again(stream);
        return;
    }

    ngx_queue_insert_tail(&stream->chunks, &chunk->queue);
    stream->nchunks++;
    stream->reading = 1;
    file->chunks++;
}


static ngx_http_meta_spool_chunk_t *
ngx_http_meta_spool_chunk(ngx_http_meta_stream_t *stream,
    ngx_http_meta_spool_file_t *file)
{
    ngx_http_meta_spool_t        *spool;
    ngx_http_meta_spool_chunk_t  *chunk;

    spool = stream->spool;
    chunk = spool->chunks;

    if (chunk) {
        spool->chunks = chunk->next;
        spool->nchunks--;

    } else {
        chunk = ngx_alloc(sizeof(ngx_http_meta_spool_chunk_t)
                          + NGX_HTTP_META_SPOOL_CHUNK, ngx_cycle->log);
        if (chunk == NULL) {
            return NULL;
        }
    }

    ngx_memzero(chunk, offsetof(ngx_http_meta_spool_chunk_t, items));

    chunk->stream = stream;
    chunk->file = file;
    chunk->events = file->events;
    chunk->reading = 1;

    chunk->limit = file->size;

    /* behind damage nothing is noted: who comes after us must meet it too */

    chunk->done = (file->done > META_SPOOL_HEADER && !file->damaged)
                  ? file->done : 0;

    chunk->reader.fd = file->fd;
    chunk->reader.id = file->id;
    chunk->reader.base = file->read;
    chunk->reader.limit = file->size;
    chunk->reader.buf = (u_char *) (chunk + 1);
    chunk->reader.cap = NGX_HTTP_META_SPOOL_CHUNK;

    chunk->task.ctx = chunk;
    chunk->task.handler = ngx_http_meta_spool_read_task;
    chunk->task.event.data = chunk;
    chunk->task.event.handler = ngx_http_meta_spool_have_read;

    return chunk;
}


void
ngx_http_meta_spool_chunk_free(ngx_http_meta_spool_chunk_t *chunk)
{
    ngx_http_meta_spool_t  *spool;

    spool = chunk->stream->spool;

    if (chunk->reader.grown) {
        ngx_free(chunk->reader.grown);
    }

    if (spool->nchunks == NGX_HTTP_META_SPOOL_IDLE) {
        ngx_free(chunk);
        return;
    }

    chunk->next = spool->chunks;
    spool->chunks = chunk;
    spool->nchunks++;
}


static void
ngx_http_meta_spool_have_read(ngx_event_t *ev)
{
    ngx_http_meta_spool_chunk_t *chunk = ev->data;

    ngx_uint_t                   i;
    ngx_http_meta_stream_t      *stream;
    ngx_http_meta_spool_file_t  *file;

    stream = chunk->stream;
    file = chunk->file;

    stream->reading = 0;
    chunk->reading = 0;

    chunk->left = chunk->n;

    for (i = 0; i < chunk->n; i++) {
        chunk->items[i].chunk = chunk;
        chunk->items[i].busy = 0;
        chunk->items[i].done = 0;
    }

    ngx_http_meta_spool_have_damage(chunk);

    file->read = chunk->end;

    if (chunk->n == 0) {
        ngx_http_meta_spool_chunk_done(stream);
    }

    ngx_http_meta_spool_drain(stream);
}


/* what cannot be read is missing when the file is done, and counted then */

static void
ngx_http_meta_spool_have_damage(ngx_http_meta_spool_chunk_t *chunk)
{
    ngx_http_meta_spool_file_t    *file;
    ngx_http_meta_spool_reader_t  *rd;

    rd = &chunk->reader;
    file = chunk->file;

    if (rd->error.call) {

        /* memory or the disk may be better in a second */

        if (++file->failures < NGX_HTTP_META_SPOOL_FAILURES) {

            if (file->failures == 1) {
                ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, rd->error.err,
                              "meta spool file \"%V\": %s failed, it is tried "
                              "again", &file->path, rd->error.call);
            }

            ngx_http_meta_spool_again(chunk->stream);
            return;
        }

        rd->damaged++;

    } else {
        file->failures = 0;
    }

    if (!rd->torn && !rd->cut && rd->damaged == 0) {
        return;
    }

    ngx_http_meta_slot->damaged += rd->damaged + rd->torn + rd->cut;

    if (rd->error.call || rd->torn || rd->cut) {

        /* nothing behind it can be had */

        chunk->end = chunk->limit;
    }

    if (!file->damaged) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, rd->error.err,
                      "meta spool file \"%V\" is damaged before offset %O%s%s; "
                      "what can be read of it goes to Redis, and the file is "
                      "kept", &file->path, chunk->end,
                      rd->error.call ? ": " : "",
                      rd->error.call ? rd->error.call : "");
    }

    file->damaged = 1;
}


/* NGX_OK: all of it is pushed; NGX_DECLINED: no more of this stream now */

static ngx_int_t
ngx_http_meta_spool_push(ngx_http_meta_stream_t *stream,
    ngx_http_meta_spool_chunk_t *chunk)
{
    ngx_uint_t                   i;
    ngx_http_meta_spool_item_t  *item;

    /*
     * The first one goes alone: were Redis to begin to take commands between
     * two that are on their way, the second would stand before the first.
     */

    if (chunk->reading || (stream->single && stream->busy)) {
        return NGX_DECLINED;
    }

    for (i = 0; i < chunk->n; i++) {
        item = &chunk->items[i];

        if (item->busy || item->done) {
            continue;
        }

        if (ngx_http_meta_spool_push_item(stream, item) != NGX_OK) {
            ngx_http_meta_spool_again(stream);
            return NGX_DECLINED;
        }

        if (stream->single) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_meta_spool_push_item(ngx_http_meta_stream_t *stream,
    ngx_http_meta_spool_item_t *item)
{
    ngx_msec_t               timeout;
    ngx_http_meta_op_t      *op;
    ngx_http_meta_target_t  *target;

    target = stream->target;

    op = ngx_http_meta_op_create(target->redis, 1, 0);
    if (op == NULL) {
        return NGX_ERROR;
    }

    op->iov[0].iov_base = (void *) item->record.payload.data;
    op->iov[0].iov_len = item->record.payload.len;
    op->niov = 1;
    op->size = item->record.payload.len;
    op->nevents = item->record.events;
    op->nreplies = item->record.replies;
    op->list = stream->list;
    op->max = stream->max;
    op->borrowed = 1;
    op->vital = 1;
    op->handler = ngx_http_meta_spool_answered;
    op->data = item;

    /* nobody waits for it, and much may be before it */

    timeout = 4 * ngx_http_meta_op_patience(target->timeout, op->size);

    if (ngx_http_meta_redis_submit(op, timeout) != NGX_OK) {
        ngx_http_meta_op_free(op);
        return NGX_DECLINED;
    }

    item->busy = 1;
    item->chunk->stream->busy++;

    return NGX_OK;
}


static void
ngx_http_meta_spool_answered(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply)
{
    ngx_http_meta_spool_item_t *item = op->data;

    ngx_http_meta_stream_t  *stream;

    stream = item->chunk->stream;

    item->busy = 0;
    stream->busy--;

    if (reply && reply->type == REDIS_REPLY_INTEGER) {
        ngx_http_meta_slot->drained += item->record.events;
        stream->spool->drained += stream->disk ? 0 : item->record.events;
        ngx_http_meta_spool_measure(op, item, reply);

        if (stream->single && stream->busy == 0) {
            stream->single = 0;
            stream->more = 1;
        }

        ngx_http_meta_spool_item_done(item);
        return;
    }

    stream->single = 1;

    if (reply == NULL) {
        stream->doubt = 1;

    } else {
        ngx_http_meta_redis_refused(op->redis, "RPUSH to ", &op->list, reply);

        if (ngx_http_meta_reply_is_final(reply)) {
            stream->single = 0;
            stream->more = 1;
            ngx_http_meta_spool_refused(item, &reply->text);
            return;
        }

        /* the last one, so that no other loses its reply with the connection */

        if (stream->busy == 0) {
            ngx_http_meta_redis_demoted(op->redis, reply);
        }
    }

    ngx_http_meta_spool_again(stream);
}


/* the list stands in the command: the name of the stream has no partition */

static void
ngx_http_meta_spool_measure(ngx_http_meta_op_t *op,
    ngx_http_meta_spool_item_t *item, ngx_http_meta_reply_t *reply)
{
    ngx_str_t   name;
    ngx_uint_t  n;
    meta_str_t  list;

    if (op->max == 0) {
        return;
    }

    n = (op->nreplies > 1) ? reply->place + 1 : 0;

    if (meta_redis_key(item->record.payload, n, &list) != META_OK) {
        return;
    }

    name.data = (u_char *) list.data;
    name.len = list.len;

    ngx_http_meta_queue_length(op, &name, reply->integer);
}


static void
ngx_http_meta_spool_refused(ngx_http_meta_spool_item_t *item, ngx_str_t *word)
{
    ngx_http_meta_stream_t  *stream, *aside;

    stream = item->chunk->stream;

    if (stream->refused == 0
        || ngx_time() - stream->refused >= NGX_HTTP_META_QUIET)
    {
        stream->refused = ngx_time();
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "meta spool \"%V\" sets aside what Redis refuses for "
                      "good, events for \"%V\": \"%V\"",
                      &stream->spool->path, &stream->list, word);
    }

    item->waiter.handler = ngx_http_meta_spool_is_aside;
    item->waiter.data = item;

    aside = ngx_http_meta_stream_get(stream->target, &stream->list, 1);

    if (aside == NULL
        || ngx_http_meta_spool_set_aside(aside, &item->record, &item->waiter)
           != NGX_OK)
    {
        ngx_http_meta_spool_again(stream);
        return;
    }

    item->busy = 1;
    item->chunk->stream->busy++;
}


static void
ngx_http_meta_spool_is_aside(ngx_http_meta_spool_waiter_t *waiter,
    ngx_int_t rc)
{
    ngx_http_meta_spool_item_t *item = waiter->data;

    item->busy = 0;
    item->chunk->stream->busy--;

    if (rc == NGX_OK) {
        ngx_http_meta_slot->set_aside += item->record.events;
        ngx_http_meta_spool_item_done(item);
        return;
    }

    ngx_http_meta_spool_again(item->chunk->stream);
}


static void
ngx_http_meta_spool_item_done(ngx_http_meta_spool_item_t *item)
{
    ngx_http_meta_stream_t       *stream;
    ngx_http_meta_spool_chunk_t  *chunk;

    chunk = item->chunk;
    stream = chunk->stream;

    item->done = 1;
    chunk->file->entry->done += item->record.events;

    if (--chunk->left == 0) {
        ngx_http_meta_spool_chunk_done(stream);
        stream->more = 1;
    }

    if (stream->more) {
        stream->more = 0;
        ngx_http_meta_spool_drain(stream);
    }
}


/* chunks end in their order, so that progress has no gaps */

static void
ngx_http_meta_spool_chunk_done(ngx_http_meta_stream_t *stream)
{
    ngx_uint_t                    i;
    ngx_queue_t                  *q;
    ngx_http_meta_spool_file_t   *file;
    ngx_http_meta_spool_chunk_t  *chunk;

    while (!ngx_queue_empty(&stream->chunks)) {
        q = ngx_queue_head(&stream->chunks);
        chunk = ngx_queue_data(q, ngx_http_meta_spool_chunk_t, queue);

        if (chunk->reading || chunk->left) {
            return;
        }

        file = chunk->file;

        file->done = chunk->end;
        file->chunks--;

        for (i = 0; i < chunk->n; i++) {
            file->events += chunk->items[i].record.events;
            file->entry->oldest = chunk->items[i].record.time;
        }

        file->entry->offset = file->done;

        ngx_queue_remove(q);
        stream->nchunks--;

        ngx_http_meta_spool_chunk_free(chunk);
    }
}


void
ngx_http_meta_spool_retry_handler(ngx_event_t *ev)
{
    ngx_connection_t  *dumb = ev->data;

    ngx_http_meta_spool_drain(dumb->data);
}


static void
ngx_http_meta_spool_again(ngx_http_meta_stream_t *stream)
{
    if (!stream->retry.timer_set) {
        ngx_add_timer(&stream->retry, NGX_HTTP_META_SPOOL_RETRY);
    }
}
