/* A queue in Redis: one holder by lease, items taken in order, kept in
   {Q}:inflight until their work is done.  It knows the keys (contract 5) and
   nothing of what an item says. */

#ifndef QUEUE_H
#define QUEUE_H

#include "line.h"
#include "redis.h"

#include <stdint.h>


/* the window: what one holder works at the same time, per queue */
#define QUEUE_WINDOW        256
#define QUEUE_WINDOW_BYTES  (16 * 1024 * 1024)

struct queue;

enum item_state {
    ITEM_WAITING,   /* taken; its work has not begun */
    ITEM_RUNNING,   /* its work is under way */
    ITEM_DONE,      /* worked; Redis has not been told */
    ITEM_ACKING,    /* Redis is being told */
    ITEM_LEAVING    /* on its way back to where it was taken from */
};

enum outcome {
    OUTCOME_WORKED,
    OUTCOME_UNMATCHED,
    OUTCOME_PASSED,     /* unmatched, and moved to a list */
    OUTCOME_DEAD
};

struct item {
    struct queue    *queue;     /* NULL: the lease is lost, it is not ours */
    struct item     *next;      /* all of the queue, in order of seq */
    struct item     *prev;
    struct item     *ready;     /* next of those that may run */

    enum item_state  state;
    enum outcome     outcome;
    uint64_t         seq;
    struct str       field;     /* owned, of {Q}:inflight; may be odd where
                                   others wrote there */
    struct str       record;    /* owned */

    size_t           blocked;   /* lines in which others are before it */
    struct place    *places;    /* NULL: ops->open has not taken it */
    size_t           nplaces;

    char            *letter;    /* dead: up to its last member, "item": */
    char            *letter_item;   /* that member, NULL: the record */
    char            *list;      /* passed: where to */

    void            *work;      /* the worker's own */
};

enum open_rc {
    OPEN_OK,
    OPEN_NEWER      /* of a version that this program does not know */
};

/* the worker; each gets the data of queue_new */
struct queue_ops {
    /* looks at a new item and calls queue_lines */
    enum open_rc  (*open)(void *data, struct item *item);
    /* begins the work, or goes on with it after queue_may_send said no */
    void          (*run)(void *data, struct item *item);
    /* the item is about to be freed */
    void          (*forget)(void *data, struct item *item);
    /* nothing of the queue is in our hands any more */
    void          (*gone)(void *data);
};


struct queue *queue_new(uv_loop_t *loop, const struct redis_target *target,
    const char *name, const struct queue_ops *ops, void *data);
const char *queue_name(const struct queue *q);

/* queue_dead_max: at so many dead letters nothing is taken */
void queue_dead_max(struct queue *q, unsigned long n);

/* queue_drain: takes nothing more, puts back what waits; then ops->gone */
void queue_drain(struct queue *q);

/* queue_resume: competes again after a record of a newer version */
void queue_resume(struct queue *q);

/* queue_free: whatever is still in {Q}:inflight is the next holder's */
void queue_free(struct queue *q);

/* for the worker */
void queue_lines(struct item *item, const struct str *keys, size_t n);
bool queue_may_send(struct item *item);     /* no: run comes again */
void queue_done(struct item *item, enum outcome outcome);


#endif /* QUEUE_H */
