/* Tokens that end are renewed before: exchanged, refreshed or taken anew, each
   in the way of its kind (sections 2.4, 2.9 and 2.10). */

#include "life_own.h"


/* one that was renewed is left alone, whatever end Meta gave it; less than a
   day, for the day's look is jittered */
#define REFRESH_DONE_MS  (20 * LIFE_HOUR_MS)

#define PUT_TRIES        3


static void refresh_failed(struct care *c, const char *why,
    const struct verdict *v)
{
    stat_add(STAT_TOKEN_NOT_REFRESHED, 1);

    snprintf(c->text, sizeof(c->text), "%s (code=%lld subcode=%lld)", why,
             v != NULL ? v->code : 0,
             v != NULL && v->has_subcode ? v->subcode : 0);
    log_write(c->valid || c->t->tries == 0 ? LOG_WARN : LOG_DEBUG, "token %s"
              " could not be renewed: %s", SAID(c->t->name), c->text);
    c->why = v != NULL && v->rc == GRAPH_ERROR && !v->transient ? c->text
             : LIFE_BUSY;
    c->otherwise(c);
}


/* it was refused as lost: that it must be renewed is no question any more */
static bool refresh_lost(struct care *c, const struct verdict *v)
{
    if (v == NULL || v->rc != GRAPH_ERROR
        || (v->code != 190 && v->code != 102))
    {
        return false;
    }

    stat_add(STAT_TOKEN_NOT_REFRESHED, 1);
    c->code = v->code;
    c->subcode = v->has_subcode ? v->subcode : 0;
    lost_begin(c);

    return true;
}


static void refresh_done(struct care *c)
{
    char  span[LIFE_SPAN_MAX];

    c->renewed = true;
    stat_add(STAT_TOKEN_REFRESHED, 1);
    log_write(LOG_INFO, "token %s is renewed%s%s", SAID(c->t->name),
              c->put->expires > TOKEN_NEVER ? ", for " : "",
              c->put->expires > TOKEN_NEVER
              ? life_span(span, c->put->expires - life_now()) : "");
    c->otherwise(c);
}


static void on_answer(struct care *c, const struct verdict *v)
{
    int64_t              expires = TOKEN_UNKNOWN;
    struct token_answer  a = { .token = NONE };

    if (refresh_lost(c, v)) {
        return;
    }

    if (care_passing(c, v)) {
        refresh_failed(c, v == NULL ? "it cannot be asked for"
                       : graph_reason(v->rc), v);
        return;
    }

    if (v->rc == GRAPH_ERROR || !token_answer_read(v->root, &a)) {
        refresh_failed(c, v->row != NULL ? v->row->text
                       : "the answer holds no token", v);

    } else {
        if (a.expires_in > 0) {
            expires = life_now() + (int64_t) a.expires_in * 1000;
        }
        c->next = refresh_done;
        care_put(c, a.token, expires, "refresh");
    }

    token_answer_free(&a);
}


/* NULL: it could be asked for; query is to be wiped then */
static const char *refresh_ask(struct care *c, struct graph_call *call,
    struct buf *query)
{
    struct token  seen = *c->t;

    seen.issued = c->issued;
    seen.expires = c->expires;
    seen.lost = false;

    return token_ask_renew(call, query, life_way(&seen, life_now()),
                           care_app(c), STR(c->t->as.secret));
}


static bool refresh_derives(const struct care *c)
{
    return c->t->as.kind == TOKEN_PAGE && derive_lasts(c);
}


static void refresh_call(struct care *c)
{
    struct buf         query;
    const char        *why;
    struct graph_call  call;

    if (refresh_derives(c)) {
        derive_begin(c, refresh_done, c->otherwise);
        return;
    }

    why = refresh_ask(c, &call, &query);
    if (why == NULL) {
        care_call(c, &call, &query, NULL, NULL, on_answer);
        return;
    }

    c->why = why;
    log_write(LOG_INFO, "token %s is not renewed: %s", SAID(c->t->name), why);
    c->otherwise(c);
}


static void on_noted(void *data, const char *why)
{
    struct care  *c = data;

    if (c->life->leaving) {
        care_end(c);

    } else if (why != NULL) {
        c->why = "Redis does not take it that it is tried";
        c->otherwise(c);

    } else {
        refresh_call(c);
    }
}


/* each attempt counts as failed until it has not: who dies of it leaves it to
   the next one, a little later.  A new token begins anew */
