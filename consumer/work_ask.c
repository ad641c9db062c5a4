/* A step that asks a handler what is to be done. */

#include "work_own.h"

#include <stdio.h>
#include <stdlib.h>


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
    wait_retry(w, ms ? ms : 1000, "handler");
}


static void on_handler(void *data, struct handler_answer *a)
{
    size_t        n = a->nactions;
    struct work  *w = data;

    w->asked = NULL;
    if (work_gone(w)) {
        return;
    }

    ask_stat(w->plan.steps[w->plan.at].action->handler, a);
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


/* ask_begin asks the handler of the step at */
void ask_begin(struct work *w)
{
    struct buf                  id, view;
    const struct step          *step = &w->plan.steps[w->plan.at];
    const struct event         *event = work_event(w, step);
    const struct conf_handler  *handler;
    struct action_place         place = { .from = FROM_HANDLER };

    handler = handler_find(w->conf, step->action->handler);
    if (handler == NULL || event == NULL) {
        end_dead(w, "handler_refused", event == NULL
                 ? "a job asks no handler" : "there is no such handler",
                 NULL);
        return;
    }

    place.product = event->product;
    place.kind = event->kind;
    place.addressed = event->address != ADDRESS_NONE;

    buf_init(&view, VIEW_MAX);
    view_write(&view, &w->record, w->item->record, event,
               w->plan.tries + 1, work_now());

    if (view.over) {
        buf_free(&view);
        end_dead(w, "record", "what the handler gets is over 32 MB", NULL);
        return;
    }

    buf_init(&id, 4096);
    view_id(&id, &w->record, event);
    w->asked = handler_call(w->worker->handlers, w->conf, handler,
                            (struct str) { id.at, id.len },
                            w->plan.tries + 1,
                            (struct str) { view.at, view.len }, &place,
                            on_handler, w);
    buf_free(&id);
    buf_free(&view);
}
