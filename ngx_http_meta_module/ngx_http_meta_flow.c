
/*
 * A flow: what the consumer says of a login that is on its way, as a page that
 * follows it and as the JSON that the page, or the user's own program, asks
 * for.  Who knows the flow's number may look: it is 128 random bits.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "meta/meta_json.h"
#include "ngx_http_meta_oauth.h"


typedef struct {
    ngx_str_t    flow;
    ngx_uint_t   json;          /* unsigned  json:1; */

    ngx_str_t    step;
    ngx_str_t    text;
    ngx_str_t    error;
    ngx_str_t    accounts;
    ngx_str_t    at;            /* of the step, ms since 1970 */
    ngx_str_t    state;         /* of a signup */
} ngx_http_meta_flow_t;


static ngx_int_t ngx_http_meta_flow_answered(ngx_http_request_t *r,
    void *data, ngx_http_meta_reply_t *reply, ngx_str_t *text);
static void ngx_http_meta_flow_read(ngx_http_meta_flow_t *flow,
    ngx_str_t *text);
static void ngx_http_meta_flow_late(ngx_http_request_t *r,
    ngx_http_meta_flow_t *flow);
static ngx_int_t ngx_http_meta_flow_answer(ngx_http_request_t *r,
    ngx_http_meta_flow_t *flow, ngx_uint_t status);
static ngx_int_t ngx_http_meta_flow_page(ngx_http_request_t *r,
    ngx_http_meta_flow_t *flow, ngx_uint_t status, ngx_str_t *json);
static ngx_int_t ngx_http_meta_flow_json(ngx_http_request_t *r,
    ngx_http_meta_flow_t *flow, ngx_str_t *json);
static ngx_uint_t ngx_http_meta_flow_is(ngx_str_t *s, char *word);


ngx_int_t
ngx_http_meta_flow_handler(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_str_t             value;
    ngx_http_meta_ctx_t  *ctx;

    static ngx_str_t      name = ngx_string("flow");

    rc = ngx_http_meta_get_only(r, "GET, HEAD");

    if (rc != NGX_OK || !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return rc;
    }

    ctx = ngx_http_meta_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_meta_params(r->pool, &ctx->args, &name, &value, 1);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_OK) {
        ngx_str_null(&value);
    }

    return ngx_http_meta_flow(r, &value);
}


