/* metactl's calls to Meta: one at a time, with the client, the tokens and the
   judgement of meta-consumer. */

#include "ctl_meta.h"
#include "graph_judge.h"

#include <stdlib.h>


/* the client and the loop it needs: one for all calls of a command */
struct way {
    uv_loop_t      loop;
    struct graph  *graph;
};

static const char *const  methods[] = {
    [HTTP_GET] = "GET", [HTTP_POST] = "POST", [HTTP_DELETE] = "DELETE",
    [HTTP_PUT] = "PUT"
};


/* meta_graph makes the client at its first use */
struct graph *meta_graph(struct ctl *c)
{
    if (c->way == NULL) {
        c->way = mem_alloc(sizeof(*c->way));
        if (uv_loop_init(&c->way->loop) != 0) {
            abort();
        }
        c->way->graph = graph_new(&c->way->loop);
    }

    return c->way->graph;
}


/* meta_run waits for what was begun */
void meta_run(struct ctl *c, const bool *done)
{
    while (!*done) {
        uv_run(&c->way->loop, UV_RUN_ONCE);
    }
}


/* meta_close ends the client */
void meta_close(struct ctl *c)
{
    if (c->way == NULL) {
        return;
    }

    graph_free(c->way->graph);
    uv_run(&c->way->loop, UV_RUN_DEFAULT);
    uv_loop_close(&c->way->loop);
    free(c->way);
    c->way = NULL;
}


/* the verdict's own body ends with the callback */
static void on_answer(void *data, const struct verdict *v)
{
    struct meta  *m = data;

    m->v = *v;
    m->body = mem_copy(v->body.at, v->body.len);
    m->done = true;
}


/* meta_call makes one call and reads the answer */
void meta_call(struct ctl *c, const struct graph_call *call, struct meta *m)
{
    size_t        n;
    const char   *why;
    struct graph *graph = meta_graph(c);

    *m = (struct meta) { .done = false };
    n = call->path.len < 200 ? call->path.len : 200;
    snprintf(m->what, sizeof(m->what), "%s %.*s", methods[call->method],
             (int) n, call->path.at);

    why = graph_start(graph, c->conf, call, on_answer, m);
    if (why != NULL) {
        ctl_fail(CTL_USAGE, "%s: %s", m->what, why);
    }

    meta_run(c, &m->done);

    graph_hide(m->body, call->token != NULL ? call->token->secret : "");
    n = strlen(m->body);
    m->doc = json_parse(m->body, n, n * 20 + 65536);
    m->v.body = (struct str) { m->body, n };
    m->v.root = json_root(m->doc);
}


/* meta_free releases what meta_call made */
void meta_free(struct meta *m)
{
    json_free(m->doc);
    free(m->body);
    *m = (struct meta) { .done = false };
}


static void judge_number(struct jw *j, const char *key, bool has, long long n)
{
    if (has) {
        jw_int(j, key, n);
    } else {
        jw_text(j, key, NULL);
    }
}


/* the members of an error of contract 7, but for parameter, limit and value */
static void judge_json(const struct meta *m)
{
    struct jw              j;
    const struct verdict  *v = &m->v;

    jw_init(&j);
    jw_open(&j, NULL, '{');
    jw_int(&j, "v", 1);
    jw_bool(&j, "ok", false);
    jw_text(&j, "call", m->what);
    jw_text(&j, "reason", graph_reason(v->rc));
    jw_open(&j, "error", '{');
    judge_number(&j, "code", v->has_code, v->code);
    judge_number(&j, "subcode", v->has_subcode, v->subcode);
    jw_text(&j, "class", v->row != NULL ? graph_class_name(v->row->cls)
            : NULL);
    jw_text(&j, "meta", v->message);
    jw_text(&j, "details", v->details);
    jw_text(&j, "text", v->row != NULL ? v->row->text : NULL);
    jw_text(&j, "todo", v->row != NULL ? v->row->todo : NULL);
    jw_text(&j, "fbtrace_id", v->trace);
    jw_close(&j, '}');
    jw_close(&j, '}');
    jw_print(&j);
}


