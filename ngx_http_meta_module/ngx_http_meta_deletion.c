
/*
 * meta_deletion_status: what became of a person's wish that his data be
 * deleted, by the code that he was given: what was deleted here, and what
 * only whoever runs the app can confirm.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "meta/meta_signed.h"
#include "ngx_http_meta_oauth.h"

/* static u_char  ngx_http_meta_deletion_html[] = { ... }; ends with a zero */
#include "ngx_http_meta_deletion.h"


#define NGX_HTTP_META_DELETION_KEY   "meta:deletion:"
#define NGX_HTTP_META_DELETION_ROOM  8192
#define NGX_HTTP_META_DELETION_HERE  256


/* the fields of meta:deletion:CODE that people may see */
enum {
    NGX_HTTP_META_DELETION_STATE = 0,
    NGX_HTTP_META_DELETION_AT,
    NGX_HTTP_META_DELETION_TOKENS,
    NGX_HTTP_META_DELETION_FLOWS,
    NGX_HTTP_META_DELETION_DONE_AT,
    NGX_HTTP_META_DELETION_TEXT,
    NGX_HTTP_META_DELETION_NFIELDS
};


typedef struct {
    ngx_str_t    code;
    ngx_uint_t   own;                       /* unsigned  own:1; */
    ngx_str_t    fields[NGX_HTTP_META_DELETION_NFIELDS];
} ngx_http_meta_deletion_t;


typedef struct {
    ngx_str_t    state;
    ngx_uint_t   status;
    ngx_str_t    look;
    ngx_str_t    title;
    ngx_str_t    text;
    ngx_str_t    rest;
} ngx_http_meta_deletion_words_t;


static ngx_uint_t ngx_http_meta_deletion_own(ngx_http_request_t *r,
    ngx_str_t *code);
static ngx_int_t ngx_http_meta_deletion_ask(ngx_http_request_t *r,
    ngx_http_meta_deletion_t *d);
static ngx_int_t ngx_http_meta_deletion_answered(ngx_http_request_t *r,
    void *data, ngx_http_meta_reply_t *reply, ngx_str_t *text);
static void ngx_http_meta_deletion_read(ngx_http_meta_deletion_t *d,
    ngx_str_t *text);
static ngx_int_t ngx_http_meta_deletion_show(ngx_http_request_t *r,
    ngx_http_meta_deletion_t *d, char *state);
static ngx_http_meta_deletion_words_t *ngx_http_meta_deletion_find(
    ngx_str_t *state);
static ngx_int_t ngx_http_meta_deletion_page(ngx_http_request_t *r,
    ngx_http_meta_deletion_t *d, ngx_http_meta_deletion_words_t *words);
static ngx_int_t ngx_http_meta_deletion_here(ngx_http_request_t *r,
    ngx_http_meta_deletion_t *d, ngx_str_t *here);
static ngx_int_t ngx_http_meta_deletion_date(ngx_http_request_t *r,
    ngx_str_t *ms, ngx_str_t *date);
static ngx_int_t ngx_http_meta_deletion_json(ngx_http_request_t *r,
    ngx_http_meta_deletion_t *d, ngx_http_meta_deletion_words_t *words);
static int64_t ngx_http_meta_deletion_number(ngx_str_t *s);


/* in the order of the enum */

static ngx_str_t  ngx_http_meta_deletion_names[] = {
    ngx_string("state"),
    ngx_string("at"),
    ngx_string("tokens"),
    ngx_string("flows"),
    ngx_string("done_at"),
    ngx_string("text")
};


/* the last stands for whatever a newer consumer may write */

