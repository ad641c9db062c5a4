/* What channel, place and configuration allow an action
   (meta-webhooks-and-messaging.md 7 to 9). */

#include "action_own.h"
#include "calls.h"
#include "channel.h"
#include "file.h"
#include "split.h"
#include "token.h"


static bool has(const struct action *a, enum content content)
{
    return a->content == content;
}


/* quick replies that ask, or have a picture: Messenger's alone */
static bool quick_rich(const struct action *a)
{
    size_t                     i;
    const struct quick_reply  *q = a->quick.at;

    for (i = 0; i < a->quick.n; i++) {
        if (q[i].type != NULL || q[i].image != NULL) {
            return true;
        }
    }

    return false;
}


/* who takes which parameter (7.1, 8 and 9) */
int check_foreign(const struct check_of *c, enum product product,
    struct fault *f)
{
    size_t                i;
    char                  path[SCHEMA_PATH_MAX];
    const struct action  *a = c->action;
    const struct {
        const char  *name;
        bool         there;
        unsigned     takes;     /* 1 << product, each */
    } parameters[] = {
        { "quote", a->quote, 1 << PRODUCT_WHATSAPP | 1 << PRODUCT_MESSENGER },
        { "preview_url", a->preview, 1 << PRODUCT_WHATSAPP },
        { "tag", a->message_tag != NULL,
          1 << PRODUCT_MESSENGER | 1 << PRODUCT_INSTAGRAM },
        { "persona_id", a->persona != NULL, 1 << PRODUCT_MESSENGER },
        { "quick_replies[].content_type", quick_rich(a),
          1 << PRODUCT_MESSENGER },
        { "notification_type", a->notification != NULL,
          1 << PRODUCT_MESSENGER }
    };

    for (i = 0; i < COUNT(parameters); i++) {
        if (parameters[i].there && !(parameters[i].takes & 1u << product)) {
            schema_join(path, c->path, STR(parameters[i].name));
            return fault_set(f, path, NULL, NONE, "%s has no %s",
                             product_name(product), parameters[i].name);
        }
    }

    return 0;
}


/* the channel's own body is Meta's to judge, but for what the call sets */
int check_raw(const struct check_of *c, const char *const *ours,
    struct fault *f)
{
    char  path[SCHEMA_PATH_MAX];

    schema_join(path, c->path, STR("raw"));

    for (; *ours != NULL; ours++) {
        if (json_get(c->content, *ours) != NULL) {
            return fault_set(f, path, NULL, STR(*ours), "%s is set by the"
                             " call itself, leave it out", *ours);
        }
    }

    return 0;
}


/* check_text: its length, or how many pieces it is cut into */
int check_text(const struct check_of *c, enum product product,
    struct fault *f)
{
    char                  path[SCHEMA_PATH_MAX];
    struct json           text = { .type = JSON_STRING };
    struct member         m = { .shape = SHAPE_TEXT };
    struct text_limit     limit;
    const struct action  *a = c->action;

    schema_join(path, c->path, STR("text"));
    limit = text_limit(product, a->quick.n);

    if (a->split) {
        return split_check(a->text, &limit, path, f);
    }

    text.text = STR(a->text);
    m.max = (long long) limit.last;
    m.unit = limit.unit;

    return schema_check(&text, &m, path, c->place->values, f);
}


/* the receipts of each channel (7.1, 8, 9; 3.4, 4.1, 5) */
static int check_wait(const struct check_of *c, enum product product,
    struct fault *f)
{
    char            path[SCHEMA_PATH_MAX];
    enum wait_for   w = c->action->wait_for;

    schema_join(path, c->path, STR("wait_for"));

    if (product == PRODUCT_INSTAGRAM && w != WAIT_NONE && w != WAIT_READ) {
        return fault_set(f, path, "read", NONE, "Instagram tells only what"
                         " was read");
    }

    if (product == PRODUCT_MESSENGER && w == WAIT_SENT) {
        return fault_set(f, path, "delivered, read", NONE, "Messenger tells"
                         " what was delivered and read, not what was sent");
    }

    return 0;
}


static int check_content(const struct check_of *c, enum product product,
    struct fault *f)
{
    char                  path[SCHEMA_PATH_MAX];
    enum content          content = c->action->content;
    const char           *at;
    const struct member  *m = NULL;

    if (has(c->action, CONTENT_TEXT) || has(c->action, CONTENT_RAW)
        || has(c->action, CONTENT_NONE))
    {
        return 0;
    }

    switch (product) {
    case PRODUCT_WHATSAPP:
        m = content_whatsapp(content);
        break;
    case PRODUCT_MESSENGER:
        m = content_messenger(content);
        break;
    case PRODUCT_INSTAGRAM:
        m = content_instagram(content);
        break;
    case PRODUCT_NONE:
        break;
    }

    schema_join(path, c->path, STR(content_name(content)));
    at = c->action->kind == ACTION_TEMPLATE ? c->path : path;

