/* Lines: who must wait for whom, first come, first served, per key. */

#include "line.h"

#include <search.h>
#include <stdlib.h>


/* in a tree, not in a hash table: the keys are strangers', who could choose
   them so that they collide */
struct line {
    struct str     key;         /* owned, behind it */
    struct place  *first;
    struct place  *last;
};


struct lines {
    void  *tree;                /* of tsearch(3), by key */
};


static int line_order(const void *a, const void *b)
{
    const struct line  *x = a, *y = b;

    if (x->key.len != y->key.len) {
        return x->key.len < y->key.len ? -1 : 1;
    }

    return memcmp(x->key.at, y->key.at, x->key.len);
}


static struct line *line_get(struct lines *lines, struct str key)
{
    char         *at;
    struct line  *l, **found, probe = { .key = key };

    found = tfind(&probe, &lines->tree, line_order);
    if (found != NULL) {
        return *found;
    }

    l = mem_alloc(sizeof(*l) + key.len);
    at = (char *) (l + 1);
    memcpy(at, key.at, key.len);
    l->key = (struct str) { at, key.len };

    if (tsearch(l, &lines->tree, line_order) == NULL) {
        abort();                /* no memory */
    }

    return l;
}


static void line_drop(struct lines *lines, struct line *line)
{
    tdelete(line, &lines->tree, line_order);
    free(line);
}


/* lines_new makes an empty set of lines */
struct lines *lines_new(void)
{
    return mem_alloc(sizeof(struct lines));
}


/* lines_free releases it */
void lines_free(struct lines *lines)
{
    free(lines);
}


/* lines_join puts the owner at the end of the key's line */
bool lines_join(struct lines *lines, struct place *place, struct str key,
    void *owner)
{
    struct line  *l = line_get(lines, key);

    *place = (struct place) { .owner = owner };

    if (l->last != NULL && l->last->owner == owner) {
        return false;
    }

    place->line = l;
    place->before = l->last;

    if (l->last != NULL) {
        l->last->behind = place;
    } else {
        l->first = place;
    }

    l->last = place;

    return place->before != NULL;
}


/* lines_leave takes the place out and says who became the first */
void *lines_leave(struct lines *lines, struct place *place)
{
    struct line   *l = place->line;
    struct place  *next = place->behind;

    if (l == NULL) {
        return NULL;
    }

    place->line = NULL;

    if (next != NULL) {
        next->before = place->before;
    } else {
        l->last = place->before;
    }

    if (place->before != NULL) {
        place->before->behind = next;
        return NULL;
    }

    l->first = next;
    if (next == NULL) {
        line_drop(lines, l);
        return NULL;
    }

    return next->owner;
}


/* line_key returns the key of the line in which the place is */
struct str line_key(const struct place *place)
{
    return place->line->key;
}
