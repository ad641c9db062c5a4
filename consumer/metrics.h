/* GET /metrics for Prometheus, on an address of this machine or a unix
   socket. */

#ifndef METRICS_H
#define METRICS_H

#include "conf.h"


struct metrics;

/* called before figures are asked for: names queues, sets gauges */
typedef void (*metrics_cb)(void *data, struct metrics *m);


/* metrics_new listens as soon as it can, and tries again where it cannot; the
   target must outlive it */
struct metrics *metrics_new(uv_loop_t *loop, const struct conf_listen *where,
    const struct redis_target *target, metrics_cb cb, void *data);

/* metrics_queue: in metrics_cb: a queue whose figures are wanted */
void metrics_queue(struct metrics *m, const char *name);

void metrics_free(struct metrics *m);       /* NULL is fine */


#endif /* METRICS_H */
