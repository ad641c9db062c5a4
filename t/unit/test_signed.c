/*
 * meta_signed: the vectors of meta-graph-oauth-ads-capi.md 4, what is forged,
 * cut, padded or of another algorithm, and the codes that confirm a deletion.
 */

#include "tap.h"
#include "meta/meta_signed.c"


#define KEY  "s3cr3t-demo-key"

#define SIG1  "YtV4HrRfD4sft2AA_YDm6bGW0ec2IhyOCiiOsLgMqs0"
#define PAY1                                                                  \
    "eyJ1c2VyX2lkIjoiNzAwMDAwMDAwMDAwMDAxIiwiYWxnb3JpdGhtIjoiSE1BQy1TSEEyNTYi" \
    "LCJpc3N1ZWRfYXQiOjE3OTAwMDAwMDB9"

#define SIG2  "94tiuPcCni7Lj4P6834XMz9gjIBYsVN-R-lFWKsd4GE"
#define PAY2                                                                  \
    "eyJhbGdvcml0aG0iOiJITUFDLVNIQTI1NiIsImV4cGlyZXMiOjE3OTAwMDM2MDAsImlzc3Vl" \
    "ZF9hdCI6MTc5MDAwMDAwMCwidXNlcl9pZCI6IjcwMDAwMDAwMDAwMDAwMSJ9"

#define SIG3  "Mf_s6nTb38UYqioBmPqu0Ewm9souPZB9I2fIGwV729U"
#define PAY3                                                                  \
    "eyJ1c2VyX2lkIjoiMCIsImFsZ29yaXRobSI6IkhNQUMtU0hBMjU2IiwiaXNzdWVkX2F0Ijox" \
    "NjI0MjQ0MTU2fQ"


/* as they come; what the three questions answer */

static const struct {
    const char  *name;
    const char  *text;
    const char  *key;
    meta_rc_t    parse;
    meta_rc_t    check;
    meta_rc_t    read;
    const char  *user;
    int64_t      issued_at;
} wire[] = {
    { "vector 1", SIG1 "." PAY1, KEY, META_OK, META_OK, META_OK,
      "700000000000001", 1790000000 },
    { "vector 2: sorted, with expires", SIG2 "." PAY2, KEY, META_OK, META_OK,
      META_OK, "700000000000001", 1790000000 },
    { "the third party's: a test", SIG3 "." PAY3, "key", META_OK, META_OK,
      META_OK, "0", 1624244156 },

    { "padded signature", SIG1 "=." PAY1, KEY, META_OK, META_OK, META_OK,
      "700000000000001", 1790000000 },
    { "payload padded after it was signed", SIG3 "." PAY3 "==", "key",
      META_OK, META_DENIED, META_OK, "0", 1624244156 },
    { "padded twice", SIG1 "==." PAY1, KEY, META_MALFORMED, 0, 0, "", 0 },

    { "the secret of another app", SIG1 "." PAY1, "key", META_OK,
      META_DENIED, META_OK, "700000000000001", 1790000000 },
    { "the payload of another", SIG1 "." PAY2, KEY, META_OK, META_DENIED,
      META_OK, "700000000000001", 1790000000 },
    { "the signature of another", SIG2 "." PAY1, KEY, META_OK, META_DENIED,
      META_OK, "700000000000001", 1790000000 },
    { "a letter of the signature",
      "ZtV4HrRfD4sft2AA_YDm6bGW0ec2IhyOCiiOsLgMqs0." PAY1, KEY, META_OK,
      META_DENIED, META_OK, "700000000000001", 1790000000 },
    { "the other way round", PAY1 "." SIG1, KEY, META_MALFORMED, 0, 0, "", 0 },

    { "empty", "", KEY, META_MALFORMED, 0, 0, "", 0 },
    { "a dot", ".", KEY, META_MALFORMED, 0, 0, "", 0 },
    { "no dot", SIG1 PAY1, KEY, META_MALFORMED, 0, 0, "", 0 },
    { "a dot too many", SIG1 "." PAY1 ".", KEY, META_MALFORMED, 0, 0, "", 0 },
    { "a dot in the payload", SIG1 ".eyJ1c2.VyX2lkIjoiNz", KEY,
      META_MALFORMED, 0, 0, "", 0 },
    { "no signature", "." PAY1, KEY, META_MALFORMED, 0, 0, "", 0 },
    { "no payload", SIG1 ".", KEY, META_MALFORMED, 0, 0, "", 0 },
    { "signature cut", "YtV4HrRfD4sft2AA_YDm6bGW0ec2IhyOCiiOsLgMqs." PAY1,
      KEY, META_MALFORMED, 0, 0, "", 0 },
    { "signature one longer", SIG1 "A." PAY1, KEY, META_MALFORMED, 0, 0, "",
      0 },
    { "digits of plain base64",
      "94tiuPcCni7Lj4P6834XMz9gjIBYsVN+R+lFWKsd4GE." PAY2, KEY,
      META_MALFORMED, 0, 0, "", 0 },
    { "a space", " " SIG1 "." PAY1, KEY, META_MALFORMED, 0, 0, "", 0 },
    { "bits that belong to no byte",
      "YtV4HrRfD4sft2AA_YDm6bGW0ec2IhyOCiiOsLgMqs1." PAY1, KEY,
      META_MALFORMED, 0, 0, "", 0 }
};


