/* Shapes of JSON values as tables say them, and what is wrong with a value. */

#include "schema.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>


#define SCHEMA_DEPTH  16        /* of tables: a carousel's button has 9 */
#define SCHEMA_ID_MAX 40


struct check {
    struct fault  *f;
    bool           values;
    unsigned       depth;
};


static int value_check(struct check *c, const struct json *j,
    const struct member *m, const char *path);


/* adds what there is room for */
static size_t path_add(char out[SCHEMA_PATH_MAX], size_t n, const char *at,
    size_t len)
{
    if (len > SCHEMA_PATH_MAX - 1 - n) {
        len = SCHEMA_PATH_MAX - 1 - n;
    }

    memcpy(out + n, at, len);
    out[n + len] = '\0';

    return n + len;
}


/* schema_join names a member */
void schema_join(char out[SCHEMA_PATH_MAX], const char *path, struct str key)
{
    size_t  n = path_add(out, 0, path, strlen(path));

    n = path_add(out, n, ".", n > 0);
    path_add(out, n, key.at, key.len);
}


/* schema_at names an element */
void schema_at(char out[SCHEMA_PATH_MAX], const char *path, size_t i)
{
    char    number[32];
    size_t  n = path_add(out, 0, path, strlen(path));

    path_add(out, n, number, (size_t) snprintf(number, sizeof(number),
                                               "[%zu]", i));
}


/* schema_characters counts code points */
size_t schema_characters(struct str text)
{
    size_t  i, n = 0;

    for (i = 0; i < text.len; i++) {
        n += ((unsigned char) text.at[i] & 0xc0) != 0x80;
    }

    return n;
}


/* schema_count says what is too many */
int schema_count(size_t n, size_t max, const char *unit, const char *path,
    struct fault *f)
{
    char  limit[48], value[48];

    if (n <= max) {
        return 0;
    }

    snprintf(limit, sizeof(limit), "%zu %s", max, unit);
    snprintf(value, sizeof(value), "%zu %s", n, unit);

    return fault_set(f, path, limit, STR(value), "%zu %s; there may be %zu"
                     " at most", n, unit, max);
}


/* the next {{...}} of a text, with its braces; len 0: none */
static struct str value_find(struct str text)
{
    size_t  i, from = SIZE_MAX;

    for (i = 0; i + 1 < text.len; i++) {
        if (text.at[i] != text.at[i + 1]) {
            continue;
        }

        if (text.at[i] == '{' && from == SIZE_MAX) {
            from = i;
        } else if (text.at[i] == '}' && from != SIZE_MAX) {
            return (struct str) { text.at + from, i + 2 - from };
        }
    }

    return NONE;
}


/* how long it is without what is filled in later */
static size_t text_length(const struct check *c, struct str text,
    enum unit unit)
{
    size_t      n = unit == UNIT_BYTES ? text.len : schema_characters(text);
    struct str  value;

    while (c->values && (value = value_find(text)).len) {
        n -= unit == UNIT_BYTES ? value.len : schema_characters(value);
        text.len -= value.at + value.len - text.at;
        text.at = value.at + value.len;
    }

    return n;
}


static int words_check(struct check *c, struct str text,
    const struct member *m, const char *path)
{
    size_t      i;
    struct buf  b;

    buf_init(&b, (size_t) -1);     /* the fault cuts it */

    for (i = 0; m->words[i] != NULL; i++) {
        if (str_is(text, m->words[i])) {
            buf_free(&b);
            return 0;
        }
        buf_text(&b, i ? ", " : "");
        buf_text(&b, m->words[i]);
    }

    buf_add(&b, "", 1);
    fault_set(c->f, path, b.at, text, "must be one of: %s", b.at);
    buf_free(&b);

    return -1;
}


