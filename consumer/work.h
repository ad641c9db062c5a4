/* An item's work: its events, the rules that match, their actions one after
   another, and what becomes of it. */

#ifndef WORK_H
#define WORK_H

#include "conf.h"
#include "http.h"
#include "queue.h"


struct worker {
    struct http   *http;
    struct conf   *conf;        /* for work that begins from now on */
    bool           leaving;     /* calls that end now ended by our leaving */
    void         (*gone)(void *data);
    void          *data;
};


/* with struct worker as data */
extern const struct queue_ops  work_ops;


#endif /* WORK_H */
