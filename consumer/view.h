/* What a handler gets of an event: the JSON of its POST (docs/consumer.md). */

#ifndef VIEW_H
#define VIEW_H

#include "event.h"


/* the view holds the record as it came */
#define VIEW_MAX  (32 * 1024 * 1024)


/* view_write: bytes are those of the record; attempt counts from 1; now in ms,
   for the window */
void view_write(struct buf *b, const struct record *record, struct str bytes,
    const struct event *event, unsigned attempt, long long now);

/* view_id: Meta-Id; the same in every attempt, another for each event */
void view_id(struct buf *b, const struct record *record,
    const struct event *event);


#endif /* VIEW_H */
