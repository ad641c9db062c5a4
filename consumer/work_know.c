/* Who the people of an item are: asked of Redis before it is decided what is
   done for them, and before something is sent to them; what the event says of
   them goes with it. */

#include "work_own.h"

#include <stdio.h>
#include <stdlib.h>


/* what is known of somebody may be that old when something is sent */
#define KNOW_FRESH_MS   5000

/* who cannot be asked about is asked about again after that */
#define KNOW_AGAIN_MS   1000


/* an answer that is awaited */
struct question {
    struct work   *work;
    size_t         which;       /* of work->known */
    struct event  *receipt;     /* whose message it is about; NULL: a person */
};

/* what the events of a record say of one person */
struct person {
    struct event  *event;       /* the first one */
    struct str     name;
    long long      until;
    long long      optout;        /* below zero: wanted again; 0: not said */
};


/* never 0, which is that nothing was asked */
static uint64_t know_now(const struct work *w)
{
    uint64_t  now = uv_now(w->worker->loop);

    return now ? now : 1;
}


/* the last answer is there: on it goes */
static void know_told(struct work *w, bool good)
{
    w->unanswered |= !good;
    if (--w->questions > 0 || work_gone(w)) {
        return;
    }

    if (w->unanswered) {
        w->unanswered = false;
        know_forget(w);
        wait_retry(w, KNOW_AGAIN_MS, "redis");
        return;
    }

    w->told(w);
}


static void on_answer(void *data, const struct reply *answer)
{
    struct question  *q = data;
    struct work      *w = q->work;
    struct known     *known = &w->known[q->which];

    if (answer != NULL) {
        if (q->receipt != NULL) {
            receipt_known(w, q->which, q->receipt, answer);
        } else {
            known_person(known, answer, work_now());
        }
        known->asked = know_now(w);
    }

    free(q);
    know_told(w, answer != NULL);
}


static void know_ask(struct work *w, size_t which, struct event *receipt,
    enum know_word word, const struct str *args)
{
    struct question  *q = mem_alloc(sizeof(*q));

    *q = (struct question) { w, which, receipt };
    w->questions++;
    know_say(w->worker->know, word, args, on_answer, q);
}


/* of whom nothing is to be known, or whom it does not say */
static bool is_about_somebody(const struct event *e)
{
    return e->account.len && (e->user.len || e->phone.len || e->bsuid.len
                              || e->group.len)
           && e->kind != KIND_STATUS && e->kind != KIND_READ
           && e->kind != KIND_DELIVERY && e->kind != KIND_HISTORY
           && e->kind != KIND_STANDBY && e->kind != KIND_TEST;
}


/* person_names says who it is: WhatsApp's have two names */
static void person_names(struct str *args, const struct event *e)
{
    bool  whatsapp = e->product == PRODUCT_WHATSAPP;

    args[0] = STR(product_name(e->product));
    args[1] = e->account;
    args[2] = whatsapp ? NONE : e->user;
    args[3] = whatsapp ? e->phone : NONE;
    args[4] = whatsapp ? e->bsuid : NONE;
}


static struct str digits_of(char out[24], long long n)
{
    return (struct str) { out, (size_t) snprintf(out, 24, "%lld", n) };
}


/* so many bytes of a name are kept */
static struct str name_cut(struct str name)
{
    size_t  n = 0, more;

    while (n < name.len) {
        more = json_utf8((struct str) { name.at + n, name.len - n });
        if (more == 0 || n + more > 200) {
            break;
        }
        n += more;
    }

    return (struct str) { name.at, n };
}


static void person_ask(struct work *w, size_t which, const struct person *p)
{
    char                 until[24], stop[24];
    struct str           args[KNOW_ARGS_MAX];
    const struct event  *e = p->event;

    person_names(args, e);
    args[5] = e->prev_phone;
    args[6] = e->prev_bsuid;
    args[7] = name_cut(p->name);
    args[8] = e->group;
    args[9] = digits_of(until, p->until);
    args[10] = STR("0");
    args[11] = p->optout ? digits_of(stop, p->optout) : NONE;
    args[12] = e->waba.len && know_home(w->worker->know, e->account, e->waba)
               ? e->waba : NONE;
    args[13] = NONE;
    know_ask(w, which, NULL, KNOW_PERSON, args);
}


static bool person_same(const struct event *a, const struct event *b)
{
    return str_equal(a->user, b->user) && str_equal(a->phone, b->phone)
           && str_equal(a->bsuid, b->bsuid) && str_equal(a->group, b->group)
           && str_equal(a->account, b->account)
           && str_equal(a->prev_phone, b->prev_phone)
           && str_equal(a->prev_bsuid, b->prev_bsuid);
}


static uint32_t text_hash(uint32_t hash, struct str s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        hash = (hash ^ (unsigned char) s.at[i]) * 16777619u;
    }

    return hash;
}


