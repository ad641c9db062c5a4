
/*
 * The files of the spool: every system call on them that may wait for the
 * disk.  What ends in _task runs in a thread, touches only what its task was
 * given, and leaves its failure for the event loop to tell.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <sys/file.h>

#include "ngx_http_meta_spool.h"


#define NGX_HTTP_META_SPOOL_IOVS   64

/* 13 digits of milliseconds, so that names sort by age; a dash; the id */
#define NGX_HTTP_META_SPOOL_NAME   (sizeof("/0000000000000-") - 1 + 16        \
                                    + sizeof(".spool.new"))


typedef struct {
    ngx_thread_task_t              task;
    ngx_queue_t                    queue;
    ngx_http_meta_spool_file_t    *file;
    ngx_http_meta_spool_error_t    error;
    ngx_uint_t                     logged;  /* unsigned  logged:1; */
    ngx_uint_t                     posted;  /* unsigned  posted:1; */
    char                           aside[1];
} ngx_http_meta_spool_finish_t;


static ngx_int_t ngx_http_meta_spool_open(ngx_http_meta_spool_batch_t *batch,
    u_char *temp);
static ngx_int_t ngx_http_meta_spool_header(
    ngx_http_meta_spool_batch_t *batch, ngx_fd_t fd);
static ngx_int_t ngx_http_meta_spool_publish(
    ngx_http_meta_spool_batch_t *batch, u_char *temp);
static ngx_int_t ngx_http_meta_spool_named(
    ngx_http_meta_spool_batch_t *batch);
static ngx_int_t ngx_http_meta_spool_seal(ngx_http_meta_spool_batch_t *batch,
    off_t offset);
static ngx_int_t ngx_http_meta_spool_write(
    ngx_http_meta_spool_batch_t *batch, off_t offset);
static void ngx_http_meta_spool_finish_post(
    ngx_http_meta_spool_finish_t *finish);
static void ngx_http_meta_spool_finish_task(void *data, ngx_log_t *log);
static void ngx_http_meta_spool_finished(ngx_event_t *ev);


/* a file of this worker, still without anything on disk */

ngx_http_meta_spool_file_t *
ngx_http_meta_spool_file_create(ngx_http_meta_stream_t *stream)
{
    uint64_t                     id;
    ngx_time_t                  *tp;
    ngx_http_meta_spool_file_t  *file;

    tp = ngx_timeofday();

    do {
        id = ((uint64_t) ngx_random() << 42) ^ ((uint64_t) ngx_random() << 21)
             ^ (uint64_t) ngx_random() ^ ((uint64_t) ngx_pid << 32);
    } while (id == 0);

    file = ngx_http_meta_spool_file_alloc(&stream->spool->path,
                                  (uint64_t) tp->sec * 1000 + tp->msec, id,
                                  stream->aside ? ".aside" : ".spool");
    if (file == NULL) {
        return NULL;
    }

    if (!stream->aside && ngx_http_meta_spool_file_claim(file) != NGX_OK) {
        ngx_free(file);
        return NULL;
    }

    file->stream = stream;
    file->size = META_SPOOL_HEADER;
    file->read = META_SPOOL_HEADER;
    file->done = META_SPOOL_HEADER;

    return file;
}


ngx_http_meta_spool_file_t *
ngx_http_meta_spool_file_alloc(ngx_str_t *dir, uint64_t created, uint64_t id,
    const char *suffix)
{
    ngx_http_meta_spool_file_t  *file;

    file = ngx_calloc(sizeof(ngx_http_meta_spool_file_t) + dir->len
                      + NGX_HTTP_META_SPOOL_NAME, ngx_cycle->log);
    if (file == NULL) {
        return NULL;
    }

    file->fd = NGX_INVALID_FILE;
    file->id = id;
    file->created = created;

    file->path.data = (u_char *) (file + 1);
    file->path.len = ngx_sprintf(file->path.data, "%V/%013uL-%016xL%s%Z",
                                 dir, created, id, suffix)
                     - file->path.data - 1;

    return file;
}


/* its entry in the table that outlives us: the one it had, or a new one */

ngx_int_t
ngx_http_meta_spool_file_claim(ngx_http_meta_spool_file_t *file)
{
    ngx_uint_t                    i;
    ngx_http_meta_spool_entry_t  *entry, *free;

    free = NULL;

    for (i = 0; i < NGX_HTTP_META_SPOOL_FILES; i++) {
        entry = &ngx_http_meta_stat->files[i];

        if (entry->id && entry->file == file->id) {
            entry->id = ngx_pid;
            file->entry = entry;
            return NGX_OK;
        }

        if (entry->id == 0 && free == NULL) {
            free = entry;
        }
    }

    for ( /* void */ ; free; free = (i < NGX_HTTP_META_SPOOL_FILES)
                                     ? &ngx_http_meta_stat->files[i] : NULL)
    {
        if (free->id == 0
            && ngx_atomic_cmp_set(&free->id, 0, (ngx_atomic_uint_t) ngx_pid))
        {
            free->file = file->id;
            file->entry = free;
            return NGX_OK;
        }

        i = free - ngx_http_meta_stat->files + 1;
    }

    return NGX_DECLINED;
}


