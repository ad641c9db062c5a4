/*
 * The grammar of actions: what is refused, and what is said of it; what of a
 * Graph call each action is.
 */

#include <stdlib.h>

#include "tap.h"
#include "quoted.h"
#include "consumer/reply.h"


#define R4(s)    s s s s
#define R16(s)   R4(s) R4(s) R4(s) R4(s)
#define R256(s)  R16(R16(s))

struct refused {
    const char  *json;          /* of the list */
    unsigned     action;
    const char  *parameter;
    const char  *limit;
    const char  *value;
    const char  *text;
};

struct accepted {
    const char        *json;    /* of one */
    enum action_kind   kind;
    const char        *method;  /* and path, query, body of its call; NULL:
                                   it takes none */
    const char        *path;
    const char        *query;
    const char        *body;
    bool               idempotent;
};


static const struct refused  parsing[] = {
    { "{}", 0, "", "", "", "must be a list of at least one action" },
    { "[]", 0, "", "", "", "must be a list of at least one action" },
    { "['stop','stop','stop','stop']", 0, "", "3 actions", "4 actions",
      "4 actions; there may be 3 at most" },
    { "[5]", 1, "", "", "", "must be a name, or an object with one member,"
      " {name: parameters}" },
    { "['mark_read',null]", 2, "", "", "", "must be a name, or an object with"
      " one member, {name: parameters}" },
    { "[{'reply':{'text':'a'},'stop':{}}]", 1, "", "", "", "must be a name,"
      " or an object with one member, {name: parameters}" },
    { "['Reply']", 1, "", "", "Reply", "unknown action \"Reply\"" },
    { "[{'conversion':{'event':'Lead'}}]", 1, "conversion", "", "",
      "comes with a later version" },
    { "['reply']", 1, "reply", "", "", "must have parameters, {text: ...}" },
    { "[{'mark_read':{}}]", 1, "mark_read", "", "", "takes no parameters" },
    { "[{'mark_read':null}]", 1, "mark_read", "", "",
      "takes no parameters" },
    { "['stop','mark_read']", 1, "stop", "", "", "must be the last action" },
    { "[{'reply':{}}]", 1, "reply", "", "", "text is missing, or"
      " another content: image, video, audio, document, sticker, location,"
      " contacts, template, interactive, generic, buttons, list, raw" },
    { "[{'reply':{'text':5}}]", 1, "reply.text", "", "",
      "must be a text; a number is written in quotes" },
    { "[{'reply':{'text':''}}]", 1, "reply.text", "", "", "is empty" },
    { "[{'reply':{'text':'a\\u0000b'}}]", 1, "reply.text", "", "",
      "holds a zero byte" },
    { "[{'reply':{'text':'a','text':'b'}}]", 1, "reply.text", "", "",
      "stands there twice" },
    { "[{'reply':{'txt':'a'}}]", 1, "reply.txt", "", "txt",
      "unknown parameter" },
    { "[{'reply':{'text':'a','quote':1}}]", 1, "reply.quote", "", "1",
      "must be true or false" },
    { "[{'reply':{'image':{'id':'1'},'video':{'id':'1'}}}]", 1,
      "reply.video", "", "", "stands beside image: exactly one of them" },
    { "[{'reply':{'text':'a','quick_replies':[]}}]", 1,
      "reply.quick_replies", "", "",
      "must be a list of at least one {title, payload}" },
    { "[{'reply':{'text':'a','quick_replies':[{'title':'a','payload':'b'},"
      "{'title':'c'}]}}]", 1, "reply.quick_replies[1]", "", "",
      "needs title and payload" },
    { "[{'reply':{'text':'a','quick_replies':[{'title':'a','title':'b',"
      "'payload':'b'}]}}]", 1, "reply.quick_replies[0].title", "", "title",
      "stands there twice" },
    { "[{'reply':{'text':'a','quick_replies':[{'title':'a','payload':7}]}}]",
      1, "reply.quick_replies[0].payload", "", "",
      "must be a text; a number is written in quotes" },
    { "[{'reply':{'text':'a','raw':{'type':'text'}}}]", 1, "reply.raw", "",
      "", "stands beside text: exactly one of them" },
    { "[{'reply':{'raw':[]}}]", 1, "reply.raw", "", "", "must be an object" },
    { "[{'reply':{'raw':{}}}]", 1, "reply.raw", "", "", "is empty" },
    { "[{'reply':{'raw':{'type':'text'},'quick_replies':[{'title':'a',"
      "'payload':'b'}]}}]", 1, "reply", "", "",
      "quick_replies do not go with raw, which is the whole message" },
    { "[{'reply':{'" R256("x") "':1}}]", 1, "reply." R16("x") R16("x")
      R16("x") R16("x") R16("x") "xxxxxxxxx", "", R16("x") R16("x") R16("x")
      "xxxxxxxxxxxxxxx",
      "unknown parameter" },
    { "[{'send':{'account':'1','text':'a'}}]", 1, "send", "", "",
      "to is missing" },
    { "[{'send':{'account':'1x','to':'1','text':'a'}}]", 1, "send.account",
      "32 digits", "1x", "must be an id of 1 to 32 digits" },
    { "[{'push':{'list':'a{b}'}}]", 1, "push.list", "", "a{b}",
      "must be 1 to 200 of A-Za-z0-9._:-" },
    { "[{'graph':{'method':'PUT','path':'a'}}]", 1, "graph.method",
      "GET, POST, DELETE", "PUT", "must be GET, POST or DELETE" },
    { "[{'graph':{'method':'GET','path':'https://evil.example/'}}]", 1,
      "graph.path", "", "https://evil.example/",
      "must be a path such as 106540352242922/messages: no host, no query,"
      " no empty part" },
    { "[{'graph':{'method':'GET','path':'/v19.0/me'}}]", 1, "graph.path", "",
      "", "the version is that of graph.version, leave it out" },
    { "[{'graph':{'method':'GET','path':'me','params':{'a':1,"
      "'access_token':'EAA'}}}]", 1, "graph.params", "", "access_token",
      "access_token: the configuration says which token is used" }
};


