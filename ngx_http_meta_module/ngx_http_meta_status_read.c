
/*
 * The shared memory read for a status: sums over all workers there ever were,
 * and copies of what the living ones hold.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_status.h"


static ngx_int_t ngx_http_meta_status_slots(ngx_http_meta_status_t *st);
static void ngx_http_meta_status_add(ngx_http_meta_status_t *st,
    ngx_http_meta_slot_t *slot, ngx_uint_t alive);
static ngx_int_t ngx_http_meta_status_worker(ngx_http_meta_status_t *st,
    ngx_http_meta_slot_t *slot, ngx_uint_t n, ngx_uint_t alive);
static void ngx_http_meta_status_target(ngx_http_meta_seen_target_t *target,
    ngx_http_meta_link_t *link, ngx_uint_t alive);
static void ngx_http_meta_status_known(ngx_http_meta_seen_target_t *target,
    ngx_http_meta_named_target_t *named);
static void ngx_http_meta_status_files(ngx_http_meta_status_t *st);
static ngx_int_t ngx_http_meta_status_names(ngx_pool_t *pool,
    ngx_http_meta_status_t *st);


ngx_http_meta_status_t *
ngx_http_meta_status_read(ngx_pool_t *pool, ngx_http_meta_main_conf_t *mmcf)
{
    ngx_str_t                     *name;
    ngx_uint_t                     i, v;
    ngx_http_meta_status_t        *st;
    ngx_http_meta_named_target_t  *target;

    st = ngx_pcalloc(pool, sizeof(ngx_http_meta_status_t));
    if (st == NULL) {
        return NULL;
    }

    if (ngx_array_init(&st->workers, pool, 8, sizeof(ngx_http_meta_worker_t))
        != NGX_OK
        || ngx_array_init(&st->lists, pool, 8,
                          sizeof(ngx_http_meta_named_list_t))
           != NGX_OK
        || ngx_array_init(&st->accounts, pool, 32,
                          sizeof(ngx_http_meta_account_t))
           != NGX_OK)
    {
        return NULL;
    }

    st->now = ngx_http_meta_stat_now();
    st->start = ngx_http_meta_stat->start;

#if (NGX_THREADS)
    if (mmcf->spool) {
        st->spool = 1;
        st->spool_max = mmcf->spool->max;
    }
#endif

    for (i = 0; i < NGX_HTTP_META_TARGETS; i++) {
        name = &st->targets[i].name;

        name->data = ngx_pnalloc(pool, NGX_HTTP_META_LIST_LEN);
        if (name->data == NULL) {
            return NULL;
        }

        /* a worker of a reload may give the place to another meanwhile */

        ngx_http_meta_stat_lock();

        target = &ngx_http_meta_stat->targets[i];
        name->len = ngx_min(target->len, NGX_HTTP_META_LIST_LEN);
        ngx_memcpy(name->data, target->name, name->len);

        ngx_http_meta_stat_unlock();

        st->targets[i].worth = NGX_HTTP_META_WORTH_ALWAYS;
    }

    if (ngx_http_meta_status_slots(st) != NGX_OK
        || ngx_http_meta_status_names(pool, st) != NGX_OK)
    {
        return NULL;
    }

    ngx_http_meta_status_files(st);

    for (v = 0; v < NGX_HTTP_META_NVERDICTS; v++) {
        for (i = 0; i < NGX_HTTP_META_OBJECTS; i++) {
            st->received += st->total.verdicts[i][v];

            if (ngx_http_meta_verdict_status(v)
                == NGX_HTTP_SERVICE_UNAVAILABLE)
            {
                st->unavailable += st->total.verdicts[i][v];
            }
        }
    }

    for (i = 0; i < NGX_HTTP_META_BUCKETS; i++) {
        st->acked += st->total.latency[i];
    }

    ngx_http_meta_status_summary(pool, st);

    return st;
}


