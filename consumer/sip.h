/* SipHash-2-4: a keyed hash of short texts, a twentieth of an HMAC's cost. */

#ifndef SIP_H
#define SIP_H

#include "mem.h"

#include <stdint.h>


#define SIP_KEY_LEN   16
#define SIP_LONG_LEN  16


uint64_t sip_hash(const unsigned char key[SIP_KEY_LEN], struct str s);

/* sip_long: its form of 128 bits */
void sip_long(unsigned char out[SIP_LONG_LEN],
    const unsigned char key[SIP_KEY_LEN], struct str s);


#endif /* SIP_H */
