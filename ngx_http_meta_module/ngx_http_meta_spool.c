
/*
 * The spool of a worker: its streams, and how it starts and ends.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_module.h"
#include "ngx_http_meta_spool.h"


#if (NGX_THREADS)

static ngx_int_t ngx_http_meta_stream_make_room(ngx_http_meta_spool_t *spool);
static ngx_http_meta_stream_t *ngx_http_meta_stream_find(
    ngx_http_meta_target_t *target, ngx_str_t *list, ngx_uint_t aside);
static void ngx_http_meta_stream_exit(ngx_http_meta_stream_t *stream);
static void ngx_http_meta_stream_leave(ngx_http_meta_stream_t *stream);
static void ngx_http_meta_stream_free(ngx_http_meta_stream_t *stream);
static ngx_uint_t ngx_http_meta_spool_file_ended(
    ngx_http_meta_spool_file_t *file);
static void ngx_http_meta_spool_file_end(ngx_http_meta_spool_file_t *file);

#endif


ngx_http_meta_spool_t  *ngx_http_meta_spool;


#if (NGX_THREADS)

void
ngx_http_meta_spool_init_process(ngx_http_meta_main_conf_t *mmcf)
{
    struct rlimit           rlmt;
    ngx_http_meta_spool_t  *spool;

    spool = mmcf->spool;
    ngx_http_meta_spool = spool;

    if (spool == NULL) {
        return;
    }

    spool->lists = &mmcf->lists;

    /* each list has a file open: most of the files are for connections */

    spool->max_streams = NGX_HTTP_META_SPOOL_STREAMS;

    if (getrlimit(RLIMIT_NOFILE, &rlmt) == 0
        && rlmt.rlim_cur / 4 < spool->max_streams)
    {
        spool->max_streams = ngx_max((ngx_uint_t) rlmt.rlim_cur / 4, 8);
    }

    ngx_queue_init(&spool->streams);
    ngx_queue_init(&spool->ended);

    spool->dumb.fd = (ngx_socket_t) -1;
    spool->dumb.data = spool;

    spool->guard.handler = ngx_http_meta_spool_guard_handler;
    spool->guard.data = &spool->dumb;
    spool->guard.log = ngx_cycle->log;

    spool->scan.handler = ngx_http_meta_spool_scan_handler;
    spool->scan.data = &spool->dumb;
    spool->scan.log = ngx_cycle->log;
    spool->scan.cancelable = 1;

    ngx_add_timer(&spool->scan, 1);
}


ngx_http_meta_stream_t *
ngx_http_meta_stream_get(ngx_http_meta_target_t *target, ngx_str_t *list,
    ngx_uint_t aside)
{
    ngx_http_meta_spool_t   *spool;
    ngx_http_meta_stream_t  *stream;

    spool = ngx_http_meta_spool;

    stream = ngx_http_meta_stream_find(target, list, aside);

    if (stream) {
        return stream;
    }

    if (spool->nstreams >= spool->max_streams
        && ngx_http_meta_stream_make_room(spool) != NGX_OK)
    {
        ngx_http_meta_spool_say(spool, 0, "too many lists wait at once");
        return NULL;
    }

    stream = ngx_calloc(sizeof(ngx_http_meta_stream_t) + list->len,
                        ngx_cycle->log);
    if (stream == NULL) {
        return NULL;
    }

    stream->spool = spool;
    stream->target = target;
    stream->aside = aside;
    stream->keep = aside;
    stream->doubt = 1;
    stream->single = 1;

    stream->list.len = list->len;
    stream->list.data = (u_char *) (stream + 1);
    ngx_memcpy(stream->list.data, list->data, list->len);

    ngx_queue_init(&stream->files);
    ngx_queue_init(&stream->chunks);

    stream->dumb.fd = (ngx_socket_t) -1;
    stream->dumb.data = stream;

    stream->flush.handler = ngx_http_meta_spool_flush_handler;
    stream->flush.data = &stream->dumb;
    stream->flush.log = ngx_cycle->log;

    stream->retry.handler = ngx_http_meta_spool_retry_handler;
    stream->retry.data = &stream->dumb;
    stream->retry.log = ngx_cycle->log;
    stream->retry.cancelable = 1;

    ngx_queue_insert_tail(&spool->streams, &stream->queue);
    spool->nstreams++;

    return stream;
}


