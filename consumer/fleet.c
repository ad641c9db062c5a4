/* The consumers that work the same queues: each says every 2 s in Redis that it
   lives, reads who else does, and acts by the answer, never without one. */

#include "fleet_own.h"
#include "script.h"
#include "stats.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/rand.h>


#define FLEET_LIFE_MS   6000
#define FLEET_CHECK_MS  250     /* whether a lease came or went */
#define FLEET_LATE_MS   2000    /* an answer so old is not acted by */
#define FLEET_QUIET_MS  4000    /* after an outage: the others come back, too */
#define FLEET_FREE_MS   6000    /* then also an answer that was lost is over */
#define FLEET_LEAVE_MS  1000


static void on_beat(uv_timer_t *timer);
static void on_check(uv_timer_t *timer);


/* fleet_refused: said once, until it is answered again */
bool fleet_refused(const struct reply *reply, const char *what, bool *said)
{
    char  code[REPLY_WHY_MAX];

    if (reply == NULL) {
        return true;
    }

    if (reply_type(reply) != REPLY_ERROR) {
        if (*said) {
            log_write(LOG_INFO, "consumers: %s is not refused any more",
                      what);
            *said = false;
        }
        return false;
    }

    if (!*said) {
        log_write(LOG_WARN, "consumers: %s is refused: %s", what,
                  reply_why(code, reply));
        *said = true;
    }

    return true;
}


static void fleet_check(struct fleet *f)
{
    if (!uv_is_active((uv_handle_t *) &f->check)) {
        uv_timer_start(&f->check, on_check, FLEET_CHECK_MS, FLEET_CHECK_MS);
    }
}


/* fleet_claim competes for a list */
void fleet_claim(struct fleet *f, struct fleet_list *list)
{
    if (list->claimed) {
        return;
    }

    if (list->q == NULL) {
        list->q = f->ops->make(f->data, f->queues[list->queue].conf,
                               list->name);
    }

    list->claimed = true;
    stat_add(STAT_CLAIMS, 1);
    queue_claim(list->q);
    fleet_check(f);
}


/* fleet_yield gives a list up, as soon as nothing of it is on the wire */
void fleet_yield(struct fleet *f, struct fleet_list *list)
{
    if (!list->claimed) {
        return;
    }

    if (queue_held(list->q)) {
        log_write(LOG_INFO, "queue %s: gives it up for another consumer",
                  list->name);
    }

    list->claimed = false;
    stat_add(STAT_YIELDS, 1);
    list->yielded = uv_now(f->loop);
    queue_yield(list->q);
    fleet_check(f);
}


/* lists that are none of a queue's any more, or that another one looks after */
static void fleet_drop(struct fleet *f)
{
    size_t              i;
    struct fleet_list  *list;

    for (i = 0; i < f->nlists; i++) {
        list = f->lists[i];

        if (!list->planned
            && (list->queue == SIZE_MAX || !list->left
                || !f->queues[list->queue].first))
        {
            list->left = false;
            fleet_yield(f, list);
        }
    }
}


static void fleet_beat_in(struct fleet *f, unsigned ms)
{
    uv_timer_start(&f->beat, on_beat, ms, FLEET_BEAT_MS);
}


static bool fleet_first(const struct fleet *f)
{
    size_t  i, n = 0;

    for (i = 0; i < f->nqueues; i++) {
        n += f->queues[i].first;
    }

    return n > 0;
}


/* an error of this Redis, not of a key or a right: another connection may
   lead to another one */
static bool fleet_elsewhere(const struct reply *reply)
{
    size_t                    i;
    static const char *const  codes[] = {
        "LOADING", "READONLY", "NOAUTH", "MASTERDOWN"
    };

    for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (reply_error(reply, codes[i])) {
            return true;
        }
    }

    return false;
}


static void on_join(void *data, const struct reply *reply)
{
    char           code[REPLY_WHY_MAX], why[128];
    bool           first;
    unsigned       next;
    struct fleet  *f = data;
    uint64_t       now = uv_now(f->loop);

    f->joining = false;

    if (reply != NULL && fleet_elsewhere(reply)) {
        snprintf(why, sizeof(why), "refused the script join: %s",
                 reply_why(code, reply));
        redis_drop(f->redis, why);
        return;
    }

    if (fleet_refused(reply, "the script join",
                      &f->refused))
    {
        return;
    }

    if (f->leaving || now < f->quiet) {
        return;
    }

    if (now - f->asked > FLEET_LATE_MS) {
        fleet_beat_in(f, 0);
        return;
    }

    first = fleet_first(f);

    if (reply_count(reply) != 2 || f->joined != f->round) {
        fleet_beat_in(f, FLEET_SOON_MS);
        return;
    }

    fleet_edge(f, reply_at(reply, 0));
    next = fleet_view(f, reply_at(reply, 1));
    fleet_beat_in(f, f->again ? 0 : next);
    f->again = false;

    fleet_drop(f);
    fleet_prune(f);

    if (!first && fleet_first(f)) {
        fleet_look_soon(f);
    }
}


