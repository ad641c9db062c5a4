/* Dead letters: why an item could not be worked (docs/consumer.md). */

#ifndef LETTER_H
#define LETTER_H

#include "plan.h"
#include "queue.h"


#define LETTER_TEXT_MAX  512     /* of an answer */


struct letter {
    const char        *reason;
    const char        *action;      /* that failed, NULL: none was begun */
    size_t             done;        /* actions before it that were done */
    const long long   *code;        /* Meta's, NULL: none */
    const long long   *subcode;
    const char        *class;       /* of the code, NULL: none */
    const char        *text;        /* what it means, and what to do */
    const char        *todo;
    const char        *trace;       /* fbtrace_id */
    unsigned           attempts;
    const char        *answer;
    size_t             raw;         /* it is the beginning of so many bytes
                                       that were no answer of Meta's; 0 */
    struct str         state;       /* JSON: what was decided and how far it
                                       came; len 0: nothing */
};


/* letter_write puts the letter into the item, for queue_done */
void letter_write(const struct letter *letter, struct item *item);

/* letter_todo: what is to be done about a reason of ours, or NULL */
const char *letter_todo(const char *reason);

/* letter_split: one as it is kept behind a reference, "length of its head,
   space, head, item, }"; -1: it is none */
int letter_split(struct str kept, struct str *head, struct str *item);

/* letter_plan: what of it was left to do, at least one step; -1: nothing; the
   plan must be zeroed */
int letter_plan(struct str head, struct plan *plan);


#endif /* LETTER_H */
