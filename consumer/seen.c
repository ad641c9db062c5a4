/* Dedupe: what an event is known by, as a keyed hash.  The key keeps strangers
   from choosing ids that collide. */

#include "seen.h"
#include "sip.h"

#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>


#define SEEN_TEXT_MAX  4096


static size_t seen_part(unsigned char *to, struct str part)
{
    to[0] = (unsigned char) (part.len >> 8);
    to[1] = (unsigned char) part.len;
    memcpy(to + 2, part.at, part.len);

    return part.len + 2;
}


/* seen_hash writes SEEN_LEN bytes; parts that are together longer than any
   record's are cut at their digest */
void seen_hash(unsigned char out[SEEN_LEN],
    const unsigned char key[SEEN_KEY_LEN], struct str app, struct str object,
    struct str entry, struct str id)
{
    size_t             i, n = 0;
    unsigned int       len;
    unsigned char      text[SEEN_TEXT_MAX], digest[EVP_MAX_MD_SIZE];
    const struct str   parts[] = { app, object, entry, id };

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].len <= (SEEN_TEXT_MAX - 8) / 4) {
            n += seen_part(text + n, parts[i]);
            continue;
        }

        if (!EVP_Digest(parts[i].at, parts[i].len, digest, &len, EVP_sha256(),
                        NULL))
        {
            abort();
        }
        n += seen_part(text + n, (struct str) { (char *) digest, len });
    }

    sip_long(digest, key, (struct str) { (char *) text, n });
    memcpy(out, digest, SEEN_LEN);
}
