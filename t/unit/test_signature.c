/*
 * meta_signature: the vectors of meta-webhooks-and-messaging.md 1.3, the
 * header's form, and one context used for many bodies.
 */

#include "tap.h"
#include "meta/meta_signature.c"


#define KEY  "3f8a1c5e9b7d204680acef1357924bd0"

#define SIG1                                                                  \
    "4509f352ac8206db13264ebf99bca466425bada72d1a65ca145de82b80cf8c3a"

#define SIG2                                                                  \
    "51a01c623d481ba073f52cc5eda467e414722c033548757d0217fd71d16201f6"


static const struct {
    const char  *name;
    const char  *body;
    size_t       len;
    const char  *hex;
    int          good;
} vectors[] = {

    { "vector 1: an empty entry",
      "{\"object\":\"whatsapp_business_account\",\"entry\":[]}", 49,
      SIG1, 1 },

    { "vector 2: escapes as they are on the wire",
      "{\"object\":\"page\",\"entry\":[{\"id\":\"118734502290164\","
      "\"time\":1767225600123,\"messaging\":[{\"message\":{\"text\":"
      "\"\\u00e4\\u00f6\\u00e5 a\\/b\"}}]}]}", 134, SIG2, 1 },

    { "vector 3: the same decoded",
      "{\"object\":\"page\",\"entry\":[{\"id\":\"118734502290164\","
      "\"time\":1767225600123,\"messaging\":[{\"message\":{\"text\":"
      "\"\xc3\xa4\xc3\xb6\xc3\xa5 a/b\"}}]}]}", 121,
      "0c4f564332c9b5980c0ced13b52a72fa6d5ead619a6ce7c5b0a92cf0a32c603d", 1 },

    { "vector 3 does not verify as vector 2",
      "{\"object\":\"page\",\"entry\":[{\"id\":\"118734502290164\","
      "\"time\":1767225600123,\"messaging\":[{\"message\":{\"text\":"
      "\"\xc3\xa4\xc3\xb6\xc3\xa5 a/b\"}}]}]}", 121, SIG2, 0 },

    { "vector 4: an empty body", "", 0,
      "337fac9bc9c075133d3769ab90c229253afe984ae3b85599cc41dbdf5c4eb71f", 1 }
};


static const struct {
    const char  *name;
    const char  *header;
    meta_rc_t    rc;
} headers[] = {
    { "lower case digits", "sha256=" SIG2, META_OK },
    { "upper case digits",
      "sha256="
      "51A01C623D481BA073F52CC5EDA467E414722C033548757D0217FD71D16201F6",
      META_OK },
    { "empty", "", META_MALFORMED },
    { "no digits", "sha256=", META_MALFORMED },
    { "a digit too few",
      "sha256="
      "51a01c623d481ba073f52cc5eda467e414722c033548757d0217fd71d16201f",
      META_MALFORMED },
    { "a digit too many", "sha256=" SIG2 "0", META_MALFORMED },
    { "a space behind", "sha256=" SIG2 " ", META_MALFORMED },
    { "a letter that is no digit",
      "sha256="
      "51a01c623d481ba073f52cc5eda467e414722c033548757d0217fd71d16201fg",
      META_MALFORMED },
    { "a sign among the digits",
      "sha256="
      "+1a01c623d481ba073f52cc5eda467e414722c033548757d0217fd71d16201f6",
      META_MALFORMED },
    { "upper case scheme", "SHA256=" SIG2, META_MALFORMED },
    { "SHA-1 of the old header",
      "sha1=f852d5110e09885eddbc3fbec3a921553b1ba79b", META_MALFORMED },
    { "digits alone", SIG2 "0000000", META_MALFORMED }
};


static meta_str_t
str(const char *s, size_t len)
{
    meta_str_t  t = { (const unsigned char *) s, len };

    return t;
}


static int
verifies(meta_hmac_t *h, const char *body, size_t len, size_t piece,
    const char *hex)
{
    size_t         n;
    char           header[META_SIGNATURE_LEN + 1];
    unsigned char  mac[META_MAC_LEN], sent[META_MAC_LEN];

    (void) snprintf(header, sizeof(header), "sha256=%s", hex);

    if (meta_signature_parse(str(header, strlen(header)), sent) != META_OK
        || meta_hmac_begin(h) != META_OK)
    {
        return -1;
    }

    for ( ; len > 0; len -= n, body += n) {
        n = (piece < len) ? piece : len;

        if (meta_hmac_update(h, str(body, n)) != META_OK) {
            return -1;
        }
    }

    if (meta_hmac_final(h, mac) != META_OK) {
        return -1;
    }

    return meta_equal(mac, sent, META_MAC_LEN);
}


