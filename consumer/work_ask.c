/* A step that asks a handler or an assistant what is to be done, and before a
   handler, where the rule says so, saves media: a bounded number at once, so
   that one that takes its time holds up nobody else. */

#include "work_own.h"

#include <stdio.h>
#include <stdlib.h>


/* so many ask one of them, and all: connections have to be left for
   Graph */
#define ASK_ONE      64
#define ASK_ALL      192

/* events whose media are fetched at once */
#define ASK_SAVES    16

/* who waits longer leaves the window for the lane of whom he asks */
#define ASK_WAIT_MS  1000

static const char  handler_prefix[] = "handler:";
static const char  assistant_prefix[] = "assistant:";
static const char  save_lane[] = "save:media";


/* a handler or assistant of that name, over all reloads, and who waits to ask
   it; or those who wait to save media */
struct ask_line {
    struct ask_line  *next;
    size_t            running;
    bool              saves;
    struct work      *first;
    struct work     **end;
    char              lane[LANE_NAME_MAX];
};


static void ask_next(struct worker *worker);
static void on_patience(uv_timer_t *timer);


static struct ask_line *ask_line_get(struct worker *worker, const char *lane)
{
    struct ask_line  *l;

    for (l = worker->asks; l != NULL; l = l->next) {
        if (strcmp(l->lane, lane) == 0) {
            return l;
        }
    }

    l = mem_alloc(sizeof(*l));
    l->end = &l->first;
    l->saves = strcmp(lane, save_lane) == 0;
    snprintf(l->lane, sizeof(l->lane), "%s", lane);
    l->next = worker->asks;
    worker->asks = l;

    return l;
}


static const char *lane_is(const char *lane, const char *prefix)
{
    size_t  n = strlen(prefix);

    return strncmp(lane, prefix, n) == 0 ? lane + n : NULL;
}


/* how many calls whose it is would take; false: it is nobody's, or the answer
   is known */
static bool ask_takes(struct worker *worker, const char *lane, size_t *room)
{
    const char                   *name = lane_is(lane, handler_prefix);
    const struct conf_handler    *handler;
    const struct conf_assistant  *assistant;

    if (name != NULL) {
        handler = handler_find(worker->conf, name);
        *room = handler == NULL ? 0
                : http_room(graph_http(worker->graph), handler->url,
                            handler->unix_path);
        return handler != NULL;
    }

    name = lane_is(lane, assistant_prefix);
    assistant = name != NULL ? assistant_find(worker->conf, name) : NULL;
    *room = assistant != NULL ? assist_room(worker, assistant) : 0;

    return assistant != NULL;
}


/* ask_room: the clock of a call must not run while it waits for others */
size_t ask_room(struct worker *worker, const char *lane)
{
    size_t            room, all;
    struct ask_line  *l;

    if (strcmp(lane, save_lane) == 0) {
        return ASK_SAVES - ask_line_get(worker, save_lane)->running;
    }

    if (!ask_takes(worker, lane, &room)) {
        return SIZE_MAX;
    }

    l = ask_line_get(worker, lane);
    if (l->running >= ASK_ONE || worker->asking >= ASK_ALL) {
        return 0;
    }

    room = room < ASK_ONE - l->running ? room : ASK_ONE - l->running;
    all = ASK_ALL - worker->asking;

    return room < all ? room : all;
}


static struct work *ask_leave(struct ask_line *l, struct work **at)
{
    struct work  *w = *at;

    *at = w->next_ask;
    if (*at == NULL) {
        l->end = at;
    }
    w->ask_waits = false;
    w->ask = NULL;

    return w;
}


/* ask_forget takes the work out of the line that it waits in */
void ask_forget(struct work *w)
{
    struct work  **at;

    if (!w->ask_waits) {
        return;
    }

    for (at = &w->ask->first; *at != w; at = &(*at)->next_ask) { }
    ask_leave(w->ask, at);
}


