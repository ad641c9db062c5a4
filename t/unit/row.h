/*
 * What the record says of a body, for the tests that hold tables of it.
 *
 * In the bodies and in what is wanted ' stands for ".
 */

#ifndef ROW_H
#define ROW_H

#include <stdlib.h>

#include "tap.h"
#include "meta/meta_record.h"


#define BODY(object, entry)                                                   \
    "{'object':'" object "','entry':[{" entry "}]}"

/* a change, a WhatsApp change with metadata, and an item of messaging */
#define CHANGE(object, field, value)                                          \
    BODY(object, "'id':'77','time':1767225605,"                               \
                 "'changes':[{'field':'" field "','value':" value "}]")

#define NUMBER  "'messaging_product':'whatsapp'," \
                "'metadata':{'phone_number_id':'389'}"

#define WABA  "whatsapp_business_account"

#define WA(value)  CHANGE(WABA, "messages", "{" NUMBER "," value "}")

#define ITEM(object, item)                                                    \
    BODY(object, "'id':'77','time':1767225601210,'messaging':[{" item "}]")

#define STANDBY(object, item)                                                 \
    BODY(object, "'id':'77','time':1767225601210,'standby':[{" item "}]")

#define FROM  "'sender':{'id':'5'},'recipient':{'id':'77'},"
#define TO    "'sender':{'id':'77'},'recipient':{'id':'5'},"

#define TIME   "1767225605000"      /* the entry's, in CHANGE and WA */
#define MTIME  "1767225601210"      /* the entry's, in ITEM and STANDBY */

#define R8(s)    s s s s s s s s
#define R64(s)   R8(R8(s))
#define R256(s)  R64(s) R64(s) R64(s) R64(s)
#define R512(s)  R256(s) R256(s)


/* id "#": a hash */
typedef struct {
    const char  *name;
    const char  *body;
    const char  *id;
    const char  *key;
    const char  *time;
    const char  *field;
} row_t;


static meta_hash_t  hash;


static char *
quoted(const char *s)
{
    char  *p, *q;

    q = strdup(s);

    for (p = q; *p != '\0'; p++) {
        if (*p == '\'') {
            *p = '"';
        }
    }

    return q;
}


static void
record_begin(meta_record_ctx_t *rc, const meta_split_t *s)
{
    static const meta_str_t  app = meta_string("1234567890");
    static const meta_str_t  delivery =
        meta_string("9f86d081884c7d659a2feaa0c55ad015");

    rc->app = app;
    rc->delivery = delivery;
    rc->received_at = INT64_C(1763700000123);
    rc->split = s;
    rc->hash = &hash;

    meta_record_begin(rc);
}


/* 1 if the head made in slices is this one, whatever their length */

static int
same_in_slices(const meta_record_ctx_t *rc, const meta_event_t *ev, size_t n,
    const unsigned char *head, size_t len)
{
    size_t         budget, runs;
    meta_rc_t      mrc;
    meta_head_t    h;
    unsigned char  out[META_RECORD_HEAD_MAX];

    for (budget = 1; budget <= ev->raw.len; budget++) {
        meta_head_begin(&h, out, rc, ev);
        runs = 0;

        do {
            mrc = meta_head_run(&h, budget);
        } while (mrc == META_AGAIN && runs++ <= 3 * ev->raw.len);

        if (mrc != META_OK || meta_head_end(&h, n) != len
            || memcmp(out, head, len) != 0)
        {
            return 0;
        }
    }

    return 1;
}


/* 0 if there is none, or it is another one when made in slices */

static size_t
head_of(const char *body, unsigned char *out)
{
    size_t              len;
    meta_str_t          b;
    meta_event_t        ev;
    meta_split_t        s;
    meta_record_ctx_t   rc;

    b.data = (const unsigned char *) body;
    b.len = strlen(body);

    if (meta_split(b, &s, &ev, 1) != META_OK) {
        return 0;
    }

    record_begin(&rc, &s);

    len = meta_record_head(out, &rc, &ev, 0);

    return same_in_slices(&rc, &ev, 0, out, len) ? len : 0;
}


/* a member's value as written, without the quotes of a string */

static meta_str_t
member(const unsigned char *head, size_t len, const char *name)
{
    char                  label[32];
    size_t                n;
    meta_str_t            s = { NULL, 0 };
    const unsigned char  *p, *end;

    n = (size_t) snprintf(label, sizeof(label), "\"%s\":", name);
    end = head + len;

    p = memmem(head, len, label, n);
    if (p == NULL) {
        return s;
    }

    s.data = p + n;

    if (*s.data == '"') {
        for (p = ++s.data; p < end && *p != '"'; p++) {
            p += *p == '\\';
        }

    } else {
        for (p = s.data; p < end && *p != ','; p++) { /* void */ }
    }

    s.len = (size_t) (p - s.data);

    return s;
}


static void
test_member(const unsigned char *head, size_t len, const char *name,
    const char *want)
{
    char        *expected;
    meta_str_t   got;

    got = member(head, len, name);

    if (strcmp(want, "#") == 0) {
        ok(got.len == 39 && memcmp(got.data, "sha256:", 7) == 0
           && strspn((const char *) got.data + 7, "0123456789abcdef") == 32,
           "its id is a hash");
        return;
    }

    expected = quoted(want);
    is_str(got.data, got.len, expected, name);
    free(expected);
}


static void
test_rows(const row_t *rows, size_t n)
{
    char           *body;
    size_t          i, len;
    unsigned char   head[META_RECORD_HEAD_MAX];

    if (!ok(meta_hash_init(&hash) == META_OK, "a hash")) {
        return;
    }

    for (i = 0; i < n; i++, rows++) {
        body = quoted(rows->body);
        len = head_of(body, head);

        ok(len != 0, rows->name);

        test_member(head, len, "id", rows->id);
        test_member(head, len, "key", rows->key);
        test_member(head, len, "time", rows->time);
        test_member(head, len, "field", rows->field);

        free(body);
    }

    meta_hash_free(&hash);
}


#endif /* ROW_H */
