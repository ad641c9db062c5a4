
/*
 * One pipelined Redis connection per worker and target.
 *
 *     submit                 all bytes written          reply
 *   ---------->  out queue  ------------------> sent queue -----> handler, free
 *                   |                               |
 *                   | deadline: handler(NULL)       | deadline: handler(NULL);
 *                   | and free; half written it     | the op stays, its late
 *                   | stays until the reply         | reply is read and dropped
 *                   |                               |
 *                   +------- connection lost: handler(NULL), free ------+
 *
 * From submit on the client owns the op; its owner is told exactly once,
 * by the handler, and holds no pointer to it afterwards.  An owner that dies
 * first calls ngx_http_meta_redis_abandon(): what the command borrowed of its
 * memory is copied, the push goes on, and the handler finds op->data NULL.
 */


#ifndef _NGX_HTTP_META_REDIS_H_INCLUDED_
#define _NGX_HTTP_META_REDIS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_event_connect.h>

#include <hiredis/hiredis.h>

#include "meta/meta.h"
#include "ngx_http_meta_stat.h"


#define NGX_HTTP_META_MAX_OPS      16384
#define NGX_HTTP_META_MAX_BYTES    (64 * 1024 * 1024)
#define NGX_HTTP_META_MAX_ROOM     (8 * 1024 * 1024)    /* for answers */
#define NGX_HTTP_META_MAX_REPLY    (1024 * 1024)
#define NGX_HTTP_META_MAX_DELAY    2000
#define NGX_HTTP_META_POLL         1000
#define NGX_HTTP_META_QUIET        10      /* seconds between equal lines */
#define NGX_HTTP_META_REMIND       300     /* seconds, of what still is */
#define NGX_HTTP_META_IOVS         1024
#define NGX_HTTP_META_MAX_WRITE    (1024 * 1024)   /* in one turn */
#define NGX_HTTP_META_SPARE        4096
#define NGX_HTTP_META_MAX_SPARES   64
#define NGX_HTTP_META_MAX_PARTS    256     /* partitions of a queue */

/* a command above this gets time in proportion */
#define NGX_HTTP_META_TIMED        (256 * 1024)


typedef struct ngx_http_meta_redis_s   ngx_http_meta_redis_t;
typedef struct ngx_http_meta_op_s      ngx_http_meta_op_t;
typedef struct ngx_http_meta_chunk_s   ngx_http_meta_chunk_t;


typedef struct {
    ngx_str_t                  name;        /* for people: no password */
    ngx_str_t                  host;
    in_port_t                  port;
    ngx_addr_t                *addrs;
    ngx_uint_t                 naddrs;
    ngx_resolver_t            *resolver;    /* NULL: resolved at start */
    ngx_msec_t                 connect_timeout;
    ngx_msec_t                 timeout;     /* the longest of its webhooks */
    ngx_str_t                  identity;    /* name, db, user */

    ngx_str_t                  user;
    ngx_str_t                  password;
    ngx_uint_t                 db;
    ngx_str_t                  ca_file;     /* empty: the system's store */
#if (NGX_SSL)
    ngx_ssl_t                 *ssl;         /* NULL: plain */
#endif

    ngx_http_meta_redis_t     *redis;       /* of this worker */
    ngx_array_t               *announced;   /* ngx_http_meta_announced_t */
    ngx_uint_t                 place;       /* in the shared memory */
    ngx_http_meta_link_t      *link;        /* what this worker counts */

    unsigned                   named:1;     /* a host name, not an address */
    unsigned                   tls:1;
    unsigned                   used:1;      /* by some webhook */
} ngx_http_meta_target_t;


/*
 * The outermost value of a reply, and of the integers in an array how many
 * and which is the greatest.  An error in an array makes it an error.
 */
