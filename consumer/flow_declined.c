/* What a person declined, of what the dialog was to ask for: the dialog of
   Facebook says it on its way back (meta-graph-oauth-ads-capi.md 2.1), that of
   Instagram does not, but its token endpoint lists what was granted (2.10). */

#include "flow_own.h"


static bool declined(const struct flow *f, struct str scope)
{
    return f->kind == FLOW_INSTAGRAM
           ? f->scopes != NULL && !list_has(STR(f->scopes), scope)
           : f->denied != NULL && list_has(STR(f->denied), scope);
}


/* flow_declined: the code is exchanged.  An edge that says nothing of what it
   asked for is an older one */
void flow_declined(struct flow *f)
{
    struct buf  b;
    struct str  scope, wanted = str_or_none(f->wanted);

    if (f->wanted == NULL) {
        return;
    }

    buf_init(&b, wanted.len + 1);
    while (list_next(&wanted, &scope)) {
        if (declined(f, scope)) {
            buf_text(&b, b.len ? "," : "");
            buf_str(&b, scope);
        }
    }

    flow_set(&f->denied, (struct str) { b.at, b.len });
    buf_free(&b);
}


/* flow_declined_it: as far as we know */
bool flow_declined_it(const struct flow *f, const char *scope)
{
    return f->denied != NULL && scope_has(STR(f->denied), scope);
}
