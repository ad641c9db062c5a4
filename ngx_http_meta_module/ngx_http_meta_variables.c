
/*
 * $meta_* variables: what became of a request, for access logs.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_module.h"


static ngx_int_t ngx_http_meta_variable_verdict(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_meta_variable_str(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_meta_variable_events(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_meta_variable_queued(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_meta_variable_time(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_http_meta_ctx_t *ngx_http_meta_variable_ctx(ngx_http_request_t *r,
    ngx_http_variable_value_t *v);
static ngx_int_t ngx_http_meta_variable_set(ngx_http_variable_value_t *v,
    ngx_str_t *s);


static ngx_http_variable_t  ngx_http_meta_variables[] = {

    { ngx_string("meta_verdict"), NULL, ngx_http_meta_variable_verdict,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("meta_object"), NULL, ngx_http_meta_variable_str,
      offsetof(ngx_http_meta_ctx_t, object), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("meta_app"), NULL, ngx_http_meta_variable_str,
      offsetof(ngx_http_meta_ctx_t, app), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("meta_delivery"), NULL, ngx_http_meta_variable_str,
      offsetof(ngx_http_meta_ctx_t, delivery), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("meta_events"), NULL, ngx_http_meta_variable_events,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("meta_queued"), NULL, ngx_http_meta_variable_queued,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("meta_queue_time"), NULL, ngx_http_meta_variable_time,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static ngx_str_t  ngx_http_meta_verdicts[NGX_HTTP_META_NALL] = {
    ngx_string(""),
    ngx_string("ok"),
    ngx_string("challenge"),
    ngx_string("bad_token"),
    ngx_string("bad_method"),
    ngx_string("bad_client"),
    ngx_string("no_secret"),
    ngx_string("no_signature"),
    ngx_string("bad_signature"),
    ngx_string("malformed"),
    ngx_string("too_large"),
    ngx_string("bad_queue"),
    ngx_string("unavailable"),
    ngx_string("error"),
    ngx_string("stale"),

    ngx_string("bad_link"),
    ngx_string("bad_state"),
    ngx_string("replayed"),
    ngx_string("denied"),
    ngx_string("failed"),
    ngx_string("login"),
    ngx_string("code"),
    ngx_string("flow"),
    ngx_string("no_flow")
};


ngx_int_t
ngx_http_meta_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_meta_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_meta_variable_verdict(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_meta_verdict_t  verdict;

    verdict = ngx_http_meta_verdict(r,
                         ngx_http_get_module_ctx(r, ngx_http_meta_module));

    if (verdict == NGX_HTTP_META_NONE) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_meta_variable_set(v, &ngx_http_meta_verdicts[verdict]);
}


/* of a request that is over, or about to be; ctx may be NULL */

ngx_http_meta_verdict_t
ngx_http_meta_verdict(ngx_http_request_t *r, ngx_http_meta_ctx_t *ctx)
{
    ngx_http_meta_loc_conf_t  *mlcf;
    ngx_http_meta_verdict_t    verdict;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_module);

    verdict = ctx ? ctx->verdict : NGX_HTTP_META_NONE;

    /* nginx itself answers a body over the limit */

    if (verdict == NGX_HTTP_META_NONE && mlcf->webhook
        && r->headers_out.status == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE)
    {
        verdict = NGX_HTTP_META_TOO_LARGE;
    }

    /* ... and one that it could not store */

    if (verdict == NGX_HTTP_META_NONE && mlcf->webhook
        && r->headers_out.status >= NGX_HTTP_INTERNAL_SERVER_ERROR)
    {
        verdict = NGX_HTTP_META_ERROR;
    }

    return verdict;
}


/* for counters, which also count requests that were never judged */

ngx_str_t *
ngx_http_meta_verdict_name(ngx_uint_t verdict)
{
    static ngx_str_t  unjudged = ngx_string("unjudged");

    return verdict == NGX_HTTP_META_NONE ? &unjudged
                                         : &ngx_http_meta_verdicts[verdict];
}


static ngx_int_t
ngx_http_meta_variable_str(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_meta_ctx_t  *ctx;

    ctx = ngx_http_meta_variable_ctx(r, v);
    if (ctx == NULL) {
        return NGX_OK;
    }

    return ngx_http_meta_variable_set(v, (ngx_str_t *) ((char *) ctx + data));
}


static ngx_int_t
ngx_http_meta_variable_events(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t             s;
    ngx_http_meta_ctx_t  *ctx;

    ctx = ngx_http_meta_variable_ctx(r, v);
    if (ctx == NULL) {
        return NGX_OK;
    }

    s.data = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (s.data == NULL) {
        return NGX_ERROR;
    }

    s.len = ngx_sprintf(s.data, "%ui", ctx->nevents) - s.data;

    return ngx_http_meta_variable_set(v, &s);
}


static ngx_int_t
ngx_http_meta_variable_queued(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_meta_ctx_t  *ctx;

    static ngx_str_t  redis = ngx_string("redis");
    static ngx_str_t  spool = ngx_string("spool");
    static ngx_str_t  none = ngx_string("none");

    ctx = ngx_http_meta_variable_ctx(r, v);
    if (ctx == NULL) {
        return NGX_OK;
    }

    if (!ctx->queued) {
        return ngx_http_meta_variable_set(v, &none);
    }

    return ngx_http_meta_variable_set(v, ctx->spooled ? &spool : &redis);
}


static ngx_int_t
ngx_http_meta_variable_time(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t             s;
    ngx_msec_t            ms;
    ngx_http_meta_ctx_t  *ctx;

    ctx = ngx_http_meta_variable_ctx(r, v);

    if (ctx == NULL || !ctx->pushed) {
        v->not_found = 1;
        return NGX_OK;
    }

    ms = (ctx->op || ctx->waiter.queue.next) ? ngx_current_msec - ctx->asked
                                             : ctx->queue_time;

    s.data = ngx_pnalloc(r->pool, NGX_TIME_T_LEN + 4);
    if (s.data == NULL) {
        return NGX_ERROR;
    }

    s.len = ngx_sprintf(s.data, "%T.%03M", (time_t) (ms / 1000), ms % 1000)
            - s.data;

    return ngx_http_meta_variable_set(v, &s);
}


static ngx_http_meta_ctx_t *
ngx_http_meta_variable_ctx(ngx_http_request_t *r,
    ngx_http_variable_value_t *v)
{
    ngx_http_meta_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_meta_module);

    if (ctx == NULL) {
        v->not_found = 1;
    }

    return ctx;
}


static ngx_int_t
ngx_http_meta_variable_set(ngx_http_variable_value_t *v, ngx_str_t *s)
{
    v->len = s->len;
    v->data = s->data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
