/* metactl doctor: what Meta says of the tokens, the numbers and the
   subscriptions of this configuration and of the token store.  Reads only. */

#include "ctl_doctor.h"
#include "ctl_store.h"
#include "ctl_subs.h"
#include "token_answer.h"
#include "token_ask.h"
#include "token_mend.h"

#include <stdlib.h>


#define META_DAY    (24ll * 3600 * 1000)
#define VERSION_MS  (90 * META_DAY)
#define EXPIRES_MS  (7 * META_DAY)
#define SKEW_MS     60000
#define SEEN_MS     META_DAY    /* lately, of what the edge has seen */
#define LOOK_MAX    100         /* tokens, numbers and accounts that Meta is
                                   asked of: a store may hold thousands */

/* meta-graph-oauth-ads-capi.md 1.2: usable until */
static const struct {
    const char  *version;
    const char  *until;
} versions[] = {
    { "v20.0", "2026-09-24T00:00:00Z" }, { "v21.0", "2027-01-21T00:00:00Z" },
    { "v22.0", "2027-05-20T00:00:00Z" }, { "v23.0", "2027-10-08T00:00:00Z" },
    { "v24.0", "2028-02-18T00:00:00Z" }, { "v25.0", "2028-07-29T00:00:00Z" }
};


/* an expired version is served as another one, without an error (1.2) */
static void meta_version(struct doctor *d, const char *key,
    const char *version)
{
    char        date[TIME_MAX];
    size_t      i;
    long long   until, now = time_now();
    enum level  level = LEVEL_OK;

    if (version == NULL) {
        return;
    }

    for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (strcmp(versions[i].version, version) == 0) {
            break;
        }
    }

    if (i == sizeof(versions) / sizeof(versions[0])) {
        doctor_say(d, LEVEL_OK, "version", NULL, "%s: of %s no end is known"
                   " here", key, version);
        return;
    }

    until = time_when(versions[i].until, now);
    level = until < now ? LEVEL_BAD
            : until < now + VERSION_MS ? LEVEL_WARN : LEVEL_OK;
    doctor_say(d, level, "version", level == LEVEL_OK ? NULL : "read Meta's"
               " changelog, then set a newer one: what is too old is answered"
               " as the next one, without an error", "%s: %s %s %.10s", key,
               version, level == LEVEL_BAD ? "has ended on" : "lives until",
               time_date(date, until));
}


static void meta_clock(struct doctor *d)
{
    char         span[TIME_MAX];
    long long    off, date, now;
    const char  *url = d->c->conf->base_url != NULL ? d->c->conf->base_url
                       : d->c->conf->hosts[GRAPH_FACEBOOK];

    date = ctl_date(url, d->c->conf->ca_file);
    now = time_now();
    if (date < 0) {
        return;
    }

    /* it tells seconds */
    off = now > date ? now - date - 1000 : date - now;
    off = off < 0 ? 0 : off;
    doctor_say(d, off > SKEW_MS ? LEVEL_BAD : LEVEL_OK, "clock",
               off > SKEW_MS ? "let this machine ask a time server: codes,"
               " proofs and expiry go by its clock" : NULL,
               "Graph's and this machine's are %s apart", time_span(span, off));
}


/* what was refused, with what to do */
static void meta_refused(struct doctor *d, const char *check,
    const char *name, const struct meta *m)
{
    char  code[48] = "";

    if (m->v.has_code && m->v.has_subcode) {
        snprintf(code, sizeof(code), "code %lld/%lld: ", m->v.code,
                 m->v.subcode);
    } else if (m->v.has_code) {
        snprintf(code, sizeof(code), "code %lld: ", m->v.code);
    }

    doctor_say(d, LEVEL_BAD, check, m->v.row != NULL ? m->v.row->todo : NULL,
               "%s: %s%s", name, code, m->v.row != NULL ? m->v.row->text
               : *m->v.message ? m->v.message : graph_reason(m->v.rc));
}


static void token_name_of(char out[96], const struct conf_token *t)
{
    snprintf(out, 96, "%s %.64s", token_kind_name(t->kind),
             t->id != NULL ? t->id : t->waba != NULL ? t->waba : "default");
}


