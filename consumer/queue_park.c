/* How items leave the window to wait in Redis, and enter it behind others.

   An item that parks stays in its lines in memory, as a ghost, until nobody
   stands behind it any more: those that stood there when the call was sent go
   in the same call; those that came while it was on its way are found when its
   reply comes, and go in the next one.  Replies come in the order in which
   Redis executed the calls, so whoever was taken before the call stands behind
   the ghost when its reply is read, and whoever was taken after it was told
   that something waits, and passes enter.lua.

   Nobody is moved to {Q}:held behind an item whose end Redis may know already:
   park.lua looks whether the one before it is still there, and leaves it in
   the window otherwise. */

#include "queue_own.h"
#include "log.h"

#include <stdlib.h>


#define PARK_WORDS   5      /* of an item in a call */
#define PARK_ITEMS   ((SCRIPT_WORDS_MAX - KEYS_HELD - 2) / PARK_WORDS)


static void park_send(struct queue *q, struct batch *batch);


/* queue_waits: something of a line may wait, or is about to */
bool queue_waits(const struct queue *q)
{
    return q->waiting > 0 || q->parking > 0;
}


static bool item_loose(const struct item *item)
{
    return item->call != NULL && item->call->loose;
}


static void park_add(struct batch *batch, struct item *item)
{
    item->group = true;
    batch->items[batch->n++] = item;
}


/* who stands right behind one of a group, and is of none */
static bool item_behind_group(const struct item *item)
{
    size_t              i;
    const struct item  *before;

    if (item->group || item->phase != ITEM_WAITING || item->blocked == 0) {
        return false;
    }

    for (i = 0; i < item->nplaces; i++) {
        if (item->places[i].line == NULL || item->places[i].before == NULL) {
            continue;
        }

        before = item->places[i].before->owner;
        if (before->group && !item_loose(before)) {
            return true;
        }
    }

    return false;
}


/* all who stand behind them, and who stand behind those */
static void park_followers(struct queue *q, struct batch *batch)
{
    bool          found;
    struct item  *item;

    do {
        found = false;

        for (item = q->first; item != NULL && batch->n < PARK_ITEMS;
             item = item->next)
        {
            if (item_behind_group(item)) {
                park_add(batch, item);
                found = true;
            }
        }

    } while (found && batch->n < PARK_ITEMS);
}


/* one who stands before a blocked item and is in no group */
static struct item *item_witness(const struct item *item)
{
    size_t        i;
    struct item  *before;

    for (i = 0; i < item->nplaces; i++) {
        if (item->places[i].line == NULL || item->places[i].before == NULL) {
            continue;
        }

        before = item->places[i].before->owner;
        if (before->phase != ITEM_PARK && before->phase != ITEM_PARKING) {
            return before;
        }
    }

    return NULL;
}


/* Redis has it: whoever parked without lines leaves at once, the others when
   nobody stands behind them */
static void park_settle(struct queue *q, struct batch *batch)
{
    size_t        i, kept = 0;
    struct item  *item;

    for (i = 0; i < batch->done; i++) {
        item = batch->items[i];
        if (item != NULL && item->queue != NULL && item_loose(item)) {
            item_settled(item);
        } else if (item != NULL) {
            batch->items[kept++] = item;
        }
    }

    batch->n = batch->done = kept;
    park_followers(q, batch);

    if (batch->n > batch->done) {
        park_send(q, batch);
        return;
    }

    for (i = 0; i < batch->n; i++) {
        item_settled(batch->items[i]);
    }

    q->parking--;
    *batch->prev = batch->next;
    if (batch->next != NULL) {
        batch->next->prev = batch->prev;
    }
    free(batch);
}


/* what Redis has not been told, or has and nobody knows it, is told again: it
   moves nothing that has moved.  Blocked ones just stay */
static void park_failed(struct queue *q, struct batch *batch)
{
    size_t        i;
    struct item  *item;

    for (i = 0; i < batch->n; i++) {
        item = batch->items[i];

        if (item == NULL) {
            continue;
        }

        if (item->queue == NULL) {
            item_free(item);
            continue;
        }

        item->group = false;
        item->phase = ITEM_PARK;

        if (item->call != NULL && item->call->witness != NULL) {
            call_free(item);
            if (i >= batch->done) {
                item->phase = ITEM_WAITING;
                if (item->blocked == 0) {
                    item_make_ready(q, item);
                }
            }
        }
    }

    q->parking--;
    *batch->prev = batch->next;
    if (batch->next != NULL) {
        batch->next->prev = batch->prev;
    }
    free(batch);
}


static bool park_stayed(const struct reply *reply, const struct item *item)
{
    size_t  i;

    for (i = 1; i < reply_count(reply); i++) {
        if (str_equal(reply_str(reply_at(reply, i)), item->field)) {
            return true;
        }
    }

    return false;
}


