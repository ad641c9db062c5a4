/* The kinds of events, as rules, handlers and logs name them. */

#ifndef KINDS_H
#define KINDS_H

#include <stdbool.h>


enum product {
    PRODUCT_NONE,
    PRODUCT_WHATSAPP,
    PRODUCT_MESSENGER,
    PRODUCT_INSTAGRAM
};

/* what each means stands in kinds.c */
enum kind {
    KIND_UNKNOWN,
    KIND_MESSAGE,
    KIND_POSTBACK,
    KIND_REACTION,
    KIND_EDIT,
    KIND_UNSEND,
    KIND_STATUS,
    KIND_READ,
    KIND_DELIVERY,
    KIND_ECHO,
    KIND_COMMENT,
    KIND_FEED,
    KIND_LEAD,
    KIND_MENTION,
    KIND_TEMPLATE,
    KIND_ACCOUNT,
    KIND_FLOW,
    KIND_CALL,
    KIND_HISTORY,
    KIND_HANDOVER,
    KIND_OPTIN,
    KIND_PREFERENCE,
    KIND_REFERRAL,
    KIND_LINKING,
    KIND_GROUP,
    KIND_POLICY,
    KIND_FEEDBACK,
    KIND_RATING,
    KIND_INSIGHT,
    KIND_CONVERSION,
    KIND_ERROR,
    KIND_STANDBY,
    KIND_SYSTEM,
    KIND_UNSUPPORTED,
    KIND_TEST,
    KINDS
};


const char *kind_name(enum kind kind);

/* kind_about: one line for readers */
const char *kind_about(enum kind kind);

/* kind_silent: matched by no rule unless the rule names it */
bool kind_silent(enum kind kind);

/* kind_opens: the person may be answered freely for 24 hours */
bool kind_opens(enum kind kind);

/* kind_find: -1 if there is none of that name */
int kind_find(const char *name);

/* kind_words: "message, postback, ... or unknown", for error texts */
const char *kind_words(void);


#endif /* KINDS_H */
