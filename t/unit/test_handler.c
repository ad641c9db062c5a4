/*
 * Handlers: what leaves, signed, and the breaker.  HTTP and the log are played
 * by the test.
 */

#include "consumer/breaker.c"
#include "consumer/handler.c"

#include <stdarg.h>

#include "tap.h"
#include "quoted.h"


struct http_call {
    http_cb  cb;
    void    *data;
};

struct heard {
    unsigned           n;
    enum handler_what  what;
    size_t             nactions;
    bool               counted;
    uint64_t           wait_ms;
    bool               keep;        /* the actions */
    struct action     *actions;
};


static struct http_call   on_wire[16];
static size_t             calls;
static char               sent[4096];
static char               said[256];
static struct uv_loop_s   loop;


struct http_call *http_start(struct http *http,
    const struct http_request *request, http_cb cb, void *data)
{
    size_t             i;
    struct buf         b;
    struct http_call  *c = &on_wire[calls++ % 16];

    (void) http;

    buf_init(&b, sizeof(sent));
    buf_format(&b, "%d %s %s %u %u %zu %s\n", request->method, request->url,
               request->unix_path != NULL ? request->unix_path : "-",
               request->total_ms, request->connect_ms, request->answer_max,
               request->bearer != NULL ? "token" : "-");
    for (i = 0; i < request->nheaders; i++) {
        buf_text(&b, request->headers[i]);
        buf_text(&b, "\n");
    }
    buf_str(&b, request->body);
    buf_add(&b, "", 1);
    memcpy(sent, b.at, b.len);
    buf_free(&b);

    *c = (struct http_call) { cb, data };

    return c;
}


void http_cancel(struct http_call *call)
{
    call->cb = NULL;
}


void log_clean(struct buf *b, struct str value)
{
    buf_str(b, value);
}


void log_write(enum log_level level, const char *format, ...)
{
    va_list  args;

    (void) level;
    va_start(args, format);
    vsnprintf(said, sizeof(said), format, args);
    va_end(args);
}


static void on_handler(void *data, struct handler_answer *answer)
{
    struct heard  *h = data;

    h->n++;
    h->what = answer->what;
    h->nactions = answer->nactions;
    h->counted = answer->counted;
    h->wait_ms = answer->wait_ms;

    if (h->keep) {
        h->actions = answer->actions;
        answer->actions = NULL;
    }
}


static struct conf_handler  shop = {
    .name = (char *) "shop", .url = (char *) "https://shop.example/meta",
    .secret = (char *) "handler secret", .timeout_ms = 3000,
    .max_answer = 1024, .max_actions = 3
};
static const struct action_place  place = {
    .from = FROM_RULE, .product = PRODUCT_WHATSAPP, .kind = KIND_MESSAGE,
    .addressed = true, .message = true
};


static struct handler_call *ask(struct handlers *h, struct conf *conf,
    const char *id, struct heard *heard)
{
    return handler_call(h, conf, &shop, STR(id), 2, STR("{\"v\":1}"), &place,
                        on_handler, heard);
}


/* the handler's answer to call number n */
static void answer(size_t n, long status, const char *body)
{
    struct str          text = quoted(body);
    struct http_answer  http = {
        .outcome = status ? HTTP_ANSWERED : HTTP_UNSENT, .why = "refused",
        .status = status, .body = text
    };
    struct http_call    c = on_wire[n % 16];

    http.headers[0] = NONE;
    c.cb(c.data, &http);
    free((char *) text.at);
}


static void header(char out[200], const char *name)
{
    char    *at = strstr(sent, name);
    size_t   n = at != NULL ? strcspn(at + strlen(name), "\n") : 0;

    out[0] = '\0';
    if (at != NULL && n < 200) {
        memcpy(out, at + strlen(name), n);
        out[n] = '\0';
    }
}


static void test_call(struct handlers *h, struct conf *conf)
{
    char            text[200], signature[200], timestamp[200];
    size_t          i, len;
    unsigned        refs = conf->refs;
    struct heard    heard = { .keep = true };
    unsigned char   digest[EVP_MAX_MD_SIZE];

    ask(h, conf, "wamid.A=\r\nX: \xc3\xa4", &heard);
    is_int(conf->refs, refs + 1, "the configuration is held");
    ok(strncmp(sent, "1 https://shop.example/meta - 3000 3000 1048576 -\n", 50)
       == 0, "a POST with ceilings, and without a token");
    header(text, "Meta-Id: ");
    is_str(text, strlen(text), "wamid.A=%0D%0AX:%20%C3%A4",
           "an id breaks no header");
    header(text, "Meta-Attempt: ");
    is_str(text, strlen(text), "2", "attempt");
    ok(strcmp(strrchr(sent, '\n'), "\n{\"v\":1}") == 0, "the view");

    header(timestamp, "Meta-Timestamp: ");
    ok(llabs(strtoll(timestamp, NULL, 10) - (long long) time(NULL)) < 60,
       "the time");
    header(signature, "Meta-Signature: sha256=");
    sign(digest, &len, "handler secret", timestamp, STR("{\"v\":1}"));
    for (i = 0; i < len; i++) {
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    }
    is_str(signature, strlen(signature), text, "the signature");

    answer(0, 200, "{'actions':['mark_read',{'reply':{'text':'a'}}]}");
    is_int(heard.n, 1, "the answer is heard");
    is_int(heard.what, HANDLER_ACTIONS, "as actions");
    is_int(heard.actions[1].kind, ACTION_REPLY, "which may be kept");
    actions_free(heard.actions, heard.nactions);
    is_int(conf->refs, refs, "the configuration is given back");
}


