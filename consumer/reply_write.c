/* Pieces that the bodies of all channels are made of. */

#include "channel.h"


/* put_text writes a text */
void put_text(struct buf *b, const char *name, struct str value)
{
    buf_text(b, "\"");
    buf_text(b, name);
    buf_text(b, "\":");
    json_quote(b, value);
}


/* put_json writes what came, as it came */
void put_json(struct buf *b, const char *name, const struct json *value)
{
    buf_text(b, "\"");
    buf_text(b, name);
    buf_text(b, "\":");
    json_write(b, value);
}


/* put_members writes members but for one */
void put_members(struct buf *b, const struct json *c, const char *but)
{
    for (; c != NULL; c = c->next) {
        if (!str_is(c->key, but)) {
            buf_text(b, ",");
            json_quote(b, c->key);
            buf_text(b, ":");
            json_write(b, c);
        }
    }
}
