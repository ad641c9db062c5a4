/* Time zones: a TZif file's transitions, and behind the last of them the rule
   of its last line (RFC 8536). */

#include "zone.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>


#define ZONE_DIR       "/usr/share/zoneinfo/"
#define ZONE_NAME_MAX  64
#define ZONE_FILE_MAX  (256 * 1024)
#define HEAD_LEN       44
#define DAY            86400
#define OFFSET_MAX     (26 * 3600)          /* RFC 8536, 3.2 */
#define RULE_TIME_MAX  (167 * 3600)


/* a day of the year on which clocks change, and the second of it */
struct turn {
    char  form;         /* 'M', 'J', or '0' for a day from 0 on */
    int   month;
    int   week;         /* 5: the last */
    int   day;
    long  time;
};

struct zone {
    size_t          n;
    int64_t        *times;
    unsigned char  *types;      /* of what begins at that time */
    size_t          ntypes;
    int32_t        *offsets;    /* of types */
    bool            ruled;      /* what follows holds after the last time */
    bool            summer;     /* it has two offsets */
    long            standard;
    long            other;
    struct turn     from;
    struct turn     to;
};

struct head {
    char    version;
    size_t  isut;
    size_t  isstd;
    size_t  leap;
    size_t  times;
    size_t  types;
    size_t  chars;
};


static uint64_t big(const char *at, size_t n)
{
    size_t    i;
    uint64_t  v = 0;

    for (i = 0; i < n; i++) {
        v = v << 8 | (unsigned char) at[i];
    }

    return v;
}


/* takes n bytes off the front; NULL: there are not so many */
static const char *take(struct str *s, size_t n)
{
    const char  *at = s->at;

    if (n > s->len) {
        return NULL;
    }

    s->at += n;
    s->len -= n;

    return at;
}


static bool head_read(struct str *s, struct head *h)
{
    const char  *at = take(s, HEAD_LEN);

    if (at == NULL || memcmp(at, "TZif", 4) != 0) {
        return false;
    }

    *h = (struct head) {
        .version = at[4], .isut = big(at + 20, 4), .isstd = big(at + 24, 4),
        .leap = big(at + 28, 4), .times = big(at + 32, 4),
        .types = big(at + 36, 4), .chars = big(at + 40, 4)
    };

    /* leap seconds would shift all times; the offsets are 8 bits' numbers */
    return h->leap == 0 && h->types > 0 && h->types <= 256
           && h->times <= ZONE_FILE_MAX && h->chars <= ZONE_FILE_MAX
           && h->isut <= ZONE_FILE_MAX && h->isstd <= ZONE_FILE_MAX;
}


static bool times_read(struct zone *z, const char *at, size_t wide)
{
    size_t  i;

    for (i = 0; i < z->n; i++) {
        z->times[i] = wide == 8 ? (int64_t) big(at + i * 8, 8)
                      : (int32_t) big(at + i * 4, 4);
        if (i > 0 && z->times[i] <= z->times[i - 1]) {
            return false;
        }
    }

    return true;
}


/* a block of data, whose times are of that many bytes */
static bool block_read(struct zone *z, struct str *s, const struct head *h,
    size_t wide)
{
    size_t       i;
    const char  *times = take(s, h->times * wide);
    const char  *types = take(s, h->times);
    const char  *offsets = take(s, h->types * 6);

    if (times == NULL || types == NULL || offsets == NULL
        || take(s, h->chars + h->isut + h->isstd) == NULL)
    {
        return false;
    }

    z->n = h->times;
    z->times = mem_alloc((z->n + 1) * sizeof(*z->times));
    z->types = mem_alloc(z->n + 1);
    z->ntypes = h->types;
    z->offsets = mem_alloc(z->ntypes * sizeof(*z->offsets));

    for (i = 0; i < z->n; i++) {
        z->types[i] = (unsigned char) types[i];
        if (z->types[i] >= z->ntypes) {
            return false;
        }
    }

    for (i = 0; i < z->ntypes; i++) {
        z->offsets[i] = (int32_t) big(offsets + i * 6, 4);
        if (labs(z->offsets[i]) > OFFSET_MAX) {
            return false;
        }
    }

    return times_read(z, times, wide);
}


