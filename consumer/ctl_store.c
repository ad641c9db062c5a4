/* The token store as metactl has it: the book and the scripts of meta-consumer,
   on metactl's own connection. */

#include "ctl_store.h"
#include "token_own.h"

#include <stdlib.h>


#define READ_BATCH  100
#define SAID_MAX    10


static void store_said(size_t *said, struct str name, const char *why)
{
    struct buf  b;

    if (++*said > SAID_MAX) {
        return;
    }

    buf_init(&b, 1024);
    buf_text(&b, "metactl: token ");
    buf_str(&b, name);
    buf_format(&b, ": %s\n", why);
    out_lines(&b, stderr);
}


static void store_batch(struct ctl *c, const struct reply *names, size_t at,
    size_t n, size_t *said)
{
    char                (*keys)[TOKEN_KEY_MAX];
    bool                  room = true;
    size_t                i;
    struct str            name;
    struct ask           *w = mem_alloc(sizeof(*w));
    const char           *why;
    const struct reply   *hashes;

    keys = mem_alloc(n * sizeof(*keys));
    for (i = 0; i < n; i++) {
        name = reply_str(reply_at(names, at + i));
        snprintf(keys[i], TOKEN_KEY_MAX, "meta:token:%.*s",
                 (int) (name.len < TOKEN_NAME_MAX ? name.len
                        : TOKEN_NAME_MAX), name.at);
        ask_text(w, keys[i]);
    }

    hashes = ctl_run(c, CTL_TOKEN_READ, w, n);
    for (i = 0; i < n; i++) {
        why = NULL;
        name = reply_str(reply_at(names, at + i));
        room = book_read(c->conf->store, name, reply_at(hashes, i), &why);
        if (why != NULL) {
            store_said(said, name, why);
        }
    }

    if (!room) {
        ctl_fail(CTL_FINDING, "there are more than %d tokens in the store",
                 TOKENS_MAX);
    }

    free(keys);
    free(w);
}


static void store_read(struct ctl *c, bool needed)
{
    size_t               at, n, said = 0;
    struct ask          *w = mem_alloc(sizeof(*w));
    const struct reply  *answer;

    ask_text(w, "meta:token:version");
    ask_text(w, "meta:token:names");
    ask_text(w, "meta:token:changed");
    ask_text(w, "meta:token:store");
    ask_text(w, "-1");
    ask_text(w, "20000");
    ask_text(w, "");
    answer = ctl_try(c, CTL_TOKEN_LOOK, w, 4);
    free(w);

    if (reply_is_error(answer)) {
        if (needed) {
            ctl_refused("token_look.lua", answer);
        }
        fputs("metactl: Redis does not let this user read the token store:"
              " docs/metactl.md, The smallest ACL\n", stderr);
        return;
    }

    for (at = 3; at < reply_count(answer); at += n) {
        n = reply_count(answer) - at;
        n = n < READ_BATCH ? n : READ_BATCH;
        store_batch(c, answer, at, n, &said);
    }

    if (said > SAID_MAX) {
        fprintf(stderr, "metactl: %zu more like these\n", said - SAID_MAX);
    }
}


static void store_open(struct ctl *c, bool needed)
{
    if (c->conf->store != NULL) {
        return;
    }

    tokens_new(NULL, NULL, c->conf);

    if (c->conf->token_keys != NULL) {
        if (c->db == NULL) {
            ctl_redis(c);
        }
        store_read(c, needed);
    }
}


/* ctl_store reads all, once */
void ctl_store(struct ctl *c)
{
    store_open(c, false);
}


/* ctl_token: also of the configuration by "KIND:ID" alone */
struct token *ctl_token(struct ctl *c, const char *name)
{
    char           own[TOKEN_NAME_MAX + 8];
    struct token  *t = tokens_named(c->conf->store, STR(name));

    snprintf(own, sizeof(own), "conf:%.*s", TOKEN_NAME_MAX, name);

    return t != NULL ? t : tokens_named(c->conf->store, STR(own));
}


/* store_app: Instagram's apps are others than Facebook's, so of theirs none is
   guessed */
