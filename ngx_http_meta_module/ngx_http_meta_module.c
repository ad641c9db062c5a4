
/*
 * Meta's webhooks answered inside nginx: directives, their inheritance, and
 * what a worker starts and ends with.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_module.h"


static void *ngx_http_meta_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_meta_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_meta_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_meta_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_meta_merge_place(ngx_conf_t *cf,
    ngx_http_meta_loc_conf_t *prev, ngx_http_meta_loc_conf_t *conf);
static char *ngx_http_meta_webhook(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_meta_app_id(ngx_conf_t *cf, void *post, void *data);
static char *ngx_http_meta_above_zero(ngx_conf_t *cf, void *post, void *data);
static char *ngx_http_meta_secret_files(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_meta_token_files(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_meta_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_meta_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_meta_init_process(ngx_cycle_t *cycle);
static void ngx_http_meta_exit_process(ngx_cycle_t *cycle);
static void ngx_http_meta_cleanup_hash(void *data);


static ngx_conf_post_t  ngx_http_meta_app_id_post = { ngx_http_meta_app_id };
static ngx_conf_post_t  ngx_http_meta_timeout_post =
    { ngx_http_meta_above_zero };


static ngx_conf_enum_t  ngx_http_meta_acks[] = {
    { ngx_string("queued"), NGX_HTTP_META_ACK_QUEUED },
    { ngx_string("disk"), NGX_HTTP_META_ACK_DISK },
    { ngx_string("verified"), NGX_HTTP_META_ACK_VERIFIED },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_meta_commands[] = {

    { ngx_string("meta_webhook"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_meta_webhook,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("meta_deauthorize"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_meta_signed_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("meta_data_deletion"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_meta_signed_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("meta_redis"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_meta_redis_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_meta_loc_conf_t, target),
      NULL },

    { ngx_string("meta_redis_connect_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_meta_loc_conf_t, connect_timeout),
      &ngx_http_meta_timeout_post },

    { ngx_string("meta_redis_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_meta_loc_conf_t, timeout),
      &ngx_http_meta_timeout_post },

    { ngx_string("meta_app_id"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_meta_loc_conf_t, app_id),
      &ngx_http_meta_app_id_post },

    { ngx_string("meta_app_secret_file"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_meta_secret_files,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("meta_verify_token_file"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_meta_token_files,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("meta_client_cn"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_meta_client_cn,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("meta_queue"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_meta_queue_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("meta_ack"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_meta_loc_conf_t, ack),
      ngx_http_meta_acks },

    { ngx_string("meta_spool"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_meta_spool_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("meta_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_meta_status_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_meta_module_ctx = {
    ngx_http_meta_preconfiguration,        /* preconfiguration */
    ngx_http_meta_postconfiguration,       /* postconfiguration */

    ngx_http_meta_create_main_conf,        /* create main configuration */
    ngx_http_meta_init_main_conf,          /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_meta_create_loc_conf,         /* create location configuration */
    ngx_http_meta_merge_loc_conf           /* merge location configuration */
};


ngx_module_t  ngx_http_meta_module = {
    NGX_MODULE_V1,
    &ngx_http_meta_module_ctx,             /* module context */
    ngx_http_meta_commands,                /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_meta_init_process,            /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_meta_exit_process,            /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_str_t  ngx_http_meta_default_queue = ngx_string("meta:events");

ngx_str_t  ngx_http_meta_places[] = {
    ngx_null_string,
    ngx_string("meta_webhook"),
    ngx_string("meta_deauthorize"),
    ngx_string("meta_data_deletion")
};


static void *
ngx_http_meta_create_main_conf(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t         *cln;
    ngx_http_meta_main_conf_t  *mmcf;

    mmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_meta_main_conf_t));
    if (mmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&mmcf->targets, cf->pool, 2,
                       sizeof(ngx_http_meta_target_t *))
        != NGX_OK
        || ngx_array_init(&mmcf->lists, cf->pool, 4,
                          sizeof(ngx_http_meta_list_t))
           != NGX_OK)
    {
        return NULL;
    }

    mmcf->spool = NGX_CONF_UNSET_PTR;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL || meta_hash_init(&mmcf->hash) != META_OK) {
        return NULL;
    }

    cln->handler = ngx_http_meta_cleanup_hash;
    cln->data = &mmcf->hash;

    return mmcf;
}


static char *
ngx_http_meta_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_meta_main_conf_t *mmcf = conf;

    ngx_conf_init_ptr_value(mmcf->spool, NULL);

    return NGX_CONF_OK;
}


