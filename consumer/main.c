/* meta-consumer: the command line, signals, and the only exit. */

#include "auth.h"
#include "fleet.h"
#include "graph.h"
#include "life.h"
#include "metrics.h"
#include "notify.h"
#include "stats.h"
#include "token.h"
#include "version.h"
#include "work.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>


/* docs/consumer.md */
enum {
    EXIT_GOOD = 0,
    EXIT_CONF = 1,      /* the configuration is faulty */
    EXIT_USAGE = 2,
    EXIT_LEFT = 3       /* gone with work in flight: the next holder's */
};

#define SIGNALS  4

/* who owns a token is asked again: soon, then half as often each time */
#define OWNERS_SOON_MS  1000
#define OWNERS_LATE_MS  (3600 * 1000)


struct daemon {
    uv_loop_t        loop;
    const char      *file;
    struct conf     *first;     /* whose Redis is used for as long as it runs */
    struct worker    worker;
    struct queue_house   house;
    struct fleet    *fleet;
    struct auth     *auth;      /* NULL: nobody can log in */
    struct metrics  *metrics;   /* NULL: nobody asks */
    struct notify   *notify;    /* likewise */
    bool             draining;
    bool             fleet_gone;
    bool             flows_gone;
    int              code;
    uv_timer_t       deadline;
    uv_timer_t       owners;
    uint64_t         owners_ms;
    uv_prepare_t     turn;
    uv_signal_t      signals[SIGNALS];
};


static void on_gone(void *data, struct desk *desk)
{
    struct daemon  *d = data;

    (void) desk;
    fleet_gone(d->fleet);
}


static void on_tokens_gone(void *data)
{
    struct daemon  *d = data;

    uv_stop(&d->loop);
}


/* what was renewed meanwhile may be kept: tokens come last */
static void on_life_gone(void *data)
{
    struct daemon  *d = data;

    tokens_drain(d->worker.tokens, on_tokens_gone, d);
}


static void daemon_gone(struct daemon *d)
{
    if (d->fleet_gone && d->flows_gone) {
        life_drain(d->worker.life, on_life_gone, d);
    }
}


static void on_fleet_gone(void *data)
{
    struct daemon  *d = data;

    d->fleet_gone = true;
    daemon_gone(d);
}


static void on_flows_gone(void *data)
{
    struct daemon  *d = data;

    d->flows_gone = true;
    daemon_gone(d);
}


/* what was taken last begins before it is asked whether all have ended */
static void on_auth_gone(void *data)
{
    struct daemon  *d = data;

    flows_drain(d->worker.flows, on_flows_gone, d);
}


/* a pause of a queue's name is one of all its partitions; as long as nobody
   knows all are paused */
static bool paused(const struct daemon *d, const char *list)
{
    char         name[256];
    const char  *end = strrchr(list, ':');

    if (!limits_known(d->worker.limits) || !tokens_known(d->worker.tokens)
        || limits_queue_paused(d->worker.limits, list))
    {
        return true;
    }

    if (end == NULL || end[1] == '\0'
        || end[1 + strspn(end + 1, "0123456789")] != '\0'
        || (size_t) (end - list) >= sizeof(name))
    {
        return false;
    }

    memcpy(name, list, end - list);
    name[end - list] = '\0';

    return limits_queue_paused(d->worker.limits, name);
}


static void set_queue(void *data, struct queue *q)
{
    const struct daemon  *d = data;

    queue_dead_max(q, d->worker.conf->dead_max);
    queue_waiting_max(q, d->worker.conf->waiting_max);
    queue_dead_keep(q, d->worker.conf->dead_ms);
    queue_seen_max(q, d->worker.conf->seen_max);
    queue_keep(q, d->worker.conf->keep_ms);
    queue_pause(q, paused(d, queue_name(q)));
}


static struct queue *on_make(void *data, const struct conf_queue *conf,
    const char *list)
{
    struct daemon  *d = data;
    struct desk    *desk = desk_of(&d->worker, list, conf->kind);

    desk->queue = queue_new(&d->loop, &d->first->redis, list, &d->house,
                            false, &work_ops, desk);
    set_queue(d, desk->queue);

    return desk->queue;
}


