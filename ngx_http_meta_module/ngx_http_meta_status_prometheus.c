
/*
 * The status in the text format of Prometheus (version 0.0.4).
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_status.h"


static void ngx_http_meta_prom_plain(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st);
static void ngx_http_meta_prom_deliveries(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st);
static void ngx_http_meta_prom_latency(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st);
static void ngx_http_meta_prom_redis(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st);
static void ngx_http_meta_prom_worth(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st);
static void ngx_http_meta_prom_lists(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st);
static void ngx_http_meta_prom_list(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st, char *name, ngx_http_meta_named_list_t *list,
    int64_t value);
static void ngx_http_meta_prom_accounts(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st);
static void ngx_http_meta_prom_family(ngx_http_meta_out_t *out, char *name,
    char *type, char *help);
static void ngx_http_meta_prom_one(ngx_http_meta_out_t *out, char *name,
    char *type, char *help, uint64_t value);


void
ngx_http_meta_status_prometheus(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st)
{
    ngx_http_meta_prom_plain(out, st);
    ngx_http_meta_prom_deliveries(out, st);
    ngx_http_meta_prom_latency(out, st);
    ngx_http_meta_prom_redis(out, st);
    ngx_http_meta_prom_worth(out, st);
    ngx_http_meta_prom_lists(out, st);
    ngx_http_meta_prom_accounts(out, st);
}


static void
ngx_http_meta_prom_plain(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st)
{
    uint64_t               age;
    ngx_uint_t             i;
    ngx_http_meta_slot_t  *total;

    total = &st->total;
    age = (st->oldest && st->now > st->oldest) ? st->now - st->oldest : 0;

    struct {
        char      *name;
        char      *type;
        char      *help;
        uint64_t   value;
    } plain[] = {
        { "meta_start_time_seconds", "gauge",
          "When the counters began, with nginx.", st->start / 1000 },
        { "meta_workers", "gauge", "Living workers of nginx.", st->alive },
        { "meta_body_bytes_total", "counter",
          "Bytes of bodies received whole.", total->bytes },
        { "meta_unavailable_total", "counter",
          "Deliveries answered 503.", st->unavailable },
        { "meta_redis_events_total", "counter",
          "Events that Redis has acknowledged.", total->by_redis },
        { "meta_spool_events_total", "counter",
          "Events that were safe on disk first.", total->by_spool },
        { "meta_spool_adopted_events_total", "counter",
          "Events found on disk that no count covered.", total->adopted },
        { "meta_spool_drained_events_total", "counter",
          "Events that went from disk to Redis.", total->drained },
        { "meta_spool_set_aside_events_total", "counter",
          "Events set aside for a person to judge.", total->set_aside },
        { "meta_spool_events", "gauge", "Events on disk now.", st->spooled },
        { "meta_spool_bytes", "gauge", "Bytes of the spool now.",
          st->spool_bytes },
        { "meta_spool_max_bytes", "gauge",
          "What the spool may take; 0 without one.", st->spool_max },
        { "meta_spool_set_aside_bytes", "gauge",
          "Bytes set aside, which wait for a person.", st->aside_bytes },
        { "meta_spool_files", "gauge", "Files of the spool now.",
          st->nfiles },
        { "meta_spool_oldest_seconds", "gauge",
          "Age of the oldest event on disk.", age / 1000 },
        { "meta_spool_refused_total", "counter",
          "Deliveries that the spool could not take.", total->refused },
        { "meta_spool_torn_total", "counter",
          "Files whose torn end was cut off.", total->torn },
        { "meta_spool_damaged_total", "counter",
          "Damaged places found in files.", total->damaged },
        { "meta_push_unanswered_events", "gauge",
          "Events for which Redis owes a reply.", total->unanswered },
        { "meta_push_unknown_events_total", "counter",
          "Events pushed whose reply never came.", total->unknown }
    };

    for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        ngx_http_meta_prom_one(out, plain[i].name, plain[i].type,
                               plain[i].help, plain[i].value);
    }
}


static void
ngx_http_meta_prom_deliveries(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st)
{
    ngx_uint_t   i, v;

    static char  *ways[] = { "none", "redis", "spool", "verified" };

    ngx_http_meta_prom_family(out, "meta_deliveries_total", "counter",
                              "Requests of webhooks by object and verdict.");

    for (i = 0; i < NGX_HTTP_META_OBJECTS; i++) {
        for (v = 0; v < NGX_HTTP_META_NVERDICTS; v++) {

            /* a series that begins with its first event has no rate then */

            if (st->total.verdicts[i][v] == 0
                && (i == 0 || v != NGX_HTTP_META_OK))
            {
                continue;
            }

            ngx_http_meta_out(out, "meta_deliveries_total{object=\"%V\","
                              "verdict=\"%V\"} %uL\n",
                              &ngx_http_meta_objects[i],
                              ngx_http_meta_verdict_name(v),
                              st->total.verdicts[i][v]);
        }
    }

    ngx_http_meta_prom_family(out, "meta_events_total", "counter",
                              "Events of acknowledged deliveries.");

    for (i = 0; i < NGX_HTTP_META_OBJECTS; i++) {
        ngx_http_meta_out(out, "meta_events_total{object=\"%V\"} %uL\n",
                          &ngx_http_meta_objects[i], st->total.events[i]);
    }

    ngx_http_meta_prom_family(out, "meta_acks_total", "counter",
                              "Deliveries by what made them safe.");

    for (i = 0; i < NGX_HTTP_META_WAYS; i++) {
        ngx_http_meta_out(out, "meta_acks_total{by=\"%s\"} %uL\n", ways[i],
                          st->total.acks[i]);
    }
}


