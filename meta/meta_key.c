/*
 * The id, key, time and field of one event: the rules of contract 4, read off
 * the slots that one walk over its bytes has filled.
 */

#include <string.h>

#include "meta_json.h"
#include "meta_key.h"
#include "meta_shape.h"


/* a time below is in seconds, else in milliseconds */
#define META_KEY_MSEC  INT64_C(1000000000000)

/* digits of a time; what has more is none */
#define META_KEY_TIME_MAX  32


static void meta_key_change(meta_key_t *k, const meta_str_t *slots,
    const unsigned char *end, meta_str_t object);
static void meta_key_whatsapp(meta_key_t *k, const meta_str_t *slots,
    const unsigned char *end);
static meta_str_t meta_key_user(const meta_str_t *slots,
    const meta_str_t *element, const unsigned char *end);
static meta_str_t meta_key_contact(const meta_str_t *slots, meta_str_t phone,
    const unsigned char *end);
static void meta_key_status(meta_key_t *k, const meta_str_t *slots);
static void meta_key_messaging(meta_key_t *k, const meta_str_t *slots,
    meta_event_kind_t kind, meta_str_t object, meta_str_t entry);
static void meta_key_mid(meta_key_t *k, const meta_str_t *slots,
    meta_str_t object);
static void meta_key_part(meta_key_t *k, meta_str_t part);
static meta_str_t meta_key_either(meta_str_t a, meta_str_t b);
static void meta_key_own_time(meta_key_t *k, meta_str_t token);


static const meta_str_t  meta_waba = meta_string("whatsapp_business_account");
static const meta_str_t  meta_whatsapp = meta_string("whatsapp");
static const meta_str_t  meta_instagram = meta_string("instagram");
static const meta_str_t  meta_leadgen = meta_string("leadgen");
static const meta_str_t  meta_feed = meta_string("feed");
static const meta_str_t  meta_comments = meta_string("comments");
static const meta_str_t  meta_live_comments = meta_string("live_comments");
static const meta_str_t  meta_call = meta_string("call");
static const meta_str_t  meta_group = meta_string("group");

static const meta_str_t  meta_part_echo = meta_string("echo");
static const meta_str_t  meta_part_deleted = meta_string("deleted");
static const meta_str_t  meta_part_edit = meta_string("edit");
static const meta_str_t  meta_part_postback = meta_string("postback");
static const meta_str_t  meta_part_read = meta_string("read");
static const meta_str_t  meta_part_standby = meta_string("standby");
static const meta_str_t  meta_part_lead = meta_string("lead");
static const meta_str_t  meta_part_comment = meta_string("comment");

static const meta_str_t  meta_field_messaging = meta_string("messaging");
static const meta_str_t  meta_field_standby = meta_string("standby");
static const meta_str_t  meta_field_changed = meta_string("changed_fields");


meta_rc_t
meta_key(meta_json_t *j, unsigned depth, meta_event_kind_t kind,
    meta_str_t object, meta_str_t entry, meta_key_t *k)
{
    meta_rc_t             rc;
    meta_key_scan_t       s;
    const unsigned char  *stop;

    stop = j->stop;
    j->stop = j->end;

    meta_key_begin(&s, depth, kind, object, entry);
    rc = meta_key_run(j, &s, k);

    j->stop = stop;

    return rc;
}


void
meta_key_begin(meta_key_scan_t *s, unsigned depth, meta_event_kind_t kind,
    meta_str_t object, meta_str_t entry)
{
    static const meta_table_t *const  shapes[] = {
        &meta_shape_change,             /* META_EVENT_CHANGE */
        &meta_shape_messaging,          /* META_EVENT_MESSAGING */
        &meta_shape_messaging,          /* META_EVENT_STANDBY */
        &meta_shape_entry,              /* META_EVENT_ENTRY */
        &meta_shape_body                /* META_EVENT_BODY */
    };

    s->kind = kind;
    s->object = object;
    s->entry = entry;

    meta_walk_begin(&s->walk, depth, shapes[kind], s->slots);
}


meta_rc_t
meta_key_run(meta_json_t *j, meta_key_scan_t *s, meta_key_t *k)
{
    meta_rc_t  rc;

    rc = meta_walk_run(j, &s->walk);

    if (rc != META_OK) {
        return rc;
    }

    memset(k, 0, sizeof(meta_key_t));

    k->account = s->entry;
    k->time = -1;

    switch (s->kind) {

    case META_EVENT_CHANGE:
        meta_key_change(k, s->slots, j->p, s->object);
        break;

    case META_EVENT_MESSAGING:
    case META_EVENT_STANDBY:
        meta_key_messaging(k, s->slots, s->kind, s->object, s->entry);
        break;

    case META_EVENT_ENTRY:
        if (s->slots[META_CHANGED_FIELDS].len != 0) {
            k->field = meta_field_changed;
        }

        break;

    case META_EVENT_BODY:
        break;
    }

    return META_OK;
}


