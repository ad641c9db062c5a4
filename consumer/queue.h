/* A queue in Redis: one holder by lease, items taken in order, kept in
   {Q}:inflight until their work is done, in {Q}:held or {Q}:retry while they
   wait.  It knows the keys (contract 5) and nothing of what an item says. */

#ifndef QUEUE_H
#define QUEUE_H

#include "line.h"
#include "redis.h"
#include "seen.h"

#include <stdint.h>


/* the window: what one holder works at the same time, per queue */
#define QUEUE_WINDOW        256
#define QUEUE_WINDOW_BYTES  (16 * 1024 * 1024)

/* bytes of a lane's name; pushes of one mark or end */
#define QUEUE_LANE_MAX      200
#define QUEUE_PUSHES        32

struct queue;
struct queue_call;

enum item_phase {
    ITEM_WAITING,   /* in the window; it is not at work */
    ITEM_PART,      /* its parts are to take its place */
    ITEM_PARTING,   /* Redis is being told */
    ITEM_ENTERING,  /* Redis is asked whether an older one of its lines waits */
    ITEM_START,     /* Redis is to be asked whether it was seen or requeued */
    ITEM_STARTING,  /* it is being asked */
    ITEM_RUNNING,   /* the worker's, from ops->run on */
    ITEM_MARK,      /* the worker's, who waits for queue_mark */
    ITEM_MARKING,   /* the same; Redis is being told */
    ITEM_PARK,      /* is to wait in Redis, which has not been told */
    ITEM_PARKING,   /* Redis is being told */
    ITEM_SUSPECT,   /* not opened before it is alone */
    ITEM_DONE,      /* worked; Redis has not been told */
    ITEM_ACKING,    /* Redis is being told */
    ITEM_LEAVING    /* on its way back to where it was taken from */
};

enum outcome {
    OUTCOME_WORKED,
    OUTCOME_UNMATCHED,
    OUTCOME_PASSED,     /* unmatched, and moved to item->list */
    OUTCOME_DEAD,       /* item->letter says why */
    OUTCOME_EXPIRED,
    OUTCOME_DUPLICATE
};

/* one RPUSH in the same script as a mark or an end */
struct queue_push {
    const char     *list;
    struct str      value;
    unsigned long   max;        /* LTRIM to so many, 0: none */
    unsigned long   ttl_ms;     /* PEXPIRE, 0: none */
};

struct item {
    struct queue       *queue;  /* NULL: the lease is lost, it is not ours */
    struct item        *next;   /* all of the queue */
    struct item        *prev;
    struct item        *ready;  /* next of those that may run */

    enum item_phase     phase;
    enum outcome        outcome;
    uint64_t            seq;
    struct str          field;  /* owned, of {Q}:inflight; may be odd where
                                   others wrote there */
    struct str          record; /* owned */
    struct str          state;  /* owned; what {Q}:state held when it came, or
                                   was marked last; len 0: nothing */
    unsigned            crashes;
    unsigned            poison; /* of them, while it was alone */
    char               *owners; /* who crashed, the last one first; or NULL */
    bool                fresh;  /* has never begun */

    size_t              blocked;    /* lines in which others are before it */
    struct place       *places;     /* NULL: ops->open has not taken it */
    size_t              nplaces;

    char               *letter; /* dead: up to its last member, "item": */
    char               *letter_item;    /* that member, NULL: the record */
    char               *list;   /* passed: where to */

    void               *work;   /* the worker's own */

    /* the queue's own */
    struct queue_call  *call;   /* what is to be said to Redis */
    struct str          head;   /* owned, of its envelope; while it enters */
    unsigned char     (*ids)[SEEN_LEN];
    bool               *known;  /* which of the ids were seen, or are not to
                                   be remembered */
    size_t              nids;
    bool                opened; /* ops->open has seen it */
    bool                newest; /* nothing was taken behind it */
    bool                back;   /* it has waited in Redis */
    bool                loose;  /* it stands in no line any more */
    bool                enters; /* its lines may have older ones in Redis */
    bool                requeued;   /* its state may have been put back */
    bool                checked;    /* it was looked up */
    bool                stated; /* {Q}:state has something of it */
    bool                crashed;    /* and how often it crashed */
    bool                alone;  /* {Q}:lease says so */
    bool                group;  /* parked, or about to be */
    bool                rewritten;  /* Redis has not been told */
};

