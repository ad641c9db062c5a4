/* metactl dead list and dead show: what could not be worked, and why. */

#include "ctl_dead.h"

#include <stdlib.h>
#include <unistd.h>


#define LIST_LIMIT  50


static const char *dead_queue(struct ctl *c)
{
    return c->nargs ? c->args[0] : c->opts.queue;
}


static void list_json(struct ctl *c, struct jw *j, const char *q,
    const struct head *h)
{
    struct buf  answer;

    jw_open(j, NULL, '{');
    jw_str(j, "id", h->id);
    jw_text(j, "list", q);
    jw_str(j, "reason", json_get_text(h->letter, "reason"));

    jw_tree(j, "code", json_get(h->letter, "code"));
    jw_tree(j, "subcode", json_get(h->letter, "subcode"));
    jw_int(j, "attempts",
           strtoll(json_get_text(h->letter, "attempts").at, NULL, 10));
    jw_int(j, "time", head_time(h));
    buf_init(&answer, 4096);
    mask_answer(c, &answer, h->letter);
    jw_str(j, "answer", (struct str) { answer.at, answer.len });
    buf_free(&answer);
    jw_tree(j, "class", json_get(h->letter, "class"));
    jw_tree(j, "text", json_get(h->letter, "text"));
    jw_tree(j, "todo", json_get(h->letter, "todo"));
    jw_str(j, "action", json_get_text(h->letter, "action"));
    jw_str(j, "account", head_account(h));
    jw_id(c, j, "item", json_get_text(h->item, "id"));
    jw_int(j, "bytes", h->size);
    jw_bool(j, "state", json_is(json_get(h->letter, "state"), JSON_OBJECT));
    jw_close(j, '}');
}


static void list_head(struct ctl *c, struct buf *b)
{
    out_color(c, b, 'b');
    buf_text(b, "ID           DIED      REASON           CODE     ACTION      "
             " ACCOUNT");
    out_color(c, b, 0);
    buf_text(b, "\n");
}


static void list_words(struct ctl *c, struct buf *b, const char *whose,
    struct str s)
{
    int  room = 66 - (int) strlen(whose), n = (int) out_columns(s);

    if (s.len == 0) {
        return;
    }

    buf_text(b, "             ");
    out_color(c, b, 'd');
    buf_text(b, whose);
    out_pad(b, s, n > room ? room : n);
    out_color(c, b, 0);
    buf_text(b, "\n");
}


/* below it what the code means, and Meta's own words; or ours */
static void list_text(struct ctl *c, struct buf *b, const struct head *h,
    long long now)
{
    char        span[TIME_MAX];
    struct buf  text, answer;

    out_pad(b, h->id, 13);
    out_pad(b, STR(head_time(h) ? time_span(span, now - head_time(h)) : "-"),
            10);
    out_color(c, b, 'r');
    out_pad(b, json_get_text(h->letter, "reason"), 16);
    out_color(c, b, 0);
    buf_text(b, " ");
    out_pad(b, json_get_text(h->letter, "code"), 9);
    out_pad(b, json_get_text(h->letter, "action"), 12);
    buf_text(b, " ");
    out_pad(b, head_account(h), (int) out_columns(head_account(h)));
    buf_text(b, "\n");

    buf_init(&text, 4096);
    mask_words(c, &text, json_get_text(h->letter, "text"));
    buf_init(&answer, 4096);
    mask_answer(c, &answer, h->letter);

    list_words(c, b, "", (struct str) { text.at, text.len });
    list_words(c, b, text.len ? "Meta: " : "",
               (struct str) { answer.at, answer.len });
    buf_free(&text);
    buf_free(&answer);
}


/* what run_dead_list has shown so far */
struct listing {
    struct filter  filter;
    long long      limit;
    long long      now;
    long long      fit;
    long long      total;
    struct jw      j;
};


