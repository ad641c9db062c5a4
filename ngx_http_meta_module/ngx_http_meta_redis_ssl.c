
/*
 * TLS to Redis: always verified, by nginx's own ngx_ssl.  The buffer of
 * NGX_SSL_BUFFER stands between us and SSL_write(), which wants the same
 * bytes at the same place again when it could not send them.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "ngx_http_meta_redis.h"


#if (NGX_SSL)

#define NGX_HTTP_META_SSL_DEPTH  9
#define NGX_HTTP_META_SSL_BUFS   64


static void ngx_http_meta_redis_ssl_handler(ngx_connection_t *c);
static void ngx_http_meta_redis_ssl_wipe(ngx_connection_t *c);
static void ngx_http_meta_redis_ssl_log(ngx_connection_t *c, ngx_log_t *log);
static const char *ngx_http_meta_redis_ssl_verify(
    ngx_http_meta_redis_t *redis);


/* at configuration; ca_file is empty: the authorities that the system trusts */

ngx_int_t
ngx_http_meta_redis_ssl_init(ngx_conf_t *cf, ngx_http_meta_target_t *target)
{
    ngx_ssl_t           *ssl;
    ngx_pool_cleanup_t  *cln;

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (ssl == NULL) {
        return NGX_ERROR;
    }

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(ssl);
        return NGX_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    if (ngx_ssl_trusted_certificate(cf, ssl, &target->ca_file,
                                    NGX_HTTP_META_SSL_DEPTH)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (target->ca_file.len == 0
        && SSL_CTX_set_default_verify_paths(ssl->ctx) != 1)
    {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "SSL_CTX_set_default_verify_paths() failed");
        return NGX_ERROR;
    }

    target->ssl = ssl;

    return NGX_OK;
}


/* the socket is connected; what is left of connect_timeout is for this */

void
ngx_http_meta_redis_ssl_connect(ngx_http_meta_redis_t *redis)
{
    ngx_int_t                rc;
    ngx_connection_t        *c;
    ngx_http_meta_target_t  *target;

    c = redis->connection;
    target = redis->target;

    /* what goes wrong is one line of ours, not one for each attempt */

    ngx_http_meta_redis_ssl_log(c, &redis->quiet);

    c->pool = ngx_create_pool(256, ngx_cycle->log);

    if (c->pool == NULL
        || ngx_ssl_create_connection(target->ssl, c,
                                     NGX_SSL_BUFFER|NGX_SSL_CLIENT)
           != NGX_OK)
    {
        ngx_http_meta_redis_close(redis, "no memory", 0);
        return;
    }

    if (target->named
        && SSL_set_tlsext_host_name(c->ssl->connection,
                                    (char *) target->host.data)
           != 1)
    {
        ERR_clear_error();
        ngx_http_meta_redis_close(redis, "its name is none for TLS", 0);
        return;
    }

    if (!c->write->timer_set) {
        c->write->cancelable = 1;
        ngx_add_timer(c->write, target->connect_timeout);
    }

    rc = ngx_ssl_handshake(c);

    if (rc == NGX_AGAIN) {
        c->ssl->handler = ngx_http_meta_redis_ssl_handler;
        return;
    }

    ngx_http_meta_redis_ssl_handler(c);
}


static void
ngx_http_meta_redis_ssl_handler(ngx_connection_t *c)
{
    const char             *reason;
    ngx_http_meta_redis_t  *redis;

    redis = c->data;

    if (c->close) {
        ngx_http_meta_redis_close(redis, NULL, 0);
        return;
    }

    if (!c->ssl->handshaked) {
        ngx_http_meta_redis_close(redis, c->write->timedout
                                         ? "TLS handshake timed out"
                                         : "TLS handshake failed", 0);
        return;
    }

    /* nothing was sent so far: the password goes to whom we know */

    reason = ngx_http_meta_redis_ssl_verify(redis);

    /* a failed verification leaves errors that others would stumble over */

    ERR_clear_error();

    if (reason) {
        ngx_http_meta_redis_close(redis, reason, 0);
        return;
    }

    ngx_http_meta_redis_ssl_log(c, ngx_cycle->log);

    ngx_http_meta_redis_connected(redis);
}


