/* HTTPS calls on the loop: libcurl's multi interface, ceilings, deadlines. */

#include "http_own.h"
#include "stats.h"
#include "version.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>


#define HTTP_AGENT        "meta-consumer/" VERSION
#define HTTP_HEADERS_MAX  (64 * 1024)
#define HTTP_CONNS_MAX    256L      /* in all */
#define HTTP_HOST_MAX     64L       /* to one host */
#define HTTP_IDLE_MAX     256       /* calls kept for later ones */
#define HTTP_KEEP_MAX     (16 * 1024)
#define HTTP_UPLOAD       (16L * 1024)
#define HTTP_WATCH_MS     100

/* idle for longer, a connection is not used again: Node closes it after 5 s,
   and a request that meets that is a failed attempt */
#define HTTP_AGE_S        118L
#define HTTP_AGE_EAGER_S  3L

static const char  too_long[] = "the answer is longer than allowed";
static const char  too_late[] = "the time for the whole call is over";
static const char  too_quiet[] = "nothing came for too long";
static const char  not_kept[] = "what came could not be kept";
static const char  cut_off[] = "the connection was cut before the answer";


/* libcurl sends a request again by itself when a connection that it used
   before dies without an answer, or when HTTP/2 says that a stream was
   refused: not a body that cannot be rewound */
static int on_rewind(void *data, curl_off_t offset, int origin)
{
    struct http_call  *c = data;

    if (!c->idempotent || offset != 0 || origin != SEEK_SET) {
        return CURL_SEEKFUNC_FAIL;
    }

    c->sent = 0;

    return CURL_SEEKFUNC_OK;
}


/* just before a request leaves, each time.  What has no body needs no rewind,
   so its second time ends here; what has one of which nothing was handed out
   cannot have been executed and may go again */
static int on_begin(void *data, char *remote, char *local, int remote_port,
    int local_port)
{
    struct http_call  *c = data;

    (void) remote;
    (void) local;
    (void) remote_port;

    if (c->left && !c->idempotent) {
        c->why = cut_off;
        return CURL_PREREQFUNC_ABORT;
    }

    c->begun++;
    c->port = local_port;
    c->left |= c->body.len == 0;
    c->heard = uv_now(c->http->loop);

    return CURL_PREREQFUNC_OK;
}


static void head_reset(struct http_call *c)
{
    c->head.len = 0;
    memset(c->found, 0, sizeof(c->found));
}


/* keeps the value of a header that is wanted, the last of several */
static void head_keep(struct http_call *c, const char *at, size_t len)
{
    size_t       i, n;
    const char  *end = at + len, *value;

    value = memchr(at, ':', len);
    if (value == NULL) {
        return;
    }

    n = value++ - at;

    for (i = 0; i < c->nwant; i++) {
        if ((c->want[i][0] ^ *at) & ~0x20
            || strncasecmp(c->want[i], at, n) != 0 || c->want[i][n] != '\0')
        {
            continue;
        }

        while (value < end && (*value == ' ' || *value == '\t')) {
            value++;
        }
        while (end > value && strchr(" \t\r\n", end[-1]) != NULL) {
            end--;
        }

        c->found[i].at = c->head.len;
        c->found[i].len = end - value;
        buf_add(&c->head, value, end - value);
        return;
    }
}


static size_t on_header(char *at, size_t size, size_t n, void *data)
{
    struct http_call  *c = data;

    c->heard = uv_now(c->http->loop);
    c->head_len += size * n;

    if (c->head_len > HTTP_HEADERS_MAX) {
        c->why = too_long;
        return 0;
    }

    if (size * n > 5 && memcmp(at, "HTTP/", 5) == 0) {
        head_reset(c);      /* what came before it was a 1xx */
    } else {
        head_keep(c, at, size * n);
    }

    return size * n;
}


/* true: it went there, or has ended the call.  Beside 200 nobody wants it, and
   it may be as long as a file */
static bool sink_took(struct http_call *c, const char *at, size_t len)
{
    long  status = 0;

    if (c->sink == NULL) {
        return false;
    }

    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);

    if (status == 200 && !c->sink(c->data, at, len)) {
        c->why = not_kept;
    }

    return true;
}


static size_t on_answer(char *at, size_t size, size_t n, void *data)
{
    struct http_call  *c = data;

    c->heard = uv_now(c->http->loop);
    if (sink_took(c, at, size * n)) {
        return c->why == NULL ? size * n : 0;
    }

    buf_add(&c->answer, at, size * n);

    if (c->answer.over) {
        c->why = too_long;
        return 0;
    }

    return size * n;
}


