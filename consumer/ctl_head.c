/* The heads of dead letters, and which of them a command means. */

#include "ctl_dead.h"

#include <stdlib.h>


#define HEADS_BYTES  (4 * 1024 * 1024)


/* filter_read takes the options of the command */
void filter_read(struct ctl *c, struct filter *f, char **ids, size_t nids)
{
    *f = (struct filter) {
        .reason = c->opts.reason, .account = c->opts.account,
        .code = c->opts.code, .since = -1, .ids = ids, .nids = nids
    };

    if (c->opts.since != NULL) {
        f->since = time_when(c->opts.since, time_now());
    }
}


/* filter_all says whether nothing was said */
bool filter_all(const struct filter *f)
{
    return f->reason == NULL && f->account == NULL && f->code == NULL
           && f->since < 0 && f->nids == 0;
}


/* filter_fits says whether the letter is meant */
bool filter_fits(const struct filter *f, const struct head *h)
{
    size_t  i;

    if ((f->reason != NULL
         && !str_is(json_get_text(h->letter, "reason"), f->reason))
        || (f->account != NULL && !str_is(head_account(h), f->account))
        || (f->code != NULL
            && !str_is(json_get_text(h->letter, "code"), f->code))
        || (f->since >= 0 && head_time(h) < f->since))
    {
        return false;
    }

    for (i = 0; i < f->nids; i++) {
        if (str_is(h->id, f->ids[i])
            || str_is(json_get_text(h->item, "id"), f->ids[i]))
        {
            return true;
        }
    }

    return f->nids == 0;
}


/* head_account returns whose event or job it was */
struct str head_account(const struct head *h)
{
    const char  *colon;
    struct str   key = json_get_text(h->item, "key");

    if (json_get(h->item, "received_at") == NULL) {
        return json_get_text(h->item, "account");
    }

    colon = memchr(key.at, ':', key.len);

    return (struct str) { key.at, colon != NULL ? (size_t) (colon - key.at)
                                  : key.len };
}


/* head_time returns when it died */
long long head_time(const struct head *h)
{
    return strtoll(json_get_text(h->letter, "time").at, NULL, 10);
}


/* head_record says whether what it carries is JSON */
bool head_record(const struct head *h)
{
    return h->letter != NULL && h->at > 0
           && json_get(h->letter, "base64") == NULL
           && !json_is(h->item, JSON_NULL);
}


/* the letter up to its item, made whole by an item that is null */
static void head_parse(struct head *h, struct str head, struct str item)
{
    struct buf  b;

    buf_init(&b, (size_t) -1);
    buf_str(&b, head);
    if (h->at) {
        buf_text(&b, "null}");
    }

    h->doc = json_parse(b.at, b.len, b.len * 20 + 65536);
    h->letter = json_is(json_root(h->doc), JSON_OBJECT) ? json_root(h->doc)
                : NULL;
    buf_free(&b);

    /* null,"base64":"..." is an item as well */
    if (item.len > 5 && memcmp(item.at, "null,", 5) == 0) {
        item.len = 4;
    }

    h->item_doc = item.len ? json_parse(item.at, item.len,
                                        item.len * 20 + 65536) : NULL;
    h->item = json_root(h->item_doc);
}


/* heads_read asks for a chunk; heads_free must follow */
void heads_read(struct ctl *c, const char *q, long long from,
    struct heads *heads)
{
    char                 key[CTL_NAME_MAX], first[24], n[24], bytes[24];
    size_t               i;
    struct head         *h;
    struct ask          *w = mem_alloc(sizeof(*w));
    const struct reply  *r;

    snprintf(first, sizeof(first), "%lld", from);
    snprintf(n, sizeof(n), "%d", LETTERS_CHUNK);
    snprintf(bytes, sizeof(bytes), "%d", HEADS_BYTES);

    ask_text(w, key_of(key, q, "dead"));
    ask_text(w, first);
    ask_text(w, n);
    ask_text(w, bytes);
    r = ctl_run(c, CTL_LETTERS, w, 1);
    free(w);

    heads->n = 0;

    for (i = 0; i + 4 < reply_count(r) && heads->n < LETTERS_CHUNK; i += 5) {
        h = &heads->at[heads->n];
        *h = (struct head) { .index = from + (long long) heads->n };
        h->id = reply_str(reply_at(r, i));
        h->at = reply_number(reply_at(r, i + 2));
        h->size = reply_number(reply_at(r, i + 3));
        head_parse(h, reply_str(reply_at(r, i + 1)),
                   reply_str(reply_at(r, i + 4)));
        heads->n++;
    }
}


/* heads_cut forgets what is beyond n */
void heads_cut(struct heads *heads, long long n)
{
    while ((long long) heads->n > n) {
        heads->n--;
        json_free(heads->at[heads->n].doc);
        json_free(heads->at[heads->n].item_doc);
    }
}


/* heads_free releases a chunk */
void heads_free(struct heads *heads)
{
    heads_cut(heads, 0);
}
