/* Steps that change a conversation: its tags and its pause; and echoes of what
   somebody else wrote, who answers from now on. */

#include "work_own.h"
#include "conversation.h"

#include <stdio.h>


/* an echo may be here before what was sent has its record */
#define ECHO_WAIT_MS  2000
#define ECHO_PAUSE    (12ul * 3600 * 1000)


/* of a group it is the group's, of a person that under which all is kept */
static struct str person_of(const struct work *w, const struct step *step)
{
    struct str           to = w->job.to;
    const struct event  *e = work_event(w, step);
    const struct known  *known = work_known(w, step);

    if (e != NULL && e->group.len) {
        return e->group;
    }

    if (known->user.len) {
        return known->user;
    }

    return e != NULL ? e->user
           : to.len && to.at[0] == '+'
           ? (struct str) { to.at + 1, to.len - 1 } : to;
}


/* talk_of: whose conversation a step is of */
void talk_of(const struct work *w, const struct step *step,
    struct conversation *talk)
{
    const struct event  *e = work_event(w, step);

    conversation_of(talk, w->worker->redis, w->conf,
                    e != NULL ? e->product
                    : target_product(w->conf, w->job.account, w->job.to),
                    e != NULL ? e->account : w->job.account,
                    person_of(w, step));
}


static void on_talk(void *data, const struct reply *reply)
{
    struct work                *w = data;
    struct conversation_state   state;

    if (work_gone(w)) {
        return;
    }

    if (!conversation_read(reply, &state)) {
        wait_retry(w, 1000, "redis");
        return;
    }

    if (!state.done && w->plan.steps[w->plan.at].action->kind == ACTION_TAG) {
        work_log(w, LOG_WARN, "tag", " why=50_tags_are_all");
    }

    plan_done(&w->plan, NONE, NONE);
    work_mark(w, NULL, 0, work_next);
}


/* talk_begin: to be done twice changes nothing, so nothing is marked before */
void talk_begin(struct work *w)
{
    int                   rc = -1;
    char                  by[32];
    struct conversation   talk;
    const struct step    *step = &w->plan.steps[w->plan.at];
    const struct action  *a = step->action;

    talk_of(w, step, &talk);
    snprintf(by, sizeof(by), w->is_job ? "job" : "rule %zu", step->rule);

    if (talk.key[0] == '\0') {
        end_dead(w, "record", "it is nobody's conversation", NULL);
        return;
    }

    if (a->kind == ACTION_PAUSE) {
        rc = conversation_pause(&talk, a->pause_ms, by, "", on_talk, w);

    } else if (a->kind == ACTION_RESUME) {
        rc = conversation_resume(&talk, on_talk, w);

    } else {
        rc = conversation_tag(&talk, a->name, a->kind == ACTION_TAG, on_talk,
                              w);
    }

    if (rc != 0) {
        wait_retry(w, 1000, "redis");
    }
}


static bool conf_bots(const struct conf *conf)
{
    size_t              i;
    const struct rule  *rules = conf->rules.at;

    for (i = 0; i < conf->rules.n && !rules[i].bot; i++) { }

    return conf->assistants.n > 0 || i < conf->rules.n;
}


static unsigned long echo_length(const struct conf *conf)
{
    size_t                        i;
    unsigned long                 ms = conf->assistants.n ? 0 : ECHO_PAUSE;
    const struct conf_assistant  *a = conf->assistants.at;

    for (i = 0; i < conf->assistants.n; i++) {
        ms = a[i].pause_ms > ms ? a[i].pause_ms : ms;
    }

    return ms;
}


/* what is left of the pause of an echo that came late; 0: it is over */
static unsigned long echo_left(const struct conf *conf, const struct event *e)
{
    unsigned long  ms = echo_length(conf);
    long long      age = e->time ? work_now() - e->time : 0;

    return age <= 0 ? ms : (unsigned long) age < ms ? ms - age : 0;
}


enum author {
    AUTHOR_WE,
    AUTHOR_OTHER,       /* a person, or another program */
    AUTHOR_UNKNOWN
};