static void
ngx_http_meta_cleanup_hash(void *data)
{
    meta_hash_free(data);
}


static void *
ngx_http_meta_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_meta_loc_conf_t));
    if (mlcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     mlcf->webhook = 0;
     *     mlcf->masked = 0;
     *     mlcf->target = NULL;
     *     mlcf->app_id = { 0, NULL };
     *     mlcf->client_cn = { 0, NULL };
     *     mlcf->client_optional = 0;
     *     mlcf->queue = NULL;
     *     mlcf->queue_max = 0;
     *     mlcf->partitions = 0;
     */

    mlcf->connect_timeout = NGX_CONF_UNSET_MSEC;
    mlcf->timeout = NGX_CONF_UNSET_MSEC;
    mlcf->ack = NGX_CONF_UNSET_UINT;
    mlcf->secrets = NGX_CONF_UNSET_PTR;
    mlcf->tokens = NGX_CONF_UNSET_PTR;

    return mlcf;
}


static char *
ngx_http_meta_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_meta_loc_conf_t  *prev = parent;
    ngx_http_meta_loc_conf_t  *conf = child;

    ngx_conf_merge_msec_value(conf->connect_timeout, prev->connect_timeout,
                              500);
    ngx_conf_merge_msec_value(conf->timeout, prev->timeout, 500);
    ngx_conf_merge_uint_value(conf->ack, prev->ack,
                              NGX_HTTP_META_ACK_QUEUED);
    ngx_conf_merge_str_value(conf->app_id, prev->app_id, "");
    ngx_conf_merge_ptr_value(conf->secrets, prev->secrets, NULL);
    ngx_conf_merge_ptr_value(conf->tokens, prev->tokens, NULL);

    if (conf->client_cn.data == NULL) {
        conf->client_cn = prev->client_cn;
        conf->client_optional = prev->client_optional;
    }

    ngx_http_meta_signed_queue(conf);

    if (conf->queue == NULL) {
        conf->queue = prev->queue;
        conf->queue_max = prev->queue_max;
        conf->partitions = prev->partitions;
    }

    if (conf->target == NULL) {
        conf->target = prev->target;
    }

    return ngx_http_meta_merge_place(cf, prev, conf);
}


