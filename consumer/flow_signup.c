/* Embedded Signup (reference 3): whose business a token is of, which WABA was
   shared, and the way on for who has entered the PIN of a number.  Ids that
   the browser said are claims: Meta's own count. */

#include "flow_own.h"

#include <stdlib.h>


#define SCOPE          TOKEN_WABA_SCOPE
#define TARGETS_TREE   (1024 * 1024)
#define PIN_LOOKS      10       /* for a token that another consumer stored */
#define PIN_LOOK_MS    500


/* the newest stands first */
static void target_first(struct flow *f)
{
    struct json_doc  *doc;

    if (f->targets == NULL) {
        return;
    }

    doc = json_parse(f->targets, strlen(f->targets), TARGETS_TREE);
    flow_set(&f->waba, flow_target(json_root(doc), SCOPE, 0));
    json_free(doc);
}


/* flow_signup_more: who may choose several WABAs has shared all that Meta
   names (3.2, 3.4); those that are connected stay as they are.  Their number
   is that of f->targets, whose size has a ceiling */
bool flow_signup_more(struct flow *f)
{
    bool              found = false;
    char             *id;
    struct str        waba;
    struct json_doc  *doc;

    if (f->kind != FLOW_SIGNUP || f->targets == NULL) {
        return false;
    }

    if (f->main_waba == NULL) {
        flow_set(&f->main_waba, STR(f->waba));
    }

    doc = json_parse(f->targets, strlen(f->targets), TARGETS_TREE);

    while (!found) {
        waba = flow_target(json_root(doc), SCOPE, f->targets_at);
        if (waba.len == 0) {
            break;
        }

        f->targets_at++;
        id = mem_copy(waba.at, waba.len);
        found = strcmp(id, f->main_waba) != 0 && !flow_waba_known(f, id);
        if (found) {
            flow_set(&f->waba, waba);
        }
        free(id);
    }

    json_free(doc);

    return found;
}


/* Meta may name it later, by PARTNER_ADDED: flow_partner.c */
static void waba_known(struct flow *f)
{
    if (f->waba == NULL) {
        target_first(f);
    }

    if (f->waba != NULL) {
        flow_whatsapp(f);
    } else {
        flow_good(f);
    }
}


static void on_partner(void *data, const struct reply *reply)
{
    struct str    waba = reply != NULL ? reply_str(reply) : NONE;
    struct flow  *f = data;

    f->asked = false;
    if (flow_left(f)) {
        return;
    }

    if (reply != NULL && reply_type(reply) == REPLY_STRING
        && flow_id_good(waba) && flow_waba_good(f, waba))
    {
        flow_set(&f->waba, waba);
    }

    waba_known(f);
}


/* the message of the browser may be missing, or wrong */
static void waba_ask(struct flow *f)
{
    struct buf  key;
    struct str  argv[2] = { STR("GET") };

    if (f->waba != NULL && flow_waba_good(f, STR(f->waba))) {
        flow_whatsapp(f);
        return;
    }

    if (f->waba != NULL) {
        log_write(LOG_WARN, "login %.8s (signup): the browser named another"
                  " WABA than Meta does; Meta's counts",
                  f->id != NULL ? f->id : "-");
        flow_set(&f->waba, NONE);
        flow_set(&f->phone, NONE);
    }

    flow_partner_key(&key, f->app->id, f->business);
    argv[1] = (struct str) { key.at, key.len };
    f->asked = redis_send(f->flows->redis, argv, 2, FLOW_REDIS_MS, on_partner,
                          f) == 0;
    buf_free(&key);

    if (!f->asked) {
        waba_known(f);
    }
}


/* stored before anything else is done with it: whatever fails from here on
   can be mended with it.  What the browser says counts only once Meta has let
   the token use it */
static void business_keep(struct flow *f)
{
    struct token  *t = flow_business(f);

    if (t != NULL) {
        flow_keep(f, t, NULL, waba_ask);
    } else {
        waba_ask(f);
    }
}


static void on_business(struct flow *f, const struct verdict *v)
{
    struct str  id = flow_business_id(f, v);

    if (id.len > 0) {
        flow_set(&f->business, id);
        business_keep(f);
    }
}


