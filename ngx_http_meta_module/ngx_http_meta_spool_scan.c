
/*
 * A look into the spool's directory, in a thread: files that nobody holds are
 * locked and read, so that they can be adopted.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <sys/file.h>

#include "ngx_http_meta_spool.h"


#define NGX_HTTP_META_SPOOL_NAMES  8192
#define NGX_HTTP_META_SPOOL_STALE  60       /* s, of a file half made */


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
static void ngx_http_meta_spool_scan_reap(ngx_http_meta_spool_scan_t *scan);
static ngx_uint_t ngx_http_meta_spool_scan_has(
    ngx_http_meta_spool_scan_t *scan, const char *hex);
static void ngx_http_meta_spool_scan_dead(ngx_http_meta_spool_scan_t *scan);


void
ngx_http_meta_spool_scan_task(void *data, ngx_log_t *log)
{
    ngx_http_meta_spool_scan_t *scan = data;

    ngx_uint_t  i;

    scan->names = ngx_alloc(NGX_HTTP_META_SPOOL_NAMES * sizeof(char *), log);
    scan->buf = ngx_alloc(NGX_HTTP_META_SPOOL_CHUNK, log);

    if (scan->names && scan->buf) {
        ngx_http_meta_spool_scan_dead(scan);
        ngx_http_meta_spool_scan_names(scan, log);
        ngx_http_meta_spool_scan_reap(scan);

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
            && strcmp(name, (char *) scan->spool->cursor) > 0
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

    } else if ((strcmp(dot, ".spool.new") == 0
                || strcmp(dot, ".aside.new") == 0)
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
    struct stat                   st, named;
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

    /*
     * Who had the lock before may have removed or renamed the file meanwhile.
     * One that others may write is none of ours: its records are commands.
     */

    if (flock(fd, LOCK_EX|LOCK_NB) == -1
        || fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_nlink != 1
        || lstat(path, &named) == -1
        || named.st_ino != st.st_ino || named.st_dev != st.st_dev
        || st.st_uid != geteuid() || (st.st_mode & (S_IWGRP|S_IWOTH)))
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

        if (entry->id && entry->file == file->id) {
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


/* the names were read after the table, so a file that is there is seen */

static void
ngx_http_meta_spool_scan_reap(ngx_http_meta_spool_scan_t *scan)
{
    char                          hex[16 + 1];
    ngx_uint_t                    i, k;
    ngx_http_meta_spool_reap_t   *reap;

    for (i = 0, k = 0; i < scan->nreap; i++) {
        reap = &scan->reap[i];

        (void) ngx_sprintf((u_char *) hex, "%016xL%Z", reap->file);

        if (!ngx_http_meta_spool_scan_has(scan, hex)) {
            scan->reap[k++] = *reap;
        }
    }

    scan->nreap = k;
}


static ngx_uint_t
ngx_http_meta_spool_scan_has(ngx_http_meta_spool_scan_t *scan,
    const char *hex)
{
    ngx_uint_t  i;

    for (i = 0; i < scan->nnames; i++) {
        if (strstr(scan->names[i], hex)) {
            return 1;
        }
    }

    /* not all names are known */

    return scan->error.call || scan->nnames == NGX_HTTP_META_SPOOL_NAMES;
}


static void
ngx_http_meta_spool_scan_dead(ngx_http_meta_spool_scan_t *scan)
{
    ngx_pid_t                     pid;
    ngx_uint_t                    i;
    ngx_http_meta_spool_reap_t   *reap;
    ngx_http_meta_spool_entry_t  *entry;

    for (i = 0; i < NGX_HTTP_META_SPOOL_FILES; i++) {
        entry = &ngx_http_meta_stat->files[i];
        pid = (ngx_pid_t) entry->id;

        if (pid == 0 || pid == ngx_pid || entry->file == 0
            || kill(pid, 0) == 0 || ngx_errno != NGX_ESRCH)
        {
            continue;
        }

        if (scan->nreap == NGX_HTTP_META_SPOOL_REAP) {
            return;
        }

        reap = &scan->reap[scan->nreap++];

        reap->entry = entry;
        reap->pid = pid;
        reap->file = entry->file;
    }
}
