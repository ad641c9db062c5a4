/*
 * Unit tests of what is pure in the life of tokens: answers that are read,
 * calls that are written, when something is due, and permissions.
 */

#include "tap.h"

#include "consumer/action.h"
#include "consumer/token_answer.h"
#include "consumer/token_ask.h"
#include "consumer/token_life.h"
#include "consumer/token_scopes.h"

#include <stdlib.h>


#define HOUR  LIFE_HOUR_MS
#define DAY   LIFE_DAY_MS
#define NOW   (1790000000000ll)


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
    ok(!scope_has(STR(",,a,"), ""), "scope: what is empty is none");
    ok(scope_has(STR(",,a,"), "a"), "scope: and passed over");

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


static void
is_call(const struct graph_call *call, struct buf *query, const char *path,
    const char *want, const char *name)
{
    ok(str_is(call->path, path) && call->method == HTTP_GET, name);
    is_slice(call->query, want, name);
    token_ask_wipe(query);
}


static void
test_ask(void)
{
    struct buf             q;
    struct graph_call      call;
    const struct conf_app  app = { .id = "11", .secret = "s&t" };

    token_ask_debug(&call, &q, STR("EA|x/+"));
    is_int(call.host, GRAPH_FACEBOOK, "ask: debug goes to Facebook");
    is_call(&call, &q, "debug_token", "input_token=EA%7Cx%2F%2B",
            "ask: debug_token");

    token_ask_exchange(&call, &q, &app, STR("T"), false);
    ok(!call.idempotent, "ask: an exchange is not repeated by itself");
    is_call(&call, &q, "oauth/access_token", "grant_type=fb_exchange_token"
            "&client_id=11&client_secret=s%26t&fb_exchange_token=T",
            "ask: exchange");

    token_ask_exchange(&call, &q, &app, STR("T"), true);
    is_call(&call, &q, "oauth/access_token", "grant_type=fb_exchange_token"
            "&client_id=11&client_secret=s%26t"
            "&set_token_expires_in_60_days=true&fb_exchange_token=T",
            "ask: exchange of a system user's");

    token_ask_instagram_long(&call, &q, STR("is"), STR("T"));
    is_int(call.host, GRAPH_INSTAGRAM, "ask: Instagram's goes there");
    is_call(&call, &q, "access_token", "grant_type=ig_exchange_token"
            "&client_secret=is&access_token=T", "ask: Instagram's exchange");

    token_ask_instagram_refresh(&call, &q, STR("T"));
    is_call(&call, &q, "refresh_access_token",
            "grant_type=ig_refresh_token&access_token=T",
            "ask: Instagram's refresh");

    token_ask_pages(&call, &q, STR("QV=="));
    is_call(&call, &q, "me/accounts", "fields=id%2Cname%2Caccess_token%2C"
            "instagram_business_account%7Bid%2Cusername%7D&limit=100"
            "&after=QV%3D%3D", "ask: Pages");

    token_ask_me(&call, &q);
    is_call(&call, &q, "me", "fields=user_id%2Cusername", "ask: me");
}


static const struct life_rule  rule = { 7 * DAY, DAY, DAY };


static struct token
life(enum token_kind kind, int64_t issued, int64_t expires)
{
    return (struct token) {
        .as = { .kind = kind }, .name = "user:7", .issued = issued,
        .expires = expires, .data_expires = TOKEN_UNKNOWN
    };
}


