/* A queue record (docs/queue.md) and the typed events that it holds. */

#ifndef EVENT_H
#define EVENT_H

#include "conf.h"
#include "json.h"


/* messages, statuses... of one record: they are worked as one item, whose
   plan is written whole at each mark.  Meta batches 1,000
   (meta-webhooks-and-messaging.md 1.6) */
#define RECORD_EVENTS_MAX  1000


enum record_rc {
    RECORD_OK,
    RECORD_NEWER,       /* "v" is larger than this program knows */
    RECORD_FAULTY,      /* JSON, but no record */
    RECORD_MANY,        /* more elements than RECORD_EVENTS_MAX */
    RECORD_LARGE,       /* JSON, but its tree takes too much memory */
    RECORD_NO_JSON      /* or too deep */
};

enum address_kind {
    ADDRESS_NONE,
    ADDRESS_PHONE,      /* digits, no "+" */
    ADDRESS_USER_ID,    /* WhatsApp's BSUID; Messenger's PSID */
    ADDRESS_GROUP,
    ADDRESS_USER_REF
};

/* one message, status... of a change, or one messaging item; slices live as
   long as the record */
struct event {
    enum product       product;
    enum kind          kind;
    struct str         account;     /* phone_number_id, or Page */
    struct str         waba;        /* WhatsApp */
    struct str         id;          /* the message's own */
    struct str         text;        /* what rules match; len 0: none */
    struct str         ref;         /* what we gave Meta with what was sent */
    struct str         user;        /* who it is about, for lines and logs */
    enum address_kind  address;
    struct str         to;
    const struct json  *item;        /* what it was read from */
    const struct json  *contact;     /* WhatsApp's, of whom it is about */
};

struct record {
    struct json_doc    *doc;
    struct str          id;
    struct str          app;
    struct str          object;
    struct str          entry;
    struct str          field;
    struct str          key;
    struct str          delivery;
    struct str          n;
    long long           time;           /* ms, when it happened; 0: unknown */
    long long           received_at;    /* ms; 0: unknown */
    bool                replay;         /* taken from {Q}:kept */
    const struct json  *event;
    struct event       *events;
    size_t              nevents;
    size_t              room;       /* of events */
};


/* record_open reads everything; on RECORD_OK record_close must follow */
enum record_rc record_open(struct str bytes, struct record *r);
void record_close(struct record *r);

/* record_lines: the lines that it waits in, by order of contract 4; the array
   is the caller's to free, its slices live as long as the record or *own,
   which is the caller's to free as well */
size_t record_lines(const struct record *r, struct str **keys, char **own);


#endif /* EVENT_H */
