/* metactl token list and show: which tokens there are, of the configuration and
   of the store; never a token. */

#include "ctl_store.h"

#include <stdlib.h>

#include <openssl/evp.h>
#include <sys/stat.h>


/* a row of the list: a secret, and what is known of it */
struct row {
    const struct conf_token  *t;
    const struct token       *known;    /* NULL: nothing */
};

struct listing {
    struct ctl  *c;
    struct jw    j;
    struct buf   b;
    long long    now;
    size_t       n;
    size_t       locked;
};


/* token_mark: enough to see whether two are the same */
const char *token_mark(char out[TOKEN_MARK_MAX], const char *secret)
{
    unsigned int   n;
    unsigned char  digest[EVP_MAX_MD_SIZE];

    if (!EVP_Digest(secret, strlen(secret), digest, &n, EVP_sha256(), NULL)) {
        abort();
    }

    snprintf(out, TOKEN_MARK_MAX, "#%02x%02x%02x%02x", digest[0], digest[1],
             digest[2], digest[3]);

    return out;
}


/* ctl_open_to_all: others than its owner and group have rights */
bool ctl_open_to_all(const char *file)
{
    struct stat  st;

    return file != NULL && strncmp(file, "env:", 4) != 0
           && stat(file, &st) == 0 && (st.st_mode & S_IRWXO);
}


/* a PIN is too short for a mark: it could be tried */
static const char *row_mark(char out[TOKEN_MARK_MAX],
    const struct conf_token *t)
{
    return t->secret == NULL || t->kind == TOKEN_PIN ? NULL
           : token_mark(out, t->secret);
}


/* what a secret cannot be read of does not work either */
static const char *row_state(const struct row *r, long long now)
{
    const struct token  *k = r->known;

    return r->t->secret == NULL ? "locked" : k == NULL ? "good"
           : k->lost ? "lost"
           : k->expires > 0 && k->expires <= now ? "expired" : "good";
}


static void known_json(struct jw *j, const struct token *k)
{
    struct buf    b;
    size_t        i;
    const char   *field;
    static const char *const  times[] = {
        "issued", "expires", "data_expires", "checked", "refreshed"
    };
    static const char *const  texts[] = {
        "tenant", "title", "app", "user", "parent", "scopes", "links",
        "missing"
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        buf_init(&b, TOKEN_LINKS_MAX);
        field = texts[i];
        if (k != NULL && token_get(k, field, &b)) {
            jw_str(j, field, (struct str) { b.at, b.len });
        } else {
            jw_text(j, field, NULL);
        }
        buf_free(&b);
    }

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        buf_init(&b, 64);
        if (k != NULL && token_get(k, times[i], &b)) {
            jw_raw(j, times[i], (struct str) { b.at, b.len });
        } else {
            jw_text(j, times[i], NULL);
        }
        buf_free(&b);
    }
}


static void row_json(struct listing *l, const struct row *r)
{
    char                      mark[TOKEN_MARK_MAX];
    struct jw                *j = &l->j;
    const struct conf_token  *t = r->t;
    bool                      stored = t->stored != NULL;

    jw_open(j, NULL, '{');
    jw_text(j, "name", r->known != NULL ? r->known->name : NULL);
    jw_text(j, "kind", token_kind_name((enum token_kind) t->kind));
    jw_text(j, "id", t->id);
    jw_text(j, "waba", t->waba);
    jw_text(j, "instagram", r->known != NULL ? r->known->as.instagram
            : t->instagram);
    jw_bool(j, "default", t->fallback);
    jw_bool(j, "stored", stored);
    jw_text(j, "from", stored ? r->known->from : token_source(t));
    jw_text(j, "state", row_state(r, l->now));
    jw_int(j, "length", t->secret != NULL ? (long long) strlen(t->secret)
           : 0);
    jw_text(j, "mark", row_mark(mark, t));
    jw_bool(j, "readable_by_others", ctl_open_to_all(t->file));
    known_json(j, r->known);
    jw_close(j, '}');
}


static void row_ends(struct listing *l, const struct row *r)
{
    char       date[TIME_MAX];
    int64_t    ends = r->known != NULL ? r->known->expires : TOKEN_UNKNOWN;

    out_pad(&l->b, STR(ends == TOKEN_NEVER ? "never" : ends < 0 ? "-"
                       : time_date(date, ends)), 22);
}


static void row_text(struct listing *l, const struct row *r)
{
    char                      mark[TOKEN_MARK_MAX];
    const char               *state = row_state(r, l->now), *text;
    struct buf               *b = &l->b;
    const struct conf_token  *t = r->t;

    out_pad(b, STR(token_kind_name((enum token_kind) t->kind)), 12);
    out_pad(b, STR(t->id != NULL ? t->id : t->waba != NULL ? t->waba : "any"),
            20);
    out_pad(b, STR(t->id != NULL ? "account" : t->waba != NULL ? "waba"
                   : t->fallback ? "default" : "-"), 9);
    text = row_mark(mark, t);
    out_pad(b, STR(text != NULL ? text : "-"), 11);
    out_color(l->c, b, strcmp(state, "good") == 0 ? 'g' : 'r');
    out_pad(b, STR(state), 9);
    out_color(l->c, b, 0);
    row_ends(l, r);

    text = t->stored != NULL ? r->known->from : token_source(t);
    out_safe(b, text != NULL ? STR(text) : STR("-"));

    if (t->tenant != NULL) {
        buf_text(b, "  tenant ");
        out_safe(b, STR(t->tenant));
    }

    if (r->known != NULL && r->known->missing != NULL) {
        out_color(l->c, b, 'y');
        buf_text(b, "  lacks ");
        out_safe(b, STR(r->known->missing));
        out_color(l->c, b, 0);
    }

    if (ctl_open_to_all(t->file)) {
        out_color(l->c, b, 'y');
        buf_text(b, "  others may read it");
        out_color(l->c, b, 0);
    }

    buf_text(b, "\n");
}


