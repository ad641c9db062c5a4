/* Management calls of Messenger, of Pages and of Instagram
   (meta-webhooks-and-messaging.md 1.8, 8 and 9). */

#include "calls.h"


#define COUNT(table)  (sizeof(table) / sizeof((table)[0]))
#define MS            PRODUCT_MESSENGER
#define IG            PRODUCT_INSTAGRAM

static const char  platform[] = "platform=instagram";

/* what is asked for where the caller does not say */
static const char  profile_fields[] =
    "fields=get_started,greeting,ice_breakers,persistent_menu,commands,"
    "whitelisted_domains,account_linking_url";
static const char  instagram_fields[] =
    "fields=ice_breakers,persistent_menu";

static const char *const  the_platform[] = { "instagram", "messenger", NULL };


/* reads: Meta has more fields than the reference names */
static const struct member  read_members[] = {
    { .name = "fields", .shape = SHAPE_TEXT },
    { .name = "limit", .shape = SHAPE_INTEGER, .min = 1 },
    { .name = "after", .shape = SHAPE_TEXT }
};
static const struct schema  read_schema = SCHEMA_OPEN(read_members);

/* 1.8 */
static const struct member  fields_members[] = {
    { .name = "subscribed_fields", .shape = SHAPE_TEXT, .needed = true }
};
static const struct schema  fields_schema = SCHEMA(fields_members);


/* 8: the profile */
static const struct member  started_members[] = {
    { .name = "payload", .shape = SHAPE_TEXT, .needed = true, .max = 1000 }
};
static const struct schema  started_schema = SCHEMA(started_members);

static const struct member  greeting_members[] = {
    { .name = "locale", .shape = SHAPE_TEXT, .needed = true },
    { .name = "text", .shape = SHAPE_TEXT, .needed = true }
};
static const struct schema  greeting_schema = SCHEMA(greeting_members);
static const struct member  greeting = {
    .shape = SHAPE_OBJECT, .of = &greeting_schema
};


/* at most 4 questions: of a list of them, or of each language's */
static int breakers_whole(const struct json *j, const char *path,
    struct fault *f)
{
    char                at[SCHEMA_PATH_MAX];
    size_t              n = 0, i = 0, plain = 0;
    const struct json  *e, *list;

    for (e = j->child; e != NULL; e = e->next, i++) {
        list = json_get(e, "call_to_actions");
        if (list == NULL) {
            plain++;
            continue;
        }

        schema_at(at, path, i);
        for (n = 0, list = list->child; list != NULL; list = list->next) {
            n++;
        }
        if (schema_count(n, 4, "questions", at, f) != 0) {
            return -1;
        }
    }

    return schema_count(plain, 4, "questions", path, f);
}


static const struct member  any_object = {
    .shape = SHAPE_OBJECT, .of = &(const struct schema) { NULL, 0, true }
};

static const struct member  item_members[] = {
    { .name = "type", .shape = SHAPE_TEXT, .needed = true },
    { .name = "title", .shape = SHAPE_TEXT, .needed = true },
    { .name = "url", .shape = SHAPE_URL },
    { .name = "payload", .shape = SHAPE_TEXT, .max = 1000 }
};
static const struct schema  item_schema = SCHEMA_OPEN(item_members);
static const struct member  item = {
    .shape = SHAPE_OBJECT, .of = &item_schema
};

static const struct member  menu_members[] = {
    { .name = "locale", .shape = SHAPE_TEXT, .needed = true },
    { .name = "composer_input_disabled", .shape = SHAPE_BOOL },
    { .name = "call_to_actions", .shape = SHAPE_LIST, .max = 20,
      .item = &item },
    { .name = "disabled_surfaces", .shape = SHAPE_ANY }
};
static const struct schema  menu_schema = SCHEMA(menu_members);
static const struct member  menu = {
    .shape = SHAPE_OBJECT, .of = &menu_schema
};

static const struct member  domain = { .shape = SHAPE_URL };

