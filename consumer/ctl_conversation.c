/* metactl conversation: who answers one, and what is kept of it. */

#include "ctl.h"

#include <stdlib.h>


#define PAUSE_PRESET  (12ll * 3600 * 1000)

/* what Redis answers, and the words of it */
struct talk {
    struct str           product;
    struct str           account;
    struct str           user;
    long long            now;
    bool                 changed;
    long long            pause;
    long long            stop;
    struct str           by;
    const struct reply  *fields;
    const struct reply  *turns;
    long long            autos;
};


/* PRODUCT:ACCOUNT:PERSON, as handlers get it in "conversation" */
static void talk_name(struct ctl *c, struct talk *t)
{
    const char  *at = c->args[0], *account, *user;

    account = strchr(at, ':');
    user = account != NULL ? strchr(account + 1, ':') : NULL;

    if (user == NULL || user[1] == '\0' || strlen(at) > 500
        || (strncmp(at, "whatsapp:", 9) != 0
            && strncmp(at, "messenger:", 10) != 0
            && strncmp(at, "instagram:", 10) != 0))
    {
        ctl_fail(CTL_USAGE, "a conversation is whatsapp:ACCOUNT:PERSON,"
                 " messenger:... or instagram:...");
    }

    t->product = (struct str) { at, (size_t) (account - at) };
    t->account = (struct str) { account + 1, (size_t) (user - account - 1) };
    t->user = STR(user + 1);

    mask_refuse(t->user);

    /* as "send" takes a number */
    if (str_is(t->product, "whatsapp") && user[1] == '+' && user[2]) {
        t->user = STR(user + 2);
    }
}


static void talk_fields(struct talk *t)
{
    size_t      i;
    struct str  name;

    for (i = 0; i + 1 < reply_count(t->fields); i += 2) {
        name = reply_str(reply_at(t->fields, i));

        if (str_is(name, "pause")) {
            t->pause = reply_number(reply_at(t->fields, i + 1));
        } else if (str_is(name, "stop")) {
            t->stop = reply_number(reply_at(t->fields, i + 1));
        } else if (str_is(name, "pause_by")) {
            t->by = reply_str(reply_at(t->fields, i + 1));
        }
    }

    t->pause = t->pause > t->now ? t->pause : 0;
    t->stop = t->stop > t->now ? t->stop : 0;
}


static void talk_ask(struct ctl *c, struct talk *t, const char *what,
    long long ms)
{
    char                 length[32], keep[32];
    struct ask          *w = mem_alloc(sizeof(*w));
    const struct reply  *r;

    *t = (struct talk) { .by = NONE };
    talk_name(c, t);
    snprintf(length, sizeof(length), "%lld", ms);
    snprintf(keep, sizeof(keep), "%lu", c->conf->messages_ms);

    ask_text(w, "meta:conversation:");
    ask_text(w, "meta:user:");
    ask_text(w, what);
    ask_add(w, t->product);
    ask_add(w, t->account);
    ask_add(w, t->user);
    ask_text(w, length);
    ask_text(w, "metactl");
    ask_text(w, keep);
    r = ctl_run(c, CTL_CONVERSATION, w, 2);
    free(w);

    t->user = reply_str(reply_at(r, 0));
    t->now = reply_number(reply_at(r, 1));
    t->changed = reply_number(reply_at(r, 2)) != 0;
    t->fields = reply_at(r, 3);
    t->turns = reply_at(r, 4);
    t->autos = reply_number(reply_at(r, 5));
    talk_fields(t);
}


static void talk_line(const struct talk *t, struct buf *line)
{
    buf_init(line, 1024);
    buf_str(line, t->account);
    buf_text(line, ":");
    buf_str(line, t->user);
}


static bool is_tag(struct str field)
{
    return field.len > 4 && memcmp(field.at, "tag:", 4) == 0;
}


static void json_tags(struct jw *j, const struct talk *t)
{
    size_t      i;
    struct str  name;

    jw_open(j, "tags", '[');
    for (i = 0; i + 1 < reply_count(t->fields); i += 2) {
        name = reply_str(reply_at(t->fields, i));
        if (is_tag(name)) {
            jw_str(j, NULL, (struct str) { name.at + 4, name.len - 4 });
        }
    }
    jw_close(j, ']');
}


static struct json_doc *turn_read(const struct talk *t, size_t i)
{
    struct str  turn = reply_str(reply_at(t->turns, i));

    return json_parse(turn.at, turn.len, turn.len * 20 + 65536);
}


static void json_turns(struct ctl *c, struct jw *j, const struct talk *t)
{
    size_t            i;
    struct buf        text;
    struct json_doc  *doc;

    jw_open(j, "turns", '[');
    for (i = 0; i < reply_count(t->turns); i++) {
        doc = turn_read(t, i);
        buf_init(&text, (size_t) -1);
        mask_text(c, &text, json_get_text(json_root(doc), "x"));

        jw_open(j, NULL, '{');
        jw_str(j, "by", json_get_text(json_root(doc), "r"));
        jw_tree(j, "time", json_get(json_root(doc), "t"));
        jw_str(j, "text", (struct str) { text.at, text.len });
        jw_close(j, '}');

        buf_free(&text);
        json_free(doc);
    }
    jw_close(j, ']');
}


