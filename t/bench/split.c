/*
 * What the pure part of one delivery costs: nanoseconds for the HMAC, the
 * split, and the record heads of a body, called as the module calls them.
 *
 *     split FILE
 *
 * Prints one JSON object of medians over 21 samples, each 5 ms of CPU time.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "meta/meta_record.h"
#include "meta/meta_signature.h"
#include "meta/meta_split.h"


#define SAMPLES    21
#define SAMPLE_NS  5e6
#define MAX_BODY   4194304


typedef struct {
    meta_str_t         body;
    meta_hmac_t        hmac;
    meta_split_t       split;
    meta_event_t      *events;
    meta_record_ctx_t  record;
} bench_t;


static void
die(const char *what)
{
    fprintf(stderr, "split: %s\n", what);
    exit(1);
}


static double
now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}


static void
run_hmac(bench_t *b)
{
    unsigned char  mac[META_MAC_LEN];

    if (meta_hmac_begin(&b->hmac) != META_OK
        || meta_hmac_update(&b->hmac, b->body) != META_OK
        || meta_hmac_final(&b->hmac, mac) != META_OK)
    {
        die("HMAC failed");
    }
}


static void
run_split(bench_t *b)
{
    if (meta_split(b->body, &b->split, b->events, META_MAX_EVENTS) != META_OK) {
        die("the body was refused");
    }
}


static void
run_heads(bench_t *b)
{
    size_t         i;
    unsigned char  head[META_RECORD_HEAD_MAX];

    meta_record_begin(&b->record);

    for (i = 0; i < b->split.nevents; i++) {
        if (meta_record_head(head, &b->record, &b->events[i], i) == 0) {
            die("no record head");
        }
    }
}


static int
compare(const void *a, const void *b)
{
    double  x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}


/* the median over SAMPLES, in nanoseconds per call */
static double
measure(void (*run)(bench_t *), bench_t *b)
{
    long    calls, n;
    double  start, samples[SAMPLES];
    size_t  i;

    calls = 0;
    start = now();

    do {
        run(b);
        calls++;
    } while (now() - start < SAMPLE_NS);

    for (i = 0; i < SAMPLES; i++) {
        start = now();

        for (n = 0; n < calls; n++) {
            run(b);
        }

        samples[i] = (now() - start) / (double) calls;
    }

    qsort(samples, SAMPLES, sizeof(samples[0]), compare);

    return samples[SAMPLES / 2];
}


int
main(int argc, char **argv)
{
    FILE                 *f;
    double                hmac, split, heads;
    bench_t               b;
    meta_hash_t           hash;
    static meta_event_t   events[META_MAX_EVENTS];
    static unsigned char  body[MAX_BODY];

    static const meta_str_t  key = meta_string("0123456789abcdef");
    static const meta_str_t  app = meta_string("1234567890");
    static const meta_str_t  delivery = meta_string("9f86d081884c7d659a2feaa0");

    f = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (f == NULL) {
        die("usage: split FILE");
    }

    b.body.data = body;
    b.body.len = fread(body, 1, sizeof(body), f);
    b.events = events;
    b.record.app = app;
    b.record.delivery = delivery;
    b.record.received_at = 1763700000123;
    b.record.split = &b.split;
    b.record.hash = &hash;

    if (meta_hmac_init(&b.hmac, key) != META_OK
        || meta_hash_init(&hash) != META_OK)
    {
        die("libcrypto refused");
    }

    hmac = measure(run_hmac, &b);
    split = measure(run_split, &b);
    heads = measure(run_heads, &b);

    printf("{\"hmac_ns\":%.0f,\"split_ns\":%.0f,\"heads_ns\":%.0f}\n",
           hmac, split, heads);

    meta_hmac_free(&b.hmac);
    meta_hash_free(&hash);
    fclose(f);

    return 0;
}
