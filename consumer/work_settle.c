/* Sends of which nobody knows whether they were done, until a status or an
   echo names them: then they were. */

#include "work_own.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>


/* what Meta gives back -> the queue whose {Q}:state has the letter */
#define SETTLE_KEY     "meta:message:ambiguous"
#define SETTLE_SINCE   "meta:message:ambiguous:since"
#define SETTLE_KEEP    "691200000"      /* ms: as long as Meta delivers */
#define SETTLE_MAX     "100000"
#define SETTLE_MS      5000
#define SETTLE_LOOK_MS 5000


/* what the last statuses and echoes named, as hashes: they mostly come before
   anybody knows that a call will have no answer */
#define HEARD_MAX  4096

struct heard {
    unsigned char         hash[SEEN_LEN];
    struct receipt_echo  *echo;     /* NULL: a status */
};


struct settle {
    struct worker  *worker;
    char           *queue;
    char           *ref;
    char           *account;    /* that the status or echo is of */
    struct receipt_echo  *echo;     /* NULL: a status */
    char           *kept;       /* what {Q}:state has for it */
    struct conf    *conf;
};


static void settle_free(struct settle *s)
{
    conf_drop(s->conf);
    free(s->queue);
    free(s->ref);
    free(s->account);
    free(s->echo);
    free(s->kept);
    free(s);
}


/* nobody will name it any more: its letter stays, {Q}:state needs no copy */
static void settle_forget(struct worker *worker, struct str ref,
    struct str list)
{
    struct buf  key, field;
    struct str  argv[3] = { STR("HDEL") };

    buf_init(&key, 512);
    buf_init(&field, 2048);
    buf_text(&key, "{");
    buf_str(&key, list);
    buf_text(&key, "}:state");
    buf_text(&field, "ref:");
    buf_str(&field, ref);

    argv[1] = (struct str) { key.at, key.len };
    argv[2] = (struct str) { field.at, field.len };
    if (list.len > 0 && !key.over && !field.over
        && redis_send(worker->redis, argv, 3, SETTLE_MS, NULL, NULL) != 0)
    {
        log_write(LOG_DEBUG, "settle: a copy of a letter stays in Redis");
    }

    buf_free(&key);
    buf_free(&field);
}


static void on_refs(void *data, const struct reply *reply)
{
    size_t          i;
    struct worker  *worker = data;

    if (reply == NULL || reply_count(reply) < 1) {
        return;
    }

    worker->ambiguous = reply_int(reply_at(reply, 0)) > 0;

    for (i = 1; i + 1 < reply_count(reply); i += 2) {
        settle_forget(worker, reply_str(reply_at(reply, i)),
                      reply_str(reply_at(reply, i + 1)));
    }
}


static int refs_call(struct worker *worker, struct str ref, struct str list)
{
    struct str  words[] = { STR(SETTLE_KEY), STR(SETTLE_SINCE),
                            STR(SETTLE_KEEP), STR(SETTLE_MAX), ref, list };

    return script_call(worker->redis, SCRIPT_REFS, words, 2, 6, on_refs,
                       worker);
}


/* other consumers bury, too; and whoever waits for a lane is looked after */
static void settle_look(uv_timer_t *timer)
{
    struct worker  *worker = timer->data;

    lines_look(worker);
    know_again(worker->know);

    if (redis_up(worker->redis) && refs_call(worker, NONE, NONE) != 0) {
        worker->ambiguous = true;       /* better a look too many */
    }
}


static void settle_up(void *data)
{
    struct worker  *worker = data;

    settle_look(&worker->look);
}


/* settle_start begins to look whether there is anything to settle */
void settle_start(struct worker *worker, const struct redis_target *target)
{
    worker->refs = mem_alloc(HEARD_MAX * sizeof(*worker->refs));
    worker->redis = redis_new(worker->loop, target, "settle", settle_up, NULL,
                              worker);
    redis_quiet(worker->redis);
    uv_timer_init(worker->loop, &worker->look);
    worker->look.data = worker;
    uv_timer_start(&worker->look, settle_look, SETTLE_LOOK_MS,
                   SETTLE_LOOK_MS);
}


/* settle_stop ends it */
void settle_stop(struct worker *worker)
{
    size_t  i;

    for (i = 0; i < HEARD_MAX; i++) {
        free(worker->refs[i].echo);
    }

    free(worker->refs);
    redis_free(worker->redis);
    uv_close((uv_handle_t *) &worker->look, NULL);
}


/* settle_note remembers where the letter will be, before it is there */
void settle_note(struct work *w)
{
    struct str  ref = work_ref(w);

    if (ref.len == 0) {
        return;
    }

    queue_end_ref(w->item, ref);
    w->worker->ambiguous = true;

    if (refs_call(w->worker, ref, STR(w->desk->name)) != 0) {
        log_write(LOG_WARN, "an ambiguous send cannot be settled by its"
                  " status: Redis does not take its name");
    }
}


/* sent_by: whose send it was; a status of another account does not speak of
   it */
