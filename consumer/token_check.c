/* The daily look at a token: what debug_token says of it (section 2.6 of
   meta-graph-oauth-ads-capi.md), and Instagram's /me of its own (2.10). */

#include "life_own.h"
#include "token_mend.h"
#include "token_scopes.h"


struct note {
    struct str  words[TOKENS_NOTE_MAX];
    char        numbers[TOKENS_NOTE_MAX / 2][24];
    size_t      n;
};


static void note_text(struct note *note, const char *field, struct str value)
{
    note->words[note->n++] = STR(field);
    note->words[note->n++] = value;
}


static void note_int(struct note *note, const char *field, int64_t value)
{
    char  *number = note->numbers[note->n / 2];

    snprintf(number, sizeof(note->numbers[0]), "%lld", (long long) value);
    note_text(note, field, STR(number));
}


/* a time that Meta does not tell is left as it is */
static void note_time(struct note *note, const char *field, int64_t value)
{
    if (value != ANSWER_UNKNOWN) {
        note_int(note, field, value);
    }
}


static void check_warn(struct care *c)
{
    char              span[LIFE_SPAN_MAX];
    int64_t           now = life_now();
    struct buf        mend;
    struct token      seen = *c->t;
    struct life_rule  rule = care_rule(c);

    seen.expires = c->expires;
    seen.data_expires = c->data_expires;
    buf_init(&mend, MEND_TEXT);

    if (!c->renewed && life_alarm(&seen, &rule, now)) {
        stat_add(STAT_TOKEN_ALARMS, 1);
        mend_text(&mend, c->t, 0);
        log_write(LOG_ERROR, "token %s expires in %s%s: %.*s",
                  SAID(c->t->name), life_span(span, c->expires - now),
                  c->t->of == NULL ? " and could not be renewed" : "",
                  (int) mend.len, mend.at);
    }

    if (life_data_warn(&seen, now)
        && (c->t->scopes == NULL || !scopes_exempt(STR(c->t->scopes))))
    {
        mend.len = 0;
        mend_login(&mend, c->t, "reauthorize");
        log_write(LOG_WARN, "token %s: access to data of its user %s%s: they"
                  " log in again by %.*s", SAID(c->t->name),
                  c->data_expires > now ? "ends in " : "has ended",
                  c->data_expires > now
                  ? life_span(span, c->data_expires - now) : "",
                  (int) mend.len, mend.at);
    }

    buf_free(&mend);
}


static void check_last(struct care *c)
{
    check_warn(c);
    care_end(c);
}


static void check_links(struct care *c)
{
    links_begin(c, check_last);
}


/* it is remembered; now it may be time to renew it */
static void on_noted(void *data, const char *why)
{
    struct care       *c = data;
    struct token       seen = *c->t;
    struct life_rule   rule = care_rule(c);

    if (c->life->leaving) {
        care_end(c);
        return;
    }

    if (why != NULL && strcmp(why, TOKENS_CHANGED) == 0) {
        life_soon(c->life);     /* of the new one nobody was asked */
        care_end(c);
        return;
    }

    if (why != NULL) {
        log_write(LOG_WARN, "token %s: what Meta says of it cannot be kept:"
                  " %s", SAID(c->t->name), why);
        care_later(c, (uint64_t) rule.check_ms);
        check_warn(c);
        care_end(c);
        return;
    }

    seen.issued = c->issued;
    seen.expires = c->expires;
    seen.lost = false;

    if (c->valid && life_refresh_due(&seen, &rule, life_now())) {
        refresh_begin(c, check_links);
    } else if (c->valid) {
        check_links(c);
    } else {
        care_end(c);
    }
}


static void check_note(struct care *c, const struct note *note)
{
    tokens_note_over(c->life->tokens, c->t, note->words, note->n, NULL,
                     on_noted, c);
}


/* nothing is known but that it was asked */
static void check_asked(struct care *c)
{
    struct note  note = { .n = 0 };

    note_int(&note, "checked", life_now());
    check_note(c, &note);
}


static void scopes_say(struct care *c, const struct token_debug *d,
    struct buf *missing)
{
    struct buf                optional, mend;
    struct json_doc          *doc;
    struct str                scopes = { d->scopes.at, d->scopes.len };
    const struct conf_token  *token = token_usable(c->t);
    unsigned                  uses = scopes_uses(c->conf, token);

    doc = json_parse(d->targets.at, d->targets.len, JSON_TREE_MAX);
    buf_init(&optional, LIFE_WORDS);
    buf_init(&mend, MEND_TEXT);

    if (scopes_missing(missing, uses, true, &c->conf->scopes, token, scopes,
                       json_root(doc)))
    {
        mend_login(&mend, c->t, "rerequest");
        log_write(LOG_WARN, "token %s lacks %.*s: they are granted in a new"
                  " login, by %.*s", SAID(c->t->name), (int) missing->len,
                  missing->at, (int) mend.len, mend.at);
    }

    if (scopes_missing(&optional, uses, false, NULL, token, scopes,
                       json_root(doc)))
    {
        log_write(LOG_INFO, "token %s has not been given %.*s, which only some"
                  " calls need", SAID(c->t->name), (int) optional.len,
                  optional.at);
    }

    buf_free(&optional);
    buf_free(&mend);
    json_free(doc);
}


