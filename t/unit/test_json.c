/*
 * meta_json: what is JSON and what is not (RFC 8259), how deep, and texts as
 * sent, as meant and as written.
 */

#include <stdlib.h>

#include "tap.h"
#include "meta/meta_json.c"


#define BYTES(s)  s, sizeof(s) - 1


static const struct {
    const char  *bytes;
    size_t       len;
    size_t       end;           /* behind the value; 0: malformed */
} values[] = {

    { BYTES("{}"), 2 }, { BYTES("[]"), 2 }, { BYTES("[ ]"), 3 },
    { BYTES("{\t\r\n }"), 6 },
    { BYTES("\"\""), 2 }, { BYTES("\"a\"x"), 3 },
    { BYTES("true"), 4 }, { BYTES("false,"), 5 }, { BYTES("null]"), 4 },
    { BYTES("0"), 1 }, { BYTES("-0"), 2 }, { BYTES("10"), 2 },
    { BYTES("0.5"), 3 }, { BYTES("-1.25e+10"), 9 }, { BYTES("1E5"), 3 },
    { BYTES("1e-5"), 4 },
    { BYTES("123456789012345678901234567890"), 30 },
    { BYTES("{\"a\":1,\"a\":{\"b\":[1,2,{}]}}"), 26 },
    { BYTES("{ \"a\" : 1 , \"b\" : [ 1 , 2 ] }"), 29 },
    { BYTES("{\"\":\"\"}"), 7 },
    { BYTES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u12aF\""), 24 },
    { BYTES("\"\\ud800\""), 8 }, { BYTES("\"\\udc00\\ud800\""), 14 },
    { BYTES("\"\x7f\""), 3 },
    { BYTES("\"\xc3\xa4\xff\xfe\x80\""), 7 },   /* UTF-8 is not judged */
    { BYTES("01"), 1 },         /* 0, and what follows is the caller's */

    { BYTES(""), 0 }, { BYTES(" "), 0 }, { BYTES("]"), 0 },
    { BYTES("}"), 0 }, { BYTES(","), 0 }, { BYTES("{"), 0 },
    { BYTES("["), 0 }, { BYTES("[1"), 0 }, { BYTES("[1,"), 0 },
    { BYTES("[1,]"), 0 }, { BYTES("[,1]"), 0 }, { BYTES("[1 2]"), 0 },
    { BYTES("[1}"), 0 }, { BYTES("{]"), 0 }, { BYTES("{\"a\"}"), 0 },
    { BYTES("{\"a\":}"), 0 }, { BYTES("{\"a\":1"), 0 },
    { BYTES("{\"a\":1,"), 0 }, { BYTES("{\"a\":1,}"), 0 },
    { BYTES("{,}"), 0 }, { BYTES("{a:1}"), 0 }, { BYTES("{1:1}"), 0 },
    { BYTES("{\"a\" 1}"), 0 }, { BYTES("{\"a\":1 \"b\":2}"), 0 },
    { BYTES("{\"a"), 0 }, { BYTES("{'a':1}"), 0 },
    { BYTES("{\"a\":1]"), 0 }, { BYTES("{null:1}"), 0 },
    { BYTES("\""), 0 }, { BYTES("\"a"), 0 }, { BYTES("\"\\"), 0 },
    { BYTES("\"\\\""), 0 }, { BYTES("\"\\x\""), 0 },
    { BYTES("\"\\u\""), 0 }, { BYTES("\"\\u123\""), 0 },
    { BYTES("\"\\u123g\""), 0 }, { BYTES("\"\\U1234\""), 0 },
    { BYTES("\"\\u12"), 0 }, { BYTES("\"\\'\""), 0 },
    { BYTES("\"\n\""), 0 }, { BYTES("\"\t\""), 0 },
    { BYTES("\"\0\""), 0 }, { BYTES("\"\x1f\""), 0 },
    { BYTES("tru"), 0 }, { BYTES("True"), 0 }, { BYTES("nul"), 0 },
    { BYTES("fals"), 0 }, { BYTES("truth"), 0 }, { BYTES("NaN"), 0 },
    { BYTES("-"), 0 }, { BYTES("+1"), 0 }, { BYTES(".5"), 0 },
    { BYTES("1."), 0 }, { BYTES("1.e5"), 0 }, { BYTES("1e"), 0 },
    { BYTES("1e+"), 0 }, { BYTES("-a"), 0 }, { BYTES("Infinity"), 0 },
    { BYTES("[1,\v2]"), 0 }, { BYTES("[1,\f2]"), 0 },
    { BYTES("[/**/]"), 0 }, { BYTES("\xef\xbb\xbf{}"), 0 },
    { BYTES("[\0]"), 0 }, { BYTES("[\xc2\xa0]"), 0 }
};


