/* How items come into the window: what was in flight already, new ones, and
   waiting until there is something. */

#include "queue_own.h"
#include "log.h"

#include <stdlib.h>

#include <openssl/rand.h>


#define WAIT_SECONDS   "5"
#define WAIT_MS        10000
#define WAIT_QUEUES    8        /* by two connections each, in a process */
#define WAIT_AGAIN_MS  250      /* -OOM to BLMOVE, or its connection is away */
#define TAKE_FULL_MS   5000

/* elements of an item in a reply, and of a reply of sync before its fields */
#define TOLD_WORDS     5
#define SYNC_WORDS     6


static void on_wait_up(void *data);


static int seq_order(const void *a, const void *b)
{
    const struct item  *x = *(struct item *const *) a;
    const struct item  *y = *(struct item *const *) b;

    return x->seq < y->seq ? -1 : x->seq > y->seq;
}


/* queue_find looks for one of the window */
struct item *queue_find(const struct queue *q, struct str field)
{
    struct item  *item;

    for (item = q->first; item != NULL; item = item->next) {
        if (str_equal(field, item->field)) {
            return item;
        }
    }

    return NULL;
}


/* item_gone: somebody has deleted it */
void item_gone(struct queue *q, struct item *item)
{
    struct buf  b;

    buf_init(&b, LOG_VALUE_MAX);
    log_clean(&b, item->field);
    log_write(LOG_WARN, "queue %s: item %.*s is gone from Redis",
              q->keys[KEY_QUEUE], (int) b.len, b.at);
    buf_free(&b);

    if (item->phase == ITEM_MARK) {
        mark_lost(item);
    } else {
        item_free(item);
    }

    if (queue_waits(q)) {
        queue_mend(q, MEND_SWEEP);
    }
}


/* an item that is gone from {Q}:inflight and was not begun, or whose next step
   was not, is not ours; one that was entering is in {Q}:held, and of one that
   has parts those are there */
static void queue_prune(struct queue *q, const struct reply *fields)
{
    size_t        i, n = reply_count(fields);
    struct item  *item, *next;

    for (item = q->first; item != NULL; item = next) {
        next = item->next;

        for (i = SYNC_WORDS; i < n; i++) {
            if (str_equal(reply_str(reply_at(fields, i)), item->field)) {
                break;
            }
        }

        if (i < n) {
            continue;
        }

        if (item->phase == ITEM_ENTERING || item->phase == ITEM_PART) {
            item_free(item);

        } else if (item->phase == ITEM_WAITING || item->phase == ITEM_START
                   || item->phase == ITEM_SUSPECT || item->phase == ITEM_MARK)
        {
            item_gone(q, item);
        }
    }
}


/* what stands in flight and is not in our window */
static size_t queue_unknown(struct queue *q, const struct reply *reply)
{
    size_t          i, n = reply_count(reply), unknown = 0;
    struct str      field;
    struct item    *old, **found = mem_alloc((n + 1) * sizeof(*found));

    for (i = SYNC_WORDS; i < n; i++) {
        field = reply_str(reply_at(reply, i));
        if (queue_find(q, field) == NULL) {
            found[unknown++] = item_new(q, field);
        }
    }

    queue_prune(q, reply);
    qsort(found, unknown, sizeof(*found), seq_order);

    while ((old = q->recall) != NULL) {
        q->recall = old->next;
        old->queue = NULL;
        item_free(old);
    }

    for (i = unknown; i > 0; i--) {
        found[i - 1]->next = q->recall;
        q->recall = found[i - 1];
    }

    free(found);

    return unknown;
}


/* the first three elements: what waits, when the next is due, requeued */
static bool queue_preface(struct queue *q, const struct reply *reply)
{
    if (reply_count(reply) < 3) {
        return false;
    }

    q->waiting = reply_int(reply_at(reply, 0));
    queue_due_in(q, reply_int(reply_at(reply, 1)));

    return reply_int(reply_at(reply, 2)) != 0;
}


