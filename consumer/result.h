/* The result of a job, as it is pushed to reply_to (docs/outbox.md). */

#ifndef RESULT_H
#define RESULT_H

#include "action.h"


#define RESULT_MAX  (256 * 1024)    /* answers that do not fit are null */


enum result_state {
    RESULT_ACCEPTED,
    RESULT_SENT,
    RESULT_DELIVERED,
    RESULT_READ,
    RESULT_AMBIGUOUS,
    RESULT_DEAD,
    RESULT_EXPIRED,
    RESULT_DUPLICATE
};

/* what is NULL or not had is null in the result */
struct result_error {
    bool                 has_code;
    bool                 has_subcode;
    long long            code;
    long long            subcode;
    const char          *class;     /* retry, wait, token, never, operator,
                                       ours */
    const char          *meta;      /* Meta's message */
    const char          *text;
    const char          *todo;
    const struct fault  *fault;     /* parameter, limit, value; for class ours
                                       also text where text is NULL */
    const char          *trace;
};

/* one action that was begun, or is at fault */
struct result_step {
    const char                 *action;     /* its name; NULL: not known */
    bool                        ok;
    struct str                  message;    /* Meta's id; empty: null */
    struct str                  answer;     /* JSON; empty: null */
    const struct result_error  *error;      /* where ok is false */
};

struct result {
    struct str                 id;          /* the job's; empty: null */
    enum result_state          state;       /* "ok" follows from it */
    const struct result_step  *steps;
    size_t                     nsteps;
    unsigned                   attempts;
    long long                  time;        /* ms */
};


void result_write(struct buf *b, const struct result *r);

/* result_fault: of a job that was never begun, for what *f says */
void result_fault(struct buf *b, struct str id, const struct fault *f,
    long long time);

/* result_again: what a second job of the same idempotency_key gets, ok and
   results of the first one's result under its own id; false: first is none */
bool result_again(struct buf *b, struct str first, struct str id,
    long long time);

const char *result_state_name(enum result_state state);


#endif /* RESULT_H */
