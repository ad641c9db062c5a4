/*
 * The table of management calls: which row a call is, where its parameters
 * go, and what is refused before it leaves (meta-webhooks-and-messaging.md
 * 1.8, 7.4, 7.5, 8, 9; meta-graph-oauth-ads-capi.md 3.4, 8.4).
 */

#include <stdlib.h>

#include "tap.h"
#include "quoted.h"
#include "consumer/calls.h"


#define WA    PRODUCT_WHATSAPP
#define MS    PRODUCT_MESSENGER
#define IG    PRODUCT_INSTAGRAM
#define GET   METHOD_GET
#define POST  METHOD_POST
#define DEL   METHOD_DELETE

#define R4(s)    s s s s
#define R16(s)   R4(s) R4(s) R4(s) R4(s)
#define R256(s)  R16(R16(s))


/* as the reference writes each call */
static const struct written {
    const char          *name;
    enum product         product;
    enum action_method   method;
    const char          *path;
    const char          *params;
    const char          *query;
    const char          *body;
} written[] = {
    { "app.list", 0, GET, "12/subscriptions", "", "", "" },
    { "app.subscribe", 0, POST, "12/subscriptions", "{'object':'page',"
      "'callback_url':'https://e.example/w?a=b','verify_token':'t+ %',"
      "'fields':'messages,feed','include_values':true}", "",
      "object=page&callback_url=https%3A%2F%2Fe.example%2Fw%3Fa%3Db"
      "&verify_token=t%2B%20%25&fields=messages%2Cfeed"
      "&include_values=true" },
    { "app.unsubscribe", 0, DEL, "12/subscriptions", "{'object':'page'}",
      "object=page", "" },
    { "subscription.list", WA, GET, "1022/subscribed_apps", "", "", "" },
    { "subscription.add", WA, POST, "1022/subscribed_apps", "", "", "" },
    { "subscription.add", WA, POST, "1022/subscribed_apps",
      "{'override_callback_uri':'https://e.example','verify_token':'x'}", "",
      "{'override_callback_uri':'https://e.example','verify_token':'x'}" },
    { "subscription.remove", WA, DEL, "1022/subscribed_apps", "", "", "" },
    { "subscription.add", MS, POST, "118/subscribed_apps",
      "{'subscribed_fields':'messages,messaging_postbacks,feed'}",
      "subscribed_fields=messages%2Cmessaging_postbacks%2Cfeed", "" },
    { "subscription.add", IG, POST, "178/subscribed_apps",
      "{'subscribed_fields':'messages,comments'}",
      "subscribed_fields=messages%2Ccomments", "" },
    { "number.request_code", WA, POST, "1065/request_code",
      "{'code_method':'SMS','language':'de'}", "",
      "{'code_method':'SMS','language':'de'}" },
    { "number.verify_code", WA, POST, "1065/verify_code",
      "{'code':'123456'}", "", "{'code':'123456'}" },
    { "number.register", WA, POST, "1065/register", "{'pin':'482913',"
      "'data_localization_region':'DE'}", "", "{'messaging_product':"
      "'whatsapp','pin':'482913','data_localization_region':'DE'}" },
    { "number.register", WA, POST, "/1065/register/",
      "{'messaging_product':'whatsapp','pin':'482913'}", "",
      "{'messaging_product':'whatsapp','pin':'482913'}" },
    { "number.deregister", WA, POST, "1065/deregister", "", "", "" },
    { "number.pin", WA, POST, "1065", "{'pin':'482913'}", "",
      "{'pin':'482913'}" },
    { "number.webhook", WA, POST, "1065", "{'webhook_configuration':{"
      "'override_callback_uri':'','verify_token':''}}", "",
      "{'webhook_configuration':{'override_callback_uri':'',"
      "'verify_token':''}}" },
    { "number.list", WA, GET, "1022/phone_numbers", "{'fields':'id'}",
      "fields=id", "" },
    { "profile.show", WA, GET, "1065/whatsapp_business_profile", "",
      "fields=about%2Caddress%2Cdescription%2Cemail%2Cprofile_picture_url"
      "%2Cwebsites%2Cvertical", "" },
    { "profile.set", WA, POST, "1065/whatsapp_business_profile",
      "{'about':'Hi','websites':['https://a.example'],'vertical':'RETAIL'}",
      "", "{'messaging_product':'whatsapp','about':'Hi','websites':["
      "'https://a.example'],'vertical':'RETAIL'}" },
    { "template.list", WA, GET, "1022/message_templates",
      "{'fields':'name,status,category,language','limit':100,'status':"
      "'approved','after':'x='}", "fields=name%2Cstatus%2Ccategory"
      "%2Clanguage&limit=100&status=approved&after=x%3D", "" },
    { "template.create", WA, POST, "1022/message_templates", "{'name':'a_1',"
      "'language':'de','category':'UTILITY','components':[{'type':'BODY',"
      "'text':'x'}]}", "", "{'name':'a_1','language':'de','category':"
      "'UTILITY','components':[{'type':'BODY','text':'x'}]}" },
    { "template.edit", WA, POST, "1187", "{'components':[{'type':'BODY',"
      "'text':'y'}]}", "", "{'components':[{'type':'BODY','text':'y'}]}" },
    { "template.delete", WA, DEL, "1022/message_templates",
      "{'name':'a_1','hsm_id':'1187'}", "name=a_1&hsm_id=1187", "" },
    { "block.list", WA, GET, "1065/block_users", "", "", "" },
    { "block.add", WA, POST, "1065/block_users",
      "{'block_users':[{'user':'+4915550100441'}]}", "",
      "{'messaging_product':'whatsapp','block_users':[{'user':"
      "'+4915550100441'}]}" },
    { "block.remove", WA, DEL, "1065/block_users",
      "{'block_users':[{'user':'+4915550100441'}]}", "",
      "{'messaging_product':'whatsapp','block_users':[{'user':"
      "'+4915550100441'}]}" },
    { "call.answer", WA, POST, "1065/calls", "{'call_id':'wacid.x',"
      "'action':'accept','session':{'sdp_type':'answer','sdp':'v=0'}}", "",
      "{'messaging_product':'whatsapp','call_id':'wacid.x','action':"
      "'accept','session':{'sdp_type':'answer','sdp':'v=0'}}" },
    { "profile.set", MS, POST, "me/messenger_profile", "{'get_started':{"
      "'payload':'GO'},'persistent_menu':[{'locale':'default',"
      "'composer_input_disabled':false,'call_to_actions':[{'type':"
      "'postback','title':'Help','payload':'HELP'}]}]}", "",
      "{'get_started':{'payload':'GO'},'persistent_menu':[{'locale':"
      "'default','composer_input_disabled':false,'call_to_actions':[{"
      "'type':'postback','title':'Help','payload':'HELP'}]}]}" },
    { "profile.delete", MS, DEL, "me/messenger_profile",
      "{'fields':['greeting']}", "", "{'fields':['greeting']}" },
    { "menu.set", MS, POST, "me/custom_user_settings", "{'psid':'7204',"
      "'persistent_menu':[{'locale':'default'}]}", "", "{'psid':'7204',"
      "'persistent_menu':[{'locale':'default'}]}" },
    { "menu.show", MS, GET, "me/custom_user_settings", "{'psid':'7204'}",
      "psid=7204", "" },
    { "persona.list", MS, GET, "118/personas", "", "", "" },
    { "persona.create", MS, POST, "118/personas", "{'name':'Ines',"
      "'profile_picture_url':'https://e.example/i.png'}", "", "{'name':"
      "'Ines','profile_picture_url':'https://e.example/i.png'}" },
    { "attachment.upload", MS, POST, "me/message_attachments", "{'message':{"
      "'attachment':{'type':'image','payload':{'url':'https://e.example/i',"
      "'is_reusable':true}}}}", "", "{'message':{'attachment':{'type':"
      "'image','payload':{'url':'https://e.example/i','is_reusable':"
      "true}}}}" },
    { "thread.pass", MS, POST, "me/pass_thread_control", "{'recipient':{"
      "'id':'7204'},'target_app_id':'26','metadata':'m'}", "",
      "{'recipient':{'id':'7204'},'target_app_id':'26','metadata':'m'}" },
    { "thread.take", MS, POST, "me/take_thread_control",
      "{'recipient':{'id':'7204'}}", "", "{'recipient':{'id':'7204'}}" },
    { "thread.request", MS, POST, "me/request_thread_control",
      "{'recipient':{'id':'7204'}}", "", "{'recipient':{'id':'7204'}}" },
    { "thread.release", MS, POST, "me/release_thread_control",
      "{'recipient':{'id':'7204'}}", "", "{'recipient':{'id':'7204'}}" },
    { "comment.reply", MS, POST, "118_122/comments", "{'message':'Ja, um 8'}",
      "message=Ja%2C%20um%208", "" },
    { "profile.set", IG, POST, "me/messenger_profile", "{'ice_breakers':[{"
      "'question':'Open?','payload':'OPEN'}]}", "", "{'platform':"
      "'instagram','ice_breakers':[{'question':'Open?','payload':"
      "'OPEN'}]}" },
    { "profile.show", IG, GET, "me/messenger_profile", "",
      "platform=instagram&fields=ice_breakers%2Cpersistent_menu", "" },
    { "comment.reply", IG, POST, "180/replies", "{'message':'Ja'}",
      "message=Ja", "" },
    { "comment.hide", IG, POST, "180", "{'hide':true}", "hide=true", "" },
    { "comment.create", IG, POST, "179/comments", "{'message':'Hi'}",
      "message=Hi", "" },
    { "mention.reply", IG, POST, "178/mentions", "{'media_id':'179',"
      "'message':'Hi'}", "media_id=179&message=Hi", "" }
};

