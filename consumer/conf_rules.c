/* Rules: the actions of "do", which are turned into the JSON that handlers and
   jobs speak. */

#include "conf_own.h"
#include "action.h"
#include "json.h"
#include "know.h"
#include "values.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>


#define RULES_JSON_MAX   (1024 * 1024)
#define RULES_DEPTH_MAX  64
#define RULES_AGE        (6ul * 3600 * 1000)


/* type_max_age takes a time, or none; "default" stands for what the actions
   make of it */
const char *type_max_age(const char *text, void *field)
{
    if (strcmp(text, "default") == 0) {
        *(unsigned long *) field = ULONG_MAX;
        return NULL;
    }

    if (strcmp(text, "none") == 0) {
        *(unsigned long *) field = 0;
        return NULL;
    }

    return type_time(text, field) == NULL ? NULL
           : "must be none, or a time such as 30s, 5m, 6h or 7d";
}


/* type_order takes strict or loose */
const char *type_order(const char *text, void *field)
{
    *(bool *) field = strcmp(text, "loose") == 0;

    return *(bool *) field || strcmp(text, "strict") == 0
           ? NULL : "must be strict or loose";
}


/* type_ambiguous takes park or resend */
const char *type_ambiguous(const char *text, void *field)
{
    *(int *) field = strcmp(text, "resend") == 0 ? AMBIGUOUS_RESEND
                     : AMBIGUOUS_PARK;

    return *(int *) field == AMBIGUOUS_RESEND || strcmp(text, "park") == 0
           ? NULL : "must be park or resend";
}


/* what JSON has no quotes around: a number, true, false, null */
static bool scalar_is_plain(const yaml_node_t *node)
{
    size_t       n;
    const char  *s = (const char *) node->data.scalar.value;
    static const char  digits[] = "0123456789";

    if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        return false;
    }

    if (strcmp(s, "true") == 0 || strcmp(s, "false") == 0
        || strcmp(s, "null") == 0)
    {
        return true;
    }

    s += *s == '-';
    n = strspn(s, digits);
    if (n == 0 || (*s == '0' && n > 1)) {
        return false;
    }

    s += n;
    if (*s == '.') {
        n = strspn(s + 1, digits);
        s += n ? n + 1 : 0;
    }

    return *s == '\0';
}


/* an alias may name what it stands in, so there is a depth */
static void node_json(struct reader *r, struct buf *b, yaml_node_t *node,
    unsigned depth)
{
    size_t             i;
    yaml_node_t       *key;
    yaml_node_pair_t  *p;

    if (depth == RULES_DEPTH_MAX) {
        b->over = true;
    }

    if (b->over) {
        return;
    }

    if (node->type == YAML_SCALAR_NODE) {
        struct str  s = { (char *) node->data.scalar.value,
                          node->data.scalar.length };

        if (scalar_is_plain(node)) {
            buf_str(b, s);
        } else {
            json_quote(b, s);
        }

    } else if (node->type == YAML_SEQUENCE_NODE) {
        buf_text(b, "[");
        for (i = 0; i < conf_elements(node) && !b->over; i++) {
            buf_text(b, i ? "," : "");
            node_json(r, b, conf_element(r, node, i), depth + 1);
        }
        buf_text(b, "]");

    } else {
        buf_text(b, "{");
        for (p = node->data.mapping.pairs.start;
             p < node->data.mapping.pairs.top && !b->over; p++)
        {
            key = yaml_document_get_node(&r->doc, p->key);
            buf_text(b, p == node->data.mapping.pairs.start ? "" : ",");
            json_quote(b, key->type == YAML_SCALAR_NODE
                       ? (struct str) { (char *) key->data.scalar.value,
                                        key->data.scalar.length } : NONE);
            buf_text(b, ":");
            node_json(r, b, yaml_document_get_node(&r->doc, p->value),
                      depth + 1);
        }
        buf_text(b, "}");
    }
}


