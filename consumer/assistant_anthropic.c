/* Anthropic's messages (docs.anthropic.com/en/api/messages).

   POST, "x-api-key: KEY", "anthropic-version: 2023-06-01", {"model",
   "max_tokens" (needed), "system", "messages": [{"role": "user" or
   "assistant", "content": not empty}]}.  There is no role "system"; several
   turns of one role in a row count as one.

   200: {"type": "message", "content": [{"type": "text", "text"}, ...],
   "stop_reason": "end_turn", "max_tokens", "refusal", ..., "usage":
   {"input_tokens", "output_tokens"}}.  Blocks of other types (thinking) are
   nobody's to see.  429 (with retry-after), 5xx and 529, overloaded, may be
   tried again; an error is {"type": "error", "error": {"type", "message"}}. */

#include "assistant.h"
#include "json.h"

#include <stdlib.h>


/* anthropic_body: the system's prompt stands beside the messages */
void anthropic_body(struct buf *b, const struct chat_ask *ask)
{
    size_t  i;

    buf_text(b, "{\"model\":");
    json_quote(b, STR(ask->chat->model));
    buf_format(b, ",\"max_tokens\":%lu", ask->chat->max_tokens);

    if (ask->system.len) {
        buf_text(b, ",\"system\":");
        json_quote(b, ask->system);
    }

    buf_text(b, ",\"messages\":[");
    for (i = 0; i < ask->nturns; i++) {
        buf_text(b, i ? ",{\"role\":\"" : "{\"role\":\"");
        buf_text(b, ask->turns[i].bot ? "assistant" : "user");
        buf_text(b, "\",\"content\":");
        json_quote(b, ask->turns[i].text);
        buf_text(b, "}");
    }

    buf_text(b, "]}");
}


static long long count(const struct json *usage, const char *name)
{
    struct str  n = json_get_text(usage, name);

    return n.len && n.len < 12 ? strtoll(n.at, NULL, 10) : 0;
}


/* anthropic_text: all blocks that are text, one after another */
enum chat_rc anthropic_text(const struct json *root, struct buf *text,
    struct chat_answer *out)
{
    const struct json  *block = json_get(root, "content");
    const struct json  *usage = json_get(root, "usage");

    out->tokens = count(usage, "input_tokens") + count(usage, "output_tokens");
    out->cut = str_is(json_get_text(root, "stop_reason"), "max_tokens");

    if (!str_is(json_get_text(root, "type"), "message")
        || !json_is(block, JSON_ARRAY))
    {
        out->why = "it is no message";
        return CHAT_AGAIN;
    }

    if (str_is(json_get_text(root, "stop_reason"), "refusal")) {
        out->why = "it refuses to answer";
        return CHAT_REFUSED;
    }

    for (block = block->child; block != NULL; block = block->next) {
        if (str_is(json_get_text(block, "type"), "text")) {
            buf_str(text, json_get_text(block, "text"));
        }
    }

    return CHAT_TEXT;
}
