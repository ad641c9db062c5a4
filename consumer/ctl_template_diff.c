/* Whether a template's file says what stands at Meta. */

#include "ctl_template.h"

#include <strings.h>


/* members whose words Meta writes in capitals, whatever was sent */
static const char *const  worded[] = {
    "type", "format", "category", "parameter_format", "otp_type"
};

/* what is compared; all else is Meta's own, or of the creation only */
static const char *const  compared[] = {
    "category", "parameter_format", "message_send_ttl_seconds", "components"
};

#define COUNT(table)  (sizeof(table) / sizeof((table)[0]))


struct diff {
    struct change  *changes;
    size_t          max;
    size_t          n;
};


static void diff_add(struct diff *d, const char *path,
    const struct json *meta, const struct json *file)
{
    if (d->n < d->max) {
        snprintf(d->changes[d->n].path, sizeof(d->changes[d->n].path), "%s",
                 path);
        d->changes[d->n].meta = meta;
        d->changes[d->n].file = file;
    }

    d->n++;
}


static bool diff_worded(struct str key)
{
    size_t  i;

    for (i = 0; i < COUNT(worded); i++) {
        if (str_is(key, worded[i])) {
            return true;
        }
    }

    return false;
}


/* diff_same compares two that are no lists and no objects */
bool diff_same(const struct json *meta, const struct json *file)
{
    if (meta == NULL) {
        return false;
    }

    if (meta->type != file->type
        && (json_text(meta).len == 0 || json_text(file).len == 0))
    {
        return false;
    }

    if (diff_worded(file->key)) {
        return meta->text.len == file->text.len
               && strncasecmp(meta->text.at, file->text.at, file->text.len)
                  == 0;
    }

    return str_equal(meta->text, file->text);
}


static void diff_walk(struct diff *d, const char *path,
    const struct json *meta, const struct json *file);


static const struct json *diff_member(const struct json *j, struct str key)
{
    const struct json  *e;

    for (e = j->child; e != NULL && !str_equal(e->key, key); e = e->next) { }

    return e;
}


/* Meta adds members of its own, so only those of the file are compared; a
   sample's handle comes back as a URL */
static void diff_object(struct diff *d, const char *path,
    const struct json *meta, const struct json *file)
{
    char                full[SCHEMA_PATH_MAX];
    const struct json  *e;

    for (e = file->child; e != NULL; e = e->next) {
        if (!str_is(e->key, "header_handle")) {
            schema_join(full, path, e->key);
            diff_walk(d, full, diff_member(meta, e->key), e);
        }
    }
}


static void diff_list(struct diff *d, const char *path,
    const struct json *meta, const struct json *file)
{
    char                full[SCHEMA_PATH_MAX];
    size_t              i;
    const struct json  *a = meta->child, *b = file->child;

    for (i = 0; a != NULL || b != NULL; i++) {
        schema_at(full, path, i);
        if (a == NULL || b == NULL) {
            diff_add(d, full, a, b);
        } else {
            diff_walk(d, full, a, b);
        }
        a = a != NULL ? a->next : NULL;
        b = b != NULL ? b->next : NULL;
    }
}


static void diff_walk(struct diff *d, const char *path,
    const struct json *meta, const struct json *file)
{
    if (meta != NULL && meta->type == JSON_OBJECT
        && file->type == JSON_OBJECT)
    {
        diff_object(d, path, meta, file);

    } else if (meta != NULL && meta->type == JSON_ARRAY
               && file->type == JSON_ARRAY)
    {
        diff_list(d, path, meta, file);

    } else if (meta == NULL || file->child != NULL || meta->child != NULL
               || !diff_same(meta, file))
    {
        diff_add(d, path, meta, file);
    }
}


/* template_diff compares what a file says with what Meta has */
size_t template_diff(const struct template *t, struct change *changes,
    size_t max)
{
    size_t              i;
    struct diff         d = { changes, max, 0 };
    const struct json  *file;

    for (i = 0; i < COUNT(compared); i++) {
        file = json_get(t->file, compared[i]);
        if (file != NULL) {
            diff_walk(&d, compared[i], json_get(t->meta, compared[i]), file);
        }
    }

    return d.n;
}


static void write_indent(struct buf *b, int depth)
{
    buf_text(b, "\n");
    while (depth-- > 0) {
        buf_text(b, "  ");
    }
}


static void write_tree(struct buf *b, const struct json *j, int depth)
{
    bool                object = j->type == JSON_OBJECT;
    const struct json  *e;

    if (j->child == NULL) {
        json_write(b, j);
        return;
    }

    buf_text(b, object ? "{" : "[");

    for (e = j->child; e != NULL; e = e->next) {
        write_indent(b, depth + 1);
        if (object) {
            json_quote(b, e->key);
            buf_text(b, ": ");
        }
        write_tree(b, e, depth + 1);
        buf_text(b, e->next != NULL ? "," : "");
    }

    write_indent(b, depth);
    buf_text(b, object ? "}" : "]");
}


/* template_write writes name, language and what is compared */
void template_write(struct buf *b, const struct json *meta)
{
    size_t                    i;
    const char               *before = "{";
    const struct json        *e;
    static const char *const  first[] = { "name", "language" };

    for (i = 0; i < COUNT(first) + COUNT(compared); i++) {
        e = json_get(meta, i < COUNT(first) ? first[i]
                     : compared[i - COUNT(first)]);
        if (e != NULL) {
            buf_text(b, before);
            write_indent(b, 1);
            json_quote(b, e->key);
            buf_text(b, ": ");
            write_tree(b, e, 1);
            before = ",";
        }
    }

    buf_text(b, "\n}\n");
}
