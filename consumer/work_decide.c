/* What is to be done for an item: the rules that match its events, or what
   its job says. */

#include "work_own.h"
#include "rules.h"
#include "values.h"

#include <stdio.h>
#include <stdlib.h>


/* patterns of a record with many texts; it must not cost the lease */
#define DECIDE_NS  2000000000u


/* history: thousands of events are decided so many steps at a time, for the
   plan is written whole at each mark */
#define DECIDE_STEPS  500


/* 0: it never gets too old */
static long long rule_until(const struct work *w, const struct rule *rule)
{
    long long  time = work_time(w);

    return rule->max_age_ms && time
           ? time + (long long) rule->max_age_ms : 0;
}


/* work_place: what may be done for an event */
struct action_place work_place(const struct event *event,
    enum action_from from)
{
    return (struct action_place) {
        .from = from, .product = event->product, .kind = event->kind,
        .addressed = event->address != ADDRESS_NONE,
        .message = event->kind == KIND_MESSAGE
                   || event->kind == KIND_POSTBACK,
        .comment = event->comment.id.len > 0
    };
}


/* an action that holds values is another one for each event; it is what is
   kept.  NULL: w->fault says why there is none */
static struct action *step_filled(struct work *w, const struct step *step,
    size_t number)
{
    const struct event   *event = work_event(w, step);
    const struct known   *known = work_known(w, step);
    struct values         values = {
        .event = event, .id = w->record.id,
        .name = known->name.at != NULL ? known->name : NONE
    };
    struct action_place   place = work_place(event, FROM_RULE);
    struct action        *own = mem_alloc(sizeof(*own));

    if (values_action(step->action->json, &values, &place, w->conf, own,
                      &w->fault) != 0)
    {
        w->fault.action = (unsigned) number;
        free(own);
        return NULL;
    }

    return own;
}


/* of one among several the others go on: it fails when its turn comes */
static int step_fill(struct work *w, struct step *step, size_t number)
{
    struct action  *own = step_filled(w, step, number);

    if (own != NULL) {
        step->action = step->own = own;
        return 0;
    }

    step->values = w->record.nevents > 1;
    w->faulty = !step->values;

    return step->values ? 0 : -1;
}


/* decide_values fills in what did not fit, by now; false: w ends, or goes on
   with others */
bool decide_values(struct work *w)
{
    size_t          i = w->plan.at, number = 1;
    struct step    *steps = w->plan.steps;
    struct action  *own;

    while (i > 0 && steps[i - 1].event == steps[i].event
           && steps[i - 1].rule == steps[i].rule)
    {
        i--;
        number++;
    }

    own = step_filled(w, &steps[w->plan.at], number);
    if (own == NULL) {
        end_fault(w, "rule", &w->fault);
        return false;
    }

    plan_replace(&w->plan, own, 1);
    w->plan.steps[w->plan.at].values = false;
    free(own);

    return true;
}


static const char *rule_step(struct work *w, size_t event,
    const struct rule *rule, size_t number, const struct action *action,
    size_t n)
{
    struct step  *step = plan_add(&w->plan, event, number, action);

    if (step == NULL) {
        return "more than 10000 actions";
    }

    if (values_in(action->json) && step_fill(w, step, n) != 0) {
        return "a value does not fit";
    }

    if (action->kind == ACTION_CALL && rule->save != NULL) {
        step->save = mem_copy(rule->save, strlen(rule->save));
        step->save_max = rule->save_max;
    }

    step->until = rule_until(w, rule);
    step->files = action->file != NULL;
    step->loose = rule->loose;
    step->resend = rule->ambiguous == AMBIGUOUS_RESEND;
    step->instead = action == rule->fallback.at;

    return NULL;
}


/* what goes where the window is closed stands behind all others, once */
static const char *rule_steps(struct work *w, size_t event,
    const struct rule *rule, size_t number)
{
    size_t                i;
    long long             until = rule_until(w, rule);
    const char           *why = NULL;
    const struct action  *actions = rule->actions.at;

    w->plan.matched++;

    if (until && work_now() > until) {
        w->expired++;
        return NULL;
    }

    for (i = 0; i < rule->actions.n && why == NULL; i++) {
        if (actions[i].kind != ACTION_STOP
            && !(work_long(w) && actions[i].kind == ACTION_PUSH
                 && plan_pushes(&w->plan, actions[i].list)))
        {
            why = rule_step(w, event, rule, number, &actions[i], i + 1);
        }
    }

    if (rule->fallback.n > 0 && why == NULL) {
        why = rule_step(w, event, rule, number, rule->fallback.at, i + 1);
    }

    return why;
}


static struct str event_tags(const struct work *w, size_t event)
{
    const struct step  step = { .event = event };
    struct str         tags = work_known(w, &step)->tags;

    return tags.at != NULL ? tags : NONE;
}


