
/*
 * The login that a browser is in: a state that only it can bring back, because
 * it alone has the cookie that the state is signed with.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/rand.h>

#include "ngx_http_meta_oauth.h"


/* "__Host-": set by this host over TLS, for all of its paths, by nobody else */
#define NGX_HTTP_META_COOKIE  "__Host-meta_login"
#define NGX_HTTP_META_COOKIE_ATTRS                                            \
    "; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=900"


static ngx_int_t ngx_http_meta_cookie_get(ngx_http_request_t *r,
    ngx_str_t *cookie);
static ngx_int_t ngx_http_meta_cookie_set(ngx_http_request_t *r,
    ngx_str_t *cookie);


ngx_int_t
ngx_http_meta_state_begin(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *ref, ngx_str_t *flow, ngx_str_t *state)
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

    return ngx_http_meta_state_renew(r, &login, NGX_HTTP_META_STATE_TIME,
                                     state);
}


ngx_int_t
ngx_http_meta_state_renew(ngx_http_request_t *r, ngx_http_meta_login_t *login,
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


/* well-formed, or it is none */

static ngx_int_t
ngx_http_meta_cookie_get(ngx_http_request_t *r, ngx_str_t *cookie)
{
    u_char  bytes[META_COOKIE_LEN];
    size_t  len;

    meta_str_t        text;

    static ngx_str_t  name = ngx_string(NGX_HTTP_META_COOKIE);

#if (nginx_version >= 1023000)
    if (ngx_http_parse_multi_header_lines(r, r->headers_in.cookie, &name,
                                          cookie)
        == NULL)
    {
        return NGX_DECLINED;
    }
#else
    if (ngx_http_parse_multi_header_lines(&r->headers_in.cookies, &name,
                                          cookie)
        == NGX_DECLINED)
    {
        return NGX_DECLINED;
    }
#endif

    text.data = cookie->data;
    text.len = cookie->len;

    return (cookie->len == META_COOKIE_LEN
            && meta_base64_read(bytes, &len, text) == META_OK)
           ? NGX_OK : NGX_DECLINED;
}


/* the one that is there: a second tab must not end the login of the first */

static ngx_int_t
ngx_http_meta_cookie_set(ngx_http_request_t *r, ngx_str_t *cookie)
{
    u_char      bytes[16], *p;
    meta_str_t  text;

    p = ngx_pnalloc(r->pool, sizeof(NGX_HTTP_META_COOKIE) + META_COOKIE_LEN
                             + sizeof(NGX_HTTP_META_COOKIE_ATTRS));
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_meta_cookie_get(r, cookie) != NGX_OK) {

        cookie->len = META_COOKIE_LEN;
        cookie->data = ngx_pnalloc(r->pool, META_COOKIE_LEN);

        if (cookie->data == NULL || RAND_bytes(bytes, sizeof(bytes)) != 1) {
            return NGX_ERROR;
        }

        text.data = bytes;
        text.len = sizeof(bytes);

        (void) meta_base64_write(cookie->data, text);
    }

    (void) ngx_sprintf(p, NGX_HTTP_META_COOKIE "=%V"
                       NGX_HTTP_META_COOKIE_ATTRS "%Z", cookie);

    return ngx_http_meta_header(r, "Set-Cookie", (char *) p);
}
