/* The management calls that Meta documents: which row a call is, whether its
   parameters are good, and where they go. */

#include "calls.h"

#include <ctype.h>
#include <stdlib.h>


#define CALLS_TREE_MAX  JSON_TREE_MAX
#define COUNT(table)    (sizeof(table) / sizeof((table)[0]))

static const char  form_type[] = "application/x-www-form-urlencoded";


/* calls_row counts through the tables of all products */
const struct call_row *calls_row(size_t i)
{
    if (i < calls_whatsapp_n) {
        return &calls_whatsapp[i];
    }
    i -= calls_whatsapp_n;

    if (i < calls_messenger_n) {
        return &calls_messenger[i];
    }
    i -= calls_messenger_n;

    return i < calls_instagram_n ? &calls_instagram[i] : NULL;
}


static bool row_fits(const struct call_row *row, enum product product)
{
    return row->product == PRODUCT_NONE || row->product == product;
}


/* calls_name finds a row by its name */
const struct call_row *calls_name(const char *name, enum product product,
    bool *several)
{
    size_t                  i;
    const struct call_row  *row, *found = NULL;

    *several = false;

    for (i = 0; (row = calls_row(i)) != NULL; i++) {
        if (strcmp(row->name, name) != 0
            || (product != PRODUCT_NONE && !row_fits(row, product)))
        {
            continue;
        }

        if (found != NULL) {
            *several = true;
            return NULL;
        }
        found = row;
    }

    return found;
}


/* {x} stands for one segment, whatever it is but empty */
static bool path_fits(const char *pattern, struct str path)
{
    const char  *at = path.at, *end = path.at + path.len, *close;

    if (at < end && *at == '/') {
        at++;
    }

    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (at == end || *at++ != *pattern++) {
                return false;
            }
            continue;
        }

        close = strchr(pattern, '}');
        if (at == end || *at == '/' || close == NULL) {
            return false;
        }

        while (at < end && *at != '/') {
            at++;
        }
        pattern = close + 1;
    }

    return at == end || (end - at == 1 && *at == '/');
}


static bool path_is_id(const char *pattern)
{
    return pattern[0] == '{' && strchr(pattern, '/') == NULL;
}


/* calls_match finds the row of a method and a path */
const struct call_row *calls_match(enum product product,
    enum action_method method, struct str path, struct str params)
{
    size_t                  i;
    struct json_doc        *doc = NULL;
    const struct call_row  *row, *found = NULL;

    for (i = 0; (row = calls_row(i)) != NULL && found == NULL; i++) {
        if (row->method != method || !row_fits(row, product)
            || !path_fits(row->path, path))
        {
            continue;
        }

        if (!path_is_id(row->path)) {
            found = row;
            break;
        }

        if (row->key == NULL || params.len == 0) {
            continue;
        }
        if (doc == NULL) {
            doc = json_parse(params.at, params.len, CALLS_TREE_MAX);
        }
        if (json_get(json_root(doc), row->key) != NULL) {
            found = row;
        }
    }

    json_free(doc);

    return found;
}


/* calls_check asks the row's schema */
int calls_check(const struct call_row *row, struct str params,
    const char *path, bool values, struct fault *f)
{
    int                  rc;
    struct json_doc     *doc;
    static const struct schema  none = { NULL, 0, false };
    const struct member  whole = {
        .shape = SHAPE_OBJECT,
        .of = row->params != NULL ? row->params : &none
    };

    if (params.len == 0) {
        params = STR("{}");
    }

    doc = json_parse(params.at, params.len, CALLS_TREE_MAX);
    rc = doc == NULL ? fault_set(f, path, NULL, NONE, "is nested too deep")
         : schema_check(json_root(doc), &whole, path, values, f);
    json_free(doc);

    return rc;
}


static void words_text(struct buf *b, struct str s)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < s.len; i++) {
        c = (unsigned char) s.at[i];
        if (isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            buf_add(b, s.at + i, 1);
        } else {
            buf_format(b, "%%%02X", c);
        }
    }
}


/* texts as they are, all else as JSON, as Graph reads parameters
   (meta-graph-oauth-ads-capi.md 1.3) */
static void words_write(struct buf *b, const struct json *params)
{
    struct buf          value;
    const struct json  *c;

    for (c = params->child; c != NULL; c = c->next) {
        buf_text(b, b->len ? "&" : "");
        words_text(b, c->key);
        buf_text(b, "=");

        if (c->type == JSON_STRING) {
            words_text(b, c->text);
            continue;
        }

        buf_init(&value, CALL_WORDS_MAX);
        json_write(&value, c);
        words_text(b, (struct str) { value.at, value.len });
        b->over |= value.over;
        buf_free(&value);
    }
}


static struct str fixed_name(const char *fixed)
{
    return (struct str) { fixed, strcspn(fixed, "=") };
}


static bool fixed_said(const char *fixed, const struct json *params)
{
    const struct json  *c = params != NULL ? params->child : NULL;

    while (c != NULL && !str_equal(c->key, fixed_name(fixed))) {
        c = c->next;
    }

    return c != NULL;
}


/* what is always there, where the caller has not said it */
static void fixed_write(struct buf *b, const struct call_row *row,
    const struct json *params, bool words)
{
    size_t       i;
    struct str   name;
    const char  *fixed;

    for (i = 0; row != NULL && i < COUNT(row->fixed); i++) {
        fixed = row->fixed[i];
        if (fixed == NULL || fixed_said(fixed, params)) {
            continue;
        }

        name = fixed_name(fixed);
        if (words) {
            buf_text(b, b->len ? "&" : "");
            words_text(b, name);
            buf_text(b, "=");
            words_text(b, STR(fixed + name.len + 1));
        } else {
            buf_text(b, b->len ? "," : "");
            json_quote(b, name);
            buf_text(b, ":");
            json_quote(b, STR(fixed + name.len + 1));
        }
    }
}


/* nothing where there is nothing to say */
static void body_write(struct buf *b, const struct call_row *row,
    const struct json *params)
{
    struct buf          members;
    const struct json  *c;

    buf_init(&members, b->max);
    fixed_write(&members, row, params, false);

    for (c = params != NULL ? params->child : NULL; c != NULL; c = c->next) {
        buf_text(&members, members.len ? "," : "");
        json_quote(&members, c->key);
        buf_text(&members, ":");
        json_write(&members, c);
    }

    if (params != NULL || members.len) {
        buf_text(b, "{");
        buf_str(b, (struct str) { members.at, members.len });
        buf_text(b, "}");
        b->over |= members.over;
    }

    buf_free(&members);
}


/* calls_write puts the parameters into query or body */
const char *calls_write(const struct call_row *row, enum action_method method,
    struct str params, struct buf *query, struct buf *body,
    const char **type)
{
    struct buf       *words;
    struct json_doc  *doc = NULL;
    enum call_where   where = row != NULL ? row->where
                              : method == METHOD_POST ? CALL_JSON
                              : CALL_QUERY;

    *type = where == CALL_FORM ? form_type : NULL;

    if (params.len) {
        doc = json_parse(params.at, params.len, CALLS_TREE_MAX);
        if (doc == NULL) {
            return "the parameters are nested too deep";
        }
    }

    if (where == CALL_JSON) {
        body_write(body, row, json_root(doc));

    } else {
        words = where == CALL_FORM ? body : query;
        fixed_write(words, row, json_root(doc), true);
        if (doc != NULL) {
            words_write(words, json_root(doc));
        }
    }

    json_free(doc);

    return NULL;
}
