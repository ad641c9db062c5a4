/* A change of WhatsApp with several elements as so many records, each as the
   edge would have written it had its element come alone (docs/queue.md). */

#include "decode.h"
#include "view.h"

#include <stdlib.h>


/* of all of them together: they go to Redis in one call, and stand there
   instead of the one; what they share is small in all that Meta sends */
#define EACH_BYTES_MAX  (16 * 1024 * 1024)
#define EACH_TIMES      4
#define EACH_MORE       (1024 * 1024)

/* contract 4: the edge writes no longer one */
#define EACH_ID_MAX     512
#define EACH_PIECES     64


enum piece_kind {
    PIECE_OPEN,         /* an object begins, which is pieces itself */
    PIECE_CLOSE,
    PIECE_MEMBER,       /* as it is */
    PIECE_ID,
    PIECE_KEY,
    PIECE_TIME,
    PIECE_ELEMENTS,     /* the array, if the element is one of it */
    PIECE_CONTACTS      /* of its person */
};

struct piece {
    enum piece_kind  kind;
    struct str       name;      /* quoted, as it stands there */
    struct str       value;
    size_t           from;      /* of PIECE_ELEMENTS: its first element */
    size_t           n;
};

/* an element of an array as it stands there */
struct span {
    const struct json  *json;
    struct str          bytes;
};

struct each {
    const struct record  *r;
    const struct json    *value;
    const struct json    *holder;   /* of the arrays */
    struct piece          pieces[EACH_PIECES];
    size_t                npieces;
    struct span          *elements; /* in the order of the events */
    size_t                nelements;
    struct span          *contacts;
    size_t                ncontacts;
    bool                  failed;   /* it stays whole */
};


static struct str string_end(struct str rest)
{
    size_t  i;

    for (i = 1; i < rest.len && rest.at[i] != '"'; i++) {
        i += rest.at[i] == '\\';
    }

    i = i < rest.len ? i + 1 : rest.len;

    return (struct str) { rest.at + i, rest.len - i };
}


/* yajl takes more for white space than JSON does */
static bool is_between(char c)
{
    return (unsigned char) c <= ' ' || c == ',' || c == ':';
}


static struct str str_after(struct str s)
{
    return (struct str) { s.at + 1, s.len - 1 };
}


/* behind the object or array that s begins with */
static struct str nested_end(struct str s)
{
    size_t  depth = 0;

    do {
        if (*s.at == '"') {
            s = string_end(s);
            continue;
        }

        depth += *s.at == '{' || *s.at == '[';
        depth -= *s.at == '}' || *s.at == ']';
        s = str_after(s);
    } while (depth > 0 && s.len);

    return s;
}


/* the next name or value of what is known to be JSON */
static struct str next_span(struct str *rest)
{
    struct str  s, from;

    for (s = *rest; s.len && is_between(*s.at); s = str_after(s)) { }

    from = s;
    if (s.len && *s.at == '"') {
        s = string_end(s);

    } else if (s.len && (*s.at == '{' || *s.at == '[')) {
        s = nested_end(s);

    } else {
        while (s.len && !is_between(*s.at) && *s.at != '}' && *s.at != ']') {
            s = str_after(s);
        }
    }

    *rest = s;

    return (struct str) { from.at, (size_t) (s.at - from.at) };
}


static struct piece *piece_add(struct each *x, enum piece_kind kind,
    struct str name, struct str value)
{
    struct piece  *piece;

    if (x->npieces == EACH_PIECES) {
        x->failed = true;
        return &x->pieces[0];
    }

    piece = &x->pieces[x->npieces++];
    *piece = (struct piece) { .kind = kind, .name = name, .value = value };

    return piece;
}


/* where the elements of an array are; to has room for them */
static size_t spans(struct span *to, const struct json *list, struct str bytes)
{
    size_t              n = 0;
    const struct json  *j;

    bytes = str_after(bytes);
    for (j = list->child; j != NULL; j = j->next) {
        to[n++] = (struct span) { .json = j, .bytes = next_span(&bytes) };
    }

    return n;
}


