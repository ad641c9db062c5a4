/* How the queues stand, on 80 columns: what status prints and top draws. */

#include "ctl_status.h"

#include <stdlib.h>
#include <unistd.h>

#include <sys/ioctl.h>


#define NAME_WIDTH  22
#define NAME_LEAST  8           /* where the terminal is narrow */
#define DONE_WIDTH  10
#define ROW_WIDTH   46          /* the others: 9 9 7 7 7 7 */


/* how wide the names may be; what is done is left out before names are cut */
static int name_width(const struct ctl *c, bool *done)
{
    int             n;
    struct winsize  size;

    *done = true;
    if (c->opts.json || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0
        || size.ws_col == 0
        || size.ws_col >= NAME_WIDTH + ROW_WIDTH + DONE_WIDTH)
    {
        return NAME_WIDTH;
    }

    *done = false;
    n = size.ws_col - ROW_WIDTH;

    return n > NAME_WIDTH ? NAME_WIDTH : n < NAME_LEAST ? NAME_LEAST : n;
}


static void show_label(struct ctl *c, struct buf *b, const char *label)
{
    out_color(c, b, 'd');
    out_pad(b, STR(label), 11);
    out_color(c, b, 0);
}


static void show_head(struct ctl *c, struct buf *b)
{
    bool                done;
    int                 width = name_width(c, &done);
    size_t              i;
    static const char  *names[] = {
        "WAITING", "OLDEST", "FLIGHT", "HELD", "RETRY", "DEAD", "DONE"
    };
    static const int    widths[] = { 9, 9, 7, 7, 7, 7, DONE_WIDTH };

    out_color(c, b, 'b');
    out_pad(b, STR("QUEUE"), width);
    for (i = 0; i < sizeof(names) / sizeof(names[0]) - !done; i++) {
        out_pad(b, STR(names[i]), -widths[i]);
    }
    out_color(c, b, 0);
    buf_text(b, "\n");
}


static void show_row(struct ctl *c, struct buf *b, const struct view *v,
    const char *name, long long now)
{
    char  span[TIME_MAX];
    bool  done;
    int   width = name_width(c, &done);

    out_pad(b, STR(name), width);
    out_number(b, v->n[VIEW_WAITING], 9);
    out_pad(b, STR(v->oldest < 0 ? "-"
                   : time_span(span, now > v->oldest ? now - v->oldest : 0)),
            -9);
    out_number(b, v->n[VIEW_INFLIGHT], 7);
    out_number(b, v->n[VIEW_HELD], 7);
    out_number(b, v->n[VIEW_RETRY], 7);

    out_color(c, b, v->n[VIEW_DEAD] ? 'r' : 0);
    out_number(b, v->n[VIEW_DEAD], 7);
    out_color(c, b, 0);
    if (done) {
        out_number(b, v->n[VIEW_DONE], DONE_WIDTH);
    }
    buf_text(b, "\n");
}


static void show_done(struct ctl *c, struct buf *b, const struct view *v)
{
    size_t  k;

    show_label(c, b, "done");

    for (k = VIEW_WORKED; k <= VIEW_DROPPED; k++) {
        buf_format(b, "%s%s %lld", k > VIEW_WORKED ? ", " : "",
                   view_names[k], v->n[k]);
    }

    buf_text(b, "\n");
}


/* design 1: taken = in flight + held + retry + dead + done */
static void show_identity(struct ctl *c, struct buf *b,
    const struct status *s)
{
    size_t              i;
    const struct view  *sum = &s->sum;

    show_label(c, b, "accounts");
    buf_format(b, "arrived %lld = waiting %lld + taken %lld",
               sum->n[VIEW_ARRIVED], sum->n[VIEW_WAITING],
               sum->n[VIEW_TAKEN]);

    if (sum->off == 0) {
        out_color(c, b, 'g');
        buf_text(b, "  all accounted for");
        out_color(c, b, 0);
    }

    buf_text(b, "\n");

    for (i = 0; i < s->lists.n; i++) {
        if (s->views[i].off) {
            show_label(c, b, "");
            out_color(c, b, 'r');
            buf_format(b, "%s: taken is %lld %s than what is somewhere\n",
                       s->lists.at[i].name,
                       llabs(s->views[i].off),
                       s->views[i].off > 0 ? "more" : "less");
            out_color(c, b, 0);
        }
    }
}


