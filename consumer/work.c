/* An item's work, from the queue's hands and back: its steps, one after
   another. */

#include "work_own.h"
#include "life.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>


/* work_now returns the time of day */
long long work_now(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_REALTIME, &now);

    return (long long) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}


/* work_time returns when an event happened, as far as it says */
long long work_time(const struct work *w)
{
    return w->record.time ? w->record.time : w->record.received_at;
}


/* work_event returns the event that a step is for; NULL where there is none */
const struct event *work_event(const struct work *w, const struct step *step)
{
    return !w->is_job && step->event < w->record.nevents
           ? &w->record.events[step->event] : NULL;
}


/* work_ref returns what Meta gives back in a status or an echo of what the
   step at sends: the item's id, from its second send on with that number, for
   a status of the first one must not settle the second */
struct str work_ref(struct work *w)
{
    size_t      i, n = 1;
    struct buf  b;
    struct str  id = w->is_job ? w->job.id : w->record.id;

    for (i = 0; i < w->plan.at; i++) {
        n += action_sends(w->plan.steps[i].action);
    }

    if (n == 1 || id.len == 0) {
        return id;
    }

    free(w->ref);
    buf_init(&b, (size_t) -1);
    buf_str(&b, id);
    buf_format(&b, "#%zu", n);
    w->ref = mem_copy(b.at, b.len);
    buf_free(&b);

    return STR(w->ref);
}


struct work *work_new(struct desk *desk, struct item *item)
{
    struct work  *w = mem_grow(NULL, sizeof(*w));

    memset(w, 0, offsetof(struct work, lanes));
    w->lanes.n = 0;
    w->desk = desk;
    w->worker = desk->worker;
    w->item = item;
    w->conf = conf_hold(desk->worker->conf);
    w->is_job = desk->kind == QUEUE_JOBS;
    w->record.id = w->record.delivery = w->record.n = NONE;
    w->record.object = w->record.field = w->record.app = NONE;
    w->job.id = w->job.account = w->job.to = w->job.reply_to = NONE;
    item->work = w;

    return w;
}


/* work_free releases the work; the item goes on without it */
void work_free(struct work *w)
{
    struct worker  *worker = w->worker;

    if (w->item != NULL) {
        w->item->work = NULL;
    }

    line_leave(w);
    call_forget(w);
    ask_forget(w);
    wait_forget(w);
    life_forget(worker->life, w);

    if (w->flow != NULL) {
        flow_forget(w->flow);
    }

    if (w->running) {
        worker->running--;
    }

    token_drop(w->token);
    know_forget(w);
    plan_free(&w->plan);
    record_close(&w->record);
    if (w->is_job) {
        job_free(&w->job);
    }
    conf_drop(w->conf);
    free(w->ref);
    free(w);
}


/* work_gone ends work for an item that another holder has now, or will have */
bool work_gone(struct work *w)
{
    struct item  *item = w->item;

    if (!w->worker->leaving && item->queue != NULL) {
        return false;
    }

    work_log(w, LOG_WARN, w->worker->leaving ? "left" : "lost", "");
    work_free(w);
    queue_done(item, OUTCOME_WORKED);   /* it is not ours: only freed */

    return true;
}


/* not ok: nothing has left, and the item comes again by itself */
static void on_mark(void *data, bool ok)
{
    struct work  *w = data;

    if (!ok) {
        w->item = NULL;
        work_free(w);
        return;
    }

    w->item->work = w;
    if (!work_gone(w)) {
        w->plan.stored = true;
        w->marked(w);
    }
}


/* work_mark stores the plan, where it has changed */
void work_mark(struct work *w, const struct queue_push *push, size_t n,
    void (*next)(struct work *w))
{
    struct buf  b;

    if (w->plan.stored && n == 0) {
        next(w);
        return;
    }

    buf_init(&b, PLAN_BLOB_MAX);
    plan_write(&w->plan, &b);

    if (b.over) {
        buf_free(&b);
        end_buried(w, "record", NULL, "what was decided takes over 8 MB",
                   NULL);
        return;
    }

    w->marked = next;
    w->item->work = NULL;       /* should it come again, then without us */
    queue_mark(w->item, (struct str) { b.at, b.len }, push, n, on_mark, w);
    buf_free(&b);
}


/* work_untold: a step's outcome is known to us alone.  What takes its time, and
   what is not said twice, has to wait until Redis knows: who dies meanwhile
   would leave a call that nobody knows the end of */
bool work_untold(const struct work *w)
{
    return w->plan.at > 0 && !w->plan.stored;
}


static void push_done(struct work *w)
{
    work_next(w);
}


