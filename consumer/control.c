/* Pauses of queues, lanes and accounts: what meta:control says, as of the last
   second. */

#include "control.h"

#include <stdlib.h>


static const char *const  names[] = {
    [PAUSE_QUEUE] = "queue:", [PAUSE_LANE] = "lane:",
    [PAUSE_ACCOUNT] = "account:"
};


static struct pause *pause_get(const struct control *c, enum pause_kind kind,
    struct str name)
{
    size_t  i;

    for (i = 0; i < c->n; i++) {
        if (c->pauses[i].kind == kind && str_is(name, c->pauses[i].name)) {
            return &c->pauses[i];
        }
    }

    return NULL;
}


/* control_begin: what is not said again is over */
void control_begin(struct control *c)
{
    size_t  i;

    for (i = 0; i < c->n; i++) {
        c->pauses[i].kept = false;
    }
}


/* a name with a zero inside would be another's, and a new one at each poll */
static bool pause_split(struct str field, enum pause_kind *kind,
    struct str *name)
{
    size_t  i, n;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        n = strlen(names[i]);

        if (field.len > n && memcmp(field.at, names[i], n) == 0) {
            *kind = (enum pause_kind) i;
            *name = (struct str) { field.at + n, field.len - n };
            return memchr(name->at, '\0', name->len) == NULL;
        }
    }

    return false;
}


/* control_say takes one field; what it does not know it leaves alone */
void control_say(struct control *c, struct str field, long long ms,
    uint64_t now, control_cb cb, void *data)
{
    struct str       name;
    struct pause    *p;
    enum pause_kind  kind;

    if (!pause_split(field, &kind, &name)) {
        return;
    }

    p = pause_get(c, kind, name);
    if (p == NULL) {
        if (c->n == CONTROL_MAX) {
            return;
        }

        c->pauses = mem_grow(c->pauses, (c->n + 1) * sizeof(*c->pauses));
        p = &c->pauses[c->n++];
        p->kind = kind;
        p->name = mem_copy(name.at, name.len);

        if (kind == PAUSE_QUEUE) {
            cb(data, p->name, true);
        }
    }

    p->kept = true;
    p->until = ms < 0 ? UINT64_MAX : now + (uint64_t) ms;
}


/* control_end drops what was not said again */
void control_end(struct control *c, control_cb cb, void *data)
{
    size_t        i = 0;
    struct pause  over;

    while (i < c->n) {
        if (c->pauses[i].kept) {
            i++;
            continue;
        }

        over = c->pauses[i];
        c->pauses[i] = c->pauses[--c->n];

        if (over.kind == PAUSE_QUEUE) {
            cb(data, over.name, false);
        }

        free(over.name);
    }
}


/* control_find: 0 where it is not paused */
uint64_t control_find(const struct control *c, enum pause_kind kind,
    struct str name)
{
    const struct pause  *p = pause_get(c, kind, name);

    return p != NULL ? p->until : 0;
}


/* control_lane: the longer one of the lane's pause and its account's */
uint64_t control_lane(const struct control *c, const struct lane *lane)
{
    uint64_t    a, b = 0;
    struct str  account;

    if (c->n == 0) {
        return 0;
    }

    a = control_find(c, PAUSE_LANE, STR(lane->name));
    account = lane_account(lane);
    if (account.len) {
        b = control_find(c, PAUSE_ACCOUNT, account);
    }

    return a > b ? a : b;
}


/* control_free forgets all */
void control_free(struct control *c)
{
    size_t  i;

    for (i = 0; i < c->n; i++) {
        free(c->pauses[i].name);
    }

    free(c->pauses);
    *c = (struct control) { 0 };
}