static void
ngx_http_meta_prom_latency(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st)
{
    uint64_t    sum;
    ngx_uint_t  i, ms;

    ngx_http_meta_prom_family(out, "meta_ack_latency_seconds", "histogram",
                              "From a delivery's last byte to its 200.");

    sum = 0;

    for (i = 0; i < NGX_HTTP_META_BUCKETS - 1; i++) {
        ms = ngx_http_meta_buckets[i];
        sum += st->total.latency[i];

        ngx_http_meta_out(out, "meta_ack_latency_seconds_bucket"
                          "{le=\"%ui.%03ui\"} %uL\n", ms / 1000, ms % 1000,
                          sum);
    }

    ngx_http_meta_out(out, "meta_ack_latency_seconds_bucket{le=\"+Inf\"} %uL\n"
                      "meta_ack_latency_seconds_sum %uL.%03uL\n"
                      "meta_ack_latency_seconds_count %uL\n",
                      st->acked, st->total.latency_sum / 1000,
                      st->total.latency_sum % 1000, st->acked);
}


static void
ngx_http_meta_prom_redis(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st)
{
    ngx_uint_t                    i, f;
    ngx_http_meta_seen_target_t  *target;

    static struct {
        char    *name;
        char    *type;
        char    *help;
    } family[] = {
        { "meta_redis_workers", "gauge",
          "Workers that push to this Redis." },
        { "meta_redis_connected_workers", "gauge",
          "Workers whose connection to it is ready." },
        { "meta_redis_reconnects_total", "counter",
          "Connections made again." },
        { "meta_redis_failures_total", "counter",
          "Connections lost and attempts that failed." },
        { "meta_redis_evicts", "gauge",
          "1 if Redis may evict the queue, -1 if it does not tell." },
        { "meta_redis_refuses", "gauge",
          "1 if this Redis refused the last push." }
    };

    for (f = 0; f < sizeof(family) / sizeof(family[0]); f++) {

        ngx_http_meta_prom_family(out, family[f].name, family[f].type,
                                  family[f].help);

        for (i = 0; i < NGX_HTTP_META_TARGETS; i++) {
            target = &st->targets[i];

            if (target->workers == 0) {
                continue;
            }

            int64_t  values[] = {
                target->workers, target->ready, target->reconnects,
                target->failures,
                target->evicts == NGX_HTTP_META_UNKNOWN ? -1
                : target->evicts == NGX_HTTP_META_YES,
                target->refuses.len != 0
            };

            ngx_http_meta_out(out, "%s{redis=", family[f].name);
            ngx_http_meta_out_quoted(out, target->name.data,
                                     target->name.len);
            ngx_http_meta_out(out, "} %L\n", values[f]);
        }
    }
}


