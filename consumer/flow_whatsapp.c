/* A WABA that is shared with us: its messages are subscribed to, its numbers
   registered where they are not yet, and stored (reference 3.3). */

#include "flow_own.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>


#define NUMBER_FIELDS                                                         \
    "id,display_phone_number,verified_name,status,platform_type"
#define ROUNDS_MAX     20       /* pages of numbers */
#define LATER_MAX      500      /* bytes of names */
#define PIN_LEN        6
#define PIN_LOCK_MS    5000
#define PIN_WAIT_MS    500     /* somebody else registers it right now */
#define PIN_WAITS      20
#define CODE_PIN       133005   /* another PIN than the number has */


static void numbers_ask(struct flow *f, struct str after);
static void numbers_cut(struct flow *f, size_t n);
static void number_next(struct flow *f);
static void pin_keep(struct flow *f, flow_next next);


static void whatsapp_end(struct flow *f)
{
    if (f->kind == FLOW_PARTNER || f->kind == FLOW_SIGNUP) {
        flow_partner_end(f);
    } else if (f->wants_pin != NULL) {
        flow_wait_pin(f);
    } else {
        flow_good(f);
    }
}


/* one WABA after another; what the browser said is about the first */
static void waba_next(struct flow *f)
{
    if (!flow_signup_more(f)) {
        whatsapp_end(f);
        return;
    }

    f->base = f->naccounts;
    f->waits = 0;
    f->coexists = false;
    flow_set(&f->phone, NONE);
    flow_whatsapp(f);
}


/* the others are connected all the same */
static void waba_refused(struct flow *f, const struct verdict *v)
{
    if (f->main_waba == NULL) {
        flow_refused(f, v);
        return;
    }

    log_write(LOG_WARN, "login %.8s (signup): WABA %s, which is shared too,"
              " cannot be connected: status=%ld code=%lld",
              f->id != NULL ? f->id : "-", f->waba, v->status, v->code);
    numbers_cut(f, 0);
    waba_next(f);
}


/* a WABA without a number is connected all the same; of a job or a claim the
   number has to be there */
static void keep_waba(struct flow *f)
{
    struct token         *t;
    struct flow_account  *a;

    if (f->main_waba != NULL) {
        waba_next(f);
        return;
    }

    if (f->kind == FLOW_JOB || f->business == NULL) {
        flow_bad(f, FLOW_NO_ACCOUNTS, NULL);
        return;
    }

    a = flow_account_add(f, TOKEN_BUSINESS, STR(f->business), NONE);
    if (a != NULL && flow_waba_taken(f, STR(f->waba))) {
        a->taken = true;
        f->ntaken++;
        log_write(LOG_WARN, "login %.8s: WABA %s stays with its tenant, though"
                  " it came for \"%s\": nothing is stored for it", f->id != NULL
                  ? f->id : "-", f->waba, f->ref != NULL ? f->ref
                  : "");
        waba_next(f);
        return;
    }

    t = flow_business_waba(f);
    if (t != NULL) {
        flow_keep(f, t, "connected", waba_next);
    } else {
        waba_next(f);
    }
}


/* one that is not registered is named, on the page and in the log */
static void number_later(struct flow *f, size_t at, const char *why)
{
    struct buf                  b;
    const struct flow_account  *a = &f->accounts[at];

    log_write(LOG_WARN, "login %.8s (signup): number %s of WABA %s is not"
              " registered: %s.  \"metactl number register pin=@- --account"
              " %s\" does it, with its own PIN", f->id != NULL ? f->id : "-",
              a->id, f->waba, why, a->id);

    buf_init(&b, LATER_MAX);
    buf_text(&b, f->later != NULL ? f->later : "");
    buf_text(&b, b.len ? ", " : "");
    buf_text(&b, a->name != NULL ? a->name : a->id);
    if (!b.over) {
        flow_set(&f->later, (struct str) { b.at, b.len });
    }
    buf_free(&b);
}


