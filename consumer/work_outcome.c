/* What follows from Graph's answer: the next step, another attempt, a lane
   that stops, a dead letter. */

#include "work_own.h"
#include "life.h"
#include "graph_error.h"
#include "graph_judge.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/rand.h>


/* exponential with full jitter: 1 s, 2 s, 4 s... at most 10 min */
#define AGAIN_FIRST_MS  1000
#define AGAIN_MAX_MS    600000
#define AGAIN_LEAST_MS  100
#define AGAIN_TRIES     10

/* nobody renews a token within a minute: probes grow to one an hour */
#define TOKEN_STOP_MS   60000


static uint64_t jitter(uint64_t ms)
{
    uint64_t  r = 0;

    RAND_bytes((unsigned char *) &r, sizeof(r));

    return AGAIN_LEAST_MS + r % (ms > AGAIN_LEAST_MS ? ms : AGAIN_LEAST_MS);
}


static uint64_t backoff(unsigned tries)
{
    return tries > 9 ? AGAIN_MAX_MS : (uint64_t) AGAIN_FIRST_MS << tries;
}


static bool outcome_answered(const struct verdict *v)
{
    return v != NULL && v->rc == GRAPH_ERROR;
}


/* outcome_again tries the step once more after ms, where 0 means by the
   schedule; tries: how often at most, 0: until it is too late.  Where Graph
   says that, only what it answered counts */
void outcome_again(struct work *w, uint64_t ms, unsigned tries,
    const char *why, const struct verdict *v)
{
    unsigned      had = w->plan.tries;
    struct step  *step = &w->plan.steps[w->plan.at];

    if (tries == 0 && step->until == 0) {
        tries = AGAIN_TRIES;
    } else if (outcome_answered(v)) {
        had = w->plan.errors;
    }

    if (tries && had >= tries) {
        end_dead(w, why, "given up after so many attempts", v);
        return;
    }

    step->state = STEP_OPEN;
    ms = ms ? ms + jitter(ms / 10) : jitter(backoff(w->plan.tries));
    w->plan.tries++;
    w->plan.errors += outcome_answered(v);
    w->plan.stored = false;
    wait_retry(w, ms, why);
}


/* who may have slept has heard of a time that is over: another one works
   there now, and knows better how the lanes are */
static void lane_stop(const struct work *w, const struct lane *lane,
    uint64_t ms, unsigned grows, const char *why)
{
    if (queue_sure(w->item)) {
        limits_stop(w->worker->limits, lane, ms, grows, why);
    }
}


static void lanes_passed(const struct work *w)
{
    if (queue_sure(w->item)) {
        limits_passed(w->worker->limits, w->lanes.at, w->lanes.n);
    }
}


static const struct lane *error_lane(const struct work *w,
    const struct graph_error_row *row)
{
    return row->lane != NULL
           ? lane_named(w->lanes.at, w->lanes.n, row->lane) : NULL;
}


/* the step was not done, and the lane says when it may be: no attempt of its
   own is counted */
static void outcome_stop(struct work *w, const struct lane *lane, uint64_t ms,
    unsigned grows, const char *why)
{
    bool  sure = queue_sure(w->item);

    lane_stop(w, lane, ms, grows, why);
    w->plan.steps[w->plan.at].state = STEP_OPEN;
    w->plan.stored = false;

    if (sure) {
        wait_lane(w, lane, ms);
    } else {
        wait_retry(w, AGAIN_FIRST_MS, lane->name);
    }
}


static void outcome_wait(struct work *w, const struct verdict *v)
{
    uint64_t                       ms;
    const struct lane             *lane = error_lane(w, v->row);
    const struct graph_error_row  *row = v->row;

    ms = graph_error_wait(row, w->plan.errors, v->wait_ms);

    if (lane == NULL) {
        outcome_again(w, ms, row->tries, "graph_error", v);
        return;
    }

    if (row->tries && w->plan.errors >= row->tries) {
        end_dead(w, "graph_error", v->message, v);
        return;
    }

    w->plan.tries++;
    w->plan.errors++;
    outcome_stop(w, lane, ms ? ms : AGAIN_FIRST_MS,
                 v->wait_ms ? 0 : row->factor ? row->factor : 2, row->text);
}


