/* Whose an account is stays so: a link for somebody else takes none, nor does
   one for nobody, whoever opens it.  The operator moves it, or a job of a
   program of his. */

#include "flow_own.h"

#include <stdlib.h>


struct held {
    const struct flow   *f;
    enum product         product;
    struct str           account;
    struct str           waba;
    bool                 whose;     /* of tenants alone */
    const struct token  *by;
};


/* flow_token_works: as far as is known */
bool flow_token_works(const struct token *t)
{
    return !t->lost && (t->expires <= TOKEN_NEVER || t->expires > flow_now());
}


/* flow_same_person: who gave the one that stands there */
bool flow_same_person(const struct flow *f, const struct token *old)
{
    return f->user != NULL && old->user != NULL && old->app != NULL
           && strcmp(f->user, old->user) == 0
           && strcmp(f->app->id, old->app) == 0;
}


/* flow_taken: who gave it may renew it for whom it is; one that is lost he may
   mend by any link; a system user is no person, but the same for all tenants of
   its business.  What is nobody's and works is given to a tenant by who
   connected it, unless it stands in the configuration */
bool flow_taken(const struct flow *f, const struct token *old)
{
    bool  same = flow_same_person(f, old);

    if (f->kind == FLOW_JOB) {
        return false;
    }

    if (old->as.tenant == NULL) {
        return f->ref != NULL && old->of == NULL && !same
               && flow_token_works(old);
    }

    same = same && !f->system;

    if (f->ref == NULL) {
        return !same;
    }

    return strcmp(f->ref, old->as.tenant) != 0
           && (!same || flow_token_works(old));
}


static void held_each(void *data, struct token *t)
{
    struct held  *h = data;

    if (h->by == NULL && t->as.kind != TOKEN_PIN
        && (t->as.tenant != NULL || !h->whose)
        && token_stands(t, h->product, h->account, h->waba)
        && flow_taken(h->f, t))
    {
        h->by = t;
    }
}


/* flow_holder: whose token it is that stands for an account, by its name, by a
   link or in the configuration, so that this login does not get it; NULL: none.
   Its own token decides, where it has one */
const struct token *flow_holder(const struct flow *f, enum token_kind kind,
    struct str id)
{
    char           name[TOKEN_NAME_MAX];
    struct token  *old;
    struct held    h = {
        .f = f, .account = id, .waba = NONE, .whose = true
    };

    switch (kind) {
    case TOKEN_PAGE:
        h.product = PRODUCT_MESSENGER;
        break;
    case TOKEN_INSTAGRAM:
        h.product = PRODUCT_INSTAGRAM;
        break;
    case TOKEN_WHATSAPP:
        h.product = PRODUCT_WHATSAPP;
        h.waba = str_or_none(f->waba);
        break;
    default:
        return NULL;        /* its name says all */
    }

    old = tokens_named(f->conf->store, STR(token_name(name, kind, id)));
    if (old != NULL) {
        return flow_taken(f, old) ? old : NULL;
    }

    tokens_each(f->conf->store, held_each, &h);

    return h.by;
}


/* flow_waba_taken: the same of a WABA */
bool flow_waba_taken(const struct flow *f, struct str waba)
{
    struct held  h = {
        .f = f, .product = PRODUCT_WHATSAPP, .account = NONE, .waba = waba
    };

    tokens_each(f->conf->store, held_each, &h);

    return h.by != NULL;
}