/* what is a bare id is known by its name only */
static const struct {
    const char          *name;
    enum product         product;
    enum action_method   method;
} named[] = {
    { "number.show", WA, GET }, { "media.show", WA, GET },
    { "media.delete", WA, DEL }, { "persona.show", MS, GET },
    { "persona.delete", MS, DEL }, { "comment.delete", MS, DEL },
    { "user.show", MS, GET }, { "comment.delete", IG, DEL },
    { "subscription.list", MS, GET }, { "subscription.remove", MS, DEL },
    { "subscription.list", IG, GET }, { "subscription.remove", IG, DEL },
    { "profile.show", MS, GET }, { "profile.delete", IG, DEL },
    { "menu.delete", MS, DEL }
};

static const struct refused {
    const char    *name;
    enum product   product;
    const char    *params;
    const char    *parameter;
    const char    *limit;
} refused[] = {
    { "number.register", WA, "{}", "p.pin", "" },
    { "number.register", WA, "{'pin':'48291'}", "p.pin", "6 digits" },
    { "number.register", WA, "{'pin':'48291a'}", "p.pin", "6 digits" },
    { "number.register", WA, "{'pin':'482913','region':'DE'}", "p.region",
      "" },
    { "number.deregister", WA, "{'pin':'482913'}", "p.pin", "" },
    { "number.request_code", WA, "{'code_method':'FAX','language':'de'}",
      "p.code_method", NULL },
    { "number.webhook", WA, "{'webhook_configuration':{"
      "'override_callback_uri':'" R16("0123456789abc") "'}}",
      "p.webhook_configuration.override_callback_uri", "200 characters" },
    { "profile.set", WA, "{'about':'" R16("123456789") "'}", "p.about",
      "139 characters" },
    { "profile.set", WA, "{'websites':['https://a.example',"
      "'https://b.example','https://c.example']}", "p.websites", NULL },
    { "profile.set", WA, "{'vertical':'BAKERY'}", "p.vertical", NULL },
    { "template.create", WA, "{'name':'A','language':'de','category':"
      "'UTILITY','components':[{'type':'BODY','text':'x'}]}", "p.name",
      "a-z0-9_" },
    { "template.create", WA, "{'name':'" R256("ab") "c','language':'de',"
      "'category':'UTILITY'}", "p.name", "512 characters" },
    { "template.create", WA, "{'name':'a','language':'de','category':"
      "'OTHER'}", "p.category", NULL },
    { "template.create", WA, "{'name':'a','category':'UTILITY'}",
      "p.language", "" },
    { "template.create", WA, "{'name':'a','language':'de','category':"
      "'UTILITY','components':[{'type':'HEADER','text':'x'}]}",
      "p.components[0]", "" },
    { "template.create", WA, "{'name':'a','language':'de','category':"
      "'UTILITY','components':[{'type':'header','format':'TEXT','text':'"
      R16("1234") "'}]}", "p.components[0].text", "60 characters" },
    { "template.create", WA, "{'name':'a','language':'de','category':"
      "'UTILITY','components':[{'type':'BODY','text':'" R256("1234") "5"
      "'}]}", "p.components[0].text", "1024 characters" },
    { "template.create", WA, "{'name':'a','language':'de','category':"
      "'UTILITY','components':[{'type':'BODY','text':'x'},{'type':'FOOTER',"
      "'text':'" R16("1234") "'}]}", "p.components[1].text",
      "60 characters" },
    { "template.create", WA, "{'name':'a','language':'de','category':"
      "'UTILITY','components':[{'type':'BUTTONS','buttons':[{'type':'URL',"
      "'text':'" R4("1234567") "'}]}]}", "p.components[0].buttons[0].text",
      "25 characters" },
    { "template.delete", WA, "{'hsm_id':'1'}", "p.name", "" },
    { "block.add", WA, "{'block_users':[{'phone':'+49'}]}",
      "p.block_users[0].phone", "" },
    { "call.answer", WA, "{'action':'hold'}", "p.action", NULL },
    { "app.subscribe", 0, "{'object':'page','callback_url':'e.example',"
      "'verify_token':'t'}", "p.callback_url", NULL },
    { "subscription.add", MS, "{}", "p.subscribed_fields", "" },
    { "profile.set", MS, "{'ice_breakers':[{'question':'1','payload':'1'},"
      "{'question':'2','payload':'1'},{'question':'3','payload':'1'},"
      "{'question':'4','payload':'1'},{'question':'5','payload':'1'}]}",
      "p.ice_breakers", "4 questions" },
    { "profile.set", MS, "{'persistent_menu':[{'locale':'default',"
      "'call_to_actions':[" R4("{'type':'a','title':'b'},"
      "{'type':'a','title':'b'},{'type':'a','title':'b'},"
      "{'type':'a','title':'b'},{'type':'a','title':'b'},")
      "{'type':'a','title':'b'}]}]}", "p.persistent_menu[0].call_to_actions",
      NULL },
    { "profile.set", MS, "{'get_start':{'payload':'GO'}}", "p.get_start",
      "" },
    { "profile.delete", MS, "{'fields':['menu']}", "p.fields[0]", NULL },
    { "persona.create", MS, "{'name':'Ines'}", "p.profile_picture_url",
      "" },
    { "thread.pass", MS, "{'recipient':{'id':'7'}}", "p.target_app_id", "" },
    { "attachment.upload", MS, "{'message':{'attachment':{'type':'gif',"
      "'payload':{'url':'https://e.example'}}}}", "p.message.attachment.type",
      NULL },
    { "comment.reply", IG, "{}", "p.message", "" },
    { "comment.hide", IG, "{'hide':'perhaps'}", "p.hide", NULL }
};

