/* What was decided for an item and how far that has come, as JSON:

   {"v":1,"decided":true,"matched":1,"attempts":1,"tries":0,"lane":"phone:1",
    "steps":[{"e":0,"r":1,"do":{...},"o":"done","m":"wamid...","a":{...}},
             {"e":1,"r":1,"do":0}]}

   "more" is the first event of a long history that is still to be decided.  A
   number in "do" is that of an earlier step, from 0, which does the same: a
   rule's action for a thousand messages of one change stands there once. */

#include "plan.h"

#include <stdlib.h>


static const char *const  state_names[] = {
    [STEP_OPEN] = "", [STEP_SENT] = "sent", [STEP_DONE] = "done",
    [STEP_EXPIRED] = "expired", [STEP_LEFT] = "left",
    [STEP_CLOSED] = "closed", [STEP_FAILED] = "failed"
};


/* of actions that were written, by the step that they stand in */
#define PLAN_WRITTEN_MAX  16

struct written {
    size_t                n;
    const struct action  *actions[PLAN_WRITTEN_MAX];
    size_t                steps[PLAN_WRITTEN_MAX];
};


static struct step *plan_room(struct plan *plan, size_t n)
{
    if (plan->n + n > PLAN_STEPS_MAX) {
        return NULL;
    }

    if (plan->n + n > plan->room) {
        plan->room = plan->n + n + plan->n / 2;
        plan->steps = mem_grow(plan->steps,
                               plan->room * sizeof(*plan->steps));
    }

    return &plan->steps[plan->n];
}


/* plan_add puts a step at the end */
struct step *plan_add(struct plan *plan, size_t event, size_t rule,
    const struct action *action)
{
    struct step  *step = plan_room(plan, 1);

    if (step == NULL) {
        return NULL;
    }

    *step = (struct step) { .event = event, .rule = rule, .action = action };
    plan->n++;
    plan->stored = false;

    return step;
}


static struct action *action_own(const struct action *action)
{
    struct action  *own = mem_alloc(sizeof(*own));

    *own = *action;

    return own;
}


/* plan_insert puts what a handler wants behind the step that asked it */
int plan_insert(struct plan *plan, struct action *actions, size_t n)
{
    size_t        i;
    struct step  *at;

    if (n == 0) {
        return 0;
    }

    if (plan_room(plan, n) == NULL) {
        return -1;
    }

    at = &plan->steps[plan->at];
    memmove(at + 1 + n, at + 1,
            (plan->n - plan->at - 1) * sizeof(*at));

    for (i = 0; i < n; i++) {
        at[1 + i] = (struct step) {
            .event = at->event, .rule = at->rule, .until = at->until,
            .loose = at->loose, .resend = at->resend,
            .own = action_own(&actions[i])
        };
        at[1 + i].action = at[1 + i].own;
    }

    plan->n += n;
    plan->stored = false;

    return 0;
}


/* plan_replace puts pieces where the whole was */
int plan_replace(struct plan *plan, struct action *actions, size_t n)
{
    struct step     *at;
    struct action  **old;

    if (plan_insert(plan, actions + 1, n - 1) != 0) {
        return -1;
    }

    at = &plan->steps[plan->at];

    if (at->own != NULL) {
        plan->replaced.at = mem_grow(plan->replaced.at,
                                     (plan->replaced.n + 1) * sizeof(*old));
        old = plan->replaced.at;
        old[plan->replaced.n++] = at->own;
    }

    at->own = action_own(&actions[0]);
    at->action = at->own;
    plan->stored = false;

    return 0;
}


static void step_free(struct step *step)
{
    free(step->media);
    if (step->own != NULL) {
        action_free(step->own);
        free(step->own);
    }
    free(step->save);
    free(step->message);
    free(step->reached);
    free(step->answer);
    free(step->error);
}


/* plan_withdraw takes back what plan_insert put there */
void plan_withdraw(struct plan *plan, size_t n)
{
    size_t        i;
    struct step  *at = &plan->steps[plan->at];

    for (i = 0; i < n; i++) {
        step_free(&at[1 + i]);
    }

    plan->n -= n;
    memmove(at + 1, at + 1 + n, (plan->n - plan->at - 1) * sizeof(*at));
}


/* plan_fits says whether who takes over could read it */
bool plan_fits(const struct plan *plan)
{
    bool              fits;
    size_t            i, len = 0;
    struct buf        b;
    struct json_doc  *doc;

    for (i = 0; i < plan->n; i++) {
        len += plan->steps[i].action->json.len + 128;
    }

    if (len <= PLAN_SURE) {
        return true;
    }

    buf_init(&b, PLAN_BLOB_MAX - PLAN_LATER);
    plan_write(plan, &b);
    doc = b.over ? NULL : json_parse(b.at, b.len, PLAN_TREE_MAX);
    fits = doc != NULL;
    json_free(doc);
    buf_free(&b);

    return fits;
}


