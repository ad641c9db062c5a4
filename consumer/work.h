/* The worker: what is done for the items of all queues of this process. */

#ifndef WORK_H
#define WORK_H

#include "conf.h"
#include "graph.h"
#include "handler.h"
#include "limits.h"
#include "queue.h"
#include "stats.h"


struct ask_line;
struct assist;
struct breaker;
struct desk;
struct flow;
struct flows;
struct heard;
struct know;
struct life;
struct lane_line;
struct rate_asked;
struct tokens;
struct work;

/* one for all queues */
struct worker {
    uv_loop_t          *loop;
    struct graph       *graph;
    struct handlers    *handlers;
    struct limits      *limits;
    struct conf        *conf;       /* for work that begins from now on */
    bool                leaving;    /* who ends now is ended by our leaving */

    size_t              running;    /* items whose work is under way */
    size_t              calls;      /* on the wire */
    struct work        *turn;       /* those that wait for a call's place */
    struct work       **turn_end;
    struct work        *naps;       /* those that wait a moment for a lane */
    size_t              nnaps;
    struct work        *waits;      /* those that wait for a receipt */
    size_t              nwaits;
    uv_timer_t          waiting;    /* they are looked after */
    uv_timer_t          alarm;      /* the first of them wakes */
    struct ask_line    *asks;       /* handlers and assistants, and who waits
                                       for them */
    size_t              asking;     /* of them, that are asked now */
    struct assist      *assists;    /* assistants that are asked now */
    struct breaker     *breakers;   /* of their endpoints */
    uv_timer_t          patience;   /* the first of who waits waits no more */
    struct lane_line   *lines;      /* lanes that items are held on */
    struct rate_asked  *rates;
    struct desk        *desks;
    struct redis       *redis;      /* of what is no queue's */
    struct tokens      *tokens;     /* also those that Redis keeps */
    bool                keyless;    /* tokens are stored, but not for us: it
                                       was logged */
    struct flows       *flows;      /* logins, and numbers of jobs */
    struct life        *life;       /* they are looked after */
    struct know        *know;       /* people, and messages that were sent */
    uv_timer_t          look;       /* whether somebody buried ambiguous ones */
    bool                ambiguous;  /* somebody did */
    struct heard       *refs;       /* of statuses that came lately */
    size_t              nrefs;

    struct usage        heard;      /* of the answer that is judged next */

    /* a queue of ours has drained */
    void              (*gone)(void *data, struct desk *desk);
    void               *data;
};

/* a list's work, the data of queue_new; it outlives the queue */
struct desk {
    struct desk        *next;
    struct worker      *worker;
    struct queue       *queue;      /* NULL: it is not ours now */
    char               *name;
    int                 kind;       /* of conf_queue */
    struct stat_row    *stats;
};


extern const struct queue_ops  work_ops;

/* worker_start: loop, conf, graph, limits and gone are set; worker_stop with
   leaving set, after the queues were freed: every call under way ends now */
void worker_start(struct worker *worker, const struct redis_target *target);
void worker_stop(struct worker *worker);

/* desk_of finds the desk of a list, or makes it; kind -1: as it is.  Its queue
   is the caller's to set, and to set NULL before it is freed */
struct desk *desk_of(struct worker *worker, const char *list, int kind);


#endif /* WORK_H */
