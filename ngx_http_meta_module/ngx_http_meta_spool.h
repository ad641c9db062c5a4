
/*
 * The spool: deliveries on disk while Redis cannot take them.
 *
 *   append      a record joins the batch that a stream is filling
 *     |           at the end of the loop's turn, one batch at a time
 *   write       a thread writes the batch and fsyncs it; then whoever waits is
 *     |         told: the records are safe
 *   read        a thread reads a chunk of records back, in their order
 *     |           once Redis takes commands, two chunks at most
 *   push        each record is a command of the Redis connection; what was
 *     |         not taken is pushed again, what never will be is set aside
 *   done        the chunk is forgotten, a file that is done is removed
 *
 * A stream is one list of one target.  Its files are its worker's own, and
 * those of the dead that it adopted; each is locked by its holder, so that
 * a file without a living holder is known by its lock.
 */


#ifndef _NGX_HTTP_META_SPOOL_H_INCLUDED_
#define _NGX_HTTP_META_SPOOL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#if (NGX_THREADS)
#include <ngx_thread_pool.h>
#endif

#include "meta/meta_spool.h"
#include "ngx_http_meta_redis.h"
#include "ngx_http_meta_stat.h"


#define NGX_HTTP_META_SPOOL_BLOCK     (128 * 1024)
#define NGX_HTTP_META_SPOOL_SPARES    32
#define NGX_HTTP_META_SPOOL_PENDING   (64 * 1024 * 1024)
#define NGX_HTTP_META_SPOOL_SEGMENT   (16 * 1024 * 1024)
#define NGX_HTTP_META_SPOOL_STREAMS   1024
#define NGX_HTTP_META_SPOOL_RECORDS   128
#define NGX_HTTP_META_SPOOL_CHUNK     (256 * 1024)
#define NGX_HTTP_META_SPOOL_CHUNKS    2
#define NGX_HTTP_META_SPOOL_IDLE      4       /* chunks kept */
#define NGX_HTTP_META_SPOOL_ADOPT     16
#define NGX_HTTP_META_SPOOL_REAP      16
#define NGX_HTTP_META_SPOOL_FAILURES  10      /* to read a place */
#define NGX_HTTP_META_SPOOL_SCAN      2000    /* ms between looks */
#define NGX_HTTP_META_SPOOL_RETRY     1000    /* ms after a failure */
#define NGX_HTTP_META_SPOOL_PATIENCE  10000   /* ms for the disk */


typedef struct ngx_http_meta_spool_s         ngx_http_meta_spool_t;
typedef struct ngx_http_meta_stream_s        ngx_http_meta_stream_t;
typedef struct ngx_http_meta_spool_file_s    ngx_http_meta_spool_file_t;
typedef struct ngx_http_meta_spool_block_s   ngx_http_meta_spool_block_t;
typedef struct ngx_http_meta_spool_batch_s   ngx_http_meta_spool_batch_t;
typedef struct ngx_http_meta_spool_chunk_s   ngx_http_meta_spool_chunk_t;
typedef struct ngx_http_meta_spool_waiter_s  ngx_http_meta_spool_waiter_t;
typedef struct ngx_http_meta_spool_scan_s    ngx_http_meta_spool_scan_t;


/* a system call that failed in a thread; call is NULL where none did */
typedef struct {
    const char                    *call;
    ngx_err_t                      err;
} ngx_http_meta_spool_error_t;


/* rc is NGX_OK: the record is on disk */
typedef void (*ngx_http_meta_spool_handler_pt)(
    ngx_http_meta_spool_waiter_t *waiter, ngx_int_t rc);


/* in no queue while queue.next is NULL */
struct ngx_http_meta_spool_waiter_s {
    ngx_queue_t                       queue;
    ngx_http_meta_spool_handler_pt    handler;
    void                             *data;
};


/* of this worker; NULL: there is none */
extern ngx_http_meta_spool_t  *ngx_http_meta_spool;


