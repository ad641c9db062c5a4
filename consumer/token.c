/* A token: its name, its fields, and who holds it. */

#include "token_own.h"

#include "meta/meta_state.h"

#include <stdio.h>
#include <stdlib.h>


#define ID_MAX     32
#define TITLE_MAX  256

enum field_type {
    FIELD_ID,           /* digits */
    FIELD_TEXT,         /* cut, and made harmless */
    FIELD_REF,
    FIELD_NAME,
    FIELD_WORDS,        /* of scopes */
    FIELD_LINKS,
    FIELD_JSON,
    FIELD_TIME,
    FIELD_NUMBER,
    FIELD_TRUTH,
    FIELD_STATE
};

#define AT(member)  offsetof(struct token, member)


/* plan: docs/tokens.md, meta:token:NAME */
static const struct field {
    const char       *name;
    enum field_type   type;
    size_t            offset;
    size_t            max;
    bool              conf;     /* of one of the configuration it is known */
} fields[] = {
    { "account", FIELD_ID, AT(as.id), ID_MAX, true },
    { "waba", FIELD_ID, AT(as.waba), ID_MAX, true },
    { "instagram", FIELD_ID, AT(as.instagram), ID_MAX, false },
    { "tenant", FIELD_REF, AT(as.tenant), META_REF_MAX, true },
    { "default", FIELD_TRUTH, AT(as.fallback), 1, true },
    { "app", FIELD_ID, AT(app), ID_MAX, false },
    { "user", FIELD_ID, AT(user), ID_MAX, false },
    { "title", FIELD_TEXT, AT(title), TITLE_MAX, false },
    { "parent", FIELD_NAME, AT(parent), TOKEN_NAME_MAX - 1, false },
    { "scopes", FIELD_WORDS, AT(scopes), TOKEN_SCOPES_MAX, false },
    { "targets", FIELD_JSON, AT(targets), TOKEN_TARGETS_MAX, false },
    { "links", FIELD_LINKS, AT(links), TOKEN_LINKS_MAX, false },
    { "missing", FIELD_WORDS, AT(missing), TOKEN_SCOPES_MAX, false },
    { "from", FIELD_WORDS, AT(from), 16, true },
    { "issued", FIELD_TIME, AT(issued), 20, false },
    { "expires", FIELD_TIME, AT(expires), 20, false },
    { "data_expires", FIELD_TIME, AT(data_expires), 20, false },
    { "checked", FIELD_TIME, AT(checked), 20, false },
    { "refreshed", FIELD_TIME, AT(refreshed), 20, false },
    { "put", FIELD_NUMBER, AT(put), 20, false },
    { "retry", FIELD_NUMBER, AT(retry), 20, false },
    { "tries", FIELD_NUMBER, AT(tries), 20, false },
    { "state", FIELD_STATE, AT(lost), 8, false },
    { "code", FIELD_NUMBER, AT(code), 20, false },
    { "subcode", FIELD_NUMBER, AT(subcode), 20, false },
};

#define FIELDS  (sizeof(fields) / sizeof(fields[0]))


static const struct field *field_find(const char *name)
{
    size_t  i;

    for (i = 0; i < FIELDS; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return &fields[i];
        }
    }

    return NULL;
}


/* token_field: the name of each in turn, NULL: no more */
const char *token_field(size_t i)
{
    return i < FIELDS ? fields[i].name : NULL;
}


/* token_field_conf: what the configuration says of its own tokens */
bool token_field_conf(const char *name)
{
    const struct field  *f = field_find(name);

    return f == NULL || f->conf;
}


/* the kind that a name begins with; TOKEN_KINDS: none does */
static enum token_kind name_kind(struct str name, struct str *id)
{
    int          kind;
    size_t       n;
    const char  *word;

    for (kind = 0; kind < TOKEN_KINDS; kind++) {
        word = token_kind_name((enum token_kind) kind);
        n = strlen(word);

        if (name.len > n + 1 && memcmp(name.at, word, n) == 0
            && name.at[n] == ':')
        {
            *id = (struct str) { name.at + n + 1, name.len - n - 1 };
            return (enum token_kind) kind;
        }
    }

    return TOKEN_KINDS;
}


