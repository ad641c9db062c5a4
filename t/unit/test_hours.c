/*
 * Unit tests of zone.c and hours.c: the same offsets as the C library finds,
 * whatever the zone and the year, and hours over midnight and over changes of
 * the clocks.
 */

#include "tap.h"

#include <stdlib.h>
#include <time.h>

#include "consumer/hours.h"


static const char *const  names[] = {
    "Africa/Johannesburg", "Africa/Casablanca", "Africa/Cairo", "Etc/UTC",
    "America/New_York", "America/St_Johns", "America/Sao_Paulo",
    "America/Nuuk", "America/Santiago", "America/Asuncion", "Asia/Kolkata",
    "Asia/Kathmandu", "Asia/Tehran", "Asia/Gaza", "Australia/Lord_Howe",
    "Australia/Sydney", "Europe/Berlin", "Europe/Dublin", "Europe/London",
    "Europe/Moscow", "Pacific/Apia", "Pacific/Chatham", "Pacific/Kiritimati",
    "Antarctica/Troll"
};


/* true: the same as libc says at each of the times */
static int
zone_same(const char *name)
{
    long          ours;
    time_t        t;
    struct tm     tm;
    struct zone  *zone;

    if (zone_read(name, &zone) != NULL) {
        printf("# %s cannot be read\n", name);
        return 0;
    }

    setenv("TZ", name, 1);
    tzset();

    /* a step that is no divisor of a day, from 1968 to 2100 */
    for (t = -50000000; t < 4102444800; t += 5 * 3600 + 1800 + 1) {
        localtime_r(&t, &tm);
        ours = zone_offset(zone, t);
        if (ours != tm.tm_gmtoff) {
            printf("# %s at %ld: %ld, libc says %ld\n", name, (long) t, ours,
                   tm.tm_gmtoff);
            zone_free(zone);
            return 0;
        }
    }

    zone_free(zone);

    return 1;
}


static void
test_zones(void)
{
    size_t        i;
    struct zone  *zone = NULL;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ok(zone_same(names[i]), names[i]);
    }

    ok(zone_read("Mars/Olympus", &zone) != NULL, "no such zone");
    ok(zone_read("../../../etc/passwd", &zone) != NULL, "no way out");
    ok(zone_read("/etc/localtime", &zone) != NULL, "no path");
    ok(zone_read("Africa", &zone) != NULL, "a directory");
    ok(zone_read("zone.tab", &zone) != NULL, "no zone's name");
    ok(zone_read("leapseconds", &zone) != NULL, "a file that is no zone");
    ok(zone_read("", &zone) != NULL, "nothing");
    ok(zone == NULL, "of all these none was made");
}


/* a file of version 2 without times, whose last line says it all */
static long
line_offset(const char *line, long long t)
{
    long          offset;
    struct buf    b;
    static char   head[44] = "TZif2", block[44 + 6 + 4];
    struct zone  *zone;

    head[39] = 1;       /* one type, 4 bytes of names */
    head[43] = 4;
    memcpy(block, head, 44);

    buf_init(&b, 4096);
    buf_add(&b, head, 44);
    buf_add(&b, block + 44, 10);
    buf_add(&b, head, 44);
    buf_add(&b, block + 44, 10);
    buf_text(&b, "\n");
    buf_text(&b, line);
    buf_text(&b, "\n");

    zone = zone_parse((struct str) { b.at, b.len });
    buf_free(&b);
    if (zone == NULL) {
        return -1;
    }

    offset = zone_offset(zone, t);
    zone_free(zone);

    return offset;
}


static void
test_lines(void)
{
    is_int(line_offset("UTC0", 0), 0, "UTC");
    is_int(line_offset("<+0530>-5:30", 0), 19800, "a name in brackets");
    is_int(line_offset("", 0), 0, "no line: the type");

    /* 2026-03-29 01:00 UTC and 2026-10-25 01:00 UTC */
    is_int(line_offset("CET-1CEST,M3.5.0,M10.5.0/3", 1774745999), 3600,
           "a second before summer");
    is_int(line_offset("CET-1CEST,M3.5.0,M10.5.0/3", 1774746000), 7200,
           "summer");
    is_int(line_offset("CET-1CEST,M3.5.0,M10.5.0/3", 1792889999), 7200,
           "its last second");
    is_int(line_offset("CET-1CEST,M3.5.0,M10.5.0/3", 1792890000), 3600,
           "over");
    is_int(line_offset("IST-1GMT0,M10.5.0,M3.5.0/1", 1767225600), 0,
           "a winter time that is the other one");

    /* day 60 is the first of March, in a leap year as well */
    is_int(line_offset("AAA0BBB,J60/0,J61/0", 1709251200), 3600, "J60, 2024");
    is_int(line_offset("AAA0BBB,59/0,60/0", 1709251200), 0, "59, 2024");
    is_int(line_offset("AAA0BBB,59/0,60/0", 1709164800), 3600,
           "which is 29 February");

    is_int(line_offset("CET", 0), -1, "no offset");
    is_int(line_offset("CET-99", 0), -1, "too large an offset");
    is_int(line_offset("CET-1CEST", 0), -1, "no days");
    is_int(line_offset("CET-1CEST,M13.5.0,M10.5.0", 0), -1, "month 13");
    is_int(line_offset("CET-1CEST,M3.5.0,M10.5.0x", 0), -1, "more behind it");
}


