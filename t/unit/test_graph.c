/*
 * Graph requests and answers: paths, URLs and proofs; what an answer means
 * (meta-graph-oauth-ads-capi.md 1.4, 1.6, 1.7).
 */

#include "consumer/graph_judge.h"
#include "consumer/graph_request.h"
#include "tap.h"

#include <stdlib.h>


#define TOKEN  "EAADEMO0001TOKEN"
#define PLAIN  "81e7d83c5e21ccfc5cea7426c5aca926" \
               "65c8f42e409ef9a1ab75a76eb8e46739"
#define TIMED  "a0e6c8e0b7fdfb73ac1df8c094ca7fa0" \
               "d151318fcbb4669bd502815c11be0af5"
#define LONG   "EAAGm0PX4ZCpsBAKZCc1ZBZAxxxxxxxxxxxxxxxx"


static struct conf_token  token = { .secret = TOKEN };
static struct conf_app    app = { .id = "1", .secret = "s3cr3t-demo-key" };


static struct conf a_conf(void)
{
    return (struct conf) {
        .version = "v24.0",
        .hosts = { "https://graph.facebook.com", "https://graph.instagram.com",
                   "https://api.instagram.com",
                   "https://rupload.facebook.com" }
    };
}


static void url_is(const struct conf *conf, const struct graph_call *call,
    const char *want, const char *name)
{
    struct buf   b;
    const char  *why;

    buf_init(&b, 100000);
    why = graph_url(&b, conf, call, 1790000000);
    is_str(why != NULL ? why : b.at, strlen(why != NULL ? why : b.at), want,
           name);
    buf_free(&b);
}


static void paths(void)
{
    size_t  i;
    char    name[80], text[1026];
    static const char *const  good[] = {
        "", "/", "me", "/me", "me/", "106540352242922/messages",
        "act_9/insights", "118_229", "search", "m_AbC-_=+$:x", "a.b/..c/c..",
        "1/...", "v", "v1", "v1.", "version", "me/v24.0", "@a;b", "t_1!'()*,",
        "a%20b", "%25", "m_%C3%A9/x", "1%3F2"
    };
    static const char *const  bad[] = {
        "//evil.example/x", "me//x", "//", "/me//", "..", ".", "../x",
        "me/../x", "me/..", "me/.", "./me", "%2e%2e/x", "me%2fx", "me%00",
        "me%", "me%2", "me%2g", "me%1f", "me%7F", "%5c", "%2E.",
        "me?x=1", "me#x", "me\\x", "me x", "me\tx", "me\nHost: x",
        "me\r\n", "\x01", "m\xc3\xa9", "\x7f", "v24.0/me", "/v1.0",
        "v24.0", "https:/\\x", "a\"b", "<a>", "a|b", "a^b", "`", "{a}", "[1]"
    };

    for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
        snprintf(name, sizeof(name), "path \"%s\"", good[i]);
        ok(graph_path_wrong(STR(good[i])) == NULL, name);
    }

    for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        snprintf(name, sizeof(name), "no path, number %zu", i);
        ok(graph_path_wrong(STR(bad[i])) != NULL, name);
    }

    ok(graph_path_wrong((struct str) { "me\0x", 4 }) != NULL, "a zero");
    memset(text, 'a', sizeof(text));
    ok(graph_path_wrong((struct str) { text, 1024 }) == NULL, "1024 bytes");
    ok(graph_path_wrong((struct str) { text, 1025 }) != NULL, "1025 bytes");

    ok(graph_query_wrong(STR("fields=id,name&after=a%3D%3d&x=/?")) == NULL,
       "a query");
    ok(graph_query_wrong(STR("a=b#c")) != NULL, "no fragment");
    ok(graph_query_wrong(STR("a=b c")) != NULL, "no blank");
    ok(graph_query_wrong(STR("a=%")) != NULL, "a percent sign alone");
    ok(graph_query_wrong(STR("a=%4")) != NULL, "half an escape");
    ok(graph_query_wrong(STR("a=%4g")) != NULL, "no escape");
    ok(graph_query_wrong((struct str) { "a=%4", 3 }) != NULL, "cut");
    ok(graph_query_wrong(STR("a=\r\nX: y")) != NULL, "no line break");
    ok(graph_query_wrong((struct str) { "a\0b", 3 }) != NULL, "no zero");
}


