/* All asks of a loop turn in one call of limit.lua, and its answer. */

#include "limits_own.h"
#include "log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


#define BATCH_LANES   200       /* 2 keys each, of SCRIPT_WORDS_MAX words */
#define BATCH_SLOTS   512       /* a power of two, more than twice of it */
#define BATCH_TEXT    (256 * 1024)
#define AWAY_MS       500

#define SLOW_PER_S    10.0      /* of a lane without a rate that is slowed */
#define REST_MS       100       /* a refused lane fills for so long, or half */


/* the lanes of a batch, each once */
struct set {
    size_t              n;
    uint16_t            slots[BATCH_SLOTS];     /* 1 + index, 0: free */
    const struct lane  *lanes[BATCH_LANES];
    double              given[BATCH_LANES];
};


static size_t set_add(struct set *set, const struct lane *lane)
{
    size_t       i;
    uint32_t     hash = 2166136261u;
    const char  *p;

    for (p = lane->name; *p != '\0'; p++) {
        hash = (hash ^ (unsigned char) *p) * 16777619u;
    }

    for (i = hash % BATCH_SLOTS; set->slots[i] != 0; i = (i + 1) % BATCH_SLOTS)
    {
        if (strcmp(set->lanes[set->slots[i] - 1]->name, lane->name) == 0) {
            return set->slots[i] - 1;
        }
    }

    set->lanes[set->n] = lane;
    set->given[set->n] = 0;
    set->slots[i] = (uint16_t) ++set->n;

    return set->n - 1;
}


static void number_add(struct buf *b, uint64_t n)
{
    buf_number(b, n);
    buf_text(b, " ");
}


static uint64_t thousandths(double value)
{
    return value > 0 && value < 1e9 ? (uint64_t) (value * 1000 + 0.5) : 0;
}


/* what is in force: learned before configured, slowed where it was heard */
static void lane_terms(struct limits *l, const struct lane *lane,
    double *per_s, double *burst, double *slow)
{
    struct known  *k = known_find(l, lane->name);

    *per_s = lane->per_s;
    *burst = lane->burst;
    *slow = 1;

    if (k == NULL) {
        return;
    }

    if (k->per_s > 0) {
        *per_s = k->per_s;
        *burst = k->per_s / 10 > 1 ? k->per_s / 10 : 1;
    }

    if (k->slow_until > uv_now(l->loop)) {
        *slow = k->slow;
        if (*per_s == 0) {
            *per_s = SLOW_PER_S;
            *burst = 1;
        }
    }
}


/* rounded up, so that no rate is ever more than it says */
static uint64_t interval_us(double per_s)
{
    double  us = per_s > 0 ? 1e6 / per_s : 0;

    return us < 1e12 ? (uint64_t) us + (us > (double) (uint64_t) us) : 0;
}


static void batch_text(struct limits *l, const struct batch *batch,
    struct set *set, struct buf *b)
{
    double            per_s, burst, slow, slows[BATCH_LANES];
    size_t            i, k;
    const struct ask *a;

    for (i = 0; i < set->n; i++) {
        lane_terms(l, set->lanes[i], &per_s, &burst, &slow);
        slows[i] = slow;
        number_add(b, interval_us(per_s));
        number_add(b, thousandths(burst));
        number_add(b, (uint64_t) (set->lanes[i]->window_s * 1e6));
        number_add(b, thousandths(set->given[i]));
    }

    for (a = batch->asks; a != NULL; a = a->next) {
        number_add(b, a->n);
        for (k = 0; k < a->n; k++) {
            i = set_add(set, &a->lanes[k]);
            number_add(b, i + 1);
            number_add(b, thousandths(a->lanes[k].cost * slows[i]));
        }
    }
}


/* the hint of how many go when it opens, and a little rest for it to fill:
   else each single call would be asked for by itself */
static uint64_t lane_rest(const struct lane *lane, uint64_t ms, size_t *room)
{
    double  rest, n;

    *room = 1;

    if (lane->per_s <= 0 || lane->window_s > 0) {
        return ms;
    }

    rest = lane->burst * 500 / lane->per_s;
    rest = rest < REST_MS ? rest : REST_MS;
    rest = (double) ms > rest ? (double) ms : rest;
    n = floor(rest * lane->per_s / 1000);
    n = n < lane->burst ? n : lane->burst;
    *room = n >= 1 ? (size_t) n : 1;

    return (uint64_t) rest;
}


static void ask_refused(struct limits *l, struct ask *a, size_t which,
    uint64_t us, bool stopped)
{
    size_t              room = 1;
    uint64_t            ms = us / 1000 + 1;
    const struct lane  *lane = &a->lanes[which];
    struct known       *k = known_get(l, lane->name);

    stat_row_add(limits_row(lane->kind), STAT_LANE_WAITS, 1);

    if (!stopped) {
        ms = lane_rest(lane, ms, &room);
    }

    if (k == NULL) {
        a->cb(a->data, false, LIMITS_NOBODY, ms);
        return;
    }

    known_close(l, k, ms);
    if (stopped) {
        k->stopped = true;
        known_probing(l, k, true);
    } else {
        k->room = room;
    }

    a->cb(a->data, false, which, ms);
}


