
/*
 * The list that events go to: its name, and the lists of a Redis that have
 * grown over their max and take nothing until they are shorter again.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_module.h"


#define NGX_HTTP_META_MAX_FULL   1024


typedef struct {
    ngx_queue_t  queue;
    ngx_uint_t   max;
    ngx_msec_t   timeout;
    ngx_uint_t   asked;         /* unsigned  asked:1; */
    ngx_str_t    list;
} ngx_http_meta_full_t;


static ngx_http_meta_full_t *ngx_http_meta_queue_find(
    ngx_http_meta_redis_t *redis, ngx_str_t *list, ngx_uint_t max);
static void ngx_http_meta_queue_add(ngx_http_meta_op_t *op, ngx_str_t *list,
    int64_t length);
static void ngx_http_meta_queue_ask(ngx_http_meta_redis_t *redis,
    ngx_http_meta_full_t *full);
static void ngx_http_meta_queue_answer(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply);


char *
ngx_http_meta_queue_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_meta_loc_conf_t  *mlcf = conf;

    ngx_int_t                          max, n;
    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_http_compile_complex_value_t   ccv;

    if (mlcf->queue) {
        return "is duplicate";
    }

    mlcf->queue = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (mlcf->queue == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = mlcf->queue;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (mlcf->queue->lengths == NULL
        && ngx_http_meta_check_name(&mlcf->queue->value) != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid queue name \"%V\": it must be "
                           "1 to 200 of A-Za-z0-9._:-", &value[1]);
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "max=", 4) == 0) {

            max = ngx_atoi(value[i].data + 4, value[i].len - 4);

            if (max == NGX_ERROR || max == 0 || mlcf->queue_max) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid parameter \"%V\": \"max\" takes "
                                   "one number above 0", &value[i]);
                return NGX_CONF_ERROR;
            }

            mlcf->queue_max = max;
            continue;
        }

        if (ngx_strncmp(value[i].data, "partitions=", 11) == 0) {

            n = ngx_atoi(value[i].data + 11, value[i].len - 11);

            if (n == NGX_ERROR || n == 0 || n > NGX_HTTP_META_MAX_PARTS
                || mlcf->partitions)
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid parameter \"%V\": "
                                   "\"partitions\" takes one number from 1 "
                                   "to %d", &value[i],
                                   NGX_HTTP_META_MAX_PARTS);
                return NGX_CONF_ERROR;
            }

            mlcf->partitions = n;
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\"", &value[i]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_meta_queue_name(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_module);

    if (ngx_http_complex_value(r, mlcf->queue, name) != NGX_OK) {
        return NGX_ERROR;
    }

    if (mlcf->queue->lengths
        && ngx_http_meta_check_name(name) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "\"meta_queue\" gave an invalid name of %uz bytes: "
                      "it must be 1 to 200 of A-Za-z0-9._:-", name->len);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_meta_check_name(ngx_str_t *name)
{
    u_char  ch;
    size_t  i;

    if (name->len == 0 || name->len > NGX_HTTP_META_MAX_NAME) {
        return NGX_DECLINED;
    }

    for (i = 0; i < name->len; i++) {
        ch = name->data[i];

        if ((ch < 'A' || ch > 'Z') && (ch < 'a' || ch > 'z')
            && (ch < '0' || ch > '9')
            && ch != '.' && ch != '_' && ch != ':' && ch != '-')
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_meta_queue_is_full(ngx_http_meta_redis_t *redis, ngx_str_t *list,
    ngx_uint_t max)
{
    if (max == 0 || redis->nfull == 0) {
        return 0;
    }

    return ngx_http_meta_queue_find(redis, list, max) != NULL;
}


/* the list, or a partition of it */

ngx_uint_t
ngx_http_meta_queue_any_full(ngx_http_meta_redis_t *redis, ngx_str_t *list,
    ngx_uint_t max)
{
    size_t                 n;
    u_char                *p;
    ngx_queue_t           *q;
    ngx_http_meta_full_t  *full;

    if (max == 0 || redis->nfull == 0) {
        return 0;
    }

    for (q = ngx_queue_head(&redis->full);
         q != ngx_queue_sentinel(&redis->full);
         q = ngx_queue_next(q))
    {
        full = ngx_queue_data(q, ngx_http_meta_full_t, queue);

        if (full->max != max || full->list.len < list->len
            || ngx_memcmp(full->list.data, list->data, list->len) != 0)
        {
            continue;
        }

        p = full->list.data + list->len;
        n = full->list.len - list->len;

        if (n == 0 || (*p == ':' && ngx_atoi(p + 1, n - 1) != NGX_ERROR)) {
            return 1;
        }
    }

    return 0;
}


/* length is what the op, an RPUSH or LLEN, was answered of that list */

void
ngx_http_meta_queue_length(ngx_http_meta_op_t *op, ngx_str_t *list,
    int64_t length)
{
    ngx_http_meta_full_t   *full;
    ngx_http_meta_redis_t  *redis;

    if (op->max == 0) {
        return;
    }

    if (length > (int64_t) op->max) {
        ngx_http_meta_queue_add(op, list, length);
        return;
    }

    redis = op->redis;

    full = redis->nfull ? ngx_http_meta_queue_find(redis, list, op->max)
                        : NULL;

    if (full == NULL) {
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "meta queue \"%V\" takes events again: length %L, max %ui",
                  list, length, op->max);

    ngx_http_meta_stat_max(redis->target->place, list, length, op->max);

    ngx_queue_remove(&full->queue);
    redis->nfull--;

    ngx_free(full);
}


static ngx_http_meta_full_t *
ngx_http_meta_queue_find(ngx_http_meta_redis_t *redis, ngx_str_t *list,
    ngx_uint_t max)
{
    ngx_queue_t           *q;
    ngx_http_meta_full_t  *full;

    for (q = ngx_queue_head(&redis->full);
         q != ngx_queue_sentinel(&redis->full);
         q = ngx_queue_next(q))
    {
        full = ngx_queue_data(q, ngx_http_meta_full_t, queue);

        if (full->max == max && full->list.len == list->len
            && ngx_memcmp(full->list.data, list->data, list->len) == 0)
        {
            return full;
        }
    }

    return NULL;
}


static void
ngx_http_meta_queue_add(ngx_http_meta_op_t *op, ngx_str_t *list,
    int64_t length)
{
    ngx_http_meta_full_t   *full;
    ngx_http_meta_redis_t  *redis;

    redis = op->redis;

    if (ngx_http_meta_queue_find(redis, list, op->max) != NULL) {
        return;
    }

    if (redis->nfull == NGX_HTTP_META_MAX_FULL) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "meta queue \"%V\" is longer than its max, but %d "
                      "others are too and only these are watched",
                      list, NGX_HTTP_META_MAX_FULL);
        return;
    }

    full = ngx_alloc(sizeof(ngx_http_meta_full_t) + list->len,
                     ngx_cycle->log);
    if (full == NULL) {
        return;
    }

    full->max = op->max;
    full->timeout = op->timeout;
    full->asked = 0;
    full->list.len = list->len;
    full->list.data = (u_char *) (full + 1);
    ngx_memcpy(full->list.data, list->data, list->len);

    ngx_queue_insert_tail(&redis->full, &full->queue);
    redis->nfull++;

    ngx_http_meta_stat_max(redis->target->place, list, length, op->max);

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "meta queue \"%V\" is full: length %L, max %ui",
                  list, length, op->max);

    if (!redis->poll.timer_set) {
        ngx_add_timer(&redis->poll, NGX_HTTP_META_POLL);
    }
}


