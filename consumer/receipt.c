/* What becomes of a message after Meta has taken it: its record, and what
   statuses, receipts and refusals say of it and of the person. */

#include "work_own.h"
#include "graph_error.h"

#include <stdio.h>
#include <stdlib.h>


#define ECHO_MAX  1024      /* account, person and message */

/* what an echo says of a message; one allocation */
struct receipt_echo {
    enum product  product;
    long long     ms;
    struct str    account;
    struct str    user;
    struct str    message;
};

/* a conversation that may have been stopped by what was sent */
struct counted {
    enum product   product;
    unsigned long  max;
    char           account[40];
    char           person[LOG_PERSON_MAX];
};


static struct str digits_of(char out[24], long long n)
{
    return (struct str) { out, (size_t) snprintf(out, 24, "%lld", n) };
}


static struct str id_end(struct str id)
{
    return id.len <= KNOW_ID_MAX ? id
           : (struct str) { id.at + id.len - KNOW_ID_MAX, KNOW_ID_MAX };
}


/* what an error says of the person (meta-webhooks-and-messaging.md 10.4) */
static const char *error_says(enum product product, long long code,
    long long subcode, unsigned flags)
{
    if (product == PRODUCT_WHATSAPP) {
        return code == 131047 ? "closed" : flags & ERROR_OPT_OUT ? "stop" : "";
    }

    return code == 10 && (subcode == 2018278 || subcode == 2534022)
           ? "closed" : "";
}


static long long number_of(const struct json *j, const char *name)
{
    return strtoll(json_get_text(j, name).at, NULL, 10);
}


static void status_ask(struct work *w, size_t which, struct event *e)
{
    char                           ms[24], code[24] = "", subcode[24] = "";
    bool                           has;
    long long                      c, s;
    struct str                     args[KNOW_ARGS_MAX];
    const struct graph_error_row  *row = NULL;

    has = json_get_text(e->error, "code").len > 0;
    c = number_of(e->error, "code");
    s = number_of(e->error, "error_subcode");
    if (has) {
        row = graph_error_find(e->product, (long) c, s ? (long) s : ERROR_ANY);
        digits_of(code, c);
        if (s) {
            digits_of(subcode, s);
        }
    }

    args[0] = STR(product_name(e->product));
    args[1] = e->account;
    args[2] = e->target.len ? e->target : e->id;
    args[3] = e->state;
    args[4] = digits_of(ms, e->time ? e->time : work_time(w));
    args[5] = STR(code);
    args[6] = STR(subcode);
    args[7] = STR(row != NULL ? graph_class_name(row->cls) : "");
    args[8] = e->phone;
    args[9] = e->bsuid;
    args[10] = id_end(e->ref);
    args[11] = STR(row != NULL ? error_says(e->product, c, s, row->flags)
                   : "");
    args[12] = row != NULL && row->flags & ERROR_OPT_OUT ? STR("marketing")
               : json_text(json_path(e->item, "pricing", "category"));
    know_receipt(w, which, e, KNOW_STATUS, args);
}


/* Messenger's is a time, Instagram's a message's id (sections 4.1, 5) */
static void mark_ask(struct work *w, size_t which, struct event *e)
{
    char        ms[24];
    struct str  args[KNOW_ARGS_MAX];

    args[0] = STR(product_name(e->product));
    args[1] = e->account;
    args[2] = e->user;
    args[3] = STR(e->kind == KIND_READ ? "read" : "delivered");
    args[4] = digits_of(ms, e->watermark ? e->watermark
                        : e->time ? e->time : work_time(w));
    args[5] = e->watermark ? NONE : e->target;
    know_receipt(w, which, e, KNOW_MARK, args);
}


/* receipt_ask tells what an event says of messages, and asks what is known of
   them */
void receipt_ask(struct work *w, size_t which, struct event *e)
{
    if (e->account.len == 0) {
        return;
    }

    if (e->kind == KIND_STATUS && e->state.len && !str_is(e->type, "call")
        && (e->target.len || e->id.len))
    {
        status_ask(w, which, e);

    } else if ((e->kind == KIND_READ || e->kind == KIND_DELIVERY)
               && e->user.len && (e->watermark || e->target.len))
    {
        mark_ask(w, which, e);
    }
}


/* a failed status may name nobody: who was written to is in the record */
static void status_address(struct event *e, const struct known *known)
{
    if (e->address != ADDRESS_NONE || known->user.len == 0
        || e->product != PRODUCT_WHATSAPP)
    {
        return;
    }

    e->user = e->user.len ? e->user : known->user;
    e->phone = e->phone.len ? e->phone : known->phone;
    e->address = e->phone.len || str_digits(known->user) ? ADDRESS_PHONE
                 : ADDRESS_USER_ID;
    e->to = e->phone.len ? e->phone : known->user;
}


