/* A conversation as Redis keeps it: its pause, its tags, its last turns. */

#ifndef CONVERSATION_H
#define CONVERSATION_H

#include "assistant.h"
#include "script.h"


#define CONVERSATION_PREFIX     "meta:conversation:"
#define CONVERSATION_TAGS_MAX   50
#define CONVERSATION_TURNS_MAX  100     /* that are kept */
#define CONVERSATION_KEY_MAX    768

/* whose conversation it is */
struct conversation {
    struct redis       *redis;
    const struct conf  *conf;       /* how long what is kept */
    char                key[CONVERSATION_KEY_MAX];      /* "": of nobody */
};

/* what Redis answers; slices live as long as the reply */
struct conversation_state {
    long long   pause;      /* ms, until when a person answers; 0: nobody */
    struct str  pause_by;
    long long   stop;       /* ms, until when nothing answers by itself */
    bool        done;       /* what was asked for changed something, or may */
};


void conversation_of(struct conversation *c, struct redis *redis,
    const struct conf *conf, enum product product, struct str account,
    struct str user);

/* each: -1 if Redis is away, else cb is called once, never inside; it reads
   the reply with conversation_read, which is false where Redis refuses */

/* a person's turn, and at most n of those before it are wanted */
int conversation_ask(const struct conversation *c, struct str id,
    struct str text, size_t n, redis_cb cb, void *data);
/* what was answered; late: only where turns are kept */
int conversation_said(const struct conversation *c, struct str id,
    struct str text, bool late, redis_cb cb, void *data);
/* message: it was sent by us if there is a record of it; "": it was not */
int conversation_pause(const struct conversation *c, unsigned long ms,
    const char *by, const char *message, redis_cb cb, void *data);
/* done: there is a record of that message; "": nobody asks */
int conversation_look(const struct conversation *c, const char *message,
    redis_cb cb, void *data);
int conversation_resume(const struct conversation *c, redis_cb cb,
    void *data);
int conversation_tag(const struct conversation *c, const char *name,
    bool there, redis_cb cb, void *data);

bool conversation_read(const struct reply *reply,
    struct conversation_state *state);

/* conversation_turns: those of the reply, NULL: none, and behind them the text;
   a bot's first is left out and what one says in a row is one, for many models
   take nothing else.  Freed by conversation_turns_free */
struct chat_turn *conversation_turns(const struct reply *reply,
    struct str text, size_t *n);
void conversation_turns_free(struct chat_turn *turns, size_t n);


#endif /* CONVERSATION_H */
