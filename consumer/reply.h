/* The calls of actions: each channel's body, or a graph action's own. */

#ifndef REPLY_H
#define REPLY_H

#include "action.h"
#include "event.h"


/* who is written to, of an event, a job or a send; slices are of those */
struct target {
    enum product       product;
    struct str         account;
    enum address_kind  address;
    struct str         to;          /* a phone number without "+" */
    struct str         message;     /* the id of what is answered, or empty */
    struct str         sender;      /* in whose name messages are posted:
                                       target_by_token */
    struct str         comment;     /* that is answered, or empty */
    struct str         phone;       /* WhatsApp: the same person's, as far as */
    struct str         bsuid;       /*   known; a phone without "+" */
    struct str         waba;        /* WhatsApp: as far as known */
    bool               live;        /* the comment is one of a broadcast */
    struct str         media;       /* id of the action's file, uploaded */
};

/* a call of Graph but for host, version and token */
struct reply_call {
    enum action_method  method;
    const char         *type;       /* of the body; NULL: JSON */
    struct buf          path;
    struct buf          query;      /* encoded */
    struct buf          body;       /* JSON, or empty */
    int                 fd;         /* a file that follows the body; -1 */
    long long           size;       /* of it */
    struct buf          tail;       /* what follows the file */
    struct buf          form;       /* memory of type, or empty */
    bool                idempotent;
};


void target_of_event(struct target *t, const struct event *event);

/* target_of: of account and to as a job or a send says them; product NONE: by
   the tokens of conf and by how "to" is written.  -1: *f says what is wrong
   with "to", which is called path there */
int target_of(struct target *t, const struct conf *conf,
    enum product product, struct str account, struct str to,
    const char *path, struct fault *f);

/* target_product: of an account, by its token, else by whom it writes to;
   see tokens_product */
enum product target_product(const struct conf *conf, struct str account,
    struct str to);

/* target_by_token: an Instagram account that is linked to a Page sends as the
   Page (meta-webhooks-and-messaging.md 9) */
void target_by_token(struct target *t, const struct conf_token *token);

/* reply_call writes the call of an action that takes one (action_calls); ref
   is the id that Meta gives back in the status or echo of what was sent.
   NULL, or the reason why there can be none; reply_call_free must follow */
const char *reply_call(struct reply_call *call, const struct action *action,
    const struct target *target, struct str ref);
void reply_call_free(struct reply_call *call);

/* reply_call_init: an empty one, for reply_call_free */
void reply_call_init(struct reply_call *call, enum action_method method);

#endif /* REPLY_H */