/* ends a stream that is kept open, but has nothing to do */

static ngx_int_t
ngx_http_meta_stream_make_room(ngx_http_meta_spool_t *spool)
{
    ngx_queue_t             *q, *next;
    ngx_http_meta_stream_t  *stream;

    for (q = ngx_queue_head(&spool->streams);
         q != ngx_queue_sentinel(&spool->streams);
         q = next)
    {
        next = ngx_queue_next(q);
        stream = ngx_queue_data(q, ngx_http_meta_stream_t, queue);

        if (!stream->keep) {
            continue;
        }

        stream->keep = 0;

        ngx_http_meta_stream_idle(stream);

        if (spool->nstreams < spool->max_streams) {
            return NGX_OK;
        }

        stream->keep = 1;
    }

    return NGX_DECLINED;
}


static ngx_http_meta_stream_t *
ngx_http_meta_stream_find(ngx_http_meta_target_t *target, ngx_str_t *list,
    ngx_uint_t aside)
{
    ngx_queue_t             *q;
    ngx_http_meta_stream_t  *stream;

    for (q = ngx_queue_head(&ngx_http_meta_spool->streams);
         q != ngx_queue_sentinel(&ngx_http_meta_spool->streams);
         q = ngx_queue_next(q))
    {
        stream = ngx_queue_data(q, ngx_http_meta_stream_t, queue);

        if (stream->target == target && stream->aside == aside
            && stream->list.len == list->len
            && ngx_memcmp(stream->list.data, list->data, list->len) == 0)
        {
            return stream;
        }
    }

    return NULL;
}


/* whether older deliveries of this list are on disk, or on their way */

ngx_uint_t
ngx_http_meta_spool_before(ngx_http_meta_target_t *target, ngx_str_t *list)
{
    return ngx_http_meta_spool && ngx_http_meta_spool->nstreams
           && ngx_http_meta_stream_find(target, list, 0) != NULL;
}


/* the webhook whose list that is, or may be; NULL: there is none any more */

ngx_http_meta_list_t *
ngx_http_meta_spool_list(meta_str_t *target, meta_str_t *list)
{
    ngx_str_t             *name;
    ngx_uint_t             i;
    ngx_http_meta_list_t  *lists, *variable;

    lists = ngx_http_meta_spool->lists->elts;
    variable = NULL;

    for (i = 0; i < ngx_http_meta_spool->lists->nelts; i++) {

        if (lists[i].target->identity.len != target->len
            || ngx_memcmp(lists[i].target->identity.data, target->data,
                          target->len) != 0)
        {
            continue;
        }

        if (lists[i].queue->lengths) {
            variable = &lists[i];
            continue;
        }

        name = &lists[i].queue->value;

        if (name->len == list->len
            && ngx_memcmp(name->data, list->data, list->len) == 0)
        {
            return &lists[i];
        }
    }

    return variable;
}


void
ngx_http_meta_spool_ready(ngx_http_meta_redis_t *redis)
{
    ngx_queue_t             *q, *next;
    ngx_http_meta_stream_t  *stream;

    if (ngx_http_meta_spool == NULL) {
        return;
    }

    for (q = ngx_queue_head(&ngx_http_meta_spool->streams);
         q != ngx_queue_sentinel(&ngx_http_meta_spool->streams);
         q = next)
    {
        next = ngx_queue_next(q);
        stream = ngx_queue_data(q, ngx_http_meta_stream_t, queue);

        if (stream->target->redis != redis) {
            continue;
        }

        if (stream->retry.timer_set) {
            ngx_del_timer(&stream->retry);
        }

        ngx_http_meta_spool_drain(stream);
    }
}


