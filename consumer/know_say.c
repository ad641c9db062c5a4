/* What is told and asked of people and messages: all of a turn of the loop in
   one call of know.lua. */

#include "know.h"
#include "log.h"
#include "script.h"
#include "stats.h"

#include <stdio.h>
#include <stdlib.h>


#define KNOW_KEYS      3
#define KNOW_HEAD      4        /* arguments before the first word */

/* what waits to be told while Redis refuses it: more of it is left out */
#define KNOW_TELLS_MAX 10000


/* no end */
#define KNOW_EVER_MS   (100ul * 366 * 24 * 3600 * 1000)


struct say {
    struct say     *next;
    know_cb         cb;
    void           *data;
    bool            tell;       /* said again until it is told */
    enum know_word  word;
    struct str      args[KNOW_ARGS_MAX];
    char            text[];
};

struct saying {
    struct know    *know;
    struct say     *first;      /* in the order of the answers */
};

/* a number, and when it was told of which WABA it is */
#define HOMES_MAX      64
#define HOME_AGAIN_MS  3600000

struct home {
    uint64_t  told;
    char      account[40];
    char      waba[40];
};

struct know {
    uv_loop_t      *loop;
    struct redis   *redis;      /* NULL: nobody is told anything any more */
    uv_idle_t       flush;
    struct say     *first;
    struct say    **last;
    size_t          tells;      /* of them, what has to be remembered */
    size_t          asks;
    bool            saying;     /* a call is on its way */
    bool            refused;    /* Redis said no, and it was logged */
    bool            full;       /* so was that */
    unsigned long   keep;
    unsigned long   replies;
    size_t          nhomes;
    struct home     homes[HOMES_MAX];
};

static const struct {
    const char  *name;
    size_t       args;
} words[KNOW_WORDS] = {
    [KNOW_PERSON] = { "person", 14 }, [KNOW_SENT] = { "sent", 14 },
    [KNOW_STATUS] = { "status", 13 }, [KNOW_MARK] = { "mark", 6 },
    [KNOW_STATE] = { "state", 2 }, [KNOW_TEMPLATE] = { "template", 3 },
    [KNOW_RESUME] = { "resume", 2 }
};


static void know_flush(struct know *know);


static void on_flush(uv_idle_t *flush)
{
    struct know  *know = flush->data;

    uv_idle_stop(flush);

    if (!know->saying) {
        know_flush(know);
        if (know->redis != NULL) {
            redis_flush(know->redis);
        }
    }
}


/* one call at a time is on its way: what is said meanwhile goes together */
static void want_flush(struct know *know)
{
    if (know->redis != NULL && !uv_is_active((uv_handle_t *) &know->flush)) {
        uv_idle_start(&know->flush, on_flush);
    }
}


/* know_new: nothing is said yet */
struct know *know_new(uv_loop_t *loop, struct redis *redis)
{
    struct know  *know = mem_alloc(sizeof(*know));

    know->loop = loop;
    know->redis = redis;
    know->last = &know->first;
    uv_idle_init(loop, &know->flush);
    know->flush.data = know;
    stat_row_set(stat_row(STATS_REFUSED, "people"), STAT_REFUSED, 0);

    return know;
}


/* know_conf: from the next call on */
void know_conf(struct know *know, unsigned long ms, unsigned long replies)
{
    know->keep = ms ? ms : KNOW_EVER_MS;
    know->replies = replies;
}


/* know_home: now and then, and where it has changed */
bool know_home(struct know *know, struct str account, struct str waba)
{
    size_t        i;
    uint64_t      now = uv_now(know->loop);
    struct home  *home;

    if (account.len >= sizeof(home->account)
        || waba.len >= sizeof(home->waba))
    {
        return false;
    }

    for (i = 0; i < know->nhomes; i++) {
        if (str_is(account, know->homes[i].account)) {
            break;
        }
    }

    home = &know->homes[i < HOMES_MAX ? i : HOMES_MAX - 1];
    if (i < know->nhomes && str_is(waba, home->waba)
        && now < home->told + HOME_AGAIN_MS)
    {
        return false;
    }

    know->nhomes += i == know->nhomes && i < HOMES_MAX;
    home->told = now;
    snprintf(home->account, sizeof(home->account), "%.*s", (int) account.len,
             account.at);
    snprintf(home->waba, sizeof(home->waba), "%.*s", (int) waba.len, waba.at);

    return true;
}


static void say_add(struct know *know, struct say *say)
{
    say->next = NULL;
    *know->last = say;
    know->last = &say->next;
    know->tells += say->tell;
    know->asks += !say->tell;
}


static struct say *say_take(struct know *know)
{
    struct say  *say = know->first;

    know->first = say->next;
    if (know->first == NULL) {
        know->last = &know->first;
    }
    know->tells -= say->tell;
    know->asks -= !say->tell;

    return say;
}


static void say_end(struct say *say, const struct reply *answer)
{
    if (say->cb != NULL) {
        say->cb(say->data, answer);
    }

    free(say);
}


