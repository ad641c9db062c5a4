/*
 * One walk over an object's bytes.  It stands in one object or array at a
 * time and keeps a frame for each around it; what the tables do not name is
 * left to the scanner.
 */

#include <string.h>

#include "meta_walk.h"


static meta_rc_t meta_walk_value(meta_json_t *j, meta_walk_t *w);
static void meta_walk_enter(meta_frame_t *f, const meta_table_t *t,
    meta_str_t *slot, const unsigned char *start);
static void meta_walk_leave(meta_frame_t *f, const unsigned char *end);
static const meta_member_t *meta_walk_member(meta_frame_t *f,
    meta_str_t name, int escaped);
static meta_str_t *meta_walk_slot(const meta_member_t *m, meta_str_t *slots);


meta_rc_t
meta_walk(meta_json_t *j, unsigned depth, const meta_table_t *t,
    meta_str_t *slots)
{
    meta_rc_t             rc;
    meta_walk_t           w;
    const unsigned char  *stop;

    stop = j->stop;
    j->stop = j->end;

    meta_walk_begin(&w, depth, t, slots);
    rc = meta_walk_run(j, &w);

    j->stop = stop;

    return rc;
}


void
meta_walk_begin(meta_walk_t *w, unsigned depth, const meta_table_t *t,
    meta_str_t *slots)
{
    memset(slots, 0, (t->last + 1) * sizeof(meta_str_t));

    w->frames[0].table = t;
    w->frame = NULL;
    w->depth = depth;
    w->begun = 0;
    w->inside = 0;
    w->slots = slots;
    w->slot = NULL;
}


meta_rc_t
meta_walk_run(meta_json_t *in, meta_walk_t *w)
{
    int                   rc, first;
    meta_rc_t             mrc;
    meta_str_t            name, *slot;
    meta_json_t           j;
    meta_frame_t         *f;
    const meta_table_t   *child;
    const unsigned char  *start;
    const meta_member_t  *m;

    if (!w->begun) {
        w->begun = 1;

        if (in->p == in->end || *in->p != '{') {
            w->inside = 1;
            meta_json_skip_init(&w->skip, w->depth);

        } else {
            w->frame = w->frames;
            w->first = 1;
            meta_walk_enter(w->frame, w->frames[0].table, NULL, in->p++);
        }
    }

    if (w->inside) {
        mrc = meta_walk_value(in, w);

        if (mrc != META_OK || w->frame == NULL) {
            return mrc;
        }
    }

    j = *in;
    f = w->frame;
    first = w->first;

    for ( ;; ) {

        if (j.p >= j.stop && j.p < j.end) {
            break;
        }

        rc = meta_json_next(&j, f->close, first);
        first = 0;

        if (rc == -1) {
            return META_MALFORMED;
        }

        if (rc == 0) {
            if (f == w->frames) {
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
                slot = meta_walk_slot(m, w->slots);
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

        w->slot = (child == NULL) ? slot : NULL;

        if (*start == '"') {
            j.p++;

            rc = meta_json_string(&j, j.stop);

            if (rc == 0) {
                return META_MALFORMED;
            }

            if (rc == 1) {
                if (w->slot != NULL) {
                    w->slot->data = start;
                    w->slot->len = (size_t) (j.p - start);
                }

                continue;
            }
        }

        w->frame = f;
        w->start = start;
        w->inside = 1;

        meta_json_skip_init(&w->skip,
                            w->depth + 1 + (unsigned) (f - w->frames));
        w->skip.in_string = (j.p != start);

        /* a copy, so that j itself may stay in registers */

        *in = j;

        mrc = meta_walk_value(in, w);

        if (mrc != META_OK) {
            w->first = 0;
            return mrc;
        }

        j = *in;
    }

    w->frame = f;
    w->first = first;
    *in = j;

    return META_AGAIN;
}


/* what no table names, or goes on behind a pause */

static meta_rc_t
meta_walk_value(meta_json_t *j, meta_walk_t *w)
{
    meta_rc_t  rc;

    rc = meta_json_skip(j, &w->skip);

    if (rc == META_OK) {
        w->inside = 0;

        if (w->slot != NULL) {
            w->slot->data = w->start;
            w->slot->len = (size_t) (j->p - w->start);
        }
    }

    return rc;
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
    const meta_member_t  *m;

    m = f->next;

    for (i = 0; i < f->table->n; i++, m++) {

        if (m == f->table->members + f->table->n) {
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
