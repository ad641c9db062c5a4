/* What the files of the queue share, and nobody else sees. */

#ifndef QUEUE_OWN_H
#define QUEUE_OWN_H

#include "queue.h"
#include "script.h"


enum queue_key {
    KEY_QUEUE,
    KEY_URGENT,
    KEY_INFLIGHT,
    KEY_DEAD,
    KEY_LEASE,
    KEY_COUNT,
    KEY_MAX
};

enum queue_mode {
    QUEUE_ON,
    QUEUE_STOPPING, /* met a newer version: works what is before it */
    QUEUE_STOPPED,
    QUEUE_DRAINING,
    QUEUE_GONE
};

/* BLMOVE KEY KEY LEFT LEFT: answers when there is a head and moves nothing */
struct wait {
    struct queue   *queue;
    struct redis   *redis;
    enum queue_key  key;
    bool            pending;
};

struct queue {
    uv_loop_t                  *loop;
    const struct redis_target  *target;
    const struct queue_ops     *ops;
    void                       *data;
    char                       *keys[KEY_MAX];
    unsigned long               dead_max;

    struct redis               *redis;
    struct wait                 waits[2];
    enum queue_mode             mode;

    char                        owner[160];
    unsigned                    tenure;     /* how often owner was made anew */
    bool                        held;
    bool                        standby;    /* it was said who holds it */
    uint64_t                    until;      /* our clock, ms */
    uint64_t                    asked;      /* when the lease was asked for */

    bool                        leasing;    /* a call is on its way */
    bool                        taking;
    bool                        giving;
    bool                        synced;     /* {Q}:inflight has been read */
    bool                        more;       /* there may be items to take */
    bool                        nofit;      /* the next one has no room */
    bool                        full;       /* too many dead */

    struct item                *first;
    struct item                *last;
    size_t                      n;
    size_t                      bytes;
    struct item                *ready;
    struct item               **ready_end;
    struct lines               *lines;

    struct item                *recall;     /* in flight, not yet read */

    uv_timer_t                  tick;       /* the lease */
    uv_timer_t                  poll;       /* where waiting does not work */
    uv_idle_t                flush;      /* acks of one turn in one call */
    int                         handles;
};


/* queue.c */
bool queue_holds(const struct queue *q);
void queue_lost(struct queue *q);
void queue_step(struct queue *q);       /* whatever can be done next */
void queue_stop(struct queue *q);
void queue_poll(struct queue *q, unsigned ms);
struct item *item_new(struct queue *q, struct str field);
void item_make_ready(struct queue *q, struct item *item);
void item_free(struct item *item);      /* out of the list, too */
void item_settled(struct item *item);   /* Redis knows: makes room */

/* true, and all is dealt with, if a script's reply means that it did not run */
bool queue_failed(struct queue *q, const struct reply *reply);

/* queue_take.c */
void queue_sync(struct queue *q);
void queue_take(struct queue *q);
void queue_wait_free(struct queue *q);

/* queue_done.c */
void queue_flush(struct queue *q);
bool queue_goes_back(const struct item *item);
void queue_back(struct queue *q);       /* one call; giving until its reply */


#endif /* QUEUE_OWN_H */
