/* Lines: who must wait for whom, first come, first served, per key. */

#include "line.h"

#include <stdint.h>
#include <stdlib.h>


#define LINE_BUCKETS  1024


struct line {
    struct line   *next;
    uint32_t       hash;
    struct place  *first;
    struct place  *last;
    size_t         len;
    char           key[];
};


struct lines {
    struct line  *buckets[LINE_BUCKETS];
};


/* FNV-1a; there are never more lines than the window has places */
static uint32_t line_hash(struct str key)
{
    size_t    i;
    uint32_t  h = 2166136261u;

    for (i = 0; i < key.len; i++) {
        h = (h ^ (unsigned char) key.at[i]) * 16777619u;
    }

    return h;
}


static struct line *line_get(struct lines *lines, struct str key)
{
    uint32_t      hash = line_hash(key);
    struct line  *l, **bucket = &lines->buckets[hash % LINE_BUCKETS];

    for (l = *bucket; l != NULL; l = l->next) {
        if (l->hash == hash && l->len == key.len
            && memcmp(l->key, key.at, key.len) == 0)
        {
            return l;
        }
    }

    l = mem_alloc(sizeof(*l) + key.len);
    l->hash = hash;
    l->len = key.len;
    memcpy(l->key, key.at, key.len);
    l->next = *bucket;
    *bucket = l;

    return l;
}


static void line_drop(struct lines *lines, struct line *line)
{
    struct line  **l = &lines->buckets[line->hash % LINE_BUCKETS];

    while (*l != line) {
        l = &(*l)->next;
    }

    *l = line->next;
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