static void show_full(struct ctl *c, struct buf *b, const struct status *s)
{
    char         text[400];
    size_t       i;
    const char  *label = "full";

    for (i = 0; i < s->lists.n; i++) {
        if (view_full(c->conf, &s->views[i], text, sizeof(text)) == NULL) {
            continue;
        }

        show_label(c, b, label);
        label = "";
        out_color(c, b, 'r');
        out_wrap(b, text, 11);
        out_color(c, b, 0);
    }
}


static void show_note(struct ctl *c, struct buf *b, const char *what,
    const char *which)
{
    out_pad(b, NONE, 11 + NAME_WIDTH + 1);
    out_color(c, b, 'y');
    buf_text(b, what);
    out_safe(b, STR(which));
    out_color(c, b, 0);
    buf_text(b, "\n");
}


static void show_holders(struct ctl *c, struct buf *b,
    const struct status *s)
{
    char                span[TIME_MAX];
    size_t              i;
    const char         *label = "held by";
    const struct view  *v;

    for (i = 0; i < s->lists.n; i++) {
        v = &s->views[i];
        show_label(c, b, label);
        label = "";

        if (s->lists.n > 1) {
            out_pad(b, STR(s->lists.at[i].name), NAME_WIDTH);
            buf_text(b, " ");
        }

        if (v->owner[0] == '\0') {
            out_color(c, b, 'y');
            buf_text(b, "nobody");
            out_color(c, b, 0);
        } else {
            out_pad(b, STR(v->owner), strlen(v->owner) > 34 ? 34
                    : (int) strlen(v->owner));
            buf_format(b, ", %s left", time_span(span, v->until - v->now));
        }

        buf_text(b, "\n");
        if (v->alone[0]) {
            show_note(c, b, "works a suspect alone: item ", v->alone);
        }
        if (s->lists.at[i].stray) {
            show_note(c, b, "it is outside of the partitions", "");
        }
    }
}


static void show_alone(struct ctl *c, struct buf *b, const struct json *one,
    const char *member, const char *what)
{
    const struct json  *h = json_get(one, member);

    for (h = json_is(h, JSON_ARRAY) ? h->child : NULL; h != NULL; h = h->next) {
        out_pad(b, NONE, 13);
        out_color(c, b, 'y');
        buf_text(b, what);
        out_safe(b, json_text(h));
        buf_text(b, " failed too often, and is left alone");
        out_color(c, b, 0);
        buf_text(b, "\n");
    }
}


static void show_refused(struct ctl *c, struct buf *b,
    const struct json *one)
{
    const struct json  *what;

    for (what = refused_first(one); what != NULL; what = what->next) {
        out_pad(b, NONE, 13);
        out_color(c, b, 'r');
        out_wrap(b, refused_text(json_text(what)), 13);
        out_color(c, b, 0);
    }
}


static void show_consumers(struct ctl *c, struct buf *b,
    const struct status *s)
{
    char                span[TIME_MAX];
    size_t              n;
    const char         *label = "consumers";
    long long           started, until;
    struct json_doc    *doc;
    const struct json  *one, *held;

    doc = json_parse(s->consumers.at, s->consumers.len,
                     s->consumers.len * 20 + 65536);

    for (one = json_is(json_root(doc), JSON_OBJECT) ? json_root(doc)->child
               : NULL;
         one != NULL; one = one->next)
    {
        started = strtoll(json_get_text(one, "started").at, NULL, 10);
        until = strtoll(json_get_text(one, "until").at, NULL, 10);
        n = 0;
        held = json_get(one, "held");
        for (held = json_is(held, JSON_ARRAY) ? held->child : NULL;
             held != NULL; held = held->next)
        {
            n++;
        }

        show_label(c, b, label);
        label = "";
        out_pad(b, json_get_text(one, "host"), 20);
        buf_text(b, " pid ");
        out_pad(b, json_get_text(one, "pid"), 8);
        buf_text(b, " ");
        out_pad(b, json_get_text(one, "version"), 8);
        buf_format(b, " holds %zu, up %s", n,
                   time_span(span, s->now - started));

        if (until && until < s->now) {
            out_color(c, b, 'y');
            buf_text(b, ", silent");
            out_color(c, b, 0);
        }

        buf_text(b, "\n");
        show_refused(c, b, one);
        show_alone(c, b, one, "alone", "its handler ");
        show_alone(c, b, one, "alone_endpoints", "its endpoint ");
    }

    if (label[0] != '\0') {
        show_label(c, b, label);
        buf_text(b, "none has announced itself\n");
    }

    json_free(doc);
}


