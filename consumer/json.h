/* JSON of the daemon: a tree over yajl for what comes in, quoting for what
   goes out. */

#ifndef JSON_H
#define JSON_H

#include "mem.h"


enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

/* nesting that is read; the edge lets 512 through inside of an event */
#define JSON_DEPTH_MAX  600

/* memory that a tree of what is at most some 100 KB may take */
#define JSON_TREE_MAX  (16 * 1024 * 1024)


struct json {
    enum json_type   type;
    struct str       key;       /* inside of an object: its name, decoded */
    struct str       text;      /* string: decoded; number: as it was sent */
    struct json     *child;     /* first element or member */
    struct json     *next;
};

struct json_doc;


/* json_parse: NULL if it is no JSON, too deep, or takes more than max bytes */
struct json_doc *json_parse(const char *at, size_t len, size_t max);
/* json_valid: it is JSON, and not too deep; it makes no tree */
bool json_valid(const char *at, size_t len);
void json_free(struct json_doc *doc);       /* NULL is fine */
const struct json *json_root(const struct json_doc *doc);

/* json_get: the member of that name, the last where there are several; NULL
   where there is none or j is NULL or no object */
const struct json *json_get(const struct json *j, const char *name);
const struct json *json_path(const struct json *j, const char *a,
    const char *b);

/* json_text: of a string, or the digits of an integer; empty for all else */
struct str json_text(const struct json *j);
struct str json_get_text(const struct json *j, const char *name);
bool json_is(const struct json *j, enum json_type type);

/* json_quote appends s as a JSON string; what is not UTF-8 becomes U+FFFD, and
   all that might steer a terminal is escaped */
void json_quote(struct buf *b, struct str s);

/* json_write appends j without white space; a number as it came */
void json_write(struct buf *b, const struct json *j);

/* json_utf8: the length of the UTF-8 sequence at the beginning of s, 0 if
   there is none */
size_t json_utf8(struct str s);

/* json_steers: the sequence of n bytes that s begins with, as json_utf8 says,
   might steer a terminal; else 0.  The low 16 bits are its code */
unsigned json_steers(struct str s, size_t n);
bool json_all_utf8(struct str s);


#endif /* JSON_H */
