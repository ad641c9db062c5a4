/* A step that takes a call to Graph: room on its lanes, a place among the
   calls on the wire, the mark, the call. */

#include "work_own.h"
#include "split.h"

#include <stdlib.h>


/* tokens of the store are seen after a second */
#define CALL_TOKEN_MS  1500
#define CALL_STORE_MS  30000    /* somebody has to mend it */

/* who waits less than this for a lane stays in the window */
#define CALL_NAP_MS   1000
#define CALL_NAPS_MAX 64

/* a file must get on its way as fast as that: bytes/ms */
#define CALL_FILE_RATE  256


static void call_admit(struct work *w);


static void nap_leave(struct work *w)
{
    struct work  **i = &w->worker->naps;

    while (*i != NULL && *i != w) {
        i = &(*i)->next_nap;
    }

    if (*i != NULL) {
        *i = w->next_nap;
        w->worker->nnaps--;
    }

    w->wakes = 0;
}


static void turn_leave(struct work *w)
{
    struct work  **i = &w->worker->turn;

    while (*i != NULL && *i != w) {
        i = &(*i)->next_turn;
    }

    if (*i != NULL) {
        *i = w->next_turn;
        if (*i == NULL) {
            w->worker->turn_end = i;
        }
    }

    w->in_turn = false;
}


/* call_forget takes the work out of whatever it waits in */
void call_forget(struct work *w)
{
    if (w->wakes) {
        nap_leave(w);
    }

    if (w->in_turn) {
        turn_leave(w);
    }

    if (w->on_wire) {
        w->on_wire = false;
        w->worker->calls--;
        call_turn(w->worker);
    }

    if (w->has_call) {
        reply_call_free(&w->call);
        w->has_call = false;
    }
}


static void nap_set(struct worker *worker)
{
    uint64_t            now = uv_now(worker->loop), first = UINT64_MAX;
    const struct work  *w;

    for (w = worker->naps; w != NULL; w = w->next_nap) {
        first = w->wakes < first ? w->wakes : first;
    }

    if (worker->naps != NULL) {
        uv_timer_start(&worker->alarm, call_alarm,
                       first > now ? first - now : 0, 0);
    }
}


static void nap(struct work *w, uint64_t ms)
{
    w->wakes = uv_now(w->worker->loop) + (ms ? ms : 1);
    w->next_nap = w->worker->naps;
    w->worker->naps = w;
    w->worker->nnaps++;
    nap_set(w->worker);
}


/* call_alarm wakes those whose moment has come, the one that waited longest
   first */
void call_alarm(uv_timer_t *timer)
{
    uint64_t        now = uv_now(timer->loop);
    struct work    *w, *due = NULL, *next;
    struct worker  *worker = timer->data;

    for (w = worker->naps; w != NULL; w = next) {
        next = w->next_nap;
        if (w->wakes <= now) {
            nap_leave(w);
            w->next_nap = due;
            due = w;
        }
    }

    while ((w = due) != NULL) {
        due = w->next_nap;
        if (!work_gone(w)) {
            call_admit(w);
        }
    }

    nap_set(worker);
}


static void call_wait(struct work *w, const struct lane *lane, uint64_t ms)
{
    bool  soon = lane == NULL || ms <= CALL_NAP_MS;

    if (soon && queue_leaving(w->item->queue)) {
        wait_retry(w, ms, "leaving");

    } else if (lane == NULL) {
        nap(w, ms);             /* Redis is away: nobody goes anywhere */

    } else if (soon && w->worker->nnaps < CALL_NAPS_MAX) {
        if (work_untold(w)) {
            work_mark(w, NULL, 0, call_admit);
        } else {
            nap(w, ms);
        }

    } else {
        wait_lane(w, lane, ms);
    }
}


static void call_mark(struct work *w)
{
    struct step  *step = &w->plan.steps[w->plan.at];

    if (!w->call.idempotent && step->state != STEP_SENT) {
        step->state = STEP_SENT;
        w->plan.stored = false;
    }

    work_mark(w, NULL, 0, call_send);
}


static void call_place(struct work *w)
{
    w->on_wire = true;
    w->worker->calls++;
    call_mark(w);
}


/* its lanes may have stopped since they were asked: what was found out by the
   calls before it is not found out again */
static void call_try(struct work *w)
{
    uint64_t            ms;
    const struct lane  *lane;

    lane = limits_wait(w->worker->limits, w->lanes.at, w->lanes.n, &ms);

    if (lane != NULL && ms > CALL_NAP_MS) {
        call_wait(w, lane, ms);
    } else {
        call_place(w);
    }
}