/* token_apart: both are somebody's, and not the same one's */
bool token_apart(const struct token *a, const struct token *b)
{
    return a->as.tenant != NULL && b->as.tenant != NULL
           && strcmp(a->as.tenant, b->as.tenant) != 0;
}


/* token_name writes "KIND:ID" */
const char *token_name(char out[TOKEN_NAME_MAX], enum token_kind kind,
    struct str id)
{
    snprintf(out, TOKEN_NAME_MAX, "%s:%.*s", token_kind_name(kind),
             (int) (id.len < ID_MAX ? id.len : ID_MAX), id.at);

    return out;
}


/* token_name_good: "KIND:ID" with an id of digits */
bool token_name_good(struct str name)
{
    struct str  id;

    return name_kind(name, &id) != TOKEN_KINDS && str_digits(id)
           && id.len <= ID_MAX;
}


/* token_conf_name says whose of the configuration it is */
const char *token_conf_name(char out[TOKEN_NAME_MAX],
    const struct conf_token *t)
{
    snprintf(out, TOKEN_NAME_MAX, "conf:%s:%s%.*s",
             token_kind_name((enum token_kind) t->kind),
             t->id == NULL && t->waba != NULL ? "waba-" : "", ID_MAX,
             t->id != NULL ? t->id : t->waba != NULL ? t->waba : "default");

    return out;
}


/* token_make: by any name, for those who know that it is good */
struct token *token_make(enum token_kind kind, struct str name)
{
    struct token  *t = mem_alloc(sizeof(*t));

    t->refs = 1;
    t->name = mem_copy(name.at, name.len);
    t->as.kind = (int) kind;
    t->as.lane = t->name;
    t->as.stored = t;
    t->issued = t->expires = t->data_expires = TOKEN_UNKNOWN;

    return t;
}


/* token_new makes one of the store */
struct token *token_new(struct str name)
{
    struct str  id;

    if (!token_name_good(name)) {
        return NULL;
    }

    return token_make(name_kind(name, &id), name);
}


static char **text_of(const struct token *t, const struct field *f)
{
    return (char **) ((char *) t + f->offset);
}


static bool is_text(const struct field *f)
{
    return f->type < FIELD_TIME;
}


/* token_copy: all of it but who holds it */
struct token *token_copy(const struct token *t)
{
    size_t         i;
    char         **to;
    const char    *from;
    struct token  *copy = token_make((enum token_kind) t->as.kind,
                                     STR(t->name));

    for (i = 0; i < FIELDS; i++) {
        if (is_text(&fields[i])) {
            to = text_of(copy, &fields[i]);
            from = *text_of(t, &fields[i]);
            *to = from != NULL ? mem_copy(from, strlen(from)) : NULL;
        }
    }

    copy->as.fallback = t->as.fallback;
    copy->as.secret = t->as.secret != NULL
                      ? mem_copy(t->as.secret, strlen(t->as.secret)) : NULL;
    copy->sealed = t->sealed != NULL ? mem_copy(t->sealed, strlen(t->sealed))
                   : NULL;
    copy->key = t->key;
    copy->issued = t->issued;
    copy->expires = t->expires;
    copy->data_expires = t->data_expires;
    copy->checked = t->checked;
    copy->refreshed = t->refreshed;
    copy->put = t->put;
    copy->retry = t->retry;
    copy->tries = t->tries;
    copy->lost = t->lost;
    copy->code = t->code;
    copy->subcode = t->subcode;

    return copy;
}


/* token_of_conf: state and links may be noted of it, the rest is as it says */
struct token *token_of_conf(struct conf *conf, const struct conf_token *own,
    const char *name, const struct token *was)
{
    struct token  *t;
    const char    *from = own->env != NULL ? "env" : "file";
    struct str     none = NONE;

    t = was != NULL ? token_copy(was)
        : token_make((enum token_kind) own->kind, STR(name));

    t->of = own;
    t->conf = conf_hold(conf);
    token_set(t, "account", own->id != NULL ? STR(own->id) : none);
    token_set(t, "waba", own->waba != NULL ? STR(own->waba) : none);
    token_set(t, "tenant", own->tenant != NULL ? STR(own->tenant) : none);
    token_set(t, "from", STR(from));
    if (own->instagram != NULL) {
        token_set(t, "instagram", STR(own->instagram));
    }
    t->as.fallback = own->fallback;

    return t;
}


