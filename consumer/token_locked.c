/* Tokens that no key of token_key_file opens: that is said in meta:consumers,
   for another consumer may open all of them. */

#include "token_own.h"
#include "stats.h"


/* tokens_locked: of the store; those of the configuration are not sealed */
void tokens_locked(const struct tokens *s)
{
    bool    some = false;
    size_t  i;

    for (i = s->nconf; i < s->n && !some; i++) {
        some = token_usable(s->all[i]) == NULL;
    }

    stat_row_set(stat_row(STATS_REFUSED, "tokens"), STAT_REFUSED, some);
}
