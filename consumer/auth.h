/* Who reads meta:auth: a connection of its own that waits for nothing else, so
   that a login never stands behind a queue. */

#ifndef AUTH_H
#define AUTH_H

#include "flow.h"


struct auth;


/* auth_new: where token_key_file is set; begins at once */
struct auth *auth_new(uv_loop_t *loop, const struct redis_target *target,
    struct flows *flows);

/* auth_wake: what it waited for beside Redis has come; a NULL is fine */
void auth_wake(struct auth *auth);

/* auth_drain: nothing more is taken; cb once that is sure.  auth_free: a NULL
   is fine */
void auth_drain(struct auth *auth, void (*cb)(void *data), void *data);
void auth_free(struct auth *auth);


#endif /* AUTH_H */
