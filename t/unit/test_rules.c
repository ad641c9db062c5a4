/*
 * Patterns of rules: those that are slow are given up by what they compute,
 * and never because the machine had something else to do meanwhile.
 */

#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "consumer/rules.h"
#include "tap.h"


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


static enum match matches(const char *pattern, const char *text)
{
    int           code;
    enum match    match;
    PCRE2_SIZE    at;
    struct rule   rule = { .product = PRODUCT_MESSENGER, .kind = KIND_MESSAGE };
    struct event  event = {
        .product = PRODUCT_MESSENGER, .kind = KIND_MESSAGE, .text = STR(text)
    };

    rule.text = pcre2_compile((PCRE2_SPTR) pattern, PCRE2_ZERO_TERMINATED,
                              PCRE2_USE_OFFSET_LIMIT, &code, &at, NULL);
    match = rule_match(&rule, &event);
    pcre2_code_free(rule.text);

    return match;
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


int main(void)
{
    is_int(matches("p.*r.*today", "the price today"), MATCH_YES, "it fits");
    is_int(matches("p.*r.*today", many(110, "pr", " today ?")), MATCH_YES,
           "so it does in a long text");
    is_int(matches("p.*r.*[t]oday", many(100, "pr", " yesterday")), MATCH_NO,
           "some milliseconds, on a machine that is busy");
    is_int(matches("(a+)+[cd]", many(40, "a", "b")), MATCH_UNDECIDED,
           "one that runs wild is given up");
    is_int(matches("a.{0,500}b.{0,500}c", many(3800, "a", "")), MATCH_NO,
           "one that lacks what it needs is none");
    is_int(matches("a.{0,500}b.{0,500}[cd]", many(1900, "ab", "")),
           MATCH_UNDECIDED, "one that is slow at each place is");

    return done();
}
