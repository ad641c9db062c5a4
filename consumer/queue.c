/* The life of a queue: its lease, its window, its end.  Taking stands in
   queue_take.c, and what becomes of items in queue_done.c. */

#include "queue_own.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/rand.h>


/* after a kill -9 the lease runs out and one tick of a standby finds that:
   8 s at most.  Who holds it sends nothing in the last 500 ms */
#define QUEUE_LEASE_MS  6000
#define QUEUE_TICK_MS   2000
#define QUEUE_GUARD_MS  500


static void on_tick(uv_timer_t *timer);


static uint64_t queue_clock(void)
{
    return uv_hrtime() / 1000000;       /* not the loop's: we may have slept */
}


/* a new name for each tenure: what an old one left running is fenced off */
static void queue_rename(struct queue *q)
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


/* item_new makes an item of a field of {Q}:inflight; it is in no list yet */
struct item *item_new(struct queue *q, struct str field)
{
    struct item  *item = mem_alloc(sizeof(*item));

    item->queue = q;
    item->record = NONE;
    item->field.at = mem_copy(field.at, field.len);
    item->field.len = field.len;
    item->seq = strtoull(item->field.at, NULL, 10);

    return item;
}


static void item_unready(struct queue *q, struct item *item)
{
    struct item  **i = &q->ready;

    while (*i != NULL && *i != item) {
        i = &(*i)->ready;
    }

    if (*i == NULL) {
        return;
    }

    *i = item->ready;
    if (item->ready == NULL) {
        q->ready_end = i;
    }

    item->ready = NULL;
}


/* item_make_ready: it may run at the next step */
void item_make_ready(struct queue *q, struct item *item)
{
    item->ready = NULL;
    *q->ready_end = item;
    q->ready_end = &item->ready;
}


/* takes the item out of its queue; those behind it in a line come forward */
static void item_detach(struct item *item)
{
    size_t         i;
    struct item   *first;
    struct queue  *q = item->queue;

    item_unready(q, item);

    for (i = 0; i < item->nplaces; i++) {
        first = lines_leave(q->lines, &item->places[i]);
        if (first != NULL && --first->blocked == 0) {
            item_make_ready(q, first);
        }
    }

    *(item->prev != NULL ? &item->prev->next : &q->first) = item->next;
    *(item->next != NULL ? &item->next->prev : &q->last) = item->prev;
    q->n--;
    q->bytes -= item->record.len;
    item->queue = NULL;
}


/* item_free takes it out of its queue and releases it */
void item_free(struct item *item)
{
    if (item->queue != NULL) {
        item->queue->ops->forget(item->queue->data, item);
        item_detach(item);
    }

    free((char *) item->record.at == NONE.at ? NULL
         : (char *) item->record.at);
    free((char *) item->field.at);
    free(item->places);
    free(item->letter);
    free(item->letter_item);
    free(item->list);
    free(item);
}


/* item_settled frees what Redis has been told about */
void item_settled(struct item *item)
{
    if (item->queue != NULL) {
        item->queue->nofit = false;
    }

    item_free(item);
}


