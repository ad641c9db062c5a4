/* metactl queue: what waits, since when, and for which accounts. */

#include "ctl.h"

#include <stdlib.h>


#define WAITS_CHUNK     500
#define WAITS_LIMIT     100000      /* items looked at in each key */
#define WAITS_ACCOUNTS  1000        /* more are counted as others */
#define WAITS_SHOWN     20

/* where items wait, in the order of the columns */
enum place {
    PLACE_LIST,
    PLACE_URGENT,
    PLACE_INFLIGHT,
    PLACE_HELD,
    PLACE_RETRY,
    PLACES
};

struct account {
    char       *name;
    long long   n[PLACES];
    long long   all;
    long long   oldest;         /* 0: unknown */
};

struct waits {
    struct account  at[WAITS_ACCOUNTS + 1];     /* the last: others */
    size_t          n;
    long long       read;
    bool            cut;
    long long       limit;
};

static const char *const places[PLACES] = {
    "list", "urgent", "inflight", "held", "retry"
};


static struct account *waits_account(struct waits *w, struct str name)
{
    size_t  i;

    for (i = 0; i < w->n; i++) {
        if (str_is(name, w->at[i].name)) {
            return &w->at[i];
        }
    }

    if (w->n == WAITS_ACCOUNTS) {
        w->at[w->n].name = mem_copy("(others)", 8);
        return &w->at[w->n++];
    }

    if (w->n > WAITS_ACCOUNTS) {
        return &w->at[WAITS_ACCOUNTS];
    }

    w->at[w->n].name = mem_copy(name.at, name.len);

    return &w->at[w->n++];
}


static void waits_add(struct waits *w, enum place place,
    const struct reply *accounts)
{
    size_t           i;
    long long        came, n;
    struct account  *a;

    for (i = 0; i + 2 < reply_count(accounts); i += 3) {
        a = waits_account(w, reply_str(reply_at(accounts, i)));
        n = reply_number(reply_at(accounts, i + 1));
        came = reply_number(reply_at(accounts, i + 2));
        a->n[place] += n;
        a->all += n;
        if (came && (a->oldest == 0 || came < a->oldest)) {
            a->oldest = came;
        }
    }
}


static void waits_read(struct ctl *c, struct waits *w, enum place place,
    const char *key, struct bar *bar)
{
    char                 at[32] = "0", n[24];
    long long            read = 0;
    struct ask          *words = mem_alloc(sizeof(*words));
    const struct reply  *r;

    do {
        words->n = 0;
        snprintf(n, sizeof(n), "%lld", w->limit - read < WAITS_CHUNK
                 ? w->limit - read : WAITS_CHUNK);
        ask_text(words, key);
        ask_text(words, at);
        ask_text(words, n);
        r = ctl_run(c, CTL_WAITS, words, 1);

        read += reply_number(reply_at(r, 1));
        waits_add(w, place, reply_at(r, 2));
        snprintf(at, sizeof(at), "%.*s",
                 (int) reply_str(reply_at(r, 0)).len,
                 reply_str(reply_at(r, 0)).at);
        db_forget(c->db);
        bar_show(c, bar, w->read + read);
    } while (at[0] != '\0' && read < w->limit);

    w->cut |= at[0] != '\0';
    w->read += read;
    free(words);
}


static int account_order(const void *a, const void *b)
{
    const struct account  *x = a, *y = b;

    return x->all < y->all ? 1 : x->all > y->all ? -1
           : strcmp(x->name, y->name);
}


static void waits_list(struct ctl *c, struct waits *w, const char *q)
{
    char        key[CTL_NAME_MAX];
    size_t      p;
    struct bar  bar = { .what = "reading" };

    bar.total = reply_number(ctl_ask(c, "LLEN", q, NULL));

    for (p = PLACE_LIST; p < PLACES; p++) {
        waits_read(c, w, p, p == PLACE_LIST ? q : key_of(key, q, places[p]),
                   &bar);
    }

    bar_end(c, &bar);
    qsort(w->at, w->n, sizeof(w->at[0]), account_order);
}


static void waits_json(struct jw *j, const struct waits *w, const char *q)
{
    size_t                 i, p;
    const struct account  *a;

    jw_open(j, NULL, '{');
    jw_text(j, "list", q);
    jw_int(j, "read", w->read);
    jw_bool(j, "more", w->cut);
    jw_open(j, "accounts", '[');

    for (i = 0; i < w->n; i++) {
        a = &w->at[i];
        jw_open(j, NULL, '{');
        jw_text(j, "account", a->name);
        for (p = 0; p < PLACES; p++) {
            jw_int(j, places[p], a->n[p]);
        }
        jw_int(j, "all", a->all);
        jw_time(j, "oldest", a->oldest ? a->oldest : -1);
        jw_close(j, '}');
    }

    jw_close(j, ']');
    jw_close(j, '}');
}


static void waits_text(struct ctl *c, struct buf *b, const struct waits *w,
    const char *q, long long now)
{
    char                   span[TIME_MAX];
    size_t                 i, p;
    const struct account  *a;
    static const char     *names[] = {
        "LIST", "URGENT", "FLIGHT", "HELD", "RETRY", "OLDEST"
    };

    out_color(c, b, 'b');
    out_pad(b, STR(q), 24);
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        out_pad(b, STR(names[i]), -9);
    }
    out_color(c, b, 0);
    buf_text(b, "\n");

    for (i = 0; i < w->n && i < WAITS_SHOWN; i++) {
        a = &w->at[i];
        buf_text(b, "  ");
        out_pad(b, STR(a->name[0] ? a->name : "(no account)"), 22);
        for (p = 0; p < PLACES; p++) {
            out_number(b, a->n[p], 9);
        }
        out_pad(b, STR(a->oldest ? time_span(span, now - a->oldest) : "-"),
                -9);
        buf_text(b, "\n");
    }

    if (w->n == 0) {
        buf_text(b, "  nothing\n");
    }
    if (w->n > WAITS_SHOWN) {
        buf_format(b, "  and %zu accounts more (--json)\n",
                   w->n - WAITS_SHOWN);
    }
    if (w->cut) {
        buf_format(b, "  of the first %lld only (--limit)\n", w->read);
    }
}


/* run_queue looks at every item that waits */
int run_queue(struct ctl *c)
{
    size_t         i, k;
    struct jw      j;
    struct buf     b;
    long long      now = ctl_clock(c);
    struct lists   lists;
    struct waits  *w;

    lists_all(c, &lists, c->nargs ? c->args[0] : NULL, true);
    buf_init(&b, (size_t) -1);
    jw_init(&j);
    jw_open(&j, NULL, '{');
    jw_int(&j, "v", 1);
    jw_int(&j, "now", now);
    jw_open(&j, "lists", '[');

    for (i = 0; i < lists.n; i++) {
        w = mem_alloc(sizeof(*w));
        w->limit = ctl_limit(c, WAITS_LIMIT);
        waits_list(c, w, lists.at[i].name);
        waits_json(&j, w, lists.at[i].name);
        waits_text(c, &b, w, lists.at[i].name, now);
        for (k = 0; k < w->n; k++) {
            free(w->at[k].name);
        }
        free(w);
    }

    lists_free(&lists);
    jw_close(&j, ']');
    jw_close(&j, '}');

    if (c->opts.json) {
        jw_print(&j);
    } else {
        out_print(&b);
    }

    buf_free(&j.b);
    buf_free(&b);

    return CTL_GOOD;
}
