/*
 * The bodies of WhatsApp's calls: action in, JSON out, and what is refused
 * before the call, with parameter, limit and value
 * (meta-webhooks-and-messaging.md 7).
 */

#include <stdlib.h>

#include "tap.h"
#include "quoted.h"
#include "same_json.h"
#include "consumer/reply.h"
#include "consumer/split.h"


#define R4(s)    s s s s
#define R16(s)   R4(s) R4(s) R4(s) R4(s)
#define R64(s)   R4(R16(s))
#define R256(s)  R16(R16(s))

/* around each body that is a message */
#define WA      "{'messaging_product':'whatsapp','recipient_type':" \
                "'individual','to':'+4915550100441'," \
                "'biz_opaque_callback_data':'job-1',"
#define INTER   WA "'type':'interactive','interactive':"

struct sent {
    const char  *action;
    const char  *body;
};

struct refused {
    const char  *action;
    const char  *parameter;
    const char  *limit;
    const char  *value;
};


static const struct sent  sent[] = {
    { "{'reply':{'text':'see https://x.example','preview_url':true}}",
      WA "'type':'text','text':{'body':'see https://x.example',"
      "'preview_url':true}}" },
    { "{'reply':{'text':'a','quote':true}}",
      WA "'context':{'message_id':'wamid.A'},'type':'text','text':{'body':"
      "'a','preview_url':false}}" },
    { "'mark_read'", "{'messaging_product':'whatsapp','status':'read',"
      "'message_id':'wamid.A'}" },
    { "'typing'", "{'messaging_product':'whatsapp','status':'read',"
      "'message_id':'wamid.A','typing_indicator':{'type':'text'}}" },
    { "{'react':{'emoji':'\xf0\x9f\x91\x8d'}}", WA "'type':'reaction',"
      "'reaction':{'message_id':'wamid.A','emoji':'\xf0\x9f\x91\x8d'}}" },
    { "{'react':{'emoji':''}}", WA "'type':'reaction','reaction':{"
      "'message_id':'wamid.A','emoji':''}}" },
    { "{'reply':{'image':{'id':'1187','caption':'c'}}}", WA "'type':'image',"
      "'image':{'id':'1187','caption':'c'}}" },
    { "{'reply':{'video':{'link':'https://x.example/v.mp4'}}}", WA
      "'type':'video','video':{'link':'https://x.example/v.mp4'}}" },
    { "{'reply':{'audio':{'id':'1187','voice':true}}}", WA "'type':'audio',"
      "'audio':{'id':'1187','voice':true}}" },
    { "{'reply':{'document':{'link':'https://x.example/f.pdf','caption':'c',"
      "'filename':'f.pdf'}}}", WA "'type':'document','document':{'link':"
      "'https://x.example/f.pdf','caption':'c','filename':'f.pdf'}}" },
    { "{'reply':{'sticker':{'id':'77'}}}", WA "'type':'sticker','sticker':{"
      "'id':'77'}}" },
    { "{'reply':{'location':{'latitude':52.5,'longitude':'13.40','name':"
      "'Here'}}}", WA "'type':'location','location':{'latitude':'52.5',"
      "'longitude':'13.40','name':'Here'}}" },
    { "{'reply':{'contacts':[{'name':{'formatted_name':'Ines Falk'},"
      "'phones':[{'phone':'+49155','wa_id':'49155','type':'WORK'}]}]}}",
      WA "'type':'contacts','contacts':[{'name':{'formatted_name':"
      "'Ines Falk'},'phones':[{'phone':'+49155','wa_id':'49155','type':"
      "'WORK'}]}]}" },
    { "{'reply':{'buttons':{'text':'Well?','header':'H','footer':'F',"
      "'buttons':[{'title':'Yes','payload':'Y'},{'title':'No','payload':'N'"
      "}]}}}", INTER "{'type':'button','header':{'type':'text','text':'H'},"
      "'body':{'text':'Well?'},'footer':{'text':'F'},'action':{'buttons':["
      "{'type':'reply','reply':{'id':'Y','title':'Yes'}},"
      "{'type':'reply','reply':{'id':'N','title':'No'}}]}}}" },
    { "{'reply':{'buttons':{'text':'Look','buttons':[{'title':'Shop','url':"
      "'https://x.example/'}]}}}", INTER "{'type':'cta_url','body':{'text':"
      "'Look'},'action':{'name':'cta_url','parameters':{'display_text':"
      "'Shop','url':'https://x.example/'}}}}" },
    { "{'reply':{'list':{'text':'Which?','button':'Menu','rows':[{'title':"
      "'A','payload':'a','description':'first'},{'title':'B','payload':'b'"
      "}]}}}", INTER "{'type':'list','body':{'text':'Which?'},'action':{"
      "'button':'Menu','sections':[{'rows':[{'id':'a','title':'A',"
      "'description':'first'},{'id':'b','title':'B'}]}]}}}" },
    { "{'reply':{'list':{'text':'Which?','button':'Menu','sections':["
      "{'title':'S','rows':[{'title':'A','payload':'a'}]},{'title':'T',"
      "'rows':[{'title':'B','payload':'b'}]}]}}}", INTER "{'type':'list',"
      "'body':{'text':'Which?'},'action':{'button':'Menu','sections':[{"
      "'title':'S','rows':[{'id':'a','title':'A'}]},{'title':'T','rows':[{"
      "'id':'b','title':'B'}]}]}}}" },
    { "{'template':{'name':'order_ready','language':'de'}}", WA
      "'type':'template','template':{'name':'order_ready','language':{"
      "'code':'de'}}}" },
    { "{'reply':{'template':{'name':'order_ready','language':{'code':'de',"
      "'policy':'deterministic'}}}}", WA "'type':'template','template':{"
      "'name':'order_ready','language':{'code':'de','policy':"
      "'deterministic'}}}" }
};

