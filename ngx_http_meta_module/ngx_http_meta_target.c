
/*
 * meta_redis: which Redis events go to.  Two places of the configuration
 * that say the same share one target, and so one connection per worker.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "meta/meta_spool.h"
#include "ngx_http_meta_module.h"


#define NGX_HTTP_META_MAX_DB  65535


static char *ngx_http_meta_parse_address(ngx_conf_t *cf,
    ngx_http_meta_target_t *target, ngx_str_t *url);
static char *ngx_http_meta_parse_option(ngx_conf_t *cf,
    ngx_http_meta_target_t *target, ngx_str_t *value);
static ngx_http_meta_target_t *ngx_http_meta_same_target(ngx_conf_t *cf,
    ngx_http_meta_target_t *target);
static ngx_uint_t ngx_http_meta_same_str(ngx_str_t *a, ngx_str_t *b);


char *
ngx_http_meta_redis_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_meta_loc_conf_t  *mlcf = conf;

    char                    *rv;
    ngx_str_t               *value;
    ngx_uint_t               i;
    ngx_http_meta_target_t   target;

    if (mlcf->target) {
        return "is duplicate";
    }

    ngx_memzero(&target, sizeof(ngx_http_meta_target_t));

    target.db = NGX_CONF_UNSET_UINT;
    value = cf->args->elts;

    rv = ngx_http_meta_parse_address(cf, &target, &value[1]);

    for (i = 2; rv == NGX_CONF_OK && i < cf->args->nelts; i++) {
        rv = ngx_http_meta_parse_option(cf, &target, &value[i]);
    }

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (target.user.len && target.password.len == 0) {
        return "has \"user\" without \"password_file\"";
    }

    if (target.ca_file.len && !target.tls) {
        return "has \"ca_file\" without \"rediss://\"";
    }

    if (target.db == NGX_CONF_UNSET_UINT) {
        target.db = 0;
    }

    mlcf->target = ngx_http_meta_same_target(cf, &target);

    return mlcf->target ? NGX_CONF_OK : NGX_CONF_ERROR;
}


ngx_http_meta_target_t *
ngx_http_meta_default_target(ngx_conf_t *cf)
{
    ngx_str_t               url = ngx_string("127.0.0.1:6379");
    ngx_http_meta_target_t  target;

    ngx_memzero(&target, sizeof(ngx_http_meta_target_t));

    if (ngx_http_meta_parse_address(cf, &target, &url) != NGX_CONF_OK) {
        return NULL;
    }

    return ngx_http_meta_same_target(cf, &target);
}


/* called for each location of ours once its directives are merged */

void
ngx_http_meta_use_target(ngx_conf_t *cf, ngx_http_meta_target_t *target,
    ngx_msec_t connect_timeout, ngx_msec_t timeout)
{
    ngx_http_core_loc_conf_t  *clcf;

    target->used = 1;

    ngx_http_meta_secret_server(cf);

    if (target->connect_timeout < connect_timeout) {
        target->connect_timeout = connect_timeout;
    }

    target->timeout = ngx_max(target->timeout, timeout);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (target->resolver == NULL
        && clcf->resolver && clcf->resolver->connections.nelts)
    {
        target->resolver = clcf->resolver;
    }
}


/* at the end of http {}: names that no resolver will look up at run time */

ngx_int_t
ngx_http_meta_resolve_targets(ngx_conf_t *cf)
{
    ngx_url_t                    u;
    ngx_uint_t                   i;
    ngx_http_meta_target_t      *t, **targets;
    ngx_http_meta_main_conf_t   *mmcf;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_meta_module);
    targets = mmcf->targets.elts;

    for (i = 0; i < mmcf->targets.nelts; i++) {
        t = targets[i];

        if (!t->used || !t->named || t->resolver) {
            continue;
        }

        ngx_memzero(&u, sizeof(ngx_url_t));

        u.host = t->host;
        u.port = t->port;
        u.default_port = t->port;

        if (ngx_inet_resolve_host(cf->pool, &u) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "%s in \"meta_redis\" host \"%V\"; name a "
                               "host that resolves at start, or set "
                               "\"resolver\"",
                               u.err ? u.err : "no address", &t->host);
            return NGX_ERROR;
        }

        t->addrs = u.addrs;
        t->naddrs = u.naddrs;
    }

    return NGX_OK;
}


