
/*
 * The Redis connection of a worker: when it is dialled, what it asks first,
 * and the one funnel through which it ends.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "ngx_http_meta_redis.h"


static void ngx_http_meta_redis_resolve(ngx_http_meta_redis_t *redis);
static void ngx_http_meta_redis_resolved(ngx_resolver_ctx_t *ctx);
static void ngx_http_meta_redis_dial(ngx_http_meta_redis_t *redis);
static void ngx_http_meta_redis_connect_handler(ngx_event_t *ev);
static ngx_int_t ngx_http_meta_redis_test_connect(ngx_connection_t *c);
static ngx_int_t ngx_http_meta_redis_greet(ngx_http_meta_redis_t *redis);
static void ngx_http_meta_redis_ready(ngx_http_meta_redis_t *redis);
static void ngx_http_meta_redis_greeted(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply);
static void ngx_http_meta_redis_hang_up(ngx_http_meta_redis_t *redis);
static void ngx_http_meta_redis_schedule(ngx_http_meta_redis_t *redis);
static void ngx_http_meta_redis_flush_handler(ngx_event_t *ev);
static void ngx_http_meta_redis_reconnect_handler(ngx_event_t *ev);


ngx_http_meta_redis_t *
ngx_http_meta_redis_create(ngx_pool_t *pool, ngx_http_meta_target_t *target)
{
    ngx_http_meta_redis_t  *redis;

    redis = ngx_pcalloc(pool, sizeof(ngx_http_meta_redis_t));
    if (redis == NULL) {
        return NULL;
    }

    redis->target = target;

    target->place = NGX_HTTP_META_TARGETS;
    target->link = &ngx_http_meta_no_link;

    ngx_queue_init(&redis->out);
    ngx_queue_init(&redis->sent);
    ngx_queue_init(&redis->full);

    ngx_http_meta_announce_init(redis);

    redis->dumb.fd = (ngx_socket_t) -1;
    redis->dumb.data = redis;

    redis->flush.handler = ngx_http_meta_redis_flush_handler;
    redis->flush.data = &redis->dumb;

    redis->reconnect.handler = ngx_http_meta_redis_reconnect_handler;
    redis->reconnect.data = &redis->dumb;
    redis->reconnect.cancelable = 1;

    redis->timer.handler = ngx_http_meta_op_timer_handler;
    redis->timer.data = &redis->dumb;

    redis->poll.handler = ngx_http_meta_queue_poll_handler;
    redis->poll.data = &redis->dumb;
    redis->poll.cancelable = 1;

    return redis;
}


void
ngx_http_meta_redis_connect(ngx_http_meta_redis_t *redis)
{
    redis->flush.log = ngx_cycle->log;
    redis->reconnect.log = ngx_cycle->log;
    redis->timer.log = ngx_cycle->log;
    redis->poll.log = ngx_cycle->log;

    if (redis->reconnect.timer_set) {
        ngx_del_timer(&redis->reconnect);
    }

    if (redis->target->addrs == NULL) {
        ngx_http_meta_redis_resolve(redis);
        return;
    }

    redis->addr = redis->target->addrs[redis->turn++ % redis->target->naddrs];

    ngx_http_meta_redis_dial(redis);
}


static void
ngx_http_meta_redis_resolve(ngx_http_meta_redis_t *redis)
{
    ngx_resolver_ctx_t  *ctx, temp;

    redis->state = NGX_HTTP_META_REDIS_RESOLVING;

    temp.name = redis->target->host;

    ctx = ngx_resolve_start(redis->target->resolver, &temp);

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        ngx_http_meta_redis_close(redis, "no resolver for its name", 0);
        return;
    }

    ctx->name = redis->target->host;
    ctx->handler = ngx_http_meta_redis_resolved;
    ctx->data = redis;
    ctx->timeout = redis->target->connect_timeout;
    ctx->cancelable = 1;

    redis->resolve = ctx;

    /* the handler may run inside, and has then freed ctx */

    if (ngx_resolve_name(ctx) != NGX_OK) {
        redis->resolve = NULL;
        ngx_http_meta_redis_close(redis, "its name cannot be resolved", 0);
    }
}


