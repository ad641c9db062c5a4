/* metactl dead list --summary: what dead letters have in common, counted over
   all of them by reason, code and account. */

#include "ctl_dead.h"
#include "letter.h"

#include <stdlib.h>


#define GROUPS_MAX  1000        /* what comes after is counted as one */


struct group {
    char       reason[32];
    char       code[24];
    char       account[64];
    char       todo[256];
    long long  n;
    long long  oldest;          /* 0: unknown */
    long long  newest;
};

struct summary {
    struct filter  filter;
    struct group  *at;
    size_t         n;
    long long      fit;
    long long      total;
};


static void sum_copy(char *to, size_t size, struct str s)
{
    snprintf(to, size, "%.*s", (int) (s.len < size ? s.len : size - 1),
             s.len ? s.at : "");
}


static struct group *sum_group(struct summary *s, const struct group *like)
{
    size_t  i;

    for (i = 0; i < s->n; i++) {
        if (strcmp(s->at[i].reason, like->reason) == 0
            && strcmp(s->at[i].code, like->code) == 0
            && strcmp(s->at[i].account, like->account) == 0)
        {
            return &s->at[i];
        }
    }

    if (s->n == GROUPS_MAX) {
        return &s->at[GROUPS_MAX - 1];
    }

    s->at[s->n] = *like;
    if (s->n == GROUPS_MAX - 1) {
        s->at[s->n] = (struct group) { .reason = "others" };
    }

    return &s->at[s->n++];
}


static void sum_letter(struct summary *s, const struct head *h)
{
    long long      time = head_time(h);
    struct str     todo = json_get_text(h->letter, "todo");
    struct group   like = { .n = 0 }, *g;
    const char    *ours;

    sum_copy(like.reason, sizeof(like.reason),
             json_get_text(h->letter, "reason"));
    if (json_is(json_get(h->letter, "code"), JSON_NUMBER)) {
        sum_copy(like.code, sizeof(like.code),
                 json_get_text(h->letter, "code"));
    }
    sum_copy(like.account, sizeof(like.account), head_account(h));

    ours = letter_todo(like.reason);
    sum_copy(like.todo, sizeof(like.todo), todo.len ? todo
             : STR(ours != NULL ? ours : ""));

    g = sum_group(s, &like);
    g->n++;
    g->newest = time > g->newest ? time : g->newest;
    g->oldest = time && (!g->oldest || time < g->oldest) ? time : g->oldest;
    s->fit++;
}


static void sum_list(struct ctl *c, struct summary *s, const char *q)
{
    char          key[CTL_NAME_MAX];
    size_t        i, n;
    long long     from = 0;
    struct bar    bar = { .what = "reading" };
    struct heads  heads;

    bar.total = reply_number(ctl_ask(c, "LLEN", key_of(key, q, "dead"), NULL));
    s->total += bar.total;

    do {
        heads_read(c, q, from, &heads);

        for (i = 0; i < heads.n; i++) {
            if (filter_fits(&s->filter, &heads.at[i])) {
                sum_letter(s, &heads.at[i]);
            }
        }

        n = heads.n;
        from += (long long) n;
        heads_free(&heads);
        db_forget(c->db);
        bar_show(c, &bar, from);
    } while (n > 0 && from < bar.total);

    bar_end(c, &bar);
}


static int sum_order(const void *a, const void *b)
{
    long long  x = ((const struct group *) a)->n;
    long long  y = ((const struct group *) b)->n;

    return (x < y) - (x > y);
}


static void sum_json(const struct summary *s)
{
    size_t               i;
    struct jw            j;
    const struct group  *g;

    jw_init(&j);
    jw_open(&j, NULL, '{');
    jw_int(&j, "v", 1);
    jw_open(&j, "groups", '[');

    for (i = 0; i < s->n; i++) {
        g = &s->at[i];
        jw_open(&j, NULL, '{');
        jw_int(&j, "letters", g->n);
        jw_text(&j, "reason", g->reason);
        jw_raw(&j, "code", g->code[0] ? STR(g->code) : STR("null"));
        jw_text(&j, "account", g->account);
        jw_time(&j, "oldest", g->oldest ? g->oldest : -1);
        jw_time(&j, "newest", g->newest ? g->newest : -1);
        jw_text(&j, "todo", g->todo[0] ? g->todo : NULL);
        jw_close(&j, '}');
    }

    jw_close(&j, ']');
    jw_int(&j, "fit", s->fit);
    jw_int(&j, "dead", s->total);
    jw_close(&j, '}');
    jw_print(&j);
}


static void sum_text(struct ctl *c, const struct summary *s, long long now)
{
    char                 span[TIME_MAX];
    size_t               i;
    struct buf           b;
    const struct group  *g;

    buf_init(&b, (size_t) -1);
    out_color(c, &b, 'b');
    buf_text(&b, "LETTERS  REASON           CODE      OLDEST    ACCOUNT\n");
    out_color(c, &b, 0);

    for (i = 0; i < s->n; i++) {
        g = &s->at[i];
        out_number(&b, g->n, 7);
        buf_text(&b, "  ");
        out_color(c, &b, 'r');
        out_pad(&b, STR(g->reason), 16);
        out_color(c, &b, 0);
        buf_text(&b, " ");
        out_pad(&b, STR(g->code), 9);
        buf_text(&b, " ");
        out_pad(&b, STR(g->oldest ? time_span(span, now - g->oldest) : "-"),
                9);
        buf_text(&b, " ");
        out_pad(&b, STR(g->account), (int) out_columns(STR(g->account)));
        buf_text(&b, "\n");

        if (g->todo[0]) {
            buf_text(&b, "         -> ");
            out_wrap(&b, g->todo, 12);
        }
    }

    buf_format(&b, "\n%lld of %lld dead letters\n", s->fit, s->total);
    out_print(&b);
}


/* dead_summary counts all that fit, whatever --limit says */
int dead_summary(struct ctl *c, const char *queue)
{
    size_t          i;
    struct lists    lists;
    struct summary  s = { .n = 0 };

    filter_read(c, &s.filter, NULL, 0);
    lists_all(c, &lists, queue, true);
    s.at = mem_alloc(GROUPS_MAX * sizeof(*s.at));

    for (i = 0; i < lists.n; i++) {
        sum_list(c, &s, lists.at[i].name);
    }

    lists_free(&lists);
    qsort(s.at, s.n, sizeof(*s.at), sum_order);

    if (c->opts.json) {
        sum_json(&s);
    } else if (s.total == 0) {
        puts("no dead letters");
    } else {
        sum_text(c, &s, ctl_clock(c));
    }

    free(s.at);

    return CTL_GOOD;
}
