/* A Redis connection on the loop: pipelined commands, deadlines, and coming
   again by itself.  hiredis only reads replies: its own event layer has no
   deadlines and loses refused connections. */

#include "redis_own.h"
#include "log.h"
#include "stats.h"
#include "tls.h"
#include "meta/meta_redis.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <hiredis/hiredis.h>
#include <sys/socket.h>


#define REDIS_ARGS_MAX   2100
#define REDIS_LINGER_MS  100


struct chunk {
    uv_write_t   write;
    char        *at;
};


static void on_timer(uv_timer_t *timer);
static void on_flush(uv_idle_t *flush);


/* takes the calls away before it tells them, for they may send anew */
static void redis_fail_calls(struct redis *r)
{
    struct call  *c, *next;

    c = r->first;
    r->first = NULL;
    r->last = &r->first;

    for ( /* void */ ; c != NULL; c = next) {
        next = c->next;
        if (c->cb != NULL) {
            c->cb(c->data, NULL);
        }
        free(c);
    }
}


/* one deadline, that of the oldest call: replies come in order */
static void redis_watch(struct redis *r)
{
    uint64_t  now = uv_now(r->loop);

    if (r->first == NULL) {
        uv_timer_stop(&r->timer);
        return;
    }

    uv_timer_start(&r->timer, on_timer,
                   r->first->due > now ? r->first->due - now : 0, 0);
}


/* redis_push: user is r, or one of those that share it */
int redis_push(struct redis *r, struct redis *user,
    const struct str *argv, size_t argc, unsigned ms, redis_cb cb, void *data)
{
    size_t          i, size;
    meta_str_t      args[REDIS_ARGS_MAX];
    struct call    *c;
    unsigned char  *end;

    if (argc > REDIS_ARGS_MAX) {
        return -1;
    }

    for (i = 0; i < argc; i++) {
        args[i].data = (const unsigned char *) argv[i].at;
        args[i].len = argv[i].len;
    }

    size = meta_redis_command_size(args, argc);
    if (size > REDIS_OUT_MAX - r->out.len) {
        return -1;
    }

    if (size > r->out.cap - r->out.len) {
        r->out.cap = r->out.len + size + r->out.cap / 2;
        r->out.at = mem_grow(r->out.at, r->out.cap);
    }

    end = meta_redis_command((unsigned char *) r->out.at + r->out.len, args,
                             argc);
    r->out.len = (char *) end - r->out.at;

    c = mem_alloc(sizeof(*c));
    c->user = user;
    c->cb = cb;
    c->data = data;
    c->due = uv_now(r->loop) + ms;
    c->sent = r->quiet ? 0 : uv_hrtime();       /* who is quiet waits */
    stat_add(STAT_REDIS_COMMANDS, 1);
    *r->last = c;
    r->last = &c->next;

    if (r->first == c) {
        redis_watch(r);
    }

    uv_idle_start(&r->flush, on_flush);

    return 0;
}


static void on_written(uv_write_t *write, int status)
{
    struct chunk  *chunk = (struct chunk *) write;

    (void) status;      /* a broken pipe is also read */
    free(chunk->at);
    free(chunk);
}


/* redis_write sends all of b, and leaves it empty */
void redis_write(struct redis *r, struct buf *b)
{
    int            n;
    uv_buf_t       bytes;
    struct chunk  *chunk;

    bytes = uv_buf_init(b->at, b->len);
    n = uv_try_write(&r->conn->u.stream, &bytes, 1);

    if (n == (int) b->len) {
        b->len = 0;
        return;
    }

    if (n < 0 && n != UV_EAGAIN) {
        redis_lost(r, uv_strerror(n));
        return;
    }

    chunk = mem_alloc(sizeof(*chunk));
    chunk->at = b->at;
    bytes = uv_buf_init(b->at + (n > 0 ? n : 0), b->len - (n > 0 ? n : 0));
    buf_init(b, b->max);

    n = uv_write(&chunk->write, &r->conn->u.stream, &bytes, 1, on_written);
    if (n < 0) {
        on_written(&chunk->write, n);
        redis_lost(r, uv_strerror(n));
    }
}


/* all commands of one turn of the loop leave in one write; what the log says of
   them stands there before Redis has them, for who is killed between the two
   says nothing any more */
