/* Numbers that are connected without a login of their own: where Meta names a
   WABA later than the browser, or instead of it, and for jobs (reference
   3.4). */

#include "flow_own.h"

#include <stdlib.h>


#define PARTNER_KEEP_S   "3600"
#define PARTNER_LOOK_MS  1000
#define PARTNER_LOOKS    90     /* as long as a signup may take */


struct shared {
    const struct flow  *f;
    const char         *waba;
    bool                known;         /* a token that works is there for it */
};


/* flow_partner_key: of the WABA that Meta named before its signup came; an app
   speaks for its own signups alone */
void flow_partner_key(struct buf *b, const char *app, const char *business)
{
    buf_init(b, 128);
    buf_text(b, "meta:flow:partner:");
    buf_text(b, app);
    buf_text(b, ":");
    buf_text(b, business);
}


/* flow_of_sharer: what is shared with one app says nothing of the tokens of
   another */
bool flow_of_sharer(const struct flow *f, const struct token *t)
{
    return f->sharer == NULL || t->app == NULL
           || strcmp(f->sharer, t->app) == 0;
}


static void shared_each(void *data, struct token *t)
{
    struct shared  *s = data;

    s->known |= t->of == NULL && !t->lost && t->as.waba != NULL
                && strcmp(t->as.waba, s->waba) == 0
                && flow_of_sharer(s->f, t) && (t->as.kind == TOKEN_WHATSAPP
                    || t->as.kind == TOKEN_BUSINESS);
}


/* flow_waba_known: a token that works is there for it */
bool flow_waba_known(const struct flow *f, const char *waba)
{
    struct shared  s = { .f = f, .waba = waba };

    tokens_each(f->conf->store, shared_each, &s);

    return s.known;
}


/* a signup that is under way comes to the same end by itself */
static bool under_way(const struct flow *f)
{
    const struct flow  *o;

    for (o = f->flows->first; o != NULL; o = o->next) {
        if (o->kind == FLOW_SIGNUP && (o->business == NULL
                                       || strcmp(o->business, f->business)
                                          == 0))
        {
            return true;
        }
    }

    return false;
}


static void on_left(void *data, const struct reply *reply)
{
    struct flow  *f = data;

    f->asked = false;
    if (flow_left(f)) {
        return;
    }

    if (reply == NULL || reply_type(reply) == REPLY_ERROR) {
        flow_bad(f, FLOW_STORE, NULL);
    } else {
        flow_ignore(f, "a WABA was shared, and no token of its business is"
                    " there yet");
    }
}


/* who comes later, by login, finds it there */
static void partner_leave(struct flow *f)
{
    struct buf  key;
    struct str  argv[5] = { STR("SET") };

    flow_partner_key(&key, f->sharer != NULL ? f->sharer : "", f->business);
    argv[1] = (struct str) { key.at, key.len };
    argv[2] = STR(f->waba);
    argv[3] = STR("EX");
    argv[4] = STR(PARTNER_KEEP_S);

    f->asked = redis_send(f->flows->redis, argv, 5, FLOW_REDIS_MS, on_left, f)
               == 0;
    buf_free(&key);

    if (!f->asked) {
        flow_bad(f, FLOW_STORE, NULL);
    }
}


static void partner_over(struct flow *f)
{
    if (f->wants_pin != NULL) {
        flow_wait_pin(f);
    } else {
        flow_good(f);
    }
}


static void on_noted(void *data, const char *why)
{
    struct flow  *f = data;

    f->asked = false;
    if (flow_left(f)) {
        return;
    }

    if (why != NULL && strcmp(why, TOKENS_AWAY) == 0
        && f->kind == FLOW_PARTNER)
    {
        flow_bad(f, FLOW_STORE, NULL);
        return;
    }

    if (why != NULL) {
        log_write(LOG_WARN, "login: a token's WABA is not noted: %s", why);
    }
    partner_over(f);
}


/* flow_partner_end: that the business has it is noted last: it says that there
   is nothing left to do.  Another WABA that stands there stays, and so does
   what is somebody else's */
void flow_partner_end(struct flow *f)
{
    struct str     words[] = { STR("waba"), STR(f->waba) };
    struct token  *t;

    t = tokens_named(f->conf->store, str_or_none(f->parent));
    if (t == NULL || t->as.waba != NULL || t->as.secret == NULL
        || strcmp(t->as.secret, f->secret) != 0 || flow_taken(f, t)
        || flow_waba_taken(f, STR(f->waba)))
    {
        partner_over(f);
        return;
    }

    f->asked = true;
    tokens_note_over(f->conf->store, t, words, 2, NULL, on_noted, f);
}


static void partner_begin(struct flow *f, struct token *t)
{
    flow_secret(f, STR(t->as.secret));
    flow_set(&f->parent, STR(t->name));
    flow_set(&f->scopes, t->scopes != NULL ? STR(t->scopes) : NONE);
    flow_set(&f->user, t->user != NULL ? STR(t->user) : NONE);
    f->system = true;
    flow_set(&f->ref, t->as.tenant != NULL ? STR(t->as.tenant) : NONE);
    f->issued = t->issued;
    f->expires = t->expires;
    f->data_expires = t->data_expires;

    if (flow_app(f, t->app != NULL ? STR(t->app) : NONE)) {
        flow_whatsapp(f);
    } else {
        flow_bad(f, FLOW_APP_SECRET, NULL);
    }
}


