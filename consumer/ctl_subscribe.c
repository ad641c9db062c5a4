/* metactl subscribe: both levels of webhooks, the app's and the accounts', made
   as they are wanted, and an override of a WABA's or a number's. */

#include "ctl_subs.h"

#include <stdlib.h>


/* those that are there could not be kept */
#define MANY_FIELDS  "Meta's answer names too many fields"


enum step_state {
    STEP_SAME,
    STEP_CHANGED,
    STEP_WOULD,
    STEP_FAILED,
    STEP_STATES
};

static const char *const  step_names[STEP_STATES] = {
    "same", "changed", "would_change", "failed"
};

struct subscribe {
    struct ctl  *c;
    struct jw    j;
    char        *url;           /* where the app's go; NULL: not known yet */
    size_t       n[STEP_STATES];
};


static void step_say(struct subscribe *s, enum step_state state,
    const char *level, const char *what, const char *id, const char *changes)
{
    struct buf          b;
    static const char   colors[STEP_STATES] = { 'g', 'g', 'y', 'r' };
    static const char  *words[STEP_STATES] = {
        "same", "changed", "differs", "failed"
    };

    s->n[state]++;

    if (s->c->opts.json) {
        jw_open(&s->j, NULL, '{');
        jw_text(&s->j, "level", level);
        jw_text(&s->j, "object", what);
        jw_text(&s->j, "id", id);
        jw_text(&s->j, "state", step_names[state]);
        jw_text(&s->j, "changes", *changes ? changes : NULL);
        jw_close(&s->j, '}');
        return;
    }

    buf_init(&b, (size_t) -1);
    out_color(s->c, &b, colors[state]);
    out_pad(&b, STR(words[state]), 9);
    out_color(s->c, &b, 0);
    out_pad(&b, STR(level), 10);
    buf_text(&b, what);
    buf_text(&b, " ");
    out_safe(&b, STR(id));
    if (*changes) {
        buf_text(&b, ": ");
        out_safe(&b, STR(changes));
    }
    buf_text(&b, "\n");
    out_print(&b);
}


/* what Meta, or the road to it, says against it */
static void step_failed(struct subscribe *s, const char *level,
    const char *what, const char *id, const struct meta *m)
{
    struct buf  b;

    buf_init(&b, 2048);
    if (m->v.has_code) {
        buf_format(&b, "code %lld", m->v.code);
        if (m->v.has_subcode) {
            buf_format(&b, "/%lld", m->v.subcode);
        }
        buf_text(&b, ": ");
    }
    mask_words(s->c, &b, STR(m->v.message));
    if (m->v.row != NULL) {
        buf_text(&b, ". ");
        buf_text(&b, m->v.row->todo);
    }
    buf_add(&b, "", 1);
    step_say(s, STEP_FAILED, level, what, id, b.len > 1 ? b.at
             : graph_reason(m->v.rc));
    buf_free(&b);
}


/* a call that changes something; {"success":true}, or "true" (8.4) */
static void step_make(struct subscribe *s, const char *level,
    const char *what, const char *id, const char *changes, const char *name,
    enum product product, const struct conf_token *token, const char *path,
    struct buf *params)
{
    struct meta  m;

    if (!subs_ask(s->c, name, product, token, STR(path),
                  (struct str) { params->at, params->len }, &m))
    {
        step_say(s, STEP_WOULD, level, what, id, changes);
        return;
    }

    if (m.v.rc == GRAPH_OK) {
        step_say(s, STEP_CHANGED, level, what, id, changes);
    } else {
        step_failed(s, level, what, id, &m);
    }
    meta_free(&m);
}


static void params_text(struct buf *b, const char *key, const char *value)
{
    buf_text(b, b->len > 1 ? "," : "");
    json_quote(b, STR(key));
    buf_text(b, ":");
    json_quote(b, STR(value));
}


static const char *verify_token(struct ctl *c)
{
    if (c->conf->verify_token == NULL) {
        ctl_fail(CTL_USAGE, "Meta asks the URL with a token: set"
                 " verify_token_file in %s, or WEBHOOK_VERIFY_TOKEN, to one"
                 " of nginx's meta_verify_token_file", c->opts.file);
    }

    return c->conf->verify_token;
}


static void app_make(struct subscribe *s, const struct want *want,
    const char *path, const char *has, const struct buf *lack,
    const char *changes)
{
    struct buf  fields, params;

    buf_init(&fields, 16384);
    buf_init(&params, 128 * 1024);
    subs_all(&fields, has, lack);

    buf_text(&params, "{");
    params_text(&params, "object", want->object);
    params_text(&params, "callback_url", s->url);
    params_text(&params, "verify_token", verify_token(s->c));
    params_text(&params, "fields", fields.at);
    buf_text(&params, ",\"include_values\":true}");

    step_make(s, "app", want->object, "", changes, "app.subscribe",
              PRODUCT_NONE, NULL, path, &params);
    buf_free(&params);
    buf_free(&fields);
}