static void
ngx_http_meta_prom_worth(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st)
{
    ngx_uint_t                    i, w;
    ngx_http_meta_seen_target_t  *target;

    ngx_http_meta_prom_family(out, "meta_redis_ack_worth", "gauge",
                              "1 at what an ack of this Redis is worth.");

    for (i = 0; i < NGX_HTTP_META_TARGETS; i++) {
        target = &st->targets[i];

        for (w = 0; target->workers && w <= NGX_HTTP_META_WORTH_ALWAYS; w++) {
            ngx_http_meta_out(out, "meta_redis_ack_worth{redis=");
            ngx_http_meta_out_quoted(out, target->name.data,
                                     target->name.len);
            ngx_http_meta_out(out, ",worth=\"%s\"} %d\n",
                              ngx_http_meta_worths[w], w == target->worth);
        }
    }
}


static void
ngx_http_meta_prom_lists(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st)
{
    ngx_uint_t             i;
    ngx_http_meta_named_list_t  *list;

    list = st->lists.elts;

    ngx_http_meta_prom_family(out, "meta_list_length", "gauge",
                              "Events in the list, when last heard of.");

    for (i = 0; i < st->lists.nelts; i++) {
        ngx_http_meta_prom_list(out, st, "meta_list_length", &list[i],
                                list[i].length);
    }

    ngx_http_meta_prom_family(out, "meta_list_held", "gauge",
                              "1 if a consumer holds the list, 0 if none "
                              "does, -1 if Redis does not tell.");

    for (i = 0; i < st->lists.nelts; i++) {
        ngx_http_meta_prom_list(out, st, "meta_list_held", &list[i],
                                (int64_t) list[i].holder - 1);
    }
}


static void
ngx_http_meta_prom_list(ngx_http_meta_out_t *out, ngx_http_meta_status_t *st,
    char *name, ngx_http_meta_named_list_t *list, int64_t value)
{
    ngx_str_t  *redis;

    redis = &st->targets[list->target].name;

    ngx_http_meta_out(out, "%s{list=", name);
    ngx_http_meta_out_quoted(out, list->name, list->len);
    ngx_http_meta_out(out, ",redis=");
    ngx_http_meta_out_quoted(out, redis->data, redis->len);
    ngx_http_meta_out(out, "} %L\n", value);
}


static void
ngx_http_meta_prom_accounts(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st)
{
    ngx_uint_t                i;
    ngx_http_meta_account_t  *account;

    account = st->accounts.elts;

    ngx_http_meta_prom_family(out, "meta_last_webhook_timestamp_seconds",
                              "gauge",
                              "When the last webhook came for an account.");

    for (i = 0; i < st->accounts.nelts; i++) {
        ngx_http_meta_out(out, "meta_last_webhook_timestamp_seconds"
                          "{object=\"%V\",account=",
                          &ngx_http_meta_objects[account[i].object]);
        ngx_http_meta_out_quoted(out, account[i].name, account[i].len);
        ngx_http_meta_out(out, "} %uL.%03uL\n", account[i].at / 1000,
                          account[i].at % 1000);
    }
}


static void
ngx_http_meta_prom_family(ngx_http_meta_out_t *out, char *name, char *type,
    char *help)
{
    ngx_http_meta_out(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
                      type);
}


static void
ngx_http_meta_prom_one(ngx_http_meta_out_t *out, char *name, char *type,
    char *help, uint64_t value)
{
    ngx_http_meta_prom_family(out, name, type, help);
    ngx_http_meta_out(out, "%s %uL\n", name, value);
}