/* on WhatsApp, from a handler, for a message */
static const struct refused  checking[] = {
    { "[{'reply':{'text':'a'}},{'reply':{'text':'" R16(R256("x")) "x'}}]", 2,
      "reply.text", "4096 characters", "4097 characters",
      "4097 characters; there may be 4096 at most" },
    { "[{'reply':{'text':'a','quick_replies':[{'title':"
      "'123456789012345678901','payload':'p'}]}}]", 1,
      "reply.quick_replies[0].title", "20 characters", "21 characters",
      "21 characters; there may be 20 at most" },
    { "[{'reply':{'text':'a','quick_replies':[{'title':'a','payload':'"
      R256("p") "p'}]}}]", 1, "reply.quick_replies[0].payload",
      "256 characters", "257 characters",
      "257 characters; there may be 256 at most" },
    { "[{'reply':{'text':'a','quick_replies':[{'title':'a','payload':'p'},"
      "{'title':'a','payload':'q'}]}}]", 1, "reply.quick_replies[1]", "", "a",
      "\"a\": on WhatsApp no two titles and no two payloads are the same" },
    { "[{'reply':{'raw':{'type':'text','to':'1'}}}]", 1, "reply.raw", "",
      "to", "to is set by the call itself, leave it out" },
    { "[{'reply':{'raw':{'text':{}}}}]", 1, "reply.raw", "", "", "needs"
      " \"type\" and the member of that name, as Meta's reference has them" },
    { "['mark_read',{'push':{'list':'other'}}]", 2, "push.list",
      "push_lists", "other", "\"other\" does not stand in push_lists" },
    { "[{'push':{'list':'meta:events:3'}}]", 1, "push.list", "",
      "meta:events:3", "\"meta:events:3\" is a queue of this consumer: it"
      " would read it again and again" },
    { "[{'call':{'handler':'shop'}}]", 1, "call", "", "",
      "an answer of a handler calls none" },
    { "[{'send':{'account':'389','to':'4915550100441','text':'a'}}]", 1,
      "send.to", "", "", "must be a phone number with + and country code,"
      " 6 to 15 digits and nothing else, or a user id such as"
      " ZA.48210093377165520" },
    { "[{'send':{'account':'118','to':'+4915550100441','text':'a'}}]", 1,
      "send.to", "32 digits", "", "must be the user's id, 1 to 32 digits" },
    { "[{'send':{'account':'118','to':'5','text':'" R16(R16("12345678"))
      "'}}]", 1, "send.text", "1999 characters", "2048 characters",
      "2048 characters; there may be 1999 at most" },
    { "[{'graph':{'method':'POST','path':'389/register','params':{'pin':"
      "'1'}}}]", 1, "graph.params.pin", "6 digits", "", "must be 6 digits" },
    { "[{'graph':{'method':'DELETE','path':'118/messenger_profile',"
      "'account':'118','params':{}}}]", 1, "graph.params.fields", "", "",
      "is missing" }
};


