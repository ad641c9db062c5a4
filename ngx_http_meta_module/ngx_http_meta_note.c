
/*
 * Pages that say one thing: why a login does not go on, in words for whoever
 * sees it, and what to do now.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_oauth.h"

/* static u_char  ngx_http_meta_connect[] = { ... }; ends with a zero */
#include "ngx_http_meta_connect.h"


typedef struct {
    ngx_uint_t               status;
    ngx_http_meta_verdict_t  verdict;
    ngx_str_t                look;
    ngx_str_t                title;
    ngx_str_t                text;
    ngx_str_t                button;
} ngx_http_meta_note_text_t;


/* in the order of ngx_http_meta_note_page_t */

static ngx_http_meta_note_text_t  ngx_http_meta_notes[] = {

    /* LINK */
    { 403, NGX_HTTP_META_BAD_LINK, ngx_string("bad"),
      ngx_string("This link does not work"),
      ngx_string("Part of it may be missing. Please open it again exactly as "
                 "you received it, or ask for a new one."),
      ngx_null_string },

    /* EXPIRED */
    { 403, NGX_HTTP_META_BAD_LINK, ngx_string("late"),
      ngx_string("This link has expired"),
      ngx_string("To keep your accounts safe, a link like this works for a "
                 "limited time. Please ask for a new one."),
      ngx_null_string },

    /* STATE */
    { 400, NGX_HTTP_META_BAD_STATE, ngx_string("bad"),
      ngx_string("We could not finish this"),
      ngx_string("This page belongs to an attempt that was started in "
                 "another browser, or cookies are switched off in this one. "
                 "Nothing was connected. Please start again from the link "
                 "you received."),
      ngx_null_string },

    /* LATE */
    { 400, NGX_HTTP_META_BAD_STATE, ngx_string("late"),
      ngx_string("That took too long"),
      ngx_string("To keep your accounts safe, you have ten minutes to give "
                 "your permission. Nothing was connected. Please start again "
                 "from the link you received."),
      ngx_null_string },

    /* USED */
    { 409, NGX_HTTP_META_REPLAYED, ngx_string("note"),
      ngx_string("This was already done"),
      ngx_string("Your permission reached us before, and a page like this "
                 "works only once."),
      ngx_string("See how it went") },

    /* DENIED */
    { 200, NGX_HTTP_META_DENIED, ngx_string("note"),
      ngx_string("Nothing was connected"),
      ngx_string("You chose not to give permission, so nothing was changed. "
                 "If that was a mistake, start again from the link you "
                 "received."),
      ngx_null_string },

    /* UNKNOWN */
    { 404, NGX_HTTP_META_NO_FLOW, ngx_string("note"),
      ngx_string("There is nothing to see here"),
      ngx_string("A page like this is kept for an hour. If you want to "
                 "connect an account, open the link you received."),
      ngx_null_string },

    /* METHOD */
    { 405, NGX_HTTP_META_BAD_METHOD, ngx_string("bad"),
      ngx_string("This page can only be opened"),
      ngx_string("Please open the link you received in your browser."),
      ngx_null_string },

    /* AGAIN */
    { 503, NGX_HTTP_META_UNAVAILABLE, ngx_string("wait"),
      ngx_string("One moment, please"),
      ngx_string("We cannot go on just now. Nothing is lost: this page tries "
                 "again by itself in a few seconds."),
      ngx_string("Try again now") },

    /* ERROR */
    { 500, NGX_HTTP_META_ERROR, ngx_string("bad"),
      ngx_string("Something went wrong"),
      ngx_string("The mistake is on our side, and nothing was connected. "
                 "Please try again in a few minutes."),
      ngx_null_string }
};


/* link: where the button leads, NULL: to this page again */

ngx_int_t
ngx_http_meta_note(ngx_http_request_t *r, ngx_http_meta_note_page_t note,
    ngx_str_t *link)
{
    ngx_http_meta_ctx_t        *ctx;
    ngx_http_meta_note_text_t  *text;

    text = &ngx_http_meta_notes[note];

    ctx = ngx_http_meta_get_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->verdict = text->verdict;

    if (note == NGX_HTTP_META_NOTE_AGAIN
        && (ngx_http_meta_header(r, "Retry-After", "5") != NGX_OK
            || ngx_http_meta_header(r, "Refresh", "5") != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_meta_connect_page(r, text->status, &text->look,
                                      &text->title, &text->text,
                                      &text->button, link, NULL);
}


/* state: the flow's JSON, where there is something to follow */

ngx_int_t
ngx_http_meta_connect_page(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *look, ngx_str_t *title, ngx_str_t *text, ngx_str_t *button,
    ngx_str_t *link, ngx_str_t *state)
{
    ngx_uint_t              i;
    ngx_http_meta_page_t    page;
    ngx_http_meta_field_t   fields[7];
    ngx_str_t              *values[6];

    static ngx_str_t        names[] = {
        ngx_string("look"),
        ngx_string("title"),
        ngx_string("text"),
        ngx_string("button"),
        ngx_string("link"),
        ngx_string("state")
    };

    values[0] = look;
    values[1] = title;
    values[2] = text;
    values[3] = button;
    values[4] = link;
    values[5] = state;

    ngx_memzero(fields, sizeof(fields));

    for (i = 0; i < 6; i++) {
        fields[i].name = names[i];

        if (values[i]) {
            fields[i].value = *values[i];
        }
    }

    ngx_memzero(&page, sizeof(ngx_http_meta_page_t));

    page.status = status;
    page.text = ngx_http_meta_connect;
    page.fields = fields;

    return ngx_http_meta_page_send(r, &page);
}
