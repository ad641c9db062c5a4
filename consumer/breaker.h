/* Breakers: who failed too often is left alone for a while. */

#ifndef BREAKER_H
#define BREAKER_H

#include "stats.h"

#include <stdint.h>


#define BREAKER_FAILURES  10    /* in a row, and it opens */
#define BREAKER_OPEN_MS   30000

/* a list begins as NULL */
struct breaker;


/* breaker_of finds the breaker of that name, or makes it; what: "handler", for
   people; gauge: of the group, 1 while it is open */
struct breaker *breaker_of(struct breaker **list, const char *what,
    const char *name, enum stats_group group, enum stat_name gauge);
void breakers_free(struct breaker **list);

/* breaker_ask: 0: the call may leave; else ms that it has to wait.  Where
   *probe is set it is the one trial, and breaker_probed must follow */
uint64_t breaker_ask(struct breaker *b, uint64_t now, bool *probe);
void breaker_probed(struct breaker *b);

/* breaker_tell: how the call failed, NULL: it did not */
void breaker_tell(struct breaker *b, uint64_t now, const char *how);

/* breaker_counts: it is closed, so that a failure is one of whoever called */
bool breaker_counts(const struct breaker *b);


#endif /* BREAKER_H */