static void on_flush(uv_idle_t *flush)
{
    struct redis  *r = flush->data;

    uv_idle_stop(flush);

    if (r->out.len == 0 || r->conn == NULL) {
        return;
    }

    log_flush();

    if (r->conn->tls != NULL) {
        redis_seal(r);
    } else {
        redis_write(r, &r->out);
    }
}


/* redis_lost: the one way from a connection to none: detaches, tells, comes
   again */
void redis_lost(struct redis *r, const char *why)
{
    bool      was_up = r->up;
    unsigned  delay;

    if (r->conn == NULL) {
        return;
    }

    if (was_up) {
        stat_add(STAT_REDIS_UP, -1);
        stat_add(STAT_REDIS_LOST, 1);
    }

    redis_conn_close(r->conn);
    r->conn = NULL;
    r->up = false;
    r->out.len = 0;
    r->sealed.len = 0;
    uv_idle_stop(&r->flush);

    delay = redis_delay(r, was_up, why);
    redis_timer(r, delay);

    redis_fail_calls(r);
    if (was_up) {
        if (r->on_down != NULL) {
            r->on_down(r->data);
        }
        redis_users_down(r);
    }
}


static void on_timer(uv_timer_t *timer)
{
    struct redis  *r = timer->data;

    if (r->conn == NULL) {
        redis_connect(r);

    } else {
        redis_lost(r, r->up ? "no reply in time"
                   : r->conn->tls != NULL && !tls_open(r->conn->tls)
                   ? "TLS handshake timed out" : "no connection in time");
    }
}


/* redis_timer: after ms the next attempt begins, or this one is over */
void redis_timer(struct redis *r, unsigned ms)
{
    uv_timer_start(&r->timer, on_timer, ms, 0);
}


static void redis_replied(struct redis *r, struct reply *reply)
{
    char          code[REPLY_WHY_MAX];
    struct call  *c = r->first;

    if (c == NULL) {
        freeReplyObject(reply);
        redis_lost(r, "a reply that nobody asked for");
        return;
    }

    r->first = c->next;
    if (r->first == NULL) {
        r->last = &r->first;
    }

    redis_watch(r);
    redis_heard(r, reply);

    if (c->sent) {
        stat_time(TIME_REDIS, (uv_hrtime() - c->sent) / 1e6);
    }

    if (reply_type(reply) == REPLY_ERROR) {
        stat_add(STAT_REDIS_ERRORS, 1);
    }

    if (c->cb != NULL) {
        if (c->user != r) {
            redis_heard(c->user, reply);
        }
        c->cb(c->data, reply);
    }

    /* the address may lead to another one by now */
    if (reply_error(reply, "READONLY")) {
        r->replica = true;
        redis_lost(r, reply_why(code, reply));
    }

    free(c);
    freeReplyObject(reply);
}


static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *bytes)
{
    struct conn  *c = handle->data;

    (void) size;

    if (c->redis == NULL) {
        *bytes = uv_buf_init(NULL, 0);
        return;
    }

    *bytes = uv_buf_init(c->redis->in, REDIS_IN_MAX);
}


/* redis_read takes n bytes of replies; a callback may drop the connection:
   c->redis is asked anew each time */
void redis_read(struct conn *c, const char *at, size_t n)
{
    void  *reply;

    c->unread += n;

    if (redisReaderFeed(c->reader, at, n) != REDIS_OK) {
        redis_lost(c->redis, "no memory for the reply");
        return;
    }

    while (c->redis != NULL) {
        reply = NULL;
        if (redisReaderGetReply(c->reader, &reply) != REDIS_OK) {
            redis_lost(c->redis, c->reader->err == REDIS_ERR_OOM
                       ? "a reply of more than 100000 elements"
                       : "no Redis protocol");
            return;
        }

        if (reply == NULL) {
            if (c->unread > REDIS_REPLY_MAX) {
                redis_lost(c->redis, "a reply over 48 MB");
            }
            return;
        }

        c->unread = 0;
        redis_replied(c->redis, reply);
    }
}


static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    struct conn  *c = stream->data;

    if (c->redis == NULL || n == 0) {
        return;
    }

    if (n < 0) {
        redis_lost(c->redis, n == UV_EOF ? "closed by Redis"
                             : uv_strerror((int) n));

    } else if (c->tls != NULL) {
        redis_unseal(c, bytes->base, n);

    } else {
        redis_read(c, bytes->base, n);
    }
}


/* redis_listen: whatever comes is read from now on */
int redis_listen(struct conn *c)
{
    return uv_read_start(&c->u.stream, on_alloc, on_read);
}


