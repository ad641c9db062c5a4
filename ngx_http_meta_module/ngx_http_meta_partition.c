
/*
 * Which of a queue's lists an event goes to: by its account, so that what
 * concerns one account stays in line.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_module.h"


static ngx_uint_t ngx_http_meta_part(ngx_uint_t partitions,
    meta_event_t *event);


/* the lists that get an event, and the events list by list, in their order */

ngx_int_t
ngx_http_meta_spread(ngx_http_meta_spread_t *spread, ngx_pool_t *pool,
    ngx_uint_t partitions, meta_record_ctx_t *rc, meta_event_t *events)
{
    u_char      *part;
    ngx_uint_t   i, n, at, count, next[NGX_HTTP_META_MAX_PARTS];

    n = rc->split->nevents;

    spread->order = ngx_palloc(pool, n * (sizeof(uint16_t) + 1));
    if (spread->order == NULL) {
        return NGX_ERROR;
    }

    part = (u_char *) (spread->order + n);

    ngx_memzero(next, partitions * sizeof(ngx_uint_t));

    for (i = 0; i < n; i++) {
        part[i] = (u_char) ngx_http_meta_part(partitions, &events[i]);
        next[part[i]]++;
    }

    at = 0;
    spread->nlists = 0;

    for (i = 0; i < partitions; i++) {
        count = next[i];
        next[i] = at;
        at += count;

        if (count) {
            spread->parts[spread->nlists] = (u_char) i;
            spread->counts[spread->nlists++] = count;
        }
    }

    for (i = 0; i < n; i++) {
        spread->order[next[part[i]]++] = (uint16_t) i;
    }

    return NGX_OK;
}


/* an event without account, and so with an empty key, is in partition 0 */

static ngx_uint_t
ngx_http_meta_part(ngx_uint_t partitions, meta_event_t *event)
{
    size_t  len;
    u_char  account[META_RECORD_KEY_MAX];

    len = meta_record_account(account, event);

    return len ? ngx_crc32_short(account, len) % partitions : 0;
}


/* buf has room for NGX_HTTP_META_MAX_LIST bytes */

void
ngx_http_meta_part_name(u_char *buf, ngx_str_t *name, ngx_str_t *list,
    ngx_uint_t part)
{
    name->data = buf;
    name->len = ngx_sprintf(buf, "%V:%ui", list, part) - buf;
}