static void
test_way(void)
{
    struct token            t;
    struct token            *file = &t;
    const struct conf_token  of = { .kind = TOKEN_PAGE };

    t = life(TOKEN_USER, NOW, NOW + DAY);
    is_int(life_way(&t, NOW), LIFE_USER, "way: a user's");
    is_int(life_way(&t, NOW + DAY), LIFE_NEVER, "way: what has ended");
    t.lost = true;
    is_int(life_way(&t, NOW), LIFE_NEVER, "way: what is lost");
    t = life(TOKEN_USER, NOW, TOKEN_NEVER);
    is_int(life_way(&t, NOW), LIFE_NEVER, "way: what never ends");
    t = life(TOKEN_USER, NOW, TOKEN_UNKNOWN);
    is_int(life_way(&t, NOW), LIFE_NEVER, "way: nobody knows");
    t = life(TOKEN_SYSTEM_USER, NOW, NOW + 9 * DAY);
    is_int(life_way(&t, NOW), LIFE_SYSTEM_USER, "way: a system user's");
    t = life(TOKEN_BUSINESS, NOW, NOW + 9 * DAY);
    is_int(life_way(&t, NOW), LIFE_SYSTEM_USER, "way: a business's");
    file->of = &of;
    is_int(life_way(&t, NOW), LIFE_NEVER, "way: a file's is its owner's");

    t = life(TOKEN_PAGE, NOW, NOW + DAY);
    is_int(life_way(&t, NOW), LIFE_NEVER, "way: a Page's alone");
    t.parent = "user:7";
    is_int(life_way(&t, NOW), LIFE_PARENT, "way: a Page's with its user's");

    t = life(TOKEN_INSTAGRAM, NOW, NOW + HOUR);
    is_int(life_way(&t, NOW), LIFE_INSTAGRAM_SHORT, "way: Instagram's hour");
    t = life(TOKEN_INSTAGRAM, NOW, NOW + 60 * DAY);
    is_int(life_way(&t, NOW + DAY - 1), LIFE_NEVER,
           "way: Instagram's is too young");
    is_int(life_way(&t, NOW + DAY), LIFE_INSTAGRAM,
           "way: Instagram's is old enough");
    t.refreshed = NOW + DAY;
    is_int(life_way(&t, NOW + 2 * DAY - 1), LIFE_NEVER,
           "way: and young again once it is new");
}


static void
test_refresh(void)
{
    int64_t       at, other;
    struct token  t = life(TOKEN_USER, NOW, NOW + 60 * DAY);

    at = life_refresh_at(&t, &rule, NOW);
    ok(at >= NOW + 53 * DAY && at < NOW + 53 * DAY + 7 * DAY / 10,
       "refresh: seven days before, and a little later");
    is_int(life_refresh_at(&t, &rule, NOW + DAY), at,
           "refresh: the same moment whenever it is asked");
    ok(!life_refresh_due(&t, &rule, at - 1), "refresh: not before");
    ok(life_refresh_due(&t, &rule, at), "refresh: then");

    t.name = "user:8";
    other = life_refresh_at(&t, &rule, NOW);
    ok(other != at, "refresh: each name has its own moment");

    t = life(TOKEN_USER, NOW, NOW + HOUR);
    ok(life_refresh_due(&t, &rule, NOW), "refresh: a short one at once");
    t = life(TOKEN_INSTAGRAM, NOW, NOW + 5 * DAY);
    is_int(life_refresh_at(&t, &rule, NOW), NOW + DAY,
           "refresh: Instagram's when it is a day old");
    t = life(TOKEN_PAGE, NOW, NOW + HOUR);
    is_int(life_refresh_at(&t, &rule, NOW), TOKEN_UNKNOWN,
           "refresh: never, of a Page's alone");
}


static void
test_check(void)
{
    int64_t       at;
    struct token  t = life(TOKEN_SYSTEM_USER, NOW, TOKEN_NEVER);

    is_int(life_check_at(&t, &rule, NOW), NOW, "check: at once, the first");
    t.checked = NOW;
    at = life_check_at(&t, &rule, NOW);
    ok(at > NOW + DAY - DAY / 10 && at <= NOW + DAY, "check: once a day");

    t = life(TOKEN_PAGE, NOW, NOW + 2 * HOUR);
    t.checked = NOW;
    is_int(life_check_at(&t, &rule, NOW), NOW + 2 * HOUR,
           "check: when it has ended");
    t = life(TOKEN_PAGE, NOW, NOW + DAY + HOUR);
    t.checked = NOW;
    is_int(life_check_at(&t, &rule, NOW), NOW + HOUR,
           "check: when somebody must be alarmed");

    t = life(TOKEN_USER, NOW, NOW + 30 * DAY);
    at = life_refresh_at(&t, &rule, NOW);
    t.checked = at - HOUR;
    is_int(life_check_at(&t, &rule, at - HOUR), at,
           "check: when it is to be renewed");
    t.checked = at;
    ok(life_check_at(&t, &rule, at) > at + 20 * HOUR,
       "check: a day later where that failed");
}