/* what is signed rightly, and says this */

static const struct {
    const char  *json;
    meta_rc_t    rc;
    const char  *user;
    int          test;
} said[] = {
    { "{\"user_id\":\"1\",\"algorithm\":\"HMAC-SHA256\",\"issued_at\":2}",
      META_OK, "1", 0 },
    { "{\"user_id\":42,\"algorithm\":\"hmac-sha256\",\"issued_at\":2}",
      META_OK, "42", 0 },
    { "{\"user_id\":0,\"algorithm\":\"Hmac-Sha256\",\"issued_at\":\"2\"}",
      META_OK, "0", 1 },
    { "{\"user_id\":\"0\",\"algorithm\":\"HMAC-SHA256\",\"issued_at\":2}",
      META_OK, "0", 1 },
    { " {\"code\":\"x\",\"user_id\":\"00\",\"algorithm\":\"HMAC-SHA256\","
      "\"issued_at\":2, \"user\":{\"country\":\"de\",\"user_id\":\"7\"}} ",
      META_OK, "00", 0 },
    { "{\"user_id\":\"a\\\"b\",\"algorithm\":\"HMAC-SHA256\",\"issued_at\":2}",
      META_OK, "a\\\"b", 0 },
    { "{\"user_id\":\"1\",\"algorithm\":\"HMAC-SHA256\",\"issued_at\":2,"
      "\"algorithm\":\"none\"}", META_MALFORMED, "", 0 },

    { "{\"user_id\":\"1\",\"algorithm\":\"none\",\"issued_at\":2}",
      META_MALFORMED, "", 0 },
    { "{\"user_id\":\"1\",\"algorithm\":\"HMAC-SHA1\",\"issued_at\":2}",
      META_MALFORMED, "", 0 },
    { "{\"user_id\":\"1\",\"algorithm\":\"HMAC-SHA2566\",\"issued_at\":2}",
      META_MALFORMED, "", 0 },
    { "{\"user_id\":\"1\",\"algorithm\":\"\",\"issued_at\":2}",
      META_MALFORMED, "", 0 },
    { "{\"user_id\":\"1\",\"algorithm\":null,\"issued_at\":2}",
      META_MALFORMED, "", 0 },
    { "{\"user_id\":\"1\",\"issued_at\":2}", META_MALFORMED, "", 0 },
    { "{\"user_id\":\"1\",\"algorithm\":\"HMAC-SHA256\"}", META_MALFORMED, "",
      0 },
    { "{\"user_id\":\"1\",\"algorithm\":\"HMAC-SHA256\",\"issued_at\":-2}",
      META_MALFORMED, "", 0 },
    { "{\"user_id\":\"1\",\"algorithm\":\"HMAC-SHA256\",\"issued_at\":2.5}",
      META_MALFORMED, "", 0 },
    { "{\"user_id\":\"1\",\"algorithm\":\"HMAC-SHA256\","
      "\"issued_at\":1790000000000}", META_MALFORMED, "", 0 },
    { "{\"algorithm\":\"HMAC-SHA256\",\"issued_at\":2}", META_MALFORMED, "",
      0 },
    { "{\"user_id\":\"\",\"algorithm\":\"HMAC-SHA256\",\"issued_at\":2}",
      META_MALFORMED, "", 0 },
    { "{\"user_id\":{\"id\":1},\"algorithm\":\"HMAC-SHA256\",\"issued_at\":2}",
      META_MALFORMED, "", 0 },
    { "{\"user_id\":\"1234567890123456789012345678901234567890123456789012345"
      "6789012345\",\"algorithm\":\"HMAC-SHA256\",\"issued_at\":2}",
      META_MALFORMED, "", 0 },
    { "{\"user_id\":\"1\",\"algorithm\":\"HMAC-SHA256\",\"issued_at\":2",
      META_MALFORMED, "", 0 },
    { "{\"user_id\":\"1\",\"algorithm\":\"HMAC-SHA256\",\"issued_at\":2}x",
      META_MALFORMED, "", 0 },
    { "[\"user_id\"]", META_MALFORMED, "", 0 },
    { "\"user_id\"", META_MALFORMED, "", 0 },
    { "", META_MALFORMED, "", 0 }
};


