/* metactl template: message templates of WhatsApp, compared with a directory
   of files and brought to Meta from there (meta-webhooks-and-messaging.md
   7.5).  Nothing is deleted unless that is asked for by name. */

#include "ctl_template.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/stat.h>


#define CREATE_MAX  100     /* of a WABA in an hour */
#define VALUE_MAX   60      /* columns of a value that differs */


static const char *const  states[] = { "same", "differs", "missing",
                                       "extra" };

enum state {
    STATE_SAME,
    STATE_DIFFERS,
    STATE_MISSING,      /* at Meta */
    STATE_EXTRA         /* only at Meta */
};

struct pushed {
    struct buf  b;
    struct jw   j;
    size_t      created;
    size_t      edited;
    size_t      failed;
    bool        stop;   /* whatever comes next would fail, too */
};


static void whose_templates(struct ctl *c, struct whose *w)
{
    whose_find(c, PRODUCT_WHATSAPP, w);
    if (w->waba == NULL) {
        ctl_fail(CTL_USAGE, "whose templates? --waba ID, or waba: of a token"
                 " in %s", c->opts.file);
    }
    whose_token(c, w);
}


static enum state template_state(const struct template *t,
    struct change *changes, size_t max, size_t *n)
{
    *n = 0;

    if (t->meta == NULL) {
        return STATE_MISSING;
    }
    if (t->file == NULL) {
        return STATE_EXTRA;
    }

    *n = template_diff(t, changes, max);

    return *n ? STATE_DIFFERS : STATE_SAME;
}


/* prints the one or the other, and frees all */
static void templates_end(struct ctl *c, struct templates *t, struct jw *j,
    struct buf *b)
{
    if (c->opts.json) {
        jw_print(j);
    } else {
        out_print(b);
    }

    buf_free(&j->b);
    buf_free(b);
    templates_free(t);
}


/* run_template_list shows what Meta has */
int run_template_list(struct ctl *c)
{
    size_t             i;
    struct jw          j;
    struct buf         b;
    struct whose       w;
    struct template   *all;
    struct templates   t = { .one = false };

    whose_templates(c, &w);
    templates_fetch(c, &w, &t);
    all = t.all.at;

    buf_init(&b, (size_t) -1);
    jw_init(&j);
    jw_open(&j, NULL, '{');
    jw_int(&j, "v", 1);
    jw_text(&j, "waba", w.waba);
    jw_open(&j, "templates", '[');
    out_color(c, &b, 'b');
    buf_text(&b, "NAME                          LANGUAGE  STATUS      "
             "CATEGORY        ID");
    out_color(c, &b, 0);
    buf_text(&b, "\n");

    for (i = 0; i < t.all.n; i++) {
        out_pad(&b, all[i].name, 29);
        buf_text(&b, " ");
        out_pad(&b, all[i].language, 9);
        buf_text(&b, " ");
        out_pad(&b, json_get_text(all[i].meta, "status"), 11);
        buf_text(&b, " ");
        out_pad(&b, json_get_text(all[i].meta, "category"), 15);
        buf_text(&b, " ");
        out_safe(&b, json_get_text(all[i].meta, "id"));
        buf_text(&b, "\n");
        jw_tree(&j, NULL, all[i].meta);
    }

    jw_close(&j, ']');
    jw_close(&j, '}');

    templates_end(c, &t, &j, &b);

    return CTL_GOOD;
}


static void value_say(struct buf *b, const char *mark, const struct json *j)
{
    struct buf  text;
    struct str  s;

    buf_init(&text, (size_t) -1);
    if (j == NULL) {
        buf_text(&text, "nothing");
    } else {
        json_write(&text, j);
    }

    s = (struct str) { text.at, text.len };
    buf_text(b, mark);
    if (out_columns(s) > VALUE_MAX) {
        out_pad(b, s, VALUE_MAX);
    } else {
        out_safe(b, s);
    }
    buf_text(b, "\n");
    buf_free(&text);
}


static void changes_say(struct buf *b, const struct change *changes,
    size_t n)
{
    size_t  i;

    for (i = 0; i < n && i < CHANGES_MAX; i++) {
        buf_text(b, "    ");
        buf_text(b, changes[i].path);
        buf_text(b, "\n");
        value_say(b, "      Meta  ", changes[i].meta);
        value_say(b, "      file  ", changes[i].file);
    }

    if (n > CHANGES_MAX) {
        buf_format(b, "    and %zu more\n", n - CHANGES_MAX);
    }
}