/* false: not so soon that anybody must act; ms, 0 and below: no end is known */
static bool ends_say(struct doctor *d, const char *name, long long expires,
    long long data_expires)
{
    char       date[TIME_MAX];
    long long  now = time_now();

    if (expires > 0 && expires < now + EXPIRES_MS) {
        doctor_say(d, expires < now ? LEVEL_BAD : LEVEL_WARN, "token",
                   "metactl token exchange, or a new one", "%s %s on %s", name,
                   expires < now ? "has ended" : "ends",
                   time_date(date, expires));
        return true;
    }

    if (data_expires > 0 && data_expires < now + EXPIRES_MS) {
        doctor_say(d, LEVEL_WARN, "token", "the person must log in again:"
                   " metactl token login-url", "%s: access to data %s on %s",
                   name, data_expires < now ? "has ended" : "ends",
                   time_date(date, data_expires));
        return true;
    }

    return false;
}


/* it does not work: what helps depends on why, and on whose it is */
static void token_bad(struct doctor *d, const char *name, const char *is,
    const struct token *of, long long code, long long subcode)
{
    struct buf  todo;

    buf_init(&todo, DOCTOR_MEND);
    mend_text(&todo, of, subcode);
    buf_format(&todo, "; metactl explain %lld", code);
    if (subcode) {
        buf_format(&todo, "/%lld", subcode);
    }
    buf_text(&todo, " says more");
    buf_add(&todo, "", 1);
    doctor_say(d, LEVEL_BAD, "token", todo.at, "%s%s (code %lld/%lld)", name,
               is, code, subcode);
    buf_free(&todo);
}


static void debug_say(struct doctor *d, const char *name,
    const struct token_debug *t, const struct token *of)
{
    char                    date[TIME_MAX];
    bool                    ours = false;
    size_t                  i;
    const struct conf_app  *apps = d->c->conf->apps.at;

    for (i = 0; i < d->c->conf->apps.n; i++) {
        ours |= str_is(t->app, apps[i].id);
    }

    if (!t->valid) {
        token_bad(d, name, ": Meta says that it is not valid", of, t->code,
                  t->subcode);
    } else if (!ours) {
        doctor_say(d, LEVEL_BAD, "token", "take one of an app that stands"
                   " under apps", "%s is a token of app %.*s", name,
                   (int) (t->app.len < 32 ? t->app.len : 32), t->app.at);
    } else if (!ends_say(d, name, t->expires, t->data_expires)) {
        doctor_say(d, LEVEL_OK, "token", NULL, "%s is valid%s%s", name,
                   t->expires > 0 ? " until " : "",
                   t->expires > 0 ? time_date(date, t->expires) : "");
    }
}


static bool app_refused(const struct meta *m)
{
    return m->v.rc == GRAPH_ERROR && m->v.row != NULL
           && (m->v.row->cls == CLASS_TOKEN || m->v.code == 1
               || m->v.code == 101);
}


/* the app's token is its id and its secret, so nothing else can be wrong; said
   once */
static void app_wrong(struct doctor *d, const struct conf_app *app,
    const struct meta *m)
{
    char    todo[400];
    size_t  i = (size_t) (app - (const struct conf_app *) d->c->conf->apps.at);

    if (i >= 8 * sizeof(d->wrong) || (d->wrong & 1ull << i)) {
        return;
    }

    d->wrong |= 1ull << i;
    snprintf(todo, sizeof(todo), "copy it from the dashboard of that app,"
             " Settings, Basic (of Instagram Login: API setup) to %.200s, and"
             " reload; nginx's meta_app_secret_file has the same",
             app->from != NULL ? app->from : "apps");
    doctor_say(d, LEVEL_BAD, "apps", todo, "the secret of app %s is wrong, or"
               " it is no such app: Meta refuses both (code %lld). Logins,"
               " renewals and proofs fail by it; its tokens are not asked of",
               app->id, m->v.code);
}


static bool app_works(const struct doctor *d, const struct conf_app *app)
{
    size_t  i = (size_t) (app - (const struct conf_app *) d->c->conf->apps.at);

    return app->secret != NULL
           && (i >= 8 * sizeof(d->wrong) || !(d->wrong & 1ull << i));
}


