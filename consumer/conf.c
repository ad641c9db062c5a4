/* The configuration: its table of keys, and its life. */

#include "conf_own.h"
#include "action.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>


#define ROOT(field)      offsetof(struct conf, field)
#define QUEUE(field)     offsetof(struct conf_queue, field)
#define APP(field)       offsetof(struct conf_app, field)
#define TOKEN(field)     offsetof(struct conf_token, field)
#define RULE(field)      offsetof(struct rule, field)
#define WHEN(field)      offsetof(struct rule, when.field)
#define HOURS(field)     offsetof(struct hours, field)
#define HANDLER(field)   offsetof(struct conf_handler, field)
#define ASSISTANT(field) offsetof(struct conf_assistant, field)
#define LABEL(field)     offsetof(struct conf_label, field)
#define QUICK(field)     offsetof(struct conf_quick, field)
#define EACH(type)       sizeof(struct type)


static void conf_names(struct reader *r, yaml_node_t *node, const char *path,
    void *field);
static void conf_unmatched(struct reader *r, yaml_node_t *node,
    const char *path, void *field);
static void conf_token(struct reader *r, yaml_node_t *node, const char *path,
    void *element);


/* path, type of a scalar, reader of a node, place, size, preset, flags */
static const struct option options[] = {
    { "redis", NULL, conf_redis, 0, 0, "127.0.0.1:6379", 0 },
    { "queues", NULL, conf_queue, ROOT(queues), EACH(conf_queue), NULL, 0 },
    { "queues[].name", type_list_name, NULL, QUEUE(name), 0, NULL,
      OPTION_NEEDED },
    { "queues[].kind", type_queue_kind, NULL, QUEUE(kind), 0, "events", 0 },
    { "queues[].partitions", type_count, NULL, QUEUE(partitions), 0, "1", 0 },
    { "apps", NULL, NULL, ROOT(apps), EACH(conf_app), NULL, 0 },
    { "apps[].id", type_digits, NULL, APP(id), 0, NULL, OPTION_NEEDED },
    { "apps[].secret_file", type_app_secret, NULL, APP(secret), 0, NULL, 0 },
    { "verify_token_file", type_secret, NULL, ROOT(verify_token), 0, NULL, 0 },
    { "graph", NULL, NULL, 0, 0, NULL, 0 },
    { "graph.version", type_version, NULL, ROOT(version), 0, "v24.0", 0 },
    { "graph.ads_version", type_version, NULL, ROOT(ads_version), 0, NULL,
      0 },
    { "graph.base_url", type_url, NULL, ROOT(base_url), 0, NULL, 0 },
    { "graph.in_flight", type_count, NULL, ROOT(in_flight), 0, "64", 0 },
    { "graph.ca_file", type_file, NULL, ROOT(ca_file), 0, NULL, 0 },
    { "graph.appsecret_proof", type_proof, NULL, ROOT(proof), 0, "off", 0 },
    { "graph.hosts", NULL, NULL, 0, 0, NULL, 0 },
    { "graph.hosts.facebook", type_url, NULL, ROOT(hosts[GRAPH_FACEBOOK]), 0,
      "https://graph.facebook.com", 0 },
    { "graph.hosts.instagram", type_url, NULL, ROOT(hosts[GRAPH_INSTAGRAM]),
      0, "https://graph.instagram.com", 0 },
    { "graph.hosts.instagram_oauth", type_url, NULL,
      ROOT(hosts[GRAPH_INSTAGRAM_OAUTH]), 0, "https://api.instagram.com", 0 },
    { "graph.hosts.rupload", type_url, NULL, ROOT(hosts[GRAPH_RUPLOAD]), 0,
      "https://rupload.facebook.com", 0 },
    { "graph.hosts.dialog", NULL, NULL, 0, 0, NULL, OPTION_LATER },
    { "graph.hosts.instagram_dialog", NULL, NULL, 0, 0, NULL, OPTION_LATER },
    { "graph.hosts.sdk", NULL, NULL, 0, 0, NULL, OPTION_LATER },
    { "tokens", NULL, conf_token, ROOT(tokens), EACH(conf_token), NULL, 0 },
    { "tokens[].kind", type_token_kind, NULL, TOKEN(kind), 0, NULL,
      OPTION_NEEDED },
    { "tokens[].id", type_digits, NULL, TOKEN(id), 0, NULL, 0 },
    { "tokens[].waba", type_digits, NULL, TOKEN(waba), 0, NULL, 0 },
    { "tokens[].default", type_bool, NULL, TOKEN(fallback), 0, NULL, 0 },
    { "tokens[].file", type_string, NULL, TOKEN(file), 0, NULL, 0 },
    { "tokens[].env", type_string, NULL, TOKEN(env), 0, NULL, 0 },
    { "tokens[].instagram", type_digits, NULL, TOKEN(instagram), 0, NULL,
      0 },
    { "tokens[].tenant", type_tenant, NULL, TOKEN(tenant), 0, NULL, 0 },
    { "rules", NULL, conf_rule, ROOT(rules), EACH(rule), NULL, 0 },
    { "rules[].when", NULL, NULL, 0, 0, NULL, OPTION_NEEDED },
    { "rules[].when.product", type_products, NULL, WHEN(products), 0, NULL,
      OPTION_MANY },
    { "rules[].when.object", type_strings, NULL, WHEN(objects), 0, NULL,
      OPTION_MANY },
    { "rules[].when.kind", type_kinds, NULL, WHEN(kinds), 0, NULL,
      OPTION_MANY },
    { "rules[].when.state", type_strings, NULL, WHEN(states), 0, NULL,
      OPTION_MANY },
    { "rules[].when.code", type_codes, NULL, WHEN(codes), 0, NULL,
      OPTION_MANY },
    { "rules[].when.account", type_accounts, NULL, WHEN(accounts), 0, NULL,
      OPTION_MANY },
    { "rules[].when.tenant", type_strings, NULL, WHEN(tenants), 0, NULL,
      OPTION_MANY },
    { "rules[].when.text", type_texts, NULL, WHEN(texts), 0, NULL,
      OPTION_MANY },
    { "rules[].when.payload", type_payloads, NULL, WHEN(payloads), 0, NULL,
      OPTION_MANY },
    { "rules[].when.referral", type_referrals, NULL, RULE(when), 0, NULL,
      OPTION_MANY },
    { "rules[].when.tag", type_tags, NULL, WHEN(tags), 0, NULL,
      OPTION_MANY },
    { "rules[].when.template", NULL, NULL, 0, 0, NULL, 0 },
    { "rules[].when.template.name", type_strings, NULL, WHEN(template_names),
      0, NULL, OPTION_MANY },
    { "rules[].when.template.language", type_strings, NULL,
      WHEN(template_languages), 0, NULL, OPTION_MANY },
    { "rules[].when.template.event", type_strings, NULL,
      WHEN(template_events), 0, NULL, OPTION_MANY },
    { "rules[].when.age", NULL, NULL, 0, 0, NULL, 0 },
    { "rules[].when.age.over", type_time, NULL, WHEN(over_ms), 0, NULL, 0 },
    { "rules[].when.age.under", type_time, NULL, WHEN(under_ms), 0, NULL,
      0 },
    { "rules[].when.hours", NULL, conf_hours, WHEN(hours), EACH(hours), NULL,
      OPTION_MANY },
    { "rules[].when.hours[].from", type_clock, NULL, HOURS(from), 0, "0:00",
      0 },
    { "rules[].when.hours[].to", type_clock, NULL, HOURS(to), 0, "24:00",
      0 },
    { "rules[].when.hours[].days", type_days, NULL, HOURS(days), 0, NULL,
      OPTION_MANY },
    { "rules[].when.hours[].zone", type_zone, NULL, HOURS(zone), 0, NULL,
      OPTION_NEEDED },
    { "rules[].do", NULL, conf_actions, RULE(actions), 0, NULL,
      OPTION_NEEDED },
    { "rules[].max_age", type_max_age, NULL, RULE(max_age_ms), 0, "default",
      0 },
    { "rules[].order", type_order, NULL, RULE(loose), 0, "strict", 0 },
    { "rules[].ambiguous", type_ambiguous, NULL, RULE(ambiguous), 0, "park",
      0 },
    { "rules[].fallback_template", NULL, conf_fallback, RULE(fallback), 0,
      NULL, 0 },
    { "rules[].bot", type_bool, NULL, RULE(bot), 0, "false", 0 },
    { "rules[].media", NULL, NULL, 0, 0, NULL, 0 },
    { "rules[].media.save", NULL, conf_directory, RULE(save), 0, NULL,
      OPTION_NEEDED },
    { "rules[].media.max", type_media_size, NULL, RULE(save_max), 0, "100m",
      0 },
    { "unmatched", NULL, conf_unmatched, ROOT(unmatched), 0, NULL, 0 },
    { "push_lists", NULL, conf_names, ROOT(push_lists), 0, NULL, 0 },
    { "drain_timeout", type_time, NULL, ROOT(drain_ms), 0, "30s", 0 },
    { "replies_max", type_count, NULL, ROOT(replies_max), 0, "20", 0 },
    { "dead_max", type_count, NULL, ROOT(dead_max), 0, "100000", 0 },
    { "waiting_max", type_count, NULL, ROOT(waiting_max), 0, "1000000", 0 },
    { "seen_max", type_count, NULL, ROOT(seen_max), 0, "20000000", 0 },
    { "log_level", type_log_level, NULL, ROOT(log_level), 0, "info", 0 },
    { "handlers", NULL, conf_handler, ROOT(handlers), EACH(conf_handler),
      NULL, 0 },
    { "handlers[].name", type_word, NULL, HANDLER(name), 0, NULL,
      OPTION_NEEDED },
    { "handlers[].url", type_handler_url, NULL, HANDLER(url), 0, NULL,
      OPTION_NEEDED },
    { "handlers[].secret_file", type_secret, NULL, HANDLER(secret), 0, NULL,
      OPTION_NEEDED },
    { "handlers[].ca_file", type_file, NULL, HANDLER(ca_file), 0, NULL, 0 },
    { "handlers[].timeout", type_time, NULL, HANDLER(timeout_ms), 0, "10s",
      0 },
    { "handlers[].max_answer", type_size, NULL, HANDLER(max_answer), 0,
      "256k", 0 },
    { "handlers[].max_actions", type_count, NULL, HANDLER(max_actions), 0,
      "20", 0 },
    { "outbox", NULL, NULL, 0, 0, NULL, 0 },
    { "outbox.reply_prefix", type_list_name, NULL, ROOT(reply_prefix), 0,
      "meta:reply:", 0 },
    { "outbox.files_dir", NULL, conf_source, ROOT(files_dir), 0, NULL,
      0 },
    { "dry_run", type_bool, NULL, ROOT(dry_run), 0, "false", 0 },
    { "keep", type_span, NULL, ROOT(keep_ms), 0, "0", 0 },
    { "retention", NULL, NULL, 0, 0, NULL, 0 },
    { "retention.turns", type_span, NULL, ROOT(turns_ms), 0, "24h", 0 },
    { "retention.messages", type_span, NULL, ROOT(messages_ms), 0, "30d",
      0 },
    { "retention.results", type_span, NULL, ROOT(results_ms), 0, "24h", 0 },
    { "retention.dead", type_span, NULL, ROOT(dead_ms), 0, "0", 0 },
    { "log_format", type_log_format, NULL, ROOT(log_format), 0, "text", 0 },
    { "metrics", type_listen, NULL, ROOT(metrics), 0, NULL, 0 },
    { "limits", NULL, conf_limits, ROOT(rates), 0, "default", 0 },
    { "assistants", NULL, conf_assistant, ROOT(assistants),
      EACH(conf_assistant), NULL, 0 },
    { "assistants[].name", type_word, NULL, ASSISTANT(name), 0, NULL,
      OPTION_NEEDED },
    { "assistants[].classifier", NULL, NULL, 0, 0, NULL, 0 },
    { "assistants[].classifier.api", type_chat_api, NULL,
      ASSISTANT(classifier.api), 0, "openai", 0 },
    { "assistants[].classifier.url", type_chat_url, NULL,
      ASSISTANT(classifier.url), 0, NULL, OPTION_NEEDED },
    { "assistants[].classifier.model", type_string, NULL,
      ASSISTANT(classifier.model), 0, NULL, OPTION_NEEDED },
    { "assistants[].classifier.key_file", type_secret, NULL,
      ASSISTANT(classifier.secret), 0, NULL, 0 },
    { "assistants[].classifier.ca_file", type_file, NULL,
      ASSISTANT(classifier.ca_file), 0, NULL, 0 },
    { "assistants[].classifier.system", type_string, NULL,
      ASSISTANT(classifier.system), 0, NULL, 0 },
    { "assistants[].classifier.max_input", type_count, NULL,
      ASSISTANT(classifier.max_input), 0, "400", 0 },
    { "assistants[].classifier.max_tokens", type_count, NULL,
      ASSISTANT(classifier.max_tokens), 0, "16", 0 },
    { "assistants[].classifier.max_tokens_as", type_chat_tokens, NULL,
      ASSISTANT(classifier.tokens), 0, NULL, 0 },
    { "assistants[].classifier.timeout", type_time, NULL,
      ASSISTANT(classifier.timeout_ms), 0, "10s", 0 },
    { "assistants[].writer", NULL, NULL, 0, 0, NULL, 0 },
    { "assistants[].writer.api", type_chat_api, NULL,
      ASSISTANT(writer.api), 0, "openai", 0 },
    { "assistants[].writer.url", type_chat_url, NULL,
      ASSISTANT(writer.url), 0, NULL, OPTION_NEEDED },
    { "assistants[].writer.model", type_string, NULL,
      ASSISTANT(writer.model), 0, NULL, OPTION_NEEDED },
    { "assistants[].writer.key_file", type_secret, NULL,
      ASSISTANT(writer.secret), 0, NULL, 0 },
    { "assistants[].writer.ca_file", type_file, NULL,
      ASSISTANT(writer.ca_file), 0, NULL, 0 },
    { "assistants[].writer.system", type_string, NULL,
      ASSISTANT(writer.system), 0, NULL, 0 },
    { "assistants[].writer.max_input", type_count, NULL,
      ASSISTANT(writer.max_input), 0, "4000", 0 },
    { "assistants[].writer.max_tokens", type_count, NULL,
      ASSISTANT(writer.max_tokens), 0, "512", 0 },
    { "assistants[].writer.max_tokens_as", type_chat_tokens, NULL,
      ASSISTANT(writer.tokens), 0, NULL, 0 },
    { "assistants[].writer.timeout", type_time, NULL,
      ASSISTANT(writer.timeout_ms), 0, "30s", 0 },
    { "assistants[].labels", NULL, NULL, ASSISTANT(labels),
      EACH(conf_label), NULL, 0 },
    { "assistants[].labels[].name", type_word, NULL, LABEL(name), 0, NULL,
      OPTION_NEEDED },
    { "assistants[].labels[].system", type_string, NULL, LABEL(system), 0,
      NULL, 0 },
    { "assistants[].labels[].do", NULL, conf_label_actions, LABEL(actions),
      0, NULL, 0 },
    { "assistants[].labels[].write", type_maybe, NULL, LABEL(write), 0, "",
      0 },
    { "assistants[].labels[].hand_over", type_bool, NULL, LABEL(hand_over),
      0, NULL, 0 },
    { "assistants[].labels[].resume", type_bool, NULL, LABEL(resume), 0,
      NULL, 0 },
    { "assistants[].default", type_word, NULL, ASSISTANT(preset), 0,
      "general", 0 },
    { "assistants[].turns", type_few, NULL, ASSISTANT(turns), 0, "10", 0 },
    { "assistants[].retries", type_few, NULL, ASSISTANT(retries), 0, "2",
      0 },
    { "assistants[].fallback", type_string, NULL, ASSISTANT(fallback), 0,
      NULL, 0 },
    { "assistants[].quick_replies", NULL, NULL, ASSISTANT(quick),
      EACH(conf_quick), NULL, 0 },
    { "assistants[].quick_replies[].title", type_string, NULL, QUICK(title),
      0, NULL, OPTION_NEEDED },
    { "assistants[].quick_replies[].payload", type_string, NULL,
      QUICK(payload), 0, NULL, OPTION_NEEDED },
    { "assistants[].pause", type_time, NULL, ASSISTANT(pause_ms), 0, "12h",
      0 },
    { "token_key_file", type_token_keys, NULL, ROOT(token_keys), 0, NULL,
      0 },
    { "link_key_file", type_link_keys, NULL, ROOT(link_keys), 0, NULL, 0 },
    { "oauth", NULL, NULL, 0, 0, NULL, 0 },
    { "oauth.login_url", type_url, NULL, ROOT(login_url), 0, NULL, 0 },
    { "oauth.refresh_before", type_time, NULL, ROOT(refresh_ms), 0, "7d",
      0 },
    { "oauth.alarm_before", type_time, NULL, ROOT(alarm_ms), 0, "1d", 0 },
    { "oauth.check_every", type_time, NULL, ROOT(check_ms), 0, "24h", 0 },
    { "oauth.scopes", type_scopes, NULL, ROOT(scopes), 0, NULL,
      OPTION_MANY },
};


