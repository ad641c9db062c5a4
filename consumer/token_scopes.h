/* Permissions that tokens need for what the configuration does.  Pure. */

#ifndef TOKEN_SCOPES_H
#define TOKEN_SCOPES_H

#include "token.h"


/* what tokens are used for, as bits */
enum scope_use {
    SCOPE_WHATSAPP = 1,             /* numbers and templates of a WABA */
    SCOPE_PAGES = 2,                /* a user's token, of which Pages' come */
    SCOPE_MESSENGER = 4,
    SCOPE_COMMENTS = 8,             /* of a Page's posts */
    SCOPE_LEADS = 16,
    SCOPE_INSTAGRAM = 32,           /* by a Page's token */
    SCOPE_INSTAGRAM_COMMENTS = 64,
    SCOPE_LOGIN = 128,              /* of Instagram Login */
    SCOPE_LOGIN_COMMENTS = 256,
    SCOPE_ADS = 512
};

struct scope_row {
    unsigned     use;
    bool         required;      /* else: only some calls need it */
    const char  *scope;
    const char  *where;         /* the reference's section */
};


/* scopes_rows: the whole table */
const struct scope_row *scopes_rows(size_t *n);

/* scopes_uses: what this token is for, by its kind, its links and what rules
   and assistants do */
unsigned scopes_uses(const struct conf *conf, const struct conf_token *token);

/* scopes_missing appends "a,b/123" of what uses need and scopes ("a,b") do
   not have; /123: granular scopes (targets) leave that account out.  extra:
   char *, required whatever it is for.  Returns how many */
size_t scopes_missing(struct buf *out, unsigned uses, bool required,
    const struct conf_list *extra, const struct conf_token *token,
    struct str scopes, const struct json *targets);

/* scopes_exempt: none of them loses its data when 90 days are over (2.8) */
bool scopes_exempt(struct str scopes);


#endif /* TOKEN_SCOPES_H */
