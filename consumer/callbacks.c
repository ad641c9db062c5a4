/* The work of meta:callbacks: somebody has removed the app, or wants to be
   forgotten (meta-graph-oauth-ads-capi.md 4).  Their tokens go, all that came
   of these, and the records of their logins. */

#include "work_own.h"
#include "token.h"

#include <stdlib.h>


#define PREFIX_DELETION  "meta:deletion:"
#define CODE_MAX         64
#define FLOWS_CHUNK      "1000"     /* records of one call */
#define ACCOUNTS_MAX     200        /* that a login's record is known by */
#define WORDS_MAX        (13 + ACCOUNTS_MAX)
#define AGAIN_MS         1000
#define STORE_MS         3000       /* where somebody has to mend it */
#define ANSWER_MS        5000

/* of one record; ends with the work */
struct callback {
    struct work    *work;
    struct str      app;
    struct str      user;
    char           *page;           /* meta:deletion:CODE; empty: none */
    struct str      code;
    const char     *event;          /* of meta:accounts */
    char          **names;          /* of tokens that go */
    size_t          n;
    size_t          removed;
    char           *ref;            /* whose they were; NULL: nobody's */
    char          **accounts;
    size_t          naccounts;
    char            cursor[24];
    int64_t         until;          /* ms: what came later they gave anew */
    bool            open;           /* nothing of it is confirmed */
};


static void callback_free(struct callback *cb)
{
    while (cb->n > 0) {
        free(cb->names[--cb->n]);
    }
    while (cb->naccounts > 0) {
        free(cb->accounts[--cb->naccounts]);
    }

    free(cb->names);
    free(cb->accounts);
    free(cb->page);
    free(cb->ref);
    free(cb);
}


/* it comes again, and finds less to do */
static void callback_again(struct callback *cb, const char *why)
{
    struct work  *w = cb->work;

    callback_free(cb);
    if (!work_gone(w)) {
        wait_retry(w, AGAIN_MS, why);
    }
}


static bool has_name(const struct callback *cb, const char *name)
{
    size_t  i;

    for (i = 0; name != NULL && i < cb->n; i++) {
        if (strcmp(cb->names[i], name) == 0) {
            return true;
        }
    }

    return false;
}


static void add_account(struct callback *cb, const char *id)
{
    size_t  i;

    if (id == NULL || cb->naccounts == ACCOUNTS_MAX) {
        return;
    }

    for (i = 0; i < cb->naccounts; i++) {
        if (strcmp(cb->accounts[i], id) == 0) {
            return;
        }
    }

    cb->accounts = mem_grow(cb->accounts,
                            (cb->naccounts + 1) * sizeof(*cb->accounts));
    cb->accounts[cb->naccounts++] = mem_copy(id, strlen(id));
}


static bool gave(const struct callback *cb, const struct token *t)
{
    return t->user != NULL && str_is(cb->user, t->user) && t->app != NULL
           && str_is(cb->app, t->app);
}


/* whose they were: the person's own token says it best */
static void add_token(struct callback *cb, const struct token *t)
{
    bool  own = gave(cb, t) && t->as.kind == TOKEN_USER;

    cb->names = mem_grow(cb->names, (cb->n + 1) * sizeof(*cb->names));
    cb->names[cb->n++] = mem_copy(t->name, strlen(t->name));
    add_account(cb, t->as.id);
    add_account(cb, t->as.waba);
    add_account(cb, t->as.instagram);

    if (t->as.tenant != NULL
        && (own || (cb->ref == NULL && gave(cb, t))))
    {
        free(cb->ref);
        cb->ref = mem_copy(t->as.tenant, strlen(t->as.tenant));
    }
}


static bool came(const struct callback *cb, const struct token *t)
{
    return has_name(cb, t->parent)
           && !token_apart(t, tokens_named(cb->work->worker->tokens,
                                           STR(t->parent)));
}


/* those that the person gave; then, walk by walk, those that came of them,
   another tenant's only where they gave that too.  Who connects anew before
   this is worked keeps what is new */
static void each_token(void *data, struct token *t)
{
    struct callback  *cb = data;

    if (t->of == NULL && t->issued < cb->until && !has_name(cb, t->name)
        && (gave(cb, t) || came(cb, t)))
    {
        add_token(cb, t);
    }
}


static int callback_call(struct callback *cb, const struct str *args,
    size_t n, redis_cb then)
{
    struct str  words[WORDS_MAX];

    words[0] = cb->page[0] ? STR(cb->page) : STR(PREFIX_DELETION);
    words[1] = STR("meta:flow:");
    words[2] = STR("meta:accounts");
    words[3] = args[0];
    words[4] = STR(cb->page[0] ? "1" : "0");
    memcpy(words + 5, args + 1, (n - 1) * sizeof(*args));

    return script_call(cb->work->worker->redis, SCRIPT_CALLBACK, words, 3,
                       n + 4, then, cb);
}


