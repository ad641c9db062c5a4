/*
 * Rules: each key of "when", and patterns.  Those that are slow are given up
 * by what they compute, and never because the machine had something else to do
 * meanwhile.
 */

#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "consumer/rules.h"
#include "tap.h"


#define NOW  1767225600000ll


/* another program runs for a minute whenever somebody looks at a clock */
int clock_gettime(clockid_t clock, struct timespec *t)
{
    static long  away;

    if (syscall(SYS_clock_gettime, clock, t) != 0) {
        return -1;
    }

    if (clock != CLOCK_THREAD_CPUTIME_ID && clock != CLOCK_PROCESS_CPUTIME_ID) {
        t->tv_sec += away += 60;
    }

    return 0;
}


static struct event event_any(void)
{
    struct event  e = {
        .product = PRODUCT_MESSENGER, .kind = KIND_MESSAGE, .account = STR("7"),
        .text = NONE, .payload = NONE, .state = NONE, .template_name = NONE,
        .template_language = NONE, .time = NOW - 60000
    };

    return e;
}


static const char *differs(const struct when *when, const struct event *e)
{
    static char        text[32];
    const char        *key;
    struct rule        rule = { .when = *when };
    struct rule_facts  facts = {
        .object = STR("page"), .tenant = NONE, .tags = STR("vip new"),
        .now = NOW
    };

    key = rule_differs(&rule, e, &facts);
    snprintf(text, sizeof(text), "%s%s", key != NULL ? key : "-",
             facts.limits ? ", given up" : "");

    return text;
}


static void is_key(const struct when *when, const struct event *e,
    const char *want, const char *name)
{
    const char  *got = differs(when, e);

    is_str(got, strlen(got), want, name);
}


/* a list of up to two */
static struct conf_list list(const char *a, const char *b)
{
    static const char  *texts[64];
    static size_t       n;
    struct conf_list    l = { .at = &texts[n], .n = b != NULL ? 2 : 1 };

    texts[n++] = a;
    if (b != NULL) {
        texts[n++] = b;
    }

    return l;
}


static void test_kinds(void)
{
    struct when   w = { .kinds = 0 };
    struct event  e = event_any();
    enum kind     k;
    int           silent = 0;

    for (k = 0; k < KINDS; k++) {
        e.kind = k;
        silent += strcmp(differs(&w, &e), "kind") == 0;
    }
    is_int(silent, 6, "without kind all but six kinds match");

    e.kind = KIND_ECHO;
    w.kinds = (uint64_t) 1 << KIND_ECHO | (uint64_t) 1 << KIND_TEST;
    is_key(&w, &e, "-", "a silent one that is named");
    e.kind = KIND_MESSAGE;
    is_key(&w, &e, "kind", "of those that are named no other");

    w.kinds = 0;
    w.products = 1u << PRODUCT_WHATSAPP | 1u << PRODUCT_INSTAGRAM;
    is_key(&w, &e, "product", "another product");
    e.product = PRODUCT_INSTAGRAM;
    is_key(&w, &e, "-", "the second of two");
}


static void test_texts(void)
{
    const char       *json = "{\"code\":131047}";
    struct when       w;
    struct event      e = event_any();
    struct json_doc  *doc = json_parse(json, strlen(json), 65536);

    w = (struct when) { .objects = list("user", "page") };
    is_key(&w, &e, "-", "object");
    w.objects = list("user", NULL);
    is_key(&w, &e, "object", "another object");

    w = (struct when) { .accounts = list("6", "7") };
    is_key(&w, &e, "-", "account");
    e.account = STR("77");
    is_key(&w, &e, "account", "another account");

    e = event_any();
    e.state = STR("failed");
    w = (struct when) { .states = list("failed", NULL) };
    is_key(&w, &e, "-", "state");
    e.state = NONE;
    is_key(&w, &e, "state", "no state");

    e.state = STR("failed");
    w = (struct when) { .codes = list("131026", "131047") };
    is_key(&w, &e, "code", "no error");
    e.error = json_root(doc);
    is_key(&w, &e, "-", "the error's code");
    w.codes = list("13104", "47");
    is_key(&w, &e, "code", "a part of a code is none");
    json_free(doc);

    e = event_any();
    w = (struct when) { .tenants = list("acme", NULL) };
    is_key(&w, &e, "tenant", "nobody's account");

    w = (struct when) { .tags = list("new", "old") };
    is_key(&w, &e, "-", "one of its tags");
    w.tags = list("ne", "vip ");
    is_key(&w, &e, "tag", "a part of a tag is none");
}


static void test_templates(void)
{
    struct when   w = { .template_names = list("order", NULL) };
    struct event  e = event_any();

    is_key(&w, &e, "template", "no template's event");
    e.kind = KIND_TEMPLATE;
    e.template_name = STR("order");
    e.template_language = STR("en_US");
    e.state = STR("paused");
    is_key(&w, &e, "-", "its name");
    w.template_languages = list("de", "en_US");
    w.template_events = list("rejected", "paused");
    is_key(&w, &e, "-", "name, language and event");
    w.template_events = list("rejected", NULL);
    is_key(&w, &e, "template", "another event");
    e.kind = KIND_STATUS;
    e.state = STR("rejected");
    is_key(&w, &e, "template", "a status is no event of a template");
}


