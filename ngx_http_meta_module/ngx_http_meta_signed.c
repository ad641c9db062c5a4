
/*
 * meta_deauthorize and meta_data_deletion: what Meta posts when a person
 * removes the app, or asks that his data be deleted, as a signed_request
 * (meta-graph-oauth-ads-capi.md 4).  It becomes an event of our own on the
 * list meta:callbacks, by the same way as a webhook's.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "meta/meta_signed.h"
#include "ngx_http_meta_oauth.h"


#define NGX_HTTP_META_FORM_MAX  (32 * 1024)
#define NGX_HTTP_META_URL_MAX   512

/* what stands in the event around app, user and code */
#define NGX_HTTP_META_PERSON    256


static ngx_http_meta_verdict_t ngx_http_meta_signed_judge(
    ngx_http_request_t *r, ngx_http_meta_ctx_t *ctx, meta_str_t text);
static ngx_http_meta_verdict_t ngx_http_meta_signed_verify(
    ngx_http_request_t *r, ngx_http_meta_ctx_t *ctx, meta_signed_t *s,
    meta_hmac_t **secret);
static ngx_http_meta_verdict_t ngx_http_meta_signed_stale(
    ngx_http_request_t *r, meta_claims_t *claims);
static ngx_int_t ngx_http_meta_signed_answer(ngx_http_request_t *r,
    ngx_http_meta_ctx_t *ctx, u_char *code);
static ngx_http_meta_verdict_t ngx_http_meta_signed_push(
    ngx_http_request_t *r, ngx_http_meta_ctx_t *ctx, meta_claims_t *claims,
    u_char *code);
static char *ngx_http_meta_deletion_url(ngx_conf_t *cf, ngx_str_t *url);
static ngx_uint_t ngx_http_meta_signed_nameless(
    ngx_http_meta_loc_conf_t *mlcf);


/* never another list: whoever works webhooks' events knows nothing of these */

static ngx_http_complex_value_t  ngx_http_meta_callbacks = {
    ngx_string("meta:callbacks"), NULL, NULL, NULL, { 0 }
};


char *
ngx_http_meta_signed_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_meta_loc_conf_t  *mlcf = conf;

    ngx_str_t                  *value;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_meta_main_conf_t  *mmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return mlcf->webhook ? "is duplicate, or stands beside another that "
                             "Meta calls"
                           : "stands beside another directive that answers "
                             "in this location";
    }

    clcf->handler = ngx_http_meta_handler;
    mlcf->webhook = NGX_HTTP_META_DEAUTHORIZE;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_meta_module);
    mmcf->active = 1;

    if (cf->args->nelts == 1) {
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    mlcf->webhook = NGX_HTTP_META_DELETION;
    mlcf->deletion = value[1];

    return ngx_http_meta_deletion_url(cf, &mlcf->deletion);
}


/* it goes into JSON and into a browser's address as it is */

static char *
ngx_http_meta_deletion_url(ngx_conf_t *cf, ngx_str_t *url)
{
    u_char      ch;
    size_t      i, begin;
    ngx_uint_t  good;

    begin = 0;

    if (ngx_strncmp(url->data, "https://", 8) == 0) {
        begin = 8;

    } else if (ngx_strncmp(url->data, "http://", 7) == 0) {
        begin = 7;
    }

    good = (begin && url->len > begin && url->len <= NGX_HTTP_META_URL_MAX
            && url->data[begin] != '/');

    for (i = 0; good && i < url->len; i++) {
        ch = url->data[i];

        good = (ch > ' ' && ch < 0x7f && ch != '"' && ch != '\\' && ch != '#'
                && ch != '<' && ch != '>');
    }

    if (!good) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid URL \"%V\": the absolute one of the page "
                           "that shows what became of a deletion is "
                           "expected, https://HOST/PATH of at most %d "
                           "characters",
                           url, NGX_HTTP_META_URL_MAX);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* before the list is inherited */

void
ngx_http_meta_signed_queue(ngx_http_meta_loc_conf_t *mlcf)
{
    if (mlcf->webhook > NGX_HTTP_META_WEBHOOK && mlcf->queue == NULL) {
        mlcf->queue = &ngx_http_meta_callbacks;
        mlcf->partitions = 1;
    }
}


