
/*
 * What the figures mean, in words: the worst first, so that its line can
 * stand alone at the top of the page.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_status.h"


#define NGX_HTTP_META_RECENT   30000    /* ms */
#define NGX_HTTP_META_MINUTE   60000    /* ms */
#define NGX_HTTP_META_MANY     10000    /* events that nobody takes */


typedef struct {
    u_char       buf[32];
    ngx_str_t    text;
} ngx_http_meta_grouped_t;


static void ngx_http_meta_summary_deliveries(ngx_pool_t *pool,
    ngx_http_meta_status_t *st);
static ngx_uint_t ngx_http_meta_within(ngx_http_meta_status_t *st,
    uint64_t at);
static ngx_http_meta_level_t ngx_http_meta_bridged(
    ngx_http_meta_status_t *st);
static ngx_uint_t ngx_http_meta_half_full(ngx_http_meta_status_t *st);
static void ngx_http_meta_summary_redis(ngx_pool_t *pool,
    ngx_http_meta_status_t *st);
static void ngx_http_meta_summary_away(ngx_pool_t *pool,
    ngx_http_meta_status_t *st, ngx_http_meta_seen_target_t *target);
static void ngx_http_meta_summary_refuses(ngx_pool_t *pool,
    ngx_http_meta_status_t *st, ngx_http_meta_seen_target_t *target);
static void ngx_http_meta_summary_worth(ngx_pool_t *pool,
    ngx_http_meta_status_t *st, ngx_http_meta_seen_target_t *target);
static void ngx_http_meta_summary_spool(ngx_pool_t *pool,
    ngx_http_meta_status_t *st, ngx_uint_t away);
static void ngx_http_meta_summary_lists(ngx_pool_t *pool,
    ngx_http_meta_status_t *st);
static void ngx_http_meta_summary_sort(ngx_http_meta_status_t *st);
static void ngx_http_meta_note(ngx_pool_t *pool, ngx_http_meta_status_t *st,
    ngx_http_meta_level_t level, const char *fmt, ...);
static ngx_str_t *ngx_http_meta_grouped(ngx_http_meta_grouped_t *g,
    uint64_t n);


void
ngx_http_meta_status_summary(ngx_pool_t *pool, ngx_http_meta_status_t *st)
{
    ngx_uint_t  i, away, targets;

    away = 0;
    targets = 0;

    for (i = 0; i < NGX_HTTP_META_TARGETS; i++) {
        targets += (st->targets[i].workers != 0);
        away += (st->targets[i].workers && st->targets[i].ready == 0);
    }

    ngx_http_meta_summary_deliveries(pool, st);
    ngx_http_meta_summary_redis(pool, st);
    ngx_http_meta_summary_spool(pool, st, away);
    ngx_http_meta_summary_lists(pool, st);

    ngx_http_meta_summary_sort(st);

    if (st->level > NGX_HTTP_META_NOTE) {
        return;
    }

    /* notes are worth a line below this one */

    if (st->nnotes == NGX_HTTP_META_NOTES) {
        st->nnotes--;
    }

    ngx_memmove(&st->notes[1], &st->notes[0],
                st->nnotes++ * sizeof(ngx_http_meta_note_t));

    st->level = NGX_HTTP_META_WELL;
    st->notes[0].level = NGX_HTTP_META_WELL;

    if (targets == 0) {
        ngx_str_set(&st->notes[0].text, "No webhook is configured here");

    } else if (st->received == 0) {
        ngx_str_set(&st->notes[0].text,
                    "All is well, and nothing has come yet");

    } else {
        ngx_str_set(&st->notes[0].text, "All is well");
    }
}


static void
ngx_http_meta_summary_deliveries(ngx_pool_t *pool, ngx_http_meta_status_t *st)
{
    ngx_tm_t               tm;
    ngx_http_meta_slot_t  *total;

    /* in the order of ngx_http_meta_cause_t */
    static char  *causes[] = {
        "nginx could not read or store them",
        "no app secret is in force",
        "meta_queue gave their list no valid name",
        "Redis did not take them, and the spool is full or its disk fails",
        "Redis did not take them, and no spool did"
    };

    total = &st->total;

    if (total->last_503
        && st->now - ngx_min(total->last_503, st->now) < NGX_HTTP_META_RECENT)
    {
        ngx_gmtime((time_t) (total->last_503 / 1000), &tm);

        ngx_http_meta_note(pool, st, NGX_HTTP_META_BAD,
                           "Deliveries were answered 503, the last at "
                           "%02d:%02d:%02d UTC: %s; Meta sends them again",
                           tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec,
                           causes[total->last_cause]);
    }

    if (ngx_http_meta_within(st, total->last_forged)
        && !ngx_http_meta_within(st, total->last_signed))
    {
        ngx_http_meta_note(pool, st, NGX_HTTP_META_BAD,
                           "Every delivery of the last minute has a bad "
                           "signature: was the app secret reset?");
    }
}


