/* How items come in: what stands in {Q}:inflight first, then takes, then
   waiting until there is something. */

#include "queue_own.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>


#define WAIT_SECONDS   "5"
#define WAIT_MS        10000
#define WAIT_AGAIN_MS  250      /* -OOM to BLMOVE, or its connection is away */
#define TAKE_FULL_MS   5000
#define SYNC_MS        5000


static void on_wait_up(void *data);


static int seq_order(const void *a, const void *b)
{
    const struct item  *x = *(struct item *const *) a;
    const struct item  *y = *(struct item *const *) b;

    return x->seq < y->seq ? -1 : x->seq > y->seq;
}


static bool queue_knows(const struct queue *q, struct str field)
{
    const struct item  *item;

    for (item = q->first; item != NULL; item = item->next) {
        if (str_equal(field, item->field)) {
            return true;
        }
    }

    return false;
}


static void item_gone(struct queue *q, struct item *item)
{
    struct buf  b;

    buf_init(&b, LOG_VALUE_MAX);
    log_clean(&b, item->field);
    log_write(LOG_WARN, "queue %s: item %.*s is gone from Redis",
              q->keys[KEY_QUEUE], (int) b.len, b.at);
    buf_free(&b);
    item_free(item);
}


/* an item that is gone from {Q}:inflight and was not begun is not ours */
static void queue_prune(struct queue *q, const struct reply *fields)
{
    size_t        i, n = reply_count(fields);
    struct item  *item, *next;

    for (item = q->first; item != NULL; item = next) {
        next = item->next;

        for (i = 0; i < n; i++) {
            if (str_equal(reply_str(reply_at(fields, i)), item->field)) {
                break;
            }
        }

        if (i == n && item->state == ITEM_WAITING) {
            item_gone(q, item);
        }
    }
}


static void on_sync(void *data, const struct reply *reply)
{
    size_t          i, n, known = 0;
    struct str      field;
    struct item   **found;
    struct queue   *q = data;

    q->taking = false;
    if (queue_failed(q, reply)) {
        queue_step(q);
        return;
    }

    n = reply_count(reply);
    found = mem_alloc((n + 1) * sizeof(*found));

    for (i = 0; i < n; i++) {
        field = reply_str(reply_at(reply, i));
        if (!queue_knows(q, field)) {
            found[known++] = item_new(q, field);
        }
    }

    queue_prune(q, reply);
    qsort(found, known, sizeof(*found), seq_order);

    while (q->recall != NULL) {
        struct item  *old = q->recall;

        q->recall = old->next;
        old->queue = NULL;
        item_free(old);
    }

    for (i = known; i > 0; i--) {
        found[i - 1]->next = q->recall;
        q->recall = found[i - 1];
    }

    free(found);

    if (known) {
        log_write(LOG_INFO, "queue %s: %zu items were in flight and come"
                  " first", q->keys[KEY_QUEUE], known);
    }

    q->synced = true;
    q->more = true;
    queue_flush(q);
    queue_step(q);
}


/* queue_sync asks what stands in {Q}:inflight */
void queue_sync(struct queue *q)
{
    struct str  argv[] = { STR("HKEYS"), STR(q->keys[KEY_INFLIGHT]) };

    if (!q->taking) {
        q->taking = redis_send(q->redis, argv, 2, SYNC_MS, on_sync, q) == 0;
    }
}


/* a new item into the window; after queue_stop it only waits to go back */
static void queue_intake(struct queue *q, struct item *item,
    struct str record)
{
    item->record.at = mem_copy(record.at, record.len);
    item->record.len = record.len;
    item->next = NULL;
    item->prev = q->last;
    *(q->last != NULL ? &q->last->next : &q->first) = item;
    q->last = item;
    q->n++;
    q->bytes += record.len;

    if (q->mode != QUEUE_ON) {
        return;
    }

    if (q->ops->open(q->data, item) == OPEN_NEWER) {
        log_write(LOG_ERROR, "queue %s: a record of a newer version; nothing"
                  " more is taken, upgrade this program",
                  q->keys[KEY_QUEUE]);
        queue_stop(q);
        return;
    }

    if (item->blocked == 0) {
        item_make_ready(q, item);
    }
}


