/* As much of an HTTP/1.1 server as /metrics needs: one request a connection,
   with ceilings on its size, its time, and how many there are. */

#include "metrics_own.h"
#include "stats.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>


#define METRICS_BACKLOG     32
#define METRICS_RETRY_MS    5000
#define METRICS_ANSWER_MAX  (8 * 1024 * 1024)

#define TYPE_METRICS  "text/plain; version=0.0.4; charset=utf-8"
#define TYPE_TEXT     "text/plain"


static void on_client_closed(uv_handle_t *handle)
{
    struct metrics_client  *c = handle->data;

    if (--c->handles == 0) {
        buf_free(&c->answer);
        free(c);
    }
}


/* client_close is the one way out of a connection */
void client_close(struct metrics_client *c)
{
    struct metrics          *m = c->metrics;
    struct metrics_client  **at = &m->clients;

    metrics_forget(c);

    while (*at != c) {
        at = &(*at)->next;
    }
    *at = c->next;
    m->nclients--;
    c->metrics = NULL;

    uv_close(&c->u.handle, on_client_closed);
    uv_close((uv_handle_t *) &c->timer, on_client_closed);
}


static void on_client_timer(uv_timer_t *timer)
{
    client_close(timer->data);
}


/* then the client closes: a close of ours could cut what is under way */
static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
    struct metrics_client  *c = shutdown->data;

    if (status < 0 && c->metrics != NULL) {
        client_close(c);
    }
}


static void on_written(uv_write_t *write, int status)
{
    struct metrics_client  *c = write->data;

    if (c->metrics == NULL) {
        return;
    }

    c->shutdown.data = c;
    if (status < 0
        || uv_shutdown(&c->shutdown, &c->u.stream, on_shutdown) != 0)
    {
        client_close(c);
    }
}


static void client_send(struct metrics_client *c, const char *status,
    const char *type, const char *more, struct str body)
{
    uv_buf_t  bytes;

    c->answered = true;

    buf_format(&c->answer, "HTTP/1.1 %s\r\nContent-Type: %s\r\n"
               "Content-Length: %zu\r\nCache-Control: no-store\r\n"
               "X-Content-Type-Options: nosniff\r\n%s"
               "Connection: close\r\n\r\n", status, type, body.len, more);

    if (!c->head) {
        buf_str(&c->answer, body);
    }

    c->write.data = c;
    bytes = uv_buf_init(c->answer.at, c->answer.len);
    if (uv_write(&c->write, &c->u.stream, &bytes, 1, on_written) != 0) {
        client_close(c);
    }
}


static void client_say(struct metrics_client *c, const char *status,
    const char *more)
{
    char  body[64];

    snprintf(body, sizeof(body), "%s\n", status + 4);
    client_send(c, status, TYPE_TEXT, more, STR(body));
}


/* client_figures: all that is known is known now */
void client_figures(struct metrics_client *c)
{
    struct buf  body;

    buf_init(&body, METRICS_ANSWER_MAX - 1024);
    stats_write(&body);

    if (body.over) {
        client_say(c, "500 Internal Server Error", "");
    } else {
        client_send(c, "200 OK", TYPE_METRICS, "",
                    (struct str) { body.at, body.len });
    }

    buf_free(&body);
}


static bool path_is(struct str target, const char *path)
{
    const char  *query = memchr(target.at, '?', target.len);

    if (query != NULL) {
        target.len = query - target.at;
    }

    return str_is(target, path);
}


/* METHOD SP target SP HTTP/1.x of the first line; false: it is none */
static bool request_line(struct str line, struct str *method,
    struct str *target)
{
    const char  *first, *second;

    first = memchr(line.at, ' ', line.len);
    if (first == NULL || first == line.at) {
        return false;
    }

    method->at = line.at;
    method->len = first++ - line.at;

    second = memchr(first, ' ', line.at + line.len - first);
    if (second == NULL || *first != '/') {
        return false;
    }

    target->at = first;
    target->len = second++ - first;
    line.len -= second - line.at;

    return str_is((struct str) { second, line.len }, "HTTP/1.1")
           || str_is((struct str) { second, line.len }, "HTTP/1.0");
}


static void client_request(struct metrics_client *c)
{
    const char  *end = strstr(c->request, "\r\n");
    struct str   method, target;

    if (!request_line((struct str) { c->request, end - c->request }, &method,
                      &target))
    {
        client_say(c, "400 Bad Request", "");
        return;
    }

    c->head = str_is(method, "HEAD");

    if (!path_is(target, "/metrics") && !path_is(target, "/healthz")) {
        client_say(c, "404 Not Found", "");

    } else if (!c->head && !str_is(method, "GET")) {
        client_say(c, "405 Method Not Allowed", "Allow: GET, HEAD\r\n");

    } else if (path_is(target, "/healthz")) {
        client_say(c, "200 OK", "");

    } else {
        metrics_want(c);
        c->answered = true;
    }
}


