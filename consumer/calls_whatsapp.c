/* WhatsApp's management calls (meta-webhooks-and-messaging.md 1.8, 7.4, 7.5;
   meta-graph-oauth-ads-capi.md 3.4; the profile: Meta's page "Business
   profiles" of June 2026). */

#include "calls.h"


#define COUNT(table)  (sizeof(table) / sizeof((table)[0]))
#define WA            PRODUCT_WHATSAPP

static const char  product[] = "messaging_product=whatsapp";

/* what is asked for where the caller does not say: Meta answers with next to
   nothing else.  7.5; meta-graph-oauth-ads-capi.md 3.4 */
static const char  number_fields[] =
    "fields=throughput,quality_rating,"
    "whatsapp_business_manager_messaging_limit,webhook_configuration";
static const char  list_fields[] =
    "fields=id,display_phone_number,verified_name,code_verification_status,"
    "quality_rating,name_status,platform_type,status,throughput";
static const char  profile_fields[] =
    "fields=about,address,description,email,profile_picture_url,websites,"
    "vertical";

static const char *const  the_product[] = { "whatsapp", NULL };

#define THE_PRODUCT                                                           \
    { .name = "messaging_product", .shape = SHAPE_TEXT, .words = the_product }


/* reads: Meta has more fields and filters than the reference names */
static const struct member  read_members[] = {
    { .name = "fields", .shape = SHAPE_TEXT },
    { .name = "limit", .shape = SHAPE_INTEGER, .min = 1 },
    { .name = "after", .shape = SHAPE_TEXT },
    { .name = "before", .shape = SHAPE_TEXT }
};
static const struct schema  read_schema = SCHEMA_OPEN(read_members);

/* 7.4 */
static const struct member  media_members[] = {
    { .name = "phone_number_id", .shape = SHAPE_ID }
};
static const struct schema  media_schema = SCHEMA(media_members);


/* 7.5: what differs by the type of a component, which is written in capitals
   or not */
static bool type_is(const struct json *j, const char *name)
{
    size_t      i;
    struct str  type = json_get_text(j, "type");

    for (i = 0; i < type.len && name[i] != '\0'; i++) {
        if ((type.at[i] & ~0x20) != name[i]) {
            return false;
        }
    }

    return i == type.len && name[i] == '\0';
}


static int component_text(const struct json *j, size_t max, const char *path,
    struct fault *f)
{
    char  full[SCHEMA_PATH_MAX];

    schema_join(full, path, STR("text"));

    return schema_count(schema_characters(json_get_text(j, "text")), max,
                        "characters", full, f);
}


static int component_whole(const struct json *j, const char *path,
    struct fault *f)
{
    if (type_is(j, "HEADER")) {
        if (json_get(j, "format") == NULL) {
            return fault_set(f, path, NULL, NONE, "format is missing: TEXT,"
                             " IMAGE, VIDEO, DOCUMENT, ...");
        }
        return component_text(j, 60, path, f);
    }

    if (type_is(j, "BODY")) {
        return component_text(j, 1024, path, f);
    }

    if (type_is(j, "FOOTER")) {
        return component_text(j, 60, path, f);
    }

    if (type_is(j, "BUTTONS") && json_get(j, "buttons") == NULL) {
        return fault_set(f, path, NULL, NONE, "buttons is missing");
    }

    return 0;
}


static const struct member  button_members[] = {
    { .name = "type", .shape = SHAPE_TEXT, .needed = true },
    { .name = "text", .shape = SHAPE_TEXT, .max = 25 },
    { .name = "url", .shape = SHAPE_TEXT, .max = 2000 }
};
static const struct schema  button_schema = SCHEMA_OPEN(button_members);
static const struct member  button = {
    .shape = SHAPE_OBJECT, .of = &button_schema
};

static const struct member  component_members[] = {
    { .name = "type", .shape = SHAPE_TEXT, .needed = true },
    { .name = "format", .shape = SHAPE_TEXT },
    { .name = "text", .shape = SHAPE_TEXT },
    { .name = "buttons", .shape = SHAPE_LIST, .min = 1, .item = &button }
};
static const struct schema  component_schema = SCHEMA_OPEN(component_members);
static const struct member  component = {
    .shape = SHAPE_OBJECT, .of = &component_schema, .whole = component_whole
};


