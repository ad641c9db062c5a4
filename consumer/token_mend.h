/* What mends a token that does not work, in words. */

#ifndef TOKEN_MEND_H
#define TOKEN_MEND_H

#include "mem.h"
#include "token.h"


/* the user has no role on the Page any more: a new token fails the same */
#define MEND_NO_ROLE  492

#define MEND_TEXT     1024      /* bytes, with any tenant */


const char *mend_first(long long subcode);
void mend_login(struct buf *b, const struct token *t, const char *again);
void mend_text(struct buf *b, const struct token *t, long long subcode);


#endif /* TOKEN_MEND_H */
