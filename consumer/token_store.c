/* The token store of the daemon: read at the start, then what has changed, once
   a second. */

#include "token_own.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>


#define LOOK_MS     1000
#define READ_BATCH  100         /* tokens of one call */
#define SAID_MAX    10          /* lines of one reading */
#define NAMES_MAX   (2 * TOKENS_MAX)


struct reading {
    struct tokens   *tokens;
    long long        version;
    char            *since;
    bool             all;
    bool             full;
    size_t           said;
    size_t           at;
    size_t           n;
    void           (*done)(void *data);     /* of names that were given */
    void            *data;
    struct str      *names;
    struct buf       text;
};


static void read_next(struct reading *r);


/* store_since: which store was read */
void store_since(struct tokens *s, struct str since)
{
    snprintf(s->since, sizeof(s->since), "%.*s",
             (int) (since.len < sizeof(s->since) ? since.len : 0), since.at);
}


/* store_known: what is there, or that nobody says so */
void store_known(struct tokens *s)
{
    if (!s->known) {
        s->known = true;
        if (s->on_known != NULL) {
            s->on_known(s->known_data);
        }
    }
}


/* what is refused for good holds nobody up: tokens of the configuration go
   on.  A Redis that is loading or busy will say it later */
static void store_refused(struct tokens *s, const struct reply *reply)
{
    size_t                    i;
    char                      text[REPLY_WHY_MAX];
    const char               *why = reply_why(text, reply);
    static const char *const  words[] = { "NOPERM", "WRONGTYPE", "ERR" };

    log_write(s->refused ? LOG_DEBUG : LOG_ERROR, "tokens: the store cannot be"
              " read: %s; those of the configuration go on", why);
    s->refused = true;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strncmp(why, words[i], strlen(words[i])) == 0) {
            store_known(s);
        }
    }
}


static void reading_free(struct reading *r)
{
    free(r->names);
    free(r->since);
    buf_free(&r->text);
    free(r);
}


/* who was not named has gone */
static void read_sweep(struct tokens *s)
{
    size_t  i;

    for (i = s->n; i > s->nconf; i--) {
        if (s->all[i - 1]->seen != s->seen) {
            book_out(s, s->all[i - 1]);
        }
    }
}


static void read_end(struct reading *r, bool good)
{
    struct tokens  *s = r->tokens;

    if (r->done != NULL) {
        r->done(r->data);
        reading_free(r);
        return;
    }

    s->busy = false;

    if (good) {
        if (r->all && !s->lost) {
            read_sweep(s);
        }
        if (r->said > SAID_MAX) {
            log_write(LOG_ERROR, "tokens: %zu more like these",
                      r->said - SAID_MAX);
        }
        if (s->version < 0) {
            log_write(LOG_INFO, "tokens: the store has %zu",
                      tokens_count(s));
        }
        s->version = s->newest = r->version;
        store_since(s, STR(r->since));
        s->refused = false;
        store_known(s);
        tokens_locked(s);
        kept_again(s);
    }

    reading_free(r);
}


static void read_book(struct reading *r, struct str name,
    const struct reply *hash)
{
    char            said[TOKEN_NAME_MAX];
    const char     *why = NULL;
    struct tokens  *s = r->tokens;

    if (!book_read(s, name, hash, &why)) {
        if (!s->full) {
            log_write(LOG_ERROR, "tokens: there are more than %d in the store;"
                      " the rest is not used", TOKENS_MAX);
        }
        s->full = true;
        return;
    }

    if (why != NULL && ++r->said <= SAID_MAX) {
        log_write(LOG_ERROR, "token %s: %s; it is not used",
                  token_said(said, name), why);
    }
}


/* a change is said, but not thousands at the start */
static void read_one(struct reading *r, struct str name,
    const struct reply *hash)
{
    char            said[TOKEN_NAME_MAX];
    const char     *what;
    struct tokens  *s = r->tokens;
    struct token   *t, *old = token_find(s, BY_NAME, name);

    if (old != NULL) {
        old->refs++;
    }

    read_book(r, name, hash);
    t = token_find(s, BY_NAME, name);
    what = t == NULL ? (old != NULL ? "is gone" : NULL)
           : old == NULL ? "is new"
           : t->as.secret != NULL && (old->as.secret == NULL
                          || strcmp(t->as.secret, old->as.secret) != 0)
           ? "is renewed" : NULL;

    if (what != NULL && s->version >= 0) {
        log_write(LOG_INFO, "token %s %s", token_said(said, name), what);
    }

    token_free(old);
}


