/* Secrets come from files or the environment, never from the configuration
   itself; what is wrong with one is said without showing it. */

#include "conf_own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>


/* one line of visible ASCII: it goes into a header, or to AUTH */
static const char *secret_take(char *text, size_t len, char **secret)
{
    size_t  i;

    while (len && strchr(" \t\r\n", text[len - 1]) != NULL) {
        len--;
    }

    if (len == 0) {
        return "is empty";
    }

    for (i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return "must hold one line without spaces or control characters";
        }
    }

    mem_wipe(*secret);
    *secret = mem_copy(text, len);

    return NULL;
}


/* secret_env takes a secret out of a variable */
const char *secret_env(const char *name, char **secret)
{
    char  *value = getenv(name);

    if (value == NULL) {
        return "no such variable in the environment";
    }

    if (strlen(value) > CONF_SECRET_MAX) {
        return "holds more than 16 KB";
    }

    return secret_take(value, strlen(value), secret);
}


/* secret_read takes a secret out of PATH or env:NAME */
const char *secret_read(const char *path, char **secret)
{
    char         text[CONF_SECRET_MAX + 1];
    FILE        *f;
    size_t       n;
    const char  *why;

    if (strncmp(path, "env:", 4) == 0) {
        return secret_env(path + 4, secret);
    }

    f = fopen(path, "rb");
    if (f == NULL) {
        return errno == ENOENT ? "no such file"
               : errno == EACCES ? "this user may not read the file"
               : "the file cannot be opened";
    }

    n = fread(text, 1, sizeof(text), f);
    why = ferror(f) ? "the file cannot be read"
          : n == sizeof(text) ? "holds more than 16 KB"
          : secret_take(text, n, secret);

    OPENSSL_cleanse(text, sizeof(text));
    fclose(f);

    return why;
}
