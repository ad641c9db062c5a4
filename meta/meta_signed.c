/*
 * A signed_request taken apart and judged, and the codes that confirm a
 * deletion.
 */

#include <string.h>

#include "meta_base64.h"
#include "meta_signed.h"
#include "meta_walk.h"


/* 32 bytes as base64url, with the padding that some senders leave on it */
#define META_SIGNED_MAC_LEN     43
#define META_SIGNED_PADDED_LEN  44

#define META_CONFIRM_RANDOM  (META_CONFIRM_LEN - META_CONFIRM_OWN)


enum {
    META_CLAIM_ALGORITHM = 0,
    META_CLAIM_ISSUED,
    META_CLAIM_USER,
    META_CLAIM_COUNT
};


static int meta_claims_algorithm(meta_str_t token);
static int meta_claims_time(meta_str_t token, int64_t *time);
static meta_rc_t meta_confirm_hex(unsigned char *out, size_t n,
    meta_hmac_t *secret, const char *what, meta_str_t bytes);


static const meta_member_t  meta_claims_members[] = {
    { meta_string("algorithm"), META_CLAIM_ALGORITHM, NULL },
    { meta_string("issued_at"), META_CLAIM_ISSUED, NULL },
    { meta_string("user_id"), META_CLAIM_USER, NULL }
};

static const meta_table_t  meta_claims_table =
    meta_table(meta_claims_members, META_CLAIM_COUNT - 1, 0);


meta_rc_t
meta_signed_parse(meta_signed_t *s, meta_str_t text)
{
    size_t                len;
    meta_str_t            mac;
    const unsigned char  *dot;
    unsigned char         buf[META_SIGNED_PADDED_LEN / 4 * 3 + 3];

    dot = memchr(text.data, '.', text.len);
    if (dot == NULL) {
        return META_MALFORMED;
    }

    mac.data = text.data;
    mac.len = (size_t) (dot - text.data);

    s->payload.data = dot + 1;
    s->payload.len = text.len - mac.len - 1;

    if ((mac.len != META_SIGNED_MAC_LEN && mac.len != META_SIGNED_PADDED_LEN)
        || s->payload.len == 0
        || memchr(s->payload.data, '.', s->payload.len) != NULL
        || meta_base64_read(buf, &len, mac) != META_OK
        || len != META_MAC_LEN)
    {
        return META_MALFORMED;
    }

    memcpy(s->mac, buf, META_MAC_LEN);

    return META_OK;
}


meta_rc_t
meta_signed_check(const meta_signed_t *s, meta_hmac_t *secret)
{
    unsigned char  mac[META_MAC_LEN];

    if (meta_hmac_begin(secret) != META_OK
        || meta_hmac_update(secret, s->payload) != META_OK
        || meta_hmac_final(secret, mac) != META_OK)
    {
        return META_ERROR;
    }

    return meta_equal(mac, s->mac, META_MAC_LEN) ? META_OK : META_DENIED;
}


meta_rc_t
meta_signed_read(meta_claims_t *claims, unsigned char *buf,
    const meta_signed_t *s)
{
    size_t       len;
    meta_str_t   slots[META_CLAIM_COUNT];
    meta_json_t  json;

    static const meta_str_t  zero = meta_string("0");

    if (meta_base64_read(buf, &len, s->payload) != META_OK) {
        return META_MALFORMED;
    }

    meta_json_init(&json, buf, buf + len);
    meta_json_space(&json);

    if (json.p == json.end || *json.p != '{'
        || meta_walk(&json, 0, &meta_claims_table, slots) != META_OK)
    {
        return META_MALFORMED;
    }

    meta_json_space(&json);

    if (json.p != json.end
        || !meta_claims_algorithm(slots[META_CLAIM_ALGORITHM])
        || !meta_claims_time(slots[META_CLAIM_ISSUED], &claims->issued_at))
    {
        return META_MALFORMED;
    }

    /* a string, though numbers have been seen */

    claims->user = meta_json_ident(slots[META_CLAIM_USER]);

    if (claims->user.len == 0 || claims->user.len > META_SIGNED_USER_MAX) {
        return META_MALFORMED;
    }

    claims->test = meta_json_is(claims->user, zero);

    return META_OK;
}


