/* The lists that a configuration means: each queue's own, those of its
   partitions, and those outside of them that still hold something. */

#include "ctl.h"

#include <stdlib.h>


#define PARTITIONS_MAX  256


/* key_of returns the key of a companion */
const char *key_of(char out[CTL_NAME_MAX], const char *q, const char *what)
{
    snprintf(out, CTL_NAME_MAX, "{%s}:%s", q, what);

    return out;
}


static void lists_add(struct lists *lists, const struct conf_queue *queue,
    const char *name, bool stray)
{
    struct list  *l;

    lists->at = mem_grow(lists->at, (lists->n + 1) * sizeof(*l));
    l = &lists->at[lists->n++];
    *l = (struct list) { .queue = queue, .stray = stray };
    snprintf(l->name, sizeof(l->name), "%s", name);
}


static const char *partition(char out[CTL_NAME_MAX], const char *name,
    unsigned long n)
{
    snprintf(out, CTL_NAME_MAX, "%s:%lu", name, n);

    return out;
}


/* another queue of the configuration may be called like a partition */
static bool lists_has(struct ctl *c, const char *name)
{
    char                      own[CTL_NAME_MAX];
    size_t                    i;
    unsigned long             p;
    const struct conf_queue  *q = c->conf->queues.at;

    for (i = 0; i < c->conf->queues.n; i++) {
        if (q[i].partitions == 1 && strcmp(q[i].name, name) == 0) {
            return true;
        }

        for (p = 0; q[i].partitions > 1 && p < q[i].partitions; p++) {
            if (strcmp(partition(own, q[i].name, p), name) == 0) {
                return true;
            }
        }
    }

    return false;
}


/* NAME and NAME:0 to NAME:255 that are not of the configuration */
static void lists_strays(struct ctl *c, struct lists *lists,
    const struct conf_queue *q)
{
    char                 name[CTL_NAME_MAX], (*names)[CTL_NAME_MAX];
    size_t               i, n = 0;
    struct ask          *w = mem_alloc(sizeof(*w));
    unsigned long        p;
    const struct reply  *reply;

    names = mem_alloc((PARTITIONS_MAX + 1) * sizeof(*names));

    if (!lists_has(c, q->name)) {
        snprintf(names[n++], CTL_NAME_MAX, "%s", q->name);
    }

    for (p = 0; p < PARTITIONS_MAX; p++) {
        if (!lists_has(c, partition(name, q->name, p))) {
            memcpy(names[n++], name, sizeof(name));
        }
    }

    for (i = 0; i < n; i++) {
        ask_text(w, names[i]);
    }

    reply = ctl_run(c, CTL_STRAYS, w, n);
    for (i = 0; i < reply_count(reply); i++) {
        p = (unsigned long) reply_number(reply_at(reply, i));
        if (p >= 1 && p <= n) {
            lists_add(lists, q, names[p - 1], true);
        }
    }

    free(names);
    free(w);
}


static void lists_queue(struct ctl *c, struct lists *lists,
    const struct conf_queue *q, bool strays)
{
    char           name[CTL_NAME_MAX];
    unsigned long  p;

    if (q->partitions == 1) {
        lists_add(lists, q, q->name, false);
    }

    for (p = 0; q->partitions > 1 && p < q->partitions; p++) {
        lists_add(lists, q, partition(name, q->name, p), false);
    }

    if (strays) {
        lists_strays(c, lists, q);
    }
}


/* lists_all fills lists, or ends the program where there is no such name */
void lists_all(struct ctl *c, struct lists *lists, const char *name,
    bool strays)
{
    size_t                    i, n;
    const struct conf_queue  *q = c->conf->queues.at;

    *lists = (struct lists) { .at = NULL };

    for (i = 0; i < c->conf->queues.n; i++) {
        if (name == NULL || strcmp(name, q[i].name) == 0) {
            lists_queue(c, lists, &q[i], strays);
        }
    }

    /* one list of a queue with partitions */
    for (i = 0; lists->n == 0 && i < c->conf->queues.n; i++) {
        n = strlen(q[i].name);
        if (strncmp(name, q[i].name, n) == 0 && name[n] == ':'
            && str_digits(STR(name + n + 1))
            && strtoul(name + n + 1, NULL, 10) < PARTITIONS_MAX)
        {
            lists_add(lists, &q[i], name, !lists_has(c, name));
        }
    }

    if (lists->n == 0) {
        ctl_fail(CTL_NOTHING, "there is no queue \"%s\" in %s", name,
                 c->opts.file);
    }
}


/* lists_free releases them */
void lists_free(struct lists *lists)
{
    free(lists->at);
    *lists = (struct lists) { .at = NULL };
}
