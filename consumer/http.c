/* HTTPS calls on the loop: libcurl's multi interface, ceilings, deadlines. */

#include "http.h"
#include "version.h"

#include <stdio.h>
#include <stdlib.h>

#include <curl/curl.h>
#include <openssl/crypto.h>


#define HTTP_CONNECT_MS  5000
#define HTTP_TOTAL_MS    30000
#define HTTP_HEADERS_MAX (64 * 1024)
#define HTTP_AGENT       "meta-consumer/" VERSION


struct socket {
    struct http    *http;
    curl_socket_t   fd;
    uv_poll_t       poll;
};


struct call {
    struct call        *next;
    struct call        *prev;
    struct http        *http;
    CURL               *easy;
    struct curl_slist  *headers;
    http_cb             cb;
    void               *data;
    char               *body;
    size_t              len;
    size_t              sent;
    struct buf          answer;
    size_t              headers_len;    /* of the answer */
};


struct http {
    uv_loop_t    *loop;
    CURLM        *multi;
    uv_timer_t    timer;
    struct call  *first;
};


static void http_harvest(struct http *http);


static void on_timeout(uv_timer_t *timer)
{
    int           running;
    struct http  *http = timer->data;

    curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    http_harvest(http);
}


static int on_timer(CURLM *multi, long ms, void *data)
{
    struct http  *http = data;

    (void) multi;

    if (ms < 0) {
        uv_timer_stop(&http->timer);
    } else {
        uv_timer_start(&http->timer, on_timeout, ms, 0);
    }

    return 0;
}


static void on_ready(uv_poll_t *poll, int status, int events)
{
    int             flags = 0, running;
    struct http    *http;
    struct socket  *s = poll->data;

    http = s->http;     /* s may be gone after the next call */

    if (status < 0) {
        flags = CURL_CSELECT_ERR;
    }
    if (events & UV_READABLE) {
        flags |= CURL_CSELECT_IN;
    }
    if (events & UV_WRITABLE) {
        flags |= CURL_CSELECT_OUT;
    }

    curl_multi_socket_action(http->multi, s->fd, flags, &running);
    http_harvest(http);
}


static void on_socket_closed(uv_handle_t *handle)
{
    free(handle->data);
}


static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data,
    void *socket)
{
    int             events = 0;
    struct http    *http = data;
    struct socket  *s = socket;

    (void) easy;

    if (what == CURL_POLL_REMOVE) {
        if (s != NULL) {
            curl_multi_assign(http->multi, fd, NULL);
            uv_poll_stop(&s->poll);
            uv_close((uv_handle_t *) &s->poll, on_socket_closed);
        }
        return 0;
    }

    if (s == NULL) {
        s = mem_alloc(sizeof(*s));
        s->http = http;
        s->fd = fd;
        if (uv_poll_init_socket(http->loop, &s->poll, fd) != 0) {
            free(s);
            return -1;
        }
        s->poll.data = s;
        curl_multi_assign(http->multi, fd, s);
    }

    if (what != CURL_POLL_OUT) {
        events |= UV_READABLE;
    }
    if (what != CURL_POLL_IN) {
        events |= UV_WRITABLE;
    }

    return uv_poll_start(&s->poll, events, on_ready);
}


/* No seek function stands beside it: libcurl sends a POST again by itself
   when a reused connection dies before the answer, unless it cannot rewind. */
static size_t on_body(char *to, size_t size, size_t n, void *data)
{
    struct call  *c = data;
    size_t        len = c->len - c->sent;

    if (len > size * n) {
        len = size * n;
    }

    memcpy(to, c->body + c->sent, len);
    c->sent += len;

    return len;
}


static size_t on_header(char *at, size_t size, size_t n, void *data)
{
    struct call  *c = data;

    (void) at;
    c->headers_len += size * n;

    return c->headers_len > HTTP_HEADERS_MAX ? 0 : size * n;
}


static size_t on_answer(char *at, size_t size, size_t n, void *data)
{
    struct call  *c = data;

    buf_add(&c->answer, at, size * n);

    return c->answer.over ? 0 : size * n;
}


static void call_free(struct call *c)
{
    struct curl_slist  *h;

    for (h = c->headers; h != NULL; h = h->next) {
        OPENSSL_cleanse(h->data, strlen(h->data));
    }

    curl_slist_free_all(c->headers);
    curl_easy_cleanup(c->easy);

    *(c->prev != NULL ? &c->prev->next : &c->http->first) = c->next;
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }

    buf_free(&c->answer);
    free(c->body);
    free(c);
}


