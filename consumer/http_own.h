/* What the files of the HTTP client share, and nobody else sees. */

#ifndef HTTP_OWN_H
#define HTTP_OWN_H

#include "http.h"

#include <curl/curl.h>


#define HTTP_LISTS  64      /* header lists kept for calls to come */


/* an easy handle, and all that its callbacks need: it is used again, for most
   options stay what they are */
struct http_call {
    struct http_call    *next;
    struct http_call    *prev;
    struct http_call    *behind;    /* in the line of its host */
    struct http_host    *host;
    struct http         *http;
    CURL                *easy;
    char                *url;       /* as it was set last */
    CURLU               *parsed;    /* of url */
    struct http_list    *list;
    http_cb              cb;
    void                *data;
    const char          *why;       /* what we know better than libcurl */
    char                 error[CURL_ERROR_SIZE];    /* what it knows */

    enum http_method     method;
    bool                 posts;     /* has a body, even an empty one */
    bool                 idempotent;
    bool                 waits;     /* whether HTTP/2 shares a connection */
    bool                 running;   /* at libcurl, not in the line */
    bool                 fresh;     /* makes a connection of its own */
    unsigned             begun;     /* how often it went on the wire */
    int                  port;      /* ours, of its connection */
    bool                 left;      /* may have been received whole */
    uint64_t             began;     /* ns */
    uint64_t             until;     /* of the loop's clock, ms */
    uint64_t             heard;     /* when a byte last came or went */
    unsigned             idle_ms;
    unsigned             connect_ms;
    char                *ca_file;
    char                *unix_path;

    struct buf           body;
    int                  fd;        /* of the file that follows it, or -1 */
    long long            size;      /* of the file */
    struct buf           tail;      /* what follows the file */
    size_t               sent;      /* of all three, handed to libcurl */
    struct buf           answer;
    bool               (*sink)(void *data, const char *at, size_t len);
    struct buf           head;      /* values that are wanted */
    size_t               head_len;
    const char *const   *want;
    size_t               nwant;
    struct {
        size_t           at;
        size_t           len;
    } found[HTTP_WANT_MAX];
};


/* where calls go: how many may be on their way, and who waits.  libcurl opens
   a connection for each call that finds no room on those that HTTP/2 shares */
struct http_host {
    struct http_host  *next;
    struct http       *http;
    char              *key;         /* of URL: scheme, host and port */
    size_t             len;
    char              *unix_path;
    int                version;     /* of its last answer; 0: none yet */
    size_t             limit;
    size_t             running;
    bool               growing;     /* one more connection is made */
    struct http_call  *head;        /* the line of those that wait */
    struct http_call  *tail;
};


/* the headers of a request; those of a token are made once for all calls */
struct http_list {
    unsigned            refs;
    struct curl_slist  *lines;
    bool                faulty;     /* a line would have been two */
    bool                body;
    bool                oauth;
    char               *bearer;     /* what it was made of, as asked */
    char               *type;
};

struct http {
    uv_loop_t         *loop;
    CURLM             *multi;
    uv_timer_t         timer;       /* libcurl's */
    uv_idle_t          soon;        /* its timer of no time at all */
    bool               due;
    uv_timer_t         watch;       /* deadlines */
    uv_prepare_t       before;      /* the loop waits */
    unsigned           closing;     /* handles that are not closed yet */
    struct socket     *sockets;
    size_t             nsockets;
    size_t             running;     /* calls on the wire */
    struct http_call  *first;       /* all that have not ended, oldest first */
    struct http_call  *last;
    struct http_host  *hosts;
    size_t             nhosts;
    struct http_call  *idle;        /* kept for calls to come */
    size_t             nidle;
    struct http_list  *lists[HTTP_LISTS];
};


/* http.c */
void http_harvest(struct http *http);

/* http_body.c: what libcurl reads; a file that follows the body, until it is
   closed */
size_t http_body(char *to, size_t size, size_t n, void *data);
size_t http_body_length(const struct http_call *c);
void http_body_file(struct http_call *c, const struct http_file *file);
void http_body_close(struct http_call *c);

/* http_host.c: a call joins its host's line, leaves line or wire, and what it
   told of the host: HTTP's version, 0 where there was no answer */
void http_host_join(struct http_call *c, const struct http_request *request);
void http_host_leave(struct http_call *c);
void http_host_told(struct http_host *host, struct http_call *c, int version,
    bool reused);
void http_host_next(struct http_host *host);
void http_hosts_free(struct http *http);

/* http_loop.c: libcurl's sockets and its timer on the loop */
void http_loop_init(struct http *http);
/* http_loop_cut ends the connection of this local port, if nothing came on it
   since then */
void http_loop_cut(struct http *http, int port, uint64_t since);

/* http_list.c: http_list_get gives a reference */
struct http_list *http_list_get(struct http *http,
    const struct http_request *request, bool body);
void http_list_drop(struct http_list *list);
void http_lists_free(struct http *http);


#endif /* HTTP_OWN_H */