static int text_check(struct check *c, const struct json *j,
    const struct member *m, const char *path)
{
    size_t       n;
    char         limit[48];
    const char  *unit = m->unit == UNIT_BYTES ? "bytes" : "characters";

    if (!json_is(j, JSON_STRING)) {
        return fault_set(c->f, path, NULL, json_text(j), "must be a text; a"
                         " number is written in quotes");
    }

    if (j->text.len == 0) {
        return m->empty ? 0 : fault_set(c->f, path, NULL, NONE, "is empty");
    }

    if (memchr(j->text.at, '\0', j->text.len) != NULL) {
        return fault_set(c->f, path, NULL, NONE, "holds a zero byte");
    }

    n = text_length(c, j->text, m->unit);

    if (m->min && n < (size_t) m->min && !value_find(j->text).len) {
        snprintf(limit, sizeof(limit), "%lld %s", m->min, unit);
        return fault_set(c->f, path, limit, j->text, "must have %lld %s at"
                         " least", m->min, unit);
    }

    if (m->max && schema_count(n, (size_t) m->max, unit, path, c->f) != 0) {
        return -1;
    }

    return m->words != NULL ? words_check(c, j->text, m, path) : 0;
}


static int url_check(struct check *c, const struct json *j,
    const struct member *m, const char *path)
{
    size_t      i;
    struct str  text;

    if (text_check(c, j, m, path) != 0) {
        return -1;
    }

    text = j->text;
    if (!(text.len > 8 && memcmp(text.at, "https://", 8) == 0)
        && !(text.len > 7 && memcmp(text.at, "http://", 7) == 0))
    {
        return fault_set(c->f, path, NULL, text, "must be a whole URL,"
                         " https://...");
    }

    for (i = 0; i < text.len; i++) {
        if ((unsigned char) text.at[i] <= ' ') {
            return fault_set(c->f, path, NULL, text, "holds white space");
        }
    }

    return 0;
}


static int id_check(struct check *c, const struct json *j,
    const struct member *m, const char *path)
{
    char        limit[32];
    size_t      max = m->max ? (size_t) m->max : SCHEMA_ID_MAX;
    struct str  id = json_text(j);

    if (str_digits(id) && id.len <= max) {
        return 0;
    }

    snprintf(limit, sizeof(limit), "%zu digits", max);

    return fault_set(c->f, path, limit, id, "must be an id of 1 to %zu"
                     " digits", max);
}


/* of a number, or of a text that is one as JSON writes it */
static struct str number_text(const struct json *j)
{
    return json_is(j, JSON_NUMBER) || json_is(j, JSON_STRING) ? j->text
           : NONE;
}


static int integer_check(struct check *c, const struct json *j,
    const struct member *m, const char *path)
{
    char        copy[24], limit[64];
    bool        minus;
    long long   n;
    struct str  text = number_text(j), digits;

    minus = text.len && *text.at == '-';
    digits = (struct str) { text.at + minus, text.len - minus };

    if (!str_digits(digits) || digits.len > 18) {
        return fault_set(c->f, path, NULL, text, "must be a whole number");
    }

    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    n = strtoll(copy, NULL, 10);

    if (n >= m->min && (m->max == 0 || n <= m->max)) {
        return 0;
    }

    snprintf(limit, sizeof(limit), m->max ? "%lld to %lld" : "at least %lld",
             m->min, m->max);

    return fault_set(c->f, path, limit, text, "must be %s", limit);
}


static int number_check(struct check *c, const struct json *j,
    const struct member *m, const char *path)
{
    char        copy[40], limit[64], *end;
    double      n;
    struct str  text = number_text(j);

    if (text.len >= sizeof(copy)) {
        return fault_set(c->f, path, NULL, text, "must be a number");
    }

    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    n = strtod(copy, &end);

    /* strtod knows more than JSON: white space, "0x10", "inf" */
    if (end == copy || end != copy + text.len
        || strspn(copy, "+-.0123456789eE") != text.len)
    {
        return fault_set(c->f, path, NULL, text, "must be a number");
    }

    if (m->max == 0 || (n >= (double) m->min && n <= (double) m->max)) {
        return 0;
    }

    snprintf(limit, sizeof(limit), "%lld to %lld", m->min, m->max);

    return fault_set(c->f, path, limit, text, "must be %s", limit);
}


