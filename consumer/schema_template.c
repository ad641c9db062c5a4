/* WhatsApp's templates: what stands in each of their components
   (meta-webhooks-and-messaging.md 7.3). */

#include "channel.h"


#define TYPE  { .name = "type", .shape = SHAPE_TEXT, .needed = true }


/* parameters of header and body; parameter_name only where the template's are
   named */
static const struct member  text_members[] = {
    TYPE, { .name = "text", .shape = SHAPE_TEXT, .needed = true },
    { .name = "parameter_name", .shape = SHAPE_TEXT }
};
static const struct schema  text_schema = SCHEMA(text_members);

static const struct member  money_members[] = {
    { .name = "fallback_value", .shape = SHAPE_TEXT, .needed = true },
    { .name = "code", .shape = SHAPE_TEXT, .needed = true, .min = 3,
      .max = 3 },
    { .name = "amount_1000", .shape = SHAPE_INTEGER, .needed = true }
};
static const struct schema  money_schema = SCHEMA(money_members);

static const struct member  currency_members[] = {
    TYPE, { .name = "currency", .shape = SHAPE_OBJECT, .needed = true,
            .of = &money_schema },
    { .name = "parameter_name", .shape = SHAPE_TEXT }
};
static const struct schema  currency_schema = SCHEMA(currency_members);

static const struct member  date_members[] = {
    { .name = "fallback_value", .shape = SHAPE_TEXT, .needed = true }
};
static const struct schema  date_schema = SCHEMA_OPEN(date_members);

static const struct member  date_time_members[] = {
    TYPE, { .name = "date_time", .shape = SHAPE_OBJECT, .needed = true,
            .of = &date_schema },
    { .name = "parameter_name", .shape = SHAPE_TEXT }
};
static const struct schema  date_time_schema = SCHEMA(date_time_members);

static const struct member  media_members[] = {
    { .name = "id", .shape = SHAPE_ID, .one_of = 1 },
    { .name = "link", .shape = SHAPE_URL, .one_of = 1 },
    { .name = "filename", .shape = SHAPE_TEXT }
};
static const struct schema  media_schema = SCHEMA(media_members);

static const struct member  image_members[] = {
    TYPE, { .name = "image", .shape = SHAPE_OBJECT, .needed = true,
            .of = &media_schema }
};
static const struct schema  image_schema = SCHEMA(image_members);

static const struct member  video_members[] = {
    TYPE, { .name = "video", .shape = SHAPE_OBJECT, .needed = true,
            .of = &media_schema }
};
static const struct schema  video_schema = SCHEMA(video_members);

static const struct member  document_members[] = {
    TYPE, { .name = "document", .shape = SHAPE_OBJECT, .needed = true,
            .of = &media_schema }
};
static const struct schema  document_schema = SCHEMA(document_members);

/* of a header; the reference does not say what it holds */
static const struct member  location_members[] = {
    TYPE, { .name = "location", .shape = SHAPE_OBJECT, .needed = true }
};
static const struct schema  location_schema = SCHEMA(location_members);

static const struct choice  values[] = {
    { "text", &text_schema, NULL }, { "currency", &currency_schema, NULL },
    { "date_time", &date_time_schema, NULL },
    { "image", &image_schema, NULL }, { "video", &video_schema, NULL },
    { "document", &document_schema, NULL },
    { "location", &location_schema, NULL }, { NULL, NULL, NULL }
};
static const struct member  value = {
    .shape = SHAPE_OBJECT, .by = "type", .choices = values
};


/* named or by order: not some of each */
static int named_whole(const struct json *j, const char *path,
    struct fault *f)
{
    size_t              n = 0, named = 0;
    const struct json  *c;

    for (c = j->child; c != NULL; c = c->next, n++) {
        named += json_get(c, "parameter_name") != NULL;
    }

    return named == 0 || named == n ? 0
           : fault_set(f, path, NULL, NONE, "some have a parameter_name and"
                       " some have not: a template's are all named, or all by"
                       " order");
}


static const struct member  value_component_members[] = {
    TYPE, { .name = "parameters", .shape = SHAPE_LIST, .empty = true,
            .item = &value, .whole = named_whole }
};
static const struct schema  value_component =
    SCHEMA(value_component_members);


/* buttons: url (and the code of authentication), quick_reply, copy_code, flow,
   catalog, mpm */
