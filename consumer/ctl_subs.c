/* Subscriptions: what is wanted of Meta, and what is there
   (meta-graph-oauth-ads-capi.md 8.3, 8.4; meta-webhooks-and-messaging.md
   1.8). */

#include "ctl_subs.h"

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


static bool product_used(const struct conf *conf, enum product product)
{
    size_t                    i;
    const struct conf_token  *t = conf->tokens.at;

    for (i = 0; i < conf->tokens.n; i++) {
        if ((product == PRODUCT_WHATSAPP
             && (t[i].kind == TOKEN_WHATSAPP || t[i].waba != NULL))
            || (product == PRODUCT_MESSENGER && t[i].kind == TOKEN_PAGE)
            || (product == PRODUCT_INSTAGRAM
                && (t[i].kind == TOKEN_INSTAGRAM || t[i].instagram != NULL)))
        {
            return true;
        }
    }

    return false;
}


/* subs_wanted: one product alone, where --product names it */
size_t subs_wanted(struct ctl *c, struct want out[SUBS_OBJECTS])
{
    size_t        i, n = 0;
    enum product  p, only = ctl_product(c->opts.product);

    for (i = 0; i < SUBS_OBJECTS; i++) {
        p = presets[i].product;
        if (only != PRODUCT_NONE ? p != only : !product_used(c->conf, p)) {
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


static void asset_add(struct asset **all, size_t *n, enum product product,
    const char *id, const struct conf_token *token)
{
    size_t  i;

    for (i = 0; i < *n; i++) {
        if (strcmp((*all)[i].id, id) == 0) {
            return;
        }
    }

    *all = mem_grow(*all, (*n + 1) * sizeof(**all));
    (*all)[(*n)++] = (struct asset) { product, id, token };
}


/* subs_assets: an Instagram account behind a Page is the Page's */
struct asset *subs_assets(struct ctl *c, size_t *n)
{
    size_t                    i;
    struct asset             *all = NULL;
    enum product              only = ctl_product(c->opts.product);
    const struct conf_token  *t = c->conf->tokens.at;

    *n = 0;

    for (i = 0; i < c->conf->tokens.n; i++) {
        if (t[i].waba != NULL
            && (only == PRODUCT_NONE || only == PRODUCT_WHATSAPP))
        {
            asset_add(&all, n, PRODUCT_WHATSAPP, t[i].waba, &t[i]);
        }
        if (t[i].id == NULL) {
            continue;
        }
        if (t[i].kind == TOKEN_PAGE
            && (only == PRODUCT_NONE || only == PRODUCT_MESSENGER))
        {
            asset_add(&all, n, PRODUCT_MESSENGER, t[i].id, &t[i]);
        }
        if (t[i].kind == TOKEN_INSTAGRAM
            && (only == PRODUCT_NONE || only == PRODUCT_INSTAGRAM))
        {
            asset_add(&all, n, PRODUCT_INSTAGRAM, t[i].id, &t[i]);
        }
    }

    return all;
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


/* subs_app: WhatsApp's has the id one deeper; without an app of ours, any */
const struct json *subs_app(struct ctl *c, const struct json *list)
{
    struct str              id;
    const struct json      *one;
    const struct conf_app  *apps = c->conf->apps.at;

    for (one = list_first(list); one != NULL; one = one->next) {
        id = json_get_text(one, "id");
        if (id.len == 0) {
            id = json_get_text(json_get(one, "whatsapp_business_api_data"),
                               "id");
        }
        if (c->conf->apps.n == 0 || str_is(id, apps[0].id)) {
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
