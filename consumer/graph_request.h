/* Graph requests: where a call goes, and the proof that goes with it. */

#ifndef GRAPH_REQUEST_H
#define GRAPH_REQUEST_H

#include "graph.h"


#define GRAPH_PROOF_MAX  65     /* hex digits, zero */
#define GRAPH_PATH_MAX   1024
#define GRAPH_QUERY_MAX  (16 * 1024)


/* graph_path_wrong, graph_query_wrong: NULL, or what is wrong */
const char *graph_path_wrong(struct str path);
const char *graph_query_wrong(struct str query);

/* graph_url writes where a call goes, now is Unix seconds; NULL, or why it
   may not go */
const char *graph_url(struct buf *url, const struct conf *conf,
    const struct graph_call *call, long long now);

/* graph_version: what it asks for; NULL where the host has no versions */
const char *graph_version(const struct conf *conf,
    const struct graph_call *call);

/* graph_proof: appsecret_proof of a token, now 0: without time */
void graph_proof(char out[GRAPH_PROOF_MAX], const char *secret,
    const char *token, long long now);


#endif /* GRAPH_REQUEST_H */