static size_t count(const struct json *list)
{
    size_t              n = 0;
    const struct json  *j;

    for (j = list->child; j != NULL; j = j->next) {
        n++;
    }

    return n;
}


/* before which of the events those of the array stand: they were read in the
   order of the rows */
static size_t elements_before(const struct each *x, const struct json *list)
{
    size_t                    n = 0;
    const struct json        *other;
    const struct decode_row  *row;

    for (row = decode_whatsapp_arrays; row->name != NULL; row++) {
        other = json_get(x->holder, row->name);
        if (other == list) {
            break;
        }
        n += json_is(other, JSON_ARRAY) ? count(other) : 0;
    }

    return n;
}


static void elements(struct each *x, const struct json *list, struct str name,
    struct str bytes)
{
    size_t         n = count(list), from = elements_before(x, list);
    struct piece  *piece = piece_add(x, PIECE_ELEMENTS, name, NONE);

    piece->from = from;
    piece->n = n;
    x->nelements += n;

    if (from + n > x->r->nevents) {
        x->failed = true;
        return;
    }

    spans(x->elements + from, list, bytes);
}


static void contacts(struct each *x, const struct json *list, struct str name,
    struct str bytes)
{
    size_t  n = count(list);

    if (n > RECORD_EVENTS_MAX) {
        x->failed = true;
        return;
    }

    free(x->contacts);
    x->contacts = mem_alloc((n + 1) * sizeof(*x->contacts));
    x->ncontacts = spans(x->contacts, list, bytes);
    piece_add(x, PIECE_CONTACTS, name, NONE);
}


static bool is_object_of(const struct each *x, const struct json *j)
{
    return json_is(j, JSON_OBJECT)
           && (j == x->r->event || j == x->value || j == x->holder);
}


/* of members of one name only the last one was read */
static bool is_read(const struct json *member)
{
    const struct json  *j;

    for (j = member->next; j != NULL; j = j->next) {
        if (str_equal(j->key, member->key)) {
            return false;
        }
    }

    return true;
}


/* one of the holder's, which the elements do not share; false: it is as all
   others */
static bool own_member(struct each *x, const struct json *j, struct str name,
    struct str value)
{
    bool  list = decode_find(decode_whatsapp_arrays, j->key) != NULL;

    if (!json_is(j, JSON_ARRAY) || (!list && !str_is(j->key, "contacts"))) {
        return false;
    }

    if (is_read(j)) {
        (list ? elements : contacts)(x, j, name, value);
    }

    return true;
}


static enum piece_kind head_kind(struct str name)
{
    return str_is(name, "\"id\"") ? PIECE_ID
           : str_is(name, "\"key\"") ? PIECE_KEY
           : str_is(name, "\"time\"") ? PIECE_TIME : PIECE_MEMBER;
}


static void members(struct each *x, const struct json *object,
    struct str bytes)
{
    bool                 root = object == json_root(x->r->doc);
    struct str           name, value;
    const struct json   *j;

    bytes = str_after(bytes);
    for (j = object->child; j != NULL && !x->failed; j = j->next) {
        name = next_span(&bytes);
        value = next_span(&bytes);
        x->failed |= value.len == 0;

        if (is_object_of(x, j)) {
            piece_add(x, PIECE_OPEN, name, NONE);
            members(x, j, value);
            piece_add(x, PIECE_CLOSE, NONE, NONE);

        } else if (root) {
            piece_add(x, head_kind(name), name, value);

        } else if (object != x->holder || !own_member(x, j, name, value)) {
            piece_add(x, PIECE_MEMBER, name, value);
        }
    }
}


static const struct span *contact_span(const struct each *x,
    const struct json *contact)
{
    size_t  i;

    for (i = 0; contact != NULL && i < x->ncontacts; i++) {
        if (x->contacts[i].json == contact) {
            return &x->contacts[i];
        }
    }

    return NULL;
}


