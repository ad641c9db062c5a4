/* What a login connects is subscribed to webhooks, else nothing is heard of it:
   Pages, which carry the Instagram accounts that are linked to them, and
   accounts of Instagram Login (meta-webhooks-and-messaging.md 1.8, 9;
   meta-graph-oauth-ads-capi.md 8.4).  It only adds, and where Meta refuses the
   account is connected all the same. */

#include "flow_own.h"
#include "stats.h"
#include "subs.h"

#include <stdlib.h>


#define SUB_WIDE     4          /* at once */
#define SUB_CALL_MS  10000
#define SUB_ALL_MS   30000      /* then none is begun any more */
#define SUB_TRIES    3
#define SUB_WAIT_MS  500        /* before one more */
#define SUB_LINES    5          /* of the log, by account */
#define SUB_LEFT     "meta-consumer was stopped"
#define SUB_SCOPE    "pages_manage_metadata"

/* an account that is worked on: it is looked at, then added to; f NULL: none */
struct flow_sub {
    struct flow         *f;
    size_t               at;        /* of the accounts */
    unsigned             tries;
    bool                 waits;     /* for the next try */
    bool                 adds;
    struct conf_token    as;
    struct want          want;
    struct buf           fields;    /* of the POST */
};

struct flow_subs {
    uint64_t         until;
    size_t           next;          /* of the accounts */
    size_t           n;             /* under way */
    bool             busy;          /* some are being begun */
    bool             limited;       /* by Meta: all would be */
    struct flow_sub  all[SUB_WIDE];
};


static void subs_go(struct flow *f);
static void sub_call(struct flow_sub *s);


/* flow_subs_free: nothing of it is under way, and the call has returned that
   holds a token of it */
void flow_subs_free(struct flow *f)
{
    free(f->subs);
    f->subs = NULL;
}


static bool account_has(const struct flow *f, const struct flow_account *a)
{
    return a->taken ? false : a->kind == TOKEN_PAGE ? a->token != NULL
           : a->kind == TOKEN_INSTAGRAM && f->kind == FLOW_INSTAGRAM;
}


static void sub_say(const struct flow *f, const struct flow_account *a,
    const char *why)
{
    log_write(LOG_WARN, "login %.8s: %s %s is connected, and sends no webhooks"
              " yet: %s: \"metactl subscribe\" subscribes to it", f->id != NULL
              ? f->id : "-", token_kind_name(a->kind), a->id, why);
}


/* its own line for some of them, a total for the rest */
static void sub_deaf(struct flow *f, size_t at, const struct verdict *v,
    const char *reason)
{
    char  why[160];

    f->accounts[at].deaf = true;
    if (f->ndeaf++ >= SUB_LINES || flow_subs_denied(f)) {
        return;
    }

    if (v == NULL) {
        snprintf(why, sizeof(why), "%s", reason);
    } else {
        snprintf(why, sizeof(why), "status=%ld code=%lld subcode=%lld"
                 " trace=%s%s%s", v->status, v->has_code ? v->code : 0,
                 v->has_subcode ? v->subcode : 0, *v->trace ? v->trace : "-",
                 v->rc == GRAPH_ERROR ? "" : " why=",
                 v->rc == GRAPH_ERROR ? "" : graph_reason(v->rc));
    }
    sub_say(f, &f->accounts[at], why);
}


static void sub_end(struct flow_sub *s)
{
    struct flow  *f = s->f;

    buf_free(&s->fields);
    s->f = NULL;
    f->subs->n--;
    subs_go(f);
}


/* what passes is tried again, but for a limit, which all logins share */
static bool sub_again(struct flow_sub *s, const struct verdict *v)
{
    struct flow_subs  *all = s->f->subs;

    if (v->rc != GRAPH_OK && v->row != NULL && v->row->cls == CLASS_WAIT) {
        all->limited = true;
    }

    return v->rc != GRAPH_OK && ++s->tries < SUB_TRIES && !all->limited
           && (v->transient || v->rc == GRAPH_UNREACHABLE
               || v->rc == GRAPH_AMBIGUOUS)
           && uv_hrtime() / 1000000 < all->until;
}