/* ends the files that are done, and the stream when nothing is left of it */

void
ngx_http_meta_stream_idle(ngx_http_meta_stream_t *stream)
{
    ngx_queue_t                 *q, *next;
    ngx_http_meta_spool_file_t  *file;

    for (q = ngx_queue_head(&stream->files);
         q != ngx_queue_sentinel(&stream->files);
         q = next)
    {
        next = ngx_queue_next(q);
        file = ngx_queue_data(q, ngx_http_meta_spool_file_t, queue);

        if (file->sealed && ngx_http_meta_spool_file_ended(file)) {
            ngx_http_meta_spool_file_end(file);
        }
    }

    if (stream->filling || stream->writing || stream->nchunks
        || stream->probing)
    {
        return;
    }

    file = stream->writer;

    if (file && ngx_http_meta_spool_file_ended(file)
        && (!stream->keep
            || (!stream->aside && file->size >= stream->spool->segment / 16)))
    {
        stream->writer = NULL;
        ngx_http_meta_spool_file_end(file);
    }

    if (ngx_queue_empty(&stream->files) && !stream->keep) {
        ngx_http_meta_stream_free(stream);
    }
}


/* at max: what is done with takes no room, but of that stream itself */

void
ngx_http_meta_spool_relieve(ngx_http_meta_stream_t *stream)
{
    ngx_queue_t                 *q, *next;
    ngx_http_meta_spool_t       *spool;
    ngx_http_meta_stream_t      *s;
    ngx_http_meta_spool_file_t  *file;

    spool = stream->spool;

    for (q = ngx_queue_head(&spool->streams);
         q != ngx_queue_sentinel(&spool->streams);
         q = next)
    {
        next = ngx_queue_next(q);
        s = ngx_queue_data(q, ngx_http_meta_stream_t, queue);

        if (s == stream || !s->keep || s->aside) {
            continue;
        }

        s->keep = 0;
        ngx_http_meta_stream_idle(s);
    }

    file = stream->writer;

    if (file && ngx_http_meta_spool_file_ended(file)) {
        stream->writer = NULL;
        ngx_http_meta_spool_file_end(file);
    }
}


/* lists that were quiet for a while need no file */

void
ngx_http_meta_spool_sweep(ngx_http_meta_spool_t *spool)
{
    ngx_queue_t             *q, *next;
    ngx_http_meta_stream_t  *stream;

    for (q = ngx_queue_head(&spool->streams);
         q != ngx_queue_sentinel(&spool->streams);
         q = next)
    {
        next = ngx_queue_next(q);
        stream = ngx_queue_data(q, ngx_http_meta_stream_t, queue);

        if (ngx_current_msec - stream->used >= NGX_HTTP_META_SPOOL_SCAN) {
            stream->keep = 0;
            ngx_http_meta_stream_idle(stream);
        }
    }
}


static void
ngx_http_meta_stream_free(ngx_http_meta_stream_t *stream)
{
    ngx_http_meta_spool_t  *spool;

    if (stream->retry.timer_set) {
        ngx_del_timer(&stream->retry);
    }

    if (stream->flush.posted) {
        ngx_delete_posted_event(&stream->flush);
    }

    ngx_queue_remove(&stream->queue);
    spool = stream->spool;

    ngx_free(stream);

    if (--spool->nstreams == 0 && spool->drained && !ngx_exiting) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "meta spool \"%V\" is drained: %uL events went to Redis",
                      &spool->path, spool->drained);
        spool->drained = 0;
    }
}


static ngx_uint_t
ngx_http_meta_spool_file_ended(ngx_http_meta_spool_file_t *file)
{
    ngx_http_meta_stream_t  *stream;

    stream = file->stream;

    return file->chunks == 0
           && (file->read >= file->size || stream->aside)
           && (stream->writing == NULL || stream->writing->file != file);
}


