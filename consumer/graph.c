/* Graph API: which token, which call, and who hears of the answer. */

#include "graph.h"
#include "graph_judge.h"
#include "graph_reach.h"
#include "graph_request.h"
#include "log.h"
#include "token.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>


#define GRAPH_URL_MAX     (GRAPH_QUERY_MAX + GRAPH_PATH_MAX + 1024)
#define GRAPH_SEEN_MAX    16    /* warnings that are said once */
#define GRAPH_SEEN_TEXT   48

/* where these stand in the answer's headers; usage comes first */
enum {
    WANT_VERSION = USAGE_KINDS,
    WANT_RETRY,
    WANT_DEPRECATED,
    WANTS
};


struct graph {
    uv_loop_t       *loop;
    struct http     *http;
    const char      *want[WANTS];
    struct buf       url;
    graph_usage_cb   usage_cb;
    void            *usage_data;
    struct usage     usage;
    char             seen[GRAPH_SEEN_MAX][GRAPH_SEEN_TEXT];
    size_t           nseen;
    struct reach     reach[GRAPH_HOSTS];
};


struct flight {
    struct graph       *graph;
    graph_cb            cb;
    void               *data;
    struct conf        *conf;       /* holds the token */
    struct graph_call   call;
    char                path[];
};


struct owner {
    struct conf         *conf;
    struct conf_token   *token;
};


/* graph_token_host: tokens of Instagram Login are another host's */
enum graph_host graph_token_host(const struct conf_token *token)
{
    return token->kind == TOKEN_INSTAGRAM ? GRAPH_INSTAGRAM : GRAPH_FACEBOOK;
}


