/* Graph answers: what they mean. */

#include "graph_judge.h"

#include <stdio.h>
#include <stdlib.h>


#define JUDGE_TREE_MAX  (8 * 1024 * 1024)
#define JUDGE_WORDS     64

static const char  word[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";


/* Meta quotes a faulty token in its message */
static void judge_hide(char *text, const char *secret)
{
    char    *at;
    size_t   n, len = strlen(secret);

    for (at = text; len && (at = strstr(at, secret)) != NULL; at += len) {
        memset(at, '*', len);
    }

    for (at = text; (at = strstr(at, "EA")) != NULL; at += n) {
        n = strspn(at, word);
        if (n >= 20) {
            memset(at, '*', n);
        }
    }

    for (at = text; (at = strstr(at, "IG")) != NULL; at += n) {
        n = strspn(at, word);
        if (n >= 40) {
            memset(at, '*', n);
        }
    }
}


/* where a token begins behind the word access_token: of a query, as in the
   URLs of pages to come, or as a member; NULL: that is none */
static char *hide_value(char *at)
{
    if (*at == '=') {
        return at + 1;
    }

    if (*at++ != '"') {
        return NULL;
    }
    at += strspn(at, " \t\r\n");
    if (*at++ != ':') {
        return NULL;
    }
    at += strspn(at, " \t\r\n");

    return *at == '"' ? at + 1 : NULL;
}


/* graph_hide: what is JSON stays JSON, and ids of messages are no tokens,
   whatever they look like in the middle */
void graph_hide(char *body, const char *secret)
{
    bool         query;
    char        *at, *value;
    size_t       n, len = strlen(secret);
    const char   name[] = "access_token";

    for (at = body; len && (at = strstr(at, secret)) != NULL; at += len) {
        memset(at, '*', len);
    }

    for (at = body; (at = strstr(at, name)) != NULL; ) {
        at += sizeof(name) - 1;
        query = *at == '=';
        value = hide_value(at);

        while (value != NULL && *value != '\0' && *value != '"'
               && !(query && strchr("&#\\", *value) != NULL))
        {
            if (*value == '\\' && value[1] != '\0') {
                *value++ = '*';
            }
            *value++ = '*';
        }
    }

    for (at = body; (at = strchr(at, '"')) != NULL; ) {
        n = strspn(++at, word);
        if ((n >= 20 && memcmp(at, "EA", 2) == 0)
            || (n >= 40 && memcmp(at, "IG", 2) == 0))
        {
            memset(at, '*', n);
        }
    }
}


/* hides before it cuts: half a token is one, too */
static void judge_text(char *out, size_t size, struct str text,
    const char *secret)
{
    size_t  n = text.len < size - 1 ? text.len : size - 1;
    char   *copy;

    if (text.len == 0) {
        out[0] = '\0';
        return;
    }

    copy = mem_copy(text.at, text.len);
    judge_hide(copy, secret);
    memcpy(out, copy, n);
    out[n] = '\0';
    free(copy);
}


static void judge_message(struct verdict *v, struct str text,
    const char *secret)
{
    judge_text(v->message, sizeof(v->message), text, secret);
}


/* an fbtrace_id goes to the log as it is, so anything else is left out */
static void judge_trace(struct verdict *v, struct str trace,
    const char *secret)
{
    static const char  plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    if (trace.len < sizeof(v->trace)) {
        memcpy(v->trace, trace.at, trace.len);
        v->trace[trace.len] = '\0';
        if (strspn(v->trace, plain) != trace.len) {
            v->trace[0] = '\0';
        }
        judge_hide(v->trace, secret);
    }
}


static void judge_number(const struct json *j, bool *has, long long *n)
{
    struct str  s = NONE;

    if (json_is(j, JSON_NUMBER) || json_is(j, JSON_STRING)) {
        s = j->text;
    }

    *has = s.len > 0 && s.len < 19
           && str_digits((struct str) { s.at + (*s.at == '-'),
                                        s.len - (*s.at == '-') });
    *n = *has ? strtoll(s.at, NULL, 10) : 0;
}


static bool judge_true(const struct json *j)
{
    return json_is(j, JSON_TRUE) || str_is(json_text(j), "true");
}


/* what names the faulty parameter: an object, or the same as a text; else
   what Meta would show to a user */
static void judge_details(struct verdict *v, const struct json *error,
    const char *secret)
{
    struct str          text;
    struct json_doc    *doc = NULL;
    const struct json  *data = json_get(error, "error_data");

    text = json_text(data);
    if (json_is(data, JSON_STRING)) {
        doc = json_parse(text.at, text.len, JUDGE_TREE_MAX);
        if (json_is(json_root(doc), JSON_OBJECT)) {
            data = json_root(doc);
            text = NONE;
        }
    }

    if (json_is(data, JSON_OBJECT)) {
        text = json_get_text(data, "details");
    }

    if (text.len == 0) {
        text = json_get_text(error, "error_user_msg");
    }

    judge_text(v->details, sizeof(v->details), text, secret);
    json_free(doc);
}


static void judge_row(struct verdict *v, enum product product)
{
    v->row = graph_error_find(product, v->has_code ? (long) v->code : 0,
                              v->has_subcode ? (long) v->subcode : ERROR_ANY);
}


static void judge_error(struct verdict *v, const struct json *error,
    enum product product, const char *secret)
{
    v->rc = GRAPH_ERROR;
    judge_number(json_get(error, "code"), &v->has_code, &v->code);
    judge_number(json_get(error, "error_subcode"), &v->has_subcode,
                 &v->subcode);
    v->transient |= judge_true(json_get(error, "is_transient"));
    judge_message(v, error->type == JSON_STRING ? error->text
                  : json_get_text(error, "message"), secret);
    judge_details(v, error, secret);
    judge_trace(v, json_get_text(error, "fbtrace_id"), secret);
    judge_row(v, product);
}


/* {"error_type","code","error_message"}: Instagram's token exchange */
static void judge_instagram(struct verdict *v, const struct json *root,
    enum product product, const char *secret)
{
    v->rc = GRAPH_ERROR;
    judge_number(json_get(root, "code"), &v->has_code, &v->code);
    judge_message(v, json_get_text(root, "error_message"), secret);
    judge_trace(v, json_get_text(root, "fbtrace_id"), secret);
    judge_row(v, product);
}


static bool judge_failed(const struct json *success)
{
    struct str  text = json_text(success);

    return json_is(success, JSON_FALSE) || str_is(text, "false")
           || str_is(text, "0");
}


/* what is neither an object nor a batch: true is what old edges answer */
static bool judge_odd(const struct json *root, struct str body)
{
    return body.len > 0 && !json_is(root, JSON_OBJECT)
           && !json_is(root, JSON_ARRAY) && !json_is(root, JSON_TRUE);
}


/* what Meta's front says in plain text, also with status 200 */
static bool judge_unavailable(struct str body)
{
    char  text[JUDGE_WORDS];

    if (body.len >= sizeof(text)) {
        return false;
    }

    memcpy(text, body.at, body.len);
    text[body.len] = '\0';

    return strstr(text, "Service Unavailable") != NULL;
}


static void judge_answer(struct verdict *v, const char *why, struct str body,
    const char *secret)
{
    v->rc = GRAPH_ANSWER;
    v->raw = why == NULL ? body.len : 0;
    judge_message(v, why != NULL ? STR(why) : body, secret);
}


/* an object, a scalar, or no JSON at all; by the body, and by the status only
   where that says nothing */
static void judge_body(struct verdict *v, const struct json *root,
    enum product product, const char *secret)
{
    const struct json  *error = json_get(root, "error");

    v->transient = v->status >= 500 || v->status == 429;

    if (error != NULL && !json_is(error, JSON_NULL)) {
        judge_error(v, error, product, secret);

    } else if (json_get(root, "error_type") != NULL
               || json_get(root, "error_message") != NULL)
    {
        judge_instagram(v, root, product, secret);

    } else if (judge_failed(json_get(root, "success"))) {
        judge_answer(v, "success is false", NONE, secret);

    } else if (v->status < 200 || v->status > 299
               || judge_odd(root, v->body))
    {
        v->transient |= judge_unavailable(v->body);
        judge_answer(v, NULL, v->body, secret);
    }
}


static bool is_item(const struct json *j)
{
    return json_is(j, JSON_NULL)
           || (json_get(j, "code") != NULL && json_get(j, "body") != NULL);
}


/* the answer to a batch: the first item that failed speaks for it, but what
   is a success stays one, so it is not to be repeated as a whole */
static void judge_batch(struct verdict *v, const struct json *root,
    enum product product, const char *secret)
{
    unsigned            n = 0;
    struct verdict      one;
    const struct json  *item;

    for (item = root->child; item != NULL && is_item(item); item = item->next)
    {
        n++;
        json_free(graph_judge_item(item, product, secret, &one));

        if (one.rc != GRAPH_OK) {
            one.status = v->status;
            one.ms = v->ms;
            one.body = v->body;
            one.root = v->root;
            one.item = n;
            one.transient = false;
            *v = one;
            return;
        }
    }
}


/* graph_judge_item decides about one element of a batch's answer */
struct json_doc *graph_judge_item(const struct json *item,
    enum product product, const char *secret, struct verdict *v)
{
    bool              has;
    long long         status;
    struct json_doc  *doc;

    *v = (struct verdict) { .body = NONE };

    if (json_is(item, JSON_NULL)) {
        v->transient = true;
        judge_answer(v, "Meta did not come to this part of the batch", NONE,
                     secret);
        return NULL;
    }

    judge_number(json_get(item, "code"), &has, &status);
    v->status = has ? (long) status : 0;
    v->body = json_get_text(item, "body");
    doc = json_parse(v->body.at, v->body.len, JUDGE_TREE_MAX);
    v->root = json_root(doc);
    judge_body(v, v->root, product, secret);

    return doc;
}


/* graph_judge decides by the body, and by the status only without one */
struct json_doc *graph_judge(const struct http_answer *answer,
    enum product product, const char *secret, struct verdict *v)
{
    struct json_doc  *doc;

    *v = (struct verdict) {
        .status = answer->status, .ms = answer->ms, .body = NONE
    };

    if (answer->outcome != HTTP_ANSWERED) {
        v->rc = answer->outcome == HTTP_UNSENT ? GRAPH_UNREACHABLE
                : GRAPH_AMBIGUOUS;
        judge_message(v, STR(answer->why), secret);
        return NULL;
    }

    v->body = answer->body;
    doc = json_parse(v->body.at, v->body.len, JUDGE_TREE_MAX);
    v->root = json_root(doc);
    judge_body(v, v->root, product, secret);

    if (v->rc == GRAPH_OK && json_is(v->root, JSON_ARRAY)) {
        judge_batch(v, v->root, product, secret);
    }

    return doc;
}
