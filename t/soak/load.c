/*
 * Load generator for scripts/soak: sends deliveries, each another one, until
 * it is told to stop, outlives a server that dies, and remembers what became
 * of each.
 *
 *     load PORT PATH RUN CONNECTIONS RATE keep|fresh SECRET FILLER OUT
 *
 * RATE is deliveries a second at most.  A delivery is never sent again: what
 * is twice in the queue was written there twice.  keep: connections are kept
 * alive; fresh: each delivery has its own.  A JSON line a second goes to
 * stdout.  At SIGTERM answers are waited for, OUT gets one byte a delivery, in
 * their order ('2' for 200, '5' for 503, 'x' another status, '-' no answer),
 * and the last line says "done".
 *
 * What delivery N of RUN holds is told by body() here, and by MetaSoak.pm.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/hmac.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>


#define MAX_CONNECTIONS  1024
#define MAX_DELIVERIES   50000000
#define MAX_BODY         131072
#define MAX_HEADER       1024
#define FILLER           65536      /* bytes in FILLER */
#define HUNG_MS          20000      /* no answer after so long */
#define AGAIN_MS         10         /* after a refused connection */
#define FAREWELL_MS      25000      /* for the last answers */


typedef enum { IDLE, CONNECTING, BUSY } state_t;


typedef struct {
    int       fd;                   /* -1: there is none */
    state_t   state;
    uint32_t  interest;             /* what epoll watches for */
    uint64_t  since;                /* ms: begun, or not before */
    size_t    n;                    /* the delivery */
    size_t    served;               /* deliveries on this connection */
    char     *out;
    size_t    len;
    size_t    sent;
    char      in[4096];
    size_t    got;
} conn_t;


static conn_t    conns[MAX_CONNECTIONS];
static char     *became;            /* by delivery */
static size_t    issued, room;
static int       port, connections, fresh, ep;
static char     *path, *secret, filler[FILLER];
static unsigned  run;

static struct {
    size_t  ok, unavailable, other, refused, cut_fresh, cut_kept, hung;
} count;

static volatile sig_atomic_t  stopping;


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


/* returns where the next text goes */

static char *
put(char *p, char *end, const char *format, ...)
{
    int      n;
    va_list  args;

    va_start(args, format);
    n = vsnprintf(p, (size_t) (end - p), format, args);
    va_end(args);

    if (n < 0 || n >= end - p) {
        die("a delivery is too long");
    }

    return p + n;
}


static uint64_t
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


/* few are large, so that those which go to a file and to a writev are met */

static int
text_size(size_t n)
{
    return n % 500 == 0 ? 20000 : n % 10 == 0 ? 3000 : 40 + (int) (n % 300);
}


static size_t
body(char *p, size_t n)
{
    char    *start = p, *end = p + MAX_BODY;
    size_t   i, events;

    events = n % 8 == 0 ? 5 : 1;

    p = put(p, end, "{\"object\":\"whatsapp_business_account\",\"entry\":["
            "{\"id\":\"102290129340398\",\"time\":1763700000,\"changes\":[");

    for (i = 0; i < events; i++) {
        p = put(p, end, "%s{\"value\":{\"messaging_product\":\"whatsapp\","
                "\"metadata\":{\"display_phone_number\":\"15550001111\","
                "\"phone_number_id\":\"%zu\"},\"messages\":[{\"from\":\"%zu\","
                "\"id\":\"wamid.%u.%zu.%zu\",\"timestamp\":\"1763700000\","
                "\"text\":{\"body\":\"M\\u00f6ller \\/ %.*s\"},"
                "\"type\":\"text\"}]},\"field\":\"messages\"}", i ? "," : "",
                106540352242900 + (n + i) % 16, 27820000000 + n % 1000,
                run, n, i, text_size(n), filler + (n * 131 + i * 17) % 32768);
    }

    p = put(p, end, "]}]}");

    return (size_t) (p - start);
}


