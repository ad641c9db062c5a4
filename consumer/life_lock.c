/* The locks of tokens that are looked after for long: they end by themselves
   where a consumer dies, and not before it has done. */

#include "life_own.h"


struct renewal {
    struct life  *life;
    uint64_t      began;
    char          name[TOKEN_NAME_MAX];
};


/* by its name, for it may be over; one that has gone is ours no more */
static void on_renewed(void *data, const struct reply *reply)
{
    struct care     *c;
    struct renewal  *n = data;

    for (c = n->life->cares; c != NULL; c = c->next_care) {
        if (c->locked && reply != NULL && reply_type(reply) == REPLY_INTEGER
            && c->began < n->began && strcmp(c->t->name, n->name) == 0)
        {
            c->began = n->began;
            c->locked = reply_int(reply) == 1;
        }
    }

    free(n);
}


static void lock_renew(struct life *life, const struct care *c)
{
    char             key[TOKEN_NAME_MAX + 32], ms[24];
    struct str       words[3];
    struct renewal  *n;

    snprintf(key, sizeof(key), LIFE_LOCK_KEY "%s", c->t->name);
    snprintf(ms, sizeof(ms), "%u", LIFE_LOCK_MS);
    words[0] = STR("PEXPIRE");
    words[1] = STR(key);
    words[2] = STR(ms);

    n = mem_alloc(sizeof(*n));
    n->life = life;
    n->began = uv_now(life->loop);
    snprintf(n->name, sizeof(n->name), "%s", c->t->name);

    if (redis_send(life->redis, words, 3, LIFE_REDIS_MS, on_renewed, n) != 0) {
        free(n);
    }
}


/* care_locked: its lock is surely still there, and its own */
bool care_locked(const struct care *c)
{
    return c->locked && uv_now(c->life->loop) - c->began < LIFE_LOCK_MS;
}


/* life_locks: at each tick; a Page's may take twenty calls of half a minute */
void life_locks(struct life *life)
{
    const struct care  *c;

    for (c = life->cares; c != NULL; c = c->next_care) {
        if (care_locked(c)) {
            lock_renew(life, c);
        }
    }
}
