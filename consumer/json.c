/* JSON of the daemon: a tree over yajl for what comes in, quoting for what
   goes out. */

#include "json.h"

#include <stdint.h>
#include <stdlib.h>

#include <yajl/yajl_parse.h>


#define JSON_CHUNK   (16 * 1024)
#define JSON_FIRST   4000               /* an ordinary event needs no more */
#define JSON_SPARES  256                /* of a window */
#define JSON_ARENA   (32 * 1024)        /* a parse of yajl's takes less */


struct json_chunk {
    struct json_chunk  *next;
    size_t              used;
    size_t              size;
    max_align_t         at[];
};


struct json_doc {
    struct json_doc    *next;           /* of those to spare */
    struct json_chunk  *chunks;
    struct json        *root;
    size_t              bytes;
    size_t              max;
    size_t              used;           /* of first */
    max_align_t         first[JSON_FIRST / sizeof(max_align_t)];
};


/* a document on its way in */
struct json_build {
    struct json_doc    *doc;
    char               *text;                   /* our copy, or NULL */
    size_t              len;
    struct str          key;                    /* of the value to come */
    size_t              depth;
    struct json        *open[JSON_DEPTH_MAX];
    struct json        *last[JSON_DEPTH_MAX];   /* child of open[] */
};


static struct json_doc  *json_spares;
static size_t            json_nspares;


/* memory that lives as long as the document, NULL over its ceiling */
static void *json_alloc(struct json_doc *doc, size_t size)
{
    void               *p;
    size_t              room;
    struct json_chunk  *c = doc->chunks;

    size = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);

    if (size <= sizeof(doc->first) - doc->used) {
        p = (char *) doc->first + doc->used;
        doc->used += size;
        return p;
    }

    if (c == NULL || c->size - c->used < size) {
        room = size > JSON_CHUNK ? size : JSON_CHUNK;
        if (room > doc->max - doc->bytes) {
            return NULL;
        }

        c = mem_grow(NULL, sizeof(*c) + room);
        c->next = doc->chunks;
        c->used = 0;
        c->size = room;
        doc->chunks = c;
        doc->bytes += room;
    }

    p = (char *) c->at + c->used;
    c->used += size;

    return p;
}


static int json_copy(struct json_doc *doc, struct str *s, const void *at,
    size_t len)
{
    char  *p = json_alloc(doc, len + 1);

    if (p == NULL) {
        return 0;
    }

    if (len) {
        memcpy(p, at, len);
    }

    p[len] = '\0';
    *s = (struct str) { p, len };

    return 1;
}


/* what has no escapes yajl shows where it stands; behind it is its quote, which
   has been read */
static int json_keep(struct json_build *b, struct str *s, const void *at,
    size_t len)
{
    size_t  offset = (size_t) ((uintptr_t) at - (uintptr_t) b->text);

    if (b->text == NULL || offset >= b->len) {
        return json_copy(b->doc, s, at, len);
    }

    b->text[offset + len] = '\0';
    *s = (struct str) { b->text + offset, len };

    return 1;
}


/* hangs a new value into what is open */
static struct json *json_value(struct json_build *b, enum json_type type)
{
    size_t        d = b->depth;
    struct json  *j = json_alloc(b->doc, sizeof(*j));

    if (j == NULL) {
        return NULL;
    }

    *j = (struct json) { .type = type, .text = NONE, .key = NONE };

    if (d == 0) {
        b->doc->root = j;
        return j;
    }

    if (b->open[d - 1]->type == JSON_OBJECT) {
        j->key = b->key;
    }

    if (b->last[d - 1] == NULL) {
        b->open[d - 1]->child = j;
    } else {
        b->last[d - 1]->next = j;
    }

    b->last[d - 1] = j;

    return j;
}


static int json_enter(struct json_build *b, enum json_type type)
{
    struct json  *j;

    if (b->depth == JSON_DEPTH_MAX) {
        return 0;
    }

    j = json_value(b, type);
    if (j == NULL) {
        return 0;
    }

    b->open[b->depth] = j;
    b->last[b->depth] = NULL;
    b->depth++;

    return 1;
}


static int on_null(void *build)
{
    return json_value(build, JSON_NULL) != NULL;
}


static int on_bool(void *build, int truth)
{
    return json_value(build, truth ? JSON_TRUE : JSON_FALSE) != NULL;
}


static int on_number(void *build, const char *at, size_t len)
{
    struct json_build  *b = build;
    struct json        *j = json_value(b, JSON_NUMBER);

    return j != NULL && json_copy(b->doc, &j->text, at, len);
}


static int on_string(void *build, const unsigned char *at, size_t len)
{
    struct json_build  *b = build;
    struct json        *j = json_value(b, JSON_STRING);

    return j != NULL && json_keep(b, &j->text, at, len);
}


static int on_key(void *data, const unsigned char *at, size_t len)
{
    struct json_build  *b = data;

    return json_keep(b, &b->key, at, len);
}


static int on_object(void *build)
{
    return json_enter(build, JSON_OBJECT);
}


