/* meta-consumer: the command line, signals, and the only exit. */

#include "graph.h"
#include "version.h"
#include "work.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


/* docs/consumer.md */
enum {
    EXIT_GOOD = 0,
    EXIT_CONF = 1,      /* the configuration is faulty */
    EXIT_USAGE = 2,
    EXIT_LEFT = 3       /* gone with work in flight: the next holder's */
};

#define SIGNALS  4


struct daemon {
    uv_loop_t        loop;
    const char      *file;
    struct worker    worker;
    struct queue   **queues;
    size_t           nqueues;
    size_t           gone;
    bool             draining;
    int              code;
    uv_timer_t       deadline;
    uv_signal_t      signals[SIGNALS];
};


static void on_gone(void *data)
{
    struct daemon  *d = data;

    if (++d->gone == d->nqueues) {
        uv_stop(&d->loop);
    }
}


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
    size_t  i;

    if (d->draining) {
        daemon_leave(d, "second signal");
        return;
    }

    log_write(LOG_INFO, "drains: calls on the wire finish");
    d->draining = true;
    uv_timer_start(&d->deadline, on_deadline, d->worker.conf->drain_ms, 0);

    for (i = 0; i < d->nqueues; i++) {
        queue_drain(d->queues[i]);
    }
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
    log_key(key, key != NULL ? strlen(key) : 0);
    graph_ask_pages(d->worker.http, d->worker.conf);

    for (i = 0; i < d->nqueues; i++) {
        queue_dead_max(d->queues[i], conf->dead_max);
    }
}


/* the target of Redis is the first configuration's for as long as it runs */
static void daemon_reload(struct daemon *d)
{
    char          error[CONF_ERROR_MAX];
    size_t        i;
    const char   *key;
    struct conf  *conf = conf_load(d->file, error);

    if (conf == NULL) {
        log_write(LOG_ERROR, "reload: %s; the old configuration stays",
                  error);
        return;
    }

    key = conf_moved(d->worker.conf, conf);
    if (key != NULL) {
        log_write(LOG_ERROR, "reload: %s: %s can be changed by a restart"
                  " only; the old configuration stays", d->file, key);
        conf_drop(conf);
        return;
    }

    conf_drop(d->worker.conf);
    d->worker.conf = conf;
    daemon_apply(d);
    log_write(LOG_INFO, "reload: %s is in force for events taken from now"
              " on", d->file);

    for (i = 0; i < d->nqueues; i++) {
        queue_resume(d->queues[i]);
    }
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


static void daemon_start(struct daemon *d)
{
    size_t                    i;
    const struct conf        *conf = d->worker.conf;
    const struct conf_queue  *queues = conf->queues.at;
    static const int          numbers[SIGNALS] = { SIGTERM, SIGINT, SIGQUIT,
                                                   SIGHUP };

    uv_loop_init(&d->loop);
    uv_timer_init(&d->loop, &d->deadline);
    d->deadline.data = d;

    for (i = 0; i < SIGNALS; i++) {
        uv_signal_init(&d->loop, &d->signals[i]);
        d->signals[i].data = d;
        uv_signal_start(&d->signals[i], on_signal, numbers[i]);
    }

    d->worker.http = http_new(&d->loop);
    d->worker.gone = on_gone;
    d->worker.data = d;

    d->nqueues = conf->queues.n;
    d->queues = mem_alloc(d->nqueues * sizeof(*d->queues));
    for (i = 0; i < d->nqueues; i++) {
        d->queues[i] = queue_new(&d->loop, &conf->redis, queues[i].name,
                                 &work_ops, &d->worker);
    }

    daemon_apply(d);
}


static void daemon_stop(struct daemon *d)
{
    size_t  i;

    d->worker.leaving = true;

    for (i = 0; i < d->nqueues; i++) {
        queue_free(d->queues[i]);
    }

    http_free(d->worker.http);
    uv_close((uv_handle_t *) &d->deadline, NULL);

    for (i = 0; i < SIGNALS; i++) {
        uv_close((uv_handle_t *) &d->signals[i], NULL);
    }

    uv_run(&d->loop, UV_RUN_DEFAULT);
    uv_loop_close(&d->loop);
    free(d->queues);
}


static int daemon_run(const char *file, struct conf *conf)
{
    struct conf       *first = conf_hold(conf);
    struct daemon      d = { .file = file, .worker = { .conf = conf } };
    struct sigaction   ignore = { .sa_handler = SIG_IGN };

    sigaction(SIGPIPE, &ignore, NULL);
    daemon_start(&d);
    log_write(LOG_INFO, "meta-consumer %s runs with %s", VERSION, file);

    uv_run(&d.loop, UV_RUN_DEFAULT);

    daemon_stop(&d);
    log_write(LOG_INFO, "gone");
    conf_drop(d.worker.conf);
    conf_drop(first);

    return d.code;
}


static int usage(FILE *to)
{
    fputs("meta-consumer " VERSION ": works events off Redis and answers"
          " them through Meta's Graph API\n"
          "\n"
          "  meta-consumer -c FILE      run with this configuration\n"
          "  meta-consumer -t -c FILE   test it and say what is wrong\n"
          "  meta-consumer -v           version\n"
          "  meta-consumer -h           this\n", to);

    return to == stdout ? EXIT_GOOD : EXIT_USAGE;
}


int main(int argc, char **argv)
{
    int           c;
    char          error[CONF_ERROR_MAX];
    bool          test = false;
    const char   *file = NULL;
    struct conf  *conf;

    while ((c = getopt(argc, argv, "c:tvh")) != -1) {
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

    conf = conf_load(file, error);
    if (conf == NULL) {
        fprintf(stderr, "meta-consumer: %s\n", error);
        return EXIT_CONF;
    }

    if (test) {
        fprintf(stderr, "meta-consumer: the configuration %s is good\n",
                file);
        conf_drop(conf);
        return EXIT_GOOD;
    }

    return daemon_run(file, conf);
}
