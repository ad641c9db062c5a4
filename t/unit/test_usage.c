/*
 * Unit tests of usage.c: the reference's examples, and what is no example.
 */

#include "tap.h"

#include "consumer/usage.h"

#include <stdlib.h>


static struct usage
read_one(const char *name, const char *value)
{
    struct usage  u;

    memset(&u, 0, sizeof(u));
    (void) usage_read(STR(name), STR(value), &u);

    return u;
}


static void
is_entry(const struct usage *u, size_t i, const char *id, const char *type,
    double pct, unsigned long long regain, const char *name)
{
    const struct usage_entry  *e = &u->entries[i];

    if (!ok(i < u->n && strcmp(e->id, id) == 0 && strcmp(e->type, type) == 0
            && e->pct == pct && e->regain_ms == regain, name))
    {
        printf("#   n %zu, id %s, type %s, pct %g, regain %llu\n", u->n,
               e->id, e->type, e->pct, (unsigned long long) e->regain_ms);
    }
}


static void
test_examples(void)
{
    struct usage  u;

    u = read_one("X-App-Usage",
                 "{\"call_count\":28,\"total_time\":25,\"total_cputime\":25}");
    is_entry(&u, 0, "", "", 28, 0, "app: the largest of three");
    ok(u.entries[0].kind == USAGE_APP, "app: its kind");

    u = read_one("x-page-usage",
                 "{\"call_count\":12,\"total_time\":4,\"total_cputime\":95}");
    is_entry(&u, 0, "", "", 95, 0, "page: the largest of three");
    ok(u.entries[0].kind == USAGE_PAGE, "page: its kind");

    u = read_one("X-AD-ACCOUNT-USAGE", "{\"acc_id_util_pct\":9.67,"
                 "\"reset_time_duration\":100,"
                 "\"ads_api_access_tier\":\"standard_access\"}");
    is_entry(&u, 0, "", "", 9.67, 0, "ad account: a float, and no block");

    u = read_one("X-Ad-Account-Usage", "{\"acc_id_util_pct\":100,"
                 "\"reset_time_duration\":100}");
    is_entry(&u, 0, "", "", 100, 100000, "ad account: seconds when all is"
             " used up");

    u = read_one("X-Business-Use-Case-Usage", "{\"700700700700\":[{\"type\":"
                 "\"ads_insights\",\"call_count\":97,\"total_cputime\":23,"
                 "\"total_time\":23,\"estimated_time_to_regain_access\":19,"
                 "\"ads_api_access_tier\":\"development_access\"}]}");
    is_entry(&u, 0, "700700700700", "ads_insights", 97, 19 * 60000,
             "business: minutes");

    u = read_one("X-Business-Use-Case-Usage", "{\"118734502290164\":[{"
                 "\"type\":\"messenger\",\"call_count\":41,\"total_cputime\":3,"
                 "\"total_time\":6,\"estimated_time_to_regain_access\":99}]}");
    is_entry(&u, 0, "118734502290164", "messenger", 41, 99 * 60000,
             "business: minutes are no percentage");

    u = read_one("X-FB-Ads-Insights-Throttle", "{\"app_id_util_pct\":12.5,"
                 "\"acc_id_util_pct\":3,"
                 "\"ads_api_access_tier\":\"development_access\"}");
    is_entry(&u, 0, "", "account", 3, 0, "insights: the account's");
    is_entry(&u, 1, "", "app", 12.5, 0, "insights: the app's");
}


static void
test_several(void)
{
    char          text[8192];
    int           i;
    size_t        n = 0;
    uint64_t      regain;
    struct usage  u;

    u = read_one("x-business-use-case-usage", "{\"1\":[{\"type\":\"pages\","
                 "\"call_count\":5},{\"type\":\"pages\",\"total_time\":7},"
                 "{\"type\":\"messenger\",\"call_count\":1}],\"2\":[{\"type\":"
                 "\"pages\",\"call_count\":3}]}");
    is_int(u.n, 3, "one entry an object and type");
    is_entry(&u, 0, "1", "pages", 7, 0, "the larger of two stays");
    is_entry(&u, 1, "1", "messenger", 1, 0, "another type");
    is_entry(&u, 2, "2", "pages", 3, 0, "another object");

    (void) usage_read(STR("x-app-usage"), STR("{\"call_count\":130}"), &u);
    is_int(u.n, 4, "several headers add up");
    ok(usage_most(&u, &regain) == 130 && regain == 0, "the most of all");

    n += snprintf(text + n, sizeof(text) - n, "{");
    for (i = 0; i < 40; i++) {
        n += snprintf(text + n, sizeof(text) - n, "%s\"%d\":[{\"type\":\"x\","
                      "\"call_count\":%d,"
                      "\"estimated_time_to_regain_access\":%d}]",
                      i ? "," : "", i, i, i == 3);
    }
    snprintf(text + n, sizeof(text) - n, "}");

    u = read_one("x-business-use-case-usage", text);
    is_int(u.n, USAGE_ENTRIES_MAX, "no more than there is room for");
    ok(usage_most(&u, &regain) == 39 && regain == 60000,
       "those that press most stay");

    for (i = 0; i < (int) u.n; i++) {
        if (u.entries[i].pct < 9 && strcmp(u.entries[i].id, "3") != 0) {
            break;
        }
    }
    is_int(i, u.n, "and the least go");
}


static void
test_nonsense(void)
{
    size_t                    i;
    struct usage              u;
    static const char *const  values[] = {
        "", "{", "[]", "null", "7", "\"x\"", "{}", "{\"1\":{}}", "{\"1\":[7]}",
        "{\"1\":[null,[],\"\"]}", "{\"call\":1}", "Service Unavailable"
    };
    static const char *const  names[] = {
        "x-app-usage", "x-page-usage", "x-ad-account-usage",
        "x-business-use-case-usage", "x-fb-ads-insights-throttle"
    };

    for (i = 0; i < sizeof(values) / sizeof(values[0]) * 5; i++) {
        u = read_one(names[i % 5], values[i / 5]);
        ok(u.n == 0, values[i / 5]);
    }

    u = read_one("x-app-usages", "{\"call_count\":1}");
    ok(u.n == 0, "another header");

    u = read_one("x-app-usage", "{\"call_count\":\"81.5\"}");
    is_entry(&u, 0, "", "", 81.5, 0, "a number in quotes");

    u = read_one("x-app-usage", "{\"call_count\":-5}");
    is_entry(&u, 0, "", "", 0, 0, "less than nothing is nothing");

    u = read_one("x-app-usage",
                 "{\"call_count\":1e300,\"total_time\":\"nan\"}");
    is_entry(&u, 0, "", "", 100000, 0, "too much is a lot");

    u = read_one("x-business-use-case-usage", "{\"1\":[{"
                 "\"estimated_time_to_regain_access\":1e300}]}");
    is_entry(&u, 0, "1", "", 0, 7ull * 24 * 3600 * 1000, "no block is longer"
             " than a week");
}


int
main(void)
{
    test_examples();
    test_several();
    test_nonsense();

    return done();
}
