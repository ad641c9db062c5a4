/*
 * The GET handshake: three parameters of a query string, percent-decoded and
 * judged; and the same walk used to hide secrets in what a log would show.
 *
 * nginx has no variable for a name with a dot ($arg_hub.mode), so the query
 * is parsed here.
 */

#include <string.h>

#include <openssl/crypto.h>

#include "meta_challenge.h"
#include "meta_query.h"
#include "meta_signature.h"


/* what a parameter's name may be, decoded; the longest name we look for */
#define META_PARAM_NAME_MAX  16

/* the same with some blanks before it */
#define META_MASK_NAME_MAX   32

enum {
    META_PARAM_MODE = 0,
    META_PARAM_TOKEN,
    META_PARAM_CHALLENGE,
    META_PARAM_COUNT
};


static meta_rc_t meta_challenge_token(meta_str_t value,
    const meta_str_t *tokens, size_t ntokens, unsigned char *buf);
static int meta_mask_separates(unsigned char c);
static int meta_mask_secret(meta_str_t name);
static int meta_param_index(meta_str_t name, const meta_str_t *names,
    size_t nnames);


static const meta_str_t  meta_challenge_names[META_PARAM_COUNT] = {
    meta_string("hub.mode"),
    meta_string("hub.verify_token"),
    meta_string("hub.challenge")
};

static const meta_str_t  meta_secret_names[] = {
    meta_string("hub.verify_token"),
    meta_string("code"),
    meta_string("state"),
    meta_string("sig"),
    meta_string("signed_request")
};


meta_rc_t
meta_challenge(meta_str_t args, const meta_str_t *tokens, size_t ntokens,
    unsigned char *out, size_t *len)
{
    int           i;
    meta_rc_t     rc;
    meta_str_t    value[META_PARAM_COUNT];
    meta_param_t  param;

    *len = 0;
    memset(value, 0, sizeof(value));

    while (meta_query_next(&args, &param)) {
        i = meta_param_index(param.name, meta_challenge_names,
                             META_PARAM_COUNT);
        if (i < 0) {
            continue;
        }

        /* an empty value is refused as one that is missing would be */

        if (value[i].data != NULL || param.value.len == 0) {
            return META_MALFORMED;
        }

        value[i] = param.value;
    }

    for (i = 0; i < META_PARAM_COUNT; i++) {
        if (value[i].data == NULL) {
            return META_MALFORMED;
        }
    }

    rc = meta_query_decode(value[META_PARAM_MODE], '+', out, len);

    if (rc != META_OK || *len != 9 || memcmp(out, "subscribe", 9) != 0) {
        *len = 0;
        return META_MALFORMED;
    }

    rc = meta_query_decode(value[META_PARAM_CHALLENGE], '+', out, len);

    if (rc == META_OK) {
        rc = meta_challenge_token(value[META_PARAM_TOKEN], tokens, ntokens,
                                  out);
    }

    if (rc != META_OK) {
        *len = 0;
        return rc;
    }

    return meta_query_decode(value[META_PARAM_CHALLENGE], '+', out, len);
}


/*
 * A token with a '+' comes as it is from whoever wrote only what must be
 * escaped, and a token with a space may come with a '+' (WWW form encoding):
 * both readings are tried, and every token is, so that the time taken tells
 * nothing of which agreed.
 */

static meta_rc_t
meta_challenge_token(meta_str_t value, const meta_str_t *tokens,
    size_t ntokens, unsigned char *buf)
{
    int        agreed;
    size_t     i, k, len;
    meta_rc_t  rc;

    len = 0;
    agreed = 0;

    for (k = 0; k < 2; k++) {
        rc = meta_query_decode(value, k == 0 ? '+' : ' ', buf, &len);
        if (rc != META_OK) {
            return rc;
        }

        for (i = 0; i < ntokens; i++) {
            if (tokens[i].len == len) {
                agreed |= meta_equal(tokens[i].data, buf, len);
            }
        }
    }

    OPENSSL_cleanse(buf, len);

    return agreed ? META_OK : META_DENIED;
}


void
meta_query_mask(unsigned char *data, size_t len, int is_query)
{
    size_t          i, start;
    meta_str_t      name;
    unsigned char  *p, *end;

    start = 0;

    if (!is_query) {
        while (start < len && data[start] != '?') {
            start++;
        }

        if (start == len) {
            return;
        }

        start++;

        /* what follows the target of a request line is no secret */

        for (i = len; i >= start + 6; i--) {
            if (memcmp(data + i - 6, " HTTP/", 6) == 0) {
                len = i - 6;
                break;
            }
        }
    }

    p = data + start;
    end = data + len;

    while (p < end) {

        for (name.data = p; p < end && *p != '='; p++) {
            if (meta_mask_separates(*p)) {
                name.data = p + 1;
            }
        }

        name.len = (size_t) (p - name.data);

        if (p < end && meta_mask_secret(name)) {
            while (++p < end && *p != '&') {
                *p = '*';
            }

            continue;
        }

        while (p < end && !meta_mask_separates(*p)) {
            p++;
        }
    }
}


/* what some program may have joined parameters with */

static int
meta_mask_separates(unsigned char c)
{
    return c == '&' || c == ';' || c == '?' || c == '#';
}


/*
 * A name that anybody may have meant for a secret's: of either case, with
 * '_' for a dot as PHP has it, behind blanks.
 */

static int
meta_mask_secret(meta_str_t name)
{
    size_t         i, k, len;
    meta_str_t     secret;
    unsigned char  buf[META_MASK_NAME_MAX], c;

    if (name.len > 3 * META_MASK_NAME_MAX
        || meta_query_decode(name, ' ', NULL, &len) != META_OK
        || len > META_MASK_NAME_MAX)
    {
        return 0;
    }

    (void) meta_query_decode(name, ' ', buf, &len);

    for (i = 0; i < len && buf[i] == ' '; i++) { /* void */ }

    name.data = buf + i;
    name.len = len - i;

    for (i = 0; i < sizeof(meta_secret_names) / sizeof(meta_str_t); i++) {
        secret = meta_secret_names[i];

        if (secret.len != name.len) {
            continue;
        }

        for (k = 0; k < name.len; k++) {
            c = name.data[k];

            if (c >= 'A' && c <= 'Z') {
                c |= 0x20;
            }

            if (c != secret.data[k] && !(c == '_' && secret.data[k] == '.')) {
                break;
            }
        }

        if (k == name.len) {
            return 1;
        }
    }

    return 0;
}


static int
meta_param_index(meta_str_t name, const meta_str_t *names, size_t nnames)
{
    size_t         i, len;
    unsigned char  buf[META_PARAM_NAME_MAX];

    if (name.len > 3 * META_PARAM_NAME_MAX) {
        return -1;
    }

    if (meta_query_decode(name, '+', NULL, &len) != META_OK
        || len > META_PARAM_NAME_MAX)
    {
        return -1;
    }

    (void) meta_query_decode(name, '+', buf, &len);

    for (i = 0; i < nnames; i++) {
        if (names[i].len == len && memcmp(names[i].data, buf, len) == 0) {
            return (int) i;
        }
    }

    return -1;
}
