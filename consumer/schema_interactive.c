/* WhatsApp's interactive messages: what each kind holds
   (meta-webhooks-and-messaging.md 7.2). */

#include "channel.h"


#define LIST_ROWS  10       /* in all sections */


/* header: text of 60 characters, or media by id or link */
static const struct member  ref_members[] = {
    { .name = "id", .shape = SHAPE_ID, .one_of = 1 },
    { .name = "link", .shape = SHAPE_URL, .one_of = 1 }
};
static const struct schema  ref_schema = SCHEMA(ref_members);

static const struct member  document_members[] = {
    { .name = "id", .shape = SHAPE_ID, .one_of = 1 },
    { .name = "link", .shape = SHAPE_URL, .one_of = 1 },
    { .name = "filename", .shape = SHAPE_TEXT }
};
static const struct schema  document_schema = SCHEMA(document_members);

static const struct member  header_text_members[] = {
    { .name = "type", .shape = SHAPE_TEXT, .needed = true },
    { .name = "text", .shape = SHAPE_TEXT, .needed = true, .max = 60 }
};
static const struct schema  header_text = SCHEMA(header_text_members);

static const struct member  header_image_members[] = {
    { .name = "type", .shape = SHAPE_TEXT, .needed = true },
    { .name = "image", .shape = SHAPE_OBJECT, .needed = true,
      .of = &ref_schema }
};
static const struct schema  header_image = SCHEMA(header_image_members);

static const struct member  header_video_members[] = {
    { .name = "type", .shape = SHAPE_TEXT, .needed = true },
    { .name = "video", .shape = SHAPE_OBJECT, .needed = true,
      .of = &ref_schema }
};
static const struct schema  header_video = SCHEMA(header_video_members);

static const struct member  header_document_members[] = {
    { .name = "type", .shape = SHAPE_TEXT, .needed = true },
    { .name = "document", .shape = SHAPE_OBJECT, .needed = true,
      .of = &document_schema }
};
static const struct schema  header_document = SCHEMA(header_document_members);

static const struct choice  headers[] = {
    { "text", &header_text, NULL }, { "image", &header_image, NULL },
    { "video", &header_video, NULL }, { "document", &header_document, NULL },
    { NULL, NULL, NULL }
};

/* of a list, and of product_list */
static const struct choice  headers_of_text[] = {
    { "text", &header_text, NULL }, { NULL, NULL, NULL }
};

/* body: 1024 characters with buttons and links, 4096 with a list; the
   reference gives no length for the other kinds */
static const struct member  body_1024_members[] = {
    { .name = "text", .shape = SHAPE_TEXT, .needed = true, .max = 1024 }
};
static const struct schema  body_1024 = SCHEMA(body_1024_members);

static const struct member  body_4096_members[] = {
    { .name = "text", .shape = SHAPE_TEXT, .needed = true, .max = 4096 }
};
static const struct schema  body_4096 = SCHEMA(body_4096_members);

static const struct member  body_members[] = {
    { .name = "text", .shape = SHAPE_TEXT, .needed = true }
};
static const struct schema  body = SCHEMA(body_members);

static const struct member  footer_members[] = {
    { .name = "text", .shape = SHAPE_TEXT, .needed = true, .max = 60 }
};
static const struct schema  footer = SCHEMA(footer_members);

#define TYPE    { .name = "type", .shape = SHAPE_TEXT, .needed = true }
#define HEADER  { .name = "header", .shape = SHAPE_OBJECT, .by = "type",     \
                  .choices = headers }
#define FOOTER  { .name = "footer", .shape = SHAPE_OBJECT, .of = &footer }
#define BODY(schema)                                                         \
    { .name = "body", .shape = SHAPE_OBJECT, .needed = true, .of = &(schema) }
#define ACTION(schema)                                                       \
    { .name = "action", .shape = SHAPE_OBJECT, .needed = true,               \
      .of = &(schema) }


/* button: 3 of them, id 256, title 20, no two titles the same */
static const char *const  word_reply[] = { "reply", NULL };

static const struct member  reply_members[] = {
    { .name = "id", .shape = SHAPE_TEXT, .needed = true, .max = 256 },
    { .name = "title", .shape = SHAPE_TEXT, .needed = true, .max = 20 }
};
static const struct schema  reply_schema = SCHEMA(reply_members);

