
/*
 * Lists as the status shows them: how long they are, and whether a consumer
 * holds them.  Asked rarely, by one worker at a time, where a status is shown.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_module.h"


#define NGX_HTTP_META_HOLDER_TIME  5000
#define NGX_HTTP_META_HOLDER_MAX   256      /* lists in one round */
#define NGX_HTTP_META_WEIGH_TIME   10       /* seconds */


static void ngx_http_meta_holder_handler(ngx_event_t *ev);
static void ngx_http_meta_holder_round(ngx_http_meta_redis_t *redis,
    ngx_uint_t place);
static void ngx_http_meta_holder_ask(ngx_http_meta_redis_t *redis,
    ngx_uint_t place, ngx_http_meta_named_list_t *list);
static ngx_int_t ngx_http_meta_holder_submit(ngx_http_meta_redis_t *redis,
    const meta_str_t *argv, ngx_uint_t argc, ngx_http_meta_named_list_t *list,
    const meta_str_t *name, ngx_http_meta_op_handler_pt handler);
static ngx_http_meta_named_list_t *ngx_http_meta_holder_list(
    ngx_http_meta_op_t *op, ngx_http_meta_reply_t *reply);
static void ngx_http_meta_holder_clock(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply);
static void ngx_http_meta_holder_length(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply);
static void ngx_http_meta_holder_lease(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply);
static int64_t ngx_http_meta_holder_number(u_char **p, u_char *last);


static ngx_event_t       ngx_http_meta_holder_event;
static ngx_connection_t  ngx_http_meta_holder_dumb;
static ngx_uint_t        ngx_http_meta_holder_next;


void
ngx_http_meta_holder_init_process(ngx_http_meta_main_conf_t *mmcf)
{
    ngx_event_t  *ev;

    if (!mmcf->status) {
        return;
    }

    ngx_http_meta_holder_dumb.fd = (ngx_socket_t) -1;
    ngx_http_meta_holder_dumb.data = mmcf;

    ev = &ngx_http_meta_holder_event;

    ev->handler = ngx_http_meta_holder_handler;
    ev->data = &ngx_http_meta_holder_dumb;
    ev->log = ngx_cycle->log;
    ev->cancelable = 1;

    ngx_add_timer(ev, NGX_HTTP_META_HOLDER_TIME / 10);
}


static void
ngx_http_meta_holder_handler(ngx_event_t *ev)
{
    ngx_uint_t                   i, asks;
    ngx_connection_t            *dumb = ev->data;
    ngx_atomic_uint_t            now, asked;
    ngx_http_meta_redis_t       *redis;
    ngx_http_meta_target_t     **targets;
    ngx_http_meta_main_conf_t   *mmcf = dumb->data;

    if (ngx_exiting) {
        return;
    }

    /* a clock that was set back must not stop the asking */

    now = ngx_http_meta_stat_now() / 1000;
    asked = ngx_http_meta_stat->asked;

    asks = (asked > now
            || now - asked >= NGX_HTTP_META_HOLDER_TIME / 1000)
           && ngx_atomic_cmp_set(&ngx_http_meta_stat->asked, asked, now);

    targets = mmcf->targets.elts;

    for (i = 0; i < mmcf->targets.nelts; i++) {
        redis = targets[i]->redis;

        if (!targets[i]->used || redis->state != NGX_HTTP_META_REDIS_READY) {
            continue;
        }

        if (ngx_time() - redis->weighed >= NGX_HTTP_META_WEIGH_TIME) {
            ngx_http_meta_worth_ask(redis);
        }

        if (asks && redis->asking == 0
            && targets[i]->place < NGX_HTTP_META_TARGETS)
        {
            ngx_http_meta_holder_round(redis, targets[i]->place);
        }
    }

    ngx_add_timer(ev, NGX_HTTP_META_HOLDER_TIME / 5);
}


static void
ngx_http_meta_holder_round(ngx_http_meta_redis_t *redis, ngx_uint_t place)
{
    ngx_uint_t             i, n;
    ngx_http_meta_named_list_t  *list;

    static const meta_str_t  argv[] = { meta_string("TIME") };

    redis->clock = 0;

    if (ngx_http_meta_holder_submit(redis, argv, 1, NULL, NULL,
                                    ngx_http_meta_holder_clock)
        != NGX_OK)
    {
        return;
    }

    n = 0;

    for (i = 0; i < NGX_HTTP_META_LISTS && n < NGX_HTTP_META_HOLDER_MAX; i++) {
        list = &ngx_http_meta_stat->lists[ngx_http_meta_holder_next++
                                          % NGX_HTTP_META_LISTS];

        if (list->hash && list->target == place) {
            ngx_http_meta_holder_ask(redis, place, list);
            n++;
        }
    }
}


/* other workers may give the place to another list: its name is read once */

