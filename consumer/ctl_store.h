/* The token store as metactl has it: read as a whole, written one by one. */

#ifndef CTL_STORE_H
#define CTL_STORE_H

#include "ctl.h"
#include "token.h"


/* ctl_store: c->conf->store is there; what the store has is read once where
   token_key_file is set; where Redis lets nobody read it a line says so */
void ctl_store(struct ctl *c);
/* ctl_token: by its name, of the store before the configuration; NULL: none */
struct token *ctl_token(struct ctl *c, const char *name);
/* store_needed: that, or out where token_key_file is not set */
void store_needed(struct ctl *c);

/* store_app: that gave it, where it stands under apps; else the first, of
   Facebook's; NULL: none */
const struct conf_app *store_app(struct ctl *c, const struct token *t);
/* store_note: field, value, field, value... of t; NULL, or one of TOKENS_* */
const char *store_note(struct ctl *c, const struct token *t,
    const struct str *words, size_t n);

/* store_put: NULL, or one of TOKENS_*; old: what it must still be, or NULL */
const char *store_put(struct ctl *c, const struct token *t,
    const struct token *old, const char *event);
/* store_seal_anew: by the first key, where it still stands as t has it */
const char *store_seal_anew(struct ctl *c, const struct token *t);
/* store_out: whether it was there */
bool store_out(struct ctl *c, const char *name, const char *event);

/* store_all: every token that may go with a call, those of the configuration
   first; the array is the caller's to free, what it points to the book's */
const struct conf_token **store_all(struct ctl *c, size_t *n);

/* ctl_token_pasted.c: both end with metactl where they cannot; what they give
   is to be wiped by mem_wipe */
struct token_debug;
char *pasted_read(const char *from);
char *pasted_renew(struct ctl *c, const struct conf_app *app,
    const struct token_debug *d, const char *secret);

/* ctl_token.c */
#define TOKEN_MARK_MAX  16
/* enough to see whether two are the same */
const char *token_mark(char out[TOKEN_MARK_MAX], const char *secret);


#endif /* CTL_STORE_H */
