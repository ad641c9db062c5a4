
/*
 * What an ack of Redis is worth: asked once a connection is ready.  Redis may
 * refuse to say (ACL, managed service), which harms nobody: it is unknown.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "ngx_http_meta_redis.h"


#define NGX_HTTP_META_INFO_ROOM  (16 * 1024)


static void ngx_http_meta_worth_question(ngx_http_meta_redis_t *redis,
    const meta_str_t *argv, ngx_uint_t argc,
    ngx_http_meta_op_handler_pt handler);
static void ngx_http_meta_worth_persistence(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply);
static void ngx_http_meta_worth_memory(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply);
static void ngx_http_meta_worth_appendfsync(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply);
static u_char *ngx_http_meta_worth_field(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply, char *name);
static void ngx_http_meta_worth_answered(ngx_http_meta_redis_t *redis);
static void ngx_http_meta_worth_log(ngx_http_meta_redis_t *redis,
    ngx_http_meta_link_t *link);


static ngx_str_t  ngx_http_meta_worth_lines[] = {
    ngx_string("unknown: Redis does not tell about its persistence"),
    ngx_string("none: appendonly is off, or appendfsync is \"no\", and a "
               "crash loses what was acknowledged"),
    ngx_string("everysec: a crash of its machine loses about a second"),
    ngx_string("always: it is on its disk")
};


void
ngx_http_meta_worth_ask(ngx_http_meta_redis_t *redis)
{
    static const meta_str_t  persistence[] = {
        meta_string("INFO"), meta_string("persistence")
    };

    static const meta_str_t  memory[] = {
        meta_string("INFO"), meta_string("memory")
    };

    static const meta_str_t  appendfsync[] = {
        meta_string("CONFIG"), meta_string("GET"), meta_string("appendfsync")
    };

    if (redis->weighing || redis->state != NGX_HTTP_META_REDIS_READY) {
        return;
    }

    redis->weighed = ngx_time();

    redis->loading = 0;
    redis->aof = NGX_HTTP_META_UNKNOWN;
    redis->fsync = NGX_HTTP_META_WORTH_UNKNOWN;
    redis->bounded = NGX_HTTP_META_UNKNOWN;
    redis->evicting = NGX_HTTP_META_UNKNOWN;

    ngx_http_meta_worth_question(redis, persistence, 2,
                                 ngx_http_meta_worth_persistence);
    ngx_http_meta_worth_question(redis, memory, 2,
                                 ngx_http_meta_worth_memory);
    ngx_http_meta_worth_question(redis, appendfsync, 3,
                                 ngx_http_meta_worth_appendfsync);
}


static void
ngx_http_meta_worth_question(ngx_http_meta_redis_t *redis,
    const meta_str_t *argv, ngx_uint_t argc,
    ngx_http_meta_op_handler_pt handler)
{
    ngx_http_meta_op_t  *op;

    op = ngx_http_meta_op_command(redis, argv, argc);
    if (op == NULL) {
        return;
    }

    op->handler = handler;

    if (ngx_http_meta_op_aside(op, NGX_HTTP_META_INFO_ROOM) != NGX_OK) {
        ngx_http_meta_op_free(op);
        return;
    }

    redis->weighing++;
}


/* while Redis reads its file again it says that it writes none */

static void
ngx_http_meta_worth_persistence(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply)
{
    u_char  *p;

    p = ngx_http_meta_worth_field(op, reply, "loading:");

    op->redis->loading = (p && *p == '1');

    p = ngx_http_meta_worth_field(op, reply, "aof_enabled:");

    if (p) {
        op->redis->aof = (*p == '1') ? NGX_HTTP_META_YES : NGX_HTTP_META_NO;
    }

    ngx_http_meta_worth_answered(op->redis);
}


/* a list never expires, so that only "allkeys-..." can evict it */

static void
ngx_http_meta_worth_memory(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply)
{
    u_char  *p;

    p = ngx_http_meta_worth_field(op, reply, "maxmemory:");

    if (p) {
        op->redis->bounded = (*p == '0') ? NGX_HTTP_META_NO
                                         : NGX_HTTP_META_YES;
    }

    p = ngx_http_meta_worth_field(op, reply, "maxmemory_policy:");

    if (p) {
        op->redis->evicting = ngx_strncmp(p, "allkeys-", 8) == 0
                              ? NGX_HTTP_META_YES : NGX_HTTP_META_NO;
    }

    ngx_http_meta_worth_answered(op->redis);
}