static const struct member  profile_members[] = {
    { .name = "platform", .shape = SHAPE_TEXT, .words = the_platform },
    { .name = "get_started", .shape = SHAPE_OBJECT, .of = &started_schema },
    { .name = "greeting", .shape = SHAPE_LIST, .item = &greeting },
    { .name = "ice_breakers", .shape = SHAPE_LIST, .item = &any_object,
      .whole = breakers_whole },
    { .name = "persistent_menu", .shape = SHAPE_LIST, .item = &menu },
    { .name = "commands", .shape = SHAPE_LIST, .item = &any_object },
    { .name = "whitelisted_domains", .shape = SHAPE_LIST, .item = &domain },
    { .name = "account_linking_url", .shape = SHAPE_URL }
};
static const struct schema  profile_schema = SCHEMA(profile_members);

static const char *const  properties[] = {
    "get_started", "greeting", "ice_breakers", "persistent_menu", "commands",
    "whitelisted_domains", "account_linking_url", NULL
};

static const struct member  property = {
    .shape = SHAPE_TEXT, .words = properties
};

static const struct member  away_members[] = {
    { .name = "platform", .shape = SHAPE_TEXT, .words = the_platform },
    { .name = "fields", .shape = SHAPE_LIST, .needed = true, .min = 1,
      .item = &property }
};
static const struct schema  away_schema = SCHEMA(away_members);


static const struct member  user_menu_members[] = {
    { .name = "psid", .shape = SHAPE_ID, .needed = true },
    { .name = "persistent_menu", .shape = SHAPE_LIST, .needed = true,
      .item = &menu }
};
static const struct schema  user_menu_schema = SCHEMA(user_menu_members);

static const struct member  user_members[] = {
    { .name = "psid", .shape = SHAPE_ID, .needed = true }
};
static const struct schema  user_schema = SCHEMA_OPEN(user_members);


static const struct member  persona_members[] = {
    { .name = "name", .shape = SHAPE_TEXT, .needed = true },
    { .name = "profile_picture_url", .shape = SHAPE_URL, .needed = true }
};
static const struct schema  persona_schema = SCHEMA(persona_members);


static const char *const  file_types[] = {
    "image", "audio", "video", "file", NULL
};

static const struct member  payload_members[] = {
    { .name = "url", .shape = SHAPE_URL, .needed = true },
    { .name = "is_reusable", .shape = SHAPE_BOOL }
};
static const struct schema  payload_schema = SCHEMA(payload_members);

static const struct member  attachment_members[] = {
    { .name = "type", .shape = SHAPE_TEXT, .needed = true,
      .words = file_types },
    { .name = "payload", .shape = SHAPE_OBJECT, .needed = true,
      .of = &payload_schema }
};
static const struct schema  attachment_schema = SCHEMA(attachment_members);

static const struct member  message_members[] = {
    { .name = "attachment", .shape = SHAPE_OBJECT, .needed = true,
      .of = &attachment_schema }
};
static const struct schema  message_schema = SCHEMA(message_members);

static const struct member  upload_members[] = {
    { .name = "platform", .shape = SHAPE_TEXT, .words = the_platform },
    { .name = "message", .shape = SHAPE_OBJECT, .needed = true,
      .of = &message_schema }
};
static const struct schema  upload_schema = SCHEMA(upload_members);


static const struct member  recipient_members[] = {
    { .name = "id", .shape = SHAPE_ID, .needed = true }
};
static const struct schema  recipient_schema = SCHEMA(recipient_members);

#define RECIPIENT                                                             \
    { .name = "recipient", .shape = SHAPE_OBJECT, .needed = true,             \
      .of = &recipient_schema }

static const struct member  pass_members[] = {
    RECIPIENT,
    { .name = "target_app_id", .shape = SHAPE_ID, .needed = true },
    { .name = "metadata", .shape = SHAPE_TEXT }
};
static const struct schema  pass_schema = SCHEMA(pass_members);

static const struct member  thread_members[] = {
    RECIPIENT,
    { .name = "metadata", .shape = SHAPE_TEXT }
};
static const struct schema  thread_schema = SCHEMA(thread_members);


