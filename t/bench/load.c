/*
 * Load generator for scripts/bench: sends one prepared HTTP request an exact
 * number of times over kept-alive connections and judges every answer.
 *
 *     load PORT CONNECTIONS REQUESTS FILE
 *
 * FILE holds the bytes of the request, the server is 127.0.0.1:PORT.  Prints
 * one JSON object; exits 1 if an answer was not a 200 or a connection broke.
 *
 * wrk is not used because it stops after a time, not after a number, which
 * leaves the queue's length unknown; and because nginx' "return 200" answers
 * before a large body is all sent, which wrk does not expect.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>


#define MAX_CONNECTIONS  1024
#define MAX_REQUESTS     10000000
#define DEADLINE_MS      60000


typedef struct {
    int       fd;
    int       answered;             /* the answer is whole */
    uint32_t  interest;             /* what epoll watches for */
    size_t    sent;                 /* bytes of the request */
    size_t    got;                  /* bytes of the answer */
    uint64_t  start;                /* nanoseconds */
    char      in[4096];
} conn_t;


static char      *request;
static size_t     request_len;
static size_t     requests, issued, finished, refused;
static uint32_t  *latency;          /* nanoseconds, one per request */
static int        ep;


static void
die(const char *format, ...)
{
    va_list  args;

    va_start(args, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);

    exit(1);
}


static uint64_t
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


static void
read_request(const char *path)
{
    int          fd;
    struct stat  st;

    fd = open(path, O_RDONLY);

    if (fd == -1 || fstat(fd, &st) == -1) {
        die("%s: %s", path, strerror(errno));
    }

    request_len = (size_t) st.st_size;
    request = malloc(request_len + 1);

    if (request == NULL
        || read(fd, request, request_len) != (ssize_t) request_len)
    {
        die("%s: cannot be read whole", path);
    }

    close(fd);
}


static void
watch(conn_t *c, uint32_t interest)
{
    struct epoll_event  ev;

    if (c->interest == interest) {
        return;
    }

    ev.events = interest;
    ev.data.ptr = c;

    if (epoll_ctl(ep, c->interest ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &ev)
        == -1)
    {
        die("epoll_ctl: %s", strerror(errno));
    }

    c->interest = interest;
}


static void
send_some(conn_t *c)
{
    ssize_t  n;

    while (c->sent < request_len) {

        n = write(c->fd, request + c->sent, request_len - c->sent);

        if (n == -1 && errno == EAGAIN) {
            watch(c, EPOLLIN | EPOLLOUT);
            return;
        }

        if (n == -1) {
            die("write: %s", strerror(errno));
        }

        c->sent += (size_t) n;
    }

    watch(c, EPOLLIN);
}


/* starts the next request, or leaves the connection idle if there is none */
static void
begin(conn_t *c)
{
    if (issued == requests) {
        return;
    }

    issued++;
    c->answered = 0;
    c->sent = 0;
    c->got = 0;
    c->start = now();

    send_some(c);
}


/* bytes of the whole answer, 0 while its header is not there */
static size_t
answer_size(conn_t *c)
{
    char  *end, *length;

    c->in[c->got] = '\0';

    end = strstr(c->in, "\r\n\r\n");
    if (end == NULL) {
        return 0;
    }

    length = strcasestr(c->in, "\r\nContent-Length:");
    if (length == NULL || length > end) {
        die("answer without Content-Length: %.40s", c->in);
    }

    return (size_t) (end + 4 - c->in)
           + strtoul(length + sizeof("\r\nContent-Length:") - 1, NULL, 10);
}


static void
receive_some(conn_t *c)
{
    size_t   size;
    ssize_t  n;

    n = read(c->fd, c->in + c->got, sizeof(c->in) - 1 - c->got);

    if (n == -1 && errno == EAGAIN) {
        return;
    }

    if (n <= 0) {
        die("connection closed after %zu answers: %s", finished,
            n == 0 ? "end of file" : strerror(errno));
    }

    c->got += (size_t) n;

    size = answer_size(c);

    if (size > sizeof(c->in) - 1 || (size && c->got > size)) {
        die("answer of %zu bytes, %zu received", size, c->got);
    }

    if (size == 0 || c->got < size) {
        return;
    }

    c->answered = 1;

    if (strncmp(c->in, "HTTP/1.1 200 ", 13) != 0) {
        if (refused++ == 0) {
            fprintf(stderr, "load: first refusal: %.*s\n",
                    (int) strcspn(c->in, "\r"), c->in);
        }
    }
}


static void
serve(conn_t *c, uint32_t events)
{
    if (events & EPOLLOUT) {
        send_some(c);
    }

    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        receive_some(c);
    }

    if (c->answered && c->sent == request_len) {
        c->answered = 0;
        latency[finished++] = (uint32_t) (now() - c->start);
        begin(c);
    }
}


static void
connect_to(conn_t *c, int port)
{
    int                 one;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t) port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);

    if (c->fd == -1
        || connect(c->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        || setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == -1
        || fcntl(c->fd, F_SETFL, O_NONBLOCK) == -1)
    {
        die("127.0.0.1:%d: %s", port, strerror(errno));
    }

    c->interest = 0;
    watch(c, EPOLLIN);
}


static int
compare(const void *a, const void *b)
{
    uint32_t  x = *(const uint32_t *) a, y = *(const uint32_t *) b;

    return (x > y) - (x < y);
}


static void
report(uint64_t elapsed)
{
    qsort(latency, finished, sizeof(*latency), compare);

    printf("{\"requests\":%zu,\"refused\":%zu,\"seconds\":%.6f,"
           "\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n",
           finished, refused, (double) elapsed / 1e9,
           latency[finished / 2] / 1e3, latency[finished * 99 / 100] / 1e3,
           latency[finished - 1] / 1e3);
}


int
main(int argc, char **argv)
{
    int                 i, n, port, connections;
    uint64_t            start;
    struct epoll_event  events[64];
    static conn_t       conns[MAX_CONNECTIONS];

    if (argc != 5) {
        die("usage: load PORT CONNECTIONS REQUESTS FILE");
    }

    port = (int) strtol(argv[1], NULL, 10);
    connections = (int) strtol(argv[2], NULL, 10);
    requests = strtoul(argv[3], NULL, 10);

    if (connections < 1 || connections > MAX_CONNECTIONS
        || requests < 1 || requests > MAX_REQUESTS)
    {
        die("1 to %d connections, 1 to %d requests", MAX_CONNECTIONS,
            MAX_REQUESTS);
    }

    read_request(argv[4]);

    ep = epoll_create1(0);
    latency = malloc(requests * sizeof(*latency));

    if (ep == -1 || latency == NULL) {
        die("%s", strerror(errno));
    }

    for (i = 0; i < connections; i++) {
        connect_to(&conns[i], port);
    }

    start = now();

    for (i = 0; i < connections; i++) {
        begin(&conns[i]);
    }

    while (finished < requests) {

        n = epoll_wait(ep, events, 64, DEADLINE_MS);

        if (n <= 0) {
            die("no answer for %d ms, %zu of %zu done", DEADLINE_MS, finished,
                requests);
        }

        for (i = 0; i < n; i++) {
            serve(events[i].data.ptr, events[i].events);
        }
    }

    report(now() - start);

    return refused ? 1 : 0;
}
