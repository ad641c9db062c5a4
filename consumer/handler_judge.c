/* What a handler's answer means: a pure function of status, headers and body
   (the table of docs/consumer.md). */

#include "handler.h"


#define TYPE_MAX  64


/* after the first attempt that failed, the second...; then it is given up */
static const uint64_t  delays[] = {
    5000, 30 * 1000, 2 * 60 * 1000, 10 * 60 * 1000, 60 * 60 * 1000
};


/* handler_delay returns ms until the next attempt, 0: there is none */
uint64_t handler_delay(unsigned attempts)
{
    size_t  n = sizeof(delays) / sizeof(delays[0]);

    return attempts >= 1 && attempts <= n ? delays[attempts - 1] : 0;
}


static bool is_blank(struct str s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (strchr(" \t\r\n", s.at[i]) == NULL || s.at[i] == '\0') {
            return false;
        }
    }

    return true;
}


/* a page that tells people what went wrong is known by its type */
static int judge_fault(const struct http_answer *http, struct str type,
    const char *what, struct fault *f)
{
    size_t             n = 0;
    static const char  plain[] = "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/+-.";

    while (n < type.len && n < TYPE_MAX
           && memchr(plain, type.at[n], sizeof(plain) - 1) != NULL)
    {
        n++;
    }

    return fault_set(f, "", NULL, NONE, "%s (HTTP %ld, %s%.*s)", what,
                     http->status, n ? "" : "no Content-Type", (int) n,
                     n ? type.at : "");
}


/* {"actions": [...]}, and nothing beside it that we would not run */
static int judge_object(const struct json *root,
    const struct http_answer *http, struct str type,
    const struct conf_handler *handler, const struct action_place *place,
    const struct conf *conf, struct handler_answer *answer)
{
    struct fault         *f = &answer->fault;
    const struct json    *c;
    struct action_place   here = *place;

    if (!json_is(root, JSON_OBJECT)) {
        return judge_fault(http, type, "the answer is no JSON object", f);
    }

    for (c = root->child; c != NULL; c = c->next) {
        if (!str_is(c->key, "actions") || c != root->child) {
            return fault_set(f, "", NULL, c->key, "the answer may hold"
                             " \"actions\" once, and nothing else");
        }
    }

    if (root->child == NULL) {
        return 0;
    }

    here.from = FROM_HANDLER;

    return actions_parse(root->child, handler->max_actions, true,
                         &answer->actions, &answer->nactions, f) != 0 ? -1
           : actions_check(answer->actions, answer->nactions, &here, conf, f);
}


static void judge_body(const struct http_answer *http, struct str type,
    const struct conf_handler *handler, const struct action_place *place,
    const struct conf *conf, struct handler_answer *answer)
{
    int               rc;
    struct str        body = http->body;
    struct json_doc  *doc;

    if (body.len > handler->max_answer) {
        answer->what = HANDLER_FAULTY;
        fault_set(&answer->fault, "", NULL, NONE, "the answer has %zu bytes;"
                  " there may be %lu", body.len, handler->max_answer);
        return;
    }

    if (!json_all_utf8(body)) {
        answer->what = HANDLER_FAULTY;
        judge_fault(http, type, "the answer is not UTF-8", &answer->fault);
        return;
    }

    if (is_blank(body)) {
        return;
    }

    doc = json_parse(body.at, body.len, JSON_TREE_MAX);
    rc = judge_object(json_root(doc), http, type, handler, place, conf,
                      answer);
    json_free(doc);

    if (rc != 0) {
        actions_free(answer->actions, answer->nactions);
        answer->actions = NULL;
        answer->nactions = 0;
        answer->what = HANDLER_FAULTY;

    } else if (answer->nactions) {
        answer->what = HANDLER_ACTIONS;
    }
}


/* handler_judge says what is to be done next */
void handler_judge(const struct http_answer *http, struct str retry_after,
    struct str type, const struct conf_handler *handler,
    const struct action_place *place, const struct conf *conf, long long now,
    struct handler_answer *answer)
{
    long  status = http->status;

    *answer = (struct handler_answer) {
        .what = HANDLER_NOTHING, .why = "", .counted = true, .ms = http->ms,
        .status = status
    };

    if (http->outcome != HTTP_ANSWERED) {
        answer->what = HANDLER_AGAIN;
        answer->status = 0;
        answer->why = http->why;

    } else if (status == 202 || status == 204) {
        return;

    } else if (status >= 200 && status < 300) {
        judge_body(http, type, handler, place, conf, answer);

    } else if (status == 408 || status == 425 || status == 429
               || status >= 500)
    {
        answer->what = HANDLER_AGAIN;
        answer->why = "it says that it cannot now";
        answer->wait_ms = (uint64_t) http_retry_after(retry_after, now);

    } else {
        answer->what = HANDLER_REFUSED;
        answer->why = "it refuses the event";
    }
}