static const struct {
    const char  *sent;
    size_t       len;
    const char  *meant;
    size_t       nmeant;
    const char  *written;
} texts[] = {

    { BYTES("plain"), BYTES("plain"), "plain" },
    { BYTES(""), BYTES(""), "" },
    { BYTES("a\\/b"), BYTES("a/b"), "a/b" },
    { BYTES("\\u0040"), BYTES("@"), "@" },
    { BYTES("\\u004a\\u004A"), BYTES("JJ"), "JJ" },
    { BYTES("\\\"\\\\"), BYTES("\"\\"), "\\\"\\\\" },
    { BYTES("\\u0022\\u005C"), BYTES("\"\\"), "\\\"\\\\" },
    { BYTES("\\b\\f\\n\\r\\t"), BYTES("\b\f\n\r\t"), "\\b\\f\\n\\r\\t" },
    { BYTES("\\u0008\\u000C\\u000a\\u000d\\u0009"), BYTES("\b\f\n\r\t"),
      "\\b\\f\\n\\r\\t" },
    { BYTES("\\u0000\\u001F\\u0001"), BYTES("\0\x1f\x01"),
      "\\u0000\\u001f\\u0001" },
    { BYTES("\\u007f"), BYTES("\x7f"), "\x7f" },
    { BYTES("\\u0080\\u07ff"), BYTES("\xc2\x80\xdf\xbf"),
      "\xc2\x80\xdf\xbf" },
    { BYTES("\\u0800\\uffff"), BYTES("\xe0\xa0\x80\xef\xbf\xbf"),
      "\xe0\xa0\x80\xef\xbf\xbf" },
    { BYTES("\\ud83d\\ude00"), BYTES("\xf0\x9f\x98\x80"),
      "\xf0\x9f\x98\x80" },
    { BYTES("\\uD800\\uDC00"), BYTES("\xf0\x90\x80\x80"),
      "\xf0\x90\x80\x80" },
    { BYTES("\\udbff\\udfff"), BYTES("\xf4\x8f\xbf\xbf"),
      "\xf4\x8f\xbf\xbf" },
    { BYTES("\\ud800"), BYTES("\\ud800"), "\\ud800" },
    { BYTES("\\uDFFFx"), BYTES("\\uDFFFx"), "\\uDFFFx" },
    { BYTES("\\udc00\\ud800"), BYTES("\\udc00\\ud800"),
      "\\udc00\\ud800" },
    { BYTES("\\ud800\\ud83d\\ude00"), BYTES("\\ud800\xf0\x9f\x98\x80"),
      "\\ud800\xf0\x9f\x98\x80" },
    { BYTES("\\ud83d\\uffff"), BYTES("\\ud83d\xef\xbf\xbf"),
      "\\ud83d\xef\xbf\xbf" },
    { BYTES("\\ud83d\\udbff"), BYTES("\\ud83d\\udbff"),
      "\\ud83d\\udbff" },
    { BYTES("\\ud800\\u0041"), BYTES("\\ud800A"), "\\ud800A" },
    { BYTES("\\ud800\\n"), BYTES("\\ud800\n"), "\\ud800\\n" },
    { BYTES("\xc3\xa4\xff"), BYTES("\xc3\xa4\xff"), "\xc3\xa4\xff" },
    { BYTES("a long text without anything to do in it \\u00e4 and more"),
      BYTES("a long text without anything to do in it \xc3\xa4 and more"),
      "a long text without anything to do in it \xc3\xa4 and more" }
};


