/* A job: what a program wants done, an element of the outbox
   (docs/outbox.md). */

#include "job.h"

#include <stdio.h>
#include <stdlib.h>


#define JOB_TREE_MAX  (32 * 1024 * 1024)
#define JOB_KEY_MAX   500
#define JOB_TO_MAX    200

#define COUNT(table)  (sizeof(table) / sizeof((table)[0]))


struct reading {
    struct job    *job;
    const char    *prefix;
    struct fault  *f;
};

typedef int (*member_read)(struct reading *r, const struct json *j,
    const char *name);


static int read_v(struct reading *r, const struct json *j, const char *name);
static int read_text(struct reading *r, const struct json *j,
    const char *name);
static int read_account(struct reading *r, const struct json *j,
    const char *name);
static int read_do(struct reading *r, const struct json *j, const char *name);
static int read_reply_to(struct reading *r, const struct json *j,
    const char *name);
static int read_time(struct reading *r, const struct json *j,
    const char *name);
static int read_priority(struct reading *r, const struct json *j,
    const char *name);


/* those that are optional may be null, too */
static const struct {
    const char   *name;
    member_read   read;
    bool          needed;
    size_t        offset;
    size_t        max;          /* bytes of a text */
} members[] = {
    { "v", read_v, true, 0, 0 },
    { "id", read_text, true, offsetof(struct job, id), JOB_ID_MAX },
    { "reply_to", read_reply_to, false, 0, 0 },
    { "account", read_account, false, 0, 0 },
    { "to", read_text, false, offsetof(struct job, to), JOB_TO_MAX },
    { "key", read_text, false, offsetof(struct job, key), JOB_KEY_MAX },
    { "idempotency_key", read_text, false,
      offsetof(struct job, idempotency_key), JOB_ID_MAX },
    { "not_before", read_time, false, offsetof(struct job, not_before), 0 },
    { "expires", read_time, false, offsetof(struct job, expires), 0 },
    { "priority", read_priority, false, 0, 0 },
    { "do", read_do, true, 0, 0 }
};


static size_t member_find(struct str name)
{
    size_t  i;

    for (i = 0; i < COUNT(members) && !str_is(name, members[i].name); i++) {
    }

    return i;
}


static int read_v(struct reading *r, const struct json *j, const char *name)
{
    return json_is(j, JSON_NUMBER) && str_is(j->text, "1") ? 0
           : fault_set(r->f, name, NULL, json_text(j), "must be 1");
}


static int text_check(struct reading *r, const struct json *j,
    const char *name, size_t max)
{
    char    limit[32];
    size_t  i;

    if (!json_is(j, JSON_STRING)) {
        return fault_set(r->f, name, NULL, NONE, "must be a text");
    }

    if (j->text.len == 0 || j->text.len > max) {
        snprintf(limit, sizeof(limit), "%zu bytes", max);
        return fault_set(r->f, name, limit, NONE, "must have 1 to %zu bytes",
                         max);
    }

    for (i = 0; i < j->text.len; i++) {
        if ((unsigned char) j->text.at[i] < 0x20 || j->text.at[i] == 0x7f) {
            return fault_set(r->f, name, NULL, NONE,
                             "holds a control character");
        }
    }

    return 0;
}


static int read_text(struct reading *r, const struct json *j,
    const char *name)
{
    size_t  i = member_find(STR(name));

    if (text_check(r, j, name, members[i].max) != 0) {
        return -1;
    }

    *(struct str *) ((char *) r->job + members[i].offset) = j->text;

    return 0;
}


static int read_account(struct reading *r, const struct json *j,
    const char *name)
{
    struct str  id = json_text(j);

    if (!str_digits(id) || id.len > 32) {
        return fault_set(r->f, name, "32 digits", id,
                         "must be an id of 1 to 32 digits");
    }

    r->job->account = id;

    return 0;
}


/* what does not begin so might be any list of this Redis */
static int read_reply_to(struct reading *r, const struct json *j,
    const char *name)
{
    size_t  n = strlen(r->prefix);

    if (!json_is(j, JSON_STRING)) {
        return fault_set(r->f, name, NULL, NONE, "must be a text");
    }

    if (!list_name_good(j->text)) {
        return fault_set(r->f, name, NULL, j->text,
                         "must be 1 to 200 of A-Za-z0-9._:-");
    }

    if (j->text.len <= n || memcmp(j->text.at, r->prefix, n) != 0) {
        return fault_set(r->f, name, r->prefix, j->text, "must begin with"
                         " \"%s\", outbox.reply_prefix of the configuration",
                         r->prefix);
    }

    r->job->reply_to = j->text;

    return 0;
}


static int read_time(struct reading *r, const struct json *j,
    const char *name)
{
    size_t      i = member_find(STR(name));
    long long   ms = 0;

    if (time_parse(j, &ms) != 0) {
        return fault_set(r->f, name, NULL, json_is(j, JSON_STRING)
                         || json_is(j, JSON_NUMBER) ? j->text : NONE,
                         "must be milliseconds since 1970 as an integer, or"
                         " RFC 3339 with an offset:"
                         " \"2026-11-22T09:30:00+02:00\"");
    }

    *(long long *) ((char *) r->job + members[i].offset) = ms;

    return 0;
}


static int read_priority(struct reading *r, const struct json *j,
    const char *name)
{
    struct str  text = json_is(j, JSON_STRING) ? j->text : NONE;

    return str_is(text, "normal") || str_is(text, "high") ? 0
           : fault_set(r->f, name, NULL, text, "must be normal or high");
}


