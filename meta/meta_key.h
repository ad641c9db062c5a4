/*
 * What the record says of an event: the two tables of contract 4 (id, key,
 * time, field), found in its bytes.
 */

#ifndef META_KEY_H
#define META_KEY_H

#include "meta.h"
#include "meta_json.h"
#include "meta_shape.h"


#define META_KEY_ID_PARTS  4


typedef enum {
    META_EVENT_CHANGE = 0,  /* changes[i]; also a flat entry or body */
    META_EVENT_MESSAGING,   /* messaging[i] */
    META_EVENT_STANDBY,     /* standby[i] */
    META_EVENT_ENTRY,       /* an entry with nothing to split */
    META_EVENT_BODY         /* the whole body */
} meta_event_kind_t;


/* texts are slices of the body, still escaped; len 0 is absent */
typedef struct {
    meta_str_t  id[META_KEY_ID_PARTS];  /* joined by ':' */
    unsigned    nid;                    /* 0: the id is a hash */
    meta_str_t  account;
    meta_str_t  line;                   /* behind account and ':' */
    unsigned    several:1;              /* account and ':', no line */
    unsigned    own_time:1;             /* time is the event's own */
    int64_t     time;                   /* milliseconds, -1: unknown */
    meta_str_t  field;
} meta_key_t;


/* an event that is being scanned */
typedef struct {
    meta_event_kind_t  kind;
    meta_str_t         object;
    meta_str_t         entry;
    meta_str_t         slots[META_CHANGE_SLOTS];
    meta_walk_t        walk;
} meta_key_scan_t;


META_HIDDEN_BEGIN

/*
 * One event at j->p, scanned as meta_json_skip() would and with its pauses,
 * and what the record says of it; object and entry are texts as the record
 * shows them.  A part of the id that is empty makes the id a hash: the caller,
 * who writes the parts, sees it.
 */
void meta_key_begin(meta_key_scan_t *s, unsigned depth,
    meta_event_kind_t kind, meta_str_t object, meta_str_t entry);
meta_rc_t meta_key_run(meta_json_t *j, meta_key_scan_t *s, meta_key_t *k);

/* the same without a pause */
meta_rc_t meta_key(meta_json_t *j, unsigned depth, meta_event_kind_t kind,
    meta_str_t object, meta_str_t entry, meta_key_t *k);

/* milliseconds that a token of seconds or milliseconds means; -1: none */
int64_t meta_key_time(meta_str_t token);

META_HIDDEN_END


#endif /* META_KEY_H */