static int on_array(void *build)
{
    return json_enter(build, JSON_ARRAY);
}


static int on_end(void *data)
{
    struct json_build  *b = data;

    b->depth--;

    return 1;
}


/* Yajl makes some ten small blocks for each parse.  They come from one place,
   which is empty again when the parse ends; no parse begins inside another */
static max_align_t  arena[JSON_ARENA / sizeof(max_align_t)];
static size_t       arena_used;


static bool arena_has(const void *p)
{
    return (const char *) p >= (char *) arena
           && (const char *) p < (char *) arena + sizeof(arena);
}


static void *arena_alloc(void *ctx, size_t size)
{
    size_t       *block;
    const size_t  head = sizeof(max_align_t);

    (void) ctx;

    size = (size + head - 1) & ~(head - 1);
    if (size + head > sizeof(arena) - arena_used) {
        return mem_grow(NULL, size);
    }

    block = (size_t *) ((char *) arena + arena_used);
    arena_used += size + head;
    *block = size;

    return (char *) block + head;
}


static void arena_free(void *ctx, void *p)
{
    (void) ctx;

    if (!arena_has(p)) {
        free(p);
    }
}


static void *arena_grow(void *ctx, void *old, size_t size)
{
    void    *p;
    size_t   had;

    if (old == NULL) {
        return arena_alloc(ctx, size);
    }

    if (!arena_has(old)) {
        return mem_grow(old, size);
    }

    had = *(size_t *) ((char *) old - sizeof(max_align_t));
    p = arena_alloc(ctx, size);
    memcpy(p, old, had < size ? had : size);

    return p;
}


static bool json_read(const char *at, size_t len,
    const yajl_callbacks *callbacks, void *data)
{
    bool              good;
    yajl_handle       yajl;
    yajl_alloc_funcs  funcs = { arena_alloc, arena_grow, arena_free, NULL };

    arena_used = 0;
    yajl = yajl_alloc(callbacks, &funcs, data);
    if (yajl == NULL) {
        abort();
    }

    /* what Meta signed is passed on, valid UTF-8 or not */
    yajl_config(yajl, yajl_dont_validate_strings, 1);

    /* Behind a whole value yajl takes the beginning of another token for the
       end: a line break is white space, and nowhere inside of a token */
    good = yajl_parse(yajl, (const unsigned char *) at, len) == yajl_status_ok
           && yajl_parse(yajl, (const unsigned char *) "\n", 1)
              == yajl_status_ok
           && yajl_complete_parse(yajl) == yajl_status_ok;
    yajl_free(yajl);

    return good;
}


static int on_deeper(void *data)
{
    size_t  *depth = data;

    return (*depth)++ < JSON_DEPTH_MAX;
}


static int on_back(void *data)
{
    size_t  *depth = data;

    (*depth)--;

    return 1;
}


/* json_valid reads it and keeps nothing */
bool json_valid(const char *at, size_t len)
{
    size_t                       depth = 0;
    static const yajl_callbacks  callbacks = {
        .yajl_start_map = on_deeper, .yajl_end_map = on_back,
        .yajl_start_array = on_deeper, .yajl_end_array = on_back
    };

    return json_read(at, len, &callbacks, &depth);
}


static struct json_doc *json_new(size_t max)
{
    struct json_doc  *doc = json_spares;

    if (doc != NULL) {
        json_spares = doc->next;
        json_nspares--;
    } else {
        doc = mem_grow(NULL, sizeof(*doc));
    }

    doc->chunks = NULL;
    doc->root = NULL;
    doc->bytes = doc->used = 0;
    doc->max = max;

    return doc;
}


/* json_parse makes a tree, or NULL */
struct json_doc *json_parse(const char *at, size_t len, size_t max)
{
    static const yajl_callbacks  callbacks = {
        .yajl_null = on_null, .yajl_boolean = on_bool,
        .yajl_number = on_number, .yajl_string = on_string,
        .yajl_start_map = on_object, .yajl_map_key = on_key,
        .yajl_end_map = on_end, .yajl_start_array = on_array,
        .yajl_end_array = on_end
    };
    struct json_build  b;

    b.doc = json_new(max);
    b.key = NONE;
    b.depth = 0;
    b.len = len;
    b.text = len <= JSON_FIRST / 2 ? json_alloc(b.doc, len) : NULL;

    if (b.text != NULL) {
        at = len ? memcpy(b.text, at, len) : at;
    }

    if (!json_read(at, len, &callbacks, &b) || b.doc->root == NULL) {
        json_free(b.doc);
        return NULL;
    }

    return b.doc;
}


/* json_free releases a tree */
void json_free(struct json_doc *doc)
{
    struct json_chunk  *c, *next;

    if (doc == NULL) {
        return;
    }

    for (c = doc->chunks; c != NULL; c = next) {
        next = c->next;
        free(c);
    }

    if (json_nspares == JSON_SPARES) {
        free(doc);
        return;
    }

    doc->next = json_spares;
    json_spares = doc;
    json_nspares++;
}


