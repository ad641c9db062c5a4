/* Who the people of an item are: asked of Redis before it is decided what is
   done for them, and before something is sent to them. */

#include "work_own.h"

#include <stdlib.h>


/* work_known: of whom a step is for; a job has one person */
const struct known *work_known(const struct work *w, const struct step *step)
{
    size_t                     n = w->is_job ? 0 : step->event;
    static const struct known  nobody;

    return n < w->nknown ? &w->known[n] : &nobody;
}


/* know_begin goes on when it is known who an event is from */
void know_begin(struct work *w, void (*next)(struct work *w))
{
    next(w);
}


/* guard_begin goes on if the step at may be sent */
void guard_begin(struct work *w, void (*next)(struct work *w))
{
    next(w);
}


/* know_free forgets what was asked */
void know_free(struct work *w)
{
    while (w->nknown > 0) {
        known_clear(&w->known[--w->nknown]);
    }

    free(w->known);
    w->known = NULL;
}
