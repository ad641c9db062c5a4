/* Bodies of Instagram's calls (meta-webhooks-and-messaging.md 9). */

#include "messaging.h"


static void put_link(struct buf *b, const char *type, struct str link)
{
    buf_text(b, "{");
    put_text(b, "type", STR(type));
    buf_text(b, ",\"payload\":{");
    put_text(b, "url", link);
    buf_text(b, "}}");
}


/* images are a list, also one of them */
static void put_images(struct buf *b, const struct json *value)
{
    const struct json  *c = json_get(value, "links"), *first;

    buf_text(b, "\"attachments\":[");

    if (c == NULL) {
        put_link(b, "image", json_get_text(value, "link"));
    }

    first = c != NULL ? c->child : NULL;
    for (c = first; c != NULL; c = c->next) {
        buf_text(b, c != first ? "," : "");
        put_link(b, "image", c->text);
    }

    buf_text(b, "]");
}


static void put_media(struct buf *b, enum content content,
    const struct json *value)
{
    const struct json  *link = json_get(value, "link");

    buf_text(b, "\"attachment\":");

    if (link != NULL) {
        put_link(b, attachment_type(content), link->text);
        return;
    }

    buf_text(b, "{");
    put_text(b, "type", STR(attachment_type(content)));
    buf_text(b, ",\"payload\":{");
    put_text(b, "attachment_id", json_get_text(value, "id"));
    buf_text(b, "}}");
}


static void put_message(struct buf *b, const struct action *action,
    const struct json *value)
{
    buf_text(b, ",\"message\":{");

    switch (action->content) {

    case CONTENT_TEXT:
        put_text(b, "text", STR(action->text));
        put_quick(b, action);
        break;

    case CONTENT_LIST:
        put_text(b, "text", json_get_text(value, "text"));
        put_rows(b, value);
        break;

    case CONTENT_GENERIC:
    case CONTENT_BUTTONS:
        put_template(b, action->content, value);
        break;

    case CONTENT_IMAGE:
        put_images(b, value);
        break;

    case CONTENT_STICKER:
        buf_text(b, "\"attachment\":{");
        put_text(b, "type", json_get_text(value, "id"));
        buf_text(b, "}");
        break;

    default:
        put_media(b, action->content, value);
    }

    buf_text(b, "}");
}


/* no metadata: that it comes back is documented for Messenger only */
static void message_body(struct buf *b, const struct action *action,
    const struct target *target)
{
    struct json_doc    *doc;
    const struct json  *value = action_content(action, &doc);

    put_recipient(b, target, action->kind == ACTION_PRIVATE_REPLY);

    if (action->content == CONTENT_RAW) {
        put_raw(b, value, NONE);

    } else {
        if (action->message_tag != NULL) {
            buf_text(b, ",");
            put_text(b, "messaging_type", STR("MESSAGE_TAG"));
            buf_text(b, ",");
            put_text(b, "tag", STR(action->message_tag));
        }
        put_message(b, action, value);
    }

    buf_text(b, "}");
    json_free(doc);
}


/* instagram_love: the heart, perhaps with U+FE0F behind it */
bool instagram_love(const char *emoji)
{
    return strcmp(emoji, "love") == 0
           || strcmp(emoji, "\xe2\x9d\xa4") == 0
           || strcmp(emoji, "\xe2\x9d\xa4\xef\xb8\x8f") == 0;
}


static const char *react_body(struct buf *b, const struct action *action,
    const struct target *target)
{
    bool  love = *action->emoji != '\0';

    if (target->message.len == 0) {
        return "the message has no id";
    }

    put_recipient(b, target, false);
    buf_text(b, ",");
    put_text(b, "sender_action", STR(love ? "react" : "unreact"));
    buf_text(b, ",\"payload\":{");
    put_text(b, "message_id", target->message);

    if (love) {
        buf_text(b, ",");
        put_text(b, "reaction", STR("love"));
    }

    buf_text(b, "}}");

    return NULL;
}


/* a comment's own calls */
static const char *comment_call(struct reply_call *call,
    const struct action *action, const struct target *target)
{
    buf_str(&call->path, target->comment);

    if (action->kind == ACTION_DELETE) {
        call->method = METHOD_DELETE;
        return NULL;
    }

    if (action->kind == ACTION_HIDE) {
        buf_text(&call->body, "{\"hide\":true}");
        return NULL;
    }

    if (target->live) {
        return "there is no public reply to a live comment";
    }

    buf_text(&call->path, "/replies");
    buf_text(&call->body, "{");
    put_text(&call->body, "message", STR(action->text));
    buf_text(&call->body, "}");

    return NULL;
}


/* body_instagram writes the call of any of its actions */
const char *body_instagram(struct reply_call *call,
    const struct action *action, const struct target *target, struct str ref)
{
    (void) ref;

    switch (action->kind) {

    case ACTION_COMMENT_REPLY:
    case ACTION_PRIVATE_REPLY:
    case ACTION_HIDE:
    case ACTION_DELETE:
        if (target->comment.len == 0) {
            return "the comment has no id";
        }
        break;

    default:
        break;
    }

    if (action->kind == ACTION_COMMENT_REPLY || action->kind == ACTION_HIDE
        || action->kind == ACTION_DELETE)
    {
        return comment_call(call, action, target);
    }

    if (target->sender.len == 0) {
        return "messages of Instagram go by a token of kind instagram, or by"
               " that of the linked Page: tokens has neither for this"
               " account";
    }

    buf_str(&call->path, target->sender);
    buf_text(&call->path, "/messages");

    switch (action->kind) {

    case ACTION_MARK_READ:
        put_action(&call->body, target, "mark_seen");
        return NULL;

    case ACTION_TYPING:
        put_action(&call->body, target, "typing_on");
        return NULL;

    case ACTION_REACT:
        return react_body(&call->body, action, target);

    default:
        message_body(&call->body, action, target);
        return NULL;
    }
}
