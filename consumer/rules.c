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


/* whole: the pattern is of all of the text, and begins nowhere else */
static int text_match(pcre2_code *re, struct str text, bool whole)
{
    int                   rc = PCRE2_ERROR_NOMEMORY;
    pcre2_match_data     *data = pcre2_match_data_create(1, NULL);
    pcre2_match_context  *context = pcre2_match_context_create(NULL);

    if (data != NULL && context != NULL) {
        pcre2_set_match_limit(context, RULES_MATCH_MAX);
        pcre2_set_heap_limit(context, RULES_HEAP_KB);
        rc = whole ? pcre2_match(re, (PCRE2_SPTR) text.at, text.len, 0, 0,
                                 data, context)
             : text_slices(re, text, data, context);
    }

    pcre2_match_data_free(data);
    pcre2_match_context_free(context);

    return rc;
}


/* where it is given up it does not match, and is counted */
static bool patterns_fit(const struct conf_list *list, struct str text,
    bool whole, struct rule_facts *facts)
{
    int           rc;
    size_t        i;
    pcre2_code  **patterns = list->at;

    for (i = 0; i < list->n && text.len; i++) {
        rc = facts->until && rules_spent() > facts->until
             ? PCRE2_ERROR_MATCHLIMIT : text_match(patterns[i], text, whole);

        if (rc >= 0) {
            return true;
        }

        facts->limits += rc != PCRE2_ERROR_NOMATCH;
    }

    return list->n == 0;
}


static bool strings_fit(const struct conf_list *list, struct str s)
{
    size_t  i;

    for (i = 0; i < list->n; i++) {
        if (str_is(s, ((char **) list->at)[i])) {
            return true;
        }
    }

    return list->n == 0;
}


static bool tags_fit(const struct conf_list *list, struct str tags)
{
    size_t       n;
    const char  *space;

    while (list->n && tags.len) {
        space = memchr(tags.at, ' ', tags.len);
        n = space != NULL ? (size_t) (space - tags.at) : tags.len;

        if (n && strings_fit(list, (struct str) { tags.at, n })) {
            return true;
        }

        n += space != NULL;
        tags.at += n;
        tags.len -= n;
    }

    return list->n == 0;
}


/* what a person came by (meta-webhooks-and-messaging.md 3.2, 4.2 and 5) */
static bool referral_fits(const struct when *when, const struct event *event)
{
    size_t                    i;
    struct str                s;
    static const char *const  names[] = {
        "ref", "source", "source_type", "source_id", "source_url", "ad_id",
        "type"
    };

    if (when->referred != REFERRED_ANY) {
        return (when->referred == REFERRED_YES) == (event->referral != NULL);
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]) && when->referrals.n;
         i++)
    {
        s = json_get_text(event->referral, names[i]);
        if (s.len && strings_fit(&when->referrals, s)) {
            return true;
        }
    }

    return when->referrals.n == 0;
}


static bool template_fits(const struct when *when, const struct event *event)
{
    return strings_fit(&when->template_names, event->template_name)
           && strings_fit(&when->template_languages, event->template_language)
           && (when->template_events.n == 0
               || (event->kind == KIND_TEMPLATE
                   && strings_fit(&when->template_events, event->state)));
}


static long long event_time(const struct event *event,
    const struct rule_facts *facts)
{
    return event->time ? event->time : facts->time;
}


/* nobody knows how old it is: it is neither */
static bool age_fits(const struct when *when, long long time, long long now)
{
    if (when->over_ms == 0 && when->under_ms == 0) {
        return true;
    }

    return time != 0
           && (when->over_ms == 0 || now - time > (long long) when->over_ms)
           && (when->under_ms == 0
               || now - time <= (long long) when->under_ms);
}


static bool hours_fit_any(const struct conf_list *list, long long time)
{
    size_t               i;
    const struct hours  *hours = list->at;

    for (i = 0; i < list->n; i++) {
        if (hours_fit(&hours[i], time)) {
            return true;
        }
    }

    return list->n == 0;
}


static bool kind_fits(const struct when *when, enum kind kind)
{
    return when->kinds ? when->kinds >> kind & 1 : !kind_silent(kind);
}


/* rule_differs asks what costs most last */
const char *rule_differs(const struct rule *rule, const struct event *e,
    struct rule_facts *facts)
{
    long long           time = event_time(e, facts);
    const struct when  *w = &rule->when;

    return !kind_fits(w, e->kind) ? "kind"
           : w->products && !(w->products >> e->product & 1) ? "product"
           : !strings_fit(&w->objects, facts->object) ? "object"
           : !strings_fit(&w->accounts, e->account) ? "account"
           : !strings_fit(&w->tenants, facts->tenant) ? "tenant"
           : !strings_fit(&w->states, e->state) ? "state"
           : !strings_fit(&w->codes, json_get_text(e->error, "code")) ? "code"
           : !template_fits(w, e) ? "template"
           : !referral_fits(w, e) ? "referral"
           : !age_fits(w, time, facts->now) ? "age"
           : !tags_fit(&w->tags, facts->tags) ? "tag"
           : !hours_fit_any(&w->hours, time ? time : facts->now) ? "hours"
           : !patterns_fit(&w->payloads, e->payload, true, facts) ? "payload"
           : !patterns_fit(&w->texts, e->text, false, facts) ? "text" : NULL;
}


/* rule_stops says whether its last action is stop */
bool rule_stops(const struct rule *rule)
{
    const struct action  *actions = rule->actions.at;

    return rule->actions.n > 0
           && actions[rule->actions.n - 1].kind == ACTION_STOP;
}
