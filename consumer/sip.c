/* SipHash-2-4, of 64 and of 128 bits. */

#include "sip.h"


static uint64_t turn(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}


static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = turn(v[1], 13) ^ v[0];
    v[0] = turn(v[0], 32);
    v[2] += v[3];
    v[3] = turn(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = turn(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = turn(v[1], 17) ^ v[2];
    v[2] = turn(v[2], 32);
}


static uint64_t sip_word(const char *at, size_t n)
{
    size_t    i;
    uint64_t  word = 0;

    for (i = 0; i < n; i++) {
        word |= (uint64_t) (unsigned char) at[i] << 8 * i;
    }

    return word;
}


/* all words of the text, the last with its length */
static void sip_begin(uint64_t v[4], const unsigned char key[SIP_KEY_LEN],
    struct str s, uint64_t width)
{
    uint64_t     k0 = sip_word((const char *) key, 8);
    uint64_t     k1 = sip_word((const char *) key + 8, 8), word;
    const char  *end = s.at + s.len / 8 * 8;

    v[0] = k0 ^ 0x736f6d6570736575u;
    v[1] = k1 ^ 0x646f72616e646f6du ^ width;
    v[2] = k0 ^ 0x6c7967656e657261u;
    v[3] = k1 ^ 0x7465646279746573u;

    for (;;) {
        word = s.at < end ? sip_word(s.at, 8)
               : sip_word(s.at, s.len % 8) | (uint64_t) s.len << 56;
        v[3] ^= word;
        sip_round(v);
        sip_round(v);
        v[0] ^= word;

        if (s.at >= end) {
            break;
        }

        s.at += 8;
    }
}


static uint64_t sip_end(uint64_t v[4])
{
    size_t  i;

    for (i = 0; i < 4; i++) {
        sip_round(v);
    }

    return v[0] ^ v[1] ^ v[2] ^ v[3];
}


/* sip_hash returns 64 bits */
uint64_t sip_hash(const unsigned char key[SIP_KEY_LEN], struct str s)
{
    uint64_t  v[4];

    sip_begin(v, key, s, 0);
    v[2] ^= 0xff;

    return sip_end(v);
}


/* sip_long writes 128 bits */
void sip_long(unsigned char out[SIP_LONG_LEN],
    const unsigned char key[SIP_KEY_LEN], struct str s)
{
    size_t    i;
    uint64_t  v[4], half[2];

    sip_begin(v, key, s, 0xee);
    v[2] ^= 0xee;
    half[0] = sip_end(v);
    v[1] ^= 0xdd;
    half[1] = sip_end(v);

    for (i = 0; i < SIP_LONG_LEN; i++) {
        out[i] = (unsigned char) (half[i / 8] >> 8 * (i % 8));
    }
}
