/* metactl graph, number, profile, block and their kind: a call of Meta's, by
   its name in the table of calls or by method and path. */

#include "ctl_meta.h"

#include <stdlib.h>


#define PARAMS_MAX  (384 * 1024)
#define CALL_PATH_MAX  1024
#define ROW_MAX     80


static const char *const  method_names[] = {
    [METHOD_GET] = "GET", [METHOD_POST] = "POST", [METHOD_DELETE] = "DELETE"
};


/* call_method: as the client has it */
enum http_method call_method(enum action_method method)
{
    return method == METHOD_POST ? HTTP_POST
           : method == METHOD_DELETE ? HTTP_DELETE : HTTP_GET;
}


static void call_check(const struct calling *call)
{
    char          why[512];
    struct fault  f = { .action = 0 };

    if (call->row != NULL
        && calls_check(call->row, call->params, call->row->name, false, &f)
           != 0)
    {
        fault_say(&f, why, sizeof(why));
        ctl_fail(CTL_FINDING, "it would fail: %s", why);
    }
}


/* what would be sent */
static void call_show(struct ctl *c, const struct graph_call *g,
    const char *method)
{
    struct jw   j;
    struct buf  b;

    if (c->opts.json) {
        jw_init(&j);
        jw_open(&j, NULL, '{');
        jw_int(&j, "v", 1);
        jw_bool(&j, "dry_run", true);
        jw_text(&j, "method", method);
        jw_str(&j, "path", g->path);
        jw_str(&j, "query", g->query);
        if (g->body.len && g->type == NULL) {
            jw_raw(&j, "body", g->body);
        } else {
            jw_str(&j, "body", g->body);
        }
        jw_close(&j, '}');
        jw_print(&j);
        return;
    }

    buf_init(&b, (size_t) -1);
    buf_text(&b, "not sent: ");
    buf_text(&b, method);
    buf_text(&b, " ");
    out_safe(&b, g->path);
    if (g->query.len) {
        buf_text(&b, "?");
        out_safe(&b, g->query);
    }
    buf_text(&b, "\n");
    if (g->body.len) {
        out_safe(&b, g->body);
        buf_text(&b, "\n");
    }
    out_print(&b);
}


/* an app's own token is its id and secret
   (meta-graph-oauth-ads-capi.md 2.9); a proof of it is none */
static void token_app(struct ctl *c, struct conf_token *token,
    struct graph_call *g)
{
    struct buf              b;
    const struct conf_app  *apps = c->conf->apps.at;

    if (c->conf->apps.n == 0 || apps[0].secret == NULL) {
        ctl_fail(CTL_NOTHING, "apps of %s has no app with a secret_file",
                 c->opts.file);
    }

    buf_init(&b, (size_t) -1);
    buf_text(&b, apps[0].id);
    buf_text(&b, "|");
    buf_text(&b, apps[0].secret);
    buf_add(&b, "", 1);

    *token = (struct conf_token) { .kind = TOKEN_SYSTEM_USER,
                                   .secret = b.at };
    g->token = token;
    g->app = NULL;
}


static void call_send(struct ctl *c, const struct calling *call,
    struct graph_call *g, struct meta *m)
{
    struct conf_token  app = { .secret = NULL };

    if (call->row != NULL && (call->row->flags & CALL_APP)) {
        token_app(c, &app, g);
    }

    meta_call(c, g, m);
    mem_wipe(app.secret);
}


/* false: nothing was sent, but shown where that is wanted */
static bool call_run(struct ctl *c, const struct calling *call,
    struct meta *m, bool show)
{
    bool               sent;
    struct buf         query, body;
    const char        *why;
    struct graph_call  g = {
        .method = call_method(call->method), .product = call->whose.product,
        .path = call->path, .token = call->whose.token,
        .host = call->whose.token != NULL
                ? graph_token_host(call->whose.token) : GRAPH_FACEBOOK,
        .idempotent = call->method == METHOD_GET
                      || (call->row != NULL
                          && (call->row->flags & CALL_SAME)),
        .app = c->conf->apps.n ? c->conf->apps.at : NULL
    };

