/* metactl token add: asks Graph whose a token is and what it may do, and only
   then stores it, with the Pages that it leads to. */

#include "ctl_asked.h"
#include "ctl_store.h"
#include "token_ask.h"

#include <stdlib.h>


#define PAGES_MAX  1000
#define WABAS_MAX  100
#define SHORT_MS   (2 * 86400000LL)

struct adding {
    struct ctl             *c;
    char                   *secret;
    struct conf_token       call;       /* the token, as calls take it */
    struct asked            k;          /* what its app says of it */
    struct buf              links;
    struct token          **at;         /* what is to be stored, itself first */
    size_t                  n;
};


static void add_one(struct adding *a, struct token *t)
{
    a->at = mem_grow(a->at, (a->n + 1) * sizeof(*a->at));
    a->at[a->n++] = t;
}


static void add_set(struct token *t, const char *field, struct str value)
{
    const char  *why = token_set(t, field, value);

    if (why != NULL) {
        ctl_fail(CTL_FINDING, "%s of %s %s", field, t->name, why);
    }
}


static void add_secret(struct adding *a, char *secret)
{
    mem_wipe(a->secret);
    a->secret = secret;
    a->call = (struct conf_token) { .kind = TOKEN_USER, .secret = secret,
                                    .lane = secret };
}


/* what lives long comes in its place, and is asked about in its turn */
static void add_renew(struct adding *a)
{
    asked_apps(a->c, &a->k, a->secret);
    if (a->k.is) {
        asked_check(a->c, &a->k);
    } else {
        asked_doubt(a->c, &a->k);
    }

    add_secret(a, pasted_renew(a->c, a->k.app, a->k.is ? &a->k.debug : NULL,
                               a->secret));
    asked_free(&a->k);
}


static int kind_wanted(struct adding *a)
{
    int          kind;
    const char  *name = a->c->opts.kind;

    for (kind = 0; name != NULL && kind < TOKEN_APP; kind++) {
        if (strcmp(token_kind_name((enum token_kind) kind), name) == 0) {
            return kind;
        }
    }

    if (name != NULL) {
        ctl_fail(CTL_USAGE, "--kind takes whatsapp, page, instagram, user,"
                 " system_user or business");
    }

    return -1;
}


/* whose it is stays so where nothing is said; "none" takes it off */
static void add_tenant(struct adding *a, struct token *t)
{
    const char          *to = a->c->opts.tenant, *was;
    const struct token  *old = tokens_named(a->c->conf->store, STR(t->name));

    was = old != NULL ? old->as.tenant : NULL;
    if (to != NULL && *to == '\0') {
        ctl_fail(CTL_USAGE, "--tenant takes a name, or the word none");
    }
    to = to == NULL ? was : strcmp(to, "none") == 0 ? NULL : to;
    if (to != NULL) {
        add_set(t, "tenant", STR(to));
    }
    if (was != NULL && (to == NULL || strcmp(was, to) != 0)) {
        fprintf(stderr, "metactl: %s %s from tenant %s to %s\n", t->name,
                a->c->opts.dry_run ? "would go" : "goes", was,
                to != NULL ? to : "none");
    }
}


static struct token *add_make(struct adding *a, enum token_kind kind,
    struct str id)
{
    char           name[TOKEN_NAME_MAX];
    struct token  *t;

    t = str_digits(id) ? token_new(STR(token_name(name, kind, id))) : NULL;
    if (t == NULL) {
        ctl_fail(CTL_FINDING, "Meta does not say whose it is");
    }

    add_tenant(a, t);
    add_set(t, "from", STR("cli"));
    add_set(t, "account", id);
    token_set_int(t, "checked", time_now());
    if (a->k.is) {
        add_set(t, "app", a->k.debug.app);
        add_set(t, "user", a->k.debug.user);
    }

    return t;
}


