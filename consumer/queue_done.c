/* How items go out: acks, lists of the user's, dead letters, back to Q. */

#include "queue_own.h"
#include "log.h"

#include <stdlib.h>


/* items of one script call */
struct batch {
    struct queue  *queue;
    size_t         n;
    struct item   *items[QUEUE_WINDOW];
};


/* told: they leave; not told: they are told again after queue_sync */
static void on_batch(void *data, const struct reply *reply)
{
    bool           failed;
    size_t         i;
    struct item   *item;
    struct batch  *batch = data;
    struct queue  *q = batch->queue;

    failed = queue_failed(q, reply);

    for (i = 0; i < batch->n; i++) {
        item = batch->items[i];

        if (failed && item->queue != NULL) {
            item->state = ITEM_DONE;
        } else {
            item_settled(item);
        }
    }

    free(batch);
    queue_step(q);
}


static void batch_send(struct queue *q, struct batch *batch,
    enum script script, struct str *words, size_t nkeys, size_t nwords)
{
    size_t  i;

    batch->queue = q;
    for (i = 0; i < batch->n; i++) {
        batch->items[i]->state = ITEM_ACKING;
    }

    if (script_call(q->redis, script, words, nkeys, nwords, on_batch, batch)
        != 0)
    {
        for (i = 0; i < batch->n; i++) {
            batch->items[i]->state = ITEM_DONE;
        }
        free(batch);
    }
}


static bool item_alike(const struct item *a, const struct item *b)
{
    return a->outcome == b->outcome
           && (a->outcome != OUTCOME_PASSED || strcmp(a->list, b->list) == 0);
}


/* all items with the outcome of the first, in one call */
static void flush_alike(struct queue *q, struct item *first)
{
    size_t         n = 0;
    struct str     words[SCRIPT_WORDS_MAX];
    struct item   *item;
    struct batch  *batch = mem_alloc(sizeof(*batch));
    bool           pass = first->outcome == OUTCOME_PASSED;

    words[n++] = STR(q->keys[KEY_LEASE]);
    words[n++] = STR(q->keys[KEY_INFLIGHT]);
    words[n++] = STR(q->keys[KEY_COUNT]);
    if (pass) {
        words[n++] = STR(first->list);
    }

    words[n++] = STR(q->owner);
    if (!pass) {
        words[n++] = STR(first->outcome == OUTCOME_WORKED ? "worked"
                         : "unmatched");
    }

    for (item = first; item != NULL && batch->n < QUEUE_WINDOW;
         item = item->next)
    {
        if (item->state == ITEM_DONE && item_alike(item, first)) {
            batch->items[batch->n++] = item;
            words[n++] = item->field;
        }
    }

    batch_send(q, batch, pass ? SCRIPT_PASS : SCRIPT_ACK, words,
               pass ? 4 : 3, n);
}


static void flush_dead(struct queue *q, struct item *item)
{
    struct str     words[8];
    struct batch  *batch = mem_alloc(sizeof(*batch));

    batch->n = 1;
    batch->items[0] = item;

    words[0] = STR(q->keys[KEY_LEASE]);
    words[1] = STR(q->keys[KEY_INFLIGHT]);
    words[2] = STR(q->keys[KEY_COUNT]);
    words[3] = STR(q->keys[KEY_DEAD]);
    words[4] = STR(q->owner);
    words[5] = item->field;
    words[6] = STR(item->letter);
    words[7] = item->letter_item != NULL ? STR(item->letter_item) : NONE;

    batch_send(q, batch, SCRIPT_BURY, words, 4,
               item->letter_item != NULL ? 8 : 7);
}


/* queue_flush tells Redis what became of the items that are done */
void queue_flush(struct queue *q)
{
    struct item  *item;

    for (item = q->first; item != NULL && redis_up(q->redis);
         item = item->next)
    {
        if (item->state != ITEM_DONE) {
            continue;
        }

        if (item->outcome == OUTCOME_DEAD) {
            flush_dead(q, item);
        } else {
            flush_alike(q, item);
        }

        if (item->state == ITEM_DONE) {
            return;     /* the connection takes no more */
        }
    }
}


static void back_end(struct queue *q, bool gone)
{
    struct item  *item, *next;

    q->giving = false;

    for (item = q->first; item != NULL; item = next) {
        next = item->next;
        if (item->state != ITEM_LEAVING) {
            continue;
        }

        if (gone) {
            item_free(item);
        } else {
            item->state = ITEM_WAITING;
        }
    }
}


static void on_back(void *data, const struct reply *reply)
{
    struct queue  *q = data;

    back_end(q, !queue_failed(q, reply));
    queue_step(q);
}


/* queue_goes_back says whether it is put back: who drains begins nothing, who
   stops at a newer version works what stands before it */
bool queue_goes_back(const struct item *item)
{
    return item->state == ITEM_WAITING
           && (item->queue->mode == QUEUE_DRAINING || item->places == NULL);
}


/* queue_back puts back what was not begun, all in one call, so that the order
   stays */
void queue_back(struct queue *q)
{
    size_t        n = 0;
    struct str    words[SCRIPT_WORDS_MAX];
    struct item  *item;

    words[n++] = STR(q->keys[KEY_LEASE]);
    words[n++] = STR(q->keys[KEY_QUEUE]);
    words[n++] = STR(q->keys[KEY_URGENT]);
    words[n++] = STR(q->keys[KEY_INFLIGHT]);
    words[n++] = STR(q->keys[KEY_COUNT]);
    words[n++] = STR(q->owner);

    for (item = q->first; item != NULL && n < SCRIPT_WORDS_MAX;
         item = item->next)
    {
        if (queue_goes_back(item)) {
            words[n++] = item->field;
            item->state = ITEM_LEAVING;
        }
    }

    q->giving = true;
    if (script_call(q->redis, SCRIPT_BACK, words, 5, n, on_back, q) != 0) {
        back_end(q, false);
    }
}
