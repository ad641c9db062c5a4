/*
 * Whoever asks for /metrics: whatever comes, in pieces of whatever size, one
 * answer of HTTP or none, and the connection ends.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "consumer/metrics_own.h"


#define check(condition)  ((condition) ? (void) 0 : abort())

#define TURNS_MAX   1000
#define ANSWER_MAX  65536


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static uv_loop_t       loop;
static struct metrics  metrics;


/* what metrics.c does, without Redis */
void metrics_want(struct metrics_client *c)
{
    client_figures(c);
}


void metrics_forget(struct metrics_client *c)
{
    (void) c;
}


void metrics_drop(struct metrics *m)
{
    (void) m;
    abort();            /* it listens as long as the loop is there */
}


static void fuzz_end(void)
{
    unlink(metrics.where.path);
}


static void fuzz_listen(void)
{
    uv_loop_init(&loop);
    metrics.loop = &loop;
    metrics.where.on = true;
    snprintf(metrics.where.path, sizeof(metrics.where.path),
             "/tmp/fuzz-metrics.%d", (int) getpid());
    uv_timer_init(&loop, &metrics.retry);
    metrics_listen(&metrics);
    atexit(fuzz_end);
}


static int fuzz_connect(void)
{
    int                 fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un  un = { .sun_family = AF_UNIX };

    memcpy(un.sun_path, metrics.where.path, sizeof(metrics.where.path));
    check(fd >= 0);
    check(connect(fd, (struct sockaddr *) &un, sizeof(un)) == 0);
    uv_run(&loop, UV_RUN_NOWAIT);

    return fd;
}


static void fuzz_judge(const char *answer, size_t len)
{
    size_t       n;
    const char  *body = strstr(answer, "\r\n\r\n"), *length;

    if (len == 0) {
        return;
    }

    length = strstr(answer, "\r\nContent-Length: ");
    check(strncmp(answer, "HTTP/1.1 ", 9) == 0);
    check(body != NULL && length != NULL && length < body);
    n = len - (size_t) (body + 4 - answer);
    check(n == 0 || n == strtoul(length + 18, NULL, 10));
    check(strlen(answer) == len);
}


/* the first byte is the size of the pieces */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int          fd, turns = 0;
    char         answer[ANSWER_MAX];
    size_t       i, n, piece, len = 0;
    ssize_t      got;

    if (size == 0) {
        return 0;
    }

    if (!metrics.open) {
        fuzz_listen();
    }

    fd = fuzz_connect();
    piece = data[0] < 16 ? (size_t) data[0] + 1 : (size_t) data[0] * 32;

    for (i = 1; i < size; i += n) {
        n = size - i < piece ? size - i : piece;
        if (send(fd, data + i, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t) n) {
            break;
        }
        uv_run(&loop, UV_RUN_NOWAIT);
    }

    for ( ;; ) {
        got = recv(fd, answer + len, sizeof(answer) - 1 - len, MSG_DONTWAIT);
        if (got <= 0) {
            break;
        }
        len += (size_t) got;
    }

    answer[len] = '\0';
    fuzz_judge(answer, len);

    close(fd);
    while (metrics.nclients > 0) {
        check(turns++ < TURNS_MAX);
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    uv_run(&loop, UV_RUN_NOWAIT);

    return 0;
}
