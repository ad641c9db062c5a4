/* metactl doctor: whether handlers take connections, and Graph does, with a
   certificate that can be verified.  Nothing is sent. */

#include "ctl_doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/un.h>


#define NET_MS  3000


/* host and port of a URL; NULL, or what is wrong */
static const char *net_parse(const char *url, char host[256], char port[8])
{
    size_t       n;
    const char  *p = strstr(url, "://"), *end;

    if (p == NULL) {
        return "it is no URL";
    }

    snprintf(port, 8, "%s", strncmp(url, "https", 5) == 0 ? "443" : "80");
    p += 3;

    if (*p == '[') {
        end = strchr(++p, ']');
        n = end != NULL ? (size_t) (end++ - p) : 0;
    } else {
        n = strcspn(p, ":/?#");
        end = p + n;
    }

    if (n == 0 || n > 255 || end == NULL) {
        return "its host cannot be read";
    }

    snprintf(host, 256, "%.*s", (int) n, p);
    if (*end == ':') {
        snprintf(port, 8, "%.*s", (int) strspn(end + 1, "0123456789") & 7,
                 end + 1);
    }

    return NULL;
}


static const char *net_wait(int fd, const struct sockaddr *to, socklen_t len)
{
    int            error = 0;
    socklen_t      size = sizeof(error);
    struct pollfd  out = { .fd = fd, .events = POLLOUT };

    if (connect(fd, to, len) == 0) {
        return NULL;
    }

    if (errno != EINPROGRESS) {
        return strerror(errno);
    }

    if (poll(&out, 1, NET_MS) != 1) {
        return "no answer";
    }

    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);

    return error ? strerror(error) : NULL;
}


static const char *net_try(int family, const struct sockaddr *to,
    socklen_t len)
{
    int          fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK
                             | SOCK_CLOEXEC, 0);
    const char  *why;

    if (fd < 0) {
        return strerror(errno);
    }

    why = net_wait(fd, to, len);
    close(fd);

    return why;
}


/* NULL where it resolves and takes a connection */
static const char *net_host(const char *host, const char *port)
{
    int               rc;
    const char       *why = "no address";
    struct addrinfo   hints = { .ai_socktype = SOCK_STREAM }, *all, *a;

    rc = getaddrinfo(host, port, &hints, &all);
    if (rc != 0) {
        return gai_strerror(rc);
    }

    for (a = all; a != NULL && why != NULL; a = a->ai_next) {
        why = net_try(a->ai_family, a->ai_addr, a->ai_addrlen);
    }

    freeaddrinfo(all);

    return why;
}


static const char *net_path(const char *path)
{
    struct sockaddr_un  to = { .sun_family = AF_UNIX };

    snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);

    return net_try(AF_UNIX, (struct sockaddr *) &to, sizeof(to));
}


static void net_handler(struct doctor *d, const struct conf_handler *h)
{
    char         host[256], port[8];
    const char  *why;

    if (h->unix_path != NULL) {
        why = net_path(h->unix_path);
    } else {
        why = net_parse(h->url, host, port);
        why = why != NULL ? why : net_host(host, port);
    }

    doctor_say(d, why == NULL ? LEVEL_OK : LEVEL_BAD, "handler",
               why == NULL ? NULL : "start it, or mend its url",
               "%s: %s", h->name, why == NULL ? "takes connections" : why);
}


/* doctor_net looks at the handlers, then at Graph */
void doctor_net(struct doctor *d)
{
    size_t                      i;
    const char                 *why, *url = d->c->conf->base_url;
    const struct conf_handler  *h = d->c->conf->handlers.at;

    for (i = 0; i < d->c->conf->handlers.n; i++) {
        net_handler(d, &h[i]);
    }

    url = url != NULL ? url : d->c->conf->hosts[GRAPH_FACEBOOK];
    why = ctl_reach(url, d->c->conf->ca_file);
    doctor_say(d, why == NULL ? LEVEL_OK : LEVEL_BAD, "Graph",
               why == NULL ? NULL : "names, routes, a firewall; its certificate"
               " and graph.ca_file",
               "%s: %s", url, why == NULL ? "takes connections" : why);
}