static void changes_json(struct jw *j, const struct change *changes,
    size_t n)
{
    size_t  i;

    jw_open(j, "changes", '[');
    for (i = 0; i < n && i < CHANGES_MAX; i++) {
        jw_open(j, NULL, '{');
        jw_text(j, "path", changes[i].path);
        jw_tree(j, "meta", changes[i].meta);
        jw_tree(j, "file", changes[i].file);
        jw_close(j, '}');
    }
    jw_close(j, ']');
}


static void template_head(struct jw *j, const struct template *t)
{
    jw_open(j, NULL, '{');
    jw_str(j, "name", t->name);
    jw_str(j, "language", t->language);
    jw_text(j, "file", t->path);
    jw_tree(j, "id", json_get(t->meta, "id"));
    jw_tree(j, "status", json_get(t->meta, "status"));
}


static void diff_one(struct buf *b, struct jw *j, const struct template *t,
    size_t count[4], bool one)
{
    size_t         n;
    enum state     state;
    struct change  changes[CHANGES_MAX];

    state = template_state(t, changes, CHANGES_MAX, &n);
    if (state == STATE_EXTRA && one) {
        return;
    }
    count[state]++;

    template_head(j, t);
    jw_text(j, "state", states[state]);
    changes_json(j, changes, n);
    jw_close(j, '}');

    if (state == STATE_SAME) {
        return;
    }

    out_safe(b, t->name);
    buf_text(b, " ");
    out_safe(b, t->language);
    buf_text(b, state == STATE_MISSING ? ": only in " : state == STATE_EXTRA
             ? ": only at Meta" : ": differs from ");
    if (t->path != NULL) {
        out_safe(b, STR(t->path));
    }
    buf_text(b, "\n");
    changes_say(b, changes, n);
}


/* run_template_diff compares files with what Meta has */
int run_template_diff(struct ctl *c)
{
    size_t            i, count[4] = { 0 };
    struct jw         j;
    struct buf        b;
    struct whose      w;
    struct template  *all;
    struct templates  t = { .one = false };

    templates_files(&t, c->args[0]);
    whose_templates(c, &w);
    templates_fetch(c, &w, &t);
    all = t.all.at;

    buf_init(&b, (size_t) -1);
    jw_init(&j);
    jw_open(&j, NULL, '{');
    jw_int(&j, "v", 1);
    jw_open(&j, "templates", '[');

    for (i = 0; i < t.all.n; i++) {
        diff_one(&b, &j, &all[i], count, t.one);
    }

    jw_close(&j, ']');
    jw_int(&j, "same", (long long) count[STATE_SAME]);
    jw_close(&j, '}');
    buf_format(&b, "%zu the same, %zu differ, %zu only here, %zu only at"
               " Meta\n", count[STATE_SAME], count[STATE_DIFFERS],
               count[STATE_MISSING], count[STATE_EXTRA]);

    templates_end(c, &t, &j, &b);

    return count[STATE_DIFFERS] + count[STATE_MISSING] + count[STATE_EXTRA]
           ? CTL_FINDING : CTL_GOOD;
}


/* of an edit: what a template is but for its name and its language */
static void edit_params(struct buf *b, const struct template *t)
{
    size_t                    i;
    const struct json        *e;
    static const char *const  kept[] = {
        "category", "parameter_format", "message_send_ttl_seconds",
        "components"
    };

    buf_text(b, "{");

    for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        e = json_get(t->file, kept[i]);

        /* of an approved template these cannot be changed: they go along
           only where they are others */
        if (e != NULL && (i > 1 || !diff_same(json_get(t->meta, kept[i]), e)))
        {
            buf_text(b, b->len > 1 ? "," : "");
            json_quote(b, e->key);
            buf_text(b, ":");
            json_write(b, e);
        }
    }

    buf_text(b, "}");
}


static void push_say(struct pushed *p, const struct template *t,
    const char *done, const struct meta *m)
{
    struct str  status = m != NULL ? json_get_text(m->v.root, "status")
                         : NONE;

    template_head(&p->j, t);
    jw_text(&p->j, "done", done);
    jw_tree(&p->j, "answer", m != NULL ? m->v.root : NULL);
    jw_close(&p->j, '}');

    buf_text(&p->b, done);
    buf_text(&p->b, " ");
    out_safe(&p->b, t->name);
    buf_text(&p->b, " ");
    out_safe(&p->b, t->language);
    if (status.len) {
        buf_text(&p->b, ": ");
        out_safe(&p->b, status);
    }
    buf_text(&p->b, "\n");
}


