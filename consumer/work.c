/* An item's work: its events, the rules that match, their actions one after
   another, and what becomes of it. */

#include "work.h"
#include "graph.h"
#include "letter.h"
#include "reply.h"
#include "rules.h"

#include <stdio.h>
#include <stdlib.h>


#define WORK_STEPS_MAX  10000
#define WORK_BODY_MAX   (128 * 1024)


/* one action for one event */
struct step {
    size_t               rule;      /* from 1, as in the file */
    const struct event  *event;
    const struct action *action;
};


/* begins with ops->open; holds what its steps point to */
struct work {
    struct worker   *worker;
    struct item     *item;
    struct conf     *conf;
    struct record    record;
    struct step     *steps;
    size_t           nsteps;
    size_t           room;          /* of steps */
    size_t           at;            /* the step that comes next */
    size_t           matched;
    unsigned         calls;
    bool             begun;
    uint64_t         began;
};


static void work_next(struct work *w);


static void work_free(struct work *w)
{
    w->item->work = NULL;
    record_close(&w->record);
    conf_drop(w->conf);
    free(w->steps);
    free(w);
}


/* "1,2" of the rules, "mark_read,reply" of the actions */
static void log_steps(struct buf *b, const struct work *w)
{
    size_t  i, last = 0;

    buf_text(b, " rule=");
    for (i = 0; i < w->nsteps && i < 16; i++) {
        if (w->steps[i].rule != last) {
            buf_format(b, "%s%zu", last ? "," : "", w->steps[i].rule);
            last = w->steps[i].rule;
        }
    }

    buf_text(b, w->nsteps ? " action=" : "- action=");
    for (i = 0; i < w->nsteps && i < 16; i++) {
        buf_format(b, "%s%s", i ? "," : "",
                   action_name(w->steps[i].action->kind));
    }

    buf_text(b, w->nsteps ? "" : "-");
}


/* the one line of an event */
static void work_log(const struct work *w, enum log_level level,
    const char *outcome, const char *more)
{
    char                 person[LOG_PERSON_MAX];
    struct buf           b;
    const struct event  *e = w->record.nevents ? w->record.events : NULL;

    buf_init(&b, 2048);
    log_value(&b, "item", w->item->field);
    log_value(&b, "delivery", w->record.delivery);
    log_value(&b, "n", w->record.n);
    log_id(&b, w->record.id);

    if (e != NULL) {
        log_value(&b, "product", STR(product_name(e->product)));
        log_value(&b, "kind", STR(kind_name(e->kind)));
        log_value(&b, "account", e->account);
        log_value(&b, "user", e->kind == KIND_STATUS || e->kind == KIND_CALL
                  ? NONE : STR(log_person(person, e->user)));
    } else {
        log_value(&b, "object", w->record.object);
        log_value(&b, "field", w->record.field);
    }

    log_steps(&b, w);

    log_write(level, "event queue=%s%.*s events=%zu calls=%u"
              " outcome=%s ms=%llu%s",
              w->item->queue != NULL ? queue_name(w->item->queue) : "-",
              (int) b.len, b.at, w->record.nevents, w->calls, outcome,
              w->begun ? (unsigned long long) (uv_hrtime() / 1000000
              - w->began) : 0, more);
    buf_free(&b);
}


static void log_call(const struct work *w, const struct verdict *v)
{
    struct buf  b;

    buf_init(&b, 1024);
    log_value(&b, "item", w->item->field);
    log_write(LOG_DEBUG, "call%.*s action=%s status=%ld reason=%s ms=%.1f",
              (int) b.len, b.at, action_name(w->steps[w->at].action->kind),
              v->status, v->rc == GRAPH_OK ? "ok" : graph_reason(v->rc),
              v->ms);
    buf_free(&b);
}


static void work_done(struct work *w, enum outcome outcome, const char *name)
{
    struct item  *item = w->item;

    work_log(w, LOG_INFO, name, "");

    if (outcome == OUTCOME_UNMATCHED && w->conf->unmatched != NULL) {
        outcome = OUTCOME_PASSED;
        item->list = mem_copy(w->conf->unmatched, strlen(w->conf->unmatched));
    }

    work_free(w);
    queue_done(item, outcome);
}


