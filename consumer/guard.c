/* Whether something may be sent: what is known to fail, what somebody does not
   want, and what answers itself never leaves. */

#include "work_own.h"

#include <stdio.h>
#include <time.h>


/* so many steps in a row are left out before the loop has its turn: each goes
   on from within the one before it */
#define GUARD_LEAVES  64

/* by whom a message was sent that answers a failed one */
static const char  failed_by[] = "failed ";


static const struct action *guard_action(const struct work *w)
{
    return w->plan.steps[w->plan.at].action;
}


/* guard_wanted: the step at says something to a person */
bool guard_wanted(const struct work *w)
{
    const struct action  *a = guard_action(w);

    return (action_message(a) || a->kind == ACTION_COMMENT_REPLY)
           && w->target.account.len;
}


/* guard_counts: it is an answer, so it may be one too many */
bool guard_counts(const struct work *w)
{
    return !w->is_job && guard_wanted(w)
           && guard_action(w)->kind != ACTION_REACT;
}


/* guard_template: its name, NULL where it is none */
const char *guard_template(const struct work *w)
{
    return guard_action(w)->template_name;
}


/* the channel's own body says itself what it is */
static bool raw_is_free(const struct action *a)
{
    bool              is_free;
    struct json_doc  *doc = json_parse(a->raw.at, a->raw.len, JSON_TREE_MAX);

    is_free = str_is(json_get_text(json_root(doc), "type"), "template")
              || json_get(json_root(doc), "tag") != NULL;
    json_free(doc);

    return is_free;
}


/* what needs no open window: templates, tags, answers to comments */
static bool is_free(const struct work *w)
{
    const struct action  *a = guard_action(w);

    return guard_template(w) != NULL || a->message_tag != NULL
           || (a->raw.len && raw_is_free(a))
           || a->kind == ACTION_COMMENT_REPLY
           || a->kind == ACTION_PRIVATE_REPLY
           || w->target.address == ADDRESS_GROUP
           || w->target.address == ADDRESS_COMMENT
           || w->target.address == ADDRESS_USER_REF;
}


/* guard_by says what sends a step: "job", "rule 2", "handler shop"; "failed
   rule 2" where it answers a message that failed */
void guard_by(const struct plan *plan, size_t at, const struct event *e,
    char out[GUARD_BY_MAX])
{
    size_t              i;
    const struct step  *step = &plan->steps[at], *s;
    const char         *failed = "", *handler = NULL;

    if (e == NULL) {
        snprintf(out, GUARD_BY_MAX, "job");
        return;
    }

    for (i = at; i-- > 0 && handler == NULL; ) {
        s = &plan->steps[i];
        if (s->event != step->event || s->rule != step->rule) {
            break;
        }
        handler = s->action->kind == ACTION_CALL ? s->action->handler : NULL;
    }

    if (e->kind == KIND_STATUS && str_is(e->state, "failed")) {
        failed = failed_by;
    }

    if (handler != NULL) {
        snprintf(out, GUARD_BY_MAX, "%shandler %s", failed, handler);
    } else {
        snprintf(out, GUARD_BY_MAX, "%srule %zu", failed, step->rule);
    }
}


/* guard_leave: the event goes on without this answer */
void guard_leave(struct work *w, const char *why)
{
    char  more[64];

    snprintf(more, sizeof(more), " why=%s", why);
    work_log(w, LOG_WARN, "left_out", more);
    stat_add(STAT_AUTO_LEFT, 1);
    plan_leave(&w->plan);

    if (++w->left % GUARD_LEAVES == 0) {
        work_mark(w, NULL, 0, work_next);
    } else {
        work_next(w);
    }
}


/* an answer to the failure of such an answer would fail the same */
static bool answers_itself(const struct work *w)
{
    const struct event  *e;
    const struct known  *known;
    size_t               n = sizeof(failed_by) - 1;

    e = work_event(w, &w->plan.steps[w->plan.at]);
    known = work_known(w, &w->plan.steps[w->plan.at]);

    return e != NULL && e->kind == KIND_STATUS && known->by.len > n
           && memcmp(known->by.at, failed_by, n) == 0;
}


static void date_text(char out[32], long long ms)
{
    struct tm  tm;
    time_t     seconds = (time_t) (ms / 1000);

    gmtime_r(&seconds, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}


/* guard_instead: the rule's template goes, if it has one */
bool guard_instead(struct work *w)
{
    if (!plan_instead(&w->plan)) {
        return false;
    }

    work_log(w, LOG_INFO, "closed", "");
    plan_close(&w->plan);
    work_next(w);

    return true;
}


static void guard_closed(struct work *w, const struct known *known)
{
    char          when[64] = "nobody knows when";
    struct fault  fault = { .action = w->is_job ? w->plan.at + 1 : 0 };

    if (guard_instead(w)) {
        return;
    }

    if (known->until) {
        date_text(when, known->until - KNOW_WINDOW_MS);
    }

    fault_set(&fault, action_name(guard_action(w)->kind), "24 hours",
              STR(when), "the window is closed: the person last wrote %s;"
              " only a template may be sent", when);
    stat_add(STAT_REFUSED_WINDOW, 1);
    end_refused(w, "window", &fault);
}


static void guard_optout(struct work *w, const struct known *known)
{
    char          when[32];
    struct fault  fault = { .action = w->is_job ? w->plan.at + 1 : 0 };

    date_text(when, known->optout);
    fault_set(&fault, action_name(guard_action(w)->kind), NULL, STR(when),
              "the person has wanted no marketing messages since %s", when);
    stat_add(STAT_REFUSED_OPTOUT, 1);
    end_refused(w, "opted_out", &fault);
}


static bool is_marketing(struct str category)
{
    return category.len >= 9 && strncasecmp(category.at, "marketing", 9) == 0;
}


/* guard_judge goes on if it may be sent */
void guard_judge(struct work *w, const struct known *known,
    void (*next)(struct work *w))
{
    if (guard_counts(w)
        && (known->stop || known->autos >= w->conf->replies_max))
    {
        guard_leave(w, "stopped");

    } else if (!w->is_job && answers_itself(w)) {
        guard_leave(w, "failed_before");

    } else if (known->optout && is_marketing(known->category)) {
        guard_optout(w, known);

    } else if (known->window == WINDOW_CLOSED && !is_free(w)) {
        guard_closed(w, known);

    } else {
        next(w);
    }
}
