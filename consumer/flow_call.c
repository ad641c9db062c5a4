/* A flow's calls: made once, or again where that does no harm. */

#include "flow_own.h"
#include "graph_request.h"
#include "stats.h"


#define CALL_MS       20000
#define CALL_TRIES    5
#define CALL_WAIT_MS  250       /* then twice as long, and so on */


static void call_go(struct flow *f);


static void call_wipe(struct flow *f)
{
    buf_free(&f->path);
    token_ask_wipe(&f->query);
    token_ask_wipe(&f->body);
    f->call.query = f->call.body = NONE;
}


static void on_timer(uv_timer_t *timer)
{
    struct flow  *f = timer->data;

    f->after(f);
}


/* flow_after_ms goes on later */
void flow_after_ms(struct flow *f, uint64_t ms, flow_next after)
{
    f->after = after;
    uv_update_time(graph_loop(f->flows->graph));
    uv_timer_start(&f->timer, on_timer, ms, 0);
}


/* what was not sent may be sent; what may have been done only where that does
   no harm */
static bool call_again(const struct flow *f, const struct verdict *v)
{
    return f->repeats && f->tries < CALL_TRIES && v->rc != GRAPH_OK
           && (v->transient || v->rc == GRAPH_UNREACHABLE
               || v->rc == GRAPH_AMBIGUOUS
               || (v->row != NULL && v->row->cls == CLASS_RETRY));
}


/* flow_counted: in what the process counts */
void flow_counted(const struct verdict *v)
{
    static const enum stat_name  stats[] = {
        [GRAPH_OK] = STAT_GRAPH_OK, [GRAPH_ERROR] = STAT_GRAPH_ERROR,
        [GRAPH_ANSWER] = STAT_GRAPH_ANSWER,
        [GRAPH_UNREACHABLE] = STAT_GRAPH_UNREACHABLE,
        [GRAPH_AMBIGUOUS] = STAT_GRAPH_AMBIGUOUS
    };

    stat_add(STAT_GRAPH_RUNNING, -1);
    stat_add(stats[v->rc], 1);
    stat_time(TIME_CALL, v->ms);
}


static void on_verdict(void *data, const struct verdict *v)
{
    struct flow  *f = data;

    f->flying = false;
    flow_counted(v);
    if (flow_left(f)) {
        return;
    }

    if (call_again(f, v)) {
        flow_after_ms(f, (uint64_t) CALL_WAIT_MS << (f->tries - 1), call_go);
        return;
    }

    flow_set(&f->called, f->call.path);
    call_wipe(f);
    f->then(f, v);
}


static void call_go(struct flow *f)
{
    const char  *why;

    f->tries++;
    why = graph_start(f->flows->graph, f->conf, &f->call, on_verdict, f);
    if (why != NULL) {
        log_write(LOG_ERROR, "login: a call cannot be made: %s", why);
        call_wipe(f);
        flow_bad(f, FLOW_INTERNAL, NULL);
        return;
    }

    f->flying = true;
    stat_add(STAT_GRAPH_RUNNING, 1);
}


/* flow_call makes what stands in f->call, whose query and body are f's */
void flow_call(struct flow *f, bool repeats, flow_then then)
{
    f->repeats = repeats;
    f->tries = 0;
    f->then = then;
    f->call.idempotent = repeats;
    f->call.total_ms = CALL_MS;
    f->call.query = (struct str) { f->query.len ? f->query.at : "",
                                   f->query.len };
    f->call.body = (struct str) { f->body.len ? f->body.at : "",
                                  f->body.len };
    if (f->path.len) {
        f->call.path = (struct str) { f->path.at, f->path.len };
    }
    call_go(f);
}


/* flow_get reads a path; fields may be NULL */
void flow_get(struct flow *f, const struct conf_token *token,
    const char *path, const char *fields, flow_then then)
{
    buf_init(&f->path, GRAPH_PATH_MAX);
    buf_text(&f->path, path);
    buf_init(&f->query, GRAPH_QUERY_MAX);
    if (fields != NULL) {
        token_ask_form(&f->query, "fields", STR(fields));
    }

    f->call = (struct graph_call) {
        .method = HTTP_GET, .host = graph_token_host(token), .body = NONE,
        .product = PRODUCT_NONE, .token = token, .app = f->app
    };
    flow_call(f, true, then);
}


/* flow_post writes to a path, what it is to be once; f->body is set, JSON */
void flow_post(struct flow *f, const char *id, const char *edge,
    flow_then then)
{
    buf_init(&f->path, GRAPH_PATH_MAX);
    buf_text(&f->path, id);
    buf_text(&f->path, edge);

    f->call = (struct graph_call) {
        .method = HTTP_POST, .host = GRAPH_FACEBOOK, .query = NONE,
        .product = PRODUCT_WHATSAPP, .token = &f->as, .app = f->app
    };
    flow_call(f, true, then);
}


/* flow_refused: what a step that has no error of its own fails with */
void flow_refused(struct flow *f, const struct verdict *v)
{
    enum flow_error  error = FLOW_META;

    if (v->rc == GRAPH_UNREACHABLE || v->rc == GRAPH_AMBIGUOUS) {
        error = FLOW_UNREACHABLE;

    } else if (v->rc == GRAPH_ERROR && v->has_code
               && (v->code == 3 || v->code == 10
                   || (v->code >= 200 && v->code <= 299)))
    {
        error = FLOW_SCOPES;    /* reference 1.10: the permission family */
        f->scope = NULL;        /* Meta says it, in her words */
    }

    flow_bad(f, error, v);
}


/* flow_business_id: whose business token it is, as /me says (reference 2.9);
   empty: it failed */
struct str flow_business_id(struct flow *f, const struct verdict *v)
{
    struct str  id;

    if (v->rc != GRAPH_OK) {
        flow_refused(f, v);
        return NONE;
    }

    id = json_get_text(v->root, "client_business_id");
    id = flow_id_good(id) ? id : json_get_text(v->root, "id");

    if (!flow_id_good(id)) {
        flow_bad(f, FLOW_META, v);
        return NONE;
    }

    return id;
}
