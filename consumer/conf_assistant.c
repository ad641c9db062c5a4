/* Assistants: their endpoints, and what is done for each label. */

#include "conf_own.h"
#include "action.h"
#include "assistant.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>


#define CHAT_TIME_MAX    (5ul * 60 * 1000)
#define CHAT_INPUT_MAX   100000
#define CHAT_TOKENS_MAX  100000
#define LABELS_MAX       50
#define TURNS_MAX        50
#define RETRIES_MAX      5
#define FEW_MAX          100
#define QUICK_JSON_MAX   (256 * 1024)


/* type_chat_api takes openai or anthropic */
const char *type_chat_api(const char *text, void *field)
{
    *(int *) field = strcmp(text, "anthropic") == 0 ? CHAT_ANTHROPIC
                     : CHAT_OPENAI;

    return *(int *) field == CHAT_ANTHROPIC || strcmp(text, "openai") == 0
           ? NULL : "must be openai or anthropic";
}


/* type_chat_tokens takes the name of a member */
const char *type_chat_tokens(const char *text, void *field)
{
    *(int *) field = strcmp(text, "max_tokens") == 0 ? CHAT_MAX_TOKENS
                     : CHAT_MAX_COMPLETION_TOKENS;

    return *(int *) field == CHAT_MAX_TOKENS
           || strcmp(text, "max_completion_tokens") == 0 ? NULL
           : "must be max_tokens or max_completion_tokens";
}


/* type_chat_url takes https://, and http:// to this machine: a key and what
   people wrote travel there */
const char *type_chat_url(const char *text, void *field)
{
    char        *plain, *url = NULL;
    const char  *why = NULL;

    if (strncmp(text, "unix:", 5) == 0) {
        return "must begin with https://";
    }

    if (strncmp(text, "http://", 7) == 0) {
        plain = mem_copy(text, strcspn(text, "?"));
        why = type_url(plain, &url);
        free(plain);
        free(url);
    }

    return why != NULL ? why : type_handler_url(text, field);
}


/* type_few takes a number from 0 to 100 */
const char *type_few(const char *text, void *field)
{
    unsigned long  n = 0;

    if (strcmp(text, "0") != 0
        && (type_count(text, &n) != NULL || n > FEW_MAX))
    {
        return "must be a number from 0 to 100";
    }

    *(unsigned long *) field = n;

    return NULL;
}


/* type_maybe takes true or false, and knows whether it was there at all */
const char *type_maybe(const char *text, void *field)
{
    bool         truth = false;
    const char  *why = *text != '\0' ? type_bool(text, &truth) : NULL;

    *(int *) field = *text == '\0' ? -1 : truth;

    return why;
}


/* conf_label_actions reads what is done for a label */
void conf_label_actions(struct reader *r, yaml_node_t *node,
    const char *path, void *field)
{
    size_t                i;
    struct conf_list     *list = field;
    const struct action  *actions;

    conf_actions_read(r, node, path, false, list);
    actions = list->at;

    for (i = 0; i < list->n && !r->failed; i++) {
        if (actions[i].kind == ACTION_CALL
            || actions[i].kind == ACTION_ASSISTANT
            || actions[i].kind == ACTION_STOP)
        {
            conf_error(r, node, path, "a label cannot %s",
                       action_name(actions[i].kind));
        }
    }
}


static void chat_check(struct reader *r, yaml_node_t *node,
    const char *path, const char *which, const struct conf_chat *chat)
{
    if (chat->url == NULL) {
        return;
    }

    if (chat->timeout_ms == 0 || chat->timeout_ms > CHAT_TIME_MAX) {
        conf_error(r, node, path, "%s.timeout must be from 1ms to 5m", which);

    } else if (chat->max_input > CHAT_INPUT_MAX) {
        conf_error(r, node, path, "%s.max_input may be %d characters at most",
                   which, CHAT_INPUT_MAX);

    } else if (chat->max_tokens > CHAT_TOKENS_MAX) {
        conf_error(r, node, path, "%s.max_tokens may be %d at most", which,
                   CHAT_TOKENS_MAX);
    }
}


/* the writer is asked unless actions stand in its place */
static void label_check(struct reader *r, yaml_node_t *node,
    const char *path, const struct conf_assistant *a, struct conf_label *l)
{
    const struct conf_label  *other;

    l->writes = l->write >= 0 ? l->write : l->actions.n == 0;

    if (l->writes && a->writer.url == NULL) {
        conf_error(r, node, path, "label %s: needs the writer, and there is"
                   " none", l->name);
    }

    for (other = a->labels.at; other < l; other++) {
        if (strcasecmp(other->name, l->name) == 0) {
            conf_error(r, node, path, "label %s stands there twice", l->name);
        }
    }
}


