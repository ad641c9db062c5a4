/* What somebody who logs in is told: steps, errors, in words for people. */

#ifndef FLOW_SAY_H
#define FLOW_SAY_H

#include "mem.h"


/* in the order in which they come; names are what the status page and
   programs see */
enum flow_step {
    FLOW_STEP_EXCHANGING,
    FLOW_STEP_CHECKING,
    FLOW_STEP_ACCOUNTS,
    FLOW_STEP_SUBSCRIBING,
    FLOW_STEP_REGISTERING,
    FLOW_STEP_PIN,
    FLOW_STEP_CONNECTED,
    FLOW_STEP_FAILED
};

enum flow_error {
    FLOW_GOOD,
    FLOW_LATE,
    FLOW_CODE,
    FLOW_REDIRECT_URI,
    FLOW_APP_SECRET,
    FLOW_SCOPES,
    FLOW_WRONG_APP,
    FLOW_NO_ACCOUNTS,
    FLOW_TAKEN,
    FLOW_UNREACHABLE,
    FLOW_PIN_WRONG,
    FLOW_STORE,
    FLOW_META,
    FLOW_INTERNAL,
    FLOW_ERRORS
};


const char *flow_step_name(enum flow_step step);
const char *flow_step_text(enum flow_step step);

/* flow_error_name: "" for none */
const char *flow_error_name(enum flow_error error);
const char *flow_error_text(enum flow_error error);

/* flow_scopes_say writes a list of permissions, "a,b", as people call them and
   with Meta's names behind; one that is not known by its name alone */
void flow_scopes_say(struct buf *b, const char *list);

/* flow_code_error: what it means that a code or a token was not exchanged;
   message: Meta's own, which is looked at and never shown */
enum flow_error flow_code_error(long long code, long long subcode,
    const char *message);


#endif /* FLOW_SAY_H */
