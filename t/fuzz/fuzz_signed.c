/*
 * signed_request: whatever comes is refused, or means what it is made of; what
 * is signed here with any payload is found good; a code is known again.
 */

#include <openssl/hmac.h>
#include <openssl/evp.h>

#include "meta/meta_base64.h"
#include "meta/meta_signed.h"
#include "yajl_judge.h"


#define FUZZ_MAX  4096


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_text(meta_str_t text, meta_hmac_t *h);
static void fuzz_own(meta_str_t json, meta_hmac_t *h);
static void fuzz_claims(const meta_signed_t *s, meta_hmac_t *h);

static const meta_str_t  key = meta_string("s3cr3t-demo-key");


/* the first byte: a text as posted, or JSON that we sign ourselves */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    meta_str_t   s;
    meta_hmac_t  h;

    if (size == 0 || size > FUZZ_MAX) {
        return 0;
    }

    check(meta_hmac_init(&h, key) == META_OK);

    s.data = data + 1;
    s.len = size - 1;

    if (data[0] & 1) {
        fuzz_own(s, &h);

    } else {
        fuzz_text(s, &h);
    }

    meta_hmac_free(&h);

    return 0;
}


static void
fuzz_text(meta_str_t text, meta_hmac_t *h)
{
    meta_rc_t      rc;
    meta_signed_t  s;

    if (meta_signed_parse(&s, text) != META_OK) {
        return;
    }

    check(s.payload.len > 0
          && s.payload.data + s.payload.len == text.data + text.len);
    check(memchr(s.payload.data, '.', s.payload.len) == NULL);

    rc = meta_signed_check(&s, h);
    check(rc == META_OK || rc == META_DENIED);

    fuzz_claims(&s, h);
}


static void
fuzz_own(meta_str_t json, meta_hmac_t *h)
{
    size_t                n;
    unsigned              len;
    meta_str_t            text, mac;
    meta_signed_t         s;
    static unsigned char  out[64 + 2 * FUZZ_MAX];
    unsigned char         own[EVP_MAX_MD_SIZE];

    n = meta_base64_write(out + 44, json);
    out[43] = '.';

    check(HMAC(EVP_sha256(), key.data, (int) key.len, out + 44, n, own, &len)
          != NULL);

    mac.data = own;
    mac.len = len;
    check(meta_base64_write(out, mac) == 43);

    text.data = out;
    text.len = n + 44;

    if (json.len == 0) {
        check(meta_signed_parse(&s, text) == META_MALFORMED);
        return;
    }

    check(meta_signed_parse(&s, text) == META_OK);
    check(meta_signed_check(&s, h) == META_OK);

    out[44] ^= 1;
    check(meta_signed_check(&s, h) == META_DENIED);
    out[44] ^= 1;

    fuzz_claims(&s, h);
}


static void
fuzz_claims(const meta_signed_t *s, meta_hmac_t *h)
{
    meta_str_t     code;
    meta_claims_t  claims;
    unsigned char  buf[FUZZ_MAX], digits[META_CONFIRM_LEN];

    if (meta_signed_read(&claims, buf, s) != META_OK) {
        return;
    }

    check(claims.user.len > 0 && claims.user.len <= META_SIGNED_USER_MAX);
    check(claims.issued_at >= 0);
    check(meta_signed_fresh(&claims, claims.issued_at));

    code.data = digits;
    code.len = META_CONFIRM_LEN;

    check(meta_confirm_make(digits, h, s, &claims) == META_OK);
    check(meta_confirm_check(code, h) == META_OK);
    check(meta_confirm_is_test(code) == (int) claims.test);
}
