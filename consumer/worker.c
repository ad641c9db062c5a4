/* What the work of all queues shares, and its life. */

#include "work_own.h"
#include "life.h"
#include "media_fetch.h"

#include <stdlib.h>


/* desk_of: one for a list, however often its queue comes and goes */
struct desk *desk_of(struct worker *worker, const char *list, int kind)
{
    struct desk  *desk;

    for (desk = worker->desks; desk != NULL; desk = desk->next) {
        if (strcmp(desk->name, list) == 0) {
            desk->kind = kind >= 0 ? kind : desk->kind;
            return desk;
        }
    }

    desk = mem_alloc(sizeof(*desk));
    desk->worker = worker;
    desk->name = mem_copy(list, strlen(list));
    desk->kind = kind;
    desk->stats = stat_row(STATS_QUEUE, list);
    desk->next = worker->desks;
    worker->desks = desk;

    return desk;
}


static void desks_free(struct worker *worker)
{
    struct desk  *desk;

    while ((desk = worker->desks) != NULL) {
        worker->desks = desk->next;
        free(desk->name);
        free(desk);
    }
}


/* who saw the old one fail may have stopped the lane after it was renewed */
static void worker_token(void *data, struct token *t, struct token *old,
    bool renewed)
{
    struct worker  *worker = data;

    if (old != NULL && renewed) {
        limits_resume(worker->limits, t->lane);
    }
}


/* worker_start makes what all queues share */
void worker_start(struct worker *worker, const struct redis_target *target)
{
    worker->turn_end = &worker->turn;
    uv_timer_init(worker->loop, &worker->alarm);
    worker->alarm.data = worker;
    uv_timer_init(worker->loop, &worker->waiting);
    worker->waiting.data = worker;
    worker->handlers = handlers_new(graph_http(worker->graph), worker->loop);
    asks_start(worker);
    settle_start(worker, target);
    worker->tokens = tokens_new(worker->loop, worker->redis, worker->conf);
    tokens_on_change(worker->tokens, worker_token, worker);
    worker->life = life_new(worker->loop, worker->graph, worker->redis,
                            worker->tokens, worker->conf);
    worker->know = know_new(worker->loop, worker->redis);
    worker->flows = flows_new(worker->graph, worker->redis, worker->conf);
    limits_on_open(worker->limits, line_open, worker);
    graph_on_usage(worker->graph, call_usage, worker);
}


/* worker_stop ends all that is under way */
void worker_stop(struct worker *worker)
{
    worker->leaving = true;
    flows_leave(worker->flows);

    while (worker->naps != NULL) {
        work_gone(worker->naps);
    }

    while (worker->turn != NULL) {
        work_gone(worker->turn);
    }

    while (worker->waits != NULL) {
        work_gone(worker->waits);
    }

    asks_leave(worker);
    handlers_free(worker->handlers);
    assists_stop(worker);
    asks_stop(worker);
    know_leave(worker->know);
    life_leave(worker->life);
    tokens_free(worker->tokens);
    settle_stop(worker);
    know_free(worker->know);
    limits_free(worker->limits);
    fetch_leave();
    graph_free(worker->graph);
    flows_free(worker->flows);
    life_free(worker->life);
    lines_drop(worker);
    rates_free(worker);
    desks_free(worker);
    uv_close((uv_handle_t *) &worker->alarm, NULL);
    uv_close((uv_handle_t *) &worker->waiting, NULL);
}
