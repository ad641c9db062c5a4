/* metactl rules test: which rules match, and what they would do, for the
   events of records, of a raw webhook body, or of what is in Redis. */

#include "action.h"
#include "ctl_found.h"
#include "rules.h"
#include "token.h"

#include "meta/meta_record.h"
#include "meta/meta_split.h"

#include <stdlib.h>
#include <unistd.h>


#define TEST_FILE_MAX  (16 * 1024 * 1024)


struct testing {
    struct ctl  *c;
    struct jw    j;
    struct buf   b;
    size_t       events;
    size_t       faulty;
    long long    time;      /* of the record, 0: unknown */
    struct str   object;
};

/* what came of asking a rule */
struct asked {
    const char  *differs;   /* NULL: it matches */
    bool         slow;
};


static const char *const faults[] = {
    [RECORD_OK] = "", [RECORD_NEWER] = "a newer version of records",
    [RECORD_FAULTY] = "no record", [RECORD_MANY] = "too many events",
    [RECORD_LARGE] = "too large", [RECORD_NO_JSON] = "no JSON, or too deep"
};


static void test_actions(struct testing *t, const struct rule *rule)
{
    size_t                i;
    struct json_doc      *doc;
    struct buf            masked;
    const struct action  *a = rule->actions.at;

    for (i = 0; i < rule->actions.n; i++) {
        doc = json_parse(a[i].json.at, a[i].json.len,
                         a[i].json.len * 20 + 65536);
        buf_init(&masked, (size_t) -1);

        /* the texts are the configuration's own, nobody wrote them */
        if (doc != NULL) {
            json_write(&masked, json_root(doc));
        } else {
            json_quote(&masked, STR(action_name(a[i].kind)));
        }

        jw_raw(&t->j, NULL, (struct str) { masked.at, masked.len });
        buf_text(&t->b, "      ");
        buf_str(&t->b, (struct str) { masked.at, masked.len });
        buf_text(&t->b, "\n");
        buf_free(&masked);
        json_free(doc);
    }
}


/* would meta-consumer leave it out by now? */
static bool test_late(const struct testing *t, const struct rule *rule)
{
    return rule->max_age_ms && t->time
           && time_now() > t->time + (long long) rule->max_age_ms;
}


static void test_rule(struct testing *t, size_t n, const struct rule *rule)
{
    bool  late = test_late(t, rule);

    jw_open(&t->j, NULL, '{');
    jw_int(&t->j, "rule", (long long) n);
    jw_bool(&t->j, "late", late);
    jw_open(&t->j, "do", '[');
    buf_format(&t->b, late
               ? "    rule %zu, were it not too late: max_age is over\n"
               : "    rule %zu\n", n);
    test_actions(t, rule);
    jw_close(&t->j, ']');
    jw_close(&t->j, '}');
}


/* a rule that was asked and does not match: which key of "when" it is */
static void test_other(struct testing *t, size_t n, const struct asked *asked)
{
    jw_open(&t->j, NULL, '{');
    jw_int(&t->j, "rule", (long long) n);
    jw_text(&t->j, "differs", asked->differs);
    jw_bool(&t->j, "slow", asked->slow);
    jw_close(&t->j, '}');

    buf_format(&t->b, "    not rule %zu: %s%s\n", n, asked->differs,
               asked->slow ? ", whose pattern takes too long here"
               : strcmp(asked->differs, "tag") == 0
               ? ", and nobody asks for tags here" : "");
}


/* returns how many rules were asked */
static size_t test_ask(struct testing *t, const struct event *e,
    struct asked *asked)
{
    size_t              i, limits;
    struct conf        *conf = t->c->conf;
    const struct rule  *rules = conf->rules.at;
    struct rule_facts   facts = {
        .object = t->object, .tenant = NONE, .tags = NONE, .time = t->time,
        .now = time_now()
    };

    for (i = 0; i < conf->rules.n; i++) {
        limits = facts.limits;
        facts.tenant = tokens_tenant(conf, e->product, e->account, e->waba);
        asked[i].differs = rule_differs(&rules[i], e, &facts);
        asked[i].slow = facts.limits > limits;

        if (asked[i].differs == NULL && rule_stops(&rules[i])) {
            return i + 1;
        }
    }

    return i;
}