static int list_check(struct check *c, const struct json *j,
    const struct member *m, const char *path)
{
    char                at[SCHEMA_PATH_MAX], limit[48];
    size_t              n = 0;
    const struct json  *e;

    if (!json_is(j, JSON_ARRAY)) {
        return fault_set(c->f, path, NULL, NONE, "must be a list");
    }

    for (e = j->child; e != NULL; e = e->next) {
        n++;
    }

    if (n == 0 && !m->empty) {
        return fault_set(c->f, path, NULL, NONE, "is an empty list");
    }

    if (n < (size_t) m->min) {
        snprintf(limit, sizeof(limit), "%lld elements", m->min);
        return fault_set(c->f, path, limit, NONE, "must have %lld elements"
                         " at least", m->min);
    }

    if (m->max
        && schema_count(n, (size_t) m->max, "elements", path, c->f) != 0)
    {
        return -1;
    }

    for (n = 0, e = j->child; e != NULL && m->item != NULL; e = e->next) {
        schema_at(at, path, n++);
        if (value_check(c, e, m->item, at) != 0) {
            return -1;
        }
    }

    return 0;
}


static const struct member *member_find(const struct schema *s,
    struct str name)
{
    size_t  i;

    for (i = 0; i < s->n; i++) {
        if (str_is(name, s->members[i].name)) {
            return &s->members[i];
        }
    }

    return NULL;
}


/* each member that stands there: it is known, once there, and good */
static int members_check(struct check *c, const struct json *j,
    const struct schema *s, const char *path)
{
    char                  full[SCHEMA_PATH_MAX];
    const struct json    *e, *same;
    const struct member  *m;

    for (e = j->child; e != NULL; e = e->next) {
        schema_join(full, path, e->key);
        m = member_find(s, e->key);

        if (m == NULL) {
            if (s->open) {
                continue;
            }
            return fault_set(c->f, full, NULL, e->key, "unknown parameter");
        }

        for (same = j->child; same != e; same = same->next) {
            if (str_equal(same->key, e->key)) {
                return fault_set(c->f, full, NULL, e->key,
                                 "stands there twice");
            }
        }

        if (value_check(c, e, m, full) != 0) {
            return -1;
        }
    }

    return 0;
}


/* exactly one of a group, whose first member is first */
static int group_check(struct check *c, const struct json *j,
    const struct schema *s, size_t first, const char *path)
{
    size_t      i, n = 0;
    struct buf  b;

    buf_init(&b, (size_t) -1);     /* the fault cuts it */

    for (i = first; i < s->n; i++) {
        if (s->members[i].one_of == s->members[first].one_of) {
            n += json_get(j, s->members[i].name) != NULL;
            buf_text(&b, b.len ? ", " : "");
            buf_text(&b, s->members[i].name);
        }
    }

    buf_add(&b, "", 1);
    if (n != 1) {
        fault_set(c->f, path, NULL, NONE, n ? "exactly one of these: %s"
                  : "needs one of these: %s", b.at);
    }
    buf_free(&b);

    return n == 1 ? 0 : -1;
}


static int object_check(struct check *c, const struct json *j,
    const struct schema *s, const char *path)
{
    char                  full[SCHEMA_PATH_MAX];
    size_t                i;
    unsigned              seen = 0;
    const struct member  *m;

    if (!json_is(j, JSON_OBJECT)) {
        return fault_set(c->f, path, NULL, NONE, "must be an object");
    }

    if (s == NULL) {
        return 0;
    }

    if (members_check(c, j, s, path) != 0) {
        return -1;
    }

    for (i = 0; i < s->n; i++) {
        m = &s->members[i];

        if (m->needed && json_get(j, m->name) == NULL) {
            schema_join(full, path, STR(m->name));
            return fault_set(c->f, full, NULL, NONE, "is missing");
        }

        if (m->one_of && !(seen & 1u << m->one_of)) {
            seen |= 1u << m->one_of;
            if (group_check(c, j, s, i, path) != 0) {
                return -1;
            }
        }
    }

    return 0;
}


/* which of several kinds it is; NULL: none, and the fault says which there
   are */