static void partner_look(struct flow *f)
{
    struct token  *t;

    if (flow_waba_known(f, f->waba)) {
        flow_ignore(f, "the WABA that was shared is connected already");
        return;
    }

    if (under_way(f) && f->rounds++ < PARTNER_LOOKS) {
        flow_after_ms(f, PARTNER_LOOK_MS, partner_look);
        return;
    }

    f->rounds = 0;
    t = flow_business_find(f);

    if (t != NULL) {
        partner_begin(f, t);
    } else {
        partner_leave(f);
    }
}


static void removed_next(struct flow *f);


/* one that has come or gone meanwhile is another's word */
static void on_removed(void *data, const char *why)
{
    struct flow  *f = data;

    f->asked = false;
    if (flow_left(f)) {
        return;
    }

    if (why != NULL && strcmp(why, TOKENS_GONE) != 0
        && strcmp(why, TOKENS_CHANGED) != 0)
    {
        flow_bad(f, FLOW_STORE, NULL);
        return;
    }

    f->rounds += why == NULL;
    f->at++;
    removed_next(f);
}


static void removed_next(struct flow *f)
{
    char           name[TOKEN_NAME_MAX];
    struct str     words[] = { STR("state"), STR("lost") };
    struct token  *t = NULL;

    for ( ; f->at < f->naccounts; f->at++) {
        t = tokens_named(f->conf->store, STR(token_name(name, TOKEN_WHATSAPP,
                                             STR(f->accounts[f->at].id))));
        if (t != NULL && t->sealed != NULL && f->accounts[f->at].token != NULL
            && strcmp(t->sealed, f->accounts[f->at].token) == 0)
        {
            f->asked = true;
            tokens_note_over(f->conf->store, t, words, 2, "lost", on_removed,
                             f);
            return;
        }
    }

    log_write(LOG_WARN, "WABA %s is no longer shared with this app: numbers"
              " that go by its token: %u", f->waba, f->rounds);
    flow_ignore(f, "what was shared no more is lost");
}


static void removed_each(void *data, struct token *t)
{
    struct flow          *f = data;
    struct flow_account  *a;

    if (t->of != NULL || t->lost || t->as.kind != TOKEN_WHATSAPP
        || t->as.id == NULL || t->as.waba == NULL || t->sealed == NULL
        || strcmp(t->as.waba, f->waba) != 0 || !flow_of_sharer(f, t))
    {
        return;
    }

    a = flow_account_add(f, TOKEN_WHATSAPP, STR(t->as.id), NONE);
    if (a != NULL) {
        a->token = mem_copy(t->sealed, strlen(t->sealed));
    }
}


/* those that are there now, by their seals: one that a new signup brings while
   this goes on is not what was taken away */
static void partner_removed(struct flow *f)
{
    tokens_each(f->conf->store, removed_each, f);
    f->at = f->rounds = 0;
    removed_next(f);
}


/* a location that knows no app's id hears any app whose secret it has: whose
   tokens that is about nobody knows, unless there is but one */
static void partner_nobody(struct flow *f)
{
    log_write(LOG_WARN, "WABA %s: a webhook of account_update has no app's id,"
              " and there are several apps: set meta_app_id where nginx"
              " receives it", f->waba);
    flow_ignore(f, "whose word it is is not known");
}


/* flows_partner begins in the loop's next turn, as flows_number does */
struct flow *flows_partner(struct flows *flows, bool added, struct str app,
    struct str waba, struct str business, flow_cb cb, void *data)
{
    struct flow            *f;
    const struct conf_app  *apps = flows->conf->apps.at;

    if (!flows_room_job(flows)) {
        return NULL;
    }

    if (app.len == 0 && flows->conf->apps.n == 1) {
        app = STR(apps->id);
    }

    f = flow_new(flows, FLOW_PARTNER);
    flow_set(&f->sharer, app);
    flow_set(&f->waba, waba);
    flow_set(&f->business, business);
    f->cb = cb;
    f->data = data;
    flow_after_ms(f, 0, app.len == 0 && flows->conf->apps.n > 1
                  ? partner_nobody : added ? partner_look : partner_removed);

    return f;
}


/* the WABA of a token that was pasted is a claim as well */
static void job_checked(struct flow *f)
{
    bool              good;
    struct json_doc  *doc = NULL;

    if (f->targets != NULL) {
        doc = json_parse(f->targets, strlen(f->targets), TOKEN_TARGETS_MAX
                         * 64);
    }
    good = scope_for(json_root(doc), "whatsapp_business_management",
                     STR(f->waba));
    json_free(doc);

    if (good) {
        flow_whatsapp(f);
    } else {
        flow_bad(f, FLOW_SCOPES, NULL);
    }
}


static void job_begin(struct flow *f)
{
    if (!flow_app(f, NONE)) {
        flow_bad(f, FLOW_APP_SECRET, NULL);
    } else {
        flow_check(f, "whatsapp_business_management", job_checked);
    }
}


/* flows_number begins in the loop's next turn, for its caller has to know it
   before it ends */
struct flow *flows_number(struct flows *flows,
    const struct flow_number_order *order, flow_cb cb, void *data)
{
    struct flow  *f;

    if (!flows_room_job(flows)) {
        return NULL;
    }

    f = flow_new(flows, FLOW_JOB);
    flow_secret(f, order->token);
    flow_set(&f->given, order->pin);
    flow_set(&f->ref, order->tenant);
    flow_set(&f->phone, order->phone);
    flow_set(&f->waba, order->waba);
    f->cb = cb;
    f->data = data;
    flow_after_ms(f, 0, job_begin);

    return f;
}
