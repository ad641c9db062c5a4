/* Rows of the decoders' tables, applied: what a path names becomes a member of
   the event. */

#include "decode.h"

#include <stdlib.h>


/* decode_find looks a name up */
const struct decode_row *decode_find(const struct decode_row *rows,
    struct str name)
{
    for (; rows->name != NULL; rows++) {
        if (str_is(name, rows->name)) {
            return rows;
        }
    }

    return NULL;
}


/* decode_at follows a path */
const struct json *decode_at(const struct json *j, const char *path)
{
    char    name[DECODE_NAME_MAX];
    size_t  n;

    while (j != NULL) {
        n = strcspn(path, ".");
        if (n >= sizeof(name)) {
            return NULL;
        }

        memcpy(name, path, n);
        name[n] = '\0';
        j = json_get(j, name);

        if (path[n] == '\0') {
            return j;
        }
        path += n + 1;
    }

    return NULL;
}


/* decode_text returns what stands there, if it is text or an integer */
struct str decode_text(const struct json *j, const char *path)
{
    return path != NULL ? json_text(decode_at(j, path)) : NONE;
}


/* decode_first returns the first element of an array */
const struct json *decode_first(const struct json *list)
{
    return json_is(list, JSON_ARRAY) ? list->child : NULL;
}


/* decode_or returns b where a is empty */
struct str decode_or(struct str a, struct str b)
{
    return a.len ? a : b;
}


/* decode_ms reads a time */
long long decode_ms(struct str s)
{
    size_t     i;
    long long  n = 0;

    if (!str_digits(s) || s.len > 15) {
        return 0;
    }

    for (i = 0; i < s.len; i++) {
        n = n * 10 + s.at[i] - '0';
    }

    return n < 1000000000000ll ? n * 1000 : n;
}


/* bytes that live as long as the record */
static char *scrap_new(struct record *r, size_t len)
{
    struct record_scrap  *scrap = mem_alloc(sizeof(*scrap) + len);

    scrap->next = r->scraps;
    r->scraps = scrap;

    return (char *) (scrap + 1);
}


/* decode_prefixed returns a name that nobody else can have */
struct str decode_prefixed(struct record *r, const char *prefix, struct str s)
{
    size_t   n = strlen(prefix);
    char    *at = scrap_new(r, n + s.len);

    memcpy(at, prefix, n);
    memcpy(at + n, s.at, s.len);

    return (struct str) { at, n + s.len };
}


/* decode_lower: Meta writes the same word in both ways; the copy lives as long
   as the record, and what is lower-case already is none */
struct str decode_lower(struct record *r, struct str s)
{
    char    *at;
    size_t   i;

    for (i = 0; i < s.len && !(s.at[i] >= 'A' && s.at[i] <= 'Z'); i++) {
        /* void */
    }

    if (i == s.len) {
        return s;
    }

    at = scrap_new(r, s.len);

    for (i = 0; i < s.len; i++) {
        at[i] = s.at[i] >= 'A' && s.at[i] <= 'Z' ? s.at[i] - 'A' + 'a'
                : s.at[i];
    }

    return (struct str) { at, s.len };
}


static struct event *event_new(struct record *r)
{
    struct event  *e;

    if (r->nevents == r->room) {
        r->room = r->room * 2 + 1;
        r->events = mem_grow(r->events, r->room * sizeof(*e));
    }

    e = &r->events[r->nevents++];

    *e = (struct event) {
        .account = NONE, .waba = NONE, .id = NONE, .type = NONE, .user = NONE,
        .phone = NONE, .bsuid = NONE, .prev_phone = NONE, .prev_bsuid = NONE,
        .name = NONE, .username = NONE, .group = NONE, .line = NONE,
        .to = NONE, .text = NONE, .payload = NONE, .reply_to = NONE,
        .ref = NONE, .app = NONE, .state = NONE, .target = NONE,
        .template_name = NONE, .template_language = NONE,
        .template_id = NONE, .comment = { NONE, NONE, NONE, NONE }
    };

    return e;
}


/* decode_as reads the event's item as the row says */
void decode_as(struct decode *d, struct event *e,
    const struct decode_row *row)
{
    struct str  type = decode_text(e->item, row->type);

    e->kind = row->kind;
    e->type = row->type != NULL && type.len ? type : STR(row->name);
    e->text = decode_or(decode_text(e->item, row->text), e->text);
    e->payload = decode_or(decode_text(e->item, row->payload), e->payload);
    e->target = decode_or(decode_text(e->item, row->target), e->target);
    e->state = decode_or(decode_lower(d->r, decode_text(e->item, row->state)),
                         e->state);

    if (row->read != NULL) {
        row->read(d, e);
    }
}


/* decode_add adds an event */
struct event *decode_add(struct decode *d, const struct decode_row *row,
    const struct json *item)
{
    struct event  *e;

    if (d->r->nevents >= d->max) {
        d->rc = RECORD_MANY;
        return NULL;
    }

    e = event_new(d->r);
    e->product = d->product;
    e->account = d->account;
    e->waba = d->product == PRODUCT_WHATSAPP ? d->r->entry : NONE;
    e->item = item;
    e->value = d->value;
    e->time = decode_ms(json_get_text(item, "timestamp"));

    decode_as(d, e, row);

    return e;
}


/* decode_whole adds what the whole change is */
void decode_whole(struct decode *d, const struct decode_row *row,
    const struct json *item)
{
    struct event                    *e;
    static const struct decode_row   unknown = {
        "", KIND_UNKNOWN, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    };

    e = decode_add(d, row != NULL ? row : &unknown, item);
    if (e != NULL && row == NULL) {
        e->type = d->r->field;
    }
}


/* decode_change reads what Pages and Instagram accounts send */
bool decode_change(struct decode *d, const struct decode_row *fields)
{
    const struct json        *event = d->r->event;
    const struct decode_row  *row = decode_find(fields, d->r->field);

    d->account = d->r->entry;
    d->value = json_get(event, "value");

    if (row != NULL) {
        decode_whole(d, row, d->value != NULL ? d->value : event);
        return false;
    }

    if (json_get(event, "field") != NULL) {
        if (decode_messaging(d, d->value, true)) {
            return true;
        }
        decode_whole(d, NULL, d->value);

    } else if (!decode_messaging(d, event, false)) {
        decode_whole(d, NULL, event);
    }

    return false;
}


/* decode_template reads which template it is; a reason may be "NONE" */
void decode_template(struct decode *d, struct event *e)
{
    (void) d;
    e->template_name = json_get_text(e->item, "message_template_name");
    e->template_language = json_get_text(e->item,
                                         "message_template_language");
    e->template_id = json_get_text(e->item, "message_template_id");

    if (str_is(e->text, "NONE")) {
        e->text = NONE;
    }
}
