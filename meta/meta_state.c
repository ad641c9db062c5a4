/*
 * OAuth's state, written and judged.
 */

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "meta_signature.h"
#include "meta_state.h"


#define META_STATE_PARTS  5

#define META_STATE_DIGITS  19


int
meta_ref_good(meta_str_t ref)
{
    size_t  i;

    if (ref.len > META_REF_MAX) {
        return 0;
    }

    for (i = 0; i < ref.len; i++) {
        if (ref.data[i] < 0x20 || ref.data[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}


static meta_rc_t
meta_state_mac(unsigned char mac[META_MAC_LEN], const meta_seal_key_t *key,
    meta_str_t payload, meta_str_t cookie)
{
    meta_rc_t      rc;
    unsigned char  sub[META_KEY_LEN];
    unsigned char  text[META_STATE_PAYLOAD + 1 + META_COOKIE_LEN];

    rc = meta_seal_subkey(sub, key, "state");
    if (rc != META_OK) {
        return rc;
    }

    memcpy(text, payload.data, payload.len);
    text[payload.len] = '\n';
    memcpy(text + payload.len + 1, cookie.data, META_COOKIE_LEN);

    rc = HMAC(EVP_sha256(), sub, META_KEY_LEN, text,
              payload.len + 1 + META_COOKIE_LEN, mac, NULL) != NULL
         ? META_OK : META_ERROR;

    OPENSSL_cleanse(sub, sizeof(sub));

    return rc;
}


static unsigned char *
meta_state_part(unsigned char *p, meta_str_t part)
{
    *p++ = '\n';

    if (part.len) {
        memcpy(p, part.data, part.len);
    }

    return p + part.len;
}


static unsigned char *
meta_state_number(unsigned char *p, int64_t number)
{
    size_t         n = 0;
    unsigned char  digits[META_STATE_DIGITS];

    do {
        digits[n++] = (unsigned char) ('0' + number % 10);
        number /= 10;
    } while (number);

    while (n) {
        *p++ = digits[--n];
    }

    return p;
}


size_t
meta_state_write(unsigned char *out, const meta_seal_key_t *key,
    const meta_state_t *state, meta_str_t cookie)
{
    size_t          n;
    meta_str_t      text;
    unsigned char  *p, payload[META_STATE_PAYLOAD], mac[META_MAC_LEN];

    if (state->flow.len != META_FLOW_LEN || state->expires < 0
        || state->name.len > META_STATE_NAME_MAX
        || cookie.len != META_COOKIE_LEN || !meta_ref_good(state->ref))
    {
        return 0;
    }

    p = payload;
    *p++ = '1';
    *p++ = '\n';
    p = meta_state_number(p, state->expires);
    p = meta_state_part(p, state->flow);
    p = meta_state_part(p, state->name);
    p = meta_state_part(p, state->ref);

    text.data = payload;
    text.len = (size_t) (p - payload);

    if (meta_state_mac(mac, key, text, cookie) != META_OK) {
        return 0;
    }

    n = meta_base64_write(out, text);
    out[n++] = '.';

    text.data = mac;
    text.len = META_MAC_LEN;

    return n + meta_base64_write(out + n, text);
}


/* every part but the last ends at a line feed, and the last has none */
static meta_rc_t
meta_state_split(meta_str_t parts[META_STATE_PARTS], meta_str_t payload)
{
    size_t                i;
    const unsigned char  *p = payload.data, *end = p + payload.len, *lf;

    for (i = 0; i < META_STATE_PARTS; i++) {
        lf = memchr(p, '\n', (size_t) (end - p));

        if ((lf == NULL) != (i == META_STATE_PARTS - 1)) {
            return META_MALFORMED;
        }

        parts[i].data = p;
        parts[i].len = (size_t) ((lf != NULL ? lf : end) - p);
        p = lf != NULL ? lf + 1 : end;
    }

    return META_OK;
}


static meta_rc_t
meta_state_parts(meta_state_t *state, meta_str_t payload)
{
    size_t      i;
    meta_str_t  parts[META_STATE_PARTS];

    if (meta_state_split(parts, payload) != META_OK
        || parts[0].len != 1 || parts[0].data[0] != '1'
        || parts[1].len == 0 || parts[1].len >= META_STATE_DIGITS
        || parts[2].len != META_FLOW_LEN
        || parts[3].len > META_STATE_NAME_MAX
        || !meta_ref_good(parts[4]))
    {
        return META_MALFORMED;
    }

    state->expires = 0;

    for (i = 0; i < parts[1].len; i++) {
        if (parts[1].data[i] < '0' || parts[1].data[i] > '9') {
            return META_MALFORMED;
        }

        state->expires = state->expires * 10 + (parts[1].data[i] - '0');
    }

    state->flow = parts[2];
    state->name = parts[3];
    state->ref = parts[4];

    return META_OK;
}


/* no key's work is spared: which one signed is nobody's to measure */
static meta_rc_t
meta_state_judge(const meta_seal_key_t *keys, size_t nkeys,
    meta_str_t payload, meta_str_t cookie,
    const unsigned char mac[META_MAC_LEN])
{
    int            agrees = 0;
    size_t         i;
    unsigned char  own[META_MAC_LEN];

    for (i = 0; i < nkeys; i++) {
        if (meta_state_mac(own, &keys[i], payload, cookie) != META_OK) {
            return META_ERROR;
        }

        agrees |= meta_equal(own, mac, META_MAC_LEN);
    }

    return agrees ? META_OK : META_DENIED;
}


meta_rc_t
meta_state_read(meta_state_t *state, unsigned char *buf,
    const meta_seal_key_t *keys, size_t nkeys, meta_str_t text,
    meta_str_t cookie)
{
    size_t                n;
    meta_rc_t             rc;
    meta_str_t            head, tail, payload;
    unsigned char         mac[META_MAC_LEN + 3];
    const unsigned char  *dot;

    if (text.len == 0 || text.len > META_STATE_MAX
        || cookie.len != META_COOKIE_LEN)
    {
        return META_MALFORMED;
    }

    dot = memchr(text.data, '.', text.len);
    if (dot == NULL) {
        return META_MALFORMED;
    }

    head.data = text.data;
    head.len = (size_t) (dot - text.data);
    tail.data = dot + 1;
    tail.len = text.len - head.len - 1;

    if (tail.len != META_BASE64_LEN(META_MAC_LEN)
        || head.len > META_BASE64_LEN(META_STATE_PAYLOAD)
        || meta_base64_read(mac, &n, tail) != META_OK || n != META_MAC_LEN
        || meta_base64_read(buf, &n, head) != META_OK
        || n > META_STATE_PAYLOAD)
    {
        return META_MALFORMED;
    }

    payload.data = buf;
    payload.len = n;

    rc = meta_state_judge(keys, nkeys, payload, cookie, mac);

    return rc == META_OK ? meta_state_parts(state, payload) : rc;
}