/* what `openssl dgst -sha256 -hmac key` says of 1763700001.{"v":1} */
static void test_sign(void)
{
    char               hex[65] = "";
    size_t             i, len = 0;
    unsigned char      digest[EVP_MAX_MD_SIZE];
    static const char  want[] =
        "6bc87c2bc9af8af46fc55f1aeeb416f8"
        "f304b99e759ee6038be92e5c1b9136c1";

    sign(digest, &len, "key", "1763700001", STR("{\"v\":1}"));
    for (i = 0; i < len && i < 32; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }

    is_str(hex, strlen(hex), want, "an HMAC of timestamp, point and body");
}


/* a failure is counted until the breaker is open; then nothing leaves */
static void test_breaker(struct handlers *h, struct conf *conf)
{
    size_t        i, before;
    struct heard  heard = { .n = 0 };

    for (i = 0; i < 9; i++) {
        ask(h, conf, "a", &heard);
        answer(calls - 1, 503, "");
    }
    ok(heard.n == 9 && heard.what == HANDLER_AGAIN && heard.counted,
       "nine failures");

    ask(h, conf, "a", &heard);
    answer(calls - 1, 204, "");
    is_int(heard.what, HANDLER_NOTHING, "one that is none");

    for (i = 0; i < 10; i++) {
        ask(h, conf, "a", &heard);
        answer(calls - 1, i % 2 ? 429 : 0, "");
    }
    ok(heard.what == HANDLER_AGAIN && heard.counted, "ten in a row");
    is_str(said, strlen(said), "handler shop: failed 10 times in a row, at"
           " last HTTP 429; it is left alone for 30 s", "which is said once");

    before = calls;
    heard.n = 0;
    ask(h, conf, "a", &heard);
    is_int(heard.n, 0, "never inside of the call");
    uv_run(&loop, UV_RUN_DEFAULT);
    is_int(heard.n, 1, "the breaker answers");
    is_int(calls, before, "nothing left");
    ok(heard.what == HANDLER_AGAIN && !heard.counted, "it does not count");
    ok(heard.wait_ms > 25000 && heard.wait_ms <= 30000, "for 30 s");
}


/* the clock is the test's */
static void test_clock(struct handlers *h)
{
    bool             probe;
    unsigned         i;
    struct breaker  *b = breaker_of(&h->breakers, "handler", "clock",
        STATS_HANDLER, STAT_HANDLER_OPEN);

    ok(breaker_of(&h->breakers, "handler", "clock",
        STATS_HANDLER, STAT_HANDLER_OPEN) == b, "one breaker a name");

    for (i = 0; i < 10; i++) {
        is_int(breaker_ask(b, 1000, &probe), 0, "closed");
        breaker_tell(b, 1000, "no answer");
    }

    is_int(breaker_ask(b, 1000, &probe), 30000, "open");
    is_int(breaker_ask(b, 30999, &probe), 1, "to the end");
    is_int(breaker_ask(b, 31000, &probe), 0, "then one may leave");
    ok(probe, "for a trial");
    is_int(breaker_ask(b, 31000, &probe), 1000, "and no other");
    ok(!probe, "meanwhile");

    b->probing = false;
    breaker_tell(b, 32000, "refused");
    is_int(breaker_ask(b, 32000, &probe), 30000, "it failed: open again");

    is_int(breaker_ask(b, 62000, &probe), 0, "another trial");
    b->probing = false;
    breaker_tell(b, 62000, NULL);
    is_int(breaker_ask(b, 62000, &probe), 0, "it was good: closed");
    is_str(said, strlen(said), "handler clock: answers again, after 61 s",
           "and said since when");
    ok(!probe, "for all");
}


static void test_leave(struct handlers *h, struct conf *conf)
{
    size_t               i;
    struct heard         heard = { .n = 0 };
    struct conf_handler  other = shop;

    other.name = (char *) "other";
    for (i = 0; i < 3; i++) {
        handler_call(h, conf, &other, STR("a"), 1, STR("{}"), &place,
                     on_handler, &heard);
    }

    handlers_free(h);
    is_int(heard.n, 3, "who leaves ends all calls");
    ok(heard.what == HANDLER_AGAIN && !heard.counted, "as not counted");
    ok(on_wire[(calls - 1) % 16].cb == NULL, "and cancels them");
}


int main(void)
{
    struct conf      *conf = mem_alloc(sizeof(*conf));
    struct handlers  *h;

    conf->refs = 2;         /* conf_drop of the test's must not free it */
    conf->handlers = (struct conf_list) { &shop, 1 };

    uv_loop_init(&loop);
    h = handlers_new(NULL, &loop);

    ok(handler_find(conf, "shop") == &shop, "a handler by its name");
    ok(handler_find(conf, "none") == NULL, "or none");

    test_sign();
    test_call(h, conf);
    test_clock(h);
    test_breaker(h, conf);
    test_leave(h, conf);

    uv_run(&loop, UV_RUN_DEFAULT);
    is_int(uv_loop_close(&loop), 0, "nothing is left on the loop");
    free(conf);

    return done();
}


struct conf *conf_hold(struct conf *conf)
{
    conf->refs++;

    return conf;
}


void conf_drop(struct conf *conf)
{
    conf->refs--;
}
