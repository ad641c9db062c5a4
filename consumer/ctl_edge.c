/* The join with the edge (docs/status.md): what nginx says that Redis has
   acknowledged, beside what arrived there. */

#include "ctl_status.h"

#include <stdlib.h>


static long long edge_number(const struct json *events, const char *name)
{
    const struct json  *n = json_get(events, name);

    return json_is(n, JSON_NUMBER) ? strtoll(n->text.at, NULL, 10) : -1;
}


/* the page itself may be named, or its JSON */
static const char *edge_get(struct ctl *c, struct buf *answer)
{
    const char       *why;
    struct buf        url;
    struct json_doc  *doc;

    why = ctl_get(c->opts.edge, c->conf->ca_file, answer);
    if (why != NULL) {
        return why;
    }

    doc = json_parse(answer->at, answer->len, answer->len * 20 + 65536);
    json_free(doc);
    if (doc != NULL) {
        return NULL;
    }

    buf_free(answer);
    buf_init(&url, 4096);
    buf_text(&url, c->opts.edge);
    buf_text(&url, strchr(c->opts.edge, '?') != NULL ? "&format=json"
                   : "?format=json");
    buf_add(&url, "", 1);
    why = ctl_get(url.at, c->conf->ca_file, answer);
    buf_free(&url);

    return why;
}


/* NAME or NAME:N of a queue of the configuration */
static bool edge_ours(const struct conf *conf, struct str list)
{
    size_t                    i, n;
    const struct conf_queue  *q = conf->queues.at;

    for (i = 0; i < conf->queues.n; i++) {
        n = strlen(q[i].name);
        if (list.len < n || memcmp(list.at, q[i].name, n) != 0) {
            continue;
        }

        if (list.len == n || (list.at[n] == ':'
            && str_digits((struct str) { list.at + n + 1,
                                         list.len - n - 1 })))
        {
            return true;
        }
    }

    return false;
}


/* what goes there is in the edge's numbers, and never arrives here */
static void edge_other(struct ctl *c, struct status *s,
    const struct json *lists)
{
    struct str          list;
    const struct json  *e = json_is(lists, JSON_ARRAY) ? lists->child : NULL;

    for (; e != NULL; e = e->next) {
        list = json_get_text(e, "list");
        if (list_name_good(list) && !edge_ours(c->conf, list)) {
            snprintf(s->edge_other, sizeof(s->edge_other), "%.*s",
                     (int) list.len, list.at);
            return;
        }
    }
}


/* the edge's numbers; 0, or -1 and edge_why */
static int edge_read(struct ctl *c, struct status *s)
{
    long long           by_redis, drained;
    const char         *why;
    struct json_doc    *doc;
    const struct json  *events;

    s->edge_acked = -1;
    why = edge_get(c, &s->edge);
    if (why != NULL) {
        snprintf(s->edge_why, sizeof(s->edge_why), "%s", why);
        return -1;
    }

    doc = json_parse(s->edge.at, s->edge.len, s->edge.len * 20 + 65536);
    events = json_get(json_root(doc), "events");
    s->edge_start = edge_number(json_root(doc), "start");
    by_redis = edge_number(events, "by_redis");
    drained = edge_number(events, "drained");
    s->edge_unknown = edge_number(events, "unknown");
    s->edge_owed = edge_number(events, "unanswered");
    edge_other(c, s, json_get(json_root(doc), "lists"));
    json_free(doc);

    if (by_redis < 0 || drained < 0 || s->edge_unknown < 0) {
        snprintf(s->edge_why, sizeof(s->edge_why),
                 "it is no meta_status page");
        return -1;
    }

    s->edge_acked = by_redis + drained;
    s->edge_owed = s->edge_owed < 0 ? 0 : s->edge_owed;

    return 0;
}


/* edge_before: of what is acknowledged by now, nothing may be missing then */
void edge_before(struct ctl *c, struct status *s)
{
    edge_read(c, s);
    s->edge_before = s->edge_acked;
}


/* edge_after: what arrived until now is in it, unless others push */
void edge_after(struct ctl *c, struct status *s)
{
    if (s->edge_why[0] == '\0') {
        buf_free(&s->edge);
        s->edge_other[0] = '\0';
        edge_read(c, s);
    }
}


static void said_one(const struct json *note,
    void (*cb)(void *data, const char *level, const char *text), void *data)
{
    char        line[300];
    struct str  level = json_get_text(note, "level");
    struct str  text = json_get_text(note, "text");

    if (str_is(level, "bad") || str_is(level, "warn")) {
        snprintf(line, sizeof(line), "%.*s",
                 (int) (text.len < 299 ? text.len : 299), text.at);
        cb(data, str_is(level, "bad") ? "bad" : "warn", line);
    }
}


/* edge_said tells each complaint of the page */
void edge_said(const struct status *s,
    void (*cb)(void *data, const char *level, const char *text), void *data)
{
    struct json_doc    *doc;
    const struct json  *summary, *more;

    doc = json_parse(s->edge.at, s->edge.len, s->edge.len * 20 + 65536);
    summary = json_get(json_root(doc), "summary");
    said_one(summary, cb, data);

    more = json_get(summary, "more");
    for (more = json_is(more, JSON_ARRAY) ? more->child : NULL; more != NULL;
         more = more->next)
    {
        said_one(more, cb, data);
    }

    json_free(doc);
}
