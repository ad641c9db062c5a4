/*
 * The header's parser against sscanf, and the keyed context, fed in pieces and
 * used again, against libcrypto's one-shot HMAC.
 */

#include <stdio.h>
#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "meta/meta_signature.h"
#include "yajl_judge.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_header(meta_str_t header);
static void fuzz_hmac(meta_str_t key, meta_str_t body);
static void fuzz_equal(const uint8_t *data, size_t size);


/* key, header and body end at the bytes 0xff; the body is what is left */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    meta_str_t      key, header, body;
    const uint8_t  *p;

    p = memchr(data, 0xff, size);
    if (p == NULL) {
        return 0;
    }

    key.data = data;
    key.len = (size_t) (p - data);

    header.data = p + 1;
    header.len = size - key.len - 1;

    p = memchr(header.data, 0xff, header.len);

    if (p == NULL) {
        fuzz_header(header);
        fuzz_equal(data, size);
        return 0;
    }

    body.data = p + 1;
    body.len = header.len - (size_t) (p - header.data) - 1;
    header.len = (size_t) (p - header.data);

    fuzz_header(header);
    fuzz_hmac(key, body);

    return 0;
}


static void
fuzz_header(meta_str_t header)
{
    int            good;
    size_t         i;
    unsigned       value;
    meta_rc_t      rc;
    unsigned char  mac[META_MAC_LEN];

    rc = meta_signature_parse(header, mac);

    good = header.len == 71 && memcmp(header.data, "sha256=", 7) == 0;

    for (i = 7; good && i < 71; i++) {
        good = isxdigit(header.data[i]) != 0;
    }

    check(rc == (good ? META_OK : META_MALFORMED));

    for (i = 0; good && i < META_MAC_LEN; i++) {
        check(sscanf((const char *) header.data + 7 + 2 * i, "%2x", &value)
              == 1);
        check(mac[i] == value);
    }
}


static void
fuzz_hmac(meta_str_t key, meta_str_t body)
{
    int            round;
    unsigned       len;
    meta_str_t     head, tail;
    meta_hmac_t    h;
    unsigned char  mac[META_MAC_LEN], other[META_MAC_LEN];

    if (key.len == 0) {
        check(meta_hmac_init(&h, key) == META_ERROR);
        return;
    }

    check(meta_hmac_init(&h, key) == META_OK);

    len = sizeof(other);
    check(HMAC(EVP_sha256(), key.data, (int) key.len, body.data, body.len,
               other, &len) != NULL);

    for (round = 0; round < 2; round++) {
        head.data = body.data;
        head.len = body.len / 3;
        tail.data = body.data + head.len;
        tail.len = body.len - head.len;

        check(meta_hmac_begin(&h) == META_OK);
        check(meta_hmac_update(&h, head) == META_OK);
        check(meta_hmac_update(&h, tail) == META_OK);
        check(meta_hmac_final(&h, mac) == META_OK);
        check(meta_equal(mac, other, META_MAC_LEN));

        /* a body that was given up half-way leaves nothing behind */

        check(meta_hmac_begin(&h) == META_OK);
        check(meta_hmac_update(&h, tail) == META_OK);
    }

    meta_hmac_free(&h);
}


static void
fuzz_equal(const uint8_t *data, size_t size)
{
    size_t  half = size / 2;

    check(meta_equal(data, data + half, half)
          == (memcmp(data, data + half, half) == 0));
}
