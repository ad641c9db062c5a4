/* metactl message: where an event or a job is by its id, what is known of its
   work, and what became of a message that was sent. */

#include "ctl.h"
#include "ctl_found.h"
#include "ctl_status.h"

#include <stdlib.h>


#define FIND_CHUNK  500
#define FIND_BYTES  (8 * 1024 * 1024)

static const struct {
    const char  *suffix;        /* NULL: the list itself */
    const char  *state;
} places[] = {
    { NULL, "queue" }, { "urgent", "urgent" }, { "inflight", "inflight" },
    { "held", "held" }, { "retry", "retry" }, { "dead", "dead" },
    { "kept", "kept" }
};


/* what stands behind the lines of an envelope: "nkeys len1 len2 ...\n" */
static struct str found_envelope(struct str s)
{
    char        *end;
    size_t       n, skip = 0;
    const char  *at, *line = memchr(s.at, '\n', s.len);

    if (line == NULL) {
        return s;
    }

    strtoul(s.at, &end, 10);
    while (end < line && *end == ' ') {
        at = end;
        n = strtoul(at, &end, 10);
        if (end == at || n > s.len) {
            return s;
        }
        skip += n;
    }

    skip += (size_t) (line + 1 - s.at);

    return skip > s.len ? s : (struct str) { s.at + skip, s.len - skip };
}


/* the record of what stands in that place */
static struct str found_record(const char *state, struct str item)
{
    bool         kept = strcmp(state, "kept") == 0;
    const char  *behind;

    /* "field envelope", "field:record" */
    if (kept || strcmp(state, "retry") == 0) {
        behind = memchr(item.at, kept ? ':' : ' ', item.len);
        if (behind == NULL) {
            return item;
        }
        item.len -= (size_t) (behind + 1 - item.at);
        item.at = behind + 1;
    }

    return strcmp(state, "held") == 0 || strcmp(state, "retry") == 0
           ? found_envelope(item) : item;
}


static void found_place(struct ctl *c, const char *q, size_t place,
    struct str needle, found_cb cb, void *data)
{
    char                 key[CTL_NAME_MAX], at[32] = "0", n[16], bytes[16];
    size_t               i;
    struct found         f;
    struct ask          *w = mem_alloc(sizeof(*w));
    const struct reply  *r, *hits;

    if (places[place].suffix == NULL) {
        snprintf(key, sizeof(key), "%s", q);
    } else {
        key_of(key, q, places[place].suffix);
    }

    snprintf(n, sizeof(n), "%d", FIND_CHUNK);
    snprintf(bytes, sizeof(bytes), "%d", FIND_BYTES);

    do {
        w->n = 0;
        ask_text(w, key);
        ask_text(w, at);
        ask_text(w, n);
        ask_add(w, needle);
        ask_text(w, bytes);
        r = ctl_run(c, CTL_FIND, w, 1);

        hits = reply_at(r, 2);
        for (i = 0; i + 2 < reply_count(hits); i += 3) {
            f = (struct found) {
                .list = q, .state = places[place].state,
                .field = reply_str(reply_at(hits, i)),
                .score = reply_number(reply_at(hits, i + 1)),
                .item = reply_str(reply_at(hits, i + 2))
            };
            f.record = found_record(f.state, f.item);
            cb(data, c, &f);
        }

        snprintf(at, sizeof(at), "%.*s", (int) reply_str(reply_at(r, 0)).len,
                 reply_str(reply_at(r, 0)).at);
        db_forget(c->db);
    } while (at[0] != '\0');

    free(w);
}


/* found_each looks in every queue for items that hold the id as a string */
void found_each(struct ctl *c, const char *id, found_cb cb, void *data)
{
    size_t        i, p;
    struct buf    needle;
    struct lists  lists;

    buf_init(&needle, 4096);
    json_quote(&needle, STR(id));
    lists_all(c, &lists, NULL, true);

    for (i = 0; i < lists.n; i++) {
        for (p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
            found_place(c, lists.at[i].name, p,
                        (struct str) { needle.at, needle.len }, cb, data);
        }
    }

    lists_free(&lists);
    buf_free(&needle);
}


struct telling {
    const char  *id;
    size_t       n;
    struct jw    j;
    struct buf   b;
};


/* {Q}:state by the item's field, where it has one */
static struct json_doc *found_state(struct ctl *c, const struct found *f,
    long long *crashes)
{
    char                 field[64], key[CTL_NAME_MAX], count[72];
    struct str           state;
    const struct reply  *r;

    *crashes = 0;

    if (f->field.len == 0 || f->field.len >= sizeof(field)
        || (strcmp(f->state, "inflight") != 0 && strcmp(f->state, "held") != 0
            && strcmp(f->state, "retry") != 0))
    {
        return NULL;
    }

    snprintf(field, sizeof(field), "%.*s", (int) f->field.len, f->field.at);
    snprintf(count, sizeof(count), "c%s", field);
    r = ctl_ask(c, "HMGET", key_of(key, f->list, "state"), field, count,
                NULL);
    state = reply_str(reply_at(r, 0));
    *crashes = reply_number(reply_at(r, 1));

    return json_parse(state.at, state.len, state.len * 20 + 65536);
}


