/* Dead letters that are older than retention.dead: the holder drops them, a
   few at a time. */

#include "queue_own.h"
#include "log.h"


#define OLD_MANY       100
#define OLD_LEAST_MS   1000
#define OLD_MOST_MS    60000


/* queue_dead_keep sets how long dead letters stay, 0: until somebody acts */
void queue_dead_keep(struct queue *q, unsigned long ms)
{
    if (q->dead_keep != ms) {
        q->dead_keep = ms;
        q->old_next = 0;
    }
}


static void on_old(void *data, const struct reply *reply)
{
    char           why[REPLY_WHY_MAX];
    struct queue  *q = data;

    q->aging = false;

    if (reply == NULL || reply_error(reply, "LEASE")) {
        return;             /* whoever has it looks */
    }

    if (reply_type(reply) == REPLY_ERROR) {
        log_write(LOG_WARN, "queue %s: old dead letters stay, Redis refuses to"
                  " drop them: %s", q->keys[KEY_QUEUE],
                  reply_why(why, reply));
        return;
    }

    if (reply_int(reply_at(reply, 0)) > 0) {
        log_write(LOG_INFO, "queue %s: %lld dead letters were dropped, they"
                  " were older than retention.dead", q->keys[KEY_QUEUE],
                  reply_int(reply_at(reply, 0)));
    }

    if (reply_int(reply_at(reply, 1)) > 0) {
        q->old_next = 0;
    }
}


/* queue_old looks for them, now and then */
void queue_old(struct queue *q)
{
    uint64_t      now = uv_now(q->loop), ms = q->dead_keep / 10;
    struct words  w;

    if (q->dead_keep == 0 || q->aging || now < q->old_next || !q->synced
        || !queue_holds(q))
    {
        return;
    }

    words_begin(&w);
    words_key(&w, q, KEY_LEASE);
    words_key(&w, q, KEY_DEAD);
    words_key(&w, q, KEY_COUNT);
    words_key(&w, q, KEY_STATE);
    words_add(&w, STR(q->owner));
    words_number(&w, q->dead_keep);
    words_number(&w, OLD_MANY);

    ms = ms < OLD_LEAST_MS ? OLD_LEAST_MS : ms > OLD_MOST_MS ? OLD_MOST_MS
         : ms;
    q->old_next = now + ms;
    q->aging = words_call(&w, q, SCRIPT_OLD, on_old, q) == 0;
}
