/*
 * meta_challenge: the handshake (contract 3), and the mask of query strings
 * that a log would show.
 */

#include "tap.h"
#include "meta/meta_challenge.c"


#define Q    "hub.mode=subscribe&hub.challenge=1482095537&hub.verify_token="
#define TOK  "&hub.verify_token=secret"


static const struct {
    const char  *name;
    const char  *args;
    meta_rc_t    rc;
    const char  *out;
    size_t       len;
} cases[] = {

    { "a token", Q "secret", META_OK, "1482095537", 10 },
    { "the other token", Q "two+words%21", META_OK, "1482095537", 10 },
    { "a space as a plus", Q "a+space", META_OK, "1482095537", 10 },
    { "a space as %20", Q "a%20space", META_OK, "1482095537", 10 },
    { "a plus as %2B", Q "two%2Bwords!", META_OK, "1482095537", 10 },
    { "a plus as %2b", Q "two%2bwords!", META_OK, "1482095537", 10 },
    { "an escaped plus is no space", Q "a%2Bspace", META_DENIED, "", 0 },
    { "every letter escaped", Q "%73%65%63%72%65%74", META_OK,
      "1482095537", 10 },
    { "another order",
      "hub.verify_token=secret&hub.challenge=x&hub.mode=subscribe",
      META_OK, "x", 1 },
    { "escaped names",
      "%68ub.mode=subscribe&hub%2Echallenge=x&hub%2everify_token=secret",
      META_OK, "x", 1 },
    { "an escaped mode", "hub.mode=%73ubscribe&hub.challenge=x" TOK,
      META_OK, "x", 1 },
    { "other parameters", "a=%zz&b&=&&hub.challenge=x&hub.mode=subscribe" TOK,
      META_OK, "x", 1 },
    { "a challenge with an equals sign",
      "hub.mode=subscribe&hub.challenge=a=b=" TOK, META_OK, "a=b=", 4 },
    { "a challenge's plus stays",
      "hub.mode=subscribe&hub.challenge=a+b" TOK, META_OK, "a+b", 3 },
    { "a challenge with control characters",
      "hub.mode=subscribe&hub.challenge=%00%0d%0A%ff" TOK,
      META_OK, "\0\r\n\xff", 4 },
    { "a challenge with markup",
      "hub.mode=subscribe&hub.challenge=%3Cscript%3E" TOK,
      META_OK, "<script>", 8 },

    { "another token", Q "Secret", META_DENIED, "", 0 },
    { "a token and more", Q "secret2", META_DENIED, "", 0 },
    { "a part of a token", Q "secre", META_DENIED, "", 0 },

    { "nothing", "", META_MALFORMED, "", 0 },
    { "no mode", "hub.challenge=x" TOK, META_MALFORMED, "", 0 },
    { "another mode", "hub.mode=unsubscribe&hub.challenge=x" TOK,
      META_MALFORMED, "", 0 },
    { "mode in capitals", "hub.mode=SUBSCRIBE&hub.challenge=x" TOK,
      META_MALFORMED, "", 0 },
    { "no token", "hub.mode=subscribe&hub.challenge=x", META_MALFORMED,
      "", 0 },
    { "an empty token", Q, META_MALFORMED, "", 0 },
    { "a token without a value",
      "hub.mode=subscribe&hub.challenge=x&hub.verify_token",
      META_MALFORMED, "", 0 },
    { "no challenge", "hub.mode=subscribe" TOK, META_MALFORMED, "", 0 },
    { "an empty challenge", "hub.mode=subscribe&hub.challenge=" TOK,
      META_MALFORMED, "", 0 },
    { "mode twice",
      "hub.mode=subscribe&hub.mode=subscribe&hub.challenge=x" TOK,
      META_MALFORMED, "", 0 },
    { "challenge twice, once escaped",
      "hub.mode=subscribe&hub.challenge=x&hub%2echallenge=x" TOK,
      META_MALFORMED, "", 0 },
    { "token twice", Q "secret" TOK, META_MALFORMED, "", 0 },
    { "a bad escape in the challenge",
      "hub.mode=subscribe&hub.challenge=%4" TOK, META_MALFORMED, "", 0 },
    { "a bad escape in the token", Q "secret%4g", META_MALFORMED, "", 0 },
    { "PHP's names",
      "hub_mode=subscribe&hub_challenge=x&hub_verify_token=secret",
      META_MALFORMED, "", 0 },
    { "names in capitals",
      "HUB.MODE=subscribe&HUB.CHALLENGE=x&HUB.VERIFY_TOKEN=secret",
      META_MALFORMED, "", 0 }
};


