/* Actions: one grammar for what a rule, a handler's answer and a job say. */

#ifndef ACTION_H
#define ACTION_H

#include "conf.h"
#include "fault.h"
#include "json.h"


#define ACTION_LIST_MAX  100    /* of a rule or a job */


/* those of this version; the table of all names stands in action.c */
enum action_kind {
    ACTION_MARK_READ,
    ACTION_REPLY,
    ACTION_SEND,
    ACTION_STOP,
    ACTION_PUSH,
    ACTION_CALL,
    ACTION_GRAPH
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
    char  *title;
    char  *payload;
};

/* owns all it points to; what its kind has no use for is NULL or empty */
struct action {
    enum action_kind     kind;
    struct str           json;      /* as it is kept: compact, as it came */
    char                *text;      /* reply, send: this or raw */
    struct conf_list     quick;     /* struct quick_reply */
    struct str           raw;       /* a JSON object: the channel's own body */
    char                *account;   /* send, graph (NULL: the event's) */
    char                *to;        /* send */
    char                *list;      /* push */
    char                *handler;   /* call */
    enum action_method   method;    /* graph */
    char                *path;      /* graph: no host, no version, no "/" */
    struct str           params;    /* graph: a JSON object, or empty */
};

/* where an action is to run */
struct action_place {
    enum action_from  from;
    enum product      product;      /* of event or job; NONE: not known yet */
    enum kind         kind;         /* of the event; a job: KIND_UNKNOWN */
    bool              addressed;    /* there is somebody to reply to */
};


/* action_parse: 0, or -1 and *f says why; then there is nothing to free */
int action_parse(const struct json *j, struct action *a, struct fault *f);
void action_free(struct action *a);

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

/* action_calls: it takes a call to Graph, so a token and lanes */
bool action_calls(const struct action *a);

const char *action_name(enum action_kind kind);


#endif /* ACTION_H */
