/*
 * Files of time zones: read or refused, and an offset for every time.
 */

#include <stdint.h>
#include <stdlib.h>

#include "consumer/hours.h"


#define check(condition)  ((condition) ? (void) 0 : abort())


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    long          offset;
    size_t        i;
    struct hours  h = { .from = 60, .to = 30, .days = 0x55 };
    static const long long  times[] = {
        INT64_MIN / 1000, -1, 0, 951782400, 1767225600, 4102444800,
        INT64_MAX / 1000
    };

    h.zone = zone_parse((struct str) { (const char *) data, size });
    if (h.zone == NULL) {
        return 0;
    }

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        offset = zone_offset(h.zone, times[i]);
        check(labs(offset) <= 26 * 3600);
        hours_fit(&h, times[i] * 1000);
    }

    zone_free(h.zone);

    return 0;
}
