
/*
 * What a request adds to the counters of its worker: once, when its answer is
 * decided, or when it is logged if it never got one.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_module.h"


static ngx_http_meta_cause_t ngx_http_meta_cause(ngx_http_meta_slot_t *slot,
    ngx_http_meta_verdict_t verdict);


/* accounts of one delivery whose time is noted */
#define NGX_HTTP_META_SEEN  64


/* in the order of the counters; the last for all that is not listed */

ngx_str_t  ngx_http_meta_objects[NGX_HTTP_META_OBJECTS] = {
    ngx_string("none"),
    ngx_string("ad_account"),
    ngx_string("application"),
    ngx_string("catalog"),
    ngx_string("instagram"),
    ngx_string("managed_meta_account"),
    ngx_string("page"),
    ngx_string("permissions"),
    ngx_string("user"),
    ngx_string("whatsapp_business_account"),
    ngx_string("other")
};


/* likewise: whose entries are people, whom no table and no label names */

static ngx_uint_t  ngx_http_meta_people[NGX_HTTP_META_OBJECTS] = {
    0, 0, 0, 0, 0, 1 /* managed_meta_account */, 0, 1 /* permissions */,
    1 /* user */, 0, 0
};


/* upper ends, ms */

ngx_uint_t  ngx_http_meta_buckets[NGX_HTTP_META_BUCKETS - 1] = {
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000
};


/* a signed delivery has been split: what it is about, and whom */

void
ngx_http_meta_seen(ngx_http_meta_ctx_t *ctx, meta_split_t *split,
    meta_event_t *events)
{
    size_t       n;
    ngx_str_t    id, *object;
    meta_str_t  *last, *entry;
    ngx_uint_t   i, seen;

    ctx->kind = NGX_HTTP_META_OBJECTS - 1;

    for (i = 1; i < NGX_HTTP_META_OBJECTS - 1; i++) {
        object = &ngx_http_meta_objects[i];

        if (object->len == ctx->object.len
            && ngx_memcmp(object->data, ctx->object.data, object->len) == 0)
        {
            ctx->kind = i;
            break;
        }
    }

    if (ngx_http_meta_people[ctx->kind]) {
        return;
    }

    last = NULL;
    seen = 0;

    for (n = 0; n < split->nevents && seen < NGX_HTTP_META_SEEN; n++) {
        entry = &events[n].entry_id;

        if (entry->len == 0 || (last && last->data == entry->data)) {
            continue;
        }

        last = entry;
        seen++;

        id.data = (u_char *) entry->data;
        id.len = entry->len;

        if (*id.data == '"') {
            id.data++;
            id.len -= 2;
        }

        ngx_http_meta_stat_account(ctx->kind, &id);
    }
}


/* what the spool did not take was answered in the turn that it said so */

static ngx_http_meta_cause_t
ngx_http_meta_cause(ngx_http_meta_slot_t *slot,
    ngx_http_meta_verdict_t verdict)
{
    static uint64_t    refused;
    static ngx_msec_t  at;

    if (refused != slot->refused) {
        refused = slot->refused;
        at = ngx_current_msec;
    }

    switch (verdict) {

    case NGX_HTTP_META_NO_SECRET:
        return NGX_HTTP_META_CAUSE_SECRET;

    case NGX_HTTP_META_BAD_QUEUE:
        return NGX_HTTP_META_CAUSE_QUEUE;

    case NGX_HTTP_META_UNAVAILABLE:
        return (refused && at == ngx_current_msec)
               ? NGX_HTTP_META_CAUSE_SPOOL : NGX_HTTP_META_CAUSE_REDIS;

    default:
        return NGX_HTTP_META_CAUSE_OTHER;
    }
}


void
ngx_http_meta_count(ngx_http_meta_ctx_t *ctx, ngx_http_meta_verdict_t verdict,
    ngx_uint_t status)
{
    ngx_uint_t             i;
    ngx_msec_t             ms;
    ngx_http_meta_slot_t  *slot;

    slot = ngx_http_meta_slot;

    if (ctx->counted || slot == NULL) {
        return;
    }

    ctx->counted = 1;

    slot->verdicts[ctx->kind][verdict]++;
    slot->bytes += ctx->bytes;

    /* the object is known where the signature was good */

    if (verdict == NGX_HTTP_META_BAD_SIGNATURE) {
        slot->last_forged = ngx_http_meta_stat_now();

    } else if (ctx->kind || verdict == NGX_HTTP_META_MALFORMED) {
        slot->last_signed = ngx_http_meta_stat_now();
    }

    if (verdict != NGX_HTTP_META_OK) {

        if (ctx->request->method == NGX_HTTP_POST) {
            slot->acks[NGX_HTTP_META_BY_NONE]++;
        }

        if (status == NGX_HTTP_SERVICE_UNAVAILABLE) {
            slot->last_503 = ngx_http_meta_stat_now();
            slot->last_cause = ngx_http_meta_cause(slot, verdict);
        }

        return;
    }

    slot->events[ctx->kind] += ctx->nevents;
    slot->acks[ctx->spooled ? NGX_HTTP_META_BY_SPOOL
               : ctx->queued ? NGX_HTTP_META_BY_REDIS
               : NGX_HTTP_META_BY_VERIFIED]++;

    ms = ngx_current_msec - ctx->received;

    for (i = 0; i < NGX_HTTP_META_BUCKETS - 1; i++) {
        if (ms <= ngx_http_meta_buckets[i]) {
            break;
        }
    }

    slot->latency[i]++;
    slot->latency_sum += ms;
}


/*
 * In the log phase, before all others: the query string is masked also where
 * nginx refused the request before, and no request goes uncounted.
 */

ngx_int_t
ngx_http_meta_log_handler(ngx_http_request_t *r)
{
    ngx_http_meta_ctx_t       *ctx;
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_module);

    if (ngx_http_meta_mask_handler(r) != NGX_DECLINED || !mlcf->webhook) {
        return NGX_OK;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_meta_module);

    ngx_http_meta_count(ctx, ngx_http_meta_verdict(r, ctx),
                        r->headers_out.status);

    return NGX_OK;
}
