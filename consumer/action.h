/* Actions: one grammar for what a rule, a handler's answer and a job say.

   An action is read once, by action_parse (names and shapes), and checked by
   action_check where it is said: for a rule with the configuration, for a job
   and an answer before the first of them runs.  A message's limits are the
   channel's: channel.h.  Actions that take a call to Graph (action_calls) get
   it from reply_call; assistant, tag, untag, pause, resume are run by the
   worker, with a->name and a->pause_ms, and their check stands in
   action_check.c. */

#ifndef ACTION_H
#define ACTION_H

#include "conf.h"
#include "fault.h"
#include "json.h"


#define ACTION_LIST_MAX  100    /* of a rule or a job */


/* the table of names stands in action.c.  conversion is of a later version */
enum action_kind {
    ACTION_MARK_READ,
    ACTION_TYPING,
    ACTION_REPLY,
    ACTION_SEND,
    ACTION_TEMPLATE,
    ACTION_REACT,
    ACTION_COMMENT_REPLY,
    ACTION_PRIVATE_REPLY,
    ACTION_HIDE,
    ACTION_DELETE,
    ACTION_HANDOVER,
    ACTION_STOP,
    ACTION_EXCHANGE,
    ACTION_PUSH,
    ACTION_CALL,
    ACTION_ASSISTANT,
    ACTION_TAG,
    ACTION_UNTAG,
    ACTION_PAUSE,
    ACTION_RESUME,
    ACTION_GRAPH,
    ACTION_CONFIGURE
};

/* what a message holds; names as in the grammar */
enum content {
    CONTENT_NONE,           /* the action is no message */
    CONTENT_TEXT,
    CONTENT_RAW,
    CONTENT_IMAGE,
    CONTENT_VIDEO,
    CONTENT_AUDIO,
    CONTENT_DOCUMENT,
    CONTENT_STICKER,
    CONTENT_LOCATION,
    CONTENT_CONTACTS,
    CONTENT_TEMPLATE,
    CONTENT_INTERACTIVE,
    CONTENT_GENERIC,
    CONTENT_BUTTONS,
    CONTENT_LIST,
    CONTENTS
};

/* what a job or rule waits for before the next action begins */
enum wait_for {
    WAIT_NONE,
    WAIT_SENT,
    WAIT_DELIVERED,
    WAIT_READ
};

enum action_method {
    METHOD_NONE,
    METHOD_GET,
    METHOD_POST,
    METHOD_DELETE
};

/* who said it: what it may say differs */
enum action_from {
    FROM_RULE,
    FROM_HANDLER,
    FROM_JOB
};

struct quick_reply {
    char  *title;       /* NULL only where it asks for phone or email */
    char  *payload;
    char  *type;        /* Messenger: "content_type"; NULL: text */
    char  *image;       /* Messenger: "image_url", or NULL */
};

/* owns all it points to; what its kind has no use for is NULL or empty.
   Contents other than text are not kept as a tree: action_content reads them
   again from json where a check or a body needs them */
struct action {
    enum action_kind     kind;
    struct str           json;      /* as it is kept: compact, as it came */
    enum content         content;   /* of a message, template too */
    char                *text;      /* also of comment_ and private_reply */
    struct conf_list     quick;     /* struct quick_reply */
    struct str           raw;       /* a JSON object: the channel's own body */
    char                *file;      /* media: of this machine, to upload */
    bool                 quote;     /* an answer to the message */
    bool                 split;     /* a long text as up to SPLIT_MAX */
    bool                 preview;   /* WhatsApp: of a link in the text */
    char                *message_tag;   /* Messenger, Instagram: "tag" */
    char                *persona;       /* Messenger: "persona_id" */
    char                *notification;  /* Messenger: "notification_type" */
    enum wait_for        wait_for;
    unsigned long        wait_ms;   /* 0 where wait_for is WAIT_NONE */
    char                *template_name;
    char                *template_language;
    char                *emoji;     /* react; "" takes it back */
    char                *account;   /* send, graph (NULL: the event's) */
    char                *to;        /* send; handover: the other's app id */
    char                *metadata;  /* handover */
    char                *list;      /* push */
    char                *handler;   /* call */
    char                *name;      /* assistant, tag, untag; token_exchange:
                                       of a token in the store */
    unsigned long        pause_ms;  /* pause */
    enum action_method   method;    /* graph */
    char                *path;      /* graph: no host, no version, no "/" */
    struct str           params;    /* graph: a JSON object, or empty */
    char                *token;     /* whatsapp_configure: sealed, by now */
    char                *pin;       /* the same; NULL: none is known */
    char                *phone;
    char                *waba;
    char                *tenant;
};

struct target;      /* reply.h */

/* where an action is to run */
struct action_place {
    enum action_from       from;
    enum product           product;     /* of event or job; NONE: not known */
    enum kind              kind;        /* of the event; a job: KIND_UNKNOWN */
    bool                   addressed;   /* there is somebody to reply to */
    bool                   message;     /* one to mark, quote, react to */
    bool                   comment;     /* one to answer, hide, delete */
    bool                   values;      /* {{...}} are filled in later */
    const struct target   *target;      /* NULL: not known yet */
};

/* action_parse: 0, or -1 and *f says why; then there is nothing to free */
int action_parse(const struct json *j, struct action *a, struct fault *f);
void action_free(struct action *a);

/* action_content: what the message holds, as it came: the value of "image",
   "interactive", ...; of the action template its parameters.  NULL only
   where there is none; doc is then NULL, else the caller's for json_free */
const struct json *action_content(const struct action *a,
    struct json_doc **doc);

/* action_check: what the channel, the place and the configuration allow */
int action_check(const struct action *a, const struct action_place *place,
    const struct conf *conf, struct fault *f);

/* actions_parse reads a list of 1 to max of them (0 to max where none is
   good); *actions is the caller's, for actions_free; a fault has a number */
int actions_parse(const struct json *list, size_t max, bool none,
    struct action **actions, size_t *n, struct fault *f);
int actions_check(const struct action *actions, size_t n,
    const struct action_place *place, const struct conf *conf,
    struct fault *f);
void actions_free(struct action *actions, size_t n);

/* action_idempotent: to run it twice does what running it once does */
bool action_idempotent(const struct action *a);

/* action_sends: somebody outside may get something */
bool action_sends(const struct action *a);

/* action_message: somebody gets a message, so it counts for the rates of the
   account and of whom it is for */
bool action_message(const struct action *a);

/* action_calls: it takes a call to Graph, so a token and lanes */
bool action_calls(const struct action *a);

const char *action_name(enum action_kind kind);
const char *content_name(enum content content);


#endif /* ACTION_H */
