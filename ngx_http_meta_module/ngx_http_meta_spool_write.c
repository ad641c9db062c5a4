
/*
 * Records into the spool: those of one turn of the event loop, and of the
 * time that the disk is busy, go out together and share one fsync.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_module.h"
#include "ngx_http_meta_spool.h"


static ngx_uint_t ngx_http_meta_spool_fits(ngx_http_meta_spool_t *spool,
    size_t size);
static ngx_int_t ngx_http_meta_spool_admit(ngx_http_meta_stream_t *stream,
    size_t size);
static u_char *ngx_http_meta_spool_room(ngx_http_meta_stream_t *stream,
    size_t size);
static ngx_http_meta_spool_block_t *ngx_http_meta_spool_block(
    ngx_http_meta_spool_t *spool, size_t size);
static void ngx_http_meta_spool_added(ngx_http_meta_stream_t *stream,
    ngx_http_meta_spool_note_t *note, ngx_http_meta_spool_waiter_t *waiter);
static ngx_int_t ngx_http_meta_spool_begin(ngx_http_meta_stream_t *stream);
static void ngx_http_meta_spool_written(ngx_event_t *ev);
static void ngx_http_meta_spool_count(ngx_http_meta_spool_batch_t *batch);
static void ngx_http_meta_spool_broken(ngx_http_meta_spool_batch_t *batch);
static void ngx_http_meta_spool_tell(ngx_http_meta_spool_batch_t *batch,
    ngx_int_t rc);


ngx_int_t
ngx_http_meta_spool_append(ngx_http_meta_stream_t *stream,
    ngx_http_meta_op_t *op, ngx_http_meta_spool_waiter_t *waiter)
{
    u_char                      *p;
    ngx_time_t                  *tp;
    ngx_http_meta_spool_note_t   note;

    p = ngx_http_meta_spool_room(stream, op->size);
    if (p == NULL) {
        ngx_http_meta_slot->refused++;
        return NGX_DECLINED;
    }

    tp = ngx_timeofday();

    note.time = (uint64_t) tp->sec * 1000 + tp->msec;
    note.len = op->size;
    note.events = op->nevents;
    note.replies = op->nreplies;

    ngx_memcpy(p, &note, sizeof(ngx_http_meta_spool_note_t));
    (void) ngx_http_meta_op_copy(op, p + META_SPOOL_RECORD_HEAD);

    ngx_http_meta_spool_added(stream, &note, waiter);

    return NGX_OK;
}


/* a record that Redis will not take; stream is one that is not drained */

ngx_int_t
ngx_http_meta_spool_set_aside(ngx_http_meta_stream_t *stream,
    meta_spool_record_t *record, ngx_http_meta_spool_waiter_t *waiter)
{
    u_char                      *p;
    ngx_http_meta_spool_note_t   note;

    p = ngx_http_meta_spool_room(stream, record->payload.len);
    if (p == NULL) {
        return NGX_DECLINED;
    }

    note.time = record->time;
    note.len = record->payload.len;
    note.events = record->events;
    note.replies = record->replies;

    ngx_memcpy(p, &note, sizeof(ngx_http_meta_spool_note_t));
    ngx_memcpy(p + META_SPOOL_RECORD_HEAD, record->payload.data,
               record->payload.len);

    ngx_http_meta_spool_added(stream, &note, waiter);

    return NGX_OK;
}


static ngx_uint_t
ngx_http_meta_spool_fits(ngx_http_meta_spool_t *spool, size_t size)
{
    off_t  taken;

    taken = (off_t) (ngx_http_meta_stat->spool_bytes
                     + ngx_http_meta_stat->aside_bytes);

    taken += (off_t) (spool->pending - spool->posted);

    return taken + (off_t) size <= spool->max;
}


