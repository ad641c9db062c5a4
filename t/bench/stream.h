/*
 * A client's connection to 127.0.0.1, plain or TLS, for t/bench/load.c.
 */

#ifndef META_BENCH_STREAM_H
#define META_BENCH_STREAM_H

#include <sys/types.h>


typedef struct {
    int    fd;
    void  *tls;                     /* SSL *, NULL where it is plain */
} stream_t;


/* connects and, with tls, shakes hands; then the socket does not block */
const char *stream_open(stream_t *s, int port, int tls);

/* as read() and write(): 0 is the end, -1 with EAGAIN says try again */
ssize_t stream_read(stream_t *s, void *buf, size_t len);
ssize_t stream_write(stream_t *s, const void *buf, size_t len);


#endif /* META_BENCH_STREAM_H */
