/*
 * What chat endpoints are asked, and what their answers mean.
 */

#include "consumer/assistant.h"

#include <stdlib.h>

#include "tap.h"
#include "quoted.h"


static struct conf_chat  openai = {
    .api = CHAT_OPENAI, .url = (char *) "https://api.openai.com/v1/chat",
    .model = (char *) "m\"1", .secret = (char *) "sk-o", .max_tokens = 16
};

static struct conf_chat  anthropic = {
    .api = CHAT_ANTHROPIC, .url = (char *) "https://a.example/v1/messages",
    .model = (char *) "claude", .secret = (char *) "sk-a", .max_tokens = 512
};


static void body_is(const struct conf_chat *chat, const char *system,
    const char *want, const char *name)
{
    struct buf        b;
    struct str        expected = quoted(want);
    struct chat_turn  turns[] = {
        { false, STR("Hi \"you\"\n") }, { true, STR("Yes?") },
        { false, STR("\xff") }
    };
    struct chat_ask   ask = { chat, STR(system), turns, 3 };

    buf_init(&b, CHAT_BODY_MAX);
    chat_body(&b, &ask);
    is_mem(b.at, b.len, expected.at, expected.len, name);
    buf_free(&b);
    free((char *) expected.at);
}


static void test_bodies(void)
{
    struct conf_chat  other = openai;

    body_is(&openai, "Be kind.", "{'model':'m\\'1',"
            "'max_completion_tokens':16,'messages':["
            "{'role':'system','content':'Be kind.'},"
            "{'role':'user','content':'Hi \\'you\\'\\u000a'},"
            "{'role':'assistant','content':'Yes?'},"
            "{'role':'user','content':'\xef\xbf\xbd'}]}", "OpenAI's");

    other.url = (char *) "http://127.0.0.1:11434/v1/chat/completions";
    body_is(&other, "", "{'model':'m\\'1','max_tokens':16,'messages':["
            "{'role':'user','content':'Hi \\'you\\'\\u000a'},"
            "{'role':'assistant','content':'Yes?'},"
            "{'role':'user','content':'\xef\xbf\xbd'}]}",
            "others know the older name");

    other.tokens = CHAT_MAX_COMPLETION_TOKENS;
    other.model = (char *) "m";
    body_is(&other, "", "{'model':'m','max_completion_tokens':16,"
            "'messages':[{'role':'user','content':'Hi \\'you\\'\\u000a'},"
            "{'role':'assistant','content':'Yes?'},"
            "{'role':'user','content':'\xef\xbf\xbd'}]}", "or are told to");

    body_is(&anthropic, "Be kind.", "{'model':'claude','max_tokens':512,"
            "'system':'Be kind.','messages':["
            "{'role':'user','content':'Hi \\'you\\'\\u000a'},"
            "{'role':'assistant','content':'Yes?'},"
            "{'role':'user','content':'\xef\xbf\xbd'}]}", "Anthropic's");
}


static void test_headers(void)
{
    struct buf   b;
    const char  *headers[CHAT_HEADERS_MAX];

    buf_init(&b, 1024);
    is_int(chat_headers(&b, &openai, headers), 0, "OpenAI: only the key");
    is_str(chat_bearer(&openai), 4, "sk-o", "which is a token");

    is_int(chat_headers(&b, &anthropic, headers), 2, "Anthropic: two");
    is_str(headers[0], strlen(headers[0]), "anthropic-version: 2023-06-01",
           "the version");
    is_str(headers[1], strlen(headers[1]), "x-api-key: sk-a", "and the key");
    ok(chat_bearer(&anthropic) == NULL, "which is no token");
    buf_free(&b);
}


