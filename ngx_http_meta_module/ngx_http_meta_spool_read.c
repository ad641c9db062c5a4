
/*
 * Records read back from a file of the spool, in a thread: what is damaged is
 * passed over, and said.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_meta_spool.h"


static ngx_int_t ngx_http_meta_spool_more(ngx_http_meta_spool_reader_t *rd,
    size_t need, ngx_log_t *log);


void
ngx_http_meta_spool_read_task(void *data, ngx_log_t *log)
{
    ngx_http_meta_spool_chunk_t *chunk = data;

    u_char                         progress[META_SPOOL_PROGRESS_LEN];
    ngx_uint_t                     n;
    ngx_http_meta_spool_reader_t  *rd;

    rd = &chunk->reader;

    /* saves a next worker what Redis has; nothing is lost without it */

    if (chunk->done) {
        meta_spool_progress_write(progress, rd->id, chunk->done,
                                  chunk->events);
        (void) ngx_http_meta_spool_pwrite(rd->fd, progress,
                                          META_SPOOL_PROGRESS_LEN,
                                          META_SPOOL_PROGRESS);
    }

    for (n = 0; n < NGX_HTTP_META_SPOOL_RECORDS; n++) {
        if (ngx_http_meta_spool_read_next(rd, &chunk->items[n].record, n, log)
            != NGX_OK)
        {
            break;
        }
    }

    chunk->n = n;
    chunk->end = rd->base + rd->pos;
}


/*
 * NGX_OK: a record.  NGX_AGAIN: the next one is not in the buffer, and keep
 * says that the buffer is in use.  NGX_DONE: the file's end; NGX_ERROR.
 */

ngx_int_t
ngx_http_meta_spool_read_next(ngx_http_meta_spool_reader_t *rd,
    meta_spool_record_t *record, ngx_uint_t keep, ngx_log_t *log)
{
    off_t       at;
    size_t      need;
    meta_rc_t   mrc;
    meta_str_t  buf;

    for ( ;; ) {

        buf.data = rd->buf;
        buf.len = rd->len;

        mrc = meta_spool_record_next(buf, rd->id, rd->base, &rd->pos, record);

        if (mrc == META_OK) {
            rd->lost = 0;
            return NGX_OK;
        }

        need = record->need;

        if (mrc == META_MALFORMED) {
            rd->damaged += !rd->lost;
            rd->lost = 1;

            mrc = meta_spool_resync(buf, rd->id, rd->base, &rd->pos, &need);

            if (mrc == META_OK) {
                continue;
            }

            if (mrc == META_MALFORMED) {
                need = META_SPOOL_RECORD_HEAD;
            }
        }

        at = rd->base + rd->pos;

        if ((off_t) need > rd->limit - at) {

            /* behind damage it may be no record, but only look like one */

            if (rd->lost && rd->pos < rd->len) {
                rd->pos++;
                continue;
            }

            /*
             * A power cut leaves the beginning of a record, of which nobody
             * was told.  Bytes that begin none may have been one.
             */

            rd->torn = (at < rd->limit && !rd->lost);
            rd->base = rd->lost ? rd->limit : at;
            rd->lost = 0;
            rd->pos = 0;
            rd->len = 0;

            return NGX_DONE;
        }

        if (keep) {
            return NGX_AGAIN;
        }

        if (ngx_http_meta_spool_more(rd, need, log) != NGX_OK) {
            return NGX_ERROR;
        }
    }
}


/* reads on from where the reader is, need bytes at least */

static ngx_int_t
ngx_http_meta_spool_more(ngx_http_meta_spool_reader_t *rd, size_t need,
    ngx_log_t *log)
{
    size_t   size;
    ssize_t  n;
    u_char  *buf;

    rd->base += rd->pos;
    rd->pos = 0;
    rd->len = 0;

    if (need > rd->cap) {
        buf = ngx_alloc(need, log);
        if (buf == NULL) {
            return ngx_http_meta_spool_failed(&rd->error, "malloc()");
        }

        if (rd->grown) {
            ngx_free(rd->grown);
        }

        rd->grown = buf;
        rd->buf = buf;
        rd->cap = need;
    }

    size = (size_t) ngx_min((off_t) rd->cap, rd->limit - rd->base);

    while (rd->len < size) {
        n = pread(rd->fd, rd->buf + rd->len, size - rd->len,
                  rd->base + (off_t) rd->len);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (n == -1) {
            return ngx_http_meta_spool_failed(&rd->error, "pread()");
        }

        if (n == 0) {
            rd->limit = rd->base + rd->len;
            rd->cut = 1;
            break;
        }

        rd->len += n;
    }

    return NGX_OK;
}
