/* Meta's five usage headers: how much of a limit is used up.  They stand only
   in some answers, and what is not understood is left out. */

#include "usage.h"
#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>


#define USAGE_TREE_MAX   (1024 * 1024)
#define USAGE_PCT_MAX    100000.0
#define USAGE_NUMBER     32
#define USAGE_REGAIN_MAX (7ull * 24 * 3600 * 1000)

#define MINUTES  60000.0
#define SECONDS  1000.0


const char *const  usage_names[USAGE_KINDS] = {
    [USAGE_APP]        = "x-app-usage",
    [USAGE_PAGE]       = "x-page-usage",
    [USAGE_AD_ACCOUNT] = "x-ad-account-usage",
    [USAGE_BUSINESS]   = "x-business-use-case-usage",
    [USAGE_INSIGHTS]   = "x-fb-ads-insights-throttle"
};


static double larger(double a, double b)
{
    return a > b ? a : b;
}


/* a number, also where it stands in quotes; 0 for all else */
static double usage_number(const struct json *j, const char *name)
{
    char                text[USAGE_NUMBER], *end;
    double              value;
    const struct json  *member = json_get(j, name);

    if ((!json_is(member, JSON_NUMBER) && !json_is(member, JSON_STRING))
        || member->text.len == 0 || member->text.len >= sizeof(text))
    {
        return 0;
    }

    memcpy(text, member->text.at, member->text.len);
    text[member->text.len] = '\0';
    value = strtod(text, &end);

    return *end == '\0' && isfinite(value) && value > 0 ? value : 0;
}


static double usage_pct(double value)
{
    return value < USAGE_PCT_MAX ? value : USAGE_PCT_MAX;
}


static uint64_t usage_ms(double value, double unit)
{
    value *= unit;

    return value < (double) USAGE_REGAIN_MAX ? (uint64_t) value
           : USAGE_REGAIN_MAX;
}


static void usage_text(char out[USAGE_TEXT_MAX], struct str s)
{
    size_t  n = s.len < USAGE_TEXT_MAX - 1 ? s.len : USAGE_TEXT_MAX - 1;

    memcpy(out, s.at, n);
    out[n] = '\0';
}


/* what blocks presses more than any percentage */
static bool usage_presses(const struct usage_entry *a,
    const struct usage_entry *b)
{
    return a->regain_ms != b->regain_ms ? a->regain_ms > b->regain_ms
           : a->pct > b->pct;
}


static void usage_add(struct usage *u, const struct usage_entry *entry)
{
    size_t               i;
    struct usage_entry  *e, *least = &u->entries[0];

    for (i = 0; i < u->n; i++) {
        e = &u->entries[i];

        if (e->kind == entry->kind && strcmp(e->id, entry->id) == 0
            && strcmp(e->type, entry->type) == 0)
        {
            e->pct = larger(e->pct, entry->pct);
            if (e->regain_ms < entry->regain_ms) {
                e->regain_ms = entry->regain_ms;
            }
            return;
        }

        if (usage_presses(least, e)) {
            least = e;
        }
    }

    if (u->n < USAGE_ENTRIES_MAX) {
        u->entries[u->n++] = *entry;
    } else if (usage_presses(entry, least)) {
        *least = *entry;
    }
}


/* the three counters; the minutes stand beside them and are no percentage */
static double usage_counters(const struct json *j)
{
    double  most;

    most = larger(usage_number(j, "call_count"), usage_number(j, "total_time"));

    return usage_pct(larger(most, usage_number(j, "total_cputime")));
}


static bool read_counters(const struct json *root, enum usage_kind kind,
    struct usage *u)
{
    struct usage_entry  e = { .kind = kind, .pct = usage_counters(root) };

    if (json_get(root, "call_count") == NULL
        && json_get(root, "total_time") == NULL
        && json_get(root, "total_cputime") == NULL)
    {
        return false;
    }