/* receipt_known is the answer */
void receipt_known(struct work *w, size_t which, struct event *e,
    const struct reply *answer)
{
    size_t  i;

    if (e->kind == KIND_STATUS) {
        if (known_status(&w->known[which], answer)) {
            status_address(e, &w->known[which]);
        }
        wait_heard(w->worker, e->account, e->target.len ? e->target : e->id);
        return;
    }

    for (i = 0; i < reply_count(answer); i++) {
        wait_heard(w->worker, e->account, reply_str(reply_at(answer, i)));
    }
}


static void on_sent(void *data, const struct reply *answer)
{
    struct counted  *c = data;

    if (answer != NULL && reply_int(reply_at(answer, 1)) > 0) {
        log_write(LOG_ERROR, "a conversation is stopped: %lu automatic replies"
                  " in %d minutes; nothing answers by itself for %d hours, or"
                  " until metactl conversation resume  product=%s account=%s"
                  " user=%s", c->max, KNOW_AUTOS_MS / 60000,
                  (int) (KNOW_STOP_MS / 3600000), product_name(c->product),
                  c->account, c->person);
        stat_add(STAT_AUTO_STOPS, 1);
    }

    free(c);
}


/* when the call left: what comes after it concerns the message */
static long long sent_ms(const struct verdict *v)
{
    return work_now() - (v != NULL && v->ms > 0 ? (long long) v->ms : 0);
}


static void count_auto(struct work *w)
{
    struct known  *known = work_known_event(w, &w->plan.steps[w->plan.at]);

    if (known != NULL && known->asked) {
        known->autos++;
    }
    w->whom.autos++;
}


/* as the lines of the event name him: who is answered below a comment is not
   the comment */
static struct str receipt_whom(const struct work *w)
{
    const struct event  *e = work_event(w, &w->plan.steps[w->plan.at]);

    return e != NULL && w->target.address != ADDRESS_GROUP && e->user.len
           && str_equal(e->to, w->target.to) ? e->user : w->target.to;
}


/* what the step at is done for, as whoever looks for it names it: a change
   may hold several messages */
static void receipt_item(struct buf *b, struct work *w)
{
    const struct event  *e = work_event(w, &w->plan.steps[w->plan.at]);

    buf_init(b, 4096);
    if (e != NULL) {
        view_id(b, &w->record, e);
    } else {
        buf_str(b, w->is_job ? w->job.id : w->record.id);
    }
}


/* receipt_sent: the step at made this message.  Whom WhatsApp's answer names
   by both names is known by both from now on (7.1) */
void receipt_sent(struct work *w, struct str message, const struct verdict *v)
{
    char                 by[GUARD_BY_MAX], ms[24], person[LOG_PERSON_MAX];
    const char          *template = guard_template(w);
    struct str           args[KNOW_ARGS_MAX];
    const struct step   *step = &w->plan.steps[w->plan.at];
    const struct json   *list = json_get(v->root, "contacts");
    struct buf           item;
    struct counted      *c;
    const struct known  *known;

    if (!w->conf->people || message.len == 0 || !guard_wanted(w)
        || !queue_sure(w->item))
    {
        return;
    }

    know_names(w, args);
    if (json_is(list, JSON_ARRAY) && args[4].len == 0) {
        args[4] = json_get_text(list->child, "user_id");
    }

    /* who is known needs not to be looked up again */
    known = work_known(w, step);
    if (known->user.len
        && (args[4].len ? str_equal(args[4], known->user)
            : str_equal(args[3], known->user)
              || str_equal(args[3], known->phone)))
    {
        args[2] = known->user;
    }

    guard_by(&w->plan, w->plan.at, work_event(w, step), by);
    args[5] = args[8];
    args[6] = message;
    args[7] = digits_of(ms, sent_ms(v));
    args[8] = id_end(work_ref(w));
    args[9] = STR(by);
    args[10] = STR(action_name(step->action->kind));
    args[11] = template != NULL ? STR(template) : NONE;
    args[12] = guard_counts(w) ? args[8] : NONE;
    receipt_item(&item, w);
    args[13] = id_end((struct str) { item.at, item.len });

    c = mem_alloc(sizeof(*c));
    c->product = w->target.product;
    c->max = w->conf->replies_max;
    snprintf(c->account, sizeof(c->account), "%.*s",
             (int) w->target.account.len, w->target.account.at);
    memcpy(c->person, log_person(person, receipt_whom(w)), LOG_PERSON_MAX);

    if (guard_counts(w)) {
        count_auto(w);
    }

    know_tell(w->worker->know, KNOW_SENT, args, on_sent, c);
    buf_free(&item);
}


static char *echo_part(struct str *to, struct str s, char *at)
{
    memcpy(at, s.at, s.len);
    *to = (struct str) { at, s.len };

    return at + s.len;
}