/* calls that no row is: they go as they are */
static const struct {
    enum product         product;
    enum action_method   method;
    const char          *path;
    const char          *params;
} unknown[] = {
    { WA, POST, "1065/messages", "{'type':'text'}" },
    { WA, GET, "1065", "" }, { WA, POST, "1065", "{'other':1}" },
    { WA, POST, "1065", "" }, { WA, DEL, "1187", "" },
    { MS, POST, "118/feed", "{'message':'x'}" },
    { MS, POST, "118/register", "{'pin':'1'}" },
    { WA, GET, "1065/register", "" }, { WA, POST, "1065/register/x", "" },
    { WA, POST, "register", "" }, { WA, POST, "/register", "" },
    { WA, POST, "1065//register", "" }, { PRODUCT_NONE, POST, "1/register",
      "{'pin':'482913'}" }
};


static const struct call_row *row_named(const char *name,
    enum product product)
{
    bool  several;

    return calls_name(name, product, &several);
}


static void write_one(const struct written *w)
{
    char                    label[160];
    struct str              params = quoted(w->params), want;
    struct buf              query, body;
    const char             *type;
    struct fault            f = { .action = 0 };
    const struct call_row  *row;

    snprintf(label, sizeof(label), "%s of %d", w->name, (int) w->product);
    row = calls_match(w->product, w->method, STR(w->path), params);

    if (!ok(row != NULL && row == row_named(w->name, w->product), label)) {
        free((char *) params.at);
        return;
    }

    snprintf(label, sizeof(label), "%s: good parameters", w->name);
    ok(calls_check(row, params, "p", false, &f) == 0, label);

    buf_init(&query, CALL_WORDS_MAX);
    buf_init(&body, CALL_WORDS_MAX);
    snprintf(label, sizeof(label), "%s: written", w->name);
    ok(calls_write(row, w->method, params, &query, &body, &type)
       == NULL, label);

    snprintf(label, sizeof(label), "%s: query", w->name);
    is_str(query.at, query.len, w->query, label);
    snprintf(label, sizeof(label), "%s: body", w->name);
    want = quoted(w->body);
    is_str(body.at, body.len, want.at, label);
    snprintf(label, sizeof(label), "%s: type", w->name);
    ok((type != NULL) == (row->where == CALL_FORM), label);

    buf_free(&query);
    buf_free(&body);
    free((char *) want.at);
    free((char *) params.at);
}


