/* The key "metrics": where Prometheus asks, on this machine only. */

#include "conf_own.h"

#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>


#define LISTEN_LOCAL  "must be 127.0.0.1:PORT, [::1]:PORT or unix:/PATH: there"\
                      " is no password, so nobody else may ask; where"         \
                      " Prometheus runs elsewhere let a web server of yours"   \
                      " pass it on"


static const char *listen_unix(const char *path, struct conf_listen *l)
{
    if (*path != '/') {
        return "must be unix:/PATH, from the root";
    }

    if (strlen(path) >= sizeof(l->path)) {
        return "is longer than a unix socket's path may be";
    }

    memcpy(l->path, path, strlen(path) + 1);

    return NULL;
}


static const char *listen_address(const char *host, struct conf_listen *l)
{
    struct in_addr   v4;
    struct in6_addr  v6;

    l->v6 = *host == '[';

    if (l->v6) {
        if (strcmp(host, "[::1]") != 0 || inet_pton(AF_INET6, "::1", &v6) != 1)
        {
            return LISTEN_LOCAL;
        }
        memcpy(l->host, "::1", 4);
        return NULL;
    }

    if (strcmp(host, "localhost") == 0) {
        host = "127.0.0.1";
    }

    if (inet_pton(AF_INET, host, &v4) != 1 || ntohl(v4.s_addr) >> 24 != 127) {
        return LISTEN_LOCAL;
    }

    memcpy(l->host, host, strlen(host) + 1);

    return NULL;
}


/* type_listen takes an address of this machine, or a unix socket */
const char *type_listen(const char *text, void *field)
{
    char                 host[64];
    const char          *colon = strrchr(text, ':'), *why;
    unsigned long        port;
    struct conf_listen   listen = { .path = "" }, *l = field;

    if (strncmp(text, "unix:", 5) == 0) {
        why = listen_unix(text + 5, &listen);

    } else {
        if (colon == NULL || colon == text
            || (size_t) (colon - text) >= sizeof(listen.host)
            || !str_digits(STR(colon + 1)) || strlen(colon + 1) > 5)
        {
            return LISTEN_LOCAL;
        }

        port = strtoul(colon + 1, NULL, 10);
        if (port == 0 || port > 65535) {
            return "the port must be 1 to 65535";
        }

        snprintf(host, sizeof(host), "%.*s", (int) (colon - text), text);
        listen.port = (unsigned) port;
        why = listen_address(host, &listen);
    }

    if (why == NULL) {
        listen.on = true;
        snprintf(listen.text, sizeof(listen.text), "%s", text);
        *l = listen;
    }

    return why;
}


/* listen_same says whether both are the same place */
bool listen_same(const struct conf_listen *a, const struct conf_listen *b)
{
    return a->on == b->on && strcmp(a->text, b->text) == 0;
}
