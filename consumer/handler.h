/* Handlers: one signed POST for an event, and what the answer means
   (docs/consumer.md). */

#ifndef HANDLER_H
#define HANDLER_H

#include "action.h"
#include "http.h"


enum handler_what {
    HANDLER_ACTIONS,    /* checked, in order */
    HANDLER_NOTHING,    /* it has nothing to do */
    HANDLER_FAULTY,     /* dead, "handler_answer": fault says why */
    HANDLER_AGAIN,      /* later, or dead, "handler_failed" */
    HANDLER_REFUSED     /* dead, "handler_refused" */
};

/* lives until the callback returns; who keeps the actions sets them NULL */
struct handler_answer {
    enum handler_what   what;
    struct action      *actions;
    size_t              nactions;
    struct fault        fault;
    long                status;     /* 0: no answer */
    const char         *why;        /* AGAIN, REFUSED: for people */
    uint64_t            wait_ms;    /* AGAIN: what Retry-After or the breaker
                                       say, 0: nothing */
    bool                counted;    /* AGAIN: false where the breaker kept it
                                       from leaving: no attempt was made */
    double              ms;
};

struct handlers;
struct handler_call;

typedef void (*handler_cb)(void *data, struct handler_answer *answer);


/* handlers_new: breakers live as long as this, by the handler's name */
struct handlers *handlers_new(struct http *http, uv_loop_t *loop);

/* handlers_free: before http_free; calls under way end as HANDLER_AGAIN, not
   counted */
void handlers_free(struct handlers *handlers);

/* handler_call POSTs the view; it copies what it needs, holds conf, and calls
   cb once, never inside of itself.  handler is of that conf; place says what
   the answer's actions may be (from is FROM_HANDLER whatever it says).
   While the breaker is open nothing leaves: the answer is HANDLER_AGAIN, not
   counted, and says how long. */
struct handler_call *handler_call(struct handlers *handlers,
    struct conf *conf, const struct conf_handler *handler,
    struct str id, unsigned attempt, struct str view,
    const struct action_place *place, handler_cb cb, void *data);

const struct conf_handler *handler_find(const struct conf *conf,
    const char *name);

/* handler_delay: ms until the next attempt after so many that failed and were
   counted; 0: it is given up */
uint64_t handler_delay(unsigned attempts);

/* handler_judge: what status, Retry-After and body mean, pure; now in s since
   1970, for a date in Retry-After; the type is for people */
void handler_judge(const struct http_answer *http, struct str retry_after,
    struct str type, const struct conf_handler *handler,
    const struct action_place *place, const struct conf *conf, long long now,
    struct handler_answer *answer);


#endif /* HANDLER_H */
