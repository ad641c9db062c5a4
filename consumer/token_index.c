/* The table that tokens are found in: by name, lane, and all that they are
   for. */

#include "token_own.h"

#include <stdlib.h>


#define BUCKETS_FIRST  64


static size_t entry_hash(enum token_by by, struct str text)
{
    size_t    i;
    uint64_t  h = 14695981039346656037u + (uint64_t) by;

    for (i = 0; i < text.len; i++) {
        h = (h ^ (unsigned char) text.at[i]) * 1099511628211u;
    }

    return (size_t) (h ^ h >> 29);
}


/* token_entries: the first of a bucket; the caller compares */
const struct token_entry *token_entries(const struct tokens *s,
    enum token_by by, struct str text)
{
    return s->nbuckets ? s->buckets[entry_hash(by, text) & (s->nbuckets - 1)]
           : NULL;
}


/* token_find: of names and lanes, which are one's alone */
struct token *token_find(const struct tokens *s, enum token_by by,
    struct str text)
{
    const struct token_entry  *e;

    for (e = token_entries(s, by, text); e != NULL; e = e->next) {
        if (e->by == by && str_equal(e->text, text)) {
            return e->t;
        }
    }

    return NULL;
}


static void buckets_grow(struct tokens *s)
{
    size_t                i, n = s->nbuckets ? 2 * s->nbuckets : BUCKETS_FIRST;
    struct token_entry   *e, **to, **old = s->buckets;

    s->buckets = mem_alloc(n * sizeof(*s->buckets));

    for (i = 0; i < s->nbuckets; i++) {
        while ((e = old[i]) != NULL) {
            old[i] = e->next;
            to = &s->buckets[entry_hash(e->by, e->text) & (n - 1)];
            e->next = *to;
            *to = e;
        }
    }

    free(old);
    s->nbuckets = n;
}


/* index_add: one more way to find it; the text is t's */
void index_add(struct tokens *s, struct token *t, enum token_by by,
    struct str text)
{
    struct token_entry  *e, **to;

    if (text.len == 0) {
        return;
    }

    if (s->nentries >= s->nbuckets) {
        buckets_grow(s);
    }

    e = mem_alloc(sizeof(*e));
    e->t = t;
    e->by = by;
    e->text = text;
    to = &s->buckets[entry_hash(by, text) & (s->nbuckets - 1)];
    e->next = *to;
    *to = e;
    s->nentries++;
}


/* index_out takes it away */
void index_out(struct tokens *s, struct token *t, enum token_by by,
    struct str text)
{
    struct token_entry  *e, **at;

    if (s->nbuckets == 0 || text.len == 0) {
        return;
    }

    at = &s->buckets[entry_hash(by, text) & (s->nbuckets - 1)];
    for ( /* void */ ; (e = *at) != NULL; at = &e->next) {
        if (e->t == t && e->by == by && str_equal(e->text, text)) {
            *at = e->next;
            free(e);
            s->nentries--;
            return;
        }
    }
}


/* token_better: of two that fit equally well */
bool token_better(const struct token *a, const struct token *b)
{
    if (a->lost != b->lost) {
        return b->lost;
    }

    if ((a->of != NULL) != (b->of != NULL)) {
        return a->of != NULL;
    }

    if (a->issued != b->issued) {
        return a->issued > b->issued;
    }

    return strcmp(a->name, b->name) < 0;
}


/* token_usable: NULL where there is no secret */
const struct conf_token *token_usable(const struct token *t)
{
    return t->of != NULL ? t->of : t->as.secret != NULL ? &t->as : NULL;
}


/* token_source: its name, the file or the variable that it came from */
const char *token_source(const struct conf_token *t)
{
    return t->stored != NULL ? t->stored->name
           : t->file != NULL ? t->file : t->env;
}


/* tokens_state: refused for good is known, and yet unread */
enum tokens_state tokens_state(const struct tokens *s)
{
    return s->conf->token_keys == NULL ? TOKENS_NONE
           : s->version < 0 || s->refused || s->full ? TOKENS_UNREAD
           : TOKENS_READ;
}
