/* Permissions that tokens need for what the configuration does: the table, and
   which of its rows a token has to fulfil.  Sections are those of
   meta-graph-oauth-ads-capi.md, "msg" those of meta-webhooks-and-messaging.md;
   "seed" is the table that the project began with. */

#include "token_scopes.h"
#include "action.h"
#include "token_answer.h"


static const struct scope_row  rows[] = {
    { SCOPE_WHATSAPP, true, "whatsapp_business_management", "seed, msg 3" },
    { SCOPE_WHATSAPP, true, "whatsapp_business_messaging", "seed, msg 3" },
    { SCOPE_WHATSAPP, false, "business_management", "seed" },

    { SCOPE_PAGES, true, "pages_show_list", "seed, 9" },

    { SCOPE_MESSENGER, true, "pages_messaging", "msg 1" },
    { SCOPE_MESSENGER, true, "pages_manage_metadata", "8.3, msg 1" },

    { SCOPE_COMMENTS, true, "pages_read_engagement", "8.1" },
    { SCOPE_COMMENTS, false, "pages_manage_engagement", "Pages API" },

    { SCOPE_LEADS, true, "leads_retrieval", "9" },
    { SCOPE_LEADS, true, "pages_show_list", "9" },
    { SCOPE_LEADS, true, "pages_read_engagement", "9" },
    { SCOPE_LEADS, true, "pages_manage_metadata", "9" },
    { SCOPE_LEADS, false, "pages_manage_ads", "9" },
    { SCOPE_LEADS, false, "ads_management", "9" },

    { SCOPE_INSTAGRAM, true, "instagram_basic", "seed, msg 9" },
    { SCOPE_INSTAGRAM, true, "pages_show_list", "seed" },
    { SCOPE_INSTAGRAM, true, "instagram_manage_messages", "msg 9" },
    { SCOPE_INSTAGRAM, true, "pages_manage_metadata", "msg 9" },
    { SCOPE_INSTAGRAM, false, "instagram_content_publish", "seed, 7" },
    { SCOPE_INSTAGRAM, false, "instagram_manage_comments", "seed" },
    { SCOPE_INSTAGRAM_COMMENTS, true, "instagram_manage_comments", "seed" },

    { SCOPE_LOGIN, true, "instagram_business_basic", "2.10, msg 9" },
    { SCOPE_LOGIN, true, "instagram_business_manage_messages",
        "2.10, msg 9" },
    { SCOPE_LOGIN, false, "instagram_business_content_publish", "2.10, 7" },
    { SCOPE_LOGIN, false, "instagram_business_manage_comments", "2.10" },
    { SCOPE_LOGIN_COMMENTS, true, "instagram_business_manage_comments",
        "2.10" },

    { SCOPE_ADS, true, "ads_read", "seed, 6.1" },
    { SCOPE_ADS, true, "business_management", "seed" },
    { SCOPE_ADS, false, "ads_management", "seed" },
    { SCOPE_ADS, false, "read_insights", "seed" },
};

#define ROWS  (sizeof(rows) / sizeof(rows[0]))

/* what the rules of a configuration do, as far as permissions differ */
struct scope_doing {
    unsigned  products;     /* named by rules, bits */
    unsigned  comments;     /* answered or moderated there, bits */
    bool      leads;
};

#define BIT(product)  (1u << (product))
#define EVERY  (BIT(PRODUCT_WHATSAPP) | BIT(PRODUCT_MESSENGER) \
                | BIT(PRODUCT_INSTAGRAM))


/* scopes_rows: for docs, metactl and tests */
const struct scope_row *scopes_rows(size_t *n)
{
    *n = ROWS;

    return rows;
}


static void doing_actions(struct scope_doing *d, const struct conf_list *list,
    unsigned products)
{
    size_t                i;
    const struct action  *a = list->at;

    for (i = 0; i < list->n; i++) {
        if (a[i].kind == ACTION_COMMENT_REPLY || a[i].kind == ACTION_HIDE
            || a[i].kind == ACTION_DELETE)
        {
            d->comments |= products;
        }
    }
}


static void doing_rule(struct scope_doing *d, const struct rule *rule)
{
    unsigned  products = rule->when.products ? rule->when.products : EVERY;

    d->products |= rule->when.products;
    d->leads |= (rule->when.kinds >> KIND_LEAD) & 1;
    doing_actions(d, &rule->actions, products);
    doing_actions(d, &rule->fallback, products);
}


static void doing_all(struct scope_doing *d, const struct conf *conf)
{
    size_t                        i, j;
    const struct rule            *rule = conf->rules.at;
    const struct conf_label      *labels;
    const struct conf_assistant  *a = conf->assistants.at;

    for (i = 0; i < conf->rules.n; i++) {
        doing_rule(d, &rule[i]);
    }

    for (i = 0; i < conf->assistants.n; i++) {
        labels = a[i].labels.at;
        for (j = 0; j < a[i].labels.n; j++) {
            doing_actions(d, &labels[j].actions, EVERY);
        }
    }
}


static unsigned uses_page(const struct scope_doing *d,
    const struct conf_token *token)
{
    unsigned  uses = SCOPE_MESSENGER;

    if (d->comments & BIT(PRODUCT_MESSENGER)) {
        uses |= SCOPE_COMMENTS;
    }
    if (d->leads) {
        uses |= SCOPE_LEADS;
    }
    if (token->instagram != NULL) {
        uses |= SCOPE_INSTAGRAM;
        uses |= d->comments & BIT(PRODUCT_INSTAGRAM) ? SCOPE_INSTAGRAM_COMMENTS
                : 0;
    }

    return uses;
}


