/* A token that somebody pastes, into a file or to standard input: read, and
   exchanged for one that lives long before it is stored. */

#include "ctl_meta.h"
#include "ctl_store.h"
#include "token_answer.h"
#include "token_ask.h"

#include <stdlib.h>

#include <openssl/crypto.h>


struct pasted {
    bool   done;
    char  *secret;          /* what came in its place, or NULL */
    char   why[256];
};


/* pasted_read: never a word of the command line that others could see */
char *pasted_read(const char *from)
{
    char        *secret;
    size_t       i;
    struct buf   b;

    if (strncmp(from, "EAA", 3) == 0 || strncmp(from, "IGAA", 4) == 0) {
        ctl_fail(CTL_USAGE, "that is a token: everybody on this machine may"
                 " have seen it, and your shell remembers it; revoke it, and"
                 " give a new one in a file or by standard input");
    }

    buf_init(&b, TOKEN_SECRET_MAX);
    ctl_read(from, &b);

    for (i = 0; i < b.len && b.at[i] > ' ' && b.at[i] <= '~'; i++) {
        /* void */
    }
    if (b.len == 0 || i < b.len) {
        ctl_fail(CTL_USAGE, "%s: a token is one line without spaces", from);
    }

    secret = mem_copy(b.at, b.len);
    OPENSSL_cleanse(b.at, b.cap);
    buf_free(&b);

    return secret;
}


static void on_answer(void *data, const struct verdict *v)
{
    struct pasted       *p = data;
    struct token_answer  a;

    p->done = true;

    if (v->rc == GRAPH_ERROR) {
        snprintf(p->why, sizeof(p->why), "Meta refuses it (%lld/%lld): %s",
                 v->code, v->has_subcode ? v->subcode : 0, v->row->text);
    } else if (v->rc != GRAPH_OK) {
        snprintf(p->why, sizeof(p->why), "%s", v->rc == GRAPH_UNREACHABLE
                 ? "Meta cannot be reached" : "Meta's answer makes no sense");
    } else {
        if (token_answer_read(v->root, &a)) {
            p->secret = mem_copy(a.token.at, a.token.len);
        } else {
            snprintf(p->why, sizeof(p->why), "Meta's answer holds no token");
        }
        token_answer_free(&a);
    }
}


static void pasted_ask(struct ctl *c, struct pasted *p, enum life_way way,
    const struct conf_app *app, const char *secret)
{
    struct buf         query;
    const char        *why;
    struct graph_call  call;

    *p = (struct pasted) { .done = false };
    why = token_ask_renew(&call, &query, way, app, STR(secret));
    if (why == NULL) {
        /* the answer holds a token, so it is not for meta_call */
        why = graph_start(meta_graph(c), c->conf, &call, on_answer, p);
        token_ask_wipe(&query);
    }

    if (why != NULL) {
        snprintf(p->why, sizeof(p->why), "%s", why);
    } else {
        meta_run(c, &p->done);
    }
}


/* pasted_renew: d: what debug_token says of it; NULL: it knows nothing, so it
   is one of Instagram Login, of one of our apps, and of which nobody says */
char *pasted_renew(struct ctl *c, const struct conf_app *app,
    const struct token_debug *d, const char *secret)
{
    size_t                  i;
    struct pasted           p = { .done = false };
    const struct conf_app  *apps = c->conf->apps.at;

    if (d != NULL && d->expires == TOKEN_NEVER) {
        ctl_fail(CTL_FINDING, "it never ends: metactl token add stores it");
    }
    if (d != NULL && str_is(d->type, "PAGE")) {
        ctl_fail(CTL_FINDING, "a Page's token comes of its person's: paste"
                 " that one; metactl token add stores a Page's as it is");
    }

    if (d != NULL) {
        pasted_ask(c, &p, str_is(d->type, "SYSTEM_USER") ? LIFE_SYSTEM_USER
                   : LIFE_USER, app, secret);
    }
    for (i = 0; d == NULL && i < c->conf->apps.n && p.secret == NULL; i++) {
        if (apps[i].secret != NULL) {
            pasted_ask(c, &p, LIFE_INSTAGRAM_SHORT, &apps[i], secret);
        }
    }

    if (p.secret == NULL) {
        ctl_fail(CTL_FINDING, "%s%s", p.why, d == NULL ? "; one that lives"
                 " long already is stored by metactl token add, and renewed by"
                 " metactl token exchange instagram:ID" : "");
    }

    return p.secret;
}
