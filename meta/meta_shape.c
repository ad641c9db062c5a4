/*
 * Which members of an event matter, and where each is put: the tables behind
 * the rules of contract 4.
 *
 * The shapes are those of meta-webhooks-and-messaging.md 2 to 5.
 */

#include "meta_shape.h"


static const meta_member_t  meta_metadata_members[] = {
    { meta_string("phone_number_id"), META_PHONE_ID, NULL }
};

static const meta_table_t  meta_metadata =
    meta_table(meta_metadata_members, META_PHONE_ID, 0);


static const meta_member_t  meta_contact_members[] = {
    { meta_string("user_id"), META_CONTACT_USER_ID, NULL }
};

static const meta_table_t  meta_contacts =
    meta_table(meta_contact_members, META_CONTACT_USER_ID, 1);


static const meta_member_t  meta_message_system_members[] = {
    { meta_string("user_id"), META_MESSAGE_SYSTEM_USER_ID, NULL }
};

static const meta_table_t  meta_message_system =
    meta_table(meta_message_system_members, META_MESSAGE_SYSTEM_USER_ID, 0);

static const meta_member_t  meta_message_members[] = {
    { meta_string("from"), META_MESSAGE_PHONE, NULL },
    { meta_string("from_user_id"), META_MESSAGE_USER_ID, NULL },
    { meta_string("id"), META_MESSAGE_ID, NULL },
    { meta_string("timestamp"), META_MESSAGE_TIME, NULL },
    { meta_string("group_id"), META_MESSAGE_GROUP, NULL },
    { meta_string("system"), META_MESSAGE_SYSTEM, &meta_message_system }
};

static const meta_table_t  meta_messages =
    meta_table(meta_message_members, META_MESSAGE_SYSTEM_USER_ID, 1);


static const meta_member_t  meta_echo_system_members[] = {
    { meta_string("user_id"), META_ECHO_SYSTEM_USER_ID, NULL }
};

static const meta_table_t  meta_echo_system =
    meta_table(meta_echo_system_members, META_ECHO_SYSTEM_USER_ID, 0);

static const meta_member_t  meta_echo_members[] = {
    { meta_string("id"), META_ECHO_ID, NULL },
    { meta_string("timestamp"), META_ECHO_TIME, NULL },
    { meta_string("group_id"), META_ECHO_GROUP, NULL },
    { meta_string("to_user_id"), META_ECHO_USER_ID, NULL },
    { meta_string("to"), META_ECHO_PHONE, NULL },
    { meta_string("system"), META_ECHO_SYSTEM, &meta_echo_system }
};

static const meta_table_t  meta_echoes =
    meta_table(meta_echo_members, META_ECHO_SYSTEM_USER_ID, 1);


static const meta_member_t  meta_status_members[] = {
    { meta_string("id"), META_STATUS_ID, NULL },
    { meta_string("timestamp"), META_STATUS_TIME, NULL },
    { meta_string("status"), META_STATUS_STATUS, NULL },
    { meta_string("type"), META_STATUS_TYPE, NULL },
    { meta_string("recipient_type"), META_STATUS_RECIPIENT_TYPE, NULL },
    { meta_string("recipient_participant_user_id"), META_STATUS_USER_ID,
      NULL },
    { meta_string("recipient_participant_id"), META_STATUS_PHONE, NULL }
};

static const meta_table_t  meta_statuses =
    meta_table(meta_status_members, META_STATUS_PHONE, 1);


static const meta_member_t  meta_call_members[] = {
    { meta_string("id"), META_CALL_ID, NULL },
    { meta_string("timestamp"), META_CALL_TIME, NULL },
    { meta_string("event"), META_CALL_EVENT, NULL },
    { meta_string("status"), META_CALL_STATUS, NULL }
};

static const meta_table_t  meta_calls =
    meta_table(meta_call_members, META_CALL_STATUS, 1);


