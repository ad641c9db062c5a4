/* Breakers: who failed too often is left alone for a while. */

#include "breaker.h"
#include "log.h"

#include <stdlib.h>


#define BREAKER_PROBE_MS  1000      /* while the one trial is under way */


/* of whoever has that name, over all reloads */
struct breaker {
    struct breaker    *next;
    const char        *what;
    enum stats_group   group;
    enum stat_name     gauge;
    unsigned           failures;    /* in a row */
    uint64_t           since;       /* the first of them */
    uint64_t           until;       /* the loop's clock; open before it */
    bool               probing;     /* one call is let through */
    char               name[];
};


/* breaker_of: breakers are few, and live as long as their list */
struct breaker *breaker_of(struct breaker **list, const char *what,
    const char *name, enum stats_group group, enum stat_name gauge)
{
    struct breaker  *b;

    for (b = *list; b != NULL; b = b->next) {
        if (strcmp(b->name, name) == 0) {
            return b;
        }
    }

    b = mem_alloc(sizeof(*b) + strlen(name) + 1);
    memcpy(b->name, name, strlen(name) + 1);
    b->what = what;
    b->group = group;
    b->gauge = gauge;
    b->next = *list;
    *list = b;

    return b;
}


/* breaker_ask: when the time is over one call is let through, and what comes
   of it decides */
uint64_t breaker_ask(struct breaker *b, uint64_t now, bool *probe)
{
    *probe = false;

    if (b->failures < BREAKER_FAILURES) {
        return 0;
    }

    if (now < b->until) {
        return b->until - now;
    }

    if (b->probing) {
        return BREAKER_PROBE_MS;
    }

    *probe = b->probing = true;

    return 0;
}


/* breaker_probed: the trial is over, however it ended */
void breaker_probed(struct breaker *b)
{
    b->probing = false;
}


/* breaker_counts says whether it is closed */
bool breaker_counts(const struct breaker *b)
{
    return b->failures < BREAKER_FAILURES;
}


static void breaker_open(struct breaker *b, uint64_t now, const char *how)
{
    size_t      i;
    struct buf  said;

    b->until = now + BREAKER_OPEN_MS;
    stat_row_set(stat_row(b->group, b->name), b->gauge, 1);

    buf_init(&said, LOG_VALUE_MAX);
    for (i = 0; how[i] && i < LOG_VALUE_MAX; i++) {
        buf_add(&said, how[i] < ' ' || how[i] > '~' ? "?" : how + i, 1);
    }
    log_write(LOG_WARN, "%s %s: failed %d times in a row, at last %.*s; it is"
              " left alone for 30 s", b->what, b->name, BREAKER_FAILURES,
              (int) said.len, said.at);
    buf_free(&said);
}


/* breaker_tell counts failures, and opens at the last of them */
void breaker_tell(struct breaker *b, uint64_t now, const char *how)
{
    if (how == NULL) {
        if (b->failures >= BREAKER_FAILURES) {
            log_write(LOG_INFO, "%s %s: answers again, after %llu s", b->what,
                      b->name, (unsigned long long) (now - b->since) / 1000);
            stat_row_set(stat_row(b->group, b->name), b->gauge, 0);
        }
        b->failures = 0;
        return;
    }

    b->since = b->failures == 0 ? now : b->since;
    b->failures += b->failures < BREAKER_FAILURES;

    if (b->failures == BREAKER_FAILURES && now >= b->until) {
        breaker_open(b, now, how);
    }
}


/* breakers_free releases all of a list */
void breakers_free(struct breaker **list)
{
    struct breaker  *b;

    while ((b = *list) != NULL) {
        *list = b->next;
        free(b);
    }
}
