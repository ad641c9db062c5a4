/* Handlers: one signed POST for an event, and a breaker for each of them that
   keeps calls back from one that does not answer. */

#include "handler.h"
#include "breaker.h"
#include "stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>


#define HANDLER_BODY_MIN  (1024 * 1024)
#define HANDLER_ID_MAX    2048


struct handler_call {
    struct handler_call        *next;
    struct handler_call        *prev;
    struct handlers            *handlers;
    struct http_call           *http;   /* NULL: kept back */
    struct conf                *conf;
    const struct conf_handler  *handler;
    struct action_place         place;
    struct breaker             *breaker;
    bool                        probe;
    uint64_t                    wait_ms;    /* kept back: how long */
    handler_cb                  cb;
    void                       *data;
};

struct handlers {
    uv_loop_t            *loop;
    struct http          *http;
    struct breaker       *breakers;
    struct handler_call  *first;
    uv_timer_t            timer;    /* answers those that are kept back */
};


/* handlers_new makes a client of handlers */
struct handlers *handlers_new(struct http *http, uv_loop_t *loop)
{
    struct handlers  *h = mem_alloc(sizeof(*h));

    h->loop = loop;
    h->http = http;
    uv_timer_init(loop, &h->timer);
    h->timer.data = h;

    return h;
}


static void call_free(struct handler_call *c)
{
    *(c->prev != NULL ? &c->prev->next : &c->handlers->first) = c->next;
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }

    if (c->probe) {
        breaker_probed(c->breaker);
    }

    conf_drop(c->conf);
    free(c);
}


/* the call is gone before anybody hears of it, who may begin the next */
static void call_answer(struct handler_call *c, struct handler_answer *answer)
{
    handler_cb           cb = c->cb;
    void                *data = c->data;
    struct conf         *conf = conf_hold(c->conf);

    call_free(c);
    cb(data, answer);
    actions_free(answer->actions, answer->nactions);
    conf_drop(conf);
}


static void on_answer(void *data, const struct http_answer *http)
{
    char                   how[32];
    uint64_t               now;
    struct handler_call   *c = data;
    struct handler_answer  answer;

    handler_judge(http, http->headers[0], http->headers[1], c->handler,
                  &c->place, c->conf, (long long) time(NULL), &answer);

    now = uv_now(c->handlers->loop);
    answer.counted = breaker_counts(c->breaker);
    snprintf(how, sizeof(how), "HTTP %ld", answer.status);
    breaker_tell(c->breaker, now, answer.what != HANDLER_AGAIN ? NULL
                 : answer.status ? how : answer.why);

    call_answer(c, &answer);
}


static void call_kept(struct handler_call *c, const char *why)
{
    struct handler_answer  answer = {
        .what = HANDLER_AGAIN, .why = why, .wait_ms = c->wait_ms
    };

    call_answer(c, &answer);
}


/* those that were kept back; who asks again meanwhile waits for the next */
static void on_timer(uv_timer_t *timer)
{
    size_t                n = 0;
    struct handlers      *h = timer->data;
    struct handler_call  *c;

    for (c = h->first; c != NULL; c = c->next) {
        n += c->http == NULL;
    }

    for (; n > 0; n--) {
        for (c = h->first; c != NULL && c->http != NULL; c = c->next) { }
        if (c == NULL) {
            break;
        }
        call_kept(c, "it failed too often and is left alone for a while");
    }
}


/* HMAC-SHA256 over timestamp, ".", body */
static void sign(unsigned char digest[EVP_MAX_MD_SIZE], size_t *len,
    const char *secret, const char *timestamp, struct str body)
{
    EVP_MAC      *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX  *ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    OSSL_PARAM    params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                         (char *) "SHA256", 0),
        OSSL_PARAM_construct_end()
    };

    if (ctx == NULL
        || !EVP_MAC_init(ctx, (const unsigned char *) secret, strlen(secret),
                         params)
        || !EVP_MAC_update(ctx, (const unsigned char *) timestamp,
                           strlen(timestamp))
        || !EVP_MAC_update(ctx, (const unsigned char *) ".", 1)
        || !EVP_MAC_update(ctx, (const unsigned char *) body.at, body.len)
        || !EVP_MAC_final(ctx, digest, len, EVP_MAX_MD_SIZE))
    {
        abort();
    }

    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
}


/* an id may hold what no header may: that is percent-encoded */
static void header_id(struct buf *b, struct str id)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < id.len; i++) {
        c = (unsigned char) id.at[i];
        if (c > 0x20 && c < 0x7f) {
            buf_add(b, id.at + i, 1);
        } else {
            buf_format(b, "%%%02X", c);
        }
    }
}