/* the lane that a held item waits on: the last key of its envelope, "" where it
   waits behind others */
static void found_lane(const struct found *f, char lane[STANDING_MAX])
{
    char        *end;
    size_t       n;
    const char  *at, *line = memchr(f->item.at, '\n', f->item.len);
    const char  *key, *ends = f->item.at + f->item.len;

    lane[0] = '\0';

    if (strcmp(f->state, "held") != 0 || line == NULL) {
        return;
    }

    key = line + 1;
    strtoul(f->item.at, &end, 10);
    while (end < line && *end == ' ') {
        at = end;
        n = strtoul(at, &end, 10);
        if (end == at || n > (size_t) (ends - key)) {
            return;
        }
        snprintf(lane, STANDING_MAX, "%.*s", n && *key == '\1'
                 ? (int) n - 1 : 0, key + 1);
        key += n;
    }
}


/* why it waits: what has stopped its lane, or what failed at last */
static void found_why(struct ctl *c, const char *lane,
    const struct json *state, struct buf *why)
{
    char             text[300];
    struct standing  at = { .waiting = 0 };

    buf_init(why, (size_t) -1);

    if (*lane) {
        snprintf(at.lane, sizeof(at.lane), "%s", lane);
        standing_read(c, &at);
        standing_text(&at, ctl_clock(c), text, sizeof(text));
        buf_text(why, text);
    } else {
        mask_words(c, why, json_get_text(state, "why"));
    }

    buf_add(why, "", 1);
    why->len--;
}


/* its line; a job that names none stands in that of whom it is for */
static struct buf tell_key(const struct json *item)
{
    struct buf  b;
    struct str  key = json_get_text(item, "key");
    struct str  account = json_get_text(item, "account");
    struct str  to = json_get_text(item, "to");

    buf_init(&b, 4096);
    buf_str(&b, key);
    if (key.len == 0 && json_get(item, "do") != NULL && account.len && to.len) {
        buf_str(&b, account);
        buf_text(&b, ":");
        buf_str(&b, to);
    }

    return b;
}


static void tell_json(struct ctl *c, struct telling *t, const struct found *f,
    const struct json *item, const struct json *state, long long crashes,
    const struct json *letter)
{
    char        lane[STANDING_MAX];
    struct buf  masked, why, line = tell_key(item);
    struct jw  *j = &t->j;

    jw_open(j, NULL, '{');
    jw_text(j, "list", f->list);
    jw_text(j, "state", f->state);
    jw_str(j, "field", f->field);
    jw_bool(j, "exact", str_is(json_get_text(item, "id"), t->id));
    jw_id(c, j, "id", json_get_text(item, "id"));
    jw_key(c, j, "key", line.len ? (struct str) { line.at, line.len } : NONE);
    buf_free(&line);
    jw_str(j, "delivery", json_get_text(item, "delivery"));
    jw_time(j, "due", strcmp(f->state, "retry") == 0 ? f->score : -1);
    jw_int(j, "crashes", crashes);
    found_lane(f, lane);
    found_why(c, lane, state, &why);
    jw_text(j, "lane", lane[0] ? lane : NULL);
    jw_text(j, "why", why.len ? why.at : NULL);
    buf_free(&why);
    jw_tree(j, "reason", json_get(letter, "reason"));
    jw_tree(j, "code", json_get(letter, "code"));

    buf_init(&masked, (size_t) -1);
    mask_json(c, &masked, state != NULL ? state : json_get(letter, "state"));
    jw_raw(j, "work", (struct str) { masked.at, masked.len });
    buf_free(&masked);
    jw_close(j, '}');
}


/* of a step that does what an earlier one does, that one's */
static const struct json *step_action(const struct json *steps,
    const struct json *step)
{
    size_t              n;
    const struct json  *d = json_get(step, "do"), *earlier = steps->child;

    if (!json_is(d, JSON_NUMBER)) {
        return d;
    }

    n = strtoul(d->text.at, NULL, 10);
    while (n-- > 0 && earlier != NULL) {
        earlier = earlier->next;
    }

    return json_get(earlier, "do");
}


