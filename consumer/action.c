/* Actions: one grammar for what a rule, a handler's answer and a job say. */

#include "action_own.h"

#include <stdio.h>
#include <stdlib.h>


#define TO_COME  "comes with a later version"


static int whole_message(const struct action *a, const char *path,
    struct fault *f);
static int whole_send(const struct action *a, const char *path,
    struct fault *f);


/* a send has account and to before them */
static const struct field  send_fields[] = {
    { "account", param_account }, { "to", param_to }, { "text", param_text },
    { "quick_replies", param_quick }, { "raw", param_raw },
    { "image", param_content }, { "video", param_content },
    { "audio", param_content }, { "document", param_content },
    { "sticker", param_content }, { "location", param_content },
    { "contacts", param_content }, { "template", param_content },
    { "interactive", param_content }, { "generic", param_content },
    { "buttons", param_content }, { "list", param_content },
    { "quote", param_quote }, { "split", param_split },
    { "wait_for", param_wait_for }, { "wait_timeout", param_wait_timeout },
    { "preview_url", param_preview }, { "tag", param_message_tag },
    { "persona_id", param_persona },
    { "notification_type", param_notification }
};

static const struct field  template_fields[] = {
    { "name", param_template_name }, { "language", param_template_language },
    { "components", param_components }
};

static const struct field  text_fields[] = { { "text", param_text } };
static const struct field  emoji_fields[] = { { "emoji", param_emoji } };
static const struct field  push_fields[] = { { "list", param_list } };
static const struct field  call_fields[] = { { "handler", param_handler } };
static const struct field  name_fields[] = { { "name", param_name } };
static const struct field  stored_fields[] = { { "name", param_stored } };
static const struct field  pause_fields[] = { { "for", param_for } };

static const struct field  handover_fields[] = {
    { "to", param_app }, { "metadata", param_metadata }
};

static const struct field  graph_fields[] = {
    { "method", param_method }, { "path", param_path },
    { "params", param_params }, { "account", param_account }
};

static const struct field  configure_fields[] = {
    { "token", param_token }, { "phone_number_id", param_phone },
    { "waba_id", param_waba }, { "pin", param_pin },
    { "tenant", param_tenant }
};


/* what an action does, for who runs it */
enum {
    DOES_AGAIN = 1,         /* to run it twice does what once does */
    DOES_SEND = 2,          /* somebody outside may get something */
    DOES_CALL = 4,          /* it takes a call to Graph */
    DOES_MESSAGE = 8,       /* that is a message to a person */
    DOES_ALL = DOES_SEND | DOES_CALL | DOES_MESSAGE
};

/* all names of the grammar; one without fields takes no parameters, and of
   those that have some the first "needed" must be there */
static const struct kind_row {
    const char          *name;
    enum action_kind     kind;
    unsigned             does;
    const struct field  *fields;
    size_t               nfields;
    size_t               needed;
    int                (*whole)(const struct action *a, const char *path,
                                struct fault *f);
} names[] = {
    { "mark_read", ACTION_MARK_READ, DOES_AGAIN | DOES_CALL, NULL, 0, 0,
      NULL },
    { "typing", ACTION_TYPING, DOES_AGAIN | DOES_CALL, NULL, 0, 0, NULL },
    { "reply", ACTION_REPLY, DOES_ALL, send_fields + 2,
      COUNT(send_fields) - 2, 0, whole_message },
    { "send", ACTION_SEND, DOES_ALL, send_fields, COUNT(send_fields), 2,
      whole_send },
    { "template", ACTION_TEMPLATE, DOES_ALL, template_fields,
      COUNT(template_fields), 2, NULL },
    { "react", ACTION_REACT, DOES_AGAIN | DOES_ALL, emoji_fields,
      COUNT(emoji_fields), 1, NULL },
    { "comment_reply", ACTION_COMMENT_REPLY, DOES_SEND | DOES_CALL,
      text_fields, COUNT(text_fields), 1, NULL },
    { "private_reply", ACTION_PRIVATE_REPLY, DOES_ALL, text_fields,
      COUNT(text_fields), 1, NULL },
    { "hide", ACTION_HIDE, DOES_AGAIN | DOES_CALL, NULL, 0, 0, NULL },
    { "delete", ACTION_DELETE, DOES_CALL, NULL, 0, 0, NULL },
    { "handover", ACTION_HANDOVER, DOES_CALL, handover_fields,
      COUNT(handover_fields), 1, NULL },
    { "stop", ACTION_STOP, DOES_AGAIN, NULL, 0, 0, NULL },
    { "token_exchange", ACTION_EXCHANGE, DOES_AGAIN, stored_fields,
      COUNT(stored_fields), 1, NULL },
    { "push", ACTION_PUSH, 0, push_fields, COUNT(push_fields), 1, NULL },
    { "call", ACTION_CALL, DOES_AGAIN | DOES_SEND, call_fields,
      COUNT(call_fields), 1, NULL },
    { "assistant", ACTION_ASSISTANT, DOES_AGAIN | DOES_SEND, name_fields,
      COUNT(name_fields), 1, NULL },
    { "tag", ACTION_TAG, DOES_AGAIN, name_fields, COUNT(name_fields), 1,
      NULL },
    { "untag", ACTION_UNTAG, DOES_AGAIN, name_fields, COUNT(name_fields), 1,
      NULL },
    { "pause", ACTION_PAUSE, DOES_AGAIN, pause_fields, COUNT(pause_fields), 1,
      NULL },
    { "resume", ACTION_RESUME, DOES_AGAIN, NULL, 0, 0, NULL },
    { "graph", ACTION_GRAPH, DOES_SEND | DOES_CALL, graph_fields,
      COUNT(graph_fields), 2, NULL },
    { "whatsapp_configure", ACTION_CONFIGURE, DOES_AGAIN, configure_fields,
      COUNT(configure_fields), 3, NULL }
};


