
/*
 * The request body as one slice: where it lies in one buffer it is used as it
 * stands, from several buffers or a temporary file it is gathered first.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_module.h"


static ngx_int_t ngx_http_meta_copy_buf(ngx_http_request_t *r, ngx_buf_t *b,
    u_char *p);


ngx_int_t
ngx_http_meta_body(ngx_http_request_t *r, meta_str_t *body)
{
    size_t        len;
    u_char       *p;
    ngx_chain_t  *cl, *bufs;

    body->len = 0;
    body->data = (u_char *) "";

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    bufs = r->request_body->bufs;

    if (bufs->next == NULL && ngx_buf_in_memory(bufs->buf)) {
        body->data = bufs->buf->pos;
        body->len = bufs->buf->last - bufs->buf->pos;
        return NGX_OK;
    }

    len = 0;

    for (cl = bufs; cl; cl = cl->next) {
        len += ngx_buf_size(cl->buf);
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;
    body->len = len;

    for (cl = bufs; cl; cl = cl->next) {
        if (ngx_http_meta_copy_buf(r, cl->buf, p) != NGX_OK) {
            return NGX_ERROR;
        }

        p += ngx_buf_size(cl->buf);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_meta_copy_buf(ngx_http_request_t *r, ngx_buf_t *b, u_char *p)
{
    ssize_t  n;
    size_t   size;

    size = ngx_buf_size(b);

    if (ngx_buf_in_memory(b)) {
        ngx_memcpy(p, b->pos, size);
        return NGX_OK;
    }

    if (!b->in_file || size == 0) {
        return NGX_OK;
    }

    n = ngx_read_file(b->file, p, size, b->file_pos);

    if (n != (ssize_t) size) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      ngx_read_file_n " read only %z of %uz from \"%V\"",
                      n, size, &b->file->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}
