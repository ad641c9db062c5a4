/* Graph API: which token, which URL, and what an answer means. */

#include "graph.h"

#include <stdio.h>
#include <stdlib.h>


#define GRAPH_TREE_MAX  (8 * 1024 * 1024)
#define GRAPH_URL_MAX   1024


struct flight {
    graph_cb      cb;
    void         *data;
    struct conf  *conf;     /* holds the token */
    const char   *secret;
};


struct page {
    struct conf         *conf;
    struct conf_token   *token;
};


static bool token_fits(const struct conf_token *t, enum product product)
{
    return t->kind == TOKEN_SYSTEM_USER
           || t->kind == (product == PRODUCT_WHATSAPP ? TOKEN_WHATSAPP
                          : TOKEN_PAGE);
}


/* graph_token picks the most exact token for an account */
const struct conf_token *graph_token(const struct conf *conf,
    enum product product, struct str account, struct str waba)
{
    int                       rank, best = 0;
    size_t                    i;
    const struct conf_token  *t = conf->tokens.at, *found = NULL;

    for (i = 0; i < conf->tokens.n; i++) {
        if (!token_fits(&t[i], product)) {
            continue;
        }

        rank = 0;
        if (t[i].id != NULL && str_is(account, t[i].id)) {
            rank = 5;
        } else if (t[i].waba != NULL && str_is(waba, t[i].waba)) {
            rank = 4;
        } else if (t[i].fallback) {
            rank = t[i].kind == TOKEN_SYSTEM_USER ? 2 : 3;
        }

        if (rank > best) {
            best = rank;
            found = &t[i];
        }
    }

    return found;
}


/* Meta quotes a faulty token in its message */
static void graph_hide(char *text, const char *secret)
{
    char    *at;
    size_t   n, len = strlen(secret);

    for (at = text; len && (at = strstr(at, secret)) != NULL; at += len) {
        memset(at, '*', len);
    }

    for (at = text; (at = strstr(at, "EA")) != NULL; at += n) {
        n = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                   "0123456789");
        if (n >= 20) {
            memset(at, '*', n);
        }
    }
}


static void graph_message(struct verdict *v, struct str text,
    const char *secret)
{
    size_t  n = text.len < GRAPH_MESSAGE_MAX - 1 ? text.len
                : GRAPH_MESSAGE_MAX - 1;
    char   *copy = mem_copy(text.at, text.len);

    graph_hide(copy, secret);   /* before it is cut: half a token is one, too */
    memcpy(v->message, copy, n);
    v->message[n] = '\0';
    free(copy);
}


/* an fbtrace_id goes to the log as it is, so anything else is left out */
static void graph_trace(struct verdict *v, struct str trace,
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
        graph_hide(v->trace, secret);
    }
}


static void graph_number(const struct json *j, bool *has, long long *n)
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


static void graph_error(struct verdict *v, const struct json *error,
    const char *secret)
{
    v->rc = GRAPH_ERROR;
    graph_number(json_get(error, "code"), &v->has_code, &v->code);
    graph_number(json_get(error, "error_subcode"), &v->has_subcode,
                 &v->subcode);
    graph_message(v, error->type == JSON_STRING ? error->text
                  : json_get_text(error, "message"), secret);
    graph_trace(v, json_get_text(error, "fbtrace_id"), secret);
}


/* graph_judge decides by the body, and by the status only without one */
void graph_judge(const struct http_answer *answer, const char *secret,
    struct verdict *v)
{
    struct json_doc    *doc;
    const struct json  *root, *error, *success;

    *v = (struct verdict) { .status = answer->status, .ms = answer->ms };

    if (answer->outcome != HTTP_ANSWERED) {
        v->rc = answer->outcome == HTTP_UNSENT ? GRAPH_UNREACHABLE
                : GRAPH_AMBIGUOUS;
        graph_message(v, STR(answer->why), secret);
        return;
    }