static const struct member  say_members[] = {
    { .name = "message", .shape = SHAPE_TEXT, .needed = true }
};
static const struct schema  say_schema = SCHEMA(say_members);

static const struct member  hide_members[] = {
    { .name = "hide", .shape = SHAPE_BOOL, .needed = true }
};
static const struct schema  hide_schema = SCHEMA(hide_members);

static const struct member  mention_members[] = {
    { .name = "media_id", .shape = SHAPE_ID, .needed = true },
    { .name = "comment_id", .shape = SHAPE_ID },
    { .name = "message", .shape = SHAPE_TEXT, .needed = true }
};
static const struct schema  mention_schema = SCHEMA(mention_members);


const struct call_row  calls_messenger[] = {
    { "subscription.list", MS, METHOD_GET, "{page}/subscribed_apps",
      CALL_QUERY, CALL_SAME, NULL, { NULL }, &read_schema, "1.8",
      "which apps get the webhooks of a Page" },
    { "subscription.add", MS, METHOD_POST, "{page}/subscribed_apps",
      CALL_QUERY, CALL_SAME, NULL, { NULL }, &fields_schema, "1.8",
      "the app gets those fields of a Page" },
    { "subscription.remove", MS, METHOD_DELETE, "{page}/subscribed_apps",
      CALL_QUERY, CALL_SAME, NULL, { NULL }, NULL, "1.8",
      "the app gets nothing of it any more" },

    { "profile.show", MS, METHOD_GET, "{me}/messenger_profile", CALL_QUERY,
      CALL_SAME, NULL, { profile_fields }, &read_schema, "8",
      "menu, greeting and their kind" },
    { "profile.set", MS, METHOD_POST, "{me}/messenger_profile", CALL_JSON,
      CALL_SAME, NULL, { NULL }, &profile_schema, "8", "sets some of them" },
    { "profile.delete", MS, METHOD_DELETE, "{me}/messenger_profile", CALL_JSON,
      CALL_SAME, NULL, { NULL }, &away_schema, "8 (unconfirmed)",
      "deletes some of them" },

    { "menu.show", MS, METHOD_GET, "{me}/custom_user_settings", CALL_QUERY,
      CALL_SAME | CALL_PEOPLE, NULL, { NULL }, &user_schema, "8",
      "the menu of one person" },
    { "menu.set", MS, METHOD_POST, "{me}/custom_user_settings", CALL_JSON,
      CALL_SAME | CALL_PEOPLE, NULL, { NULL }, &user_menu_schema, "8",
      "sets it; 10 calls for a person in 10 minutes" },
    { "menu.delete", MS, METHOD_DELETE, "{me}/custom_user_settings",
      CALL_QUERY, CALL_SAME | CALL_PEOPLE, NULL, { NULL }, &user_schema, "8",
      "deletes it" },

    { "persona.list", MS, METHOD_GET, "{page}/personas", CALL_QUERY, CALL_SAME,
      NULL, { NULL }, &read_schema, "8", "the personas of a Page" },
    { "persona.create", MS, METHOD_POST, "{page}/personas", CALL_JSON, 0, NULL,
      { NULL }, &persona_schema, "8", "a new one" },
    { "persona.show", MS, METHOD_GET, "{persona}", CALL_QUERY, CALL_SAME, NULL,
      { NULL }, &read_schema, "8", "one of them" },
    { "persona.delete", MS, METHOD_DELETE, "{persona}", CALL_QUERY, CALL_SAME,
      NULL, { NULL }, NULL, "8", "deletes one" },

    { "attachment.upload", MS, METHOD_POST, "{me}/message_attachments",
      CALL_JSON, 0, NULL, { NULL }, &upload_schema, "8 (unconfirmed)",
      "a file by its URL, to be sent by attachment_id" },

    { "thread.pass", MS, METHOD_POST, "{me}/pass_thread_control", CALL_JSON,
      CALL_SAME | CALL_PEOPLE, NULL, { NULL }, &pass_schema, "8 (unconfirmed)",
      "hands a conversation to another app" },
    { "thread.take", MS, METHOD_POST, "{me}/take_thread_control", CALL_JSON,
      CALL_SAME | CALL_PEOPLE, NULL, { NULL }, &thread_schema,
      "8 (unconfirmed)", "takes it" },
    { "thread.request", MS, METHOD_POST, "{me}/request_thread_control",
      CALL_JSON, CALL_PEOPLE, NULL, { NULL }, &thread_schema,
      "8 (unconfirmed)", "asks for it" },
    { "thread.release", MS, METHOD_POST, "{me}/release_thread_control",
      CALL_JSON, CALL_SAME | CALL_PEOPLE, NULL, { NULL }, &thread_schema,
      "8 (unconfirmed)", "gives it back" },

    { "comment.reply", MS, METHOD_POST, "{comment}/comments", CALL_QUERY, 0,
      NULL, { NULL }, &say_schema, "8 (unconfirmed)", "a public reply" },
    { "comment.delete", MS, METHOD_DELETE, "{comment}", CALL_QUERY, CALL_SAME,
      NULL, { NULL }, NULL, "8 (unconfirmed)", "deletes a comment" },
    { "user.show", MS, METHOD_GET, "{psid}", CALL_QUERY,
      CALL_SAME | CALL_PEOPLE, NULL, { NULL }, &read_schema, "8",
      "a person's first_name, last_name, profile_pic" }
};
const size_t  calls_messenger_n = COUNT(calls_messenger);


