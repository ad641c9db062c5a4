/* What Redis has for a token's name: read, and opened by the token keys. */

#include "token_own.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>


#define SEALED_MAX  META_SEAL_LEN(TOKEN_SECRET_MAX)


/* a name of ours as it stands in the set of names */
static bool name_read(const struct tokens *s, struct str name,
    struct token **t)
{
    struct token  *own;

    if (name.len > 5 && memcmp(name.at, "conf:", 5) == 0) {
        own = token_find(s, BY_NAME, name);
        *t = own != NULL && own->of != NULL
             ? token_of_conf(own->conf, own->of, own->name, NULL) : NULL;
        return true;
    }

    *t = token_new(name);

    return false;
}


static const char *token_open(const struct conf_keys *keys, struct token *t,
    struct str sealed)
{
    size_t          len;
    meta_rc_t       rc;
    const char     *why = NULL;
    meta_str_t      name = { (unsigned char *) t->name, strlen(t->name) };
    unsigned char   plain[SEALED_MAX];

    if (sealed.len > SEALED_MAX) {
        return "what is stored is longer than a token can be";
    }

    t->sealed = mem_copy(sealed.at, sealed.len);

    rc = meta_open(plain, &len, keys->at, keys->n, "token", name,
                   (meta_str_t) { (const unsigned char *) sealed.at,
                                  sealed.len }, &t->key);

    if (rc == META_OK) {
        why = token_set_secret(t, (struct str) { (char *) plain, len });
    } else {
        why = rc == META_DENIED ? "no key of token_key_file opens it, and"
                                  " what needs it waits: was a key taken out"
                                  " before \"metactl token rekey\", or the"
                                  " token changed in Redis?"
              : "what is stored is no sealed token";
    }

    OPENSSL_cleanse(plain, sizeof(plain));

    return why;
}


/* what is known of one of the configuration is known of its secret, which is
   told by its lane: a new one in its place begins anew */
static bool read_other(const struct tokens *s, struct str name,
    const struct reply *hash)
{
    size_t               i;
    const struct token  *own = token_find(s, BY_NAME, name);

    for (i = 0; i + 1 < reply_count(hash); i += 2) {
        if (str_is(reply_str(reply_at(hash, i)), "lane")) {
            return !str_is(reply_str(reply_at(hash, i + 1)), own->lane);
        }
    }

    return false;
}


/* token_read: fields that are not what they must be are left out */
struct token *token_read(const struct tokens *s, struct str name,
    const struct reply *hash, const char **why)
{
    bool           conf;
    char           field[32];
    size_t         i;
    struct str     key, value, sealed = NONE;
    struct token  *t = NULL;

    *why = NULL;
    if (reply_count(hash) == 0) {
        return NULL;
    }

    conf = name_read(s, name, &t);
    if (t == NULL) {
        *why = conf ? NULL : "is no name of a token";
        return NULL;
    }

    if (conf && read_other(s, name, hash)) {
        return t;
    }

    for (i = 0; i + 1 < reply_count(hash); i += 2) {
        key = reply_str(reply_at(hash, i));
        value = reply_str(reply_at(hash, i + 1));

        if (str_is(key, "sealed")) {
            sealed = value;

        } else if (key.len < sizeof(field)) {
            memcpy(field, key.at, key.len);
            field[key.len] = '\0';
            if (!conf || !token_field_conf(field)) {
                token_set(t, field, value);
            }
        }
    }

    if (!conf && s->conf->token_keys != NULL) {
        *why = token_open(s->conf->token_keys, t, sealed);
    }

    return t;
}


/* book_read: what is not there any more goes */
bool book_read(struct tokens *s, struct str name, const struct reply *hash,
    const char **why)
{
    struct token  *t, *old = token_find(s, BY_NAME, name);

    t = token_read(s, name, hash, why);

    if (t != NULL && s->kept != NULL && kept_stands(s, t)) {
        token_free(t);
        *why = NULL;
        return true;
    }

    if (t != NULL) {
        t->seen = s->seen;
        return book_take(s, t);
    }

    if (old != NULL && old->of == NULL) {
        book_out(s, old);
    }

    return true;
}
