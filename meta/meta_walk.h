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


META_HIDDEN_BEGIN

/*
 * One value at j->p, as meta_json_value() would scan it.  Of an object the
 * slots 0 to t->last are filled; they stay empty (len 0) where a member is
 * absent, or is no object or array where the table wants one.
 */
meta_rc_t meta_walk(meta_json_t *j, unsigned depth, const meta_table_t *t,
    meta_str_t *slots);

META_HIDDEN_END


#endif /* META_WALK_H */