/* the app writes API sends into WhatsApp's echoes never, and what we gave
   Meta is in those of Messenger (meta-webhooks-and-messaging.md 3, 4) */
static enum author echo_author(const struct work *w, const struct event *e)
{
    size_t                  i;
    const struct conf_app  *apps = w->conf->apps.at;

    if (e->product == PRODUCT_WHATSAPP) {
        return AUTHOR_OTHER;
    }

    if (e->ref.len) {
        return AUTHOR_WE;
    }

    if (e->app.len == 0 || (w->conf->apps.n == 0 && w->record.app.len == 0)) {
        return AUTHOR_UNKNOWN;
    }

    for (i = 0; i < w->conf->apps.n; i++) {
        if (str_is(e->app, apps[i].id)) {
            return AUTHOR_WE;
        }
    }

    return str_equal(e->app, w->record.app) ? AUTHOR_WE : AUTHOR_OTHER;
}


static void echo_next(struct work *w);


static void echo_turn(void *data, const struct reply *reply)
{
    (void) data;
    (void) reply;
}


static void on_pause(void *data, const struct reply *reply)
{
    struct work                *w = data;
    struct conversation         talk;
    const struct event         *e = &w->record.events[w->echo];
    struct conversation_state   state;

    if (work_gone(w)) {
        return;
    }

    if (!conversation_read(reply, &state)) {
        wait_retry(w, 1000, "redis");
        return;
    }

    if (state.done) {
        work_log(w, LOG_INFO, "paused", " by=human");
        talk_of(w, &(struct step) { .event = w->echo }, &talk);
        if (e->text.len && conversation_said(&talk, e->id, e->text, true,
                                             echo_turn, NULL) != 0)
        {
            work_log(w, LOG_DEBUG, "paused", " turn=lost");
        }
    }

    w->echo++;
    echo_next(w);
}


/* nobody says who wrote it: what we sent has a record, soon */
static void on_record(void *data, const struct reply *reply)
{
    struct work                *w = data;
    struct conversation_state   state;

    if (work_gone(w)) {
        return;
    }

    if (conversation_read(reply, &state) && state.done) {
        w->echo++;
        echo_next(w);
        return;
    }

    w->plan.tries = 1;
    w->plan.stored = false;
    wait_retry(w, ECHO_WAIT_MS, "echo");
}


static bool echo_call(struct work *w, const struct event *e)
{
    int                   rc;
    char                  record[CONVERSATION_KEY_MAX] = "";
    enum author           author = echo_author(w, e);
    unsigned long         left = echo_left(w->conf, e);
    struct conversation   talk;

    if (author == AUTHOR_WE || left == 0) {
        return false;
    }

    talk_of(w, &(struct step) { .event = w->echo }, &talk);
    if (talk.key[0] == '\0') {
        return false;
    }

    if (author == AUTHOR_UNKNOWN) {
        snprintf(record, sizeof(record), "meta:message:%.*s:%.*s",
                 (int) e->account.len, e->account.at, (int) e->id.len,
                 e->id.at);
    }

    rc = author == AUTHOR_UNKNOWN && w->plan.tries == 0
         ? conversation_look(&talk, record, on_record, w)
         : conversation_pause(&talk, left, "human", record, on_pause, w);
    if (rc != 0) {
        wait_retry(w, 1000, "redis");
    }

    return true;
}


/* comments and posts of the account are no conversation */
static void echo_next(struct work *w)
{
    const struct event  *e;

    for (; w->echo < w->record.nevents; w->echo++) {
        e = &w->record.events[w->echo];

        if (e->kind == KIND_ECHO && e->user.len && e->comment.id.len == 0
            && e->comment.post.len == 0 && !queue_seen(w->item, w->echo)
            && echo_call(w, e))
        {
            return;
        }
    }

    w->plan.tries = 0;
    w->echoed(w);
}


/* echo_begin: whoever wrote in our place answers from then on; what is
   replayed says nothing of now */
void echo_begin(struct work *w, void (*next)(struct work *w))
{
    w->echo = 0;
    w->echoed = next;

    if (conf_bots(w->conf) && !w->record.replay) {
        echo_next(w);
    } else {
        next(w);
    }
}
