/* Items that leave the window: until a time, or until a lane opens. */

#include "work_own.h"

#include <stdio.h>
#include <stdlib.h>


/* so many of a lane that has opened are in the window at the same time */
#define LINE_WINDOW  64


/* a lane on which items of a queue are held, or are from */
struct lane_line {
    struct lane_line  *next;
    struct desk       *desk;
    struct lane        lane;        /* kind and name */
    size_t             window;      /* of those that came back, not ended */
    bool               waking;
    bool               joined;      /* one was held while waking */
    bool               more;        /* some are held there, as far as we know */
};


/* why is for who looks at it there, no consumer reads it */
static struct buf wait_blob(struct work *w, const char *lane, const char *why)
{
    struct buf  b;

    w->plan.why = why;
    free(w->plan.lane);
    w->plan.lane = lane != NULL ? mem_copy(lane, strlen(lane)) : NULL;

    buf_init(&b, PLAN_BLOB_MAX);
    plan_write(&w->plan, &b);
    w->plan.why = NULL;

    return b;
}


static bool wait_loose(const struct work *w)
{
    return w->plan.at < w->plan.n && w->plan.steps[w->plan.at].loose;
}


static void wait_log(const struct work *w, const char *outcome,
    const char *what, const char *why, uint64_t ms)
{
    char  more[512];

    snprintf(more, sizeof(more), " %s=%s wait_ms=%llu tries=%u", what, why,
             (unsigned long long) ms, w->plan.tries);
    work_log(w, LOG_INFO, outcome, more);
}


/* wait_retry puts the item aside for that long */
void wait_retry(struct work *w, uint64_t ms, const char *why)
{
    bool          loose = wait_loose(w);
    struct buf    b = wait_blob(w, NULL, why);
    struct item  *item = w->item;

    wait_log(w, "retry", "why", why, ms);
    stat_row_add(w->desk->stats, STAT_QUEUE_RETRIED, 1);
    work_free(w);
    queue_retry(item, ms, loose, (struct str) { b.at, b.len });
    buf_free(&b);
}


/* wait_receipt puts the item aside until it is looked again how far its
   message got */
void wait_receipt(struct work *w, uint64_t ms, bool loose)
{
    struct buf    b = wait_blob(w, NULL, "receipt");
    struct item  *item = w->item;

    loose = loose || wait_loose(w);
    wait_log(w, "retry", "why", "receipt", ms);
    stat_row_add(w->desk->stats, STAT_QUEUE_RETRIED, 1);
    work_free(w);
    queue_retry(item, ms, loose, (struct str) { b.at, b.len });
    buf_free(&b);
}


/* wait_until puts a job aside that holds nobody back until its time */
void wait_until(struct work *w, uint64_t ms)
{
    struct item  *item = w->item;

    wait_log(w, "later", "why", "not_before", ms);
    work_free(w);
    queue_later(item, ms);
}


/* "kind:..."; a handler's is of no kind and no account */
static void line_name(struct lane *lane, struct str name)
{
    int   kind;
    char  word[32] = "";

    snprintf(lane->name, sizeof(lane->name), "%.*s", (int) name.len, name.at);
    snprintf(word, sizeof(word), "%.*s", (int) strcspn(lane->name, ":"),
             lane->name);
    kind = lane_kind_find(word);
    lane->kind = kind >= 0 ? (enum lane_kind) kind : LANE_APP;
}


static struct lane_line *line_get(struct desk *desk, struct str lane,
    bool make)
{
    struct lane_line  *l;
    struct worker     *worker = desk->worker;

    for (l = worker->lines; l != NULL; l = l->next) {
        if (l->desk == desk && str_is(lane, l->lane.name)) {
            return l;
        }
    }

    if (!make) {
        return NULL;
    }

    l = mem_alloc(sizeof(*l));
    l->desk = desk;
    line_name(&l->lane, lane);
    l->next = worker->lines;
    worker->lines = l;

    return l;
}


/* wait_lane holds the item until the lane opens: a pair's by time, for there
   are as many of them as people */
