/* The Lua scripts that move items: each is one file, consumer/NAME.lua. */

#ifndef SCRIPT_H
#define SCRIPT_H

#include "redis.h"


enum script {
    SCRIPT_LEASE,
    SCRIPT_RELEASE,
    SCRIPT_TAKE,
    SCRIPT_RECALL,
    SCRIPT_ACK,
    SCRIPT_PASS,
    SCRIPT_BURY,
    SCRIPT_BACK,
    SCRIPT_COUNT
};

/* keys and arguments of one call */
#define SCRIPT_WORDS_MAX  512


/* script_call runs it by EVALSHA, and by EVAL where Redis has forgotten it;
   -1 if the connection is not up; cb as in redis_send */
int script_call(struct redis *r, enum script which, const struct str *words,
    size_t nkeys, size_t nwords, redis_cb cb, void *data)
    __attribute__((warn_unused_result));


#endif /* SCRIPT_H */
