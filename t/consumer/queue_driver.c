/* Drives the consumer's queue without its engine: each record says what is to
   become of it.

     queue_driver SOCKET FIFO [option...] QUEUE...

   A record is {"id":"x","keys":["a"],"do":["sleep 20","retry 300",...]}; its
   steps run one after another, and its state is the number of the next:
     sleep MS | retry MS | loose MS | hold LANE | holdwake LANE | mark
     push LIST | crash | dead | unmatched | pass LIST | result LIST | forget
     expired
   Without one of the ends behind them it was worked.  "open crash" as the
   first crashes when it is opened, or buried.  FIFO takes lines:
     wake QUEUE LANE N | pause QUEUE | go QUEUE | claim QUEUE | yield QUEUE
     stats QUEUE | drain | hasten, which ends every sleep
   Each begin and end is a line of standard output. */

#include "consumer/json.h"
#include "consumer/letter.h"
#include "consumer/log.h"
#include "consumer/queue.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


#define QUEUES_MAX  16


struct work {
    struct item      *item;
    struct json_doc  *doc;
    size_t            at;
    uv_timer_t        timer;
    bool              result;
};

static uv_loop_t           loop;
static struct queue_house  house;
static struct queue       *queues[QUEUES_MAX];
static size_t              nqueues, ngone, nwork;
static bool                dedupe;
static bool                leaving;
static char                fifo_text[4096];
static size_t              fifo_len;


static void work_next(struct work *w);


static void say(const char *format, ...)
{
    int      n;
    char     text[1024];
    va_list  args;

    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    if (write(1, text, n) != n) {
        abort();
    }
}


static struct str work_id(const struct work *w)
{
    return json_get_text(json_root(w->doc), "id");
}


static void on_closed(uv_handle_t *handle)
{
    struct work  *w = handle->data;

    json_free(w->doc);
    free(w);
}


static void work_free(struct work *w)
{
    w->item->work = NULL;
    nwork--;
    uv_close((uv_handle_t *) &w->timer, on_closed);
}


static struct str state_of(const struct work *w, char text[64])
{
    snprintf(text, 64, "{\"v\":1,\"at\":%zu}", w->at);

    return STR(text);
}


static void on_mark(void *data, bool ok)
{
    struct work  *w = data;
    struct str    id = work_id(w);

    if (!ok) {
        say("unmarked %.*s\n", (int) id.len, id.at);
        w->item = &(struct item) { .work = NULL };
        work_free(w);
        return;
    }

    work_next(w);
}


static void on_sleep(uv_timer_t *timer)
{
    work_next(timer->data);
}


static void hasten(uv_handle_t *handle, void *data)
{
    uv_timer_t  *timer = (uv_timer_t *) handle;

    (void) data;

    if (handle->type == UV_TIMER && uv_is_active(handle)
        && timer->timer_cb == on_sleep)
    {
        uv_timer_start(timer, on_sleep, 0, 0);
    }
}


static void work_end(struct work *w, const char *how, const char *arg)
{
    struct item    *item = w->item;
    struct str      id = work_id(w);
    enum outcome    outcome = OUTCOME_WORKED;
    struct letter   letter = { .reason = "test" };
    struct queue_push  push = { .list = arg, .value = id, .max = 3,
                                .ttl_ms = 60000 };

    if (item->queue == NULL) {
        how = "lost";
    } else if (strcmp(how, "dead") == 0) {
        outcome = OUTCOME_DEAD;
        letter_write(&letter, item);
    } else if (strcmp(how, "unmatched") == 0) {
        outcome = OUTCOME_UNMATCHED;
    } else if (strcmp(how, "expired") == 0) {
        outcome = OUTCOME_EXPIRED;
    } else if (strcmp(how, "pass") == 0) {
        outcome = OUTCOME_PASSED;
        item->list = mem_copy(arg, strlen(arg));
    } else if (strcmp(how, "result") == 0) {
        queue_end_push(item, &push);
    } else if (strcmp(how, "forget") == 0) {
        queue_end_seen(item, false);
    }

    say("end %.*s %s\n", (int) id.len, id.at, how);
    work_free(w);
    queue_done(item, outcome);
}