/* what goes as it came: 7.2's kinds, and 7.3's components */
static const char *const  interactive[] = {
    "{'type':'button','header':{'type':'image','image':{'id':'5'}},'body':{"
    "'text':'a'},'action':{'buttons':[{'type':'reply','reply':{'id':'1',"
    "'title':'A'}}]}}",
    "{'type':'list','header':{'type':'text','text':'h'},'body':{'text':'a'},"
    "'action':{'button':'W','sections':[{'title':'s','rows':[{'id':'1',"
    "'title':'A','description':'d'}]}]}}",
    "{'type':'cta_url','body':{'text':'a'},'action':{'name':'cta_url',"
    "'parameters':{'display_text':'Go','url':'https://x.example/'}}}",
    "{'type':'flow','body':{'text':'a'},'action':{'name':'flow',"
    "'parameters':{'flow_message_version':'3','flow_id':'123','flow_cta':"
    "'Book','flow_action':'navigate','flow_action_payload':{'screen':'S',"
    "'data':{'a':1}},'mode':'draft'}}}",
    "{'type':'location_request_message','body':{'text':'a'},'action':{"
    "'name':'send_location'}}",
    "{'type':'address_message','body':{'text':'a'},'action':{'name':"
    "'address_message','parameters':{'country':'IN','values':{'name':'I'"
    "}}}}",
    "{'type':'catalog_message','body':{'text':'a'},'action':{'name':"
    "'catalog_message','parameters':{'thumbnail_product_retailer_id':'S'"
    "}}}",
    "{'type':'product','action':{'catalog_id':'7','product_retailer_id':'S'"
    "}}",
    "{'type':'product_list','header':{'type':'text','text':'h'},'body':{"
    "'text':'a'},'action':{'catalog_id':'7','sections':[{'title':'s',"
    "'product_items':[{'product_retailer_id':'S'}]}]}}",
    "{'type':'carousel','body':{'text':'a'},'action':{'cards':[{"
    "'card_index':0,'type':'cta_url','header':{'type':'image','image':{"
    "'link':'https://x.example/i.png'}},'action':{'name':'cta_url',"
    "'parameters':{'display_text':'Go','url':'https://x.example/'}}}]}}"
};

