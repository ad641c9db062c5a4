/* Subscriptions to webhooks: what is wanted of an account, and what is there;
   the same for who logs in and for metactl.  Pure. */

#ifndef SUBS_H
#define SUBS_H

#include "conf.h"
#include "json.h"


#define SUBS_FIELDS  1024       /* bytes of a list of them */

struct want {
    enum product  product;
    const char   *object;       /* of Meta's: "page" */
    char          fields[SUBS_FIELDS];      /* "a,b" */
};

/* subs_want: what rules can use of it */
void subs_want(struct want *want, const struct conf *conf,
    enum product product);

/* subs_ours: of an account's list our app; app NULL: any of apps; where there
   are none, any.  NULL: it is not subscribed */
const struct json *subs_ours(const struct conf *conf, const char *app,
    const struct json *list);

/* subs_fields writes "a,b" of an array of names, or of objects with a name;
   false: they are too many for b, which is empty then */
bool subs_fields(const struct json *array, struct buf *b);

/* subs_lack writes which of "a,b" are not in "b,c"; how many */
size_t subs_lack(const char *wanted, const char *has, struct buf *b);

/* subs_all writes what is there, and behind it what lacks: a POST may replace
   the list */
void subs_all(struct buf *b, const char *has, const struct buf *lack);


#endif /* SUBS_H */