/* true: it goes on by itself later, or has ended */
static bool work_step(struct work *w, char *step)
{
    char               state[64];
    struct item       *item = w->item;
    struct queue      *q;
    char              *arg = strchr(step, ' ');
    struct queue_push  push = { .value = work_id(w) };

    if (arg != NULL) {
        *arg++ = '\0';
    }

    w->at++;

    if (strcmp(step, "sleep") == 0) {
        uv_timer_start(&w->timer, on_sleep, strtoul(arg, NULL, 10), 0);

    } else if (strcmp(step, "mark") == 0) {
        queue_mark(item, state_of(w, state), NULL, 0, on_mark, w);

    } else if (strcmp(step, "push") == 0) {
        push.list = arg;
        queue_mark(item, state_of(w, state), &push, 1, on_mark, w);

    } else if (strcmp(step, "retry") == 0 || strcmp(step, "loose") == 0) {
        state_of(w, state);
        work_free(w);
        queue_retry(item, strtoul(arg, NULL, 10), strcmp(step, "loose") == 0,
                    STR(state));

    } else if (strcmp(step, "hold") == 0 || strcmp(step, "holdwake") == 0) {
        q = item->queue;
        state_of(w, state);
        work_free(w);
        queue_hold(item, arg, STR(state));
        if (strcmp(step, "holdwake") == 0 && q != NULL) {
            queue_wake(q, arg, 1);
        }

    } else if (strcmp(step, "crash") == 0) {
        kill(getpid(), SIGKILL);

    } else {
        work_end(w, step, arg);
    }

    return true;
}


static void work_next(struct work *w)
{
    char                step[256];
    size_t              n = w->at;
    struct str          text;
    const struct json  *j = json_get(json_root(w->doc), "do");

    if (!queue_may_send(w->item)) {
        if (w->item->queue == NULL) {
            work_end(w, "lost", NULL);
        }
        return;
    }

    if (w->at > 0 && queue_leaving(w->item->queue)) {
        struct item  *item = w->item;

        snprintf(step, sizeof(step), "{\"v\":1,\"at\":%zu}", w->at);
        work_free(w);
        queue_retry(item, 0, false, STR(step));
        return;
    }

    for (j = j != NULL ? j->child : NULL; j != NULL && n > 0; j = j->next) {
        n--;
    }

    if (j == NULL) {
        work_end(w, "worked", NULL);
        return;
    }

    text = json_text(j);
    snprintf(step, sizeof(step), "%.*s", (int) text.len, text.at);
    work_step(w, step);
}


static struct work *work_new(struct item *item)
{
    struct work  *w = mem_alloc(sizeof(*w));

    w->item = item;
    w->doc = json_parse(item->record.at, item->record.len, 1 << 24);
    uv_timer_init(&loop, &w->timer);
    w->timer.data = w;
    item->work = w;
    nwork++;

    return w;
}


static enum open_rc on_open(void *data, struct item *item)
{
    size_t              n = 0;
    struct str          keys[64], first;
    unsigned char       hash[SEEN_LEN];
    struct work        *w = work_new(item);
    const struct json  *j = json_get(json_root(w->doc), "keys");

    (void) data;

    if (json_get(json_root(w->doc), "newer") != NULL) {
        work_free(w);
        return OPEN_NEWER;
    }

    for (j = j != NULL ? j->child : NULL; j != NULL && n < 64; j = j->next) {
        keys[n++] = json_text(j);
    }

    first = NONE;
    j = json_get(json_root(w->doc), "do");
    if (j != NULL && j->child != NULL) {
        first = json_text(j->child);
    }
    if (str_is(first, "open crash")) {
        kill(getpid(), SIGKILL);
    }

    queue_lines(item, keys, n);

    if (dedupe) {
        seen_hash(hash, queue_seen_key(item->queue), STR("app"), STR("object"),
                  STR("entry"), work_id(w));
        queue_ids(item, &hash, 1);
    }

    work_free(w);

    return OPEN_OK;
}


static void on_run(void *data, struct item *item)
{
    struct str    id;
    const char   *at;
    struct work  *w = item->work;

    (void) data;

    if (w != NULL) {
        work_next(w);
        return;
    }

    w = work_new(item);
    if (item->state.len) {
        at = memmem(item->state.at, item->state.len, "\"at\":", 5);
        w->at = at != NULL ? strtoul(at + 5, NULL, 10) : 0;
    }

    id = work_id(w);
    say("begin %.*s at=%zu crashes=%u %s\n", (int) id.len, id.at, w->at,
        item->crashes, item->fresh ? "fresh" : "again");
    work_next(w);
}


static void on_forget(void *data, struct item *item)
{
    (void) data;

    if (item->work != NULL) {
        work_free(item->work);
    }
}


static void on_duplicate(void *data, struct item *item)
{
    struct work  *w = work_new(item);
    struct str    id = work_id(w);

    (void) data;
    say("duplicate %.*s\n", (int) id.len, id.at);
    work_free(w);
}


static void on_poison(void *data, struct item *item, const char *why)
{
    struct work        *w = work_new(item);
    struct str          id = work_id(w);
    struct letter       letter = { .reason = "poison", .answer = why };
    const struct json  *j = json_get(json_root(w->doc), "do");

    (void) data;

    if (j != NULL && j->child != NULL
        && str_is(json_text(j->child), "open crash"))
    {
        kill(getpid(), SIGKILL);
    }

    say("poison %.*s at=%zu %s\n", (int) id.len, id.at, item->state.len, why);
    letter_write(&letter, item);
    work_free(w);
    queue_done(item, OUTCOME_DEAD);
}


