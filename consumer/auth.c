/* Who reads meta:auth: a connection of its own that waits for nothing else, so
   that a login never stands behind a queue.  What it has taken is nowhere else
   any more, and that is meant: a code is tried once, or not at all. */

#include "auth.h"
#include "log.h"
#include "stats.h"

#include <stdlib.h>


#define AUTH_LIST      "meta:auth"
#define AUTH_WAIT_S    "0.25"   /* of BLPOP; who drains waits as long */
#define AUTH_REPLY_MS  6000
#define AUTH_AGAIN_MS  1000     /* after a refusal */
#define AUTH_TREE_MAX  (1024 * 1024)


struct auth {
    struct flows   *flows;
    struct redis   *redis;
    bool            asking;
    bool            refused;    /* and it was said */
    bool            draining;
    long long       asked;      /* TIME, ms by our clock ... */
    long long       ahead;      /* ... and what Redis' was ahead of it */
    void          (*drained)(void *data);
    void           *data;
    uv_timer_t      timer;
};


static void auth_ask(struct auth *a);


static void auth_done(struct auth *a)
{
    void  (*drained)(void *data) = a->drained;

    if (drained != NULL && !a->asking) {
        a->drained = NULL;
        drained(a->data);
    }
}


static void auth_record(struct auth *a, struct str record)
{
    struct json_doc    *doc;
    struct flow_order   order;

    doc = json_parse(record.at, record.len, AUTH_TREE_MAX);

    if (flow_order_read(json_root(doc), &order)) {
        order.ahead = a->ahead;
        flows_order(a->flows, &order);
    } else {
        log_write(LOG_WARN, "logins: what stood on " AUTH_LIST " is no login,"
                  " or of a newer version; it is dropped");
    }

    json_free(doc);
}


/* the connection works, but Redis will not do it: its ACL */
static void auth_refused(struct auth *a, const struct reply *reply)
{
    char  why[REPLY_WHY_MAX];

    if (!a->refused) {
        log_write(LOG_ERROR, "logins: Redis refuses to hand out " AUTH_LIST
                  ", so nobody can log in: %s", reply_why(why, reply));
    }

    a->refused = true;
    stat_row_set(stat_row(STATS_REFUSED, "logins"), STAT_REFUSED, 1);
}


/* it changes its role, or is asked to wait no longer: the connection says what
   there is to say of it, and whoever is the master hands out */
static bool auth_passes(const struct reply *reply)
{
    return reply_error(reply, "UNBLOCKED") || reply_error(reply, "READONLY");
}


static void auth_takes(struct auth *a)
{
    if (a->refused) {
        log_write(LOG_INFO, "logins: Redis hands out " AUTH_LIST " again");
        stat_row_set(stat_row(STATS_REFUSED, "logins"), STAT_REFUSED, 0);
    }
    a->refused = false;
}


static void on_timer(uv_timer_t *timer)
{
    auth_ask(timer->data);
}


static void on_reply(void *data, const struct reply *reply)
{
    struct auth  *a = data;

    a->asking = false;

    if (reply == NULL) {
        auth_done(a);           /* on_up asks again */
        return;
    }

    if (reply_type(reply) == REPLY_ERROR) {
        if (!auth_passes(reply)) {
            auth_refused(a, reply);
        }
        uv_timer_start(&a->timer, on_timer, AUTH_AGAIN_MS, 0);
        auth_done(a);
        return;
    }

    auth_takes(a);
    if (reply_count(reply) == 2) {
        auth_record(a, reply_str(reply_at(reply, 1)));
    }

    auth_ask(a);
    auth_done(a);
}


/* seconds and microseconds; where it is refused both clocks count as one */
static void on_time(void *data, const struct reply *reply)
{
    struct str    s, us;
    struct auth  *a = data;

    if (reply != NULL && reply_count(reply) == 2) {
        s = reply_str(reply_at(reply, 0));
        us = reply_str(reply_at(reply, 1));
        a->ahead = strtoll(s.at, NULL, 10) * 1000
                   + strtoll(us.at, NULL, 10) / 1000 - a->asked;
    }
}


/* one at a time; while too many are under way they wait in Redis.  Its clock
   is asked in front, in the same write: no login waits for it */
static void auth_ask(struct auth *a)
{
    struct str  argv[] = { STR("BLPOP"), STR(AUTH_LIST), STR(AUTH_WAIT_S) };
    struct str  clock[] = { STR("TIME") };

    if (a->asking || a->draining || !flows_room(a->flows)) {
        return;
    }

    a->asked = flow_now();
    a->asking = redis_send(a->redis, clock, 1, AUTH_REPLY_MS, on_time, a) == 0
                && redis_send(a->redis, argv, 3, AUTH_REPLY_MS, on_reply, a)
                   == 0;
}


/* auth_wake: there is room again, or the store is known */
void auth_wake(struct auth *a)
{
    if (a != NULL) {
        auth_ask(a);
    }
}


static void on_up(void *data)
{
    auth_wake(data);
}


/* auth_new begins to wait as soon as Redis is there */
struct auth *auth_new(uv_loop_t *loop, const struct redis_target *target,
    struct flows *flows)
{
    struct auth  *a = mem_alloc(sizeof(*a));

    a->flows = flows;
    uv_timer_init(loop, &a->timer);
    a->timer.data = a;
    stat_row_set(stat_row(STATS_REFUSED, "logins"), STAT_REFUSED, 0);
    flows_on_room(flows, on_up, a);
    a->redis = redis_new(loop, target, "logins", on_up, NULL, a);
    redis_quiet(a->redis);

    return a;
}


/* auth_drain: what Redis hands out in this second is still taken */
void auth_drain(struct auth *a, void (*cb)(void *data), void *data)
{
    a->draining = true;
    a->drained = cb;
    a->data = data;
    auth_done(a);
}


static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}


/* auth_free closes it */
void auth_free(struct auth *a)
{
    if (a == NULL) {
        return;
    }

    a->draining = true;
    a->drained = NULL;
    redis_free(a->redis);
    uv_close((uv_handle_t *) &a->timer, on_closed);
}
