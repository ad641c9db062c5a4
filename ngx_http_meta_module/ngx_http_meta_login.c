
/*
 * meta_oauth_login: who has a signed link is sent to Meta's dialog, with a
 * state that only his browser can bring back.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_oauth.h"


static ngx_int_t ngx_http_meta_login_url(ngx_http_request_t *r,
    ngx_str_t *state, ngx_str_t *url);
static ngx_int_t ngx_http_meta_login_again(ngx_http_request_t *r,
    ngx_str_t *again);


ngx_int_t
ngx_http_meta_login_handler(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_str_t                        ref, flow, state, url;
    ngx_http_meta_ctx_t             *ctx;
    ngx_http_meta_note_page_t        note;
    ngx_http_meta_oauth_loc_conf_t  *molcf;

    molcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_oauth_module);

    rc = ngx_http_meta_get_only(r, "GET, HEAD");

    if (rc != NGX_OK || !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return rc;
    }

    if (ngx_http_meta_link(r, &ref, &note) != NGX_OK) {
        return ngx_http_meta_note(r, note, NULL);
    }

    if (r->method == NGX_HTTP_HEAD) {
        return ngx_http_meta_head_only(r);
    }

    /* nobody is asked for a permission that has nowhere to go */

    if (ngx_http_meta_ask_ready(r) != NGX_OK) {
        return ngx_http_meta_note(r, NGX_HTTP_META_NOTE_AGAIN, NULL);
    }

    if (ngx_http_meta_state_begin(r, &molcf->login, &ref,
                                  NGX_HTTP_META_STATE_TIME, &flow, &state)
        != NGX_OK
        || ngx_http_meta_login_url(r, &state, &url) != NGX_OK)
    {
        return ngx_http_meta_note(r, NGX_HTTP_META_NOTE_ERROR, NULL);
    }

    ctx = ngx_http_meta_get_ctx(r);
    ctx->verdict = NGX_HTTP_META_LOGIN;
    ctx->app = molcf->app->id;

    return ngx_http_meta_redirect(r, NGX_HTTP_MOVED_TEMPORARILY, &url);
}


/* meta-graph-oauth-ads-capi.md 2.1, 2.10 */

static ngx_int_t
ngx_http_meta_login_url(ngx_http_request_t *r, ngx_str_t *state,
    ngx_str_t *url)
{
    u_char                          *p;
    ngx_str_t                        again;
    ngx_http_meta_oauth_app_t       *app;
    ngx_http_meta_oauth_loc_conf_t  *molcf;

    molcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_oauth_module);
    app = molcf->app;

    if (ngx_http_meta_login_again(r, &again) != NGX_OK) {
        return NGX_ERROR;
    }

    url->data = ngx_pnalloc(r->pool, app->dialog.len + app->query.len
                          + sizeof("&redirect_uri=&state=&auth_type=")
                          + ngx_http_meta_escape_len(&molcf->redirect_uri)
                          + state->len + again.len);
    if (url->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(url->data, "%V&redirect_uri=", &app->dialog);
    p = ngx_http_meta_escape(p, &molcf->redirect_uri);
    p = ngx_sprintf(p, "&state=%V%V", state, &app->query);

    if (again.len) {
        p = ngx_sprintf(p, "&auth_type=%V", &again);
    }

    url->len = p - url->data;

    return NGX_OK;
}


/*
 * Asked once more: for what was declined, or for data access that ran out.
 * What was declined is never asked for again by itself, so a login with a
 * scope always does (meta-graph-oauth-ads-capi.md 2.1).
 */

static ngx_int_t
ngx_http_meta_login_again(ngx_http_request_t *r, ngx_str_t *again)
{
    ngx_int_t                        rc;
    ngx_uint_t                       i;
    ngx_http_meta_ctx_t             *ctx;
    ngx_http_meta_oauth_loc_conf_t  *molcf;

    static ngx_str_t  name = ngx_string("again");
    static ngx_str_t  types[] = {
        ngx_string("rerequest"),
        ngx_string("reauthorize")
    };

    molcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_oauth_module);
    ctx = ngx_http_meta_get_ctx(r);

    rc = ngx_http_meta_params(r->pool, &ctx->args, &name, again, 1);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK && molcf->app->kind != NGX_HTTP_META_INSTAGRAM) {
        for (i = 0; i < 2; i++) {
            if (again->len == types[i].len
                && ngx_memcmp(again->data, types[i].data, again->len) == 0)
            {
                return NGX_OK;
            }
        }
    }

    ngx_str_null(again);

    if (molcf->app->kind == NGX_HTTP_META_FACEBOOK) {
        *again = types[0];
    }

    return NGX_OK;
}
