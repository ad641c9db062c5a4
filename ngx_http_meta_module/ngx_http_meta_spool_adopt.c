
/*
 * Files that nobody holds: those of a worker that died, of an nginx before a
 * restart, a reload or an upgrade.  Every worker looks for them; who gets the
 * lock has the file.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_module.h"
#include "ngx_http_meta_spool.h"


#define NGX_HTTP_META_SPOOL_SHUT   60       /* s between lines */


static void ngx_http_meta_spool_hand_over(ngx_http_meta_spool_t *spool);
static void ngx_http_meta_spool_scanned(ngx_event_t *ev);
static ngx_int_t ngx_http_meta_spool_adopt(ngx_http_meta_spool_found_t *found);
static void ngx_http_meta_spool_adopt_count(
    ngx_http_meta_spool_found_t *found);
static ngx_int_t ngx_http_meta_spool_adopt_file(
    ngx_http_meta_spool_found_t *found, ngx_http_meta_list_t *list);
static void ngx_http_meta_spool_reap(ngx_http_meta_spool_scan_t *scan);


void
ngx_http_meta_spool_scan_handler(ngx_event_t *ev)
{
    ngx_connection_t            *dumb = ev->data;
    ngx_http_meta_spool_t       *spool = dumb->data;
    ngx_http_meta_spool_scan_t  *scan;

    ngx_add_timer(ev, NGX_HTTP_META_SPOOL_SCAN);

    if (ngx_exiting) {
        ngx_http_meta_spool_hand_over(spool);
        return;
    }

    ngx_http_meta_spool_finish_again(spool);
    ngx_http_meta_spool_sweep(spool);

    if (spool->scanning) {
        return;
    }

    scan = ngx_calloc(sizeof(ngx_http_meta_spool_scan_t), ngx_cycle->log);
    if (scan == NULL) {
        return;
    }

    scan->spool = spool;
    scan->task.ctx = scan;
    scan->task.handler = ngx_http_meta_spool_scan_task;
    scan->task.event.data = scan;
    scan->task.event.handler = ngx_http_meta_spool_scanned;

    if (ngx_thread_task_post(spool->pool, &scan->task) != NGX_OK) {
        ngx_free(scan);
        return;
    }

    spool->scanning = scan;
}


/* at the worker's end */

void
ngx_http_meta_spool_scan_free(ngx_http_meta_spool_t *spool)
{
    ngx_uint_t                   i;
    ngx_http_meta_spool_scan_t  *scan;

    scan = spool->scanning;

    if (scan == NULL) {
        return;
    }

    for (i = 0; i < scan->n; i++) {
        ngx_http_meta_spool_file_close(scan->found[i].file);
    }

    ngx_free(scan);
    spool->scanning = NULL;
}


/* a worker that shuts down may stay for hours, its files need not */

static void
ngx_http_meta_spool_hand_over(ngx_http_meta_spool_t *spool)
{
    ngx_queue_t  *q, *next;

    for (q = ngx_queue_head(&spool->streams);
         q != ngx_queue_sentinel(&spool->streams);
         q = next)
    {
        next = ngx_queue_next(q);

        (void) ngx_http_meta_stream_hand_over(
                           ngx_queue_data(q, ngx_http_meta_stream_t, queue));
    }
}


static void
ngx_http_meta_spool_scanned(ngx_event_t *ev)
{
    ngx_http_meta_spool_scan_t *scan = ev->data;

    ngx_uint_t              i, adopted;
    ngx_http_meta_spool_t  *spool;

    spool = scan->spool;

    spool->scanning = NULL;
    ngx_http_meta_stat->aside_bytes = (ngx_atomic_uint_t) scan->aside;

    if (scan->error.call) {
        ngx_http_meta_spool_say(spool, scan->error.err, scan->error.call);
    }

    if (scan->shut
        && (spool->shut == 0 || ngx_time() - spool->shut
                                >= NGX_HTTP_META_SPOOL_SHUT))
    {
        spool->shut = ngx_time();
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, scan->err,
                      "meta spool \"%V\" has files that nobody works: open() "
                      "failed for %ui, so for \"%s\"", &spool->path,
                      scan->shut, scan->shut_name);
    }

    ngx_http_meta_spool_reap(scan);

    adopted = 0;
    spool->cursor[0] = '\0';

    for (i = 0; i < scan->n; i++) {

        if (i == NGX_HTTP_META_SPOOL_ADOPT - 1) {
            (void) ngx_cpystrn(spool->cursor,
                               (u_char *) strrchr((char *)
                                      scan->found[i].file->path.data, '/') + 1,
                               sizeof(spool->cursor));
        }

        adopted += (ngx_http_meta_spool_adopt(&scan->found[i]) == NGX_OK);
    }

    /* those that cannot be taken now do not stand before the others */

    if (adopted == NGX_HTTP_META_SPOOL_ADOPT) {
        spool->cursor[0] = '\0';

        if (!ngx_exiting) {
            ngx_add_timer(&spool->scan, 1);
        }
    }

    ngx_free(scan);
}


/* NGX_OK: there is one less for others to look at */

