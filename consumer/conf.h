/* The configuration: what a file and the environment say, checked. */

#ifndef CONF_H
#define CONF_H

#include "hours.h"
#include "kinds.h"
#include "lane.h"
#include "log.h"
#include "redis.h"

#include "meta/meta_seal.h"

#include <stdint.h>


struct tokens;


enum token_kind {
    TOKEN_WHATSAPP,
    TOKEN_PAGE,
    TOKEN_SYSTEM_USER,
    TOKEN_INSTAGRAM,        /* of Instagram Login: of a host of its own */
    TOKEN_CONF_KINDS,       /* the configuration has no others */
    TOKEN_USER = TOKEN_CONF_KINDS,
    TOKEN_BUSINESS,         /* a client's system user (Embedded Signup) */
    TOKEN_APP,
    TOKEN_PIN,              /* no token: a number's two-step PIN */
    TOKEN_KINDS
};

/* whose names the file spells; conf->hosts is in this order */
enum graph_host {
    GRAPH_FACEBOOK,
    GRAPH_INSTAGRAM,
    GRAPH_INSTAGRAM_OAUTH,
    GRAPH_RUPLOAD,
    GRAPH_HOSTS
};

enum proof_kind {
    PROOF_OFF,
    PROOF_PLAIN,
    PROOF_TIMED
};

struct conf_list {
    void    *at;
    size_t   n;
};

struct conf_queue {
    char           *name;
    int             kind;           /* enum queue_kind */
    unsigned long   partitions;
    bool            implied;        /* the file does not name it; the last */
};

struct conf_app {
    char  *id;
    char  *secret;
    char  *from;            /* what the secret was read of: file or variable */
};

struct conf_token {
    int    kind;            /* enum token_kind */
    char  *id;              /* number, Page or account; NULL: any */
    char  *waba;
    char  *instagram;       /* the account that is linked to the Page */
    bool   fallback;        /* "default: true" */
    bool   nameless;        /* of the environment, /me says whose it is */
    char  *file;
    char  *env;
    char  *secret;          /* the token itself */
    char  *tenant;          /* whose the account is; NULL: nobody's */
    const char    *lane;    /* what its lane is named by: secret, or NAME of
                               a stored one, which stays as it is renewed */
    struct token  *stored;  /* it is this one's (token.h); NULL: of conf */
};

/* the lines of token_key_file; wiped as they go */
struct conf_keys {
    size_t           n;
    meta_seal_key_t  at[META_KEYS_MAX];
};

enum queue_kind {
    QUEUE_EVENTS,
    QUEUE_JOBS,
    QUEUE_CALLBACKS     /* Meta says that somebody has removed the app, or
                           wants to be forgotten: there unless one is named */
};

enum ambiguous {
    AMBIGUOUS_PARK,
    AMBIGUOUS_RESEND
};

struct conf_handler {
    char           *name;
    char           *url;            /* http:// or https:// */
    char           *unix_path;      /* NULL: over TCP */
    char           *ca_file;        /* NULL: the system's */
    char           *secret;
    unsigned long   timeout_ms;
    unsigned long   max_answer;     /* bytes */
    unsigned long   max_actions;
};

enum referred {
    REFERRED_ANY,
    REFERRED_YES,
    REFERRED_NO
};

/* what an event has to be; of each list one has to fit, and where there is
   none all do.  Lists are of char *, patterns of pcre2_code * */
struct when {
    unsigned            products;   /* bits, 0: any */
    uint64_t            kinds;      /* bits, 0: all but the silent ones */
    struct conf_list    objects;
    struct conf_list    states;
    struct conf_list    codes;      /* of the event's error */
    struct conf_list    accounts;
    struct conf_list    tenants;
    struct conf_list    texts;      /* patterns */
    struct conf_list    payloads;   /* patterns of the whole */
    int                 referred;
    struct conf_list    referrals;
    struct conf_list    tags;
    struct conf_list    template_names;
    struct conf_list    template_languages;
    struct conf_list    template_events;
    unsigned long       over_ms;    /* older than this; 0: any */
    unsigned long       under_ms;   /* not older than this; 0: any */
    struct conf_list    hours;      /* struct hours */
};

/* the two formats of chat endpoints that are spoken */
enum chat_api {
    CHAT_OPENAI,
    CHAT_ANTHROPIC
};

/* which member of OpenAI's format says how long an answer may be */
enum chat_tokens {
    CHAT_TOKENS_BY_HOST,
    CHAT_MAX_TOKENS,
    CHAT_MAX_COMPLETION_TOKENS
};

/* a chat endpoint: of an assistant's classifier, or of its writer */
struct conf_chat {
    int             api;            /* enum chat_api */
    char           *url;            /* NULL: there is none */
    char           *model;
    char           *secret;         /* the key; NULL: it needs none */
    char           *ca_file;        /* NULL: the system's */
    char           *system;         /* NULL: none */
    int             tokens;         /* enum chat_tokens */
    unsigned long   max_tokens;     /* of the answer */
    unsigned long   max_input;      /* characters of what a person wrote */
    unsigned long   timeout_ms;
};

struct conf_label {
    char              *name;
    char              *system;      /* for the writer, behind its own; NULL */
    struct conf_list   actions;     /* struct action */
    bool               writes;      /* the writer is asked */
    bool               hand_over;   /* then the conversation pauses */
    bool               resume;      /* it ends a pause */
    int                write;       /* as it stands there; -1: not at all */
};