static const struct member  button_members[] = {
    { .name = "type", .shape = SHAPE_TEXT, .needed = true,
      .words = word_reply },
    { .name = "reply", .shape = SHAPE_OBJECT, .needed = true,
      .of = &reply_schema }
};
static const struct schema  button_schema = SCHEMA(button_members);
static const struct member  button = {
    .shape = SHAPE_OBJECT, .of = &button_schema
};


static int buttons_whole(const struct json *j, const char *path,
    struct fault *f)
{
    return schema_unique(j, "reply.title", path, f);
}


static const struct member  buttons_members[] = {
    { .name = "buttons", .shape = SHAPE_LIST, .needed = true, .max = 3,
      .item = &button, .whole = buttons_whole }
};
static const struct schema  buttons = SCHEMA(buttons_members);

static const struct member  button_message_members[] = {
    TYPE, HEADER, BODY(body_1024), FOOTER, ACTION(buttons)
};
static const struct schema  button_message = SCHEMA(button_message_members);


/* list: 10 sections, 10 rows in all, row id 200, title 24, description 72,
   section title 24, button 20 */
static const struct member  row_members[] = {
    { .name = "id", .shape = SHAPE_TEXT, .needed = true, .max = 200 },
    { .name = "title", .shape = SHAPE_TEXT, .needed = true, .max = 24 },
    { .name = "description", .shape = SHAPE_TEXT, .max = 72 }
};
static const struct schema  row_schema = SCHEMA(row_members);
static const struct member  row = {
    .shape = SHAPE_OBJECT, .of = &row_schema
};

static const struct member  section_members[] = {
    { .name = "title", .shape = SHAPE_TEXT, .max = 24 },
    { .name = "rows", .shape = SHAPE_LIST, .needed = true,
      .max = LIST_ROWS, .item = &row }
};
static const struct schema  section_schema = SCHEMA(section_members);
static const struct member  section = {
    .shape = SHAPE_OBJECT, .of = &section_schema
};


/* whatsapp_rows: those of all sections together */
int whatsapp_rows(const struct json *sections, const char *path,
    struct fault *f)
{
    size_t              n = 0;
    const struct json  *s, *r;

    for (s = sections->child; s != NULL; s = s->next) {
        r = json_get(s, "rows");
        for (r = r != NULL ? r->child : NULL; r != NULL; r = r->next) {
            n++;
        }
    }

    return schema_count(n, LIST_ROWS, "rows in all", path, f);
}


static const struct member  list_members[] = {
    { .name = "button", .shape = SHAPE_TEXT, .needed = true, .max = 20 },
    { .name = "sections", .shape = SHAPE_LIST, .needed = true, .max = 10,
      .item = &section, .whole = whatsapp_rows }
};
static const struct schema  list = SCHEMA(list_members);

static const struct member  list_message_members[] = {
    TYPE, { .name = "header", .shape = SHAPE_OBJECT, .by = "type",
            .choices = headers_of_text },
    BODY(body_4096), FOOTER, ACTION(list)
};
static const struct schema  list_message = SCHEMA(list_message_members);


/* cta_url: display_text 20 */
static const char *const  word_cta[] = { "cta_url", NULL };

static const struct member  cta_parameters_members[] = {
    { .name = "display_text", .shape = SHAPE_TEXT, .needed = true,
      .max = 20 },
    { .name = "url", .shape = SHAPE_URL, .needed = true }
};
static const struct schema  cta_parameters = SCHEMA(cta_parameters_members);

static const struct member  cta_members[] = {
    { .name = "name", .shape = SHAPE_TEXT, .needed = true,
      .words = word_cta },
    { .name = "parameters", .shape = SHAPE_OBJECT, .needed = true,
      .of = &cta_parameters }
};
static const struct schema  cta = SCHEMA(cta_members);

static const struct member  cta_message_members[] = {
    TYPE, HEADER, BODY(body_1024), FOOTER, ACTION(cta)
};
static const struct schema  cta_message = SCHEMA(cta_message_members);