static void conf_names(struct reader *r, yaml_node_t *node, const char *path,
    void *field)
{
    size_t             i;
    const char        *text, *why;
    struct conf_list  *list = field;

    if (node->type != YAML_SEQUENCE_NODE) {
        conf_error(r, node, path, "must be a list of names");
        return;
    }

    for (i = 0; i < conf_elements(node) && !r->failed; i++) {
        yaml_node_t  *element = conf_element(r, node, i);

        text = conf_text(r, element, path);
        if (text == NULL) {
            return;
        }

        why = type_list_name(text, conf_list_add(list, sizeof(char *)));
        if (why != NULL) {
            conf_error(r, element, path, "%s", why);
        }
    }
}


/* drop, or {push: LIST} */
static void conf_unmatched(struct reader *r, yaml_node_t *node,
    const char *path, void *field)
{
    const char        *text, *why;
    yaml_node_t       *key, *value;
    yaml_node_pair_t  *pair;

    r->unmatched = node->start_mark;
    r->decided = true;

    if (node->type == YAML_SCALAR_NODE
        && strcmp((char *) node->data.scalar.value, "drop") == 0)
    {
        return;
    }

    if (node->type != YAML_MAPPING_NODE
        || node->data.mapping.pairs.top - node->data.mapping.pairs.start != 1)
    {
        conf_error(r, node, path, "must be drop or {push: LIST}");
        return;
    }

    pair = node->data.mapping.pairs.start;
    key = yaml_document_get_node(&r->doc, pair->key);
    value = yaml_document_get_node(&r->doc, pair->value);

    text = conf_text(r, key, path);
    if (text == NULL || strcmp(text, "push") != 0) {
        conf_error(r, key, path, "must be drop or {push: LIST}");
        return;
    }

    text = conf_text(r, value, path);
    why = text != NULL ? type_list_name(text, field) : NULL;
    if (why != NULL) {
        conf_error(r, value, path, "%s", why);
    }
}