static void
test_alarm(void)
{
    char          out[LIFE_SPAN_MAX];
    struct token  t = life(TOKEN_USER, NOW, NOW + 2 * DAY);

    ok(!life_alarm(&t, &rule, NOW), "alarm: two days before, no");
    ok(life_alarm(&t, &rule, NOW + DAY), "alarm: a day before");
    ok(!life_alarm(&t, &rule, NOW + 2 * DAY), "alarm: it has ended");

    t.data_expires = NOW + 15 * DAY;
    ok(!life_data_warn(&t, NOW), "data: fifteen days before, no");
    ok(life_data_warn(&t, NOW + DAY), "data: fourteen days before");
    ok(life_data_warn(&t, NOW + 20 * DAY), "data: it has ended");
    t.data_expires = TOKEN_NEVER;
    ok(!life_data_warn(&t, NOW), "data: never");

    is_slice(STR(life_span(out, 59 * DAY + HOUR)), "59 days", "span: days");
    is_slice(STR(life_span(out, 30 * HOUR)), "30 hours", "span: hours");
    is_slice(STR(life_span(out, 60000)), "1 minute", "span: a minute");
    is_slice(STR(life_span(out, -5)), "0 minutes", "span: over");
}


static struct conf_list
one_rule(struct rule *r, struct action *a, unsigned products,
    enum action_kind kind)
{
    memset(r, 0, sizeof(*r));
    memset(a, 0, sizeof(*a));
    a->kind = kind;
    r->when.products = products;
    r->actions = (struct conf_list) { a, 1 };

    return (struct conf_list) { r, 1 };
}


static void
test_uses(void)
{
    struct conf              conf = { .refs = 1 };
    struct rule              r;
    struct action            a;
    const struct conf_token  page = { .kind = TOKEN_PAGE };
    const struct conf_token  both = { .kind = TOKEN_PAGE, .instagram = "9" };
    const struct conf_token  system = { .kind = TOKEN_SYSTEM_USER };
    const struct conf_token  waba = { .kind = TOKEN_BUSINESS, .waba = "5" };
    const struct conf_token  login = { .kind = TOKEN_INSTAGRAM };
    const struct conf_token  pin = { .kind = TOKEN_PIN };
    char                     pages[] = "public_profile,pages_show_list";
    struct token             stored = { .as.kind = TOKEN_BUSINESS };

    is_int(scopes_uses(&conf, &page), SCOPE_MESSENGER, "uses: a Page's");
    is_int(scopes_uses(&conf, &both), SCOPE_MESSENGER | SCOPE_INSTAGRAM,
           "uses: a Page's with an account");
    is_int(scopes_uses(&conf, &system), 0,
           "uses: a system user's, that no rule says anything of");
    is_int(scopes_uses(&conf, &waba), SCOPE_WHATSAPP, "uses: a business's");
    is_int(scopes_uses(&conf, &login), SCOPE_LOGIN, "uses: Instagram's");
    is_int(scopes_uses(&conf, &pin), 0, "uses: no token");

    conf.rules = one_rule(&r, &a, 1u << PRODUCT_MESSENGER, ACTION_HIDE);
    is_int(scopes_uses(&conf, &page), SCOPE_MESSENGER | SCOPE_COMMENTS,
           "uses: a rule hides comments");
    is_int(scopes_uses(&conf, &login), SCOPE_LOGIN,
           "uses: but not Instagram's");
    is_int(scopes_uses(&conf, &system), SCOPE_MESSENGER | SCOPE_COMMENTS,
           "uses: a system user's, by the rules");

    conf.rules = one_rule(&r, &a, 0, ACTION_COMMENT_REPLY);
    is_int(scopes_uses(&conf, &both), SCOPE_MESSENGER | SCOPE_COMMENTS
           | SCOPE_INSTAGRAM | SCOPE_INSTAGRAM_COMMENTS,
           "uses: a rule for every product");
    is_int(scopes_uses(&conf, &login), SCOPE_LOGIN | SCOPE_LOGIN_COMMENTS,
           "uses: Instagram's as well");

    conf.rules = one_rule(&r, &a, 1u << PRODUCT_MESSENGER
                          | 1u << PRODUCT_WHATSAPP, ACTION_REPLY);
    stored.as.stored = &stored;
    is_int(scopes_uses(&conf, &stored.as), SCOPE_MESSENGER | SCOPE_WHATSAPP,
           "uses: a business's, of which nothing is known");
    stored.scopes = pages;
    is_int(scopes_uses(&conf, &stored.as), SCOPE_MESSENGER,
           "uses: a business's that was granted for Pages");

    r.when.kinds = 1ull << KIND_LEAD;
    ok(scopes_uses(&conf, &page) & SCOPE_LEADS, "uses: a rule for leads");
}