static void on_drop(void *data, struct queue *q)
{
    struct daemon  *d = data;

    desk_of(&d->worker, queue_name(q), -1)->queue = NULL;
}


static void on_pause(void *data, const char *queue, bool begins)
{
    struct daemon  *d = data;

    (void) queue;
    (void) begins;
    fleet_each(d->fleet, set_queue, d);
}


/* nothing begins before it is known what may be sent */
static void on_tokens(void *data)
{
    struct daemon  *d = data;

    on_pause(data, NULL, false);
    auth_wake(d->auth);
}


static const struct fleet_ops  fleet_ops = {
    .make = on_make,
    .drop = on_drop,
    .gone = on_fleet_gone
};


static void daemon_leave(struct daemon *d, const char *why)
{
    log_write(LOG_WARN, "%s: leaving; what is in flight stays there for the"
              " next holder", why);
    d->code = EXIT_LEFT;
    uv_stop(&d->loop);
}


static void on_deadline(uv_timer_t *timer)
{
    daemon_leave(timer->data, "drain_timeout is over");
}


static void daemon_drain(struct daemon *d)
{
    if (d->draining) {
        daemon_leave(d, "second signal");
        return;
    }

    log_write(LOG_INFO, "drains: calls on the wire finish");
    d->draining = true;
    notify_stopping(d->notify, d->worker.conf->drain_ms);
    uv_timer_start(&d->deadline, on_deadline, d->worker.conf->drain_ms, 0);
    life_rest(d->worker.life);
    fleet_drain(d->fleet);

    if (d->auth != NULL) {
        auth_drain(d->auth, on_auth_gone, d);
    } else {
        on_auth_gone(d);
    }
}


struct census {
    size_t  queues;
    size_t  held;
    size_t  window;
};


static void census_each(void *data, struct queue *q)
{
    struct census       *c = data;
    struct queue_stats   stats;
    struct stat_row     *row = stat_row(STATS_QUEUE, queue_name(q));

    queue_stats(q, &stats);
    c->queues++;
    c->held += stats.held;
    c->window += stats.n;

    stat_row_set(row, STAT_QUEUE_HELD, stats.held);
    stat_row_set(row, STAT_QUEUE_PAUSED, stats.paused);
    stat_row_set(row, STAT_QUEUE_FULL, stats.full);
    stat_row_set(row, STAT_QUEUE_WINDOW, stats.n);
    stat_row_set(row, STAT_QUEUE_WINDOW_BYTES, stats.bytes);
    stat_row_set(row, STAT_QUEUE_SEEN_SINCE, stats.seen_since
                 ? stats.seen_since / 1000 : STAT_UNKNOWN);
}


/* also what another one holds, or nobody */
static void metrics_each(void *data, const char *name, struct queue *q)
{
    struct stat_row  *row = stat_row(STATS_QUEUE, name);

    if (q == NULL) {
        stat_row_set(row, STAT_QUEUE_HELD, 0);
        stat_row_set(row, STAT_QUEUE_PAUSED, 0);
        stat_row_set(row, STAT_QUEUE_FULL, 0);
        stat_row_set(row, STAT_QUEUE_WINDOW, 0);
        stat_row_set(row, STAT_QUEUE_WINDOW_BYTES, 0);
        stat_row_set(row, STAT_QUEUE_SEEN_SINCE, STAT_UNKNOWN);
    }

    metrics_queue(data, name);
}


static void on_metrics(void *data, struct metrics *m)
{
    struct census   c = { 0 };
    struct daemon  *d = data;

    fleet_each(d->fleet, census_each, &c);
    fleet_lists(d->fleet, metrics_each, m);
    limits_gauges(d->worker.limits);
    life_metrics(d->worker.life);
}


/* for `systemctl status` */
static void on_status(void *data, char status[NOTIFY_STATUS_MAX])
{
    struct census   c = { 0 };
    struct daemon  *d = data;

    fleet_each(d->fleet, census_each, &c);
    snprintf(status, NOTIFY_STATUS_MAX, "%sholds %zu of %zu queues, %zu"
             " events in work", stat_get(STAT_REDIS_UP) ? ""
             : "Redis is away; ", c.held, c.queues, c.window);
}