static void test_rules(struct testing *t, const struct event *e)
{
    bool                matched = false;
    size_t              i, n;
    struct conf        *conf = t->c->conf;
    struct asked       *asked;
    const struct rule  *rules = conf->rules.at;

    asked = mem_alloc((conf->rules.n + 1) * sizeof(*asked));
    n = test_ask(t, e, asked);

    jw_open(&t->j, "rules", '[');
    for (i = 0; i < n; i++) {
        if (asked[i].differs == NULL) {
            matched = true;
            test_rule(t, i + 1, &rules[i]);
        }
    }
    jw_close(&t->j, ']');

    jw_open(&t->j, "others", '[');
    for (i = 0; i < n; i++) {
        if (asked[i].differs != NULL) {
            test_other(t, i + 1, &asked[i]);
        }
    }
    free(asked);
    jw_close(&t->j, ']');

    if (!matched) {
        buf_format(&t->b, "    no rule: %s%s\n",
                   conf->unmatched != NULL ? "pushed to " : "dropped",
                   conf->unmatched != NULL ? conf->unmatched : "");
    }
}


static void test_event(struct testing *t, const struct event *e)
{
    char  person[LOG_PERSON_MAX];

    t->events++;
    jw_open(&t->j, NULL, '{');
    jw_text(&t->j, "product", product_name(e->product));
    jw_text(&t->j, "kind", kind_name(e->kind));
    jw_str(&t->j, "account", e->account);
    jw_id(t->c, &t->j, "id", e->id);
    jw_str(&t->j, "user", t->c->opts.reveal ? e->user
           : STR(log_person(person, e->user)));

    out_color(t->c, &t->b, 'b');
    buf_format(&t->b, "  %s %s", product_name(e->product),
               kind_name(e->kind));
    out_color(t->c, &t->b, 0);
    buf_text(&t->b, " of ");
    buf_str(&t->b, e->account);
    buf_text(&t->b, " from ");
    buf_str(&t->b, t->c->opts.reveal ? e->user
            : STR(log_person(person, e->user)));
    if (e->text.len) {
        buf_text(&t->b, ": ");
        mask_text(t->c, &t->b, e->text);
    }
    buf_text(&t->b, "\n");

    test_rules(t, e);
    jw_close(&t->j, '}');
}


static void test_record(struct testing *t, struct str bytes)
{
    size_t          i;
    struct record   r;
    enum record_rc  rc = record_open(bytes, &r);

    jw_open(&t->j, NULL, '{');

    if (rc != RECORD_OK) {
        t->faulty++;
        jw_text(&t->j, "error", faults[rc]);
        jw_close(&t->j, '}');
        buf_format(&t->b, "%s: meta-consumer would not work it\n",
                   faults[rc]);
        return;
    }

    jw_id(t->c, &t->j, "record", r.id);
    jw_str(&t->j, "object", r.object);
    jw_str(&t->j, "field", r.field);
    jw_key(t->c, &t->j, "key", r.key);
    jw_open(&t->j, "events", '[');

    buf_text(&t->b, "record ");
    mask_id(t->c, &t->b, r.id);
    buf_text(&t->b, "\n");

    t->object = r.object;
    t->time = r.time ? r.time : r.received_at;
    for (i = 0; i < r.nevents; i++) {
        test_event(t, &r.events[i]);
    }

    if (r.nevents == 0) {
        buf_text(&t->b, "  no event that rules know: unmatched\n");
    }

    jw_close(&t->j, ']');
    jw_close(&t->j, '}');
    record_close(&r);
}


static void test_split(struct testing *t, meta_event_t *events,
    meta_split_t *split)
{
    size_t             i, n;
    struct buf         record;
    meta_hash_t        hash = { NULL, NULL };
    unsigned char      head[META_RECORD_HEAD_MAX];
    meta_record_ctx_t *rc = mem_alloc(sizeof(*rc));

    if (meta_hash_init(&hash) != META_OK) {
        abort();
    }

    rc->split = split;
    rc->hash = &hash;
    rc->received_at = time_now();
    rc->delivery = (meta_str_t) meta_string("metactl");
    meta_record_begin(rc);

    for (i = 0; i < split->nevents; i++) {
        n = meta_record_head(head, rc, &events[i], i);
        buf_init(&record, (size_t) -1);
        buf_add(&record, (char *) head, n);
        buf_add(&record, (const char *) events[i].raw.data,
                events[i].raw.len);
        buf_text(&record, "}");
        test_record(t, (struct str) { record.at, record.len });
        buf_free(&record);
    }

    meta_hash_free(&hash);
    free(rc);
}


