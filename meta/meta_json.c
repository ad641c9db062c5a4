/*
 * The strict JSON scanner, and texts between the form they were sent in, the
 * bytes that they mean, and the form that the record writes.
 */

#include <string.h>

#ifdef __SSE2__
#include <immintrin.h>
#endif

#include "meta_json.h"


/* the longest texts that are compared; nothing longer takes part in a key */
#define META_JSON_EQUAL_MAX  512

/*
 * Texts up to here are read in words that overlap, which is cheaper than calls
 * of libc
 */
#define META_JSON_SHORT  64

/* nonzero if one of the eight bytes is a backslash */
#define meta_json_slash(w)                                                    \
    (((((w) ^ UINT64_C(0x5c5c5c5c5c5c5c5c)) - UINT64_C(0x0101010101010101))   \
      & ~((w) ^ UINT64_C(0x5c5c5c5c5c5c5c5c)))                                \
     & UINT64_C(0x8080808080808080))


static const unsigned char *meta_json_scalar(const unsigned char *p,
    const unsigned char *end);
#ifdef __SSE2__
static uint64_t meta_json_special_avx2(const unsigned char *p);
#endif
static const unsigned char *meta_json_number(const unsigned char *p,
    const unsigned char *end);
static const unsigned char *meta_json_digits(const unsigned char *p,
    const unsigned char *end);
static const unsigned char *meta_json_word(const unsigned char *p,
    const unsigned char *end, const char *word, size_t len);
static long meta_json_convert(meta_str_t text, unsigned char *out,
    size_t room, int written);
static int meta_json_copy(unsigned char *out, meta_str_t text);
static size_t meta_json_unescape(const unsigned char **pp,
    const unsigned char *end, unsigned char *c, int written);
static size_t meta_json_utf8(unsigned char *c, unsigned long code);
static size_t meta_json_ascii(unsigned char *c, unsigned long code);
static long meta_json_hex4(const unsigned char *p, const unsigned char *end);


meta_rc_t
meta_json_value(meta_json_t *j, unsigned depth)
{
    meta_rc_t              rc;
    meta_json_skip_t       k;
    const unsigned char   *stop;

    stop = j->stop;
    j->stop = j->end;

    meta_json_skip_init(&k, depth);
    rc = meta_json_skip(j, &k);

    j->stop = stop;

    return rc;
}


meta_rc_t
meta_json_skip(meta_json_t *j, meta_json_skip_t *k)
{
    int          rc, first;
    unsigned     level;
    meta_str_t   name;
    meta_json_t  c;

    c = *j;
    level = k->level;

    for ( ;; ) {

        if (c.p >= c.stop) {
            if (c.p == c.end) {
                return META_MALFORMED;
            }

            break;
        }

        first = 0;

        if (*c.p == '"' || k->in_string) {
            c.p += !k->in_string;

            rc = meta_json_string(&c, c.stop);

            if (rc == 0) {
                return META_MALFORMED;
            }

            k->in_string = (rc == 2);

            if (rc == 2) {
                break;
            }

        } else if (*c.p == '{' || *c.p == '[') {
            if (level == META_MAX_DEPTH) {
                return META_TOO_DEEP;
            }

            k->close[level++] = (*c.p++ == '{') ? '}' : ']';
            first = 1;

        } else {
            c.p = meta_json_scalar(c.p, c.end);

            if (c.p == NULL) {
                return META_MALFORMED;
            }
        }

        /* to the next value, out of every container that ends here */

        for ( ;; ) {
            if (level == k->depth) {
                *j = c;
                return META_OK;
            }

            rc = meta_json_next(&c, k->close[level - 1], first);

            if (rc == 1) {
                break;
            }

            if (rc == -1) {
                return META_MALFORMED;
            }

            level--;
            first = 0;
        }

        if (k->close[level - 1] == '}' && !meta_json_name(&c, &name)) {
            return META_MALFORMED;
        }
    }

    k->level = level;
    *j = c;

    return META_AGAIN;
}


