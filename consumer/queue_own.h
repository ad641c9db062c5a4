/* What the files of the queue share, and nobody else sees. */

#ifndef QUEUE_OWN_H
#define QUEUE_OWN_H

#include "queue.h"
#include "script.h"
#include "stats.h"
#include "watch.h"


/* the first seven are those of held.lua, in its order */
enum queue_key {
    KEY_LEASE,
    KEY_INFLIGHT,
    KEY_COUNT,
    KEY_STATE,
    KEY_HELD,
    KEY_RETRY,
    KEY_LINES,
    KEY_QUEUE,
    KEY_URGENT,
    KEY_DEAD,
    KEY_KEPT,
    KEY_SEEN,           /* "{Q}:seen:", buckets have a day behind it */
    KEY_SEEN_COUNT,
    KEY_SEEN_KEY,
    KEY_MAX
};

#define KEYS_HELD  7

enum queue_mode {
    QUEUE_ON,
    QUEUE_STOPPING, /* met a newer version: works what is before it */
    QUEUE_STOPPED,
    QUEUE_YIELDING, /* like draining, and then stands by */
    QUEUE_DRAINING,
    QUEUE_GONE
};

enum queue_mend {
    MEND_NOTHING,
    MEND_LINES,     /* {Q}:lines is to be made anew */
    MEND_SWEEP      /* somebody may wait whom nobody lets come back */
};

/* BLMOVE KEY KEY LEFT LEFT: answers when there is a head and moves nothing */
struct wait {
    struct queue   *queue;
    struct redis   *redis;
    enum queue_key  key;
    bool            pending;
};

/* a lane whose items are to come back */
struct wake {
    struct wake    *next;
    struct str      lane;       /* owned, as a key */
    size_t          n;
};

/* what is to be said to Redis of an item; all of it owned */
struct queue_call {
    struct queue_push  *push;
    size_t              npush;
    bool                says_seen;  /* seen was said, else by outcome */
    bool                seen;
    struct str          state;
    queue_cb            cb;         /* of a mark */
    void               *data;
    bool                hold;       /* of a park: on a lane, else retry */
    bool                loose;
    bool                later;      /* loose, and taken anew behind that */
    uint64_t            ms;
    struct str          lane;       /* as a key */
    struct str          ref;        /* of a dead one: what may settle it */
    struct item        *witness;    /* blocked, and parked for room */
};

struct queue {
    uv_loop_t                  *loop;
    const struct redis_target  *target;
    struct queue_house         *house;
    struct queue               *neighbour;  /* next of the house */
    const struct queue_ops     *ops;
    void                       *data;
    char                       *keys[KEY_MAX];
    unsigned long               dead_max;
    unsigned long               waiting_max;
    unsigned long               seen_max;
    unsigned long               keep;
    unsigned long               dead_keep;  /* ms, 0: no end */
    uint64_t                    old_next;   /* the loop's clock */
    bool                        aging;      /* old ones are looked for */
    struct stat_row            *stats;

    struct redis               *redis;
    struct wait                 waits[2];
    struct watched              watched;    /* where others wait already */
    enum queue_mode             mode;
    bool                        claim;      /* competes for the lease */
    bool                        paused;

    char                        owner[160];
    unsigned                    tenure;     /* how often owner was made anew */
    bool                        held;
    bool                        standby;    /* it was said who holds it */
    bool                        resume;     /* while it stops */
    uint64_t                    until;      /* our clock, ms */
    uint64_t                    asked;      /* when the lease was asked for */

    bool                        leasing;    /* a call is on its way */
    bool                        taking;     /* one that brings items */
    bool                        giving;
    bool                        starting;
    bool                        marking;
    bool                        ending;
    bool                        unsaid;     /* something waits for that */
    bool                        synced;     /* {Q}:inflight has been read */
    bool                        more;       /* there may be items to take */
    bool                        nofit;      /* the next one has no room */
    bool                        full;       /* too many dead, or waiting */

