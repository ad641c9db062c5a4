/* An item of the window: made, opened, put into its lines, taken out. */

#include "queue_own.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>


#define FIELD_DIGITS  15


/* one that is owned has bytes of its own where it is not empty */
static void str_free(struct str *s)
{
    if (s->len) {
        free((char *) s->at);
    }

    *s = NONE;
}


static struct str str_copy(struct str s)
{
    return s.len ? (struct str) { mem_copy(s.at, s.len), s.len } : NONE;
}


/* item_new makes an item of a field of {Q}:inflight; it is in no list yet */
struct item *item_new(struct queue *q, struct str field)
{
    struct item  *item = mem_alloc(sizeof(*item));

    item->queue = q;
    item->record = item->state = item->head = NONE;
    item->fresh = true;
    item->field.at = mem_copy(field.at, field.len);
    item->field.len = field.len;
    item->seq = strtoull(item->field.at, NULL, 10);

    return item;
}


/* item_link puts it behind all others of the window */
void item_link(struct queue *q, struct item *item, struct str record)
{
    item->record = str_copy(record);
    item->next = NULL;
    item->prev = q->last;
    *(q->last != NULL ? &q->last->next : &q->first) = item;
    q->last = item;
    q->n++;
    q->bytes += record.len;
}


/* item_unready takes it out of those that may run */
void item_unready(struct queue *q, struct item *item)
{
    struct item  **i = &q->ready;

    while (*i != NULL && *i != item) {
        i = &(*i)->ready;
    }

    if (*i == NULL) {
        return;
    }

    *i = item->ready;
    if (item->ready == NULL) {
        q->ready_end = i;
    }

    item->ready = NULL;
}


/* item_make_ready: it may run at the next step */
void item_make_ready(struct queue *q, struct item *item)
{
    item->ready = NULL;
    *q->ready_end = item;
    q->ready_end = &item->ready;
}


/* who has such a field can wait in Redis: its number is found again there */
static bool item_numbered(const struct item *item)
{
    struct str  digits = item->field;

    if (digits.len && digits.at[digits.len - 1] == 'u') {
        digits.len--;
    }

    return digits.len <= FIELD_DIGITS && str_digits(digits)
           && (digits.at[0] != '0' || digits.len == 1);
}


/* a key as {Q}:lines has it, where "\0" and "\1" end a line's name */
static bool key_plain(struct str key)
{
    size_t  i;

    for (i = 0; i < key.len; i++) {
        if ((unsigned char) key.at[i] <= 2) {
            return false;
        }
    }

    return true;
}


static void key_write(struct buf *b, struct str key)
{
    size_t  i;
    char    pair[2] = { 2, 0 };

    for (i = 0; i < key.len; i++) {
        if ((unsigned char) key.at[i] <= 2) {
            pair[1] = 'a' + key.at[i];
            buf_add(b, pair, 2);
        } else {
            buf_add(b, key.at + i, 1);
        }
    }
}


static void item_stand(struct item *item, size_t i, struct str key)
{
    struct buf  b;

    if (key_plain(key)) {
        item->blocked += lines_join(item->queue->lines, &item->places[i], key,
                                    item);
        return;
    }

    buf_init(&b, (size_t) -1);
    key_write(&b, key);
    item->blocked += lines_join(item->queue->lines, &item->places[i],
                                (struct str) { b.at, b.len }, item);
    buf_free(&b);
}


static struct str head_write(const struct str *keys, size_t n)
{
    size_t      i;
    struct buf  b;

    buf_init(&b, (size_t) -1);
    buf_format(&b, "%zu", n);

    for (i = 0; i < n; i++) {
        buf_format(&b, " %zu", keys[i].len);
    }

    buf_text(&b, "\n");
    for (i = 0; i < n; i++) {
        buf_str(&b, keys[i]);
    }

    return (struct str) { b.at, b.len };
}