static const struct {
    int64_t  now;
    int      fresh;
    char    *name;
} ages[] = {
    { 1790000000, 1, "of now" },
    { 1790000000 + 48 * 3600, 1, "two days old" },
    { 1790000000 + 48 * 3600 + 1, 0, "a second older" },
    { 1790000000 - 600, 1, "ten minutes ahead" },
    { 1790000000 - 601, 0, "a second more" },
    { 0, 0, "of a far future" }
};


static meta_str_t
str(const char *s)
{
    meta_str_t  t = { (const unsigned char *) s, strlen(s) };

    return t;
}


static void
test_wire(void)
{
    size_t         i;
    meta_hmac_t    h;
    meta_claims_t  claims;
    meta_signed_t  s;
    unsigned char  buf[512];

    for (i = 0; i < sizeof(wire) / sizeof(wire[0]); i++) {
        is_int(meta_signed_parse(&s, str(wire[i].text)), wire[i].parse,
               wire[i].name);

        if (wire[i].parse != META_OK) {
            continue;
        }

        (void) meta_hmac_init(&h, str(wire[i].key));
        is_int(meta_signed_check(&s, &h), wire[i].check, "its signature");
        is_int(meta_signed_check(&s, &h), wire[i].check, "once more");
        meta_hmac_free(&h);

        is_int(meta_signed_read(&claims, buf, &s), wire[i].read, "its JSON");
        is_str(claims.user.data, claims.user.len, wire[i].user, "its user");
        is_int(claims.issued_at, wire[i].issued_at, "its time");
    }
}


static void
test_said(void)
{
    size_t         i;
    meta_claims_t  claims;
    meta_signed_t  s;
    unsigned char  text[512], buf[512];

    for (i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        s.payload.data = text;
        s.payload.len = meta_base64_write(text, str(said[i].json));

        is_int(meta_signed_read(&claims, buf, &s), said[i].rc, said[i].json);

        if (said[i].rc == META_OK) {
            is_str(claims.user.data, claims.user.len, said[i].user, "user");
            is_int(claims.test, said[i].test, "whether it is a test");
        }
    }

    s.payload = str("{\"user_id\":\"1\"}");
    is_int(meta_signed_read(&claims, buf, &s), META_MALFORMED,
           "JSON that is not encoded");

    claims.issued_at = 1790000000;

    for (i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
        is_int(meta_signed_fresh(&claims, ages[i].now), ages[i].fresh,
               ages[i].name);
    }
}


static void
test_confirm(void)
{
    size_t         i;
    meta_str_t     text = { NULL, META_CONFIRM_LEN };
    meta_hmac_t    h, other;
    meta_claims_t  claims;
    meta_signed_t  s;
    unsigned char  buf[512], code[META_CONFIRM_LEN], again[META_CONFIRM_LEN];

    text.data = code;

    (void) meta_hmac_init(&h, str(KEY));
    (void) meta_hmac_init(&other, str("key"));
    (void) meta_signed_parse(&s, str(SIG1 "." PAY1));
    (void) meta_signed_read(&claims, buf, &s);

    is_int(meta_confirm_make(code, &h, &s, &claims), META_OK, "a code");
    is_int(meta_confirm_check(text, &h), META_OK, "we know it");
    is_int(meta_confirm_is_test(text), 0, "it is no test");
    is_int(meta_confirm_check(text, &other), META_DENIED, "another secret");

    (void) meta_confirm_make(again, &h, &s, &claims);
    is_mem(again, sizeof(again), code, sizeof(code), "a repetition's is it");

    (void) meta_signed_parse(&s, str(SIG2 "." PAY2));
    (void) meta_confirm_make(again, &h, &s, &claims);
    ok(memcmp(again, code, META_CONFIRM_LEN) != 0, "another request's not");

    for (i = 0; i < META_CONFIRM_LEN; i++) {
        code[i] ^= 1;
        ok(meta_confirm_check(text, &h) != META_OK, "a digit changed");
        code[i] ^= 1;
    }

    is_int(meta_confirm_check(text, &h), META_OK, "changed back");

    text.len--;
    is_int(meta_confirm_check(text, &h), META_MALFORMED, "cut");
    is_int(meta_confirm_check(str(""), &h), META_MALFORMED, "empty");
    is_int(meta_confirm_check(str("0123456789ABCDEF01234567"), &h),
           META_MALFORMED, "capitals");

    text.len++;
    claims.test = 1;
    (void) meta_confirm_make(code, &h, &s, &claims);
    is_int(meta_confirm_is_test(text), 1, "a test's code says so");
    is_int(meta_confirm_check(text, &h), META_OK, "and is ours");
    is_int(meta_confirm_is_test(str("000")), 0, "what is cut does not");

    meta_hmac_free(&h);
    meta_hmac_free(&other);
}


int
main(void)
{
    test_wire();
    test_said();
    test_confirm();

    return done();
}
