/* Conversations in which nothing, or no assistant, answers by itself: those
   that too many replies have stopped, and those that are paused. */

#include "ctl_status.h"

#include <stdlib.h>


#define LIST_LIMIT  50


static void quiet_one(struct ctl *c, struct buf *b, struct str name,
    long long until, bool by)
{
    char                 key[CTL_NAME_MAX];
    struct buf           masked;
    const char          *colon = memchr(name.at, ':', name.len);
    size_t               n = (size_t) (colon + 1 - name.at);
    const struct reply  *r;

    buf_init(&masked, 1024);
    buf_add(&masked, name.at, n);
    mask_key(c, &masked, (struct str) { colon + 1, name.len - n });
    buf_text(b, "{\"conversation\":");
    json_quote(b, (struct str) { masked.at, masked.len });
    buf_format(b, ",\"until\":%lld", until);
    buf_free(&masked);

    if (by && snprintf(key, sizeof(key), "meta:conversation:%.*s",
                       (int) name.len, name.at) < CTL_NAME_MAX)
    {
        r = ctl_ask(c, "HMGET", key, "pause_by", NULL);
        buf_text(b, ",\"by\":");
        json_quote(b, reply_str(reply_at(r, 0)));
    }

    buf_text(b, "}");
}


/* quiet_read asks for those that it is true of now, the next to end first */
void quiet_read(struct ctl *c, const char *which, long long now,
    long long limit, bool by, struct quiet *q)
{
    char                 key[64], from[24], most[24];
    size_t               i;
    struct str           name;
    const struct reply  *r;

    snprintf(key, sizeof(key), "meta:conversation:%s", which);
    snprintf(from, sizeof(from), "(%lld", now);
    snprintf(most, sizeof(most), "%lld", limit);
    q->n = reply_number(ctl_ask(c, "ZCOUNT", key, from, "+inf", NULL));
    r = ctl_ask(c, "ZRANGE", key, from, "+inf", "BYSCORE", "LIMIT", "0", most,
                "WITHSCORES", NULL);

    buf_init(&q->list, (size_t) -1);
    buf_text(&q->list, "[");

    for (i = 0; i + 1 < reply_count(r); i += 2) {
        name = reply_str(reply_at(r, i));
        if (memchr(name.at, ':', name.len) != NULL) {
            buf_text(&q->list, q->list.len > 1 ? "," : "");
            quiet_one(c, &q->list, name, reply_number(reply_at(r, i + 1)),
                      by);
        }
    }

    buf_text(&q->list, "]");
}


/* quiet_text is one of the list */
void quiet_text(const struct json *one, char *out, size_t size)
{
    char        date[TIME_MAX];
    struct str  name = json_get_text(one, "conversation");
    struct str  by = json_get_text(one, "by");

    snprintf(out, size, "%.*s until %s%s%.*s", (int) name.len, name.at,
             time_date(date, strtoll(json_get_text(one, "until").at, NULL,
                                     10)),
             by.len ? " by " : "", (int) by.len, by.at);
}


static void list_text(struct buf *b, const struct quiet *q, const char *which)
{
    char                text[400];
    struct json_doc    *doc;
    const struct json  *one;

    doc = json_parse(q->list.at, q->list.len, q->list.len * 20 + 65536);
    for (one = doc != NULL ? json_root(doc)->child : NULL; one != NULL;
         one = one->next)
    {
        quiet_text(one, text, sizeof(text));
        buf_format(b, "%s  ", which);
        out_safe(b, STR(text));
        buf_text(b, "\n");
    }
    json_free(doc);
}


/* run_conversation_list: who waits for a person, and who for nobody */
int run_conversation_list(struct ctl *c)
{
    long long     now = ctl_clock(c), limit = ctl_limit(c, LIST_LIMIT);
    struct jw     j;
    struct buf    b;
    struct quiet  paused, stopped;

    quiet_read(c, "paused", now, limit, true, &paused);
    quiet_read(c, "stopped", now, limit, false, &stopped);

    if (c->opts.json) {
        jw_init(&j);
        jw_open(&j, NULL, '{');
        jw_int(&j, "v", 1);
        jw_raw(&j, "paused", (struct str) { paused.list.at,
                                            paused.list.len });
        jw_raw(&j, "stopped", (struct str) { stopped.list.at,
                                             stopped.list.len });
        jw_open(&j, "conversations", '{');
        jw_int(&j, "paused", paused.n);
        jw_int(&j, "stopped", stopped.n);
        jw_close(&j, '}');
        jw_close(&j, '}');
        jw_print(&j);

    } else {
        buf_init(&b, (size_t) -1);
        list_text(&b, &paused, "paused ");
        list_text(&b, &stopped, "stopped");
        buf_format(&b, "%lld%s paused, %lld stopped\n", paused.n,
                   paused.n >= QUIET_MAX ? " or more" : "", stopped.n);
        out_print(&b);
    }

    buf_free(&paused.list);
    buf_free(&stopped.list);

    return CTL_GOOD;
}