/* of a system user it is not known what it is for, but by what rules name */
static unsigned uses_system(const struct scope_doing *d,
    const struct conf_token *token)
{
    unsigned  uses = 0;

    if (token->waba != NULL || d->products & BIT(PRODUCT_WHATSAPP)) {
        uses |= SCOPE_WHATSAPP;
    }
    if (d->products & BIT(PRODUCT_MESSENGER)) {
        uses |= uses_page(d, token);
    }
    if (d->products & BIT(PRODUCT_INSTAGRAM)) {
        uses |= SCOPE_INSTAGRAM;
    }

    return uses;
}


static bool grants(struct str scopes, const char *prefix)
{
    struct str  one;
    size_t      len = strlen(prefix);

    while (list_next(&scopes, &one)) {
        if (one.len >= len && memcmp(one.at, prefix, len) == 0) {
            return true;
        }
    }

    return false;
}


/* a business chooses by its configuration what its token is for: where nothing
   of a product is granted it is not for that */
static unsigned uses_granted(unsigned uses, const char *list)
{
    struct str  scopes = str_or_none(list);
    unsigned    granted = 0;

    granted |= grants(scopes, "whatsapp_") ? SCOPE_WHATSAPP : 0;
    granted |= grants(scopes, "pages_")
               ? SCOPE_MESSENGER | SCOPE_COMMENTS | SCOPE_LEADS : 0;
    granted |= grants(scopes, "instagram_")
               ? SCOPE_INSTAGRAM | SCOPE_INSTAGRAM_COMMENTS : 0;

    return granted != 0 ? uses & granted : uses;
}


/* scopes_uses: what it sends and receives is always a part of it */
unsigned scopes_uses(const struct conf *conf, const struct conf_token *token)
{
    struct scope_doing  d = { .products = 0 };

    doing_all(&d, conf);

    switch ((enum token_kind) token->kind) {

    case TOKEN_WHATSAPP:
        return SCOPE_WHATSAPP;

    case TOKEN_BUSINESS:
        return token->waba != NULL
               || (token->stored != NULL && token_signup(token->stored))
               ? SCOPE_WHATSAPP
               : uses_granted(uses_system(&d, token), token->stored != NULL
                              ? token->stored->scopes : NULL);

    case TOKEN_SYSTEM_USER:
        return uses_system(&d, token);

    case TOKEN_USER:
        return SCOPE_PAGES;

    case TOKEN_PAGE:
        return uses_page(&d, token);

    case TOKEN_INSTAGRAM:
        return d.comments & BIT(PRODUCT_INSTAGRAM)
               ? SCOPE_LOGIN | SCOPE_LOGIN_COMMENTS : SCOPE_LOGIN;

    default:
        return 0;
    }
}


/* whose asset granular scopes of that name list; NONE: it is not known */
static struct str scope_asset(const struct conf_token *token,
    const char *scope)
{
    const char  *id = NULL;

    if (strncmp(scope, "whatsapp_", 9) == 0) {
        id = token->waba;
    } else if (token->kind == TOKEN_PAGE) {
        id = strncmp(scope, "pages_", 6) == 0 ? token->id
             : strncmp(scope, "instagram_", 10) == 0 ? token->instagram : NULL;
    }

    return id != NULL ? STR(id) : NONE;
}


/* appends it where it is missing */
static size_t scope_judge(struct buf *out, const char *scope,
    const struct conf_token *token, struct str scopes,
    const struct json *targets)
{
    bool        has = scope_has(scopes, scope);
    struct str  asset = scope_asset(token, scope);

    if (has && (asset.len == 0 || scope_for(targets, scope, asset))) {
        return 0;
    }

    buf_text(out, out->len ? "," : "");
    buf_text(out, scope);
    if (has) {
        buf_format(out, "/%.*s", (int) asset.len, asset.at);
    }

    return 1;
}


/* one of the first n rows that apply says so already */
static bool scope_said(size_t n, unsigned uses, bool required,
    const char *scope)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (rows[i].use & uses && rows[i].required == required
            && strcmp(rows[i].scope, scope) == 0)
        {
            return true;
        }
    }

    return false;
}


/* scopes_missing names each once, and as optional none that is required */
size_t scopes_missing(struct buf *out, unsigned uses, bool required,
    const struct conf_list *extra, const struct conf_token *token,
    struct str scopes, const struct json *targets)
{
    size_t   i, n = 0;
    char   **names = extra != NULL ? extra->at : NULL;

    for (i = 0; i < ROWS; i++) {
        if (rows[i].use & uses && rows[i].required == required
            && !scope_said(i, uses, required, rows[i].scope)
            && (required || !scope_said(ROWS, uses, true, rows[i].scope)))
        {
            n += scope_judge(out, rows[i].scope, token, scopes, targets);
        }
    }

    for (i = 0; required && extra != NULL && i < extra->n; i++) {
        if (!scope_said(ROWS, uses, true, names[i])) {
            n += scope_judge(out, names[i], token, scopes, targets);
        }
    }

    return n;
}


/* scopes_exempt: of what everybody has nothing is read here */
bool scopes_exempt(struct str scopes)
{
    size_t       i, n;
    bool         good;
    struct str   one;

    static const char *const  exempt[] = {
        "ads_read", "ads_management", "business_management", "read_insights",
        "public_profile", "email", "openid"
    };

    for ( ; scopes.len; scopes.at += n, scopes.len -= n) {
        for (n = 0; n < scopes.len && scopes.at[n] != ','; n++) {
            /* void */
        }

        one = (struct str) { scopes.at, n };
        good = n == 0 || (n > 6 && memcmp(one.at, "pages_", 6) == 0);
        for (i = 0; i < sizeof(exempt) / sizeof(exempt[0]) && !good; i++) {
            good = str_is(one, exempt[i]);
        }

        if (!good) {
            return false;
        }

        n += n < scopes.len;
    }

    return true;
}
