/* The media of an event: what a person sent along. */

#include "decode.h"


static size_t add(struct media *out, size_t n, size_t max, struct str type,
    const struct json *m)
{
    if (n < max) {
        out[n++] = (struct media) {
            .type = type, .id = json_get_text(m, "id"),
            .mime = json_get_text(m, "mime_type"),
            .sha256 = json_get_text(m, "sha256"),
            .caption = json_get_text(m, "caption"),
            .filename = json_get_text(m, "filename"),
            .url = json_get_text(m, "url"), .file = NONE
        };
    }

    return n;
}


/* one at most (meta-webhooks-and-messaging.md 3.3); of an edit the new one */
static size_t whatsapp_media(const struct event *e, struct media *out,
    size_t max)
{
    size_t                    i;
    struct str                type;
    const struct json        *m = e->item;
    static const char *const  types[] = {
        "image", "video", "audio", "document", "sticker"
    };

    if (str_is(json_get_text(m, "type"), "edit")) {
        m = decode_at(m, "edit.message");
    } else if (json_is(json_get(m, "message"), JSON_OBJECT)) {
        m = json_get(m, "message");
    }

    type = json_get_text(m, "type");

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (str_is(type, types[i])
            && json_is(json_get(m, types[i]), JSON_OBJECT))
        {
            return add(out, 0, max, type, json_get(m, types[i]));
        }
    }

    return 0;
}


/* 4.1: a payload may be no object, and url and title stand beside it then */
static size_t attachments(const struct event *e, struct media *out,
    size_t max)
{
    size_t              n = 0;
    const struct json  *a = decode_first(decode_at(e->item,
                                                   "message.attachments"));
    const struct json  *p;

    for (; a != NULL && n < max; a = a->next) {
        p = json_get(a, "payload");
        n = add(out, n, max, json_get_text(a, "type"), p);
        out[n - 1].url = decode_or(out[n - 1].url, json_get_text(a, "url"));
        out[n - 1].caption = decode_or(json_get_text(p, "title"),
                                       json_get_text(a, "title"));
        out[n - 1].id = decode_or(out[n - 1].id,
                                  decode_or(json_get_text(p, "sticker_id"),
                                            json_get_text(p, "reel_video_id")));
    }

    return n;
}


/* 4.2: what was posted, or hangs at a comment */
static size_t feed_media(const struct event *e, struct media *out,
    size_t max)
{
    size_t                    i, n = 0;
    struct str                url;
    static const char *const  types[][2] = {
        { "photo", "photo_id" }, { "video", "video_id" }
    };

    for (i = 0; i < 2; i++) {
        url = json_get_text(e->item, types[i][0]);
        if (url.len == 0 && str_is(e->type, types[i][0])) {
            url = json_get_text(e->item, "link");
        }

        if (url.len) {
            n = add(out, n, max, STR(types[i][0]), NULL);
            out[n - 1].url = url;
            out[n - 1].id = json_get_text(e->item, types[i][1]);
        }
    }

    return n;
}


/* event_media lists them */
size_t event_media(const struct event *e, struct media *out, size_t max)
{
    if (e->product == PRODUCT_WHATSAPP) {
        return whatsapp_media(e, out, max);
    }

    return json_get(e->item, "message") != NULL
           && !json_is(json_get(e->item, "message"), JSON_STRING)
           ? attachments(e, out, max) : feed_media(e, out, max);
}
