/* Which rules an event matches. */

#include "rules.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>


/* about 10 ms: a pattern that runs wild must not hold up everybody */
#define RULES_MATCH_MAX  200000
#define RULES_HEAP_KB    4096


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
    rc = pcre2_match(re, (PCRE2_SPTR) text.at, text.len, 0, 0, data, context);

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
