/* metactl token exchange: renews a token of the store now, in the way of its
   kind: exchanged for one that lives long, refreshed, or taken anew. */

#include "ctl_meta.h"
#include "ctl_store.h"
#include "token_answer.h"
#include "token_ask.h"
#include "token_life.h"

#include <stdlib.h>


#define LOCK_MS      "120000"
#define ROUNDS       20         /* of 100 Pages */

struct exchange {
    struct ctl              *c;
    struct token            *t;         /* as it is */
    struct token            *parent;    /* LIFE_PARENT: its user's */
    const struct conf_app   *app;
    struct token            *put;       /* what came in its place; NULL */
    bool                     done;
    char                     mark[LOCK_MARK_MAX];       /* of its lock */
    char                     after[512];
    char                     why[256];
};


/* all that is known of it stays, but what the secret decides */
static void exchange_got(struct exchange *x, struct str secret,
    int64_t expires)
{
    int64_t      now = time_now();
    const char  *wrong;

    x->put = token_copy(x->t);
    wrong = token_set_secret(x->put, secret);
    if (wrong != NULL) {
        snprintf(x->why, sizeof(x->why), "what Meta gave in its place %s",
                 wrong);
        return;
    }

    token_set(x->put, "from", STR(x->parent != NULL ? "derived" : "refresh"));
    token_set(x->put, "state", STR("good"));
    token_set_int(x->put, "code", 0);
    token_set_int(x->put, "subcode", 0);
    token_set_int(x->put, "issued", now);
    token_set_int(x->put, "refreshed", now);
    token_set_int(x->put, "expires", expires);
    token_set_int(x->put, "checked", 0);    /* meta-consumer looks at it */
}


static bool exchange_refused(struct exchange *x, const struct verdict *v)
{
    if (v->rc == GRAPH_OK) {
        return false;
    }

    if (v->rc == GRAPH_ERROR) {
        snprintf(x->why, sizeof(x->why), "Meta refuses it (%lld/%lld): %s"
                 " %s", v->code, v->has_subcode ? v->subcode : 0,
                 v->row->text, v->row->todo);
    } else {
        snprintf(x->why, sizeof(x->why), "%s", v->rc == GRAPH_UNREACHABLE
                 ? "Meta cannot be reached" : "Meta's answer makes no sense");
    }

    return true;
}


static void on_answer(void *data, const struct verdict *v)
{
    int64_t              expires = TOKEN_UNKNOWN;
    struct exchange     *x = data;
    struct token_answer  a;

    x->done = true;
    if (exchange_refused(x, v)) {
        return;
    }

    if (token_answer_read(v->root, &a)) {
        if (a.expires_in > 0) {
            expires = time_now() + (int64_t) a.expires_in * 1000;
        }
        exchange_got(x, a.token, expires);
    } else {
        snprintf(x->why, sizeof(x->why), "Meta's answer holds no token");
    }

    token_answer_free(&a);
}


static void on_pages(void *data, const struct verdict *v)
{
    struct str           after = NONE, token;
    struct exchange     *x = data;
    const struct json   *e = json_get(v->root, "data");

    x->done = true;
    x->after[0] = '\0';
    if (exchange_refused(x, v)) {
        return;
    }

    for (e = json_is(e, JSON_ARRAY) ? e->child : NULL; e != NULL; e = e->next)
    {
        token = json_get_text(e, "access_token");
        if (str_is(json_get_text(e, "id"), x->t->as.id) && token.len) {
            exchange_got(x, token, TOKEN_UNKNOWN);
            return;
        }
    }

    if (json_get(json_get(v->root, "paging"), "next") != NULL) {
        after = json_text(json_get(json_path(v->root, "paging", "cursors"),
                                   "after"));
    }
    snprintf(x->after, sizeof(x->after), "%.*s",
             (int) (after.len < sizeof(x->after) ? after.len : 0), after.at);
}


/* the answer holds a token, so it is not for meta_call, which hides them */
static void exchange_call(struct exchange *x, struct graph_call *call,
    struct buf *query, graph_cb cb)
{
    const char  *why;

    x->done = false;
    why = graph_start(meta_graph(x->c), x->c->conf, call, cb, x);
    token_ask_wipe(query);

    if (why != NULL) {
        snprintf(x->why, sizeof(x->why), "%s", why);
    } else {
        meta_run(x->c, &x->done);
    }
}


static void exchange_pages(struct exchange *x)
{
    size_t             n = 0;
    struct buf         query;
    struct graph_call  call;

    do {
        token_ask_pages(&call, &query, STR(x->after));
        call.token = token_usable(x->parent);
        call.app = x->app;
        exchange_call(x, &call, &query, on_pages);
    } while (x->put == NULL && x->why[0] == '\0' && x->after[0] != '\0'
             && ++n < ROUNDS);

    if (x->put == NULL && x->why[0] == '\0') {
        snprintf(x->why, sizeof(x->why), "the Pages of %s do not hold it",
                 x->parent->name);
    }
}


/* whether it ends is no question here: somebody wants it */
static enum life_way exchange_way(struct exchange *x)
{
    int64_t         now = time_now();
    struct token    seen = *x->t;

