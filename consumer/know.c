/* What is known of the people that events and calls are about, as Redis tells
   it. */

#include "know.h"

#include <stdlib.h>


/* known_has_tag looks for a whole word */
bool known_has_tag(const struct known *known, struct str tag)
{
    size_t       n;
    const char  *at = known->tags.at, *end = at + known->tags.len, *blank;

    while (at < end) {
        blank = memchr(at, ' ', end - at);
        n = blank != NULL ? (size_t) (blank - at) : (size_t) (end - at);
        if (n > 0 && str_equal((struct str) { at, n }, tag)) {
            return true;
        }
        at += n + 1;
    }

    return false;
}


/* known_clear forgets all */
void known_clear(struct known *known)
{
    free(known->own);
    *known = (struct known) { .asked = false };
}
