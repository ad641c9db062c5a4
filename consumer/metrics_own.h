/* What metrics.c (the figures) and metrics_http.c (who asks) share. */

#ifndef METRICS_OWN_H
#define METRICS_OWN_H

#include "metrics.h"

#include <stdint.h>


#define METRICS_REQUEST_MAX  4096
#define METRICS_CLIENTS_MAX  16
#define METRICS_CLIENT_MS    5000       /* from its coming to its going */

/* who waits for figures */
struct metrics_client {
    struct metrics         *metrics;    /* NULL: closing */
    struct metrics_client  *next;       /* of all */
    struct metrics_client  *waiting;    /* of those that want figures */
    bool                    answered;
    bool                    head;       /* HEAD, not GET */
    size_t                  len;
    char                    request[METRICS_REQUEST_MAX + 1];   /* and a zero */
    struct buf              answer;
    uv_write_t              write;
    uv_shutdown_t           shutdown;
    int                     handles;
    uv_timer_t              timer;
    union {
        uv_handle_t         handle;
        uv_stream_t         stream;
        uv_tcp_t            tcp;
        uv_pipe_t           pipe;
    } u;
};

struct metrics {
    uv_loop_t                *loop;
    struct conf_listen        where;
    metrics_cb                cb;
    void                     *data;

    struct redis             *redis;
    struct metrics_client    *waiting;  /* until asked is 0 */
    size_t                    asked;    /* replies that Redis owes */
    uint64_t                  read;     /* when, our clock, ms; 0: never */
    uv_timer_t                deadline; /* of who waits */

    bool                      open;     /* the handle below is */
    bool                      said;     /* that it cannot listen */
    bool                      closing;
    uv_timer_t                retry;
    int                       handles;  /* to be closed before free */
    size_t                    nclients;
    struct metrics_client    *clients;
    union {
        uv_handle_t           handle;
        uv_stream_t           stream;
        uv_tcp_t              tcp;
        uv_pipe_t             pipe;
    } u;
};


/* metrics.c */
void metrics_want(struct metrics_client *c);    /* client_figures follows */
void metrics_forget(struct metrics_client *c);  /* it waits no more */
void metrics_drop(struct metrics *m);           /* one handle less */

/* metrics_http.c */
void metrics_listen(struct metrics *m);
void client_figures(struct metrics_client *c);
void client_close(struct metrics_client *c);


#endif /* METRICS_OWN_H */
