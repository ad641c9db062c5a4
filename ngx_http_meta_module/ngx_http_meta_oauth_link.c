
/*
 * Who may begin a login: whoever has a link that a key of meta_link_key_file
 * signed and whose time has not passed, or anybody, where that is said.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_oauth.h"


enum {
    NGX_HTTP_META_LINK_REF = 0,
    NGX_HTTP_META_LINK_EXP,
    NGX_HTTP_META_LINK_SIG
};


static char *ngx_http_meta_link_judge(ngx_array_t *keys, ngx_str_t *v);
static ngx_int_t ngx_http_meta_link_refuse(ngx_http_request_t *r, char *why);


/*
 * What is signed counts, and nothing else: where anybody may begin, a ref of
 * his own choice would let him connect his account in another's name.
 */

ngx_int_t
ngx_http_meta_link(ngx_http_request_t *r, ngx_str_t *ref,
    ngx_http_meta_note_page_t *note)
{
    char                            *why;
    time_t                           exp;
    ngx_int_t                        rc;
    ngx_str_t                        v[3];
    ngx_http_meta_ctx_t             *ctx;
    ngx_http_meta_oauth_loc_conf_t  *molcf;

    static ngx_str_t  names[] = {
        ngx_string("ref"),
        ngx_string("exp"),
        ngx_string("sig")
    };

    molcf = ngx_http_get_module_loc_conf(r, ngx_http_meta_oauth_module);
    ctx = ngx_http_meta_get_ctx(r);

    ngx_str_null(ref);

    rc = ctx ? ngx_http_meta_params(r->pool, &ctx->args, names, v, 3)
             : NGX_ERROR;

    if (rc == NGX_ERROR) {
        *note = NGX_HTTP_META_NOTE_ERROR;
        return NGX_DECLINED;
    }

    if (rc == NGX_OK && molcf->open && v[NGX_HTTP_META_LINK_REF].len == 0
        && v[NGX_HTTP_META_LINK_SIG].data == NULL)
    {
        return NGX_OK;
    }

    *note = NGX_HTTP_META_NOTE_LINK;

    why = (rc == NGX_OK) ? ngx_http_meta_link_judge(molcf->link_keys, v)
                         : "it is malformed";
    if (why) {
        return ngx_http_meta_link_refuse(r, why);
    }

    exp = ngx_atotm(v[NGX_HTTP_META_LINK_EXP].data,
                    v[NGX_HTTP_META_LINK_EXP].len);

    if (exp == (time_t) NGX_ERROR || exp < ngx_time()) {
        *note = NGX_HTTP_META_NOTE_EXPIRED;
        return ngx_http_meta_link_refuse(r, "it has expired");
    }

    *ref = v[NGX_HTTP_META_LINK_REF];

    return NGX_OK;
}


/* NULL: one of the keys signed it, for whichever time */

static char *
ngx_http_meta_link_judge(ngx_array_t *keys, ngx_str_t *v)
{
    meta_str_t  s[3];
    ngx_uint_t  i;

    if (v[NGX_HTTP_META_LINK_SIG].data == NULL) {
        return "it is not signed";
    }

    if (keys == NULL) {
        return "there is no \"meta_link_key_file\"";
    }

    for (i = 0; i < 3; i++) {
        s[i].data = v[i].data;
        s[i].len = v[i].len;
    }

    if (v[NGX_HTTP_META_LINK_EXP].len == 0
        || ngx_http_meta_is_text(&v[NGX_HTTP_META_LINK_REF]) != NGX_OK)
    {
        return "it is malformed";
    }

    switch (meta_link_check(keys->elts, keys->nelts,
                            s[NGX_HTTP_META_LINK_REF],
                            s[NGX_HTTP_META_LINK_EXP],
                            s[NGX_HTTP_META_LINK_SIG]))
    {

    case META_OK:
        return NULL;

    case META_DENIED:
        return "no key of \"meta_link_key_file\" signed it, or it was "
               "changed since";

    case META_MALFORMED:
        return "it is malformed";

    default:
        return "libcrypto failed to check it";
    }
}


/* nothing of the link itself: whoever reads a log could begin with it */

static ngx_int_t
ngx_http_meta_link_refuse(ngx_http_request_t *r, char *why)
{
    ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                  "a link that begins a login was refused: %s", why);

    return NGX_DECLINED;
}
