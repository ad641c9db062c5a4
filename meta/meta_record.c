/*
 * The record's head: compact JSON with its keys in the order of contract 4,
 * written straight into the caller's buffer.
 */

#include <string.h>

#include <openssl/evp.h>

#include "meta_json.h"
#include "meta_key.h"
#include "meta_record.h"


#define META_RECORD_KEYS                                                      \
    "{\"v\":1,\"id\":\"\",\"app\":\"\",\"object\":\"\",\"entry\":\"\","       \
    "\"time\":,\"field\":\"\",\"key\":\"\",\"delivery\":\"\",\"n\":,"         \
    "\"of\":,\"received_at\":,\"event\":"

#define META_RECORD_INT_MAX  20     /* digits of 64 bits */

_Static_assert(sizeof(META_RECORD_KEYS) - 1 + 3 * META_TEXT_MAX
               + 2 * META_RECORD_KEY_MAX + META_RECORD_APP_MAX
               + META_RECORD_DELIVERY_MAX + 2 * META_RECORD_INT_MAX
               + 2 * (sizeof("10000") - 1) <= META_RECORD_HEAD_MAX,
               "a record is at most 2 KB longer than its event");


#define META_NOINLINE  __attribute__((noinline))


static void meta_record_text(meta_text_t *t, meta_str_t text);
static unsigned char *meta_record_id(unsigned char *p,
    const meta_key_t *key);
static int meta_record_hash_begin(const meta_head_t *h);
static unsigned char *meta_record_hash_end(const meta_head_t *h,
    unsigned char *p);
static unsigned char *meta_record_key(unsigned char *p,
    const meta_key_t *key, meta_str_t entry);
static unsigned char *meta_record_int(unsigned char *p, uint64_t n);
static META_NOINLINE unsigned char *meta_record_copy(unsigned char *p,
    meta_str_t s);


#define meta_record_literal(p, s)                                             \
    (memcpy(p, s, sizeof(s) - 1), (p) + sizeof(s) - 1)


meta_rc_t
meta_hash_init(meta_hash_t *h)
{
    h->ctx = EVP_MD_CTX_new();
    h->md = EVP_MD_fetch(NULL, "SHA256", NULL);

    if (h->ctx == NULL || h->md == NULL) {
        meta_hash_free(h);
        return META_ERROR;
    }

    return META_OK;
}


void
meta_hash_free(meta_hash_t *h)
{
    EVP_MD_CTX_free(h->ctx);
    EVP_MD_free(h->md);

    h->ctx = NULL;
    h->md = NULL;
}


void
meta_record_begin(meta_record_ctx_t *rc)
{
    meta_str_t      app, delivery;
    meta_text_t     object;
    unsigned char  *p;

    meta_record_text(&object, meta_json_text(rc->split->object));

    app = rc->app;
    delivery = rc->delivery;

    if (app.len > META_RECORD_APP_MAX) {
        app.len = META_RECORD_APP_MAX;
    }

    if (delivery.len > META_RECORD_DELIVERY_MAX) {
        delivery.len = META_RECORD_DELIVERY_MAX;
    }

    p = meta_record_literal(rc->app_buf, "\",\"app\":\"");
    p = meta_record_copy(p, app);
    p = meta_record_literal(p, "\",\"object\":\"");

    rc->object.data = p;
    rc->object.len = object.text.len;

    p = meta_record_copy(p, object.text);
    p = meta_record_literal(p, "\",\"entry\":\"");

    rc->napp = (size_t) (p - rc->app_buf);

    p = meta_record_literal(rc->delivery_buf, "\",\"delivery\":\"");
    p = meta_record_copy(p, delivery);
    p = meta_record_literal(p, "\",\"n\":");

    rc->ndelivery = (size_t) (p - rc->delivery_buf);

    p = meta_record_literal(rc->of_buf, ",\"of\":");
    p = meta_record_int(p, rc->split->nevents);
    p = meta_record_literal(p, ",\"received_at\":");
    p = meta_record_int(p, (uint64_t) rc->received_at);
    p = meta_record_literal(p, ",\"event\":");

    rc->nof = (size_t) (p - rc->of_buf);
}