void
ngx_http_meta_queue_poll_handler(ngx_event_t *ev)
{
    ngx_queue_t            *q, *next;
    ngx_connection_t       *dumb = ev->data;
    ngx_http_meta_redis_t  *redis = dumb->data;

    if (redis->nfull == 0 || ngx_exiting
        || redis->state != NGX_HTTP_META_REDIS_READY)
    {
        return;
    }

    for (q = ngx_queue_head(&redis->full);
         q != ngx_queue_sentinel(&redis->full);
         q = next)
    {
        next = ngx_queue_next(q);
        ngx_http_meta_queue_ask(redis,
                          ngx_queue_data(q, ngx_http_meta_full_t, queue));
    }

    if (!ev->timer_set) {
        ngx_add_timer(ev, NGX_HTTP_META_POLL);
    }
}


void
ngx_http_meta_queue_free_all(ngx_http_meta_redis_t *redis)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&redis->full)) {
        q = ngx_queue_head(&redis->full);
        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, ngx_http_meta_full_t, queue));
    }

    redis->nfull = 0;
}


static void
ngx_http_meta_queue_ask(ngx_http_meta_redis_t *redis,
    ngx_http_meta_full_t *full)
{
    meta_str_t           argv[2];
    ngx_http_meta_op_t  *op;

    static const meta_str_t  llen = meta_string("LLEN");

    if (full->asked) {
        return;
    }

    argv[0] = llen;
    argv[1].data = full->list.data;
    argv[1].len = full->list.len;

    op = ngx_http_meta_op_command(redis, argv, 2);
    if (op == NULL) {
        return;
    }

    op->list.len = full->list.len;
    op->list.data = ngx_http_meta_op_chunk(op, full->list.len);

    if (op->list.data == NULL) {
        ngx_http_meta_op_free(op);
        return;
    }

    ngx_memcpy(op->list.data, full->list.data, full->list.len);

    op->max = full->max;
    op->aside = 1;
    op->handler = ngx_http_meta_queue_answer;

    if (ngx_http_meta_redis_submit(op, full->timeout) != NGX_OK) {
        ngx_http_meta_op_free(op);
        return;
    }

    full->asked = 1;
}


static void
ngx_http_meta_queue_answer(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply)
{
    ngx_http_meta_full_t  *full;

    full = ngx_http_meta_queue_find(op->redis, &op->list, op->max);

    if (full) {
        full->asked = 0;
    }

    if (reply == NULL) {
        return;
    }

    if (reply->type != REDIS_REPLY_INTEGER) {
        ngx_http_meta_redis_refused(op->redis, "LLEN of ", &op->list, reply);
        return;
    }

    ngx_http_meta_queue_length(op, &op->list, reply->integer);
}