    if (m == NULL) {
        return fault_set(f, at, NULL, NONE, "%s has no %s",
                         product_name(product), content_name(content));
    }

    return schema_check(c->content, m, at, c->place->values, f);
}


static int check_channel(const struct check_of *c, enum product product,
    struct fault *f)
{
    if (check_foreign(c, product, f) != 0 || check_wait(c, product, f) != 0
        || check_content(c, product, f) != 0)
    {
        return -1;
    }

    switch (product) {
    case PRODUCT_WHATSAPP:
        return check_whatsapp(c, f);
    case PRODUCT_MESSENGER:
        return check_messenger(c, f);
    case PRODUCT_INSTAGRAM:
        return check_instagram(c, f);
    case PRODUCT_NONE:
        break;
    }

    return 0;
}


/* all that a channel has to say about an action that goes there */
static int check_message(const struct action *a,
    const struct action_place *place, enum product product,
    const struct target *target, const struct conf *conf, struct fault *f)
{
    int               rc;
    struct check_of   c = { a, place, target, NULL, action_name(a->kind) };
    struct json_doc  *doc;

    if (product == PRODUCT_NONE) {
        return fault_set(f, c.path, NULL, NONE, "nothing tells whether the"
                         " account is WhatsApp's, a Page or Instagram's:"
                         " tokens has none with this id");
    }

    c.content = action_content(a, &doc);

    if (c.content == NULL && a->content > CONTENT_TEXT) {
        json_free(doc);
        return fault_set(f, c.path, NULL, NONE, "is nested too deep");
    }

    rc = a->file != NULL ? check_file(&c, product, conf, f) : 0;
    rc = rc == 0 ? check_channel(&c, product, f) : rc;
    json_free(doc);

    return rc;
}


static int check_reply(const struct action *a,
    const struct action_place *place, const struct conf *conf,
    struct fault *f)
{
    if (!place->addressed) {
        return fault_set(f, action_name(a->kind), NULL, NONE,
                         place->from == FROM_JOB
                         ? "the job needs account and to"
                         : "there is nobody to reply to");
    }

    if (a->quote && !place->message) {
        return fault_set(f, "reply.quote", NULL, NONE,
                         "there is no message to quote");
    }

    return check_message(a, place, place->product, place->target, conf,
                         f);
}


static int check_send(const struct action *a,
    const struct action_place *place, const struct conf *conf,
    struct fault *f)
{
    struct target  t;

    return target_of(&t, conf, PRODUCT_NONE, STR(a->account), STR(a->to),
                     "send.to", f) != 0 ? -1
           : check_message(a, place, t.product, &t, conf, f);
}


/* mark_read, typing, react: of the message, or of the conversation */
static int check_about(const struct action *a,
    const struct action_place *place, const struct conf *conf,
    struct fault *f)
{
    bool         person;
    const char  *name = action_name(a->kind);

    /* WhatsApp marks a message, and types below it; the others mark a
       conversation (7.1 and 8) */
    person = a->kind != ACTION_REACT && place->product != PRODUCT_WHATSAPP;

    if (person && !place->addressed) {
        return fault_set(f, name, NULL, NONE, place->from == FROM_JOB
                         ? "the job needs account and to"
                         : "there is nobody whom it could be for");
    }

    if (!person && a->kind != ACTION_TYPING && !place->message) {
        return fault_set(f, name, NULL, NONE, place->from == FROM_JOB
                         ? "a job has no message for it"
                         : "there is no message for it");
    }

    return check_message(a, place, place->product, place->target, conf,
                         f);
}


static int check_comment(const struct action *a,
    const struct action_place *place, const struct conf *conf,
    struct fault *f)
{
    if (!place->comment) {
        return fault_set(f, action_name(a->kind), NULL, NONE,
                         "there is no comment");
    }

    return check_message(a, place, place->product, place->target, conf,
                         f);
}


static bool list_stands(const struct conf_list *list, const char *name)
{
    size_t  i;

    for (i = 0; i < list->n; i++) {
        if (strcmp(((char **) list->at)[i], name) == 0) {
            return true;
        }
    }

    return false;
}


/* the queue itself, or one of its partitions */
static bool list_is_queue(const struct conf_queue *q, const char *name)
{
    size_t  n = strlen(q->name);

    return strncmp(name, q->name, n) == 0
           && (name[n] == '\0' || (name[n] == ':'
               && str_digits(STR(name + n + 1)) && strlen(name + n) <= 4));
}


static int check_push(const struct action *a, const struct conf *conf,
    struct fault *f)
{
    size_t                    i;
    const struct conf_queue  *queues = conf->queues.at;

    for (i = 0; i < conf->queues.n; i++) {
        if (list_is_queue(&queues[i], a->list)) {
            return fault_set(f, "push.list", NULL, STR(a->list), "\"%s\" is a"
                             " queue of this consumer: it would read it again"
                             " and again", a->list);
        }
    }