struct str sent_by(const struct step *step, const struct job *job,
    const struct event *e)
{
    if ((step->action->kind == ACTION_SEND
         || step->action->kind == ACTION_GRAPH)
        && step->action->account != NULL)
    {
        return STR(step->action->account);
    }

    return job != NULL ? job->account : e != NULL ? e->account : NONE;
}


static void on_settled(void *data, const struct reply *reply)
{
    char            why[REPLY_WHY_MAX];
    struct buf      b;
    struct settle  *s = data;
    struct str      del[] = { STR("HDEL"), STR(SETTLE_KEY), STR(s->ref) };
    struct str      rem[] = { STR("ZREM"), STR(SETTLE_SINCE), STR(s->ref) };

    if (reply == NULL || reply_type(reply) == REPLY_ERROR) {
        log_write(LOG_WARN, "an ambiguous send could not be settled: %s",
                  reply != NULL ? reply_why(why, reply) : "Redis is away");

    } else {
        buf_init(&b, 512);
        log_id(&b, STR(s->ref));
        log_write(LOG_INFO, "settled queue=%s%.*s outcome=%s", s->queue,
                  (int) b.len, b.at, reply_int(reply) ? "done" : "gone");
        buf_free(&b);

        if (redis_send(s->worker->redis, del, 3, SETTLE_MS, NULL, NULL)
            || redis_send(s->worker->redis, rem, 3, SETTLE_MS, NULL, NULL))
        {
            s->worker->ambiguous = true;
        }
    }

    settle_free(s);
}


static void digest(char out[72], struct str record)
{
    size_t         i;
    unsigned int   n;
    unsigned char  hash[EVP_MAX_MD_SIZE];

    if (!EVP_Digest(record.at, record.len, hash, &n, EVP_sha256(), NULL)) {
        abort();
    }

    memcpy(out, "r:", 3);
    for (i = 0; i < 16; i++) {
        snprintf(out + 2 + 2 * i, 3, "%02x", hash[i]);
    }
}


static void settle_result(struct settle *s, struct str record,
    const struct plan *plan, struct buf *b, struct buf *list)
{
    size_t               i;
    struct job           job;
    struct fault         fault;
    struct result        r;
    struct result_step  *steps;

    if (job_parse(record, s->conf->reply_prefix, &job, &fault) == JOB_OK
        && job.reply_to.len)
    {
        steps = mem_alloc((plan->at + 1) * sizeof(*steps));
        for (i = 0; i < plan->at; i++) {
            end_result_step(&plan->steps[i], &steps[i]);
        }

        r = (struct result) {
            .id = job.id, .state = RESULT_SENT, .steps = steps,
            .nsteps = plan->at, .attempts = plan->attempts,
            .time = work_now()
        };
        result_write(b, &r);
        buf_str(list, job.reply_to);
        free(steps);
    }

    job_free(&job);
}


static bool settle_of(const struct settle *s, const struct plan *plan,
    const struct job *job, const struct event *e)
{
    if (!str_is(sent_by(&plan->steps[plan->at - 1], job, e), s->account)) {
        return false;
    }

    if (s->conf->people) {
        receipt_settled(s->worker, s->echo, STR(s->ref), plan, plan->at - 1,
                        e);
    }

    return true;
}


/* the last step that is done now, of this account?  Its message is kept */
static bool settle_is_ours(const struct settle *s, const struct plan *plan,
    struct str bytes)
{
    bool                 ours = false;
    struct job           job;
    struct fault         fault;
    struct record        record;
    const struct step   *step = &plan->steps[plan->at - 1];

    if (record_open(bytes, &record) == RECORD_OK) {
        ours = settle_of(s, plan, NULL, step->event < record.nevents
                         ? &record.events[step->event] : NULL);
        record_close(&record);
        return ours;
    }

    if (job_parse(bytes, s->conf->reply_prefix, &job, &fault) == JOB_OK) {
        ours = settle_of(s, plan, &job, NULL);
    }

    job_free(&job);

    return ours;
}


static int settle_send(struct settle *s, size_t skip, struct str record,
    struct str blob, struct str result, struct str list)
{
    char        at[24], ttl[24], name[72];
    int         rc;
    struct buf  keys[3], ref;
    struct str  words[13];
    size_t      i;
    const char *const  suffixes[] = { "dead", "state", "count" };

    for (i = 0; i < 3; i++) {
        buf_init(&keys[i], 512);
        buf_format(&keys[i], "{%s}:%s", s->queue, suffixes[i]);
        words[i] = (struct str) { keys[i].at, keys[i].len };
    }

    buf_init(&ref, 2048);
    buf_text(&ref, "ref:");
    buf_text(&ref, s->ref);
    snprintf(at, sizeof(at), "%zu", skip + 1);
    digest(name, record);

    words[3] = STR(s->queue);
    words[4] = list.len ? list : STR(s->queue);
    words[5] = (struct str) { ref.at, ref.len };
    words[6] = STR(s->kept);
    words[7] = STR(at);
    words[8] = blob;
    words[9] = STR(name);
    words[10] = record;
    words[11] = result;
    snprintf(ttl, sizeof(ttl), "%lu", s->conf->results_ms);
    words[12] = STR(ttl);

