/*
 * HMAC-SHA256 (RFC 2104) with libcrypto's digests, and the header's hex
 * digits.
 *
 * libcrypto's own MAC keeps a copy of the key for as long as the context
 * lives, which a core file would show.  Here the key is hashed into two
 * states at once, and each use begins with a copy of them: no key is left.
 */

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "meta_signature.h"


#define META_HMAC_BLOCK  64             /* of SHA-256 */


static int meta_hmac_key(meta_hmac_t *h, const EVP_MD *md, meta_str_t key);
static int meta_hmac_pad(EVP_MD_CTX *ctx, const EVP_MD *md,
    unsigned char *block, unsigned char with);


meta_rc_t
meta_hmac_init(meta_hmac_t *h, meta_str_t key)
{
    int      ok;
    EVP_MD  *md;

    h->inner = EVP_MD_CTX_new();
    h->outer = EVP_MD_CTX_new();
    h->ctx = EVP_MD_CTX_new();

    md = EVP_MD_fetch(NULL, "SHA2-256", NULL);

    ok = h->inner != NULL && h->outer != NULL && h->ctx != NULL && md != NULL
         && key.len != 0 && meta_hmac_key(h, md, key);

    EVP_MD_free(md);

    if (!ok) {
        meta_hmac_free(h);
        return META_ERROR;
    }

    return META_OK;
}


static int
meta_hmac_key(meta_hmac_t *h, const EVP_MD *md, meta_str_t key)
{
    int            ok;
    unsigned char  block[META_HMAC_BLOCK];

    memset(block, 0, META_HMAC_BLOCK);

    if (key.len <= META_HMAC_BLOCK) {
        memcpy(block, key.data, key.len);
        ok = 1;

    } else {
        ok = EVP_Digest(key.data, key.len, block, NULL, md, NULL);
    }

    ok = ok == 1 && meta_hmac_pad(h->inner, md, block, 0x36)
         && meta_hmac_pad(h->outer, md, block, 0x36 ^ 0x5c);

    OPENSSL_cleanse(block, META_HMAC_BLOCK);

    return ok;
}


/* a whole block is hashed where it lies: the context keeps no copy of it */

static int
meta_hmac_pad(EVP_MD_CTX *ctx, const EVP_MD *md, unsigned char *block,
    unsigned char with)
{
    size_t  i;

    for (i = 0; i < META_HMAC_BLOCK; i++) {
        block[i] ^= with;
    }

    return EVP_DigestInit_ex(ctx, md, NULL) == 1
           && EVP_DigestUpdate(ctx, block, META_HMAC_BLOCK) == 1;
}


void
meta_hmac_free(meta_hmac_t *h)
{
    EVP_MD_CTX_free(h->inner);
    EVP_MD_CTX_free(h->outer);
    EVP_MD_CTX_free(h->ctx);

    memset(h, 0, sizeof(meta_hmac_t));
}


meta_rc_t
meta_hmac_copy(meta_hmac_t *h, const meta_hmac_t *from)
{
    h->inner = EVP_MD_CTX_new();
    h->outer = EVP_MD_CTX_new();
    h->ctx = EVP_MD_CTX_new();

    if (h->inner == NULL || h->outer == NULL || h->ctx == NULL
        || EVP_MD_CTX_copy_ex(h->inner, from->inner) != 1
        || EVP_MD_CTX_copy_ex(h->outer, from->outer) != 1
        || EVP_MD_CTX_copy_ex(h->ctx, from->inner) != 1)
    {
        meta_hmac_free(h);
        return META_ERROR;
    }

    return META_OK;
}


meta_rc_t
meta_hmac_begin(meta_hmac_t *h)
{
    return EVP_MD_CTX_copy_ex(h->ctx, h->inner) == 1 ? META_OK : META_ERROR;
}


meta_rc_t
meta_hmac_update(meta_hmac_t *h, meta_str_t bytes)
{
    if (bytes.len == 0) {
        return META_OK;
    }

    return EVP_DigestUpdate(h->ctx, bytes.data, bytes.len) == 1 ? META_OK
                                                                : META_ERROR;
}


meta_rc_t
meta_hmac_final(meta_hmac_t *h, unsigned char mac[META_MAC_LEN])
{
    if (EVP_DigestFinal_ex(h->ctx, mac, NULL) != 1
        || EVP_MD_CTX_copy_ex(h->ctx, h->outer) != 1
        || EVP_DigestUpdate(h->ctx, mac, META_MAC_LEN) != 1
        || EVP_DigestFinal_ex(h->ctx, mac, NULL) != 1)
    {
        return META_ERROR;
    }

    return META_OK;
}


meta_rc_t
meta_signature_parse(meta_str_t header, unsigned char mac[META_MAC_LEN])
{
    int                   hi, lo;
    size_t                i;
    const unsigned char  *p;

    if (header.len != META_SIGNATURE_LEN
        || memcmp(header.data, "sha256=", 7) != 0)
    {
        return META_MALFORMED;
    }

    p = header.data + 7;

    for (i = 0; i < META_MAC_LEN; i++, p += 2) {
        hi = meta_hex(p[0]);
        lo = meta_hex(p[1]);

        if (hi < 0 || lo < 0) {
            return META_MALFORMED;
        }

        mac[i] = (unsigned char) (hi << 4 | lo);
    }

    return META_OK;
}


int
meta_equal(const unsigned char *a, const unsigned char *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}
