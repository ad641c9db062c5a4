/* Which rules an event matches. */

#ifndef RULES_H
#define RULES_H

#include "event.h"

#include <stdint.h>


enum match {
    MATCH_NO,
    MATCH_YES,
    MATCH_UNDECIDED     /* the pattern needs too much time for this text */
};


enum match rule_match(const struct rule *rule, const struct event *event);

/* rules_spent: time that we have computed, ns; patterns are measured by it */
uint64_t rules_spent(void);

/* rule_stops: no rule after this one is asked */
bool rule_stops(const struct rule *rule);


#endif /* RULES_H */