uint64_t
meta_json_special(const unsigned char *p, const unsigned char *end)
{
    size_t         i, n;
    uint64_t       special;
    unsigned char  last[META_JSON_BLOCK];

    n = (size_t) (end - p);

    if (n < META_JSON_BLOCK) {

        /* the zeroes behind the end are control characters */

        memset(last, 0, sizeof(last));

        if (n != 0) {
            memcpy(last, p, n);
        }

        p = last;
    }

#ifdef __SSE2__

    if (__builtin_cpu_supports("avx2")) {
        return meta_json_special_avx2(p);
    }

#endif

    special = 0;

#ifdef __SSE2__

    for (i = 0; i < META_JSON_BLOCK; i += 16) {
        __m128i  x, bits;

        x = _mm_loadu_si128((const __m128i *) (const void *) (p + i));

        bits = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x);
        bits = _mm_or_si128(bits, _mm_cmpeq_epi8(x, _mm_set1_epi8('"')));
        bits = _mm_or_si128(bits, _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));

        special |= (uint64_t) (unsigned) _mm_movemask_epi8(bits) << i;
    }

#else

    for (i = 0; i < META_JSON_BLOCK; i++) {
        special |= (uint64_t) (p[i] < 0x20 || p[i] == '"' || p[i] == '\\')
                   << i;
    }

#endif

    return special;
}


#ifdef __SSE2__

__attribute__((target("avx2")))
static uint64_t
meta_json_special_avx2(const unsigned char *p)
{
    size_t    i;
    __m256i   x, bits;
    uint64_t  special;

    special = 0;

    for (i = 0; i < META_JSON_BLOCK; i += 32) {
        x = _mm256_loadu_si256((const __m256i *) (const void *) (p + i));

        bits = _mm256_cmpeq_epi8(_mm256_min_epu8(x, _mm256_set1_epi8(0x1f)), x);
        bits = _mm256_or_si256(bits,
                               _mm256_cmpeq_epi8(x, _mm256_set1_epi8('"')));
        bits = _mm256_or_si256(bits,
                               _mm256_cmpeq_epi8(x, _mm256_set1_epi8('\\')));

        special |= (uint64_t) (unsigned) _mm256_movemask_epi8(bits) << i;
    }

    return special;
}

#endif


size_t
meta_json_escape(const unsigned char *p, const unsigned char *end)
{
    if (*p != '\\' || end - p < 2) {
        return 0;
    }

    switch (p[1]) {

    case '"': case '\\': case '/':
    case 'b': case 'f': case 'n': case 'r': case 't':
        return 2;

    case 'u':
        return meta_json_hex4(p + 2, end) < 0 ? 0 : 6;
    }

    return 0;
}


/* a number, true, false or null */

static const unsigned char *
meta_json_scalar(const unsigned char *p, const unsigned char *end)
{
    switch (*p) {
    case 't':
        return meta_json_word(p, end, "true", 4);
    case 'f':
        return meta_json_word(p, end, "false", 5);
    case 'n':
        return meta_json_word(p, end, "null", 4);
    }

    return meta_json_number(p, end);
}


static const unsigned char *
meta_json_number(const unsigned char *p, const unsigned char *end)
{
    if (p < end && *p == '-') {
        p++;
    }

    if (p < end && *p == '0') {
        p++;

    } else {
        p = meta_json_digits(p, end);
        if (p == NULL) {
            return NULL;
        }
    }

    if (p < end && *p == '.') {
        p = meta_json_digits(p + 1, end);
        if (p == NULL) {
            return NULL;
        }
    }

    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;

        if (p < end && (*p == '+' || *p == '-')) {
            p++;
        }

        p = meta_json_digits(p, end);
    }

    return p;
}


static const unsigned char *
meta_json_digits(const unsigned char *p, const unsigned char *end)
{
    const unsigned char  *start;

    start = p;

    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }

    return p == start ? NULL : p;
}


