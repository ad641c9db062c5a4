
/*
 * A code on its way to the consumer: sealed, made a record, and pushed to
 * meta:auth by a script that uses a login once, drops what nobody took in
 * time, and says in the flow's hash what its page is to show.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "ngx_http_meta_oauth.h"


#define NGX_HTTP_META_AUTH_KEY  "meta:auth"
#define NGX_HTTP_META_FLOW_KEY  "meta:flow:"

/* EVAL, script, 3, keys, record, and names with values */
#define NGX_HTTP_META_AUTH_ARGV  (7 + 2 * 9)


typedef struct {
    ngx_http_meta_auth_pt   handler;
    void                   *data;
} ngx_http_meta_auth_wait_t;


static ngx_int_t ngx_http_meta_auth_record(ngx_http_request_t *r,
    ngx_http_meta_auth_t *auth, uint64_t now, ngx_str_t *record);
static ngx_uint_t ngx_http_meta_auth_field(meta_str_t *argv, ngx_uint_t argc,
    char *name, ngx_str_t *value);
static ngx_int_t ngx_http_meta_auth_answered(ngx_http_request_t *r,
    void *data, ngx_http_meta_reply_t *reply, ngx_str_t *text);


/*
 * What may be refused comes before the push, and what marks the login as used
 * at the end: where Redis takes a part only, the same request can come again.
 * A PIN is taken for a flow that asks for one.  A list that nobody empties
 * takes 1,000.  How long a record waits is told by Redis' clock alone, last in
 * it: the clocks of several edges differ.  The mark outlives every state.
 */

static const meta_str_t  ngx_http_meta_auth_script = meta_string(
    "if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end\n"
    "if string.sub(KEYS[2], -4) == ':pin' then\n"
    "  local flow, asked = redis.call('HGETALL', KEYS[1]), false\n"
    "  for i = 1, #flow, 2 do\n"
    "    asked = asked or flow[i] == 'pin' and flow[i + 1] == 'asked'\n"
    "  end\n"
    "  if not asked then return 0 end\n"
    "end\n"
    "local t = redis.call('TIME')\n"
    "local now = t[1] .. string.format('%03d', math.floor(t[2] / 1000))\n"
    "while true do\n"
    "  local head = redis.call('LINDEX', KEYS[3], 0)\n"
    "  if not head then break end\n"
    "  local at = string.match(head, ',\"queued_at\":(%d+)}$')\n"
    "  if at and now - at < 60000 then break end\n"
    "  redis.call('LPOP', KEYS[3])\n"
    "end\n"
    "if redis.call('LLEN', KEYS[3]) >= 1000 then return -1 end\n"
    "redis.call('HSET', KEYS[1], unpack(ARGV, 2))\n"
    "redis.call('EXPIRE', KEYS[1], 3600)\n"
    "if ARGV[1] ~= '' then\n"
    "  redis.call('RPUSH', KEYS[3], string.sub(ARGV[1], 1, -2)\n"
    "             .. ',\"queued_at\":' .. now .. '}')\n"
    "  redis.call('EXPIRE', KEYS[3], 60)\n"
    "end\n"
    "redis.call('SET', KEYS[2], 1, 'EX', 7200)\n"
    "return 1\n"
);


ngx_int_t
ngx_http_meta_auth_seal(ngx_http_request_t *r, ngx_str_t *flow,
    ngx_str_t *code, ngx_str_t *sealed)
{
    u_char                           nonce[META_NONCE_LEN];
    ngx_int_t                        rc;
    meta_str_t                       name, plain;
    ngx_http_meta_oauth_loc_conf_t  *molcf;

    molcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_oauth_module);

    name.data = flow->data;
    name.len = flow->len;
    plain.data = code->data;
    plain.len = code->len;

    sealed->len = META_SEAL_LEN(code->len);
    sealed->data = ngx_pnalloc(r->pool, sealed->len);

    rc = (sealed->data
          && RAND_bytes(nonce, META_NONCE_LEN) == 1
          && meta_seal(sealed->data, molcf->token_keys->elts, "code", name,
                       nonce, plain)
             == META_OK)
         ? NGX_OK : NGX_ERROR;

    OPENSSL_cleanse(code->data, code->len);

    return rc;
}