static void subs_again(struct flow *f)
{
    size_t            i;
    struct flow_sub  *s;

    f->subs->busy = true;
    for (i = 0; i < SUB_WIDE; i++) {
        s = &f->subs->all[i];
        if (s->waits) {
            s->waits = false;
            sub_call(s);
        }
    }
    f->subs->busy = false;
    subs_go(f);
}


/* together with the next one that waits */
static void sub_later(struct flow_sub *s)
{
    size_t             i;
    bool               set = false;
    struct flow_subs  *all = s->f->subs;

    for (i = 0; i < SUB_WIDE; i++) {
        set = set || all->all[i].waits;
    }

    s->waits = true;
    if (!set) {
        flow_after_ms(s->f, SUB_WAIT_MS, subs_again);
    }
}


enum sub_state {
    SUB_ALL,
    SUB_LACKS,
    SUB_UNREAD          /* what is there cannot be kept, so nothing is added */
};


/* what is there already stays */
static enum sub_state sub_look(struct flow_sub *s, const struct json *root)
{
    bool                fit, lacks;
    struct buf          has, lack;
    struct flow        *f = s->f;
    const struct json  *app;

    buf_init(&has, 8192);
    buf_init(&lack, SUBS_FIELDS + 1);
    subs_want(&s->want, f->conf, s->want.product);

    /* of Instagram Login the app has two ids, and Meta may tell either */
    app = subs_ours(f->conf, s->want.product == PRODUCT_INSTAGRAM ? NULL
                    : f->app->id, root);
    fit = subs_fields(json_get(app, "subscribed_fields"), &has);
    lacks = subs_lack(s->want.fields, has.at, &lack) > 0 || app == NULL;
    subs_all(&s->fields, has.at, &lack);
    buf_free(&has);
    buf_free(&lack);

    return !fit ? SUB_UNREAD : lacks ? SUB_LACKS : SUB_ALL;
}


static void sub_looked(struct flow_sub *s, enum sub_state state)
{
    if (state == SUB_LACKS && !flow_subs_denied(s->f)) {
        s->adds = true;
        s->tries = 0;
        sub_call(s);
        return;
    }

    if (state != SUB_ALL) {
        sub_deaf(s->f, s->at, NULL, "Meta's answer names too many fields");
    }
    sub_end(s);
}


static void on_sub(void *data, const struct verdict *v)
{
    struct flow_sub  *s = data;
    struct flow      *f = s->f;

    flow_counted(v);
    if (f->flows->leaving) {
        buf_free(&s->fields);
        f->flying = --f->subs->n > 0;
        if (!f->flying) {
            flow_left(f);
        }
        return;
    }

    if (sub_again(s, v)) {
        sub_later(s);

    } else if (v->rc != GRAPH_OK) {
        sub_deaf(f, s->at, v, NULL);
        sub_end(s);

    } else {
        sub_looked(s, s->adds ? SUB_ALL : sub_look(s, v->root));
    }
}


static void sub_call(struct flow_sub *s)
{
    char                 path[FLOW_ID_MAX + sizeof("/subscribed_apps")];
    const char          *why;
    struct buf           query;
    struct flow         *f = s->f;
    struct graph_call    call = {
        .method = s->adds ? HTTP_POST : HTTP_GET, .body = NONE,
        .host = graph_token_host(&s->as), .product = s->want.product,
        .token = &s->as, .idempotent = true, .total_ms = SUB_CALL_MS,
        .app = f->app
    };

    snprintf(path, sizeof(path), "%s/subscribed_apps", f->accounts[s->at].id);
    buf_init(&query, 32 * 1024);
    if (s->adds) {
        token_ask_form(&query, "subscribed_fields",
                       (struct str) { s->fields.at, s->fields.len - 1 });
    }
    call.path = STR(path);
    call.query = (struct str) { query.len ? query.at : "", query.len };
    why = graph_start(f->flows->graph, f->conf, &call, on_sub, s);
    buf_free(&query);

    if (why == NULL) {
        stat_add(STAT_GRAPH_RUNNING, 1);
        return;
    }

    sub_deaf(f, s->at, NULL, why);
    sub_end(s);
}


