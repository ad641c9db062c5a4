
/*
 * What the files of the nginx floor share: configuration, the context of a
 * request, and the few functions that cross files.
 */


#ifndef _NGX_HTTP_META_MODULE_H_INCLUDED_
#define _NGX_HTTP_META_MODULE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "meta/meta.h"
#include "meta/meta_signature.h"
#include "meta/meta_split.h"
#include "meta/meta_record.h"

#include "ngx_http_meta_redis.h"
#include "ngx_http_meta_stat.h"
#include "ngx_http_meta_spool.h"


#define NGX_HTTP_META_MAX_SECRETS  16
#define NGX_HTTP_META_MAX_TOKENS   64
#define NGX_HTTP_META_MAX_NAME     200
#define NGX_HTTP_META_MAX_LIST     (NGX_HTTP_META_MAX_NAME + sizeof(":255") - 1)
#define NGX_HTTP_META_RANDOM       4096
#define NGX_HTTP_META_LARGE        (256 * 1024)


typedef struct ngx_http_meta_slice_s  ngx_http_meta_slice_t;


typedef enum {
    NGX_HTTP_META_ACK_QUEUED = 0,
    NGX_HTTP_META_ACK_DISK,
    NGX_HTTP_META_ACK_VERIFIED
} ngx_http_meta_ack_t;


/* what Meta calls at a location */
typedef enum {
    NGX_HTTP_META_NOTHING = 0,
    NGX_HTTP_META_WEBHOOK,
    NGX_HTTP_META_DEAUTHORIZE,
    NGX_HTTP_META_DELETION
} ngx_http_meta_place_t;


typedef enum {
    NGX_HTTP_META_NONE = 0,
    NGX_HTTP_META_OK,
    NGX_HTTP_META_CHALLENGE,
    NGX_HTTP_META_BAD_TOKEN,
    NGX_HTTP_META_BAD_METHOD,
    NGX_HTTP_META_BAD_CLIENT,
    NGX_HTTP_META_NO_SECRET,
    NGX_HTTP_META_NO_SIGNATURE,
    NGX_HTTP_META_BAD_SIGNATURE,
    NGX_HTTP_META_MALFORMED,
    NGX_HTTP_META_TOO_LARGE,
    NGX_HTTP_META_BAD_QUEUE,
    NGX_HTTP_META_UNAVAILABLE,
    NGX_HTTP_META_ERROR,
    NGX_HTTP_META_STALE,
    NGX_HTTP_META_NVERDICTS,    /* at most NGX_HTTP_META_VERDICTS */

    /* of logins, which are in no counter */

    NGX_HTTP_META_BAD_LINK = NGX_HTTP_META_NVERDICTS,
    NGX_HTTP_META_BAD_STATE,
    NGX_HTTP_META_REPLAYED,
    NGX_HTTP_META_DENIED,
    NGX_HTTP_META_FAILED,
    NGX_HTTP_META_LOGIN,
    NGX_HTTP_META_CODE,
    NGX_HTTP_META_FLOW,
    NGX_HTTP_META_NO_FLOW,
    NGX_HTTP_META_NALL
} ngx_http_meta_verdict_t;


typedef struct {
    ngx_str_t                  app;         /* empty: meta_app_id's */
    meta_hmac_t                hmac;
} ngx_http_meta_secret_t;


/* a webhook's list; queue may hold variables */
typedef struct {
    ngx_http_meta_target_t    *target;
    ngx_http_complex_value_t  *queue;
    ngx_uint_t                 max;
} ngx_http_meta_list_t;


/* ngx_http_meta_secret.c's */
typedef struct {
    u_char                    *start;       /* NULL: nothing is secret yet */
    u_char                    *pos;
    u_char                    *end;
} ngx_http_meta_vault_t;


typedef struct {
    ngx_array_t                targets;     /* ngx_http_meta_target_t * */
    ngx_array_t                lists;       /* ngx_http_meta_list_t */
    ngx_http_meta_spool_t     *spool;
    meta_hash_t                hash;
    ngx_http_meta_vault_t      vault;
    ngx_int_t                  request_id;  /* index of the variable */
    ngx_uint_t                 active;      /* unsigned  active:1; */
    ngx_uint_t                 status;      /* unsigned  status:1; */
    ngx_shm_zone_t            *zone;

    time_t                     mismatched;  /* when that was last logged */
    ngx_uint_t                 mismatches;

    u_char                     random[NGX_HTTP_META_RANDOM];
    ngx_uint_t                 nrandom;     /* bytes not yet used */
} ngx_http_meta_main_conf_t;


