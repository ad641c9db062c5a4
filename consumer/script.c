/* The Lua scripts that move items: each is one file, consumer/NAME.lua, and
   stands in the program as it is. */

#include "script.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>


/* Redis says -BUSY by itself when another script takes that long */
#define SCRIPT_MS   5000
#define SCRIPT_SHA  41

#define SCRIPT_FILE(name)                                                     \
    __asm__(".pushsection .rodata\n"                                          \
            "script_" #name ":\n"                                             \
            ".incbin \"consumer/" #name ".lua\"\n"                            \
            ".byte 0\n"                                                       \
            ".popsection\n");                                                 \
    extern const char  script_##name[] __attribute__((visibility("hidden")))

SCRIPT_FILE(held);
SCRIPT_FILE(lease);
SCRIPT_FILE(release);
SCRIPT_FILE(amends);
SCRIPT_FILE(alone);
SCRIPT_FILE(sync);
SCRIPT_FILE(take);
SCRIPT_FILE(recall);
SCRIPT_FILE(parts);
SCRIPT_FILE(rewrite);
SCRIPT_FILE(enter);
SCRIPT_FILE(start);
SCRIPT_FILE(mark);
SCRIPT_FILE(finish);
SCRIPT_FILE(park);
SCRIPT_FILE(due);
SCRIPT_FILE(wake);
SCRIPT_FILE(lanes);
SCRIPT_FILE(rebuild);
SCRIPT_FILE(sweep);
SCRIPT_FILE(back);
SCRIPT_FILE(figures);
SCRIPT_FILE(settle);
SCRIPT_FILE(refs);
SCRIPT_FILE(old);
SCRIPT_FILE(limit);
SCRIPT_FILE(limit_stop);
SCRIPT_FILE(limit_passed);
SCRIPT_FILE(control);
SCRIPT_FILE(join);
SCRIPT_FILE(know);
SCRIPT_FILE(conversation);
SCRIPT_FILE(token_look);
SCRIPT_FILE(token_read);
SCRIPT_FILE(token_put);
SCRIPT_FILE(token_out);
SCRIPT_FILE(token_lock);
SCRIPT_FILE(callback);


#define SCRIPT_TEXT(name)  { #name, script_##name }

static const struct {
    const char  *name;
    const char  *text;
} scripts[SCRIPT_COUNT] = {
    [SCRIPT_LEASE] = SCRIPT_TEXT(lease),
    [SCRIPT_RELEASE] = SCRIPT_TEXT(release),
    [SCRIPT_AMENDS] = SCRIPT_TEXT(amends),
    [SCRIPT_ALONE] = SCRIPT_TEXT(alone),
    [SCRIPT_SYNC] = SCRIPT_TEXT(sync),
    [SCRIPT_TAKE] = SCRIPT_TEXT(take),
    [SCRIPT_RECALL] = SCRIPT_TEXT(recall),
    [SCRIPT_PARTS] = SCRIPT_TEXT(parts),
    [SCRIPT_REWRITE] = SCRIPT_TEXT(rewrite),
    [SCRIPT_ENTER] = SCRIPT_TEXT(enter),
    [SCRIPT_START] = SCRIPT_TEXT(start),
    [SCRIPT_MARK] = SCRIPT_TEXT(mark),
    [SCRIPT_FINISH] = SCRIPT_TEXT(finish),
    [SCRIPT_PARK] = SCRIPT_TEXT(park),
    [SCRIPT_DUE] = SCRIPT_TEXT(due),
    [SCRIPT_WAKE] = SCRIPT_TEXT(wake),
    [SCRIPT_LANES] = SCRIPT_TEXT(lanes),
    [SCRIPT_REBUILD] = SCRIPT_TEXT(rebuild),
    [SCRIPT_SWEEP] = SCRIPT_TEXT(sweep),
    [SCRIPT_BACK] = SCRIPT_TEXT(back),
    [SCRIPT_FIGURES] = SCRIPT_TEXT(figures),
    [SCRIPT_SETTLE] = SCRIPT_TEXT(settle),
    [SCRIPT_REFS] = SCRIPT_TEXT(refs),
    [SCRIPT_OLD] = SCRIPT_TEXT(old),
    [SCRIPT_LIMIT] = SCRIPT_TEXT(limit),
    [SCRIPT_LIMIT_STOP] = SCRIPT_TEXT(limit_stop),
    [SCRIPT_LIMIT_PASSED] = SCRIPT_TEXT(limit_passed),
    [SCRIPT_CONTROL] = SCRIPT_TEXT(control),
    [SCRIPT_JOIN] = SCRIPT_TEXT(join),
    [SCRIPT_KNOW] = SCRIPT_TEXT(know),
    [SCRIPT_CONVERSATION] = SCRIPT_TEXT(conversation),
    [SCRIPT_TOKEN_LOOK] = SCRIPT_TEXT(token_look),
    [SCRIPT_TOKEN_READ] = SCRIPT_TEXT(token_read),
    [SCRIPT_TOKEN_PUT] = SCRIPT_TEXT(token_put),
    [SCRIPT_TOKEN_OUT] = SCRIPT_TEXT(token_out),
    [SCRIPT_TOKEN_LOCK] = SCRIPT_TEXT(token_lock),
    [SCRIPT_CALLBACK] = SCRIPT_TEXT(callback)
};