static bool may_alone(void *data)
{
    (void) data;

    return nwork == 0;
}


static void on_lanes(void *data, struct queue *q, const struct str *lanes,
    size_t n)
{
    size_t  i;

    (void) data;

    for (i = 0; i < n; i++) {
        say("lane %s %.*s\n", queue_name(q), (int) lanes[i].len, lanes[i].at);
    }
}


static void on_gone(void *data)
{
    (void) data;

    if (++ngone == nqueues) {
        uv_stop(&loop);
    }
}


static const struct queue_ops  ops = {
    .open = on_open, .run = on_run, .forget = on_forget,
    .duplicate = on_duplicate, .poison = on_poison, .may_alone = may_alone,
    .lanes = on_lanes, .gone = on_gone
};


static void drain(void)
{
    size_t  i;

    if (leaving) {
        uv_stop(&loop);
        return;
    }

    leaving = true;
    for (i = 0; i < nqueues; i++) {
        queue_drain(queues[i]);
    }
}


static void on_term(uv_signal_t *handle, int signal)
{
    (void) handle;
    (void) signal;
    drain();
}


static void stats(const struct queue *q)
{
    struct queue_stats  s;

    queue_stats(q, &s);
    say("stats %s n=%zu running=%zu held=%d waiting=%lu paused=%d since=%d\n",
        queue_name(q), s.n, s.running, s.held, s.waiting, s.paused,
        s.seen_since > 0);
}


static void command(char *line)
{
    int            n = 0;
    char           verb[32] = "", name[64] = "", lane[256] = "";
    size_t         i;
    struct queue  *q = NULL;

    sscanf(line, "%31s %63s %255s %d", verb, name, lane, &n);

    for (i = 0; i < nqueues; i++) {
        q = strcmp(queue_name(queues[i]), name) == 0 ? queues[i] : q;
    }

    if (strcmp(verb, "drain") == 0) {
        drain();
    } else if (strcmp(verb, "hasten") == 0) {
        uv_walk(&loop, hasten, NULL);
    } else if (q == NULL) {
        say("no such queue: %s\n", line);
    } else if (strcmp(verb, "wake") == 0) {
        queue_wake(q, lane, n);
    } else if (strcmp(verb, "claim") == 0) {
        queue_claim(q);
    } else if (strcmp(verb, "yield") == 0) {
        queue_yield(q);
    } else if (strcmp(verb, "stats") == 0) {
        stats(q);
    } else {
        queue_pause(q, strcmp(verb, "pause") == 0);
    }
}


static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *bytes)
{
    (void) handle;
    (void) size;
    *bytes = uv_buf_init(fifo_text + fifo_len,
                         sizeof(fifo_text) - 1 - fifo_len);
}


static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    char  *end;

    (void) stream;
    (void) bytes;

    if (n <= 0) {
        return;
    }

    fifo_len += n;
    fifo_text[fifo_len] = '\0';

    while ((end = strchr(fifo_text, '\n')) != NULL) {
        *end++ = '\0';
        command(fifo_text);
        fifo_len -= end - fifo_text;
        memmove(fifo_text, end, fifo_len + 1);
    }
}


int main(int argc, char **argv)
{
    int                  i;
    bool                 claim = true;
    uv_pipe_t            fifo;
    uv_signal_t          term;
    unsigned long        keep = 0, seen_max = 0;
    struct redis_target  target = { .path = argv[1] };

    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&loop);
    uv_signal_init(&loop, &term);
    uv_signal_start(&term, on_term, SIGTERM);
    uv_pipe_init(&loop, &fifo, 0);
    uv_pipe_open(&fifo, open(argv[2], O_RDWR | O_NONBLOCK));
    uv_read_start((uv_stream_t *) &fifo, on_alloc, on_read);

    for (i = 3; i < argc; i++) {
        if (strcmp(argv[i], "--standby") == 0) {
            claim = false;
        } else if (strcmp(argv[i], "--dedupe") == 0) {
            dedupe = true;
        } else if (strcmp(argv[i], "--keep") == 0) {
            keep = strtoul(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--seen-max") == 0) {
            seen_max = strtoul(argv[++i], NULL, 10);
        } else {
            queues[nqueues] = queue_new(&loop, &target, argv[i], &house, claim,
                                        &ops, NULL);
            queue_dead_max(queues[nqueues], 100000);
            queue_keep(queues[nqueues], keep);
            if (seen_max) {
                queue_seen_max(queues[nqueues], seen_max);
            }
            nqueues++;
        }
    }

    uv_run(&loop, UV_RUN_DEFAULT);

    for (i = 0; i < (int) nqueues; i++) {
        queue_free(queues[i]);
    }
    if (ngone < nqueues) {
        _exit(3);               /* what is at work stays so */
    }

    uv_close((uv_handle_t *) &term, NULL);
    uv_close((uv_handle_t *) &fifo, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);

    return 0;
}
