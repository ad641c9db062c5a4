/* Without --reveal nobody reads who wrote and what: texts, phone numbers and
   ids of people are masked, ids of accounts are not. */

#include "ctl.h"

#include <stdlib.h>


#define MASK_DIGITS  9      /* so many in a row may be a phone number */
#define LETTER       "letter"   /* where members of a letter stand */

/* members whose strings say nothing of people; all others are masked */
static const char *const plain[] = {
    "action", "app", "category", "class", "code", "delivery", "direction",
    "display_phone_number", "do", "done", "entry", "error", "field",
    "format", "image_type", "item", "kind", "media_type",
    "messaging_product", "mime_type", "o", "object", "page_id",
    "phone_number_id", "pricing_model", "product", "reason", "state",
    "status", "subcode", "time", "timestamp", "type", "verb", "waba_id",
    "graph", "method", "account", "reply_to", "priority", "v", "lane",
    "event", "template", "handler", "list"
};


/* mask_refuse ends the program where somebody is named by what stands here
   and in the logs instead of a name: nobody has that name */
void mask_refuse(struct str name)
{
    if ((name.len && name.at[0] == '#')
        || (name.len > 6 && memcmp(name.at, "wamid.*", 7) == 0))
    {
        ctl_fail(CTL_USAGE, "%.*s is a masked name, and nobody's: with"
                 " --reveal metactl prints the name itself", (int) name.len,
                 name.at);
    }
}


/* mask_id writes an event's id, a wamid without the number inside of it */
void mask_id(struct ctl *c, struct buf *b, struct str id)
{
    struct buf  masked;

    if (c->opts.reveal) {
        buf_str(b, id);
        return;
    }

    buf_init(&masked, 1024);
    log_id(&masked, id);
    buf_add(b, masked.at + 4, masked.len - 4);      /* " id=" */
    buf_free(&masked);
}


/* mask_key writes account:#hash */
void mask_key(struct ctl *c, struct buf *b, struct str key)
{
    char         person[LOG_PERSON_MAX];
    size_t       n;
    const char  *colon = memchr(key.at, ':', key.len);

    if (c->opts.reveal || colon == NULL) {
        buf_str(b, key);
        return;
    }

    n = colon - key.at + 1;
    buf_add(b, key.at, n);

    if (n < key.len) {
        buf_text(b, log_person(person, (struct str) { key.at + n,
                                                      key.len - n }));
    }
}


/* mask_text says how long a text is */
void mask_text(struct ctl *c, struct buf *b, struct str text)
{
    if (c->opts.reveal) {
        buf_str(b, text);
    } else {
        buf_format(b, "(%zu characters)", out_columns(text));
    }
}


/* mask_words writes words of Meta or of our own, long numbers masked */
void mask_words(struct ctl *c, struct buf *b, struct str text)
{
    size_t  i, n;

    if (c->opts.reveal) {
        buf_str(b, text);
        return;
    }

    for (i = 0; i < text.len; i += n) {
        for (n = 0; i + n < text.len && text.at[i + n] >= '0'
             && text.at[i + n] <= '9'; n++)
        {
            /* digits */
        }

        if (n >= MASK_DIGITS) {
            buf_text(b, "***");
        } else {
            n = n ? n : 1;
            buf_add(b, text.at + i, n);
        }
    }
}


/* mask_answer: what answered in Meta's place may have anything in it.  Letters
   of older versions do not say whose words they have */
void mask_answer(struct ctl *c, struct buf *b, const struct json *letter)
{
    struct str          answer = json_get_text(letter, "answer");
    const struct json  *raw = json_get(letter, "raw");
    bool                json = answer.len
                               && (*answer.at == '{' || *answer.at == '[');

    if (c->opts.reveal
        || (!json_is(raw, JSON_NUMBER) && !json
            && (answer.len == 0 || *answer.at != '<')))
    {
        mask_words(c, b, answer);
        return;
    }

    buf_format(b, "(%s, %lld bytes)", json ? "JSON, but no answer of Meta's"
               : "no JSON", json_is(raw, JSON_NUMBER)
               ? strtoll(raw->text.at, NULL, 10) : (long long) answer.len);
}


static bool mask_plain(struct str key)
{
    size_t  i;

    for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (str_is(key, plain[i])) {
            return true;
        }
    }

    return false;
}


static void mask_value(struct ctl *c, struct buf *b, const struct json *j,
    struct str key, struct str in)
{
    char        person[LOG_PERSON_MAX];
    struct buf  masked;

    buf_init(&masked, (size_t) -1);

