/* Subscriptions: what is wanted of Meta, and what is there. */

#ifndef CTL_SUBS_H
#define CTL_SUBS_H

#include "ctl_meta.h"


#define SUBS_OBJECTS  3
#define SUBS_FIELDS   1024      /* bytes of a list of them */

/* of the app: an object of Meta's */
struct want {
    enum product  product;
    const char   *object;       /* "page" */
    char          fields[SUBS_FIELDS];      /* "a,b" */
};

/* of an account */
struct asset {
    enum product              product;
    const char               *id;       /* Page, WABA, Instagram's */
    const struct conf_token  *token;
    const char               *app;      /* of which the token is; NULL: any of
                                           apps */
};

/* subs_wanted: what tokens, the store's too, and rules can use; fields of
   --fields in place of those of --product */
size_t subs_wanted(struct ctl *c, struct want out[SUBS_OBJECTS]);

/* subs_assets: each once; the array is the caller's to free */
struct asset *subs_assets(struct ctl *c, size_t *n);

/* subs_ask: a call of the table; params: a JSON object, or empty.  false:
   nothing was sent (--dry-run); meta_free must follow where it was */
bool subs_ask(struct ctl *c, const char *name, enum product product,
    const struct conf_token *token, struct str path, struct str params,
    struct meta *m);

/* subs_object: of the app's list the one of that object; NULL */
const struct json *subs_object(const struct json *list, const char *object);

/* subs_app: of an account's list our app; NULL: it is not subscribed */
const struct json *subs_app(struct ctl *c, const struct asset *a,
    const struct json *list);

/* subs_fields writes "a,b" of an array of names, or of objects with a name */
void subs_fields(const struct json *array, struct buf *b);

/* subs_lack writes which of "a,b" are not in "b,c"; how many */
size_t subs_lack(const char *wanted, const char *has, struct buf *b);


#endif /* CTL_SUBS_H */