static void
is_missing(unsigned uses, bool required, const struct conf_token *token,
    const char *scopes, const char *targets, const char *want,
    const char *name)
{
    size_t      i, n, want_n = *want != '\0';
    struct buf  out;

    for (i = 0; want[i] != '\0'; i++) {
        want_n += want[i] == ',';
    }

    buf_init(&out, 1024);
    n = scopes_missing(&out, uses, required, NULL, token, STR(scopes),
                       parse(targets));
    is_buf(&out, want, name);
    is_int(n, want_n, name);
    buf_free(&out);
}


static void
test_missing(void)
{
    char                     *extra[] = { "ads_read", "pages_messaging" };
    struct buf                out;
    const struct conf_list    more = { extra, 2 };
    const struct conf_token   page = { .kind = TOKEN_PAGE, .id = "118",
                                       .instagram = "178" };
    const struct conf_token   waba = { .kind = TOKEN_BUSINESS, .waba = "5" };

    is_missing(SCOPE_WHATSAPP, true, &waba, "whatsapp_business_messaging",
               "null", "whatsapp_business_management", "missing: required");
    is_missing(SCOPE_WHATSAPP, false, &waba, "", "null",
               "business_management", "missing: optional, apart");
    is_missing(SCOPE_WHATSAPP, true, &waba, "whatsapp_business_messaging,"
               "whatsapp_business_management",
               "[{\"scope\":\"whatsapp_business_management\","
               "\"target_ids\":[\"6\"]}]",
               "whatsapp_business_management/5",
               "missing: given, but not for this one");
    is_missing(SCOPE_WHATSAPP, true, &waba, "whatsapp_business_messaging,"
               "whatsapp_business_management",
               "[{\"scope\":\"whatsapp_business_management\"}]", "",
               "missing: given for all");
    is_missing(SCOPE_INSTAGRAM | SCOPE_LEADS, true, &page,
               "leads_retrieval,pages_read_engagement,instagram_basic,"
               "instagram_manage_messages",
               "[{\"scope\":\"instagram_basic\","
               "\"target_ids\":[\"179\"]}]",
               "pages_show_list,pages_manage_metadata,instagram_basic/178",
               "missing: each once, by whose it is");
    is_missing(SCOPE_INSTAGRAM | SCOPE_INSTAGRAM_COMMENTS, false, &page, "",
               "null", "instagram_content_publish",
               "missing: what is required is not optional");

    buf_init(&out, 1024);
    is_int(scopes_missing(&out, SCOPE_MESSENGER, true, &more, &page,
                          STR("pages_manage_metadata"), NULL), 2,
           "missing: of the configuration");
    is_buf(&out, "pages_messaging,ads_read",
           "missing: of the configuration, each once");
    buf_free(&out);

    ok(scopes_exempt(STR("pages_messaging,public_profile,ads_read")),
       "exempt: nothing that loses data");
    ok(!scopes_exempt(STR("pages_messaging,instagram_basic")),
       "exempt: not Instagram's");
}


int
main(void)
{
    test_answer();
    test_debug();
    test_me();
    test_scope();
    test_ask();
    test_way();
    test_refresh();
    test_check();
    test_alarm();
    test_uses();
    test_missing();
    json_free(doc);

    return done();
}
