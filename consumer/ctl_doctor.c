/* metactl doctor: looks for what is wrong, and says what to do. */

#include "ctl_doctor.h"
#include "graph_error.h"
#include "token.h"
#include "token_mend.h"

#include <stdarg.h>
#include <stdlib.h>


#define SKEW_WARN_MS  2000
#define SKEW_BAD_MS   60000


/* doctor_say prints a line, or keeps it for --json */
void doctor_say(struct doctor *d, enum level level, const char *check,
    const char *todo, const char *format, ...)
{
    char                text[512];
    va_list             args;
    struct buf          b;
    static const char  *names[] = { "ok", "warn", "bad" };
    static const char   colors[] = { 'g', 'y', 'r' };

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    d->found[level]++;

    if (d->c->opts.json) {
        jw_open(&d->j, NULL, '{');
        jw_text(&d->j, "level", names[level]);
        jw_text(&d->j, "check", check);
        jw_text(&d->j, "text", text);
        jw_text(&d->j, "todo", todo);
        jw_close(&d->j, '}');
        return;
    }

    buf_init(&b, 8192);
    out_color(d->c, &b, colors[level]);
    out_pad(&b, STR(names[level]), 6);
    out_color(d->c, &b, 0);
    out_pad(&b, STR(check), 14);
    out_wrap(&b, text, 20);
    if (todo != NULL) {
        out_pad(&b, NONE, 20);
        buf_text(&b, "-> ");
        out_wrap(&b, todo, 23);
    }
    out_print(&b);
}


static void clock_say(struct doctor *d, const char *whose, long long off)
{
    char  span[TIME_MAX];

    off = off < 0 ? -off : off;
    doctor_say(d, off > SKEW_BAD_MS ? LEVEL_BAD
               : off > SKEW_WARN_MS ? LEVEL_WARN : LEVEL_OK, "clock",
               off <= SKEW_WARN_MS ? NULL : "let both machines ask a time"
               " server: what a login brings lives for a minute, and fails as"
               " \"late\" where clocks differ; links of logins end at another"
               " time", "%s and this machine's are %s apart", whose,
               time_span(span, off));
}


static void doctor_clock(struct doctor *d)
{
    long long  before = time_now(), redis = ctl_clock(d->c), date;

    clock_say(d, "Redis's", redis - (before + time_now()) / 2);

    if (d->c->opts.edge == NULL) {
        return;
    }

    /* nginx tells seconds */
    before = time_now();
    date = ctl_date(d->c->opts.edge, d->c->conf->ca_file);
    if (date >= 0) {
        clock_say(d, "nginx's", date < before - 1000 ? before - 1000 - date
                  : date > time_now() ? date - time_now() : 0);
    }
}


static void doctor_partitions(struct doctor *d)
{
    char                      key[CTL_NAME_MAX];
    size_t                    i;
    unsigned long             n;
    const struct reply       *r;
    const struct conf_queue  *q = d->c->conf->queues.at;

    for (i = 0; i < d->c->conf->queues.n; i++) {
        if (q[i].kind != QUEUE_EVENTS) {
            continue;
        }

        snprintf(key, sizeof(key), "%s:partitions", q[i].name);
        r = ctl_ask(d->c, "GET", key, NULL);

        if (reply_type(r) == REPLY_NIL) {
            doctor_say(d, LEVEL_WARN, "edge", "does nginx run, with this"
                       " Redis and this meta_queue? where Redis was emptied:"
                       " reload nginx, it announces anew when it connects",
                       "no nginx has announced %s", q[i].name);
            continue;
        }

        n = (unsigned long) reply_number(r);
        doctor_say(d, n == q[i].partitions ? LEVEL_OK : LEVEL_BAD, "edge",
                   n == q[i].partitions ? NULL : "make partitions the same"
                   " in nginx's meta_queue and under queues",
                   "%s: nginx has partitions=%lu, the configuration %lu",
                   q[i].name, n, q[i].partitions);
    }
}