/* Meta says which template may not be edited now, and how often */
static void push_failed(struct ctl *c, struct pushed *p,
    const struct template *t, const struct meta *m)
{
    enum graph_class  cls = m->v.row != NULL ? m->v.row->cls : CLASS_NEVER;

    template_head(&p->j, t);
    jw_text(&p->j, "done", "failed");
    jw_int(&p->j, "code", m->v.code);
    jw_text(&p->j, "meta", m->v.message);
    jw_close(&p->j, '}');

    buf_text(&p->b, "failed ");
    out_safe(&p->b, t->name);
    buf_text(&p->b, " ");
    out_safe(&p->b, t->language);
    buf_text(&p->b, "\n");
    meta_text(c, m);

    p->failed++;
    p->stop = m->v.rc != GRAPH_ERROR || cls == CLASS_WAIT
              || cls == CLASS_TOKEN || cls == CLASS_OPERATOR;
}


static void push_call(struct ctl *c, struct pushed *p,
    const struct template *t, const struct whose *w)
{
    bool            several, edit = t->meta != NULL;
    struct buf      path, params;
    struct meta     m = { .done = false };
    struct calling  call = { .method = METHOD_POST, .whose = *w };

    call.row = calls_name(edit ? "template.edit" : "template.create",
                          PRODUCT_WHATSAPP, &several);
    buf_init(&path, 512);
    buf_init(&params, 512 * 1024);

    if (edit) {
        buf_str(&path, json_get_text(t->meta, "id"));
        edit_params(&params, t);
    } else {
        buf_text(&path, w->waba);
        buf_text(&path, "/message_templates");
        json_write(&params, t->file);
    }

    call.path = (struct str) { path.at, path.len };
    call.params = (struct str) { params.at, params.len };

    if (!call_try(c, &call, &m)) {
        push_say(p, t, edit ? "would edit" : "would create", NULL);
    } else if (m.v.rc != GRAPH_OK) {
        push_failed(c, p, t, &m);
    } else {
        push_say(p, t, edit ? "edited" : "created", &m);
    }

    meta_free(&m);
    buf_free(&path);
    buf_free(&params);
}


static void push_one(struct ctl *c, struct pushed *p,
    const struct template *t, const struct whose *w)
{
    size_t         n;
    enum state     state;
    struct change  changes[CHANGES_MAX];

    state = template_state(t, changes, CHANGES_MAX, &n);

    if (state == STATE_SAME || state == STATE_EXTRA) {
        return;
    }

    if (state == STATE_MISSING && p->created == CREATE_MAX
        && !c->opts.dry_run && !c->conf->dry_run)
    {
        p->stop = true;
        p->failed++;
        fprintf(stderr, "metactl: Meta takes %d new templates in an hour: the"
                " others later\n", CREATE_MAX);
        return;
    }

    p->created += state == STATE_MISSING;
    p->edited += state == STATE_DIFFERS;
    push_call(c, p, t, w);
    changes_say(&p->b, changes, n);

    if (!c->opts.json) {
        fwrite(p->b.at, 1, p->b.len, stdout);
    }
    p->b.len = 0;
}


/* run_template_push creates what Meta has not, and edits what differs */
int run_template_push(struct ctl *c)
{
    size_t            i;
    struct whose      w;
    struct pushed     p = { .stop = false };
    struct template  *all;
    struct templates  t = { .one = false };

    templates_files(&t, c->args[0]);
    whose_templates(c, &w);
    templates_fetch(c, &w, &t);
    all = t.all.at;

    buf_init(&p.b, (size_t) -1);
    jw_init(&p.j);
    jw_open(&p.j, NULL, '{');
    jw_int(&p.j, "v", 1);
    jw_open(&p.j, "templates", '[');

    for (i = 0; i < t.all.n && !p.stop; i++) {
        push_one(c, &p, &all[i], &w);
    }

    jw_close(&p.j, ']');
    jw_int(&p.j, "failed", (long long) p.failed);
    jw_bool(&p.j, "stopped", p.stop);
    jw_close(&p.j, '}');

    buf_text(&p.b, p.created + p.edited ? "" : "nothing to do\n");
    templates_end(c, &t, &p.j, &p.b);

    return p.failed ? CTL_FINDING : CTL_GOOD;
}


