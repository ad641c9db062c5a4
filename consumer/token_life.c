/* The life of a token: when it is looked after, renewed and warned of
   (meta-graph-oauth-ads-capi.md sections 2.4 to 2.10). */

#include "token_life.h"
#include "sip.h"

#include <stdio.h>


/* of Instagram Login: one that lives shorter is to be exchanged, and one that
   is younger than a day cannot be refreshed (2.10) */
#define LIFE_SHORT_MS  (2 * LIFE_HOUR_MS)
#define LIFE_YOUNG_MS  LIFE_DAY_MS

#define LIFE_AGAIN_MS  300000

#define LIFE_SHARE     10       /* moments differ by that part of a span */


/* life_rule_of: as it is configured */
struct life_rule life_rule_of(const struct conf *conf)
{
    return (struct life_rule) {
        (int64_t) conf->refresh_ms, (int64_t) conf->alarm_ms,
        (int64_t) conf->check_ms
    };
}


/* the same in all consumers, another for each name */
static int64_t life_jitter(const struct token *t, int64_t span)
{
    static const unsigned char  key[SIP_KEY_LEN];

    span /= LIFE_SHARE;

    return span > 0 ? (int64_t) (sip_hash(key, STR(t->name)) % span) : 0;
}


static bool life_ends(const struct token *t)
{
    return t->expires > TOKEN_NEVER;
}


static int64_t life_born(const struct token *t)
{
    return t->refreshed > t->issued ? t->refreshed : t->issued;
}


/* a file's is its owner's to renew, and what has ended cannot be (2.4) */
enum life_way life_way(const struct token *t, int64_t now)
{
    if (t->of != NULL || t->lost || !life_ends(t) || t->expires <= now) {
        return LIFE_NEVER;
    }

    switch ((enum token_kind) t->as.kind) {

    case TOKEN_USER:
        return LIFE_USER;

    case TOKEN_SYSTEM_USER:
    case TOKEN_BUSINESS:
    case TOKEN_WHATSAPP:
        return LIFE_SYSTEM_USER;

    case TOKEN_INSTAGRAM:
        if (life_born(t) > 0 && t->expires - life_born(t) <= LIFE_SHORT_MS) {
            return LIFE_INSTAGRAM_SHORT;
        }
        return now - life_born(t) < LIFE_YOUNG_MS ? LIFE_NEVER
               : LIFE_INSTAGRAM;

    case TOKEN_PAGE:
        return t->parent != NULL ? LIFE_PARENT : LIFE_NEVER;

    default:
        return LIFE_NEVER;
    }
}


/* life_refresh_at: what is short-lived has its moment behind it */
int64_t life_refresh_at(const struct token *t, const struct life_rule *rule,
    int64_t now)
{
    int64_t         at;
    enum life_way   way = life_way(t, now);

    if (way == LIFE_NEVER && t->as.kind == TOKEN_INSTAGRAM && t->of == NULL
        && !t->lost && life_ends(t) && t->expires > now)
    {
        way = LIFE_INSTAGRAM;       /* as soon as it is old enough */
    }

    if (way == LIFE_NEVER) {
        return TOKEN_UNKNOWN;
    }

    at = t->expires - rule->before_ms + life_jitter(t, rule->before_ms);

    if (way == LIFE_INSTAGRAM && at < life_born(t) + LIFE_YOUNG_MS) {
        at = life_born(t) + LIFE_YOUNG_MS;
    }

    return at;
}


/* life_refresh_due: it has come */
bool life_refresh_due(const struct token *t, const struct life_rule *rule,
    int64_t now)
{
    int64_t  at = life_refresh_at(t, rule, now);

    return at != TOKEN_UNKNOWN && at <= now;
}


/* life_retry_due: one that was not tried comes with the look; where who looked
   died before it was tried, it comes a little later */
bool life_retry_due(const struct token *t, const struct life_rule *rule,
    int64_t now)
{
    return t->retry <= now && life_refresh_due(t, rule, now)
           && (t->tries > 0 || t->checked + LIFE_AGAIN_MS <= now);
}


/* life_again: minutes, not days: it may end soon */
int64_t life_again(long long tries)
{
    int64_t  ms = LIFE_AGAIN_MS;

    while (tries-- > 0 && ms < LIFE_HOUR_MS) {
        ms *= 2;
    }

    return ms < LIFE_HOUR_MS ? ms : LIFE_HOUR_MS;
}


static int64_t life_sooner(int64_t at, int64_t moment, int64_t checked)
{
    return moment > checked && moment < at ? moment : at;
}


/* life_check_at: its end, too, is looked at when it comes */
int64_t life_check_at(const struct token *t, const struct life_rule *rule,
    int64_t now)
{
    int64_t  at = t->checked + rule->check_ms;

    if (t->checked <= 0) {
        return now;
    }

    at -= life_jitter(t, rule->check_ms);
    at = life_sooner(at, life_refresh_at(t, rule, now), t->checked);

    if (life_ends(t)) {
        at = life_sooner(at, t->expires - rule->alarm_ms, t->checked);
        at = life_sooner(at, t->expires, t->checked);
    }

    return at;
}


/* life_alarm: not once it has ended, for then it is lost */
bool life_alarm(const struct token *t, const struct life_rule *rule,
    int64_t now)
{
    return life_ends(t) && t->expires > now
           && t->expires - rule->alarm_ms <= now;
}


/* life_data_warn: also after its end: the token goes on, reads fail (2.8) */
bool life_data_warn(const struct token *t, int64_t now)
{
    return t->data_expires > TOKEN_NEVER
           && t->data_expires - LIFE_DATA_MS <= now;
}


/* life_span rounds down */
const char *life_span(char out[LIFE_SPAN_MAX], int64_t ms)
{
    size_t      i;
    long long   n;

    static const struct {
        int64_t      ms;
        const char  *name;
    } units[] = {
        { LIFE_DAY_MS, "day" }, { LIFE_HOUR_MS, "hour" }, { 60000, "minute" }
    };

    ms = ms > 0 ? ms : 0;
    for (i = 0; i < 2 && ms < 2 * units[i].ms; i++) {
        /* void */
    }

    n = ms / units[i].ms;
    snprintf(out, LIFE_SPAN_MAX, "%lld %s%s", n, units[i].name,
             n == 1 ? "" : "s");

    return out;
}
