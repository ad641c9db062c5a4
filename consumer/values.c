/* Values such as {{user.name}} in what rules do.  What a person wrote is put
   into strings of the action's JSON, never into the JSON itself, and in a URL
   or a path it is percent-encoded; it is never looked through for values. */

#include "values.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>


#define VALUES_TREE_MAX  (16 * 1024 * 1024)
#define VALUES_JSON_MAX  (512 * 1024)
#define VALUES_CUTS      16         /* texts of one action that are cut */
#define VALUES_SAMPLE    "1000000"  /* fits wherever one may stand */
#define PATH_MAX_LEN     (sizeof(((struct fault *) NULL)->parameter))


/* a text that came out too long */
struct cut {
    char    path[PATH_MAX_LEN];
    size_t  max;
    bool    bytes;      /* else characters */
};

struct filling {
    const struct values  *values;       /* NULL: samples */
    struct buf           *out;
    struct fault         *fault;
    struct cut            cuts[VALUES_CUTS];
    size_t                ncuts;
    const char           *wanted;       /* a path; held: a value stands there */
    bool                  held;
    bool                  faulty;
};

/* members that the configuration has to know, or that lead to a file */
static const char *const  fixed[] = {
    "push.list", "call.handler", "assistant.name", "tag.name", "untag.name",
    "graph.method", "graph.account", "send.account", "pause.for"
};


static struct str value_id(const struct values *v, char room[32])
{
    (void) room;

    return v->event->id.len ? v->event->id : v->id;
}


static struct str value_user_name(const struct values *v, char room[32])
{
    (void) room;

    return v->event->name.len ? v->event->name : v->name;
}


static struct str value_kind(const struct values *v, char room[32])
{
    (void) room;

    return STR(kind_name(v->event->kind));
}


static struct str value_product(const struct values *v, char room[32])
{
    (void) room;

    return STR(product_name(v->event->product));
}


static struct str value_lead(const struct values *v, char room[32])
{
    (void) room;

    return json_get_text(v->event->lead, "leadgen_id");
}


static struct str value_form(const struct values *v, char room[32])
{
    (void) room;

    return json_get_text(v->event->lead, "form_id");
}


static struct str value_ref(const struct values *v, char room[32])
{
    (void) room;

    return json_get_text(v->event->referral, "ref");
}


static struct str value_time(const struct values *v, char room[32])
{
    time_t     t = (time_t) (v->event->time / 1000);
    struct tm  tm;

    if (v->event->time <= 0 || gmtime_r(&t, &tm) == NULL) {
        return NONE;
    }

    return (struct str) { room, strftime(room, 32, "%Y-%m-%dT%H:%M:%SZ",
                                         &tm) };
}


#define FIELD(member)  NULL, offsetof(struct event, member)

static const struct value_row {
    const char   *name;
    struct str  (*get)(const struct values *v, char room[32]);
    size_t        at;       /* in the event, where get is NULL */
} rows[] = {
    { "user.id", FIELD(user) }, { "user.name", value_user_name, 0 },
    { "user.username", FIELD(username) }, { "user.phone", FIELD(phone) },
    { "text", FIELD(text) }, { "payload", FIELD(payload) },
    { "account", FIELD(account) }, { "id", value_id, 0 },
    { "kind", value_kind, 0 }, { "product", value_product, 0 },
    { "state", FIELD(state) }, { "time", value_time, 0 },
    { "reply_to", FIELD(reply_to) }, { "group", FIELD(group) },
    { "message", FIELD(target) },
    { "comment.id", FIELD(comment.id) },
    { "comment.parent", FIELD(comment.parent) },
    { "comment.post", FIELD(comment.post) },
    { "comment.media", FIELD(comment.media) },
    { "lead.id", value_lead, 0 }, { "lead.form", value_form, 0 },
    { "referral.ref", value_ref, 0 },
    { "template.name", FIELD(template_name) },
    { "template.language", FIELD(template_language) }
};


static const struct value_row *row_find(struct str name)
{
    size_t  i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (str_is(name, rows[i].name)) {
            return &rows[i];
        }
    }

    return NULL;
}


static struct str row_value(const struct value_row *row,
    const struct values *v, char room[32])
{
    struct str  s;

    if (row->get != NULL) {
        return row->get(v, room);
    }

    memcpy(&s, (const char *) v->event + row->at, sizeof(s));

    return s.at != NULL ? s : NONE;
}


