/* Changes of the token store, which all consumers see. */

#include "token_own.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>


#define LOCK_MS  5000           /* for the answer */


struct token_op {
    struct token_op  *next;
    struct tokens    *tokens;
    tokens_cb         cb;
    void             *data;
    char              why[REPLY_WHY_MAX];
    size_t            n;
    struct str        names[];
};


/* names are copied behind it */
static struct token_op *op_new(struct tokens *s, const struct str *names,
    size_t n, tokens_cb cb, void *data)
{
    char             *p;
    size_t            i, size = 0;
    struct token_op  *op;

    for (i = 0; i < n; i++) {
        size += names[i].len;
    }

    op = mem_alloc(sizeof(*op) + n * sizeof(struct str) + size);
    op->tokens = s;
    op->cb = cb;
    op->data = data;
    op->n = n;

    p = (char *) (op->names + n);
    for (i = 0; i < n; i++) {
        memcpy(p, names[i].at, names[i].len);
        op->names[i] = (struct str) { p, names[i].len };
        p += names[i].len;
    }

    return op;
}


static void op_end(struct token_op *op)
{
    if (op->cb != NULL) {
        op->cb(op->data, op->why[0] != '\0' ? op->why : NULL);
    }

    free(op);
}


/* store_late answers what could not be asked */
void store_late(struct tokens *s)
{
    struct token_op  *op;

    while ((op = s->late) != NULL) {
        s->late = op->next;
        op_end(op);
    }
}


static void on_later(uv_timer_t *timer)
{
    store_late(timer->data);
}


/* never inside of the call that asked for it */
static void op_late(struct token_op *op, const char *why)
{
    struct token_op  **end;

    snprintf(op->why, sizeof(op->why), "%s", why);
    for (end = &op->tokens->late; *end != NULL; end = &(*end)->next) {
        /* void */
    }
    *end = op;
    uv_timer_start(&op->tokens->later, on_later, 0, 0);
}


static void op_read(void *data)
{
    op_end(data);
}


static void op_refused(struct token_op *op, const struct reply *reply)
{
    char  why[REPLY_WHY_MAX];

    if (reply == NULL) {
        snprintf(op->why, sizeof(op->why), "%s", TOKENS_AWAY);
        return;
    }

    snprintf(op->why, sizeof(op->why), "%s", reply_why(why, reply));
    log_write(op->tokens->restoring ? LOG_DEBUG : LOG_ERROR,
              "tokens: Redis refuses a change: %s", op->why);
}


/* "done", "full", "changed" or "gone"; what is put back is so in the store that
   is there by now */
static void on_changed(void *data, const struct reply *reply)
{
    struct str        state;
    struct token_op  *op = data;

    if (reply == NULL || reply_count(reply) == 0) {
        op_refused(op, reply);
        op_end(op);
        return;
    }

    state = reply_str(reply_at(reply, 0));
    if (op->tokens->restoring) {
        store_since(op->tokens, reply_str(reply_at(reply, 2)));
    }

    if (str_is(state, "full") || str_is(state, "gone")) {
        snprintf(op->why, sizeof(op->why), "%s",
                 str_is(state, "full") ? TOKENS_FULL : TOKENS_GONE);
        op_end(op);
        return;
    }

    if (!str_is(state, "done")) {
        snprintf(op->why, sizeof(op->why), "%s", TOKENS_CHANGED);
    }
    store_read_names(op->tokens, op->names, op->n, op_read, op);
}


static void on_removed(void *data, const struct reply *reply)
{
    struct token_op  *op = data;

    if (reply == NULL || reply_type(reply) != REPLY_INTEGER) {
        op_refused(op, reply);
        op_end(op);
        return;
    }

    store_read_names(op->tokens, op->names, op->n, op_read, op);
}


static void op_call(struct token_op *op, enum script which,
    struct token_words *w, redis_cb cb)
{
    if (script_call(op->tokens->redis, which, w->at, w->nkeys, w->n, cb, op)
        != 0)
    {
        op_late(op, TOKENS_AWAY);
    }

    token_words_free(w);
    free(w);
}


/* store_put_back: one that Redis had, sealed as it was */
void store_put_back(struct tokens *s, const struct token *t, tokens_cb cb)
{
    struct str           name = STR(t->name);
    struct token_words  *w = mem_alloc(sizeof(*w));

    token_words_back(w, s, t);
    op_call(op_new(s, &name, 1, cb, s), SCRIPT_TOKEN_PUT, w, on_changed);
}


