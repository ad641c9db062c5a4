/*
 * The GET handshake and the query string that carries it: hub.mode,
 * hub.verify_token, hub.challenge (meta-webhooks-and-messaging.md 1.1).
 */

#ifndef META_CHALLENGE_H
#define META_CHALLENGE_H

#include "meta.h"


META_HIDDEN_BEGIN

/*
 * Judges the query string args (still percent-encoded, without "?") against
 * ntokens tokens, each in constant time.  META_OK: the percent-decoded
 * challenge stands in out[0 .. *len-1] (room: args.len bytes).
 * META_DENIED: no token agrees.  META_MALFORMED: hub.mode is not "subscribe",
 * a parameter is missing, empty or not validly encoded, or stands there twice.
 */
meta_rc_t meta_challenge(meta_str_t args, const meta_str_t *tokens,
    size_t ntokens, unsigned char *out, size_t *len);

/*
 * Overwrites with '*', in place, the values of hub.verify_token, code, state,
 * sig and signed_request (however the name is cased, escaped or joined on) in
 * the query string of the request line, request target or query in data; looks
 * from the first '?' on, or everywhere if is_query.  Length never changes.
 */
void meta_query_mask(unsigned char *data, size_t len, int is_query);

META_HIDDEN_END


#endif /* META_CHALLENGE_H */
