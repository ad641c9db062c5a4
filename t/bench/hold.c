/*
 * How long one turn of an event loop takes, in CPU time of the process, so
 * that a busy machine does not count: preloaded into nginx, it stands between
 * two calls of epoll_wait().
 *
 *     HOLD=FILE LD_PRELOAD=hold.so nginx ...
 *
 * FILE.PID gets the histogram each time that it was 100 ms old.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>


#define BUCKETS  1024           /* of 10 us each */


static unsigned  turns[BUCKETS];
static double    longest, last, written;
static char      path[2048];


static double
now(clockid_t clock)
{
    struct timespec  ts;

    clock_gettime(clock, &ts);

    return (double) ts.tv_sec * 1e6 + (double) ts.tv_nsec / 1e3;
}


/* at once: nginx empties its environment */

__attribute__((constructor)) static void
begin(void)
{
    const char  *value;

    value = getenv("HOLD");

    (void) snprintf(path, sizeof(path), "%s", value != NULL ? value : "hold");
}


static void
report(void)
{
    FILE      *f;
    char       name[4096];
    unsigned   i;

    (void) snprintf(name, sizeof(name), "%s.%d", path, (int) getpid());

    f = fopen(name, "w");
    if (f == NULL) {
        return;
    }

    fprintf(f, "longest %.0f\n", longest);

    for (i = 0; i < BUCKETS; i++) {
        if (turns[i] != 0) {
            fprintf(f, "%u %u\n", i * 10, turns[i]);
        }
    }

    fclose(f);
}


int
epoll_wait(int ep, struct epoll_event *events, int n, int timeout)
{
    int      got;
    double   took;
    size_t   i;

    static int  (*wait)(int, struct epoll_event *, int, int);

    if (wait == NULL) {
        *(void **) &wait = dlsym(RTLD_NEXT, "epoll_wait");
    }

    if (last != 0) {
        took = now(CLOCK_PROCESS_CPUTIME_ID) - last;
        i = (size_t) (took / 10);

        turns[i < BUCKETS ? i : BUCKETS - 1]++;

        if (took > longest) {
            longest = took;
        }

        if (now(CLOCK_MONOTONIC) - written > 1e5) {
            written = now(CLOCK_MONOTONIC);
            report();
        }
    }

    got = wait(ep, events, n, timeout);

    last = now(CLOCK_PROCESS_CPUTIME_ID);

    return got;
}
