/*
 * Jobs: each needed member, each time, each refusal with its reason.
 */

#include <stdlib.h>

#include "tap.h"
#include "quoted.h"
#include "consumer/job.h"


#define R10(s)   s s s s s s s s s s
#define R100(s)  R10(R10(s))

#define DO  "'do':['mark_read']"


struct refused {
    const char  *json;
    const char  *id;            /* what could be read, for the result */
    const char  *reply_to;
    unsigned     action;
    const char  *parameter;
    const char  *limit;
    const char  *value;
    const char  *text;
};

struct moment {
    const char  *json;
    long long    ms;            /* -1: refused */
};


static const struct refused  refused[] = {
    { "", "", "", 0, "", "", "", "is no JSON object, or one too large" },
    { "[]", "", "", 0, "", "", "", "is no JSON object, or one too large" },
    { "{'v':1,'id':'caf\xe9'," DO "}", "", "", 0, "", "", "",
      "is not UTF-8" },
    { "{'v':1", "", "", 0, "", "", "",
      "is no JSON object, or one too large" },
    { "{'id':'a','reply_to':'meta:reply:x'," DO "}", "a", "meta:reply:x", 0,
      "v", "", "", "is missing" },
    { "{'v':'1','id':'a'," DO "}", "a", "", 0, "v", "", "1", "must be 1" },
    { "{'v':1.0,'id':'a'," DO "}", "a", "", 0, "v", "", "", "must be 1" },
    { "{'v':0,'id':'a'," DO "}", "a", "", 0, "v", "", "0", "must be 1" },
    { "{'v':1," DO ",'reply_to':'meta:reply:x'}", "", "meta:reply:x", 0,
      "id", "", "", "is missing" },
    { "{'v':1,'id':81," DO "}", "", "", 0, "id", "", "", "must be a text" },
    { "{'v':1,'id':null," DO "}", "", "", 0, "id", "", "",
      "must be a text" },
    { "{'v':1,'id':''," DO "}", "", "", 0, "id", "200 bytes", "",
      "must have 1 to 200 bytes" },
    { "{'v':1,'id':'" R100("ab") "x'," DO "}", "", "", 0, "id", "200 bytes",
      "", "must have 1 to 200 bytes" },
    { "{'v':1,'id':'a\\nb'," DO "}", "", "", 0, "id", "", "",
      "holds a control character" },
    { "{'v':1,'id':'a'}", "a", "", 0, "do", "", "", "is missing" },
    { "{'v':1,'id':'a','do':null}", "a", "", 0, "do", "", "",
      "must be a list of at least one action" },
    { "{'v':1,'id':'a','do':[]}", "a", "", 0, "do", "", "",
      "must be a list of at least one action" },
    { "{'v':1,'id':'a','do':['mark_read',{'reply':{'text':1}}],"
      "'reply_to':'meta:reply:x'}", "a", "meta:reply:x", 2, "reply.text", "",
      "", "must be a text; a number is written in quotes" },
    { "{'v':1,'id':'a','do':['hop']}", "a", "", 1, "do", "", "hop",
      "unknown action \"hop\"" },
    { "{'v':1,'id':'a'," DO ",'account':'x'}", "a", "", 0, "account",
      "32 digits", "x", "must be an id of 1 to 32 digits" },
    { "{'v':1,'id':'a'," DO ",'to':27820000001}", "a", "", 0, "to", "", "",
      "must be a text" },
    { "{'v':1,'id':'a'," DO ",'reply_to':'mine'}", "a", "", 0, "reply_to",
      "meta:reply:", "mine", "must begin with \"meta:reply:\","
      " outbox.reply_prefix of the configuration" },
    { "{'v':1,'id':'a'," DO ",'reply_to':'meta:reply:'}", "a", "", 0,
      "reply_to", "meta:reply:", "meta:reply:", "must begin with"
      " \"meta:reply:\", outbox.reply_prefix of the configuration" },
    { "{'v':1,'id':'a'," DO ",'reply_to':'meta:reply:{x}'}", "a", "", 0,
      "reply_to", "", "meta:reply:{x}",
      "must be 1 to 200 of A-Za-z0-9._:-" },
    { "{'v':1,'id':'a'," DO ",'expires':'2026-11-22T09:30:00'}", "a", "", 0,
      "expires", "", "2026-11-22T09:30:00", "must be milliseconds since 1970"
      " as an integer, or RFC 3339 with an offset:"
      " \"2026-11-22T09:30:00+02:00\"" },
    { "{'v':1,'id':'a'," DO ",'not_before':1763700000}", "a", "", 0,
      "not_before", "", "1763700000", "must be milliseconds since 1970 as an"
      " integer, or RFC 3339 with an offset: \"2026-11-22T09:30:00+02:00\"" },
    { "{'v':1,'id':'a'," DO ",'priority':'urgent'}", "a", "", 0, "priority",
      "", "urgent", "must be normal or high" },
    { "{'v':1,'id':'a'," DO ",'idempotency_key':5}", "a", "", 0,
      "idempotency_key", "", "", "must be a text" },
    { "{'v':1,'id':'a'," DO ",'when':5}", "a", "", 0, "", "", "when",
      "unknown member \"when\"" },
    { "{'v':1,'id':'a','id':'b'," DO ",'reply_to':'meta:reply:x'}", "b",
      "meta:reply:x", 0, "id", "", "", "stands there twice" }
};


