/* metactl deletion: people whose data Meta asked to be deleted, how far that
   is, and that the rest is done. */

#include "ctl.h"

#include <stdlib.h>


#define PREFIX    "meta:deletion:"
#define CODE_MAX  64
#define TEXT_LEN  500       /* of what the person reads */
#define FIELDS    8

/* of one, as it stands in Redis */
struct deletion {
    char       code[CODE_MAX + 1];
    long long  at;
    struct str field[FIELDS];
};

static const char *const  fields[FIELDS] = {
    "state", "at", "app", "user", "tokens", "flows", "done_at", "text"
};

enum { STATE, AT, APP, USER, TOKENS, FLOWS, DONE_AT, TEXT };


static const char *deletion_code(struct ctl *c)
{
    const char  *code = c->args[0];

    if (strspn(code, "0123456789abcdef") != strlen(code) || *code == '\0'
        || strlen(code) > CODE_MAX)
    {
        ctl_fail(CTL_USAGE, "\"%s\" is no confirmation code: metactl deletion"
                 " list has them", code);
    }

    return code;
}


/* its texts live until db_forget; false: there is none of that code */
static bool deletion_read(struct ctl *c, const char *code, struct deletion *d)
{
    char                 key[sizeof(PREFIX) + CODE_MAX];
    size_t               i;
    struct ask          *w = mem_alloc(sizeof(*w));
    const struct reply  *r;

    *d = (struct deletion) { .at = 0 };
    snprintf(d->code, sizeof(d->code), "%s", code);
    snprintf(key, sizeof(key), PREFIX "%s", code);

    ask_text(w, "HMGET");
    ask_text(w, key);
    for (i = 0; i < FIELDS; i++) {
        ask_text(w, fields[i]);
    }
    r = ctl_call(c, w);
    free(w);

    for (i = 0; i < FIELDS; i++) {
        d->field[i] = reply_type(reply_at(r, i)) == REPLY_STRING
                      ? reply_str(reply_at(r, i)) : NONE;
    }
    d->at = reply_number(reply_at(r, AT));

    return d->field[STATE].len > 0;
}


static void deletion_number(struct jw *j, const struct deletion *d, int field)
{
    struct str  s = d->field[field];

    if (s.len && s.len < 20 && str_digits(s)) {
        jw_raw(j, fields[field], s);
    } else {
        jw_text(j, fields[field], NULL);
    }
}


static void deletion_json(struct jw *j, const struct deletion *d)
{
    jw_text(j, "code", d->code);
    jw_str(j, "state", d->field[STATE]);
    deletion_number(j, d, AT);
    jw_str(j, "app", d->field[APP]);
    jw_str(j, "user", d->field[USER]);
    deletion_number(j, d, TOKENS);
    deletion_number(j, d, FLOWS);
    deletion_number(j, d, DONE_AT);
    jw_str(j, "text", d->field[TEXT]);
}


static void deletion_line(struct ctl *c, const struct deletion *d)
{
    char        date[TIME_MAX];
    struct buf  b;
    bool        open = str_is(d->field[STATE], "received")
                       || str_is(d->field[STATE], "deleted");

    buf_init(&b, (size_t) -1);
    out_pad(&b, STR(d->code), 26);
    out_color(c, &b, open ? 'y' : 'g');
    out_pad(&b, d->field[STATE], 10);
    out_color(c, &b, 0);
    buf_text(&b, d->at ? time_date(date, d->at) : "-");
    buf_text(&b, "  ");
    out_safe(&b, d->field[USER]);
    buf_text(&b, "\n");
    out_print(&b);
}


static int deletion_order(const void *a, const void *b)
{
    long long  x = ((const struct deletion *) a)->at;
    long long  y = ((const struct deletion *) b)->at;

    return x < y ? 1 : x > y ? -1 : 0;
}


/* the codes of all keys of that name */
static struct deletion *deletion_all(struct ctl *c, size_t *n)
{
    char                 at[32] = "0";
    size_t               i, room = 0;
    struct str           key;
    const struct reply  *r;
    struct deletion     *all = NULL;

    *n = 0;

    do {
        r = ctl_ask(c, "SCAN", at, "MATCH", PREFIX "*", "COUNT", "1000", NULL);
        for (i = 0; i < reply_count(reply_at(r, 1)); i++) {
            key = reply_str(reply_at(reply_at(r, 1), i));
            key.at += sizeof(PREFIX) - 1;
            key.len -= sizeof(PREFIX) - 1;
            if (key.len == 0 || key.len > CODE_MAX) {
                continue;
            }
            if (*n == room) {
                room = room ? 2 * room : 64;
                all = mem_grow(all, room * sizeof(*all));
            }
            all[*n] = (struct deletion) { .at = 0 };
            memcpy(all[*n].code, key.at, key.len);
            all[(*n)++].code[key.len] = '\0';
        }

        key = reply_str(reply_at(r, 0));
        snprintf(at, sizeof(at), "%.*s", (int) key.len, key.at);
        db_forget(c->db);
    } while (strcmp(at, "0") != 0);

