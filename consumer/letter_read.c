/* Dead letters that are read back, because what they carry goes on. */

#include "letter.h"
#include "json.h"


/* letter_split finds where its item begins */
int letter_split(struct str kept, struct str *head, struct str *item)
{
    size_t  i, n = 0;

    for (i = 0; i < kept.len && kept.at[i] >= '0' && kept.at[i] <= '9'
         && n < kept.len; i++)
    {
        n = n * 10 + (size_t) (kept.at[i] - '0');
    }

    if (i == 0 || i == kept.len || kept.at[i++] != ' '
        || n >= kept.len - i)
    {
        return -1;
    }

    *head = (struct str) { kept.at + i, n };
    *item = (struct str) { kept.at + i + n, kept.len - i - n - 1 };

    return 0;
}


/* letter_plan reads the state that its head ends with */
int letter_plan(struct str head, struct plan *plan)
{
    struct buf          b, blob;
    struct json_doc    *doc;
    const struct json  *state;

    buf_init(&b, (size_t) -1);
    buf_str(&b, head);
    buf_text(&b, "null}");
    doc = json_parse(b.at, b.len, PLAN_TREE_MAX);
    state = json_get(json_root(doc), "state");

    buf_init(&blob, PLAN_BLOB_MAX);
    if (json_is(state, JSON_OBJECT)) {
        json_write(&blob, state);
    }

    if (plan_read(plan, (struct str) { blob.at, blob.len }) == 0
        && plan->at == plan->n)
    {
        plan_free(plan);
    }

    buf_free(&blob);
    json_free(doc);
    buf_free(&b);

    return plan->n ? 0 : -1;
}
