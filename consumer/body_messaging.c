/* Pieces of the bodies of Messenger and Instagram
   (meta-webhooks-and-messaging.md 8 and 9). */

#include "messaging.h"


#define METADATA_MAX  999       /* "under 1000 characters" */


/* put_recipient: {"recipient":{...} */
void put_recipient(struct buf *b, const struct target *target, bool comment)
{
    buf_text(b, "{\"recipient\":{");

    if (comment) {
        put_text(b, "comment_id", target->comment);
    } else {
        put_text(b, target->address == ADDRESS_USER_REF ? "user_ref" : "id",
                 target->to);
    }

    buf_text(b, "}");
}


/* put_action: a call without a message */
void put_action(struct buf *b, const struct target *target,
    const char *name)
{
    put_recipient(b, target, false);
    buf_text(b, ",");
    put_text(b, "sender_action", STR(name));
    buf_text(b, "}");
}


/* attachment_type: Meta calls a document a file */
const char *attachment_type(enum content content)
{
    return content == CONTENT_DOCUMENT ? "file" : content_name(content);
}


/* what a button does tells its type where it says none */
static void put_button(struct buf *b, const struct json *button)
{
    buf_text(b, "{");
    put_text(b, "type", STR(json_get(button, "url") != NULL ? "web_url"
                            : "postback"));
    put_members(b, button->child, "type");
    buf_text(b, "}");
}


static void put_buttons(struct buf *b, const struct json *list)
{
    const struct json  *c;

    buf_text(b, "\"buttons\":[");

    for (c = list->child; c != NULL; c = c->next) {
        buf_text(b, c != list->child ? "," : "");

        if (json_get(c, "type") != NULL) {
            json_write(b, c);
        } else {
            put_button(b, c);
        }
    }

    buf_text(b, "]");
}


/* its first member is the title, where no comma comes before it */
static void put_element(struct buf *b, const struct json *element)
{
    const struct json  *buttons = json_get(element, "buttons");

    buf_text(b, "{");
    put_json(b, "title", json_get(element, "title"));

    for (element = element->child; element != NULL; element = element->next) {
        if (!str_is(element->key, "title")
            && !str_is(element->key, "buttons"))
        {
            buf_text(b, ",");
            json_quote(b, element->key);
            buf_text(b, ":");
            json_write(b, element);
        }
    }

    if (buttons != NULL) {
        buf_text(b, ",");
        put_buttons(b, buttons);
    }

    buf_text(b, "}");
}


static void put_generic(struct buf *b, const struct json *value)
{
    const struct json  *list = json_get(value, "elements"), *c;

    buf_text(b, "\"template_type\":\"generic\",\"elements\":[");

    for (c = list->child; c != NULL; c = c->next) {
        buf_text(b, c != list->child ? "," : "");
        put_element(b, c);
    }

    buf_text(b, "]");
    put_members(b, value->child, "elements");
}


/* put_template: generic with all that it says, or text and buttons */
void put_template(struct buf *b, enum content content,
    const struct json *value)
{
    buf_text(b, "\"attachment\":{\"type\":\"template\",\"payload\":{");

    if (content == CONTENT_GENERIC) {
        put_generic(b, value);
    } else {
        buf_text(b, "\"template_type\":\"button\",");
        put_text(b, "text", json_get_text(value, "text"));
        buf_text(b, ",");
        put_buttons(b, json_get(value, "buttons"));
    }

    buf_text(b, "}}");
}


static void put_reply(struct buf *b, bool first, struct str title,
    struct str payload)
{
    buf_text(b, first ? ",\"quick_replies\":[{" : ",{");
    put_text(b, "content_type", STR("text"));
    buf_text(b, ",");
    put_text(b, "title", title);
    buf_text(b, ",");
    put_text(b, "payload", payload);
    buf_text(b, "}");
}


/* one with a picture, or one that asks */
static void put_rich(struct buf *b, bool first, const struct quick_reply *q)
{
    buf_text(b, first ? ",\"quick_replies\":[{" : ",{");
    put_text(b, "content_type", STR(q->type != NULL ? q->type : "text"));

    if (q->title != NULL) {
        buf_text(b, ",");
        put_text(b, "title", STR(q->title));
        buf_text(b, ",");
        put_text(b, "payload", STR(q->payload));
    }

    if (q->image != NULL) {
        buf_text(b, ",");
        put_text(b, "image_url", STR(q->image));
    }

    buf_text(b, "}");
}


/* put_quick: the action's quick_replies */
void put_quick(struct buf *b, const struct action *action)
{
    size_t                     i;
    const struct quick_reply  *q = action->quick.at;

    for (i = 0; i < action->quick.n; i++) {
        put_rich(b, i == 0, &q[i]);
    }

    buf_text(b, action->quick.n ? "]" : "");
}


static bool put_section(struct buf *b, bool first, const struct json *rows)
{
    const struct json  *c;

    for (c = rows->child; c != NULL; c = c->next) {
        put_reply(b, first, json_get_text(c, "title"),
                  json_get_text(c, "payload"));
        first = false;
    }

    return first;
}


/* put_rows: of all sections, one behind the other */
void put_rows(struct buf *b, const struct json *list)
{
    bool                first = true;
    const struct json  *c = json_get(list, "sections");

    if (c == NULL) {
        first = put_section(b, first, json_get(list, "rows"));
    }

    for (c = c != NULL ? c->child : NULL; c != NULL; c = c->next) {
        first = put_section(b, first, json_get(c, "rows"));
    }

    buf_text(b, first ? "" : "]");
}


/* put_metadata: it comes back in the echo */
void put_metadata(struct buf *b, struct str ref)
{
    if (ref.len && ref.len <= METADATA_MAX) {
        buf_text(b, ",");
        put_text(b, "metadata", ref);
    }
}


/* put_raw: all as it came, and whose it is */
void put_raw(struct buf *b, const struct json *raw, struct str ref)
{
    const struct json  *message = json_get(raw, "message");

    if (ref.len == 0 || !json_is(message, JSON_OBJECT)
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
    put_metadata(b, ref);
    buf_text(b, "}");
}
