/* Which tokens are due, one after another, each under its lock, so that of all
   consumers one looks after it. */

#include "life_own.h"

#include <time.h>


#define TICK_MS    30000
#define SOON_MS    100
#define AGAIN_MS   1000         /* what Meta refused waits for its lock */
#define FIRST_MS   300000       /* a start is not the moment for it */
#define AT_ONCE    4            /* tokens that are looked after at once */
#define QUIET_MS   60000        /* of one; grows to an hour */
#define QUIET_MAX  6
#define FAILURES_MAX  16        /* in a row: the rest waits for the next tick */



static void life_work(struct life *life);


/* life_now: the clock that Meta's times are told by */
int64_t life_now(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_REALTIME, &now);

    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}


/* care_rule: of the configuration that it began with */
struct life_rule care_rule(const struct care *c)
{
    return life_rule_of(c->conf);
}


/* its state as it stands in the book by now, which others have put or noted;
   what is new there has failed never */
static struct token *care_now(const struct care *c)
{
    return tokens_named(c->life->tokens, STR(c->t->name));
}


/* care_later: where Redis does not take what it should remember */
void care_later(struct care *c, uint64_t ms)
{
    struct token  *t = care_now(c);

    if (t != NULL) {
        t->quiet = uv_now(c->life->loop) + ms;
    }
}


/* care_failed: a minute, and twice as long each time; the others go on */
void care_failed(struct care *c, const char *why)
{
    struct token  *t = care_now(c);

    c->life->failures++;

    if (t == NULL) {
        return;
    }

    log_write(t->failures ? LOG_DEBUG : LOG_WARN, "token %s: Meta cannot be"
              " asked about it now: %s; it is tried again", SAID(t->name), why);
    care_later(c, (uint64_t) QUIET_MS << t->failures);
    t->failures += t->failures < QUIET_MAX;
}


/* care_passing: what says nothing of the token */
bool care_passing(struct care *c, const struct verdict *v)
{
    struct token  *t;

    if (v == NULL || graph_passes(v)) {
        care_failed(c, v == NULL ? "the call cannot begin"
                    : v->rc == GRAPH_ERROR ? v->row->text
                    : graph_reason(v->rc));
        return true;
    }

    c->life->failures = 0;
    t = care_now(c);
    if (t != NULL) {
        t->failures = 0;
    }

    return false;
}


/* care_app: the first where nothing is known of it */
const struct conf_app *care_app(const struct care *c)
{
    size_t                  i;
    const struct conf_app  *apps = c->conf->apps.at;

    for (i = 0; c->t->app != NULL && i < c->conf->apps.n; i++) {
        if (strcmp(apps[i].id, c->t->app) == 0) {
            return &apps[i];
        }
    }

    return c->conf->apps.n && c->t->as.kind != TOKEN_INSTAGRAM ? apps : NULL;
}


static void care_free(struct care *c)
{
    token_drop(c->asks);
    token_drop(c->gives);
    token_drop(&c->t->as);
    token_free(c->put);
    conf_drop(c->conf);
    free(c->cursor);
    free(c->businesses);
    free(c);
}


static void life_drained(struct life *life)
{
    void  (*cb)(void *data) = life->on_drained;

    if (cb != NULL && life->ncares == 0) {
        life->on_drained = NULL;
        cb(life->drained_data);
    }
}


/* care_end: all of it is over, whatever came of it */
void care_end(struct care *c)
{
    struct life   *life = c->life;
    struct care  **at = &life->cares;

    while (*at != c) {
        at = &(*at)->next_care;
    }
    *at = c->next_care;
    life->ncares--;

    care_unlock(c);

    if (c->cb != NULL) {
        c->cb(c->data, c->renewed ? NULL : c->why != NULL ? c->why : LIFE_BUSY,
              c->put != NULL ? c->put : c->t);
    }

    care_free(c);
    life_work(life);
    life_drained(life);
}


static void on_verdict(void *data, const struct verdict *v)
{
    struct care  *c = data;

    token_drop(c->asks);
    c->asks = NULL;

    if (c->life->leaving) {
        care_end(c);
        return;
    }

    c->then(c, v);
}


/* care_call: the query goes, and is wiped */
void care_call(struct care *c, struct graph_call *call, struct buf *query,
    const struct conf_token *token, const struct conf_app *app,
    care_then then)
{
    const char  *why;

    if (c->life->resting && c->goal != CARE_REFUSED) {
        token_ask_wipe(query);
        care_end(c);
        return;
    }

    call->token = c->asks = token_hold(token);
    call->app = app;
    c->then = then;

    why = query->over ? "the token is too long"
          : graph_start(c->life->graph, c->conf, call, on_verdict, c);
    token_ask_wipe(query);

    if (why != NULL) {
        log_write(LOG_WARN, "token %s: %s", SAID(c->t->name), why);
        token_drop(c->asks);
        c->asks = NULL;
        then(c, NULL);
    }
}


