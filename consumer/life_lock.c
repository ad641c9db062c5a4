/* The locks of tokens that are looked after for long: they end by themselves
   where a consumer dies, and not before it has done. */

#include "life_own.h"


static void on_taken(void *data, const struct reply *reply)
{
    struct care  *c = data;

    if (reply == NULL || c->life->leaving) {
        care_end(c);
        return;
    }

    if (reply_type(reply) == REPLY_ERROR) {
        log_write(LOG_WARN, "token %s: Redis does not let it be locked; the"
                  " smallest ACL stands in docs/operations.md",
                  SAID(c->t->name));
        care_later(c, LIFE_HOUR_MS);
        care_end(c);
        return;
    }

    c->got(c, reply_type(reply) == REPLY_STATUS);
}


/* care_lock: got once it is known; true: it is ours */
void care_lock(struct care *c, care_got got)
{
    char        key[TOKEN_NAME_MAX + 32], number[24];
    struct str  words[6];

    snprintf(key, sizeof(key), LIFE_LOCK_KEY "%s", c->t->name);
    snprintf(number, sizeof(number), "%d", LIFE_LOCK_MS);
    words[0] = STR("SET");
    words[1] = STR(key);
    words[2] = STR(lock_mark(c->mark));
    words[3] = STR("NX");
    words[4] = STR("PX");
    words[5] = STR(number);
    c->got = got;

    if (redis_send(c->life->redis, words, 6, LIFE_REDIS_MS, on_taken, c) != 0) {
        care_end(c);
    }
}


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
    snprintf(ms, sizeof(ms), "%d", LIFE_LOCK_MS);
    words[0] = STR(key);
    words[1] = STR(c->mark);
    words[2] = STR(ms);

    n = mem_alloc(sizeof(*n));
    n->life = life;
    n->began = uv_now(life->loop);
    snprintf(n->name, sizeof(n->name), "%s", c->t->name);

    if (script_call(life->redis, SCRIPT_TOKEN_LOCK, words, 1, 3, on_renewed, n)
        != 0)
    {
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


static void on_back(void *data, const struct reply *reply)
{
    (void) data;
    (void) reply;
}


/* care_unlock: its whole text, for this may be our last word; what cannot be
   given back ends by its time */
void care_unlock(const struct care *c)
{
    char        key[TOKEN_NAME_MAX + 32];
    struct str  words[3];

    snprintf(key, sizeof(key), LIFE_LOCK_KEY "%s", c->t->name);
    words[0] = STR(key);
    words[1] = STR(c->mark);
    words[2] = STR("0");

    if (!c->locked || c->life->leaving
        || script_last(c->life->redis, SCRIPT_TOKEN_LOCK, words, 1, 3,
                       on_back, NULL) != 0)
    {
        return;
    }
}
