/* A queue record (docs/queue.md) and the typed events that it holds. */

#ifndef EVENT_H
#define EVENT_H

#include "conf.h"
#include "json.h"


/* messages, statuses... of one record: they are worked as one item.  Meta
   batches 1,000; a chunk of history holds what fits into its 3 MB
   (meta-webhooks-and-messaging.md 1.6) */
#define RECORD_EVENTS_MAX   1000
#define RECORD_HISTORY_MAX  50000

/* attachments of one event that are read */
#define EVENT_MEDIA_MAX    32


enum record_rc {
    RECORD_OK,
    RECORD_NEWER,       /* "v" is larger than this program knows */
    RECORD_FAULTY,      /* JSON, but no record */
    RECORD_MANY,        /* more elements than the maxima above */
    RECORD_LARGE,       /* JSON, but its tree takes too much memory */
    RECORD_NO_JSON      /* or too deep */
};

enum address_kind {
    ADDRESS_NONE,
    ADDRESS_PHONE,      /* digits, no "+" */
    ADDRESS_USER_ID,    /* WhatsApp's BSUID; PSID; IGSID */
    ADDRESS_GROUP,
    ADDRESS_USER_REF,
    ADDRESS_COMMENT     /* private and public replies go by its id */
};

struct event_comment {
    struct str  id;
    struct str  parent;
    struct str  post;
    struct str  media;
};

/* one message, status... of a change, or one messaging item.  What it does not
   have is empty, 0 or NULL; slices live as long as the record */
struct event {
    enum product          product;
    enum kind             kind;
    enum kind             inner;    /* what a standby, a test is a copy of */
    struct str            account;  /* phone_number_id; Page; Instagram's id */
    struct str            waba;     /* WhatsApp */
    struct str            id;       /* its own: wamid, mid, comment, lead... */
    struct str            type;     /* of that kind: text, image, card... */

    /* the person */
    struct str            user;     /* BSUID, else phone; PSID; IGSID */
    struct str            phone;    /* WhatsApp: digits, no "+" */
    struct str            bsuid;    /* WhatsApp */
    struct str            prev_phone;   /* before a change of number */
    struct str            prev_bsuid;
    struct str            name;
    struct str            username;
    struct str            group;    /* WhatsApp */
    struct str            line;     /* user of contract 4's key, for lines */

    /* whom a reply goes to */
    enum address_kind     address;
    struct str            to;

    struct str            text;     /* what rules match */
    struct str            payload;  /* of what was tapped */
    struct str            reply_to;
    const struct json    *referral;
    long long             time;     /* ms: its own, else the record's; or 0 */

    struct str            ref;      /* what we gave Meta with what was sent */
    struct str            app;      /* an echo's: whose call sent it */
    struct str            state;    /* of a status, template, call... */
    struct str            target;   /* the message that it is about */
    long long             watermark;    /* ms; read and delivery */
    const struct json    *mids;     /* of a delivery: an array */
    const struct json    *error;    /* the first of its errors */

    struct str            template_name;
    struct str            template_language;
    struct str            template_id;
    struct event_comment  comment;
    const struct json    *lead;
    bool                  test;     /* a button of the dashboard */

    struct str            tenant;   /* whose the account is; set for views */
    const struct str     *files;    /* where its media are, in their order;
                                       empty: not saved; NULL: nobody saves */
    const struct json    *item;     /* what it was read from */
    const struct json    *contact;  /* WhatsApp's, of whom it is about */
    const struct json    *value;    /* of the change that holds it */
};

/* empty: not known, or not there */
struct media {
    struct str  type;
    struct str  id;
    struct str  mime;
    struct str  sha256;     /* as it came: base64 in webhooks */
    struct str  caption;
    struct str  filename;
    struct str  url;
    struct str  file;       /* where it was saved */
};

/* text behind it */
struct record_scrap {
    struct record_scrap  *next;
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
    struct record_scrap *scraps;    /* what was not in the record itself */
};


/* record_open reads everything; on RECORD_OK record_close must follow */
enum record_rc record_open(struct str bytes, struct record *r);
void record_close(struct record *r);

/* event_media: how many were written to out */
size_t event_media(const struct event *e, struct media *out, size_t max);

/* record_lines: the lines that it waits in, by order of contract 4; the array
   is the caller's to free, its slices live as long as the record or *own,
   which is the caller's to free as well */
size_t record_lines(const struct record *r, struct str **keys, char **own);

/* record_is_many: a change of several elements, which may stand in several
   lines.  record_each: it as one record for each of its events, in their order;
   bytes are those of record_open.  The array and *own, in which they are, are
   the caller's to free; NULL: it stays whole */
bool record_is_many(const struct record *r);
struct str *record_each(const struct record *r, struct str bytes, char **own);


#endif /* EVENT_H */
