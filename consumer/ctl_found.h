/* Items by their id, wherever in Redis they are. */

#ifndef CTL_FOUND_H
#define CTL_FOUND_H

#include "ctl.h"


/* slices live as long as the callback */
struct found {
    const char  *list;
    const char  *state;     /* queue, urgent, inflight, held, retry, dead... */
    struct str   field;     /* or index */
    long long    score;
    struct str   item;      /* as it stands there */
    struct str   record;    /* of it; dead: the letter */
};

typedef void (*found_cb)(void *data, struct ctl *c, const struct found *f);

/* ctl_receipt.c: how many messages have that id, or were sent for the event or
   job that has it */
size_t receipts_tell(struct ctl *c, const char *id, struct jw *j,
    struct buf *text);

void found_each(struct ctl *c, const char *id, found_cb cb, void *data);


#endif /* CTL_FOUND_H */
