/* Which token goes with a call: of the configuration, and of the store. */

#include "token_own.h"


/* what fits how well; a link says as much as a waba, and what Meta lists of a
   business's token less: another's may list it, too */
enum {
    RANK_NONE,
    RANK_SYSTEM = 2,        /* a system user's, for all accounts */
    RANK_PAGE,              /* a Page's, for all linked accounts */
    RANK_DEFAULT,
    RANK_LISTED,
    RANK_LINK,
    RANK_ACCOUNT
};

struct picked {
    const struct conf_token  *token;
    const struct token       *stored;   /* NULL: of the configuration */
    int                       rank;
    bool                      lost;     /* of the configuration, and dead */
    bool                      locked;   /* one that cannot be opened will do */
};


/* whose token names no account of its own */
static bool is_system(const struct conf_token *t)
{
    return t->kind == TOKEN_SYSTEM_USER || t->kind == TOKEN_BUSINESS;
}


static bool token_fits(const struct conf_token *t, enum product product)
{
    static const int  kinds[] = {
        [PRODUCT_NONE] = TOKEN_PAGE, [PRODUCT_WHATSAPP] = TOKEN_WHATSAPP,
        [PRODUCT_MESSENGER] = TOKEN_PAGE,
        [PRODUCT_INSTAGRAM] = TOKEN_INSTAGRAM
    };

    return is_system(t) || t->kind == kinds[product];
}


/* an Instagram account that is linked to a Page goes by the Page's token
   (section 9 of meta-webhooks-and-messaging.md); one of the environment says
   of neither whose it is */
static int linked_rank(const struct conf_token *t, struct str account)
{
    if (t->kind != TOKEN_PAGE) {
        return RANK_NONE;
    }

    return t->instagram != NULL
           ? (str_is(account, t->instagram) ? RANK_LINK : RANK_NONE)
           : t->fallback || t->nameless ? RANK_PAGE : RANK_NONE;
}


static int token_rank(const struct conf_token *t, enum product product,
    struct str account, struct str waba)
{
    if (!token_fits(t, product)) {
        return product == PRODUCT_INSTAGRAM ? linked_rank(t, account)
               : RANK_NONE;
    }

    if (t->id != NULL && str_is(account, t->id)) {
        return RANK_ACCOUNT;
    }

    if (t->waba != NULL && str_is(waba, t->waba)) {
        return RANK_LINK;
    }

    return !t->fallback ? RANK_NONE : is_system(t) ? RANK_SYSTEM
           : RANK_DEFAULT;
}


/* token_stands: it goes with that account by its id, its WABA or a link */
bool token_stands(const struct token *t, enum product product,
    struct str account, struct str waba)
{
    return token_rank(&t->as, product, account, waba) >= RANK_LINK
           || (token_fits(&t->as, product)
               && list_has(str_or_none(t->links), account));
}


/* of two tenants' that list the same WABA the first keeps it */
static bool one_better(const struct token *t, const struct token *than,
    int rank)
{
    if (rank == RANK_LISTED && t->lost == than->lost
        && !str_equal(STR(t->as.tenant != NULL ? t->as.tenant : ""),
                      STR(than->as.tenant != NULL ? than->as.tenant : "")))
    {
        return t->issued != TOKEN_UNKNOWN
               && (than->issued == TOKEN_UNKNOWN
                   || t->issued < than->issued);
    }

    return token_better(t, than);
}


static void pick_one(struct picked *p, const struct token *t, int rank)
{
    if (rank < p->rank || rank == RANK_NONE
        || (token_usable(t) == NULL && !p->locked)
        || (rank == p->rank
            && (p->stored == NULL ? !p->lost || t->lost
                : !one_better(t, p->stored, rank))))
    {
        return;
    }

    p->rank = rank;
    p->stored = t;
    p->token = p->locked ? &t->as : token_usable(t);
}


