/* The calls of actions: each channel's body, or a graph action's own. */

#include "channel.h"

#include <ctype.h>


#define REPLY_PATH_MAX     1024
#define REPLY_QUERY_MAX    (64 * 1024)
#define REPLY_BODY_MAX     (384 * 1024)


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


/* who it goes to must be known, and be one of those the channel knows */
static const char *reply_body(struct reply_call *call,
    const struct action *action, const struct target *target, struct str ref)
{
    if (action_message(action) && target->address == ADDRESS_NONE) {
        return "the message does not say who sent it";
    }

    switch (target->product) {
    case PRODUCT_WHATSAPP:
        return body_whatsapp(call, action, target, ref);
    case PRODUCT_MESSENGER:
        return body_messenger(call, action, target, ref);
    case PRODUCT_INSTAGRAM:
        return body_instagram(call, action, target, ref);
    case PRODUCT_NONE:
        break;
    }

    return "nothing tells which channel the account is of";
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
        why = reply_body(call, action, target, ref);
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
