/*
 * What others write into Redis for all consumers to read: who they are and
 * what they hold (meta:consumers), and what people paused (meta:control).
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "consumer/control.h"
#include "consumer/fleet_own.h"


#define check(condition)  ((condition) ? (void) 0 : abort())

#define LISTS     8
#define WORDS_MAX  (2 * 256)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static struct conf_queue  conf[] = {
    { .name = (char *) "a" }, { .name = (char *) "b" }
};
static char  *names[LISTS] = {
    "a", "b:0", "b:1", "b:2", "b:3", "b:4", "b:5", "b:6"
};
static size_t  acts;


/* queues that are ours hold nothing here */
bool queue_held(const struct queue *q)
{
    (void) q;
    return false;
}


void queue_stats(const struct queue *q, struct queue_stats *stats)
{
    (void) q;
    *stats = (struct queue_stats) { .n = 0 };
}


void fleet_claim(struct fleet *f, struct fleet_list *list)
{
    (void) f;
    check(!list->claimed);
    list->claimed = true;
    acts++;
}


void fleet_yield(struct fleet *f, struct fleet_list *list)
{
    (void) f;
    check(list->claimed);
    list->claimed = false;
    acts++;
}


/* pieces end at the bytes 0xff, which are in no UTF-8 */
static size_t fuzz_words(struct str *words, const uint8_t *data, size_t size)
{
    size_t       n;
    const char  *at = (const char *) data, *end, *last = at + size;

    for (n = 0; n < WORDS_MAX && at < last; n++) {
        end = memchr(at, 0xff, (size_t) (last - at));
        end = end != NULL ? end : last;
        words[n] = (struct str) { at, (size_t) (end - at) };
        at = end + 1;
    }

    return n;
}


static void fuzz_view(const struct str *words, size_t n)
{
    void                *reply;
    size_t               i;
    unsigned             ms;
    struct buf           b;
    struct fleet         f = { .id = "me" };
    struct redisReader  *reader = reply_reader();
    struct fleet_queue   queues[2] = {
        { .conf = &conf[0], .n = 1 }, { .conf = &conf[1], .n = LISTS - 1 }
    };
    struct fleet_list    lists[LISTS], *all[LISTS];

    for (i = 0; i < LISTS; i++) {
        lists[i] = (struct fleet_list) {
            .name = names[i], .queue = i > 0, .planned = true
        };
        all[i] = &lists[i];
    }

    f.queues = queues;
    f.nqueues = 2;
    f.lists = all;
    f.nlists = LISTS;

    buf_init(&b, (size_t) -1);
    buf_format(&b, "*%zu\r\n", n);
    for (i = 0; i < n; i++) {
        buf_format(&b, "$%zu\r\n", words[i].len);
        buf_str(&b, words[i]);
        buf_text(&b, "\r\n");
    }

    redisReaderFeed(reader, b.at, b.len);
    check(redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL);

    ms = fleet_view(&f, reply);
    check(ms <= FLEET_BEAT_MS);
    check(acts == 0 || ms < FLEET_BEAT_MS);
    acts = 0;

    freeReplyObject(reply);
    redisReaderFree(reader);
    buf_free(&b);
}


static void on_pause(void *data, const char *queue, bool paused)
{
    int  *n = data;

    check(*queue != '\0');
    *n += paused ? 1 : -1;
}


static void fuzz_control(const struct str *words, size_t n)
{
    int             paused = 0;
    size_t          i, round;
    struct lane     lane;
    struct control  c = { .n = 0 };

    for (round = 0; round < 3; round++) {
        control_begin(&c);
        for (i = round; i < n; i += round + 1) {
            control_say(&c, words[i], (long long) i - 1, 5, on_pause, &paused);
        }
        control_end(&c, on_pause, &paused);
        check(c.n <= CONTROL_MAX && paused >= 0 && (size_t) paused <= c.n);

        memset(&lane, 0, sizeof(lane));
        lane.kind = LANE_PAGE;
        snprintf(lane.name, sizeof(lane.name), "page:1");
        (void) control_lane(&c, &lane);
    }

    control_begin(&c);
    control_end(&c, on_pause, &paused);
    check(paused == 0 && c.n == 0);
    control_free(&c);
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t      n;
    struct str  words[WORDS_MAX];

    log_level(LOG_ERROR);
    n = fuzz_words(words, data, size);
    fuzz_view(words, n);
    fuzz_control(words, n);

    return 0;
}
