/* An attempt to get a Redis connection: the name, the socket, AUTH, SELECT. */

#include "redis_own.h"
#include "stats.h"
#include "tls.h"

#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>


#define REDIS_CONNECT_MS  2000
#define REDIS_HELLO_MS    5000


static void conn_free(struct conn *c)
{
    redisReaderFree(c->reader);
    tls_free(c->tls);
    free(c);
}


static void on_conn_closed(uv_handle_t *handle)
{
    conn_free(handle->data);
}


/* redis_conn_close: the one way out of an attempt: nobody is called back by it
   any more */
void redis_conn_close(struct conn *c)
{
    c->redis = NULL;

    if (c->resolving) {
        uv_cancel((uv_req_t *) &c->resolve);    /* on_resolved frees it */

    } else if (c->opened) {
        uv_close(&c->u.handle, on_conn_closed);

    } else {
        conn_free(c);
    }
}


/* the answer to a command of the greeting, or none */
static bool redis_refused(struct redis *r, const struct reply *reply,
    const char *what)
{
    char  code[REPLY_WHY_MAX], why[128];

    if (reply == NULL || r->conn == NULL) {
        return true;
    }

    if (reply_type(reply) != REPLY_ERROR) {
        return false;
    }

    snprintf(why, sizeof(why), "refused%s: %s", what, reply_why(code, reply));
    redis_lost(r, why);

    return true;
}


static void on_auth(void *data, const struct reply *reply)
{
    redis_refused(data, reply, " AUTH");
}


static void on_select(void *data, const struct reply *reply)
{
    redis_refused(data, reply, " SELECT");
}


static void on_ready(void *data, const struct reply *reply)
{
    struct redis  *r = data;

    if (redis_refused(r, reply, "")) {
        return;
    }

    stat_add(STAT_REDIS_UP, 1);
    stat_add(STAT_REDIS_CONNECTS, 1);
    r->up = true;
    r->up_since = uv_now(r->loop);

    if (r->on_up != NULL) {
        r->on_up(r->data);
    }

    redis_users_up(r);
}


/* redis_hello: AUTH, SELECT and a PING that -LOADING, -NOAUTH and -MASTERDOWN
   answer */
void redis_hello(struct redis *r)
{
    int                         failed = 0;
    char                        db[16];
    struct str                  argv[3];
    const struct redis_target  *t = r->target;

    uv_timer_stop(&r->timer);

    if (t->password != NULL) {
        argv[0] = STR("AUTH");
        argv[1] = t->user != NULL ? STR(t->user) : STR(t->password);
        argv[2] = STR(t->password);
        failed |= redis_push(r, r, argv, t->user != NULL ? 3 : 2,
                             REDIS_HELLO_MS, on_auth, r);
    }

    if (t->db != 0) {
        snprintf(db, sizeof(db), "%u", t->db);
        argv[0] = STR("SELECT");
        argv[1] = STR(db);
        failed |= redis_push(r, r, argv, 2, REDIS_HELLO_MS, on_select, r);
    }

    argv[0] = STR("PING");
    failed |= redis_push(r, r, argv, 1, REDIS_HELLO_MS, on_ready, r);

    if (failed) {
        redis_lost(r, "cannot be greeted");
    }
}


static void on_connect(uv_connect_t *connect, int status)
{
    int           rc;
    struct conn  *c = connect->data;

    if (c->redis == NULL) {
        return;                 /* closing; status is UV_ECANCELED */
    }

    if (status == 0) {
        rc = redis_listen(c);
        if (rc == 0 && c->redis->target->tls) {
            redis_shake(c);
            return;
        }
        if (rc == 0) {
            redis_hello(c->redis);
            return;
        }
        status = rc;
    }

    redis_lost(c->redis, uv_strerror(status));
}


/* another address of the name at each attempt */
static const struct addrinfo *redis_address(const struct addrinfo *found,
    unsigned attempt)
{
    unsigned                n = 0;
    const struct addrinfo  *a;

    for (a = found; a != NULL; a = a->ai_next) {
        n++;
    }

    for (a = found, n = attempt % n; n > 0; n--) {
        a = a->ai_next;
    }

    return a;
}


static void on_resolved(uv_getaddrinfo_t *resolve, int status,
    struct addrinfo *found)
{
    int           rc;
    struct conn  *c = resolve->data;

    c->resolving = false;

    if (c->redis == NULL) {
        uv_freeaddrinfo(found);
        conn_free(c);
        return;
    }

    rc = status;
    if (rc == 0) {
        uv_tcp_init(c->redis->loop, &c->u.tcp);
        c->opened = true;
        uv_tcp_nodelay(&c->u.tcp, 1);
        uv_tcp_keepalive(&c->u.tcp, 1, 30);
        rc = uv_tcp_connect(&c->connect, &c->u.tcp,
                            redis_address(found, c->redis->failures)->ai_addr,
                            on_connect);
    }

    uv_freeaddrinfo(found);

    if (rc != 0) {
        redis_lost(c->redis, uv_strerror(rc));
    }
}


/* redis_connect begins an attempt */
void redis_connect(struct redis *r)
{
    int              rc = 0;
    char             port[16];
    struct conn     *c = mem_alloc(sizeof(*c));
    struct addrinfo  hints = { .ai_socktype = SOCK_STREAM };

    c->redis = r;
    c->reader = reply_reader();
    c->u.handle.data = c;
    c->connect.data = c;
    c->resolve.data = c;
    r->conn = c;

    redis_timer(r, REDIS_CONNECT_MS);

    if (r->target->path != NULL) {
        uv_pipe_init(r->loop, &c->u.pipe, 0);
        c->opened = true;
        uv_pipe_connect(&c->connect, &c->u.pipe, r->target->path, on_connect);
        return;
    }

    snprintf(port, sizeof(port), "%u", r->target->port);
    rc = uv_getaddrinfo(r->loop, &c->resolve, on_resolved, r->target->host,
                        port, &hints);
    c->resolving = rc == 0;
    if (rc != 0) {
        redis_lost(r, uv_strerror(rc));
    }
}
