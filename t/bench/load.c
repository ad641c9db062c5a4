/*
 * Load generator for scripts/bench: sends one prepared HTTP request an exact
 * number of times over kept-alive connections and judges every answer.
 *
 *     load [-s] [-r RATE] [-t SECONDS] PORT CONNECTIONS REQUESTS FILE
 *
 * FILE holds the bytes of the request, the server is 127.0.0.1:PORT, by TLS
 * with -s.  Prints one JSON object; exits 1 if an answer was not a 200 or a
 * connection broke.  After -t no request begins; those on their way end.
 *
 * Without -r each connection sends its next request when the last one is
 * answered.  With it request N is due at N / RATE seconds whatever became of
 * those before it, and its latency runs from then: a server that stands still
 * is charged for all that should have been sent meanwhile.
 *
 * wrk is not used because it stops after a time, not after a number, which
 * leaves the queue's length unknown; and because nginx' "return 200" answers
 * before a large body is all sent, which wrk does not expect.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "stream.h"


#define MAX_CONNECTIONS  1024
#define MAX_REQUESTS     10000000
#define DEADLINE         60         /* seconds without any answer */


typedef struct conn_s  conn_t;

struct conn_s {
    stream_t  stream;
    conn_t   *next_idle;
    int       answered;             /* the answer is whole */
    uint32_t  interest;             /* what epoll watches for */
    size_t    sent;                 /* bytes of the request */
    size_t    got;                  /* bytes of the answer */
    uint64_t  start;                /* nanoseconds */
    char      in[4096];
};


static char      *request;
static size_t     request_len;
static size_t     requests, issued, finished, refused;
static uint64_t  *latency;          /* nanoseconds, one per request */
static uint64_t   started, stops;   /* nanoseconds; stops: 0 for never */
static double     rate;             /* requests a second, 0: as they finish */
static conn_t    *idle;
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

    if (epoll_ctl(ep, c->interest ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->stream.fd,
                  &ev)
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

        n = stream_write(&c->stream, request + c->sent, request_len - c->sent);

        if (n == -1 && errno == EAGAIN) {
            watch(c, EPOLLIN | EPOLLOUT);
            return;
        }

        if (n <= 0) {
            die("write: %s", n == 0 ? "end of file" : strerror(errno));
        }

        c->sent += (size_t) n;
    }

    watch(c, EPOLLIN);
}


/* when the next request is due, UINT64_MAX if there is none */
static uint64_t
due(void)
{
    if (issued == requests) {
        return UINT64_MAX;
    }

    return rate == 0 ? 0 : started + (uint64_t) ((double) issued * 1e9 / rate);
}


/* starts the next request if one is due, else leaves the connection idle */
static void
begin(conn_t *c)
{
    uint64_t  at, time;

    time = now();

    if (stops && time >= stops) {
        requests = issued;
    }

    at = due();

    if (at > time) {
        c->next_idle = idle;
        idle = c;
        return;
    }

    issued++;
    c->answered = 0;
    c->sent = 0;
    c->got = 0;
    c->start = at ? at : time;

    send_some(c);
}


/* all that is due and finds a connection idle */
static void
begin_due(void)
{
    conn_t  *c;

    while (idle && due() <= now()) {
        c = idle;
        idle = c->next_idle;
        begin(c);
    }
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

    n = stream_read(&c->stream, c->in + c->got, sizeof(c->in) - 1 - c->got);

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
        latency[finished++] = now() - c->start;
        begin(c);
    }
}


/* until the next answer, or the next request that can be sent */
static int
wait_for(struct epoll_event *events, int n)
{
    uint64_t         next, time;
    struct timespec  ts;

    ts.tv_sec = DEADLINE;
    ts.tv_nsec = 0;

    next = idle ? due() : UINT64_MAX;

    if (next != UINT64_MAX) {
        time = now();
        next = next > time ? next - time : 0;
        ts.tv_sec = (time_t) (next / 1000000000);
        ts.tv_nsec = (long) (next % 1000000000);
    }

    n = epoll_pwait2(ep, events, n, &ts, NULL);

    if (n == -1 || (n == 0 && next == UINT64_MAX)) {
        die("no answer for %d s, %zu of %zu done", DEADLINE, finished,
            requests);
    }

    return n;
}


static int
compare(const void *a, const void *b)
{
    uint64_t  x = *(const uint64_t *) a, y = *(const uint64_t *) b;

    return (x > y) - (x < y);
}


/* the latency that this part of all requests did not exceed */
static double
quantile(double part)
{
    size_t  n;

    n = (size_t) (part * (double) finished);

    return (double) latency[n < finished ? n : finished - 1] / 1e3;
}


static void
report(uint64_t elapsed)
{
    if (finished == 0) {
        die("not one request in the time given");
    }

    qsort(latency, finished, sizeof(*latency), compare);

    printf("{\"requests\":%zu,\"refused\":%zu,\"seconds\":%.6f,"
           "\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,"
           "\"max_us\":%.1f}\n",
           finished, refused, (double) elapsed / 1e9, quantile(0.5),
           quantile(0.99), quantile(0.999), quantile(1));
}


static void
usage(void)
{
    die("usage: load [-s] [-r RATE] [-t SECONDS] PORT CONNECTIONS REQUESTS "
        "FILE, at most %d connections and %d requests", MAX_CONNECTIONS,
        MAX_REQUESTS);
}


int
main(int argc, char **argv)
{
    int                 i, n, opt, tls, port, connections;
    double              seconds;
    const char         *failed;
    struct epoll_event  events[64];
    static conn_t       conns[MAX_CONNECTIONS];

    tls = 0;
    seconds = 0;

    while ((opt = getopt(argc, argv, "sr:t:")) != -1) {
        switch (opt) {

        case 's':
            tls = 1;
            break;

        case 'r':
            rate = strtod(optarg, NULL);
            break;

        case 't':
            seconds = strtod(optarg, NULL);
            break;

        default:
            usage();
        }
    }

    argv += optind;

    if (argc - optind != 4 || rate < 0 || seconds < 0) {
        usage();
    }

    port = (int) strtol(argv[0], NULL, 10);
    connections = (int) strtol(argv[1], NULL, 10);
    requests = strtoul(argv[2], NULL, 10);

    if (connections < 1 || connections > MAX_CONNECTIONS
        || requests < 1 || requests > MAX_REQUESTS)
    {
        usage();
    }

    read_request(argv[3]);

    ep = epoll_create1(0);
    latency = malloc(requests * sizeof(*latency));

    /* the kernel may wake a sleeper 50 us late, unless told not to */
    if (ep == -1 || latency == NULL || prctl(PR_SET_TIMERSLACK, 1) == -1) {
        die("%s", strerror(errno));
    }

    for (i = 0; i < connections; i++) {
        failed = stream_open(&conns[i].stream, port, tls);

        if (failed) {
            die("127.0.0.1:%d: %s", port, failed);
        }

        watch(&conns[i], EPOLLIN);
    }

    started = now();
    stops = seconds > 0 ? started + (uint64_t) (seconds * 1e9) : 0;

    for (i = 0; i < connections; i++) {
        begin(&conns[i]);
    }

    while (finished < requests) {

        n = wait_for(events, 64);

        for (i = 0; i < n; i++) {
            serve(events[i].data.ptr, events[i].events);
        }

        begin_due();
    }

    report(now() - started);

    return refused ? 1 : 0;
}