/* the list gets the record in the call that says so */
static void push_begin(struct work *w)
{
    struct queue_push  push = {
        .list = w->plan.steps[w->plan.at].action->list,
        .value = w->item->record
    };

    plan_done(&w->plan, NONE, NONE);
    work_mark(w, &push, 1, push_done);
}


static void step_told(struct work *w, void (*begin)(struct work *w))
{
    if (work_untold(w)) {
        work_mark(w, NULL, 0, begin);
    } else {
        begin(w);
    }
}


static void step_begin(struct work *w)
{
    const struct step  *step = &w->plan.steps[w->plan.at];

    switch (step->action->kind) {

    case ACTION_PUSH:
        step_told(w, push_begin);
        return;

    case ACTION_EXCHANGE:
        step_told(w, exchange_begin);
        return;

    case ACTION_CALL:
    case ACTION_ASSISTANT:
        step_told(w, ask_begin);
        return;

    case ACTION_TAG:
    case ACTION_UNTAG:
    case ACTION_PAUSE:
    case ACTION_RESUME:
        step_told(w, talk_begin);
        return;

    case ACTION_CONFIGURE:
        step_told(w, configure_begin);
        return;

    case ACTION_STOP:
        plan_done(&w->plan, NONE, NONE);
        work_next(w);
        return;

    default:
        call_begin(w);
        return;
    }
}


/* a paused account costs nothing: neither handler nor list is asked */
static bool step_paused(struct work *w)
{
    uint64_t             ms;
    struct lanes         lanes = { .n = 0 };
    const struct lane   *lane;
    const struct event  *e;

    e = w->record.nevents ? w->record.events : NULL;

    if (w->is_job && w->job.account.len) {
        lanes_account(&lanes, w->worker->limits,
                      target_product(w->conf, w->job.account, w->job.to),
                      w->job.account);
    } else if (e != NULL && e->account.len) {
        lanes_account(&lanes, w->worker->limits, e->product, e->account);
    }

    lane = limits_wait(w->worker->limits, lanes.at, lanes.n, &ms);
    if (lane == NULL || ms != LIMITS_FOREVER) {
        return false;
    }

    wait_lane(w, lane, ms);

    return true;
}


/* the steps are done, but not all of a long history was decided yet */
static bool work_more(struct work *w)
{
    const char  *why, *reason = "";

    plan_renew(&w->plan);
    why = decide_event(w, &reason);
    if (why != NULL) {
        end_dead(w, reason, why, NULL);
    }

    return why == NULL;
}


/* work_next does the next step, or ends; nothing leaves unless the lease
   holds */
void work_next(struct work *w)
{
    size_t              late = 0;
    const struct step  *step;

    w->phase = PHASE_STEP;
    call_forget(w);

    for ( ;; ) {
        while (w->plan.at == w->plan.n && w->plan.more) {
            if (!work_more(w)) {
                return;
            }
        }

        if (w->plan.at == w->plan.n) {
            work_log_late(w, "steps", late);
            if (plan_failed(&w->plan) < w->plan.n) {
                fail_end(w);
            } else {
                end_good(w);
            }
            return;
        }

        step = &w->plan.steps[w->plan.at];
        if (step->state >= STEP_DONE) {
            w->plan.at++;           /* others failed, and are begun anew */
            continue;
        }

        if (!plan_needs(&w->plan)) {
            plan_leave(&w->plan);
            continue;
        }

        if (step->until == 0 || work_now() <= step->until
            || step->state == STEP_SENT || step->state == STEP_WAIT)
        {
            break;
        }

        if (w->is_job || w->plan.at == 0) {
            end_expired(w);
            return;
        }

        plan_skip(&w->plan);
        late++;
    }

    work_log_late(w, "steps", late);

    if (!queue_may_send(w->item)) {
        work_gone(w);

    } else if (step->state == STEP_SENT) {
        outcome_unknown(w, NULL);

    } else if (step->state == STEP_WAIT) {
        wait_begin(w);

    } else if (!step_paused(w) && (!step->values || decide_values(w))) {
        step_begin(w);
    }
}


static void begin_decide(struct work *w)
{
    const char  *why, *reason = "";

    why = decide_event(w, &reason);
    if (why != NULL && w->faulty) {
        end_fault(w, reason, &w->fault);
        return;
    }

    if (why != NULL) {
        end_dead(w, reason, why, NULL);
        return;
    }

    decide_count(w);
    settle_event(w);
    receipt_templates(w);
    work_next(w);
}


/* who it is about is known, as far as it is */
static void begin_known(struct work *w)
{
    echo_begin(w, begin_decide);
}


static void begin_shared(struct work *w)
{
    know_begin(w, begin_known);
}


static void begin_event(struct work *w)
{
    share_begin(w, begin_shared);
}


