/*
 * meta_record: object and entry, what a hash is taken over, and the record as
 * a whole (contract 4).
 */

#include <openssl/sha.h>

#include "row.h"
#include "meta/meta_record.c"


/* what object and entry become */

static const struct {
    const char  *name;
    const char  *body;
    const char  *object;
    const char  *entry;
} heads[] = {

    { "both", "{'object':'page','entry':[{'id':'77'}]}", "page", "77" },
    { "entry.id a number", "{'object':'page','entry':[{'id':12345678901234567"
      "}]}", "page", "12345678901234567" },
    { "absent", "{'entry':[{}]}", "", "" },
    { "empty", "{'object':'','entry':[{'id':''}]}", "", "" },
    { "of another type", "{'object':5,'entry':[{'id':true}]}", "", "" },
    { "no integers", "{'object':null,'entry':[{'id':1.5}]}", "", "" },
    { "an object as id", "{'object':[],'entry':[{'id':{}}]}", "", "" },
    { "escaped", "{'object':'p\\u0061\\/','entry':[{'id':'\\u0037\\u0000'}]}",
      "pa/", "7\\u0000" },
    { "of 256 bytes", "{'object':'" R256("o") "','entry':[{'id':'" R256("7")
      "'}]}", R256("o"), R256("7") },
    { "of 257 bytes", "{'object':'" R256("o") "o','entry':[{'id':'" R256("7")
      "7'}]}", "", "" },
    { "a number of 257 digits", "{'entry':[{'id':" R256("7") "7}]}", "", "" },
    { "longer as written", "{'object':'" R64("\\u0002") "','entry':[{'id':'"
      R64("\\u0002") "'}]}", "", "" },
    { "shorter as written", "{'object':'" R256("\\u0061") "','entry':[{"
      "'id':'" R256("\\u0061") "'}]}", R256("a"), R256("a") },
    { "of the whole body", "{'object':'page','id':'77'}", "page", "" },
    { "of an entry that is no object", "{'object':'page','entry':[5]}",
      "page", "" },
    { "twice", "{'object':'a','entry':[{'id':'1','id':'2'}],'object':'b'}",
      "b", "2" }
};


/* what the hash is taken over, zero bytes as '|' */

static const struct {
    const char  *name;
    const char  *body;
    const char  *over;
} hashes[] = {

    { "the entry's time as sent",
      BODY("page", "'id':'77','time':1767225605,'changes':[{'a':1}]"),
      "page|77|1767225605|{'a':1}|" },
    { "without its quotes",
      BODY("page", "'id':77,'time':'1767225605','changes':[{ 'a' : 1 }]"),
      "page|77|1767225605|{ 'a' : 1 }|" },
    { "its escapes too",
      BODY("page", "'id':'77','time':'1\\u0030','changes':[1]"),
      "page|77|1\\u0030|1|" },
    { "a time that is none",
      BODY("page", "'id':'77','time':1.5e9,'changes':[1]"),
      "page|77|1.5e9|1|" },
    { "an event with a time of its own",
      ITEM("page", FROM "'timestamp':5,'delivery':{}"),
      "page|77||{" FROM "'timestamp':5,'delivery':{}}|" },
    { "an event whose own time is none",
      ITEM("page", FROM "'timestamp':'x'"),
      "page|77|1767225601210|{" FROM "'timestamp':'x'}|" },
    { "created_time",
      CHANGE("page", "feed", "{'created_time':5}"),
      "page|77||{'field':'feed','value':{'created_time':5}}|" },
    { "decoded object and entry, the event's bytes as sent",
      "{'object':'p\\u0061\\/','entry':[{'id':'7\\u0037','changes':"
      "['\\u0061']}]}", "pa/|77||'\\u0061'|" },
    { "half a surrogate as its escape",
      "{'object':'\\ud800','entry':[{'id':'\\uDC00','changes':[1]}]}",
      "\\ud800|\\uDC00||1|" },
    { "nothing known",
      "{'entry':[{'changes':[null]}]}", "|||null|" },
    { "what the record does not show",
      "{'object':'" R256("o") "o','entry':[{'id':'" R256("7") "7','changes':"
      "[1]}]}", "|||1|" },
    { "the whole body",
      " {'object':'page'} ", "page|||{'object':'page'}|" },
    { "several elements",
      WA("'messages':[{'id':'a','timestamp':'5'},{'id':'b'}]"),
      WABA "|77||{'field':'messages','value':{" NUMBER ",'messages':"
      "[{'id':'a','timestamp':'5'},{'id':'b'}]}}|" }
};


static void
test_heads(void)
{
    char           *body;
    size_t          i, len;
    unsigned char   head[META_RECORD_HEAD_MAX];

    for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        body = quoted(heads[i].body);
        len = head_of(body, head);

        ok(len != 0, heads[i].name);

        test_member(head, len, "object", heads[i].object);
        test_member(head, len, "entry", heads[i].entry);

        free(body);
    }
}


