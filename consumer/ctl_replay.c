/* metactl replay: kept events run again, a script call a chunk. */

#include "ctl.h"

#include <stdlib.h>


#define REPLAY_CHUNK  100


struct replay {
    char         from[32];
    char         to[32];
    const char  *mode;
    long long    limit;
    long long    put;
    long long    odd;
};


static void replay_list(struct ctl *c, struct replay *r, const char *q)
{
    char                 kept[CTL_NAME_MAX], count[CTL_NAME_MAX], skip[24],
                         n[16], limit[24];
    long long            done = 0, left = 0, looked, put;
    struct bar           bar = { .what = "replaying" };
    struct ask          *w = mem_alloc(sizeof(*w));
    const struct reply  *reply;

    key_of(kept, q, "kept");
    key_of(count, q, "count");
    snprintf(n, sizeof(n), "%d", REPLAY_CHUNK);
    bar.total = reply_number(ctl_ask(c, "ZCOUNT", kept, r->from, r->to,
                                     NULL));

    while (done < bar.total && r->put < r->limit) {
        snprintf(skip, sizeof(skip), "%lld", left);
        snprintf(limit, sizeof(limit), "%lld", r->limit - r->put);

        w->n = 0;
        ask_text(w, kept);
        ask_text(w, count);
        ask_text(w, c->opts.to != NULL ? c->opts.to : q);
        ask_text(w, r->from);
        ask_text(w, r->to);
        ask_text(w, skip);
        ask_text(w, n);
        ask_text(w, c->opts.account != NULL ? c->opts.account : "");
        ask_text(w, r->mode);
        ask_text(w, limit);
        reply = ctl_run(c, CTL_REPLAY, w, 3);

        looked = reply_number(reply_at(reply, 0));
        put = reply_number(reply_at(reply, 1));
        r->put += put;
        r->odd += reply_number(reply_at(reply, 2));
        left += strcmp(r->mode, "move") == 0 ? looked - put : looked;
        done += looked;
        db_forget(c->db);
        bar_show(c, &bar, done);

        if (looked == 0) {
            break;
        }
    }

    bar_end(c, &bar);
    free(w);
}


static void replay_say(struct ctl *c, const struct replay *r)
{
    struct jw  j;

    if (c->opts.json) {
        jw_init(&j);
        jw_open(&j, NULL, '{');
        jw_int(&j, "v", 1);
        jw_int(&j, "replayed", r->put);
        jw_int(&j, "no_events", r->odd);
        jw_bool(&j, "dry_run", c->opts.dry_run);
        jw_close(&j, '}');
        jw_print(&j);
        return;
    }

    printf("%lld %s%s\n", r->put, c->opts.dry_run ? "would be " : "",
           c->opts.to != NULL ? "copied" : "put back");
    if (r->odd) {
        printf("%lld are no events and stay\n", r->odd);
    }
}


/* run_replay takes those of a span of time, of an account */
int run_replay(struct ctl *c)
{
    size_t         i;
    long long      now = ctl_clock(c);
    struct lists   lists;
    struct replay  r = { .limit = ctl_limit(c, 1LL << 60) };

    if (c->opts.since == NULL && !c->opts.all) {
        ctl_fail(CTL_USAGE, "which? say --since TIME, or --all");
    }

    if (c->opts.to != NULL && !list_name_good(STR(c->opts.to))) {
        ctl_fail(CTL_USAGE, "--to: a list's name is 1 to 200 of"
                 " A-Za-z0-9._:-");
    }

    r.mode = c->opts.dry_run ? "count" : c->opts.to != NULL ? "copy" : "move";
    snprintf(r.from, sizeof(r.from), "%lld",
             c->opts.since != NULL ? time_when(c->opts.since, now) : 0);
    snprintf(r.to, sizeof(r.to), "%lld",
             c->opts.until != NULL ? time_when(c->opts.until, now) : now);

    lists_all(c, &lists, c->opts.queue, true);
    for (i = 0; i < lists.n; i++) {
        replay_list(c, &r, lists.at[i].name);
    }
    lists_free(&lists);

    replay_say(c, &r);

    return r.put == 0 ? CTL_NOTHING : CTL_GOOD;
}