/* what is the same for every call.  A redirect is an answer, a proxy of the
   environment is nobody we know */
static void call_presets(struct http_call *c)
{
    CURL  *easy = c->easy;

    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     (long) CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, HTTP_AGENT);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->error);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, HTTP_UPLOAD);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_begin);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, c);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, http_body);
    curl_easy_setopt(easy, CURLOPT_READDATA, c);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_rewind);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, c);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, c);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, c);
}


static struct http_call *call_get(struct http *http)
{
    struct http_call  *c = http->idle;

    if (c != NULL) {
        http->idle = c->next;
        http->nidle--;
        return c;
    }

    c = mem_alloc(sizeof(*c));
    c->http = http;
    c->fd = -1;
    c->easy = curl_easy_init();
    c->parsed = curl_url();
    if (c->easy == NULL || c->parsed == NULL) {
        abort();
    }

    call_presets(c);
    buf_init(&c->body, (size_t) -1);
    buf_init(&c->tail, (size_t) -1);
    buf_init(&c->head, HTTP_HEADERS_MAX);

    return c;
}


static void call_free(struct http_call *c)
{
    curl_easy_cleanup(c->easy);
    curl_url_cleanup(c->parsed);
    mem_wipe(c->url);       /* it may hold a token */
    buf_free(&c->body);
    buf_free(&c->tail);
    buf_free(&c->answer);
    buf_free(&c->head);
    free(c->ca_file);
    free(c->unix_path);
    free(c);
}


/* gives a call back; what failed or went twice has left traces in libcurl's
   handle, which counts retries over all of its transfers */
static void call_put(struct http_call *c, bool good)
{
    struct http  *http = c->http;

    if (!good || http->nidle == HTTP_IDLE_MAX || http->closing) {
        call_free(c);
        return;
    }

    if (c->body.cap > HTTP_KEEP_MAX) {
        buf_free(&c->body);
    }
    if (c->answer.cap > HTTP_KEEP_MAX) {
        buf_free(&c->answer);
    }

    c->next = http->idle;
    http->idle = c;
    http->nidle++;
}


/* takes a text if it is another than before */
static bool call_text(char **kept, const char *text)
{
    if (*kept == text || (*kept != NULL && text != NULL
                          && strcmp(*kept, text) == 0))
    {
        return false;
    }

    free(*kept);
    *kept = text != NULL ? mem_copy(text, strlen(text)) : NULL;

    return true;
}


/* the way there and whom to trust: mostly the same from call to call */
static void call_way(struct http_call *c, const struct http_request *request)
{
    CURL                    *easy = c->easy;
    curl_version_info_data  *info;
    unsigned                 ms = request->connect_ms ? request->connect_ms
                                  : HTTP_CONNECT_MS;

    /* libcurl lets one of all that wait go when a connection has something to
       tell: where one has not, those of others wait with it */
    if (c->waits == request->eager || c->connect_ms == 0) {
        c->waits = !request->eager;
        curl_easy_setopt(easy, CURLOPT_PIPEWAIT, (long) c->waits);
        curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN,
                         c->waits ? HTTP_AGE_S : HTTP_AGE_EAGER_S);
    }

    if (c->connect_ms != ms) {
        c->connect_ms = ms;
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long) ms);
    }

    if (call_text(&c->unix_path, request->unix_path)) {
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, c->unix_path);
    }

    if (call_text(&c->ca_file, request->ca_file)) {
        info = curl_version_info(CURLVERSION_NOW);
        curl_easy_setopt(easy, CURLOPT_CAINFO, c->ca_file != NULL
                         ? c->ca_file : info->cainfo);
        curl_easy_setopt(easy, CURLOPT_CAPATH, c->ca_file != NULL
                         ? NULL : info->capath);
    }
}


/* a handle often calls where it called before: what libcurl does with a URL it
   does for each call, character by character, unless it gets it parsed.  It
   wants the text as well, for a second try.  A handle of before takes what is
   no whole URL for a part of its own, and would call there */
static void call_url(struct http_call *c, const char *url)
{
    bool  good;

    if (!call_text(&c->url, url)) {
        return;
    }

    good = strstr(url, "://") != NULL
           && curl_url_set(c->parsed, CURLUPART_URL, url, 0) == CURLUE_OK;
    curl_easy_setopt(c->easy, CURLOPT_URL, url);
    curl_easy_setopt(c->easy, CURLOPT_CURLU, good ? c->parsed : NULL);
}


