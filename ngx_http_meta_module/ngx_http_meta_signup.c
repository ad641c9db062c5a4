
/*
 * meta_embedded_signup: a page that runs Meta's JavaScript SDK, and what it
 * posts to its own location: the code and the ids, at once; and a PIN, if the
 * number has one.  Its state lives for an hour, since nobody chooses a
 * business, an account and a number in ten minutes, and is never renewed: a
 * link that has ended ends.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/crypto.h>

#include "ngx_http_meta_oauth.h"

/* static u_char  ngx_http_meta_signup_html[] = { ... }; ends with a zero */
#include "ngx_http_meta_signup.h"


/* nginx holds so much in memory, and never in a file */
#define NGX_HTTP_META_SIGNUP_MAX    8192


typedef struct {
    ngx_uint_t               status;
    ngx_http_meta_verdict_t  verdict;
    char                    *error;
    char                    *text;
} ngx_http_meta_signup_fault_t;


/* why nothing is done with what was posted */
typedef enum {
    NGX_HTTP_META_SIGNUP_FOREIGN = 0,
    NGX_HTTP_META_SIGNUP_LARGE,
    NGX_HTTP_META_SIGNUP_BAD,
    NGX_HTTP_META_SIGNUP_STATE,
    NGX_HTTP_META_SIGNUP_LATE,
    NGX_HTTP_META_SIGNUP_USED,
    NGX_HTTP_META_SIGNUP_AWAY,
    NGX_HTTP_META_SIGNUP_ERROR
} ngx_http_meta_signup_why_t;


static ngx_int_t ngx_http_meta_signup_get(ngx_http_request_t *r);
static ngx_int_t ngx_http_meta_signup_page(ngx_http_request_t *r,
    ngx_str_t *flow, ngx_str_t *state, ngx_str_t *known);
static ngx_int_t ngx_http_meta_signup_post(ngx_http_request_t *r);
static void ngx_http_meta_signup_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_meta_signup_judge(ngx_http_request_t *r);
static ngx_int_t ngx_http_meta_signup_state(ngx_http_request_t *r,
    ngx_str_t *state, ngx_http_meta_login_t *login);
static ngx_int_t ngx_http_meta_signup_code(ngx_http_request_t *r,
    ngx_http_meta_signup_t *s);
static ngx_int_t ngx_http_meta_signup_pin(ngx_http_request_t *r,
    ngx_http_meta_signup_t *s);
static ngx_int_t ngx_http_meta_signup_push(ngx_http_request_t *r,
    ngx_http_meta_signup_t *s);
static ngx_int_t ngx_http_meta_signup_pushed(ngx_http_request_t *r,
    void *data, ngx_http_meta_auth_answer_t answer);
static u_char *ngx_http_meta_signup_member(u_char *p, char *name,
    ngx_str_t *value);
static ngx_int_t ngx_http_meta_signup_refuse(ngx_http_request_t *r,
    ngx_http_meta_signup_why_t why);


/* in the order of ngx_http_meta_signup_why_t */

static ngx_http_meta_signup_fault_t  ngx_http_meta_signup_faults[] = {

    { 403, NGX_HTTP_META_BAD_STATE, "state",
      "This did not come from our own page." },

    { 413, NGX_HTTP_META_TOO_LARGE, "internal",
      "That is more than a signup can be." },

    { 400, NGX_HTTP_META_MALFORMED, "internal",
      "That is not what our page sends." },

    { 403, NGX_HTTP_META_BAD_STATE, "state",
      "This attempt was started in another browser, or cookies are switched "
      "off in this one. Please start again from the link you received." },

    { 403, NGX_HTTP_META_BAD_STATE, "late",
      "That took too long. Please start again from the link you received." },

    { 409, NGX_HTTP_META_REPLAYED, "replayed",
      "This was already done." },

    { 503, NGX_HTTP_META_UNAVAILABLE, "unreachable",
      "We cannot go on just now." },

    { 500, NGX_HTTP_META_ERROR, "internal",
      "Something went wrong on our side. Please try again in a few "
      "minutes." }
};