static yaml_node_t *node_member(struct reader *r, yaml_node_t *node,
    const char *name, size_t len)
{
    yaml_node_t       *key, *found = NULL;
    yaml_node_pair_t  *p;

    if (node->type != YAML_MAPPING_NODE) {
        return NULL;
    }

    for (p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top; p++)
    {
        key = yaml_document_get_node(&r->doc, p->key);
        if (key->type == YAML_SCALAR_NODE
            && key->data.scalar.length == len
            && memcmp(key->data.scalar.value, name, len) == 0)
        {
            found = yaml_document_get_node(&r->doc, p->value);
        }
    }

    return found;
}


/* the node of "reply.quick_replies[2].title", or the nearest around it */
static yaml_node_t *node_find(struct reader *r, yaml_node_t *node,
    const char *path)
{
    char         *end;
    size_t        n, i;
    yaml_node_t  *inner;

    while (*path != '\0') {
        if (*path == '[') {
            i = strtoul(path + 1, &end, 10);
            if (node->type != YAML_SEQUENCE_NODE || *end != ']'
                || i >= conf_elements(node))
            {
                break;
            }
            inner = conf_element(r, node, i);
            path = end + 1;

        } else {
            path += *path == '.';
            n = strcspn(path, ".[");
            inner = node_member(r, node, path, n);
            path += n;
        }

        if (inner == NULL) {
            break;
        }
        node = inner;
    }

    return node;
}


/* what is wrong with the actions of that "do" */
static void actions_fault(struct reader *r, yaml_node_t *list,
    const char *path, const struct fault *f)
{
    char          full[CONF_PATH_MAX];
    yaml_node_t  *node = list;

    snprintf(full, sizeof(full), "%s%s%s", path, *f->parameter ? "." : "",
             f->parameter);

    if (f->action && list->type == YAML_SEQUENCE_NODE
        && f->action <= conf_elements(list))
    {
        node = node_find(r, conf_element(r, list, f->action - 1),
                         f->parameter);
    }

    conf_error(r, node, full, "%s", f->text);
}


/* the list with a number for each value; a fault has the action's number */
static int actions_sample(const struct json *list, struct buf *b,
    struct fault *f)
{
    unsigned            n = 1;
    const struct json  *c;

    if (!json_is(list, JSON_ARRAY)) {
        json_write(b, list);
        return 0;
    }

    buf_text(b, "[");

    for (c = list->child; c != NULL; c = c->next, n++) {
        buf_text(b, n > 1 ? "," : "");
        if (values_check(c, b, f) != 0) {
            f->action = n;
            return -1;
        }
    }

    buf_text(b, "]");

    return 0;
}


/* what holds values is kept as it was written */
static void actions_keep(struct action *actions, size_t n,
    const struct json *list)
{
    size_t              i;
    struct buf          b;
    const struct json  *c = list->child;

    for (i = 0; i < n; i++, c = c->next) {
        buf_init(&b, RULES_JSON_MAX);
        json_write(&b, c);

        if (values_in((struct str) { b.at, b.len })) {
            free((char *) actions[i].json.at);
            actions[i].json = (struct str) { b.at, b.len };
        } else {
            buf_free(&b);
        }
    }
}


static int actions_read(const struct json *list, struct conf_list *out,
    struct fault *f)
{
    int               rc;
    struct buf        b;
    struct action    *actions = NULL;
    struct json_doc  *doc;

    buf_init(&b, RULES_JSON_MAX);
    rc = actions_sample(list, &b, f);
    doc = rc == 0 && !b.over ? json_parse(b.at, b.len, JSON_TREE_MAX) : NULL;
    buf_free(&b);

    if (rc == 0 && doc == NULL) {
        return fault_set(f, "", NULL, NONE, "is too long, or nested too deep");
    }

