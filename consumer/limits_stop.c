/* Stops and pauses: told to Redis for all consumers, known here at once. */

#include "limits_own.h"
#include "json.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>


#define TOLERANCE    10         /* a stop a tenth longer is the same */
#define WHY_MAX      200
#define PASSED_ROOM  16         /* calls that may follow a probe at once */
#define PASSED_MS    20         /* until Redis has heard of it */


static void on_told(void *data, const struct reply *reply)
{
    char  why[REPLY_WHY_MAX];

    (void) data;

    if (reply != NULL && reply_type(reply) == REPLY_ERROR) {
        log_write(LOG_WARN, "limits: Redis refuses: %s",
                  reply_why(why, reply));
    }
}


static void key_stop(char key[PREFIX_MAX], const char *lane)
{
    snprintf(key, PREFIX_MAX, "meta:limit:stop:%s", lane);
}


struct passing {
    struct limits  *limits;
    unsigned long   seq;
    size_t          n;
    char            names[LIMITS_LANES_MAX][LANE_NAME_MAX];
};


/* the lane is free, who waits for the end of the probe need not; or it was
   stopped after the call had left, and is still */
static void passed_one(struct limits *l, const char *name, unsigned long seq,
    long long left)
{
    struct known  *k = known_get(l, name);

    if (k == NULL || k->seq > seq) {
        return;         /* it was stopped since */
    }

    if (left > 0) {
        k->stopped = true;
        known_probing(l, k, true);
        known_close(l, k, (uint64_t) left);
        return;
    }

    k->stopped = false;
    k->room = PASSED_ROOM;
    k->until = uv_now(l->loop);
    k->seq = ++l->seq;
}


static void on_passed(void *data, const struct reply *reply)
{
    size_t           i, n = reply != NULL ? reply_count(reply) : 0;
    struct passing  *p = data;

    for (i = 0; i < p->n && i < n; i++) {
        passed_one(p->limits, p->names[i], p->seq,
                   reply_int(reply_at(reply, i)));
    }

    if (reply != NULL && reply_type(reply) == REPLY_ERROR) {
        on_told(NULL, reply);
    } else {
        known_open(p->limits, NULL);
    }

    free(p);
}


/* limits_passed ends what is left of stops.  Who asked Redis before it has
   heard of that, and it may have to be told the script first, would wait for
   as long as the probe might have taken */
void limits_passed(struct limits *l, const struct lane *lanes, size_t n)
{
    char             keys[LIMITS_LANES_MAX][PREFIX_MAX];
    size_t           i;
    struct str       words[LIMITS_LANES_MAX];
    struct known    *k;
    struct passing  *p = NULL;

    for (i = 0; l->nprobing > 0 && i < n && i < LIMITS_LANES_MAX; i++) {
        k = known_find(l, lanes[i].name);
        if (k == NULL || !k->probing) {
            continue;
        }

        if (p == NULL) {
            p = mem_alloc(sizeof(*p));
            p->limits = l;
        }

        known_probing(l, k, false);
        k->probed = false;
        k->seq = p->seq = ++l->seq;     /* a poll under way saw the probe */
        if (!k->paused) {
            k->until = 0;
            known_close(l, k, PASSED_MS);
        }
        memcpy(p->names[p->n], k->name, sizeof(k->name));
        key_stop(keys[p->n], k->name);
        words[p->n] = STR(keys[p->n]);
        p->n++;
    }

    if (p != NULL && script_call(l->redis, SCRIPT_LIMIT_PASSED, words, p->n,
                                 p->n, on_passed, p) != 0)
    {
        free(p);        /* what is left ends by its time */
    }
}


struct stopping {
    struct limits  *limits;
    uint64_t        ms;
    char            name[LANE_NAME_MAX];
    char            why[WHY_MAX];
};


/* another may have stopped it for longer, and a guess grows */
static void on_stopped(void *data, const struct reply *reply)
{
    struct known     *k;
    struct stopping  *s = data;

    if (reply != NULL && reply_type(reply) == REPLY_INTEGER
        && reply_int(reply) > 0)
    {
        s->ms = (uint64_t) reply_int(reply);
        k = known_get(s->limits, s->name);
        if (k != NULL) {
            known_close(s->limits, k, s->ms);
        }
    } else {
        on_told(NULL, reply);
    }

    log_write(LOG_WARN, "limits: %s stops for %llu ms: %s", s->name,
              (unsigned long long) s->ms, s->why);
    free(s);
}


