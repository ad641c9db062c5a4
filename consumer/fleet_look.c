/* What is left over: NAME and NAME:0 to NAME:255 are worked off also where
   they are none of the lists that the edge writes now.  Of all consumers of a
   queue the oldest looks for them and works them. */

#include "fleet_own.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>


#define LOOK_MS       15000
#define LOOK_SOON_MS  50
#define ANSWER_MS     5000
#define KEYS          5


struct sight {
    struct fleet  *fleet;
    size_t         queue;
    unsigned       round;
    char           name[FLEET_NAME_MAX];
};


static void sight_used(struct fleet *f, const struct sight *sight)
{
    struct fleet_list  *list;

    list = fleet_list(f, sight->name, sight->queue);
    if (list->planned) {
        return;
    }

    list->left = true;
    if (!list->claimed) {
        log_write(LOG_INFO, "queue %s: works off %s, which is none of its %zu"
                  " lists", f->queues[sight->queue].conf->name, list->name,
                  f->queues[sight->queue].n);
        fleet_claim(f, list);
    }
}


static void sight_empty(struct fleet *f, const struct sight *sight)
{
    struct fleet_list  *list = fleet_find(f, STR(sight->name));

    if (list != NULL && !list->planned) {
        list->left = false;
        fleet_yield(f, list);
    }
}


static void on_sight(void *data, const struct reply *reply)
{
    struct sight  *sight = data;
    struct fleet  *f = sight->fleet;

    f->looks--;

    if (!fleet_refused(reply, "EXISTS of lists with other numbers",
                       &f->look_refused)
        && sight->round == f->round && !f->leaving
        && f->queues[sight->queue].first)
    {
        if (reply_int(reply) > 0) {
            sight_used(f, sight);
        } else {
            sight_empty(f, sight);
        }
    }

    free(sight);
}


/* a list that we write to ourselves is somebody else's to read */
static bool is_pushed(const struct fleet *f, const char *name)
{
    size_t        i;
    char *const  *lists = f->conf->push_lists.at;

    for (i = 0; i < f->conf->push_lists.n; i++) {
        if (strcmp(lists[i], name) == 0) {
            return true;
        }
    }

    return false;
}


static void look_at(struct fleet *f, size_t queue, const char *name)
{
    char                            keys[KEYS][FLEET_NAME_MAX + 16];
    size_t                          i;
    struct str                      argv[KEYS + 1] = { STR("EXISTS") };
    struct sight                   *sight;
    const struct fleet_list        *list = fleet_find(f, STR(name));
    static const char *const        formats[KEYS] = {
        "%s", "{%s}:urgent", "{%s}:inflight", "{%s}:held", "{%s}:retry"
    };

    if ((list != NULL && list->planned) || fleet_taken(f, name, queue)
        || is_pushed(f, name))
    {
        return;
    }

    for (i = 0; i < KEYS; i++) {
        snprintf(keys[i], sizeof(keys[i]), formats[i], name);
        argv[i + 1] = STR(keys[i]);
    }

    sight = mem_alloc(sizeof(*sight));
    *sight = (struct sight) { .fleet = f, .queue = queue, .round = f->round };
    snprintf(sight->name, sizeof(sight->name), "%s", name);

    if (redis_send(f->redis, argv, KEYS + 1, ANSWER_MS, on_sight, sight) == 0) {
        f->looks++;
    } else {
        free(sight);
    }
}


/* fleet_look looks once at each list that may be left over */
void fleet_look(struct fleet *f)
{
    char    name[FLEET_NAME_MAX];
    size_t  i, j;

    if (f->looks || f->leaving) {
        return;
    }

    for (i = 0; i < f->nqueues; i++) {
        if (!f->queues[i].first) {
            continue;
        }

        look_at(f, i, f->queues[i].conf->name);
        for (j = 0; j < FLEET_LISTS; j++) {
            snprintf(name, sizeof(name), "%s:%zu", f->queues[i].conf->name, j);
            look_at(f, i, name);
        }
    }
}


static void on_look(uv_timer_t *timer)
{
    fleet_look(timer->data);
}


/* fleet_look_soon looks, and then again and again */
void fleet_look_soon(struct fleet *f)
{
    uv_timer_start(&f->look, on_look, LOOK_SOON_MS, LOOK_MS);
}