/* call_turn lets the next one go who waits for a place */
void call_turn(struct worker *worker)
{
    struct work  *w;

    while (worker->turn != NULL
           && worker->calls < worker->conf->in_flight)
    {
        w = worker->turn;
        turn_leave(w);
        if (!work_gone(w)) {
            call_try(w);
        }
    }
}


/* call_line_up: there is room on its lanes, now a place among the calls */
static void call_line_up(struct work *w)
{
    struct worker  *worker = w->worker;

    if (worker->calls < worker->conf->in_flight && worker->turn == NULL) {
        call_place(w);

    } else if (work_untold(w)) {
        work_mark(w, NULL, 0, call_line_up);

    } else {
        w->in_turn = true;
        w->next_turn = NULL;
        *worker->turn_end = w;
        worker->turn_end = &w->next_turn;
    }
}


static void on_take(void *data, bool go, size_t which, uint64_t ms)
{
    struct work  *w = data;

    w->asking = false;
    if (work_gone(w)) {
        return;
    }

    if (!go) {
        if (which != LIMITS_NOBODY) {
            rate_ask(w, &w->lanes.at[which]);
        }
        call_wait(w, which == LIMITS_NOBODY ? NULL : &w->lanes.at[which],
                  ms);
        return;
    }

    call_line_up(w);
}


static void call_admit(struct work *w)
{
    uint64_t            ms;
    const struct lane  *lane;

    lane = limits_wait(w->worker->limits, w->lanes.at, w->lanes.n, &ms);
    if (lane != NULL) {
        call_wait(w, lane, ms);
        return;
    }

    w->asking = true;
    limits_take(w->worker->limits, w->lanes.at, w->lanes.n, on_take, w);
}


/* call_usage is told what an answer's headers say, before the answer is */
void call_usage(void *data, const struct usage *usage,
    const struct conf_token *token, const struct graph_call *call)
{
    struct worker  *worker = data;

    (void) token;
    (void) call;

    worker->heard = *usage;
}


static void on_verdict(void *data, const struct verdict *v)
{
    struct work  *w = data;

    w->flying = false;
    w->on_wire = false;
    w->worker->calls--;
    stat_add(STAT_GRAPH_RUNNING, -1);
    call_turn(w->worker);

    if (queue_sure(w->item)) {
        limits_usage(w->worker->limits, &w->worker->heard, w->lanes.at,
                     w->lanes.n);
    }
    w->worker->heard.n = 0;

    if (!work_gone(w)) {
        outcome_verdict(w, v);
    }
}


static bool call_is_read(const struct work *w)
{
    return w->call.method == METHOD_GET;
}


/* the answer that dry_run gives itself */
static void call_dry(struct work *w)
{
    stat_add(STAT_GRAPH_DRY, 1);
    work_log(w, LOG_INFO, "dry", "");
    w->on_wire = false;
    w->worker->calls--;
    call_turn(w->worker);
    plan_done(&w->plan, NONE, NONE);
    work_next(w);
}


/* while it waited its token may have been renewed; the lanes are the same */
static void call_renewed(struct work *w)
{
    const struct conf_token  *now = tokens_now(w->conf, w->token);

    if (now != NULL && now != w->token) {
        token_hold(now);
        token_drop(w->token);
        w->token = now;
    }
}


/* call_send puts it on the wire, if the lease holds by our own clock */
void call_send(struct work *w)
{
    const char                     *why;
    struct graph_call               call;
    static const enum http_method   methods[] = {
        [METHOD_GET] = HTTP_GET, [METHOD_POST] = HTTP_POST,
        [METHOD_DELETE] = HTTP_DELETE
    };

    w->phase = PHASE_MARKED;
    if (!queue_may_send(w->item)) {
        work_gone(w);
        return;
    }

    w->phase = PHASE_STEP;
    call_renewed(w);

    if (w->conf->dry_run && !call_is_read(w)) {
        call_dry(w);
        return;
    }

    call = (struct graph_call) {
        .method = methods[w->call.method], .host = graph_token_host(w->token),
        .product = w->target.product, .idempotent = w->call.idempotent,
        .path = (struct str) { w->call.path.at, w->call.path.len },
        .query = (struct str) { w->call.query.at, w->call.query.len },
        .body = (struct str) { w->call.body.at, w->call.body.len },
        .type = w->call.type, .file = {
            .fd = w->call.fd, .size = w->call.size,
            .tail = { w->call.tail.at, w->call.tail.len }
        },
        .total_ms = w->call.size > 0
                    ? HTTP_TOTAL_MS + w->call.size / CALL_FILE_RATE : 0,
        .token = w->token, .app = w->app
    };

    why = graph_start(w->worker->graph, w->conf, &call, on_verdict, w);
    if (why != NULL) {
        end_dead(w, "record", why, NULL);
        return;
    }

    w->flying = true;
    w->calls++;
    stat_add(STAT_GRAPH_RUNNING, 1);
    reply_call_free(&w->call);
    w->has_call = false;
}