static void
ngx_http_meta_spool_file_end(ngx_http_meta_spool_file_t *file)
{
    uint64_t                      missing;
    ngx_http_meta_spool_entry_t  *entry;

    ngx_queue_remove(&file->queue);

    entry = file->entry;

    if (entry == NULL) {
        ngx_http_meta_spool_file_close(file);
        return;
    }

    if (entry->counted > entry->done) {
        missing = entry->counted - entry->done;

        ngx_http_meta_slot->set_aside += missing;
        file->damaged = 1;

        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "meta spool file \"%V\" is damaged: %uL events of it "
                      "cannot be read, it is kept aside", &file->path,
                      missing);
    }

    ngx_http_meta_spool_entry_free(entry);
    ngx_http_meta_spool_file_finish(file);
}


/*
 * Gives up what this worker holds but does not work on, for others to adopt.
 * NGX_AGAIN: something is on its way.
 */

ngx_int_t
ngx_http_meta_stream_hand_over(ngx_http_meta_stream_t *stream)
{
    if (stream->filling || stream->writing || stream->reading
        || stream->probing || stream->busy)
    {
        return NGX_AGAIN;
    }

    ngx_http_meta_stream_leave(stream);

    return NGX_OK;
}


/* threads have ended: what they did not tell any more is on disk */

void
ngx_http_meta_spool_exit_process(void)
{
    ngx_queue_t                  *q;
    ngx_http_meta_spool_t        *spool;
    ngx_http_meta_spool_block_t  *block;
    ngx_http_meta_spool_chunk_t  *chunk;

    spool = ngx_http_meta_spool;

    if (spool == NULL) {
        return;
    }

    while (!ngx_queue_empty(&spool->streams)) {
        q = ngx_queue_head(&spool->streams);
        ngx_http_meta_stream_exit(ngx_queue_data(q, ngx_http_meta_stream_t,
                                                 queue));
    }

    ngx_http_meta_spool_finish_free_all(spool);
    ngx_http_meta_spool_scan_free(spool);

    while (spool->spares) {
        block = spool->spares;
        spool->spares = block->next;
        ngx_free(block);
    }

    while (spool->chunks) {
        chunk = spool->chunks;
        spool->chunks = chunk->next;
        ngx_free(chunk);
    }
}


static void
ngx_http_meta_stream_exit(ngx_http_meta_stream_t *stream)
{
    ngx_http_meta_spool_batch_t  *batch;

    if (stream->filling) {
        ngx_http_meta_spool_batch_free(stream->spool, stream->filling);
    }

    batch = stream->writing;

    if (batch) {

        /* nobody was told, but it is there: under verified all were before */

        if (batch->error.call == NULL) {
            batch->file->size += batch->len;
        }

        ngx_http_meta_spool_batch_free(stream->spool, batch);
    }

    ngx_http_meta_stream_leave(stream);
}


/* what it holds is for others to adopt */

static void
ngx_http_meta_stream_leave(ngx_http_meta_stream_t *stream)
{
    ngx_queue_t                  *q;
    ngx_http_meta_spool_file_t   *file;
    ngx_http_meta_spool_chunk_t  *chunk;

    while (!ngx_queue_empty(&stream->chunks)) {
        q = ngx_queue_head(&stream->chunks);
        chunk = ngx_queue_data(q, ngx_http_meta_spool_chunk_t, queue);

        ngx_queue_remove(q);
        ngx_http_meta_spool_chunk_free(chunk);
    }

    while (!ngx_queue_empty(&stream->files)) {
        q = ngx_queue_head(&stream->files);
        file = ngx_queue_data(q, ngx_http_meta_spool_file_t, queue);

        ngx_queue_remove(q);
        ngx_http_meta_spool_file_leave(file);
    }

    ngx_http_meta_stream_free(stream);
}


#else


void
ngx_http_meta_spool_ready(ngx_http_meta_redis_t *redis)
{
    /* no threads, no spool */
}


ngx_uint_t
ngx_http_meta_spool_before(ngx_http_meta_target_t *target, ngx_str_t *list)
{
    return 0;
}


#endif
