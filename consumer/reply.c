/* The bodies of Graph calls (meta-webhooks-and-messaging.md 7.1, 7.2, 8). */

#include "reply.h"

#include <ctype.h>


#define WHATSAPP_REF_MAX   512
#define MESSENGER_REF_MAX  999
#define WHATSAPP_BUTTONS   3
#define REPLY_PATH_MAX     1024
#define REPLY_QUERY_MAX    (64 * 1024)
#define REPLY_BODY_MAX     (384 * 1024)


static void member(struct buf *b, const char *name, struct str value)
{
    buf_text(b, "\"");
    buf_text(b, name);
    buf_text(b, "\":");
    json_quote(b, value);
}


static void whatsapp_to(struct buf *b, const struct target *target)
{
    bool  group = target->address == ADDRESS_GROUP;

    member(b, "recipient_type", STR(group ? "group" : "individual"));

    if (target->address == ADDRESS_PHONE) {
        buf_text(b, ",\"to\":\"+");     /* else the business's country */
        buf_str(b, target->to);
        buf_text(b, "\"");
        return;
    }

    buf_text(b, ",");
    member(b, group ? "to" : "recipient", target->to);
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


/* c and what comes after it, each behind a comma, but for one */
static void members(struct buf *b, const struct json *c, const char *but)
{
    for (; c != NULL; c = c->next) {
        if (!str_is(c->key, but)) {
            buf_text(b, ",");
            json_quote(b, c->key);
            buf_text(b, ":");
            json_write(b, c);
        }
    }
}


static void whatsapp_text(struct buf *b, const struct action *action)
{
    if (action->quick.n == 0) {
        buf_text(b, ",\"type\":\"text\",\"text\":{");
        member(b, "body", STR(action->text));
        buf_text(b, ",\"preview_url\":false}");
        return;
    }

    buf_text(b, ",\"type\":\"interactive\",\"interactive\":{");
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

    buf_text(b, "}");
}


/* raw: NULL, or the action's own body */
static void whatsapp_reply(struct buf *b, const struct action *action,
    const struct json *raw, const struct target *target, struct str ref)
{
    buf_text(b, "{\"messaging_product\":\"whatsapp\",");
    whatsapp_to(b, target);

    if (ref.len && ref.len <= WHATSAPP_REF_MAX) {
        buf_text(b, ",");
        member(b, "biz_opaque_callback_data", ref);
    }

    if (raw != NULL) {
        members(b, raw->child, "");
    } else {
        whatsapp_text(b, action);
    }

    buf_text(b, "}");
}


static void whatsapp_read(struct buf *b, const struct target *target)
{
    buf_text(b, "{\"messaging_product\":\"whatsapp\",\"status\":\"read\",");
    member(b, "message_id", target->message);
    buf_text(b, "}");
}


static void messenger_ref(struct buf *b, struct str ref)
{
    if (ref.len && ref.len <= MESSENGER_REF_MAX) {
        buf_text(b, ",");
        member(b, "metadata", ref);
    }
}


static void messenger_text(struct buf *b, const struct action *action,
    struct str ref)
{
    size_t                     i;
    const struct quick_reply  *q = action->quick.at;

    buf_text(b, ",\"messaging_type\":\"RESPONSE\",\"message\":{");
    member(b, "text", STR(action->text));
    messenger_ref(b, ref);

    for (i = 0; i < action->quick.n; i++) {
        buf_text(b, i ? ",{" : ",\"quick_replies\":[{");
        buf_text(b, "\"content_type\":\"text\",");
        member(b, "title", STR(q[i].title));
        buf_text(b, ",");
        member(b, "payload", STR(q[i].payload));
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
        members(b, raw->child, "");
        return;
    }

    members(b, raw->child, "message");
    buf_text(b, ",\"message\":{");
    json_quote(b, message->child->key);
    buf_text(b, ":");
    json_write(b, message->child);
    members(b, message->child->next, "");
    messenger_ref(b, ref);
    buf_text(b, "}");
}


static void messenger_reply(struct buf *b, const struct action *action,
    const struct json *raw, const struct target *target, struct str ref)
{
    buf_text(b, "{\"recipient\":{");
    member(b, target->address == ADDRESS_USER_REF ? "user_ref" : "id",
           target->to);
    buf_text(b, "}");

    if (raw != NULL) {
        messenger_raw(b, raw, ref);
    } else {
        messenger_text(b, action, ref);
    }

    buf_text(b, "}");
}


static const char *message_body(struct buf *b, const struct action *action,
    const struct target *target, struct str ref)
{
    struct json_doc  *doc = NULL;

    if (target->address == ADDRESS_NONE) {
        return "the message does not say who sent it";
    }

    if (action->raw.len) {
        doc = json_parse(action->raw.at, action->raw.len, JSON_TREE_MAX);
        if (doc == NULL) {
            return "the body is nested too deep";
        }
    }

    if (target->product == PRODUCT_WHATSAPP) {
        whatsapp_reply(b, action, json_root(doc), target, ref);
    } else {
        messenger_reply(b, action, json_root(doc), target, ref);
    }

    json_free(doc);

    return NULL;
}


static void query_text(struct buf *b, struct str s)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < s.len; i++) {
        c = (unsigned char) s.at[i];
        if (isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            buf_add(b, s.at + i, 1);
        } else {
            buf_format(b, "%%%02X", c);
        }
    }
}