static void conf_token(struct reader *r, yaml_node_t *node, const char *path,
    void *element)
{
    const char         *why;
    struct conf_token  *t = element;

    if ((t->file != NULL) == (t->env != NULL)) {
        conf_error(r, node, path, "needs one of file and env: the path of a"
                   " file, or the name of a variable, that holds the token");
        return;
    }

    if (t->id == NULL && t->waba == NULL && !t->fallback) {
        conf_error(r, node, path, "needs id, waba, or \"default: true\"");
        return;
    }

    if (t->waba != NULL
        && (t->kind == TOKEN_PAGE || t->kind == TOKEN_INSTAGRAM))
    {
        conf_error(r, node, path, t->kind == TOKEN_PAGE
                   ? "a Page has no waba" : "an Instagram account has no"
                   " waba");
        return;
    }

    if (t->instagram != NULL && t->kind != TOKEN_PAGE) {
        conf_error(r, node, path, "\"instagram\" is the account that is"
                   " linked to a Page, so it stands with kind: page; a token"
                   " of Instagram Login has kind: instagram and id");
        return;
    }

    why = t->file != NULL ? secret_read(t->file, &t->secret)
          : secret_env(t->env, &t->secret);
    if (why != NULL) {
        conf_error(r, node, path, "\"%s\": %s",
                   t->file != NULL ? t->file : t->env, why);
    }
}