static int read_do(struct reading *r, const struct json *j, const char *name)
{
    char  inner[sizeof(r->f->parameter)];

    if (actions_parse(j, ACTION_LIST_MAX, false, &r->job->actions,
                      &r->job->nactions, r->f) == 0)
    {
        return 0;
    }

    if (*r->f->parameter == '\0') {
        snprintf(inner, sizeof(inner), "%s", name);
        memcpy(r->f->parameter, inner, sizeof(inner));
    }

    return -1;
}


/* each member once, and no others; the fault that stays is the first in the
   order of the table, so that id and reply_to are read before it */
static int job_members(struct reading *r, const struct json *root)
{
    size_t              i;
    const struct json  *c, *j;

    for (i = 0; i < COUNT(members); i++) {
        j = json_get(root, members[i].name);

        if (j == NULL || (json_is(j, JSON_NULL) && !members[i].needed)) {
            if (members[i].needed) {
                return fault_set(r->f, members[i].name, NULL, NONE,
                                 "is missing");
            }
            continue;
        }

        if (members[i].read(r, j, members[i].name) != 0) {
            return -1;
        }
    }

    for (c = root->child; c != NULL; c = c->next) {
        i = member_find(c->key);
        if (i == COUNT(members)) {
            return fault_set(r->f, "", NULL, c->key, "unknown member"
                             " \"%.*s\"", (int) (c->key.len < 64 ? c->key.len
                             : 64), c->key.at);
        }

        if (json_get(root, members[i].name) != c) {
            return fault_set(r->f, members[i].name, NULL, NONE,
                             "stands there twice");
        }
    }

    return 0;
}


/* jobs of one account and person are worked one after another, and so are
   those of one idempotency_key; no key holds a control character */
static void job_name_lines(struct job *job)
{
    size_t      n;
    struct buf  b;

    buf_init(&b, JOB_KEY_MAX + JOB_TO_MAX + JOB_ID_MAX);
    buf_str(&b, job->account);
    buf_text(&b, ":");
    buf_str(&b, job->to);
    n = b.len;
    buf_text(&b, "\2");
    buf_str(&b, job->idempotency_key);
    job->own = b.at;

    if (job->key.len == 0 && job->account.len && job->to.len) {
        job->key = (struct str) { b.at, n };
    }

    if (job->idempotency_key.len) {
        job->twin = (struct str) { b.at + n, b.len - n };
    }
}


/* job_lines tells them */
size_t job_lines(const struct job *job, struct str lines[JOB_LINES_MAX])
{
    size_t  n = 0;

    if (job->key.len) {
        lines[n++] = job->key;
    }

    if (job->twin.len) {
        lines[n++] = job->twin;
    }

    return n;
}


static bool job_is_newer(const struct json *root)
{
    const struct json  *v = json_get(root, "v");

    return json_is(v, JSON_NUMBER) && str_digits(v->text)
           && v->text.at[0] != '0' && !str_is(v->text, "1");
}


/* job_parse reads a job */
enum job_rc job_parse(struct str bytes, const char *prefix, struct job *job,
    struct fault *f)
{
    size_t              max = bytes.len * 20 + 64 * 1024;
    struct fault        first;
    struct reading      r = { job, prefix, f };
    const struct json  *root;

    *f = (struct fault) { .action = 0 };
    *job = (struct job) {
        .id = NONE, .account = NONE, .to = NONE, .key = NONE,
        .twin = NONE, .reply_to = NONE, .idempotency_key = NONE
    };

    if (!json_all_utf8(bytes)) {
        fault_set(f, "", NULL, NONE, "is not UTF-8");
        return JOB_FAULTY;
    }

    job->doc = json_parse(bytes.at, bytes.len,
                          max < JOB_TREE_MAX ? max : JOB_TREE_MAX);
    root = json_root(job->doc);

    if (!json_is(root, JSON_OBJECT)) {
        fault_set(f, "", NULL, NONE, "is no JSON object, or one too large");
        return JOB_FAULTY;
    }

    if (job_is_newer(root)) {
        return JOB_NEWER;
    }

    if (job_members(&r, root) == 0) {
        job_name_lines(job);
        return JOB_OK;
    }

    /* whoever waits for the result shall hear of it */
    first = *f;
    if (job->id.len == 0 && json_get(root, "id") != NULL) {
        read_text(&r, json_get(root, "id"), "id");
    }
    if (job->reply_to.len == 0 && json_get(root, "reply_to") != NULL) {
        read_reply_to(&r, json_get(root, "reply_to"), "reply_to");
    }
    *f = first;

    return JOB_FAULTY;
}


/* job_free releases what job_parse made */
void job_free(struct job *job)
{
    actions_free(job->actions, job->nactions);
    free(job->own);
    json_free(job->doc);
    *job = (struct job) { .nactions = 0 };
}


/* job_check reads where it writes to, and asks each action */
int job_check(const struct job *job, const struct conf *conf,
    struct target *target, struct fault *f)
{
    struct action_place  place = { .from = FROM_JOB };

    *target = (struct target) {
        .account = job->account, .sender = job->account, .to = NONE,
        .message = NONE
    };

    if (job->account.len && job->to.len) {
        if (target_of(target, conf, PRODUCT_NONE, job->account, job->to,
                      "to", f) != 0)
        {
            return -1;
        }
        place.addressed = true;
        place.target = target;

    } else if (job->account.len) {
        target->product = target_product(conf, job->account, NONE);
    }

    place.product = target->product;

    return actions_check(job->actions, job->nactions, &place, conf, f);
}
