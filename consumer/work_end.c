/* How an item's work ends: well, too late, or as a dead letter; a job's
   result goes out with it. */

#include "work_own.h"
#include "graph_error.h"

#include <stdio.h>
#include <stdlib.h>


#define RESULTS_MAX  10000      /* of a list (contract 7) */


/* end_result_step says what a step that is done came to */
void end_result_step(const struct step *step, struct result_step *out)
{
    *out = (struct result_step) {
        .action = action_name(step->action->kind), .ok = true,
        .message = step->message != NULL ? STR(step->message) : NONE,
        .answer = step->answer != NULL ? STR(step->answer) : NONE
    };
}


static void result_error(struct result_error *e, const struct fault *fault,
    const char *text, const struct verdict *v)
{
    *e = (struct result_error) { .class = "ours", .text = text,
                                 .fault = fault };
    if (v == NULL) {
        return;
    }

    e->has_code = v->has_code;
    e->has_subcode = v->has_subcode;
    e->code = v->code;
    e->subcode = v->subcode;
    e->meta = v->message;
    e->trace = v->trace;
    e->class = v->rc == GRAPH_UNREACHABLE ? "retry" : "never";

    if (v->row != NULL) {
        e->class = graph_class_name(v->row->cls);
        e->text = v->row->text;
        e->todo = v->row->todo;
    }
}


/* to whoever waits for it */
static void result_reply(struct work *w, struct str result)
{
    char               *list;
    struct queue_push   push = { .value = result, .max = RESULTS_MAX,
                                 .ttl_ms = w->conf->results_ms };

    if (w->job.reply_to.len) {
        list = mem_copy(w->job.reply_to.at, w->job.reply_to.len);
        push.list = list;
        queue_end_push(w->item, &push);
        stat_add(STAT_RESULTS, 1);
        free(list);
    }
}


/* for the next one of the same idempotency_key; what was never begun is run
   when it comes again */
static void result_keep(struct work *w, struct str result)
{
    char               list[IDEM_LIST_MAX];
    struct queue_push  push = { .list = list, .value = result, .max = 1,
                                .ttl_ms = IDEM_MS };

    if (w->job.idempotency_key.len && w->plan.decided) {
        idem_list(list, w->desk->name, w->job.idempotency_key);
        queue_end_push(w->item, &push);
    }
}


/* the steps that were done, and the one that was not where error is there */
static void result_push(struct work *w, enum result_state state,
    const struct result_error *error)
{
    size_t                i, n = w->plan.at;
    struct buf            b;
    struct result         r;
    struct result_step   *steps;

    if (!w->is_job || (w->job.reply_to.len == 0
                       && w->job.idempotency_key.len == 0))
    {
        return;
    }

    steps = mem_alloc((n + 1) * sizeof(*steps));
    for (i = 0; i < n; i++) {
        end_result_step(&w->plan.steps[i], &steps[i]);
    }

    if (error != NULL) {
        steps[n] = (struct result_step) {
            .action = n < w->plan.n
                      ? action_name(w->plan.steps[n].action->kind) : NULL,
            .message = NONE, .answer = NONE, .error = error
        };
        n++;
    }

    r = (struct result) {
        .id = w->job.id, .state = state, .steps = steps, .nsteps = n,
        .attempts = w->plan.attempts, .time = work_now()
    };

    buf_init(&b, RESULT_MAX);
    result_write(&b, &r);
    result_reply(w, (struct str) { b.at, b.len });
    result_keep(w, (struct str) { b.at, b.len });
    buf_free(&b);
    free(steps);
}


/* how far the messages got that somebody waited for: the one that got least
   far.  One that was played was read */
static enum result_state result_reached(const struct plan *plan)
{
    size_t             i;
    const char        *s;
    enum result_state  state, least = RESULT_READ;
    bool               any = false;

    for (i = 0; i < plan->n; i++) {
        s = plan->steps[i].reached;
        if (s == NULL) {
            continue;
        }

        any = true;
        state = strcmp(s, "accepted") == 0 ? RESULT_ACCEPTED
                : strcmp(s, "sent") == 0 ? RESULT_SENT
                : strcmp(s, "delivered") == 0 ? RESULT_DELIVERED
                : RESULT_READ;
        least = state < least ? state : least;
    }

    return any ? least : RESULT_ACCEPTED;
}


static void end(struct work *w, enum outcome outcome)
{
    struct item  *item = w->item;

    if (outcome != OUTCOME_DUPLICATE) {
        work_log_failed(w);
    }

    if (w->record.received_at > 0) {
        stat_time(TIME_AGE, (double) (work_now() - w->record.received_at));
    }

    work_free(w);
    queue_done(item, outcome);
}


/* end_good: all is done, or nothing was to do */
void end_good(struct work *w)
{
    if (w->plan.n == 0 && w->plan.matched == w->expired && w->expired) {
        end_expired(w);
        return;
    }

    if (w->is_job || w->plan.matched) {
        work_log(w, LOG_INFO, "worked", "");
        result_push(w, result_reached(&w->plan), NULL);
        queue_end_seen(w->item, w->plan.n > 0 || work_long(w));
        ids_end(w);
        end(w, OUTCOME_WORKED);
        return;
    }

    work_log(w, LOG_INFO, "unmatched", "");
    queue_end_seen(w->item, false);

    if (w->conf->unmatched == NULL) {
        end(w, OUTCOME_UNMATCHED);
        return;
    }

    w->item->list = mem_copy(w->conf->unmatched, strlen(w->conf->unmatched));
    end(w, OUTCOME_PASSED);
}


