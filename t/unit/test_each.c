/*
 * record_each: each record of a change with several elements is, byte for byte,
 * what the edge writes of a change with that element alone, and its event says
 * what it said beside the others.
 */

#include <stdlib.h>

#include "quoted.h"
#include "tap.h"
#include "consumer/event.h"
#include "consumer/view.h"
#include "meta/meta_record.h"


#define WA(field, value)                                                      \
    "{'object':'whatsapp_business_account','entry':[{'id':'104','time':"      \
    "1767225605,'changes':[{ 'field' : '" field "', 'value':{" value "}}]}]}"
#define NUMBER                                                                \
    "'messaging_product':'whatsapp','metadata':{'display_phone_number':"      \
    "'15550001','phone_number_id':'106'}"
#define CONTACT(id, name)  "{'profile':{'name':'" name "'},'wa_id':'" id "'}"
#define MESSAGE(id, from)                                                     \
    "{'from':'" from "','id':'" id "','timestamp':'1767225601','type':"       \
    "'text','text':{'body':'\\u00e9\\/ \\\"},{ \\ud83d'}}"
#define STATUS(id, state)                                                     \
    "{'id':'" id "','status':'" state "','timestamp':'1767225602',"           \
    "'recipient_id':'2782','recipient_user_id':'ZA.1'}"

/* wanted: how many records it becomes, 0: it stays whole */
static const struct {
    const char  *name;
    const char  *body;
    size_t       wanted;
} changes[] = {

    { "messages of two people", WA("messages", NUMBER ",'contacts':["
      CONTACT("2781", "A") ", " CONTACT("2782", "B") "],'messages':["
      MESSAGE("wamid.1", "2781") " ,\n" MESSAGE("wamid.2", "2782") ","
      MESSAGE("wamid.3", "2781") "]"), 3 },
    { "nobody is named", WA("messages", NUMBER ",'messages':["
      MESSAGE("wamid.1", "2781") "," MESSAGE("wamid.2", "2782") "]"), 2 },
    { "one contact, who wrote one of them", WA("messages", NUMBER
      ",'contacts':[" CONTACT("2781", "A") "],'messages':["
      MESSAGE("wamid.1", "2781") "," MESSAGE("wamid.2", "2782") "]"), 2 },
    { "who has only a user id", WA("messages", NUMBER ",'contacts':["
      "{'user_id':'ZA.1','profile':{'name':'A'}},{'user_id':'ZA.2'}],"
      "'messages':[{'from_user_id':'ZA.1','id':'wamid.1','timestamp':'1'},"
      "{'from_user_id':'ZA.2','id':'wamid.2','timestamp':'2'}]"), 2 },
    { "statuses", WA("messages", NUMBER ",'statuses':["
      STATUS("wamid.1", "sent") "," STATUS("wamid.1", "delivered") "]"), 2 },
    { "messages beside statuses, and an error of all", WA("messages",
      "'statuses':[" STATUS("wamid.9", "read") "],'errors':[{'code':1}],"
      NUMBER ",'messages':[" MESSAGE("wamid.1", "2781") "]"), 2 },
    { "echoes", WA("smb_message_echoes", NUMBER ",'message_echoes':["
      "{'from':'15550001','to':'2781','id':'wamid.1','timestamp':'1'},"
      "{'from':'15550001','to':'2782','id':'wamid.2','timestamp':'2'}]"), 2 },
    { "calls", WA("calls", NUMBER ",'calls':[{'id':'wacid.1','from':'2781',"
      "'event':'connect','timestamp':'1'},{'id':'wacid.2','from':'2782',"
      "'event':'terminate','timestamp':'2'}]"), 2 },
    { "an array that is empty, and members of every type", WA("messages",
      NUMBER ",'statuses':[],'x':-1.5e3,'y':null,'z':[[],{'a':[1,'}']}],"
      "'messages':[" MESSAGE("wamid.1", "2781") "," MESSAGE("wamid.2", "2782")
      "]"), 2 },
    { "names that are escaped", WA("messages", NUMBER ",'mess\\u0061ges':["
      MESSAGE("wamid.1", "2781") "," MESSAGE("wamid.2", "2782") "]"), 2 },
    { "an array twice: the last counts", WA("messages", NUMBER
      ",'messages':[" MESSAGE("wamid.7", "2781") "],'messages':["
      MESSAGE("wamid.1", "2781") "," MESSAGE("wamid.2", "2782") "]"), 2 },

    { "one message", WA("messages", NUMBER ",'messages':["
      MESSAGE("wamid.1", "2781") "]"), 0 },
    { "history", WA("history", NUMBER ",'history':[{'threads':[{'id':'2781',"
      "'messages':[" MESSAGE("wamid.1", "2781") "," MESSAGE("wamid.2", "2781")
      "]}]}]"), 0 }
};


/* what the edge writes of the first event of a body */
static struct str edge_record(struct str body)
{
    size_t               len;
    struct buf           b;
    meta_hash_t          hash;
    meta_split_t         split;
    meta_event_t         event;
    unsigned char        head[META_RECORD_HEAD_MAX];
    meta_record_ctx_t    rc = {
        .app = meta_string("1234567890"), .delivery = meta_string("d1"),
        .received_at = 1763700000123, .split = &split, .hash = &hash
    };

