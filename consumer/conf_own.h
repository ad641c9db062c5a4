/* What the files of the configuration share, and nobody else sees. */

#ifndef CONF_OWN_H
#define CONF_OWN_H

#include "conf.h"

#include <yaml.h>


#define CONF_PATH_MAX    128
#define CONF_SECRET_MAX  (16 * 1024)


/* one file on its way in; the first error stays */
struct reader {
    const char       *file;
    yaml_document_t   doc;
    struct conf      *conf;
    char             *error;
    bool              run;          /* else it is only looked at */
    bool              failed;
    yaml_mark_t       unmatched;    /* where it stands */
    bool              decided;      /* it stands there at all */
    struct conf_list  dos;          /* struct conf_do */
};

/* "do" of a rule, for errors that only the whole shows */
struct conf_do {
    yaml_node_t  *node;
    size_t        rule;
    bool          fallback;     /* fallback_template, in place of "do" */
};

/* scalar: NULL if the text is good, else what is wrong with it */
typedef const char *(*conf_scalar)(const char *text, void *field);
typedef void (*conf_node)(struct reader *r, yaml_node_t *node,
    const char *path, void *field);

enum {
    OPTION_NEEDED = 1,
    OPTION_LATER = 2,       /* of the contract, not of this version */
    OPTION_MANY = 4         /* one, or a list of them: each is read into the
                               same field, which gathers them */
};

struct option {
    const char   *path;     /* "[]" stands for each element of a list */
    conf_scalar   scalar;
    conf_node     node;     /* list: called with each element when read */
    size_t        offset;   /* in the element, or in struct conf */
    size_t        size;     /* of a list's element */
    const char   *preset;
    unsigned      flags;
};


/* conf_yaml.c: whole is called when all is read, before the document goes */
void conf_read(struct reader *r, const struct option *options, size_t n,
    void (*whole)(struct reader *r));
void conf_error(struct reader *r, const yaml_node_t *node, const char *path,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
void conf_warn(struct reader *r, const yaml_node_t *node, const char *path,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
const char *conf_text(struct reader *r, yaml_node_t *node, const char *path);
void *conf_list_add(struct conf_list *list, size_t size);
yaml_node_t *conf_element(struct reader *r, yaml_node_t *list, size_t i);
size_t conf_elements(const yaml_node_t *list);
/* remembers where a secret came from, for who looks at modes */
void secret_from(struct conf *conf, const char *path);

/* conf_types.c: scalars */
const char *type_string(const char *text, void *field);
const char *type_digits(const char *text, void *field);
const char *type_list_name(const char *text, void *field);
const char *type_bool(const char *text, void *field);
const char *type_count(const char *text, void *field);
const char *type_version(const char *text, void *field);
const char *type_url(const char *text, void *field);
const char *type_proof(const char *text, void *field);
const char *type_file(const char *text, void *field);
const char *type_secret(const char *text, void *field);
const char *type_app_secret(const char *text, void *field);
const char *type_product(const char *text, void *field);
const char *type_kind(const char *text, void *field);
const char *type_media_size(const char *text, void *field);     /* bytes */
const char *type_token_kind(const char *text, void *field);
const char *type_queue_kind(const char *text, void *field);
const char *type_log_level(const char *text, void *field);
const char *type_span(const char *text, void *field);       /* ms, or 0 */
const char *type_size(const char *text, void *field);       /* bytes */
const char *type_word(const char *text, void *field);
const char *type_log_format(const char *text, void *field);
const char *type_listen(const char *text, void *field);     /* conf_listen.c */

/* conf_redis.c: what meta_redis takes */
void conf_redis(struct reader *r, yaml_node_t *node, const char *path,
    void *field);
const char *redis_target_parse(const char *text, struct redis_target *t);
void redis_target_free(struct redis_target *t);

/* conf_limits.c */
void conf_limits(struct reader *r, yaml_node_t *node, const char *path,
    void *field);
/* conf_queues.c */
void conf_queue(struct reader *r, yaml_node_t *node, const char *path,
    void *element);
bool queue_has(const struct conf_queue *q, const char *list);
void queues_callbacks(struct conf *conf);

/* conf_secret.c: PATH or env:NAME; NULL if it is good */
const char *secret_read(const char *path, char **secret);
const char *secret_env(const char *name, char **secret);

/* conf_keys.c: PATH or env:NAME, one key a line */
const char *type_token_keys(const char *path, void *field);
const char *type_link_keys(const char *path, void *field);
void conf_keys_free(struct conf_keys *keys);
const char *type_tenant(const char *text, void *field);
const char *type_scopes(const char *text, void *field);     /* gathers */

/* conf_handler.c */
const char *type_handler_url(const char *text, void *field);
void conf_handler(struct reader *r, yaml_node_t *node, const char *path,
    void *element);
void conf_handler_free(struct conf_handler *handler);

/* conf_when.c: what gathers takes one of OPTION_MANY */
const char *type_products(const char *text, void *field);
const char *type_kinds(const char *text, void *field);
const char *type_strings(const char *text, void *field);
const char *type_accounts(const char *text, void *field);
const char *type_codes(const char *text, void *field);
const char *type_texts(const char *text, void *field);
const char *type_payloads(const char *text, void *field);
const char *type_referrals(const char *text, void *field);
const char *type_tags(const char *text, void *field);
const char *type_clock(const char *text, void *field);
const char *type_days(const char *text, void *field);
const char *type_zone(const char *text, void *field);
void conf_hours(struct reader *r, yaml_node_t *node, const char *path,
    void *element);
void when_free(struct when *when);

/* conf_assistant.c */
const char *type_chat_api(const char *text, void *field);
const char *type_chat_tokens(const char *text, void *field);
const char *type_chat_url(const char *text, void *field);
const char *type_few(const char *text, void *field);        /* 0 to 100 */
const char *type_maybe(const char *text, void *field);      /* -1, 0, 1 */
void conf_label_actions(struct reader *r, yaml_node_t *node,
    const char *path, void *field);
void conf_assistant(struct reader *r, yaml_node_t *node, const char *path,
    void *element);
/* what its labels do, and its quick replies, where a rule asks it; *f says
   what of them cannot be there */
struct action_place;
struct fault;
int conf_assistant_fits(const struct conf *conf, const char *name,
    const struct action_place *place, struct fault *f);
void conf_assistant_free(struct conf_assistant *assistant);

/* conf_rules.c */
void conf_actions_read(struct reader *r, yaml_node_t *node,
    const char *path, bool fallback, struct conf_list *out);
const char *type_max_age(const char *text, void *field);
const char *type_order(const char *text, void *field);
const char *type_ambiguous(const char *text, void *field);
void conf_rules_check(struct reader *r);
void conf_directory(struct reader *r, yaml_node_t *node, const char *path,
    void *field);
void conf_source(struct reader *r, yaml_node_t *node, const char *path,
    void *field);
void conf_actions(struct reader *r, yaml_node_t *node, const char *path,
    void *field);
void conf_fallback(struct reader *r, yaml_node_t *node, const char *path,
    void *field);
void conf_rule(struct reader *r, yaml_node_t *node, const char *path,
    void *element);
void rule_free(struct rule *rule);

/* conf_env.c: NULL, or what is wrong with which variable */
const char *conf_fill(struct conf *conf, char *why, size_t size);


#endif /* CONF_OWN_H */
