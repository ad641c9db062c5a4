/* What Meta says of tokens: answers of its token endpoints, of debug_token and
   of /me (meta-graph-oauth-ads-capi.md sections 2.3, 2.4, 2.6 and 2.10). */

#include "token_answer.h"

#include <stdlib.h>


#define NUMBER_DIGITS  15


/* some answers stand in a list of one (2.10) */
static const struct json *answer_root(const struct json *root)
{
    const struct json  *list = json_get(root, "data");

    return json_is(list, JSON_ARRAY) && list->child != NULL ? list->child
           : root;
}


/* digits, as a number or as a string */
static bool answer_number(const struct json *j, long long *n)
{
    size_t      i;
    struct str  text = json_text(j);

    if (!str_digits(text) || text.len > NUMBER_DIGITS) {
        return false;
    }

    for (*n = 0, i = 0; i < text.len; i++) {
        *n = *n * 10 + (text.at[i] - '0');
    }

    return true;
}


static void scope_add(struct buf *b, struct str scope)
{
    if (scope.len) {
        buf_text(b, b->len ? "," : "");
        buf_str(b, scope);
    }
}


/* a name of letters, digits and "_", "." or "-": what else is there is none */
static struct str scope_name(struct str s)
{
    size_t  i;
    char    c;

    for (i = 0; i < s.len; i++) {
        c = s.at[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z')
            && !(c >= '0' && c <= '9') && c != '_' && c != '.' && c != '-')
        {
            return NONE;
        }
    }

    return s;
}


/* a list of names, or one text with commas or spaces between them */
static void answer_scopes(struct buf *b, const struct json *j)
{
    size_t              n;
    struct str          text;
    const struct json  *one;

    if (json_is(j, JSON_ARRAY)) {
        for (one = j->child; one != NULL; one = one->next) {
            scope_add(b, scope_name(json_text(one)));
        }
        return;
    }

    for (text = json_text(j); text.len; text.at += n, text.len -= n) {
        for (n = 0; n < text.len && text.at[n] != ',' && text.at[n] != ' ';
             n++)
        {
            /* void */
        }

        scope_add(b, scope_name((struct str) { text.at, n }));
        n += n < text.len;
    }
}


/* token_answer_read takes all shapes that token endpoints answer with */
bool token_answer_read(const struct json *root, struct token_answer *a)
{
    const struct json  *j = answer_root(root);

    *a = (struct token_answer) { .expires_in = ANSWER_UNKNOWN };
    buf_init(&a->scopes, ANSWER_SCOPES_MAX);

    a->token = json_get_text(j, "access_token");
    a->type = json_get_text(j, "token_type");
    a->user = json_get_text(j, "user_id");
    if (!answer_number(json_get(j, "expires_in"), &a->expires_in)) {
        a->expires_in = ANSWER_UNKNOWN;
    }
    answer_scopes(&a->scopes, json_get(j, "permissions"));

    return a->token.len > 0;
}


/* token_answer_free leaves the answer itself */
void token_answer_free(struct token_answer *a)
{
    buf_free(&a->scopes);
}


static long long debug_time(const struct json *data, const char *name)
{
    long long  seconds;

    return answer_number(json_get(data, name), &seconds) ? seconds * 1000
           : ANSWER_UNKNOWN;
}


static void debug_error(struct token_debug *d, const struct json *error)
{
    if (json_is(error, JSON_OBJECT)) {
        d->has_error = answer_number(json_get(error, "code"), &d->code);
        if (!answer_number(json_get(error, "subcode"), &d->subcode)) {
            d->subcode = 0;
        }
    }
}


/* token_debug_read: an invalid token answers, too (2.6) */
bool token_debug_read(const struct json *root, struct token_debug *d)
{
    const struct json  *granular, *data = json_get(root, "data");
    const struct json  *valid = json_get(data, "is_valid");

    *d = (struct token_debug) { .valid = json_is(valid, JSON_TRUE) };
    buf_init(&d->scopes, ANSWER_SCOPES_MAX);
    buf_init(&d->targets, ANSWER_TARGETS_MAX);

    d->app = json_get_text(data, "app_id");
    d->application = json_get_text(data, "application");
    d->type = json_get_text(data, "type");
    d->user = json_get_text(data, "user_id");
    d->profile = json_get_text(data, "profile_id");
    d->issued = debug_time(data, "issued_at");
    d->expires = debug_time(data, "expires_at");
    d->data_expires = debug_time(data, "data_access_expires_at");
    answer_scopes(&d->scopes, json_get(data, "scopes"));
    debug_error(d, json_get(data, "error"));

    granular = json_get(data, "granular_scopes");
    if (json_is(granular, JSON_ARRAY) && granular->child != NULL) {
        json_write(&d->targets, granular);
        d->targets.len = d->targets.over ? 0 : d->targets.len;
    }

    return json_is(valid, JSON_TRUE) || json_is(valid, JSON_FALSE);
}


/* token_debug_free leaves the answer itself */
void token_debug_free(struct token_debug *d)
{
    buf_free(&d->scopes);
    buf_free(&d->targets);
}


/* token_me_read: of Instagram Login */
bool token_me_read(const struct json *root, struct token_me *me)
{
    const struct json  *j = answer_root(root);

    me->id = json_get_text(j, "id");
    me->account = json_get_text(j, "user_id");
    me->username = json_get_text(j, "username");

    return str_digits(me->account);
}


/* scope_has looks for one name among several */
bool scope_has(struct str scopes, const char *scope)
{
    return list_has(scopes, STR(scope));
}


/* scope_for: ids that are missing or none mean all of them (2.6) */
bool scope_for(const struct json *targets, const char *scope, struct str id)
{
    const struct json  *entry, *ids, *one;

    for (entry = json_is(targets, JSON_ARRAY) ? targets->child : NULL;
         entry != NULL; entry = entry->next)
    {
        if (!str_is(json_get_text(entry, "scope"), scope)) {
            continue;
        }

        ids = json_get(entry, "target_ids");
        if (!json_is(ids, JSON_ARRAY) || ids->child == NULL) {
            return true;
        }

        for (one = ids->child; one != NULL; one = one->next) {
            if (str_equal(json_text(one), id)) {
                return true;
            }
        }

        return false;
    }

    return true;
}


static const struct json *scope_ids(const struct json *targets,
    const char *scope)
{
    const struct json  *ids, *entry;

    for (entry = json_is(targets, JSON_ARRAY) ? targets->child : NULL;
         entry != NULL; entry = entry->next)
    {
        if (str_is(json_get_text(entry, "scope"), scope)) {
            ids = json_get(entry, "target_ids");
            return json_is(ids, JSON_ARRAY) ? ids->child : NULL;
        }
    }

    return NULL;
}


/* scope_lists: "all of them" is not enough: it says of no id that it is one */
bool scope_lists(const struct json *targets, const char *scope, struct str id)
{
    const struct json  *one;

    for (one = scope_ids(targets, scope); one != NULL; one = one->next) {
        if (str_equal(json_text(one), id)) {
            return true;
        }
    }

    return false;
}


/* scope_list: ids alone, with commas between them */
void scope_list(struct buf *out, const struct json *targets,
    const char *scope)
{
    struct str          id;
    const struct json  *one;

    for (one = scope_ids(targets, scope); one != NULL; one = one->next) {
        id = json_text(one);
        if (str_digits(id)) {
            buf_text(out, out->len ? "," : "");
            buf_str(out, id);
        }
    }
}
