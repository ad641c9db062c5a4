/* What the files of tokens' lives share, and nobody else sees. */

#ifndef LIFE_OWN_H
#define LIFE_OWN_H

#include "life.h"
#include "log.h"
#include "script.h"
#include "stats.h"
#include "token_answer.h"
#include "token_ask.h"
#include "token_life.h"

#include <stdio.h>
#include <stdlib.h>


#define LIFE_REDIS_MS  5000
#define LIFE_DUE_MAX   256
#define LIFE_LOCK_KEY  "meta:token:lock:"
#define LIFE_LOCK_MS   120000   /* renewed while it is looked after */
#define LIFE_WORDS     256
#define LIFE_REFUSED_MAX  64

enum care_goal {
    CARE_CHECK,
    CARE_REFUSED,       /* a call was answered with 190 */
    CARE_EXCHANGE       /* somebody wants it renewed */
};

struct care;

typedef void (*care_then)(struct care *c, const struct verdict *v);
typedef void (*care_next)(struct care *c);
typedef void (*care_got)(struct care *c, bool got);

/* one token that is looked after, under its lock; each of its waits is for one
   thing.  Ends in care_end */
struct care {
    struct life              *life;
    struct care              *next_care;
    struct conf              *conf;         /* holds it */
    struct token             *t;            /* held: as it was when it began */
    const struct conf_token  *asks;         /* held: what the call goes with */
    const struct conf_token  *gives;        /* held: whose Pages are asked */
    enum care_goal            goal;
    uint64_t                  began;        /* its lock; ms of the loop */
    bool                      locked;
    unsigned                  again;        /* how often it was refused its
                                               lock */
    char                      mark[LOCK_MARK_MAX];
    bool                      valid;        /* Meta has just said so */
    bool                      renewed;
    bool                      quiet;        /* what is wrong was said */
    bool                      losing;       /* it is lost, unless it can be
                                               taken anew */
    long long                 code;         /* why it is refused */
    long long                 subcode;
    int64_t                   issued;       /* as Meta has just said */
    int64_t                   expires;
    int64_t                   data_expires;
    struct token             *put;          /* what is being stored */
    unsigned                  puts;         /* it was changed meanwhile */
    char                     *cursor;       /* of Pages to come */
    unsigned                  rounds;
    char                     *businesses;   /* "id,id," of the user */
    size_t                    at;           /* in these */
    const char               *why;          /* it was not renewed; static, or
                                               text */
    char                      text[LIFE_WORDS];

    care_then                 then;
    care_next                 next;
    care_next                 otherwise;
    care_got                  got;
    life_cb                   cb;
    void                     *data;
};

/* a call with t was answered with code and subcode */
struct refused {
    struct token  *t;       /* held */
    long long      code;
    long long      subcode;
    unsigned       tries;
};

struct due {
    char    name[TOKEN_NAME_MAX];
    size_t  place;          /* among all */
};

struct life {
    uv_loop_t       *loop;
    struct graph    *graph;
    struct redis    *redis;
    struct tokens   *tokens;
    struct conf     *conf;
    uv_timer_t       timer;
    bool             resting;       /* no look begins, nor a call of one */
    bool             leaving;
    void           (*on_drained)(void *data);
    void            *drained_data;
    uint64_t         since;         /* ms of the loop: it was made */
    unsigned         failures;      /* in a row, since the last tick */
    struct care     *cares;
    size_t           ncares;
    size_t           ndue;
    size_t           at;
    size_t           place;         /* which comes next, of all */
    size_t           seen;          /* how many of all were looked through */
    bool             around;        /* again from the first on */
    struct due       due[LIFE_DUE_MAX];
    size_t           nrefused;
    struct refused   refused[LIFE_REFUSED_MAX];     /* that wait for a lock */
};


/* life.c */
int64_t life_now(void);                     /* ms since 1970 */
void care_end(struct care *c);
bool life_looks(const struct token *t);     /* it is looked after */
struct life_rule care_rule(const struct care *c);

struct care *care_new(struct life *life, struct token *t,
    enum care_goal goal);
void care_start(struct care *c);
bool life_has(const struct life *life, const char *name);

/* life_refused.c */
void refused_later(struct care *c);
bool refused_tick(struct life *life);
void refused_free(struct life *life);

/* life_lock.c: got is not called where c has ended of it */
void care_lock(struct care *c, care_got got);
void care_unlock(const struct care *c);
bool care_locked(const struct care *c);
void life_locks(struct life *life);

/* care_call: one call; then is always called, v NULL: it could not even begin
   (why said so in the log) */
void care_call(struct care *c, struct graph_call *call, struct buf *query,
    const struct conf_token *token, const struct conf_app *app,
    care_then then);

/* care_app: whose the token is: by its app id, else the first; NULL: none */
const struct conf_app *care_app(const struct care *c);

/* care_passing: a failure that says nothing of the token, which is left alone
   for a while; so does care_failed: why it was */
bool care_passing(struct care *c, const struct verdict *v);
void care_failed(struct care *c, const char *why);
void life_soon(struct life *life);

/* care_later: not looked at again by this process for ms */
void care_later(struct care *c, uint64_t ms);

/* token_check.c: next once Meta has said what it thinks of the token */
void check_begin(struct care *c);

/* token_refresh.c: otherwise where it was not renewed */
void refresh_begin(struct care *c, care_next next);

/* token_derive.c: a token of which others come; one whose own has come anew;
   a number's that is the business's; a Page's, from its user's */
bool derive_gives(const struct token *t);
bool derive_due(const struct life *life, const struct token *t);
bool copy_same(const struct care *c);
bool copy_begin(struct care *c);
void derive_begin(struct care *c, care_next next, care_next otherwise);
bool derive_possible(const struct care *c);
bool derive_lasts(const struct care *c);    /* and what comes of it lasts */

void derive_failed(struct care *c, const char *why, bool passes);
bool derive_take(struct care *c, const struct json *root);
void derive_call(struct care *c, struct graph_call *call, struct buf *query,
    care_then then);

/* token_owned.c: the Pages of the user's businesses */
void owned_begin(struct care *c);

/* care_put stores secret in its place, and goes on with c->next, or with
   c->otherwise where another one has come meanwhile */
void care_put(struct care *c, struct str secret, int64_t expires,
    const char *from);

/* token_lost.c */
void lost_begin(struct care *c);

/* token_links.c: accounts that belong to it, asked of Meta */
void links_begin(struct care *c, care_next next);


#endif /* LIFE_OWN_H */