/* the first of an idempotency_key is over, and this is what became of it */
static void on_earlier(void *data, struct str earlier)
{
    struct work  *w = data;

    if (work_gone(w)) {
        return;
    }

    if (earlier.at == NULL) {
        wait_retry(w, 1000, "redis");

    } else if (earlier.len) {
        end_duplicate(w, earlier);

    } else {
        work_next(w);
    }
}


/* what its letter, its result and the log say is of the blanked one */
static void job_bury(struct work *w)
{
    enum record_rc  rc;

    if (configure_blank(w)) {
        plan_free(&w->plan);
        job_free(&w->job);
        w->faulty = false;
        work_read(w, &rc);

        if (!w->faulty && decide_job(w)) {
            w->plan.decided = false;
            fault_set(&w->fault, "do", NULL, NONE, "holds what may be a"
                      " token");
        }
    }

    end_fault(w, "job", &w->fault);
}


static void begin_job(struct work *w)
{
    long long  now = work_now();

    if (w->faulty || !decide_job(w)) {
        job_bury(w);

    } else if (w->job.not_before > now) {
        w->plan.decided = false;
        wait_until(w, w->job.not_before - now);

    } else if (w->job.idempotency_key.len) {
        idem_ask(w->item, w->job.idempotency_key, on_earlier, w);

    } else {
        work_next(w);
    }
}


static void work_begin(struct desk *desk, struct item *item)
{
    struct work               *w = item->work;
    enum record_rc             rc = RECORD_OK;
    static const char *const  faults[] = {
        [RECORD_NEWER] = "is of a newer version",
        [RECORD_FAULTY] = "has no \"v\" or no \"event\"",
        [RECORD_MANY] = "has more than 1000 elements",
        [RECORD_LARGE] = "takes too much memory for its length",
        [RECORD_NO_JSON] = "is no JSON, or nested too deep"
    };

    if (w == NULL) {
        w = work_new(desk, item);
        work_read(w, &rc);
    }

    w->phase = PHASE_STEP;
    w->running = true;
    w->worker->running++;
    w->began = uv_hrtime() / 1000000;

    if (rc != RECORD_OK) {
        work_unread(w);
        end_dead(w, "record", faults[rc], NULL);
        return;
    }

    if (item->state.len && plan_read(&w->plan, item->state) != 0) {
        end_dead(w, "state", "what was decided for it cannot be read", NULL);
        return;
    }

    line_join(w);

    if (desk->kind == QUEUE_CALLBACKS) {
        callback_begin(w);
    } else if (w->plan.decided) {
        work_next(w);
    } else if (w->is_job) {
        begin_job(w);
    } else {
        begin_event(w);
    }
}


static void work_run(void *data, struct item *item)
{
    struct work  *w = item->work;

    if (w == NULL || w->phase == PHASE_BEGIN) {
        work_begin(data, item);

    } else if (w->phase == PHASE_MARKED) {
        call_send(w);

    } else {
        work_next(w);
    }
}


static void work_forget(void *data, struct item *item)
{
    (void) data;

    if (item->work != NULL) {
        work_free(item->work);
    }
}


static void work_over(void *data)
{
    struct desk  *desk = data;

    desk->worker->gone(desk->worker->data, desk);
}


/* somebody worked it already: one line, and a job's owner hears of it */
static void work_duplicate(void *data, struct item *item)
{
    enum record_rc   rc;
    struct work     *w = item->work;

    if (w == NULL) {
        w = work_new(data, item);
        work_read(w, &rc);
    }

    work_log(w, LOG_INFO, "duplicate", "");
    work_free(w);
}


/* consumers died of it: an end like others, and nobody begins it */
static void work_poison(void *data, struct item *item, const char *why)
{
    char             text[LETTER_TEXT_MAX];
    enum record_rc   rc;
    struct work     *w = work_new(data, item);
    struct plan     *p = &w->plan;

    configure_seal(w);
    work_read(w, &rc);
    if (w->faulty && configure_blank(w)) {
        job_free(&w->job);
        work_read(w, &rc);
    }
    if (rc != RECORD_OK) {
        work_unread(w);
    }

    if (item->state.len) {
        plan_read(p, item->state);          /* or nothing was decided */
    }

    ids_tell(w);        /* it was never opened */
    snprintf(text, sizeof(text), "%.400s%s", why,
             p->at < p->n && p->steps[p->at].state == STEP_SENT
             ? "; nobody knows whether its action was done" : "");
    end_dead(w, "poison", text, NULL);
}


static bool work_may_alone(void *data)
{
    const struct desk  *desk = data;

    return desk->worker->running == 0;
}


const struct queue_ops  work_ops = {
    .open = work_open, .run = work_run, .forget = work_forget,
    .duplicate = work_duplicate, .poison = work_poison,
    .may_alone = work_may_alone, .lanes = line_found, .woken = line_woken,
    .gone = work_over
};
