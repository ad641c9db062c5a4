/*
 * meta_query: parameters one after another, and what their codes stand for.
 */

#include "tap.h"
#include "meta/meta_query.c"


/* "name:value " of each, decoded; "!" for what is not validly encoded */

static const struct {
    const char  *query;
    const char  *found;
} cases[] = {
    { "a=1&b=2", "a:1 b:2 " },
    { "", "" },
    { "&", ": " },
    { "&&&", ": : : " },
    { "a", "a: " },
    { "a=", "a: " },
    { "=a", ":a " },
    { "a==", "a:= " },
    { "a=b=c", "a:b=c " },
    { "a=1&", "a:1 " },
    { "a=x+y%20z", "a:x y z " },
    { "%61+b=1", "a b:1 " },
    { "a=%2b%2B%26", "a:++& " },
    { "a=1&a=2", "a:1 a:2 " },
    { "a=%", "a:! " },
    { "a=%4", "a:! " },
    { "a=%4g", "a:! " },
    { "%zz=1&a=2", "!:1 a:2 " },
    { "x=1&signed_request=s.p&y=2", "x:1 signed_request:s.p y:2 " }
};


static size_t
decoded(unsigned char *out, meta_str_t s, unsigned char end)
{
    size_t  len;

    if (meta_query_decode(s, ' ', out, &len) != META_OK) {
        out[0] = '!';
        len = 1;
    }

    out[len] = end;

    return len + 1;
}


int
main(void)
{
    size_t         i, n;
    meta_str_t     query;
    meta_param_t   param;
    unsigned char  out[256];

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        query.data = (const unsigned char *) cases[i].query;
        query.len = strlen(cases[i].query);

        for (n = 0; meta_query_next(&query, &param); /* void */) {
            n += decoded(out + n, param.name, ':');
            n += decoded(out + n, param.value, ' ');
        }

        is_str(out, n, cases[i].found, cases[i].query);
    }

    query.data = (const unsigned char *) "a%41+";
    query.len = 5;

    is_int(meta_query_decode(query, '+', NULL, &n), META_OK, "its length");
    is_int((long) n, 3, "is what is decoded");

    return done();
}
