/* What a chat endpoint is asked, and what its answer means: pure functions. */

#include "assistant.h"
#include "json.h"

#include <stdlib.h>
#include <strings.h>


/* what an endpoint says of tokens is added up */
#define CHAT_COUNT_MAX  1000000000


static const char  blanks[] = " \t\r\n\f\v";

/* what models put around a word */
static const char  around[] = " \t\r\n\f\v\"'`*_.:;,!()[]<>";


/* chat_body by the endpoint's format */
void chat_body(struct buf *b, const struct chat_ask *ask)
{
    if (ask->chat->api == CHAT_ANTHROPIC) {
        anthropic_body(b, ask);
    } else {
        openai_body(b, ask);
    }
}


/* chat_bearer: Anthropic's key has a header of its own */
const char *chat_bearer(const struct conf_chat *chat)
{
    return chat->api == CHAT_OPENAI ? chat->secret : NULL;
}


/* chat_headers: what stands beside the type of the body */
size_t chat_headers(struct buf *b, const struct conf_chat *chat,
    const char *out[CHAT_HEADERS_MAX])
{
    size_t  n = 0, at;

    if (chat->api != CHAT_ANTHROPIC) {
        return 0;
    }

    out[n++] = "anthropic-version: 2023-06-01";

    if (chat->secret != NULL) {
        at = b->len;
        buf_text(b, "x-api-key: ");
        buf_text(b, chat->secret);
        buf_add(b, "", 1);
        out[n++] = b->at + at;
    }

    return n;
}


static struct str trim(struct str s, const char *set)
{
    while (s.len && memchr(set, s.at[0], strlen(set)) != NULL) {
        s.at++;
        s.len--;
    }

    while (s.len && memchr(set, s.at[s.len - 1], strlen(set)) != NULL) {
        s.len--;
    }

    return s;
}


/* chat_trim takes white space off */
struct str chat_trim(struct str text)
{
    return trim(text, blanks);
}


/* the length of the character at i */
static size_t character(struct str text, size_t i)
{
    size_t  n = json_utf8((struct str) { text.at + i, text.len - i });

    return n ? n : 1;
}


/* chat_first cuts between characters */
struct str chat_first(struct str text, size_t n)
{
    size_t  i;

    for (i = 0; i < text.len && n > 0; n--) {
        i += character(text, i);
    }

    return (struct str) { text.at, i };
}


static struct str first_bytes(struct str text, size_t n)
{
    size_t  i = 0, next;

    while (i < text.len) {
        next = i + character(text, i);
        if (next > n) {
            break;
        }
        i = next;
    }

    return (struct str) { text.at, i };
}


/* what had no more tokens ends with its last whole sentence, if there is one */
static struct str whole(struct str text)
{
    size_t  i;

    for (i = text.len; i > 0; i--) {
        if (text.at[i - 1] == '\n'
            || (strchr(".!?", text.at[i - 1]) != NULL && i < text.len
                && strchr(blanks, text.at[i]) != NULL))
        {
            return chat_trim((struct str) { text.at, i });
        }
    }

    return text;
}


/* the text goes on as a C string, and its characters are counted */
static struct buf readable(struct str said)
{
    size_t      i, n;
    struct buf  b;

    buf_init(&b, 3 * CHAT_ANSWER_MAX);

    for (i = 0; i < said.len; i += n ? n : 1) {
        n = json_utf8((struct str) { said.at + i, said.len - i });
        if (n == 0) {
            buf_text(&b, "\xef\xbf\xbd");
        } else {
            buf_add(&b, said.at[i] != '\0' ? said.at + i : " ", n);
        }
    }

    return b;
}


