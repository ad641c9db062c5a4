
/*
 * Secrets in memory: one mapping for all of a configuration, which no core
 * file holds.  Workers inherit it, and it goes, wiped, with the cycle's pool.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_module.h"


/* address space; only what is used of it takes memory */
#define NGX_HTTP_META_SECRETS_SIZE  (4 * 1024 * 1024)


static void ngx_http_meta_secret_wiped(void *data);
static ngx_int_t ngx_http_meta_secret_map(ngx_conf_t *cf,
    ngx_http_meta_vault_t *vault);
static void ngx_http_meta_secret_unmap(void *data);


/* zeroed; NULL: said why in the log */

void *
ngx_http_meta_secret_alloc(ngx_conf_t *cf, size_t size)
{
    u_char                     *p;
    ngx_http_meta_vault_t      *vault;
    ngx_http_meta_main_conf_t  *mmcf;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_meta_module);
    vault = &mmcf->vault;

    if (vault->start == NULL
        && ngx_http_meta_secret_map(cf, vault) != NGX_OK)
    {
        return NULL;
    }

    size = ngx_align(size, NGX_ALIGNMENT);

    if (size > (size_t) (vault->end - vault->pos)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the secrets, tokens and keys of this "
                           "configuration are more than %d bytes",
                           NGX_HTTP_META_SECRETS_SIZE);
        return NULL;
    }

    p = vault->pos;
    vault->pos += size;

    return p;
}


u_char *
ngx_http_meta_secret_dup(ngx_conf_t *cf, ngx_str_t *src)
{
    u_char  *p;

    p = ngx_http_meta_secret_alloc(cf, src->len);

    if (p != NULL) {
        ngx_memcpy(p, src->data, src->len);
    }

    return p;
}


/* bytes of a request that carry a secret: wiped when its pool goes */

ngx_int_t
ngx_http_meta_secret_wipe(ngx_pool_t *pool, ngx_str_t *bytes)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_str_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_meta_secret_wiped;
    *(ngx_str_t *) cln->data = *bytes;

    return NGX_OK;
}


static void
ngx_http_meta_secret_wiped(void *data)
{
    ngx_str_t  *bytes = data;

    ngx_explicit_memzero(bytes->data, bytes->len);
}


/* what the server of this location decrypts does not stay with libssl */

void
ngx_http_meta_secret_server(ngx_conf_t *cf)
{
#if (NGX_HTTP_SSL && defined SSL_OP_CLEANSE_PLAINTEXT)

    ngx_http_ssl_srv_conf_t  *sscf;

    sscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_ssl_module);

    if (sscf && sscf->ssl.ctx) {
        (void) SSL_CTX_set_options(sscf->ssl.ctx, SSL_OP_CLEANSE_PLAINTEXT);
    }

#endif
}


static ngx_int_t
ngx_http_meta_secret_map(ngx_conf_t *cf, ngx_http_meta_vault_t *vault)
{
    u_char              *p;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    p = mmap(NULL, NGX_HTTP_META_SECRETS_SIZE, PROT_READ|PROT_WRITE,
             MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "mmap() of %d bytes for secrets failed",
                           NGX_HTTP_META_SECRETS_SIZE);
        return NGX_ERROR;
    }

    cln->handler = ngx_http_meta_secret_unmap;
    cln->data = vault;

    vault->start = p;
    vault->pos = p;
    vault->end = p + NGX_HTTP_META_SECRETS_SIZE;

#ifdef MADV_DONTDUMP

    if (madvise(p, NGX_HTTP_META_SECRETS_SIZE, MADV_DONTDUMP) == -1) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, ngx_errno,
                           "madvise(MADV_DONTDUMP) failed: secrets will "
                           "stand in core files");
    }

#endif

    return NGX_OK;
}


static void
ngx_http_meta_secret_unmap(void *data)
{
    ngx_http_meta_vault_t  *vault = data;

    ngx_explicit_memzero(vault->start, vault->pos - vault->start);

    if (munmap(vault->start, vault->end - vault->start) == -1) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      "munmap() of secrets failed");
    }
}
