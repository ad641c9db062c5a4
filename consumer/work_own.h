/* What the files of the worker share, and nobody else sees. */

#ifndef WORK_OWN_H
#define WORK_OWN_H

#include "work.h"
#include "event.h"
#include "flow.h"
#include "idem.h"
#include "job.h"
#include "know.h"
#include "lanes.h"
#include "letter.h"
#include "plan.h"
#include "reply.h"
#include "result.h"
#include "script.h"
#include "token.h"
#include "view.h"


/* what comes when the item runs again */
enum phase {
    PHASE_BEGIN,    /* the item has not been looked at */
    PHASE_STEP,     /* the step at begins */
    PHASE_MARKED    /* Redis has the mark of the step at; nothing has left */
};

/* begins with ops->open; ends with one of end_*, wait_*, or work_gone */
struct work {
    struct worker            *worker;
    struct desk              *desk;
    struct item              *item;
    struct conf              *conf;
    bool                      is_job;
    struct record             record;   /* of an event */
    struct job                job;
    struct fault              fault;    /* of a job that cannot be read */
    bool                      faulty;
    struct plan               plan;
    enum phase                phase;
    void                    (*marked)(struct work *w);
    bool                      running;  /* counted in worker->running */
    uint64_t                  began;    /* ms, our clock */
    unsigned                  calls;    /* made by this process */
    size_t                    expired;  /* rules that came too late */
    size_t                    left;     /* steps that guard.c left out */
    struct known             *known;    /* each person, and each status;
                                           NULL: not asked */
    size_t                    nknown;
    size_t                   *known_of; /* by event: which of them */
    struct known              whom;     /* whom the step at writes to, where
                                           that is asked by itself */
    char                     *whom_name;
    size_t                    questions;    /* answers that are awaited */
    bool                      unanswered;   /* one of them did not come */
    void                    (*told)(struct work *w);    /* after the last */
    size_t                    echo;     /* events before it were looked at */
    void                    (*echoed)(struct work *w);  /* once all were */

    /* of the step at */
    struct reply_call         call;
    bool                      has_call;
    struct target             target;
    const struct conf_token  *token;
    const struct conf_app    *app;
    bool                      uploading;    /* the call is of its file */
    bool                      asking;   /* the lanes were asked for room */
    bool                      flying;   /* its call is under way */
    bool                      on_wire;  /* it has a call's place */
    bool                      in_turn;  /* it waits for one */
    struct work              *next_turn;
    uint64_t                  wakes;    /* ms of the loop; 0: no nap */
    struct work              *next_nap;
    struct ask_line          *ask;      /* it asks a handler, or waits to */
    bool                      ask_waits;
    uint64_t                  ask_until;    /* ms of the loop */
    size_t                    ask_step;     /* of the last answer ... */
    long                      ask_status;   /* ... its HTTP status, or 0 */
    struct work              *next_ask;
    bool                      waits;    /* for a receipt, in the window */
    uint64_t                  waits_until;  /* ms of the loop; 0: not begun */
    struct work              *next_wait;
    char                     *ref;      /* of work_ref, NULL: none yet */
    size_t                    foreign;  /* 1 and the event whose comment is
                                           known not to be ours; 0: none */
    bool                      ours;     /* that of the step at is */
    struct flow              *flow;     /* it connects a number */
    void                    (*shared)(struct work *w);  /* once it has */
    struct lane_line         *line;     /* it came from there */
    struct lanes              lanes;    /* last, for it is large: not zeroed */
};


/* work.c */
struct work *work_new(struct desk *desk, struct item *item);
void work_next(struct work *w);
void work_free(struct work *w);

/* work_gone: the item is not ours any more, or we are leaving: w is freed */
bool work_gone(struct work *w);

/* work_mark: Redis gets the plan as it is, then next is called, or the work
   ends because the item is not ours any more */
void work_mark(struct work *w, const struct queue_push *push, size_t n,
    void (*next)(struct work *w));
bool work_untold(const struct work *w);
long long work_now(void);                       /* ms since 1970 */
long long work_time(const struct work *w);      /* when it happened */
const struct event *work_event(const struct work *w, const struct step *step);
struct str work_ref(struct work *w);            /* what Meta gives back */

/* work_open.c: what comes in */
enum open_rc work_open(void *data, struct item *item);
void work_read(struct work *w, enum record_rc *rc);
void work_unread(struct work *w);

/* work_ids.c: what dedupe knows the item by */
void ids_tell(struct work *w);
void ids_end(struct work *w);           /* it was worked */