static void
request(conn_t *c)
{
    char           *p, *end, *hex, signature[65];
    size_t          i, len;
    unsigned        mac_len;
    static char     text[MAX_BODY];
    unsigned char   mac[EVP_MAX_MD_SIZE];

    len = body(text, c->n);

    HMAC(EVP_sha256(), secret, (int) strlen(secret), (unsigned char *) text,
         len, mac, &mac_len);

    hex = signature;

    for (i = 0; i < 32; i++) {
        hex = put(hex, signature + sizeof(signature), "%02x", mac[i]);
    }

    end = c->out + MAX_HEADER;
    p = put(c->out, end, "POST %s HTTP/1.1\r\nHost: localhost\r\n"
            "User-Agent: facebookexternalua\r\n"
            "Content-Type: application/json\r\nContent-Length: %zu\r\n%s"
            "X-Hub-Signature-256: sha256=%s\r\n\r\n",
            path, len, fresh ? "Connection: close\r\n" : "", signature);
    memcpy(p, text, len);

    c->len = (size_t) (p - c->out) + len;
    c->sent = 0;
    c->got = 0;
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
hang_up(conn_t *c)
{
    if (c->fd != -1) {
        close(c->fd);
        c->fd = -1;
    }

    c->state = IDLE;
    c->interest = 0;
    c->served = 0;
}


/* the connection is of no use any more; what was sent has no answer */

static void
lost(conn_t *c)
{
    switch (c->state) {

    case IDLE:                      /* closed by the server, as it may */
        hang_up(c);
        return;

    case CONNECTING:
        count.refused++;
        break;

    case BUSY:
        became[c->n] = '-';

        if (c->served) {
            count.cut_kept++;

        } else {
            count.cut_fresh++;
        }

        break;
    }

    hang_up(c);
    c->since = now() + AGAIN_MS;
}


static void
send_some(conn_t *c)
{
    ssize_t  n;

    while (c->sent < c->len) {

        n = send(c->fd, c->out + c->sent, c->len - c->sent, MSG_NOSIGNAL);

        if (n == -1 && errno == EAGAIN) {
            watch(c, EPOLLIN | EPOLLOUT);
            return;
        }

        if (n == -1) {
            lost(c);
            return;
        }

        c->sent += (size_t) n;
    }

    watch(c, EPOLLIN);
}


static void
deliver(conn_t *c)
{
    if (issued == room) {
        room += 1000000;
        became = realloc(became, room);

        if (became == NULL || room > MAX_DELIVERIES) {
            die("too many deliveries");
        }
    }

    c->n = issued++;
    became[c->n] = '-';

    c->state = BUSY;
    c->since = now();

    request(c);
    send_some(c);
}


static void
dial(conn_t *c)
{
    int                 one = 1;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t) port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (c->fd == -1
        || setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == -1)
    {
        die("socket: %s", strerror(errno));
    }

    c->state = CONNECTING;
    c->since = now();

    if (connect(c->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        && errno != EINPROGRESS)
    {
        lost(c);
        return;
    }

    watch(c, EPOLLOUT);
}


static void
connected(conn_t *c)
{
    int        err = 0;
    socklen_t  len = sizeof(err);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) == -1 || err) {
        lost(c);
        return;
    }

    deliver(c);
}


static void
answered(conn_t *c, char *end)
{
    char  *close;

    if (strncmp(c->in, "HTTP/1.1 200 ", 13) == 0) {
        became[c->n] = '2';
        count.ok++;

    } else if (strncmp(c->in, "HTTP/1.1 503 ", 13) == 0) {
        became[c->n] = '5';
        count.unavailable++;

    } else {
        became[c->n] = 'x';

        if (count.other++ == 0) {
            fprintf(stderr, "load: %s: %.*s\n", path,
                    (int) strcspn(c->in, "\r"), c->in);
        }
    }

    c->served++;
    c->state = IDLE;
    c->since = 0;

    close = strcasestr(c->in, "\r\nConnection: close");

    if (c->sent < c->len || (close && close < end)) {
        hang_up(c);
    }
}


static void
receive_some(conn_t *c)
{
    char     *end, *length;
    size_t    size;
    ssize_t   n;

    n = read(c->fd, c->in + c->got, sizeof(c->in) - 1 - c->got);

    if (n == -1 && errno == EAGAIN) {
        return;
    }

    if (n <= 0 || c->state == IDLE) {
        lost(c);
        return;
    }

    c->got += (size_t) n;
    c->in[c->got] = '\0';

    end = strstr(c->in, "\r\n\r\n");

    if (end == NULL) {
        return;
    }

    length = strcasestr(c->in, "\r\nContent-Length:");

    if (length == NULL || length > end) {
        die("answer without Content-Length: %.40s", c->in);
    }

    size = (size_t) (end + 4 - c->in)
           + strtoul(length + sizeof("\r\nContent-Length:") - 1, NULL, 10);

    if (size > sizeof(c->in) - 1 || c->got > size) {
        die("answer of %zu bytes, %zu received", size, c->got);
    }

    if (c->got == size) {
        answered(c, end);
    }
}


