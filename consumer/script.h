/* The Lua scripts that move items: each is one file, consumer/NAME.lua. */

#ifndef SCRIPT_H
#define SCRIPT_H

#include "redis.h"


enum script {
    SCRIPT_LEASE,
    SCRIPT_RELEASE,
    SCRIPT_AMENDS,
    SCRIPT_ALONE,
    SCRIPT_SYNC,
    SCRIPT_TAKE,
    SCRIPT_RECALL,
    SCRIPT_PARTS,
    SCRIPT_REWRITE,
    SCRIPT_ENTER,
    SCRIPT_START,
    SCRIPT_MARK,
    SCRIPT_FINISH,
    SCRIPT_PARK,
    SCRIPT_DUE,
    SCRIPT_WAKE,
    SCRIPT_LANES,
    SCRIPT_REBUILD,
    SCRIPT_SWEEP,
    SCRIPT_BACK,
    SCRIPT_FIGURES,
    SCRIPT_SETTLE,
    SCRIPT_REFS,
    SCRIPT_OLD,
    SCRIPT_LIMIT,
    SCRIPT_LIMIT_STOP,
    SCRIPT_LIMIT_PASSED,
    SCRIPT_CONTROL,
    SCRIPT_JOIN,
    SCRIPT_KNOW,
    SCRIPT_CONVERSATION,
    SCRIPT_TOKEN_LOOK,
    SCRIPT_TOKEN_READ,
    SCRIPT_TOKEN_PUT,
    SCRIPT_TOKEN_OUT,
    SCRIPT_TOKEN_LOCK,
    SCRIPT_CALLBACK,
    SCRIPT_COUNT
};

/* keys and arguments of one call */
#define SCRIPT_WORDS_MAX  2048


/* script_call runs it by EVALSHA, and by EVAL where Redis has forgotten it;
   -1 if the connection is not up; cb as in redis_send */
int script_call(struct redis *r, enum script which, const struct str *words,
    size_t nkeys, size_t nwords, redis_cb cb, void *data)
    __attribute__((warn_unused_result));

/* script_last says the whole text at once: there will be no second try */
int script_last(struct redis *r, enum script which, const struct str *words,
    size_t nkeys, size_t nwords, redis_cb cb, void *data)
    __attribute__((warn_unused_result));

const char *script_name(enum script which);


#endif /* SCRIPT_H */