static void
ngx_http_meta_redis_ssl_log(ngx_connection_t *c, ngx_log_t *log)
{
    c->log = log;
    c->read->log = log;
    c->write->log = log;
}


/* NULL: it is who it should be */

static const char *
ngx_http_meta_redis_ssl_verify(ngx_http_meta_redis_t *redis)
{
    int                      rc;
    long                     result;
    X509                    *cert;
    struct sockaddr         *sa;
    struct sockaddr_in      *sin;
    ngx_connection_t        *c;
    ngx_http_meta_target_t  *target;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6     *sin6;
#endif

    c = redis->connection;
    target = redis->target;

    result = SSL_get_verify_result(c->ssl->connection);

    if (result != X509_V_OK) {
        return X509_verify_cert_error_string(result);
    }

    if (target->named) {
        return ngx_ssl_check_host(c, &target->host) == NGX_OK ? NULL
                                    : "its certificate is of another name";
    }

    cert = SSL_get_peer_certificate(c->ssl->connection);
    if (cert == NULL) {
        return "it has no certificate";
    }

    sa = target->addrs[0].sockaddr;

    switch (sa->sa_family) {

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        rc = X509_check_ip(cert, sin6->sin6_addr.s6_addr, 16, 0);
        break;
#endif

    default: /* AF_INET */
        sin = (struct sockaddr_in *) sa;
        rc = X509_check_ip(cert, (u_char *) &sin->sin_addr, 4, 0);
        break;
    }

    X509_free(cert);

    return rc == 1 ? NULL : "its certificate is of another address";
}


/*
 * As writev(): how many bytes were taken, -1 and errno where none could be.
 * What was taken may still wait in the buffer, c->buffered then; no iovs:
 * only that is sent.
 */

ssize_t
ngx_http_meta_redis_ssl_send(ngx_connection_t *c, struct iovec *iovs,
    ngx_uint_t niov)
{
    ngx_http_meta_redis_t  *redis = c->data;

    ssize_t       sent;
    ngx_buf_t     bufs[NGX_HTTP_META_SSL_BUFS];
    ngx_uint_t    i;
    ngx_chain_t  *cl, chain[NGX_HTTP_META_SSL_BUFS];

    niov = ngx_min(niov, NGX_HTTP_META_SSL_BUFS);

    ngx_memzero(bufs, niov * sizeof(ngx_buf_t));

    for (i = 0; i < niov; i++) {
        bufs[i].memory = 1;
        bufs[i].pos = iovs[i].iov_base;
        bufs[i].last = bufs[i].pos + iovs[i].iov_len;

        chain[i].buf = &bufs[i];
        chain[i].next = (i + 1 < niov) ? &chain[i + 1] : NULL;
    }

    if (niov) {
        bufs[niov - 1].flush = 1;
    }

    cl = c->send_chain(c, niov ? chain : NULL, 0);

    if (cl == NGX_CHAIN_ERROR) {
        ngx_set_errno(0);
        return -1;
    }

    sent = 0;

    for (i = 0; i < niov; i++) {
        sent += bufs[i].pos - (u_char *) iovs[i].iov_base;
    }

    if (redis->state == NGX_HTTP_META_REDIS_HANDSHAKE && !c->buffered) {
        ngx_http_meta_redis_ssl_wipe(c);
    }

    return sent;
}


/* the buffer, in which the password stood */

static void
ngx_http_meta_redis_ssl_wipe(ngx_connection_t *c)
{
    ngx_buf_t  *b;

    b = c->ssl->buf;

    if (b && b->start) {
        ngx_explicit_memzero(b->start, b->end - b->start);
    }
}


/* says goodbye where that does not have to wait; the connection is closed */

void
ngx_http_meta_redis_ssl_close(ngx_connection_t *c)
{
    ngx_http_meta_redis_t  *redis = c->data;

    ngx_http_meta_redis_ssl_log(c, &redis->quiet);
    ngx_http_meta_redis_ssl_wipe(c);

    c->ssl->no_wait_shutdown = 1;

    if (ngx_ssl_shutdown(c) == NGX_AGAIN) {
        c->timedout = 1;
        (void) ngx_ssl_shutdown(c);
    }

    ERR_clear_error();
}

#endif
