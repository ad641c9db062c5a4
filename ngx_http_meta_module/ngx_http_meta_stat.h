
/*
 * What is counted, in shared memory that survives reloads: a slot per worker,
 * written by that worker alone and read by all, and a table of spool files.
 */


#ifndef _NGX_HTTP_META_STAT_H_INCLUDED_
#define _NGX_HTTP_META_STAT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_HTTP_META_SPOOL_FILES  4096


/* all in events, but what says otherwise */
typedef struct {
    ngx_atomic_t               pid;

    uint64_t                   by_redis;    /* Redis has acknowledged them */
    uint64_t                   by_spool;    /* they are on disk */
    uint64_t                   adopted;     /* found on disk, uncounted */
    uint64_t                   drained;     /* from disk to Redis */
    uint64_t                   set_aside;
    uint64_t                   unanswered;  /* Redis owes a reply, now */
    uint64_t                   unknown;     /* its reply never came */

    uint64_t                   refused;     /* deliveries: no spool took it */
    uint64_t                   torn;        /* files whose tail was cut off */
    uint64_t                   damaged;     /* places in files */
} ngx_http_meta_slot_t;


/*
 * A spool file that somebody has counted.  Only the holder of the file's lock
 * writes; the entry outlives a killed worker, and its adopter goes on with it.
 */
typedef struct {
    ngx_atomic_t               id;          /* 0: free */
    uint64_t                   bytes;
    uint64_t                   counted;     /* events by_spool or adopted */
    uint64_t                   done;        /* drained or set aside */
    uint64_t                   offset;      /* all before it is done */
    uint64_t                   oldest;      /* ms, of the first not done */
} ngx_http_meta_spool_entry_t;


typedef struct {
    uint64_t                   start;       /* ms, of nginx */
    ngx_atomic_t               spool_bytes;
    ngx_atomic_t               aside_bytes; /* at the last look */
    ngx_http_meta_spool_entry_t
                               files[NGX_HTTP_META_SPOOL_FILES];
    ngx_http_meta_slot_t       slots[NGX_MAX_PROCESSES];
} ngx_http_meta_stat_t;


/* of this nginx, and of this worker */
extern ngx_http_meta_stat_t   *ngx_http_meta_stat;
extern ngx_http_meta_slot_t   *ngx_http_meta_slot;


#endif /* _NGX_HTTP_META_STAT_H_INCLUDED_ */
