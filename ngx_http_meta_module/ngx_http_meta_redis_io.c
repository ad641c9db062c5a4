
/*
 * Bytes to and from Redis: what waits leaves in one writev() per turn of the
 * event loop, replies go to the oldest operation sent.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "ngx_http_meta_redis.h"
#include "ngx_http_meta_stat.h"


#define NGX_HTTP_META_READ_SIZE  16384


static ngx_int_t ngx_http_meta_redis_parse(ngx_http_meta_redis_t *redis);
static ngx_int_t ngx_http_meta_redis_reply(ngx_http_meta_redis_t *redis);
static ngx_int_t ngx_http_meta_redis_exec(ngx_http_meta_redis_t *redis,
    ngx_http_meta_op_t *op, ngx_http_meta_reply_t *reply);
static void ngx_http_meta_redis_queued(ngx_http_meta_redis_t *redis,
    ngx_http_meta_op_t *op, ngx_http_meta_reply_t *reply);
static ngx_uint_t ngx_http_meta_redis_gather(ngx_http_meta_redis_t *redis,
    struct iovec *iovs, size_t *size);
static ssize_t ngx_http_meta_redis_send(ngx_connection_t *c,
    struct iovec *iovs, ngx_uint_t niov);
static void ngx_http_meta_redis_advance(ngx_http_meta_redis_t *redis,
    size_t n);
static void ngx_http_meta_reply_capture(ngx_http_meta_reply_t *reply,
    char *str, size_t len, ngx_uint_t element);
static void *ngx_http_meta_reply_string(const redisReadTask *task, char *str,
    size_t len);
static void *ngx_http_meta_reply_integer(const redisReadTask *task,
    long long value);
static void *ngx_http_meta_reply_nil(const redisReadTask *task);
static void ngx_http_meta_reply_free(void *reply);

#if (HIREDIS_MAJOR >= 1)
static void *ngx_http_meta_reply_array(const redisReadTask *task, size_t n);
#else
static void *ngx_http_meta_reply_array(const redisReadTask *task, int n);
#endif


/* every reply is read into the client's own, without an allocation */

static redisReplyObjectFunctions  ngx_http_meta_reply_functions = {
    .createString = ngx_http_meta_reply_string,
    .createArray = ngx_http_meta_reply_array,
    .createInteger = ngx_http_meta_reply_integer,
    .createNil = ngx_http_meta_reply_nil,
    .freeObject = ngx_http_meta_reply_free
};


ngx_int_t
ngx_http_meta_redis_reader(ngx_http_meta_redis_t *redis)
{
    redis->reader =
               redisReaderCreateWithFunctions(&ngx_http_meta_reply_functions);

    if (redis->reader == NULL) {
        return NGX_ERROR;
    }

    redis->reader->privdata = &redis->reply;
    redis->reply.type = 0;

    return NGX_OK;
}


void
ngx_http_meta_redis_read_handler(ngx_event_t *rev)
{
    u_char                  buf[NGX_HTTP_META_READ_SIZE];
    ssize_t                 n;
    ngx_connection_t       *c;
    ngx_http_meta_redis_t  *redis;

    c = rev->data;
    redis = c->data;

    if (c->close) {
        ngx_http_meta_redis_close(redis, NULL, 0);
        return;
    }

    do {
        n = c->recv(c, buf, NGX_HTTP_META_READ_SIZE);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_http_meta_redis_close(redis, "connection closed", 0);
            return;
        }

        if (redisReaderFeed(redis->reader, (char *) buf, n) != REDIS_OK
            || redis->reader->len > NGX_HTTP_META_MAX_REPLY)
        {
            ngx_http_meta_redis_close(redis, "an answer too long", 0);
            return;
        }

        if (ngx_http_meta_redis_parse(redis) != NGX_OK) {
            return;
        }

    } while (rev->ready);

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_meta_redis_close(redis, "event loop", 0);
        return;
    }

    if (redis->nops == 0) {
        c->idle = 1;

        if (ngx_exiting) {
            ngx_http_meta_redis_close(redis, NULL, 0);
        }
    }
}


/* anything but NGX_OK: the connection is closed */

