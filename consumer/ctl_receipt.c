/* The record of a message that was sent: how far it got, when, by what. */

#include "ctl_found.h"
#include "graph_error.h"
#include "know.h"
#include "ctl_store.h"

#include <stdlib.h>


#define ACCOUNTS_MAX  512

/* in which order a message goes through them */
static const char *const  states[] = {
    "accepted", "sent", "delivered", "read", "played", "failed"
};


/* a member of the hash */
static struct str member(const struct reply *r, const char *name)
{
    size_t  i;

    for (i = 0; i + 1 < reply_count(r); i += 2) {
        if (str_is(reply_str(reply_at(r, i)), name)) {
            return reply_str(reply_at(r, i + 1));
        }
    }

    return NONE;
}


static long long digits(struct str s)
{
    char  text[24];

    snprintf(text, sizeof(text), "%.*s", (int) s.len, s.at);

    return strtoll(text, NULL, 10);
}


static const struct graph_error_row *receipt_row(struct ctl *c,
    const struct reply *r, const char *account)
{
    long long  sub = digits(member(r, "subcode"));

    if (member(r, "code").len == 0) {
        return NULL;
    }

    return graph_error_find(tokens_product(c->conf, STR(account)),
                            (long) digits(member(r, "code")),
                            sub ? (long) sub : ERROR_ANY);
}


static void receipt_person(struct ctl *c, const struct reply *r,
    struct buf *b)
{
    char  person[LOG_PERSON_MAX];

    if (c->opts.reveal) {
        out_safe(b, member(r, "user"));
    } else {
        buf_text(b, log_person(person, member(r, "user")));
    }
}


static void receipt_json(struct ctl *c, const struct reply *r,
    const char *account, struct str message, struct jw *j)
{
    char                           name[32];
    size_t                         i;
    struct buf                     b;
    const struct graph_error_row  *row = receipt_row(c, r, account);

    jw_open(j, NULL, '{');
    jw_text(j, "account", account);
    jw_id(c, j, "message", message);
    jw_str(j, "state", member(r, "state"));

    buf_init(&b, 4096);
    receipt_person(c, r, &b);
    jw_str(j, "user", (struct str) { b.at, b.len });
    buf_free(&b);

    jw_str(j, "by", member(r, "by"));
    jw_id(c, j, "id", member(r, "id"));
    jw_str(j, "action", member(r, "action"));
    jw_str(j, "template", member(r, "template"));

    jw_open(j, "times", '{');
    for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        snprintf(name, sizeof(name), "t:%s", states[i]);
        if (member(r, name).len) {
            jw_time(j, states[i], digits(member(r, name)));
        }
    }
    jw_close(j, '}');

    if (row != NULL) {
        jw_open(j, "error", '{');
        jw_int(j, "code", digits(member(r, "code")));
        jw_text(j, "class", graph_class_name(row->cls));
        jw_text(j, "text", row->text);
        jw_text(j, "todo", row->todo);
        jw_close(j, '}');
    }
    jw_close(j, '}');
}


/* of: it was looked for by what it was sent for */
static void receipt_text(struct ctl *c, const struct reply *r,
    const char *account, struct str message, bool of, struct buf *b)
{
    char                           name[32], date[TIME_MAX];
    size_t                         i;
    const struct graph_error_row  *row = receipt_row(c, r, account);

    out_color(c, b, 'b');
    out_safe(b, member(r, "state").len ? member(r, "state")
             : STR("forgotten"));
    buf_format(b, ", a message of %s%s", account, of ? " sent for it" : "");
    out_color(c, b, 0);
    if (of) {
        buf_text(b, "\n  message ");
        mask_id(c, b, message);
    }
    buf_text(b, "\n  to ");
    receipt_person(c, r, b);
    buf_text(b, "\n  by ");
    out_safe(b, member(r, "by").len ? member(r, "by")
             : STR("nobody knows: only its status is known"));
    buf_text(b, "\n  id ");
    mask_id(c, b, member(r, "id"));
    buf_text(b, "\n");

    if (member(r, "template").len) {
        buf_text(b, "  template ");
        out_safe(b, member(r, "template"));
        buf_text(b, "\n");
    }

    for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        snprintf(name, sizeof(name), "t:%s", states[i]);
        if (member(r, name).len) {
            buf_format(b, "  %-9s %s\n", states[i],
                       time_date(date, digits(member(r, name))));
        }
    }

    if (row != NULL) {
        buf_text(b, "  ");
        out_safe(b, member(r, "code"));
        buf_format(b, " %s: ", graph_class_name(row->cls));
        out_wrap(b, row->text, 2);
        buf_text(b, "  ");
        out_wrap(b, row->todo, 2);
    }
}