static void list_one(struct ctl *c, struct listing *l, const char *q)
{
    char          key[CTL_NAME_MAX];
    size_t        i;
    long long     from = 0, shown = 0, total;
    struct bar    bar = { .what = "reading" };
    struct buf    b;
    struct heads  heads;

    total = reply_number(ctl_ask(c, "LLEN", key_of(key, q, "dead"), NULL));
    bar.total = total;
    l->total += total;

    for (from = 0; from < total && l->limit > 0; from += (long long) i) {
        heads_read(c, q, from, &heads);
        buf_init(&b, (size_t) -1);

        for (i = 0; i < heads.n; i++) {
            if (!filter_fits(&l->filter, &heads.at[i])) {
                continue;
            }

            l->fit++;
            if (l->limit-- <= 0) {
                break;
            }

            if (c->opts.json) {
                list_json(c, &l->j, q, &heads.at[i]);
            } else {
                if (shown++ == 0) {
                    buf_format(&b, "%s%s: %lld dead\n", l->fit > 1 ? "\n" : "",
                               q, total);
                    list_head(c, &b);
                }
                list_text(c, &b, &heads.at[i], l->now);
            }
        }

        if (b.len) {
            bar_end(c, &bar);
        }
        out_print(&b);
        i = heads.n;
        heads_free(&heads);
        db_forget(c->db);
        if (i == 0) {
            break;
        }
        bar_show(c, &bar, from);
    }

    bar_end(c, &bar);
}


/* run_dead_list shows letters, the oldest first */
int run_dead_list(struct ctl *c)
{
    size_t          i;
    struct lists    lists;
    struct listing  l = { .limit = ctl_limit(c, LIST_LIMIT) };

    if (c->opts.summary) {
        return dead_summary(c, dead_queue(c));
    }

    filter_read(c, &l.filter, NULL, 0);
    lists_all(c, &lists, dead_queue(c), true);
    l.now = ctl_clock(c);

    if (c->opts.json) {
        jw_init(&l.j);
        jw_open(&l.j, NULL, '{');
        jw_int(&l.j, "v", 1);
        jw_open(&l.j, "letters", '[');
    }

    for (i = 0; i < lists.n; i++) {
        list_one(c, &l, lists.at[i].name);
    }

    lists_free(&lists);

    if (c->opts.json) {
        jw_close(&l.j, ']');
        jw_int(&l.j, "dead", l.total);
        jw_bool(&l.j, "more", l.limit <= 0);
        jw_close(&l.j, '}');
        jw_print(&l.j);
    } else if (l.total == 0) {
        puts("no dead letters");
    } else if (l.fit == 0) {
        printf("none of %lld dead letters fits\n", l.total);
    } else if (l.limit <= 0) {
        puts("(there may be more: --limit N; --summary counts them all)");
    }

    return CTL_GOOD;
}


static void show_text(struct ctl *c, const char *q, const struct head *h,
    struct str letter)
{
    struct buf        b;
    struct json_doc  *doc;

    buf_init(&b, (size_t) -1);

    if (c->opts.reveal && isatty(STDOUT_FILENO)) {
        out_safe(&b, letter);
    } else if (c->opts.reveal) {
        buf_str(&b, letter);
    } else {
        doc = json_parse(letter.at, letter.len, letter.len * 20 + 65536);
        if (doc != NULL) {
            mask_json(c, &b, json_root(doc));
        } else {
            mask_text(c, &b, letter);
        }
        json_free(doc);
    }

    if (c->opts.json) {
        buf_text(&b, "\n");
        out_print(&b);
        return;
    }

    printf("letter %.*s of %s\n", (int) h->id.len, h->id.at, q);
    buf_text(&b, "\n");
    out_print(&b);
    if (!c->opts.reveal) {
        puts("(texts and people are masked; --reveal shows the bytes as they"
             " are)");
    }
}


/* run_dead_show prints one letter */
int run_dead_show(struct ctl *c)
{
    char                 key[CTL_NAME_MAX], index[24];
    size_t               i, k, n;
    long long            from;
    struct heads         heads;
    struct lists         lists;
    struct filter        f;
    const struct reply  *letter;

    filter_read(c, &f, c->args, 1);
    lists_all(c, &lists, c->opts.queue, true);

    for (i = 0; i < lists.n; i++) {
        for (from = 0; ; from += (long long) n) {
            heads_read(c, lists.at[i].name, from, &heads);
            n = heads.n;

            for (k = 0; k < n; k++) {
                if (!filter_fits(&f, &heads.at[k])) {
                    continue;
                }

                snprintf(index, sizeof(index), "%lld", heads.at[k].index);
                letter = ctl_ask(c, "LINDEX",
                                 key_of(key, lists.at[i].name, "dead"),
                                 index, NULL);
                show_text(c, lists.at[i].name, &heads.at[k],
                          reply_str(letter));
                heads_free(&heads);
                lists_free(&lists);
                return CTL_GOOD;
            }

            heads_free(&heads);
            db_forget(c->db);
            if (n == 0) {
                break;
            }
        }
    }

    lists_free(&lists);
    ctl_fail(CTL_NOTHING, "there is no dead letter \"%s\"", c->args[0]);
}
