/* Graph API: which token, which URL, and what an answer means. */

#ifndef GRAPH_H
#define GRAPH_H

#include "conf.h"
#include "graph_error.h"
#include "http.h"
#include "json.h"
#include "usage.h"


#define GRAPH_MESSAGE_MAX  512
#define GRAPH_DETAILS_MAX  256


enum graph_rc {
    GRAPH_OK,
    GRAPH_ERROR,        /* Meta says no: code, perhaps subcode, message */
    GRAPH_ANSWER,       /* an answer that means nothing we know */
    GRAPH_UNREACHABLE,  /* it was not sent */
    GRAPH_AMBIGUOUS     /* it may have been done */
};

struct graph_call {
    enum http_method          method;
    enum graph_host           host;
    enum product              product;  /* whose errors they are */
    bool                      ads;      /* goes by ads_version */
    struct str                path;     /* no host, no version */
    struct str                query;    /* encoded, or empty */
    struct str                body;
    const char               *type;     /* of the body; NULL: JSON */
    struct http_file          file;     /* behind the body; size 0: none */
    bool                      idempotent;
    unsigned                  total_ms; /* 0: as HTTP has it */
    const struct conf_token  *token;    /* NULL: none goes with it */
    const struct conf_app    *app;      /* for the proof; NULL: none */
};

struct verdict {
    enum graph_rc                  rc;
    long                           status;
    bool                           has_code;
    bool                           has_subcode;
    bool                           transient;   /* Meta says so, or 5xx */
    unsigned                       item;        /* of a batch, from 1: the
                                                   first that failed */
    long long                      code;
    long long                      subcode;
    char                           message[GRAPH_MESSAGE_MAX];  /* no token */
    size_t                         raw;     /* bytes of a body without Meta's
                                               error, of which message is the
                                               beginning; 0: it is none */
    char                           details[GRAPH_DETAILS_MAX];  /* none here */
    char                           trace[64];   /* fbtrace_id */
    double                         ms;
    long long                      wait_ms;     /* as headers say; 0: nothing */
    const struct graph_error_row  *row;         /* of GRAPH_ERROR */
    struct str                     body;        /* until the callback ends */
    const struct json             *root;        /* the same, read; or NULL */
};

struct graph;

typedef void (*graph_cb)(void *data, const struct verdict *verdict);

/* of the call, query and body are empty here; before its graph_cb */
typedef void (*graph_usage_cb)(void *data, const struct usage *usage,
    const struct conf_token *token, const struct graph_call *call);


struct graph *graph_new(uv_loop_t *loop);
void graph_free(struct graph *graph);       /* calls end, see http_free */
uv_loop_t *graph_loop(struct graph *graph);
struct http *graph_http(struct graph *graph);   /* for other calls */
void graph_on_usage(struct graph *graph, graph_usage_cb cb, void *data);

/* graph_start: NULL, or why it is no call that may be made: then cb is not
   called; it copies what it needs, token and app are conf's */
const char *graph_start(struct graph *graph, const struct conf *conf,
    const struct graph_call *call, graph_cb cb, void *data);

/* graph_token_host: where the calls go that are made with it */
enum graph_host graph_token_host(const struct conf_token *token);

/* graph_ask_owners asks /me whose the tokens are that say no id, and of which
   it is not known yet; how many these are */
size_t graph_ask_owners(struct graph *graph, struct conf *conf);

const char *graph_reason(enum graph_rc rc);

/* graph_passes: it failed, and that says nothing of token and call: a little
   later it may work */
bool graph_passes(const struct verdict *v);


#endif /* GRAPH_H */
