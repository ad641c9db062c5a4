/*
 * AES-256-GCM by a subkey of its own for each purpose, and the text around it.
 */

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "meta_seal.h"


#define META_SEAL_PURPOSE_MAX  32
#define META_SEAL_ID           4    /* bytes that name a key */


static const char  meta_seal_label[] = "ngx_http_meta ";


meta_rc_t
meta_seal_key_parse(meta_seal_key_t *key, meta_str_t line)
{
    int            hi, lo;
    size_t         i, len;
    meta_rc_t      rc;
    meta_str_t     text;
    unsigned char  copy[44], out[META_KEY_LEN + 4];

    if (line.len == 2 * META_KEY_LEN) {
        for (i = 0; i < META_KEY_LEN; i++) {
            hi = meta_hex(line.data[2 * i]);
            lo = meta_hex(line.data[2 * i + 1]);

            if (hi < 0 || lo < 0) {
                return META_MALFORMED;
            }

            key->bytes[i] = (unsigned char) (hi << 4 | lo);
        }

        return META_OK;
    }

    if (line.len != 43 && line.len != 44) {
        return META_MALFORMED;
    }

    for (i = 0; i < line.len; i++) {
        copy[i] = line.data[i] == '+' ? '-'
                  : line.data[i] == '/' ? '_' : line.data[i];
    }

    text.data = copy;
    text.len = line.len;
    rc = meta_base64_read(out, &len, text);

    if (rc == META_OK && len == META_KEY_LEN) {
        memcpy(key->bytes, out, META_KEY_LEN);
    } else {
        rc = META_MALFORMED;
    }

    OPENSSL_cleanse(copy, sizeof(copy));
    OPENSSL_cleanse(out, sizeof(out));

    return rc;
}


meta_rc_t
meta_seal_subkey(unsigned char sub[META_KEY_LEN], const meta_seal_key_t *key,
    const char *purpose)
{
    size_t         len = strlen(purpose);
    unsigned char  text[sizeof(meta_seal_label) + META_SEAL_PURPOSE_MAX];

    if (len > META_SEAL_PURPOSE_MAX) {
        return META_ERROR;
    }

    memcpy(text, meta_seal_label, sizeof(meta_seal_label) - 1);
    memcpy(text + sizeof(meta_seal_label) - 1, purpose, len);

    return HMAC(EVP_sha256(), key->bytes, META_KEY_LEN, text,
                sizeof(meta_seal_label) - 1 + len, sub, NULL) != NULL
           ? META_OK : META_ERROR;
}


/* "1." and the 8 digits that name the key, and "." */
static meta_rc_t
meta_seal_head(unsigned char out[META_SEAL_HEAD], const meta_seal_key_t *key)
{
    size_t         i;
    meta_rc_t      rc;
    unsigned char  id[META_KEY_LEN];

    rc = meta_seal_subkey(id, key, "name");

    out[0] = '1';
    out[1] = '.';
    out[META_SEAL_HEAD - 1] = '.';

    for (i = 0; i < META_SEAL_ID; i++) {
        out[2 + 2 * i] = (unsigned char) "0123456789abcdef"[id[i] >> 4];
        out[3 + 2 * i] = (unsigned char) "0123456789abcdef"[id[i] & 15];
    }

    OPENSSL_cleanse(id, sizeof(id));

    return rc;
}


/* a context with key, nonce and name in it, or NULL; encrypt: 1 or 0 */
static EVP_CIPHER_CTX *
meta_seal_begin(int encrypt, const meta_seal_key_t *key, const char *purpose,
    meta_str_t name, const unsigned char *nonce)
{
    int              n, good;
    unsigned char    sub[META_KEY_LEN];
    EVP_CIPHER_CTX  *ctx;

    if (name.len > INT32_MAX
        || meta_seal_subkey(sub, key, purpose) != META_OK)
    {
        return NULL;
    }

    ctx = EVP_CIPHER_CTX_new();

    good = ctx != NULL
           && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, sub, nonce,
                                encrypt) == 1
           && (name.len == 0
               || EVP_CipherUpdate(ctx, NULL, &n, name.data, (int) name.len)
                  == 1);

    OPENSSL_cleanse(sub, sizeof(sub));

    if (good) {
        return ctx;
    }

    EVP_CIPHER_CTX_free(ctx);

    return NULL;
}


