/* What those who run a queue ask of it: settings, claiming, yielding, pausing,
   draining, figures. */

#include "queue_own.h"


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


/* queue_waiting_max sets at how many that wait it takes nothing more */
void queue_waiting_max(struct queue *q, unsigned long n)
{
    q->waiting_max = n;
}


/* queue_seen_max sets how many ids dedupe remembers */
void queue_seen_max(struct queue *q, unsigned long n)
{
    q->seen_max = n;
}


/* queue_keep sets how long worked records stay in {Q}:kept */
void queue_keep(struct queue *q, unsigned long ms)
{
    q->keep = ms;
}


/* queue_seen_key is what seen_hash takes */
const unsigned char *queue_seen_key(const struct queue *q)
{
    return q->seen_key;
}


/* queue_held says whether the lease is ours, also while it is given up */
bool queue_held(const struct queue *q)
{
    return q->held;
}


/* queue_leaving says whether what has begun should end soon */
bool queue_leaving(const struct queue *q)
{
    return q->mode != QUEUE_ON;
}


/* queue_claim competes for the lease from now on */
void queue_claim(struct queue *q)
{
    if (!q->claim) {
        q->claim = true;
        q->standby = q->nofit = q->full = false;
        queue_ask(q);
    }
}


/* queue_yield gives the lease up, and competes no more */
void queue_yield(struct queue *q)
{
    q->claim = false;

    if (q->mode == QUEUE_ON && (q->held || q->leasing)) {
        q->mode = QUEUE_YIELDING;
        queue_step(q);
    }
}


/* queue_pause: nothing is taken or begun until it is over */
void queue_pause(struct queue *q, bool pause)
{
    q->paused = pause;
    queue_step(q);
}


/* queue_stats says how it is */
void queue_stats(const struct queue *q, struct queue_stats *stats)
{
    const struct item  *item;

    *stats = (struct queue_stats) {
        .n = q->n, .bytes = q->bytes, .held = queue_holds(q),
        .paused = q->paused,
        .full = q->full, .waiting = q->waiting, .seen_since = q->seen_since
    };

    for (item = q->first; item != NULL; item = item->next) {
        stats->running += item->phase == ITEM_RUNNING
                          || item->phase == ITEM_MARK
                          || item->phase == ITEM_MARKING;
    }
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
    q->resume = q->mode == QUEUE_STOPPING;  /* then as soon as it has */

    if (q->mode == QUEUE_STOPPED) {
        q->mode = QUEUE_ON;
        q->standby = q->nofit = q->full = false;
        queue_rename(q);
        queue_ask(q);
    }
}