typedef struct {
    ngx_uint_t                 type;        /* REDIS_REPLY_* */
    int64_t                    integer;     /* of an array: its length */
    int64_t                    greatest;
    ngx_uint_t                 place;       /* of the greatest */
    ngx_uint_t                 nints;
    ngx_uint_t                 final;       /* unsigned  final:1; */
    ngx_str_t                  text;        /* of an error: its first word */
    u_char                     buf[32];
} ngx_http_meta_reply_t;


typedef void (*ngx_http_meta_op_handler_pt)(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply);


struct ngx_http_meta_chunk_s {
    ngx_http_meta_chunk_t     *next;
};


struct ngx_http_meta_op_s {
    ngx_queue_t                    queue;
    ngx_queue_t                    due;     /* while deadlines are met */
    ngx_http_meta_redis_t         *redis;

    ngx_http_meta_op_handler_pt    handler;
    void                          *data;    /* owner; NULL: gone */

    ngx_str_t                      list;    /* a push: without partition */
    ngx_str_t                      text;    /* strings of the reply ... */
    size_t                         text_max;    /* ... at most so many bytes */
    ngx_uint_t                     max;
    u_char                        *parts;   /* partitions, one an RPUSH */
    ngx_uint_t                     nparts;  /* 0: the list is not split */
    ngx_uint_t                     nreplies;    /* over 1: MULTI to EXEC */
    ngx_uint_t                     nevents;

    ngx_msec_t                     start;
    ngx_msec_t                     timeout;
    ngx_msec_t                     deadline;

    struct iovec                  *iov;
    ngx_uint_t                     niov;
    ngx_uint_t                     next;    /* first iov not wholly written */
    size_t                         offset;  /* written of that one */
    size_t                         size;
    u_char                        *room;    /* behind the iovs */
    ngx_http_meta_chunk_t         *chunks;  /* freed with the op */

    unsigned                       borrowed:1;   /* of the owner's memory */
    unsigned                       handshake:1;
    unsigned                       started:1;    /* a byte was written */
    unsigned                       written:1;
    unsigned                       told:1;       /* the handler has run */
    unsigned                       vital:1;      /* a worker waits for it */
    unsigned                       alone:1;     /* acked before it is safe */
    unsigned                       unhurried:1;  /* no deadline */
    unsigned                       is_due:1;
    unsigned                       spare:1;      /* of a block to be reused */
    unsigned                       aside:1;      /* no sign of pushes taken */
    unsigned                       secret:1;     /* the bytes are: wiped */
};


typedef enum {
    NGX_HTTP_META_REDIS_DOWN = 0,
    NGX_HTTP_META_REDIS_RESOLVING,
    NGX_HTTP_META_REDIS_CONNECTING,
    NGX_HTTP_META_REDIS_HANDSHAKE,
    NGX_HTTP_META_REDIS_READY
} ngx_http_meta_redis_state_t;


struct ngx_http_meta_redis_s {
    ngx_http_meta_target_t        *target;
    ngx_http_meta_redis_state_t    state;

    ngx_peer_connection_t          peer;
    ngx_connection_t              *connection;
    ngx_resolver_ctx_t            *resolve;
    ngx_addr_t                     addr;    /* where a name led to */
    ngx_sockaddr_t                 sockaddr;
    ngx_uint_t                     turn;    /* round robin of addresses */

    redisReader                   *reader;
    ngx_http_meta_reply_t          reply;
    ngx_http_meta_reply_t          refusal;     /* in a MULTI, before EXEC */
    ngx_uint_t                     nreplied;    /* to the oldest op */

    ngx_queue_t                    out;
    ngx_queue_t                    sent;
    ngx_uint_t                     nops;
    size_t                         bytes;
    size_t                         room;    /* kept for strings of answers */
    ngx_uint_t                     handshakes;

    ngx_event_t                    timer;   /* at the earliest deadline */
    ngx_msec_t                     patience;    /* longest timeout waited */
    ngx_uint_t                     nvital;
    ngx_http_meta_chunk_t         *spares;
    ngx_uint_t                     nspares;

    ngx_queue_t                    full;    /* lists over their max */
    ngx_uint_t                     nfull;
    ngx_event_t                    poll;

