/* The life of a flow: it begins, says how far it is to whoever watches, and
   ends well or with a sentence for people. */

#include "flow_own.h"
#include "stats.h"

#include <stdlib.h>
#include <time.h>


#define FLOW_KEEP_S  "3600"     /* of meta:flow:ID */
#define FLOW_TEXT_MAX  4096     /* else the plain sentence */
#define FLOW_KEEP_MS 3600000


static const char *const  kinds[] = {
    [FLOW_FACEBOOK] = "facebook", [FLOW_BUSINESS] = "business",
    [FLOW_INSTAGRAM] = "instagram", [FLOW_SIGNUP] = "signup",
    [FLOW_PIN] = "signup", [FLOW_JOB] = "job", [FLOW_PARTNER] = "partner"
};


/* flow_now: ms since 1970 */
long long flow_now(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_REALTIME, &now);

    return (long long) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}


/* flow_set copies a text, which may be the field's own, or has none */
void flow_set(char **field, struct str value)
{
    char  *old = *field;

    *field = value.len ? mem_copy(value.at, value.len) : NULL;
    free(old);
}


/* flow_secret takes a code or a token in the place of the one before */
void flow_secret(struct flow *f, struct str secret)
{
    char  *old = f->secret;

    f->secret = mem_copy(secret.at, secret.len);
    f->as.secret = f->secret;
    mem_wipe(old);
}


/* flow_new: one more; its end frees it */
struct flow *flow_new(struct flows *flows, enum flow_kind kind)
{
    struct flow  *f = mem_alloc(sizeof(*f));

    f->flows = flows;
    f->kind = kind;
    f->conf = conf_hold(flows->conf);
    f->began = uv_hrtime() / 1000000;
    f->issued = f->expires = f->data_expires = TOKEN_UNKNOWN;
    f->as.kind = kind == FLOW_INSTAGRAM ? TOKEN_INSTAGRAM : TOKEN_USER;
    f->as.lane = "";
    uv_timer_init(graph_loop(flows->graph), &f->timer);
    f->timer.data = f;
    f->next = flows->first;
    flows->first = f;
    flows->n++;

    return f;
}


/* flow_app: false: it is none of the configuration's */
bool flow_app(struct flow *f, struct str id)
{
    size_t                  i;
    const struct conf_app  *apps = f->conf->apps.at;

    for (i = 0; i < f->conf->apps.n; i++) {
        if (apps[i].id != NULL && apps[i].secret != NULL
            && (id.len == 0 || str_is(id, apps[i].id)))
        {
            f->app = &apps[i];
            f->app_token = token_app(&apps[i]);
            return f->app_token != NULL;
        }
    }

    return false;
}


static void account_free(struct flow_account *a)
{
    free(a->id);
    free(a->name);
    free(a->instagram);
    free(a->username);
    free(a->number);
    mem_wipe(a->token);
}


static void on_closed(uv_handle_t *handle)
{
    flow_subs_free(handle->data);
    free(handle->data);
}


static void flow_free(struct flow *f)
{
    size_t         i;
    struct flow  **at = &f->flows->first;

    while (*at != f) {
        at = &(*at)->next;
    }
    *at = f->next;
    f->flows->n--;

    for (i = 0; i < f->naccounts; i++) {
        account_free(&f->accounts[i]);
    }
    for (i = 0; i < f->nbusinesses; i++) {
        free(f->businesses[i]);
    }

    free(f->accounts);
    free(f->businesses);
    mem_wipe(f->secret);
    mem_wipe(f->given);
    mem_wipe(f->pin);
    free(f->id);
    free(f->ref);
    free(f->redirect_uri);
    free(f->wanted);
    free(f->denied);
    free(f->waba);
    free(f->phone);
    free(f->main_waba);
    free(f->wants_pin);
    free(f->wants_waba);
    free(f->later);
    free(f->called);
    free(f->business);
    free(f->sharer);
    free(f->parent);
    free(f->user);
    free(f->scopes);
    free(f->targets);
    token_free(f->put);
    token_drop(f->app_token);
    buf_free(&f->path);
    token_ask_wipe(&f->query);
    token_ask_wipe(&f->body);
    conf_drop(f->conf);
    uv_close((uv_handle_t *) &f->timer, on_closed);
}