static void daemon_metrics(struct daemon *d, const struct conf_listen *from,
    const struct conf_listen *to)
{
    if (from != NULL && listen_same(from, to)) {
        return;
    }

    metrics_free(d->metrics);
    d->metrics = to->on ? metrics_new(&d->loop, to, &d->first->redis,
                                      on_metrics, d)
                 : NULL;
}


static void on_owners(uv_timer_t *timer)
{
    struct daemon  *d = timer->data;

    if (d->draining || graph_ask_owners(d->worker.graph, d->worker.conf) == 0)
    {
        return;
    }

    uv_timer_start(timer, on_owners, d->owners_ms, 0);
    d->owners_ms = d->owners_ms * 2 < OWNERS_LATE_MS ? d->owners_ms * 2
                   : OWNERS_LATE_MS;
}


/* settings that may change while it runs */
static void daemon_apply(struct daemon *d)
{
    size_t                  i;
    const struct conf      *conf = d->worker.conf;
    const struct conf_app  *apps = conf->apps.at;
    const char             *key = NULL;

    for (i = 0; i < conf->apps.n && key == NULL; i++) {
        key = apps[i].secret;
    }

    log_level(conf->log_level);
    log_format(conf->log_format);
    log_key(key, key != NULL ? strlen(key) : 0);
    limits_conf(d->worker.limits, conf);
    tokens_conf(d->worker.tokens, d->worker.conf);
    flows_conf(d->worker.flows, d->worker.conf);
    life_conf(d->worker.life, d->worker.conf);
    d->owners_ms = OWNERS_SOON_MS;
    on_owners(&d->owners);
    fleet_each(d->fleet, set_queue, d);
    fleet_conf(d->fleet, d->worker.conf);

    if (d->auth == NULL && conf->token_keys != NULL && !d->draining) {
        d->auth = auth_new(&d->loop, &d->first->redis, d->worker.flows);
    }
}


static void reload_read(struct daemon *d)
{
    char          error[CONF_ERROR_MAX];
    const char   *key;
    struct conf  *conf = conf_load(d->file, true, error);

    if (conf == NULL) {
        stat_add(STAT_RELOADS_FAILED, 1);
        log_write(LOG_ERROR, "reload: %s; the old configuration stays",
                  error);
        return;
    }

    key = conf_moved(d->worker.conf, conf);
    if (key != NULL) {
        stat_add(STAT_RELOADS_FAILED, 1);
        log_write(LOG_ERROR, "reload: %s: %s can be changed by a restart"
                  " only; the old configuration stays", d->file, key);
        conf_drop(conf);
        return;
    }

    stat_add(STAT_RELOADS, 1);
    daemon_metrics(d, &d->worker.conf->metrics, &conf->metrics);
    conf_redis_renew(&d->first->redis, &conf->redis);
    conf_drop(d->worker.conf);
    d->worker.conf = conf;
    daemon_apply(d);
    log_write(LOG_INFO, "reload: %s is in force for events taken from now"
              " on", d->file);
}


static void daemon_reload(struct daemon *d)
{
    if (d->draining) {
        reload_read(d);
        return;
    }

    notify_reloading(d->notify);
    reload_read(d);
    notify_ready(d->notify);
}


static void on_signal(uv_signal_t *handle, int signal)
{
    struct daemon  *d = handle->data;

    if (signal == SIGHUP) {
        daemon_reload(d);
    } else {
        daemon_drain(d);
    }
}


/* the loop is about to wait */
static void on_wait(uv_prepare_t *turn)
{
    (void) turn;

    log_flush();
}


static void daemon_start(struct daemon *d)
{
    size_t            i;
    static const int  numbers[SIGNALS] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP };

    uv_loop_init(&d->loop);
    uv_timer_init(&d->loop, &d->deadline);
    d->deadline.data = d;
    uv_timer_init(&d->loop, &d->owners);
    d->owners.data = d;
    uv_prepare_init(&d->loop, &d->turn);
    uv_prepare_start(&d->turn, on_wait);
    uv_unref((uv_handle_t *) &d->turn);
    log_hold(true);

    for (i = 0; i < SIGNALS; i++) {
        uv_signal_init(&d->loop, &d->signals[i]);
        d->signals[i].data = d;
        uv_signal_start(&d->signals[i], on_signal, numbers[i]);
    }

    d->worker.loop = &d->loop;
    d->worker.graph = graph_new(&d->loop);
    d->worker.limits = limits_new(&d->loop, &d->first->redis, d->first);
    d->notify = notify_new(&d->loop, on_status, d);
    d->worker.gone = on_gone;
    d->worker.data = d;
    worker_start(&d->worker, &d->first->redis);

    limits_on_pause(d->worker.limits, on_pause, d);
    tokens_on_known(d->worker.tokens, on_tokens, d);
    d->fleet = fleet_new(&d->loop, &d->first->redis, &d->house, &fleet_ops, d);

    daemon_apply(d);
    daemon_metrics(d, NULL, &d->first->metrics);
    stat_set(STAT_START, time(NULL));
}


