/* name=value of a command line: the path and the parameters of a call. */

#include "ctl_meta.h"

#include <stdlib.h>


#define WORDS_MAX  (256 * 1024)


/* name=value, name:=JSON; raw: the latter */
static const char *word_split(const char *word, struct str *name, bool *raw)
{
    const char  *equals = strchr(word, '=');

    if (equals == NULL || equals == word) {
        ctl_fail(CTL_USAGE, "\"%s\" is no name=value", word);
    }

    *raw = equals[-1] == ':';
    *name = (struct str) { word, equals - word - *raw };

    return equals + 1;
}


/* does {name} stand in the pattern? */
static bool word_of_path(const char *pattern, struct str name)
{
    const char  *at = pattern;

    while ((at = strchr(at, '{')) != NULL) {
        at++;
        if (strncmp(at, name.at, name.len) == 0 && at[name.len] == '}') {
            return true;
        }
    }

    return false;
}


static const char *path_default(struct ctl *c, struct str name,
    const struct whose *w)
{
    const struct conf_app  *apps = c->conf->apps.at;

    if (str_is(name, "phone")) {
        return w->account;
    }
    if (str_is(name, "waba")) {
        return w->waba;
    }
    if (str_is(name, "page") || str_is(name, "instagram")) {
        return w->account != NULL ? w->account : "me";
    }
    if (str_is(name, "me")) {
        return "me";
    }

    return str_is(name, "app") && c->conf->apps.n ? apps[0].id : NULL;
}


static void path_part(struct ctl *c, struct buf *path, struct str name,
    const struct whose *w, const struct words *words)
{
    bool         raw;
    size_t       i;
    struct str   of;
    const char  *value = NULL, *text;

    for (i = 0; i < words->n; i++) {
        text = word_split(words->at[i], &of, &raw);
        if (str_equal(of, name)) {
            value = text;
        }
    }

    value = value != NULL ? value : path_default(c, name, w);

    if (value == NULL || value[0] == '\0') {
        ctl_fail(CTL_USAGE, "which %.*s? %.*s=ID%s", (int) name.len, name.at,
                 (int) name.len, name.at,
                 str_is(name, "phone") ? ", or --account ID"
                 : str_is(name, "waba") ? ", or --waba ID" : "");
    }
    if (strchr(value, '/') != NULL) {
        ctl_fail(CTL_USAGE, "\"%s\" is no id", value);
    }

    buf_text(path, value);
}


/* words_path fills in what stands in braces */
void words_path(struct ctl *c, struct buf *path, const char *pattern,
    const struct whose *w, const struct words *words)
{
    size_t  n;

    while (*pattern != '\0') {
        n = strcspn(pattern, "{");
        buf_add(path, pattern, n);
        pattern += n;

        if (*pattern == '{') {
            n = strcspn(++pattern, "}");
            path_part(c, path, (struct str) { pattern, n }, w, words);
            pattern += n + 1;
        }
    }
}


static enum shape word_shape(const struct call_row *row, struct str name)
{
    size_t                i;
    const struct schema  *schema = row != NULL ? row->params : NULL;

    for (i = 0; schema != NULL && i < schema->n; i++) {
        if (str_is(name, schema->members[i].name)) {
            return schema->members[i].shape;
        }
    }

    return SHAPE_ANY;
}


static void value_list(struct buf *b, const char *text)
{
    size_t  n;

    buf_text(b, "[");

    for ( ;; ) {
        n = strcspn(text, ",");
        json_quote(b, (struct str) { text, n });
        text += n;
        if (*text++ == '\0') {
            break;
        }
        buf_text(b, ",");
    }

    buf_text(b, "]");
}


/* a text, unless the parameter is something else, or looks like an object */
static void value_write(struct buf *b, enum shape shape, struct str text)
{
    bool  valid = json_valid(text.at, text.len);

    switch (shape) {

    case SHAPE_TEXT:
    case SHAPE_URL:
    case SHAPE_ID:
        json_quote(b, text);
        return;

    case SHAPE_LIST:
        if (!valid || text.at[0] != '[') {
            value_list(b, text.at);
            return;
        }
        break;

    case SHAPE_ANY:
        valid = valid && (text.at[0] == '{' || text.at[0] == '[');
        break;

    default:
        break;
    }

    if (valid) {
        buf_str(b, text);
    } else {
        json_quote(b, text);
    }
}


static void word_write(struct buf *b, const struct call_row *row,
    const char *word)
{
    bool         raw;
    struct buf   file;
    struct str   name, text;
    const char  *value = word_split(word, &name, &raw);

    buf_init(&file, WORDS_MAX);
    text = STR(value);

    if (value[0] == '@') {
        ctl_read(value + 1, &file);
        buf_add(&file, "", 1);
        text = (struct str) { file.at, file.len - 1 };
    }

    json_quote(b, name);
    buf_text(b, ":");

    if (raw && !json_valid(text.at, text.len)) {
        ctl_fail(CTL_USAGE, "%.*s: is no JSON", (int) name.len, name.at);
    }
    if (raw) {
        buf_str(b, text);
    } else {
        value_write(b, word_shape(row, name), text);
    }

    buf_free(&file);
}


/* the members of --params, which is an object or @FILE */
static void params_read(struct ctl *c, struct buf *b)
{
    struct buf          file;
    const char         *text = c->opts.params;
    struct json_doc    *doc;
    const struct json  *e, *root;

    if (text == NULL) {
        return;
    }

    buf_init(&file, WORDS_MAX);
    if (text[0] == '@') {
        ctl_read(text + 1, &file);
    } else {
        buf_text(&file, text);
    }

    doc = json_parse(file.at, file.len, JSON_TREE_MAX);
    root = json_root(doc);
    if (!json_is(root, JSON_OBJECT)) {
        ctl_fail(CTL_USAGE, "--params must be a JSON object");
    }

    for (e = root->child; e != NULL; e = e->next) {
        buf_text(b, b->len > 1 ? "," : "");
        json_quote(b, e->key);
        buf_text(b, ":");
        json_write(b, e);
    }

    json_free(doc);
    buf_free(&file);
}


/* words_params writes a JSON object, nothing where there is none */
void words_params(struct ctl *c, struct buf *params,
    const struct call_row *row, const char *pattern,
    const struct words *words)
{
    bool        raw;
    size_t      i;
    struct str  name;

    buf_text(params, "{");
    params_read(c, params);

    for (i = 0; i < words->n; i++) {
        word_split(words->at[i], &name, &raw);
        if (!word_of_path(pattern, name)) {
            buf_text(params, params->len > 1 ? "," : "");
            word_write(params, row, words->at[i]);
        }
    }

    buf_text(params, "}");

    if (params->over) {
        ctl_fail(CTL_USAGE, "the parameters have more than %zu bytes",
                 params->max);
    }
    if (params->len == 2) {
        params->len = 0;
    }
}
