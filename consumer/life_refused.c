/* Calls that Meta refused for their token: it is looked at, once for all that
   were on their way together, and not before somebody else who is at it has
   done. */

#include "life_own.h"


#define AGAIN_MAX  30           /* ticks of a second */


static bool same_secret(const struct token *a, const struct token *b)
{
    const struct conf_token  *is = token_usable(a), *was = token_usable(b);

    return is != NULL && was != NULL && strcmp(is->secret, was->secret) == 0;
}


/* the state of a token: the store's, or that of one of the configuration; what
   was noted of it while it was used made it no other */
static struct token *refused_state(const struct life *life,
    const struct conf_token *token)
{
    char           name[TOKEN_NAME_MAX];
    struct token  *now, *t = token->stored;

    if (t == NULL) {
        return tokens_named(life->tokens, STR(token_conf_name(name, token)));
    }

    now = t->stale ? tokens_named(life->tokens, STR(t->name)) : t;

    return now != NULL && same_secret(now, t) ? now : t;
}


static void refused_begin(struct life *life, struct token *t,
    const struct refused *r)
{
    struct care  *c;

    c = care_new(life, t, CARE_REFUSED);
    c->code = r->code;
    c->subcode = r->subcode;
    c->again = r->tries;
    care_start(c);
}


/* where there is no room its lane tries it again, in minutes */
static void refused_add(struct life *life, struct token *t,
    struct refused *r)
{
    size_t  i;

    for (i = 0; i < life->nrefused; i++) {
        if (strcmp(life->refused[i].t->name, t->name) == 0) {
            return;
        }
    }

    if (r->tries < AGAIN_MAX && life->nrefused < LIFE_REFUSED_MAX) {
        r->t = t;
        token_hold(&t->as);
        life->refused[life->nrefused++] = *r;
        life_soon(life);
    }
}


/* refused_later: another one has its lock */
void refused_later(struct care *c)
{
    struct refused  r = {
        .code = c->code, .subcode = c->subcode, .tries = c->again + 1
    };

    refused_add(c->life, c->t, &r);
}


/* refused_tick: true: some still wait */
bool refused_tick(struct life *life)
{
    size_t           i, n = life->nrefused;
    struct token    *t, *was;
    struct refused   r;

    life->nrefused = 0;

    for (i = 0; i < n; i++) {
        r = life->refused[i];
        was = r.t;
        t = tokens_named(life->tokens, STR(was->name));

        if (t != NULL && !t->lost && uv_now(life->loop) >= t->quiet
            && same_secret(t, was))
        {
            r.tries++;
            if (life_has(life, t->name)) {
                refused_add(life, t, &r);
            } else {
                refused_begin(life, t, &r);
            }
        }

        token_drop(&was->as);
    }

    return life->nrefused > 0;
}


/* refused_free: nobody waits any more */
void refused_free(struct life *life)
{
    while (life->nrefused > 0) {
        token_drop(&life->refused[--life->nrefused].t->as);
    }
}


/* life_refused: one that is stale says nothing of what came in its place */
void life_refused(struct life *life, const struct conf_token *token,
    long long code, long long subcode)
{
    struct token    *t = refused_state(life, token);
    struct refused   r = { .code = code, .subcode = subcode };

    if (life->leaving || t == NULL || t->stale || t->lost
        || (t->failures == 0 && uv_now(life->loop) < t->quiet))
    {
        return;
    }

    if (life_has(life, t->name)) {
        refused_add(life, t, &r);
    } else {
        refused_begin(life, t, &r);
    }
}