typedef struct {
    ngx_http_meta_place_t      webhook;
    ngx_uint_t                 masked;      /* no webhook, but secrets come */
    ngx_http_meta_target_t    *target;
    ngx_msec_t                 connect_timeout;
    ngx_msec_t                 timeout;

    ngx_str_t                  app_id;
    ngx_array_t               *secrets;     /* ngx_http_meta_secret_t */
    ngx_array_t               *tokens;      /* meta_str_t */

    ngx_str_t                  client_cn;   /* empty: anybody */
    ngx_uint_t                 client_optional;  /* unsigned  :1; */

    ngx_http_complex_value_t  *queue;
    ngx_uint_t                 queue_max;   /* 0: no limit */
    ngx_uint_t                 ack;
    ngx_uint_t                 partitions;  /* 0: not said, 1 */

    ngx_str_t                  deletion;    /* URL of the status page */
} ngx_http_meta_loc_conf_t;


typedef struct {
    ngx_http_request_t        *request;
    ngx_http_meta_op_t        *op;          /* while Redis owes an answer */
    ngx_http_meta_spool_waiter_t
                               waiter;      /* while the disk does */
    ngx_http_meta_slice_t     *slice;       /* a large body, until then */

    ngx_http_meta_verdict_t    verdict;
    ngx_str_t                  args;        /* as sent, before the masking */
    u_char                     mac[META_MAC_LEN];

    ngx_str_t                  app;
    ngx_str_t                  object;
    ngx_str_t                  delivery;
    ngx_uint_t                 nevents;
    ngx_str_t                  text;        /* of a 200, where it is not */
    ngx_str_t                  type;        /* the same for all */

    ngx_uint_t                 kind;        /* of ngx_http_meta_objects */
    size_t                     bytes;       /* of the body */
    ngx_msec_t                 received;    /* the whole body */
    ngx_msec_t                 asked;
    ngx_msec_t                 queue_time;

    unsigned                   masked:1;
    unsigned                   pushed:1;    /* Redis was asked */
    unsigned                   queued:1;    /* Redis has it */
    unsigned                   spooled:1;   /* the disk has it */
    unsigned                   counted:1;
} ngx_http_meta_ctx_t;


extern ngx_module_t  ngx_http_meta_module;

/* in the order of ngx_http_meta_place_t */
extern ngx_str_t     ngx_http_meta_places[];


/* ngx_http_meta_files.c: what comes from files and the environment */

/* one line, its blank ends cut; NULL or what is wrong with it */
typedef char *(*ngx_http_meta_line_pt)(ngx_conf_t *cf, void *data,
    ngx_str_t *line);

char *ngx_http_meta_read_lines(ngx_conf_t *cf, ngx_str_t *path,
    ngx_http_meta_line_pt handler, void *data);
/* the same for all of its text at once */
char *ngx_http_meta_read_text(ngx_conf_t *cf, ngx_str_t *path,
    ngx_http_meta_line_pt handler, void *data);
char *ngx_http_meta_read_secrets(ngx_conf_t *cf, ngx_array_t *secrets,
    ngx_str_t *path);
char *ngx_http_meta_read_tokens(ngx_conf_t *cf, ngx_array_t *tokens,
    ngx_str_t *path);
char *ngx_http_meta_read_password(ngx_conf_t *cf, ngx_str_t *password,
    ngx_str_t *path);
ngx_int_t ngx_http_meta_is_app_id(ngx_str_t *id);

/* ngx_http_meta_secret.c: where they are kept; NULL: said why in the log */

void *ngx_http_meta_secret_alloc(ngx_conf_t *cf, size_t size);
u_char *ngx_http_meta_secret_dup(ngx_conf_t *cf, ngx_str_t *src);
ngx_int_t ngx_http_meta_secret_wipe(ngx_pool_t *pool, ngx_str_t *bytes);
void ngx_http_meta_secret_server(ngx_conf_t *cf);

/* ngx_http_meta_target.c: where events go */