static void refuse_one(const struct refused *r)
{
    int                     rc;
    char                    label[160];
    struct str              params = quoted(r->params);
    struct fault            f = { .action = 0 };
    const struct call_row  *row = row_named(r->name, r->product);

    snprintf(label, sizeof(label), "%s refuses %s", r->name, r->parameter);
    rc = row != NULL ? calls_check(row, params, "p", false, &f) : 0;
    is_int(rc, -1, label);

    is_str(f.parameter, strlen(f.parameter), r->parameter, label);
    if (r->limit != NULL && r->limit[0] != '\0') {
        is_str(f.limit, strlen(f.limit), r->limit, label);
    }
    ok(f.text[0] != '\0', label);
    free((char *) params.at);
}


static void same_twice(void)
{
    size_t                  i, k;
    const struct call_row  *a, *b;

    for (i = 0; (a = calls_row(i)) != NULL; i++) {
        for (k = i + 1; (b = calls_row(k)) != NULL; k++) {
            if (a->product == b->product && strcmp(a->name, b->name) == 0) {
                ok(0, a->name);
            }
        }
        ok(a->section[0] != '\0' && a->what[0] != '\0', a->name);
        ok(a->method != METHOD_GET || (a->flags & CALL_SAME), a->name);
    }
}


/* what is in no list above is no row either */
static void all_there(void)
{
    size_t                  i, k;
    bool                    found;
    const struct call_row  *row;

    for (i = 0; (row = calls_row(i)) != NULL; i++) {
        found = false;
        for (k = 0; k < sizeof(written) / sizeof(*written); k++) {
            found |= row->product == written[k].product
                     && strcmp(row->name, written[k].name) == 0;
        }
        for (k = 0; k < sizeof(named) / sizeof(*named); k++) {
            found |= row->product == named[k].product
                     && row->method == named[k].method
                     && strcmp(row->name, named[k].name) == 0;
        }
        ok(found, row->name);
    }
}