static void
meta_key_change(meta_key_t *k, const meta_str_t *slots,
    const unsigned char *end, meta_str_t object)
{
    k->field = meta_json_text(slots[META_FIELD]);

    if (meta_json_is(object, meta_waba)
        || meta_json_is(meta_json_text(slots[META_PRODUCT]), meta_whatsapp))
    {
        meta_key_whatsapp(k, slots, end);

    } else if (meta_json_is(k->field, meta_leadgen)) {
        k->line = meta_json_ident(slots[META_LEADGEN_ID]);

        meta_key_part(k, k->line);
        meta_key_part(k, meta_part_lead);

    } else if (meta_json_is(k->field, meta_feed)) {
        k->line = meta_key_either(slots[META_COMMENT_ID],
                                  slots[META_POST_ID]);

    } else if (meta_json_is(object, meta_instagram)
               && (meta_json_is(k->field, meta_comments)
                   || meta_json_is(k->field, meta_live_comments)))
    {
        k->line = meta_key_either(slots[META_ID], slots[META_COMMENT_ID]);

        meta_key_part(k, k->line);
        meta_key_part(k, meta_part_comment);
    }

    meta_key_own_time(k, slots[META_CREATED_TIME]);
}


static void
meta_key_whatsapp(meta_key_t *k, const meta_str_t *slots,
    const unsigned char *end)
{
    size_t             i, n;
    meta_str_t         phone_id;
    const meta_str_t  *array, *first;

    static const unsigned  arrays[] = {
        META_MESSAGES, META_ECHOES, META_STATUSES, META_CALLS
    };

    phone_id = meta_json_ident(slots[META_PHONE_ID]);

    if (phone_id.len != 0) {
        k->account = phone_id;
    }

    n = 0;
    first = NULL;

    for (i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
        array = &slots[arrays[i]];

        if (array->len != 0
            && (first == NULL || array->data < first->data))
        {
            first = array;
        }

        n += array->len;
    }

    if (n == 0) {
        return;
    }

    meta_key_own_time(k, first[META_ELEMENT_TIME]);

    if (n > 1) {
        k->several = 1;
        return;
    }

    k->line = meta_json_ident(first[META_ELEMENT_ID]);
    meta_key_part(k, k->line);

    if (first == &slots[META_MESSAGES]) {
        k->line = meta_key_user(slots, first, end);

    } else if (first == &slots[META_ECHOES]) {
        meta_key_part(k, meta_part_echo);
        k->line = meta_key_user(slots, first, end);

    } else if (first == &slots[META_STATUSES]) {
        meta_key_status(k, slots);

    } else {
        meta_key_part(k, meta_key_either(slots[META_CALL_EVENT],
                                         slots[META_CALL_STATUS]));
    }
}


/* whom a message is from, or an echo to */

static meta_str_t
meta_key_user(const meta_str_t *slots, const meta_str_t *element,
    const unsigned char *end)
{
    meta_str_t  user, phone;

    user = meta_key_either(element[META_ELEMENT_GROUP],
                           element[META_ELEMENT_USER_ID]);
    if (user.len != 0) {
        return user;
    }

    phone = meta_json_ident(element[META_ELEMENT_PHONE]);

    user = meta_key_contact(slots, phone, end);
    if (user.len != 0) {
        return user;
    }

    return meta_key_either(element[META_ELEMENT_PHONE],
                           element[META_ELEMENT_SYSTEM_USER_ID]);
}


static meta_str_t
meta_key_contact(const meta_str_t *slots, meta_str_t phone,
    const unsigned char *end)
{
    meta_str_t   user, wa[META_WA_SLOTS];
    meta_json_t  j;

    static const meta_str_t  absent;

    if (slots[META_CONTACTS].len == 1) {
        return meta_json_ident(slots[META_CONTACT_USER_ID]);
    }

    if (slots[META_CONTACTS].len != 0 && phone.len != 0) {
        meta_json_init(&j, slots[META_CONTACTS].data, end);

        while (meta_json_next(&j, ']', j.p == slots[META_CONTACTS].data) == 1
               && meta_walk(&j, 0, &meta_shape_contact, wa) == META_OK)
        {
            user = meta_json_ident(wa[META_USER_ID]);

            if (user.len != 0
                && meta_json_equal(meta_json_ident(wa[META_WA_ID]), phone))
            {
                return user;
            }
        }
    }

    return absent;
}