/* four texts, each with its zero behind it */
static void call_headers(struct buf *b, const char *at[4],
    const struct conf_handler *handler, struct str id, unsigned attempt,
    struct str view)
{
    char           timestamp[24];
    size_t         i, len = 0, from[4];
    unsigned char  digest[EVP_MAX_MD_SIZE];

    snprintf(timestamp, sizeof(timestamp), "%lld", (long long) time(NULL));
    sign(digest, &len, handler->secret, timestamp, view);

    from[0] = b->len;
    buf_text(b, "Meta-Id: ");
    header_id(b, id);
    buf_add(b, "", 1);

    from[1] = b->len;
    buf_format(b, "Meta-Attempt: %u", attempt);
    buf_add(b, "", 1);

    from[2] = b->len;
    buf_format(b, "Meta-Timestamp: %s", timestamp);
    buf_add(b, "", 1);

    from[3] = b->len;
    buf_text(b, "Meta-Signature: sha256=");
    for (i = 0; i < len; i++) {
        buf_format(b, "%02x", digest[i]);
    }
    buf_add(b, "", 1);

    for (i = 0; i < 4; i++) {
        at[i] = b->at + from[i];
    }
}


static void call_start(struct handler_call *c, struct str id,
    unsigned attempt, struct str view)
{
    unsigned                   ms = (unsigned) c->handler->timeout_ms;
    struct buf                 b;
    const char                *headers[4];
    static const char *const   want[] = { "Retry-After",
                                                    "Content-Type" };
    struct http_request        request = {
        .method = HTTP_POST, .url = c->handler->url,
        .unix_path = c->handler->unix_path, .ca_file = c->handler->ca_file,
        .headers = headers, .nheaders = 4, .body = view,
        .eager = true,
        .connect_ms = ms < HTTP_CONNECT_MS ? ms : 0, .total_ms = ms,
        .idle_ms = ms, .want = want, .nwant = 2
    };

    /* what is a little too long is read, and judged as that */
    request.answer_max = c->handler->max_answer * 2 > HANDLER_BODY_MIN
                         ? c->handler->max_answer * 2 : HANDLER_BODY_MIN;

    buf_init(&b, HANDLER_ID_MAX * 3 + 1024);
    call_headers(&b, headers, c->handler, id, attempt, view);
    c->http = http_start(c->handlers->http, &request, on_answer, c);
    buf_free(&b);
}


/* handler_call asks a handler, or keeps the call back */
struct handler_call *handler_call(struct handlers *h, struct conf *conf,
    const struct conf_handler *handler, struct str id, unsigned attempt,
    struct str view, const struct action_place *place, handler_cb cb,
    void *data)
{
    struct handler_call  *c = mem_alloc(sizeof(*c));

    c->handlers = h;
    c->conf = conf_hold(conf);
    c->handler = handler;
    c->place = *place;
    c->cb = cb;
    c->data = data;
    c->breaker = breaker_of(&h->breakers, "handler", handler->name,
                            STATS_HANDLER, STAT_HANDLER_OPEN);

    c->next = h->first;
    if (h->first != NULL) {
        h->first->prev = c;
    }
    h->first = c;

    c->wait_ms = breaker_ask(c->breaker, uv_now(h->loop), &c->probe);
    if (c->wait_ms) {
        uv_timer_start(&h->timer, on_timer, 0, 0);
        return c;
    }

    if (id.len > HANDLER_ID_MAX) {
        id.len = HANDLER_ID_MAX;
    }

    call_start(c, id, attempt, view);

    return c;
}


static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}


/* handlers_free ends all calls, as if each had been kept back */
void handlers_free(struct handlers *h)
{
    struct handler_call  *c;

    while ((c = h->first) != NULL) {
        if (c->http != NULL) {
            http_cancel(c->http);
            c->http = NULL;
        }
        call_kept(c, "we are leaving");
    }

    breakers_free(&h->breakers);

    uv_close((uv_handle_t *) &h->timer, on_closed);
}


/* handler_find returns the handler of that name, or NULL */
const struct conf_handler *handler_find(const struct conf *conf,
    const char *name)
{
    size_t                      i;
    const struct conf_handler  *handlers = conf->handlers.at;

    for (i = 0; i < conf->handlers.n; i++) {
        if (strcmp(handlers[i].name, name) == 0) {
            return &handlers[i];
        }
    }

    return NULL;
}
