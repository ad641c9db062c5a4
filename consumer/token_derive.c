/* A token follows the one that it came from: a Page's is taken anew from its
   user's (section 2.5), a number's is the same as its business's (3.3). */

#include "life_own.h"
#include "token_answer.h"


/* the user's own token lives on: else its Pages' die with it */
#define DERIVE_LONG_MS  (2 * LIFE_DAY_MS)

#define DERIVE_ROUNDS   20      /* of 100 Pages */


static struct token *derive_parent(const struct care *c)
{
    struct token  *parent;

    if (c->t->parent == NULL || c->t->as.kind != TOKEN_PAGE
        || c->t->as.id == NULL)
    {
        return NULL;
    }

    parent = tokens_named(c->life->tokens, STR(c->t->parent));

    return parent == NULL || parent->lost || token_usable(parent) == NULL
           || (parent->expires > TOKEN_NEVER
               && parent->expires <= life_now()) ? NULL : parent;
}


/* derive_gives: others may follow it */
bool derive_gives(const struct token *t)
{
    return t->as.kind == TOKEN_USER || t->as.kind == TOKEN_BUSINESS
           || t->as.kind == TOKEN_SYSTEM_USER;
}


static bool for_waba(const struct token *t,
    bool (*is)(const struct json *targets, const char *scope, struct str id),
    const char *waba)
{
    bool              good;
    struct json_doc  *doc;

    doc = json_parse(t->targets, strlen(t->targets), JSON_TREE_MAX);
    good = is(json_root(doc), TOKEN_WABA_SCOPE, STR(waba));
    json_free(doc);

    return good;
}


/* what may do less may have taken the parent's name */
static bool copy_serves(const struct token *parent, const struct token *t)
{
    if (t->scopes != NULL && parent->scopes != NULL
        && scope_has(STR(t->scopes), TOKEN_WABA_SCOPE)
        && !scope_has(STR(parent->scopes), TOKEN_WABA_SCOPE))
    {
        return false;
    }

    return t->targets == NULL || parent->targets == NULL || t->as.waba == NULL
           || !for_waba(t, scope_lists, t->as.waba)
           || for_waba(parent, scope_for, t->as.waba);
}


/* what t is a copy of, or was; NULL: of nothing that lives */
static struct token *copy_parent(const struct life *life,
    const struct token *t)
{
    struct token  *parent;

    if (t->of != NULL || t->parent == NULL || t->as.secret == NULL
        || t->as.kind != TOKEN_WHATSAPP)
    {
        return NULL;
    }

    parent = tokens_named(life->tokens, STR(t->parent));

    return parent == NULL || parent->lost || parent->as.secret == NULL
           || parent->as.kind == TOKEN_USER || token_apart(parent, t)
           || !copy_serves(parent, t) ? NULL : parent;
}


/* copy_same: it need not be renewed, its parent is */
bool copy_same(const struct care *c)
{
    const struct token  *parent = copy_parent(c->life, c->t);

    return parent != NULL
           && strcmp(parent->as.secret, c->t->as.secret) == 0;
}


/* the parent has been renewed since */
static struct token *copy_behind(const struct life *life,
    const struct token *t)
{
    struct token  *parent = copy_parent(life, t);
    int64_t        born = t->refreshed > t->issued ? t->refreshed : t->issued;

    return parent != NULL && parent->refreshed > born
           && strcmp(parent->as.secret, t->as.secret) != 0 ? parent : NULL;
}


/* derive_due: of a Page's that ends with its user's token, and of a copy: as
   soon as the one that it came from has been renewed */
bool derive_due(const struct life *life, const struct token *t)
{
    const struct token  *parent;

    if (t->as.kind != TOKEN_PAGE) {
        return copy_behind(life, t) != NULL;
    }

    if (t->parent == NULL || t->lost || t->expires <= TOKEN_NEVER) {
        return false;
    }

    parent = tokens_named(life->tokens, STR(t->parent));

    return parent != NULL && !parent->lost && parent->refreshed > t->checked;
}


static void copy_done(struct care *c)
{
    c->renewed = true;
    stat_add(STAT_TOKEN_REFRESHED, 1);
    log_write(LOG_INFO, "token %s is renewed, as %s", SAID(c->t->name),
              SAID(c->t->parent));
    care_end(c);
}


