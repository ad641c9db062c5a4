/* The result of a job, as it is pushed to reply_to (docs/outbox.md). */

#include "result.h"


static const char *const  states[] = {
    [RESULT_ACCEPTED] = "accepted", [RESULT_SENT] = "sent",
    [RESULT_DELIVERED] = "delivered", [RESULT_READ] = "read",
    [RESULT_AMBIGUOUS] = "ambiguous", [RESULT_DEAD] = "dead",
    [RESULT_EXPIRED] = "expired", [RESULT_DUPLICATE] = "duplicate"
};


/* "name": and the text, null where there is none */
static void member(struct buf *b, const char *name, const char *text)
{
    buf_format(b, "\"%s\":", name);

    if (text != NULL && *text != '\0') {
        json_quote(b, STR(text));
    } else {
        buf_text(b, "null");
    }
}


static void number(struct buf *b, const char *name, bool has, long long n)
{
    buf_format(b, "\"%s\":", name);

    if (has) {
        buf_format(b, "%lld", n);
    } else {
        buf_text(b, "null");
    }
}


static void write_error(struct buf *b, const struct result_error *e)
{
    static const struct fault   none;
    const struct fault         *f = e->fault != NULL ? e->fault : &none;

    buf_text(b, "{");
    number(b, "code", e->has_code, e->code);
    buf_text(b, ",");
    number(b, "subcode", e->has_subcode, e->subcode);
    buf_text(b, ",");
    member(b, "class", e->class);
    buf_text(b, ",");
    member(b, "meta", e->meta);
    buf_text(b, ",");
    member(b, "text", e->text != NULL ? e->text : f->text);
    buf_text(b, ",");
    member(b, "todo", e->todo);
    buf_text(b, ",");
    member(b, "parameter", f->parameter);
    buf_text(b, ",");
    member(b, "limit", f->limit);
    buf_text(b, ",");
    member(b, "value", f->value);
    buf_text(b, ",");
    member(b, "fbtrace_id", e->trace);
    buf_text(b, "}");
}


/* Meta's answer is its JSON, so what is none, or does not fit, is null */
static void write_answer(struct buf *b, struct str answer, size_t room)
{
    if (answer.len && answer.len <= room
        && json_valid(answer.at, answer.len))
    {
        buf_str(b, answer);
    } else {
        buf_text(b, "null");
    }
}


static void write_step(struct buf *b, const struct result_step *s,
    size_t room)
{
    buf_text(b, "{");
    member(b, "action", s->action);
    buf_text(b, s->ok ? ",\"ok\":true," : ",\"ok\":false,");

    if (!s->ok && s->error != NULL) {
        buf_text(b, "\"error\":");
        write_error(b, s->error);
        buf_text(b, "}");
        return;
    }

    buf_text(b, "\"message\":");
    if (s->message.len) {
        json_quote(b, s->message);
    } else {
        buf_text(b, "null");
    }

    buf_text(b, ",\"answer\":");
    write_answer(b, s->answer, room);
    buf_text(b, "}");
}


static void write_head(struct buf *b, struct str id, bool ok,
    enum result_state state)
{
    buf_text(b, "{\"v\":1,\"id\":");
    if (id.len) {
        json_quote(b, id);
    } else {
        buf_text(b, "null");
    }

    buf_format(b, ",\"ok\":%s,\"state\":\"%s\",\"results\":",
               ok ? "true" : "false", states[state]);
}


static void write_tail(struct buf *b, unsigned attempts, long long time)
{
    buf_format(b, ",\"attempts\":%u,\"time\":%lld}", attempts, time);
}


/* result_write writes one; each answer gets its share of the room */
void result_write(struct buf *b, const struct result *r)
{
    size_t  i;

    write_head(b, r->id, r->state <= RESULT_READ, r->state);
    buf_text(b, "[");

    for (i = 0; i < r->nsteps; i++) {
        buf_text(b, i ? "," : "");
        write_step(b, &r->steps[i], RESULT_MAX / r->nsteps);
    }

    buf_text(b, "]");
    write_tail(b, r->attempts, r->time);
}


/* result_fault writes that of a job that was never begun */
void result_fault(struct buf *b, struct str id, const struct fault *f,
    long long time)
{
    struct result_error  error = { .class = "ours", .fault = f };
    struct result_step   step = {
        .message = NONE, .answer = NONE, .error = &error
    };
    struct result        r = {
        .id = id, .state = RESULT_DEAD, .steps = &step, .nsteps = 1,
        .time = time
    };

    result_write(b, &r);
}


/* result_again writes the first one's result under another id */
bool result_again(struct buf *b, struct str first, struct str id,
    long long time)
{
    struct json_doc    *doc = json_parse(first.at, first.len, JSON_TREE_MAX);
    const struct json  *root = json_root(doc), *ok, *results;

    ok = json_get(root, "ok");
    results = json_get(root, "results");

    if (ok == NULL || !json_is(results, JSON_ARRAY)) {
        json_free(doc);
        return false;
    }

    write_head(b, id, json_is(ok, JSON_TRUE), RESULT_DUPLICATE);
    json_write(b, results);
    write_tail(b, 0, time);
    json_free(doc);

    return true;
}


/* result_state_name returns what the result calls it */
const char *result_state_name(enum result_state state)
{
    return states[state];
}