/* a person has taken the conversation over, and answers it */
static bool event_paused(const struct work *w, size_t event)
{
    const struct step  step = { .event = event };

    return work_known(w, &step)->pause > work_now();
}


/* else nobody could tell why a customer has no answer */
static void decide_paused(struct work *w, size_t number)
{
    char  more[64];

    snprintf(more, sizeof(more), " why=paused bot_rule=%zu", number);
    work_log(w, LOG_INFO, "left_out", more);
    stat_add(STAT_AUTO_LEFT, 1);
}


/* asked for only where a rule does */
static struct str event_tenant(const struct work *w, size_t event)
{
    const struct event  *e = &w->record.events[event];

    return w->conf->by_tenant ? tokens_tenant(w->conf, e->product,
                                              e->account, e->waba) : NONE;
}


/* all rules from the top, until one says stop */
static const char *event_rules(struct work *w, size_t event,
    struct rule_facts *facts, size_t *slow)
{
    size_t              j, limits = facts->limits;
    const char         *why, *differs;
    const struct rule  *rules = w->conf->rules.at;

    for (j = 0; j < w->conf->rules.n; j++) {
        differs = rule_differs(&rules[j], &w->record.events[event], facts);

        if (facts->limits > limits && *slow == 0) {
            *slow = j + 1;
        }

        if (differs == NULL && rules[j].bot && event_paused(w, event)) {
            decide_paused(w, j + 1);
            continue;
        }

        if (differs != NULL) {
            continue;
        }

        why = rule_steps(w, event, &rules[j], j + 1);
        if (why != NULL || rule_stops(&rules[j])) {
            return why;
        }
    }

    return NULL;
}


/* a pattern that is given up does not match: somebody should write it
   otherwise */
static void decide_slow(struct work *w, const struct rule_facts *facts,
    size_t slow)
{
    char  more[64];

    if (facts->limits) {
        stat_add(STAT_PATTERN_LIMITS, (long long) facts->limits);
        snprintf(more, sizeof(more), " patterns=%zu slow_rule=%zu",
                 facts->limits, slow);
        work_log(w, LOG_WARN, "slow", more);
    }
}


/* work_long: history, of which Meta sends thousands at once */
bool work_long(const struct work *w)
{
    return w->record.nevents > RECORD_EVENTS_MAX;
}


/* decide_event asks all rules about each event of the record that was not
   worked before, alone or within another change */
const char *decide_event(struct work *w, const char **reason)
{
    size_t              i, n, slow = 0;
    const char         *why = NULL;
    struct rule_facts   facts = {
        .object = w->record.object, .tenant = NONE, .tags = NONE,
        .time = work_time(w), .now = work_now(),
        .until = rules_spent() + DECIDE_NS
    };

    i = w->plan.more;
    w->plan.more = 0;
    n = w->plan.n;

    for ( ; i < w->record.nevents && why == NULL; i++) {
        if (work_long(w) && w->plan.n - n >= DECIDE_STEPS) {
            w->plan.more = i;
            break;
        }

        if (!queue_seen(w->item, i)) {
            facts.tags = event_tags(w, i);
            facts.tenant = event_tenant(w, i);
            why = event_rules(w, i, &facts, &slow);
        }
    }

    decide_slow(w, &facts, slow);

    if (why == NULL && !plan_fits(&w->plan)) {
        why = "what was decided takes too much memory";
    }

    if (why != NULL) {
        *reason = w->faulty ? "rule" : "record";
        return why;
    }

    w->plan.decided = true;
    if (w->plan.matched > w->expired) {
        work_log_late(w, "rules", w->expired);  /* else it ends as expired */
    }

    return NULL;
}


/* decide_count: what came in counts on the lanes of what goes out */
void decide_count(struct work *w)
{
    size_t        i;
    struct lanes  lanes;

    for (i = 0; i < w->record.nevents && !w->record.replay; i++) {
        lanes_inbound(&lanes, w->worker->limits, &w->record.events[i]);
        if (lanes.n) {
            limits_give(w->worker->limits, lanes.at, lanes.n);
        }
    }
}


/* decide_job checks all that the job says before the first of it runs */
bool decide_job(struct work *w)
{
    size_t        i;
    struct step  *step;

    if (job_check(&w->job, w->conf, &w->target, &w->fault) != 0) {
        return false;
    }

    for (i = 0; i < w->job.nactions; i++) {
        step = plan_add(&w->plan, 0, 0, &w->job.actions[i]);
        if (step == NULL) {
            fault_set(&w->fault, "do", "10000 actions", NONE,
                      "more than 10000 actions");
            return false;
        }
        step->until = w->job.expires;
    }

    if (!plan_fits(&w->plan)) {
        fault_set(&w->fault, "do", NULL, NONE,
                  "what is to be done takes too much memory");
        return false;
    }

    w->plan.decided = true;

    return true;
}
