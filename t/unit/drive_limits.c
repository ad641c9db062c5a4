/*
 * Drives consumer/limits.c for t/consumer/65-limits.t: drive_limits SOCKET
 * [KIND=PER_S,BURST...] reads commands from standard input and prints what
 * comes back, one line each.  A lane is KIND:ID[:WHO], "=COST" may follow.
 *
 *     take NAME LANE...       NAME go, or NAME no LANE MS; "-": Redis is away
 *     storm MS LANE...        asks all the time for so long: storm GONE NO
 *     known LANE...           known LANE MS, or known - 0
 *     give passed LANE...     stop LANE MS GROWS     rate LANE PER_S
 *     usage HEADER VALUE LANE...    pause WHAT    name LANE    end
 */

#include "consumer/limits.h"

#include <stdio.h>
#include <stdlib.h>


#define LINE_MAX_BYTES  65536
#ifndef STORM_ASKS
#define STORM_ASKS      16
#endif


struct take {
    char         name[64];
    struct lane  lanes[LIMITS_LANES_MAX];
};

static struct limits  *limits;
static struct conf     conf;
static uv_loop_t       loop;
static uv_pipe_t       input;
static char            line[LINE_MAX_BYTES];
static size_t          filled;

static struct lane     storm_lanes[LIMITS_LANES_MAX];
static size_t          storm_n, storm_asked;
static unsigned long   storm_gone, storm_no;
static uint64_t        storm_until;


static void
lane_read(const char *text, struct lane *lane)
{
    char   copy[256];
    char  *id, *who, *cost;

    snprintf(copy, sizeof(copy), "%s", text);

    cost = strchr(copy, '=');
    if (cost != NULL) {
        *cost++ = '\0';
    }

    id = strchr(copy, ':');
    *id++ = '\0';
    who = strchr(id, ':');
    if (who != NULL) {
        *who++ = '\0';
    }

    limits_lane(limits, lane, (enum lane_kind) lane_kind_find(copy), STR(id),
                who != NULL ? STR(who) : NONE);
    lane->cost = cost != NULL ? strtod(cost, NULL) : 1;
}


static size_t
lanes_read(char **words, size_t n, struct lane *lanes)
{
    size_t  i;

    for (i = 0; i < n && i < LIMITS_LANES_MAX; i++) {
        lane_read(words[i], &lanes[i]);
    }

    return i;
}


static void
on_take(void *data, bool go, size_t which, uint64_t ms)
{
    struct take  *take = data;

    if (go) {
        printf("%s go\n", take->name);
    } else {
        printf("%s no %s %llu\n", take->name, which == LIMITS_NOBODY ? "-"
               : take->lanes[which].name, (unsigned long long) ms);
    }

    free(take);
}


static void storm_ask(void);


static void
on_storm(void *data, bool go, size_t which, uint64_t ms)
{
    (void) data, (void) which, (void) ms;

    storm_asked--;

    if (go) {
        storm_gone++;
    } else {
        storm_no++;
    }

    if (uv_hrtime() / 1000000 < storm_until) {
        storm_ask();

    } else if (storm_asked == 0) {
        printf("storm %lu %lu\n", storm_gone, storm_no);
    }
}


static void
storm_ask(void)
{
    storm_asked++;
    limits_take(limits, storm_lanes, storm_n, on_storm, NULL);
}


static void
on_open(void *data, const char *lane, size_t n)
{
    (void) data;

    printf("open %s %zu\n", lane, n);
}


static void
on_pause(void *data, const char *queue, bool paused)
{
    (void) data;

    if (queue != NULL) {
        printf("queue %s %d\n", queue, paused);
    }
}


static void
command_take(char **words, size_t n)
{
    struct take  *take = mem_alloc(sizeof(*take));

    snprintf(take->name, sizeof(take->name), "%s", words[1]);
    n = lanes_read(words + 2, n - 2, take->lanes);
    limits_take(limits, take->lanes, n, on_take, take);
}


static void
command_storm(char **words, size_t n)
{
    int  i;

    storm_gone = storm_no = 0;
    storm_until = uv_hrtime() / 1000000 + strtoul(words[1], NULL, 10);
    storm_n = lanes_read(words + 2, n - 2, storm_lanes);

    for (i = 0; i < STORM_ASKS; i++) {
        storm_ask();
    }
}


