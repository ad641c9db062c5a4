/*
 * A second opinion on a body: yajl's verdict (numbers as text, strings not
 * validated), how deep it went, and how many events contract 4 counts in it.
 *
 * yajl allocates from an arena of ours: malloc under a sanitizer would take
 * most of the time.
 */

#ifndef YAJL_JUDGE_H
#define YAJL_JUDGE_H

#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "meta/meta.h"


#define JUDGE_ARENA  (8 * 1024 * 1024)


typedef struct {
    yajl_handle  yajl;
    size_t       end;           /* behind the outermost value */

    int          is_object;     /* the outermost value */
    unsigned     depth;
    unsigned     deepest;

    int          in_entry;      /* 1: at the body's "entry", 2: in its array */
    int          items;         /* which array of the entry, or -1 */
    size_t       count[3];
    size_t       total;
} judge_t;


static unsigned char  judge_arena[JUDGE_ARENA];
static size_t         judge_used;


static void *
judge_malloc(void *ctx, size_t size)
{
    size_t  *p;

    (void) ctx;

    size = (size + 31) / 16 * 16;

    if (judge_used + size > JUDGE_ARENA) {
        abort();
    }

    p = (size_t *) (void *) (judge_arena + judge_used);
    judge_used += size;

    p[0] = size - 16;

    return p + 2;
}


static void *
judge_realloc(void *ctx, void *old, size_t size)
{
    void    *p;
    size_t  *was;

    p = judge_malloc(ctx, size);

    if (old != NULL) {
        was = (size_t *) old - 2;
        memcpy(p, old, *was < size ? *was : size);
    }

    return p;
}


static void
judge_free(void *ctx, void *p)
{
    (void) ctx;
    (void) p;
}


/* what every value does to the count, containers and others alike */

static void
judge_value(judge_t *j, int is_map, int is_array)
{
    if (j->depth == 0) {
        j->is_object = is_map;

    } else if (j->depth == 1 && j->in_entry) {
        j->total = 0;
        j->in_entry = is_array ? 2 : 0;

    } else if (j->depth == 2 && j->in_entry == 2) {
        memset(j->count, 0, sizeof(j->count));
        j->items = -1;

        if (!is_map) {
            j->total++;
        }

    } else if (j->depth == 3 && j->in_entry == 2 && j->items >= 0) {
        j->count[j->items] = 0;

        if (!is_array) {
            j->items = -1;
        }

    } else if (j->depth == 4 && j->in_entry == 2 && j->items >= 0) {
        j->count[j->items]++;
    }
}


static int
judge_scalar(void *ctx)
{
    judge_value(ctx, 0, 0);
    return 1;
}


static int
judge_boolean(void *ctx, int value)
{
    (void) value;
    return judge_scalar(ctx);
}


static int
judge_text(void *ctx, const unsigned char *s, size_t len)
{
    (void) s;
    (void) len;
    return judge_scalar(ctx);
}


static int
judge_number(void *ctx, const char *s, size_t len)
{
    (void) s;
    (void) len;
    return judge_scalar(ctx);
}


static void
judge_down(judge_t *j)
{
    if (++j->depth > j->deepest) {
        j->deepest = j->depth;
    }
}


static int
judge_start_map(void *ctx)
{
    judge_value(ctx, 1, 0);
    judge_down(ctx);
    return 1;
}


static int
judge_start_array(void *ctx)
{
    judge_value(ctx, 0, 1);
    judge_down(ctx);
    return 1;
}


static int
judge_key(void *ctx, const unsigned char *s, size_t len)
{
    size_t    i;
    judge_t  *j = ctx;

    static const char *const  names[] = { "changes", "messaging", "standby" };

    if (j->depth == 1) {
        j->in_entry = len == 5 && memcmp(s, "entry", 5) == 0;

    } else if (j->depth == 3 && j->in_entry == 2) {
        j->items = -1;

        for (i = 0; i < 3; i++) {
            if (len == strlen(names[i]) && memcmp(s, names[i], len) == 0) {
                j->items = (int) i;
            }
        }
    }

    return 1;
}


static void
judge_up(judge_t *j)
{
    if (--j->depth == 0) {
        j->end = yajl_get_bytes_consumed(j->yajl);
    }
}


static int
judge_end_map(void *ctx)
{
    size_t    n;
    judge_t  *j = ctx;

    judge_up(j);

    if (j->depth == 2 && j->in_entry == 2) {
        n = j->count[0] + j->count[1] + j->count[2];
        j->total += (n == 0) ? 1 : n;
    }

    return 1;
}


static int
judge_end_array(void *ctx)
{
    judge_up(ctx);

    return 1;
}


/*
 * 1 if yajl takes the bytes as one JSON value of any kind.  It also takes an
 * unfinished token behind the value ('{}"', '{}t'), which is its own mistake:
 * that counts as refused.
 */

static int
judge(judge_t *j, meta_str_t bytes)
{
    yajl_status       rc;
    yajl_alloc_funcs  alloc = {
        judge_malloc, judge_realloc, judge_free, NULL
    };

    static const yajl_callbacks  callbacks = {
        judge_scalar, judge_boolean, NULL, NULL, judge_number, judge_text,
        judge_start_map, judge_key, judge_end_map,
        judge_start_array, judge_end_array
    };

    judge_used = 0;
    memset(j, 0, sizeof(judge_t));
    j->items = -1;

    j->yajl = yajl_alloc(&callbacks, &alloc, j);
    yajl_config(j->yajl, yajl_dont_validate_strings, 1);

    rc = yajl_parse(j->yajl, bytes.data, bytes.len);

    if (rc == yajl_status_ok) {
        rc = yajl_complete_parse(j->yajl);
    }

    if (rc != yajl_status_ok) {
        return 0;
    }

    while (j->end != 0 && j->end < bytes.len) {
        if (memchr(" \t\n\v\f\r", bytes.data[j->end++], 6) == NULL) {
            return 0;
        }
    }

    return 1;
}


/* what the fuzzers and the replay say when they find something */

#define check(cond)                                                           \
    do {                                                                      \
        if (!(cond)) {                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__,        \
                    #cond);                                                   \
            abort();                                                          \
        }                                                                     \
    } while (0)


#endif /* YAJL_JUDGE_H */
