/* What the files of the fleet share, and nobody else sees. */

#ifndef FLEET_OWN_H
#define FLEET_OWN_H

#include "fleet.h"
#include "fleet_share.h"

#include "json.h"
#include "watch.h"


#define FLEET_KEY       "meta:consumers"
#define FLEET_ID_MAX    128
#define FLEET_LISTS     256         /* NAME:0 to NAME:255 */
#define FLEET_ASKED     256         /* queues whose number is asked for */
#define FLEET_NAME_MAX  208
#define FLEET_BEAT_MS   2000
#define FLEET_SOON_MS   500         /* lists are on their way to us */

/* of the configuration */
struct fleet_queue {
    const struct conf_queue  *conf;
    size_t                    n;        /* lists: what the edge says, if any */
    size_t                    warned;   /* of so many that the edge says */
    bool                      first;    /* ours to look for what is left over */
    size_t                    share;    /* what was said last */
    size_t                    members;
};

struct fleet_list {
    char          *name;
    char          *of;          /* the queue's name */
    struct queue  *q;           /* NULL: not ours */
    size_t         queue;       /* SIZE_MAX: it is not configured any more */
    bool           planned;     /* one of the queue's n; shared out */
    bool           left;        /* outside of them, with something in it */
    bool           claimed;
    bool           held;        /* as it was seen last */
    bool           stopped;     /* gave up by itself: for others, till SIGHUP */
    uint64_t       yielded;     /* when */
    char           whom[FLEET_ID_MAX];  /* it was said that he holds it */
};

struct fleet {
    uv_loop_t                *loop;
    const struct fleet_ops   *ops;
    void                     *data;
    struct redis             *redis;
    struct watch             *watch;
    struct conf              *conf;

    char                      id[FLEET_ID_MAX];
    char                      host[64];
    long long                 started;      /* ms */

    struct fleet_queue       *queues;
    size_t                    nqueues;
    struct fleet_list       **lists;        /* by name */
    size_t                    nlists;

    bool                      joining;      /* a call is on its way */
    unsigned                  joined;       /* its round */
    bool                      again;        /* there is news since */
    bool                      lost;         /* Redis was away since the start */
    bool                      refused;      /* it was said */
    bool                      crowded;      /* likewise: too many of us */
    uint64_t                  asked;
    uint64_t                  quiet;        /* till then nothing changes */

    bool                      leaving;
    size_t                    draining;     /* queues */

    unsigned                  looks;        /* replies that are to come */
    bool                      look_refused; /* it was said */
    unsigned                  round;        /* of fleet_conf */

    uv_timer_t                beat;
    uv_timer_t                check;
    uv_timer_t                look;
    int                       handles;
};


/* fleet.c */
void fleet_claim(struct fleet *f, struct fleet_list *list);
void fleet_yield(struct fleet *f, struct fleet_list *list);
/* true if there is no answer, or an error: which is said once */
bool fleet_refused(const struct reply *reply, const char *what, bool *said);

/* fleet_lists.c: which lists there are */
void fleet_plan(struct fleet *f);
struct fleet_list *fleet_list(struct fleet *f, const char *name, size_t queue);
struct fleet_list *fleet_find(const struct fleet *f, struct str name);
bool fleet_taken(const struct fleet *f, const char *name, size_t queue);
void fleet_prune(struct fleet *f);
void fleet_list_free(struct fleet_list *list);
void fleet_edge(struct fleet *f, const struct reply *reply);

/* fleet_look.c: what is left in lists that are none of the queue's */
void fleet_look(struct fleet *f);
void fleet_look_soon(struct fleet *f);

/* fleet_view.c: who has what, and what we have to do */
unsigned fleet_view(struct fleet *f, const struct reply *reply);

/* fleet_entry.c: what consumers say of themselves */
void fleet_entry(const struct fleet *f, struct buf *b);
struct json_doc *fleet_read(struct str entry);
bool fleet_names(const struct json *entry, const char *member,
    struct str name);


#endif /* FLEET_OWN_H */
