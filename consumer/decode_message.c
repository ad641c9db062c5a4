/* What somebody wrote on WhatsApp, or the account itself
   (meta-webhooks-and-messaging.md 3.2 and 3.3). */

#include "decode.h"


static void read_interactive(struct decode *d, struct event *e);
static void read_reaction(struct decode *d, struct event *e);
static void read_edit(struct decode *d, struct event *e);
static void read_system(struct decode *d, struct event *e);
static void read_unsupported(struct decode *d, struct event *e);


/* by `type`; what the object of that name lacks may stand in errors */
const struct decode_row  decode_whatsapp_types[] = {
    { "text", KIND_MESSAGE, NULL, "text.body", NULL, NULL, NULL, NULL, NULL },
    { "image", KIND_MESSAGE, NULL, "image.caption", NULL, NULL, NULL, NULL,
      NULL },
    { "video", KIND_MESSAGE, NULL, "video.caption", NULL, NULL, NULL, NULL,
      NULL },
    { "audio", KIND_MESSAGE, NULL, NULL, NULL, NULL, NULL, NULL, NULL },
    { "document", KIND_MESSAGE, NULL, "document.caption", NULL, NULL, NULL,
      NULL, NULL },
    { "sticker", KIND_MESSAGE, NULL, NULL, NULL, NULL, NULL, NULL, NULL },
    { "location", KIND_MESSAGE, NULL, NULL, NULL, NULL, NULL, NULL, NULL },
    { "contacts", KIND_MESSAGE, NULL, NULL, NULL, NULL, NULL, NULL, NULL },
    { "order", KIND_MESSAGE, NULL, "order.text", NULL, NULL, NULL, NULL,
      NULL },
    { "button", KIND_POSTBACK, NULL, "button.text", "button.payload", NULL,
      NULL, NULL, NULL },
    { "interactive", KIND_UNKNOWN, NULL, NULL, NULL, NULL, NULL,
      "by `interactive.type`, below", read_interactive },
    { "reaction", KIND_REACTION, NULL, "reaction.emoji", NULL, NULL,
      "reaction.message_id", "state is `react` or `unreact`",
      read_reaction },
    { "edit", KIND_EDIT, NULL, NULL, NULL, NULL, "edit.original_message_id",
      "text is the new one", read_edit },
    { "revoke", KIND_UNSEND, NULL, NULL, NULL, NULL,
      "revoke.original_message_id", NULL, NULL },
    { "system", KIND_SYSTEM, "system.type", "system.body", NULL, NULL, NULL,
      "a new number or user id: user is the new one", read_system },
    { "request_welcome", KIND_REFERRAL, NULL, NULL, NULL, NULL, NULL,
      "the chat was opened for the first time", NULL },
    { "unsupported", KIND_UNSUPPORTED, "unsupported.type", NULL, NULL, NULL,
      NULL, NULL, read_unsupported },
    { "unknown", KIND_UNSUPPORTED, NULL, NULL, NULL, NULL, NULL,
      "the older name", read_unsupported },
    { "media_placeholder", KIND_UNSUPPORTED, NULL, NULL, NULL, NULL, NULL,
      "of history: the media come later", NULL },
    { NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};

/* by interactive.type */
const struct decode_row  decode_whatsapp_interactive[] = {
    { "button_reply", KIND_POSTBACK, NULL, "interactive.button_reply.title",
      "interactive.button_reply.id", NULL, NULL, NULL, NULL },
    { "list_reply", KIND_POSTBACK, NULL, "interactive.list_reply.title",
      "interactive.list_reply.id", NULL, NULL, NULL, NULL },
    { "nfm_reply", KIND_POSTBACK, NULL, "interactive.nfm_reply.body",
      "interactive.nfm_reply.response_json", NULL, NULL,
      "a Flow, or an address", NULL },
    { "call_permission_reply", KIND_OPTIN, NULL, NULL, NULL,
      "interactive.call_permission_reply.response", NULL, NULL, NULL },
    { NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};

/* what an echo of an API call, in standby, holds besides (3.8) */
static const struct decode_row  row_interactive = {
    "interactive", KIND_ECHO, NULL, "interactive.body.text", NULL, NULL, NULL,
    NULL, NULL
};

static const struct decode_row  row_template = {
    "template", KIND_ECHO, NULL, NULL, NULL, NULL, NULL, NULL, NULL
};


static void read_interactive(struct decode *d, struct event *e)
{
    struct str                type = decode_text(e->item, "interactive.type");
    const struct decode_row  *row = decode_find(decode_whatsapp_interactive,
                                                type);

    if (row != NULL) {
        decode_as(d, e, row);
    } else if (type.len) {
        e->type = type;
    }
}


/* a removal has an empty emoji, or none */
static void read_reaction(struct decode *d, struct event *e)
{
    (void) d;
    e->state = e->text.len ? STR("react") : STR("unreact");
}


static void read_edit(struct decode *d, struct event *e)
{
    const struct json        *m = decode_at(e->item, "edit.message");
    const struct decode_row  *row;

    (void) d;
    row = decode_find(decode_whatsapp_types, json_get_text(m, "type"));
    if (row != NULL) {
        e->text = decode_text(m, row->text);
    }
}


/* from is what the number was; a new number makes a new user id, too */
static void read_system(struct decode *d, struct event *e)
{
    const struct json  *s = json_get(e->item, "system");
    struct str          phone = decode_or(json_get_text(s, "wa_id"),
                                          json_get_text(s, "new_wa_id"));
    struct str          user = json_get_text(s, "user_id");
    struct str          prev = json_get_text(s, "previous_user_id");

    (void) d;

    if (str_digits(phone) && !str_equal(phone, e->phone)) {
        e->prev_phone = e->phone;
        e->phone = phone;
        e->prev_bsuid = e->bsuid;
        e->bsuid = NONE;
    }

    if (user.len && !str_equal(user, e->bsuid)) {
        e->prev_bsuid = decode_or(e->prev_bsuid, e->bsuid);
        e->bsuid = user;
    }

    e->prev_bsuid = decode_or(prev, e->prev_bsuid);
    e->user = decode_or(e->bsuid, e->phone);
}


static void read_unsupported(struct decode *d, struct event *e)
{
    if (e->error == NULL) {
        e->error = d->error;
    }
}


/* user of contract 4, for each kind of element */
struct str decode_whatsapp_line(const struct json *m,
    const struct contact *contact, bool echo)
{
    struct str  user = json_get_text(m, "group_id");

    user = decode_or(user,
                     json_get_text(m, echo ? "to_user_id" : "from_user_id"));
    user = decode_or(user, contact != NULL ? contact->user_id : NONE);
    user = decode_or(user, json_get_text(m, echo ? "to" : "from"));

    return decode_or(user, decode_text(m, "system.user_id"));
}


/* the only one of a change may be another person's than this element is; but
   of one person, phone and wa_id may differ (3.2) */
static bool contact_fits(const struct decode *d, const struct contact *contact,
    struct str phone, struct str user)
{
    if (user.len && contact->user_id.len) {
        return str_equal(user, contact->user_id);
    }

    return d->alone || phone.len == 0 || contact->wa_id.len == 0
           || str_equal(phone, contact->wa_id);
}


static const struct contact *contact_of(const struct decode *d,
    struct str phone, struct str user)
{
    static const struct contact  nobody = {
        .wa_id = { "", 0 }, .user_id = { "", 0 }, .name = { "", 0 },
        .username = { "", 0 }
    };
    const struct contact        *contact = contacts_of(&d->contacts, phone);

    if (contact == NULL) {
        contact = contacts_of(&d->by_user, user);
    }

    return contact != NULL && contact_fits(d, contact, phone, user)
           ? contact : &nobody;
}


/* decode_person: a capture exists that has the business-scoped user id where
   the phone number stands, and both may be absent (3.2).  The phone number is
   the address wherever it is known */
void decode_person(struct decode *d, struct event *e, struct str phone,
    struct str user)
{
    const struct contact  *contact;

    if (phone.len && phone.at[0] == '+') {
        phone = (struct str) { phone.at + 1, phone.len - 1 };
    }

    contact = contact_of(d, phone, user);
    e->contact = contact->json;
    user = decode_or(user, contact->user_id);

    if (!str_digits(phone)) {
        user = decode_or(user, phone);
        phone = contact->wa_id;
    }

    e->name = contact->name;
    e->username = contact->username;
    e->phone = str_digits(phone) ? phone : NONE;
    e->bsuid = user;
    e->user = decode_or(user, e->phone);

    e->address = e->group.len ? ADDRESS_GROUP
                 : e->phone.len ? ADDRESS_PHONE
                 : user.len ? ADDRESS_USER_ID : ADDRESS_NONE;
    e->to = e->group.len ? e->group : decode_or(e->phone, user);
}


/* kind and text, by type */
static void message_type(struct decode *d, struct event *e)
{
    struct str                type = json_get_text(e->item, "type");
    const struct decode_row  *row = decode_find(decode_whatsapp_types, type);

    e->kind = KIND_UNKNOWN;
    e->type = type;

    if (row != NULL) {
        decode_as(d, e, row);
        if (json_get(e->item, row->name) != NULL
            || e->kind == KIND_UNSUPPORTED)
        {
            return;
        }
    }

    /* nothing but an error is there, beside it or above it (3.3, 3.5) */
    read_unsupported(d, e);
    if (e->error != NULL) {
        e->kind = KIND_UNSUPPORTED;
    }
}


/* decode_message reads one of messages[] */
void decode_message(struct decode *d, struct event *e)
{
    const struct json  *m = e->item;
    struct str          from = json_get_text(m, "from");

    e->id = json_get_text(m, "id");
    e->group = json_get_text(m, "group_id");
    e->line = decode_whatsapp_line(m, contacts_of(&d->contacts, from), false);
    e->reply_to = decode_text(m, "context.id");
    e->error = decode_first(json_get(m, "errors"));

    if (json_is(json_get(m, "referral"), JSON_OBJECT)) {
        e->referral = json_get(m, "referral");
    }

    decode_person(d, e, from, json_get_text(m, "from_user_id"));
    message_type(d, e);

    if (e->kind == KIND_SYSTEM) {
        e->address = e->phone.len ? ADDRESS_PHONE
                     : e->bsuid.len ? ADDRESS_USER_ID : ADDRESS_NONE;
        e->to = decode_or(e->phone, e->bsuid);
    }
}


/* decode_echo reads one of message_echoes[]: in standby the body of the call
   that sent it stands in "message" (3.8) */
void decode_echo(struct decode *d, struct event *e)
{
    struct str                to = json_get_text(e->item, "to");
    struct str                type = json_get_text(e->item, "type");
    struct str                user = json_get_text(e->item, "to_user_id");
    const struct json        *item = e->item;
    const struct decode_row  *row;

    e->id = json_get_text(item, "id");
    e->group = json_get_text(item, "group_id");
    e->line = decode_whatsapp_line(item, contacts_of(&d->contacts, to), true);

    if (type.len == 0 && json_is(json_get(item, "message"), JSON_OBJECT)) {
        e->item = json_get(item, "message");
        type = json_get_text(e->item, "type");
        to = decode_or(to, json_get_text(e->item, "to"));
        user = decode_or(user, json_get_text(e->item, "recipient"));
        e->ref = json_get_text(e->item, "biz_opaque_callback_data");
        e->template_name = decode_text(e->item, "template.name");
        e->template_language = decode_text(e->item,
                                           "template.language.code");
    }

    row = str_is(type, "interactive") ? &row_interactive
          : str_is(type, "template") ? &row_template
          : decode_find(decode_whatsapp_types, type);
    if (row != NULL) {
        decode_as(d, e, row);
    }

    e->kind = KIND_ECHO;
    e->type = type;
    decode_person(d, e, to, user);
    e->item = item;
}