static const meta_member_t  meta_value_members[] = {
    { meta_string("messaging_product"), META_PRODUCT, NULL },
    { meta_string("metadata"), META_METADATA, &meta_metadata },
    { meta_string("contacts"), META_CONTACTS, &meta_contacts },
    { meta_string("messages"), META_MESSAGES, &meta_messages },
    { meta_string("message_echoes"), META_ECHOES, &meta_echoes },
    { meta_string("statuses"), META_STATUSES, &meta_statuses },
    { meta_string("calls"), META_CALLS, &meta_calls },
    { meta_string("created_time"), META_CREATED_TIME, NULL },
    { meta_string("id"), META_ID, NULL },
    { meta_string("comment_id"), META_COMMENT_ID, NULL },
    { meta_string("post_id"), META_POST_ID, NULL },
    { meta_string("leadgen_id"), META_LEADGEN_ID, NULL }
};

static const meta_table_t  meta_value =
    meta_table(meta_value_members, META_CALL_STATUS, 0);


static const meta_member_t  meta_change_members[] = {
    { meta_string("field"), META_FIELD, NULL },
    { meta_string("value"), META_VALUE, &meta_value }
};

const meta_table_t  meta_shape_change =
    meta_table(meta_change_members, META_CHANGE_SLOTS - 1, 0);


static const meta_member_t  meta_sender_members[] = {
    { meta_string("id"), META_SENDER_ID, NULL },
    { meta_string("user_ref"), META_SENDER_REF, NULL }
};

static const meta_table_t  meta_sender =
    meta_table(meta_sender_members, META_SENDER_REF, 0);

static const meta_member_t  meta_recipient_members[] = {
    { meta_string("id"), META_RECIPIENT_ID, NULL },
    { meta_string("user_ref"), META_RECIPIENT_REF, NULL }
};

static const meta_table_t  meta_recipient =
    meta_table(meta_recipient_members, META_RECIPIENT_REF, 0);

static const meta_member_t  meta_message_object_members[] = {
    { meta_string("mid"), META_MESSAGE_MID, NULL },
    { meta_string("is_deleted"), META_MESSAGE_DELETED, NULL }
};

static const meta_table_t  meta_message_object =
    meta_table(meta_message_object_members, META_MESSAGE_DELETED, 0);

static const meta_member_t  meta_edit_members[] = {
    { meta_string("mid"), META_EDIT_MID, NULL },
    { meta_string("num_edit"), META_EDIT_NUM, NULL }
};

static const meta_table_t  meta_edit =
    meta_table(meta_edit_members, META_EDIT_NUM, 0);

static const meta_member_t  meta_postback_members[] = {
    { meta_string("mid"), META_POSTBACK_MID, NULL }
};

static const meta_table_t  meta_postback =
    meta_table(meta_postback_members, META_POSTBACK_MID, 0);

static const meta_member_t  meta_read_members[] = {
    { meta_string("mid"), META_READ_MID, NULL }
};

static const meta_table_t  meta_read =
    meta_table(meta_read_members, META_READ_MID, 0);

static const meta_member_t  meta_messaging_members[] = {
    { meta_string("timestamp"), META_TIMESTAMP, NULL },
    { meta_string("sender"), META_SENDER, &meta_sender },
    { meta_string("recipient"), META_RECIPIENT, &meta_recipient },
    { meta_string("message"), META_MESSAGE, &meta_message_object },
    { meta_string("message_edit"), META_EDIT, &meta_edit },
    { meta_string("postback"), META_POSTBACK, &meta_postback },
    { meta_string("read"), META_READ, &meta_read }
};

const meta_table_t  meta_shape_messaging =
    meta_table(meta_messaging_members, META_MESSAGING_SLOTS - 1, 0);


static const meta_member_t  meta_wa_members[] = {
    { meta_string("wa_id"), META_WA_ID, NULL },
    { meta_string("user_id"), META_USER_ID, NULL }
};

const meta_table_t  meta_shape_contact =
    meta_table(meta_wa_members, META_WA_SLOTS - 1, 0);


static const meta_table_t  meta_any_array =
    { NULL, 0, META_CHANGED_FIELDS, 1 };

static const meta_member_t  meta_entry_members[] = {
    { meta_string("changed_fields"), META_CHANGED_FIELDS, &meta_any_array }
};

const meta_table_t  meta_shape_entry =
    meta_table(meta_entry_members, META_CHANGED_FIELDS, 0);


const meta_table_t  meta_shape_body = { NULL, 0, 0, 0 };
