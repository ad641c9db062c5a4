/* The words of a script call: keys, lists of the user's own, arguments. */

#include "queue_own.h"



#define PUSH_WORDS  4


/* words_begin makes it empty; the rest stays as it is, it is large */
void words_begin(struct words *w)
{
    w->n = w->nkeys = w->nnumbers = w->nlists = 0;
}


/* words_key adds one of the queue's keys */
void words_key(struct words *w, const struct queue *q, enum queue_key key)
{
    w->at[w->n++] = STR(q->keys[key]);
    w->nkeys++;
}


/* words_held adds those that held.lua knows */
void words_held(struct words *w, const struct queue *q)
{
    int  key;

    for (key = 0; key < KEYS_HELD; key++) {
        words_key(w, q, key);
    }
}


/* words_add adds an argument */
void words_add(struct words *w, struct str word)
{
    w->at[w->n++] = word;
}


/* words_number adds a number */
void words_number(struct words *w, unsigned long long n)
{
    char  *text = w->numbers[w->nnumbers++];

    words_add(w, (struct str) { text, mem_digits(text, n) });
}


/* words_call sends them */
int words_call(const struct words *w, struct queue *q, enum script script,
    redis_cb cb, void *data)
{
    return script_call(q->redis, script, w->at, w->nkeys, w->n, cb, data);
}


/* words_list returns the number of a list, from 1, or 0 where all are taken */
size_t words_list(struct words *w, const char *list)
{
    size_t  i;

    for (i = 0; i < w->nlists; i++) {
        if (strcmp(w->lists[i], list) == 0) {
            return i + 1;
        }
    }

    if (w->nlists == WORDS_LISTS) {
        return 0;
    }

    w->lists[w->nlists++] = list;

    return w->nlists;
}


/* words_fit: one item alone always fits */
bool words_fit(size_t *bytes, const struct item *item)
{
    size_t                    i, more = 0;
    const struct queue_call  *call = item->call;

    if (item->letter != NULL) {
        more += strlen(item->letter);
    }
    if (item->letter_item != NULL) {
        more += strlen(item->letter_item);
    }

    for (i = 0; call != NULL && i < call->npush; i++) {
        more += call->push[i].value.len;
    }
    if (call != NULL) {
        more += call->state.len;
    }

    if (*bytes && *bytes + more > WORDS_BYTES) {
        return false;
    }

    *bytes += more;

    return true;
}


/* words_lists says whether one more item has room in the call */
bool words_lists(struct words *w, const struct queue_call *call, size_t *n,
    size_t more)
{
    size_t  i, before = w->nlists;

    if (call != NULL) {
        more += PUSH_WORDS * call->npush;
    }

    if (*n + more + WORDS_LISTS > SCRIPT_WORDS_MAX) {
        return false;
    }

    for (i = 0; call != NULL && i < call->npush; i++) {
        if (words_list(w, call->push[i].list) == 0) {
            w->nlists = before;
            return false;
        }
    }

    *n += more;

    return true;
}


/* words_lists_end writes them, behind the keys */
void words_lists_end(struct words *w)
{
    size_t  i;

    for (i = 0; i < w->nlists; i++) {
        words_add(w, STR(w->lists[i]));
        w->nkeys++;
    }
}


/* words_pushes writes how many, and each: list, value, length, time */
void words_pushes(struct words *w, const struct queue_call *call)
{
    size_t                    i;
    const struct queue_push  *push;

    words_number(w, call != NULL ? call->npush : 0);

    for (i = 0; call != NULL && i < call->npush; i++) {
        push = &call->push[i];
        words_number(w, words_list(w, push->list));
        words_add(w, push->value);
        words_number(w, push->max);
        words_number(w, push->ttl_ms);
    }
}