/* flow: flow_cta 30 and no emoji */
static const char *const  word_flow[] = { "flow", NULL };
static const char *const  flow_actions[] = {
    "navigate", "data_exchange", NULL
};
static const char *const  flow_modes[] = { "draft", "published", NULL };


/* the blocks where pictures stand, and what makes one of a sign */
static bool is_emoji(const unsigned char *c, size_t n)
{
    return n == 4                                   /* U+10000 and on */
           || (n == 3 && c[0] == 0xe2 && c[1] >= 0x98 && c[1] <= 0x9e)
           || (n == 3 && c[0] == 0xef && c[1] == 0xb8 && c[2] == 0x8f);
}


static int no_emoji(const struct json *j, const char *path, struct fault *f)
{
    size_t      n;
    struct str  s;

    for (s = j->text; s.len; s.at += n, s.len -= n) {
        n = json_utf8(s);
        if (is_emoji((const unsigned char *) s.at, n)) {
            return fault_set(f, path, "no emoji", j->text, "holds an emoji,"
                             " which WhatsApp does not take here");
        }
        n = n ? n : 1;
    }

    return 0;
}


static const struct member  flow_payload_members[] = {
    { .name = "screen", .shape = SHAPE_TEXT, .needed = true },
    { .name = "data", .shape = SHAPE_OBJECT }
};
static const struct schema  flow_payload = SCHEMA(flow_payload_members);

static const struct member  flow_parameters_members[] = {
    { .name = "flow_message_version", .shape = SHAPE_TEXT, .needed = true },
    { .name = "flow_id", .shape = SHAPE_ID, .one_of = 1 },
    { .name = "flow_name", .shape = SHAPE_TEXT, .one_of = 1 },
    { .name = "flow_cta", .shape = SHAPE_TEXT, .needed = true, .max = 30,
      .whole = no_emoji },
    { .name = "flow_token", .shape = SHAPE_TEXT },
    { .name = "flow_action", .shape = SHAPE_TEXT, .words = flow_actions },
    { .name = "flow_action_payload", .shape = SHAPE_OBJECT,
      .of = &flow_payload },
    { .name = "mode", .shape = SHAPE_TEXT, .words = flow_modes }
};
static const struct schema  flow_parameters = SCHEMA(flow_parameters_members);

static const struct member  flow_members[] = {
    { .name = "name", .shape = SHAPE_TEXT, .needed = true,
      .words = word_flow },
    { .name = "parameters", .shape = SHAPE_OBJECT, .needed = true,
      .of = &flow_parameters }
};
static const struct schema  flow = SCHEMA(flow_members);

static const struct member  flow_message_members[] = {
    TYPE, HEADER, BODY(body), FOOTER, ACTION(flow)
};
static const struct schema  flow_message = SCHEMA(flow_message_members);


/* location_request_message */
static const char *const  word_location[] = { "send_location", NULL };

static const struct member  location_members[] = {
    { .name = "name", .shape = SHAPE_TEXT, .needed = true,
      .words = word_location }
};
static const struct schema  location = SCHEMA(location_members);

static const struct member  location_message_members[] = {
    TYPE, BODY(body), ACTION(location)
};
static const struct schema  location_message =
    SCHEMA(location_message_members);


/* address_message: India only; the rest of its parameters is not described */
static const char *const  word_address[] = { "address_message", NULL };
static const char *const  countries[] = { "IN", NULL };

static const struct member  address_parameters_members[] = {
    { .name = "country", .shape = SHAPE_TEXT, .needed = true,
      .words = countries }
};
static const struct schema  address_parameters =
    SCHEMA_OPEN(address_parameters_members);

static const struct member  address_members[] = {
    { .name = "name", .shape = SHAPE_TEXT, .needed = true,
      .words = word_address },
    { .name = "parameters", .shape = SHAPE_OBJECT, .needed = true,
      .of = &address_parameters }
};
static const struct schema  address = SCHEMA(address_members);

static const struct member  address_message_members[] = {
    TYPE, HEADER, BODY(body), FOOTER, ACTION(address)
};
static const struct schema  address_message = SCHEMA(address_message_members);


/* catalog_message, product, product_list: the last needs a header of text */
static const char *const  word_catalog[] = { "catalog_message", NULL };

