/* libcurl's sockets and its timer on the loop. */

#include "http_own.h"

#include <stdlib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>


#define LOOP_ROUNDS   8
#define CORK_CALLS    8     /* on a connection, from which on it pays */
#define CORK_SOCKETS  8


struct socket {
    struct socket  *next;
    struct socket  *prev;
    struct http    *http;
    curl_socket_t   fd;
    int             events;
    bool            corked;
    uint64_t        heard;      /* when something last came, loop's ms */
    uv_poll_t       poll;
};


static void socket_cork(struct socket *s, int on)
{
    if (s->corked != (bool) on
        && setsockopt(s->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on)) == 0)
    {
        s->corked = on;
    }
}


/* libcurl writes each frame of HTTP/2 by itself.  Where many calls share a
   connection, what a turn of the loop sends leaves together */
static bool loop_corks(const struct http *http)
{
    return http->nsockets <= CORK_SOCKETS
           && http->running >= http->nsockets * CORK_CALLS;
}


/* it takes a few rounds until head and body of a new call have left; a peer
   that answers before the body ends the call with a fault */
static void loop_expire(struct http *http)
{
    int             running, rounds = LOOP_ROUNDS;
    struct socket  *s;

    for (s = http->sockets; s != NULL && loop_corks(http); s = s->next) {
        socket_cork(s, 1);
    }

    do {
        http->due = false;
        curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0,
                                 &running);
    } while (http->due && --rounds > 0);

    http_harvest(http);
}


static void on_timeout(uv_timer_t *timer)
{
    loop_expire(timer->data);
}


static void on_soon(uv_idle_t *idle)
{
    uv_idle_stop(idle);     /* rounds may want it again */
    loop_expire(idle->data);
}


/* libcurl asks for no time at all with each call that begins.  A timer of the
   loop that is due when it is set runs in the same round of timers, so that
   calls answered at once would keep the loop from everything else */
static int on_timer(CURLM *multi, long ms, void *data)
{
    struct http  *http = data;

    (void) multi;

    uv_timer_stop(&http->timer);
    uv_idle_stop(&http->soon);

    http->due = ms == 0;

    if (ms == 0) {
        uv_idle_start(&http->soon, on_soon);
    } else if (ms > 0) {
        uv_timer_start(&http->timer, on_timeout, ms, 0);
    }

    return 0;
}


/* what is ready libcurl finds out by itself: it would leave what it is told
   standing for the next call on the connection, and the body of that one
   would not leave with its head.  Nor is it told of a fault of the socket: it
   would end the call as not sent, without reading what came before the fault */
static void on_ready(uv_poll_t *poll, int status, int events)
{
    int             running;
    struct http    *http;
    struct socket  *s = poll->data;

    http = s->http;     /* s may be gone after the next call */

    if (events & UV_READABLE) {
        s->heard = uv_now(http->loop);
    }

    if (status < 0) {
        uv_poll_start(poll, s->events, on_ready);   /* a fault has ended it */
    }

    curl_multi_socket_action(http->multi, s->fd, 0, &running);
    http_harvest(http);
}


static void on_socket_closed(uv_handle_t *handle)
{
    free(handle->data);
}


static void socket_remove(struct socket *s)
{
    socket_cork(s, 0);      /* libcurl keeps it for later */
    curl_multi_assign(s->http->multi, s->fd, NULL);
    uv_poll_stop(&s->poll);
    s->http->nsockets--;

    *(s->prev != NULL ? &s->prev->next : &s->http->sockets) = s->next;
    if (s->next != NULL) {
        s->next->prev = s->prev;
    }

    uv_close((uv_handle_t *) &s->poll, on_socket_closed);
}


static struct socket *socket_add(struct http *http, curl_socket_t fd)
{
    struct socket  *s = mem_alloc(sizeof(*s));

    s->http = http;
    s->fd = fd;
    s->heard = uv_now(http->loop);

    if (uv_poll_init_socket(http->loop, &s->poll, fd) != 0) {
        free(s);
        return NULL;
    }

    s->poll.data = s;
    s->next = http->sockets;
    if (s->next != NULL) {
        s->next->prev = s;
    }
    http->sockets = s;
    http->nsockets++;
    curl_multi_assign(http->multi, fd, s);
    socket_cork(s, loop_corks(http));

    return s;
}


static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data,
    void *socket)
{
    int             events = 0;
    struct socket  *s = socket;

    (void) easy;

    if (what == CURL_POLL_REMOVE) {
        if (s != NULL) {
            socket_remove(s);
        }
        return 0;
    }

    if (s == NULL) {
        s = socket_add(data, fd);
        if (s == NULL) {
            return -1;
        }
    }

    if (what & CURL_POLL_IN) {
        events |= UV_READABLE;
    }
    if (what & CURL_POLL_OUT) {
        events |= UV_WRITABLE;
    }

    if (events == s->events) {
        return 0;
    }
    s->events = events;

    return uv_poll_start(&s->poll, events, on_ready);
}


/* the loop is about to wait */
static void on_before(uv_prepare_t *prepare)
{
    struct http    *http = prepare->data;
    struct socket  *s;

    for (s = http->sockets; s != NULL; s = s->next) {
        socket_cork(s, 0);
    }
}


/* http_loop_init gives libcurl the loop */
void http_loop_init(struct http *http)
{
    uv_timer_init(http->loop, &http->timer);
    http->timer.data = http;
    uv_idle_init(http->loop, &http->soon);
    http->soon.data = http;
    uv_prepare_init(http->loop, &http->before);
    http->before.data = http;
    uv_prepare_start(&http->before, on_before);
    uv_unref((uv_handle_t *) &http->before);

    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
}


static int socket_port(curl_socket_t fd)
{
    socklen_t                len = sizeof(struct sockaddr_storage);
    struct sockaddr_storage  at;

    if (getsockname(fd, (struct sockaddr *) &at, &len) != 0) {
        return -1;
    }

    return at.ss_family == AF_INET
           ? ntohs(((struct sockaddr_in *) &at)->sin_port)
           : at.ss_family == AF_INET6
           ? ntohs(((struct sockaddr_in6 *) &at)->sin6_port) : -1;
}


/* http_loop_cut: a connection that several share outlives each of them, so
   one that has gone dead would be given to call after call */
void http_loop_cut(struct http *http, int port, uint64_t since)
{
    struct socket  *s;

    for (s = http->sockets; s != NULL; s = s->next) {
        if (s->heard < since && socket_port(s->fd) == port) {
            shutdown(s->fd, SHUT_RDWR);
        }
    }
}