void
ngx_http_meta_spool_write_task(void *data, ngx_log_t *log)
{
    ngx_http_meta_spool_batch_t *batch = data;

    off_t                        offset;
    u_char                       temp[NGX_MAX_PATH];
    ngx_uint_t                   new;
    ngx_http_meta_spool_file_t  *file;

    file = batch->file;
    offset = file->size;
    new = (file->fd == NGX_INVALID_FILE);

    if (new && ngx_http_meta_spool_open(batch, temp) != NGX_OK) {
        return;
    }

    if (ngx_http_meta_spool_seal(batch, offset) == NGX_OK
        && ngx_http_meta_spool_write(batch, offset) == NGX_OK)
    {
        if (fdatasync(file->fd) == -1) {
            ngx_http_meta_spool_failed(&batch->error, "fdatasync()");

        } else if (new) {
            if (ngx_http_meta_spool_publish(batch, temp) == NGX_OK) {
                return;
            }

        } else if (ngx_http_meta_spool_named(batch) == NGX_OK) {
            return;
        }
    }

    /* what was written is not safe, and nobody is told that it is */

    if (!new) {
        if (ftruncate(file->fd, offset) == -1) {
            /* it is adopted after a crash, twice and not never */
        }

        return;
    }

    (void) unlink((char *) temp);
    (void) unlink((char *) file->path.data);
    (void) close(file->fd);
    file->fd = NGX_INVALID_FILE;
}


static ngx_int_t
ngx_http_meta_spool_open(ngx_http_meta_spool_batch_t *batch, u_char *temp)
{
    ngx_fd_t                     fd;
    ngx_http_meta_spool_file_t  *file;

    file = batch->file;

    /* not under its name before it is locked: it would look abandoned */

    (void) ngx_snprintf(temp, NGX_MAX_PATH, "%V.new%Z", &file->path);

    fd = open((char *) temp, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600);

    if (fd == -1) {
        return ngx_http_meta_spool_failed(&batch->error, "open()");
    }

    if (flock(fd, LOCK_EX|LOCK_NB) == -1) {
        ngx_http_meta_spool_failed(&batch->error, "flock()");
        (void) close(fd);
        return NGX_ERROR;
    }

    if (ngx_http_meta_spool_header(batch, fd) != NGX_OK) {
        ngx_http_meta_spool_failed(&batch->error, "pwrite()");
        (void) unlink((char *) temp);
        (void) close(fd);
        return NGX_ERROR;
    }

    file->fd = fd;

    return NGX_OK;
}


static ngx_int_t
ngx_http_meta_spool_header(ngx_http_meta_spool_batch_t *batch, ngx_fd_t fd)
{
    u_char                   buf[META_SPOOL_HEADER];
    meta_spool_header_t      h;
    ngx_http_meta_stream_t  *stream;

    stream = batch->stream;

    h.id = batch->file->id;
    h.created = batch->file->created;
    h.target.data = stream->target->identity.data;
    h.target.len = stream->target->identity.len;
    h.list.data = stream->list.data;
    h.list.len = stream->list.len;

    if (meta_spool_header_write(buf, &h) != META_OK) {
        ngx_set_errno(NGX_EINVAL);
        return NGX_ERROR;
    }

    return ngx_http_meta_spool_pwrite(fd, buf, META_SPOOL_HEADER, 0);
}


/* under its name, and the name safe too */

