/* metactl: what its commands share. */

#ifndef CTL_H
#define CTL_H

#include "conf.h"
#include "json.h"

#include <stdint.h>
#include <stdio.h>


/* docs/metactl.md */
enum {
    CTL_GOOD = 0,
    CTL_FINDING = 1,    /* it ran, and what it found is bad */
    CTL_USAGE = 2,
    CTL_REDIS = 3,      /* unreachable, or it refuses */
    CTL_NOTHING = 4,    /* no such queue, letter, message... */
    CTL_LATE = 5        /* no answer in time */
};

#define CTL_NAME_MAX  256   /* of a key */


/* the command line; each has a row in ctl_opts.c */
struct opts {
    const char  *file;
    const char  *env;
    bool         json;
    bool         reveal;
    bool         no_color;
    bool         help;
    bool         version;

    bool         all;
    bool         dry_run;
    bool         summary;
    bool         high;
    const char  *account;
    const char  *again;
    const char  *code;
    const char  *count;
    const char  *doo;
    const char  *edge;
    const char  *fields;
    const char  *nginx;
    const char  *override;
    const char  *url;
    bool         offline;
    const char  *expires;
    const char  *idempotency;
    const char  *id;
    const char  *in;
    const char  *interval;
    const char  *key;
    const char  *kind;
    const char  *limit;
    const char  *language;
    const char  *not_before;
    const char  *params;
    const char  *pause_for;
    const char  *product;
    const char  *queue;
    const char  *reason;
    const char  *ref;
    const char  *since;
    const char  *tenant;
    const char  *text;
    const char  *to;
    const char  *type;
    const char  *until;
    const char  *waba;
    const char  *wait;
    const char  *why;
};

struct ctl {
    struct opts   opts;
    char        **args;         /* behind the command's name */
    size_t        nargs;
    const char   *env_unread;   /* a file of variables; NULL: none */
    const char   *env_file;     /* one that was read; NULL: none */
    struct conf  *conf;         /* NULL where the command needs none */
    struct db    *db;           /* NULL until ctl_redis */
    struct way   *way;          /* NULL until Meta is called */
    const struct command  *cmd;
    bool          color;
    bool          bar;          /* standard error is a terminal */
};

struct command {
    const char  *name;          /* "dead requeue" */
    int        (*run)(struct ctl *c);
    uint64_t     takes;         /* bits of ctl_opts.c */
    size_t       min;           /* words behind the name */
    size_t       max;
    unsigned     needs;
    const char  *usage;
    const char  *what;
};

enum {
    NEEDS_CONF = 1,
    NEEDS_REDIS = 2
};


