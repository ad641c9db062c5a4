
/*
 * What the status reads out of the shared memory at one moment, and the
 * buffers that its formats are written to.
 */


#ifndef _NGX_HTTP_META_STATUS_H_INCLUDED_
#define _NGX_HTTP_META_STATUS_H_INCLUDED_


#include "ngx_http_meta_module.h"


#define NGX_HTTP_META_NOTES  12


typedef enum {
    NGX_HTTP_META_WELL = 0,
    NGX_HTTP_META_NOTE,         /* worth a line, nothing to be done */
    NGX_HTTP_META_WARN,
    NGX_HTTP_META_BAD
} ngx_http_meta_level_t;


typedef struct {
    ngx_http_meta_level_t          level;
    ngx_str_t                      text;
} ngx_http_meta_note_t;


typedef struct {
    ngx_uint_t                     slot;
    ngx_pid_t                      pid;
    ngx_uint_t                     alive;
    uint64_t                       unanswered;
    ngx_http_meta_link_t           links[NGX_HTTP_META_TARGETS];
} ngx_http_meta_worker_t;


typedef struct {
    ngx_str_t                      name;
    ngx_uint_t                     workers;     /* living ones that use it */
    ngx_uint_t                     ready;
    ngx_uint_t                     worth;       /* the least of the ready; */
    ngx_uint_t                     evicts;      /* the most; or last known */
    ngx_uint_t                     aof;
    uint64_t                       reconnects;
    uint64_t                       failures;
    uint64_t                       taken;       /* ms, of living workers */
    uint64_t                       refused;
    ngx_str_t                      refuses;     /* len 0: takes pushes */
    u_char                         refusal[NGX_HTTP_META_REFUSAL_LEN];
} ngx_http_meta_seen_target_t;


typedef struct {
    uint64_t                       now;         /* ms */
    uint64_t                       start;

    ngx_http_meta_slot_t           total;       /* all slots ever used */
    uint64_t                       received;    /* requests of webhooks */
    uint64_t                       unavailable; /* of these, 503 */
    uint64_t                       acked;

    ngx_uint_t                     spool;       /* unsigned  spool:1; */
    uint64_t                       spooled;
    uint64_t                       spool_max;
    uint64_t                       spool_bytes;
    uint64_t                       aside_bytes;
    uint64_t                       nfiles;
    uint64_t                       oldest;      /* ms, 0: nothing there */

    ngx_uint_t                     alive;       /* workers */
    ngx_array_t                    workers;
    ngx_http_meta_seen_target_t    targets[NGX_HTTP_META_TARGETS];

    ngx_array_t                    lists;       /* ngx_http_meta_named_list_t */
    ngx_array_t                    accounts;    /* ngx_http_meta_account_t */

    ngx_http_meta_level_t          level;
    ngx_uint_t                     nnotes;      /* the worst comes first */
    ngx_http_meta_note_t           notes[NGX_HTTP_META_NOTES];
} ngx_http_meta_status_t;


typedef struct {
    ngx_pool_t                    *pool;
    ngx_chain_t                   *first;
    ngx_chain_t                  **last;
    ngx_buf_t                     *buf;
    off_t                          size;
    ngx_uint_t                     failed;      /* no memory: no answer */
} ngx_http_meta_out_t;


/* ngx_http_meta_status_read.c */

ngx_http_meta_status_t *ngx_http_meta_status_read(ngx_pool_t *pool,
    ngx_http_meta_main_conf_t *mmcf);

#define ngx_http_meta_list_is_full(list)                                      \
    ((list)->max && (list)->length > (int64_t) (list)->max)

/* ngx_http_meta_status_summary.c: the one line at the top, and why */

void ngx_http_meta_status_summary(ngx_pool_t *pool,
    ngx_http_meta_status_t *st);

/* ngx_http_meta_status_json.c, ngx_http_meta_status_prometheus.c */

void ngx_http_meta_status_json(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st);
void ngx_http_meta_status_prometheus(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st);

/* ngx_http_meta_out.c: at most 1,024 bytes a call */

void ngx_http_meta_out(ngx_http_meta_out_t *out, const char *fmt, ...);
void ngx_http_meta_out_quoted(ngx_http_meta_out_t *out, u_char *data,
    size_t len);

/* in the order of ngx_http_meta_worth_t */
extern char  *ngx_http_meta_worths[];


#endif /* _NGX_HTTP_META_STATUS_H_INCLUDED_ */