static int
fits(const char *from, const char *to, const char *days, const char *zone,
    long long t)
{
    int           rc;
    struct hours  h = { .days = 0 };

    if (hours_clock(from, &h.from) != NULL || hours_clock(to, &h.to) != NULL
        || hours_days(days, &h.days) != NULL
        || zone_read(zone, &h.zone) != NULL)
    {
        return -1;
    }

    rc = hours_fit(&h, t * 1000);
    zone_free(h.zone);

    return rc;
}


static void
test_hours(void)
{
    const char  *z = "Africa/Johannesburg";     /* two hours ahead */

    /* 2026-03-02 is a Monday; 07:00 UTC is 9:00 there */
    is_int(fits("9:00", "17:00", "mon-fri", z, 1772434800), 1, "at nine");
    is_int(fits("9:00", "17:00", "mon-fri", z, 1772434799), 0, "before it");
    is_int(fits("9:00", "17:00", "mon-fri", z, 1772463599), 1,
           "the last second");
    is_int(fits("9:00", "17:00", "mon-fri", z, 1772463600), 0, "at five");
    is_int(fits("9:00", "17:00", "tue-sun", z, 1772434800), 0,
           "another day");
    is_int(fits("0:00", "24:00", "mon", z, 1772402400), 1, "midnight there");
    is_int(fits("0:00", "24:00", "mon", z, 1772402399), 0, "still Sunday");
    is_int(fits("0:00", "24:00", "mon", z, 1772402400 + 86399), 1,
           "its last second");

    /* 22:00 to 6:00 of Monday ends on Tuesday */
    is_int(fits("22:00", "06:00", "mon", z, 1772402400 + 22 * 3600), 1,
           "over midnight, on its day");
    is_int(fits("22:00", "06:00", "mon", z, 1772402400 + 30 * 3600 - 1), 1,
           "on the next");
    is_int(fits("22:00", "06:00", "mon", z, 1772402400 + 30 * 3600), 0,
           "until six");
    is_int(fits("22:00", "06:00", "mon", z, 1772402400 + 3600), 0,
           "the night before was Sunday's");
    is_int(fits("22:00", "06:00", "sun", z, 1772402400 + 3600), 1,
           "Sunday's, over the end of the week");

    /* Berlin, Sunday 2026-10-25: 2:30 is there twice */
    is_int(fits("2:00", "3:00", "sun", "Europe/Berlin", 1792888200), 1,
           "2:30, summer time");
    is_int(fits("2:00", "3:00", "sun", "Europe/Berlin", 1792891800), 1,
           "2:30, an hour later");
    is_int(fits("2:00", "3:00", "sun", "Europe/Berlin", 1792893600), 0,
           "then it is 3:00");
    /* 2026-03-29: from 2:00 to 3:00 there is nothing */
    is_int(fits("2:00", "3:00", "sun", "Europe/Berlin", 1774745999), 0,
           "1:59:59");
    is_int(fits("2:00", "3:00", "sun", "Europe/Berlin", 1774746000), 0,
           "a second later it is 3:00");

    is_int(fits("9:00", "17:00", "thu", "Etc/UTC", -1), 0, "before 1970");
    is_int(fits("9:00", "24:00", "wed", "Etc/UTC", -1), 1,
           "which was a Wednesday");
}


static void
test_words(void)
{
    size_t                    i;
    unsigned                  n = 0;
    static const char *const  clocks[] = {
        "", "9", "9:0", "9:60", "24:01", "25:00", "009:00", "9:00am", "-1:00",
        ":30", "9.00", "900"
    };
    static const char *const  days[] = {
        "", "Mon", "monday", "mon-", "-mon", "mon-fri-sun", "mo", "mon,tue"
    };

    for (i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        ok(hours_clock(clocks[i], &n) != NULL, clocks[i]);
    }

    for (i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        n = 0;
        ok(hours_days(days[i], &n) != NULL && n == 0, days[i]);
    }

    n = 0;
    hours_days("fri-mon", &n);
    is_int(n, 0x63, "Friday to Monday");
    hours_days("wed", &n);
    is_int(n, 0x6b, "and Wednesday");
    hours_clock("17:45", &n);
    is_int(n, 1065, "17:45");
}


int
main(void)
{
    test_zones();
    test_lines();
    test_hours();
    test_words();

    return done();
}
