/* What limits are counted under, and how many lanes are stopped now. */

#include "limits_own.h"


/* limits_row: the numbers of lanes of a kind */
struct stat_row *limits_row(enum lane_kind kind)
{
    static struct stat_row  *rows[LANE_KINDS];

    if (rows[kind] == NULL) {
        rows[kind] = stat_row(STATS_LANE, lane_kind_name(kind));
    }

    return rows[kind];
}


/* of "phone:1065", LANE_PHONE */
static int known_kind(const struct known *k)
{
    char         kind[LANE_NAME_MAX];
    size_t       n = strcspn(k->name, ":");

    memcpy(kind, k->name, n);
    kind[n] = '\0';

    return lane_kind_find(kind);
}


/* limits_gauges sets how many are stopped or paused, by kind */
void limits_gauges(const struct limits *l)
{
    int                  kind;
    size_t               i, stopped[LANE_KINDS] = { 0 };
    uint64_t             now = uv_now(l->loop);
    const struct known  *k;

    for (i = 0; i < KNOWN_BUCKETS; i++) {
        for (k = l->known[i]; k != NULL; k = k->next) {
            kind = k->until > now && (k->stopped || k->paused)
                   ? known_kind(k) : -1;
            if (kind >= 0) {
                stopped[kind]++;
            }
        }
    }

    for (i = 0; i < LANE_KINDS; i++) {
        stat_row_set(limits_row(i), STAT_LANE_STOPPED,
                     (long long) stopped[i]);
    }
}
