/*
 * Graph API for scripts/soak: takes messages as fast as it can, writes each
 * call down before it answers, and fails at random.
 *
 *     graph PORT LOG SEED FAIL CUT SLOW STOP
 *
 * LOG is appended to by one write(2) a call, so that no kill loses or tears a
 * line: how it ended, milliseconds, the account in the path, and what
 * biz_opaque_callback_data says, or "-".  How: 2 taken and answered, s the
 * same but slowly, c taken and then cut without an answer, 5 not taken
 * (status 500), t not taken because its number sends too much (code 130429),
 * r no message (a receipt, a read).  FAIL, CUT, SLOW, STOP: how many of 10,000
 * messages end so; GET /faults?FAIL,CUT,SLOW,STOP changes them.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>


#define MAX_FD       4096
#define MAX_REQUEST  65536
#define SLOW_MS      3000       /* at most */
#define MAX_NAME     256


typedef struct {
    int       open;
    size_t    len;
    uint64_t  due;              /* of a slow answer, 0: none waits */
    char      in[MAX_REQUEST + 1];
} conn_t;


static conn_t    *conns[MAX_FD];
static int        ep, out, slow;
static unsigned   fail_rate, cut_rate, slow_rate, stop_rate;
static uint64_t   number;

static const char  taken[] =
    "{\"messaging_product\":\"whatsapp\",\"contacts\":[{\"input\":"
    "\"27820000001\",\"wa_id\":\"27820000001\"}],\"messages\":[{\"id\":"
    "\"wamid.SOAK%llu.%llu\"}]}";
static const char  refused[] =
    "{\"error\":{\"message\":\"An unexpected error has occurred. Please retry"
    " your request later.\",\"type\":\"OAuthException\",\"is_transient\":true,"
    "\"code\":2,\"fbtrace_id\":\"AbCdEfGhIjKlMnOpQrStUvW\"}}";
static const char  throttled[] =
    "{\"error\":{\"message\":\"(#130429) Rate limit hit\",\"type\":"
    "\"OAuthException\",\"code\":130429,\"fbtrace_id\":"
    "\"AbCdEfGhIjKlMnOpQrStUvW\"}}";


static void
die(const char *what)
{
    fprintf(stderr, "graph: %s: %s\n", what, strerror(errno));
    exit(1);
}


static uint64_t
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


static void
hang_up(int fd)
{
    if (conns[fd]->due) {
        slow--;
    }

    free(conns[fd]);
    conns[fd] = NULL;
    close(fd);
}


static int
answer(int fd, int status, const char *body)
{
    int   n;
    char  text[1024];

    n = snprintf(text, sizeof(text), "HTTP/1.1 %d %s\r\nContent-Type: "
                 "application/json\r\nfacebook-api-version: v24.0\r\n"
                 "Content-Length: %zu\r\n\r\n%s", status,
                 status == 200 ? "OK" : "Not OK",
                 strlen(body), body);

    return send(fd, text, (size_t) n, MSG_NOSIGNAL) == n ? 0 : -1;
}


static int
answer_taken(int fd)
{
    char  body[512];

    snprintf(body, sizeof(body), taken, (unsigned long long) getpid(),
             (unsigned long long) ++number);

    return answer(fd, 200, body);
}


static void
note(char how, const char *path, const char *body)
{
    int          n;
    char         line[MAX_NAME * 2], account[33] = "-", id[MAX_NAME] = "-";
    const char  *at, *end;

    sscanf(path, "/%*[^/]/%32[0-9]", account);

    at = strstr(body, "\"biz_opaque_callback_data\":\"");
    if (at != NULL) {
        at += sizeof("\"biz_opaque_callback_data\":\"") - 1;
        end = strchr(at, '"');
        if (end != NULL && end - at < MAX_NAME) {
            memcpy(id, at, (size_t) (end - at));
            id[end - at] = '\0';
        }
    }

    n = snprintf(line, sizeof(line), "%c %llu %s %s\n", how,
                 (unsigned long long) now(), account, id);
    if (write(out, line, (size_t) n) != n) {
        die("the log");
    }
}


/* a whole request; -1: the connection ends */