ngx_int_t
ngx_http_meta_auth_push(ngx_http_request_t *r, ngx_http_meta_auth_t *auth,
    ngx_http_meta_auth_pt handler, void *data)
{
    u_char                     *p, ms[NGX_INT64_LEN];
    uint64_t                    now;
    ngx_str_t                   record, at;
    ngx_time_t                 *tp;
    ngx_uint_t                  n;
    meta_str_t                  argv[NGX_HTTP_META_AUTH_ARGV];
    ngx_http_meta_auth_wait_t  *wait;

    static const meta_str_t     eval = meta_string("EVAL");
    static const meta_str_t     three = meta_string("3");
    static const meta_str_t     list = meta_string(NGX_HTTP_META_AUTH_KEY);

    tp = ngx_timeofday();
    now = (uint64_t) tp->sec * 1000 + tp->msec;

    if (ngx_http_meta_auth_record(r, auth, now, &record) != NGX_OK) {
        return NGX_ERROR;
    }

    wait = ngx_palloc(r->pool, sizeof(ngx_http_meta_auth_wait_t));
    p = ngx_pnalloc(r->pool, sizeof(NGX_HTTP_META_FLOW_KEY) + auth->flow.len
                             + 1 + auth->once.len);
    if (wait == NULL || p == NULL) {
        return NGX_ERROR;
    }

    wait->handler = handler;
    wait->data = data;

    argv[0] = eval;
    argv[1] = ngx_http_meta_auth_script;
    argv[2] = three;

    argv[4].data = p;
    p = ngx_sprintf(p, NGX_HTTP_META_FLOW_KEY "%V:%V", &auth->flow,
                    &auth->once);
    argv[4].len = p - argv[4].data;

    argv[3].data = argv[4].data;
    argv[3].len = argv[4].len - 1 - auth->once.len;

    argv[5] = list;

    at.data = ms;
    at.len = ngx_sprintf(ms, "%uL", now) - ms;

    argv[6].data = record.data;
    argv[6].len = record.len;

    n = ngx_http_meta_auth_field(argv, 7, "at", &at);
    n = ngx_http_meta_auth_field(argv, n, "step", &auth->step);
    n = ngx_http_meta_auth_field(argv, n, "text", &auth->text);
    n = ngx_http_meta_auth_field(argv, n, "error", &auth->error);
    n = ngx_http_meta_auth_field(argv, n, "name", &auth->name);
    n = ngx_http_meta_auth_field(argv, n, "kind", &auth->kind);
    n = ngx_http_meta_auth_field(argv, n, "ref", &auth->ref);
    n = ngx_http_meta_auth_field(argv, n, "app", &auth->app);
    n = ngx_http_meta_auth_field(argv, n, "state", &auth->state);

    return ngx_http_meta_ask(r, argv, n, 0, ngx_http_meta_auth_answered,
                             wait);
}


/* of the form of contract 4, by the same code as a webhook's */

static ngx_int_t
ngx_http_meta_auth_record(ngx_http_request_t *r, ngx_http_meta_auth_t *auth,
    uint64_t now, ngx_str_t *record)
{
    u_char                     *p, *head;
    size_t                      len;
    meta_str_t                  body;
    meta_event_t                ev;
    meta_split_t                split;
    meta_record_ctx_t           rc;
    ngx_http_meta_ctx_t        *ctx;
    ngx_http_meta_main_conf_t  *mmcf;

    ngx_str_null(record);

    if (auth->event.len == 0) {
        return NGX_OK;
    }

    mmcf = ngx_http_get_module_main_conf(r, ngx_http_meta_module);
    ctx = ngx_http_meta_get_ctx(r);

    if (ctx == NULL || ngx_http_meta_delivery(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, auth->event.len + 64);
    head = ngx_pnalloc(r->pool, META_RECORD_HEAD_MAX + auth->event.len + 1);

    if (p == NULL || head == NULL) {
        return NGX_ERROR;
    }

    body.data = p;
    p = ngx_sprintf(p, "{\"object\":\"oauth\",\"entry\":[%V]}",
                    &auth->event);
    body.len = p - body.data;

    if (meta_split(body, &split, &ev, 1) != META_OK || split.nevents != 1) {
        return NGX_ERROR;
    }

    rc.app.data = auth->app.data;
    rc.app.len = auth->app.len;
    rc.delivery.data = ctx->delivery.data;
    rc.delivery.len = ctx->delivery.len;
    rc.received_at = now;
    rc.split = &split;
    rc.hash = &mmcf->hash;

    meta_record_begin(&rc);

    len = meta_record_head(head, &rc, &ev, 0);
    if (len == 0) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(head + len, ev.raw.data, ev.raw.len);
    *p++ = '}';

    record->data = head;
    record->len = p - head;

    return NGX_OK;
}


/* what is empty is not set */

static ngx_uint_t
ngx_http_meta_auth_field(meta_str_t *argv, ngx_uint_t argc, char *name,
    ngx_str_t *value)
{
    if (value->len == 0) {
        return argc;
    }

    argv[argc].data = (u_char *) name;
    argv[argc++].len = ngx_strlen(name);
    argv[argc].data = value->data;
    argv[argc++].len = value->len;

    return argc;
}


static ngx_int_t
ngx_http_meta_auth_answered(ngx_http_request_t *r, void *data,
    ngx_http_meta_reply_t *reply, ngx_str_t *text)
{
    ngx_http_meta_auth_wait_t *wait = data;

    ngx_http_meta_auth_answer_t  answer;

    answer = NGX_HTTP_META_AUTH_AWAY;

    if (reply && ngx_http_meta_reply_is(reply, 1)) {
        answer = NGX_HTTP_META_AUTH_PUSHED;

    } else if (reply && ngx_http_meta_reply_is(reply, 0)) {
        answer = NGX_HTTP_META_AUTH_USED;

    } else if (reply && ngx_http_meta_reply_is(reply, -1)) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "\"" NGX_HTTP_META_AUTH_KEY "\" holds 1000 codes that "
                      "nobody took: is meta-consumer running?");
    }

    return wait->handler(r, wait->data, answer);
}