static void token_end(struct token *t)
{
    size_t  i;

    for (i = 0; i < FIELDS; i++) {
        if (is_text(&fields[i])) {
            free(*text_of(t, &fields[i]));
        }
    }

    mem_wipe(t->as.secret);
    conf_drop(t->conf);
    free(t->sealed);
    free(t->wabas);
    free(t->lane);
    free(t->name);
    free(t);
}


/* token_free gives a reference back */
void token_free(struct token *t)
{
    if (t != NULL && --t->refs == 0) {
        token_end(t);
    }
}


/* token_app: the literal of section 2.9 of meta-graph-oauth-ads-capi.md */
const struct conf_token *token_app(const struct conf_app *app)
{
    struct buf     b;
    struct token  *t;
    char           name[TOKEN_NAME_MAX];

    if (app == NULL || app->secret == NULL) {
        return NULL;
    }

    buf_init(&b, (size_t) -1);
    buf_format(&b, "%s|%s", app->id, app->secret);
    buf_add(&b, "", 1);

    t = token_make(TOKEN_APP, STR(token_name(name, TOKEN_APP, STR(app->id))));
    t->as.secret = b.at;

    return &t->as;
}


static bool words_good(struct str s)
{
    size_t  i;
    char    c;

    for (i = 0; i < s.len; i++) {
        c = s.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '_' || c == ',' || c == '.'
              || c == '-' || c == '/'))
        {
            return false;
        }
    }

    return true;
}


static bool links_good(struct str s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if ((s.at[i] < '0' || s.at[i] > '9') && s.at[i] != ',') {
            return false;
        }
    }

    return true;
}


/* what others wrote: whole characters, and none that steers */
static char *text_harmless(struct str s)
{
    size_t       n;
    struct str   rest;
    struct buf   b;

    buf_init(&b, TITLE_MAX + 1);

    for (rest = s; rest.len > 0 && !b.over; rest.at += n, rest.len -= n) {
        n = json_utf8(rest);
        if (n == 0 || json_steers(rest, n) || b.len + n > TITLE_MAX) {
            if (n != 0 && b.len + n > TITLE_MAX) {
                break;
            }
            n = n ? n : 1;
            continue;
        }
        buf_add(&b, rest.at, n);
    }

    buf_add(&b, "", 1);

    return b.at;
}


/* integers of up to 18 digits */
static bool number_read(struct str s, int64_t *n)
{
    size_t   i;
    bool     minus = s.len > 0 && s.at[0] == '-';
    int64_t  value = 0;

    if (s.len == (size_t) minus || s.len > 18) {
        return false;
    }

    for (i = minus; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9') {
            return false;
        }
        value = value * 10 + s.at[i] - '0';
    }

    *n = minus ? -value : value;

    return true;
}


static const char *set_text(struct token *t, const struct field *f,
    struct str v)
{
    char             **to = text_of(t, f);
    const char        *why = NULL;
    const meta_str_t   ref = { (const unsigned char *) v.at, v.len };

    switch (f->type) {
    case FIELD_ID:
        why = str_digits(v) ? NULL : "must be digits";
        break;
    case FIELD_REF:
        why = meta_ref_good(ref) && memchr(v.at, '\0', v.len) == NULL
              && json_all_utf8(v) ? NULL
              : "must be text without control characters";
        break;
    case FIELD_NAME:
        why = token_name_good(v) ? NULL : "must be KIND:ID";
        break;
    case FIELD_WORDS:
        why = words_good(v) ? NULL : "must be words with commas";
        break;
    case FIELD_LINKS:
        why = links_good(v) ? NULL : "must be ids with commas";
        break;
    case FIELD_JSON:
        why = json_valid(v.at, v.len) && memchr(v.at, '\0', v.len) == NULL
              ? NULL : "must be JSON";
        break;
    default:
        break;
    }

    if (why == NULL) {
        free(*to);
        *to = f->type == FIELD_TEXT ? text_harmless(v)
              : mem_copy(v.at, v.len);
    }

    return why;
}


static const char *set_number(struct token *t, const struct field *f,
    struct str v)
{
    int64_t  n;
    void    *to = (char *) t + f->offset;

    if (!number_read(v, &n)) {
        return "must be an integer";
    }