static const char *const  components[] = {
    "{'type':'header','parameters':[{'type':'image','image':{'id':'1187'}}"
    "]}",
    "{'type':'header','parameters':[{'type':'document','document':{'link':"
    "'https://x.example/f.pdf','filename':'f.pdf'}}]}",
    "{'type':'body','parameters':[{'type':'text','text':'Ines'},{'type':"
    "'currency','currency':{'fallback_value':'7,99','code':'EUR',"
    "'amount_1000':7990}}]}",
    "{'type':'body','parameters':[{'type':'text','parameter_name':'first',"
    "'text':'Ines'}]}",
    "{'type':'button','sub_type':'url','index':0,'parameters':[{'type':"
    "'text','text':'n3mtql'}]}",
    "{'type':'button','sub_type':'QUICK_REPLY','index':'1','parameters':[{"
    "'type':'payload','payload':'stop'}]}",
    "{'type':'button','sub_type':'copy_code','index':0,'parameters':[{"
    "'type':'coupon_code','coupon_code':'X25'}]}",
    "{'type':'button','sub_type':'flow','index':0,'parameters':[{'type':"
    "'action','action':{'flow_token':'t','flow_action_data':{'a':1}}}]}",
    "{'type':'button','sub_type':'catalog','index':0,'parameters':[{'type':"
    "'action','action':{'thumbnail_product_retailer_id':'S'}}]}",
    "{'type':'button','sub_type':'mpm','index':0,'parameters':[{'type':"
    "'action','action':{'thumbnail_product_retailer_id':'S'}}]}",
    "{'type':'limited_time_offer','parameters':[{'type':"
    "'limited_time_offer','limited_time_offer':{'expiration_time_ms':"
    "1767225600000}}]}",
    "{'type':'carousel','cards':[{'card_index':0,'components':[{'type':"
    "'header','parameters':[{'type':'image','image':{'id':'5'}}]},{'type':"
    "'button','sub_type':'quick_reply','index':0,'parameters':[{'type':"
    "'payload','payload':'p'}]}]}]}"
};


#define BUTTON(id, title)  "{'type':'reply','reply':{'id':'" id "','title':'" \
                           title "'}}"
#define BUTTONS(list)      "{'reply':{'interactive':{'type':'button','body':{" \
                           "'text':'a'},'action':{'buttons':[" list "]}}}}"
#define AT  "reply.interactive.action."
#define TEMPLATE(list)  "{'template':{'name':'t','language':'de'," \
                        "'components':[" list "]}}"
#define ROW  "{'title':'r','payload':'p'}"