static bool plain_word(struct str s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                   "0123456789_", s.at[i]) == NULL)
        {
            return false;
        }
    }

    return s.len > 0 && s.len < 200;
}


/* an own file: never over one that is there */
static void pull_one(const struct template *t, const char *where,
    struct buf *path)
{
    int         fd;
    FILE       *out;
    struct buf  b;

    buf_init(path, 4096);
    buf_format(path, "%s/%.*s.%.*s.json", where, (int) t->name.len,
               t->name.at, (int) t->language.len, t->language.at);
    if (!plain_word(t->name) || !plain_word(t->language) || path->over) {
        ctl_fail(CTL_FINDING, "template %.*s cannot be a file's name",
                 (int) t->name.len, t->name.at);
    }
    buf_add(path, "", 1);

    fd = open(path->at, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out == NULL) {
        ctl_fail(CTL_NOTHING, "%s: %s", path->at, strerror(errno));
    }

    buf_init(&b, (size_t) -1);
    template_write(&b, t->meta);
    fwrite(b.at, 1, b.len, out);
    if (ferror(out) | fclose(out)) {
        ctl_fail(CTL_FINDING, "%s cannot be written", path->at);
    }
    buf_free(&b);
}


/* run_template_pull writes files of what has none */
int run_template_pull(struct ctl *c)
{
    size_t            i, n = 0;
    struct jw         j;
    struct buf        b, path;
    struct whose      w;
    struct template  *all;
    struct templates  t = { .one = false };

    templates_files(&t, c->args[0]);
    if (t.one) {
        ctl_fail(CTL_USAGE, "%s is no directory", c->args[0]);
    }
    whose_templates(c, &w);
    templates_fetch(c, &w, &t);
    all = t.all.at;

    buf_init(&b, 64);
    jw_init(&j);
    jw_open(&j, NULL, '{');
    jw_int(&j, "v", 1);
    jw_open(&j, "written", '[');

    for (i = 0; i < t.all.n; i++) {
        if (all[i].file != NULL) {
            continue;
        }
        pull_one(&all[i], c->args[0], &path);
        jw_text(&j, NULL, path.at);
        if (!c->opts.json) {
            printf("%s\n", path.at);
        }
        buf_free(&path);
        n++;
    }

    jw_close(&j, ']');
    jw_close(&j, '}');

    buf_text(&b, n ? "" : "nothing to do\n");
    templates_end(c, &t, &j, &b);

    return CTL_GOOD;
}


/* run_template_delete deletes one language, or with --all every one */
int run_template_delete(struct ctl *c)
{
    int               code;
    bool              several;
    struct buf        path, params;
    struct whose      w;
    struct calling    call = { .method = METHOD_DELETE };
    struct template  *found;
    struct templates  t = { .one = false };

    if ((c->opts.language != NULL) == c->opts.all) {
        ctl_fail(CTL_USAGE, "say --language LANGUAGE, or --all: by its name"
                 " Meta deletes it in all languages");
    }

    whose_templates(c, &w);
    buf_init(&path, 256);
    buf_init(&params, 2048);
    buf_text(&path, w.waba);
    buf_text(&path, "/message_templates");
    buf_text(&params, "{\"name\":");
    json_quote(&params, STR(c->args[0]));

    if (c->opts.language != NULL) {
        templates_fetch(c, &w, &t);
        found = template_find(&t, STR(c->args[0]), STR(c->opts.language));
        if (found == NULL) {
            ctl_fail(CTL_NOTHING, "there is no template %s in %s",
                     c->args[0], c->opts.language);
        }
        buf_text(&params, ",\"hsm_id\":");
        json_quote(&params, json_get_text(found->meta, "id"));
    }
    buf_text(&params, "}");

    call.row = calls_name("template.delete", PRODUCT_WHATSAPP, &several);
    call.whose = w;
    call.path = (struct str) { path.at, path.len };
    call.params = (struct str) { params.at, params.len };
    code = call_make(c, &call);

    buf_free(&path);
    buf_free(&params);
    templates_free(&t);

    return code;
}
