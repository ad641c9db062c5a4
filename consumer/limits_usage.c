/* Usage headers: which lane each entry is about, slowed or stopped by it. */

#include "limits_own.h"


#define SLOW_PCT   80.0
#define SLOW_MOST  10.0
#define SLOW_MS    (5 * 60 * 1000)


/* the kinds of lane that a business use case limits */
static const struct {
    const char      *type;
    enum lane_kind   kind;
} uses[] = {
    { "messenger", LANE_PAGE }, { "pages", LANE_FEED },
    { "instagram", LANE_INSTAGRAM }, { "leadgen", LANE_LEADS },
    { "ads_management", LANE_AD }, { "ads_insights", LANE_INSIGHTS },
    { "custom_audience", LANE_AUDIENCE }, { "whatsapp", LANE_WABA }
};


static int usage_kind_of(const struct usage_entry *e)
{
    size_t  i;

    switch (e->kind) {

    case USAGE_APP:
        return LANE_APP;

    case USAGE_PAGE:
        return LANE_PAGE;

    case USAGE_AD_ACCOUNT:
        return LANE_AD;

    case USAGE_INSIGHTS:
        return strcmp(e->type, "app") == 0 ? LANE_APP : LANE_INSIGHTS;

    default:
        for (i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
            if (strcmp(e->type, uses[i].type) == 0) {
                return uses[i].kind;
            }
        }
        return -1;
    }
}


/* where the call has no lane of the kind: what the same header limits */
static int usage_kind_else(int kind)
{
    return kind == LANE_APP ? LANE_TOKEN : kind == LANE_PAGE ? LANE_FEED
           : kind == LANE_AD ? LANE_INSIGHTS : -1;
}


static const struct lane *usage_find(const struct usage_entry *e, int kind,
    const struct lane *lanes, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if ((kind < 0 ? e->id[0] != '\0' : (int) lanes[i].kind == kind)
            && (e->id[0] == '\0' || str_is(lane_account(&lanes[i]), e->id)))
        {
            return &lanes[i];
        }
    }

    return NULL;
}


/* whose usage it is: a lane of the call; where it has the id of an object that
   the call did not name, that object's; a type that is not known counts for a
   lane of that id */
static const struct lane *usage_lane(struct limits *l,
    const struct usage_entry *e, const struct lane *lanes, size_t n,
    struct lane *other)
{
    int                 kind = usage_kind_of(e);
    const struct lane  *lane = usage_find(e, kind, lanes, n);

    if (lane != NULL || kind < 0) {
        return lane;
    }

    if (e->id[0] == '\0') {
        kind = usage_kind_else(kind);
        return kind >= 0 ? usage_find(e, kind, lanes, n) : NULL;
    }

    if (!str_digits(STR(e->id))) {
        return NULL;
    }

    limits_lane(l, other, (enum lane_kind) kind, STR(e->id), NONE);

    return other;
}


static void usage_slow(struct limits *l, const struct lane *lane, double pct)
{
    double         slow;
    struct known  *k = known_get(l, lane->name);

    if (k == NULL) {
        return;
    }

    slow = 1 + (pct - SLOW_PCT) / (100 - SLOW_PCT) * (SLOW_MOST - 1);
    k->slow = slow < SLOW_MOST ? slow : SLOW_MOST;
    k->slow_until = uv_now(l->loop) + SLOW_MS;
}


/* limits_usage slows and stops by what Meta says of itself */
void limits_usage(struct limits *l, const struct usage *usage,
    const struct lane *lanes, size_t n)
{
    size_t                     i;
    struct lane                other;
    struct known              *k;
    const struct lane         *lane;
    const struct usage_entry  *e;

    for (i = 0; i < usage->n; i++) {
        e = &usage->entries[i];
        lane = usage_lane(l, e, lanes, n, &other);
        if (lane == NULL) {
            continue;
        }

        if (e->pct >= SLOW_PCT) {
            usage_slow(l, lane, e->pct);

        } else if ((k = known_find(l, lane->name)) != NULL) {
            k->slow_until = 0;
        }

        if (e->regain_ms > 0) {
            limits_stop_name(l, lane->name, e->regain_ms, 0, "Meta says when"
                             " access is regained");
        }
    }
}
