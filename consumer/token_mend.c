/* What mends a token that does not work, in words: the log's and metactl's are
   the same. */

#include "token_mend.h"

#include "log.h"


/* mend_how: what a person can do, behind a colon */
const char *mend_how(const struct token *t)
{
    if (t->of != NULL) {
        return "put a new one in its place and reload, or let its owner log in"
               " by a link of \"metactl token login-url\"";
    }

    switch ((enum token_kind) t->as.kind) {

    case TOKEN_SYSTEM_USER:
    case TOKEN_WHATSAPP:
        return "give a new one to \"metactl token add\", or let its owner log"
               " in by a link of \"metactl token login-url\"";

    default:
        return "its owner logs in again by a link of \"metactl token"
               " login-url\"";
    }
}


/* mend_first: what must be done before a new login helps (section 1.10) */
const char *mend_first(long long subcode)
{
    switch (subcode) {

    case 459:
    case 464:
        return "the user does at facebook.com what is asked there; then ";

    case MEND_NO_ROLE:
        return "the user is given a role on the Page again; then ";

    default:
        return "";
    }
}


/* a link without the tenant would bring a token of nobody's */
static void mend_link(struct buf *b, const struct token *t)
{
    if (t->as.tenant != NULL && *t->as.tenant != '\0') {
        buf_text(b, ", with --ref \"");
        log_clean(b, STR(t->as.tenant));
        buf_text(b, "\"");
    }

    if (t->as.kind == TOKEN_INSTAGRAM) {
        buf_text(b, ", with --url of the login of Instagram's app");
    }
}


/* mend_text: all of it, by the subcode that Meta refuses it with; 0: none */
void mend_text(struct buf *b, const struct token *t, long long subcode)
{
    buf_text(b, mend_first(subcode));
    buf_text(b, mend_how(t));
    mend_link(b, t);
}