static const char *const  word_text[] = { "text", NULL };
static const char *const  word_payload[] = { "payload", NULL };
static const char *const  word_coupon[] = { "coupon_code", NULL };
static const char *const  word_action[] = { "action", NULL };

static const struct member  url_members[] = {
    { .name = "type", .shape = SHAPE_TEXT, .needed = true,
      .words = word_text },
    { .name = "text", .shape = SHAPE_TEXT, .needed = true }
};
static const struct schema  url_schema = SCHEMA(url_members);
static const struct member  url_value = {
    .shape = SHAPE_OBJECT, .of = &url_schema
};

static const struct member  payload_members[] = {
    { .name = "type", .shape = SHAPE_TEXT, .needed = true,
      .words = word_payload },
    { .name = "payload", .shape = SHAPE_TEXT, .needed = true }
};
static const struct schema  payload_schema = SCHEMA(payload_members);
static const struct member  payload_value = {
    .shape = SHAPE_OBJECT, .of = &payload_schema
};

static const struct member  coupon_members[] = {
    { .name = "type", .shape = SHAPE_TEXT, .needed = true,
      .words = word_coupon },
    { .name = "coupon_code", .shape = SHAPE_TEXT, .needed = true }
};
static const struct schema  coupon_schema = SCHEMA(coupon_members);
static const struct member  coupon_value = {
    .shape = SHAPE_OBJECT, .of = &coupon_schema
};

static const struct member  flow_action_members[] = {
    { .name = "flow_token", .shape = SHAPE_TEXT },
    { .name = "flow_action_data", .shape = SHAPE_OBJECT }
};
static const struct schema  flow_action = SCHEMA(flow_action_members);

static const struct member  flow_members[] = {
    { .name = "type", .shape = SHAPE_TEXT, .needed = true,
      .words = word_action },
    { .name = "action", .shape = SHAPE_OBJECT, .needed = true,
      .of = &flow_action }
};
static const struct schema  flow_schema = SCHEMA(flow_members);
static const struct member  flow_value = {
    .shape = SHAPE_OBJECT, .of = &flow_schema
};

/* what else an mpm button's action has the reference does not say */
static const struct member  goods_action_members[] = {
    { .name = "thumbnail_product_retailer_id", .shape = SHAPE_TEXT }
};
static const struct schema  goods_action = SCHEMA_OPEN(goods_action_members);

static const struct member  goods_members[] = {
    { .name = "type", .shape = SHAPE_TEXT, .needed = true,
      .words = word_action },
    { .name = "action", .shape = SHAPE_OBJECT, .needed = true,
      .of = &goods_action }
};
static const struct schema  goods_schema = SCHEMA(goods_members);
static const struct member  goods_value = {
    .shape = SHAPE_OBJECT, .of = &goods_schema
};

#define BUTTON(value)                                                        \
    TYPE, { .name = "sub_type", .shape = SHAPE_TEXT, .needed = true },       \
    { .name = "index", .shape = SHAPE_INTEGER, .needed = true },             \
    { .name = "parameters", .shape = SHAPE_LIST, .needed = true, .max = 1,   \
      .item = &(value) }

static const struct member  url_button_members[] = { BUTTON(url_value) };
static const struct schema  url_button = SCHEMA(url_button_members);
static const struct member  reply_button_members[] = {
    BUTTON(payload_value)
};
static const struct schema  reply_button = SCHEMA(reply_button_members);
static const struct member  coupon_button_members[] = {
    BUTTON(coupon_value)
};
static const struct schema  coupon_button = SCHEMA(coupon_button_members);
static const struct member  flow_button_members[] = { BUTTON(flow_value) };
static const struct schema  flow_button = SCHEMA(flow_button_members);
static const struct member  goods_button_members[] = { BUTTON(goods_value) };
static const struct schema  goods_button = SCHEMA(goods_button_members);

static const struct choice  buttons[] = {
    { "url", &url_button, NULL }, { "quick_reply", &reply_button, NULL },
    { "copy_code", &coupon_button, NULL }, { "flow", &flow_button, NULL },
    { "catalog", &goods_button, NULL }, { "mpm", &goods_button, NULL },
    { NULL, NULL, NULL }
};

static const struct member  button = {
    .shape = SHAPE_OBJECT, .by = "sub_type", .choices = buttons
};


