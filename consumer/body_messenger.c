/* Bodies of Messenger's calls (meta-webhooks-and-messaging.md 8). */

#include "channel.h"


#define MESSENGER_REF_MAX  999


static void messenger_ref(struct buf *b, struct str ref)
{
    if (ref.len && ref.len <= MESSENGER_REF_MAX) {
        buf_text(b, ",");
        put_text(b, "metadata", ref);
    }
}


static void messenger_text(struct buf *b, const struct action *action,
    struct str ref)
{
    size_t                     i;
    const struct quick_reply  *q = action->quick.at;

    buf_text(b, ",\"messaging_type\":\"RESPONSE\",\"message\":{");
    put_text(b, "text", STR(action->text));
    messenger_ref(b, ref);

    for (i = 0; i < action->quick.n; i++) {
        buf_text(b, i ? ",{" : ",\"quick_replies\":[{");
        buf_text(b, "\"content_type\":\"text\",");
        put_text(b, "title", STR(q[i].title));
        buf_text(b, ",");
        put_text(b, "payload", STR(q[i].payload));
        buf_text(b, "}");
    }

    buf_text(b, action->quick.n ? "]}" : "}");
}


/* what the body does not say is added: how it is meant, and whose it is */
static void messenger_raw(struct buf *b, const struct json *raw,
    struct str ref)
{
    const struct json  *message = json_get(raw, "message");

    if (json_get(raw, "messaging_type") == NULL
        && json_get(raw, "sender_action") == NULL)
    {
        buf_text(b, ",\"messaging_type\":\"RESPONSE\"");
    }

    if (!json_is(message, JSON_OBJECT)
        || json_get(message, "metadata") != NULL || message->child == NULL)
    {
        put_members(b, raw->child, "");
        return;
    }

    put_members(b, raw->child, "message");
    buf_text(b, ",\"message\":{");
    json_quote(b, message->child->key);
    buf_text(b, ":");
    json_write(b, message->child);
    put_members(b, message->child->next, "");
    messenger_ref(b, ref);
    buf_text(b, "}");
}


/* body_messenger writes a message */
const char *body_messenger(struct reply_call *call,
    const struct action *action, const struct target *target, struct str ref)
{
    struct buf         *b = &call->body;
    struct json_doc    *doc;
    const struct json  *content = action_content(action, &doc);

    buf_str(&call->path, target->sender);
    buf_text(&call->path, "/messages");

    buf_text(b, "{\"recipient\":{");
    put_text(b, target->address == ADDRESS_USER_REF ? "user_ref" : "id",
             target->to);
    buf_text(b, "}");

    if (action->content == CONTENT_RAW) {
        messenger_raw(b, content, ref);
    } else {
        messenger_text(b, action, ref);
    }

    buf_text(b, "}");
    json_free(doc);

    return NULL;
}