ngx_uint_t ngx_http_meta_spool_before(ngx_http_meta_target_t *target,
    ngx_str_t *list);


#if (NGX_THREADS)

/* stands where the record's head will, until its place is known */
typedef struct {
    uint64_t                       time;
    uint32_t                       len;
    uint32_t                       events;
    uint32_t                       replies;
} ngx_http_meta_spool_note_t;


struct ngx_http_meta_spool_block_s {
    ngx_http_meta_spool_block_t   *next;
    size_t                         size;
    size_t                         used;
    /* the records follow */
};


struct ngx_http_meta_spool_file_s {
    ngx_queue_t                    queue;
    ngx_http_meta_stream_t        *stream;
    ngx_fd_t                       fd;
    uint64_t                       id;
    uint64_t                       created;
    ngx_http_meta_spool_entry_t   *entry;   /* NULL: set aside */
    off_t                          size;    /* safe on disk up to here */
    off_t                          read;
    off_t                          done;
    uint64_t                       events;  /* done */
    ngx_uint_t                     chunks;  /* that are of it */
    ngx_uint_t                     failures;    /* of reading it */
    ngx_str_t                      path;    /* zero-terminated */

    unsigned                       sealed:1;    /* takes no more records */
    unsigned                       damaged:1;
};


struct ngx_http_meta_spool_batch_s {
    ngx_thread_task_t              task;
    ngx_http_meta_stream_t        *stream;
    ngx_http_meta_spool_file_t    *file;
    ngx_http_meta_spool_block_t   *blocks;
    ngx_http_meta_spool_block_t   *last;
    size_t                         len;
    uint64_t                       events;
    uint64_t                       oldest;
    ngx_msec_t                     start;
    size_t                         posted;
    ngx_queue_t                    waiters;
    ngx_http_meta_spool_error_t    error;
};


typedef struct {
    meta_spool_record_t            record;
    ngx_http_meta_spool_chunk_t   *chunk;
    ngx_http_meta_spool_waiter_t   waiter;
    unsigned                       busy:1;  /* pushed, or on its way aside */
    unsigned                       done:1;
} ngx_http_meta_spool_item_t;


/* walks the records of a file in a thread; what it reads stays valid until
 * it has to read again */
typedef struct {
    ngx_fd_t                       fd;
    uint64_t                       id;
    off_t                          base;    /* where buf stands in the file */
    off_t                          limit;
    u_char                        *buf;
    u_char                        *grown;   /* buf, or NULL: to be freed */
    size_t                         cap;
    size_t                         len;
    size_t                         pos;
    ngx_uint_t                     damaged; /* places */
    ngx_uint_t                     lost;    /* unsigned  lost:1; */
    ngx_uint_t                     torn;    /* unsigned  torn:1; */
    ngx_uint_t                     cut;     /* unsigned  cut:1; */
    ngx_http_meta_spool_error_t    error;
} ngx_http_meta_spool_reader_t;


struct ngx_http_meta_spool_chunk_s {
    ngx_thread_task_t              task;
    ngx_http_meta_spool_chunk_t   *next;    /* spare */
    ngx_queue_t                    queue;
    ngx_http_meta_stream_t        *stream;
    ngx_http_meta_spool_file_t    *file;
    ngx_http_meta_spool_reader_t   reader;
    off_t                          done;    /* for the file's progress */
    uint64_t                       events;
    off_t                          end;
    off_t                          limit;
    ngx_uint_t                     n;
    ngx_uint_t                     left;    /* not done */
    ngx_uint_t                     reading; /* unsigned  reading:1; */
    ngx_http_meta_spool_item_t     items[NGX_HTTP_META_SPOOL_RECORDS];
};