static ngx_http_meta_deletion_words_t  ngx_http_meta_deletion_words[] = {

    { ngx_string("deleted"), 200, ngx_string("late"),
      ngx_string("Your access was deleted"),
      ngx_string("You asked that your data be deleted. What this service held "
                 "of your Facebook or Instagram login is gone."),
      ngx_string("What the business behind this app keeps beyond that, orders "
                 "or messages for instance, it deletes itself, and says so on "
                 "this page when that is done.") },

    { ngx_string("done"), 200, ngx_string("good"),
      ngx_string("Your data was deleted"),
      ngx_string("You asked that your data be deleted. The business behind "
                 "this app has confirmed that this is done."),
      ngx_null_string },

    { ngx_string("refused"), 200, ngx_string("note"),
      ngx_string("Not everything was deleted"),
      ngx_string("You asked that your data be deleted. The business behind "
                 "this app has to keep some of it, and gives its reason "
                 "below."),
      ngx_null_string },

    { ngx_string("test"), 200, ngx_string("note"),
      ngx_string("This was only a test"),
      ngx_string("The settings of the app were tried out with this code. "
                 "Nobody had asked for anything, and nothing was deleted."),
      ngx_null_string },

    { ngx_string("unknown"), 404, ngx_string("note"),
      ngx_string("We do not know this code"),
      ngx_string("Please compare it with the confirmation code that you were "
                 "given: it has 24 digits and letters from a to f. What "
                 "became of a request is kept here for a year."),
      ngx_null_string },

    { ngx_string("unavailable"), 503, ngx_string("wait"),
      ngx_string("One moment, please"),
      ngx_string("We cannot look just now. Your request is not lost: this "
                 "page tries again by itself in a few seconds."),
      ngx_null_string },

    { ngx_string("received"), 200, ngx_string("late"),
      ngx_string("Your request has arrived"),
      ngx_string("You asked that your data be deleted. The request is safe "
                 "with us, and nothing has been deleted so far. Please come "
                 "back to this page later."),
      ngx_null_string }
};


char *
ngx_http_meta_deletion_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_meta_oauth_answers(cf, cmd, conf,
                                       ngx_http_meta_deletion_handler);
}


ngx_int_t
ngx_http_meta_deletion_handler(ngx_http_request_t *r)
{
    size_t                     i;
    ngx_int_t                  rc;
    ngx_http_meta_ctx_t       *ctx;
    ngx_http_meta_deletion_t  *d;

    static ngx_str_t           name = ngx_string("code");

    rc = ngx_http_meta_get_only(r, "GET, HEAD");

    if (rc != NGX_OK || !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return rc;
    }

    ctx = ngx_http_meta_get_ctx(r);
    d = ngx_pcalloc(r->pool, sizeof(ngx_http_meta_deletion_t));

    if (ctx == NULL || d == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_meta_params(r->pool, &ctx->args, &name, &d->code, 1);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_OK || d->code.len != META_CONFIRM_LEN) {
        ngx_str_null(&d->code);
        return ngx_http_meta_deletion_show(r, d, "unknown");
    }

    /* somebody may have typed it */

    for (i = 0; i < d->code.len; i++) {
        if (meta_hex(d->code.data[i]) < 0) {
            ngx_str_null(&d->code);
            return ngx_http_meta_deletion_show(r, d, "unknown");
        }

        d->code.data[i] = ngx_tolower(d->code.data[i]);
    }

    d->own = ngx_http_meta_deletion_own(r, &d->code);

    return ngx_http_meta_deletion_ask(r, d);
}


/*
 * Whether a secret that is in force has made it.  One that was made by an
 * older secret is known by what Redis has of it alone.
 */

