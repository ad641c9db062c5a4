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


/* statuses beside messages are known by the whole record: it is a duplicate
   only where they have been seen, too */
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


/* ids_tell tells the queue; inside of ops->open.  The n-th of them is that of
   the record's n-th event */
void ids_tell(struct work *w)
{
    size_t           n = w->record.nevents;
    unsigned char  (*hashes)[SEEN_LEN];

    if (w->is_job || !ids_wanted(w)) {
        return;
    }

    hashes = mem_alloc(n * SEEN_LEN);
    ids_each(hashes, w);
    queue_ids(w->item, (const unsigned char (*)[SEEN_LEN]) hashes, n);
    free(hashes);
}
