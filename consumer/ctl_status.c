/* metactl status: how all queues stand, each at one moment, and whether
   everything is accounted for (docs/metactl.md). */

#include "ctl_status.h"

#include <stdlib.h>


const char *const view_names[VIEW_MAX] = {
    "arrived", "taken", "waiting", "inflight", "held", "retry", "dead",
    "done", "worked", "duplicate", "unmatched", "expired", "dropped",
    "replayed", "parts", "kept"
};


static void view_counts(struct view *v, const struct reply *counts)
{
    size_t  i, k;

    for (i = 0; i + 1 < reply_count(counts); i += 2) {
        for (k = 0; k < VIEW_MAX; k++) {
            if ((k == VIEW_TAKEN || (k >= VIEW_WORKED && k <= VIEW_PARTS))
                && str_is(reply_str(reply_at(counts, i)), view_names[k]))
            {
                v->n[k] = reply_number(reply_at(counts, i + 1));
            }
        }
    }

    v->n[VIEW_DONE] = 0;
    for (k = VIEW_WORKED; k <= VIEW_DROPPED; k++) {
        v->n[VIEW_DONE] += v->n[k];
    }

    v->n[VIEW_ARRIVED] = v->n[VIEW_TAKEN] + v->n[VIEW_WAITING];
    v->off = v->n[VIEW_TAKEN] - v->n[VIEW_INFLIGHT] - v->n[VIEW_HELD]
             - v->n[VIEW_RETRY] - v->n[VIEW_DEAD] - v->n[VIEW_DONE];
}


static void view_lease(struct view *v, const struct reply *lease)
{
    struct str  owner = reply_str(reply_at(lease, 0));
    struct str  alone = reply_str(reply_at(lease, 2));

    v->until = reply_number(reply_at(lease, 1));

    if (v->until > v->now) {
        snprintf(v->owner, sizeof(v->owner), "%.*s",
                 (int) (owner.len < 159 ? owner.len : 159), owner.at);
    }

    snprintf(v->alone, sizeof(v->alone), "%.*s",
             (int) (alone.len < 63 ? alone.len : 63), alone.at);
}


static long long view_time(const struct reply *reply)
{
    return reply_type(reply) == REPLY_NIL ? -1 : reply_number(reply);
}


/* view_read asks how v->list stands */
void view_read(struct ctl *c, struct view *v)
{
    char                 keys[10][CTL_NAME_MAX];
    size_t               i, n = 0;
    const char          *q = v->list->name;
    struct ask          *w = mem_alloc(sizeof(*w));
    const struct reply  *r;
    static const char   *companions[] = {
        "urgent", "inflight", "held", "retry", "dead", "lease", "count",
        "kept", "seen:count"
    };

    snprintf(keys[n++], CTL_NAME_MAX, "%s", q);
    for (i = 0; i < sizeof(companions) / sizeof(companions[0]); i++) {
        key_of(keys[n++], q, companions[i]);
    }

    for (i = 0; i < n; i++) {
        ask_text(w, keys[i]);
    }

    r = ctl_run(c, CTL_STATUS, w, n);
    free(w);

    v->now = reply_number(reply_at(r, 0));
    v->n[VIEW_WAITING] = reply_number(reply_at(r, 1))
                         + reply_number(reply_at(r, 2));
    for (i = VIEW_INFLIGHT; i <= VIEW_DEAD; i++) {
        v->n[i] = reply_number(reply_at(r, 3 + i - VIEW_INFLIGHT));
    }
    v->n[VIEW_KEPT] = reply_number(reply_at(r, 7));
    v->oldest = view_time(reply_at(r, 8));
    v->due = view_time(reply_at(r, 9));

    v->seen = view_time(reply_at(r, 10));
    view_lease(v, reply_at(r, 11));
    view_counts(v, reply_at(r, 12));
}


/* view_full: as take.lua judges */
const char *view_full(const struct conf *conf, const struct view *v,
    char *text, size_t size)
{
    long long  aside = v->n[VIEW_HELD] + v->n[VIEW_RETRY];

    if (v->n[VIEW_DEAD] >= (long long) conf->dead_max) {
        snprintf(text, size, "%s: nothing is taken, %lld are dead and"
                 " dead_max is %lu", v->list->name, v->n[VIEW_DEAD],
                 conf->dead_max);
        return "dead_max";
    }

    if (aside >= (long long) conf->waiting_max) {
        snprintf(text, size, "%s: nothing is taken, %lld are held or retried"
                 " and waiting_max is %lu", v->list->name, aside,
                 conf->waiting_max);
        return "waiting_max";
    }

    return NULL;
}