static void care_go(struct care *c)
{
    switch (c->goal) {

    case CARE_CHECK:
        check_begin(c);
        return;

    case CARE_REFUSED:
        lost_begin(c);
        return;

    case CARE_EXCHANGE:
        refresh_begin(c, care_end);
        return;
    }
}


static bool same(const struct reply *reply, const char *text)
{
    return text == NULL || *text == '\0' || str_is(reply_str(reply), text);
}


/* under the lock nobody changes it: what we know must be what is there */
static void on_read(void *data, const struct reply *reply)
{
    char          checked[24] = "", retry[24] = "";
    struct care  *c = data;

    if (reply == NULL || c->life->leaving
        || reply_type(reply) != REPLY_ARRAY)
    {
        care_end(c);
        return;
    }

    if (c->goal == CARE_CHECK) {    /* 0: empty */
        snprintf(checked, sizeof(checked), "%.0lld",
                 (long long) c->t->checked);
        snprintf(retry, sizeof(retry), "%.0lld", c->t->retry);
    }

    if (c->goal == CARE_REFUSED
        && str_is(reply_str(reply_at(reply, 2)), "lost")
        && (c->t->of == NULL || same(reply_at(reply, 4), c->t->lane)))
    {
        care_end(c);        /* another one said so, of this very secret */
        return;
    }

    if (!same(reply_at(reply, 0), c->t->sealed)
        || !same(reply_at(reply, 1), checked)
        || !same(reply_at(reply, 3), retry))
    {
        care_end(c);        /* the store is about to tell us */
        return;
    }

    care_go(c);
}


static void on_lock(struct care *c, bool got)
{
    char        key[TOKEN_NAME_MAX + 16];
    struct str  words[7];

    if (!got) {             /* somebody else is at it */
        if (c->goal == CARE_REFUSED) {
            refused_later(c);
        }
        care_end(c);
        return;
    }

    c->locked = true;
    snprintf(key, sizeof(key), "meta:token:%s", c->t->name);
    words[0] = STR("HMGET");
    words[1] = STR(key);
    words[2] = STR("sealed");
    words[3] = STR("checked");
    words[4] = STR("state");
    words[5] = STR("retry");
    words[6] = STR("lane");

    if (redis_send(c->life->redis, words, 7, LIFE_REDIS_MS, on_read, c) != 0) {
        care_end(c);
    }
}


/* life_has: it is looked after at this moment */
bool life_has(const struct life *life, const char *name)
{
    const struct care  *c;

    for (c = life->cares; c != NULL; c = c->next_care) {
        if (strcmp(c->t->name, name) == 0) {
            return true;
        }
    }

    return false;
}


/* care_new: care_lock begins it */
struct care *care_new(struct life *life, struct token *t,
    enum care_goal goal)
{
    struct care  *c = mem_alloc(sizeof(*c));

    c->life = life;
    c->conf = conf_hold(life->conf);
    c->t = t;
    token_hold(&t->as);
    c->goal = goal;
    c->began = uv_now(life->loop);
    c->issued = t->issued;
    c->expires = t->expires;
    c->data_expires = t->data_expires;
    c->next_care = life->cares;
    life->cares = c;
    life->ncares++;

    return c;
}


/* care_start: under the lock, where there are others */
void care_start(struct care *c)
{
    if (c->conf->token_keys == NULL) {
        care_go(c);     /* what is known of it is known here alone */
    } else {
        care_lock(c, on_lock);
    }
}


/* life_looks: a PIN is none, and the app's is made of what stands in the
   configuration */
bool life_looks(const struct token *t)
{
    return t->as.kind != TOKEN_PIN && t->as.kind != TOKEN_APP
           && token_usable(t) != NULL;
}


/* one of the configuration has worked so far, or nobody has used it yet */
static bool life_due(const struct life *life, const struct token *t)
{
    int64_t           now = life_now();
    uint64_t          first = FIRST_MS;
    struct life_rule  rule = life_rule_of(life->conf);

    if (!life_looks(t)) {
        return false;
    }

    if (t->of != NULL && t->checked <= 0) {
        first = (uint64_t) rule.check_ms < first ? (uint64_t) rule.check_ms
                : first;
        return uv_now(life->loop) - life->since >= first;
    }

    return life_check_at(t, &rule, now) <= now
           || life_retry_due(t, &rule, now) || derive_due(life, t);
}


static void due_each(void *data, struct token *t)
{
    size_t        place;
    struct life  *life = data;

    place = life->seen++;

    if (life->ndue < LIFE_DUE_MAX && (place < life->place) == life->around
        && life_due(life, t) && uv_now(life->loop) >= t->quiet
        && !life_has(life, t->name))
    {
        life->due[life->ndue].place = place;
        snprintf(life->due[life->ndue++].name, TOKEN_NAME_MAX, "%s", t->name);
    }
}


/* each has its turn, also behind many that fail */
static void due_all(struct life *life)
{
    life->ndue = life->at = 0;
    life->around = false;

    do {
        life->seen = 0;
        tokens_each(life->tokens, due_each, life);
        life->around = !life->around;
    } while (life->around);
}


