
/*
 * The status as JSON, in the shape of docs/status.md.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_status.h"


static void ngx_http_meta_json_summary(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st);
static void ngx_http_meta_json_events(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st);
static void ngx_http_meta_json_deliveries(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st);
static void ngx_http_meta_json_latency(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st);
static void ngx_http_meta_json_workers(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st);
static void ngx_http_meta_json_redis(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st);
static void ngx_http_meta_json_lists(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st);
static void ngx_http_meta_json_accounts(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st);
static void ngx_http_meta_json_str(ngx_http_meta_out_t *out, ngx_str_t *s);


static char  *ngx_http_meta_levels[] = { "well", "note", "warn", "bad" };

static char  *ngx_http_meta_states[] = {
    "down", "resolving", "connecting", "handshake", "ready"
};

/* in the order of ngx_http_meta_worth_t */
char  *ngx_http_meta_worths[] = { "unknown", "none", "everysec", "always" };

/* in the order of ngx_http_meta_answered_t */
static char  *ngx_http_meta_answered[] = { "unknown", "no", "yes" };
static char  *ngx_http_meta_booleans[] = { "null", "false", "true" };


void
ngx_http_meta_status_json(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st)
{
    ngx_http_meta_out(out, "{\"v\":1,\"now\":%uL,\"start\":%uL", st->now,
                      st->start);

    ngx_http_meta_json_summary(out, st);
    ngx_http_meta_json_events(out, st);
    ngx_http_meta_json_deliveries(out, st);
    ngx_http_meta_json_latency(out, st);
    ngx_http_meta_json_workers(out, st);
    ngx_http_meta_json_redis(out, st);
    ngx_http_meta_json_lists(out, st);
    ngx_http_meta_json_accounts(out, st);

    ngx_http_meta_out(out, "}\n");
}


static void
ngx_http_meta_json_summary(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st)
{
    ngx_uint_t  i;

    ngx_http_meta_out(out, ",\n\"summary\":{\"level\":\"%s\",\"text\":",
                      ngx_http_meta_levels[st->level]);
    ngx_http_meta_json_str(out, &st->notes[0].text);

    ngx_http_meta_out(out, ",\"more\":[");

    for (i = 1; i < st->nnotes; i++) {
        ngx_http_meta_out(out, "%s{\"level\":\"%s\",\"text\":",
                          i > 1 ? "," : "",
                          ngx_http_meta_levels[st->notes[i].level]);
        ngx_http_meta_json_str(out, &st->notes[i].text);
        ngx_http_meta_out(out, "}");
    }

    ngx_http_meta_out(out, "]}");
}


static void
ngx_http_meta_json_events(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st)
{
    uint64_t               age;
    ngx_http_meta_slot_t  *total;

    total = &st->total;

    ngx_http_meta_out(out, ",\n\"events\":{\"by_redis\":%uL,\"by_spool\":%uL,"
                      "\"adopted\":%uL,\"drained\":%uL,\"set_aside\":%uL,"
                      "\"spooled\":%uL,\"unanswered\":%uL,\"unknown\":%uL}",
                      total->by_redis, total->by_spool, total->adopted,
                      total->drained, total->set_aside, st->spooled,
                      total->unanswered, total->unknown);

    ngx_http_meta_out(out, ",\n\"spool\":{\"on\":%s,\"max\":%uL,"
                      "\"bytes\":%uL,"
                      "\"files\":%uL,\"aside_bytes\":%uL,\"refused\":%uL,"
                      "\"torn\":%uL,\"damaged\":%uL,\"age_ms\":",
                      st->spool ? "true" : "false", st->spool_max,
                      st->spool_bytes,
                      st->nfiles, st->aside_bytes, total->refused,
                      total->torn, total->damaged);

    if (st->oldest) {
        age = st->now > st->oldest ? st->now - st->oldest : 0;
        ngx_http_meta_out(out, "%uL}", age);

    } else {
        ngx_http_meta_out(out, "null}");
    }
}