static int name_whole(const struct json *j, const char *path, struct fault *f)
{
    size_t      i;
    struct str  name = json_text(j);

    for (i = 0; i < name.len; i++) {
        if ((name.at[i] < 'a' || name.at[i] > 'z')
            && (name.at[i] < '0' || name.at[i] > '9') && name.at[i] != '_')
        {
            return fault_set(f, path, "a-z0-9_", name, "takes a to z, 0 to 9"
                             " and _ only");
        }
    }

    return 0;
}


static const char *const  categories[] = {
    "MARKETING", "UTILITY", "AUTHENTICATION", NULL
};
static const char *const  formats[] = {
    "NAMED", "POSITIONAL", "named", "positional", NULL
};

/* Meta takes more members than the reference names */
static const struct member  template_members[] = {
    { .name = "name", .shape = SHAPE_TEXT, .needed = true, .max = 512,
      .whole = name_whole },
    { .name = "language", .shape = SHAPE_TEXT, .needed = true },
    { .name = "category", .shape = SHAPE_TEXT, .needed = true,
      .words = categories },
    { .name = "parameter_format", .shape = SHAPE_TEXT, .words = formats },
    { .name = "message_send_ttl_seconds", .shape = SHAPE_INTEGER },
    { .name = "components", .shape = SHAPE_LIST, .min = 1,
      .item = &component }
};
const struct schema  template_schema = SCHEMA_OPEN(template_members);

static const struct member  edit_members[] = {
    { .name = "category", .shape = SHAPE_TEXT, .words = categories },
    { .name = "parameter_format", .shape = SHAPE_TEXT, .words = formats },
    { .name = "message_send_ttl_seconds", .shape = SHAPE_INTEGER },
    { .name = "components", .shape = SHAPE_LIST, .needed = true, .min = 1,
      .item = &component }
};
static const struct schema  edit_schema = SCHEMA_OPEN(edit_members);

static const struct member  away_members[] = {
    { .name = "name", .shape = SHAPE_TEXT, .needed = true, .max = 512 },
    { .name = "hsm_id", .shape = SHAPE_ID }
};
static const struct schema  away_schema = SCHEMA(away_members);


static int pin_whole(const struct json *j, const char *path, struct fault *f)
{
    struct str  pin = json_text(j);

    return str_digits(pin) && pin.len == 6 ? 0
           : fault_set(f, path, "6 digits", NONE, "must be 6 digits");
}


static const char *const  methods[] = { "SMS", "VOICE", NULL };

static const struct member  ask_members[] = {
    { .name = "code_method", .shape = SHAPE_TEXT, .needed = true,
      .words = methods },
    { .name = "language", .shape = SHAPE_TEXT, .needed = true }
};
static const struct schema  ask_schema = SCHEMA(ask_members);

static const struct member  verify_members[] = {
    { .name = "code", .shape = SHAPE_ID, .needed = true }
};
static const struct schema  verify_schema = SCHEMA(verify_members);

static const struct member  register_members[] = {
    THE_PRODUCT,
    { .name = "pin", .shape = SHAPE_TEXT, .needed = true,
      .whole = pin_whole },
    { .name = "data_localization_region", .shape = SHAPE_TEXT, .min = 2,
      .max = 2 }
};
static const struct schema  register_schema = SCHEMA(register_members);

static const struct member  pin_members[] = {
    { .name = "pin", .shape = SHAPE_TEXT, .needed = true,
      .whole = pin_whole }
};
static const struct schema  pin_schema = SCHEMA(pin_members);


/* 1.8: an override's URL has at most 200 characters, an empty one ends it */
static const struct member  override_members[] = {
    { .name = "override_callback_uri", .shape = SHAPE_TEXT, .empty = true,
      .max = 200 },
    { .name = "verify_token", .shape = SHAPE_TEXT, .empty = true }
};
static const struct schema  override_schema = SCHEMA(override_members);

static const struct member  webhook_members[] = {
    { .name = "webhook_configuration", .shape = SHAPE_OBJECT, .needed = true,
      .of = &override_schema }
};
static const struct schema  webhook_schema = SCHEMA(webhook_members);


/* "Business profiles" */
static const char *const  verticals[] = {
    "UNDEFINED", "OTHER", "AUTO", "BEAUTY", "APPAREL", "EDU", "ENTERTAIN",
    "EVENT_PLAN", "FINANCE", "GROCERY", "GOVT", "HOTEL", "HEALTH",
    "NONPROFIT", "PROF_SERVICES", "RETAIL", "TRAVEL", "RESTAURANT",
    "NOT_A_BIZ", "", NULL
};

static const struct member  website = { .shape = SHAPE_URL, .max = 256 };

