
/*
 * NAME:partitions in Redis says over how many lists a queue is spread, so
 * that consumers see when they were told another number.  Names that are
 * known are announced on each new connection, computed ones when they are
 * first used on it.  Redis may refuse: pushes do not depend on it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "ngx_http_meta_redis.h"


#define NGX_HTTP_META_MAX_NAMES  1024


typedef struct {
    ngx_str_node_t  sn;
    ngx_uint_t      partitions;
    ngx_uint_t      serial;         /* of the connection that was told */
    ngx_uint_t      refused;        /* unsigned  refused:1; */
} ngx_http_meta_announced_t;


static void ngx_http_meta_announce_set(ngx_http_meta_redis_t *redis,
    ngx_http_meta_announced_t *a);
static void ngx_http_meta_announce_answer(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply);


ngx_int_t
ngx_http_meta_announce_add(ngx_conf_t *cf, ngx_http_meta_target_t *target,
    ngx_str_t *name, ngx_uint_t partitions)
{
    ngx_uint_t                  i;
    ngx_http_meta_announced_t  *a;

    if (target->announced == NULL) {
        target->announced = ngx_array_create(cf->pool, 2,
                                          sizeof(ngx_http_meta_announced_t));
        if (target->announced == NULL) {
            return NGX_ERROR;
        }
    }

    a = target->announced->elts;

    for (i = 0; i < target->announced->nelts; i++) {

        if (a[i].sn.str.len != name->len
            || ngx_memcmp(a[i].sn.str.data, name->data, name->len) != 0)
        {
            continue;
        }

        if (a[i].partitions == partitions) {
            return NGX_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"meta_queue\" \"%V\" has %ui partitions here "
                           "and %ui elsewhere in the same Redis",
                           name, partitions, a[i].partitions);
        return NGX_ERROR;
    }

    a = ngx_array_push(target->announced);
    if (a == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(a, sizeof(ngx_http_meta_announced_t));

    a->sn.str = *name;
    a->partitions = partitions;

    return NGX_OK;
}


void
ngx_http_meta_announce_init(ngx_http_meta_redis_t *redis)
{
    ngx_rbtree_init(&redis->names, &redis->sentinel,
                    ngx_str_rbtree_insert_value);
}


/* the connection is ready */

void
ngx_http_meta_announce_all(ngx_http_meta_redis_t *redis)
{
    ngx_uint_t                  i;
    ngx_array_t                *announced;
    ngx_http_meta_announced_t  *a;

    redis->serial++;

    announced = redis->target->announced;

    if (announced == NULL) {
        return;
    }

    a = announced->elts;

    for (i = 0; i < announced->nelts; i++) {
        ngx_http_meta_announce_set(redis, &a[i]);
    }
}


/* a computed name is used; those beyond the ceiling stay unannounced */

void
ngx_http_meta_announce(ngx_http_meta_redis_t *redis, ngx_str_t *name,
    ngx_uint_t partitions)
{
    uint32_t                    hash;
    ngx_http_meta_announced_t  *a;

    if (redis->state != NGX_HTTP_META_REDIS_READY) {
        return;
    }

    hash = ngx_crc32_short(name->data, name->len);

    a = (ngx_http_meta_announced_t *) ngx_str_rbtree_lookup(&redis->names,
                                                            name, hash);

    if (a == NULL) {

        if (redis->nnames == NGX_HTTP_META_MAX_NAMES) {
            return;
        }

        a = ngx_alloc(sizeof(ngx_http_meta_announced_t) + name->len,
                      ngx_cycle->log);
        if (a == NULL) {
            return;
        }

        ngx_memzero(a, sizeof(ngx_http_meta_announced_t));

        a->sn.node.key = hash;
        a->sn.str.len = name->len;
        a->sn.str.data = (u_char *) (a + 1);
        ngx_memcpy(a->sn.str.data, name->data, name->len);
        a->partitions = partitions;

        ngx_rbtree_insert(&redis->names, &a->sn.node);
        redis->nnames++;
    }

    if (a->serial != redis->serial) {
        ngx_http_meta_announce_set(redis, a);
    }
}


void
ngx_http_meta_announce_free_all(ngx_http_meta_redis_t *redis)
{
    ngx_rbtree_node_t  *node;

    while (redis->names.root != &redis->sentinel) {
        node = redis->names.root;
        ngx_rbtree_delete(&redis->names, node);
        ngx_free(node);
    }

    redis->nnames = 0;
}


static void
ngx_http_meta_announce_set(ngx_http_meta_redis_t *redis,
    ngx_http_meta_announced_t *a)
{
    u_char              *p, *value;
    meta_str_t           argv[3];
    ngx_http_meta_op_t  *op;
    u_char               buf[256 + NGX_INT_T_LEN];

    static const meta_str_t  set = meta_string("SET");

    ngx_http_meta_stat_queue(redis->target->place, &a->sn.str, a->partitions);

    p = ngx_sprintf(buf, "%V:partitions", &a->sn.str);
    value = p;
    p = ngx_sprintf(p, "%ui", a->partitions);

    argv[0] = set;
    argv[1].data = buf;
    argv[1].len = value - buf;
    argv[2].data = value;
    argv[2].len = p - value;

    op = ngx_http_meta_op_command(redis, argv, 3);
    if (op == NULL) {
        return;
    }

    op->handler = ngx_http_meta_announce_answer;
    op->data = a;
    op->aside = 1;

    if (ngx_http_meta_redis_submit(op, redis->target->connect_timeout)
        != NGX_OK)
    {
        ngx_http_meta_op_free(op);
        return;
    }

    a->serial = redis->serial;
}


static void
ngx_http_meta_announce_answer(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply)
{
    ngx_http_meta_announced_t  *a = op->data;

    static ngx_str_t  unexpected = ngx_string("unexpected reply");

    if (reply == NULL) {
        return;
    }

    if (reply->type == REDIS_REPLY_STATUS) {
        a->refused = 0;
        return;
    }

    if (a->refused) {
        return;
    }

    a->refused = 1;

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "meta redis \"%V\" refuses SET of %V:partitions: \"%V\"; "
                  "pushes go on, but consumers cannot see the number of "
                  "partitions",
                  &op->redis->target->name, &a->sn.str,
                  reply->type == REDIS_REPLY_ERROR ? &reply->text
                                                   : &unexpected);
}