static void
serve(conn_t *c, uint32_t events)
{
    if (c->fd == -1) {
        return;
    }

    if (c->state == CONNECTING) {
        connected(c);
        return;
    }

    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        receive_some(c);
    }

    /* an answer that came before all was sent has been read by now */

    if ((events & EPOLLOUT) && c->state == BUSY) {
        send_some(c);
    }
}


/* at most as many as there is credit for; each connection has its turn */

static void
begin_some(double *credit)
{
    int         i;
    conn_t     *c;
    uint64_t    t = now();
    static int  turn;

    for (i = 0; i < connections && *credit >= 1; i++) {

        turn = (turn + 1) % connections;
        c = &conns[turn];

        if (c->state != IDLE || c->since > t) {
            continue;
        }

        *credit -= 1;

        if (c->fd == -1) {
            dial(c);

        } else {
            deliver(c);
        }
    }
}


/* returns how many still wait for something */

static int
give_up_hung(void)
{
    int       i, busy = 0;
    uint64_t  t = now();

    for (i = 0; i < connections; i++) {

        if (conns[i].state != IDLE && conns[i].since + HUNG_MS < t) {
            count.hung++;
            lost(&conns[i]);
        }

        busy += conns[i].state != IDLE;
    }

    return busy;
}


static void
report(const char *more)
{
    printf("{\"sent\":%zu,\"ok\":%zu,\"unavailable\":%zu,\"other\":%zu,"
           "\"refused\":%zu,\"cut_fresh\":%zu,\"cut_kept\":%zu,"
           "\"hung\":%zu%s}\n", issued, count.ok, count.unavailable,
           count.other, count.refused, count.cut_fresh, count.cut_kept,
           count.hung, more);
    fflush(stdout);
}


static void
load(double rate)
{
    int                 i, n;
    double              credit = 0;
    uint64_t            t, last, told, ends = 0;
    struct epoll_event  events[128];

    last = told = now();

    for ( ;; ) {

        n = epoll_wait(ep, events, 128, 2);

        for (i = 0; i < n; i++) {
            serve(events[i].data.ptr, events[i].events);
        }

        t = now();

        /* what could not be sent in an outage is not sent after it */

        credit += rate * (double) (t - last) / 1000;
        credit = credit < 2 + rate / 50 ? credit : 2 + rate / 50;
        last = t;

        if (!stopping) {
            begin_some(&credit);

        } else if (ends == 0) {
            ends = t + FAREWELL_MS;
        }

        if (t - told >= 1000 || ends) {
            if (give_up_hung() == 0 && ends) {
                return;
            }
        }

        if (ends && t > ends) {
            return;
        }

        if (t - told >= 1000) {
            report("");
            told = t;
        }
    }
}


static void
stop(int signo)
{
    (void) signo;

    stopping = 1;
}


static void
read_filler(const char *name)
{
    int  fd;

    fd = open(name, O_RDONLY);

    if (fd == -1 || read(fd, filler, FILLER) != FILLER) {
        die("%s: %d bytes are needed", name, FILLER);
    }

    close(fd);
}


int
main(int argc, char **argv)
{
    int     i;
    FILE   *out;
    double  rate;

    if (argc != 10) {
        die("usage: load PORT PATH RUN CONNECTIONS RATE keep|fresh SECRET "
            "FILLER OUT");
    }

    port = (int) strtol(argv[1], NULL, 10);
    path = argv[2];
    run = (unsigned) strtoul(argv[3], NULL, 10);
    connections = (int) strtol(argv[4], NULL, 10);
    rate = strtod(argv[5], NULL);
    fresh = strcmp(argv[6], "fresh") == 0;
    secret = argv[7];
    read_filler(argv[8]);

    if (connections < 1 || connections > MAX_CONNECTIONS || rate <= 0) {
        die("1 to %d connections, a rate above 0", MAX_CONNECTIONS);
    }

    ep = epoll_create1(EPOLL_CLOEXEC);

    for (i = 0; i < connections; i++) {
        conns[i].fd = -1;
        conns[i].out = malloc(MAX_HEADER + MAX_BODY);

        if (ep == -1 || conns[i].out == NULL) {
            die("%s", strerror(errno));
        }
    }

    signal(SIGTERM, stop);
    prctl(PR_SET_PDEATHSIG, SIGTERM);

    load(rate);

    out = fopen(argv[9], "w");

    if (out == NULL || fwrite(became, 1, issued, out) != issued
        || fclose(out) != 0)
    {
        die("%s: %s", argv[9], strerror(errno));
    }

    report(",\"done\":true");

    return 0;
}