size_t
meta_record_head(unsigned char *out, const meta_record_ctx_t *rc,
    const meta_event_t *ev, size_t n)
{
    meta_head_t  h;

    meta_head_begin(&h, out, rc, ev);

    return meta_head_run(&h, SIZE_MAX) == META_OK ? meta_head_end(&h, n) : 0;
}


void
meta_head_begin(meta_head_t *h, unsigned char *out,
    const meta_record_ctx_t *rc, const meta_event_t *ev)
{
    h->out = out;
    h->p = NULL;
    h->rc = rc;
    h->ev = ev;
    h->hashing = 0;
    h->hashed = 0;

    meta_record_text(&h->entry, meta_json_ident(ev->entry_id));
}


meta_rc_t
meta_head_run(meta_head_t *h, size_t budget)
{
    size_t          n;
    unsigned char  *p;

    p = meta_record_literal(h->out, "{\"v\":1,\"id\":\"");

    if (!h->hashing) {
        h->p = meta_record_id(p, &h->ev->key);

        if (h->p != NULL) {
            return META_OK;
        }

        if (!meta_record_hash_begin(h)) {
            return META_ERROR;
        }

        h->hashing = 1;
    }

    n = h->ev->raw.len - h->hashed;

    if (n > budget) {
        n = budget;
    }

    if (EVP_DigestUpdate(h->rc->hash->ctx, h->ev->raw.data + h->hashed, n)
        != 1)
    {
        return META_ERROR;
    }

    h->hashed += n;

    if (h->hashed < h->ev->raw.len) {
        return META_AGAIN;
    }

    h->p = meta_record_hash_end(h, p);

    return h->p != NULL ? META_OK : META_ERROR;
}


size_t
meta_head_end(meta_head_t *h, size_t n)
{
    int64_t                   time;
    meta_text_t               field;
    unsigned char            *p;
    const meta_key_t         *key;
    const meta_record_ctx_t  *rc;

    rc = h->rc;
    key = &h->ev->key;
    p = h->p;

    time = key->own_time ? key->time : meta_key_time(h->ev->entry_time);

    meta_record_text(&field, key->field);

    memcpy(p, rc->app_buf, rc->napp);
    p = meta_record_copy(p + rc->napp, h->entry.text);

    p = meta_record_literal(p, "\",\"time\":");
    if (time < 0) {
        p = meta_record_literal(p, "null");
    } else {
        p = meta_record_int(p, (uint64_t) time);
    }

    p = meta_record_literal(p, ",\"field\":\"");
    p = meta_record_copy(p, field.text);
    p = meta_record_literal(p, "\",\"key\":\"");
    p = meta_record_key(p, key, h->entry.text);

    memcpy(p, rc->delivery_buf, rc->ndelivery);
    p = meta_record_int(p + rc->ndelivery, n);

    memcpy(p, rc->of_buf, rc->nof);
    p += rc->nof;

    return (size_t) (p - h->out);
}


size_t
meta_record_account(unsigned char *out, const meta_event_t *ev)
{
    meta_str_t      account;
    meta_text_t     entry;
    unsigned char  *colon, buf[META_RECORD_KEY_MAX];

    meta_record_text(&entry, meta_json_ident(ev->entry_id));

    account.data = buf;
    account.len = (size_t) (meta_record_key(buf, &ev->key, entry.text) - buf);

    colon = memchr(buf, ':', account.len);

    if (colon != NULL) {
        account.len = (size_t) (colon - buf);
    }

    /* never longer than it was written */

    return (size_t) meta_json_decode(account, out, META_RECORD_KEY_MAX);
}


/* a text without escapes is what it means, and stays where it is */

static void
meta_record_text(meta_text_t *t, meta_str_t text)
{
    long  len;

    t->text = text;

    if (meta_json_escaped(text)) {
        len = meta_json_encode(text, t->buf, META_TEXT_MAX);

        t->text.data = t->buf;
        t->text.len = (len < 0) ? 0 : (size_t) len;

    } else if (text.len > META_TEXT_MAX) {
        t->text.len = 0;
    }
}


/* NULL: it has to be the hash */