static bool number(struct str *s, long max, long *n)
{
    size_t  len = 0;

    *n = 0;
    while (len < s->len && s->at[len] >= '0' && s->at[len] <= '9') {
        *n = *n * 10 + s->at[len++] - '0';
        if (*n > max) {
            return false;
        }
    }

    return len > 0 && take(s, len) != NULL;
}


static bool next_is(struct str *s, char c)
{
    return s->len > 0 && *s->at == c && take(s, 1) != NULL;
}


/* [+-]hh[:mm[:ss]] */
static bool clock_read(struct str *s, long max, long *seconds)
{
    long  h, m = 0, sec = 0;
    bool  minus = next_is(s, '-');

    if (!minus) {
        next_is(s, '+');
    }

    if (!number(s, 167, &h)
        || (next_is(s, ':') && (!number(s, 59, &m)
            || (next_is(s, ':') && !number(s, 59, &sec)))))
    {
        return false;
    }

    *seconds = h * 3600 + m * 60 + sec;
    *seconds = minus ? -*seconds : *seconds;

    return labs(*seconds) <= max;
}


/* "SAST", or "<+0530>" */
static bool name_skip(struct str *s)
{
    size_t  n = 0;

    if (next_is(s, '<')) {
        while (n < s->len && s->at[n] != '>') {
            n++;
        }
        return n < s->len && take(s, n + 1) != NULL;
    }

    while (n < s->len && ((s->at[n] | 0x20) >= 'a')
           && ((s->at[n] | 0x20) <= 'z'))
    {
        n++;
    }

    return n >= 3 && take(s, n) != NULL;
}


/* ",M3.5.0/2", ",J60" or ",59" */
static bool turn_read(struct str *s, struct turn *t)
{
    long  month = 0, week = 0, day;

    if (!next_is(s, ',')) {
        return false;
    }

    t->form = next_is(s, 'M') ? 'M' : next_is(s, 'J') ? 'J' : '0';

    if (t->form == 'M'
        && (!number(s, 12, &month) || month == 0 || !next_is(s, '.')
            || !number(s, 5, &week) || week == 0 || !next_is(s, '.')))
    {
        return false;
    }

    if (!number(s, t->form == 'M' ? 6 : 365, &day)
        || (t->form == 'J' && day == 0))
    {
        return false;
    }

    t->month = (int) month;
    t->week = (int) week;
    t->day = (int) day;
    t->time = 2 * 3600;

    return !next_is(s, '/') || clock_read(s, RULE_TIME_MAX, &t->time);
}


/* the last line, "CET-1CEST,M3.5.0,M10.5.0/3": there the sign is the other way
   round */
static bool rule_read(struct zone *z, struct str s)
{
    if (!name_skip(&s) || !clock_read(&s, OFFSET_MAX, &z->standard)) {
        return false;
    }

    z->standard = -z->standard;
    z->ruled = true;
    if (s.len == 0) {
        return true;
    }

    z->summer = true;
    z->other = z->standard + 3600;

    if (!name_skip(&s)) {
        return false;
    }

    if (s.len > 0 && *s.at != ',') {
        if (!clock_read(&s, OFFSET_MAX, &z->other)) {
            return false;
        }
        z->other = -z->other;
    }

    return turn_read(&s, &z->from) && turn_read(&s, &z->to) && s.len == 0;
}


/* the second block is the better one, and has a line behind it */
static bool file_read(struct zone *z, struct str s)
{
    size_t       skip;
    const char  *end;
    struct head  h;

    if (!head_read(&s, &h)) {
        return false;
    }

    if (h.version < '2') {
        return block_read(z, &s, &h, 4);
    }

    skip = h.times * 5 + h.types * 6 + h.chars + h.isut + h.isstd;
    if (take(&s, skip) == NULL || !head_read(&s, &h)
        || !block_read(z, &s, &h, 8) || !next_is(&s, '\n'))
    {
        return false;
    }

    end = memchr(s.at, '\n', s.len);

    return end != NULL && (end == s.at
           || rule_read(z, (struct str) { s.at, (size_t) (end - s.at) }));
}


