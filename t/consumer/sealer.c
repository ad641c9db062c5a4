/* Seals and opens texts as edge and consumer do, for tests:
   sealer KEY(64 hex digits) seal|open PURPOSE NAME, the text on stdin. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "meta/meta_seal.h"


#define TEXT_MAX  65536


int main(int argc, char **argv)
{
    size_t            len, which;
    meta_str_t        name, text;
    meta_seal_key_t   key;
    static unsigned char  in[TEXT_MAX], out[TEXT_MAX * 2];
    unsigned char     nonce[META_NONCE_LEN];

    if (argc != 5) {
        return 2;
    }

    text.data = (unsigned char *) argv[1];
    text.len = strlen(argv[1]);
    name.data = (unsigned char *) argv[4];
    name.len = strlen(argv[4]);
    if (meta_seal_key_parse(&key, text) != META_OK) {
        return 2;
    }

    text.data = in;
    text.len = fread(in, 1, sizeof(in), stdin);

    if (strcmp(argv[2], "open") == 0) {
        if (meta_open(out, &len, &key, 1, argv[3], name, text, &which)
            != META_OK)
        {
            return 1;
        }

    } else {
        len = META_SEAL_LEN(text.len);
        if (RAND_bytes(nonce, sizeof(nonce)) != 1
            || meta_seal(out, &key, argv[3], name, nonce, text) != META_OK)
        {
            return 1;
        }
    }

    return fwrite(out, 1, len, stdout) == len ? 0 : 1;
}