/* the first is the default; `app` of an event picks one */
const struct conf_app *call_app(const struct work *w,
    const struct conf_token *token)
{
    size_t                  i;
    const struct conf_app  *apps = w->conf->apps.at;

    for (i = 0; i < w->conf->apps.n && !w->is_job; i++) {
        if (str_is(w->record.app, apps[i].id)) {
            return &apps[i];
        }
    }

    /* Instagram Login is another app's (meta-graph-oauth-ads-capi.md 2.10) */
    return w->conf->apps.n && token->kind != TOKEN_INSTAGRAM ? apps : NULL;
}


/* whom it is for; a graph action needs nobody */
static int call_target(struct work *w, const struct step *step,
    struct fault *fault)
{
    enum product          product;
    const struct action  *a = step->action;

    if (a->kind == ACTION_SEND) {
        return target_of(&w->target, w->conf, PRODUCT_NONE, STR(a->account),
                         STR(a->to), "send.to", fault);
    }

    if (!w->is_job && work_event(w, step) == NULL) {
        return fault_set(fault, "", NULL, NONE, "what was decided names an"
                         " event that the record does not have");
    }

    if (!w->is_job) {
        target_of_event(&w->target, work_event(w, step));

    } else if (job_check(&w->job, w->conf, &w->target, fault) != 0) {
        return -1;
    }

    if (a->kind == ACTION_GRAPH && a->account != NULL) {
        w->target.account = STR(a->account);
        product = tokens_product(w->conf, w->target.account);
        w->target.product = product != PRODUCT_NONE ? product
                            : w->target.product;
    }

    return comment_check(w, step, fault);
}


/* it may be sent: the call is written, and asks for room */
static void call_write(struct work *w)
{
    const char                  *why;
    const struct step           *step = &w->plan.steps[w->plan.at];
    static const struct action   receipt = { .kind = ACTION_MARK_READ };

    w->uploading = false;

    if (upload_needed(w)) {
        if (upload_write(w)) {      /* which is no message either */
            w->has_call = true;
            lanes_of(&w->lanes, w->worker->limits, &receipt, &w->target,
                     w->token, w->app);
            call_admit(w);
        }
        return;
    }

    w->target.media = step->media != NULL ? STR(step->media) : NONE;
    w->has_call = true;
    why = reply_call(&w->call, step->action, &w->target, work_ref(w));
    if (why != NULL) {
        end_dead(w, "record", why, NULL);
        return;
    }

    lanes_of(&w->lanes, w->worker->limits, step->action, &w->target, w->token,
             w->app);
    call_admit(w);
}


/* a long text takes its place in the plan as several; false: there is no room
   for them, and the work has ended */
static bool call_split(struct work *w)
{
    size_t               n;
    struct action       *pieces;
    const struct action *a = w->plan.steps[w->plan.at].action;

    n = split_action(a, w->target.product, &pieces);
    if (n == 0) {
        return true;
    }

    if (plan_replace(&w->plan, pieces, n) != 0) {
        actions_free(pieces, n);
        end_dead(w, "record", "more than 10000 actions", NULL);
        return false;
    }

    free(pieces);       /* the plan has what they hold */

    return true;
}


/* call_begin finds whom it is for and who may send it */
void call_begin(struct work *w)
{
    struct str           waba;
    struct fault         fault = { .action = 0 };
    const struct step   *step = &w->plan.steps[w->plan.at];
    const struct event  *event = work_event(w, step);

    if (know_missing(w, event)) {
        know_begin(w, call_begin);
        return;
    }

    if (call_target(w, step, &fault) != 0) {
        end_fault(w, w->is_job ? "job" : "record", &fault);
        return;
    }

    waba = event != NULL ? event->waba : NONE;
    token_drop(w->token);
    w->token = token_hold(tokens_pick(w->conf, w->target.product,
                                      w->target.account, waba));
    if (w->token == NULL && tokens_hidden(w->conf, w->target.product,
                                          w->target.account, waba))
    {
        wait_retry(w, CALL_STORE_MS, "token_locked");
        return;
    }
    /* who connected the account may be quicker than we see its token */
    if (w->token == NULL && w->conf->token_keys != NULL
        && w->plan.tries == 0)
    {
        outcome_again(w, CALL_TOKEN_MS, 0, "no_token", NULL);
        return;
    }
    if (w->token == NULL) {
        end_dead(w, "no_token", "tokens has none for this account", NULL);
        return;
    }

    w->app = call_app(w, w->token);
    target_by_token(&w->target, w->token);
    if (!call_split(w)) {
        return;
    }

    guard_begin(w, call_write);
}
