/* What the files of the limits share, and nobody else sees. */

#ifndef LIMITS_OWN_H
#define LIMITS_OWN_H

#include "control.h"
#include "limits.h"
#include "script.h"
#include "stats.h"


#define KNOWN_BUCKETS  4096
#define KNOWN_MAX      32768
#define PREFIX_MAX     (LANE_NAME_MAX + 24)     /* meta:limit:stop:LANE */

/* what this process knows of a lane; times are the loop's */
struct known {
    struct known  *next;        /* of its bucket */
    uint64_t       until;       /* closed; 0: not */
    uint64_t       slow_until;
    uint64_t       forget;      /* that it is probing */
    double         slow;        /* a call costs so many */
    double         per_s;       /* learned; 0: as configured */
    unsigned long  seq;         /* of its last stop */
    size_t         room;        /* how many may go when it opens */
    bool           stopped;     /* a stop, not a rate */
    bool           probing;     /* a stop ended, and nothing passed yet */
    bool           probed;      /* closed for a probe of ours, on its way */
    bool           paused;      /* as meta:control says */
    char           name[LANE_NAME_MAX];
};

struct ask {
    struct ask   *next;
    limits_cb     cb;
    void         *data;
    size_t        n;
    struct lane   lanes[];
};

/* asks of one script call */
struct batch {
    struct batch   *next;
    struct limits  *limits;
    struct ask     *asks;
};

struct limits {
    uv_loop_t           *loop;
    struct redis        *redis;
    struct rate          rates[LANE_KINDS];
    unsigned char        key[16];
    char                 by[64];

    struct ask          *first;     /* of this turn */
    struct ask         **last;
    struct batch        *batches;   /* on their way */

    struct lane         *given;     /* inbound, not yet told */
    size_t               ngiven;

    struct known        *known[KNOWN_BUCKETS];
    size_t               nknown;
    size_t               nprobing;
    uint64_t             next_open;

    struct control       control;
    bool                 refused;   /* Redis said no, and it was logged */
    bool                 polling;
    bool                 told;      /* what is paused, once */
    bool                 unread;    /* pauses were refused: it was said */
    unsigned long        seq;       /* of stops and pauses: an answer to what
                                       was asked before one knows it not */
    unsigned long        pause_seq;
    size_t               polled;    /* where the next poll begins */

    limits_open_cb       on_open;
    void                *open_data;
    limits_pause_cb      on_pause;
    void                *pause_data;

    uv_idle_t            flush;
    uv_timer_t           opens;
    uv_timer_t           gives;
    uv_timer_t           poll;
    int                  handles;
};


/* limits.c */
void limits_want_flush(struct limits *l);

/* limits_known.c */
struct known *known_find(struct limits *l, const char *name);
struct known *known_get(struct limits *l, const char *name);   /* or NULL */
struct known *known_make(struct limits *l, const char *name);  /* never NULL */
void known_close(struct limits *l, struct known *k, uint64_t ms);
void known_probing(struct limits *l, struct known *k, bool probing);
void known_open(struct limits *l, bool (*which)(struct limits *l,
    const struct known *k));
void known_free(struct limits *l);
void on_opens(uv_timer_t *timer);

/* limits_batch.c */
void limits_flush(struct limits *l);
void limits_refuse_all(struct limits *l);
void on_gives(uv_timer_t *timer);

/* limits_gauges.c */
struct stat_row *limits_row(enum lane_kind kind);

/* limits_poll.c */
void on_poll(uv_timer_t *timer);
void limits_told_pause(void *data, const char *queue, bool paused);

/* limits_stop.c */
void limits_stop_name(struct limits *l, const char *name, uint64_t ms,
    unsigned grows, const char *why);


#endif /* LIMITS_OWN_H */
