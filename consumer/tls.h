/* TLS to Redis, always verified.  It knows bytes and no socket, so that the
   consumer's loop and metactl, which waits, use the same. */

#ifndef TLS_H
#define TLS_H

#include "mem.h"


#define TLS_WHY_MAX  160
#define TLS_PART     (16 * 1024)    /* a record of TLS holds at most so much */

struct tls;
struct ssl_ctx_st;


/* tls_trust: those whom ca_file (PEM) names, NULL: those whom the system
   trusts.  -1: they cannot be loaded */
int tls_trust(const char *ca_file, struct ssl_ctx_st **trust);
void tls_distrust(struct ssl_ctx_st *trust);

/* tls_new: host is the name, or the address, that the certificate must bear;
   NULL: TLS knows no such name */
struct tls *tls_new(struct ssl_ctx_st *trust, const char *host);
void tls_free(struct tls *t);

/* tls_feed takes what came from the socket; tls_take appends to b what must go
   there, which may be something after each of the calls below */
void tls_feed(struct tls *t, const char *at, size_t len);
void tls_take(struct tls *t, struct buf *b);

/* tls_shake: 1 it is who it should be, 0 more must come, -1 see tls_why */
int tls_shake(struct tls *t);
bool tls_open(const struct tls *t);

/* tls_read: how many bytes, 0 more must come, -1 see tls_why */
int tls_read(struct tls *t, char *to, size_t size);
bool tls_write(struct tls *t, const char *at, size_t len, struct buf *b);
const char *tls_why(const struct tls *t);


#endif /* TLS_H */
