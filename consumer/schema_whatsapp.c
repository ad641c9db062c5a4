/* What WhatsApp takes, with its limits (meta-webhooks-and-messaging.md 7). */

#include "channel.h"

#include <stdio.h>


#define WHATSAPP_BUTTONS    3
#define WHATSAPP_BUTTON_ID  256
#define WHATSAPP_ROWS       10
#define WHATSAPP_ROW_ID     200
#define WHATSAPP_TITLE      20


/* content_whatsapp: text and raw only */
const struct member *content_whatsapp(enum content content)
{
    (void) content;

    return NULL;
}


/* WhatsApp refuses two titles, and two ids, that are the same (7.2) */
static int quick_unique(const struct quick_reply *q, size_t i,
    const char *path, struct fault *f)
{
    size_t  j;

    for (j = 0; j < i; j++) {
        if (strcmp(q[i].title, q[j].title) == 0
            || strcmp(q[i].payload, q[j].payload) == 0)
        {
            return fault_set(f, path, NULL, STR(q[i].title), "\"%s\": on"
                             " WhatsApp no two titles and no two payloads"
                             " are the same", q[i].title);
        }
    }

    return 0;
}


/* up to three become buttons, up to ten rows of a list (7.2) */
static int check_quick(const struct check_of *c, struct fault *f)
{
    char                       path[SCHEMA_PATH_MAX], at[SCHEMA_PATH_MAX];
    size_t                     i, n = c->action->quick.n;
    const struct quick_reply  *q = c->action->quick.at;

    schema_join(path, c->path, STR("quick_replies"));
    if (schema_count(n, WHATSAPP_ROWS, "quick replies", path, f) != 0) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        snprintf(at, sizeof(at), "%s.quick_replies[%zu].title", c->path, i);
        if (schema_count(schema_characters(STR(q[i].title)), WHATSAPP_TITLE,
                         "characters", at, f) != 0)
        {
            return -1;
        }

        snprintf(at, sizeof(at), "%s.quick_replies[%zu].payload", c->path, i);
        if (schema_count(schema_characters(STR(q[i].payload)),
                         n <= WHATSAPP_BUTTONS ? WHATSAPP_BUTTON_ID
                         : WHATSAPP_ROW_ID, "characters", at, f) != 0)
        {
            return -1;
        }

        snprintf(at, sizeof(at), "%s.quick_replies[%zu]", c->path, i);
        if (quick_unique(q, i, at, f) != 0) {
            return -1;
        }
    }

    return 0;
}


static int check_whole_body(const struct check_of *c, struct fault *f)
{
    char                      path[SCHEMA_PATH_MAX];
    static const char *const  ours[] = {
        "recipient", "to", "recipient_type", "messaging_product",
        "biz_opaque_callback_data", "access_token", NULL
    };

    if (check_raw(c, ours, f) != 0) {
        return -1;
    }

    schema_join(path, c->path, STR("raw"));

    return json_is(json_get(c->content, "type"), JSON_STRING) ? 0
           : fault_set(f, path, NULL, NONE, "needs \"type\" and the member of"
                       " that name, as Meta's reference has them");
}


/* check_whatsapp: what no table says */
int check_whatsapp(const struct check_of *c, struct fault *f)
{
    switch (c->action->kind) {

    case ACTION_MARK_READ:
        return 0;

    case ACTION_TYPING:
        return c->place->message ? 0
               : fault_set(f, c->path, NULL, NONE, "WhatsApp shows typing"
                           " only with the message that it marks as read");

    case ACTION_REPLY:
    case ACTION_SEND:
        break;

    default:
        return fault_set(f, c->path, NULL, NONE, "WhatsApp has no %s",
                         c->path);
    }

    if (c->action->content == CONTENT_RAW) {
        return check_whole_body(c, f);
    }

    return check_text(c, PRODUCT_WHATSAPP, f) != 0 ? -1 : check_quick(c, f);
}
