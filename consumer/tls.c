/* TLS to Redis, always verified: OpenSSL between two buffers. */

#include "tls.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>


#define TLS_DEPTH  9


struct tls {
    SSL   *ssl;
    BIO   *in;      /* both are ssl's */
    BIO   *out;
    bool   open;
    char   why[TLS_WHY_MAX];
};


/* tls_trust loads authorities */
int tls_trust(const char *ca_file, struct ssl_ctx_st **trust)
{
    int       rc;
    SSL_CTX  *ctx = SSL_CTX_new(TLS_client_method());

    if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
    {
        SSL_CTX_free(ctx);
        return -1;
    }

    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_verify_depth(ctx, TLS_DEPTH);

    rc = ca_file != NULL ? SSL_CTX_load_verify_locations(ctx, ca_file, NULL)
         : SSL_CTX_set_default_verify_paths(ctx);
    ERR_clear_error();

    if (rc != 1) {
        SSL_CTX_free(ctx);
        return -1;
    }

    *trust = ctx;

    return 0;
}


/* tls_distrust forgets them, when no connection needs them any more */
void tls_distrust(struct ssl_ctx_st *trust)
{
    SSL_CTX_free(trust);
}


/* an address has to stand in the certificate as one, a name as a name */
static bool tls_expect(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM  *param = SSL_get0_param(ssl);

    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1) {
        return true;
    }

    return X509_VERIFY_PARAM_set1_host(param, host, 0) == 1
           && SSL_set_tlsext_host_name(ssl, host) == 1;
}


/* tls_new begins as the client */
struct tls *tls_new(struct ssl_ctx_st *trust, const char *host)
{
    struct tls  *t = mem_alloc(sizeof(*t));

    t->ssl = SSL_new(trust);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());

    if (t->ssl == NULL || t->in == NULL || t->out == NULL) {
        abort();
    }

    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_connect_state(t->ssl);

    if (!tls_expect(t->ssl, host)) {
        tls_free(t);
        t = NULL;
    }

    ERR_clear_error();

    return t;
}


/* tls_free ends it without a word to the other side; NULL is fine */
void tls_free(struct tls *t)
{
    if (t != NULL) {
        SSL_free(t->ssl);
        free(t);
    }
}


/* tls_feed keeps what the socket gave until it is read */
void tls_feed(struct tls *t, const char *at, size_t len)
{
    if (BIO_write(t->in, at, (int) len) != (int) len) {
        abort();
    }
}


/* tls_take moves what has to be sent */
void tls_take(struct tls *t, struct buf *b)
{
    int   n;
    char  part[TLS_PART];

    while ((n = BIO_read(t->out, part, sizeof(part))) > 0) {
        buf_add(b, part, n);
    }
}


static void tls_failed(struct tls *t, int error)
{
    long         verified = SSL_get_verify_result(t->ssl);
    const char  *why = ERR_reason_error_string(ERR_peek_last_error());

    if (verified == X509_V_ERR_HOSTNAME_MISMATCH) {
        snprintf(t->why, TLS_WHY_MAX, "its certificate is of another name");

    } else if (verified == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        snprintf(t->why, TLS_WHY_MAX, "its certificate is of another address");

    } else if (verified != X509_V_OK) {
        snprintf(t->why, TLS_WHY_MAX, "its certificate does not verify: %s",
                 X509_verify_cert_error_string(verified));

    } else if (error == SSL_ERROR_ZERO_RETURN) {
        snprintf(t->why, TLS_WHY_MAX, "closed by Redis");

    } else {
        snprintf(t->why, TLS_WHY_MAX, "%s: %s", t->open ? "TLS failed"
                 : "TLS handshake failed", why != NULL ? why : "no reason");
    }

    ERR_clear_error();
}


/* tls_shake goes on with the handshake */
int tls_shake(struct tls *t)
{
    int  rc, error;

    ERR_clear_error();
    rc = SSL_do_handshake(t->ssl);

    if (rc == 1) {
        t->open = true;
        return 1;
    }

    error = SSL_get_error(t->ssl, rc);
    if (error == SSL_ERROR_WANT_READ) {
        return 0;
    }

    tls_failed(t, error);

    return -1;
}


/* tls_open says whether the handshake is over, and was good */
bool tls_open(const struct tls *t)
{
    return t->open;
}


/* tls_read opens what was fed */
int tls_read(struct tls *t, char *to, size_t size)
{
    int  n, error;

    ERR_clear_error();
    n = SSL_read(t->ssl, to, (int) size);

    if (n > 0) {
        return n;
    }

    error = SSL_get_error(t->ssl, n);
    if (error == SSL_ERROR_WANT_READ) {
        return 0;
    }

    tls_failed(t, error);

    return -1;
}


/* tls_write seals len bytes into b; false: see tls_why */
bool tls_write(struct tls *t, const char *at, size_t len, struct buf *b)
{
    int     rc;
    size_t  n, done;

    ERR_clear_error();

    for (done = 0; done < len; done += n) {
        n = len - done < TLS_PART ? len - done : TLS_PART;
        rc = SSL_write(t->ssl, at + done, (int) n);

        if (rc != (int) n) {
            tls_failed(t, SSL_get_error(t->ssl, rc));
            return false;
        }

        tls_take(t, b);
    }

    return true;
}


/* tls_why says what went wrong */
const char *tls_why(const struct tls *t)
{
    return t->why;
}
