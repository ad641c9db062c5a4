/* Hours of the day in a time zone, on days of the week: when a rule holds. */

#ifndef HOURS_H
#define HOURS_H

#include "zone.h"


/* from is included, to is not.  Where to is not after from it is that of the
   next day, and the days are those on which it begins */
struct hours {
    unsigned      from;     /* minutes since midnight */
    unsigned      to;       /* up to 1440 */
    unsigned      days;     /* bit 0: Sunday */
    struct zone  *zone;
};


/* hours_clock: "9:00" to "24:00"; hours_days: "mon", "mon-fri", "all", sets
   bits; NULL, or what is wrong */
const char *hours_clock(const char *text, unsigned *minutes);
const char *hours_days(const char *text, unsigned *days);

/* hours_fit: ms since 1970 */
bool hours_fit(const struct hours *hours, long long ms);


#endif /* HOURS_H */
