/* What the scripts of the token store are told; a token leaves this process
   sealed. */

#include "token_own.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>


#define EVENT_MAX  (TOKEN_SCOPES_MAX * 2 + 2048)


static void word_add(struct token_words *w, struct str s)
{
    if (w->n == TOKEN_WORDS_MAX) {
        abort();
    }

    w->from[w->n] = w->text.len;
    w->at[w->n++].len = s.len;
    buf_str(&w->text, s);
}


static void word_text(struct token_words *w, const char *text)
{
    word_add(w, STR(text));
}


static void word_two(struct token_words *w, const char *a, const char *b)
{
    w->from[w->n] = w->text.len;
    w->at[w->n++].len = strlen(a) + strlen(b);
    buf_text(&w->text, a);
    buf_text(&w->text, b);
}


static void word_event(struct token_words *w, const struct token *t,
    const char *event)
{
    struct buf  b;

    if (event == NULL || t == NULL) {
        word_text(w, "");
        return;
    }

    buf_init(&b, EVENT_MAX);
    token_event(&b, t, event);
    word_add(w, (struct str) { b.at, b.len });
    buf_free(&b);
}


static void words_begin(struct token_words *w)
{
    w->n = w->nkeys = 0;
    buf_init(&w->text, (size_t) -1);
}


static void words_end(struct token_words *w)
{
    size_t  i;

    buf_add(&w->text, "", 1);
    for (i = 0; i < w->n; i++) {
        w->at[i].at = w->text.at + w->from[i];
    }
}


/* token_words_free: sealed or not, nothing of it stays */
void token_words_free(struct token_words *w)
{
    buf_free(&w->text);
}


/* token_seal by the first key, with a nonce that no other seal has */
const char *token_seal(const struct conf_keys *keys, const struct token *t,
    char **sealed)
{
    size_t          len = strlen(t->as.secret);
    meta_str_t      plain = { (unsigned char *) t->as.secret, len };
    meta_str_t      name = { (unsigned char *) t->name, strlen(t->name) };
    unsigned char   nonce[META_NONCE_LEN];

    *sealed = mem_alloc(META_SEAL_LEN(len) + 1);

    if (RAND_bytes(nonce, sizeof(nonce)) != 1
        || meta_seal((unsigned char *) *sealed, &keys->at[0], "token", name,
                     nonce, plain) != META_OK)
    {
        free(*sealed);
        *sealed = NULL;
        return "libcrypto cannot seal it";
    }

    return NULL;
}


/* what Meta's answers have stopped for want of this token, or of what it may
   do: its own lane, and those of the accounts it is for */
static void word_stops(struct token_words *w, const struct token *t,
    const char *lane)
{
    size_t              i;
    char                key[LANE_NAME_MAX + 24];
    const char         *ids[] = { t->as.id, t->as.id, t->as.id, t->as.id,
                                  t->as.waba, t->as.instagram };
    static const char  *const kinds[] = {
        "phone", "page", "instagram", "feed", "waba", "instagram"
    };

    word_two(w, "meta:limit:stop:", lane);

    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        if (ids[i] != NULL) {
            snprintf(key, sizeof(key), "meta:limit:stop:%s:%s", kinds[i],
                     ids[i]);
            word_text(w, key);
        }
    }
}


static void word_head(struct token_words *w, const struct tokens *s,
    const struct token *t, const char *mode, const char *was,
    const char *event)
{
    char  most[24], lane[LANE_NAME_MAX];

    book_lane(s, t, lane);

    word_two(w, "meta:token:", t->name);
    word_text(w, "meta:token:names");
    word_text(w, "meta:token:changed");
    word_text(w, "meta:token:version");
    word_text(w, "meta:accounts");
    word_text(w, "meta:control");
    word_text(w, "meta:token:store");
    word_stops(w, t, lane);
    w->nkeys = w->n;

    word_text(w, t->name);
    word_text(w, mode);
    word_text(w, was != NULL ? was : "");
    word_event(w, t, event);
    word_two(w, "lane:", lane);
    snprintf(most, sizeof(most), "%d", TOKENS_MAX);
    word_text(w, most);
}


static void words_token(struct token_words *w, const struct token *t,
    const char *sealed)
{
    size_t       i;
    struct buf   b;
    const char  *field;

    word_text(w, "kind");
    word_text(w, token_kind_name((enum token_kind) t->as.kind));
    word_text(w, "sealed");
    word_text(w, sealed);

    for (i = 0; (field = token_field(i)) != NULL; i++) {
        buf_init(&b, TOKEN_TARGETS_MAX);
        if (token_get(t, field, &b)) {
            word_text(w, field);
            word_add(w, (struct str) { b.at, b.len });
        }
        buf_free(&b);
    }

    words_end(w);
}


/* lock_mark: random */
const char *lock_mark(char mark[LOCK_MARK_MAX])
{
    uint64_t  random = 0;

    RAND_bytes((unsigned char *) &random, sizeof(random));
    snprintf(mark, LOCK_MARK_MAX, "%016llx", (unsigned long long) random);

    return mark;
}


/* token_words_put: all that is known of it */
const char *token_words_put(struct token_words *w, const struct tokens *s,
    const struct token *t, const char *was, const char *event)
{
    char        *sealed;
    const char  *why;

    why = token_seal(s->conf->token_keys, t, &sealed);
    if (why != NULL) {
        return why;
    }

    words_begin(w);
    word_head(w, s, t, "put", was, event);
    words_token(w, t, sealed);
    free(sealed);

    return NULL;
}


/* token_words_back: one that is locked, too */
void token_words_back(struct token_words *w, const struct tokens *s,
    const struct token *t)
{
    words_begin(w);
    word_head(w, s, t, "back", NULL, NULL);
    words_token(w, t, t->sealed);
}


/* token_words_note: fields of one that is there; one of the configuration has
   nothing there before something is noted of it */
void token_words_note(struct token_words *w, const struct tokens *s,
    const struct token *t, const char *was, const struct str *fields,
    size_t n, const char *event)
{
    size_t  i;

    words_begin(w);
    word_head(w, s, t, t->of != NULL ? "make" : "note", was, event);

    if (t->of != NULL) {
        word_text(w, "kind");
        word_text(w, token_kind_name((enum token_kind) t->as.kind));
        word_text(w, "from");
        word_text(w, t->from);
        word_text(w, "lane");
        word_text(w, t->lane);
    }

    for (i = 0; i < n; i++) {
        word_add(w, fields[i]);
    }

    words_end(w);
}


/* token_words_out: what is announced is what was known of each */
void token_words_out(struct token_words *w, const struct tokens *s,
    const struct str *names, size_t n, const char *event)
{
    size_t  i;

    words_begin(w);
    word_text(w, "meta:token:names");
    word_text(w, "meta:token:changed");
    word_text(w, "meta:token:version");
    word_text(w, "meta:accounts");

    for (i = 0; i < n; i++) {
        w->from[w->n] = w->text.len;
        w->at[w->n++].len = names[i].len + 11;
        buf_text(&w->text, "meta:token:");
        buf_str(&w->text, names[i]);
    }
    w->nkeys = w->n;

    for (i = 0; i < n; i++) {
        word_add(w, names[i]);
        word_event(w, token_find(s, BY_NAME, names[i]), event);
    }

    words_end(w);
}
