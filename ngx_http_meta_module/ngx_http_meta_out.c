
/*
 * Text of any length into a chain of buffers of a request.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_status.h"


#define NGX_HTTP_META_OUT_BUFFER  (16 * 1024)
#define NGX_HTTP_META_OUT_ROOM    1024


static ngx_buf_t *ngx_http_meta_out_room(ngx_http_meta_out_t *out);


void
ngx_http_meta_out(ngx_http_meta_out_t *out, const char *fmt, ...)
{
    u_char     *p;
    va_list     args;
    ngx_buf_t  *b;

    b = ngx_http_meta_out_room(out);
    if (b == NULL) {
        return;
    }

    va_start(args, fmt);
    p = ngx_vslprintf(b->last, b->last + NGX_HTTP_META_OUT_ROOM, fmt, args);
    va_end(args);

    out->size += p - b->last;
    b->last = p;
}


/*
 * In quotes, as a string of JSON and as a label of Prometheus: both know
 * these two escapes, and control characters are not among our names.
 */

void
ngx_http_meta_out_quoted(ngx_http_meta_out_t *out, u_char *data, size_t len)
{
    u_char     *p, *last, ch;
    size_t      i;
    ngx_buf_t  *b;

    b = ngx_http_meta_out_room(out);
    if (b == NULL) {
        return;
    }

    p = b->last;
    last = p + NGX_HTTP_META_OUT_ROOM - 3;

    *p++ = '"';

    for (i = 0; i < len && p < last; i++) {
        ch = data[i];

        if (ch == '"' || ch == '\\') {
            *p++ = '\\';

        } else if (ch < 0x20 || ch > 0x7e) {
            ch = '?';
        }

        *p++ = ch;
    }

    *p++ = '"';

    out->size += p - b->last;
    b->last = p;
}


static ngx_buf_t *
ngx_http_meta_out_room(ngx_http_meta_out_t *out)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (out->failed) {
        return NULL;
    }

    b = out->buf;

    if (b && b->end - b->last >= NGX_HTTP_META_OUT_ROOM) {
        return b;
    }

    b = ngx_create_temp_buf(out->pool, NGX_HTTP_META_OUT_BUFFER);
    cl = ngx_alloc_chain_link(out->pool);

    if (b == NULL || cl == NULL) {
        out->failed = 1;
        return NULL;
    }

    cl->buf = b;
    cl->next = NULL;

    *out->last = cl;
    out->last = &cl->next;
    out->buf = b;

    return b;
}
