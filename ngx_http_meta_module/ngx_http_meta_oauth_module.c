
/*
 * Logins inside nginx: their directives and how these are inherited.  It is a
 * module of its own in the same file, beside that of webhooks, whose Redis,
 * app id and context of a request it uses.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_oauth.h"


static void *ngx_http_meta_oauth_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_meta_oauth_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_meta_oauth_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_meta_oauth_ends(ngx_conf_t *cf,
    ngx_http_meta_oauth_loc_conf_t *conf, ngx_http_core_loc_conf_t *clcf);
static ngx_int_t ngx_http_meta_oauth_postconfiguration(ngx_conf_t *cf);
static ngx_uint_t ngx_http_meta_oauth_returns(ngx_array_t *callbacks,
    ngx_str_t *uri);
static char *ngx_http_meta_oauth_check(ngx_conf_t *cf,
    ngx_http_meta_oauth_loc_conf_t *conf, ngx_str_t *location);
static ngx_http_meta_oauth_app_t *ngx_http_meta_oauth_find(ngx_conf_t *cf,
    ngx_str_t *name);
static ngx_int_t ngx_http_meta_oauth_use_redis(ngx_conf_t *cf);
static char *ngx_http_meta_oauth_login(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_meta_oauth_callback(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_meta_oauth_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


static ngx_conf_post_t  ngx_http_meta_oauth_url_post =
    { ngx_http_meta_oauth_url };


static ngx_command_t  ngx_http_meta_oauth_commands[] = {

    { ngx_string("meta_oauth_app"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_meta_oauth_app,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("meta_redirect_uri"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_meta_oauth_loc_conf_t, redirect_uri),
      &ngx_http_meta_oauth_url_post },

    { ngx_string("meta_oauth_done"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_meta_oauth_loc_conf_t, done),
      &ngx_http_meta_oauth_url_post },

    { ngx_string("meta_oauth_open"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_meta_oauth_loc_conf_t, open),
      NULL },

    { ngx_string("meta_link_key_file"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_meta_link_keys,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("meta_token_key_file"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_meta_token_keys,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("meta_oauth_login"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_meta_oauth_login,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("meta_oauth_callback"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_meta_oauth_callback,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("meta_oauth_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_meta_oauth_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("meta_embedded_signup"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_meta_embedded_signup,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("meta_deletion_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_meta_deletion_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_meta_oauth_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_meta_oauth_postconfiguration, /* postconfiguration */

    ngx_http_meta_oauth_create_main_conf,  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_meta_oauth_create_loc_conf,   /* create location configuration */
    ngx_http_meta_oauth_merge_loc_conf     /* merge location configuration */
};


ngx_module_t  ngx_http_meta_oauth_module = {
    NGX_MODULE_V1,
    &ngx_http_meta_oauth_module_ctx,       /* module context */
    ngx_http_meta_oauth_commands,          /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_meta_oauth_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_meta_oauth_main_conf_t  *momcf;

    momcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_meta_oauth_main_conf_t));
    if (momcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&momcf->apps, cf->pool, 4,
                       sizeof(ngx_http_meta_oauth_app_t))
        != NGX_OK
        || ngx_array_init(&momcf->returns, cf->pool, 4, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&momcf->callbacks, cf->pool, 4, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NULL;
    }

    return momcf;
}


static void *
ngx_http_meta_oauth_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_meta_oauth_loc_conf_t  *molcf;

    molcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_meta_oauth_loc_conf_t));
    if (molcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     molcf->handler = NULL;
     *     molcf->directive = { 0, NULL };
     *     molcf->login = { 0, NULL };
     *     molcf->app = NULL;
     *     molcf->signup = NULL;
     *     molcf->redirect_uri = { 0, NULL };
     *     molcf->done = { 0, NULL };
     */

    molcf->open = NGX_CONF_UNSET;
    molcf->link_keys = NGX_CONF_UNSET_PTR;
    molcf->token_keys = NGX_CONF_UNSET_PTR;

    return molcf;
}


