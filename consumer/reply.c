/* The calls of actions: each channel's body, or a graph action's own. */

#include "calls.h"
#include "channel.h"

#include <unistd.h>


#define REPLY_PATH_MAX     1024
#define REPLY_QUERY_MAX    (64 * 1024)
#define REPLY_BODY_MAX     (384 * 1024)


/* a call that Meta documents goes as documented, any other as it is */
static const char *graph_body(struct reply_call *call,
    const struct action *action, const struct target *target)
{
    const struct call_row  *row;

    row = calls_match(target->product, action->method, STR(action->path),
                      action->params);
    call->method = action->method;
    call->idempotent |= row != NULL && (row->flags & CALL_SAME);
    buf_text(&call->path, action->path);

    return calls_write(row, action->method, action->params, &call->query,
                       &call->body, &call->type);
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


/* reply_call_init makes an empty call */
void reply_call_init(struct reply_call *call, enum action_method method)
{
    *call = (struct reply_call) { .method = method, .fd = -1 };
    buf_init(&call->path, REPLY_PATH_MAX);
    buf_init(&call->query, REPLY_QUERY_MAX);
    buf_init(&call->body, REPLY_BODY_MAX);
    buf_init(&call->tail, REPLY_PATH_MAX);
    buf_init(&call->form, REPLY_PATH_MAX);
}


/* reply_call writes the call of an action */
const char *reply_call(struct reply_call *call, const struct action *action,
    const struct target *target, struct str ref)
{
    const char  *why;

    reply_call_init(call, METHOD_POST);
    call->idempotent = action_idempotent(action);

    if (action->kind == ACTION_GRAPH) {
        why = graph_body(call, action, target);
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
    buf_free(&call->tail);
    buf_free(&call->form);

    if (call->fd >= 0) {
        close(call->fd);
        call->fd = -1;
    }
}
