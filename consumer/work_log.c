/* The worker's log lines: each about an event names its delivery, from the
   edge to Graph's answer. */

#include "work_own.h"
#include "graph_error.h"

#include <stdio.h>
#include <stdlib.h>


static bool step_left_out(const struct step *step)
{
    return step->state == STEP_EXPIRED || step->state == STEP_LEFT
           || step->state == STEP_CLOSED;
}


/* the actions that were left out, or the others; how many there are */
static size_t log_actions(struct buf *b, const struct work *w,
    const char *name, bool left_out)
{
    size_t              i, n = 0;
    const struct plan  *p = &w->plan;

    for (i = 0; i < p->n && i < 16; i++) {
        if (step_left_out(&p->steps[i]) == left_out) {
            buf_text(b, n++ ? "," : name);
            buf_text(b, action_name(p->steps[i].action->kind));
        }
    }

    return n;
}


/* "1,2" of the rules, "mark_read,reply" of the actions */
static void log_steps(struct buf *b, const struct work *w)
{
    size_t              i, last = 0;
    const struct plan  *p = &w->plan;

    buf_text(b, " rule=");
    for (i = 0; i < p->n && i < 16; i++) {
        if (p->steps[i].rule != last) {
            buf_text(b, last ? "," : "");
            last = p->steps[i].rule;
            buf_number(b, last);
        }
    }

    buf_text(b, last ? "" : "-");
    if (log_actions(b, w, " action=", false) == 0) {
        buf_text(b, " action=-");
    }
    log_actions(b, w, " left_out=", true);
}


static void log_event(struct buf *b, const struct work *w)
{
    char                 person[LOG_PERSON_MAX];
    const struct event  *e = w->record.nevents ? w->record.events : NULL;

    log_value(b, "delivery", w->record.delivery);
    log_value(b, "n", w->record.n);
    log_id(b, w->record.id);

    if (e != NULL) {
        log_value(b, "product", STR(product_name(e->product)));
        log_value(b, "kind", STR(kind_name(e->kind)));
        log_value(b, "account", e->account);
        log_value(b, "user", e->user.len ? STR(log_person(person, e->user))
                  : NONE);
    }

    if (e == NULL || e->kind == KIND_UNKNOWN) {
        log_value(b, "object", w->record.object);
        log_value(b, "field", w->record.field);
    }
}


static void log_job(struct buf *b, const struct work *w)
{
    char  person[LOG_PERSON_MAX];

    log_value(b, "job", w->job.id);
    log_value(b, "account", w->job.account);
    log_value(b, "user", STR(log_person(person, w->job.to)));
}


/* work_log writes the line of an event or a job */
void work_log(const struct work *w, enum log_level level,
    const char *outcome, const char *more)
{
    static struct buf  b = { .max = 4096 };     /* of one after the other */

    if (!log_wants(level)) {
        return;
    }

    b.len = 0;
    b.over = false;
    buf_text(&b, w->is_job ? "job" : "event");
    log_value(&b, "queue", STR(w->desk->name));
    log_value(&b, "item", w->item->field);

    if (w->is_job) {
        log_job(&b, w);
    } else {
        log_event(&b, w);
    }

    log_steps(&b, w);
    buf_text(&b, " events=");
    buf_number(&b, w->record.nevents);
    buf_text(&b, " calls=");
    buf_number(&b, w->calls);
    buf_text(&b, " outcome=");
    buf_text(&b, outcome);
    buf_text(&b, " ms=");
    buf_number(&b, w->began ? uv_hrtime() / 1000000 - w->began : 0);
    buf_text(&b, more);
    log_text(level, (struct str) { b.at, b.len });
}


/* "rule:2" of "rule 2": a value holds no blank */
static void log_by(struct buf *b, struct str by)
{
    size_t  i, from;

    log_value(b, "by", NONE);
    b->len -= by.len > 0;
    from = b->len;
    log_clean(b, by.len ? by : NONE);

    for (i = from; i < b->len; i++) {
        b->at[i] = b->at[i] == ' ' ? ':' : b->at[i];
    }
}


static void log_failed(const struct work *w, size_t n)
{
    char                           person[LOG_PERSON_MAX];
    long                           sub;
    struct buf                     b;
    struct str                     code;
    const struct event            *e = &w->record.events[n];
    const struct graph_error_row  *row = NULL;

    code = json_get_text(e->error, "code");
    if (code.len) {
        sub = strtol(json_get_text(e->error, "error_subcode").at, NULL, 10);
        row = graph_error_find(e->product, strtol(code.at, NULL, 10),
                               sub ? sub : ERROR_ANY);
    }
    stat_add(STAT_FAILED_RETRY + (row != NULL ? row->cls : CLASS_NEVER), 1);

    buf_init(&b, 4096);
    buf_text(&b, "a message failed");
    log_value(&b, "queue", STR(w->desk->name));
    log_value(&b, "item", w->item->field);
    log_value(&b, "delivery", w->record.delivery);
    log_id(&b, e->target.len ? e->target : e->id);
    log_value(&b, "account", e->account);
    log_value(&b, "user", STR(log_person(person, e->user)));
    log_by(&b, w->known != NULL ? w->known[w->known_of[n]].by : NONE);
    buf_text(&b, " state=failed");
    log_value(&b, "code", code);
    buf_format(&b, " class=%s: %s%s%s",
               row != NULL ? graph_class_name(row->cls) : "never",
               row != NULL ? row->text : "Meta has not said why.",
               row != NULL ? " " : "", row != NULL ? row->todo : "");
    log_text(LOG_WARN, (struct str) { b.at, b.len });
    buf_free(&b);
}


/* work_log_failed: a message that Meta took did not arrive, and mostly no rule
   is for that */
void work_log_failed(const struct work *w)
{
    size_t               i;
    const struct event  *e;

    for (i = 0; i < w->record.nevents; i++) {
        e = &w->record.events[i];
        if (e->kind == KIND_STATUS && str_is(e->state, "failed")
            && !str_is(e->type, "call"))
        {
            log_failed(w, i);
        }
    }
}


/* work_log_late says that so many steps, or rules, were left out */
void work_log_late(const struct work *w, const char *what, size_t n)
{
    char  more[64];

    if (n > 0) {
        snprintf(more, sizeof(more), " %s=%zu", what, n);
        work_log(w, LOG_WARN, "late", more);
        stat_row_add(w->desk->stats, STAT_QUEUE_LATE, (long long) n);
    }
}


/* work_log_call writes the line of a call that was answered, or was not */
void work_log_call(const struct work *w, const struct verdict *v)
{
    struct buf          b;
    const struct step  *step = &w->plan.steps[w->plan.at];

    if (!log_wants(LOG_DEBUG)) {
        return;
    }

    buf_init(&b, 1024);
    log_value(&b, "queue", STR(w->desk->name));
    log_value(&b, "item", w->item->field);
    log_value(&b, w->is_job ? "job" : "delivery",
              w->is_job ? w->job.id : w->record.delivery);
    log_write(LOG_DEBUG, "call%.*s step=%zu action=%s attempt=%u status=%ld"
              " reason=%s trace=%s ms=%.1f", (int) b.len, b.at, w->plan.at + 1,
              action_name(step->action->kind), w->plan.attempts, v->status,
              v->rc == GRAPH_OK ? "ok" : graph_reason(v->rc),
              *v->trace ? v->trace : "-", v->ms);
    buf_free(&b);
}
