/* What Messenger and Instagram share: one Send API, with the same templates,
   quick replies and buttons (meta-webhooks-and-messaging.md 8 and 9). */

#ifndef MESSAGING_H
#define MESSAGING_H

#include "channel.h"


/* schema_messaging.c */
extern const struct member  messaging_generic;
extern const struct member  messaging_buttons;
extern const struct member  messaging_list;

/* check_quick: quick_replies beside the content */
int check_quick(const struct check_of *c, struct fault *f);

/* check_payload: of an attachment in a body of one's own that is a template
   of the reference; others are Meta's to judge */
int check_payload(const struct json *attachment, const char *path,
    struct fault *f);

/* check_place: whether the action has something to do where the event is */
int check_place(const struct check_of *c, struct fault *f);


/* body_messaging.c */

/* put_recipient opens the body: {"recipient":{...} */
void put_recipient(struct buf *b, const struct target *target, bool comment);

/* put_action: the whole body of a sender action */
void put_action(struct buf *b, const struct target *target,
    const char *name);

/* put_template: "attachment":{...} of generic or buttons */
void put_template(struct buf *b, enum content content,
    const struct json *value);

/* put_quick: ,"quick_replies":[...] or nothing; put_rows: those of a list */
void put_quick(struct buf *b, const struct action *action);
void put_rows(struct buf *b, const struct json *list);

/* put_raw: c and what comes after it, of a body of one's own, where ref
   stands in the message unless it has one; NONE: none is put there */
void put_raw(struct buf *b, const struct json *raw, struct str ref);

/* put_metadata: ,"metadata":"..." where it is not too long */
void put_metadata(struct buf *b, struct str ref);

/* instagram_love: the one reaction that is documented */
bool instagram_love(const char *emoji);

/* how the action's attachment is called, "image", "file"... */
const char *attachment_type(enum content content);


#endif /* MESSAGING_H */
