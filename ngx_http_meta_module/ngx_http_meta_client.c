
/*
 * meta_client_cn: who may deliver, by the one common name in the subject of
 * a client certificate whose chain nginx has verified.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_module.h"


#if (NGX_HTTP_SSL)

/* ngx_http_ssl_module's value of ssl_verify_client optional_no_ca */
#define NGX_HTTP_META_NO_CA  3


static ngx_int_t ngx_http_meta_has_cn(X509 *cert, ngx_str_t *cn);

#endif


char *
ngx_http_meta_client_cn(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
#if (NGX_HTTP_SSL)

    ngx_http_meta_loc_conf_t  *mlcf = conf;

    ngx_str_t  *value;

    if (mlcf->client_cn.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "takes a name that is not empty";
    }

    mlcf->client_cn = value[1];

    if (cf->args->nelts == 3) {

        if (ngx_strcmp(value[2].data, "optional") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[2]);
            return NGX_CONF_ERROR;
        }

        mlcf->client_optional = 1;
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {

        if (mlcf->client_optional) {
            return "takes no \"optional\" with \"off\"";
        }

        mlcf->client_cn.len = 0;
    }

    return NGX_CONF_OK;

#else

    return "needs an nginx that is built with SSL";

#endif
}


/* called for each webhook once its directives are merged */

ngx_int_t
ngx_http_meta_check_client_cn(ngx_conf_t *cf, ngx_http_meta_loc_conf_t *mlcf)
{
#if (NGX_HTTP_SSL)

    ngx_http_ssl_srv_conf_t  *sscf;

    if (mlcf->client_cn.len == 0) {
        return NGX_OK;
    }

    sscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_ssl_module);

    if (sscf->verify == NGX_HTTP_META_NO_CA) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"meta_client_cn\" needs certificates that are "
                           "verified: \"ssl_verify_client optional_no_ca\" "
                           "lets any through");
        return NGX_ERROR;
    }

    if (sscf->verify == 0) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"meta_client_cn\" without \"ssl_verify_client\": "
                           "no client will be asked for a certificate, and "
                           "every delivery will be %s",
                           mlcf->client_optional ? "let in"
                                                 : "answered 403");
    }

#endif

    return NGX_OK;
}


/* NGX_DECLINED: whoever this is may not deliver here */

ngx_int_t
ngx_http_meta_client(ngx_http_request_t *r, ngx_http_meta_loc_conf_t *mlcf)
{
#if (NGX_HTTP_SSL)

    X509       *cert;
    ngx_int_t   rc;

    if (mlcf->client_cn.len == 0) {
        return NGX_OK;
    }

    cert = NULL;

    if (r->connection->ssl) {
        cert = SSL_get_peer_certificate(r->connection->ssl->connection);
    }

    if (cert == NULL) {
        return mlcf->client_optional ? NGX_OK : NGX_DECLINED;
    }

    rc = NGX_DECLINED;

    if (SSL_get_verify_result(r->connection->ssl->connection) == X509_V_OK) {
        rc = ngx_http_meta_has_cn(cert, &mlcf->client_cn);
    }

    X509_free(cert);

    return rc;

#else

    return NGX_OK;

#endif
}


#if (NGX_HTTP_SSL)

/* by bytes, all of them: nothing that only begins with or contains it */

static ngx_int_t
ngx_http_meta_has_cn(X509 *cert, ngx_str_t *cn)
{
    int           i, len;
    u_char       *utf8;
    ngx_int_t     rc;
    X509_NAME    *name;
    ASN1_STRING  *str;

    name = X509_get_subject_name(cert);
    if (name == NULL) {
        return NGX_DECLINED;
    }

    i = X509_NAME_get_index_by_NID(name, NID_commonName, -1);

    if (i < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, i) >= 0) {
        return NGX_DECLINED;
    }

    str = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));

    len = ASN1_STRING_to_UTF8(&utf8, str);
    if (len < 0) {
        return NGX_DECLINED;
    }

    rc = NGX_DECLINED;

    if ((size_t) len == cn->len && ngx_memcmp(utf8, cn->data, len) == 0) {
        rc = NGX_OK;
    }

    OPENSSL_free(utf8);

    return rc;
}

#endif
