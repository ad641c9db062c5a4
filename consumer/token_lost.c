/* A token that Meta refuses (codes 190 and 102, section 1.10): a Page's is
   taken anew, once, from its user's; any other is lost, and everybody is told
   so, once. */

#include "life_own.h"
#include "token_mend.h"


#define LOST_DERIVE_MS  "86400000"      /* a day */
#define LOST_GATE_MAX   (TOKEN_NAME_MAX + sizeof(LIFE_LOCK_KEY ":derive"))



static void lost_say(const struct care *c)
{
    struct buf                     mend;
    char                           person[LOG_PERSON_MAX];
    struct buf                     b;
    const struct token            *t = c->t;
    const struct graph_error_row  *row;

    row = graph_error_find(PRODUCT_NONE, (long) c->code,
                           c->subcode ? (long) c->subcode : ERROR_ANY);
    buf_init(&b, LIFE_WORDS);
    buf_init(&mend, MEND_TEXT);
    mend_text(&mend, t, c->subcode);
    log_value(&b, "kind", STR(token_kind_name((enum token_kind) t->as.kind)));
    log_value(&b, "account", t->as.id != NULL && t->as.kind == TOKEN_USER
              ? STR(log_person(person, STR(t->as.id)))
              : t->as.id != NULL ? STR(t->as.id)
              : t->as.waba != NULL ? STR(t->as.waba) : STR("-"));
    log_write(LOG_ERROR, "token %s is lost%.*s code=%lld subcode=%lld: %s What"
              " needs it waits: %.*s", SAID(t->name), (int) b.len, b.at,
              c->code, c->subcode, row->text, (int) mend.len, mend.at);
    buf_free(&b);
    buf_free(&mend);
}


static void on_noted(void *data, const char *why)
{
    struct care  *c = data;

    if (why != NULL && !c->life->leaving
        && strcmp(why, TOKENS_CHANGED) == 0)
    {
        life_soon(c->life);     /* a new one has come meanwhile */
        care_end(c);
        return;
    }

    if (why != NULL && !c->life->leaving) {
        log_write(LOG_WARN, "token %s: that it is lost cannot be kept: %s",
                  SAID(c->t->name), why);
        care_later(c, LIFE_HOUR_MS);
    }

    if (!c->quiet && !c->life->leaving) {
        stat_add(STAT_TOKEN_LOST, 1);
        lost_say(c);
    }

    care_end(c);
}


/* one that was lost before is looked at once a day, and nothing is said */
static void lost_note(struct care *c)
{
    char        now[24], code[24], subcode[24];
    struct str  words[8];

    snprintf(now, sizeof(now), "%lld", (long long) life_now());
    snprintf(code, sizeof(code), "%lld", c->code);
    snprintf(subcode, sizeof(subcode), "%lld", c->subcode);
    words[0] = STR("state");
    words[1] = STR("lost");
    words[2] = STR("code");
    words[3] = STR(code);
    words[4] = STR("subcode");
    words[5] = STR(subcode);
    words[6] = STR("checked");
    words[7] = STR(now);

    c->quiet = c->t->lost;
    c->why = "it is lost";
    tokens_note_over(c->life->tokens, c->t, words, 8,
                     c->t->lost ? NULL : "lost", on_noted, c);
}


/* that it was taken anew */
static struct str gate_key(const struct care *c, char key[LOST_GATE_MAX])
{
    int  n = snprintf(key, LOST_GATE_MAX, LIFE_LOCK_KEY "%s:derive",
                      c->t->name);

    return (struct str) { key, (size_t) n };
}


/* it was done: who dies before leaves it to the next one */
static void gate_shut(const struct care *c)
{
    char        key[LOST_GATE_MAX];
    struct str  words[5] = {
        STR("SET"), gate_key(c, key), STR("1"), STR("PX"), STR(LOST_DERIVE_MS)
    };

    if (redis_send(c->life->redis, words, 5, LIFE_REDIS_MS, NULL, NULL) != 0) {
        log_write(LOG_DEBUG, "token %s: that it was taken anew is not noted",
                  SAID(c->t->name));
    }
}


static void lost_derived(struct care *c)
{
    c->renewed = true;
    gate_shut(c);
    stat_add(STAT_TOKEN_DERIVED, 1);
    log_write(LOG_WARN, "token %s did not work any more (code=%lld"
              " subcode=%lld) and was taken anew from %s", SAID(c->t->name),
              c->code, c->subcode, SAID(c->t->parent));
    care_end(c);
}


/* the one before it came no further than a day: it is no help.  Where Redis
   does not say, one try too many is better than none */
static void on_gate(void *data, const struct reply *reply)
{
    struct care  *c = data;

    if (reply == NULL || c->life->leaving) {
        care_end(c);

    } else if (reply_type(reply) == REPLY_NIL
               || reply_type(reply) == REPLY_ERROR)
    {
        derive_begin(c, lost_derived, lost_note);

    } else {
        lost_note(c);
    }
}


/* lost_begin: under the token's lock: nobody comes between look and note */
void lost_begin(struct care *c)
{
    char        key[LOST_GATE_MAX];
    struct str  words[2] = { STR("GET"), gate_key(c, key) };

    c->losing = true;

    if (c->subcode == MEND_NO_ROLE || c->t->lost || !derive_possible(c)) {
        lost_note(c);

    } else if (redis_send(c->life->redis, words, 2, LIFE_REDIS_MS, on_gate, c)
               != 0)
    {
        care_end(c);
    }
}