static void urls(void)
{
    struct conf        conf = a_conf();
    struct graph_call  call = { .path = STR("106/messages"), .query = NONE,
                                .token = &token, .app = &app };

    url_is(&conf, &call, "https://graph.facebook.com/v24.0/106/messages",
           "version and path");
    call.path = STR("/me");
    call.query = STR("fields=id");
    url_is(&conf, &call, "https://graph.facebook.com/v24.0/me?fields=id",
           "one slash in front is none more");
    call.ads = true;
    url_is(&conf, &call, "https://graph.facebook.com/v24.0/me?fields=id",
           "ads without a version of their own");
    conf.ads_version = "v25.0";
    url_is(&conf, &call, "https://graph.facebook.com/v25.0/me?fields=id",
           "ads_version");
    call.ads = false;
    call.query = NONE;
    call.path = NONE;
    url_is(&conf, &call, "https://graph.facebook.com/v24.0/", "a batch");

    call.host = GRAPH_INSTAGRAM;
    call.path = STR("17841/messages");
    url_is(&conf, &call, "https://graph.instagram.com/v24.0/17841/messages",
           "Instagram's host");
    call.path = STR("refresh_access_token");
    call.query = STR("grant_type=ig_refresh_token");
    url_is(&conf, &call, "https://graph.instagram.com/refresh_access_token"
           "?grant_type=ig_refresh_token", "its tokens have no version");
    call.query = NONE;
    call.host = GRAPH_INSTAGRAM_OAUTH;
    call.path = STR("oauth/access_token");
    url_is(&conf, &call, "https://api.instagram.com/oauth/access_token",
           "nor has its login");
    call.host = GRAPH_RUPLOAD;
    call.path = STR("/ig-api-upload/178");
    url_is(&conf, &call, "https://rupload.facebook.com/ig-api-upload/v24.0/178",
           "uploads have it in the middle");

    call.host = GRAPH_FACEBOOK;
    call.path = STR("me");
    conf.base_url = "http://127.0.0.1:8080/graph";
    url_is(&conf, &call, "http://127.0.0.1:8080/graph/v24.0/me", "base_url");
    call.path = STR("../../me");
    url_is(&conf, &call, "the path holds \".\" or \"..\" as a segment",
           "a path that leaves");
}


static void proofs(void)
{
    char               out[GRAPH_PROOF_MAX];
    struct conf        conf = a_conf();
    struct graph_call  call = { .path = STR("me"), .query = NONE,
                                .token = &token, .app = &app };

    graph_proof(out, app.secret, TOKEN, 0);
    is_str(out, strlen(out), PLAIN, "plain, the vector");
    graph_proof(out, app.secret, TOKEN, 1790000000);
    is_str(out, strlen(out), TIMED, "timed, the vector");

    conf.proof = PROOF_PLAIN;
    url_is(&conf, &call, "https://graph.facebook.com/v24.0/me"
           "?appsecret_proof=" PLAIN, "in the query");
    call.query = STR("a=b");
    url_is(&conf, &call, "https://graph.facebook.com/v24.0/me?a=b"
           "&appsecret_proof=" PLAIN, "behind what is there");
    conf.proof = PROOF_TIMED;
    url_is(&conf, &call, "https://graph.facebook.com/v24.0/me?a=b"
           "&appsecret_proof=" TIMED "&appsecret_time=1790000000", "timed");
    call.host = GRAPH_INSTAGRAM;
    url_is(&conf, &call, "https://graph.instagram.com/v24.0/me?a=b",
           "none at Instagram's host: that is another app's secret");
    call.host = GRAPH_FACEBOOK;
    call.app = NULL;
    url_is(&conf, &call, "https://graph.facebook.com/v24.0/me?a=b",
           "none without an app");
    call.app = &app;
    call.token = NULL;
    url_is(&conf, &call, "https://graph.facebook.com/v24.0/me?a=b",
           "nor without a token");
}


struct row {
    const char     *name;
    long            status;
    const char     *body;
    enum graph_rc   rc;
    long long       code;
    long long       subcode;
    bool            transient;
    const char     *message;
    const char     *details;
};

