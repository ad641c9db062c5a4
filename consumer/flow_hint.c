/* What the log adds to a login's error, for whoever runs this. */

#include "flow_own.h"


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

    } else if (error == FLOW_META && v != NULL && v->row != NULL) {
        buf_format(b, ": %s %s", v->row->text, v->row->todo);
    }
}
