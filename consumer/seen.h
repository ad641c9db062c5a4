/* Dedupe: what an event is known by, as a keyed hash. */

#ifndef SEEN_H
#define SEEN_H

#include "mem.h"
#include "sip.h"


#define SEEN_KEY_LEN  SIP_KEY_LEN
#define SEEN_LEN      10        /* 80 bits: at 20 million ids one event in
                                   6e16 is taken for another */


/* seen_hash: the 128-bit form of SipHash-2-4 over the parts, each with its
   length before it, cut */
void seen_hash(unsigned char out[SEEN_LEN],
    const unsigned char key[SEEN_KEY_LEN], struct str app, struct str object,
    struct str entry, struct str id);


#endif /* SEEN_H */
