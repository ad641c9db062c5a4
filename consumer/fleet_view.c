/* The lists as all consumers together see them: who has which, who may, and
   what that means for us. */

#include "fleet_own.h"
#include "stats.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>


struct view {
    struct fleet        *f;
    struct fleet_list  **lists;     /* those that are shared out */
    struct share_list   *shares;    /* one for each of them */
    size_t               n;
    bool                *found;     /* [queue]: somebody is its first already */
};


static int name_order(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, (*(struct fleet_list *const *) b)->name);
}


static struct share_list *view_find(const struct view *v, struct str name)
{
    char                 copy[FLEET_NAME_MAX], *key = copy;
    struct fleet_list  **list;

    if (name.len >= sizeof(copy)) {
        return NULL;
    }

    snprintf(copy, sizeof(copy), "%.*s", (int) name.len, name.at);
    list = bsearch(&key, v->lists, v->n, sizeof(*v->lists), name_order);

    return list != NULL ? &v->shares[list - v->lists] : NULL;
}


static void view_words(struct view *v, const struct json *entry,
    const char *name, size_t member, enum share_word word)
{
    struct share_list  *share;
    const struct json  *list = json_get(entry, name), *e;

    if (!json_is(list, JSON_ARRAY)) {
        return;
    }

    for (e = list->child; e != NULL; e = e->next) {
        share = view_find(v, json_text(e));
        if (share != NULL) {
            share_has(share, member, word);
        }
    }
}


/* what another one lists he may hold, but for what he gave up by himself */
static void view_other(struct view *v, struct str text, size_t member)
{
    size_t              i;
    bool               *lists;
    struct json_doc    *doc = fleet_read(text);
    const struct json  *entry = json_root(doc);

    if (doc == NULL) {
        return;
    }

    view_words(v, entry, "held", member, SHARE_HOLDS);
    view_words(v, entry, "claims", member, SHARE_CLAIMS);

    if (json_is(json_get(entry, "leaving"), JSON_TRUE)) {
        json_free(doc);
        return;
    }

    lists = mem_alloc(v->f->nqueues + 1);
    for (i = 0; i < v->f->nqueues; i++) {
        lists[i] = fleet_names(entry, "queues",
                               STR(v->f->queues[i].conf->name));
        v->found[i] |= lists[i];
    }

    for (i = 0; i < v->n; i++) {
        if (lists[v->shares[i].queue]
            && !fleet_names(entry, "stopped", STR(v->lists[i]->name)))
        {
            share_allow(&v->shares[i], member);
        }
    }

    free(lists);
    json_free(doc);
}


static void view_ours(struct view *v, size_t me)
{
    size_t              i;
    struct fleet       *f = v->f;
    struct share_list  *share;
    struct fleet_list  *list;
    struct queue_stats  stats;

    for (i = 0; i < f->nqueues; i++) {
        f->queues[i].first = !v->found[i] && !f->leaving;
        v->found[i] = true;
    }

    for (i = 0; i < v->n; i++) {
        share = &v->shares[i];
        list = v->lists[i];

        if (!list->stopped && !f->leaving) {
            share_allow(share, me);
        }

        if (list->q == NULL) {
            continue;
        }

        queue_stats(list->q, &stats);
        share->held = queue_held(list->q);
        share->claimed = list->claimed;
        share->yielding = share->held && !list->claimed;
        share->busy = stats.n;

        if (share->held) {
            share_has(share, me, SHARE_MINE);
        } else if (list->claimed) {
            share_has(share, me, SHARE_CLAIMS);
        }
    }
}


static void view_open(struct view *v, struct fleet *f)
{
    size_t  i;

    *v = (struct view) { .f = f };
    v->lists = mem_alloc((f->nlists + 1) * sizeof(*v->lists));
    v->shares = mem_alloc((f->nlists + 1) * sizeof(*v->shares));
    v->found = mem_alloc(f->nqueues + 1);

    for (i = 0; i < f->nlists; i++) {
        if (f->lists[i]->planned) {
            v->shares[v->n] = (struct share_list) {
                .queue = f->lists[i]->queue, .owner = SHARE_NOBODY,
                .light = f->queues[f->lists[i]->queue].conf->kind
                         == QUEUE_CALLBACKS
            };
            v->lists[v->n++] = f->lists[i];
        }
    }
}