/* a file that was cut off, or is empty, must not cost events */
static void conf_check_rules(struct reader *r)
{
    yaml_node_t  top = { .type = YAML_MAPPING_NODE };

    if (r->conf->rules.n == 0 && !r->decided) {
        conf_error(r, &top, "rules, unmatched", "there is neither: it would"
                   " drop every event; say unmatched: drop if that is meant");
    }
}


/* what only the whole can tell */
static void conf_check(struct reader *r)
{
    size_t              i;
    yaml_node_t         where = { .start_mark = r->unmatched };
    struct conf        *conf = r->conf;
    struct conf_queue  *queues;
    bool                allowed = false;

    if (r->failed) {
        return;
    }

    conf_check_rules(r);

    if (conf->queues.n == 0) {
        queues = conf_list_add(&conf->queues, sizeof(*queues));
        queues->name = mem_copy("meta:events", 11);
        queues->partitions = 1;
    }

    queues_callbacks(conf);
    conf_rules_check(r);

    if (conf->unmatched == NULL) {
        return;
    }

    for (i = 0; i < conf->push_lists.n; i++) {
        allowed |= strcmp(((char **) conf->push_lists.at)[i],
                          conf->unmatched) == 0;
    }

    if (!allowed) {
        conf_error(r, &where, "unmatched", "\"%s\" does not stand in"
                   " push_lists", conf->unmatched);
    }

    queues = conf->queues.at;
    for (i = 0; i < conf->queues.n; i++) {
        if (queue_has(&queues[i], conf->unmatched)) {
            conf_error(r, &where, "unmatched", "\"%s\" is a queue of this"
                       " consumer: it would read it again and again",
                       conf->unmatched);
        }
    }
}