static char *
ngx_http_meta_parse_address(ngx_conf_t *cf, ngx_http_meta_target_t *target,
    ngx_str_t *url)
{
    ngx_url_t  u;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *url;

    if (ngx_strncasecmp(url->data, (u_char *) "rediss://", 9) == 0) {
#if (NGX_SSL)
        target->tls = 1;
        u.url.data += 9;
        u.url.len -= 9;
#else
        return "needs an nginx that is built with SSL for \"rediss\"";
#endif
    }

    u.default_port = 6379;
    u.no_resolve = 1;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK
        || u.uri.len || (target->tls && u.family == AF_UNIX))
    {
        /* what stands before "@" may be a password */

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in \"meta_redis\" address \"%*s\": it must "
                           "be unix:/path or [rediss://]host[:port]; the "
                           "database is db=N, the password password_file=PATH",
                           u.err ? u.err : "error",
                           ngx_strlchr(url->data, url->data + url->len, '@')
                           ? (size_t) 0 : url->len, url->data);
        return NGX_CONF_ERROR;
    }

    target->name = *url;
    target->port = u.port;

    /* TLS wants its name to end with a zero byte */

    target->host.len = u.host.len;
    target->host.data = ngx_pnalloc(cf->pool, u.host.len + 1);
    if (target->host.data == NULL) {
        return NGX_CONF_ERROR;
    }

    (void) ngx_cpystrn(target->host.data, u.host.data, u.host.len + 1);

    if (u.naddrs) {
        target->addrs = u.addrs;
        target->naddrs = u.naddrs;

    } else {
        target->named = 1;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_meta_parse_option(ngx_conf_t *cf, ngx_http_meta_target_t *target,
    ngx_str_t *value)
{
    ngx_int_t  db;
    ngx_str_t  path;

    if (ngx_strncmp(value->data, "db=", 3) == 0
        && target->db == NGX_CONF_UNSET_UINT)
    {
        db = ngx_atoi(value->data + 3, value->len - 3);

        if (db == NGX_ERROR || db > NGX_HTTP_META_MAX_DB) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\": \"db\" takes a "
                               "number from 0 to %d", value,
                               NGX_HTTP_META_MAX_DB);
            return NGX_CONF_ERROR;
        }

        target->db = db;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "user=", 5) == 0 && value->len > 5
        && target->user.len == 0)
    {
        target->user.data = value->data + 5;
        target->user.len = value->len - 5;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "password_file=", 14) == 0 && value->len > 14
        && target->password.len == 0)
    {
        path.data = value->data + 14;
        path.len = value->len - 14;
        return ngx_http_meta_read_password(cf, &target->password, &path);
    }

    if (ngx_strncmp(value->data, "ca_file=", 8) == 0 && value->len > 8
        && target->ca_file.len == 0)
    {
        target->ca_file.data = value->data + 8;
        target->ca_file.len = value->len - 8;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "password=", 9) == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"meta_redis\" takes \"password_file=PATH\" or "
                           "\"password_file=env:NAME\", and no \"password\"");
        return NGX_CONF_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid or repeated parameter \"%V\"", value);

    return NGX_CONF_ERROR;
}


static ngx_http_meta_target_t *
ngx_http_meta_same_target(ngx_conf_t *cf, ngx_http_meta_target_t *target)
{
    ngx_uint_t                   i;
    ngx_http_meta_target_t      *t, **targets;
    ngx_http_meta_main_conf_t   *mmcf;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_meta_module);
    targets = mmcf->targets.elts;

    for (i = 0; i < mmcf->targets.nelts; i++) {
        t = targets[i];

        if (ngx_http_meta_same_str(&t->name, &target->name)
            && ngx_http_meta_same_str(&t->user, &target->user)
            && ngx_http_meta_same_str(&t->password, &target->password)
            && ngx_http_meta_same_str(&t->ca_file, &target->ca_file)
            && t->db == target->db)
        {
            return t;
        }
    }

    targets = ngx_array_push(&mmcf->targets);
    if (targets == NULL) {
        return NULL;
    }

    t = ngx_palloc(cf->pool, sizeof(ngx_http_meta_target_t));
    if (t == NULL) {
        return NULL;
    }

    *t = *target;
    *targets = t;

    t->identity.data = ngx_pnalloc(cf->pool, t->name.len + t->user.len
                                             + sizeof(" db= user=")
                                             + NGX_INT_T_LEN);
    if (t->identity.data == NULL) {
        return NULL;
    }

    t->identity.len = ngx_sprintf(t->identity.data, "%V db=%ui user=%V",
                                  &t->name, t->db, &t->user)
                      - t->identity.data;

    if (t->identity.len > META_SPOOL_TARGET_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"meta_redis\" address and user are longer than "
                           "%d bytes", META_SPOOL_TARGET_MAX);
        return NULL;
    }

#if (NGX_SSL)
    if (t->tls && ngx_http_meta_redis_ssl_init(cf, t) != NGX_OK) {
        return NULL;
    }
#endif

    t->redis = ngx_http_meta_redis_create(cf->pool, t);

    return t->redis ? t : NULL;
}


static ngx_uint_t
ngx_http_meta_same_str(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || ngx_memcmp(a->data, b->data, a->len) == 0);
}
