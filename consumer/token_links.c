/* Accounts that belong to a token and that nobody has named: the Instagram
   account of a Page (section 2.5), the numbers of a WABA (3.4).  Asked of Meta
   with the day's look, and kept beside the token, by which it is found. */

#include "life_own.h"


#define LINKS_LIMIT  "100"


static void on_noted(void *data, const char *why)
{
    struct care  *c = data;

    (void) why;         /* it is asked again tomorrow */

    if (c->life->leaving) {
        care_end(c);
        return;
    }

    c->otherwise(c);
}


static void links_note(struct care *c, const char *field, struct str value)
{
    struct str  words[2] = { STR(field), value };

    log_write(LOG_INFO, "token %s is also for %.*s%s", SAID(c->t->name),
              (int) (value.len < LOG_VALUE_MAX ? value.len : LOG_VALUE_MAX),
              value.at, value.len > LOG_VALUE_MAX ? "..." : "");
    tokens_note(c->life->tokens, STR(c->t->name), words, 2, NULL, on_noted,
                c);
}


static bool links_failed(struct care *c, const struct verdict *v)
{
    if (!care_passing(c, v) && v->rc == GRAPH_OK) {
        return false;
    }

    log_write(LOG_INFO, "token %s: its links cannot be asked (status=%ld"
              " code=%lld)", SAID(c->t->name), v != NULL ? v->status : 0,
              v != NULL ? v->code : 0);
    c->otherwise(c);

    return true;
}


struct linked {
    const struct token  *to;
    struct str           id;
    const struct token  *other;
};


static void linked_each(void *data, struct token *t)
{
    struct linked  *l = data;

    if (t->as.tenant != NULL && t->as.kind != TOKEN_PIN
        && strcmp(t->name, l->to->name) != 0
        && !str_equal(STR(t->as.tenant), str_or_none(l->to->as.tenant))
        && token_stands(t, PRODUCT_INSTAGRAM, l->id, NONE))
    {
        l->other = t;
    }
}


/* what is another tenant's by now is not taken by a link at Meta */
static bool links_taken(const struct care *c, struct str id)
{
    struct linked  l = { .to = c->t, .id = id };

    tokens_each(c->life->tokens, linked_each, &l);
    if (l.other == NULL) {
        return false;
    }

    log_write(LOG_WARN, "token %s: the Instagram account %.*s that is linked to"
              " its Page stays of tenant \"%s\" (%s)", SAID(c->t->name),
              (int) id.len, id.at, l.other->as.tenant, SAID(l.other->name));

    return true;
}


static void on_page(struct care *c, const struct verdict *v)
{
    struct str  id;

    if (links_failed(c, v)) {
        return;
    }

    id = json_text(json_path(v->root, "instagram_business_account", "id"));

    if (str_digits(id) && id.len < TOKEN_NAME_MAX && !links_taken(c, id)) {
        links_note(c, "instagram", id);
    } else {
        c->otherwise(c);
    }
}


/* ids of numbers, as many as there is room for */
static void on_numbers(struct care *c, const struct verdict *v)
{
    struct str          id;
    struct buf          ids;
    const struct json  *one, *list = json_get(v != NULL ? v->root : NULL,
                                              "data");

    if (links_failed(c, v)) {
        return;
    }

    buf_init(&ids, TOKEN_LINKS_MAX);

    for (one = json_is(list, JSON_ARRAY) ? list->child : NULL; one != NULL;
         one = one->next)
    {
        id = json_get_text(one, "id");
        if (str_digits(id) && ids.len + id.len < TOKEN_LINKS_MAX) {
            buf_text(&ids, ids.len ? "," : "");
            buf_str(&ids, id);
        }
    }

    if (ids.len && (c->t->links == NULL
                    || !str_is((struct str) { ids.at, ids.len }, c->t->links)))
    {
        links_note(c, "links", (struct str) { ids.at, ids.len });
    } else {
        c->otherwise(c);
    }

    buf_free(&ids);
}


static void links_ask(struct care *c, const char *id, const char *edge,
    const char *fields, const char *limit, care_then then)
{
    struct buf         path, query;
    struct graph_call  call = {
        .method = HTTP_GET, .host = GRAPH_FACEBOOK, .body = NONE,
        .idempotent = true
    };

    buf_init(&path, TOKEN_NAME_MAX);
    buf_init(&query, LIFE_WORDS);
    buf_format(&path, "%s%s", id, edge);
    token_ask_form(&query, "fields", STR(fields));
    if (limit != NULL) {
        token_ask_form(&query, "limit", STR(limit));
    }

    call.path = (struct str) { path.at, path.len };
    call.query = (struct str) { query.at, query.len };
    care_call(c, &call, &query, token_usable(tokens_named(c->life->tokens,
              STR(c->t->name))), care_app(c), then);
    buf_free(&path);
}


/* links_begin: a Page whose account is given is not asked about */
void links_begin(struct care *c, care_next next)
{
    const struct token  *t = tokens_named(c->life->tokens, STR(c->t->name));

    c->otherwise = next;

    if (t == NULL || token_usable(t) == NULL) {
        next(c);

    } else if (t->as.kind == TOKEN_PAGE && t->as.id != NULL
               && t->as.instagram == NULL)
    {
        links_ask(c, t->as.id, "", "instagram_business_account{id}", NULL,
                  on_page);

    } else if (t->as.kind != TOKEN_PAGE && t->as.kind != TOKEN_INSTAGRAM
               && t->as.waba != NULL)
    {
        links_ask(c, t->as.waba, "/phone_numbers", "id", LINKS_LIMIT,
                  on_numbers);

    } else {
        next(c);
    }
}