static void
test_hashes(void)
{
    char           *body, *over;
    size_t          i, k, n, len;
    char            want[40];
    meta_str_t      got;
    unsigned char   head[META_RECORD_HEAD_MAX], digest[32];

    for (i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
        body = quoted(hashes[i].body);
        over = quoted(hashes[i].over);

        n = strlen(over);

        for (k = 0; k < n; k++) {
            if (over[k] == '|') {
                over[k] = '\0';
            }
        }

        SHA256((unsigned char *) over, n, digest);

        memcpy(want, "sha256:", 7);

        for (k = 0; k < 16; k++) {
            (void) snprintf(want + 7 + 2 * k, 3, "%02x", digest[k]);
        }

        len = head_of(body, head);
        got = member(head, len, "id");

        is_str(got.data, got.len, want, hashes[i].name);

        free(body);
        free(over);
    }
}


static void
test_account(const meta_event_t *ev, const char *want)
{
    size_t         len;
    unsigned char  account[META_RECORD_KEY_MAX];

    len = meta_record_account(account, ev);

    is_str(account, len, want, "account");
}


static void
test_whole(void)
{
    char                *body, *want;
    size_t               len;
    meta_str_t           b;
    meta_event_t         ev[3];
    meta_split_t         s;
    unsigned char        head[META_RECORD_HEAD_MAX];
    meta_record_ctx_t    rc;

    body = quoted("{'object':'page','entry':[{'id':'77','messaging':["
                  "{},{},{" FROM "'timestamp':5,'message':{'mid':'m'}}]}]}");
    want = quoted("{'v':1,'id':'m','app':'','object':'page','entry':'77',"
                  "'time':5000,'field':'messaging','key':'77:5','delivery':"
                  "'9f86d081884c7d659a2feaa0c55ad015','n':2,'of':3,"
                  "'received_at':1763700000123,'event':");

    b.data = (unsigned char *) body;
    b.len = strlen(body);

    (void) meta_split(b, &s, ev, 3);

    record_begin(&rc, &s);
    rc.app.len = 0;
    meta_record_begin(&rc);

    len = meta_record_head(head, &rc, &ev[2], 2);

    is_str(head, len, want, "keys in the order of the contract, compact");

    test_account(&ev[2], "77");

    free(body);
    free(want);

    /* everything as long as it can be */

    body = quoted("{'object':'" R256("o") "','entry':[{'id':'" R256("7") "',"
                  "'time':9223372036854775799,'changes':[{'field':'" R256("f")
                  "','value':{'messaging_product':'whatsapp','metadata':{"
                  "'phone_number_id':'" R512("1") "'},'messages':[{'id':'"
                  R512("w") "'}]}}]}]}");

    b.data = (unsigned char *) body;
    b.len = strlen(body);

    (void) meta_split(b, &s, ev, 3);

    rc.app.data = rc.delivery.data = (const unsigned char *) R64("0");
    rc.app.len = rc.delivery.len = 64;
    rc.received_at = INT64_MAX;
    s.nevents = META_MAX_EVENTS;

    meta_record_begin(&rc);

    len = meta_record_head(head, &rc, &ev[0], META_MAX_EVENTS - 1);

    ok(len > 2000 && len < META_RECORD_HEAD_MAX, "the longest head fits");

    test_member(head, len, "app", R8("0000"));
    test_member(head, len, "delivery", R8("0000"));
    test_member(head, len, "n", "9999");
    test_member(head, len, "of", "10000");
    test_member(head, len, "received_at", "9223372036854775807");
    test_member(head, len, "time", "9223372036854775799");
    test_member(head, len, "key", R512("1"));
    test_account(&ev[0], R512("1"));

    free(body);
}


static void
test_accounts(void)
{
    char               *body;
    size_t              i;
    meta_str_t          b;
    meta_event_t        ev[1];
    meta_split_t        s;
    meta_record_ctx_t   rc;

    static const struct {
        const char  *body;
        const char  *account;
    } rows[] = {

        { "{'object':'page','entry':[{'id':'7\\u00412','changes':[{}]}]}",
          "7A2" },
        { "{'object':'page','entry':[{'changes':[{}],'id':'late'}]}",
          "late" },
        { "{'object':'page','entry':[{'id':'a:b','changes':[{}]}]}", "a" },
        { "{'object':'page','entry':[{'id':'a\\u003ab','changes':[{}]}]}",
          "a" },
        { "{'object':'page','entry':[{'id':':b','changes':[{}]}]}", "" },
        { "{'object':'page','entry':[{'id':'\\\\\\u0022','changes':[{}]}]}",
          "\\\"" },
        { "{'object':'page','entry':[{'id':12,'changes':[{}]}]}", "12" },
        { "{'object':'page','entry':[{'changes':[{}]}]}", "" },
        { "{}", "" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        body = quoted(rows[i].body);
        b.data = (unsigned char *) body;
        b.len = strlen(body);

        (void) meta_split(b, &s, ev, 1);

        record_begin(&rc, &s);
        meta_record_begin(&rc);

        test_account(&ev[0], rows[i].account);

        free(body);
    }
}


int
main(void)
{
    meta_hash_t  other;

    is_int(meta_hash_init(&hash), META_OK, "a hash");

    test_heads();
    test_hashes();
    test_whole();
    test_accounts();

    meta_hash_free(&hash);
    ok(hash.ctx == NULL && hash.md == NULL, "freed");

    is_int(meta_hash_init(&other), META_OK, "another");
    meta_hash_free(&other);
    meta_hash_free(&other);

    return done();
}
