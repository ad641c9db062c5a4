/* What Instagram takes, with its limits (meta-webhooks-and-messaging.md 9). */

#include "channel.h"


/* content_instagram: none yet */
const struct member *content_instagram(enum content content)
{
    (void) content;

    return NULL;
}


/* check_instagram: nothing yet */
int check_instagram(const struct check_of *c, struct fault *f)
{
    return fault_set(f, c->path, NULL, NONE, "to Instagram it comes with a"
                     " later version");
}