static void add_debugged(struct adding *a, struct token *t)
{
    const struct token_debug  *d = &a->k.debug;

    token_set_int(t, "issued", d->issued);
    token_set_int(t, "expires", d->expires);
    token_set_int(t, "data_expires", d->data_expires);
    add_set(t, "scopes", (struct str) { d->scopes.at, d->scopes.len });
    add_set(t, "targets", (struct str) { d->targets.at, d->targets.len });
    token_set_secret(t, STR(a->secret));
    add_one(a, t);
}


/* a read by the token itself; false: Meta refuses */
static bool add_ask(struct adding *a, const char *path, const char *query,
    struct meta *m)
{
    struct graph_call  call = {
        .method = HTTP_GET, .host = GRAPH_FACEBOOK, .path = STR(path),
        .query = STR(query), .body = NONE, .idempotent = true,
        .token = &a->call, .app = a->k.app
    };

    meta_call(a->c, &call, m);

    return m->v.rc == GRAPH_OK;
}


static bool scope_begins(struct adding *a, const char *with)
{
    struct str   all = { a->k.debug.scopes.at, a->k.debug.scopes.len };
    size_t       i, n = strlen(with);

    for (i = 0; i + n <= all.len; i++) {
        if ((i == 0 || all.at[i - 1] == ',')
            && memcmp(all.at + i, with, n) == 0)
        {
            return true;
        }
    }

    return false;
}


/* numbers of a WABA become links: jobs name a number alone */
static void add_numbers(struct adding *a, struct str waba)
{
    char                path[64];
    struct meta         m;
    const struct json  *e;
    struct str          id;

    snprintf(path, sizeof(path), "%.*s/phone_numbers",
             (int) (waba.len < 32 ? waba.len : 32), waba.at);

    if (add_ask(a, path, "fields=id&limit=100", &m)) {
        e = json_get(m.v.root, "data");
        for (e = e != NULL ? e->child : NULL; e != NULL; e = e->next) {
            id = json_get_text(e, "id");
            if (str_digits(id) && a->links.len + id.len < TOKEN_LINKS_MAX) {
                buf_text(&a->links, a->links.len ? "," : "");
                buf_str(&a->links, id);
            }
        }
    } else {
        meta_text(a->c, &m);
    }

    meta_free(&m);
}


/* the WABAs that were shared (3.4); the newest first, so *waba is that */
static void add_wabas(struct adding *a, char waba[33])
{
    size_t              n = 0;
    struct str          id;
    const struct json  *e, *scope;
    struct json_doc    *doc = json_parse(a->k.debug.targets.at,
                                         a->k.debug.targets.len,
                                         JSON_TREE_MAX);

    waba[0] = '\0';
    if (a->c->opts.waba != NULL) {
        snprintf(waba, 33, "%s", a->c->opts.waba);
        add_numbers(a, STR(waba));
        json_free(doc);
        return;
    }

    scope = json_root(doc);
    scope = scope != NULL ? scope->child : NULL;
    for ( /* void */ ; scope != NULL; scope = scope->next) {
        if (!str_is(json_get_text(scope, "scope"),
                    "whatsapp_business_management"))
        {
            continue;
        }

        e = json_get(scope, "target_ids");
        for (e = e != NULL ? e->child : NULL; e != NULL && n < WABAS_MAX;
             e = e->next)
        {
            id = json_text(e);
            if (str_digits(id) && id.len <= 32) {
                if (n++ == 0) {
                    snprintf(waba, 33, "%.*s", (int) id.len, id.at);
                }
                add_numbers(a, id);
            }
        }
    }

    json_free(doc);
}


static struct str add_links(const struct adding *a)
{
    return (struct str) { a->links.len ? a->links.at : "", a->links.len };
}


static void add_whatsapp(struct adding *a)
{
    char           waba[33];
    struct str     number;
    struct token  *t;

    add_wabas(a, waba);
    number = a->c->opts.account != NULL ? STR(a->c->opts.account)
             : add_links(a);
    if (!str_digits(number)) {
        ctl_fail(CTL_USAGE, number.len ? "it is for several numbers: --account"
                 " names one, --kind system_user means all"
                 : "Meta names no number that it is for: --account names it");
    }

    t = add_make(a, TOKEN_WHATSAPP, number);
    add_set(t, "waba", STR(waba));
    add_debugged(a, t);
}