static void doctor_dead(struct doctor *d, const struct view *v)
{
    char         text[400];
    const char  *full = view_full(d->c->conf, v, text, sizeof(text));
    long long    dead = v->n[VIEW_DEAD], max = d->c->conf->dead_max;

    if (full != NULL && strcmp(full, "waiting_max") == 0) {
        doctor_say(d, LEVEL_BAD, "waiting", "what is paused or stopped stands"
                   " here and in metactl status; it goes on by itself when"
                   " fewer wait", "%s", text);
    }

    if (dead >= max) {
        doctor_say(d, LEVEL_BAD, "dead letters", "metactl dead list, then"
                   " requeue or drop", "%s has %lld of at most %lld: nothing"
                   " more is taken", v->list->name, dead, max);
    } else if (dead * 5 >= max * 4) {
        doctor_say(d, LEVEL_WARN, "dead letters", "metactl dead list, then"
                   " requeue or drop", "%s has %lld, nothing is taken at"
                   " %lld", v->list->name, dead, max);
    } else if (dead) {
        doctor_say(d, LEVEL_WARN, "dead letters", "metactl dead list",
                   "%s has %lld", v->list->name, dead);
    }
}


static void doctor_list(struct doctor *d, const struct view *v, bool silent)
{
    char         span[TIME_MAX] = "";
    const char  *name = v->list->name;
    long long    left = v->n[VIEW_WAITING] + v->n[VIEW_INFLIGHT]
                        + v->n[VIEW_HELD] + v->n[VIEW_RETRY];

    if (v->until) {
        time_span(span, v->now - v->until);
    }

    if (v->owner[0] == '\0') {
        doctor_say(d, left ? LEVEL_BAD : LEVEL_WARN, "holder",
                   silent ? "those who are silent may know: their logs"
                   : "start meta-consumer, or look into its log",
                   "nobody holds %s, %lld events wait%s%s%s", name, left,
                   v->until ? "; the last lease ended " : "", span,
                   v->until ? " ago" : "");
    } else {
        doctor_say(d, LEVEL_OK, "holder", NULL, "%s: %s", name, v->owner);
    }

    if (v->list->stray) {
        doctor_say(d, LEVEL_WARN, "partitions", "nothing: a consumer works"
                   " it off; look again later", "%s is outside of the"
                   " configured partitions and still holds events", name);
    }

    if (v->off) {
        doctor_say(d, LEVEL_BAD, "accounts", "did somebody delete or write"
                   " its keys? docs/consumer.md, Keys in Redis",
                   "%s: taken is %lld off what is somewhere", name, v->off);
    }

    doctor_dead(d, v);
}


/* the row of Meta's errors that a stop has its text from, or NULL */
static const struct graph_error_row *lane_row(const struct standing *at)
{
    size_t                         i, n;
    const struct graph_error_row  *rows = graph_error_rows(&n);

    for (i = 0; i < n; i++) {
        if (strcmp(rows[i].text, at->why) == 0) {
            return &rows[i];
        }
    }

    return NULL;
}


static void mend_lane(struct buf *b, const struct standing *at,
    long long subcode)
{
    if (at->stored == NULL) {
        buf_text(b, mend_first(subcode));
        buf_text(b, "put a new token there, and reload");
    } else {
        mend_text(b, at->stored, subcode);
        buf_text(b, ": what waits goes on by itself");
    }
    buf_add(b, "", 1);
}


/* a token's or an operator's stop waits for a person, a limit's ends */
static void doctor_lane(struct doctor *d, const struct standing *at,
    const char *text)
{
    enum level                     level = LEVEL_WARN;
    const char                    *todo;
    struct buf                     mend;
    const struct graph_error_row  *row = lane_row(at);

    buf_init(&mend, DOCTOR_MEND);

    if (at->token[0] && (row == NULL || row->cls == CLASS_TOKEN)) {
        level = LEVEL_BAD;
        mend_lane(&mend, at, row != NULL ? row->subcode : 0);
        todo = mend.at;
    } else if (row != NULL
               && (row->cls == CLASS_OPERATOR || row->cls == CLASS_TOKEN))
    {
        todo = row->todo;
    } else {
        todo = "nothing, it goes on by itself; metactl resume LANE ends it"
               " now";
    }

    doctor_say(d, level, "lane", todo, "%s%s%s%s holds %lld, %s", at->lane,
               at->token[0] ? " (" : "", at->token, at->token[0] ? ")" : "",
               at->waiting, text);
    buf_free(&mend);
}


static void doctor_lanes(struct doctor *d, const struct status *s)
{
    char                    text[300];
    size_t                  i;
    const struct standing  *at;

    if (s->unseen[0]) {
        doctor_say(d, LEVEL_WARN, "lane", "give metactl a user of its own:"
                   " docs/metactl.md, The smallest ACL", "which lanes hold"
                   " something is not for this user: %s", s->unseen);
    }

    for (i = 0; i < s->nlanes; i++) {
        at = &s->lanes[i];
        if (at->until >= 0) {
            standing_text(at, s->now, text, sizeof(text));
            doctor_lane(d, at, text);
        }
    }
}


