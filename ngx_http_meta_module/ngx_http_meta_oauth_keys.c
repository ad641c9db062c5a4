
/*
 * Keys of logins, from files: those that seal codes and sign states, which
 * meta-consumer has too, and those that sign links.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_oauth.h"


#define NGX_HTTP_META_LINK_KEYS  16


static char *ngx_http_meta_link_key_line(ngx_conf_t *cf, void *data,
    ngx_str_t *line);
static char *ngx_http_meta_token_key_line(ngx_conf_t *cf, void *data,
    ngx_str_t *line);


char *
ngx_http_meta_link_keys(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_meta_oauth_loc_conf_t  *molcf = conf;

    char        *rv;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (molcf->link_keys != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    molcf->link_keys = ngx_array_create(cf->pool, 2, sizeof(meta_str_t));
    if (molcf->link_keys == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        rv = ngx_http_meta_read_lines(cf, &value[i],
                                      ngx_http_meta_link_key_line,
                                      molcf->link_keys);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_meta_link_key_line(ngx_conf_t *cf, void *data, ngx_str_t *line)
{
    ngx_array_t  *keys = data;

    meta_str_t  *key;

    if (line->len < META_LINK_KEY_MIN
        || line->len > META_LINK_KEY_MAX)
    {
        return "a key of links is 16 to 256 bytes; openssl rand -hex 32 "
               "makes one";
    }

    if (keys->nelts == NGX_HTTP_META_LINK_KEYS) {
        return "there are more than 16 keys";
    }

    key = ngx_array_push(keys);
    if (key == NULL) {
        return "no memory";
    }

    key->len = line->len;
    key->data = ngx_http_meta_secret_dup(cf, line);

    return key->data ? NULL : "no memory";
}


char *
ngx_http_meta_token_keys(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_meta_oauth_loc_conf_t  *molcf = conf;

    char        *rv;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (molcf->token_keys != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    molcf->token_keys = ngx_pcalloc(cf->pool, sizeof(ngx_http_meta_keys_t));
    if (molcf->token_keys == NULL) {
        return NGX_CONF_ERROR;
    }

    molcf->token_keys->elts = ngx_http_meta_secret_alloc(cf,
                                   META_KEYS_MAX * sizeof(meta_seal_key_t));
    if (molcf->token_keys->elts == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        rv = ngx_http_meta_read_lines(cf, &value[i],
                                      ngx_http_meta_token_key_line,
                                      molcf->token_keys);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_meta_token_key_line(ngx_conf_t *cf, void *data, ngx_str_t *line)
{
    ngx_http_meta_keys_t  *keys = data;

    meta_str_t  text;

    if (keys->nelts == META_KEYS_MAX) {
        return "there are more than 16 keys";
    }

    text.data = line->data;
    text.len = line->len;

    if (meta_seal_key_parse(&keys->elts[keys->nelts], text) != META_OK) {
        return "a key is 32 bytes, as 64 hex digits or in base64; "
               "metactl token key makes one";
    }

    keys->nelts++;

    return NULL;
}