static void
meta_key_status(meta_key_t *k, const meta_str_t *slots)
{
    meta_str_t  participant;

    meta_key_part(k, meta_json_ident(slots[META_STATUS_STATUS]));

    if (meta_json_is(meta_json_text(slots[META_STATUS_TYPE]), meta_call)) {
        return;
    }

    participant = meta_key_either(slots[META_STATUS_USER_ID],
                                  slots[META_STATUS_PHONE]);

    if (participant.len != 0
        || meta_json_is(meta_json_text(slots[META_STATUS_RECIPIENT_TYPE]),
                        meta_group))
    {
        meta_key_part(k, participant);
    }
}


static void
meta_key_messaging(meta_key_t *k, const meta_str_t *slots,
    meta_event_kind_t kind, meta_str_t object, meta_str_t entry)
{
    meta_str_t  sender;

    k->field = (kind == META_EVENT_STANDBY) ? meta_field_standby
                                            : meta_field_messaging;

    sender = meta_json_ident(slots[META_SENDER_ID]);

    if (sender.len != 0 && meta_json_equal(sender, entry)) {
        k->line = meta_key_either(slots[META_RECIPIENT_ID],
                                  slots[META_RECIPIENT_REF]);

    } else {
        k->line = meta_key_either(slots[META_SENDER_ID],
                                  slots[META_SENDER_REF]);
    }

    meta_key_mid(k, slots, object);

    if (k->nid != 0 && kind == META_EVENT_STANDBY) {
        meta_key_part(k, meta_part_standby);
    }

    meta_key_own_time(k, slots[META_TIMESTAMP]);
}


/*
 * A mid names a message, and its edits, its receipt and its removal as well:
 * an item that is two of these at once gets no id.
 */

static void
meta_key_mid(meta_key_t *k, const meta_str_t *slots, meta_str_t object)
{
    unsigned  message, edit, postback, read;

    message = slots[META_MESSAGE].len != 0;
    edit = slots[META_EDIT].len != 0;
    postback = slots[META_POSTBACK].len != 0;
    read = slots[META_READ].len != 0;

    if (message + edit + postback + read != 1) {
        return;
    }

    if (message) {
        meta_key_part(k, meta_json_ident(slots[META_MESSAGE_MID]));

        if (slots[META_MESSAGE_DELETED].len == 4
            && slots[META_MESSAGE_DELETED].data[0] == 't')
        {
            meta_key_part(k, meta_part_deleted);
        }

    } else if (edit) {
        meta_key_part(k, meta_json_ident(slots[META_EDIT_MID]));
        meta_key_part(k, meta_part_edit);
        meta_key_part(k, meta_json_ident(slots[META_EDIT_NUM]));

    } else if (postback) {
        meta_key_part(k, meta_json_ident(slots[META_POSTBACK_MID]));
        meta_key_part(k, meta_part_postback);

    } else if (meta_json_is(object, meta_instagram)) {
        meta_key_part(k, meta_json_ident(slots[META_READ_MID]));
        meta_key_part(k, meta_part_read);
    }
}


static void
meta_key_part(meta_key_t *k, meta_str_t part)
{
    k->id[k->nid++] = part;
}


static meta_str_t
meta_key_either(meta_str_t a, meta_str_t b)
{
    a = meta_json_ident(a);

    return a.len != 0 ? a : meta_json_ident(b);
}


/* the first that is one counts */

static void
meta_key_own_time(meta_key_t *k, meta_str_t token)
{
    if (!k->own_time) {
        k->time = meta_key_time(token);
        k->own_time = k->time >= 0;
    }
}


int64_t
meta_key_time(meta_str_t token)
{
    long           len;
    size_t         i;
    int64_t        ms;
    meta_str_t     text;
    unsigned char  buf[META_KEY_TIME_MAX];

    text = meta_json_ident(token);

    if (meta_json_escaped(text)) {
        len = meta_json_encode(text, buf, sizeof(buf));

        text.data = buf;
        text.len = (len < 0) ? 0 : (size_t) len;
    }

    if (text.len == 0 || text.len > META_KEY_TIME_MAX) {
        return -1;
    }

    ms = 0;

    for (i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || ms >= INT64_MAX / 10) {
            return -1;
        }

        ms = ms * 10 + (text.data[i] - '0');
    }

    return ms < META_KEY_MSEC ? ms * 1000 : ms;
}
