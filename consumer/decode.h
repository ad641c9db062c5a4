/* What the decoders of events share: a change, or a messaging item, becomes
   events by tables of names; docs/events.md is made of the same tables. */

#ifndef DECODE_H
#define DECODE_H

#include "contact.h"
#include "event.h"


/* of a name, where that has parts */
#define DECODE_NAME_MAX  64


struct decode;

/* how one field, array, type or member is read.  Paths are names with dots in
   between, looked up in the item; NULL: nothing */
struct decode_row {
    const char  *name;
    enum kind    kind;
    const char  *type;      /* NULL: the name */
    const char  *text;
    const char  *payload;
    const char  *state;     /* lower-cased */
    const char  *target;
    const char  *about;     /* more for docs/events.md, or NULL */

    /* what paths cannot say */
    void       (*read)(struct decode *d, struct event *e);
};

/* a record on its way */
struct decode {
    struct record      *r;
    enum product        product;
    struct str          account;
    struct str          display;    /* WhatsApp: the number's own digits */
    const struct json  *value;      /* of the change; NULL */
    const struct json  *error;      /* the first of the value's own; NULL */
    struct contacts     contacts;   /* WhatsApp's, by phone */
    struct contacts     by_user;    /* and by business-scoped user id */
    bool                alone;      /* the element has none beside it */
    size_t              max;        /* of events */
    enum record_rc      rc;
};


/* decode_find: NULL if no row has that name; the last row's name is NULL */
const struct decode_row *decode_find(const struct decode_row *rows,
    struct str name);

/* decode_add: the event of that row; NULL: there are too many */
struct event *decode_add(struct decode *d, const struct decode_row *row,
    const struct json *item);

/* decode_as: the same, read by a row of its own */
void decode_as(struct decode *d, struct event *e,
    const struct decode_row *row);

/* decode_whole: one event for all of a change, of the row for its field or of
   kind unknown */
void decode_whole(struct decode *d, const struct decode_row *row,
    const struct json *item);

/* decode_change: a change by its field, or an item of messaging[]; true: a
   change whose value is such an item */
bool decode_change(struct decode *d, const struct decode_row *fields);

void decode_template(struct decode *d, struct event *e);

const struct json *decode_at(const struct json *j, const char *path);
struct str decode_text(const struct json *j, const char *path);
const struct json *decode_first(const struct json *list);   /* or NULL */
struct str decode_lower(struct record *r, struct str s);
struct str decode_prefixed(struct record *r, const char *prefix,
    struct str s);
struct str decode_or(struct str a, struct str b);   /* b where a is empty */

/* decode_ms: digits; below 10^12 they are seconds; 0 */
long long decode_ms(struct str s);


/* by object; each adds at least one event */
void decode_whatsapp(struct decode *d);
void decode_page(struct decode *d);
void decode_instagram(struct decode *d);
void decode_object(struct decode *d);       /* of all other objects */

/* one of messages[], of message_echoes[] */
void decode_message(struct decode *d, struct event *e);
void decode_echo(struct decode *d, struct event *e);

/* decode_person: whoever is named by phone or id, or by the contact */
void decode_person(struct decode *d, struct event *e, struct str phone,
    struct str user);

/* decode_whatsapp_line: user of contract 4, for messages and echoes */
struct str decode_whatsapp_line(const struct json *m,
    const struct contact *contact, bool echo);

/* decode_messaging: an item of messaging[] or standby[]; false: it is none.
   named: only if it names a sender or a recipient */
bool decode_messaging(struct decode *d, const struct json *item, bool named);

extern const struct decode_row  decode_whatsapp_arrays[];
extern const struct decode_row  decode_whatsapp_fields[];
extern const struct decode_row  decode_whatsapp_types[];
extern const struct decode_row  decode_whatsapp_interactive[];
extern const struct decode_row  decode_messaging_members[];
extern const struct decode_row  decode_page_fields[];
extern const struct decode_row  decode_page_items[];
extern const struct decode_row  decode_instagram_fields[];
extern const struct decode_row  decode_objects[];


#endif /* DECODE_H */
