/*
 * meta_key: the rows of contract 4's tables that are not WhatsApp's, and the
 * sentences under them.
 */

#include "row.h"


static const row_t  rows[] = {

    /* messaging[] */

    { "message of Messenger",
      ITEM("page", FROM "'timestamp':1767225600988,"
           "'message':{'mid':'m_1','text':'Hi'}"),
      "m_1", "77:5", "1767225600988", "messaging" },
    { "echo of Messenger: the user is the recipient",
      ITEM("page", TO "'message':{'mid':'m_1','is_echo':true}"),
      "m_1", "77:5", MTIME, "messaging" },
    { "deleted",
      ITEM("instagram", FROM "'message':{'mid':'m_1','is_deleted':true}"),
      "m_1:deleted", "77:5", MTIME, "messaging" },
    { "not deleted",
      ITEM("instagram", FROM "'message':{'mid':'m_1','is_deleted':false}"),
      "m_1", "77:5", MTIME, "messaging" },
    { "deleted is null",
      ITEM("instagram", FROM "'message':{'mid':'m_1','is_deleted':null}"),
      "m_1", "77:5", MTIME, "messaging" },
    { "edit",
      ITEM("page", FROM "'message_edit':{'mid':'m_1','text':'x',"
           "'num_edit':'2'}"),
      "m_1:edit:2", "77:5", MTIME, "messaging" },
    { "edit, counted by a number",
      ITEM("page", FROM "'message_edit':{'mid':'m_1','num_edit':0}"),
      "m_1:edit:0", "77:5", MTIME, "messaging" },
    { "edit, not counted",
      ITEM("page", FROM "'message_edit':{'mid':'m_1'}"),
      "#", "77:5", MTIME, "messaging" },
    { "postback with mid",
      ITEM("page", FROM "'postback':{'mid':'m_1','payload':'P'}"),
      "m_1:postback", "77:5", MTIME, "messaging" },
    { "postback without mid",
      ITEM("page", FROM "'postback':{'payload':'P'}"),
      "#", "77:5", MTIME, "messaging" },
    { "Instagram read",
      ITEM("instagram", FROM "'read':{'mid':'m_1'}"),
      "m_1:read", "77:5", MTIME, "messaging" },
    { "Messenger read",
      ITEM("page", FROM "'read':{'watermark':1767225600988}"),
      "#", "77:5", MTIME, "messaging" },
    { "a read with a mid that is not Instagram's",
      ITEM("page", FROM "'read':{'mid':'m_1','watermark':1}"),
      "#", "77:5", MTIME, "messaging" },
    { "message without mid",
      ITEM("page", FROM "'message':{'text':'x'}"), "#", "77:5", MTIME,
      "messaging" },
    { "message that is no object",
      ITEM("page", FROM "'message':'x'"), "#", "77:5", MTIME, "messaging" },
    { "an item that is two at once",
      ITEM("page", FROM "'message':{'mid':'m_1'},"
           "'message_edit':{'mid':'m_1','num_edit':1}"),
      "#", "77:5", MTIME, "messaging" },

    /* other messaging[] */

    { "reaction",
      ITEM("page", FROM "'reaction':{'mid':'m_1','action':'react'}"),
      "#", "77:5", MTIME, "messaging" },
    { "delivery",
      ITEM("page", FROM "'delivery':{'mids':['m_1'],'watermark':1}"),
      "#", "77:5", MTIME, "messaging" },
    { "sender.id a number, entry.id a string",
      ITEM("page", "'sender':{'id':77},'recipient':{'id':5},'optin':{}"),
      "#", "77:5", MTIME, "messaging" },
    { "sender.id escaped",
      ITEM("page", "'sender':{'id':'\\u00377'},'recipient':{'id':'5'}"),
      "#", "77:5", MTIME, "messaging" },
    { "user_ref of the sender",
      ITEM("page", "'sender':{'user_ref':'r'},'recipient':{'id':'77'}"),
      "#", "77:r", MTIME, "messaging" },
    { "id before user_ref",
      ITEM("page", "'sender':{'user_ref':'r','id':'5'}"),
      "#", "77:5", MTIME, "messaging" },
    { "user_ref of the recipient",
      ITEM("page", "'sender':{'id':'77'},'recipient':{'user_ref':'r'}"),
      "#", "77:r", MTIME, "messaging" },
    { "no sender",
      ITEM("page", "'recipient':{'id':'77'},'policy_enforcement':{}"),
      "#", "77", MTIME, "messaging" },
    { "own echo of nobody",
      ITEM("page", "'sender':{'id':'77'}"), "#", "77", MTIME, "messaging" },
    { "sender that is no object",
      ITEM("page", "'sender':'5'"), "#", "77", MTIME, "messaging" },
    { "an item that is no object",
      BODY("page", "'id':'77','messaging':[7]"), "#", "77", "null",
      "messaging" },
    { "no entry.id and no sender.id",
      BODY("page", "'messaging':[{'sender':{'user_ref':'r'},"
           "'recipient':{'id':'5'}}]"), "#", ":r", "null", "messaging" },

    /* standby[] */

    { "standby: message",
      STANDBY("page", FROM "'timestamp':1767225600988,"
              "'message':{'mid':'m_1'}"),
      "m_1:standby", "77:5", "1767225600988", "standby" },
    { "standby: echo",
      STANDBY("page", TO "'message':{'mid':'m_1'}"),
      "m_1:standby", "77:5", MTIME, "standby" },
    { "standby: deleted",
      STANDBY("page", FROM "'message':{'mid':'m_1','is_deleted':true}"),
      "m_1:deleted:standby", "77:5", MTIME, "standby" },
    { "standby: edit",
      STANDBY("page", FROM "'message_edit':{'mid':'m_1','num_edit':1}"),
      "m_1:edit:1:standby", "77:5", MTIME, "standby" },
    { "standby: postback",
      STANDBY("page", FROM "'postback':{'mid':'m_1'}"),
      "m_1:postback:standby", "77:5", MTIME, "standby" },
    { "standby: Instagram read",
      STANDBY("instagram", FROM "'read':{'mid':'m_1'}"),
      "m_1:read:standby", "77:5", MTIME, "standby" },
    { "standby: a hash stays as it is",
      STANDBY("page", FROM "'delivery':{'watermark':1}"),
      "#", "77:5", MTIME, "standby" },
    { "standby: a part is missing",
      STANDBY("page", FROM "'message':{}"), "#", "77:5", MTIME, "standby" },

    /* leadgen; Instagram comments, live_comments */

    { "leadgen",
      CHANGE("page", "leadgen", "{'leadgen_id':1636129430026801,"
             "'created_time':1767225600,'page_id':77}"),
      "1636129430026801:lead", "77:1636129430026801", "1767225600000",
      "leadgen" },
    { "leadgen without leadgen_id",
      CHANGE("page", "leadgen", "{'created_time':1767225600}"),
      "#", "77", "1767225600000", "leadgen" },
    { "Instagram comment",
      CHANGE("instagram", "comments", "{'id':'18','text':'x'}"),
      "18:comment", "77:18", TIME, "comments" },
    { "Instagram comment by comment_id",
      CHANGE("instagram", "comments", "{'comment_id':'18'}"),
      "18:comment", "77:18", TIME, "comments" },
    { "Instagram comment: id before comment_id",
      CHANGE("instagram", "comments", "{'comment_id':'19','id':'18'}"),
      "18:comment", "77:18", TIME, "comments" },
    { "Instagram live comment",
      CHANGE("instagram", "live_comments", "{'id':'18'}"),
      "18:comment", "77:18", TIME, "live_comments" },
    { "Instagram comment of no id",
      CHANGE("instagram", "comments", "{'text':'x'}"),
      "#", "77", TIME, "comments" },
    { "comments of something else",
      CHANGE("page", "comments", "{'id':'18'}"), "#", "77", TIME,
      "comments" },
    { "other fields of Instagram",
      CHANGE("instagram", "mentions", "{'comment_id':'18'}"), "#", "77",
      TIME, "mentions" },

    /* feed */

    { "feed: comment_id",
      CHANGE("page", "feed", "{'item':'comment','post_id':'1_2',"
             "'comment_id':'2_3','created_time':1767225604}"),
      "#", "77:2_3", "1767225604000", "feed" },
    { "feed: post_id",
      CHANGE("page", "feed", "{'post_id':'1_2','comment_id':''}"),
      "#", "77:1_2", TIME, "feed" },
    { "feed: neither",
      CHANGE("page", "feed", "{'item':'like','user_id':5}"),
      "#", "77", TIME, "feed" },

    /* everything else */

    { "mention",
      CHANGE("page", "mention", "{'post_id':'1_2','comment_id':'2_3'}"),
      "#", "77", TIME, "mention" },
    { "a messaging item inside of changes",
      CHANGE("page", "messages", "{'sender':{'id':'5'},"
             "'message':{'mid':'m_1'}}"), "#", "77", TIME, "messages" },
    { "a change without value",
      BODY("page", "'id':'77','changes':[{'field':'parking'}]"),
      "#", "77", "null", "parking" },
    { "a change without field",
      BODY("page", "'id':'77','changes':[{'value':{}}]"),
      "#", "77", "null", "" },
    { "a change that is no object",
      BODY("page", "'id':'77','changes':['feed']"), "#", "77", "null", "" },
    { "a field that is no string",
      BODY("page", "'id':'77','changes':[{'field':5}]"), "#", "77", "null",
      "" },
    { "changed_fields",
      BODY("user", "'id':'77','time':1767225605,"
           "'changed_fields':['photos']"),
      "#", "77", TIME, "changed_fields" },
    { "changed_fields empty",
      BODY("user", "'id':'77','changed_fields':[]"), "#", "77", "null", "" },
    { "changed_fields twice",
      BODY("user", "'id':'77','changed_fields':['a'],"
           "'changed_fields':null"), "#", "77", "null", "" },
    { "an empty entry", BODY("page", ""), "#", "", "null", "" },
    { "an entry that is no object",
      "{'object':'page','entry':['x']}", "#", "", "null", "" },
    { "a body without entry", "{'object':'page','id':'77','time':1}", "#",
      "", "null", "" },

    /* a flat entry or body with field counts as a change */

    { "flat: Instagram comment",
      BODY("instagram", "'id':'77','time':1767225610,'field':'comments',"
           "'value':{'id':'18'}"),
      "18:comment", "77:18", "1767225610000", "comments" },
    { "flat: WhatsApp body of the dashboard",
      "{'field':'messages','value':{" NUMBER ",'messages':[{'id':'w',"
      "'from':'49','timestamp':'1767225600'}]}}",
      "w", "389:49", "1767225600000", "messages" },
    { "flat: WhatsApp body, several elements",
      "{'field':'messages','value':{" NUMBER ",'messages':[{},{}]}}",
      "#", "389:", "null", "messages" },
    { "flat: body with leadgen",
      "{'object':'page','field':'leadgen','value':{'leadgen_id':'1'}}",
      "1:lead", ":1", "null", "leadgen" },

    /* time: digits only, string or number, seconds or milliseconds */

    { "time: own, as a string of seconds",
      ITEM("page", FROM "'timestamp':'1767225600'"),
      "#", "77:5", "1767225600000", "messaging" },
    { "time: 10^12 are milliseconds",
      ITEM("page", FROM "'timestamp':1000000000000"),
      "#", "77:5", "1000000000000", "messaging" },
    { "time: one less are seconds",
      ITEM("page", FROM "'timestamp':999999999999"),
      "#", "77:5", "999999999999000", "messaging" },
    { "time: zeroes in front",
      ITEM("page", FROM "'timestamp':'0001767225600'"),
      "#", "77:5", "1767225600000", "messaging" },
    { "time: nought", ITEM("page", FROM "'timestamp':0"), "#", "77:5", "0",
      "messaging" },
    { "time: escaped digits",
      ITEM("page", FROM "'timestamp':'\\u0031767225600'"),
      "#", "77:5", "1767225600000", "messaging" },
    { "time: not digits only, so the entry's",
      ITEM("page", FROM "'timestamp':'1767225600 '"),
      "#", "77:5", MTIME, "messaging" },
    { "time: negative", ITEM("page", FROM "'timestamp':-5"),
      "#", "77:5", MTIME, "messaging" },
    { "time: a fraction", ITEM("page", FROM "'timestamp':1767225600.5"),
      "#", "77:5", MTIME, "messaging" },
    { "time: an exponent", ITEM("page", FROM "'timestamp':1e9"),
      "#", "77:5", MTIME, "messaging" },
    { "time: empty", ITEM("page", FROM "'timestamp':''"),
      "#", "77:5", MTIME, "messaging" },
    { "time: null", ITEM("page", FROM "'timestamp':null"),
      "#", "77:5", MTIME, "messaging" },
    { "time: more than an integer holds",
      ITEM("page", FROM "'timestamp':99999999999999999999"),
      "#", "77:5", MTIME, "messaging" },
    { "time: neither",
      BODY("page", "'id':'77','time':'soon','messaging':[{" FROM
           "'timestamp':'now'}]"), "#", "77:5", "null", "messaging" },
    { "time: created_time",
      CHANGE("page", "ratings", "{'created_time':'1767225604'}"),
      "#", "77", "1767225604000", "ratings" },

    /* a member named twice: the last counts */

    { "twice: value",
      CHANGE(WABA, "messages", "{'messages':[{'id':'w','from':'1'}]},"
             "'value':{" NUMBER ",'messages':[{'id':'x'}]}"),
      "x", "389", TIME, "messages" },
    { "twice: value, then none",
      CHANGE(WABA, "messages", "{" NUMBER ",'messages':[{'id':'w'}]},"
             "'value':null"), "#", "77", TIME, "messages" },
    { "twice: messages",
      WA("'messages':[{'id':'w','from':'49'},{'id':'y'}],"
         "'messages':[{'id':'x'}]"), "x", "389", TIME, "messages" },
    { "twice: messages, then none",
      WA("'messages':[{'id':'w'}],'messages':{},"
         "'statuses':[{'id':'s','status':'read'}]"),
      "s:read", "389:s", TIME, "messages" },
    { "twice: metadata",
      WA("'metadata':{},'messages':[{'id':'w'}]"), "w", "77", TIME,
      "messages" },
    { "twice: id",
      WA("'messages':[{'id':'w','id':'x','from':'1','from':'2'}]"),
      "x", "389:2", TIME, "messages" },
    { "twice: id, then none",
      WA("'messages':[{'id':'w','id':null}]"), "#", "389", TIME,
      "messages" },
    { "twice: contacts",
      WA("'contacts':[{'user_id':'DE.1'}],'contacts':[],"
         "'messages':[{'id':'w','from':'49'}]"), "w", "389:49", TIME,
      "messages" },
    { "twice: sender",
      ITEM("page", "'sender':{'id':'77'},'sender':{'user_ref':'r'},"
           "'recipient':{'id':'9'}"), "#", "77:r", MTIME, "messaging" },
    { "twice: message, then none",
      ITEM("page", FROM "'message':{'mid':'m_1'},'message':null,"
           "'postback':{'mid':'m_2'}"), "m_2:postback", "77:5", MTIME,
      "messaging" },
    { "twice: field",
      BODY("page", "'id':'77','changes':[{'field':'feed','field':'x'}]"),
      "#", "77", "null", "x" },

    /* decoded text, as the record writes it */

    { "escaped names and values",
      "{'\\u006fbject':'whatsapp\\u005fbusiness_account','entry':[{'id':'77',"
      "'changes':[{'f\\u0069eld':'mess\\u0061ges','v\\u0061lue':{"
      "'met\\u0061data':{'phone_number\\u005fid':'38\\u0039'},"
      "'mess\\u0061ges':[{'\\u0069d':'wamid.A\\/B\\u0040','from':'4\\u0039',"
      "'t\\u0069mestamp':'17672\\u00325600'}]}}]}]}",
      "wamid.A/B@", "389:49", "1767225600000", "messages" },
    { "control characters, quotes and backslashes",
      WA("'messages':[{'id':'a\\u0000\\u001f\\n\\t\\\\\\u0022',"
         "'from':'\\u0007\\f'}]"),
      "a\\u0000\\u001f\\n\\t\\\\\\'", "389:\\u0007\\f", TIME, "messages" },
    { "letters beyond ASCII",
      WA("'messages':[{'id':'\\u00e4\\ud83d\\ude00\\u20AC','from':'\xc3\xb6'"
         "}]"), "\xc3\xa4\xf0\x9f\x98\x80\xe2\x82\xac", "389:\xc3\xb6", TIME,
      "messages" },
    { "half a surrogate stays as its escape",
      WA("'messages':[{'id':'\\uD83dx\\/','from':'\\udc00'}]"),
      "\\uD83dx/", "389:\\udc00", TIME, "messages" },
    { "keys in any order",
      "{'entry':[{'changes':[{'value':{'messages':[{'from':'49','id':'w'}],"
      "'metadata':{'phone_number_id':'389'}},'field':'messages'}],"
      "'id':'77'}],'object':'" WABA "'}", "w", "389:49", "null",
      "messages" },
    { "object behind the entries",
      "{'entry':[{'id':'77','changes':[{'field':'comments','value':"
      "{'id':'18'}}]}],'object':'instagram'}", "18:comment", "77:18", "null",
      "comments" },
    { "object twice, around the entries",
      "{'object':'page','entry':[{'id':'77','changes':[{'field':'comments',"
      "'value':{'id':'18'}}]}],'object':'instagram'}", "18:comment", "77:18",
      "null", "comments" },
    { "object escaped",
      "{'object':'inst\\u0061gram','entry':[{'id':'77','changes':[{'field':"
      "'comments','value':{'id':'18'}}]}]}", "18:comment", "77:18", "null",
      "comments" },
    { "entry.id behind the events",
      "{'object':'page','entry':[{'messaging':[{" TO "'message':{'mid':'m'}}]"
      ",'id':'77'}]}", "m", "77:5", "null", "messaging" },
    { "entry.id twice, around the events",
      "{'object':'page','entry':[{'id':'5','messaging':[{" TO
      "'message':{'mid':'m'}}],'id':77}]}", "m", "77:5", "null",
      "messaging" },
    { "entry.id escaped",
      "{'object':'page','entry':[{'id':'\\u00377','messaging':[{" TO
      "'message':{'mid':'m'}}]}]}", "m", "77:5", "null", "messaging" },
    { "entry.id a number before the events",
      "{'object':'page','entry':[{'id':77,'messaging':[{" TO
      "'message':{'mid':'m'}}]}]}", "m", "77:5", "null", "messaging" },
    { "white space",
      "{ 'object' : '" WABA "' , 'entry' : [ { 'changes' : [ { 'value' : { "
      "'metadata' : { 'phone_number_id' : '389' } , 'messages' : [ { 'id' : "
      "'w' , 'from' : '49' } ] } , 'field' : 'messages' } ] } ] }",
      "w", "389:49", "null", "messages" },

    /* how long they may be */

    { "an id of 512 bytes",
      WA("'messages':[{'id':'" R512("a") "','from':'49'}]"), R512("a"),
      "389:49", TIME, "messages" },
    { "an id of 513 bytes",
      WA("'messages':[{'id':'" R512("a") "b','from':'49'}]"), "#", "389:49",
      TIME, "messages" },
    { "an id of 512 bytes with its suffix",
      ITEM("page", FROM "'message':{'mid':'" R256("a") R64("b") R64("b")
           R64("b") R8("c") R8("c") R8("c") R8("c") R8("c") R8("c") R8("c")
           "','is_deleted':true}"),
      R256("a") R64("b") R64("b") R64("b") R8("c") R8("c") R8("c") R8("c")
      R8("c") R8("c") R8("c") ":deleted", "77:5", MTIME, "messaging" },
    { "an id of 512 bytes and a suffix",
      ITEM("page", FROM "'message':{'mid':'" R512("a") "',"
           "'is_deleted':true}"), "#", "77:5", MTIME, "messaging" },
    { "an id that is longer as written",
      WA("'messages':[{'id':'" R256("\\u0001") "','from':'49'}]"), "#",
      "389:49", TIME, "messages" },
    { "an id that is shorter as written",
      WA("'messages':[{'id':'" R512("\\u0061") "','from':'49'}]"), R512("a"),
      "389:49", TIME, "messages" },
    { "a key of 512 bytes",
      WA("'messages':[{'id':'w','from':'" R256("1") R64("2") R64("2")
         R64("2") R8("3") R8("3") R8("3") R8("3") R8("3") R8("3") R8("3")
         "4444'}]"),
      "w", "389:" R256("1") R64("2") R64("2") R64("2") R8("3") R8("3")
      R8("3") R8("3") R8("3") R8("3") R8("3") "4444", TIME, "messages" },
    { "a key of 513 bytes is the entry",
      WA("'messages':[{'id':'w','from':'" R256("1") R64("2") R64("2")
         R64("2") R8("3") R8("3") R8("3") R8("3") R8("3") R8("3") R8("3")
         "44445'}]"), "w", "77", TIME, "messages" },
    { "an account of 512 bytes",
      CHANGE(WABA, "x", "{'metadata':{'phone_number_id':'" R512("1") "'}}"),
      "#", R512("1"), TIME, "x" },
    { "an account of 513 bytes is the entry",
      CHANGE(WABA, "x", "{'metadata':{'phone_number_id':'" R512("1") "2'},"
             "'messages':[{},{}]}"), "#", "77", TIME, "x" },
    { "an account of 512 bytes and a colon",
      CHANGE(WABA, "x", "{'metadata':{'phone_number_id':'" R512("1") "'},"
             "'messages':[{},{}]}"), "#", "77", TIME, "x" },
    { "an entry of 257 bytes before the events",
      BODY("page", "'id':'" R256("7") "7','changes':[{'field':'mention'}]"),
      "#", "", "null", "mention" },
    { "an entry of 256 bytes is too long a line's account",
      BODY("page", "'id':'" R256("7") "','changes':[{'field':'feed',"
           "'value':{'post_id':'" R256("1") "'}}]"),
      "#", R256("7"), "null", "feed" },
    { "a field of 256 bytes",
      CHANGE("page", R256("f"), "{}"), "#", "77", TIME, R256("f") },
    { "a field of 257 bytes",
      CHANGE("page", R256("f") "f", "{}"), "#", "77", TIME, "" },
    { "a field that is longer as written",
      CHANGE("page", R64("\\u0001") "\\n", "{}"), "#", "77", TIME, "" }
};


int
main(void)
{
    test_rows(rows, sizeof(rows) / sizeof(rows[0]));

    return done();
}