static ngx_int_t
ngx_http_meta_redis_parse(ngx_http_meta_redis_t *redis)
{
    void              *reply;
    ngx_connection_t  *c;

    c = redis->connection;

    for ( ;; ) {

        reply = NULL;

        if (redisReaderGetReply(redis->reader, &reply) != REDIS_OK) {
            ngx_http_meta_redis_close(redis, "not Redis' protocol", 0);
            return NGX_ERROR;
        }

        if (reply == NULL) {
            return NGX_OK;
        }

        if (ngx_http_meta_redis_reply(redis) != NGX_OK) {
            return NGX_ERROR;
        }

        /* a handler may have closed it, and it may be another by now */

        if (redis->connection != c || redis->reader == NULL) {
            return NGX_ERROR;
        }

        if (redis->lost) {
            ngx_http_meta_redis_close(redis, "it refuses us", 0);
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_http_meta_redis_reply(ngx_http_meta_redis_t *redis)
{
    ngx_http_meta_op_t     *op;
    ngx_http_meta_reply_t   reply;

    reply = redis->reply;
    reply.text.data = reply.buf;

    redis->reply.type = 0;

    /* a whole reply: bytes of one that never ends are no sign of life */

    redis->heard = ngx_current_msec;

    op = ngx_http_meta_op_asked(redis);

    if (op == NULL) {
        ngx_http_meta_redis_refused(redis, "the connection", NULL, &reply);
        ngx_http_meta_redis_close(redis, "an answer that nobody asked for",
                                  0);
        return NGX_ERROR;
    }

    if (op->nreplies > 1
        && ngx_http_meta_redis_exec(redis, op, &reply) != NGX_OK)
    {
        return NGX_OK;
    }

    (void) ngx_http_meta_op_answered(redis);

    if (!op->handshake && !op->aside && reply.type != REDIS_REPLY_ERROR) {
        ngx_http_meta_redis_good(redis);
    }

    ngx_http_meta_stat_replied(op, &reply);
    ngx_http_meta_op_tell(op, &reply);
    ngx_http_meta_op_free(op);

    return NGX_OK;
}


/*
 * MULTI, RPUSH, ..., EXEC: one integer for each RPUSH is an ack, which the
 * handler sees as the greatest of them.  They are EXEC's, unless Redis refused
 * MULTI: each RPUSH has run alone then.  What was refused before EXEC is why
 * EXEC refused.  NGX_AGAIN: its reply is yet to come.
 */

static ngx_int_t
ngx_http_meta_redis_exec(ngx_http_meta_redis_t *redis, ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply)
{
    ngx_uint_t  npushes, nints, aborted, whole;

    if (++redis->nreplied < op->nreplies) {
        ngx_http_meta_redis_queued(redis, op, reply);
        return NGX_AGAIN;
    }

    npushes = op->nreplies - 2;
    nints = reply->nints;

    aborted = (reply->type == REDIS_REPLY_ERROR
               && reply->text.len == sizeof("EXECABORT") - 1
               && ngx_strncmp(reply->text.data, "EXECABORT", 9) == 0)
              || (redis->alone && nints == 0);

    whole = redis->alone || (reply->type == REDIS_REPLY_ARRAY
                             && reply->integer == (int64_t) npushes);

    if (redis->refusal.type) {
        *reply = redis->refusal;
        reply->text.data = reply->buf;

        /* again, it would double what some lists have */

        reply->final = (redis->alone && nints);

    } else if (whole && nints == npushes) {
        reply->type = REDIS_REPLY_INTEGER;
        reply->integer = reply->greatest;

    } else if (reply->type == REDIS_REPLY_INTEGER) {
        reply->type = REDIS_REPLY_NIL;
    }

    /* some lists may have theirs, if it was not the whole that was refused */

    if (reply->type != REDIS_REPLY_INTEGER && !aborted && !op->told) {
        ngx_http_meta_slot->unknown += op->nevents;
    }

    redis->nreplied = 0;
    redis->refusal.type = 0;

    return NGX_OK;
}


/* a reply before EXEC's; integers are collected as if they were EXEC's own */

static void
ngx_http_meta_redis_queued(ngx_http_meta_redis_t *redis,
    ngx_http_meta_op_t *op, ngx_http_meta_reply_t *reply)
{
    ngx_http_meta_reply_t  *all;

    all = &redis->reply;

    if (redis->nreplied == 1) {
        all->nints = 0;
        redis->alone = (reply->type == REDIS_REPLY_ERROR);

        if (redis->alone) {
            ngx_http_meta_redis_refused(redis, "MULTI for ", &op->list, reply);
        }

        return;
    }

    if (reply->type == REDIS_REPLY_ERROR && redis->refusal.type == 0) {
        redis->refusal = *reply;
    }

    if (reply->type == REDIS_REPLY_INTEGER
        && (all->nints++ == 0 || reply->integer > all->greatest))
    {
        all->greatest = reply->integer;
        all->place = redis->nreplied - 2;
    }
}


void
ngx_http_meta_redis_write_handler(ngx_event_t *wev)
{
    ngx_connection_t       *c;
    ngx_http_meta_redis_t  *redis;

    c = wev->data;
    redis = c->data;

    ngx_http_meta_redis_flush(redis);
}


void
ngx_http_meta_redis_flush(ngx_http_meta_redis_t *redis)
{
    size_t             size, written;
    ssize_t            n;
    ngx_err_t          err;
    ngx_uint_t         niov;
    ngx_connection_t  *c;
    struct iovec       iovs[NGX_HTTP_META_IOVS];

    c = redis->connection;
    written = 0;

    if (c == NULL || redis->state < NGX_HTTP_META_REDIS_HANDSHAKE) {
        return;
    }

    while (c->write->ready) {

        niov = ngx_http_meta_redis_gather(redis, iovs, &size);

        if (niov == 0 && !c->buffered) {
            break;
        }

        n = ngx_http_meta_redis_send(c, iovs, niov);

        if (n == -1) {
            err = ngx_socket_errno;

            if (err == NGX_EINTR) {
                continue;
            }

            if (err != NGX_EAGAIN) {
                ngx_http_meta_redis_close(redis, "sending failed", err);
                return;
            }

            n = 0;
        }

        ngx_log_debug3(NGX_LOG_DEBUG_HTTP, c->log, 0,
                       "http meta redis writev: %z of %uz in %ui",
                       n, size, niov);

        ngx_http_meta_redis_advance(redis, n);

        /* TLS says itself when it has to wait, but not for what */

        if (c->buffered) {
            if (n == 0) {
                break;
            }

        } else if ((size_t) n < size && !redis->target->tls) {
            c->write->ready = 0;
            break;
        }

        written += n;

        if (written >= NGX_HTTP_META_MAX_WRITE) {
            ngx_post_event(&redis->flush, &ngx_posted_next_events);
            break;
        }
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_http_meta_redis_close(redis, "event loop", 0);
    }
}


static ssize_t
ngx_http_meta_redis_send(ngx_connection_t *c, struct iovec *iovs,
    ngx_uint_t niov)
{
#if (NGX_SSL)
    if (c->ssl) {
        return ngx_http_meta_redis_ssl_send(c, iovs, niov);
    }
#endif

    return writev(c->fd, iovs, niov);
}


static ngx_uint_t
ngx_http_meta_redis_gather(ngx_http_meta_redis_t *redis, struct iovec *iovs,
    size_t *size)
{
    ngx_uint_t           i, n;
    ngx_queue_t         *q;
    ngx_http_meta_op_t  *op;

    n = 0;
    *size = 0;

    for (q = ngx_queue_head(&redis->out);
         q != ngx_queue_sentinel(&redis->out);
         q = ngx_queue_next(q))
    {
        op = ngx_queue_data(q, ngx_http_meta_op_t, queue);

        if (redis->state == NGX_HTTP_META_REDIS_HANDSHAKE && !op->handshake) {
            break;
        }

        for (i = op->next; i < op->niov; i++) {
            if (n == NGX_HTTP_META_IOVS
                || *size >= NGX_HTTP_META_MAX_WRITE)
            {
                return n;
            }

            iovs[n] = op->iov[i];

            if (i == op->next) {
                iovs[n].iov_base = (u_char *) iovs[n].iov_base + op->offset;
                iovs[n].iov_len -= op->offset;
            }

            *size += iovs[n++].iov_len;
        }
    }

    return n;
}


static void
ngx_http_meta_redis_advance(ngx_http_meta_redis_t *redis, size_t n)
{
    size_t               left;
    ngx_queue_t         *q;
    ngx_http_meta_op_t  *op;

    while (n) {
        q = ngx_queue_head(&redis->out);
        op = ngx_queue_data(q, ngx_http_meta_op_t, queue);

        op->started = 1;

        while (op->next < op->niov) {
            left = op->iov[op->next].iov_len - op->offset;

            if (n < left) {
                op->offset += n;
                return;
            }

            n -= left;
            op->offset = 0;
            op->next++;
        }

        op->written = 1;

        if (op->secret) {
            ngx_http_meta_op_wipe(op);
        }

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&redis->sent, q);
    }
}


static void *
ngx_http_meta_reply_string(const redisReadTask *task, char *str, size_t len)
{
    size_t                  i;
    ngx_http_meta_reply_t  *reply = task->privdata;

    if (task->type == REDIS_REPLY_STRING) {
        ngx_http_meta_reply_capture(reply, str, len, task->parent != NULL);
    }

    if (task->parent) {
        if (task->type != REDIS_REPLY_ERROR
            || reply->type == REDIS_REPLY_ERROR)
        {
            return reply;
        }
    }

    reply->type = task->type;

    /* an error's further words may quote the command, and so a message */

    for (i = 0; i < len && i < sizeof(reply->buf); i++) {
        if ((str[i] < 'A' || str[i] > 'Z') && str[i] != '_') {
            break;
        }

        reply->buf[i] = str[i];
    }

    reply->text.len = i;

    return reply;
}


/*
 * A line for each string, for the op that is answered if it wants them; what
 * stands in one of several begins no line of its own.
 */

static void
ngx_http_meta_reply_capture(ngx_http_meta_reply_t *reply, char *str,
    size_t len, ngx_uint_t element)
{
    u_char                 *p, *lf;
    ngx_queue_t            *q;
    ngx_http_meta_op_t     *op;
    ngx_http_meta_redis_t  *redis;

    redis = (ngx_http_meta_redis_t *)
                ((u_char *) reply - offsetof(ngx_http_meta_redis_t, reply));

    if (ngx_queue_empty(&redis->sent)) {
        return;
    }

    q = ngx_queue_head(&redis->sent);
    op = ngx_queue_data(q, ngx_http_meta_op_t, queue);

    if (op->text.len == op->text_max) {
        return;
    }

    len = ngx_min(len, op->text_max - op->text.len - 1);

    lf = op->text.data + op->text.len;
    p = ngx_cpymem(lf, str, len);

    if (element) {
        while ((lf = ngx_strlchr(lf, p, LF)) != NULL) {
            *lf = ' ';
        }
    }

    *p++ = LF;

    op->text.len = p - op->text.data;
}


#if (HIREDIS_MAJOR >= 1)
static void *
ngx_http_meta_reply_array(const redisReadTask *task, size_t n)
#else
static void *
ngx_http_meta_reply_array(const redisReadTask *task, int n)
#endif
{
    ngx_http_meta_reply_t  *reply = task->privdata;

    if (task->parent == NULL) {
        reply->type = REDIS_REPLY_ARRAY;
        reply->integer = n;
        reply->nints = 0;

    } else if (task->parent->parent) {

        /* nothing that is asked has such an answer; hiredis 1.x takes them */

        return NULL;
    }

    return reply;
}


static void *
ngx_http_meta_reply_integer(const redisReadTask *task, long long value)
{
    ngx_http_meta_reply_t  *reply = task->privdata;

    if (task->parent == NULL) {
        reply->type = REDIS_REPLY_INTEGER;
        reply->integer = value;

    } else if (task->parent->parent == NULL) {

        if (reply->nints++ == 0 || value > reply->greatest) {
            reply->greatest = value;
            reply->place = task->idx;
        }
    }

    return reply;
}


static void *
ngx_http_meta_reply_nil(const redisReadTask *task)
{
    ngx_http_meta_reply_t  *reply = task->privdata;

    if (task->parent == NULL) {
        reply->type = REDIS_REPLY_NIL;
    }

    return reply;
}


static void
ngx_http_meta_reply_free(void *reply)
{
    /* nothing was allocated */
}
