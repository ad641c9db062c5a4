/* Actions: one grammar for what a rule, a handler's answer and a job say. */

#include "action_own.h"

#include <stdio.h>
#include <stdlib.h>


#define TO_COME  "comes with a later version"


static int whole_reply(const struct action *a, struct fault *f);
static int whole_send(const struct action *a, struct fault *f);
static int whole_push(const struct action *a, struct fault *f);
static int whole_call(const struct action *a, struct fault *f);
static int whole_graph(const struct action *a, struct fault *f);


/* a send has account and to before them */
static const struct field  send_fields[] = {
    { "account", param_account }, { "to", param_to }, { "text", param_text },
    { "quick_replies", param_quick }, { "raw", param_raw }, { "image", NULL },
    { "video", NULL }, { "audio", NULL }, { "document", NULL },
    { "sticker", NULL }, { "location", NULL }, { "contacts", NULL },
    { "template", NULL }, { "interactive", NULL }, { "generic", NULL },
    { "buttons", NULL }, { "list", NULL }, { "quote", NULL },
    { "split", NULL }, { "wait_for", NULL }, { "wait_timeout", NULL }
};

static const struct field  push_fields[] = { { "list", param_list } };
static const struct field  call_fields[] = { { "handler", param_handler } };

static const struct field  graph_fields[] = {
    { "method", param_method }, { "path", param_path },
    { "params", param_params }, { "account", param_account }
};


/* all names of the grammar; one without fields takes no parameters */
static const struct kind_row {
    const char          *name;
    bool                 known;     /* to this version */
    enum action_kind     kind;
    const struct field  *fields;
    size_t               nfields;
    int                (*whole)(const struct action *a, struct fault *f);
} names[] = {
    { "mark_read", true, ACTION_MARK_READ, NULL, 0, NULL },
    { "reply", true, ACTION_REPLY, send_fields + 2, COUNT(send_fields) - 2,
      whole_reply },
    { "send", true, ACTION_SEND, send_fields, COUNT(send_fields),
      whole_send },
    { "stop", true, ACTION_STOP, NULL, 0, NULL },
    { "push", true, ACTION_PUSH, push_fields, COUNT(push_fields),
      whole_push },
    { "call", true, ACTION_CALL, call_fields, COUNT(call_fields),
      whole_call },
    { "graph", true, ACTION_GRAPH, graph_fields, COUNT(graph_fields),
      whole_graph },
    { .name = "typing" }, { .name = "resume" }, { .name = "react" },
    { .name = "template" }, { .name = "comment_reply" },
    { .name = "private_reply" }, { .name = "hide" }, { .name = "delete" },
    { .name = "assistant" }, { .name = "tag" }, { .name = "untag" },
    { .name = "pause" }, { .name = "handover" }, { .name = "conversion" }
};


/* all parameters of an object by a table: each at most once, no others */
static int fields_read(const struct json *params, const char *path,
    const struct field *fields, size_t n, struct action *a, struct fault *f)
{
    char                full[PARAM_PATH_MAX];
    size_t              i;
    unsigned long       seen = 0;
    const struct json  *c;

    if (!json_is(params, JSON_OBJECT)) {
        return fault_set(f, path, NULL, NONE, "must have parameters, {%s:"
                         " ...}", fields[0].name);
    }

    for (c = params->child; c != NULL; c = c->next) {
        param_join(full, path, c->key);

        for (i = 0; i < n && !str_is(c->key, fields[i].name); i++) { }

        if (i == n) {
            return fault_set(f, full, NULL, c->key, "unknown parameter");
        }
        if (fields[i].read == NULL) {
            return fault_set(f, full, NULL, NONE, TO_COME);
        }
        if (seen & 1ul << i) {
            return fault_set(f, full, NULL, NONE, "stands there twice");
        }

        seen |= 1ul << i;
        if (fields[i].read(c, full, a, f) != 0) {
            return -1;
        }
    }

    return 0;
}


static int whole_message(const struct action *a, const char *path,
    struct fault *f)
{
    if ((a->text != NULL) == (a->raw.len != 0)) {
        return fault_set(f, path, NULL, NONE, a->text != NULL
                         ? "has text and raw: exactly one of them"
                         : "text or raw is missing");
    }

    if (a->raw.len && a->quick.n) {
        return fault_set(f, path, NULL, NONE, "quick_replies go with text;"
                         " raw is the whole message");
    }

    return 0;
}


static int whole_reply(const struct action *a, struct fault *f)
{
    return whole_message(a, "reply", f);
}


static int whole_send(const struct action *a, struct fault *f)
{
    if (a->account == NULL || a->to == NULL) {
        return fault_set(f, "send", NULL, NONE, "%s is missing",
                         a->account == NULL ? "account" : "to");
    }

    return whole_message(a, "send", f);
}


static int whole_push(const struct action *a, struct fault *f)
{
    return a->list != NULL ? 0
           : fault_set(f, "push", NULL, NONE, "list is missing");
}


static int whole_call(const struct action *a, struct fault *f)
{
    return a->handler != NULL ? 0
           : fault_set(f, "call", NULL, NONE, "handler is missing");
}


static int whole_graph(const struct action *a, struct fault *f)
{
    if (a->method == METHOD_NONE || a->path == NULL) {
        return fault_set(f, "graph", NULL, NONE, "%s is missing",
                         a->path == NULL ? "path" : "method");
    }

    return 0;
}


static int kind_read(const struct kind_row *row, const struct json *params,
    struct action *a, struct fault *f)
{
    a->kind = row->kind;

    if (row->fields == NULL) {
        return params == NULL ? 0
               : fault_set(f, row->name, NULL, NONE, "takes no parameters");
    }