static bool life_may(const struct life *life)
{
    return !life->resting && tokens_known(life->tokens)
           && (life->conf->token_keys == NULL || redis_up(life->redis))
           && life->failures < FAILURES_MAX;
}


/* the next of those that are due; where there were more, they are looked for
   once these are under way */
static void life_work(struct life *life)
{
    struct token  *t;

    while (life_may(life) && life->ncares < AT_ONCE && life->at < life->ndue)
    {
        t = tokens_named(life->tokens, STR(life->due[life->at].name));
        life->place = life->due[life->at].place + 1;
        life->at++;

        if (t != NULL && life_looks(t) && !life_has(life, t->name)) {
            care_start(care_new(life, t, CARE_CHECK));
        }
    }

    if (!life->resting && life->ndue == LIFE_DUE_MAX
        && life->at == life->ndue)
    {
        uv_timer_start(&life->timer, life->timer.timer_cb, SOON_MS, 0);
    }
}


static void on_tick(uv_timer_t *timer)
{
    struct life  *life = timer->data;
    uint64_t      ms = life->conf->check_ms;

    ms = ms < TICK_MS ? ms : TICK_MS;
    life->failures = 0;
    life_locks(life);

    if (life_may(life) && refused_tick(life)) {
        ms = ms < AGAIN_MS ? ms : AGAIN_MS;
    }
    uv_timer_start(timer, on_tick, ms > SOON_MS ? ms : SOON_MS, 0);

    if (life_may(life)) {
        due_all(life);
        life_work(life);
    }
}


/* life_soon: what is due is looked for */
void life_soon(struct life *life)
{
    if (!life->resting && uv_timer_get_due_in(&life->timer) > SOON_MS) {
        uv_timer_start(&life->timer, on_tick, SOON_MS, 0);
    }
}


/* what is new is looked at at once */
static void on_change(void *data, struct token *t, struct token *old,
    bool renewed)
{
    struct life  *life = data;

    (void) old;

    if (t != NULL && ((renewed && derive_gives(t)) || life_due(life, t)))
    {
        life_soon(life);
    }
}


static void on_up(void *data)
{
    life_soon(data);
}


/* life_new: the first look comes when the store is known */
struct life *life_new(uv_loop_t *loop, struct graph *graph,
    struct redis *redis, struct tokens *tokens, struct conf *conf)
{
    struct life  *life = mem_alloc(sizeof(*life));

    life->loop = loop;
    life->graph = graph;
    life->tokens = tokens;
    life->conf = conf_hold(conf);
    life->since = uv_now(loop);
    life->redis = redis_share(redis, "tokens' lives", on_up, NULL, life);
    uv_timer_init(loop, &life->timer);
    life->timer.data = life;
    uv_timer_start(&life->timer, on_tick, TICK_MS, 0);
    tokens_on_change(tokens, on_change, life);

    return life;
}


static void quiet_end(void *data, struct token *t)
{
    (void) data;
    t->quiet = 0;
}


/* life_conf: another rule, other tokens */
void life_conf(struct life *life, struct conf *conf)
{
    conf_hold(conf);
    conf_drop(life->conf);
    life->conf = conf;
    tokens_each(life->tokens, quiet_end, NULL);
    life_soon(life);
}


/* life_exchange: as soon as it is asked for, whenever that is */
const char *life_exchange(struct life *life, struct str name, life_cb cb,
    void *data)
{
    struct care   *c;
    struct token  *t = tokens_named(life->tokens, name);

    if (t == NULL || t->of != NULL || !life_looks(t)) {
        return "there is no such token in the store";
    }

    if (life->resting || life_has(life, t->name)) {
        return LIFE_BUSY;
    }

    c = care_new(life, t, CARE_EXCHANGE);
    c->cb = cb;
    c->data = data;
    care_start(c);

    return NULL;
}


/* life_forget: what was begun goes on */
void life_forget(struct life *life, const void *data)
{
    struct care  *c;

    for (c = life->cares; c != NULL; c = c->next_care) {
        if (c->data == data) {
            c->cb = NULL;
        }
    }
}


/* life_rest: another consumer goes on from there */
void life_rest(struct life *life)
{
    life->resting = true;
}


/* life_drain: once nobody is left who might be refused */
void life_drain(struct life *life, void (*cb)(void *data), void *data)
{
    life->on_drained = cb;
    life->drained_data = data;
    life_drained(life);
}


/* life_leave: who waits for Redis is told that it is away; locks end by their
   time */
void life_leave(struct life *life)
{
    life->resting = life->leaving = true;
    life->on_drained = NULL;
    refused_free(life);
    uv_timer_stop(&life->timer);
    redis_free(life->redis);
    life->redis = NULL;
}


static void on_closed(uv_handle_t *handle)
{
    struct life  *life = handle->data;

    conf_drop(life->conf);
    free(life);
}


/* life_free: nothing is under way any more */
void life_free(struct life *life)
{
    uv_close((uv_handle_t *) &life->timer, on_closed);
}
