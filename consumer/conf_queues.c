/* The queues of the configuration: which lists each of them is. */

#include "conf_own.h"

#include <stdio.h>


#define QUEUE_PARTITIONS_MAX  256
#define CALLBACKS_LIST        "meta:callbacks"


/* queue_has says whether a list is one of the queue's */
bool queue_has(const struct conf_queue *q, const char *list)
{
    char           number[24];
    size_t         n = strlen(q->name);
    unsigned long  i;

    if (q->partitions == 1) {
        return strcmp(q->name, list) == 0;
    }

    if (strncmp(q->name, list, n) != 0 || list[n] != ':') {
        return false;
    }

    for (i = 0; i < q->partitions; i++) {
        snprintf(number, sizeof(number), "%lu", i);
        if (strcmp(list + n + 1, number) == 0) {
            return true;
        }
    }

    return false;
}


/* queues_callbacks: the edge writes there without being asked to, so it is read
   without being named, under that name or another one */
void queues_callbacks(struct conf *conf)
{
    size_t              i;
    struct conf_queue  *q = conf->queues.at;

    for (i = 0; i < conf->queues.n; i++) {
        if (q[i].kind == QUEUE_CALLBACKS || queue_has(&q[i], CALLBACKS_LIST)) {
            return;
        }
    }

    q = conf_list_add(&conf->queues, sizeof(*q));
    q->name = mem_copy(CALLBACKS_LIST, strlen(CALLBACKS_LIST));
    q->kind = QUEUE_CALLBACKS;
    q->partitions = 1;
    q->implied = true;
}


/* conf_queue judges one of "queues" */
void conf_queue(struct reader *r, yaml_node_t *node, const char *path,
    void *element)
{
    size_t              i;
    struct conf_queue  *q = element, *all = r->conf->queues.at;

    if (q->partitions == 0 || q->partitions > QUEUE_PARTITIONS_MAX) {
        conf_error(r, node, path, "partitions must be from 1 to %d",
                   QUEUE_PARTITIONS_MAX);
        return;
    }

    for (i = 0; i + 1 < r->conf->queues.n; i++) {
        if (strcmp(all[i].name, q->name) == 0) {
            conf_error(r, node, path, "\"%s\" stands there twice", q->name);
            return;
        }

        if (queue_has(&all[i], q->name) || queue_has(q, all[i].name)) {
            conf_error(r, node, path, "\"%s\" and \"%s\" have a list in"
                       " common", all[i].name, q->name);
            return;
        }
    }
}