/* A POST of which no byte of the body was handed out cannot be executed.  The
   code says nothing of that: CURLE_UNSUPPORTED_PROTOCOL is also an answer
   without a status line. */
static enum http_outcome call_failed(const struct call *c)
{
    curl_off_t  connected = 0;

    curl_easy_getinfo(c->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);

    return (c->len ? c->sent : (size_t) connected) ? HTTP_AMBIGUOUS
           : HTTP_UNSENT;
}


static void call_finish(struct call *c, CURLcode code)
{
    curl_off_t          us = 0;
    struct http_answer  answer = { .outcome = HTTP_ANSWERED, .why = "" };

    curl_easy_getinfo(c->easy, CURLINFO_TOTAL_TIME_T, &us);
    answer.ms = (double) us / 1000;

    if (code == CURLE_OK) {
        curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &answer.status);
        answer.body.at = c->answer.len ? c->answer.at : "";
        answer.body.len = c->answer.len;

    } else {
        answer.outcome = call_failed(c);
        answer.why = c->answer.over ? "the answer is longer than 1 MB"
                     : curl_easy_strerror(code);
        answer.body = NONE;
    }

    curl_multi_remove_handle(c->http->multi, c->easy);
    c->cb(c->data, &answer);
    call_free(c);
}


static void http_harvest(struct http *http)
{
    int       left;
    CURLMsg  *m;
    void     *call;

    while ((m = curl_multi_info_read(http->multi, &left)) != NULL) {
        if (m->msg == CURLMSG_DONE) {
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &call);
            call_finish(call, m->data.result);
        }
    }
}


/* http_new makes a client */
struct http *http_new(uv_loop_t *loop)
{
    struct http  *http = mem_alloc(sizeof(*http));

    http->loop = loop;
    uv_timer_init(loop, &http->timer);
    http->timer.data = http;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK
        || (http->multi = curl_multi_init()) == NULL)
    {
        abort();
    }

    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);

    return http;
}


static void call_headers(struct call *c, const struct http_request *request)
{
    struct buf  b;

    buf_init(&b, 64 * 1024);
    buf_text(&b, "Authorization: Bearer ");
    buf_text(&b, request->bearer);
    buf_add(&b, "", 1);

    c->headers = curl_slist_append(c->headers, b.at);
    OPENSSL_cleanse(b.at, b.len);
    buf_free(&b);

    c->headers = curl_slist_append(c->headers, "Accept: application/json");
    if (c->len) {
        c->headers = curl_slist_append(c->headers,
                                       "Content-Type: application/json");
        c->headers = curl_slist_append(c->headers, "Expect:");
    }

    curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
}


/* a redirect is an answer, a proxy of the environment is nobody we know */
static void call_options(struct call *c, const struct http_request *request)
{
    CURL  *easy = c->easy;

    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (request->ca_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }

    curl_easy_setopt(easy, CURLOPT_USERAGENT, HTTP_AGENT);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long) HTTP_CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) HTTP_TOTAL_MS);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, c);

    if (c->len) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t) c->len);
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_body);
        curl_easy_setopt(easy, CURLOPT_READDATA, c);
    }
}


/* http_start puts a call on the wire */
void http_start(struct http *http, const struct http_request *request,
    http_cb cb, void *data)
{
    struct call  *c = mem_alloc(sizeof(*c));

    c->http = http;
    c->cb = cb;
    c->data = data;
    c->body = mem_copy(request->body.at, request->body.len);
    c->len = request->body.len;
    buf_init(&c->answer, HTTP_ANSWER_MAX);

    c->next = http->first;
    if (http->first != NULL) {
        http->first->prev = c;
    }
    http->first = c;

    c->easy = curl_easy_init();
    if (c->easy == NULL) {
        abort();
    }

    call_headers(c, request);
    call_options(c, request);

    curl_multi_add_handle(http->multi, c->easy);
}


static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}


/* http_free ends all calls and releases the client */
void http_free(struct http *http)
{
    while (http->first != NULL) {
        call_finish(http->first, CURLE_ABORTED_BY_CALLBACK);
    }

    curl_multi_cleanup(http->multi);
    curl_global_cleanup();
    uv_close((uv_handle_t *) &http->timer, on_closed);
}