static void status_sum(struct status *s)
{
    size_t        i, k;
    struct view  *v, *sum = &s->sum;

    *sum = (struct view) { .oldest = -1, .due = -1, .seen = -1 };

    for (i = 0; i < s->lists.n; i++) {
        v = &s->views[i];

        for (k = 0; k < VIEW_MAX; k++) {
            sum->n[k] += v->n[k];
        }

        sum->off += v->off < 0 ? -v->off : v->off;
        if (v->oldest >= 0 && (sum->oldest < 0 || v->oldest < sum->oldest)) {
            sum->oldest = v->oldest;
        }
        if (v->due >= 0 && (sum->due < 0 || v->due < sum->due)) {
            sum->due = v->due;
        }
        if (v->seen >= 0 && (sum->seen < 0 || v->seen < sum->seen)) {
            sum->seen = v->seen;
        }
    }
}


/* a hash of JSON values, each checked, as an object */
static void status_hash(struct ctl *c, struct buf *b, const char *key)
{
    size_t               i;
    bool                 comma = false;
    struct str           value;
    const struct reply  *r = ctl_ask(c, "HGETALL", key, NULL);

    buf_init(b, (size_t) -1);
    buf_text(b, "{");

    for (i = 0; i + 1 < reply_count(r); i += 2) {
        value = reply_str(reply_at(r, i + 1));
        if (json_valid(value.at, value.len)) {
            buf_text(b, comma ? "," : "");
            json_quote(b, reply_str(reply_at(r, i)));
            buf_text(b, ":");
            buf_str(b, value);
            comma = true;
        }
    }

    buf_text(b, "}");
}


/* status_read asks Redis, and the edge where it is named */
void status_read(struct ctl *c, struct status *s, bool strays)
{
    size_t  i;

    *s = (struct status) { .edge_acked = -1 };
    s->now = ctl_clock(c);
    if (c->opts.edge != NULL) {
        edge_before(c, s);
    }
    lists_all(c, &s->lists, c->nargs ? c->args[0] : NULL, strays);
    s->views = mem_alloc(s->lists.n * sizeof(*s->views));

    for (i = 0; i < s->lists.n; i++) {
        s->views[i].list = &s->lists.at[i];
        view_read(c, &s->views[i]);
        db_forget(c->db);
    }

    status_sum(s);
    status_hash(c, &s->consumers, "meta:consumers");
    status_hash(c, &s->pauses, "meta:control");
    quiet_read(c, "stopped", s->now, QUIET_NAMED, false, &s->stopped);
    quiet_read(c, "paused", s->now, QUIET_NAMED, false, &s->paused);
    lanes_read(c, s);

    if (c->opts.edge != NULL) {
        edge_after(c, s);
    }

    db_forget(c->db);
}


/* status_free releases it */
void status_free(struct status *s)
{
    lists_free(&s->lists);
    free(s->views);
    free(s->lanes);
    buf_free(&s->consumers);
    buf_free(&s->pauses);
    buf_free(&s->stopped.list);
    buf_free(&s->paused.list);
    buf_free(&s->edge);
}


/* lists of jobs are left out: they do not come from the edge */
static long long status_arrived(const struct status *s)
{
    size_t     i;
    long long  n = 0;

    for (i = 0; i < s->lists.n; i++) {
        if (s->lists.at[i].queue->kind != QUEUE_JOBS) {
            n += s->views[i].n[VIEW_ARRIVED] - s->views[i].n[VIEW_REPLAYED]
                 - s->views[i].n[VIEW_PARTS];
        }
    }

    return n;
}


/* status_acked: each list is read at a moment between the two pages */
long long status_acked(const struct status *s)
{
    long long  n = status_arrived(s);

    return n < s->edge_before ? s->edge_before
           : n > s->edge_acked ? s->edge_acked : n;
}


/* status_beyond is below zero where something is missing */
long long status_beyond(const struct status *s)
{
    return status_arrived(s) - status_acked(s);
}


/* status_more leaves out what nginx cannot have counted yet */
bool status_more(const struct status *s)
{
    return status_beyond(s) > s->edge_unknown + s->edge_owed;
}


