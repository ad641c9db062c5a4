/* Once a second: what people have paused, and stops that others ended. */

#include "limits_own.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>


#define POLL_LANES  100         /* that are looked after in one call */


struct poll {
    struct limits  *limits;
    unsigned long   seq;
    size_t          n;
    char            names[POLL_LANES][LANE_NAME_MAX];
};


/* limits_told_pause tells who listens, and the log */
void limits_told_pause(void *data, const char *queue, bool paused)
{
    struct limits  *l = data;

    log_write(LOG_INFO, "queue %s is %s", queue, paused ? "paused"
              : "resumed");

    if (l->on_pause != NULL) {
        l->on_pause(l->pause_data, queue, paused);
    }
}


/* a lane is told by its name alone, so kind and account are found again */
static bool not_paused(struct limits *l, const struct known *k)
{
    int          kind;
    char         word[32];
    size_t       n = strcspn(k->name, ":");
    struct lane  lane = { 0 };

    if (n >= sizeof(word)) {
        return true;
    }

    memcpy(word, k->name, n);
    word[n] = '\0';
    kind = lane_kind_find(word);
    if (kind < 0) {
        return true;
    }

    lane.kind = (enum lane_kind) kind;
    memcpy(lane.name, k->name, sizeof(lane.name));

    return control_lane(&l->control, &lane) <= uv_now(l->loop);
}


static void poll_pauses(struct limits *l, const struct reply *pauses)
{
    size_t  i;

    control_begin(&l->control);

    for (i = 0; i + 1 < reply_count(pauses); i += 2) {
        control_say(&l->control, reply_str(reply_at(pauses, i)),
                    reply_int(reply_at(pauses, i + 1)), uv_now(l->loop),
                    limits_told_pause, l);
    }

    control_end(&l->control, limits_told_pause, l);
}


/* a stop that somebody ended or made anew is so here, too */
static void poll_stops(struct limits *l, const struct poll *p,
    const struct reply *stops)
{
    size_t         i;
    long long      left;
    struct known  *k;

    for (i = 0; i < p->n && i < reply_count(stops); i++) {
        k = known_find(l, p->names[i]);
        if (k == NULL || !k->stopped || k->seq > p->seq) {
            continue;
        }

        left = reply_int(reply_at(stops, i));
        if (k->until != UINT64_MAX) {
            k->until = uv_now(l->loop);     /* another's probe has failed */
        }
        if (left > 0) {
            known_close(l, k, (uint64_t) left);
        }
    }
}


/* what is refused for good holds nobody up.  A Redis that is loading or busy
   will say it, before the first take that it lets through */
static bool poll_never(const char *why)
{
    size_t                    i;
    static const char *const  words[] = { "NOPERM", "WRONGTYPE", "ERR" };

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strncmp(why, words[i], strlen(words[i])) == 0) {
            return true;
        }
    }

    return false;
}


static void poll_first(struct limits *l)
{
    if (!l->told) {
        l->told = true;
        if (l->on_pause != NULL) {
            l->on_pause(l->pause_data, NULL, false);
        }
    }
}


static void on_polled(void *data, const struct reply *reply)
{
    char            why[REPLY_WHY_MAX];
    struct poll    *p = data;
    struct limits  *l = p->limits;

    l->polling = false;

    if (reply != NULL && reply_count(reply) == 2) {
        if (l->unread) {
            log_write(LOG_INFO, "limits: pauses can be read again");
            stat_row_set(stat_row(STATS_REFUSED, "pauses"), STAT_REFUSED, 0);
        }
        l->unread = false;
        if (l->pause_seq <= p->seq) {
            poll_pauses(l, reply_at(reply, 0));
        }
        poll_stops(l, p, reply_at(reply, 1));
        if (l->nknown > 0) {
            known_open(l, not_paused);
        }
        poll_first(l);

    } else if (reply != NULL && reply_type(reply) == REPLY_ERROR) {
        log_write(l->unread ? LOG_DEBUG : LOG_WARN,
                  "limits: pauses cannot be read: %s", reply_why(why, reply));
        l->unread = true;
        stat_row_set(stat_row(STATS_REFUSED, "pauses"), STAT_REFUSED, 1);
        if (poll_never(reply_why(why, reply))) {
            poll_first(l);
        }
    }

    free(p);
}


/* the stopped ones, in turns where there are more than one call holds */
static void poll_collect(struct limits *l, struct poll *p)
{
    size_t               i, at;
    const struct known  *k;

    if (l->nknown == 0) {
        return;
    }

    for (i = 0; i < KNOWN_BUCKETS && p->n < POLL_LANES; i++) {
        at = (l->polled + i) % KNOWN_BUCKETS;

        for (k = l->known[at]; k != NULL && p->n < POLL_LANES; k = k->next) {
            if (k->stopped && k->until != 0) {
                memcpy(p->names[p->n++], k->name, LANE_NAME_MAX);
            }
        }
    }

    l->polled = (l->polled + i) % KNOWN_BUCKETS;
}


/* on_poll asks, one call at a time */
void on_poll(uv_timer_t *timer)
{
    char           (*keys)[PREFIX_MAX];
    size_t           i;
    struct poll     *p;
    struct str       words[POLL_LANES + 1];
    struct limits   *l = timer->data;

    if (l->polling || !redis_up(l->redis)) {
        return;
    }

    p = mem_alloc(sizeof(*p));
    p->limits = l;
    p->seq = l->seq;
    poll_collect(l, p);

    keys = mem_alloc((p->n + 1) * sizeof(*keys));
    words[0] = STR("meta:control");
    for (i = 0; i < p->n; i++) {
        snprintf(keys[i], PREFIX_MAX, "meta:limit:stop:%s", p->names[i]);
        words[i + 1] = STR(keys[i]);
    }

    l->polling = script_call(l->redis, SCRIPT_CONTROL, words, p->n + 1,
                             p->n + 1, on_polled, p) == 0;
    if (!l->polling) {
        free(p);
    }

    free(keys);
}
