/* Several users of one Redis connection: each comes and goes by itself, and who
   is refused keeps quiet for a while without disturbing the others. */

#include "redis_own.h"

#include <stdlib.h>


static void user_down(struct redis *r)
{
    r->up = false;
    uv_timer_stop(&r->timer);

    if (r->on_down != NULL) {
        r->on_down(r->data);
    }
}


static void user_up(struct redis *r)
{
    r->up = true;
    r->up_since = uv_now(r->loop);

    if (r->on_up != NULL) {
        r->on_up(r->data);
    }
}


static void on_user_timer(uv_timer_t *timer)
{
    struct redis  *r = timer->data;

    if (r->on->up && !r->up) {
        user_up(r);
    }
}


/* nobody is called from within the walk: he may free himself, or another */
static void users_later(struct redis *r)
{
    struct redis  *user;

    for (user = r->users; user != NULL; user = user->next) {
        uv_timer_start(&user->timer, on_user_timer, 0, 0);
    }
}


/* redis_users_up: the connection is there */
void redis_users_up(struct redis *r)
{
    users_later(r);
}


/* redis_users_down: it went; each is told, and all their calls failed */
void redis_users_down(struct redis *r)
{
    struct redis  *user;

    for (user = r->users; user != NULL; user = user->next) {
        user->gone = user->up;
        user->up = false;
        uv_timer_stop(&user->timer);
    }

    for (user = r->users; user != NULL; /* void */ ) {
        if (!user->gone) {
            user = user->next;
            continue;
        }

        user->gone = false;
        if (user->on_down != NULL) {
            user->on_down(user->data);
        }

        user = r->users;        /* anew: some may have been freed */
    }
}


/* what he asked is answered to nobody: he is told that it failed */
static void user_fail_calls(struct redis *r)
{
    redis_cb      cb;
    struct call  *c;

    for (c = r->on->first; c != NULL; /* void */ ) {
        if (c->user != r || c->cb == NULL) {
            c = c->next;
            continue;
        }

        cb = c->cb;
        c->cb = NULL;
        cb(c->data, NULL);
        c = r->on->first;       /* anew: the list may be another */
    }
}


/* redis_user_drop: one user begins anew after a while */
void redis_user_drop(struct redis *r, const char *why)
{
    unsigned  delay;

    if (!r->up) {
        return;
    }

    delay = redis_delay(r, true, why);
    r->up = false;
    user_fail_calls(r);
    user_down(r);
    uv_timer_start(&r->timer, on_user_timer, delay, 0);
}


/* redis_share makes one more user of a connection */
struct redis *redis_share(struct redis *on, const char *name,
    redis_state_cb on_up, redis_state_cb on_down, void *data)
{
    struct redis  *r = mem_alloc(sizeof(*r));

    r->loop = on->loop;
    r->target = on->target;
    r->name = mem_copy(name, strlen(name));
    r->on_up = on_up;
    r->on_down = on_down;
    r->data = data;
    r->on = on;
    r->next = on->users;
    on->users = r;

    uv_timer_init(r->loop, &r->timer);
    r->timer.data = r;
    r->handles = 1;

    if (on->up) {
        uv_timer_start(&r->timer, on_user_timer, 0, 0);
    }

    return r;
}


/* redis_user_free ends one user; the connection stays */
void redis_user_free(struct redis *r)
{
    struct redis  **user = &r->on->users;

    while (*user != r) {
        user = &(*user)->next;
    }

    *user = r->next;
    r->up = false;
    r->on_down = NULL;
    user_fail_calls(r);
    uv_close((uv_handle_t *) &r->timer, redis_on_closed);
}
