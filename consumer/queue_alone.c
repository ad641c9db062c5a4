/* Suspects: an item that was in flight at two crashes is worked while nothing
   else is, in no queue of this process, and {Q}:lease says which it is before
   anybody looks at it.  If the consumer dies then, it was that item: lease.lua
   marks it, and whoever takes over buries it, alone, too.  Should he die of
   that, for what it says is all that is read of it, the next one buries it
   unseen.

   It is opened alone, too, and then stands in its lines like others; where
   somebody is before it there, it is not alone any more until its turn. */

#include "queue_own.h"
#include "letter.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>


#define SUSPECT_CRASHES  2


/* item_suspect says whether it has to be alone */
bool item_suspect(const struct item *item)
{
    return item->crashes >= SUSPECT_CRASHES;
}


/* item_crashes reads what lease.lua counted */
void item_crashes(struct item *item, struct str crashes)
{
    size_t  i = 0;

    item->crashed = true;

    for ( /* void */ ; i < crashes.len && crashes.at[i] >= '0'
                       && crashes.at[i] <= '9'; i++)
    {
        item->crashes = item->crashes * 10 + (crashes.at[i] - '0');
    }

    for ( /* void */ ; i < crashes.len && crashes.at[i] == '!'; i++) {
        item->poison++;
    }

    if (i < crashes.len) {
        item->owners = mem_copy(crashes.at + i + 1, crashes.len - i - 1);
    }
}


/* item_poisoned says whether it is to be buried unseen */
bool item_poisoned(const struct item *item)
{
    return item->poison > (item->queue->ops->poison != NULL ? 1 : 0);
}


static void poison_why(const struct item *item, char *text, size_t room)
{
    snprintf(text, room, "%u consumers died while they had it, the last one"
             " with nothing else at work: %s", item->crashes,
             item->owners != NULL ? item->owners : "");
}


/* item_poison buries it as it is */
void item_poison(struct item *item)
{
    char           text[LETTER_TEXT_MAX];
    struct buf     b;
    struct letter  letter = {
        .reason = "poison", .answer = text, .state = item->state
    };

    poison_why(item, text, sizeof(text));
    buf_init(&b, LOG_VALUE_MAX);
    log_clean(&b, item->field);
    log_write(LOG_WARN, "queue %s: item %.*s is buried unseen, outcome=poison:"
              " %s", queue_name(item->queue), (int) b.len, b.at, text);
    buf_free(&b);

    stat_row_add(stat_row(STATS_REASON, letter.reason), STAT_REASON_DEAD, 1);
    letter_write(&letter, item);
    item->crashes = 0;
    queue_mend(item->queue, MEND_SWEEP);
    queue_done(item, OUTCOME_DEAD);
}


/* the first that is to be opened, or to begin */
static struct item *alone_next(struct queue *q)
{
    struct item  *item;

    for (item = q->first; item != NULL; item = item->next) {
        if (item->phase == ITEM_SUSPECT) {
            return item;
        }
    }

    for (item = q->ready; item != NULL; item = item->ready) {
        if (item_suspect(item) && item->phase == ITEM_WAITING) {
            return item;
        }
    }

    return NULL;
}


static bool item_at_work(const struct item *item)
{
    return item->phase == ITEM_RUNNING || item->phase == ITEM_MARK
           || item->phase == ITEM_MARKING;
}


/* nothing is at work, in none of the queues */
static bool alone_quiet(const struct queue *q)
{
    const struct item   *item;
    const struct queue  *other;

    if (q->ops->may_alone != NULL && !q->ops->may_alone(q->data)) {
        return false;
    }

    for (other = q->house->first; other != NULL; other = other->neighbour) {
        for (item = other->first; item != NULL; item = item->next) {
            if (item_at_work(item)) {
                return false;
            }
        }
    }

    return true;
}


/* alone_over lets all the others go on */
void alone_over(struct queue *q)
{
    struct queue  *other;

    q->alone = NULL;

    if (q->house->alone != q) {
        return;
    }

    q->house->alone = NULL;

    for (other = q->house->first; other != NULL; other = other->neighbour) {
        queue_want_flush(other);
    }
}