/* of a client's business, if it says so (2.9) */
static void add_system(struct adding *a, int kind)
{
    char           waba[33];
    struct str     business = NONE, name = NONE;
    struct meta    m;
    struct token  *t;

    if (add_ask(a, "me", "fields=id,name,client_business_id", &m)) {
        business = json_get_text(m.v.root, "client_business_id");
        name = json_get_text(m.v.root, "name");
    } else if (graph_passes(&m.v)) {
        asked_fail(a->c, &m);   /* nobody guesses whose business it is of */
    }

    if (kind < 0) {
        kind = business.len ? TOKEN_BUSINESS : TOKEN_SYSTEM_USER;
    }
    if (kind == TOKEN_BUSINESS && business.len == 0) {
        ctl_fail(CTL_FINDING, "refused: Meta names no client_business_id: it"
                 " is no token of a client's business");
    }

    t = add_make(a, (enum token_kind) kind, kind == TOKEN_BUSINESS ? business
                 : a->k.debug.user);
    add_set(t, "title", name);
    meta_free(&m);

    if (scope_begins(a, "whatsapp_") || a->c->opts.waba != NULL) {
        add_wabas(a, waba);
        add_set(t, "waba", STR(waba));
        add_set(t, "links", add_links(a));
    }
    if (a->c->opts.account != NULL) {
        add_set(t, "links", STR(a->c->opts.account));
    }
    if (kind == TOKEN_SYSTEM_USER && t->as.waba == NULL && t->links == NULL) {
        add_set(t, "default", STR("1"));
    }

    add_debugged(a, t);
}


static void add_page(struct adding *a)
{
    struct meta    m;
    struct token  *t;

    if (!add_ask(a, "me", "fields=id,name,instagram_business_account%7Bid%7D",
                 &m))
    {
        meta_free(&m);
        add_ask(a, "me", "fields=id,name", &m);
    }

    if (m.v.rc != GRAPH_OK) {
        asked_fail(a->c, &m);
    }

    t = add_make(a, TOKEN_PAGE, json_get_text(m.v.root, "id"));
    add_set(t, "title", json_get_text(m.v.root, "name"));
    add_set(t, "instagram", json_text(json_path(m.v.root,
                                "instagram_business_account", "id")));
    meta_free(&m);
    add_debugged(a, t);
}


/* each Page's own token: until when it lasts the daily look will tell */
static void add_derived(struct adding *a, const struct json *e)
{
    struct str     secret = json_get_text(e, "access_token");
    struct str     id = json_get_text(e, "id");
    struct token  *t;

    if (!str_digits(id) || secret.len == 0 || a->n > PAGES_MAX) {
        return;
    }

    t = add_make(a, TOKEN_PAGE, id);
    if (token_set_secret(t, secret) != NULL) {
        token_free(t);
        return;
    }

    add_set(t, "title", json_get_text(e, "name"));
    add_set(t, "instagram", json_text(json_path(e,
                                "instagram_business_account", "id")));
    add_set(t, "parent", STR(a->at[0]->name));
    add_set(t, "from", STR("derived"));
    add_set(t, "scopes", (struct str) { a->k.debug.scopes.at,
                                        a->k.debug.scopes.len });
    token_set_int(t, "checked", 0);
    add_one(a, t);
}


/* its answer holds tokens, so nobody may hide them: not by meta_call */
struct pages {
    struct adding  *a;
    bool            done;
    bool            refused;
    char            after[512];
};