static const struct refused  refused[] = {
    { "{'reply':{'image':{'caption':'c'}}}", "reply.image", "", "" },
    { "{'reply':{'image':{'id':'1','link':'https://x.example/'}}}",
      "reply.image", "", "" },
    { "{'reply':{'image':{'id':'x'}}}", "reply.image.id", "40 digits", "x" },
    { "{'reply':{'image':{'link':'x.example/i'}}}", "reply.image.link", "",
      "x.example/i" },
    { "{'reply':{'image':{'id':'1','caption':'" R256(R4("x")) "x'}}}",
      "reply.image.caption", "1024 characters", "1025 characters" },
    { "{'reply':{'sticker':{'id':'1','caption':'c'}}}",
      "reply.sticker.caption", "", "caption" },
    { "{'reply':{'audio':{'id':'1','voice':'yes'}}}", "reply.audio.voice",
      "", "yes" },
    { "{'reply':{'location':{'latitude':91,'longitude':0}}}",
      "reply.location.latitude", "-90 to 90", "91" },
    { "{'reply':{'location':{'latitude':9}}}", "reply.location.longitude",
      "", "" },
    { "{'reply':{'contacts':[{'phones':[]}]}}", "reply.contacts[0].name", "",
      "" },
    { "{'reply':{'generic':{'elements':[]}}}", "reply.generic", "", "" },
    { "{'reply':{'text':'a','tag':'HUMAN_AGENT'}}", "reply.tag", "", "" },
    { "{'reply':{'text':'a','persona_id':'1'}}", "reply.persona_id", "", "" },
    { "{'reply':{'image':{'id':'1'},'quick_replies':[{'title':'a','payload':"
      "'b'}]}}", "reply.quick_replies", "", "" },
    { "'hide'", "hide", "", "" },
    { "{'private_reply':{'text':'a'}}", "private_reply", "", "" },
    { "{'handover':{'to':'5'}}", "handover", "", "" },

    { "{'reply':{'interactive':{'type':'call_permission_request'}}}",
      "reply.interactive.type", "button, list, cta_url, flow, product,"
      " product_list, catalog_mes", "call_permission_request" },
    { BUTTONS(BUTTON("1", "A") "," BUTTON("2", "B") "," BUTTON("3", "C") ","
              BUTTON("4", "D")), AT "buttons", "3 elements", "4 elements" },
    { BUTTONS(BUTTON("1", "A") "," BUTTON("2", "A")),
      AT "buttons[1].reply.title", "", "A" },
    { BUTTONS(BUTTON("1", "123456789012345678901")),
      AT "buttons[0].reply.title", "20 characters", "21 characters" },
    { BUTTONS(BUTTON(R256("x") "x", "A")), AT "buttons[0].reply.id",
      "256 characters", "257 characters" },
    { "{'reply':{'interactive':{'type':'button','body':{'text':'"
      R256(R4("x")) "x'},'action':{'buttons':[" BUTTON("1", "A") "]}}}}",
      "reply.interactive.body.text", "1024 characters", "1025 characters" },
    { "{'reply':{'interactive':{'type':'button','body':{'text':'a'},"
      "'footer':{'text':'" R64("x") "'},'action':{'buttons':["
      BUTTON("1", "A") "]}}}}", "reply.interactive.footer.text",
      "60 characters", "64 characters" },
    { "{'reply':{'interactive':{'type':'list','header':{'type':'image',"
      "'image':{'id':'1'}},'body':{'text':'a'},'action':{'button':'b',"
      "'sections':[{'rows':[{'id':'1','title':'t'}]}]}}}}",
      "reply.interactive.header.type", "text", "image" },
    { "{'reply':{'interactive':{'type':'list','body':{'text':'a'},'action':"
      "{'button':'b','sections':[{'rows':[{'id':'" R256("x") "','title':"
      "'t'}]}]}}}}", AT "sections[0].rows[0].id", "200 characters",
      "256 characters" },
    { "{'reply':{'interactive':{'type':'cta_url','body':{'text':'a'},"
      "'action':{'name':'cta','parameters':{'display_text':'a','url':"
      "'https://x.example'}}}}}", AT "name", "cta_url", "cta" },
    { "{'reply':{'interactive':{'type':'flow','body':{'text':'a'},'action':"
      "{'name':'flow','parameters':{'flow_message_version':'3','flow_id':"
      "'1','flow_cta':'Go \xf0\x9f\x9a\x80'}}}}}", AT "parameters.flow_cta",
      "no emoji", "Go \xf0\x9f\x9a\x80" },
    { "{'reply':{'interactive':{'type':'flow','body':{'text':'a'},'action':"
      "{'name':'flow','parameters':{'flow_message_version':'3','flow_cta':"
      "'Go'}}}}}", AT "parameters", "", "" },
    { "{'reply':{'interactive':{'type':'address_message','body':{'text':'a'"
      "},'action':{'name':'address_message','parameters':{'country':'DE'"
      "}}}}}", AT "parameters.country", "IN", "DE" },
    { "{'reply':{'interactive':{'type':'product_list','body':{'text':'a'},"
      "'action':{'catalog_id':'7','sections':[]}}}}", AT "sections", "", "" },
    { "{'reply':{'interactive':{'type':'product_list','body':{'text':'a'},"
      "'action':{'catalog_id':'7','sections':[{'title':'s','product_items':"
      "[{'product_retailer_id':'S'}]}]}}}}", "reply.interactive.header", "",
      "" },

    { "{'reply':{'buttons':{'text':'a','buttons':[{'title':'A','payload':"
      "'a'},{'title':'B','url':'https://x.example'}]}}}",
      "reply.buttons.buttons", "1 with a url", "" },
    { "{'reply':{'buttons':{'text':'a','buttons':[{'title':'A'}]}}}",
      "reply.buttons.buttons[0]", "", "" },
    { "{'reply':{'list':{'text':'a','button':'b','sections':[{'rows':["
      R4(ROW ",") ROW "," ROW "]},{'rows':[" R4(ROW ",") ROW "]}]}}}",
      "reply.list.sections", "10 rows in all", "11 rows in all" },

    { "{'template':{'name':'Order','language':'de'}}", "template.name",
      "a-z, 0-9, _", "Order" },
    { "{'template':{'language':'de'}}", "template", "", "" },
    { "{'reply':{'template':{'name':'t','language':{}}}}",
      "reply.template.language.code", "", "" },
    { "{'reply':{'quote':true,'template':{'name':'t','language':'de'}}}",
      "reply.quote", "", "" },
    { TEMPLATE("{'type':'footer'}"), "template.components[0].type",
      "header, body, button, limited_time_offer, carousel", "footer" },
    { TEMPLATE("{'type':'body','parameters':[{'type':'text','text':'a'},"
      "{'type':'text','text':'b','parameter_name':'n'}]}"),
      "template.components[0].parameters", "", "" },
    { TEMPLATE("{'type':'button','sub_type':'url','parameters':[{'type':"
      "'text','text':'a'}]}"), "template.components[0].index", "", "" },
    { TEMPLATE("{'type':'button','sub_type':'copy_code','index':0,"
      "'parameters':[{'type':'text','text':'a'}]}"),
      "template.components[0].parameters[0].type", "coupon_code", "text" },
    { TEMPLATE("{'type':'carousel','cards':[{'card_index':0,'components':[{"
      "'type':'button','sub_type':'url','index':0,'parameters':[{'type':"
      "'payload','payload':'a'}]}]}]}"), "template.components[0].cards[0]"
      ".components[0].parameters[0].type", "text", "payload" },

    { "{'reply':{'text':'a','wait_timeout':'5m'}}", "reply", "", "" },
    { "{'reply':{'text':'a','wait_for':'played'}}", "reply.wait_for",
      "sent, delivered, read", "played" },
    { "{'reply':{'text':'a','wait_for':'read','wait_timeout':'soon'}}",
      "reply.wait_timeout", "", "soon" },
    { "{'reply':{'image':{'file':'a.png'}}}", "reply.image.file", "",
      "a.png" },
    { "{'reply':{'image':{'file':'/a/../b.png'}}}", "reply.image.file", "",
      "/a/../b.png" },
    { "{'reply':{'text':'" R16(R256("abcdefgh ")) "','split':true}}",
      "reply.text", "3 messages", "10 messages" },
    { "{'reply':{'text':'  ','split':true}}", "reply.text", "", "" }
};


