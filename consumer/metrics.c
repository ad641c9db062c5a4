/* The figures of the queues for whoever asks for metrics: read from Redis by
   one script a queue when they are asked for, at most once a second. */

#include "metrics_own.h"
#include "queue.h"
#include "script.h"
#include "stats.h"

#include <stdio.h>
#include <stdlib.h>


#define FIGURES_FRESH_MS  1000
#define FIGURES_WAIT_MS   1000  /* what has not come by then is left out */
#define FIGURES_KEY_MAX   256


/* one queue's figures on their way */
struct query {
    struct metrics   *metrics;
    struct stat_row  *row;
};

/* in the order of figures.lua */
static const enum stat_name  figures[] = {
    STAT_FIGURE_LENGTH, STAT_FIGURE_URGENT, STAT_FIGURE_INFLIGHT,
    STAT_FIGURE_HELD, STAT_FIGURE_RETRY, STAT_FIGURE_DEAD, STAT_FIGURE_TAKEN,
    STAT_FIGURE_WORKED, STAT_FIGURE_DUPLICATE, STAT_FIGURE_UNMATCHED,
    STAT_FIGURE_EXPIRED, STAT_FIGURE_DROPPED, STAT_FIGURE_OLDEST
};

#define FIGURES  (sizeof(figures) / sizeof(figures[0]))


static void metrics_answer(struct metrics *m)
{
    struct metrics_client  *c, *next;

    uv_timer_stop(&m->deadline);

    c = m->waiting;
    m->waiting = NULL;

    for ( /* void */ ; c != NULL; c = next) {
        next = c->waiting;
        c->waiting = NULL;
        client_figures(c);
    }
}


static void on_deadline(uv_timer_t *timer)
{
    metrics_answer(timer->data);
}


/* the last reply answers all who wait */
static void metrics_replied(struct metrics *m)
{
    if (--m->asked > 0 || m->closing) {
        return;
    }

    m->read = uv_now(m->loop);
    metrics_answer(m);
}


static void on_figures(void *data, const struct reply *reply)
{
    size_t            i;
    struct query     *query = data;
    struct metrics   *m = query->metrics;
    struct stat_row  *row = query->row;

    if (reply != NULL && reply_count(reply) == FIGURES) {
        for (i = 0; i < FIGURES; i++) {
            stat_row_set(row, figures[i], reply_int(reply_at(reply, i)));
        }

        stat_row_set(row, STAT_FIGURE_ARRIVED,
                     stat_row_get(row, STAT_FIGURE_TAKEN)
                     + stat_row_get(row, STAT_FIGURE_LENGTH)
                     + stat_row_get(row, STAT_FIGURE_URGENT));
    }

    free(query);
    metrics_replied(m);
}


/* metrics_queue asks for a queue's figures; without Redis nobody knows them */
void metrics_queue(struct metrics *m, const char *name)
{
    size_t                    i, n = 0;
    char                      keys[FIGURES][FIGURES_KEY_MAX];
    struct str                words[FIGURES];
    struct query             *query;
    static const char *const  companions[] = {
        "urgent", "inflight", "held", "retry", "dead", "count"
    };

    words[n++] = STR(name);
    for (i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
        snprintf(keys[i], sizeof(keys[i]), "{%s}:%s", name, companions[i]);
        words[n++] = STR(keys[i]);
    }

    query = mem_alloc(sizeof(*query));
    query->metrics = m;
    query->row = stat_row(STATS_QUEUE, name);
    m->asked++;

    if (!redis_up(m->redis)
        || script_call(m->redis, SCRIPT_FIGURES, words, n, n, on_figures,
                       query)
           != 0)
    {
        free(query);
        m->asked--;
    }
}


/* metrics_want answers at once where the figures are fresh, else soon */
void metrics_want(struct metrics_client *c)
{
    struct metrics  *m = c->metrics;
    uint64_t         now = uv_now(m->loop);

    c->waiting = m->waiting;
    m->waiting = c;

    if (!uv_is_active((uv_handle_t *) &m->deadline)) {
        uv_timer_start(&m->deadline, on_deadline, FIGURES_WAIT_MS, 0);
    }

    if (m->asked > 0) {
        return;
    }

    if (m->read != 0 && now - m->read < FIGURES_FRESH_MS) {
        metrics_answer(m);
        return;
    }

    stats_unknown(STATS_QUEUE);
    m->asked = 1;           /* until all are asked */
    m->cb(m->data, m);
    metrics_replied(m);
}


/* metrics_forget takes a client out of those who wait */
void metrics_forget(struct metrics_client *c)
{
    struct metrics_client  **at = &c->metrics->waiting;

    while (*at != NULL && *at != c) {
        at = &(*at)->waiting;
    }

    if (*at == c) {
        *at = c->waiting;
    }
}


/* metrics_new listens, and goes on trying where it cannot */
struct metrics *metrics_new(uv_loop_t *loop, const struct conf_listen *where,
    const struct redis_target *target, metrics_cb cb, void *data)
{
    struct metrics  *m = mem_alloc(sizeof(*m));

    m->loop = loop;
    m->where = *where;
    m->cb = cb;
    m->data = data;

    m->redis = redis_new(loop, target, "metrics", NULL, NULL, m);
    redis_quiet(m->redis);

    uv_timer_init(loop, &m->deadline);
    uv_timer_init(loop, &m->retry);
    m->deadline.data = m;
    m->retry.data = m;
    m->handles = 2;

    metrics_listen(m);

    return m;
}


/* metrics_drop frees it with its last handle */
void metrics_drop(struct metrics *m)
{
    if (--m->handles == 0) {
        free(m);
    }
}


static void on_closed(uv_handle_t *handle)
{
    metrics_drop(handle->data);
}


/* metrics_free closes all that it has open */
void metrics_free(struct metrics *m)
{
    if (m == NULL) {
        return;
    }

    m->closing = true;
    while (m->clients != NULL) {
        client_close(m->clients);
    }

    redis_free(m->redis);
    if (m->open && !uv_is_closing(&m->u.handle)) {
        uv_close(&m->u.handle, on_closed);
    }

    uv_close((uv_handle_t *) &m->retry, on_closed);
    uv_close((uv_handle_t *) &m->deadline, on_closed);
}
