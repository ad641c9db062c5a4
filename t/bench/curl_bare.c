/* The least that libcurl can do the consumer's calls with, for scripts/bench.
 *
 *     curl_bare [-k] URL CA_FILE CALLS IN_FLIGHT <BODY
 *
 * POSTs the body of standard input so often, so many at once, over HTTP/2 and
 * TLS: easy handles made once and used again, one multi handle on epoll, no
 * queue, no JSON, no log.  -k: what a turn of the loop sends is gathered in the
 * socket (TCP_CORK).  Each answer must be a 200 that names a message.
 * What its CPU and time were from the first call after the handshake to the
 * last answer goes to standard output as JSON.
 */

#include <curl/curl.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>


#define IN_FLIGHT_MAX  1024
#define BODY_MAX       (64 * 1024)
#define ANSWER_MAX     4096
#define EVENTS_MAX     64


struct call {
    CURL    *easy;
    size_t   len;
    char     answer[ANSWER_MAX];
};


static CURLM        *multi;
static int           epoll_fd;
static double        due;           /* on the monotonic clock; -1: never */
static struct call   calls[IN_FLIGHT_MAX];
static char          body[BODY_MAX];
static size_t        body_len;
static long          started, done, connections;
static bool          corks;
static curl_socket_t corked = -1;   /* the one connection */


static void fail(const char *what)
{
    fprintf(stderr, "curl_bare: %s\n", what);
    exit(1);
}


static double seconds(clockid_t clock)
{
    struct timespec  t;

    clock_gettime(clock, &t);

    return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}


/* a number in memory: a timerfd costs a system call each time, a dear one */
static int on_timer(CURLM *m, long ms, void *data)
{
    (void) m;
    (void) data;

    due = ms < 0 ? -1 : seconds(CLOCK_MONOTONIC) + (double) ms / 1000;

    return 0;
}


static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data,
    void *known)
{
    struct epoll_event  event = { .data = { .fd = fd } };

    (void) easy;
    (void) data;

    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }

    event.events = (what != CURL_POLL_OUT ? EPOLLIN : 0)
                   | (what != CURL_POLL_IN ? EPOLLOUT : 0);
    epoll_ctl(epoll_fd, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd,
              &event);
    curl_multi_assign(multi, fd, &calls);

    return 0;
}


static int on_connect(void *data, curl_socket_t fd, curlsocktype type)
{
    (void) data;
    (void) type;
    corked = fd;

    return CURL_SOCKOPT_OK;
}


static void cork(int on)
{
    if (corks && corked != -1) {
        setsockopt(corked, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
    }
}


static size_t on_answer(char *at, size_t size, size_t n, void *data)
{
    struct call  *c = data;

    if (n * size > ANSWER_MAX - 1 - c->len) {
        return 0;
    }

    memcpy(c->answer + c->len, at, n * size);
    c->len += n * size;

    return n * size;
}


static void call_start(struct call *c)
{
    c->len = 0;
    curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, body);
    curl_multi_add_handle(multi, c->easy);
    started++;
}


static void call_make(struct call *c, const char *url, const char *ca_file,
    struct curl_slist *headers)
{
    CURL  *easy = curl_easy_init();

    c->easy = easy;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     (curl_off_t) body_len);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, c);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_connect);
}


static void harvest(long most)
{
    int           left;
    long          status, fresh, version;
    CURLMsg      *m;
    struct call  *c;

    while ((m = curl_multi_info_read(multi, &left)) != NULL) {
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
        if (m->data.result != CURLE_OK) {
            fail(curl_easy_strerror(m->data.result));
        }

        curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(c->easy, CURLINFO_HTTP_VERSION, &version);
        curl_easy_getinfo(c->easy, CURLINFO_NUM_CONNECTS, &fresh);
        c->answer[c->len] = '\0';
        if (status != 200 || version != CURL_HTTP_VERSION_2_0
            || strstr(c->answer, "\"wamid.") == NULL)
        {
            fail("not 200 by HTTP/2 with a message's id");
        }

        connections += fresh;
        curl_multi_remove_handle(multi, c->easy);
        done++;
        if (started < most) {
            call_start(c);
        }
    }
}


/* what is due, and how many milliseconds until the next is; -1: for ever */
static int expire(long most)
{
    int     running;
    double  left;

    while (due >= 0) {
        left = due - seconds(CLOCK_MONOTONIC);
        if (left > 0) {
            return (int) (left * 1000) + 1;
        }
        due = -1;
        curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
        harvest(most);
    }

    return -1;
}


static int flags_of(unsigned events)
{
    return (events & EPOLLIN ? CURL_CSELECT_IN : 0)
           | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0)
           | (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
}


/* until so many calls are answered, from so many at once */
static void run(long most, long in_flight)
{
    int                 i, n, running;
    long                begun;
    struct epoll_event  events[EVENTS_MAX];

    started = done = 0;
    for (begun = 0; begun < in_flight && begun < most; begun++) {
        call_start(&calls[begun]);
    }

    while (done < most) {
        n = expire(most);
        cork(0);
        n = done < most ? epoll_wait(epoll_fd, events, EVENTS_MAX, n) : 0;
        cork(1);
        for (i = 0; i < n; i++) {
            curl_multi_socket_action(multi, events[i].data.fd,
                                     flags_of(events[i].events), &running);
            harvest(most);
        }
    }
}


static void loop_make(void)
{
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    multi = curl_multi_init();
    if (epoll_fd == -1 || multi == NULL) {
        fail("no loop");
    }

    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
}


int main(int argc, char **argv)
{
    long                most, in_flight, i;
    double              cpu, wall;
    struct curl_slist  *headers = NULL;

    corks = argc > 1 && strcmp(argv[1], "-k") == 0;
    argc -= corks;
    argv += corks;
    most = argc == 5 ? strtol(argv[3], NULL, 10) : 0;
    in_flight = argc == 5 ? strtol(argv[4], NULL, 10) : 0;
    if (most < 1 || in_flight < 1 || in_flight > IN_FLIGHT_MAX) {
        fail("usage: curl_bare [-k] URL CA_FILE CALLS IN_FLIGHT <BODY");
    }

    body_len = fread(body, 1, BODY_MAX, stdin);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    loop_make();
    headers = curl_slist_append(headers, "Authorization: Bearer EAAbench"
                                "0123456789abcdef0123456789abcdef");
    headers = curl_slist_append(headers, "Accept: application/json");
    headers = curl_slist_append(headers, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Expect:");

    for (i = 0; i < in_flight; i++) {
        call_make(&calls[i], argv[1], argv[2], headers);
    }

    run(in_flight, in_flight);      /* the handshake, and warm caches */
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    wall = seconds(CLOCK_MONOTONIC);
    run(most, in_flight);
    printf("{\"calls\":%ld,\"cpu\":%.6f,\"seconds\":%.6f,"
           "\"connections\":%ld}\n", done,
           seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu,
           seconds(CLOCK_MONOTONIC) - wall, connections);

    for (i = 0; i < in_flight; i++) {
        curl_easy_cleanup(calls[i].easy);
    }
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    curl_global_cleanup();

    return 0;
}
