/* What came of a flow, stored: sealed, one token after another. */

#include "flow_own.h"
#include "token_scopes.h"

#include <openssl/rand.h>


#define KEEP_TRIES    20
#define KEEP_WAIT_MS  500       /* on average */
#define KEEP_LINES    5         /* of the log, on what tokens lack */


static void keep_go(struct flow *f);


/* whose it is stays so: a link for somebody else moves no account, whoever
   opens it */
static void keep_said(const struct flow *f)
{
    const struct token  *t = f->put;

    if (f->ref == NULL || t->as.tenant == NULL || t->as.kind == TOKEN_PIN
        || strcmp(f->ref, t->as.tenant) == 0)
    {
        return;
    }

    log_write(LOG_WARN, "login %.8s: %s stays of tenant \"%s\", though it came"
              " for \"%s\": its token is renewed.  To move it: metactl token"
              " add --tenant with a token of it, or metactl token remove and"
              " log in anew", f->id != NULL ? f->id : "-", SAID(t->name),
              t->as.tenant, f->ref);
}


/* whoever runs this learns it now, not by tomorrow's look: by what Meta said in
   this login already */
static void keep_missing(const struct flow *f, struct token *t)
{
    struct buf        missing;
    struct json_doc  *doc;

    if (f->scopes == NULL || t->as.kind == TOKEN_PIN) {
        return;
    }

    buf_init(&missing, TOKEN_SCOPES_MAX);
    doc = f->targets == NULL ? NULL
          : json_parse(f->targets, strlen(f->targets), JSON_TREE_MAX);

    scopes_missing(&missing, scopes_uses(f->conf, &t->as), true,
                   &f->conf->scopes, &t->as, STR(f->scopes), json_root(doc));
    token_set(t, "missing", (struct str) { missing.at, missing.len });

    json_free(doc);
    buf_free(&missing);
}


static void keep_lacks(struct flow *f)
{
    const struct token  *t = f->put;

    if (t->missing != NULL && f->nlacks++ < KEEP_LINES) {
        log_write(LOG_WARN, "login %.8s: token %s lacks %s: they are granted in"
                  " a new login; \"metactl token login-url\" prints its link",
                  f->id != NULL ? f->id : "-", SAID(t->name), t->missing);
    }
}


/* not all together: of those that store one account's at a moment only the
   first comes through */
static unsigned keep_wait(void)
{
    unsigned short  n = 0;

    RAND_bytes((unsigned char *) &n, sizeof(n));

    return KEEP_WAIT_MS / 2 + n % KEEP_WAIT_MS;
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
        keep_said(f);
        keep_lacks(f);
    }
    token_free(f->put);
    f->put = NULL;

    if (why != NULL) {
        log_write(LOG_ERROR, "login: a token cannot be stored: %s", why);
        flow_bad(f, FLOW_STORE, NULL);
        return;
    }

    f->kept(f);
}


/* Redis may be away for a moment, or another consumer have stored it, and a
   code is exchanged only once */
static void keep_go(struct flow *f)
{
    struct token  *old = tokens_named(f->conf->store, STR(f->put->name));

    if (old != NULL && old->as.tenant != NULL) {
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
