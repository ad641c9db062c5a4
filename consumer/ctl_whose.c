/* Whose call metactl makes: which account, which WABA, which token. */

#include "ctl_meta.h"
#include "token.h"

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


/* the token that names the account, or the WABA */
static const struct conf_token *whose_named(struct ctl *c,
    const char *account, const char *waba)
{
    size_t                    i;
    const struct conf_token  *t = c->conf->tokens.at;

    for (i = 0; i < c->conf->tokens.n; i++) {
        if (same(t[i].id, account) || same(t[i].instagram, account)
            || same(t[i].waba, waba))
        {
            return &t[i];
        }
    }

    return NULL;
}


/* the only product that there are tokens for; NONE: of several, or of none */
static enum product whose_only(struct ctl *c)
{
    size_t                    i;
    enum product              p, only = PRODUCT_NONE;
    const struct conf_token  *t = c->conf->tokens.at;

    for (i = 0; i < c->conf->tokens.n; i++) {
        p = whose_of(&t[i], NULL);
        if (p == PRODUCT_NONE || t[i].instagram != NULL
            || (only != PRODUCT_NONE && only != p))
        {
            return PRODUCT_NONE;
        }
        only = p;
    }

    return only;
}


/* of a command that names no account: the only one there is */
static void whose_account(struct ctl *c, struct whose *w)
{
    size_t                    i;
    const char               *id;
    const struct conf_token  *t = c->conf->tokens.at, *found = NULL;

    for (i = 0; i < c->conf->tokens.n; i++) {
        id = w->product == PRODUCT_INSTAGRAM && t[i].kind == TOKEN_PAGE
             ? t[i].instagram : t[i].id;
        if (id == NULL || whose_of(&t[i], id) != w->product
            || (w->waba != NULL && !same(t[i].waba, w->waba)))
        {
            continue;
        }
        if (found != NULL) {
            w->account = NULL;
            return;
        }
        found = &t[i];
        w->account = id;
    }
}


static void whose_waba(struct ctl *c, struct whose *w)
{
    size_t                    i;
    const struct conf_token  *t = c->conf->tokens.at;

    if (w->account != NULL) {
        t = whose_named(c, w->account, NULL);
        w->waba = t != NULL ? t->waba : NULL;
    }

    for (i = 0, t = c->conf->tokens.at;
         i < c->conf->tokens.n && w->account == NULL; i++)
    {
        if (t[i].waba == NULL || same(t[i].waba, w->waba)) {
            continue;
        }
        if (w->waba != NULL) {
            w->waba = NULL;
            return;
        }
        w->waba = t[i].waba;
    }
}


/* whose_find fills in what the command line left out */
void whose_find(struct ctl *c, enum product product, struct whose *w)
{
    const struct conf_token  *t;

    *w = (struct whose) {
        .product = product != PRODUCT_NONE ? product
                   : ctl_product(c->opts.product),
        .account = c->opts.account, .waba = c->opts.waba
    };

    if (w->product == PRODUCT_NONE) {
        t = w->account != NULL || w->waba != NULL
            ? whose_named(c, w->account, w->waba) : NULL;
        w->product = t != NULL ? whose_of(t, w->account) : whose_only(c);
    }

    if (w->product == PRODUCT_NONE) {
        return;
    }

    if (w->account == NULL) {
        whose_account(c, w);
    }
    if (w->product == PRODUCT_WHATSAPP && w->waba == NULL) {
        whose_waba(c, w);
    }

    w->token = tokens_pick(c->conf, w->product,
                           w->account != NULL ? STR(w->account) : NONE,
                           w->waba != NULL ? STR(w->waba) : NONE);
}


/* whose_token ends the program where there is none */
void whose_token(struct ctl *c, struct whose *w)
{
    if (w->token == NULL) {
        ctl_fail(CTL_NOTHING, "%s has no token that fits%s%s; --account ID or"
                 " --product NAME says whose call it is", c->opts.file,
                 w->account != NULL ? " account " : "",
                 w->account != NULL ? w->account : "");
    }
}
