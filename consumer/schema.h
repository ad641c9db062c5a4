/* Shapes of JSON values as tables say them, and what is wrong with a value.

   A table is an array of struct member; each documented limit stands in one,
   with the section of meta-webhooks-and-messaging.md in a comment beside it:

     static const struct member  reply_members[] = {
         { .name = "title", .shape = SHAPE_TEXT, .needed = true, .max = 20 },
         { .name = "payload", .shape = SHAPE_TEXT, .max = 1000 }
     };
     static const struct schema  reply_schema = SCHEMA(reply_members);
     static const struct member  reply = {
         .shape = SHAPE_OBJECT, .of = &reply_schema
     };
     ... { .name = "replies", .shape = SHAPE_LIST, .max = 13, .item = &reply }

   What no table can say is a function of the member, its "whole": it is
   called when all that the tables say is good. */

#ifndef SCHEMA_H
#define SCHEMA_H

#include "fault.h"
#include "json.h"


#define SCHEMA(list)  { (list), sizeof(list) / sizeof((list)[0]), false }

/* others may stand there, too: the reference does not name them all */
#define SCHEMA_OPEN(list)  { (list), sizeof(list) / sizeof((list)[0]), true }

#define SCHEMA_PATH_MAX  96     /* as in struct fault */


enum shape {
    SHAPE_TEXT,         /* min to max characters; never empty unless it may */
    SHAPE_URL,          /* http:// or https://, so many characters */
    SHAPE_ID,           /* digits, as a text or a number */
    SHAPE_INTEGER,      /* min to max, where max is not 0; or a text of it */
    SHAPE_NUMBER,       /* with decimals; or a text of it */
    SHAPE_BOOL,
    SHAPE_OBJECT,       /* the members of "of" */
    SHAPE_LIST,         /* min to max elements, each an "item" */
    SHAPE_ANY
};

enum unit {
    UNIT_CHARACTERS,    /* code points of UTF-8 */
    UNIT_BYTES
};

struct schema;

/* objects of several kinds: which one says a member of theirs, case apart */
struct choice {
    const char           *word;
    const struct schema  *of;
    int                 (*whole)(const struct json *j, const char *path,
                                 struct fault *f);
};

struct member {
    const char           *name;
    enum shape            shape;
    bool                  needed;
    bool                  empty;    /* a text or a list may be */
    enum unit             unit;     /* of a text's max */
    long long             min;
    long long             max;      /* 0: none is documented */
    const struct schema  *of;
    const struct member  *item;
    const char           *by;       /* of an object: that member, or NULL */
    const struct choice  *choices;  /* until one without a word */
    const char *const    *words;    /* of a text: one of these, until NULL */
    unsigned              one_of;   /* not 0: exactly one of those of the
                                       schema with the same number */
    int                 (*whole)(const struct json *j, const char *path,
                                 struct fault *f);
};

struct schema {
    const struct member  *members;
    size_t                n;
    bool                  open;
};


/* schema_check: 0, or -1 and *f names parameter, limit and value.  path is
   the value's name there; values: {{user.name}} and its kind stand in texts
   and are filled in later, so they count for nothing, and where one stands
   for an id, a number or a word, that is not judged */
int schema_check(const struct json *j, const struct member *m,
    const char *path, bool values, struct fault *f);

/* schema_count: 0 if n is not more than max, else the fault says so, in
   "characters", "bytes", ... */
int schema_count(size_t n, size_t max, const char *unit, const char *path,
    struct fault *f);

/* schema_characters: those of a text, not its bytes */
size_t schema_characters(struct str text);

/* schema_join names a member, schema_at an element; what is too long is cut */
void schema_join(char out[SCHEMA_PATH_MAX], const char *path, struct str key);
void schema_at(char out[SCHEMA_PATH_MAX], const char *path, size_t i);

/* schema_unique: no two elements of a list have the same text in that member,
   which may be "reply.title" */
int schema_unique(const struct json *list, const char *name,
    const char *path, struct fault *f);


#endif /* SCHEMA_H */
