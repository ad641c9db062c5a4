/* Limits that hold across processes: what the engine calls.  Rates are counted
   in Redis, by its clock; stops and pauses are learned there and then known. */

#include "limits_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


#define GIVEN_MAX      64
#define GIVES_MS       100
#define POLL_MS        1000


static void on_flush(uv_idle_t *flush)
{
    struct limits  *l = flush->data;

    uv_idle_stop(flush);

    if (l->batches == NULL) {
        limits_flush(l);
        if (l->redis != NULL) {
            redis_flush(l->redis);
        }
    }
}


/* limits_want_flush: at the end of this turn of the loop; one call at a time
   is on its way, what is asked meanwhile goes with the next */
void limits_want_flush(struct limits *l)
{
    if (l->redis != NULL && !uv_is_active((uv_handle_t *) &l->flush)) {
        uv_idle_start(&l->flush, on_flush);
    }
}


static void on_up(void *data)
{
    struct limits  *l = data;

    on_poll(&l->poll);
}


/* limits_key: of people's and tokens' hashes, the same wherever the first
   secret is the same */
void limits_key(unsigned char key[16], const struct conf *conf)
{
    size_t                  i;
    const struct conf_app  *apps = conf->apps.at;
    const char             *secret = NULL;

    for (i = 0; i < conf->apps.n && secret == NULL; i++) {
        secret = apps[i].secret;
    }

    lane_key_make(key, secret != NULL ? STR(secret) : NONE);
}


/* limits_conf: rates from now on */
void limits_conf(struct limits *l, const struct conf *conf)
{
    memcpy(l->rates, conf->rates, sizeof(l->rates));
    limits_key(l->key, conf);
}


/* limits_new connects by itself */
struct limits *limits_new(uv_loop_t *loop, const struct redis_target *target,
    const struct conf *conf)
{
    struct limits  *l = mem_alloc(sizeof(*l));

    l->loop = loop;
    l->last = &l->first;
    l->next_open = UINT64_MAX;
    l->given = mem_alloc(GIVEN_MAX * sizeof(*l->given));
    snprintf(l->by, sizeof(l->by), "meta-consumer %ld", (long) getpid());
    limits_conf(l, conf);

    uv_idle_init(loop, &l->flush);
    uv_timer_init(loop, &l->opens);
    uv_timer_init(loop, &l->gives);
    uv_timer_init(loop, &l->poll);
    l->flush.data = l->opens.data = l->gives.data = l->poll.data = l;
    l->handles = 4;

    stat_row_set(stat_row(STATS_REFUSED, "limits"), STAT_REFUSED, 0);
    stat_row_set(stat_row(STATS_REFUSED, "pauses"), STAT_REFUSED, 0);
    l->redis = redis_new(loop, target, "limits", on_up, NULL, l);
    redis_quiet(l->redis);
    uv_timer_start(&l->poll, on_poll, POLL_MS, POLL_MS);

    return l;
}


/* limits_on_open: one listener */
void limits_on_open(struct limits *l, limits_open_cb cb, void *data)
{
    l->on_open = cb;
    l->open_data = data;
}


/* limits_on_pause: one listener */
void limits_on_pause(struct limits *l, limits_pause_cb cb, void *data)
{
    l->on_pause = cb;
    l->pause_data = data;
}


static void on_closed(uv_handle_t *handle)
{
    struct ask     *a;
    struct limits  *l = handle->data;

    if (--l->handles == 0) {
        while ((a = l->first) != NULL) {
            l->first = a->next;
            free(a);
        }
        known_free(l);
        control_free(&l->control);
        free(l->given);
        free(l);
    }
}


