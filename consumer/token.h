/* Tokens: what is kept in Redis beside those of the configuration, and which
   of all goes with a call. */

#ifndef TOKEN_H
#define TOKEN_H

#include "conf.h"
#include "json.h"
#include "lane.h"

#include <stdint.h>


#define TOKENS_MAX         10000    /* of the store; more are not used */
#define TOKEN_NAME_MAX     96       /* "conf:system_user:" and an id */
#define TOKEN_SECRET_MAX   4096
#define TOKEN_LINKS_MAX    8192     /* bytes of a list of ids */
#define TOKEN_SCOPES_MAX   4096
#define TOKEN_TARGETS_MAX  16384

/* the permission whose granular scopes list WABAs */
#define TOKEN_WABA_SCOPE  "whatsapp_business_management"

/* expires, data_expires: ms since 1970 */
#define TOKEN_NEVER    0
#define TOKEN_UNKNOWN  (-1)

/* names of what cannot be done: `why` of a tokens_cb begins with it */
#define TOKENS_AWAY     "Redis is away"
#define TOKENS_FULL     "the store is full"
#define TOKENS_GONE     "there is no such token"
#define TOKENS_CHANGED  "somebody else has changed it"


/* Never changed once it stands in a struct tokens: a change is a new one, so
   who holds one may go on with it.  Texts are NULL where there is none.

   Of the store: name is "KIND:ID" and as.secret is there (NULL: it cannot be
   opened, the key is missing; such a one is never picked).

   Of the configuration: its state only.  name is "conf:KIND:ID" (ID of id, of
   waba as "waba-ID", or "default"), of is the configuration's own, as.secret
   is NULL, and meta:token:NAME has no `sealed`.  Nothing that is put or noted
   for one of the store ever meets one of the configuration. */
struct token {
    struct conf_token         as;       /* kind; id: the account it is for;
                                           waba; instagram; fallback; tenant;
                                           secret; lane: name; stored: itself */
    const struct conf_token  *of;       /* NULL: of the store */
    struct conf              *conf;     /* holds it */
    unsigned                  refs;
    bool                      stale;    /* another one has its name by now, or
                                           none */
    bool                      lost;     /* state: it does not work any more */
    char                     *name;
    char                     *lane;     /* "token:HASH", as limits know it */
    char                     *app;      /* id */
    char                     *user;     /* app-scoped id of who gave it */
    char                     *title;    /* of Page, account or number */
    char                     *parent;   /* NAME of what it was derived from */
    char                     *scopes;   /* "a,b" */
    char                     *targets;  /* JSON of granular_scopes */
    char                     *wabas;    /* "id,id": that targets of a business
                                           token list; not kept */
    char                     *links;    /* "id,id": more accounts that it is
                                           for: numbers of its waba */
    char                     *missing;  /* "a,b/ID": permissions that it lacks
                                           for what the configuration does */
    char                     *from;     /* login, signup, cli, job, derived,
                                           refresh; file, env */
    int64_t                   issued;   /* ms, TOKEN_UNKNOWN */
    int64_t                   expires;  /* ms, TOKEN_NEVER, TOKEN_UNKNOWN */
    int64_t                   data_expires;     /* likewise */
    int64_t                   checked;  /* ms of the last debug_token; 0 */
    int64_t                   refreshed;        /* ms; 0 */
    int64_t                   put;              /* ms by Redis' clock; 0 */
    long long                 retry;    /* ms: not renewed before; 0 */
    long long                 tries;    /* renewals that failed, in a row */
    long long                 code;     /* of Meta's last error about it; 0 */
    long long                 subcode;
    char                     *sealed;   /* as it stands in Redis */
    size_t                    key;      /* which key opened it; not 0: rekey */
    size_t                    place;    /* the book's */
    unsigned                  seen;     /* likewise */
    uint64_t                  quiet;    /* token lives' own: ms of the loop,
                                           until when nobody is asked */
    unsigned                  failures; /* likewise: in a row */
};

struct tokens;


/* --- making one: token.c --- */

/* token_new: one reference, kind by the name; NULL where the name is none */
struct token *token_new(struct str name);
/* token_copy: the same, to be changed and put; of one of the store */
struct token *token_copy(const struct token *t);

/* token_set: NULL, or what is wrong with it.  Fields are those of the hash:
   account waba instagram tenant app user title parent scopes targets links
   missing from issued expires data_expires checked refreshed put retry tries
   state (good, lost) code subcode default (1, 0). Empty: none. The secret
   has a function of its own; sealed and kind cannot be set */
