/* What a flow's page is told.  A word on the way is sent once; the last one is
   repeated until Redis takes it, for the flow itself is over by then. */

#include "flow_own.h"

#include <stdlib.h>
#include <string.h>


#define FLOW_KEEP_S  "3600"     /* of meta:flow:ID */
#define WORD_FIELDS  20
#define WORD_TRIES   8
#define WORDS_MAX    256        /* of 64 KB at most */
#define WORD_MS      500        /* before the second; then twice as long */

/* a copy of what was said; it waits for Redis or for its timer */
struct flow_word {
    struct flows      *flows;
    struct flow_word  *next;
    char              *key;
    char              *values[WORD_FIELDS];
    struct str         argv[WORD_FIELDS + 4];
    size_t             argc;
    char               at[MEM_DIGITS];
    long long          moment;
    unsigned           tries;
    bool               asked;       /* Redis answers */
    uv_timer_t         timer;
};


static void word_go(struct flow_word *w);


/* the id's beginning, as in all lines of a flow */
static const char *word_id(const struct flow_word *w)
{
    return w->key + sizeof("meta:flow:") - 1;
}


static struct str flow_key(const struct flow *f, struct buf *key)
{
    buf_init(key, 128);
    buf_text(key, "meta:flow:");
    buf_text(key, f->id);

    return (struct str) { key->at, key->len };
}


static int fields_send(struct redis *redis, const struct str *argv,
    size_t argc, redis_cb cb, void *data)
{
    struct str  expire[3] = { STR("EXPIRE"), argv[1], STR(FLOW_KEEP_S) };

    if (redis == NULL
        || redis_send(redis, argv, argc, FLOW_REDIS_MS, cb, data) != 0)
    {
        return -1;
    }

    /* it has had its end since its first word, which this one puts off */
    if (redis_send(redis, expire, 3, FLOW_REDIS_MS, NULL, NULL) != 0) {
        log_write(LOG_DEBUG, "%.*s keeps its end", (int) argv[1].len,
                  argv[1].at);
    }

    return 0;
}


/* flow_fields writes words (field, value...) of meta:flow:ID */
void flow_fields(struct flow *f, const struct str *words, size_t n)
{
    size_t      i;
    char        at[MEM_DIGITS];
    struct buf  key;
    struct str  argv[WORD_FIELDS + 4] = { STR("HSET") };

    if (f->id == NULL || f->flows->redis == NULL || n > WORD_FIELDS) {
        return;
    }

    argv[1] = flow_key(f, &key);
    for (i = 0; i < n; i++) {
        argv[2 + i] = words[i];
    }
    argv[2 + i] = STR("at");
    argv[3 + i].at = at;
    argv[3 + i].len = mem_digits(at, (unsigned long long) flow_now());

    if (fields_send(f->flows->redis, argv, i + 4, NULL, NULL) != 0) {
        log_write(LOG_DEBUG, "login %.8s: its page is not told", f->id);
    }

    buf_free(&key);
}


static void on_closed(uv_handle_t *handle)
{
    size_t             i;
    struct flow_word  *w = handle->data;

    for (i = 0; i < WORD_FIELDS; i++) {
        free(w->values[i]);
    }
    free(w->key);
    free(w);
}


static void word_free(struct flow_word *w)
{
    struct flows       *flows = w->flows;
    struct flow_word  **at = &flows->words;

    while (*at != w) {
        at = &(*at)->next;
    }
    *at = w->next;
    flows->nwords--;
    uv_close((uv_handle_t *) &w->timer, on_closed);

    if (!flows->leaving) {
        flows_look(flows);
    }
}


static void on_timer(uv_timer_t *timer)
{
    word_go(timer->data);
}


static void word_again(struct flow_word *w)
{
    if (w->flows->leaving || ++w->tries >= WORD_TRIES) {
        /* nobody waits for the answer to one that has just gone */
        log_write(w->tries ? LOG_WARN : LOG_DEBUG, "login %.8s: its page is"
                  " not told how it ended: Redis does not take it", word_id(w));
        word_free(w);
        return;
    }

    log_write(w->tries == 1 ? LOG_WARN : LOG_DEBUG, "login %.8s: Redis does"
              " not take how it ended: it is told again", word_id(w));
    uv_timer_start(&w->timer, on_timer, (uint64_t) WORD_MS << w->tries, 0);
}


static void on_said(void *data, const struct reply *reply)
{
    struct flow_word  *w = data;

    w->asked = false;
    if (reply == NULL || reply_type(reply) == REPLY_ERROR) {
        word_again(w);
    } else {
        word_free(w);
    }
}


static void word_say(struct flow_word *w)
{
    w->asked = fields_send(w->flows->redis, w->argv, w->argc, on_said, w) == 0;
    if (!w->asked) {
        word_again(w);
    }
}


/* Redis may have taken it, and a PIN come since, with which the flow went on:
   what was said later stays */
static void on_seen(void *data, const struct reply *reply)
{
    long long          at = 0;
    struct flow_word  *w = data;
    struct str         said;

    w->asked = false;
    if (reply == NULL || w->flows->leaving
        || reply_type(reply) != REPLY_ARRAY)
    {
        word_again(w);
        return;
    }

    said = reply_str(reply_at(reply, 0));
    if (said.len > 0 && said.len < MEM_DIGITS) {
        char  text[MEM_DIGITS] = "";

        memcpy(text, said.at, said.len);
        at = strtoll(text, NULL, 10);
    }

    if (at >= w->moment) {
        word_free(w);
        return;
    }

    word_say(w);
}


static void word_go(struct flow_word *w)
{
    struct str  words[3] = { STR("HMGET"), STR(w->key), STR("at") };

    w->asked = redis_send(w->flows->redis, words, 3, FLOW_REDIS_MS, on_seen,
                          w) == 0;
    if (!w->asked) {
        word_again(w);
    }
}


/* flow_last: as flow_fields, and it is repeated, unless too many are */
void flow_last(struct flow *f, const struct str *words, size_t n)
{
    size_t             i;
    struct buf         key;
    struct flow_word  *w;

    if (f->id == NULL || f->flows->redis == NULL || n > WORD_FIELDS) {
        return;
    }

    if (f->flows->nwords >= WORDS_MAX) {
        flow_fields(f, words, n);
        return;
    }

    w = mem_alloc(sizeof(*w));
    w->flows = f->flows;
    w->next = f->flows->words;
    f->flows->words = w;
    f->flows->nwords++;
    flow_key(f, &key);
    w->key = mem_copy(key.at, key.len);
    buf_free(&key);
    w->argv[0] = STR("HSET");
    w->argv[1] = STR(w->key);
    for (i = 0; i < n; i++) {
        w->values[i] = mem_copy(words[i].len ? words[i].at : "", words[i].len);
        w->argv[2 + i] = (struct str) { w->values[i], words[i].len };
    }
    w->moment = flow_now();
    w->argv[2 + i] = STR("at");
    w->argv[3 + i].at = w->at;
    w->argv[3 + i].len = mem_digits(w->at, (unsigned long long) w->moment);
    w->argc = i + 4;
    uv_timer_init(graph_loop(f->flows->graph), &w->timer);
    w->timer.data = w;
    word_say(w);
}


/* flow_words_leave: once more, unseen; what Redis is asked already ends with
   its answer */
void flow_words_leave(struct flows *flows)
{
    struct flow_word  *w, *next;

    for (w = flows->words; w != NULL; w = next) {
        next = w->next;
        if (!w->asked) {
            uv_timer_stop(&w->timer);
            word_say(w);
        }
    }
}
