/* The configuration: what a file and the environment say, checked. */

#ifndef CONF_H
#define CONF_H

#include "log.h"
#include "redis.h"


/* of rules and events; the names stand in conf_types.c */
enum product {
    PRODUCT_NONE,
    PRODUCT_WHATSAPP,
    PRODUCT_MESSENGER,
    PRODUCT_INSTAGRAM
};

enum kind {
    KIND_OTHER,
    KIND_MESSAGE,
    KIND_ECHO,
    KIND_STATUS,
    KIND_REACTION,
    KIND_EDIT,
    KIND_DELETED,
    KIND_POSTBACK,
    KIND_READ,
    KIND_DELIVERY,
    KIND_CALL,
    KIND_STANDBY
};

enum token_kind {
    TOKEN_WHATSAPP,
    TOKEN_PAGE,
    TOKEN_SYSTEM_USER
};

enum action_kind {
    ACTION_MARK_READ,
    ACTION_REPLY,
    ACTION_STOP
};

struct conf_list {
    void    *at;
    size_t   n;
};

struct conf_queue {
    char           *name;
    int             kind;
    unsigned long   partitions;
};

struct conf_app {
    char  *id;
    char  *secret;
};

struct conf_token {
    int    kind;            /* enum token_kind */
    char  *id;              /* phone number or Page; NULL: any */
    char  *waba;
    bool   fallback;        /* "default: true" */
    bool   nameless;        /* of the environment, /me says whose it is */
    char  *file;
    char  *env;
    char  *secret;          /* the token itself */
};

struct quick_reply {
    char  *title;
    char  *payload;
};

struct action {
    enum action_kind    kind;
    char               *text;
    struct conf_list    quick;      /* struct quick_reply */
};

struct rule {
    int                 product;
    int                 kind;
    char               *account;    /* NULL: any */
    void               *text;       /* pcre2_code, NULL: any */
    struct conf_list    actions;    /* struct action */
};

struct conf {
    unsigned             refs;
    struct redis_target  redis;
    char                *redis_text;
    struct conf_list     queues;
    struct conf_list     apps;
    char                *version;
    char                *base_url;
    char                *ca_file;   /* NULL: the system's */
    struct conf_list     tokens;
    struct conf_list     rules;
    struct conf_list     push_lists;    /* char * */
    char                *unmatched; /* a list, NULL: drop */
    unsigned long        drain_ms;
    unsigned long        dead_max;
    int                  log_level;
};

#define CONF_ERROR_MAX  512


/* conf_load: NULL, and error says file, line, column, key and what to do */
struct conf *conf_load(const char *file, char error[CONF_ERROR_MAX]);
struct conf *conf_hold(struct conf *conf);
void conf_drop(struct conf *conf);      /* freed with the last holder */

/* conf_moved: NULL, or which key cannot be changed by a reload */
const char *conf_moved(const struct conf *from, const struct conf *to);

const char *product_name(enum product product);
const char *kind_name(enum kind kind);
const char *action_name(enum action_kind kind);


#endif /* CONF_H */
