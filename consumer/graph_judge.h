/* Graph answers: what they mean. */

#ifndef GRAPH_JUDGE_H
#define GRAPH_JUDGE_H

#include "graph.h"


/* graph_judge: the rules of meta-graph-oauth-ads-capi.md 1.7; secret is what
   no text may show; the tree is the caller's to free when v is done with */
struct json_doc *graph_judge(const struct http_answer *answer,
    enum product product, const char *secret, struct verdict *v);

/* graph_judge_item: one element of a batch's answer; null: not finished */
struct json_doc *graph_judge_item(const struct json *item,
    enum product product, const char *secret, struct verdict *v);

/* graph_hide: no token of an answer is for who only says what is to be done */
void graph_hide(char *body, const char *secret);


#endif /* GRAPH_JUDGE_H */
