/* An event of several that fails for good: what others of the same change get
   goes on, and the change is buried when all of them are over. */

#include "work_own.h"
#include "graph_error.h"

#include <stdio.h>
#include <stdlib.h>


#define FAIL_MAX  4096


/* of one alone there is nobody to go on for; who may have been sent something
   waits for the word of it, and what makes the whole impossible is no fault of
   one event */
static bool is_of_one(const struct work *w, const char *reason)
{
    size_t                     i;
    static const char *const   whole[] = {
        "ambiguous", "poison", "state", "no_token"
    };

    for (i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        if (strcmp(reason, whole[i]) == 0) {
            return false;
        }
    }

    return !w->is_job && w->plan.decided && !work_long(w)
           && w->plan.at < w->plan.n;
}


static void fail_text(struct buf *b, const char *name, const char *text)
{
    if (text != NULL && *text) {
        buf_format(b, ",\"%s\":", name);
        json_quote(b, STR(text));
    }
}


/* it is read by fail_end */
static void fail_write(struct buf *b, const char *reason, const char *text,
    const struct verdict *v)
{
    buf_text(b, "{\"reason\":");
    json_quote(b, STR(reason));
    fail_text(b, "text", v != NULL ? v->message : text);

    if (v != NULL) {
        buf_format(b, ",\"rc\":%d,\"status\":%ld", (int) v->rc, v->status);
        fail_text(b, "trace", v->trace);
        if (v->raw) {
            buf_format(b, ",\"raw\":%zu", v->raw);
        }
        if (v->has_code) {
            buf_format(b, ",\"code\":%lld", v->code);
        }
        if (v->has_subcode) {
            buf_format(b, ",\"subcode\":%lld", v->subcode);
        }
    }

    buf_text(b, "}");
}


/* fail_event: true where others are still to come: w goes on with them */
bool fail_event(struct work *w, const char *reason, const char *text,
    const struct verdict *v)
{
    char        more[192];
    size_t      n;
    struct buf  b;

    if (!is_of_one(w, reason)
        || (plan_alone(&w->plan) && plan_failed(&w->plan) == w->plan.n))
    {
        return false;
    }

    buf_init(&b, FAIL_MAX);
    fail_write(&b, reason, text, v);
    ask_note(w, reason, more, sizeof(more));
    n = strlen(more);
    snprintf(more + n, sizeof(more) - n, " others=on");
    work_log(w, LOG_WARN, reason, more);
    plan_fail(&w->plan, b.over ? STR("{}") : (struct str) { b.at, b.len });
    buf_free(&b);
    work_mark(w, NULL, 0, work_next);

    return true;
}


static void fail_copy(char *out, size_t size, struct str s)
{
    snprintf(out, size, "%.*s", (int) (s.len < size ? s.len : size - 1),
             s.at);
}


static void fail_verdict(struct verdict *v, const struct json *e,
    enum product product)
{
    *v = (struct verdict) {
        .rc = (enum graph_rc) strtol(json_get_text(e, "rc").at, NULL, 10),
        .status = strtol(json_get_text(e, "status").at, NULL, 10),
        .raw = strtoul(json_get_text(e, "raw").at, NULL, 10),
        .has_code = json_get(e, "code") != NULL,
        .has_subcode = json_get(e, "subcode") != NULL,
        .code = strtoll(json_get_text(e, "code").at, NULL, 10),
        .subcode = strtoll(json_get_text(e, "subcode").at, NULL, 10)
    };

    fail_copy(v->message, sizeof(v->message), json_get_text(e, "text"));
    fail_copy(v->trace, sizeof(v->trace), json_get_text(e, "trace"));

    if (v->has_code) {
        v->row = graph_error_find(product, (long) v->code,
                                  v->has_subcode ? (long) v->subcode
                                  : ERROR_ANY);
    }
}


/* fail_end buries the record as the first that failed would have been; a
   requeue begins those anew that failed, and no others */
void fail_end(struct work *w)
{
    bool                 answered;
    char                 reason[64], text[LETTER_TEXT_MAX];
    struct verdict       v;
    struct json_doc     *doc;
    const struct json   *e;
    const struct step   *step;
    const struct event  *event;

    w->plan.at = plan_failed(&w->plan);
    step = &w->plan.steps[w->plan.at];
    event = work_event(w, step);
    doc = json_parse(step->error, strlen(step->error), JSON_TREE_MAX);
    e = json_root(doc);

    fail_copy(reason, sizeof(reason), json_get_text(e, "reason"));
    fail_copy(text, sizeof(text), json_get_text(e, "text"));
    fail_verdict(&v, e, event != NULL ? event->product : PRODUCT_NONE);
    answered = json_get(e, "rc") != NULL;
    json_free(doc);

    end_buried(w, *reason ? reason : "record", NULL, text,
               answered ? &v : NULL);
}