/* zone_parse reads the bytes of a file */
struct zone *zone_parse(struct str file)
{
    struct zone  *z = mem_alloc(sizeof(*z));

    if (file.len > ZONE_FILE_MAX || !file_read(z, file)) {
        zone_free(z);
        return NULL;
    }

    return z;
}


/* zone_free releases it */
void zone_free(struct zone *z)
{
    if (z != NULL) {
        free(z->times);
        free(z->types);
        free(z->offsets);
        free(z);
    }
}


static bool name_good(const char *name)
{
    size_t  n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                       "abcdefghijklmnopqrstuvwxyz0123456789_+-/");

    return n > 0 && n <= ZONE_NAME_MAX && name[n] == '\0' && *name != '/';
}


/* zone_read reads the system's file of that name */
const char *zone_read(const char *name, struct zone **zone)
{
    char    path[sizeof(ZONE_DIR) + ZONE_NAME_MAX];
    FILE   *f;
    char   *bytes;
    size_t  n;

    if (!name_good(name)) {
        return "is no name of a time zone such as Africa/Johannesburg";
    }

    snprintf(path, sizeof(path), "%s%s", ZONE_DIR, name);
    f = fopen(path, "rb");
    if (f == NULL) {
        return "no such time zone stands in /usr/share/zoneinfo (package"
               " tzdata)";
    }

    bytes = mem_alloc(ZONE_FILE_MAX + 1);
    n = fread(bytes, 1, ZONE_FILE_MAX + 1, f);
    fclose(f);
    *zone = zone_parse((struct str) { bytes, n });
    free(bytes);

    return *zone != NULL ? NULL
           : "its file in /usr/share/zoneinfo is no time zone";
}


static bool is_leap(long long year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}


/* days from 1970 to the first of January */
static long long year_begins(long long year)
{
    long long  y = year - 1;

    return y * 365 + y / 4 - y / 100 + y / 400 - 719162;
}


static long long year_of(long long t)
{
    long long  days = t / DAY - (t % DAY < 0);
    long long  year = 1970 + days / 366;

    while (year_begins(year + 1) <= days) {
        year++;
    }

    while (year_begins(year) > days) {
        year--;
    }

    return year;
}


/* seconds since 1970 on that zone's clocks before the change */
static long long turn_at(const struct turn *t, long long year)
{
    int                month;
    long long          day = year_begins(year), first;
    static const int   lengths[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    if (t->form == '0') {
        day += t->day;

    } else if (t->form == 'J') {        /* which knows no 29 February */
        day += t->day - 1 + (is_leap(year) && t->day >= 60);

    } else {
        for (month = 1; month < t->month; month++) {
            day += lengths[month - 1] + (month == 2 && is_leap(year));
        }
        first = day;
        day += ((t->day - (first + 4) % 7) % 7 + 7) % 7;
        day += (t->week - 1) * 7;
        if (day >= first + lengths[month - 1]
                   + (month == 2 && is_leap(year)))
        {
            day -= 7;
        }
    }

    return day * DAY + t->time;
}


static long rule_offset(const struct zone *z, long long t)
{
    bool       in;
    long long  year, from, to;

    if (!z->summer) {
        return z->standard;
    }

    year = year_of(t + z->standard);
    from = turn_at(&z->from, year) - z->standard;
    to = turn_at(&z->to, year) - z->other;
    in = from < to ? t >= from && t < to : t >= from || t < to;

    return in ? z->other : z->standard;
}


/* zone_offset: before the first time it is the first type */
long zone_offset(const struct zone *z, long long t)
{
    size_t  low = 0, high = z->n, middle;

    /* far enough for everybody; years are counted one by one */
    t = t < -(1ll << 35) ? -(1ll << 35) : t > 1ll << 36 ? 1ll << 36 : t;

    if (z->ruled && (z->n == 0 || t >= z->times[z->n - 1])) {
        return rule_offset(z, t);
    }

    while (low < high) {
        middle = (low + high) / 2;
        if (z->times[middle] <= t) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }

    return z->offsets[low > 0 ? z->types[low - 1] : 0];
}
