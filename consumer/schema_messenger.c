/* What Messenger takes, with its limits (meta-webhooks-and-messaging.md 8). */

#include "channel.h"

#include <stdio.h>


#define MESSENGER_QUICK    13
#define MESSENGER_TITLE    20
#define MESSENGER_PAYLOAD  1000


/* content_messenger: text and raw only */
const struct member *content_messenger(enum content content)
{
    (void) content;

    return NULL;
}


static int check_quick(const struct check_of *c, struct fault *f)
{
    char                       path[SCHEMA_PATH_MAX], at[SCHEMA_PATH_MAX];
    size_t                     i;
    const struct quick_reply  *q = c->action->quick.at;

    schema_join(path, c->path, STR("quick_replies"));

    if (schema_count(c->action->quick.n, MESSENGER_QUICK, "quick replies",
                     path, f) != 0)
    {
        return -1;
    }

    for (i = 0; i < c->action->quick.n; i++) {
        snprintf(at, sizeof(at), "%s.quick_replies[%zu].title", c->path, i);
        if (schema_count(schema_characters(STR(q[i].title)), MESSENGER_TITLE,
                         "characters", at, f) != 0)
        {
            return -1;
        }

        snprintf(at, sizeof(at), "%s.quick_replies[%zu].payload", c->path, i);
        if (schema_count(strlen(q[i].payload), MESSENGER_PAYLOAD, "bytes",
                         at, f) != 0)
        {
            return -1;
        }
    }

    return 0;
}


/* check_messenger: messages of text or raw */
int check_messenger(const struct check_of *c, struct fault *f)
{
    static const char *const  ours[] = {
        "recipient", "to", "recipient_type", "messaging_product",
        "biz_opaque_callback_data", "access_token", NULL
    };

    switch (c->action->content) {
    case CONTENT_TEXT:
        return c->action->kind == ACTION_REPLY
               || c->action->kind == ACTION_SEND
               ? check_text(c, PRODUCT_MESSENGER, f) != 0 ? -1
                 : check_quick(c, f)
               : fault_set(f, c->path, NULL, NONE,
                           "comes with a later version");
    case CONTENT_RAW:
        return check_raw(c, ours, f);
    default:
        return fault_set(f, c->path, NULL, NONE,
                         "comes with a later version");
    }
}
