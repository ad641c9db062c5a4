/*
 * What a model says: a byte (its format, the channel, quick replies, how it is
 * answered), Retry-After up to a line's end, then the body.  It becomes a label
 * or messages that the channel takes, and nothing else.
 */

#include <stdint.h>
#include <stdlib.h>

#include "consumer/assistant.h"
#include "consumer/channel.h"
#include "consumer/json.h"
#include "consumer/split.h"


#define check(condition)  ((condition) ? (void) 0 : abort())

#define WEEK  (7ull * 24 * 3600 * 1000)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static struct conf_label      labels[] = {
    { .name = (char *) "price" }, { .name = (char *) "other" }
};
static struct conf_quick      quick[] = {
    { (char *) "More detail", (char *) "MORE" },
    { (char *) "Helpful", (char *) "YES" }
};
static struct conf_assistant  shop = {
    .name = (char *) "shop", .labels = { labels, 2 }, .label = 1,
    .quick = { quick, 2 }
};
static struct conf_token      tokens[] = {
    { .kind = TOKEN_WHATSAPP, .id = (char *) "389" },
    { .kind = TOKEN_PAGE, .id = (char *) "118" },
    { .kind = TOKEN_INSTAGRAM, .id = (char *) "178" }
};
static const struct conf      conf = { .tokens = { tokens, 3 } };


static void fuzz_reply(struct str text, enum product product, bool with)
{
    struct buf           b;
    struct fault         f;
    struct action        a;
    struct json_doc     *doc;
    struct action_place  place = {
        .from = FROM_HANDLER, .product = product, .kind = KIND_MESSAGE,
        .addressed = true, .message = true
    };

    buf_init(&b, CHAT_ANSWER_MAX);
    assistant_reply(&b, &shop, text, with);
    check(!b.over);

    doc = json_parse(b.at, b.len, JSON_TREE_MAX);
    check(doc != NULL && action_parse(json_root(doc), &a, &f) == 0);
    check(a.kind == ACTION_REPLY);
    check(action_check(&a, &place, &conf, &f) == 0);
    action_free(&a);

    json_free(doc);
    buf_free(&b);
}


/* as it is cut: at most SPLIT_MAX, the last has the quick replies */
static void fuzz_text(const char *text, enum product product, bool with)
{
    size_t             i, n;
    struct str         pieces[SPLIT_MAX];
    struct text_limit  limit = text_limit(product, with ? shop.quick.n : 0);

    n = split_text(STR(text), &limit, pieces);
    check(n > 0);

    if (n > SPLIT_MAX) {
        limit.max = limit.last;
        split_text(STR(text), &limit, pieces);
        n = SPLIT_MAX;
    }

    for (i = 0; i < n; i++) {
        fuzz_reply(pieces[i], product, with && i + 1 == n);
    }
}


static void fuzz_judged(const struct chat_answer *a, unsigned how)
{
    bool                       known;
    static const enum product  products[] = {
        PRODUCT_WHATSAPP, PRODUCT_MESSENGER, PRODUCT_INSTAGRAM
    };

    check((a->rc == CHAT_TEXT) == (a->text != NULL));
    check(a->rc == CHAT_TEXT || *a->why != '\0');
    check(a->tokens >= 0 && a->wait_ms <= WEEK);

    if (a->text != NULL) {
        check(a->status / 100 == 2 && strlen(a->text) <= CHAT_TEXT_MAX);
        check(chat_label(&shop, STR(a->text), &known) < shop.labels.n);
        fuzz_text(a->text, products[how / 2 % 3], how & 128);
    }
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t              after;
    const char         *at = (const char *) data, *end;
    struct conf_chat    chat = { .model = (char *) "m" };
    struct http_answer  http = { .outcome = HTTP_ANSWERED, .why = "" };
    struct chat_answer  a;

    if (size == 0) {
        return 0;
    }

    chat.api = data[0] % 2 ? CHAT_ANTHROPIC : CHAT_OPENAI;
    http.status = (data[0] & 64) ? 429 : 200;

    end = memchr(at + 1, '\n', size - 1);
    after = end != NULL ? (size_t) (end - at) - 1 : size - 1;
    http.body.at = end != NULL ? end + 1 : at + size;
    http.body.len = (size_t) (at + size - http.body.at);

    chat_judge(&http, (struct str) { at + 1, after }, &chat, 1763700000, &a);
    fuzz_judged(&a, data[0] % 64 | (data[0] & 128));
    free(a.text);

    return 0;
}
