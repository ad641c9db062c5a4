/*
 * TAP from C: ok(), is_int(), is_mem(), is_str(), done().
 */

#ifndef TAP_H
#define TAP_H

#include <stdio.h>
#include <string.h>


static int  tap_count;
static int  tap_failed;


static int
ok(int good, const char *name)
{
    printf("%sok %d - %s\n", good ? "" : "not ", ++tap_count, name);
    tap_failed += !good;

    return good;
}


static int
is_int(long long got, long long want, const char *name)
{
    if (!ok(got == want, name)) {
        printf("#   got: %lld\n#  want: %lld\n", got, want);
    }

    return got == want;
}


static int
is_mem(const void *got, size_t len, const void *want, size_t want_len,
    const char *name)
{
    int  good;

    good = len == want_len && (len == 0 || memcmp(got, want, len) == 0);

    if (!ok(good, name)) {
        printf("#   got: %.*s\n#  want: %.*s\n", (int) len,
               (const char *) got, (int) want_len, (const char *) want);
    }

    return good;
}


static inline int
is_str(const void *got, size_t len, const char *want, const char *name)
{
    return is_mem(got, len, want, strlen(want), name);
}


static int
done(void)
{
    printf("1..%d\n", tap_count);

    return tap_failed != 0;
}


#endif /* TAP_H */
