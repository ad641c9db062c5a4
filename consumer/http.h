/* HTTPS calls on the loop: libcurl's multi interface, ceilings, deadlines.
   It knows nothing of Graph. */

#ifndef HTTP_H
#define HTTP_H

#include "mem.h"

#include <uv.h>


#define HTTP_WANT_MAX    8
#define HTTP_ANSWER_MAX  (1024 * 1024)
#define HTTP_CONNECT_MS  5000
#define HTTP_TOTAL_MS    30000
#define HTTP_IDLE_MS     15000


enum http_outcome {
    HTTP_ANSWERED,      /* status and body are there, whatever they say */
    HTTP_UNSENT,        /* it failed before the request could have left */
    HTTP_AMBIGUOUS      /* it may have been received, no answer came */
};

enum http_method {
    HTTP_GET,
    HTTP_POST,
    HTTP_DELETE,
    HTTP_PUT
};

/* what follows the body: a file, read as it goes out, and a tail */
struct http_file {
    int          fd;
    long long    size;          /* 0: there is none */
    struct str   tail;
};

struct http_request {
    enum http_method     method;
    const char          *url;
    const char          *unix_path;     /* NULL: TCP, to the URL's host */
    const char          *bearer;        /* the token; NULL: none */
    bool                 oauth;         /* "OAuth" stands before the token */
    const char          *ca_file;       /* NULL: the system's */
    const char *const   *headers;       /* "Name: value" */
    size_t               nheaders;
    const char          *type;          /* of the body; NULL: JSON */
    struct str           body;
    struct http_file     file;          /* fd is duplicated */
    bool                 eager;         /* rather opens a connection than
                                           waits whether one is shared */
    bool                 idempotent;    /* may be sent again by itself, on a
                                           fresh connection; not who counts
                                           his attempts */
    unsigned             connect_ms;    /* 0: HTTP_CONNECT_MS, and so on */
    unsigned             total_ms;      /* from http_start on */
    unsigned             idle_ms;       /* without a byte */
    size_t               answer_max;    /* of the body */
    bool               (*sink)(void *data, const char *at, size_t len);
                                        /* NULL, or it gets the body of a 200,
                                           piece by piece and of any length,
                                           and the answer does not: data is
                                           cb's; false ends the call */
    const char *const   *want;          /* lives on: answer headers to keep */
    size_t               nwant;
};

struct http_answer {
    enum http_outcome  outcome;
    const char        *why;     /* where it was not answered */
    long               status;
    struct str         body;
    struct str         headers[HTTP_WANT_MAX];  /* in the order of want;
                                                   empty: not there */
    double             ms;
    int                version;     /* 10, 11, 20; 0: unknown */
    bool               reused;      /* the connection was */
};

struct http;
struct http_call;

/* the answer lives until the callback returns */
typedef void (*http_cb)(void *data, const struct http_answer *answer);


struct http *http_new(uv_loop_t *loop);

/* http_start copies what it needs but want; cb is called once, never inside
   of it; the call lives until cb is called */
struct http_call *http_start(struct http *http,
    const struct http_request *request, http_cb cb, void *data);

/* http_room: how many calls to that host would go on the wire at once; what
   has no room waits in http_start's line, and its time runs */
size_t http_room(const struct http *http, const char *url,
    const char *unix_path);

/* http_cancel ends a call at once, without its callback */
void http_cancel(struct http_call *call);

/* http_free: calls under way end as HTTP_AMBIGUOUS or HTTP_UNSENT before it
   returns */
void http_free(struct http *http);

/* http_retry_after: the header's value in ms, at most a week, now is Unix
   seconds; 0: it says nothing */
long long http_retry_after(struct str value, long long now);


#endif /* HTTP_H */