    if (fields_read(params, row->name, row->fields, row->nfields, a, f) != 0)
    {
        return -1;
    }

    return row->whole(a, f);
}


static int name_read(struct str name, const struct json *params,
    struct action *a, struct fault *f)
{
    size_t  i;

    for (i = 0; i < COUNT(names) && !str_is(name, names[i].name); i++) { }

    if (i == COUNT(names)) {
        return fault_set(f, "", NULL, name, "unknown action \"%.*s\"",
                         (int) (name.len < 64 ? name.len : 64), name.at);
    }

    if (!names[i].known) {
        return fault_set(f, names[i].name, NULL, NONE, TO_COME);
    }

    return kind_read(&names[i], params, a, f);
}


/* action_parse reads a bare name, or an object with one member,
   name: parameters */
int action_parse(const struct json *j, struct action *a, struct fault *f)
{
    int         rc;
    struct buf  b;

    *a = (struct action) { .json = NONE, .raw = NONE, .params = NONE };

    if (json_is(j, JSON_STRING)) {
        rc = name_read(j->text, NULL, a, f);

    } else if (json_is(j, JSON_OBJECT) && j->child != NULL
               && j->child->next == NULL)
    {
        rc = name_read(j->child->key, j->child, a, f);

    } else {
        rc = fault_set(f, "", NULL, NONE, "must be a name, or an object with"
                       " one member, {name: parameters}");
    }

    if (rc == 0) {
        buf_init(&b, ACTION_JSON_MAX);
        json_write(&b, j);
        a->json = (struct str) { b.at, b.len };
        if (b.over) {
            rc = fault_set(f, "", "256 KB", NONE, "is longer than 256 KB");
        }
    }

    if (rc != 0) {
        action_free(a);
    }

    return rc;
}


static void str_free(struct str *s)
{
    if (s->len) {
        free((char *) s->at);
    }

    *s = NONE;
}


/* action_free releases what action_parse made */
void action_free(struct action *a)
{
    size_t               i;
    struct quick_reply  *q = a->quick.at;

    for (i = 0; i < a->quick.n; i++) {
        free(q[i].title);
        free(q[i].payload);
    }

    free(q);
    free(a->text);
    free(a->account);
    free(a->to);
    free(a->list);
    free(a->handler);
    free(a->path);
    str_free(&a->json);
    str_free(&a->raw);
    str_free(&a->params);
    *a = (struct action) { .json = NONE, .raw = NONE, .params = NONE };
}


static size_t list_length(const struct json *list)
{
    size_t              n = 0;
    const struct json  *c;

    for (c = list->child; c != NULL; c = c->next) {
        n++;
    }

    return n;
}


static int list_size(const struct json *list, size_t max, bool none,
    struct fault *f)
{
    char    limit[32], value[32];
    size_t  n;

    if (!json_is(list, JSON_ARRAY) || (list->child == NULL && !none)) {
        return fault_set(f, "", NULL, NONE, "must be a list of at least one"
                         " action");
    }

    n = list_length(list);
    if (n > max) {
        snprintf(limit, sizeof(limit), "%zu actions", max);
        snprintf(value, sizeof(value), "%zu actions", n);
        return fault_set(f, "", limit, STR(value), "%zu actions; there may"
                         " be %zu at most", n, max);
    }

    return 0;
}


/* actions_parse reads a list of them */
int actions_parse(const struct json *list, size_t max, bool none,
    struct action **actions, size_t *n, struct fault *f)
{
    unsigned            number = 1;
    const struct json  *c;

    *actions = NULL;
    *n = 0;

    if (list_size(list, max, none, f) != 0) {
        return -1;
    }

    *actions = mem_alloc((list_length(list) + 1) * sizeof(**actions));

    for (c = list->child; c != NULL; c = c->next, number++) {
        if (action_parse(c, &(*actions)[*n], f) != 0) {
            break;
        }

        if ((*actions)[(*n)++].kind == ACTION_STOP && c->next != NULL) {
            fault_set(f, "stop", NULL, NONE, "must be the last action");
            break;
        }
    }

    if (c == NULL) {
        return 0;
    }

    f->action = number;
    actions_free(*actions, *n);
    *actions = NULL;
    *n = 0;

    return -1;
}


/* actions_free releases a list */
void actions_free(struct action *actions, size_t n)
{
    size_t  i;

    for (i = 0; i < n && actions != NULL; i++) {
        action_free(&actions[i]);
    }

    free(actions);
}


/* action_idempotent says whether it may be done twice */
bool action_idempotent(const struct action *a)
{
    return a->kind == ACTION_MARK_READ || a->kind == ACTION_STOP
           || a->kind == ACTION_CALL
           || (a->kind == ACTION_GRAPH && a->method == METHOD_GET);
}


/* action_sends says whether somebody outside may get something */
bool action_sends(const struct action *a)
{
    return a->kind == ACTION_REPLY || a->kind == ACTION_SEND
           || a->kind == ACTION_CALL
           || (a->kind == ACTION_GRAPH && a->method != METHOD_GET);
}


/* action_calls says whether it takes a call of Graph */
bool action_calls(const struct action *a)
{
    return a->kind == ACTION_MARK_READ || a->kind == ACTION_REPLY
           || a->kind == ACTION_SEND || a->kind == ACTION_GRAPH;
}


/* action_name returns the name that rules and logs use */
const char *action_name(enum action_kind kind)
{
    size_t  i;

    for (i = 0; i < COUNT(names); i++) {
        if (names[i].known && names[i].kind == kind) {
            break;
        }
    }

    return i < COUNT(names) ? names[i].name : "-";
}