static void judge_text(const struct http_answer *http,
    const struct conf_chat *chat, struct chat_answer *out)
{
    struct buf        text, good;
    struct str        said;
    struct json_doc  *doc;

    out->rc = CHAT_AGAIN;
    out->why = "it is no JSON";
    buf_init(&text, CHAT_ANSWER_MAX);
    doc = json_parse(http->body.at, http->body.len, JSON_TREE_MAX);

    if (doc != NULL) {
        out->rc = chat->api == CHAT_ANTHROPIC
                  ? anthropic_text(json_root(doc), &text, out)
                  : openai_text(json_root(doc), &text, out);
    }

    json_free(doc);
    out->tokens = out->tokens > 0 && out->tokens < CHAT_COUNT_MAX
                  ? out->tokens : 0;
    good = readable((struct str) { text.at, text.len });
    said = chat_trim((struct str) { good.at, good.len });
    said = chat_trim(first_bytes(said, CHAT_TEXT_MAX));
    said = out->cut ? whole(said) : said;

    if (out->rc == CHAT_TEXT && said.len == 0) {
        out->rc = CHAT_REFUSED;
        out->why = "it says nothing";
    }

    out->text = out->rc == CHAT_TEXT ? mem_copy(said.at, said.len) : NULL;
    buf_free(&good);
    buf_free(&text);
}


/* chat_judge says what is to be done next */
void chat_judge(const struct http_answer *http, struct str retry_after,
    const struct conf_chat *chat, long long now, struct chat_answer *out)
{
    long  status = http->status;

    *out = (struct chat_answer) { .rc = CHAT_REFUSED, .status = status,
                                  .why = "" };

    if (http->outcome != HTTP_ANSWERED) {
        out->rc = CHAT_AGAIN;
        out->status = 0;
        out->why = http->why;

    } else if (status >= 200 && status < 300) {
        judge_text(http, chat, out);

    } else if (status == 408 || status == 409 || status == 425
               || status == 429 || status >= 500)
    {
        out->rc = CHAT_AGAIN;
        out->why = "it says that it cannot now";
        out->wait_ms = (uint64_t) http_retry_after(retry_after, now);

    } else {
        out->why = status == 401 || status == 403
                   ? "it does not take the key"
                   : status == 404 ? "it does not know the URL or the model"
                   : "it refuses what it was asked";
    }
}


static bool label_is(const struct conf_label *label, struct str word)
{
    return strlen(label->name) == word.len
           && strncasecmp(label->name, word.at, word.len) == 0;
}


/* chat_label: models like to put a word into quotes, or a dot behind it */
size_t chat_label(const struct conf_assistant *a, struct str answer,
    bool *known)
{
    size_t                    i;
    struct str                word = trim(answer, around);
    const struct conf_label  *labels = a->labels.at;

    answer = chat_trim(answer);
    *known = true;

    for (i = 0; i < a->labels.n; i++) {
        if (label_is(&labels[i], answer) || label_is(&labels[i], word)) {
            return i;
        }
    }

    *known = false;

    return a->label;
}


/* assistant_reply: the text is a JSON string in it, whatever it says */
void assistant_reply(struct buf *b, const struct conf_assistant *a,
    struct str text, bool quick)
{
    size_t                    i, n = quick ? a->quick.n : 0;
    const struct conf_quick  *q = a->quick.at;

    buf_text(b, "{\"reply\":{\"text\":");
    json_quote(b, text);

    for (i = 0; i < n; i++) {
        buf_text(b, i ? ",{\"title\":" : ",\"quick_replies\":[{\"title\":");
        json_quote(b, STR(q[i].title));
        buf_text(b, ",\"payload\":");
        json_quote(b, STR(q[i].payload));
        buf_text(b, i + 1 < n ? "}" : "}]");
    }

    buf_text(b, "}}");
}


/* assistant_find: for rules and for what handlers answer */
const struct conf_assistant *assistant_find(const struct conf *conf,
    const char *name)
{
    size_t                        i;
    const struct conf_assistant  *all = conf->assistants.at;

    for (i = 0; i < conf->assistants.n; i++) {
        if (strcmp(all[i].name, name) == 0) {
            return &all[i];
        }
    }

    return NULL;
}