static ngx_int_t
ngx_http_meta_status_slots(ngx_http_meta_status_t *st)
{
    ngx_uint_t             n, i, alive;
    ngx_pid_t              pid;
    ngx_http_meta_slot_t  *slot;

    for (n = 0; n < ngx_http_meta_stat->nslots; n++) {
        slot = &ngx_http_meta_stat->slots[n];

        /* a killed worker leaves its pid until the next has its slot */

        pid = slot->pid;
        alive = pid && (pid == ngx_pid || kill(pid, 0) == 0
                        || ngx_errno == NGX_EPERM);

        ngx_http_meta_status_add(st, slot, alive);

        for (i = 0; i < NGX_HTTP_META_TARGETS; i++) {
            ngx_http_meta_status_target(&st->targets[i], &slot->links[i],
                                        alive);
        }

        if (pid && ngx_http_meta_status_worker(st, slot, n, alive) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    for (i = 0; i < NGX_HTTP_META_TARGETS; i++) {
        ngx_http_meta_status_known(&st->targets[i],
                                   &ngx_http_meta_stat->targets[i]);
    }

    return NGX_OK;
}


static void
ngx_http_meta_status_add(ngx_http_meta_status_t *st,
    ngx_http_meta_slot_t *slot, ngx_uint_t alive)
{
    ngx_uint_t             i, v;
    ngx_http_meta_slot_t  *total;

    total = &st->total;

    total->by_redis += slot->by_redis;
    total->by_spool += slot->by_spool;
    total->adopted += slot->adopted;
    total->drained += slot->drained;
    total->set_aside += slot->set_aside;
    total->unknown += slot->unknown;
    total->refused += slot->refused;
    total->torn += slot->torn;
    total->damaged += slot->damaged;
    total->bytes += slot->bytes;
    total->latency_sum += slot->latency_sum;
    total->last_signed = ngx_max(total->last_signed, slot->last_signed);
    total->last_forged = ngx_max(total->last_forged, slot->last_forged);

    if (slot->last_503 > total->last_503) {
        total->last_503 = slot->last_503;
        total->last_cause = slot->last_cause;
    }

    /* what a dead worker was owed will never be answered */

    if (alive) {
        total->unanswered += slot->unanswered;
        st->alive++;

    } else {
        total->unknown += slot->unanswered;
    }

    for (i = 0; i < NGX_HTTP_META_OBJECTS; i++) {
        total->events[i] += slot->events[i];

        for (v = 0; v < NGX_HTTP_META_VERDICTS; v++) {
            total->verdicts[i][v] += slot->verdicts[i][v];
        }
    }

    for (i = 0; i < NGX_HTTP_META_WAYS; i++) {
        total->acks[i] += slot->acks[i];
    }

    for (i = 0; i < NGX_HTTP_META_BUCKETS; i++) {
        total->latency[i] += slot->latency[i];
    }
}


static ngx_int_t
ngx_http_meta_status_worker(ngx_http_meta_status_t *st,
    ngx_http_meta_slot_t *slot, ngx_uint_t n, ngx_uint_t alive)
{
    ngx_http_meta_worker_t  *worker;

    worker = ngx_array_push(&st->workers);
    if (worker == NULL) {
        return NGX_ERROR;
    }

    worker->slot = n;
    worker->pid = slot->pid;
    worker->alive = alive;
    worker->unanswered = slot->unanswered;

    ngx_memcpy(worker->links, slot->links, sizeof(slot->links));

    return NGX_OK;
}


static void
ngx_http_meta_status_target(ngx_http_meta_seen_target_t *target,
    ngx_http_meta_link_t *link, ngx_uint_t alive)
{
    target->reconnects += link->reconnects;
    target->failures += link->failures;

    if (!alive || !link->used) {
        return;
    }

    target->workers++;
    target->taken = ngx_max(target->taken, link->taken);

    if (link->refused > target->refused) {
        target->refused = link->refused;
        ngx_memcpy(target->refusal, link->refusal, sizeof(link->refusal));
    }

    if (link->state != NGX_HTTP_META_REDIS_READY) {
        return;
    }

    target->ready++;

    if (link->worth <= target->worth) {
        target->worth = link->worth;
        target->aof = link->aof;
    }

    target->evicts = ngx_max(target->evicts, link->evicts);
}


/*
 * While no worker is connected, what was last known; and whether the latest
 * word of all workers about pushes is a refusal.
 */

static void
ngx_http_meta_status_known(ngx_http_meta_seen_target_t *target,
    ngx_http_meta_named_target_t *named)
{
    ngx_uint_t  n;

    if (target->ready == 0) {
        n = named->worth;
        target->worth = n ? n - 1 : NGX_HTTP_META_WORTH_UNKNOWN;
        target->evicts = named->evicts;
    }

    if (target->refused == 0 || target->refused < target->taken) {
        return;
    }

    n = 0;

    while (n < NGX_HTTP_META_REFUSAL_LEN && target->refusal[n]) {
        n++;
    }

    target->refuses.data = target->refusal;
    target->refuses.len = n;
}


static void
ngx_http_meta_status_files(ngx_http_meta_status_t *st)
{
    uint64_t                      counted, done;
    ngx_uint_t                    i;
    ngx_http_meta_spool_entry_t  *file;

    st->spool_bytes = ngx_http_meta_stat->spool_bytes;
    st->aside_bytes = ngx_http_meta_stat->aside_bytes;

    for (i = 0; i < NGX_HTTP_META_SPOOL_FILES; i++) {
        file = &ngx_http_meta_stat->files[i];

        if (file->id == 0) {
            continue;
        }

        st->nfiles++;

        /* read in this order a count in between never goes below zero */

        done = file->done;
        counted = file->counted;

        st->spooled += counted - ngx_min(done, counted);

        if (file->oldest && (st->oldest == 0 || file->oldest < st->oldest)) {
            st->oldest = file->oldest;
        }
    }
}


static ngx_int_t
ngx_http_meta_status_names(ngx_pool_t *pool, ngx_http_meta_status_t *st)
{
    ngx_int_t                 rc;
    ngx_uint_t                i;
    ngx_http_meta_named_list_t     *lists, *list;
    ngx_http_meta_account_t  *accounts, *account;

    rc = NGX_OK;
    lists = ngx_http_meta_stat->lists;
    accounts = ngx_http_meta_stat->accounts;

    /* nobody replaces a name meanwhile */

    ngx_http_meta_stat_lock();

    for (i = 0; i < NGX_HTTP_META_LISTS; i++) {

        if (lists[i].hash == 0
            || lists[i].target >= NGX_HTTP_META_TARGETS
            || st->targets[lists[i].target].workers == 0)
        {
            continue;
        }

        list = ngx_array_push(&st->lists);

        if (list == NULL) {
            rc = NGX_ERROR;
            break;
        }

        *list = lists[i];
        list->len = ngx_min(list->len, NGX_HTTP_META_LIST_LEN);
    }

    for (i = 0; rc == NGX_OK && i < NGX_HTTP_META_ACCOUNTS; i++) {

        if (accounts[i].hash == 0) {
            continue;
        }

        account = ngx_array_push(&st->accounts);

        if (account == NULL) {
            rc = NGX_ERROR;
            break;
        }

        *account = accounts[i];
        account->len = ngx_min(account->len, NGX_HTTP_META_ACCOUNT_LEN);
    }

    ngx_http_meta_stat_unlock();

    return rc;
}
