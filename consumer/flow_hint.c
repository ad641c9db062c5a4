/* What the log adds to a login's error, for whoever runs this. */

#include "flow_own.h"


#define HINT_NAMES  5       /* of accounts */


static const char *scope_why(const struct flow *f)
{
    if (flow_declined_it(f, f->scope)) {
        return "was declined";
    }

    if (f->scopes != NULL && scope_has(STR(f->scopes), f->scope)) {
        return "was given for other accounts";
    }

    return "is not in scope=, nor in the configuration of config_id, or Meta"
           " does not grant it to this app";
}


/* flow_hint: without the query, which may say of whom the login is */
void flow_hint(const struct flow *f, enum flow_error error,
    const struct verdict *v, struct buf *b)
{
    const char  *uri = f->redirect_uri;

    if (error == FLOW_NO_ACCOUNTS) {
        buf_text(b, ": the person chose none, or has no role on one, which is"
                 " given in the settings of the Page");

    } else if (error == FLOW_REDIRECT_URI && uri != NULL) {
        buf_text(b, ": what was sent as redirect_uri is ");
        log_clean(b, (struct str) { uri, strcspn(uri, "?#") });

    } else if (error == FLOW_SCOPES && f->scope != NULL) {
        buf_format(b, ": needed is %s: it %s", f->scope, scope_why(f));

    } else if ((error == FLOW_META || error == FLOW_SCOPES) && v != NULL
               && v->row != NULL)
    {
        buf_format(b, ": %s %s", v->row->text, v->row->todo);
    }
}


/* flow_whose: for whom, and which; of people only the sign */
void flow_whose(const struct flow *f, struct buf *b)
{
    char                        name[TOKEN_NAME_MAX];
    size_t                      i, n = 0;
    const struct flow_account  *a;

    if (f->ref != NULL) {
        log_value(b, "ref", STR(f->ref));
    }

    for (i = 0; i < f->naccounts && n < HINT_NAMES; i++) {
        a = &f->accounts[i];
        if (!a->taken) {
            token_name(name, a->kind, STR(a->id));
            buf_format(b, "%s%s", n++ ? "," : " names=", SAID(name));
        }
    }
}
