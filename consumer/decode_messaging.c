/* What an item of messaging[] or standby[] is: Messenger's and Instagram's
   (meta-webhooks-and-messaging.md 4.1 and 5). */

#include "decode.h"


static void read_message(struct decode *d, struct event *e);
static void read_edit(struct decode *d, struct event *e);
static void read_reaction(struct decode *d, struct event *e);
static void read_postback(struct decode *d, struct event *e);
static void read_delivery(struct decode *d, struct event *e);
static void read_read(struct decode *d, struct event *e);
static void read_optin(struct decode *d, struct event *e);
static void read_referral(struct decode *d, struct event *e);
static void read_pass(struct decode *d, struct event *e);
static void read_take(struct decode *d, struct event *e);
static void read_request(struct decode *d, struct event *e);
static void read_roles(struct decode *d, struct event *e);


/* the member beside sender tells what it is; the first that is there counts */
const struct decode_row  decode_messaging_members[] = {
    { "message", KIND_MESSAGE, NULL, "message.text",
      "message.quick_reply.payload", NULL, NULL,
      "`quick_reply` is `postback`, `is_deleted` `unsend`, `is_echo` `echo`,"
      " `is_unsupported` `unsupported`", read_message },
    { "message_edit", KIND_EDIT, NULL, "message_edit.text", NULL, NULL,
      "message_edit.mid", NULL, read_edit },
    { "reaction", KIND_REACTION, NULL, "reaction.emoji", NULL,
      "reaction.action", "reaction.mid", NULL, read_reaction },
    { "postback", KIND_POSTBACK, NULL, "postback.title", "postback.payload",
      NULL, NULL, NULL, read_postback },
    { "delivery", KIND_DELIVERY, NULL, NULL, NULL, NULL, NULL,
      "all before the watermark", read_delivery },
    { "read", KIND_READ, NULL, NULL, NULL, NULL, "read.mid",
      "Messenger: all before the watermark; Instagram: one message",
      read_read },
    { "optin", KIND_OPTIN, "optin.type", "optin.title", "optin.payload", NULL,
      NULL, "with `notification_messages_status` it is `preference`",
      read_optin },
    { "referral", KIND_REFERRAL, "referral.type", NULL, NULL, NULL, NULL,
      NULL, read_referral },
    { "account_linking", KIND_LINKING, NULL, NULL, NULL,
      "account_linking.status", NULL, NULL, NULL },
    { "pass_thread_control", KIND_HANDOVER, NULL, NULL, NULL, NULL, NULL,
      "state is `passed`", read_pass },
    { "take_thread_control", KIND_HANDOVER, NULL, NULL, NULL, NULL, NULL,
      "state is `taken`", read_take },
    { "request_thread_control", KIND_HANDOVER, NULL, NULL, NULL, NULL, NULL,
      "state is `requested`", read_request },
    { "app_roles", KIND_HANDOVER, NULL, NULL, NULL, NULL, NULL,
      "state is `roles`", read_roles },
    { "policy_enforcement", KIND_POLICY, NULL, "policy_enforcement.reason",
      NULL, "policy_enforcement.action", NULL, NULL, NULL },
    { "policy-enforcement", KIND_POLICY, NULL, "policy-enforcement.reason",
      NULL, "policy-enforcement.action", NULL, "the older spelling", NULL },
    { "response_feedback", KIND_FEEDBACK, NULL, "response_feedback.feedback",
      NULL, NULL, "response_feedback.mid", NULL, NULL },
    { "messaging_feedback", KIND_FEEDBACK, NULL, NULL, NULL, NULL, NULL, NULL,
      NULL },
    { "payment", KIND_POSTBACK, NULL, NULL, "payment.payload", NULL, NULL,
      "a buy button, no more sent", NULL },
    { "checkout_update", KIND_POSTBACK, NULL, NULL, "checkout_update.payload",
      NULL, NULL, "the same", NULL },
    { "pre_checkout", KIND_POSTBACK, NULL, NULL, "pre_checkout.payload", NULL,
      NULL, "the same", NULL },
    { "send_cart", KIND_MESSAGE, NULL, NULL, NULL, NULL, NULL, NULL, NULL },
    { "game_play", KIND_SYSTEM, NULL, NULL, "game_play.payload", NULL, NULL,
      NULL, NULL },
    { "prior_message", KIND_OPTIN, "prior_message.source", NULL, NULL, NULL,
      NULL, "where no message stands beside it", NULL },
    { NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};


static const struct decode_row  row_unknown = {
    "", KIND_UNKNOWN, NULL, NULL, NULL, NULL, NULL, NULL, NULL
};


static const struct json *object_of(const struct json *j)
{
    return json_is(j, JSON_OBJECT) ? j : NULL;
}


static bool is_true(const struct json *j)
{
    return json_is(j, JSON_TRUE);
}


static void read_message(struct decode *d, struct event *e)
{
    const struct json  *m = json_get(e->item, "message");
    struct str          type = json_get_text(
                            decode_first(json_get(m, "attachments")), "type");

    (void) d;
    e->id = json_get_text(m, "mid");
    e->type = type.len ? type : STR("text");
    e->ref = json_get_text(m, "metadata");
    e->app = json_get_text(m, "app_id");
    e->reply_to = decode_or(decode_text(m, "reply_to.mid"),
                            decode_text(m, "reply_to.story.id"));
    e->referral = object_of(json_get(m, "referral"));

    if (is_true(json_get(m, "is_deleted"))) {
        e->kind = KIND_UNSEND;
        e->target = e->id;

    } else if (is_true(json_get(m, "is_unsupported"))
               || str_is(type, "unsupported_type"))
    {
        e->kind = KIND_UNSUPPORTED;

    } else if (e->payload.len) {
        e->kind = KIND_POSTBACK;
        e->type = STR("quick_reply");
    }
}


static void read_edit(struct decode *d, struct event *e)
{
    (void) d;
    e->id = e->target;
}


static void read_reaction(struct decode *d, struct event *e)
{
    (void) d;
    e->text = decode_or(e->text, decode_text(e->item, "reaction.reaction"));
}


static void read_postback(struct decode *d, struct event *e)
{
    (void) d;
    e->id = decode_text(e->item, "postback.mid");
    e->referral = object_of(decode_at(e->item, "postback.referral"));
}


static void read_delivery(struct decode *d, struct event *e)
{
    const struct json  *mids = decode_at(e->item, "delivery.mids");

    (void) d;
    e->watermark = decode_ms(decode_text(e->item, "delivery.watermark"));
    e->mids = json_is(mids, JSON_ARRAY) ? mids : NULL;
    e->target = json_text(decode_first(mids));
}


static void read_read(struct decode *d, struct event *e)
{
    (void) d;
    e->watermark = decode_ms(decode_text(e->item, "read.watermark"));
}


/* marketing messages: the status is documented with a blank (4.1) */
static void read_optin(struct decode *d, struct event *e)
{
    struct str  status = decode_text(e->item,
                                     "optin.notification_messages_status");

    (void) d;
    e->payload = decode_or(e->payload, decode_text(e->item, "optin.ref"));

    if (status.len >= 4 && memcmp(status.at, "STOP", 4) == 0) {
        e->kind = KIND_PREFERENCE;
        e->state = STR("stop");

    } else if (status.len >= 6 && memcmp(status.at, "RESUME", 6) == 0) {
        e->kind = KIND_PREFERENCE;
        e->state = STR("resume");
    }
}


static void read_referral(struct decode *d, struct event *e)
{
    (void) d;
    e->referral = object_of(json_get(e->item, "referral"));
}


static void read_pass(struct decode *d, struct event *e)
{
    (void) d;
    e->state = STR("passed");
    e->ref = decode_text(e->item, "pass_thread_control.metadata");
    e->app = decode_text(e->item, "pass_thread_control.new_owner_app_id");
}


static void read_take(struct decode *d, struct event *e)
{
    (void) d;
    e->state = STR("taken");
    e->ref = decode_text(e->item, "take_thread_control.metadata");
    e->app = decode_text(e->item, "take_thread_control.new_owner_app_id");
}


static void read_request(struct decode *d, struct event *e)
{
    (void) d;
    e->state = STR("requested");
    e->ref = decode_text(e->item, "request_thread_control.metadata");
    e->app = decode_text(e->item,
                         "request_thread_control.requested_owner_app_id");
}


static void read_roles(struct decode *d, struct event *e)
{
    (void) d;
    e->state = STR("roles");
}


/* the account itself: also where an echo does not say so */
static bool item_own(const struct decode *d, const struct json *item)
{
    struct str  sender = decode_text(item, "sender.id");

    return is_true(decode_at(item, "message.is_echo"))
           || (d->r->entry.len && str_equal(sender, d->r->entry));
}


/* the other side; a guest, and a checkbox, have a reference only */
static void item_person(struct decode *d, struct event *e, bool own)
{
    const struct json  *who;
    struct str          entry = d->r->entry;
    struct str          sender = decode_text(e->item, "sender.id");

    who = json_get(e->item, own && !str_equal(entry, decode_text(e->item,
                                                  "recipient.id"))
                   ? "recipient" : "sender");

    e->to = e->user = json_get_text(who, "id");
    e->address = e->user.len ? ADDRESS_USER_ID : ADDRESS_NONE;

    /* a website chose it: it may be somebody's id, and stands for nobody */
    if (e->user.len == 0) {
        e->to = decode_or(json_get_text(who, "user_ref"),
                          decode_text(e->item, "optin.user_ref"));
        if (e->to.len) {
            e->address = ADDRESS_USER_REF;
            e->user = decode_prefixed(d->r, "ref:", e->to);
        }
    }

    /* contract 4's is by sender alone */
    e->line = entry.len && str_equal(sender, entry)
              ? decode_text(e->item, "recipient.id")
              : decode_or(sender, decode_text(e->item, "sender.user_ref"));
}


/* what somebody does, as opposed to what Meta or another app does */
static bool kind_written(enum kind kind)
{
    return kind == KIND_MESSAGE || kind == KIND_POSTBACK
           || kind == KIND_REACTION || kind == KIND_EDIT
           || kind == KIND_UNSEND || kind == KIND_UNSUPPORTED;
}


static const struct decode_row *row_of(const struct json *item)
{
    const struct json        *member;
    const struct decode_row  *row;

    for (row = decode_messaging_members; row->name != NULL; row++) {
        member = json_get(item, row->name);
        if (member != NULL && member->type != JSON_NULL) {
            return row;
        }
    }

    return NULL;
}


/* decode_messaging reads an item, if it is one: a change's value must name
   somebody, for other changes have members of the same names */
bool decode_messaging(struct decode *d, const struct json *item, bool named)
{
    bool                      own, person;
    struct event             *e;
    const struct decode_row  *row = row_of(item);

    person = object_of(json_get(item, "sender")) != NULL
             || object_of(json_get(item, "recipient")) != NULL;

    if (!person && (named || row == NULL)) {
        return false;
    }

    e = decode_add(d, row != NULL ? row : &row_unknown, item);
    if (e == NULL) {
        return true;
    }

    own = item_own(d, item);
    item_person(d, e, own);

    if (own && kind_written(e->kind)) {
        e->type = e->kind == KIND_MESSAGE ? e->type
                  : STR(kind_name(e->kind));
        e->kind = KIND_ECHO;
    }

    return true;
}
