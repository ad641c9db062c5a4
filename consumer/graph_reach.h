/* Whether Graph's hosts are reached: what is said when that ends and when it
   is over. */

#ifndef GRAPH_REACH_H
#define GRAPH_REACH_H

#include "http.h"


struct reach {
    uint64_t  since;    /* ms of the loop; 0: it is reached */
    uint64_t  until;    /* nothing is said again before; 0: at any time */
    size_t    unsent;   /* calls since then */
};


/* reach_told hears what came of a call to url; now is ms, never 0 */
void reach_told(struct reach *r, const char *url,
    const struct http_answer *answer, uint64_t now);


#endif /* GRAPH_REACH_H */
