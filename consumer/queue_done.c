/* How items go out: their ends, and those that go back where they were taken
   from. */

#include "queue_own.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>


/* words of a call before its items; of an item at most, but for its pushes */
#define FINISH_WORDS  32
#define ITEM_WORDS    10


static const char  *outcomes[] = {
    [OUTCOME_WORKED] = "worked", [OUTCOME_UNMATCHED] = "unmatched",
    [OUTCOME_PASSED] = "pass", [OUTCOME_DEAD] = "dead",
    [OUTCOME_EXPIRED] = "expired", [OUTCOME_DUPLICATE] = "duplicate"
};


static const enum stat_name  ended[] = {
    [OUTCOME_WORKED] = STAT_QUEUE_WORKED,
    [OUTCOME_UNMATCHED] = STAT_QUEUE_UNMATCHED,
    [OUTCOME_PASSED] = STAT_QUEUE_UNMATCHED,
    [OUTCOME_DEAD] = STAT_QUEUE_DEAD,
    [OUTCOME_EXPIRED] = STAT_QUEUE_EXPIRED,
    [OUTCOME_DUPLICATE] = STAT_QUEUE_DUPLICATE
};


static bool item_plain(const struct item *item, enum outcome outcome)
{
    return item->outcome == outcome
           && (item->call == NULL || item->call->npush == 0);
}


static bool item_remembered(const struct item *item)
{
    if (item->nids == 0) {
        return false;
    }

    return item->call != NULL && item->call->says_seen ? item->call->seen
           : item->outcome == OUTCOME_WORKED;
}


/* a passed one that Redis could not append to its list stays */
static bool finish_left(const struct reply *left, const struct item *item)
{
    size_t  i;

    for (i = 1; i < reply_count(left); i++) {
        if (str_equal(reply_str(reply_at(left, i)), item->field)) {
            return true;
        }
    }

    return false;
}


static void finish_told(struct queue *q, const struct reply *reply)
{
    const struct reply  *left = reply_at(reply, 4);

    if (reply_count(left) > 0 && reply_int(reply_at(left, 0)) > 0) {
        queue_unpushed(q, reply_int(reply_at(left, 0)));
    }

    if (reply_int(reply_at(reply, 3)) > 0) {
        q->seen_since = reply_int(reply_at(reply, 3));
    }

    queue_told(q, reply, 5);
}


/* told: they leave; not told: they are told again after queue_sync */
static void on_finish(void *data, const struct reply *reply)
{
    bool           failed;
    size_t         i;
    struct item   *item;
    struct batch  *batch = data;
    struct queue  *q = batch->queue;

    q->promised -= batch->promised;
    queue_said(q, &q->ending);
    failed = queue_failed(q, SCRIPT_FINISH, reply) || reply_count(reply) < 5;

    for (i = 0; i < batch->n; i++) {
        item = batch->items[i];

        if (item->queue == NULL) {
            item_free(item);

        } else if (failed) {
            item->phase = ITEM_DONE;

        } else if (reply_count(reply_at(reply, 4)) > 1
                   && finish_left(reply_at(reply, 4), item))
        {
            log_write(LOG_ERROR, "queue %s: %s is no list; what is to be moved"
                      " there waits", q->keys[KEY_QUEUE], item->list);
            item->phase = ITEM_DONE;

        } else {
            stat_row_add(q->stats, ended[item->outcome], 1);
            item_settled(item);
        }
    }

    if (!failed) {
        finish_told(q, reply);
    }

    free(batch);
    queue_step(q);
}


/* which of those that are done have room in one call */
static void finish_choose(struct queue *q, struct batch *batch,
    struct words *w)
{
    size_t        n = FINISH_WORDS, bytes = 0, ids = 0, more;
    struct item  *item;

    for (item = q->first; item != NULL; item = item->next) {
        if (item->phase != ITEM_DONE) {
            continue;
        }

        if (item->outcome == OUTCOME_PASSED
            && words_list(w, item->list) == 0)
        {
            continue;
        }

        more = item_remembered(item) ? item->nids : 0;
        if (ids > 0 && ids + more > WORDS_IDS) {
            continue;
        }

        if (words_fit(&bytes, item)
            && words_lists(w, item->call, &n, ITEM_WORDS))
        {
            ids += more;
            batch->items[batch->n++] = item;
            item->phase = ITEM_ACKING;
        }
    }
}


static void finish_fields(struct words *w, const struct batch *batch,
    enum outcome outcome)
{
    size_t  i, n = 0;

    for (i = 0; i < batch->n; i++) {
        n += item_plain(batch->items[i], outcome);
    }

    words_number(w, n);
    for (i = 0; i < batch->n; i++) {
        if (item_plain(batch->items[i], outcome)) {
            words_add(w, batch->items[i]->field);
        }
    }
}


