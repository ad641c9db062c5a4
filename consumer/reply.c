/* The bodies of Graph calls (meta-webhooks-and-messaging.md 7.1, 7.2, 8). */

#include "reply.h"


#define WHATSAPP_REF_MAX   512
#define MESSENGER_REF_MAX  999
#define WHATSAPP_BUTTONS   3


static void member(struct buf *b, const char *name, struct str value)
{
    buf_text(b, "\"");
    buf_text(b, name);
    buf_text(b, "\":");
    json_quote(b, value);
}


static void whatsapp_to(struct buf *b, const struct event *event)
{
    bool  group = event->address == ADDRESS_GROUP;

    member(b, "recipient_type", STR(group ? "group" : "individual"));

    if (event->address == ADDRESS_PHONE) {
        buf_text(b, ",\"to\":\"+");     /* else the business's country */
        buf_str(b, event->to);
        buf_text(b, "\"");
        return;
    }

    buf_text(b, ",");
    member(b, group ? "to" : "recipient", event->to);
}


static void whatsapp_buttons(struct buf *b, const struct action *action)
{
    size_t                     i;
    const struct quick_reply  *q = action->quick.at;

    buf_text(b, "\"action\":{\"buttons\":[");

    for (i = 0; i < action->quick.n; i++) {
        buf_text(b, i ? ",{" : "{");
        buf_text(b, "\"type\":\"reply\",\"reply\":{");
        member(b, "id", STR(q[i].payload));
        buf_text(b, ",");
        member(b, "title", STR(q[i].title));
        buf_text(b, "}}");
    }

    buf_text(b, "]}");
}


/* a list needs a label on the button that opens it */
static void whatsapp_list(struct buf *b, const struct action *action)
{
    size_t                     i;
    const struct quick_reply  *q = action->quick.at;

    buf_text(b, "\"action\":{\"button\":\"Menu\",\"sections\":[{\"rows\":[");

    for (i = 0; i < action->quick.n; i++) {
        buf_text(b, i ? ",{" : "{");
        member(b, "id", STR(q[i].payload));
        buf_text(b, ",");
        member(b, "title", STR(q[i].title));
        buf_text(b, "}");
    }

    buf_text(b, "]}]}");
}


static void whatsapp_reply(struct buf *b, const struct action *action,
    const struct event *event, struct str ref)
{
    buf_text(b, "{\"messaging_product\":\"whatsapp\",");
    whatsapp_to(b, event);
    buf_text(b, ",");

    if (ref.len && ref.len <= WHATSAPP_REF_MAX) {
        member(b, "biz_opaque_callback_data", ref);
        buf_text(b, ",");
    }

    if (action->quick.n == 0) {
        buf_text(b, "\"type\":\"text\",\"text\":{");
        member(b, "body", STR(action->text));
        buf_text(b, ",\"preview_url\":false}}");
        return;
    }

    buf_text(b, "\"type\":\"interactive\",\"interactive\":{");
    member(b, "type", STR(action->quick.n <= WHATSAPP_BUTTONS ? "button"
                          : "list"));
    buf_text(b, ",\"body\":{");
    member(b, "text", STR(action->text));
    buf_text(b, "},");

    if (action->quick.n <= WHATSAPP_BUTTONS) {
        whatsapp_buttons(b, action);
    } else {
        whatsapp_list(b, action);
    }

    buf_text(b, "}}");
}


static void whatsapp_read(struct buf *b, const struct event *event)
{
    buf_text(b, "{\"messaging_product\":\"whatsapp\",\"status\":\"read\",");
    member(b, "message_id", event->id);
    buf_text(b, "}");
}


static void messenger_reply(struct buf *b, const struct action *action,
    const struct event *event, struct str ref)
{
    size_t                     i;
    const struct quick_reply  *q = action->quick.at;

    buf_text(b, "{\"recipient\":{");
    member(b, event->address == ADDRESS_USER_REF ? "user_ref" : "id",
           event->to);
    buf_text(b, "},\"messaging_type\":\"RESPONSE\",\"message\":{");
    member(b, "text", STR(action->text));

    if (ref.len && ref.len <= MESSENGER_REF_MAX) {
        buf_text(b, ",");
        member(b, "metadata", ref);
    }

    for (i = 0; i < action->quick.n; i++) {
        buf_text(b, i ? ",{" : ",\"quick_replies\":[{");
        buf_text(b, "\"content_type\":\"text\",");
        member(b, "title", STR(q[i].title));
        buf_text(b, ",");
        member(b, "payload", STR(q[i].payload));
        buf_text(b, "}");
    }

    buf_text(b, action->quick.n ? "]}}" : "}}");
}


/* reply_body writes the body of an action's call */
const char *reply_body(struct buf *b, const struct action *action,
    const struct event *event, struct str ref)
{
    if (action->kind == ACTION_MARK_READ) {
        if (event->id.len == 0) {
            return "the message has no id";
        }
        whatsapp_read(b, event);
        return NULL;
    }

    if (event->address == ADDRESS_NONE) {
        return "the message does not say who sent it";
    }

    if (event->product == PRODUCT_WHATSAPP) {
        whatsapp_reply(b, action, event, ref);
    } else {
        messenger_reply(b, action, event, ref);
    }

    return NULL;
}