/* one object of the app's: URL, fields, whether it is on */
static void app_object(struct subscribe *s, const struct want *want,
    const struct json *list, const char *path)
{
    bool                moved, off, fit;
    struct buf          has, lack, changes;
    struct str          url;
    const struct json  *one = subs_object(list, want->object);

    buf_init(&has, 8192);
    buf_init(&lack, 8192);
    buf_init(&changes, (size_t) -1);

    url = json_get_text(one, "callback_url");
    moved = !str_is(url, s->url);
    off = one != NULL && str_is(json_get_text(one, "active"), "false");
    fit = subs_fields(json_get(one, "fields"), &has);
    subs_lack(want->fields, has.at, &lack);

    if (one == NULL) {
        buf_text(&changes, s->url[0] != '\0' ? "new"
                 : "new (--url https://HOST/PATH says where)");
    } else if (moved) {
        buf_text(&changes, "callback_url ");
        buf_str(&changes, url);
        buf_format(&changes, " -> %s", s->url);
    }
    if (off) {
        buf_text(&changes, changes.len ? ", was off" : "was off");
    }
    if (lack.len) {
        buf_text(&changes, changes.len ? ", fields +" : "fields +");
        buf_add(&changes, lack.at, lack.len);
    }
    buf_add(&changes, "", 1);

    if (!fit) {
        step_say(s, STEP_FAILED, "app", want->object, "", MANY_FIELDS);
    } else if (changes.len == 1) {
        step_say(s, STEP_SAME, "app", want->object, "", has.at);
    } else if (s->url[0] == '\0') {
        step_say(s, STEP_WOULD, "app", want->object, "", changes.at);
    } else {
        app_make(s, want, path, has.at, &lack, changes.at);
    }

    buf_free(&has);
    buf_free(&lack);
    buf_free(&changes);
}


/* --url, else where any object of the app's goes by now */
static void app_url(struct subscribe *s, const struct json *list)
{
    struct str          url = NONE;
    const struct json  *one = json_get(list, "data");

    if (s->c->opts.url != NULL) {
        s->url = mem_copy(s->c->opts.url, strlen(s->c->opts.url));
        return;
    }

    for (one = json_is(one, JSON_ARRAY) ? one->child : NULL;
         one != NULL && url.len == 0; one = one->next)
    {
        url = json_get_text(one, "callback_url");
    }

    if (url.len == 0 && !s->c->opts.dry_run) {
        ctl_fail(CTL_USAGE, "where to? --url https://HOST/PATH of nginx's"
                 " meta_webhook: the app has no subscription yet");
    }
    s->url = mem_copy(url.at, url.len);     /* "": --dry-run says what lacks */
}


static void subscribe_app(struct subscribe *s)
{
    char                    path[96];
    size_t                  i, n;
    struct meta             m;
    struct want             want[SUBS_OBJECTS];
    const struct conf_app  *apps = s->c->conf->apps.at;

    n = subs_wanted(s->c, want);
    if (n == 0) {
        ctl_fail(CTL_NOTHING, "neither %s nor the store has a token that"
                 " says of which product; --product NAME", s->c->opts.file);
    }

    if (s->c->conf->apps.n == 0 || apps[0].secret == NULL) {
        ctl_fail(CTL_NOTHING, "apps of %s has no app with a secret_file",
                 s->c->opts.file);
    }

    snprintf(path, sizeof(path), "%s/subscriptions", apps[0].id);
    subs_ask(s->c, "app.list", PRODUCT_NONE, NULL, STR(path), NONE, &m);

    if (m.v.rc != GRAPH_OK) {
        step_failed(s, "app", "subscriptions", apps[0].id, &m);
    } else {
        app_url(s, m.v.root);
        for (i = 0; i < n; i++) {
            app_object(s, &want[i], m.v.root, path);
        }
    }
    meta_free(&m);
}


static const char *asset_fields(const struct want *want, size_t n,
    enum product product)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (want[i].product == product) {
            return want[i].fields;
        }
    }

    return "";
}