static int fleet_join(struct fleet *f, const char *life, bool last,
    redis_cb cb)
{
    int         rc;
    char        most[16], keys[FLEET_ASKED][FLEET_NAME_MAX + 16];
    size_t      i, n = 0;
    struct buf  entry;
    struct str  words[FLEET_ASKED + 5];

    snprintf(most, sizeof(most), "%d", SHARE_MEMBERS_MAX);
    fleet_entry(f, &entry);

    words[n++] = STR(FLEET_KEY);
    for (i = 0; i < f->nqueues && i < FLEET_ASKED
         && !f->queues[i].conf->implied; i++)
    {
        snprintf(keys[i], sizeof(keys[i]), "%s:partitions",
                 f->queues[i].conf->name);
        words[n++] = STR(keys[i]);
    }

    words[n++] = STR(f->id);
    words[n++] = (struct str) { entry.at, entry.len };
    words[n++] = STR(life);
    words[n++] = STR(most);

    rc = (last ? script_last : script_call)(f->redis, SCRIPT_JOIN, words,
                                            i + 1, n, cb, f);
    buf_free(&entry);

    return rc;
}


static void on_beat(uv_timer_t *timer)
{
    char           life[16];
    struct fleet  *f = timer->data;

    if (f->joining || !redis_up(f->redis)) {
        f->again = f->joining;
        return;
    }

    snprintf(life, sizeof(life), "%d", FLEET_LIFE_MS);
    f->asked = uv_now(f->loop);
    f->joined = f->round;
    f->joining = fleet_join(f, life, false, on_join) == 0;
}


/* true: nothing is to come of it */
static bool list_check(struct fleet *f, struct fleet_list *list, bool *news)
{
    bool  held = queue_held(list->q);

    if (held != list->held) {
        list->held = held;
        *news = true;
    }

    if (list->claimed) {
        if (queue_leaving(list->q) && !held && !f->leaving) {
            list->stopped = true;
            fleet_yield(f, list);
            *news = true;
        }
        return held;
    }

    if (!held && !f->leaving
        && uv_now(f->loop) - list->yielded > FLEET_FREE_MS)
    {
        f->ops->drop(f->data, list->q);
        queue_free(list->q);
        list->q = NULL;
        return true;
    }

    return false;
}


/* who got a lease, or gave one back, says so at once */
static void on_check(uv_timer_t *timer)
{
    bool           news = false, rest = true;
    size_t         i;
    struct fleet  *f = timer->data;

    for (i = 0; i < f->nlists; i++) {
        if (f->lists[i]->q != NULL) {
            rest &= list_check(f, f->lists[i], &news);
        }
    }

    if (news) {
        fleet_beat_in(f, 0);
    }

    if (rest) {
        uv_timer_stop(&f->check);
    }
}


static void on_up(void *data)
{
    struct fleet  *f = data;

    f->quiet = f->lost ? uv_now(f->loop) + FLEET_QUIET_MS : 0;
    fleet_beat_in(f, 0);
}


/* all of us lost it, and who is back first must not take what the others have;
   leases that go on are the queues' own business */
static void on_down(void *data)
{
    struct fleet  *f = data;

    f->joining = f->again = false;
    f->lost = true;
}


static void fleet_id(struct fleet *f)
{
    uv_timeval64_t  now;
    unsigned char   salt[4];

    snprintf(f->host, sizeof(f->host), "?");
    gethostname(f->host, sizeof(f->host) - 1);
    uv_gettimeofday(&now);
    RAND_bytes(salt, sizeof(salt));

    /* who began first is first in the order of ids */
    f->started = now.tv_sec * 1000 + now.tv_usec / 1000;
    snprintf(f->id, sizeof(f->id), "%013lld:%s:%d:%02x%02x%02x%02x",
             f->started, f->host, (int) getpid(), salt[0], salt[1], salt[2],
             salt[3]);
}


/* fleet_new joins the others as soon as the loop runs and fleet_conf has said
   for what */
struct fleet *fleet_new(uv_loop_t *loop, const struct redis_target *target,
    struct queue_house *house, const struct fleet_ops *ops, void *data)
{
    struct fleet  *f = mem_alloc(sizeof(*f));

    f->loop = loop;
    f->ops = ops;
    f->data = data;
    fleet_id(f);

    uv_timer_init(loop, &f->beat);
    uv_timer_init(loop, &f->check);
    uv_timer_init(loop, &f->look);
    f->beat.data = f->check.data = f->look.data = f;
    f->handles = 3;

    f->redis = redis_new(loop, target, NULL, on_up, on_down, f);
    f->watch = watch_new(loop, f->redis);
    house->redis = f->redis;
    house->watch = f->watch;

    return f;
}