static void stop_tell(struct limits *l, const char *name, uint64_t ms,
    unsigned grows, const char *why)
{
    char              key[PREFIX_MAX], numbers[2][24];
    struct str        words[5];
    struct stopping  *s;

    key_stop(key, name);
    snprintf(numbers[0], sizeof(numbers[0]), "%llu", (unsigned long long) ms);
    snprintf(numbers[1], sizeof(numbers[1]), "%u", grows);
    words[0] = STR(key);
    words[1] = STR(numbers[0]);
    words[2] = STR(numbers[1]);
    words[3] = (struct str) { why, strnlen(why, WHY_MAX) };
    words[4] = STR(l->by);

    s = mem_alloc(sizeof(*s));
    s->limits = l;
    s->ms = ms;
    memcpy(s->name, name, strlen(name) + 1);
    snprintf(s->why, sizeof(s->why), "%s", why);

    if (script_call(l->redis, SCRIPT_LIMIT_STOP, words, 1, 5, on_stopped, s)
        != 0)
    {
        on_stopped(s, NULL);
    }
}


/* limits_stop_name stops a lane by its name */
void limits_stop_name(struct limits *l, const char *name, uint64_t ms,
    unsigned grows, const char *why)
{
    uint64_t       now = uv_now(l->loop);
    struct known  *k = known_get(l, name);

    /* calls that were on their way together fail together; but the end of a
       probe that fails is not that of the stop */
    if (k != NULL && k->stopped && k->until != 0 && !k->probed
        && now + ms <= k->until + ms / TOLERANCE)
    {
        return;
    }

    if (k != NULL) {
        if (k->probed && !k->paused) {
            k->until = 0;
        }
        known_close(l, k, ms);
        k->probed = false;
        k->stopped = true;
        k->seq = ++l->seq;
        known_probing(l, k, true);
    }

    stop_tell(l, name, ms, grows, why);
}


/* limits_stop closes it here at once, and for all by Redis */
void limits_stop(struct limits *l, const struct lane *lane, uint64_t ms,
    unsigned grows, const char *why)
{
    char  what[PREFIX_MAX];

    stat_row_add(limits_row(lane->kind), STAT_LANE_STOPS, 1);

    if (ms == LIMITS_FOREVER) {
        snprintf(what, sizeof(what), "lane:%s", lane->name);
        limits_pause(l, what, why);

    } else if (ms > 0) {
        limits_stop_name(l, lane->name, ms, grows, why);
    }
}


/* limits_resume ends a stop of that name, here and for all */
void limits_resume(struct limits *l, const char *lane)
{
    char           key[PREFIX_MAX];
    struct str     words[2] = { STR("DEL"), NONE };
    struct known  *k = known_find(l, lane);

    if (k == NULL || !k->stopped) {
        return;
    }

    k->stopped = k->probed = false;
    k->seq = ++l->seq;
    known_probing(l, k, false);
    if (!k->paused) {
        k->until = uv_now(l->loop);
        k->room = PASSED_ROOM;
    }

    key_stop(key, lane);
    words[1] = STR(key);
    if (redis_send(l->redis, words, 2, 5000, on_told, NULL) != 0) {
        log_write(LOG_DEBUG, "limits: the stop of %s ends here only", lane);
    }

    known_open(l, NULL);
}


/* limits_pause: it is known here before the next poll */
void limits_pause(struct limits *l, const char *what, const char *why)
{
    struct buf       b;
    struct str       words[4];
    struct timespec  now;

    clock_gettime(CLOCK_REALTIME, &now);
    buf_init(&b, 1024);
    buf_text(&b, "{\"until\":null,\"by\":");
    json_quote(&b, STR(l->by));
    buf_text(&b, ",\"why\":");
    json_quote(&b, (struct str) { why, strnlen(why, WHY_MAX) });
    buf_format(&b, ",\"since\":%lld}", (long long) now.tv_sec * 1000
               + now.tv_nsec / 1000000);

    words[0] = STR("HSETNX");
    words[1] = STR("meta:control");
    words[2] = STR(what);
    words[3] = (struct str) { b.at, b.len };

    l->pause_seq = ++l->seq;
    control_say(&l->control, words[2], -1, uv_now(l->loop),
                limits_told_pause, l);
    if (redis_send(l->redis, words, 4, 5000, on_told, NULL) != 0) {
        log_write(LOG_WARN, "limits: %s is paused here only, Redis is away",
                  what);
    }
    log_write(LOG_WARN, "limits: %s is paused until it is resumed: %s", what,
              why);
    buf_free(&b);
}
