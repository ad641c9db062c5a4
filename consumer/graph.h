/* Graph API: which token, which URL, and what an answer means. */

#ifndef GRAPH_H
#define GRAPH_H

#include "conf.h"
#include "event.h"
#include "http.h"


#define GRAPH_MESSAGE_MAX  512


enum graph_rc {
    GRAPH_OK,
    GRAPH_ERROR,        /* Meta says no: code, perhaps subcode, message */
    GRAPH_ANSWER,       /* an answer that means nothing we know */
    GRAPH_UNREACHABLE,  /* it was not sent */
    GRAPH_AMBIGUOUS     /* it may have been done */
};

struct verdict {
    enum graph_rc   rc;
    long            status;
    bool            has_code;
    bool            has_subcode;
    long long       code;
    long long       subcode;
    char            message[GRAPH_MESSAGE_MAX];     /* no token in it */
    char            trace[64];                      /* fbtrace_id */
    double          ms;
};

typedef void (*graph_cb)(void *data, const struct verdict *verdict);


/* graph_token: the most exact one, account, then waba, then default; NULL */
const struct conf_token *graph_token(const struct conf *conf,
    enum product product, struct str account, struct str waba);

/* graph_send POSTs the body to /{version}/{account}/messages; account is
   digits */
void graph_send(struct http *http, const struct conf *conf,
    const struct conf_token *token, struct str account, struct str body,
    graph_cb cb, void *data);

/* graph_ask_pages asks /me whose the Page tokens are that say no id */
void graph_ask_pages(struct http *http, struct conf *conf);

/* graph_judge: the rules of meta-graph-oauth-ads-capi.md 1.7; secret is what
   the message must not show */
void graph_judge(const struct http_answer *answer, const char *secret,
    struct verdict *v);

const char *graph_reason(enum graph_rc rc);


#endif /* GRAPH_H */
