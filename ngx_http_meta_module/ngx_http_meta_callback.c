
/*
 * meta_oauth_callback: what Meta's dialog sends a browser back with.  A code
 * goes to the consumer, once, and the browser to the page that follows it; a
 * refusal goes into the flow's hash.  Nothing of the query stays in the URL.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_oauth.h"


/* meta-graph-oauth-ads-capi.md 2.2; and flow, which is ours */

enum {
    NGX_HTTP_META_P_STATE = 0,
    NGX_HTTP_META_P_CODE,
    NGX_HTTP_META_P_ERROR,
    NGX_HTTP_META_P_REASON,
    NGX_HTTP_META_P_GRANTED,
    NGX_HTTP_META_P_DENIED,
    NGX_HTTP_META_P_FLOW,
    NGX_HTTP_META_PARAMS
};


typedef struct {
    ngx_str_t                   v[NGX_HTTP_META_PARAMS];
    ngx_http_meta_login_t       login;
    ngx_http_meta_oauth_app_t  *app;
    ngx_uint_t                  denied;     /* unsigned  denied:1; */
} ngx_http_meta_callback_t;


static ngx_int_t ngx_http_meta_callback_judge(ngx_http_request_t *r,
    ngx_http_meta_callback_t *cb);
static ngx_int_t ngx_http_meta_callback_code(ngx_http_request_t *r,
    ngx_http_meta_callback_t *cb);
static ngx_int_t ngx_http_meta_callback_error(ngx_http_request_t *r,
    ngx_http_meta_callback_t *cb);
static ngx_int_t ngx_http_meta_callback_push(ngx_http_request_t *r,
    ngx_http_meta_callback_t *cb, ngx_http_meta_auth_t *auth);
static ngx_int_t ngx_http_meta_callback_pushed(ngx_http_request_t *r,
    void *data, ngx_http_meta_auth_answer_t answer);
static ngx_int_t ngx_http_meta_callback_event(ngx_http_request_t *r,
    ngx_http_meta_callback_t *cb, ngx_str_t *sealed, ngx_str_t *event);
static u_char *ngx_http_meta_callback_member(u_char *p, char *name,
    ngx_str_t *value, ngx_uint_t nullable);
static void ngx_http_meta_callback_scopes(ngx_str_t *list);
static void ngx_http_meta_callback_word(ngx_str_t *word);


static ngx_str_t  ngx_http_meta_callback_names[] = {
    ngx_string("state"),
    ngx_string("code"),
    ngx_string("error"),
    ngx_string("error_reason"),
    ngx_string("granted_scopes"),
    ngx_string("denied_scopes"),
    ngx_string("flow")
};


ngx_int_t
ngx_http_meta_callback_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_str_t                 *v;
    ngx_http_meta_ctx_t       *ctx;
    ngx_http_meta_callback_t  *cb;

    rc = ngx_http_meta_get_only(r, "GET, HEAD");

    if (rc != NGX_OK || !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return rc;
    }

    ctx = ngx_http_meta_get_ctx(r);
    cb = ngx_pcalloc(r->pool, sizeof(ngx_http_meta_callback_t));

    if (ctx == NULL || cb == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    v = cb->v;

    rc = ngx_http_meta_params(r->pool, &ctx->args,
                              ngx_http_meta_callback_names, v,
                              NGX_HTTP_META_PARAMS);
    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* a parameter that stands there twice is nobody's answer */

    if (rc != NGX_OK) {
        return ngx_http_meta_note(r, NGX_HTTP_META_NOTE_STATE, NULL);
    }

    if (v[NGX_HTTP_META_P_STATE].data == NULL
        && v[NGX_HTTP_META_P_CODE].data == NULL
        && v[NGX_HTTP_META_P_ERROR].data == NULL)
    {
        return ngx_http_meta_flow(r, &v[NGX_HTTP_META_P_FLOW]);
    }

    if (r->method == NGX_HTTP_HEAD) {
        return ngx_http_meta_head_only(r);
    }

    return ngx_http_meta_callback_judge(r, cb);
}