const struct conf_app *store_app(struct ctl *c, const struct token *t)
{
    size_t                  i;
    const struct conf_app  *apps = c->conf->apps.at;

    for (i = 0; t->app != NULL && i < c->conf->apps.n; i++) {
        if (strcmp(apps[i].id, t->app) == 0) {
            return &apps[i];
        }
    }

    return c->conf->apps.n && t->as.kind != TOKEN_INSTAGRAM ? apps : NULL;
}


/* store_needed: nothing can be stored without a key */
void store_needed(struct ctl *c)
{
    if (c->conf->token_keys == NULL) {
        ctl_fail(CTL_USAGE, "token_key_file is not set in %s: \"metactl token"
                 " key\" prints a line for such a file", c->opts.file);
    }

    store_open(c, true);
}


static const char *store_run(struct ctl *c, struct token_words *w)
{
    size_t               i;
    struct str           state;
    struct ask          *ask = mem_alloc(sizeof(*ask));
    const struct reply  *reply;

    for (i = 0; i < w->n; i++) {
        ask_add(ask, w->at[i]);
    }

    reply = ctl_run(c, CTL_TOKEN_PUT, ask, w->nkeys);
    state = reply_str(reply_at(reply, 0));
    token_words_free(w);
    free(w);
    free(ask);

    return str_is(state, "done") ? NULL : str_is(state, "full") ? TOKENS_FULL
           : str_is(state, "gone") ? TOKENS_GONE : TOKENS_CHANGED;
}


/* store_put writes all of it */
const char *store_put(struct ctl *c, const struct token *t,
    const struct token *old, const char *event)
{
    const char          *why;
    struct token_words  *w = mem_alloc(sizeof(*w));

    why = token_words_put(w, c->conf->store, t,
                          old != NULL ? old->sealed : NULL, event);
    if (why != NULL) {
        ctl_fail(CTL_FINDING, "%s: %s", t->name, why);
    }

    return store_run(c, w);
}


/* store_note: fields of one that still is what was read */
const char *store_note(struct ctl *c, const struct token *t,
    const struct str *words, size_t n)
{
    struct token_words  *w = mem_alloc(sizeof(*w));

    token_words_note(w, c->conf->store, t, t->sealed, words, n, NULL);

    return store_run(c, w);
}


/* store_seal_anew: the same secret, by the first key */
const char *store_seal_anew(struct ctl *c, const struct token *t)
{
    char        *sealed;
    const char  *why;
    struct str   fields[2];

    why = token_seal(c->conf->token_keys, t, &sealed);
    if (why != NULL) {
        ctl_fail(CTL_FINDING, "%s: %s", t->name, why);
    }

    fields[0] = STR("sealed");
    fields[1] = STR(sealed);
    why = store_note(c, t, fields, 2);
    free(sealed);

    return why;
}


/* store_out removes one */
bool store_out(struct ctl *c, const char *name, const char *event)
{
    size_t               i;
    struct ask          *ask = mem_alloc(sizeof(*ask));
    struct str           one = STR(name);
    const struct reply  *reply;
    struct token_words  *w = mem_alloc(sizeof(*w));

    token_words_out(w, c->conf->store, &one, 1, event);
    for (i = 0; i < w->n; i++) {
        ask_add(ask, w->at[i]);
    }

    reply = ctl_run(c, CTL_TOKEN_OUT, ask, w->nkeys);
    token_words_free(w);
    free(w);
    free(ask);

    return reply_number(reply) > 0;
}


/* store_all: in the order of the configuration, then of the store */
const struct conf_token **store_all(struct ctl *c, size_t *n)
{
    size_t                     i;
    struct tokens             *s;
    const struct conf_token   *own = c->conf->tokens.at, *t, **all;

    ctl_store(c);
    s = c->conf->store;
    all = mem_alloc((c->conf->tokens.n + s->n + 1) * sizeof(*all));

    for (*n = 0; *n < c->conf->tokens.n; ++*n) {
        all[*n] = &own[*n];
    }

    for (i = s->nconf; i < s->n; i++) {
        t = token_usable(s->all[i]);
        if (t != NULL && t->kind != TOKEN_PIN) {
            all[(*n)++] = t;
        }
    }

    return all;
}