/* what {Q}:state has of them; names is owned */
static void finish_names(struct words *w, const struct batch *batch,
    struct buf *names)
{
    size_t              i, n = 0, at = 0;
    const struct item  *item;

    for (i = 0; i < batch->n; i++) {
        item = batch->items[i];
        n += item->stated + item->crashed;
        if (item->crashed) {
            buf_text(names, "c");
            buf_str(names, item->field);
        }
    }

    words_number(w, n);
    for (i = 0; i < batch->n; i++) {
        item = batch->items[i];
        if (item->stated) {
            words_add(w, item->field);
        }
        if (item->crashed) {
            words_add(w, (struct str) { names->at + at, item->field.len + 1 });
            at += item->field.len + 1;
        }
    }
}


static void finish_ids(struct buf *ids, const struct batch *batch)
{
    size_t              i, j;
    const struct item  *item;

    for (i = 0; i < batch->n; i++) {
        item = batch->items[i];
        for (j = 0; item_remembered(item) && j < item->nids; j++) {
            if (!item->known[j]) {
                buf_add(ids, (const char *) item->ids[j], SEEN_LEN);
            }
        }
    }
}


/* the lines of all that end, where somebody may wait in one */
static void finish_heads(struct queue *q, struct words *w,
    const struct batch *batch, struct str *heads)
{
    size_t  i;

    words_number(w, queue_waits(q) ? 2 * batch->n : 0);

    for (i = 0; i < batch->n && queue_waits(q); i++) {
        heads[i] = item_head(batch->items[i], NONE);
        words_add(w, batch->items[i]->field);
        words_add(w, heads[i]);
    }
}


static void finish_others(struct words *w, const struct batch *batch)
{
    size_t              i;
    const struct item  *item;

    for (i = 0; i < batch->n; i++) {
        item = batch->items[i];
        if (item_plain(item, OUTCOME_WORKED)
            || item_plain(item, OUTCOME_DUPLICATE))
        {
            continue;
        }

        words_add(w, STR(outcomes[item->outcome]));
        words_add(w, item->field);

        if (item->outcome == OUTCOME_PASSED) {
            words_number(w, words_list(w, item->list));
        } else {
            words_add(w, item->letter != NULL ? STR(item->letter) : NONE);
        }

        words_add(w, item->letter_item != NULL ? STR(item->letter_item)
                  : NONE);
        words_add(w, item->call != NULL ? item->call->ref : NONE);
        words_pushes(w, item->call);
    }
}


static void finish_send(struct queue *q, struct batch *batch, struct words *w)
{
    int          rc;
    size_t       i;
    bool         alone = false;
    struct buf   names, ids;
    struct str  *heads = mem_alloc(batch->n * sizeof(*heads));

    buf_init(&names, (size_t) -1);
    buf_init(&ids, (size_t) -1);
    finish_ids(&ids, batch);

    for (i = 0; i < batch->n; i++) {
        alone |= batch->items[i]->alone;
    }

    batch->promised = queue_waits(q) ? queue_room_back(q, batch->n) : 0;

    words_add(w, STR(q->owner));
    words_number(w, batch->promised);
    words_number(w, batch->promised ? QUEUE_WINDOW_BYTES - q->bytes : 0);
    words_number(w, q->keep);
    words_number(w, q->seen_max);
    words_number(w, alone);
    words_add(w, (struct str) { ids.at, ids.len });
    finish_fields(w, batch, OUTCOME_WORKED);
    finish_fields(w, batch, OUTCOME_DUPLICATE);
    finish_names(w, batch, &names);
    finish_heads(q, w, batch, heads);
    finish_others(w, batch);

    q->promised += batch->promised;
    rc = words_call(w, q, SCRIPT_FINISH, on_finish, batch);

    for (i = 0; i < batch->n; i++) {
        free((char *) heads[i].at);
    }
    free(heads);
    buf_free(&names);
    buf_free(&ids);

    q->ending = rc == 0;
    if (rc != 0) {
        q->promised -= batch->promised;
        for (i = 0; i < batch->n; i++) {
            batch->items[i]->phase = ITEM_DONE;
        }
        free(batch);
    }
}


static void finish_flush(struct queue *q, size_t ends)
{
    int            key;
    struct batch  *batch = batch_new(q, SCRIPT_FINISH, q->n);
    struct words   w;

    words_begin(&w);
    words_held(&w, q);
    for (key = KEY_DEAD; key <= KEY_SEEN_COUNT; key++) {
        words_key(&w, q, key);
    }

    finish_choose(q, batch, &w);
    words_lists_end(&w);

    if (batch->n == 0) {
        free(batch);
        return;
    }

    q->unsaid |= batch->n < ends;
    finish_send(q, batch, &w);
}


/* queue_said: the call of that kind is over, and the next may go */
void queue_said(struct queue *q, bool *which)
{
    *which = false;

    if (q->unsaid) {
        queue_want_flush(q);
    }
}