ngx_int_t
ngx_http_meta_signup_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (r->method == NGX_HTTP_POST) {
        return ngx_http_meta_signup_post(r);
    }

    rc = ngx_http_meta_get_only(r, "GET, HEAD, POST");

    if (rc != NGX_OK || !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return rc;
    }

    return ngx_http_meta_signup_get(r);
}


static ngx_int_t
ngx_http_meta_signup_get(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_str_t                        ref, flow, state;
    ngx_http_meta_ctx_t             *ctx;
    ngx_http_meta_note_page_t        note;
    ngx_http_meta_oauth_loc_conf_t  *molcf;

    static ngx_str_t                 name = ngx_string("flow");

    molcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_oauth_module);
    ctx = ngx_http_meta_get_ctx(r);

    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* the page asks how it goes */

    rc = ngx_http_meta_params(r->pool, &ctx->args, &name, &flow, 1);

    if (rc == NGX_OK && flow.data) {
        return ngx_http_meta_flow(r, &flow);
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

    if (ngx_http_meta_state_begin(r, &molcf->signup->name, &ref,
                                  NGX_HTTP_META_FLOW_TIME, &flow, &state)
        != NGX_OK)
    {
        return ngx_http_meta_note(r, NGX_HTTP_META_NOTE_ERROR, NULL);
    }

    return ngx_http_meta_signup_page(r, &flow, &state, NULL);
}


/* a page that was loaded anew can still take a PIN */

ngx_int_t
ngx_http_meta_signup_again(ngx_http_request_t *r, ngx_str_t *flow,
    ngx_str_t *state, ngx_str_t *known)
{
    ngx_http_meta_login_t  login;

    if (ngx_http_meta_signup_state(r, state, &login) != NGX_OK
        || ngx_memcmp(login.flow.data, flow->data, META_FLOW_LEN) != 0)
    {
        return NGX_DECLINED;
    }

    return ngx_http_meta_signup_page(r, flow, state, known);
}


static ngx_int_t
ngx_http_meta_signup_page(ngx_http_request_t *r, ngx_str_t *flow,
    ngx_str_t *state, ngx_str_t *known)
{
    ngx_http_meta_ctx_t             *ctx;
    ngx_http_meta_page_t             page;
    ngx_http_meta_field_t            fields[5];
    ngx_http_meta_oauth_loc_conf_t  *molcf;

    molcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_oauth_module);

    ctx = ngx_http_meta_get_ctx(r);
    ctx->verdict = NGX_HTTP_META_LOGIN;

    ngx_memzero(fields, sizeof(fields));

    ngx_str_set(&fields[0].name, "key");
    fields[0].value = *state;
    ngx_str_set(&fields[1].name, "config");
    fields[1].value = molcf->signup->json;
    ngx_str_set(&fields[2].name, "flow");
    fields[2].value = *flow;

    if (known) {
        ngx_str_set(&fields[3].name, "known");
        fields[3].value = *known;
    }

    ngx_memzero(&page, sizeof(ngx_http_meta_page_t));

    page.status = NGX_HTTP_OK;
    page.text = ngx_http_meta_signup_html;
    page.fields = fields;
    page.sdk = &molcf->signup->scripts;
    page.hosts = &molcf->signup->hosts;

    /* the window that the SDK opens has to be able to speak to this one */

    page.opener = "same-origin-allow-popups";

    return ngx_http_meta_page_send(r, &page);
}


