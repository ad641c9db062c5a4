/* HTTPS calls on the loop: libcurl's multi interface, ceilings, deadlines.
   It knows nothing of Graph. */

#ifndef HTTP_H
#define HTTP_H

#include "mem.h"

#include <uv.h>


#define HTTP_ANSWER_MAX  (1024 * 1024)


enum http_outcome {
    HTTP_ANSWERED,      /* status and body are there, whatever they say */
    HTTP_UNSENT,        /* it failed before the request could have left */
    HTTP_AMBIGUOUS      /* it may have been received, no answer came */
};

struct http_request {
    const char   *url;
    const char   *bearer;       /* the token; only ever in the header */
    const char   *ca_file;      /* NULL: the system's */
    struct str    body;         /* a POST of JSON; len 0: a GET */
};

struct http_answer {
    enum http_outcome  outcome;
    const char        *why;     /* where it was not answered */
    long               status;
    struct str         body;
    double             ms;
};

struct http;

/* the answer lives until the callback returns */
typedef void (*http_cb)(void *data, const struct http_answer *answer);


struct http *http_new(uv_loop_t *loop);

/* http_start copies what it needs; cb is called once, never inside of it */
void http_start(struct http *http, const struct http_request *request,
    http_cb cb, void *data);

/* http_free: calls under way end as HTTP_AMBIGUOUS, before it returns */
void http_free(struct http *http);


#endif /* HTTP_H */