static void daemon_stop(struct daemon *d)
{
    size_t  i;

    d->worker.leaving = true;
    uv_close((uv_handle_t *) &d->owners, NULL);
    auth_free(d->auth);
    fleet_free(d->fleet);
    worker_stop(&d->worker);
    metrics_free(d->metrics);
    notify_free(d->notify);
    uv_close((uv_handle_t *) &d->deadline, NULL);
    uv_close((uv_handle_t *) &d->turn, NULL);
    log_hold(false);

    for (i = 0; i < SIGNALS; i++) {
        uv_close((uv_handle_t *) &d->signals[i], NULL);
    }

    uv_run(&d->loop, UV_RUN_DEFAULT);
    uv_loop_close(&d->loop);
}


static int daemon_run(const char *file, struct conf *conf)
{
    struct daemon      d = { .file = file, .first = conf_hold(conf),
                             .worker = { .conf = conf } };
    struct sigaction   ignore = { .sa_handler = SIG_IGN };

    sigaction(SIGPIPE, &ignore, NULL);
    daemon_start(&d);
    log_write(LOG_INFO, "meta-consumer %s runs with %s", VERSION, file);
    notify_ready(d.notify);

    uv_run(&d.loop, UV_RUN_DEFAULT);

    daemon_stop(&d);
    log_write(LOG_INFO, "gone");
    conf_drop(d.worker.conf);
    conf_drop(d.first);

    return d.code;
}


static void test_good(const char *file, const struct conf *conf)
{
    size_t                   i;
    const struct conf_from  *from = conf->filled.at;

    fprintf(stderr, "meta-consumer: the configuration %s is good\n", file);

    for (i = 0; i < conf->filled.n; i++) {
        fprintf(stderr, "meta-consumer: %s comes from %s\n", from[i].key,
                from[i].variable);
    }

    for (i = 0; i < conf->warnings.n; i++) {
        fprintf(stderr, "meta-consumer: %s\n",
                ((char **) conf->warnings.at)[i]);
    }
}


static int usage(FILE *to)
{
    fputs("meta-consumer " VERSION ": works events off Redis and answers"
          " them through Meta's Graph API\n"
          "\n"
          "  meta-consumer -c FILE      run with this configuration\n"
          "  meta-consumer -t -c FILE   test it and say what is wrong\n"
          "  meta-consumer -v, --version\n"
          "  meta-consumer -h, --help   this\n", to);

    return to == stdout ? EXIT_GOOD : EXIT_USAGE;
}


int main(int argc, char **argv)
{
    int           c;
    char          error[CONF_ERROR_MAX];
    bool          test = false;
    const char   *file = NULL;
    struct conf  *conf;

    static const struct option  names[] = {
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'v' },
        { NULL, 0, NULL, 0 }
    };

    mem_private();

    while ((c = getopt_long(argc, argv, "c:tvh", names, NULL)) != -1) {
        switch (c) {

        case 'c':
            file = optarg;
            break;

        case 't':
            test = true;
            break;

        case 'v':
            puts("meta-consumer " VERSION);
            return EXIT_GOOD;

        case 'h':
            return usage(stdout);

        default:
            return usage(stderr);
        }
    }

    if (file == NULL || optind != argc) {
        return usage(stderr);
    }

    conf = conf_load(file, true, error);
    if (conf == NULL) {
        fprintf(stderr, "meta-consumer: %s\n", error);
        return EXIT_CONF;
    }

    if (test) {
        test_good(file, conf);
        conf_drop(conf);
        return EXIT_GOOD;
    }

    return daemon_run(file, conf);
}
