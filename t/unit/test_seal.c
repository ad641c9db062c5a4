/*
 * meta_seal and meta_base64: what is sealed opens by its name, purpose and key
 * alone; RFC 4648's vectors without padding.
 */

#include "tap.h"
#include "meta/meta_seal.c"


#define STR(s)  ((meta_str_t) meta_string(s))

#define HEX_A                                                                 \
    "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define B64_A  "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8="
#define URL_A  "ABEiM0RVZneImaq7zN3u_wARIjNEVWZ3iJmqu8zd7v8"
#define HEX_B                                                                 \
    "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

#define VECTOR                                                                \
    "1.5b9336a3.dHdlbHZlIGJ5dGVzGZaE78dVas1Gp1o2DiffQnJUNxoyY6a0OK_sZnEyyZmk"

static const unsigned char  nonce[META_NONCE_LEN] = "twelve bytes";


static const struct {
    const char  *plain;
    const char  *text;
} vectors[] = {
    { "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" },
    { "foob", "Zm9vYg" }, { "fooba", "Zm9vYmE" }, { "foobar", "Zm9vYmFy" },
    { "\xfb\xff\xfe", "-__-" }
};


static const struct {
    const char  *name;
    const char  *text;
    int          good;
} readings[] = {
    { "one = where it belongs", "Zm8=", 1 },
    { "two = where they belong", "Zg==", 1 },
    { "a = too few", "Zg=", 0 },
    { "a = too many", "Zm9v=", 0 },
    { "three =", "Z===", 0 },
    { "only =", "====", 0 },
    { "= in the middle", "Zg==Zg==", 0 },
    { "a length that cannot be", "Zm9vY", 0 },
    { "bits that belong to no byte", "Zh", 0 },
    { "base64's own +", "-_+_", 0 },
    { "a space", "Zm 8", 0 }
};


static meta_str_t
text_of(const char *s)
{
    meta_str_t  text = { (const unsigned char *) s, strlen(s) };

    return text;
}


static void
test_base64(void)
{
    size_t         i, len;
    unsigned char  out[64];

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        len = meta_base64_write(out, text_of(vectors[i].plain));
        is_mem(out, len, vectors[i].text, strlen(vectors[i].text),
               "base64url is written");
        is_int(len, META_BASE64_LEN(strlen(vectors[i].plain)),
               "... with the length that was said");
        ok(meta_base64_read(out, &len, text_of(vectors[i].text)) == META_OK,
           "... and read");
        is_mem(out, len, vectors[i].plain, strlen(vectors[i].plain),
               "... as it was");
    }

    for (i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
        is_int(meta_base64_read(out, &len, text_of(readings[i].text)),
               readings[i].good ? META_OK : META_MALFORMED,
               readings[i].name);
    }
}


static void
test_keys(void)
{
    meta_seal_key_t  a, b;

    ok(meta_seal_key_parse(&a, STR(HEX_A)) == META_OK, "a key in hex");
    ok(meta_seal_key_parse(&b, STR(B64_A)) == META_OK, "in base64");
    is_mem(&b, META_KEY_LEN, &a, META_KEY_LEN, "... is the same");
    ok(meta_seal_key_parse(&b, STR(URL_A)) == META_OK, "in base64url");
    is_mem(&b, META_KEY_LEN, &a, META_KEY_LEN, "... too");
    ok(meta_seal_key_parse(&b, STR("secret")) == META_MALFORMED, "a word");
    ok(meta_seal_key_parse(&b, STR("x" HEX_A)) == META_MALFORMED,
       "65 characters");
    ok(meta_seal_key_parse(&b, STR("g0112233445566778899aabbccddeeff"
       "00112233445566778899aabbccddeeff")) == META_MALFORMED,
       "what is no hex digit");
}


static void
test_seal(void)
{
    size_t           i, len, which;
    meta_str_t       sealed, plain = STR("EAADEMO0002|token");
    unsigned char    out[256], text[256], big[4096];
    meta_seal_key_t  keys[2];

    meta_seal_key_parse(&keys[0], STR(HEX_A));
    meta_seal_key_parse(&keys[1], STR(HEX_B));

    ok(meta_seal(text, &keys[1], "token", STR("page:1"), nonce, plain)
       == META_OK, "a token is sealed");
    sealed.data = text;
    sealed.len = META_SEAL_LEN(plain.len);

    /* made with Python's cryptography, AESGCM, from the format alone */
    is_mem(text, sealed.len, VECTOR, sizeof(VECTOR) - 1,
           "... as anybody would");
    ok(meta_open(out, &len, keys, 2, "token", STR("page:1"), sealed, &which)
       == META_OK, "it is opened");
    is_mem(out, len, plain.data, plain.len, "... as it was");
    is_int(which, 1, "... by its key, which is not the first");

    ok(meta_open(out, &len, keys, 1, "token", STR("page:1"), sealed, &which)
       == META_DENIED, "not without its key");
    ok(meta_open(out, &len, keys, 2, "token", STR("page:2"), sealed, &which)
       == META_DENIED, "not by another name");
    ok(meta_open(out, &len, keys, 2, "code", STR("page:1"), sealed, &which)
       == META_DENIED, "not for another purpose");

    for (i = 0; i < sealed.len; i++) {
        text[i] ^= 1;
        if (meta_open(out, &len, keys, 2, "token", STR("page:1"), sealed,
                      &which) == META_OK)
        {
            break;
        }
        text[i] ^= 1;
    }
    is_int(i, sealed.len, "not with a character altered, wherever");

    for (sealed.len = 0; sealed.len < META_SEAL_LEN(plain.len); sealed.len++) {
        if (meta_open(out, &len, keys, 2, "token", STR("page:1"), sealed,
                      &which) == META_OK)
        {
            break;
        }
    }
    is_int(sealed.len, META_SEAL_LEN(plain.len), "not cut off, wherever");

    memset(big, 'x', sizeof(big));

    for (i = 0; i < 2048; i++) {
        static unsigned char  long_text[META_SEAL_LEN(2048)], back[4096];

        plain.data = big;
        plain.len = i;
        sealed.data = long_text;
        sealed.len = META_SEAL_LEN(i);
        if (meta_seal(long_text, &keys[0], "code", STR(""), nonce, plain)
            != META_OK
            || meta_open(back, &len, keys, 2, "code", STR(""), sealed, &which)
               != META_OK || len != i || memcmp(back, big, i) != 0)
        {
            break;
        }
    }
    is_int(i, 2048, "every length comes back as it was");
}


int
main(void)
{
    test_base64();
    test_keys();
    test_seal();

    return done();
}