static unsigned char *
meta_record_id(unsigned char *p, const meta_key_t *key)
{
    long            len;
    unsigned        i;
    unsigned char  *last;

    last = p + META_RECORD_KEY_MAX;

    for (i = 0; i < key->nid; i++) {

        if (key->id[i].len == 0 || (i != 0 && p == last)) {
            return NULL;
        }

        if (i != 0) {
            *p++ = ':';
        }

        len = meta_json_encode(key->id[i], p, (size_t) (last - p));
        if (len < 0) {
            return NULL;
        }

        p += len;
    }

    return i != 0 ? p : NULL;
}


/* up to the event's bytes; 0 if libcrypto refused */

static int
meta_record_hash_begin(const meta_head_t *h)
{
    size_t         len;
    EVP_MD_CTX    *ctx;
    meta_str_t     time;
    unsigned char  buf[2 * META_TEXT_MAX + 2];

    ctx = h->rc->hash->ctx;

    len = (size_t) meta_json_decode(h->rc->object, buf, META_TEXT_MAX);
    buf[len++] = '\0';

    len += (size_t) meta_json_decode(h->entry.text, buf + len, META_TEXT_MAX);
    buf[len++] = '\0';

    time = h->ev->entry_time;

    if (h->ev->key.own_time) {
        time.len = 0;

    } else if (time.len != 0 && time.data[0] == '"') {
        time = meta_json_text(time);
    }

    return EVP_DigestInit_ex2(ctx, h->rc->hash->md, NULL) == 1
           && EVP_DigestUpdate(ctx, buf, len) == 1
           && EVP_DigestUpdate(ctx, time.data, time.len) == 1
           && EVP_DigestUpdate(ctx, "", 1) == 1;
}


static unsigned char *
meta_record_hash_end(const meta_head_t *h, unsigned char *p)
{
    size_t         i;
    EVP_MD_CTX    *ctx;
    unsigned char  digest[EVP_MAX_MD_SIZE];

    static const char  hex[] = "0123456789abcdef";

    ctx = h->rc->hash->ctx;

    if (EVP_DigestUpdate(ctx, "", 1) != 1
        || EVP_DigestFinal_ex(ctx, digest, NULL) != 1)
    {
        return NULL;
    }

    p = meta_record_literal(p, "sha256:");

    for (i = 0; i < 16; i++) {
        *p++ = (unsigned char) hex[digest[i] >> 4];
        *p++ = (unsigned char) hex[digest[i] & 0xf];
    }

    return p;
}


static unsigned char *
meta_record_key(unsigned char *p, const meta_key_t *key, meta_str_t entry)
{
    long            len;
    unsigned char  *start, *last;

    start = p;
    last = p + META_RECORD_KEY_MAX;

    len = meta_json_encode(key->account, p, META_RECORD_KEY_MAX);

    if (len >= 0) {
        p += len;

        if (key->line.len == 0 && !key->several) {
            return p;
        }

        if (p < last) {
            *p++ = ':';

            len = meta_json_encode(key->line, p, (size_t) (last - p));
            if (len >= 0) {
                return p + len;
            }
        }
    }

    return meta_record_copy(start, entry);
}


/* behind the number stands more of the head: it has room for a longer one */

static unsigned char *
meta_record_int(unsigned char *p, uint64_t n)
{
    unsigned char  *q, *last, buf[2 * META_RECORD_INT_MAX];

    static const char  pairs[] =
        "00010203040506070809101112131415161718192021222324"
        "25262728293031323334353637383940414243444546474849"
        "50515253545556575859606162636465666768697071727374"
        "75767778798081828384858687888990919293949596979899";

    last = buf + META_RECORD_INT_MAX;
    q = last;

    memset(last, 0, META_RECORD_INT_MAX);

    while (n >= 10) {
        q -= 2;
        memcpy(q, pairs + 2 * (n % 100), 2);
        n /= 100;
    }

    if (n != 0 || q == last) {
        *--q = (unsigned char) ('0' + n);
    }

    memcpy(p, q, META_RECORD_INT_MAX);

    return p + (last - q);
}


/*
 * Not inlined: where gcc sees a bound of the length it copies by "rep movs",
 * which takes a quarter of the whole head.
 */

static META_NOINLINE unsigned char *
meta_record_copy(unsigned char *p, meta_str_t s)
{
    if (s.len != 0) {
        memcpy(p, s.data, s.len);
    }

    return p + s.len;
}