static void talk_json(struct ctl *c, const struct talk *t, bool turns)
{
    struct jw   j;
    struct buf  line;

    talk_line(t, &line);
    jw_init(&j);
    jw_open(&j, NULL, '{');
    jw_int(&j, "v", 1);
    jw_str(&j, "product", t->product);
    jw_key(c, &j, "conversation", (struct str) { line.at, line.len });
    jw_bool(&j, "changed", t->changed);
    jw_time(&j, "paused_until", t->pause ? t->pause : -1);
    jw_str(&j, "paused_by", t->pause ? t->by : NONE);
    jw_time(&j, "stopped_until", t->stop ? t->stop : -1);
    jw_int(&j, "automatic", t->autos);
    json_tags(&j, t);
    if (turns) {
        json_turns(c, &j, t);
    }
    jw_close(&j, '}');
    jw_print(&j);
    buf_free(&line);
}


static void text_turns(struct ctl *c, struct buf *b, const struct talk *t)
{
    char              date[TIME_MAX];
    size_t            i;
    struct str        when;
    struct buf        text;
    struct json_doc  *doc;

    for (i = 0; i < reply_count(t->turns); i++) {
        doc = turn_read(t, i);
        when = json_get_text(json_root(doc), "t");
        buf_init(&text, (size_t) -1);
        mask_text(c, &text, json_get_text(json_root(doc), "x"));

        buf_format(b, "  %s ", time_date(date, when.len
                                         ? strtoll(when.at, NULL, 10) : 0));
        out_pad(b, json_get_text(json_root(doc), "r"), 5);
        out_safe(b, (struct str) { text.at, text.len });
        buf_text(b, "\n");

        buf_free(&text);
        json_free(doc);
    }
}


static void talk_text(struct ctl *c, const struct talk *t, bool turns)
{
    char        date[TIME_MAX];
    size_t      i;
    struct buf  b, line;
    struct str  name;

    talk_line(t, &line);
    buf_init(&b, (size_t) -1);
    buf_str(&b, t->product);
    buf_text(&b, ":");
    mask_key(c, &b, (struct str) { line.at, line.len });

    if (t->pause) {
        buf_format(&b, "\n  paused until %s by ", time_date(date, t->pause));
        out_safe(&b, t->by);
    } else {
        buf_text(&b, "\n  not paused");
    }

    if (t->stop) {
        buf_format(&b, "\n  stopped until %s: too many automatic replies",
                   time_date(date, t->stop));
    }

    buf_format(&b, "\n  automatic replies of the last 10 minutes: %lld\n",
               t->autos);

    for (i = 0; i + 1 < reply_count(t->fields); i += 2) {
        name = reply_str(reply_at(t->fields, i));
        if (is_tag(name)) {
            buf_text(&b, "  tag ");
            out_safe(&b, (struct str) { name.at + 4, name.len - 4 });
            buf_text(&b, "\n");
        }
    }

    if (turns) {
        text_turns(c, &b, t);
    }

    out_print(&b);
    buf_free(&line);
}


static int talk_say(struct ctl *c, const struct talk *t, bool turns)
{
    if (c->opts.json) {
        talk_json(c, t, turns);
    } else {
        talk_text(c, t, turns);
    }

    return CTL_GOOD;
}


/* run_conversation_show: texts only with --reveal */
int run_conversation_show(struct ctl *c)
{
    struct talk  t;

    talk_ask(c, &t, "show", 0);

    if (reply_count(t.fields) == 0 && reply_count(t.turns) == 0
        && t.autos == 0)
    {
        ctl_fail(CTL_NOTHING, "nothing is kept of that conversation");
    }

    return talk_say(c, &t, true);
}


/* run_conversation_pause also makes a pause shorter: a person says so */
int run_conversation_pause(struct ctl *c)
{
    long long    ms = PAUSE_PRESET;
    struct talk  t;

    if (c->opts.pause_for != NULL) {
        ms = time_length(c->opts.pause_for);
        if (ms <= 0) {
            ctl_fail(CTL_USAGE, "--for must be a length of time: 90s, 15m,"
                     " 6h, 2d");
        }
    }

    talk_ask(c, &t, "pause", ms);

    return talk_say(c, &t, false);
}


/* run_conversation_resume: assistants and rules answer again */
int run_conversation_resume(struct ctl *c)
{
    struct talk  t;

    talk_ask(c, &t, "resume", 0);
    if (!t.changed) {
        ctl_fail(CTL_NOTHING, "that conversation is not paused");
    }

    return talk_say(c, &t, false);
}


/* run_conversation_forget deletes pause, tags and turns */
int run_conversation_forget(struct ctl *c)
{
    struct talk  t;

    talk_ask(c, &t, "forget", 0);
    if (!t.changed) {
        ctl_fail(CTL_NOTHING, "nothing is kept of that conversation");
    }

    return talk_say(c, &t, false);
}
