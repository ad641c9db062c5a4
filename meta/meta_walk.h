/*
 * Named members of a JSON object into slots, by a table that says which
 * matter and what stands below them, while the bytes are judged.
 */

#ifndef META_WALK_H
#define META_WALK_H

#include "meta.h"
#include "meta_json.h"


/* objects and arrays inside each other, as deep as any table goes */
#define META_WALK_DEPTH  8


typedef struct meta_table_s  meta_table_t;


typedef struct {
    meta_str_t           name;          /* META_JSON_NAME_MAX at most */
    unsigned             slot;          /* gets the token of the value */
    const meta_table_t  *child;         /* NULL, or what the value must be */
} meta_member_t;


/*
 * The slots of what stands below an object follow its own, up to last, so
 * that a member named twice can empty them.  Of an array the first element is
 * walked; its own slot gets the place behind the opening bracket and, as len,
 * the number of elements.
 */
struct meta_table_s {
    const meta_member_t  *members;
    unsigned              n;
    unsigned              last;
    unsigned              is_array;
};

#define meta_table(members, last, is_array)                                   \
    { members, sizeof(members) / sizeof(members[0]), last, is_array }


/* an object or array that is being walked */
typedef struct {
    const meta_table_t   *table;
    const meta_member_t  *next;         /* expected here, most likely */
    meta_str_t           *slot;         /* NULL: an element, or the event */
    const unsigned char  *start;
    unsigned char         close;
} meta_frame_t;


/* a walk on its way */
typedef struct {
    meta_frame_t          frames[META_WALK_DEPTH];
    meta_frame_t         *frame;        /* NULL: no object, or not yet begun */
    unsigned              depth;
    unsigned              first:1;
    unsigned              begun:1;
    unsigned              inside:1;     /* of a value that is skipped */
    meta_str_t           *slots;
    meta_str_t           *slot;         /* of that value, or NULL */
    const unsigned char  *start;        /* where it began */
    meta_json_skip_t      skip;
} meta_walk_t;


META_HIDDEN_BEGIN

/*
 * One value at j->p, as meta_json_skip() would scan it, and with its pauses.
 * Of an object the slots 0 to t->last are filled; they stay empty (len 0)
 * where a member is absent, or is no object or array where the table wants
 * one.
 */
void meta_walk_begin(meta_walk_t *w, unsigned depth, const meta_table_t *t,
    meta_str_t *slots);
meta_rc_t meta_walk_run(meta_json_t *j, meta_walk_t *w);

/* the same without a pause */
meta_rc_t meta_walk(meta_json_t *j, unsigned depth, const meta_table_t *t,
    meta_str_t *slots);

META_HIDDEN_END


#endif /* META_WALK_H */