static void on_read(void *data, const struct reply *reply)
{
    size_t           i, n;
    struct reading  *r = data;

    n = r->n - r->at < READ_BATCH ? r->n - r->at : READ_BATCH;

    if (reply == NULL || reply_type(reply) == REPLY_ERROR) {
        if (reply != NULL) {
            store_refused(r->tokens, reply);
        }
        read_end(r, false);
        return;
    }

    for (i = 0; i < n; i++) {
        read_one(r, r->names[r->at + i], reply_at(reply, i));
    }

    r->at += n;
    read_next(r);
}


static void read_next(struct reading *r)
{
    char          (*keys)[TOKEN_KEY_MAX];
    size_t          i, n;
    struct str      words[READ_BATCH];
    struct tokens  *s = r->tokens;

    if (r->at == r->n) {
        read_end(r, true);
        return;
    }

    n = r->n - r->at < READ_BATCH ? r->n - r->at : READ_BATCH;
    keys = mem_alloc(n * sizeof(*keys));

    for (i = 0; i < n; i++) {
        snprintf(keys[i], TOKEN_KEY_MAX, "meta:token:%.*s",
                 (int) r->names[r->at + i].len, r->names[r->at + i].at);
        words[i] = STR(keys[i]);
    }

    if (script_call(s->redis, SCRIPT_TOKEN_READ, words, n, n, on_read, r)
        != 0)
    {
        read_end(r, false);
    }

    free(keys);
}


static void reading_names(struct reading *r, const struct str *names,
    size_t n)
{
    size_t  i, at = 0;

    buf_init(&r->text, (size_t) -1);
    r->names = mem_alloc((n + 1) * sizeof(*r->names));

    for (i = 0; i < n; i++) {
        if (names[i].len > 0 && names[i].len < TOKEN_NAME_MAX) {
            buf_str(&r->text, names[i]);
            r->names[r->n++].len = names[i].len;
        }
    }

    for (i = 0; i < r->n; i++) {
        r->names[i].at = r->text.at + at;
        at += r->names[i].len;
    }
}


/* store_read_names: after a change of our own */
void store_read_names(struct tokens *s, const struct str *names, size_t n,
    void (*done)(void *data), void *data)
{
    struct reading  *r = mem_alloc(sizeof(*r));

    r->tokens = s;
    r->done = done;
    r->data = data;
    reading_names(r, names, n);
    read_next(r);
}


static void look_names(struct tokens *s, const struct reply *reply)
{
    size_t           i, n = reply_count(reply) - 3;
    struct str       since = reply_str(reply_at(reply, 2)), *names;
    struct reading  *r;

    if (back_lost(s, reply_int(reply_at(reply, 0)), since)) {
        s->busy = false;
        return;
    }

    names = mem_alloc((n + 1) * sizeof(*names));
    r = mem_alloc(sizeof(*r));

    for (i = 0; i < n; i++) {
        names[i] = reply_str(reply_at(reply, i + 3));
    }

    r->tokens = s;
    r->version = reply_int(reply_at(reply, 0));
    r->since = mem_copy(since.at, since.len);
    r->all = reply_int(reply_at(reply, 1)) == 1;
    if (r->all) {
        s->seen++;
        s->full = false;
    }

    reading_names(r, names, n);
    free(names);
    read_next(r);
}


static void on_look(void *data, const struct reply *reply)
{
    struct tokens  *s = data;

    if (reply != NULL && reply_count(reply) >= 3) {
        look_names(s, reply);
        return;
    }

    s->busy = false;

    if (reply != NULL && reply_type(reply) == REPLY_ERROR) {
        store_refused(s, reply);

    } else if (reply != NULL && reply_count(reply) == 1) {
        s->refused = false;
        store_known(s);
        if (!back_lost(s, s->version, STR(s->since))) {
            kept_again(s);
        }
    }
}