char *ngx_http_meta_redis_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_http_meta_target_t *ngx_http_meta_default_target(ngx_conf_t *cf);
void ngx_http_meta_use_target(ngx_conf_t *cf, ngx_http_meta_target_t *target,
    ngx_msec_t connect_timeout, ngx_msec_t timeout);
ngx_int_t ngx_http_meta_resolve_targets(ngx_conf_t *cf);

/* ngx_http_meta_handler.c: the life of a request */

ngx_int_t ngx_http_meta_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_meta_mask_handler(ngx_http_request_t *r);
ngx_http_meta_verdict_t ngx_http_meta_mismatch(ngx_http_request_t *r,
    size_t len);
ngx_http_meta_verdict_t ngx_http_meta_malformed(ngx_http_request_t *r,
    size_t len, meta_rc_t rc);
ngx_http_meta_verdict_t ngx_http_meta_route(ngx_http_request_t *r,
    ngx_http_meta_ctx_t *ctx, meta_split_t *split, meta_event_t *events,
    ngx_str_t *list);
ngx_http_meta_ctx_t *ngx_http_meta_get_ctx(ngx_http_request_t *r);
ngx_int_t ngx_http_meta_delivery(ngx_http_request_t *r,
    ngx_http_meta_ctx_t *ctx);
void ngx_http_meta_finish(ngx_http_meta_ctx_t *ctx,
    ngx_http_meta_verdict_t verdict);

/* ngx_http_meta_signed.c: what Meta posts of a person, as signed_request */

char *ngx_http_meta_signed_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
void ngx_http_meta_signed_queue(ngx_http_meta_loc_conf_t *mlcf);
ngx_int_t ngx_http_meta_signed_check(ngx_conf_t *cf,
    ngx_http_meta_loc_conf_t *mlcf);
ngx_http_meta_verdict_t ngx_http_meta_signed(ngx_http_request_t *r,
    ngx_http_meta_ctx_t *ctx);

/* ngx_http_meta_answer.c: text is NULL where the verdict has its own */

ngx_int_t ngx_http_meta_answer(ngx_http_request_t *r,
    ngx_http_meta_ctx_t *ctx, ngx_http_meta_verdict_t verdict,
    ngx_str_t *text);
ngx_int_t ngx_http_meta_header(ngx_http_request_t *r, char *key, char *value);
ngx_uint_t ngx_http_meta_verdict_status(ngx_uint_t verdict);

/* ngx_http_meta_body.c: what was received, as one slice */

ngx_int_t ngx_http_meta_body(ngx_http_request_t *r, meta_str_t *body);
size_t ngx_http_meta_body_size(ngx_http_request_t *r);
void ngx_http_meta_body_hold(ngx_http_request_t *r);
void ngx_http_meta_body_wipe(ngx_http_request_t *r);
ngx_int_t ngx_http_meta_body_part(ngx_http_request_t *r, size_t offset,
    u_char *p, size_t size);

/* ngx_http_meta_slice.c: a large body, a slice in each turn of the loop */

ngx_http_meta_verdict_t ngx_http_meta_slice(ngx_http_request_t *r,
    ngx_http_meta_ctx_t *ctx);
void ngx_http_meta_slice_free(ngx_http_meta_slice_t *slice);

/* ngx_http_meta_send.c: where that goes */

ngx_int_t ngx_http_meta_send_op(ngx_http_meta_op_t *op,
    ngx_http_meta_ctx_t *ctx, ngx_uint_t direct);

/* ngx_http_meta_spool.c */

char *ngx_http_meta_spool_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_meta_spool_init_process(ngx_http_meta_main_conf_t *mmcf);
ngx_http_meta_list_t *ngx_http_meta_spool_list(meta_str_t *target,
    meta_str_t *list);

/* ngx_http_meta_partition.c: which event goes to which list */

typedef struct {
    ngx_uint_t                 nlists;      /* that get an event */
    u_char                     parts[NGX_HTTP_META_MAX_PARTS];
    ngx_uint_t                 counts[NGX_HTTP_META_MAX_PARTS];
    uint16_t                  *order;       /* of the events, list by list */
} ngx_http_meta_spread_t;

ngx_int_t ngx_http_meta_spread(ngx_http_meta_spread_t *spread,
    ngx_pool_t *pool, ngx_uint_t partitions, meta_record_ctx_t *rc,
    meta_event_t *events);