static ngx_uint_t
ngx_http_meta_deletion_own(ngx_http_request_t *r, ngx_str_t *code)
{
    meta_str_t                 text;
    ngx_uint_t                 i;
    ngx_http_meta_secret_t    *secrets;
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_module);

    if (mlcf->secrets == NULL) {
        return 0;
    }

    text.data = code->data;
    text.len = code->len;

    secrets = mlcf->secrets->elts;

    for (i = 0; i < mlcf->secrets->nelts; i++) {
        if (meta_confirm_check(text, &secrets[i].hmac) == META_OK) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_meta_deletion_ask(ngx_http_request_t *r, ngx_http_meta_deletion_t *d)
{
    u_char      key[sizeof(NGX_HTTP_META_DELETION_KEY) + META_CONFIRM_LEN];
    ngx_int_t   rc;
    meta_str_t  code, argv[2];

    static const meta_str_t  hgetall = meta_string("HGETALL");

    code.data = d->code.data;
    code.len = d->code.len;

    if (d->own && meta_confirm_is_test(code)) {
        return ngx_http_meta_deletion_show(r, d, "test");
    }

    argv[0] = hgetall;
    argv[1].data = key;
    argv[1].len = ngx_sprintf(key, NGX_HTTP_META_DELETION_KEY "%V", &d->code)
                  - key;

    rc = ngx_http_meta_ask(r, argv, 2, NGX_HTTP_META_DELETION_ROOM,
                           ngx_http_meta_deletion_answered, d);

    if (rc == NGX_DONE) {
        r->main->count++;
        return NGX_DONE;
    }

    return ngx_http_meta_deletion_show(r, d, "unavailable");
}


static ngx_int_t
ngx_http_meta_deletion_answered(ngx_http_request_t *r, void *data,
    ngx_http_meta_reply_t *reply, ngx_str_t *text)
{
    ngx_http_meta_deletion_t *d = data;

    if (reply == NULL || !ngx_http_meta_reply_is_array(reply)) {
        return ngx_http_meta_deletion_show(r, d, "unavailable");
    }

    ngx_http_meta_deletion_read(d, text);

    if (d->fields[NGX_HTTP_META_DELETION_STATE].len) {
        return ngx_http_meta_deletion_show(r, d, NULL);
    }

    /* the consumer writes the first word of it */

    return ngx_http_meta_deletion_show(r, d, d->own ? "received" : "unknown");
}


/* a line for a name, a line for its value; what is not ours is passed over */

static void
ngx_http_meta_deletion_read(ngx_http_meta_deletion_t *d, ngx_str_t *text)
{
    u_char      *p, *last, *end;
    ngx_str_t    line, *field, *name;
    ngx_uint_t   i;

    p = text->data;
    last = text->data + text->len;
    field = NULL;

    while ((end = ngx_strlchr(p, last, LF)) != NULL) {

        line.data = p;
        line.len = end - p;
        p = end + 1;

        if (field) {
            *field = line;
            field = NULL;
            continue;
        }

        for (i = 0; i < NGX_HTTP_META_DELETION_NFIELDS; i++) {
            name = &ngx_http_meta_deletion_names[i];

            if (name->len == line.len
                && ngx_memcmp(name->data, line.data, line.len) == 0)
            {
                field = &d->fields[i];
                break;
            }
        }
    }
}


/* state: NULL for what stands in Redis */

static ngx_int_t
ngx_http_meta_deletion_show(ngx_http_request_t *r,
    ngx_http_meta_deletion_t *d, char *state)
{
    ngx_str_t                       *s;
    ngx_http_meta_ctx_t             *ctx;
    ngx_http_meta_deletion_words_t  *words;

    s = &d->fields[NGX_HTTP_META_DELETION_STATE];

    if (state) {
        s->data = (u_char *) state;
        s->len = ngx_strlen(state);
    }

    words = ngx_http_meta_deletion_find(s);

    ctx = ngx_http_meta_get_ctx(r);

    ctx->verdict = (words->status == NGX_HTTP_OK) ? NGX_HTTP_META_FLOW
                   : (words->status == NGX_HTTP_NOT_FOUND)
                     ? NGX_HTTP_META_NO_FLOW : NGX_HTTP_META_UNAVAILABLE;

    if (words->status == NGX_HTTP_SERVICE_UNAVAILABLE
        && (ngx_http_meta_header(r, "Retry-After", "5") != NGX_OK
            || ngx_http_meta_header(r, "Refresh", "5") != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_meta_wants_json(r)
           ? ngx_http_meta_deletion_json(r, d, words)
           : ngx_http_meta_deletion_page(r, d, words);
}


static ngx_http_meta_deletion_words_t *
ngx_http_meta_deletion_find(ngx_str_t *state)
{
    ngx_uint_t                       i, n;
    ngx_http_meta_deletion_words_t  *words;

    words = ngx_http_meta_deletion_words;
    n = sizeof(ngx_http_meta_deletion_words)
        / sizeof(ngx_http_meta_deletion_words_t);

    for (i = 0; i < n - 1; i++) {
        if (words[i].state.len == state->len
            && ngx_memcmp(words[i].state.data, state->data, state->len) == 0)
        {
            break;
        }
    }

    return &words[i];
}


static ngx_int_t
ngx_http_meta_deletion_page(ngx_http_request_t *r,
    ngx_http_meta_deletion_t *d, ngx_http_meta_deletion_words_t *words)
{
    ngx_uint_t             i;
    ngx_http_meta_page_t   page;
    ngx_http_meta_field_t  fields[10];

    enum { LOOK = 0, TITLE, TEXT, HERE, REST, SAID, CODE, ASKED, FINISHED };

    static ngx_str_t  names[] = {
        ngx_string("look"),
        ngx_string("title"),
        ngx_string("text"),
        ngx_string("here"),
        ngx_string("rest"),
        ngx_string("said"),
        ngx_string("code"),
        ngx_string("asked"),
        ngx_string("finished")
    };

    ngx_memzero(fields, sizeof(fields));

    for (i = 0; i <= FINISHED; i++) {
        fields[i].name = names[i];
    }

    fields[LOOK].value = words->look;
    fields[TITLE].value = words->title;
    fields[TEXT].value = words->text;
    fields[REST].value = words->rest;
    fields[SAID].value = d->fields[NGX_HTTP_META_DELETION_TEXT];
    fields[CODE].value = d->code;

    if (ngx_http_meta_deletion_here(r, d, &fields[HERE].value) != NGX_OK
        || ngx_http_meta_deletion_date(r,
                                 &d->fields[NGX_HTTP_META_DELETION_AT],
                                 &fields[ASKED].value)
           != NGX_OK
        || ngx_http_meta_deletion_date(r,
                                 &d->fields[NGX_HTTP_META_DELETION_DONE_AT],
                                 &fields[FINISHED].value)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&page, sizeof(ngx_http_meta_page_t));

    page.status = words->status;
    page.text = ngx_http_meta_deletion_html;
    page.fields = fields;

    return ngx_http_meta_page_send(r, &page);
}


/* "2 access tokens and 1 login."; empty where that is not known */

static ngx_int_t
ngx_http_meta_deletion_here(ngx_http_request_t *r,
    ngx_http_meta_deletion_t *d, ngx_str_t *here)
{
    int64_t  tokens, flows;

    if (d->fields[NGX_HTTP_META_DELETION_TOKENS].len == 0) {
        return NGX_OK;
    }

    tokens = ngx_http_meta_deletion_number(
                                  &d->fields[NGX_HTTP_META_DELETION_TOKENS]);
    flows = ngx_http_meta_deletion_number(
                                   &d->fields[NGX_HTTP_META_DELETION_FLOWS]);

    if (tokens == 0 && flows == 0) {
        ngx_str_set(here, "There was nothing left: no permission of yours was "
                          "kept here any more.");
        return NGX_OK;
    }

    here->data = ngx_pnalloc(r->pool, NGX_HTTP_META_DELETION_HERE);
    if (here->data == NULL) {
        return NGX_ERROR;
    }

    here->len = ngx_snprintf(here->data, NGX_HTTP_META_DELETION_HERE,
                             "%L access %s that you had given to this app, "
                             "and %L %s of your logins.", tokens,
                             tokens == 1 ? "permission" : "permissions",
                             flows, flows == 1 ? "record" : "records")
                - here->data;

    return NGX_OK;
}


/* of milliseconds, for a <time>; empty where there is none */

static ngx_int_t
ngx_http_meta_deletion_date(ngx_http_request_t *r, ngx_str_t *ms,
    ngx_str_t *date)
{
    ngx_tm_t  tm;

    if (ngx_http_meta_deletion_number(ms) == 0) {
        return NGX_OK;
    }

    date->data = ngx_pnalloc(r->pool, sizeof("1970-01-01"));
    if (date->data == NULL) {
        return NGX_ERROR;
    }

    ngx_gmtime(ngx_http_meta_deletion_number(ms) / 1000, &tm);

    date->len = ngx_sprintf(date->data, "%4d-%02d-%02d", tm.ngx_tm_year,
                            tm.ngx_tm_mon, tm.ngx_tm_mday)
                - date->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_meta_deletion_json(ngx_http_request_t *r,
    ngx_http_meta_deletion_t *d, ngx_http_meta_deletion_words_t *words)
{
    u_char     *p;
    ngx_str_t   json, *said;

    said = &d->fields[NGX_HTTP_META_DELETION_TEXT];

    p = ngx_pnalloc(r->pool, 256 + 6 * said->len + words->text.len
                             + words->rest.len);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    json.data = p;

    p = ngx_sprintf(p, "{\"v\":1,\"code\":\"%V\",\"state\":\"%V\","
                    "\"text\":\"%V%s%V\",\"said\":", &d->code, &words->state,
                    &words->text, words->rest.len ? " " : "", &words->rest);
    p = ngx_http_meta_json_string(p, said);
    p = ngx_sprintf(p, ",\"at\":%L,\"done_at\":%L,\"tokens\":%L}",
                    ngx_http_meta_deletion_number(
                                   &d->fields[NGX_HTTP_META_DELETION_AT]),
                    ngx_http_meta_deletion_number(
                                   &d->fields[NGX_HTTP_META_DELETION_DONE_AT]),
                    ngx_http_meta_deletion_number(
                                  &d->fields[NGX_HTTP_META_DELETION_TOKENS]));

    json.len = p - json.data;

    return ngx_http_meta_send_bytes(r, words->status, "application/json",
                                    &json);
}


/* what is none, or no time of this era, is 0 */

static int64_t
ngx_http_meta_deletion_number(ngx_str_t *s)
{
    size_t   i;
    int64_t  n;

    if (s->len > 14) {
        return 0;
    }

    n = 0;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] < '0' || s->data[i] > '9') {
            return 0;
        }

        n = n * 10 + (s->data[i] - '0');
    }

    return n;
}