/* what has to be remembered is said again; it does no harm twice */
static void say_failed(struct know *know, struct say *say)
{
    if (!say->tell || know->redis == NULL) {
        say_end(say, NULL);

    } else if (know->tells < KNOW_TELLS_MAX) {
        say_add(know, say);

    } else {
        if (!know->full) {
            log_write(LOG_WARN, "people: %d records of messages wait for"
                      " Redis, more are left out", KNOW_TELLS_MAX);
            know->full = true;
        }
        say_end(say, NULL);
    }
}


static void on_said(void *data, const struct reply *reply)
{
    char             why[REPLY_WHY_MAX];
    size_t           i = 0, n = reply != NULL ? reply_count(reply) : 0;
    bool             good = reply != NULL && reply_type(reply) == REPLY_ARRAY;
    struct say      *say;
    struct know     *know;
    struct saying   *saying = data;

    know = saying->know;
    know->saying = false;

    if (reply != NULL && !good) {
        log_write(know->refused ? LOG_DEBUG : LOG_ERROR, "people: Redis"
                  " refuses: %s; what depends on them waits",
                  reply_why(why, reply));
        know->refused = true;
        stat_row_set(stat_row(STATS_REFUSED, "people"), STAT_REFUSED, 1);

    } else if (good && know->refused) {
        log_write(LOG_INFO, "people: Redis takes it again");
        know->refused = know->full = false;
        stat_row_set(stat_row(STATS_REFUSED, "people"), STAT_REFUSED, 0);
    }

    while ((say = saying->first) != NULL) {
        saying->first = say->next;

        if (!good) {
            say_failed(know, say);
            continue;
        }

        say_end(say, reply_at(reply, i < n ? i : n));
        i++;
    }

    free(saying);
    if (know->asks > 0 || (good && know->first != NULL)) {
        want_flush(know);
    }
}


/* as many as fit in one call */
static size_t say_words(struct know *know, struct saying *saying,
    struct str *out, size_t n)
{
    size_t       i;
    struct say  *say, **end = &saying->first;

    while ((say = know->first) != NULL
           && n + 1 + words[say->word].args <= SCRIPT_WORDS_MAX)
    {
        say_take(know);
        say->next = NULL;
        *end = say;
        end = &say->next;

        out[n++] = STR(words[say->word].name);
        for (i = 0; i < words[say->word].args; i++) {
            out[n++] = say->args[i];
        }
    }

    return n;
}


static void know_flush(struct know *know)
{
    char            numbers[KNOW_HEAD][24];
    size_t          i, n = 0;
    struct str      out[SCRIPT_WORDS_MAX];
    struct saying  *saying;

    if (know->redis == NULL || know->first == NULL) {
        return;
    }

    out[n++] = STR("meta:user:");
    out[n++] = STR("meta:conversation:");
    out[n++] = STR("meta:message:");
    snprintf(numbers[0], sizeof(numbers[0]), "%lu", know->keep);
    snprintf(numbers[1], sizeof(numbers[1]), "%lu", know->replies);
    snprintf(numbers[2], sizeof(numbers[2]), "%d", KNOW_AUTOS_MS);
    snprintf(numbers[3], sizeof(numbers[3]), "%lld", KNOW_STOP_MS);
    for (i = 0; i < KNOW_HEAD; i++) {
        out[n++] = STR(numbers[i]);
    }

    saying = mem_alloc(sizeof(*saying));
    saying->know = know;
    n = say_words(know, saying, out, n);

    know->saying = true;
    if (script_call(know->redis, SCRIPT_KNOW, out, KNOW_KEYS, n, on_said,
                    saying) != 0)
    {
        on_said(saying, NULL);
    }
}


/* know_again: Redis is there again, or may take it by now */
void know_again(struct know *know)
{
    if (know->first != NULL) {
        want_flush(know);
    }
}


static void say_new(struct know *know, bool tell, enum know_word word,
    const struct str *args, know_cb cb, void *data)
{
    char        *p;
    size_t       i, len = 0;
    struct say  *say;

    for (i = 0; i < words[word].args; i++) {
        len += args[i].len;
    }

    say = mem_grow(NULL, sizeof(*say) + len);
    say->cb = cb;
    say->data = data;
    say->tell = tell;
    say->word = word;

    p = say->text;
    for (i = 0; i < words[word].args; i++) {
        if (args[i].len) {
            memcpy(p, args[i].at, args[i].len);
        }
        say->args[i] = (struct str) { p, args[i].len };
        p += args[i].len;
    }

    say_add(know, say);
    want_flush(know);
}


/* know_say puts it into this turn's call */
void know_say(struct know *know, enum know_word word, const struct str *args,
    know_cb cb, void *data)
{
    say_new(know, false, word, args, cb, data);
}


/* know_tell does, and into later ones until Redis has it */
void know_tell(struct know *know, enum know_word word, const struct str *args,
    know_cb cb, void *data)
{
    say_new(know, true, word, args, cb, data);
}


/* know_leave: who waits for an answer is told that there is none */
void know_leave(struct know *know)
{
    struct say  *say;

    know->redis = NULL;
    uv_idle_stop(&know->flush);

    while (know->first != NULL) {
        say = say_take(know);
        say_end(say, NULL);
    }
}


static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}


/* know_free: the connection is gone */
void know_free(struct know *know)
{
    uv_close((uv_handle_t *) &know->flush, on_closed);
}
