/* Tokens that Meta gave and Redis has not taken yet: they are used from memory,
   and put again until it takes them.  Who renewed one may have spent the one
   before. */

#include "token_own.h"
#include "log.h"

#include <stdlib.h>


#define KEPT_MS     1000
#define KEPT_SHIFT  6           /* a minute, at most */


/* t: its `sealed` is that of the one it came in place of */
struct token_kept {
    struct token_kept  *next;
    struct tokens      *tokens;
    struct token       *t;
    bool                asked;
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


static void kept_out(struct token_kept *k)
{
    struct token_kept  **at = &k->tokens->kept;

    while (*at != k) {
        at = &(*at)->next;
    }
    *at = k->next;
    token_free(k->t);
    free(k);
}


/* another one in its place is as good, and is there for everybody */
static void on_kept(void *data, const char *why)
{
    struct token_kept  *k = data;

    k->asked = false;

    if (why == NULL || strncmp(why, TOKENS_CHANGED, strlen(TOKENS_CHANGED))
                       == 0)
    {
        log_write(LOG_INFO, "token %s, which was kept in memory: %s",
                  SAID(k->t->name), why == NULL ? "it is stored" : why);
        if (why != NULL) {
            k->tokens->version = -1;        /* what has come is read */
        }
        kept_out(k);
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


/* kept_stands: Redis still has the one before it */
bool kept_stands(struct tokens *s, struct str name, struct str sealed)
{
    struct token             *t = token_find(s, BY_NAME, name);
    const struct token_kept  *k = kept_find(s, name);

    if (k == NULL || t != k->t || t->sealed == NULL
        || !str_is(sealed, t->sealed))
    {
        return false;
    }

    t->seen = s->seen;

    return true;
}


/* tokens_keep: t is in force at once */
void tokens_keep(struct tokens *s, const struct token *t, const char *why)
{
    struct token        *copy = token_copy(t);
    struct token_kept   *k = kept_find(s, STR(t->name));

    log_write(LOG_ERROR, "token %s is renewed, and Redis does not take the new"
              " one: %s.  It is used from memory and put again until Redis has"
              " it; do not stop this consumer before", SAID(t->name), why);

    if (k == NULL) {
        k = mem_alloc(sizeof(*k));
        k->tokens = s;
        k->next = s->kept;
        s->kept = k;
    } else {
        token_free(k->t);
    }

    copy->refs++;
    k->t = copy;
    k->at = uv_now(s->loop) + KEPT_MS;
    book_take(s, copy);
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
