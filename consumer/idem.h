/* What an idempotency_key remembers: the result of the first job that had it
   (docs/outbox.md).

   It is a list of one element, {Q}:seen:job:KEY, which the script that ends
   the first job pushes (idem_push, queue_end_push): so it is there exactly if
   the job has ended.  Two that have the same key stand in one line of their
   own (job_lines), so the second one is asked for when the first is over. */

#ifndef IDEM_H
#define IDEM_H

#include "queue.h"


#define IDEM_LIST_MAX  512
#define IDEM_MS        (7ul * 24 * 3600 * 1000)


/* earlier: the first one's result; empty: there is none; at NULL: Redis could
   not be asked, try again later */
typedef void (*idem_cb)(void *data, struct str earlier);


/* idem_list writes the name of the list; Q is at most 200 bytes, the key 200 */
void idem_list(char out[IDEM_LIST_MAX], const char *queue, struct str key);

/* idem_ask: cb is called once, perhaps inside of the call; the item is the
   worker's all the time */
void idem_ask(struct item *item, struct str key, idem_cb cb, void *data);


#endif /* IDEM_H */