static char *
ngx_http_meta_merge_place(ngx_conf_t *cf, ngx_http_meta_loc_conf_t *prev,
    ngx_http_meta_loc_conf_t *conf)
{
    ngx_http_meta_list_t       *list;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_meta_main_conf_t  *mmcf;

    /* what stands in "if" and "limit_except" is the same location */

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (conf->webhook && clcf->handler != ngx_http_meta_handler) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in location \"%V\" is "
                           "overridden by another directive that answers "
                           "there (proxy_pass, meta_status, ...)",
                           &ngx_http_meta_places[conf->webhook], &clcf->name);
        return NGX_CONF_ERROR;
    }

    if (clcf->noname && prev->masked) {
        conf->masked = 1;
    }

    if (clcf->noname && prev->webhook) {
        conf->webhook = prev->webhook;
        conf->deletion = prev->deletion;

        if (clcf->lmt_excpt && clcf->handler == NULL) {
            clcf->handler = ngx_http_meta_handler;
        }
    }

    if (!conf->webhook) {
        return NGX_CONF_OK;
    }

    if (ngx_http_meta_signed_check(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (conf->queue == NULL) {
        conf->queue = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
        if (conf->queue == NULL) {
            return NGX_CONF_ERROR;
        }

        conf->queue->value = ngx_http_meta_default_queue;
    }

    if (conf->target == NULL) {
        conf->target = ngx_http_meta_default_target(cf);
        if (conf->target == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (conf->secrets == NULL) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" has no \"meta_app_secret_file\" "
                           "in force: every delivery will be answered 503",
                           &ngx_http_meta_places[conf->webhook]);
    }

    if (conf->webhook == NGX_HTTP_META_WEBHOOK
        && ngx_http_meta_check_client_cn(cf, conf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_meta_module);

    if (conf->ack == NGX_HTTP_META_ACK_DISK
        && (mmcf->spool == NULL || mmcf->spool == NGX_CONF_UNSET_PTR))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"meta_ack disk\" needs \"meta_spool\"");
        return NGX_CONF_ERROR;
    }

    ngx_http_meta_use_target(cf, conf->target, conf->connect_timeout,
                             conf->timeout);

    list = ngx_array_push(&mmcf->lists);
    if (list == NULL) {
        return NGX_CONF_ERROR;
    }

    list->target = conf->target;
    list->queue = conf->queue;
    list->max = conf->queue_max;

    if (conf->partitions == 0) {
        conf->partitions = 1;
    }

    if (conf->queue->lengths == NULL
        && ngx_http_meta_announce_add(cf, conf->target, &conf->queue->value,
                                      conf->partitions)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_meta_webhook(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_meta_loc_conf_t  *mlcf = conf;

    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_meta_main_conf_t  *mmcf;

    if (mlcf->webhook) {
        return "is duplicate";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return "stands beside another directive that answers in this location";
    }

    clcf->handler = ngx_http_meta_handler;
    mlcf->webhook = NGX_HTTP_META_WEBHOOK;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_meta_module);
    mmcf->active = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_meta_app_id(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t  *id = data;

    if (ngx_http_meta_is_app_id(id) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid app id \"%V\": it must be "
                           "1 to 32 digits", id);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_meta_above_zero(ngx_conf_t *cf, void *post, void *data)
{
    ngx_msec_t  *ms = data;

    return *ms ? NGX_CONF_OK : "must be greater than 0";
}


static char *
ngx_http_meta_secret_files(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_meta_loc_conf_t  *mlcf = conf;

    char        *rv;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (mlcf->secrets != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    mlcf->secrets = ngx_array_create(cf->pool, 2,
                                     sizeof(ngx_http_meta_secret_t));
    if (mlcf->secrets == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        rv = ngx_http_meta_read_secrets(cf, mlcf->secrets, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_meta_token_files(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_meta_loc_conf_t  *mlcf = conf;

    char        *rv;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (mlcf->tokens != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    mlcf->tokens = ngx_array_create(cf->pool, 2, sizeof(meta_str_t));
    if (mlcf->tokens == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        rv = ngx_http_meta_read_tokens(cf, mlcf->tokens, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_meta_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_meta_add_variables(cf);
}


static ngx_int_t
ngx_http_meta_postconfiguration(ngx_conf_t *cf)
{
    ngx_str_t                   name;
    ngx_http_handler_pt        *h, *first;
    ngx_http_core_main_conf_t  *cmcf;
    ngx_http_meta_main_conf_t  *mmcf;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_meta_module);

    if ((mmcf->active || mmcf->status)
        && ngx_http_meta_stat_add_zone(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!mmcf->active) {
        return NGX_OK;
    }

    if (ngx_http_meta_resolve_targets(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_set(&name, "request_id");

    mmcf->request_id = ngx_http_get_variable_index(cf, &name);
    if (mmcf->request_id == NGX_ERROR) {
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_meta_mask_handler;

    /* first in the log phase: access_log is there already */

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    first = cmcf->phases[NGX_HTTP_LOG_PHASE].handlers.elts;

    ngx_memmove(first + 1, first,
                (u_char *) h - (u_char *) first);

    *first = ngx_http_meta_log_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_http_meta_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                   i;
    ngx_http_meta_target_t     **targets;
    ngx_http_meta_main_conf_t   *mmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    mmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_meta_module);

    if (mmcf == NULL || mmcf->zone == NULL) {
        return NGX_OK;
    }

    ngx_http_meta_stat_init_process(mmcf);
    ngx_http_meta_holder_init_process(mmcf);

    if (!mmcf->active) {
        return NGX_OK;
    }

#if (NGX_THREADS)
    ngx_http_meta_spool_init_process(mmcf);
#endif

    targets = mmcf->targets.elts;

    for (i = 0; i < mmcf->targets.nelts; i++) {
        if (targets[i]->used) {
            ngx_http_meta_redis_connect(targets[i]->redis);
        }
    }

    return NGX_OK;
}


static void
ngx_http_meta_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                   i;
    ngx_http_meta_target_t     **targets;
    ngx_http_meta_main_conf_t   *mmcf;

    mmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_meta_module);

    if (mmcf == NULL || mmcf->zone == NULL) {
        return;
    }

    targets = mmcf->targets.elts;

    for (i = 0; i < mmcf->targets.nelts; i++) {
        if (targets[i]->used) {
            ngx_http_meta_redis_exit(targets[i]->redis);
        }
    }

#if (NGX_THREADS)
    ngx_http_meta_spool_exit_process();
#endif

    ngx_http_meta_stat_exit_process();
}