static void judged(const struct conf_chat *chat, long status,
    const char *body, const char *after, enum chat_rc rc, const char *text,
    const char *why)
{
    struct str          json = quoted(body);
    struct chat_answer  a;
    struct http_answer  http = {
        .outcome = status ? HTTP_ANSWERED : HTTP_AMBIGUOUS, .status = status,
        .body = json, .why = "no answer in time"
    };

    chat_judge(&http, STR(after), chat, 1763700000, &a);
    is_int(a.rc, rc, body);
    ok((a.text == NULL) == (text == NULL), "a text, or none");
    if (text != NULL && a.text != NULL) {
        is_str(a.text, strlen(a.text), text, "which is");
    } else {
        is_str(a.why, strlen(a.why), why, "and says why");
    }

    free(a.text);
    free((char *) json.at);
}


static void test_answers(void)
{
    static const char  said[] =
        "{'choices':[{'message':{'role':'assistant','content':' Order.\\n',"
        "'refusal':null},'finish_reason':'stop'}],"
        "'usage':{'total_tokens':7}}";

    judged(&openai, 200, said, "", CHAT_TEXT, "Order.", "");
    judged(&openai, 200, "{'choices':[{'message':{'content':null,"
           "'refusal':'I cannot.'}}]}", "", CHAT_REFUSED, NULL,
           "it refuses to answer");
    judged(&openai, 200, "{'choices':[{'message':{'content':'x'},"
           "'finish_reason':'content_filter'}]}", "", CHAT_REFUSED, NULL,
           "it refuses to answer");
    judged(&openai, 200, "{'choices':[{'message':{'content':' \\n '}}]}", "",
           CHAT_REFUSED, NULL, "it says nothing");
    judged(&openai, 200, "{'choices':[{'message':{'content':"
           "'\\u0000Yes,\\u0000daily.'}}]}", "", CHAT_TEXT, "Yes, daily.", "");
    judged(&openai, 200, "{'choices':[{'message':{'content':'Yes\xff\xc3!'}}]}",
           "", CHAT_TEXT, "Yes\xef\xbf\xbd\xef\xbf\xbd!", "");
    judged(&openai, 200, "{'choices':[{'message':{'content':[{'text':'a'}]}"
           "}]}", "", CHAT_REFUSED, NULL, "it says nothing");
    judged(&openai, 200, "{'choices':[]}", "", CHAT_AGAIN, NULL,
           "it is no chat completion");
    judged(&openai, 200, "<html>", "", CHAT_AGAIN, NULL, "it is no JSON");

    judged(&anthropic, 200, "{'type':'message','content':["
           "{'type':'thinking','thinking':'hm'},{'type':'text','text':'Yes, '},"
           "{'type':'text','text':'daily. '}],'stop_reason':'end_turn'}", "",
           CHAT_TEXT, "Yes, daily.", "");
    judged(&anthropic, 200, "{'type':'message','content':[],"
           "'stop_reason':'refusal'}", "", CHAT_REFUSED, NULL,
           "it refuses to answer");
    judged(&anthropic, 200, said, "", CHAT_AGAIN, NULL, "it is no message");
    judged(&anthropic, 200, "[]", "", CHAT_AGAIN, NULL, "it is no message");
}


static void test_statuses(void)
{
    struct chat_answer  a;
    struct http_answer  http = { .outcome = HTTP_ANSWERED, .status = 429 };

    judged(&anthropic, 0, "", "", CHAT_AGAIN, NULL, "no answer in time");
    judged(&anthropic, 529, "", "", CHAT_AGAIN, NULL,
           "it says that it cannot now");
    judged(&openai, 500, "", "", CHAT_AGAIN, NULL,
           "it says that it cannot now");
    judged(&openai, 401, "", "", CHAT_REFUSED, NULL,
           "it does not take the key");
    judged(&openai, 404, "", "", CHAT_REFUSED, NULL,
           "it does not know the URL or the model");
    judged(&openai, 400, "", "", CHAT_REFUSED, NULL,
           "it refuses what it was asked");
    judged(&openai, 302, "", "", CHAT_REFUSED, NULL,
           "it refuses what it was asked");

    chat_judge(&http, STR("7"), &openai, 1763700000, &a);
    is_int((long long) a.wait_ms, 7000, "Retry-After is heard");
}