static char *plan_copy(struct str s)
{
    return s.len ? mem_copy(s.at, s.len) : NULL;
}


static void plan_made(struct plan *plan, enum step_state state,
    struct str message, struct str answer)
{
    struct step  *step = &plan->steps[plan->at];

    free(step->message);        /* a blob may have some for it already */
    free(step->answer);
    step->state = state;
    step->message = plan_copy(message);
    step->answer = answer.len <= PLAN_ANSWER_MAX ? plan_copy(answer) : NULL;
    plan->tries = plan->errors = 0;
    plan->stored = false;
}


/* plan_done goes on to the next step */
void plan_done(struct plan *plan, struct str message, struct str answer)
{
    plan_made(plan, STEP_DONE, message, answer);
    plan->at++;
}


/* plan_waits stays at the step */
void plan_waits(struct plan *plan, struct str message, struct str answer,
    long long until)
{
    plan_made(plan, STEP_WAIT, message, answer);
    plan->steps[plan->at].waits = until;
}


/* plan_reached goes on to the next step */
void plan_reached(struct plan *plan, struct str state)
{
    struct step  *step = &plan->steps[plan->at++];

    free(step->reached);
    step->reached = plan_copy(state);
    step->state = STEP_DONE;
    plan->tries = plan->errors = 0;
    plan->stored = false;
}


static void plan_without(struct plan *plan, enum step_state why)
{
    plan->steps[plan->at++].state = why;
    plan->tries = plan->errors = 0;
    plan->stored = false;
}


/* plan_skip goes on to the next step without this one, it is too late */
void plan_skip(struct plan *plan)
{
    plan_without(plan, STEP_EXPIRED);
}


/* plan_leave does so for another reason */
void plan_leave(struct plan *plan)
{
    plan_without(plan, STEP_LEFT);
}


/* plan_close does because nothing but a template may be sent */
void plan_close(struct plan *plan)
{
    plan_without(plan, STEP_CLOSED);
}


static bool step_same(const struct step *a, const struct step *b)
{
    return a->event == b->event && a->rule == b->rule;
}


/* plan_instead looks behind the step at */
bool plan_instead(const struct plan *plan)
{
    size_t              i;
    const struct step  *at = &plan->steps[plan->at];

    for (i = plan->at + 1; i < plan->n && step_same(&plan->steps[i], at); i++)
    {
        if (plan->steps[i].instead) {
            return true;
        }
    }

    return false;
}


/* plan_needs looks before it */
bool plan_needs(const struct plan *plan)
{
    size_t              i;
    const struct step  *at = &plan->steps[plan->at];

    for (i = plan->at; at->instead && i > 0; i--) {
        if (!step_same(&plan->steps[i - 1], at)) {
            return false;
        }
        if (plan->steps[i - 1].state == STEP_CLOSED) {
            return true;
        }
    }

    return !at->instead;
}


/* the step's action, or that of an earlier one */
static struct step *step_add(struct plan *plan, const struct json *d)
{
    size_t          n;
    struct step    *step;
    struct fault    fault;
    struct action  *own;

    if (json_is(d, JSON_NUMBER)) {
        n = str_digits(d->text) ? strtoul(d->text.at, NULL, 10) : SIZE_MAX;
        return n < plan->n ? plan_add(plan, 0, 0, plan->steps[n].action)
               : NULL;
    }

    own = mem_alloc(sizeof(*own));
    if (action_parse(d, own, &fault) != 0) {
        free(own);
        return NULL;
    }

    step = plan_add(plan, 0, 0, own);
    if (step == NULL) {
        action_free(own);
        free(own);
        return NULL;
    }
    step->own = own;

    return step;
}