/* json_root returns the outermost value */
const struct json *json_root(const struct json_doc *doc)
{
    return doc == NULL ? NULL : doc->root;
}


/* json_get returns the last member of that name */
const struct json *json_get(const struct json *j, const char *name)
{
    const struct json  *c, *found = NULL;

    if (!json_is(j, JSON_OBJECT)) {
        return NULL;
    }

    for (c = j->child; c != NULL; c = c->next) {
        if (str_is(c->key, name)) {
            found = c;
        }
    }

    return found;
}


/* json_path returns member b of member a */
const struct json *json_path(const struct json *j, const char *a,
    const char *b)
{
    return json_get(json_get(j, a), b);
}


/* json_text returns a string, or the digits of an integer */
struct str json_text(const struct json *j)
{
    if (json_is(j, JSON_STRING)
        || (json_is(j, JSON_NUMBER) && str_digits(j->text)))
    {
        return j->text;
    }

    return NONE;
}


/* json_get_text returns the text of a member */
struct str json_get_text(const struct json *j, const char *name)
{
    return json_text(json_get(j, name));
}


/* json_is says whether j is there and of that type */
bool json_is(const struct json *j, enum json_type type)
{
    return j != NULL && j->type == type;
}


/* json_utf8 returns how long the sequence is (RFC 3629), 0 if it is none */
size_t json_utf8(struct str s)
{
    size_t         i, n;
    uint32_t       code;
    unsigned char  c;

    c = s.len ? (unsigned char) s.at[0] : 0xff;

    if (c < 0x80) {
        return 1;
    }

    n = c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3
        : c >= 0xf0 && c < 0xf5 ? 4 : 0;
    if (n == 0 || n > s.len) {
        return 0;
    }

    code = c & (0xff >> (n + 1));
    for (i = 1; i < n; i++) {
        c = (unsigned char) s.at[i];
        if ((c & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (c & 0x3f);
    }

    if ((n == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000)))
        || (n == 4 && (code < 0x10000 || code > 0x10ffff)))
    {
        return 0;
    }

    return n;
}


/* json_all_utf8 says whether all of it is UTF-8 */
bool json_all_utf8(struct str s)
{
    size_t  n;

    while (s.len && (n = json_utf8(s)) != 0) {
        s.at += n;
        s.len -= n;
    }

    return s.len == 0;
}


/* json_steers returns the code of such a one: of C0, DEL and C1, and of what
   turns the direction of writing (U+200E and F, U+202A to E, U+2066 to 9) */
unsigned json_steers(struct str s, size_t n)
{
    unsigned              code;
    const unsigned char  *at = (const unsigned char *) s.at;

    if (n == 1) {
        return at[0] < 0x20 || at[0] == 0x7f ? 0x10000u | at[0] : 0;
    }

    if (n == 2) {
        return at[0] == 0xc2 && at[1] < 0xa0 ? at[1] : 0;
    }

    code = n == 3 ? (at[0] & 0x0fu) << 12 | (at[1] & 0x3fu) << 6
                    | (at[2] & 0x3fu) : 0;

    return code == 0x200e || code == 0x200f
           || (code >= 0x202a && code <= 0x202e)
           || (code >= 0x2066 && code <= 0x2069) ? code : 0;
}


/* json_quote appends a JSON string that is valid UTF-8 whatever s is */
void json_quote(struct buf *b, struct str s)
{
    char      c;
    size_t    n;
    unsigned  code;

    buf_text(b, "\"");

    while (s.len) {
        c = s.at[0];
        n = json_utf8(s);

        if (n == 0) {
            buf_text(b, "\xef\xbf\xbd");
            n = 1;
        } else if (c == '"' || c == '\\') {
            buf_text(b, "\\");
            buf_add(b, s.at, 1);
        } else if ((code = json_steers(s, n)) != 0) {
            buf_format(b, "\\u%04x", code & 0xffff);
        } else {
            buf_add(b, s.at, n);
        }

        s.at += n;
        s.len -= n;
    }

    buf_text(b, "\"");
}


static void json_members(struct buf *b, const struct json *j)
{
    bool                object = j->type == JSON_OBJECT;
    const struct json  *c;

    buf_text(b, object ? "{" : "[");

    for (c = j->child; c != NULL; c = c->next) {
        if (c != j->child) {
            buf_text(b, ",");
        }
        if (object) {
            json_quote(b, c->key);
            buf_text(b, ":");
        }
        json_write(b, c);
    }

    buf_text(b, object ? "}" : "]");
}


/* json_write appends j and all that is in it */
void json_write(struct buf *b, const struct json *j)
{
    switch (j->type) {
    case JSON_NULL:
        buf_text(b, "null");
        break;
    case JSON_FALSE:
        buf_text(b, "false");
        break;
    case JSON_TRUE:
        buf_text(b, "true");
        break;
    case JSON_NUMBER:
        buf_str(b, j->text);
        break;
    case JSON_STRING:
        json_quote(b, j->text);
        break;
    default:
        json_members(b, j);
    }
}
