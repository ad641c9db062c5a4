/* What Graph answers while somebody logs in (meta-graph-oauth-ads-capi.md 2
   and 3), and what our own records of it say: read, pure. */

#ifndef FLOW_READ_H
#define FLOW_READ_H

#include "json.h"


/* of an id in a path of Graph, in a key and in a list of them */
#define FLOW_ID_MAX  32

/* of a record on meta:auth; slices live as long as its tree, and are empty
   where the record has nothing or null */
struct flow_order {
    bool        signup;         /* field signup; else code */
    long long   received_at;    /* ms, by the edge's clock */
    long long   queued_at;      /* by Redis'; -1: the record has none */
    long long   ahead;          /* of ours, Redis' clock, ms: who took it
                                   says so */
    struct str  app;
    struct str  flow;           /* 32 hex digits */
    struct str  kind;           /* facebook, business, instagram */
    struct str  redirect_uri;
    struct str  ref;
    struct str  code;           /* sealed */
    struct str  wanted;         /* that the dialog was to ask for */
    struct str  denied;
    struct str  event;          /* of Embedded Signup's message */
    struct str  waba;
    struct str  phone;
    struct str  pin;            /* sealed; then there is no code */
};

struct flow_page {
    struct str  id;
    struct str  name;
    struct str  token;          /* empty: not given */
    struct str  instagram;      /* the account that is linked; empty */
    struct str  username;       /* what people call that */
};

struct flow_number {
    struct str  id;
    struct str  name;           /* what people call it */
    struct str  number;         /* as it is dialled; empty */
    bool        connected;      /* it is registered already */
};


/* flow_order_read: false if it is none of ours, or of a newer version */
bool flow_order_read(const struct json *root, struct flow_order *order);

bool flow_page_read(const struct json *j, struct flow_page *page);
bool flow_number_read(const struct json *j, struct flow_number *number);

/* flow_after: the cursor of the page to come; empty: this was the last */
struct str flow_after(const struct json *root);

/* flow_target: the n-th id that a scope is granted for; empty: no more.  None
   at all means every one (2.6) */
struct str flow_target(const struct json *granular, const char *scope,
    size_t n);

/* flow_id_good: digits that may stand in a path */
bool flow_id_good(struct str id);


#endif /* FLOW_READ_H */