/* all parameters of an object by a table: each at most once, no others */
static int fields_read(const struct kind_row *row, const struct json *params,
    struct action *a, struct fault *f)
{
    char                full[SCHEMA_PATH_MAX];
    size_t              i;
    unsigned long       seen = 0;
    const struct json  *c;

    if (!json_is(params, JSON_OBJECT)) {
        return fault_set(f, row->name, NULL, NONE, "must have parameters,"
                         " {%s: ...}", row->fields[0].name);
    }

    for (c = params->child; c != NULL; c = c->next) {
        schema_join(full, row->name, c->key);

        for (i = 0; i < row->nfields && !str_is(c->key, row->fields[i].name);
             i++) { }

        if (i == row->nfields) {
            return fault_set(f, full, NULL, c->key, "unknown parameter");
        }
        if (seen & 1ul << i) {
            return fault_set(f, full, NULL, NONE, "stands there twice");
        }

        seen |= 1ul << i;
        if (row->fields[i].read(c, full, a, f) != 0) {
            return -1;
        }
    }

    for (i = 0; i < row->needed; i++) {
        if (!(seen & 1ul << i)) {
            return fault_set(f, row->name, NULL, NONE, "%s is missing",
                             row->fields[i].name);
        }
    }

    return 0;
}


static int whole_message(const struct action *a, const char *path,
    struct fault *f)
{
    if (a->content == CONTENT_NONE) {
        return fault_set(f, path, NULL, NONE, "text is missing, or another"
                         " content: image, video, audio, document, sticker,"
                         " location, contacts, template, interactive,"
                         " generic, buttons, list, raw");
    }

    if (a->quick.n && a->content == CONTENT_RAW) {
        return fault_set(f, path, NULL, NONE, "quick_replies do not go with"
                         " raw, which is the whole message");
    }

    if (a->content != CONTENT_TEXT && (a->split || a->preview)) {
        return fault_set(f, path, NULL, NONE, "%s goes with text",
                         a->split ? "split" : "preview_url");
    }

    return a->wait_for != WAIT_NONE || a->wait_ms == 0 ? 0
           : fault_set(f, path, NULL, NONE, "wait_timeout goes with"
                       " wait_for");
}


static int whole_send(const struct action *a, const char *path,
    struct fault *f)
{
    if (a->quote) {
        return fault_set(f, "send.quote", NULL, NONE, "a reply quotes what it"
                         " answers; a send answers nothing");
    }

    return whole_message(a, path, f);
}


static int kind_read(const struct kind_row *row, const struct json *params,
    struct action *a, struct fault *f)
{
    a->kind = row->kind;

    if (row->fields == NULL) {
        return params == NULL ? 0
               : fault_set(f, row->name, NULL, NONE, "takes no parameters");
    }

    if (fields_read(row, params, a, f) != 0) {
        return -1;
    }

    if (a->kind == ACTION_TEMPLATE) {
        a->content = CONTENT_TEMPLATE;
    }

    return row->whole != NULL ? row->whole(a, row->name, f) : 0;
}


static int name_read(struct str name, const struct json *params,
    struct action *a, struct fault *f)
{
    size_t  i;

    for (i = 0; i < COUNT(names) && !str_is(name, names[i].name); i++) { }

    if (i < COUNT(names)) {
        return kind_read(&names[i], params, a, f);
    }

    if (str_is(name, "conversion")) {
        return fault_set(f, "conversion", NULL, NONE, TO_COME);
    }

    return fault_set(f, "", NULL, name, "unknown action \"%.*s\"",
                     (int) (name.len < 64 ? name.len : 64), name.at);
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
        free(q[i].type);
        free(q[i].image);
    }

    free(q);
    free(a->text);
    free(a->account);
    free(a->to);
    free(a->list);
    free(a->handler);
    free(a->path);
    free(a->file);
    free(a->message_tag);
    free(a->persona);
    free(a->notification);
    free(a->template_name);
    free(a->template_language);
    free(a->emoji);
    free(a->metadata);
    free(a->name);
    free(a->phone);
    free(a->waba);
    free(a->tenant);
    mem_wipe(a->token);
    mem_wipe(a->pin);
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


static const struct kind_row *row_of(enum action_kind kind)
{
    size_t  i;

    for (i = 0; i < COUNT(names) && names[i].kind != kind; i++) { }

    return i < COUNT(names) ? &names[i] : NULL;
}


static bool does(const struct action *a, unsigned what)
{
    const struct kind_row  *row = row_of(a->kind);

    return row != NULL && (row->does & what) != 0;
}


/* action_idempotent says whether it may be done twice */
bool action_idempotent(const struct action *a)
{
    return does(a, DOES_AGAIN)
           || (a->kind == ACTION_GRAPH && a->method == METHOD_GET);
}


/* action_sends says whether somebody outside may get something */
bool action_sends(const struct action *a)
{
    return does(a, DOES_SEND)
           && (a->kind != ACTION_GRAPH || a->method != METHOD_GET);
}


/* action_message says whether that is a message to a person */
bool action_message(const struct action *a)
{
    return does(a, DOES_MESSAGE);
}


/* action_calls says whether it takes a call of Graph */
bool action_calls(const struct action *a)
{
    return does(a, DOES_CALL);
}


/* action_name returns the name that rules and logs use */
const char *action_name(enum action_kind kind)
{
    const struct kind_row  *row = row_of(kind);

    return row != NULL ? row->name : "-";
}