    seen.lost = false;
    if (seen.expires == TOKEN_UNKNOWN
        || (seen.expires == TOKEN_NEVER && x->t->as.kind == TOKEN_PAGE))
    {
        seen.expires = now + LIFE_DAY_MS;
    }

    x->parent = x->t->parent != NULL
                ? tokens_named(x->c->conf->store, STR(x->t->parent)) : NULL;

    return life_way(&seen, now);
}


/* the first day's (2.10); what has ended is not of them */
static void exchange_young(struct exchange *x)
{
    char     date[TIME_MAX];
    int64_t  born = x->t->refreshed > x->t->issued ? x->t->refreshed
                    : x->t->issued;

    if (x->t->as.kind == TOKEN_INSTAGRAM && x->t->expires > time_now()) {
        snprintf(x->why, sizeof(x->why), "Meta renews it from %s on, a day"
                 " after it was made", time_date(date, born + LIFE_DAY_MS));
    }
}


static void exchange_ask(struct exchange *x)
{
    struct buf         query;
    const char        *why;
    struct graph_call  call;
    enum life_way      way = exchange_way(x);

    if (way == LIFE_PARENT && x->parent != NULL
        && token_usable(x->parent) != NULL)
    {
        exchange_pages(x);
        return;
    }

    if (way == LIFE_NEVER) {
        exchange_young(x);
    }
    if (x->why[0] != '\0') {
        return;
    }

    x->parent = NULL;
    why = x->t->expires == TOKEN_NEVER ? "it never ends"
          : token_ask_renew(&call, &query, way, x->app,
                            STR(x->t->as.secret));
    if (why != NULL) {
        snprintf(x->why, sizeof(x->why), "%s", why);
        return;
    }

    exchange_call(x, &call, &query, on_answer);
}


/* meta-consumer's own lock: nobody else renews it now */
static void exchange_lock(struct exchange *x, char *key, size_t size)
{
    snprintf(key, size, "meta:token:lock:%s", x->t->name);

    if (reply_type(ctl_ask(x->c, "SET", key, lock_mark(x->mark), "NX", "PX",
                           LOCK_MS, NULL)) != REPLY_STATUS)
    {
        ctl_fail(CTL_FINDING, "%s: meta-consumer, or another metactl, is at"
                 " it: try again", x->t->name);
    }
}


/* where it still is ours: Meta may have been asked for longer */
static void exchange_unlock(struct exchange *x, const char *key)
{
    struct ask  ask = { .n = 0 };

    ask_add(&ask, STR(key));
    ask_add(&ask, STR(x->mark));
    ask_add(&ask, STR("0"));
    ctl_run(x->c, CTL_TOKEN_LOCK, &ask, 1);
}


static void exchange_say(const struct exchange *x)
{
    char       date[TIME_MAX];
    struct jw  j;

    if (x->c->opts.json) {
        jw_init(&j);
        jw_open(&j, NULL, '{');
        jw_int(&j, "v", 1);
        jw_text(&j, "name", x->t->name);
        jw_time(&j, "expires", x->put->expires);
        jw_close(&j, '}');
        jw_print(&j);
        buf_free(&j.b);
        return;
    }

    printf("%s is renewed%s%s\n", x->t->name, x->put->expires > 0
           ? ", until " : "", x->put->expires > 0
           ? time_date(date, x->put->expires) : "");
}


static void exchange_may(struct ctl *c, const struct token *t)
{
    if (t == NULL || t->of != NULL) {
        ctl_fail(CTL_NOTHING, "there is no token %s in the store: metactl"
                 " token list", c->args[0]);
    }
    if (t->as.kind == TOKEN_PIN) {
        ctl_fail(CTL_NOTHING, "%s is a PIN, which nobody renews", t->name);
    }
    if (token_usable(t) == NULL) {
        ctl_fail(CTL_NOTHING, "no key of token_key_file opens %s", t->name);
    }
}


/* run_token_exchange: the old one stays where a new one does not come */
int run_token_exchange(struct ctl *c)
{
    char             key[TOKEN_NAME_MAX + 32];
    const char      *why;
    struct exchange  x = { .c = c };

    if ((c->opts.in != NULL) == (c->nargs > 0)) {
        ctl_fail(CTL_USAGE, "either KIND:ID, of the store, or --in FILE");
    }
    if (c->opts.in != NULL) {
        return run_token_add(c);
    }

    store_needed(c);
    x.t = tokens_named(c->conf->store, STR(c->args[0]));
    exchange_may(c, x.t);
    x.app = store_app(c, x.t);
    exchange_lock(&x, key, sizeof(key));
    exchange_ask(&x);

    if (x.put != NULL && x.why[0] == '\0') {
        why = store_put(c, x.put, x.t, NULL);
        snprintf(x.why, sizeof(x.why), "%s", why != NULL ? why : "");
    }

    exchange_unlock(&x, key);
    if (x.why[0] != '\0') {
        ctl_fail(CTL_FINDING, "%s: %s", x.t->name, x.why);
    }

    exchange_say(&x);
    token_free(x.put);

    return CTL_GOOD;
}