/* each person once, however many messages are theirs; half of the slots are
   free at least */
static size_t person_find(const struct work *w, struct person *people,
    uint32_t *slots, const struct event *e)
{
    size_t    i, n = 2 * w->record.nevents;
    uint32_t  hash = text_hash(text_hash(2166136261u, e->user), e->phone);

    for (i = hash % n; slots[i] != 0; i = (i + 1) % n) {
        if (person_same(people[slots[i] - 1].event, e)) {
            return slots[i] - 1;
        }
    }

    slots[i] = (uint32_t) (w->nknown + 1);

    return w->nknown;
}


/* times of a clock that is wrong would open it for ever */
static long long event_ms(const struct work *w, const struct event *e)
{
    long long  ms = e->time ? e->time : work_time(w), now = work_now();

    return ms > 0 && ms < now ? ms : now;
}


static void person_say(struct work *w, struct person *p,
    const struct event *e)
{
    long long  ms = event_ms(w, e);

    p->name = e->name.len ? e->name : p->name;

    if (kind_opens(e->kind) && ms + KNOW_WINDOW_MS > p->until) {
        p->until = ms + KNOW_WINDOW_MS;
    }

    if (e->kind == KIND_PREFERENCE) {
        p->optout = str_is(e->state, "stop") ? ms : -ms;
    }
}


/* know_begin goes on when it is known who its events are about */
void know_begin(struct work *w, void (*next)(struct work *w))
{
    size_t          i, n = w->record.nevents;
    uint32_t       *slots;
    struct person  *people;
    struct event   *e;

    if (!w->conf->people || n == 0) {
        next(w);
        return;
    }

    know_conf(w->worker->know, w->conf->messages_ms, w->conf->replies_max);
    know_forget(w);
    w->told = next;
    w->known = mem_alloc(n * sizeof(*w->known));
    w->known_of = mem_alloc(n * sizeof(*w->known_of));
    people = mem_alloc(n * sizeof(*people));
    slots = mem_alloc(2 * n * sizeof(*slots));

    for (i = 0; i < n; i++) {
        e = &w->record.events[i];

        if (is_about_somebody(e)) {
            w->known_of[i] = person_find(w, people, slots, e);
        } else {
            w->known_of[i] = w->nknown;     /* a status has its own */
        }

        if (w->known_of[i] == w->nknown) {
            people[w->nknown++] = (struct person) { .event = e,
                                                    .name = NONE };
        }

        person_say(w, &people[w->known_of[i]], e);
    }

    w->questions = 1;       /* nobody is told before all are asked */
    for (i = 0; i < w->nknown; i++) {
        if (is_about_somebody(people[i].event)) {
            person_ask(w, i, &people[i]);
        } else {
            receipt_ask(w, i, people[i].event);
        }
    }

    free(people);
    free(slots);

    if (--w->questions == 0) {
        next(w);
    }
}


/* receipt_ask's way to ask */
void know_receipt(struct work *w, size_t which, struct event *e,
    enum know_word word, const struct str *args)
{
    know_ask(w, which, e, word, args);
}


static const struct known  nobody;


/* work_known_event: of a step of an event, for who learns more of them */
struct known *work_known_event(const struct work *w, const struct step *step)
{
    return !w->is_job && w->known != NULL && step->event < w->record.nevents
           ? &w->known[w->known_of[step->event]] : NULL;
}


/* work_known: of whom a step is for */
const struct known *work_known(const struct work *w, const struct step *step)
{
    const struct known  *known = work_known_event(w, step);

    return w->is_job ? &w->whom : known != NULL ? known : &nobody;
}


/* of which WABA the number is tells the template's lane */
static void whom_target(struct work *w)
{
    if (w->target.waba.len == 0 && w->whom.waba.len) {
        w->target.waba = w->whom.waba;
    }
}


static void on_whom(void *data, const struct reply *answer)
{
    struct work  *w = data;

    if (answer != NULL) {
        known_person(&w->whom, answer, work_now());
        w->whom.asked = know_now(w);
    }

    know_told(w, answer != NULL);
}


/* whom the step at writes to, as know.lua wants it.  Whom an event names is
   known by all that it says of them */
static void whom_names(const struct work *w, struct str *args)
{
    const struct target  *t = &w->target;
    const struct event   *e = work_event(w, &w->plan.steps[w->plan.at]);
    const struct known   *known = work_known(w, &w->plan.steps[w->plan.at]);

    args[0] = STR(product_name(t->product));
    args[1] = t->account;
    args[2] = args[3] = args[4] = args[8] = NONE;

    if (t->address == ADDRESS_GROUP) {
        args[8] = t->to;

    } else if (e != NULL && str_equal(e->to, t->to) && e->user.len) {
        person_names(args, e);
        args[8] = e->group;

    } else if (t->product != PRODUCT_WHATSAPP) {
        args[2] = t->address == ADDRESS_USER_ID ? t->to : NONE;

    } else if (t->address == ADDRESS_PHONE) {
        args[3] = t->to;
        args[4] = str_equal(known->phone, t->to) ? known->bsuid : NONE;

    } else if (t->address == ADDRESS_USER_ID) {
        args[4] = t->to;
    }
}


