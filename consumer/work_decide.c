/* What is to be done for an item: the rules that match its events, or what
   its job says. */

#include "work_own.h"
#include "rules.h"


/* of a record with many texts; it must not cost the lease */
#define DECIDE_NS  2000000000u


/* 0: it never gets too old */
static long long rule_until(const struct work *w, const struct rule *rule)
{
    long long  time = work_time(w);

    return rule->max_age_ms && time
           ? time + (long long) rule->max_age_ms : 0;
}


static const char *rule_steps(struct work *w, size_t event,
    const struct rule *rule, size_t number)
{
    size_t                i;
    long long             until = rule_until(w, rule);
    struct step          *step;
    const struct action  *actions = rule->actions.at;

    w->plan.matched++;

    if (until && work_now() > until) {
        w->expired++;
        return NULL;
    }

    for (i = 0; i < rule->actions.n; i++) {
        if (actions[i].kind == ACTION_STOP) {
            continue;
        }

        step = plan_add(&w->plan, event, number, &actions[i]);
        if (step == NULL) {
            return "more than 10000 actions";
        }

        step->until = until;
        step->loose = rule->loose;
        step->resend = rule->ambiguous == AMBIGUOUS_RESEND;
    }

    return NULL;
}


/* decide_event asks all rules about each event of the record that was not
   worked before, alone or within another change */
const char *decide_event(struct work *w, const char **reason)
{
    size_t              i, j;
    const char         *why;
    uint64_t            until = rules_spent() + DECIDE_NS;
    enum match          match;
    const struct rule  *rules = w->conf->rules.at;

    for (i = 0; i < w->record.nevents; i++) {
        if (queue_seen(w->item, i)) {
            continue;
        }

        for (j = 0; j < w->conf->rules.n; j++) {
            match = rule_match(&rules[j], &w->record.events[i]);

            if (match == MATCH_UNDECIDED
                || (rules[j].text != NULL && rules_spent() > until))
            {
                *reason = "rule";
                return "a pattern takes too long for this text";
            }

            if (match == MATCH_NO) {
                continue;
            }

            why = rule_steps(w, i, &rules[j], j + 1);
            if (why != NULL) {
                *reason = "record";
                return why;
            }

            if (rule_stops(&rules[j])) {
                break;
            }
        }
    }

    if (!plan_fits(&w->plan)) {
        *reason = "record";
        return "what was decided takes too much memory";
    }

    w->plan.decided = true;
    if (w->plan.matched > w->expired) {
        work_log_late(w, "rules", w->expired);  /* else it ends as expired */
    }

    return NULL;
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
