/* The life of a queue: its lease, its window, its end.  Taking stands in
   queue_take.c, and what becomes of items in queue_done.c. */

#include "queue_own.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <openssl/rand.h>


/* after a kill -9 the lease runs out and one tick of a standby finds that:
   8 s at most.  Who holds it sends nothing in the last 500 ms */
#define QUEUE_LEASE_MS  6000
#define QUEUE_TICK_MS   2000
#define QUEUE_GUARD_MS  500

#define QUEUE_SEEN_MAX  20000000
#define QUEUE_WAITING_MAX  1000000


static void on_tick(uv_timer_t *timer);
static void on_flush(uv_idle_t *flush);
static void on_clock(uv_timer_t *timer);


static uint64_t queue_clock(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_BOOTTIME, &now);    /* goes on while we sleep */

    return (uint64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}


/* queue_rename makes a new name for each tenure: what an old one left running
   is fenced off */
void queue_rename(struct queue *q)
{
    char           host[64] = "?";
    unsigned char  salt[4];

    gethostname(host, sizeof(host) - 1);
    RAND_bytes(salt, sizeof(salt));
    snprintf(q->owner, sizeof(q->owner), "%s:%d:%02x%02x%02x%02x:%u", host,
             (int) getpid(), salt[0], salt[1], salt[2], salt[3], q->tenure++);
}


/* queue_holds says whether the lease is ours by our own clock */
bool queue_holds(const struct queue *q)
{
    return q->held && queue_clock() + QUEUE_GUARD_MS < q->until;
}


/* a call about it is on its way, whose reply frees it; or the worker has it */
static bool item_away(const struct item *item)
{
    switch (item->phase) {

    case ITEM_ENTERING:
        return item->queue->entering;

    case ITEM_PARTING:
    case ITEM_STARTING:
    case ITEM_RUNNING:
    case ITEM_MARKING:
    case ITEM_PARKING:
    case ITEM_ACKING:
        return true;

    default:
        return false;
    }
}


/* forgets every item; those at work find out when it is finished */
static void queue_forget(struct queue *q)
{
    struct item  *item;

    while ((item = q->recall) != NULL) {
        q->recall = item->next;
        item->queue = NULL;
        item_free(item);
    }

    while (q->ready != NULL) {
        item_free(q->ready);    /* nothing of these is under way */
    }

    while ((item = q->last) != NULL) {
        if (item->phase == ITEM_MARK) {
            mark_lost(item);
        } else if (item_away(item)) {
            if (item->phase != ITEM_RUNNING && item->phase != ITEM_MARKING) {
                q->ops->forget(q->data, item);  /* its reply only frees it */
            }
            item_detach(item);
        } else {
            item_free(item);
        }
    }

    q->waiting = 0;
    queue_come_free(q);
}


static void on_amends(void *data, const struct reply *reply)
{
    (void) data;        /* a refusal leaves one crash too much */
    (void) reply;
}


/* what of us was taken for dead was alive */
static void queue_amend(struct queue *q)
{
    struct words  w;

    words_begin(&w);
    words_key(&w, q, KEY_STATE);
    words_add(&w, STR(q->owner));

    if (words_call(&w, q, SCRIPT_AMENDS, on_amends, q) != 0) {
        log_write(LOG_DEBUG, "queue %s: no amends", q->keys[KEY_QUEUE]);
    }
}


/* queue_lost: another one has the lease, or Redis has forgotten it */
void queue_lost(struct queue *q)
{
    if (q->held) {
        log_write(LOG_WARN, "queue %s: the lease is lost; %zu items go to"
                  " whoever has it now", q->keys[KEY_QUEUE], q->n);
    }

    q->held = false;
    q->synced = false;
    queue_forget(q);
    queue_amend(q);
    queue_rename(q);
    queue_step(q);
}


/* queue_failed deals with the replies that mean: the script did not run */
bool queue_failed(struct queue *q, enum script script,
    const struct reply *reply)
{
    char  code[REPLY_WHY_MAX], why[160];

    if (reply == NULL) {
        return true;        /* on_down and on_up do the rest */
    }

    if (reply_type(reply) != REPLY_ERROR) {
        return false;
    }

    if (reply_error(reply, "LEASE")) {
        queue_lost(q);
        return true;
    }

    /* LOADING, READONLY, NOPERM, MISCONF...: nothing moved; come again */
    snprintf(why, sizeof(why), "refused the script %s: %s",
             script_name(script), reply_why(code, reply));
    redis_refuses(q->redis, script, why);

    return true;
}