static void refresh_note(struct care *c)
{
    char        retry[24], tries[24];
    struct str  words[4];

    snprintf(retry, sizeof(retry), "%lld",
             (long long) (life_now() + life_again(c->t->tries)));
    snprintf(tries, sizeof(tries), "%lld", c->t->tries + 1);
    words[0] = STR("retry");
    words[1] = STR(retry);
    words[2] = STR("tries");
    words[3] = STR(tries);
    tokens_note_over(c->life->tokens, c->t, words, 4, NULL, on_noted, c);
}


/* refresh_begin: who asks by hand waits for nothing */
void refresh_begin(struct care *c, care_next next)
{
    bool               possible;
    struct buf         query;
    struct graph_call  call;

    c->otherwise = next;

    if (c->goal == CARE_EXCHANGE) {
        refresh_call(c);
        return;
    }

    if (copy_same(c)) {
        next(c);
        return;
    }

    if (copy_begin(c)) {
        return;             /* it was renewed while Meta was asked */
    }

    if (c->t->retry > life_now()) {
        c->why = "it was tried a while ago";
        next(c);
        return;
    }

    possible = refresh_derives(c);
    if (!possible && refresh_ask(c, &call, &query) == NULL) {
        token_ask_wipe(&query);
        possible = true;
    }

    if (possible) {
        refresh_note(c);
    } else {
        refresh_call(c);    /* it says why not */
    }
}


/* what was renewed, as it stands in the book: sealed anew or noted of it still
   is the same.  NULL: it has gone, or a login has put another in its place */
static struct token *care_same(const struct care *c)
{
    struct token  *t = tokens_named(c->life->tokens, STR(c->t->name));

    return t != NULL && t->as.secret != NULL
           && strcmp(t->as.secret, c->t->as.secret) == 0 ? t : NULL;
}


/* of the one that is there now nobody was asked */
static void put_other(struct care *c, const char *why)
{
    log_write(LOG_WARN, "token %s: the new one cannot be stored: %s",
              SAID(c->t->name), why);
    c->why = "the new one could not be stored";
    life_soon(c->life);
    care_end(c);
}


/* over the same, as it stands there by now */
static void put_again(struct care *c)
{
    struct token  *made = c->put;

    c->put = NULL;
    care_put(c, STR(made->as.secret), made->expires, made->from);
    token_free(made);
}


/* what Meta gave is not thrown away for want of Redis: the one before it may
   end soon, or be dead already */
static void on_put(void *data, const char *why)
{
    struct care   *c = data;
    struct token  *t = care_same(c);

    if (c->life->leaving) {
        if (why != NULL) {
            log_write(LOG_ERROR, "token %s: the new one is not stored: %s",
                      SAID(c->t->name), why);
        }
        care_end(c);
        return;
    }

    if (why != NULL && t == NULL) {
        put_other(c, why);
        return;
    }

    if (why != NULL && strcmp(why, TOKENS_CHANGED) == 0
        && ++c->puts < PUT_TRIES)
    {
        put_again(c);
        return;
    }

    if (why != NULL) {
        tokens_keep(c->life->tokens, c->put, t, why);
    }

    c->next(c);
}


/* care_put: all that is known of it stays, but what the secret decides */
void care_put(struct care *c, struct str secret, int64_t expires,
    const char *from)
{
    const char    *wrong;
    int64_t        now = life_now();
    struct token  *t = care_same(c);

    if (t == NULL) {
        put_other(c, TOKENS_CHANGED);
        return;
    }

    token_free(c->put);
    c->put = token_copy(t);
    wrong = token_set_secret(c->put, secret);
    if (wrong != NULL) {
        log_write(LOG_WARN, "token %s: what Meta gave in its place %s",
                  SAID(c->t->name), wrong);
        c->why = "what Meta gave in its place is no token";
        c->otherwise(c);
        return;
    }

    token_set_int(c->put, "issued", now);
    token_set_int(c->put, "refreshed", now);
    token_set_int(c->put, "expires", expires);
    token_set(c->put, "from", STR(from));
    token_set(c->put, "state", STR("good"));
    token_set_int(c->put, "code", 0);
    token_set_int(c->put, "subcode", 0);
    if (c->losing) {
        token_set_int(c->put, "checked", 0);    /* it is looked at at once */
    }
    token_set_int(c->put, "retry", now + REFRESH_DONE_MS);
    token_set_int(c->put, "tries", 0);
    tokens_put_over(c->life->tokens, c->put, t, NULL, on_put, c);
}