    call_check(call);
    buf_init(&query, CALL_WORDS_MAX);
    buf_init(&body, PARAMS_MAX);
    why = calls_write(call->row, call->method, call->params, &query, &body,
                      &g.type);
    if (why == NULL && (query.over || body.over)) {
        why = "the call is longer than 384 KB, or its query than 64 KB";
    }
    if (why != NULL) {
        ctl_fail(CTL_USAGE, "%s", why);
    }

    g.query = (struct str) { query.len ? query.at : "", query.len };
    g.body = (struct str) { body.len ? body.at : "", body.len };
    sent = call->method == METHOD_GET
           || (!c->opts.dry_run && !c->conf->dry_run);

    if (sent) {
        call_send(c, call, &g, m);
    } else if (show) {
        call_show(c, &g, method_names[call->method]);
    }

    buf_free(&query);
    buf_free(&body);

    return sent;
}


/* call_try leaves the judgement to its caller; false: --dry-run, or dry_run
   of the configuration, and nothing was sent */
bool call_try(struct ctl *c, const struct calling *call, struct meta *m)
{
    return call_run(c, call, m, false);
}


/* call_read makes a call whose answer its caller wants to read */
int call_read(struct ctl *c, const struct calling *call, struct meta *m)
{
    call_run(c, call, m, true);

    return meta_judge(c, m);
}


/* call_make prints the answer */
int call_make(struct ctl *c, const struct calling *call)
{
    int          code;
    struct meta  m;

    if (!call_run(c, call, &m, true)) {
        return CTL_GOOD;
    }

    code = meta_judge(c, &m);
    if (code == CTL_GOOD) {
        meta_answer(c, &m, call->row == NULL
                    || (call->row->flags & CALL_PEOPLE));
    }
    meta_free(&m);

    return code;
}


static enum action_method method_of(const char *word)
{
    int  i;

    for (i = METHOD_GET; i <= METHOD_DELETE; i++) {
        if (strcmp(word, method_names[i]) == 0) {
            return (enum action_method) i;
        }
    }

    return METHOD_NONE;
}


/* all calls, or those whose names begin so */
static int call_list(struct ctl *c, const char *family)
{
    size_t                  i, k;
    struct jw               j;
    struct buf              b;
    const struct call_row  *row;

    buf_init(&b, (size_t) -1);
    jw_init(&j);
    jw_open(&j, NULL, '{');
    jw_int(&j, "v", 1);
    jw_open(&j, "calls", '[');

    for (i = 0; (row = calls_row(i)) != NULL; i++) {
        if (strncmp(row->name, family, strlen(family)) != 0) {
            continue;
        }

        out_pad(&b, STR(row->name), 21);
        out_pad(&b, STR(row->product ? product_name(row->product) : "any"),
                10);
        buf_format(&b, "%-6s %s\n", method_names[row->method], row->path);
        out_pad(&b, NONE, 21);
        buf_text(&b, row->what);
        buf_text(&b, "\n");

        jw_open(&j, NULL, '{');
        jw_text(&j, "name", row->name);
        jw_text(&j, "product", row->product ? product_name(row->product)
                : NULL);
        jw_text(&j, "method", method_names[row->method]);
        jw_text(&j, "path", row->path);
        jw_text(&j, "what", row->what);
        jw_open(&j, "params", '[');
        for (k = 0; row->params != NULL && k < row->params->n; k++) {
            jw_text(&j, NULL, row->params->members[k].name);
        }
        jw_close(&j, ']');
        jw_close(&j, '}');
    }

    jw_close(&j, ']');
    jw_close(&j, '}');

    if (c->opts.json) {
        jw_print(&j);
    } else {
        out_print(&b);
    }

    buf_free(&j.b);
    buf_free(&b);

    return CTL_GOOD;
}


static int call_words(struct ctl *c, struct calling *call,
    const char *pattern, const struct words *words)
{
    int         code;
    struct buf  path, params;

    buf_init(&path, CALL_PATH_MAX);
    buf_init(&params, PARAMS_MAX);
    words_path(c, &path, pattern, &call->whose, words);
    words_params(c, &params, call->row, pattern, words);

    call->path = (struct str) { path.at, path.len };
    call->params = (struct str) { params.len ? params.at : "", params.len };

    if (call->row == NULL) {
        call->row = calls_match(call->whose.product, call->method,
                                call->path, call->params);
    }
    if (call->row == NULL || !(call->row->flags & CALL_APP)) {
        whose_token(c, &call->whose);
    }

    code = call_make(c, call);
    buf_free(&path);
    buf_free(&params);

    return code;
}