static const struct member  catalog_parameters_members[] = {
    { .name = "thumbnail_product_retailer_id", .shape = SHAPE_TEXT }
};
static const struct schema  catalog_parameters =
    SCHEMA(catalog_parameters_members);

static const struct member  catalog_members[] = {
    { .name = "name", .shape = SHAPE_TEXT, .needed = true,
      .words = word_catalog },
    { .name = "parameters", .shape = SHAPE_OBJECT, .of = &catalog_parameters }
};
static const struct schema  catalog = SCHEMA(catalog_members);

static const struct member  catalog_message_members[] = {
    TYPE, BODY(body), FOOTER, ACTION(catalog)
};
static const struct schema  catalog_message = SCHEMA(catalog_message_members);

static const struct member  product_members[] = {
    { .name = "catalog_id", .shape = SHAPE_ID, .needed = true },
    { .name = "product_retailer_id", .shape = SHAPE_TEXT, .needed = true }
};
static const struct schema  product = SCHEMA(product_members);

static const struct member  product_message_members[] = {
    TYPE, { .name = "body", .shape = SHAPE_OBJECT, .of = &body }, FOOTER,
    ACTION(product)
};
static const struct schema  product_message = SCHEMA(product_message_members);

static const struct member  item_members[] = {
    { .name = "product_retailer_id", .shape = SHAPE_TEXT, .needed = true }
};
static const struct schema  item_schema = SCHEMA(item_members);
static const struct member  item = {
    .shape = SHAPE_OBJECT, .of = &item_schema
};

static const struct member  products_members[] = {
    { .name = "title", .shape = SHAPE_TEXT },
    { .name = "product_items", .shape = SHAPE_LIST, .needed = true,
      .item = &item }
};
static const struct schema  products_schema = SCHEMA(products_members);
static const struct member  products = {
    .shape = SHAPE_OBJECT, .of = &products_schema
};

static const struct member  product_list_members[] = {
    { .name = "catalog_id", .shape = SHAPE_ID, .needed = true },
    { .name = "sections", .shape = SHAPE_LIST, .needed = true,
      .item = &products }
};
static const struct schema  product_list = SCHEMA(product_list_members);

static const struct member  product_list_message_members[] = {
    TYPE, { .name = "header", .shape = SHAPE_OBJECT, .needed = true,
            .by = "type", .choices = headers_of_text },
    BODY(body), FOOTER, ACTION(product_list)
};
static const struct schema  product_list_message =
    SCHEMA(product_list_message_members);


/* carousel: cards of one link each */
static const struct member  card_members[] = {
    { .name = "card_index", .shape = SHAPE_INTEGER, .needed = true },
    { .name = "type", .shape = SHAPE_TEXT, .needed = true,
      .words = word_cta },
    { .name = "header", .shape = SHAPE_OBJECT, .needed = true, .by = "type",
      .choices = headers },
    { .name = "body", .shape = SHAPE_OBJECT, .of = &body },
    ACTION(cta)
};
static const struct schema  card_schema = SCHEMA(card_members);
static const struct member  card = {
    .shape = SHAPE_OBJECT, .of = &card_schema
};

static const struct member  cards_members[] = {
    { .name = "cards", .shape = SHAPE_LIST, .needed = true, .item = &card }
};
static const struct schema  cards = SCHEMA(cards_members);

static const struct member  carousel_message_members[] = {
    TYPE, BODY(body), ACTION(cards)
};
static const struct schema  carousel_message =
    SCHEMA(carousel_message_members);


/* call_permission_request and voice_call the reference leaves to others: they
   go by raw */
static const struct choice  kinds[] = {
    { "button", &button_message, NULL }, { "list", &list_message, NULL },
    { "cta_url", &cta_message, NULL }, { "flow", &flow_message, NULL },
    { "product", &product_message, NULL },
    { "product_list", &product_list_message, NULL },
    { "catalog_message", &catalog_message, NULL },
    { "carousel", &carousel_message, NULL },
    { "location_request_message", &location_message, NULL },
    { "address_message", &address_message, NULL },
    { NULL, NULL, NULL }
};

const struct member  whatsapp_interactive = {
    .name = "interactive", .shape = SHAPE_OBJECT, .by = "type",
    .choices = kinds
};
