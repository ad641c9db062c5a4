/*
 * base64url, seals, state and links from anybody: what is read is what would
 * be written, and what is not ours is not taken.
 */

#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "meta/meta_link.h"
#include "yajl_judge.h"


#define FUZZ_SIZE  1024

#define FUZZ_STR(s)  ((meta_str_t) meta_string(s))


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_base64(meta_str_t s);
static void fuzz_seal(const meta_seal_key_t *key, meta_str_t s);
static void fuzz_state(const meta_seal_key_t *key, meta_str_t s);
static void fuzz_link(meta_str_t s);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    meta_str_t       s = { data, size };
    meta_seal_key_t  key;

    if (size > FUZZ_SIZE) {
        return 0;
    }

    memset(&key, 'k', sizeof(key));

    fuzz_base64(s);
    fuzz_seal(&key, s);
    fuzz_state(&key, s);
    fuzz_link(s);
    (void) meta_seal_key_parse(&key, s);

    return 0;
}


static void
fuzz_base64(meta_str_t s)
{
    size_t          n;
    meta_str_t      bytes;
    unsigned char  *out, back[META_BASE64_LEN(FUZZ_SIZE) + 4];

    /* exactly the room that is asked for: the sanitizer watches the rest */

    out = malloc(s.len / 4 * 3 + 3);
    check(out != NULL);

    if (meta_base64_read(out, &n, s) == META_OK) {
        bytes.data = out;
        bytes.len = n;
        n = meta_base64_write(back, bytes);
        check(n <= s.len && memcmp(back, s.data, n) == 0);
        check(s.len - n <= 2);
    }

    free(out);
}


static void
fuzz_seal(const meta_seal_key_t *key, meta_str_t s)
{
    size_t                n, which;
    meta_str_t            sealed;
    unsigned char        *out;
    unsigned char         text[META_SEAL_LEN(FUZZ_SIZE)];
    unsigned char         back[META_SEAL_LEN(FUZZ_SIZE)];
    static unsigned char  nonce[META_NONCE_LEN];

    out = malloc(s.len + 1);
    check(out != NULL);
    check(meta_open(out, &n, key, 1, "token", s, s, &which) != META_OK);
    free(out);

    sealed.data = text;
    sealed.len = META_SEAL_LEN(s.len);
    check(meta_seal(text, key, "token", s, nonce, s) == META_OK);
    check(meta_open(back, &n, key, 1, "token", s, sealed, &which) == META_OK);
    check(n == s.len && (n == 0 || memcmp(back, s.data, n) == 0));
}


/* what stands in it is looked at only where the signature is good */

static size_t
fuzz_signed(unsigned char *out, const meta_seal_key_t *key, meta_str_t s,
    meta_str_t cookie)
{
    size_t         n;
    meta_str_t     tag;
    unsigned char  sub[META_KEY_LEN], mac[META_MAC_LEN];
    unsigned char  text[META_STATE_PAYLOAD + 1 + META_COOKIE_LEN];

    memcpy(text, s.data, s.len);
    text[s.len] = '\n';
    memcpy(text + s.len + 1, cookie.data, cookie.len);

    check(meta_seal_subkey(sub, key, "state") == META_OK);
    check(HMAC(EVP_sha256(), sub, sizeof(sub), text, s.len + 1 + cookie.len,
               mac, NULL) != NULL);

    n = meta_base64_write(out, s);
    out[n++] = '.';
    tag.data = mac;
    tag.len = sizeof(mac);

    return n + meta_base64_write(out + n, tag);
}


static void
fuzz_state(const meta_seal_key_t *key, meta_str_t s)
{
    meta_str_t     text, cookie = FUZZ_STR("AAAAAAAAAAAAAAAAAAAAAA");
    meta_state_t   state;
    unsigned char  buf[META_STATE_MAX], out[META_STATE_MAX];
    unsigned char  signed_text[META_STATE_MAX];

    check(meta_state_read(&state, buf, key, 1, s, cookie) != META_OK);

    if (s.len == 0 || s.len > META_STATE_PAYLOAD) {
        return;
    }

    text.data = signed_text;
    text.len = fuzz_signed(signed_text, key, s, cookie);

    if (meta_state_read(&state, buf, key, 1, text, cookie) != META_OK) {
        return;
    }

    text.data = out;
    text.len = meta_state_write(out, key, &state, cookie);
    check(text.len > 0);
    check(meta_state_read(&state, buf, key, 1, text, cookie) == META_OK);
}


static void
fuzz_link(meta_str_t s)
{
    meta_str_t           ref = s, exp = FUZZ_STR("1790000000"), sig;
    unsigned char        out[META_LINK_SIG_LEN];
    static meta_str_t    key = meta_string("a key of the operator's");
    const unsigned char *lf = memchr(s.data, '\n', s.len);

    if (s.len && lf != NULL) {
        ref.len = (size_t) (lf - s.data);
        exp.data = lf + 1;
        exp.len = s.len - ref.len - 1;
    }

    sig.data = out;
    sig.len = sizeof(out);

    check(meta_link_check(&key, 1, ref, exp, s) != META_OK);

    if (meta_link_sign(out, key, ref, exp) == META_OK) {
        check(meta_link_check(&key, 1, ref, exp, sig) == META_OK);
    }
}