enum open_rc {
    OPEN_OK,
    OPEN_NEWER      /* of a version that this program does not know */
};

/* the worker; each gets the data of queue_new.  Those marked * may be NULL */
struct queue_ops {
    /* looks at a new item and calls queue_lines, and queue_ids where it is to
       be deduped; not more: the item may have to wait for long.  Or, where
       queue_may_part, queue_part, which frees it in its time */
    enum open_rc  (*open)(void *data, struct item *item);
    /* begins the work (item->work NULL, or what open left there), goes on by
       item->state where there is one, or goes on with it after queue_may_send
       said no.  Then the item is the worker's until exactly one of queue_done,
       queue_retry, queue_later, queue_hold, or a queue_mark that failed; he
       frees his work before these */
    void          (*run)(void *data, struct item *item);
    /* the item is about to be freed, without an end of its own */
    void          (*forget)(void *data, struct item *item);
    /* * it was seen before: one line of log, queue_end_push where somebody is
       to hear of it; the queue ends it then */
    void          (*duplicate)(void *data, struct item *item);
    /* * consumers died of it, as why says: it is to be buried with what is
       known of it, by queue_done; nothing of it is begun.  It is alone, and if
       this consumer dies of it, too, the next one buries it unseen.  Without
       this the first one does */
    void          (*poison)(void *data, struct item *item, const char *why);
    /* * whether nothing is at work in this process, also what is not the
       queues' any more; without it only items of the queues count */
    bool          (*may_alone)(void *data);
    /* * after a takeover and after Redis was away: items wait on these lanes,
       some of perhaps many, called until all are told */
    void          (*lanes)(void *data, struct queue *q,
                           const struct str *lanes, size_t n);
    /* * not any: nobody waited there when Redis was asked; else some come
       back, or it is not known, for the lease or the connection went */
    void          (*woken)(void *data, struct queue *q, const char *lane,
                           bool any);
    /* nothing of the queue is in our hands any more; after queue_drain */
    void          (*gone)(void *data);
};

/* what the queues of a process share; zeroed by whoever has them, and alive
   as long as they are.  A suspect of one of them is worked alone: meanwhile
   the others begin nothing */
struct queue_house {
    struct redis   *redis;      /* all use that connection; NULL: their own */
    struct watch   *watch;      /* asks for many lists at once */
    size_t          waiting;    /* queues that wait by connections */
    struct queue   *first;
    struct queue   *alone;      /* whose suspect it is */
};

struct queue_stats {
    size_t          n;          /* in the window */
    size_t          bytes;
    size_t          running;    /* the worker's */
    bool            held;       /* the lease is ours */
    bool            paused;
    bool            full;       /* too many dead letters, or waiting */
    unsigned long   waiting;    /* places of those in held and retry; 0 also
                                   where only loose ones wait */
    long long       seen_since; /* how far back dedupe reaches, ms; 0: not
                                   cut by its ceiling */
};


/* queue_new: claim: competes for the lease at once, else after queue_claim */
struct queue *queue_new(uv_loop_t *loop, const struct redis_target *target,
    const char *name, struct queue_house *house, bool claim,
    const struct queue_ops *ops, void *data);
const char *queue_name(const struct queue *q);

/* settings; each may be called again at any time */
void queue_dead_max(struct queue *q, unsigned long n);  /* nothing is taken
                                                           at so many dead */
void queue_waiting_max(struct queue *q, unsigned long n);   /* or waiting */
void queue_dead_keep(struct queue *q, unsigned long ms);    /* 0: no end */
void queue_seen_max(struct queue *q, unsigned long n);  /* ids of dedupe */
void queue_keep(struct queue *q, unsigned long ms);     /* {Q}:kept, 0: off */

/* queue_claim competes for the lease; queue_yield gives it up in good order,
   when nothing is on the wire any more, and then competes no more */
void queue_claim(struct queue *q);
void queue_yield(struct queue *q);
bool queue_held(const struct queue *q);     /* the lease, also while yielding */

/* queue_pause: takes and begins nothing, what waits and what was retried
   included; keeps the lease and ends what has begun */
void queue_pause(struct queue *q, bool pause);
void queue_stats(const struct queue *q, struct queue_stats *stats);

