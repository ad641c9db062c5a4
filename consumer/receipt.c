/* What becomes of a message after Meta has taken it. */

#include "work_own.h"


/* receipt_sent: the step at made this message */
void receipt_sent(struct work *w, struct str message)
{
    (void) w;
    (void) message;
}


/* receipt_refused: Meta said no, and perhaps something of the person */
void receipt_refused(struct work *w, const struct verdict *v)
{
    (void) w;
    (void) v;
}