/* RFC 4231, test case 6, and keys about as long as the block of the hash */

static const struct {
    size_t       len;
    const char  *hex;
} keys[] = {
    { 64, "84332a7580ed3cf75de83c644c8d2c1c262ad90e0190e5c5ae4b82b2102e8e75" },
    { 65, "c62955a96944ff68deabbc0eab6192065c1c55bb8ddee16151ed5337f911eab9" },
    { 131,
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" }
};


static void
long_keys(void)
{
    size_t       i;
    meta_hmac_t  h;
    const char  *data = "Test Using Larger Than Block-Size Key - Hash Key "
                        "First";
    char         key[131];

    memset(key, 0xaa, sizeof(key));

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        is_int(meta_hmac_init(&h, str(key, keys[i].len)), META_OK,
               "a long key");
        is_int(verifies(&h, data, strlen(data), 4096, keys[i].hex), 1,
               "and what it makes");
        meta_hmac_free(&h);
    }
}


int
main(void)
{
    size_t         i;
    meta_hmac_t    h, own;
    unsigned char  mac[META_MAC_LEN], sent[META_MAC_LEN];

    is_int(meta_hmac_init(&h, str("", 0)), META_ERROR, "an empty key");
    is_int(meta_hmac_init(&h, str(KEY, 32)), META_OK, "a key");

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        is_int((long long) strlen(vectors[i].body),
               (long long) vectors[i].len, "length as the table says");
        is_int(verifies(&h, vectors[i].body, vectors[i].len, 4096,
                        vectors[i].hex),
               vectors[i].good, vectors[i].name);
        is_int(verifies(&h, vectors[i].body, vectors[i].len, 7,
                        vectors[i].hex),
               vectors[i].good, "the same in pieces");
    }

    /* a body that was cut off leaves nothing behind for the next one */

    (void) meta_hmac_begin(&h);
    (void) meta_hmac_update(&h, str("{\"object\"", 9));

    is_int(verifies(&h, vectors[0].body, 49, 4096, vectors[0].hex), 1,
           "after a body that was cut off");

    /* one that is paused is a context of its own */

    is_int(meta_hmac_copy(&own, &h), META_OK, "a copy");

    (void) meta_hmac_begin(&own);
    (void) meta_hmac_update(&own, str(vectors[0].body, 20));

    is_int(verifies(&h, vectors[0].body, 49, 4096, vectors[0].hex), 1,
           "while a copy is paused");

    (void) meta_hmac_begin(&h);
    (void) meta_hmac_update(&own, str(vectors[0].body + 20, 29));
    (void) meta_hmac_final(&own, mac);
    meta_hmac_free(&h);

    ok(h.ctx == NULL, "freed");
    is_int(verifies(&own, vectors[0].body, 49, 4096, vectors[0].hex), 1,
           "the copy outlives it");
    (void) meta_signature_parse(str("sha256=" SIG1, META_SIGNATURE_LEN), sent);
    ok(meta_equal(mac, sent, META_MAC_LEN), "and goes on where it was");

    meta_hmac_free(&own);
    meta_hmac_free(&h);
    ok(1, "freed twice");

    is_int(meta_hmac_init(&h, str("another key", 11)), META_OK,
           "another key");
    is_int(verifies(&h, vectors[0].body, 49, 4096, vectors[0].hex), 0,
           "another key does not verify");
    meta_hmac_free(&h);

    long_keys();

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        is_int(meta_signature_parse(str(headers[i].header,
                                        strlen(headers[i].header)), mac),
               headers[i].rc, headers[i].name);
    }

    is_int(meta_equal((const unsigned char *) "abc",
                      (const unsigned char *) "abd", 3), 0, "last differs");
    is_int(meta_equal((const unsigned char *) "abc",
                      (const unsigned char *) "abd", 2), 1, "equal so far");

    return done();
}