/* item_head writes the head of its envelope, by the lines in which it stands
   in memory, and a lane behind them */
struct str item_head(const struct item *item, struct str lane)
{
    size_t       i, n = 0;
    struct str   head, *keys;

    keys = mem_alloc((item->nplaces + 1) * sizeof(*keys));

    for (i = 0; i < item->nplaces; i++) {
        if (item->places[i].line != NULL) {
            keys[n++] = line_key(&item->places[i]);
        }
    }

    if (lane.len) {
        keys[n++] = lane;
    }

    head = head_write(keys, n);
    free(keys);

    return head;
}


/* queue_lines puts the item at the end of its lines, at once, or when Redis
   has said that nobody older waits in one of them; inside of ops->open */
void queue_lines(struct item *item, const struct str *keys, size_t n)
{
    size_t       i;
    struct buf   b;
    struct str  *plain;

    if (item->loose || !item_numbered(item)) {
        n = 0;
    }

    item->places = mem_alloc((n ? n : 1) * sizeof(struct place));
    item->nplaces = n;

    if (!item->enters || n == 0) {
        item->enters = false;
        for (i = 0; i < n; i++) {
            item_stand(item, i, keys[i]);
        }
        return;
    }

    plain = mem_alloc(n * sizeof(*plain));
    for (i = 0; i < n; i++) {
        buf_init(&b, (size_t) -1);
        key_write(&b, keys[i]);
        plain[i] = (struct str) { b.at, b.len };
    }

    item->head = head_write(plain, n);
    for (i = 0; i < n; i++) {
        free((char *) plain[i].at);
    }
    free(plain);
}


/* item_join puts it into the lines that its head names */
bool item_join(struct item *item)
{
    char        *end;
    size_t       i, len;
    const char  *sizes = item->head.at;
    const char  *key = memchr(item->head.at, '\n', item->head.len) + 1;

    strtoul(sizes, &end, 10);

    for (i = 0; i < item->nplaces; i++) {
        len = strtoul(end, &end, 10);
        item->blocked += lines_join(item->queue->lines, &item->places[i],
                                    (struct str) { key, len }, item);
        key += len;
    }

    str_free(&item->head);
    item->enters = false;
    item->phase = ITEM_WAITING;

    return item->blocked == 0;
}


/* item_open shows it to the worker.  Who leaves opens no new ones, they go back
   to their list; but those that came back wait again, in their lines */
void item_open(struct item *item)
{
    struct queue  *q = item->queue;

    if (q->mode != QUEUE_ON
        && (!item->back || q->mode == QUEUE_STOPPING))
    {
        return;
    }

    if (q->ops->open(q->data, item) == OPEN_NEWER) {
        log_write(LOG_ERROR, "queue %s: a record of a newer version; nothing"
                  " more is taken, upgrade this program",
                  q->keys[KEY_QUEUE]);
        queue_stop(q);
        return;
    }

    if (item->phase == ITEM_PART) {
        return;
    }

    item->opened = true;

    if (item->enters) {
        item->phase = ITEM_ENTERING;

    } else if (item->blocked == 0) {
        item_make_ready(q, item);
    }
}


/* queue_ids says what dedupe knows it by; inside of ops->open */
void queue_ids(struct item *item, const unsigned char (*hashes)[SEEN_LEN],
    size_t n)
{
    if (n == 0) {
        return;
    }

    item->ids = mem_alloc(n * SEEN_LEN);
    item->known = mem_alloc(n * sizeof(*item->known));
    item->nids = n;
    memcpy(item->ids, hashes, n * SEEN_LEN);
}


/* queue_seen says whether one of its ids was seen before */
bool queue_seen(const struct item *item, size_t n)
{
    return n < item->nids && item->known[n];
}


/* queue_unseen leaves one of its ids out of what is remembered */
void queue_unseen(struct item *item, size_t n)
{
    if (n < item->nids) {
        item->known[n] = true;
    }
}