/* tokens_put_over: in place of old, or of what is no tenant's */
void tokens_put_over(struct tokens *s, const struct token *t,
    const struct token *old, const char *event, tokens_cb cb, void *data)
{
    struct str           name = STR(t->name);
    const char          *why;
    struct token_op     *op = op_new(s, &name, 1, cb, data);
    struct token_words  *w;

    if (s->conf->token_keys == NULL || t->as.secret == NULL) {
        op_late(op, t->as.secret == NULL ? "it has no secret"
                : "token_key_file is not set");
        return;
    }

    w = mem_alloc(sizeof(*w));
    why = token_words_put(w, s, t, old != NULL ? old->sealed : "-", event);
    if (why != NULL) {
        free(w);
        op_late(op, why);
        return;
    }

    op_call(op, SCRIPT_TOKEN_PUT, w, on_changed);
}


/* what has no store behind it is known to this process alone */
static void note_here(struct tokens *s, const struct token *t,
    const struct str *words, size_t n)
{
    char           name[32];
    size_t         i;
    struct token  *copy = token_of_conf(t->conf, t->of, t->name, t);

    for (i = 0; i + 1 < n; i += 2) {
        if (words[i].len < sizeof(name)) {
            memcpy(name, words[i].at, words[i].len);
            name[words[i].len] = '\0';
            token_set(copy, name, words[i + 1]);
        }
    }

    book_take(s, copy);
}


/* about: NULL, or what it must still be */
static void note_begin(struct tokens *s, struct str name,
    const struct token *about, const struct str *words, size_t n,
    const char *event, tokens_cb cb, void *data)
{
    struct token        *t = token_find(s, BY_NAME, name);
    struct token_op     *op = op_new(s, &name, 1, cb, data);
    struct token_words  *w;

    if (t == NULL || n > TOKENS_NOTE_MAX || n % 2 != 0) {
        op_late(op, t == NULL ? TOKENS_GONE : "too many fields");
        return;
    }

    if (about != NULL && strcmp(about->lane, t->lane) != 0) {
        op_late(op, TOKENS_CHANGED);
        return;
    }

    if (about != NULL && kept_has(s, t)) {
        op_late(op, "Redis has not taken it itself yet");
        return;         /* what is there is said of the one before it */
    }

    if (s->conf->token_keys == NULL) {
        note_here(s, t, words, n);
        op_late(op, "");
        return;
    }

    w = mem_alloc(sizeof(*w));
    token_words_note(w, s, t, about != NULL ? about->sealed : NULL, words, n,
                     event);
    op_call(op, SCRIPT_TOKEN_PUT, w, on_changed);
}


/* tokens_note: fields of one that is there */
void tokens_note(struct tokens *s, struct str name, const struct str *words,
    size_t n, const char *event, tokens_cb cb, void *data)
{
    note_begin(s, name, NULL, words, n, event, cb, data);
}


/* tokens_note_over: only where it still is t */
void tokens_note_over(struct tokens *s, const struct token *t,
    const struct str *words, size_t n, const char *event, tokens_cb cb,
    void *data)
{
    note_begin(s, STR(t->name), t, words, n, event, cb, data);
}


/* tokens_remove: one script for all */
void tokens_remove(struct tokens *s, const struct str *names, size_t n,
    const char *event, tokens_cb cb, void *data)
{
    struct token_op     *op;
    struct token_words  *w;

    op = op_new(s, names, n <= TOKENS_REMOVE_MAX ? n : 0, cb, data);

    if (n == 0 || n > TOKENS_REMOVE_MAX || s->conf->token_keys == NULL) {
        op_late(op, n == 0 ? "" : n > TOKENS_REMOVE_MAX ? "too many names"
                : "token_key_file is not set");
        return;
    }

    w = mem_alloc(sizeof(*w));
    token_words_out(w, s, names, n, event);
    op_call(op, SCRIPT_TOKEN_OUT, w, on_removed);
}


static void on_locked(void *data, const struct reply *reply)
{
    struct token_op  *op = data;

    if (reply == NULL || reply_type(reply) == REPLY_ERROR) {
        op_refused(op, reply);

    } else if (reply_type(reply) != REPLY_STATUS) {
        snprintf(op->why, sizeof(op->why), "%s", TOKENS_CHANGED);
    }

    op_end(op);
}


/* tokens_lock: nobody else works on that name for so long */
void tokens_lock(struct tokens *s, struct str name, unsigned ms,
    tokens_cb cb, void *data)
{
    char              key[TOKEN_NAME_MAX + 24], length[16];
    char              mark[LOCK_MARK_MAX];
    struct str        words[6];
    struct token_op  *op = op_new(s, NULL, 0, cb, data);

    snprintf(key, sizeof(key), "meta:token:lock:%.*s",
             (int) (name.len < TOKEN_NAME_MAX ? name.len : TOKEN_NAME_MAX),
             name.at);
    snprintf(length, sizeof(length), "%u", ms);
    words[0] = STR("SET");
    words[1] = STR(key);
    words[2] = STR(lock_mark(mark));
    words[3] = STR("NX");
    words[4] = STR("PX");
    words[5] = STR(length);

    if (redis_send(s->redis, words, 6, LOCK_MS, on_locked, op) != 0) {
        op_late(op, TOKENS_AWAY);
    }
}