static char *
ngx_http_meta_oauth_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_meta_oauth_loc_conf_t  *prev = parent;
    ngx_http_meta_oauth_loc_conf_t  *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    ngx_conf_merge_str_value(conf->redirect_uri, prev->redirect_uri, "");
    ngx_conf_merge_str_value(conf->done, prev->done, "");
    ngx_conf_merge_value(conf->open, prev->open, 0);
    ngx_conf_merge_ptr_value(conf->link_keys, prev->link_keys, NULL);
    ngx_conf_merge_ptr_value(conf->token_keys, prev->token_keys, NULL);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (conf->handler && clcf->handler != conf->handler) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in location \"%V\" is overridden by "
                           "another directive that answers there "
                           "(proxy_pass, meta_status, ...)",
                           &conf->directive, &clcf->name);
        return NGX_CONF_ERROR;
    }

    /* what stands in "if" and "limit_except" is the same location */

    if (clcf->noname && prev->handler && conf->handler == NULL) {
        conf->handler = prev->handler;
        conf->directive = prev->directive;
        conf->login = prev->login;
        conf->signup = prev->signup;

        if (clcf->lmt_excpt && clcf->handler == NULL) {
            clcf->handler = prev->handler;
        }
    }

    if (conf->handler == NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_http_meta_oauth_use_redis(cf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_meta_oauth_check(cf, conf, &clcf->name) != NGX_CONF_OK
        || ngx_http_meta_oauth_ends(cf, conf, clcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* where logins return to, and what takes them there */

static ngx_int_t
ngx_http_meta_oauth_ends(ngx_conf_t *cf, ngx_http_meta_oauth_loc_conf_t *conf,
    ngx_http_core_loc_conf_t *clcf)
{
    ngx_str_t                        *end;
    ngx_http_meta_oauth_main_conf_t  *momcf;

    if (clcf->noname) {         /* an "if" within another one */
        return NGX_OK;
    }

    momcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_meta_oauth_module);

    if (conf->handler == ngx_http_meta_callback_handler) {

        if (!clcf->exact_match) {
            momcf->inexact++;
            return NGX_OK;
        }

        end = ngx_array_push(&momcf->callbacks);
        if (end == NULL) {
            return NGX_ERROR;
        }

        *end = clcf->name;

    } else if (conf->handler == ngx_http_meta_login_handler) {

        end = ngx_array_push(&momcf->returns);
        if (end == NULL) {
            return NGX_ERROR;
        }

        *end = conf->redirect_uri;
    }

    return NGX_OK;
}


/* only warned of: another nginx may answer there */

static ngx_int_t
ngx_http_meta_oauth_postconfiguration(ngx_conf_t *cf)
{
    ngx_str_t                        *uri;
    ngx_uint_t                        i;
    ngx_http_meta_oauth_main_conf_t  *momcf;

    momcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_meta_oauth_module);

    uri = momcf->returns.elts;

    for (i = 0; i < momcf->returns.nelts; i++) {
        if (!momcf->inexact
            && !ngx_http_meta_oauth_returns(&momcf->callbacks, &uri[i]))
        {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "no location with \"meta_oauth_callback\" has "
                               "the path of \"meta_redirect_uri %V\", to "
                               "which \"meta_oauth_login\" lets Meta send "
                               "browsers back", &uri[i]);
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_meta_oauth_returns(ngx_array_t *callbacks, ngx_str_t *uri)
{
    u_char      *p, *last, *end;
    ngx_str_t   *name, path;
    ngx_uint_t   i;

    /* behind "https://HOST", up to the query */

    last = uri->data + uri->len;

    end = ngx_strlchr(uri->data, last, '?');
    if (end == NULL) {
        end = last;
    }

    p = ngx_strlchr(uri->data, end, ':') + sizeof("//");
    p = ngx_strlchr(p, end, '/');

    if (p) {
        path.data = p;
        path.len = end - p;

    } else {
        ngx_str_set(&path, "/");
    }

    /* what nginx would unescape is not told so simply */

    if (ngx_strlchr(path.data, path.data + path.len, '%')) {
        return 1;
    }

    name = callbacks->elts;

    for (i = 0; i < callbacks->nelts; i++) {
        if (name[i].len == path.len
            && ngx_memcmp(name[i].data, path.data, path.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* what a login cannot be without */

static char *
ngx_http_meta_oauth_check(ngx_conf_t *cf,
    ngx_http_meta_oauth_loc_conf_t *conf, ngx_str_t *location)
{
    ngx_http_meta_loc_conf_t  *mlcf;
    ngx_http_core_loc_conf_t  *clcf;

    if (conf->handler == ngx_http_meta_flow_handler) {
        return NGX_CONF_OK;
    }

    if (conf->handler == ngx_http_meta_deletion_handler) {
        mlcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_meta_module);
        clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

        if (mlcf->secrets == NULL && !clcf->noname) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "\"%V\" in location \"%V\" has no "
                               "\"meta_app_secret_file\" in force: a code is "
                               "unknown there until meta-consumer has worked "
                               "its deletion", &conf->directive, location);
        }

        return NGX_CONF_OK;
    }

    if (conf->token_keys == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in location \"%V\" needs "
                           "\"meta_token_key_file\": its keys sign the state "
                           "of a login and seal its code; it is the file "
                           "that meta-consumer has as token_key_file",
                           &conf->directive, location);
        return NGX_CONF_ERROR;
    }

    if (conf->handler == ngx_http_meta_login_handler
        || conf->handler == ngx_http_meta_callback_handler)
    {
        if (conf->redirect_uri.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" in location \"%V\" needs "
                               "\"meta_redirect_uri\": the URL of the "
                               "location with \"meta_oauth_callback\", as "
                               "it is registered with Meta",
                               &conf->directive, location);
            return NGX_CONF_ERROR;
        }
    }

    if (conf->handler == ngx_http_meta_callback_handler) {
        return NGX_CONF_OK;
    }

    if (conf->link_keys == NULL && !conf->open) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in location \"%V\" needs "
                           "\"meta_link_key_file\", whose keys sign the "
                           "links that lead there, or \"meta_oauth_open "
                           "on\", which lets anybody begin",
                           &conf->directive, location);
        return NGX_CONF_ERROR;
    }

    if (conf->handler == ngx_http_meta_signup_handler
        && ngx_http_meta_signup_ready(cf, conf->signup) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->handler == ngx_http_meta_login_handler) {
        conf->app = ngx_http_meta_oauth_find(cf, &conf->login);

        if (conf->app == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"meta_oauth_login\" in location \"%V\" "
                               "names \"%V\", and no \"meta_oauth_app %V "
                               "...\" stands in http", location,
                               &conf->login, &conf->login);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_http_meta_oauth_app_t *
ngx_http_meta_oauth_find(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_http_meta_oauth_main_conf_t  *momcf;

    momcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_meta_oauth_module);

    return ngx_http_meta_oauth_named(momcf, name);
}


ngx_http_meta_oauth_app_t *
ngx_http_meta_oauth_named(ngx_http_meta_oauth_main_conf_t *momcf,
    ngx_str_t *name)
{
    ngx_uint_t                  i;
    ngx_http_meta_oauth_app_t  *app;

    app = momcf->apps.elts;

    for (i = 0; i < momcf->apps.nelts; i++) {
        if (app[i].name.len == name->len
            && ngx_memcmp(app[i].name.data, name->data, name->len) == 0)
        {
            return &app[i];
        }
    }

    return NULL;
}


/* the webhooks' module has merged this location before us */

static ngx_int_t
ngx_http_meta_oauth_use_redis(ngx_conf_t *cf)
{
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_meta_module);

    if (mlcf->target == NULL) {
        mlcf->target = ngx_http_meta_default_target(cf);
        if (mlcf->target == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_http_meta_use_target(cf, mlcf->target, mlcf->connect_timeout,
                             mlcf->timeout);

    return NGX_OK;
}


char *
ngx_http_meta_oauth_answers(ngx_conf_t *cf, ngx_command_t *cmd, void *conf,
    ngx_http_handler_pt handler)
{
    ngx_http_meta_oauth_loc_conf_t  *molcf = conf;

    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_meta_loc_conf_t   *mlcf;
    ngx_http_meta_main_conf_t  *mmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (molcf->handler == handler) {
        return "is duplicate";
    }

    if (clcf->handler) {
        return "stands beside another directive that answers in this location";
    }

    clcf->handler = handler;
    molcf->handler = handler;
    molcf->directive = cmd->name;

    /* codes and states come here in the query */

    mlcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_meta_module);
    mlcf->masked = 1;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_meta_module);
    mmcf->active = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_meta_oauth_login(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_meta_oauth_loc_conf_t  *molcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;
    molcf->login = value[1];

    return ngx_http_meta_oauth_answers(cf, cmd, conf,
                                       ngx_http_meta_login_handler);
}


static char *
ngx_http_meta_oauth_callback(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_meta_oauth_answers(cf, cmd, conf,
                                       ngx_http_meta_callback_handler);
}


static char *
ngx_http_meta_oauth_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_meta_oauth_answers(cf, cmd, conf,
                                       ngx_http_meta_flow_handler);
}