/* keeps its words until the reply, for it may have to be said again */
struct run {
    struct redis  *redis;
    enum script    which;
    redis_cb       cb;
    void          *data;
    size_t         nkeys;
    size_t         nwords;
    struct str     words[];
};


static void on_run(void *data, const struct reply *reply);


/* the text as Redis gets it: what scripts share stands where they say so */
static const char *script_text(enum script which)
{
    const char         *at;
    struct buf          b;
    static char        *texts[SCRIPT_COUNT];
    static const char   with[] = "-- with held.lua\n";

    if (texts[which] != NULL) {
        return texts[which];
    }

    at = strstr(scripts[which].text, with);
    buf_init(&b, (size_t) -1);

    if (at != NULL) {
        buf_add(&b, scripts[which].text, at - scripts[which].text);
        buf_text(&b, script_held);
        at += sizeof(with) - 1;
    }

    buf_text(&b, at != NULL ? at : scripts[which].text);
    buf_add(&b, "", 1);
    texts[which] = b.at;

    return b.at;
}


static const char *script_sha(enum script which)
{
    static char    shas[SCRIPT_COUNT][SCRIPT_SHA];
    char          *sha = shas[which];
    size_t         i;
    const char    *text;
    unsigned int   n;
    unsigned char  digest[EVP_MAX_MD_SIZE];

    if (sha[0] != '\0') {
        return sha;
    }

    text = script_text(which);
    if (!EVP_Digest(text, strlen(text), digest, &n, EVP_sha1(), NULL)) {
        abort();
    }

    for (i = 0; i < n; i++) {
        snprintf(sha + 2 * i, 3, "%02x", digest[i]);
    }

    return sha;
}


static int script_send(struct run *run, bool whole)
{
    char        nkeys[16];
    struct str  argv[SCRIPT_WORDS_MAX + 3];

    snprintf(nkeys, sizeof(nkeys), "%zu", run->nkeys);

    argv[0] = STR(whole ? "EVAL" : "EVALSHA");
    argv[1] = STR(whole ? script_text(run->which) : script_sha(run->which));
    argv[2] = STR(nkeys);
    memcpy(argv + 3, run->words, run->nwords * sizeof(struct str));

    return redis_send(run->redis, argv, run->nwords + 3, SCRIPT_MS, on_run,
                      run);
}


static void on_run(void *data, const struct reply *reply)
{
    char         why[REPLY_WHY_MAX];
    struct run  *run = data;

    if (reply != NULL && reply_error(reply, "NOSCRIPT")
        && script_send(run, true) == 0)
    {
        return;
    }

    if (reply != NULL && reply_type(reply) == REPLY_ERROR) {
        log_write(LOG_DEBUG, "script %s: %s", scripts[run->which].name,
                  reply_why(why, reply));
    } else if (reply != NULL) {
        redis_takes(run->redis, run->which);
    }

    run->cb(run->data, reply);
    free(run);
}


static int script_run(struct redis *r, enum script which, bool whole,
    const struct str *words, size_t nkeys, size_t nwords, redis_cb cb,
    void *data)
{
    char        *p;
    size_t       i, size = 0;
    struct run  *run;

    if (nwords > SCRIPT_WORDS_MAX) {
        return -1;
    }

    for (i = 0; i < nwords; i++) {
        size += words[i].len;
    }

    run = mem_alloc(sizeof(*run) + nwords * sizeof(struct str) + size);
    run->redis = r;
    run->which = which;
    run->cb = cb;
    run->data = data;
    run->nkeys = nkeys;
    run->nwords = nwords;

    p = (char *) (run->words + nwords);
    for (i = 0; i < nwords; i++) {
        if (words[i].len) {
            memcpy(p, words[i].at, words[i].len);
        }
        run->words[i] = (struct str) { p, words[i].len };
        p += words[i].len;
    }

    if (script_send(run, whole) != 0) {
        free(run);
        return -1;
    }

    return 0;
}


/* script_call runs a script */
int script_call(struct redis *r, enum script which, const struct str *words,
    size_t nkeys, size_t nwords, redis_cb cb, void *data)
{
    return script_run(r, which, false, words, nkeys, nwords, cb, data);
}


/* script_last runs a script whose reply nobody will hear */
int script_last(struct redis *r, enum script which, const struct str *words,
    size_t nkeys, size_t nwords, redis_cb cb, void *data)
{
    return script_run(r, which, true, words, nkeys, nwords, cb, data);
}


/* script_name returns the name of its file */
const char *script_name(enum script which)
{
    return scripts[which].name;
}
