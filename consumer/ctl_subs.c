/* Subscriptions: what is wanted of Meta, and what is there
   (meta-graph-oauth-ads-capi.md 8.3, 8.4; meta-webhooks-and-messaging.md
   1.8). */

#include "ctl_subs.h"
#include "ctl_store.h"

#include <stdlib.h>


/* what nothing has to be allowed for beyond the product itself; the others
   where a rule asks for such events */
static const struct {
    enum product  product;
    const char   *object;
    const char   *fields;
    const char   *comments;
} presets[SUBS_OBJECTS] = {
    { PRODUCT_WHATSAPP, "whatsapp_business_account",
      "messages,message_template_status_update,account_update,"
      "phone_number_quality_update,user_preferences", NULL },
    { PRODUCT_MESSENGER, "page",
      "messages,messaging_postbacks,message_echoes,message_reads,"
      "message_deliveries,message_reactions,messaging_optins,"
      "messaging_referrals,messaging_handovers,messaging_policy_enforcement",
      "feed" },
    { PRODUCT_INSTAGRAM, "instagram",
      "messages,messaging_postbacks,messaging_seen,message_reactions",
      "comments" }
};


static bool rule_wants(const struct conf *conf, enum product product,
    enum kind kind)
{
    size_t              i;
    const struct rule  *rules = conf->rules.at;

    for (i = 0; i < conf->rules.n; i++) {
        if ((rules[i].when.kinds >> kind & 1)
            && (rules[i].when.products == 0
                || (rules[i].when.products >> product & 1)))
        {
            return true;
        }
    }

    return false;
}


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
        p = presets[i].product;
        if (only != PRODUCT_NONE ? p != only : !product_used(c, p)) {
            continue;
        }

        out[n].product = p;
        out[n].object = presets[i].object;

        if (only == p && c->opts.fields != NULL) {
            snprintf(out[n].fields, SUBS_FIELDS, "%s", c->opts.fields);
        } else {
            snprintf(out[n].fields, SUBS_FIELDS, "%s%s%s%s", presets[i].fields,
                     presets[i].comments != NULL
                     && rule_wants(c->conf, p, KIND_COMMENT) ? "," : "",
                     presets[i].comments != NULL
                     && rule_wants(c->conf, p, KIND_COMMENT)
                     ? presets[i].comments : "",
                     p == PRODUCT_MESSENGER
                     && rule_wants(c->conf, p, KIND_LEAD) ? ",leadgen" : "");
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


static const struct json *list_first(const struct json *list)
{
    list = json_get(list, "data");

    return json_is(list, JSON_ARRAY) ? list->child : NULL;
}


/* subs_object: of what {app}/subscriptions answers */
const struct json *subs_object(const struct json *list, const char *object)
{
    const struct json  *one;

    for (one = list_first(list); one != NULL; one = one->next) {
        if (str_is(json_get_text(one, "object"), object)) {
            return one;
        }
    }

    return NULL;
}


static bool app_ours(const struct conf *conf, const struct asset *a,
    struct str id)
{
    size_t                  i;
    const struct conf_app  *apps = conf->apps.at;

    if (a->app != NULL || conf->apps.n == 0) {
        return a->app == NULL || str_is(id, a->app);
    }

    for (i = 0; i < conf->apps.n; i++) {
        if (str_is(id, apps[i].id)) {
            return true;
        }
    }

    return false;
}


/* subs_app: WhatsApp's has the id one deeper; without an app of ours, any */
const struct json *subs_app(struct ctl *c, const struct asset *a,
    const struct json *list)
{
    struct str          id;
    const struct json  *one;

    for (one = list_first(list); one != NULL; one = one->next) {
        id = json_get_text(one, "id");
        if (id.len == 0) {
            id = json_get_text(json_get(one, "whatsapp_business_api_data"),
                               "id");
        }
        if (app_ours(c->conf, a, id)) {
            return one;
        }
    }

    return NULL;
}


/* subs_fields: an app's have a version beside the name */
void subs_fields(const struct json *array, struct buf *b)
{
    struct str          name;
    const struct json  *one;

    for (one = json_is(array, JSON_ARRAY) ? array->child : NULL; one != NULL;
         one = one->next)
    {
        name = json_is(one, JSON_OBJECT) ? json_get_text(one, "name")
               : json_text(one);
        if (name.len) {
            buf_text(b, b->len ? "," : "");
            buf_str(b, name);
        }
    }
    buf_add(b, "", 1);
    b->len--;
}


static bool list_has(const char *list, const char *name, size_t len)
{
    size_t  n;

    for ( ;; list += n + 1) {
        n = strcspn(list, ",");
        if (n == len && memcmp(list, name, n) == 0) {
            return true;
        }
        if (list[n] == '\0') {
            return false;
        }
    }
}


/* subs_lack: b is empty where nothing lacks */
size_t subs_lack(const char *wanted, const char *has, struct buf *b)
{
    size_t  len, lacks = 0;

    for ( ;; wanted += len + 1) {
        len = strcspn(wanted, ",");
        if (len && !list_has(has, wanted, len)) {
            buf_text(b, b->len ? "," : "");
            buf_add(b, wanted, len);
            lacks++;
        }
        if (wanted[len] == '\0') {
            break;
        }
    }
    buf_add(b, "", 1);
    b->len--;

    return lacks;
}