/* graph_passes: Meta's own trouble, or a limit of its, or no answer at all */
bool graph_passes(const struct verdict *v)
{
    return v->rc != GRAPH_OK
           && (v->rc != GRAPH_ERROR || v->transient
               || v->row->cls == CLASS_RETRY || v->row->cls == CLASS_WAIT);
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


/* graph_new makes a client, which has its own of HTTP */
struct graph *graph_new(uv_loop_t *loop)
{
    size_t         i;
    struct graph  *g = mem_alloc(sizeof(*g));

    _Static_assert(WANTS <= HTTP_WANT_MAX, "more headers than are kept");

    g->loop = loop;
    g->http = http_new(loop);
    buf_init(&g->url, GRAPH_URL_MAX);

    for (i = 0; i < USAGE_KINDS; i++) {
        g->want[i] = usage_names[i];
    }

    g->want[WANT_VERSION] = "facebook-api-version";
    g->want[WANT_RETRY] = "retry-after";
    g->want[WANT_DEPRECATED] = "x-ad-api-version-warning";

    return g;
}


/* graph_free ends what is under way */
void graph_free(struct graph *g)
{
    http_free(g->http);
    buf_free(&g->url);
    free(g);
}


/* graph_loop is what its calls run on */
uv_loop_t *graph_loop(struct graph *g)
{
    return g->loop;
}


/* graph_http lends its client for calls that do not go to Meta */
struct http *graph_http(struct graph *g)
{
    return g->http;
}


/* graph_on_usage says who hears of the usage headers */
void graph_on_usage(struct graph *g, graph_usage_cb cb, void *data)
{
    g->usage_cb = cb;
    g->usage_data = data;
}


/* says once whatever stands in the text, and nothing when it was too much */
static bool graph_once(struct graph *g, const char *text)
{
    size_t  i;

    for (i = 0; i < g->nseen; i++) {
        if (strcmp(g->seen[i], text) == 0) {
            return false;
        }
    }

    if (g->nseen == GRAPH_SEEN_MAX) {
        return false;
    }

    snprintf(g->seen[g->nseen++], GRAPH_SEEN_TEXT, "%s", text);

    return true;
}


/* Meta serves a version that has gone, or is not there yet, by another */
static void check_version(struct flight *f, const struct http_answer *answer)
{
    char            pair[GRAPH_SEEN_TEXT];
    struct buf      text;
    const char     *asked = graph_version(f->conf, &f->call);
    struct str      got = answer->headers[WANT_VERSION];
    struct str      warning = answer->headers[WANT_DEPRECATED];

    if (asked == NULL) {
        return;
    }

    buf_init(&text, 1024);

    if (got.len > 0 && got.len < 16 && !str_is(got, asked)) {
        log_clean(&text, got);
        snprintf(pair, sizeof(pair), "%s %.*s", asked, (int) text.len,
                 text.at);
        if (graph_once(f->graph, pair)) {
            log_write(LOG_WARN, "Graph was asked for %s and answered with"
                      " %.*s: the version has gone, or is not there yet; see"
                      " graph.version and graph.ads_version", asked,
                      (int) text.len, text.at);
        }
    }

    if (warning.len > 0) {
        snprintf(pair, sizeof(pair), "%s ends", asked);
        if (graph_once(f->graph, pair)) {
            text.len = 0;
            log_clean(&text, warning);
            log_write(LOG_WARN, "Graph warns about %s of ads calls: %.*s",
                      asked, (int) text.len, text.at);
        }
    }

    buf_free(&text);
}


static uint64_t read_usage(struct flight *f, const struct http_answer *answer)
{
    size_t         i;
    bool           some = false;
    uint64_t       regain = 0;
    struct graph  *g = f->graph;

    for (i = 0; i < USAGE_KINDS; i++) {
        if (answer->headers[i].len == 0) {
            continue;
        }
        if (!some) {
            memset(&g->usage, 0, sizeof(g->usage));
        }
        some |= usage_read(STR(g->want[i]), answer->headers[i], &g->usage);
    }

    if (some) {
        usage_most(&g->usage, &regain);
        if (g->usage_cb != NULL) {
            g->usage_cb(g->usage_data, &g->usage, f->call.token, &f->call);
        }
    }

    return regain;
}


static void reach_tell(struct flight *f, const struct http_answer *answer)
{
    const char  *url = f->conf->base_url;

    reach_told(&f->graph->reach[f->call.host], url != NULL ? url
               : f->conf->hosts[f->call.host], answer,
               uv_hrtime() / 1000000 + 1);
}


static void on_answer(void *data, const struct http_answer *answer)
{
    uint64_t          regain = 0;
    struct flight    *f = data;
    struct verdict    v;
    struct json_doc  *doc;

    doc = graph_judge(answer, f->call.product, f->call.token != NULL
                      ? f->call.token->secret : "", &v);

    reach_tell(f, answer);

    if (answer->outcome == HTTP_ANSWERED) {
        check_version(f, answer);
        regain = read_usage(f, answer);
        if (v.rc != GRAPH_OK) {
            v.wait_ms = http_retry_after(answer->headers[WANT_RETRY],
                                          time(NULL));
            v.wait_ms = v.wait_ms > (long long) regain ? v.wait_ms
                        : (long long) regain;
        }
    }

    f->cb(f->data, &v);

    json_free(doc);
    token_drop(f->call.token);
    conf_drop(f->conf);
    free(f);
}


static struct flight *flight_new(struct graph *g, const struct conf *conf,
    const struct graph_call *call, graph_cb cb, void *data)
{
    struct flight  *f = mem_grow(NULL, sizeof(*f) + call->path.len);

    f->graph = g;
    f->cb = cb;
    f->data = data;
    f->conf = conf_hold((struct conf *) conf);
    f->call = *call;
    token_hold(call->token);
    memcpy(f->path, call->path.at, call->path.len);
    f->call.path.at = f->path;
    f->call.query = f->call.body = NONE;
    f->call.type = NULL;

    return f;
}


/* graph_start puts one call on the wire */
const char *graph_start(struct graph *g, const struct conf *conf,
    const struct graph_call *call, graph_cb cb, void *data)
{
    const char           *why;
    struct http_request   request = {
        .method = call->method,
        .bearer = call->token != NULL ? call->token->secret : NULL,
        .oauth = call->host == GRAPH_RUPLOAD, .ca_file = conf->ca_file,
        .type = call->type, .body = call->body, .file = call->file,
        .idempotent = call->idempotent, .total_ms = call->total_ms,
        .want = g->want, .nwant = WANTS
    };

    g->url.len = 0;
    g->url.over = false;
    why = graph_url(&g->url, conf, call, time(NULL));
    if (why != NULL) {
        return why;
    }

    request.url = g->url.at;
    http_start(g->http, &request, on_answer,
               flight_new(g, conf, call, cb, data));

    return NULL;
}


/* a token whose account is known is no longer one for every account */
static void on_owner(void *data, const struct verdict *v)
{
    const char          *name;
    struct str           id;
    struct owner        *owner = data;
    bool                 page = owner->token->kind == TOKEN_PAGE;
    const struct json   *root = v->root, *list = json_get(root, "data");

    /* in a list of one at times (section 2.10) */
    if (!page && json_is(list, JSON_ARRAY) && list->child != NULL) {
        root = list->child;
    }

    if (owner->token->id != NULL) {     /* an earlier answer said so */
        conf_drop(owner->conf);
        free(owner);
        return;
    }

    name = page ? "PAGE_ACCESS_TOKEN" : "INSTAGRAM_ACCESS_TOKEN";
    id = json_get_text(root, page ? "id" : "user_id");

    if (v->rc == GRAPH_OK && str_digits(id) && id.len <= 32) {
        owner->token->id = mem_copy(id.at, id.len);
        owner->token->fallback = false;
        tokens_owner(owner->conf);
        log_write(LOG_INFO, "the token of %s is %s %s's", name,
                  page ? "Page" : "account", owner->token->id);
    } else {
        log_write(LOG_WARN, "%s: /me does not say whose it is (status=%ld"
                  " code=%lld); it is used for every %s", name, v->status,
                  v->code, page ? "Page" : "account");
    }

    conf_drop(owner->conf);
    free(owner);
}


/* graph_ask_owners asks /me whose the tokens of the environment are: Pages by
   id, Instagram's accounts by user_id, which is what webhooks call them
   (section 2.10 of meta-graph-oauth-ads-capi.md) */
size_t graph_ask_owners(struct graph *g, struct conf *conf)
{
    size_t              i, n = 0;
    struct owner       *owner;
    struct conf_token  *t = conf->tokens.at;
    struct graph_call   call = {
        .method = HTTP_GET, .path = STR("me"), .body = NONE,
        .idempotent = true, .app = conf->apps.n ? conf->apps.at : NULL
    };

    for (i = 0; i < conf->tokens.n; i++) {
        if (!t[i].nameless || t[i].id != NULL
            || (t[i].kind != TOKEN_PAGE && t[i].kind != TOKEN_INSTAGRAM))
        {
            continue;
        }

        n++;

        owner = mem_alloc(sizeof(*owner));
        owner->conf = conf_hold(conf);
        owner->token = &t[i];
        call.token = owner->token;
        call.host = graph_token_host(&t[i]);
        call.product = t[i].kind == TOKEN_PAGE ? PRODUCT_MESSENGER
                       : PRODUCT_INSTAGRAM;
        call.query = STR(t[i].kind == TOKEN_PAGE ? "fields=id"
                         : "fields=user_id");
        graph_start(g, conf, &call, on_owner, owner);
    }

    return n;
}
