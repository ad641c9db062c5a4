/* How far items are: looked up before they begin, marked while they are at
   work.  All of one turn of the loop are one call. */

#include "queue_own.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>


#define START_WORDS   3         /* of an item in a call */
#define MARK_WORDS    3


/* start_needed: it has to be looked up before it begins */
bool start_needed(const struct item *item)
{
    return item->fresh && !item->checked
           && (item->nids > 0 || item->requeued);
}


/* requeue_name writes the name */
void requeue_name(char out[REQUEUE_NAME], struct str record)
{
    size_t         i;
    unsigned int   n;
    unsigned char  digest[EVP_MAX_MD_SIZE];

    out[0] = '\0';
    if (record.len == 0) {
        return;
    }

    if (!EVP_Digest(record.at, record.len, digest, &n, EVP_sha256(), NULL)) {
        abort();
    }

    memcpy(out, "r:", 2);
    for (i = 0; i < 16; i++) {
        snprintf(out + 2 + 2 * i, 3, "%02x", digest[i]);
    }
}


/* the digits of start.lua; of several the last is that of the whole */
static bool item_was_seen(struct item *item, struct str digits)
{
    size_t  i, n = 0, last = item->nids - 1;

    for (i = 0; i < item->nids && i < digits.len; i++) {
        item->known[i] = digits.at[i] == '1';
        n += i < last && item->known[i];
    }

    return i > 0 && (item->known[last] || (last > 0 && n == last));
}


static void item_started(struct item *item, struct str answer)
{
    struct queue  *q = item->queue;

    item->phase = ITEM_WAITING;
    item->checked = true;

    if (answer.len && answer.at[0] != '0' && answer.at[0] != '1') {
        item_state(item, answer);

    } else if (item_was_seen(item, answer)) {
        if (q->ops->duplicate != NULL) {
            q->ops->duplicate(q->data, item);
        }
        queue_done(item, OUTCOME_DUPLICATE);
        return;
    }

    item_make_ready(q, item);
}


static void on_start(void *data, const struct reply *reply)
{
    bool           failed;
    size_t         i;
    struct item   *item;
    struct batch  *batch = data;
    struct queue  *q = batch->queue;

    queue_said(q, &q->starting);
    failed = queue_failed(q, SCRIPT_START, reply)
             || reply_count(reply) < batch->n;

    for (i = 0; i < batch->n; i++) {
        item = batch->items[i];

        if (item->queue == NULL) {
            item_free(item);

        } else if (failed) {
            item->phase = ITEM_START;
            item->stated |= item->requeued;     /* it may have it now */

        } else {
            item_started(item, reply_str(reply_at(reply, i)));
        }
    }

    free(batch);
    queue_step(q);
}


/* start_flush looks up all that are about to begin */
void start_flush(struct queue *q, size_t starts)
{
    char        (*names)[REQUEUE_NAME];
    size_t         i, ids = 0;
    struct item   *item;
    struct batch  *batch;
    struct words   w;

    batch = batch_new(q, SCRIPT_START, q->n);
    names = mem_alloc((q->n + 1) * sizeof(*names));

    words_begin(&w);
    words_key(&w, q, KEY_LEASE);
    words_key(&w, q, KEY_STATE);
    words_key(&w, q, KEY_SEEN);
    words_key(&w, q, KEY_SEEN_COUNT);
    words_add(&w, STR(q->owner));

    for (item = q->first; item != NULL; item = item->next) {
        if (item->phase != ITEM_START
            || w.n + START_WORDS > SCRIPT_WORDS_MAX
            || (ids > 0 && ids + item->nids > WORDS_IDS))
        {
            continue;
        }

        ids += item->nids;
        i = batch->n++;
        batch->items[i] = item;
        item->phase = ITEM_STARTING;

        requeue_name(names[i], item->requeued ? item->record : NONE);

        words_add(&w, item->field);
        words_add(&w, STR(names[i]));
        words_add(&w, (struct str) { (const char *) item->ids,
                                     item->nids * SEEN_LEN });
    }

    q->unsaid |= batch->n < starts;
    q->starting = words_call(&w, q, SCRIPT_START, on_start, batch) == 0;
    if (!q->starting) {
        for (i = 0; i < batch->n; i++) {
            batch->items[i]->phase = ITEM_START;
        }
        free(batch);
    }

    free(names);
}


