
/*
 * What has a name in shared memory: targets, lists, accounts.  Finding one
 * takes no lock; a new one is written under a lock and replaces the one of
 * its set that was silent longest.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_meta_stat.h"


static uint64_t ngx_http_meta_hash(ngx_uint_t kind, ngx_str_t *name);
static ngx_http_meta_named_list_t *ngx_http_meta_find_list(uint64_t hash,
    ngx_http_meta_named_list_t **oldest);
static ngx_http_meta_account_t *ngx_http_meta_find_account(uint64_t hash,
    ngx_http_meta_account_t **oldest);


uint64_t
ngx_http_meta_stat_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (uint64_t) tp->sec * 1000 + tp->msec;
}


/* FNV-1a; of names in one table two share all 64 bits practically never */

static uint64_t
ngx_http_meta_hash(ngx_uint_t kind, ngx_str_t *name)
{
    size_t    i;
    uint64_t  hash;

    hash = (14695981039346656037ULL ^ kind) * 1099511628211ULL;

    for (i = 0; i < name->len; i++) {
        hash = (hash ^ name->data[i]) * 1099511628211ULL;
    }

    /* its low bits choose the set */

    hash ^= hash >> 32;

    return hash ? hash : 1;
}


/* lists are shown before anything was pushed to them */

void
ngx_http_meta_stat_queue(ngx_uint_t target, ngx_str_t *name,
    ngx_uint_t partitions)
{
    u_char      buf[NGX_HTTP_META_LIST_LEN];
    ngx_str_t   list;
    ngx_uint_t  i;

    if (partitions < 2) {
        (void) ngx_http_meta_stat_list(target, name);
        return;
    }

    list.data = buf;

    for (i = 0; i < partitions; i++) {
        list.len = ngx_snprintf(buf, sizeof(buf), "%V:%ui", name, i) - buf;
        (void) ngx_http_meta_stat_list(target, &list);
    }
}


/* NULL: a list of a target that is not shown */

ngx_http_meta_named_list_t *
ngx_http_meta_stat_list(ngx_uint_t target, ngx_str_t *name)
{
    uint64_t               hash;
    ngx_http_meta_named_list_t  *list, *oldest;

    if (target >= NGX_HTTP_META_TARGETS
        || name->len > NGX_HTTP_META_LIST_LEN)
    {
        return NULL;
    }

    hash = ngx_http_meta_hash(target, name);

    list = ngx_http_meta_find_list(hash, &oldest);
    if (list) {
        return list;
    }

    ngx_http_meta_stat_lock();

    list = ngx_http_meta_find_list(hash, &oldest);

    if (list == NULL) {
        list = oldest;

        list->hash = hash;
        list->target = target;
        list->at = ngx_http_meta_stat_now();
        list->length = 0;
        list->max = 0;
        list->holder = NGX_HTTP_META_UNKNOWN;
        list->held = 0;
        list->len = name->len;
        ngx_memcpy(list->name, name->data, name->len);
    }

    ngx_http_meta_stat_unlock();

    return list;
}


/* what RPUSH was answered: the memory is shared, once a millisecond will do */

void
ngx_http_meta_stat_length(ngx_uint_t target, ngx_str_t *name, int64_t length)
{
    uint64_t               now;
    ngx_http_meta_named_list_t  *list;

    list = ngx_http_meta_stat_list(target, name);
    now = ngx_http_meta_stat_now();

    if (list && list->at != now) {
        list->length = length;
        list->at = now;
    }
}


/* a list that came over its max, or no longer is */

void
ngx_http_meta_stat_max(ngx_uint_t target, ngx_str_t *name, int64_t length,
    ngx_uint_t max)
{
    ngx_http_meta_named_list_t  *list;

    list = ngx_http_meta_stat_list(target, name);

    if (list) {
        list->max = max;
        list->length = length;
        list->at = ngx_http_meta_stat_now();
    }
}


static ngx_http_meta_named_list_t *
ngx_http_meta_find_list(uint64_t hash, ngx_http_meta_named_list_t **oldest)
{
    ngx_uint_t             i;
    ngx_http_meta_named_list_t  *list;

    list = ngx_http_meta_stat->lists;
    list += (hash % (NGX_HTTP_META_LISTS / NGX_HTTP_META_SET))
            * NGX_HTTP_META_SET;

    *oldest = list;

    for (i = 0; i < NGX_HTTP_META_SET; i++) {
        if (list[i].hash == hash) {
            return &list[i];
        }

        if (list[i].at < (*oldest)->at) {
            *oldest = &list[i];
        }
    }

    return NULL;
}


