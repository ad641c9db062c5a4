/* Times and lengths of time, as people write and read them. */

#include "ctl.h"
#include "job.h"

#include <stdlib.h>
#include <time.h>


/* time_now returns this machine's clock, ms */
long long time_now(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_REALTIME, &now);

    return (long long) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}


/* time_length reads 500ms, 30s, 15m, 6h, 7d */
long long time_length(const char *text)
{
    char          *end;
    size_t         i;
    long long      n;
    static const struct {
        const char  *unit;
        long long    ms;
    } units[] = {
        { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
        { "d", 86400000 }
    };

    if (*text < '0' || *text > '9') {
        return -1;
    }

    n = strtoll(text, &end, 10);
    if (end - text > 9) {
        return -1;
    }

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].unit) == 0) {
            return n * units[i].ms;
        }
    }

    return -1;
}


/* time_when returns ms since 1970 UTC, or ends the program */
long long time_when(const char *text, long long now)
{
    long long    ms = time_length(text);
    struct json  as;

    if (ms >= 0) {
        return now - ms;
    }

    as = (struct json) {
        .type = str_digits(STR(text)) ? JSON_NUMBER : JSON_STRING,
        .key = NONE, .text = STR(text)
    };
    if (time_parse(&as, &ms) != 0) {
        ctl_fail(CTL_USAGE, "\"%s\" is no time: write 2h (ago), 7d,"
                 " 2026-01-05T09:30:00Z, or milliseconds since 1970", text);
    }

    return ms;
}


/* time_span writes how long something is, in at most 9 columns */
const char *time_span(char out[TIME_MAX], long long ms)
{
    long long  s = ms / 1000;

    if (ms < 0) {
        snprintf(out, TIME_MAX, "-");
    } else if (ms < 1000) {
        snprintf(out, TIME_MAX, "%lld ms", ms);
    } else if (s < 10) {
        snprintf(out, TIME_MAX, "%lld.%lld s", s, ms % 1000 / 100);
    } else if (s < 60) {
        snprintf(out, TIME_MAX, "%lld s", s);
    } else if (s < 3600) {
        snprintf(out, TIME_MAX, "%lldm %02llds", s / 60, s % 60);
    } else if (s < 86400) {
        snprintf(out, TIME_MAX, "%lldh %02lldm", s / 3600, s / 60 % 60);
    } else {
        snprintf(out, TIME_MAX, "%lldd %02lldh", s / 86400, s / 3600 % 24);
    }

    return out;
}


/* time_date writes 2026-01-05 09:30:12Z */
const char *time_date(char out[TIME_MAX], long long ms)
{
    time_t     s = (time_t) (ms / 1000);
    struct tm  tm;

    if (ms <= 0 || gmtime_r(&s, &tm) == NULL
        || strftime(out, TIME_MAX, "%Y-%m-%d %H:%M:%SZ", &tm) == 0)
    {
        snprintf(out, TIME_MAX, "-");
    }

    return out;
}
