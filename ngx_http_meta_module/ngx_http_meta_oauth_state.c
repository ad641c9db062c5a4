
/*
 * The login that a browser is in: a state that only it can bring back, because
 * it alone has the cookie that the state is signed with.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/rand.h>

#include "ngx_http_meta_oauth.h"


ngx_int_t
ngx_http_meta_state_begin(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *ref, time_t lives, ngx_str_t *flow, ngx_str_t *state)
{
    u_char                  bytes[META_FLOW_LEN / 2];
    ngx_http_meta_login_t   login;

    flow->len = META_FLOW_LEN;
    flow->data = ngx_pnalloc(r->pool, META_FLOW_LEN);

    if (flow->data == NULL || RAND_bytes(bytes, sizeof(bytes)) != 1) {
        return NGX_ERROR;
    }

    (void) ngx_hex_dump(flow->data, bytes, sizeof(bytes));

    login.flow = *flow;
    login.name = *name;
    login.ref = *ref;

    return ngx_http_meta_state_write(r, &login, lives, state);
}


ngx_int_t
ngx_http_meta_state_write(ngx_http_request_t *r, ngx_http_meta_login_t *login,
    time_t lives, ngx_str_t *state)
{
    ngx_str_t                        cookie;
    meta_str_t                       text;
    meta_state_t                     st;
    ngx_http_meta_oauth_loc_conf_t  *molcf;

    molcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_oauth_module);

    if (ngx_http_meta_cookie_set(r, &cookie) != NGX_OK) {
        return NGX_ERROR;
    }

    state->data = ngx_pnalloc(r->pool, META_STATE_MAX);
    if (state->data == NULL) {
        return NGX_ERROR;
    }

    st.flow.data = login->flow.data;
    st.flow.len = login->flow.len;
    st.name.data = login->name.data;
    st.name.len = login->name.len;
    st.ref.data = login->ref.data;
    st.ref.len = login->ref.len;
    st.expires = ngx_time() + lives;

    text.data = cookie.data;
    text.len = cookie.len;

    state->len = meta_state_write(state->data, molcf->token_keys->elts, &st,
                                  text);

    return state->len ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_meta_state_check(ngx_http_request_t *r, ngx_str_t *state,
    ngx_http_meta_login_t *login)
{
    u_char                          *buf;
    ngx_str_t                        cookie;
    meta_rc_t                        rc;
    meta_str_t                       text, key;
    meta_state_t                     st;
    ngx_http_meta_oauth_loc_conf_t  *molcf;

    molcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_oauth_module);

    if (ngx_http_meta_cookie_get(r, &cookie) != NGX_OK) {
        return NGX_DECLINED;
    }

    buf = ngx_pnalloc(r->pool, META_STATE_MAX);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    text.data = state->data;
    text.len = state->len;
    key.data = cookie.data;
    key.len = cookie.len;

    rc = meta_state_read(&st, buf, molcf->token_keys->elts,
                         molcf->token_keys->nelts, text, key);

    if (rc != META_OK) {
        return rc == META_ERROR ? NGX_ERROR : NGX_DECLINED;
    }

    if (st.expires < ngx_time()) {
        return NGX_ABORT;
    }

    login->flow.data = (u_char *) st.flow.data;
    login->flow.len = st.flow.len;
    login->name.data = (u_char *) st.name.data;
    login->name.len = st.name.len;
    login->ref.data = (u_char *) st.ref.data;
    login->ref.len = st.ref.len;

    return NGX_OK;
}


ngx_int_t
ngx_http_meta_is_flow(ngx_str_t *flow)
{
    size_t  i;

    if (flow->len != META_FLOW_LEN) {
        return NGX_DECLINED;
    }

    for (i = 0; i < flow->len; i++) {
        if ((flow->data[i] < '0' || flow->data[i] > '9')
            && (flow->data[i] < 'a' || flow->data[i] > 'f'))
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}