static ngx_int_t
ngx_http_meta_callback_judge(ngx_http_request_t *r,
    ngx_http_meta_callback_t *cb)
{
    ngx_str_t                        *code, *error;
    ngx_http_meta_ctx_t              *ctx;
    ngx_http_meta_oauth_main_conf_t  *momcf;

    switch (ngx_http_meta_state_check(r, &cb->v[NGX_HTTP_META_P_STATE],
                                      &cb->login))
    {
    case NGX_OK:
        break;

    case NGX_DECLINED:
        return ngx_http_meta_note(r, NGX_HTTP_META_NOTE_STATE, NULL);

    case NGX_ABORT:
        return ngx_http_meta_note(r, NGX_HTTP_META_NOTE_LATE, NULL);

    default:
        return ngx_http_meta_note(r, NGX_HTTP_META_NOTE_ERROR, NULL);
    }

    momcf = ngx_http_get_module_main_conf(r, ngx_http_meta_oauth_module);

    cb->app = ngx_http_meta_oauth_named(momcf, &cb->login.name);

    code = &cb->v[NGX_HTTP_META_P_CODE];
    error = &cb->v[NGX_HTTP_META_P_ERROR];

    /* an app that was renamed meanwhile; and neither code nor error, or both */

    if (cb->app == NULL
        || (code->len == 0) == (error->len == 0)
        || code->len > NGX_HTTP_META_CODE_MAX)
    {
        return ngx_http_meta_note(r, NGX_HTTP_META_NOTE_STATE, NULL);
    }

    ctx = ngx_http_meta_get_ctx(r);
    ctx->app = cb->app->id;

    return error->len ? ngx_http_meta_callback_error(r, cb)
                      : ngx_http_meta_callback_code(r, cb);
}


static ngx_int_t
ngx_http_meta_callback_code(ngx_http_request_t *r,
    ngx_http_meta_callback_t *cb)
{
    ngx_str_t             sealed;
    ngx_http_meta_auth_t  auth;

    ngx_memzero(&auth, sizeof(ngx_http_meta_auth_t));

    if (ngx_http_meta_auth_seal(r, &cb->login.flow,
                                &cb->v[NGX_HTTP_META_P_CODE], &sealed)
        != NGX_OK
        || ngx_http_meta_callback_event(r, cb, &sealed, &auth.event)
           != NGX_OK)
    {
        return ngx_http_meta_note(r, NGX_HTTP_META_NOTE_ERROR, NULL);
    }

    ngx_str_set(&auth.step, "received");
    ngx_str_set(&auth.text, "Your permission has arrived. "
                            "Your accounts are being connected.");

    return ngx_http_meta_callback_push(r, cb, &auth);
}


/* what Meta says in words is not shown: it comes out of a URL */

static ngx_int_t
ngx_http_meta_callback_error(ngx_http_request_t *r,
    ngx_http_meta_callback_t *cb)
{
    ngx_str_t             *error, *reason;
    ngx_http_meta_auth_t   auth;

    ngx_memzero(&auth, sizeof(ngx_http_meta_auth_t));

    error = &cb->v[NGX_HTTP_META_P_ERROR];
    reason = &cb->v[NGX_HTTP_META_P_REASON];

    ngx_http_meta_callback_word(error);
    ngx_http_meta_callback_word(reason);

    cb->denied = (error->len == sizeof("access_denied") - 1
                  && ngx_strncmp(error->data, "access_denied", error->len)
                     == 0)
                 || (reason->len == sizeof("user_denied") - 1
                     && ngx_strncmp(reason->data, "user_denied", reason->len)
                        == 0);

    ngx_str_set(&auth.step, "failed");

    if (cb->denied) {
        ngx_str_set(&auth.error, "denied");
        ngx_str_set(&auth.text, "You chose not to give permission, so "
                                "your accounts stay as they were.");

    } else {
        ngx_str_set(&auth.error, "meta");
        ngx_str_set(&auth.text, "Meta did not complete this. Please try "
                                "again, or ask for help if it keeps "
                                "happening.");

        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "Meta's dialog ended a login with \"%V\", reason "
                      "\"%V\"", error, reason);
    }

    return ngx_http_meta_callback_push(r, cb, &auth);
}


static ngx_int_t
ngx_http_meta_callback_push(ngx_http_request_t *r,
    ngx_http_meta_callback_t *cb, ngx_http_meta_auth_t *auth)
{
    ngx_int_t  rc;

    ngx_str_set(&auth->once, "used");

    auth->flow = cb->login.flow;
    auth->name = cb->login.name;
    auth->ref = cb->login.ref;
    auth->app = cb->app->id;
    auth->kind = ngx_http_meta_oauth_kinds[cb->app->kind];

    rc = ngx_http_meta_auth_push(r, auth, ngx_http_meta_callback_pushed, cb);

    if (rc == NGX_DONE) {
        r->main->count++;
        return NGX_DONE;
    }

    return ngx_http_meta_callback_pushed(r, cb, NGX_HTTP_META_AUTH_AWAY);
}


