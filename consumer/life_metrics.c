/* How tokens are, as figures. */

#include "life_own.h"


/* many share the last row: the worst of them counts */
static void row_least(struct stat_row *row, enum stat_name stat, long long n)
{
    long long  was = stat_row_get(row, stat);

    if (was == STAT_UNKNOWN || n < was) {
        stat_row_set(row, stat, n);
    }
}


static void metrics_each(void *data, struct token *t)
{
    bool              locked = token_usable(t) == NULL;
    char              value[TOKEN_NAME_MAX];
    int64_t           now = life_now();
    struct stat_row  *row;

    (void) data;

    if (t->as.kind == TOKEN_PIN || t->as.kind == TOKEN_APP) {
        return;
    }

    snprintf(value, sizeof(value), "%s:%s",
             token_kind_name((enum token_kind) t->as.kind),
             t->as.id != NULL ? t->as.id : t->as.waba != NULL ? t->as.waba
             : "default");
    row = stat_row(STATS_TOKEN, value);
    row_least(row, STAT_TOKEN_GOOD, !locked && !t->lost);
    stat_add(locked ? STAT_TOKENS_LOCKED : t->lost ? STAT_TOKENS_LOST
             : STAT_TOKENS_GOOD, 1);

    if (t->expires > TOKEN_NEVER) {
        row_least(row, STAT_TOKEN_EXPIRES, t->expires > now
                  ? (t->expires - now) / 1000 : 0);
    }
}


/* life_metrics: what was removed is known no more */
void life_metrics(struct life *life)
{
    stats_unknown(STATS_TOKEN);
    stat_set(STAT_TOKENS_GOOD, 0);
    stat_set(STAT_TOKENS_LOST, 0);
    stat_set(STAT_TOKENS_LOCKED, 0);
    tokens_each(life->tokens, metrics_each, life);
}