    rc = script_call(s->worker->redis, SCRIPT_SETTLE, words, 5, 13,
                     on_settled, s);

    for (i = 0; i < 3; i++) {
        buf_free(&keys[i]);
    }
    buf_free(&ref);

    return rc;
}


static void on_letter(void *data, const struct reply *reply)
{
    struct buf      blob, result, list;
    struct str      kept, head, record;
    struct plan     plan = { .n = 0 };
    struct settle  *s = data;

    if (reply == NULL || reply_type(reply) != REPLY_STRING) {
        settle_free(s);
        return;
    }

    kept = reply_str(reply);
    s->kept = mem_copy(kept.at, kept.len);
    kept.at = s->kept;

    if (letter_split(kept, &head, &record) != 0
        || letter_plan(head, &plan) != 0)
    {
        settle_free(s);
        return;
    }

    plan_done(&plan, NONE, NONE);
    if (!settle_is_ours(s, &plan, record)) {
        plan_free(&plan);
        settle_free(s);
        return;
    }

    buf_init(&blob, PLAN_BLOB_MAX);
    buf_init(&result, RESULT_MAX);
    buf_init(&list, 512);

    if (plan.at < plan.n || plan.more) {
        plan_write(&plan, &blob);
    } else {
        settle_result(s, record, &plan, &result, &list);
    }

    if (settle_send(s, head.at - s->kept, record,
                    (struct str) { blob.at, blob.len },
                    (struct str) { result.at, result.len },
                    (struct str) { list.at, list.len })
        != 0)
    {
        settle_free(s);
    }

    buf_free(&blob);
    buf_free(&result);
    buf_free(&list);
    plan_free(&plan);
}


static void on_queue(void *data, const struct reply *reply)
{
    int             rc;
    struct buf      key, ref;
    struct settle  *s = data;
    struct str      argv[3];

    if (reply == NULL || reply_type(reply) != REPLY_STRING) {
        settle_free(s);
        return;
    }

    s->queue = mem_copy(reply_str(reply).at, reply_str(reply).len);
    buf_init(&key, 512);
    buf_init(&ref, 2048);
    buf_format(&key, "{%s}:state", s->queue);
    buf_text(&ref, "ref:");
    buf_text(&ref, s->ref);

    argv[0] = STR("HGET");
    argv[1] = (struct str) { key.at, key.len };
    argv[2] = (struct str) { ref.at, ref.len };
    rc = redis_send(s->worker->redis, argv, 3, SETTLE_MS, on_letter, s);

    buf_free(&key);
    buf_free(&ref);
    if (rc != 0) {
        settle_free(s);
    }
}


static void settle_one(struct work *w, const struct event *e)
{
    struct settle  *s = mem_alloc(sizeof(*s));
    struct str      argv[] = { STR("HGET"), STR(SETTLE_KEY), e->ref };

    s->worker = w->worker;
    s->ref = mem_copy(e->ref.at, e->ref.len);
    s->account = mem_copy(e->account.at, e->account.len);
    s->echo = receipt_echo(w, e);
    s->conf = conf_hold(w->conf);

    if (redis_send(w->worker->redis, argv, 3, SETTLE_MS, on_queue, s) != 0) {
        settle_free(s);
    }
}


static void heard_hash(struct str account, struct str ref,
    struct heard *heard)
{
    static const unsigned char  key[SEEN_KEY_LEN];  /* it never leaves us */

    seen_hash(heard->hash, key, account, NONE, NONE, ref);
}


static void heard_note(struct work *w, const struct event *e)
{
    struct worker  *worker = w->worker;
    struct heard   *heard = &worker->refs[worker->nrefs++ % HEARD_MAX];

    free(heard->echo);
    heard->echo = receipt_echo(w, e);
    heard_hash(e->account, e->ref, heard);
}


/* settle_heard: Meta has spoken of what the step at sends, so it was sent */
bool settle_heard(struct work *w)
{
    size_t                i, n = w->worker->nrefs;
    struct heard          heard;
    const struct step    *step = &w->plan.steps[w->plan.at];
    const struct worker  *worker = w->worker;

    if (work_ref(w).len == 0) {
        return false;
    }

    heard_hash(sent_by(step, w->is_job ? &w->job : NULL, work_event(w, step)),
               work_ref(w), &heard);
    for (i = 0; i < n && i < HEARD_MAX; i++) {
        if (memcmp(worker->refs[i].hash, heard.hash, SEEN_LEN) == 0) {
            if (w->conf->people) {
                receipt_settled(w->worker, worker->refs[i].echo, work_ref(w),
                                &w->plan, w->plan.at, work_event(w, step));
            }
            return true;
        }
    }

    return false;
}


/* settle_event looks whether the record names sends that are ambiguous */
void settle_event(struct work *w)
{
    size_t               i;
    const struct event  *e;

    for (i = 0; i < w->record.nevents; i++) {
        e = &w->record.events[i];
        if (e->ref.len == 0
            || (e->kind != KIND_STATUS && e->kind != KIND_ECHO))
        {
            continue;
        }

        heard_note(w, e);
        if (w->worker->ambiguous) {
            settle_one(w, e);
        }
    }
}
