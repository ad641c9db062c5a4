/*
 * meta_query: parameters found by their names, decoded, once each.
 */

#include "tap.h"
#include "meta/meta_query.c"


static const struct {
    const char  *query;
    const char  *name;
    meta_rc_t    rc;
    const char  *value;
} cases[] = {
    { "a=1&b=2", "a", META_OK, "1" },
    { "a=1&b=2", "b", META_OK, "2" },
    { "a=1&b=2", "c", META_DENIED, "" },
    { "", "a", META_DENIED, "" },
    { "&&&", "a", META_DENIED, "" },
    { "a", "a", META_OK, "" },
    { "a=", "a", META_OK, "" },
    { "a==", "a", META_OK, "=" },
    { "a=b=c", "a", META_OK, "b=c" },
    { "a=x+y%20z", "a", META_OK, "x y z" },
    { "%61=1", "a", META_OK, "1" },
    { "aa=1", "a", META_DENIED, "" },
    { "a=1&a=1", "a", META_MALFORMED, "" },
    { "a=1&%61=2", "a", META_MALFORMED, "" },
    { "a=%", "a", META_MALFORMED, "" },
    { "a=%4", "a", META_MALFORMED, "" },
    { "a=%4g", "a", META_MALFORMED, "" },
    { "%zz=1&a=2", "a", META_OK, "2" },
    { "A=1", "a", META_DENIED, "" },
    { "x=1&signed_request=s.p&y=2", "signed_request", META_OK, "s.p" },
    { "an_entirely_unreasonable_length_of_a_parameters_name_for_us_all_here_"
      "and_in_any_other_place_that_there_is_anywhere=1&a=2", "a", META_OK,
      "2" }
};


int
main(void)
{
    size_t         i, len;
    meta_rc_t      rc;
    meta_str_t     query, name;
    unsigned char  out[256];

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        query.data = (const unsigned char *) cases[i].query;
        query.len = strlen(cases[i].query);
        name.data = (const unsigned char *) cases[i].name;
        name.len = strlen(cases[i].name);

        rc = meta_query_value(query, name, out, &len);

        is_int(rc, cases[i].rc, cases[i].query);

        if (rc == META_OK) {
            is_str(out, len, cases[i].value, "its value");
        }
    }

    return done();
}