    meta_hash_init(&hash);
    meta_split((meta_str_t) { (unsigned char *) body.at, body.len }, &split,
               &event, 1);
    meta_record_begin(&rc);
    len = meta_record_head(head, &rc, &event, 0);
    meta_hash_free(&hash);

    buf_init(&b, (size_t) -1);
    buf_add(&b, (char *) head, len);
    buf_add(&b, (char *) event.raw.data, event.raw.len);
    buf_text(&b, "}");

    return (struct str) { b.at, b.len };
}


/* a body with that record's event alone */
static struct str body_of(struct str record)
{
    char        *event;
    struct buf   b;

    event = memmem(record.at, record.len, ",\"event\":", 9);
    buf_init(&b, (size_t) -1);
    buf_text(&b, "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":"
             "\"104\",\"time\":1767225605,\"changes\":[");
    if (event != NULL) {
        event += 9;
        buf_add(&b, event, (size_t) (record.at + record.len - event - 1));
    }
    buf_text(&b, "]}]}");

    return (struct str) { b.at, b.len };
}


static struct str view_of(const struct record *r, size_t n)
{
    struct buf  b;

    buf_init(&b, (size_t) -1);
    view_write(&b, r, STR("{}"), &r->events[n], 1, 1763700000123);

    return (struct str) { b.at, b.len };
}


static void test_one(const struct record *r, size_t n, struct str bytes,
    const char *name)
{
    struct str     body = body_of(bytes), alone = edge_record(body);
    struct str     view, wanted;
    struct record  child;

    is_mem(bytes.at, bytes.len, alone.at, alone.len, name);

    if (ok(record_open(bytes, &child) == RECORD_OK && child.nevents == 1,
           name))
    {
        view = view_of(&child, 0);
        wanted = view_of(r, n);
        is_mem(view.at, view.len, wanted.at, wanted.len, name);
        free((char *) view.at);
        free((char *) wanted.at);
        record_close(&child);
    }

    free((char *) body.at);
    free((char *) alone.at);
}


static void body_fill(struct buf *b, size_t n)
{
    while (n--) {
        buf_text(b, "x");
    }
}


/* so many messages, an id and a member that all share of so many bytes */
static struct str body_large(size_t n, size_t id, size_t shared)
{
    size_t      i;
    struct buf  b;

    buf_init(&b, (size_t) -1);
    buf_text(&b, "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":"
             "\"104\",\"time\":1767225605,\"changes\":[{\"field\":\"messages\","
             "\"value\":{\"metadata\":{\"phone_number_id\":\"106\"},\"x\":\"");
    body_fill(&b, shared);

    buf_text(&b, "\",\"messages\":[");
    for (i = 0; i < n; i++) {
        buf_text(&b, i ? "," : "");
        buf_text(&b, "{\"from\":\"2781\",\"timestamp\":\"1\",\"id\":\"");
        body_fill(&b, id - 3);
        buf_format(&b, "%03zu\"}", i);
    }
    buf_text(&b, "]}}]}]}");

    return (struct str) { b.at, b.len };
}


static void test_large(size_t id, size_t shared, bool parted,
    const char *want, const char *name)
{
    char           *own = NULL, *at;
    struct str      body = body_large(100, id, shared);
    struct str      bytes = edge_record(body), *records;
    struct record   r;

    if (ok(record_open(bytes, &r) == RECORD_OK, name)) {
        records = record_each(&r, bytes, &own);
        if (ok((records != NULL) == parted, name) && parted) {
            at = memmem(records[7].at, records[7].len, want, strlen(want));
            ok(at != NULL, name);
        }
        if (records != NULL) {
            free(own);
        }
        free(records);
        record_close(&r);
    }

    free((char *) bytes.at);
    free((char *) body.at);
}


int main(void)
{
    char          *own = NULL;
    size_t         i, n;
    struct str     body, bytes, *records;
    struct record  r;

    for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        body = quoted(changes[i].body);
        bytes = edge_record(body);

        if (ok(record_open(bytes, &r) == RECORD_OK, changes[i].name)) {
            records = record_each(&r, bytes, &own);
            is_int(records != NULL ? (long long) r.nevents : 0,
                   (long long) changes[i].wanted, changes[i].name);

            for (n = 0; records != NULL && n < r.nevents; n++) {
                test_one(&r, n, records[n], changes[i].name);
            }
            if (records != NULL) {
                free(own);
            }
            free(records);
            record_close(&r);
        }

        free((char *) bytes.at);
        free((char *) body.at);
    }

    test_large(20, 10000, true, "\"id\":\"xxxxxxxxxxxxxxxxx007\"",
               "what all share, times four and 1 MB");
    test_large(20, 20000, false, "", "and more: it stays whole");
    test_large(512, 10, true, "\"id\":\"xxx", "an id of 512 bytes");
    test_large(513, 10, true, "#7\"", "one of 513: by its place");

    return done();
}