static void pick_by(struct picked *p, const struct tokens *s,
    enum token_by by, struct str text, enum product product,
    struct str account, struct str waba)
{
    int                        rank;
    const struct token_entry  *e;

    if (text.len == 0) {
        return;
    }

    for (e = token_entries(s, by, text); e != NULL; e = e->next) {
        if (e->by == by && str_equal(e->text, text)) {
            rank = token_rank(&e->t->as, product, account, waba);
            if (by == BY_LINK && token_fits(&e->t->as, product)
                && rank < RANK_LINK)
            {
                rank = RANK_LINK;
            }
            if (by == BY_LISTED && rank < RANK_LISTED) {
                rank = RANK_LISTED;
            }
            pick_one(p, e->t, rank);
        }
    }
}


static void pick_conf(struct picked *p, const struct conf *conf,
    enum product product, struct str account, struct str waba)
{
    int                       rank;
    size_t                    i;
    const struct conf_token  *t = conf->tokens.at;

    for (i = 0; i < conf->tokens.n; i++) {
        rank = token_rank(&t[i], product, account, waba);

        if (rank > p->rank) {
            p->rank = rank;
            p->token = &t[i];
        }
    }
}


/* what is known is known of its secret; t may be of an older configuration */
static bool conf_lost(const struct tokens *s, const struct conf_token *t)
{
    size_t  i;

    for (i = 0; i < s->nconf; i++) {
        if (s->all[i]->lost && strcmp(s->all[i]->of->lane, t->lane) == 0) {
            return true;
        }
    }

    return false;
}


static struct picked pick(const struct conf *conf, enum product product,
    struct str account, struct str waba, bool locked)
{
    size_t                kind;
    struct picked         p = { .rank = RANK_NONE, .locked = locked };
    const struct tokens  *s = conf->store;

    pick_conf(&p, conf, product, account, waba);

    if (s == NULL || s->nentries == 0) {
        return p;
    }

    p.lost = p.token != NULL && conf_lost(s, p.token);
    if (p.rank == RANK_ACCOUNT && !p.lost) {
        return p;
    }

    pick_by(&p, s, BY_ACCOUNT, account, product, account, waba);
    pick_by(&p, s, BY_LINK, account, product, account, waba);
    pick_by(&p, s, BY_WABA, waba, product, account, waba);
    if (product == PRODUCT_WHATSAPP) {
        pick_by(&p, s, BY_LISTED, waba, product, account, waba);
    }
    if (product == PRODUCT_INSTAGRAM) {
        pick_by(&p, s, BY_INSTAGRAM, account, product, account, waba);
    }

    for (kind = 0; p.rank < RANK_LINK && kind < TOKEN_KINDS; kind++) {
        if (s->fallback[kind] != NULL) {
            pick_one(&p, s->fallback[kind],
                     token_rank(&s->fallback[kind]->as, product, account,
                                waba));
        }
    }

    return p;
}


/* tokens_pick: the most exact one */
const struct conf_token *tokens_pick(const struct conf *conf,
    enum product product, struct str account, struct str waba)
{
    return pick(conf, product, account, waba, false).token;
}


/* tokens_hidden looks at all: it is asked before something is given up */
bool tokens_hidden(const struct conf *conf, enum product product,
    struct str account, struct str waba)
{
    size_t                i;
    const struct tokens  *s = conf->store;

    if (s == NULL || (tokens_state(s) == TOKENS_NONE && s->sealed == 0)) {
        return false;
    }

    if (tokens_state(s) == TOKENS_UNREAD || s->sealed > 0
        || pick(conf, product, account, waba, true).token != NULL)
    {
        return true;
    }

    for (i = s->nconf; i < s->n; i++) {
        if (token_usable(s->all[i]) == NULL
            && token_rank(&s->all[i]->as, product, account, waba)
               != RANK_NONE)
        {
            return true;
        }
    }

    return false;
}


/* tokens_tenant: what the most exact one says, and be it locked */
struct str tokens_tenant(const struct conf *conf, enum product product,
    struct str account, struct str waba)
{
    const struct conf_token  *t;

