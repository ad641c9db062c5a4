/* Calls about tokens: where each goes and what it says.  Pure. */

#ifndef TOKEN_ASK_H
#define TOKEN_ASK_H

#include "graph.h"
#include "token_life.h"


/* Each fills a call's method, host and path, and appends its query; token and
   app stay the caller's to set.  The query holds secrets: token_ask_wipe when
   the call has started */

/* token_ask_debug (section 2.6): goes with the app's token */
void token_ask_debug(struct graph_call *call, struct buf *query,
    struct str token);

/* token_ask_exchange: a user's token for one that lives long (2.4); sixty: a
   system user's for one of 60 more days (2.9).  It goes without a token */
void token_ask_exchange(struct graph_call *call, struct buf *query,
    const struct conf_app *app, struct str token, bool sixty);

/* token_ask_instagram_long, token_ask_instagram_refresh: of Instagram Login
   (2.10); the secret is that of Instagram's own app.  Without a token */
void token_ask_instagram_long(struct graph_call *call, struct buf *query,
    struct str secret, struct str token);
void token_ask_instagram_refresh(struct graph_call *call, struct buf *query,
    struct str token);

/* token_ask_me (2.10): whose a token of Instagram Login is; goes with it */
void token_ask_me(struct graph_call *call, struct buf *query);

/* token_ask_self: whether a token works, where nobody may ask debug_token */
void token_ask_self(struct graph_call *call, struct buf *query);

/* token_ask_pages (2.5): the Pages of a user's token and their tokens; goes
   with it; after: NONE, or the cursor of the last answer */
void token_ask_pages(struct graph_call *call, struct buf *query,
    struct str after);

/* token_ask_list: a list that a path names; goes with a user's token */
void token_ask_list(struct graph_call *call, struct buf *query,
    const char *path, const char *fields);

/* token_ask_renew: the call by which a token is renewed in that way, of those
   that take one; app: whose it is, or NULL.  NULL, or why it cannot be asked:
   then query holds nothing */
const char *token_ask_renew(struct graph_call *call, struct buf *query,
    enum life_way way, const struct conf_app *app, struct str token);

/* token_ask_form appends name=value, encoded, behind a "&" */
void token_ask_form(struct buf *query, const char *name, struct str value);

void token_ask_wipe(struct buf *query);     /* and frees it */


#endif /* TOKEN_ASK_H */