static void
ngx_http_meta_redis_resolved(ngx_resolver_ctx_t *ctx)
{
    ngx_http_meta_redis_t    *redis = ctx->data;

    ngx_resolver_addr_t  *addr;

    redis->resolve = NULL;

    if (ctx->state) {
        ngx_resolve_name_done(ctx);
        ngx_http_meta_redis_close(redis, "its name cannot be resolved", 0);
        return;
    }

    addr = &ctx->addrs[redis->turn++ % ctx->naddrs];

    /* the resolver turns them too: not the one again that failed just now */

    if (redis->addr.sockaddr
        && ngx_cmp_sockaddr(addr->sockaddr, addr->socklen,
                            redis->addr.sockaddr, redis->addr.socklen, 0)
           == NGX_OK)
    {
        addr = &ctx->addrs[redis->turn++ % ctx->naddrs];
    }

    ngx_memcpy(&redis->sockaddr, addr->sockaddr, addr->socklen);
    redis->addr.sockaddr = &redis->sockaddr.sockaddr;
    redis->addr.socklen = addr->socklen;
    redis->addr.name = redis->target->name;

    ngx_inet_set_port(redis->addr.sockaddr, redis->target->port);

    ngx_resolve_name_done(ctx);

    ngx_http_meta_redis_dial(redis);
}


static void
ngx_http_meta_redis_dial(ngx_http_meta_redis_t *redis)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    /* one line for an outage, not one for each attempt */

    redis->quiet = *ngx_cycle->log;
    redis->quiet.log_level = NGX_LOG_ALERT;
    redis->quiet.next = NULL;

    ngx_memzero(&redis->peer, sizeof(ngx_peer_connection_t));

    redis->peer.sockaddr = redis->addr.sockaddr;
    redis->peer.socklen = redis->addr.socklen;
    redis->peer.name = &redis->target->name;
    redis->peer.get = ngx_event_get_peer;
    redis->peer.log = &redis->quiet;
    redis->peer.log_error = NGX_ERROR_ERR;

    ngx_set_errno(0);

    rc = ngx_event_connect_peer(&redis->peer);

    if (rc == NGX_ERROR || rc == NGX_BUSY || rc == NGX_DECLINED) {
        ngx_http_meta_redis_close(redis, "connect() failed", ngx_socket_errno);
        return;
    }

    c = redis->peer.connection;

    c->data = redis;
    c->log = ngx_cycle->log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->read->handler = ngx_http_meta_redis_connect_handler;
    c->write->handler = ngx_http_meta_redis_connect_handler;

    redis->connection = c;
    redis->state = NGX_HTTP_META_REDIS_CONNECTING;
    redis->target->link->state = redis->state;

    if (rc == NGX_AGAIN) {
        c->write->cancelable = 1;
        ngx_add_timer(c->write, redis->target->connect_timeout);
        return;
    }

    ngx_http_meta_redis_connected(redis);
}


static void
ngx_http_meta_redis_connect_handler(ngx_event_t *ev)
{
    ngx_err_t               err;
    ngx_connection_t       *c;
    ngx_http_meta_redis_t  *redis;

    c = ev->data;
    redis = c->data;

    if (c->close) {
        ngx_http_meta_redis_close(redis, NULL, 0);
        return;
    }

    if (ev->timedout) {
        ngx_http_meta_redis_close(redis, "connect() timed out", 0);
        return;
    }

    if (!c->write->ready && !c->read->pending_eof) {
        return;
    }

    err = ngx_http_meta_redis_test_connect(c);

    if (err) {
        ngx_http_meta_redis_close(redis, "connect() failed", err);
        return;
    }

    ngx_http_meta_redis_connected(redis);
}


static ngx_int_t
ngx_http_meta_redis_test_connect(ngx_connection_t *c)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    return err;
}


/* called again when TLS is there, where it is asked for */

void
ngx_http_meta_redis_connected(ngx_http_meta_redis_t *redis)
{
    int                on;
    ngx_connection_t  *c;

    c = redis->connection;

#if (NGX_SSL)
    if (redis->target->ssl && c->ssl == NULL) {
        ngx_http_meta_redis_ssl_connect(redis);
        return;
    }
#endif

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    c->write->cancelable = 0;
    c->read->handler = ngx_http_meta_redis_read_handler;
    c->write->handler = ngx_http_meta_redis_write_handler;

    /* what came in the turn of the connect is not announced again */

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
    }

    if (redis->addr.sockaddr->sa_family != AF_UNIX) {
        on = 1;
        (void) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(int));
        (void) setsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(int));
    }

    redis->since = ngx_current_msec;
    redis->heard = ngx_current_msec;

    if (ngx_http_meta_redis_reader(redis) != NGX_OK
        || ngx_http_meta_redis_greet(redis) != NGX_OK)
    {
        ngx_http_meta_redis_close(redis, "no memory", 0);
        return;
    }

    if (redis->handshakes == 0) {
        ngx_http_meta_redis_ready(redis);
        return;
    }

    redis->state = NGX_HTTP_META_REDIS_HANDSHAKE;
    ngx_http_meta_redis_flush(redis);
}


/* AUTH and SELECT go first and alone: no event may reach the wrong database */

