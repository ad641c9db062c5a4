/* What channel, place and configuration allow an action
   (meta-webhooks-and-messaging.md 7.1, 7.2 and 8). */

#include "action_own.h"
#include "reply.h"

#include <stdio.h>


#define WHATSAPP_TEXT_MAX     4096
#define WHATSAPP_BUTTONS      3
#define WHATSAPP_BUTTONS_TEXT 1024
#define WHATSAPP_BUTTON_ID    256
#define WHATSAPP_ROWS         10
#define WHATSAPP_ROW_ID       200
#define MESSENGER_TEXT_MAX    1999
#define MESSENGER_QUICK       13
#define MESSENGER_PAYLOAD     1000
#define QUICK_TITLE           20


/* the characters of a text, not its bytes */
static size_t characters(const char *text)
{
    size_t  n;

    for (n = 0; *text != '\0'; text++) {
        n += ((unsigned char) *text & 0xc0) != 0x80;
    }

    return n;
}


/* 0 if n is not more than max */
static int check_count(size_t n, size_t max, const char *unit,
    enum product product, const char *path, struct fault *f)
{
    char  limit[48], value[48];

    if (n <= max) {
        return 0;
    }

    snprintf(limit, sizeof(limit), "%zu%s", max, unit);
    snprintf(value, sizeof(value), "%zu%s", n, unit);

    return fault_set(f, path, limit, STR(value), "%zu%s; %s takes at most"
                     " %zu here", n, unit, product_name(product), max);
}


/* how many bytes a payload may have beside n - 1 others */
static size_t payload_max(enum product product, size_t n)
{
    return product == PRODUCT_MESSENGER ? MESSENGER_PAYLOAD
           : n <= WHATSAPP_BUTTONS ? WHATSAPP_BUTTON_ID : WHATSAPP_ROW_ID;
}


/* WhatsApp refuses two titles, and two ids, that are the same */
static int check_unique(const struct quick_reply *q, size_t i,
    const char *path, struct fault *f)
{
    size_t  j;

    for (j = 0; j < i; j++) {
        if (strcmp(q[i].title, q[j].title) == 0
            || strcmp(q[i].payload, q[j].payload) == 0)
        {
            return fault_set(f, path, NULL, STR(q[i].title), "\"%s\": on"
                             " WhatsApp no two titles and no two payloads"
                             " are the same", q[i].title);
        }
    }

    return 0;
}


static int check_quick(const struct action *a, enum product product,
    const char *name, struct fault *f)
{
    char                       at[PARAM_PATH_MAX], path[PARAM_PATH_MAX];
    size_t                     i;
    const struct quick_reply  *q = a->quick.at;

    snprintf(path, sizeof(path), "%s.quick_replies", name);

    if (check_count(a->quick.n, product == PRODUCT_MESSENGER
                    ? MESSENGER_QUICK : WHATSAPP_ROWS, " of them", product,
                    path, f) != 0)
    {
        return -1;
    }

    for (i = 0; i < a->quick.n; i++) {
        snprintf(at, sizeof(at), "%s.quick_replies[%zu].title", name, i);
        if (check_count(characters(q[i].title), QUICK_TITLE, " characters",
                        product, at, f) != 0)
        {
            return -1;
        }

        snprintf(at, sizeof(at), "%s.quick_replies[%zu].payload", name, i);
        if (check_count(strlen(q[i].payload),
                        payload_max(product, a->quick.n), " bytes", product,
                        at, f) != 0)
        {
            return -1;
        }

        snprintf(at, sizeof(at), "%s.quick_replies[%zu]", name, i);
        if (product == PRODUCT_WHATSAPP && check_unique(q, i, at, f) != 0) {
            return -1;
        }
    }

    return 0;
}


