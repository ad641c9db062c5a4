/*
 * base64url, without padding when it is written, strict when it is read.
 */

#include "meta_base64.h"


size_t
meta_base64_write(unsigned char *out, meta_str_t bytes)
{
    size_t                i;
    uint32_t              v;
    unsigned char        *p = out;
    const unsigned char  *s = bytes.data;

    static const unsigned char  digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    for (i = 0; i + 2 < bytes.len; i += 3) {
        v = (uint32_t) s[i] << 16 | (uint32_t) s[i + 1] << 8 | s[i + 2];
        *p++ = digits[v >> 18];
        *p++ = digits[v >> 12 & 63];
        *p++ = digits[v >> 6 & 63];
        *p++ = digits[v & 63];
    }

    if (i == bytes.len) {
        return (size_t) (p - out);
    }

    v = (uint32_t) s[i] << 16;
    if (i + 1 < bytes.len) {
        v |= (uint32_t) s[i + 1] << 8;
    }

    *p++ = digits[v >> 18];
    *p++ = digits[v >> 12 & 63];

    if (i + 1 < bytes.len) {
        *p++ = digits[v >> 6 & 63];
    }

    return (size_t) (p - out);
}


static int
meta_base64_digit(unsigned char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    return c == '-' ? 62 : c == '_' ? 63 : -1;
}


/* what is left of in without "=" that stands where it may */
static meta_rc_t
meta_base64_unpad(meta_str_t *in)
{
    size_t  n = 0;

    while (n < 2 && in->len > n && in->data[in->len - n - 1] == '=') {
        n++;
    }

    if (n > 0 && in->len % 4 != 0) {
        return META_MALFORMED;
    }

    in->len -= n;

    return in->len % 4 == 1 ? META_MALFORMED : META_OK;
}


meta_rc_t
meta_base64_read(unsigned char *out, size_t *len, meta_str_t in)
{
    int             d;
    size_t          i;
    uint32_t        v = 0;
    unsigned        bits = 0;
    unsigned char  *p = out;

    if (meta_base64_unpad(&in) != META_OK) {
        return META_MALFORMED;
    }

    for (i = 0; i < in.len; i++) {
        d = meta_base64_digit(in.data[i]);
        if (d < 0) {
            return META_MALFORMED;
        }

        v = (v << 6 | (uint32_t) d) & 0xffff;
        bits += 6;

        if (bits >= 8) {
            bits -= 8;
            *p++ = (unsigned char) (v >> bits);
        }
    }

    if (v & ((1u << bits) - 1)) {
        return META_MALFORMED;
    }

    *len = (size_t) (p - out);

    return META_OK;
}