static void ask_clock(struct worker *worker)
{
    uint64_t                now = uv_now(worker->loop), first = UINT64_MAX;
    const struct ask_line  *l;

    for (l = worker->asks; l != NULL; l = l->next) {
        if (l->first != NULL && l->first->ask_until < first) {
            first = l->first->ask_until;
        }
    }

    if (first != UINT64_MAX) {
        uv_timer_start(&worker->patience, on_patience,
                       first > now ? first - now : 0, 0);
    }
}


/* all of them go, for who stays would go before who is older */
static void on_patience(uv_timer_t *timer)
{
    struct lane       lane = { .kind = LANE_APP };
    struct work      *w;
    struct worker    *worker = timer->data;
    struct ask_line  *l;

    for (l = worker->asks; l != NULL; l = l->next) {
        memcpy(lane.name, l->lane, sizeof(lane.name));
        if (l->first == NULL || l->first->ask_until > uv_now(timer->loop)) {
            continue;
        }

        while (l->first != NULL) {
            w = ask_leave(l, &l->first);
            if (!work_gone(w)) {
                wait_lane(w, &lane, 0);
            }
        }
    }

    ask_clock(worker);
}


static void ask_wait(struct work *w, struct ask_line *l)
{
    w->ask = l;
    w->ask_waits = true;
    w->ask_until = uv_now(w->worker->loop) + ASK_WAIT_MS;
    w->next_ask = NULL;
    *l->end = w;
    l->end = &w->next_ask;

    if (l->first == w) {
        ask_clock(w->worker);
    }
}


/* asks_start: nobody waits yet */
void asks_start(struct worker *worker)
{
    uv_timer_init(worker->loop, &worker->patience);
    worker->patience.data = worker;
}


/* asks_leave ends the work of who waits for a handler */
void asks_leave(struct worker *worker)
{
    struct ask_line  *l;

    for (l = worker->asks; l != NULL; l = l->next) {
        while (l->first != NULL) {
            work_gone(l->first);
        }
    }
}


/* asks_stop: nobody asks any more */
void asks_stop(struct worker *worker)
{
    struct ask_line  *l;

    while ((l = worker->asks) != NULL) {
        worker->asks = l->next;
        free(l);
    }

    uv_close((uv_handle_t *) &worker->patience, NULL);
}


static void ask_stat(const char *handler, const struct handler_answer *a)
{
    struct stat_row         *row = stat_row(STATS_HANDLER, handler);
    static const int            stats[] = {
        [HANDLER_ACTIONS] = STAT_HANDLER_ACTIONS,
        [HANDLER_NOTHING] = STAT_HANDLER_NOTHING,
        [HANDLER_FAULTY] = STAT_HANDLER_FAULTY,
        [HANDLER_AGAIN] = STAT_HANDLER_AGAIN,
        [HANDLER_REFUSED] = STAT_HANDLER_REFUSED
    };

    stat_row_add(row, stats[a->what], 1);
    stat_time(TIME_HANDLER, a->ms);
}


/* ask_note: for the log's line of a dead letter whose handler is to blame */
void ask_note(const struct work *w, const char *reason, char *out,
    size_t size)
{
    int          n;
    const char  *handler = w->plan.at < w->plan.n
                           ? w->plan.steps[w->plan.at].action->handler : NULL;

    *out = '\0';

    if (strncmp(reason, "handler_", 8) != 0 || handler == NULL) {
        return;
    }

    n = snprintf(out, size, " handler=%.100s", handler);
    if (w->ask_step == w->plan.at && w->ask_status) {
        snprintf(out + n, size - n, " status=%ld", w->ask_status);
    }
}


/* who answered what: mostly that is all one needs to know */
static void ask_dead(struct work *w, const char *reason,
    const struct handler_answer *a)
{
    char  text[256], status[32] = "";

    if (a->status) {
        snprintf(status, sizeof(status), " answered %ld", a->status);
    }

    snprintf(text, sizeof(text), "%s%s: %s",
             w->plan.steps[w->plan.at].action->handler, status, a->why);
    end_dead(w, reason, text, NULL);
}


