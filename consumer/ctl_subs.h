/* metactl's subscriptions: which objects of the app and which accounts it asks
   for. */

#ifndef CTL_SUBS_H
#define CTL_SUBS_H

#include "ctl_meta.h"
#include "subs.h"


#define SUBS_OBJECTS  3

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


#endif /* CTL_SUBS_H */
