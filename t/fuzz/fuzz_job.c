/*
 * Jobs: what is accepted can be kept, checked and sent; what is refused gives
 * a result that says why.
 */

#include <stdint.h>
#include <stdlib.h>

#include "consumer/job.h"
#include "consumer/result.h"


#define check(condition)  ((condition) ? (void) 0 : abort())


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static struct conf_token  tokens[] = {
    { .kind = TOKEN_WHATSAPP, .id = (char *) "389" },
    { .kind = TOKEN_PAGE, .id = (char *) "118" },
    { .kind = TOKEN_INSTAGRAM, .id = (char *) "178" }
};
static struct conf_queue  queue = { .name = (char *) "meta:outbox" };
static char              *mine = (char *) "mine";
static const struct conf  conf = {
    .tokens = { tokens, 3 }, .queues = { &queue, 1 },
    .push_lists = { &mine, 1 }
};


static void is_json(struct buf *b)
{
    check(!b->over && json_valid(b->at, b->len));
    buf_free(b);
}


static void fuzz_fault(const struct job *job, const struct fault *f)
{
    char        said[600];
    struct buf  b;

    check(*f->text != '\0' && strchr(f->text, '\n') == NULL);
    fault_say(f, said, sizeof(said));
    check(strlen(said) < sizeof(said) - 1);

    buf_init(&b, RESULT_MAX * 2);
    result_fault(&b, job->id, f, 1);
    is_json(&b);
}


/* what is kept is read as the same again */
static void fuzz_again(const struct action *a)
{
    struct fault      f;
    struct action     again;
    struct json_doc  *doc = json_parse(a->json.at, a->json.len,
                                       JSON_TREE_MAX);

    if (doc == NULL) {
        return;         /* its tree takes more than an action may */
    }

    check(action_parse(json_root(doc), &again, &f) == 0);
    check(again.kind == a->kind && str_equal(again.json, a->json));
    action_free(&again);
    json_free(doc);
}


static void fuzz_call(const struct action *a, const struct target *job)
{
    const char         *why;
    struct fault        f;
    struct target       t = *job;
    struct reply_call   call;

    if (!action_calls(a)) {
        return;
    }

    if (a->kind == ACTION_SEND) {
        check(target_of(&t, &conf, PRODUCT_NONE, STR(a->account), STR(a->to),
                        "send.to", &f) == 0);
    }

    why = reply_call(&call, a, &t, STR("job"));
    check(why != NULL || call.body.len == 0
          || json_valid(call.body.at, call.body.len));
    check(memchr(call.path.at, '?', call.path.len) == NULL);
    reply_call_free(&call);
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t         i;
    struct job     job;
    struct str     lines[JOB_LINES_MAX];
    struct fault   f;
    struct target  t;
    enum job_rc    rc;

    rc = job_parse((struct str) { (const char *) data, size }, "meta:reply:",
                   &job, &f);

    check(job.reply_to.len == 0
          || (job.reply_to.len > 11
              && memcmp(job.reply_to.at, "meta:reply:", 11) == 0));

    if (rc == JOB_FAULTY) {
        fuzz_fault(&job, &f);
    }

    if (rc == JOB_OK) {
        check(job.id.len > 0 && job.id.len <= JOB_ID_MAX);
        check(job.nactions > 0 && job.nactions <= ACTION_LIST_MAX);
        for (i = 0; i < job_lines(&job, lines); i++) {
            check(lines[i].len > 0
                  && memchr(lines[i].at, '\0', lines[i].len) == NULL);
        }

        for (i = 0; i < job.nactions; i++) {
            fuzz_again(&job.actions[i]);
        }

        if (job_check(&job, &conf, &t, &f) != 0) {
            fuzz_fault(&job, &f);
        } else {
            for (i = 0; i < job.nactions; i++) {
                fuzz_call(&job.actions[i], &t);
            }
        }
    }

    job_free(&job);

    return 0;
}