    if (str_is(in, "error") || str_is(in, "errors")
        || str_is(in, LETTER))
    {
        mask_words(c, &masked, j->text);        /* Meta's words, or ours */
    } else if (str_is(key, "id") && strncmp(j->text.at, "wamid.", 6) == 0) {
        mask_id(c, &masked, j->text);
    } else if (str_is(key, "id")) {
        buf_text(&masked, log_person(person, j->text));
    } else if (str_is(key, "key")) {
        mask_key(c, &masked, j->text);
    } else if (str_is(key, "answer") || str_is(key, "todo")) {
        mask_words(c, &masked, j->text);
    } else if (mask_plain(key)
               || (str_is(key, "name") && (str_is(in, "assistant")
                                           || str_is(in, "template"))))
    {
        buf_str(&masked, j->text);
    } else {
        mask_text(c, &masked, j->text);
    }

    if (j->type == JSON_NUMBER
        && masked.len == j->text.len)
    {
        buf_str(b, j->text);
    } else {
        json_quote(b, (struct str) { masked.at, masked.len });
    }

    buf_free(&masked);
}


/* numbers are people only where they are long and nobody says what they are */
static bool mask_number(const struct json *j, struct str key)
{
    return j->text.len >= MASK_DIGITS && !mask_plain(key)
           && !str_is(key, "received_at") && !str_is(key, "first");
}


static void mask_quoted(struct ctl *c, struct buf *b, struct str id)
{
    struct buf  masked;

    buf_init(&masked, (size_t) -1);
    mask_id(c, &masked, id);
    json_quote(b, (struct str) { masked.at, masked.len });
    buf_free(&masked);
}


static void mask_letter(struct ctl *c, struct buf *b, const struct json *j)
{
    struct buf  masked;

    buf_init(&masked, (size_t) -1);
    mask_answer(c, &masked, j);
    json_quote(b, (struct str) { masked.at, masked.len });
    buf_free(&masked);
}


static void mask_tree(struct ctl *c, struct buf *b, const struct json *j,
    struct str key, struct str in)
{
    const struct json  *e;

    if (j->type == JSON_STRING
        || (j->type == JSON_NUMBER && mask_number(j, key)))
    {
        mask_value(c, b, j, key, in);
        return;
    }

    if (j->type != JSON_ARRAY && j->type != JSON_OBJECT) {
        json_write(b, j);
        return;
    }

    buf_text(b, j->type == JSON_ARRAY ? "[" : "{");

    for (e = j->child; e != NULL; e = e->next) {
        if (e != j->child) {
            buf_text(b, ",");
        }
        if (j->type == JSON_OBJECT) {
            json_quote(b, e->key);
            buf_text(b, ":");
        }

        /* the id of a record or job, not of somebody inside of it */
        if (str_is(e->key, "id") && json_is(e, JSON_STRING)
            && json_get(j, "v") != NULL)
        {
            mask_quoted(c, b, e->text);
        } else if (str_is(key, LETTER) && str_is(e->key, "answer")
                   && json_is(e, JSON_STRING))
        {
            mask_letter(c, b, j);
        } else {
            mask_tree(c, b, e, j->type == JSON_OBJECT ? e->key : key,
                      j->type == JSON_OBJECT ? key : in);
        }
    }

    buf_text(b, j->type == JSON_ARRAY ? "]" : "}");
}


/* mask_json writes a tree in which only known members are readable */
void mask_json(struct ctl *c, struct buf *b, const struct json *j)
{
    bool  letter;

    if (j == NULL) {
        buf_text(b, "null");
    } else if (c->opts.reveal) {
        json_write(b, j);
    } else {
        letter = json_get(j, "reason") != NULL && json_get(j, "item") != NULL;
        mask_tree(c, b, j, letter ? STR(LETTER) : j->key, NONE);
    }
}


static void jw_masked(struct ctl *c, struct jw *j, const char *key,
    struct str s, void (*mask)(struct ctl *, struct buf *, struct str))
{
    struct buf  b;

    buf_init(&b, (size_t) -1);
    mask(c, &b, s);
    jw_str(j, key, (struct str) { b.at, b.len });
    buf_free(&b);
}


/* jw_id writes an event's id */
void jw_id(struct ctl *c, struct jw *j, const char *key, struct str id)
{
    jw_masked(c, j, key, id, mask_id);
}


/* jw_key writes a line */
void jw_key(struct ctl *c, struct jw *j, const char *key, struct str line)
{
    jw_masked(c, j, key, line, mask_key);
}


/* jw_words writes words that may hold a number */
void jw_words(struct ctl *c, struct jw *j, const char *key, struct str s)
{
    jw_masked(c, j, key, s, mask_words);
}