static ngx_int_t
ngx_http_meta_spool_admit(ngx_http_meta_stream_t *stream, size_t size)
{
    ngx_http_meta_spool_t        *spool;
    ngx_http_meta_spool_batch_t  *batch;

    spool = stream->spool;
    batch = stream->writing;

    if (spool->failing) {

        if (ngx_current_msec - spool->failed < NGX_HTTP_META_SPOOL_RETRY) {
            return NGX_DECLINED;
        }

        spool->failing = 0;
    }

    if (batch && ngx_current_msec - batch->start
                 >= NGX_HTTP_META_SPOOL_PATIENCE)
    {
        ngx_http_meta_spool_say(spool, 0, "the disk does not answer");
        return NGX_DECLINED;
    }

    if (size > META_SPOOL_PAYLOAD_MAX
        || spool->pending + size > NGX_HTTP_META_SPOOL_PENDING)
    {
        ngx_http_meta_spool_say(spool, 0, "too much waits for the disk");
        return NGX_DECLINED;
    }

    /* what goes aside is counted already, where it comes from */

    if (!stream->aside && !ngx_http_meta_spool_fits(spool, size)) {
        ngx_http_meta_spool_relieve(stream);
    }

    if (!stream->aside && !ngx_http_meta_spool_fits(spool, size)) {
        ngx_http_meta_spool_say(spool, 0, "its max is reached");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* where the record's head and its payload of size bytes will stand */

static u_char *
ngx_http_meta_spool_room(ngx_http_meta_stream_t *stream, size_t size)
{
    u_char                       *p;
    ngx_http_meta_spool_t        *spool;
    ngx_http_meta_spool_batch_t  *batch;
    ngx_http_meta_spool_block_t  *block;

    spool = stream->spool;

    if (ngx_http_meta_spool_admit(stream, size) != NGX_OK) {
        return NULL;
    }

    size += META_SPOOL_RECORD_HEAD;
    batch = stream->filling;

    if (batch == NULL) {
        batch = ngx_calloc(sizeof(ngx_http_meta_spool_batch_t),
                           ngx_cycle->log);
        if (batch == NULL) {
            return NULL;
        }

        batch->stream = stream;
        ngx_queue_init(&batch->waiters);

        stream->filling = batch;
    }

    block = batch->last;

    if (block == NULL || block->size - block->used < size) {
        block = ngx_http_meta_spool_block(spool, size);
        if (block == NULL) {

            if (batch->blocks == NULL) {
                stream->filling = NULL;
                ngx_free(batch);
            }

            return NULL;
        }

        if (batch->last) {
            batch->last->next = block;

        } else {
            batch->blocks = block;
        }

        batch->last = block;
    }

    p = (u_char *) (block + 1) + block->used;

    block->used += size;
    batch->len += size;
    spool->pending += size;

    return p;
}


static ngx_http_meta_spool_block_t *
ngx_http_meta_spool_block(ngx_http_meta_spool_t *spool, size_t size)
{
    ngx_http_meta_spool_block_t  *block;

    if (size <= NGX_HTTP_META_SPOOL_BLOCK) {
        size = NGX_HTTP_META_SPOOL_BLOCK;
        block = spool->spares;

        if (block) {
            spool->spares = block->next;
            spool->nspares--;

            block->next = NULL;
            block->used = 0;

            return block;
        }
    }

    block = ngx_alloc(sizeof(ngx_http_meta_spool_block_t) + size,
                      ngx_cycle->log);
    if (block == NULL) {
        return NULL;
    }

    block->next = NULL;
    block->size = size;
    block->used = 0;

    return block;
}


static void
ngx_http_meta_spool_added(ngx_http_meta_stream_t *stream,
    ngx_http_meta_spool_note_t *note, ngx_http_meta_spool_waiter_t *waiter)
{
    ngx_http_meta_spool_t        *spool;
    ngx_http_meta_spool_batch_t  *batch;

    spool = stream->spool;
    batch = stream->filling;

    if (batch->events == 0) {
        batch->oldest = note->time;
        batch->start = ngx_current_msec;
    }

    stream->used = ngx_current_msec;
    batch->events += note->events;

    if (waiter) {
        ngx_queue_insert_tail(&batch->waiters, &waiter->queue);
    }

    if (!spool->guard.timer_set) {
        ngx_add_timer(&spool->guard, NGX_HTTP_META_SPOOL_RETRY);
    }

    if (stream->writing == NULL) {
        ngx_post_event(&stream->flush, &ngx_posted_events);
    }
}


/* the waiter does not want to be told any more; its record is written */

void
ngx_http_meta_spool_forget(ngx_http_meta_spool_waiter_t *waiter)
{
    if (waiter->queue.next) {
        ngx_queue_remove(&waiter->queue);
        waiter->queue.next = NULL;
    }
}


void
ngx_http_meta_spool_flush_handler(ngx_event_t *ev)
{
    ngx_connection_t             *dumb = ev->data;
    ngx_http_meta_stream_t       *stream = dumb->data;
    ngx_http_meta_spool_batch_t  *batch;

    batch = stream->filling;

    if (batch == NULL || stream->writing) {
        return;
    }

    stream->filling = NULL;
    stream->writing = batch;

    if (ngx_http_meta_spool_begin(stream) != NGX_OK) {
        stream->writing = NULL;
        ngx_http_meta_spool_broken(batch);
        ngx_http_meta_stream_idle(stream);
    }
}


static ngx_int_t
ngx_http_meta_spool_begin(ngx_http_meta_stream_t *stream)
{
    ngx_http_meta_spool_t        *spool;
    ngx_http_meta_spool_file_t   *file;
    ngx_http_meta_spool_batch_t  *batch;

    spool = stream->spool;
    batch = stream->writing;
    file = stream->writer;

    if (file && file->size >= spool->segment) {
        file->sealed = 1;
        stream->writer = NULL;
        file = NULL;
    }

    if (file == NULL) {
        file = ngx_http_meta_spool_file_create(stream);
        if (file == NULL) {
            batch->error.call = "no room in the table of files";
            return NGX_ERROR;
        }

        ngx_queue_insert_tail(&stream->files, &file->queue);
        stream->writer = file;
    }

    batch->file = file;

    if (file->entry) {
        batch->posted = batch->len;
        spool->posted += batch->len;
        file->entry->bytes += batch->len;
        (void) ngx_atomic_fetch_add(&ngx_http_meta_stat->spool_bytes,
                                    (ngx_atomic_int_t) batch->len);
    }

    batch->task.ctx = batch;
    batch->task.handler = ngx_http_meta_spool_write_task;
    batch->task.event.data = batch;
    batch->task.event.handler = ngx_http_meta_spool_written;

    if (ngx_thread_task_post(spool->pool, &batch->task) != NGX_OK) {
        batch->error.call = "the thread pool's queue is full";
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_meta_spool_written(ngx_event_t *ev)
{
    ngx_http_meta_spool_batch_t *batch = ev->data;

    ngx_http_meta_spool_t   *spool;
    ngx_http_meta_stream_t  *stream;

    stream = batch->stream;
    spool = stream->spool;

    stream->writing = NULL;

    if (batch->error.call) {
        ngx_http_meta_spool_broken(batch);

    } else {
        ngx_http_meta_spool_count(batch);
        ngx_http_meta_spool_tell(batch, NGX_OK);
        ngx_http_meta_spool_batch_free(spool, batch);
    }

    if (stream->filling) {
        ngx_post_event(&stream->flush, &ngx_posted_events);
    }

    ngx_http_meta_spool_drain(stream);
}


static void
ngx_http_meta_spool_count(ngx_http_meta_spool_batch_t *batch)
{
    ngx_http_meta_spool_t        *spool;
    ngx_http_meta_spool_file_t   *file;
    ngx_http_meta_spool_entry_t  *entry;

    spool = batch->stream->spool;
    file = batch->file;
    entry = file->entry;

    file->size += batch->len;

    if (spool->told) {
        spool->told = 0;
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "meta spool \"%V\" takes deliveries again",
                      &spool->path);
    }

    if (entry == NULL) {
        (void) ngx_atomic_fetch_add(&ngx_http_meta_stat->aside_bytes,
                                    (ngx_atomic_int_t) batch->len);
        return;
    }

    if (entry->counted == entry->done) {
        entry->oldest = batch->oldest;
    }

    entry->counted += batch->events;
    ngx_http_meta_slot->by_spool += batch->events;
}


/* after a failure the file is trusted no more: what was safe stays safe */

static void
ngx_http_meta_spool_broken(ngx_http_meta_spool_batch_t *batch)
{
    ngx_http_meta_spool_t       *spool;
    ngx_http_meta_stream_t      *stream;
    ngx_http_meta_spool_file_t  *file;

    stream = batch->stream;
    spool = stream->spool;
    file = batch->file;

    /* too many files is what this list has, the disk is what all have */

    if (batch->error.err && batch->error.err != NGX_EMFILE
        && batch->error.err != NGX_ENFILE)
    {
        spool->failing = 1;
        spool->failed = ngx_current_msec;
    }

    ngx_http_meta_spool_say(spool, batch->error.err, batch->error.call);

    if (file) {
        file->sealed = 1;

        if (stream->writer == file) {
            stream->writer = NULL;
        }

        if (file->entry) {
            file->entry->bytes -= batch->len;
            (void) ngx_atomic_fetch_add(&ngx_http_meta_stat->spool_bytes,
                                        -(ngx_atomic_int_t) batch->len);
        }
    }

    ngx_http_meta_spool_tell(batch, NGX_ERROR);
    ngx_http_meta_spool_batch_free(spool, batch);
}


/* whoever is told may append anew, to another batch */

static void
ngx_http_meta_spool_tell(ngx_http_meta_spool_batch_t *batch, ngx_int_t rc)
{
    ngx_queue_t                   *q;
    ngx_http_meta_spool_waiter_t  *waiter;

    while (!ngx_queue_empty(&batch->waiters)) {
        q = ngx_queue_head(&batch->waiters);
        waiter = ngx_queue_data(q, ngx_http_meta_spool_waiter_t, queue);

        ngx_http_meta_spool_forget(waiter);

        if (rc != NGX_OK && !batch->stream->aside) {
            ngx_http_meta_slot->refused++;
        }

        waiter->handler(waiter, rc);
    }
}


void
ngx_http_meta_spool_batch_free(ngx_http_meta_spool_t *spool,
    ngx_http_meta_spool_batch_t *batch)
{
    ngx_http_meta_spool_block_t  *block, *next;

    spool->pending -= batch->len;
    spool->posted -= batch->posted;

    for (block = batch->blocks; block; block = next) {
        next = block->next;

        if (block->size == NGX_HTTP_META_SPOOL_BLOCK
            && spool->nspares < NGX_HTTP_META_SPOOL_SPARES)
        {
            block->next = spool->spares;
            spool->spares = block;
            spool->nspares++;

        } else {
            ngx_free(block);
        }
    }

    ngx_free(batch);
}


/* a disk that hangs: requests are not held for ever, and a worker that shuts
 * down waits for what is on its way */

void
ngx_http_meta_spool_guard_handler(ngx_event_t *ev)
{
    ngx_uint_t                    i;
    ngx_queue_t                  *q;
    ngx_connection_t             *dumb = ev->data;
    ngx_http_meta_spool_t        *spool = dumb->data;
    ngx_http_meta_stream_t       *stream;
    ngx_http_meta_spool_batch_t  *batch[2];

    for (q = ngx_queue_head(&spool->streams);
         q != ngx_queue_sentinel(&spool->streams);
         q = ngx_queue_next(q))
    {
        stream = ngx_queue_data(q, ngx_http_meta_stream_t, queue);

        if (stream->aside) {
            continue;
        }

        batch[0] = stream->writing;
        batch[1] = stream->filling;

        for (i = 0; i < 2; i++) {
            if (batch[i] && ngx_current_msec - batch[i]->start
                            >= NGX_HTTP_META_SPOOL_PATIENCE)
            {
                ngx_http_meta_spool_say(spool, 0, "the disk does not answer");
                ngx_http_meta_spool_tell(batch[i], NGX_ERROR);
            }
        }
    }

    if (spool->pending) {
        ngx_add_timer(ev, NGX_HTTP_META_SPOOL_RETRY);
    }
}


/* one line in ten seconds */

void
ngx_http_meta_spool_say(ngx_http_meta_spool_t *spool, ngx_err_t err,
    const char *what)
{
    if (spool->logged && ngx_time() - spool->logged < NGX_HTTP_META_QUIET) {
        return;
    }

    spool->logged = ngx_time();
    spool->told = 1;

    ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, err,
                  "meta spool \"%V\" takes nothing, deliveries are answered "
                  "503: %s%s", &spool->path, what, err ? " failed" : "");
}
