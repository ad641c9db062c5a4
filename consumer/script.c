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

SCRIPT_FILE(lease);
SCRIPT_FILE(release);
SCRIPT_FILE(take);
SCRIPT_FILE(recall);
SCRIPT_FILE(ack);
SCRIPT_FILE(pass);
SCRIPT_FILE(bury);
SCRIPT_FILE(back);


static const struct {
    const char  *name;
    const char  *text;
} scripts[SCRIPT_COUNT] = {
    [SCRIPT_LEASE]   = { "lease", script_lease },
    [SCRIPT_RELEASE] = { "release", script_release },
    [SCRIPT_TAKE]    = { "take", script_take },
    [SCRIPT_RECALL]  = { "recall", script_recall },
    [SCRIPT_ACK]     = { "ack", script_ack },
    [SCRIPT_PASS]    = { "pass", script_pass },
    [SCRIPT_BURY]    = { "bury", script_bury },
    [SCRIPT_BACK]    = { "back", script_back },
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


static const char *script_sha(enum script which)
{
    static char    shas[SCRIPT_COUNT][SCRIPT_SHA];
    char          *sha = shas[which];
    size_t         i;
    unsigned int   n;
    unsigned char  digest[EVP_MAX_MD_SIZE];

    if (sha[0] != '\0') {
        return sha;
    }

    if (!EVP_Digest(scripts[which].text, strlen(scripts[which].text), digest,
                    &n, EVP_sha1(), NULL))
    {
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
    argv[1] = STR(whole ? scripts[run->which].text : script_sha(run->which));
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
    }

    run->cb(run->data, reply);
    free(run);
}


/* script_call runs a script */
int script_call(struct redis *r, enum script which, const struct str *words,
    size_t nkeys, size_t nwords, redis_cb cb, void *data)
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

    if (script_send(run, false) != 0) {
        free(run);
        return -1;
    }

    return 0;
}