static meta_str_t
str(const char *s)
{
    meta_str_t  t = { (const unsigned char *) s, strlen(s) };

    return t;
}


/* bytes in memory of their own, so that a read past them is seen */

static unsigned char *
copy(const char *bytes, size_t len)
{
    unsigned char  *p;

    p = malloc(len + (len == 0));
    memcpy(p, bytes, len);

    return p;
}


static void
test_values(void)
{
    size_t          i, k;
    char            name[64];
    meta_rc_t       rc;
    meta_json_t     j;
    unsigned char  *p;

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        p = copy(values[i].bytes, values[i].len);

        meta_json_init(&j, p, p + values[i].len);
        rc = meta_json_value(&j, 0);

        (void) snprintf(name, sizeof(name), "value %zu", i);

        is_int(rc == META_OK ? j.p - p : 0, (long long) values[i].end, name);
        ok(rc == (values[i].end ? META_OK : META_MALFORMED), "its verdict");

        free(p);

        /* a value cut off anywhere reads nothing behind the cut */

        for (k = 0; k < values[i].len; k++) {
            p = copy(values[i].bytes, k);
            meta_json_init(&j, p, p + k);
            (void) meta_json_value(&j, 0);
            free(p);
        }
    }
}


/* every place in a block of 64 bytes, and around its edges */

static void
test_lengths(void)
{
    size_t          n, k, bad;
    meta_json_t     j;
    unsigned char  *p;

    bad = 0;

    for (n = 0; n < 200; n++) {
        p = malloc(n + 2);
        memset(p, 'x', n + 2);
        p[0] = '"';
        p[n + 1] = '"';

        meta_json_init(&j, p, p + n + 2);
        bad += meta_json_value(&j, 0) != META_OK || j.p != p + n + 2;

        for (k = 1; k <= n; k++) {
            p[k] = 0x1f;
            meta_json_init(&j, p, p + n + 2);
            bad += meta_json_value(&j, 0) != META_MALFORMED;

            p[k] = '"';
            meta_json_init(&j, p, p + n + 2);
            bad += meta_json_value(&j, 0) != META_OK || j.p != p + k + 1;

            p[k] = 0x20;
        }

        free(p);
    }

    is_int((long long) bad, 0, "strings of all lengths and what ends them");
}


static void
test_depth(void)
{
    size_t         i;
    meta_json_t    j;
    unsigned char  deep[2 * 513];

    for (i = 0; i < 513; i++) {
        deep[i] = '[';
        deep[2 * 513 - 1 - i] = ']';
    }

    meta_json_init(&j, deep, deep + sizeof(deep));
    is_int(meta_json_value(&j, 0), META_TOO_DEEP, "513 deep");

    meta_json_init(&j, deep + 1, deep + sizeof(deep) - 1);
    is_int(meta_json_value(&j, 0), META_OK, "512 deep");
    ok(j.p == deep + sizeof(deep) - 1, "to its end");

    meta_json_init(&j, deep + 1, deep + sizeof(deep) - 1);
    is_int(meta_json_value(&j, 1), META_TOO_DEEP, "512 deep inside of one");

    memcpy(deep + 1, "{\"\":1}", 6);
    meta_json_init(&j, deep + 1, deep + 7);
    is_int(meta_json_value(&j, 511), META_OK, "one deep inside of 511");

    meta_json_init(&j, deep + 1, deep + 7);
    is_int(meta_json_value(&j, 512), META_TOO_DEEP, "one deep inside of 512");

    memcpy(deep, "\"x\"", 3);
    meta_json_init(&j, deep, deep + 3);
    is_int(meta_json_value(&j, 512), META_OK, "a string inside of 512");
}