void wait_lane(struct work *w, const struct lane *lane, uint64_t ms)
{
    struct buf         b;
    struct item       *item = w->item;
    struct lane_line  *l;
    char               name[LANE_NAME_MAX];

    if ((lane->kind == LANE_PAIR || lane->kind == LANE_RECIPIENT)
        && ms != LIMITS_FOREVER)
    {
        wait_retry(w, ms, lane->name);
        return;
    }

    memcpy(name, lane->name, sizeof(name));
    b = wait_blob(w, name, NULL);
    l = line_get(w->desk, STR(name), true);
    l->more = l->joined = true;

    wait_log(w, "held", "lane", name, ms == LIMITS_FOREVER ? 0 : ms);
    stat_row_add(w->desk->stats, STAT_QUEUE_PARKED, 1);
    work_free(w);
    queue_hold(item, name, (struct str) { b.at, b.len });
    buf_free(&b);
}


/* the lane of a token that is no more: who stands on it goes by another one.
   A renewed one of the store stays on its lane */
static bool line_replaced(const struct lane_line *l)
{
    return l->lane.kind == LANE_TOKEN
           && !tokens_lane(l->desk->worker->conf, l->lane.name);
}


static bool line_closed(const struct lane_line *l)
{
    uint64_t  ms;

    return limits_wait(l->desk->worker->limits, &l->lane, 1, &ms) != NULL
           && !line_replaced(l);
}


static void line_wake(struct lane_line *l, size_t n)
{
    size_t  room;

    if (l->waking || !l->more || l->window >= LINE_WINDOW
        || l->desk->queue == NULL || l->desk->worker->leaving
        || line_closed(l))
    {
        return;
    }

    if (n > LINE_WINDOW - l->window) {
        n = LINE_WINDOW - l->window;
    }

    room = ask_room(l->desk->worker, l->lane.name);
    n = n < room ? n : room;

    l->joined = false;
    l->waking = queue_wake(l->desk->queue, l->lane.name, n);
}


/* line_before: who began later does not go before those that are held there */
bool line_before(const struct work *w, const char *lane)
{
    const struct lane_line  *l = line_get(w->desk, STR(lane), false);

    return l != NULL && l != w->line && l->more;
}


/* line_woken: not any: no more were held there when Redis was asked.  Who was
   held since then may find the lane open, and nobody else says so */
void line_woken(void *data, struct queue *q, const char *lane, bool any)
{
    struct lane_line  *l = line_get(data, STR(lane), false);

    (void) q;

    if (l != NULL) {
        l->waking = false;
        l->more = any || l->joined;
        if (!any) {
            line_wake(l, LINE_WINDOW / 2);
        }
    }
}


/* line_open is told that a lane may be asked again */
void line_open(void *data, const char *lane, size_t n)
{
    struct lane_line  *l;
    struct worker     *worker = data;

    for (l = worker->lines; l != NULL; l = l->next) {
        if (strcmp(l->lane.name, lane) == 0) {
            line_wake(l, n);
        }
    }
}


/* line_join counts one that came back */
void line_join(struct work *w)
{
    if (w->plan.lane != NULL && w->line == NULL) {
        w->line = line_get(w->desk, STR(w->plan.lane), true);
        w->line->more = true;
        w->line->window++;
    }
}


/* line_leave: it is out of the window, and makes way for the next ones where
   the lane is open; where it is closed, line_open comes */
void line_leave(struct work *w)
{
    struct lane_line  *l = w->line;

    if (l == NULL) {
        return;
    }

    w->line = NULL;
    l->window--;
    if (l->window < LINE_WINDOW / 2) {
        line_wake(l, LINE_WINDOW / 2);
    }
}


/* line_found: a new holder learns on which lanes items are held */
void line_found(void *data, struct queue *q, const struct str *lanes,
    size_t n)
{
    size_t             i;
    struct lane_line  *l;

    (void) q;

    for (i = 0; i < n; i++) {
        l = line_get(data, lanes[i], true);
        l->more = true;
        line_wake(l, LINE_WINDOW);
    }
}


/* lines_look: nobody is forgotten on a lane that is open, whatever the reason
   that its opening was not told; a lane on which nobody is left is */
void lines_look(struct worker *worker)
{
    struct lane_line  *l, **at = &worker->lines;

    while ((l = *at) != NULL) {
        if (l->window == 0) {
            line_wake(l, LINE_WINDOW / 2);
        }

        if (l->window == 0 && !l->waking && !l->more) {
            *at = l->next;
            free(l);
        } else {
            at = &l->next;
        }
    }
}


/* lines_drop forgets all lanes, when nothing is under way any more */
void lines_drop(struct worker *worker)
{
    struct lane_line  *l;

    while ((l = worker->lines) != NULL) {
        worker->lines = l->next;
        free(l);
    }
}