const char *token_set(struct token *t, const char *field, struct str value);
const char *token_set_int(struct token *t, const char *field, int64_t value);
const char *token_set_secret(struct token *t, struct str secret);

/* token_field: the name of each in turn; NULL: no more */
const char *token_field(size_t i);

/* token_get: a field as text, for who shows it; false: none */
bool token_get(const struct token *t, const char *field, struct buf *out);

/* token_apart: of two tenants; what is nobody's is apart from none */
bool token_apart(const struct token *a, const struct token *b);

/* token_name writes "KIND:ID"; id: digits (kind pin: of the number) */
const char *token_name(char out[TOKEN_NAME_MAX], enum token_kind kind,
    struct str id);
bool token_name_good(struct str name);
/* token_said: a name as logs show it: a person's id is a keyed hash there */
const char *token_said(char out[TOKEN_NAME_MAX], struct str name);
#define SAID(name)  token_said((char[TOKEN_NAME_MAX]) { 0 }, STR(name))
/* token_conf_name: "conf:KIND:ID" of one of the configuration */
const char *token_conf_name(char out[TOKEN_NAME_MAX],
    const struct conf_token *t);

/* token_hold, token_drop: of any that tokens_pick gave: those of the
   configuration live as long as it; the secret is wiped with the last */
void token_free(struct token *t);                   /* of its maker */

static inline const struct conf_token *token_hold(const struct conf_token *t)
{
    if (t != NULL && t->stored != NULL) {
        t->stored->refs++;
    }

    return t;
}

/* token_drop: NULL is fine */
static inline void token_drop(const struct conf_token *t)
{
    if (t != NULL && t->stored != NULL) {
        token_free(t->stored);
    }
}

/* token_usable: what a call takes: the configuration's own, or t->as; NULL:
   it cannot be opened */
const struct conf_token *token_usable(const struct token *t);

/* token_source: where it came from, for people: file, variable, or its name in
   the store */
const char *token_source(const struct conf_token *t);

/* token_app: the app's token, "ID|SECRET", as a call takes it; NULL: no
   secret.  To be dropped by token_drop */
const struct conf_token *token_app(const struct conf_app *app);

/* token_signup: it came by Embedded Signup, and is for WhatsApp, though its
   WABA may not be known yet */
static inline bool token_signup(const struct token *t)
{
    return t->from != NULL && strcmp(t->from, "signup") == 0;
}

/* token_event writes what meta:accounts gets (docs/tokens.md): event:
   connected, lost, deauthorized, deletion.  Never a token */
void token_event(struct buf *b, const struct token *t, const char *event);


/* --- finding one: token_pick.c; no allocation, no Redis ---
   conf->store is the struct tokens of who runs; NULL: the configuration's
   alone */

/* tokens_pick: the most exact one: account, then waba or a link, then
   default; at equal rank one that is not lost, then the configuration's.
   NULL: none.  It is valid until the loop's next turn, or for as long as it is
   held */
const struct conf_token *tokens_pick(const struct conf *conf,
    enum product product, struct str account, struct str waba);

/* token_stands: it goes with that account by its id, its WABA or a link; each
   may be NONE */
bool token_stands(const struct token *t, enum product product,
    struct str account, struct str waba);

/* tokens_hidden: where tokens_pick finds none there may be one all the same: it
   cannot be opened, or the store was not read */
bool tokens_hidden(const struct conf *conf, enum product product,
    struct str account, struct str waba);

/* tokens_now: what has its name by now, where t is stale; else t; NULL: it was
   removed */
const struct conf_token *tokens_now(const struct conf *conf,
    const struct conf_token *t);

/* tokens_product: of an account that a token names; NONE: none does */
enum product tokens_product(const struct conf *conf, struct str account);

/* tokens_has: how many of a kind; tokens_lane: whether "token:HASH" is that of
   one of them */
size_t tokens_has(const struct conf *conf, enum token_kind kind);
bool tokens_lane(const struct conf *conf, const char *lane);

/* tokens_tenant: whose the account is, "" where nobody said */
struct str tokens_tenant(const struct conf *conf, enum product product,
    struct str account, struct str waba);

/* tokens_named: also "conf:KIND:ID"; NULL.  As tokens_pick: hold it */
struct token *tokens_named(const struct tokens *tokens, struct str name);

