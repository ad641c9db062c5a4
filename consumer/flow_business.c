/* The tokens of a business: Meta hands one out with each signup or login, and
   one that is for other WABAs or other things takes no place of the first. */

#include "flow_own.h"

#include <stdlib.h>


static bool listed(const char *targets, struct str id, bool all_too)
{
    bool              good;
    struct json_doc  *doc = NULL;

    if (targets != NULL) {
        doc = json_parse(targets, strlen(targets), JSON_TREE_MAX);
    }

    good = all_too ? scope_for(json_root(doc), TOKEN_WABA_SCOPE, id)
           : scope_lists(json_root(doc), TOKEN_WABA_SCOPE, id);
    json_free(doc);

    return good;
}


/* flow_waba_good: the token may be for it; all were chosen, perhaps */
bool flow_waba_good(const struct flow *f, struct str waba)
{
    return listed(f->targets, waba, true);
}


/* flow_waba_listed: Meta says so, by its id */
bool flow_waba_listed(const struct flow *f, const char *waba)
{
    return listed(f->targets, STR(waba), false);
}


static bool is_whatsapp(const char *scopes)
{
    return scopes == NULL || scope_has(STR(scopes), TOKEN_WABA_SCOPE);
}


/* the new one does all that the old one does */
static bool covers(const struct flow *f, const struct token *old)
{
    bool        good = true;
    struct str  one, wabas = str_or_none(old->wabas);
    struct str  scopes = str_or_none(f->scopes != NULL ? old->scopes : NULL);

    while (good && list_next(&scopes, &one)) {
        good = list_has(STR(f->scopes), one);
    }

    if (old->as.waba != NULL && is_whatsapp(old->scopes)) {
        good = good && flow_waba_good(f, STR(old->as.waba));
    }

    while (good && list_next(&wabas, &one)) {
        good = flow_waba_good(f, one);
    }

    return good;
}


static struct token *business_at(const struct flow *f, struct str id)
{
    char  name[TOKEN_NAME_MAX];

    return tokens_named(f->conf->store,
                        STR(token_name(name, TOKEN_BUSINESS, id)));
}


/* it may be the new one's: nothing stands there, or what is of its tenant and
   does no more */
static bool id_open(const struct flow *f, struct str id)
{
    struct token  *old = business_at(f, id);

    return old == NULL
           || (!flow_taken(f, old)
               && (!flow_token_works(old) || covers(f, old)));
}


/* which name: the business's, else that of a WABA, else the system user's;
   NONE: each is another tenant's, or of one that does more.  Where the business
   itself is the account that is connected, the store says that it is taken */
static struct str business_id(const struct flow *f, const struct json *targets)
{
    bool        own = false;    /* a WABA is not another tenant's */
    size_t      n;
    struct str  id = STR(f->business);

    if (id_open(f, id)
        || (f->naccounts > 0 && flow_taken(f, business_at(f, id))))
    {
        return id;
    }

    if (f->waba != NULL && flow_waba_listed(f, f->waba)
        && !flow_waba_taken(f, STR(f->waba)) && id_open(f, STR(f->waba)))
    {
        return STR(f->waba);
    }

    for (n = 0; (id = flow_target(targets, TOKEN_WABA_SCOPE, n)).len > 0; n++)
    {
        if (!flow_waba_taken(f, id)) {
            own = true;
            if (id_open(f, id)) {
                return id;
            }
        }
    }

    id = str_or_none(f->user);

    return (n == 0 || own) && flow_id_good(id)
           && (f->naccounts > 0 || id_open(f, id)) ? id : NONE;
}


static struct token *business_new(const struct flow *f, struct str id)
{
    struct token  *t = flow_token(f, TOKEN_BUSINESS, id);

    if (t != NULL) {
        token_set(t, "account", STR(f->business));
    }

    return t;
}


static struct token *business_named(const struct flow *f)
{
    struct str        id;
    struct token     *t;
    struct json_doc  *doc = NULL;

    if (f->targets != NULL) {
        doc = json_parse(f->targets, strlen(f->targets), JSON_TREE_MAX);
    }

    id = business_id(f, json_root(doc));
    t = id.len > 0 ? business_new(f, id) : NULL;
    json_free(doc);

    return t;
}


/* flow_business: the flow's token of its business, and f->parent its name; the
   WABA that stood there stays, where it is still shared.  NULL: it has no name
   of its own, and nothing hangs on it */
struct token *flow_business(struct flow *f)
{
    struct token  *old, *t = business_named(f);

    if (t == NULL) {
        log_write(LOG_WARN, "login %.8s: the token of business %s is not stored"
                  " beside its numbers and Pages: what has its names is another"
                  " tenant's, or does more", f->id != NULL ? f->id : "-",
                  f->business);
        flow_set(&f->parent, NONE);
        return NULL;
    }

    flow_set(&f->parent, STR(t->name));
    old = tokens_named(f->conf->store, STR(t->name));

    if (old != NULL && old->as.waba != NULL && is_whatsapp(f->scopes)
        && flow_waba_good(f, STR(old->as.waba)))
    {
        token_set(t, "waba", STR(old->as.waba));
        if (old->links != NULL) {
            token_set(t, "links", STR(old->links));
        }
    }

    if (t->as.waba == NULL && f->waba != NULL && flow_waba_listed(f, f->waba)
        && !flow_waba_taken(f, STR(f->waba)))
    {
        token_set(t, "waba", STR(f->waba));
    }

    return t;
}


/* flow_business_waba: the same for f->waba, which has no number: Meta has let
   the token use it.  NULL: one that does more has its name */
struct token *flow_business_waba(struct flow *f)
{
    struct token  *t = NULL, *now;

    now = tokens_named(f->conf->store, str_or_none(f->parent));

    if (now != NULL && now->as.secret != NULL
        && strcmp(now->as.secret, f->secret) == 0
        && (now->as.waba == NULL || strcmp(now->as.waba, f->waba) == 0))
    {
        t = token_copy(now);
    } else if (id_open(f, STR(f->waba))) {
        t = business_new(f, STR(f->waba));
    }

    if (t != NULL) {
        token_set(t, "waba", STR(f->waba));
    }

    return t;
}


struct looked {
    const struct flow  *f;
    struct token       *found;
};


static bool looked_good(const struct flow *f, const struct token *t)
{
    return t->of == NULL && t->as.kind == TOKEN_BUSINESS
           && t->as.secret != NULL && t->as.id != NULL
           && strcmp(t->as.id, f->business) == 0
           && flow_of_sharer(f, t) && is_whatsapp(t->scopes);
}


/* of several the one that may be for the WABA, then one that works, then the
   newest */
static void looked_each(void *data, struct token *t)
{
    int             better;
    struct looked  *l = data;

    if (!looked_good(l->f, t)) {
        return;
    }

    better = l->found == NULL ? 1
             : (int) listed(t->targets, STR(l->f->waba), true)
               - (int) listed(l->found->targets, STR(l->f->waba), true);
    if (better == 0) {
        better = (int) l->found->lost - (int) t->lost;
    }
    if (better > 0 || (better == 0 && t->issued > l->found->issued)) {
        l->found = t;
    }
}


/* flow_business_find: of f->business, for f->waba; NULL: none */
struct token *flow_business_find(const struct flow *f)
{
    struct looked  l = { .f = f };

    tokens_each(f->conf->store, looked_each, &l);

    return l.found;
}