static const char *find_two(struct str s, char c)
{
    size_t  i;

    for (i = 0; i + 1 < s.len; i++) {
        if (s.at[i] == c && s.at[i + 1] == c) {
            return s.at + i;
        }
    }

    return NULL;
}


static struct str blanks_cut(struct str s)
{
    while (s.len && *s.at == ' ') {
        s.at++;
        s.len--;
    }

    while (s.len && s.at[s.len - 1] == ' ') {
        s.len--;
    }

    return s;
}


/* a zero byte, which nobody can see, would end the text */
static void text_add(struct buf *b, struct str s)
{
    const char  *zero;

    while ((zero = memchr(s.at, '\0', s.len)) != NULL) {
        buf_add(b, s.at, (size_t) (zero - s.at));
        s.len -= (size_t) (zero + 1 - s.at);
        s.at = zero + 1;
    }

    buf_str(b, s);
}


/* all but what no server takes for something else */
static void encode(struct buf *b, struct str s)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < s.len; i++) {
        c = (unsigned char) s.at[i];
        if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
            || c == '-' || c == '_' || c == '.' || c == '~')
        {
            buf_add(b, s.at + i, 1);
        } else {
            buf_format(b, "%%%02X", c);
        }
    }
}


static bool path_ends(const char *path, const char *member)
{
    size_t  n = strlen(path), m = strlen(member);

    return n > m && path[n - m - 1] == '.'
           && strcmp(path + n - m, member) == 0;
}


static bool path_fixed(const char *path)
{
    size_t  i;

    for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        if (strcmp(path, fixed[i]) == 0) {
            return true;
        }
    }

    return path_ends(path, "file");
}


static bool path_encoded(const char *path)
{
    return strcmp(path, "graph.path") == 0 || path_ends(path, "url")
           || path_ends(path, "link") || path_ends(path, "image_url");
}


static void filling_fault(struct filling *f, const char *path,
    struct str value, const char *what)
{
    if (!f->faulty) {
        f->faulty = true;
        fault_set(f->fault, path, NULL, value, "%s", what);
    }
}


/* "name" or "name|what stands where there is none" */
static void one_write(struct filling *f, struct buf *b, const char *path,
    struct str inner)
{
    char                     room[32];
    struct str               name = inner, other = NONE, value;
    const char              *bar = memchr(inner.at, '|', inner.len);
    const struct value_row  *row;

    if (bar != NULL) {
        name.len = (size_t) (bar - inner.at);
        other = (struct str) { bar + 1, inner.len - name.len - 1 };
    }

    name = blanks_cut(name);
    row = row_find(name);

    if (row == NULL) {
        filling_fault(f, path, name, "holds a value {{...}} of no such name:"
                      " docs/rules.md lists them");
        return;
    }

    if (path_fixed(path)) {
        filling_fault(f, path, name, "must be the same for every event: no"
                      " value {{...}} may stand here");
        return;
    }

    value = f->values == NULL ? STR(VALUES_SAMPLE)
            : row_value(row, f->values, room);
    value = value.len ? value : blanks_cut(other);

    if (path_encoded(path)) {
        encode(b, value);
    } else {
        text_add(b, value);
    }
}


/* so many characters or bytes, whole characters of UTF-8 */
static size_t text_cut(struct str s, const struct cut *cut)
{
    size_t  n, at = 0, count = 0;

    while (at < s.len) {
        n = json_utf8((struct str) { s.at + at, s.len - at });
        n = n ? n : 1;
        count += cut->bytes ? n : 1;
        if (count > cut->max) {
            break;
        }
        at += n;
    }

    return at;
}


static void text_write(struct filling *f, const char *path, struct str text)
{
    size_t       i;
    struct buf   b;
    const char  *open, *close;

    if (f->wanted != NULL && strcmp(f->wanted, path) == 0) {
        f->held = find_two(text, '{') != NULL;
    }

    buf_init(&b, VALUES_JSON_MAX);

    while ((open = find_two(text, '{')) != NULL) {
        buf_add(&b, text.at, (size_t) (open - text.at));
        text.len -= (size_t) (open + 2 - text.at);
        text.at = open + 2;

        close = find_two(text, '}');
        if (close == NULL) {
            filling_fault(f, path, NONE, "holds {{ without }}");
            break;
        }

        one_write(f, &b, path, (struct str) { text.at,
                                              (size_t) (close - text.at) });
        text.len -= (size_t) (close + 2 - text.at);
        text.at = close + 2;
    }

    buf_str(&b, text);

    for (i = 0; i < f->ncuts; i++) {
        if (strcmp(f->cuts[i].path, path) == 0) {
            b.len = text_cut((struct str) { b.at, b.len }, &f->cuts[i]);
        }
    }

    f->out->over |= b.over;
    json_quote(f->out, b.len ? (struct str) { b.at, b.len } : NONE);
    buf_free(&b);
}