/* queue_unpushed: results that nobody will get */
void queue_unpushed(const struct queue *q, long long n)
{
    log_write(LOG_ERROR, "queue %s: %lld pushes were left out: what has the"
              " list's name is no list", q->keys[KEY_QUEUE], n);
}


static bool item_may_begin(const struct queue *q, const struct item *item)
{
    return item->phase == ITEM_WAITING && !q->paused && !queue_goes_back(item)
           && (q->house->alone == NULL
               || (q->alone == item && item->alone));
}


static void queue_run_ready(struct queue *q)
{
    bool          alone = alone_step(q);
    struct item  *item, *parked = NULL, **end = &parked;

    while (queue_holds(q) && (item = q->ready) != NULL) {
        item_unready(q, item);

        if (item->phase == ITEM_RUNNING) {
            q->ops->run(q->data, item);     /* it goes on */

        } else if (!item_may_begin(q, item)
                   || (item_suspect(item) && !item->alone)
                   || (alone && !item->alone))
        {
            *end = item;
            end = &item->ready;

        } else if (start_needed(item)) {
            item->phase = ITEM_START;
            queue_want_flush(q);

        } else {
            item->phase = ITEM_RUNNING;
            q->ops->run(q->data, item);
        }
    }

    *end = NULL;
    while ((item = parked) != NULL) {
        parked = item->ready;
        item_make_ready(q, item);
    }
}


static void on_released(void *data, const struct reply *reply)
{
    struct queue  *q = data;

    (void) reply;       /* without it the lease runs out by itself */
    q->giving = false;
    q->held = false;
    queue_step(q);
}


static bool queue_release(struct queue *q, struct str owner, bool last,
    redis_cb cb)
{
    struct words  w;

    words_begin(&w);
    words_key(&w, q, KEY_LEASE);
    words_add(&w, owner);

    return (last ? script_last : script_call)(q->redis, SCRIPT_RELEASE, w.at,
                                              w.nkeys, w.n, cb, q) == 0;
}


/* queue_gone: nothing of it is in our hands any more */
void queue_gone(struct queue *q)
{
    queue_forget(q);
    q->held = false;
    q->synced = false;
    queue_wait_free(q);
    uv_timer_stop(&q->poll);

    if (q->mode == QUEUE_STOPPING) {
        q->mode = QUEUE_STOPPED;
        if (q->resume) {
            queue_resume(q);
        }
        return;
    }

    if (q->mode == QUEUE_YIELDING) {
        q->mode = QUEUE_ON;
        log_write(LOG_INFO, "queue %s: given up", q->keys[KEY_QUEUE]);
        return;
    }

    q->mode = QUEUE_GONE;
    uv_timer_stop(&q->tick);
    q->ops->gone(q->data);
}


/* gives up step by step: what waits goes back, then what runs ends, then the
   lease; where Redis is away only for what has to be told to it */
static void queue_give_up(struct queue *q)
{
    size_t              waiting = 0, busy = 0;
    const struct item  *item;

    if (q->taking || q->giving || q->leasing || parts_under_way(q)) {
        return;
    }

    for (item = q->first; item != NULL; item = item->next) {
        if (!queue_stays(item)) {
            *(queue_goes_back(item) ? &waiting : &busy) += 1;
        }
    }

    if (!q->held || !redis_up(q->redis)) {
        if (busy == 0) {
            queue_gone(q);
        }
        return;
    }

    if (waiting) {
        queue_leave(q);

    } else if (busy == 0) {
        q->giving = queue_release(q, STR(q->owner), false, on_released);
    }
}


/* queue_step does whatever can be done next; called after every change */
void queue_step(struct queue *q)
{
    if (q->mode == QUEUE_STOPPED || q->mode == QUEUE_GONE) {
        return;
    }

    queue_run_ready(q);
    alone_told(q);

    if (q->mode != QUEUE_ON) {
        queue_give_up(q);

    } else if (q->synced && queue_holds(q)) {
        queue_take(q);
    }
}


static void queue_stand_by(struct queue *q, struct str who)
{
    struct buf  b;

    if (!q->standby) {
        buf_init(&b, LOG_VALUE_MAX);
        log_clean(&b, who);
        log_write(LOG_INFO, "queue %s: stands by, %.*s holds it",
                  q->keys[KEY_QUEUE], (int) b.len, b.at);
        buf_free(&b);
        q->standby = true;
    }

    queue_step(q);
}


/* an earlier tenure got it after it was over: nobody died of it */
static void on_given_back(void *data, const struct reply *reply)
{
    (void) reply;
    queue_ask(data);
}