    switch (f->type) {
    case FIELD_TRUTH:
        *(bool *) to = n != 0;
        break;
    case FIELD_NUMBER:
        *(long long *) to = n;
        break;
    default:
        *(int64_t *) to = n < TOKEN_UNKNOWN ? TOKEN_UNKNOWN : n;
    }

    return NULL;
}


/* empty: as if it had never been said */
static const char *set_none(struct token *t, const struct field *f)
{
    char  **text = text_of(t, f);

    if (is_text(f)) {
        free(*text);
        *text = NULL;
        return NULL;
    }

    if (f->type == FIELD_STATE) {
        t->lost = false;
        return NULL;
    }

    return set_number(t, f, STR(f->type == FIELD_TIME
                                && f->offset != AT(checked)
                                && f->offset != AT(refreshed) ? "-1" : "0"));
}


/* token_set: NULL, or what is wrong */
const char *token_set(struct token *t, const char *field, struct str v)
{
    const struct field  *f = field_find(field);

    if (f == NULL) {
        return "is no field of a token";
    }

    if (v.len == 0) {
        return set_none(t, f);
    }

    if (v.len > f->max && f->type != FIELD_TEXT) {
        return "is too long";
    }

    if (is_text(f)) {
        return set_text(t, f, v);
    }

    if (f->type == FIELD_STATE) {
        t->lost = str_is(v, "lost");
        return t->lost || str_is(v, "good") ? NULL : "must be good or lost";
    }

    return set_number(t, f, v);
}


/* token_set_int: of times and numbers */
const char *token_set_int(struct token *t, const char *field, int64_t value)
{
    char  text[24];

    snprintf(text, sizeof(text), "%lld", (long long) value);

    return token_set(t, field, STR(text));
}


/* token_set_secret: visible ASCII, for it goes into a header */
const char *token_set_secret(struct token *t, struct str secret)
{
    size_t  i;

    if (secret.len == 0 || secret.len > TOKEN_SECRET_MAX) {
        return secret.len == 0 ? "is empty" : "is longer than 4096 bytes";
    }

    for (i = 0; i < secret.len; i++) {
        if (secret.at[i] <= ' ' || secret.at[i] > '~') {
            return "must be one line without spaces or control characters";
        }
    }

    mem_wipe(t->as.secret);
    t->as.secret = mem_copy(secret.at, secret.len);

    return NULL;
}


/* token_get: times of which nothing is known are no text */
bool token_get(const struct token *t, const char *field, struct buf *out)
{
    int64_t              n;
    const struct field  *f = field_find(field);
    const void          *at;

    if (f == NULL) {
        return false;
    }

    at = (const char *) t + f->offset;

    if (is_text(f)) {
        if (*text_of(t, f) != NULL) {
            buf_text(out, *text_of(t, f));
        }
        return *text_of(t, f) != NULL;
    }

    if (f->type == FIELD_STATE) {
        buf_text(out, t->lost ? "lost" : "good");
        return true;
    }

    n = f->type == FIELD_TRUTH ? *(const bool *) at
        : f->type == FIELD_NUMBER ? *(const long long *) at
        : *(const int64_t *) at;

    if (n == (f->type == FIELD_TIME && f->offset != AT(checked)
              && f->offset != AT(refreshed) ? TOKEN_UNKNOWN : 0))
    {
        return false;
    }

    buf_format(out, "%lld", (long long) n);

    return true;
}


static void event_text(struct buf *b, const char *key, const char *text)
{
    buf_format(b, ",\"%s\":", key);

    if (text != NULL) {
        json_quote(b, STR(text));
    } else {
        buf_text(b, "null");
    }
}


/* token_event: never the token itself */
void token_event(struct buf *b, const struct token *t, const char *event)
{
    struct str  one, scopes = str_or_none(t->scopes);

    buf_format(b, "{\"v\":1,\"event\":\"%s\"", event);
    event_text(b, "ref", t->as.tenant);
    event_text(b, "kind", token_kind_name((enum token_kind) t->as.kind));
    event_text(b, "account", t->as.id);
    event_text(b, "waba", t->as.waba);
    event_text(b, "name", t->title);
    buf_text(b, ",\"scopes\":[");

    while (list_next(&scopes, &one)) {
        buf_text(b, b->at[b->len - 1] == '[' ? "" : ",");
        json_quote(b, one);
    }

    buf_text(b, "]}");
}