/* flow_signup: the code was exchanged, the token checked */
void flow_signup(struct flow *f)
{
    flow_say(f, FLOW_STEP_ACCOUNTS);
    flow_get(f, &f->as, "me", "client_business_id", on_business);
}


/* another consumer may have stored it a moment ago */
static void pin_token(struct flow *f)
{
    struct token  *t = tokens_named(f->conf->store, STR(f->parent));

    if (t != NULL && flow_taken(f, t)) {
        flow_bad(f, FLOW_TAKEN, NULL);

    } else if (t != NULL && t->as.secret != NULL) {
        flow_secret(f, STR(t->as.secret));
        flow_set(&f->scopes, t->scopes != NULL ? STR(t->scopes) : NONE);
        flow_set(&f->targets, t->targets != NULL ? STR(t->targets) : NONE);
        flow_set(&f->user, t->user != NULL ? STR(t->user) : NONE);
        f->system = true;
        f->issued = t->issued;
        f->expires = t->expires;
        f->data_expires = t->data_expires;
        flow_whatsapp(f);

    } else if (f->rounds++ < PIN_LOOKS) {
        flow_after_ms(f, PIN_LOOK_MS, pin_token);

    } else {
        flow_bad(f, FLOW_INTERNAL, NULL);
    }
}


/* once: what is entered twice is a click too many */
static void on_given(void *data, const struct reply *reply)
{
    struct flow  *f = data;

    f->asked = false;
    if (flow_left(f)) {
        return;
    }

    if (reply == NULL || reply_type(reply) != REPLY_INTEGER) {
        flow_bad(f, FLOW_INTERNAL, NULL);

    } else if (reply_int(reply) == 0) {
        flow_ignore(f, "its PIN was entered already");

    } else {
        f->rounds = 0;
        pin_token(f);
    }
}


static bool pin_good(const char *pin)
{
    return strlen(pin) == 6 && strspn(pin, "0123456789") == 6;
}


/* what flow_wait_pin has left */
static void on_asked(void *data, const struct reply *reply)
{
    size_t        i;
    struct buf    key;
    struct flow  *f = data;
    struct str    values[7], argv[4] = { STR("HSETNX") };

    f->asked = false;
    if (flow_left(f)) {
        return;
    }

    for (i = 0; i < 7; i++) {
        values[i] = reply != NULL && reply_count(reply) == 7
                    ? reply_str(reply_at(reply, i)) : NONE;
    }

    if (!str_is(values[0], "asked") || !flow_id_good(values[1])
        || !flow_id_good(values[2]) || !token_name_good(values[3])
        || !str_is(values[4], f->app->id))
    {
        flow_ignore(f, "nobody asked for its PIN");
        return;
    }

    flow_set(&f->waba, values[1]);
    flow_set(&f->phone, values[2]);
    flow_set(&f->parent, values[3]);
    flow_set(&f->ref, values[5]);
    flow_set(&f->later, values[6]);

    if (!pin_good(f->given)) {
        flow_bad(f, FLOW_PIN_WRONG, NULL);
        return;
    }

    buf_init(&key, 128);
    buf_text(&key, "meta:flow:");
    buf_text(&key, f->id);
    argv[1] = (struct str) { key.at, key.len };
    argv[2] = STR("given");
    argv[3] = STR("1");
    f->asked = redis_send(f->flows->redis, argv, 4, FLOW_REDIS_MS, on_given,
                          f) == 0;
    buf_free(&key);

    if (!f->asked) {
        flow_bad(f, FLOW_INTERNAL, NULL);
    }
}


/* flow_pin goes on with the PIN that was entered */
void flow_pin(struct flow *f)
{
    struct buf  key;
    struct str  argv[9] = {
        STR("HMGET"), NONE, STR("pin"), STR("waba"), STR("phone"),
        STR("token"), STR("app"), STR("ref"), STR("later")
    };

    buf_init(&key, 128);
    buf_text(&key, "meta:flow:");
    buf_text(&key, f->id);
    argv[1] = (struct str) { key.at, key.len };
    f->asked = redis_send(f->flows->redis, argv, 9, FLOW_REDIS_MS, on_asked,
                          f) == 0;
    buf_free(&key);

    if (!f->asked) {
        flow_bad(f, FLOW_INTERNAL, NULL);
    }
}
