
/*
 * The shared memory of the counters, and a worker's slot in it.
 *
 * The zone has one size whatever the configuration says, so that a reload
 * finds it again; pages that no worker touches take no memory.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_module.h"


static ngx_int_t ngx_http_meta_stat_init_zone(ngx_shm_zone_t *zone,
    void *data);
static void ngx_http_meta_stat_init_targets(ngx_http_meta_main_conf_t *mmcf);


ngx_http_meta_stat_t  *ngx_http_meta_stat;
ngx_http_meta_slot_t  *ngx_http_meta_slot;

/* of a target for which the table has no room */
ngx_http_meta_link_t   ngx_http_meta_no_link;

static ngx_slab_pool_t  *ngx_http_meta_stat_pool;


ngx_int_t
ngx_http_meta_stat_add_zone(ngx_conf_t *cf)
{
    size_t                      size;
    ngx_str_t                   name = ngx_string("ngx_http_meta");
    ngx_shm_zone_t             *zone;
    ngx_http_meta_main_conf_t  *mmcf;

    /* beside the counters a slab pool needs some pages for itself */

    size = sizeof(ngx_http_meta_stat_t);
    size += size / 16 + 8 * ngx_pagesize;

    zone = ngx_shared_memory_add(cf, &name, ngx_align(size, ngx_pagesize),
                                 &ngx_http_meta_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_meta_module);
    mmcf->zone = zone;

    zone->init = ngx_http_meta_stat_init_zone;
    zone->data = mmcf;

    return NGX_OK;
}


static ngx_int_t
ngx_http_meta_stat_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_time_t                 *tp;
    ngx_slab_pool_t            *pool;
    ngx_http_meta_stat_t       *stat;
#if (NGX_THREADS)
    ngx_http_meta_main_conf_t  *mmcf;

    mmcf = zone->data;

    /* the users of workers are known here, and a reload can still be refused */

    if (mmcf->spool
        && ngx_http_meta_spool_directory(mmcf->spool, zone->shm.log)
           != NGX_OK)
    {
        return NGX_ERROR;
    }
#endif

    if (data) {
        zone->data = data;
        return NGX_OK;
    }

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    stat = ngx_slab_alloc(pool, sizeof(ngx_http_meta_stat_t));
    if (stat == NULL) {
        return NGX_ERROR;
    }

    /* pages fresh from the kernel are zero, and take memory when written */

#if (NGX_DEBUG_MALLOC)
    ngx_memzero(stat, sizeof(ngx_http_meta_stat_t));
#endif

    tp = ngx_timeofday();
    stat->start = (uint64_t) tp->sec * 1000 + tp->msec;

    zone->data = stat;

    return NGX_OK;
}


void
ngx_http_meta_stat_init_process(ngx_http_meta_main_conf_t *mmcf)
{
    ngx_uint_t             i;
    ngx_atomic_uint_t      n;
    ngx_http_meta_slot_t  *slot;

    ngx_http_meta_stat_pool = (ngx_slab_pool_t *) mmcf->zone->shm.addr;
    ngx_http_meta_stat = mmcf->zone->data;
    ngx_http_meta_slot = &ngx_http_meta_stat->slots[ngx_process_slot];

    slot = ngx_http_meta_slot;

    /* whoever had the slot before is dead, and these replies with it */

    slot->unknown += slot->unanswered;
    slot->unanswered = 0;

    for (i = 0; i < NGX_HTTP_META_TARGETS; i++) {
        slot->links[i].used = 0;
        slot->links[i].state = 0;
        slot->links[i].worth = NGX_HTTP_META_WORTH_UNKNOWN;
        slot->links[i].evicts = NGX_HTTP_META_UNKNOWN;
        slot->links[i].refused = 0;
        slot->links[i].taken = 0;
    }

    slot->pid = ngx_pid;

    ngx_http_meta_stat_init_targets(mmcf);

    do {
        n = ngx_http_meta_stat->nslots;

    } while (n <= (ngx_atomic_uint_t) ngx_process_slot
             && !ngx_atomic_cmp_set(&ngx_http_meta_stat->nslots, n,
                                    ngx_process_slot + 1));
}


/* a target's name for people, in which two targets differ; no password */

static void
ngx_http_meta_stat_init_targets(ngx_http_meta_main_conf_t *mmcf)
{
    u_char                    buf[NGX_HTTP_META_LIST_LEN], *p, *last;
    ngx_str_t                 name;
    ngx_uint_t                i;
    ngx_http_meta_target_t   *t, **targets;

    targets = mmcf->targets.elts;
    last = buf + sizeof(buf);

    for (i = 0; i < mmcf->targets.nelts; i++) {
        t = targets[i];

        if (!t->used) {
            continue;
        }

        p = ngx_slprintf(buf, last, "%V", &t->name);

        if (t->db) {
            p = ngx_slprintf(p, last, " db=%ui", t->db);
        }

        if (t->user.len) {
            p = ngx_slprintf(p, last, " user=%V", &t->user);
        }

        name.data = buf;
        name.len = p - buf;

        t->place = ngx_http_meta_stat_target(&name);

        if (t->place < NGX_HTTP_META_TARGETS) {
            t->link = &ngx_http_meta_slot->links[t->place];
        }
    }
}


void
ngx_http_meta_stat_exit_process(void)
{
    ngx_http_meta_slot_t  *slot;

    slot = ngx_http_meta_slot;

    if (slot) {
        slot->unknown += slot->unanswered;
        slot->unanswered = 0;
        slot->pid = 0;
    }
}


/* of a refusal its first word, which says nothing of the event */

void
ngx_http_meta_stat_replied(ngx_http_meta_op_t *op,
    ngx_http_meta_reply_t *reply)
{
    u_char                *p;
    ngx_str_t             *word;
    ngx_http_meta_link_t  *link;

    static ngx_str_t  unexpected = ngx_string("unexpected");

    if (op->nevents == 0) {
        return;
    }

    link = op->redis->target->link;

    if (reply->type == REDIS_REPLY_INTEGER) {
        link->taken = ngx_http_meta_stat_now();
        link->refused = 0;
        return;
    }

    word = (reply->type == REDIS_REPLY_ERROR) ? &reply->text : &unexpected;

    p = ngx_cpymem(link->refusal, word->data,
                   ngx_min(word->len, NGX_HTTP_META_REFUSAL_LEN));
    ngx_memzero(p, link->refusal + NGX_HTTP_META_REFUSAL_LEN - p);

    link->refused = ngx_http_meta_stat_now();
}


/* nginx' master lets go the locks of a worker that died */

void
ngx_http_meta_stat_lock(void)
{
    ngx_shmtx_lock(&ngx_http_meta_stat_pool->mutex);
}


void
ngx_http_meta_stat_unlock(void)
{
    ngx_shmtx_unlock(&ngx_http_meta_stat_pool->mutex);
}
