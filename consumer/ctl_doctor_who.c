/* metactl doctor: whether those who should work do: consumers that are silent,
   holders that take nothing, pauses, and what the edge's page complains of. */

#include "ctl_doctor.h"

#include <stdlib.h>
#include <time.h>


#define WHO_LINES    10         /* of one kind */
#define STUCK_OLD    10000      /* an event that waits for so long ... */
#define STUCK_LOOK   2          /* ... is looked at again so many s later */


static const struct json *who_first(const struct json_doc *doc)
{
    return json_is(json_root(doc), JSON_OBJECT) ? json_root(doc)->child : NULL;
}


/* handlers and endpoints that it leaves alone, for they failed too often */
static void who_alone(struct doctor *d, const struct json *one,
    const char *member, const char *check)
{
    struct str          host = json_get_text(one, "host");
    struct str          pid = json_get_text(one, "pid");
    const struct json  *h = json_get(one, member);

    for (h = json_is(h, JSON_ARRAY) ? h->child : NULL; h != NULL; h = h->next) {
        doctor_say(d, LEVEL_WARN, check, "the consumer's log says how it"
                   " failed at last", "%.*s: %.*s leaves it alone, it failed"
                   " too often in a row (pid %.*s)",
                   (int) (json_text(h).len < 64 ? json_text(h).len : 64),
                   json_text(h).at,
                   (int) (host.len < 64 ? host.len : 64), host.at,
                   (int) (pid.len < 20 ? pid.len : 20), pid.at);
    }
}


static void who_refused(struct doctor *d, const struct json *one)
{
    struct str          host = json_get_text(one, "host");
    struct str          pid = json_get_text(one, "pid");
    const struct json  *what;

    for (what = refused_first(one); what != NULL; what = what->next) {
        doctor_say(d, LEVEL_BAD, "consumers", refused_todo(json_text(what)),
                   "%.*s, pid %.*s: %s",
                   (int) (host.len < 64 ? host.len : 64), host.at,
                   (int) (pid.len < 20 ? pid.len : 20), pid.at,
                   refused_text(json_text(what)));
    }
}


/* doctor_consumers says who is alive, and who is not heard of; whether there
   are only such */
bool doctor_consumers(struct doctor *d, const struct status *s)
{
    char                span[TIME_MAX];
    size_t              alive = 0, silent = 0;
    long long           until;
    struct str          host, pid;
    struct json_doc    *doc;
    const struct json  *one;

    doc = json_parse(s->consumers.at, s->consumers.len,
                     s->consumers.len * 20 + 65536);

    for (one = who_first(doc); one != NULL; one = one->next) {
        until = strtoll(json_get_text(one, "until").at, NULL, 10);
        alive += until > s->now;
        silent += until <= s->now;
    }

    if (alive || !silent) {
        doctor_say(d, alive ? LEVEL_OK : LEVEL_BAD, "consumers",
                   alive ? NULL : "start meta-consumer", "%zu alive", alive);
    }

    silent = 0;
    for (one = who_first(doc); one != NULL && silent < WHO_LINES;
         one = one->next)
    {
        until = strtoll(json_get_text(one, "until").at, NULL, 10);
        if (until > s->now) {
            who_refused(d, one);
            who_alone(d, one, "alone", "handler");
            who_alone(d, one, "alone_endpoints", "assistant");
            continue;
        }

        silent++;
        host = json_get_text(one, "host");
        pid = json_get_text(one, "pid");
        doctor_say(d, alive ? LEVEL_WARN : LEVEL_BAD, "consumers",
                   "if it runs, its log says why: does it reach Redis, may it"
                   " write there? else start meta-consumer",
                   "silent: %.*s, pid %.*s; what it said last ran out %s ago",
                   (int) (host.len < 64 ? host.len : 64), host.at,
                   (int) (pid.len < 20 ? pid.len : 20), pid.at,
                   time_span(span, s->now - until));
    }

    json_free(doc);

    return alive == 0 && silent > 0;
}


/* doctor_pauses: a person or Meta has stopped something, by name */
void doctor_pauses(struct doctor *d, const struct status *s)
{
    char                text[400];
    size_t              n = 0;
    struct buf          b;
    struct json_doc    *doc;
    const struct json  *one;

    doc = json_parse(s->pauses.at, s->pauses.len, s->pauses.len * 20 + 65536);

    for (one = who_first(doc); one != NULL && n < WHO_LINES; one = one->next) {
        if (!pause_text(one, s->now, text, sizeof(text))) {
            continue;
        }

        n++;
        buf_init(&b, 1024);
        buf_str(&b, one->key);
        buf_text(&b, " is paused ");
        buf_text(&b, text);
        doctor_say(d, LEVEL_WARN, "paused", "metactl resume, when it may go"
                   " on", "%.*s", (int) b.len, b.at);
        buf_free(&b);
    }

    json_free(doc);
}