static ngx_int_t
ngx_http_meta_callback_pushed(ngx_http_request_t *r, void *data,
    ngx_http_meta_auth_answer_t answer)
{
    ngx_http_meta_callback_t *cb = data;

    ngx_str_t             url;
    ngx_http_meta_ctx_t  *ctx;

    ctx = ngx_http_meta_get_ctx(r);

    switch (answer) {

    case NGX_HTTP_META_AUTH_PUSHED:
        ctx->verdict = cb->denied ? NGX_HTTP_META_DENIED
                       : cb->v[NGX_HTTP_META_P_ERROR].len
                         ? NGX_HTTP_META_FAILED : NGX_HTTP_META_CODE;
        return ngx_http_meta_flow_redirect(r, &cb->login.flow);

    case NGX_HTTP_META_AUTH_USED:
        if (ngx_http_meta_flow_url(r, &cb->login.flow, &url) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_meta_note(r, NGX_HTTP_META_NOTE_USED, &url);

    default:

        /* who said no has nothing to wait for */

        return ngx_http_meta_note(r, cb->denied ? NGX_HTTP_META_NOTE_DENIED
                                                : NGX_HTTP_META_NOTE_AGAIN,
                                  NULL);
    }
}


static ngx_int_t
ngx_http_meta_callback_event(ngx_http_request_t *r,
    ngx_http_meta_callback_t *cb, ngx_str_t *sealed, ngx_str_t *event)
{
    u_char                          *p;
    ngx_str_t                       *granted, *denied;
    ngx_http_meta_oauth_loc_conf_t  *molcf;

    molcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_oauth_module);

    granted = &cb->v[NGX_HTTP_META_P_GRANTED];
    denied = &cb->v[NGX_HTTP_META_P_DENIED];

    ngx_http_meta_callback_scopes(granted);
    ngx_http_meta_callback_scopes(denied);

    p = ngx_pnalloc(r->pool, 512 + 6 * META_REF_MAX + molcf->redirect_uri.len
                             + sealed->len + cb->app->scope.len
                             + granted->len + denied->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    event->data = p;

    p = ngx_sprintf(p, "{\"id\":\"%V\",\"time\":%T,\"field\":\"code\"",
                    &cb->app->id, ngx_time());

    p = ngx_http_meta_callback_member(p, "flow", &cb->login.flow, 0);
    p = ngx_http_meta_callback_member(p, "name", &cb->login.name, 0);
    p = ngx_http_meta_callback_member(p, "kind",
                             &ngx_http_meta_oauth_kinds[cb->app->kind], 0);
    p = ngx_http_meta_callback_member(p, "redirect_uri",
                                      &molcf->redirect_uri, 0);
    p = ngx_http_meta_callback_member(p, "ref", &cb->login.ref, 0);
    p = ngx_http_meta_callback_member(p, "code", sealed, 0);
    p = ngx_http_meta_callback_member(p, "wanted", &cb->app->scope, 1);
    p = ngx_http_meta_callback_member(p, "granted", granted, 1);
    p = ngx_http_meta_callback_member(p, "denied", denied, 1);

    *p++ = '}';

    event->len = p - event->data;

    return NGX_OK;
}


static u_char *
ngx_http_meta_callback_member(u_char *p, char *name, ngx_str_t *value,
    ngx_uint_t nullable)
{
    p = ngx_sprintf(p, ",\"%s\":", name);

    if (nullable && value->data == NULL) {
        return ngx_cpymem(p, "null", 4);
    }

    return ngx_http_meta_json_string(p, value);
}


/* as the dialog writes them, or it is as if they were not told */

static void
ngx_http_meta_callback_scopes(ngx_str_t *list)
{
    u_char  ch;
    size_t  i;

    for (i = 0; i < list->len; i++) {
        ch = list->data[i];

        if ((ch < 'a' || ch > 'z') && (ch < '0' || ch > '9')
            && ch != '_' && ch != '.' && ch != ',')
        {
            break;
        }
    }

    if (i < list->len || i > NGX_HTTP_META_SCOPES_MAX) {
        ngx_str_null(list);
    }
}


/* for the log: what a label can bear, never what somebody wrote */

static void
ngx_http_meta_callback_word(ngx_str_t *word)
{
    u_char  ch;
    size_t  i;

    for (i = 0; i < word->len; i++) {
        ch = word->data[i];

        if (i == 64 || ((ch < 'a' || ch > 'z') && ch != '_')) {
            ngx_str_set(word, "other");
            return;
        }
    }
}
