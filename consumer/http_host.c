/* How many calls a host gets at once: what libcurl has no room for waits here,
   in order. */

#include "http_own.h"

#include <stdlib.h>


#define HOST_UNKNOWN  4         /* until its first answer */
#define HOST_ONE      64        /* HTTP/1.1: each takes a connection */
#define HOST_STREAMS  100       /* HTTP/2: of one connection */
#define HOST_MANY     400       /* of all */
#define HOST_KEPT     64        /* hosts nobody calls at the moment */


static size_t key_len(const char *url)
{
    const char  *at = strstr(url, "://");

    return at == NULL ? strlen(url)
           : (size_t) (at + 3 - url) + strcspn(at + 3, "/?#");
}


static bool host_is(const struct http_host *h, const char *url, size_t len,
    const char *unix_path)
{
    return h->len == len && memcmp(h->key, url, len) == 0
           && (h->unix_path == NULL) == (unix_path == NULL)
           && (unix_path == NULL || strcmp(h->unix_path, unix_path) == 0);
}


static void host_free(struct http_host *h)
{
    free(h->key);
    free(h->unix_path);
    free(h);
}


/* those that nobody calls are forgotten once there are many */
static void hosts_prune(struct http *http)
{
    struct http_host  *h, **at = &http->hosts;

    while ((h = *at) != NULL) {
        if (h->running == 0 && h->head == NULL) {
            *at = h->next;
            http->nhosts--;
            host_free(h);
        } else {
            at = &h->next;
        }
    }
}


static struct http_host *host_find(const struct http *http, const char *url,
    const char *unix_path)
{
    size_t             len = key_len(url);
    struct http_host  *h;

    for (h = http->hosts; h != NULL; h = h->next) {
        if (host_is(h, url, len, unix_path)) {
            break;
        }
    }

    return h;
}


/* http_room says how many more calls a host gets at once */
size_t http_room(const struct http *http, const char *url,
    const char *unix_path)
{
    const struct http_host  *h = host_find(http, url, unix_path);

    if (h == NULL) {
        return HOST_UNKNOWN;
    }

    return h->head == NULL && h->running < h->limit
           ? h->limit - h->running : 0;
}


static struct http_host *host_get(struct http *http, const char *url,
    const char *unix_path)
{
    size_t             len = key_len(url);
    struct http_host  *h = host_find(http, url, unix_path);

    if (h != NULL) {
        return h;
    }

    if (http->nhosts >= HOST_KEPT) {
        hosts_prune(http);
    }

    h = mem_alloc(sizeof(*h));
    h->http = http;
    h->key = mem_copy(url, len);
    h->len = len;
    h->unix_path = unix_path != NULL
                   ? mem_copy(unix_path, strlen(unix_path)) : NULL;
    h->limit = HOST_UNKNOWN;
    h->next = http->hosts;
    http->hosts = h;
    http->nhosts++;

    return h;
}


/* http_host_join puts a call at the end of its host's line */
void http_host_join(struct http_call *c, const struct http_request *request)
{
    struct http_host  *h;

    h = host_get(c->http, request->url, request->unix_path);
    c->host = h;
    c->behind = NULL;

    if (h->tail != NULL) {
        h->tail->behind = c;
    } else {
        h->head = c;
    }
    h->tail = c;
}


/* http_host_leave takes a call out */
void http_host_leave(struct http_call *c)
{
    struct http_host  *h = c->host;
    struct http_call  *before = NULL, *at;

    if (c->running) {
        c->running = false;
        h->running--;
        h->http->running--;
        return;
    }

    for (at = h->head; at != c; at = at->behind) {
        before = at;
    }

    if (before != NULL) {
        before->behind = c->behind;
    } else {
        h->head = c->behind;
    }
    if (h->tail == c) {
        h->tail = before;
    }
}


static void host_fresh(struct http_host *h, struct http_call *c, bool fresh)
{
    if (c->fresh != fresh) {
        c->fresh = fresh;
        curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, (long) fresh);
    }

    h->growing |= fresh;
}


/* http_host_next puts on the wire what has room; where HTTP/2 has none left
   one call goes by a new connection, on which others find room afterwards */
void http_host_next(struct http_host *h)
{
    bool               more;
    struct http_call  *c;

    if (h->running == 0 && h->limit > HOST_STREAMS) {
        h->limit = HOST_STREAMS;    /* connections may have gone meanwhile */
    }

    while ((c = h->head) != NULL) {
        more = h->version == 20 && h->limit < HOST_MANY && !h->growing;
        if (h->running >= h->limit && !more) {
            return;
        }

        h->head = c->behind;
        if (h->head == NULL) {
            h->tail = NULL;
        }

        host_fresh(h, c, h->running >= h->limit);
        h->running++;
        h->http->running++;
        c->running = true;
        curl_multi_add_handle(h->http->multi, c->easy);
    }
}


/* http_host_told learns from how a call ended */
void http_host_told(struct http_host *h, struct http_call *c, int version,
    bool reused)
{
    if (c->running && c->fresh) {
        h->growing = false;
    }

    if (version == 0) {
        if (h->version == 20) {
            h->limit = HOST_STREAMS;
        }
        return;
    }

    if (h->version != version) {
        h->version = version;
        h->limit = version == 20 ? HOST_STREAMS : HOST_ONE;

    } else if (version == 20 && c->fresh && !reused) {
        h->limit += HOST_STREAMS;
    }
}


/* http_hosts_free forgets all */
void http_hosts_free(struct http *http)
{
    hosts_prune(http);
}