static const struct {
    const char  *name;
    int          is_query;
    const char  *data;
    const char  *masked;
} masks[] = {

    { "request line", 0,
      "GET /hook?hub.mode=subscribe&hub.verify_token=abc&hub.challenge=1 "
      "HTTP/1.1",
      "GET /hook?hub.mode=subscribe&hub.verify_token=***&hub.challenge=1 "
      "HTTP/1.1" },
    { "at the end of a request line", 0,
      "GET /hook?code=abc HTTP/1.1", "GET /hook?code=*** HTTP/1.1" },
    { "a request line without a version", 0,
      "GET /hook?code=abc", "GET /hook?code=***" },
    { "a space inside a value", 0,
      "GET /hook?code=a bc HTTP/1.1", "GET /hook?code=**** HTTP/1.1" },
    { "a version inside a value", 0,
      "GET /?code=a HTTP/1.1&state=b HTTP/1.1",
      "GET /?code=**********&state=* HTTP/1.1" },
    { "a target", 0, "/cb?a=1&state=xyz", "/cb?a=1&state=***" },
    { "a target without a query", 0, "/code=abc", "/code=abc" },
    { "nothing behind the question mark", 0, "/cb?", "/cb?" },
    { "empty", 0, "", "" },

    { "a query", 1, "code=abc&x=y", "code=***&x=y" },
    { "every secret", 1,
      "hub.verify_token=a&code=bb&state=ccc&signed_request=d.e&sig=ff",
      "hub.verify_token=*&code=**&state=***&signed_request=***&sig=**" },
    { "an escaped name", 1, "c%6fde=abc", "c%6fde=***" },
    { "an escaped value", 1, "code=%41%42&x", "code=******&x" },
    { "twice", 1, "code=a&code=b", "code=*&code=*" },
    { "an equals sign in a value", 1, "code=a=b", "code=***" },
    { "a question mark in a value", 1, "code=a?state=b", "code=*********" },
    { "without a value", 1, "code&state=", "code&state=" },
    { "names that only begin alike", 1, "codes=a&xcode=b&a.state=c",
      "codes=a&xcode=b&a.state=c" },
    { "of another case", 1, "Hub.Verify_Token=a&CODE=b",
      "Hub.Verify_Token=*&CODE=*" },
    { "as PHP names it", 1, "hub_verify_token=a", "hub_verify_token=*" },
    { "behind a second question mark", 0, "/cb?a=b?hub.verify_token=abc&c=d",
      "/cb?a=b?hub.verify_token=***&c=d" },
    { "behind two question marks", 0, "/cb??code=abc", "/cb??code=***" },
    { "behind a semicolon", 1, "a=b;code=abc;x=y", "a=b;code=*******" },
    { "behind an entity", 1, "a=b&amp;state=abc", "a=b&amp;state=***" },
    { "behind blanks", 1, "+code=a&%20state=b&x", "+code=*&%20state=*&x" },
    { "behind a name without a value", 1, "a&code=b", "a&code=*" },
    { "behind a fragment", 0, "/cb?#&code=abc", "/cb?#&code=***" },
    { "in a fragment", 0, "/cb?a=b#code=abc", "/cb?a=b#code=***" },
    { "a bad escape in a name", 1, "code%=a&code=b", "code%=a&code=*" },
    { "a query is no request line", 1, "code=a HTTP/1.1",
      "code=**********" }
};


int
main(void)
{
    size_t         i, len;
    meta_rc_t      rc;
    meta_str_t     args;
    unsigned char  buf[256];

    static const meta_str_t  tokens[] = {
        meta_string("secret"), meta_string("two+words!"),
        meta_string("a space")
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        args.data = (const unsigned char *) cases[i].args;
        args.len = strlen(cases[i].args);

        len = 99;
        rc = meta_challenge(args, tokens, 3, buf, &len);

        is_int(rc, cases[i].rc, cases[i].name);
        is_mem(buf, len, cases[i].out, cases[i].len, "its answer");
    }

    args.data = (const unsigned char *) Q "secret";
    args.len = strlen(Q "secret");

    is_int(meta_challenge(args, NULL, 0, buf, &len), META_DENIED,
           "no tokens at all");

    for (i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
        len = strlen(masks[i].data);
        memcpy(buf, masks[i].data, len);

        meta_query_mask(buf, len, masks[i].is_query);
        is_str(buf, len, masks[i].masked, masks[i].name);
    }

    return done();
}