/* a proof that cannot be made would fail every call */
static const char *conf_check_proof(const struct conf *conf)
{
    size_t                  i;
    const struct conf_app  *apps = conf->apps.at;

    for (i = 0; i < conf->apps.n; i++) {
        if (apps[i].secret != NULL) {
            return NULL;
        }
    }

    return conf->proof == PROOF_OFF ? NULL
           : "graph.appsecret_proof: needs the secret of an app: secret_file"
             " in apps, or META_APP_SECRET";
}


static bool conf_people(const struct conf *conf)
{
    size_t                    i, k;
    const struct rule        *rules = conf->rules.at;
    const struct action      *a;
    const struct conf_queue  *queues = conf->queues.at;

    for (i = 0; i < conf->queues.n; i++) {
        if (queues[i].kind == QUEUE_JOBS) {
            return true;
        }
    }

    for (i = 0; i < conf->rules.n; i++) {
        if (rules[i].when.tags.n > 0 || rules[i].bot) {
            return true;        /* they are of the conversation */
        }

        a = rules[i].actions.at;
        for (k = 0; k < rules[i].actions.n; k++) {
            if (action_sends(&a[k])) {
                return true;
            }
        }
    }

    return false;
}


static bool conf_by_tenant(const struct conf *conf)
{
    size_t              i;
    const struct rule  *rules = conf->rules.at;

    for (i = 0; i < conf->rules.n; i++) {
        if (rules[i].when.tenants.n > 0) {
            return true;
        }
    }

    return false;
}


