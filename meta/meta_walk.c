/*
 * One walk over an object's bytes.  It stands in one object or array at a
 * time and keeps a frame for each around it; what the tables do not name is
 * left to the scanner.
 */

#include <string.h>

#include "meta_walk.h"


/* an object or array that is being walked */
typedef struct {
    const meta_table_t   *table;
    const meta_member_t  *next;         /* expected here, most likely */
    meta_str_t           *slot;         /* NULL: an element, or the event */
    const unsigned char  *start;
    unsigned char         close;
} meta_frame_t;


static void meta_walk_enter(meta_frame_t *f, const meta_table_t *t,
    meta_str_t *slot, const unsigned char *start);
static void meta_walk_leave(meta_frame_t *f, const unsigned char *end);
static const meta_member_t *meta_walk_member(meta_frame_t *f,
    meta_str_t name, int escaped);
static meta_str_t *meta_walk_slot(const meta_member_t *m, meta_str_t *slots);


meta_rc_t
meta_walk(meta_json_t *in, unsigned depth, const meta_table_t *t,
    meta_str_t *slots)
{
    int                   rc, first;
    meta_rc_t             mrc;
    meta_str_t            name, *slot;
    meta_json_t           j, over;
    meta_frame_t         *f, frames[META_WALK_DEPTH];
    const meta_table_t   *child;
    const unsigned char  *start;
    const meta_member_t  *m;

    memset(slots, 0, (t->last + 1) * sizeof(meta_str_t));

    if (in->p == in->end || *in->p != '{') {
        return meta_json_value(in, depth);
    }

    j = *in;

    f = frames;
    meta_walk_enter(f, t, NULL, j.p++);
    first = 1;

    for ( ;; ) {

        rc = meta_json_next(&j, f->close, first);
        first = 0;

        if (rc == -1) {
            return META_MALFORMED;
        }

        if (rc == 0) {
            if (f == frames) {
                *in = j;
                return META_OK;
            }

            meta_walk_leave(f--, j.p);
            continue;
        }

        slot = NULL;
        child = NULL;

        if (f->close == ']') {
            if (++f->slot->len == 1) {
                child = f->table;
            }

        } else {
            rc = meta_json_name(&j, &name);
            if (rc == 0) {
                return META_MALFORMED;
            }

            m = meta_walk_member(f, name, rc == 2);

            if (m != NULL) {
                slot = meta_walk_slot(m, slots);
                child = m->child;
            }
        }

        if (j.p == j.end) {
            return META_MALFORMED;
        }

        start = j.p;

        if (child != NULL
            && *start == ((child->is_array && slot != NULL) ? '[' : '{'))
        {
            j.p++;
            meta_walk_enter(++f, child, slot, start);
            first = 1;
            continue;
        }

        if (*start == '"') {
            j.p++;

            if (!meta_json_string(&j)) {
                return META_MALFORMED;
            }

        } else {

            /* a copy, so that j itself may stay in registers */

            over = j;

            mrc = meta_json_value(&over, depth + 1 + (unsigned) (f - frames));
            if (mrc != META_OK) {
                return mrc;
            }

            j = over;
        }

        if (slot != NULL && child == NULL) {
            slot->data = start;
            slot->len = (size_t) (j.p - start);
        }
    }
}


static void
meta_walk_enter(meta_frame_t *f, const meta_table_t *t, meta_str_t *slot,
    const unsigned char *start)
{
    f->table = t;
    f->next = t->members;
    f->slot = slot;
    f->start = start;
    f->close = (*start == '[') ? ']' : '}';

    if (f->close == ']') {
        slot->data = start + 1;
    }
}


/* end stands behind the closing bracket */

static void
meta_walk_leave(meta_frame_t *f, const unsigned char *end)
{
    if (f->slot != NULL && f->close == '}') {
        f->slot->data = f->start;
        f->slot->len = (size_t) (end - f->start);
    }
}


/* members mostly come in the order of the tables: the search starts there */

static const meta_member_t *
meta_walk_member(meta_frame_t *f, meta_str_t name, int escaped)
{
    unsigned              i;
    const meta_member_t  *m, *last;

    m = f->next;
    last = f->table->members + f->table->n;

    for (i = 0; i < f->table->n; i++, m++) {

        if (m == last) {
            m = f->table->members;
        }

        if (escaped) {
            if (!meta_json_is(name, m->name)) {
                continue;
            }

        } else if (m->name.len != name.len
                   || m->name.data[0] != name.data[0]
                   || memcmp(m->name.data, name.data, name.len) != 0)
        {
            continue;
        }

        f->next = m + 1;
        return m;
    }

    return NULL;
}


/* where the member stands twice, what the first one gave is void */

static meta_str_t *
meta_walk_slot(const meta_member_t *m, meta_str_t *slots)
{
    unsigned     last;
    meta_str_t  *slot;

    slot = &slots[m->slot];

    if (slot->data != NULL) {
        last = (m->child != NULL) ? m->child->last : m->slot;
        memset(slot, 0, (last - m->slot + 1) * sizeof(meta_str_t));
    }

    return slot;
}
