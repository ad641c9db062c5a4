/* Facebook Login: a token that lives long, and the Pages that were shared with
   it, each with a token of its own (reference 2.4, 2.5); of Login for Business
   the token of the client's system user (2.9). */

#include "flow_own.h"
#include "graph_request.h"

#include <stdlib.h>


#define PAGE_FIELDS                                                           \
    "id,name,access_token,instagram_business_account{id,username}"
#define PAGES_SCOPE      "pages_show_list"
#define ROUNDS_MAX       50     /* pages of a list */
#define BUSINESSES_MAX   50


static void businesses_next(struct flow *f);
static void pages_keep(struct flow *f);


/* granted by name: of an app that asks for ads alone there are no Pages */
static bool wants_pages(const struct flow *f)
{
    return f->scopes != NULL && (strstr(f->scopes, "pages_") != NULL
                                 || strstr(f->scopes, "instagram_") != NULL);
}


/* of such an app there is nothing but the business to be named */
static bool wants_ads(const struct flow *f)
{
    return f->scopes != NULL && strstr(f->scopes, "ads_") != NULL;
}


/* without it no list of Pages has any */
static bool lacks_pages(const struct flow *f)
{
    return flow_declined_it(f, PAGES_SCOPE)
           || (wants_pages(f) && !scope_has(STR(f->scopes), PAGES_SCOPE));
}


static void pages_done(struct flow *f)
{
    if (f->naccounts == 0 && lacks_pages(f)) {
        f->scope = PAGES_SCOPE;
        flow_bad(f, FLOW_SCOPES, NULL);

    } else if (f->naccounts == 0 && wants_pages(f)) {
        flow_bad(f, FLOW_NO_ACCOUNTS, NULL);

    } else {
        f->at = 0;
        pages_keep(f);
    }
}


static void kept_page(struct flow *f)
{
    f->at++;
    pages_keep(f);
}


/* the Instagram account that is linked to it, unless that is somebody else's;
   a is gone behind it */
static void page_links(struct flow *f, struct flow_account *a,
    struct token *t)
{
    const struct token  *holder;

    if (a->instagram == NULL || flow_holder(f, TOKEN_PAGE, STR(a->id)) != NULL)
    {
        return;
    }

    holder = flow_holder(f, TOKEN_INSTAGRAM, STR(a->instagram));
    if (holder == NULL) {
        token_set(t, "instagram", STR(a->instagram));
        return;
    }

    log_write(LOG_WARN, "login %.8s: the Instagram account %s of %s stays of"
              " tenant \"%s\" (%s), though it came for \"%s\"", f->id != NULL
              ? f->id : "-", a->instagram, SAID(t->name), holder->as.tenant
              != NULL ? holder->as.tenant : "", SAID(holder->name),
              f->ref != NULL ? f->ref : "");
    flow_account_taken(f, a);
}


/* a Page's token is derived from the user's, and outlives its date (2.5) */
static void pages_keep(struct flow *f)
{
    struct token         *t;
    struct flow_account  *a;

    if (f->at == f->naccounts) {
        flow_subscribe(f);
        return;
    }

    a = &f->accounts[f->at];
    if (a->token == NULL) {         /* the user's own */
        kept_page(f);
        return;
    }

    t = flow_token(f, TOKEN_PAGE, STR(a->id));
    if (t == NULL) {
        kept_page(f);
        return;
    }

    token_set(t, "parent", str_or_none(f->parent));
    token_set_int(t, "expires", f->expires == TOKEN_NEVER || !f->system
                  ? TOKEN_NEVER : f->expires);
    if (a->name != NULL) {
        token_set(t, "title", STR(a->name));
    }
    token_set_secret(t, STR(a->token));
    page_links(f, a, t);
    flow_keep(f, t, "connected", kept_page);
}


static void page_take(struct flow *f, const struct flow_page *page)
{
    size_t                i;
    struct flow_account  *a;

    for (i = 0; i < f->naccounts; i++) {
        if (str_is(page->id, f->accounts[i].id)) {
            return;
        }
    }

    a = flow_account_add(f, TOKEN_PAGE, page->id, page->name);
    if (a != NULL) {
        a->token = mem_copy(page->token.at, page->token.len);
        flow_set(&a->instagram, page->instagram);
        flow_set(&a->username, page->username);
    }
}


static void pages_take(struct flow *f, const struct json *list)
{
    struct flow_page    page;
    const struct json  *c;

    for (c = json_is(list, JSON_ARRAY) ? list->child : NULL; c != NULL;
         c = c->next)
    {
        if (flow_page_read(c, &page) && page.token.len > 0
            && page.token.len <= TOKEN_SECRET_MAX)
        {
            page_take(f, &page);
        }
    }
}


static void on_owned(struct flow *f, const struct verdict *v)
{
    if (v->rc == GRAPH_OK) {
        pages_take(f, json_get(v->root, "data"));
    }

    f->at++;                /* one that may not be read hides no other */
    businesses_next(f);
}