/* the one that gave it, where that stands under apps; else the first; NULL:
   nobody can ask */
static const struct conf_app *app_of(const struct doctor *d,
    const struct token *t)
{
    const struct conf_app  *app = store_app(d->c, t);

    return app != NULL && app_works(d, app) ? app : NULL;
}


/* of Instagram Login debug_token knows nothing (2.10) */
static void token_look(struct doctor *d, const struct conf_token *t,
    const struct conf_app *conf, const struct token *of)
{
    bool                instagram = t->kind == TOKEN_INSTAGRAM;
    char                name[96];
    struct buf          query;
    struct meta         m;
    struct token_debug  debug;
    struct graph_call   call = { .idempotent = true };
    const struct conf_token  *app = instagram ? NULL : token_app(conf);

    token_name_of(name, t);
    buf_init(&query, 16384);

    if (instagram) {
        token_ask_me(&call, &query);
        call.token = t;
    } else {
        token_ask_debug(&call, &query, STR(t->secret));
        call.token = app;
    }
    call.query = (struct str) { query.at, query.len };
    meta_call(d->c, &call, &m);
    token_ask_wipe(&query);

    /* of one that does not work debug_token says so, and that is an answer */
    if (!instagram && app_refused(&m)) {
        app_wrong(d, conf, &m);
    } else if (m.v.rc == GRAPH_ERROR && instagram
               && (m.v.code == 190 || m.v.code == 102))
    {
        token_bad(d, name, ": Meta refuses it", of, m.v.code,
                  m.v.has_subcode ? m.v.subcode : 0);
    } else if (m.v.rc != GRAPH_OK) {
        meta_refused(d, "token", name, &m);
    } else if (instagram) {
        doctor_say(d, LEVEL_OK, "token", NULL, "%s is valid", name);
    } else if (token_debug_read(m.v.root, &debug)) {
        debug_say(d, name, &debug, of);
        token_debug_free(&debug);
    } else {
        doctor_say(d, LEVEL_WARN, "token", NULL, "%s: Meta's answer says"
                   " nothing of it", name);
    }
    token_drop(app);
    meta_free(&m);
}


static void number_look(struct doctor *d, const struct conf_token *t)
{
    char         name[96];
    bool         off, low;
    struct str   status, quality, limit;
    struct meta  m;

    snprintf(name, sizeof(name), "number %.64s", t->id);
    subs_ask(d->c, "number.show", PRODUCT_WHATSAPP, t, STR(t->id),
             STR("{\"fields\":\"status,quality_rating,"
                 "whatsapp_business_manager_messaging_limit,throughput\"}"),
             &m);

    if (m.v.rc != GRAPH_OK) {
        meta_refused(d, "number", name, &m);
        meta_free(&m);
        return;
    }

    status = json_get_text(m.v.root, "status");
    quality = json_get_text(m.v.root, "quality_rating");
    limit = json_get_text(m.v.root,
                          "whatsapp_business_manager_messaging_limit");
    off = status.len && !str_is(status, "CONNECTED");
    low = str_is(quality, "RED") || str_is(quality, "YELLOW");

    doctor_say(d, off ? LEVEL_BAD : low ? LEVEL_WARN : LEVEL_OK, "number",
               off ? "metactl number register pin=..., once; Meta's WhatsApp"
               " Manager says what else is missing"
               : low ? "send less, and only what people asked for: Meta lowers"
               " the limit else" : NULL,
               "%s: %.*s%squality %.*s%s%.*s", name,
               (int) (status.len < 40 ? status.len : 40), status.at,
               status.len ? ", " : "",
               (int) (quality.len < 40 ? quality.len : 40),
               quality.len ? quality.at : "", limit.len ? ", limit " : "",
               (int) (limit.len < 40 ? limit.len : 40),
               limit.len ? limit.at : "");
    meta_free(&m);
}


struct looking {
    struct doctor  *d;
    size_t          asked;
    size_t          numbers;
    size_t          good;       /* by what is noted, and not asked */
};


