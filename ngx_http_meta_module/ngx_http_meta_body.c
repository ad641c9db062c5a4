
/*
 * The request body as one slice: where it lies in one buffer it is used as it
 * stands, from several buffers or a temporary file it is gathered first.  And
 * one that is a secret is wiped wherever nginx has put it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <openssl/crypto.h>

#if (NGX_HTTP_V2)
#include <ngx_http_v2_module.h>
#endif

#include "ngx_http_meta_module.h"


static ngx_int_t ngx_http_meta_copy_buf(ngx_http_request_t *r, ngx_buf_t *b,
    off_t offset, u_char *p, size_t size);
#if (NGX_HTTP_V2)
static void ngx_http_meta_wipe_v2(ngx_http_request_t *r);
static void ngx_http_meta_wipe_v2_handler(ngx_event_t *ev);


static ngx_event_t  ngx_http_meta_wipe_event;
#endif


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


#if (NGX_HTTP_V2)

/*
 * Of a request that was delayed the body is there already, in a buffer that
 * nginx frees as soon as it has copied it, and forgets to forget.  Under
 * another name it is not freed before the request is, and can be wiped.
 */

static void
ngx_http_meta_hold_v2(ngx_http_request_t *r)
{
    ngx_buf_t  *b;

    b = r->stream->preread;

    if (b == NULL) {
        return;
    }

    if (r->request_body) {      /* another module has read it: it is freed */
        r->stream->preread = NULL;
        return;
    }

    b->start = b->end;
}

#endif


/* before a body is read that is to be wiped */

void
ngx_http_meta_body_hold(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    if (r->stream) {
        ngx_http_meta_hold_v2(r);
    }
#endif
}


/* after this the body is gone: for what we hold and read ourselves, and once */

void
ngx_http_meta_body_wipe(ngx_http_request_t *r)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (r->request_body == NULL) {
        return;
    }

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;

        if (ngx_buf_in_memory(b)) {
            OPENSSL_cleanse(b->pos, b->last - b->pos);
        }
    }

    /* what was read, be it in a buffer of its own or behind the header */

    b = r->request_body->buf;

    if (b && b->start && b->last > b->start) {
        OPENSSL_cleanse(b->start, b->last - b->start);
    }

#if (NGX_HTTP_V2)
    if (r->stream) {
        ngx_http_meta_wipe_v2(r);
    }
#endif
}


#if (NGX_HTTP_V2)

/*
 * Frames are read to one buffer of the worker's, and a body is copied from
 * there.  It may hold other frames now, and does not once this event is over:
 * what is not parsed by then is kept in the connection.
 */

static void
ngx_http_meta_wipe_v2(ngx_http_request_t *r)
{
    ngx_uint_t                i;
    ngx_buf_t                *b;
    ngx_event_t              *ev;
    ngx_http_v2_main_conf_t  *h2mcf;

    b = r->stream->preread;

    if (b && b->start == b->end) {
        OPENSSL_cleanse(b->pos, b->last - b->pos);
    }

    /* by its name: an nginx may be without it */

    for (i = 0; ngx_cycle->modules[i]; i++) {
        if (ngx_strcmp(ngx_cycle->modules[i]->name, "ngx_http_v2_module")
            == 0)
        {
            break;
        }
    }

    if (ngx_cycle->modules[i] == NULL) {
        return;
    }

    h2mcf = r->main_conf[ngx_cycle->modules[i]->ctx_index];
    ev = &ngx_http_meta_wipe_event;

    ev->data = h2mcf;
    ev->handler = ngx_http_meta_wipe_v2_handler;
    ev->log = ngx_cycle->log;

    ngx_post_event(ev, &ngx_posted_events);
}


static void
ngx_http_meta_wipe_v2_handler(ngx_event_t *ev)
{
    ngx_http_v2_main_conf_t *h2mcf = ev->data;

    if (h2mcf->recv_buffer) {
        OPENSSL_cleanse(h2mcf->recv_buffer, h2mcf->recv_buffer_size);
    }
}

#endif
