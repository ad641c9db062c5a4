
/*
 * What meta_embedded_signup takes, made ready for its page when the
 * configuration is read (meta-graph-oauth-ads-capi.md 3.1).
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_oauth.h"


#define NGX_HTTP_META_SDK      "https://connect.facebook.net/en_US/sdk.js"
#define NGX_HTTP_META_ORIGINS  "https://*.facebook.com"


static char *ngx_http_meta_signup_check(ngx_conf_t *cf,
    ngx_http_meta_signup_conf_t *signup);
static ngx_int_t ngx_http_meta_signup_origin(ngx_str_t *url,
    ngx_str_t *origin);
static char *ngx_http_meta_signup_extras(ngx_conf_t *cf,
    ngx_http_meta_signup_conf_t *signup);


char *
ngx_http_meta_embedded_signup(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_meta_oauth_loc_conf_t  *molcf = conf;

    char                         *rv;
    ngx_http_meta_signup_conf_t  *signup;

    static ngx_http_meta_word_t  names[] = {
        { ngx_string("config_id="),
          offsetof(ngx_http_meta_signup_conf_t, config_id) },
        { ngx_string("version="),
          offsetof(ngx_http_meta_signup_conf_t, version) },
        { ngx_string("extras="),
          offsetof(ngx_http_meta_signup_conf_t, extras) },
        { ngx_string("graph="),
          offsetof(ngx_http_meta_signup_conf_t, graph) },
        { ngx_string("sdk="), offsetof(ngx_http_meta_signup_conf_t, sdk) },
        { ngx_string("origin="),
          offsetof(ngx_http_meta_signup_conf_t, origin) },
        { ngx_null_string, 0 }
    };

    signup = ngx_pcalloc(cf->pool, sizeof(ngx_http_meta_signup_conf_t));
    if (signup == NULL) {
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_meta_oauth_words(cf, 1, names, signup,
                                   "config_id=, version=, extras=, graph=, "
                                   "sdk= and origin=");

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_meta_signup_check(cf, signup);
    }

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_meta_signup_extras(cf, signup);
    }

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    molcf->signup = signup;

    return ngx_http_meta_oauth_answers(cf, cmd, conf,
                                       ngx_http_meta_signup_handler);
}


static char *
ngx_http_meta_signup_check(ngx_conf_t *cf,
    ngx_http_meta_signup_conf_t *signup)
{
    ngx_str_t  origin;

    /* with a colon before it, it is what the state names */

    if (ngx_http_meta_is_app_id(&signup->config_id) != NGX_OK
        || signup->config_id.len >= META_STATE_NAME_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"meta_embedded_signup\" needs config_id=ID, the "
                           "configuration's id of digits, as the dashboard's "
                           "Facebook Login for Business shows it");
        return NGX_CONF_ERROR;
    }

    if (signup->graph.len == 0) {
        ngx_str_set(&signup->graph, "v24.0");
    }

    if (signup->sdk.len == 0) {
        ngx_str_set(&signup->sdk, NGX_HTTP_META_SDK);
    }

    if (ngx_http_meta_oauth_check_version(&signup->graph) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid graph=%V: a version such as v24.0 is "
                           "expected", &signup->graph);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_meta_oauth_url(cf, NULL, &signup->sdk) != NGX_CONF_OK
        || (signup->origin.len
            && ngx_http_meta_oauth_url(cf, NULL, &signup->origin)
               != NGX_CONF_OK))
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_meta_signup_origin(&signup->sdk, &signup->scripts) != NGX_OK
        || (signup->origin.len
            && (ngx_http_meta_signup_origin(&signup->origin, &origin)
                != NGX_OK
                || origin.len != signup->origin.len)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid sdk= or origin=: https://HOST/PATH of the "
                           "script, and https://HOST of the window that it "
                           "opens, are expected");
        return NGX_CONF_ERROR;
    }

    signup->hosts = signup->origin;

    if (signup->hosts.len == 0) {
        ngx_str_set(&signup->hosts, NGX_HTTP_META_ORIGINS);
    }

    return NGX_CONF_OK;
}


/* what stands before the path; it goes into a header, too */

static ngx_int_t
ngx_http_meta_signup_origin(ngx_str_t *url, ngx_str_t *origin)
{
    u_char  *p, *last, ch;

    last = url->data + url->len;
    p = (u_char *) ngx_strlchr(url->data, last, '/') + 2;

    for ( /* void */ ; p < last && *p != '/'; p++) {
        ch = ngx_tolower(*p);

        if ((ch < 'a' || ch > 'z') && (ch < '0' || ch > '9')
            && ch != '.' && ch != '-' && ch != ':')
        {
            return NGX_DECLINED;
        }
    }

    origin->data = url->data;
    origin->len = p - url->data;

    return NGX_OK;
}


static char *
ngx_http_meta_signup_extras(ngx_conf_t *cf,
    ngx_http_meta_signup_conf_t *signup)
{
    ngx_str_t   path;
    ngx_uint_t  v3;

    v3 = (signup->version.len == 2
          && ngx_strncmp(signup->version.data, "v3", 2) == 0);

    if (signup->version.len && !v3
        && (signup->version.len != 2
            || ngx_strncmp(signup->version.data, "v4", 2) != 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid version=%V: Embedded Signup has v4 and "
                           "v3 (v2 has ended)", &signup->version);
        return NGX_CONF_ERROR;
    }

    if (signup->extras.len) {
        path = signup->extras;
        return ngx_http_meta_oauth_extras(cf, &path, &signup->extras);
    }

    if (v3) {
        ngx_str_set(&signup->extras, "{\"version\":\"v3\",\"setup\":{}}");

    } else {
        ngx_str_set(&signup->extras, "{\"setup\":{}}");
    }

    return NGX_CONF_OK;
}


/* once the app's id is known: what the page's script has to know */

ngx_int_t
ngx_http_meta_signup_ready(ngx_conf_t *cf,
    ngx_http_meta_signup_conf_t *signup)
{
    u_char                    *p;
    ngx_http_meta_loc_conf_t  *mlcf;

    mlcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_meta_module);

    if (mlcf->app_id.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"meta_embedded_signup\" needs \"meta_app_id\"");
        return NGX_ERROR;
    }

    signup->name.len = 1 + signup->config_id.len;
    signup->name.data = ngx_pnalloc(cf->pool, signup->name.len);

    p = ngx_pnalloc(cf->pool, 128 + mlcf->app_id.len + signup->graph.len
                              + signup->config_id.len + signup->sdk.len
                              + signup->origin.len + signup->extras.len);

    if (p == NULL || signup->name.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_sprintf(signup->name.data, ":%V", &signup->config_id);

    signup->json.data = p;
    signup->json.len = ngx_sprintf(p, "{\"app\":\"%V\",\"graph\":\"%V\","
                                   "\"config\":\"%V\",\"sdk\":\"%V\","
                                   "\"origin\":\"%V\",\"extras\":%V}",
                                   &mlcf->app_id, &signup->graph,
                                   &signup->config_id, &signup->sdk,
                                   &signup->origin, &signup->extras)
                       - p;

    return NGX_OK;
}