/* what a consumer has noted of it; true: it does not work */
static bool noted_bad(struct doctor *d, const char *name,
    const struct token *t)
{
    if (token_usable(t) == NULL) {
        doctor_say(d, LEVEL_BAD, "token", "the key that sealed it back into"
                   " token_key_file, or a new login", "%s cannot be opened",
                   name);
        return true;
    }

    if (t->lost) {
        token_bad(d, name, " is lost", t, t->code, t->subcode);
    }

    return t->lost;
}


static void look_each(void *data, struct token *t)
{
    char                      name[96];
    struct buf                mend;
    struct looking           *l = data;
    const struct conf_app    *app = app_of(l->d, t);
    const struct conf_token  *as = token_usable(t);

    if (t->as.kind == TOKEN_PIN) {
        return;
    }

    token_name_of(name, &t->as);
    if (noted_bad(l->d, name, t)) {
        return;
    }

    if (t->missing != NULL) {
        buf_init(&mend, DOCTOR_MEND);
        buf_text(&mend, "its owner logs in again by ");
        mend_login(&mend, t, "rerequest");
        buf_add(&mend, "", 1);
        doctor_say(l->d, LEVEL_WARN, "permissions", mend.at,
                   "%s lacks %.300s", name, t->missing);
        buf_free(&mend);
    }

    if ((as->kind == TOKEN_INSTAGRAM || app != NULL)
        && l->asked < LOOK_MAX)
    {
        l->asked++;
        token_look(l->d, as, app, t);
    } else {
        l->good += !ends_say(l->d, name, t->expires, t->data_expires);
    }

    if (as->kind == TOKEN_WHATSAPP && as->id != NULL
        && l->numbers < LOOK_MAX)
    {
        l->numbers++;
        number_look(l->d, as);
    }
}


/* those of the configuration, then the store's */
static void meta_tokens(struct doctor *d)
{
    struct looking          l = { .d = d };
    const struct conf      *conf = d->c->conf;
    const struct conf_app  *apps = conf->apps.at;

    ctl_store(d->c);
    tokens_each(conf->store, look_each, &l);

    if (conf->apps.n == 0 || apps[0].secret == NULL) {
        doctor_say(d, LEVEL_WARN, "token", "secret_file of the first of apps",
                   "without an app's secret Meta is not asked whether tokens"
                   " are valid, nor where webhooks go");
    } else if (l.good) {
        doctor_say(d, LEVEL_OK, "token", NULL, "%zu more are good by what a"
                   " consumer was told: Meta is asked of %d", l.good,
                   LOOK_MAX);
    }
}


/* the callback_url is d's to free */
static void app_say(struct doctor *d, const struct want *want,
    const struct json *one)
{
    struct buf  has, lack;
    struct str  url = json_get_text(one, "callback_url");

    buf_init(&has, 8192);
    buf_init(&lack, 8192);
    subs_fields(json_get(one, "fields"), &has);
    subs_lack(want->fields, has.at, &lack);

    if (one == NULL || str_is(json_get_text(one, "active"), "false")) {
        doctor_say(d, LEVEL_BAD, "subscription", "metactl subscribe --url URL",
                   "the app is not subscribed to %s", want->object);
    } else if (lack.len) {
        doctor_say(d, LEVEL_WARN, "subscription", "metactl subscribe",
                   "%s: not of %s", want->object, lack.at);
    } else {
        doctor_say(d, LEVEL_OK, "subscription", NULL, "%s goes to %.*s",
                   want->object, (int) (url.len < 200 ? url.len : 200),
                   url.at);
    }

    if (d->callback == NULL && url.len) {
        d->callback = mem_copy(url.at, url.len);
    }

    buf_free(&has);
    buf_free(&lack);
}


