/* metactl token check: asks Meta of tokens now, says what each can do and until
   when, and keeps it as meta-consumer's daily look does (token_check.c). */

#include "ctl_meta.h"
#include "ctl_store.h"
#include "token_answer.h"
#include "token_ask.h"
#include "token_life.h"
#include "token_mend.h"
#include "token_scopes.h"

#include <stdlib.h>


#define FIELDS_MAX  12

struct check {
    struct ctl         *c;
    struct token       *t;
    struct meta         m;
    struct token_debug  debug;      /* slices of m */
    struct buf          missing;
    bool                told;       /* debug is there */
    bool                asked;      /* Meta has said whether it works */
    bool                good;
    long long           code;
    long long           subcode;
    char                why[200];   /* why it could not be asked or kept */
};

struct checking {
    struct ctl  *c;
    struct jw    j;
    size_t       n;
    size_t       bad;
};

struct fields {
    struct str  words[2 * FIELDS_MAX];
    char        numbers[FIELDS_MAX][24];
    size_t      n;
};


/* the app is asked of the token; without its secret, and of Instagram Login,
   the token speaks for itself; true: debug_token */
static bool check_call(struct check *k)
{
    bool                      debug;
    struct buf                query;
    struct graph_call         call;
    const struct conf_token  *own = token_usable(k->t), *asks = NULL;

    if (k->t->as.kind != TOKEN_INSTAGRAM) {
        asks = token_app(store_app(k->c, k->t));
    }

    debug = asks != NULL;
    if (debug) {
        token_ask_debug(&call, &query, STR(own->secret));
    } else if (k->t->as.kind == TOKEN_INSTAGRAM) {
        token_ask_me(&call, &query);
    } else {
        token_ask_self(&call, &query);
    }

    call.token = debug ? asks : own;
    call.app = NULL;
    meta_call(k->c, &call, &k->m);
    token_ask_wipe(&query);
    token_drop(asks);

    return debug;
}


/* an error of debug_token is about the app that asks */
static void check_ask(struct check *k)
{
    bool                   debug = check_call(k);
    const struct verdict  *v = &k->m.v;

    if (debug) {
        k->told = token_debug_read(v->root, &k->debug);
        k->asked = v->rc == GRAPH_OK && k->told;
        k->good = k->debug.valid;
        k->code = k->debug.code;
        k->subcode = k->debug.subcode;
    } else {
        k->good = v->rc == GRAPH_OK;
        k->asked = k->good || (v->rc == GRAPH_ERROR
                               && (v->code == 190 || v->code == 102));
        k->code = v->code;
        k->subcode = v->has_subcode ? v->subcode : 0;
    }

    if (!k->asked && v->rc == GRAPH_ERROR) {
        snprintf(k->why, sizeof(k->why), "Meta refuses the question (code"
                 " %lld): %s", v->code, debug && meta_app_refused(&k->m)
                 ? "metactl doctor says whether the app's secret is wrong"
                 : v->row->text);
    } else if (!k->asked && v->rc == GRAPH_UNREACHABLE) {
        snprintf(k->why, sizeof(k->why), "Meta cannot be reached");
    } else if (!k->asked) {
        snprintf(k->why, sizeof(k->why), "Meta's answer makes no sense (status"
                 " %ld)", v->status);
    }
}


static void check_missing(struct check *k)
{
    struct str               scopes = { k->debug.scopes.at,
                                        k->debug.scopes.len };
    const struct conf       *conf = k->c->conf;
    struct json_doc         *doc;
    const struct conf_token  *own = token_usable(k->t);

    doc = json_parse(k->debug.targets.at, k->debug.targets.len,
                     JSON_TREE_MAX);
    scopes_missing(&k->missing, scopes_uses(conf, own), true, &conf->scopes,
                   own, scopes, json_root(doc));
    json_free(doc);
}


static void field_text(struct fields *f, const char *name, struct str value)
{
    f->words[2 * f->n] = STR(name);
    f->words[2 * f->n++ + 1] = value;
}


/* a time that Meta does not tell is left as it is */
static void field_int(struct fields *f, const char *name, int64_t value)
{
    if (value != ANSWER_UNKNOWN) {
        snprintf(f->numbers[f->n], sizeof(f->numbers[0]), "%lld",
                 (long long) value);
        field_text(f, name, STR(f->numbers[f->n]));
    }
}


/* when meta-consumer looks at it next: at once, where there is something to be
   done that hangs on its look */
static int64_t check_moment(const struct check *k)
{
    int64_t           now = time_now();
    struct token      seen = *k->t;
    struct life_rule  rule = life_rule_of(k->c->conf);

    seen.lost = false;
    if (k->told && k->debug.expires != ANSWER_UNKNOWN) {
        seen.expires = k->debug.expires;
    }

    return k->good && !life_refresh_due(&seen, &rule, now)
           && !life_alarm(&seen, &rule, now) ? now : 0;
}


/* of one that does not work meta-consumer makes what can be made: a Page's is
   taken anew, others are lost, and everybody is told once */