    return list_stands(&conf->push_lists, a->list) ? 0
           : fault_set(f, "push.list", "push_lists", STR(a->list), "\"%s\""
                       " does not stand in push_lists", a->list);
}


static int check_call(const struct action *a,
    const struct action_place *place, const struct conf *conf,
    struct fault *f)
{
    size_t                      i;
    const struct conf_handler  *handlers = conf->handlers.at;

    if (place->from != FROM_RULE) {
        return fault_set(f, "call", NULL, NONE, place->from == FROM_JOB
                         ? "a handler is called for an event, and a job is"
                           " none"
                         : "an answer of a handler calls none");
    }

    for (i = 0; i < conf->handlers.n; i++) {
        if (strcmp(handlers[i].name, a->handler) == 0) {
            return 0;
        }
    }

    return fault_set(f, "call.handler", NULL, STR(a->handler), "\"%s\" does"
                     " not stand in handlers", a->handler);
}


static int check_assistant(const struct action *a,
    const struct action_place *place, const struct conf *conf,
    struct fault *f)
{
    if (place->from == FROM_JOB) {
        return fault_set(f, "assistant", NULL, NONE, "an assistant answers an"
                         " event, and a job is none");
    }

    if (!place->addressed) {
        return fault_set(f, "assistant", NULL, NONE,
                         "there is nobody to answer");
    }

    return assistant_find(conf, a->name) != NULL ? 0
           : fault_set(f, "assistant.name", NULL, STR(a->name), "\"%s\" does"
                       " not stand in assistants", a->name);
}


/* tags and pauses are a conversation's, and that has a person */
static int check_talk(const struct action *a,
    const struct action_place *place, struct fault *f)
{
    return place->addressed ? 0
           : fault_set(f, action_name(a->kind), NULL, NONE,
                       place->from == FROM_JOB
                       ? "the job needs account and to"
                       : "there is nobody whose conversation it is");
}


static int check_graph(const struct action *a,
    const struct action_place *place, const struct conf *conf,
    struct fault *f)
{
    enum product            product = place->product;
    const struct call_row  *row;

    if (a->account == NULL && product == PRODUCT_NONE
        && place->from == FROM_JOB)
    {
        return fault_set(f, "graph.account", NULL, NONE, "is missing, and so"
                         " is the job's account");
    }

    if (a->account != NULL) {
        product = tokens_product(conf, STR(a->account));
    }

    row = calls_match(product, a->method, STR(a->path), a->params);

    return row == NULL ? 0 : calls_check(row, a->params, "graph.params",
                                         place->values, f);
}


/* a token belongs in no file of rules, and no answer of a handler */
static int check_stored(const struct action_place *place,
    const struct conf *conf, const char *name, struct fault *f)
{
    if (place->from != FROM_JOB) {
        return fault_set(f, name, NULL, NONE, "is for jobs alone");
    }

    return conf->token_keys != NULL ? 0
           : fault_set(f, name, "token_key_file", NONE, "needs token_key_file"
                       " in the configuration: nothing is stored without");
}


/* action_check says what is in the way of an action */
int action_check(const struct action *a, const struct action_place *place,
    const struct conf *conf, struct fault *f)
{
    switch (a->kind) {

    case ACTION_MARK_READ:
    case ACTION_TYPING:
    case ACTION_REACT:
        return check_about(a, place, conf, f);

    case ACTION_REPLY:
    case ACTION_TEMPLATE:
    case ACTION_HANDOVER:
        return check_reply(a, place, conf, f);

    case ACTION_SEND:
        return check_send(a, place, conf, f);

    case ACTION_COMMENT_REPLY:
    case ACTION_PRIVATE_REPLY:
    case ACTION_HIDE:
    case ACTION_DELETE:
        return check_comment(a, place, conf, f);

    case ACTION_PUSH:
        return check_push(a, conf, f);

    case ACTION_CALL:
        return check_call(a, place, conf, f);

    case ACTION_ASSISTANT:
        return check_assistant(a, place, conf, f);

    case ACTION_TAG:
    case ACTION_UNTAG:
    case ACTION_PAUSE:
    case ACTION_RESUME:
        return check_talk(a, place, f);

    case ACTION_GRAPH:
        return check_graph(a, place, conf, f);

    case ACTION_CONFIGURE:
        return check_stored(place, conf, "whatsapp_configure", f);

    case ACTION_EXCHANGE:
        return check_stored(place, conf, "token_exchange", f);

    case ACTION_STOP:
        break;
    }

    return 0;
}


/* actions_check says what is in the way of the first that may not run */
int actions_check(const struct action *actions, size_t n,
    const struct action_place *place, const struct conf *conf,
    struct fault *f)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (action_check(&actions[i], place, conf, f) != 0) {
            f->action = (unsigned) i + 1;
            return -1;
        }
    }

    return 0;
}