static ngx_int_t
ngx_http_meta_signup_post(ngx_http_request_t *r)
{
    off_t                      size;
    ngx_int_t                  rc;
    ngx_http_core_loc_conf_t  *clcf;

    /* no error_page makes another answer of this */

    r->err_status = 0;
    r->error_page = 1;

    if (!ngx_http_meta_signup_own(r)) {
        rc = ngx_http_discard_request_body(r);
        return rc == NGX_OK
               ? ngx_http_meta_signup_refuse(r, NGX_HTTP_META_SIGNUP_FOREIGN)
               : rc;
    }

    /* what could not be read to memory alone is not read: it is a secret */

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    size = r->headers_in.content_length_n;

    if (size < 0) {
        size = NGX_HTTP_META_SIGNUP_MAX;
    }

    /* HTTP/1's chunks may be longer than what is in them */

    if (size > NGX_HTTP_META_SIGNUP_MAX
        || r->headers_in.chunked
        || size > (off_t) clcf->client_body_buffer_size)
    {
        rc = ngx_http_discard_request_body(r);
        return rc == NGX_OK
               ? ngx_http_meta_signup_refuse(r, NGX_HTTP_META_SIGNUP_LARGE)
               : rc;
    }

    ngx_http_meta_body_hold(r);

    r->request_body_in_single_buf = 1;
    r->request_body_in_file_only = 0;
    r->request_body_in_persistent_file = 0;
    r->request_body_in_clean_file = 0;

    rc = ngx_http_read_client_request_body(r, ngx_http_meta_signup_body);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static void
ngx_http_meta_signup_body(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, ngx_http_meta_signup_judge(r));
}


static ngx_int_t
ngx_http_meta_signup_judge(ngx_http_request_t *r)
{
    ngx_int_t                rc;
    meta_str_t               body;
    ngx_http_meta_signup_t  *s;

    if (ngx_http_meta_body_size(r) > NGX_HTTP_META_SIGNUP_MAX) {
        ngx_http_meta_body_wipe(r);
        return ngx_http_meta_signup_refuse(r, NGX_HTTP_META_SIGNUP_LARGE);
    }

    s = ngx_pcalloc(r->pool, sizeof(ngx_http_meta_signup_t));

    if (s == NULL || ngx_http_meta_body(r, &body) != NGX_OK) {
        ngx_http_meta_body_wipe(r);
        return ngx_http_meta_signup_refuse(r, NGX_HTTP_META_SIGNUP_ERROR);
    }

    rc = ngx_http_meta_signup_read(r, s, body);

    OPENSSL_cleanse((void *) body.data, body.len);
    ngx_http_meta_body_wipe(r);

    if (rc != NGX_OK) {
        return ngx_http_meta_signup_refuse(r, rc == NGX_ERROR
                                              ? NGX_HTTP_META_SIGNUP_ERROR
                                              : NGX_HTTP_META_SIGNUP_BAD);
    }

    rc = ngx_http_meta_signup_state(r, &s->v[NGX_HTTP_META_S_STATE],
                                    &s->login);

    if (rc != NGX_OK) {
        return ngx_http_meta_signup_refuse(r,
                               rc == NGX_ABORT ? NGX_HTTP_META_SIGNUP_LATE
                               : rc == NGX_DECLINED
                                 ? NGX_HTTP_META_SIGNUP_STATE
                                 : NGX_HTTP_META_SIGNUP_ERROR);
    }

    return s->v[NGX_HTTP_META_S_CODE].len ? ngx_http_meta_signup_code(r, s)
                                          : ngx_http_meta_signup_pin(r, s);
}


static ngx_int_t
ngx_http_meta_signup_state(ngx_http_request_t *r, ngx_str_t *state,
    ngx_http_meta_login_t *login)
{
    ngx_int_t                        rc;
    ngx_str_t                       *name;
    ngx_http_meta_oauth_loc_conf_t  *molcf;

    molcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_oauth_module);
    name = &molcf->signup->name;

    rc = ngx_http_meta_state_check(r, state, login);

    if (rc == NGX_OK
        && (login->name.len != name->len
            || ngx_memcmp(login->name.data, name->data, name->len) != 0))
    {
        return NGX_DECLINED;
    }

    return rc;
}


