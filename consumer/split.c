/* A long text as several messages: cut at ends of sentences, then at spaces,
   then between characters. */

#include "split.h"

#include <stdio.h>


/* text_limit tells what a text may have (7.1, 7.2, 8, 9) */
struct text_limit text_limit(enum product product, size_t quick)
{
    switch (product) {
    case PRODUCT_MESSENGER:     /* "under 2000" */
        return (struct text_limit) { 1999, 1999, UNIT_CHARACTERS };
    case PRODUCT_INSTAGRAM:
        return (struct text_limit) { 1000, 1000, UNIT_BYTES };
    case PRODUCT_WHATSAPP:      /* the body of buttons has less */
    case PRODUCT_NONE:
        break;
    }

    return (struct text_limit) {
        4096, quick > 0 && quick <= 3 ? 1024 : 4096, UNIT_CHARACTERS
    };
}


static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}


static struct str trim(struct str s)
{
    while (s.len && is_space(*s.at)) {
        s.at++;
        s.len--;
    }

    while (s.len && is_space(s.at[s.len - 1])) {
        s.len--;
    }

    return s;
}


/* how many bytes of s are max units, in whole characters */
static size_t room(struct str s, size_t max, enum unit unit)
{
    size_t  n, used = 0, len = 0;

    while (len < s.len) {
        n = json_utf8((struct str) { s.at + len, s.len - len });
        n = n ? n : 1;
        used += unit == UNIT_BYTES ? n : 1;
        if (used > max) {
            break;
        }
        len += n;
    }

    return len;
}


/* a mark that ends a sentence ends before at: ASCII's, or CJK's full stop,
   exclamation or question mark */
static bool sentence_ends(struct str s, size_t at)
{
    return (at >= 1 && strchr(".!?\n", s.at[at - 1]) != NULL)
           || (at >= 3 && (memcmp(s.at + at - 3, "\xe3\x80\x82", 3) == 0
                           || memcmp(s.at + at - 3, "\xef\xbc\x81", 3) == 0
                           || memcmp(s.at + at - 3, "\xef\xbc\x9f", 3) == 0));
}


/* whether a sentence ends before at and another thing begins there */
static bool may_cut(struct str s, size_t at)
{
    return sentence_ends(s, at)
           && (is_space(s.at[at]) || (unsigned char) s.at[at] >= 0x80);
}


/* where to cut so that the first piece has len bytes at most: behind the last
   sentence that ends in their second half, else at the last space there, else
   at the end */
static size_t cut(struct str s, size_t len)
{
    size_t  i, half = len / 2, space = 0;

    for (i = len; i > half; i--) {
        if (may_cut(s, i)) {
            return i;
        }
        if (space == 0 && is_space(s.at[i])) {
            space = i;
        }
    }

    return space ? space : len;
}


/* where to cut so that the rest, behind len bytes at least, is as long as it
   may be: the same from the other side */
static size_t cut_rest(struct str s, size_t len)
{
    size_t  i, space = 0;

    for (i = len; i < s.len; i++) {
        if (may_cut(s, i)) {
            return i;
        }
        if (space == 0 && is_space(s.at[i])) {
            space = i;
        }
    }

    return space ? space : len;
}


static size_t units(struct str s, enum unit unit)
{
    return unit == UNIT_BYTES ? s.len : schema_characters(s);
}


/* how many bytes the next piece has */
static size_t piece_length(struct str text, const struct text_limit *limit)
{
    size_t  n = units(text, limit->unit);

    if (n <= limit->last) {
        return text.len;
    }

    return n > limit->max
           ? cut(text, room(text, limit->max, limit->unit))
           : cut_rest(text, room(text, n - limit->last, limit->unit));
}


/* split_text cuts */
size_t split_text(struct str text, const struct text_limit *limit,
    struct str out[SPLIT_MAX])
{
    size_t  n = 0, len;

    for (text = trim(text); text.len; text = trim(text)) {
        len = piece_length(text, limit);
        if (n < SPLIT_MAX) {
            out[n] = trim((struct str) { text.at, len });
        }
        n++;
        text.at += len;
        text.len -= len;
    }

    return n;
}


/* split_check says that they are too many */
int split_check(const char *text, const struct text_limit *limit,
    const char *path, struct fault *f)
{
    size_t      n;
    char        most[32], value[32];
    struct str  pieces[SPLIT_MAX];

    n = split_text(STR(text), limit, pieces);

    if (n == 0) {
        return fault_set(f, path, NULL, NONE, "holds nothing but white"
                         " space");
    }

    if (n <= SPLIT_MAX) {
        return 0;
    }

    snprintf(most, sizeof(most), "%d messages", SPLIT_MAX);
    snprintf(value, sizeof(value), "%zu messages", n);

    return fault_set(f, path, most, STR(value), "takes %zu messages; split"
                     " makes %d at most", n, SPLIT_MAX);
}


/* members of the action that go to only one of the pieces */
static bool goes(struct str name, bool first, bool last)
{
    if (str_is(name, "text") || str_is(name, "split")) {
        return false;
    }

    if (str_is(name, "quote")) {
        return first;
    }

    return last || !(str_is(name, "quick_replies")
                     || str_is(name, "wait_for")
                     || str_is(name, "wait_timeout"));
}


static void piece_write(struct buf *b, const struct json *action,
    struct str text, bool first, bool last)
{
    const struct json  *c;

    buf_text(b, "{");
    json_quote(b, action->key);
    buf_text(b, ":{\"text\":");
    json_quote(b, text);

    for (c = action->child; c != NULL; c = c->next) {
        if (goes(c->key, first, last)) {
            buf_text(b, ",");
            json_quote(b, c->key);
            buf_text(b, ":");
            json_write(b, c);
        }
    }

    buf_text(b, "}}");
}


/* split_action makes them of its own JSON */
size_t split_action(const struct action *a, enum product product,
    struct action **out)
{
    size_t             i, n;
    struct buf         b;
    struct str         pieces[SPLIT_MAX];
    struct fault       f;
    struct json_doc   *doc, *list;
    struct text_limit  limit = text_limit(product, a->quick.n);

    *out = NULL;
    n = a->split && a->text != NULL
        ? split_text(STR(a->text), &limit, pieces) : 0;
    if (n < 2 || n > SPLIT_MAX) {
        return 0;
    }

    doc = json_parse(a->json.at, a->json.len, JSON_TREE_MAX);
    if (json_root(doc) == NULL || json_root(doc)->child == NULL) {
        json_free(doc);
        return 0;
    }

    buf_init(&b, 8 * 256 * 1024);
    buf_text(&b, "[");
    for (i = 0; i < n; i++) {
        buf_text(&b, i ? "," : "");
        piece_write(&b, json_root(doc)->child, pieces[i], i == 0,
                    i == n - 1);
    }
    buf_text(&b, "]");

    list = json_parse(b.at, b.len, JSON_TREE_MAX);
    if (actions_parse(json_root(list), SPLIT_MAX, false, out, &i, &f) != 0) {
        n = 0;
    }

    json_free(list);
    json_free(doc);
    buf_free(&b);

    return n;
}
