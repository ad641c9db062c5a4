
/*
 * The request body as one slice: where it lies in one buffer it is used as it
 * stands, from several buffers or a temporary file it is gathered first.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_module.h"


static ngx_int_t ngx_http_meta_copy_buf(ngx_http_request_t *r, ngx_buf_t *b,
    off_t offset, u_char *p, size_t size);


ngx_int_t
ngx_http_meta_body(ngx_http_request_t *r, meta_str_t *body)
{
    size_t        len;
    u_char       *p;
    ngx_chain_t  *bufs;

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

    len = ngx_http_meta_body_size(r);

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;
    body->len = len;

    return ngx_http_meta_body_part(r, 0, p, len);
}


size_t
ngx_http_meta_body_size(ngx_http_request_t *r)
{
    size_t        len;
    ngx_chain_t  *cl;

    if (r->request_body == NULL) {
        return 0;
    }

    len = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        len += ngx_buf_size(cl->buf);
    }

    return len;
}


/* size bytes of the body, from offset on, to p */

ngx_int_t
ngx_http_meta_body_part(ngx_http_request_t *r, size_t offset, u_char *p,
    size_t size)
{
    size_t        len, n;
    ngx_chain_t  *cl;

    for (cl = r->request_body->bufs; cl && size; cl = cl->next) {
        len = ngx_buf_size(cl->buf);

        if (offset >= len) {
            offset -= len;
            continue;
        }

        n = ngx_min(size, len - offset);

        if (ngx_http_meta_copy_buf(r, cl->buf, offset, p, n) != NGX_OK) {
            return NGX_ERROR;
        }

        p += n;
        size -= n;
        offset = 0;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_meta_copy_buf(ngx_http_request_t *r, ngx_buf_t *b, off_t offset,
    u_char *p, size_t size)
{
    ssize_t  n;

    if (ngx_buf_in_memory(b)) {
        ngx_memcpy(p, b->pos + offset, size);
        return NGX_OK;
    }

    n = ngx_read_file(b->file, p, size, b->file_pos + offset);

    if (n != (ssize_t) size) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      ngx_read_file_n " read only %z of %uz from \"%V\"",
                      n, size, &b->file->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}