static void businesses_next(struct flow *f)
{
    char  path[FLOW_ID_MAX + sizeof("/owned_pages")];

    if (f->at == f->nbusinesses) {
        pages_done(f);
        return;
    }

    snprintf(path, sizeof(path), "%s/owned_pages", f->businesses[f->at]);
    flow_get(f, &f->as, path, PAGE_FIELDS, on_owned);
}


static void on_businesses(struct flow *f, const struct verdict *v)
{
    const struct json  *c, *list = json_get(v->root, "data");

    for (c = v->rc == GRAPH_OK && json_is(list, JSON_ARRAY) ? list->child
             : NULL; c != NULL && f->nbusinesses < BUSINESSES_MAX;
         c = c->next)
    {
        struct str  id = json_get_text(c, "id");

        if (flow_id_good(id)) {
            f->businesses = mem_grow(f->businesses, (f->nbusinesses + 1)
                                     * sizeof(*f->businesses));
            f->businesses[f->nbusinesses++] = mem_copy(id.at, id.len);
        }
    }

    f->at = 0;
    businesses_next(f);
}


static void on_pages(struct flow *f, const struct verdict *v)
{
    struct str  after;

    if (v->rc != GRAPH_OK && f->naccounts == 0 && !f->system) {
        flow_refused(f, v);
        return;
    }

    pages_take(f, v->rc == GRAPH_OK ? json_get(v->root, "data") : NULL);
    after = v->rc == GRAPH_OK ? flow_after(v->root) : NONE;

    if (after.len > 0 && ++f->rounds < ROUNDS_MAX) {
        token_ask_pages(&f->call, &f->query, after);
        f->call.token = &f->as;
        f->call.app = f->app;
        flow_call(f, true, on_pages);

    } else if (f->naccounts == 0 && wants_pages(f)) {
        flow_get(f, &f->as, "me/businesses", "id", on_businesses);

    } else {
        pages_done(f);
    }
}


/* where single assets were chosen /me/accounts may be empty (2.5) */
static void pages_ask(struct flow *f)
{
    flow_say(f, FLOW_STEP_ACCOUNTS);
    token_ask_pages(&f->call, &f->query, NONE);
    f->call.token = &f->as;
    f->call.app = f->app;
    flow_call(f, true, on_pages);
}


/* its own record: what Pages are derived from, and what ads go by */
static void owner_keep(struct flow *f, enum token_kind kind, struct str id)
{
    struct token  *t;

    if (kind == TOKEN_BUSINESS) {
        flow_set(&f->business, id);
        t = flow_business(f);
        if (t == NULL) {
            pages_ask(f);
            return;
        }
    } else {
        t = flow_token(f, kind, id);
    }

    if (t == NULL) {
        flow_bad(f, FLOW_META, NULL);
        return;
    }

    flow_set(&f->parent, STR(t->name));
    if (f->naccounts > 0 && f->accounts[0].name != NULL) {
        token_set(t, "title", STR(f->accounts[0].name));
    }

    flow_keep(f, t, wants_pages(f) ? NULL : "connected", pages_ask);
}


static void on_long(struct flow *f, const struct verdict *v)
{
    bool                 good;
    struct token_answer  a;

    if (v->rc != GRAPH_OK) {
        flow_refused(f, v);
        return;
    }

    good = token_answer_read(v->root, &a);
    if (good) {
        flow_secret(f, a.token);
        f->expires = a.expires_in > 0 ? flow_now() + a.expires_in * 1000
                     : TOKEN_NEVER;
    }
    token_answer_free(&a);

    if (good && f->user != NULL) {
        owner_keep(f, TOKEN_USER, STR(f->user));
    } else {
        flow_bad(f, FLOW_META, v);
    }
}


/* its name may be refused, and then its id says which */
static void on_business_name(struct flow *f, const struct verdict *v)
{
    flow_account_add(f, TOKEN_BUSINESS, STR(f->business), v->rc == GRAPH_OK
                     ? json_get_text(v->root, "name") : NONE);
    owner_keep(f, TOKEN_BUSINESS, STR(f->business));
}


/* what may see neither Pages nor ads is of no use, and nothing is kept of it */
static void on_business(struct flow *f, const struct verdict *v)
{
    struct str  id = flow_business_id(f, v);

    if (id.len == 0) {
        return;
    }

    if (wants_pages(f) || f->scopes == NULL) {
        owner_keep(f, TOKEN_BUSINESS, id);

    } else if (wants_ads(f)) {
        flow_set(&f->business, id);
        flow_get(f, &f->as, f->business, "name", on_business_name);

    } else {
        f->scope = PAGES_SCOPE ", or for ads ads_read or ads_management";
        flow_bad(f, FLOW_SCOPES, NULL);
    }
}


/* flow_facebook: a user's token is exchanged for one that lives long; a system
   user's lives as long as it does */
void flow_facebook(struct flow *f)
{
    if (f->system) {
        flow_get(f, &f->as, "me", "client_business_id", on_business);
        return;
    }

    token_ask_exchange(&f->call, &f->query, f->app, STR(f->secret), false);
    flow_call(f, true, on_long);
}