/* receipt_echo keeps what it says: a status makes its record itself */
struct receipt_echo *receipt_echo(const struct work *w,
    const struct event *e)
{
    char                 *at;
    size_t                n = e->account.len + e->user.len + e->id.len;
    struct receipt_echo  *echo;

    if (e->kind != KIND_ECHO || e->id.len == 0 || e->user.len == 0
        || n > ECHO_MAX)
    {
        return NULL;
    }

    echo = mem_alloc(sizeof(*echo) + n);
    echo->product = e->product;
    echo->ms = e->time ? e->time : work_time(w);
    at = echo_part(&echo->account, e->account, (char *) (echo + 1));
    at = echo_part(&echo->user, e->user, at);
    echo_part(&echo->message, e->id, at);

    return echo;
}


/* of work_ref's, the item's id */
static struct str ref_item(struct str ref, const struct plan *plan, size_t at)
{
    size_t  i, sends = 0;

    for (i = 0; i < at; i++) {
        sends += action_sends(plan->steps[i].action);
    }

    for (i = ref.len; sends > 0 && i-- > 0; ) {
        if (ref.at[i] == '#') {
            return (struct str) { ref.at, i };
        }
    }

    return ref;
}


/* receipt_settled: it was sent after all.  What comes so late is not counted
   as an automatic reply */
void receipt_settled(struct worker *worker, const struct receipt_echo *echo,
    struct str ref, const struct plan *plan, size_t at,
    const struct event *e)
{
    char                  by[GUARD_BY_MAX], ms[24];
    struct str            args[KNOW_ARGS_MAX];
    const struct action  *action = plan->steps[at].action;

    if (echo == NULL || !action_message(action)) {
        return;
    }

    guard_by(plan, at, e, by);
    args[0] = STR(product_name(echo->product));
    args[1] = echo->account;
    args[2] = echo->user;
    args[3] = args[4] = args[5] = args[12] = NONE;
    args[6] = echo->message;
    args[7] = digits_of(ms, echo->ms);
    args[8] = id_end(ref);
    args[9] = STR(by);
    args[10] = STR(action_name(action->kind));
    args[11] = action->template_name != NULL ? STR(action->template_name)
               : NONE;
    args[13] = id_end(ref_item(ref, plan, at));
    know_tell(worker->know, KNOW_SENT, args, NULL, NULL);
}


/* the steps to come know it before Redis has answered */
static void whom_closed(struct work *w)
{
    struct known  *known = work_known_event(w, &w->plan.steps[w->plan.at]);

    if (known != NULL && known->asked) {
        known->window = WINDOW_CLOSED;
    }
    w->whom.window = WINDOW_CLOSED;
}


/* receipt_refused: Meta said no, and perhaps something of the person */
bool receipt_refused(struct work *w, const struct verdict *v)
{
    bool         closed;
    char         ms[24];
    const char  *says;
    struct str   args[KNOW_ARGS_MAX];

    says = error_says(w->target.product, v->code,
                      v->has_subcode ? v->subcode : 0, v->row->flags);

    if (!w->conf->people || *says == '\0' || !guard_wanted(w)) {
        return false;
    }

    closed = strcmp(says, "closed") == 0;
    if (closed) {
        whom_closed(w);
    }

    know_names(w, args);
    args[5] = args[6] = args[7] = args[11] = args[12] = args[13] = NONE;
    args[9] = args[10] = STR("0");
    digits_of(ms, sent_ms(v));
    args[closed ? 10 : 11] = STR(ms);
    know_tell(w->worker->know, KNOW_PERSON, args, NULL, NULL);

    return closed;
}


static bool one_of(struct str s, const char *a, const char *b)
{
    return str_is(s, a) || str_is(s, b);
}


/* what waits for it goes on by itself (3.1) */
static void template_says(struct work *w, const struct event *e)
{
    char         field[LANE_NAME_MAX + 8];
    struct str   args[KNOW_ARGS_MAX], category;
    struct lane  lane;

    limits_lane(w->worker->limits, &lane, LANE_TEMPLATE, e->waba,
                e->template_name);

    if (one_of(e->state, "paused", "disabled")) {
        limits_stop(w->worker->limits, &lane, LIMITS_FOREVER, 0,
                    "Meta has paused or disabled the template");

    } else if (one_of(e->state, "approved", "reinstated")) {
        snprintf(field, sizeof(field), "lane:%s", lane.name);
        args[0] = STR("meta:control");
        args[1] = STR(field);
        know_tell(w->worker->know, KNOW_RESUME, args, NULL, NULL);
    }

    category = json_get_text(e->value, "message_template_category");
    if (category.len == 0) {
        category = json_get_text(e->value, "new_category");
    }

    if (category.len) {
        args[0] = e->waba;
        args[1] = e->template_name;
        args[2] = category;
        know_tell(w->worker->know, KNOW_TEMPLATE, args, NULL, NULL);
    }
}


/* receipt_templates hears what the events say of templates.  An old one that
   is replayed says nothing of now */
void receipt_templates(struct work *w)
{
    size_t               i;
    const struct event  *e;

    for (i = 0; i < w->record.nevents && w->conf->people
                && !w->record.replay; i++)
    {
        e = &w->record.events[i];
        if (e->kind == KIND_TEMPLATE && e->waba.len && e->template_name.len) {
            template_says(w, e);
        }
    }
}