/* item_state keeps a copy; an empty one changes nothing */
void item_state(struct item *item, struct str state)
{
    if (state.len) {
        str_free(&item->state);
        item->state = str_copy(state);
        item->fresh = false;
        item->stated = true;
    }
}


/* item_call is where what is to be said of it is gathered */
struct queue_call *item_call(struct item *item)
{
    if (item->call == NULL) {
        item->call = mem_alloc(sizeof(*item->call));
        item->call->state = item->call->lane = item->call->ref = NONE;
    }

    return item->call;
}


/* call_push adds a push to what is to be said of it */
void call_push(struct queue_call *call, const struct queue_push *push)
{
    struct queue_push  *to;

    if (call->npush == QUEUE_PUSHES) {
        log_write(LOG_ERROR, "more than %d pushes at once: one is left out",
                  QUEUE_PUSHES);
        return;
    }

    call->push = mem_grow(call->push, (call->npush + 1) * sizeof(*call->push));
    to = &call->push[call->npush++];
    *to = *push;
    to->list = mem_copy(push->list, strlen(push->list));
    to->value = str_copy(push->value);
}


/* call_free forgets that again */
void call_free(struct item *item)
{
    size_t              i;
    struct queue_call  *call = item->call;

    if (call == NULL) {
        return;
    }

    for (i = 0; i < call->npush; i++) {
        free((char *) call->push[i].list);
        str_free(&call->push[i].value);
    }

    free(call->push);
    str_free(&call->state);
    str_free(&call->lane);
    str_free(&call->ref);
    free(call);
    item->call = NULL;
}


/* item_detach takes the item out of its queue; those behind it in a line come
   forward */
void item_detach(struct item *item)
{
    size_t         i;
    struct item   *first;
    struct queue  *q = item->queue;

    item_unready(q, item);

    for (i = 0; i < item->nplaces; i++) {
        first = lines_leave(q->lines, &item->places[i]);
        if (first != NULL && --first->blocked == 0
            && first->phase == ITEM_WAITING)
        {
            item_make_ready(q, first);
        }
    }

    *(item->prev != NULL ? &item->prev->next : &q->first) = item->next;
    *(item->next != NULL ? &item->next->prev : &q->last) = item->prev;
    q->n--;
    q->bytes -= item->record.len;
    if (item_suspect(item)) {
        q->suspects--;
    }
    item->queue = NULL;

    if (q->parted == item) {
        parts_forget(q);
    }

    if (q->alone == item) {
        alone_over(q);
    }
}


/* item_free takes it out of its queue and releases it */
void item_free(struct item *item)
{
    if (item->queue != NULL) {
        item->queue->ops->forget(item->queue->data, item);
        item_detach(item);
    }

    call_free(item);
    str_free(&item->record);
    str_free(&item->state);
    str_free(&item->head);
    free((char *) item->field.at);
    free(item->places);
    free(item->ids);
    free(item->known);
    free(item->letter);
    free(item->letter_item);
    free(item->list);
    free(item->owners);
    free(item);
}


/* item_settled frees what Redis has been told about */
void item_settled(struct item *item)
{
    if (item->queue != NULL) {
        item->queue->nofit = item->queue->due_nofit = false;
    }

    item_free(item);
}


/* batch_new makes room for the items of a call */
struct batch *batch_new(struct queue *q, enum script script, size_t room)
{
    struct batch  *batch;

    batch = mem_alloc(sizeof(*batch) + room * sizeof(struct item *));
    batch->queue = q;
    batch->script = script;

    return batch;
}


/* lane_key returns a lane as {Q}:lines has it; owned */
struct str lane_key(const char *lane)
{
    struct buf  b;

    buf_init(&b, (size_t) -1);
    buf_add(&b, "\1", 1);
    key_write(&b, (struct str) { lane, strnlen(lane, QUEUE_LANE_MAX) });

    return (struct str) { b.at, b.len };
}
