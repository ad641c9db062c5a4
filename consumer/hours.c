/* Hours of the day in a time zone, on days of the week. */

#include "hours.h"


#define DAY_MINUTES  1440
#define WEEK         7


/* hours_clock reads "9:00", "09:00" or "24:00" */
const char *hours_clock(const char *text, unsigned *minutes)
{
    unsigned     h = 0, m;
    size_t       i = 0;
    const char  *wrong = "must be a time of day such as 9:00, 17:30 or 24:00,"
                         " in quotes where YAML takes it for a number";

    while (text[i] >= '0' && text[i] <= '9' && i < 2) {
        h = h * 10 + (unsigned) (text[i++] - '0');
    }

    if (i == 0 || text[i] != ':' || strlen(text + i) != 3
        || text[i + 1] < '0' || text[i + 1] > '5' || text[i + 2] < '0'
        || text[i + 2] > '9')
    {
        return wrong;
    }

    m = (unsigned) ((text[i + 1] - '0') * 10 + text[i + 2] - '0');
    *minutes = h * 60 + m;

    return *minutes <= DAY_MINUTES ? NULL : wrong;
}


static int day_find(const char *at, size_t len)
{
    int                       i;
    static const char *const  names[] = {
        "sun", "mon", "tue", "wed", "thu", "fri", "sat"
    };

    for (i = 0; i < WEEK; i++) {
        if (len == 3 && memcmp(at, names[i], 3) == 0) {
            return i;
        }
    }

    return -1;
}


/* hours_days reads a day, or from one to another: "fri-mon" is four */
const char *hours_days(const char *text, unsigned *days)
{
    int     from, to;
    size_t  n = strcspn(text, "-");

    from = day_find(text, n);
    to = text[n] == '-' ? day_find(text + n + 1, strlen(text + n + 1)) : from;

    if (from < 0 || to < 0) {
        return "must be mon, tue, wed, thu, fri, sat or sun, or two of them"
               " such as mon-fri";
    }

    for (*days |= 1u << to; from != to; from = (from + 1) % WEEK) {
        *days |= 1u << from;
    }

    return NULL;
}


/* hours_fit: what goes over midnight belongs to the day before as well */
bool hours_fit(const struct hours *h, long long ms)
{
    unsigned   minute, day, before;
    long long  t = ms / 1000 - (ms % 1000 < 0), days, left;

    t += zone_offset(h->zone, t);
    days = t / 86400 - (t % 86400 < 0);
    left = t - days * 86400;
    minute = (unsigned) (left / 60);
    day = (unsigned) (((days + 4) % WEEK + WEEK) % WEEK);
    before = (day + WEEK - 1) % WEEK;

    if (h->from < h->to) {
        return (h->days & 1u << day) && minute >= h->from && minute < h->to;
    }

    return ((h->days & 1u << day) && minute >= h->from)
           || ((h->days & 1u << before) && minute < h->to);
}
