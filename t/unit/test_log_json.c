/*
 * consumer/log_json.c: a line of the log as a JSON object.
 */

#include "tap.h"
#include "consumer/log_json.c"


#define HEAD  "{\"time\":\"T\",\"level\":\"info\",\"message\":"


static const struct {
    const char  *name;
    const char  *text;
    const char  *want;
} cases[] = {

    { "an event", "event queue=q item=1u n=0 user=- ms=3",
      "\"event\",\"queue\":\"q\",\"item\":\"1u\",\"n\":0,\"user\":null,"
      "\"ms\":3}" },
    { "members before a sentence",
      "lane a stops item=17 delivery=ab trace=x: Wait. Then go.",
      "\"lane a stops: Wait. Then go.\",\"item\":\"17\",\"delivery\":\"ab\","
      "\"trace\":\"x\"}" },
    { "a sentence", "gone", "\"gone\"}" },
    { "a member in a sentence", "reload: a=b is in force",
      "\"reload: a=b is in force\"}" },
    { "one member at the end", "queue q: x=1", "\"queue q:\",\"x\":\"1\"}" },
    { "members alone", "a=b c=", "\"\",\"a\":\"b\",\"c\":\"\"}" },
    { "nothing", "", "\"\"}" },
    { "blanks", " a  b ", "\" a  b \"}" },
    { "no keys", "=a A=b 1=c a.b=d", "\"=a A=b 1=c a.b=d\"}" },
    { "quotes", "a \"b\" \\ c=\"\\",
      "\"a \\\"b\\\" \\\\\",\"c\":\"\\\"\\\\\"}" },
    { "numbers", "x ms=1.5 n=0 status=-1 calls=12 code=0.5",
      "\"x\",\"ms\":1.5,\"n\":0,\"status\":-1,\"calls\":12,\"code\":0.5}" },
    { "no numbers", "x ms=1. n=01 status=- calls=1.2.3 code=+1 ms=--1 n=.5",
      "\"x\",\"ms\":\"1.\",\"n\":\"01\",\"status\":null,\"calls\":\"1.2.3\","
      "\"code\":\"+1\",\"ms\":\"--1\",\"n\":\".5\"}" },
    { "too long for a number", "x n=1234567890123456 ms=1",
      "\"x\",\"n\":\"1234567890123456\",\"ms\":1}" },
    { "digits of other keys", "x id=12 account=34",
      "\"x\",\"id\":\"12\",\"account\":\"34\"}" },
    { "UTF-8", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
      "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"}" },
    { "no UTF-8", "\xff \xc3 \xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80 \xe2\x82",
      "\"? ? ?? ??? ???? ??\"}" },
};


int
main(void)
{
    char    out[LOG_JSON_MAX], line[LOG_LINE_MAX], want[512];
    size_t  i, n;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        n = log_json(out, "T", "info", cases[i].text, strlen(cases[i].text));
        snprintf(want, sizeof(want), HEAD "%s", cases[i].want);
        is_str(out, n, want, cases[i].name);
    }

    /* as long as a line may be, of what grows most */
    for (i = 0; i + 3 <= sizeof(line) - 64; i += 3) {
        memcpy(line + i, "a= ", 3);
    }
    n = log_json(out, "2026-01-05T09:30:12.345Z", "error", line, i - 1);
    ok(n < sizeof(out), "the shortest members fit");

    for (i = 0; i + 4 <= sizeof(line) - 64; i += 4) {
        memcpy(line + i, "a=\\ ", 4);
    }
    n = log_json(out, "2026-01-05T09:30:12.345Z", "error", line, i - 1);
    ok(n < sizeof(out), "members to be escaped fit");

    memset(line, '"', sizeof(line));
    n = log_json(out, "2026-01-05T09:30:12.345Z", "error", line,
                 sizeof(line) - 64);
    ok(n < sizeof(out), "quotes fit");

    return done();
}
