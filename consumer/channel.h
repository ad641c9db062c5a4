/* What differs between the channels: which contents they take and with which
   limits, what else must be true of a message, and the body of its call.

   For each channel there are
     content_*   the table of a content's value, or NULL: the channel has none
     check_*     what no table says: lengths of text and quick_replies, what
                 goes with what.  Called when the content's table is good
     body_*      method, path and body into an initialised call; NULL, or why
                 there can be none.  Kinds that check_* refuses do not come
   in schema_*.c and body_*.c.  A content that is a file of this machine
   (a->file) is uploaded first, by upload_* (work_upload.c): target->media has
   its id then, and the body names that instead of the file. */

#ifndef CHANNEL_H
#define CHANNEL_H

#include "reply.h"
#include "schema.h"


/* a message that is to be checked */
struct check_of {
    const struct action        *action;
    const struct action_place  *place;
    const struct target        *target;     /* NULL: not known yet */
    const struct json          *content;    /* action_content, or NULL */
    const char                 *path;       /* "reply", "template", ... */
};

/* how a text is cut where the action says split */
struct text_limit {
    size_t     max;
    size_t     last;        /* of the one that has the quick_replies */
    enum unit  unit;
};


const struct member *content_whatsapp(enum content content);
const struct member *content_messenger(enum content content);
const struct member *content_instagram(enum content content);

int check_whatsapp(const struct check_of *c, struct fault *f);
int check_messenger(const struct check_of *c, struct fault *f);
int check_instagram(const struct check_of *c, struct fault *f);

const char *body_whatsapp(struct reply_call *call,
    const struct action *action, const struct target *target,
    struct str ref);
const char *body_messenger(struct reply_call *call,
    const struct action *action, const struct target *target,
    struct str ref);
const char *body_instagram(struct reply_call *call,
    const struct action *action, const struct target *target,
    struct str ref);

/* schema_interactive.c, schema_template.c: WhatsApp's */
extern const struct member  whatsapp_interactive;
extern const struct member  whatsapp_template;
int whatsapp_rows(const struct json *sections, const char *path,
    struct fault *f);
bool whatsapp_is_code(const struct json *content);

/* what a text may have, by channel and number of quick replies */
struct text_limit text_limit(enum product product, size_t quick);

/* check_text: the action's text, or the pieces it is cut into */
int check_text(const struct check_of *c, enum product product,
    struct fault *f);

/* check_raw: "raw" says nothing that the call itself says; names end in
   NULL */
int check_raw(const struct check_of *c, const char *const *ours,
    struct fault *f);

/* check_only: parameters of other channels are refused by name */
int check_foreign(const struct check_of *c, enum product product,
    struct fault *f);


/* reply_write.c: pieces of bodies */

/* put_text: "name":"value" */
void put_text(struct buf *b, const char *name, struct str value);

/* put_members: c and what comes after it, each behind a comma, but for one */
void put_members(struct buf *b, const struct json *c, const char *but);

/* put_json: "name":value, as it came */
void put_json(struct buf *b, const char *name, const struct json *value);


#endif /* CHANNEL_H */