static void test_tokens(void)
{
    struct str          json;
    struct chat_answer  a;
    struct http_answer  http = { .outcome = HTTP_ANSWERED, .status = 200 };

    json = quoted("{'type':'message','content':[{'type':'text','text':"
                  "'It is 4.50 today. And tomo'}],"
                  "'stop_reason':'max_tokens','usage':{'input_tokens':12,"
                  "'output_tokens':3}}");
    http.body = json;
    chat_judge(&http, NONE, &anthropic, 0, &a);
    is_int(a.tokens, 15, "tokens of question and answer");
    is_str(a.text, strlen(a.text), "It is 4.50 today.",
           "there were no more: it ends with a sentence");
    free(a.text);
    free((char *) json.at);

    json = quoted("{'type':'message','content':[{'type':'text','text':'a'}],"
                  "'usage':{'input_tokens':9223372036854775807,"
                  "'output_tokens':9223372036854775807}}");
    http.body = json;
    chat_judge(&http, NONE, &anthropic, 0, &a);
    is_int(a.tokens, 0, "as many as nobody counts");
    free(a.text);
    free((char *) json.at);
}


static void test_large(void)
{
    struct buf          b;
    struct chat_answer  a;
    struct http_answer  http = { .outcome = HTTP_ANSWERED, .status = 200 };
    size_t              i;

    buf_init(&b, CHAT_ANSWER_MAX);
    buf_text(&b, "{\"choices\":[{\"message\":{\"content\":\"x");
    for (i = 0; i < CHAT_TEXT_MAX; i++) {
        buf_text(&b, "\xc3\xa4");
    }
    buf_text(&b, "\"}}]}");

    http.body = (struct str) { b.at, b.len };
    chat_judge(&http, NONE, &openai, 0, &a);
    is_int((long long) strlen(a.text), CHAT_TEXT_MAX - 1,
           "what is kept of a long text ends with a character");
    ok(json_all_utf8(STR(a.text)), "which is whole");
    free(a.text);
    buf_free(&b);
}


static void label_is_(const struct conf_assistant *a, const char *answer,
    size_t want, bool known, const char *name)
{
    bool  found;

    is_int((long long) chat_label(a, STR(answer), &found), (long long) want,
           name);
    ok(found == known, "and whether it is one");
}


static void test_labels(void)
{
    struct conf_label      labels[] = {
        { .name = (char *) "enquiry" }, { .name = (char *) "order" },
        { .name = (char *) "_x." }, { .name = (char *) "general" }
    };
    struct conf_assistant  a = { .labels = { labels, 4 }, .label = 3 };

    label_is_(&a, "order", 1, true, "a word");
    label_is_(&a, " \nOrDeR\t", 1, true, "trimmed, without case");
    label_is_(&a, "**\"Order.\"**", 1, true, "without what is around it");
    label_is_(&a, "_x.", 2, true, "but what belongs to it");
    label_is_(&a, "orders", 3, false, "another word is the default");
    label_is_(&a, "order enquiry", 3, false, "two words, too");
    label_is_(&a, "", 3, false, "nothing, too");
    label_is_(&a, "GENERAL", 3, true, "the default is a label itself");
}


static void test_cut(void)
{
    struct str  s = chat_first(STR("a\xc3\xa4\xe2\x82\xac" "b"), 3);

    is_str(s.at, s.len, "a\xc3\xa4\xe2\x82\xac", "characters, not bytes");
    s = chat_first(STR("ab"), 400);
    is_str(s.at, s.len, "ab", "what is short stays");
    s = chat_trim(STR(" \r\n"));
    is_int((long long) s.len, 0, "all white space is nothing");
}


int main(void)
{
    test_bodies();
    test_headers();
    test_answers();
    test_statuses();
    test_tokens();
    test_large();
    test_labels();
    test_cut();

    return done();
}
