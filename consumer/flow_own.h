/* What the files of flows share, and nobody else sees. */

#ifndef FLOW_OWN_H
#define FLOW_OWN_H

#include "flow.h"
#include "log.h"
#include "token_answer.h"
#include "token_ask.h"


#define FLOW_REDIS_MS     5000
#define FLOW_ACCOUNTS_MAX 1000      /* Pages or numbers of one login */

enum flow_kind {
    FLOW_FACEBOOK,
    FLOW_BUSINESS,
    FLOW_INSTAGRAM,
    FLOW_SIGNUP,
    FLOW_PIN,               /* a signup goes on */
    FLOW_JOB,
    FLOW_PARTNER
};

/* a Page, an account, a number that came of it */
struct flow_account {
    enum token_kind   kind;
    char             *id;
    char             *name;
    char             *token;        /* its own; NULL: the flow's */
    char             *instagram;    /* linked to it; NULL: none */
    char             *username;     /* of that */
    char             *number;       /* as it is dialled; NULL: not known */
    bool              connected;    /* a number that is registered */
    bool              deaf;         /* it is not subscribed to webhooks */
    bool              taken;        /* somebody else's, and stays so */
};

struct flow;
struct flow_subs;

typedef void (*flow_next)(struct flow *f);
typedef void (*flow_then)(struct flow *f, const struct verdict *v);

/* ends in flow_good, flow_bad or flow_wait_pin; each of its waits is for one
   thing: a call, a timer, Redis, or the store */
struct flow {
    struct flows             *flows;
    struct flow              *next;
    enum flow_kind            kind;
    struct conf              *conf;     /* holds it */
    const struct conf_app    *app;
    const struct conf_token  *app_token;
    char                     *id;       /* NULL: no page follows it */
    char                     *ref;
    char                     *redirect_uri;
    char                     *wanted;   /* permissions that were asked for */
    char                     *denied;   /* of these, as far as we know */
    char                     *secret;   /* the code; then what it became; or a
                                           job's token */
    struct conf_token         as;       /* the same, for a call */
    char                     *given;    /* the PIN that was entered */
    char                     *pin;      /* the PIN that is tried */
    bool                      pin_made; /* by chance, a moment ago */
    bool                      coexists; /* a number of the app, too */
    char                     *waba;
    char                     *phone;    /* as claimed; NULL: not said */
    char                     *business;
    char                     *sharer;   /* the app that a WABA is shared with */
    char                     *parent;   /* NAME of what numbers hang on */
    enum flow_step            step;
    uint64_t                  began;    /* ms of our clock */

    /* what debug_token, or Instagram, says of the secret */
    char                     *user;
    char                     *scopes;
    char                     *targets;
    bool                      system;   /* a system user's: no person */
    int64_t                   issued;
    int64_t                   expires;
    int64_t                   data_expires;

    struct flow_account      *accounts;
    size_t                    naccounts;
    size_t                    at;       /* the one that is worked on */
    size_t                    ndeaf;    /* of the accounts */
    size_t                    nlacks;   /* tokens without a permission */
    size_t                    ntaken;   /* tokens of somebody else's */
    struct flow_subs         *subs;     /* being subscribed to; NULL: none */
    char                    **businesses;   /* whose Pages are asked */
    size_t                    nbusinesses;
    unsigned                  rounds;   /* pages of a list */
    unsigned                  waits;    /* for who registers the same number */
    size_t                    base;     /* accounts of the WABAs before */
    char                     *main_waba;    /* the first of several */
    size_t                    targets_at;   /* those that were looked at */
    char                     *wants_pin;    /* a number's id ... */
    char                     *wants_waba;   /* ... and whose it is */
    char                     *later;    /* numbers that are not registered */

    /* the call, or what is waited for */
    struct graph_call         call;
    struct buf                path;
    struct buf                query;
    struct buf                body;
    bool                      repeats;  /* it may be made again */
    unsigned                  tries;
    flow_then                 then;
    char                     *called;   /* the path of the last call */
    const char               *scope;    /* that is needed */
    flow_next                 checked;
    flow_next                 kept;
    flow_next                 after;
    bool                      flying;
    bool                      asked;    /* Redis or the store answers */
    uv_timer_t                timer;

    struct token             *put;      /* what is being stored */
    const char               *put_event;

    flow_cb                   cb;       /* of a job; NULL: nobody waits */
    void                     *data;
};

struct flows {
    struct graph   *graph;
    struct redis   *redis;
    struct conf    *conf;
    struct flow    *first;
    size_t          n;
    struct flow_word  *words;   /* last ones that Redis has not taken */
    size_t          nwords;
    bool            leaving;
    void          (*on_room)(void *data);
    void           *room_data;
    void          (*on_drained)(void *data);
    void           *drained_data;
};


