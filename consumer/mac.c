/* HMAC-SHA256 of short texts, many times with the same key: two digests in one
   context.  libcrypto's own makes or copies three contexts for each. */

#include "mac.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>


static void mac_digest(const void *a, size_t alen, const void *b, size_t blen,
    unsigned char out[MAC_LEN])
{
    static EVP_MD      *sha256;
    static EVP_MD_CTX  *ctx;

    if (ctx == NULL) {
        sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
        ctx = EVP_MD_CTX_new();
    }

    if (ctx == NULL || sha256 == NULL
        || !EVP_DigestInit_ex2(ctx, sha256, NULL)
        || !EVP_DigestUpdate(ctx, a, alen) || !EVP_DigestUpdate(ctx, b, blen)
        || !EVP_DigestFinal_ex(ctx, out, NULL))
    {
        abort();
    }
}


/* mac_key prepares a key */
void mac_key(struct mac *mac, const void *key, size_t len)
{
    size_t         i;
    unsigned char  block[MAC_BLOCK] = { 0 };

    if (len > MAC_BLOCK) {
        mac_digest(key, len, "", 0, block);
    } else if (len) {
        memcpy(block, key, len);
    }

    for (i = 0; i < MAC_BLOCK; i++) {
        mac->inner[i] = block[i] ^ 0x36;
        mac->outer[i] = block[i] ^ 0x5c;
    }

    OPENSSL_cleanse(block, sizeof(block));
}


/* mac_run writes the MAC of a text */
void mac_run(const struct mac *mac, const void *at, size_t len,
    unsigned char out[MAC_LEN])
{
    unsigned char  digest[MAC_LEN];

    mac_digest(mac->inner, MAC_BLOCK, at, len, digest);
    mac_digest(mac->outer, MAC_BLOCK, digest, MAC_LEN, out);
}