    /* what waits in Redis, as far as we know: never less than there is */
    unsigned long               waiting;    /* ZCARD {Q}:lines, as last told */
    size_t                      parking;    /* calls that may add to it */
    struct batch               *parks;
    size_t                      promised;   /* room of calls on their way */
    size_t                      coming;     /* of it, of due and wake */
    bool                        due;        /* something of {Q}:retry */
    bool                        due_nofit;
    struct wake                *wakes;
    struct str                  waking;     /* owned; the call on its way */
    enum queue_mend             mend;
    struct str                  cursor;     /* owned, of mending */
    int                         mend_key;
    bool                        ask_lanes;
    struct str                  lane;       /* owned, the last one told */

    unsigned char               seen_key[SEEN_KEY_LEN];
    long long                   seen_since;

    struct item                *first;
    struct item                *last;
    size_t                      n;
    size_t                      bytes;
    struct item                *ready;
    struct item               **ready_end;
    struct lines               *lines;

    struct item                *recall;     /* in flight, not yet read */
    struct item                *parted;     /* to be replaced by its parts */
    struct str                 *parts;      /* owned, with their bytes */
    size_t                      nparts;
    bool                        rewritten;  /* some of its items are */
    struct item                *alone;      /* said to be, or about to be */
    bool                        aloning;    /* the call is on its way */
    bool                        entering;   /* another one */
    size_t                      suspects;   /* of the window */

    uv_timer_t                  tick;       /* the lease */
    uv_timer_t                  poll;       /* where waiting does not work */
    uv_timer_t                  clock;      /* when the next is due */
    uv_idle_t                   flush;      /* all of one turn in one call */
    int                         handles;
};


/* items of one call; of parks, a list of those under way */
struct batch {
    struct batch   *next;
    struct batch  **prev;
    struct queue   *queue;
    enum script     script;
    size_t          n;
    size_t          done;       /* of a park: so many have moved; these may be
                                   NULL, they came back meanwhile */
    size_t          promised;   /* room for those who come back */
    struct item    *items[];
};


/* the words of one call as they are gathered: keys, then lists of the user's
   own, then arguments */
#define WORDS_LISTS  64

/* of what differs from item to item: more of them go in another call */
#define WORDS_BYTES  (16 * 1024 * 1024)

/* ids of dedupe in a call: Redis does nothing else meanwhile */
#define WORDS_IDS    10000

struct words {
    size_t       n;
    size_t       nkeys;
    size_t       nnumbers;
    size_t       nlists;
    const char  *lists[WORDS_LISTS];
    struct str   at[SCRIPT_WORDS_MAX];
    char         numbers[SCRIPT_WORDS_MAX][24];
};


/* queue_words.c */
void words_begin(struct words *w);
void words_key(struct words *w, const struct queue *q, enum queue_key key);
void words_held(struct words *w, const struct queue *q);   /* of held.lua */
void words_add(struct words *w, struct str word);
void words_number(struct words *w, unsigned long long n);
int words_call(const struct words *w, struct queue *q, enum script script,
    redis_cb cb, void *data);

/* words_fit: beside so many bytes the item has room, too, and is added */
bool words_fit(size_t *bytes, const struct item *item);

/* words_lists: the lists of its pushes are among the keys, and there is room
   for so many more words and the pushes behind *n; else nothing is changed.
   With all of them, words_lists_end makes them keys */
bool words_lists(struct words *w, const struct queue_call *call, size_t *n,
    size_t more);
size_t words_list(struct words *w, const char *list);   /* from 1, 0: full */
void words_lists_end(struct words *w);
void words_pushes(struct words *w, const struct queue_call *call);

/* queue.c */
void queue_unpushed(const struct queue *q, long long n);
bool queue_holds(const struct queue *q);
void queue_lost(struct queue *q);
void queue_step(struct queue *q);       /* whatever can be done next */
void queue_stop(struct queue *q);
void queue_ask(struct queue *q);
void queue_rename(struct queue *q);
void queue_gone(struct queue *q);
void queue_poll(struct queue *q, unsigned ms);
void queue_due_in(struct queue *q, long long ms);   /* -1: not at all */
void queue_want_flush(struct queue *q);

