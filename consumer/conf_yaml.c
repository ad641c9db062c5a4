/* A YAML file read by a table of keys: what the table does not name is an
   error, and each error has a line and a column. */

#include "conf_own.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>


#define CONF_FILE_MAX   (1024 * 1024)
#define CONF_LIST_MAX   10000


struct table {
    const struct option  *options;
    size_t                n;
};


static void read_value(struct reader *r, const struct table *t,
    const struct option *o, yaml_node_t *node, void *base);


/* FILE:LINE:COLUMN: key: what */
static void say(const struct reader *r, const yaml_node_t *node,
    const char *path, const char *format, va_list args,
    char text[CONF_ERROR_MAX])
{
    int  n;

    n = snprintf(text, CONF_ERROR_MAX, "%s:%zu:%zu: %s%s", r->file,
                 node->start_mark.line + 1, node->start_mark.column + 1,
                 path, *path ? ": " : "");

    if (n > 0 && n < CONF_ERROR_MAX) {
        vsnprintf(text + n, CONF_ERROR_MAX - n, format, args);
    }
}


/* conf_error keeps the first error */
void conf_error(struct reader *r, const yaml_node_t *node, const char *path,
    const char *format, ...)
{
    va_list  args;

    if (r->failed) {
        return;
    }

    r->failed = true;
    va_start(args, format);
    say(r, node, path, format, args, r->error);
    va_end(args);
}


/* conf_warn keeps all of them: the configuration is good nevertheless */
void conf_warn(struct reader *r, const yaml_node_t *node, const char *path,
    const char *format, ...)
{
    char     text[CONF_ERROR_MAX], **kept;
    va_list  args;

    va_start(args, format);
    say(r, node, path, format, args, text);
    va_end(args);

    kept = conf_list_add(&r->conf->warnings, sizeof(*kept));
    *kept = mem_copy(text, strlen(text));
}


/* conf_text returns a scalar's text, or NULL after an error */
const char *conf_text(struct reader *r, yaml_node_t *node, const char *path)
{
    if (node == NULL || node->type != YAML_SCALAR_NODE) {
        if (node != NULL) {
            conf_error(r, node, path, "must be a single value");
        }
        return NULL;
    }

    if (strlen((char *) node->data.scalar.value) != node->data.scalar.length) {
        conf_error(r, node, path, "holds a zero byte");
        return NULL;
    }

    return (char *) node->data.scalar.value;
}


/* conf_list_add makes room for one more, zeroed */
void *conf_list_add(struct conf_list *list, size_t size)
{
    list->at = mem_grow(list->at, (list->n + 1) * size);
    memset((char *) list->at + list->n * size, 0, size);

    return (char *) list->at + list->n++ * size;
}


/* conf_elements returns how many elements a sequence has */
size_t conf_elements(const yaml_node_t *list)
{
    return list->data.sequence.items.top - list->data.sequence.items.start;
}


/* conf_element returns one of them */
yaml_node_t *conf_element(struct reader *r, yaml_node_t *list, size_t i)
{
    return yaml_document_get_node(&r->doc,
                                  list->data.sequence.items.start[i]);
}


static const struct option *find(const struct table *t, const char *path)
{
    size_t  i;

    for (i = 0; i < t->n; i++) {
        if (strcmp(t->options[i].path, path) == 0) {
            return &t->options[i];
        }
    }

    return NULL;
}


/* a key directly below path, in the same element? */
static const char *below(const char *option, const char *path)
{
    size_t  n = strlen(path);

    if (strncmp(option, path, n) != 0 || (n && option[n] != '.')) {
        return NULL;
    }

    option += n ? n + 1 : 0;

    return strpbrk(option, ".[") == NULL ? option : NULL;
}


/* keys of one element, also those inside of its maps */
static void preset(struct reader *r, const struct table *t, const char *path,
    void *base)
{
    size_t                i, n = strlen(path);
    const struct option  *o;
    yaml_node_t           node = { .type = YAML_SCALAR_NODE };

    for (i = 0; i < t->n; i++) {
        o = &t->options[i];

        if (o->preset == NULL || strncmp(o->path, path, n) != 0
            || strchr(o->path + n, '[') != NULL)
        {
            continue;
        }

        if (o->scalar != NULL) {
            o->scalar(o->preset, (char *) base + o->offset);
        } else {
            node.data.scalar.value = (yaml_char_t *) o->preset;
            node.data.scalar.length = strlen(o->preset);
            o->node(r, &node, o->path, (char *) base + o->offset);
        }
    }
}


static bool key_there(struct reader *r, yaml_node_t *map,
    const yaml_node_pair_t *end, const char *name)
{
    yaml_node_t       *key;
    yaml_node_pair_t  *p;

    for (p = map->data.mapping.pairs.start; p < end; p++) {
        key = yaml_document_get_node(&r->doc, p->key);
        if (key->type == YAML_SCALAR_NODE
            && strcmp((char *) key->data.scalar.value, name) == 0)
        {
            return true;
        }
    }

    return false;
}


static void read_needed(struct reader *r, const struct table *t,
    yaml_node_t *node, const char *path)
{
    size_t       i;
    const char  *name;

    for (i = 0; i < t->n; i++) {
        name = below(t->options[i].path, path);

        if (name != NULL && (t->options[i].flags & OPTION_NEEDED)
            && !key_there(r, node, node->data.mapping.pairs.top, name))
        {
            conf_error(r, node, path, "%s is missing", name);
        }
    }
}


