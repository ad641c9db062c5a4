/* What metactl doctor looks at, and how it says what it found. */

#ifndef CTL_DOCTOR_H
#define CTL_DOCTOR_H

#include "ctl_status.h"


#define DOCTOR_MEND  1024    /* of one line */


enum level {
    LEVEL_OK,
    LEVEL_WARN,
    LEVEL_BAD
};

struct doctor {
    struct ctl  *c;
    struct jw    j;
    size_t       found[3];      /* by level */
    char        *callback;      /* the webhook's URL; NULL: not known */
    struct buf   edge;          /* what nginx's page said, or empty */
    uint64_t     wrong;         /* bits of apps whose secret Meta refuses */
};


/* doctor_say: one line; todo NULL where nothing is to be done */
void doctor_say(struct doctor *d, enum level level, const char *check,
    const char *todo, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* ctl_doctor_files.c */
void doctor_files(struct doctor *d);

/* ctl_doctor_who.c */
bool doctor_consumers(struct doctor *d, const struct status *s);
void doctor_pauses(struct doctor *d, const struct status *s);
void doctor_stuck(struct doctor *d, const struct status *s);
void doctor_edge(struct doctor *d, const struct status *s);

/* ctl_doctor_redis.c */
void doctor_redis(struct doctor *d);

/* ctl_doctor_net.c: whether Graph can be reached */
bool doctor_net(struct doctor *d);

/* ctl_doctor_meta.c */
void doctor_version(struct doctor *d);
void doctor_meta(struct doctor *d);

/* ctl_doctor_hook.c */
void doctor_hook(struct doctor *d);

/* ctl_doctor_keys.c: nginx's files of keys beside our own; path: one that this
   user can read */
void doctor_token_keys(struct doctor *d, const char *path);
void doctor_sealed(struct doctor *d);     /* Redis is there */
void doctor_link_keys(struct doctor *d, const char *path);

/* ctl_doctor_nginx.c */
void doctor_nginx(struct doctor *d);


#endif /* CTL_DOCTOR_H */
