/* What is known of the people that events and calls are about: who they are,
   their window, what they want and what others said of their conversation.
   Kept in Redis; asked in one call for all items of a turn of the loop. */

#ifndef KNOW_H
#define KNOW_H

#include "mem.h"


/* the time in which somebody who wrote may be answered freely
   (meta-webhooks-and-messaging.md 7.1, 8, 9) */
#define KNOW_WINDOW_MS  (24ll * 3600 * 1000)

enum window {
    WINDOW_UNKNOWN,     /* nobody has told: Meta judges */
    WINDOW_OPEN,
    WINDOW_CLOSED
};

/* of one person, as of when it was asked; all zero: nothing is known.  Slices
   live as long as the work */
struct known {
    bool         asked;     /* Redis has answered */
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
    char        *own;       /* what the slices point into */
};


bool known_has_tag(const struct known *known, struct str tag);
void known_clear(struct known *known);


#endif /* KNOW_H */
