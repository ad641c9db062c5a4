/* TLS of a connection that waits: hiredis connects, writes commands as bytes
   and reads replies from bytes; those of the socket pass here. */

#include "ctl_redis_tls.h"
#include "tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <sys/socket.h>

#include <hiredis/hiredis.h>


#define SEALED_MAX  (64 * 1024 * 1024)


/* the context has it as hiredis leaves it, and is not used any more */
static void tls_fault(redisContext *redis, const char *why)
{
    redis->err = REDIS_ERR_OTHER;
    snprintf(redis->errstr, sizeof(redis->errstr), "%s", why);
}


static bool tls_send(redisContext *redis, const struct buf *b)
{
    size_t   done;
    ssize_t  n;

    if (b->over) {
        tls_fault(redis, "a command over 64 MB");
        return false;
    }

    for (done = 0; done < b->len; done += n) {
        n = send(redis->fd, b->at + done, b->len - done, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR) {
            n = 0;

        } else if (n <= 0) {
            tls_fault(redis, errno == EAGAIN ? "it takes nothing in time"
                      : strerror(errno));
            return false;
        }
    }

    return true;
}


/* waits for bytes, as long as redisSetTimeout said */
static bool tls_receive(redisContext *redis, struct tls *tls)
{
    char     part[TLS_PART];
    ssize_t  n;

    do {
        n = recv(redis->fd, part, sizeof(part), 0);
    } while (n < 0 && errno == EINTR);

    if (n <= 0) {
        tls_fault(redis, n == 0 ? "closed by Redis"
                  : errno != EAGAIN ? strerror(errno)
                  : tls_open(tls) ? "no reply in time"
                  : "TLS handshake timed out");
        return false;
    }

    tls_feed(tls, part, n);

    return true;
}


/* 1, 0: nothing was in the way, -1: something was */
static int tls_step(redisContext *redis, struct tls *tls)
{
    int         rc = tls_shake(tls);
    bool        sent;
    struct buf  b;

    buf_init(&b, SEALED_MAX);
    tls_take(tls, &b);
    sent = tls_send(redis, &b);
    buf_free(&b);

    if (rc < 0) {
        tls_fault(redis, tls_why(tls));
    }

    return sent ? rc : -1;
}


/* ctl_tls_new returns an open one */
struct tls *ctl_tls_new(struct redisContext *redis,
    const struct redis_target *target)
{
    int          rc;
    struct tls  *tls = tls_new(target->trust, target->host);

    if (tls == NULL) {
        tls_fault(redis, "its name is none for TLS");
        return NULL;
    }

    do {
        rc = tls_step(redis, tls);
    } while (rc == 0 && tls_receive(redis, tls));

    if (rc == 1) {
        return tls;
    }

    tls_free(tls);

    return NULL;
}


static bool tls_say(redisContext *redis, struct tls *tls, int argc,
    const char **argv, const size_t *len)
{
    long long   n;
    bool        sent;
    char       *command = NULL;
    struct buf  b;

    n = redisFormatCommandArgv(&command, argc, argv, (size_t *) len);
    if (n < 0) {
        tls_fault(redis, "out of memory");
        return false;
    }

    buf_init(&b, SEALED_MAX);
    sent = tls_write(tls, command, n, &b);

    if (!sent) {
        tls_fault(redis, tls_why(tls));
    }

    sent = sent && tls_send(redis, &b);
    buf_free(&b);
    redisFreeCommand(command);

    return sent;
}


/* ctl_tls_ask sends one command and waits for its reply */
void *ctl_tls_ask(struct redisContext *redis, struct tls *tls, int argc,
    const char **argv, const size_t *len)
{
    int    n;
    void  *reply = NULL;
    char   plain[TLS_PART];

    if (!tls_say(redis, tls, argc, argv, len)) {
        return NULL;
    }

    for ( ;; ) {
        if (redisReaderGetReply(redis->reader, &reply) != REDIS_OK) {
            tls_fault(redis, "no Redis protocol");
            return NULL;
        }

        if (reply != NULL) {
            return reply;
        }

        n = tls_read(tls, plain, sizeof(plain));

        if (n < 0) {
            tls_fault(redis, tls_why(tls));
            return NULL;
        }

        if (n > 0 && redisReaderFeed(redis->reader, plain, n) != REDIS_OK) {
            tls_fault(redis, "out of memory");
            return NULL;
        }

        if (n == 0 && !tls_receive(redis, tls)) {
            return NULL;
        }
    }
}