/* conf_load reads the file, then the environment */
struct conf *conf_load(const char *file, bool run, char error[CONF_ERROR_MAX])
{
    char                why[CONF_ERROR_MAX - 64];
    size_t              i;
    struct reader       r = { .file = file, .run = run, .error = error };
    struct conf_token  *t;

    error[0] = '\0';
    r.conf = mem_alloc(sizeof(*r.conf));
    r.conf->refs = 1;

    conf_read(&r, options, sizeof(options) / sizeof(options[0]), conf_check);
    free(r.dos.at);

    if (!r.failed && conf_fill(r.conf, why, sizeof(why)) != NULL) {
        snprintf(error, CONF_ERROR_MAX, "environment: %s", why);
        r.failed = true;

    } else if (!r.failed && conf_check_proof(r.conf) != NULL) {
        snprintf(error, CONF_ERROR_MAX, "%s: %s", file,
                 conf_check_proof(r.conf));
        r.failed = true;
    }

    if (r.failed) {
        conf_drop(r.conf);
        return NULL;
    }

    r.conf->people = conf_people(r.conf);
    r.conf->by_tenant = conf_by_tenant(r.conf);
    for (i = 0; i < r.conf->tokens.n; i++) {
        t = (struct conf_token *) r.conf->tokens.at + i;
        t->lane = t->secret;
    }

