/* Dead letters: why an item could not be worked (docs/consumer.md). */

#ifndef LETTER_H
#define LETTER_H

#include "queue.h"


struct letter {
    const char        *reason;
    const char        *action;      /* that failed, NULL: none was begun */
    size_t             done;        /* actions before it that were done */
    const long long   *code;        /* Meta's, NULL: none */
    const long long   *subcode;
    unsigned           attempts;
    const char        *answer;
};


/* letter_write puts the letter into the item, for queue_done */
void letter_write(const struct letter *letter, struct item *item);


#endif /* LETTER_H */
