/*
 * Unit tests of what is pure in the life of tokens: answers that are read.
 */

#include "tap.h"

#include "consumer/token_answer.h"


static struct json_doc  *doc;


static const struct json *
parse(const char *text)
{
    json_free(doc);
    doc = json_parse(text, strlen(text), JSON_TREE_MAX);

    return json_root(doc);
}


static int
is_slice(struct str got, const char *want, const char *name)
{
    return is_str(got.at, got.len, want, name);
}


static int
is_buf(const struct buf *got, const char *want, const char *name)
{
    return is_str(got->len ? got->at : "", got->len, want, name);
}


static void
test_answer(void)
{
    struct token_answer  a;

    ok(token_answer_read(parse("{\"access_token\":\"EAADEMO0002\","
       "\"token_type\":\"bearer\",\"expires_in\":5183000}"), &a),
       "answer: of section 2.3");
    is_slice(a.token, "EAADEMO0002", "answer: its token");
    is_slice(a.type, "bearer", "answer: its type");
    is_int(a.expires_in, 5183000, "answer: its time");
    is_slice(a.user, "", "answer: nobody's name");
    token_answer_free(&a);

    ok(token_answer_read(parse("{\"access_token\":\"EAADEMO0002\"}"), &a),
       "answer: of a token that never expires");
    is_int(a.expires_in, ANSWER_UNKNOWN, "answer: no time is told");
    token_answer_free(&a);

    ok(token_answer_read(parse("{\"data\":[{\"access_token\":\"IGDEMO\","
       "\"user_id\":\"1020304050\",\"permissions\":"
       "\"instagram_business_basic,instagram_business_manage_messages\"}]}"),
       &a), "answer: Instagram's, in a list");
    is_slice(a.token, "IGDEMO", "answer: its token in a list");
    is_slice(a.user, "1020304050", "answer: its user in a list");
    is_buf(&a.scopes, "instagram_business_basic,"
           "instagram_business_manage_messages", "answer: its permissions");
    token_answer_free(&a);

    ok(token_answer_read(parse("{\"access_token\":\"IGDEMO\","
       "\"user_id\":17841460233915708,\"permissions\":"
       "[\"instagram_business_basic\",\"x y\",7,null]}"), &a),
       "answer: Instagram's, flat");
    is_slice(a.user, "17841460233915708", "answer: an id above 2^53");
    is_buf(&a.scopes, "instagram_business_basic,7",
           "answer: what is no name is none");
    token_answer_free(&a);

    ok(token_answer_read(parse("{\"access_token\":\"T\",\"expires_in\":\"60\","
       "\"permissions\":\"a b, c,\"}"), &a), "answer: a time as text");
    is_int(a.expires_in, 60, "answer: it is read");
    is_buf(&a.scopes, "a,b,c", "answer: spaces and commas");
    token_answer_free(&a);

    ok(!token_answer_read(parse("{\"access_token\":\"\"}"), &a),
       "answer: an empty token is none");
    token_answer_free(&a);
    ok(!token_answer_read(parse("{\"data\":[]}"), &a),
       "answer: an empty list is none");
    token_answer_free(&a);
    ok(!token_answer_read(NULL, &a), "answer: no JSON is none");
    token_answer_free(&a);

    token_answer_read(parse("{\"access_token\":\"T\","
        "\"expires_in\":99999999999999999999}"), &a);
    is_int(a.expires_in, ANSWER_UNKNOWN, "answer: no time so far away");
    token_answer_free(&a);
    token_answer_read(parse("{\"access_token\":\"T\",\"expires_in\":-5}"), &a);
    is_int(a.expires_in, ANSWER_UNKNOWN, "answer: no time before now");
    token_answer_free(&a);
}


