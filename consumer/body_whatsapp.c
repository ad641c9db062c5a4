/* Bodies of WhatsApp's calls (meta-webhooks-and-messaging.md 7.1 to 7.3). */

#include "channel.h"


#define WHATSAPP_REF_MAX  512
#define WHATSAPP_BUTTONS  3


/* phone: rather that than the user's id, where it is known */
static void put_to(struct buf *b, const struct target *target, bool phone)
{
    bool        group = target->address == ADDRESS_GROUP;
    struct str  number = NONE;

    if (target->address == ADDRESS_PHONE) {
        number = target->to;
    } else if (phone && !group) {
        number = target->phone;
    }

    put_text(b, "recipient_type", STR(group ? "group" : "individual"));

    if (number.len) {
        buf_text(b, ",\"to\":\"+");     /* else the business's country */
        buf_str(b, number);
        buf_text(b, "\"");
        return;
    }

    buf_text(b, ",");
    put_text(b, group ? "to" : "recipient", target->to);
}


/* {"type":"reply","reply":{"id","title"}} */
static void put_button(struct buf *b, struct str title, struct str payload)
{
    buf_text(b, "{\"type\":\"reply\",\"reply\":{");
    put_text(b, "id", payload);
    buf_text(b, ",");
    put_text(b, "title", title);
    buf_text(b, "}}");
}


static void put_row(struct buf *b, struct str title, struct str payload,
    struct str description)
{
    buf_text(b, "{");
    put_text(b, "id", payload);
    buf_text(b, ",");
    put_text(b, "title", title);

    if (description.len) {
        buf_text(b, ",");
        put_text(b, "description", description);
    }

    buf_text(b, "}");
}


/* up to three are buttons, more a list, which needs a label on the button that
   opens it */
static void put_quick(struct buf *b, const struct action *action)
{
    bool                       few = action->quick.n <= WHATSAPP_BUTTONS;
    size_t                     i;
    const struct quick_reply  *q = action->quick.at;

    buf_text(b, "\"action\":{");
    buf_text(b, few ? "\"buttons\":["
             : "\"button\":\"Menu\",\"sections\":[{\"rows\":[");

    for (i = 0; i < action->quick.n; i++) {
        buf_text(b, i ? "," : "");
        if (few) {
            put_button(b, STR(q[i].title), STR(q[i].payload));
        } else {
            put_row(b, STR(q[i].title), STR(q[i].payload), NONE);
        }
    }

    buf_text(b, few ? "]}" : "]}]}");
}


static void put_message_text(struct buf *b, const struct action *action)
{
    if (action->quick.n == 0) {
        buf_text(b, "\"type\":\"text\",\"text\":{");
        put_text(b, "body", STR(action->text));
        buf_text(b, ",\"preview_url\":");
        buf_text(b, action->preview ? "true}" : "false}");
        return;
    }

    buf_text(b, "\"type\":\"interactive\",\"interactive\":{");
    put_text(b, "type", STR(action->quick.n <= WHATSAPP_BUTTONS ? "button"
                            : "list"));
    buf_text(b, ",\"body\":{");
    put_text(b, "text", STR(action->text));
    buf_text(b, "},");
    put_quick(b, action);
    buf_text(b, "}");
}


/* "type":"image","image":{...}; a file goes by the id that it was given */
static const char *put_media(struct buf *b, const struct action *action,
    const struct json *content, const struct target *target)
{
    const char  *name = content_name(action->content), *slash;

    if (action->file != NULL && target->media.len == 0) {
        return "the file has not been uploaded";
    }

    put_text(b, "type", STR(name));
    buf_text(b, ",\"");
    buf_text(b, name);
    buf_text(b, "\":");

    if (action->file == NULL) {
        json_write(b, content);
        return NULL;
    }

    buf_text(b, "{");
    put_text(b, "id", target->media);

    if (action->content == CONTENT_DOCUMENT
        && json_get(content, "filename") == NULL)
    {
        slash = strrchr(action->file, '/');
        buf_text(b, ",");
        put_text(b, "filename", STR(slash + 1));
    }

    put_members(b, content->child, "file");
    buf_text(b, "}");

    return NULL;
}


/* the coordinates are texts in Meta's pages, whatever they came as */
static void put_location(struct buf *b, const struct json *content)
{
    const struct json  *c;

    buf_text(b, "\"type\":\"location\",\"location\":{");

    for (c = content->child; c != NULL; c = c->next) {
        buf_text(b, c != content->child ? "," : "");
        json_quote(b, c->key);
        buf_text(b, ":");
        json_quote(b, c->text);
    }

    buf_text(b, "}");
}


/* language as a text, or Meta's object as it came */
static void put_template(struct buf *b, const struct json *content)
{
    const struct json  *language = json_get(content, "language");
    const struct json  *components = json_get(content, "components");

    buf_text(b, "\"type\":\"template\",\"template\":{");
    put_text(b, "name", json_get_text(content, "name"));

    if (json_is(language, JSON_OBJECT)) {
        buf_text(b, ",");
        put_json(b, "language", language);
    } else {
        buf_text(b, ",\"language\":{");
        put_text(b, "code", json_text(language));
        buf_text(b, "}");
    }

    if (components != NULL) {
        buf_text(b, ",");
        put_json(b, "components", components);
    }

    buf_text(b, "}");
}


