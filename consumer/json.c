/* JSON of the daemon: a tree over yajl for what comes in, quoting for what
   goes out. */

#include "json.h"

#include <stdint.h>
#include <stdlib.h>

#include <yajl/yajl_parse.h>


#define JSON_CHUNK  (16 * 1024)


struct json_chunk {
    struct json_chunk  *next;
    size_t              used;
    size_t              size;
    max_align_t         at[];
};


struct json_doc {
    struct json_chunk  *chunks;
    struct json        *root;
    size_t              bytes;
    size_t              max;

    struct str          key;                    /* of the value to come */
    size_t              depth;
    struct json        *open[JSON_DEPTH_MAX];
    struct json        *last[JSON_DEPTH_MAX];   /* child of open[] */
};


/* memory that lives as long as the document, NULL over its ceiling */
static void *json_alloc(struct json_doc *doc, size_t size)
{
    void               *p;
    size_t              room;
    struct json_chunk  *c = doc->chunks;

    size = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);

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


/* hangs a new value into what is open */
static struct json *json_value(struct json_doc *doc, enum json_type type)
{
    size_t        d = doc->depth;
    struct json  *j = json_alloc(doc, sizeof(*j));

    if (j == NULL) {
        return NULL;
    }

    *j = (struct json) { .type = type, .text = NONE, .key = NONE };

    if (d == 0) {
        doc->root = j;
        return j;
    }

    if (doc->open[d - 1]->type == JSON_OBJECT) {
        j->key = doc->key;
    }

    if (doc->last[d - 1] == NULL) {
        doc->open[d - 1]->child = j;
    } else {
        doc->last[d - 1]->next = j;
    }

    doc->last[d - 1] = j;

    return j;
}


static int json_enter(struct json_doc *doc, enum json_type type)
{
    struct json  *j;

    if (doc->depth == JSON_DEPTH_MAX) {
        return 0;
    }

    j = json_value(doc, type);
    if (j == NULL) {
        return 0;
    }

    doc->open[doc->depth] = j;
    doc->last[doc->depth] = NULL;
    doc->depth++;

    return 1;
}


static int on_null(void *doc)
{
    return json_value(doc, JSON_NULL) != NULL;
}


static int on_bool(void *doc, int truth)
{
    return json_value(doc, truth ? JSON_TRUE : JSON_FALSE) != NULL;
}


static int on_number(void *doc, const char *at, size_t len)
{
    struct json  *j = json_value(doc, JSON_NUMBER);

    return j != NULL && json_copy(doc, &j->text, at, len);
}


static int on_string(void *doc, const unsigned char *at, size_t len)
{
    struct json  *j = json_value(doc, JSON_STRING);

    return j != NULL && json_copy(doc, &j->text, at, len);
}


static int on_key(void *data, const unsigned char *at, size_t len)
{
    struct json_doc  *doc = data;

    return json_copy(doc, &doc->key, at, len);
}


static int on_object(void *doc)
{
    return json_enter(doc, JSON_OBJECT);
}


static int on_array(void *doc)
{
    return json_enter(doc, JSON_ARRAY);
}


static int on_end(void *data)
{
    struct json_doc  *doc = data;

    doc->depth--;

    return 1;
}


static bool json_read(const char *at, size_t len,
    const yajl_callbacks *callbacks, void *data)
{
    bool         good;
    yajl_handle  yajl = yajl_alloc(callbacks, NULL, data);

    if (yajl == NULL) {
        abort();
    }

    /* what Meta signed is passed on, valid UTF-8 or not */
    yajl_config(yajl, yajl_dont_validate_strings, 1);
    good = yajl_parse(yajl, (const unsigned char *) at, len) == yajl_status_ok
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
    struct json_doc  *doc = mem_alloc(sizeof(*doc));

    doc->max = max;

    if (!json_read(at, len, &callbacks, doc) || doc->root == NULL) {
        json_free(doc);
        return NULL;
    }

    return doc;
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

    free(doc);
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


/* json_quote appends a JSON string that is valid UTF-8 whatever s is */
void json_quote(struct buf *b, struct str s)
{
    size_t         n;
    unsigned char  c;

    buf_text(b, "\"");

    while (s.len) {
        c = (unsigned char) s.at[0];
        n = json_utf8(s);

        if (n == 0) {
            buf_text(b, "\xef\xbf\xbd");
            n = 1;
        } else if (c == '"' || c == '\\') {
            buf_text(b, "\\");
            buf_add(b, s.at, 1);
        } else if (c < 0x20) {
            buf_format(b, "\\u%04x", c);
        } else {
            buf_add(b, s.at, n);
        }

        s.at += n;
        s.len -= n;
    }

    buf_text(b, "\"");
}
