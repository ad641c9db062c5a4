
/*
 * Files that nobody holds: those of a worker that died, of an nginx before a
 * restart, a reload or an upgrade.  Every worker looks for them; who gets the
 * lock has the file.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <sys/file.h>

#include "ngx_http_meta_module.h"
#include "ngx_http_meta_spool.h"


#define NGX_HTTP_META_SPOOL_NAMES  8192
#define NGX_HTTP_META_SPOOL_STALE  60       /* s, of a file half made */
#define NGX_HTTP_META_SPOOL_SHUT   60       /* s between lines */


typedef struct {
    ngx_http_meta_spool_file_t    *file;
    u_char                         header[META_SPOOL_HEADER];
    meta_spool_header_t            h;
    uint64_t                       events;  /* not done */
    uint64_t                       oldest;
    ngx_http_meta_spool_reader_t   reader;
    ngx_uint_t                     bad;     /* unsigned  bad:1; */
} ngx_http_meta_spool_found_t;


struct ngx_http_meta_spool_scan_s {
    ngx_thread_task_t              task;
    ngx_http_meta_spool_t         *spool;
    u_char                        *buf;
    char                         **names;
    ngx_uint_t                     nnames;
    ngx_uint_t                     n;
    off_t                          aside;   /* bytes */
    ngx_uint_t                     shut;    /* files that do not open */
    ngx_err_t                      err;
    char                           shut_name[64];
    ngx_http_meta_spool_error_t    error;
    ngx_http_meta_spool_found_t    found[NGX_HTTP_META_SPOOL_ADOPT];
};


static void ngx_http_meta_spool_hand_over(ngx_http_meta_spool_t *spool);
static void ngx_http_meta_spool_scan_task(void *data, ngx_log_t *log);
static void ngx_http_meta_spool_scan_names(ngx_http_meta_spool_scan_t *scan,
    ngx_log_t *log);
static int ngx_libc_cdecl ngx_http_meta_spool_cmp_names(const void *one,
    const void *two);
static void ngx_http_meta_spool_scan_name(ngx_http_meta_spool_scan_t *scan,
    const char *name, ngx_log_t *log);
static ngx_int_t ngx_http_meta_spool_scan_open(
    ngx_http_meta_spool_scan_t *scan, const char *path);
static void ngx_http_meta_spool_scan_file(ngx_http_meta_spool_scan_t *scan,
    ngx_http_meta_spool_found_t *found, ngx_log_t *log);
static void ngx_http_meta_spool_scan_progress(
    ngx_http_meta_spool_found_t *found, off_t size);
static void ngx_http_meta_spool_scanned(ngx_event_t *ev);
static void ngx_http_meta_spool_adopt(ngx_http_meta_spool_found_t *found);
static void ngx_http_meta_spool_adopt_count(
    ngx_http_meta_spool_found_t *found);
static void ngx_http_meta_spool_adopt_file(ngx_http_meta_spool_found_t *found,
    ngx_http_meta_list_t *list);


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
ngx_http_meta_spool_scan_task(void *data, ngx_log_t *log)
{
    ngx_http_meta_spool_scan_t *scan = data;

    ngx_uint_t  i;

    scan->names = ngx_alloc(NGX_HTTP_META_SPOOL_NAMES * sizeof(char *), log);
    scan->buf = ngx_alloc(NGX_HTTP_META_SPOOL_CHUNK, log);

    if (scan->names && scan->buf) {
        ngx_http_meta_spool_scan_names(scan, log);

        for (i = 0; i < scan->nnames; i++) {
            ngx_http_meta_spool_scan_name(scan, scan->names[i], log);
            ngx_free(scan->names[i]);
        }
    }

    ngx_free(scan->names);
    ngx_free(scan->buf);
}


/* sorted by name, which is by age */

static void
ngx_http_meta_spool_scan_names(ngx_http_meta_spool_scan_t *scan,
    ngx_log_t *log)
{
    DIR            *dir;
    char           *name;
    size_t          len;
    struct dirent  *de;

    dir = opendir((char *) scan->spool->path.data);

    if (dir == NULL) {
        scan->error.call = "opendir()";
        scan->error.err = ngx_errno;
        return;
    }

    while (scan->nnames < NGX_HTTP_META_SPOOL_NAMES) {

        de = readdir(dir);
        if (de == NULL) {
            break;
        }

        if (de->d_name[0] == '.') {
            continue;
        }

        len = ngx_strlen(de->d_name) + 1;

        name = ngx_alloc(len, log);
        if (name == NULL) {
            break;
        }

        ngx_memcpy(name, de->d_name, len);
        scan->names[scan->nnames++] = name;
    }

    (void) closedir(dir);

    ngx_qsort(scan->names, scan->nnames, sizeof(char *),
              ngx_http_meta_spool_cmp_names);
}


static int ngx_libc_cdecl
ngx_http_meta_spool_cmp_names(const void *one, const void *two)
{
    return strcmp(*(char * const *) one, *(char * const *) two);
}


static void
ngx_http_meta_spool_scan_name(ngx_http_meta_spool_scan_t *scan,
    const char *name, ngx_log_t *log)
{
    size_t        len;
    u_char        path[NGX_MAX_PATH];
    const char   *dot;
    struct stat   st;

    dot = strchr(name, '.');

    if (dot == NULL) {
        return;
    }

    len = scan->spool->path.len + 1 + ngx_strlen(name);

    if (len >= NGX_MAX_PATH) {
        return;
    }

    (void) ngx_sprintf(path, "%V/%s%Z", &scan->spool->path, name);

    if (strcmp(dot, ".spool") == 0) {

        if (scan->n < NGX_HTTP_META_SPOOL_ADOPT
            && ngx_http_meta_spool_scan_open(scan, (char *) path) == NGX_OK)
        {
            ngx_http_meta_spool_scan_file(scan, &scan->found[scan->n++], log);
        }

        return;
    }

    if (stat((char *) path, &st) == -1) {
        return;
    }

    if (strcmp(dot, ".aside") == 0) {
        scan->aside += st.st_size;

    } else if (strcmp(dot, ".spool.new") == 0
               && ngx_time() - st.st_mtime > NGX_HTTP_META_SPOOL_STALE)
    {
        (void) unlink((char *) path);
    }
}