/* the token itself (meta-graph-oauth-ads-capi.md 1.10), not what it may do:
   its life says what a person must do, if anything */
static bool outcome_dead(const struct verdict *v)
{
    return v->code == 190 || v->code == 102;
}


/* said once: calls that were on the wire meanwhile fail the same */
static void token_log(const struct work *w, const struct lane *lane,
    const struct verdict *v)
{
    uint64_t    ms;
    struct buf  b;

    if (!queue_sure(w->item)
        || limits_wait(w->worker->limits, lane, 1, &ms) != NULL)
    {
        return;
    }

    buf_init(&b, 1024);
    log_value(&b, "queue", STR(w->desk->name));
    log_value(&b, w->is_job ? "job" : "delivery",
              w->is_job ? w->job.id : w->record.delivery);
    log_value(&b, "account", w->target.account);
    log_value(&b, "token", STR(token_source(w->token)));
    log_write(outcome_dead(v) && w->token->stored != NULL ? LOG_WARN
              : LOG_ERROR,
              "lane %s stops%.*s code=%lld subcode=%lld trace=%s:"
              " %s %s", lane->name, (int) b.len, b.at, v->code, v->subcode,
              *v->trace ? v->trace : "-", v->row->text, v->row->todo);
    buf_free(&b);
}


static void outcome_lost(const struct work *w, const struct verdict *v)
{
    if (queue_sure(w->item) && outcome_dead(v)) {
        life_refused(w->worker->life, w->token, v->code,
                     v->has_subcode ? v->subcode : 0);
    }
}


/* everything of this token or account fails the same until somebody acts; but
   what was renewed meanwhile says nothing of the new one */
static void outcome_token(struct work *w, const struct verdict *v)
{
    const struct lane  *lane = error_lane(w, v->row);

    if (lane == NULL) {
        end_dead(w, "graph_error", v->message, v);
        return;
    }

    if (tokens_now(w->conf, w->token) != w->token) {
        outcome_again(w, AGAIN_FIRST_MS, 0, "token_renewed", v);
        return;
    }

    token_log(w, lane, v);
    outcome_lost(w, v);

    if (v->row->cls == CLASS_OPERATOR && v->row->wait_ms == 0) {
        outcome_stop(w, lane, LIMITS_FOREVER, 0, v->row->text);
        return;
    }

    outcome_stop(w, lane, v->row->wait_ms ? v->row->wait_ms : TOKEN_STOP_MS,
                 v->row->factor ? v->row->factor : 2, v->row->text);
}


static void outcome_good(struct work *w, const struct verdict *v)
{
    char               *body = NULL;
    struct str          id, answer;
    const struct json  *list = json_get(v->root, "messages");

    id = json_get_text(v->root, "message_id");
    if (json_is(list, JSON_ARRAY) && list->child != NULL) {
        id = json_get_text(list->child, "id");
    }
    if (id.len == 0) {
        id = json_get_text(v->root, "id");
    }

    lanes_passed(w);

    if (w->uploading) {
        upload_good(w, v);
        return;
    }

    receipt_sent(w, id, v);

    if (w->is_job && v->body.len) {
        body = mem_copy(v->body.at, v->body.len);
        graph_hide(body, w->token->secret);
    }

    answer = body != NULL ? (struct str) { body, v->body.len } : NONE;

    if (id.len && w->plan.steps[w->plan.at].action->wait_for != WAIT_NONE) {
        wait_sent(w, id, answer);
        free(body);
        return;
    }

    plan_done(&w->plan, id, answer);
    free(body);
    work_next(w);
}


/* an answer that is no throttle ends the backoff of the call's lanes; but some
   that concern this call alone stop a lane for others, too */
