/* On which lanes events wait, and what has stopped these: why HELD is not 0. */

#include "ctl_status.h"
#include "ctl_store.h"
#include "limits.h"

#include <stdlib.h>


#define LANES_EACH  "20"    /* of a list */


static struct standing *standing_of(struct status *s, struct str lane)
{
    size_t            i;
    struct standing  *at;

    for (i = 0; i < s->nlanes; i++) {
        if (str_is(lane, s->lanes[i].lane)) {
            return &s->lanes[i];
        }
    }

    s->lanes = mem_grow(s->lanes, (s->nlanes + 1) * sizeof(*s->lanes));
    at = &s->lanes[s->nlanes++];
    *at = (struct standing) { .waiting = 0 };
    snprintf(at->lane, sizeof(at->lane), "%.*s", (int) lane.len, lane.at);

    return at;
}


/* a lane of a token has a name that only the token tells */
static void standing_token(struct ctl *c, struct standing *at)
{
    size_t                     i, n;
    struct lane                lane;
    unsigned char              key[16];
    const struct conf         *conf = c->conf;
    const struct conf_token  **t = store_all(c, &n);

    limits_key(key, conf);

    for (i = 0; i < n; i++) {
        lane_set(&lane, conf->rates, key, LANE_TOKEN, STR(t[i]->lane), NONE);
        if (strcmp(lane.name, at->lane) == 0) {
            snprintf(at->token, sizeof(at->token), "%s",
                     token_source(t[i]));
            at->stored = t[i]->stored;
        }
    }

    free(t);
}


/* what limit_stop.lua has written of it */
static void standing_stop(struct ctl *c, struct standing *at)
{
    char                key[STANDING_MAX + 24];
    struct str          stop, why;
    struct json_doc    *doc;
    const struct json  *root;

    snprintf(key, sizeof(key), "meta:limit:stop:%s", at->lane);
    stop = reply_str(ctl_ask(c, "GET", key, NULL));
    doc = json_parse(stop.at, stop.len, 65536);
    root = json_root(doc);

    if (json_is(root, JSON_OBJECT)) {
        at->until = strtoll(json_get_text(root, "until").at, NULL, 10);
        at->since = strtoll(json_get_text(root, "since").at, NULL, 10);
        why = json_get_text(root, "why");
        snprintf(at->why, sizeof(at->why), "%.*s", (int) why.len, why.at);
    }

    json_free(doc);
}


/* standing_read fills in what is known of at->lane */
void standing_read(struct ctl *c, struct standing *at)
{
    at->until = at->since = -1;
    standing_token(c, at);
    standing_stop(c, at);
}


/* lanes_read asks of all lists.  A consumer's own user may not look there: the
   rest is worth showing */
void lanes_read(struct ctl *c, struct status *s)
{
    char                 key[CTL_NAME_MAX];
    size_t               i, k;
    struct ask          *w = mem_alloc(sizeof(*w));
    const struct reply  *r;

    for (i = 0; i < s->lists.n; i++) {
        if (s->views[i].n[VIEW_HELD] == 0) {
            continue;
        }

        w->n = 0;
        key_of(key, s->lists.at[i].name, "lines");
        ask_text(w, key);
        ask_text(w, LANES_EACH);
        r = ctl_try(c, CTL_LANES, w, 1);
        if (reply_is_error(r)) {
            snprintf(s->unseen, sizeof(s->unseen), "%.*s",
                     (int) (reply_str(r).len < 199 ? reply_str(r).len : 199),
                     reply_str(r).at);
            db_forget(c->db);
            break;
        }

        for (k = 0; k + 1 < reply_count(r); k += 2) {
            standing_of(s, reply_str(reply_at(r, k)))->waiting
                += reply_number(reply_at(r, k + 1));
        }

        db_forget(c->db);
    }

    for (i = 0; i < s->nlanes; i++) {
        standing_read(c, &s->lanes[i]);
        db_forget(c->db);
    }

    free(w);
}


/* lanes_json writes them */
void lanes_json(const struct status *s, struct jw *j)
{
    size_t                  i;
    const struct standing  *at;

    jw_open(j, "lanes", '[');

    for (i = 0; i < s->nlanes; i++) {
        at = &s->lanes[i];
        jw_open(j, NULL, '{');
        jw_text(j, "lane", at->lane);
        jw_int(j, "waiting", at->waiting);
        jw_text(j, "token", at->token[0] ? at->token : NULL);
        jw_time(j, "since", at->since);
        jw_time(j, "until", at->until);
        jw_text(j, "why", at->why[0] ? at->why : NULL);
        jw_close(j, '}');
    }

    jw_close(j, ']');
    jw_text(j, "lanes_unseen", s->unseen[0] ? s->unseen : NULL);
}


/* standing_text: "until DATE: WHY", or what else keeps it */
void standing_text(const struct standing *at, long long now, char *out,
    size_t size)
{
    char  date[TIME_MAX];

    if (at->until > now) {
        snprintf(out, size, "until %s: %s", time_date(date, at->until),
                 at->why);
    } else if (at->until > 0) {
        snprintf(out, size, "one call tries it now: %s", at->why);
    } else {
        snprintf(out, size, "go by its rate, or by a pause");
    }
}