static ngx_int_t
ngx_http_meta_spool_scan_open(ngx_http_meta_spool_scan_t *scan,
    const char *path)
{
    ngx_fd_t                      fd;
    ngx_err_t                     err;
    struct stat                   st;
    ngx_http_meta_spool_file_t   *file;
    ngx_http_meta_spool_found_t  *found;

    fd = open(path, O_RDWR|O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK);

    if (fd == -1) {
        err = ngx_errno;

        /* gone meanwhile, a symlink, a directory, a socket: none of ours */

        if (err != NGX_ENOENT && err != NGX_ELOOP && err != NGX_EISDIR
            && err != ENXIO)
        {
            scan->err = err;
            scan->shut++;
            (void) ngx_cpystrn((u_char *) scan->shut_name,
                               (u_char *) strrchr(path, '/') + 1,
                               sizeof(scan->shut_name));
        }

        return NGX_DECLINED;
    }

    /* who had the lock before may have removed the file meanwhile */

    if (flock(fd, LOCK_EX|LOCK_NB) == -1
        || fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_nlink == 0)
    {
        (void) close(fd);
        return NGX_DECLINED;
    }

    file = ngx_calloc(sizeof(ngx_http_meta_spool_file_t) + ngx_strlen(path) + 1,
                      ngx_cycle->log);
    if (file == NULL) {
        (void) close(fd);
        return NGX_DECLINED;
    }

    file->fd = fd;
    file->size = st.st_size;
    file->sealed = 1;
    file->path.len = ngx_strlen(path);
    file->path.data = (u_char *) (file + 1);
    ngx_memcpy(file->path.data, path, file->path.len + 1);

    found = &scan->found[scan->n];
    found->file = file;

    return NGX_OK;
}


static void
ngx_http_meta_spool_scan_file(ngx_http_meta_spool_scan_t *scan,
    ngx_http_meta_spool_found_t *found, ngx_log_t *log)
{
    meta_str_t                     page;
    meta_spool_record_t            record;
    ngx_http_meta_spool_file_t    *file;
    ngx_http_meta_spool_reader_t  *rd;

    file = found->file;
    rd = &found->reader;

    page.data = found->header;
    page.len = ngx_max(pread(file->fd, found->header, META_SPOOL_HEADER, 0),
                       0);

    if (meta_spool_header_read(page, &found->h) != META_OK) {
        found->bad = 1;
        return;
    }

    file->id = found->h.id;
    file->created = found->h.created;

    ngx_http_meta_spool_scan_progress(found, file->size);

    rd->fd = file->fd;
    rd->id = file->id;
    rd->base = file->done;
    rd->limit = file->size;
    rd->buf = scan->buf;
    rd->cap = NGX_HTTP_META_SPOOL_CHUNK;

    while (ngx_http_meta_spool_read_next(rd, &record, 0, log) == NGX_OK) {

        if (found->events == 0) {
            found->oldest = record.time;
        }

        found->events += record.events;
    }

    /* what cannot be read now is met, and told, when it is drained */

    if (rd->torn && rd->error.call == NULL) {
        file->size = rd->base + rd->pos;
    }

    if (rd->grown) {
        ngx_free(rd->grown);
    }
}


/* its last holder's place, or what that wrote down for others now and then */

static void
ngx_http_meta_spool_scan_progress(ngx_http_meta_spool_found_t *found,
    off_t size)
{
    uint64_t                      offset, events;
    meta_str_t                    page;
    ngx_uint_t                    i;
    ngx_http_meta_spool_file_t   *file;
    ngx_http_meta_spool_entry_t  *entry;

    file = found->file;

    page.data = found->header;
    page.len = META_SPOOL_HEADER;

    if (meta_spool_progress_read(page, file->id, &offset, &events) != META_OK)
    {
        offset = META_SPOOL_HEADER;
        events = 0;
    }

    for (i = 0; i < NGX_HTTP_META_SPOOL_FILES; i++) {
        entry = &ngx_http_meta_stat->files[i];

        if (entry->id == (ngx_atomic_uint_t) file->id) {
            offset = ngx_max(offset, entry->offset);
            break;
        }
    }

    if (offset < META_SPOOL_HEADER || offset > (uint64_t) size) {
        offset = META_SPOOL_HEADER;
        events = 0;
    }

    file->done = (off_t) offset;
    file->read = (off_t) offset;
    file->events = events;
}


static void
ngx_http_meta_spool_scanned(ngx_event_t *ev)
{
    ngx_http_meta_spool_scan_t *scan = ev->data;

    ngx_uint_t              i;
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

    for (i = 0; i < scan->n; i++) {
        ngx_http_meta_spool_adopt(&scan->found[i]);
    }

    if (scan->n == NGX_HTTP_META_SPOOL_ADOPT && !ngx_exiting) {
        ngx_add_timer(&spool->scan, 1);
    }

    ngx_free(scan);
}


static void
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
        return;
    }

    if (ngx_exiting || ngx_http_meta_spool_file_claim(file) != NGX_OK) {
        ngx_http_meta_spool_file_close(file);
        return;
    }

    if (found->reader.torn && found->reader.error.call == NULL) {
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
        return;
    }

    ngx_http_meta_spool_adopt_file(found, list);
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


static void
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
        return;
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
}