/* the channel's own body is Meta's to judge, but for what the call sets */
static int check_raw(const struct action *a, enum product product,
    const char *name, struct fault *f)
{
    int                       rc = 0;
    char                      path[PARAM_PATH_MAX];
    size_t                    i;
    struct json_doc          *doc;
    static const char *const  ours[] = {
        "recipient", "to", "recipient_type", "messaging_product",
        "biz_opaque_callback_data", "access_token"
    };

    snprintf(path, sizeof(path), "%s.raw", name);
    doc = json_parse(a->raw.at, a->raw.len, JSON_TREE_MAX);
    if (doc == NULL) {
        return fault_set(f, path, NULL, NONE, "is nested too deep");
    }

    for (i = 0; i < COUNT(ours) && rc == 0; i++) {
        if (json_get(json_root(doc), ours[i]) != NULL) {
            rc = fault_set(f, path, NULL, STR(ours[i]), "%s is set by the"
                           " call itself, leave it out", ours[i]);
        }
    }

    if (rc == 0 && product == PRODUCT_WHATSAPP
        && !json_is(json_get(json_root(doc), "type"), JSON_STRING))
    {
        rc = fault_set(f, path, NULL, NONE, "needs \"type\" and the member of"
                       " that name, as Meta's reference has them");
    }

    json_free(doc);

    return rc;
}


static int check_message(const struct action *a, enum product product,
    struct fault *f)
{
    char         path[PARAM_PATH_MAX];
    size_t       max = MESSENGER_TEXT_MAX;
    const char  *name = action_name(a->kind);

    if (product == PRODUCT_INSTAGRAM) {
        return fault_set(f, name, NULL, NONE, "to Instagram it comes with a"
                         " later version");
    }

    if (a->raw.len) {
        return check_raw(a, product, name, f);
    }

    if (product == PRODUCT_WHATSAPP) {
        max = a->quick.n > 0 && a->quick.n <= WHATSAPP_BUTTONS
              ? WHATSAPP_BUTTONS_TEXT : WHATSAPP_TEXT_MAX;
    }

    snprintf(path, sizeof(path), "%s.text", name);
    if (check_count(characters(a->text), max, " characters", product, path,
                    f) != 0)
    {
        return -1;
    }

    return check_quick(a, product, name, f);
}


static int check_reply(const struct action *a,
    const struct action_place *place, struct fault *f)
{
    if (!place->addressed) {
        return fault_set(f, "reply", NULL, NONE, place->from == FROM_JOB
                         ? "the job needs account and to"
                         : "there is nobody to reply to");
    }

    if (place->product == PRODUCT_NONE) {
        return fault_set(f, "reply", NULL, NONE, "nothing tells whether the"
                         " account is WhatsApp's or a Page: tokens has none"
                         " with this id");
    }

    return check_message(a, place->product, f);
}


static int check_send(const struct action *a, const struct conf *conf,
    struct fault *f)
{
    struct target  t;

    return target_of(&t, conf, PRODUCT_NONE, STR(a->account), STR(a->to),
                     "send.to", f) != 0 ? -1
           : check_message(a, t.product, f);
}


static int check_read(const struct action_place *place, struct fault *f)
{
    if (place->from == FROM_JOB) {
        return fault_set(f, "mark_read", NULL, NONE,
                         "a job has no message to mark");
    }

    if (place->product != PRODUCT_WHATSAPP || place->kind != KIND_MESSAGE) {
        return fault_set(f, "mark_read", NULL, NONE,
                         "this version marks WhatsApp messages only");
    }

    return 0;
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


/* action_check says what is in the way of an action */
int action_check(const struct action *a, const struct action_place *place,
    const struct conf *conf, struct fault *f)
{
    switch (a->kind) {
    case ACTION_MARK_READ:
        return check_read(place, f);
    case ACTION_REPLY:
        return check_reply(a, place, f);
    case ACTION_SEND:
        return check_send(a, conf, f);
    case ACTION_PUSH:
        return check_push(a, conf, f);
    case ACTION_CALL:
        return check_call(a, place, conf, f);
    case ACTION_GRAPH:
        return a->account != NULL || place->product != PRODUCT_NONE
               || place->from != FROM_JOB ? 0
               : fault_set(f, "graph.account", NULL, NONE, "is missing, and"
                           " so is the job's account");
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
