/* Whether two JSON values say the same: members in any order. */

#ifndef SAME_JSON_H
#define SAME_JSON_H

#include "consumer/json.h"


static size_t json_count(const struct json *j)
{
    size_t              n = 0;
    const struct json  *c;

    for (c = j->child; c != NULL; c = c->next) {
        n++;
    }

    return n;
}


static bool same_json(const struct json *a, const struct json *b)
{
    char                name[64];
    const struct json  *c, *d;

    if (a == NULL || b == NULL || a->type != b->type
        || !str_equal(a->text, b->text) || json_count(a) != json_count(b))
    {
        return false;
    }

    for (c = a->child, d = b->child; c != NULL; c = c->next, d = d->next) {
        if (a->type == JSON_OBJECT) {
            snprintf(name, sizeof(name), "%.*s", (int) c->key.len,
                     c->key.at);
        }
        if (!same_json(c, a->type == JSON_OBJECT ? json_get(b, name) : d)) {
            return false;
        }
    }

    return true;
}


#endif /* SAME_JSON_H */