static void ask_answered(struct limits *l, struct ask *a, long long which,
    long long value)
{
    size_t         i;
    struct known  *k;

    if (which > 0 && (size_t) ((which - 1) % 100) < a->n) {
        ask_refused(l, a, (which - 1) % 100, value > 0 ? value : 0,
                    which > 100);
        return;
    }

    for (i = 0; which == 0 && i < a->n; i++) {
        stat_row_add(limits_row(a->lanes[i].kind), STAT_LANE_TAKES, 1);
    }

    for (i = 0; value > 0 && i < a->n; i++) {
        k = value & (1ll << i) ? known_get(l, a->lanes[i].name) : NULL;
        if (k != NULL) {
            known_probing(l, k, true);
            k->probed = true;
        }
    }

    a->cb(a->data, which == 0, LIMITS_NOBODY, which == 0 ? 0 : AWAY_MS);
}


/* an ask that has its answer is nobody's any more when it is told */
static struct ask *batch_next(struct batch *batch)
{
    struct ask  *a = batch->asks;

    batch->asks = a->next;

    return a;
}


static void batch_refuse(struct batch *batch)
{
    struct ask  *a;

    while (batch->asks != NULL) {
        a = batch_next(batch);
        a->cb(a->data, false, LIMITS_NOBODY, AWAY_MS);
        free(a);
    }
}


static void on_batch(void *data, const struct reply *reply)
{
    char             why[REPLY_WHY_MAX];
    size_t           i, n = reply != NULL ? reply_count(reply) : 0;
    struct ask      *a;
    struct batch    *batch = data, **at;
    struct limits   *l = batch->limits;

    for (at = &l->batches; *at != batch; at = &(*at)->next) { }
    *at = batch->next;

    if (reply != NULL && reply_type(reply) == REPLY_ERROR) {
        log_write(l->refused ? LOG_DEBUG : LOG_ERROR, "limits: Redis refuses:"
                  " %s; no call leaves", reply_why(why, reply));
        l->refused = true;
        stat_row_set(stat_row(STATS_REFUSED, "limits"), STAT_REFUSED, 1);

    } else if (reply != NULL && l->refused) {
        log_write(LOG_INFO, "limits: Redis takes it again");
        l->refused = false;
        stat_row_set(stat_row(STATS_REFUSED, "limits"), STAT_REFUSED, 0);
    }

    for (i = 0; batch->asks != NULL && i + 1 < n; i += 2) {
        a = batch_next(batch);
        ask_answered(l, a, reply_int(reply_at(reply, i)),
                     reply_int(reply_at(reply, i + 1)));
        free(a);
    }

    batch_refuse(batch);
    free(batch);

    if (l->first != NULL) {
        limits_want_flush(l);
    }
}


static void on_given(void *data, const struct reply *reply)
{
    (void) data;
    (void) reply;       /* what was not counted has happened all the same */
}


/* as many asks as fit; what was given goes with the first */
static void batch_fill(struct limits *l, struct batch *batch, struct set *set)
{
    size_t       i;
    struct ask  *a, **end = &batch->asks;

    for (i = 0; i < l->ngiven; i++) {
        set->given[set_add(set, &l->given[i])] += l->given[i].cost;
    }
    l->ngiven = 0;

    while ((a = l->first) != NULL && set->n + a->n <= BATCH_LANES) {
        l->first = a->next;
        a->next = NULL;
        *end = a;
        end = &a->next;
        for (i = 0; i < a->n; i++) {
            (void) set_add(set, &a->lanes[i]);
        }
    }

    if (l->first == NULL) {
        l->last = &l->first;
    }
}


static bool batch_send(struct limits *l)
{
    char         (*keys)[2][PREFIX_MAX];
    int            rc;
    size_t         i;
    struct buf     text;
    struct set    *set = mem_alloc(sizeof(*set));
    struct str     words[2 * BATCH_LANES + 1];
    struct batch  *batch = mem_alloc(sizeof(*batch));

    batch->limits = l;
    batch_fill(l, batch, set);

    keys = mem_grow(NULL, (set->n + 1) * sizeof(*keys));
    for (i = 0; i < set->n; i++) {
        stpcpy(stpcpy(keys[i][0], "meta:limit:"), set->lanes[i]->name);
        stpcpy(stpcpy(keys[i][1], "meta:limit:stop:"), set->lanes[i]->name);
        words[2 * i] = STR(keys[i][0]);
        words[2 * i + 1] = STR(keys[i][1]);
    }

    buf_init(&text, BATCH_TEXT);
    batch_text(l, batch, set, &text);
    words[2 * set->n] = (struct str) { text.at, text.len };

    rc = script_call(l->redis, SCRIPT_LIMIT, words, 2 * set->n,
                     2 * set->n + 1, batch->asks != NULL ? on_batch : on_given,
                     batch->asks != NULL ? batch : NULL);

    buf_free(&text);
    free(keys);
    free(set);

    if (batch->asks == NULL || rc != 0) {
        batch_refuse(batch);
        free(batch);

    } else {
        batch->next = l->batches;
        l->batches = batch;
    }

    return rc == 0;
}


/* limits_flush sends what this turn asked for */
void limits_flush(struct limits *l)
{
    uv_timer_stop(&l->gives);

    if (!redis_up(l->redis)) {
        l->ngiven = 0;
        limits_refuse_all(l);
        return;
    }

    while ((l->first != NULL || l->ngiven > 0) && batch_send(l)) { }
}


/* limits_refuse_all: Redis is away, nothing leaves; callbacks may ask anew, and
   are answered in the next turn */
void limits_refuse_all(struct limits *l)
{
    struct batch  mine = { .limits = l, .asks = l->first };

    l->first = NULL;
    l->last = &l->first;
    batch_refuse(&mine);
}


/* on_gives: no ask came that could have taken it along */
void on_gives(uv_timer_t *timer)
{
    limits_flush(timer->data);
}
