/*
 * Unit tests of lane.c: names that tell no person and no token, presets.
 */

#include "tap.h"

#include "consumer/lane.h"
#include "consumer/sip.h"


static unsigned char  key[16];
static struct rate    rates[LANE_KINDS];


static const char *
name(enum lane_kind kind, const char *id, const char *who)
{
    static struct lane  lanes[8];
    static size_t       n;
    struct lane        *lane = &lanes[n++ % 8];

    lane_set(lane, rates, key, kind, STR(id), who != NULL ? STR(who) : NONE);

    return lane->name;
}


static void
test_names(void)
{
    char           longest[400];
    int            i;
    const char    *a, *b;
    struct lane    sip;
    unsigned char  wide[SIP_LONG_LEN];

    a = name(LANE_PHONE, "106540352242922", NULL);
    is_str(a, strlen(a), "phone:106540352242922", "an account");

    a = name(LANE_TEMPLATE, "1", "order_update");
    is_str(a, strlen(a), "template:1:order_update", "a template");

    a = name(LANE_PAIR, "1", "27820000001");
    ok(strncmp(a, "pair:1:", 7) == 0 && strlen(a) == 23, "a pair");
    ok(strstr(a, "27820000001") == NULL, "a person is no part of a name");
    b = name(LANE_PAIR, "1", "27820000001");
    ok(strcmp(a, b) == 0, "the same person has the same name");
    b = name(LANE_PAIR, "1", "27820000002");
    ok(strcmp(a, b) != 0, "another has another");

    b = name(LANE_TOKEN, "EAAGsecret", NULL);
    ok(strstr(b, "EAAG") == NULL && strlen(b) == 22, "a token is hashed");

    for (i = 0; i < 16; i++) {
        key[i] = (unsigned char) i;
    }
    lane_set(&sip, rates, key, LANE_TOKEN, (struct str) { (char *) key, 15 },
             NONE);
    is_str(sip.name, strlen(sip.name), "token:a129ca6149be45e5",
           "SipHash-2-4's test vector");

    sip_long(wide, key, (struct str) { (char *) key, 15 });
    ok(memcmp(wide, "\x54\x93\xe9\x99\x33\xb0\xa8\x11\x7e\x08\xec\x0f"
              "\x97\xcf\xc3\xd9", sizeof(wide)) == 0, "and of 128 bits");

    lane_key_make(key, STR("secret"));
    b = name(LANE_PAIR, "1", "27820000001");
    ok(strcmp(a, b) != 0, "another key, another hash");

    b = name(LANE_PAGE, "1 2\n3:4", NULL);
    is_str(b, strlen(b), "page:1_2_3_4", "nothing odd gets in");

    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    a = name(LANE_TEMPLATE, longest, longest);
    ok(strlen(a) < LANE_NAME_MAX, "nothing long gets in");
    longest[300] = 'y';
    b = name(LANE_TEMPLATE, longest, longest);
    ok(strcmp(a, b) != 0, "and what is cut stays different");
}


static void
test_kinds(void)
{
    int          kind;
    struct lane  lanes[5];

    for (kind = 0; kind < LANE_KINDS; kind++) {
        rates[kind] = *lane_preset((enum lane_kind) kind);
        is_int(lane_kind_find(lane_kind_name((enum lane_kind) kind)), kind,
               lane_kind_name((enum lane_kind) kind));
    }

    is_int(lane_kind_find("nothing"), -1, "no kind");
    ok(rates[LANE_PHONE].per_s == 80, "a number: 80/s");
    ok(rates[LANE_PAIR].burst == 45 && rates[LANE_PAIR].window_s == 6,
       "a pair: 45 within 6 s");
    ok(rates[LANE_RECIPIENT].per_s == 0 && rates[LANE_USER].per_s == 0,
       "what no document says is off");
    ok(rates[LANE_PRIVATE].per_s * 3600 + rates[LANE_PRIVATE].burst <= 750,
       "private replies: never more than 750 in any hour");

    lane_set(&lanes[0], rates, key, LANE_APP, STR("1"), NONE);
    lane_set(&lanes[1], rates, key, LANE_TOKEN, STR("t"), NONE);
    lane_set(&lanes[2], rates, key, LANE_PAIR, STR("5"), STR("u"));
    lane_set(&lanes[3], rates, key, LANE_PHONE, STR("5"), NONE);
    lane_set(&lanes[4], rates, key, LANE_TEMPLATE, STR("5"), STR("t"));

    ok(lane_named(lanes, 5, "app") == &lanes[0], "the app's");
    ok(lane_named(lanes, 5, "token") == &lanes[1], "the token's");
    ok(lane_named(lanes, 5, "pair") == &lanes[2], "the pair's");
    ok(lane_named(lanes, 5, "account") == &lanes[3], "the account's");
    ok(lane_named(lanes, 5, "template") == &lanes[4], "the template's");
    ok(lane_named(lanes, 4, "template") == NULL, "none");
    ok(lane_named(lanes, 5, NULL) == NULL, "no word");
    ok(str_is(lane_account(&lanes[2]), "5"), "the account of a pair");
    ok(lane_account(&lanes[1]).len == 0, "a token has none");
}


int
main(void)
{
    test_names();
    test_kinds();

    return done();
}