static void meta_app(struct doctor *d)
{
    char                    path[96];
    size_t                  i, n;
    struct meta             m;
    struct want             want[SUBS_OBJECTS];
    const struct conf_app  *apps = d->c->conf->apps.at;

    if (d->c->conf->apps.n == 0 || apps[0].secret == NULL) {
        return;
    }

    n = subs_wanted(d->c, want);
    snprintf(path, sizeof(path), "%.64s/subscriptions", apps[0].id);
    subs_ask(d->c, "app.list", PRODUCT_NONE, NULL, STR(path), NONE, &m);

    if (app_refused(&m)) {
        app_wrong(d, apps, &m);
    } else if (m.v.rc != GRAPH_OK) {
        meta_refused(d, "subscription", "the app's", &m);
    }
    for (i = 0; i < n && m.v.rc == GRAPH_OK; i++) {
        app_say(d, &want[i], subs_object(m.v.root, want[i].object));
    }
    meta_free(&m);
}


/* when nginx has heard of the account; ms ago, -1: not, or it was not asked */
static long long edge_heard(const struct doctor *d, const char *account)
{
    long long           age = -1;
    struct json_doc    *doc;
    const struct json  *one;

    if (d->edge.len == 0) {
        return -1;
    }

    doc = json_parse(d->edge.at, d->edge.len, d->edge.len * 20 + 65536);
    one = json_get(json_root(doc), "accounts");

    for (one = json_is(one, JSON_ARRAY) ? one->child : NULL; one != NULL;
         one = one->next)
    {
        if (str_is(json_get_text(one, "account"), account)) {
            age = strtoll(json_get_text(one, "age_ms").at, NULL, 10);
        }
    }
    json_free(doc);

    return age;
}


/* Meta unsubscribes an app that failed for an hour, and says so to nobody
   (docs/webhooks.md) */
static void asset_say(struct doctor *d, const struct asset *a,
    const struct json *app)
{
    char         span[TIME_MAX];
    long long    heard = edge_heard(d, a->id);
    const char  *what = product_name(a->product);

    if (app == NULL) {
        doctor_say(d, LEVEL_BAD, "subscription", "metactl subscribe; did nginx"
                   " fail for an hour? its page and its log say so",
                   "%s %s: the app gets nothing of it%s%s%s", what, a->id,
                   heard >= 0 ? "; it did until " : "",
                   heard >= 0 ? time_span(span, heard) : "",
                   heard >= 0 ? " ago: Meta has unsubscribed it" : "");
    } else if (d->edge.len && (heard < 0 || heard > SEEN_MS)) {
        doctor_say(d, LEVEL_WARN, "subscription", "if it should be busy: the"
                   " app's URL, whether the app is Live, and an override of"
                   " the WABA or number", "%s %s is subscribed, nginx has"
                   " heard nothing of it%s%s", what, a->id,
                   heard >= 0 ? " for " : " yet",
                   heard >= 0 ? time_span(span, heard) : "");
    } else {
        doctor_say(d, LEVEL_OK, "subscription", NULL, "%s %s", what, a->id);
    }
}


static void meta_assets(struct doctor *d)
{
    char           path[96], name[96];
    size_t         i, n;
    struct meta    m;
    struct asset  *all = subs_assets(d->c, &n);

    for (i = 0; i < n && i < LOOK_MAX; i++) {
        snprintf(path, sizeof(path), "%.64s/subscribed_apps", all[i].id);
        snprintf(name, sizeof(name), "%s %.64s", product_name(all[i].product),
                 all[i].id);
        subs_ask(d->c, "subscription.list", all[i].product, all[i].token,
                 STR(path), NONE, &m);

        if (m.v.rc != GRAPH_OK) {
            meta_refused(d, "subscription", name, &m);
        } else {
            asset_say(d, &all[i], subs_app(d->c, &all[i], m.v.root));
        }
        meta_free(&m);
    }

    if (n > LOOK_MAX) {
        doctor_say(d, LEVEL_OK, "subscription", NULL, "%zu more accounts are"
                   " not asked of here; metactl subscribe --dry-run asks of"
                   " all", n - LOOK_MAX);
    }

    free(all);
}


/* doctor_version needs nobody */
void doctor_version(struct doctor *d)
{
    meta_version(d, "graph.version", d->c->conf->version);
    meta_version(d, "graph.ads_version", d->c->conf->ads_version);
}


/* doctor_meta: only where Graph takes connections */
void doctor_meta(struct doctor *d)
{
    meta_clock(d);
    meta_tokens(d);
    meta_app(d);
    meta_assets(d);
}
