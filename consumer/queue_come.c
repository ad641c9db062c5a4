/* What comes back from where it waited: due ones, those of a lane; and what
   is mended so that none is left behind. */

#include "queue_own.h"
#include "log.h"

#include <stdlib.h>


#define LANES_MAX    200
#define SWEEP_LINES  200


static void cursor_set(struct str *cursor, struct str to)
{
    if (cursor->len) {
        free((char *) cursor->at);
    }

    *cursor = to.len ? (struct str) { mem_copy(to.at, to.len), to.len } : NONE;
}


/* the reply to due and wake: a preface and items */
static void come_told(struct queue *q, enum script script,
    const struct reply *reply)
{
    q->taking = false;
    q->promised -= q->coming;
    q->coming = 0;

    if (!queue_failed(q, script, reply)) {
        queue_told(q, reply, 3);
        queue_enter(q);
    }

    queue_step(q);
}


static void on_due(void *data, const struct reply *reply)
{
    struct queue  *q = data;

    /* nothing came though it is time: the next one is too large for now */
    if (reply != NULL && reply_count(reply) == 3
        && reply_int(reply_at(reply, 1)) == 0)
    {
        q->due_nofit = true;
    }

    if (reply == NULL) {
        q->due = true;
    }

    come_told(q, SCRIPT_DUE, reply);
}


/* the lane is a key, with "\1" before its name */
static void come_woken(struct queue *q, struct str lane, bool more)
{
    char  *name;

    if (q->ops->woken != NULL) {
        name = mem_copy(lane.at + 1, lane.len - 1);
        q->ops->woken(q->data, q, name, more);
        free(name);
    }
}


static void on_wake(void *data, const struct reply *reply)
{
    size_t         n = reply != NULL ? reply_count(reply) : 0;
    struct queue  *q = data;
    struct str     lane = q->waking;

    q->waking = NONE;
    come_woken(q, lane, n != 3 || reply_int(reply_at(reply, 1)) == 0);
    free((char *) lane.at);
    come_told(q, SCRIPT_WAKE, reply);
}


static void come_words(struct words *w, const struct queue *q)
{
    words_begin(w);
    words_held(w, q);
    words_add(w, STR(q->owner));
}


static void come_room(struct words *w, const struct queue *q, size_t room)
{
    words_number(w, room);
    words_number(w, room ? QUEUE_WINDOW_BYTES - q->bytes : 0);
}


static bool come_due(struct queue *q, size_t room)
{
    struct words  w;

    come_words(&w, q);
    come_room(&w, q, room);

    q->taking = words_call(&w, q, SCRIPT_DUE, on_due, q) == 0;
    if (q->taking) {
        q->due = false;
        q->promised += q->coming = room;
    }

    return q->taking;
}


static bool come_wake(struct queue *q, size_t room)
{
    struct wake   *wake = q->wakes;
    struct words   w;

    park_flush(q);      /* "none are there" has to include who is about to be */
    come_words(&w, q);
    come_room(&w, q, room);
    words_add(&w, wake->lane);
    words_number(&w, wake->n);

    q->taking = words_call(&w, q, SCRIPT_WAKE, on_wake, q) == 0;
    if (!q->taking) {
        return false;
    }

    q->promised += q->coming = room;
    q->wakes = wake->next;
    q->waking = wake->lane;
    free(wake);

    return true;
}


static void on_lanes(void *data, const struct reply *reply)
{
    size_t         i, n;
    struct str     lanes[LANES_MAX];
    struct queue  *q = data;

    q->taking = false;
    if (queue_failed(q, SCRIPT_LANES, reply)) {
        queue_step(q);
        return;
    }

    n = reply_count(reply) < LANES_MAX ? reply_count(reply) : LANES_MAX;
    for (i = 0; i < n; i++) {
        lanes[i] = reply_str(reply_at(reply, i));
        if (lanes[i].len == 0) {
            break;
        }
        if (i + 1 == LANES_MAX) {
            cursor_set(&q->lane, lanes[i]);
        }
        lanes[i].at++;
        lanes[i].len--;
    }

    q->ask_lanes = n == LANES_MAX;
    if (!q->ask_lanes) {
        cursor_set(&q->lane, NONE);
    }

    if (i > 0 && q->ops->lanes != NULL) {
        q->ops->lanes(q->data, q, lanes, i);
    }

    queue_step(q);
}


static bool come_lanes(struct queue *q)
{
    struct words  w;

    come_words(&w, q);
    words_add(&w, q->lane);
    words_number(&w, LANES_MAX);

    q->taking = words_call(&w, q, SCRIPT_LANES, on_lanes, q) == 0;

    return q->taking;
}


