/* A conversation as Redis keeps it: its pause, its tags, its last turns. */

#include "conversation.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>


#define TURN_MAX  (4 * CHAT_TEXT_MAX)


/* conversation_of names it (contract 7's conversation) */
void conversation_of(struct conversation *c, struct redis *redis,
    const struct conf *conf, enum product product, struct str account,
    struct str user)
{
    int  n;

    c->redis = redis;
    c->conf = conf;

    n = snprintf(c->key, sizeof(c->key), CONVERSATION_PREFIX "%s:%.*s:%.*s",
                 product_name(product), (int) account.len, account.at,
                 (int) user.len, user.at);

    if (n < 0 || (size_t) n >= sizeof(c->key) - sizeof(":turns")
        || user.len == 0 || memchr(user.at, ':', user.len) != NULL)
    {
        c->key[0] = '\0';
    }
}


static int call(const struct conversation *c, const char *record,
    const struct str *args, size_t n, redis_cb cb, void *data)
{
    char        turns[CONVERSATION_KEY_MAX + 8];
    struct str  words[11];

    if (c->key[0] == '\0') {
        return -1;
    }

    snprintf(turns, sizeof(turns), "%s:turns", c->key);
    words[0] = STR(c->key);
    words[1] = STR(turns);
    words[2] = STR(record);
    words[3] = STR(CONVERSATION_PREFIX "paused");
    memcpy(words + 4, args, n * sizeof(*args));

    return script_call(c->redis, SCRIPT_CONVERSATION, words, 4, n + 4, cb,
                       data);
}


static struct str number(char out[MEM_DIGITS], unsigned long long n)
{
    return (struct str) { out, mem_digits(out, n) };
}


static long long now_ms(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_REALTIME, &now);

    return (long long) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}


static int turn_call(const struct conversation *c, const char *what,
    const char *role, struct str id, struct str text, size_t wanted,
    redis_cb cb, void *data)
{
    int          rc;
    char         keep[MEM_DIGITS], most[MEM_DIGITS], ttl[MEM_DIGITS];
    char         want[MEM_DIGITS];
    size_t       begin;
    struct buf   b;

    buf_init(&b, TURN_MAX);
    buf_format(&b, "{\"r\":\"%s\",\"i\":", role);
    json_quote(&b, id);
    begin = b.len;
    buf_format(&b, ",\"t\":%lld,\"x\":", now_ms());
    json_quote(&b, text);
    buf_text(&b, "}");

    struct str  args[] = {
        STR(what), number(keep, c->conf->messages_ms),
        { b.at, b.len }, { b.at, begin },
        number(most, CONVERSATION_TURNS_MAX),
        number(ttl, c->conf->turns_ms), number(want, wanted)
    };

    rc = b.over ? -1 : call(c, c->key, args, 7, cb, data);
    buf_free(&b);

    return rc;
}


/* as lists of conversations have it */
static struct str name(const struct conversation *c)
{
    return STR(c->key[0] ? c->key + sizeof(CONVERSATION_PREFIX) - 1 : "");
}


/* conversation_ask keeps what a person wrote */
int conversation_ask(const struct conversation *c, struct str id,
    struct str text, size_t n, redis_cb cb, void *data)
{
    return turn_call(c, "turn", "user", id, text, n, cb, data);
}


/* conversation_said keeps what was answered */
int conversation_said(const struct conversation *c, struct str id,
    struct str text, bool late, redis_cb cb, void *data)
{
    return turn_call(c, late ? "late" : "turn", "bot", id,
                     chat_first(text, CHAT_TEXT_MAX / 4), 0, cb, data);
}


/* conversation_pause never makes a pause shorter */
int conversation_pause(const struct conversation *c, unsigned long ms,
    const char *by, const char *message, redis_cb cb, void *data)
{
    char        keep[MEM_DIGITS], length[MEM_DIGITS];
    struct str  args[] = {
        STR("pause"), number(keep, c->conf->messages_ms), number(length, ms),
        STR(by), STR(*message ? "1" : "0"), name(c)
    };

    return call(c, *message ? message : c->key, args, 6, cb, data);
}


/* conversation_look changes nothing */
int conversation_look(const struct conversation *c, const char *message,
    redis_cb cb, void *data)
{
    struct str  args[] = { STR("look"), STR("0") };

    return call(c, *message ? message : c->key, args, 2, cb, data);
}


/* conversation_resume ends a pause, and a stop */
int conversation_resume(const struct conversation *c, redis_cb cb,
    void *data)
{
    struct str  args[] = { STR("resume"), STR("0"), name(c) };

    return call(c, CONVERSATION_PREFIX "stopped", args, 3, cb, data);
}


/* conversation_tag sets one, or takes it away */
int conversation_tag(const struct conversation *c, const char *name,
    bool there, redis_cb cb, void *data)
{
    char        keep[MEM_DIGITS], most[MEM_DIGITS];
    struct str  args[] = {
        STR(there ? "tag" : "untag"), number(keep, c->conf->messages_ms),
        STR(name), number(most, CONVERSATION_TAGS_MAX)
    };

    return call(c, c->key, args, 4, cb, data);
}


/* conversation_read reads what conversation.lua answers */
bool conversation_read(const struct reply *reply,
    struct conversation_state *state)
{
    *state = (struct conversation_state) { .pause_by = NONE };

    if (reply == NULL || reply_count(reply) < 4) {
        return false;
    }

    state->pause = reply_int(reply_at(reply, 0));
    state->pause_by = reply_str(reply_at(reply, 1));
    state->stop = reply_int(reply_at(reply, 2));
    state->done = reply_int(reply_at(reply, 3)) != 0;

    return true;
}


static void turn_add(struct chat_turn *turns, size_t *n, bool bot,
    struct str text)
{
    char              *joined;
    struct chat_turn  *last = *n ? &turns[*n - 1] : NULL;

    text = chat_trim(text);
    if (text.len == 0 || (bot && last == NULL)) {
        return;
    }

    if (last == NULL || last->bot != bot) {
        turns[(*n)++] = (struct chat_turn) {
            bot, { mem_copy(text.at, text.len), text.len }
        };
        return;
    }

    joined = mem_alloc(last->text.len + text.len + 2);
    memcpy(joined, last->text.at, last->text.len);
    joined[last->text.len] = '\n';
    memcpy(joined + last->text.len + 1, text.at, text.len);
    free((char *) last->text.at);
    last->text = (struct str) { joined, last->text.len + text.len + 1 };
}


/* conversation_turns makes them ready for a model */
struct chat_turn *conversation_turns(const struct reply *reply,
    struct str text, size_t *n)
{
    size_t             i, count = reply != NULL ? reply_count(reply) : 0;
    struct str         turn;
    struct json_doc   *doc;
    struct chat_turn  *turns = mem_alloc((count + 1) * sizeof(*turns));

    *n = 0;
    for (i = 4; i < count; i++) {
        turn = reply_str(reply_at(reply, i));
        doc = json_parse(turn.at, turn.len, JSON_TREE_MAX);
        turn_add(turns, n, str_is(json_get_text(json_root(doc), "r"), "bot"),
                 json_get_text(json_root(doc), "x"));
        json_free(doc);
    }

    turn_add(turns, n, false, text);

    return turns;
}


/* conversation_turns_free releases them */
void conversation_turns_free(struct chat_turn *turns, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        free((char *) turns[i].text.at);
    }

    free(turns);
}