/* true, and all is dealt with, if a script's reply means that it did not run */
bool queue_failed(struct queue *q, enum script script,
    const struct reply *reply);

/* queue_item.c */
struct item *item_new(struct queue *q, struct str field);
void item_link(struct queue *q, struct item *item, struct str record);
void item_make_ready(struct queue *q, struct item *item);
void item_unready(struct queue *q, struct item *item);
void item_open(struct item *item);      /* by the worker, into its lines */
bool item_join(struct item *item);      /* behind enter: true, it is ready */
void item_detach(struct item *item);    /* out of the queue, not freed */
void item_free(struct item *item);      /* out of the list, too */
void item_settled(struct item *item);   /* Redis knows: makes room */
void item_state(struct item *item, struct str state);
struct str item_head(const struct item *item, struct str lane); /* owned */
struct str lane_key(const char *lane);  /* owned */
struct queue_call *item_call(struct item *item);
void call_free(struct item *item);
struct batch *batch_new(struct queue *q, enum script script, size_t room);

/* queue_take.c: the items of a reply from its n-th element on, and before it
   its preface */
void queue_told(struct queue *q, const struct reply *reply, size_t n);
void queue_sync(struct queue *q);
void queue_take(struct queue *q);
void queue_wait_free(struct queue *q);
void queue_watched(void *data);
size_t queue_room_back(const struct queue *q, size_t leaving);

void item_gone(struct queue *q, struct item *item);     /* from Redis */
struct item *queue_find(const struct queue *q, struct str field);

/* queue_parts.c */
void parts_flush(struct queue *q);
void parts_forget(struct queue *q);
bool parts_under_way(const struct queue *q);    /* Redis may have them */

void rewrite_flush(struct queue *q);    /* queue_rewrite.c */

void queue_old(struct queue *q);        /* queue_old.c */

/* queue_come.c: what comes back, and mending */
bool queue_come(struct queue *q);       /* true: a call is on its way */
void queue_mend(struct queue *q, enum queue_mend mend);
void queue_come_free(struct queue *q);

/* queue_park.c */
void park_flush(struct queue *q);
void park_leave(struct queue *q);       /* all that wait, before we go */
void park_blocked(struct queue *q);     /* makes room */
bool queue_waits(const struct queue *q);
struct item *park_revive(struct queue *q, struct str field);    /* or NULL */
void queue_enter(struct queue *q);      /* all that are ITEM_ENTERING */

/* queue_mark.c: requeue_name: what {Q}:state calls the state that a requeue has
   put back for a record; empty where that is */
#define REQUEUE_NAME  35        /* "r:", 32 digits, and a zero */
void requeue_name(char out[REQUEUE_NAME], struct str record);
bool start_needed(const struct item *item);
void start_flush(struct queue *q, size_t starts);
void mark_flush(struct queue *q, size_t marks);
void mark_lost(struct item *item);
void call_push(struct queue_call *call, const struct queue_push *push);

/* queue_alone.c */
bool alone_step(struct queue *q);       /* true: nothing else may begin */
void alone_over(struct queue *q);
void alone_told(struct queue *q);       /* another may wait for us to end */
void alone_not_yet(struct item *item);
bool item_suspect(const struct item *item);
void item_crashes(struct item *item, struct str crashes);
bool item_poisoned(const struct item *item);    /* to be buried unseen */
void item_poison(struct item *item);

/* queue_done.c */
void queue_flush(struct queue *q);
void queue_said(struct queue *q, bool *which);
bool queue_goes_back(const struct item *item);
bool queue_stays(const struct item *item);
void queue_leave(struct queue *q);      /* one call; giving until its reply */


#endif /* QUEUE_OWN_H */
