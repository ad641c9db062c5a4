/* Tokens that no key opens here, also where there is no token_key_file at all:
   that is said in meta:consumers, for another consumer may open all of them. */

#include "token_own.h"
#include "log.h"
#include "stats.h"


#define KEYLESS_MS  5000


/* tokens_locked: of the store; those of the configuration are not sealed */
void tokens_locked(const struct tokens *s)
{
    bool    some = s->sealed > 0;
    size_t  i;

    for (i = s->nconf; i < s->n && !some; i++) {
        some = token_usable(s->all[i]) == NULL;
    }

    stat_row_set(stat_row(STATS_REFUSED, "tokens"), STAT_REFUSED, some);
}


/* what is noted of the configuration's own is sealed by nobody */
static void on_names(void *data, const struct reply *reply)
{
    size_t          i;
    struct str      name;
    struct tokens  *s = data;

    s->busy = false;
    if (reply == NULL) {
        return;
    }

    s->counted = true;
    s->sealed = 0;
    for (i = 0; i < reply_count(reply); i++) {
        name = reply_str(reply_at(reply, i));
        s->sealed += name.len < 5 || memcmp(name.at, "conf:", 5) != 0;
    }

    if (s->sealed > 0) {
        log_write(LOG_ERROR, "tokens: Redis has %zu stored tokens and the"
                  " configuration has no token_key_file: what needs one of"
                  " them waits, and no rule of their tenants matches",
                  s->sealed);
    }
    tokens_locked(s);
    store_known(s);
}


/* tokens_keyless counts what cannot be opened, once; where Redis lets nobody
   look there is no store */
void tokens_keyless(struct tokens *s)
{
    struct str  words[2] = { STR("SMEMBERS"), STR("meta:token:names") };

    if (!s->counted) {
        s->busy = redis_send(s->redis, words, 2, KEYLESS_MS, on_names, s) == 0;
    }
}
