/* The life of tokens, in the daemon: each is looked at once a day, renewed
   before it ends, and parked, with a word to everybody, when it is lost. */

#ifndef LIFE_H
#define LIFE_H

#include "graph.h"
#include "token.h"


struct life;

/* what came of an exchange that somebody asked for; why: NULL: done.  t: the
   token as it is now, for as long as the callback runs */
typedef void (*life_cb)(void *data, const char *why, const struct token *t);


/* life_new: redis is shared and must outlive it, as graph and tokens must */
struct life *life_new(uv_loop_t *loop, struct graph *graph,
    struct redis *redis, struct tokens *tokens, struct conf *conf);
void life_conf(struct life *life, struct conf *conf);      /* a reload */

/* life_refused: a call with this token was answered with code 190 or 102
   (section 1.10).  A Page's token is taken anew, once, from its user's; else
   the account is lost.  Its lane is the caller's to stop */
void life_refused(struct life *life, const struct conf_token *token,
    long long code, long long subcode);

/* why of what may be asked again a little later */
#define LIFE_BUSY  "it is being looked at, or cannot be reached: try again"

/* life_exchange renews the token of that name now; NULL, or why not: then cb
   is not called */
const char *life_exchange(struct life *life, struct str name, life_cb cb,
    void *data);

/* life_forget: nobody waits for what was asked with that data any more */
void life_forget(struct life *life, const void *data);

/* life_metrics sets the rows of all tokens */
void life_metrics(struct life *life);

/* life_rest: no look begins any more, and those under way call no more; what is
   refused is still looked after.  life_drain: cb, maybe at once, when nothing
   is under way */
void life_rest(struct life *life);
void life_drain(struct life *life, void (*cb)(void *data), void *data);

/* life_leave: nothing new begins; before tokens_free and graph_free, which end
   what is under way.  life_free after them */
void life_leave(struct life *life);
void life_free(struct life *life);


#endif /* LIFE_H */
