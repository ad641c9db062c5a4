/* A job: what a program wants done, an element of the outbox
   (docs/outbox.md). */

#ifndef JOB_H
#define JOB_H

#include "reply.h"


#define JOB_ID_MAX  200


enum job_rc {
    JOB_OK,
    JOB_NEWER,          /* "v" is larger than this program knows */
    JOB_FAULTY
};

/* slices live as long as the job */
struct job {
    struct json_doc  *doc;
    char             *own;              /* the lines that it makes itself */
    struct str        id;
    struct str        account;          /* empty: none */
    struct str        to;
    struct str        key;              /* its line; empty: none */
    struct str        twin;             /* that of its idempotency_key */
    struct str        reply_to;         /* empty: no result is wanted */
    struct str        idempotency_key;
    long long         not_before;       /* ms, 0: now */
    long long         expires;          /* ms, 0: never */
    struct action    *actions;
    size_t            nactions;
};


/* job_parse: on JOB_FAULTY *f says why, and id and reply_to are what could be
   read of them; prefix is outbox.reply_prefix, a reply_to without it is a
   fault and stays empty.  job_free must follow whatever it returned. */
enum job_rc job_parse(struct str bytes, const char *prefix, struct job *job,
    struct fault *f);
void job_free(struct job *job);

/* job_lines: the lines that it stands in, at most JOB_LINES_MAX; they live as
   long as the job.  Two of one idempotency_key stand in one of their own */
#define JOB_LINES_MAX  2
size_t job_lines(const struct job *job, struct str lines[JOB_LINES_MAX]);

/* job_check: 0, and *target is whom its replies go to, or -1 and *f says what
   its account, its channel or the configuration do not allow */
int job_check(const struct job *job, const struct conf *conf,
    struct target *target, struct fault *f);

/* time_parse: integer ms since 1970, or RFC 3339 with an offset; -1: neither */
int time_parse(const struct json *j, long long *ms);


#endif /* JOB_H */
