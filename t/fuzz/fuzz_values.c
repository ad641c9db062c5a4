/*
 * What a person wrote, put into an action of a rule: the first line is the
 * action, the rest his text, name and payload.  Whatever they are, what comes
 * out has the action's shape.
 */

#include <stdint.h>
#include <stdlib.h>

#include "consumer/values.h"


#define check(condition)  ((condition) ? (void) 0 : abort())


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* the same members in the same order, all that is no text the same */
static void same_shape(const struct json *a, const struct json *b)
{
    check((a == NULL) == (b == NULL));

    for ( ; a != NULL; a = a->next, b = b->next) {
        check(b != NULL && a->type == b->type);
        check(str_equal(a->key, b->key) || !json_all_utf8(a->key));
        check(a->type != JSON_NUMBER || str_equal(a->text, b->text));
        same_shape(a->child, b->child);
    }

    check(b == NULL);
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char                *at = (const char *) data, *line;
    struct str                 text, action;
    struct fault               f;
    struct action              out;
    struct json_doc           *before, *after;
    struct event               e = { .product = PRODUCT_MESSENGER };
    struct values              values = { .event = &e, .id = STR("id") };
    static struct conf         conf;
    const struct action_place  place = {
        .from = FROM_RULE, .product = PRODUCT_MESSENGER,
        .kind = KIND_MESSAGE, .addressed = true
    };

    line = memchr(at, '\n', size);
    if (line == NULL) {
        return 0;
    }

    action = (struct str) { at, (size_t) (line - at) };
    text = (struct str) { line + 1, size - action.len - 1 };
    e.kind = KIND_MESSAGE;
    e.account = STR("1");
    e.text = e.name = e.payload = values.name = text;

    before = json_parse(action.at, action.len, 1024 * 1024);
    if (before != NULL
        && values_action(action, &values, &place, &conf, &out, &f) == 0)
    {
        after = json_parse(out.json.at, out.json.len, 16 * 1024 * 1024);
        check(after != NULL);
        same_shape(json_root(before), json_root(after));
        json_free(after);
        action_free(&out);
    }

    json_free(before);

    return 0;
}
