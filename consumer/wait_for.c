/* Steps that wait until a message of theirs has got so far: a while in the
   window, where a status that this process sees wakes them at once, then in
   {Q}:retry, looked at again and again. */

#include "work_own.h"
#include "graph_error.h"

#include <stdio.h>
#include <stdlib.h>


/* so many wait in the window, for so long */
#define WAITS_MAX     64
#define WAIT_HERE_MS  5000
#define WAIT_LOOK_MS  500

/* in {Q}:retry: 0.5 s, 1 s, 2 s... */
#define WAIT_MAX_MS   30000


static const char *const  names[] = {
    "accepted", "sent", "delivered", "read", "played"
};


/* 0 for what is none of them: nothing came yet */
static size_t rank_of(struct str state)
{
    size_t  i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (str_is(state, names[i])) {
            return i;
        }
    }

    return 0;
}


static struct step *wait_step(const struct work *w)
{
    return &w->plan.steps[w->plan.at];
}


/* wait_forget takes the work out of those that wait here */
void wait_forget(struct work *w)
{
    struct work  **at;

    if (!w->waits) {
        return;
    }

    for (at = &w->worker->waits; *at != w; at = &(*at)->next_wait) { }
    *at = w->next_wait;
    w->waits = false;
    w->worker->nwaits--;
}


/* a job holds back the jobs of its line: their order is what it waits for.  An
   event holds back nobody: its receipt may come in its own line */
static void wait_aside(struct work *w)
{
    unsigned      tries = w->plan.tries < 7 ? w->plan.tries : 7;
    long long     left = wait_step(w)->waits - work_now();
    uint64_t      ms = (uint64_t) WAIT_LOOK_MS << tries;

    ms = ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS;
    if (left >= 0 && ms > (uint64_t) left + 1) {
        ms = (uint64_t) left + 1;
    }

    w->plan.tries++;
    w->plan.stored = false;
    wait_receipt(w, ms, !w->is_job);
}


static void wait_met(struct work *w, struct str state)
{
    struct step  *step = wait_step(w);

    work_log(w, LOG_INFO, rank_of(state) >= (size_t) step->action->wait_for
             ? "reached" : "wait_timeout", "");
    plan_reached(&w->plan, STR(names[rank_of(state)]));
    work_next(w);
}


/* it was taken, and then it failed: as if Meta had refused it */
static void wait_failed(struct work *w, const struct reply *answer)
{
    long long       code, subcode;
    struct verdict  v = { .rc = GRAPH_ERROR };

    code = strtoll(reply_str(reply_at(answer, 1)).at, NULL, 10);
    subcode = strtoll(reply_str(reply_at(answer, 2)).at, NULL, 10);

    v.has_code = reply_str(reply_at(answer, 1)).len > 0;
    v.has_subcode = subcode != 0;
    v.code = code;
    v.subcode = subcode;
    v.row = graph_error_find(w->target.product, (long) code,
                             subcode ? (long) subcode : ERROR_ANY);
    snprintf(v.message, sizeof(v.message), "it was accepted, and failed"
             " later");

    wait_step(w)->state = STEP_OPEN;
    end_dead(w, "failed", v.message, &v);
}


static void wait_here(struct work *w)
{
    struct worker  *worker = w->worker;

    w->waits = true;
    w->next_wait = worker->waits;
    worker->waits = w;
    worker->nwaits++;

    if (!uv_is_active((uv_handle_t *) &worker->waiting)) {
        uv_timer_start(&worker->waiting, wait_look, WAIT_LOOK_MS,
                       WAIT_LOOK_MS);
    }
}


/* who came back from {Q}:retry has waited here.  Messenger's and Instagram's
   receipts come in the line of the person, which an event of theirs would hold
   back in the window */
static bool wait_may_stay(const struct work *w)
{
    return (w->is_job || w->target.product == PRODUCT_WHATSAPP)
           && w->plan.tries == 0 && w->worker->nwaits < WAITS_MAX
           && uv_now(w->worker->loop) < w->waits_until
           && !queue_leaving(w->item->queue);
}


static void on_state(void *data, const struct reply *answer)
{
    struct str    state;
    struct work  *w = data;

    if (work_gone(w)) {
        return;
    }

    state = answer != NULL ? reply_str(reply_at(answer, 0)) : NONE;

    if (str_is(state, "failed")) {
        wait_failed(w, answer);

    } else if (answer != NULL
               && (rank_of(state) >= (size_t) wait_step(w)->action->wait_for
                   || work_now() >= wait_step(w)->waits))
    {
        wait_met(w, state);

    } else if (wait_may_stay(w)) {
        wait_here(w);

    } else {
        wait_aside(w);
    }
}


/* of which account the message is */
static struct str wait_account(const struct work *w)
{
    const struct step  *step = wait_step(w);

    return sent_by(step, w->is_job ? &w->job : NULL, work_event(w, step));
}


/* wait_begin asks how far it got, and waits where that is not far enough */
void wait_begin(struct work *w)
{
    struct str           args[KNOW_ARGS_MAX];
    const struct event  *e = work_event(w, wait_step(w));

    if (w->waits_until == 0) {
        w->waits_until = uv_now(w->worker->loop) + WAIT_HERE_MS;
        w->target.product = e != NULL ? e->product
                            : target_product(w->conf, wait_account(w),
                                             w->job.to);
    }

    args[0] = wait_account(w);
    args[1] = STR(wait_step(w)->message);
    know_say(w->worker->know, KNOW_STATE, args, on_state, w);
}


/* wait_sent: the step at has sent a message and is to wait for it; the plan
   says so before anything else happens */
void wait_sent(struct work *w, struct str message, struct str answer)
{
    plan_waits(&w->plan, message, answer, work_now()
               + (long long) wait_step(w)->action->wait_ms);
    w->waits_until = 0;
    work_mark(w, NULL, 0, wait_begin);
}


/* wait_heard: a status of it came */
void wait_heard(struct worker *worker, struct str account,
    struct str message)
{
    struct work  *w;

    for (w = worker->waits; w != NULL; w = w->next_wait) {
        if (str_is(message, wait_step(w)->message)
            && str_equal(account, wait_account(w)))
        {
            wait_forget(w);
            wait_begin(w);
            return;
        }
    }
}


/* wait_look: other processes see statuses, too; and who leaves waits aside */
void wait_look(uv_timer_t *timer)
{
    struct work    *w, *all = NULL;
    struct worker  *worker = timer->data;

    while ((w = worker->waits) != NULL) {
        wait_forget(w);
        w->next_wait = all;
        all = w;
    }

    if (all == NULL) {
        uv_timer_stop(timer);
    }

    while ((w = all) != NULL) {
        all = w->next_wait;
        if (!work_gone(w)) {
            wait_begin(w);
        }
    }
}