static void sub_begin(struct flow *f, struct flow_sub *s, size_t at)
{
    const struct flow_account  *a = &f->accounts[at];

    *s = (struct flow_sub) { .f = f, .at = at, .as = f->as };
    s->want.product = a->kind == TOKEN_PAGE ? PRODUCT_MESSENGER
                      : PRODUCT_INSTAGRAM;
    s->as.kind = a->kind;
    s->as.secret = a->token != NULL ? a->token : f->secret;
    buf_init(&s->fields, 16 * 1024);
    f->subs->n++;
    sub_call(s);
}


static void subs_said(const struct flow *f)
{
    if (f->ndeaf > 0 && flow_subs_denied(f)) {
        log_write(LOG_WARN, "login %.8s: Pages are connected that send no"
                  " webhooks, for %s was not granted: %zu.  Once it is (a new"
                  " login), they are subscribed to; or do it by \"metactl"
                  " subscribe\"", f->id != NULL ? f->id : "-", SUB_SCOPE,
                  f->ndeaf);

    } else if (f->ndeaf > SUB_LINES) {
        log_write(LOG_WARN, "login %.8s: %zu accounts are connected, and send"
                  " no webhooks yet: \"metactl subscribe\" subscribes to them",
                  f->id != NULL ? f->id : "-", f->ndeaf);
    }
}


static void subs_end(struct flow *f)
{
    subs_said(f);
    f->flying = false;
    flow_good(f);
}


/* flow_subs_leave: we are leaving, all is stored, and who is not subscribed yet
   is so by hand */
bool flow_subs_leave(struct flow *f)
{
    size_t             i;
    struct flow_sub   *s;
    struct flow_subs  *all = f->subs;

    if (all == NULL || f->step != FLOW_STEP_SUBSCRIBING) {
        return false;
    }

    for (i = 0; i < SUB_WIDE; i++) {
        s = &all->all[i];
        if (s->f != NULL) {
            sub_deaf(f, s->at, NULL, SUB_LEFT);
        }
        if (s->waits) {
            buf_free(&s->fields);
            s->f = NULL;
            all->n--;
        }
    }
    f->flying = all->n > 0;

    for ( /* void */ ; all->next < f->naccounts; all->next++) {
        if (account_has(f, &f->accounts[all->next])) {
            sub_deaf(f, all->next, NULL, SUB_LEFT);
        }
    }

    subs_said(f);

    return true;
}


/* what cannot even begin ends while others are begun */
static void subs_go(struct flow *f)
{
    size_t             i;
    struct flow_subs  *all = f->subs;

    if (all->busy) {
        return;
    }

    all->busy = true;
    for (i = 0; i < SUB_WIDE; i++) {
        while (all->all[i].f == NULL && all->next < f->naccounts) {
            if (all->limited || uv_hrtime() / 1000000 >= all->until) {
                sub_deaf(f, all->next++, NULL, all->limited
                         ? "a limit of Meta's is reached"
                         : "it took too long");
            } else if (account_has(f, &f->accounts[all->next])) {
                sub_begin(f, &all->all[i], all->next++);
            } else {
                all->next++;
            }
        }
    }
    all->busy = false;

    f->flying = all->n > 0;
    if (all->n == 0) {
        subs_end(f);
    }
}


/* flow_subs_denied: then it is only looked whether somebody has subscribed
   before */
bool flow_subs_denied(const struct flow *f)
{
    return f->kind != FLOW_INSTAGRAM && f->scopes != NULL
           && !scope_has(STR(f->scopes), SUB_SCOPE);
}


/* flow_subscribe: all is stored; its end is flow_good */
void flow_subscribe(struct flow *f)
{
    flow_say(f, FLOW_STEP_SUBSCRIBING);
    f->subs = mem_alloc(sizeof(*f->subs));
    f->subs->until = uv_hrtime() / 1000000 + SUB_ALL_MS;
    subs_go(f);
}