    ngx_rbtree_t                   names;   /* computed ones, announced */
    ngx_rbtree_node_t              sentinel;
    ngx_uint_t                     nnames;
    ngx_uint_t                     serial;  /* of the connection */

    ngx_event_t                    flush;
    ngx_event_t                    reconnect;
    ngx_uint_t                     attempts;
    ngx_msec_t                     since;   /* connected */
    ngx_msec_t                     heard;   /* last whole reply */

    ngx_log_t                      quiet;
    ngx_connection_t               dumb;    /* what timers' data points at */

    time_t                         refused; /* when that was last logged */
    time_t                         slow;

    time_t                         weighed; /* its persistence was asked for */
    ngx_uint_t                     weighing;    /* questions not answered */
    ngx_uint_t                     asking;  /* likewise, about its lists */
    uint64_t                       clock;   /* ms, by TIME; 0: unknown */

    ngx_uint_t                     loading; /* it begins, and tells wrongly */
    ngx_uint_t                     aof;     /* ngx_http_meta_answered_t */
    ngx_uint_t                     fsync;   /* ngx_http_meta_worth_t */
    ngx_uint_t                     bounded; /* maxmemory is set */
    ngx_uint_t                     evicting;    /* its policy */

    unsigned                       met:1;   /* was ready before */
    const char                    *reason;  /* last logged */
    ngx_uint_t                     reasons; /* others since the outage began */
    time_t                         told;

    unsigned                       down_logged:1;
    unsigned                       refusing:1;  /* which was logged */
    unsigned                       lost:1;  /* close after this reply */
    unsigned                       alone:1; /* MULTI was refused */
};


/* ngx_http_meta_redis.c */

ngx_http_meta_redis_t *ngx_http_meta_redis_create(ngx_pool_t *pool,
    ngx_http_meta_target_t *target);
void ngx_http_meta_redis_connect(ngx_http_meta_redis_t *redis);
void ngx_http_meta_redis_connected(ngx_http_meta_redis_t *redis);
void ngx_http_meta_redis_exit(ngx_http_meta_redis_t *redis);

void ngx_http_meta_redis_close(ngx_http_meta_redis_t *redis,
    const char *reason, ngx_err_t err);
void ngx_http_meta_redis_refused(ngx_http_meta_redis_t *redis,
    const char *what, ngx_str_t *list, ngx_http_meta_reply_t *reply);
void ngx_http_meta_redis_demoted(ngx_http_meta_redis_t *redis,
    ngx_http_meta_reply_t *reply);
void ngx_http_meta_redis_slow(ngx_http_meta_redis_t *redis,
    const char *what, ngx_uint_t n, const char *unit);
void ngx_http_meta_redis_good(ngx_http_meta_redis_t *redis);

/* ngx_http_meta_redis_op.c */

/*
 * NGX_OK: the handler will be called.  NGX_BUSY: a ceiling is reached,
 * NGX_DECLINED: Redis is away; the op is still the caller's.
 */
ngx_int_t ngx_http_meta_redis_submit(ngx_http_meta_op_t *op,
    ngx_msec_t timeout);
void ngx_http_meta_redis_abandon(ngx_http_meta_op_t *op);

ngx_http_meta_op_t *ngx_http_meta_op_create(ngx_http_meta_redis_t *redis,
    ngx_uint_t niov, size_t room);
ngx_http_meta_op_t *ngx_http_meta_op_command(ngx_http_meta_redis_t *redis,
    const meta_str_t *argv, ngx_uint_t argc);