/* false: it was refused, or the item is not ours any more, and cb is gone */
static bool callback_good(struct callback *cb, const struct reply *reply)
{
    struct work  *w = cb->work;

    if (work_gone(w)) {
        callback_free(cb);
        return false;
    }

    if (reply == NULL || reply_type(reply) == REPLY_ERROR) {
        callback_again(cb, "redis");
        return false;
    }

    return true;
}


static void on_end(void *data, const struct reply *reply)
{
    char              more[64];
    struct work      *w;
    struct callback  *cb = data;

    if (!callback_good(cb, reply)) {
        return;
    }

    w = cb->work;
    snprintf(more, sizeof(more), " callback=%s tokens=%zu", cb->event,
             cb->removed);
    work_log(w, LOG_INFO, "worked", more);
    callback_free(cb);
    end_callback(w);
}


/* whoever keeps more of them than we do hears it, with the code to say that it
   is done */
static void callback_end(struct callback *cb)
{
    int         rc;
    struct buf  b;
    struct str  args[3] = { STR("end") };

    buf_init(&b, 4096);
    buf_format(&b, "{\"v\":1,\"event\":\"%s\",\"ref\":", cb->event);
    if (cb->ref != NULL) {
        json_quote(&b, STR(cb->ref));
    } else {
        buf_text(&b, "null");
    }
    buf_text(&b, ",\"kind\":\"user\",\"account\":");
    json_quote(&b, cb->user);
    buf_text(&b, ",\"waba\":null,\"name\":null,\"scopes\":[],\"app\":");
    json_quote(&b, cb->app);
    buf_text(&b, ",\"code\":");
    if (cb->code.len) {
        json_quote(&b, cb->code);
    } else {
        buf_text(&b, "null");
    }
    buf_text(&b, "}");

    args[1] = (struct str) { b.at, b.len };
    args[2] = STR(cb->open ? "open" : "");
    rc = callback_call(cb, args, 3, on_end);
    buf_free(&b);

    if (rc != 0) {
        callback_again(cb, "redis");
    }
}


static void callback_remove(struct callback *cb);


static void on_removed(void *data, const char *why)
{
    struct callback  *cb = data;

    if (why != NULL) {
        callback_again(cb, "redis");
        return;
    }

    if (work_gone(cb->work)) {
        callback_free(cb);
        return;
    }

    callback_remove(cb);
}


/* so many at once */
static void callback_remove(struct callback *cb)
{
    size_t       i, n = cb->n - cb->removed;
    struct str   names[TOKENS_REMOVE_MAX];

    if (n == 0) {
        callback_end(cb);
        return;
    }

    n = n < TOKENS_REMOVE_MAX ? n : TOKENS_REMOVE_MAX;
    for (i = 0; i < n; i++) {
        names[i] = STR(cb->names[cb->removed + i]);
    }
    cb->removed += n;

    tokens_remove(cb->work->worker->tokens, names, n, cb->event, on_removed,
                  cb);
}


static void callback_flows(struct callback *cb);


static void on_flows(void *data, const struct reply *reply)
{
    struct str        at;
    struct callback  *cb = data;

    if (!callback_good(cb, reply)) {
        return;
    }

    at = reply_str(reply);
    if (at.len == 0) {
        callback_remove(cb);
        return;
    }

    snprintf(cb->cursor, sizeof(cb->cursor), "%.*s", (int) at.len, at.at);
    callback_flows(cb);
}


/* records of logins, before the tokens by whose accounts they are known: they
   live for an hour */
static void callback_flows(struct callback *cb)
{
    size_t      i;
    char        until[24];
    struct str  args[6 + ACCOUNTS_MAX] = {
        STR("flows"), cb->app, STR("-"), STR(cb->cursor), STR(FLOWS_CHUNK)
    };

    snprintf(until, sizeof(until), "%lld", (long long) cb->until);
    args[5] = STR(until);
    for (i = 0; i < cb->naccounts; i++) {
        args[6 + i] = STR(cb->accounts[i]);
    }

    if (callback_call(cb, args, 6 + cb->naccounts, on_flows) != 0) {
        callback_again(cb, "redis");
    }
}


static void on_begun(void *data, const struct reply *reply)
{
    struct callback  *cb = data;

    if (callback_good(cb, reply)) {
        callback_flows(cb);
    }
}