static const struct row  rows[] = {
    { "a success", 200, "{\"messages\":[{\"id\":\"wamid.1\"}]}", GRAPH_OK,
      0, 0, false, "", "" },
    { "success", 200, "{\"success\":true}", GRAPH_OK, 0, 0, false, "", "" },
    { "success as a text", 200, "{\"success\":\"true\"}", GRAPH_OK, 0, 0,
      false, "", "" },
    { "nothing", 200, "", GRAPH_OK, 0, 0, false, "", "" },
    { "nothing, 204", 204, "", GRAPH_OK, 0, 0, false, "", "" },
    { "true", 200, "true", GRAPH_OK, 0, 0, false, "", "" },
    { "a list", 200, "[1,2]", GRAPH_OK, 0, 0, false, "", "" },
    { "error is null", 200, "{\"error\":null,\"id\":\"1\"}", GRAPH_OK, 0, 0,
      false, "", "" },
    { "not successful", 200, "{\"success\":false}", GRAPH_ANSWER, 0, 0,
      false, "success is false", "" },
    { "not successful, as a text", 200, "{\"success\":\"false\"}",
      GRAPH_ANSWER, 0, 0, false, "success is false", "" },
    { "not successful, 0", 200, "{\"success\":0}", GRAPH_ANSWER, 0, 0, false,
      "success is false", "" },
    { "a text", 200, "Service Unavailable", GRAPH_ANSWER, 0, 0, true,
      "Service Unavailable", "" },
    { "a page", 502, "<html>", GRAPH_ANSWER, 0, 0, true, "<html>", "" },
    { "another text", 200, "no", GRAPH_ANSWER, 0, 0, false, "no", "" },
    { "false", 200, "false", GRAPH_ANSWER, 0, 0, false, "false", "" },
    { "nothing, 400", 400, "", GRAPH_ANSWER, 0, 0, false, "", "" },
    { "nothing, 500", 500, "", GRAPH_ANSWER, 0, 0, true, "", "" },
    { "nothing, 429", 429, "", GRAPH_ANSWER, 0, 0, true, "", "" },
    { "nothing, 304", 304, "", GRAPH_ANSWER, 0, 0, false, "", "" },
    { "half", 200, "{\"id\":", GRAPH_ANSWER, 0, 0, false, "{\"id\":", "" },
    { "an error", 400, "{\"error\":{\"message\":\"m\",\"code\":80001,"
      "\"error_subcode\":2446079,\"is_transient\":false}}", GRAPH_ERROR,
      80001, 2446079, false, "m", "" },
    { "an error with 200", 200, "{\"error\":{\"code\":190}}", GRAPH_ERROR,
      190, 0, false, "", "" },
    { "a transient one", 400, "{\"error\":{\"code\":1,\"is_transient\":true}}",
      GRAPH_ERROR, 1, 0, true, "", "" },
    { "codes as texts", 400, "{\"error\":{\"code\":\"-2\",\"error_subcode\":"
      "\"2490547\",\"is_transient\":\"true\"}}", GRAPH_ERROR, -2, 2490547,
      true, "", "" },
    { "codes that are none", 400, "{\"error\":{\"code\":1.5,\"error_subcode\":"
      "99999999999999999999}}", GRAPH_ERROR, 0, 0, false, "", "" },
    { "an error that is a text", 400, "{\"error\":\"invalid_client\"}",
      GRAPH_ERROR, 0, 0, false, "invalid_client", "" },
    { "an error that is a list", 400, "{\"error\":[1]}", GRAPH_ERROR, 0, 0,
      false, "", "" },
    { "details", 400, "{\"error\":{\"code\":131009,\"error_data\":"
      "{\"messaging_product\":\"whatsapp\",\"details\":\"the d\"}}}",
      GRAPH_ERROR, 131009, 0, false, "", "the d" },
    { "details in a text", 400, "{\"error\":{\"code\":100,\"error_data\":"
      "\"{\\\"details\\\":\\\"inside\\\"}\"}}", GRAPH_ERROR, 100, 0, false,
      "", "inside" },
    { "a text for details", 400, "{\"error\":{\"code\":100,\"error_data\":"
      "\"plain\"}}", GRAPH_ERROR, 100, 0, false, "", "plain" },
    { "what a user would see", 400, "{\"error\":{\"code\":100,"
      "\"error_user_msg\":\"too big\",\"error_data\":{\"a\":1}}}",
      GRAPH_ERROR, 100, 0, false, "", "too big" },
    { "Instagram's envelope", 400, "{\"error_type\":\"OAuthException\","
      "\"code\":400,\"error_message\":\"Matching code was not found\"}",
      GRAPH_ERROR, 400, 0, false, "Matching code was not found", "" },
    { "a token in the message", 400, "{\"error\":{\"code\":190,\"message\":"
      "\"bad " TOKEN " and " LONG "\"}}", GRAPH_ERROR, 190, 0, false,
      "bad **************** and ****************************************",
      "" },
    { "a token in the details", 400, "{\"error\":{\"code\":190,\"error_data\":"
      "\"x" TOKEN "\"}}", GRAPH_ERROR, 190, 0, false, "",
      "x****************" },
    { "a token in a text", 500, "oops " TOKEN, GRAPH_ANSWER, 0, 0, true,
      "oops ****************", "" },
    { "a batch", 200, "[{\"code\":200,\"body\":\"{\\\"id\\\":1}\"},"
      "{\"code\":200,\"body\":\"\"}]", GRAPH_OK, 0, 0, false, "", "" },
    { "an empty batch", 200, "[]", GRAPH_OK, 0, 0, false, "", "" },
    { "a batch with an error", 200, "[{\"code\":200,\"body\":\"{}\"},"
      "{\"code\":403,\"body\":\"{\\\"error\\\":{\\\"code\\\":200,"
      "\\\"message\\\":\\\"no\\\",\\\"is_transient\\\":true}}\"}]",
      GRAPH_ERROR, 200, 0, false, "no", "" },
    { "a batch with a gap", 200, "[{\"code\":200,\"body\":\"{}\"},null]",
      GRAPH_ANSWER, 0, 0, false, "Meta did not come to this part of the batch",
      "" },
    { "a batch with an odd item", 200, "[{\"code\":500,\"body\":\"x\"}]",
      GRAPH_ANSWER, 0, 0, false, "x", "" },
};