/*
 * What is encrypted is written where base64 of it ends, and read from there:
 * base64 grows towards it and never overtakes what it has not read.
 */
meta_rc_t
meta_seal(unsigned char *out, const meta_seal_key_t *key, const char *purpose,
    meta_str_t name, const unsigned char nonce[META_NONCE_LEN],
    meta_str_t plain)
{
    int              n, tail;
    size_t           size = META_NONCE_LEN + plain.len + META_TAG_LEN;
    meta_rc_t        rc = META_ERROR;
    meta_str_t       bytes;
    unsigned char   *raw;
    EVP_CIPHER_CTX  *ctx;

    if (plain.len > INT32_MAX / 2 || meta_seal_head(out, key) != META_OK) {
        return META_ERROR;
    }

    raw = out + META_SEAL_LEN(plain.len) - size;

    ctx = meta_seal_begin(1, key, purpose, name, nonce);
    if (ctx == NULL) {
        return META_ERROR;
    }

    if (EVP_CipherUpdate(ctx, raw + META_NONCE_LEN, &n, plain.data,
                         (int) plain.len) == 1
        && EVP_CipherFinal_ex(ctx, raw + META_NONCE_LEN + n, &tail) == 1
        && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, META_TAG_LEN,
                               raw + size - META_TAG_LEN) == 1)
    {
        memcpy(raw, nonce, META_NONCE_LEN);
        bytes.data = raw;
        bytes.len = size;
        meta_base64_write(out + META_SEAL_HEAD, bytes);
        rc = META_OK;
    }

    EVP_CIPHER_CTX_free(ctx);

    return rc;
}


/* bytes: nonce, text and tag; text goes to its place in front of them */
static meta_rc_t
meta_seal_decrypt(unsigned char *bytes, size_t size, size_t *len,
    const meta_seal_key_t *key, const char *purpose, meta_str_t name)
{
    int              n = 0, tail = 0, good;
    EVP_CIPHER_CTX  *ctx;

    if (size < META_NONCE_LEN + META_TAG_LEN || size > INT32_MAX) {
        return META_MALFORMED;
    }

    ctx = meta_seal_begin(0, key, purpose, name, bytes);
    if (ctx == NULL) {
        return META_ERROR;
    }

    *len = size - META_NONCE_LEN - META_TAG_LEN;

    good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, META_TAG_LEN,
                               bytes + size - META_TAG_LEN) == 1
           && EVP_CipherUpdate(ctx, bytes + META_NONCE_LEN, &n,
                               bytes + META_NONCE_LEN, (int) *len) == 1
           && EVP_CipherFinal_ex(ctx, bytes + META_NONCE_LEN + n, &tail) == 1;

    EVP_CIPHER_CTX_free(ctx);

    if (!good) {
        OPENSSL_cleanse(bytes, size);
        return META_DENIED;
    }

    memmove(bytes, bytes + META_NONCE_LEN, *len);
    OPENSSL_cleanse(bytes + *len, size - *len);

    return META_OK;
}


meta_rc_t
meta_open(unsigned char *out, size_t *len, const meta_seal_key_t *keys,
    size_t nkeys, const char *purpose, meta_str_t name, meta_str_t sealed,
    size_t *which)
{
    size_t         i, size;
    meta_str_t     text;
    unsigned char  head[META_SEAL_HEAD];

    if (sealed.len < META_SEAL_LEN(0) || memcmp(sealed.data, "1.", 2) != 0
        || sealed.data[META_SEAL_HEAD - 1] != '.')
    {
        return META_MALFORMED;
    }

    text.data = sealed.data + META_SEAL_HEAD;
    text.len = sealed.len - META_SEAL_HEAD;

    for (i = 0; i < nkeys; i++) {

        if (meta_seal_head(head, &keys[i]) != META_OK) {
            return META_ERROR;
        }

        if (memcmp(head, sealed.data, META_SEAL_HEAD) != 0) {
            continue;
        }

        if (meta_base64_read(out, &size, text) != META_OK) {
            return META_MALFORMED;
        }

        *which = i;

        return meta_seal_decrypt(out, size, len, &keys[i], purpose, name);
    }

    return META_DENIED;
}
