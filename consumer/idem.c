/* What an idempotency_key remembers: the result of the first job that had it
   (docs/outbox.md). */

#include "idem.h"
#include "queue_own.h"

#include <stdio.h>
#include <stdlib.h>


#define IDEM_ASK_MS  5000


struct ask {
    idem_cb   cb;
    void     *data;
};


/* idem_list names the list */
void idem_list(char out[IDEM_LIST_MAX], const char *queue, struct str key)
{
    snprintf(out, IDEM_LIST_MAX, "{%s}:seen:job:%.*s", queue,
             (int) key.len, key.at);
}


static void on_reply(void *data, const struct reply *reply)
{
    struct ask   *ask = data;
    struct str    earlier = { NULL, 0 };

    if (reply != NULL && reply_type(reply) == REPLY_STRING) {
        earlier = reply_str(reply);
    } else if (reply != NULL && reply_type(reply) == REPLY_NIL) {
        earlier = NONE;
    }

    ask->cb(ask->data, earlier);
    free(ask);
}


/* idem_ask asks for the first one's result */
void idem_ask(struct item *item, struct str key, idem_cb cb, void *data)
{
    char         list[IDEM_LIST_MAX];
    struct ask  *ask;
    struct str   argv[3];

    if (item->queue == NULL) {
        cb(data, (struct str) { NULL, 0 });
        return;
    }

    ask = mem_alloc(sizeof(*ask));
    *ask = (struct ask) { cb, data };

    idem_list(list, queue_name(item->queue), key);
    argv[0] = STR("LINDEX");
    argv[1] = STR(list);
    argv[2] = STR("0");

    if (redis_send(item->queue->redis, argv, 3, IDEM_ASK_MS, on_reply, ask)
        != 0)
    {
        free(ask);
        cb(data, (struct str) { NULL, 0 });
    }
}