ngx_int_t ngx_http_meta_op_aside(ngx_http_meta_op_t *op, size_t room);
u_char *ngx_http_meta_op_chunk(ngx_http_meta_op_t *op, size_t room);
ngx_int_t ngx_http_meta_op_own(ngx_http_meta_op_t *op);
u_char *ngx_http_meta_op_copy(ngx_http_meta_op_t *op, u_char *dst);
void ngx_http_meta_op_wipe(ngx_http_meta_op_t *op);
void ngx_http_meta_op_tell(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply);
void ngx_http_meta_op_free(ngx_http_meta_op_t *op);
ngx_msec_t ngx_http_meta_op_patience(ngx_msec_t timeout, size_t size);
void ngx_http_meta_op_wait(ngx_http_meta_op_t *op, ngx_msec_t timeout);
ngx_http_meta_op_t *ngx_http_meta_op_asked(ngx_http_meta_redis_t *redis);
ngx_http_meta_op_t *ngx_http_meta_op_answered(ngx_http_meta_redis_t *redis);
void ngx_http_meta_op_drop(ngx_http_meta_redis_t *redis, ngx_uint_t all);
void ngx_http_meta_op_free_all(ngx_http_meta_redis_t *redis);
void ngx_http_meta_op_timer_handler(ngx_event_t *ev);
ngx_uint_t ngx_http_meta_reply_is_final(ngx_http_meta_reply_t *reply);

#define ngx_http_meta_reply_is(reply, n)                                      \
    ((reply)->type == REDIS_REPLY_INTEGER && (reply)->integer == (n))

#define ngx_http_meta_reply_is_array(reply)                                   \
    ((reply)->type == REDIS_REPLY_ARRAY)

/* ngx_http_meta_redis_io.c */

ngx_int_t ngx_http_meta_redis_reader(ngx_http_meta_redis_t *redis);
void ngx_http_meta_redis_read_handler(ngx_event_t *rev);
void ngx_http_meta_redis_write_handler(ngx_event_t *wev);
void ngx_http_meta_redis_flush(ngx_http_meta_redis_t *redis);

/* ngx_http_meta_stat.c: whether it takes pushes */

void ngx_http_meta_stat_replied(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply);

/* ngx_http_meta_spool.c: what waits for this Redis may go on */

void ngx_http_meta_spool_ready(ngx_http_meta_redis_t *redis);

/* ngx_http_meta_redis_ssl.c */

#if (NGX_SSL)
ngx_int_t ngx_http_meta_redis_ssl_init(ngx_conf_t *cf,
    ngx_http_meta_target_t *target);
void ngx_http_meta_redis_ssl_connect(ngx_http_meta_redis_t *redis);
ssize_t ngx_http_meta_redis_ssl_send(ngx_connection_t *c, struct iovec *iovs,
    ngx_uint_t niov);
void ngx_http_meta_redis_ssl_close(ngx_connection_t *c);
#endif

/* ngx_http_meta_worth.c: what an ack is worth */

void ngx_http_meta_worth_ask(ngx_http_meta_redis_t *redis);

/* ngx_http_meta_queue.c: lists over their max */

ngx_int_t ngx_http_meta_queue_is_full(ngx_http_meta_redis_t *redis,
    ngx_str_t *list, ngx_uint_t max);
ngx_uint_t ngx_http_meta_queue_any_full(ngx_http_meta_redis_t *redis,
    ngx_str_t *list, ngx_uint_t max);
void ngx_http_meta_queue_length(ngx_http_meta_op_t *op, ngx_str_t *list,
    int64_t length);
void ngx_http_meta_queue_poll_handler(ngx_event_t *ev);
void ngx_http_meta_queue_free_all(ngx_http_meta_redis_t *redis);

/* ngx_http_meta_announce.c: NAME:partitions */

ngx_int_t ngx_http_meta_announce_add(ngx_conf_t *cf,
    ngx_http_meta_target_t *target, ngx_str_t *name, ngx_uint_t partitions);
void ngx_http_meta_announce_init(ngx_http_meta_redis_t *redis);
void ngx_http_meta_announce_all(ngx_http_meta_redis_t *redis);
void ngx_http_meta_announce(ngx_http_meta_redis_t *redis, ngx_str_t *name,
    ngx_uint_t partitions);
void ngx_http_meta_announce_free_all(ngx_http_meta_redis_t *redis);


#endif /* _NGX_HTTP_META_REDIS_H_INCLUDED_ */