/* forgets every item; those at work find out when it is finished */
static void queue_forget(struct queue *q)
{
    struct item  *item;

    while (q->recall != NULL) {
        item = q->recall;
        q->recall = item->next;
        item->queue = NULL;
        item_free(item);
    }

    while (q->ready != NULL) {
        item_free(q->ready);        /* nothing of these is under way */
    }

    while (q->first != NULL) {
        item = q->first;
        if (item->state == ITEM_RUNNING || item->state == ITEM_ACKING) {
            item_detach(item);
        } else {
            item_free(item);
        }
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
    queue_rename(q);
    queue_step(q);
}


/* queue_failed deals with the replies that mean: the script did not run */
bool queue_failed(struct queue *q, const struct reply *reply)
{
    char  code[REPLY_WHY_MAX], why[128];

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
    snprintf(why, sizeof(why), "refused a script: %s",
             reply_why(code, reply));
    redis_drop(q->redis, why);

    return true;
}


static void queue_run_ready(struct queue *q)
{
    struct item  *item, *parked = NULL, **end = &parked;

    while (queue_holds(q) && (item = q->ready) != NULL) {
        item_unready(q, item);

        if (queue_goes_back(item) || item->state == ITEM_LEAVING) {
            *end = item;
            end = &item->ready;
            continue;
        }

        item->state = ITEM_RUNNING;
        q->ops->run(q->data, item);
    }

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


static bool queue_release(struct queue *q)
{
    struct str  words[] = { STR(q->keys[KEY_LEASE]), STR(q->owner) };

    return script_call(q->redis, SCRIPT_RELEASE, words, 1, 2, on_released, q)
           == 0;
}


static void queue_gone(struct queue *q)
{
    queue_forget(q);
    q->held = false;
    q->synced = false;
    queue_wait_free(q);
    uv_timer_stop(&q->poll);

    if (q->mode == QUEUE_STOPPING) {
        q->mode = QUEUE_STOPPED;
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

    if (q->taking || q->giving || q->leasing) {
        return;
    }

    for (item = q->first; item != NULL; item = item->next) {
        *(queue_goes_back(item) ? &waiting : &busy) += 1;
    }

    if (!q->held || !redis_up(q->redis)) {
        if (busy == 0) {
            queue_gone(q);
        }
        return;
    }

    if (waiting) {
        queue_back(q);

    } else if (busy == 0) {
        q->giving = queue_release(q);
    }
}


/* queue_step does whatever can be done next; called after every change */
void queue_step(struct queue *q)
{
    if (q->mode == QUEUE_STOPPED || q->mode == QUEUE_GONE) {
        return;
    }

    queue_run_ready(q);

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


static void on_lease(void *data, const struct reply *reply)
{
    struct str     how, who;
    struct queue  *q = data;

    q->leasing = false;

    if (queue_failed(q, reply) || reply_count(reply) != 2) {
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
        queue_step(q);          /* the answer to an earlier tenure */
        return;
    }

    if (str_is(how, "taken")) {
        queue_forget(q);        /* somebody may have worked it meanwhile */
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


static void queue_ask(struct queue *q)
{
    char        ms[16];
    struct str  words[3];

    if (q->leasing || q->giving || !redis_up(q->redis)
        || (q->mode != QUEUE_ON && !q->held))
    {
        return;
    }

    snprintf(ms, sizeof(ms), "%d", QUEUE_LEASE_MS);
    words[0] = STR(q->keys[KEY_LEASE]);
    words[1] = STR(q->owner);
    words[2] = STR(ms);

    q->asked = queue_clock();
    q->leasing = script_call(q->redis, SCRIPT_LEASE, words, 1, 3, on_lease, q)
                 == 0;
}


static void on_tick(uv_timer_t *timer)
{
    struct queue  *q = timer->data;

    queue_ask(q);
    if (q->synced && redis_up(q->redis)) {
        queue_flush(q);
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


static void on_flush(uv_idle_t *flush)
{
    struct queue  *q = flush->data;

    uv_idle_stop(flush);

    if (q->held && redis_up(q->redis)) {
        queue_flush(q);
    }
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


/* queue_new begins to compete for the lease of that queue */
struct queue *queue_new(uv_loop_t *loop, const struct redis_target *target,
    const char *name, const struct queue_ops *ops, void *data)
{
    size_t                    i;
    struct queue             *q = mem_alloc(sizeof(*q));
    static const char *const  suffixes[KEY_MAX] = {
        [KEY_QUEUE] = "", [KEY_URGENT] = ":urgent",
        [KEY_INFLIGHT] = ":inflight", [KEY_DEAD] = ":dead",
        [KEY_LEASE] = ":lease", [KEY_COUNT] = ":count"
    };

    q->loop = loop;
    q->target = target;
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

    uv_timer_init(loop, &q->tick);
    uv_timer_init(loop, &q->poll);
    uv_idle_init(loop, &q->flush);
    q->tick.data = q->poll.data = q->flush.data = q;
    q->handles = 3;

    q->redis = redis_new(loop, target, name, on_up, on_down, q);
    uv_timer_start(&q->tick, on_tick, QUEUE_TICK_MS, QUEUE_TICK_MS);

    return q;
}


/* queue_name returns the name of its list */
const char *queue_name(const struct queue *q)
{
    return q->keys[KEY_QUEUE];
}


/* queue_dead_max sets at how many dead letters it takes nothing more */
void queue_dead_max(struct queue *q, unsigned long n)
{
    q->dead_max = n;
}


/* queue_stop gives the queue up until queue_resume */
void queue_stop(struct queue *q)
{
    if (q->mode == QUEUE_ON) {
        q->mode = QUEUE_STOPPING;
    }
}


/* queue_drain ends the queue in good order, and calls ops->gone */
void queue_drain(struct queue *q)
{
    if (q->mode == QUEUE_DRAINING || q->mode == QUEUE_GONE) {
        return;
    }

    if (q->mode == QUEUE_STOPPED) {
        q->mode = QUEUE_DRAINING;
        queue_gone(q);
        return;
    }

    q->mode = QUEUE_DRAINING;
    queue_step(q);
}


/* queue_resume competes again after queue_stop */
void queue_resume(struct queue *q)
{
    if (q->mode == QUEUE_STOPPED) {
        q->mode = QUEUE_ON;
        q->standby = q->nofit = q->full = false;
        queue_rename(q);
        queue_ask(q);
    }
}


/* queue_lines puts the item at the end of its lines; inside of ops->open */
void queue_lines(struct item *item, const struct str *keys, size_t n)
{
    size_t  i;

    item->places = mem_alloc((n ? n : 1) * sizeof(struct place));
    item->nplaces = n;

    for (i = 0; i < n; i++) {
        item->blocked += lines_join(item->queue->lines, &item->places[i],
                                    keys[i], item);
    }
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


/* queue_done hands the item back with what became of it */
void queue_done(struct item *item, enum outcome outcome)
{
    struct queue  *q = item->queue;

    if (q == NULL) {
        item_free(item);
        return;
    }

    item->outcome = outcome;
    item->state = ITEM_DONE;
    uv_idle_start(&q->flush, on_flush);
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
    q->mode = QUEUE_GONE;
    q->held = false;
    queue_wait_free(q);
    redis_free(q->redis);
    queue_forget(q);

    uv_close((uv_handle_t *) &q->tick, on_closed);
    uv_close((uv_handle_t *) &q->poll, on_closed);
    uv_close((uv_handle_t *) &q->flush, on_closed);
}