#define WA  "{'messaging_product':'whatsapp','recipient_type':'individual',"
#define WA_TO  WA "'to':'+4915550100441','biz_opaque_callback_data':'job-1',"

/* of the WhatsApp number 389, to a person */
static const struct accepted  good[] = {
    { "'stop'", ACTION_STOP, NULL, NULL, NULL, NULL, true },
    { "{'push':{'list':'mine'}}", ACTION_PUSH, NULL, NULL, NULL, NULL,
      false },
    { "'mark_read'", ACTION_MARK_READ, "POST", "389/messages", "",
      "{'messaging_product':'whatsapp','status':'read','message_id':"
      "'wamid.A'}", true },
    { " { 'reply' : { 'text' : 'caf\\u00e9 \\u0001' } } ", ACTION_REPLY,
      "POST", "389/messages", "", WA_TO "'type':'text','text':{'body':"
      "'caf\xc3\xa9 \\u0001','preview_url':false}}", false },
    { "{'reply':{'quick_replies':[{'title':'Yes','payload':'Y'}],"
      "'text':'a'}}", ACTION_REPLY, "POST", "389/messages", "", WA_TO
      "'type':'interactive','interactive':{'type':'button','body':{'text':"
      "'a'},'action':{'buttons':[{'type':'reply','reply':{'id':'Y','title':"
      "'Yes'}}]}}}", false },
    { "{'reply':{'raw':{'type':'image','image':{'id':1.50,'x':[true]}}}}",
      ACTION_REPLY, "POST", "389/messages", "", WA_TO
      "'type':'image','image':{'id':1.50,'x':[true]}}", false },
    { "{'graph':{'method':'GET','path':'/389','params':{'fields':"
      "'a,b','limit':5,'x':{'a':'b c'},'\\u00e4':true}}}", ACTION_GRAPH,
      "GET", "389", "fields=a%2Cb&limit=5&x=%7B%22a%22%3A%22b%20c%22%7D&"
      "%C3%A4=true", "", true },
    { "{'graph':{'method':'POST','path':'389/register','params':{'pin':"
      "'482913'}}}", ACTION_GRAPH, "POST", "389/register", "",
      "{'messaging_product':'whatsapp','pin':'482913'}", false },
    { "{'graph':{'method':'POST','path':'389','params':{'pin':'482913'}}}",
      ACTION_GRAPH, "POST", "389", "", "{'pin':'482913'}", true },
    { "{'graph':{'method':'POST','path':'1022/other','params':{'pin':1}}}",
      ACTION_GRAPH, "POST", "1022/other", "", "{'pin':1}", false },
    { "{'graph':{'method':'DELETE','path':'1_2','account':118}}",
      ACTION_GRAPH, "DELETE", "1_2", "", "", false },
};