    rc = rc == 0 ? actions_parse(json_root(doc), ACTION_LIST_MAX, false,
                                 &actions, &out->n, f) : rc;
    json_free(doc);

    if (rc == 0) {
        actions_keep(actions, out->n, list);
        out->at = actions;
    }

    return rc;
}


/* conf_actions_read reads a list of actions, or a template's parameters */
void conf_actions_read(struct reader *r, yaml_node_t *node,
    const char *path, bool fallback, struct conf_list *out)
{
    struct buf        b;
    struct fault      f;
    struct json_doc  *doc;

    buf_init(&b, RULES_JSON_MAX);
    buf_text(&b, fallback ? "[{\"template\":" : "");
    node_json(r, &b, node, 0);
    buf_text(&b, fallback ? "}]" : "");
    doc = b.over ? NULL : json_parse(b.at, b.len, JSON_TREE_MAX);
    buf_free(&b);

    if (doc == NULL) {
        conf_error(r, node, path, "is too long, or nested too deep");
        return;
    }

    if (actions_read(json_root(doc), out, &f) != 0) {
        actions_fault(r, node, path, &f);
    }

    json_free(doc);
}


static void list_read(struct reader *r, yaml_node_t *node,
    const char *path, bool fallback, struct conf_list *out)
{
    struct conf_do  *seen;

    conf_actions_read(r, node, path, fallback, out);
    seen = conf_list_add(&r->dos, sizeof(*seen));
    *seen = (struct conf_do) { node, r->conf->rules.n - 1, fallback };
}


/* conf_actions reads the list of "do" */
void conf_actions(struct reader *r, yaml_node_t *node, const char *path,
    void *field)
{
    list_read(r, node, path, false, field);
}


/* conf_fallback reads the parameters of a template */
void conf_fallback(struct reader *r, yaml_node_t *node, const char *path,
    void *field)
{
    list_read(r, node, path, true, field);
}


static bool rule_does(const struct rule *rule,
    bool (*is)(const struct action *action))
{
    size_t                i;
    const struct action  *actions = rule->actions.at;

    for (i = 0; i < rule->actions.n; i++) {
        if (is(&actions[i])) {
            return true;
        }
    }

    return false;
}


static bool is_send(const struct action *action)
{
    return action->kind == ACTION_SEND;
}


static bool is_call(const struct action *action)
{
    return action->kind == ACTION_CALL;
}


/* what opens the window is answered within it, where it is not answered too
   late; another's window may be closed, and a status may say that it is */
static void rule_warn(struct reader *r, yaml_node_t *node,
    const struct rule *rule)
{
    int  kind;

    if (rule->max_age_ms == 0 || rule->max_age_ms >= KNOW_WINDOW_MS
        || rule->fallback.n == 0 || rule->when.kinds == 0
        || rule_does(rule, is_send))
    {
        return;
    }

    for (kind = 0; kind < KINDS; kind++) {
        if (rule->when.kinds >> kind & 1 && !kind_opens(kind)) {
            return;
        }
    }

    conf_warn(r, node_member(r, node, "max_age", 7), "rules[].max_age",
              "warning: rule %zu: who wrote is answered without a template"
              " for 24h, so fallback_template hardly ever goes; leave max_age"
              " out", r->conf->rules.n);
}


/* conf_rule decides how long what the rule does is still wanted */
void conf_rule(struct reader *r, yaml_node_t *node, const char *path,
    void *element)
{
    struct rule  *rule = element;

    if (rule->when.under_ms && rule->when.over_ms >= rule->when.under_ms) {
        conf_error(r, node, path, "when.age: nothing is older than over and"
                   " not older than under");
        return;
    }

    if (rule->save != NULL && !rule_does(rule, is_call)) {
        conf_error(r, node_member(r, node, "media", 5), path, "rule %zu:"
                   " media.save is for a handler, and \"do\" has no call",
                   r->conf->rules.n);
        return;
    }

    if (rule->max_age_ms != ULONG_MAX) {
        rule_warn(r, node, rule);
        return;
    }

    /* a fallback is for what was written a day ago and more */
    rule->max_age_ms = rule->fallback.n == 0 && rule_does(rule, action_sends)
                       ? RULES_AGE : 0;
}


