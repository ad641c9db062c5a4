/* The management calls that Meta documents, as data: what each is called,
   where it goes, what it takes. */

#ifndef CALLS_H
#define CALLS_H

#include "action.h"
#include "schema.h"


#define CALL_WORDS_MAX  (64 * 1024)     /* of a query or a form */


enum call_where {
    CALL_QUERY,
    CALL_JSON,
    CALL_FORM       /* application/x-www-form-urlencoded */
};

enum {
    CALL_SAME = 1,          /* to do it twice does what doing it once does */
    CALL_PEOPLE = 2,        /* the answer names people, or says what they
                               wrote */
    CALL_APP = 4            /* needs the app's token, not an account's */
};

struct call_row {
    const char           *name;     /* "template.create" */
    enum product          product;
    enum action_method    method;
    const char           *path;     /* "{waba}/message_templates": {x} stands
                                       for a segment */
    enum call_where       where;
    unsigned              flags;
    const char           *key;      /* a path that is one id says not of what:
                                       the parameter that does; NULL there:
                                       known by its name only */
    const char           *fixed[2]; /* "name=value": there unless the caller
                                       says something else */
    const struct schema  *params;   /* NULL: none */
    const char           *section;  /* where the reference says it */
    const char           *what;     /* one line for people */
};


/* calls_rows: the whole table, for metactl and tests */
const struct call_row *calls_row(size_t i);     /* NULL: no more */

/* calls_name: product NONE: of the only product that has it; NULL: none, or
   several (*several) */
const struct call_row *calls_name(const char *name, enum product product,
    bool *several);

/* calls_match: the row of a call that says method and path; params: a JSON
   object, or empty.  NULL: Meta may know it, this table does not */
const struct call_row *calls_match(enum product product,
    enum action_method method, struct str path, struct str params);

/* calls_check: 0, or -1 and *f says what is wrong with the parameters; path
   is what they are called there; values as in schema_check */
int calls_check(const struct call_row *row, struct str params,
    const char *path, bool values, struct fault *f);

/* calls_write puts the parameters where they belong; row NULL: of a POST the
   body, else the query.  *type is the body's, NULL: JSON.  NULL, or why not */
const char *calls_write(const struct call_row *row, enum action_method method,
    struct str params, struct buf *query, struct buf *body,
    const char **type);

/* of calls_whatsapp.c and calls_messenger.c */
extern const struct call_row  calls_whatsapp[];
extern const size_t           calls_whatsapp_n;
extern const struct call_row  calls_messenger[];
extern const size_t           calls_messenger_n;
extern const struct call_row  calls_instagram[];
extern const size_t           calls_instagram_n;

/* what a template's file holds */
extern const struct schema  template_schema;


#endif /* CALLS_H */