static void on_rebuild(void *data, const struct reply *reply)
{
    struct queue  *q = data;

    q->taking = false;
    if (!queue_failed(q, SCRIPT_REBUILD, reply) && reply_count(reply) == 2) {
        q->mend_key = (int) reply_int(reply_at(reply, 0));
        cursor_set(&q->cursor, reply_str(reply_at(reply, 1)));
        q->waiting = 1;         /* at least: ask before anything new comes */

        if (q->mend_key == 0) {
            /* none is missed where what waits stands in no line */
            log_write(str_is(q->cursor, "0") ? LOG_DEBUG : LOG_WARN,
                      "queue %s: its index of what waits was gone and is made"
                      " anew", q->keys[KEY_QUEUE]);
            cursor_set(&q->cursor, NONE);
            q->mend = MEND_SWEEP;
            q->ask_lanes = true;
        }
    }

    queue_step(q);
}


static void on_sweep(void *data, const struct reply *reply)
{
    struct queue  *q = data;

    q->taking = false;
    if (!queue_failed(q, SCRIPT_SWEEP, reply) && reply_count(reply) == 3) {
        cursor_set(&q->cursor, reply_str(reply_at(reply, 1)));
        if (reply_int(reply_at(reply, 2))) {
            queue_due_in(q, 0);
        }
        if (reply_int(reply_at(reply, 0)) < SWEEP_LINES) {
            cursor_set(&q->cursor, NONE);
            q->mend = MEND_NOTHING;
        }
    }

    queue_step(q);
}


static bool come_mend(struct queue *q)
{
    bool          lines = q->mend == MEND_LINES;
    struct words  w;

    come_words(&w, q);

    if (lines) {
        words_number(&w, q->mend_key);
        words_add(&w, q->cursor.len ? q->cursor : STR("0"));
    } else {
        words_add(&w, q->cursor);
        words_number(&w, SWEEP_LINES);
    }

    q->taking = words_call(&w, q, lines ? SCRIPT_REBUILD : SCRIPT_SWEEP,
                           lines ? on_rebuild : on_sweep, q) == 0;

    return q->taking;
}


/* queue_mend: before anything new comes; a sweep follows a rebuild anyhow */
void queue_mend(struct queue *q, enum queue_mend mend)
{
    if (q->mend != MEND_LINES) {
        q->mend = mend;
        q->mend_key = 5;        /* as rebuild.lua counts them */
        cursor_set(&q->cursor, NONE);
    }
}


/* queue_come sends the first of what is to be asked; an empty {Q}:retry and
   lanes that nobody woke cost nothing */
bool queue_come(struct queue *q)
{
    size_t  room;

    if (q->mend != MEND_NOTHING) {
        return come_mend(q);
    }

    if (q->ask_lanes) {
        return come_lanes(q);
    }

    if (q->paused || (!q->due && q->wakes == NULL)) {
        return false;
    }

    room = queue_room_back(q, 0);

    if (q->due && !q->due_nofit && room > 0) {
        return come_due(q, room);
    }

    return q->wakes != NULL && come_wake(q, room);
}


/* queue_wake: so many of that lane come back */
bool queue_wake(struct queue *q, const char *lane, size_t n)
{
    struct str    key;
    struct wake  *wake, **end = &q->wakes;

    if (n == 0 || !q->held) {
        return false;
    }

    n = n < QUEUE_WINDOW ? n : QUEUE_WINDOW;
    key = lane_key(lane);

    for (wake = q->wakes; wake != NULL; wake = wake->next) {
        if (str_equal(wake->lane, key)) {
            wake->n = wake->n > n ? wake->n : n;
            free((char *) key.at);
            return true;
        }
        end = &wake->next;
    }

    wake = mem_alloc(sizeof(*wake));
    wake->lane = key;
    wake->n = n;
    *end = wake;
    queue_want_flush(q);

    return true;
}


/* queue_come_free forgets what was to come: the next tenure asks anew */
void queue_come_free(struct queue *q)
{
    struct wake  *wake;

    while ((wake = q->wakes) != NULL) {
        q->wakes = wake->next;
        come_woken(q, wake->lane, true);
        free((char *) wake->lane.at);
        free(wake);
    }

    cursor_set(&q->cursor, NONE);
    cursor_set(&q->lane, NONE);
    q->mend = MEND_NOTHING;
    q->ask_lanes = q->due = q->due_nofit = false;
    uv_timer_stop(&q->clock);
}