/* alone_told: who waits until all is quiet looks again, now that something of
   another queue has ended */
void alone_told(struct queue *q)
{
    struct queue  *waits = q->house->alone;

    if (waits != NULL && waits != q && waits->alone == NULL) {
        queue_want_flush(waits);
    }
}


/* Redis knows that it is not alone any more; if not, nothing else could be */
static void on_not_alone(void *data, const struct reply *reply)
{
    struct queue  *q = data;

    q->aloning = false;
    queue_failed(q, SCRIPT_ALONE, reply);
    queue_step(q);
}


static int alone_say(struct queue *q, struct str field, redis_cb cb)
{
    struct words  w;

    words_begin(&w);
    words_key(&w, q, KEY_LEASE);
    words_add(&w, STR(q->owner));
    words_add(&w, field);

    return words_call(&w, q, SCRIPT_ALONE, cb, q);
}


/* alone_not_yet: it waits for others, if it is the one: those have to be able
   to run */
void alone_not_yet(struct item *item)
{
    struct queue  *q = item->queue;

    if (q->alone != item) {
        return;
    }

    if (redis_up(q->redis)) {
        q->aloning = alone_say(q, NONE, on_not_alone) == 0;
    }

    item->alone = false;
    alone_over(q);
}


/* it is alone now, and was before */
static void alone_bury(struct item *item)
{
    char           text[LETTER_TEXT_MAX];
    struct queue  *q = item->queue;

    poison_why(item, text, sizeof(text));
    item->phase = ITEM_RUNNING;
    queue_mend(q, MEND_SWEEP);      /* it stands in no line here */
    q->ops->poison(q->data, item, text);
}


static void alone_open(struct item *item)
{
    struct buf     b;
    struct queue  *q = item->queue;

    buf_init(&b, LOG_VALUE_MAX);
    log_clean(&b, item->field);
    log_write(LOG_WARN, "queue %s: item %.*s was in flight at %u crashes;"
              " it is worked alone", queue_name(q), (int) b.len, b.at,
              item->crashes);
    buf_free(&b);
    item->phase = ITEM_WAITING;
    item->enters |= queue_waits(q);     /* also who came to wait meanwhile */
    item_open(item);
    queue_enter(q);
}


static void on_alone(void *data, const struct reply *reply)
{
    struct item   *item;
    struct queue  *q = data;

    q->aloning = false;
    item = q->alone;

    if (queue_failed(q, SCRIPT_ALONE, reply)) {
        if (q->alone != NULL) {
            q->alone = NULL;            /* asked anew when Redis is back */
        }
        queue_step(q);
        return;
    }

    if (item == NULL || item->queue == NULL) {
        queue_step(q);                  /* the lease went meanwhile */
        return;
    }

    item->alone = true;

    if (item->phase == ITEM_SUSPECT && item->poison) {
        alone_bury(item);
    } else if (item->phase == ITEM_SUSPECT) {
        alone_open(item);
    }

    queue_step(q);
}


/* alone_step: true as long as no other item may begin */
bool alone_step(struct queue *q)
{
    struct item  *item = q->alone;

    if (q->house->alone != NULL && q->house->alone != q) {
        return true;
    }

    if (item != NULL) {
        /* opened, and somebody is before it */
        if (item->alone && item->opened && item->phase == ITEM_WAITING
            && item->blocked)
        {
            alone_not_yet(item);
            return false;
        }
        return true;
    }

    if (q->aloning) {
        return true;
    }

    item = q->suspects && q->mode == QUEUE_ON && !q->paused ? alone_next(q)
           : NULL;

    if (item == NULL) {
        if (q->house->alone == q) {
            alone_over(q);
        }
        return false;
    }

    q->house->alone = q;

    if (alone_quiet(q) && queue_holds(q) && redis_up(q->redis)
        && alone_say(q, item->field, on_alone) == 0)
    {
        q->alone = item;
        q->aloning = true;
    }

    return true;
}
