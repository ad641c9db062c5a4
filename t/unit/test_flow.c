/*
 * Logins, as far as they are pure: records of meta:auth, lists of Graph,
 * sentences for people; and the secrets of jobs.
 */

#include <stdlib.h>

#include "tap.h"
#include "consumer/flow_read.h"
#include "consumer/flow_say.h"
#include "consumer/job_seal.h"


#define FLOW  "0123456789abcdef0123456789abcdef"
#define CODE_EVENT(more)                                                      \
    "{'v':1,'object':'oauth','field':'code','received_at':1763700000123,"     \
    "'event':{'id':'1234567890','flow':'" FLOW "','kind':'facebook',"         \
    "'code':'1.aabbccdd.x','denied':null" more "}}"


static struct json_doc  *docs[64];
static size_t            ndocs;


static const struct json *parse(const char *quoted)
{
    char  *at, text[4096];

    snprintf(text, sizeof(text), "%s", quoted);
    for (at = text; (at = strchr(at, '\'')) != NULL; ) {
        *at = '"';
    }

    docs[ndocs] = json_parse(text, strlen(text), 1024 * 1024);

    return json_root(docs[ndocs++]);
}


static bool is_order(const char *text)
{
    struct flow_order  order;

    return flow_order_read(parse(text), &order);
}


static void test_order(void)
{
    struct flow_order  order;

    ok(flow_order_read(parse(CODE_EVENT(",'ref':'shop','waba':'x'")), &order),
       "a code");
    ok(!order.signup && order.received_at == 1763700000123
       && order.queued_at == -1, "with its time");
    is_str(order.flow.at, order.flow.len, FLOW, "its flow");
    is_str(order.ref.at, order.ref.len, "shop", "its ref");
    is_int(order.denied.len + order.waba.len + order.pin.len, 0,
           "null, and what is no id, are nothing");

    ok(flow_order_read(parse("{'v':1,'object':'oauth','field':'signup',"
       "'received_at':1,'event':{'id':'1','flow':'" FLOW "','pin':'1.x'}}"),
       &order), "a PIN");
    ok(order.signup && order.pin.len > 0 && order.code.len == 0, "alone");

    ok(!is_order("{'v':2,'object':'oauth','field':'code','event':{'id':'1',"
       "'flow':'" FLOW "','code':'x'}}"), "a newer one");
    ok(!is_order("{'v':1,'object':'page','field':'code','event':{'id':'1',"
       "'flow':'" FLOW "','code':'x'}}"), "another object");
    ok(!is_order("{'v':1,'object':'oauth','field':'code','event':{'id':'1',"
       "'flow':'0123','code':'x'}}"), "a flow that is none");
    ok(!is_order("{'v':1,'object':'oauth','field':'code','event':{'id':'1/x',"
       "'flow':'" FLOW "','code':'x'}}"), "an app that is none");
    ok(!is_order("{'v':1,'object':'oauth','field':'code','event':{'id':'1',"
       "'flow':'" FLOW "','pin':'x'}}"), "a login has no PIN");
    ok(!is_order("[]") && !flow_order_read(NULL, &order), "no object");
}


static void test_lists(void)
{
    struct str           s;
    struct flow_page     page;
    struct flow_number   number;
    const struct json   *j;

    ok(flow_page_read(parse("{'id':'9','name':'Shop','access_token':'EAAx',"
       "'instagram_business_account':{'id':'17','username':'shop'}}"), &page),
       "a Page");
    is_str(page.instagram.at, page.instagram.len, "17", "its account");
    is_str(page.username.at, page.username.len, "shop", "what that is called");
    ok(!flow_page_read(parse("{'id':'../9'}"), &page), "an id is digits");

    ok(flow_number_read(parse("{'id':106,'display_phone_number':'+1 555',"
       "'status':'CONNECTED'}"), &number), "a number");
    ok(number.connected, "that is connected");
    is_str(number.name.at, number.name.len, "+1 555", "by what it is called");
    is_str(number.number.at, number.number.len, "+1 555", "and dialled");
    ok(flow_number_read(parse("{'id':'1','status':'PENDING'}"), &number)
       && !number.connected, "one that is not");

    s = flow_after(parse("{'paging':{'cursors':{'after':'QQ'},'next':"
                         "'https://x'}}"));
    is_str(s.at, s.len, "QQ", "a page to come");
    is_int(flow_after(parse("{'paging':{'cursors':{'after':'QQ'}}}")).len, 0,
           "the last has a cursor, too");

    j = parse("[{'scope':'a'},{'scope':'b','target_ids':['5','x','6']}]");
    s = flow_target(j, "b", 1);
    is_str(s.at, s.len, "6", "the second id that is one");
    is_int(flow_target(j, "b", 2).len + flow_target(j, "a", 0).len
           + flow_target(NULL, "a", 0).len, 0, "no more");
}