static void on_lease(void *data, const struct reply *reply)
{
    struct str     how, who;
    struct queue  *q = data;

    q->leasing = false;

    if (queue_failed(q, SCRIPT_LEASE, reply) || reply_count(reply) != 2) {
        queue_step(q);
        return;
    }

    how = reply_str(reply_at(reply, 0));
    who = reply_str(reply_at(reply, 1));

    if (str_is(how, "busy")) {
        if (q->held) {
            queue_lost(q);
        }
        queue_stand_by(q, who);
        return;
    }

    if (!str_is(who, q->owner)) {
        queue_release(q, who, false, on_given_back);
        queue_step(q);
        return;
    }

    if (str_is(how, "taken")) {
        if (q->held) {
            queue_amend(q);     /* somebody had it meanwhile */
        }
        queue_forget(q);        /* and may have worked on it */
        stat_row_add(q->stats, STAT_QUEUE_TAKEOVERS, 1);
        log_write(LOG_INFO, "queue %s: holds the lease as %s",
                  q->keys[KEY_QUEUE], q->owner);
        q->standby = false;
        q->synced = false;
    }

    q->held = true;
    q->until = q->asked + QUEUE_LEASE_MS;

    if (q->mode != QUEUE_ON) {
        queue_flush(q);
    } else if (!q->synced) {
        queue_sync(q);
    }

    queue_step(q);
}


/* queue_ask asks for the lease, or renews it */
void queue_ask(struct queue *q)
{
    struct words  w;

    if (q->leasing || q->giving || !redis_up(q->redis)
        || (!q->held && (q->mode != QUEUE_ON || !q->claim)))
    {
        return;
    }

    words_begin(&w);
    words_key(&w, q, KEY_LEASE);
    words_key(&w, q, KEY_INFLIGHT);
    words_key(&w, q, KEY_STATE);
    words_add(&w, STR(q->owner));
    words_number(&w, QUEUE_LEASE_MS);

    q->asked = queue_clock();
    q->leasing = words_call(&w, q, SCRIPT_LEASE, on_lease, q) == 0;
}


static void on_tick(uv_timer_t *timer)
{
    struct queue  *q = timer->data;

    queue_ask(q);
    if (q->synced && redis_up(q->redis)) {
        queue_flush(q);
        queue_old(q);
    }
    queue_step(q);
}


static void on_poll(uv_timer_t *timer)
{
    struct queue  *q = timer->data;

    q->more = true;
    queue_step(q);
}


/* queue_poll looks again after so long, where waiting does not work */
void queue_poll(struct queue *q, unsigned ms)
{
    uv_timer_start(&q->poll, on_poll, ms, 0);
}


static void on_clock(uv_timer_t *timer)
{
    struct queue  *q = timer->data;

    q->due = true;
    queue_step(q);
}


/* queue_due_in: the next of {Q}:retry is due then; one call too much, where it
   was sooner known, does no harm */
void queue_due_in(struct queue *q, long long ms)
{
    if (ms == 0) {
        q->due = true;

    } else if (ms > 0 && (!uv_is_active((uv_handle_t *) &q->clock)
                          || uv_timer_get_due_in(&q->clock) > (uint64_t) ms))
    {
        uv_timer_start(&q->clock, on_clock, ms, 0);
    }
}


static void on_flush(uv_idle_t *flush)
{
    struct queue  *q = flush->data;

    uv_idle_stop(flush);
    queue_step(q);

    /* after an outage only when it is known what Redis has */
    if (q->held && redis_up(q->redis) && (q->synced || q->mode != QUEUE_ON)) {
        queue_flush(q);
        redis_flush(q->redis);
    }
}


/* queue_want_flush: at the end of this turn of the loop */
void queue_want_flush(struct queue *q)
{
    uv_idle_start(&q->flush, on_flush);
}


static void on_up(void *data)
{
    queue_ask(data);
}


/* what was under way is unknown now: {Q}:inflight will tell */
static void on_down(void *data)
{
    struct queue  *q = data;

    q->synced = false;
    queue_step(q);
}


static char *queue_key(const char *name, const char *suffix)
{
    char    *key;
    size_t   size = strlen(name) + strlen(suffix) + 3;

    key = mem_alloc(size);
    snprintf(key, size, "%s%s%s%s", *suffix ? "{" : "", name,
             *suffix ? "}" : "", suffix);

    return key;
}


