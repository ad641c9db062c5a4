/*
 * Signed links, made and judged.
 */

#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "meta_link.h"


static int
meta_link_good(meta_str_t ref, meta_str_t exp)
{
    size_t  i;

    if (!meta_ref_good(ref) || exp.len == 0 || exp.len > META_LINK_EXP_MAX) {
        return 0;
    }

    for (i = 0; i < exp.len; i++) {
        if (exp.data[i] < '0' || exp.data[i] > '9') {
            return 0;
        }
    }

    return 1;
}


static meta_rc_t
meta_link_mac(unsigned char mac[META_MAC_LEN], meta_str_t key, meta_str_t ref,
    meta_str_t exp)
{
    unsigned char  text[META_REF_MAX + 1 + META_LINK_EXP_MAX];

    if (key.len == 0 || key.len > META_LINK_KEY_MAX) {
        return META_ERROR;
    }

    if (ref.len) {
        memcpy(text, ref.data, ref.len);
    }

    text[ref.len] = '\n';
    memcpy(text + ref.len + 1, exp.data, exp.len);

    return HMAC(EVP_sha256(), key.data, (int) key.len, text,
                ref.len + 1 + exp.len, mac, NULL) != NULL
           ? META_OK : META_ERROR;
}


meta_rc_t
meta_link_sign(unsigned char sig[META_LINK_SIG_LEN], meta_str_t key,
    meta_str_t ref, meta_str_t exp)
{
    size_t         i;
    meta_rc_t      rc;
    unsigned char  mac[META_MAC_LEN];

    if (!meta_link_good(ref, exp)) {
        return META_MALFORMED;
    }

    rc = meta_link_mac(mac, key, ref, exp);
    if (rc != META_OK) {
        return rc;
    }

    for (i = 0; i < META_MAC_LEN; i++) {
        sig[2 * i] = (unsigned char) "0123456789abcdef"[mac[i] >> 4];
        sig[2 * i + 1] = (unsigned char) "0123456789abcdef"[mac[i] & 15];
    }

    return META_OK;
}


meta_rc_t
meta_link_check(const meta_str_t *keys, size_t nkeys, meta_str_t ref,
    meta_str_t exp, meta_str_t sig)
{
    int            hi, lo, agrees = 0;
    size_t         i;
    unsigned char  mac[META_MAC_LEN], own[META_MAC_LEN];

    if (!meta_link_good(ref, exp) || sig.len != META_LINK_SIG_LEN) {
        return META_MALFORMED;
    }

    for (i = 0; i < META_MAC_LEN; i++) {
        hi = meta_hex(sig.data[2 * i]);
        lo = meta_hex(sig.data[2 * i + 1]);

        if (hi < 0 || lo < 0) {
            return META_MALFORMED;
        }

        mac[i] = (unsigned char) (hi << 4 | lo);
    }

    for (i = 0; i < nkeys; i++) {
        if (meta_link_mac(own, keys[i], ref, exp) != META_OK) {
            return META_ERROR;
        }

        agrees |= meta_equal(own, mac, META_MAC_LEN);
    }

    return agrees ? META_OK : META_DENIED;
}