/* a WABA has no fields of its own (3.3) */
static void asset_look(struct subscribe *s, const struct asset *a,
    const char *wanted)
{
    bool                fit;
    char                path[96];
    struct buf          has, lack, params, fields, changes;
    struct meta         m;
    const char         *what = product_name(a->product);
    const struct json  *app;

    snprintf(path, sizeof(path), "%.64s/subscribed_apps", a->id);
    subs_ask(s->c, "subscription.list", a->product, a->token, STR(path), NONE,
             &m);

    if (m.v.rc != GRAPH_OK) {
        step_failed(s, "account", what, a->id, &m);
        meta_free(&m);
        return;
    }

    buf_init(&has, 8192);
    buf_init(&lack, 8192);
    buf_init(&fields, 16384);
    buf_init(&params, 128 * 1024);
    buf_init(&changes, (size_t) -1);

    app = subs_app(s->c, a, m.v.root);
    fit = subs_fields(json_get(app, "subscribed_fields"), &has);
    if (a->product != PRODUCT_WHATSAPP) {
        subs_lack(wanted, has.at, &lack);
        subs_all(&fields, has.at, &lack);
        buf_text(&params, "{");
        params_text(&params, "subscribed_fields", fields.at);
        buf_text(&params, "}");
    }

    if (app == NULL) {
        buf_text(&changes, "new");
    }
    if (lack.len) {
        buf_text(&changes, changes.len ? ", fields +" : "fields +");
        buf_add(&changes, lack.at, lack.len);
    }
    buf_add(&changes, "", 1);

    if (!fit) {
        step_say(s, STEP_FAILED, "account", what, a->id, MANY_FIELDS);
    } else if (changes.len == 1) {
        step_say(s, STEP_SAME, "account", what, a->id, has.at);
    } else {
        step_make(s, "account", what, a->id, changes.at, "subscription.add",
                  a->product, a->token, path, &params);
    }

    buf_free(&has);
    buf_free(&lack);
    buf_free(&fields);
    buf_free(&params);
    buf_free(&changes);
    meta_free(&m);
}


static void subscribe_assets(struct subscribe *s)
{
    size_t         i, n, nwant;
    struct want    want[SUBS_OBJECTS];
    struct asset  *all = subs_assets(s->c, &n);

    nwant = subs_wanted(s->c, want);

    for (i = 0; i < n; i++) {
        asset_look(s, &all[i], asset_fields(want, nwant, all[i].product));
    }
    free(all);
}


/* a WABA's, or with --account a number's webhooks go elsewhere, "none": where
   the app's go (meta-webhooks-and-messaging.md 1.8) */
static void subscribe_override(struct subscribe *s)
{
    char           path[96];
    bool           none = strcmp(s->c->opts.override, "none") == 0;
    bool           number = s->c->opts.account != NULL;
    const char    *url = none ? "" : s->c->opts.override, *id;
    struct buf     params;
    struct whose   whose;

    whose_find(s->c, PRODUCT_WHATSAPP, &whose);
    whose_token(s->c, &whose);
    id = number ? whose.account : whose.waba;
    if (id == NULL) {
        ctl_fail(CTL_USAGE, "whose? --waba ID, or --account ID of a number");
    }

    buf_init(&params, 4096);
    buf_text(&params, "{");
    if (number) {
        buf_text(&params, "\"webhook_configuration\":{");
    }
    buf_text(&params, "\"override_callback_uri\":");
    json_quote(&params, STR(url));
    buf_text(&params, ",\"verify_token\":");
    json_quote(&params, none ? NONE : STR(verify_token(s->c)));
    buf_text(&params, number ? "}}" : "}");

    snprintf(path, sizeof(path), number ? "%.64s" : "%.64s/subscribed_apps",
             id);
    step_make(s, "override", number ? "number" : "waba", id,
              none ? "as the app's" : url,
              number ? "number.webhook" : "subscription.add",
              PRODUCT_WHATSAPP, whose.token, path, &params);
    buf_free(&params);
}


/* run_subscribe: what is there already stays; a second time changes nothing */
int run_subscribe(struct ctl *c)
{
    struct subscribe  s = { .c = c };

    if (c->opts.fields != NULL && c->opts.product == NULL) {
        ctl_fail(CTL_USAGE, "--fields needs --product: each has fields of its"
                 " own");
    }

    jw_init(&s.j);
    jw_open(&s.j, NULL, '{');
    jw_int(&s.j, "v", 1);
    jw_bool(&s.j, "dry_run", c->opts.dry_run || c->conf->dry_run);
    jw_open(&s.j, "steps", '[');

    if (c->opts.override != NULL) {
        subscribe_override(&s);
    } else {
        subscribe_app(&s);
        subscribe_assets(&s);
    }

    jw_close(&s.j, ']');
    jw_text(&s.j, "url", s.url != NULL && s.url[0] != '\0' ? s.url : NULL);
    jw_int(&s.j, "changed", (long long) s.n[STEP_CHANGED]);
    jw_int(&s.j, "would_change", (long long) s.n[STEP_WOULD]);
    jw_int(&s.j, "failed", (long long) s.n[STEP_FAILED]);
    jw_close(&s.j, '}');

    if (c->opts.json) {
        jw_print(&s.j);
    }
    buf_free(&s.j.b);
    free(s.url);

    return s.n[STEP_FAILED] || s.n[STEP_WOULD] ? CTL_FINDING : CTL_GOOD;
}