    doc = json_parse(answer->body.at, answer->body.len, GRAPH_TREE_MAX);
    root = json_root(doc);
    error = json_get(root, "error");
    success = json_get(root, "success");

    if (error != NULL) {
        graph_error(v, error, secret);

    } else if (json_is(success, JSON_FALSE)
               || str_is(json_text(success), "false"))
    {
        v->rc = GRAPH_ANSWER;
        graph_message(v, STR("success is false"), secret);

    } else if (answer->status < 200 || answer->status > 299
               || (answer->body.len > 0 && !json_is(root, JSON_OBJECT)))
    {
        v->rc = GRAPH_ANSWER;
        graph_message(v, answer->body, secret);
    }

    json_free(doc);
}


/* graph_reason names a failure as dead letters and logs do */
const char *graph_reason(enum graph_rc rc)
{
    static const char *const  reasons[] = {
        [GRAPH_OK] = "", [GRAPH_ERROR] = "graph_error",
        [GRAPH_ANSWER] = "graph_answer",
        [GRAPH_UNREACHABLE] = "unreachable", [GRAPH_AMBIGUOUS] = "ambiguous"
    };

    return reasons[rc];
}


static void on_answer(void *data, const struct http_answer *answer)
{
    struct flight   *f = data;
    struct verdict   v;

    graph_judge(answer, f->secret, &v);
    f->cb(f->data, &v);
    conf_drop(f->conf);
    free(f);
}


/* graph_send puts one call on the wire */
void graph_send(struct http *http, const struct conf *conf,
    const struct conf_token *token, struct str account, struct str body,
    graph_cb cb, void *data)
{
    char                  url[GRAPH_URL_MAX];
    struct flight        *f = mem_alloc(sizeof(*f));
    struct http_request   request = {
        .url = url, .bearer = token->secret, .ca_file = conf->ca_file,
        .body = body
    };

    snprintf(url, sizeof(url), "%s/%s/%.*s/messages", conf->base_url,
             conf->version, (int) account.len, account.at);

    f->cb = cb;
    f->data = data;
    f->conf = conf_hold((struct conf *) conf);
    f->secret = token->secret;

    http_start(http, &request, on_answer, f);
}


/* a token whose Page is known is no longer one for every Page */
static void on_page(void *data, const struct http_answer *answer)
{
    struct str        id;
    struct page      *page = data;
    struct verdict    v;
    struct json_doc  *doc;

    graph_judge(answer, page->token->secret, &v);
    doc = json_parse(answer->body.at, answer->body.len, GRAPH_TREE_MAX);
    id = json_get_text(json_root(doc), "id");

    if (v.rc == GRAPH_OK && str_digits(id)) {
        page->token->id = mem_copy(id.at, id.len);
        page->token->fallback = false;
        log_write(LOG_INFO, "the token of PAGE_ACCESS_TOKEN is Page %s's",
                  page->token->id);
    } else {
        log_write(LOG_WARN, "PAGE_ACCESS_TOKEN: /me does not say whose it is"
                  " (status=%ld code=%lld); it is used for every Page",
                  v.status, v.code);
    }

    json_free(doc);
    conf_drop(page->conf);
    free(page);
}


/* graph_ask_pages asks /me whose the Page token of the environment is */
void graph_ask_pages(struct http *http, struct conf *conf)
{
    char                  url[GRAPH_URL_MAX];
    size_t                i;
    struct page          *page;
    struct conf_token    *t = conf->tokens.at;
    struct http_request   request = { .url = url, .ca_file = conf->ca_file };

    snprintf(url, sizeof(url), "%s/%s/me?fields=id", conf->base_url,
             conf->version);

    for (i = 0; i < conf->tokens.n; i++) {
        if (t[i].kind != TOKEN_PAGE || !t[i].nameless) {
            continue;
        }

        page = mem_alloc(sizeof(*page));
        page->conf = conf_hold(conf);
        page->token = &t[i];
        request.bearer = t[i].secret;
        request.body = NONE;
        http_start(http, &request, on_page, page);
    }
}