static ngx_int_t
ngx_http_meta_signup_code(ngx_http_request_t *r, ngx_http_meta_signup_t *s)
{
    u_char                          *p;
    ngx_str_t                        sealed;
    ngx_http_meta_auth_t            *auth;
    ngx_http_meta_loc_conf_t        *mlcf;
    ngx_http_meta_oauth_loc_conf_t  *molcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_module);
    molcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_oauth_module);

    if (ngx_http_meta_auth_seal(r, &s->login.flow,
                                &s->v[NGX_HTTP_META_S_CODE], &sealed)
        != NGX_OK
        || ngx_http_meta_state_write(r, &s->login, NGX_HTTP_META_FLOW_TIME,
                                     &s->auth.state)
           != NGX_OK)
    {
        return ngx_http_meta_signup_refuse(r, NGX_HTTP_META_SIGNUP_ERROR);
    }

    p = ngx_pnalloc(r->pool, 512 + 6 * META_REF_MAX + sealed.len
                             + NGX_HTTP_META_SIGNUP_EVENT);
    if (p == NULL) {
        return ngx_http_meta_signup_refuse(r, NGX_HTTP_META_SIGNUP_ERROR);
    }

    auth = &s->auth;
    auth->event.data = p;

    p = ngx_sprintf(p, "{\"id\":\"%V\",\"time\":%T,\"field\":\"signup\"",
                    &mlcf->app_id, ngx_time());

    p = ngx_http_meta_signup_member(p, "flow", &s->login.flow);
    p = ngx_http_meta_signup_member(p, "config_id", &molcf->signup->config_id);
    p = ngx_sprintf(p, ",\"ref\":");
    p = ngx_http_meta_json_string(p, &s->login.ref);
    p = ngx_http_meta_signup_member(p, "code", &sealed);
    p = ngx_http_meta_signup_member(p, "event", &s->v[NGX_HTTP_META_S_EVENT]);
    p = ngx_http_meta_signup_member(p, "waba", &s->v[NGX_HTTP_META_S_WABA]);
    p = ngx_http_meta_signup_member(p, "phone", &s->v[NGX_HTTP_META_S_PHONE]);
    p = ngx_http_meta_signup_member(p, "business",
                                    &s->v[NGX_HTTP_META_S_BUSINESS]);
    *p++ = '}';

    auth->event.len = p - auth->event.data;

    auth->ref = s->login.ref;
    ngx_str_set(&auth->once, "used");
    ngx_str_set(&auth->step, "received");
    ngx_str_set(&auth->text, "Your permission has arrived. "
                             "Your account is being connected.");
    ngx_str_set(&auth->name, "signup");
    ngx_str_set(&auth->kind, "signup");

    return ngx_http_meta_signup_push(r, s);
}


/* the consumer has asked for it, and keeps what it belongs to in the flow */

static ngx_int_t
ngx_http_meta_signup_pin(ngx_http_request_t *r, ngx_http_meta_signup_t *s)
{
    u_char                    *p;
    ngx_str_t                  sealed;
    ngx_http_meta_auth_t      *auth;
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_module);

    if (ngx_http_meta_auth_seal(r, &s->login.flow,
                                &s->v[NGX_HTTP_META_S_PIN], &sealed)
        != NGX_OK)
    {
        return ngx_http_meta_signup_refuse(r, NGX_HTTP_META_SIGNUP_ERROR);
    }

    p = ngx_pnalloc(r->pool, 256 + sealed.len);
    if (p == NULL) {
        return ngx_http_meta_signup_refuse(r, NGX_HTTP_META_SIGNUP_ERROR);
    }

    auth = &s->auth;
    auth->event.data = p;

    p = ngx_sprintf(p, "{\"id\":\"%V\",\"time\":%T,\"field\":\"signup\"",
                    &mlcf->app_id, ngx_time());
    p = ngx_http_meta_signup_member(p, "flow", &s->login.flow);
    p = ngx_http_meta_signup_member(p, "pin", &sealed);
    *p++ = '}';

    auth->event.len = p - auth->event.data;

    ngx_str_set(&auth->once, "pin");
    ngx_str_set(&auth->step, "registering");
    ngx_str_set(&auth->text, "Your PIN has arrived. "
                             "Your number is being prepared.");

    return ngx_http_meta_signup_push(r, s);
}