static const unsigned char *
meta_json_word(const unsigned char *p, const unsigned char *end,
    const char *word, size_t len)
{
    if ((size_t) (end - p) < len || memcmp(p, word, len) != 0) {
        return NULL;
    }

    return p + len;
}


meta_str_t
meta_json_text(meta_str_t token)
{
    meta_str_t  text;

    if (token.len > 2 && token.data[0] == '"') {
        text.data = token.data + 1;
        text.len = token.len - 2;

    } else {
        text.data = NULL;
        text.len = 0;
    }

    return text;
}


meta_str_t
meta_json_ident(meta_str_t token)
{
    const unsigned char  *p, *end;

    if (token.len == 0 || token.data[0] == '"') {
        return meta_json_text(token);
    }

    p = token.data;
    end = p + token.len;

    if (meta_json_digits(p, end) != end) {
        token.data = NULL;
        token.len = 0;
    }

    return token;
}


long
meta_json_decode(meta_str_t text, unsigned char *out, size_t room)
{
    return meta_json_convert(text, out, room, 0);
}


long
meta_json_encode(meta_str_t text, unsigned char *out, size_t room)
{
    return meta_json_convert(text, out, room, 1);
}


int
meta_json_equal(meta_str_t a, meta_str_t b)
{
    long           na, nb;
    unsigned char  bufa[META_JSON_EQUAL_MAX], bufb[META_JSON_EQUAL_MAX];

    na = meta_json_encode(a, bufa, sizeof(bufa));
    nb = meta_json_encode(b, bufb, sizeof(bufb));

    return na >= 0 && na == nb && memcmp(bufa, bufb, (size_t) na) == 0;
}


int
meta_json_is(meta_str_t text, meta_str_t plain)
{
    long           n;
    unsigned char  buf[META_JSON_NAME_MAX];

    if (text.len == plain.len) {
        return memcmp(text.data, plain.data, plain.len) == 0;
    }

    /* an escape is longer than what it means */

    if (text.len < plain.len
        || memchr(text.data, '\\', text.len) == NULL)
    {
        return 0;
    }

    n = meta_json_decode(text, buf, sizeof(buf));

    return n == (long) plain.len && memcmp(buf, plain.data, plain.len) == 0;
}


static long
meta_json_convert(meta_str_t text, unsigned char *out, size_t room,
    int written)
{
    size_t                n, len;
    unsigned char         c[META_JSON_CHAR_MAX];
    const unsigned char  *p, *end, *run;

    if (text.len == 0) {
        return 0;
    }

    if (text.len <= room && meta_json_copy(out, text)) {
        return (long) text.len;
    }

    p = text.data;
    end = p + text.len;
    len = 0;

    while (p < end) {
        run = p;

        p = memchr(run, '\\', (size_t) (end - run));
        if (p == NULL) {
            p = end;
        }

        n = (size_t) (p - run);

        if (n > room - len) {
            return -1;
        }

        memcpy(out + len, run, n);
        len += n;

        if (p == end) {
            break;
        }

        n = meta_json_unescape(&p, end, c, written);

        if (n > room - len) {
            return -1;
        }

        memcpy(out + len, c, n);
        len += n;
    }

    return (long) len;
}


/* the whole text; 1 if it has no escape */

static int
meta_json_copy(unsigned char *out, meta_str_t text)
{
    size_t                i, n;
    uint64_t              word, last;
    const unsigned char  *p;

    p = text.data;
    n = text.len;

    if (n < sizeof(word) || n > META_JSON_SHORT) {
        memcpy(out, p, n);
        return memchr(p, '\\', n) == NULL;
    }

    memcpy(&last, p + n - sizeof(last), sizeof(last));

    for (i = 0; i + sizeof(word) < n; i += sizeof(word)) {
        memcpy(&word, p + i, sizeof(word));
        memcpy(out + i, &word, sizeof(word));

        if (meta_json_slash(word)) {
            return 0;
        }
    }

    memcpy(out + n - sizeof(last), &last, sizeof(last));

    return !meta_json_slash(last);
}


