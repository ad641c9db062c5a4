/* Which lists the configured queues consist of: as many as the edge says in
   NAME:partitions, else as many as the configuration says. */

#include "fleet_own.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>


static int list_order(const char *a, struct str b)
{
    size_t  n = strlen(a);
    int     order = memcmp(a, b.at, n < b.len ? n : b.len);

    return order ? order : (n > b.len) - (n < b.len);
}


/* where it stands, or should */
static size_t list_place(const struct fleet *f, struct str name)
{
    size_t  low = 0, high = f->nlists, middle;

    while (low < high) {
        middle = low + (high - low) / 2;
        if (list_order(f->lists[middle]->name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }

    return low;
}


/* fleet_find returns a list that we know, or NULL */
struct fleet_list *fleet_find(const struct fleet *f, struct str name)
{
    size_t  i = list_place(f, name);

    return i < f->nlists && list_order(f->lists[i]->name, name) == 0
           ? f->lists[i] : NULL;
}


/* fleet_list returns the list of that name, made if need be */
struct fleet_list *fleet_list(struct fleet *f, const char *name, size_t queue)
{
    size_t              i = list_place(f, STR(name));
    const char         *of = f->queues[queue].conf->name;
    struct fleet_list  *list;

    if (i < f->nlists && strcmp(f->lists[i]->name, name) == 0) {
        list = f->lists[i];
        free(list->of);

    } else {
        list = mem_alloc(sizeof(*list));
        list->name = mem_copy(name, strlen(name));
        f->lists = mem_grow(f->lists, (f->nlists + 1) * sizeof(*f->lists));
        memmove(f->lists + i + 1, f->lists + i,
                (f->nlists - i) * sizeof(*f->lists));
        f->lists[i] = list;
        f->nlists++;
    }

    list->of = mem_copy(of, strlen(of));
    list->queue = queue;

    return list;
}


/* fleet_list_free releases a list, and its queue */
void fleet_list_free(struct fleet_list *list)
{
    if (list->q != NULL) {
        queue_free(list->q);
    }

    free(list->name);
    free(list->of);
    free(list);
}


/* fleet_prune forgets lists that are none any more */
void fleet_prune(struct fleet *f)
{
    size_t              i, n = 0;
    struct fleet_list  *list;

    for (i = 0; i < f->nlists; i++) {
        list = f->lists[i];

        if (list->planned || list->left || list->q != NULL) {
            f->lists[n++] = list;
        } else {
            fleet_list_free(list);
        }
    }

    f->nlists = n;
}


/* fleet_taken: it stands in the configuration by its own name, as another */
bool fleet_taken(const struct fleet *f, const char *name, size_t queue)
{
    size_t  i;

    for (i = 0; i < f->nqueues; i++) {
        if (i != queue && strcmp(f->queues[i].conf->name, name) == 0) {
            return true;
        }
    }

    return false;
}


static void plan_queue(struct fleet *f, size_t queue)
{
    char                 name[FLEET_NAME_MAX];
    size_t               i;
    struct fleet_queue  *fq = &f->queues[queue];

    if (fq->n == 1) {
        fleet_list(f, fq->conf->name, queue)->planned = true;
        return;
    }

    for (i = 0; i < fq->n; i++) {
        snprintf(name, sizeof(name), "%s:%zu", fq->conf->name, i);
        if (!fleet_taken(f, name, queue)) {
            fleet_list(f, name, queue)->planned = true;
        }
    }
}


/* fleet_plan: which lists are shared out */
void fleet_plan(struct fleet *f)
{
    size_t              i, j;
    struct fleet_list  *list;

    for (i = 0; i < f->nlists; i++) {
        list = f->lists[i];
        list->planned = false;
        list->queue = SIZE_MAX;

        for (j = 0; j < f->nqueues; j++) {
            if (strcmp(f->queues[j].conf->name, list->of) == 0) {
                list->queue = j;
            }
        }
    }

    for (i = 0; i < f->nqueues; i++) {
        plan_queue(f, i);
    }

    fleet_prune(f);
}


static void edge_says(struct fleet *f, struct fleet_queue *fq, size_t n)
{
    if (n != fq->conf->partitions && fq->warned != n) {
        log_write(LOG_WARN, "queue %s: the edge writes %zu partitions, the"
                  " configuration says %lu; what the edge writes is worked",
                  fq->conf->name, n, fq->conf->partitions);
        fq->warned = n;
    }

    if (n != fq->n) {
        fq->n = n;
        fleet_plan(f);
        fleet_look_soon(f);
    }
}


/* fleet_edge takes in over how many lists the edge spreads each queue */
void fleet_edge(struct fleet *f, const struct reply *reply)
{
    char           text[8];
    size_t         i;
    struct str     s;
    unsigned long  n;

    for (i = 0; i < reply_count(reply) && i < f->nqueues; i++) {
        s = reply_type(reply_at(reply, i)) == REPLY_STRING
            ? reply_str(reply_at(reply, i)) : NONE;

        if (s.len == 0 || s.len >= sizeof(text) || !str_digits(s)) {
            continue;
        }

        snprintf(text, sizeof(text), "%.*s", (int) s.len, s.at);
        n = strtoul(text, NULL, 10);
        if (n >= 1 && n <= FLEET_LISTS) {
            edge_says(f, &f->queues[i], n);
        }
    }
}