/* status_good says whether nothing is unaccounted for or refused.  Where the
   page says when it began to count, what is more may have come before */
bool status_good(const struct status *s)
{
    return s->sum.off == 0 && s->edge_why[0] == '\0' && !refused_any(s)
           && (s->edge_acked < 0
               || (status_beyond(s) >= 0
                   && (s->edge_start >= 0 || !status_more(s))));
}


static void status_view(const struct view *v, struct jw *j)
{
    size_t  k;

    for (k = 0; k < VIEW_MAX; k++) {
        jw_int(j, view_names[k], v->n[k]);
    }

    jw_int(j, "unaccounted", v->off);
    jw_time(j, "oldest", v->oldest);
    jw_time(j, "next_due", v->due);
    jw_time(j, "seen_since", v->seen);
}


static void status_said(void *data, const char *level, const char *text)
{
    struct jw  *j = data;

    jw_open(j, NULL, '{');
    jw_text(j, "level", level);
    jw_text(j, "text", text);
    jw_close(j, '}');
}


/* status_json writes the whole */
void status_json(struct ctl *c, const struct status *s, struct jw *j)
{
    char                text[400];
    size_t              i;
    const struct view  *v;

    jw_open(j, NULL, '{');
    jw_int(j, "v", 1);
    jw_int(j, "now", s->now);
    jw_bool(j, "good", status_good(s));
    jw_open(j, "queues", '[');

    for (i = 0; i < s->lists.n; i++) {
        v = &s->views[i];
        jw_open(j, NULL, '{');
        jw_text(j, "queue", s->lists.at[i].queue->name);
        jw_text(j, "list", s->lists.at[i].name);
        jw_bool(j, "stray", s->lists.at[i].stray);
        status_view(v, j);
        jw_text(j, "holder", v->owner[0] ? v->owner : NULL);
        jw_time(j, "lease_ms", v->owner[0] ? v->until - v->now : -1);
        jw_text(j, "alone", v->alone[0] ? v->alone : NULL);
        jw_text(j, "full", view_full(c->conf, v, text, sizeof(text)));
        jw_close(j, '}');
    }

    jw_close(j, ']');
    jw_open(j, "sum", '{');
    status_view(&s->sum, j);
    jw_close(j, '}');
    lanes_json(s, j);
    jw_raw(j, "consumers", (struct str) { s->consumers.at,
                                          s->consumers.len });
    jw_raw(j, "paused", (struct str) { s->pauses.at, s->pauses.len });
    jw_raw(j, "stopped", (struct str) { s->stopped.list.at,
                                        s->stopped.list.len });
    jw_raw(j, "paused_conversations",
           (struct str) { s->paused.list.at, s->paused.list.len });
    jw_open(j, "conversations", '{');
    jw_int(j, "paused", s->paused.n);
    jw_int(j, "stopped", s->stopped.n);
    jw_close(j, '}');

    if (c->opts.edge != NULL) {
        jw_open(j, "edge", '{');
        jw_text(j, "error", s->edge_why[0] ? s->edge_why : NULL);
        jw_time(j, "start", s->edge_acked < 0 ? -1 : s->edge_start);
        jw_time(j, "acked", s->edge_acked < 0 ? -1 : status_acked(s));
        jw_time(j, "unknown", s->edge_acked < 0 ? -1 : s->edge_unknown);
        if (s->edge_acked < 0) {
            jw_raw(j, "beyond", STR("null"));
        } else {
            jw_int(j, "beyond", status_beyond(s));
        }
        jw_text(j, "other", s->edge_other[0] ? s->edge_other : NULL);
        jw_open(j, "page", '[');
        edge_said(s, status_said, j);
        jw_close(j, ']');
        jw_close(j, '}');
    }

    jw_close(j, '}');
}


/* run_status: one look */
int run_status(struct ctl *c)
{
    int            code;
    struct jw      j;
    struct buf     b;
    struct status  s;

    status_read(c, &s, true);
    code = status_good(&s) ? CTL_GOOD : CTL_FINDING;

    if (c->opts.json) {
        jw_init(&j);
        status_json(c, &s, &j);
        jw_print(&j);
    } else {
        buf_init(&b, (size_t) -1);
        status_text(c, &s, &b);
        out_print(&b);
    }

    status_free(&s);

    return code;
}
