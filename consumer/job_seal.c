/* Secrets of jobs: what a program pushed in clear stands sealed in Redis as
   soon as its job is taken.  In flight, in its state, in a dead letter and in
   a result there is nothing but the seal. */

#include "job_seal.h"
#include "json.h"

#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>


#define SEAL_ACTION     "whatsapp_configure"
#define SEAL_MENTION    "configure"
#define SEAL_PURPOSE    "job"
#define SEAL_BLANK      "***"
#define SEAL_TREE_MAX   (32 * 1024 * 1024)
#define SEAL_WORD       16      /* what is longer may be a token */
#define SEAL_RUN        60      /* and this nothing else */


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


/* the tree points to it for as long as it is written */
static struct str text_keep(struct sealing *s, char *text, size_t len)
{
    s->texts = mem_grow(s->texts, (s->n + 1) * sizeof(*s->texts));
    s->texts[s->n++] = text;
    s->some = true;

    return (struct str) { text, len };
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
    j->type = JSON_STRING;
    j->text = text_keep(s, text, strlen(text));
}


static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '|';
}


static bool begins(struct str word, const char *with)
{
    return word.len > strlen(with)
           && memcmp(word.at, with, strlen(with)) == 0;
}


/* names of ours are of small letters, tokens never */
static bool is_name(struct str word)
{
    size_t  i;

    for (i = 0; i < word.len && (word.at[i] == '_' || (word.at[i] >= 'a'
                                 && word.at[i] <= 'z')); i++)
    {
        /* void */
    }

    return i == word.len;
}


/* as Meta's begin; configure: the record mentions it, so that less is
   enough */
static bool is_token(struct str word, bool configure)
{
    return word.len >= SEAL_RUN
           || (word.len > SEAL_WORD
               && (begins(word, "EAA") || begins(word, "IGAA")
                   || (configure && !is_name(word))));
}


/* as long as it was: what is wrong with it for its length stays wrong */
static bool text_blank(char *at, size_t len, bool configure)
{
    bool    some = false;
    size_t  i, n;

    for (i = 0; i < len; i += n + (n == 0)) {
        for (n = 0; i + n < len && is_word(at[i + n]); n++) {
            /* void */
        }

        if (is_token((struct str) { at + i, n }, configure)) {
            memset(at + i, '*', n);
            some = true;
        }
    }

    return some;
}


/* what may be shown, unless a token was put into it */
static bool text_tells(struct str text)
{
    char  *copy = mem_copy(text.at, text.len);
    bool   tells = text_blank(copy, text.len, false);

    mem_wipe(copy);

    return tells;
}


/* what is no parameter may be a token under a wrong name */
static void params_seal(struct sealing *s, struct json *params)
{
    struct json  *c;

    for (c = params->child; c != NULL; c = c->next) {
        if (str_is(c->key, "token") || str_is(c->key, "pin")) {
            value_seal(s, c, false);

        } else if (!str_is(c->key, "phone_number_id")
                   && !str_is(c->key, "waba_id")
                   && (!str_is(c->key, "tenant") || text_tells(c->text)))
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


/* word: of small letters; it may be written in any */
static bool has(struct str text, const char *word)
{
    size_t  i, k, n = strlen(word);

    for (i = 0; i + n <= text.len; i++) {
        for (k = 0; k < n && (text.at[i + k] | 0x20) == (word[k] | 0x20);
             k++)
        {
            /* void */
        }

        if (k == n) {
            return true;
        }
    }

    return false;
}


static bool tree_has(const struct json *j, const char *word)
{
    const struct json  *c;

    for (c = j->child; c != NULL; c = c->next) {
        if (has(c->key, word) || tree_has(c, word)) {
            return true;
        }
    }

    return j->type == JSON_STRING && has(j->text, word);
}


/* what else a job says of itself, which its answer needs */
static bool is_head(struct str key)
{
    size_t                    i;
    static const char *const  heads[] = {
        "id", "reply_to", "account", "to", "key", "idempotency_key"
    };

    for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        if (str_is(key, heads[i])) {
            return true;
        }
    }

    return false;
}


static void str_blank(struct sealing *s, struct str *text, bool configure,
    bool whole)
{
    char  *copy;

    if (text->len == 0 || is_sealed(s->keys, *text)) {
        return;
    }

    copy = mem_copy(text->at, text->len);

    if (whole) {
        memset(copy, '*', text->len);
    } else if (!text_blank(copy, text->len, configure)) {
        free(copy);
        return;
    }

    *text = text_keep(s, copy, text->len);
}


/* secret: all of it */
static void tree_blank(struct sealing *s, struct json *j, bool configure,
    bool secret, bool root)
{
    bool          own, hidden;
    struct json  *c;

    if (j->type == JSON_STRING || (j->type == JSON_NUMBER && secret)) {
        j->type = JSON_STRING;
        str_blank(s, &j->text, configure, secret);
    }

    for (c = j->child; c != NULL; c = c->next) {
        own = configure && !(root && is_head(c->key));
        hidden = secret || (own && (has(c->key, "token")
                                    || (c->key.len == 3
                                        && has(c->key, "pin"))));
        str_blank(s, &c->key, own, false);
        tree_blank(s, c, own, hidden, false);
    }
}


static void sealing_free(struct sealing *s)
{
    while (s->n > 0) {
        free(s->texts[--s->n]);
    }

    free(s->texts);
}


/* what is no JSON: nobody knows what of it is a token */
static bool record_blank(struct buf *out, struct str record)
{
    char  *copy = mem_copy(record.at, record.len);
    bool   some = text_blank(copy, record.len, has(record, SEAL_MENTION));

    if (some) {
        buf_add(out, copy, record.len);
    }
    mem_wipe(copy);

    return some;
}


/* job_blank: nobody runs it, so nothing of it has to be kept that may be a
   token */
bool job_blank(struct str record, const struct conf_keys *keys,
    struct buf *out)
{
    struct json      *root;
    struct sealing    s = { .keys = keys };
    struct json_doc  *doc;

    buf_init(out, record.len * 8 + 4096);
    doc = json_parse(record.at, record.len, SEAL_TREE_MAX);

    if (doc == NULL) {
        s.some = record_blank(out, record);

    } else {
        root = (struct json *) json_root(doc);
        tree_blank(&s, root, tree_has(root, SEAL_MENTION), false, true);
        if (s.some) {
            json_write(out, root);
        }
        json_free(doc);
    }

    sealing_free(&s);
    if (!s.some) {
        buf_free(out);
    }

    return s.some;
}


/* job_seal reads again only what holds the action's name, or may hold it
   escaped */
bool job_seal(struct str record, const struct conf_keys *keys,
    struct buf *out)
{
    struct sealing    s = { .keys = keys };
    struct json_doc  *doc;

    if (!has(record, SEAL_ACTION) && !has(record, "\\u")) {
        return false;
    }

    buf_init(out, record.len * 8 + 4096);
    doc = json_parse(record.at, record.len, SEAL_TREE_MAX);

    if (doc == NULL && has(record, SEAL_ACTION)) {
        s.some = record_blank(out, record);

    } else if (doc != NULL) {
        tree_seal(&s, (struct json *) json_root(doc));
        if (s.some) {
            json_write(out, json_root(doc));
        }
        json_free(doc);
    }

    sealing_free(&s);
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
