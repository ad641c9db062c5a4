/*
 * Connections of the load generator: TCP, or TLS by OpenSSL on top of it.
 *
 * The server's certificate is not verified: it is the bench's own, and what
 * is measured is the server.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "stream.h"


static const char *stream_handshake(stream_t *s);
static ssize_t stream_result(stream_t *s, int n);


const char *
stream_open(stream_t *s, int port, int tls)
{
    int                 one;
    const char         *failed;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t) port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    one = 1;
    s->tls = NULL;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);

    if (s->fd == -1
        || connect(s->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        || setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == -1)
    {
        return strerror(errno);
    }

    if (tls) {
        failed = stream_handshake(s);
        if (failed) {
            return failed;
        }
    }

    if (fcntl(s->fd, F_SETFL, O_NONBLOCK) == -1) {
        return strerror(errno);
    }

    return NULL;
}


static const char *
stream_handshake(stream_t *s)
{
    SSL             *ssl;
    static SSL_CTX  *ctx;

    if (ctx == NULL) {
        ctx = SSL_CTX_new(TLS_client_method());
        if (ctx == NULL) {
            return "no TLS context";
        }

        SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE
                              | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }

    ssl = SSL_new(ctx);

    if (ssl == NULL || SSL_set_fd(ssl, s->fd) != 1 || SSL_connect(ssl) != 1) {
        SSL_free(ssl);
        return "TLS handshake failed";
    }

    s->tls = ssl;

    return NULL;
}


ssize_t
stream_read(stream_t *s, void *buf, size_t len)
{
    if (s->tls == NULL) {
        return read(s->fd, buf, len);
    }

    return stream_result(s, SSL_read(s->tls, buf,
                                     len < INT_MAX ? (int) len : INT_MAX));
}


ssize_t
stream_write(stream_t *s, const void *buf, size_t len)
{
    if (s->tls == NULL) {
        return write(s->fd, buf, len);
    }

    return stream_result(s, SSL_write(s->tls, buf,
                                      len < INT_MAX ? (int) len : INT_MAX));
}


static ssize_t
stream_result(stream_t *s, int n)
{
    if (n > 0) {
        return n;
    }

    switch (SSL_get_error(s->tls, n)) {

    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        errno = EAGAIN;
        return -1;

    case SSL_ERROR_ZERO_RETURN:
        return 0;

    default:
        errno = EPROTO;
        return -1;
    }
}