static void kept_number(struct flow *f)
{
    f->at++;
    number_next(f);
}


/* at once, before the next one is registered: who dies then has connected this
   one.  A list that is read once more holds some that were kept a moment ago */
static void number_keep(struct flow *f)
{
    struct flow_account  *a = &f->accounts[f->at];
    struct token         *now, *t = flow_token(f, TOKEN_WHATSAPP, STR(a->id));

    if (t == NULL) {
        flow_bad(f, FLOW_META, NULL);
        return;
    }

    now = tokens_named(f->conf->store, STR(t->name));
    if (f->waits > 0 && now != NULL && !now->lost && now->as.secret != NULL
        && strcmp(now->as.secret, f->secret) == 0)
    {
        token_free(t);
        kept_number(f);
        return;
    }

    token_set(t, "waba", STR(f->waba));
    if (f->parent != NULL) {
        token_set(t, "parent", STR(f->parent));
    }
    if (a->name != NULL) {
        token_set(t, "title", STR(a->name));
    }
    flow_keep(f, t, "connected", kept_number);
}


/* a page asks for it, once; who enters it goes on by the stored token */
static void pin_wanted(struct flow *f)
{
    if (f->given != NULL || f->id == NULL) {
        flow_bad(f, FLOW_PIN_WRONG, NULL);
        return;
    }

    if (f->parent == NULL) {
        number_later(f, f->at, "it has a PIN, and its token is not stored to go"
                     " on with");
    } else if (f->wants_pin == NULL) {
        flow_set(&f->wants_pin, STR(f->accounts[f->at].id));
        flow_set(&f->wants_waba, STR(f->waba));
    } else {
        number_later(f, f->at, "it has a PIN, and the page asks for another"
                     " number's");
    }
    f->at++;
    number_next(f);
}


static void on_removed(void *data, const char *why)
{
    struct flow  *f = data;

    (void) why;

    f->asked = false;
    if (!flow_left(f)) {
        pin_wanted(f);
    }
}


/* what was made by chance is not the number's, and must not be tried again; a
   PIN of another's making stays, for Meta may want it yet */
static void pin_refused(struct flow *f)
{
    char           name[TOKEN_NAME_MAX];
    struct str     one;
    struct token  *now;

    one = STR(token_name(name, TOKEN_PIN, STR(f->accounts[f->at].id)));
    now = tokens_named(f->conf->store, one);

    if (!f->pin_made || now == NULL || now->as.secret == NULL
        || strcmp(now->as.secret, f->pin) != 0)
    {
        pin_wanted(f);
        return;
    }

    f->asked = true;
    tokens_remove(f->conf->store, &one, 1, NULL, on_removed, f);
}


static void number_done(struct flow *f)
{
    f->accounts[f->at].connected = true;
    number_keep(f);
}


static void on_registered(struct flow *f, const struct verdict *v)
{
    if (v->rc == GRAPH_OK && f->given != NULL) {
        pin_keep(f, number_done);

    } else if (v->rc == GRAPH_OK) {
        number_done(f);

    } else if (v->rc == GRAPH_ERROR && v->has_code && v->code == CODE_PIN) {
        pin_refused(f);

    } else {
        waba_refused(f, v);
    }
}


static void number_register(struct flow *f)
{
    buf_init(&f->body, 256);
    buf_text(&f->body, "{\"messaging_product\":\"whatsapp\",\"pin\":");
    json_quote(&f->body, STR(f->pin));
    buf_text(&f->body, "}");
    flow_post(f, f->accounts[f->at].id, "/register", on_registered);
}


/* six digits, each as likely as the others */
static bool pin_make(char pin[PIN_LEN + 1])
{
    uint32_t  n;

    do {
        if (RAND_bytes((unsigned char *) &n, sizeof(n)) != 1) {
            return false;
        }
    } while (n >= 4294000000u);

    snprintf(pin, PIN_LEN + 1, "%06u", n % 1000000u);

    return true;
}


