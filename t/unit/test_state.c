/*
 * meta_state and meta_link: what comes back from a dialog is ours, of this
 * browser, and unaltered; links are signed as docs say.  The vectors were made
 * by another program, from the formats alone.
 */

#include "tap.h"
#include "meta/meta_state.c"
#include "meta/meta_link.h"


#define STR(s)  ((meta_str_t) meta_string(s))

#define HEX_A                                                                 \
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEX_B                                                                 \
    "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

#define FLOW     "0123456789abcdef0123456789abcdef"
#define COOKIE   "AAAAAAAAAAAAAAAAAAAAAA"
#define ANOTHER  "BBBBBBBBBBBBBBBBBBBBBB"

#define STATE                                                                 \
    "MQoxNzkwMDAwNjAwCjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmCnNob3AKYWNt" \
    "ZS00Mg.Ihm9jmZR8iyp_yYqYXc3CXJfwEM3Ro_1D9O6mSo_wGU"

#define LINK_KEY  "a link key of the operator"
#define SIG                                                                   \
    "dd1b72f14da96f896b750b8d1bad1f50d5c765063927ae80b1086cd1560fc23f"


static meta_seal_key_t  keys[2];


static void
test_state(void)
{
    size_t         i, n;
    meta_str_t     text;
    meta_state_t   state = { .flow = STR(FLOW), .name = STR("shop"),
                             .ref = STR("acme-42"), .expires = 1790000600 };
    unsigned char  out[META_STATE_MAX], buf[META_STATE_MAX];

    n = meta_state_write(out, &keys[1], &state, STR(COOKIE));
    is_mem(out, n, STATE, sizeof(STATE) - 1, "the state is as written down");

    memset(&state, 0, sizeof(state));
    is_int(meta_state_read(&state, buf, keys, 2, STR(STATE), STR(COOKIE)),
           META_OK, "it is read by one of two keys");
    is_mem(state.flow.data, state.flow.len, FLOW, META_FLOW_LEN, "its flow");
    is_mem(state.name.data, state.name.len, "shop", 4, "its app");
    is_mem(state.ref.data, state.ref.len, "acme-42", 7, "its ref");
    is_int(state.expires, 1790000600, "when it ends");

    is_int(meta_state_read(&state, buf, keys, 2, STR(STATE), STR(ANOTHER)),
           META_DENIED, "not with another browser's cookie");
    is_int(meta_state_read(&state, buf, keys, 2, STR(STATE), STR("AAAA")),
           META_MALFORMED, "not with what is no cookie");
    is_int(meta_state_read(&state, buf, keys, 1, STR(STATE), STR(COOKIE)),
           META_DENIED, "not without its key");
    is_int(meta_state_read(&state, buf, keys, 0, STR(STATE), STR(COOKIE)),
           META_DENIED, "not without any");

    memcpy(out, STATE, sizeof(STATE) - 1);
    text.data = out;
    text.len = sizeof(STATE) - 1;

    for (i = 0; i < text.len; i++) {
        out[i] ^= 1;
        if (meta_state_read(&state, buf, keys, 2, text, STR(COOKIE))
            == META_OK)
        {
            break;
        }
        out[i] ^= 1;
    }
    is_int(i, text.len, "not with a character altered, wherever");

    for (text.len = 0; text.len < sizeof(STATE) - 1; text.len++) {
        if (meta_state_read(&state, buf, keys, 2, text, STR(COOKIE))
            == META_OK)
        {
            break;
        }
    }
    is_int(text.len, sizeof(STATE) - 1, "not cut off, wherever");
}


static void
test_bounds(void)
{
    size_t         n;
    meta_str_t     text, ref;
    meta_state_t   state, back;
    unsigned char  out[META_STATE_MAX], buf[META_STATE_MAX], long_ref[129];

    memset(long_ref, 'r', sizeof(long_ref));
    ref.data = long_ref;
    ref.len = META_REF_MAX;
    state = (meta_state_t) { .flow = STR(FLOW), .ref = ref,
        .name = STR("n123456789012345678901234567890X"),
        .expires = 999999999999999999 };

    n = meta_state_write(out, &keys[0], &state, STR(COOKIE));
    ok(n > 0 && n <= META_STATE_MAX, "the longest has room");
    text.data = out;
    text.len = n;
    is_int(meta_state_read(&back, buf, keys, 2, text, STR(COOKIE)), META_OK,
           "... and is read");
    is_int(back.ref.len, META_REF_MAX, "... with all of its ref");

    state.ref = (meta_str_t) { NULL, 0 };
    n = meta_state_write(out, &keys[0], &state, STR(COOKIE));
    text.len = n;
    is_int(meta_state_read(&back, buf, keys, 2, text, STR(COOKIE)), META_OK,
           "one without ref is read");
    is_int(back.ref.len, 0, "... with none");

    state.ref = ref;
    state.ref.len++;
    is_int(meta_state_write(out, &keys[0], &state, STR(COOKIE)), 0,
           "a longer ref is refused");
    state.ref = STR("a\nb");
    is_int(meta_state_write(out, &keys[0], &state, STR(COOKIE)), 0,
           "one with a line feed is");
    ok(meta_ref_good(STR("Z\xc3\xbcrich 42/7")), "any other text is good");
}


static void
test_link(void)
{
    meta_str_t     both[2] = { STR("another key of sixteen"), STR(LINK_KEY) };
    unsigned char  sig[META_LINK_SIG_LEN];

    ok(meta_link_sign(sig, STR(LINK_KEY), STR("acme-42"), STR("1790000000"))
       == META_OK, "a link is signed");
    is_mem(sig, sizeof(sig), SIG, sizeof(SIG) - 1, "... as written down");

    is_int(meta_link_check(both, 2, STR("acme-42"), STR("1790000000"),
                           STR(SIG)), META_OK, "it is good by the second key");
    is_int(meta_link_check(both, 1, STR("acme-42"), STR("1790000000"),
                           STR(SIG)), META_DENIED, "not by the first");
    is_int(meta_link_check(both, 2, STR("acme-43"), STR("1790000000"),
                           STR(SIG)), META_DENIED, "not for another ref");
    is_int(meta_link_check(both, 2, STR("acme-42"), STR("1790000001"),
                           STR(SIG)), META_DENIED, "not for another time");
    is_int(meta_link_check(both, 2, STR("acme-4"), STR("21790000000"),
                           STR(SIG)), META_DENIED, "not cut elsewhere");
    is_int(meta_link_check(both, 2, STR("acme-42"), STR("1790000000"),
                           STR("dd1b")), META_MALFORMED, "not half signed");
    is_int(meta_link_check(both, 2, STR("acme-42"), STR("-1"), STR(SIG)),
           META_MALFORMED, "not for a time that is none");
    is_int(meta_link_sign(sig, STR(LINK_KEY), STR("a\nb"), STR("1")),
           META_MALFORMED, "a ref with a line feed is not signed");
    is_int(meta_link_sign(sig, STR(""), STR("a"), STR("1")), META_ERROR,
           "nor is anything without a key");
}


int
main(void)
{
    meta_seal_key_parse(&keys[0], STR(HEX_A));
    meta_seal_key_parse(&keys[1], STR(HEX_B));

    test_state();
    test_bounds();
    test_link();

    return done();
}