static struct conf_token  token = {
    .kind = TOKEN_WHATSAPP, .id = (char *) "389"
};
static const struct conf  conf = { .tokens = { &token, 1 } };
static const struct action_place  place = {
    .from = FROM_HANDLER, .product = PRODUCT_WHATSAPP, .kind = KIND_MESSAGE,
    .addressed = true, .message = true, .comment = true
};


/* parsed and checked; false: *f says why, and a is empty */
static bool may_run(const char *json, const struct action_place *here,
    struct action *a, struct fault *f)
{
    bool              good;
    struct str        text = quoted(json);
    struct json_doc  *doc = json_parse(text.at, text.len, JSON_TREE_MAX);

    *f = (struct fault) { .action = 0 };
    *a = (struct action) { .json = NONE };
    good = doc != NULL && action_parse(json_root(doc), a, f) == 0;

    if (good && action_check(a, here, &conf, f) != 0) {
        action_free(a);
        good = false;
    }

    json_free(doc);
    free((char *) text.at);

    return good;
}


static void is_json(struct str got, const char *wanted, const char *what)
{
    struct str        text = quoted(wanted);
    struct json_doc  *a = json_parse(got.at, got.len, JSON_TREE_MAX);
    struct json_doc  *b = json_parse(text.at, text.len, JSON_TREE_MAX);

    if (!ok(b != NULL && same_json(json_root(a), json_root(b)), what)) {
        printf("#   got: %.*s\n#  want: %.*s\n", (int) got.len, got.at,
               (int) text.len, text.at);
    }

    json_free(a);
    json_free(b);
    free((char *) text.at);
}


static void test_sent(const struct sent *s, const struct target *t)
{
    struct fault       f;
    struct action      a;
    struct reply_call  call;

    if (!ok(may_run(s->action, &place, &a, &f), s->action)) {
        printf("# %s: %s\n", f.parameter, f.text);
        return;
    }

    ok(reply_call(&call, &a, t, STR("job-1")) == NULL, "a call");
    is_int(call.method, METHOD_POST, "POST");
    is_str(call.path.at, call.path.len, "389/messages", "path");
    is_json((struct str) { call.body.at, call.body.len }, s->body, "body");
    reply_call_free(&call);
    action_free(&a);
}