void ngx_http_meta_part_name(u_char *buf, ngx_str_t *name, ngx_str_t *list,
    ngx_uint_t part);

/* ngx_http_meta_client.c: whose certificate lets him deliver */

char *ngx_http_meta_client_cn(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_meta_check_client_cn(ngx_conf_t *cf,
    ngx_http_meta_loc_conf_t *mlcf);
ngx_int_t ngx_http_meta_client(ngx_http_request_t *r,
    ngx_http_meta_loc_conf_t *mlcf);

/* ngx_http_meta_push.c: one delivery as one RPUSH, or several in a MULTI */

typedef struct {
    ngx_http_meta_op_t        *op;
    u_char                    *start;       /* of the iovec being filled */
    u_char                    *pos;
    u_char                    *end;
} ngx_http_meta_writer_t;

/* a push that is being written; its maker fills what stands before spread */
typedef struct {
    ngx_http_meta_ctx_t       *ctx;
    ngx_str_t                  list;
    meta_split_t              *split;
    meta_event_t              *events;
    meta_record_ctx_t          record;      /* its hash alone */

    ngx_http_meta_spread_t     spread;
    ngx_http_meta_writer_t     writer;
    ngx_uint_t                 i;           /* list */
    ngx_uint_t                 k;           /* event of that list */
    ngx_uint_t                 at;          /* event of all */
    meta_head_t                head;
    unsigned                   in_head:1;
    unsigned                   direct:1;    /* to Redis, not to the spool */
} ngx_http_meta_push_t;

ngx_int_t ngx_http_meta_push(ngx_http_meta_ctx_t *ctx, ngx_str_t *list,
    meta_split_t *split, meta_event_t *events);

/* the same in parts, of which the second may take several runs */

ngx_int_t ngx_http_meta_push_begin(ngx_http_meta_push_t *push);
ngx_int_t ngx_http_meta_push_run(ngx_http_meta_push_t *push, size_t budget);
ngx_uint_t ngx_http_meta_push_direct(ngx_http_meta_push_t *push);

/* ngx_http_meta_queue.c: the list's name and its ceiling */

char *ngx_http_meta_queue_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_meta_queue_name(ngx_http_request_t *r, ngx_str_t *name);
ngx_int_t ngx_http_meta_check_name(ngx_str_t *name);

/* ngx_http_meta_count.c: what a request adds to the counters */

void ngx_http_meta_seen(ngx_http_meta_ctx_t *ctx, meta_split_t *split,
    meta_event_t *events);
void ngx_http_meta_count(ngx_http_meta_ctx_t *ctx,
    ngx_http_meta_verdict_t verdict, ngx_uint_t status);
ngx_int_t ngx_http_meta_log_handler(ngx_http_request_t *r);

extern ngx_str_t   ngx_http_meta_objects[NGX_HTTP_META_OBJECTS];
extern ngx_uint_t  ngx_http_meta_buckets[NGX_HTTP_META_BUCKETS - 1];

/* ngx_http_meta_holder.c: lists as the status shows them */

void ngx_http_meta_holder_init_process(ngx_http_meta_main_conf_t *mmcf);

/* ngx_http_meta_status.c: the counters for people and programs */

char *ngx_http_meta_status_slot(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_uint_t ngx_http_meta_accepts(ngx_http_request_t *r, char *type);
/* 'sha256-...' of what stands between begin and end; NULL: nothing does */
u_char *ngx_http_meta_page_hash(u_char *p, u_char *page, char *begin,
    char *end);

/* ngx_http_meta_stat.c: counters in shared memory */

ngx_int_t ngx_http_meta_stat_add_zone(ngx_conf_t *cf);
void ngx_http_meta_stat_init_process(ngx_http_meta_main_conf_t *mmcf);
void ngx_http_meta_stat_exit_process(void);

/* ngx_http_meta_variables.c */

ngx_int_t ngx_http_meta_add_variables(ngx_conf_t *cf);
ngx_http_meta_verdict_t ngx_http_meta_verdict(ngx_http_request_t *r,
    ngx_http_meta_ctx_t *ctx);

ngx_str_t *ngx_http_meta_verdict_name(ngx_uint_t verdict);


#endif /* _NGX_HTTP_META_MODULE_H_INCLUDED_ */