/* the log says what it answered, or what went wrong before it did */
static void ask_retry(struct work *w, uint64_t ms,
    const struct handler_answer *a)
{
    int    n;
    char  *at, why[448];

    n = snprintf(why, sizeof(why), "handler handler=%s",
                 w->plan.steps[w->plan.at].action->handler);
    if (a->status) {
        snprintf(why + n, sizeof(why) - n, " status=%ld", a->status);
    } else {
        n += snprintf(why + n, sizeof(why) - n, " error=\"");
        snprintf(why + n, sizeof(why) - n - 1, "%.160s", a->why);

        /* what a certificate says may stand there */
        for (at = why + n; *at; at++) {
            *at = *at < ' ' || *at > '~' || *at == '"' ? '?' : *at;
        }
        *at++ = '"';
        *at = '\0';
    }

    wait_retry(w, ms, why);
}


static void ask_again(struct work *w, const struct handler_answer *a)
{
    uint64_t  ms = a->wait_ms;

    if (a->counted) {
        w->plan.tries++;
        ms = handler_delay(w->plan.tries);
        if (ms == 0) {
            ask_dead(w, "handler_failed", a);
            return;
        }
        ms = a->wait_ms > ms ? a->wait_ms : ms;
    }

    w->plan.stored = false;
    ask_retry(w, ms ? ms : 1000, a);
}


static void on_handler(void *data, struct handler_answer *a)
{
    size_t        n = a->nactions;
    struct work  *w = data;

    ask_over(w);

    if (work_gone(w)) {
        return;
    }

    ask_stat(w->plan.steps[w->plan.at].action->handler, a);
    w->ask_step = w->plan.at;
    w->ask_status = a->status;
    w->plan.attempts += a->counted || a->what != HANDLER_AGAIN;

    switch (a->what) {

    case HANDLER_ACTIONS:
        if (plan_insert(&w->plan, a->actions, n) != 0) {
            end_dead(w, "handler_answer", "more than 10000 actions", NULL);
            return;
        }
        free(a->actions);       /* the plan has what it held */
        a->actions = NULL;
        a->nactions = 0;
        if (!plan_fits(&w->plan)) {
            plan_withdraw(&w->plan, n);
            end_dead(w, "handler_answer", "all that was decided for the event"
                     " takes too much memory", NULL);
            return;
        }
        /* fall through */

    case HANDLER_NOTHING:
        plan_done(&w->plan, NONE, NONE);
        work_mark(w, NULL, 0, work_next);
        return;

    case HANDLER_FAULTY:
        end_fault(w, "handler_answer", &a->fault);
        return;

    case HANDLER_AGAIN:
        ask_again(w, a);
        return;

    case HANDLER_REFUSED:
        ask_dead(w, "handler_refused", a);
        return;
    }
}


/* with the files that its media are in */
static void view_make(struct work *w, struct buf *view)
{
    struct buf     paths;
    struct event  *event;

    event = &w->record.events[w->plan.steps[w->plan.at].event];
    event->files = save_view(w, &paths);
    event->tenant = tokens_tenant(w->conf, event->product, event->account,
                                  event->waba);

    buf_init(view, VIEW_MAX);
    view_write(view, &w->record, w->item->record, event, w->plan.tries + 1,
               work_now());

    free((void *) event->files);
    event->files = NULL;
    event->tenant = NONE;       /* the token may go */
    buf_free(&paths);
}


/* ask_over gives the place back */
void ask_over(struct work *w)
{
    w->ask->running--;
    w->worker->asking--;
    w->ask = NULL;
    ask_next(w->worker);
}


