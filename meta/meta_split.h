/*
 * One webhook body into slices, one per event: a strict JSON scanner
 * (RFC 8259) that builds no tree, allocates nothing and yields the exact
 * bytes that Meta sent (contract 4; meta-webhooks-and-messaging.md 2).
 */

#ifndef META_SPLIT_H
#define META_SPLIT_H

#include "meta.h"
#include "meta_key.h"


/* values are JSON tokens as sent, quotes and escapes included; len 0: absent */
typedef struct {
    meta_str_t         raw;         /* exact bytes of the event */
    meta_str_t         entry_id;
    meta_str_t         entry_time;
    meta_event_kind_t  kind;
    unsigned           keyed:1;     /* key holds, or is to be found again */
    meta_key_t         key;
} meta_event_t;


typedef struct {
    meta_str_t         object;      /* token of the member "object" */
    size_t             nevents;     /* how many there are, 1 or more */
} meta_split_t;


META_HIDDEN_BEGIN

/*
 * Judges the whole body and writes its first nalloc events to events, in the
 * order of the bytes.  META_OK: s is filled; where s->nevents > nalloc the
 * caller comes again with that many (META_MAX_EVENTS at most).
 * META_MALFORMED: no JSON, or no object.  META_TOO_DEEP.
 */
meta_rc_t meta_split(meta_str_t body, meta_split_t *s, meta_event_t *events,
    size_t nalloc);

META_HIDDEN_END


#endif /* META_SPLIT_H */