/* a request with a body is a POST to libcurl, whatever its name */
static void call_method(struct http_call *c, enum http_method method,
    size_t len)
{
    bool                      posts;
    CURL                     *easy = c->easy;
    static const char *const  names[] = {
        [HTTP_GET] = NULL, [HTTP_POST] = NULL, [HTTP_DELETE] = "DELETE",
        [HTTP_PUT] = "PUT"
    };

    posts = method == HTTP_POST || method == HTTP_PUT
            || (method == HTTP_DELETE && len > 0);

    if (c->posts != posts) {
        c->posts = posts;
        curl_easy_setopt(easy, posts ? CURLOPT_POST : CURLOPT_HTTPGET, 1L);
    }

    if (c->method != method) {
        c->method = method;
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, names[method]);
    }

    if (posts) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) len);
    }
}


/* all that differs from call to call */
static void call_set(struct http_call *c, const struct http_request *request)
{
    struct str  body = request->method != HTTP_GET ? request->body : NONE;

    c->idempotent = request->idempotent;
    c->begun = 0;
    c->left = false;
    c->began = uv_hrtime();
    c->why = NULL;
    c->error[0] = '\0';
    c->sent = 0;
    c->body.len = 0;
    buf_str(&c->body, body);
    http_body_file(c, &request->file);
    c->answer.len = 0;
    c->answer.max = request->answer_max ? request->answer_max
                    : HTTP_ANSWER_MAX;
    c->answer.over = false;
    c->sink = request->sink;
    c->head_len = 0;
    head_reset(c);
    c->want = request->want;
    c->nwant = request->nwant < HTTP_WANT_MAX ? request->nwant
               : HTTP_WANT_MAX;
    c->idle_ms = request->idle_ms ? request->idle_ms : HTTP_IDLE_MS;
    c->until = uv_now(c->http->loop)
               + (request->total_ms ? request->total_ms : HTTP_TOTAL_MS);

    call_way(c, request);
    call_method(c, request->method, http_body_length(c));

    c->list = http_list_get(c->http, request, c->posts);
    curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->list->lines);
    call_url(c, c->list->faulty ? "" : request->url);

    if (c->list->faulty) {      /* ends at once */
        c->why = "a header of the call holds a line break or is too long";
    }
}


/* takes a call off the wire, or out of the line, and off the list */
static void call_leave(struct http_call *c)
{
    struct http  *http = c->http;

    if (c->running) {
        curl_multi_remove_handle(http->multi, c->easy);
    }

    http_host_leave(c);

    *(c->prev != NULL ? &c->prev->next : &http->first) = c->next;
    *(c->next != NULL ? &c->next->prev : &http->last) = c->prev;

    http_list_drop(c->list);
    c->list = NULL;
    http_body_close(c);
}


static void call_answer(struct http_call *c, struct http_answer *answer)
{
    long    n = 0;
    size_t  i;

    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &answer->status);
    answer->body.at = c->answer.len ? c->answer.at : "";
    answer->body.len = c->answer.len;

    for (i = 0; i < c->nwant; i++) {
        answer->headers[i] = NONE;
        if (c->found[i].len) {
            answer->headers[i].at = c->head.at + c->found[i].at;
            answer->headers[i].len = c->found[i].len;
        }
    }

    curl_easy_getinfo(c->easy, CURLINFO_HTTP_VERSION, &n);
    answer->version = n == CURL_HTTP_VERSION_2_0 ? 20
                      : n == CURL_HTTP_VERSION_1_1 ? 11
                      : n == CURL_HTTP_VERSION_1_0 ? 10 : 0;

    curl_easy_getinfo(c->easy, CURLINFO_NUM_CONNECTS, &n);
    answer->reused = n == 0;
    stat_add(STAT_HTTP_CONNECTS, n);
    stat_add(STAT_HTTP_REUSED, n == 0);
}


static void call_finish(struct http_call *c, CURLcode code)
{
    struct http        *http = c->http;
    struct http_host   *host = c->host;
    struct http_answer  answer = { .outcome = HTTP_ANSWERED, .why = "" };

    answer.ms = (double) (uv_hrtime() - c->began) / 1e6;
    answer.body = NONE;

    if (code == CURLE_OK) {
        call_answer(c, &answer);
    } else {
        answer.outcome = c->left ? HTTP_AMBIGUOUS : HTTP_UNSENT;
        answer.why = c->why != NULL ? c->why : *c->error ? c->error
                     : curl_easy_strerror(code);
    }

    http_host_told(host, c, answer.version, answer.reused);
    call_leave(c);

    if (!http->closing) {
        http_host_next(host);   /* before who is told can make it forgotten */
    }

    c->cb(c->data, &answer);
    call_put(c, code == CURLE_OK && c->begun < 2);
}