static void handler_ask(struct work *w)
{
    struct buf                  id, view;
    const struct step          *step = &w->plan.steps[w->plan.at];
    const struct event         *event = work_event(w, step);
    struct action_place         place = work_place(event, FROM_HANDLER);
    const struct conf_handler  *handler;

    handler = handler_find(w->conf, step->action->handler);

    view_make(w, &view);

    if (view.over) {
        buf_free(&view);
        ask_over(w);
        end_dead(w, "record", "what the handler gets is over 32 MB", NULL);
        return;
    }

    buf_init(&id, 4096);
    view_id(&id, &w->record, event);
    handler_call(w->worker->handlers, w->conf, handler,
                 (struct str) { id.at, id.len }, w->plan.tries + 1,
                 (struct str) { view.at, view.len }, &place, on_handler, w);
    buf_free(&id);
    buf_free(&view);
}


static void ask_call(struct work *w, struct ask_line *l)
{
    w->ask = l;
    l->running++;
    w->worker->asking++;

    if (w->plan.steps[w->plan.at].action->kind == ACTION_ASSISTANT) {
        assist_call(w);
    } else {
        handler_ask(w);
    }
}


/* when its media are there it begins anew: meanwhile it may be too late, or
   somebody else's */
static void on_saved(struct work *w, uint64_t ms)
{
    if (!w->worker->leaving) {
        w->ask->running--;
        w->ask = NULL;
        ask_next(w->worker);
    }

    if (work_gone(w)) {
        return;
    }

    if (ms) {
        wait_retry(w, ms, "media");
    } else {
        work_next(w);
    }
}


static void ask_start(struct work *w, struct ask_line *l)
{
    if (l->saves) {
        w->ask = l;
        l->running++;
        save_start(w, on_saved);
    } else {
        ask_call(w, l);
    }
}


/* one has its answer: the next ones ask */
static void ask_next(struct worker *worker)
{
    struct work      *w;
    struct ask_line  *l;

    for (l = worker->asks; l != NULL && !worker->leaving; l = l->next) {
        while (l->first != NULL && ask_room(worker, l->lane) > 0) {
            w = ask_leave(l, &l->first);
            if (!work_gone(w)) {
                ask_start(w, l);
            }
        }

        if (l->first == NULL) {
            line_open(worker, l->lane, ASK_ONE);
        }
    }
}


/* whom it asks may have gone with a reload */
static bool ask_nobody(struct work *w, const struct action *a)
{
    bool  assistant = a->kind == ACTION_ASSISTANT;

    if (work_event(w, &w->plan.steps[w->plan.at]) != NULL
        && (assistant ? assistant_find(w->conf, a->name) != NULL
            : handler_find(w->conf, a->handler) != NULL))
    {
        return false;
    }

    end_dead(w, assistant ? "assistant_failed" : "handler_refused",
             w->is_job ? "a job asks nobody"
             : assistant ? "there is no such assistant"
             : "there is no such handler", NULL);

    return true;
}


static void ask_lane(char out[LANE_NAME_MAX], const struct work *w,
    const struct action *a)
{
    if (a->kind == ACTION_ASSISTANT) {
        snprintf(out, LANE_NAME_MAX, "%s%s", assistant_prefix, a->name);

    } else if (save_wanted(w)) {
        snprintf(out, LANE_NAME_MAX, "%s", save_lane);

    } else {
        snprintf(out, LANE_NAME_MAX, "%s%s", handler_prefix, a->handler);
    }
}


/* ask_begin asks whom the step at names, or waits for its turn */
void ask_begin(struct work *w)
{
    uint64_t              ms = 0;
    struct lane           lane = { .kind = LANE_APP };  /* of no account */
    struct ask_line      *l;
    const struct action  *a = w->plan.steps[w->plan.at].action;

    if (ask_nobody(w, a)) {
        return;
    }

    ask_lane(lane.name, w, a);
    l = ask_line_get(w->worker, lane.name);

    if (limits_wait(w->worker->limits, &lane, 1, &ms) != NULL
        || line_before(w, l->lane))
    {
        wait_lane(w, &lane, ms);

    } else if (l->first != NULL || ask_room(w->worker, l->lane) == 0) {
        ask_wait(w, l);

    } else {
        ask_start(w, l);
    }
}