static void labels_check(struct reader *r, yaml_node_t *node,
    const char *path, struct conf_assistant *a)
{
    size_t              i;
    bool                found = false;
    struct conf_label  *labels;

    if (a->labels.n == 0 && a->classifier.url == NULL) {
        labels = conf_list_add(&a->labels, sizeof(*labels));
        labels->name = mem_copy(a->preset, strlen(a->preset));
        labels->write = -1;
    }

    if (a->labels.n > LABELS_MAX) {
        conf_error(r, node, path, "has more than %d labels", LABELS_MAX);
        return;
    }

    labels = a->labels.at;
    for (i = 0; i < a->labels.n && !r->failed; i++) {
        label_check(r, node, path, a, &labels[i]);
        if (strcasecmp(labels[i].name, a->preset) == 0) {
            a->label = i;
            found = true;
        }
    }

    if (!found) {
        conf_error(r, node, path, "default: there is no label \"%s\"",
                   a->preset);
    }
}


/* conf_assistant checks one as a whole */
void conf_assistant(struct reader *r, yaml_node_t *node, const char *path,
    void *element)
{
    size_t                  i;
    struct conf_assistant  *a = element, *all = r->conf->assistants.at;

    for (i = 0; i + 1 < r->conf->assistants.n; i++) {
        if (strcmp(all[i].name, a->name) == 0) {
            conf_error(r, node, path, "\"%s\" stands there twice", a->name);
            return;
        }
    }

    chat_check(r, node, path, "classifier", &a->classifier);
    chat_check(r, node, path, "writer", &a->writer);
    labels_check(r, node, path, a);

    if (a->turns > TURNS_MAX) {
        conf_error(r, node, path, "turns may be %d at most", TURNS_MAX);

    } else if (a->retries > RETRIES_MAX) {
        conf_error(r, node, path, "retries may be %d at most", RETRIES_MAX);
    }
}


/* what a model would say, with the quick replies */
static int quick_fits(const struct conf *conf, const struct conf_assistant *a,
    const struct action_place *place, struct fault *f)
{
    int               rc;
    struct buf        b;
    struct action     reply;
    struct json_doc  *doc;

    buf_init(&b, QUICK_JSON_MAX);
    assistant_reply(&b, a, STR("text"), true);
    doc = json_parse(b.at, b.len, JSON_TREE_MAX);
    buf_free(&b);

    rc = doc == NULL ? fault_set(f, "", NULL, NONE, "its quick_replies are"
                                 " too long")
         : action_parse(json_root(doc), &reply, f);
    json_free(doc);

    if (rc == 0) {
        rc = action_check(&reply, place, conf, f);
        action_free(&reply);
    }

    return rc;
}


/* conf_assistant_fits asks what only a rule can tell */
int conf_assistant_fits(const struct conf *conf, const char *name,
    const struct action_place *place, struct fault *f)
{
    int                           rc;
    size_t                        i;
    char                          text[512];
    const struct conf_label      *labels;
    const struct conf_assistant  *a = assistant_find(conf, name);

    rc = a == NULL || !a->writer.url ? 0 : quick_fits(conf, a, place, f);
    snprintf(text, sizeof(text), "assistant %s: its quick_replies: ", name);

    for (i = 0; a != NULL && rc == 0 && i < a->labels.n; i++) {
        labels = a->labels.at;
        snprintf(text, sizeof(text), "assistant %s: label %s: ", name,
                 labels[i].name);
        rc = actions_check(labels[i].actions.at, labels[i].actions.n, place,
                           conf, f);
    }

    if (rc != 0) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s%s",
                 f->parameter, *f->parameter ? ": " : "", f->text);
        fault_set(f, "assistant", NULL, NONE, "%s", text);
    }

    return rc;
}


static void chat_free(struct conf_chat *chat)
{
    free(chat->url);
    free(chat->model);
    free(chat->ca_file);
    free(chat->system);
    mem_wipe(chat->secret);
}


/* conf_assistant_free releases what one holds */
void conf_assistant_free(struct conf_assistant *a)
{
    size_t              i;
    struct conf_label  *labels = a->labels.at;
    struct conf_quick  *quick = a->quick.at;

    for (i = 0; i < a->labels.n; i++) {
        free(labels[i].name);
        free(labels[i].system);
        actions_free(labels[i].actions.at, labels[i].actions.n);
    }

    for (i = 0; i < a->quick.n; i++) {
        free(quick[i].title);
        free(quick[i].payload);
    }

    chat_free(&a->classifier);
    chat_free(&a->writer);
    free(labels);
    free(quick);
    free(a->name);
    free(a->preset);
    free(a->fallback);
}