/* one that is too long gets its place in the whole instead */
static void each_id(const struct each *x, size_t n, struct buf *b)
{
    struct buf  id;

    buf_init(&id, EACH_ID_MAX);
    view_id(&id, x->r, &x->r->events[n]);

    if (id.over || id.len == 0) {
        buf_free(&id);
        buf_init(&id, (size_t) -1);
        buf_str(&id, x->r->id);
        buf_format(&id, "#%zu", n);
    }

    json_quote(b, (struct str) { id.at, id.len });
    buf_free(&id);
}


/* the value of a piece for the n-th event; false: it has no such member */
static bool piece_value(const struct each *x, const struct piece *piece,
    size_t n, struct str key, struct buf *b)
{
    const struct span   *span;
    const struct event  *event = &x->r->events[n];

    switch (piece->kind) {

    case PIECE_ID:
        each_id(x, n, b);
        return true;

    case PIECE_KEY:
        json_quote(b, key);
        return true;

    case PIECE_TIME:
        if (event->time) {
            buf_format(b, "%lld", event->time);
        } else {
            buf_text(b, "null");
        }
        return true;

    case PIECE_ELEMENTS:
    case PIECE_CONTACTS:
        span = piece->kind == PIECE_CONTACTS
               ? contact_span(x, event->contact)
               : n - piece->from < piece->n ? &x->elements[n] : NULL;
        if (span == NULL) {
            return false;
        }
        buf_text(b, "[");
        buf_str(b, span->bytes);
        buf_text(b, "]");
        return true;

    default:
        buf_str(b, piece->value);
        return true;
    }
}


static void each_write(const struct each *x, size_t n, struct str key,
    struct buf *b)
{
    bool                 first = true;
    size_t               i, before;
    const struct piece  *piece;

    buf_text(b, "{");

    for (i = 0; i < x->npieces; i++) {
        piece = &x->pieces[i];
        if (piece->kind == PIECE_CLOSE) {
            buf_text(b, "}");
            first = false;
            continue;
        }

        before = b->len;
        buf_text(b, first ? "" : ",");
        buf_str(b, piece->name);
        buf_text(b, ":");

        if (piece->kind == PIECE_OPEN) {
            buf_text(b, "{");
            first = true;
        } else if (piece_value(x, piece, n, key, b)) {
            first = false;
        } else {
            b->len = before;
        }
    }

    buf_text(b, "}");
}


/* all of them, one behind another */
static struct str *each_records(const struct each *x, size_t len, char **own)
{
    char        *own_keys;
    size_t       i, n = x->r->nevents;
    size_t       max = len * EACH_TIMES + EACH_MORE;
    struct buf   b;
    struct str  *keys, *records = mem_alloc(n * sizeof(*records));

    record_lines(x->r, &keys, &own_keys);
    buf_init(&b, max < EACH_BYTES_MAX ? max : EACH_BYTES_MAX);

    for (i = 0; i < n && !b.over; i++) {
        records[i].len = b.len;     /* where it begins, until b stays */
        each_write(x, i, keys[i], &b);
    }

    free(keys);
    free(own_keys);

    if (b.over) {
        buf_free(&b);
        free(records);
        return NULL;
    }

    for (i = 0; i < n; i++) {
        records[i].at = b.at + records[i].len;
        records[i].len = (i + 1 < n ? records[i + 1].len : b.len)
                         - records[i].len;
    }

    *own = b.at;

    return records;
}


/* record_each: NULL where the record stays whole, for it has one event or no
   id, or its events are no elements of an array, or all of them would take much
   more than it does */
struct str *record_each(const struct record *r, struct str bytes, char **own)
{
    struct str    rest, *records = NULL;
    struct each   x = { .r = r, .value = json_get(r->event, "value") };

    if (!record_is_many(r) || r->id.len == 0) {
        return NULL;
    }

    x.holder = str_is(r->field, "standby") ? json_get(x.value, "standby")
               : x.value;
    x.elements = mem_alloc(r->nevents * sizeof(*x.elements));
    rest = bytes;
    members(&x, json_root(r->doc), next_span(&rest));

    if (!x.failed && x.nelements == r->nevents) {
        records = each_records(&x, bytes.len, own);
    }

    free(x.elements);
    free(x.contacts);

    return records;
}