/* copy_begin: true: it is on its way */
bool copy_begin(struct care *c)
{
    struct token  *parent = copy_behind(c->life, c->t);

    if (parent == NULL) {
        return false;
    }

    c->next = copy_done;
    c->otherwise = care_end;
    care_put(c, STR(parent->as.secret), parent->expires, "refresh");

    return true;
}


/* derive_possible: there is a living user's token */
bool derive_possible(const struct care *c)
{
    return derive_parent(c) != NULL;
}


/* whose token of the Page has no end, if the user's lives long (2.5) */
static int64_t derive_expires(const struct token *parent)
{
    return parent == NULL || parent->expires == TOKEN_UNKNOWN ? TOKEN_UNKNOWN
           : parent->expires > TOKEN_NEVER
             && parent->expires - life_now() < DERIVE_LONG_MS
           ? parent->expires : TOKEN_NEVER;
}


/* derive_lasts: the user's token has been exchanged */
bool derive_lasts(const struct care *c)
{
    struct token  *parent = derive_parent(c);

    return parent != NULL && derive_expires(parent) == TOKEN_NEVER;
}


/* derive_failed: passes: it may be tried again before long */
void derive_failed(struct care *c, const char *why, bool passes)
{
    log_write(LOG_WARN, "token %s could not be taken anew from %s: %s",
              SAID(c->t->name), SAID(c->t->parent), why);
    c->why = "it could not be taken anew from its user's token";

    if (passes && c->losing) {
        care_end(c);
    } else {
        c->otherwise(c);
    }
}


static const struct json *derive_find(const struct json *root, const char *id)
{
    const struct json  *page, *list = json_get(root, "data");

    for (page = json_is(list, JSON_ARRAY) ? list->child : NULL;
         page != NULL; page = page->next)
    {
        if (str_is(json_get_text(page, "id"), id)) {
            return page;
        }
    }

    return NULL;
}


/* then it is the user's token that is lost, and this one with it */
static void derive_refused(struct care *c, const struct verdict *v)
{
    if (v->code == 190 || v->code == 102) {
        life_refused(c->life, c->gives, v->code,
                     v->has_subcode ? v->subcode : 0);
    }

    derive_failed(c, v->row->text, false);
}


static void derive_ask(struct care *c);


/* derive_take: true: the Page is among these, and its token is stored */
bool derive_take(struct care *c, const struct json *root)
{
    struct str  token;

    token = json_get_text(derive_find(root, c->t->as.id), "access_token");
    if (token.len) {
        care_put(c, token, derive_expires(derive_parent(c)), "derived");
    }

    return token.len > 0;
}


/* derive_call: with the user's token, if it is still there; query is freed */
void derive_call(struct care *c, struct graph_call *call, struct buf *query,
    care_then then)
{
    struct token  *parent = derive_parent(c);

    if (parent == NULL) {
        token_ask_wipe(query);
        derive_failed(c, "it does not work any more", false);
        return;
    }

    token_drop(c->gives);
    c->gives = token_hold(token_usable(parent));
    care_call(c, call, query, c->gives, care_app(c), then);
}


static void on_pages(struct care *c, const struct verdict *v)
{
    struct str  after;

    if (care_passing(c, v)) {
        derive_failed(c, v != NULL ? graph_reason(v->rc) : "not asked", true);
        return;
    }

    if (v->rc == GRAPH_ERROR) {
        derive_refused(c, v);
        return;
    }

    if (derive_take(c, v->root)) {
        return;
    }

    after = json_text(json_get(json_path(v->root, "paging", "cursors"),
                               "after"));
    if (after.len == 0
        || json_path(v->root, "paging", "next") == NULL
        || ++c->rounds == DERIVE_ROUNDS)
    {
        owned_begin(c);
        return;
    }

    free(c->cursor);
    c->cursor = mem_copy(after.at, after.len);
    derive_ask(c);
}


/* while Redis was asked the user's token may have been lost, or removed */
static void derive_ask(struct care *c)
{
    struct buf         query;
    struct graph_call  call;

    token_ask_pages(&call, &query, c->cursor != NULL ? STR(c->cursor) : NONE);
    derive_call(c, &call, &query, on_pages);
}


/* derive_begin: next once the new one is stored */
void derive_begin(struct care *c, care_next next, care_next otherwise)
{
    c->next = next;
    c->otherwise = otherwise;
    derive_ask(c);
}