/* pause_text: until when, why, by whom; false: it is over */
bool pause_text(const struct json *pause, long long now, char *out,
    size_t size)
{
    char        date[TIME_MAX], span[TIME_MAX];
    struct buf  b;
    struct str  by = json_get_text(pause, "by");
    struct str  why = json_get_text(pause, "why");
    long long   until = strtoll(json_get_text(pause, "until").at, NULL, 10);
    long long   since = strtoll(json_get_text(pause, "since").at, NULL, 10);

    if (until && until <= now) {
        return false;
    }

    buf_init(&b, 1024);
    buf_text(&b, until ? "until " : "until it is resumed");
    buf_text(&b, until ? time_date(date, until) : "");

    if (why.len) {
        buf_text(&b, ": ");
        buf_add(&b, why.at, why.len < 100 ? why.len : 100);
    }
    if (by.len) {
        buf_text(&b, "; by ");
        buf_add(&b, by.at, by.len < 100 ? by.len : 100);
    }
    if (since > 0 && since <= now) {
        buf_format(&b, "%s %s ago", by.len ? "," : ";",
                   time_span(span, now - since));
    }

    snprintf(out, size, "%.*s", (int) b.len, b.at);
    buf_free(&b);

    return true;
}


static void show_pauses(struct ctl *c, struct buf *b, const struct status *s)
{
    char                text[400];
    const char         *label = "paused";
    struct json_doc    *doc;
    const struct json  *one;

    doc = json_parse(s->pauses.at, s->pauses.len,
                     s->pauses.len * 20 + 65536);

    for (one = json_is(json_root(doc), JSON_OBJECT) ? json_root(doc)->child
               : NULL;
         one != NULL; one = one->next)
    {
        if (!pause_text(one, s->now, text, sizeof(text))) {
            continue;
        }

        show_label(c, b, label);
        label = "";
        out_color(c, b, 'y');
        out_pad(b, one->key, one->key.len > 60 ? 60 : (int) one->key.len);
        out_color(c, b, 0);
        buf_text(b, "\n");
        out_pad(b, NONE, 13);
        out_wrap(b, text, 13);
    }

    json_free(doc);
}


static void show_quiet(struct ctl *c, struct buf *b, const struct quiet *q,
    const char *label, char color, const char *why)
{
    char                text[300];
    struct json_doc    *doc;
    const struct json  *one;

    if (q->n == 0) {
        return;
    }

    show_label(c, b, label);
    out_color(c, b, color);
    buf_format(b, "%lld%s conversation%s", q->n,
               q->n >= QUIET_MAX ? " or more" : "", q->n == 1 ? "" : "s");
    out_color(c, b, 0);
    buf_format(b, " %s\n", why);

    doc = json_parse(q->list.at, q->list.len, q->list.len * 20 + 65536);
    for (one = json_root(doc)->child; one != NULL; one = one->next) {
        quiet_text(one, text, sizeof(text));
        out_pad(b, NONE, 13);
        out_wrap(b, text, 13);
    }
    json_free(doc);
}