static void
ngx_http_meta_holder_ask(ngx_http_meta_redis_t *redis, ngx_uint_t place,
    ngx_http_meta_named_list_t *list)
{
    u_char      lease[NGX_HTTP_META_LIST_LEN + sizeof("{}:lease")];
    u_char     *p;
    meta_str_t  name, argv[3];

    static const meta_str_t  llen = meta_string("LLEN");
    static const meta_str_t  hget = meta_string("HGET");
    static const meta_str_t  until = meta_string("until");

    *lease = '{';
    name.data = lease + 1;
    name.len = 0;

    ngx_http_meta_stat_lock();

    if (list->hash && list->target == place) {
        name.len = ngx_min(list->len, NGX_HTTP_META_LIST_LEN);
        ngx_memcpy(lease + 1, list->name, name.len);
    }

    ngx_http_meta_stat_unlock();

    if (name.len == 0) {
        return;
    }

    argv[0] = llen;
    argv[1] = name;

    if (ngx_http_meta_holder_submit(redis, argv, 2, list, &name,
                                    ngx_http_meta_holder_length)
        != NGX_OK)
    {
        return;
    }

    p = ngx_cpymem(lease + 1 + name.len, "}:lease", sizeof("}:lease") - 1);

    argv[0] = hget;
    argv[1].data = lease;
    argv[1].len = p - lease;
    argv[2] = until;

    (void) ngx_http_meta_holder_submit(redis, argv, 3, list, &name,
                                       ngx_http_meta_holder_lease);
}


static ngx_int_t
ngx_http_meta_holder_submit(ngx_http_meta_redis_t *redis,
    const meta_str_t *argv, ngx_uint_t argc, ngx_http_meta_named_list_t *list,
    const meta_str_t *name, ngx_http_meta_op_handler_pt handler)
{
    ngx_http_meta_op_t  *op;

    op = ngx_http_meta_op_command(redis, argv, argc);
    if (op == NULL) {
        return NGX_ERROR;
    }

    op->handler = handler;
    op->data = list;

    if (name) {
        op->list.data = ngx_http_meta_op_chunk(op, name->len);

        if (op->list.data == NULL) {
            ngx_http_meta_op_free(op);
            return NGX_ERROR;
        }

        op->list.len = name->len;
        ngx_memcpy(op->list.data, name->data, name->len);
    }

    if (ngx_http_meta_op_aside(op, 64) != NGX_OK) {
        ngx_http_meta_op_free(op);
        return NGX_ERROR;
    }

    redis->asking++;

    return NGX_OK;
}


/* NULL: no answer, or the place in the table is another list's by now */

static ngx_http_meta_named_list_t *
ngx_http_meta_holder_list(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply)
{
    ngx_http_meta_named_list_t  *list = op->data;

    op->redis->asking--;

    if (reply == NULL || list->len != op->list.len
        || ngx_memcmp(list->name, op->list.data, op->list.len) != 0)
    {
        return NULL;
    }

    return list;
}


static void
ngx_http_meta_holder_clock(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply)
{
    u_char   *p, *last;
    int64_t   seconds;

    op->redis->asking--;

    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY) {
        return;
    }

    p = op->text.data;
    last = p + op->text.len;

    seconds = ngx_http_meta_holder_number(&p, last);
    op->redis->clock = seconds * 1000
                       + ngx_http_meta_holder_number(&p, last) / 1000;
}


static void
ngx_http_meta_holder_length(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply)
{
    ngx_http_meta_named_list_t  *list;

    list = ngx_http_meta_holder_list(op, reply);

    if (list && reply->type == REDIS_REPLY_INTEGER) {
        list->length = reply->integer;
        list->at = ngx_http_meta_stat_now();
    }
}


/* the lease ends by Redis' clock; without one nobody may have it */

static void
ngx_http_meta_holder_lease(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply)
{
    u_char                *p;
    ngx_http_meta_named_list_t  *list;

    list = ngx_http_meta_holder_list(op, reply);

    if (list == NULL) {
        return;
    }

    if (reply->type == REDIS_REPLY_NIL) {
        list->holder = NGX_HTTP_META_NO;

    } else if (reply->type == REDIS_REPLY_STRING && op->redis->clock) {
        p = op->text.data;

        list->holder =
            (ngx_http_meta_holder_number(&p, p + op->text.len)
             > (int64_t) op->redis->clock) ? NGX_HTTP_META_YES
                                           : NGX_HTTP_META_NO;

    } else {
        list->holder = NGX_HTTP_META_UNKNOWN;
    }

    if (list->holder == NGX_HTTP_META_YES) {
        list->held = ngx_http_meta_stat_now();
    }
}


/* one line of digits; what is no number is 0 */

static int64_t
ngx_http_meta_holder_number(u_char **p, u_char *last)
{
    int64_t  n;

    for (n = 0; *p < last && **p >= '0' && **p <= '9'; (*p)++) {
        if (n > INT64_MAX / 100) {
            return 0;
        }

        n = n * 10 + (**p - '0');
    }

    if (*p < last) {
        (*p)++;
    }

    return n;
}
