
/*
 * An operation: the bytes of one Redis command, and who waits for its reply.
 * It lives outside any request's pool, because its reply may come later.
 * Its three exits are here: a reply, a deadline, an owner that is gone.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "meta/meta_redis.h"
#include "ngx_http_meta_redis.h"
#include "ngx_http_meta_stat.h"


static size_t ngx_http_meta_op_room(ngx_http_meta_op_t *op);
static void ngx_http_meta_op_timer(ngx_http_meta_op_t *op);
static void ngx_http_meta_op_remove(ngx_http_meta_op_t *op);
static void ngx_http_meta_op_expire(ngx_http_meta_op_t *op);
static void ngx_http_meta_op_late(ngx_http_meta_op_t *op);


ngx_http_meta_op_t *
ngx_http_meta_op_create(ngx_http_meta_redis_t *redis, ngx_uint_t niov,
    size_t room)
{
    size_t               size;
    ngx_uint_t           spare;
    ngx_http_meta_op_t  *op;

    size = sizeof(ngx_http_meta_op_t) + niov * sizeof(struct iovec) + room;

    /* most commands are short ones: their blocks go round */

    spare = (size <= NGX_HTTP_META_SPARE);

    if (spare && redis->spares) {
        op = (ngx_http_meta_op_t *) redis->spares;
        redis->spares = redis->spares->next;
        redis->nspares--;

    } else {
        op = ngx_alloc(spare ? NGX_HTTP_META_SPARE : size, ngx_cycle->log);
        if (op == NULL) {
            return NULL;
        }
    }

    ngx_memzero(op, sizeof(ngx_http_meta_op_t));

    op->redis = redis;
    op->spare = spare;
    op->nreplies = 1;
    op->iov = (struct iovec *) (op + 1);
    op->room = (u_char *) (op->iov + niov);

    return op;
}


ngx_http_meta_op_t *
ngx_http_meta_op_command(ngx_http_meta_redis_t *redis,
    const meta_str_t *argv, ngx_uint_t argc)
{
    size_t               size;
    ngx_http_meta_op_t  *op;

    size = meta_redis_command_size(argv, argc);

    op = ngx_http_meta_op_create(redis, 1, size);
    if (op == NULL) {
        return NULL;
    }

    (void) meta_redis_command(op->room, argv, argc);

    op->iov[0].iov_base = op->room;
    op->iov[0].iov_len = size;
    op->niov = 1;
    op->size = size;

    return op;
}


/* a question beside the pushes; room is for the strings of its answer */

ngx_int_t
ngx_http_meta_op_aside(ngx_http_meta_op_t *op, size_t room)
{
    op->text.data = ngx_http_meta_op_chunk(op, room);
    if (op->text.data == NULL) {
        return NGX_ERROR;
    }

    op->text_max = room;
    op->aside = 1;
    op->unhurried = 1;

    return ngx_http_meta_redis_submit(op, 0);
}


u_char *
ngx_http_meta_op_chunk(ngx_http_meta_op_t *op, size_t room)
{
    ngx_http_meta_chunk_t  *chunk;

    chunk = ngx_alloc(sizeof(ngx_http_meta_chunk_t) + room, ngx_cycle->log);
    if (chunk == NULL) {
        return NULL;
    }

    chunk->next = op->chunks;
    op->chunks = chunk;

    return (u_char *) (chunk + 1);
}


/*
 * Copies the command if not all of it is written, so that its owner's memory
 * may go.  All of it: the handler may want to push it again.
 */

