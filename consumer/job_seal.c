/* Secrets of jobs: what a program pushed in clear stands sealed in Redis as
   soon as its job is taken.  In flight, in its state, in a dead letter and in
   a result there is nothing but the seal. */

#include "job_seal.h"
#include "json.h"

#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>


#define SEAL_ACTION     "whatsapp_configure"
#define SEAL_PURPOSE    "job"
#define SEAL_BLANK      "***"
#define SEAL_TREE_MAX   (32 * 1024 * 1024)
#define SEAL_WORD       16      /* what is longer may be a token */


/* texts that the tree points to for as long as it is written */
struct sealing {
    const struct conf_keys   *keys;
    bool                      some;
    char                    **texts;
    size_t                    n;
};


static meta_str_t bytes(struct str s)
{
    return (meta_str_t) { (const unsigned char *) s.at, s.len };
}


/* for whom it is, is said by the purpose: a seal of the store is none here */
static char *seal(const struct conf_keys *keys, struct str plain)
{
    char           *out;
    unsigned char   nonce[META_NONCE_LEN];

    if (keys == NULL || RAND_bytes(nonce, sizeof(nonce)) != 1) {
        return mem_copy(SEAL_BLANK, strlen(SEAL_BLANK));
    }

    out = mem_alloc(META_SEAL_LEN(plain.len) + 1);

    if (meta_seal((unsigned char *) out, &keys->at[0], SEAL_PURPOSE,
                  bytes(STR(SEAL_PURPOSE)), nonce, bytes(plain)) != META_OK)
    {
        free(out);
        return mem_copy(SEAL_BLANK, strlen(SEAL_BLANK));
    }

    return out;
}


/* a requeued one is sealed already, perhaps by a key that is gone */
static bool is_sealed(const struct conf_keys *keys, struct str text)
{
    meta_rc_t       rc;
    size_t          len, which;
    unsigned char  *out;

    if (str_is(text, SEAL_BLANK) || text.len == 0) {
        return true;
    }

    if (keys == NULL) {
        return false;
    }

    out = mem_alloc(text.len + 1);
    rc = meta_open(out, &len, keys->at, keys->n, SEAL_PURPOSE,
                   bytes(STR(SEAL_PURPOSE)), bytes(text), &which);
    OPENSSL_cleanse(out, text.len + 1);
    free(out);

    return rc == META_OK || rc == META_DENIED;
}


static void value_seal(struct sealing *s, struct json *j, bool blank)
{
    char  *text;

    if (j->type != JSON_STRING && j->type != JSON_NUMBER) {
        return;
    }

    if (is_sealed(blank ? NULL : s->keys, j->text)) {
        return;
    }

    text = seal(blank ? NULL : s->keys, j->text);
    s->texts = mem_grow(s->texts, (s->n + 1) * sizeof(*s->texts));
    s->texts[s->n++] = text;
    s->some = true;
    j->type = JSON_STRING;
    j->text = STR(text);
}


/* what is no parameter may be a token under a wrong name */
static void params_seal(struct sealing *s, struct json *params)
{
    struct json  *c;

    for (c = params->child; c != NULL; c = c->next) {
        if (str_is(c->key, "token") || str_is(c->key, "pin")) {
            value_seal(s, c, false);

        } else if (!str_is(c->key, "phone_number_id")
                   && !str_is(c->key, "waba_id"))
        {
            value_seal(s, c, true);
        }
    }
}


/* wherever it stands: what is at fault is buried, and must not tell */
static void tree_seal(struct sealing *s, struct json *j)
{
    struct json  *c;

    for (c = j->child; c != NULL; c = c->next) {
        if (j->type == JSON_OBJECT && str_is(c->key, SEAL_ACTION)) {
            params_seal(s, c);
            if (c->child == NULL) {
                value_seal(s, c, true);
            }
        } else {
            tree_seal(s, c);
        }
    }
}


static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '|';
}


/* what is no JSON: nobody knows what of it is a token */
static void text_blank(struct buf *out, struct str record)
{
    size_t  i, n;

    for (i = 0; i < record.len; i += n) {
        for (n = 0; i + n < record.len && is_word(record.at[i + n]); n++) {
            /* void */
        }

        if (n > SEAL_WORD && !(n == strlen(SEAL_ACTION)
            && memcmp(record.at + i, SEAL_ACTION, n) == 0))
        {
            buf_text(out, SEAL_BLANK);
        } else {
            n += n == 0;
            buf_add(out, record.at + i, n);
        }
    }
}


static bool has(struct str record, const char *word)
{
    size_t       n = strlen(word);
    const char  *at = record.at, *end = record.at + record.len;

    while ((size_t) (end - at) >= n
           && (at = memchr(at, *word, end - at - n + 1)) != NULL)
    {
        if (memcmp(at, word, n) == 0) {
            return true;
        }
        at++;
    }

    return false;
}


/* job_seal reads again only what holds the action's name, or may hold it
   escaped */
bool job_seal(struct str record, const struct conf_keys *keys,
    struct buf *out)
{
    size_t            i;
    struct sealing    s = { .keys = keys };
    struct json_doc  *doc;

    if (!has(record, SEAL_ACTION) && !has(record, "\\u")) {
        return false;
    }

    buf_init(out, record.len * 8 + 4096);
    doc = json_parse(record.at, record.len, SEAL_TREE_MAX);

    if (doc == NULL && has(record, SEAL_ACTION)) {
        text_blank(out, record);
        s.some = out->len != record.len;

    } else if (doc != NULL) {
        tree_seal(&s, (struct json *) json_root(doc));
        if (s.some) {
            json_write(out, json_root(doc));
        }
        json_free(doc);
    }

    for (i = 0; i < s.n; i++) {
        free(s.texts[i]);
    }
    free(s.texts);

    if (!s.some) {
        buf_free(out);
    }

    return s.some;
}


/* job_open: by whichever key of the file it was sealed */
char *job_open(const char *text, const struct conf_keys *keys)
{
    char           *secret = NULL;
    size_t          len, which;
    unsigned char  *out = mem_alloc(strlen(text) + 1);

    if (keys != NULL
        && meta_open(out, &len, keys->at, keys->n, SEAL_PURPOSE,
                     bytes(STR(SEAL_PURPOSE)), bytes(STR(text)), &which)
           == META_OK)
    {
        secret = mem_copy((char *) out, len);
    }

    OPENSSL_cleanse(out, strlen(text) + 1);
    free(out);

    return secret;
}