    usage_add(u, &e);

    return true;
}


/* reset_time_duration (seconds) counts down all the time, so it blocks only
   where nothing is left */
static bool read_ad_account(const struct json *root, struct usage *u)
{
    double              pct = usage_number(root, "acc_id_util_pct");
    double              reset = usage_number(root, "reset_time_duration");
    struct usage_entry  e = { .kind = USAGE_AD_ACCOUNT,
                              .pct = usage_pct(pct) };

    if (json_get(root, "acc_id_util_pct") == NULL) {
        return false;
    }

    if (pct >= 100) {
        e.regain_ms = usage_ms(reset, SECONDS);
    }

    usage_add(u, &e);

    return true;
}


static bool read_insights(const struct json *root, struct usage *u)
{
    size_t                    i;
    bool                      found = false;
    static const char *const  names[][2] = {
        { "acc_id_util_pct", "account" }, { "app_id_util_pct", "app" }
    };

    for (i = 0; i < 2; i++) {
        struct usage_entry  e = {
            .kind = USAGE_INSIGHTS,
            .pct = usage_pct(usage_number(root, names[i][0]))
        };

        if (json_get(root, names[i][0]) != NULL) {
            usage_text(e.type, STR(names[i][1]));
            usage_add(u, &e);
            found = true;
        }
    }

    return found;
}


/* {"ID": [{"type": ..., the counters, "estimated_time_to_regain_access"}]} */
static bool read_business(const struct json *root, struct usage *u)
{
    bool                found = false;
    const struct json  *object, *j;
    struct usage_entry  e;

    for (object = root->child; object != NULL; object = object->next) {
        if (!json_is(object, JSON_ARRAY)) {
            continue;
        }

        for (j = object->child; j != NULL; j = j->next) {
            if (!json_is(j, JSON_OBJECT)) {
                continue;
            }

            e = (struct usage_entry) {
                .kind = USAGE_BUSINESS, .pct = usage_counters(j),
                .regain_ms = usage_ms(usage_number(j,
                                      "estimated_time_to_regain_access"),
                                      MINUTES)
            };
            usage_text(e.id, object->key);
            usage_text(e.type, json_get_text(j, "type"));
            usage_add(u, &e);
            found = true;
        }
    }

    return found;
}


static bool usage_parse(enum usage_kind kind, const struct json *root,
    struct usage *u)
{
    switch (kind) {

    case USAGE_AD_ACCOUNT:
        return read_ad_account(root, u);

    case USAGE_BUSINESS:
        return read_business(root, u);

    case USAGE_INSIGHTS:
        return read_insights(root, u);

    default:
        return read_counters(root, kind, u);
    }
}


static int usage_kind(struct str name)
{
    int  kind;

    for (kind = 0; kind < USAGE_KINDS; kind++) {
        if (name.len == strlen(usage_names[kind])
            && strncasecmp(name.at, usage_names[kind], name.len) == 0)
        {
            return kind;
        }
    }

    return -1;
}


/* usage_read adds what one header says */
bool usage_read(struct str name, struct str value, struct usage *u)
{
    int               kind = usage_kind(name);
    bool              found;
    struct json_doc  *doc;

    if (kind < 0) {
        return false;
    }

    doc = json_parse(value.at, value.len, USAGE_TREE_MAX);
    found = json_is(json_root(doc), JSON_OBJECT)
            && usage_parse((enum usage_kind) kind, json_root(doc), u);
    json_free(doc);

    return found;
}


/* usage_most returns the largest percentage */
double usage_most(const struct usage *u, uint64_t *regain_ms)
{
    size_t  i;
    double  most = 0;

    *regain_ms = 0;

    for (i = 0; i < u->n; i++) {
        most = larger(most, u->entries[i].pct);
        if (u->entries[i].regain_ms > *regain_ms) {
            *regain_ms = u->entries[i].regain_ms;
        }
    }

    return most;
}