/* flow_hint.c: what the log adds */
void flow_hint(const struct flow *f, enum flow_error error,
    const struct verdict *v, struct buf *b);
void flow_whose(const struct flow *f, struct buf *b);

/* flow.c: its life.  flow_left: whoever is called back asks it first: true:
   we are leaving, and f is freed */
bool flow_left(struct flow *f);
struct flow *flow_new(struct flows *flows, enum flow_kind kind);
void flow_say(struct flow *f, enum flow_step step);
void flow_good(struct flow *f);
void flow_bad(struct flow *f, enum flow_error error,
    const struct verdict *v);
void flow_wait_pin(struct flow *f);
void flow_ignore(struct flow *f, const char *why);  /* nothing is begun */
struct flow_account *flow_account_add(struct flow *f, enum token_kind kind,
    struct str id, struct str name);
void flow_account_taken(struct flow *f, struct flow_account *a);
void flows_look(struct flows *flows);
void flow_set(char **field, struct str value);      /* NULL where empty */
void flow_secret(struct flow *f, struct str secret);    /* old is wiped */
bool flow_app(struct flow *f, struct str id);
bool flows_room_job(const struct flows *flows);

/* flow_text.c: what its page shows.  flow_accounts returns how many are left
   out */
#define FLOW_NAMED_BYTES  32768
size_t flow_accounts(const struct flow *f, struct buf *b);
size_t flow_taken_count(const struct flow *f);
void flow_good_text(const struct flow *f, size_t more, struct buf *b);
void flow_pin_text(const struct flow *f, struct buf *b);
void flow_bad_text(const struct flow *f, enum flow_error error,
    const struct verdict *v, struct buf *b);

/* flow_owner.c */
bool flow_token_works(const struct token *t);
bool flow_same_person(const struct flow *f, const struct token *old);
bool flow_taken(const struct flow *f, const struct token *old);
const struct token *flow_holder(const struct flow *f, enum token_kind kind,
    struct str id);
bool flow_waba_taken(const struct flow *f, struct str waba);

/* flow_word.c: what its page is told */
void flow_fields(struct flow *f, const struct str *words, size_t n);
void flow_last(struct flow *f, const struct str *words, size_t n);
void flow_words_leave(struct flows *flows);

/* flow_call.c: a call, and times to wait */
void flow_call(struct flow *f, bool repeats, flow_then then);
void flow_get(struct flow *f, const struct conf_token *token,
    const char *path, const char *fields, flow_then then);
void flow_post(struct flow *f, const char *id, const char *edge,
    flow_then then);
void flow_after_ms(struct flow *f, uint64_t ms, flow_next after);
void flow_counted(const struct verdict *v);     /* a call has ended */
void flow_refused(struct flow *f, const struct verdict *v);
struct str flow_business_id(struct flow *f, const struct verdict *v);

/* flow_check.c: debug_token, the same for all but Instagram Login; its end is
   next, or flow_bad */
void flow_check(struct flow *f, const char *scope, flow_next next);

/* flow_keep.c: tokens to the store, one by one */
void flow_keep(struct flow *f, struct token *t, const char *event,
    flow_next next);
struct token *flow_token(const struct flow *f, enum token_kind kind,
    struct str id);

/* flow_business.c: the tokens of one business */
bool flow_waba_good(const struct flow *f, struct str waba);
bool flow_waba_listed(const struct flow *f, const char *waba);
struct token *flow_business(struct flow *f);
struct token *flow_business_waba(struct flow *f);
struct token *flow_business_find(const struct flow *f);

/* the kinds */
void flow_code(struct flow *f);         /* flow_code.c: the code is there */
void flow_declined(struct flow *f);     /* flow_declined.c */
bool flow_declined_it(const struct flow *f, const char *scope);
void flow_facebook(struct flow *f);     /* flow_facebook.c: checked */
void flow_instagram(struct flow *f);    /* flow_instagram.c: short-lived */
void flow_subscribe(struct flow *f);    /* flow_subscribe.c: to webhooks */
bool flow_subs_leave(struct flow *f);   /* true: only that was left to do */
void flow_subs_free(struct flow *f);
bool flow_subs_denied(const struct flow *f);    /* it is not granted */
void flow_signup(struct flow *f);       /* flow_signup.c: it has its token */
bool flow_signup_more(struct flow *f);  /* f->waba: one more was shared */
void flow_pin(struct flow *f);
void flow_whatsapp(struct flow *f);     /* flow_whatsapp.c: WABA known */
bool flow_waba_known(const struct flow *f, const char *waba);
void flow_partner_key(struct buf *b, const char *app, const char *business);
bool flow_of_sharer(const struct flow *f, const struct token *t);
void flow_partner_end(struct flow *f);  /* flow_partner.c: all is stored */


#endif /* FLOW_OWN_H */