/* of the Page 118, to a person */
static const struct accepted  page[] = {
    { "{'send':{'account':118,'to':'720','text':'a','quick_replies':["
      "{'title':'Yes','payload':'Y'}]}}", ACTION_SEND, "POST",
      "118/messages", "", "{'recipient':{'id':'720'},'messaging_type':"
      "'UPDATE','message':{'text':'a','metadata':'job-1','quick_replies':["
      "{'content_type':'text','title':'Yes','payload':'Y'}]}}", false },
    { "{'send':{'account':'118','to':'720','raw':{'messaging_type':'UPDATE',"
      "'message':{'text':'b'}}}}", ACTION_SEND, "POST", "118/messages", "",
      "{'recipient':{'id':'720'},'messaging_type':'UPDATE','message':{"
      "'text':'b','metadata':'job-1'}}", false },
    { "{'send':{'account':'118','to':'720','raw':{'message':{'text':'b',"
      "'metadata':'mine'}}}}", ACTION_SEND, "POST", "118/messages", "",
      "{'recipient':{'id':'720'},'messaging_type':'UPDATE','message':{"
      "'text':'b','metadata':'mine'}}", false },
    { "{'send':{'account':'118','to':'720','raw':{'sender_action':"
      "'typing_on'}}}", ACTION_SEND, "POST", "118/messages", "",
      "{'recipient':{'id':'720'},'sender_action':'typing_on'}", false }
};


static struct conf_token  tokens[] = {
    { .kind = TOKEN_WHATSAPP, .id = (char *) "389" },
    { .kind = TOKEN_PAGE, .id = (char *) "118" }
};
static struct conf_queue    queue = { .name = (char *) "meta:events" };
static char                *mine = (char *) "mine";
static struct conf_handler  shop = { .name = (char *) "shop" };
static const struct conf    conf = {
    .tokens = { tokens, 2 }, .queues = { &queue, 1 },
    .push_lists = { &mine, 1 }, .handlers = { &shop, 1 }
};
static const struct action_place  place = {
    .from = FROM_HANDLER, .product = PRODUCT_WHATSAPP, .kind = KIND_MESSAGE,
    .addressed = true, .message = true
};


static void is_fault(const struct fault *f, const struct refused *r)
{
    is_int(f->action, r->action, "action");
    is_str(f->parameter, strlen(f->parameter), r->parameter, "parameter");
    is_str(f->limit, strlen(f->limit), r->limit, "limit");
    is_str(f->value, strlen(f->value), r->value, "value");
    is_str(f->text, strlen(f->text), r->text, "text");
}


static void test_refused(const struct refused *r, bool parses)
{
    int               rc;
    size_t            n;
    struct str        text = quoted(r->json);
    struct fault      f;
    struct action    *actions;
    struct json_doc  *doc = json_parse(text.at, text.len, JSON_TREE_MAX);

    f = (struct fault) { .action = 99 };
    rc = actions_parse(json_root(doc), 3, false, &actions, &n, &f);
    ok(doc != NULL && (rc == 0) == parses, r->json);

    if (parses) {
        ok(actions_check(actions, n, &place, &conf, &f) != 0, "refused");
        actions_free(actions, n);
    } else {
        ok(actions == NULL && n == 0, "nothing is left");
    }

    is_fault(&f, r);
    json_free(doc);
    free((char *) text.at);
}


/* what is kept is the same action again */
static void test_again(const struct action *a)
{
    struct fault      f;
    struct action     again;
    struct json_doc  *doc = json_parse(a->json.at, a->json.len,
                                       JSON_TREE_MAX);

    ok(action_parse(json_root(doc), &again, &f) == 0, "it is read again");
    is_mem(again.json.at, again.json.len, a->json.at, a->json.len,
           "as it was");
    action_free(&again);
    json_free(doc);
}


static void test_call(const struct accepted *g, const struct action *a,
    const struct target *t)
{
    const char         *methods[] = { "", "GET", "POST", "DELETE" };
    struct str          body = quoted(g->body);
    struct reply_call   call;

    ok(reply_call(&call, a, t, STR("job-1")) == NULL, "a call");
    is_str(methods[call.method], strlen(methods[call.method]), g->method,
           "method");
    is_str(call.path.at, call.path.len, g->path, "path");
    is_str(call.query.at, call.query.len, g->query, "query");
    is_mem(call.body.at, call.body.len, body.at, body.len, "body");
    is_int(call.idempotent, g->idempotent, "idempotent");
    reply_call_free(&call);
    free((char *) body.at);
}