static void show_lanes(struct ctl *c, struct buf *b, const struct status *s)
{
    char                    text[300];
    size_t                  i;
    const char             *label = "held on";
    const struct standing  *at;

    if (s->unseen[0]) {
        show_label(c, b, label);
        out_color(c, b, 'y');
        buf_text(b, "not for this user of Redis to see: docs/metactl.md, The"
                 " smallest ACL");
        out_color(c, b, 0);
        buf_text(b, "\n");
    }

    for (i = 0; i < s->nlanes; i++) {
        at = &s->lanes[i];
        show_label(c, b, label);
        label = "";
        out_color(c, b, 'y');
        out_safe(b, STR(at->lane));
        out_color(c, b, 0);
        buf_format(b, ", %lld wait\n", at->waiting);

        if (at->token[0]) {
            out_pad(b, NONE, 13);
            buf_text(b, "the token of ");
            out_safe(b, STR(at->token));
            buf_text(b, "\n");
        }

        out_pad(b, NONE, 13);
        standing_text(at, s->now, text, sizeof(text));
        out_wrap(b, text, 13);
    }
}


static void show_said(void *data, const char *level, const char *text)
{
    struct buf  *b = data;

    out_pad(b, NONE, 13);
    buf_text(b, level);
    buf_text(b, ": ");
    out_wrap(b, text, 19);
}


static void show_edge(struct ctl *c, struct buf *b, const struct status *s)
{
    char       date[TIME_MAX];
    long long  beyond;

    show_label(c, b, "edge");

    if (s->edge_acked < 0) {
        out_color(c, b, 'r');
        out_pad(b, STR(s->edge_why), 68);
        out_color(c, b, 0);
        buf_text(b, "\n");
        return;
    }

    beyond = status_beyond(s);
    buf_format(b, "acked into Redis %lld, unknown %lld, beyond them %lld:",
               status_acked(s), s->edge_unknown, beyond);

    if (s->edge_other[0] && (beyond < 0 || status_more(s))) {
        out_color(c, b, 'y');
        buf_text(b, " nginx writes ");
        out_pad(b, STR(s->edge_other), (int) strlen(s->edge_other));
        buf_text(b, ", no queue here");
    } else if (beyond < 0) {
        out_color(c, b, 'r');
        buf_text(b, " REDIS LOST DATA");
    } else if (status_more(s) && s->edge_start >= 0) {
        buf_text(b, "\n");
        out_pad(b, NONE, 13);
        buf_format(b, "nginx counts since %s; what came before is not"
                   " compared", time_date(date, s->edge_start));
    } else if (status_more(s)) {
        out_color(c, b, 'y');
        buf_text(b, " others push too");
    } else {
        out_color(c, b, 'g');
        buf_text(b, " good");
    }

    out_color(c, b, 0);
    buf_text(b, "\n");
    edge_said(s, show_said, b);
}


/* status_text writes it all */
void status_text(struct ctl *c, const struct status *s, struct buf *b)
{
    char    span[TIME_MAX], date[TIME_MAX];
    size_t  i;

    show_head(c, b);
    for (i = 0; i < s->lists.n; i++) {
        show_row(c, b, &s->views[i], s->lists.at[i].name, s->now);
    }
    if (s->lists.n > 1) {
        show_row(c, b, &s->sum, "all", s->now);
    }

    buf_text(b, "\n");
    show_done(c, b, &s->sum);
    show_identity(c, b, s);
    show_full(c, b, s);
    show_holders(c, b, s);
    show_consumers(c, b, s);
    show_pauses(c, b, s);
    show_quiet(c, b, &s->stopped, "stopped", 'r',
               "with too many automatic replies");
    show_quiet(c, b, &s->paused, "people", 'y',
               "paused, a person answers");
    show_lanes(c, b, s);

    if (s->sum.due >= 0) {
        show_label(c, b, "retry");
        buf_format(b, "the next is due %s%s\n",
                   s->sum.due > s->now ? "in " : "now",
                   s->sum.due > s->now ? time_span(span, s->sum.due - s->now)
                   : "");
    }

    show_label(c, b, "dedupe");
    buf_format(b, s->sum.seen < 0 ? "remembers nothing%s\n"
               : "reaches back to %s\n",
               s->sum.seen < 0 ? "" : time_date(date, s->sum.seen));

    if (c->opts.edge != NULL) {
        show_edge(c, b, s);
    }
}