static void doctor_queues(struct doctor *d)
{
    bool           silent;
    size_t         i;
    struct status  s;

    status_read(d->c, &s, true);
    silent = doctor_consumers(d, &s);

    for (i = 0; i < s.lists.n; i++) {
        doctor_list(d, &s.views[i], silent);
    }

    doctor_stuck(d, &s);

    if (s.sum.off == 0) {
        doctor_say(d, LEVEL_OK, "accounts", NULL, "of %lld taken all are"
                   " accounted for", s.sum.n[VIEW_TAKEN]);
    }

    doctor_pauses(d, &s);
    doctor_lanes(d, &s);
    buf_add(&d->edge, s.edge.at, s.edge.len);

    if (s.edge_other[0]) {
        doctor_say(d, LEVEL_WARN, "edge", "is it meta_queue, or queues, that"
                   " has the wrong name?", "nginx writes %s, which is no"
                   " queue of this configuration", s.edge_other);
    }

    if (d->c->opts.edge != NULL) {
        doctor_edge(d, &s);
    }

    status_free(&s);
}


/* what may be done about a Redis that is not reached, or sends us away */
static const char *redis_todo(const char *why)
{
    return strstr(why, "WRONGPASS") != NULL || strstr(why, "NOAUTH") != NULL
           ? "user= and password_file= of redis; metactl reads the file anew,"
           " a consumer at SIGHUP"
           : strstr(why, "NOPERM") != NULL
           ? "its ACL: docs/consumer.md"
           : "does it run, is the address right, may this user reach it?";
}


static void env_odd(void *data, const char *name, const char *why)
{
    struct doctor  *d = data;

    doctor_say(d, LEVEL_WARN, "configuration", "docs/env.md has all names;"
               " NAME=VALUE, and nothing in front", "%s: %s %s",
               d->c->env_file, name, why);
}


/* run_doctor goes from what all stands on to what stands on it */
int run_doctor(struct ctl *c)
{
    struct buf     why, where;
    struct doctor  d = { .c = c };

    jw_init(&d.j);
    jw_open(&d.j, NULL, '{');
    jw_int(&d.j, "v", 1);
    jw_open(&d.j, "checks", '[');

    doctor_say(&d, LEVEL_OK, "configuration", NULL, "%s is good",
               c->opts.file);
    if (c->env_unread != NULL) {
        doctor_say(&d, LEVEL_WARN, "configuration", "sudo metactl doctor",
                   "%s is not for this user to read: what meta-consumer has of"
                   " it is not looked at", c->env_unread);
    }
    ctl_env_odd(c, env_odd, &d);
    doctor_files(&d);
    if (c->opts.nginx != NULL) {
        doctor_nginx(&d);
    }

    buf_init(&d.edge, (size_t) -1);
    buf_init(&why, 512);
    buf_init(&where, 256);
    redis_where(&where, &c->conf->redis);
    c->db = db_open(&c->conf->redis, &why);

    if (c->db == NULL) {
        buf_add(&why, "", 1);
        doctor_say(&d, LEVEL_BAD, "Redis", redis_todo(why.at), "%.*s: %s",
                   (int) where.len, where.at, why.at);
        tokens_new(NULL, NULL, c->conf);    /* the store is not asked for */
    } else {
        doctor_say(&d, LEVEL_OK, "Redis", NULL, "%.*s answers",
                   (int) where.len, where.at);
        doctor_redis(&d);
        doctor_sealed(&d);
        doctor_clock(&d);
        doctor_partitions(&d);
        doctor_queues(&d);
    }

    buf_free(&why);
    buf_free(&where);
    doctor_version(&d);
    if (doctor_net(&d) && !c->opts.offline) {
        doctor_meta(&d);
    }
    if (!c->opts.offline) {
        doctor_hook(&d);
    }

    jw_close(&d.j, ']');
    jw_int(&d.j, "warn", (long long) d.found[LEVEL_WARN]);
    jw_int(&d.j, "bad", (long long) d.found[LEVEL_BAD]);
    jw_close(&d.j, '}');

    if (c->opts.json) {
        jw_print(&d.j);
    }
    buf_free(&d.j.b);
    buf_free(&d.edge);
    free(d.callback);

    return d.found[LEVEL_BAD] ? CTL_FINDING : CTL_GOOD;
}