struct conf_assistant {
    char              *name;
    struct conf_chat   classifier;
    struct conf_chat   writer;
    struct conf_list   labels;      /* struct conf_label, at least one */
    char              *preset;      /* "default": the label of what is none */
    size_t             label;       /* its number */
    unsigned long      turns;       /* that the writer is shown */
    unsigned long      retries;
    char              *fallback;    /* NULL: none */
    struct conf_list   quick;       /* struct conf_quick */
    unsigned long      pause_ms;
};

struct conf_quick {
    char  *title;
    char  *payload;
};

struct rule {
    struct when         when;
    struct conf_list    actions;    /* struct action */
    unsigned long       max_age_ms; /* 0: none; of a rule that sends 6 h,
                                       without a fallback */
    bool                loose;      /* what waits holds nobody back */
    int                 ambiguous;  /* enum ambiguous */
    struct conf_list    fallback;   /* struct action: a template that goes
                                       where the window is closed; or none */
    bool                bot;        /* left out while a person has taken over */
    char               *save;       /* NULL: media is not saved */
    unsigned long       save_max;   /* bytes */
};

#define CONF_VARIABLE_MAX  48

/* what the environment filled in; never the value */
struct conf_from {
    const char  *key;
    char         variable[CONF_VARIABLE_MAX];
};

/* the key "metrics" */
struct conf_listen {
    bool      on;
    bool      v6;
    unsigned  port;
    char      text[128];    /* as it stands in the file */
    char      host[24];     /* of this machine; empty: a unix socket */
    char      path[104];
};

struct conf {
    unsigned             refs;
    struct tokens       *store;     /* of who runs; NULL: there is none */
    struct redis_target  redis;
    char                *redis_text;
    struct conf_list     queues;
    struct conf_list     apps;
    char                *version;
    char                *ads_version;   /* NULL: version */
    char                *hosts[GRAPH_HOSTS];
    char                *base_url;  /* of all hosts; NULL: each its own */
    int                  proof;     /* enum proof_kind */
    char                *ca_file;   /* NULL: the system's */
    char                *verify_token;  /* what Meta asks the edge with */
    struct conf_list     tokens;
    struct conf_list     rules;
    bool                 by_tenant; /* a rule asks whose an account is */
    bool                 people;    /* something is sent to people, so what is
                                       known of them matters */
    struct conf_list     push_lists;    /* char * */
    char                *unmatched; /* a list, NULL: drop */
    unsigned long        drain_ms;
    unsigned long        dead_max;
    unsigned long        replies_max;   /* automatic ones to a conversation
                                           in 10 minutes */
    unsigned long        waiting_max;   /* in {Q}:held and {Q}:retry */
    unsigned long        seen_max;  /* ids of dedupe, of each queue */
    unsigned long        in_flight; /* calls on the wire at the same time */
    struct conf_list     handlers;      /* struct conf_handler */
    struct conf_list     assistants;    /* struct conf_assistant */
    char                *reply_prefix;  /* of a job's reply_to */
    char                *files_dir;     /* of files that jobs and handlers may
                                           send; NULL: none */
    bool                 dry_run;       /* nothing is written to Graph */
    unsigned long        keep_ms;       /* worked events; 0: not kept */
    unsigned long        turns_ms;      /* retention: */
    unsigned long        messages_ms;
    unsigned long        results_ms;
    unsigned long        dead_ms;       /* 0: dead letters stay */
    int                  log_level;
    struct rate          rates[LANE_KINDS];     /* limits */
    int                  log_format;
    struct conf_listen   metrics;
    struct conf_keys    *token_keys;    /* NULL: nothing is stored */
    struct conf_list     link_keys;     /* char *: lines of link_key_file */
    char                *login_url;     /* oauth: NULL: not known */
    unsigned long        refresh_ms;    /* before a token expires */
    unsigned long        alarm_ms;      /* likewise */
    unsigned long        check_ms;      /* debug_token, so often */
    struct conf_list     scopes;        /* char *: needed beside what the
                                           actions need */
    struct conf_list     filled;        /* struct conf_from */
    struct conf_list     warnings;      /* char *: what is good, and hardly
                                           meant; with file, line, column */
    struct conf_list     secret_files;  /* char *: what secrets were read of,
                                           but those of tokens */
};

#define CONF_ERROR_MAX  512


/* conf_load: NULL, and error says file, line, column, key and what to do; run:
   we are who works by it, so its directories must be there and ours */
struct conf *conf_load(const char *file, bool run, char error[CONF_ERROR_MAX]);
struct conf *conf_hold(struct conf *conf);
void conf_drop(struct conf *conf);      /* freed with the last holder */

/* conf_redis_renew: password and authorities of a reload, for a target in use;
   from is left with the old ones */
void conf_redis_renew(struct redis_target *to, struct redis_target *from);

/* conf_moved: NULL, or which key cannot be changed by a reload */
const char *conf_moved(const struct conf *from, const struct conf *to);

/* assistant_find: the assistant of that name, or NULL */
const struct conf_assistant *assistant_find(const struct conf *conf,
    const char *name);

/* list_name_good: what meta_queue takes as a name */
bool list_name_good(struct str name);
bool listen_same(const struct conf_listen *a, const struct conf_listen *b);

/* type_time: "12h" as ms into an unsigned long; NULL, or what is wrong */
const char *type_time(const char *text, void *field);

const char *product_name(enum product product);
const char *token_kind_name(enum token_kind kind);


#endif /* CONF_H */
