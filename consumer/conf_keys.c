/* Files of keys, one a line: of the token store, and of signed links. */

#include "conf_own.h"

#include "meta/meta_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>


#define LINK_KEYS_MAX  16


/* PATH or env:NAME, as it is; to be wiped by mem_wipe */
static const char *keys_read(const char *path, char **text)
{
    FILE        *f;
    size_t       n;
    const char  *value, *why = NULL;

    if (strncmp(path, "env:", 4) == 0) {
        value = getenv(path + 4);
        if (value == NULL || strlen(value) > CONF_SECRET_MAX) {
            return value == NULL ? "no such variable in the environment"
                   : "holds more than 16 KB";
        }
        *text = mem_copy(value, strlen(value));
        return NULL;
    }

    f = fopen(path, "rb");
    if (f == NULL) {
        return errno == ENOENT ? "no such file; \"metactl token key\" prints a"
                                 " line for one"
               : errno == EACCES ? "this user may not read the file"
               : "the file cannot be opened";
    }

    *text = mem_alloc(CONF_SECRET_MAX + 2);
    n = fread(*text, 1, CONF_SECRET_MAX + 1, f);
    if (ferror(f) || n > CONF_SECRET_MAX || strlen(*text) != n) {
        why = ferror(f) ? "the file cannot be read"
              : n > CONF_SECRET_MAX ? "holds more than 16 KB"
              : "holds a zero byte";
        OPENSSL_cleanse(*text, CONF_SECRET_MAX + 2);
        free(*text);
    }
    fclose(f);

    return why;
}


/* each line without the white space around it; NULL, or what is wrong */
static const char *lines_each(char *text,
    const char *(*each)(void *data, struct str line), void *data)
{
    char        *at, *end, *next;
    const char  *why = NULL;

    for (at = text; *at != '\0' && why == NULL; at = next) {
        end = at + strcspn(at, "\n");
        next = *end != '\0' ? end + 1 : end;

        while (end > at && strchr(" \t\r", end[-1]) != NULL) {
            end--;
        }
        while (at < end && (*at == ' ' || *at == '\t')) {
            at++;
        }

        if (end > at) {
            why = each(data, (struct str) { at, (size_t) (end - at) });
        }
    }

    return why;
}


static const char *token_key(void *data, struct str line)
{
    meta_str_t         text = { (const unsigned char *) line.at, line.len };
    struct conf_keys  *keys = data;

    if (keys->n == META_KEYS_MAX) {
        return "holds more than 16 keys";
    }

    return meta_seal_key_parse(&keys->at[keys->n++], text) == META_OK ? NULL
           : "a line is no key: 64 hex digits, or 32 bytes in base64; \"metactl"
             " token key\" prints one";
}


/* conf_keys_free: nothing of them stays */
void conf_keys_free(struct conf_keys *keys)
{
    if (keys != NULL) {
        OPENSSL_cleanse(keys, sizeof(*keys));
        free(keys);
    }
}


/* type_token_keys takes PATH or env:NAME into a struct conf_keys * */
const char *type_token_keys(const char *path, void *field)
{
    char              *text = NULL;
    const char        *why = keys_read(path, &text);
    struct conf_keys  *keys;

    if (why != NULL) {
        return why;
    }

    keys = mem_alloc(sizeof(*keys));
    why = lines_each(text, token_key, keys);
    mem_wipe(text);
    if (why == NULL && keys->n == 0) {
        why = "is empty; \"metactl token key\" prints a line for it";
    }

    if (why != NULL) {
        conf_keys_free(keys);
        return why;
    }

    conf_keys_free(*(struct conf_keys **) field);
    *(struct conf_keys **) field = keys;

    return NULL;
}


static const char *link_key(void *data, struct str line)
{
    char  **key;

    if (((struct conf_list *) data)->n == LINK_KEYS_MAX) {
        return "holds more than 16 keys";
    }

    if (line.len < META_LINK_KEY_MIN || line.len > META_LINK_KEY_MAX) {
        return "a line is no key: 16 to 256 characters; \"metactl token key\""
               " prints one";
    }

    key = conf_list_add(data, sizeof(*key));
    *key = mem_copy(line.at, line.len);

    return NULL;
}


/* type_link_keys takes PATH or env:NAME into a list of char * */
const char *type_link_keys(const char *path, void *field)
{
    char        *text = NULL;
    const char  *why = keys_read(path, &text);

    if (why == NULL) {
        why = lines_each(text, link_key, field);
        mem_wipe(text);
    }

    return why != NULL ? why : ((struct conf_list *) field)->n > 0 ? NULL
           : "is empty; \"metactl token key\" prints a line for it";
}


/* type_tenant takes what a login's ref may be */
const char *type_tenant(const char *text, void *field)
{
    meta_str_t  ref = { (const unsigned char *) text, strlen(text) };

    if (*text == '\0' || !meta_ref_good(ref)) {
        return "must be 1 to 128 bytes without control characters";
    }

    return type_string(text, field);
}


/* type_scopes gathers permissions, as Meta calls them */
const char *type_scopes(const char *text, void *field)
{
    size_t  n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");

    if (n == 0 || n > 64 || text[n] != '\0') {
        return "must be a permission, such as pages_messaging";
    }

    return type_string(text, conf_list_add(field, sizeof(char *)));
}