static ngx_int_t
ngx_http_meta_spool_publish(ngx_http_meta_spool_batch_t *batch, u_char *temp)
{
    ngx_fd_t  dir;

    if (rename((char *) temp, (char *) batch->file->path.data) == -1) {
        return ngx_http_meta_spool_failed(&batch->error, "rename()");
    }

    dir = open((char *) batch->stream->spool->path.data,
               O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (dir == -1) {
        return ngx_http_meta_spool_failed(&batch->error, "open() directory");
    }

    if (fsync(dir) == -1) {
        ngx_http_meta_spool_failed(&batch->error, "fsync() directory");
        (void) close(dir);
        return NGX_ERROR;
    }

    (void) close(dir);

    return NGX_OK;
}


/* a file that somebody has removed is on disk only as long as we live */

static ngx_int_t
ngx_http_meta_spool_named(ngx_http_meta_spool_batch_t *batch)
{
    struct stat  st;

    if (fstat(batch->file->fd, &st) == -1) {
        return ngx_http_meta_spool_failed(&batch->error, "fstat()");
    }

    if (st.st_nlink == 0) {
        ngx_set_errno(NGX_ENOENT);
        return ngx_http_meta_spool_failed(&batch->error, "link");
    }

    return NGX_OK;
}


/* the heads, whose checksums know where the record will stand */

static ngx_int_t
ngx_http_meta_spool_seal(ngx_http_meta_spool_batch_t *batch, off_t offset)
{
    size_t                        pos;
    u_char                       *p;
    meta_spool_record_t           record;
    ngx_http_meta_spool_note_t    note;
    ngx_http_meta_spool_block_t  *block;

    for (block = batch->blocks; block; block = block->next) {

        for (pos = 0; pos < block->used; /* void */ ) {
            p = (u_char *) (block + 1) + pos;

            ngx_memcpy(&note, p, sizeof(ngx_http_meta_spool_note_t));

            record.time = note.time;
            record.events = note.events;
            record.replies = note.replies;
            record.payload.data = p + META_SPOOL_RECORD_HEAD;
            record.payload.len = note.len;

            if (meta_spool_record_head(p, batch->file->id, offset, &record)
                != META_OK)
            {
                ngx_set_errno(NGX_EINVAL);
                return ngx_http_meta_spool_failed(&batch->error, "record");
            }

            pos += META_SPOOL_RECORD_HEAD + note.len;
            offset += META_SPOOL_RECORD_HEAD + note.len;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_meta_spool_write(ngx_http_meta_spool_batch_t *batch, off_t offset)
{
    size_t                        done;
    ssize_t                       n;
    ngx_uint_t                    niov;
    struct iovec                  iovs[NGX_HTTP_META_SPOOL_IOVS];
    ngx_http_meta_spool_block_t  *block, *b;

    block = batch->blocks;
    done = 0;

    while (block) {

        niov = 0;

        for (b = block; b && niov < NGX_HTTP_META_SPOOL_IOVS; b = b->next) {
            iovs[niov].iov_base = (u_char *) (b + 1) + (b == block ? done : 0);
            iovs[niov++].iov_len = b->used - (b == block ? done : 0);
        }

        n = pwritev(batch->file->fd, iovs, niov, offset);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (n <= 0) {
            return ngx_http_meta_spool_failed(&batch->error, "pwritev()");
        }

        offset += n;
        done += n;

        while (block && done >= block->used) {
            done -= block->used;
            block = block->next;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_meta_spool_pwrite(ngx_fd_t fd, u_char *p, size_t len, off_t offset)
{
    ssize_t  n;

    while (len) {
        n = pwrite(fd, p, len, offset);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (n <= 0) {
            return NGX_ERROR;
        }

        p += n;
        len -= n;
        offset += n;
    }

    return NGX_OK;
}


/*
 * The file is at its end: removed if all of it is done, else kept aside for
 * people.  Who fails to do so holds it and tries again: let go of, it would be
 * adopted and drained once more.
 */

void
ngx_http_meta_spool_file_finish(ngx_http_meta_spool_file_t *file)
{
    ngx_http_meta_spool_finish_t  *finish;

    if (file->fd == NGX_INVALID_FILE) {
        ngx_http_meta_spool_file_close(file);
        return;
    }

    finish = ngx_calloc(sizeof(ngx_http_meta_spool_finish_t)
                        + file->path.len + sizeof(".aside"), ngx_cycle->log);
    if (finish == NULL) {
        ngx_http_meta_spool_file_close(file);
        return;
    }

    if (file->damaged) {
        (void) ngx_sprintf((u_char *) finish->aside, "%*s.aside%Z",
                           file->path.len - (sizeof(".spool") - 1),
                           file->path.data);
    }

    finish->file = file;
    finish->task.ctx = finish;
    finish->task.handler = ngx_http_meta_spool_finish_task;
    finish->task.event.data = finish;
    finish->task.event.handler = ngx_http_meta_spool_finished;

    ngx_queue_insert_tail(&ngx_http_meta_spool->ended, &finish->queue);

    ngx_http_meta_spool_finish_post(finish);
}


static void
ngx_http_meta_spool_finish_post(ngx_http_meta_spool_finish_t *finish)
{
    finish->error.call = NULL;

    if (ngx_thread_task_post(ngx_http_meta_spool->pool, &finish->task)
        == NGX_OK)
    {
        finish->posted = 1;
    }
}


/* once more, what could not be removed or renamed before */

void
ngx_http_meta_spool_finish_again(ngx_http_meta_spool_t *spool)
{
    ngx_queue_t                   *q;
    ngx_http_meta_spool_finish_t  *finish;

    for (q = ngx_queue_head(&spool->ended);
         q != ngx_queue_sentinel(&spool->ended);
         q = ngx_queue_next(q))
    {
        finish = ngx_queue_data(q, ngx_http_meta_spool_finish_t, queue);

        if (!finish->posted) {
            ngx_http_meta_spool_finish_post(finish);
        }
    }
}


/* at the worker's end */

void
ngx_http_meta_spool_finish_free_all(ngx_http_meta_spool_t *spool)
{
    ngx_queue_t                   *q;
    ngx_http_meta_spool_finish_t  *finish;

    while (!ngx_queue_empty(&spool->ended)) {
        q = ngx_queue_head(&spool->ended);
        finish = ngx_queue_data(q, ngx_http_meta_spool_finish_t, queue);

        ngx_queue_remove(q);

        ngx_http_meta_spool_file_close(finish->file);
        ngx_free(finish);
    }
}


static void
ngx_http_meta_spool_finish_task(void *data, ngx_log_t *log)
{
    ngx_http_meta_spool_finish_t *finish = data;

    int          rc;
    const char  *path;

    path = (const char *) finish->file->path.data;

    if (finish->aside[0]) {
        rc = rename(path, finish->aside);

    } else {
        rc = unlink(path);
    }

    if (rc == -1 && ngx_errno != NGX_ENOENT) {
        ngx_http_meta_spool_failed(&finish->error, finish->aside[0]
                                                   ? "rename()" : "unlink()");

        if (!finish->aside[0]
            && ftruncate(finish->file->fd, META_SPOOL_HEADER) == -1)
        {
            /* who finds it after us pushes it again */
        }

        return;
    }

    /* the last reference to many blocks: freeing them takes its time */

    (void) close(finish->file->fd);
    finish->file->fd = NGX_INVALID_FILE;
}


static void
ngx_http_meta_spool_finished(ngx_event_t *ev)
{
    ngx_http_meta_spool_finish_t *finish = ev->data;

    finish->posted = 0;

    if (finish->error.call) {

        if (!finish->logged) {
            finish->logged = 1;
            ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, finish->error.err,
                          "meta spool file \"%V\" is done, but %s failed",
                          &finish->file->path, finish->error.call);
        }

        return;
    }

    ngx_queue_remove(&finish->queue);

    ngx_http_meta_spool_file_close(finish->file);
    ngx_free(finish);
}


/* for somebody else to adopt, or removed if nothing is left in it */

void
ngx_http_meta_spool_file_leave(ngx_http_meta_spool_file_t *file)
{
    u_char                        progress[META_SPOOL_PROGRESS_LEN];
    ngx_http_meta_spool_entry_t  *entry;

    entry = file->entry;

    if (entry && file->fd == NGX_INVALID_FILE) {
        ngx_http_meta_spool_entry_free(entry);

    } else if (entry && !file->damaged) {

        if (file->done == file->size && entry->counted == entry->done) {
            (void) unlink((char *) file->path.data);
            ngx_http_meta_spool_entry_free(entry);
            ngx_http_meta_spool_file_close(file);
            return;
        }

        /* of a damaged file all is read once more, and it is kept again */

        meta_spool_progress_write(progress, file->id, file->done,
                                  file->events);
        (void) ngx_http_meta_spool_pwrite(file->fd, progress,
                                          META_SPOOL_PROGRESS_LEN,
                                          META_SPOOL_PROGRESS);
    }

    ngx_http_meta_spool_file_close(file);
}


void
ngx_http_meta_spool_entry_free(ngx_http_meta_spool_entry_t *entry)
{
    (void) ngx_atomic_fetch_add(&ngx_http_meta_stat->spool_bytes,
                                -(ngx_atomic_int_t) entry->bytes);

    entry->bytes = 0;
    entry->counted = 0;
    entry->done = 0;
    entry->offset = 0;
    entry->oldest = 0;

    entry->file = 0;

    ngx_memory_barrier();

    entry->id = 0;
}


void
ngx_http_meta_spool_file_close(ngx_http_meta_spool_file_t *file)
{
    if (file->fd != NGX_INVALID_FILE) {
        (void) close(file->fd);
    }

    ngx_free(file);
}


ngx_int_t
ngx_http_meta_spool_failed(ngx_http_meta_spool_error_t *e, const char *call)
{
    e->err = ngx_errno;
    e->call = call;

    return NGX_ERROR;
}
