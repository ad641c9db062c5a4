/* Calls about tokens (meta-graph-oauth-ads-capi.md section 2).  Where Meta
   documents nothing but the query, tokens and secrets stand there. */

#include "token_ask.h"
#include "graph_request.h"

#include <openssl/crypto.h>


#define ASK_LIMIT  "100"


static bool ask_plain(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
           || (c >= 'A' && c <= 'Z') || (c != '\0' && strchr("-._~", c));
}


/* token_ask_form: as in a form, and so that "&" and "=" are none */
void token_ask_form(struct buf *query, const char *name, struct str value)
{
    size_t  i;

    buf_text(query, query->len ? "&" : "");
    buf_text(query, name);
    buf_text(query, "=");

    for (i = 0; i < value.len; i++) {
        if (ask_plain(value.at[i])) {
            buf_add(query, value.at + i, 1);
        } else {
            buf_format(query, "%%%02X", (unsigned char) value.at[i]);
        }
    }
}


static void ask_begin(struct graph_call *call, struct buf *query,
    enum graph_host host, const char *path)
{
    *call = (struct graph_call) {
        .method = HTTP_GET, .host = host, .path = STR(path), .query = NONE,
        .body = NONE, .product = host == GRAPH_INSTAGRAM ? PRODUCT_INSTAGRAM
                                 : PRODUCT_NONE
    };

    buf_init(query, GRAPH_QUERY_MAX);
}


static void ask_end(struct graph_call *call, const struct buf *query)
{
    call->query = (struct str) { query->at, query->len };
}


/* token_ask_wipe leaves nothing of what stood there */
void token_ask_wipe(struct buf *query)
{
    if (query->at != NULL) {
        OPENSSL_cleanse(query->at, query->cap);
    }
    buf_free(query);
}


/* token_ask_debug: reading it twice does no harm */
void token_ask_debug(struct graph_call *call, struct buf *query,
    struct str token)
{
    ask_begin(call, query, GRAPH_FACEBOOK, "debug_token");
    call->idempotent = true;
    token_ask_form(query, "input_token", token);
    ask_end(call, query);
}


/* token_ask_exchange: what went out may have been done, and is asked again a
   day later, so it is not repeated by HTTP */
void token_ask_exchange(struct graph_call *call, struct buf *query,
    const struct conf_app *app, struct str token, bool sixty)
{
    ask_begin(call, query, GRAPH_FACEBOOK, "oauth/access_token");
    token_ask_form(query, "grant_type", STR("fb_exchange_token"));
    token_ask_form(query, "client_id", STR(app->id));
    token_ask_form(query, "client_secret", STR(app->secret));
    if (sixty) {
        token_ask_form(query, "set_token_expires_in_60_days", STR("true"));
    }
    token_ask_form(query, "fb_exchange_token", token);
    ask_end(call, query);
}


/* token_ask_instagram_long: no client_id (2.10) */
void token_ask_instagram_long(struct graph_call *call, struct buf *query,
    struct str secret, struct str token)
{
    ask_begin(call, query, GRAPH_INSTAGRAM, "access_token");
    token_ask_form(query, "grant_type", STR("ig_exchange_token"));
    token_ask_form(query, "client_secret", secret);
    token_ask_form(query, "access_token", token);
    ask_end(call, query);
}


/* token_ask_instagram_refresh: no secret (2.10) */
void token_ask_instagram_refresh(struct graph_call *call, struct buf *query,
    struct str token)
{
    ask_begin(call, query, GRAPH_INSTAGRAM, "refresh_access_token");
    token_ask_form(query, "grant_type", STR("ig_refresh_token"));
    token_ask_form(query, "access_token", token);
    ask_end(call, query);
}


/* token_ask_me: user_id is what webhooks call the account */
void token_ask_me(struct graph_call *call, struct buf *query)
{
    ask_begin(call, query, GRAPH_INSTAGRAM, "me");
    call->idempotent = true;
    token_ask_form(query, "fields", STR("user_id,username"));
    ask_end(call, query);
}


/* token_ask_self: whose it is every token may ask (2.9) */
void token_ask_self(struct graph_call *call, struct buf *query)
{
    ask_begin(call, query, GRAPH_FACEBOOK, "me");
    call->idempotent = true;
    token_ask_form(query, "fields", STR("id"));
    ask_end(call, query);
}


/* token_ask_pages: with the account that is linked to each */
void token_ask_pages(struct graph_call *call, struct buf *query,
    struct str after)
{
    ask_begin(call, query, GRAPH_FACEBOOK, "me/accounts");
    call->idempotent = true;
    token_ask_form(query, "fields",
        STR("id,name,access_token,instagram_business_account{id,username}"));
    token_ask_form(query, "limit", STR(ASK_LIMIT));
    if (after.len) {
        token_ask_form(query, "after", after);
    }
    ask_end(call, query);
}


/* token_ask_list: of any edge of the user's */
void token_ask_list(struct graph_call *call, struct buf *query,
    const char *path, const char *fields)
{
    ask_begin(call, query, GRAPH_FACEBOOK, path);
    call->idempotent = true;
    token_ask_form(query, "fields", STR(fields));
    token_ask_form(query, "limit", STR(ASK_LIMIT));
    ask_end(call, query);
}


/* token_ask_renew: by its kind (2.4, 2.9, 2.10) */
const char *token_ask_renew(struct graph_call *call, struct buf *query,
    enum life_way way, const struct conf_app *app, struct str token)
{
    buf_init(query, GRAPH_QUERY_MAX);

    switch (way) {

    case LIFE_USER:
    case LIFE_SYSTEM_USER:
        if (app == NULL || app->secret == NULL) {
            return "apps has no secret of the token's app";
        }
        token_ask_exchange(call, query, app, token, way == LIFE_SYSTEM_USER);
        return NULL;

    case LIFE_INSTAGRAM_SHORT:
        if (app == NULL || app->secret == NULL) {
            return "apps has no secret of Instagram's app";
        }
        token_ask_instagram_long(call, query, STR(app->secret), token);
        return NULL;

    case LIFE_INSTAGRAM:
        token_ask_instagram_refresh(call, query, token);
        return NULL;

    default:
        return "nothing but a new login renews it now";
    }
}