static void
test_debug(void)
{
    struct token_debug  d;

    ok(token_debug_read(parse("{\"data\":{\"app_id\":\"1122334455\","
       "\"type\":\"USER\",\"application\":\"Demo App\","
       "\"data_access_expires_at\":1797700000,\"expires_at\":1795100000,"
       "\"is_valid\":true,\"issued_at\":1789900000,"
       "\"metadata\":{\"auth_type\":\"rerequest\"},"
       "\"scopes\":[\"ads_read\",\"public_profile\"],"
       "\"granular_scopes\":[{\"scope\":\"ads_read\","
       "\"target_ids\":[\"201201201\"]},{\"scope\":\"public_profile\"}],"
       "\"user_id\":\"700000000000001\"}}"), &d), "debug: of section 2.6");
    ok(d.valid && !d.has_error, "debug: it is valid");
    is_slice(d.app, "1122334455", "debug: its app");
    is_slice(d.type, "USER", "debug: its type");
    is_slice(d.user, "700000000000001", "debug: its user");
    is_int(d.issued, 1789900000000, "debug: issued");
    is_int(d.expires, 1795100000000, "debug: expires");
    is_int(d.data_expires, 1797700000000, "debug: data access ends");
    is_buf(&d.scopes, "ads_read,public_profile", "debug: its scopes");
    is_buf(&d.targets, "[{\"scope\":\"ads_read\",\"target_ids\":"
           "[\"201201201\"]},{\"scope\":\"public_profile\"}]",
           "debug: its granular scopes");
    token_debug_free(&d);

    ok(token_debug_read(parse("{\"data\":{\"app_id\":1122334455,"
       "\"is_valid\":false,\"expires_at\":0,\"profile_id\":9,"
       "\"error\":{\"code\":190,\"subcode\":463,\"message\":\"m\"},"
       "\"scopes\":[]}}"), &d), "debug: a token that is not valid");
    ok(!d.valid && d.has_error, "debug: it says why");
    is_int(d.code, 190, "debug: the code");
    is_int(d.subcode, 463, "debug: the subcode");
    is_slice(d.app, "1122334455", "debug: an app as a number");
    is_slice(d.profile, "9", "debug: whose Page");
    is_int(d.expires, 0, "debug: 0 is never");
    is_int(d.data_expires, ANSWER_UNKNOWN, "debug: nothing is not never");
    is_buf(&d.targets, "", "debug: no granular scopes");
    token_debug_free(&d);

    ok(!token_debug_read(parse("{\"data\":{}}"), &d),
       "debug: an empty answer is none");
    token_debug_free(&d);
    ok(!token_debug_read(parse("{\"data\":{\"is_valid\":\"true\"}}"), &d),
       "debug: a text is no truth");
    token_debug_free(&d);
    ok(!token_debug_read(NULL, &d), "debug: no JSON is none");
    token_debug_free(&d);
}


static void
test_me(void)
{
    struct token_me  me;

    ok(token_me_read(parse("{\"id\":\"77\",\"user_id\":\"17841460233915708\","
       "\"username\":\"shop\"}"), &me), "me: flat");
    is_slice(me.account, "17841460233915708", "me: its account");
    is_slice(me.id, "77", "me: its app-scoped id");
    is_slice(me.username, "shop", "me: its name");
    ok(token_me_read(parse("{\"data\":[{\"user_id\":17841460233915708}]}"),
                     &me), "me: in a list");
    is_slice(me.account, "17841460233915708", "me: a number");
    ok(!token_me_read(parse("{\"id\":\"77\"}"), &me), "me: nobody");
}


static void
test_scope(void)
{
    const struct json  *targets;

    ok(scope_has(STR("a,bc,d"), "bc"), "scope: in the middle");
    ok(scope_has(STR("a,bc,d"), "d"), "scope: at the end");
    ok(!scope_has(STR("a,bc,d"), "b"), "scope: no part of one");
    ok(!scope_has(NONE, "b"), "scope: of nothing");

    targets = parse("[{\"scope\":\"a\",\"target_ids\":[\"1\",2]},"
                    "{\"scope\":\"b\"},{\"scope\":\"c\",\"target_ids\":[]}]");
    ok(scope_for(targets, "a", STR("1")), "targets: one that is there");
    ok(scope_for(targets, "a", STR("2")), "targets: a number");
    ok(!scope_for(targets, "a", STR("3")), "targets: one that is not");
    ok(scope_for(targets, "b", STR("3")), "targets: no ids are all");
    ok(scope_for(targets, "c", STR("3")), "targets: an empty list is all");
    ok(scope_for(targets, "d", STR("3")), "targets: nothing said of it");
    ok(scope_for(NULL, "a", STR("3")), "targets: nothing said at all");
}


int
main(void)
{
    test_answer();
    test_debug();
    test_me();
    test_scope();
    json_free(doc);

    return done();
}
