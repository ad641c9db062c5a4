/* What a change of a Page is (meta-webhooks-and-messaging.md 4.2): its feed,
   leads, mentions, ratings; and changes of other objects (section 2). */

#include "decode.h"


static void read_feed(struct decode *d, struct event *e);
static void read_story(struct decode *d, struct event *e);
static void read_lead(struct decode *d, struct event *e);
static void read_rating(struct decode *d, struct event *e);


/* by field; those without a row are unknown */
const struct decode_row  decode_page_fields[] = {
    { "feed", KIND_FEED, "item", "message", NULL, "verb", NULL,
      "by `item`, below", read_feed },
    { "leadgen", KIND_LEAD, NULL, NULL, NULL, NULL, NULL,
      "`GET /{leadgen_id}` has what was filled in", read_lead },
    { "mention", KIND_MENTION, "item", "message", NULL, "verb", NULL, NULL,
      read_story },
    { "ratings", KIND_RATING, "item", "review_text", NULL, "verb", NULL, NULL,
      read_rating },
    { "messenger_template_status_update", KIND_TEMPLATE, NULL, "reason", NULL,
      "event", NULL, NULL, decode_template },
    { "live_videos", KIND_FEED, NULL, NULL, NULL, "status", NULL, NULL,
      NULL },
    { "videos", KIND_FEED, NULL, NULL, NULL, NULL, NULL, NULL, NULL },
    { "name", KIND_ACCOUNT, NULL, NULL, NULL, NULL, NULL, NULL, NULL },
    { "picture", KIND_ACCOUNT, NULL, NULL, NULL, NULL, NULL, NULL, NULL },
    { "parking", KIND_ACCOUNT, NULL, NULL, NULL, NULL, NULL, NULL, NULL },
    { "payment_options", KIND_ACCOUNT, NULL, NULL, NULL, NULL, NULL, NULL,
      NULL },
    { "changed_fields", KIND_ACCOUNT, NULL, NULL, NULL, NULL, NULL,
      "names of fields without their values", NULL },
    { NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};

/* by item of a feed; all else is feed, too */
const struct decode_row  decode_page_items[] = {
    { "comment", KIND_COMMENT, NULL, "message", NULL, "verb", NULL,
      "`verb: add`; edited, hidden, removed it is `feed`", NULL },
    { "reaction", KIND_FEED, NULL, "reaction_type", NULL, "verb", NULL, NULL,
      NULL },
    { "like", KIND_FEED, NULL, NULL, NULL, "verb", NULL, NULL, NULL },
    { "album, event, photo, post, share, status, video", KIND_FEED, NULL,
      "message", NULL, "verb", NULL, NULL, NULL },
    { NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};

/* other objects, section 2 */
const struct decode_row  decode_objects[] = {
    { "user", KIND_ACCOUNT, NULL, NULL, NULL, "verb", NULL, NULL, NULL },
    { "permissions", KIND_ACCOUNT, NULL, NULL, NULL, "verb", NULL, NULL,
      NULL },
    { "ad_account", KIND_ACCOUNT, NULL, NULL, NULL, NULL, NULL, NULL, NULL },
    { "application", KIND_ACCOUNT, NULL, NULL, NULL, NULL, NULL, NULL,
      NULL },
    { "catalog", KIND_ACCOUNT, NULL, NULL, NULL, NULL, NULL, NULL, NULL },
    { "managed_meta_account", KIND_ACCOUNT, NULL, NULL, NULL, NULL, NULL,
      NULL, NULL },
    { NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};


/* older versions have sender_id, a page's like has user_id; own is no news */
static void author(struct decode *d, struct event *e)
{
    const struct json  *v = e->item;

    e->user = decode_or(decode_text(v, "from.id"),
                        json_get_text(v, "sender_id"));
    e->user = decode_or(e->user, json_get_text(v, "reviewer_id"));
    e->user = decode_or(e->user, json_get_text(v, "user_id"));
    e->name = decode_or(decode_text(v, "from.name"),
                        json_get_text(v, "sender_name"));
    e->name = decode_or(e->name, json_get_text(v, "reviewer_name"));

    if (e->user.len && str_equal(e->user, d->r->entry)) {
        e->kind = KIND_ECHO;
    }
}


/* a story, and its comment where it is about one */
static void read_story(struct decode *d, struct event *e)
{
    const struct json  *v = e->item;

    e->comment.id = json_get_text(v, "comment_id");
    e->comment.parent = json_get_text(v, "parent_id");
    e->comment.post = json_get_text(v, "post_id");
    e->id = decode_or(e->comment.id, e->comment.post);
    e->time = decode_ms(json_get_text(v, "created_time"));

    if (e->comment.id.len && !str_is(e->state, "remove")) {
        e->address = ADDRESS_COMMENT;
        e->to = e->comment.id;
    }

    author(d, e);
}


static void read_feed(struct decode *d, struct event *e)
{
    const struct decode_row  *row = decode_find(decode_page_items, e->type);

    if (str_is(e->type, "comment") && str_is(e->state, "add")) {
        e->kind = KIND_COMMENT;
    } else if (row != NULL && row->text != NULL) {
        e->text = decode_text(e->item, row->text);
    }

    read_story(d, e);

    if (str_is(e->type, "reaction") || str_is(e->type, "like")) {
        e->target = e->id;
    }
}


static void read_lead(struct decode *d, struct event *e)
{
    (void) d;
    e->id = json_get_text(e->item, "leadgen_id");
    e->time = decode_ms(json_get_text(e->item, "created_time"));
    e->lead = e->item;
}


static void read_rating(struct decode *d, struct event *e)
{
    read_story(d, e);
    e->id = decode_or(json_get_text(e->item, "open_graph_story_id"), e->id);
    e->address = ADDRESS_NONE;
    e->to = NONE;
}


/* decode_page reads a change or an item */
void decode_page(struct decode *d)
{
    if (decode_change(d, decode_page_fields)) {
        d->r->events[0].test = true;    /* a button of the dashboard (4.1) */
    }
}


/* decode_object reads changes of users, permissions...: a word of how may
   stand beside the field, or inside */
void decode_object(struct decode *d)
{
    struct event             *e;
    const struct json        *event = d->r->event;
    const struct decode_row  *row = decode_find(decode_objects,
                                                d->r->object);

    d->account = d->r->entry;
    d->value = json_get(event, "value");
    decode_whole(d, row, event);

    e = &d->r->events[0];
    e->type = d->r->field;
    e->state = decode_or(e->state,
                         decode_lower(d->r, decode_text(d->value, "verb")));
}
