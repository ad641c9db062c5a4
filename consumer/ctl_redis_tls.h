/* What is between metactl's connection and its socket where it has TLS. */

#ifndef CTL_REDIS_TLS_H
#define CTL_REDIS_TLS_H

#include "redis.h"


struct redisContext;


/* ctl_tls_new makes the handshake on a connected socket; NULL: the context has
   the error */
struct tls *ctl_tls_new(struct redisContext *redis,
    const struct redis_target *target);

/* ctl_tls_ask: as redisCommandArgv */
void *ctl_tls_ask(struct redisContext *redis, struct tls *tls, int argc,
    const char **argv, const size_t *len);


#endif /* CTL_REDIS_TLS_H */