/* queue_new makes a queue that competes for its lease, or will */
struct queue *queue_new(uv_loop_t *loop, const struct redis_target *target,
    const char *name, struct queue_house *house, bool claim,
    const struct queue_ops *ops, void *data)
{
    size_t                    i;
    struct queue             *q = mem_alloc(sizeof(*q));
    static const char *const  suffixes[KEY_MAX] = {
        [KEY_QUEUE] = "", [KEY_URGENT] = ":urgent",
        [KEY_INFLIGHT] = ":inflight", [KEY_DEAD] = ":dead",
        [KEY_LEASE] = ":lease", [KEY_COUNT] = ":count",
        [KEY_STATE] = ":state", [KEY_HELD] = ":held", [KEY_RETRY] = ":retry",
        [KEY_LINES] = ":lines", [KEY_KEPT] = ":kept", [KEY_SEEN] = ":seen:",
        [KEY_SEEN_COUNT] = ":seen:count", [KEY_SEEN_KEY] = ":seen:key"
    };

    q->loop = loop;
    q->target = target;
    q->house = house;
    q->neighbour = house->first;
    house->first = q;
    q->claim = claim;
    q->stats = stat_row(STATS_QUEUE, name);
    q->seen_max = QUEUE_SEEN_MAX;
    q->waiting_max = QUEUE_WAITING_MAX;
    q->cursor = q->lane = q->waking = NONE;
    q->ops = ops;
    q->data = data;
    q->lines = lines_new();
    q->ready_end = &q->ready;
    for (i = 0; i < KEY_MAX; i++) {
        q->keys[i] = queue_key(name, suffixes[i]);
    }

    queue_rename(q);
    q->waits[0] = (struct wait) { .queue = q, .key = KEY_URGENT };
    q->waits[1] = (struct wait) { .queue = q, .key = KEY_QUEUE };
    q->watched = (struct watched) {
        .keys = { q->keys[KEY_URGENT], q->keys[KEY_QUEUE] },
        .cb = queue_watched, .data = q
    };

    uv_timer_init(loop, &q->tick);
    uv_timer_init(loop, &q->poll);
    uv_timer_init(loop, &q->clock);
    uv_idle_init(loop, &q->flush);
    q->tick.data = q->poll.data = q->clock.data = q->flush.data = q;
    q->handles = 4;

    q->redis = house->redis != NULL
               ? redis_share(house->redis, name, on_up, on_down, q)
               : redis_new(loop, target, name, on_up, on_down, q);
    uv_timer_start(&q->tick, on_tick, QUEUE_TICK_MS, QUEUE_TICK_MS);

    return q;
}


/* queue_may_send: by our own clock the lease holds; else run comes again */
bool queue_may_send(struct item *item)
{
    if (item->queue == NULL) {
        return false;
    }

    if (queue_holds(item->queue)) {
        return true;
    }

    item_make_ready(item->queue, item);

    return false;
}


/* queue_sure says whether the lease holds, as far as we can know */
bool queue_sure(const struct item *item)
{
    return item->queue != NULL && queue_holds(item->queue);
}


/* queue_done hands the item back with what became of it */
void queue_done(struct item *item, enum outcome outcome)
{
    struct queue  *q = item->queue;

    if (q == NULL) {
        item_free(item);
        return;
    }

    item->outcome = outcome;
    item->phase = ITEM_DONE;
    queue_want_flush(q);
}


static void on_closed(uv_handle_t *handle)
{
    size_t         i;
    struct queue  *q = handle->data;

    if (--q->handles == 0) {
        for (i = 0; i < KEY_MAX; i++) {
            free(q->keys[i]);
        }
        lines_free(q->lines);
        free(q);
    }
}


/* queue_free releases the queue; items at work are freed by queue_done */
void queue_free(struct queue *q)
{
    struct queue  **at = &q->house->first;

    if (q->held && redis_up(q->redis)
        && queue_release(q, STR(q->owner), true, on_released))
    {
        redis_flush(q->redis);
    }

    q->mode = QUEUE_GONE;
    q->held = false;
    queue_wait_free(q);
    redis_free(q->redis);
    queue_forget(q);

    while (*at != q) {
        at = &(*at)->neighbour;
    }
    *at = q->neighbour;
    if (q->house->alone == q) {
        alone_over(q);
    }

    uv_close((uv_handle_t *) &q->clock, on_closed);
    uv_close((uv_handle_t *) &q->tick, on_closed);
    uv_close((uv_handle_t *) &q->poll, on_closed);
    uv_close((uv_handle_t *) &q->flush, on_closed);
}