ngx_int_t
ngx_http_meta_flow(ngx_http_request_t *r, ngx_str_t *name)
{
    u_char                *key;
    ngx_int_t              rc;
    meta_str_t             argv[2];
    ngx_http_meta_flow_t  *flow;

    static const meta_str_t  hgetall = meta_string("HGETALL");

    flow = ngx_pcalloc(r->pool, sizeof(ngx_http_meta_flow_t));
    key = ngx_pnalloc(r->pool, sizeof("meta:flow:") + META_FLOW_LEN);

    if (flow == NULL || key == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    flow->json = ngx_http_meta_wants_json(r);

    if (ngx_http_meta_is_flow(name) != NGX_OK) {
        return ngx_http_meta_flow_answer(r, flow, NGX_HTTP_NOT_FOUND);
    }

    flow->flow = *name;

    argv[0] = hgetall;
    argv[1].data = key;
    argv[1].len = ngx_sprintf(key, "meta:flow:%V", name) - key;

    rc = ngx_http_meta_ask(r, argv, 2, NGX_HTTP_META_FLOW_ROOM,
                           ngx_http_meta_flow_answered, flow);

    if (rc == NGX_DONE) {
        r->main->count++;
        return NGX_DONE;
    }

    return ngx_http_meta_flow_answer(r, flow, NGX_HTTP_SERVICE_UNAVAILABLE);
}


static ngx_int_t
ngx_http_meta_flow_answered(ngx_http_request_t *r, void *data,
    ngx_http_meta_reply_t *reply, ngx_str_t *text)
{
    ngx_http_meta_flow_t *flow = data;

    ngx_uint_t  status;

    status = NGX_HTTP_OK;

    if (reply == NULL || !ngx_http_meta_reply_is_array(reply)) {
        status = NGX_HTTP_SERVICE_UNAVAILABLE;

    } else {
        ngx_http_meta_flow_read(flow, text);

        if (flow->step.len == 0) {
            status = NGX_HTTP_NOT_FOUND;
        }

        ngx_http_meta_flow_late(r, flow);
    }

    return ngx_http_meta_flow_answer(r, flow, status);
}


/* a line for a name, a line for its value */

static void
ngx_http_meta_flow_read(ngx_http_meta_flow_t *flow, ngx_str_t *text)
{
    u_char      *p, *last, *end;
    ngx_str_t    line[2];
    ngx_uint_t   i;

    p = text->data;
    last = text->data + text->len;

    for ( ;; ) {

        for (i = 0; i < 2; i++) {

            end = ngx_strlchr(p, last, LF);
            if (end == NULL) {
                return;
            }

            line[i].data = p;
            line[i].len = end - p;

            p = end + 1;
        }

        if (ngx_http_meta_flow_is(&line[0], "step")) {
            flow->step = line[1];

        } else if (ngx_http_meta_flow_is(&line[0], "text")) {
            flow->text = line[1];

        } else if (ngx_http_meta_flow_is(&line[0], "error")) {
            flow->error = line[1];

        } else if (ngx_http_meta_flow_is(&line[0], "accounts")) {
            flow->accounts = line[1];

        } else if (ngx_http_meta_flow_is(&line[0], "at")) {
            flow->at = line[1];

        } else if (ngx_http_meta_flow_is(&line[0], "state")) {
            flow->state = line[1];
        }
    }
}


/*
 * Nobody takes the code, or who took it has died: a person is not left
 * waiting.  Should it go on after all, the next look shows it.  Of both nobody
 * else can tell who runs this.
 */

static void
ngx_http_meta_flow_late(ngx_http_request_t *r, ngx_http_meta_flow_t *flow)
{
    off_t          at;
    ngx_uint_t     i;

    static time_t  said;        /* each page asks again and again */
    static char   *rest[] = { "connected", "failed", "pin", NULL };

    for (i = 0; rest[i]; i++) {
        if (ngx_http_meta_flow_is(&flow->step, rest[i])) {
            return;
        }
    }

    at = ngx_atoof(flow->at.data, flow->at.len);

    if (at == NGX_ERROR
        || ngx_time() - at / 1000 <= NGX_HTTP_META_FLOW_LATE)
    {
        return;
    }

    ngx_str_set(&flow->error, "late");
    ngx_str_set(&flow->text, "This takes longer than it should. "
                             "Please begin again.");

    if (said && ngx_time() - said < NGX_HTTP_META_FLOW_QUIET) {
        return;
    }

    said = ngx_time();

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "login %*s: %s", (size_t) 8, flow->flow.data,
                  ngx_http_meta_flow_is(&flow->step, "received")
                  ? "nobody has taken its code for 90 seconds: does "
                    "meta-consumer run?"
                  : "whoever took its code has not gone on with it for 90 "
                    "seconds: was meta-consumer killed?");
}


static ngx_int_t
ngx_http_meta_flow_answer(ngx_http_request_t *r, ngx_http_meta_flow_t *flow,
    ngx_uint_t status)
{
    ngx_str_t             json;
    ngx_http_meta_ctx_t  *ctx;

    static ngx_str_t      unknown = ngx_string("unknown");

    ctx = ngx_http_meta_get_ctx(r);

    ctx->verdict = (status == NGX_HTTP_OK) ? NGX_HTTP_META_FLOW
                   : (status == NGX_HTTP_NOT_FOUND) ? NGX_HTTP_META_NO_FLOW
                   : NGX_HTTP_META_UNAVAILABLE;

    if (status != NGX_HTTP_OK) {

        if (!flow->json) {
            return ngx_http_meta_note(r, status == NGX_HTTP_NOT_FOUND
                                         ? NGX_HTTP_META_NOTE_UNKNOWN
                                         : NGX_HTTP_META_NOTE_AGAIN, NULL);
        }

        flow->step = unknown;

        if (status == NGX_HTTP_SERVICE_UNAVAILABLE) {
            ngx_str_set(&flow->error, "unreachable");

            if (ngx_http_meta_header(r, "Retry-After", "5") != NGX_OK) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }
        }
    }

    if (ngx_http_meta_flow_json(r, flow, &json) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (flow->json) {
        return ngx_http_meta_send_bytes(r, status, "application/json", &json);
    }

    return ngx_http_meta_flow_page(r, flow, status, &json);
}


