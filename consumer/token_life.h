/* The life of a token: when it is looked after, renewed and warned of.  Pure:
   the clock is the caller's. */

#ifndef TOKEN_LIFE_H
#define TOKEN_LIFE_H

#include "token.h"


#define LIFE_HOUR_MS  3600000ll
#define LIFE_DAY_MS   (24 * LIFE_HOUR_MS)

/* data access: warned of from then on (reference 2.8) */
#define LIFE_DATA_MS  (14 * LIFE_DAY_MS)


/* oauth: of the configuration */
struct life_rule {
    int64_t  before_ms;     /* refresh_before */
    int64_t  alarm_ms;      /* alarm_before */
    int64_t  check_ms;      /* check_every */
};

struct life_rule life_rule_of(const struct conf *conf);

/* how it is renewed (reference 2.4, 2.8, 2.9, 2.10) */
enum life_way {
    LIFE_NEVER,             /* it has no end, or nothing can be done but a new
                               login */
    LIFE_USER,              /* exchanged for one that lives long */
    LIFE_SYSTEM_USER,       /* the same, for 60 days */
    LIFE_INSTAGRAM_SHORT,   /* exchanged, with Instagram's own secret */
    LIFE_INSTAGRAM,         /* refreshed */
    LIFE_PARENT             /* taken anew from its user's token */
};


/* life_way: how this one could be renewed now */
enum life_way life_way(const struct token *t, int64_t now);

/* life_refresh_at: when it is to be renewed, TOKEN_UNKNOWN: never.  Each name
   has a moment of its own within the first tenth of the time before its end,
   the same in all consumers */
int64_t life_refresh_at(const struct token *t, const struct life_rule *rule,
    int64_t now);
bool life_refresh_due(const struct token *t, const struct life_rule *rule,
    int64_t now);

/* life_retry_due: so has the moment to try again what failed */
bool life_retry_due(const struct token *t, const struct life_rule *rule,
    int64_t now);

/* life_again: how long after one that failed, as it is taken to until it has
   not: five minutes, and twice as long each time, up to an hour */
int64_t life_again(long long tries);

/* life_check_at: when it is to be looked at: check_every after the last time,
   and at once where its time to be renewed, or alarmed about, has come since */
int64_t life_check_at(const struct token *t, const struct life_rule *rule,
    int64_t now);

/* life_alarm: its end is so near that somebody must act */
bool life_alarm(const struct token *t, const struct life_rule *rule,
    int64_t now);

/* life_data_warn: the same of its data access */
bool life_data_warn(const struct token *t, int64_t now);

/* life_span writes "3 days", "5 hours", for people; ms may be below zero */
#define LIFE_SPAN_MAX  32
const char *life_span(char out[LIFE_SPAN_MAX], int64_t ms);


#endif /* TOKEN_LIFE_H */
