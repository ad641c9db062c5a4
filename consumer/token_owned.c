/* Where single Pages were granted /me/accounts does not name them: then they
   are looked for among those of the user's businesses (section 2.5). */

#include "life_own.h"


#define OWNED_MAX  20       /* businesses */


static void owned_next(struct care *c);


static void owned_none(struct care *c)
{
    derive_failed(c, "neither the user's Pages nor those of their businesses"
                  " hold this one", false);
}


/* true: it says nothing of the token, and c has gone on */
static bool owned_passing(struct care *c, const struct verdict *v)
{
    if (!care_passing(c, v)) {
        return false;
    }

    derive_failed(c, v != NULL ? graph_reason(v->rc) : "not asked", true);

    return true;
}


static void owned_ask(struct care *c, const char *path, const char *fields,
    care_then then)
{
    struct buf         query;
    struct graph_call  call;

    if (!derive_possible(c)) {
        owned_none(c);
        return;
    }

    token_ask_list(&call, &query, path, fields);
    derive_call(c, &call, &query, then);
}


/* one that may not be read hides no other */
static void on_owned(struct care *c, const struct verdict *v)
{
    if (owned_passing(c, v)) {
        return;
    }

    if (v->rc != GRAPH_OK || !derive_take(c, v->root)) {
        owned_next(c);
    }
}


static void owned_next(struct care *c)
{
    char    path[64 + sizeof("/owned_pages")];
    size_t  n = strcspn(c->businesses + c->at, ",");

    if (n == 0) {
        owned_none(c);
        return;
    }

    snprintf(path, sizeof(path), "%.*s/owned_pages", (int) n,
             c->businesses + c->at);
    c->at += n + 1;
    owned_ask(c, path, "id,access_token", on_owned);
}


static void on_businesses(struct care *c, const struct verdict *v)
{
    size_t              n = 0;
    struct buf          b;
    struct str          id;
    const struct json  *one;

    if (owned_passing(c, v)) {
        return;
    }

    one = v->rc == GRAPH_OK ? json_get(v->root, "data") : NULL;
    buf_init(&b, 2048);

    for (one = json_is(one, JSON_ARRAY) ? one->child : NULL;
         one != NULL && n < OWNED_MAX; one = one->next)
    {
        id = json_get_text(one, "id");
        if (str_digits(id) && id.len <= 32) {
            buf_str(&b, id);
            buf_text(&b, ",");
            n++;
        }
    }
    buf_add(&b, "\0", 2);       /* the end of the list, and of the text */

    free(c->businesses);
    c->businesses = b.at;
    c->at = 0;
    owned_next(c);
}


/* owned_begin: once /me/accounts has been read to its end */
void owned_begin(struct care *c)
{
    owned_ask(c, "me/businesses", "id", on_businesses);
}
