/*
 * The handshake against a plain re-telling of its rules, and the mask: it
 * changes nothing but values, and all of a secret's.
 */

#include <stdio.h>

#include "meta/meta_challenge.h"
#include "yajl_judge.h"


#define FUZZ_SIZE  1024
#define FUZZ_NAME  48    /* the longest name, every letter escaped */


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_handshake(const meta_str_t *tokens, size_t ntokens,
    meta_str_t args);
static meta_rc_t fuzz_expected(const meta_str_t *tokens, size_t ntokens,
    meta_str_t args, unsigned char *out, size_t *len);
static int fuzz_param(meta_str_t args, const char *name, int which,
    int form, unsigned char *out, size_t *len);
static int fuzz_decode(const uint8_t *p, const uint8_t *end, int form,
    unsigned char *out, size_t *len);
static void fuzz_mask(meta_str_t s, int is_query);


/* two tokens and a query string end at line feeds; the query is the rest */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t          n;
    meta_str_t      s, tokens[2];
    const uint8_t  *p;

    if (size > FUZZ_SIZE) {
        return 0;
    }

    s.data = data;
    s.len = size;

    fuzz_mask(s, 0);
    fuzz_mask(s, 1);

    for (n = 0; n < 2; n++) {
        p = memchr(s.data, '\n', s.len);
        if (p == NULL) {
            break;
        }

        tokens[n].data = s.data;
        tokens[n].len = (size_t) (p - s.data);

        s.len -= tokens[n].len + 1;
        s.data = p + 1;
    }

    fuzz_handshake(tokens, n, s);

    return 0;
}


static void
fuzz_handshake(const meta_str_t *tokens, size_t ntokens, meta_str_t args)
{
    size_t         len, other_len;
    meta_rc_t      rc, other;
    unsigned char  buf[FUZZ_SIZE];
    unsigned char *out;

    /* exactly the room that is asked for: the sanitizer watches the rest */

    out = malloc(args.len + (args.len == 0));
    check(out != NULL);

    rc = meta_challenge(args, tokens, ntokens, out, &len);
    other = fuzz_expected(tokens, ntokens, args, buf, &other_len);

    check(rc == other);
    check(len == (rc == META_OK ? other_len : 0));
    check(len == 0 || memcmp(out, buf, len) == 0);

    free(out);
}


static meta_rc_t
fuzz_expected(const meta_str_t *tokens, size_t ntokens, meta_str_t args,
    unsigned char *out, size_t *len)
{
    int            form, agreed;
    size_t         i, n;
    unsigned char  token[FUZZ_SIZE];

    if (fuzz_param(args, "hub.mode", 0, 0, out, len) != 1
        || *len != 9 || memcmp(out, "subscribe", 9) != 0
        || fuzz_param(args, "hub.mode", 1, 0, out, len) != 0
        || fuzz_param(args, "hub.verify_token", 0, 0, out, len) != 1
        || *len == 0
        || fuzz_param(args, "hub.verify_token", 1, 0, out, len) != 0
        || fuzz_param(args, "hub.challenge", 0, 0, out, len) != 1
        || *len == 0
        || fuzz_param(args, "hub.challenge", 1, 0, out, len) != 0)
    {
        return META_MALFORMED;
    }

    agreed = 0;

    for (form = 0; form < 2; form++) {
        check(fuzz_param(args, "hub.verify_token", 0, form, token, &n) == 1);

        for (i = 0; i < ntokens; i++) {
            agreed |= tokens[i].len == n
                      && memcmp(tokens[i].data, token, n) == 0;
        }
    }

    check(fuzz_param(args, "hub.challenge", 0, 0, out, len) == 1);

    return agreed ? META_OK : META_DENIED;
}


/* 1: the parameter (0: the first, 1: the second of this name) stands in out;
 * 0: there is none; -1: not validly encoded */

static int
fuzz_param(meta_str_t args, const char *name, int which, int form,
    unsigned char *out, size_t *len)
{
    size_t          n;
    const uint8_t  *p, *end, *eq, *last;
    unsigned char   buf[FUZZ_NAME];

    last = args.data + args.len;

    for (p = args.data; p < last; p = end + 1) {

        for (end = p; end < last && *end != '&'; end++) { /* void */ }
        for (eq = p; eq < end && *eq != '='; eq++) { /* void */ }

        if (eq - p > FUZZ_NAME || !fuzz_decode(p, eq, 0, buf, &n)
            || n != strlen(name) || memcmp(buf, name, n) != 0)
        {
            continue;
        }

        if (which-- != 0) {
            continue;
        }

        *len = 0;

        return fuzz_decode(eq == end ? end : eq + 1, end, form, out, len)
               ? 1 : -1;
    }

    return 0;
}


static int
fuzz_decode(const uint8_t *p, const uint8_t *end, int form,
    unsigned char *out, size_t *len)
{
    char      hex[3];
    char     *rest;
    unsigned  n;

    for (n = 0; p < end; p++) {
        if (*p == '+' && form) {
            out[n++] = ' ';

        } else if (*p != '%') {
            out[n++] = *p;

        } else {
            if (end - p < 3) {
                return 0;
            }

            hex[0] = (char) p[1];
            hex[1] = (char) p[2];
            hex[2] = '\0';

            if (strspn(hex, "0123456789abcdefABCDEF") != 2) {
                return 0;
            }

            out[n++] = (unsigned char) strtoul(hex, &rest, 16);
            p += 2;
        }
    }

    *len = n;

    return 1;
}


static void
fuzz_mask(meta_str_t s, int is_query)
{
    int             form;
    size_t          i, k, n;
    unsigned char   buf[FUZZ_SIZE], again[FUZZ_SIZE], value[FUZZ_SIZE];
    meta_str_t      query;
    const uint8_t  *p;

    static const char *const  secret[] = {
        "hub.verify_token", "code", "state", "sig", "signed_request"
    };

    memcpy(buf, s.data, s.len);
    meta_query_mask(buf, s.len, is_query);

    for (i = 0; i < s.len; i++) {
        check(buf[i] == s.data[i] || buf[i] == '*');
    }

    memcpy(again, buf, s.len);
    meta_query_mask(again, s.len, is_query);
    check(memcmp(again, buf, s.len) == 0);

    query.data = buf;
    query.len = s.len;

    if (!is_query) {
        p = memchr(buf, '?', s.len);

        if (p == NULL) {
            check(memcmp(buf, s.data, s.len) == 0);
            return;
        }

        check(memcmp(buf, s.data, (size_t) (p - buf)) == 0);

        query.data = p + 1;
        query.len = (size_t) (buf + s.len - query.data);

        if (memmem(query.data, query.len, " HTTP/", 6) != NULL) {
            return;
        }
    }

    for (k = 0; k < sizeof(secret) / sizeof(secret[0]); k++) {
        for (i = 0; ; i++) {
            form = fuzz_param(query, secret[k], (int) i, 0, value, &n);

            if (form == 0) {
                break;
            }

            check(form == 1);

            while (n != 0) {
                check(value[--n] == '*');
            }
        }
    }
}