/* flows_look: is there room, is all over? */
void flows_look(struct flows *flows)
{
    if (flows->n == 0 && flows->words == NULL && flows->on_drained != NULL) {
        flows->on_drained(flows->drained_data);
    }

    if (flows->on_room != NULL && flows_room(flows)) {
        flows->on_room(flows->room_data);
    }
}


static void flow_end(struct flow *f)
{
    struct flows  *flows = f->flows;

    flow_free(f);

    if (!flows->leaving) {
        flows_look(flows);
    }
}


/* flow_account_add: one more that is shown, and has a token of its own */
struct flow_account *flow_account_add(struct flow *f, enum token_kind kind,
    struct str id, struct str name)
{
    struct flow_account  *a;

    if (f->naccounts == FLOW_ACCOUNTS_MAX) {
        return NULL;
    }

    f->accounts = mem_grow(f->accounts, (f->naccounts + 1) * sizeof(*a));
    a = &f->accounts[f->naccounts++];
    *a = (struct flow_account) { .kind = kind };
    flow_set(&a->id, id);
    flow_set(&a->name, name);

    return a;
}


/* flow_account_taken: of the account at a it is the Instagram account alone
   that is somebody else's; a is gone behind it */
void flow_account_taken(struct flow *f, struct flow_account *a)
{
    struct flow_account  *more;
    char                 *id = a->instagram, *name = a->username;

    a->instagram = a->username = NULL;
    more = flow_account_add(f, TOKEN_INSTAGRAM, STR(id), str_or_none(name));
    if (more != NULL) {
        more->taken = true;
        f->ntaken++;
    }
    free(id);
    free(name);
}


/* flow_say tells the page how far it is */
void flow_say(struct flow *f, enum flow_step step)
{
    struct str  words[] = {
        STR("step"), STR(flow_step_name(step)),
        STR("text"), STR(flow_step_text(step)), STR("error"), NONE
    };

    f->step = step;
    flow_fields(f, words, 6);
}


static void flow_over(struct flow *f, enum flow_error error)
{
    struct stat_row  *row = stat_row(STATS_FLOW, kinds[f->kind]);

    stat_row_add(row, error == FLOW_GOOD ? STAT_FLOW_CONNECTED
                 : STAT_FLOW_FAILED, 1);
    stat_time(TIME_FLOW, uv_hrtime() / 1000000 - f->began);
}


static void flow_tell(struct flow *f, enum flow_error error,
    struct str accounts, const struct verdict *v)
{
    struct flow_end  end = {
        .error = error, .step = flow_step_name(f->step),
        .accounts = accounts, .verdict = v
    };

    if (f->cb != NULL) {
        f->cb(f->data, &end);
    }
}


/* those of the last hour, for who asks that theirs be deleted */
static void flow_listed(struct flow *f)
{
    size_t      i;
    char        now[MEM_DIGITS], old[MEM_DIGITS];
    int64_t     ms = flow_now();
    struct str  key = STR("meta:flow:connected");
    struct str  calls[3][4] = {
        { STR("ZADD"), key, { now, 0 }, STR(f->id != NULL ? f->id : "") },
        { STR("ZREMRANGEBYSCORE"), key, STR("-inf"), { old, 0 } },
        { STR("EXPIRE"), key, STR(FLOW_KEEP_S), NONE }
    };

    calls[0][2].len = mem_digits(now, (unsigned long long) ms);
    calls[1][3].len = mem_digits(old, (unsigned long long) (ms - FLOW_KEEP_MS));

    for (i = 0; i < 3 && f->id != NULL && f->flows->redis != NULL; i++) {
        if (redis_send(f->flows->redis, calls[i], i == 2 ? 3 : 4,
                       FLOW_REDIS_MS, NULL, NULL) != 0)
        {
            return;
        }
    }
}