/* meta_text says to standard error what failed, and what to do */
void meta_text(struct ctl *c, const struct meta *m)
{
    struct buf             b;
    const struct verdict  *v = &m->v;

    buf_init(&b, (size_t) -1);
    buf_text(&b, "metactl: ");
    buf_text(&b, m->what);

    switch (v->rc) {

    case GRAPH_UNREACHABLE:
        buf_text(&b, ": nothing was sent: ");
        break;

    case GRAPH_AMBIGUOUS:
        buf_text(&b, ": no answer came, it may have been done: ");
        break;

    case GRAPH_ANSWER:
        buf_format(&b, ": an answer that means nothing (status %ld): ",
                   v->status);
        break;

    default:
        buf_format(&b, ": Meta refuses it: code %lld", v->code);
        if (v->has_subcode) {
            buf_format(&b, "/%lld", v->subcode);
        }
        buf_text(&b, ": ");
    }

    mask_words(c, &b, STR(v->message));
    buf_text(&b, "\n");

    if (v->details[0] != '\0' && strcmp(v->details, v->message) != 0) {
        buf_text(&b, "metactl: ");
        mask_words(c, &b, STR(v->details));
        buf_text(&b, "\n");
    }
    if (v->row != NULL) {
        buf_format(&b, "metactl: %s %s\n", v->row->text, v->row->todo);
    }
    if (v->trace[0] != '\0') {
        buf_format(&b, "metactl: fbtrace_id %s\n", v->trace);
    }

    out_lines(&b, stderr);
}


/* meta_judge says what is wrong, where something is */
int meta_judge(struct ctl *c, const struct meta *m)
{
    if (m->v.rc == GRAPH_OK) {
        return CTL_GOOD;
    }

    if (c->opts.json) {
        judge_json(m);
    } else {
        meta_text(c, m);
    }

    return m->v.rc == GRAPH_UNREACHABLE ? CTL_REDIS
           : m->v.rc == GRAPH_AMBIGUOUS ? CTL_LATE : CTL_FINDING;
}


/* meta_app_refused: an app's limit, or Meta's own trouble, is none of these */
bool meta_app_refused(const struct meta *m)
{
    return m->v.rc == GRAPH_ERROR && !m->v.transient
           && (m->v.code == 190 || m->v.code == 101 || m->v.code == 104);
}


/* one member a line, for people */
static void answer_lines(struct buf *b, const struct json *j, int depth)
{
    const struct json  *e;

    for (e = j->child; e != NULL; e = e->next) {
        out_pad(b, NONE, depth * 2);

        if (j->type == JSON_OBJECT) {
            out_safe(b, e->key);
            buf_text(b, e->child != NULL ? ":\n" : ": ");
        } else {
            buf_text(b, e->child != NULL ? "-\n" : "- ");
        }

        if (e->child != NULL) {
            answer_lines(b, e, depth + 1);
        } else if (e->type == JSON_STRING) {
            out_safe(b, e->text);
            buf_text(b, "\n");
        } else {
            json_write(b, e);
            buf_text(b, "\n");
        }
    }
}


/* meta_answer prints what Meta said */
void meta_answer(struct ctl *c, const struct meta *m, bool masked)
{
    struct jw         j;
    struct buf        b;
    struct json_doc  *doc = NULL;
    const struct json  *root = m->v.root;

    buf_init(&b, (size_t) -1);

    if (masked && root != NULL) {
        mask_json(c, &b, root);
        doc = json_parse(b.at, b.len, b.len * 20 + 65536);
        root = json_root(doc);
        b.len = 0;
    }

    if (c->opts.json) {
        jw_init(&j);
        jw_open(&j, NULL, '{');
        jw_int(&j, "v", 1);
        jw_bool(&j, "ok", true);
        jw_text(&j, "call", m->what);
        jw_tree(&j, "answer", root);
        jw_close(&j, '}');
        jw_print(&j);

    } else if (root == NULL) {
        out_safe(&b, m->v.body);
        buf_text(&b, "\n");

    } else if (root->child == NULL) {
        json_write(&b, root);
        buf_text(&b, "\n");

    } else {
        answer_lines(&b, root, 0);
    }

    out_print(&b);
    json_free(doc);
}
