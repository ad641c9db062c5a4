/* How fast a WhatsApp number may send: 80 messages a second until Meta says
   more (meta-webhooks-and-messaging.md 7.5 and 10.1). */

#include "work_own.h"

#include <stdio.h>
#include <stdlib.h>


#define RATE_AGAIN_MS  86400000
#define RATE_HIGH      1000
#define RATE_NUMBERS   10000        /* more are not asked about */


/* a number that was asked about */
struct rate_asked {
    struct rate_asked  *next;
    char                name[LANE_NAME_MAX];
    uint64_t            again;      /* ms of the loop */
};

struct rate_call {
    struct worker  *worker;
    struct conf    *conf;           /* holds the token */
    char            name[LANE_NAME_MAX];
};


static void on_rate(void *data, const struct verdict *v)
{
    struct str         level;
    struct rate_call  *call = data;

    call->worker->heard.n = 0;      /* its lanes are none of a step's */
    level = json_text(json_path(v->root, "throughput", "level"));

    if (v->rc != GRAPH_OK) {
        log_write(LOG_WARN, "lane %s: its throughput cannot be asked"
                  " (reason=%s status=%ld code=%lld); 80 a second stay",
                  call->name, graph_reason(v->rc), v->status, v->code);

    } else if (str_is(level, "HIGH") && !call->worker->leaving) {
        log_write(LOG_INFO, "lane %s: %d messages a second, says Meta",
                  call->name, RATE_HIGH);
        limits_rate(call->worker->limits, call->name, RATE_HIGH);
    }

    conf_drop(call->conf);
    free(call);
}


/* true: it is time to ask */
static bool rate_due(struct worker *worker, const char *name)
{
    size_t              n = 0;
    struct rate_asked  *a;

    for (a = worker->rates; a != NULL; a = a->next, n++) {
        if (strcmp(a->name, name) == 0) {
            break;
        }
    }

    if (a == NULL) {
        if (n == RATE_NUMBERS) {
            return false;
        }

        a = mem_alloc(sizeof(*a));
        snprintf(a->name, sizeof(a->name), "%s", name);
        a->next = worker->rates;
        worker->rates = a;

    } else if (uv_now(worker->loop) < a->again) {
        return false;
    }

    a->again = uv_now(worker->loop) + RATE_AGAIN_MS;

    return true;
}


/* rate_ask asks Meta for the rate of a number that has to wait for it, once a
   day */
void rate_ask(struct work *w, const struct lane *lane)
{
    struct buf          path;
    struct rate_call   *call;
    struct graph_call   graph = {
        .method = HTTP_GET, .host = GRAPH_FACEBOOK,
        .product = PRODUCT_WHATSAPP, .query = STR("fields=throughput"),
        .body = NONE, .idempotent = true, .token = w->token, .app = w->app
    };

    if (lane->kind != LANE_PHONE || w->token == NULL
        || !rate_due(w->worker, lane->name))
    {
        return;
    }

    call = mem_alloc(sizeof(*call));
    call->worker = w->worker;
    call->conf = conf_hold(w->conf);
    snprintf(call->name, sizeof(call->name), "%s", lane->name);

    buf_init(&path, 256);
    buf_str(&path, w->target.account);
    graph.path = (struct str) { path.at, path.len };

    if (graph_start(w->worker->graph, w->conf, &graph, on_rate, call)
        != NULL)
    {
        conf_drop(call->conf);
        free(call);
    }

    buf_free(&path);
}


/* rates_free forgets who was asked about */
void rates_free(struct worker *worker)
{
    struct rate_asked  *a;

    while ((a = worker->rates) != NULL) {
        worker->rates = a->next;
        free(a);
    }
}