    return all;
}


/* run_deletion_list: the newest first */
int run_deletion_list(struct ctl *c)
{
    size_t            i, n, open = 0, kept = 0;
    long long         limit = ctl_limit(c, 50);
    struct jw         j;
    struct deletion   d, *all = deletion_all(c, &n);

    for (i = 0; i < n; i++) {
        if (deletion_read(c, all[i].code, &d)) {
            open += str_is(d.field[STATE], "received")
                    || str_is(d.field[STATE], "deleted");
            all[kept++] = d;
        }
        db_forget(c->db);
    }

    if (kept) {
        qsort(all, kept, sizeof(*all), deletion_order);
    }

    jw_init(&j);
    jw_open(&j, NULL, '{');
    jw_int(&j, "v", 1);
    jw_open(&j, "deletions", '[');

    for (i = 0; i < kept && (long long) i < limit; i++) {
        if (!deletion_read(c, all[i].code, &d)) {
            continue;
        }
        if (c->opts.json) {
            jw_open(&j, NULL, '{');
            deletion_json(&j, &d);
            jw_close(&j, '}');
        } else {
            deletion_line(c, &d);
        }
        db_forget(c->db);
    }

    jw_close(&j, ']');
    jw_int(&j, "all", (long long) kept);
    jw_int(&j, "open", (long long) open);
    jw_close(&j, '}');

    if (c->opts.json) {
        jw_print(&j);
    } else {
        printf("%zu, of which %zu wait for \"metactl deletion done\"\n", kept,
               open);
    }

    buf_free(&j.b);
    free(all);

    return CTL_GOOD;
}


static void deletion_find(struct ctl *c, const char *code, struct deletion *d)
{
    if (!deletion_read(c, code, d)) {
        ctl_fail(CTL_NOTHING, "no deletion has the code %s, or no consumer has"
                 " taken it yet: then it waits in meta:callbacks", code);
    }
}


static int deletion_say(struct ctl *c, const char *code)
{
    struct jw        j;
    struct buf       b;
    struct deletion  d;

    deletion_find(c, code, &d);

    if (c->opts.json) {
        jw_init(&j);
        jw_open(&j, NULL, '{');
        jw_int(&j, "v", 1);
        deletion_json(&j, &d);
        jw_close(&j, '}');
        jw_print(&j);
        return CTL_GOOD;
    }

    deletion_line(c, &d);
    buf_init(&b, (size_t) -1);
    buf_text(&b, "  app ");
    out_safe(&b, d.field[APP]);
    buf_text(&b, ", tokens removed ");
    out_safe(&b, d.field[TOKENS]);
    buf_text(&b, ", records of logins ");
    out_safe(&b, d.field[FLOWS]);
    if (d.field[TEXT].len) {
        buf_text(&b, "\n  says: ");
        out_safe(&b, d.field[TEXT]);
    }
    buf_text(&b, "\n");
    out_print(&b);

    return CTL_GOOD;
}


/* run_deletion_show: one of them */
int run_deletion_show(struct ctl *c)
{
    return deletion_say(c, deletion_code(c));
}


/* what the page says to the person, and "show" in a terminal */
static const char *deletion_text(struct ctl *c)
{
    size_t      n;
    struct str  s = c->opts.text != NULL ? STR(c->opts.text) : NONE;

    if (s.len > TEXT_LEN) {
        ctl_fail(CTL_USAGE, "--text must have at most %d bytes", TEXT_LEN);
    }

    for ( /* void */ ; s.len; s.at += n, s.len -= n) {
        n = json_utf8(s);
        if (n == 0 || json_steers(s, n)) {
            ctl_fail(CTL_USAGE, "--text must be one line of UTF-8, without"
                     " control characters");
        }
    }

    return c->opts.text;
}


static int deletion_set(struct ctl *c, const char *state)
{
    char             key[sizeof(PREFIX) + CODE_MAX], now[24];
    const char      *code = deletion_code(c), *text = deletion_text(c);
    struct deletion  d;

    deletion_find(c, code, &d);
    snprintf(key, sizeof(key), PREFIX "%s", code);
    snprintf(now, sizeof(now), "%lld", ctl_clock(c));

    if (text != NULL) {
        ctl_ask(c, "HSET", key, "state", state, "done_at", now, "text", text,
                NULL);
    } else {
        ctl_ask(c, "HSET", key, "state", state, "done_at", now, NULL);
    }

    return deletion_say(c, code);
}


/* run_deletion_done: the user's own program has deleted its part */
int run_deletion_done(struct ctl *c)
{
    return deletion_set(c, "done");
}


/* run_deletion_refuse: some has to be kept, and the page says why */
int run_deletion_refuse(struct ctl *c)
{
    if (c->opts.text == NULL) {
        ctl_fail(CTL_USAGE, "--text has to say why, to the person");
    }

    return deletion_set(c, "refused");
}
