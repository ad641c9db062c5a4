/* Whether something has come to one of many lists: one EXISTS for all of them,
   ten times a second, less often when nothing comes, and one for each only
   where that found some. */

#include "watch.h"

#include <stdlib.h>


#define WATCH_MS        100
#define WATCH_IDLE_MS   250         /* when nothing has come for so long: */
#define WATCH_LONG_MS   10000
#define WATCH_REPLY_MS  5000
#define WATCH_BATCH     250         /* of those who wait, in one command */


/* those of one command */
struct batch {
    struct watch    *watch;
    struct watched  *first;
};

struct watch {
    struct redis    *redis;
    struct watched  *idle;          /* to be asked for */
    uint64_t         came;          /* when something was there */
    bool             freed;
    uv_timer_t       timer;
};


static void on_timer(uv_timer_t *timer);


static void watched_put(struct watched **list, struct watched *one)
{
    one->next = *list;
    one->at = list;
    if (one->next != NULL) {
        one->next->at = &one->next;
    }
    *list = one;
}


/* watch_drop: he does not wait any more */
void watch_drop(struct watched *one)
{
    if (one->at == NULL) {
        return;
    }

    *one->at = one->next;
    if (one->next != NULL) {
        one->next->at = one->at;
    }
    one->at = NULL;
}


static void watched_call(struct watched *one)
{
    watch_drop(one);
    one->cb(one->data);
}


static void watch_start(struct watch *w)
{
    if (!w->freed && w->idle != NULL
        && !uv_is_active((uv_handle_t *) &w->timer))
    {
        uv_timer_start(&w->timer, on_timer,
                       uv_now(w->timer.loop) - w->came < WATCH_LONG_MS
                       ? WATCH_MS : WATCH_IDLE_MS, 0);
    }
}


static void on_batch(void *data, const struct reply *reply);


/* one command for the first n who wait; 0: it went */
static int batch_send(struct watch *w, struct watched **from, size_t n)
{
    size_t           i, argc = 1;
    struct str       argv[1 + WATCH_BATCH * WATCH_KEYS];
    struct batch    *b = mem_alloc(sizeof(*b));
    struct watched  *one;

    b->watch = w;
    argv[0] = STR("EXISTS");

    while (n-- > 0 && (one = *from) != NULL) {
        watch_drop(one);
        watched_put(&b->first, one);
        for (i = 0; i < WATCH_KEYS; i++) {
            argv[argc++] = STR(one->keys[i]);
        }
    }

    if (redis_send(w->redis, argv, argc, WATCH_REPLY_MS, on_batch, b) == 0) {
        return 0;
    }

    while ((one = b->first) != NULL) {
        watch_drop(one);
        watched_put(&w->idle, one);
    }
    free(b);

    return -1;
}


/* a refusal says nothing: they find out themselves */
static void on_batch(void *data, const struct reply *reply)
{
    bool             some;
    struct batch    *b = data;
    struct watch    *w = b->watch;
    struct watched  *one;

    some = reply != NULL && (reply_type(reply) == REPLY_ERROR
                             || reply_int(reply) > 0);

    if (some) {
        w->came = uv_now(w->timer.loop);
    }

    if (some && b->first != NULL && b->first->next != NULL) {
        while (b->first != NULL && batch_send(w, &b->first, 1) == 0) {
            /* void */
        }
    } else if (some && b->first != NULL) {
        watched_call(b->first);
    }

    while ((one = b->first) != NULL) {
        watch_drop(one);
        watched_put(&w->idle, one);
    }

    free(b);
    watch_start(w);
}


static void on_timer(uv_timer_t *timer)
{
    struct watch  *w = timer->data;

    while (w->idle != NULL && batch_send(w, &w->idle, WATCH_BATCH) == 0) {
        /* void */
    }

    watch_start(w);
}


/* watch_new begins to watch for whoever asks */
struct watch *watch_new(uv_loop_t *loop, struct redis *redis)
{
    struct watch  *w = mem_alloc(sizeof(*w));

    w->redis = redis;
    uv_timer_init(loop, &w->timer);
    w->timer.data = w;

    return w;
}


/* watch_ask waits for one of his keys */
void watch_ask(struct watch *w, struct watched *one)
{
    if (one->at == NULL) {
        watched_put(&w->idle, one);
        watch_start(w);
    }
}


static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}


/* watch_free: nobody waits any more */
void watch_free(struct watch *w)
{
    w->freed = true;
    uv_close((uv_handle_t *) &w->timer, on_closed);
}