ngx_int_t
ngx_http_meta_op_own(ngx_http_meta_op_t *op)
{
    u_char      *start;
    ngx_uint_t   i;

    if (!op->borrowed || op->written) {
        return NGX_OK;
    }

    start = ngx_http_meta_op_chunk(op, op->size);
    if (start == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_http_meta_op_copy(op, start);

    for (i = 0; i < op->next; i++) {
        op->offset += op->iov[i].iov_len;
    }

    op->iov[0].iov_base = start;
    op->iov[0].iov_len = op->size;
    op->next = 0;
    op->niov = 1;
    op->borrowed = 0;

    return NGX_OK;
}


/* the whole command, op->size bytes, to dst; answers what is behind them */

u_char *
ngx_http_meta_op_copy(ngx_http_meta_op_t *op, u_char *dst)
{
    ngx_uint_t  i;

    for (i = 0; i < op->niov; i++) {
        dst = ngx_cpymem(dst, op->iov[i].iov_base, op->iov[i].iov_len);
    }

    return dst;
}


/* what a core file must not hold; of its own memory, never of its owner's */

void
ngx_http_meta_op_wipe(ngx_http_meta_op_t *op)
{
    ngx_uint_t  i;

    for (i = 0; !op->borrowed && i < op->niov; i++) {
        ngx_explicit_memzero(op->iov[i].iov_base, op->iov[i].iov_len);
    }
}


void
ngx_http_meta_op_tell(ngx_http_meta_op_t *op, ngx_http_meta_reply_t *reply)
{
    if (op->told) {
        return;
    }

    op->told = 1;

    if (reply == NULL && op->started) {
        ngx_http_meta_slot->unknown += op->nevents;
    }

    op->handler(op, reply);
}


void
ngx_http_meta_op_free(ngx_http_meta_op_t *op)
{
    ngx_http_meta_chunk_t  *chunk, *next;
    ngx_http_meta_redis_t  *redis;

    if (op->secret) {
        ngx_http_meta_op_wipe(op);
    }

    for (chunk = op->chunks; chunk; chunk = next) {
        next = chunk->next;
        ngx_free(chunk);
    }

    if (op->is_due) {
        ngx_queue_remove(&op->due);
    }

    redis = op->redis;

    if (op->spare && redis->nspares < NGX_HTTP_META_MAX_SPARES) {
        chunk = (ngx_http_meta_chunk_t *) op;
        chunk->next = redis->spares;
        redis->spares = chunk;
        redis->nspares++;
        return;
    }

    ngx_free(op);
}


ngx_int_t
ngx_http_meta_redis_submit(ngx_http_meta_op_t *op, ngx_msec_t timeout)
{
    size_t                  room;
    ngx_http_meta_redis_t  *redis;

    redis = op->redis;

    if (redis->nops >= NGX_HTTP_META_MAX_OPS
        || redis->bytes + op->size > NGX_HTTP_META_MAX_BYTES)
    {
        ngx_http_meta_redis_slow(redis, "has too much unanswered:",
                                 redis->nops, " pushes");
        return NGX_BUSY;
    }

    /* a ceiling of its own: who asks takes no push's place */

    room = ngx_http_meta_op_room(op);

    if (room && redis->room + room > NGX_HTTP_META_MAX_ROOM) {
        ngx_http_meta_redis_slow(redis, "owes answers to too many questions:",
                                 redis->room / 1024, " KB are kept for them");
        return NGX_BUSY;
    }

    if (redis->state == NGX_HTTP_META_REDIS_DOWN) {

        if (redis->reconnect.timer_set) {
            return NGX_DECLINED;
        }

        ngx_http_meta_redis_connect(redis);

        if (redis->state == NGX_HTTP_META_REDIS_DOWN) {
            return NGX_DECLINED;
        }
    }

    ngx_http_meta_op_wait(op, timeout);

    if (redis->state == NGX_HTTP_META_REDIS_READY) {
        redis->connection->idle = 0;
        ngx_post_event(&redis->flush, &ngx_posted_events);
    }

    return NGX_OK;
}


/* kept for the answer to a request; what we ask ourselves is little and few */

static size_t
ngx_http_meta_op_room(ngx_http_meta_op_t *op)
{
    return op->unhurried ? 0 : op->text_max;
}


/* how long Redis may take for a command: large ones have more time */

ngx_msec_t
ngx_http_meta_op_patience(ngx_msec_t timeout, size_t size)
{
    if (size > NGX_HTTP_META_TIMED) {
        timeout += (ngx_msec_t) (timeout * (uint64_t) size
                                 / NGX_HTTP_META_TIMED);
    }

    return timeout;
}


/* into the queue: what greets a new connection goes before all others */

void
ngx_http_meta_op_wait(ngx_http_meta_op_t *op, ngx_msec_t timeout)
{
    ngx_http_meta_redis_t  *redis;

    redis = op->redis;

    op->start = ngx_current_msec;
    op->timeout = timeout;
    op->deadline = ngx_current_msec + timeout;

    if (op->handshake) {
        ngx_queue_insert_head(&redis->out, &op->queue);

    } else {
        ngx_queue_insert_tail(&redis->out, &op->queue);
    }

    redis->nops++;
    redis->nvital += op->vital;
    redis->bytes += op->size;
    redis->room += ngx_http_meta_op_room(op);

    ngx_http_meta_slot->unanswered += op->nevents;

    if (!op->unhurried) {
        ngx_http_meta_op_timer(op);
    }
}


/*
 * One timer for all: a timer for each op would cost more than the signature
 * of a short body saves.  It may fire early, and then finds nothing due.
 */

static void
ngx_http_meta_op_timer(ngx_http_meta_op_t *op)
{
    ngx_msec_int_t          left;
    ngx_http_meta_redis_t  *redis;

    redis = op->redis;

    /* a worker that shuts down waits for vital ones only */

    redis->timer.cancelable = (redis->nvital == 0);

    if (redis->timer.timer_set) {
        left = (ngx_msec_int_t) (op->deadline - redis->timer.timer.key);

        if (left >= 0) {
            return;
        }

        ngx_del_timer(&redis->timer);
    }

    left = (ngx_msec_int_t) (op->deadline - ngx_current_msec);

    ngx_add_timer(&redis->timer, left > 0 ? left : 0);
}


void
ngx_http_meta_redis_abandon(ngx_http_meta_op_t *op)
{
    op->data = NULL;

    if (ngx_http_meta_op_own(op) != NGX_OK) {

        /* half a command cannot be taken back, its connection can */

        op->told = 1;
        ngx_http_meta_redis_close(op->redis, "no memory", 0);
    }
}


/*
 * What the next reply belongs to: the oldest one sent, or a MULTI that is
 * still being written and whose first commands were read; or NULL.
 */

ngx_http_meta_op_t *
ngx_http_meta_op_asked(ngx_http_meta_redis_t *redis)
{
    ngx_queue_t         *q;
    ngx_http_meta_op_t  *op;

    if (!ngx_queue_empty(&redis->sent)) {
        q = ngx_queue_head(&redis->sent);
        return ngx_queue_data(q, ngx_http_meta_op_t, queue);
    }

    if (ngx_queue_empty(&redis->out)) {
        return NULL;
    }

    q = ngx_queue_head(&redis->out);
    op = ngx_queue_data(q, ngx_http_meta_op_t, queue);

    return (op->started && redis->nreplied + 1 < op->nreplies) ? op : NULL;
}


/* takes the oldest one sent off its queue; or NULL */

ngx_http_meta_op_t *
ngx_http_meta_op_answered(ngx_http_meta_redis_t *redis)
{
    ngx_queue_t         *q;
    ngx_http_meta_op_t  *op;

    if (ngx_queue_empty(&redis->sent)) {
        return NULL;
    }

    q = ngx_queue_head(&redis->sent);
    op = ngx_queue_data(q, ngx_http_meta_op_t, queue);

    ngx_http_meta_op_remove(op);

    return op;
}


static void
ngx_http_meta_op_remove(ngx_http_meta_op_t *op)
{
    ngx_http_meta_redis_t  *redis;

    redis = op->redis;

    ngx_queue_remove(&op->queue);

    redis->nops--;
    redis->nvital -= op->vital;
    redis->bytes -= op->size;
    redis->room -= ngx_http_meta_op_room(op);

    ngx_http_meta_slot->unanswered -= op->nevents;

    redis->timer.cancelable = (redis->nvital == 0);

    /* an owner that dies from here on finds nothing to save */

    op->written = 1;
}


/*
 * Ops of which Redis saw a byte are lost with the connection; the others wait
 * for the next one, unless all are to go.  Their handlers may submit anew.
 */

void
ngx_http_meta_op_drop(ngx_http_meta_redis_t *redis, ngx_uint_t all)
{
    ngx_queue_t          gone, *q, *next;
    ngx_http_meta_op_t  *op;

    ngx_queue_init(&gone);

    while ((op = ngx_http_meta_op_answered(redis)) != NULL) {
        ngx_queue_insert_tail(&gone, &op->queue);
    }

    for (q = ngx_queue_head(&redis->out);
         q != ngx_queue_sentinel(&redis->out);
         q = next)
    {
        next = ngx_queue_next(q);
        op = ngx_queue_data(q, ngx_http_meta_op_t, queue);

        if (all || op->started || op->handshake || op->unhurried) {
            ngx_http_meta_op_remove(op);
            ngx_queue_insert_tail(&gone, &op->queue);
        }
    }

    while (!ngx_queue_empty(&gone)) {
        q = ngx_queue_head(&gone);
        op = ngx_queue_data(q, ngx_http_meta_op_t, queue);

        ngx_queue_remove(q);

        ngx_http_meta_op_tell(op, NULL);
        ngx_http_meta_op_free(op);
    }
}


/* at the worker's end: nobody is told, the requests are gone too */

void
ngx_http_meta_op_free_all(ngx_http_meta_redis_t *redis)
{
    ngx_queue_t            *q;
    ngx_http_meta_op_t     *op;
    ngx_http_meta_chunk_t  *chunk;

    while ((op = ngx_http_meta_op_answered(redis)) != NULL) {
        ngx_http_meta_slot->unknown += op->told ? 0 : op->nevents;
        ngx_http_meta_op_free(op);
    }

    while (!ngx_queue_empty(&redis->out)) {
        q = ngx_queue_head(&redis->out);
        op = ngx_queue_data(q, ngx_http_meta_op_t, queue);

        ngx_http_meta_op_remove(op);
        ngx_http_meta_op_free(op);
    }

    while (redis->spares) {
        chunk = redis->spares;
        redis->spares = chunk->next;
        ngx_free(chunk);
    }

    redis->nspares = 0;
}


void
ngx_http_meta_op_timer_handler(ngx_event_t *ev)
{
    ngx_uint_t              i;
    ngx_queue_t             due, *q, *queues[2];
    ngx_connection_t       *dumb;
    ngx_http_meta_op_t     *op, *first;
    ngx_http_meta_redis_t  *redis;

    dumb = ev->data;
    redis = dumb->data;

    ngx_queue_init(&due);

    queues[0] = &redis->sent;
    queues[1] = &redis->out;

    first = NULL;
    redis->patience = 0;

    for (i = 0; i < 2; i++) {
        for (q = ngx_queue_head(queues[i]);
             q != ngx_queue_sentinel(queues[i]);
             q = ngx_queue_next(q))
        {
            op = ngx_queue_data(q, ngx_http_meta_op_t, queue);

            if (op->unhurried) {
                continue;
            }

            redis->patience = ngx_max(redis->patience, op->timeout);

            if ((ngx_msec_int_t) (op->deadline - ngx_current_msec) <= 0) {
                ngx_queue_insert_tail(&due, &op->due);
                op->is_due = 1;

            } else if (first == NULL
                       || (ngx_msec_int_t) (op->deadline - first->deadline)
                          < 0)
            {
                first = op;
            }
        }
    }

    if (first) {
        ngx_http_meta_op_timer(first);
    }

    /* whoever is told may end others, which then leave the queue of the due */

    while (!ngx_queue_empty(&due)) {
        q = ngx_queue_head(&due);
        op = ngx_queue_data(q, ngx_http_meta_op_t, due);

        ngx_queue_remove(q);
        op->is_due = 0;

        ngx_http_meta_op_expire(op);
    }
}


static void
ngx_http_meta_op_expire(ngx_http_meta_op_t *op)
{
    ngx_http_meta_redis_t  *redis;

    redis = op->redis;

    if (op->handshake) {
        ngx_http_meta_redis_close(redis, "no answer to AUTH or SELECT", 0);
        return;
    }

    if (op->told) {
        ngx_http_meta_op_late(op);
        return;
    }

    ngx_http_meta_redis_slow(redis, "took longer than", op->timeout, "ms");

    if (!op->started) {
        ngx_http_meta_op_remove(op);
        ngx_http_meta_op_tell(op, NULL);
        ngx_http_meta_op_free(op);
        return;
    }

    /* its reply is still to be read, or no later one could be told apart */

    redis->nvital -= op->vital;
    op->vital = 0;

    op->deadline = ngx_current_msec + op->timeout;
    ngx_http_meta_op_timer(op);

    if (ngx_http_meta_op_own(op) != NGX_OK) {
        ngx_http_meta_redis_close(redis, "no memory", 0);
        return;
    }

    ngx_http_meta_op_tell(op, NULL);
}


static void
ngx_http_meta_op_late(ngx_http_meta_op_t *op)
{
    ngx_msec_t              silent;
    ngx_http_meta_redis_t  *redis;

    redis = op->redis;
    silent = ngx_current_msec - ngx_max(redis->heard, op->start);

    /* others on this connection may have been given more time */

    if (silent >= 2 * redis->patience) {
        ngx_http_meta_redis_close(redis, "it does not answer", 0);
        return;
    }

    op->deadline = ngx_current_msec + 2 * redis->patience - silent;
    ngx_http_meta_op_timer(op);
}


/*
 * Whether Redis will never take that command: whatever else it says is about
 * itself, and passes.
 */

ngx_uint_t
ngx_http_meta_reply_is_final(ngx_http_meta_reply_t *reply)
{
    ngx_uint_t  i;

    static ngx_str_t  words[] = {
        ngx_string("WRONGTYPE"),
        ngx_string("CROSSSLOT"),
        ngx_string("ERR")
    };

    if (reply->final || reply->type != REDIS_REPLY_ERROR) {
        return reply->final;
    }

    for (i = 0; i < sizeof(words) / sizeof(ngx_str_t); i++) {
        if (reply->text.len == words[i].len
            && ngx_memcmp(reply->text.data, words[i].data, words[i].len) == 0)
        {
            return 1;
        }
    }

    return 0;
}