static void pin_keep(struct flow *f, flow_next next)
{
    char           name[TOKEN_NAME_MAX];
    struct str     id = STR(f->accounts[f->at].id);
    struct token  *t = token_new(STR(token_name(name, TOKEN_PIN, id)));

    if (t == NULL) {
        flow_bad(f, FLOW_INTERNAL, NULL);
        return;
    }

    token_set(t, "account", id);
    token_set(t, "waba", STR(f->waba));
    if (f->ref != NULL) {
        token_set(t, "tenant", STR(f->ref));
    }
    token_set(t, "from", STR(f->kind == FLOW_JOB ? "job" : "signup"));
    token_set_secret(t, STR(f->pin));
    flow_keep(f, t, NULL, next);
}


static void pin_take(struct flow *f, const char *pin)
{
    mem_wipe(f->pin);
    f->pin = mem_copy(pin, strlen(pin));
}


/* one that is made here is never lost: the store has it before Meta has it.
   One that was given may be wrong, and replaces nothing before Meta took it */
static void pin_begin(struct flow *f)
{
    char           name[TOKEN_NAME_MAX], made[PIN_LEN + 1];
    struct token  *old;

    token_name(name, TOKEN_PIN, STR(f->accounts[f->at].id));
    old = tokens_named(f->conf->store, STR(name));
    f->pin_made = f->given == NULL && old == NULL;

    if (f->given != NULL) {
        pin_take(f, f->given);
        number_register(f);

    } else if (old != NULL && old->as.secret != NULL) {
        pin_take(f, old->as.secret);
        number_register(f);

    } else if (old != NULL) {       /* no key opens it */
        pin_wanted(f);

    } else if (pin_make(made)) {
        pin_take(f, made);
        OPENSSL_cleanse(made, sizeof(made));
        pin_keep(f, number_register);

    } else {
        flow_bad(f, FLOW_INTERNAL, NULL);
    }
}


static void look_again(struct flow *f)
{
    flow_say(f, FLOW_STEP_REGISTERING);
    numbers_ask(f, NONE);
}


static void on_lock(void *data, const char *why)
{
    struct flow  *f = data;

    f->asked = false;
    if (flow_left(f)) {
        return;
    }

    if (why == NULL) {
        pin_begin(f);

    } else if (f->waits++ < PIN_WAITS) {
        flow_after_ms(f, PIN_WAIT_MS, look_again);

    } else {
        flow_bad(f, FLOW_STORE, NULL);
    }
}


/* two flows that come to the same number would each make a PIN */
static void number_next(struct flow *f)
{
    char  name[TOKEN_NAME_MAX];

    if (f->at == f->naccounts) {
        waba_next(f);
        return;
    }

    /* somebody else's is not registered anew */
    if (f->accounts[f->at].connected
        || flow_holder(f, TOKEN_WHATSAPP, STR(f->accounts[f->at].id)) != NULL)
    {
        number_keep(f);
        return;
    }

    flow_say(f, FLOW_STEP_REGISTERING);

    if (f->given != NULL) {
        pin_begin(f);
        return;
    }

    f->asked = true;
    tokens_lock(f->conf->store,
                STR(token_name(name, TOKEN_PIN,
                               STR(f->accounts[f->at].id))),
                PIN_LOCK_MS, on_lock, f);
}


static void account_move(struct flow *f, size_t from, size_t to)
{
    struct flow_account  a = f->accounts[from];

    f->accounts[from] = f->accounts[to];
    f->accounts[to] = a;
}


/* only these stay of the WABA: the n first */
static void numbers_cut(struct flow *f, size_t n)
{
    while (f->naccounts > f->base + n) {
        free(f->accounts[--f->naccounts].id);
        free(f->accounts[f->naccounts].name);
        free(f->accounts[f->naccounts].number);
    }
}


