/* metactl send: a job onto the outbox, checked before it goes, and its result
   where somebody waits for it. */

#include "ctl_store.h"
#include "job.h"

#include <stdlib.h>

#include <openssl/rand.h>


#define SEND_FILE_MAX  (4 * 1024 * 1024)
#define SEND_WAIT_MS   30000


/* where the job goes, what it is, and where its result is looked for */
struct sending {
    const char  *queue;
    struct buf   job;
    struct buf   reply_to;      /* zero-terminated; empty: nobody waits */
    struct buf   id;
    long long    wait_ms;
};


/* a list, an object of one action, or a bare name */
static void send_actions(struct ctl *c, struct jw *j)
{
    const char       *text = c->opts.doo;
    struct json_doc  *doc;

    if (c->opts.text != NULL) {
        jw_open(j, "do", '[');
        jw_open(j, NULL, '{');
        jw_open(j, "reply", '{');
        jw_text(j, "text", c->opts.text);
        jw_close(j, '}');
        jw_close(j, '}');
        jw_close(j, ']');
        return;
    }

    doc = json_parse(text, strlen(text), strlen(text) * 20 + 65536);

    if (json_is(json_root(doc), JSON_ARRAY)) {
        jw_raw(j, "do", STR(text));
    } else {
        jw_open(j, "do", '[');
        if (doc != NULL) {
            jw_raw(j, NULL, STR(text));
        } else {
            jw_text(j, NULL, text);
        }
        jw_close(j, ']');
    }

    json_free(doc);
}


static void send_time(struct jw *j, const char *key, const char *text)
{
    long long  ms;

    if (text != NULL) {
        ms = time_length(text);
        jw_int(j, key, ms >= 0 ? time_now() + ms : time_when(text, 0));
    }
}


static void send_id(struct ctl *c, struct buf *id)
{
    size_t         i;
    unsigned char  random[8];

    buf_init(id, JOB_ID_MAX + 1);

    if (c->opts.id != NULL) {
        buf_text(id, c->opts.id);
        return;
    }

    if (RAND_bytes(random, sizeof(random)) != 1) {
        abort();
    }

    buf_text(id, "metactl-");
    for (i = 0; i < sizeof(random); i++) {
        buf_format(id, "%02x", random[i]);
    }
}


static void send_make(struct ctl *c, struct sending *s)
{
    struct jw     j;
    struct opts  *o = &c->opts;

    if ((o->text != NULL) == (o->doo != NULL)) {
        ctl_fail(CTL_USAGE, "say one of --text TEXT, --do JSON, or a FILE"
                 " that holds the job");
    }

    send_id(c, &s->id);
    jw_init(&j);
    jw_open(&j, NULL, '{');
    jw_int(&j, "v", 1);
    jw_str(&j, "id", (struct str) { s->id.at, s->id.len });
    if (o->account != NULL) {
        jw_text(&j, "account", o->account);
    }
    if (o->to != NULL) {
        jw_text(&j, "to", o->to);
    }
    send_actions(c, &j);
    if (o->key != NULL) {
        jw_text(&j, "key", o->key);
    }
    send_time(&j, "not_before", o->not_before);
    send_time(&j, "expires", o->expires);
    jw_text(&j, "priority", o->high ? "high" : "normal");
    if (o->idempotency != NULL) {
        jw_text(&j, "idempotency_key", o->idempotency);
    }
    jw_close(&j, '}');

    s->job = j.b;
}


/* the list of this job alone, put before the closing bracket */
static void send_reply_to(struct ctl *c, struct sending *s)
{
    struct buf  to;

    buf_init(&to, 1024);
    buf_text(&to, c->conf->reply_prefix);
    buf_text(&to, "metactl:");
    buf_str(&to, (struct str) { s->id.at, s->id.len });

    s->job.len--;
    s->job.max += 2048;
    buf_text(&s->job, ",\"reply_to\":");
    json_quote(&s->job, (struct str) { to.at, to.len });
    buf_text(&s->job, "}");

    buf_add(&to, "", 1);
    s->reply_to = to;
}


/* as meta-consumer will judge it */
static void send_check(struct ctl *c, struct sending *s)
{
    char           why[512];
    struct job     job;
    struct fault   f = { .action = 0 };
    struct target  target;

    if (job_parse((struct str) { s->job.at, s->job.len },
                  c->conf->reply_prefix, &job, &f)
        != JOB_OK)
    {
        fault_say(&f, why, sizeof(why));
        ctl_fail(CTL_FINDING, "it is no job: %s", why);
    }

    mask_refuse(job.to);

    if (job_check(&job, c->conf, &target, &f) != 0) {
        fault_say(&f, why, sizeof(why));
        ctl_fail(CTL_FINDING, "it would fail: %s", why);
    }

    if (s->id.len == 0) {
        buf_init(&s->id, JOB_ID_MAX + 1);
        buf_str(&s->id, job.id);
    }

    if (c->opts.wait != NULL && job.reply_to.len && s->reply_to.len == 0) {
        ctl_fail(CTL_USAGE, "the job says where its result goes (reply_to):"
                 " leave that out, or --wait");
    }

    job_free(&job);
}