typedef struct {
    ngx_http_meta_spool_file_t    *file;
    u_char                         header[META_SPOOL_HEADER];
    meta_spool_header_t            h;
    uint64_t                       events;  /* not done */
    uint64_t                       oldest;
    ngx_http_meta_spool_reader_t   reader;
    ngx_uint_t                     bad;     /* unsigned  bad:1; */
} ngx_http_meta_spool_found_t;


typedef struct {
    ngx_http_meta_spool_entry_t   *entry;
    ngx_pid_t                      pid;
    uint64_t                       file;
} ngx_http_meta_spool_reap_t;


struct ngx_http_meta_spool_scan_s {
    ngx_thread_task_t              task;
    ngx_uint_t                     nreap;
    ngx_http_meta_spool_reap_t     reap[NGX_HTTP_META_SPOOL_REAP];
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


struct ngx_http_meta_stream_s {
    ngx_queue_t                    queue;
    ngx_http_meta_spool_t         *spool;
    ngx_http_meta_target_t        *target;
    ngx_str_t                      list;
    ngx_uint_t                     max;

    ngx_queue_t                    files;   /* oldest first */
    ngx_http_meta_spool_file_t    *writer;
    ngx_http_meta_spool_batch_t   *filling;
    ngx_http_meta_spool_batch_t   *writing;
    ngx_queue_t                    chunks;
    ngx_uint_t                     nchunks;
    ngx_uint_t                     busy;    /* records on their way out */
    ngx_msec_t                     used;    /* when it was last written */
    time_t                         refused; /* when that was last logged */

    ngx_event_t                    flush;   /* posted */
    ngx_event_t                    retry;
    ngx_connection_t               dumb;    /* what their data points at */

    unsigned                       reading:1;
    unsigned                       doubt:1; /* Redis may not answer */
    unsigned                       probing:1;
    unsigned                       single:1;    /* one record at a time */
    unsigned                       more:1;  /* can go on after this one */
    unsigned                       disk:1;  /* meta_ack disk */
    unsigned                       keep:1;  /* files wait for more */
    unsigned                       aside:1; /* written, never drained */
};


struct ngx_http_meta_spool_s {
    ngx_cycle_t                   *cycle;
    ngx_str_t                      path;
    off_t                          max;
    off_t                          segment;
    ngx_thread_pool_t             *pool;
    ngx_array_t                   *lists;   /* of the configuration */

    ngx_queue_t                    streams;
    ngx_uint_t                     nstreams;
    ngx_http_meta_spool_block_t   *spares;
    ngx_uint_t                     nspares;
    ngx_http_meta_spool_chunk_t   *chunks;  /* spare */
    ngx_uint_t                     nchunks;
    size_t                         pending; /* bytes not yet on disk */
    size_t                         posted;  /* of these, to a thread */
    uint64_t                       drained; /* events since it was empty */
    ngx_uint_t                     max_streams;
    u_char                         cursor[64];  /* adopted up to this name */
    ngx_queue_t                    ended;   /* files to be removed */

    ngx_event_t                    scan;
    ngx_http_meta_spool_scan_t    *scanning;
    ngx_event_t                    guard;   /* keeps a worker that waits */
    ngx_connection_t               dumb;    /* what timers' data points at */

    ngx_msec_t                     failed;  /* when */
    time_t                         logged;
    time_t                         shut;    /* logged */

