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
    unsigned           keyed:1;     /* key holds (a split sees to it) */
    meta_key_t         key;
} meta_event_t;


typedef struct {
    meta_str_t         object;      /* token of the member "object" */
    size_t             nevents;     /* how many there are, 1 or more */
} meta_split_t;


#define META_SPLIT_KINDS  3     /* changes, messaging, standby */


/* what an entry is made of, apart from its events */
typedef struct {
    meta_str_t            id;
    meta_str_t            time;
    meta_str_t            field;
    const unsigned char  *items[META_SPLIT_KINDS];  /* NULL: no array */
    unsigned              met;          /* a bit for each of the arrays */
    unsigned              repeated;     /* one of the arrays stands twice */
    const unsigned char  *start;
    size_t                n;            /* events before it */
    size_t                unkey;        /* first that id has to be told of */
} meta_entry_t;


/* a token that is skipped, or an event that is scanned */
typedef enum {
    META_SPLIT_NOTHING = 0,
    META_SPLIT_TOKEN,
    META_SPLIT_ELEMENT,     /* a token that is an entry, and so an event */
    META_SPLIT_EVENT,
    META_SPLIT_KEY          /* an event once more */
} meta_pending_t;


/* a split on its way: where it stands, and what it has found */
typedef struct meta_scan_s  meta_scan_t;

struct meta_scan_s {
    meta_json_t           json;
    meta_event_t         *events;
    size_t                nalloc;
    size_t                n;            /* events met, stored or not */

    size_t                budget;       /* of this run, from there on */
    const unsigned char  *from;

    meta_rc_t           (*step)(meta_scan_t *s);    /* NULL: at the end */
    unsigned              first:1;      /* no member or element yet */
    unsigned              again:1;      /* an entry's arrays, once more */
    const unsigned char  *start;        /* of the body, then its end */
    const unsigned char  *left;         /* where the entry was left for it */
    meta_str_t            object;       /* tokens, as far as they are known */
    meta_str_t            field;
    size_t                unkey;        /* first that object has to be told */
    meta_entry_t          entry;

    meta_event_kind_t     kind;         /* of the array being read */
    meta_str_t            shown[2];     /* object and entry, by now */
    unsigned              keyed;
    size_t                nkeyed;       /* events seen to at the end */

    meta_pending_t        pending;
    const unsigned char  *at;           /* where it begins */
    meta_str_t           *token;
    meta_str_t            other;        /* a token that nobody wants */
    meta_json_skip_t      skip;
    meta_key_scan_t       key;
    meta_key_t            spare;        /* of events that are not stored */
};


META_HIDDEN_BEGIN

/*
 * Judges the whole body and writes its first nalloc events to events, in the
 * order of the bytes: in runs of about budget bytes each, more than 0.
 * META_AGAIN: there is more to do.  META_OK: split is filled; where
 * split->nevents > nalloc the caller begins again with that many
 * (META_MAX_EVENTS at most).  META_MALFORMED: no JSON, or no object.
 * META_TOO_DEEP.
 */
void meta_split_begin(meta_scan_t *s, meta_str_t body, meta_event_t *events,
    size_t nalloc);
meta_rc_t meta_split_run(meta_scan_t *s, size_t budget, meta_split_t *split);

/* the same in one run */
meta_rc_t meta_split(meta_str_t body, meta_split_t *s, meta_event_t *events,
    size_t nalloc);

META_HIDDEN_END


#endif /* META_SPLIT_H */
