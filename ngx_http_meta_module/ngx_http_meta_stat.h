
/*
 * What is counted, in shared memory that survives reloads: a slot per worker,
 * written by that worker alone and read by all, a table of spool files, and
 * tables of what has a name: targets, lists and accounts.
 */


#ifndef _NGX_HTTP_META_STAT_H_INCLUDED_
#define _NGX_HTTP_META_STAT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_HTTP_META_SPOOL_FILES  4096

#define NGX_HTTP_META_OBJECTS      11       /* none, Meta's nine, other */
#define NGX_HTTP_META_VERDICTS     16
#define NGX_HTTP_META_WAYS         4
#define NGX_HTTP_META_BUCKETS      13       /* the last has no upper end */
#define NGX_HTTP_META_TARGETS      8

/* names stand in sets: one is looked for in its set, and replaces its oldest */
#define NGX_HTTP_META_SET          8
#define NGX_HTTP_META_LISTS        1024
#define NGX_HTTP_META_ACCOUNTS     2048
#define NGX_HTTP_META_LIST_LEN     208
#define NGX_HTTP_META_ACCOUNT_LEN  64
#define NGX_HTTP_META_REFUSAL_LEN  16


/* how a delivery became safe */
typedef enum {
    NGX_HTTP_META_BY_NONE = 0,
    NGX_HTTP_META_BY_REDIS,
    NGX_HTTP_META_BY_SPOOL,
    NGX_HTTP_META_BY_VERIFIED
} ngx_http_meta_way_t;


/* what an ack of Redis is worth, by its persistence; the worst comes first */
typedef enum {
    NGX_HTTP_META_WORTH_UNKNOWN = 0,
    NGX_HTTP_META_WORTH_NONE,
    NGX_HTTP_META_WORTH_EVERYSEC,
    NGX_HTTP_META_WORTH_ALWAYS
} ngx_http_meta_worth_t;


typedef enum {
    NGX_HTTP_META_UNKNOWN = 0,
    NGX_HTTP_META_NO,
    NGX_HTTP_META_YES
} ngx_http_meta_answered_t;


/* why a delivery was answered 503 */
typedef enum {
    NGX_HTTP_META_CAUSE_OTHER = 0,
    NGX_HTTP_META_CAUSE_SECRET,
    NGX_HTTP_META_CAUSE_QUEUE,
    NGX_HTTP_META_CAUSE_SPOOL,
    NGX_HTTP_META_CAUSE_REDIS
} ngx_http_meta_cause_t;


/* a worker's connection to a target */
typedef struct {
    ngx_uint_t                 state;       /* ngx_http_meta_redis_state_t */
    ngx_uint_t                 used;        /* unsigned  used:1; */
    ngx_uint_t                 worth;       /* ngx_http_meta_worth_t */
    ngx_uint_t                 evicts;      /* ngx_http_meta_answered_t */
    ngx_uint_t                 aof;         /* likewise */
    uint64_t                   reconnects;
    uint64_t                   failures;    /* attempts, and what broke */
    uint64_t                   taken;       /* ms, the last push it took */
    uint64_t                   refused;     /* ms, and refused; 0: took one */
    u_char                     refusal[NGX_HTTP_META_REFUSAL_LEN];
} ngx_http_meta_link_t;


/* all in events, but what says otherwise */
typedef struct {
    ngx_atomic_t               pid;         /* 0: none has it */

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

    /* requests of webhooks, and what the good ones held */

    uint64_t                   verdicts[NGX_HTTP_META_OBJECTS]
                                       [NGX_HTTP_META_VERDICTS];
    uint64_t                   events[NGX_HTTP_META_OBJECTS];
    uint64_t                   acks[NGX_HTTP_META_WAYS];
    uint64_t                   bytes;
    uint64_t                   last_503;    /* ms */
    uint64_t                   last_cause;  /* ngx_http_meta_cause_t */
    uint64_t                   last_signed; /* ms, with a good signature */
    uint64_t                   last_forged; /* ms, with a bad one */

    uint64_t                   latency[NGX_HTTP_META_BUCKETS];
    uint64_t                   latency_sum; /* ms */

    ngx_http_meta_link_t       links[NGX_HTTP_META_TARGETS];
} ngx_http_meta_slot_t;


