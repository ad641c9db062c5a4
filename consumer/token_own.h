/* What the files of the tokens share, and nobody else sees. */

#ifndef TOKEN_OWN_H
#define TOKEN_OWN_H

#include "script.h"
#include "token.h"


#define TOKENS_LISTENERS  4
#define TOKEN_KEY_MAX     (TOKEN_NAME_MAX + 16)     /* meta:token:NAME */


/* how one is found; each is a row of the same table */
enum token_by {
    BY_NAME,
    BY_LANE,
    BY_ACCOUNT,
    BY_WABA,
    BY_INSTAGRAM,
    BY_LINK,
    BY_LISTED       /* a WABA of a business's token */
};

struct token_entry {
    struct token_entry  *next;
    struct token        *t;
    struct str           text;      /* t's */
    enum token_by        by;
};

struct token_op;
struct token_kept;

struct tokens {
    uv_loop_t             *loop;        /* NULL: nobody asks Redis */
    struct redis          *redis;
    struct conf           *conf;
    unsigned char          lane_key[16];

    struct token         **all;         /* those of the configuration first */
    size_t                 n;
    size_t                 room;
    size_t                 nconf;
    size_t                 kinds[TOKEN_KINDS];  /* of the store */
    struct token          *fallback[TOKEN_KINDS];
    struct token_entry   **buckets;
    size_t                 nbuckets;
    size_t                 nentries;

    long long              version;     /* as read; -1: not yet */
    long long              newest;      /* that was ever read */
    char                   since[24];   /* which store that was */
    bool                   lost;        /* Redis has not all that are here */
    bool                   restoring;   /* they are put back, one by one */
    size_t                 at;          /* down to there */
    size_t                 back;
    size_t                 unback;      /* that it did not take */
    char                   back_why[REPLY_WHY_MAX];
    unsigned               back_tries;
    uint64_t               back_at;     /* ms of the loop: not before */
    bool                   known;
    bool                   busy;        /* it is being read */
    bool                   refused;     /* Redis said no, and it was logged */
    bool                   full;        /* likewise: more than TOKENS_MAX */
    bool                   counted;     /* sealed is */
    size_t                 sealed;      /* there, without any file of keys */
    unsigned               seen;        /* of the last reading of all */
    struct token_kept     *kept;        /* Redis has not taken them yet */
    void                 (*on_drained)(void *data);     /* when it has */
    void                  *drained_data;
    struct token_op       *late;        /* answered as soon as we are back */
    uv_timer_t             poll;
    uv_timer_t             later;
    int                    handles;

    void                 (*on_known)(void *data);
    void                  *known_data;
    size_t                 nlisteners;
    struct {
        tokens_change_cb   cb;
        void              *data;
    }                      listeners[TOKENS_LISTENERS];
};


/* token.c */
bool token_field_conf(const char *name);    /* the configuration says it */
struct token *token_make(enum token_kind kind, struct str name);

/* of the configuration; was: what was known of it, or NULL */
struct token *token_of_conf(struct conf *conf, const struct conf_token *own,
    const char *name, const struct token *was);

/* token_index.c; the text of an entry is t's */
void index_add(struct tokens *s, struct token *t, enum token_by by,
    struct str text);
void index_out(struct tokens *s, struct token *t, enum token_by by,
    struct str text);
const struct token_entry *token_entries(const struct tokens *s,
    enum token_by by, struct str text);
struct token *token_find(const struct tokens *s, enum token_by by,
    struct str text);
bool token_better(const struct token *a, const struct token *b);

/* token_book.c */
/* book_take: the reference is the book's; false: there is no room, t is gone */
bool book_take(struct tokens *s, struct token *t);
void book_out(struct tokens *s, struct token *t);
void book_conf(struct tokens *s, struct conf *conf);
void book_free(struct tokens *s);
void book_lane(const struct tokens *s, const struct token *t,
    char lane[LANE_NAME_MAX]);

/* token_words.c: what token_put.lua and token_out.lua are told; the slices are
   the words' own */
#define TOKEN_WORDS_MAX   (24 + 2 * 32 + 3 * TOKENS_REMOVE_MAX)

struct token_words {
    size_t      nkeys;
    size_t      n;
    size_t      from[TOKEN_WORDS_MAX];      /* in text, until words_end */
    struct str  at[TOKEN_WORDS_MAX];
    struct buf  text;
};

/* NULL, or why it cannot be sealed; was: `sealed` as it must still be, "-":
   none of a tenant, NULL: any */
const char *token_words_put(struct token_words *w, const struct tokens *s,
    const struct token *t, const char *was, const char *event);
/* token_words_back: as it stood in Redis */
void token_words_back(struct token_words *w, const struct tokens *s,
    const struct token *t);
void token_words_note(struct token_words *w, const struct tokens *s,
    const struct token *t, const char *was, const struct str *fields,
    size_t n, const char *event);
void token_words_out(struct token_words *w, const struct tokens *s,
    const struct str *names, size_t n, const char *event);
void token_words_free(struct token_words *w);
/* token_seal: NULL, or why; *sealed is to be freed */
const char *token_seal(const struct conf_keys *keys, const struct token *t,
    char **sealed);

/* token_read.c: of what Redis answers for a name: an array of fields and
   values.  NULL: it is not there, or *why says what is wrong with it; one that
   cannot be opened is there, without its secret, and *why says why */
struct token *token_read(const struct tokens *s, struct str name,
    const struct reply *hash, const char **why);
/* book_read: that, and the book is as it says; false: there is no room */
bool book_read(struct tokens *s, struct str name, const struct reply *hash,
    const char **why);

/* token_put.c */
void store_put_back(struct tokens *s, const struct token *t, tokens_cb cb);
void store_since(struct tokens *s, struct str since);    /* which one it is */
void store_late(struct tokens *s);

/* token_back.c.  back_lost: Redis has lost tokens, and they are being put
   back */
bool back_lost(struct tokens *s, long long version, struct str since);
void back_again(struct tokens *s);      /* from the first on, if it is on */

/* token_kept.c.  kept_has: t is one of them; kept_stands: what Redis has is
   older than what is kept of that name */
bool kept_has(const struct tokens *s, const struct token *t);
void kept_again(struct tokens *s);
void kept_hurry(struct tokens *s);
bool kept_stands(struct tokens *s, const struct token *is);
void kept_free(struct tokens *s);

/* token_locked.c */
void tokens_locked(const struct tokens *s);
void tokens_keyless(struct tokens *s);

/* token_store.c */
void store_known(struct tokens *s);     /* nobody needs to hold back more */
void store_read_names(struct tokens *s, const struct str *names, size_t n,
    void (*done)(void *data), void *data);

#endif /* TOKEN_OWN_H */