static bool is_code(struct str code)
{
    size_t  i;

    for (i = 0; i < code.len; i++) {
        if (strchr("0123456789abcdef", code.at[i]) == NULL) {
            return false;
        }
    }

    return code.len > 0 && code.len < CODE_MAX;
}


/* issued_at are seconds, by Meta's clock; where they are not told, all goes */
static int64_t callback_until(const struct work *w)
{
    long long   n;
    struct str  issued = json_get_text(w->record.event, "issued_at");

    return issued.len == 0 || issued.len > 12
           || (n = strtoll(issued.at, NULL, 10)) <= 0
           ? INT64_MAX : (int64_t) (n + 1) * 1000;
}


static struct callback *callback_new(struct work *w, const char *event)
{
    struct buf        b;
    struct callback  *cb = mem_alloc(sizeof(*cb));

    *cb = (struct callback) {
        .work = w, .event = event, .cursor = "0", .app = w->record.entry,
        .until = callback_until(w),
        .user = json_get_text(w->record.event, "user"),
        .code = json_get_text(w->record.event, "code")
    };

    if (!is_code(cb->code)) {
        cb->code = NONE;
    }

    buf_init(&b, 256);
    if (cb->code.len) {
        buf_text(&b, PREFIX_DELETION);
        buf_str(&b, cb->code);
    }
    cb->page = mem_copy(b.at, b.len);
    buf_free(&b);

    return cb;
}


/* NULL: it is none of ours */
static const char *callback_event(const struct work *w)
{
    return !str_is(w->record.object, "oauth") ? NULL
           : str_is(w->record.field, "deletion") ? "deletion"
           : str_is(w->record.field, "deauthorize") ? "deauthorized" : NULL;
}


static void callback_say(struct callback *cb)
{
    char        number[MEM_DIGITS], person[LOG_PERSON_MAX];
    struct str  args[4] = { STR("begin"), cb->app };

    args[2] = STR(log_person(person, cb->user));
    args[3] = (struct str) { number, mem_digits(number, cb->n) };

    if (callback_call(cb, args, 4, on_begun) != 0) {
        callback_again(cb, "redis");
    }
}


/* theirs may be among tokens that are not for us to see; where it is refused to
   ask, too, nobody of this Redis has any */
static void on_stored(void *data, const struct reply *reply)
{
    struct work      *w;
    struct callback  *cb = data;

    if (work_gone(cb->work)) {
        callback_free(cb);
        return;
    }

    if (reply == NULL) {
        callback_again(cb, "redis");
        return;
    }

    w = cb->work;
    if (reply_type(reply) == REPLY_INTEGER && reply_int(reply) > 0) {
        log_write(w->worker->keyless ? LOG_DEBUG : LOG_ERROR,
                  "meta:callbacks waits: Redis has %lld tokens, and"
                  " token_key_file is not set here", reply_int(reply));
        w->worker->keyless = true;
        callback_free(cb);
        wait_retry(w, STORE_MS, "token_key_file");
        return;
    }

    cb->open = true;
    if (cb->code.len) {
        log_write(LOG_WARN, "a deletion is asked for, and there is no token"
                  " store: it stays \"received\" until somebody says \"metactl"
                  " deletion done\"");
    }
    callback_say(cb);
}


static void callback_keyless(struct callback *cb)
{
    struct str  words[2] = { STR("SCARD"), STR("meta:token:names") };

    if (redis_send(cb->work->worker->redis, words, 2, ANSWER_MS, on_stored,
                   cb) != 0)
    {
        callback_again(cb, "redis");
    }
}


/* callback_begin does all of it each time that it is begun.  What was not read
   cannot be removed, nor said to be gone */
void callback_begin(struct work *w)
{
    size_t            n;
    const char       *event = callback_event(w);
    struct str        user = json_get_text(w->record.event, "user");
    struct tokens    *store = w->worker->tokens;
    struct callback  *cb;

    if (event == NULL) {
        end_dead(w, "record", "it is neither deauthorize nor deletion", NULL);
        return;
    }

    /* the dashboard's test is of nobody */
    if (user.len == 0 || str_is(user, "0")) {
        work_log(w, LOG_INFO, "worked", " callback=test");
        end_callback(w);
        return;
    }

    if (tokens_state(store) == TOKENS_UNREAD) {
        wait_retry(w, tokens_known(store) ? STORE_MS : AGAIN_MS, "tokens");
        return;
    }

    cb = callback_new(w, event);
    if (tokens_state(store) == TOKENS_NONE) {
        callback_keyless(cb);
        return;
    }

    do {
        n = cb->n;
        tokens_each(store, each_token, cb);
    } while (cb->n > n);

    callback_say(cb);
}