const struct call_row  calls_instagram[] = {
    { "subscription.list", IG, METHOD_GET, "{instagram}/subscribed_apps",
      CALL_QUERY, CALL_SAME, NULL, { NULL }, &read_schema, "1.8",
      "which apps get the webhooks of an account" },
    { "subscription.add", IG, METHOD_POST, "{instagram}/subscribed_apps",
      CALL_QUERY, CALL_SAME, NULL, { NULL }, &fields_schema, "1.8",
      "the app gets its webhooks" },
    { "subscription.remove", IG, METHOD_DELETE, "{instagram}/subscribed_apps",
      CALL_QUERY, CALL_SAME, NULL, { NULL }, NULL, "1.8",
      "the app gets nothing of it any more" },

    { "profile.show", IG, METHOD_GET, "{me}/messenger_profile", CALL_QUERY,
      CALL_SAME, NULL, { platform, instagram_fields }, &read_schema, "9",
      "ice breakers and menu" },
    { "profile.set", IG, METHOD_POST, "{me}/messenger_profile", CALL_JSON,
      CALL_SAME, NULL, { platform }, &profile_schema, "9", "sets them" },
    { "profile.delete", IG, METHOD_DELETE, "{me}/messenger_profile", CALL_JSON,
      CALL_SAME, NULL, { platform }, &away_schema, "9 (unconfirmed)",
      "deletes them" },

    { "comment.reply", IG, METHOD_POST, "{comment}/replies", CALL_QUERY, 0,
      NULL, { NULL }, &say_schema, "9", "a public reply to a comment" },
    { "comment.create", IG, METHOD_POST, "{media}/comments", CALL_QUERY, 0,
      NULL, { NULL }, &say_schema, "9", "a comment of the account's own" },
    { "comment.hide", IG, METHOD_POST, "{comment}", CALL_QUERY, CALL_SAME,
      "hide", { NULL }, &hide_schema, "9", "hides a comment, or shows it" },
    { "comment.delete", IG, METHOD_DELETE, "{comment}", CALL_QUERY, CALL_SAME,
      NULL, { NULL }, NULL, "9", "deletes a comment" },
    { "mention.reply", IG, METHOD_POST, "{instagram}/mentions", CALL_QUERY, 0,
      NULL, { NULL }, &mention_schema, "9 (unconfirmed)",
      "a public reply where the account was mentioned" }
};
const size_t  calls_instagram_n = COUNT(calls_instagram);