static void mark_failed(struct item *item)
{
    queue_cb   cb = item->call->cb;
    void      *data = item->call->data;

    item_free(item);
    cb(data, false);
}


static void mark_done(struct item *item)
{
    queue_cb   cb = item->call->cb;
    void      *data = item->call->data;

    item_state(item, item->call->state);
    call_free(item);
    item->phase = ITEM_RUNNING;
    cb(data, true);
}


/* a mark whose answer is lost may be written: read back as one of another
   consumer's, it would make a call ambiguous that has never left */
static void on_mark(void *data, const struct reply *reply)
{
    bool           failed;
    size_t         i;
    struct batch  *batch = data;
    struct queue  *q = batch->queue;

    queue_said(q, &q->marking);
    failed = queue_failed(q, SCRIPT_MARK, reply);

    if (!failed && reply_int(reply) > 0) {
        queue_unpushed(q, reply_int(reply));
    }

    for (i = 0; i < batch->n; i++) {
        if (batch->items[i]->queue == NULL) {
            mark_failed(batch->items[i]);
        } else if (failed) {
            batch->items[i]->phase = ITEM_MARK;     /* said again: no harm */
        } else {
            mark_done(batch->items[i]);
        }
    }

    free(batch);
    queue_step(q);
}


/* mark_flush writes all marks of this turn */
void mark_flush(struct queue *q, size_t marks)
{
    size_t         i, n, bytes = 0;
    struct item   *item;
    struct batch  *batch = batch_new(q, SCRIPT_MARK, q->n);
    struct words   w;

    words_begin(&w);
    words_key(&w, q, KEY_LEASE);
    words_key(&w, q, KEY_STATE);

    n = 3;
    for (item = q->first; item != NULL; item = item->next) {
        if (item->phase == ITEM_MARK && words_fit(&bytes, item)
            && words_lists(&w, item->call, &n, MARK_WORDS))
        {
            item->phase = ITEM_MARKING;
            batch->items[batch->n++] = item;
        }
    }

    q->unsaid |= batch->n < marks;
    words_lists_end(&w);
    words_add(&w, STR(q->owner));

    for (i = 0; i < batch->n; i++) {
        item = batch->items[i];
        words_add(&w, item->field);
        words_add(&w, item->call->state);
        words_pushes(&w, item->call);
    }

    q->marking = words_call(&w, q, SCRIPT_MARK, on_mark, batch) == 0;
    if (!q->marking) {
        for (i = 0; i < batch->n; i++) {
            batch->items[i]->phase = ITEM_MARK;
        }
        free(batch);
    }
}


/* queue_mark has Redis know how far it is */
void queue_mark(struct item *item, struct str state,
    const struct queue_push *push, size_t npush, queue_cb cb, void *data)
{
    size_t              i;
    struct queue_call  *call;

    if (item->queue == NULL) {
        item_free(item);
        cb(data, false);
        return;
    }

    call_free(item);
    call = item_call(item);
    call->cb = cb;
    call->data = data;

    if (state.len) {
        call->state.at = mem_copy(state.at, state.len);
        call->state.len = state.len;
    }

    for (i = 0; i < npush; i++) {
        call_push(call, &push[i]);
    }

    item->phase = ITEM_MARK;
    queue_want_flush(item->queue);
}


/* mark_lost: the lease or the item went before it was said */
void mark_lost(struct item *item)
{
    item_detach(item);
    mark_failed(item);
}


/* queue_end_push: pushed in the same script as the end */
void queue_end_push(struct item *item, const struct queue_push *push)
{
    if (item->queue != NULL) {
        call_push(item_call(item), push);
    }
}


/* queue_end_seen says whether its ids are remembered */
void queue_end_seen(struct item *item, bool mark)
{
    if (item->queue != NULL) {
        item_call(item)->says_seen = true;
        item_call(item)->seen = mark;
    }
}


/* queue_end_ref: {Q}:state remembers the letter under it, as settle.lua wants
   it */
void queue_end_ref(struct item *item, struct str ref)
{
    if (item->queue != NULL && ref.len) {
        item_call(item)->ref = (struct str) { mem_copy(ref.at, ref.len),
                                              ref.len };
    }
}