    return r.conf;
}


/* conf_hold keeps it alive for whoever works by it */
struct conf *conf_hold(struct conf *conf)
{
    conf->refs++;

    return conf;
}


static void texts_free(struct conf_list *list)
{
    size_t  i;

    for (i = 0; i < list->n; i++) {
        free(((char **) list->at)[i]);
    }

    free(list->at);
}


static void secrets_free(struct conf_list *list)
{
    size_t  i;

    for (i = 0; i < list->n; i++) {
        mem_wipe(((char **) list->at)[i]);
    }

    free(list->at);
}


static void conf_free(struct conf *conf)
{
    size_t              i;
    struct rule        *rules = conf->rules.at;
    struct conf_app    *apps = conf->apps.at;
    struct conf_queue  *queues = conf->queues.at;
    struct conf_token  *tokens = conf->tokens.at;
    struct conf_handler  *handlers = conf->handlers.at;
    struct conf_assistant  *assistants = conf->assistants.at;

    for (i = 0; i < conf->handlers.n; i++) {
        conf_handler_free(&handlers[i]);
    }

    for (i = 0; i < conf->assistants.n; i++) {
        conf_assistant_free(&assistants[i]);
    }

    for (i = 0; i < conf->queues.n; i++) {
        free(queues[i].name);
    }

    for (i = 0; i < conf->apps.n; i++) {
        free(apps[i].id);
        free(apps[i].from);
        mem_wipe(apps[i].secret);
    }

    for (i = 0; i < conf->tokens.n; i++) {
        free(tokens[i].id);
        free(tokens[i].waba);
        free(tokens[i].instagram);
        free(tokens[i].file);
        free(tokens[i].env);
        free(tokens[i].tenant);
        mem_wipe(tokens[i].secret);
    }

    for (i = 0; i < conf->rules.n; i++) {
        rule_free(&rules[i]);
    }

    texts_free(&conf->push_lists);
    texts_free(&conf->warnings);
    texts_free(&conf->secret_files);
    texts_free(&conf->scopes);
    secrets_free(&conf->link_keys);
    conf_keys_free(conf->token_keys);
    free(conf->login_url);
    free(conf->filled.at);
    redis_target_free(&conf->redis);
    free(conf->redis_text);
    free(queues);
    free(apps);
    free(tokens);
    free(rules);
    free(handlers);
    free(assistants);
    free(conf->reply_prefix);
    free(conf->files_dir);
    for (i = 0; i < GRAPH_HOSTS; i++) {
        free(conf->hosts[i]);
    }

    mem_wipe(conf->verify_token);
    free(conf->version);
    free(conf->ads_version);
    free(conf->base_url);
    free(conf->ca_file);
    free(conf->unmatched);
    free(conf);
}


/* conf_drop gives it back */
void conf_drop(struct conf *conf)
{
    if (conf != NULL && --conf->refs == 0) {
        conf_free(conf);
    }
}


/* conf_moved names the key that a reload cannot change */
const char *conf_moved(const struct conf *from, const struct conf *to)
{
    size_t              i, j;
    struct conf_queue  *a = from->queues.at, *b = to->queues.at;

    if (strcmp(from->redis_text, to->redis_text) != 0) {
        return "redis";
    }

    for (i = 0; i < from->queues.n; i++) {
        for (j = 0; j < to->queues.n; j++) {
            if (strcmp(a[i].name, b[j].name) == 0 && a[i].kind != b[j].kind) {
                return "queues[].kind";
            }
        }
    }

    return NULL;
}