static const struct moment  moments[] = {
    { "1763700000000", 1763700000000 },
    { "100000000000", 100000000000 },
    { "99999999999", -1 },
    { "1763700000", -1 },
    { "1763700000000.0", -1 },
    { "1.7637e12", -1 },
    { "-1763700000000", -1 },
    { "253402300799999", 253402300799999 },
    { "253402300800000", -1 },
    { "99999999999999999999", -1 },
    { "'1763700000000'", -1 },
    { "true", -1 },
    { "'2025-11-21T04:40:00Z'", 1763700000000 },
    { "'2025-11-21t04:40:00z'", 1763700000000 },
    { "'2025-11-21T06:40:00+02:00'", 1763700000000 },
    { "'2025-11-20T23:10:00-05:30'", 1763700000000 },
    { "'2025-11-21T04:40:00.1Z'", 1763700000100 },
    { "'2025-11-21T04:40:00.123456789Z'", 1763700000123 },
    { "'2025-11-21T04:39:60Z'", 1763700000000 },
    { "'2024-02-29T00:00:00Z'", 1709164800000 },
    { "'2000-02-29T00:00:00Z'", 951782400000 },
    { "'2025-02-29T00:00:00Z'", -1 },
    { "'2100-02-29T00:00:00Z'", -1 },
    { "'2025-11-31T00:00:00Z'", -1 },
    { "'2025-13-01T00:00:00Z'", -1 },
    { "'2025-00-01T00:00:00Z'", -1 },
    { "'2025-11-00T00:00:00Z'", -1 },
    { "'2025-11-21T24:00:00Z'", -1 },
    { "'2025-11-21T00:60:00Z'", -1 },
    { "'2025-11-21T00:00:61Z'", -1 },
    { "'2025-11-21T04:40:00'", -1 },
    { "'2025-11-21T04:40:00.Z'", -1 },
    { "'2025-11-21 04:40:00Z'", -1 },
    { "'2025-11-21T04:40Z'", -1 },
    { "'2025-11-21T04:40:00+0200'", -1 },
    { "'2025-11-21T04:40:00+24:00'", -1 },
    { "'2025-11-21T04:40:00+02:60'", -1 },
    { "'2025-11-21T04:40:00+02:00 '", -1 },
    { "'2025-11-21T04:40:00Zulu'", -1 },
    { "'2025-11-21'", -1 },
    { "'+025-11-21T04:40:00Z'", -1 },
    { "'1960-11-21T04:40:00Z'", -1 },
    { "'9999-12-31T23:59:59Z'", 253402300799000 },
    { "''", -1 }
};


static const char  whole[] =
    "{'v':1,'id':'job-81','account':'106540352242922','to':'+27820000001',"
    "'do':[{'reply':{'text':'Shipped'}}],'key':null,'reply_to':"
    "'meta:reply:shop','not_before':1763700000000,'expires':"
    "'2025-11-22T04:40:00Z','priority':'normal','idempotency_key':"
    "'order-9001-shipped'}";

static struct conf_token  tokens[] = {
    { .kind = TOKEN_WHATSAPP, .id = (char *) "106540352242922" },
    { .kind = TOKEN_PAGE, .id = (char *) "118" }
};
static const struct conf  conf = { .tokens = { tokens, 2 } };


static void test_refused(const struct refused *r)
{
    struct job    job;
    struct str    text = quoted(r->json);
    struct fault  f;

    ok(job_parse(text, "meta:reply:", &job, &f) == JOB_FAULTY, r->json);
    is_str(job.id.at, job.id.len, r->id, "id");
    is_str(job.reply_to.at, job.reply_to.len, r->reply_to, "reply_to");
    is_int(f.action, r->action, "action");
    is_str(f.parameter, strlen(f.parameter), r->parameter, "parameter");
    is_str(f.limit, strlen(f.limit), r->limit, "limit");
    is_str(f.value, strlen(f.value), r->value, "value");
    is_str(f.text, strlen(f.text), r->text, "text");
    job_free(&job);
    free((char *) text.at);
}


