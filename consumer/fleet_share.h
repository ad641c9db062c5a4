/* Who of several consumers holds which list: a pure function of what all of
   them read in Redis, so that all come to the same answer. */

#ifndef FLEET_SHARE_H
#define FLEET_SHARE_H

#include "mem.h"


#define SHARE_MEMBERS_MAX  256
#define SHARE_NOBODY       (-1)

/* what is known about who has a list, the better word last */
enum share_word {
    SHARE_NO_WORD,
    SHARE_CLAIMS,       /* says that it competes for it */
    SHARE_HOLDS,        /* says that it has the lease */
    SHARE_MINE          /* we have it, by our own knowledge */
};

enum share_act {
    SHARE_STAY,
    SHARE_CLAIM,
    SHARE_YIELD
};

struct share_list {
    size_t           queue;     /* lists of one queue are shared evenly */
    bool             light;     /* hardly anything comes: who has it has no
                                   less of the others */
    unsigned char    may[SHARE_MEMBERS_MAX / 8];

    /* share_has */
    int              owner;     /* SHARE_NOBODY until then */
    enum share_word  word;

    /* how it stands with us */
    bool             held;
    bool             claimed;   /* compete for it, or have it */
    bool             yielding;  /* it was, and will soon be nobody's */
    size_t           busy;      /* items at work */

    /* share_plan, share_decide */
    int              target;
    enum share_act   act;
};


/* share_allow: that member may hold the list */
void share_allow(struct share_list *list, size_t member);
bool share_allowed(const struct share_list *list, size_t member);

/* share_has: a member has it, says somebody; the best word counts, of equal
   ones the first member */
void share_has(struct share_list *list, size_t member, enum share_word word);

/* share_plan sets target.  Of each queue every member gets as many lists as
   the others, or one less; so it is over all queues, as far as the first
   allows it; as few as possible change hands; where it does not matter who,
   it is the first member.  What nobody may hold has no target. */
void share_plan(struct share_list *lists, size_t n, size_t nqueues,
    size_t nmembers);

/* share_decide sets act: what member "me" has to do that it comes so.  It
   yields as many as it has too many, idle ones first, and claims only what is
   nobody's: so a list is never asked of who works it. */
void share_decide(struct share_list *lists, size_t n, size_t nqueues,
    size_t nmembers, size_t me);


#endif /* FLEET_SHARE_H */