    unsigned                       failing:1;
    unsigned                       told:1;  /* that it takes nothing */
};


/* ngx_http_meta_spool.c: streams, what they may take, start and end */

ngx_int_t ngx_http_meta_spool_directory(ngx_http_meta_spool_t *spool,
    ngx_log_t *log);
void ngx_http_meta_spool_exit_process(void);
ngx_http_meta_stream_t *ngx_http_meta_stream_get(
    ngx_http_meta_target_t *target, ngx_str_t *list, ngx_uint_t aside);
void ngx_http_meta_stream_idle(ngx_http_meta_stream_t *stream);
void ngx_http_meta_spool_relieve(ngx_http_meta_stream_t *stream);
void ngx_http_meta_spool_sweep(ngx_http_meta_spool_t *spool);
ngx_int_t ngx_http_meta_stream_hand_over(ngx_http_meta_stream_t *stream);

/* ngx_http_meta_spool_write.c */

/*
 * NGX_OK: the waiter, if any, will be told.  NGX_DECLINED: it cannot be kept,
 * which is logged and counted.
 */
ngx_int_t ngx_http_meta_spool_append(ngx_http_meta_stream_t *stream,
    ngx_http_meta_op_t *op, ngx_http_meta_spool_waiter_t *waiter);
ngx_int_t ngx_http_meta_spool_set_aside(ngx_http_meta_stream_t *stream,
    meta_spool_record_t *record, ngx_http_meta_spool_waiter_t *waiter);
void ngx_http_meta_spool_forget(ngx_http_meta_spool_waiter_t *waiter);
void ngx_http_meta_spool_batch_free(ngx_http_meta_spool_t *spool,
    ngx_http_meta_spool_batch_t *batch);
void ngx_http_meta_spool_flush_handler(ngx_event_t *ev);
void ngx_http_meta_spool_guard_handler(ngx_event_t *ev);
void ngx_http_meta_spool_say(ngx_http_meta_spool_t *spool, ngx_err_t err,
    const char *what);

/* ngx_http_meta_spool_drain.c */

void ngx_http_meta_spool_drain(ngx_http_meta_stream_t *stream);
void ngx_http_meta_spool_retry_handler(ngx_event_t *ev);
void ngx_http_meta_spool_chunk_free(ngx_http_meta_spool_chunk_t *chunk);

/* ngx_http_meta_spool_file.c: system calls, all in threads */

void ngx_http_meta_spool_write_task(void *data, ngx_log_t *log);
ngx_int_t ngx_http_meta_spool_pwrite(ngx_fd_t fd, u_char *p, size_t len,
    off_t offset);
ngx_int_t ngx_http_meta_spool_failed(ngx_http_meta_spool_error_t *error,
    const char *call);
ngx_http_meta_spool_file_t *ngx_http_meta_spool_file_create(
    ngx_http_meta_stream_t *stream);
ngx_http_meta_spool_file_t *ngx_http_meta_spool_file_alloc(ngx_str_t *dir,
    uint64_t created, uint64_t id, const char *suffix);
ngx_int_t ngx_http_meta_spool_file_claim(ngx_http_meta_spool_file_t *file);
void ngx_http_meta_spool_file_finish(ngx_http_meta_spool_file_t *file);
void ngx_http_meta_spool_finish_again(ngx_http_meta_spool_t *spool);
void ngx_http_meta_spool_finish_free_all(ngx_http_meta_spool_t *spool);
void ngx_http_meta_spool_file_leave(ngx_http_meta_spool_file_t *file);
void ngx_http_meta_spool_entry_free(ngx_http_meta_spool_entry_t *entry);
void ngx_http_meta_spool_file_close(ngx_http_meta_spool_file_t *file);

/* ngx_http_meta_spool_read.c: likewise */

void ngx_http_meta_spool_read_task(void *data, ngx_log_t *log);
ngx_int_t ngx_http_meta_spool_read_next(ngx_http_meta_spool_reader_t *rd,
    meta_spool_record_t *record, ngx_uint_t keep, ngx_log_t *log);

/* ngx_http_meta_spool_scan.c: likewise */

void ngx_http_meta_spool_scan_task(void *data, ngx_log_t *log);

/* ngx_http_meta_spool_adopt.c: files that nobody holds */

void ngx_http_meta_spool_scan_handler(ngx_event_t *ev);
void ngx_http_meta_spool_scan_free(ngx_http_meta_spool_t *spool);

#endif /* NGX_THREADS */


#endif /* _NGX_HTTP_META_SPOOL_H_INCLUDED_ */