/* end_callback ends what has no actions, and was worked */
void end_callback(struct work *w)
{
    queue_end_seen(w->item, true);
    end(w, OUTCOME_WORKED);
}


/* end_expired: it came, or comes again, too late */
void end_expired(struct work *w)
{
    struct result_error  e;

    work_log(w, LOG_WARN, "expired", "");
    result_error(&e, NULL, "it was too late for this when its turn came",
                 NULL);
    result_push(w, RESULT_EXPIRED, &e);
    queue_end_seen(w->item, w->plan.at > 0);
    end(w, OUTCOME_EXPIRED);
}


/* end_duplicate gives it what the first of its idempotency_key came to */
void end_duplicate(struct work *w, struct str earlier)
{
    struct buf  b;

    work_log(w, LOG_INFO, "duplicate", "");
    buf_init(&b, RESULT_MAX);
    if (result_again(&b, earlier, w->job.id, work_now())) {
        result_reply(w, (struct str) { b.at, b.len });
    }

    buf_free(&b);
    end(w, OUTCOME_DUPLICATE);
}


/* who takes the letter back wants the step that is not done to be run, also
   where nobody knows whether it was */
static struct buf end_blob(struct work *w)
{
    struct buf  b;

    if (w->plan.at < w->plan.n
        && w->plan.steps[w->plan.at].state != STEP_WAIT)
    {
        w->plan.steps[w->plan.at].state = STEP_OPEN;
    }

    w->plan.tries = w->plan.errors = 0;
    buf_init(&b, PLAN_BLOB_MAX);

    if (w->plan.decided) {
        plan_write(&w->plan, &b);
    }

    return b;
}


static void end_letter(struct work *w, const char *reason, const char *text,
    const struct verdict *v)
{
    char           more[192] = "";
    struct buf     b = end_blob(w);
    struct letter  letter = {
        .reason = reason, .attempts = w->plan.attempts, .answer = text,
        .state = { b.at, b.len }
    };

    if (w->plan.at < w->plan.n) {
        letter.action = action_name(w->plan.steps[w->plan.at].action->kind);
        letter.done = w->plan.at;
    }
    ask_note(w, reason, more, sizeof(more));

    if (v != NULL) {
        letter.code = v->has_code ? &v->code : NULL;
        letter.subcode = v->has_subcode ? &v->subcode : NULL;
        letter.answer = v->message;
        letter.raw = v->raw;
        letter.trace = *v->trace ? v->trace : NULL;
        snprintf(more, sizeof(more), " status=%ld code=%lld subcode=%lld"
                 " trace=%s", v->status, v->code, v->subcode,
                 *v->trace ? v->trace : "-");

        if (v->row != NULL) {
            letter.class = graph_class_name(v->row->cls);
            letter.text = v->row->text;
            letter.todo = v->row->todo;
        }
    }

    work_log(w, LOG_WARN, reason, more);
    stat_row_add(stat_row(STATS_REASON, reason), STAT_REASON_DEAD, 1);
    letter_write(&letter, w->item);
    buf_free(&b);
}


/* something of it was done: those of a change that come behind one that failed
   may have been */
static bool end_begun(const struct plan *plan)
{
    size_t  i;

    for (i = 0; i < plan->n; i++) {
        if (plan->steps[i].state >= STEP_DONE
            && plan->steps[i].state != STEP_FAILED)
        {
            return true;
        }
    }

    return false;
}


static bool end_perhaps_sent(const struct work *w, const char *reason)
{
    const struct plan  *p = &w->plan;

    return strcmp(reason, "ambiguous") == 0
           || (strcmp(reason, "poison") == 0 && p->at < p->n
               && p->steps[p->at].state == STEP_SENT);
}


/* end_buried: one that was sent in part, or perhaps, is not begun anew by a
   repetition */
void end_buried(struct work *w, const char *reason,
    const struct fault *fault, const char *text, const struct verdict *v)
{
    bool                 ambiguous = strcmp(reason, "ambiguous") == 0;
    struct result_error  e;

    result_error(&e, fault, text, v);
    result_push(w, ambiguous ? RESULT_AMBIGUOUS : RESULT_DEAD, &e);
    if (ambiguous) {
        settle_note(w);
    }
    queue_end_seen(w->item, end_perhaps_sent(w, reason)
                            || end_begun(&w->plan));
    end_letter(w, reason, text, v);
    end(w, OUTCOME_DEAD);
}


/* end_dead buries it with Graph's answer, or a text of ours */
void end_dead(struct work *w, const char *reason, const char *text,
    const struct verdict *v)
{
    if (!fail_event(w, reason, text, v)) {
        end_buried(w, reason, NULL, text, v);
    }
}


/* end_refused buries what is right in itself, but not now, or not for them */
void end_refused(struct work *w, const char *reason,
    const struct fault *fault)
{
    char  text[400];

    fault_say(fault, text, sizeof(text));
    if (!fail_event(w, reason, text, NULL)) {
        end_buried(w, reason, fault, text, NULL);
    }
}


/* end_fault buries what a parameter is wrong of */
void end_fault(struct work *w, const char *reason, const struct fault *fault)
{
    char  text[400];

    fault_say(fault, text, sizeof(text));
    if (w->is_job) {
        stat_add(STAT_JOBS_FAULTY, 1);
    }
    if (!fail_event(w, reason, text, NULL)) {
        end_buried(w, reason, fault, text, NULL);
    }
}