static void on_park(void *data, const struct reply *reply)
{
    size_t         i;
    struct item   *item;
    struct batch  *batch = data;
    struct queue  *q = batch->queue;

    if (queue_failed(q, SCRIPT_PARK, reply) || reply_count(reply) < 1) {
        park_failed(q, batch);
        queue_step(q);
        return;
    }

    q->waiting = reply_int(reply_at(reply, 0));

    for (i = batch->done; i < batch->n; i++) {
        item = batch->items[i];

        if (item->queue == NULL) {
            item_free(item);
            batch->items[i] = NULL;
            continue;
        }

        if (item->call != NULL && !item->call->hold
            && item->call->witness == NULL)
        {
            queue_due_in(q, item->call->loose ? 0 : item->call->ms);
        }

        if (reply_count(reply) > 1 && park_stayed(reply, item)) {
            batch->items[i] = NULL;
            call_free(item);
            item->group = false;
            item->phase = ITEM_WAITING;
            if (item->blocked == 0) {
                item_make_ready(q, item);
            }
        }
    }

    batch->done = batch->n;
    park_settle(q, batch);
    queue_step(q);
}


/* the five words of an item; its head is to be freed after the call */
static struct str park_words(struct words *w, const struct item *item)
{
    struct str                head;
    const char               *what = "behind";
    const struct queue_call  *call = item->call;

    head = item_head(item, call != NULL ? call->lane : NONE);

    if (call != NULL && call->witness == NULL) {
        what = call->hold ? "hold" : call->later ? "later"
               : call->loose ? "loose" : "retry";
    }

    words_add(w, STR(what));
    words_add(w, item->field);

    if (call == NULL || call->hold) {
        words_add(w, NONE);
    } else if (call->witness != NULL) {
        words_add(w, call->witness->field);
    } else {
        words_number(w, call->ms);
    }

    words_add(w, head);
    words_add(w, call != NULL ? call->state : NONE);

    return head;
}


/* those of the batch that Redis has not been told about, in one call */
static void park_send(struct queue *q, struct batch *batch)
{
    int           rc;
    size_t        i;
    bool          alone = false;
    struct str   *heads = mem_alloc(batch->n * sizeof(*heads));
    struct words  w;

    for (i = batch->done; i < batch->n; i++) {
        batch->items[i]->phase = ITEM_PARKING;
        alone |= batch->items[i]->alone;
    }

    words_begin(&w);
    words_held(&w, q);
    words_add(&w, STR(q->owner));
    words_number(&w, alone);

    for (i = batch->done; i < batch->n; i++) {
        heads[i] = park_words(&w, batch->items[i]);
    }

    rc = words_call(&w, q, SCRIPT_PARK, on_park, batch);

    for (i = batch->done; i < batch->n; i++) {
        free((char *) heads[i].at);
    }
    free(heads);

    if (rc != 0) {
        park_failed(q, batch);
    }
}


static struct batch *park_batch(struct queue *q)
{
    struct batch  *batch = batch_new(q, SCRIPT_PARK, PARK_ITEMS);

    batch->next = q->parks;
    batch->prev = &q->parks;
    if (q->parks != NULL) {
        q->parks->prev = &batch->next;
    }
    q->parks = batch;
    q->parking++;

    return batch;
}


/* park_flush: all that are to wait, and who stands behind them */
void park_flush(struct queue *q)
{
    size_t         bytes = 0;
    struct item   *item;
    struct batch  *batch = NULL;

    rewrite_flush(q);

    for (item = q->first; item != NULL; item = item->next) {
        if (item->phase != ITEM_PARK || !words_fit(&bytes, item)) {
            continue;
        }

        if (batch == NULL) {
            batch = park_batch(q);
        }

        if (batch->n < PARK_ITEMS) {
            park_add(batch, item);
        }
    }

    if (batch != NULL) {
        park_followers(q, batch);
        park_send(q, batch);
    }
}


/* park_blocked: a window that is full of those that cannot run makes room */
void park_blocked(struct queue *q)
{
    struct item   *item, *witness;
    struct batch  *batch = NULL;

    if (q->parking) {
        return;
    }

    for (item = q->first; item != NULL; item = item->next) {
        if (item->phase != ITEM_WAITING || item->blocked == 0) {
            continue;
        }

        witness = item_witness(item);
        if (witness == NULL) {
            continue;
        }

        if (batch == NULL) {
            batch = park_batch(q);
        }

        if (batch->n < PARK_ITEMS) {
            item_call(item)->witness = witness;
            park_add(batch, item);
        }
    }

    if (batch != NULL) {
        park_send(q, batch);
    }
}


/* park_leave: all that wait in the window wait in Redis, for the next holder:
   those that could run are due at once */