/* queue_flush tells and asks Redis what has gathered in this turn of the loop,
   each kind in one call.  Those that park go first: who ends lets come back
   only whom nobody before holds back.  Of the other kinds one call at a time is
   on its way: what comes meanwhile goes with the next, so that the more there
   is to do the more goes in one */
void queue_flush(struct queue *q)
{
    size_t        parks = 0, starts = 0, marks = 0, ends = 0;
    struct item  *item;

    for (item = q->first; item != NULL; item = item->next) {
        parks += item->phase == ITEM_PARK;
        starts += item->phase == ITEM_START;
        marks += item->phase == ITEM_MARK;
        ends += item->phase == ITEM_DONE;
    }

    rewrite_flush(q);

    if (parks && redis_up(q->redis)) {
        park_flush(q);
    }

    if (q->parted != NULL && redis_up(q->redis)) {
        parts_flush(q);
    }

    q->unsaid = (marks && q->marking) || (ends && q->ending)
                || (starts && q->starting);

    if (marks && !q->marking && redis_up(q->redis)) {
        mark_flush(q, marks);
    }

    if (ends && !q->ending && redis_up(q->redis)) {
        finish_flush(q, ends);
    }

    if (starts && !q->starting && redis_up(q->redis)) {
        start_flush(q, starts);
    }
}


static void back_end(struct queue *q, bool gone)
{
    struct item  *item, *next;

    q->giving = false;

    for (item = q->first; item != NULL; item = next) {
        next = item->next;
        if (item->phase != ITEM_LEAVING) {
            continue;
        }

        if (gone) {
            item_free(item);
        } else {
            item->phase = ITEM_WAITING;
        }
    }
}


static void on_back(void *data, const struct reply *reply)
{
    struct queue  *q = data;

    back_end(q, !queue_failed(q, SCRIPT_BACK, reply));
    queue_step(q);
}


/* queue_goes_back says whether it is put back: who leaves begins nothing, who
   stops at a newer version works what stands before it */
bool queue_goes_back(const struct item *item)
{
    const struct queue  *q = item->queue;

    if (item->phase == ITEM_START) {
        return q->mode == QUEUE_DRAINING || q->mode == QUEUE_YIELDING;
    }

    return (item->phase == ITEM_WAITING || item->phase == ITEM_PART)
           && (q->mode == QUEUE_DRAINING || q->mode == QUEUE_YIELDING
               || (q->mode != QUEUE_ON && !item->opened));
}


/* its order was fixed when it began, crashed, or waited: another number would
   put it behind those that wait */
static bool item_settled_in(const struct item *item)
{
    return item->stated || item->crashed || item->back;
}


/* what goes back to its list; else all that wait go to {Q}:retry and {Q}:held,
   so that nobody overtakes, also none of those that stay in flight unread, or
   of whom a lost reply has told.  One that was never opened and has been in
   flight before stays there: nobody knows its lines */
static bool queue_to_list(const struct queue *q)
{
    const struct item  *item;

    if (queue_waits(q) || q->recall != NULL || !q->synced) {
        return false;
    }

    for (item = q->first; item != NULL; item = item->next) {
        if (queue_goes_back(item) && item_settled_in(item)
            && (item->opened || item->phase == ITEM_PART))
        {
            return false;
        }
    }

    return true;
}


/* queue_stays: it is left in {Q}:inflight for the next holder */
bool queue_stays(const struct item *item)
{
    return item->phase == ITEM_SUSPECT
           || (queue_goes_back(item) && !item->opened
               && item_settled_in(item));
}


static void back_send(struct queue *q, bool opened)
{
    size_t         i;
    struct item   *item;
    struct words   w;
    static const enum queue_key  keys[] = {
        KEY_LEASE, KEY_QUEUE, KEY_URGENT, KEY_INFLIGHT, KEY_COUNT, KEY_STATE
    };

    words_begin(&w);
    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        words_key(&w, q, keys[i]);
    }
    words_add(&w, STR(q->owner));

    for (item = q->first; item != NULL && w.n < SCRIPT_WORDS_MAX;
         item = item->next)
    {
        if (queue_goes_back(item) && !queue_stays(item)
            && (opened || !item->opened))
        {
            words_add(&w, item->field);
            item->phase = ITEM_LEAVING;
        }
    }

    q->giving = true;
    if (words_call(&w, q, SCRIPT_BACK, on_back, q) != 0) {
        back_end(q, false);
    }
}


/* queue_leave puts back what was not begun, all in one call, so that the order
   stays */
void queue_leave(struct queue *q)
{
    bool                list = queue_to_list(q), unopened = false;
    const struct item  *item;

    rewrite_flush(q);

    for (item = q->first; item != NULL; item = item->next) {
        unopened |= queue_goes_back(item) && !item->opened
                    && !queue_stays(item);
    }

    if (list || unopened) {
        back_send(q, list);
    } else {
        park_leave(q);
    }
}