static ngx_int_t
ngx_http_meta_spool_adopt(ngx_http_meta_spool_found_t *found)
{
    ngx_http_meta_list_t        *list;
    ngx_http_meta_spool_file_t  *file;

    file = found->file;

    if (found->bad) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "meta spool file \"%V\" has no valid header, it is kept "
                      "aside", &file->path);

        ngx_http_meta_slot->damaged++;
        file->damaged = 1;
        ngx_http_meta_spool_file_finish(file);
        return NGX_OK;
    }

    if (found->reader.error.call) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, found->reader.error.err,
                      "meta spool file \"%V\" is not adopted yet: %s failed",
                      &file->path, found->reader.error.call);
    }

    if (found->reader.error.call || ngx_exiting
        || ngx_http_meta_spool_file_claim(file) != NGX_OK)
    {
        ngx_http_meta_spool_file_close(file);
        return NGX_DECLINED;
    }

    if (found->reader.torn) {
        ngx_http_meta_slot->torn++;
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "meta spool file \"%V\" ends in the middle of a record, "
                      "which is cut off at offset %O", &file->path,
                      file->size);
    }

    ngx_http_meta_spool_adopt_count(found);

    list = ngx_http_meta_spool_list(&found->h.target, &found->h.list);

    if (list == NULL) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "meta spool file \"%V\" is for list \"%*s\" of Redis "
                      "\"%*s\", which the configuration does not have: %uL "
                      "events are kept aside", &file->path,
                      found->h.list.len, found->h.list.data,
                      found->h.target.len, found->h.target.data,
                      found->events);

        ngx_http_meta_slot->set_aside += found->events;
        file->damaged = 1;
        ngx_http_meta_spool_entry_free(file->entry);
        ngx_http_meta_spool_file_finish(file);
        return NGX_OK;
    }

    return ngx_http_meta_spool_adopt_file(found, list);
}


/*
 * What is found beyond what is known of it was written by somebody who could
 * not count it any more; what is known but not found is damaged.
 */

static void
ngx_http_meta_spool_adopt_count(ngx_http_meta_spool_found_t *found)
{
    uint64_t                      known;
    ngx_atomic_int_t              bytes;
    ngx_http_meta_spool_entry_t  *entry;

    entry = found->file->entry;
    known = entry->counted - entry->done;

    if (found->events >= known) {
        ngx_http_meta_slot->adopted += found->events - known;
        entry->counted += found->events - known;

    } else {
        ngx_http_meta_slot->set_aside += known - found->events;
        entry->done += known - found->events;
        found->file->damaged = 1;

        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "meta spool file \"%V\" is damaged: %uL events of it "
                      "cannot be read, it will be kept aside",
                      &found->file->path, known - found->events);
    }

    bytes = (ngx_atomic_int_t) (found->file->size - META_SPOOL_HEADER)
            - (ngx_atomic_int_t) entry->bytes;

    entry->bytes += bytes;
    entry->offset = (uint64_t) found->file->done;
    entry->oldest = found->oldest;

    (void) ngx_atomic_fetch_add(&ngx_http_meta_stat->spool_bytes, bytes);
}


static ngx_int_t
ngx_http_meta_spool_adopt_file(ngx_http_meta_spool_found_t *found,
    ngx_http_meta_list_t *list)
{
    ngx_str_t                    name;
    ngx_queue_t                 *q;
    ngx_http_meta_stream_t      *stream;
    ngx_http_meta_spool_file_t  *file, *f;

    file = found->file;

    name.data = (u_char *) found->h.list.data;
    name.len = found->h.list.len;

    stream = ngx_http_meta_stream_get(list->target, &name, 0);

    if (stream == NULL) {
        ngx_http_meta_spool_file_close(file);
        return NGX_DECLINED;
    }

    if (stream->max == 0) {
        stream->max = list->max;
    }

    file->stream = stream;

    for (q = ngx_queue_last(&stream->files);
         q != ngx_queue_sentinel(&stream->files);
         q = ngx_queue_prev(q))
    {
        f = ngx_queue_data(q, ngx_http_meta_spool_file_t, queue);

        if (f->created <= file->created) {
            break;
        }
    }

    ngx_queue_insert_after(q, &file->queue);

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "meta spool file \"%V\" is adopted: %uL events",
                  &file->path, found->events);

    ngx_http_meta_spool_drain(stream);

    return NGX_OK;
}


/* a dead worker's entries whose files nobody will find */

static void
ngx_http_meta_spool_reap(ngx_http_meta_spool_scan_t *scan)
{
    uint64_t                      missing;
    ngx_uint_t                    i;
    ngx_http_meta_spool_entry_t  *entry;

    for (i = 0; i < scan->nreap; i++) {
        entry = scan->reap[i].entry;

        if (entry->file != scan->reap[i].file
            || !ngx_atomic_cmp_set(&entry->id, scan->reap[i].pid, ngx_pid))
        {
            continue;
        }

        missing = entry->counted - entry->done;

        if (missing) {
            ngx_http_meta_slot->set_aside += missing;
            ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                          "meta spool \"%V\" misses a file of a worker that "
                          "died, %016xL, with %uL events", &scan->spool->path,
                          entry->file, missing);
        }

        ngx_http_meta_spool_entry_free(entry);
    }
}