static void test_moment(const struct moment *m)
{
    struct str        text = quoted(m->json);
    long long         ms;
    struct json_doc  *doc = json_parse(text.at, text.len, JSON_TREE_MAX);

    if (ok((time_parse(json_root(doc), &ms) == 0) == (m->ms >= 0), m->json)
        && m->ms >= 0)
    {
        is_int(ms, m->ms, "ms");
    }

    json_free(doc);
    free((char *) text.at);
}


static void test_whole(void)
{
    struct job     job;
    struct str     text = quoted(whole), lines[JOB_LINES_MAX];
    struct fault   f;
    struct target  to;

    ok(job_parse(text, "meta:reply:", &job, &f) == JOB_OK, "a whole job");
    is_str(job.id.at, job.id.len, "job-81", "id");
    is_str(job.reply_to.at, job.reply_to.len, "meta:reply:shop", "reply_to");
    is_int(job.not_before, 1763700000000, "not_before");
    is_int(job.expires, 1763786400000, "expires");
    is_str(job.idempotency_key.at, job.idempotency_key.len,
           "order-9001-shipped", "idempotency_key");
    is_int(job.nactions, 1, "one action");
    is_str(job.actions[0].text, strlen(job.actions[0].text), "Shipped",
           "its text");

    is_int(job_lines(&job, lines), 2, "two lines");
    is_str(lines[0].at, lines[0].len, "106540352242922:+27820000001",
           "that of the person");
    is_str(lines[1].at, lines[1].len, "\2order-9001-shipped",
           "that of the idempotency key");

    ok(job_check(&job, &conf, &to, &f) == 0, "it may run");
    is_int(to.product, PRODUCT_WHATSAPP, "to WhatsApp");
    is_str(to.to.at, to.to.len, "27820000001", "to the number");
    job_free(&job);
    free((char *) text.at);
}


static void test_small(void)
{
    struct job   job;
    struct str   lines[JOB_LINES_MAX];
    struct fault f;
    struct str   text = quoted("{'v':1,'id':'a','key':'k'," DO "}");

    ok(job_parse(text, "meta:reply:", &job, &f) == JOB_OK,
       "a job of what is needed, and a key");
    is_int(job_lines(&job, lines), 1, "one line");
    is_str(lines[0].at, lines[0].len, "k", "the key");
    is_int(job.not_before + job.expires, 0, "no times");
    job_free(&job);
    free((char *) text.at);

    text = quoted("{'v':1,'id':'a'," DO "}");
    ok(job_parse(text, "meta:reply:", &job, &f) == JOB_OK, "without a key");
    is_int(job_lines(&job, lines), 0, "no line");
    job_free(&job);
    free((char *) text.at);

    text = quoted("{'v':2,'id':[]}");
    ok(job_parse(text, "meta:reply:", &job, &f) == JOB_NEWER,
       "a newer version is not judged");
    job_free(&job);
    free((char *) text.at);
}


static void test_check(const char *json, const char *parameter,
    const char *reason)
{
    struct job     job;
    struct str     text = quoted(json);
    struct fault   f = { .action = 0 };
    struct target  to;

    ok(job_parse(text, "meta:reply:", &job, &f) == JOB_OK, json);
    ok(job_check(&job, &conf, &to, &f) != 0, "may not run");
    is_str(f.parameter, strlen(f.parameter), parameter, "parameter");
    is_str(f.text, strlen(f.text), reason, "text");
    job_free(&job);
    free((char *) text.at);
}


int main(void)
{
    size_t  i;

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        test_refused(&refused[i]);
    }

    for (i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        test_moment(&moments[i]);
    }

    test_whole();
    test_small();

    test_check("{'v':1,'id':'a'," DO "}", "mark_read",
               "the job needs account and to");
    test_check("{'v':1,'id':'a','do':[{'reply':{'text':'a'}}]}", "reply",
               "the job needs account and to");
    test_check("{'v':1,'id':'a','account':'118','to':'+27820000001',"
               "'do':['stop']}", "to",
               "must be the user's id, 1 to 32 digits");
    test_check("{'v':1,'id':'a','do':[{'call':{'handler':'x'}}]}", "call",
               "a handler is called for an event, and a job is none");
    test_check("{'v':1,'id':'a','do':[{'graph':{'method':'GET','path':"
               "'me'}}]}", "graph.account",
               "is missing, and so is the job's account");
    test_check("{'v':1,'id':'a','do':[{'push':{'list':'x'}}]}", "push.list",
               "\"x\" does not stand in push_lists");

    return done();
}
