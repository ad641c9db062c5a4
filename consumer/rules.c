/* Which rules an event matches. */

#include "rules.h"
#include "action.h"

#include <time.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>


/* a pattern that runs wild must not hold up everybody.  PCRE2 counts anew for
   each place at which a match may begin, so these are tried in slices, and
   the time of all is looked at in between */
#define RULES_MATCH_MAX  200000         /* some 5 ms */
#define RULES_HEAP_KB    4096
#define RULES_SLICES     64
#define RULES_SLICE_MIN  16
#define RULES_NS         50000000u      /* of our own, see rules_spent */


/* rules_spent: what others do on this machine is no fault of a pattern */
uint64_t rules_spent(void)
{
    struct timespec  spent;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);

    return (uint64_t) spent.tv_sec * 1000000000u + (uint64_t) spent.tv_nsec;
}


static int text_slices(pcre2_code *re, struct str text,
    pcre2_match_data *data, pcre2_match_context *context)
{
    int       rc = PCRE2_ERROR_NOMATCH;
    size_t    at = 0, n = text.len / RULES_SLICES;
    uint64_t  until = rules_spent() + RULES_NS;

    n = n < RULES_SLICE_MIN ? RULES_SLICE_MIN : n;

    while (at <= text.len && rc == PCRE2_ERROR_NOMATCH) {
        if (at > 0 && rules_spent() > until) {
            return PCRE2_ERROR_MATCHLIMIT;
        }

        pcre2_set_offset_limit(context, at + n - 1);
        rc = pcre2_match(re, (PCRE2_SPTR) text.at, text.len, at, 0, data,
                         context);
        at += n;

        while (at < text.len && (text.at[at] & 0xc0) == 0x80) {
            at++;               /* inside of a character none begins */
        }
    }

    return rc;
}


static enum match text_match(pcre2_code *re, struct str text)
{
    int                   rc;
    pcre2_match_data     *data;
    pcre2_match_context  *context;

    if (text.len == 0) {
        return MATCH_NO;
    }

    data = pcre2_match_data_create(1, NULL);
    context = pcre2_match_context_create(NULL);
    if (data == NULL || context == NULL) {
        pcre2_match_data_free(data);
        pcre2_match_context_free(context);
        return MATCH_UNDECIDED;
    }

    pcre2_set_match_limit(context, RULES_MATCH_MAX);
    pcre2_set_heap_limit(context, RULES_HEAP_KB);
    rc = text_slices(re, text, data, context);

    pcre2_match_data_free(data);
    pcre2_match_context_free(context);

    return rc >= 0 ? MATCH_YES
           : rc == PCRE2_ERROR_NOMATCH ? MATCH_NO : MATCH_UNDECIDED;
}


/* rule_match says whether "when" fits */
enum match rule_match(const struct rule *rule, const struct event *event)
{
    if (rule->product != (int) event->product
        || rule->kind != (int) event->kind
        || (rule->account != NULL && !str_is(event->account, rule->account)))
    {
        return MATCH_NO;
    }

    return rule->text == NULL ? MATCH_YES
           : text_match(rule->text, event->text);
}


/* rule_stops says whether its last action is stop */
bool rule_stops(const struct rule *rule)
{
    const struct action  *actions = rule->actions.at;

    return rule->actions.n > 0
           && actions[rule->actions.n - 1].kind == ACTION_STOP;
}