static void check_keep(struct check *k)
{
    const char               *why;
    struct fields             f = { .n = 0 };
    const struct token_debug  *d = &k->debug;

    if (k->c->conf->token_keys == NULL || (!k->good && k->t->lost)) {
        return;
    }

    field_int(&f, "checked", check_moment(k));
    if (k->good) {
        field_text(&f, "state", STR("good"));
        field_int(&f, "code", 0);
        field_int(&f, "subcode", 0);
    }
    if (k->good && k->told) {
        field_text(&f, "missing", (struct str) { k->missing.at,
                                                 k->missing.len });
        field_int(&f, "issued", d->issued);
        field_int(&f, "expires", d->expires);
        field_int(&f, "data_expires", d->data_expires);
        field_text(&f, "scopes", (struct str) { d->scopes.at,
                                                d->scopes.len });
        field_text(&f, "targets", (struct str) { d->targets.at,
                                                 d->targets.len });
        if (str_digits(d->app)) {
            field_text(&f, "app", d->app);
        }
        if (str_digits(d->user)) {
            field_text(&f, "user", d->user);
        }
    }

    why = store_note(k->c, k->t, f.words, 2 * f.n);
    if (why != NULL) {
        snprintf(k->why, sizeof(k->why), "it cannot be kept: %s", why);
    }
}


static void check_json(const struct check *k, struct jw *j)
{
    jw_open(j, NULL, '{');
    jw_text(j, "name", k->t->name);
    if (k->asked) {
        jw_bool(j, "works", k->good);
    } else {
        jw_text(j, "works", NULL);
    }
    jw_int(j, "code", k->good ? 0 : k->code);
    jw_int(j, "subcode", k->good ? 0 : k->subcode);
    jw_time(j, "expires", k->told ? k->debug.expires : k->t->expires);
    jw_time(j, "data_expires", k->told ? k->debug.data_expires
            : k->t->data_expires);
    if (k->told) {
        jw_str(j, "scopes", (struct str) { k->debug.scopes.at,
                                           k->debug.scopes.len });
        jw_str(j, "missing", (struct str) { k->missing.at, k->missing.len });
    } else {
        jw_text(j, "scopes", NULL);
        jw_text(j, "missing", NULL);
    }
    jw_text(j, "error", k->why[0] != '\0' ? k->why : NULL);
    jw_close(j, '}');
}


static void check_text(const struct check *k)
{
    char                           date[TIME_MAX];
    struct buf                     b;
    long long                      ends = k->told ? k->debug.expires
                                          : k->t->expires;
    const struct graph_error_row  *row;

    buf_init(&b, (size_t) -1);
    out_color(k->c, &b, k->asked && k->good ? 'g' : 'r');
    out_safe(&b, STR(k->t->name));
    out_color(k->c, &b, 0);

    if (k->asked && k->good) {
        buf_text(&b, " works");
        buf_text(&b, ends > 0 ? ", until " : ends == 0 ? ", without an end"
                 : "");
        buf_text(&b, ends > 0 ? time_date(date, ends) : "");
        if (k->missing.len) {
            buf_text(&b, "; it lacks ");
            out_safe(&b, (struct str) { k->missing.at, k->missing.len });
            buf_text(&b, ": granted by ");
            mend_login(&b, k->t, "rerequest");
        }
    } else if (k->asked) {
        row = graph_error_find(PRODUCT_NONE, (long) k->code,
                               k->subcode ? (long) k->subcode : ERROR_ANY);
        buf_format(&b, " does not work (%lld/%lld): %s %s", k->code,
                   k->subcode, row->text, row->todo);
    }
    if (k->why[0] != '\0') {
        buf_text(&b, ": ");
        out_safe(&b, STR(k->why));
    }

    buf_text(&b, "\n");
    out_print(&b);
}


static void check_each(void *data, struct token *t)
{
    struct check      k = { .t = t };
    struct checking  *all = data;

    if (t->as.kind == TOKEN_PIN) {
        return;
    }

    k.c = all->c;
    all->n++;
    buf_init(&k.missing, TOKEN_SCOPES_MAX);

    if (token_usable(t) == NULL) {
        snprintf(k.why, sizeof(k.why), "no key of token_key_file opens it");
    } else {
        check_ask(&k);
        if (k.good && k.told) {
            check_missing(&k);
        }
        if (k.asked) {
            check_keep(&k);
        }
    }

    all->bad += !k.asked || !k.good || k.why[0] != '\0';
    if (all->c->opts.json) {
        check_json(&k, &all->j);
    } else {
        check_text(&k);
    }

    if (k.told) {
        token_debug_free(&k.debug);
    }
    buf_free(&k.missing);
    meta_free(&k.m);
    if (all->c->db != NULL) {
        db_forget(all->c->db);
    }
}


/* run_token_check: those that are named, or all */
int run_token_check(struct ctl *c)
{
    size_t           i;
    struct token    *t;
    struct checking  all = { .c = c };

    ctl_store(c);
    jw_init(&all.j);
    jw_open(&all.j, NULL, '{');
    jw_int(&all.j, "v", 1);
    jw_open(&all.j, "tokens", '[');

    for (i = 0; i < c->nargs; i++) {
        t = ctl_token(c, c->args[i]);
        if (t == NULL || t->as.kind == TOKEN_PIN) {
            ctl_fail(CTL_NOTHING, "there is no token %s; metactl token list",
                     c->args[i]);
        }
        check_each(&all, t);
    }
    if (c->nargs == 0) {
        tokens_each(c->conf->store, check_each, &all);
    }

    jw_close(&all.j, ']');
    jw_close(&all.j, '}');
    if (c->opts.json) {
        jw_print(&all.j);
    } else if (all.n == 0) {
        puts("there is no token");
    }
    buf_free(&all.j.b);

    return all.bad > 0 ? CTL_FINDING : CTL_GOOD;
}
