/*
 * meta_key: the rows of contract 4's tables that are WhatsApp's.
 */

#include "row.h"


static const row_t  rows[] = {

    /* WhatsApp messages[]: the user is the first that is there */

    { "message: group_id first",
      WA("'messages':[{'id':'w','group_id':'g','from_user_id':'DE.1',"
         "'from':'49','timestamp':'1767225600'}]"),
      "w", "389:g", "1767225600000", "messages" },
    { "message: from_user_id",
      WA("'contacts':[{'wa_id':'49','user_id':'DE.2'}],"
         "'messages':[{'id':'w','from_user_id':'DE.1','from':'49'}]"),
      "w", "389:DE.1", TIME, "messages" },
    { "message: user_id of the only contact",
      WA("'contacts':[{'wa_id':'48','user_id':'DE.2'}],"
         "'messages':[{'id':'w','from':'49'}]"),
      "w", "389:DE.2", TIME, "messages" },
    { "message: user_id of the contact whose wa_id is from",
      WA("'contacts':[{'wa_id':'48','user_id':'DE.2'},"
         "{'wa_id':'49','user_id':'DE.3'}],"
         "'messages':[{'id':'w','from':'49'}]"),
      "w", "389:DE.3", TIME, "messages" },
    { "message: that contact behind the message, its wa_id a number",
      WA("'messages':[{'id':'w','from':'\\u00349'}],"
         "'contacts':[7,{'wa_id':49,'user_id':3},{'wa_id':48}]"),
      "w", "389:3", TIME, "messages" },
    { "message: several contacts, none of them from",
      WA("'contacts':[{'wa_id':'48','user_id':'DE.2'},"
         "{'wa_id':'47','user_id':'DE.3'}],"
         "'messages':[{'id':'w','from':'49'}]"),
      "w", "389:49", TIME, "messages" },
    { "message: several contacts and no from",
      WA("'contacts':[{'wa_id':'','user_id':'DE.2'},{'user_id':'DE.3'}],"
         "'messages':[{'id':'w','system':{'user_id':'DE.4'}}]"),
      "w", "389:DE.4", TIME, "messages" },
    { "message: from",
      WA("'contacts':[{'wa_id':'49'}],'messages':[{'id':'w','from':'49'}]"),
      "w", "389:49", TIME, "messages" },
    { "message: from before system.user_id",
      WA("'messages':[{'id':'w','from':'49','system':{'user_id':'DE.4'}}]"),
      "w", "389:49", TIME, "messages" },
    { "message: system.user_id",
      WA("'messages':[{'id':'w','from':'','system':{'user_id':'DE.4'}}]"),
      "w", "389:DE.4", TIME, "messages" },
    { "message: empty ones are absent",
      WA("'contacts':[{'user_id':''}],'messages':[{'id':'w','group_id':'',"
         "'from_user_id':'','from':'49'}]"),
      "w", "389:49", TIME, "messages" },
    { "message: no user",
      WA("'messages':[{'id':'w'}]"), "w", "389", TIME, "messages" },
    { "message: no id",
      WA("'messages':[{'from':'49'}]"), "#", "389:49", TIME, "messages" },
    { "message: an empty id",
      WA("'messages':[{'id':'','from':'49'}]"),
      "#", "389:49", TIME, "messages" },
    { "message: no object",
      WA("'messages':[null]"), "#", "389", TIME, "messages" },
    { "message: numbers as ids",
      WA("'messages':[{'id':12345678901234567890,'from':49}]"),
      "12345678901234567890", "389:49", TIME, "messages" },
    { "message: beside errors and contacts",
      WA("'errors':[{'code':1}],'messages':[{'id':'w','from':'49'}],"
         "'contacts':[]"), "w", "389:49", TIME, "messages" },
    { "message: without metadata the account is the entry",
      CHANGE(WABA, "messages", "{'messages':[{'id':'w','from':'49'}]}"),
      "w", "77:49", TIME, "messages" },
    { "message: metadata without phone_number_id",
      CHANGE(WABA, "messages", "{'metadata':{'phone_number_id':''},"
             "'messages':[{'id':'w','from':'49'}]}"),
      "w", "77:49", TIME, "messages" },
    { "message: phone_number_id a number",
      CHANGE(WABA, "messages", "{'metadata':{'phone_number_id':389},"
             "'messages':[{'id':'w','from':'49'}]}"),
      "w", "389:49", TIME, "messages" },
    { "message: known by messaging_product where object is absent",
      "{'entry':[{'id':'77','changes':[{'field':'messages','value':{" NUMBER
      ",'messages':[{'id':'w','from':'49'}]}}]}]}",
      "w", "389:49", "null", "messages" },
    { "message: under another field",
      CHANGE(WABA, "something_new",
             "{" NUMBER ",'messages':[{'id':'w','from':'49'}]}"),
      "w", "389:49", TIME, "something_new" },

    /* WhatsApp message_echoes[] */

    { "echo: group_id",
      CHANGE(WABA, "smb_message_echoes", "{" NUMBER ",'message_echoes':"
             "[{'id':'w','group_id':'g','to_user_id':'DE.1','to':'49',"
             "'timestamp':'1767225600'}]}"),
      "w:echo", "389:g", "1767225600000", "smb_message_echoes" },
    { "echo: to_user_id",
      WA("'message_echoes':[{'id':'w','from':'15','from_user_id':'US.1',"
         "'to_user_id':'DE.1','to':'49'}]"),
      "w:echo", "389:DE.1", TIME, "messages" },
    { "echo: the only contact",
      WA("'contacts':[{'wa_id':'49','user_id':'DE.2'}],"
         "'message_echoes':[{'id':'w','to':'49'}]"),
      "w:echo", "389:DE.2", TIME, "messages" },
    { "echo: the contact whose wa_id is to",
      WA("'contacts':[{'wa_id':'15','user_id':'US.1'},"
         "{'wa_id':'49','user_id':'DE.3'}],"
         "'message_echoes':[{'id':'w','from':'15','to':'49'}]"),
      "w:echo", "389:DE.3", TIME, "messages" },
    { "echo: to",
      WA("'message_echoes':[{'id':'w','from':'15','to':'49'}]"),
      "w:echo", "389:49", TIME, "messages" },
    { "echo: no user",
      WA("'message_echoes':[{'id':'w','from':'15'}]"),
      "w:echo", "389", TIME, "messages" },
    { "echo: no id",
      WA("'message_echoes':[{'to':'49'}]"), "#", "389:49", TIME,
      "messages" },

    /* WhatsApp statuses[] */

    { "status",
      WA("'statuses':[{'id':'w','status':'read','recipient_id':'49',"
         "'timestamp':'1767225644'}],'contacts':[{'user_id':'DE.1'}]"),
      "w:read", "389:w", "1767225644000", "messages" },
    { "status in a group",
      WA("'statuses':[{'id':'w','status':'read','recipient_type':'group',"
         "'recipient_id':'g','recipient_participant_user_id':'DE.1',"
         "'recipient_participant_id':'49'}]"),
      "w:read:DE.1", "389:w", TIME, "messages" },
    { "status in a group, by phone",
      WA("'statuses':[{'id':'w','status':'read','recipient_type':'group',"
         "'recipient_participant_user_id':'',"
         "'recipient_participant_id':'49'}]"),
      "w:read:49", "389:w", TIME, "messages" },
    { "status in a group of nobody named",
      WA("'statuses':[{'id':'w','status':'read','recipient_type':'group'}]"),
      "#", "389:w", TIME, "messages" },
    { "status of a participant without recipient_type",
      WA("'statuses':[{'id':'w','status':'read',"
         "'recipient_participant_id':'49'}]"),
      "w:read:49", "389:w", TIME, "messages" },
    { "status of one person",
      WA("'statuses':[{'id':'w','status':'sent',"
         "'recipient_type':'individual'}]"),
      "w:sent", "389:w", TIME, "messages" },
    { "status without status",
      WA("'statuses':[{'id':'w'}]"), "#", "389:w", TIME, "messages" },
    { "status without id",
      WA("'statuses':[{'status':'read'}]"), "#", "389", TIME, "messages" },

    /* WhatsApp calls[], statuses of calls */

    { "call: event",
      CHANGE(WABA, "calls", "{" NUMBER ",'calls':[{'id':'c','from':'49',"
             "'event':'terminate','status':'COMPLETED',"
             "'timestamp':'1767225700'}]}"),
      "c:terminate", "389:c", "1767225700000", "calls" },
    { "call: status where there is no event",
      WA("'calls':[{'id':'c','status':'COMPLETED'}]"),
      "c:COMPLETED", "389:c", TIME, "messages" },
    { "call: neither", WA("'calls':[{'id':'c'}]"), "#", "389:c", TIME,
      "messages" },
    { "call: no id", WA("'calls':[{'event':'connect'}]"), "#", "389", TIME,
      "messages" },
    { "call: beside errors",
      WA("'calls':[{'id':'c','event':'connect'}],'errors':[{},{}]"),
      "c:connect", "389:c", TIME, "messages" },
    { "status of a call",
      CHANGE(WABA, "calls", "{" NUMBER ",'statuses':[{'id':'c',"
             "'type':'call','status':'RINGING','timestamp':'1767225701',"
             "'recipient_id':'49'}]}"),
      "c:RINGING", "389:c", "1767225701000", "calls" },
    { "status of a call in a group",
      WA("'statuses':[{'id':'c','type':'call','status':'RINGING',"
         "'recipient_type':'group','recipient_participant_id':'49'}]"),
      "c:RINGING", "389:c", TIME, "messages" },

    /* other WhatsApp */

    { "other WhatsApp with metadata",
      CHANGE(WABA, "user_preferences", "{" NUMBER ",'contacts':"
             "[{'wa_id':'49'}],'user_preferences':[{},{}]}"),
      "#", "389", TIME, "user_preferences" },
    { "standby of WhatsApp is one level deeper",
      CHANGE(WABA, "standby", "{" NUMBER ",'standby':{'messages':"
             "[{'id':'w','from':'49'}]}}"),
      "#", "389", TIME, "standby" },
    { "history",
      CHANGE(WABA, "history", "{" NUMBER ",'history':[{'threads':[{"
             "'messages':[{'id':'w'}]}]}]}"),
      "#", "389", TIME, "history" },
    { "errors alone", WA("'errors':[{'code':130429}]"), "#", "389", TIME,
      "messages" },
    { "empty arrays", WA("'messages':[],'statuses':[]"), "#", "389", TIME,
      "messages" },
    { "messages that are no array", WA("'messages':{'id':'w'}"), "#", "389",
      TIME, "messages" },
    { "WhatsApp without metadata",
      CHANGE(WABA, "account_update", "{'event':'ACCOUNT_DELETED'}"),
      "#", "77", TIME, "account_update" },
    { "a value that is no object",
      CHANGE(WABA, "messages", "'x'"), "#", "77", TIME, "messages" },

    /* WhatsApp, several elements */

    { "two messages of one user",
      WA("'messages':[{'id':'w','from':'49','timestamp':'1767225600'},"
         "{'id':'x','from':'49','timestamp':'1767225601'}]"),
      "#", "389:", "1767225600000", "messages" },
    { "a message and a status",
      WA("'statuses':[{'id':'w','status':'sent','timestamp':'1767225609'}],"
         "'messages':[{'id':'x','from':'49','timestamp':'1767225600'}]"),
      "#", "389:", "1767225609000", "messages" },
    { "the first in the order of the bytes has no time",
      WA("'messages':[{'id':'x'}],"
         "'statuses':[{'id':'w','status':'sent','timestamp':'1767225609'}]"),
      "#", "389:", TIME, "messages" },
    { "two elements without metadata",
      CHANGE(WABA, "messages", "{'calls':[{},{}]}"), "#", "77:", TIME,
      "messages" }
};


int
main(void)
{
    test_rows(rows, sizeof(rows) / sizeof(rows[0]));

    return done();
}
