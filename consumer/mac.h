/* HMAC-SHA256 of short texts, many times with the same key. */

#ifndef MAC_H
#define MAC_H

#include <stddef.h>


#define MAC_LEN    32
#define MAC_BLOCK  64

/* a key, ready for use; wipe it as the key itself */
struct mac {
    unsigned char  inner[MAC_BLOCK];
    unsigned char  outer[MAC_BLOCK];
};


void mac_key(struct mac *mac, const void *key, size_t len);
void mac_run(const struct mac *mac, const void *at, size_t len,
    unsigned char out[MAC_LEN]);


#endif /* MAC_H */
