/* What Redis has lost of the token store is put back from memory, sealed as it
   was; what it does not take now stays in use, and is put again. */

#include "token_own.h"
#include "log.h"


#define BACK_MS     1000
#define BACK_SHIFT  6           /* a minute, about */


static void back_next(struct tokens *s);


static void back_end(struct tokens *s)
{
    s->restoring = false;
    s->newest = s->version = -1;    /* whatever it counts by now is right */
    s->lost = s->unback > 0;

    if (!s->lost) {
        log_write(LOG_WARN, "tokens: %zu are back in Redis", s->back);
        return;
    }

    s->back_at = uv_now(s->loop) + ((uint64_t) BACK_MS << s->back_tries);
    s->back_tries += s->back_tries < BACK_SHIFT;
    log_write(LOG_ERROR, "tokens: %zu are back in Redis, %zu are not: %s.  They"
              " are used from memory and put again", s->back, s->unback,
              s->back_why);
}


/* what another consumer has put back already stays; one that is refused holds
   up no other */
static void on_back(void *data, const char *why)
{
    struct tokens  *s = data;

    if (why != NULL && strcmp(why, TOKENS_AWAY) == 0) {
        s->restoring = false;
        s->version = -1;
        return;
    }

    if (why != NULL && strcmp(why, TOKENS_CHANGED) != 0) {
        s->unback++;
        snprintf(s->back_why, sizeof(s->back_why), "%s", why);
    }

    s->back += why == NULL;
    back_next(s);
}


/* from the last down: who goes meanwhile moves none that was not seen yet */
static void back_next(struct tokens *s)
{
    struct token  *t;

    s->at = s->at < s->n ? s->at : s->n;

    while (s->at > s->nconf) {
        t = s->all[--s->at];
        if (t->sealed != NULL) {
            store_put_back(s, t, on_back);
            return;
        }
    }

    back_end(s);
}


/* Redis began anew without its disk, has an older copy, or somebody has emptied
   it: what was taken out one by one counts on */
static bool back_due(struct tokens *s, long long version, struct str since)
{
    bool  other = s->since[0] != '\0' && !str_is(since, s->since);

    if ((version < s->newest || other) && tokens_count(s) > 0 && !s->lost) {
        log_write(LOG_ERROR, "tokens: Redis has lost the store: of %zu tokens"
                  " those that are gone from it are put back, sealed.  Does"
                  " Redis keep what it has on disk?", tokens_count(s));
        s->lost = true;
        s->back_at = 0;
        s->back_tries = 0;
    }

    return s->lost && s->back_at <= uv_now(s->loop);
}


/* back_lost: true: nothing may be read of it yet */
bool back_lost(struct tokens *s, long long version, struct str since)
{
    if (s->restoring) {
        return true;
    }

    if (!back_due(s, version, since)) {
        return false;
    }

    s->restoring = true;
    s->back = s->unback = 0;
    s->at = s->n;
    back_next(s);

    return true;
}


/* back_again: what stands where has changed */
void back_again(struct tokens *s)
{
    s->at = s->n;
}