/* a webhook body, split as nginx does it; false: it is none */
static bool test_body(struct testing *t, struct buf *body)
{
    meta_rc_t      rc;
    meta_str_t     s = { (unsigned char *) body->at, body->len };
    meta_split_t   split;
    meta_event_t  *events;

    rc = meta_split(s, &split, NULL, 0);
    if (rc != META_OK) {
        return false;
    }

    events = mem_alloc(split.nevents * sizeof(*events));
    rc = meta_split(s, &split, events, split.nevents);
    if (rc == META_OK) {
        test_split(t, events, &split);
    }
    free(events);

    return rc == META_OK;
}


static bool is_record(struct str bytes)
{
    bool              record;
    struct json_doc  *doc = json_parse(bytes.at, bytes.len,
                                       bytes.len * 20 + 65536);

    record = json_get(json_root(doc), "v") != NULL
             && json_get(json_root(doc), "event") != NULL;
    json_free(doc);

    return record;
}


/* a body, a record, or a record on each line, as LRANGE prints them */
static void test_file(struct testing *t, struct buf *file)
{
    size_t       n;
    struct str   line, rest = { file->at, file->len };
    const char  *end;

    if (json_valid(rest.at, rest.len)) {
        if (is_record(rest)) {
            test_record(t, rest);
        } else if (!test_body(t, file)) {
            t->faulty++;
            buf_text(&t->b, "neither a record nor a webhook body\n");
        }
        return;
    }

    while (rest.len) {
        end = memchr(rest.at, '\n', rest.len);
        n = end != NULL ? (size_t) (end - rest.at) + 1 : rest.len;
        line = (struct str) { rest.at, n };
        while (line.len && strchr(" \t\r\n", line.at[line.len - 1]) != NULL) {
            line.len--;
        }
        if (line.len) {
            test_record(t, line);
        }
        rest.at += n;
        rest.len -= n;
    }
}


static void on_found(void *data, struct ctl *c, const struct found *f)
{
    struct buf       b;
    struct testing  *t = data;
    struct json_doc *doc;

    (void) c;
    buf_format(&t->b, "%s of %s: ", f->state, f->list);

    if (strcmp(f->state, "dead") != 0) {
        test_record(t, f->record);
        return;
    }

    doc = json_parse(f->record.at, f->record.len,
                     f->record.len * 20 + 65536);
    buf_init(&b, (size_t) -1);
    if (doc != NULL && json_get(json_root(doc), "item") != NULL) {
        json_write(&b, json_get(json_root(doc), "item"));
    }
    test_record(t, (struct str) { b.at, b.len });
    buf_free(&b);
    json_free(doc);
}


/* run_rules_test takes a file's name, "-", or the id of an event in Redis */
int run_rules_test(struct ctl *c)
{
    int             code;
    const char     *name = c->args[0];
    struct buf      file;
    struct testing  t = { .c = c };

    buf_init(&t.b, (size_t) -1);
    jw_init(&t.j);
    jw_open(&t.j, NULL, '{');
    jw_int(&t.j, "v", 1);
    jw_open(&t.j, "records", '[');

    if (strcmp(name, "-") == 0 || access(name, F_OK) == 0) {
        buf_init(&file, TEST_FILE_MAX);
        ctl_read(name, &file);
        test_file(&t, &file);
        buf_free(&file);
    } else {
        ctl_redis(c);
        found_each(c, name, on_found, &t);
    }

    jw_close(&t.j, ']');
    jw_close(&t.j, '}');
    code = t.faulty ? CTL_FINDING : t.b.len == 0 ? CTL_NOTHING : CTL_GOOD;

    if (code == CTL_NOTHING) {
        ctl_fail(code, "there is no file \"%s\", and no event of that id in"
                 " Redis", name);
    }

    if (c->opts.json) {
        jw_print(&t.j);
    } else {
        out_print(&t.b);
    }

    buf_free(&t.j.b);
    buf_free(&t.b);

    return code;
}
