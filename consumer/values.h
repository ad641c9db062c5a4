/* Values such as {{user.name}} in what rules do: names that are known, where
   they may stand, and what becomes of them for an event (docs/rules.md). */

#ifndef VALUES_H
#define VALUES_H

#include "action.h"
#include "event.h"


/* where they come from */
struct values {
    const struct event  *event;
    struct str           id;        /* of the record */
    struct str           name;      /* known of the person, where the event
                                       does not say it */
};


/* values_in: there is one in the JSON, or what would be one */
bool values_in(struct str json);

/* values_check: 0, or -1 and *f says what is wrong with one in an action; b
   gets the action with a number for each of them, to be read and checked */
int values_check(const struct json *action, struct buf *b, struct fault *f);

/* values_action: what the action is for that event, read and checked; its
   texts that get too long are cut.  0, or -1 and *f says why it is none */
int values_action(struct str json, const struct values *values,
    const struct action_place *place, const struct conf *conf,
    struct action *out, struct fault *f);


#endif /* VALUES_H */