static void row_add(struct listing *l, const struct row *r)
{
    l->n++;
    l->locked += r->t->secret == NULL;
    row_json(l, r);
    row_text(l, r);
}


/* of the store; what is known of the configuration's stands with those */
static void list_stored(void *data, struct token *t)
{
    struct row  r = { .t = &t->as, .known = t };

    if (t->of == NULL) {
        row_add(data, &r);
    }
}


/* run_token lists them: the configuration's, then the store's */
int run_token(struct ctl *c)
{
    char                      name[TOKEN_NAME_MAX];
    size_t                    i;
    struct row                r;
    struct listing            l = { .c = c, .now = time_now() };
    const struct conf_token  *t = c->conf->tokens.at;

    ctl_store(c);

    buf_init(&l.b, (size_t) -1);
    jw_init(&l.j);
    jw_open(&l.j, NULL, '{');
    jw_int(&l.j, "v", 1);
    jw_open(&l.j, "tokens", '[');

    out_color(c, &l.b, 'b');
    buf_text(&l.b, "KIND        ID                  FOR      MARK       STATE"
             "    EXPIRES               FROM");
    out_color(c, &l.b, 0);
    buf_text(&l.b, "\n");

    for (i = 0; i < c->conf->tokens.n; i++) {
        r.t = &t[i];
        r.known = tokens_named(c->conf->store, STR(token_conf_name(name,
                                                                   &t[i])));
        row_add(&l, &r);
    }
    tokens_each(c->conf->store, list_stored, &l);

    jw_close(&l.j, ']');
    jw_close(&l.j, '}');

    if (l.n == 0) {
        buf_text(&l.b, "none\n");
    }

    if (c->opts.json) {
        jw_print(&l.j);
    } else {
        out_print(&l.b);
    }

    buf_free(&l.j.b);
    buf_free(&l.b);

    if (l.locked > 0) {
        fprintf(stderr, "metactl: %zu are locked: put the key that sealed them"
                " back into token_key_file,\nor let their owners log in"
                " again\n", l.locked);
    }

    return l.locked > 0 ? CTL_FINDING : CTL_GOOD;
}


static void show_field(struct buf *out, const char *field, struct str value)
{
    char       date[TIME_MAX];
    long long  ms = 0;
    size_t     i;
    static const char *const  times[] = {
        "issued", "expires", "data_expires", "checked", "refreshed"
    };

    out_pad(out, STR(field), 14);

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        if (strcmp(field, times[i]) == 0) {
            ms = strtoll(value.at, NULL, 10);
            value = ms == TOKEN_NEVER ? STR("never")
                    : STR(time_date(date, ms));
        }
    }

    out_safe(out, value);
    buf_text(out, "\n");
}


static void show_text(struct ctl *c, const struct row *r)
{
    char         mark[TOKEN_MARK_MAX];
    size_t       i;
    struct buf   b, value;
    const char  *field, *text = row_mark(mark, r->t);

    buf_init(&b, (size_t) -1);
    show_field(&b, "name", STR(r->known->name));

    for (i = 0; (field = token_field(i)) != NULL; i++) {
        buf_init(&value, TOKEN_TARGETS_MAX);
        if (strcmp(field, "state") == 0) {
            buf_text(&value, row_state(r, time_now()));
        } else if (!token_get(r->known, field, &value)) {
            continue;
        }
        buf_add(&value, "", 1);
        show_field(&b, field, (struct str) { value.at, value.len - 1 });
        buf_free(&value);
    }

    show_field(&b, "mark", STR(text != NULL ? text : "-"));
    if (r->known->of == NULL && r->known->key != 0) {
        out_color(c, &b, 'y');
        buf_text(&b, "It is sealed by an older key: metactl token rekey\n");
        out_color(c, &b, 0);
    }
    out_print(&b);
}


/* run_token_show: all fields of one; of the store first, where both have it */
int run_token_show(struct ctl *c)
{
    struct row      r;
    struct listing  l = { .c = c, .now = time_now() };

    ctl_store(c);
    r.known = ctl_token(c, c->args[0]);
    if (r.known == NULL) {
        ctl_fail(CTL_NOTHING, "there is no token %s; metactl token list",
                 c->args[0]);
    }

    r.t = r.known->of != NULL ? r.known->of : &r.known->as;

    if (c->opts.json) {
        jw_init(&l.j);
        buf_init(&l.b, 0);
        row_json(&l, &r);
        jw_print(&l.j);
    } else {
        show_text(c, &r);
    }

    return CTL_GOOD;
}