/* the lists that rules name are allowed to handlers and jobs as well */
static void rules_lists(struct conf *conf, const struct rule *rule)
{
    size_t                i;
    char                **name;
    const struct action  *actions = rule->actions.at;

    for (i = 0; i < rule->actions.n; i++) {
        if (actions[i].kind == ACTION_PUSH) {
            name = conf_list_add(&conf->push_lists, sizeof(*name));
            *name = mem_copy(actions[i].list, strlen(actions[i].list));
        }
    }
}


/* events of these kinds name nobody, whatever the channel */
static bool kind_addressed(enum kind kind)
{
    return kind != KIND_TEMPLATE && kind != KIND_ACCOUNT && kind != KIND_FLOW
           && kind != KIND_POLICY && kind != KIND_INSIGHT
           && kind != KIND_ERROR && kind != KIND_TEST && kind != KIND_UNKNOWN;
}


/* what the assistants do that it asks */
static int list_assistants(const struct conf_list *list,
    const struct conf *conf, const struct action_place *place,
    struct fault *f)
{
    size_t                i;
    const struct action  *actions = list->at;

    for (i = 0; i < list->n; i++) {
        if (actions[i].kind == ACTION_ASSISTANT
            && conf_assistant_fits(conf, actions[i].name, place, f) != 0)
        {
            f->action = (unsigned) i + 1;
            return -1;
        }
    }

    return 0;
}


/* what is fit for one kind or channel may not be for another; where "kind" is
   left out no call has an addressee, for it would answer what answers bring
   about */
static int rule_check(const struct rule *rule, const struct conf_list *list,
    const struct conf *conf, struct fault *f)
{
    int                  product, kind;
    const struct when   *w = &rule->when;
    struct action_place  place = { .from = FROM_RULE, .values = true };

    for (product = PRODUCT_WHATSAPP; product <= PRODUCT_INSTAGRAM; product++) {
        for (kind = 0; kind < KINDS; kind++) {
            if ((w->products && !(w->products >> product & 1))
                || (w->kinds ? !(w->kinds >> kind & 1) : kind_silent(kind)))
            {
                continue;
            }

            place.product = product;
            place.kind = kind;
            place.addressed = w->kinds && kind_addressed(kind);
            place.message = kind == KIND_MESSAGE || kind == KIND_POSTBACK;
            place.comment = kind == KIND_COMMENT;

            if (actions_check(list->at, list->n, &place, conf, f) != 0
                || list_assistants(list, conf, &place, f) != 0)
            {
                return -1;
            }
        }
    }

    return 0;
}


/* conf_rules_check asks of each action what only the whole can tell */
void conf_rules_check(struct reader *r)
{
    size_t                 i;
    struct rule           *rules = r->conf->rules.at, *rule;
    struct fault           f;
    const struct conf_do  *seen = r->dos.at;

    for (i = 0; i < r->conf->rules.n; i++) {
        rules_lists(r->conf, &rules[i]);
    }

    for (i = 0; i < r->dos.n && !r->failed; i++) {
        rule = &rules[seen[i].rule];
        if (rule_check(rule, seen[i].fallback ? &rule->fallback
                       : &rule->actions, r->conf, &f) != 0)
        {
            actions_fault(r, seen[i].node, seen[i].fallback
                          ? "rules[].fallback_template" : "rules[].do", &f);
        }
    }
}


/* rule_free releases what a rule holds */
void rule_free(struct rule *rule)
{
    actions_free(rule->actions.at, rule->actions.n);
    actions_free(rule->fallback.at, rule->fallback.n);
    when_free(&rule->when);
    free(rule->save);
}