static void work_dead(struct work *w, const char *reason,
    const struct verdict *v, const char *text)
{
    char           more[128] = "";
    struct item   *item = w->item;
    struct letter  letter = {
        .reason = reason, .attempts = v != NULL, .answer = text
    };

    if (w->at < w->nsteps) {
        letter.action = action_name(w->steps[w->at].action->kind);
        letter.done = w->at;
    }

    if (v != NULL) {
        letter.code = v->has_code ? &v->code : NULL;
        letter.subcode = v->has_subcode ? &v->subcode : NULL;
        letter.answer = v->message;
        snprintf(more, sizeof(more), " status=%ld code=%lld subcode=%lld"
                 " trace=%s", v->status, v->code, v->subcode,
                 *v->trace ? v->trace : "-");
    }

    work_log(w, LOG_WARN, reason, more);
    letter_write(&letter, item);
    work_free(w);
    queue_done(item, OUTCOME_DEAD);
}


static void on_verdict(void *data, const struct verdict *v)
{
    struct work  *w = data;
    struct item  *item = w->item;

    if (w->worker->leaving || item->queue == NULL) {
        work_log(w, LOG_WARN, w->worker->leaving ? "left" : "lost", "");
        work_free(w);
        queue_done(item, OUTCOME_WORKED);   /* frees it: it is not ours */
        return;
    }

    log_call(w, v);

    if (v->rc != GRAPH_OK) {
        work_dead(w, graph_reason(v->rc), v, NULL);
        return;
    }

    w->at++;
    work_next(w);
}


static void step_call(struct work *w, const struct step *step)
{
    struct buf                body;
    const char               *why;
    const struct conf_token  *token;

    token = graph_token(w->conf, step->event->product, step->event->account,
                        step->event->waba);
    if (token == NULL) {
        work_dead(w, "no_token", NULL, "tokens has none for this account");
        return;
    }

    buf_init(&body, WORK_BODY_MAX);
    why = reply_body(&body, step->action, step->event, w->record.id);

    if (why == NULL && body.over) {
        why = "the body of the call is longer than 128 KB";
    }

    if (why != NULL) {
        buf_free(&body);
        work_dead(w, "record", NULL, why);
        return;
    }

    w->calls++;
    graph_send(w->worker->http, w->conf, token, step->event->account,
               (struct str) { body.at, body.len }, on_verdict, w);
    buf_free(&body);
}


/* the next step, or the end; nothing leaves unless the lease holds */
static void work_next(struct work *w)
{
    struct item  *item = w->item;

    if (w->at == w->nsteps) {
        work_done(w, w->matched ? OUTCOME_WORKED : OUTCOME_UNMATCHED,
                  w->matched ? "worked" : "unmatched");
        return;
    }

    if (!queue_may_send(item)) {
        if (item->queue == NULL) {
            work_log(w, LOG_WARN, "lost", "");
            work_free(w);
            queue_done(item, OUTCOME_WORKED);
        }
        return;
    }

    step_call(w, &w->steps[w->at]);
}


static int step_add(struct work *w, const struct event *e, size_t rule,
    const struct action *action)
{
    if (w->nsteps == WORK_STEPS_MAX) {
        return -1;
    }

    if (w->nsteps == w->room) {
        w->room = w->room * 2 + 4;
        w->steps = mem_grow(w->steps, w->room * sizeof(*w->steps));
    }

    w->steps[w->nsteps++] = (struct step) { rule, e, action };

    return 0;
}


static const char *rule_steps(struct work *w, const struct event *e,
    const struct rule *rule, size_t number)
{
    size_t                i;
    const struct action  *actions = rule->actions.at;

    w->matched++;

    if (!str_digits(e->account) || e->account.len > 32) {
        return "the account is not a number";
    }

    for (i = 0; i < rule->actions.n; i++) {
        if (actions[i].kind != ACTION_STOP
            && step_add(w, e, number, &actions[i]) != 0)
        {
            return "more than 10000 actions";
        }
    }

    return NULL;
}