/* of either case */

static int
meta_claims_algorithm(meta_str_t token)
{
    size_t         i;
    meta_str_t     text;
    unsigned char  c;

    static const char  name[] = "HMAC-SHA256";

    text = meta_json_text(token);

    if (text.len != sizeof(name) - 1) {
        return 0;
    }

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (c >= 'a' && c <= 'z') {
            c &= ~0x20;
        }

        if (c != (unsigned char) name[i]) {
            return 0;
        }
    }

    return 1;
}


static int
meta_claims_time(meta_str_t token, int64_t *time)
{
    size_t      i;
    meta_str_t  text;

    text = meta_json_ident(token);

    if (text.len == 0 || text.len > 12) {
        return 0;
    }

    *time = 0;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return 0;
        }

        *time = *time * 10 + (text.data[i] - '0');
    }

    return 1;
}


int
meta_signed_fresh(const meta_claims_t *claims, int64_t now)
{
    return claims->issued_at >= now - META_SIGNED_AGE
           && claims->issued_at <= now + META_SIGNED_AHEAD;
}


meta_rc_t
meta_confirm_make(unsigned char code[META_CONFIRM_LEN], meta_hmac_t *secret,
    const meta_signed_t *s, const meta_claims_t *claims)
{
    meta_rc_t   rc;
    meta_str_t  random;

    if (claims->test) {
        memset(code, '0', META_CONFIRM_RANDOM);

    } else {
        rc = meta_confirm_hex(code, META_CONFIRM_RANDOM, secret, "request:",
                              s->payload);
        if (rc != META_OK) {
            return rc;
        }
    }

    random.data = code;
    random.len = META_CONFIRM_RANDOM;

    return meta_confirm_hex(code + META_CONFIRM_RANDOM, META_CONFIRM_OWN,
                            secret, "deletion:", random);
}


meta_rc_t
meta_confirm_check(meta_str_t code, meta_hmac_t *secret)
{
    size_t         i;
    meta_rc_t      rc;
    unsigned char  own[META_CONFIRM_OWN];

    if (code.len != META_CONFIRM_LEN) {
        return META_MALFORMED;
    }

    for (i = 0; i < code.len; i++) {
        if (meta_hex(code.data[i]) < 0
            || (code.data[i] >= 'A' && code.data[i] <= 'F'))
        {
            return META_MALFORMED;
        }
    }

    code.len = META_CONFIRM_RANDOM;

    rc = meta_confirm_hex(own, META_CONFIRM_OWN, secret, "deletion:", code);
    if (rc != META_OK) {
        return rc;
    }

    return meta_equal(own, code.data + code.len, META_CONFIRM_OWN)
           ? META_OK : META_DENIED;
}


int
meta_confirm_is_test(meta_str_t code)
{
    size_t  i;

    for (i = 0; i < META_CONFIRM_RANDOM && i < code.len; i++) {
        if (code.data[i] != '0') {
            return 0;
        }
    }

    return i == META_CONFIRM_RANDOM;
}


/* the first n digits of HMAC(secret, what bytes) */

static meta_rc_t
meta_confirm_hex(unsigned char *out, size_t n, meta_hmac_t *secret,
    const char *what, meta_str_t bytes)
{
    size_t         i;
    meta_str_t     prefix;
    unsigned char  mac[META_MAC_LEN];

    static const unsigned char  digits[] = "0123456789abcdef";

    prefix.data = (const unsigned char *) what;
    prefix.len = strlen(what);

    if (meta_hmac_begin(secret) != META_OK
        || meta_hmac_update(secret, prefix) != META_OK
        || meta_hmac_update(secret, bytes) != META_OK
        || meta_hmac_final(secret, mac) != META_OK)
    {
        return META_ERROR;
    }

    for (i = 0; i < n; i++) {
        out[i] = digits[(i & 1) ? mac[i / 2] & 15 : mac[i / 2] >> 4];
    }

    return META_OK;
}
