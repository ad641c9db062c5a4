/* Bodies of Instagram's calls (meta-webhooks-and-messaging.md 9). */

#include "channel.h"


/* body_instagram: what is as on Messenger is written as there */
const char *body_instagram(struct reply_call *call,
    const struct action *action, const struct target *target, struct str ref)
{
    return body_messenger(call, action, target, ref);
}
