/* Bodies of Messenger's calls (meta-webhooks-and-messaging.md 8). */

#include "messaging.h"


static struct str message_type(const struct action *action, bool tagged)
{
    return STR(tagged ? "MESSAGE_TAG" : action->kind == ACTION_SEND
               ? "UPDATE" : "RESPONSE");
}


/* how it is meant: an answer, news, or out of the window with a tag */
static void put_meaning(struct buf *b, const struct action *action,
    const struct target *target)
{
    buf_text(b, ",");

    put_text(b, "messaging_type",
             message_type(action, action->message_tag != NULL));

    if (action->message_tag != NULL) {
        buf_text(b, ",");
        put_text(b, "tag", STR(action->message_tag));
    }

    if (action->notification != NULL) {
        buf_text(b, ",");
        put_text(b, "notification_type", STR(action->notification));
    }

    if (action->persona != NULL) {
        buf_text(b, ",");
        put_text(b, "persona_id", STR(action->persona));
    }

    if (action->quote && target->message.len) {
        buf_text(b, ",\"reply_to\":{");
        put_text(b, "mid", target->message);
        buf_text(b, "}");
    }
}


static void put_attachment(struct buf *b, const struct action *action,
    const struct json *value, const struct target *target)
{
    const struct json  *link = json_get(value, "link");

    buf_text(b, "\"attachment\":{");
    put_text(b, "type", STR(attachment_type(action->content)));
    buf_text(b, ",\"payload\":{");

    if (link == NULL) {
        put_text(b, "attachment_id", action->file != NULL ? target->media
                 : json_get_text(value, "id"));

    } else {
        put_text(b, "url", link->text);
        if (json_get(value, "reusable") != NULL) {
            buf_text(b, ",");
            put_json(b, "is_reusable", json_get(value, "reusable"));
        }
    }

    buf_text(b, "}}");
}


static void put_message(struct buf *b, const struct action *action,
    const struct json *value, const struct target *target, struct str ref)
{
    buf_text(b, ",\"message\":{");

    switch (action->content) {

    case CONTENT_TEXT:
        put_text(b, "text", STR(action->text));
        break;

    case CONTENT_GENERIC:
    case CONTENT_BUTTONS:
        put_template(b, action->content, value);
        break;

    case CONTENT_LIST:
        put_text(b, "text", json_get_text(value, "text"));
        put_rows(b, value);
        break;

    default:
        put_attachment(b, action, value, target);
    }

    put_metadata(b, ref);
    put_quick(b, action);
    buf_text(b, "}");
}


static void message_body(struct buf *b, const struct action *action,
    const struct target *target, struct str ref)
{
    struct json_doc    *doc;
    const struct json  *value = action_content(action, &doc);

    put_recipient(b, target, action->kind == ACTION_PRIVATE_REPLY);

    if (action->content != CONTENT_RAW) {
        put_meaning(b, action, target);
        put_message(b, action, value, target, ref);

    } else {
        if (json_get(value, "messaging_type") == NULL
            && json_get(value, "sender_action") == NULL)
        {
            buf_text(b, ",");
            put_text(b, "messaging_type",
                     message_type(action, json_get(value, "tag") != NULL));
        }
        put_raw(b, value, ref);
    }

    buf_text(b, "}");
    json_free(doc);
}


/* a comment's own calls.  Hiding is of Meta's changelog of version 2.2, the
   rest is general knowledge, as section 8 says */
static const char *comment_call(struct reply_call *call,
    const struct action *action, const struct target *target)
{
    if (target->comment.len == 0) {
        return "the comment has no id";
    }

    buf_str(&call->path, target->comment);

    if (action->kind == ACTION_DELETE) {
        call->method = METHOD_DELETE;
        return NULL;
    }

    if (action->kind == ACTION_HIDE) {
        buf_text(&call->body, "{\"is_hidden\":true}");
        return NULL;
    }

    buf_text(&call->path, "/comments");
    buf_text(&call->body, "{");
    put_text(&call->body, "message", STR(action->text));
    buf_text(&call->body, "}");

    return NULL;
}


/* to an app, or "take", "request", "release" */
static void handover_call(struct reply_call *call,
    const struct action *action, const struct target *target)
{
    bool         pass = str_digits(STR(action->to));
    struct buf  *b = &call->body;

    buf_str(&call->path, target->sender);
    buf_text(&call->path, "/");
    buf_text(&call->path, pass ? "pass" : action->to);
    buf_text(&call->path, "_thread_control");

    put_recipient(b, target, false);

    if (pass) {
        buf_text(b, ",");
        put_text(b, "target_app_id", STR(action->to));
    }

    if (action->metadata != NULL) {
        buf_text(b, ",");
        put_text(b, "metadata", STR(action->metadata));
    }

    buf_text(b, "}");
}


/* body_messenger writes the call of any of its actions */
const char *body_messenger(struct reply_call *call,
    const struct action *action, const struct target *target, struct str ref)
{
    switch (action->kind) {

    case ACTION_COMMENT_REPLY:
    case ACTION_HIDE:
    case ACTION_DELETE:
        return comment_call(call, action, target);

    case ACTION_HANDOVER:
        handover_call(call, action, target);
        return NULL;

    default:
        break;
    }

    buf_str(&call->path, target->sender);
    buf_text(&call->path, "/messages");

    if (action->kind == ACTION_MARK_READ) {
        put_action(&call->body, target, "mark_seen");

    } else if (action->kind == ACTION_TYPING) {
        put_action(&call->body, target, "typing_on");

    } else if (action->kind == ACTION_PRIVATE_REPLY
               && target->comment.len == 0)
    {
        return "the comment has no id";

    } else {
        message_body(&call->body, action, target, ref);
    }

    return NULL;
}
