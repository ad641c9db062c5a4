/* How tokens are, as figures. */

#include "life_own.h"


static void metrics_each(void *data, struct token *t)
{
    char              value[TOKEN_NAME_MAX];
    int64_t           now = life_now();
    struct stat_row  *row;

    (void) data;

    if (!life_looks(t)) {
        return;
    }

    snprintf(value, sizeof(value), "%s:%s",
             token_kind_name((enum token_kind) t->as.kind),
             t->as.id != NULL ? t->as.id : t->as.waba != NULL ? t->as.waba
             : "default");
    row = stat_row(STATS_TOKEN, value);
    stat_row_set(row, STAT_TOKEN_GOOD, !t->lost);

    if (t->expires > TOKEN_NEVER) {
        stat_row_set(row, STAT_TOKEN_EXPIRES, t->expires > now
                     ? (t->expires - now) / 1000 : 0);
    }
}


/* life_metrics: what was removed is known no more */
void life_metrics(struct life *life)
{
    stats_unknown(STATS_TOKEN);
    tokens_each(life->tokens, metrics_each, life);
}