static void on_recall(void *data, const struct reply *reply)
{
    size_t         i;
    struct item   *item;
    struct queue  *q = data;

    q->taking = false;
    if (queue_failed(q, reply)) {
        queue_step(q);
        return;
    }

    for (i = 0; i + 1 < reply_count(reply) && q->recall != NULL; i += 2) {
        item = q->recall;
        if (!str_equal(reply_str(reply_at(reply, i)), item->field)) {
            break;
        }

        q->recall = item->next;
        if (reply_type(reply_at(reply, i + 1)) == REPLY_NIL) {
            item->queue = NULL;
            item_free(item);
        } else {
            queue_intake(q, item, reply_str(reply_at(reply, i + 1)));
        }
    }

    queue_step(q);
}


static void queue_recall(struct queue *q)
{
    char          bytes[24];
    size_t        n = 4;
    struct str    words[SCRIPT_WORDS_MAX];
    struct item  *item = q->recall;

    snprintf(bytes, sizeof(bytes), "%zu", QUEUE_WINDOW_BYTES - q->bytes);
    words[0] = STR(q->keys[KEY_LEASE]);
    words[1] = STR(q->keys[KEY_INFLIGHT]);
    words[2] = STR(q->owner);
    words[3] = STR(bytes);

    while (item != NULL && n - 4 < QUEUE_WINDOW - q->n) {
        words[n++] = item->field;
        item = item->next;
    }

    q->taking = script_call(q->redis, SCRIPT_RECALL, words, 2, n, on_recall,
                            q) == 0;
}


static void queue_full(struct queue *q, struct str how)
{
    if (str_is(how, "FULL")) {
        if (!q->full) {
            log_write(LOG_ERROR, "queue %s: %lu dead letters; nothing is"
                      " taken until some are requeued or dropped",
                      q->keys[KEY_QUEUE], q->dead_max);
        }
        q->full = true;
        q->more = false;
        queue_poll(q, TAKE_FULL_MS);
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
    struct queue  *q = data;

    q->taking = false;
    if (queue_failed(q, reply)) {
        queue_step(q);
        return;
    }

    if (reply_type(reply) == REPLY_STATUS) {
        queue_full(q, reply_str(reply));
        queue_step(q);
        return;
    }

    q->full = false;
    q->more = reply_count(reply) > 0;

    for (i = 0; i + 1 < reply_count(reply); i += 2) {
        queue_intake(q, item_new(q, reply_str(reply_at(reply, i))),
                     reply_str(reply_at(reply, i + 1)));
    }

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


static void queue_wait(struct queue *q)
{
    size_t        i;
    struct wait  *w;

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

    for (i = 0; i < 2; i++) {
        r = q->waits[i].redis;
        q->waits[i].redis = NULL;
        redis_free(r);
    }
}


/* queue_take fills the window, or waits for something to take */
void queue_take(struct queue *q)
{
    char        n[24], bytes[24], dead[24];
    struct str  words[10];

    if (q->taking || q->nofit || !redis_up(q->redis) || q->n >= QUEUE_WINDOW
        || q->bytes >= QUEUE_WINDOW_BYTES)
    {
        return;
    }

    if (q->recall != NULL) {
        queue_recall(q);
        return;
    }

    if (!q->more) {
        if (!q->full) {
            queue_wait(q);
        }
        return;
    }

    snprintf(n, sizeof(n), "%zu", QUEUE_WINDOW - q->n);
    snprintf(bytes, sizeof(bytes), "%zu", QUEUE_WINDOW_BYTES - q->bytes);
    snprintf(dead, sizeof(dead), "%lu", q->dead_max);

    words[0] = STR(q->keys[KEY_LEASE]);
    words[1] = STR(q->keys[KEY_QUEUE]);
    words[2] = STR(q->keys[KEY_URGENT]);
    words[3] = STR(q->keys[KEY_INFLIGHT]);
    words[4] = STR(q->keys[KEY_COUNT]);
    words[5] = STR(q->keys[KEY_DEAD]);
    words[6] = STR(q->owner);
    words[7] = STR(n);
    words[8] = STR(bytes);
    words[9] = STR(dead);

    q->taking = script_call(q->redis, SCRIPT_TAKE, words, 6, 10, on_take, q)
                == 0;
}