static void test_as_it_came(const char *before, const char *value,
    const char *after, const char *around, const struct target *t)
{
    struct buf   action, body;
    struct sent  s;

    buf_init(&action, 8192);
    buf_init(&body, 8192);
    buf_text(&action, before);
    buf_text(&action, value);
    buf_text(&action, after);
    buf_text(&body, around);
    buf_text(&body, value);
    buf_text(&body, *after == ']' ? "]}}" : "}");
    buf_add(&action, "", 1);
    buf_add(&body, "", 1);
    s = (struct sent) { action.at, body.at };
    test_sent(&s, t);
    buf_free(&action);
    buf_free(&body);
}


static void test_refused(const struct refused *r)
{
    struct fault   f;
    struct action  a;

    if (!ok(!may_run(r->action, &place, &a, &f), r->parameter)) {
        printf("# %.300s\n", r->action);
        action_free(&a);
        return;
    }

    is_str(f.parameter, strlen(f.parameter), r->parameter, "parameter");
    is_str(f.limit, strlen(f.limit), r->limit, "limit");
    is_str(f.value, strlen(f.value), r->value, "value");
    ok(*f.text != '\0', "a sentence");
}


/* 131062: to a number where one is known, else refused */
static void test_code(void)
{
    struct fault         f;
    struct action        a;
    struct target        t = {
        .product = PRODUCT_WHATSAPP, .account = STR("389"),
        .sender = STR("389"), .address = ADDRESS_USER_ID,
        .to = STR("DE.4821"), .message = NONE
    };
    struct action_place  here = place;
    struct reply_call    call;
    static const char    code[] = TEMPLATE("{'type':'body','parameters':[{"
        "'type':'text','text':'482913'}]},{'type':'button','sub_type':'url',"
        "'index':0,'parameters':[{'type':'text','text':'482913'}]}");

    here.target = &t;
    ok(!may_run(code, &here, &a, &f), "a code does not go to a user id");
    is_str(f.limit, strlen(f.limit), "a phone number", "which says so");
    ok(may_run("{'template':{'name':'t','language':'de'}}", &here, &a, &f),
       "another template does");
    ok(reply_call(&call, &a, &t, NONE) == NULL, "a call");
    is_json((struct str) { call.body.at, call.body.len },
            "{'messaging_product':'whatsapp','recipient_type':'individual',"
            "'recipient':'DE.4821','type':'template','template':{'name':'t',"
            "'language':{'code':'de'}}}", "by recipient");
    reply_call_free(&call);
    action_free(&a);

    t.phone = STR("4915550100441");
    if (ok(may_run(code, &here, &a, &f), "to a known number it does")) {
        ok(reply_call(&call, &a, &t, NONE) == NULL, "a call");
        ok(memmem(call.body.at, call.body.len,
                  "\"to\":\"+4915550100441\"", 21) != NULL, "by to");
        reply_call_free(&call);
        action_free(&a);
    }
}


/* what is filled in later counts for nothing, and is not judged */
static void test_values(void)
{
    struct fault         f;
    struct action        a;
    struct action_place  here = place;
    static const char    title[] = "{'reply':{'buttons':{'text':'a','buttons':"
        "[{'title':'Dear {{user.name|customer}}','payload':'{{id}}'}]}}}";
    static const char    id[] = "{'reply':{'image':{'id':'{{payload}}'}}}";

    ok(!may_run(title, &place, &a, &f), "filled in, a title is what it is");
    ok(!may_run(id, &place, &a, &f), "and an id is one");

    here.from = FROM_RULE;
    here.values = true;
    ok(may_run(title, &here, &a, &f), "before, it may fit");
    action_free(&a);
    ok(may_run(id, &here, &a, &f), "and be one");
    action_free(&a);
    ok(!may_run("{'reply':{'image':{'file':'/srv/{{payload}}.png'}}}", &here,
                &a, &f), "but no file is named by what a person sends");
}


static void test_group(void)
{
    struct fault       f;
    struct action      a;
    struct target      t = {
        .product = PRODUCT_WHATSAPP, .account = STR("389"),
        .sender = STR("389"), .address = ADDRESS_GROUP, .to = STR("G1"),
        .message = NONE
    };
    struct reply_call  call;

    ok(may_run("{'reply':{'text':'a'}}", &place, &a, &f), "to a group");
    ok(reply_call(&call, &a, &t, NONE) == NULL, "a call");
    is_json((struct str) { call.body.at, call.body.len },
            "{'messaging_product':'whatsapp','recipient_type':'group','to':"
            "'G1','type':'text','text':{'body':'a','preview_url':false}}",
            "of its id");
    reply_call_free(&call);
    action_free(&a);
}