static const struct member  profile_members[] = {
    THE_PRODUCT,
    { .name = "about", .shape = SHAPE_TEXT, .max = 139 },
    { .name = "address", .shape = SHAPE_TEXT, .empty = true, .max = 256 },
    { .name = "description", .shape = SHAPE_TEXT, .empty = true,
      .max = 512 },
    { .name = "email", .shape = SHAPE_TEXT, .empty = true, .max = 128 },
    { .name = "profile_picture_handle", .shape = SHAPE_TEXT },
    { .name = "vertical", .shape = SHAPE_TEXT, .empty = true,
      .words = verticals },
    { .name = "websites", .shape = SHAPE_LIST, .empty = true, .max = 2,
      .item = &website }
};
static const struct schema  profile_schema = SCHEMA(profile_members);


static const struct member  blocked_members[] = {
    { .name = "user", .shape = SHAPE_TEXT, .needed = true }
};
static const struct schema  blocked_schema = SCHEMA(blocked_members);
static const struct member  blocked = {
    .shape = SHAPE_OBJECT, .of = &blocked_schema
};

static const struct member  block_members[] = {
    THE_PRODUCT,
    { .name = "block_users", .shape = SHAPE_LIST, .needed = true, .min = 1,
      .item = &blocked }
};
static const struct schema  block_schema = SCHEMA(block_members);


static const char *const  call_words[] = {
    "pre_accept", "accept", "reject", "terminate", "connect", NULL
};

static const struct member  session_members[] = {
    { .name = "sdp_type", .shape = SHAPE_TEXT, .needed = true },
    { .name = "sdp", .shape = SHAPE_TEXT, .needed = true }
};
static const struct schema  session_schema = SCHEMA(session_members);

static const struct member  call_members[] = {
    THE_PRODUCT,
    { .name = "call_id", .shape = SHAPE_TEXT },
    { .name = "to", .shape = SHAPE_TEXT },
    { .name = "action", .shape = SHAPE_TEXT, .needed = true,
      .words = call_words },
    { .name = "session", .shape = SHAPE_OBJECT, .of = &session_schema },
    { .name = "biz_opaque_callback_data", .shape = SHAPE_TEXT, .max = 512 }
};
static const struct schema  call_schema = SCHEMA(call_members);


/* 1.8, of the app: meta-graph-oauth-ads-capi.md 8.4 */
static const struct member  app_members[] = {
    { .name = "object", .shape = SHAPE_TEXT, .needed = true },
    { .name = "callback_url", .shape = SHAPE_URL, .needed = true },
    { .name = "verify_token", .shape = SHAPE_TEXT, .needed = true },
    { .name = "fields", .shape = SHAPE_TEXT },
    { .name = "include_values", .shape = SHAPE_BOOL }
};
static const struct schema  app_schema = SCHEMA(app_members);

static const struct member  app_away_members[] = {
    { .name = "object", .shape = SHAPE_TEXT },
    { .name = "fields", .shape = SHAPE_TEXT }
};
static const struct schema  app_away_schema = SCHEMA(app_away_members);