static void outcome_passed(struct work *w, const struct graph_error_row *row)
{
    const struct lane  *lane = error_lane(w, row);

    lanes_passed(w);
    if (lane != NULL) {
        lane_stop(w, lane, graph_error_wait(row, 0, 0), row->factor,
                  row->text);
    }
}


static void outcome_error(struct work *w, const struct verdict *v)
{
    char                           code[24];
    const struct graph_error_row  *row = v->row;

    snprintf(code, sizeof(code), "%lld", v->code);
    stat_row_add(stat_row(STATS_CODE, code), STAT_CODE_ERRORS, 1);
    stat_add(STAT_CLASS_RETRY + row->cls, 1);

    if (row->flags & ERROR_DONE) {
        outcome_good(w, v);
        return;
    }

    if (upload_again(w, v)) {
        return;
    }

    if (row->cls == CLASS_RETRY || row->cls == CLASS_NEVER) {
        outcome_passed(w, row);
    }

    if (!w->uploading && receipt_refused(w, v) && guard_instead(w)) {
        return;
    }

    if (v->transient && row->cls == CLASS_NEVER) {
        outcome_again(w, v->wait_ms, row->tries, "graph_error", v);
        return;
    }

    switch (row->cls) {

    case CLASS_RETRY:
        outcome_again(w, graph_error_wait(row, w->plan.errors, v->wait_ms),
                      row->tries, "graph_error", v);
        return;

    case CLASS_WAIT:
        outcome_wait(w, v);
        return;

    case CLASS_TOKEN:
    case CLASS_OPERATOR:
        outcome_token(w, v);
        return;

    case CLASS_NEVER:
        end_dead(w, "graph_error", v->message, v);
        return;
    }
}


/* outcome_unknown: it may have been done.  What may be repeated is; a send
   goes by the rule's word */
void outcome_unknown(struct work *w, const struct verdict *v)
{
    const struct step  *step = &w->plan.steps[w->plan.at];

    stat_row_add(w->desk->stats, STAT_QUEUE_AMBIGUOUS, 1);

    if (action_idempotent(step->action) || w->call.idempotent
        || step->resend)
    {
        outcome_again(w, 0, 0, "ambiguous", v);
        return;
    }

    if (settle_heard(w)) {
        work_log(w, LOG_INFO, "settled", "");
        plan_done(&w->plan, NONE, NONE);
        work_next(w);
        return;
    }

    end_dead(w, "ambiguous", v != NULL ? v->message : "it was under way when"
             " its consumer went", v);
}


/* an answer without Meta's error: of something on the way, perhaps after the
   call was done */
static void outcome_answer(struct work *w, const struct verdict *v)
{
    if (v->status == 429) {
        outcome_again(w, v->wait_ms, 0, "graph_answer", v);

    } else if (v->status >= 500 || v->status < 300) {
        outcome_unknown(w, v);

    } else {
        end_dead(w, "graph_answer", v->message, v);
    }
}


/* outcome_verdict goes on after a call */
void outcome_verdict(struct work *w, const struct verdict *v)
{
    static const int    stats[] = {
        [GRAPH_OK] = STAT_GRAPH_OK, [GRAPH_ERROR] = STAT_GRAPH_ERROR,
        [GRAPH_ANSWER] = STAT_GRAPH_ANSWER,
        [GRAPH_UNREACHABLE] = STAT_GRAPH_UNREACHABLE,
        [GRAPH_AMBIGUOUS] = STAT_GRAPH_AMBIGUOUS
    };

    w->plan.attempts++;
    stat_add(stats[v->rc], 1);
    stat_time(TIME_CALL, v->ms);
    work_log_call(w, v);

    switch (v->rc) {

    case GRAPH_OK:
        outcome_good(w, v);
        return;

    case GRAPH_ERROR:
        outcome_error(w, v);
        return;

    case GRAPH_ANSWER:
        outcome_answer(w, v);
        return;

    case GRAPH_UNREACHABLE:
        outcome_again(w, 0, 0, "unreachable", v);
        return;

    case GRAPH_AMBIGUOUS:
        outcome_unknown(w, v);
        return;
    }
}