/* in the last minute */

static ngx_uint_t
ngx_http_meta_within(ngx_http_meta_status_t *st, uint64_t at)
{
    return at && st->now - ngx_min(at, st->now) < NGX_HTTP_META_MINUTE;
}


/* how bad it is that Redis takes nothing: a spool with room bridges it */

static ngx_http_meta_level_t
ngx_http_meta_bridged(ngx_http_meta_status_t *st)
{
    return (st->spool && !ngx_http_meta_half_full(st)) ? NGX_HTTP_META_WARN
                                                       : NGX_HTTP_META_BAD;
}


static ngx_uint_t
ngx_http_meta_half_full(ngx_http_meta_status_t *st)
{
    return st->spool_bytes + st->aside_bytes > st->spool_max / 2;
}


static void
ngx_http_meta_summary_redis(ngx_pool_t *pool, ngx_http_meta_status_t *st)
{
    ngx_uint_t                    i;
    ngx_http_meta_seen_target_t  *target;

    for (i = 0; i < NGX_HTTP_META_TARGETS; i++) {
        target = &st->targets[i];

        if (target->workers == 0) {
            continue;
        }

        if (target->ready < target->workers) {
            ngx_http_meta_summary_away(pool, st, target);
        }

        if (target->ready && target->refuses.len) {
            ngx_http_meta_summary_refuses(pool, st, target);
        }

        if (target->ready) {
            ngx_http_meta_summary_worth(pool, st, target);
        }
    }
}


static void
ngx_http_meta_summary_away(ngx_pool_t *pool, ngx_http_meta_status_t *st,
    ngx_http_meta_seen_target_t *target)
{
    ngx_http_meta_grouped_t  events;

    if (target->ready) {
        ngx_http_meta_note(pool, st, NGX_HTTP_META_WARN,
                           "%ui of %ui workers have no connection to Redis "
                           "(%V)", target->workers - target->ready,
                           target->workers, &target->name);

    } else if (st->spooled) {
        ngx_http_meta_note(pool, st, ngx_http_meta_bridged(st),
                           "Redis is away: %V event%s on disk",
                           ngx_http_meta_grouped(&events, st->spooled),
                           st->spooled == 1 ? " is" : "s are");

    } else {
        ngx_http_meta_note(pool, st, ngx_http_meta_bridged(st),
                           "Redis is away (%V)", &target->name);
    }
}


static void
ngx_http_meta_summary_refuses(ngx_pool_t *pool, ngx_http_meta_status_t *st,
    ngx_http_meta_seen_target_t *target)
{
    ngx_http_meta_grouped_t  events;

    if (st->spooled) {
        ngx_http_meta_note(pool, st, ngx_http_meta_bridged(st),
                           "Redis refuses events (%V): %V event%s on disk",
                           &target->refuses,
                           ngx_http_meta_grouped(&events, st->spooled),
                           st->spooled == 1 ? " is" : "s are");

    } else {
        ngx_http_meta_note(pool, st, ngx_http_meta_bridged(st),
                           "Redis refuses events (%V)", &target->refuses);
    }
}


static void
ngx_http_meta_summary_worth(ngx_pool_t *pool, ngx_http_meta_status_t *st,
    ngx_http_meta_seen_target_t *target)
{
    if (target->evicts == NGX_HTTP_META_YES) {
        ngx_http_meta_note(pool, st, NGX_HTTP_META_WARN,
                           "Redis may evict the queue when its memory is full "
                           "(set maxmemory-policy noeviction)");
    }

    switch (target->worth) {

    case NGX_HTTP_META_WORTH_NONE:
        ngx_http_meta_note(pool, st, NGX_HTTP_META_WARN,
                           target->aof == NGX_HTTP_META_NO
                           ? "Redis loses what it has at a restart "
                             "(appendonly no)"
                           : "Redis loses its latest events when its machine "
                             "crashes (appendfsync no)");
        break;

    case NGX_HTTP_META_WORTH_EVERYSEC:
        ngx_http_meta_note(pool, st, NGX_HTTP_META_NOTE,
                           "Redis loses about a second of events when its "
                           "machine crashes (appendfsync everysec)");
        break;

    case NGX_HTTP_META_WORTH_UNKNOWN:
        ngx_http_meta_note(pool, st, NGX_HTTP_META_NOTE,
                           "Redis does not tell how it keeps its data "
                           "(allow INFO and CONFIG GET)");
        break;

    default:    /* NGX_HTTP_META_WORTH_ALWAYS */
        break;
    }
}