/* limits_free ends it; what is asked from now on is not answered */
void limits_free(struct limits *l)
{
    if (l == NULL) {
        return;
    }

    l->on_open = NULL;
    l->on_pause = NULL;
    redis_free(l->redis);       /* refuses what is on its way */
    l->redis = NULL;
    limits_refuse_all(l);

    uv_close((uv_handle_t *) &l->flush, on_closed);
    uv_close((uv_handle_t *) &l->opens, on_closed);
    uv_close((uv_handle_t *) &l->gives, on_closed);
    uv_close((uv_handle_t *) &l->poll, on_closed);
}


/* limits_lane fills a lane */
void limits_lane(const struct limits *l, struct lane *lane,
    enum lane_kind kind, struct str id, struct str who)
{
    lane_set(lane, l->rates, l->key, kind, id, who);
}


/* a pause is remembered by the lane whose name is told, so that its end is */
static void wait_paused(struct limits *l, const struct lane *lane)
{
    known_make(l, lane->name)->paused = true;
}


static bool lane_of_many(const struct lane *lane)
{
    return lane->kind == LANE_PAIR || lane->kind == LANE_RECIPIENT;
}


/* limits_wait answers from memory */
const struct lane *limits_wait(struct limits *l, const struct lane *lanes,
    size_t n, uint64_t *ms)
{
    size_t              i;
    uint64_t            until, longest = 0, now = uv_now(l->loop);
    const struct lane  *found = NULL, *paused = NULL;
    struct known       *k;

    for (i = 0; i < n; i++) {
        k = known_find(l, lanes[i].name);
        if (k != NULL && k->until > now && k->until > longest) {
            longest = k->until;
            found = &lanes[i];
        }
    }

    for (i = 0; l->control.n > 0 && i < n; i++) {
        until = control_lane(&l->control, &lanes[i]);

        /* an account is remembered once, not for each of its people */
        if (until > longest
            || (until == longest && paused != NULL && lane_of_many(paused)))
        {
            longest = until;
            found = paused = &lanes[i];
        }
    }

    if (found == NULL) {
        *ms = 0;
        return NULL;
    }

    if (found == paused) {
        wait_paused(l, found);
    }

    *ms = longest == UINT64_MAX ? UINT64_MAX : longest - now;

    return found;
}


/* limits_take: the answer comes in another turn */
void limits_take(struct limits *l, const struct lane *lanes, size_t n,
    limits_cb cb, void *data)
{
    struct ask  *a;

    n = n < LIMITS_LANES_MAX ? n : LIMITS_LANES_MAX;
    a = mem_alloc(sizeof(*a) + n * sizeof(struct lane));
    a->cb = cb;
    a->data = data;
    a->n = n;
    if (n > 0) {
        memcpy(a->lanes, lanes, n * sizeof(struct lane));
    }

    *l->last = a;
    l->last = &a->next;

    limits_want_flush(l);
}


static void give_one(struct limits *l, const struct lane *lane)
{
    size_t  i;

    for (i = 0; i < l->ngiven; i++) {
        if (strcmp(l->given[i].name, lane->name) == 0) {
            l->given[i].cost += lane->cost;
            return;
        }
    }

    if (l->ngiven == GIVEN_MAX) {
        limits_flush(l);
    }

    l->given[l->ngiven++] = *lane;
}


/* limits_give waits a moment for asks to take it along */
void limits_give(struct limits *l, const struct lane *lanes, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (lanes[i].per_s > 0) {
            give_one(l, &lanes[i]);
        }
    }

    if (l->ngiven > 0 && !uv_is_active((uv_handle_t *) &l->gives)) {
        uv_timer_start(&l->gives, on_gives, GIVES_MS, 0);
    }
}


/* limits_rate: what /{phone}?fields=throughput says */
void limits_rate(struct limits *l, const char *lane, double per_s)
{
    known_make(l, lane)->per_s = per_s;
}


/* limits_known says whether pauses were read */
bool limits_known(const struct limits *l)
{
    return l->told;
}


/* limits_queue_paused: as of the last second */
bool limits_queue_paused(const struct limits *l, const char *queue)
{
    return control_find(&l->control, PAUSE_QUEUE, STR(queue)) != 0;
}