static const struct fleet_queue *old_queue(const struct fleet *f,
    const char *name)
{
    size_t  i;

    for (i = 0; i < f->nqueues; i++) {
        if (strcmp(f->queues[i].conf->name, name) == 0) {
            return &f->queues[i];
        }
    }

    return NULL;
}


/* fleet_conf takes over which queues there are */
void fleet_conf(struct fleet *f, struct conf *conf)
{
    size_t                     i;
    struct conf               *old = f->conf;
    struct fleet_queue        *queues;
    const struct fleet_queue  *before;
    const struct conf_queue   *confs = conf->queues.at;

    queues = mem_alloc((conf->queues.n + 1) * sizeof(*queues));

    for (i = 0; i < conf->queues.n; i++) {
        before = old_queue(f, confs[i].name);
        if (before != NULL) {
            queues[i] = *before;
        }
        if (before == NULL || before->conf->partitions != confs[i].partitions)
        {
            queues[i].n = confs[i].partitions;
            queues[i].warned = 0;
        }
        queues[i].conf = &confs[i];
    }

    free(f->queues);
    f->queues = queues;
    f->nqueues = conf->queues.n;
    f->conf = conf_hold(conf);
    f->round++;
    conf_drop(old);

    for (i = 0; i < f->nlists; i++) {
        f->lists[i]->stopped = false;
        if (f->lists[i]->q != NULL) {       /* ours, or not dropped yet */
            queue_resume(f->lists[i]->q);
        }
    }

    fleet_plan(f);
    fleet_drop(f);
    fleet_beat_in(f, 0);

    if (fleet_first(f)) {
        fleet_look_soon(f);
    }
}


/* fleet_each calls back for each queue that is not idle here */
void fleet_each(struct fleet *f, void (*cb)(void *data, struct queue *q),
    void *data)
{
    size_t  i;

    for (i = 0; i < f->nlists; i++) {
        if (f->lists[i]->q != NULL) {
            cb(data, f->lists[i]->q);
        }
    }
}


/* fleet_lists calls back for each list, ours or not */
void fleet_lists(struct fleet *f,
    void (*cb)(void *data, const char *name, struct queue *q), void *data)
{
    size_t  i;

    for (i = 0; i < f->nlists; i++) {
        cb(data, f->lists[i]->name, f->lists[i]->q);
    }
}


static void fleet_left(struct fleet *f)
{
    uv_timer_stop(&f->beat);
    uv_timer_stop(&f->check);
    f->ops->gone(f->data);
}


static void on_left(void *data, const struct reply *reply)
{
    (void) reply;       /* without it the entry runs out by itself */
    fleet_left(data);
}


static void on_leave_late(uv_timer_t *timer)
{
    fleet_left(timer->data);
}


/* all is given back: the others need not wait for us to be missed */
static void fleet_leave(struct fleet *f)
{
    uv_timer_stop(&f->check);

    if (!redis_up(f->redis) || fleet_join(f, "0", false, on_left) != 0) {
        fleet_left(f);
        return;
    }

    uv_timer_start(&f->beat, on_leave_late, FLEET_LEAVE_MS, 0);
}


static void drain_one(void *data, struct queue *q)
{
    (void) data;
    queue_drain(q);
}


static void count_one(void *data, struct queue *q)
{
    (void) q;
    ++*(size_t *) data;
}


/* fleet_drain ends all in good order; others take what was given back */
void fleet_drain(struct fleet *f)
{
    f->leaving = true;
    uv_timer_stop(&f->look);

    f->draining = 1;            /* ours, so that it ends in one place */
    fleet_each(f, count_one, &f->draining);
    fleet_each(f, drain_one, NULL);

    fleet_beat_in(f, 0);
    fleet_check(f);
    fleet_gone(f);
}


/* fleet_gone: one more of those that drain is gone */
void fleet_gone(struct fleet *f)
{
    if (--f->draining == 0) {
        fleet_leave(f);
    }
}


static void on_closed(uv_handle_t *handle)
{
    struct fleet  *f = handle->data;

    if (--f->handles == 0) {
        free(f);
    }
}


static void on_last(void *data, const struct reply *reply)
{
    (void) data;
    (void) reply;
}


/* fleet_free ends all; what is in flight is the next holder's */
void fleet_free(struct fleet *f)
{
    size_t  i;

    f->leaving = true;

    for (i = 0; i < f->nlists; i++) {
        fleet_list_free(f->lists[i]);
    }
    f->nlists = 0;

    /* who leaves at once is not to be missed, either */
    if (redis_up(f->redis) && fleet_join(f, "0", true, on_last) == 0) {
        redis_flush(f->redis);
    }

    watch_free(f->watch);
    redis_free(f->redis);
    conf_drop(f->conf);
    free(f->lists);
    free(f->queues);

    uv_close((uv_handle_t *) &f->beat, on_closed);
    uv_close((uv_handle_t *) &f->check, on_closed);
    uv_close((uv_handle_t *) &f->look, on_closed);
}