/* written once a second: the memory is shared, and the order is of seconds */

void
ngx_http_meta_stat_account(ngx_uint_t object, ngx_str_t *name)
{
    u_char                    ch;
    size_t                    i;
    uint64_t                  hash, now;
    ngx_http_meta_account_t  *account, *oldest;

    if (name->len == 0 || name->len > NGX_HTTP_META_ACCOUNT_LEN) {
        return;
    }

    now = ngx_http_meta_stat_now();
    hash = ngx_http_meta_hash(object, name);

    account = ngx_http_meta_find_account(hash, &oldest);

    if (account) {
        if (account->at + 1000 <= now) {
            account->at = now;
        }

        return;
    }

    ngx_http_meta_stat_lock();

    account = ngx_http_meta_find_account(hash, &oldest);

    if (account == NULL) {
        oldest->hash = hash;
        oldest->at = now;
        oldest->object = object;
        oldest->len = name->len;

        /* ids are ASCII; what is not must not break those who read it */

        for (i = 0; i < name->len; i++) {
            ch = name->data[i];
            oldest->name[i] = (ch < 0x20 || ch > 0x7e) ? '?' : ch;
        }
    }

    ngx_http_meta_stat_unlock();
}


static ngx_http_meta_account_t *
ngx_http_meta_find_account(uint64_t hash, ngx_http_meta_account_t **oldest)
{
    ngx_uint_t                i;
    ngx_http_meta_account_t  *account;

    account = ngx_http_meta_stat->accounts;
    account += (hash % (NGX_HTTP_META_ACCOUNTS / NGX_HTTP_META_SET))
               * NGX_HTTP_META_SET;

    *oldest = account;

    for (i = 0; i < NGX_HTTP_META_SET; i++) {
        if (account[i].hash == hash) {
            return &account[i];
        }

        if (account[i].at < (*oldest)->at) {
            *oldest = &account[i];
        }
    }

    return NULL;
}


/*
 * The place of a target, NGX_HTTP_META_TARGETS if there is none left.  One
 * that no worker uses since a reload makes room, and its lists go with it.
 */

ngx_uint_t
ngx_http_meta_stat_target(ngx_str_t *name)
{
    size_t                         len;
    ngx_uint_t                     i, n, used[NGX_HTTP_META_TARGETS];
    ngx_http_meta_slot_t          *slot;
    ngx_http_meta_named_target_t  *target;

    len = ngx_min(name->len, NGX_HTTP_META_LIST_LEN);
    target = ngx_http_meta_stat->targets;

    ngx_memzero(used, sizeof(used));

    ngx_http_meta_stat_lock();

    for (i = 0; i < NGX_HTTP_META_TARGETS; i++) {
        if (target[i].len == len
            && ngx_memcmp(target[i].name, name->data, len) == 0)
        {
            goto found;
        }
    }

    for (n = 0; n < ngx_http_meta_stat->nslots; n++) {
        slot = &ngx_http_meta_stat->slots[n];

        for (i = 0; slot->pid && i < NGX_HTTP_META_TARGETS; i++) {
            used[i] |= slot->links[i].used;
        }
    }

    for (i = 0; i < NGX_HTTP_META_TARGETS; i++) {
        if (target[i].len == 0) {
            break;
        }
    }

    if (i == NGX_HTTP_META_TARGETS) {
        for (i = 0; i < NGX_HTTP_META_TARGETS; i++) {
            if (!used[i]) {
                break;
            }
        }
    }

    if (i == NGX_HTTP_META_TARGETS) {
        goto done;
    }

    for (n = 0; target[i].len && n < NGX_HTTP_META_LISTS; n++) {
        if (ngx_http_meta_stat->lists[n].target == i) {
            ngx_http_meta_stat->lists[n].hash = 0;
            ngx_http_meta_stat->lists[n].at = 0;
        }
    }

    target[i].worth = NGX_HTTP_META_WORTH_UNKNOWN;
    target[i].evicts = NGX_HTTP_META_UNKNOWN;
    ngx_memcpy(target[i].name, name->data, len);
    target[i].len = len;

found:

    ngx_http_meta_slot->links[i].used = 1;

done:

    ngx_http_meta_stat_unlock();

    return i;
}