/* all rules that match, for each event of the record; *reason is set with
   what is wrong where that cannot be done */
static const char *work_decide(struct work *w, const char **reason)
{
    size_t              i, j;
    const char         *why;
    enum match          match;
    const struct rule  *rules = w->conf->rules.at;

    for (i = 0; i < w->record.nevents; i++) {
        for (j = 0; j < w->conf->rules.n; j++) {
            match = rule_match(&rules[j], &w->record.events[i]);

            if (match == MATCH_UNDECIDED) {
                *reason = "rule";
                return "a pattern takes too long for this text";
            }

            if (match == MATCH_NO) {
                continue;
            }

            why = rule_steps(w, &w->record.events[i], &rules[j], j + 1);
            if (why != NULL) {
                *reason = "record";
                return why;
            }

            if (rule_stops(&rules[j])) {
                break;
            }
        }
    }

    return NULL;
}


static struct work *work_new(struct worker *worker, struct item *item)
{
    struct work  *w = mem_alloc(sizeof(*w));

    w->worker = worker;
    w->item = item;
    w->conf = conf_hold(worker->conf);
    w->record.id = w->record.delivery = w->record.n = NONE;
    w->record.object = w->record.field = NONE;
    item->work = w;

    return w;
}


static void work_begin(struct worker *worker, struct item *item)
{
    const char                *why, *reason = "";
    struct work               *w = item->work;
    enum record_rc             rc = RECORD_OK;
    static const char *const  faults[] = {
        [RECORD_NEWER] = "is of a newer version",
        [RECORD_FAULTY] = "has no \"v\" or no \"event\"",
        [RECORD_MANY] = "has more than 10000 elements",
        [RECORD_LARGE] = "takes too much memory for its length",
        [RECORD_NO_JSON] = "is no JSON, or nested too deep"
    };

    if (w == NULL) {
        w = work_new(worker, item);
        rc = record_open(item->record, &w->record);
    }

    w->begun = true;
    w->began = uv_hrtime() / 1000000;

    if (rc != RECORD_OK) {
        w->record.id = w->record.delivery = w->record.n = NONE;
        w->record.object = w->record.field = NONE;
        work_dead(w, "record", NULL, faults[rc]);
        return;
    }

    why = work_decide(w, &reason);
    if (why != NULL) {
        work_dead(w, reason, NULL, why);
        return;
    }

    work_next(w);
}


static enum open_rc work_open(void *data, struct item *item)
{
    char            *own = NULL;
    size_t           n;
    struct str      *keys = NULL;
    struct work     *w;
    enum record_rc   rc;

    w = work_new(data, item);
    rc = record_open(item->record, &w->record);

    if (rc == RECORD_NEWER) {
        work_free(w);
        return OPEN_NEWER;
    }

    if (rc != RECORD_OK) {
        work_free(w);
        queue_lines(item, NULL, 0);     /* begins, fails, and is buried */
        return OPEN_OK;
    }

    n = record_lines(&w->record, &keys, &own);
    queue_lines(item, keys, n);
    free(keys);
    free(own);

    /* a tree takes many times its text: who waits has it made anew */
    if (item->blocked) {
        work_free(w);
    }

    return OPEN_OK;
}


static void work_run(void *data, struct item *item)
{
    struct work  *w = item->work;

    if (w != NULL && w->begun) {
        work_next(w);
    } else {
        work_begin(data, item);
    }
}


static void work_forget(void *data, struct item *item)
{
    (void) data;

    if (item->work != NULL) {
        work_free(item->work);
    }
}


static void work_gone(void *data)
{
    struct worker  *worker = data;

    worker->gone(worker->data);
}


const struct queue_ops  work_ops = {
    .open = work_open, .run = work_run, .forget = work_forget,
    .gone = work_gone
};
