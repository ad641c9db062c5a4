/* The consumers that work the same queues: they find each other in Redis and
   share out the lists; whoever joins gets his share, whoever leaves or dies
   leaves his to the others. */

#ifndef FLEET_H
#define FLEET_H

#include "conf.h"
#include "queue.h"


struct fleet;

struct fleet_ops {
    /* a queue that does not compete yet */
    struct queue  *(*make)(void *data, const struct conf_queue *conf,
                           const char *list);
    /* the queue is about to be freed */
    void           (*drop)(void *data, struct queue *q);
    /* after fleet_drain: nothing is in our hands any more, all know it */
    void           (*gone)(void *data);
};


/* fleet_new lets the house have the connection that all of them use */
struct fleet *fleet_new(uv_loop_t *loop, const struct redis_target *target,
    struct queue_house *house, const struct fleet_ops *ops, void *data);

/* fleet_conf: which queues; also on a reload.  Those that met a newer version
   look again */
void fleet_conf(struct fleet *f, struct conf *conf);

/* fleet_each: those that we hold, compete for or give up */
void fleet_each(struct fleet *f, void (*cb)(void *data, struct queue *q),
    void *data);

/* fleet_lists: all that there are; q is NULL where it is not ours */
void fleet_lists(struct fleet *f,
    void (*cb)(void *data, const char *name, struct queue *q), void *data);

/* fleet_drain drains all; fleet_gone is to be called for each that is gone */
void fleet_drain(struct fleet *f);
void fleet_gone(struct fleet *f);

void fleet_free(struct fleet *f);


#endif /* FLEET_H */
