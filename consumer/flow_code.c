/* From a record of meta:auth to the token that its code is exchanged for:
   tried once and never again, whatever comes of it (reference 2.3, 2.10,
   3.3). */

#include "flow_own.h"
#include "stats.h"

#include <stdlib.h>

#include <openssl/crypto.h>


/* a code of Embedded Signup lives 30 s, of which we know those since the edge
   had it; what waited longer than a minute was taken by nobody */
#define CODE_MS         60000
#define CODE_SIGNUP_MS  30000
#define LATE_ODD_MS     90000       /* Redis drops what waits for a minute */
#define SCOPES_MAX      2048
#define CODE_FORM       "application/x-www-form-urlencoded"


static void code_wrong(struct flow *f, const struct verdict *v)
{
    flow_bad(f, v->rc == GRAPH_UNREACHABLE || v->rc == GRAPH_AMBIGUOUS
             ? FLOW_UNREACHABLE
             : v->rc == GRAPH_ERROR
             ? flow_code_error(v->has_code ? v->code : 0,
                               v->has_subcode ? v->subcode : 0, v->message)
             : FLOW_META, v);
}


/* the code is spent, and is forgotten where the token is taken */
static bool code_took(struct flow *f, const struct verdict *v)
{
    bool                  good;
    struct token_answer   a;

    if (v->rc != GRAPH_OK) {
        code_wrong(f, v);
        return false;
    }

    good = token_answer_read(v->root, &a);
    if (good) {
        flow_secret(f, a.token);
        f->expires = a.expires_in > 0 ? flow_now() + a.expires_in * 1000
                     : TOKEN_UNKNOWN;
        flow_set(&f->user, a.user);
        flow_set(&f->scopes, (struct str) { a.scopes.at, a.scopes.len });
    }
    token_answer_free(&a);

    if (!good) {
        flow_bad(f, FLOW_META, v);
    }

    return good;
}


static void on_facebook(struct flow *f, const struct verdict *v)
{
    if (code_took(f, v)) {
        flow_declined(f);
        flow_check(f, NULL, flow_facebook);
    }
}


static void on_signup(struct flow *f, const struct verdict *v)
{
    if (code_took(f, v)) {
        flow_check(f, "whatsapp_business_management", flow_signup);
    }
}


static void on_instagram(struct flow *f, const struct verdict *v)
{
    if (code_took(f, v)) {
        flow_declined(f);
        flow_instagram(f);
    }
}


/* redirect_uri is what the dialog was given, byte for byte; codes of the
   JavaScript SDK have none */
static void code_facebook(struct flow *f, flow_then then)
{
    buf_init(&f->query, 16 * 1024);
    token_ask_form(&f->query, "client_id", STR(f->app->id));
    if (f->redirect_uri != NULL) {
        token_ask_form(&f->query, "redirect_uri", STR(f->redirect_uri));
    }
    token_ask_form(&f->query, "client_secret", STR(f->app->secret));
    token_ask_form(&f->query, "code", STR(f->secret));

    f->call = (struct graph_call) {
        .method = HTTP_GET, .host = GRAPH_FACEBOOK, .body = NONE,
        .path = STR("oauth/access_token"), .product = PRODUCT_NONE
    };
    flow_call(f, false, then);
}


static void code_instagram(struct flow *f)
{
    buf_init(&f->body, 16 * 1024);
    token_ask_form(&f->body, "client_id", STR(f->app->id));
    token_ask_form(&f->body, "client_secret", STR(f->app->secret));
    token_ask_form(&f->body, "grant_type", STR("authorization_code"));
    token_ask_form(&f->body, "redirect_uri", STR(f->redirect_uri));
    token_ask_form(&f->body, "code", STR(f->secret));

    f->call = (struct graph_call) {
        .method = HTTP_POST, .host = GRAPH_INSTAGRAM_OAUTH, .query = NONE,
        .path = STR("oauth/access_token"), .type = CODE_FORM,
        .product = PRODUCT_INSTAGRAM
    };
    flow_call(f, false, on_instagram);
}


/* flow_code exchanges it */
void flow_code(struct flow *f)
{
    flow_say(f, FLOW_STEP_EXCHANGING);

    if (f->kind == FLOW_INSTAGRAM) {
        code_instagram(f);
    } else {
        code_facebook(f, f->kind == FLOW_SIGNUP ? on_signup : on_facebook);
    }
}


/* metactl doctor names who lacks the key: another consumer may have it, and
   then logins fail by chance */
static void order_locked(bool locked)
{
    stat_row_set(stat_row(STATS_REFUSED, "codes"), STAT_REFUSED, locked);
}