static void
test_texts(void)
{
    long           len;
    size_t         i, room;
    meta_str_t     t;
    unsigned char  buf[128];

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        t.data = (const unsigned char *) texts[i].sent;
        t.len = texts[i].len;

        len = meta_json_decode(t, buf, sizeof(buf));
        is_mem(buf, (size_t) len, texts[i].meant, texts[i].nmeant,
               texts[i].sent);

        len = meta_json_encode(t, buf, sizeof(buf));
        is_str(buf, (size_t) len, texts[i].written, "as written");

        room = strlen(texts[i].written);
        is_int(meta_json_encode(t, buf, room), (long long) room,
               "in just the room it takes");

        if (room != 0) {
            is_int(meta_json_encode(t, buf, room - 1), -1,
                   "in a byte less");
        }

        /* what was written means the same, and is written the same */

        t.data = (const unsigned char *) texts[i].written;
        t.len = room;

        len = meta_json_decode(t, buf, sizeof(buf));
        is_mem(buf, (size_t) len, texts[i].meant, texts[i].nmeant,
               "written, then decoded");

        len = meta_json_encode(t, buf, sizeof(buf));
        is_str(buf, (size_t) len, texts[i].written, "written twice");
    }
}


static void
test_tokens(void)
{
    char        name[64];
    size_t      i;
    meta_str_t  t;

    static const struct {
        const char  *token;
        const char  *text;
        const char  *ident;
    } tokens[] = {
        { "\"abc\"", "abc", "abc" }, { "\"\"", "", "" }, { "", "", "" },
        { "\"\\u0041\"", "\\u0041", "\\u0041" },
        { "123", "", "123" }, { "0", "", "0" },
        { "12345678901234567890123", "", "12345678901234567890123" },
        { "-5", "", "" }, { "1.0", "", "" }, { "1e3", "", "" },
        { "true", "", "" }, { "null", "", "" }, { "{}", "", "" },
        { "[1]", "", "" }
    };

    for (i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        t = meta_json_text(str(tokens[i].token));
        (void) snprintf(name, sizeof(name), "token %s", tokens[i].token);
        is_str(t.data, t.len, tokens[i].text, name);

        t = meta_json_ident(str(tokens[i].token));
        is_str(t.data, t.len, tokens[i].ident, "as an id");
    }
}


static void
test_compare(void)
{
    char  a[600];

    ok(meta_json_is(str("entry"), str("entry")), "a name");
    ok(meta_json_is(str("\\u0065ntry"), str("entry")), "an escaped name");
    ok(!meta_json_is(str("\\u0065ntr"), str("entry")), "a part of it");
    ok(!meta_json_is(str("entry\\u0000"), str("entry")), "a NUL behind");
    ok(!meta_json_is(str("Entry"), str("entry")), "capitals differ");
    ok(!meta_json_is(str(""), str("entry")), "an empty name");
    ok(!meta_json_is(str("\\ud800ntry"), str("entry")), "half a surrogate");

    ok(meta_json_equal(str("a\\/b"), str("a/b")), "texts that mean the same");
    ok(!meta_json_equal(str("a"), str("b")), "texts that differ");
    ok(!meta_json_equal(str("\\ud800"), str("\\\\ud800")),
       "half a surrogate is not its letters");

    memset(a, 'a', sizeof(a));
    a[sizeof(a) - 1] = '\0';

    ok(!meta_json_equal(str(a), str(a)), "what is too long equals nothing");
}


int
main(void)
{
    test_values();
    test_lengths();
    test_depth();
    test_texts();
    test_tokens();
    test_compare();

    return done();
}