static void on_sync(void *data, const struct reply *reply)
{
    size_t         n;
    struct str     key;
    struct queue  *q = data;

    q->taking = false;
    if (queue_failed(q, SCRIPT_SYNC, reply)
        || reply_count(reply) < SYNC_WORDS)
    {
        queue_step(q);
        return;
    }

    queue_preface(q, reply);
    q->seen_since = reply_int(reply_at(reply, 4));

    key = reply_str(reply_at(reply, 5));
    if (key.len == SEEN_KEY_LEN) {
        memcpy(q->seen_key, key.at, SEEN_KEY_LEN);
    }

    n = queue_unknown(q, reply);
    if (n) {
        log_write(LOG_INFO, "queue %s: %zu items were in flight and come"
                  " first", q->keys[KEY_QUEUE], n);
    }

    if (reply_int(reply_at(reply, 3))) {
        queue_mend(q, MEND_LINES);
    }

    q->synced = true;
    q->more = true;
    q->ask_lanes = q->waiting > 0;
    queue_enter(q);
    queue_flush(q);
    queue_step(q);
}


/* queue_sync asks what stands in {Q}:inflight and what waits */
void queue_sync(struct queue *q)
{
    struct words   w;
    unsigned char  random[SEEN_KEY_LEN];

    if (q->taking) {
        return;
    }

    if (RAND_bytes(random, sizeof(random)) != 1) {
        abort();
    }

    words_begin(&w);
    words_held(&w, q);
    words_key(&w, q, KEY_SEEN_KEY);
    words_key(&w, q, KEY_SEEN_COUNT);
    words_add(&w, STR(q->owner));
    words_add(&w, (struct str) { (char *) random, sizeof(random) });

    q->taking = words_call(&w, q, SCRIPT_SYNC, on_sync, q) == 0;
}


/* an item of a reply into the window */
static void queue_intake(struct queue *q, struct item *item,
    struct str record, struct str state, struct str crashes)
{
    item_state(item, state);

    if (crashes.len) {
        item_crashes(item, crashes);
    }

    item_link(q, item, record);

    if (item_poisoned(item)) {
        item_poison(item);

    } else if (item_suspect(item)) {
        item->phase = ITEM_SUSPECT;
        q->suspects++;
        stat_row_add(q->stats, STAT_QUEUE_SUSPECTS, 1);

    } else {
        item_open(item);
    }
}


static struct str reply_text(const struct reply *reply)
{
    return reply_type(reply) == REPLY_NIL ? NONE : reply_str(reply);
}


/* queue_told takes in who came back: the preface, and items from the n-th
   element on */
void queue_told(struct queue *q, const struct reply *reply, size_t n)
{
    bool                 requeued = queue_preface(q, reply);
    struct item         *item;
    const struct reply  *record;

    for ( /* void */ ; n + TOLD_WORDS <= reply_count(reply); n += TOLD_WORDS) {
        record = reply_at(reply, n + 1);
        item = q->parks != NULL
               ? park_revive(q, reply_str(reply_at(reply, n))) : NULL;

        if (item != NULL) {
            item->back = true;
            item_state(item, reply_text(reply_at(reply, n + 2)));
            if (item->blocked == 0) {
                item_make_ready(q, item);
            }
            continue;
        }

        item = item_new(q, reply_str(reply_at(reply, n)));
        item->back = true;
        item->requeued = requeued;
        item->loose = reply_int(reply_at(reply, n + 4)) == 1;
        item->enters = reply_int(reply_at(reply, n + 4)) == 2
                       && queue_waits(q);
        queue_intake(q, item, reply_str(record),
                     reply_text(reply_at(reply, n + 2)),
                     reply_text(reply_at(reply, n + 3)));
    }
}


static void on_recall(void *data, const struct reply *reply)
{
    bool           requeued;
    size_t         n;
    struct item   *item;
    struct queue  *q = data;

    q->taking = false;
    if (queue_failed(q, SCRIPT_RECALL, reply)) {
        queue_step(q);
        return;
    }

    requeued = queue_preface(q, reply);

    for (n = 3; n + TOLD_WORDS <= reply_count(reply); n += TOLD_WORDS) {
        item = q->recall;
        if (item == NULL
            || !str_equal(reply_str(reply_at(reply, n)), item->field))
        {
            break;
        }

        q->recall = item->next;
        if (reply_type(reply_at(reply, n + 1)) == REPLY_NIL) {
            item->queue = NULL;
            item_free(item);
            continue;
        }

        item->back = true;
        item->requeued = requeued;
        item->enters = queue_waits(q);
        queue_intake(q, item, reply_str(reply_at(reply, n + 1)),
                     reply_text(reply_at(reply, n + 2)),
                     reply_text(reply_at(reply, n + 3)));

        /* who is behind a suspect in a line stays behind it: they are opened
           in their order */
        if (item->phase == ITEM_SUSPECT) {
            break;
        }
    }

    queue_enter(q);
    queue_step(q);
}