int
meta_json_escaped(meta_str_t text)
{
    size_t                i, n;
    uint64_t              word, slashes;
    const unsigned char  *p;

    p = text.data;
    n = text.len;

    if (n < sizeof(word) || n > META_JSON_SHORT) {
        return n != 0 && memchr(p, '\\', n) != NULL;
    }

    memcpy(&word, p + n - sizeof(word), sizeof(word));
    slashes = meta_json_slash(word);

    for (i = 0; i + sizeof(word) < n; i += sizeof(word)) {
        memcpy(&word, p + i, sizeof(word));
        slashes |= meta_json_slash(word);
    }

    return slashes != 0;
}


/* one escape, of a text that was scanned, to c; how many bytes it became */

static size_t
meta_json_unescape(const unsigned char **pp, const unsigned char *end,
    unsigned char *c, int written)
{
    long                         code, low;
    const char                  *at;
    const unsigned char         *p;

    static const char  names[] = "\"\\/bfnrt";
    static const char  meant[] = "\"\\/\b\f\n\r\t";

    p = *pp;

    if (end - p >= 2 && p[1] != 'u') {
        *pp = p + 2;

        at = memchr(names, p[1], sizeof(names) - 1);
        code = (at == NULL) ? p[1] : meant[at - names];

    } else {
        code = (end - p < 2) ? -1 : meta_json_hex4(p + 2, end);
        if (code < 0) {
            *pp = end;
            return 0;
        }

        *pp = p + 6;

        if (code >= 0xd800 && code < 0xe000) {
            low = (code < 0xdc00 && end - p >= 12
                   && p[6] == '\\' && p[7] == 'u')
                  ? meta_json_hex4(p + 8, end) : -1;

            if (low < 0xdc00 || low >= 0xe000) {
                memcpy(c, p, 6);
                return 6;
            }

            *pp = p + 12;
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
    }

    if (written && (code < 0x20 || code == '"' || code == '\\')) {
        return meta_json_ascii(c, (unsigned long) code);
    }

    return meta_json_utf8(c, (unsigned long) code);
}


static size_t
meta_json_utf8(unsigned char *c, unsigned long code)
{
    size_t  n;

    if (code < 0x80) {
        c[0] = (unsigned char) code;
        return 1;
    }

    n = 0;

    if (code < 0x800) {
        c[n++] = (unsigned char) (0xc0 | code >> 6);

    } else {
        if (code < 0x10000) {
            c[n++] = (unsigned char) (0xe0 | code >> 12);

        } else {
            c[n++] = (unsigned char) (0xf0 | code >> 18);
            c[n++] = (unsigned char) (0x80 | (code >> 12 & 0x3f));
        }

        c[n++] = (unsigned char) (0x80 | (code >> 6 & 0x3f));
    }

    c[n++] = (unsigned char) (0x80 | (code & 0x3f));

    return n;
}


/* the shortest escape of a byte that no JSON string holds as it is */

static size_t
meta_json_ascii(unsigned char *c, unsigned long code)
{
    static const char  hex[] = "0123456789abcdef";

    c[0] = '\\';

    switch (code) {
    case '\b': c[1] = 'b'; return 2;
    case '\f': c[1] = 'f'; return 2;
    case '\n': c[1] = 'n'; return 2;
    case '\r': c[1] = 'r'; return 2;
    case '\t': c[1] = 't'; return 2;
    case '"':
    case '\\': c[1] = (unsigned char) code; return 2;
    }

    c[1] = 'u';
    c[2] = '0';
    c[3] = '0';
    c[4] = hex[code >> 4];
    c[5] = hex[code & 0xf];

    return 6;
}


/* four hex digits, or -1 */

static long
meta_json_hex4(const unsigned char *p, const unsigned char *end)
{
    int   i, digit;
    long  code;

    if (end - p < 4) {
        return -1;
    }

    code = 0;

    for (i = 0; i < 4; i++) {
        digit = meta_hex(p[i]);

        if (digit < 0) {
            return -1;
        }

        code = code << 4 | digit;
    }

    return code;
}
