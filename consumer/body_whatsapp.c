/* Bodies of WhatsApp's calls (meta-webhooks-and-messaging.md 7.1 to 7.3). */

#include "channel.h"


#define WHATSAPP_REF_MAX  512
#define WHATSAPP_BUTTONS  3


static void put_to(struct buf *b, const struct target *target)
{
    bool  group = target->address == ADDRESS_GROUP;

    put_text(b, "recipient_type", STR(group ? "group" : "individual"));

    if (target->address == ADDRESS_PHONE) {
        buf_text(b, ",\"to\":\"+");     /* else the business's country */
        buf_str(b, target->to);
        buf_text(b, "\"");
        return;
    }

    buf_text(b, ",");
    put_text(b, group ? "to" : "recipient", target->to);
}


static void put_buttons(struct buf *b, const struct action *action)
{
    size_t                     i;
    const struct quick_reply  *q = action->quick.at;

    buf_text(b, "\"action\":{\"buttons\":[");

    for (i = 0; i < action->quick.n; i++) {
        buf_text(b, i ? ",{" : "{");
        buf_text(b, "\"type\":\"reply\",\"reply\":{");
        put_text(b, "id", STR(q[i].payload));
        buf_text(b, ",");
        put_text(b, "title", STR(q[i].title));
        buf_text(b, "}}");
    }

    buf_text(b, "]}");
}


/* a list needs a label on the button that opens it */
static void put_rows(struct buf *b, const struct action *action)
{
    size_t                     i;
    const struct quick_reply  *q = action->quick.at;

    buf_text(b, "\"action\":{\"button\":\"Menu\",\"sections\":[{\"rows\":[");

    for (i = 0; i < action->quick.n; i++) {
        buf_text(b, i ? ",{" : "{");
        put_text(b, "id", STR(q[i].payload));
        buf_text(b, ",");
        put_text(b, "title", STR(q[i].title));
        buf_text(b, "}");
    }

    buf_text(b, "]}]}");
}


static void put_message_text(struct buf *b, const struct action *action)
{
    if (action->quick.n == 0) {
        buf_text(b, ",\"type\":\"text\",\"text\":{");
        put_text(b, "body", STR(action->text));
        buf_text(b, ",\"preview_url\":");
        buf_text(b, action->preview ? "true}" : "false}");
        return;
    }

    buf_text(b, ",\"type\":\"interactive\",\"interactive\":{");
    put_text(b, "type", STR(action->quick.n <= WHATSAPP_BUTTONS ? "button"
                            : "list"));
    buf_text(b, ",\"body\":{");
    put_text(b, "text", STR(action->text));
    buf_text(b, "},");

    if (action->quick.n <= WHATSAPP_BUTTONS) {
        put_buttons(b, action);
    } else {
        put_rows(b, action);
    }

    buf_text(b, "}");
}


static const char *body_read(struct buf *b, const struct action *action,
    const struct target *target)
{
    if (target->message.len == 0) {
        return "the message has no id";
    }

    buf_text(b, "{\"messaging_product\":\"whatsapp\",\"status\":\"read\",");
    put_text(b, "message_id", target->message);
    buf_text(b, action->kind == ACTION_TYPING
             ? ",\"typing_indicator\":{\"type\":\"text\"}}" : "}");

    return NULL;
}


/* body_whatsapp writes the call of an action */
const char *body_whatsapp(struct reply_call *call,
    const struct action *action, const struct target *target, struct str ref)
{
    struct buf         *b = &call->body;
    struct json_doc    *doc;
    const struct json  *content;

    buf_str(&call->path, target->sender);
    buf_text(&call->path, "/messages");

    if (!action_message(action)) {
        return body_read(b, action, target);
    }

    content = action_content(action, &doc);

    buf_text(b, "{\"messaging_product\":\"whatsapp\",");
    put_to(b, target);

    if (ref.len && ref.len <= WHATSAPP_REF_MAX) {
        buf_text(b, ",");
        put_text(b, "biz_opaque_callback_data", ref);
    }

    if (action->content == CONTENT_RAW) {
        put_members(b, content->child, "");
    } else {
        put_message_text(b, action);
    }

    buf_text(b, "}");
    json_free(doc);

    return NULL;
}
