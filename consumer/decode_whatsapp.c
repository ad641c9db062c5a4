/* What a change of WhatsApp holds (meta-webhooks-and-messaging.md 3.1 and 3.4
   to 3.8); what somebody wrote is decode_message.c's. */

#include "decode.h"


static void read_status(struct decode *d, struct event *e);
static void read_call(struct decode *d, struct event *e);
static void read_group(struct decode *d, struct event *e);
static void read_preference(struct decode *d, struct event *e);
static void read_automatic(struct decode *d, struct event *e);
static void read_state_sync(struct decode *d, struct event *e);
static void read_user_id(struct decode *d, struct event *e);
static void read_flow(struct decode *d, struct event *e);
static void read_handover(struct decode *d, struct event *e);
static void read_error(struct decode *d, struct event *e);


/* arrays of a change's value, or of its standby: each element is an event */
const struct decode_row  decode_whatsapp_arrays[] = {
    { "messages", KIND_MESSAGE, NULL, NULL, NULL, NULL, NULL,
      "by `type`, below", decode_message },
    { "message_echoes", KIND_ECHO, NULL, NULL, NULL, NULL, NULL,
      "what the WhatsApp Business app sent", decode_echo },
    { "statuses", KIND_STATUS, "type", NULL, NULL, "status", "id",
      "`type: call` is `call`", read_status },
    { "calls", KIND_CALL, "direction", NULL, "cta_payload", "event", NULL,
      NULL, read_call },
    { "groups", KIND_GROUP, "type", "subject", NULL, NULL, NULL, NULL,
      read_group },
    { "user_preferences", KIND_PREFERENCE, "category", "detail", NULL,
      "value", NULL, NULL, read_preference },
    { "automatic_events", KIND_CONVERSION, "event_name", NULL, NULL, NULL,
      "id", NULL, read_automatic },
    { "state_sync", KIND_HISTORY, "type", NULL, NULL, "action", NULL,
      "contacts of the WhatsApp Business app", read_state_sync },
    { "user_id_update", KIND_SYSTEM, NULL, "detail", NULL, NULL, NULL, NULL,
      read_user_id },
    { NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};

/* changes that are one event as a whole, by field */
const struct decode_row  decode_whatsapp_fields[] = {
    { "message_template_status_update", KIND_TEMPLATE, NULL, "reason", NULL,
      "event", NULL, NULL, decode_template },
    { "message_template_quality_update", KIND_TEMPLATE, NULL, NULL, NULL,
      "new_quality_score", NULL, NULL, decode_template },
    { "message_template_components_update", KIND_TEMPLATE, NULL,
      "message_template_element", NULL, NULL, NULL, NULL, decode_template },
    { "template_category_update", KIND_TEMPLATE, NULL, NULL, NULL,
      "new_category", NULL, NULL, decode_template },
    { "phone_number_quality_update", KIND_ACCOUNT, NULL, NULL, NULL, "event",
      NULL, NULL, NULL },
    { "phone_number_name_update", KIND_ACCOUNT, NULL, "rejection_reason",
      NULL, "decision", NULL, NULL, NULL },
    { "business_username_update", KIND_ACCOUNT, NULL, "username", NULL,
      "status", NULL, NULL, NULL },
    { "phone_number_username_update", KIND_ACCOUNT, NULL, "username", NULL,
      "status", NULL, NULL, NULL },
    { "business_capability_update", KIND_ACCOUNT, NULL, NULL, NULL, NULL,
      NULL, NULL, NULL },
    { "account_update", KIND_ACCOUNT, NULL, NULL, NULL, "event", NULL, NULL,
      NULL },
    { "account_review_update", KIND_ACCOUNT, NULL, NULL, NULL, "decision",
      NULL, NULL, NULL },
    { "account_alerts", KIND_ACCOUNT, NULL, "alert_info.alert_description",
      NULL, "alert_info.alert_type", NULL, NULL, NULL },
    { "security", KIND_ACCOUNT, NULL, NULL, NULL, "event", NULL, NULL, NULL },
    { "payment_configuration_update", KIND_ACCOUNT, NULL, NULL, NULL,
      "status", NULL, NULL, NULL },
    { "partner_solutions", KIND_ACCOUNT, NULL, NULL, NULL, "event", NULL,
      NULL, NULL },
    { "flows", KIND_FLOW, NULL, "message", NULL, "event", NULL, NULL,
      read_flow },
    { "messaging_handovers", KIND_HANDOVER, "type", NULL, NULL, NULL, NULL,
      NULL, read_handover },

    /* what holds none of its arrays: an item shape to come */
    { "group_lifecycle_update", KIND_GROUP, NULL, NULL, NULL, NULL, NULL,
      NULL, NULL },
    { "group_participants_update", KIND_GROUP, NULL, NULL, NULL, NULL, NULL,
      NULL, NULL },
    { "group_participant_update", KIND_GROUP, NULL, NULL, NULL, NULL, NULL,
      NULL, NULL },
    { "group_settings_update", KIND_GROUP, NULL, NULL, NULL, NULL, NULL,
      NULL, NULL },
    { "group_status_update", KIND_GROUP, NULL, NULL, NULL, NULL, NULL, NULL,
      NULL },
    { "history", KIND_HISTORY, NULL, NULL, NULL, NULL, NULL,
      "each message of each thread", NULL },
    { "smb_app_state_sync", KIND_HISTORY, NULL, NULL, NULL, NULL, NULL, NULL,
      NULL },
    { "standby", KIND_STANDBY, NULL, NULL, NULL, NULL, NULL,
      "each message, echo and status inside", NULL },
    { NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const struct decode_row  row_error = {
    "errors", KIND_ERROR, NULL, "title", NULL, NULL, NULL, NULL, read_error
};


/* 3.4; also of calls, 3.6.  It never waits behind a person */
static void read_status(struct decode *d, struct event *e)
{
    const struct json  *s = e->item;
    struct str          to = json_get_text(s, "recipient_id");
    struct str          user = json_get_text(s, "recipient_user_id");

    e->id = e->line = json_get_text(s, "id");
    e->ref = json_get_text(s, "biz_opaque_callback_data");
    e->error = decode_first(json_get(s, "errors"));

    if (str_is(e->type, "call")) {
        e->kind = KIND_CALL;
    } else {
        e->type = STR("message");
    }

    if (str_is(json_get_text(s, "recipient_type"), "group")
        || json_get(s, "recipient_participant_id") != NULL
        || json_get(s, "recipient_participant_user_id") != NULL)
    {
        e->group = to;
        to = json_get_text(s, "recipient_participant_id");
        user = json_get_text(s, "recipient_participant_user_id");
    }

    decode_person(d, e, to, user);
}


/* 3.6: who is called is the person where we call; an error may stand beside */
static void read_call(struct decode *d, struct event *e)
{
    bool        ours = str_is(e->type, "BUSINESS_INITIATED");
    struct str  who = json_get_text(e->item, ours ? "to" : "from");

    e->id = e->line = json_get_text(e->item, "id");
    e->type = decode_lower(d->r, e->type);
    e->ref = json_get_text(e->item, "biz_opaque_callback_data");
    e->error = d->error;
    e->payload = decode_or(e->payload,
                           json_get_text(e->item, "deeplink_payload"));

    /* Meta's own samples have the business's number on either side */
    decode_person(d, e, str_equal(who, d->display) ? NONE : who,
                  json_get_text(e->item, ours ? "to_user_id"
                                : "from_user_id"));
}


/* 3.7: about whom it is where that is one person */
static void read_group(struct decode *d, struct event *e)
{
    const struct json  *who = decode_first(json_get(e->item,
                                                    "added_participants"));

    if (who == NULL) {
        who = decode_first(json_get(e->item, "removed_participants"));
    }
    if (who == NULL) {
        who = e->item;
    }

    e->group = json_get_text(e->item, "group_id");
    decode_person(d, e, decode_or(json_get_text(who, "wa_id"),
                                  json_get_text(who, "input")),
                  json_get_text(who, "user_id"));
    e->username = decode_or(json_get_text(who, "username"), e->username);
}


static void read_preference(struct decode *d, struct event *e)
{
    decode_person(d, e, json_get_text(e->item, "wa_id"),
                  json_get_text(e->item, "user_id"));
}


/* 3.1: what Meta saw in a conversation that an advertisement began */
static void read_automatic(struct decode *d, struct event *e)
{
    decode_person(d, e, NONE, NONE);
}


static void read_state_sync(struct decode *d, struct event *e)
{
    const struct json  *contact = json_get(e->item, "contact");

    e->time = decode_ms(decode_text(e->item, "metadata.timestamp"));
    decode_person(d, e, json_get_text(contact, "phone_number"), NONE);
    e->name = json_get_text(contact, "full_name");
}


static void read_user_id(struct decode *d, struct event *e)
{
    decode_person(d, e, json_get_text(e->item, "wa_id"),
                  decode_text(e->item, "user_id.current"));
    e->prev_bsuid = decode_text(e->item, "user_id.previous");
}


static void read_flow(struct decode *d, struct event *e)
{
    (void) d;
    e->id = json_get_text(e->item, "flow_id");
    e->error = decode_first(json_get(e->item, "errors"));
}


/* 3.8: no metadata, but a recipient; the object is called as its type */
static void read_handover(struct decode *d, struct event *e)
{
    struct str          type = e->type;
    const struct json  *inner = NULL;

    if (str_is(type, "control_passed")) {
        e->state = STR("passed");
        inner = json_get(e->item, "control_passed");

    } else if (str_is(type, "control_taken")) {
        e->state = STR("taken");
        inner = json_get(e->item, "control_taken");
    }

    e->account = decode_or(decode_text(e->item, "recipient.phone_number_id"),
                           e->account);
    e->ref = json_get_text(inner, "metadata");
    e->app = json_get_text(inner, "new_owner_app_id");
    decode_person(d, e, decode_text(e->item, "sender.phone_number"),
                  decode_text(e->item, "sender.user_id"));
}


static void read_error(struct decode *d, struct event *e)
{
    (void) d;
    e->error = e->item;
}


static void each(struct decode *d, const struct decode_row *row,
    const struct json *list)
{
    const struct json  *item = decode_first(list);

    for (; item != NULL && d->rc == RECORD_OK;
         item = item->next)
    {
        decode_add(d, row, item);
    }
}


/* 3.1: an old message is one that the row of its type reads, of the thread */
static void history_thread(struct decode *d, const struct json *thread)
{
    struct str          user = json_get_text(thread, "id");
    struct event       *e;
    const struct json  *m = decode_first(json_get(thread, "messages"));
    static const struct decode_row  row = {
        "messages", KIND_MESSAGE, NULL, NULL, NULL, NULL, NULL, NULL,
        decode_message
    };

    for (; m != NULL; m = m->next) {
        e = decode_add(d, &row, m);
        if (e == NULL) {
            return;
        }

        if (d->display.len
            && str_equal(json_get_text(m, "from"), d->display))
        {
            e->kind = KIND_ECHO;
        }

        e->inner = e->kind;
        e->kind = KIND_HISTORY;
        e->line = NONE;
        e->state = decode_lower(d->r, decode_text(m,
                                                  "history_context.status"));
        if (user.len) {
            decode_person(d, e, user, NONE);
        }
    }
}


static void history(struct decode *d, const struct json *chunk)
{
    const struct json  *thread;

    for (; chunk != NULL && d->rc == RECORD_OK; chunk = chunk->next) {
        thread = decode_first(json_get(chunk, "threads"));
        for (; thread != NULL && d->rc == RECORD_OK; thread = thread->next) {
            history_thread(d, thread);
        }

        each(d, &row_error, json_get(chunk, "errors"));
    }
}


/* what the whole change is; Meta's sample of a quality update names another
   field (3.1) */
static void whole(struct decode *d)
{
    const char  *quality = "message_template_quality_update";

    decode_whole(d, decode_find(decode_whatsapp_fields,
                                json_get(d->value, "new_quality_score") != NULL
                                ? STR(quality) : d->r->field), d->value);
}


/* those of a conversation that we do not own, and old ones, are no news */
static void veil(struct decode *d, enum kind kind)
{
    size_t         i;
    struct event  *e = d->r->events;

    for (i = 0; i < d->r->nevents; i++) {
        if (e[i].kind != kind && e[i].kind != KIND_ERROR) {
            e[i].inner = e[i].kind;
            e[i].kind = kind;
        }
    }
}


/* whether a change has one element, whatever it is */
static bool is_alone(const struct json *holder)
{
    size_t                    n = 0;
    const struct json        *item;
    const struct decode_row  *row;

    for (row = decode_whatsapp_arrays; row->name != NULL && n < 2; row++) {
        item = decode_first(json_get(holder, row->name));
        n += item != NULL ? 1 + (item->next != NULL) : 0;
    }

    return n == 1;
}


/* decode_whatsapp reads a change */
void decode_whatsapp(struct decode *d)
{
    struct str                phone;
    const struct json        *holder;
    const struct decode_row  *row;
    bool                      standby = str_is(d->r->field, "standby");

    d->value = json_get(d->r->event, "value");
    d->error = decode_first(json_get(d->value, "errors"));
    phone = decode_text(d->value, "metadata.phone_number_id");
    d->account = decode_or(phone, d->r->entry);
    d->display = decode_text(d->value, "metadata.display_phone_number");
    holder = standby ? json_get(d->value, "standby") : d->value;

    contacts_open(&d->contacts, json_get(holder, "contacts"), "wa_id");
    d->alone = is_alone(holder);
    contacts_open(&d->by_user, json_get(holder, "contacts"), "user_id");

    if (str_is(d->r->field, "history")) {
        d->max = RECORD_HISTORY_MAX;
        history(d, decode_first(json_get(d->value, "history")));
    }

    for (row = decode_whatsapp_arrays; row->name != NULL; row++) {
        each(d, row, json_get(holder, row->name));
    }

    if (d->r->nevents == 0) {
        each(d, &row_error, json_get(holder, "errors"));
    }

    if (d->r->nevents == 0 && d->rc == RECORD_OK) {
        whole(d);
    }

    contacts_close(&d->contacts);
    contacts_close(&d->by_user);

    if (standby) {
        veil(d, KIND_STANDBY);
    } else if (str_is(d->r->field, "history")) {
        veil(d, KIND_HISTORY);
    }
}