static void
ngx_http_meta_json_deliveries(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st)
{
    char                  *comma;
    uint64_t               n;
    ngx_uint_t             i, v;
    ngx_http_meta_slot_t  *total;

    total = &st->total;

    ngx_http_meta_out(out, ",\n\"deliveries\":{\"total\":%uL,\"bytes\":%uL,"
                      "\"unavailable\":%uL,\"acks\":{\"redis\":%uL,"
                      "\"spool\":%uL,\"verified\":%uL,\"none\":%uL}}",
                      st->received, total->bytes, st->unavailable,
                      total->acks[NGX_HTTP_META_BY_REDIS],
                      total->acks[NGX_HTTP_META_BY_SPOOL],
                      total->acks[NGX_HTTP_META_BY_VERIFIED],
                      total->acks[NGX_HTTP_META_BY_NONE]);

    ngx_http_meta_out(out, ",\n\"verdicts\":[");
    comma = "";

    for (i = 0; i < NGX_HTTP_META_OBJECTS; i++) {
        for (v = 0; v < NGX_HTTP_META_NVERDICTS; v++) {
            if (total->verdicts[i][v] == 0) {
                continue;
            }

            ngx_http_meta_out(out, "%s{\"object\":\"%V\",\"verdict\":\"%V\","
                              "\"count\":%uL}", comma,
                              &ngx_http_meta_objects[i],
                              ngx_http_meta_verdict_name(v),
                              total->verdicts[i][v]);
            comma = ",";
        }
    }

    ngx_http_meta_out(out, "],\n\"objects\":[");

    for (i = 0; i < NGX_HTTP_META_OBJECTS; i++) {
        n = 0;

        for (v = 0; v < NGX_HTTP_META_NVERDICTS; v++) {
            n += total->verdicts[i][v];
        }

        ngx_http_meta_out(out, "%s{\"object\":\"%V\",\"deliveries\":%uL,"
                          "\"events\":%uL}", i ? "," : "",
                          &ngx_http_meta_objects[i], n, total->events[i]);
    }

    ngx_http_meta_out(out, "]");
}


static void
ngx_http_meta_json_latency(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st)
{
    ngx_uint_t  i;

    ngx_http_meta_out(out, ",\n\"latency\":{\"le_ms\":[");

    for (i = 0; i < NGX_HTTP_META_BUCKETS - 1; i++) {
        ngx_http_meta_out(out, "%ui,", ngx_http_meta_buckets[i]);
    }

    ngx_http_meta_out(out, "null],\"counts\":[");

    for (i = 0; i < NGX_HTTP_META_BUCKETS; i++) {
        ngx_http_meta_out(out, "%s%uL", i ? "," : "", st->total.latency[i]);
    }

    ngx_http_meta_out(out, "],\"count\":%uL,\"sum_ms\":%uL}", st->acked,
                      st->total.latency_sum);
}


static void
ngx_http_meta_json_workers(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st)
{
    ngx_uint_t               i;
    ngx_http_meta_worker_t  *worker;

    worker = st->workers.elts;

    ngx_http_meta_out(out, ",\n\"workers\":[");

    for (i = 0; i < st->workers.nelts; i++) {
        ngx_http_meta_out(out, "%s{\"slot\":%ui,\"pid\":%P,\"alive\":%s,"
                          "\"unanswered\":%uL}", i ? "," : "",
                          worker[i].slot, worker[i].pid,
                          worker[i].alive ? "true" : "false",
                          worker[i].unanswered);
    }

    ngx_http_meta_out(out, "]");
}