static int step_read(struct plan *plan, const struct json *j)
{
    size_t        i;
    struct str    state = json_get_text(j, "o");
    struct step  *step = step_add(plan, json_get(j, "do"));

    if (step == NULL) {
        return -1;
    }

    step->event = strtoul(json_get_text(j, "e").at, NULL, 10);
    step->rule = strtoul(json_get_text(j, "r").at, NULL, 10);
    step->until = strtoll(json_get_text(j, "until").at, NULL, 10);
    step->loose = json_is(json_get(j, "loose"), JSON_TRUE);
    step->resend = json_is(json_get(j, "resend"), JSON_TRUE);
    step->save = plan_copy(json_get_text(j, "save"));
    step->save_max = strtoul(json_get_text(j, "save_max").at, NULL, 10);
    step->saves = (unsigned) strtoul(json_get_text(j, "saves").at, NULL, 10);
    step->values = json_is(json_get(j, "values"), JSON_TRUE);
    step->files = json_is(json_get(j, "files"), JSON_TRUE);
    step->again = json_is(json_get(j, "again"), JSON_TRUE);
    step->media = plan_copy(json_get_text(j, "u"));
    step->instead = json_is(json_get(j, "instead"), JSON_TRUE);
    step->message = plan_copy(json_get_text(j, "m"));
    step->answer = plan_copy(json_get_text(j, "a"));
    step->error = plan_copy(json_get_text(j, "err"));

    step->reached = plan_copy(json_get_text(j, "s"));
    step->waits = strtoll(json_get_text(j, "w").at, NULL, 10);

    for (i = 0; i < sizeof(state_names) / sizeof(state_names[0]); i++) {
        if (state_names[i] != NULL && str_is(state, state_names[i])) {
            step->state = i;
        }
    }

    if (step->state == STEP_SENT && step->waits && step->message != NULL) {
        step->state = STEP_WAIT;
    }

    if (step->state >= STEP_DONE && plan->at == plan->n - 1) {
        plan->at = plan->n;
    }

    return 0;
}


/* plan_read reads a blob */
int plan_read(struct plan *plan, struct str blob)
{
    struct json_doc    *doc;
    const struct json  *root, *j;

    doc = json_parse(blob.at, blob.len, PLAN_TREE_MAX);
    root = json_root(doc);

    if (!json_is(root, JSON_OBJECT)
        || !str_is(json_get_text(root, "v"), "1"))
    {
        json_free(doc);
        return -1;
    }

    plan->decided = json_is(json_get(root, "decided"), JSON_TRUE);
    plan->matched = strtoul(json_get_text(root, "matched").at, NULL, 10);
    plan->more = strtoul(json_get_text(root, "more").at, NULL, 10);
    plan->attempts = strtoul(json_get_text(root, "attempts").at, NULL, 10);
    plan->tries = strtoul(json_get_text(root, "tries").at, NULL, 10);
    plan->errors = strtoul(json_get_text(root, "errors").at, NULL, 10);
    plan->lane = plan_copy(json_get_text(root, "lane"));

    j = json_get(root, "steps");
    for (j = j != NULL ? j->child : NULL; j != NULL; j = j->next) {
        if (step_read(plan, j) != 0) {
            json_free(doc);
            plan_free(plan);
            return -1;
        }
    }

    json_free(doc);
    plan->stored = true;

    return 0;
}


static void step_action(const struct step *step, size_t at,
    struct written *written, struct buf *b)
{
    size_t  i;

    for (i = 0; i < written->n; i++) {
        if (written->actions[i] == step->action) {
            buf_number(b, written->steps[i]);
            return;
        }
    }

    if (i < PLAN_WRITTEN_MAX) {
        written->actions[i] = step->action;
        written->steps[i] = at;
        written->n++;
    }

    buf_str(b, step->action->json);
}


static void step_write(const struct step *step, size_t at,
    struct written *written, struct buf *b)
{
    buf_text(b, "{\"e\":");
    buf_number(b, step->event);
    buf_text(b, ",\"r\":");
    buf_number(b, step->rule);
    buf_text(b, ",\"do\":");
    step_action(step, at, written, b);

    if (step->state != STEP_OPEN) {
        buf_text(b, ",\"o\":\"");
        buf_text(b, state_names[step->state == STEP_WAIT ? STEP_SENT
                                : step->state]);
        buf_text(b, "\"");
    }

    if (step->until) {
        buf_format(b, ",\"until\":%lld", step->until);
    }

    /* who knows of no waiting takes it for one that is ambiguous */
    if (step->state == STEP_WAIT) {
        buf_format(b, ",\"w\":%lld", step->waits);
    }

    if (step->reached != NULL) {
        buf_text(b, ",\"s\":");
        json_quote(b, STR(step->reached));
    }

    buf_text(b, step->loose ? ",\"loose\":true" : "");
    buf_text(b, step->resend ? ",\"resend\":true" : "");
    buf_text(b, step->values ? ",\"values\":true" : "");
    buf_text(b, step->files ? ",\"files\":true" : "");
    buf_text(b, step->again ? ",\"again\":true" : "");

    if (step->media != NULL) {
        buf_text(b, ",\"u\":");
        json_quote(b, STR(step->media));
    }

