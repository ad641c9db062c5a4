/* Whether something has come to one of many lists, asked for all of them at
   once: a connection for each list that waits would be hundreds. */

#ifndef WATCH_H
#define WATCH_H

#include "redis.h"


#define WATCH_KEYS  2

struct watch;

/* one who waits; the keys are his own, the rest is the watch's */
struct watched {
    const char       *keys[WATCH_KEYS];
    void            (*cb)(void *data);
    void             *data;
    struct watched   *next;
    struct watched  **at;           /* NULL: he does not wait */
};


/* watch_new: the connection must outlive it */
struct watch *watch_new(uv_loop_t *loop, struct redis *redis);

/* watch_ask: cb once, when one of his keys is there, or may be */
void watch_ask(struct watch *w, struct watched *one);
void watch_drop(struct watched *one);
void watch_free(struct watch *w);


#endif /* WATCH_H */