/* the one that was named; else those that are connected, and the one that is
   not where it must be the new one */
static void numbers_choose(struct flow *f)
{
    size_t  i, n = 0, open = 0, at = 0;

    for (i = f->base; i < f->naccounts; i++) {
        if (f->phone != NULL && strcmp(f->accounts[i].id, f->phone) == 0) {
            account_move(f, i, f->base);
            numbers_cut(f, 1);
            return;
        }
    }

    if (f->kind == FLOW_JOB || f->kind == FLOW_PIN) {
        numbers_cut(f, 0);
        return;
    }

    for (i = f->base; i < f->naccounts; i++) {
        if (f->accounts[i].connected) {
            account_move(f, i, f->base + n++);
        }
    }
    for (i = f->base + n; i < f->naccounts; i++, open++) {
        at = i;
    }
    if (open == 1 && !f->coexists) {
        account_move(f, at, f->base + n++);
    }

    for (i = f->base + n; i < f->naccounts && !f->coexists && f->waits == 0;
         i++)
    {
        number_later(f, i, "there are several, and nothing says which is"
                     " meant");
    }

    numbers_cut(f, n);
}


static void numbers_known(struct flow *f)
{
    size_t  i;

    numbers_choose(f);

    /* a number of the app is registered there, and stays so (3.3) */
    for (i = f->base; i < f->naccounts; i++) {
        f->accounts[i].connected |= f->coexists;
    }

    if (f->naccounts == f->base) {
        keep_waba(f);
        return;
    }

    f->at = f->base;
    number_next(f);
}


static void on_numbers(struct flow *f, const struct verdict *v)
{
    struct str            after;
    struct flow_number    number;
    struct flow_account  *a;
    const struct json    *c, *list = json_get(v->root, "data");

    if (v->rc != GRAPH_OK) {
        waba_refused(f, v);
        return;
    }

    for (c = json_is(list, JSON_ARRAY) ? list->child : NULL; c != NULL;
         c = c->next)
    {
        a = flow_number_read(c, &number)
            ? flow_account_add(f, TOKEN_WHATSAPP, number.id, number.name)
            : NULL;
        if (a != NULL) {
            a->connected = number.connected;
            flow_set(&a->number, number.number);
        }
    }

    after = flow_after(v->root);
    if (after.len > 0 && ++f->rounds < ROUNDS_MAX) {
        numbers_ask(f, after);
    } else {
        numbers_known(f);
    }
}


/* after empty: from the beginning */
static void numbers_ask(struct flow *f, struct str after)
{
    char  *cursor = mem_copy(after.at, after.len);

    if (after.len == 0) {
        numbers_cut(f, 0);
        f->rounds = 0;
    }

    buf_init(&f->path, 256);
    buf_text(&f->path, f->waba);
    buf_text(&f->path, "/phone_numbers");
    buf_init(&f->query, 8192);
    token_ask_form(&f->query, "fields", STR(NUMBER_FIELDS));
    if (after.len) {
        token_ask_form(&f->query, "after", STR(cursor));
    }
    free(cursor);

    f->call = (struct graph_call) {
        .method = HTTP_GET, .host = GRAPH_FACEBOOK, .body = NONE,
        .product = PRODUCT_WHATSAPP, .token = &f->as, .app = f->app
    };
    flow_call(f, true, on_numbers);
}


static void on_subscribed(struct flow *f, const struct verdict *v)
{
    if (v->rc != GRAPH_OK) {
        waba_refused(f, v);
    } else {
        numbers_ask(f, NONE);
    }
}


/* flow_whatsapp: its token and WABA are known, and perhaps the number */
void flow_whatsapp(struct flow *f)
{
    if (f->kind == FLOW_PIN) {
        numbers_ask(f, NONE);       /* it was subscribed before */
        return;
    }

    flow_say(f, FLOW_STEP_SUBSCRIBING);
    flow_post(f, f->waba, "/subscribed_apps", on_subscribed);
}
