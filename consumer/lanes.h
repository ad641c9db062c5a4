/* Which lanes a call stands on. */

#ifndef LANES_H
#define LANES_H

#include "limits.h"
#include "reply.h"


struct lanes {
    size_t       n;
    struct lane  at[LIMITS_LANES_MAX];
};


/* lanes_account: those of an account alone, for what takes no call */
void lanes_account(struct lanes *lanes, const struct limits *limits,
    enum product product, struct str account);

/* lanes_inbound: where a message that came in counts as well; n 0: nowhere */
void lanes_inbound(struct lanes *lanes, const struct limits *limits,
    const struct event *event);

/* lanes_of: those of the action's call; token and app may be NULL */
void lanes_of(struct lanes *lanes, const struct limits *limits,
    const struct action *action, const struct target *target,
    const struct conf_token *token, const struct conf_app *app);


#endif /* LANES_H */
