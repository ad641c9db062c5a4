/* A Redis connection on the loop: pipelined commands, deadlines, TLS, AUTH,
   SELECT, and reconnecting by itself. */

#ifndef REDIS_H
#define REDIS_H

#include "mem.h"

#include <uv.h>


/* a reply longer than this closes the connection */
#define REDIS_REPLY_MAX  (48 * 1024 * 1024)


/* what meta_redis takes (contract 2) */
struct redis_target {
    char      *path;        /* unix socket, else NULL */
    char      *host;
    unsigned   port;
    unsigned   db;
    char      *user;        /* NULL: AUTH with the password alone */
    char      *password;    /* NULL: no AUTH */
    bool       tls;         /* rediss:// */
    struct ssl_ctx_st  *trust;      /* with tls: see tls.h */
};

enum reply_type {
    REPLY_STRING = 1,       /* hiredis' numbers */
    REPLY_ARRAY,
    REPLY_INTEGER,
    REPLY_NIL,
    REPLY_STATUS,
    REPLY_ERROR
};

struct redis;
struct reply;

/* reply NULL: the connection went, nobody knows whether it was executed */
typedef void (*redis_cb)(void *data, const struct reply *reply);
typedef void (*redis_state_cb)(void *data);


/* redis_new connects as soon as the loop runs; the target must outlive it.
   name: what is it for, or NULL, where lines name the address alone;
   on_up: commands may be sent; on_down: after every callback got its NULL */
struct redis *redis_new(uv_loop_t *loop, const struct redis_target *target,
    const char *name, redis_state_cb on_up, redis_state_cb on_down,
    void *data);

/* redis_share: one more user of that connection, which must outlive him; for
   him as if it were his own, but redis_drop lets him alone wait a while */
struct redis *redis_share(struct redis *on, const char *name,
    redis_state_cb on_up, redis_state_cb on_down, void *data);
void redis_quiet(struct redis *r);
bool redis_up(const struct redis *r);

/* redis_send: -1 if it is not up or 64 MB wait; else cb is called once, never
   inside of the call; ms: from now until the reply must have come */
int redis_send(struct redis *r, const struct str *argv, size_t argc,
    unsigned ms, redis_cb cb, void *data) __attribute__((warn_unused_result));

/* redis_flush: at once; else at the end of this turn of the loop */
void redis_flush(struct redis *r);

/* redis_drop closes and connects anew; for replies that make no sense */
void redis_drop(struct redis *r, const char *why);

/* redis_refuses: that too, and it is not back until it takes the same again;
   what: a small number of the caller's, that of the script */
void redis_refuses(struct redis *r, unsigned what, const char *why);
void redis_takes(struct redis *r, unsigned what);

/* redis_free: pending callbacks get their NULL, on_down is not called; a NULL
   is fine */
void redis_free(struct redis *r);

/* redis_where: the address as it is configured, without user and password */
void redis_where(struct buf *b, const struct redis_target *target);

/* reply_reader: hiredis' redisReader, to be freed by redisReaderFree; an array
   of more than 100000 elements is REDIS_ERR_OOM */
struct redisReader *reply_reader(void);

enum reply_type reply_type(const struct reply *reply);
struct str reply_str(const struct reply *reply);    /* also status, error */
long long reply_int(const struct reply *reply);
size_t reply_count(const struct reply *reply);      /* of an array, else 0 */
const struct reply *reply_at(const struct reply *reply, size_t i);  /* or nil */

/* reply_why says what an error is about in words of our own: Redis repeats
   what it was sent, a password too, so nothing but its code is shown */
#define REPLY_WHY_MAX  96
const char *reply_why(char out[REPLY_WHY_MAX], const struct reply *reply);
bool reply_error(const struct reply *reply, const char *code);


#endif /* REDIS_H */