/* n sentences of 100 characters each */
static char *sentences(size_t n)
{
    size_t      i;
    struct buf  b;

    buf_init(&b, 64 * 1024);
    for (i = 0; i < n; i++) {
        buf_format(&b, "%s%03zu %095d.", i ? " " : "", i, 0);
    }
    buf_add(&b, "", 1);

    return b.at;
}


static void test_split(void)
{
    size_t             i, n;
    char              *long_text = sentences(100);
    struct str         pieces[SPLIT_MAX];
    struct text_limit  limit = text_limit(PRODUCT_WHATSAPP, 0);

    n = split_text(STR(long_text), &limit, pieces);
    is_int(n, 3, "10,099 characters are three messages");
    for (i = 0; i < n; i++) {
        ok(pieces[i].len <= 4096, "none is too long");
        ok(pieces[i].at[pieces[i].len - 1] == '.', "each ends a sentence");
    }
    is_int(pieces[0].len, 4039, "and is as long as it may be");

    limit = text_limit(PRODUCT_WHATSAPP, 2);
    n = split_text((struct str) { long_text, 4000 }, &limit, pieces);
    is_int(n, 2, "with buttons the last is short");
    ok(pieces[1].len <= 1024 + 3072, "and nothing is lost");
    free(long_text);

    limit = (struct text_limit) { 4, 4, UNIT_BYTES };
    n = split_text(STR("\xc3\xa4\xc3\xb6\xc3\xbc x"), &limit, pieces);
    is_int(n, 2, "bytes where bytes count");
    is_str(pieces[0].at, pieces[0].len, "\xc3\xa4\xc3\xb6",
           "in whole characters");
    is_str(pieces[1].at, pieces[1].len, "\xc3\xbc x", "all of them");
}


static void test_split_action(void)
{
    size_t          n;
    char           *text = sentences(60);
    struct buf      b;
    struct fault    f;
    struct action   a, *pieces;

    buf_init(&b, 64 * 1024);
    buf_text(&b, "{'reply':{'split':true,'quote':true,'text':'");
    buf_text(&b, text);
    buf_text(&b, "','quick_replies':[{'title':'A','payload':'a'}],"
             "'wait_for':'delivered'}}");
    buf_add(&b, "", 1);

    if (ok(may_run(b.at, &place, &a, &f), "a long text")) {
        n = split_action(&a, PRODUCT_WHATSAPP, &pieces);
        if (is_int(n, 3, "becomes three")) {
            ok(pieces[0].quote && !pieces[1].quote && !pieces[2].quote,
               "the first quotes");
            ok(pieces[0].quick.n == 0 && pieces[2].quick.n == 1,
               "the last has the buttons");
            ok(strlen(pieces[2].text) <= 1024, "and is short enough");
            ok(pieces[1].wait_for == WAIT_NONE
               && pieces[2].wait_for == WAIT_DELIVERED, "and is waited for");
            ok(!pieces[0].split, "none is cut again");
        }
        actions_free(pieces, n);
        action_free(&a);
    }

    ok(may_run("{'reply':{'text':'a','split':true}}", &place, &a, &f),
       "a short one");
    is_int(split_action(&a, PRODUCT_WHATSAPP, &pieces), 0, "stays as it is");
    action_free(&a);
    buf_free(&b);
    free(text);
}


int main(void)
{
    size_t         i;
    struct target  to = {
        .product = PRODUCT_WHATSAPP, .account = STR("389"),
        .sender = STR("389"), .address = ADDRESS_PHONE,
        .to = STR("4915550100441"), .message = STR("wamid.A")
    };

    for (i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
        test_sent(&sent[i], &to);
    }

    for (i = 0; i < sizeof(interactive) / sizeof(interactive[0]); i++) {
        test_as_it_came("{'reply':{'interactive':", interactive[i], "}}",
                        INTER, &to);
    }

    for (i = 0; i < sizeof(components) / sizeof(components[0]); i++) {
        test_as_it_came("{'template':{'name':'t','language':'de',"
                        "'components':[", components[i], "]}}", WA "'type':"
                        "'template','template':{'name':'t','language':{"
                        "'code':'de'},'components':[", &to);
    }

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        test_refused(&refused[i]);
    }

    test_code();
    test_values();
    test_group();
    test_split();
    test_split_action();

    return done();
}
