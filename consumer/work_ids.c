/* What dedupe knows an item by: its id, within a change each message's, as it
   would be if it had come alone. */

#include "work_own.h"
#include "seen.h"

#include <stdlib.h>


/* statuses come once for each state, and what nobody reads needs no memory */
static bool ids_wanted(const struct work *w)
{
    size_t  i;

    if (w->record.id.len == 0 || w->record.replay) {
        return false;
    }

    for (i = 0; i < w->record.nevents; i++) {
        if (w->record.events[i].kind != KIND_STATUS) {
            return true;
        }
    }

    return false;
}


static void id_hash(unsigned char out[SEEN_LEN], const struct work *w,
    struct str id)
{
    seen_hash(out, queue_seen_key(w->desk->queue), w->record.app,
              w->record.object, w->record.entry, id);
}


/* statuses beside messages are known by the whole record */
static void ids_each(unsigned char (*hashes)[SEEN_LEN], const struct work *w)
{
    size_t               i;
    struct buf           id;
    const struct event  *event;

    for (i = 0; i < w->record.nevents; i++) {
        event = &w->record.events[i];
        buf_init(&id, 4096);
        if (event->kind != KIND_STATUS) {
            view_id(&id, &w->record, event);
        }
        id_hash(hashes[i], w, id.len && !id.over
                ? (struct str) { id.at, id.len } : w->record.id);
        buf_free(&id);
    }
}


/* ids_tell tells the queue; once, at ops->open.  The n-th of them is that of
   the record's n-th event, the last of several the record's own */
void ids_tell(struct work *w)
{
    size_t           n = w->record.nevents;
    unsigned char  (*hashes)[SEEN_LEN];

    if (w->is_job || !ids_wanted(w)) {
        return;
    }

    if (work_long(w)) {         /* history: a chunk is known as a whole */
        hashes = mem_alloc(SEEN_LEN);
        id_hash(hashes[0], w, w->record.id);
        queue_ids(w->item, (const unsigned char (*)[SEEN_LEN]) hashes, 1);
        free(hashes);
        return;
    }

    hashes = mem_alloc((n + 1) * SEEN_LEN);
    ids_each(hashes, w);
    if (n > 1) {
        id_hash(hashes[n++], w, w->record.id);
    }
    queue_ids(w->item, (const unsigned char (*)[SEEN_LEN]) hashes, n);
    free(hashes);
}


/* ids_end: in a change what ran no action is not remembered by itself: it may
   come again alone, or beside others */
void ids_end(struct work *w)
{
    size_t              i;
    bool               *ran;
    const struct step  *step = w->plan.steps;

    if (w->record.nevents < 2 || work_long(w)) {
        return;
    }

    ran = mem_alloc(w->record.nevents * sizeof(*ran));
    for (i = 0; i < w->plan.n; i++, step++) {
        if (step->state == STEP_DONE && step->event < w->record.nevents) {
            ran[step->event] = true;
        }
    }

    for (i = 0; i < w->record.nevents; i++) {
        if (!ran[i] || w->record.events[i].kind == KIND_STATUS) {
            queue_unseen(w->item, i);
        }
    }

    free(ran);
}