static ngx_int_t
ngx_http_meta_redis_greet(ngx_http_meta_redis_t *redis)
{
    u_char                   db[NGX_INT_T_LEN];
    ngx_int_t                rc;
    meta_str_t               argv[3];
    ngx_uint_t               i, n, argc[2];
    ngx_http_meta_op_t      *ops[2];
    ngx_http_meta_target_t  *target;

    static const meta_str_t  auth = meta_string("AUTH");
    static const meta_str_t  select = meta_string("SELECT");

    target = redis->target;
    rc = NGX_OK;
    n = 0;

    if (target->password.len) {
        argc[0] = 0;
        argv[argc[0]++] = auth;

        if (target->user.len) {
            argv[argc[0]].data = target->user.data;
            argv[argc[0]++].len = target->user.len;
        }

        argv[argc[0]].data = target->password.data;
        argv[argc[0]++].len = target->password.len;

        ops[n] = ngx_http_meta_op_command(redis, argv, argc[0]);

        if (ops[n] != NULL) {
            ops[n]->secret = 1;
        }

        n++;
    }

    if (target->db) {
        argv[0] = select;
        argv[1].data = db;
        argv[1].len = ngx_sprintf(db, "%ui", target->db) - db;

        ops[n++] = ngx_http_meta_op_command(redis, argv, 2);
    }

    for (i = n; i-- > 0; /* void */ ) {
        if (ops[i] == NULL) {
            rc = NGX_ERROR;
            continue;
        }

        ops[i]->handler = ngx_http_meta_redis_greeted;
        ops[i]->data = redis;
        ops[i]->handshake = 1;

        ngx_http_meta_op_wait(ops[i], target->connect_timeout);

        redis->handshakes++;
    }

    return rc;
}


static void
ngx_http_meta_redis_greeted(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply)
{
    ngx_http_meta_redis_t  *redis = op->redis;

    if (reply == NULL) {
        return;
    }

    if (reply->type != REDIS_REPLY_STATUS) {
        ngx_http_meta_redis_refused(redis, "AUTH or SELECT", NULL, reply);
        redis->lost = 1;
        return;
    }

    if (--redis->handshakes == 0) {
        ngx_http_meta_redis_ready(redis);
    }
}


static void
ngx_http_meta_redis_ready(ngx_http_meta_redis_t *redis)
{
    ngx_queue_t  waiting;

    redis->state = NGX_HTTP_META_REDIS_READY;

    redis->target->link->state = redis->state;
    redis->target->link->reconnects += redis->met;
    redis->met = 1;

    if (redis->nfull && !redis->poll.timer_set) {
        ngx_add_timer(&redis->poll, NGX_HTTP_META_POLL);
    }

    /* what we say and ask goes before what has waited */

    ngx_queue_init(&waiting);
    ngx_queue_add(&waiting, &redis->out);
    ngx_queue_init(&redis->out);

    ngx_http_meta_announce_all(redis);
    ngx_http_meta_worth_ask(redis);

    ngx_queue_add(&redis->out, &waiting);

    redis->connection->idle = ngx_queue_empty(&redis->out);

    if (!redis->connection->idle) {
        ngx_post_event(&redis->flush, &ngx_posted_events);
    }

    ngx_http_meta_spool_ready(redis);
}


/* one line in ten seconds, and no argument of a command in it */

void
ngx_http_meta_redis_refused(ngx_http_meta_redis_t *redis, const char *what,
    ngx_str_t *list, ngx_http_meta_reply_t *reply)
{
    static ngx_str_t  none = ngx_null_string;
    static ngx_str_t  unexpected = ngx_string("unexpected reply");

    if (redis->refused && ngx_time() - redis->refused < NGX_HTTP_META_QUIET) {
        return;
    }

    redis->refused = ngx_time();
    redis->refusing = 1;

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "meta redis \"%V\" refuses %s%V: \"%V\"",
                  &redis->target->name, what, list ? list : &none,
                  reply->type == REDIS_REPLY_ERROR ? &reply->text
                                                   : &unexpected);
}


/* after a failover the name may lead to another server by now */

void
ngx_http_meta_redis_demoted(ngx_http_meta_redis_t *redis,
    ngx_http_meta_reply_t *reply)
{
    if (reply->type == REDIS_REPLY_ERROR
        && reply->text.len == sizeof("READONLY") - 1
        && ngx_strncmp(reply->text.data, "READONLY", 8) == 0
        && ngx_current_msec - redis->since >= NGX_HTTP_META_MAX_DELAY)
    {
        redis->lost = 1;
    }
}


/* one line in ten seconds, for what is slow or too much */

void
ngx_http_meta_redis_slow(ngx_http_meta_redis_t *redis, const char *what,
    ngx_uint_t n, const char *unit)
{
    if (redis->slow && ngx_time() - redis->slow < NGX_HTTP_META_QUIET) {
        return;
    }

    redis->slow = ngx_time();

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "meta redis \"%V\" %s %ui%s", &redis->target->name,
                  what, n, unit);
}