static void queue_recall(struct queue *q)
{
    size_t        room = 0;
    struct item  *item;
    struct words  w;

    words_begin(&w);
    words_held(&w, q);
    words_add(&w, STR(q->owner));
    words_number(&w, q->bytes < QUEUE_WINDOW_BYTES
                 ? QUEUE_WINDOW_BYTES - q->bytes : 0);

    if (q->n + q->promised < QUEUE_WINDOW && q->suspects == 0) {
        room = QUEUE_WINDOW - q->n - q->promised;
    }

    for (item = q->recall; item != NULL && room > 0; item = item->next) {
        words_add(&w, item->field);
        room--;
    }

    q->taking = words_call(&w, q, SCRIPT_RECALL, on_recall, q) == 0;
}


/* n are dead, or wait aside */
static void queue_full(struct queue *q, bool dead, long long n)
{
    if (!q->full && dead) {
        log_write(LOG_ERROR, "queue %s: %lld dead letters; nothing is taken"
                  " until some are requeued or dropped", q->keys[KEY_QUEUE],
                  n);

    } else if (!q->full) {
        log_write(LOG_WARN, "queue %s: %lld events wait for lanes, retries or"
                  " one another; nothing is taken until fewer do",
                  q->keys[KEY_QUEUE], n);
    }

    q->full = true;
    q->more = false;
    queue_poll(q, TAKE_FULL_MS);
}


static void queue_status(struct queue *q, struct str how)
{
    const char  *n;

    if (str_is(how, "LINES")) {
        queue_mend(q, MEND_LINES);
        return;
    }

    n = memchr(how.at, ' ', how.len);
    if (n != NULL) {
        queue_full(q, *how.at == 'F', strtoll(n, NULL, 10));
        return;
    }

    q->nofit = true;

    if (q->n == 0) {
        log_write(LOG_ERROR, "queue %s: the item at its head is larger than"
                  " 16 MB; nothing more is taken, remove it by hand",
                  q->keys[KEY_QUEUE]);
        queue_stop(q);
    }
}


static void on_take(void *data, const struct reply *reply)
{
    size_t         i;
    struct item   *item;
    struct queue  *q = data;

    q->taking = false;
    if (queue_failed(q, SCRIPT_TAKE, reply)) {
        queue_step(q);
        return;
    }

    if (reply_count(reply) < 2) {
        if (reply_type(reply) == REPLY_STATUS) {
            queue_status(q, reply_str(reply));
        }
        queue_step(q);
        return;
    }

    q->full = false;
    q->more = reply_count(reply) > 2;
    q->waiting = reply_int(reply_at(reply, 0));
    stat_row_add(q->stats, STAT_QUEUE_TAKEN, (reply_count(reply) - 2) / 2);

    for (i = 2; i + 1 < reply_count(reply); i += 2) {
        item = item_new(q, reply_str(reply_at(reply, i)));
        item->enters = q->waiting > 0;
        item->requeued = reply_int(reply_at(reply, 1)) != 0;
        item->newest = i + 3 >= reply_count(reply);
        queue_intake(q, item, reply_str(reply_at(reply, i + 1)), NONE, NONE);
    }

    queue_enter(q);
    queue_step(q);
}


static void on_wait(void *data, const struct reply *reply)
{
    char           why[REPLY_WHY_MAX];
    struct wait   *w = data;
    struct queue  *q = w->queue;

    w->pending = false;

    if (q->mode != QUEUE_ON) {
        return;
    }

    if (reply == NULL || reply_type(reply) == REPLY_ERROR) {
        if (reply != NULL) {
            log_write(LOG_DEBUG, "queue %s: waiting: %s",
                      q->keys[KEY_QUEUE], reply_why(why, reply));
        }
        queue_poll(q, WAIT_AGAIN_MS);
        return;
    }

    q->more |= reply_type(reply) != REPLY_NIL;
    queue_step(q);
}


static void wait_send(struct wait *w)
{
    char        *key = w->queue->keys[w->key];
    struct str   argv[] = { STR("BLMOVE"), STR(key), STR(key), STR("LEFT"),
                            STR("LEFT"), STR(WAIT_SECONDS) };

    if (!w->pending && redis_up(w->redis)) {
        w->pending = redis_send(w->redis, argv, 6, WAIT_MS, on_wait, w) == 0;
    }
}


static void on_wait_up(void *data)
{
    struct wait  *w = data;

    if (w->queue->held && !w->queue->more) {
        wait_send(w);
    }
}