static bool is_paused(const struct status *s, const struct view *v)
{
    char               key[CTL_NAME_MAX + 8], text[400];
    bool               paused;
    struct json_doc   *doc;
    const struct json  *one;

    snprintf(key, sizeof(key), "queue:%s", v->list->queue->name);
    doc = json_parse(s->pauses.at, s->pauses.len, s->pauses.len * 20 + 65536);
    one = json_get(json_root(doc), key);
    paused = one != NULL && pause_text(one, s->now, text, sizeof(text));
    json_free(doc);

    return paused;
}


/* somebody holds it, events wait for long, and nothing stands in the way that
   is said elsewhere */
static bool may_be_stuck(const struct doctor *d, const struct status *s,
    const struct view *v)
{
    char  text[400];

    return v->owner[0] && v->alone[0] == '\0' && v->n[VIEW_WAITING]
           && (v->oldest < 0 || v->now - v->oldest > STUCK_OLD)
           && view_full(d->c->conf, v, text, sizeof(text)) == NULL
           && !is_paused(s, v);
}


/* doctor_stuck looks twice where it has to: a long row may be on its way */
void doctor_stuck(struct doctor *d, const struct status *s)
{
    char             span[TIME_MAX];
    bool             waited = false;
    size_t           i;
    struct view      again;
    struct timespec  look = { .tv_sec = STUCK_LOOK };

    for (i = 0; i < s->lists.n; i++) {
        if (!may_be_stuck(d, s, &s->views[i])) {
            continue;
        }

        if (!waited) {
            nanosleep(&look, NULL);
            waited = true;
        }

        again = (struct view) { .list = s->views[i].list };
        view_read(d->c, &again);
        db_forget(d->c->db);

        if (again.n[VIEW_TAKEN] != s->views[i].n[VIEW_TAKEN]
            || !may_be_stuck(d, s, &again))
        {
            continue;
        }

        doctor_say(d, LEVEL_WARN, "holder", "its log says why: what does"
                   " Redis refuse? ACL LOG names the command",
                   "%s: its holder takes nothing; %lld wait, the oldest for"
                   " %s; %lld in flight", again.list->name,
                   again.n[VIEW_WAITING], again.oldest < 0 ? "who knows"
                   : time_span(span, again.now - again.oldest),
                   again.n[VIEW_INFLIGHT]);
    }
}


static void page_says(void *data, const char *level, const char *text)
{
    doctor_say(data, strcmp(level, "bad") == 0 ? LEVEL_BAD : LEVEL_WARN,
               "edge", "docs/status.md; nginx's error log says more",
               "nginx's page: %s", text);
}


/* doctor_edge: the numbers agree, and the page itself has no complaint */
void doctor_edge(struct doctor *d, const struct status *s)
{
    char       date[TIME_MAX];
    long long  beyond;

    if (s->edge_acked < 0) {
        doctor_say(d, LEVEL_BAD, "edge", "is it the address of a meta_status"
                   " page?", "%s", s->edge_why);
        return;
    }

    beyond = status_beyond(s);

    if (beyond < 0 && s->edge_other[0] == '\0') {
        doctor_say(d, LEVEL_BAD, "edge", "docs/operations.md, Redis: what a"
                   " failover costs. It is said until nginx is restarted, with"
                   " which it counts anew; a reload does not end it",
                   "Redis lost data: %lld fewer than nginx acknowledged",
                   -beyond);
    } else if (beyond < 0 || (status_more(s) && s->edge_start < 0)) {
        doctor_say(d, LEVEL_WARN, "edge", "metactl status --edge has the"
                   " numbers", "nginx's numbers and Redis's do not agree");
    } else if (status_more(s)) {
        doctor_say(d, LEVEL_OK, "edge", NULL, "nothing is missing that nginx"
                   " acknowledged into Redis; nginx counts since %s, what came"
                   " before is not compared", time_date(date, s->edge_start));
    } else {
        doctor_say(d, LEVEL_OK, "edge", NULL, "what nginx acknowledged into"
                   " Redis has arrived");
    }

    edge_said(s, page_says, d);
}
