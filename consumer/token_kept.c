/* Tokens that Meta gave and Redis has not taken yet: they are used from memory,
   and put again until it takes them.  Who renewed one may have spent the one
   before. */

#include "token_own.h"
#include "log.h"

#include <stdlib.h>


#define KEPT_MS     1000
#define KEPT_SHIFT  2           /* four seconds, at most */
#define KEPT_WAS    4


/* t: its `sealed` is that of the one it came in place of, `was` are those that
   it is newer than: what is sealed anew is still the same */
struct token_kept {
    struct token_kept  *next;
    struct tokens      *tokens;
    struct token       *t;
    struct token       *was[KEPT_WAS];
    bool                asked;
    bool                stored;
    unsigned            tries;
    uint64_t            at;     /* ms of the loop: not before */
};


static struct token_kept *kept_find(const struct tokens *s, struct str name)
{
    struct token_kept  *k;

    for (k = s->kept; k != NULL && !str_is(name, k->t->name); k = k->next) {
        /* void */
    }

    return k;
}


static void kept_was(struct token_kept *k, struct token *was)
{
    token_free(k->was[KEPT_WAS - 1]);
    memmove(k->was + 1, k->was, (KEPT_WAS - 1) * sizeof(k->was[0]));
    k->was[0] = was;
}


static void kept_out(struct token_kept *k)
{
    size_t               i;
    struct token_kept  **at = &k->tokens->kept;

    while (*at != k) {
        at = &(*at)->next;
    }
    *at = k->next;
    for (i = 0; i < KEPT_WAS; i++) {
        token_free(k->was[i]);
    }
    token_free(k->t);
    free(k);
}


static void kept_done(struct tokens *s)
{
    void  (*cb)(void *data) = s->on_drained;

    if (cb != NULL && s->kept == NULL) {
        s->on_drained = NULL;
        cb(s->drained_data);
    }
}


/* it has been read: where it is not the book's any more, Redis has it, or
   another in its place, which is as good, and is there for everybody */
static void kept_settle(struct token_kept *k)
{
    struct tokens  *s = k->tokens;

    if (token_find(s, BY_NAME, STR(k->t->name)) == k->t) {
        k->at = uv_now(s->loop) + KEPT_MS;
        return;
    }

    log_write(LOG_INFO, "token %s, which was kept in memory: %s",
              SAID(k->t->name), k->stored ? "it is stored" : TOKENS_CHANGED);
    kept_out(k);
    kept_done(s);
}


static void on_kept(void *data, const char *why)
{
    struct token_kept  *k = data;

    k->asked = false;
    k->stored = why == NULL;

    if (why == NULL || strcmp(why, TOKENS_CHANGED) == 0) {
        kept_settle(k);
        return;
    }

    k->at = uv_now(k->tokens->loop) + ((uint64_t) KEPT_MS << k->tries);
    k->tries += k->tries < KEPT_SHIFT;
}


/* kept_again: Redis was read just now */
void kept_again(struct tokens *s)
{
    struct token_kept  *k;

    for (k = s->kept; k != NULL && !s->restoring; k = k->next) {
        if (!k->asked && k->at <= uv_now(s->loop)) {
            k->asked = true;
            tokens_put_over(s, k->t, k->t, NULL, on_kept, k);
        }
    }
}


/* kept_hurry: Redis may take them by now */
void kept_hurry(struct tokens *s)
{
    struct token_kept  *k;

    for (k = s->kept; k != NULL; k = k->next) {
        k->at = 0;
        k->tries = 0;
    }
}


/* kept_has: Redis knows nothing of it */
bool kept_has(const struct tokens *s, const struct token *t)
{
    const struct token_kept  *k = kept_find(s, STR(t->name));

    return k != NULL && k->t == t;
}


static bool kept_older(const struct token_kept *k, const struct token *is)
{
    size_t  i;

    if (k->t->sealed != NULL && strcmp(is->sealed, k->t->sealed) == 0) {
        return true;
    }
    if (is->as.secret == NULL || strcmp(is->as.secret, k->t->as.secret) == 0) {
        return false;
    }

    for (i = 0; i < KEPT_WAS; i++) {
        if (k->was[i] != NULL && k->was[i]->as.secret != NULL
            && strcmp(is->as.secret, k->was[i]->as.secret) == 0)
        {
            return true;
        }
    }

    return false;
}


/* kept_stands: Redis still has one before it, as `is` */
bool kept_stands(struct tokens *s, const struct token *is)
{
    struct token_kept  *k = kept_find(s, STR(is->name));

    if (k == NULL || is->sealed == NULL
        || token_find(s, BY_NAME, STR(is->name)) != k->t || !kept_older(k, is))
    {
        return false;
    }

    free(k->t->sealed);
    k->t->sealed = mem_copy(is->sealed, strlen(is->sealed));
    k->t->seen = s->seen;

    return true;
}


/* tokens_keep: t is in force at once */
void tokens_keep(struct tokens *s, const struct token *t, struct token *old,
    const char *why)
{
    struct token        *copy = token_copy(t);
    struct token_kept   *k = kept_find(s, STR(t->name));

    log_write(LOG_ERROR, "token %s is renewed, and Redis does not take the new"
              " one: %s.  It is used from memory and put again until Redis has"
              " it; a consumer that is stopped waits for that",
              SAID(t->name), why);

    if (k == NULL) {
        k = mem_alloc(sizeof(*k));
        k->tokens = s;
        k->next = s->kept;
        s->kept = k;
        old->refs++;
        kept_was(k, old);
    } else {
        kept_was(k, k->t);
    }

    copy->refs++;
    k->t = copy;
    k->at = uv_now(s->loop) + KEPT_MS;
    book_take(s, copy);
}


/* tokens_drain: until Redis has them all */
void tokens_drain(struct tokens *s, void (*cb)(void *data), void *data)
{
    s->on_drained = cb;
    s->drained_data = data;
    if (s->kept != NULL) {
        log_write(LOG_INFO, "drains: tokens that are kept in memory are put"
                  " into Redis");
    }
    kept_hurry(s);
    kept_again(s);
    kept_done(s);
}


/* kept_free: what is left goes with this process */
void kept_free(struct tokens *s)
{
    while (s->kept != NULL) {
        log_write(LOG_ERROR, "token %s was renewed, and Redis has not taken the"
                  " new one: it is lost", SAID(s->kept->t->name));
        kept_out(s->kept);
    }
}
