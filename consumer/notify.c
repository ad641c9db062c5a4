/* Tells systemd how it goes.  The watchdog is fed by a timer of the loop: a
   loop that does not turn starves it.  A Redis that is away does not, for no
   wait for it holds up the loop, and a restart would not bring it back. */

#include "notify.h"
#include "log.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>


#define NOTIFY_STATUS_MS  5000
#define NOTIFY_SPARE_MS   5000      /* over what stopping may take */


struct notify {
    int                 fd;
    struct sockaddr_un  to;
    socklen_t           len;
    notify_cb           cb;
    void               *data;
    char                status[NOTIFY_STATUS_MAX];
    int                 handles;
    uv_timer_t          feed;
    uv_timer_t          tell;
};


/* a path, or "@name": an abstract socket */
static int notify_address(struct notify *n, const char *name)
{
    size_t  len = strlen(name);

    if ((*name != '/' && *name != '@') || len < 2
        || len >= sizeof(n->to.sun_path))
    {
        return -1;
    }

    n->to.sun_family = AF_UNIX;
    memcpy(n->to.sun_path, name, len + 1);
    n->len = offsetof(struct sockaddr_un, sun_path) + len + 1;

    if (*name == '@') {
        n->to.sun_path[0] = '\0';
        n->len--;
    }

    return 0;
}


static void notify_send(struct notify *n, const char *text)
{
    ssize_t  sent;

    do {
        sent = sendto(n->fd, text, strlen(text), MSG_NOSIGNAL,
                      (struct sockaddr *) &n->to, n->len);
    } while (sent < 0 && errno == EINTR);
}


static void on_feed(uv_timer_t *timer)
{
    notify_send(timer->data, "WATCHDOG=1");
}


/* only what is new */
static void on_tell(uv_timer_t *timer)
{
    char            text[NOTIFY_STATUS_MAX + 16], status[NOTIFY_STATUS_MAX];
    struct notify  *n = timer->data;

    status[0] = '\0';
    n->cb(n->data, status);

    if (strcmp(status, n->status) == 0) {
        return;
    }

    memcpy(n->status, status, sizeof(n->status));
    snprintf(text, sizeof(text), "STATUS=%s", status);
    notify_send(n, text);
}


/* half of what systemd allows; 0: it does not watch this process */
static uint64_t notify_feed_ms(void)
{
    char                *end;
    const char          *usec = getenv("WATCHDOG_USEC");
    const char          *pid = getenv("WATCHDOG_PID");
    unsigned long long   n;

    if (usec == NULL
        || (pid != NULL && strtoull(pid, NULL, 10)
                           != (unsigned long long) getpid()))
    {
        return 0;
    }

    n = strtoull(usec, &end, 10);

    return *usec < '0' || *usec > '9' || *end ? 0
           : n / 2000 ? n / 2000 : 1;
}


/* notify_new looks whether somebody asks */
struct notify *notify_new(uv_loop_t *loop, notify_cb cb, void *data)
{
    uint64_t        feed;
    const char     *name = getenv("NOTIFY_SOCKET");
    struct notify  *n;

    if (name == NULL || *name == '\0') {
        return NULL;
    }

    n = mem_alloc(sizeof(*n));
    n->cb = cb;
    n->data = data;

    if (notify_address(n, name) != 0) {
        log_write(LOG_WARN, "NOTIFY_SOCKET is neither a path nor @name;"
                  " systemd is told nothing");
        free(n);
        return NULL;
    }

    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (n->fd < 0) {
        log_write(LOG_WARN, "no socket to tell systemd: %s",
                  uv_strerror(-errno));
        free(n);
        return NULL;
    }

    uv_timer_init(loop, &n->feed);
    uv_timer_init(loop, &n->tell);
    n->feed.data = n;
    n->tell.data = n;
    n->handles = 2;

    feed = notify_feed_ms();
    if (feed) {
        uv_timer_start(&n->feed, on_feed, 0, feed);
    }

    return n;
}


/* notify_ready: it works, or works again */
void notify_ready(struct notify *n)
{
    if (n != NULL) {
        notify_send(n, "READY=1");
        uv_timer_start(&n->tell, on_tell, 0, NOTIFY_STATUS_MS);
    }
}


/* notify_reloading says when: systemd must know which ready belongs to it */
void notify_reloading(struct notify *n)
{
    char             text[64];
    struct timespec  now;

    if (n == NULL) {
        return;
    }

    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
             now.tv_sec * 1000000LL + now.tv_nsec / 1000);
    notify_send(n, text);
}


/* notify_stopping asks for the time that drain_timeout allows */
void notify_stopping(struct notify *n, unsigned long ms)
{
    char  text[96];

    if (n == NULL) {
        return;
    }

    snprintf(text, sizeof(text), "STOPPING=1\nSTATUS=drains\n"
             "EXTEND_TIMEOUT_USEC=%lu000", ms + NOTIFY_SPARE_MS);
    notify_send(n, text);
    uv_timer_stop(&n->tell);
}


static void on_closed(uv_handle_t *handle)
{
    struct notify  *n = handle->data;

    if (--n->handles == 0) {
        close(n->fd);
        free(n);
    }
}


/* notify_free says nothing more */
void notify_free(struct notify *n)
{
    if (n != NULL) {
        uv_close((uv_handle_t *) &n->feed, on_closed);
        uv_close((uv_handle_t *) &n->tell, on_closed);
    }
}