/* Meta's words may repeat a code or a secret: its numbers say enough */
static void bad_log(const struct flow *f, enum flow_error error,
    const struct verdict *v)
{
    struct buf  b;

    buf_init(&b, 4096);
    if (v != NULL) {
        buf_format(&b, ", status=%ld", v->status);
        if (v->has_code) {
            buf_format(&b, " code=%lld", v->code);
        }
        if (v->has_subcode) {
            buf_format(&b, " subcode=%lld", v->subcode);
        }
        if (v->trace[0] != '\0') {
            buf_format(&b, " trace=%s", v->trace);
        }
        if (v->rc == GRAPH_UNREACHABLE || v->rc == GRAPH_AMBIGUOUS) {
            buf_format(&b, " why=%s", graph_reason(v->rc));
        }
        if (f->called != NULL) {
            buf_format(&b, " call=%s", f->called);
        }
    }

    flow_hint(f, error, v, &b);
    log_write(LOG_WARN, "login %.8s (%s): failed at %s, error=%s%.*s",
              f->id != NULL ? f->id : "-", kinds[f->kind],
              flow_step_name(f->step), flow_error_name(error), (int) b.len,
              b.len ? b.at : "");
    buf_free(&b);
}


static void bad_say(struct flow *f, enum flow_error error,
    const struct verdict *v)
{
    struct buf  text;

    buf_init(&text, FLOW_TEXT_MAX);
    flow_bad_text(f, error, v, &text);
    bad_log(f, error, v);
    flow_last(f, (struct str[]) {
        STR("step"), STR(flow_step_name(FLOW_STEP_FAILED)), STR("text"),
        text.over ? STR(flow_error_text(error))
                  : (struct str) { text.at, text.len }, STR("error"),
        STR(flow_error_name(error)) }, 6);
    buf_free(&text);
    flow_over(f, error);
}


/* of what is stored; where all of it is somebody else's, it has failed */
static void good_say(struct flow *f)
{
    size_t      more;
    struct buf  text, accounts, whose;

    if (f->ntaken > 0 && flow_taken_count(f) == f->naccounts) {
        bad_say(f, FLOW_TAKEN, NULL);
        flow_tell(f, FLOW_TAKEN, NONE, NULL);
        return;
    }

    buf_init(&text, FLOW_TEXT_MAX);
    buf_init(&accounts, 2 * FLOW_NAMED_BYTES);
    more = flow_accounts(f, &accounts);

    if (accounts.over) {
        more = f->naccounts - flow_taken_count(f);
        accounts.len = 0;
        accounts.over = false;
        buf_text(&accounts, "[]");
    }

    flow_good_text(f, more, &text);

    f->step = FLOW_STEP_CONNECTED;
    flow_listed(f);
    flow_last(f, (struct str[]) {
        STR("step"), STR(flow_step_name(FLOW_STEP_CONNECTED)), STR("text"),
        text.over ? STR(flow_step_text(FLOW_STEP_CONNECTED))
                  : (struct str) { text.at, text.len }, STR("error"), NONE,
        STR("accounts"),
        { accounts.at, accounts.len } }, 8);

    buf_init(&whose, 2048);
    flow_whose(f, &whose);
    log_write(LOG_INFO, "login %.8s (%s): connected, accounts=%zu, tokens that"
              " lack permissions=%zu%.*s", f->id != NULL ? f->id : "-",
              kinds[f->kind], f->naccounts - flow_taken_count(f), f->nlacks,
              (int) whose.len, whose.len ? whose.at : "");
    buf_free(&whose);
    flow_over(f, FLOW_GOOD);
    flow_tell(f, FLOW_GOOD, (struct str) { accounts.at, accounts.len }, NULL);
    buf_free(&text);
    buf_free(&accounts);
}


/* flow_good: all is stored */
void flow_good(struct flow *f)
{
    good_say(f);
    flow_end(f);
}


/* flow_bad: nothing more is done */
void flow_bad(struct flow *f, enum flow_error error, const struct verdict *v)
{
    bad_say(f, error, v);
    flow_tell(f, error, NONE, v);
    flow_end(f);
}


/* flow_wait_pin: the number has a PIN; whoever enters it goes on with what is
   written here, in whichever consumer */
