/* metactl's subscriptions: which objects of the app and which accounts it asks
   for. */

#include "ctl_subs.h"
#include "ctl_store.h"

#include <stdlib.h>


static const enum product  products[SUBS_OBJECTS] = {
    PRODUCT_WHATSAPP, PRODUCT_MESSENGER, PRODUCT_INSTAGRAM
};


/* of all tokens there are, the configuration's and the store's; a PIN goes with
   no call, and neither does what cannot be opened */
struct use {
    enum product  product;
    bool          used;
};


static void use_each(void *data, struct token *t)
{
    struct use               *use = data;
    const struct conf_token  *as = &t->as;

    if (as->kind == TOKEN_PIN || token_usable(t) == NULL) {
        return;
    }

    use->used |= (use->product == PRODUCT_WHATSAPP
                  && (as->kind == TOKEN_WHATSAPP || as->waba != NULL))
                 || (use->product == PRODUCT_MESSENGER
                     && as->kind == TOKEN_PAGE)
                 || (use->product == PRODUCT_INSTAGRAM
                     && (as->kind == TOKEN_INSTAGRAM
                         || as->instagram != NULL));
}


static bool product_used(struct ctl *c, enum product product)
{
    struct use  use = { product, false };

    ctl_store(c);
    tokens_each(c->conf->store, use_each, &use);

    return use.used;
}


/* subs_wanted: one product alone, where --product names it */
size_t subs_wanted(struct ctl *c, struct want out[SUBS_OBJECTS])
{
    size_t        i, n = 0;
    enum product  p, only = ctl_product(c->opts.product);

    for (i = 0; i < SUBS_OBJECTS; i++) {
        p = products[i];
        if (only != PRODUCT_NONE ? p != only : !product_used(c, p)) {
            continue;
        }

        subs_want(&out[n], c->conf, p);
        if (only == p && c->opts.fields != NULL) {
            snprintf(out[n].fields, SUBS_FIELDS, "%s", c->opts.fields);
        }
        n++;
    }

    return n;
}


struct assets {
    struct ctl    *c;
    enum product   only;        /* NONE: all */
    size_t         n;
    struct asset  *at;
};


/* the call goes with what goes with any other call of that account; of
   Instagram Login the app has two ids, and Meta may tell either */
static void asset_add(struct assets *all, enum product product,
    const char *id, const struct token *t)
{
    bool                      waba = product == PRODUCT_WHATSAPP;
    size_t                    i;
    const struct conf_token  *token;

    if (id == NULL || (all->only != PRODUCT_NONE && all->only != product)) {
        return;
    }

    for (i = 0; i < all->n; i++) {
        if (all->at[i].product == product && strcmp(all->at[i].id, id) == 0) {
            return;
        }
    }

    token = tokens_pick(all->c->conf, product, waba ? NONE : STR(id),
                        waba ? STR(id) : NONE);
    all->at = mem_grow(all->at, (all->n + 1) * sizeof(*all->at));
    all->at[all->n++] = (struct asset) {
        product, id, token != NULL ? token : token_usable(t),
        product == PRODUCT_INSTAGRAM ? NULL : t->app
    };
}


static void asset_each(void *data, struct token *t)
{
    if (t->as.kind == TOKEN_PIN || token_usable(t) == NULL) {
        return;
    }

    asset_add(data, PRODUCT_WHATSAPP, t->as.waba, t);

    if (t->as.kind == TOKEN_PAGE) {
        asset_add(data, PRODUCT_MESSENGER, t->as.id, t);
    } else if (t->as.kind == TOKEN_INSTAGRAM) {
        asset_add(data, PRODUCT_INSTAGRAM, t->as.id, t);
    }
}


/* subs_assets: an Instagram account behind a Page is the Page's */
struct asset *subs_assets(struct ctl *c, size_t *n)
{
    struct assets  all = { .c = c, .only = ctl_product(c->opts.product) };

    ctl_store(c);
    tokens_each(c->conf->store, asset_each, &all);
    *n = all.n;

    return all.at;
}


/* subs_ask leaves the judgement to its caller */
bool subs_ask(struct ctl *c, const char *name, enum product product,
    const struct conf_token *token, struct str path, struct str params,
    struct meta *m)
{
    bool            several;
    struct calling  call = {
        .row = calls_name(name, product, &several), .path = path,
        .params = params, .whose = { .product = product, .token = token }
    };

    call.method = call.row->method;

    return call_try(c, &call, m);
}


/* subs_object: of what {app}/subscriptions answers */
const struct json *subs_object(const struct json *list, const char *object)
{
    const struct json  *one = json_get(list, "data");

    for (one = json_is(one, JSON_ARRAY) ? one->child : NULL; one != NULL;
         one = one->next)
    {
        if (str_is(json_get_text(one, "object"), object)) {
            return one;
        }
    }

    return NULL;
}


/* subs_app: an asset's, among the apps of the configuration */
const struct json *subs_app(struct ctl *c, const struct asset *a,
    const struct json *list)
{
    return subs_ours(c->conf, a->app, list);
}