/* paths as faults name them: "reply.quick_replies[2].title" */
static void tree_write(struct filling *f, const char *path,
    const struct json *j)
{
    char                inner[PATH_MAX_LEN];
    size_t              i = 0;
    const struct json  *c;

    if (j->type == JSON_STRING) {
        text_write(f, path, j->text);
        return;
    }

    if (j->type != JSON_ARRAY && j->type != JSON_OBJECT) {
        json_write(f->out, j);
        return;
    }

    buf_text(f->out, j->type == JSON_ARRAY ? "[" : "{");

    for (c = j->child; c != NULL; c = c->next, i++) {
        buf_text(f->out, i ? "," : "");

        if (j->type == JSON_ARRAY) {
            snprintf(inner, sizeof(inner), "%s[%zu]", path, i);
        } else {
            snprintf(inner, sizeof(inner), "%s%s%.*s", path,
                     *path ? "." : "", (int) c->key.len, c->key.at);
            json_quote(f->out, c->key);
            buf_text(f->out, ":");
        }

        tree_write(f, inner, c);
    }

    buf_text(f->out, j->type == JSON_ARRAY ? "]" : "}");
}


/* values_in says whether there is a value in the JSON */
bool values_in(struct str json)
{
    return find_two(json, '{') != NULL;
}


/* values_check says what is wrong with one of them */
int values_check(const struct json *action, struct buf *b,
    struct fault *fault)
{
    struct filling  f = { .fault = fault, .out = b };

    tree_write(&f, "", action);

    return f.faulty ? -1 : 0;
}


/* a text with values that is too long is cut; what else is wrong stays so */
static bool cut_add(struct filling *f, const struct json *j,
    const struct fault *fault)
{
    char        *unit;
    struct buf   b;
    struct buf  *out = f->out;
    struct cut  *cut = &f->cuts[f->ncuts];

    if (f->ncuts == VALUES_CUTS) {
        return false;
    }

    cut->max = strtoul(fault->limit, &unit, 10);
    cut->bytes = strcmp(unit, " bytes") == 0;
    if (cut->max == 0 || (!cut->bytes && strcmp(unit, " characters") != 0)) {
        return false;
    }

    buf_init(&b, VALUES_JSON_MAX);
    f->out = &b;
    f->wanted = fault->parameter;
    f->held = false;
    tree_write(f, "", j);
    f->wanted = NULL;
    f->out = out;
    buf_free(&b);

    memcpy(cut->path, fault->parameter, sizeof(cut->path));
    f->ncuts += f->held;

    return f->held;
}


static int filled_read(struct buf *b, const struct action_place *place,
    const struct conf *conf, struct action *out, struct fault *fault)
{
    int               rc;
    struct json_doc  *doc;

    doc = b->over ? NULL : json_parse(b->at, b->len, VALUES_TREE_MAX);
    if (doc == NULL) {
        return fault_set(fault, "", "512 KB", NONE, "with its values it is"
                         " too long");
    }

    rc = action_parse(json_root(doc), out, fault);
    json_free(doc);

    if (rc == 0 && action_check(out, place, conf, fault) != 0) {
        action_free(out);
        rc = -1;
    }

    return rc;
}


/* values_action makes the action of an event */
int values_action(struct str json, const struct values *values,
    const struct action_place *place, const struct conf *conf,
    struct action *out, struct fault *fault)
{
    int               rc;
    struct buf        b;
    struct filling    f = { .values = values, .fault = fault, .out = &b };
    struct json_doc  *doc = json_parse(json.at, json.len, VALUES_TREE_MAX);

    if (doc == NULL) {
        return fault_set(fault, "", NULL, NONE, "is nested too deep");
    }

    buf_init(&b, VALUES_JSON_MAX);

    do {
        b.len = 0;
        b.over = false;
        tree_write(&f, "", json_root(doc));
        rc = f.faulty ? -1 : filled_read(&b, place, conf, out, fault);
    } while (rc != 0 && !f.faulty && cut_add(&f, json_root(doc), fault));

    buf_free(&b);
    json_free(doc);

    return rc;
}
