/* TLS between a Redis connection and its socket. */

#include "redis_own.h"
#include "tls.h"


/* what TLS itself has to say; it may do so at any time */
static void redis_say_tls(struct conn *c)
{
    struct redis  *r = c->redis;

    tls_take(c->tls, &r->sealed);
    if (r->sealed.len) {
        redis_write(r, &r->sealed);
    }
}


/* redis_shake begins the handshake, or goes on with it; until it is over
   nothing else is sent */
void redis_shake(struct conn *c)
{
    int                         rc;
    const struct redis_target  *t = c->redis->target;

    if (c->tls == NULL) {
        c->tls = tls_new(t->trust, t->host);
        if (c->tls == NULL) {
            redis_lost(c->redis, "its name is none for TLS");
            return;
        }
    }

    rc = tls_shake(c->tls);
    redis_say_tls(c);

    if (c->redis == NULL) {
        return;
    }

    if (rc < 0) {
        redis_lost(c->redis, tls_why(c->tls));

    } else if (rc > 0) {
        redis_hello(c->redis);
    }
}


/* redis_seal sends what waits */
void redis_seal(struct redis *r)
{
    struct tls  *tls = r->conn->tls;

    if (!tls_write(tls, r->out.at, r->out.len, &r->sealed)) {
        redis_lost(r, tls_why(tls));
        return;
    }

    r->out.len = 0;
    redis_write(r, &r->sealed);
}


/* redis_unseal reads what came; c->redis is asked anew each time */
void redis_unseal(struct conn *c, const char *at, size_t n)
{
    int   got = 0;
    char  plain[TLS_PART];

    tls_feed(c->tls, at, n);

    if (!tls_open(c->tls)) {
        redis_shake(c);
    }

    while (c->redis != NULL && tls_open(c->tls)) {
        got = tls_read(c->tls, plain, sizeof(plain));
        if (got <= 0) {
            break;
        }
        redis_read(c, plain, got);
    }

    if (c->redis != NULL && got == 0) {
        redis_say_tls(c);

    } else if (c->redis != NULL) {
        redis_lost(c->redis, tls_why(c->tls));
    }
}