/* it took something: only now is an outage over */

void
ngx_http_meta_redis_good(ngx_http_meta_redis_t *redis)
{
    redis->attempts = 0;

    if (redis->down_logged) {
        redis->down_logged = 0;
        redis->refusing = 0;
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "meta redis \"%V\" is back", &redis->target->name);
    }

    if (redis->refusing) {
        redis->refusing = 0;
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "meta redis \"%V\" takes pushes again",
                      &redis->target->name);
    }
}


/*
 * The one way in which a connection, or an attempt at one, ends.  A reason of
 * NULL means that nothing is wrong (shutdown).
 */

void
ngx_http_meta_redis_close(ngx_http_meta_redis_t *redis, const char *reason,
    ngx_err_t err)
{
    ngx_uint_t  retry;

    redis->target->link->failures += (reason != NULL);
    redis->target->link->used &= (reason != NULL);

    if (redis->state == NGX_HTTP_META_REDIS_READY
        && ngx_current_msec - redis->since >= NGX_HTTP_META_MAX_DELAY)
    {
        redis->attempts = 0;
    }

    /* what was up, and useful, is dialled again at once */

    retry = (redis->state == NGX_HTTP_META_REDIS_READY && redis->attempts == 0
             && reason && !ngx_exiting);

    /* what ended it may differ from what now keeps it away */

    if (reason
        && (!redis->down_logged
            || (redis->reason != reason
                && redis->state < NGX_HTTP_META_REDIS_READY
                && redis->reasons++ == 0)
            || ngx_time() - redis->told >= NGX_HTTP_META_REMIND))
    {
        if (!redis->down_logged) {
            redis->reasons = 0;
        }

        redis->down_logged = 1;
        redis->reason = reason;
        redis->told = ngx_time();
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, err,
                      "meta redis \"%V\" is away: %s", &redis->target->name,
                      reason);
    }

    ngx_http_meta_redis_hang_up(redis);

    if (retry) {
        redis->attempts = 1;
        ngx_http_meta_op_drop(redis, 0);

        if (redis->state == NGX_HTTP_META_REDIS_DOWN
            && !redis->reconnect.timer_set)
        {
            ngx_http_meta_redis_connect(redis);
        }

        return;
    }

    if (reason && !ngx_exiting && !ngx_terminate) {
        ngx_http_meta_redis_schedule(redis);
    }

    ngx_http_meta_op_drop(redis, 1);
}


static void
ngx_http_meta_redis_hang_up(ngx_http_meta_redis_t *redis)
{
    ngx_pool_t  *pool;

    redis->state = NGX_HTTP_META_REDIS_DOWN;
    redis->target->link->state = redis->state;
    redis->handshakes = 0;
    redis->nreplied = 0;
    redis->refusal.type = 0;
    redis->lost = 0;

    if (redis->resolve) {
        ngx_resolve_name_done(redis->resolve);
        redis->resolve = NULL;
    }

    if (redis->flush.posted) {
        ngx_delete_posted_event(&redis->flush);
    }

    if (redis->connection) {
#if (NGX_SSL)
        if (redis->connection->ssl) {
            ngx_http_meta_redis_ssl_close(redis->connection);
        }
#endif

        pool = redis->connection->pool;

        ngx_close_connection(redis->connection);
        redis->connection = NULL;

        if (pool) {
            ngx_destroy_pool(pool);
        }
    }

    if (redis->reader) {
        redisReaderFree(redis->reader);
        redis->reader = NULL;
    }
}


static void
ngx_http_meta_redis_schedule(ngx_http_meta_redis_t *redis)
{
    ngx_msec_t  delay;

    delay = 50 << ngx_min(redis->attempts, 6);
    delay = ngx_min(delay, NGX_HTTP_META_MAX_DELAY);
    delay -= ngx_random() % (delay / 4);

    redis->attempts++;

    ngx_add_timer(&redis->reconnect, delay);
}


void
ngx_http_meta_redis_exit(ngx_http_meta_redis_t *redis)
{
    ngx_http_meta_redis_hang_up(redis);
    ngx_http_meta_op_free_all(redis);
    ngx_http_meta_queue_free_all(redis);
    ngx_http_meta_announce_free_all(redis);
}


static void
ngx_http_meta_redis_flush_handler(ngx_event_t *ev)
{
    ngx_connection_t  *dumb = ev->data;

    ngx_http_meta_redis_flush(dumb->data);
}


static void
ngx_http_meta_redis_reconnect_handler(ngx_event_t *ev)
{
    ngx_connection_t  *dumb = ev->data;

    if (ngx_exiting) {
        return;
    }

    ngx_http_meta_redis_connect(dumb->data);
}
