/* Rules: the pattern of a text, the actions of "do", and Meta's limits on
   them (meta-webhooks-and-messaging.md 7.1, 7.2 and 8). */

#include "conf_own.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>


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


/* type_regex compiles what rules.c matches */
const char *type_regex(const char *text, void *field)
{
    int                  code;
    static char          why[200];
    PCRE2_SIZE           at;
    pcre2_code          *re;
    unsigned char        message[120];

    re = pcre2_compile((PCRE2_SPTR) text, PCRE2_ZERO_TERMINATED,
                       PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF
                       | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);

    if (re == NULL) {
        pcre2_get_error_message(code, message, sizeof(message));
        snprintf(why, sizeof(why), "at character %zu: %s", (size_t) at,
                 (char *) message);
        return why;
    }

    *(pcre2_code **) field = re;

    return NULL;
}


/* the characters of a text, not its bytes */
static size_t characters(const char *text)
{
    size_t  n;

    for (n = 0; *text != '\0'; text++) {
        n += ((unsigned char) *text & 0xc0) != 0x80;
    }

    return n;
}


static char *text_copy(struct reader *r, yaml_node_t *node, const char *path)
{
    const char  *text = conf_text(r, node, path);

    if (text != NULL && *text == '\0') {
        conf_error(r, node, path, "is empty");
        return NULL;
    }

    return text != NULL ? mem_copy(text, strlen(text)) : NULL;
}


/* the value of a key in a mapping of only such keys */
static char **quick_field(struct quick_reply *q, const char *name)
{
    return strcmp(name, "title") == 0 ? &q->title
           : strcmp(name, "payload") == 0 ? &q->payload : NULL;
}


static void quick_read(struct reader *r, yaml_node_t *node, const char *path,
    struct quick_reply *q)
{
    char              **field;
    const char         *name;
    yaml_node_t        *key;
    yaml_node_pair_t   *p;

    if (node->type != YAML_MAPPING_NODE) {
        conf_error(r, node, path, "must be {title: ..., payload: ...}");
        return;
    }

    for (p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top && !r->failed; p++)
    {
        key = yaml_document_get_node(&r->doc, p->key);
        name = conf_text(r, key, path);
        if (name == NULL) {
            return;
        }

        field = quick_field(q, name);
        if (field == NULL || *field != NULL) {
            conf_error(r, key, path, "%s: %s", name, field == NULL
                       ? "unknown key" : "stands there twice");
            return;
        }

        *field = text_copy(r, yaml_document_get_node(&r->doc, p->value),
                           path);
    }

    if (q->title == NULL || q->payload == NULL) {
        conf_error(r, node, path, "needs title and payload");
    }
}


static void quick_list(struct reader *r, yaml_node_t *node, const char *path,
    struct action *action)
{
    size_t  i;

    if (action->quick.at != NULL || node->type != YAML_SEQUENCE_NODE
        || conf_elements(node) == 0)
    {
        conf_error(r, node, path, "must be one list of at least one"
                   " {title, payload}");
        return;
    }

    for (i = 0; i < conf_elements(node) && !r->failed; i++) {
        quick_read(r, conf_element(r, node, i), path,
                   conf_list_add(&action->quick, sizeof(struct quick_reply)));
    }
}


static void action_reply(struct reader *r, yaml_node_t *node,
    const char *path, struct action *action)
{
    char               full[CONF_PATH_MAX];
    const char        *name;
    yaml_node_t       *key, *value;
    yaml_node_pair_t  *p;

    if (node->type != YAML_MAPPING_NODE) {
        conf_error(r, node, path, "must be {text: ...}");
        return;
    }

    for (p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top && !r->failed; p++)
    {
        key = yaml_document_get_node(&r->doc, p->key);
        value = yaml_document_get_node(&r->doc, p->value);
        name = conf_text(r, key, path);
        if (name == NULL) {
            return;
        }

        snprintf(full, sizeof(full), "%s.%s", path, name);

        if (strcmp(name, "text") == 0 && action->text == NULL) {
            action->text = text_copy(r, value, full);
        } else if (strcmp(name, "quick_replies") == 0) {
            quick_list(r, value, full, action);
        } else {
            conf_error(r, key, full, "this version knows text and"
                       " quick_replies, each once");
        }
    }

    if (action->text == NULL) {
        conf_error(r, node, path, "text is missing");
    }
}


/* a bare name, or an object with one member, name: parameters */
static void action_read(struct reader *r, yaml_node_t *node,
    const char *path, struct action *action)
{
    const char   *name;
    yaml_node_t  *key = node, *value = NULL;

    if (node->type == YAML_MAPPING_NODE
        && node->data.mapping.pairs.top - node->data.mapping.pairs.start == 1)
    {
        key = yaml_document_get_node(&r->doc,
                                     node->data.mapping.pairs.start->key);
        value = yaml_document_get_node(&r->doc,
                                       node->data.mapping.pairs.start->value);
    }

    name = key->type == YAML_SCALAR_NODE ? conf_text(r, key, path) : "";
    if (name == NULL) {
        return;
    }

    if (value != NULL && strcmp(name, "reply") == 0) {
        action->kind = ACTION_REPLY;
        action_reply(r, value, "rules[].do.reply", action);

    } else if (value == NULL && strcmp(name, "mark_read") == 0) {
        action->kind = ACTION_MARK_READ;

    } else if (value == NULL && strcmp(name, "stop") == 0) {
        action->kind = ACTION_STOP;

    } else {
        conf_error(r, key, path, "this version knows mark_read, stop and"
                   " {reply: {text: ..., quick_replies: [...]}}");
    }
}