/* know_names: for what is told of the step at */
void know_names(const struct work *w, struct str args[KNOW_ARGS_MAX])
{
    whom_names(w, args);
}


static bool is_fresh(const struct work *w, const struct known *known)
{
    return known->asked
           && known->asked + KNOW_FRESH_MS > uv_now(w->worker->loop);
}


/* the event's own person is known mostly; who else is written to, and to
   whom later, has to be asked about */
static const struct known *whom_known(struct work *w, const char *template)
{
    struct buf           b;
    bool                 same;
    const struct event  *e = work_event(w, &w->plan.steps[w->plan.at]);
    const struct known  *known = work_known(w, &w->plan.steps[w->plan.at]);

    if (e != NULL && template == NULL && str_equal(e->to, w->target.to)
        && is_about_somebody(e) && is_fresh(w, known))
    {
        return known;
    }

    buf_init(&b, 4096);
    buf_format(&b, "%s:", template != NULL ? template : "");
    buf_str(&b, w->target.account);
    buf_text(&b, ":");
    buf_str(&b, w->target.to);

    same = w->whom_name != NULL
           && str_is((struct str) { b.at, b.len }, w->whom_name);
    if (!same) {
        free(w->whom_name);
        w->whom_name = mem_copy(b.at, b.len);
    }
    buf_free(&b);

    return same && is_fresh(w, &w->whom) ? &w->whom : NULL;
}


/* know_missing: whom a step of that event is for stands in what is asked */
bool know_missing(const struct work *w, const struct event *e)
{
    return w->conf->people && e != NULL && e->kind == KIND_STATUS
           && e->to.len == 0 && w->known == NULL;
}


static void on_comment(void *data, const struct reply *answer)
{
    struct work  *w = data;

    if (answer != NULL) {
        w->ours = reply_str(reply_at(answer, 0)).len > 0;
        w->foreign = w->plan.steps[w->plan.at].event + 1;
    }

    know_told(w, answer != NULL);
}


/* an answer to a comment is a comment, which comes back as an event that may
   not say who wrote it: what we sent has a record */
static bool comment_asked(struct work *w)
{
    struct str           args[KNOW_ARGS_MAX];
    const struct step   *step = &w->plan.steps[w->plan.at];
    const struct event  *e = work_event(w, step);

    if (e == NULL || e->comment.id.len == 0 || w->foreign == step->event + 1) {
        return false;
    }

    args[0] = e->account;
    args[1] = e->comment.id;
    know_conf(w->worker->know, w->conf->messages_ms, w->conf->replies_max);
    w->told = call_begin;
    w->questions = 1;
    know_say(w->worker->know, KNOW_STATE, args, on_comment, w);

    return true;
}


/* guard_begin goes on if the step at may be sent; what is known of whom it
   is for may have to be asked first */
void guard_begin(struct work *w, void (*next)(struct work *w))
{
    const char          *template = guard_template(w);
    struct str           args[KNOW_ARGS_MAX];
    const struct known  *known;

    if (!w->conf->people || !guard_wanted(w)) {
        next(w);
        return;
    }

    if (comment_asked(w)) {
        return;
    }

    if (w->ours) {
        w->ours = false;
        w->foreign = 0;
        guard_leave(w, "own_comment");
        return;
    }

    known = whom_known(w, template);
    if (known != NULL) {
        whom_target(w);
        guard_judge(w, known, next);
        return;
    }

    know_conf(w->worker->know, w->conf->messages_ms, w->conf->replies_max);
    whom_names(w, args);
    args[5] = args[6] = args[7] = args[11] = NONE;
    args[9] = args[10] = STR("0");
    args[12] = w->token->waba != NULL ? STR(w->token->waba) : NONE;
    args[13] = template != NULL ? STR(template) : NONE;

    w->told = call_begin;       /* all of it again, and then it is known */
    w->questions = 1;
    known_clear(&w->whom);
    know_say(w->worker->know, KNOW_PERSON, args, on_whom, w);
}


/* know_forget forgets what was asked */
void know_forget(struct work *w)
{
    while (w->nknown > 0) {
        known_clear(&w->known[--w->nknown]);
    }

    free(w->known);
    free(w->known_of);
    w->known = NULL;
    w->known_of = NULL;

    known_clear(&w->whom);
    free(w->whom_name);
    w->whom_name = NULL;
}
