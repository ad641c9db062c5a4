/* What Meta says of tokens: answers of its token endpoints, of debug_token and
   of /me, read.  Pure. */

#ifndef TOKEN_ANSWER_H
#define TOKEN_ANSWER_H

#include "json.h"


#define ANSWER_SCOPES_MAX   4096
#define ANSWER_TARGETS_MAX  16384

/* a time that nobody has told; 0 is Meta's "never" */
#define ANSWER_UNKNOWN  (-1)     /* the same as TOKEN_UNKNOWN */


/* slices point into the answer */
struct token_answer {
    struct str   token;         /* never empty */
    struct str   type;          /* "bearer", or empty */
    long long    expires_in;    /* seconds; ANSWER_UNKNOWN: not told, as of
                                   a token that never expires */
    struct str   user;          /* Instagram Login: app-scoped; or empty */
    struct buf   scopes;        /* "a,b"; Instagram Login: permissions */
};

/* times are ms since 1970 */
struct token_debug {
    bool         valid;
    bool         has_error;     /* why it is not */
    long long    code;
    long long    subcode;       /* 0: none */
    struct str   app;           /* digits */
    struct str   application;   /* its name, for people */
    struct str   type;          /* USER, PAGE, APP, SYSTEM_USER */
    struct str   user;
    struct str   profile;       /* of a Page's token, its Page; or empty */
    long long    issued;
    long long    expires;
    long long    data_expires;
    struct buf   scopes;        /* "a,b" */
    struct buf   targets;       /* granular_scopes as it came, compact; empty:
                                   there are none */
};

/* of graph.instagram.com/me */
struct token_me {
    struct str   id;            /* app-scoped */
    struct str   account;       /* user_id: what webhooks call it */
    struct str   username;
};


/* token_answer_read: an access token came (sections 2.3, 2.4, 2.10; flat, or
   in a list of one).  The buffers are the caller's to free, also after false */
bool token_answer_read(const struct json *root, struct token_answer *a);
void token_answer_free(struct token_answer *a);

/* token_debug_read: there is a "data" that says whether it is valid (2.6) */
bool token_debug_read(const struct json *root, struct token_debug *d);
void token_debug_free(struct token_debug *d);

/* token_me_read: there is a user_id (2.10) */
bool token_me_read(const struct json *root, struct token_me *me);


/* scope_has: "a,b" holds it */
bool scope_has(struct str scopes, const char *scope);

/* scope_for: targets (granular_scopes) let the scope be used for that id; so
   they do where they do not name the scope, or say no id: then all were
   chosen */
bool scope_for(const struct json *targets, const char *scope, struct str id);

/* scope_lists: they name that very id; scope_list appends all ids that they
   name, "a,b" */
bool scope_lists(const struct json *targets, const char *scope,
    struct str id);
void scope_list(struct buf *out, const struct json *targets,
    const char *scope);


#endif /* TOKEN_ANSWER_H */