    t = pick(conf, product, account, waba, true).token;

    return t != NULL && t->tenant != NULL ? STR(t->tenant) : NONE;
}


/* tokens_now: a renewed one has the same name */
const struct conf_token *tokens_now(const struct conf *conf,
    const struct conf_token *t)
{
    struct token  *now;

    if (t == NULL || t->stored == NULL || !t->stored->stale
        || conf->store == NULL)
    {
        return t;
    }

    now = token_find(conf->store, BY_NAME, STR(t->stored->name));

    return now != NULL ? token_usable(now) : NULL;
}


static enum product product_of(const struct conf_token *t)
{
    static const enum product  products[TOKEN_KINDS] = {
        [TOKEN_WHATSAPP] = PRODUCT_WHATSAPP, [TOKEN_PAGE] = PRODUCT_MESSENGER,
        [TOKEN_INSTAGRAM] = PRODUCT_INSTAGRAM
    };

    /* a number's, where the token says which WABA it is of */
    return t->stored != NULL && is_system(t) && t->waba != NULL
           ? PRODUCT_WHATSAPP : products[t->kind];
}


static enum product product_by(const struct tokens *s, enum token_by by,
    struct str account)
{
    enum product               product;
    const struct token_entry  *e;

    for (e = token_entries(s, by, account); e != NULL; e = e->next) {
        if (e->by == by && str_equal(e->text, account)) {
            product = by == BY_INSTAGRAM ? PRODUCT_INSTAGRAM
                      : product_of(&e->t->as);
            if (product != PRODUCT_NONE) {
                return product;
            }
        }
    }

    return PRODUCT_NONE;
}


/* tokens_product asks the tokens alone */
enum product tokens_product(const struct conf *conf, struct str account)
{
    size_t                    i;
    enum product              product;
    const struct conf_token  *t = conf->tokens.at;
    static const enum token_by  ways[] = {
        BY_INSTAGRAM, BY_ACCOUNT, BY_LINK
    };

    for (i = 0; i < conf->tokens.n; i++) {
        if (t[i].instagram != NULL && str_is(account, t[i].instagram)) {
            return PRODUCT_INSTAGRAM;
        }

        if (t[i].id != NULL && str_is(account, t[i].id)
            && product_of(&t[i]) != PRODUCT_NONE)
        {
            return product_of(&t[i]);
        }
    }

    for (i = 0; i < 3 && conf->store != NULL; i++) {
        product = product_by(conf->store, ways[i], account);
        if (product != PRODUCT_NONE) {
            return product;
        }
    }

    return PRODUCT_NONE;
}


/* tokens_has: how many of a kind there are in all */
size_t tokens_has(const struct conf *conf, enum token_kind kind)
{
    size_t                    i, n;
    const struct conf_token  *t = conf->tokens.at;

    n = conf->store != NULL ? conf->store->kinds[kind] : 0;

    for (i = 0; i < conf->tokens.n; i++) {
        n += t[i].kind == (int) kind;
    }

    return n;
}


/* tokens_lane: whose lane that is, of the store or of the configuration */
bool tokens_lane(const struct conf *conf, const char *lane)
{
    return conf->store != NULL
           && token_find(conf->store, BY_LANE, STR(lane)) != NULL;
}


/* tokens_named finds one by its name */
struct token *tokens_named(const struct tokens *tokens, struct str name)
{
    return tokens != NULL ? token_find(tokens, BY_NAME, name) : NULL;
}


/* tokens_each: what comes and goes meanwhile is not seen, or seen twice */
void tokens_each(const struct tokens *tokens,
    void (*each)(void *data, struct token *t), void *data)
{
    size_t  i;

    for (i = 0; i < tokens->n; i++) {
        each(data, tokens->all[i]);
    }
}


/* tokens_count: of the store */
size_t tokens_count(const struct tokens *tokens)
{
    return tokens->n - tokens->nconf;
}
