/* What came of a flow, stored: sealed, one token after another. */

#include "flow_own.h"
#include "token_mend.h"
#include "token_scopes.h"

#include <stdlib.h>

#include <openssl/rand.h>


#define KEEP_TRIES    20
#define KEEP_WAIT_MS  500       /* on average */
#define KEEP_LINES    5         /* of the log, on what tokens lack */
#define NOBODY        "(none)"


static void keep_go(struct flow *f);


static void keep_taken(struct flow *f, const struct token *holder)
{
    size_t                i;
    struct flow_account  *a;
    const struct token   *t = f->put;

    f->ntaken++;
    if (t->as.kind == TOKEN_BUSINESS && f->parent != NULL
        && strcmp(f->parent, t->name) == 0)
    {
        flow_set(&f->parent, NONE);     /* nor does anything hang on it */
    }

    for (i = 0; i < f->naccounts; i++) {
        a = &f->accounts[i];
        if ((int) a->kind == t->as.kind && t->as.id != NULL
            && strcmp(a->id, t->as.id) == 0)
        {
            a->taken = true;
        }
    }

    /* a person may log in for several */
    if (t->as.kind == TOKEN_USER) {
        return;
    }

    log_write(LOG_WARN, "login %.8s: %s stays of tenant \"%s\" (%s), though it"
              " came for \"%s\": nothing of this login is stored for it.  To"
              " move it: metactl token add --tenant with a token of it, or"
              " metactl token remove %s, and what is named here then, and log"
              " in anew", f->id != NULL ? f->id : "-", SAID(t->name),
              holder->as.tenant != NULL ? holder->as.tenant : NOBODY,
              SAID(holder->name), f->ref != NULL ? f->ref : NOBODY,
              SAID(holder->name));
}


static void missing_of(const struct flow *f, struct buf *out,
    const struct conf_token *as, const char *scopes, const char *targets)
{
    struct json_doc  *doc;

    doc = targets == NULL ? NULL
          : json_parse(targets, strlen(targets), JSON_TREE_MAX);
    scopes_missing(out, scopes_uses(f->conf, as), true, &f->conf->scopes, as,
                   STR(scopes), json_root(doc));
    json_free(doc);
}


/* whoever runs this learns it now, not by tomorrow's look: by what Meta said in
   this login already */
static void keep_missing(const struct flow *f, struct token *t)
{
    struct buf  missing;

    if (f->scopes == NULL || t->as.kind == TOKEN_PIN) {
        return;
    }

    buf_init(&missing, TOKEN_SCOPES_MAX);
    missing_of(f, &missing, &t->as, f->scopes, f->targets);
    token_set(t, "missing", (struct str) { missing.at, missing.len });
    buf_free(&missing);
}


/* another person's does less of what the configuration does than the one that
   works; and one for other things of a business than WhatsApp is none for it */
static bool keep_less(const struct flow *f, const struct token *old)
{
    bool           less = false;
    struct buf     missing;
    struct str     one, has = str_or_none(f->put->missing);
    struct token  *t = f->put;

    if (!flow_token_works(old) || old->as.secret == NULL
        || old->scopes == NULL || f->scopes == NULL || f->kind == FLOW_JOB)
    {
        return false;
    }

    if (t->as.kind == TOKEN_BUSINESS
        && scope_has(STR(old->scopes), TOKEN_WABA_SCOPE)
        && !scope_has(STR(f->scopes), TOKEN_WABA_SCOPE))
    {
        return true;
    }

    if (flow_same_person(f, old)) {
        return false;
    }

    buf_init(&missing, TOKEN_SCOPES_MAX);
    missing_of(f, &missing, &t->as, old->scopes, old->targets);
    buf_add(&missing, "", 1);

    while (!less && !missing.over && list_next(&has, &one)) {
        less = !list_has(STR(missing.at), one);
    }

    buf_free(&missing);

    return less;
}


static void keep_lacks(struct flow *f)
{
    struct buf           mend;
    const struct token  *t = f->put;

    if (t->missing == NULL || f->nlacks++ >= KEEP_LINES) {
        return;
    }

    buf_init(&mend, MEND_TEXT);
    mend_login(&mend, t, "rerequest");
    log_write(LOG_WARN, "login %.8s: token %s lacks %s: they are granted in a"
              " new login, by %.*s", f->id != NULL ? f->id : "-",
              SAID(t->name), t->missing, (int) mend.len, mend.at);
    buf_free(&mend);
}


/* not all together: of those that store one account's at a moment only the
   first comes through */