/* the second choice, by sub_type, of those whose type is button */
static int button_whole(const struct json *j, const char *path,
    struct fault *f)
{
    return schema_check(j, &button, path, false, f);
}


static const struct schema  any_button = { NULL, 0, true };


static const struct member  until_members[] = {
    { .name = "expiration_time_ms", .shape = SHAPE_INTEGER, .needed = true,
      .min = 1 }
};
static const struct schema  until_schema = SCHEMA(until_members);

static const char *const  word_offer[] = { "limited_time_offer", NULL };

static const struct member  offer_value_members[] = {
    { .name = "type", .shape = SHAPE_TEXT, .needed = true,
      .words = word_offer },
    { .name = "limited_time_offer", .shape = SHAPE_OBJECT, .needed = true,
      .of = &until_schema }
};
static const struct schema  offer_value_schema = SCHEMA(offer_value_members);
static const struct member  offer_value = {
    .shape = SHAPE_OBJECT, .of = &offer_value_schema
};

static const struct member  offer_members[] = {
    TYPE, { .name = "parameters", .shape = SHAPE_LIST, .needed = true,
            .max = 1, .item = &offer_value }
};
static const struct schema  offer = SCHEMA(offer_members);


/* carousel: cards with components of their own */
static const struct choice  card_components[] = {
    { "header", &value_component, NULL }, { "body", &value_component, NULL },
    { "button", &any_button, button_whole }, { NULL, NULL, NULL }
};
static const struct member  card_component = {
    .shape = SHAPE_OBJECT, .by = "type", .choices = card_components
};

static const struct member  card_members[] = {
    { .name = "card_index", .shape = SHAPE_INTEGER, .needed = true },
    { .name = "components", .shape = SHAPE_LIST, .needed = true,
      .item = &card_component }
};
static const struct schema  card_schema = SCHEMA(card_members);
static const struct member  card = {
    .shape = SHAPE_OBJECT, .of = &card_schema
};

static const struct member  carousel_members[] = {
    TYPE, { .name = "cards", .shape = SHAPE_LIST, .needed = true,
            .item = &card }
};
static const struct schema  carousel = SCHEMA(carousel_members);

static const struct choice  components[] = {
    { "header", &value_component, NULL }, { "body", &value_component, NULL },
    { "button", &any_button, button_whole },
    { "limited_time_offer", &offer, NULL }, { "carousel", &carousel, NULL },
    { NULL, NULL, NULL }
};
static const struct member  component = {
    .shape = SHAPE_OBJECT, .by = "type", .choices = components
};


/* names are those that Meta lets be made (7.5) */
static int name_whole(const struct json *j, const char *path, struct fault *f)
{
    size_t  i;
    char    c;

    for (i = 0; i < j->text.len; i++) {
        c = j->text.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
            return fault_set(f, path, "a-z, 0-9, _", j->text, "must be of"
                             " a-z, 0-9 and _");
        }
    }

    return 0;
}


static const struct member  template_members[] = {
    { .name = "name", .shape = SHAPE_TEXT, .needed = true, .max = 512,
      .whole = name_whole },
    { .name = "language", .shape = SHAPE_ANY, .needed = true },
    { .name = "components", .shape = SHAPE_LIST, .empty = true,
      .item = &component }
};
static const struct schema  template_schema = SCHEMA(template_members);

const struct member  whatsapp_template = {
    .name = "template", .shape = SHAPE_OBJECT, .of = &template_schema
};


static bool type_is(const struct json *component, const char *type)
{
    return str_is(json_get_text(component, "type"), type);
}


static struct str first_text(const struct json *component)
{
    const struct json  *list = json_get(component, "parameters");

    return list != NULL ? json_get_text(list->child, "text") : NONE;
}


/* whatsapp_is_code: it is one of authentication, whose only text is the code
   that stands in the button again */
bool whatsapp_is_code(const struct json *content)
{
    struct str          code = NONE;
    const struct json  *c = json_get(content, "components");

    for (c = c != NULL ? c->child : NULL; c != NULL; c = c->next) {
        if (type_is(c, "body")) {
            code = first_text(c);
        }
    }

    c = json_get(content, "components");
    for (c = c != NULL ? c->child : NULL; c != NULL && code.len;
         c = c->next)
    {
        if (type_is(c, "button") && str_equal(first_text(c), code)) {
            return true;
        }
    }

    return false;
}