/* the accounts of the tokens, each once; those of a default token are not
   known */
static size_t accounts_all(struct ctl *c, const char *out[ACCOUNTS_MAX])
{
    size_t                     i, k, m, n = 0, most;
    const char                *ids[2];
    const struct conf_token  **t = store_all(c, &most);

    for (i = 0; i < most; i++) {
        ids[0] = t[i]->id;
        ids[1] = t[i]->instagram;
        for (k = 0; k < 2; k++) {
            for (m = 0; ids[k] != NULL && m < n; m++) {
                if (strcmp(out[m], ids[k]) == 0) {
                    ids[k] = NULL;
                }
            }
            if (ids[k] != NULL && n < ACCOUNTS_MAX) {
                out[n++] = ids[k];
            }
        }
    }

    free(t);

    return n;
}


/* meta:message:ACCOUNT:KIND and an id */
static const struct reply *receipt_ask(struct ctl *c, const char *command,
    const char *account, const char *kind, struct str id)
{
    struct buf           key;
    struct ask          *w = mem_alloc(sizeof(*w));
    const struct reply  *r;

    buf_init(&key, 4096);
    buf_format(&key, "meta:message:%s:%s", account, kind);
    buf_str(&key, id);
    ask_text(w, command);
    ask_add(w, (struct str) { key.at, key.len });
    r = ctl_call(c, w);

    buf_free(&key);
    free(w);

    return r;
}


static size_t receipt_tell(struct ctl *c, const char *account, struct str id,
    bool of, struct jw *j, struct buf *text)
{
    const struct reply  *r = receipt_ask(c, "HGETALL", account, "", id);
    size_t               found = of || reply_count(r) > 0;

    if (found) {
        receipt_json(c, r, account, id, j);
        receipt_text(c, r, account, id, of, text);
    }

    db_forget(c->db);

    return found;
}


/* of the event or job of that id */
static size_t receipts_of(struct ctl *c, const char *account, struct str id,
    struct jw *j, struct buf *text)
{
    size_t       found = 0;
    struct buf   ids;
    const char  *at, *line, *end;

    if (id.len > KNOW_ID_MAX) {
        id.at += id.len - KNOW_ID_MAX;
        id.len = KNOW_ID_MAX;
    }

    buf_init(&ids, (size_t) -1);
    buf_str(&ids, reply_str(receipt_ask(c, "GET", account, "of:", id)));
    db_forget(c->db);

    for (at = ids.at, end = ids.at + ids.len; at < end; at = line + 1) {
        line = memchr(at, '\n', (size_t) (end - at));
        if (line == NULL) {
            break;
        }
        found += receipt_tell(c, account,
                              (struct str) { at, (size_t) (line - at) }, true,
                              j, text);
    }

    buf_free(&ids);

    return found;
}


/* receipts_tell: the records of that message, and of those that were sent for
   that event or job, of each account; --account names one that no token does */
size_t receipts_tell(struct ctl *c, const char *id, struct jw *j,
    struct buf *text)
{
    size_t       i, n, found = 0;
    const char  *accounts[ACCOUNTS_MAX];

    n = accounts_all(c, accounts);
    if (c->opts.account != NULL) {
        accounts[0] = c->opts.account;
        n = 1;
    }

    for (i = 0; i < n; i++) {
        found += receipt_tell(c, accounts[i], STR(id), false, j, text);
        found += receipts_of(c, accounts[i], STR(id), j, text);
    }

    return found;
}