static void
ngx_http_meta_worth_appendfsync(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply)
{
    u_char  *p;

    p = ngx_http_meta_worth_field(op, reply, "appendfsync" "\n");

    if (p) {
        op->redis->fsync =
              ngx_strncmp(p, "always", 6) == 0 ? NGX_HTTP_META_WORTH_ALWAYS
            : ngx_strncmp(p, "everysec", 8) == 0
                                           ? NGX_HTTP_META_WORTH_EVERYSEC
            : ngx_strncmp(p, "no", 2) == 0 ? NGX_HTTP_META_WORTH_NONE
            :                                NGX_HTTP_META_WORTH_UNKNOWN;
    }

    ngx_http_meta_worth_answered(op->redis);
}


/* what stands behind the name, at the beginning of a line; or NULL */

static u_char *
ngx_http_meta_worth_field(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply, char *name)
{
    u_char  *p, *last;
    size_t   len;

    if (reply == NULL || reply->type == REDIS_REPLY_ERROR
        || op->text.len == 0)
    {
        return NULL;
    }

    /* the text ends with a line feed, which ends every comparison here */

    p = op->text.data;
    last = p + op->text.len;
    len = ngx_strlen(name);

    while (p && (size_t) (last - p) > len) {

        if (ngx_strncmp(p, name, len) == 0) {
            return p + len;
        }

        p = ngx_strlchr(p, last, LF);

        if (p) {
            p++;
        }
    }

    return NULL;
}


static void
ngx_http_meta_worth_answered(ngx_http_meta_redis_t *redis)
{
    ngx_http_meta_link_t  *link;

    if (--redis->weighing || redis->state != NGX_HTTP_META_REDIS_READY) {
        return;
    }

    if (redis->loading) {
        redis->weighed = 0;     /* what was known counts, until asked again */
        return;
    }

    link = redis->target->link;

    link->aof = redis->aof;

    if (redis->aof == NGX_HTTP_META_NO) {
        link->worth = NGX_HTTP_META_WORTH_NONE;

    } else if (redis->aof == NGX_HTTP_META_UNKNOWN) {
        link->worth = NGX_HTTP_META_WORTH_UNKNOWN;

    } else {
        link->worth = redis->fsync;
    }

    if (redis->bounded == NGX_HTTP_META_NO
        || redis->evicting == NGX_HTTP_META_NO)
    {
        link->evicts = NGX_HTTP_META_NO;

    } else {
        link->evicts = ngx_min(redis->bounded, redis->evicting);
    }

    ngx_http_meta_worth_log(redis, link);
}


/* one line per change, by whichever worker sees it first */

static void
ngx_http_meta_worth_log(ngx_http_meta_redis_t *redis,
    ngx_http_meta_link_t *link)
{
    ngx_uint_t                     level;
    ngx_atomic_uint_t              old;
    ngx_http_meta_named_target_t  *target;

    if (redis->target->place == NGX_HTTP_META_TARGETS) {
        return;
    }

    target = &ngx_http_meta_stat->targets[redis->target->place];

    /* the table holds 1 more, so that 0 is "nothing logged yet" */

    old = target->worth;

    if (old != link->worth + 1
        && ngx_atomic_cmp_set(&target->worth, old, link->worth + 1))
    {
        level = (link->worth == NGX_HTTP_META_WORTH_NONE) ? NGX_LOG_WARN
                                                          : NGX_LOG_NOTICE;

        ngx_log_error(level, ngx_cycle->log, 0,
                      "meta redis \"%V\": an ack is worth %V",
                      &redis->target->name,
                      &ngx_http_meta_worth_lines[link->worth]);
    }

    old = target->evicts;

    if (old != link->evicts
        && ngx_atomic_cmp_set(&target->evicts, old, link->evicts)
        && link->evicts == NGX_HTTP_META_YES)
    {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "meta redis \"%V\" may evict the queue: its "
                      "maxmemory-policy is for all keys; set noeviction",
                      &redis->target->name);
    }
}