/* conf_actions reads the list of "do" */
void conf_actions(struct reader *r, yaml_node_t *node, const char *path,
    void *field)
{
    size_t              i;
    struct action      *action;
    struct conf_list   *list = field;

    if (node->type != YAML_SEQUENCE_NODE || conf_elements(node) == 0) {
        conf_error(r, node, path, "must be a list of at least one action");
        return;
    }

    for (i = 0; i < conf_elements(node) && !r->failed; i++) {
        action = conf_list_add(list, sizeof(*action));
        action_read(r, conf_element(r, node, i), path, action);

        if (!r->failed && action->kind == ACTION_STOP
            && i + 1 < conf_elements(node))
        {
            conf_error(r, conf_element(r, node, i), path,
                       "stop must be the last action");
        }
    }
}


/* how many bytes a payload may have, 0 where there are too many of them */
static size_t payload_max(int product, size_t n)
{
    if (product == PRODUCT_MESSENGER) {
        return n <= MESSENGER_QUICK ? MESSENGER_PAYLOAD : 0;
    }

    return n <= WHATSAPP_BUTTONS ? WHATSAPP_BUTTON_ID
           : n <= WHATSAPP_ROWS ? WHATSAPP_ROW_ID : 0;
}


static void check_quick(struct reader *r, yaml_node_t *node, int product,
    const struct action *action)
{
    size_t                     i, j, max;
    const struct quick_reply  *q = action->quick.at;
    static const char          path[] = "rules[].do.reply.quick_replies";

    max = payload_max(product, action->quick.n);
    if (max == 0) {
        conf_error(r, node, path, "%zu of them; %s takes at most %d",
                   action->quick.n, product_name(product),
                   product == PRODUCT_MESSENGER ? MESSENGER_QUICK
                   : WHATSAPP_ROWS);
        return;
    }

    for (i = 0; i < action->quick.n; i++) {
        if (characters(q[i].title) > QUICK_TITLE) {
            conf_error(r, node, path, "the title \"%s\" has more than %d"
                       " characters", q[i].title, QUICK_TITLE);
        }

        if (strlen(q[i].payload) > max) {
            conf_error(r, node, path, "the payload of \"%s\" has more than"
                       " %zu bytes", q[i].title, max);
        }

        for (j = 0; j < i && product == PRODUCT_WHATSAPP; j++) {
            if (strcmp(q[i].title, q[j].title) == 0
                || strcmp(q[i].payload, q[j].payload) == 0)
            {
                conf_error(r, node, path, "\"%s\": on WhatsApp no two titles"
                           " and no two payloads are the same", q[i].title);
            }
        }
    }
}


static void check_reply(struct reader *r, yaml_node_t *node, int product,
    const struct action *action)
{
    size_t  max = MESSENGER_TEXT_MAX;

    if (product == PRODUCT_WHATSAPP) {
        max = action->quick.n > 0 && action->quick.n <= WHATSAPP_BUTTONS
              ? WHATSAPP_BUTTONS_TEXT : WHATSAPP_TEXT_MAX;
    }

    if (characters(action->text) > max) {
        conf_error(r, node, "rules[].do.reply.text", "%zu characters; %s"
                   " takes at most %zu here", characters(action->text),
                   product_name(product), max);
    }

    if (action->quick.n > 0) {
        check_quick(r, node, product, action);
    }
}


/* conf_rule checks a rule as a whole */
void conf_rule(struct reader *r, yaml_node_t *node, const char *path,
    void *element)
{
    size_t                i;
    struct rule          *rule = element;
    const struct action  *action = rule->actions.at;

    (void) path;

    for (i = 0; i < rule->actions.n; i++) {
        if (action[i].kind == ACTION_REPLY) {
            check_reply(r, node, rule->product, &action[i]);
        }

        if (action[i].kind == ACTION_MARK_READ
            && rule->product != PRODUCT_WHATSAPP)
        {
            conf_error(r, node, "rules[].do", "mark_read: this version marks"
                       " WhatsApp messages only");
        }
    }
}


/* rule_free releases what a rule holds */
void rule_free(struct rule *rule)
{
    size_t               i, j;
    struct action       *action = rule->actions.at;
    struct quick_reply  *q;

    for (i = 0; i < rule->actions.n; i++) {
        q = action[i].quick.at;
        for (j = 0; j < action[i].quick.n; j++) {
            free(q[j].title);
            free(q[j].payload);
        }
        free(q);
        free(action[i].text);
    }

    pcre2_code_free(rule->text);
    free(rule->account);
    free(action);
}
