/* A step that renews a token of the store, for a job. */

#include "work_own.h"
#include "life.h"


#define EXCHANGE_AGAIN_MS  2000
#define EXCHANGE_TRIES     10


static void exchange_bad(struct work *w, const char *why)
{
    if (strcmp(why, LIFE_BUSY) == 0) {
        outcome_again(w, EXCHANGE_AGAIN_MS, EXCHANGE_TRIES, "exchange", NULL);
    } else {
        end_dead(w, "exchange", why, NULL);
    }
}


static void on_end(void *data, const char *why, const struct token *t)
{
    struct buf    answer;
    struct work  *w = data;

    if (work_gone(w)) {
        return;
    }

    if (why != NULL) {
        exchange_bad(w, why);
        return;
    }

    buf_init(&answer, TOKEN_NAME_MAX + 64);
    buf_text(&answer, "{\"name\":");
    json_quote(&answer, STR(t->name));
    buf_format(&answer, ",\"expires\":%lld}", (long long) t->expires);
    plan_done(&w->plan, NONE, (struct str) { answer.at, answer.len });
    buf_free(&answer);
    work_mark(w, NULL, 0, work_next);
}


/* exchange_begin: what was renewed may be renewed again */
void exchange_begin(struct work *w)
{
    const char           *why;
    const struct action  *a = w->plan.steps[w->plan.at].action;

    if (w->conf->dry_run) {
        stat_add(STAT_GRAPH_DRY, 1);
        work_log(w, LOG_INFO, "dry", "");
        plan_done(&w->plan, NONE, NONE);
        work_next(w);
        return;
    }

    why = life_exchange(w->worker->life, STR(a->name), on_end, w);
    if (why != NULL) {
        exchange_bad(w, why);
    }
}