static void answers(void)
{
    size_t              i;
    char                name[120];
    struct verdict      v;
    struct json_doc    *doc;
    struct http_answer  a = { .outcome = HTTP_ANSWERED, .why = "" };

    for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        a.status = rows[i].status;
        a.body = STR(rows[i].body);
        doc = graph_judge(&a, PRODUCT_NONE, TOKEN, &v);

        snprintf(name, sizeof(name), "%s: rc", rows[i].name);
        is_int(v.rc, rows[i].rc, name);
        snprintf(name, sizeof(name), "%s: code", rows[i].name);
        is_int(v.code, rows[i].code, name);
        snprintf(name, sizeof(name), "%s: subcode", rows[i].name);
        is_int(v.subcode, rows[i].subcode, name);
        snprintf(name, sizeof(name), "%s: transient", rows[i].name);
        is_int(v.transient, rows[i].transient, name);
        snprintf(name, sizeof(name), "%s: message", rows[i].name);
        is_str(v.message, strlen(v.message), rows[i].message, name);
        snprintf(name, sizeof(name), "%s: details", rows[i].name);
        is_str(v.details, strlen(v.details), rows[i].details, name);
        snprintf(name, sizeof(name), "%s: an error has a row", rows[i].name);
        is_int(v.row != NULL, v.rc == GRAPH_ERROR, name);
        json_free(doc);
    }
}


static void outcomes(void)
{
    struct verdict      v;
    struct json_doc    *doc;
    struct http_answer  a = { .outcome = HTTP_UNSENT, .why = "no way" };

    ok(graph_judge(&a, PRODUCT_NONE, "", &v) == NULL, "no answer, no tree");
    is_int(v.rc, GRAPH_UNREACHABLE, "it was not sent");
    is_str(v.message, strlen(v.message), "no way", "and why");
    a.outcome = HTTP_AMBIGUOUS;
    graph_judge(&a, PRODUCT_NONE, "", &v);
    is_int(v.rc, GRAPH_AMBIGUOUS, "it may have been done");

    a = (struct http_answer) { .outcome = HTTP_ANSWERED, .status = 200 };
    a.body = STR("[{\"code\":200,\"body\":\"{}\"},null]");
    doc = graph_judge(&a, PRODUCT_NONE, "", &v);
    is_int(v.item, 2, "which item of a batch failed");
    is_int(v.status, 200, "the status is the whole answer's");
    ok(json_root(doc) == v.root && v.body.len == a.body.len,
       "tree and body, too");
    json_free(doc);

    a.body = STR("[null]");
    doc = json_parse("null", 4, 1 << 20);
    ok(graph_judge_item(json_root(doc), PRODUCT_NONE, "", &v) == NULL
       && v.rc == GRAPH_ANSWER && v.transient, "such an item goes again");
    json_free(doc);
}


static void waits(void)
{
    long long  now = 1790000000;    /* Mon, 21 Sep 2026 14:13:20 GMT */

    is_int(http_retry_after(STR("120"), now), 120000, "seconds");
    is_int(http_retry_after(STR("Mon, 21 Sep 2026 14:14:20 GMT"), now), 60000,
           "a date");
    is_int(http_retry_after(STR("Mon, 21 Sep 2026 14:12:20 GMT"), now), 0,
           "one that has been");
    is_int(http_retry_after(STR("99999999999999999999999"), now),
           7ll * 24 * 3600 * 1000, "a week at most");
    is_int(http_retry_after(STR(" 2Sep910110979"), now),
           7ll * 24 * 3600 * 1000, "a date far away, too");
    is_int(http_retry_after(STR("soon"), now), 0, "a word");
    is_int(http_retry_after(STR("-5"), now), 0, "less than nothing");
    is_int(http_retry_after(NONE, now), 0, "nothing");
}


int main(void)
{
    paths();
    urls();
    proofs();
    answers();
    outcomes();
    waits();

    return done();
}