const struct call_row  calls_whatsapp[] = {
    { "app.list", PRODUCT_NONE, METHOD_GET, "{app}/subscriptions", CALL_QUERY,
      CALL_SAME | CALL_APP, NULL, { NULL }, &read_schema, "1.8",
      "what the app is subscribed to, and where it goes" },
    { "app.subscribe", PRODUCT_NONE, METHOD_POST, "{app}/subscriptions",
      CALL_FORM, CALL_SAME | CALL_APP, NULL, { NULL }, &app_schema, "1.8",
      "the app's webhook for an object; Meta asks the URL at once" },
    { "app.unsubscribe", PRODUCT_NONE, METHOD_DELETE, "{app}/subscriptions",
      CALL_QUERY, CALL_SAME | CALL_APP, NULL, { NULL }, &app_away_schema,
      "1.8", "ends it, for an object or altogether" },

    { "subscription.list", WA, METHOD_GET, "{waba}/subscribed_apps",
      CALL_QUERY, CALL_SAME, NULL, { NULL }, &read_schema, "1.8",
      "which apps get the webhooks of a WABA" },
    { "subscription.add", WA, METHOD_POST, "{waba}/subscribed_apps", CALL_JSON,
      CALL_SAME, NULL, { NULL }, &override_schema, "1.8",
      "the app gets them, at a URL of their own where one is named" },
    { "subscription.remove", WA, METHOD_DELETE, "{waba}/subscribed_apps",
      CALL_QUERY, CALL_SAME, NULL, { NULL }, NULL, "7.5",
      "the app gets them no more" },

    { "number.list", WA, METHOD_GET, "{waba}/phone_numbers", CALL_QUERY,
      CALL_SAME, NULL, { list_fields }, &read_schema,
      "3.4 of the Graph reference", "the numbers of a WABA" },
    { "number.show", WA, METHOD_GET, "{phone}", CALL_QUERY, CALL_SAME, NULL,
      { number_fields }, &read_schema, "7.5",
      "throughput, quality, limit of a number" },
    { "number.request_code", WA, METHOD_POST, "{phone}/request_code",
      CALL_JSON, 0, NULL, { NULL }, &ask_schema, "7.5",
      "Meta sends a code to the number" },
    { "number.verify_code", WA, METHOD_POST, "{phone}/verify_code", CALL_JSON,
      0, NULL, { NULL }, &verify_schema, "7.5", "the code that came" },
    { "number.register", WA, METHOD_POST, "{phone}/register", CALL_JSON, 0,
      NULL, { product }, &register_schema, "7.5",
      "the number may send; 10 attempts in 72 hours" },
    { "number.deregister", WA, METHOD_POST, "{phone}/deregister", CALL_JSON, 0,
      NULL, { NULL }, NULL, "7.5", "it may send no more" },
    { "number.pin", WA, METHOD_POST, "{phone}", CALL_JSON, CALL_SAME, "pin",
      { NULL }, &pin_schema, "7.5", "sets the two-step pin" },
    { "number.webhook", WA, METHOD_POST, "{phone}", CALL_JSON, CALL_SAME,
      "webhook_configuration", { NULL }, &webhook_schema, "1.8",
      "a URL for the webhooks of this number" },

    { "profile.show", WA, METHOD_GET, "{phone}/whatsapp_business_profile",
      CALL_QUERY, CALL_SAME, NULL, { profile_fields }, &read_schema,
      "Business profiles", "what people see of the business" },
    { "profile.set", WA, METHOD_POST, "{phone}/whatsapp_business_profile",
      CALL_JSON, CALL_SAME, NULL, { product }, &profile_schema,
      "Business profiles", "changes it" },

    { "template.list", WA, METHOD_GET, "{waba}/message_templates", CALL_QUERY,
      CALL_SAME, NULL, { NULL }, &read_schema, "7.5",
      "the templates of a WABA" },
    { "template.create", WA, METHOD_POST, "{waba}/message_templates",
      CALL_JSON, 0, NULL, { NULL }, &template_schema, "7.5", "a new one" },
    { "template.edit", WA, METHOD_POST, "{template}", CALL_JSON, 0,
      "components", { NULL }, &edit_schema, "7.5",
      "changes one; approved ones once in 24 hours, 10 times in 30 days" },
    { "template.delete", WA, METHOD_DELETE, "{waba}/message_templates",
      CALL_QUERY, CALL_SAME, NULL, { NULL }, &away_schema, "7.5",
      "deletes one, without hsm_id in all languages" },

    { "media.show", WA, METHOD_GET, "{media}", CALL_QUERY, CALL_SAME, NULL,
      { NULL }, &media_schema, "7.4",
      "its URL (5 minutes), type, size, sha256" },
    { "media.delete", WA, METHOD_DELETE, "{media}", CALL_QUERY, CALL_SAME,
      NULL, { NULL }, &media_schema, "7.4", "deletes it" },

    { "block.list", WA, METHOD_GET, "{phone}/block_users", CALL_QUERY,
      CALL_SAME | CALL_PEOPLE, NULL, { NULL }, &read_schema, "7.5",
      "who is blocked" },
    { "block.add", WA, METHOD_POST, "{phone}/block_users", CALL_JSON,
      CALL_SAME | CALL_PEOPLE, NULL, { product }, &block_schema, "7.5",
      "blocks people" },
    { "block.remove", WA, METHOD_DELETE, "{phone}/block_users", CALL_JSON,
      CALL_SAME | CALL_PEOPLE, NULL, { product }, &block_schema, "7.5",
      "unblocks them" },

    { "call.answer", WA, METHOD_POST, "{phone}/calls", CALL_JSON, 0, NULL,
      { product }, &call_schema, "7.5", "accepts, rejects or ends a call" }
};
const size_t  calls_whatsapp_n = COUNT(calls_whatsapp);
