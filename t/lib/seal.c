/*
 * Seals what tests put into Redis: seal PURPOSE HEXKEY reads lines "NAME TEXT"
 * and answers each with a line, the text sealed for that name.
 */

#include "meta/meta_seal.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>


#define LINE_MAX_LEN  8192


static int
seal_line(const meta_seal_key_t *key, const char *purpose, char *line)
{
    char                 *text;
    size_t                len;
    meta_str_t            name, plain;
    unsigned char         nonce[META_NONCE_LEN];
    static unsigned char  out[META_SEAL_LEN(LINE_MAX_LEN) + 1];

    line[strcspn(line, "\n")] = '\0';
    text = strchr(line, ' ');

    if (text == NULL || RAND_bytes(nonce, sizeof(nonce)) != 1) {
        return -1;
    }

    len = text - line;
    text++;
    name = (meta_str_t) { (unsigned char *) line, len };
    plain = (meta_str_t) { (unsigned char *) text, strlen(text) };

    if (meta_seal(out, key, purpose, name, nonce, plain) != META_OK) {
        return -1;
    }

    printf("%.*s\n", (int) META_SEAL_LEN(plain.len), (char *) out);

    return fflush(stdout);
}


int
main(int argc, char **argv)
{
    meta_str_t       text;
    meta_seal_key_t  key;
    static char      line[LINE_MAX_LEN];

    if (argc != 3) {
        fputs("usage: seal PURPOSE HEXKEY < \"NAME TEXT\" ...\n", stderr);
        return 2;
    }

    text = (meta_str_t) { (unsigned char *) argv[2], strlen(argv[2]) };
    if (meta_seal_key_parse(&key, text) != META_OK) {
        fputs("seal: no key\n", stderr);
        return 2;
    }

    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (seal_line(&key, argv[1], line) != 0) {
            fputs("seal: a line cannot be sealed\n", stderr);
            return 1;
        }
    }

    return 0;
}