/* ctl_fail: "metactl: ..." on standard error, and out with that code */
void ctl_fail(int code, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

void ctl_redis(struct ctl *c);      /* where it is needed after all */
/* a whole file, "-": standard input; b's ceiling is heeded */
void ctl_read(const char *file, struct buf *b);
/* others than its owner and group may do something with the file; NULL: none */
bool ctl_open_to_all(const char *file);

/* ctl_env.c: before a configuration is read: what stands in --env, or the
   service's own file, is in the environment; a line says where it cannot be */
void ctl_env(struct ctl *c);
void ctl_env_said(const struct ctl *c);

/* ctl_env_odd.c: lines of that file that look like ours and do nothing */
typedef void (*env_odd_cb)(void *data, const char *name, const char *why);

void ctl_env_odd(const struct ctl *c, env_odd_cb cb, void *data);

/* ctl_opts.c */
enum {
    OPT_ALL = 1 << 0, OPT_DRY_RUN = 1 << 1, OPT_HIGH = 1 << 2,
    OPT_ACCOUNT = 1 << 3, OPT_CODE = 1 << 4, OPT_COUNT = 1 << 5,
    OPT_DO = 1 << 6, OPT_EDGE = 1 << 7, OPT_EXPIRES = 1 << 8,
    OPT_IDEMPOTENCY = 1 << 9, OPT_ID = 1 << 10, OPT_INTERVAL = 1 << 11,
    OPT_KEY = 1 << 12, OPT_LIMIT = 1 << 13, OPT_NOT_BEFORE = 1 << 14,
    OPT_FOR = 1 << 15, OPT_PRODUCT = 1 << 16, OPT_QUEUE = 1 << 17,
    OPT_REASON = 1 << 18, OPT_SINCE = 1 << 19, OPT_TEXT = 1 << 20,
    OPT_TO = 1 << 21, OPT_UNTIL = 1 << 22, OPT_WAIT = 1 << 23,
    OPT_WHY = 1 << 24, OPT_SUMMARY = 1 << 25, OPT_PARAMS = 1 << 26,
    OPT_LANGUAGE = 1 << 27, OPT_TYPE = 1 << 28, OPT_WABA = 1 << 29
};

/* beyond what an enum holds */
#define OPT_URL       ((uint64_t) 1 << 40)
#define OPT_FIELDS    ((uint64_t) 1 << 41)
#define OPT_OVERRIDE  ((uint64_t) 1 << 42)
#define OPT_NGINX     ((uint64_t) 1 << 43)
#define OPT_OFFLINE   ((uint64_t) 1 << 44)
#define OPT_KIND      ((uint64_t) 1 << 45)
#define OPT_TENANT    ((uint64_t) 1 << 46)
#define OPT_REF       ((uint64_t) 1 << 47)
#define OPT_AGAIN     ((uint64_t) 1 << 48)
#define OPT_IN        ((uint64_t) 1 << 49)

/* opts_read sorts options from words, wherever they stand; args is the
   caller's; which: bits of those that were there */
size_t opts_read(struct opts *o, int argc, char **argv, char **args,
    uint64_t *which);
const char *opts_name(uint64_t bit);
long long ctl_limit(struct ctl *c, long long preset);    /* --limit */
enum product ctl_product(const char *name);     /* --product; NULL: NONE */

/* ctl_time.c: "90s", "2h" are that long ago; RFC 3339 with an offset; ms */
long long time_when(const char *text, long long now);
long long time_length(const char *text);        /* -1: no length of time */
/* "4.2 s", "3 h 12 min"; a date of now is UTC */
#define TIME_MAX  32
const char *time_span(char out[TIME_MAX], long long ms);
const char *time_date(char out[TIME_MAX], long long ms);
long long time_now(void);

/* ctl_json.c: what --json prints */
struct jw {
    struct buf  b;
    bool        comma;
};

void jw_init(struct jw *j);
void jw_open(struct jw *j, const char *key, char bracket);
void jw_close(struct jw *j, char bracket);
void jw_str(struct jw *j, const char *key, struct str s);
void jw_text(struct jw *j, const char *key, const char *text);
void jw_int(struct jw *j, const char *key, long long n);
void jw_time(struct jw *j, const char *key, long long ms);  /* < 0: null */
void jw_bool(struct jw *j, const char *key, bool truth);
void jw_raw(struct jw *j, const char *key, struct str json);
void jw_print(struct jw *j);        /* and freed */

void jw_tree(struct jw *j, const char *key, const struct json *tree);

/* ctl_mask.c: people and what they say, unless --reveal */
void mask_refuse(struct str name);      /* a masked name names nobody */
void mask_id(struct ctl *c, struct buf *b, struct str id);
void mask_key(struct ctl *c, struct buf *b, struct str key);
void mask_text(struct ctl *c, struct buf *b, struct str text);
void mask_words(struct ctl *c, struct buf *b, struct str text);
void mask_answer(struct ctl *c, struct buf *b, const struct json *letter);
void mask_json(struct ctl *c, struct buf *b, const struct json *j);
void jw_id(struct ctl *c, struct jw *j, const char *key, struct str id);
void jw_key(struct ctl *c, struct jw *j, const char *key, struct str line);
void jw_words(struct ctl *c, struct jw *j, const char *key, struct str s);

/* ctl_out.c */
void out_color(struct ctl *c, struct buf *b, char color);  /* r g y b d, 0 */
void out_safe(struct buf *b, struct str s);
void out_pad(struct buf *b, struct str s, int width);   /* < 0: to the right */
void out_number(struct buf *b, long long n, int width);
/* words from that column on, none beyond the 79th where it can be helped */
void out_wrap(struct buf *b, const char *text, int column);
void out_print(struct buf *b);      /* to standard output, and freed */
void out_lines(struct buf *b, FILE *to);    /* what steers a terminal is "?",
                                               but line ends; freed */
size_t out_columns(struct str s);   /* characters, not bytes */

struct bar {
    const char  *what;
    long long    total;
    long long    shown;             /* when, ms of a steady clock */
};

void bar_show(struct ctl *c, struct bar *bar, long long done);
void bar_end(struct ctl *c, struct bar *bar);

/* ctl_redis.c */
#define DB_WORDS_MAX  1024

struct db;

struct ask {
    struct str  at[DB_WORDS_MAX];
    size_t      n;
};

/* db_open: NULL, and why; the target must outlive it */
struct db *db_open(const struct redis_target *target, struct buf *why);
void db_close(struct db *db);
/* db_ask: NULL where the connection went; a reply lives until db_forget */
const struct reply *db_ask(struct db *db, const struct ask *w, unsigned ms);
void db_forget(struct db *db);

/* ctl_db.c: what cannot be answered ends the program with CTL_REDIS */
void ask_add(struct ask *w, struct str s);
void ask_text(struct ask *w, const char *text);
const struct reply *ctl_call(struct ctl *c, const struct ask *w);
const struct reply *ctl_ask(struct ctl *c, const char *first, ...)
    __attribute__((sentinel));
void ctl_refused(const char *command, const struct reply *reply)
    __attribute__((noreturn));
bool reply_is_error(const struct reply *reply);
long long reply_number(const struct reply *reply);  /* 0 where it is none */
long long ctl_clock(struct ctl *c);         /* Redis's, ms */

/* ctl_script.c: consumer/ctl_NAME.lua */
enum ctl_script {
    CTL_STATUS,
    CTL_STRAYS,
    CTL_LETTERS,
    CTL_REQUEUE,
    CTL_DROP,
    CTL_WAITS,
    CTL_LANES,
    CTL_FIND,
    CTL_REPLAY,
    CTL_CONVERSATION,
    CTL_FORGET,
    CTL_TOKEN_LOOK,
    CTL_TOKEN_READ,
    CTL_TOKEN_PUT,
    CTL_TOKEN_OUT,
    CTL_TOKEN_LOCK,
    CTL_SCRIPTS
};

/* w: keys, then arguments; ctl_try returns what the user has no right to */
const struct reply *ctl_try(struct ctl *c, enum ctl_script which,
    const struct ask *w, size_t nkeys);
const struct reply *ctl_run(struct ctl *c, enum ctl_script which,
    const struct ask *w, size_t nkeys);

/* ctl_queues.c */
struct list {
    char   name[CTL_NAME_MAX];
    const struct conf_queue  *queue;
    bool   stray;       /* outside of the configured partitions */
};

struct lists {
    struct list  *at;
    size_t        n;
};

/* key of a companion: "{Q}:dead" */
const char *key_of(char out[CTL_NAME_MAX], const char *q, const char *what);

/* lists_all: of the configuration, or of the queue or list of that name only;
   strays asks Redis for those outside of the partitions */
void lists_all(struct ctl *c, struct lists *lists, const char *name,
    bool strays);
void lists_free(struct lists *lists);

/* the commands; each returns the exit code */
int run_status(struct ctl *c);
int run_top(struct ctl *c);
int run_queue(struct ctl *c);
int run_dead_list(struct ctl *c);
int run_dead_show(struct ctl *c);
int run_dead_requeue(struct ctl *c);
int run_dead_drop(struct ctl *c);
int run_pause(struct ctl *c);
int run_resume(struct ctl *c);
int run_conversation_list(struct ctl *c);
int run_conversation_show(struct ctl *c);
int run_conversation_pause(struct ctl *c);
int run_conversation_resume(struct ctl *c);
int run_conversation_forget(struct ctl *c);
int run_forget(struct ctl *c);
int run_deletion_list(struct ctl *c);
int run_deletion_show(struct ctl *c);
int run_deletion_done(struct ctl *c);
int run_deletion_refuse(struct ctl *c);
int run_send(struct ctl *c);
int run_message(struct ctl *c);
int run_token(struct ctl *c);
int run_token_show(struct ctl *c);
int run_token_add(struct ctl *c);
int run_token_remove(struct ctl *c);
int run_token_rekey(struct ctl *c);
int run_token_check(struct ctl *c);
int run_token_exchange(struct ctl *c);
int run_token_key(struct ctl *c);
int run_token_login_url(struct ctl *c);
int run_doctor(struct ctl *c);
int run_explain(struct ctl *c);
int explain_http(struct ctl *c, const char *text);
/* explain_login: WORD of a login that failed; false: it is no such word */
bool explain_login(struct ctl *c, const char *text);
int run_rules_test(struct ctl *c);
int run_replay(struct ctl *c);
int run_config_test(struct ctl *c);
int run_graph(struct ctl *c);
int run_family(struct ctl *c);
int run_subscribe(struct ctl *c);
int run_block(struct ctl *c);
int run_media_upload(struct ctl *c);
int run_media_get(struct ctl *c);
int run_media_delete(struct ctl *c);
int run_template_list(struct ctl *c);
int run_template_diff(struct ctl *c);
int run_template_push(struct ctl *c);
int run_template_pull(struct ctl *c);
int run_template_delete(struct ctl *c);


#endif /* CTL_H */
