/* Limits that hold across processes: rates, stops, usage and pauses of lanes,
   shared through Redis and told by Redis's clock. */

#ifndef LIMITS_H
#define LIMITS_H

#include "conf.h"
#include "lane.h"
#include "usage.h"


#define LIMITS_LANES_MAX  12            /* of one call */
#define LIMITS_FOREVER    UINT64_MAX    /* until somebody resumes it */
#define LIMITS_NOBODY     SIZE_MAX      /* no lane to wait for */

struct limits;

/* go: it may leave now.  Else which lane refused, and after how many ms it may
   be asked again: limits_wait says the same until then, and on_open tells the
   end.  LIMITS_NOBODY: Redis is away (or so many lanes are closed that no more
   are remembered), nothing was taken and nothing will be told: ask again after
   ms.  Called once, never inside of limits_take */
typedef void (*limits_cb)(void *data, bool go, size_t which, uint64_t ms);

/* a lane may be asked again; n: how many calls it will let through at once, a
   hint, at least 1 (1 where a stop ended: the first is a probe).  Where more
   wait, some more must be woken whenever some have gone, until one is refused:
   only a lane that refused tells its opening */
typedef void (*limits_open_cb)(void *data, const char *lane, size_t n);

/* a pause of a whole queue began or ended; queue NULL: limits_known has become
   true */
typedef void (*limits_pause_cb)(void *data, const char *queue, bool paused);


/* limits_new: the target must outlive it; conf is read, not kept */
struct limits *limits_new(uv_loop_t *loop, const struct redis_target *target,
    const struct conf *conf);
void limits_conf(struct limits *l, const struct conf *conf);   /* a reload */
void limits_on_open(struct limits *l, limits_open_cb cb, void *data);
void limits_on_pause(struct limits *l, limits_pause_cb cb, void *data);

/* limits_known: Redis has said what is paused, or that it never will; before
   that nothing may begin */
bool limits_known(const struct limits *l);

/* limits_free: who waits for an answer gets "no" first; what is asked anew is
   never answered.  The loop has to run once more */
void limits_free(struct limits *l);

/* limits_key: of people's and tokens' hashes in names of lanes */
void limits_key(unsigned char key[16], const struct conf *conf);

/* limits_lane fills a lane as the configuration has it; id, who as in
   lane_set */
void limits_lane(const struct limits *l, struct lane *lane,
    enum lane_kind kind, struct str id, struct str who);

/* limits_wait: without a round trip, the lane known to be closed for longest
   and for how long; NULL: none.  A paused account closes all its lanes */
const struct lane *limits_wait(struct limits *l,
    const struct lane *lanes, size_t n, uint64_t *ms);

/* limits_take asks for room on all lanes or none; all asks of a loop turn are
   one script call.  n 0 to LIMITS_LANES_MAX; lanes are copied */
void limits_take(struct limits *l, const struct lane *lanes, size_t n,
    limits_cb cb, void *data);

/* limits_give counts what happened without being asked (messages that came
   in); it never makes a debt beyond the burst */
void limits_give(struct limits *l, const struct lane *lanes, size_t n);

/* limits_passed: a call on these lanes had an answer that is no throttle, good
   or bad.  Ends the backoff of one that was throttled and opens it to more
   than its probe; costs nothing where none was */
void limits_passed(struct limits *l, const struct lane *lanes, size_t n);

/* limits_stop: nothing on this lane for ms, in all consumers.  grows 0: ms is
   exact (Meta said it; LIMITS_FOREVER: as long as a pause, see limits_pause).
   Else it is a guess: each further stop before a call has passed multiplies
   the last by it, up to an hour (or ms), and after it one call goes alone */
void limits_stop(struct limits *l, const struct lane *lane, uint64_t ms,
    unsigned grows, const char *why);

/* limits_resume: what was stopped for is over, somebody has seen to it */
void limits_resume(struct limits *l, const char *lane);

/* limits_usage: what the answer's headers said, and the lanes of its call */
void limits_usage(struct limits *l, const struct usage *usage,
    const struct lane *lanes, size_t n);

/* limits_rate: this lane's own rate, learned; 0: as configured */
void limits_rate(struct limits *l, const char *lane, double per_s);

/* limits_pause writes meta:control, which people resume (metactl): what is
   "queue:NAME", "lane:NAME" or "account:ID"; one that stands there stays */
void limits_pause(struct limits *l, const char *what, const char *why);

/* limits_gauges: for metrics, the lanes that are stopped or paused now */
void limits_gauges(const struct limits *l);

/* limits_queue_paused: as of the last second */
bool limits_queue_paused(const struct limits *l, const char *queue);


#endif /* LIMITS_H */
