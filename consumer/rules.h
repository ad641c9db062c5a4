/* Which rules an event matches. */

#ifndef RULES_H
#define RULES_H

#include "event.h"

#include <stdint.h>


/* what is known beside the event itself */
struct rule_facts {
    struct str  object;     /* of the record */
    struct str  tenant;     /* whose account it is; empty: nobody's */
    struct str  tags;       /* of the conversation, with spaces between */
    long long   time;       /* ms, when it happened; 0: unknown */
    long long   now;        /* ms since 1970 */
    uint64_t    until;      /* rules_spent() from which on no pattern is
                               tried; 0: no end */
    size_t      limits;     /* patterns that were given up: counted here */
};


/* rule_differs: NULL if it matches, else the key of "when" that does not fit.
   A pattern that needs too much time for this text does not match */
const char *rule_differs(const struct rule *rule, const struct event *event,
    struct rule_facts *facts);

/* rules_spent: time that we have computed, ns; patterns are measured by it */
uint64_t rules_spent(void);

/* rule_stops: no rule after this one is asked */
bool rule_stops(const struct rule *rule);


#endif /* RULES_H */
