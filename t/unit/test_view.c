/*
 * What a handler gets: all keys, whatever the event is.
 */

#include <stdlib.h>

#include "tap.h"
#include "quoted.h"
#include "consumer/view.h"


#define NOW  1763700001000ll

#define HEAD(object, field)                                                   \
    "{'v':1,'id':'ID','app':'1','object':'" object "','entry':'77','time':"   \
    "1763700000000,'field':'" field "','key':'k','delivery':'d','n':0,"       \
    "'of':1,'received_at':1763700000123,"

#define WA(value)                                                             \
    HEAD("whatsapp_business_account", "messages") "'event':{'field':"         \
    "'messages','value':{'metadata':{'phone_number_id':'389'}," value "}}}"

#define CONTACT                                                               \
    "'contacts':[{'profile':{'name':'Thandi','username':'@thandi'},'wa_id':"  \
    "'27820000001','user_id':'ZA.482'}],"

#define FROM                                                                  \
    "'from':'27820000001','from_user_id':'ZA.482','id':'wamid.A',"            \
    "'timestamp':'1763700000'"

#define ITEM(item)                                                            \
    HEAD("page", "messaging") "'event':{'sender':{'id':'5'},'recipient':"     \
    "{'id':'77'},'timestamp':1763700000988," item "}}"

#define TAIL(rest)  "," rest "'replay':false,'test':false,'event':"


struct row {
    const char  *name;
    const char  *record;
    size_t       n;             /* of its events */
    const char  *view;          /* up to the record, which stands behind it */
};


