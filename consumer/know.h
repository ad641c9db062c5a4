/* What is known of the people that events and calls are about, and of messages
   that were sent: who somebody is, their window, what they want and what others
   said of their conversation.  It stands in Redis; what all items of a turn of
   the loop tell and ask is one call of know.lua. */

#ifndef KNOW_H
#define KNOW_H

#include "redis.h"


/* the time in which somebody who wrote may be answered freely
   (meta-webhooks-and-messaging.md 7.1, 8, 9) */
#define KNOW_WINDOW_MS   (24ll * 3600 * 1000)

/* too many automatic replies to one conversation within that stop it, for so
   long: two machines that answer each other, or a rule that answers itself */
#define KNOW_AUTOS_MS    600000
#define KNOW_STOP_MS     (24ll * 3600 * 1000)

enum window {
    WINDOW_UNKNOWN,     /* nobody has told: Meta judges */
    WINDOW_OPEN,
    WINDOW_CLOSED
};

/* of one person, or of a status and its message, as of when it was asked; all
   zero: nothing is known.  Slices live as long as it does */
struct known {
    uint64_t     asked;     /* ms of the loop; 0: Redis has not answered */
    struct str   user;      /* under which all is kept: BSUID before phone */
    struct str   phone;
    struct str   bsuid;
    struct str   name;
    enum window  window;
    long long    until;     /* ms since 1970: the window's end; 0: unknown */
    long long    pause;     /* ms, until when a person answers; 0: nobody */
    long long    stop;      /* ms, until when nothing answers by itself */
    long long    optout;    /* ms, since when no marketing; 0: it may come */
    struct str   tags;      /* with a blank between; empty: none */
    size_t       autos;     /* automatic replies of the last 10 minutes */
    struct str   waba;      /* of the number, where a template is sent; */
    struct str   category;  /*   and its category */

    /* of a status: its message */
    struct str   state;     /* how far it got */
    struct str   by;        /* what sent it; empty: not known */
    struct str   template;
    char        *own;       /* what the slices point into */
};

bool known_has_tag(const struct known *known, struct str tag);
void known_clear(struct known *known);

/* known_person, known_status read what know.lua answers; false: nothing is
   known.  now in ms since 1970 */
bool known_person(struct known *known, const struct reply *answer,
    long long now);
bool known_status(struct known *known, const struct reply *answer);

/* known_window: from the end of the window that the last message opened, and
   when Meta called it closed; 0: it is not known */
enum window known_window(long long until, long long closed, long long now);


/* of an id of an event or a job in Redis: a longer value makes a record take
   three times the memory, and the end of a wamid is what differs */
#define KNOW_ID_MAX  64


/* the words of know.lua, each with so many arguments, in its order */
#define KNOW_ARGS_MAX  14

enum know_word {
    KNOW_PERSON,
    KNOW_SENT,
    KNOW_STATUS,
    KNOW_MARK,
    KNOW_STATE,
    KNOW_TEMPLATE,
    KNOW_RESUME,
    KNOW_WORDS
};

struct know;

/* know_home: whether it has to be told of which WABA a number is */
bool know_home(struct know *know, struct str account, struct str waba);

/* answer NULL: Redis is away or refuses; never called inside of know_say */
typedef void (*know_cb)(void *data, const struct reply *answer);

/* know_new: the connection is its owner's, who calls know_again when it is up
   and now and then, and frees it between know_leave and know_free */
struct know *know_new(uv_loop_t *loop, struct redis *redis);
/* know_conf: for how long all of it is remembered, 0: no end; how many
   automatic replies stop a conversation */
void know_conf(struct know *know, unsigned long ms, unsigned long replies);
void know_again(struct know *know);
void know_leave(struct know *know);     /* nobody is told anything any more */
void know_free(struct know *know);

/* know_say copies the arguments.  know_tell: it has to be remembered, and is
   said again until Redis has it; cb may be NULL, and answer is NULL where it
   was given up */
void know_say(struct know *know, enum know_word word, const struct str *args,
    know_cb cb, void *data);
void know_tell(struct know *know, enum know_word word, const struct str *args,
    know_cb cb, void *data);


#endif /* KNOW_H */