static void test_scopes(void)
{
    struct buf  b;

    buf_init(&b, 512);
    flow_scopes_say(&b, ",pages_messaging,,unheard_of,");
    is_str(b.at, b.len, "read and answer messages to your Pages"
           " (pages_messaging), unheard_of", "permissions as people call them");
    buf_free(&b);
}


static void test_words(void)
{
    int          i;
    const char  *text;

    for (i = FLOW_LATE; i < FLOW_ERRORS; i++) {
        text = flow_error_text((enum flow_error) i);
        ok(flow_error_name((enum flow_error) i)[0] != '\0'
           && text[0] >= 'A' && text[0] <= 'Z'
           && text[strlen(text) - 1] == '.', "an error has a sentence");
    }

    is_int(flow_code_error(100, 36009, "This authorization code has been used"
           " for redirect_uri"), FLOW_CODE, "used");
    is_int(flow_code_error(100, 0, "make sure your redirect_uri is"
           " identical"), FLOW_REDIRECT_URI, "redirect_uri");
    is_int(flow_code_error(100, 0, "Invalid verification code format."),
           FLOW_CODE, "no code");
    is_int(flow_code_error(101, 0, ""), FLOW_APP_SECRET, "no app");
    is_int(flow_code_error(1, 0, "Error validating client secret."),
           FLOW_APP_SECRET, "another secret");
    is_int(flow_code_error(400, 0, "Matching code was not found"), FLOW_CODE,
           "Instagram's");
    is_int(flow_code_error(2, 0, ""), FLOW_META, "Meta's own");
}


static const struct conf_keys  keys = {
    .n = 1, .at = { { "0123456789abcdef0123456789abcde" } }
};


static char *sealed(const char *record, const struct conf_keys *by)
{
    char        *text;
    struct buf   b;

    if (!job_seal(STR(record), by, &b)) {
        return NULL;
    }

    text = mem_copy(b.at, b.len);
    buf_free(&b);

    return text;
}


static void test_seal(void)
{
    char  *one, *two, *at, *end, *secret;

    one = sealed("{\"v\":1,\"id\":\"j\",\"do\":[{\"whatsapp_configure\":"
                 "{\"token\":\"EAAsecret\",\"waba_id\":\"1\",\"pin\":246810,"
                 "\"tokn\":\"EAAsecret\"}}]}", &keys);
    ok(one != NULL && strstr(one, "EAAsecret") == NULL
       && strstr(one, "246810") == NULL, "token and PIN are gone");
    ok(strstr(one, "\"waba_id\":\"1\"") != NULL
       && strstr(one, "\"tokn\":\"***\"") != NULL, "ids stay, no others");
    ok(sealed(one, &keys) == NULL, "what is sealed stays as it is");

    at = strstr(one, "\"token\":\"") + 9;
    end = strchr(at, '"');
    *end = '\0';
    secret = job_open(at, &keys);
    ok(secret != NULL && strcmp(secret, "EAAsecret") == 0, "it can be opened");
    mem_wipe(secret);
    at[20] = at[20] == 'A' ? 'B' : 'A';
    ok(job_open(at, &keys) == NULL, "but not when it was altered");
    ok(job_open(at, NULL) == NULL, "nor without a key");
    free(one);

    two = sealed("{\"do\":[{\"whatsapp\\u005fconfigure\":{\"token\":"
                 "\"EAA\"}}]}", NULL);
    ok(two != NULL && strstr(two, "\"token\":\"***\"") != NULL,
       "without a key it is blanked, however its name is written");
    free(two);

    two = sealed("{\"do\":[{\"whatsapp_configure\":{\"token\":"
                 "\"EAAabcdefghijklmnop\"", &keys);
    ok(two != NULL && strstr(two, "EAA") == NULL
       && strstr(two, "whatsapp_configure") != NULL, "what is no JSON, too");
    free(two);

    two = sealed("{\"do\":[{\"whatsapp_configure\":\"EAAsecret\"}]}", &keys);
    ok(two != NULL && strstr(two, "EAA") == NULL, "and what has no parameters");
    free(two);
    ok(sealed("{\"do\":[{\"reply\":{\"text\":\"\\u00e9 whatsapp_configure"
              "\"}}]}", &keys) == NULL, "a text that says so is a text");
    ok(sealed("", &keys) == NULL && sealed("{\"do\":[\"typing\"]}", &keys)
       == NULL, "other jobs stay");
}


int main(void)
{
    test_order();
    test_lists();
    test_scopes();
    test_words();
    test_seal();

    while (ndocs > 0) {
        json_free(docs[--ndocs]);
    }

    return done();
}
