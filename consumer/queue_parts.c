/* An item that is several: what was taken last, until Redis has its parts in
   its place.  Meanwhile nothing else is taken, so that they keep their order;
   then they are read like others that are in flight already. */

#include "queue_own.h"
#include "log.h"

#include <stdlib.h>


/* words of the call beside the records */
#define PARTS_WORDS  16


/* queue_may_part: nothing was taken behind it, and it has not begun */
bool queue_may_part(const struct item *item)
{
    return item->newest && item->crashes == 0 && item->state.len == 0;
}


/* queue_part: inside of ops->open */
bool queue_part(struct item *item, const struct str *records, size_t n)
{
    size_t         i, len = 0;
    char          *at;
    struct queue  *q = item->queue;

    if (n + PARTS_WORDS > SCRIPT_WORDS_MAX) {
        return false;
    }

    for (i = 0; i < n; i++) {
        len += records[i].len;
    }

    /* one block, the slices before the bytes */
    q->parts = mem_alloc(n * sizeof(*q->parts) + len);
    q->nparts = n;
    q->parted = item;
    at = (char *) (q->parts + n);

    for (i = 0; i < n; i++) {
        q->parts[i] = (struct str) { at, records[i].len };
        memcpy(at, records[i].at, records[i].len);
        at += records[i].len;
    }

    item->phase = ITEM_PART;
    queue_want_flush(q);

    return true;
}


/* parts_forget: the item goes, or stays whole */
void parts_forget(struct queue *q)
{
    free(q->parts);
    q->parts = NULL;
    q->nparts = 0;
    q->parted = NULL;
}


/* parts_under_way: who leaves waits for the reply, for what stands before them
   must not go back behind them */
bool parts_under_way(const struct queue *q)
{
    return q->parted != NULL && q->parted->phase == ITEM_PARTING;
}


/* behind what was in flight before */
static void parts_told(struct queue *q, const struct reply *reply)
{
    size_t         i;
    struct item  **end = &q->recall;

    while (*end != NULL) {
        end = &(*end)->next;
    }

    for (i = 0; i < reply_count(reply); i++) {
        *end = item_new(q, reply_str(reply_at(reply, i)));
        end = &(*end)->next;
    }

    stat_row_add(q->stats, STAT_QUEUE_TAKEN, (long long) i - 1);
}


static void on_parts(void *data, const struct reply *reply)
{
    struct item   *item = data;
    struct queue  *q = item->queue;

    if (q == NULL) {
        item_free(item);
        return;
    }

    item->phase = ITEM_PART;
    item->back |= reply == NULL;        /* Redis may have them */
    if (queue_failed(q, SCRIPT_PARTS, reply)) {
        queue_step(q);          /* said again, or the lease went */
        return;
    }

    parts_forget(q);

    if (reply_type(reply) == REPLY_ARRAY) {
        parts_told(q, reply);
        item_settled(item);

    } else if (str_is(reply_str(reply), "GONE") && item->back) {
        item_free(item);    /* they are in flight: a reply was lost */

    } else if (str_is(reply_str(reply), "GONE")) {
        item_gone(q, item);

    } else {
        item->newest = false;
        item->enters = queue_waits(q);
        item->phase = ITEM_WAITING;
        item_open(item);
        queue_enter(q);
    }

    queue_step(q);
}


/* parts_flush puts them there */
void parts_flush(struct queue *q)
{
    char          name[REQUEUE_NAME];
    size_t        i;
    struct item  *item = q->parted;
    struct words  w;

    if (item == NULL || item->phase != ITEM_PART) {
        return;
    }

    words_begin(&w);
    words_key(&w, q, KEY_LEASE);
    words_key(&w, q, KEY_INFLIGHT);
    words_key(&w, q, KEY_COUNT);
    words_key(&w, q, KEY_STATE);
    words_key(&w, q, KEY_HELD);
    words_add(&w, STR(q->owner));
    words_add(&w, item->field);

    requeue_name(name, item->requeued ? item->record : NONE);
    words_add(&w, STR(name));

    for (i = 0; i < q->nparts; i++) {
        words_add(&w, q->parts[i]);
    }

    if (words_call(&w, q, SCRIPT_PARTS, on_parts, item) == 0) {
        item->phase = ITEM_PARTING;
    }
}
