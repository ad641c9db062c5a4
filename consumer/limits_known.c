/* What this process knows of lanes without asking: closed until when, slowed
   by how much.  It forgets what says nothing any more. */

#include "limits_own.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>


#define OPENS_MIN_MS  5
#define FORGET_MS     (10 * 60 * 1000)


static uint32_t known_hash(const char *name)
{
    uint32_t  hash = 2166136261u;

    while (*name != '\0') {
        hash = (hash ^ (unsigned char) *name++) * 16777619u;
    }

    return hash % KNOWN_BUCKETS;
}


/* known_find: NULL where nothing is known */
struct known *known_find(struct limits *l, const char *name)
{
    struct known  *k;

    if (l->nknown == 0) {
        return NULL;
    }

    for (k = l->known[known_hash(name)]; k != NULL; k = k->next) {
        if (strcmp(k->name, name) == 0) {
            return k;
        }
    }

    return NULL;
}


static bool known_useless(const struct known *k, uint64_t now)
{
    return k->until <= now && k->slow_until <= now && !k->probing
           && !k->paused && k->per_s == 0;
}


/* opened ones go to *opened, for callbacks may change everything */
static void known_sweep(struct limits *l, struct known **opened,
    bool (*which)(struct limits *l, const struct known *k))
{
    size_t          i;
    uint64_t        now = uv_now(l->loop);
    struct known   *k, *copy, **at;

    l->next_open = UINT64_MAX;

    for (i = 0; i < KNOWN_BUCKETS; i++) {
        for (at = &l->known[i]; (k = *at) != NULL; ) {
            if ((k->until != 0 && k->until <= now)
                || (k->paused && which != NULL && which(l, k)))
            {
                k->until = 0;
                k->paused = false;
                if (k->stopped) {
                    k->stopped = false;
                    k->room = 1;
                }

                copy = mem_alloc(sizeof(*copy));
                *copy = *k;
                copy->next = *opened;
                *opened = copy;
            }

            if (k->until != 0 && k->until < l->next_open) {
                l->next_open = k->until;
            }

            if (k->probing && k->until == 0 && k->forget <= now) {
                known_probing(l, k, false);
            }

            if (known_useless(k, now)) {
                *at = k->next;
                l->nknown--;
                free(k);
            } else {
                at = &k->next;
            }
        }
    }
}


static void known_wake(struct limits *l)
{
    uint64_t  now = uv_now(l->loop), ms, least;

    if (l->next_open == UINT64_MAX) {
        uv_timer_stop(&l->opens);
        return;
    }

    /* all are looked at, so not too often where there are many */
    least = OPENS_MIN_MS + l->nknown / 64;
    ms = l->next_open > now ? l->next_open - now : 0;
    uv_timer_start(&l->opens, on_opens, ms > least ? ms : least, 0);
}


/* known_open tells whose time is over, and of the paused those that which()
   says are not paused any more */
void known_open(struct limits *l, bool (*which)(struct limits *l,
    const struct known *k))
{
    struct known  *k, *opened = NULL;

    known_sweep(l, &opened, which);
    known_wake(l);

    while ((k = opened) != NULL) {
        opened = k->next;
        if (l->on_open != NULL) {
            l->on_open(l->open_data, k->name, k->room > 0 ? k->room : 1);
        }
        free(k);
    }
}


/* on_opens: the earliest of all is open */
void on_opens(uv_timer_t *timer)
{
    known_open(timer->data, NULL);
}


/* known_get makes it; NULL where there are too many, then Redis is asked */
struct known *known_get(struct limits *l, const char *name)
{
    return l->nknown < KNOWN_MAX ? known_make(l, name) : known_find(l, name);
}


/* known_make is for what only this process remembers */
struct known *known_make(struct limits *l, const char *name)
{
    uint32_t       hash;
    struct known  *k = known_find(l, name);

    if (k != NULL) {
        return k;
    }

    hash = known_hash(name);
    k = mem_alloc(sizeof(*k));
    snprintf(k->name, sizeof(k->name), "%s", name);
    k->next = l->known[hash];
    l->known[hash] = k;
    l->nknown++;

    return k;
}


/* known_close closes it for at least ms more; UINT64_MAX: a pause, whose end
   the poll sees */
void known_close(struct limits *l, struct known *k, uint64_t ms)
{
    uint64_t  until = ms == UINT64_MAX ? UINT64_MAX : uv_now(l->loop) + ms;

    if (until <= k->until) {
        return;
    }

    k->until = until;
    k->forget = until < UINT64_MAX - FORGET_MS ? until + FORGET_MS : until;
    if (until < l->next_open) {
        l->next_open = until;
        known_wake(l);
    }
}


/* known_probing counts them, so that nobody looks where there are none */
void known_probing(struct limits *l, struct known *k, bool probing)
{
    if (probing && k->forget < uv_now(l->loop) + FORGET_MS) {
        k->forget = uv_now(l->loop) + FORGET_MS;
    }

    if (k->probing != probing) {
        k->probing = probing;
        l->nprobing += probing ? 1 : -1;
    }
}


/* known_free forgets all */
void known_free(struct limits *l)
{
    size_t         i;
    struct known  *k;

    for (i = 0; i < KNOWN_BUCKETS; i++) {
        while ((k = l->known[i]) != NULL) {
            l->known[i] = k->next;
            free(k);
        }
    }
}