static ngx_int_t
ngx_http_meta_flow_page(ngx_http_request_t *r, ngx_http_meta_flow_t *flow,
    ngx_uint_t status, ngx_str_t *json)
{
    ngx_int_t                        rc;
    ngx_uint_t                       i;
    ngx_http_meta_oauth_loc_conf_t  *molcf;

    static struct {
        char          *word;        /* a step, or an error */
        ngx_str_t      look;
        ngx_str_t      title;
    } looks[] = {
        { "connected", ngx_string("good"), ngx_string("You are connected") },
        { "failed", ngx_string("bad"),
          ngx_string("Nothing was connected") },
        { "late", ngx_string("late"), ngx_string("This takes too long") },
        { NULL, ngx_string("wait"), ngx_string("Connecting your accounts") }
    };

    for (i = 0; looks[i].word; i++) {
        if (ngx_http_meta_flow_is(&flow->step, looks[i].word)
            || ngx_http_meta_flow_is(&flow->error, looks[i].word))
        {
            break;
        }
    }

    molcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_oauth_module);

    if (molcf->signup
        && !ngx_http_meta_flow_is(&flow->step, "connected")
        && !ngx_http_meta_flow_is(&flow->step, "failed"))
    {
        rc = ngx_http_meta_signup_again(r, &flow->flow, &flow->state, json);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return ngx_http_meta_connect_page(r, status, &looks[i].look,
                                      &looks[i].title, &flow->text, NULL,
                                      NULL, json);
}


static ngx_int_t
ngx_http_meta_flow_json(ngx_http_request_t *r, ngx_http_meta_flow_t *flow,
    ngx_str_t *json)
{
    u_char       *p;
    meta_json_t   j;

    static ngx_str_t  none = ngx_string("[]");

    /* a list that was cut, or is none, is not passed on */

    meta_json_init(&j, flow->accounts.data,
                   flow->accounts.data + flow->accounts.len);

    if (flow->accounts.len < 2 || flow->accounts.data[0] != '['
        || meta_json_value(&j, 0) != META_OK || j.p != j.end)
    {
        flow->accounts = none;
    }

    p = ngx_pnalloc(r->pool, 128 + flow->flow.len + 6 * flow->step.len
                             + 6 * flow->text.len + 6 * flow->error.len
                             + flow->accounts.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    json->data = p;

    p = ngx_sprintf(p, "{\"v\":1,\"flow\":\"%V\",\"step\":", &flow->flow);
    p = ngx_http_meta_json_string(p, &flow->step);
    p = ngx_cpymem(p, ",\"text\":", sizeof(",\"text\":") - 1);
    p = ngx_http_meta_json_string(p, &flow->text);
    p = ngx_cpymem(p, ",\"error\":", sizeof(",\"error\":") - 1);

    if (flow->error.len) {
        p = ngx_http_meta_json_string(p, &flow->error);

    } else {
        p = ngx_cpymem(p, "null", 4);
    }

    p = ngx_sprintf(p, ",\"accounts\":%V}", &flow->accounts);

    json->len = p - json->data;

    return NGX_OK;
}


/* a browser asks for text/html among others; a program may say what it wants */

ngx_uint_t
ngx_http_meta_wants_json(ngx_http_request_t *r)
{
    ngx_str_t  value;

    if (ngx_http_arg(r, (u_char *) "format", 6, &value) == NGX_OK) {
        return ngx_http_meta_flow_is(&value, "json");
    }

    return !ngx_http_meta_accepts(r, "text/html")
           && ngx_http_meta_accepts(r, "application/json");
}


static ngx_uint_t
ngx_http_meta_flow_is(ngx_str_t *s, char *word)
{
    return s->len == ngx_strlen(word)
           && ngx_strncmp(s->data, word, s->len) == 0;
}


ngx_int_t
ngx_http_meta_flow_redirect(ngx_http_request_t *r, ngx_str_t *flow)
{
    ngx_str_t  url;

    if (ngx_http_meta_flow_url(r, flow, &url) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_meta_redirect(r, NGX_HTTP_SEE_OTHER, &url);
}


/* of what is configured alone: no header of the request has a say in it */

ngx_int_t
ngx_http_meta_flow_url(ngx_http_request_t *r, ngx_str_t *flow,
    ngx_str_t *url)
{
    u_char                          *p;
    ngx_str_t                       *base;
    ngx_http_meta_oauth_loc_conf_t  *molcf;

    molcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_oauth_module);

    base = molcf->done.len ? &molcf->done : &molcf->redirect_uri;

    url->data = ngx_pnalloc(r->pool, base->len + sizeof("?flow=")
                                     + flow->len);
    if (url->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(url->data, "%V%cflow=%V", base,
                    ngx_strlchr(base->data, base->data + base->len, '?')
                    ? '&' : '?', flow);

    url->len = p - url->data;

    return NGX_OK;
}