/* tokens_each: all, those of the configuration first; the callback may put,
   note and remove, whose effect comes later */
void tokens_each(const struct tokens *tokens,
    void (*each)(void *data, struct token *t), void *data);
size_t tokens_count(const struct tokens *tokens);   /* of the store */


/* --- the daemon's: token_store.c; works on Redis ---
   What is asked is answered once, never inside of the call; why: NULL where it
   is done, else a text for logs: one of TOKENS_*, or what Redis refused.  Own
   changes are in force before their callback, others' within 1 s */

typedef void (*tokens_cb)(void *data, const char *why);

/* on_change: t is new, or came in place of old, or (t NULL) old was removed;
   renewed: its secret is another one, so what has stopped for want of it may
   go on */
typedef void (*tokens_change_cb)(void *data, struct token *t,
    struct token *old, bool renewed);

/* tokens_new: without token_key_file it knows the configuration's tokens alone
   and never asks Redis; redis is shared, and must outlive it.  loop NULL
   (metactl): it has what metactl reads into it */
struct tokens *tokens_new(uv_loop_t *loop, struct redis *redis,
    struct conf *conf);
void tokens_free(struct tokens *tokens);    /* callbacks get TOKENS_AWAY */
void tokens_conf(struct tokens *tokens, struct conf *conf);    /* a reload */
void tokens_owner(struct conf *conf);   /* it is known whose one of conf is */

/* tokens_known: the store was read, or there is none, or Redis will not let it
   be read; before that nothing may begin.  on_known tells it */
bool tokens_known(const struct tokens *tokens);
void tokens_on_known(struct tokens *tokens, void (*cb)(void *data),
    void *data);
/* tokens_state: what this process may say of what is not in its memory */
enum tokens_state {
    TOKENS_NONE,        /* token_key_file is not set: it sees no store */
    TOKENS_UNREAD,      /* Redis is away or refuses, or there are too many */
    TOKENS_READ
};
enum tokens_state tokens_state(const struct tokens *tokens);
/* any number of listeners, up to 4 */
void tokens_on_change(struct tokens *tokens, tokens_change_cb cb, void *data);

/* tokens_put_over seals and writes all of t, where its name still is old
   (whose secret was renewed, say, by a call that took a while), or, old NULL,
   no tenant's; else TOKENS_CHANGED, once what is there has been read.  t stays
   the caller's (token_free).  event: NULL, or of meta:accounts, pushed in the
   same script.  The lane's stop ends.  cb may be NULL */
void tokens_put_over(struct tokens *tokens, const struct token *t,
    const struct token *old, const char *event, tokens_cb cb, void *data);

/* tokens_keep: t (a token_copy) could not be put in place of old, which it is a
   copy of; why: tokens_put_over's.  It is used from memory, and put again */
void tokens_keep(struct tokens *tokens, const struct token *t,
    struct token *old, const char *why);

/* tokens_drain: cb, maybe at once, when Redis has all that were kept */
void tokens_drain(struct tokens *tokens, void (*cb)(void *data), void *data);

/* tokens_note writes fields of one that is there, of the configuration's too:
   words are field, value, field, value...; never the secret.  Where state
   comes back from lost the lane's stop ends */
#define TOKENS_NOTE_MAX  32
void tokens_note(struct tokens *tokens, struct str name,
    const struct str *words, size_t n, const char *event, tokens_cb cb,
    void *data);

/* tokens_note_over: what is said of t's secret: only where it still is t, else
   TOKENS_CHANGED */
void tokens_note_over(struct tokens *tokens, const struct token *t,
    const struct str *words, size_t n, const char *event, tokens_cb cb,
    void *data);

/* tokens_remove: one script for all; n up to 256 */
#define TOKENS_REMOVE_MAX  256
void tokens_remove(struct tokens *tokens, const struct str *names, size_t n,
    const char *event, tokens_cb cb, void *data);

/* lock_mark: of one who locks a name, and of nobody else */
#define LOCK_MARK_MAX  17
const char *lock_mark(char mark[LOCK_MARK_MAX]);

/* tokens_lock: who has it may work on that name for ms; it ends by itself.
   why: NULL: it is ours; TOKENS_CHANGED: another's */
void tokens_lock(struct tokens *tokens, struct str name, unsigned ms,
    tokens_cb cb, void *data);


#endif /* TOKEN_H */