/* work_place: what may be done for an event (work_decide.c) */
struct action_place work_place(const struct event *event,
    enum action_from from);

/* work_decide.c: NULL, or what is wrong, and *reason names it */
const char *decide_event(struct work *w, const char **reason);
bool work_long(const struct work *w);   /* it is decided in parts */
void decide_count(struct work *w);              /* it came in */
bool decide_job(struct work *w);                /* false: w->fault */
bool decide_values(struct work *w);     /* of the step at; false: w is freed,
                                           or goes on by itself */

/* work_know.c: who the people of the work are.  know_begin asks for those of
   an event that begins, where something could use it; guard_begin for whom the
   step at writes to, and whether it may.  next goes on, at once where nothing
   has to be asked; work_known is never NULL, work_known_event is where nobody
   is known, and of a job */
void know_begin(struct work *w, void (*next)(struct work *w));
void guard_begin(struct work *w, void (*next)(struct work *w));
const struct known *work_known(const struct work *w, const struct step *step);
struct known *work_known_event(const struct work *w, const struct step *step);
bool know_missing(const struct work *w, const struct event *e);
void know_receipt(struct work *w, size_t which, struct event *e,
    enum know_word word, const struct str *args);
void know_forget(struct work *w);

/* know_names: whom the step at writes to, as the first five and the ninth
   argument of KNOW_PERSON */
void know_names(const struct work *w, struct str args[KNOW_ARGS_MAX]);

/* guard.c */
#define GUARD_BY_MAX  64
bool guard_wanted(const struct work *w);        /* it reaches a person */
bool guard_counts(const struct work *w);        /* by itself */
const char *guard_template(const struct work *w);
bool guard_instead(struct work *w);     /* it went on with that */
void guard_leave(struct work *w, const char *why);
/* e NULL: a job's */
void guard_by(const struct plan *plan, size_t at, const struct event *e,
    char out[GUARD_BY_MAX]);
void guard_judge(struct work *w, const struct known *known,
    void (*next)(struct work *w));

/* receipt.c: what was sent has an id, or was refused; what events say of it */
void receipt_sent(struct work *w, struct str message, const struct verdict *v);
/* an echo that may be of an ambiguous send: NULL where it names no message or
   nobody.  Where it is, the message of that step has a record as others have;
   e is the step's event, NULL: a job */
struct receipt_echo *receipt_echo(const struct work *w,
    const struct event *e);
void receipt_settled(struct worker *worker, const struct receipt_echo *echo,
    struct str ref, const struct plan *plan, size_t at,
    const struct event *e);
bool receipt_refused(struct work *w, const struct verdict *v);  /* the window
                                                               is closed */
void receipt_ask(struct work *w, size_t which, struct event *e);
void receipt_templates(struct work *w);     /* paused, back, recategorized */
void receipt_known(struct work *w, size_t which, struct event *e,
    const struct reply *answer);

/* work_call.c: steps that take a call to Graph */
void call_begin(struct work *w);
void call_send(struct work *w);
const struct conf_app *call_app(const struct work *w,    /* whose proof */
    const struct conf_token *token);
void call_forget(struct work *w);       /* out of turn and nap */
void call_turn(struct worker *worker);  /* a place is free */
void call_alarm(uv_timer_t *timer);

/* work_exchange.c: the step at renews a token of the store */
void exchange_begin(struct work *w);

/* work_comment.c */
int comment_check(struct work *w, const struct step *step, struct fault *f);
void call_usage(void *data, const struct usage *usage,
    const struct conf_token *token, const struct graph_call *call);

/* work_save.c: an event's media as files, before a handler gets it.
   save_wanted: there are some that nobody has fetched or given up.  save_start
   calls then once, perhaps before it returns: ms > 0: again, after that time.
   save_view: the files that are there, and b, are the caller's to free */
bool save_wanted(const struct work *w);
void save_start(struct work *w, void (*then)(struct work *w, uint64_t ms));
const struct str *save_view(const struct work *w, struct buf *b);
/* work_upload.c: a step's file goes first */
bool upload_needed(const struct work *w);
bool upload_write(struct work *w);
void upload_good(struct work *w, const struct verdict *v);
bool upload_again(struct work *w, const struct verdict *v);

/* work_ask.c: steps that ask a handler or an assistant.  ask_room: how many
   more may ask the one whose lane it is; SIZE_MAX where it is nobody's */
void ask_begin(struct work *w);
void ask_over(struct work *w);          /* it has its answer */
void ask_forget(struct work *w);        /* it waits for nobody any more */
size_t ask_room(struct worker *worker, const char *lane);
void ask_note(const struct work *w, const char *reason, char *out,
    size_t size);
