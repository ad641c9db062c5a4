/* The chat completions that OpenAI describes and many others speak
   (platform.openai.com/docs/api-reference/chat/create).

   POST, "Authorization: Bearer KEY", {"model", "messages": [{"role": "system",
   "user" or "assistant", "content"}], and how many tokens the answer may have.
   That is "max_completion_tokens"; its older name "max_tokens" is deprecated,
   refused by OpenAI's own newer models, and the only name that several
   compatible servers know, so which one it is can be configured.

   200: {"choices": [{"message": {"content": text or null, "refusal": text or
   null}, "finish_reason": "stop", "length", "content_filter", "tool_calls"}],
   "usage": {"total_tokens"}}.  429 and 5xx may be tried again. */

#include "assistant.h"
#include "json.h"

#include <stdlib.h>


static bool host_is_openai(const char *url)
{
    static const char  host[] = "https://api.openai.com/";

    return strncmp(url, host, sizeof(host) - 1) == 0;
}


static const char *tokens_name(const struct conf_chat *chat)
{
    return chat->tokens == CHAT_MAX_COMPLETION_TOKENS
           || (chat->tokens == CHAT_TOKENS_BY_HOST
               && host_is_openai(chat->url))
           ? "max_completion_tokens" : "max_tokens";
}


static void message(struct buf *b, const char *role, struct str text)
{
    buf_text(b, "{\"role\":\"");
    buf_text(b, role);
    buf_text(b, "\",\"content\":");
    json_quote(b, text);
    buf_text(b, "}");
}


/* openai_body: the system's prompt is the first message */
void openai_body(struct buf *b, const struct chat_ask *ask)
{
    size_t  i;

    buf_text(b, "{\"model\":");
    json_quote(b, STR(ask->chat->model));
    buf_format(b, ",\"%s\":%lu,\"messages\":[", tokens_name(ask->chat),
               ask->chat->max_tokens);

    if (ask->system.len) {
        message(b, "system", ask->system);
    }

    for (i = 0; i < ask->nturns; i++) {
        buf_text(b, i || ask->system.len ? "," : "");
        message(b, ask->turns[i].bot ? "assistant" : "user",
                ask->turns[i].text);
    }

    buf_text(b, "]}");
}


/* openai_text: a refusal is words for us, not for the person */
enum chat_rc openai_text(const struct json *root, struct buf *text,
    struct chat_answer *out)
{
    struct str          reason, usage;
    const struct json  *choice, *said;

    choice = json_get(root, "choices");
    choice = json_is(choice, JSON_ARRAY) ? choice->child : NULL;
    said = json_get(choice, "message");
    reason = json_get_text(choice, "finish_reason");
    usage = json_text(json_path(root, "usage", "total_tokens"));

    out->tokens = usage.len ? strtoll(usage.at, NULL, 10) : 0;
    out->cut = str_is(reason, "length");

    if (!json_is(said, JSON_OBJECT)) {
        out->why = "it is no chat completion";
        return CHAT_AGAIN;
    }

    if (json_get_text(said, "refusal").len
        || str_is(reason, "content_filter"))
    {
        out->why = "it refuses to answer";
        return CHAT_REFUSED;
    }

    if (json_is(json_get(said, "content"), JSON_STRING)) {
        buf_str(text, json_get_text(said, "content"));
    }

    return CHAT_TEXT;
}
