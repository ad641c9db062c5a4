
/*
 * Who may begin a login: whoever has a link that a key of meta_link_key_file
 * signed and whose time has not passed, or anybody, where that is said.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_oauth.h"


/*
 * What is signed counts, and nothing else: where anybody may begin, a ref of
 * his own choice would let him connect his account in another's name.
 */

ngx_int_t
ngx_http_meta_link(ngx_http_request_t *r, ngx_str_t *ref)
{
    time_t                           exp;
    ngx_int_t                        rc;
    ngx_str_t                        v[3];
    meta_str_t                       s[3];
    ngx_uint_t                       i;
    ngx_http_meta_ctx_t             *ctx;
    ngx_http_meta_oauth_loc_conf_t  *molcf;

    enum { REF = 0, EXP, SIG };

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

    if (rc != NGX_OK) {
        return rc;
    }

    if (molcf->open && v[REF].len == 0 && v[SIG].data == NULL) {
        return NGX_OK;
    }

    for (i = 0; i < 3; i++) {
        s[i].data = v[i].data;
        s[i].len = v[i].len;
    }

    if (molcf->link_keys == NULL || v[EXP].len == 0
        || ngx_http_meta_is_text(&v[REF]) != NGX_OK
        || meta_link_check(molcf->link_keys->elts, molcf->link_keys->nelts,
                           s[REF], s[EXP], s[SIG])
           != META_OK)
    {
        return NGX_DECLINED;
    }

    exp = ngx_atotm(v[EXP].data, v[EXP].len);

    if (exp == (time_t) NGX_ERROR || exp < ngx_time()) {
        return NGX_ABORT;
    }

    *ref = v[REF];

    return NGX_OK;
}