static void send_queue(struct ctl *c, struct sending *s)
{
    size_t                    i;
    const struct conf_queue  *q = c->conf->queues.at;

    for (i = 0; i < c->conf->queues.n && s->queue == NULL; i++) {
        if (q[i].kind == QUEUE_JOBS && q[i].partitions == 1
            && (c->opts.queue == NULL
                || strcmp(c->opts.queue, q[i].name) == 0))
        {
            s->queue = q[i].name;
        }
    }

    if (s->queue == NULL) {
        ctl_fail(CTL_NOTHING, "%s has no queue of kind jobs%s%s", c->opts.file,
                 c->opts.queue != NULL ? " that is called " : "",
                 c->opts.queue != NULL ? c->opts.queue : "");
    }
}


static int send_result(struct ctl *c, struct str bytes)
{
    bool                ok;
    struct buf          b;
    struct json_doc    *doc = json_parse(bytes.at, bytes.len,
                                         bytes.len * 20 + 65536);
    const struct json  *root = json_root(doc), *r, *error;

    ok = json_is(json_get(root, "ok"), JSON_TRUE);
    buf_init(&b, (size_t) -1);

    if (c->opts.json) {
        mask_json(c, &b, root);
        buf_text(&b, "\n");
        out_print(&b);
        json_free(doc);
        return ok ? CTL_GOOD : CTL_FINDING;
    }

    out_color(c, &b, ok ? 'g' : 'r');
    buf_str(&b, json_get_text(root, "state"));
    out_color(c, &b, 0);
    buf_text(&b, "\n");

    r = json_get(root, "results");
    for (r = json_is(r, JSON_ARRAY) ? r->child : NULL; r != NULL;
         r = r->next)
    {
        error = json_get(r, "error");
        buf_text(&b, "  ");
        buf_str(&b, json_get_text(r, "action"));
        buf_text(&b, " ");
        if (json_is(json_get(r, "ok"), JSON_TRUE)) {
            mask_id(c, &b, json_get_text(r, "message"));
        } else {
            mask_words(c, &b, json_get_text(error, "text"));
            buf_text(&b, " ");
            mask_words(c, &b, json_get_text(error, "todo"));
        }
        buf_text(&b, "\n");
    }

    out_print(&b);
    json_free(doc);

    return ok ? CTL_GOOD : CTL_FINDING;
}


static int send_wait(struct ctl *c, struct sending *s)
{
    char                 seconds[32];
    struct ask          *w = mem_alloc(sizeof(*w));
    const struct reply  *r;

    snprintf(seconds, sizeof(seconds), "%.3f", (double) s->wait_ms / 1000);
    ask_text(w, "BLPOP");
    ask_text(w, s->reply_to.at);
    ask_text(w, seconds);
    r = db_ask(c->db, w, (unsigned) s->wait_ms + 10000);
    free(w);

    if (r == NULL) {
        ctl_fail(CTL_REDIS, "BLPOP: the connection to Redis went; job %.*s is"
                 " on its way", (int) s->id.len, s->id.at);
    }
    if (reply_is_error(r)) {
        ctl_refused("BLPOP", r);
    }
    if (reply_count(r) != 2) {
        ctl_fail(CTL_LATE, "no result yet; job %.*s stays in the outbox",
                 (int) s->id.len, s->id.at);
    }

    return send_result(c, reply_str(reply_at(r, 1)));
}


static void send_say(struct ctl *c, struct sending *s)
{
    struct jw  j;

    if (!c->opts.json) {
        printf("job %.*s is in %s%s\n", (int) s->id.len, s->id.at, s->queue,
               c->opts.high ? ", urgent" : "");
        return;
    }

    jw_init(&j);
    jw_open(&j, NULL, '{');
    jw_int(&j, "v", 1);
    jw_str(&j, "id", (struct str) { s->id.at, s->id.len });
    jw_text(&j, "queue", s->queue);
    jw_bool(&j, "urgent", c->opts.high);
    jw_close(&j, '}');
    jw_print(&j);
}


/* run_send pushes the job, and waits where that is wanted */
int run_send(struct ctl *c)
{
    int             code = CTL_GOOD;
    char            key[CTL_NAME_MAX];
    struct ask     *w = mem_alloc(sizeof(*w));
    struct sending  s = { .wait_ms = SEND_WAIT_MS };

    ctl_store(c);

    if (c->opts.wait != NULL && c->opts.wait[0] != '\0') {
        s.wait_ms = time_length(c->opts.wait);
        if (s.wait_ms <= 0 || s.wait_ms > 3600000) {
            ctl_fail(CTL_USAGE, "--wait takes 1ms to 1h: --wait=30s");
        }
    }

    send_queue(c, &s);
    if (c->nargs) {
        buf_init(&s.job, SEND_FILE_MAX);
        ctl_read(c->args[0], &s.job);
    } else {
        send_make(c, &s);
    }

    send_check(c, &s);
    if (c->opts.wait != NULL) {
        send_reply_to(c, &s);
        send_check(c, &s);
    }

    ask_text(w, "RPUSH");
    ask_text(w, c->opts.high ? key_of(key, s.queue, "urgent") : s.queue);
    ask_add(w, (struct str) { s.job.at, s.job.len });
    ctl_call(c, w);
    free(w);

    if (c->opts.wait == NULL) {
        send_say(c, &s);
    } else {
        code = send_wait(c, &s);
    }

    buf_free(&s.job);
    buf_free(&s.id);
    buf_free(&s.reply_to);

    return code;
}
