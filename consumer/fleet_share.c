/* Who of several consumers holds which list: a pure function of what all of
   them read in Redis, so that all come to the same answer. */

#include "fleet_share.h"

#include <stdlib.h>


struct plan {
    struct share_list  *lists;
    size_t              n;
    size_t              nmembers;
    size_t             *counts;     /* [queue][member]: lists of that queue */
    size_t             *totals;     /* [member]: of all queues */
};


/* share_allow lets a member hold the list */
void share_allow(struct share_list *list, size_t member)
{
    list->may[member / 8] |= 1 << member % 8;
}


/* share_allowed says whether a member may hold the list */
bool share_allowed(const struct share_list *list, size_t member)
{
    return list->may[member / 8] >> member % 8 & 1;
}


/* share_has notes who has the list */
void share_has(struct share_list *list, size_t member, enum share_word word)
{
    if (word > list->word || (word == list->word && (int) member < list->owner))
    {
        list->owner = (int) member;
        list->word = word;
    }
}


static size_t *plan_counts(const struct plan *p, const struct share_list *list)
{
    return p->counts + list->queue * p->nmembers;
}


static void plan_give(struct plan *p, struct share_list *list, int member)
{
    size_t  *counts = plan_counts(p, list);

    if (list->target != SHARE_NOBODY) {
        counts[list->target]--;
        p->totals[list->target] -= !list->light;
    }

    list->target = member;
    counts[member]++;
    p->totals[member] += !list->light;
}


/* who has least: of this queue, then of all; the first of equals */
static int plan_least(const struct plan *p, const struct share_list *list)
{
    int            least = SHARE_NOBODY;
    size_t         i;
    const size_t  *counts = plan_counts(p, list);

    for (i = 0; i < p->nmembers; i++) {
        if (!share_allowed(list, i)) {
            continue;
        }

        if (least == SHARE_NOBODY || counts[i] < counts[least]
            || (counts[i] == counts[least]
                && p->totals[i] < p->totals[least]))
        {
            least = (int) i;
        }
    }

    return least;
}


/* by how much a move would even out; 0: it would not.  Each move makes the
   sum of squares smaller, of counts or, these unchanged, of totals: it ends */
static size_t plan_gain(const struct plan *p, const struct share_list *list,
    int to, bool totals)
{
    int            from = list->target;
    const size_t  *counts = plan_counts(p, list);

    if (to == from || from == SHARE_NOBODY) {
        return 0;
    }

    if (!totals) {
        return counts[from] > counts[to] + 1
               ? (counts[from] - counts[to]) * (p->n + 1) + p->totals[from]
               : 0;
    }

    return counts[from] == counts[to] + 1 && p->totals[from] > p->totals[to] + 1
           ? p->totals[from] - p->totals[to] : 0;
}


/* for the totals whoever has one less of that queue and least of all */
static int plan_poorest(const struct plan *p, const struct share_list *list)
{
    int            poorest = list->target;
    size_t         i;
    const size_t  *counts = plan_counts(p, list);

    for (i = 0; i < p->nmembers; i++) {
        if (share_allowed(list, i) && counts[i] + 1 == counts[list->target]
            && p->totals[i] < p->totals[poorest])
        {
            poorest = (int) i;
        }
    }

    return poorest;
}


/* one move from who has most to who has least; of equals from the last member,
   so that the end is the same while lists are on their way */
static bool plan_move(struct plan *p, bool totals)
{
    int                 to, best_to = SHARE_NOBODY;
    size_t              i, gain, best_gain = 0;
    struct share_list  *list, *best = NULL;

    for (i = p->n; i > 0; i--) {
        list = &p->lists[i - 1];
        if (list->target == SHARE_NOBODY || (totals && list->light)) {
            continue;
        }

        to = totals ? plan_poorest(p, list) : plan_least(p, list);
        gain = plan_gain(p, list, to, totals);
        if (gain > best_gain
            || (gain > 0 && gain == best_gain && list->target > best->target))
        {
            best = list;
            best_to = to;
            best_gain = gain;
        }
    }

    if (best == NULL) {
        return false;
    }

    plan_give(p, best, best_to);

    return true;
}


/* share_plan says who should hold what */
void share_plan(struct share_list *lists, size_t n, size_t nqueues,
    size_t nmembers)
{
    int          least;
    size_t       i;
    struct plan  p = { .lists = lists, .n = n, .nmembers = nmembers };

    p.counts = mem_alloc((nqueues * nmembers + 1) * sizeof(size_t));
    p.totals = mem_alloc((nmembers + 1) * sizeof(size_t));

    for (i = 0; i < n; i++) {
        lists[i].target = SHARE_NOBODY;
        if (lists[i].owner != SHARE_NOBODY
            && share_allowed(&lists[i], lists[i].owner))
        {
            plan_give(&p, &lists[i], lists[i].owner);
        }
    }

    for (i = 0; i < n; i++) {
        if (lists[i].target == SHARE_NOBODY) {
            least = plan_least(&p, &lists[i]);
            if (least != SHARE_NOBODY) {
                plan_give(&p, &lists[i], least);
            }
        }
    }

    while (plan_move(&p, false)) { /* void */ }
    while (plan_move(&p, true)) { /* void */ }

    free(p.counts);
    free(p.totals);
}


/* what we compete for in vain goes first, then what has least at work; of
   equals the last */
static bool share_sooner(const struct share_list *a, const struct share_list *b)
{
    if (a->held != b->held) {
        return !a->held;
    }

    return a->busy <= b->busy;
}


/* of that queue the one to give up next, NULL: none is left */
static struct share_list *share_spare(struct share_list *lists, size_t n,
    size_t queue, size_t me)
{
    size_t              i;
    struct share_list  *list, *spare = NULL;

    for (i = 0; i < n; i++) {
        list = &lists[i];

        if (list->queue == queue && list->owner == (int) me
            && list->claimed && list->act == SHARE_STAY
            && (spare == NULL || share_sooner(list, spare)))
        {
            spare = list;
        }
    }

    return spare;
}


/* share_decide says what to claim and what to give up */
void share_decide(struct share_list *lists, size_t n, size_t nqueues,
    size_t nmembers, size_t me)
{
    bool                mine;
    size_t              i, j, *over;
    struct share_list  *list, *spare;

    share_plan(lists, n, nqueues, nmembers);
    over = mem_alloc((nqueues + 1) * sizeof(size_t));

    for (i = 0; i < n; i++) {
        list = &lists[i];
        mine = list->owner == (int) me;
        list->act = SHARE_STAY;

        if (list->claimed && !mine) {
            list->act = SHARE_YIELD;        /* another one was faster */

        } else if (list->claimed && list->target == SHARE_NOBODY) {
            list->act = SHARE_YIELD;

        } else if (mine && list->target != (int) me) {
            over[list->queue]++;

        } else if (!list->claimed && !list->yielding
                   && list->owner == SHARE_NOBODY && list->target == (int) me)
        {
            list->act = SHARE_CLAIM;
        }
    }

    for (i = 0; i < n; i++) {
        over[lists[i].queue] -= lists[i].yielding && over[lists[i].queue] > 0;
    }

    for (i = 0; i < nqueues; i++) {
        for (j = 0; j < over[i]; j++) {
            spare = share_spare(lists, n, i, me);
            if (spare != NULL) {
                spare->act = SHARE_YIELD;
            }
        }
    }

    free(over);
}