/* queue_watched: there may be something */
void queue_watched(void *data)
{
    struct queue  *q = data;

    q->more = true;
    queue_step(q);
}


/* the first few queues wait by connections of their own, which tell at once */
static bool queue_may_wait(struct queue *q)
{
    if (q->waits[0].redis != NULL || q->house->watch == NULL) {
        return true;
    }

    if (q->house->waiting == WAIT_QUEUES) {
        return false;
    }

    q->house->waiting++;

    return true;
}


static void queue_wait(struct queue *q)
{
    size_t        i;
    struct wait  *w;

    if (!queue_may_wait(q)) {
        watch_ask(q->house->watch, &q->watched);
        return;
    }

    for (i = 0; i < 2; i++) {
        w = &q->waits[i];

        if (w->redis == NULL) {
            w->redis = redis_new(q->loop, q->target, q->keys[w->key],
                                 on_wait_up, NULL, w);
            redis_quiet(w->redis);
        }

        wait_send(w);
    }
}


/* queue_wait_free closes the connections that wait */
void queue_wait_free(struct queue *q)
{
    size_t         i;
    struct redis  *r;

    watch_drop(&q->watched);
    q->house->waiting -= q->waits[0].redis != NULL && q->house->watch != NULL;

    for (i = 0; i < 2; i++) {
        r = q->waits[i].redis;
        q->waits[i].redis = NULL;
        redis_free(r);
    }
}


/* queue_room_back: those who come back get half of the window where others
   wait in the list, and none while some in flight are not read, which may be
   older; leaving are those of the window that end now */
size_t queue_room_back(const struct queue *q, size_t leaving)
{
    size_t              back = q->promised, used = q->n + q->promised;
    const struct item  *item;

    used -= leaving < used ? leaving : used;

    if (q->paused || q->mode != QUEUE_ON || used >= QUEUE_WINDOW
        || q->bytes >= QUEUE_WINDOW_BYTES || q->suspects || q->recall != NULL)
    {
        return 0;
    }

    if (!q->more || q->full) {
        return QUEUE_WINDOW - used;
    }

    for (item = q->first; item != NULL; item = item->next) {
        back += item->back && item->phase != ITEM_ACKING;
    }

    if (back >= QUEUE_WINDOW / 2) {
        return 0;
    }

    return QUEUE_WINDOW / 2 - back < QUEUE_WINDOW - used
           ? QUEUE_WINDOW / 2 - back : QUEUE_WINDOW - used;
}


static void take_send(struct queue *q)
{
    size_t                       i;
    struct words                 w;
    static const enum queue_key  keys[] = {
        KEY_LEASE, KEY_QUEUE, KEY_URGENT, KEY_INFLIGHT, KEY_COUNT, KEY_DEAD,
        KEY_LINES, KEY_HELD, KEY_STATE, KEY_RETRY
    };

    words_begin(&w);
    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        words_key(&w, q, keys[i]);
    }

    words_add(&w, STR(q->owner));
    words_number(&w, QUEUE_WINDOW - q->n - q->promised);
    words_number(&w, QUEUE_WINDOW_BYTES - q->bytes);
    words_number(&w, q->dead_max);
    words_number(&w, q->waiting_max);

    q->taking = words_call(&w, q, SCRIPT_TAKE, on_take, q) == 0;
}


/* queue_take fills the window: what was in flight first, then who comes back,
   then new ones; or waits for something to take.  One call at a time brings
   items, so that they come in order */
void queue_take(struct queue *q)
{
    bool  room = q->n + q->promised < QUEUE_WINDOW
                 && q->bytes < QUEUE_WINDOW_BYTES;

    if (q->taking || q->parted != NULL || !redis_up(q->redis)) {
        return;
    }

    /* who is read before it is known who waits would not go behind them */
    if (q->recall != NULL && q->mend == MEND_LINES) {
        queue_come(q);
        return;
    }

    if (q->recall != NULL && q->suspects == 0) {
        if (room) {
            queue_recall(q);
        } else {
            park_blocked(q);    /* what is behind all of them is not to wait */
        }
        return;
    }

    if (q->suspects || q->recall != NULL || queue_come(q) || q->paused) {
        return;
    }

    if (!q->more) {
        if (!q->full) {
            queue_wait(q);
        }
        return;
    }

    if (q->n >= QUEUE_WINDOW || q->bytes >= QUEUE_WINDOW_BYTES || q->nofit) {
        park_blocked(q);

    } else if (room) {
        take_send(q);
    }
}
