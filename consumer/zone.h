/* Time zones: the files of the system's zoneinfo (TZif, RFC 8536), read once
   and asked often, without the process-wide TZ. */

#ifndef ZONE_H
#define ZONE_H

#include "mem.h"


struct zone;


/* zone_read: NULL, or *zone is the caller's to free; it is asked of the system
   by its IANA name, "Africa/Johannesburg" */
const char *zone_read(const char *name, struct zone **zone);
void zone_free(struct zone *zone);

/* zone_parse: the bytes of such a file; NULL if they are none */
struct zone *zone_parse(struct str file);

/* zone_offset: seconds that the zone's clocks are ahead of UTC, seconds since
   1970 */
long zone_offset(const struct zone *zone, long long t);


#endif /* ZONE_H */