static bool check_ours(const struct care *c, struct str app)
{
    size_t                  i;
    const struct conf_app  *apps = c->conf->apps.at;

    for (i = 0; i < c->conf->apps.n; i++) {
        if (str_is(app, apps[i].id)) {
            return true;
        }
    }

    return c->conf->apps.n == 0;
}


static void check_good(struct care *c, const struct token_debug *d)
{
    struct buf   missing;
    struct note  note = { .n = 0 };

    buf_init(&missing, TOKEN_SCOPES_MAX);
    c->valid = true;
    c->issued = d->issued != ANSWER_UNKNOWN ? d->issued : c->issued;
    c->expires = d->expires != ANSWER_UNKNOWN ? d->expires : c->expires;
    c->data_expires = d->data_expires != ANSWER_UNKNOWN ? d->data_expires
                      : c->data_expires;

    if (!check_ours(c, d->app)) {
        log_write(LOG_ERROR, "token %s is one of app %.*s, which is none of"
                  " apps: put one of our own app in its place",
                  SAID(c->t->name), (int) d->app.len, d->app.at);
    }

    scopes_say(c, d, &missing);

    note_int(&note, "checked", life_now());
    note_text(&note, "state", STR("good"));
    note_int(&note, "code", 0);
    note_int(&note, "subcode", 0);
    note_text(&note, "missing", (struct str) { missing.at, missing.len });
    note_time(&note, "issued", d->issued);
    note_time(&note, "expires", d->expires);
    note_time(&note, "data_expires", d->data_expires);
    note_text(&note, "scopes", (struct str) { d->scopes.at, d->scopes.len });
    note_text(&note, "targets", (struct str) { d->targets.at,
                                               d->targets.len });
    if (str_digits(d->app)) {
        note_text(&note, "app", d->app);
    }
    if (str_digits(d->user)) {
        note_text(&note, "user", d->user);
    }

    check_note(c, &note);
    buf_free(&missing);
}


static void check_bad(struct care *c, long long code, long long subcode)
{
    c->code = code ? code : 190;
    c->subcode = subcode;
    lost_begin(c);
}


/* Meta refuses the question, not the token that it is about */
static void check_refused(struct care *c, const struct verdict *v)
{
    log_write(LOG_WARN, "token %s cannot be looked at (code=%lld subcode=%lld"
              " trace=%s): %s; are id and secret in apps right?",
              SAID(c->t->name), v->code, v->has_subcode ? v->subcode : 0,
              *v->trace ? v->trace : "-", v->row != NULL ? v->row->text : "");
    check_asked(c);
}


static void on_debug(struct care *c, const struct verdict *v)
{
    bool                good;
    struct token_debug  d;

    if (care_passing(c, v)) {
        care_end(c);
        return;
    }

    if (v->rc == GRAPH_ERROR) {
        check_refused(c, v);
        return;
    }

    good = token_debug_read(v->root, &d);

    if (!good) {
        care_failed(c, "the answer makes no sense");
        care_end(c);

    } else if (d.valid) {
        check_good(c, &d);

    } else {
        check_bad(c, d.code, d.subcode);
    }

    token_debug_free(&d);
}


/* the token asked for itself: it is good, and nothing else is said */
static void on_me(struct care *c, const struct verdict *v)
{
    struct note      note = { .n = 0 };
    struct token_me  me;

    if (v != NULL && v->rc == GRAPH_ERROR && (v->code == 190 || v->code == 102))
    {
        check_bad(c, v->code, v->has_subcode ? v->subcode : 0);
        return;
    }

    if (care_passing(c, v)) {
        care_end(c);
        return;
    }

    if (v->rc == GRAPH_ERROR) {
        check_refused(c, v);
        return;
    }

    if (c->t->as.kind == TOKEN_INSTAGRAM && c->t->as.id != NULL
        && token_me_read(v->root, &me) && !str_is(me.account, c->t->as.id))
    {
        log_write(LOG_ERROR, "token %s is not that account's, but %.*s's",
                  SAID(c->t->name), (int) me.account.len, me.account.at);
    }

    c->valid = true;
    note_int(&note, "checked", life_now());
    note_text(&note, "state", STR("good"));
    note_int(&note, "code", 0);
    note_int(&note, "subcode", 0);
    check_note(c, &note);
}


/* check_begin: without the app's secret nobody can ask debug_token */
void check_begin(struct care *c)
{
    struct buf                query;
    struct graph_call         call;
    const struct conf_app    *app = care_app(c);
    const struct conf_token  *own = token_usable(c->t), *asks = NULL;
    int64_t                   now = life_now();
    struct life_rule          rule = care_rule(c);

    if (copy_begin(c)) {
        return;
    }

    if (life_check_at(c->t, &rule, now) > now
        && life_retry_due(c->t, &rule, now))
    {
        if (c->t->tries == 0) {     /* perhaps nobody can renew it */
            care_later(c, (uint64_t) rule.check_ms);
        }
        refresh_begin(c, care_end);     /* it was looked at today */
        return;
    }

    if (c->t->as.kind == TOKEN_INSTAGRAM) {
        token_ask_me(&call, &query);
        care_call(c, &call, &query, own, NULL, on_me);
        return;
    }

    asks = token_app(app);
    if (asks == NULL) {
        token_ask_self(&call, &query);
        care_call(c, &call, &query, own, NULL, on_me);
        return;
    }

    token_ask_debug(&call, &query, STR(own->secret));
    care_call(c, &call, &query, asks, NULL, on_debug);
    token_drop(asks);
}