static unsigned keep_wait(void)
{
    unsigned short  n = 0;

    RAND_bytes((unsigned char *) &n, sizeof(n));

    return KEEP_WAIT_MS / 2 + n % KEEP_WAIT_MS;
}


static void keep_over(struct flow *f)
{
    token_free(f->put);
    f->put = NULL;
    f->kept(f);
}


static void on_put(void *data, const char *why)
{
    struct flow   *f = data;

    f->asked = false;
    if (flow_left(f)) {
        return;
    }

    if (why != NULL && f->tries < KEEP_TRIES
        && (strcmp(why, TOKENS_AWAY) == 0 || strcmp(why, TOKENS_CHANGED) == 0))
    {
        flow_after_ms(f, keep_wait(), keep_go);
        return;
    }

    if (why == NULL) {
        keep_lacks(f);
    }
    if (why != NULL) {
        token_free(f->put);
        f->put = NULL;
        log_write(LOG_ERROR, "login %.8s: a token cannot be stored: %s",
                  f->id != NULL ? f->id : "-", why);
        flow_bad(f, FLOW_STORE, NULL);
        return;
    }

    keep_over(f);
}


static const struct token *keep_holder(const struct flow *f,
    const struct token *old)
{
    const struct token  *t = f->put;

    if (t->as.kind == TOKEN_PIN) {
        return NULL;
    }

    if (old != NULL) {
        return flow_taken(f, old) ? old : NULL;
    }

    return t->as.id != NULL ? flow_holder(f, (enum token_kind) t->as.kind,
                                          STR(t->as.id)) : NULL;
}


/* Redis may be away for a moment, or another consumer have stored it, and a
   code is exchanged only once */
static void keep_go(struct flow *f)
{
    struct token        *old = tokens_named(f->conf->store, STR(f->put->name));
    const struct token  *holder = keep_holder(f, old);

    if (holder != NULL) {
        keep_taken(f, holder);
        keep_over(f);
        return;
    }

    if (old != NULL && f->put->as.kind != TOKEN_PIN && keep_less(f, old)) {
        log_write(LOG_WARN, "login %.8s: %s keeps the token that it has: the"
                  " new one is another person's, or for other things, and may"
                  " do less", f->id != NULL ? f->id : "-", SAID(f->put->name));
        keep_over(f);
        return;
    }

    if (old != NULL && old->as.tenant != NULL
        && (f->ref == NULL || (f->kind != FLOW_JOB
                               && f->put->as.kind != TOKEN_PIN)))
    {
        token_set(f->put, "tenant", STR(old->as.tenant));
    }

    f->tries++;
    f->asked = true;
    tokens_put_over(f->conf->store, f->put, old, f->put_event, on_put, f);
}


/* flow_keep: t is taken over; event NULL: nobody is told of it */
void flow_keep(struct flow *f, struct token *t, const char *event,
    flow_next next)
{
    keep_missing(f, t);
    f->put = t;
    f->put_event = event;
    f->tries = 0;
    f->kept = next;
    keep_go(f);
}


static void set(struct token *t, const char *field, const char *value)
{
    const char  *why = value != NULL ? token_set(t, field, STR(value)) : NULL;

    if (why != NULL) {
        log_write(LOG_WARN, "login: %s of a token is left out: %s", field,
                  why);
    }
}


/* flow_token: a token of that name with all that is known of the flow's; the
   caller changes what is the token's own */
struct token *flow_token(const struct flow *f, enum token_kind kind,
    struct str id)
{
    char           name[TOKEN_NAME_MAX];
    struct token  *t = token_new(STR(token_name(name, kind, id)));

    if (t == NULL) {
        return NULL;
    }

    if (kind == TOKEN_PAGE || kind == TOKEN_WHATSAPP
        || kind == TOKEN_INSTAGRAM || kind == TOKEN_BUSINESS
        || kind == TOKEN_USER)
    {
        token_set(t, "account", id);
    }

    set(t, "app", f->app->id);
    set(t, "user", f->user);
    set(t, "tenant", f->ref);
    set(t, "scopes", f->scopes);
    set(t, "targets", f->targets);
    set(t, "from", f->kind == FLOW_JOB ? "job" : f->id == NULL ? "derived"
        : f->redirect_uri != NULL ? "login" : "signup");
    set(t, "state", "good");
    token_set_int(t, "issued", f->issued);
    token_set_int(t, "expires", f->expires);
    token_set_int(t, "data_expires", f->data_expires);
    token_set_int(t, "checked", flow_now());
    token_set_secret(t, STR(f->secret));

    return t;
}