static void
ngx_http_meta_summary_spool(ngx_pool_t *pool, ngx_http_meta_status_t *st,
    ngx_uint_t away)
{
    ngx_http_meta_grouped_t  n;

    if (st->spooled && !away) {
        ngx_http_meta_note(pool, st, NGX_HTTP_META_NOTE,
                           "%V event%s on the way from disk to Redis",
                           ngx_http_meta_grouped(&n, st->spooled),
                           st->spooled == 1 ? " is" : "s are");
    }

    if (st->spool && ngx_http_meta_half_full(st)) {
        ngx_http_meta_note(pool, st,
                           away ? NGX_HTTP_META_BAD : NGX_HTTP_META_WARN,
                           "More than half of the spool's max is taken: %V "
                           "bytes",
                           ngx_http_meta_grouped(&n, st->spool_bytes
                                                     + st->aside_bytes));
    }

    /* what is there now, and not what was since nginx's start */

    if (st->aside_bytes) {
        ngx_http_meta_note(pool, st, NGX_HTTP_META_WARN,
                           "%V bytes of events are set aside on disk: Redis "
                           "refused them, or the configuration no longer has "
                           "their list",
                           ngx_http_meta_grouped(&n, st->aside_bytes));
    }

    if (st->total.damaged) {
        ngx_http_meta_note(pool, st, NGX_HTTP_META_WARN,
                           "The spool was damaged in %V place%s: look at its "
                           "disk", ngx_http_meta_grouped(&n,
                                                        st->total.damaged),
                           st->total.damaged == 1 ? "" : "s");
    }
}


/* a list that never had a holder may be read by somebody's own program */

static void
ngx_http_meta_summary_lists(ngx_pool_t *pool, ngx_http_meta_status_t *st)
{
    ngx_str_t                name;
    ngx_uint_t               i;
    ngx_http_meta_named_list_t    *list;
    ngx_http_meta_grouped_t  n;

    list = st->lists.elts;

    for (i = 0; i < st->lists.nelts; i++) {

        name.data = list[i].name;
        name.len = list[i].len;

        if (ngx_http_meta_list_is_full(&list[i])) {
            ngx_http_meta_note(pool, st, ngx_http_meta_bridged(st),
                               "%V is full", &name);
        }

        if (list[i].holder != NGX_HTTP_META_NO || list[i].length <= 0
            || (list[i].held == 0 && list[i].length < NGX_HTTP_META_MANY))
        {
            continue;
        }

        ngx_http_meta_note(pool, st, NGX_HTTP_META_WARN,
                           "No consumer holds %V: %V event%s",
                           &name, ngx_http_meta_grouped(&n, list[i].length),
                           list[i].length == 1 ? " waits" : "s wait");
    }
}


/* stable: what was noted first of a level stays first */

static void
ngx_http_meta_summary_sort(ngx_http_meta_status_t *st)
{
    ngx_uint_t            i, j;
    ngx_http_meta_note_t  note;

    for (i = 1; i < st->nnotes; i++) {
        note = st->notes[i];

        for (j = i; j && st->notes[j - 1].level < note.level; j--) {
            st->notes[j] = st->notes[j - 1];
        }

        st->notes[j] = note;
    }

    st->level = st->nnotes ? st->notes[0].level : NGX_HTTP_META_WELL;
}


static void
ngx_http_meta_note(ngx_pool_t *pool, ngx_http_meta_status_t *st,
    ngx_http_meta_level_t level, const char *fmt, ...)
{
    u_char                *p;
    va_list                args;
    ngx_http_meta_note_t  *note;

    if (st->nnotes == NGX_HTTP_META_NOTES) {
        return;
    }

    p = ngx_pnalloc(pool, 512);
    if (p == NULL) {
        return;
    }

    note = &st->notes[st->nnotes++];

    note->level = level;
    note->text.data = p;

    va_start(args, fmt);
    note->text.len = ngx_vslprintf(p, p + 512, fmt, args) - p;
    va_end(args);
}


/* 1204 as 1,204 */

static ngx_str_t *
ngx_http_meta_grouped(ngx_http_meta_grouped_t *g, uint64_t n)
{
    u_char      *p;
    ngx_uint_t   digits;

    p = g->buf + sizeof(g->buf);
    digits = 0;

    do {
        if (digits && digits % 3 == 0) {
            *--p = ',';
        }

        *--p = (u_char) ('0' + n % 10);
        digits++;
        n /= 10;

    } while (n);

    g->text.data = p;
    g->text.len = g->buf + sizeof(g->buf) - p;

    return &g->text;
}
