/* What comes of an assistant: replies, what a label does, the fallback.  It
   stands in the plan before anything is sent, so that nobody asks again; the
   model's text is one JSON string in it and can be nothing else. */

#include "work_own.h"
#include "conversation.h"
#include "split.h"
#include "values.h"

#include <stdio.h>
#include <stdlib.h>


#define ANSWER_ACTIONS   (ACTION_LIST_MAX + SPLIT_MAX + 2)
#define ANSWER_JSON_MAX  (256 * 1024)


/* what was answered stands with the conversation's turns */
static void on_said(void *data, const struct reply *reply)
{
    (void) data;
    (void) reply;       /* without it the writer knows a little less */
}


/* the texts of the replies that come now, each on its lines */
static struct buf told_text(const struct plan *plan)
{
    size_t               i;
    struct buf           b;
    const struct action  *a;

    buf_init(&b, CHAT_TEXT_MAX);

    for (i = plan->at; i < plan->n; i++) {
        a = plan->steps[i].action;
        if (a->kind != ACTION_REPLY || a->text == NULL
            || plan->steps[i].own == NULL)
        {
            break;
        }
        buf_text(&b, b.len ? "\n" : "");
        buf_text(&b, a->text);
    }

    return b;
}


/* Redis has the plan: nobody asks again.  The replies come first */
static void answer_told(struct work *w)
{
    struct buf                    b = told_text(&w->plan);
    struct conversation           talk;
    const struct step            *step = &w->plan.steps[w->plan.at - 1];
    const struct event           *e = work_event(w, step);
    const struct conf_assistant  *a;

    a = assistant_find(w->conf, step->action->name);

    if (a != NULL && a->turns > 0 && e != NULL && b.len) {
        talk_of(w, step, &talk);
        if (conversation_said(&talk, e->id, (struct str) { b.at, b.len },
                              false, on_said, NULL) != 0)
        {
            log_write(LOG_DEBUG, "assistant %s: a turn is not kept", a->name);
        }
    }

    buf_free(&b);
    work_next(w);
}


/* what is put together; fault is of the first that is none */
struct answer {
    struct work        *work;
    struct action      *actions;
    size_t              n;
    struct fault        fault;
    bool                faulty;
};


static void answer_read(struct answer *an, struct str json,
    const struct action_place *place)
{
    struct action    *a = &an->actions[an->n];
    struct json_doc  *doc = json_parse(json.at, json.len, JSON_TREE_MAX);

    if (doc == NULL) {
        an->faulty = true;
        fault_set(&an->fault, "", NULL, NONE, "takes too much memory");

    } else if (action_parse(json_root(doc), a, &an->fault) != 0) {
        an->faulty = true;

    } else {
        an->n++;
        an->faulty = action_check(a, place, an->work->conf, &an->fault) != 0;
    }

    json_free(doc);
}


/* values: it is the configuration's, and may hold values of the event */
static void answer_add(struct answer *an, struct str json, bool values)
{
    const struct step    *step = &an->work->plan.steps[an->work->plan.at];
    const struct known   *known = work_known(an->work, step);
    unsigned              number = (unsigned) an->n + 1;
    struct action_place   place;
    struct values         of = {
        .event = work_event(an->work, step), .id = an->work->record.id,
        .name = known->name.at != NULL ? known->name : NONE
    };

    if (an->faulty) {
        return;
    }

    place = work_place(of.event, FROM_HANDLER);

    if (!values) {
        answer_read(an, json, &place);

    } else if (values_action(json, &of, &place, an->work->conf,
                             &an->actions[an->n], &an->fault) == 0)
    {
        an->n++;

    } else {
        an->faulty = true;
    }

    an->fault.action = number;
}


static void answer_reply(struct answer *an, const struct conf_assistant *a,
    struct str text, bool quick)
{
    struct buf  b;

    buf_init(&b, ANSWER_JSON_MAX);
    assistant_reply(&b, a, text, quick);
    answer_add(an, (struct str) { b.at, b.len }, false);
    buf_free(&b);
}


/* a text as the channel takes it, in at most SPLIT_MAX messages: what is
   longer still ends with a sentence */
static void answer_text(struct answer *an, const struct conf_assistant *a,
    const char *text, bool quick)
{
    size_t              i, n;
    struct str          pieces[SPLIT_MAX];
    const struct step  *step = &an->work->plan.steps[an->work->plan.at];
    struct text_limit   limit;

    limit = text_limit(work_event(an->work, step)->product,
                       quick ? a->quick.n : 0);
    n = split_text(STR(text), &limit, pieces);

    if (n > SPLIT_MAX) {        /* the last of them has the quick replies */
        limit.max = limit.last;
        split_text(STR(text), &limit, pieces);
        n = SPLIT_MAX;
    }

    for (i = 0; i < n; i++) {
        answer_reply(an, a, pieces[i], quick && i + 1 == n);
    }
}


/* the actions become steps, and nobody asks again */
static void answer_decide(struct answer *an, const char *name)
{
    size_t        n = an->n;
    struct work  *w = an->work;

    if (!an->faulty && plan_insert(&w->plan, an->actions, n) == 0) {
        free(an->actions);
        if (plan_fits(&w->plan)) {
            plan_done(&w->plan, NONE, NONE);
            work_mark(w, NULL, 0, n ? answer_told : work_next);
            return;
        }
        plan_withdraw(&w->plan, n);
        an->actions = NULL;
    }

    actions_free(an->actions, n);

    if (!an->faulty) {
        fault_set(&an->fault, "", NULL, NONE, "what is to be done takes too"
                  " much memory");
    }

    log_write(LOG_WARN, "assistant %s: what is to be done is faulty", name);
    end_fault(w, "assistant_answer", &an->fault);
}


/* answer_begin puts it together: replies, "do", resume, pause */
void answer_begin(struct work *w, const struct conf_assistant *a,
    const struct conf_label *label, const char *text)
{
    char                  pause[64];
    size_t                i;
    struct answer         an = { .work = w };
    const struct action  *actions = label != NULL ? label->actions.at : NULL;

    an.actions = mem_alloc(ANSWER_ACTIONS * sizeof(*an.actions));

    if (label == NULL && a->fallback != NULL) {
        answer_text(&an, a, a->fallback, false);

    } else if (text != NULL) {
        answer_text(&an, a, text, true);
    }

    for (i = 0; label != NULL && i < label->actions.n; i++) {
        answer_add(&an, actions[i].json, true);
    }

    if (label != NULL && label->resume) {
        answer_add(&an, STR("\"resume\""), false);
    }

    if (label != NULL && label->hand_over) {
        snprintf(pause, sizeof(pause), "{\"pause\":{\"for\":\"%lums\"}}",
                 a->pause_ms);
        answer_add(&an, STR(pause), false);
    }

    answer_decide(&an, a->name);
}
