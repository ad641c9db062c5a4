/* Times of a job: milliseconds, or RFC 3339 with an offset. */

#include "job.h"

#include <time.h>


/* below it are seconds that somebody took for milliseconds: 3 March 1973 */
#define TIME_MIN  100000000000ll
#define TIME_MAX  253402300799999ll     /* the year 9999 */


/* n digits; -1: they are none */
static int digits(const char **at, const char *end, int n)
{
    int  value = 0;

    if (end - *at < n) {
        return -1;
    }

    for (; n > 0; n--, (*at)++) {
        if (**at < '0' || **at > '9') {
            return -1;
        }
        value = value * 10 + **at - '0';
    }

    return value;
}


static bool one(const char **at, const char *end, const char *of)
{
    if (*at == end || **at == '\0' || strchr(of, **at) == NULL) {
        return false;
    }

    (*at)++;

    return true;
}


static int days_of(int year, int month)
{
    static const int  days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
                                 31 };

    return days[month - 1] + (month == 2 && ((year % 4 == 0 && year % 100)
                                             || year % 400 == 0));
}


static bool time_is_there(const struct tm *tm)
{
    return tm->tm_year >= 0 && tm->tm_mon >= 1 && tm->tm_mon <= 12
           && tm->tm_mday >= 1
           && tm->tm_mday <= days_of(tm->tm_year, tm->tm_mon)
           && tm->tm_hour >= 0 && tm->tm_hour <= 23
           && tm->tm_min >= 0 && tm->tm_min <= 59
           && tm->tm_sec >= 0 && tm->tm_sec <= 60;      /* a leap second */
}


/* digits behind the point, cut to three; -1: there are none */
static int fraction(const char **at, const char *end)
{
    int          ms = 0, unit = 100;
    const char  *from = *at;

    for (; *at < end && **at >= '0' && **at <= '9'; (*at)++) {
        ms += (**at - '0') * unit;
        unit /= 10;
    }

    return *at > from ? ms : -1;
}


/* minutes east of UTC; false: that is none */
static bool offset(const char **at, const char *end, int *minutes)
{
    int   sign, h, m;

    *minutes = 0;
    if (one(at, end, "Zz")) {
        return true;
    }

    sign = *at < end && **at == '-' ? -1 : 1;
    if (!one(at, end, "+-")) {
        return false;
    }

    h = digits(at, end, 2);
    if (h < 0 || h > 23 || !one(at, end, ":")) {
        return false;
    }

    m = digits(at, end, 2);
    *minutes = sign * (h * 60 + m);

    return m >= 0 && m <= 59;
}


static int rfc3339(struct str s, long long *ms)
{
    int          more = 0, east;
    struct tm    tm = { .tm_isdst = 0 };
    const char  *at = s.at, *end = s.at + s.len;

    tm.tm_year = digits(&at, end, 4);
    if (!one(&at, end, "-") || (tm.tm_mon = digits(&at, end, 2)) < 0
        || !one(&at, end, "-") || (tm.tm_mday = digits(&at, end, 2)) < 0
        || !one(&at, end, "Tt") || (tm.tm_hour = digits(&at, end, 2)) < 0
        || !one(&at, end, ":") || (tm.tm_min = digits(&at, end, 2)) < 0
        || !one(&at, end, ":") || (tm.tm_sec = digits(&at, end, 2)) < 0
        || !time_is_there(&tm))
    {
        return -1;
    }

    if (one(&at, end, ".") && (more = fraction(&at, end)) < 0) {
        return -1;
    }

    if (!offset(&at, end, &east) || at != end) {
        return -1;
    }

    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *ms = ((long long) timegm(&tm) - east * 60ll) * 1000 + more;

    return 0;
}


/* time_parse reads a time */
int time_parse(const struct json *j, long long *ms)
{
    size_t  i;

    *ms = 0;

    if (json_is(j, JSON_STRING)) {
        if (rfc3339(j->text, ms) != 0) {
            return -1;
        }

    } else {
        if (!json_is(j, JSON_NUMBER) || !str_digits(j->text)
            || j->text.len > 15)
        {
            return -1;
        }
        for (i = 0; i < j->text.len; i++) {
            *ms = *ms * 10 + j->text.at[i] - '0';
        }
    }

    return *ms >= TIME_MIN && *ms <= TIME_MAX ? 0 : -1;
}