void flow_wait_pin(struct flow *f)
{
    struct buf  text;

    buf_init(&text, 1024);
    flow_pin_text(f, &text);
    f->step = FLOW_STEP_PIN;
    flow_last(f, (struct str[]) {
        STR("step"), STR(flow_step_name(FLOW_STEP_PIN)), STR("text"),
        text.over ? STR(flow_step_text(FLOW_STEP_PIN))
                  : (struct str) { text.at, text.len }, STR("error"), NONE,
        STR("pin"), STR("asked"), STR("waba"), STR(f->wants_waba),
        STR("phone"), STR(f->wants_pin), STR("token"),
        str_or_none(f->parent), STR("app"), STR(f->app->id), STR("ref"),
        STR(f->ref != NULL ? f->ref : ""), STR("later"),
        STR(f->later != NULL ? f->later : "") }, 20);
    log_write(LOG_INFO, "login %.8s (signup): asks for the PIN of number %s",
              f->id, f->wants_pin);
    buf_free(&text);
    flow_end(f);
}


/* flow_ignore: its page shows what it showed */
void flow_ignore(struct flow *f, const char *why)
{
    log_write(LOG_INFO, "login %.8s: nothing is done: %s",
              f->id != NULL ? f->id : "-", why);
    flow_tell(f, FLOW_GOOD, NONE, NULL);
    flow_end(f);
}


/* flows_new: of one process */
struct flows *flows_new(struct graph *graph, struct redis *redis,
    struct conf *conf)
{
    struct flows  *flows = mem_alloc(sizeof(*flows));

    flows->graph = graph;
    flows->redis = redis;
    flows->conf = conf_hold(conf);

    return flows;
}


/* flows_conf: for flows that begin from now on */
void flows_conf(struct flows *flows, struct conf *conf)
{
    conf_drop(flows->conf);
    flows->conf = conf_hold(conf);
    stat_row_set(stat_row(STATS_REFUSED, "codes"), STAT_REFUSED, 0);
}


/* flows_room: who waits stays in Redis, and is too old after a minute */
bool flows_room(const struct flows *flows)
{
    return flows->n < FLOWS_MAX && !flows->leaving
           && tokens_known(flows->conf->store);
}


/* flows_room_job: jobs and events may wait, and a person's code may not: they
   have half of it */
bool flows_room_job(const struct flows *flows)
{
    size_t              n = 0;
    const struct flow  *f;

    for (f = flows->first; f != NULL; f = f->next) {
        n += f->kind == FLOW_JOB || f->kind == FLOW_PARTNER;
    }

    return n < FLOWS_MAX / 2 && flows_room(flows);
}


/* flows_on_room: one listener */
void flows_on_room(struct flows *flows, void (*cb)(void *data), void *data)
{
    flows->on_room = cb;
    flows->room_data = data;
}


/* flow_forget: its work goes on, for a number is connected or it is not */
void flow_forget(struct flow *f)
{
    f->cb = NULL;
}


/* flows_drain: what is under way ends by itself */
void flows_drain(struct flows *flows, void (*cb)(void *data), void *data)
{
    flows->on_room = NULL;
    flows->on_drained = cb;
    flows->drained_data = data;
    flows_look(flows);
}


/* flow_left: we are leaving, its page was told, and it ends where it stands */
bool flow_left(struct flow *f)
{
    if (!f->flows->leaving) {
        return false;
    }

    flow_free(f);

    return true;
}


/* flows_leave: the drain is over, or was not waited for */
void flows_leave(struct flows *flows)
{
    struct flow  *f, *next;

    flows->leaving = true;
    flows->on_room = flows->on_drained = NULL;

    for (f = flows->first; f != NULL; f = next) {
        next = f->next;
        if (flow_subs_leave(f)) {
            good_say(f);
        } else {
            bad_say(f, FLOW_INTERNAL, NULL);
            flow_tell(f, FLOW_INTERNAL, NONE, NULL);
        }
        f->cb = NULL;
        if (!f->flying && !f->asked) {
            flow_free(f);
        }
    }

    flow_words_leave(flows);
    redis_flush(flows->redis);
    flows->redis = NULL;
}


/* flows_free: nobody calls back any more */
void flows_free(struct flows *flows)
{
    conf_drop(flows->conf);
    free(flows);
}