/* a call by its name, as "number.register" */
static int call_named(struct ctl *c, const char *name,
    const struct words *words)
{
    bool            several;
    struct calling  call = { .row = NULL };

    call.row = calls_name(name, ctl_product(c->opts.product), &several);

    if (call.row == NULL && several) {
        whose_find(c, PRODUCT_NONE, &call.whose);
        call.row = call.whose.product != PRODUCT_NONE
                   ? calls_name(name, call.whose.product, &several) : NULL;
    }
    if (call.row == NULL && several) {
        ctl_fail(CTL_USAGE, "several products have %s: say --account ID or"
                 " --product NAME", name);
    }
    if (call.row == NULL) {
        ctl_fail(CTL_NOTHING, "there is no call %s; metactl graph lists"
                 " them", name);
    }

    call.method = call.row->method;
    whose_find(c, call.row->product, &call.whose);

    return call_words(c, &call, call.row->path, words);
}


/* run_graph: NAME or METHOD PATH */
int run_graph(struct ctl *c)
{
    struct words    words;
    struct calling  call = { .row = NULL };

    if (c->nargs == 0) {
        return call_list(c, "");
    }

    call.method = method_of(c->args[0]);

    if (call.method == METHOD_NONE) {
        words = (struct words) { c->args + 1, c->nargs - 1 };
        return call_named(c, c->args[0], &words);
    }

    if (c->nargs < 2) {
        ctl_fail(CTL_USAGE, "%s of which path?", c->args[0]);
    }

    if (strpbrk(c->args[1], "{}?") != NULL) {
        ctl_fail(CTL_USAGE, "a path is segments and slashes; parameters are"
                 " name=value");
    }

    whose_find(c, PRODUCT_NONE, &call.whose);
    words = (struct words) { c->args + 2, c->nargs - 2 };

    return call_words(c, &call, c->args[1], &words);
}


/* run_family: "number register" is the call number.register */
int run_family(struct ctl *c)
{
    char          name[ROW_MAX], *at;
    struct words  words = { c->args + 1, c->nargs - 1 };

    if (c->nargs == 0) {
        snprintf(name, sizeof(name), "%s.", c->cmd->name);
        return call_list(c, name);
    }

    if (snprintf(name, sizeof(name), "%s.%s", c->cmd->name, c->args[0])
        >= (int) sizeof(name))
    {
        ctl_fail(CTL_USAGE, "there is no such call");
    }

    for (at = name; *at != '\0'; at++) {
        *at = *at == '-' ? '_' : *at;
    }

    return call_named(c, name, &words);
}


/* run_block: people of a WhatsApp number, blocked or not any more */
int run_block(struct ctl *c)
{
    bool            several;
    size_t          i;
    struct buf      b;
    struct words    none = { NULL, 0 };
    struct calling  call;

    call = (struct calling) {
        .row = calls_name(c->cmd->name[0] == 'u' ? "block.remove"
                          : c->nargs ? "block.add" : "block.list",
                          PRODUCT_WHATSAPP, &several)
    };
    call.method = call.row->method;
    whose_find(c, PRODUCT_WHATSAPP, &call.whose);

    if (c->nargs == 0) {
        return call_words(c, &call, call.row->path, &none);
    }

    buf_init(&b, PARAMS_MAX);
    buf_text(&b, "{\"block_users\":[");
    for (i = 0; i < c->nargs; i++) {
        mask_refuse(STR(c->args[i]));
        buf_text(&b, i ? ",{\"user\":" : "{\"user\":");
        json_quote(&b, STR(c->args[i]));
        buf_text(&b, "}");
    }
    buf_text(&b, "]}");
    buf_add(&b, "", 1);

    c->opts.params = b.at;
    i = call_words(c, &call, call.row->path, &none);
    buf_free(&b);

    return (int) i;
}
