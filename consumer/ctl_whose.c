/* Whose call metactl makes: which account, which WABA, which token. */

#include "ctl_meta.h"
#include "ctl_store.h"

#include <stdlib.h>


static enum product whose_of(const struct conf_token *t, const char *account)
{
    switch (t->kind) {
    case TOKEN_WHATSAPP:
        return PRODUCT_WHATSAPP;
    case TOKEN_INSTAGRAM:
        return PRODUCT_INSTAGRAM;
    case TOKEN_PAGE:
        return t->instagram != NULL && account != NULL
               && strcmp(t->instagram, account) == 0 ? PRODUCT_INSTAGRAM
               : PRODUCT_MESSENGER;
    default:
        return PRODUCT_NONE;
    }
}


static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}


/* all tokens there are */
struct owners {
    const struct conf_token  **at;
    size_t                     n;
};


/* the token that names the account, or the WABA */
static const struct conf_token *whose_named(const struct owners *o,
    const char *account, const char *waba)
{
    size_t  i;

    for (i = 0; i < o->n; i++) {
        if (same(o->at[i]->id, account) || same(o->at[i]->instagram, account)
            || same(o->at[i]->waba, waba))
        {
            return o->at[i];
        }
    }

    return NULL;
}


/* the only product that there are tokens for; NONE: of several, or of none */
static enum product whose_only(const struct owners *o)
{
    size_t        i;
    enum product  p, only = PRODUCT_NONE;

    for (i = 0; i < o->n; i++) {
        p = whose_of(o->at[i], NULL);
        if (p == PRODUCT_NONE || o->at[i]->instagram != NULL
            || (only != PRODUCT_NONE && only != p))
        {
            return PRODUCT_NONE;
        }
        only = p;
    }

    return only;
}


/* of a command that names no account: the only one there is */
static void whose_account(const struct owners *o, struct whose *w)
{
    size_t                    i;
    const char               *id;
    const struct conf_token  *t, *found = NULL;

    for (i = 0; i < o->n; i++) {
        t = o->at[i];
        id = w->product == PRODUCT_INSTAGRAM && t->kind == TOKEN_PAGE
             ? t->instagram : t->id;
        if (id == NULL || whose_of(t, id) != w->product
            || (w->waba != NULL && !same(t->waba, w->waba)))
        {
            continue;
        }
        if (found != NULL) {
            w->account = NULL;
            return;
        }
        found = t;
        w->account = id;
    }
}


static void whose_waba(const struct owners *o, struct whose *w)
{
    size_t                    i;
    const struct conf_token  *t;

    if (w->account != NULL) {
        t = whose_named(o, w->account, NULL);
        w->waba = t != NULL ? t->waba : NULL;
    }

    for (i = 0; i < o->n && w->account == NULL; i++) {
        t = o->at[i];
        if (t->waba == NULL || same(t->waba, w->waba)) {
            continue;
        }
        if (w->waba != NULL) {
            w->waba = NULL;
            return;
        }
        w->waba = t->waba;
    }
}


/* whose_find fills in what the command line left out */
void whose_find(struct ctl *c, enum product product, struct whose *w)
{
    struct owners             o;
    const struct conf_token  *t;

    o.at = store_all(c, &o.n);
    *w = (struct whose) {
        .product = product != PRODUCT_NONE ? product
                   : ctl_product(c->opts.product),
        .account = c->opts.account, .waba = c->opts.waba
    };

    if (w->product == PRODUCT_NONE) {
        t = w->account != NULL || w->waba != NULL
            ? whose_named(&o, w->account, w->waba) : NULL;
        w->product = t != NULL ? whose_of(t, w->account) : whose_only(&o);
    }

    if (w->product != PRODUCT_NONE && w->account == NULL) {
        whose_account(&o, w);
    }
    if (w->product == PRODUCT_WHATSAPP && w->waba == NULL) {
        whose_waba(&o, w);
    }
    free(o.at);
    if (w->product == PRODUCT_NONE) {
        return;
    }

    w->token = tokens_pick(c->conf, w->product,
                           w->account != NULL ? STR(w->account) : NONE,
                           w->waba != NULL ? STR(w->waba) : NONE);
}


/* whose_token ends the program where there is none */
void whose_token(struct ctl *c, struct whose *w)
{
    if (w->token == NULL) {
        ctl_fail(CTL_NOTHING, "%s has no token that fits%s%s; --account ID,"
                 " --waba ID or --product NAME says whose call it is",
                 c->opts.file,
                 w->account != NULL ? " account " : "",
                 w->account != NULL ? w->account : "");
    }
}