void park_leave(struct queue *q)
{
    struct item   *item, *witness;
    struct batch  *batch = park_batch(q);

    for (item = q->first; item != NULL && batch->n < PARK_ITEMS;
         item = item->next)
    {
        if (!queue_goes_back(item) || !item->opened) {
            continue;
        }

        witness = item->blocked ? item_witness(item) : NULL;
        if (item->blocked && witness == NULL) {
            continue;
        }

        item_unready(q, item);
        item_call(item)->witness = witness;
        park_add(batch, item);
    }

    if (batch->n == 0) {
        park_settle(q, batch);
        return;
    }

    park_followers(q, batch);
    park_send(q, batch);
}


/* park_revive: it came back while it stood in its lines as a ghost.  Its place
   there is the right one */
struct item *park_revive(struct queue *q, struct str field)
{
    size_t         i;
    struct item   *item;
    struct batch  *batch;

    for (batch = q->parks; batch != NULL; batch = batch->next) {
        for (i = 0; i < batch->done; i++) {
            item = batch->items[i];
            if (item == NULL || item->queue == NULL
                || !str_equal(field, item->field))
            {
                continue;
            }

            batch->items[i] = NULL;
            call_free(item);
            item->group = false;
            item->phase = ITEM_WAITING;
            item->checked = false;

            return item;
        }
    }

    return NULL;
}


static bool enter_held(const struct reply *reply, const struct item *item)
{
    return reply_count(reply) > 1 && park_stayed(reply, item);
}


static void on_enter(void *data, const struct reply *reply)
{
    bool           failed;
    size_t         i;
    struct item   *item;
    struct batch  *batch = data;
    struct queue  *q = batch->queue;

    q->taking = q->entering = false;
    q->parking--;
    failed = queue_failed(q, SCRIPT_ENTER, reply) || reply_count(reply) < 1;
    if (!failed) {
        q->waiting = reply_int(reply_at(reply, 0));
    }

    for (i = 0; i < batch->n; i++) {
        item = batch->items[i];

        if (item->queue == NULL) {
            item_free(item);

        } else if (failed) {
            continue;       /* after queue_sync it is asked anew */

        } else if (enter_held(reply, item)) {
            alone_not_yet(item);
            item_settled(item);

        } else if (item_join(item)) {
            item_make_ready(q, item);
        }
    }

    free(batch);
    if (!failed) {
        queue_enter(q);
    }
    queue_step(q);
}


/* queue_enter asks whether those that were taken may stand in their lines */
void queue_enter(struct queue *q)
{
    struct item   *item;
    struct batch  *batch = NULL;
    struct words   w;

    if (q->entering) {
        return;                 /* its reply asks again */
    }

    for (item = q->first; item != NULL; item = item->next) {
        if (item->phase != ITEM_ENTERING) {
            continue;
        }

        if (batch == NULL) {
            batch = batch_new(q, SCRIPT_ENTER, PARK_ITEMS);
            words_begin(&w);
            words_held(&w, q);
            words_add(&w, STR(q->owner));
        }

        if (batch->n < PARK_ITEMS) {
            batch->items[batch->n++] = item;
            words_add(&w, item->field);
            words_add(&w, item->head);
        }
    }

    if (batch == NULL) {
        return;
    }

    q->parking++;
    q->taking = q->entering = true;
    if (words_call(&w, q, SCRIPT_ENTER, on_enter, batch) != 0) {
        q->parking--;
        q->taking = q->entering = false;
        free(batch);
    }
}


static void park_begin(struct item *item, bool hold, uint64_t ms,
    const char *lane, bool loose, struct str state)
{
    struct queue_call  *call;

    if (item->queue == NULL) {
        item_free(item);
        return;
    }

    call_free(item);
    call = item_call(item);
    call->hold = hold;
    call->ms = ms;
    call->loose = loose || item->loose;
    call->lane = hold ? lane_key(lane) : NONE;

    if (state.len) {
        call->state.at = mem_copy(state.at, state.len);
        call->state.len = state.len;
    }

    item->phase = ITEM_PARK;
    queue_want_flush(item->queue);
}


/* queue_retry: it comes back after so many milliseconds */
void queue_retry(struct item *item, uint64_t ms, bool loose, struct str state)
{
    park_begin(item, false, ms, NULL, loose, state);
}


/* queue_later: the same, as if it were taken only then */
void queue_later(struct item *item, uint64_t ms)
{
    if (item->queue != NULL) {
        park_begin(item, false, ms, NULL, true, NONE);
        item->call->later = true;
    } else {
        item_free(item);
    }
}


/* queue_hold: it waits on a lane until queue_wake */
void queue_hold(struct item *item, const char *lane, struct str state)
{
    park_begin(item, true, 0, lane, false, state);
}