/* what buttons and list have around their own */
static void put_frame(struct buf *b, const struct json *content,
    const char *type)
{
    struct str  header = json_get_text(content, "header");
    struct str  footer = json_get_text(content, "footer");

    buf_text(b, "\"type\":\"interactive\",\"interactive\":{");
    put_text(b, "type", STR(type));

    if (header.len) {
        buf_text(b, ",\"header\":{\"type\":\"text\",");
        put_text(b, "text", header);
        buf_text(b, "}");
    }

    buf_text(b, ",\"body\":{");
    put_text(b, "text", json_get_text(content, "text"));

    if (footer.len) {
        buf_text(b, "},\"footer\":{");
        put_text(b, "text", footer);
    }

    buf_text(b, "},\"action\":{");
}


static void put_buttons(struct buf *b, const struct json *content)
{
    const struct json  *c, *list = json_get(content, "buttons")->child;

    if (json_get(list, "url") != NULL) {
        put_frame(b, content, "cta_url");
        buf_text(b, "\"name\":\"cta_url\",\"parameters\":{");
        put_text(b, "display_text", json_get_text(list, "title"));
        buf_text(b, ",");
        put_text(b, "url", json_get_text(list, "url"));
        buf_text(b, "}}}");
        return;
    }

    put_frame(b, content, "button");
    buf_text(b, "\"buttons\":[");

    for (c = list; c != NULL; c = c->next) {
        buf_text(b, c != list ? "," : "");
        put_button(b, json_get_text(c, "title"),
                   json_get_text(c, "payload"));
    }

    buf_text(b, "]}}");
}


static void put_section(struct buf *b, const struct json *rows,
    struct str title)
{
    const struct json  *c;

    buf_text(b, "{");
    if (title.len) {
        put_text(b, "title", title);
        buf_text(b, ",");
    }

    buf_text(b, "\"rows\":[");
    for (c = rows->child; c != NULL; c = c->next) {
        buf_text(b, c != rows->child ? "," : "");
        put_row(b, json_get_text(c, "title"), json_get_text(c, "payload"),
                json_get_text(c, "description"));
    }

    buf_text(b, "]}");
}


static void put_list(struct buf *b, const struct json *content)
{
    const struct json  *c, *sections = json_get(content, "sections");

    put_frame(b, content, "list");
    put_text(b, "button", json_get_text(content, "button"));
    buf_text(b, ",\"sections\":[");

    if (sections == NULL) {
        put_section(b, json_get(content, "rows"), NONE);
    }

    for (c = sections != NULL ? sections->child : NULL; c != NULL;
         c = c->next)
    {
        buf_text(b, c != sections->child ? "," : "");
        put_section(b, json_get(c, "rows"), json_get_text(c, "title"));
    }

    buf_text(b, "]}}");
}


/* the type and the member of its name; content is good, as check_whatsapp and
   its tables have it */
static const char *put_content(struct buf *b, const struct action *action,
    const struct json *content, const struct target *target)
{
    switch (action->content) {

    case CONTENT_NONE:          /* react */
        buf_text(b, "\"type\":\"reaction\",\"reaction\":{");
        put_text(b, "message_id", target->message);
        buf_text(b, ",");
        put_text(b, "emoji", STR(action->emoji));
        buf_text(b, "}");
        return NULL;

    case CONTENT_TEXT:
        put_message_text(b, action);
        return NULL;

    case CONTENT_LOCATION:
        put_location(b, content);
        return NULL;

    case CONTENT_TEMPLATE:
        put_template(b, content);
        return NULL;

    case CONTENT_BUTTONS:
        put_buttons(b, content);
        return NULL;

    case CONTENT_LIST:
        put_list(b, content);
        return NULL;

    case CONTENT_CONTACTS:
    case CONTENT_INTERACTIVE:
        put_text(b, "type", STR(content_name(action->content)));
        buf_text(b, ",");
        put_json(b, content_name(action->content), content);
        return NULL;

    case CONTENT_IMAGE:
    case CONTENT_VIDEO:
    case CONTENT_AUDIO:
    case CONTENT_DOCUMENT:
    case CONTENT_STICKER:
        return put_media(b, action, content, target);

    default:
        return "WhatsApp has no such message";
    }
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


static const char *body_message(struct buf *b, const struct action *action,
    const struct json *content, const struct target *target, struct str ref)
{
    const char  *why = NULL;

    if ((action->quote || action->kind == ACTION_REACT)
        && target->message.len == 0)
    {
        return "the message has no id";
    }

    buf_text(b, "{\"messaging_product\":\"whatsapp\",");
    put_to(b, target, action->content == CONTENT_TEMPLATE
                      && whatsapp_is_code(content));

    if (action->quote) {
        buf_text(b, ",\"context\":{");
        put_text(b, "message_id", target->message);
        buf_text(b, "}");
    }

    if (ref.len && ref.len <= WHATSAPP_REF_MAX) {
        buf_text(b, ",");
        put_text(b, "biz_opaque_callback_data", ref);
    }

    if (action->content == CONTENT_RAW) {
        put_members(b, content->child, "");
    } else {
        buf_text(b, ",");
        why = put_content(b, action, content, target);
    }

    buf_text(b, "}");

    return why;
}


/* body_whatsapp writes the call of an action */
const char *body_whatsapp(struct reply_call *call,
    const struct action *action, const struct target *target, struct str ref)
{
    const char         *why;
    struct json_doc    *doc;
    const struct json  *content;

    buf_str(&call->path, target->sender);
    buf_text(&call->path, "/messages");

    if (!action_message(action)) {
        return body_read(&call->body, action, target);
    }

    content = action_content(action, &doc);
    if (content == NULL && action->content > CONTENT_TEXT) {
        json_free(doc);
        return "the body is nested too deep";
    }

    why = body_message(&call->body, action, content, target, ref);
    json_free(doc);

    return why;
}
