/* What a change of Instagram is (meta-webhooks-and-messaging.md 5): comments,
   mentions, figures; its messages are decode_messaging.c's. */

#include "decode.h"


static void read_comment(struct decode *d, struct event *e);
static void read_mention(struct decode *d, struct event *e);
static void read_insights(struct decode *d, struct event *e);


/* by field; those without a row are unknown */
const struct decode_row  decode_instagram_fields[] = {
    { "comments", KIND_COMMENT, "media.media_product_type", "text", NULL,
      NULL, NULL, NULL, read_comment },
    { "live_comments", KIND_COMMENT, NULL, "text", NULL, NULL, NULL,
      "type is `live_comments`", read_comment },
    { "mentions", KIND_MENTION, NULL, "text", NULL, NULL, NULL, NULL,
      read_mention },
    { "story_insights", KIND_INSIGHT, NULL, NULL, NULL, NULL, "media_id",
      NULL, read_insights },
    { "changed_fields", KIND_ACCOUNT, NULL, NULL, NULL, NULL, NULL,
      "names of fields without their values", NULL },
    { NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
};


/* three shapes exist; the account's own comments come back as any others */
static void read_comment(struct decode *d, struct event *e)
{
    const struct json  *v = e->item;
    struct str          self = decode_text(v, "from.self_ig_scoped_id");

    e->comment.id = decode_or(json_get_text(v, "id"),
                              json_get_text(v, "comment_id"));
    e->comment.parent = json_get_text(v, "parent_id");
    e->comment.media = decode_text(v, "media.id");
    e->id = e->comment.id;
    e->user = decode_text(v, "from.id");
    e->username = decode_text(v, "from.username");
    e->type = decode_lower(d->r, e->type);

    if (e->id.len) {
        e->address = ADDRESS_COMMENT;
        e->to = e->id;
    }

    if (self.len || (e->user.len && str_equal(e->user, d->r->entry))) {
        e->kind = KIND_ECHO;
    }
}


static void read_mention(struct decode *d, struct event *e)
{
    (void) d;
    e->comment.id = json_get_text(e->item, "comment_id");
    e->comment.media = json_get_text(e->item, "media_id");
    e->id = decode_or(e->comment.id, e->comment.media);
    e->type = e->comment.id.len ? STR("comment") : STR("media");

    if (e->comment.id.len) {
        e->address = ADDRESS_COMMENT;
        e->to = e->comment.id;
    }
}


static void read_insights(struct decode *d, struct event *e)
{
    (void) d;
    e->comment.media = e->target;
}


/* decode_instagram reads a change or an item; some apps get messages in
   changes */
void decode_instagram(struct decode *d)
{
    decode_change(d, decode_instagram_fields);
}
