/* Meta's error codes as data: what each means, and what is to be done. */

#ifndef GRAPH_ERROR_H
#define GRAPH_ERROR_H

#include "conf.h"


/* contract 7: class of a result; "ours" is no error of Meta's */
enum graph_class {
    CLASS_RETRY,        /* it passes: again, with backoff */
    CLASS_WAIT,         /* a limit: the lane stops, then again */
    CLASS_TOKEN,        /* token or permission: somebody must renew it */
    CLASS_NEVER,        /* this call fails the same however often */
    CLASS_OPERATOR      /* the lane stops until somebody has looked */
};

/* which lane of the call stops: lane_named() of lane.h finds it.  NULL: none,
   only this item waits or dies */
#define ERROR_LANE_APP       "app"
#define ERROR_LANE_TOKEN     "token"
#define ERROR_LANE_ACCOUNT   "account"  /* phone number, Page, ad account... */
#define ERROR_LANE_PAIR      "pair"     /* this account to this person */
#define ERROR_LANE_TEMPLATE  "template"

enum {
    ERROR_DONE = 1,         /* Meta did it all the same: count it as sent */
    ERROR_OPT_OUT = 2,      /* the person wants no more of these */
    ERROR_ONCE_MORE = 4     /* after a change that the todo names */
};

#define ERROR_ANY  (-1)     /* a subcode that says nothing */

struct graph_error_row {
    int               product;      /* 0: any, else enum product */
    long              code;
    long              code_to;      /* code to code_to, both in it */
    long              subcode;      /* ERROR_ANY: any or none */
    enum graph_class  cls;
    const char       *lane;
    unsigned          wait_ms;      /* before the first retry; 0: engine's */
    unsigned          factor;       /* wait_ms grows by it; 0, 1: no */
    unsigned          tries;        /* retries at most; 0: by age */
    unsigned          flags;
    const char       *text;         /* one sentence: what happened */
    const char       *todo;         /* one sentence: what to do */
};


/* graph_error_find: the most exact row.  First those with this subcode, then
   those without one; of these the product's own, then any product's; of these
   the smallest range.  Never NULL: the last row is the unknown code's.
   subcode: ERROR_ANY where the answer has none */
const struct graph_error_row *graph_error_find(enum product product, long code,
    long subcode);

/* graph_error_wait: ms before retry number tries (0: the first), at most a
   week; told: what headers say, 0: nothing.  No jitter in it */
uint64_t graph_error_wait(const struct graph_error_row *row, unsigned tries,
    uint64_t told);

/* graph_class_name: retry, wait, token, never, operator */
const char *graph_class_name(enum graph_class cls);

/* graph_error_rows: the whole table, for docs/errors.md, metactl and tests */
const struct graph_error_row *graph_error_rows(size_t *n);


#endif /* GRAPH_ERROR_H */