static void say_whom(struct fleet_list *list, struct str who)
{
    struct buf  b;

    if (str_is(who, list->whom)) {
        return;
    }

    snprintf(list->whom, sizeof(list->whom), "%.*s", (int) who.len, who.at);
    if (who.len) {
        buf_init(&b, LOG_VALUE_MAX);
        log_clean(&b, who);
        log_write(LOG_INFO, "queue %s: stands by, %.*s holds it", list->name,
                  (int) b.len, b.at);
        buf_free(&b);
    }
}


/* a line where our share of a queue has changed */
static void view_say(const struct view *v, size_t queue,
    const struct reply *reply, size_t nmembers)
{
    size_t               i, m, share = 0, members = 0;
    int                  owner = SHARE_NOBODY;
    bool                 counted[SHARE_MEMBERS_MAX] = { false };
    struct fleet_list   *list = NULL;
    struct fleet_queue  *fq = &v->f->queues[queue];

    for (i = 0; i < v->n; i++) {
        if (v->shares[i].queue != queue) {
            continue;
        }

        list = v->lists[i];
        owner = v->shares[i].owner;
        share += v->shares[i].act == SHARE_CLAIM
                 || (list->claimed && v->shares[i].act != SHARE_YIELD);

        for (m = 0; m < nmembers; m++) {
            counted[m] |= share_allowed(&v->shares[i], m);
        }
    }

    for (m = 0; m < nmembers; m++) {
        members += counted[m];
    }

    if (fq->n == 1 && list != NULL) {
        say_whom(list, share || owner == SHARE_NOBODY ? NONE
                 : reply_str(reply_at(reply, 2 * owner)));

    } else if (share != fq->share || members != fq->members) {
        log_write(LOG_INFO, "queue %s: its share is %zu of %zu lists,"
                  " consumers: %zu", fq->conf->name, share, fq->n, members);
    }

    fq->share = share;
    fq->members = members;
}


static void view_act(const struct view *v)
{
    size_t  i;

    for (i = 0; i < v->n; i++) {
        if (v->shares[i].act == SHARE_CLAIM) {
            fleet_claim(v->f, v->lists[i]);
        } else if (v->shares[i].act == SHARE_YIELD) {
            fleet_yield(v->f, v->lists[i]);
        }
    }
}


/* fleet_view acts by what join.lua answered; in how many ms it has to look
   again: claims are told at once, and what is on its way to us is hurried */
unsigned fleet_view(struct fleet *f, const struct reply *reply)
{
    bool         more = false, told = true;
    size_t       i, me = SIZE_MAX, n = reply_count(reply) / 2;
    struct view  v;

    view_open(&v, f);
    stat_set(STAT_CONSUMERS, (long long) n);

    for (i = 0; i < n && i < SHARE_MEMBERS_MAX; i++) {
        if (str_is(reply_str(reply_at(reply, 2 * i)), f->id)) {
            me = i;
            view_ours(&v, i);
        } else {
            view_other(&v, reply_str(reply_at(reply, 2 * i + 1)), i);
        }
    }

    if (me != SIZE_MAX) {
        share_decide(v.shares, v.n, f->nqueues, i, me);

        for (i = 0; i < f->nqueues; i++) {
            view_say(&v, i, reply, n);
        }

        for (i = 0; i < v.n; i++) {
            more |= v.shares[i].target == (int) me
                    && v.shares[i].owner != (int) me;
            told &= v.shares[i].act != SHARE_CLAIM;
        }

        view_act(&v);

    } else if (n >= SHARE_MEMBERS_MAX && !f->crowded) {
        log_write(LOG_ERROR, "more than %d consumers: this one works nothing",
                  SHARE_MEMBERS_MAX);
        f->crowded = true;
    }

    free(v.lists);
    free(v.shares);
    free(v.found);

    return !told ? 0 : more ? FLEET_SOON_MS : FLEET_BEAT_MS;
}