/* order_open: the code or PIN, into *out; it was sealed for this flow alone */
static bool order_open(const struct flow *f, struct str sealed, char **out)
{
    size_t                    len, which;
    meta_str_t                name, text;
    unsigned char            *plain;
    const struct conf_keys   *keys = f->conf->token_keys;

    if (keys == NULL) {
        return false;
    }

    name = (meta_str_t) { (const unsigned char *) f->id, strlen(f->id) };
    text = (meta_str_t) { (const unsigned char *) sealed.at, sealed.len };
    plain = mem_alloc(sealed.len + 1);

    if (meta_open(plain, &len, keys->at, keys->n, "code", name, text, &which)
        != META_OK)
    {
        free(plain);
        return false;
    }

    order_locked(false);
    *out = mem_copy((char *) plain, len);
    OPENSSL_cleanse(plain, sealed.len + 1);
    free(plain);

    return strlen(*out) == len && len > 0;
}


static enum flow_kind order_kind(const struct flow_order *order)
{
    return order->signup
           ? (order->code.len > 0 ? FLOW_SIGNUP : FLOW_PIN)
           : str_is(order->kind, "instagram") ? FLOW_INSTAGRAM
           : str_is(order->kind, "business") ? FLOW_BUSINESS : FLOW_FACEBOOK;
}


/* by Redis' clock on both sides, where it has a time of that: the clocks of
   edges and of this machine may differ */
static bool order_late(const struct flow *f, const struct flow_order *order)
{
    long long  at = order->received_at, now = flow_now();

    if (order->queued_at > 0) {
        at = order->queued_at;
        now += order->ahead;
    }

    return at <= 0
           || now - at > (f->kind == FLOW_SIGNUP ? CODE_SIGNUP_MS : CODE_MS);
}


/* the log says how late, and whether clocks are to blame */
static void late_say(const struct flow *f, const struct flow_order *order)
{
    bool       redis = order->queued_at > 0;
    long long  age;

    age = flow_now() + (redis ? order->ahead : 0)
          - (redis ? order->queued_at : order->received_at);
    log_write(LOG_WARN, "login %.8s: its code is %lld ms old, by %s%s", f->id,
              age, redis ? "Redis' clock"
              : "the clocks of nginx and of this machine", redis ? ""
              : age > LATE_ODD_MS ? ", which differ: no code waits that long"
              : ", which may differ");
}


/* it came by the browser, and stands in a sentence: names of permissions and
   commas, or nothing */
static struct str order_scopes(struct str list)
{
    size_t  i;

    for (i = 0; i < list.len; i++) {
        if (!((list.at[i] >= 'a' && list.at[i] <= 'z')
              || list.at[i] == '_' || list.at[i] == ','))
        {
            return NONE;
        }
    }

    return list.len <= SCOPES_MAX ? list : NONE;
}


static void order_take(struct flow *f, const struct flow_order *order)
{
    flow_set(&f->id, order->flow);
    flow_set(&f->ref, order->ref);
    flow_set(&f->wanted, order_scopes(order->wanted));
    flow_set(&f->denied, order_scopes(order->denied));
    flow_set(&f->waba, order->waba);
    flow_set(&f->phone, order->phone);
    f->coexists = str_is(order->event,
                         "FINISH_WHATSAPP_BUSINESS_APP_ONBOARDING");
    if (!order->signup) {
        flow_set(&f->redirect_uri, order->redirect_uri);
    }
}


/* flows_order begins with what the edge pushed */
void flows_order(struct flows *flows, const struct flow_order *order)
{
    bool          pin;
    struct flow  *f = flow_new(flows, order_kind(order));

    order_take(f, order);
    pin = f->kind == FLOW_PIN;
    f->step = FLOW_STEP_EXCHANGING;

    if (order_late(f, order)) {
        late_say(f, order);
        flow_bad(f, FLOW_LATE, NULL);

    } else if (!order_open(f, pin ? order->pin : order->code,
                           pin ? &f->given : &f->secret))
    {
        order_locked(true);
        log_write(LOG_ERROR, "login %.8s: what the edge has sealed cannot be"
                  " opened: the first key of its meta_token_key_file is not in"
                  " token_key_file here. Where other logins work, another"
                  " consumer may have it: is that file the same on every"
                  " machine, and reloaded? Where it is, the record is damaged"
                  " or not of nginx", f->id);
        flow_bad(f, FLOW_INTERNAL, NULL);

    } else if (!flow_app(f, order->app)) {
        log_write(LOG_ERROR, "login %.8s: apps of the configuration has no"
                  " app %.*s with a secret", f->id, (int) order->app.len,
                  order->app.at);
        flow_bad(f, FLOW_APP_SECRET, NULL);

    } else if (f->kind == FLOW_INSTAGRAM && f->redirect_uri == NULL) {
        flow_bad(f, FLOW_REDIRECT_URI, NULL);

    } else if (pin) {
        flow_pin(f);

    } else {
        f->as.secret = f->secret;
        flow_code(f);
    }
}