static void test_good(const struct accepted *g, const struct target *t)
{
    struct str        text = quoted(g->json);
    struct fault      f = { .action = 0 };
    struct action     a;
    struct json_doc  *doc = json_parse(text.at, text.len, JSON_TREE_MAX);

    if (ok(action_parse(json_root(doc), &a, &f) == 0, g->json)
        && ok(action_check(&a, &place, &conf, &f) == 0, "may run"))
    {
        is_int(a.kind, g->kind, "kind");
        /* of a call of Graph's the table of calls may know it better */
        is_int(action_idempotent(&a) && !g->idempotent, 0, "idempotent");
        is_int(action_calls(&a), g->method != NULL, "calls");
        test_again(&a);
        if (g->method != NULL) {
            test_call(g, &a, t);
        }
    } else {
        printf("# %s: %s\n", f.parameter, f.text);
    }

    action_free(&a);
    json_free(doc);
    free((char *) text.at);
}


static void test_target(const char *account, const char *to,
    enum product product, enum address_kind address)
{
    struct fault   f;
    struct target  t;

    ok((target_of(&t, &conf, PRODUCT_NONE, STR(account), STR(to), "to", &f)
        == 0) == (address != ADDRESS_NONE), to);
    is_int(t.product, product, "product");
    is_int(t.address, address, "address");
}


static void test_targets(void)
{
    test_target("389", "+27820000001", PRODUCT_WHATSAPP, ADDRESS_PHONE);
    test_target("389", "ZA.48210093377165520", PRODUCT_WHATSAPP,
                ADDRESS_USER_ID);
    test_target("389", "US.ENT.7719920046", PRODUCT_WHATSAPP,
                ADDRESS_USER_ID);
    test_target("389", "27820000001", PRODUCT_WHATSAPP, ADDRESS_NONE);
    test_target("389", "+2782 000 0001", PRODUCT_WHATSAPP, ADDRESS_NONE);
    test_target("389", "za.48210093377165520", PRODUCT_WHATSAPP,
                ADDRESS_NONE);
    test_target("118", "720", PRODUCT_MESSENGER, ADDRESS_USER_ID);
    test_target("118", "+27820000001", PRODUCT_MESSENGER, ADDRESS_NONE);
    test_target("1", "+27820000001", PRODUCT_WHATSAPP, ADDRESS_PHONE);
    test_target("1", "720", PRODUCT_MESSENGER, ADDRESS_USER_ID);
    test_target("1", "", PRODUCT_MESSENGER, ADDRESS_NONE);
}


static void test_said(void)
{
    char          said[200];
    struct fault  f;

    fault_set(&f, "reply.text", "4 characters", STR("a\n\xff\xc3\xa4"),
              "%d characters", 5);
    is_str(f.value, strlen(f.value), "a??\xc3\xa4", "a value is one line");
    f.action = 2;
    fault_say(&f, said, sizeof(said));
    is_str(said, strlen(said), "action 2: reply.text: 5 characters (limit:"
           " 4 characters, value: a??\xc3\xa4)", "the whole in one line");
}


int main(void)
{
    size_t         i;
    struct target  to = {
        .product = PRODUCT_WHATSAPP, .account = STR("389"),
        .sender = STR("389"), .address = ADDRESS_PHONE,
        .to = STR("4915550100441"), .message = STR("wamid.A")
    };
    struct target  psid = {
        .product = PRODUCT_MESSENGER, .account = STR("118"),
        .sender = STR("118"), .address = ADDRESS_USER_ID, .to = STR("720"),
        .message = NONE
    };

    for (i = 0; i < sizeof(parsing) / sizeof(parsing[0]); i++) {
        test_refused(&parsing[i], false);
    }

    for (i = 0; i < sizeof(checking) / sizeof(checking[0]); i++) {
        test_refused(&checking[i], true);
    }

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        test_good(&good[i], &to);
    }

    for (i = 0; i < sizeof(page) / sizeof(page[0]); i++) {
        test_good(&page[i], &psid);
    }

    test_targets();
    test_said();

    return done();
}
