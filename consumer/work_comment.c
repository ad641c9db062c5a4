/* What a comment allows: one private reply, within seven days of it
   (meta-webhooks-and-messaging.md 8 and 9). */

#include "work_own.h"

#include <stdio.h>


#define DAY_MS        86400000ll
#define PRIVATE_DAYS  7


/* a second one would be refused, and the first may have been another rule's */
static bool replied(const struct work *w, const struct step *step)
{
    size_t              i;
    const struct step  *s = w->plan.steps;

    for (i = 0; i < w->plan.at; i++) {
        if (s[i].event == step->event && s[i].state == STEP_DONE
            && s[i].action->kind == ACTION_PRIVATE_REPLY)
        {
            return true;
        }
    }

    return false;
}


/* comment_check: -1 where it is known that Meta would refuse it */
int comment_check(struct work *w, const struct step *step, struct fault *f)
{
    char                 value[48];
    long long            days;
    const struct event  *event = work_event(w, step);

    if (event == NULL) {
        return 0;
    }

    w->target.live = str_is(w->record.field, "live_comments");

    if (step->action->kind != ACTION_PRIVATE_REPLY) {
        return 0;
    }

    if (replied(w, step)) {
        return fault_set(f, "private_reply", "1 for a comment", NONE, "this"
                         " comment has one already, and Meta takes no"
                         " second");
    }

    days = event->time ? (work_now() - event->time) / DAY_MS : 0;
    if (days < PRIVATE_DAYS) {
        return 0;
    }

    snprintf(value, sizeof(value), "%lld days", days);

    return fault_set(f, "private_reply", "7 days", STR(value), "the comment"
                     " is %lld days old, and Meta takes a private reply"
                     " within 7 days", days);
}