ngx_int_t
ngx_http_meta_signed_check(ngx_conf_t *cf, ngx_http_meta_loc_conf_t *mlcf)
{
    ngx_uint_t                 theirs;
    ngx_http_core_loc_conf_t  *clcf;

    theirs = (mlcf->queue == &ngx_http_meta_callbacks);

    if (mlcf->webhook == NGX_HTTP_META_WEBHOOK && theirs) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"meta_webhook\" inside of a location with "
                           "\"meta_deauthorize\" or \"meta_data_deletion\" "
                           "needs a \"meta_queue\" of its own");
        return NGX_ERROR;
    }

    if (mlcf->webhook > NGX_HTTP_META_WEBHOOK && !theirs) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"meta_queue\" stands beside "
                           "\"meta_deauthorize\" or \"meta_data_deletion\", "
                           "whose events go to \"%V\" and nowhere else",
                           &ngx_http_meta_callbacks.value);
        return NGX_ERROR;
    }

    if (mlcf->webhook > NGX_HTTP_META_WEBHOOK
        && ngx_http_meta_signed_nameless(mlcf))
    {
        clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in location \"%V\" has a secret without "
                           "an app's id: \"meta_app_id ID;\" is needed, or "
                           "\"APP_ID SECRET\" as the line of "
                           "\"meta_app_secret_file\"",
                           &ngx_http_meta_places[mlcf->webhook], &clcf->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* a person's id is one only beside its app's: nothing of his would be found */

static ngx_uint_t
ngx_http_meta_signed_nameless(ngx_http_meta_loc_conf_t *mlcf)
{
    ngx_uint_t               i;
    ngx_http_meta_secret_t  *secrets;

    if (mlcf->app_id.len || mlcf->secrets == NULL) {
        return 0;
    }

    secrets = mlcf->secrets->elts;

    for (i = 0; i < mlcf->secrets->nelts; i++) {
        if (secrets[i].app.len == 0) {
            return 1;
        }
    }

    return 0;
}


/* NGX_HTTP_META_NONE: Redis was asked and will tell */

ngx_http_meta_verdict_t
ngx_http_meta_signed(ngx_http_request_t *r, ngx_http_meta_ctx_t *ctx)
{
    ngx_int_t   rc;
    ngx_str_t   body, value;
    meta_str_t  form, text;

    static ngx_str_t  name = ngx_string("signed_request");

    if (ctx->bytes > NGX_HTTP_META_FORM_MAX) {
        return NGX_HTTP_META_TOO_LARGE;
    }

    if (ngx_http_meta_body(r, &form) != NGX_OK) {
        return NGX_HTTP_META_ERROR;
    }

    body.data = (u_char *) form.data;
    body.len = form.len;

    rc = ngx_http_meta_params(r->pool, &body, &name, &value, 1);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_META_ERROR;
    }

    if (rc != NGX_OK || value.len == 0) {
        return NGX_HTTP_META_NO_SIGNATURE;
    }

    text.data = value.data;
    text.len = value.len;

    return ngx_http_meta_signed_judge(r, ctx, text);
}


static ngx_http_meta_verdict_t
ngx_http_meta_signed_judge(ngx_http_request_t *r, ngx_http_meta_ctx_t *ctx,
    meta_str_t text)
{
    u_char                   *buf, code[META_CONFIRM_LEN];
    meta_hmac_t              *secret;
    meta_claims_t             claims;
    meta_signed_t             s;
    ngx_http_meta_verdict_t   verdict;

    if (meta_signed_parse(&s, text) != META_OK) {
        return NGX_HTTP_META_NO_SIGNATURE;
    }

    secret = NULL;
    verdict = ngx_http_meta_signed_verify(r, ctx, &s, &secret);

    if (verdict != NGX_HTTP_META_OK) {
        return verdict;
    }

    ngx_str_set(&ctx->object, "oauth");
    ctx->kind = NGX_HTTP_META_OBJECTS - 1;

    buf = ngx_pnalloc(r->pool, s.payload.len);
    if (buf == NULL) {
        return NGX_HTTP_META_ERROR;
    }

    if (meta_signed_read(&claims, buf, &s) != META_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "a signed_request of %uz bytes has a good signature, "
                      "but no user_id, issued_at and algorithm HMAC-SHA256",
                      text.len);
        return NGX_HTTP_META_MALFORMED;
    }

    if (!claims.test && !meta_signed_fresh(&claims, ngx_time())) {
        return ngx_http_meta_signed_stale(r, &claims);
    }

    if (ngx_http_meta_delivery(r, ctx) != NGX_OK
        || meta_confirm_make(code, secret, &s, &claims) != META_OK
        || ngx_http_meta_signed_answer(r, ctx, code) != NGX_OK)
    {
        return NGX_HTTP_META_ERROR;
    }

    /* nobody is that user: the dashboard wants to see the answer */

    if (claims.test) {
        return NGX_HTTP_META_CHALLENGE;
    }

    return ngx_http_meta_signed_push(r, ctx, &claims, code);
}