static void
ngx_http_meta_json_redis(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st)
{
    char                         *comma, *inner;
    ngx_uint_t                    i, n;
    ngx_http_meta_worker_t       *worker;
    ngx_http_meta_seen_target_t  *target;

    worker = st->workers.elts;
    comma = "";

    ngx_http_meta_out(out, ",\n\"redis\":[");

    for (i = 0; i < NGX_HTTP_META_TARGETS; i++) {
        target = &st->targets[i];

        if (target->workers == 0) {
            continue;
        }

        ngx_http_meta_out(out, "%s{\"redis\":", comma);
        ngx_http_meta_json_str(out, &target->name);
        ngx_http_meta_out(out, ",\"worth\":\"%s\",\"evicts\":%s,"
                          "\"workers\":%ui,\"ready\":%ui,\"reconnects\":%uL,"
                          "\"failures\":%uL,\"connected\":%s,\"refuses\":",
                          ngx_http_meta_worths[target->worth],
                          ngx_http_meta_booleans[target->evicts],
                          target->workers, target->ready, target->reconnects,
                          target->failures,
                          target->ready ? "true" : "false");

        if (target->refuses.len) {
            ngx_http_meta_json_str(out, &target->refuses);

        } else {
            ngx_http_meta_out(out, "null");
        }

        ngx_http_meta_out(out, ",\"states\":[");

        comma = ",";
        inner = "";

        for (n = 0; n < st->workers.nelts; n++) {
            if (!worker[n].alive || !worker[n].links[i].used) {
                continue;
            }

            ngx_http_meta_out(out, "%s{\"slot\":%ui,\"pid\":%P,"
                              "\"state\":\"%s\",\"worth\":\"%s\"}", inner,
                              worker[n].slot, worker[n].pid,
                              ngx_http_meta_states[worker[n].links[i].state],
                              ngx_http_meta_worths[worker[n].links[i].worth]);
            inner = ",";
        }

        ngx_http_meta_out(out, "]}");
    }

    ngx_http_meta_out(out, "]");
}


static void
ngx_http_meta_json_lists(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st)
{
    ngx_uint_t             i;
    ngx_http_meta_named_list_t  *list;

    list = st->lists.elts;

    ngx_http_meta_out(out, ",\n\"lists\":[");

    for (i = 0; i < st->lists.nelts; i++) {
        ngx_http_meta_out(out, "%s{\"list\":", i ? ",\n" : "");
        ngx_http_meta_out_quoted(out, list[i].name, list[i].len);
        ngx_http_meta_out(out, ",\"redis\":");
        ngx_http_meta_json_str(out, &st->targets[list[i].target].name);
        ngx_http_meta_out(out, ",\"length\":%L,\"age_ms\":%uL,"
                          "\"full\":%s,\"holder\":\"%s\"}", list[i].length,
                          st->now - ngx_min(list[i].at, st->now),
                          ngx_http_meta_list_is_full(&list[i]) ? "true"
                                                               : "false",
                          ngx_http_meta_answered[list[i].holder]);
    }

    ngx_http_meta_out(out, "]");
}


static void
ngx_http_meta_json_accounts(ngx_http_meta_out_t *out,
    ngx_http_meta_status_t *st)
{
    ngx_uint_t                i;
    ngx_http_meta_account_t  *account;

    account = st->accounts.elts;

    ngx_http_meta_out(out, ",\n\"accounts\":[");

    for (i = 0; i < st->accounts.nelts; i++) {
        ngx_http_meta_out(out, "%s{\"object\":\"%V\",\"account\":",
                          i ? ",\n" : "",
                          &ngx_http_meta_objects[account[i].object]);
        ngx_http_meta_out_quoted(out, account[i].name, account[i].len);
        ngx_http_meta_out(out, ",\"last\":%uL,\"age_ms\":%uL}",
                          account[i].at,
                          st->now - ngx_min(account[i].at, st->now));
    }

    ngx_http_meta_out(out, "]");
}


static void
ngx_http_meta_json_str(ngx_http_meta_out_t *out, ngx_str_t *s)
{
    ngx_http_meta_out_quoted(out, s->data, s->len);
}
