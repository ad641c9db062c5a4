/* Instagram Login: a token of an hour becomes one of 60 days, and says itself
   whose it is (reference 2.10); debug_token knows nothing of these. */

#include "flow_own.h"


#define SCOPE  "instagram_business_basic"


static void on_me(struct flow *f, const struct verdict *v)
{
    struct token         *t;
    struct token_me       me;

    if (v->rc != GRAPH_OK) {
        flow_refused(f, v);
        return;
    }

    if (!token_me_read(v->root, &me) || !flow_id_good(me.account)) {
        flow_bad(f, FLOW_META, v);
        return;
    }

    if (flow_id_good(me.id)) {
        flow_set(&f->user, me.id);
    }

    flow_account_add(f, TOKEN_INSTAGRAM, me.account, me.username);
    t = flow_token(f, TOKEN_INSTAGRAM, me.account);
    if (t == NULL) {
        flow_bad(f, FLOW_META, NULL);
        return;
    }

    if (me.username.len) {
        token_set(t, "title", me.username);
    }
    flow_keep(f, t, "connected", flow_subscribe);
}


static void on_long(struct flow *f, const struct verdict *v)
{
    bool                 good;
    struct token_answer  a;

    if (v->rc != GRAPH_OK) {
        flow_refused(f, v);
        return;
    }

    good = token_answer_read(v->root, &a);
    if (good) {
        flow_secret(f, a.token);
        f->issued = flow_now();
        f->expires = a.expires_in > 0 ? f->issued + a.expires_in * 1000
                     : TOKEN_UNKNOWN;
    }
    token_answer_free(&a);

    if (!good) {
        flow_bad(f, FLOW_META, v);
        return;
    }

    flow_say(f, FLOW_STEP_ACCOUNTS);
    token_ask_me(&f->call, &f->query);
    f->call.token = &f->as;
    flow_call(f, true, on_me);
}


/* flow_instagram: what may be asked depends on one permission */
void flow_instagram(struct flow *f)
{
    flow_say(f, FLOW_STEP_CHECKING);

    if (f->scopes != NULL && !scope_has(STR(f->scopes), SCOPE)) {
        f->scope = SCOPE;
        flow_bad(f, FLOW_SCOPES, NULL);
        return;
    }

    token_ask_instagram_long(&f->call, &f->query, STR(f->app->secret),
                             STR(f->secret));
    flow_call(f, true, on_long);
}