int main(void)
{
    bool         several;
    size_t       i;
    struct str   params;
    struct buf   query, body;
    const char  *type;

    for (i = 0; i < sizeof(written) / sizeof(*written); i++) {
        write_one(&written[i]);
    }

    for (i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        refuse_one(&refused[i]);
    }

    for (i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
        params = quoted(unknown[i].params);
        ok(calls_match(unknown[i].product, unknown[i].method,
                       STR(unknown[i].path), params) == NULL,
           unknown[i].path);
        free((char *) params.at);
    }

    same_twice();
    all_there();

    ok(calls_name("profile.set", PRODUCT_NONE, &several) == NULL && several,
       "a name of several products");
    ok(calls_name("persona.list", PRODUCT_NONE, &several) != NULL,
       "a name of one");
    ok(calls_name("persona.lists", PRODUCT_NONE, &several) == NULL
       && !several, "a name of none");

    params = quoted("{'a':'b c','d':{'e':[1]},'f':true}");
    buf_init(&query, CALL_WORDS_MAX);
    buf_init(&body, CALL_WORDS_MAX);
    calls_write(NULL, GET, params, &query, &body, &type);
    is_str(query.at, query.len,
           "a=b%20c&d=%7B%22e%22%3A%5B1%5D%7D&f=true", "no row: a query");
    calls_write(NULL, POST, params, &query, &body, &type);
    is_str(body.at, body.len, params.at, "no row: a body");
    buf_free(&query);
    buf_free(&body);
    free((char *) params.at);

    return done();
}