/*
 * A spool file that somebody has counted.  Only the holder of the file's lock
 * writes; the entry outlives a killed worker, and its adopter goes on with it.
 */
typedef struct {
    ngx_atomic_t               id;          /* holder's pid; 0: free */
    uint64_t                   file;        /* the file's id */
    uint64_t                   bytes;
    uint64_t                   counted;     /* events by_spool or adopted */
    uint64_t                   done;        /* drained or set aside */
    uint64_t                   offset;      /* all before it is done */
    uint64_t                   oldest;      /* ms, of the first not done */
} ngx_http_meta_spool_entry_t;


typedef struct {
    size_t                     len;         /* 0: free */
    ngx_atomic_t               worth;       /* what was logged */
    ngx_atomic_t               evicts;
    u_char                     name[NGX_HTTP_META_LIST_LEN];
} ngx_http_meta_named_target_t;


/* a list of some target: written by whichever worker has the latest word */
typedef struct {
    uint64_t                   hash;        /* 0: free */
    uint64_t                   at;          /* ms, of its length */
    uint64_t                   target;
    int64_t                    length;
    uint64_t                   max;         /* that it was over; 0: never */
    uint64_t                   holder;      /* ngx_http_meta_answered_t */
    uint64_t                   held;        /* ms, when it last had one */
    size_t                     len;
    u_char                     name[NGX_HTTP_META_LIST_LEN];
} ngx_http_meta_named_list_t;


/* an account that webhooks came for */
typedef struct {
    uint64_t                   hash;
    uint64_t                   at;          /* ms, of the last one */
    uint64_t                   object;
    size_t                     len;
    u_char                     name[NGX_HTTP_META_ACCOUNT_LEN];
} ngx_http_meta_account_t;


typedef struct {
    uint64_t                   start;       /* ms, of nginx */
    ngx_atomic_t               nslots;      /* those above were never used */
    ngx_atomic_t               asked;       /* s, for lengths and holders */
    ngx_atomic_t               spool_bytes;
    ngx_atomic_t               aside_bytes; /* at the last look */
    ngx_http_meta_spool_entry_t
                               files[NGX_HTTP_META_SPOOL_FILES];
    ngx_http_meta_named_target_t
                               targets[NGX_HTTP_META_TARGETS];
    ngx_http_meta_named_list_t       lists[NGX_HTTP_META_LISTS];
    ngx_http_meta_account_t    accounts[NGX_HTTP_META_ACCOUNTS];
    ngx_http_meta_slot_t       slots[NGX_MAX_PROCESSES];
} ngx_http_meta_stat_t;


/* of this nginx, and of this worker */
extern ngx_http_meta_stat_t   *ngx_http_meta_stat;
extern ngx_http_meta_slot_t   *ngx_http_meta_slot;
extern ngx_http_meta_link_t    ngx_http_meta_no_link;


/* ngx_http_meta_names.c: the tables of names */

uint64_t ngx_http_meta_stat_now(void);
void ngx_http_meta_stat_queue(ngx_uint_t target, ngx_str_t *name,
    ngx_uint_t partitions);
ngx_http_meta_named_list_t *ngx_http_meta_stat_list(ngx_uint_t target,
    ngx_str_t *name);
void ngx_http_meta_stat_length(ngx_uint_t target, ngx_str_t *name,
    int64_t length);
void ngx_http_meta_stat_max(ngx_uint_t target, ngx_str_t *name,
    int64_t length, ngx_uint_t max);
void ngx_http_meta_stat_account(ngx_uint_t object, ngx_str_t *name);
ngx_uint_t ngx_http_meta_stat_target(ngx_str_t *name);
void ngx_http_meta_stat_lock(void);
void ngx_http_meta_stat_unlock(void);


#endif /* _NGX_HTTP_META_STAT_H_INCLUDED_ */
