/* What was decided for an item and how far that has come: the blob that
   stands in {Q}:state, so that nobody is asked twice and nothing is sent
   twice. */

#ifndef PLAN_H
#define PLAN_H

#include "action.h"


/* a blob with more steps is not ours */
#define PLAN_STEPS_MAX   10000
#define PLAN_BLOB_MAX    (8 * 1024 * 1024)

/* of it for what comes later: a message's id for each step, answers of a job's
   100, the lane */
#define PLAN_LATER       (PLAN_BLOB_MAX / 3)

/* memory that reading a blob may take, many times its text where that is
   numbers; what is a good deal shorter surely has room in it */
#define PLAN_TREE_MAX    (64 * 1024 * 1024)
#define PLAN_SURE        (PLAN_TREE_MAX / 64)

/* what is kept of Meta's answer, for the result of a job */
#define PLAN_ANSWER_MAX  4096


#define STEP_SAVED  99

enum step_state {
    STEP_OPEN,      /* nothing of it has left, or it may be repeated */
    STEP_SENT,      /* it may have left: nobody sends it again unasked */
    STEP_WAIT,      /* it was sent, and waits for how far its message gets */
    STEP_DONE,
    STEP_EXPIRED,   /* too late: it was left out */
    STEP_LEFT,      /* left out for another reason, which the log has */
    STEP_CLOSED,    /* the window is closed: the rule's template goes */
    STEP_FAILED     /* for good, or behind one of its event that did */
};

struct step {
    size_t                event;    /* of the record, from 0 */
    size_t                rule;     /* from 1, as in the file; 0: none */
    const struct action  *action;
    struct action        *own;      /* the same, where the plan owns it */
    enum step_state       state;
    long long             until;    /* ms since 1970, 0: never too late */
    bool                  loose;    /* a retry holds nobody back */
    bool                  resend;   /* where nobody knows whether it left */
    char                 *save;     /* owned; call: the directory that media
                                       is saved to before it, NULL */
    unsigned long         save_max; /* bytes of one of them */
    unsigned              saves;    /* how often that failed; STEP_SAVED: it
                                       is over */
    bool                  values;   /* they are still to be filled in, and
                                       did not fit when it was decided */
    bool                  files;    /* it may name any file of this machine */
    bool                  again;    /* its file was uploaded twice */
    char                 *media;    /* owned; Meta's id of its file, NULL */
    bool                  instead;  /* the rule's fallback_template: only where
                                       a step of it was STEP_CLOSED */
    char                 *message;  /* owned; Meta's id of what it made */
    char                 *reached;  /* owned; how far that got, for a step
                                       that waited; NULL: it did not */
    long long             waits;    /* of STEP_WAIT: until when, at most */
    char                 *answer;   /* owned; JSON, Meta's body; NULL */
    char                 *error;    /* owned; JSON, of work_fail.c: why it
                                       failed; NULL */
};

struct plan {
    struct step  *steps;
    size_t        n;
    size_t        room;
    size_t        at;           /* the first that is not done */
    size_t        matched;      /* rules that matched, for all events */
    size_t        more;         /* the first event that is still to be decided,
                                   when all this is done; 0: none */
    unsigned      attempts;     /* calls that were made, repeated ones too */
    unsigned      tries;        /* of the step at, since the one before it */
    unsigned      errors;       /* those of them that Graph answered */
    char         *lane;         /* owned; where it waited last, NULL */
    const char   *why;          /* it waits, while it is written; or NULL */
    struct conf_list  replaced; /* struct action *, owned: steps that come
                                   later may still speak of them */
    bool          decided;      /* the steps are all there is to do */
    bool          stored;       /* Redis has it as it is now */
};


/* plan_read: -1 if the blob is none of ours; the plan must be zeroed */
int plan_read(struct plan *plan, struct str blob);
void plan_write(const struct plan *plan, struct buf *b);

/* plan_add: NULL if there are PLAN_STEPS_MAX; the action must outlive the
   plan.  plan_insert takes the actions over, behind the step at */
struct step *plan_add(struct plan *plan, size_t event, size_t rule,
    const struct action *action);
int plan_insert(struct plan *plan, struct action *actions, size_t n);

/* plan_replace: those in the place of the step at; -1: no room */
int plan_replace(struct plan *plan, struct action *actions, size_t n);

/* plan_fits: it can be written, to its end, and read back.  plan_withdraw takes
   back what was inserted behind the step at */
bool plan_fits(const struct plan *plan);
void plan_withdraw(struct plan *plan, size_t n);

/* plan_done: the step at is done; message and answer may be empty */
void plan_done(struct plan *plan, struct str message, struct str answer);

/* plan_waits: the step at was sent, and is done when plan_reached says how far
   its message got */
void plan_waits(struct plan *plan, struct str message, struct str answer,
    long long until);
void plan_reached(struct plan *plan, struct str state);

/* plan_skip: the step at is left out, it is too late for it */
void plan_skip(struct plan *plan);
void plan_leave(struct plan *plan);     /* for another reason */
void plan_close(struct plan *plan);     /* the window is closed */

/* plan_alone: no step behind the one at is another event's.  plan_fail: the
   step at failed for good, so all of its event ends here.  plan_failed: the
   first that did, or n */
bool plan_alone(const struct plan *plan);
void plan_fail(struct plan *plan, struct str error);
size_t plan_failed(const struct plan *plan);

/* plan_renew: all is done, and the next events can be decided; its pushes stay.
   plan_pushes: the list gets the record already */
void plan_renew(struct plan *plan);
bool plan_pushes(const struct plan *plan, const char *list);

/* plan_instead: there is a step behind the one at that goes where the window
   is closed.  plan_needs: the step at is no such step, or has to go */
bool plan_instead(const struct plan *plan);
bool plan_needs(const struct plan *plan);

void plan_free(struct plan *plan);


#endif /* PLAN_H */
