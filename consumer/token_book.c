/* Tokens in memory: found by name, by lane, and by all that they are for. */

#include "token_own.h"
#include "limits.h"
#include "token_answer.h"

#include <stdlib.h>


/* all that one is found by; a PIN is nobody's token */
static void entries_each(struct tokens *s, struct token *t,
    void (*each)(struct tokens *s, struct token *t, enum token_by by,
                 struct str text))
{
    struct str  one, links = str_or_none(t->links);
    struct str  wabas = str_or_none(t->wabas);

    each(s, t, BY_NAME, STR(t->name));

    if (t->as.kind == TOKEN_PIN) {
        return;
    }

    each(s, t, BY_LANE, str_or_none(t->lane));
    each(s, t, BY_ACCOUNT, str_or_none(t->as.id));
    each(s, t, BY_WABA, str_or_none(t->as.waba));
    each(s, t, BY_INSTAGRAM, str_or_none(t->as.instagram));

    while (list_next(&links, &one)) {
        each(s, t, BY_LINK, one);
    }

    while (list_next(&wabas, &one)) {
        each(s, t, BY_LISTED, one);
    }
}


/* a business's token is one for all WABAs that were shared with it */
static void wabas_read(struct token *t)
{
    struct buf        ids;
    struct json_doc  *doc;

    if (t->as.kind != TOKEN_BUSINESS || t->targets == NULL
        || t->wabas != NULL)
    {
        return;
    }

    buf_init(&ids, TOKEN_TARGETS_MAX);
    doc = json_parse(t->targets, strlen(t->targets), JSON_TREE_MAX);
    scope_list(&ids, json_root(doc), TOKEN_WABA_SCOPE);
    if (ids.len) {
        t->wabas = mem_copy(ids.at, ids.len);
    }
    json_free(doc);
    buf_free(&ids);
}


/* book_lane: of a renewed token it is the old one's, for its name is hashed */
void book_lane(const struct tokens *s, const struct token *t,
    char name[LANE_NAME_MAX])
{
    struct lane                lane;
    static const struct rate   rates[LANE_KINDS];

    lane_set(&lane, rates, s->lane_key, LANE_TOKEN,
             STR(t->of != NULL ? t->of->lane : t->as.lane), NONE);
    memcpy(name, lane.name, LANE_NAME_MAX);
}


static void lane_name(const struct tokens *s, struct token *t)
{
    char  name[LANE_NAME_MAX];

    book_lane(s, t, name);
    free(t->lane);
    t->lane = mem_copy(name, strlen(name));
}


/* defaults are few, and seldom change */
static void fallback_find(struct tokens *s, int kind)
{
    size_t         i;
    struct token  *t, *best = NULL;

    for (i = s->nconf; i < s->n; i++) {
        t = s->all[i];
        if (t->as.kind == kind && t->as.fallback && token_usable(t) != NULL
            && (best == NULL || token_better(t, best)))
        {
            best = t;
        }
    }

    s->fallback[kind] = best;
}


static void book_tell(struct tokens *s, struct token *t, struct token *old)
{
    size_t  i;
    bool    renewed;

    renewed = t != NULL && t->as.secret != NULL
              && (old == NULL || old->as.secret == NULL
                  || strcmp(t->as.secret, old->as.secret) != 0);

    for (i = 0; i < s->nlisteners; i++) {
        s->listeners[i].cb(s->listeners[i].data, t, old, renewed);
    }
}


/* book_take: t takes the place of what has its name */
bool book_take(struct tokens *s, struct token *t)
{
    struct token  *old = token_find(s, BY_NAME, STR(t->name));

    if (old == NULL && t->of == NULL && s->n - s->nconf >= TOKENS_MAX) {
        token_free(t);
        return false;
    }

    lane_name(s, t);
    wabas_read(t);

    if (old != NULL) {
        entries_each(s, old, index_out);
        old->stale = true;
        t->place = old->place;

    } else {
        if (s->n == s->room) {
            s->room = s->room ? 2 * s->room : 16;
            s->all = mem_grow(s->all, s->room * sizeof(*s->all));
        }
        t->place = s->n++;
        s->kinds[t->as.kind] += t->of == NULL;
    }

    s->all[t->place] = t;
    entries_each(s, t, index_add);

    if (t->of == NULL && (t->as.fallback || (old != NULL
                                             && old->as.fallback)))
    {
        fallback_find(s, t->as.kind);
    }

    if (t->of == NULL) {
        book_tell(s, t, old);
    }
    token_free(old);

    return true;
}


/* book_out takes one of the store out */
void book_out(struct tokens *s, struct token *t)
{
    entries_each(s, t, index_out);
    t->stale = true;
    s->kinds[t->as.kind]--;
    s->all[t->place] = s->all[--s->n];
    s->all[t->place]->place = t->place;

    if (t->as.fallback) {
        fallback_find(s, t->as.kind);
    }

    book_tell(s, NULL, t);
    token_free(t);
}


/* book_conf: the configuration's own come first.  What is known of their state
   stays, those of the store move up or down */
void book_conf(struct tokens *s, struct conf *conf)
{
    size_t                     i, nstored = s->n - s->nconf;
    char                       name[TOKEN_NAME_MAX];
    struct token              *t, *was, **old = s->all;
    struct conf               *before = s->conf;
    const struct conf_token   *own = conf->tokens.at;
    size_t                     nold = s->nconf;

    s->conf = conf_hold(conf);
    limits_key(s->lane_key, conf);
    for (i = 0; i < s->n; i++) {
        entries_each(s, old[i], index_out);
    }

    s->room = conf->tokens.n + nstored + 16;
    s->all = mem_alloc(s->room * sizeof(*s->all));
    s->n = s->nconf = 0;

    for (i = 0; i < conf->tokens.n; i++) {
        token_conf_name(name, &own[i]);
        if (token_find(s, BY_NAME, STR(name)) != NULL) {
            continue;           /* a second one has no state of its own */
        }

        was = NULL;
        for (size_t k = 0; k < nold && was == NULL; k++) {
            was = strcmp(old[k]->name, name) == 0 ? old[k] : NULL;
        }

        t = token_of_conf(conf, &own[i], name, NULL);
        lane_name(s, t);
        if (was != NULL && strcmp(was->lane, t->lane) == 0) {
            token_free(t);      /* it still is the same secret */
            t = token_of_conf(conf, &own[i], name, was);
            lane_name(s, t);
        }
        t->place = s->n;
        s->all[s->n++] = t;
        entries_each(s, t, index_add);
    }

    s->nconf = s->n;
    for (i = 0; i < nold; i++) {
        old[i]->stale = true;
        token_free(old[i]);
    }

    for (i = nold; i < nold + nstored; i++) {
        lane_name(s, old[i]);
        old[i]->place = s->n;
        s->all[s->n++] = old[i];
        entries_each(s, old[i], index_add);
    }

    free(old);
    conf_drop(before);
}


/* book_free forgets all, and tells nobody */
void book_free(struct tokens *s)
{
    size_t  i;

    for (i = 0; i < s->n; i++) {
        entries_each(s, s->all[i], index_out);
        s->all[i]->stale = true;
        token_free(s->all[i]);
    }

    free(s->all);
    free(s->buckets);
    conf_drop(s->conf);
}
