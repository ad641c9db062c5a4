/* An item whose record must not stay as somebody pushed it: it is written anew
   where it stands in {Q}:inflight, before anything else is said of it. */

#include "queue_own.h"

#include <stdlib.h>

#include <openssl/crypto.h>


/* whose answer is awaited; the item may be gone by then */
struct rewrite {
    struct queue  *queue;
    char          *field;
};


/* queue_rewrite: all that comes later, also a letter, is made of the new one;
   slices of the old one are gone */
void queue_rewrite(struct item *item, struct str record)
{
    char          *old = (char *) item->record.at;
    struct queue  *q = item->queue;

    q->bytes = q->bytes - item->record.len + record.len;

    if (item->record.len) {
        OPENSSL_cleanse(old, item->record.len);
        free(old);
    }

    item->record = (struct str) { mem_copy(record.at, record.len),
                                  record.len };
    item->rewritten = true;
    q->rewritten = true;
    queue_want_flush(q);
}


/* where nobody knows whether Redis has it, it is said again with the next */
static void on_rewrite(void *data, const struct reply *reply)
{
    struct item     *item;
    struct queue    *q;
    struct rewrite  *r = data;

    q = r->queue;

    if (queue_failed(q, SCRIPT_REWRITE, reply)) {
        item = queue_find(q, STR(r->field));
        if (item != NULL) {
            item->rewritten = true;
            q->rewritten = true;
        }
        queue_step(q);
    }

    free(r->field);
    free(r);
}


static void rewrite_say(struct queue *q, struct item *item)
{
    struct words     w;
    struct rewrite  *r = mem_alloc(sizeof(*r));

    r->queue = q;
    r->field = mem_copy(item->field.at, item->field.len);

    words_begin(&w);
    words_key(&w, q, KEY_LEASE);
    words_key(&w, q, KEY_INFLIGHT);
    words_add(&w, STR(q->owner));
    words_add(&w, item->field);
    words_add(&w, item->record);

    /* its whole text: what is said behind it must not overtake it */
    if (script_last(q->redis, SCRIPT_REWRITE, w.at, w.nkeys, w.n, on_rewrite,
                    r) == 0)
    {
        item->rewritten = false;
        return;
    }

    q->rewritten = true;
    free(r->field);
    free(r);
}


/* rewrite_flush goes before all that moves an item: who ends, waits or goes
   back is moved as it stands there */
void rewrite_flush(struct queue *q)
{
    struct item  *item;

    if (!q->rewritten || !redis_up(q->redis)) {
        return;
    }

    q->rewritten = false;

    for (item = q->first; item != NULL; item = item->next) {
        if (item->rewritten) {
            rewrite_say(q, item);
        }
    }
}
