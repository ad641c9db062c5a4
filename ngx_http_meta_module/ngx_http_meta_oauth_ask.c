
/*
 * One command to Redis on behalf of a request, which is finished with the
 * answer, or without one.  As with deliveries, the operation lives outside the
 * request's pool, and whoever dies first lets go of the other.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_oauth.h"


typedef struct {
    ngx_http_request_t      *request;
    ngx_http_meta_op_t      *op;            /* while Redis owes an answer */
    ngx_http_meta_asked_pt   handler;
    void                    *data;
} ngx_http_meta_ask_t;


static void ngx_http_meta_ask_cleanup(void *data);
static void ngx_http_meta_ask_answer(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply);


ngx_int_t
ngx_http_meta_ask(ngx_http_request_t *r, const meta_str_t *argv,
    ngx_uint_t argc, size_t room, ngx_http_meta_asked_pt handler, void *data)
{
    ngx_http_cleanup_t        *cln;
    ngx_http_meta_op_t        *op;
    ngx_http_meta_ask_t       *ask;
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_module);

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_meta_ask_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    ask = cln->data;
    ngx_memzero(ask, sizeof(ngx_http_meta_ask_t));

    ask->request = r;
    ask->handler = handler;
    ask->data = data;

    cln->handler = ngx_http_meta_ask_cleanup;

    op = ngx_http_meta_op_command(mlcf->target->redis, argv, argc);
    if (op == NULL) {
        return NGX_ERROR;
    }

    if (room) {
        op->text.data = ngx_http_meta_op_chunk(op, room);
        op->text_max = room;
    }

    op->handler = ngx_http_meta_ask_answer;
    op->data = ask;
    op->vital = 1;
    op->aside = (room > 0);

    if ((room && op->text.data == NULL)
        || ngx_http_meta_redis_submit(op, mlcf->timeout) != NGX_OK)
    {
        ngx_http_meta_op_free(op);
        return NGX_DECLINED;
    }

    ask->op = op;

    /* waiting: a client that goes away must be noticed */

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_DONE;
}


ngx_int_t
ngx_http_meta_ask_ready(ngx_http_request_t *r)
{
    ngx_http_meta_redis_t     *redis;
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_module);
    redis = mlcf->target->redis;

    return (redis->state == NGX_HTTP_META_REDIS_DOWN
            && redis->reconnect.timer_set) ? NGX_DECLINED : NGX_OK;
}


static void
ngx_http_meta_ask_cleanup(void *data)
{
    ngx_http_meta_ask_t *ask = data;

    if (ask->op) {
        ngx_http_meta_redis_abandon(ask->op);
        ask->op = NULL;
    }
}


static void
ngx_http_meta_ask_answer(ngx_http_meta_op_t *op, ngx_http_meta_reply_t *reply)
{
    ngx_connection_t     *c;
    ngx_http_request_t   *r;
    ngx_http_meta_ask_t  *ask;

    static ngx_str_t      list = ngx_null_string;

    if (reply && reply->type == REDIS_REPLY_ERROR) {
        ngx_http_meta_redis_refused(op->redis, "a command of a login", &list,
                                    reply);
        ngx_http_meta_redis_demoted(op->redis, reply);
    }

    ask = op->data;

    if (ask == NULL) {
        return;
    }

    ask->op = NULL;

    r = ask->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_http_finalize_request(r, ask->handler(r, ask->data, reply, &op->text));
    ngx_http_run_posted_requests(c);
}