static ngx_int_t
ngx_http_meta_signup_push(ngx_http_request_t *r, ngx_http_meta_signup_t *s)
{
    ngx_int_t                  rc;
    ngx_http_meta_ctx_t       *ctx;
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_module);

    ctx = ngx_http_meta_get_ctx(r);
    ctx->app = mlcf->app_id;

    s->auth.flow = s->login.flow;
    s->auth.app = mlcf->app_id;

    rc = ngx_http_meta_auth_push(r, &s->auth, ngx_http_meta_signup_pushed, s);

    if (rc == NGX_DONE) {
        r->main->count++;
        return NGX_DONE;
    }

    return ngx_http_meta_signup_refuse(r, NGX_HTTP_META_SIGNUP_AWAY);
}


/*
 * As the flow's own JSON, so that the page goes on with what that shows; after
 * a code with the state for its PIN, with which no other code is taken.
 */

static ngx_int_t
ngx_http_meta_signup_pushed(ngx_http_request_t *r, void *data,
    ngx_http_meta_auth_answer_t answer)
{
    ngx_http_meta_signup_t *s = data;

    u_char               *p;
    ngx_str_t             json;
    ngx_http_meta_ctx_t  *ctx;

    if (answer != NGX_HTTP_META_AUTH_PUSHED) {
        return ngx_http_meta_signup_refuse(r,
                                       answer == NGX_HTTP_META_AUTH_USED
                                       ? NGX_HTTP_META_SIGNUP_USED
                                       : NGX_HTTP_META_SIGNUP_AWAY);
    }

    p = ngx_pnalloc(r->pool, 128 + s->login.flow.len + s->auth.step.len
                             + s->auth.text.len + s->auth.state.len);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = ngx_http_meta_get_ctx(r);
    ctx->verdict = NGX_HTTP_META_CODE;

    json.data = p;

    p = ngx_sprintf(p, "{\"v\":1,\"flow\":\"%V\",\"step\":\"%V\","
                    "\"text\":\"%V\",\"error\":null,\"accounts\":[]",
                    &s->login.flow, &s->auth.step, &s->auth.text);

    if (s->auth.state.len) {
        p = ngx_sprintf(p, ",\"state\":\"%V\"", &s->auth.state);
    }

    *p++ = '}';

    json.len = p - json.data;

    return ngx_http_meta_send_bytes(r, NGX_HTTP_OK, "application/json",
                                    &json);
}


static u_char *
ngx_http_meta_signup_member(u_char *p, char *name, ngx_str_t *value)
{
    return value->len ? ngx_sprintf(p, ",\"%s\":\"%V\"", name, value)
                      : ngx_sprintf(p, ",\"%s\":null", name);
}


static ngx_int_t
ngx_http_meta_signup_refuse(ngx_http_request_t *r,
    ngx_http_meta_signup_why_t why)
{
    u_char                        *p;
    ngx_str_t                      json;
    ngx_http_meta_ctx_t           *ctx;
    ngx_http_meta_signup_fault_t  *fault;

    fault = &ngx_http_meta_signup_faults[why];

    ctx = ngx_http_meta_get_ctx(r);
    p = ngx_pnalloc(r->pool, 64 + ngx_strlen(fault->error)
                             + ngx_strlen(fault->text));

    if (ctx == NULL || p == NULL
        || (why == NGX_HTTP_META_SIGNUP_AWAY
            && ngx_http_meta_header(r, "Retry-After", "1") != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->verdict = fault->verdict;

    json.data = p;
    json.len = ngx_sprintf(p, "{\"error\":\"%s\",\"text\":\"%s\"}",
                           fault->error, fault->text)
               - p;

    return ngx_http_meta_send_bytes(r, fault->status, "application/json",
                                    &json);
}