static void store_look(struct tokens *s)
{
    char        version[24], most[24];
    struct str  words[7];

    if (s->busy || !redis_up(s->redis)) {
        return;
    }

    if (s->conf->token_keys == NULL) {
        tokens_keyless(s);
        return;
    }

    snprintf(version, sizeof(version), "%lld", s->version);
    snprintf(most, sizeof(most), "%d", NAMES_MAX);
    words[0] = STR("meta:token:version");
    words[1] = STR("meta:token:names");
    words[2] = STR("meta:token:changed");
    words[3] = STR("meta:token:store");
    words[4] = STR(version);
    words[5] = STR(most);
    words[6] = STR(s->since);

    s->busy = script_call(s->redis, SCRIPT_TOKEN_LOOK, words, 4, 7, on_look,
                          s) == 0;
}


static void on_poll(uv_timer_t *timer)
{
    store_look(timer->data);
}


/* while it was away much may have happened, with another Redis as well */
static void on_up(void *data)
{
    struct tokens  *s = data;

    s->version = -1;
    s->counted = false;
    s->back_at = 0;
    kept_hurry(s);
    store_look(s);
}


/* tokens_new begins to look as soon as Redis is there */
struct tokens *tokens_new(uv_loop_t *loop, struct redis *redis,
    struct conf *conf)
{
    struct tokens  *s = mem_alloc(sizeof(*s));

    s->loop = loop;
    s->version = -1;
    book_conf(s, conf);
    conf->store = s;
    s->known = loop == NULL;

    if (loop == NULL) {
        return s;
    }

    s->redis = redis_share(redis, "tokens", on_up, NULL, s);
    uv_timer_init(loop, &s->poll);
    uv_timer_init(loop, &s->later);
    s->poll.data = s->later.data = s;
    s->handles = 2;
    uv_timer_start(&s->poll, on_poll, LOOK_MS, LOOK_MS);

    return s;
}


/* tokens_conf: by other keys what could not be opened may be */
void tokens_conf(struct tokens *s, struct conf *conf)
{
    struct conf  *old = s->conf;
    bool          same;

    conf->store = s;
    if (conf == old) {
        return;
    }

    same = conf->token_keys != NULL && old->token_keys != NULL
           && conf->token_keys->n == old->token_keys->n
           && memcmp(conf->token_keys->at, old->token_keys->at,
                     sizeof(conf->token_keys->at)) == 0;

    book_conf(s, conf);
    back_again(s);
    if (!same) {
        s->version = -1;
        s->counted = false;
        s->sealed = 0;
        store_look(s);
    }
}


/* tokens_owner: one of the environment is some account's alone by now */
void tokens_owner(struct conf *conf)
{
    if (conf->store != NULL && conf->store->conf == conf) {
        book_conf(conf->store, conf);
        back_again(conf->store);
    }
}


static void on_closed(uv_handle_t *handle)
{
    struct tokens  *s = handle->data;

    if (--s->handles == 0) {
        free(s);
    }
}


/* tokens_free: who waits for an answer gets it first */
void tokens_free(struct tokens *s)
{
    if (s == NULL) {
        return;
    }

    redis_free(s->redis);
    store_late(s);
    kept_free(s);
    s->conf->store = NULL;
    book_free(s);

    if (s->loop == NULL) {
        free(s);
        return;
    }

    uv_close((uv_handle_t *) &s->poll, on_closed);
    uv_close((uv_handle_t *) &s->later, on_closed);
}


/* tokens_known: before that nothing may begin */
bool tokens_known(const struct tokens *tokens)
{
    return tokens->known;
}


/* tokens_on_known: whoever held back */
void tokens_on_known(struct tokens *tokens, void (*cb)(void *data),
    void *data)
{
    tokens->on_known = cb;
    tokens->known_data = data;
}


/* tokens_on_change adds one more listener */
void tokens_on_change(struct tokens *tokens, tokens_change_cb cb, void *data)
{
    if (tokens->nlisteners == TOKENS_LISTENERS) {
        abort();
    }

    tokens->listeners[tokens->nlisteners].cb = cb;
    tokens->listeners[tokens->nlisteners++].data = data;
}