static void
command_known(char **words, size_t n)
{
    uint64_t            ms;
    struct lane         lanes[LIMITS_LANES_MAX];
    const struct lane  *lane;

    n = lanes_read(words + 1, n - 1, lanes);
    lane = limits_wait(limits, lanes, n, &ms);
    printf("known %s %lld\n", lane != NULL ? lane->name : "-",
           ms == UINT64_MAX ? -1ll : (long long) ms);
}


static void
command_usage(char **words, size_t n)
{
    struct lane   lanes[LIMITS_LANES_MAX];
    struct usage  usage;

    memset(&usage, 0, sizeof(usage));
    n = lanes_read(words + 3, n - 3, lanes);
    printf("usage %d\n", usage_read(STR(words[1]), STR(words[2]), &usage));
    limits_usage(limits, &usage, lanes, n);
}


static void
command_end(void)
{
    limits_free(limits);
    uv_close((uv_handle_t *) &input, NULL);
}


static void
command(char **words, size_t n)
{
    const char   *what = words[0];
    struct lane   lanes[LIMITS_LANES_MAX];

    if (strcmp(what, "take") == 0) {
        command_take(words, n);
    } else if (strcmp(what, "storm") == 0) {
        command_storm(words, n);
    } else if (strcmp(what, "known") == 0) {
        command_known(words, n);
    } else if (strcmp(what, "usage") == 0) {
        command_usage(words, n);
    } else if (strcmp(what, "end") == 0) {
        command_end();
    } else if (strcmp(what, "pause") == 0) {
        limits_pause(limits, words[1], "a test");
    } else if (strcmp(what, "give") == 0) {
        n = lanes_read(words + 1, n - 1, lanes);
        limits_give(limits, lanes, n);
    } else if (strcmp(what, "passed") == 0) {
        n = lanes_read(words + 1, n - 1, lanes);
        limits_passed(limits, lanes, n);
    } else if (strcmp(what, "name") == 0) {
        lanes_read(words + 1, 1, lanes);
        printf("name %s\n", lanes[0].name);
    } else if (strcmp(what, "stop") == 0) {
        lanes_read(words + 1, 1, lanes);
        limits_stop(limits, lanes, strtoul(words[2], NULL, 10),
                    (unsigned) strtoul(words[3], NULL, 10), "a test");
    } else if (strcmp(what, "rate") == 0) {
        lanes_read(words + 1, 1, lanes);
        limits_rate(limits, lanes[0].name, strtod(words[2], NULL));
    } else {
        abort();
    }
}


static void
on_line(char *text)
{
    char    *words[64], *word, *rest = text;
    size_t   n = 0;

    while ((word = strsep(&rest, " ")) != NULL && n < 64) {
        words[n++] = word;
    }

    command(words, n);
}


static void
on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    (void) handle, (void) size;

    *buf = uv_buf_init(line + filled, (unsigned) (sizeof(line) - filled));
}


static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    char  *end, *at = line;

    (void) stream, (void) buf;

    if (n < 0) {
        if (!uv_is_closing((uv_handle_t *) &input)) {
            command_end();
        }
        return;
    }

    filled += n;

    while ((end = memchr(at, '\n', line + filled - at)) != NULL) {
        *end = '\0';
        on_line(at);
        at = end + 1;
    }

    filled -= at - line;
    memmove(line, at, filled);
}


int
main(int argc, char **argv)
{
    int                  i, kind;
    char                *rate;
    struct redis_target  target = { .path = argv[1] };

    for (kind = 0; kind < LANE_KINDS; kind++) {
        conf.rates[kind] = *lane_preset((enum lane_kind) kind);
    }

    for (i = 2; i < argc; i++) {
        rate = strchr(argv[i], '=');
        *rate++ = '\0';
        kind = lane_kind_find(argv[i]);
        conf.rates[kind] = (struct rate) { .per_s = strtod(rate, &rate) };
        conf.rates[kind].burst = strtod(rate + 1, NULL);
    }

    setvbuf(stdout, NULL, _IOLBF, 0);
    uv_loop_init(&loop);
    limits = limits_new(&loop, &target, &conf);
    limits_on_open(limits, on_open, NULL);
    limits_on_pause(limits, on_pause, NULL);

    uv_pipe_init(&loop, &input, 0);
    uv_pipe_open(&input, 0);
    uv_read_start((uv_stream_t *) &input, on_alloc, on_read);

    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);

    return 0;
}