    if (step->save != NULL) {
        buf_text(b, ",\"save\":");
        json_quote(b, STR(step->save));
        buf_format(b, ",\"save_max\":%lu,\"saves\":%u", step->save_max,
                   step->saves);
    }
    buf_text(b, step->instead ? ",\"instead\":true" : "");

    if (step->message != NULL) {
        buf_text(b, ",\"m\":");
        json_quote(b, STR(step->message));
    }

    if (step->answer != NULL) {
        buf_text(b, ",\"a\":");
        json_quote(b, STR(step->answer));
    }

    if (step->error != NULL) {
        buf_text(b, ",\"err\":");
        json_quote(b, STR(step->error));
    }

    buf_text(b, "}");
}


/* plan_write writes the blob */
void plan_write(const struct plan *plan, struct buf *b)
{
    size_t          i;
    struct written  written = { .n = 0 };

    buf_text(b, plan->decided ? "{\"v\":1,\"decided\":true"
             : "{\"v\":1,\"decided\":false");
    buf_text(b, ",\"matched\":");
    buf_number(b, plan->matched);
    buf_text(b, ",\"attempts\":");
    buf_number(b, plan->attempts);
    buf_text(b, ",\"tries\":");
    buf_number(b, plan->tries);

    if (plan->errors) {
        buf_format(b, ",\"errors\":%u", plan->errors);
    }

    if (plan->more) {
        buf_format(b, ",\"more\":%zu", plan->more);
    }

    if (plan->lane != NULL) {
        buf_text(b, ",\"lane\":");
        json_quote(b, STR(plan->lane));
    }

    if (plan->why != NULL) {
        buf_text(b, ",\"why\":");
        json_quote(b, STR(plan->why));
    }

    buf_text(b, ",\"steps\":[");
    for (i = 0; i < plan->n; i++) {
        buf_text(b, i ? "," : "");
        step_write(&plan->steps[i], i, &written, b);
    }

    buf_text(b, "]}");
}


/* plan_alone says whether nothing of another event is still to be done */
bool plan_alone(const struct plan *plan)
{
    size_t  i;

    for (i = plan->at; i < plan->n; i++) {
        if (plan->steps[i].event != plan->steps[plan->at].event
            && plan->steps[i].state < STEP_DONE)
        {
            return false;
        }
    }

    return true;
}


/* plan_fail goes on to the next event */
void plan_fail(struct plan *plan, struct str error)
{
    size_t  event = plan->steps[plan->at].event;

    free(plan->steps[plan->at].error);
    plan->steps[plan->at].error = plan_copy(error);

    while (plan->at < plan->n && plan->steps[plan->at].event == event) {
        if (plan->steps[plan->at].state < STEP_DONE) {
            plan->steps[plan->at].state = STEP_FAILED;
        }
        plan->at++;
    }

    plan->tries = plan->errors = 0;
    plan->stored = false;
}


/* plan_failed finds the step that says why */
size_t plan_failed(const struct plan *plan)
{
    size_t  i;

    for (i = 0; i < plan->n && plan->steps[i].error == NULL; i++) { }

    return i;
}


/* plan_renew leaves what was pushed.  A step may share the action of one before
   it, so they go from the end; that of a push is another push's */
void plan_renew(struct plan *plan)
{
    size_t  i, n = 0;

    for (i = plan->n; i > 0; i--) {
        if (plan->steps[i - 1].action->kind != ACTION_PUSH) {
            step_free(&plan->steps[i - 1]);
            plan->steps[i - 1].action = NULL;
        }
    }

    for (i = 0; i < plan->n; i++) {
        if (plan->steps[i].action != NULL) {
            plan->steps[n++] = plan->steps[i];
        }
    }

    plan->n = plan->at = n;
    plan->stored = false;
}


/* plan_pushes says whether a step pushes to that list */
bool plan_pushes(const struct plan *plan, const char *list)
{
    size_t  i;

    for (i = 0; i < plan->n; i++) {
        if (plan->steps[i].action->kind == ACTION_PUSH
            && strcmp(plan->steps[i].action->list, list) == 0)
        {
            return true;
        }
    }

    return false;
}


/* plan_free releases what the plan holds and empties it */
void plan_free(struct plan *plan)
{
    size_t  i;

    for (i = 0; i < plan->n; i++) {
        step_free(&plan->steps[i]);
    }

    for (i = 0; i < plan->replaced.n; i++) {
        action_free(((struct action **) plan->replaced.at)[i]);
        free(((struct action **) plan->replaced.at)[i]);
    }

    free(plan->replaced.at);
    free(plan->steps);
    free(plan->lane);
    *plan = (struct plan) { .n = 0 };
}
