/* What is wrong with an action or a job, for results, letters and people. */

#ifndef FAULT_H
#define FAULT_H

#include "mem.h"


/* what is not to be said is empty */
struct fault {
    unsigned  action;           /* its number in the list, from 1; 0: none */
    char      parameter[96];    /* "reply.quick_replies[2].title" */
    char      limit[64];        /* "20 characters" */
    char      value[64];        /* what was there, cut: "21 characters" */
    char      text[200];        /* the whole in a sentence, for people */
};


/* fault_set writes it and returns -1; limit may be NULL, value NONE, which is
   cut at a character */
int fault_set(struct fault *f, const char *parameter, const char *limit,
    struct str value, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* fault_say: "action 2: reply.text: ..." for dead letters and logs */
void fault_say(const struct fault *f, char *out, size_t size);


#endif /* FAULT_H */