static ngx_http_meta_verdict_t
ngx_http_meta_signed_verify(ngx_http_request_t *r, ngx_http_meta_ctx_t *ctx,
    meta_signed_t *s, meta_hmac_t **secret)
{
    meta_rc_t                  rc;
    ngx_uint_t                 i;
    ngx_http_meta_secret_t    *secrets;
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_module);

    secrets = mlcf->secrets->elts;

    for (i = 0; i < mlcf->secrets->nelts; i++) {

        *secret = &secrets[i].hmac;
        rc = meta_signed_check(s, *secret);

        if (rc == META_OK) {
            ctx->app = secrets[i].app.len ? secrets[i].app : mlcf->app_id;
            return NGX_HTTP_META_OK;
        }

        if (rc == META_ERROR) {
            ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                          "libcrypto failed to compute a signature");
            return NGX_HTTP_META_ERROR;
        }
    }

    return ngx_http_meta_mismatch(r, ctx->bytes);
}


static ngx_http_meta_verdict_t
ngx_http_meta_signed_stale(ngx_http_request_t *r, meta_claims_t *claims)
{
    int64_t  age;

    age = ngx_time() - claims->issued_at;

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "a signed_request was issued %L seconds %s: repeated by "
                  "somebody, or one of the clocks is wrong",
                  age < 0 ? -age : age, age < 0 ? "from now" : "ago");

    return NGX_HTTP_META_STALE;
}


/* what a 200 says, if it comes to that: of a deauthorization nothing */

static ngx_int_t
ngx_http_meta_signed_answer(ngx_http_request_t *r, ngx_http_meta_ctx_t *ctx,
    u_char *code)
{
    u_char                    *p;
    size_t                     size;
    ngx_str_t                  c;
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_module);

    if (mlcf->webhook != NGX_HTTP_META_DELETION) {
        return NGX_OK;
    }

    size = sizeof("{\"url\":\"?code=\",\"confirmation_code\":\"\"}")
           + mlcf->deletion.len + 2 * META_CONFIRM_LEN;

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    c.data = code;
    c.len = META_CONFIRM_LEN;

    ctx->text.data = p;
    ctx->text.len = ngx_sprintf(p, "{\"url\":\"%V%ccode=%V\","
                                "\"confirmation_code\":\"%V\"}",
                                &mlcf->deletion,
                                ngx_strlchr(mlcf->deletion.data,
                                            mlcf->deletion.data
                                            + mlcf->deletion.len, '?')
                                ? '&' : '?', &c, &c)
                    - p;

    ngx_str_set(&ctx->type, "application/json");

    return NGX_OK;
}


/*
 * {"id":"APP","time":S,"field":"deletion","user":"USER","issued_at":S,
 *  "code":"CODE"}
 *
 * time is issued_at: what Meta repeats is the same event, with the same id.
 */

static ngx_http_meta_verdict_t
ngx_http_meta_signed_push(ngx_http_request_t *r, ngx_http_meta_ctx_t *ctx,
    meta_claims_t *claims, u_char *code)
{
    u_char                    *p, *last;
    ngx_str_t                  list;
    meta_str_t                 body;
    meta_split_t               split;
    meta_event_t               event;
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_module);

    p = ngx_pnalloc(r->pool, NGX_HTTP_META_PERSON + ctx->app.len
                             + claims->user.len);
    if (p == NULL) {
        return NGX_HTTP_META_ERROR;
    }

    last = ngx_sprintf(p, "{\"object\":\"oauth\",\"entry\":[{\"id\":\"%V\","
                       "\"time\":%L,\"field\":\"%s\",\"user\":\"%*s\","
                       "\"issued_at\":%L",
                       &ctx->app, claims->issued_at,
                       mlcf->webhook == NGX_HTTP_META_DELETION ? "deletion"
                                                             : "deauthorize",
                       claims->user.len, claims->user.data,
                       claims->issued_at);

    if (mlcf->webhook == NGX_HTTP_META_DELETION) {
        last = ngx_sprintf(last, ",\"code\":\"%*s\"",
                           (size_t) META_CONFIRM_LEN, code);
    }

    last = ngx_cpymem(last, "}]}", 3);

    body.data = p;
    body.len = last - p;

    if (meta_split(body, &split, &event, 1) != META_OK || split.nevents != 1) {
        return NGX_HTTP_META_ERROR;
    }

    list = ngx_http_meta_callbacks.value;
    ctx->nevents = 1;

    switch (ngx_http_meta_push(ctx, &list, &split, &event)) {

    case NGX_OK:
        return NGX_HTTP_META_NONE;

    case NGX_DONE:
        return NGX_HTTP_META_OK;

    default:
        return NGX_HTTP_META_UNAVAILABLE;
    }
}