static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *bytes)
{
    static char             rest[4096];     /* behind the request: dropped */
    struct metrics_client  *c = handle->data;

    (void) size;

    *bytes = c->answered ? uv_buf_init(rest, sizeof(rest))
             : uv_buf_init(c->request + c->len, METRICS_REQUEST_MAX - c->len);
}


static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    struct metrics_client  *c = stream->data;

    (void) bytes;

    if (n < 0) {
        client_close(c);
        return;
    }

    if (c->answered || n == 0) {
        return;
    }

    c->len += n;
    if (strstr(c->request, "\r\n\r\n") != NULL) {
        client_request(c);

    } else if (c->len == METRICS_REQUEST_MAX) {
        client_say(c, "431 Request Header Fields Too Large", "");
    }
}


static void on_connection(uv_stream_t *server, int status)
{
    struct metrics         *m = server->data;
    struct metrics_client  *c;

    if (status < 0) {
        return;
    }

    c = mem_alloc(sizeof(*c));
    c->metrics = m;
    buf_init(&c->answer, METRICS_ANSWER_MAX);

    if (m->where.path[0]) {
        uv_pipe_init(m->loop, &c->u.pipe, 0);
    } else {
        uv_tcp_init(m->loop, &c->u.tcp);
    }

    uv_timer_init(m->loop, &c->timer);
    c->u.handle.data = c;
    c->timer.data = c;
    c->handles = 2;
    c->next = m->clients;
    m->clients = c;
    m->nclients++;

    if (uv_accept(server, &c->u.stream) != 0
        || m->nclients > METRICS_CLIENTS_MAX
        || uv_read_start(&c->u.stream, on_alloc, on_read) != 0)
    {
        client_close(c);
        return;
    }

    uv_timer_start(&c->timer, on_client_timer, METRICS_CLIENT_MS, 0);
}


/* a socket that a killed process left behind is taken away */
static void path_clear(const char *path)
{
    int                 fd;
    struct stat         st;
    struct sockaddr_un  un = { .sun_family = AF_UNIX };

    if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        return;
    }

    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return;
    }

    memcpy(un.sun_path, path, strlen(path) + 1);
    if (connect(fd, (struct sockaddr *) &un, sizeof(un)) != 0
        && errno == ECONNREFUSED)
    {
        unlink(path);
    }

    close(fd);
}


static int listen_unix(struct metrics *m)
{
    int     rc;
    mode_t  mask;

    path_clear(m->where.path);
    uv_pipe_init(m->loop, &m->u.pipe, 0);

    mask = umask(0117);             /* owner and group */
    rc = uv_pipe_bind(&m->u.pipe, m->where.path);
    umask(mask);

    return rc;
}


static int listen_tcp(struct metrics *m)
{
    union {
        struct sockaddr      any;
        struct sockaddr_in   v4;
        struct sockaddr_in6  v6;
    } at;

    if (m->where.v6) {
        uv_ip6_addr(m->where.host, (int) m->where.port, &at.v6);
    } else {
        uv_ip4_addr(m->where.host, (int) m->where.port, &at.v4);
    }

    uv_tcp_init(m->loop, &m->u.tcp);

    return uv_tcp_bind(&m->u.tcp, &at.any, 0);
}


static void on_retry(uv_timer_t *timer)
{
    metrics_listen(timer->data);
}


static void on_server_closed(uv_handle_t *handle)
{
    struct metrics  *m = handle->data;

    m->open = false;
    if (!m->closing) {
        uv_timer_start(&m->retry, on_retry, METRICS_RETRY_MS, 0);
    }

    metrics_drop(m);
}


static void listen_failed(struct metrics *m, int rc)
{
    log_write(m->said ? LOG_DEBUG : LOG_ERROR, "metrics: cannot listen on"
              " %s: %s; trying again every 5 seconds", m->where.text,
              uv_strerror(rc));
    m->said = true;
    uv_close(&m->u.handle, on_server_closed);
}


/* metrics_listen opens the place where it listens */
void metrics_listen(struct metrics *m)
{
    int  rc = m->where.path[0] ? listen_unix(m) : listen_tcp(m);

    m->u.handle.data = m;
    m->open = true;
    m->handles++;

    if (rc == 0) {
        rc = uv_listen(&m->u.stream, METRICS_BACKLOG, on_connection);
    }

    if (rc != 0) {
        listen_failed(m, rc);
        return;
    }

    if (m->said) {
        log_write(LOG_INFO, "metrics: listens on %s", m->where.text);
    }
    m->said = false;
}
