/* What a token is, asked of Meta: whose app it was made for, what it may do,
   and how long (reference 2.6). */

#include "flow_own.h"

#include <stdlib.h>


/* a user's token, or a page that was shown another app's code, must not pass
   for ours: any of our apps may be meant by a job alone */
static bool check_app(struct flow *f, struct str app)
{
    if (f->kind != FLOW_JOB) {
        return str_is(app, f->app->id);
    }

    token_drop(f->app_token);
    f->app_token = NULL;

    return app.len > 0 && flow_app(f, app);
}


static void check_take(struct flow *f, const struct token_debug *d)
{
    f->system = str_is(d->type, "SYSTEM_USER");
    flow_set(&f->user, d->user);
    flow_set(&f->scopes, (struct str) { d->scopes.at, d->scopes.len });
    flow_set(&f->targets, (struct str) { d->targets.at, d->targets.len });
    f->issued = d->issued;
    f->expires = d->expires;
    f->data_expires = d->data_expires;
}


static void on_debug(struct flow *f, const struct verdict *v)
{
    enum flow_error      error = FLOW_GOOD;
    struct token_debug   d;

    if (v->rc != GRAPH_OK) {
        flow_refused(f, v);
        return;
    }

    if (!token_debug_read(v->root, &d)) {
        error = FLOW_META;

    } else if (!check_app(f, d.app)) {
        error = FLOW_WRONG_APP;

    } else if (!d.valid) {
        error = FLOW_CODE;

    } else if (f->scope != NULL
               && !scope_has((struct str) { d.scopes.at, d.scopes.len },
                             f->scope))
    {
        error = FLOW_SCOPES;
    }

    check_take(f, &d);
    token_debug_free(&d);

    if (error != FLOW_GOOD) {
        flow_bad(f, error, v);
    } else {
        f->checked(f);
    }
}


/* flow_check: scope: it must have that one; NULL: whatever it has */
void flow_check(struct flow *f, const char *scope, flow_next next)
{
    flow_say(f, FLOW_STEP_CHECKING);
    f->scope = scope;
    f->checked = next;
    token_ask_debug(&f->call, &f->query, STR(f->secret));
    f->call.token = f->app_token;
    f->call.app = f->app;
    flow_call(f, true, on_debug);
}
