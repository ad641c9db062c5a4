/* Subscriptions to webhooks: what is wanted of an account, and what is there
   (meta-graph-oauth-ads-capi.md 8.3, 8.4; meta-webhooks-and-messaging.md
   1.8). */

#include "subs.h"

#include <stdio.h>


/* what nothing has to be allowed for beyond the product itself; the others
   where a rule asks for such events */
static const struct {
    enum product  product;
    const char   *object;
    const char   *fields;
    const char   *comments;
} presets[] = {
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


/* subs_want: of a product that none of these is, nothing */
void subs_want(struct want *want, const struct conf *conf,
    enum product product)
{
    bool    comments;
    size_t  i;

    *want = (struct want) { .product = product, .object = "" };

    for (i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
        if (presets[i].product != product) {
            continue;
        }

        want->object = presets[i].object;
        comments = presets[i].comments != NULL
                   && rule_wants(conf, product, KIND_COMMENT);
        snprintf(want->fields, SUBS_FIELDS, "%s%s%s%s", presets[i].fields,
                 comments ? "," : "", comments ? presets[i].comments : "",
                 product == PRODUCT_MESSENGER
                 && rule_wants(conf, product, KIND_LEAD) ? ",leadgen" : "");
    }
}


static bool app_ours(const struct conf *conf, const char *app, struct str id)
{
    size_t                  i;
    const struct conf_app  *apps = conf->apps.at;

    if (app != NULL || conf->apps.n == 0) {
        return app == NULL || str_is(id, app);
    }

    for (i = 0; i < conf->apps.n; i++) {
        if (str_is(id, apps[i].id)) {
            return true;
        }
    }

    return false;
}


/* subs_ours: WhatsApp's has the id one deeper */
const struct json *subs_ours(const struct conf *conf, const char *app,
    const struct json *list)
{
    struct str          id;
    const struct json  *one = json_get(list, "data");

    for (one = json_is(one, JSON_ARRAY) ? one->child : NULL; one != NULL;
         one = one->next)
    {
        id = json_get_text(one, "id");
        if (id.len == 0) {
            id = json_get_text(json_get(one, "whatsapp_business_api_data"),
                               "id");
        }
        if (app_ours(conf, app, id)) {
            return one;
        }
    }

    return NULL;
}


/* subs_fields: an app's have a version beside the name */
bool subs_fields(const struct json *array, struct buf *b)
{
    bool                fit;
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
    fit = !b->over;
    if (!fit) {
        b->len = 0;
        b->over = false;
        buf_add(b, "", 1);
    }
    b->len--;

    return fit;
}


/* subs_lack: b is empty where nothing lacks */
size_t subs_lack(const char *wanted, const char *has, struct buf *b)
{
    size_t      lacks = 0;
    struct str  one, all = STR(wanted);

    while (list_next(&all, &one)) {
        if (!list_has(STR(has), one)) {
            buf_text(b, b->len ? "," : "");
            buf_str(b, one);
            lacks++;
        }
    }
    buf_add(b, "", 1);
    b->len--;

    return lacks;
}


/* subs_all: unconfirmed in 8.4 whether it does */
void subs_all(struct buf *b, const char *has, const struct buf *lack)
{
    buf_text(b, has);
    buf_text(b, *has && lack->len ? "," : "");
    buf_add(b, lack->at, lack->len);
    buf_add(b, "", 1);
}
