/* Templates as they stand at Meta, and as they stand in files. */

#include "ctl_template.h"

#include <dirent.h>
#include <stdlib.h>

#include <sys/stat.h>


#define PAGE_SIZE  "50"
#define PAGES_MAX  200      /* 6,000 templates are a WABA's limit (7.5) */
#define FILE_MAX   (256 * 1024)
#define FILE_ROOM  4096     /* of a path */


static void *list_add(struct conf_list *list, size_t size)
{
    list->at = mem_grow(list->at, (list->n + 1) * size);
    memset((char *) list->at + list->n * size, 0, size);

    return (char *) list->at + list->n++ * size;
}


/* template_find: NULL where there is none */
struct template *template_find(struct templates *t, struct str name,
    struct str language)
{
    size_t            i;
    struct template  *all = t->all.at;

    for (i = 0; i < t->all.n; i++) {
        if (str_equal(all[i].name, name)
            && str_equal(all[i].language, language))
        {
            return &all[i];
        }
    }

    return NULL;
}


static struct template *template_add(struct templates *t,
    const struct json *j)
{
    struct template  *one;
    struct str        name = json_get_text(j, "name");
    struct str        language = json_get_text(j, "language");

    one = template_find(t, name, language);
    if (one == NULL) {
        one = list_add(&t->all, sizeof(*one));
        one->name = name;
        one->language = language;
    }

    return one;
}


/* the cursor of the next page; empty: there is none
   (meta-graph-oauth-ads-capi.md 1.5) */
static struct str page_read(struct templates *t, const struct json *root)
{
    const struct json  *e = json_get(root, "data");
    const struct json  *paging = json_get(root, "paging");

    for (e = json_is(e, JSON_ARRAY) ? e->child : NULL; e != NULL;
         e = e->next)
    {
        if (json_get_text(e, "name").len) {
            template_add(t, e)->meta = e;
        }
    }

    return json_get(paging, "next") != NULL
           ? json_text(json_path(paging, "cursors", "after")) : NONE;
}


/* templates_fetch reads page after page */
void templates_fetch(struct ctl *c, const struct whose *w,
    struct templates *t)
{
    int             code;
    bool            several;
    struct str      after = NONE;
    struct buf      path, params;
    struct meta    *m;
    struct calling  call = {
        .row = calls_name("template.list", PRODUCT_WHATSAPP, &several),
        .method = METHOD_GET, .whose = *w
    };

    buf_init(&path, 256);
    buf_text(&path, w->waba);
    buf_text(&path, "/message_templates");
    call.path = (struct str) { path.at, path.len };
    buf_init(&params, FILE_MAX);

    do {
        params.len = 0;
        buf_text(&params, "{\"fields\":\"id,name,language,status,category,"
                 "parameter_format,message_send_ttl_seconds,components\","
                 "\"limit\":" PAGE_SIZE);
        if (after.len) {
            buf_text(&params, ",\"after\":");
            json_quote(&params, after);
        }
        buf_text(&params, "}");
        call.params = (struct str) { params.at, params.len };

        /* what is read lives in it, wherever the list of pages moves */
        m = list_add(&t->pages, sizeof(*m));
        code = call_read(c, &call, m);
        if (code != CTL_GOOD) {
            exit(code);
        }
        after = page_read(t, m->v.root);

    } while (after.len && t->pages.n < PAGES_MAX);

    buf_free(&path);
    buf_free(&params);
}


static void file_read(struct templates *t, const char *path)
{
    char              why[512];
    struct buf        b;
    struct fault      f = { .action = 0 };
    struct json_doc  *doc;
    struct template  *one;
    const struct member  whole = {
        .shape = SHAPE_OBJECT, .of = &template_schema
    };

    buf_init(&b, FILE_MAX);
    ctl_read(path, &b);
    doc = json_parse(b.at, b.len, JSON_TREE_MAX);

    if (doc == NULL) {
        ctl_fail(CTL_FINDING, "%s: it is no JSON", path);
    }
    if (schema_check(json_root(doc), &whole, "", false, &f) != 0) {
        fault_say(&f, why, sizeof(why));
        ctl_fail(CTL_FINDING, "%s: %s", path, why);
    }

    one = template_add(t, json_root(doc));
    if (one->file != NULL) {
        ctl_fail(CTL_FINDING, "%s and %s are the same template", one->path,
                 path);
    }

    one->file = json_root(doc);
    one->doc = doc;
    one->path = mem_copy(path, strlen(path));
    buf_free(&b);
}


static int file_is(const struct dirent *e)
{
    size_t  n = strlen(e->d_name);

    return n > 5 && e->d_name[0] != '.'
           && strcmp(e->d_name + n - 5, ".json") == 0;
}


/* templates_files reads a directory's in the order of their names */
void templates_files(struct templates *t, const char *where)
{
    int              i, n;
    char             path[FILE_ROOM];
    struct stat      st;
    struct dirent  **found;

    if (stat(where, &st) != 0) {
        ctl_fail(CTL_NOTHING, "%s cannot be read", where);
    }

    if (!S_ISDIR(st.st_mode)) {
        t->one = true;
        file_read(t, where);
        return;
    }

    n = scandir(where, &found, file_is, alphasort);
    if (n < 0) {
        ctl_fail(CTL_NOTHING, "%s cannot be read", where);
    }

    for (i = 0; i < n; i++) {
        if (snprintf(path, sizeof(path), "%s/%s", where, found[i]->d_name)
            >= (int) sizeof(path))
        {
            ctl_fail(CTL_USAGE, "%s is too long a path", where);
        }
        file_read(t, path);
        free(found[i]);
    }

    free(found);
}


/* templates_free releases both */
void templates_free(struct templates *t)
{
    size_t            i;
    struct meta      *pages = t->pages.at;
    struct template  *all = t->all.at;

    for (i = 0; i < t->pages.n; i++) {
        meta_free(&pages[i]);
    }
    for (i = 0; i < t->all.n; i++) {
        json_free(all[i].doc);
        free(all[i].path);
    }

    free(pages);
    free(all);
}
