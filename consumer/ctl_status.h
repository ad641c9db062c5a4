/* How the queues stand: what status and top show. */

#ifndef CTL_STATUS_H
#define CTL_STATUS_H

#include "ctl.h"


/* numbers of a list, in the order of view_names */
enum view_number {
    VIEW_ARRIVED,
    VIEW_TAKEN,
    VIEW_WAITING,       /* Q and {Q}:urgent */
    VIEW_INFLIGHT,
    VIEW_HELD,
    VIEW_RETRY,
    VIEW_DEAD,
    VIEW_DONE,
    VIEW_WORKED,
    VIEW_DUPLICATE,
    VIEW_UNMATCHED,
    VIEW_EXPIRED,
    VIEW_DROPPED,
    VIEW_REPLAYED,
    VIEW_PARTS,         /* how many more came of changes with several */
    VIEW_KEPT,
    VIEW_MAX
};

struct view {
    const struct list  *list;
    long long           n[VIEW_MAX];
    long long           off;        /* taken less what is somewhere: 0 */
    long long           oldest;     /* -1: unknown */
    long long           due;
    long long           seen;       /* how far dedupe reaches back, or -1 */
    long long           until;
    char                owner[160]; /* "": nobody */
    char                alone[64];
    long long           now;
};

/* a lane on which events wait */
#define STANDING_MAX  200

struct standing {
    char       lane[STANDING_MAX];
    char       token[256];      /* whose lane it is: file or variable, or "" */
    char       why[200];        /* of a stop, or "" */
    const struct token  *stored;    /* the token, where it is the store's */
    long long  waiting;
    long long  since;           /* of a stop; -1: none */
    long long  until;
};

/* conversations that answer nothing by themselves, or not all */
#define QUIET_NAMED  20     /* in the picture */
#define QUIET_MAX    10000  /* that are kept, of paused ones */

struct quiet {
    struct buf  list;       /* a JSON array: the first ones to end */
    long long   n;
};

struct status {
    struct lists   lists;
    struct view   *views;
    struct view    sum;
    struct standing *lanes;
    size_t         nlanes;
    char           unseen[200];     /* why we may not see them, or "" */
    long long      now;
    struct buf     consumers;       /* a JSON array */
    struct buf     pauses;          /* a JSON object */
    struct quiet   stopped;         /* too many automatic replies */
    struct quiet   paused;          /* a person answers */
    struct buf     edge;            /* what meta_status said, or empty */
    long long      edge_before;     /* by Redis and drained, when the lists
                                       were not yet read */
    long long      edge_acked;      /* after that; -1: not asked */
    long long      edge_unknown;
    long long      edge_owed;       /* what Redis has not answered yet */
    long long      edge_start;      /* when nginx began to count; -1: unsaid */
    char           edge_why[200];
    char           edge_other[CTL_NAME_MAX];    /* a list that is none of our
                                                   queues', or "" */
};

extern const char *const view_names[VIEW_MAX];

void status_read(struct ctl *c, struct status *s, bool strays);
void status_free(struct status *s);
void view_read(struct ctl *c, struct view *v);      /* that of v->list */
bool status_good(const struct status *s);
/* which ceiling of the configuration is reached, so that nothing is taken:
   "dead_max", "waiting_max" or NULL; text: in words */
const char *view_full(const struct conf *conf, const struct view *v,
    char *text, size_t size);
/* what the edge says that Redis acknowledged, before or after the lists were
   read: the nearer one to what arrived; and what arrived beyond that */
long long status_acked(const struct status *s);
long long status_beyond(const struct status *s);
/* more arrived than nginx knows of: before it began to count, or by others */
bool status_more(const struct status *s);
void status_text(struct ctl *c, const struct status *s, struct buf *b);
void status_json(struct ctl *c, const struct status *s, struct jw *j);

/* ctl_quiet.c: "stopped" or "paused"; by: who paused it, which is asked for
   each */
void quiet_read(struct ctl *c, const char *which, long long now,
    long long limit, bool by, struct quiet *q);
/* a line for each of them, without what stands in front */
void quiet_text(const struct json *one, char *out, size_t size);

/* ctl_lanes.c */
void lanes_read(struct ctl *c, struct status *s);
void standing_read(struct ctl *c, struct standing *at);     /* of at->lane */
void lanes_json(const struct status *s, struct jw *j);
void standing_text(const struct standing *at, long long now, char *out,
    size_t size);

/* ctl_refused.c: what Redis refuses consumers that are alive; of the entry of
   one in meta:consumers, and in words */
bool refused_any(const struct status *s);
const struct json *refused_first(const struct json *one);
const char *refused_text(struct str what);
const char *refused_todo(struct str what);

/* ctl_show.c: until when, why, by whom; false: it is over */
bool pause_text(const struct json *pause, long long now, char *out,
    size_t size);

/* ctl_edge.c: the numbers of a meta_status page, before the lists are read and
   after; or edge_why */
void edge_before(struct ctl *c, struct status *s);
void edge_after(struct ctl *c, struct status *s);

/* edge_said: what the page itself calls warn or bad */
void edge_said(const struct status *s,
    void (*cb)(void *data, const char *level, const char *text), void *data);

/* ctl_http.c: GET; NULL, or what went wrong */
const char *ctl_get(const char *url, const char *ca_file, struct buf *answer);

/* ctl_post posts a body with one more header, or (header NULL) asks; NULL where
   an answer came, of whatever status */
const char *ctl_post(const char *url, const char *ca_file,
    const char *header, struct str body, long *status, struct buf *answer);

/* ctl_date: what its Date header says, ms; -1: nothing */
long long ctl_date(const char *url, const char *ca_file);

/* ctl_reach: NULL, or why no connection to the URL comes about, or cannot be
   trusted; unix_path: over that socket, or NULL; valid until the next call */
const char *ctl_reach(const char *url, const char *unix_path,
    const char *ca_file);


#endif /* CTL_STATUS_H */
