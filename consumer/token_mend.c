/* What mends a token that does not work, in words: the log's and metactl's are
   the same. */

#include "token_mend.h"

#include "log.h"


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


/* its account is connected on a page of its own */
static bool mend_signup(const struct token *t)
{
    return t->as.kind == TOKEN_WHATSAPP || token_signup(t)
           || (t->as.kind == TOKEN_BUSINESS && t->as.waba != NULL);
}


/* mend_login: a link without the tenant would bring a token of nobody's; again:
   as --again takes it, where the dialog does, or NULL */
void mend_login(struct buf *b, const struct token *t, const char *again)
{
    bool  signup = mend_signup(t), instagram = t->as.kind == TOKEN_INSTAGRAM;

    buf_text(b, "a link of \"metactl token login-url");
    if (again != NULL && !signup && !instagram) {
        buf_format(b, " --again %s", again);
    }
    buf_text(b, "\"");

    if (t->as.tenant != NULL && *t->as.tenant != '\0') {
        buf_text(b, ", with --ref \"");
        log_clean(b, STR(t->as.tenant));
        buf_text(b, "\"");
    }

    buf_text(b, instagram ? ", with --url of the login of Instagram's app"
             : signup ? ", with --url of the page of Embedded Signup" : "");
}


/* mend_text: all of it, by the subcode that Meta refuses it with; 0: none */
void mend_text(struct buf *b, const struct token *t, long long subcode)
{
    buf_text(b, mend_first(subcode));

    if (t->of != NULL) {
        buf_text(b, "put a new one in its place and reload, or let its owner"
                 " log in by ");

    } else if (t->as.kind == TOKEN_SYSTEM_USER
               || t->as.kind == TOKEN_WHATSAPP)
    {
        buf_text(b, "give a new one to \"metactl token add\", or let its"
                 " owner log in by ");

    } else {
        buf_text(b, "its owner logs in again by ");
    }

    mend_login(b, t, NULL);
}
