/* The log's lines as JSON: the same text, taken apart at its key=value. */

#include "log.h"

#include <stdio.h>


/* there is room: a line grows to less than three times its length */
struct out {
    char    *at;
    size_t   len;
};


/* keys whose values are numbers for whoever reads them */
static const char *const  numeric[] = {
    "n", "events", "calls", "ms", "status", "code", "subcode", "attempts",
    "attempt", "wait_ms", "crashes", "age"
};


static void out_add(struct out *out, const char *at, size_t len)
{
    memcpy(out->at + out->len, at, len);
    out->len += len;
}


static void out_text(struct out *out, const char *text)
{
    out_add(out, text, strlen(text));
}


/* how many bytes the character has, 0 where it is no UTF-8 */
static size_t utf8(const unsigned char *at, size_t len)
{
    size_t    i, n;
    unsigned  c = at[0], min, code;

    if (c < 0x80) {
        return 1;
    }

    n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || n > len) {
        return 0;
    }

    code = c & (0xff >> (n + 1));
    for (i = 1; i < n; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (at[i] & 0x3f);
    }

    min = n == 4 ? 0x10000 : n == 3 ? 0x800 : 0x80;

    return code < min || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)
           ? 0 : n;
}


static void out_chars(struct out *out, const char *at, size_t len)
{
    size_t  i, n;

    for (i = 0; i < len; i += n ? n : 1) {
        n = utf8((const unsigned char *) at + i, len - i);

        if (n == 0) {
            out_text(out, "?");
            continue;
        }

        if (at[i] == '"' || at[i] == '\\') {
            out_text(out, "\\");
        }

        out_add(out, at + i, n);
    }
}


static void out_string(struct out *out, const char *at, size_t len)
{
    out_text(out, "\"");
    out_chars(out, at, len);
    out_text(out, "\"");
}


static bool is_number(const char *key, size_t nkey, const char *at,
    size_t len)
{
    size_t  i, digits = 0, dots = 0;

    for (i = 0; i < sizeof(numeric) / sizeof(numeric[0]); i++) {
        if (strlen(numeric[i]) == nkey && memcmp(numeric[i], key, nkey) == 0) {
            break;
        }
    }

    if (i == sizeof(numeric) / sizeof(numeric[0]) || len > 15) {
        return false;
    }

    for (i = len > 1 && at[0] == '-' ? 1 : 0; i < len; i++) {
        if (at[i] == '.' && digits && i + 1 < len) {
            dots++;
        } else if (at[i] >= '0' && at[i] <= '9') {
            digits++;
        } else {
            return false;
        }
    }

    at += at[0] == '-';

    return digits && dots <= 1 && (at[0] != '0' || digits == 1 || at[1] == '.');
}


/* a word "key=value": how long the key is, else 0 */
static size_t word_key(const char *at, size_t len)
{
    size_t  n = 0;

    while (n < len && ((at[n] >= 'a' && at[n] <= 'z') || at[n] == '_')) {
        n++;
    }

    return n && n < len && at[n] == '=' ? n : 0;
}


static void out_member(struct out *out, const char *at, size_t len)
{
    size_t       n = word_key(at, len);
    const char  *value = at + n + 1;

    out_text(out, ",");
    out_string(out, at, n);
    out_text(out, ":");
    len -= n + 1;

    if (len == 1 && *value == '-') {
        out_text(out, "null");
    } else if (is_number(at, n, value, len)) {
        out_add(out, value, len);
    } else {
        out_string(out, value, len);
    }
}


static size_t word_end(const char *text, size_t at, size_t len)
{
    const char  *space = memchr(text + at, ' ', len - at);

    return space != NULL ? (size_t) (space - text) : len;
}


/* the words key=value that stand together, from *from to *to; one alone, in
   the middle of a sentence, is a word of it */
static void text_members(const char *text, size_t len, size_t *from,
    size_t *to)
{
    size_t  at, end, n = 0;

    *from = *to = len;

    for (at = 0; at < len; at = end + 1) {
        end = word_end(text, at, len);

        if (word_key(text + at, end - at)) {
            *from = n++ ? *from : at;
            *to = end;

        } else if (n > 1) {
            return;

        } else {
            n = 0;
            *from = *to = len;
        }
    }
}


/* log_json writes the object */
size_t log_json(char *out, const char *time, const char *level,
    const char *text, size_t len)
{
    size_t      at, end, from, to;
    struct out  o = { out, 0 };

    text_members(text, len, &from, &to);

    if (to < len && text[to - 1] == ':') {
        to--;               /* "trace=x: what to do" */
    }

    out_text(&o, "{\"time\":\"");
    out_text(&o, time);
    out_text(&o, "\",\"level\":\"");
    out_text(&o, level);
    out_text(&o, "\",\"message\":\"");
    out_chars(&o, text, from > 0 && from < len ? from - 1 : from);
    out_chars(&o, text + to, len - to);
    out_text(&o, "\"");

    for (at = from; at < to; at = end + 1) {
        end = word_end(text, at, to);
        out_member(&o, text + at, end - at);
    }

    out_text(&o, "}");

    return o.len;
}
