/* metactl's Lua scripts: each is one file, consumer/ctl_NAME.lua, and stands
   in the program as it is. */

#include "ctl.h"

#include <stdlib.h>

#include <openssl/evp.h>


#define SCRIPT_SHA  41

#define SCRIPT_FILE(name)                                                     \
    __asm__(".pushsection .rodata\n"                                          \
            "ctl_script_" #name ":\n"                                         \
            ".incbin \"consumer/ctl_" #name ".lua\"\n"                        \
            ".byte 0\n"                                                       \
            ".popsection\n");                                                 \
    extern const char  ctl_script_##name[]                                    \
        __attribute__((visibility("hidden")))

/* those of meta-consumer's own */
#define SHARED_FILE(name)                                                     \
    __asm__(".pushsection .rodata\n"                                          \
            "ctl_script_" #name ":\n"                                         \
            ".incbin \"consumer/" #name ".lua\"\n"                            \
            ".byte 0\n"                                                       \
            ".popsection\n");                                                 \
    extern const char  ctl_script_##name[]                                    \
        __attribute__((visibility("hidden")))

SCRIPT_FILE(status);
SCRIPT_FILE(strays);
SCRIPT_FILE(letters);
SCRIPT_FILE(requeue);
SCRIPT_FILE(drop);
SCRIPT_FILE(waits);
SCRIPT_FILE(lanes);
SCRIPT_FILE(find);
SCRIPT_FILE(replay);
SCRIPT_FILE(conversation);
SCRIPT_FILE(forget);

SHARED_FILE(token_look);
SHARED_FILE(token_read);
SHARED_FILE(token_put);
SHARED_FILE(token_out);
SHARED_FILE(token_lock);


static const struct {
    const char  *name;
    const char  *text;
} scripts[CTL_SCRIPTS] = {
    [CTL_STATUS]  = { "ctl_status.lua", ctl_script_status },
    [CTL_STRAYS]  = { "ctl_strays.lua", ctl_script_strays },
    [CTL_LETTERS] = { "ctl_letters.lua", ctl_script_letters },
    [CTL_REQUEUE] = { "ctl_requeue.lua", ctl_script_requeue },
    [CTL_DROP]    = { "ctl_drop.lua", ctl_script_drop },
    [CTL_WAITS]   = { "ctl_waits.lua", ctl_script_waits },
    [CTL_LANES]   = { "ctl_lanes.lua", ctl_script_lanes },
    [CTL_FIND]    = { "ctl_find.lua", ctl_script_find },
    [CTL_REPLAY]  = { "ctl_replay.lua", ctl_script_replay },
    [CTL_CONVERSATION] = { "ctl_conversation.lua", ctl_script_conversation },
    [CTL_FORGET]  = { "ctl_forget.lua", ctl_script_forget },
    [CTL_TOKEN_LOOK] = { "token_look.lua", ctl_script_token_look },
    [CTL_TOKEN_READ] = { "token_read.lua", ctl_script_token_read },
    [CTL_TOKEN_PUT] = { "token_put.lua", ctl_script_token_put },
    [CTL_TOKEN_OUT] = { "token_out.lua", ctl_script_token_out },
    [CTL_TOKEN_LOCK] = { "token_lock.lua", ctl_script_token_lock },
};


static void script_sha(char sha[SCRIPT_SHA], const char *text)
{
    size_t         i;
    unsigned int   n;
    unsigned char  digest[EVP_MAX_MD_SIZE];

    if (!EVP_Digest(text, strlen(text), digest, &n, EVP_sha1(), NULL)) {
        abort();
    }

    for (i = 0; i < n; i++) {
        snprintf(sha + 2 * i, 3, "%02x", digest[i]);
    }
}


/* ctl_try calls it by its hash, and sends it where Redis does not know it; an
   answer may be that the user has no right to it */
const struct reply *ctl_try(struct ctl *c, enum ctl_script which,
    const struct ask *w, size_t nkeys)
{
    char                 keys[16], sha[SCRIPT_SHA];
    size_t               i;
    struct ask          *call = mem_alloc(sizeof(*call));
    const struct reply  *reply;

    script_sha(sha, scripts[which].text);
    snprintf(keys, sizeof(keys), "%zu", nkeys);

    ask_text(call, "EVALSHA");
    ask_text(call, sha);
    ask_text(call, keys);
    for (i = 0; i < w->n; i++) {
        ask_add(call, w->at[i]);
    }

    reply = db_ask(c->db, call, 0);

    if (reply != NULL && reply_error(reply, "NOSCRIPT")) {
        call->at[0] = STR("EVAL");
        call->at[1] = STR(scripts[which].text);
        reply = db_ask(c->db, call, 0);
    }

    free(call);

    if (reply == NULL) {
        ctl_fail(CTL_REDIS, "%s: the connection to Redis went, or it did not"
                 " answer in time", scripts[which].name);
    }

    if (reply_is_error(reply) && !reply_error(reply, "NOPERM")) {
        ctl_refused(scripts[which].name, reply);
    }

    return reply;
}


/* ctl_run ends the program where it is refused */
const struct reply *ctl_run(struct ctl *c, enum ctl_script which,
    const struct ask *w, size_t nkeys)
{
    const struct reply  *reply = ctl_try(c, which, w, nkeys);

    if (reply_is_error(reply)) {
        ctl_refused(scripts[which].name, reply);
    }

    return reply;
}
