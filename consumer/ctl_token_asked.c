/* Whose a token is that is pasted: each app of ours is asked, and what Meta
   could not say is told from what it refuses. */

#include "ctl_asked.h"
#include "token_ask.h"

#include <stdlib.h>


/* asked_fail: exit code and text are those of any call */
_Noreturn void asked_fail(struct ctl *c, const struct meta *m)
{
    int  code = meta_judge(c, m);

    fprintf(stderr, "metactl: nothing is stored%s\n", meta_app_refused(m)
            ? ": metactl doctor says whether the app's secret is wrong"
            : graph_passes(&m->v) ? "; try again" : "");
    exit(code);
}


/* asked_no: 100 is an id that the token leads nowhere with */
bool asked_no(const struct meta *m)
{
    return m->v.rc == GRAPH_ERROR && !m->v.transient
           && (m->v.code == 190 || m->v.code == 102 || m->v.code == 100);
}


/* whose it is says the app that made it: each of ours is asked; 100: it is not
   this app's to look at */
static void asked_app(struct ctl *c, struct asked *k,
    const struct conf_token *token, const char *secret)
{
    struct buf         query;
    struct graph_call  call;

    token_debug_free(&k->debug);
    meta_free(&k->said);
    token_ask_debug(&call, &query, STR(secret));
    call.token = token;
    meta_call(c, &call, &k->said);
    token_ask_wipe(&query);

    k->is = k->said.v.rc == GRAPH_OK
            && token_debug_read(k->said.v.root, &k->debug)
            && k->debug.app.len > 0;

    if (!k->doubt.done && k->said.v.rc != GRAPH_OK
        && (k->said.v.code != 100 || graph_passes(&k->said.v)))
    {
        k->doubt = k->said;
        k->said = (struct meta) { .done = false };
    }
}


/* asked_apps: until one knows it */
void asked_apps(struct ctl *c, struct asked *k, const char *secret)
{
    size_t                    i;
    const struct conf_app    *apps = c->conf->apps.at;
    const struct conf_token  *token;

    for (i = 0; i < c->conf->apps.n && !k->is; i++) {
        token = token_app(&apps[i]);
        if (token != NULL) {
            k->app = &apps[i];
            asked_app(c, k, token, secret);
            token_drop(token);
        }
    }

    if (k->app == NULL) {
        ctl_fail(CTL_USAGE, "apps of %s has no app with a secret_file: whose"
                 " token it is cannot be asked", c->opts.file);
    }
}


/* asked_free: it may be asked anew */
void asked_free(struct asked *k)
{
    token_debug_free(&k->debug);
    meta_free(&k->said);
    meta_free(&k->doubt);
    *k = (struct asked) { .app = NULL };
}


/* asked_doubt: of several, the first that could not */
void asked_doubt(struct ctl *c, const struct asked *k)
{
    if (k->doubt.done) {
        asked_fail(c, &k->doubt);
    }
}


/* asked_check: another's token would let others' apps read and send through
   ours (2.6) */
void asked_check(struct ctl *c, struct asked *k)
{
    size_t                     i;
    bool                       ours = false;
    const struct conf_app     *apps = c->conf->apps.at;
    const struct token_debug  *d = &k->debug;

    for (i = 0; i < c->conf->apps.n; i++) {
        ours |= str_is(d->app, apps[i].id);
        if (str_is(d->app, apps[i].id)) {
            k->app = &apps[i];
        }
    }

    if (!ours) {
        ctl_fail(CTL_FINDING, "refused: it is a token of app %.*s (%.*s), which"
                 " apps of %s does not have", (int) d->app.len, d->app.at,
                 (int) d->application.len, d->application.at, c->opts.file);
    }

    if (!d->valid) {
        ctl_fail(CTL_FINDING, "refused: Meta says that it does not work: code"
                 " %lld/%lld; metactl explain %lld/%lld", d->code, d->subcode,
                 d->code, d->subcode);
    }

    if (str_is(d->type, "APP")) {
        ctl_fail(CTL_FINDING, "refused: it is the app's own, which is made of"
                 " its id and secret_file");
    }
}