/* its name and where it is, as log lines say it */
static char *redis_name(const char *name, const struct redis_target *t)
{
    struct buf  b;

    buf_init(&b, 1024);
    buf_text(&b, name != NULL ? name : "");
    buf_text(&b, name != NULL ? " (" : "");
    redis_where(&b, t);
    buf_text(&b, name != NULL ? ")" : "");
    buf_add(&b, "", 1);

    return b.at;
}


/* redis_new makes a client that connects as soon as the loop runs */
struct redis *redis_new(uv_loop_t *loop, const struct redis_target *target,
    const char *name, redis_state_cb on_up, redis_state_cb on_down, void *data)
{
    struct redis  *r = mem_alloc(sizeof(*r));

    r->loop = loop;
    r->target = target;
    r->name = redis_name(name, target);
    r->on_up = on_up;
    r->on_down = on_down;
    r->data = data;
    r->last = &r->first;
    r->in = mem_alloc(REDIS_IN_MAX);
    buf_init(&r->out, REDIS_OUT_MAX);
    buf_init(&r->sealed, REDIS_OUT_MAX + REDIS_OUT_MAX / 64);

    uv_timer_init(loop, &r->timer);
    uv_idle_init(loop, &r->flush);
    r->timer.data = r;
    r->flush.data = r;
    r->handles = 2;

    redis_timer(r, 0);

    return r;
}


/* redis_quiet: its comings and goings are logged at debug level only */
void redis_quiet(struct redis *r)
{
    r->quiet = true;
}


/* redis_up says whether commands may be sent */
bool redis_up(const struct redis *r)
{
    return r != NULL && r->up && (r->on == NULL || r->on->up);
}


/* redis_send queues a command for this turn's write */
int redis_send(struct redis *r, const struct str *argv, size_t argc,
    unsigned ms, redis_cb cb, void *data)
{
    if (!redis_up(r)) {
        return -1;
    }

    return redis_push(r->on != NULL ? r->on : r, r, argv, argc, ms, cb, data);
}


/* redis_flush writes at once what would be written in this turn of the loop */
void redis_flush(struct redis *r)
{
    r = r->on != NULL ? r->on : r;

    if (r->up && r->out.len) {
        on_flush(&r->flush);
    }
}


/* redis_drop closes and connects anew */
void redis_drop(struct redis *r, const char *why)
{
    if (r->on != NULL) {
        redis_user_drop(r, why);
    } else {
        redis_lost(r, why);
    }
}


/* redis_on_closed: the last handle takes all with it */
void redis_on_closed(uv_handle_t *handle)
{
    struct redis  *r = handle->data;

    if (--r->handles == 0) {
        buf_free(&r->out);
        buf_free(&r->sealed);
        free(r->in);
        free(r->name);
        free(r);
    }
}


/* a lingering close, as nginx's, but not for long: Redis drops a connection
   whose peer is gone when it answers, and with it what it had not read by
   then, such as the lease that is given back */
static void redis_linger(struct redis *r)
{
    int            fd;
    char           drop[4096];
    uint64_t       until = uv_hrtime() / 1000000 + REDIS_LINGER_MS, now;
    struct pollfd  in = { .events = POLLIN };

    if (r->first == NULL || uv_fileno(&r->conn->u.handle, &fd) != 0
        || shutdown(fd, SHUT_WR) != 0)
    {
        return;
    }

    in.fd = fd;

    while ((now = uv_hrtime() / 1000000) < until
           && poll(&in, 1, (int) (until - now)) == 1
           && read(fd, drop, sizeof(drop)) > 0)
    {
        /* replies that nobody waits for */
    }
}


/* redis_free ends it; what is pending gets its NULL */
void redis_free(struct redis *r)
{
    if (r == NULL) {
        return;
    }

    if (r->on != NULL) {
        redis_user_free(r);
        return;
    }

    if (r->up) {
        redis_linger(r);
    }

    if (r->conn != NULL) {
        redis_conn_close(r->conn);
        r->conn = NULL;
    }

    stat_add(STAT_REDIS_UP, r->up ? -1 : 0);
    r->up = false;
    r->on_down = NULL;
    redis_fail_calls(r);

    uv_close((uv_handle_t *) &r->timer, redis_on_closed);
    uv_close((uv_handle_t *) &r->flush, redis_on_closed);
}
