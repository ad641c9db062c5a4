/* The bodies of Graph calls (meta-webhooks-and-messaging.md 7.1, 7.2, 8). */

#ifndef REPLY_H
#define REPLY_H

#include "event.h"


/* reply_body writes what the action does for that event; ref is the id that
   Meta gives back in the status or echo of what was sent.  NULL, or the
   reason why there can be none */
const char *reply_body(struct buf *b, const struct action *action,
    const struct event *event, struct str ref);


#endif /* REPLY_H */