static void read_map(struct reader *r, const struct table *t,
    yaml_node_t *node, const char *path, void *base)
{
    char                  full[CONF_PATH_MAX];
    const char           *name;
    yaml_node_t          *key;
    yaml_node_pair_t     *p;
    const struct option  *o;

    if (node->type != YAML_MAPPING_NODE) {
        conf_error(r, node, path, "must be a mapping of keys");
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

        snprintf(full, sizeof(full), "%s%s%s", path, *path ? "." : "", name);
        o = strpbrk(name, ".[") == NULL ? find(t, full) : NULL;

        if (o == NULL) {
            conf_error(r, key, full, "unknown key");
        } else if (o->flags & OPTION_LATER) {
            conf_error(r, key, full, "not supported by this version");
        } else if (key_there(r, node, p, name)) {
            conf_error(r, key, full, "stands there twice");
        } else {
            read_value(r, t, o, yaml_document_get_node(&r->doc, p->value),
                       base);
        }
    }

    read_needed(r, t, node, path);
}


/* one that is read alone stands for a list of one */
static bool list_good(struct reader *r, const struct option *o,
    yaml_node_t *node)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        if (!(o->flags & OPTION_MANY)) {
            conf_error(r, node, o->path, "must be a list");
        }

    } else if (conf_elements(node) > CONF_LIST_MAX) {
        conf_error(r, node, o->path, "has more than %d elements",
                   CONF_LIST_MAX);

    } else if ((o->flags & OPTION_MANY) && conf_elements(node) == 0) {
        conf_error(r, node, o->path, "is an empty list: leave it out, or say"
                   " what it is to be");
    }

    return !r->failed;
}


static void read_list(struct reader *r, const struct table *t,
    const struct option *o, yaml_node_t *node, struct conf_list *list)
{
    char          path[CONF_PATH_MAX];
    void         *element;
    size_t        i, n;
    yaml_node_t  *child;

    if (!list_good(r, o, node)) {
        return;
    }

    snprintf(path, sizeof(path), "%s[]", o->path);
    n = node->type == YAML_SEQUENCE_NODE ? conf_elements(node) : 1;

    for (i = 0; i < n && !r->failed; i++) {
        child = node->type == YAML_SEQUENCE_NODE ? conf_element(r, node, i)
                : node;
        element = conf_list_add(list, o->size);
        preset(r, t, path, element);
        read_map(r, t, child, path, element);

        if (!r->failed && o->node != NULL) {
            o->node(r, child, path, element);
        }
    }
}


/* secret_from keeps the names of files */
void secret_from(struct conf *conf, const char *path)
{
    if (strncmp(path, "env:", 4) != 0) {
        type_string(path, conf_list_add(&conf->secret_files, sizeof(char *)));
    }
}


static void read_scalar(struct reader *r, const struct option *o,
    yaml_node_t *node, void *field)
{
    const char  *text, *why;

    text = conf_text(r, node, o->path);
    why = text != NULL ? o->scalar(text, field) : NULL;
    if (why != NULL) {
        conf_error(r, node, o->path, "%s", why);

    } else if (text != NULL && (o->scalar == type_secret
                                || o->scalar == type_app_secret
                                || o->scalar == type_token_keys
                                || o->scalar == type_link_keys))
    {
        secret_from(r->conf, text);
    }
}


static void read_value(struct reader *r, const struct table *t,
    const struct option *o, yaml_node_t *node, void *base)
{
    void    *field = (char *) base + o->offset;
    size_t   i;

    if (o->size != 0) {
        read_list(r, t, o, node, field);

    } else if (o->scalar != NULL && (o->flags & OPTION_MANY)
               && node->type == YAML_SEQUENCE_NODE)
    {
        if (list_good(r, o, node)) {
            for (i = 0; i < conf_elements(node) && !r->failed; i++) {
                read_scalar(r, o, conf_element(r, node, i), field);
            }
        }

    } else if (o->scalar != NULL) {
        read_scalar(r, o, node, field);

    } else if (o->node != NULL) {
        o->node(r, node, o->path, field);

    } else {
        read_map(r, t, node, o->path, base);
    }
}


static char *file_read(struct reader *r, size_t *len)
{
    FILE  *f;
    char  *text;

    f = fopen(r->file, "rb");
    text = mem_alloc(CONF_FILE_MAX);
    *len = f != NULL ? fread(text, 1, CONF_FILE_MAX, f) : 0;

    if (f == NULL || ferror(f) || *len == CONF_FILE_MAX) {
        snprintf(r->error, CONF_ERROR_MAX, "%s: %s", r->file,
                 *len == CONF_FILE_MAX ? "is larger than 1 MB"
                 : strerror(errno));
        r->failed = true;
    }

    if (f != NULL) {
        fclose(f);
    }

    return text;
}


static void read_document(struct reader *r, const struct table *t)
{
    yaml_node_t  *root = yaml_document_get_root_node(&r->doc);

    if (root == NULL) {
        return;             /* an empty file: all presets */
    }

    read_map(r, t, root, "", r->conf);
}


/* conf_read fills r->conf by the table */
void conf_read(struct reader *r, const struct option *options, size_t n,
    void (*whole)(struct reader *r))
{
    char          *text;
    size_t         len;
    yaml_parser_t  parser;
    struct table   t = { options, n };

    preset(r, &t, "", r->conf);
    text = file_read(r, &len);

    if (r->failed || !yaml_parser_initialize(&parser)) {
        r->failed = true;
        free(text);
        return;
    }

    yaml_parser_set_input_string(&parser, (unsigned char *) text, len);

    if (yaml_parser_load(&parser, &r->doc)) {
        read_document(r, &t);
        whole(r);
        yaml_document_delete(&r->doc);

    } else {
        snprintf(r->error, CONF_ERROR_MAX, "%s:%zu:%zu: %s", r->file,
                 parser.problem_mark.line + 1, parser.problem_mark.column + 1,
                 parser.problem != NULL ? parser.problem : "no YAML");
        r->failed = true;
    }

    yaml_parser_delete(&parser);
    free(text);
}
