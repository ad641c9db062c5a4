/* Steps that wait until a message of theirs has got so far. */

#include "work_own.h"


/* wait_heard: a status of it came */
void wait_heard(struct worker *worker, struct str account,
    struct str message)
{
    (void) worker;
    (void) account;
    (void) message;
}