static int
serve(int fd, const char *path, const char *body, int post)
{
    unsigned  dice;

    if (!post) {
        if (sscanf(path, "/faults?%u,%u,%u,%u", &fail_rate, &cut_rate,
                   &slow_rate, &stop_rate) == 4)
        {
            return answer(fd, 200, "{}");
        }

        note('r', path, "");
        return answer(fd, 200, "{\"id\":\"1\",\"throughput\":"
                               "{\"level\":\"HIGH\"}}");
    }

    if (strstr(body, "\"status\":\"read\"") != NULL) {
        note('r', path, "");
        return answer(fd, 200, "{\"success\":true}");
    }

    dice = (unsigned) (random() % 10000);

    if (dice < fail_rate) {
        note('5', path, body);
        return answer(fd, 500, refused);
    }
    dice -= fail_rate;

    if (dice < cut_rate) {
        note('c', path, body);
        return -1;
    }
    dice -= cut_rate;

    if (dice < slow_rate) {
        note('s', path, body);
        conns[fd]->due = now() + 1 + (uint64_t) random() % SLOW_MS;
        slow++;
        return 0;
    }

    dice -= slow_rate;

    if (dice < stop_rate) {
        note('t', path, body);
        return answer(fd, 400, throttled);
    }

    note('2', path, body);

    return answer_taken(fd);
}


/* as many requests as are whole; none while an answer waits */

static int
requests(int fd)
{
    int      rc;
    char    *head, *p, path[512], method[8], body[MAX_REQUEST + 1];
    size_t   len, size;
    conn_t  *c = conns[fd];

    while (c->due == 0) {
        c->in[c->len] = '\0';
        head = strstr(c->in, "\r\n\r\n");
        if (head == NULL) {
            return c->len == MAX_REQUEST ? -1 : 0;
        }

        *head = '\0';
        p = strcasestr(c->in, "\r\ncontent-length:");
        size = p != NULL ? strtoul(p + 17, NULL, 10) : 0;
        len = (size_t) (head - c->in) + 4 + size;
        if (len > MAX_REQUEST
            || sscanf(c->in, "%7s %511s", method, path) != 2)
        {
            return -1;
        }

        if (len > c->len) {
            *head = '\r';
            return 0;
        }

        memcpy(body, head + 4, size);
        body[size] = '\0';
        memmove(c->in, c->in + len, c->len - len);
        c->len -= len;

        rc = serve(fd, path, body, strcmp(method, "POST") == 0);
        if (rc != 0) {
            return rc;
        }
    }

    return 0;
}


static void
readable(int fd)
{
    ssize_t  n;
    conn_t  *c = conns[fd];

    n = recv(fd, c->in + c->len, MAX_REQUEST - c->len, 0);

    if (n == 0 || (n == -1 && errno != EAGAIN)) {
        hang_up(fd);
        return;
    }

    if (n > 0) {
        c->len += (size_t) n;
        if (requests(fd) != 0) {
            hang_up(fd);
        }
    }
}


static void
accept_all(int listener)
{
    int                 fd, one = 1;
    struct epoll_event  ev;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC))
           != -1)
    {
        if (fd >= MAX_FD || (conns[fd] = calloc(1, sizeof(conn_t))) == NULL) {
            close(fd);
            continue;
        }

        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        ev.events = EPOLLIN;
        ev.data.fd = fd;
        epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
    }
}


static void
answer_slow(void)
{
    int       fd;
    uint64_t  t = now();

    for (fd = 0; slow && fd < MAX_FD; fd++) {
        if (conns[fd] == NULL || conns[fd]->due == 0 || conns[fd]->due > t) {
            continue;
        }

        conns[fd]->due = 0;
        slow--;
        if (answer_taken(fd) != 0 || requests(fd) != 0) {
            hang_up(fd);
        }
    }
}


static int
listen_on(int port)
{
    int                 fd, one = 1;
    struct sockaddr_in  sin = { .sin_family = AF_INET };
    struct epoll_event  ev = { .events = EPOLLIN };

    sin.sin_port = htons((uint16_t) port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1
        || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == -1
        || bind(fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        || listen(fd, 1024) == -1)
    {
        die("listen");
    }

    ev.data.fd = fd;
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);

    return fd;
}


int
main(int argc, char **argv)
{
    int                 i, n, listener;
    struct epoll_event  events[64];

    if (argc != 8) {
        fputs("usage: graph PORT LOG SEED FAIL CUT SLOW STOP\n", stderr);
        return 2;
    }

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    srandom((unsigned) strtoul(argv[3], NULL, 10));
    fail_rate = (unsigned) strtoul(argv[4], NULL, 10);
    cut_rate = (unsigned) strtoul(argv[5], NULL, 10);
    slow_rate = (unsigned) strtoul(argv[6], NULL, 10);
    stop_rate = (unsigned) strtoul(argv[7], NULL, 10);

    out = open(argv[2], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (out == -1) {
        die(argv[2]);
    }

    ep = epoll_create1(EPOLL_CLOEXEC);
    listener = listen_on((int) strtol(argv[1], NULL, 10));

    for ( ;; ) {
        n = epoll_wait(ep, events, 64, slow ? 5 : -1);

        for (i = 0; i < n; i++) {
            if (events[i].data.fd == listener) {
                accept_all(listener);
            } else {
                readable(events[i].data.fd);
            }
        }

        answer_slow();
    }
}