static void tell_steps(struct ctl *c, struct buf *b, const struct json *state)
{
    size_t              n = 0;
    const struct json  *step, *err, *steps = json_get(state, "steps");

    if (!json_is(steps, JSON_ARRAY)) {
        return;
    }

    buf_text(b, "  attempts ");
    buf_str(b, json_get_text(state, "attempts"));
    buf_text(b, "\n");

    for (step = steps->child; step != NULL; step = step->next) {
        buf_format(b, "  action %zu ", ++n);
        mask_json(c, b, step_action(steps, step));
        buf_text(b, ": ");
        buf_str(b, json_get_text(step, "o").len ? json_get_text(step, "o")
                : STR("not yet"));
        err = json_get(step, "err");
        if (err != NULL) {
            buf_text(b, ", ");
            out_safe(b, json_get_text(err, "reason"));
            buf_text(b, " ");
            out_safe(b, json_get_text(err, "code"));
        }
        buf_text(b, "\n");
    }
}


static void tell_why(struct ctl *c, struct buf *b, const struct found *f,
    const struct json *state)
{
    char        lane[STANDING_MAX];
    struct buf  why;

    found_lane(f, lane);
    found_why(c, lane, state, &why);

    if (lane[0]) {
        buf_text(b, "  waits on ");
        out_safe(b, STR(lane));
        buf_text(b, "\n    ");
        out_wrap(b, why.at, 4);
    } else if (strcmp(f->state, "held") == 0) {
        buf_text(b, "  waits behind others of its line\n");
    } else if (why.len) {
        buf_text(b, "  waits, for ");
        out_wrap(b, why.at, 4);
    }

    buf_free(&why);
}


static void tell_text(struct ctl *c, struct telling *t, const struct found *f,
    const struct json *item, const struct json *state, long long crashes,
    const struct json *letter)
{
    char         date[TIME_MAX];
    struct buf  *b = &t->b, line = tell_key(item);

    out_color(c, b, 'b');
    buf_format(b, "%s of %s", f->state, f->list);
    out_color(c, b, 0);
    buf_format(b, "%s\n  id ", str_is(json_get_text(item, "id"), t->id) ? ""
               : " (it stands inside of this one)");
    mask_id(c, b, json_get_text(item, "id"));
    if (line.len) {
        buf_text(b, "\n  key ");
        mask_key(c, b, (struct str) { line.at, line.len });
    }
    buf_free(&line);
    if (json_get_text(item, "delivery").len) {
        buf_text(b, "\n  delivery ");
        buf_str(b, json_get_text(item, "delivery"));
    }
    buf_text(b, "\n");

    if (strcmp(f->state, "retry") == 0) {
        buf_format(b, "  due %s\n", time_date(date, f->score));
    }
    tell_why(c, b, f, state);
    if (letter != NULL) {
        buf_text(b, "  reason ");
        buf_str(b, json_get_text(letter, "reason"));
        buf_text(b, " ");
        buf_str(b, json_get_text(letter, "code"));
        buf_text(b, " ");
        mask_answer(c, b, letter);
        buf_text(b, "\n");
    }
    if (crashes) {
        buf_format(b, "  in flight at %lld crashes\n", crashes);
    }

    tell_steps(c, b, state != NULL ? state : json_get(letter, "state"));
}


static void on_found(void *data, struct ctl *c, const struct found *f)
{
    long long           crashes;
    struct telling     *t = data;
    struct json_doc    *doc, *state;
    const struct json  *item, *letter = NULL;

    doc = json_parse(f->record.at, f->record.len,
                     f->record.len * 20 + 65536);
    state = found_state(c, f, &crashes);
    item = json_root(doc);

    if (strcmp(f->state, "dead") == 0) {
        letter = item;
        item = json_get(letter, "item");
    }

    tell_json(c, t, f, item, json_root(state), crashes, letter);
    tell_text(c, t, f, item, json_root(state), crashes, letter);
    t->n++;

    json_free(state);
    json_free(doc);
}


/* run_message looks everywhere; what is done and not kept is nowhere */
int run_message(struct ctl *c)
{
    struct telling  t = { .id = c->args[0] };

    mask_refuse(STR(c->args[0]));
    buf_init(&t.b, (size_t) -1);
    jw_init(&t.j);
    jw_open(&t.j, NULL, '{');
    jw_int(&t.j, "v", 1);
    jw_open(&t.j, "found", '[');
    found_each(c, c->args[0], on_found, &t);
    jw_close(&t.j, ']');
    jw_open(&t.j, "sent", '[');
    t.n += receipts_tell(c, c->args[0], &t.j, &t.b);
    jw_close(&t.j, ']');
    jw_close(&t.j, '}');

    if (c->opts.json) {
        jw_print(&t.j);
    } else if (t.n == 0) {
        puts("nowhere: it is done and nothing was sent for it, it was dropped,"
             " or it never came");
    } else {
        out_print(&t.b);
    }

    buf_free(&t.j.b);
    buf_free(&t.b);

    return t.n ? CTL_GOOD : CTL_NOTHING;
}
