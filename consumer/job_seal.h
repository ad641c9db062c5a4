/* Secrets of jobs: what a program pushed in clear stands sealed in Redis as
   soon as its job is taken. */

#ifndef JOB_SEAL_H
#define JOB_SEAL_H

#include "conf.h"


/* job_seal: the record holds a secret in clear, and *out is the same without;
   the caller's to free.  keys NULL: what cannot be sealed is blanked */
bool job_seal(struct str record, const struct conf_keys *keys,
    struct buf *out);

/* job_blank: the same of one that is at fault, so that nothing knows where its
   secrets are: stars stand for all that may be one */
bool job_blank(struct str record, const struct conf_keys *keys,
    struct buf *out);

/* job_open: a secret as it was pushed; NULL: it cannot be opened, its key is
   gone.  To be wiped */
char *job_open(const char *text, const struct conf_keys *keys);


#endif /* JOB_SEAL_H */