static const struct choice *choice_of(struct check *c, const struct json *j,
    const struct member *m, const char *path)
{
    char                  full[SCHEMA_PATH_MAX];
    struct buf            b;
    struct str            text = json_get_text(j, m->by);
    const struct choice  *choice;

    buf_init(&b, (size_t) -1);     /* the fault cuts it */

    for (choice = m->choices; choice->word != NULL; choice++) {
        if (strlen(choice->word) == text.len
            && strncasecmp(choice->word, text.at, text.len) == 0)
        {
            buf_free(&b);
            return choice;
        }
        buf_text(&b, b.len ? ", " : "");
        buf_text(&b, choice->word);
    }

    buf_add(&b, "", 1);
    schema_join(full, path, STR(m->by));
    fault_set(c->f, full, b.at, text, json_get(j, m->by) == NULL
              ? "is missing; it is one of: %s" : "must be one of: %s", b.at);
    buf_free(&b);

    return NULL;
}


static int choice_check(struct check *c, const struct json *j,
    const struct member *m, const char *path)
{
    const struct choice  *choice;

    if (!json_is(j, JSON_OBJECT)) {
        return fault_set(c->f, path, NULL, NONE, "must be an object");
    }

    choice = choice_of(c, j, m, path);
    if (choice == NULL || object_check(c, j, choice->of, path) != 0) {
        return -1;
    }

    return choice->whole != NULL ? choice->whole(j, path, c->f) : 0;
}


static int shape_check(struct check *c, const struct json *j,
    const struct member *m, const char *path)
{
    switch (m->shape) {
    case SHAPE_TEXT:
        return text_check(c, j, m, path);
    case SHAPE_URL:
        return url_check(c, j, m, path);
    case SHAPE_ID:
        return id_check(c, j, m, path);
    case SHAPE_INTEGER:
        return integer_check(c, j, m, path);
    case SHAPE_NUMBER:
        return number_check(c, j, m, path);
    case SHAPE_LIST:
        return list_check(c, j, m, path);
    case SHAPE_OBJECT:
        return m->by != NULL ? choice_check(c, j, m, path)
               : object_check(c, j, m->of, path);
    case SHAPE_BOOL:
        return json_is(j, JSON_TRUE) || json_is(j, JSON_FALSE) ? 0
               : fault_set(c->f, path, NULL, json_text(j),
                           "must be true or false");
    case SHAPE_ANY:
        break;
    }

    return 0;
}


static int value_check(struct check *c, const struct json *j,
    const struct member *m, const char *path)
{
    int  rc;

    if (c->values && json_is(j, JSON_STRING) && value_find(j->text).len
        && (m->shape != SHAPE_TEXT || m->words != NULL))
    {
        return 0;       /* it is judged when it is filled in */
    }

    if (++c->depth > SCHEMA_DEPTH) {
        return fault_set(c->f, path, NULL, NONE, "is nested too deep");
    }

    rc = shape_check(c, j, m, path);
    c->depth--;

    return rc != 0 || m->whole == NULL ? rc : m->whole(j, path, c->f);
}


/* schema_check judges a value by its table */
int schema_check(const struct json *j, const struct member *m,
    const char *path, bool values, struct fault *f)
{
    struct check  c = { .f = f, .values = values };

    return value_check(&c, j, m, path);
}


/* "reply.title" of an element */
static struct str text_of(const struct json *j, const char *name)
{
    char         outer[32];
    const char  *dot = strchr(name, '.');

    if (dot == NULL || (size_t) (dot - name) >= sizeof(outer)) {
        return json_get_text(j, name);
    }

    memcpy(outer, name, dot - name);
    outer[dot - name] = '\0';

    return json_get_text(json_get(j, outer), dot + 1);
}


/* schema_unique says which text stands there twice */
int schema_unique(const struct json *list, const char *name,
    const char *path, struct fault *f)
{
    char                at[SCHEMA_PATH_MAX], full[SCHEMA_PATH_MAX];
    size_t              n = 0;
    struct str          text;
    const struct json  *a, *b;

    for (a = list->child; a != NULL; a = a->next, n++) {
        text = text_of(a, name);

        for (b = list->child; b != a && text.len; b = b->next) {
            if (str_equal(text, text_of(b, name))) {
                schema_at(at, path, n);
                schema_join(full, at, STR(name));
                return fault_set(f, full, NULL, text, "stands there twice;"
                                 " no two may be the same");
            }
        }
    }

    return 0;
}