void asks_start(struct worker *worker);
void asks_leave(struct worker *worker); /* who waits for one is left */
void asks_stop(struct worker *worker);

/* work_assist.c: the step at asks an assistant; its place is had, and given
   back by ask_over */
size_t assist_room(struct worker *worker, const struct conf_assistant *a);
void assist_call(struct work *w);
void assists_stop(struct worker *worker);

/* work_answer.c: what comes of that becomes steps.  Label NULL: the fallback;
   text NULL: the writer was not asked */
void answer_begin(struct work *w, const struct conf_assistant *a,
    const struct conf_label *label, const char *text);

/* work_talk.c: steps that change a conversation; echo_begin looks whether
   somebody else has written in it */
struct conversation;
void talk_of(const struct work *w, const struct step *step,
    struct conversation *talk);
void talk_begin(struct work *w);
void echo_begin(struct work *w, void (*next)(struct work *w));

/* work_configure.c: the step at connects a number by a token that it holds;
   share_begin: Meta says that a WABA is shared with us, or no more; next goes
   on, at once where the event is another one */
void configure_begin(struct work *w);
void configure_seal(const struct work *w);
bool configure_blank(const struct work *w);
void share_begin(struct work *w, void (*next)(struct work *w));

/* work_outcome.c */
void outcome_verdict(struct work *w, const struct verdict *v);
void outcome_unknown(struct work *w, const struct verdict *v);
void outcome_again(struct work *w, uint64_t ms, unsigned tries,
    const char *why, const struct verdict *v);

/* work_wait.c: the item leaves the window, w is freed */
void wait_retry(struct work *w, uint64_t ms, const char *why);
void wait_until(struct work *w, uint64_t ms);   /* a job that is for later */
void wait_receipt(struct work *w, uint64_t ms, bool loose);
void wait_lane(struct work *w, const struct lane *lane, uint64_t ms);
bool line_before(const struct work *w, const char *lane);   /* older ones are
                                           held there, w is not from there */
void line_join(struct work *w);         /* it came back from a lane */
void line_leave(struct work *w);
void line_open(void *data, const char *lane, size_t n);
void line_found(void *data, struct queue *q, const struct str *lanes,
    size_t n);
void line_woken(void *data, struct queue *q, const char *lane, bool any);
void lines_look(struct worker *worker);
void lines_drop(struct worker *worker);

/* callbacks.c: of a list of kind callbacks */
void callback_begin(struct work *w);

/* work_end.c: the item's work is over, w is freed */
void end_good(struct work *w);
void end_callback(struct work *w);      /* well, and it is remembered */
void end_expired(struct work *w);
void end_fault(struct work *w, const char *reason, const struct fault *fault);
void end_refused(struct work *w, const char *reason,
    const struct fault *fault);         /* known to fail: it was not tried */
void end_dead(struct work *w, const char *reason, const char *text,
    const struct verdict *v);
void end_duplicate(struct work *w, struct str earlier);
void end_buried(struct work *w, const char *reason,
    const struct fault *fault, const char *text, const struct verdict *v);
void end_result_step(const struct step *step, struct result_step *out);

/* work_fail.c */
bool fail_event(struct work *w, const char *reason, const char *text,
    const struct verdict *v);
void fail_end(struct work *w);

/* work_rate.c */
void rate_ask(struct work *w, const struct lane *lane);
void rates_free(struct worker *worker);

/* work_settle.c */
void settle_start(struct worker *worker, const struct redis_target *target);
void settle_stop(struct worker *worker);
void settle_note(struct work *w);       /* it is about to be buried */
bool settle_heard(struct work *w);      /* what is ambiguous was done */

/* sent_by: whose send it is; job and event may be NULL */
struct str sent_by(const struct step *step, const struct job *job,
    const struct event *e);
void settle_event(struct work *w);

/* wait_for.c: the step at has sent a message, and waits for how far it gets */
void wait_sent(struct work *w, struct str message, struct str answer);
void wait_begin(struct work *w);
void wait_forget(struct work *w);
void wait_heard(struct worker *worker, struct str account,
    struct str message);
void wait_look(uv_timer_t *timer);

/* work_log.c */
void work_log(const struct work *w, enum log_level level,
    const char *outcome, const char *more);
void work_log_failed(const struct work *w);     /* its statuses say so */
void work_log_late(const struct work *w, const char *what, size_t n);
void work_log_call(const struct work *w, const struct verdict *v);


#endif /* WORK_OWN_H */
