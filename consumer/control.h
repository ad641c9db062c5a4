/* Pauses of queues, lanes and accounts: what meta:control says. */

#ifndef CONTROL_H
#define CONTROL_H

#include "lane.h"


#define CONTROL_MAX  4096       /* pauses that are heeded */

enum pause_kind {
    PAUSE_QUEUE,
    PAUSE_LANE,
    PAUSE_ACCOUNT
};

struct pause {
    enum pause_kind  kind;
    char            *name;
    uint64_t         until;     /* the loop's ms; UINT64_MAX: until resumed */
    bool             kept;
};

struct control {
    struct pause  *pauses;
    size_t         n;
};


/* control_begin, control_say for each field, control_end: a whole new state;
   cb hears of each pause of a queue that began or ended.  ms < 0: until
   resumed; now: the loop's */
typedef void (*control_cb)(void *data, const char *queue, bool paused);
void control_begin(struct control *c);
void control_say(struct control *c, struct str field, long long ms,
    uint64_t now, control_cb cb, void *data);
void control_end(struct control *c, control_cb cb, void *data);

/* control_find: until when it is paused, 0: it is not */
uint64_t control_find(const struct control *c, enum pause_kind kind,
    struct str name);

/* control_lane: until when a lane is paused by itself or by its account */
uint64_t control_lane(const struct control *c, const struct lane *lane);
void control_free(struct control *c);


#endif /* CONTROL_H */