static void on_pages(void *data, const struct verdict *v)
{
    struct str          after = NONE;
    struct pages       *p = data;
    const struct json  *e = json_get(v->root, "data");

    p->done = true;
    p->refused = v->rc != GRAPH_OK;

    if (json_is(e, JSON_ARRAY) && e->child != NULL) {
        after = json_text(json_get(json_path(v->root, "paging", "cursors"),
                                   "after"));
        if (json_get(json_get(v->root, "paging"), "next") == NULL) {
            after = NONE;
        }
        for (e = e->child; e != NULL; e = e->next) {
            add_derived(p->a, e);
        }
    }

    snprintf(p->after, sizeof(p->after), "%.*s",
             (int) (after.len < sizeof(p->after) ? after.len : 0), after.at);
}


static void add_pages(struct adding *a)
{
    struct buf         query;
    const char        *why;
    struct pages       p = { .a = a };
    struct graph_call  call;

    do {
        p.done = false;
        token_ask_pages(&call, &query, STR(p.after));
        call.token = &a->call;
        call.app = a->k.app;
        why = graph_start(meta_graph(a->c), a->c->conf, &call, on_pages, &p);
        if (why != NULL) {
            ctl_fail(CTL_USAGE, "me/accounts: %s", why);
        }
        meta_run(a->c, &p.done);
        token_ask_wipe(&query);
    } while (p.after[0] != '\0' && a->n <= PAGES_MAX);

    if (p.refused) {
        fputs("metactl: Meta does not tell its Pages\n", stderr);
    }
}


static void add_user(struct adding *a)
{
    struct meta    m;
    struct token  *t = add_make(a, TOKEN_USER, a->k.debug.user);

    if (add_ask(a, "me", "fields=id,name", &m)) {
        add_set(t, "title", json_get_text(m.v.root, "name"));
    }
    meta_free(&m);
    add_debugged(a, t);
}


/* where Facebook could not say, it is not Instagram's no that counts */
static void add_unknown(struct adding *a, const struct meta *m)
{
    asked_doubt(a->c, &a->k);

    if (m->v.rc == GRAPH_OK) {
        ctl_fail(CTL_FINDING, "Instagram does not say whose it is");
    }
    if (a->c->opts.kind == NULL && asked_no(m)) {
        ctl_fail(CTL_FINDING, "refused: neither Facebook nor Instagram knows"
                 " this token");
    }

    asked_fail(a->c, m);
}


/* whose tokens debug_token does not know (1.1): they answer for themselves */
static void add_instagram(struct adding *a)
{
    struct buf         query;
    struct meta        m;
    struct token      *t;
    struct token_me    me;
    struct graph_call  call;

    a->call.kind = TOKEN_INSTAGRAM;
    token_ask_me(&call, &query);
    call.token = &a->call;
    meta_call(a->c, &call, &m);
    token_ask_wipe(&query);

    if (m.v.rc != GRAPH_OK || !token_me_read(m.v.root, &me)) {
        add_unknown(a, &m);
    }

    t = add_make(a, TOKEN_INSTAGRAM, me.account);
    add_set(t, "user", me.id);
    add_set(t, "title", me.username);
    token_set_secret(t, STR(a->secret));
    add_one(a, t);
    meta_free(&m);
}


static void add_kind(struct adding *a)
{
    int   kind = kind_wanted(a);
    bool  system, page;

    if (kind != TOKEN_INSTAGRAM) {
        asked_apps(a->c, &a->k, a->secret);
    }
    if (kind == TOKEN_INSTAGRAM || (kind < 0 && !a->k.is)) {
        add_instagram(a);
        return;
    }
    if (!a->k.is) {
        asked_doubt(a->c, &a->k);
        ctl_fail(CTL_FINDING, "refused: Meta does not know this token");
    }

    asked_check(a->c, &a->k);
    system = str_is(a->k.debug.type, "SYSTEM_USER");
    page = str_is(a->k.debug.type, "PAGE");

    if ((kind == TOKEN_PAGE) != page && kind >= 0) {
        ctl_fail(CTL_USAGE, "it is a token of type %.*s, not of --kind %s",
                 (int) a->k.debug.type.len, a->k.debug.type.at,
                 a->c->opts.kind);
    }

    if (page) {
        add_page(a);
        return;
    }

    if (kind == TOKEN_WHATSAPP) {
        add_whatsapp(a);
        return;
    }

    if (system || kind == TOKEN_SYSTEM_USER || kind == TOKEN_BUSINESS) {
        add_system(a, kind);
    } else {
        add_user(a);
    }

    if (scope_begins(a, "pages_")) {
        add_pages(a);
    }
}