/* http_harvest ends what libcurl has finished */
void http_harvest(struct http *http)
{
    int       left;
    char     *call = NULL;
    CURLMsg  *m;

    while ((m = curl_multi_info_read(http->multi, &left)) != NULL) {
        if (m->msg == CURLMSG_DONE) {
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &call);
            call_finish((struct http_call *) call, m->data.result);
        }
    }
}


/* says whether a call's time is over */
static bool call_late(struct http_call *c, uint64_t now)
{
    if (now >= c->until) {
        return true;
    }

    if (c->begun == 0 || now - c->heard < c->idle_ms) {
        return false;
    }

    http_loop_cut(c->http, c->port, now - c->idle_ms / 2);

    return true;
}


/* libcurl's own deadlines do not count while a call waits for a connection,
   and cost a tree of times; these are looked at ten times a second */
static void on_watch(uv_timer_t *timer)
{
    struct http       *http = timer->data;
    struct http_call  *c = http->first;
    uint64_t           now = uv_now(http->loop);

    if (c == NULL) {
        uv_timer_stop(timer);
    }

    while (c != NULL) {
        if (call_late(c, now)) {
            c->why = c->begun > 0 && now < c->until ? too_quiet : too_late;
            call_finish(c, CURLE_OPERATION_TIMEDOUT);
            c = http->first;    /* who was told may have ended others */
        } else {
            c = c->next;
        }
    }
}


/* for libcurl, which takes nine zeroed blocks a call; see mem_alloc */
static void *zeroed(size_t n, size_t size)
{
    return size > 0 && n > SIZE_MAX / size ? NULL : mem_alloc(n * size);
}


/* http_new makes a client */
struct http *http_new(uv_loop_t *loop)
{
    struct http  *http = mem_alloc(sizeof(*http));

    http->loop = loop;
    uv_timer_init(loop, &http->watch);
    http->watch.data = http;

    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, free, realloc,
                             strdup, zeroed) != CURLE_OK
        || (http->multi = curl_multi_init()) == NULL)
    {
        abort();
    }

    http_loop_init(http);
    curl_multi_setopt(http->multi, CURLMOPT_PIPELINING,
                      (long) CURLPIPE_MULTIPLEX);
    curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                      HTTP_HOST_MAX);
    curl_multi_setopt(http->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                      HTTP_CONNS_MAX);

    return http;
}


/* http_start puts a call on the wire */
struct http_call *http_start(struct http *http,
    const struct http_request *request, http_cb cb, void *data)
{
    struct http_call  *c = call_get(http);

    c->cb = cb;
    c->data = data;
    call_set(c, request);

    c->next = NULL;
    c->prev = http->last;
    *(c->prev != NULL ? &c->prev->next : &http->first) = c;
    http->last = c;

    if (!uv_is_active((uv_handle_t *) &http->watch)) {
        uv_timer_start(&http->watch, on_watch, HTTP_WATCH_MS, HTTP_WATCH_MS);
    }

    http_host_join(c, request);
    http_host_next(c->host);

    return c;
}


/* http_cancel ends a call and tells nobody */
void http_cancel(struct http_call *c)
{
    struct http_host  *host = c->host;

    http_host_told(host, c, 0, false);
    call_leave(c);
    http_host_next(host);
    call_put(c, false);
}


static void on_closed(uv_handle_t *handle)
{
    struct http  *http = handle->data;

    if (--http->closing == 0) {
        free(http);
    }
}


/* http_free ends all calls and releases the client */
void http_free(struct http *http)
{
    struct http_call  *c;

    http->closing = 4;

    while (http->first != NULL) {
        call_finish(http->first, CURLE_ABORTED_BY_CALLBACK);
    }

    while ((c = http->idle) != NULL) {
        http->idle = c->next;
        call_free(c);
    }

    http_hosts_free(http);
    http_lists_free(http);
    curl_multi_cleanup(http->multi);
    curl_global_cleanup();
    uv_close((uv_handle_t *) &http->timer, on_closed);
    uv_close((uv_handle_t *) &http->watch, on_closed);
    uv_close((uv_handle_t *) &http->soon, on_closed);
    uv_close((uv_handle_t *) &http->before, on_closed);
}
