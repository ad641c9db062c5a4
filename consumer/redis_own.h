/* What the files of the Redis client share, and nobody else sees. */

#ifndef REDIS_OWN_H
#define REDIS_OWN_H

#include "redis.h"


#define REDIS_DELAY_MIN  50
#define REDIS_DELAY_MAX  2000
#define REDIS_STEADY_MS  5000       /* up so long: the next loss is a new one */
#define REDIS_OUT_MAX    (64 * 1024 * 1024)
#define REDIS_WHY_MAX    128
#define REDIS_IN_MAX     (64 * 1024)


struct call {
    struct call   *next;
    struct redis  *user;        /* who asked */
    redis_cb       cb;          /* NULL: he does not listen any more */
    void          *data;
    uint64_t       due;
    uint64_t       sent;        /* ns; 0: not measured */
};


/* one attempt; lives until libuv has closed its handle */
struct conn {
    struct redis       *redis;      /* NULL: given up, nobody listens */
    uv_connect_t        connect;
    uv_getaddrinfo_t    resolve;
    struct redisReader *reader;
    size_t              unread;     /* bytes fed since the last whole reply */
    struct tls         *tls;        /* NULL: without */
    bool                opened;     /* stream is initialized */
    bool                resolving;
    union {
        uv_handle_t     handle;
        uv_stream_t     stream;
        uv_pipe_t       pipe;
        uv_tcp_t        tcp;
    } u;
};


struct redis {
    uv_loop_t                  *loop;
    const struct redis_target  *target;
    char                       *name;
    redis_state_cb              on_up;
    redis_state_cb              on_down;
    void                       *data;

    struct redis               *on;         /* shares that one's connection */
    struct redis               *users;      /* who share this one's */
    struct redis               *next;       /* of those users */

    struct conn                *conn;       /* NULL: waiting for the retry */
    bool                        up;
    bool                        gone;       /* went down, and is not told */
    bool                        said;       /* that it is away */
    bool                        replica;    /* so it was, at last */
    bool                        quiet;      /* another one says it */
    uint64_t                    refuses;    /* bits: what, see redis_refuses */
    uint64_t                    said_at;
    char                        said_why[REDIS_WHY_MAX];
    unsigned                    failures;
    uint64_t                    up_since;

    struct call                *first;      /* sent, in order */
    struct call               **last;
    struct buf                  out;
    struct buf                  sealed;     /* of it, by TLS */
    char                       *in;         /* REDIS_IN_MAX bytes */

    uv_timer_t                  timer;      /* deadline, or the retry */
    uv_idle_t                   flush;
    int                         handles;    /* to be closed before free */
};


/* redis.c */
int redis_push(struct redis *r, struct redis *user, const struct str *argv,
    size_t argc, unsigned ms, redis_cb cb, void *data);
void redis_lost(struct redis *r, const char *why);
void redis_write(struct redis *r, struct buf *b);
void redis_read(struct conn *c, const char *at, size_t n);
int redis_listen(struct conn *c);
void redis_timer(struct redis *r, unsigned ms);
void redis_on_closed(uv_handle_t *handle);

/* redis_connect.c */
void redis_connect(struct redis *r);
void redis_conn_close(struct conn *c);
void redis_hello(struct redis *r);

/* redis_tls.c */
void redis_shake(struct conn *c);
void redis_seal(struct redis *r);
void redis_unseal(struct conn *c, const char *at, size_t n);

/* redis_say.c */
unsigned redis_delay(struct redis *r, bool was_up, const char *why);
void redis_heard(struct redis *r, const struct reply *reply);

/* redis_share.c */
void redis_users_up(struct redis *r);
void redis_users_down(struct redis *r);
void redis_user_drop(struct redis *r, const char *why);
void redis_user_free(struct redis *r);


#endif /* REDIS_OWN_H */