static const struct row  rows[] = {
    { "a text", WA(CONTACT "'messages':[{" FROM ",'type':'text','text':{"
      "'body':'Do you \\u0064eliver?'},'context':{'id':'wamid.0'},'referral':"
      "{'source_id':'9'}}]"), 0,
      "{'v':1,'id':'ID','attempt':2,'kind':'message','product':'whatsapp',"
      "'account':'389','tenant':null,'user':{'id':'ZA.482','phone':"
      "'27820000001','name':'Thandi','username':'@thandi'},'conversation':"
      "'whatsapp:389:ZA.482','time':1763700000000,'text':'Do you deliver?',"
      "'payload':null,'media':[],'reply_to':'wamid.0','referral':{"
      "'source_id':'9'},'window':{'state':'open','until':1763786400000}"
      TAIL("") },
    { "an old image of nobody known", WA("'messages':[{'from':'278','id':"
      "'wamid.A','timestamp':'1663700000','type':'image','image':{'id':'11',"
      "'mime_type':'image/jpeg','sha256':'ab=','caption':'Look'}}]"), 0,
      "{'v':1,'id':'ID','attempt':2,'kind':'message','product':'whatsapp',"
      "'account':'389','tenant':null,'user':{'id':'278','phone':'278','name':"
      "null,'username':null},'conversation':'whatsapp:389:278','time':"
      "1663700000000,'text':'Look','payload':null,'media':[{'type':'image',"
      "'id':'11','mime':'image/jpeg','sha256':'ab=','caption':'Look',"
      "'filename':null,'file':null,'url':null}],'reply_to':null,'referral':"
      "null,'window':{'state':'closed','until':1663786400000}" TAIL("") },
    { "a button of a group", WA(CONTACT "'messages':[{" FROM ",'group_id':"
      "'G1','type':'interactive','interactive':{'type':'button_reply',"
      "'button_reply':{'id':'YES','title':'Yes'}}}]"), 0,
      "{'v':1,'id':'ID','attempt':2,'kind':'postback','product':'whatsapp',"
      "'account':'389','tenant':null,'user':{'id':'ZA.482','phone':"
      "'27820000001','name':'Thandi','username':'@thandi'},'conversation':"
      "'whatsapp:389:G1','time':1763700000000,'text':'Yes','payload':'YES',"
      "'media':[],'reply_to':null,'referral':null,'window':{'state':'open',"
      "'until':1763786400000}" TAIL("") },
    { "the second of two statuses", WA("'statuses':[{'id':'wamid.A','status':"
      "'sent','timestamp':'1763700000','recipient_id':'278'},{'id':'wamid.B',"
      "'status':'failed','timestamp':'1763700000','recipient_id':'279',"
      "'errors':[{'code':131049,'title':'no'}]}]"), 1,
      "{'v':1,'id':'wamid.B:failed','attempt':2,'kind':'status','product':"
      "'whatsapp','account':'389','tenant':null,'user':{'id':'279','phone':"
      "'279','name':null,'username':null},'conversation':'whatsapp:389:279',"
      "'time':1763700000000,'text':null,'payload':null,'media':[],'reply_to':"
      "null,'referral':null,'window':{'state':null,'until':null}"
      TAIL("'status':{'message':'wamid.B','state':'failed','error':{'code':"
           "131049,'title':'no'}},") },
    { "a message of Messenger with two pictures", ITEM("'message':{'mid':"
      "'m_1','text':'Hi','quick_reply':{'payload':'P'},'reply_to':{'mid':"
      "'m_0'},'attachments':[{'type':'image','payload':{'url':'https://x'}},"
      "{'type':'like_heart'}]}"), 0,
      "{'v':1,'id':'ID','attempt':2,'kind':'postback','product':'messenger',"
      "'account':'77','tenant':null,'user':{'id':'5','phone':null,'name':"
      "null,'username':null},'conversation':'messenger:77:5','time':"
      "1763700000988,'text':'Hi','payload':'P','media':[{'type':'image','id':"
      "null,'mime':null,'sha256':null,'caption':null,'filename':null,'file':"
      "null,'url':'https://x'},{'type':'like_heart','id':null,'mime':null,"
      "'sha256':null,'caption':null,'filename':null,'file':null,'url':null}],"
      "'reply_to':'m_0','referral':null,'window':{'state':'open','until':"
      "1763786400988}" TAIL("") },
    { "a postback", ITEM("'postback':{'title':'Start','payload':'GO',"
      "'referral':{'ref':'r'}}"), 0,
      "{'v':1,'id':'ID','attempt':2,'kind':'postback','product':'messenger',"
      "'account':'77','tenant':null,'user':{'id':'5','phone':null,'name':"
      "null,'username':null},'conversation':'messenger:77:5','time':"
      "1763700000988,'text':'Start','payload':'GO','media':[],'reply_to':"
      "null,'referral':{'ref':'r'},'window':{'state':'open','until':"
      "1763786400988}" TAIL("") },
    { "shapes that make no sense", WA("'contacts':5,'messages':[{'id':[],"
      "'from':{},'timestamp':'soon','type':'text','text':[],'context':7,"
      "'referral':'x'}]"), 0,
      "{'v':1,'id':'ID','attempt':2,'kind':'message','product':'whatsapp',"
      "'account':'389','tenant':null,'user':{'id':null,'phone':null,'name':"
      "null,'username':null},'conversation':null,'time':1763700000000,'text':"
      "null,'payload':null,'media':[],'reply_to':null,'referral':null,"
      "'window':{'state':'open','until':1763786400000}" TAIL("") },
    { "a replay", "{'v':1,'id':'ID','app':'','object':'page','entry':'77',"
      "'time':null,'field':'messaging','key':'','replay':true,'event':"
      "{'sender':{'user_ref':'u'},'message':{'mid':'m'}}}", 0,
      "{'v':1,'id':'ID','attempt':2,'kind':'message','product':'messenger',"
      "'account':'77','tenant':null,'user':{'id':'ref:u','phone':null,'name':"
      "null,'username':null},'conversation':'messenger:77:ref:u','time':null,"
      "'text':null,'payload':null,'media':[],'reply_to':null,'referral':null,"
      "'window':{'state':null,'until':null},'replay':true,'test':false,"
      "'event':" }
};


static void test_row(const struct row *row)
{
    struct str     bytes = quoted(row->record), want = quoted(row->view);
    struct buf     b;
    struct record  r;

    if (!ok(record_open(bytes, &r) == RECORD_OK && r.nevents > row->n,
            row->name))
    {
        return;
    }

    buf_init(&b, VIEW_MAX);
    view_write(&b, &r, bytes, &r.events[row->n], 2, NOW);
    ok(json_valid(b.at, b.len) && !b.over, "JSON");

    if (ok(b.len == want.len + bytes.len + 1, "its length")) {
        is_mem(b.at + want.len, bytes.len, bytes.at, bytes.len,
               "the record as it came");
    }
    is_mem(b.at, b.len < want.len ? b.len : want.len, want.at, want.len,
           "what is before it");

    buf_free(&b);
    record_close(&r);
    free((char *) bytes.at);
    free((char *) want.at);
}


int main(void)
{
    size_t  i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_row(&rows[i]);
    }

    return done();
}