/* texts as they are, all else as JSON, as Graph reads parameters */
static const char *graph_query(struct buf *b, struct str params)
{
    struct buf          value;
    struct json_doc    *doc;
    const struct json  *c;

    doc = json_parse(params.at, params.len, JSON_TREE_MAX);
    if (doc == NULL) {
        return "the parameters are nested too deep";
    }

    for (c = json_root(doc)->child; c != NULL; c = c->next) {
        buf_text(b, b->len ? "&" : "");
        query_text(b, c->key);
        buf_text(b, "=");

        if (c->type == JSON_STRING) {
            query_text(b, c->text);
            continue;
        }

        buf_init(&value, REPLY_QUERY_MAX);
        json_write(&value, c);
        query_text(b, (struct str) { value.at, value.len });
        b->over |= value.over;
        buf_free(&value);
    }

    json_free(doc);

    return NULL;
}


static const char *graph_body(struct reply_call *call,
    const struct action *action)
{
    call->method = action->method;
    buf_text(&call->path, action->path);

    if (action->params.len == 0) {
        return NULL;
    }

    if (action->method != METHOD_POST) {
        return graph_query(&call->query, action->params);
    }

    buf_str(&call->body, action->params);

    return NULL;
}


/* reply_call writes the call of an action */
const char *reply_call(struct reply_call *call, const struct action *action,
    const struct target *target, struct str ref)
{
    const char  *why;

    *call = (struct reply_call) { .method = METHOD_POST };
    buf_init(&call->path, REPLY_PATH_MAX);
    buf_init(&call->query, REPLY_QUERY_MAX);
    buf_init(&call->body, REPLY_BODY_MAX);
    call->idempotent = action_idempotent(action);

    if (action->kind == ACTION_GRAPH) {
        why = graph_body(call, action);

    } else {
        buf_str(&call->path, target->sender);
        buf_text(&call->path, "/messages");
        why = reply_body(&call->body, action, target, ref);
    }

    if (why == NULL
        && (call->path.over || call->query.over || call->body.over))
    {
        why = "the call is longer than 384 KB, or its query than 64 KB";
    }

    return why;
}


/* reply_call_free releases what reply_call made */
void reply_call_free(struct reply_call *call)
{
    buf_free(&call->path);
    buf_free(&call->query);
    buf_free(&call->body);
}


/* reply_body writes the body of a message's call */
const char *reply_body(struct buf *b, const struct action *action,
    const struct target *target, struct str ref)
{
    if (action->kind != ACTION_MARK_READ) {
        return message_body(b, action, target, ref);
    }

    if (target->message.len == 0) {
        return "the message has no id";
    }

    whatsapp_read(b, target);

    return NULL;
}
