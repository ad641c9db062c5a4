/* What a person declined, of what the dialog was to ask for: the dialog of
   Facebook says it on its way back (meta-graph-oauth-ads-capi.md 2.1), that of
   Instagram does not, but its token endpoint lists what was granted (2.10). */

#include "flow_own.h"


static bool declined(const struct flow *f, struct str scope)
{
    char  name[64];

    if (scope.len == 0 || scope.len >= sizeof(name)) {
        return false;
    }

    memcpy(name, scope.at, scope.len);
    name[scope.len] = '\0';

    return f->kind == FLOW_INSTAGRAM
           ? f->scopes != NULL && !scope_has(STR(f->scopes), name)
           : f->denied != NULL && scope_has(STR(f->denied), name);
}


/* flow_declined: the code is exchanged.  An edge that says nothing of what it
   asked for is an older one */
void flow_declined(struct flow *f)
{
    struct buf   b;
    struct str   scope;
    const char  *p = f->wanted;

    if (p == NULL) {
        return;
    }

    buf_init(&b, strlen(p) + 1);
    for ( ; *p != '\0'; p += scope.len + (p[scope.len] == ',')) {
        scope = (struct str) { p, strcspn(p, ",") };
        if (declined(f, scope)) {
            buf_text(&b, b.len ? "," : "");
            buf_str(&b, scope);
        }
    }

    flow_set(&f->denied, (struct str) { b.at, b.len });
    buf_free(&b);
}