static void add_say(struct adding *a, const struct token *t, struct jw *j)
{
    char  date[TIME_MAX];

    if (a->c->opts.json) {
        jw_open(j, NULL, '{');
        jw_text(j, "name", t->name);
        jw_text(j, "title", t->title);
        jw_text(j, "waba", t->as.waba);
        jw_text(j, "instagram", t->as.instagram);
        jw_text(j, "links", t->links);
        jw_text(j, "tenant", t->as.tenant);
        jw_text(j, "scopes", t->scopes);
        jw_time(j, "expires", t->expires);
        jw_close(j, '}');
        return;
    }

    printf("%s%s%s%s %s%s\n", t->name, t->title != NULL ? " (" : "",
           t->title != NULL ? t->title : "", t->title != NULL ? ")" : "",
           a->c->opts.dry_run ? "would be stored" : "is stored",
           t->expires == TOKEN_NEVER ? ", without an end"
           : t->expires < 0 ? "" : ", until:");
    if (t->expires > 0) {
        printf("  %s\n", time_date(date, t->expires));
    }
}


static void add_store(struct adding *a, struct jw *j)
{
    size_t       i;
    const char  *why;

    for (i = 0; i < a->n; i++) {
        why = a->c->opts.dry_run ? NULL
              : store_put(a->c, a->at[i], NULL, "connected");
        if (why != NULL) {
            ctl_fail(CTL_FINDING, "%s: %s", a->at[i]->name, why);
        }
        add_say(a, a->at[i], j);
        db_forget(a->c->db);
    }
}


/* what is left to do: a login subscribes what it connects, this does not */
static void add_next(const struct adding *a)
{
    size_t               i;
    const struct token  *first = a->at[0];

    if (first->as.kind == TOKEN_USER && first->expires > 0
        && first->expires < time_now() + SHORT_MS)
    {
        printf("It ends soon: metactl token exchange %s\n", first->name);
    }

    for (i = 0; i < a->n && !a->c->opts.dry_run; i++) {
        if (a->at[i]->as.kind == TOKEN_PAGE || a->at[i]->as.waba != NULL
            || a->at[i]->as.kind == TOKEN_INSTAGRAM)
        {
            puts("Are its webhooks subscribed? metactl subscribe --dry-run");
            return;
        }
    }
}


/* run_token_add stores nothing before all is known; --in: exchanged first */
int run_token_add(struct ctl *c)
{
    size_t         i;
    struct jw      j;
    struct adding  a = { .c = c };

    store_needed(c);
    buf_init(&a.links, TOKEN_LINKS_MAX);
    add_secret(&a, pasted_read(c->opts.in != NULL ? c->opts.in : c->nargs
                               ? c->args[0] : "-"));
    if (c->opts.in != NULL) {
        add_renew(&a);
    }
    add_kind(&a);

    jw_init(&j);
    jw_open(&j, NULL, '{');
    jw_int(&j, "v", 1);
    jw_bool(&j, "dry_run", c->opts.dry_run);
    jw_open(&j, "stored", '[');
    add_store(&a, &j);
    jw_close(&j, ']');
    jw_close(&j, '}');

    if (c->opts.json) {
        jw_print(&j);
    } else {
        add_next(&a);
    }

    for (i = 0; i < a.n; i++) {
        token_free(a.at[i]);
    }
    free(a.at);
    asked_free(&a.k);
    mem_wipe(a.secret);
    buf_free(&a.links);
    buf_free(&j.b);

    return CTL_GOOD;
}
