/*
 * The slots that a walk over an event fills, one for each member that decides
 * its id, key, time or field.
 */

#ifndef META_SHAPE_H
#define META_SHAPE_H

#include "meta_walk.h"


/*
 * Slots of a change.  The id and the time of an element follow its array; a
 * message and an echo are laid out alike.
 */
enum {
    META_FIELD = 0,
    META_VALUE,
    META_CREATED_TIME,
    META_PRODUCT,
    META_ID,
    META_COMMENT_ID,
    META_POST_ID,
    META_LEADGEN_ID,

    META_METADATA,
    META_PHONE_ID,

    META_CONTACTS,
    META_CONTACT_USER_ID,

    META_MESSAGES,
    META_MESSAGE_ID,
    META_MESSAGE_TIME,
    META_MESSAGE_GROUP,
    META_MESSAGE_USER_ID,
    META_MESSAGE_PHONE,
    META_MESSAGE_SYSTEM,
    META_MESSAGE_SYSTEM_USER_ID,

    META_ECHOES,
    META_ECHO_ID,
    META_ECHO_TIME,
    META_ECHO_GROUP,
    META_ECHO_USER_ID,
    META_ECHO_PHONE,
    META_ECHO_SYSTEM,
    META_ECHO_SYSTEM_USER_ID,

    META_STATUSES,
    META_STATUS_ID,
    META_STATUS_TIME,
    META_STATUS_STATUS,
    META_STATUS_TYPE,
    META_STATUS_RECIPIENT_TYPE,
    META_STATUS_USER_ID,
    META_STATUS_PHONE,

    META_CALLS,
    META_CALL_ID,
    META_CALL_TIME,
    META_CALL_EVENT,
    META_CALL_STATUS,

    META_CHANGE_SLOTS
};

/* slots of an element, counted from its array's */
enum {
    META_ELEMENT_ID = 1,
    META_ELEMENT_TIME,
    META_ELEMENT_GROUP,
    META_ELEMENT_USER_ID,
    META_ELEMENT_PHONE,
    META_ELEMENT_SYSTEM,
    META_ELEMENT_SYSTEM_USER_ID
};

/* slots of messaging[i] and standby[i] */
enum {
    META_TIMESTAMP = 0,
    META_SENDER,
    META_SENDER_ID,
    META_SENDER_REF,
    META_RECIPIENT,
    META_RECIPIENT_ID,
    META_RECIPIENT_REF,
    META_MESSAGE,
    META_MESSAGE_MID,
    META_MESSAGE_DELETED,
    META_EDIT,
    META_EDIT_MID,
    META_EDIT_NUM,
    META_POSTBACK,
    META_POSTBACK_MID,
    META_READ,
    META_READ_MID,
    META_MESSAGING_SLOTS
};

/* slots of one contact, where there are several */
enum {
    META_WA_ID = 0,
    META_USER_ID,
    META_WA_SLOTS
};

/* slots of an entry that is an event */
enum {
    META_CHANGED_FIELDS = 0,
    META_ENTRY_SLOTS
};


META_HIDDEN_BEGIN

/* changes[i], or an entry or a body that is laid out like it */
extern const meta_table_t  meta_shape_change;

/* messaging[i] and standby[i] */
extern const meta_table_t  meta_shape_messaging;

extern const meta_table_t  meta_shape_contact;
extern const meta_table_t  meta_shape_entry;

/* a body that is an event: nothing in it is asked for */
extern const meta_table_t  meta_shape_body;

META_HIDDEN_END


#endif /* META_SHAPE_H */