/* queue_drain: takes nothing more, puts back what waits; then ops->gone */
void queue_drain(struct queue *q);

/* queue_leaving: drains, yields or stops.  Who has begun and meets a step that
   can wait ends by queue_retry(item, 0, ...): the next holder goes on */
bool queue_leaving(const struct queue *q);

/* queue_resume: competes again after a record of a newer version */
void queue_resume(struct queue *q);

/* queue_free: whatever is still in {Q}:inflight is the next holder's.  The
   lease is given back as well as can be: a planned exit is no crash */
void queue_free(struct queue *q);


/* for the worker, inside of ops->open */

/* queue_lines: the lines in which it stands, copied; once, n may be 0 */
void queue_lines(struct item *item, const struct str *keys, size_t n);

/* queue_part: the records are worked one by one in the place of the item, each
   in its own lines; copied; false: there are too many */
bool queue_may_part(const struct item *item);
bool queue_part(struct item *item, const struct str *records, size_t n);

/* queue_rewrite: the item's record is this one from now on, in Redis, too, for
   what was pushed holds a secret; copied.  Also inside of ops->poison */
void queue_rewrite(struct item *item, struct str record);

/* queue_ids: what dedupe knows it by (seen_hash with queue_seen_key), copied;
   not called or n 0: it is not deduped.  Of several the last is that of the
   whole: where it was seen all of it is a duplicate, as where all others were.
   Two that run at the same time do not
   see each other: equal ids have to stand in one line */
void queue_ids(struct item *item, const unsigned char (*hashes)[SEEN_LEN],
    size_t n);
const unsigned char *queue_seen_key(const struct queue *q);  /* SEEN_KEY_LEN */

/* queue_seen: whether the n-th of them was seen before; queue_unseen: it is
   not to be remembered */
bool queue_seen(const struct item *item, size_t n);
void queue_unseen(struct item *item, size_t n);


/* for the worker, from ops->run on.  Where item->queue is NULL the lease went:
   queue_done, _retry and _hold only free the item then */

/* queue_may_send: by our own clock the lease holds; no: with item->queue NULL
   the item is lost, else run comes again */
bool queue_may_send(struct item *item);

/* queue_sure: the lease holds by our own clock; changes nothing */
bool queue_sure(const struct item *item);

typedef void (*queue_cb)(void *data, bool ok);

/* queue_mark: {Q}:state, which is copied (len 0: left as it is), and the
   pushes, atomically.  All marks of a turn of the loop are one call, and an
   item has one at a time.  cb with ok: Redis has it; where a connection went
   it is said again.  Not ok: the lease went; drop your work and do not touch
   the item, it comes again by itself.  cb comes inside of the call only where
   item->queue is NULL */
void queue_mark(struct item *item, struct str state,
    const struct queue_push *push, size_t npush, queue_cb cb, void *data);

/* queue_retry: comes back after ms by Redis's clock, and holds back its lines
   meanwhile; loose: it does not, from then on it stands in none.  state as in
   queue_mark */
void queue_retry(struct item *item, uint64_t ms, bool loose, struct str state);

/* queue_later: begins after ms as if it were taken only then, with a new number
   and at the end of its lines; until then it stands in none */
void queue_later(struct item *item, uint64_t ms);

/* queue_hold: waits on a lane until queue_wake, and holds back its lines */
void queue_hold(struct item *item, const char *lane, struct str state);

/* queue_wake: the n oldest that wait on that lane come back, at once or when
   there is room; true: ops->woken will say whether there were any */
bool queue_wake(struct queue *q, const char *lane, size_t n);

/* before queue_done, QUEUE_PUSHES times at most: runs in the same script as the
   end; copied.  Also before the others, which forget it */
void queue_end_push(struct item *item, const struct queue_push *push);

/* before queue_done: whether its ids are remembered; without it, yes where it
   was worked */
void queue_end_seen(struct item *item, bool mark);

/* queue_end_ref, before queue_done of a dead one: {Q}:state has the letter as
   "ref:" ref, for whoever learns that it was done */
void queue_end_ref(struct item *item, struct str ref);

/* queue_done hands the item back with what became of it */
void queue_done(struct item *item, enum outcome outcome);


#endif /* QUEUE_H */