static void test_referrals(void)
{
    const char       *json = "{\"source\":\"ADS\",\"ad_id\":\"62\","
                             "\"ref\":\"spring\"}";
    struct when       w = { .referred = REFERRED_NO };
    struct event      e = event_any();
    struct json_doc  *doc = json_parse(json, strlen(json), 65536);

    is_key(&w, &e, "-", "without a referral");
    w.referred = REFERRED_YES;
    is_key(&w, &e, "referral", "there is none");
    e.referral = json_root(doc);
    is_key(&w, &e, "-", "there is one");
    w.referred = REFERRED_NO;
    is_key(&w, &e, "referral", "there should be none");

    w = (struct when) { .referrals = list("autumn", "spring") };
    is_key(&w, &e, "-", "its ref");
    w.referrals = list("62", NULL);
    is_key(&w, &e, "-", "its ad");
    w.referrals = list("autumn", "ads");
    is_key(&w, &e, "referral", "nothing of it");
    e.referral = NULL;
    is_key(&w, &e, "referral", "nothing at all");
    json_free(doc);
}


static void test_ages(void)
{
    struct when   w = { .under_ms = 60000 };
    struct event  e = event_any();

    is_key(&w, &e, "-", "a minute is not older than a minute");
    e.time--;
    is_key(&w, &e, "age", "a moment more is");
    w = (struct when) { .over_ms = 60000 };
    is_key(&w, &e, "-", "which is what over wants");
    e.time = 0;
    is_key(&w, &e, "age", "nobody knows how old");
}


static void test_hours(void)
{
    struct when   w;
    struct event  e = event_any();
    struct hours  hours[2] = {
        { .from = 0, .to = 60, .days = 0x7f },
        { .from = 23 * 60, .to = 1440, .days = 0x7f }
    };

    zone_read("Etc/UTC", &hours[0].zone);
    hours[1].zone = hours[0].zone;
    w = (struct when) { .hours = { hours, 1 } };

    is_key(&w, &e, "hours", "23:59 is not within 0:00 to 1:00");
    w.hours.n = 2;
    is_key(&w, &e, "-", "but within one of two");
    zone_free(hours[0].zone);
}


static const char *matches(const char *pattern, const char *text, bool whole)
{
    int           code;
    const char   *key;
    PCRE2_SIZE    at;
    pcre2_code   *re;
    struct when   w = { .products = 0 };
    struct event  e = event_any();

    re = pcre2_compile((PCRE2_SPTR) pattern, PCRE2_ZERO_TERMINATED,
                       PCRE2_USE_OFFSET_LIMIT
                       | (whole ? PCRE2_ANCHORED | PCRE2_ENDANCHORED : 0),
                       &code, &at, NULL);
    *(whole ? &w.payloads : &w.texts) = (struct conf_list) { &re, 1 };
    *(whole ? &e.payload : &e.text) = STR(text);
    key = differs(&w, &e);
    pcre2_code_free(re);

    return key;
}


static void is_match(const char *pattern, const char *text, bool whole,
    const char *want, const char *name)
{
    const char  *got = matches(pattern, text, whole);

    is_str(got, strlen(got), want, name);
}


/* so many of one, and an end */
static const char *many(size_t n, const char *one, const char *end)
{
    static char  text[8192];
    size_t       at = 0;

    while (n-- > 0) {
        at += (size_t) snprintf(text + at, sizeof(text) - at, "%s", one);
    }

    snprintf(text + at, sizeof(text) - at, "%s", end);

    return text;
}


static void test_patterns(void)
{
    is_match("p.*r.*today", "the price today", false, "-", "it fits");
    is_match("p.*r.*today", many(110, "pr", " today ?"), false, "-",
             "so it does in a long text");
    is_match("p.*r.*[t]oday", many(100, "pr", " yesterday"), false, "text",
             "some milliseconds, on a machine that is busy");
    is_match("(a+)+[cd]", many(40, "a", "b"), false, "text, given up",
             "one that runs wild is given up, and does not match");
    is_match("a.{0,500}b.{0,500}c", many(3800, "a", ""), false, "text",
             "one that lacks what it needs is none");
    is_match("a.{0,500}b.{0,500}[cd]", many(1900, "ab", ""), false,
             "text, given up", "one that is slow at each place is");
    is_match(".*", "", false, "text", "no text matches nothing");

    is_match("HELPFUL", "HELPFUL", true, "-", "a payload");
    is_match("HELP", "HELPFUL", true, "payload", "a part of it is not enough");
    is_match("FUL", "HELPFUL", true, "payload", "nor is its end");
    is_match("ORDER_\\d+", "ORDER_17", true, "-", "a pattern of the whole");
    is_match("A|AB", "AB", true, "-", "whichever way leads to the end");
    is_match("(A+)+", many(40, "A", "B"), true, "payload, given up",
             "one that runs wild");
}


/* what is over for the whole record is over for each pattern */
static void test_until(void)
{
    int                code;
    PCRE2_SIZE         at;
    pcre2_code        *re[2];
    struct rule        rule = { .when = { .texts = { re, 2 } } };
    struct event       e = event_any();
    struct rule_facts  facts = {
        .object = NONE, .tenant = NONE, .tags = NONE, .until = 1
    };

    re[0] = re[1] = pcre2_compile((PCRE2_SPTR) "a", 1, PCRE2_USE_OFFSET_LIMIT,
                                  &code, &at, NULL);
    e.text = STR("a");
    while (rules_spent() <= 1) { }

    ok(rule_differs(&rule, &e, &facts) != NULL, "no time is left: no match");
    is_int((long long) facts.limits, 2, "each is counted");
    pcre2_code_free(re[0]);
}


int main(void)
{
    test_kinds();
    test_texts();
    test_templates();
    test_referrals();
    test_ages();
    test_hours();
    test_patterns();
    test_until();

    return done();
}
